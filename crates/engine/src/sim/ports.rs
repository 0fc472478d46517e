//! The small ports of one process: a clock that may be wrong, identities that a seed decides, images as the model has them.

use std::cell::Cell;
use std::rc::Rc;

use async_trait::async_trait;
use jiff::Timestamp;
use tiers_core::id::{DeploymentId, Digest};

use super::base::REPOSITORY;
use super::net::{ActorId, Net};
use super::world::Shared;
use crate::port::clock::Clock;
use crate::port::ids::Ids;
use crate::port::images::{ImageError, Images};
use crate::port::probe::{HttpAnswer, HttpCall, Probe, ProbeError};
use crate::port::runner::{Job, JobEnd, RunError, Runner};

/// One machine's clock: virtual time, wrong by so much.
pub struct SimClock {
    pub net: Rc<Net>,
    pub actor: ActorId,
    pub wrong_ms: Rc<Cell<i64>>,
}

#[async_trait(?Send)]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.net.now_ms()).expect("small") + self.wrong_ms.get();
        Timestamp::from_millisecond(ms).expect("in range")
    }

    async fn sleep_ms(&self, ms: u64) {
        self.net.sleep(self.actor, ms).await;
    }
}

/// Identities that name their actor and count.
pub struct SimIds {
    pub who: Rc<str>,
    pub drawn: Cell<u64>,
}

impl Ids for SimIds {
    fn nonce(&self) -> String {
        self.drawn.set(self.drawn.get() + 1);
        format!("{}-{}", self.who, self.drawn.get())
    }

    fn deployment(&self, _: Timestamp) -> DeploymentId {
        self.drawn.set(self.drawn.get() + 1);
        DeploymentId(format!("d-{}-{}", self.who, self.drawn.get()))
    }
}

/// The registry, which answers at once: it is asked before anything is claimed, and changes nothing.
pub struct SimImages(pub Rc<Shared>);

#[async_trait(?Send)]
impl Images for SimImages {
    async fn preflight(&self, _: &str, digest: &Digest, _: &str) -> Result<(), ImageError> {
        let place = "the registry".to_owned();
        match self.0.model.borrow().has_image(REPOSITORY, digest.as_str()) {
            true => Ok(()),
            false => Err(ImageError::Absent { digest: digest.clone(), place }),
        }
    }
}

/// Nobody calls URLs or programs here: the world's gates invoke functions.
pub struct Nowhere;

#[async_trait(?Send)]
impl Probe for Nowhere {
    async fn http(&self, _: HttpCall, _: u64) -> Result<HttpAnswer, ProbeError> {
        Err(ProbeError::Invalid("the world has no doors".to_owned()))
    }
}

#[async_trait(?Send)]
impl Runner for Nowhere {
    async fn run(&self, job: Job) -> Result<JobEnd, RunError> {
        Err(RunError::Missing { program: job.program, looked: "the world has no programs".to_owned() })
    }
}
