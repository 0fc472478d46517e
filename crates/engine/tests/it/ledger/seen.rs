//! The cache of heads seen: small files that may be lost, and must never be believed when damaged.

use tiers_core::id::Digest;
use tiers_engine::ledger::SeenInFolder;
use tiers_engine::port::seen::{Mark, Seen};

use super::stream;

fn mark(seq: u64) -> Mark {
    Mark { seq, hash: Digest::of(&seq.to_be_bytes()) }
}

#[test]
fn what_one_process_saw_the_next_one_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    SeenInFolder::new(folder.path().join("cache")).note("l-1", &stream(), &mark(5));
    assert_eq!(SeenInFolder::new(folder.path().join("cache")).get("l-1", &stream()), Some(mark(5)));
}

#[test]
fn a_damaged_or_unwritable_cache_is_as_if_nothing_was_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = SeenInFolder::new(folder.path());
    seen.note("l-1", &stream(), &mark(4));
    let file = folder.path().join("l-1/prod.app.json");
    std::fs::write(&file, b"{\"seq\":").expect("it is there");
    assert_eq!(seen.get("l-1", &stream()), None);
    seen.note("l-1", &stream(), &mark(3));
    assert_eq!(seen.get("l-1", &stream()), Some(mark(3)));

    // Where the folder should be lies a file.
    let blocked = SeenInFolder::new(file);
    blocked.note("l-1", &stream(), &mark(4));
    assert_eq!(blocked.get("l-1", &stream()), None);
}

#[test]
fn a_ledger_can_not_name_a_file_outside_of_the_cache() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = SeenInFolder::new(folder.path().join("cache"));
    seen.note("../outside", &stream(), &mark(4));
    assert_eq!(seen.get("../outside", &stream()), None);
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
}
