//! `tiers tf which`: where Terraform would go, and what was applied there last.

use std::rc::Rc;

use clap::Args;
use serde::Serialize;
use tiers_core::config::{Environment, Place};
use tiers_core::id::Env;
use tiers_core::lease::{Attempt, Backend, Lease, LeaseState};
use tiers_engine::lease::LeaseSession;

use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::render::plan::short;
use crate::render::time::ago;
use crate::terraform::desk::desk;
use crate::terraform::site::Site;

/// Show what a directory is bound to, and what was applied last
#[derive(Debug, Args)]
pub struct Which {
    /// The environment; all of them without it
    environment: Option<String>,
}

/// `tiers.terraform-which/1`.
#[derive(Serialize)]
struct Shown<'a> {
    held: Option<&'a Lease>,
    environments: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    environment: &'a Env,
    root: String,
    data: String,
    /// `None` where the directory was not initialised, or is bound to something else than is declared.
    backend: Option<Backend>,
    problem: Option<String>,
    account: Option<&'a str>,
    region: Option<&'a str>,
    applied: Option<&'a Attempt>,
    last: Option<&'a Attempt>,
}

pub async fn run(args: &Which, context: &Rc<Context>) -> Outcome {
    let state = match context.ledger_if_any().await? {
        None => LeaseState::default(),
        Some(ledger) => LeaseSession::load(&desk(context, &ledger)?).await?.state,
    };
    let wanted = match &args.environment {
        Some(name) => vec![context.environment(name)?],
        None => context.project.environments.iter().collect(),
    };
    let mut environments = Vec::new();
    for environment in wanted {
        environments.push(one(context, environment, &state)?);
    }
    let wrong =
        environments.iter().any(|one| one.problem.as_deref().is_some_and(|text| text.starts_with("wrong place")));
    if context.global.json {
        print_json("tiers.terraform-which/1", &Shown { held: state.held.as_ref(), environments })?;
    } else {
        print(&text(context, &environments, &state))?;
    }
    // As for every proof: a difference that was found is an answer of its own.
    Ok(u8::from(wrong))
}

fn one<'a>(context: &Context, environment: &'a Environment, state: &'a LeaseState) -> Result<One<'a>, Fault> {
    let site = Site::open(context, environment, "0s")?;
    let initialised = site.terraform.data.is_dir();
    let (backend, problem) = match site.binding() {
        _ if !initialised => (None, Some("not initialised on this machine; the first plan does that".to_owned())),
        Ok(binding) => (Some(binding.backend), None),
        Err(fault) => (None, Some(fault.message)),
    };
    let (account, region) = match &environment.place {
        Place::Local => (None, None),
        Place::Aws { account, region } => (Some(account.as_str()), Some(region.as_str())),
    };
    Ok(One {
        environment: &environment.name,
        root: site.terraform.root.display().to_string(),
        data: site.terraform.data.display().to_string(),
        backend,
        problem,
        account,
        region,
        applied: state.applied.get(&environment.name),
        last: state.last.get(&environment.name),
    })
}

fn text(context: &Context, environments: &[One<'_>], state: &LeaseState) -> String {
    let now = context.clock.now();
    let style = context.style;
    let mut text = String::new();
    for one in environments {
        text.push_str(&format!("{}\n", style.strong(one.environment.as_str())));
        let bound = match (&one.backend, &one.problem) {
            (Some(backend), _) => format!("{backend}, as declared"),
            (None, Some(problem)) => problem.clone(),
            (None, None) => "nothing".to_owned(),
        };
        text.push_str(&format!("  bound    {bound}\n  data     {}\n", one.data));
        match (one.account, one.region) {
            (Some(account), Some(region)) => text.push_str(&format!("  account  {account}, {region} (declared)\n")),
            _ => text.push_str("  account  none is declared, so none is compared\n"),
        }
        let last = one.last.map_or("never by tiers".to_owned(), |attempt| {
            let facts = &attempt.facts;
            let commit = facts.commit.as_ref().map_or("no commit", |commit| short(commit.as_str()));
            let why = attempt.outcome.why().map_or(String::new(), |why| format!(" ({why})"));
            format!(
                "{} {} by {}{why}: {}, commit {commit}",
                attempt.outcome.word(),
                ago(attempt.ended, now),
                attempt.by,
                facts.counts
            )
        });
        text.push_str(&format!("  last     {last}\n"));
    }
    match &state.held {
        None => text.push_str("the project's lease is free\n"),
        Some(lease) => text.push_str(&format!(
            "{} {} applies in {} since {} ({})\n",
            style.careful("the project's lease is held:"),
            lease.by,
            lease.facts.environment,
            ago(lease.since, now),
            lease.holder.text()
        )),
    }
    text
}
