//! `tiers tf which`: where Terraform would go, and what was applied there last.

use std::rc::Rc;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tiers_core::config::{Environment, Place, Terraform};
use tiers_core::id::Env;
use tiers_core::lease::{Attempt, Backend, Lease, LeaseState};
use tiers_engine::lease::{LeaseSession, look};
use tiers_engine::port::lease::Life;

use super::show::field;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::render::plan::short;
use crate::render::time::ago;
use crate::render::wrap;
use crate::request::apply_rules;
use crate::terraform::desk::{desk, stands};
use crate::terraform::owner::{Declared, Taken};
use crate::terraform::site::{Site, undeclared};

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
    /// `alive`, `gone` or `unknown`: what can be told of its processes from here.
    holder: Option<&'static str>,
    environments: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    environment: &'a Env,
    root: String,
    data: String,
    /// `None` where the directory was not initialised, or is bound to something else than is declared, or to what is another
    /// environment's.
    backend: Option<Backend>,
    /// The environment that this state was applied as last, where that is not declared any more.
    taken_from: Option<Taken>,
    problem: Option<String>,
    account: Option<&'a str>,
    region: Option<&'a str>,
    applied: Option<&'a Attempt>,
    last: Option<&'a Attempt>,
}

pub async fn run(args: &Which, context: &Rc<Context>) -> Outcome {
    let ((state, life), trouble) = match read(context).await {
        Ok(read) => (read, None),
        // Where the directories lead is told without the ledger, too.
        Err(fault) if !context.global.json => (Default::default(), Some(fault)),
        Err(fault) => return Err(fault),
    };
    let Some(config) = &context.project.terraform else { return Err(undeclared()) };
    let wanted = match &args.environment {
        Some(name) => vec![context.environment(name)?],
        None => context.project.environments.iter().collect(),
    };
    let mut environments = Vec::new();
    for environment in wanted {
        environments.push(one(context, config, environment, &state));
    }
    let wrong =
        environments.iter().any(|one| one.problem.as_deref().is_some_and(|text| text.starts_with("wrong place")));
    if context.global.json {
        print_json(
            "tiers.terraform-which/1",
            &Shown { held: state.held.as_ref(), holder: life.as_ref().map(life_word), environments },
        )?;
    } else {
        print(&text(context, &environments, trouble.is_none().then_some((&state, life.as_ref()))))?;
    }
    if let Some(fault) = trouble {
        return Err(fault);
    }
    // As for every proof: a difference that was found is an answer of its own.
    Ok(u8::from(wrong))
}

async fn read(context: &Rc<Context>) -> Result<(LeaseState, Option<Life>), Fault> {
    let Some(ledger) = context.ledger_if_any().await? else { return Ok((LeaseState::default(), None)) };
    let desk = desk(context, &ledger)?;
    let state = LeaseSession::load(&desk).await?.state;
    let life = match &state.held {
        Some(lease) => Some(look(&desk, lease).await),
        None => None,
    };
    Ok((state, life))
}

fn one<'a>(context: &Context, config: &Terraform, environment: &'a Environment, state: &'a LeaseState) -> One<'a> {
    let name = &environment.name;
    let data = context.home("terraform").join(name.as_str()).join("data");
    // What is wrong in one environment is no reason to say nothing of the others.
    let bound = Site::open(context, environment, "0s").and_then(|site| {
        if !site.terraform.data.is_dir() && !site.keeps_a_file()? {
            return Ok(None);
        }
        let backend = site.binding()?.backend;
        site.apart()?;
        let declared = Declared::ruled(&apply_rules(context, name)?);
        let taken = site.taken(&backend, None, state, &declared)?.into_iter().next();
        Ok(Some((backend, taken)))
    });
    let (backend, taken_from, problem) = match bound {
        Ok(Some((backend, taken))) => (Some(backend), taken, None),
        Ok(None) => (None, None, Some("not initialised on this machine; the first plan does that".to_owned())),
        Err(fault) => (None, None, Some(fault.message)),
    };
    let (account, region) = match &environment.place {
        Place::Local => (None, None),
        Place::Aws { account, region } => (Some(account.as_str()), Some(region.as_str())),
    };
    One {
        environment: name,
        root: context.root.join(Terraform::expand(&config.root, name)).display().to_string(),
        data: data.display().to_string(),
        backend,
        taken_from,
        problem,
        account,
        region,
        applied: state.applied.get(name),
        last: state.last.get(name),
    }
}

fn life_word(life: &Life) -> &'static str {
    match life {
        Life::Alive => "alive",
        Life::Gone => "gone",
        Life::Unknown(_) => "unknown",
    }
}

/// How the last apply ended.
fn told(attempt: &Attempt, now: Timestamp) -> String {
    let facts = &attempt.facts;
    let commit = facts.commit.as_ref().map_or("no commit", |commit| short(commit.as_str()));
    let why = attempt.outcome.why().map_or(String::new(), |why| format!(" ({why})"));
    let (word, ended) = (attempt.outcome.word(), ago(attempt.ended, now));
    format!("{word} {ended} by {}{why}: {}, commit {commit}", attempt.by, facts.counts)
}

/// `read` is what the ledger says, where it could be read.
fn text(context: &Context, environments: &[One<'_>], read: Option<(&LeaseState, Option<&Life>)>) -> String {
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
        text.push_str(&field("bound", &bound));
        text.push_str(&field("data", &one.data));
        match (one.account, one.region) {
            (Some(account), Some(region)) => {
                text.push_str(&field("account", &format!("{account}, {region} (declared)")))
            }
            _ => text.push_str(&field("account", "none is declared, so none is compared")),
        }
        let last = match (read, one.last) {
            (None, _) => "can't be told: the ledger can't be read".to_owned(),
            (Some(_), None) => "never by tiers".to_owned(),
            (Some(_), Some(attempt)) => told(attempt, now),
        };
        text.push_str(&field("last", &last));
        if let Some(Taken { from, attempt }) = &one.taken_from {
            let env = one.environment;
            let says = format!(
                "{from}, which is not declared any more: {}; the next apply takes its state over for {env}, once somebody agrees",
                told(attempt, now)
            );
            text.push_str(&field("was", &says));
        }
    }
    let Some((state, life)) = read else { return text };
    match &state.held {
        None => text.push_str("the project's lease is free\n"),
        Some(lease) => {
            let word = "the project's lease is held:";
            let says = format!(
                "{} applies in {} since {} ({}){}",
                lease.by,
                lease.facts.environment,
                ago(lease.since, now),
                lease.holder.text(),
                life.map_or(String::new(), |life| format!("; {}", stands(life, &lease.facts.environment)))
            );
            let lead = format!("{} ", style.careful(word));
            let shown = wrap::paragraph(&lead, word.len() + 1, 2, &says, wrap::width());
            text.push_str(&format!("{shown}\n"));
        }
    }
    text
}
