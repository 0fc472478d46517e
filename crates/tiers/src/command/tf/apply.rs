//! `tiers tf apply`: plan, show, agree, hold the lease, apply exactly that plan.

use std::io::IsTerminal as _;

use clap::Args;
use tiers_core::config::Environment;
use tiers_core::id::App;
use tiers_core::lease::{Lease, LeaseState, Outcome as Ending};
use tiers_core::terraform::Class;
use tiers_engine::lease::{Applied, LeaseError, Turn, Waiting, apply, standing, turn};

use super::Bench;
use super::order::{is_recorded, not_ahead, older};
use super::show;
use crate::command::{print, print_json};
use crate::fault::{Fault, Outcome};
use crate::place::shared_ledger;
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
/// Safe plans need --auto-approve or an answer at the terminal; plans that replace, destroy, forget, meet drift or what is
/// protected, or begin from a state that is not the one last applied here, need --approve-breaking with exactly the addresses
/// concerned (`the state` is one), or an answer. Environments that nothing comes after always ask, unless the policy says
/// otherwise.
#[derive(Debug, Args)]
pub struct Apply {
    /// The environment
    environment: String,
    /// Agree to a plan that breaks exactly the addresses that are named, each by one of these
    #[arg(long, value_name = "ADDRESS")]
    approve_breaking: Vec<String>,
    #[command(flatten)]
    how: How,
}

/// How an apply is done.
#[derive(Clone, Debug, Args)]
pub struct How {
    /// Agree to a plan that is safe
    #[arg(long)]
    auto_approve: bool,
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
    /// True when going back was asked for.
    pub fn allows_older(&self) -> bool {
        self.allow_older
    }

    fn waiting(&self) -> Waiting {
        Waiting { for_ms: self.wait.saturating_mul(1000), ..Waiting::default() }
    }
}

pub async fn run(args: &Apply, bench: &Bench) -> Outcome {
    let environment = bench.environment(&args.environment)?;
    one(bench, environment, &args.how, &args.approve_breaking).await
}

/// Applies in one environment, where `named` is what may break. Answers the exit code.
pub async fn one(bench: &Bench, environment: &Environment, how: &How, named: &[String]) -> Outcome {
    let context = &bench.context;
    shared_ledger(context, environment)?;
    let site = Site::open(context, environment, &how.lock_timeout)?;
    // As the plan shows them: without secrets.
    let named = named.iter().map(|address| site.terraform.redactor.text(address).into_owned());
    let flags = Flags { auto_approve: how.auto_approve, approve_breaking: named.collect() };
    for _ in 0..PLANS {
        match turn(&bench.desk, &environment.name, how.waiting()).await? {
            Turn::Free => {}
            Turn::Busy { lease, why } => return Err(busy(&lease, &why)),
            Turn::Stopped => return Err(stopped()),
        }
        let lease = bench.lease().await?;
        let mut planned = plan(context, &site, &lease.state).await?;
        if !context.global.json {
            print(&show::plan(&planned, context.style))?;
        }
        if planned.review.class() == Class::Nothing && is_recorded(&lease.state, &planned) {
            return nothing(bench, &planned);
        }
        if let Some(note) = not_ahead(bench, environment, &lease.state, &planned) {
            tell(bench, &format!("{} {note}", context.style.careful("note:")));
        }
        let is_seen = !context.global.json && std::io::stdout().is_terminal();
        let unseen = (!is_seen).then(|| show::plan(&planned, context.style));
        let who = agreed(&environment.name, &planned.review, &flags, planned.asks, unseen).await?;
        planned.request.agreed = Some(who);
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
    // What was true when the plan was made is looked at again once the lease is held: waiting keeps no order.
    let again = |state: &LeaseState| match site.binding() {
        Err(fault) => Some(fault.message),
        Ok(now) if now.backend != planned.binding.backend => {
            Some(format!("the directory is bound to {} now", now.backend))
        }
        Ok(now) => {
            let lineage = planned.request.facts.lineage.as_deref();
            match site.taken(&now.backend, lineage, state, &planned.declared) {
                Err(fault) => Some(fault.message),
                Ok(taken) if taken != planned.taken => {
                    Some("somebody applied to this state since the plan was made".to_owned())
                }
                Ok(_) => older(bench, state, planned, how),
            }
        }
    };
    let applied = apply(&bench.desk, &holder(), &planned.request, &apps, how.waiting(), &applier, &again).await;
    let applied = applied.map_err(|error| {
        let fault = Fault::from(error);
        Fault { message: format!("{}\n  Terraform was not started", fault.message), ..fault }
    })?;
    match applied {
        Applied::Ended(outcome) => Ok(Some(ended(bench, planned, &outcome, &applier)?)),
        Applied::Outdated { .. } => Ok(None),
        Applied::Busy { lease, why } => Err(busy(&lease, &why)),
        Applied::Stopped => Err(stopped()),
        Applied::NotRecorded { outcome, error } => {
            let hint = match error {
                LeaseError::Superseded { .. } => format!(
                    "Somebody took the lease from this apply, and the ledger says that how it ended is unknown. `tiers tf plan {env}` \
                     shows what is left to do."
                ),
                _ => format!(
                    "`tiers tf which {env}` shows where things stand; the lease is free again once it is proven that this process \
                     is gone."
                ),
            };
            let word = outcome.word();
            Err(Fault::errored(format!("Terraform's end in {env} (`{word}`) could not be recorded: {error}"))
                .hint(hint))
        }
    }
}

fn busy(lease: &Lease, why: &str) -> Fault {
    let env = &lease.facts.environment;
    let holder = lease.holder.text();
    Fault::refused(format!("{} applies in {env} ({holder}), and {why}; nothing was changed", lease.by)).hint(format!(
        "Wait longer with --wait SECONDS. A person who knows that it is over frees the lease with `tiers tf unlock {env} --reason …`."
    ))
}

fn stopped() -> Fault {
    Fault::refused("stopped as asked; nothing was changed")
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
    let mut text = show::ended(planned, outcome, word, context.style);
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

fn nothing(bench: &Bench, planned: &Planned) -> Outcome {
    if bench.context.global.json {
        print_json("tiers.terraform/1", &show::shown("unchanged", planned, None))?;
    } else {
        let env = &planned.request.facts.environment;
        print(&format!("unchanged, skipped: {env} has what these files describe, and that is recorded\n"))?;
    }
    Ok(0)
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
