//! The place that an environment's functions run in, made ready for the driver: AWS, or the local host.

pub mod tripwire;

use std::path::PathBuf;
use std::rc::Rc;

use tiers_aws::AwsLambda;
use tiers_core::config::{Environment, Place};
use tiers_core::plan;
use tiers_core::redact::Redactor;
use tiers_edge::probe::HttpProbe;
use tiers_edge::runner::SystemRunner;
use tiers_engine::driver::{Waits, Watch, World};
use tiers_engine::gates::RunGates;
use tiers_engine::lambda_target::LambdaTarget;
use tiers_engine::ledger::Ledger;
use tiers_lambda::api::LambdaApi;

use crate::context::Context;
use crate::fault::Fault;
use crate::images::FolderImages;
use crate::local;

/// The region and account of environments on the local host.
pub const LOCAL_REGION: &str = "us-east-1";
pub const LOCAL_ACCOUNT: &str = "000000000000";

/// An environment's place, reached.
pub struct Reached {
    pub api: Rc<dyn LambdaApi>,
    pub place: plan::Place,
    /// The door that users use.
    pub base_url: Option<String>,
}

/// A real account takes a ledger that everybody sees, or a team of one.
pub fn shared_ledger(context: &Context, environment: &Environment) -> Result<(), Fault> {
    let folder = matches!(context.project.ledger, tiers_core::config::Ledger::Folder(_));
    if environment.is_local() || !folder || context.project.solo {
        return Ok(());
    }
    Err(Fault::refused(format!(
        "{} is a real account, and the ledger is a folder on this machine: somebody else's tiers would not see it",
        environment.name
    ))
    .hint("Set `ledger = \"s3://…\"` in tiers.toml, or `solo = true` if nobody else ever deploys."))
}

/// Reaches the place of an environment; starts the local host where that is the place and it is not up.
pub async fn reach(context: &Context, environment: &Environment, ledger: &Ledger) -> Result<Reached, Fault> {
    match &environment.place {
        Place::Local => {
            let host = local::up(context, ledger, false).await?;
            let door = host.door(&environment.name);
            let api = AwsLambda::for_endpoint(&host.endpoint, LOCAL_REGION, LOCAL_ACCOUNT)
                .map_err(|error| Fault::errored(error.to_string()))?;
            Ok(Reached {
                api: Rc::new(tripwire::api(api)),
                place: plan::Place {
                    target: "local".to_owned(),
                    account: Some(LOCAL_ACCOUNT.to_owned()),
                    region: LOCAL_REGION.to_owned(),
                    ledger: ledger.id().to_owned(),
                },
                base_url: environment.url.clone().or(door),
            })
        }
        Place::Aws { account, region } => {
            shared_ledger(context, environment)?;
            let api = AwsLambda::from_environment(region, None).await;
            Ok(Reached {
                api: Rc::new(api),
                place: plan::Place {
                    target: "aws".to_owned(),
                    account: Some(account.clone()),
                    region: region.clone(),
                    ledger: ledger.id().to_owned(),
                },
                base_url: environment.url.clone(),
            })
        }
    }
}

/// The world that the driver works in, for one environment.
pub fn world(
    context: &Context,
    ledger: &Ledger,
    reached: &Reached,
    watch: Rc<dyn Watch>,
    source: Option<PathBuf>,
) -> World {
    let target = Rc::new(LambdaTarget::new(Rc::clone(&reached.api), Rc::clone(&context.clock)));
    let redactor = Redactor::default();
    let gates = RunGates {
        target: target.clone(),
        probe: Rc::new(HttpProbe::new()),
        runner: Rc::new(SystemRunner::new(redactor.clone())),
        clock: Rc::clone(&context.clock),
        ids: Rc::clone(&context.ids),
        base_url: reached.base_url.clone(),
        source,
        redactor,
    };
    World {
        ledger: ledger.clone(),
        clock: Rc::clone(&context.clock),
        ids: Rc::clone(&context.ids),
        target,
        images: Rc::new(FolderImages::new(context.home("images"))),
        gates: Rc::new(gates),
        watch,
        actor: context.actor.clone(),
        waits: Waits::default(),
        lease: context.lease_stream(),
    }
}

/// A world for reading and for records of people, where no function is touched.
pub fn desk(context: &Context, ledger: &Ledger) -> World {
    World {
        ledger: ledger.clone(),
        clock: Rc::clone(&context.clock),
        ids: Rc::clone(&context.ids),
        target: Rc::new(nowhere::Nowhere),
        images: Rc::new(FolderImages::new(context.home("images"))),
        gates: Rc::new(nowhere::Nowhere),
        watch: Rc::new(tiers_engine::driver::Quiet),
        actor: context.actor.clone(),
        waits: Waits::default(),
        lease: context.lease_stream(),
    }
}

mod nowhere;
