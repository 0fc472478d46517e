//! `tiers tf`: Terraform in the right place, one apply at a time.

mod apply;
mod order;
mod plan;
mod show;
mod sync;
mod unlock;
mod which;

use std::rc::Rc;

use clap::{Args, Subcommand};
use tiers_core::config::Environment;
use tiers_engine::lease::{Desk, LeaseSession};

use crate::cli::Global;
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::terraform::plans::sweep;
use crate::terraform::{desk, interrupt};

/// Terraform (or OpenTofu), guarded
///
/// Each environment has a data directory of its own, which is compared with its backend file before every plan and apply. What is
/// applied is the plan that was shown. One apply is in flight in a project at a time, whatever the environments.
#[derive(Debug, Args)]
pub struct Tf {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Plan(plan::Plan),
    Apply(apply::Apply),
    Sync(sync::Sync),
    Which(which::Which),
    Unlock(unlock::Unlock),
}

/// What every subcommand works with.
struct Bench {
    context: Rc<Context>,
    desk: Desk,
}

pub async fn run(args: &Tf, global: &Global) -> Outcome {
    let context = Rc::new(Context::open(global)?);
    sweep(&context);
    if let What::Which(which) = &args.what {
        return which::run(which, &context).await;
    }
    let ledger = context.ledger().await?;
    let desk = desk::desk(&context, &ledger)?;
    let bench = Bench { context, desk };
    interrupt::listen();
    match &args.what {
        What::Plan(plan) => plan::run(plan, &bench).await,
        What::Apply(apply) => apply::run(apply, &bench).await,
        What::Sync(sync) => sync::run(sync, &bench).await,
        What::Unlock(unlock) => unlock::run(unlock, &bench).await,
        What::Which(which) => which::run(which, &bench.context).await,
    }
}

impl Bench {
    fn environment(&self, name: &str) -> Result<&Environment, Fault> {
        self.context.environment(name)
    }

    async fn lease(&self) -> Result<LeaseSession, Fault> {
        Ok(LeaseSession::load(&self.desk).await?)
    }
}
