//! The small ports: every implementation is put through the suite of its port, and the suites find what is wrong with a bad one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_trait::async_trait;
use jiff::Timestamp;
use tiers_core::id::DeploymentId;
use tiers_core::record::Stream;
use tiers_engine::ledger::SeenInFolder;
use tiers_engine::port::clock::{Clock, SystemClock};
use tiers_engine::port::conformance;
use tiers_engine::port::ids::{Ids, SystemIds};
use tiers_engine::port::seen::{Mark, Seen, SeenInMemory};

use crate::world::{CountingIds, JumpClock, block};

#[test]
fn clocks_conform() {
    block(conformance::clock(&JumpClock::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(conformance::clock(&SystemClock));
}

#[test]
fn sources_of_identities_conform() {
    conformance::ids(&SystemIds, &SystemIds);
    let counting = CountingIds::default();
    conformance::ids(&counting, &counting);
}

#[test]
fn caches_of_seen_heads_conform() {
    conformance::seen(&|| Rc::new(SeenInMemory::default()));
    let folder = tempfile::tempdir().expect("a folder");
    let count = Cell::new(0);
    conformance::seen(&|| {
        count.set(count.get() + 1);
        Rc::new(SeenInFolder::new(folder.path().join(count.get().to_string())))
    });
}

struct Stopped;

#[async_trait(?Send)]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    async fn sleep_ms(&self, _: u64) {}
}

#[test]
#[should_panic(expected = "20 ms of sleep")]
fn a_clock_that_stands_still_is_found() {
    block(conformance::clock(&Stopped));
}

#[test]
#[should_panic(expected = "nonces are never drawn twice")]
fn two_processes_that_count_alike_are_found() {
    conformance::ids(&CountingIds::default(), &CountingIds::default());
}

/// Names deployments by chance alone.
struct Unordered(SystemIds);

impl Ids for Unordered {
    fn nonce(&self) -> String {
        self.0.nonce()
    }
    fn deployment(&self, now: Timestamp) -> DeploymentId {
        DeploymentId(self.0.deployment(now).to_string().chars().rev().collect())
    }
}

#[test]
#[should_panic]
fn identities_without_an_order_are_found() {
    conformance::ids(&Unordered(SystemIds), &SystemIds);
}

/// Believes whoever came last.
#[derive(Default)]
struct Forgetful(RefCell<Option<Mark>>);

impl Seen for Forgetful {
    fn get(&self, _: &str, _: &Stream) -> Option<Mark> {
        self.0.borrow().clone()
    }
    fn note(&self, _: &str, _: &Stream, mark: &Mark) {
        *self.0.borrow_mut() = Some(mark.clone());
    }
}

#[test]
#[should_panic(expected = "a lower head does not replace a higher one")]
fn a_cache_that_goes_back_is_found() {
    conformance::seen(&|| Rc::new(Forgetful::default()));
}
