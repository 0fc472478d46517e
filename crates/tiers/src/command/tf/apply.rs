//! `tiers tf apply`: plan, show, agree, hold the lease, apply exactly that plan.

use std::io::IsTerminal as _;

use clap::Args;
use tiers_core::config::Environment;
use tiers_core::id::App;
use tiers_core::lease::{LeaseState, Outcome as Ending};
use tiers_core::terraform::Class;
use tiers_engine::lease::{Applied, Waiting, apply, standing};

use super::Bench;
use super::show;
use crate::command::{print, print_json};
use crate::fault::{Fault, Outcome};
use crate::place::shared_ledger;
use crate::render::plan::short;
use crate::source::Source;
use crate::terraform::applier::{Nothing, PlanApplier};
use crate::terraform::consent::{Flags, agreed};
use crate::terraform::desk::holder;
use crate::terraform::planning::{Planned, plan};
use crate::terraform::site::Site;
use crate::terraform::words::force_unlock;

/// How often a plan that somebody's apply outdated is made anew without asking anybody.
const PLANS: u32 = 3;

/// Apply what the plan shows, once somebody agreed
///
/// Safe plans need --auto-approve or an answer at the terminal; plans that replace, destroy, forget, or meet drift or what is
/// protected need --approve-breaking with exactly the addresses concerned, or an answer. Environments that nothing comes after
/// always ask, unless the policy says otherwise.
#[derive(Debug, Args)]
pub struct Apply {
    /// The environment
    environment: String,
    #[command(flatten)]
    pub how: How,
}

/// How an apply is done.
#[derive(Clone, Debug, Args)]
pub struct How {
    /// Agree to a plan that is safe
    #[arg(long)]
    auto_approve: bool,
    /// Agree to a plan that breaks exactly these addresses
    #[arg(long, value_name = "ADDRESS", num_args = 1..)]
    approve_breaking: Vec<String>,
    /// How many seconds to wait for somebody else's apply
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    wait: u64,
    /// How long to wait for the state's lock, as Terraform writes it
    #[arg(long, value_name = "TIME", default_value = "10s")]
    lock_timeout: String,
    /// Halt deployments that are open in the environment; they go back
    #[arg(long)]
    halt_deployments: bool,
    /// Apply a commit that is older than what was applied last
    #[arg(long)]
    allow_older: bool,
}

impl How {
    /// The addresses that break, as the plan shows them: without secrets.
    fn named(&self, site: &Site) -> Vec<String> {
        self.approve_breaking.iter().map(|address| site.terraform.redactor.text(address).into_owned()).collect()
    }

    /// True when breaking addresses were named.
    pub fn names_breaking(&self) -> bool {
        !self.approve_breaking.is_empty()
    }
}

pub async fn run(args: &Apply, bench: &Bench) -> Outcome {
    let environment = bench.environment(&args.environment)?;
    one(bench, environment, &args.how).await
}

/// Applies in one environment. Answers the exit code.
pub async fn one(bench: &Bench, environment: &Environment, how: &How) -> Outcome {
    let context = &bench.context;
    shared_ledger(context, environment)?;
    let site = Site::open(context, environment, &how.lock_timeout)?;
    for _ in 0..PLANS {
        let lease = bench.lease().await?;
        let planned = plan(context, &site, &lease.state).await?;
        if !context.global.json {
            print(&show::plan(&planned, context.style))?;
        }
        if planned.review.class() == Class::Nothing && is_recorded(&lease.state, &planned) {
            return nothing(bench, &planned);
        }
        let flags = Flags { auto_approve: how.auto_approve, approve_breaking: how.named(&site) };
        let is_seen = !context.global.json && std::io::stdout().is_terminal();
        let unseen = (!is_seen).then(|| show::plan(&planned, context.style));
        agreed(&environment.name, &planned.review, &flags, planned.asks, unseen).await?;
        if let Some(why) = older(bench, &lease.state, &planned, how) {
            return Err(older_fault(&why));
        }
        match carry_out(bench, &site, &planned, how).await? {
            Some(code) => return Ok(code),
            None if flags.auto_approve || !flags.approve_breaking.is_empty() => {
                tell(bench, "somebody applied here since the plan was made; planning anew");
            }
            None => {
                return Err(Fault::refused("somebody applied here since the plan was made; nothing was changed")
                    .hint("Run it again: the new plan is shown first."));
            }
        }
    }
    Err(Fault::refused("somebody applied here each time a plan was made; nothing was changed"))
}

