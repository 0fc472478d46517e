//! The lease's desk: the ledger, and whom to ask about a holder that may be gone.

use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;

use async_trait::async_trait;
use tiers_core::config::Environment;
use tiers_core::id::Env;
use tiers_core::lease::{Backend, Holder, LeaseEvent};
use tiers_edge::terraform::{GitHubRuns, LocalProcesses, here, this_process};
use tiers_engine::lease::{Desk, LeaseError, LeaseProgress, LeaseWatch};
use tiers_engine::ledger::Ledger;
use tiers_engine::port::lease::{BackendLocks, Life, LockState};

use super::interrupt;
use super::place::same_state;
use super::site::Site;
use crate::context::Context;
use crate::fault::Fault;
use crate::place;
use crate::render::style::Style;
use crate::render::time::took;

/// Everything that the lease is worked with.
pub fn desk(context: &Rc<Context>, ledger: &Ledger) -> Result<Desk, Fault> {
    let stream = context.lease_stream().ok_or_else(|| Fault::usage("the project's name names no stream"))?;
    Ok(Desk {
        world: place::desk(context, ledger),
        stream,
        processes: Rc::new(LocalProcesses),
        runs: Rc::new(GitHubRuns::from_environment()),
        locks: Rc::new(Locks(Rc::clone(context))),
        watch: Rc::new(Lines { style: context.style, quiet: context.global.quiet, last: RefCell::default() }),
    })
}

/// This process, as the ledger knows it.
pub fn holder() -> Holder {
    Holder { machine: here(), process: this_process(), ci: GitHubRuns::this_run() }
}

/// How a holder stands, and what that means for whoever reads it.
pub fn stands(life: &Life, environment: &Env) -> String {
    match life {
        Life::Alive => "it is at work".to_owned(),
        Life::Gone => format!(
            "its processes are gone: the next apply takes the lease over if the state's own lock is free, and a person does with \
             `tiers tf unlock {environment} --reason …`"
        ),
        Life::Unknown(why) => why.clone(),
    }
}

/// The backends of the project's environments.
struct Locks(Rc<Context>);

#[async_trait(?Send)]
impl BackendLocks for Locks {
    async fn state(&self, environment: &Env, backend: &Backend) -> LockState {
        match lock(&self.0, environment, backend).await {
            Ok(state) => state,
            Err(fault) => LockState::Unknown(fault.message),
        }
    }
}

async fn lock(context: &Context, environment: &Env, backend: &Backend) -> Result<LockState, Fault> {
    let environment = match context.project.env(environment) {
        Some(environment) => environment,
        // Renamed since: whoever has its state now can tell.
        None => match has_state(context, backend) {
            Some(environment) => environment,
            None => context.environment(environment.as_str())?,
        },
    };
    let site = Site::open(context, environment, "0s")?;
    let tree = site.tree(context)?;
    let binding = site.ready(&tree).await?;
    if !same_state(&binding.backend, backend) {
        return Ok(LockState::Unknown(format!("{} is bound to {} here", environment.name, binding.backend)));
    }
    Ok(site.terraform.lock_state().await)
}

/// The environment that this state is declared for.
fn has_state<'a>(context: &'a Context, backend: &Backend) -> Option<&'a Environment> {
    context.project.environments.iter().find(|environment| {
        let declared = Site::open(context, environment, "0s").and_then(|site| site.declared_place());
        declared.is_ok_and(|declared| same_state(&declared, backend))
    })
}

/// Progress on standard error.
struct Lines {
    style: Style,
    quiet: bool,
    last: RefCell<String>,
}

impl Lines {
    fn line(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "  {text}");
        }
    }

    /// The reason once, and after that how long it has been.
    fn waits(&self, text: &str, waited_ms: u64) {
        let waited = took(waited_ms);
        let changed = self.last.replace(text.to_owned()) != text;
        let shown = if changed { format!("waiting: {text} ({waited})") } else { format!("waiting ({waited})") };
        self.line(&self.style.dim(&format!("…    {shown}")));
    }
}

impl LeaseWatch for Lines {
    fn see(&self, progress: &LeaseProgress<'_>) {
        let good = self.style.good("ok  ");
        match progress {
            LeaseProgress::Recorded(LeaseEvent::Acquired { .. }) => {
                self.line(&format!("{good} holds the project's lease"))
            }
            LeaseProgress::Recorded(LeaseEvent::Spawning { .. }) => self.line(&format!("{good} starting Terraform")),
            LeaseProgress::Recorded(LeaseEvent::TakenOver { proof }) => {
                self.line(&format!("{good} took the lease over: {}", proof.text()));
            }
            LeaseProgress::Recorded(LeaseEvent::Released { .. }) => {}
            LeaseProgress::Waiting { lease, why, waited_ms } => {
                let (who, env) = (&lease.by, &lease.facts.environment);
                let text = format!("{who} applies in {env} ({}): {why}", lease.holder.text());
                self.waits(&text, *waited_ms);
            }
            LeaseProgress::Halted { environment, app } => {
                self.line(&format!(
                    "{} the open deployment of {app} in {environment} was halted",
                    self.style.careful("stop")
                ));
            }
            LeaseProgress::Ending { deployment, waited_ms } => {
                let (id, app, owner) = (&deployment.id, &deployment.app, &deployment.owner);
                self.waits(&format!("deployment {id} of {app} by {owner} has not ended"), *waited_ms);
            }
        }
    }

    fn stop_asked(&self) -> bool {
        interrupt::asked()
    }
}

impl From<LeaseError> for Fault {
    fn from(error: LeaseError) -> Fault {
        let text = error.to_string();
        match error {
            LeaseError::Ledger(error) => error.into(),
            LeaseError::Stream(error) => error.into(),
            LeaseError::Superseded { .. } => Fault::refused(text)
                .hint("Nothing was started by this process. `tiers tf which` shows who holds the lease."),
            LeaseError::NotWritten(_) | LeaseError::Unknown { .. } => Fault::errored(text)
                .hint("Look at the store that holds the ledger; the lease is free again once this process is gone."),
            LeaseError::Illegal(_) | LeaseError::Endless(_) => Fault::errored(text),
        }
    }
}
