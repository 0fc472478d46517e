//! Every log is put through the one suite.

use std::rc::Rc;

use tiers_engine::ledger::{MemoryLog, ObjectLog, conformance};

use super::run;

#[test]
fn the_log_in_memory_conforms() {
    run(conformance::check(&|| Rc::new(MemoryLog::new())));
}

#[test]
fn the_object_store_in_memory_conforms() {
    run(conformance::check(&|| Rc::new(ObjectLog::in_memory())));
}

#[test]
fn a_folder_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = std::cell::Cell::new(0);
    let fresh = || {
        count.set(count.get() + 1);
        let path = folder.path().join(count.get().to_string());
        Rc::new(ObjectLog::folder(&path, true).expect("a local folder")) as Rc<_>
    };
    // Inside a runtime the store works on other threads, so creates at once are at once; the other tests run without one.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(conformance::check(&fresh));
}