/// The apply itself; `None` when the plan is outdated.
async fn carry_out(bench: &Bench, site: &Site, planned: &Planned, how: &How) -> Result<Option<u8>, Fault> {
    let apps: Vec<App> = bench.context.project.apps.iter().map(|app| app.name.clone()).collect();
    let env = &site.environment.name;
    let open = standing(&bench.desk.world, env, &apps).await?;
    if let Some(one) = open.iter().find(|one| !one.goes_back).filter(|_| !how.halt_deployments) {
        return Err(Fault::refused(format!("deployment {} of {} by {} is open in {env}", one.id, one.app, one.owner)).hint(
            format!("Let it end (`tiers status {env}`), take it over (`tiers resume {env}`), or apply with --halt-deployments: it then goes back."),
        ));
    }
    let applier = PlanApplier::new(site.terraform.clone(), planned);
    let waiting = Waiting { for_ms: how.wait.saturating_mul(1000), ..Waiting::default() };
    // What was true when the plan was made is looked at again once the lease is held: waiting keeps no order.
    let again = |state: &LeaseState| match site.binding() {
        Err(fault) => Some(fault.message),
        Ok(now) if now.backend != planned.binding.backend => {
            Some(format!("the directory is bound to {} now", now.backend))
        }
        Ok(now) => match site.own_lineage(&now.backend, planned.request.facts.lineage.as_deref(), state) {
            Err(fault) => Some(fault.message),
            Ok(()) => older(bench, state, planned, how),
        },
    };
    let applied = apply(&bench.desk, &holder(), &planned.request, &apps, waiting, &applier, &again).await?;
    match applied {
        Applied::Ended(outcome) => Ok(Some(ended(bench, planned, &outcome, &applier)?)),
        Applied::Outdated { .. } => Ok(None),
        Applied::Busy { lease, why } => Err(Fault::refused(format!(
            "{} applies in {} ({}), and {why}; nothing was changed",
            lease.by,
            lease.facts.environment,
            lease.holder.text()
        ))
        .hint(format!(
            "Wait longer with --wait SECONDS. A person who knows that it is over frees the lease with `tiers tf unlock {} --reason …`.",
            lease.facts.environment
        ))),
        Applied::Stopped => Err(Fault::refused("stopped as asked; nothing was changed")),
        Applied::NotRecorded { outcome, error } => Err(Fault::errored(format!(
            "Terraform's end in {env} (`{}`) could not be recorded: {error}",
            outcome.word()
        ))
        .hint(format!("`tiers tf which {env}` shows where things stand; the lease is free again once it is proven that this process is gone."))),
    }
}

fn ended(bench: &Bench, planned: &Planned, outcome: &Ending, applier: &PlanApplier) -> Outcome {
    let context = &bench.context;
    let (word, code) = match (outcome, applier.nothing.get()) {
        (Ending::Applied { .. }, _) => ("applied", 0),
        (Ending::Failed { .. } | Ending::Unknown { .. }, _) | (Ending::NotStarted { .. }, Some(Nothing::Locked)) => {
            ("errored", 4)
        }
        (Ending::NotStarted { .. }, Some(Nothing::Stale) | None) => ("refused", 3),
    };
    if context.global.json {
        print_json("tiers.terraform/1", &show::shown(word, planned, outcome.why()))?;
        return Ok(code);
    }
    let mut text = show::ended(planned, outcome, context.style);
    if applier.nothing.get() == Some(Nothing::Stale) {
        text.push_str("  the state moved on since the plan was made; run this again, and look at the new plan\n");
    }
    if let Some(id) = applier.lock_id.borrow().as_ref() {
        text.push_str(&format!(
            "  if whoever holds it is gone for good: `{}`; tiers never does that by itself\n",
            force_unlock(applier.terraform(), id)
        ));
    }
    print(&text)?;
    Ok(code)
}

/// True when an apply of this very code is recorded, so that there is nothing to say either.
fn is_recorded(state: &LeaseState, planned: &Planned) -> bool {
    let facts = &planned.request.facts;
    let (applied, last) = (state.applied.get(&facts.environment), state.last.get(&facts.environment));
    applied.is_some_and(|attempt| {
        let known = &attempt.facts;
        last == Some(attempt)
            && (&known.tree, &known.var_file, &known.backend) == (&facts.tree, &facts.var_file, &facts.backend)
    })
}

fn nothing(bench: &Bench, planned: &Planned) -> Outcome {
    if bench.context.global.json {
        print_json("tiers.terraform/1", &show::shown("unchanged", planned, None))?;
    } else {
        let env = &planned.request.facts.environment;
        print(&format!("unchanged, skipped: {env} has what these files describe, and that is recorded\n"))?;
    }
    Ok(0)
}

/// Why this code is older than what was applied last, if it is.
fn older(bench: &Bench, state: &LeaseState, planned: &Planned, how: &How) -> Option<String> {
    let facts = &planned.request.facts;
    let last = state.last.get(&facts.environment)?.facts.commit.as_ref()?;
    let ours = facts.commit.as_ref().filter(|ours| *ours != last && !how.allow_older)?;
    let source = Source::open(&bench.context.root).ok()?;
    // A commit that this clone does not have can't be compared; it is no older one of this history.
    let is_older = source.repository.is_ancestor(ours, last).unwrap_or(false);
    is_older.then(|| {
        format!(
            "commit {} is older than {}, which was applied in {} last",
            short(ours.as_str()),
            short(last.as_str()),
            facts.environment
        )
    })
}

fn older_fault(why: &str) -> Fault {
    Fault::refused(format!("{why}; nothing was changed"))
        .hint("Apply the newer commit, or go back on purpose with --allow-older.")
}

fn tell(bench: &Bench, text: &str) {
    if !bench.context.global.quiet {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "  {text}");
    }
}
