//! Rule 23: folders that can't be written, hold something else, or are no local disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use tiers_core::record::Genesis;
use tiers_engine::ledger::{FolderError, Ledger, LedgerError, ObjectLog, SeenInFolder};
use tiers_engine::port::clock::SystemClock;
use tiers_engine::port::ids::SystemIds;
use tiers_engine::port::log::{Create, Log, LogError, Refusal};

use super::race::{Part, play};
use super::{actor, fill, fold, run, stream, writer};

/// A ledger in a fresh folder, with a stream of three records.
fn rig() -> (tempfile::TempDir, PathBuf, Ledger) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let log = Rc::new(ObjectLog::folder(&path, true).expect("a local folder"));
    let one = run(writer(log, "one"));
    run(fill(&one.ledger, &stream(), 3));
    (folder, path, one.ledger)
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_folder_holds_one_file_per_record_and_nothing_else() {
    let (_folder, path, ledger) = rig();
    assert_eq!(names(&path), ["genesis.json", "prod"]);
    assert_eq!(names(&path.join("prod/app/9999999")), ["996.json", "997.json", "998.json"]);
    assert_eq!(ledger.describe(), path.canonicalize().expect("it exists").display().to_string());
}

#[test]
fn the_next_process_finds_what_this_one_wrote() {
    let (folder, path, ledger) = rig();
    let log = Rc::new(ObjectLog::folder(&path, false).expect("it is there"));
    let seen = Rc::new(SeenInFolder::new(folder.path().join("cache")));
    let again = run(Ledger::open(log, Rc::new(SystemClock), Rc::new(SystemIds), seen)).expect("a ledger");
    assert_eq!(again.id(), ledger.id());
    assert_eq!(run(again.head(&stream())), run(ledger.head(&stream())));
    let verified = run(again.verify(None, &[], &fold)).expect("readable");
    assert_eq!((verified.records, verified.findings), (3, vec![]));
}

#[test]
fn a_folder_that_is_none_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    assert_eq!(ObjectLog::folder(&missing, false).err(), Some(FolderError::Absent { path: missing.clone() }));
    assert!(!missing.exists(), "looking makes nothing");
    let file = folder.path().join("file");
    fs::write(&file, "x").expect("written");
    let Err(error) = ObjectLog::folder(&file, false) else { panic!("a file is no folder") };
    assert_eq!(
        error.to_string(),
        format!("{} can't be used: it is not a folder", file.canonicalize().expect("there").display())
    );
    let Err(error) = ObjectLog::folder(&file.join("below"), true) else { panic!("a file holds nothing") };
    assert!(matches!(error, FolderError::Unusable { .. }), "{error}");
}

#[test]
fn a_network_file_system_is_refused_with_the_reason() {
    let error = FolderError::Network { path: "/mnt/share".into(), kind: "NFS".to_owned() };
    assert_eq!(
        error.to_string(),
        "/mnt/share is on NFS, a network file system: creating a file there has not always one winner; keep the ledger on \
         a local disk or in a bucket"
    );
}

#[test]
fn a_writer_that_was_killed_leaves_nothing_that_counts() {
    let (_folder, path, ledger) = rig();
    // What object_store was writing, an empty folder that it had just made, what a probe left, what a file manager left.
    fs::write(path.join("prod/app/9999999/995.json#1"), b"{\"format\":1,").expect("written");
    fs::create_dir(path.join("prod/app/9999998")).expect("made");
    fs::write(path.join(".probe-1"), "").expect("written");
    fs::write(path.join("prod/app/.DS_Store"), "x").expect("written");
    let head = run(ledger.head(&stream())).expect("readable").expect("not empty");
    assert_eq!(head.seq, 3);
    assert_eq!(run(ledger.verify(None, &[], &fold)).expect("readable").findings, []);
    assert_eq!(run(fill(&ledger, &stream(), 1))[0].seq, 4);
}

#[test]
fn an_object_that_is_no_file_is_damage_and_not_absence() {
    let (_folder, path, ledger) = rig();
    let log = ObjectLog::folder(&path, false).expect("it is there");
    fs::create_dir(path.join("prod/app/9999999/990.json")).expect("made");
    std::os::unix::fs::symlink("nowhere", path.join("prod/app/9999999/991.json")).expect("made");
    for key in ["prod/app/9999999/990.json", "prod/app/9999999/991.json"] {
        assert!(matches!(run(log.read(key)), Err(LogError::Damaged { .. })), "{key}");
        assert_eq!(run(log.create(key, Bytes::from_static(b"x"))), Create::Exists, "{key}");
    }
    assert!(run(ledger.head(&stream())).is_err(), "the head may be one of them");
}

#[test]
fn a_file_in_the_way_of_a_folder_is_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = ObjectLog::folder(folder.path(), false).expect("a local folder");
    fs::write(folder.path().join("prod"), "x").expect("written");
    let answer = run(log.first("prod/app/"));
    assert!(matches!(answer, Err(LogError::Damaged { .. })), "{answer:?}");
    let ended = run(log.create("prod/app/9999999/998.json", Bytes::from_static(b"x")));
    assert!(!matches!(ended, Create::Created | Create::Exists), "{ended:?}");
}

#[test]
fn a_truncated_record_is_named_and_other_streams_go_on() {
    let (_folder, path, ledger) = rig();
    let file = path.join(stream().key(3));
    let bytes = fs::read(&file).expect("readable");
    fs::write(&file, &bytes[..bytes.len() - 10]).expect("written");
    let answer = run(ledger.head(&stream()));
    assert!(matches!(&answer, Err(LedgerError::Unreadable { key, .. }) if *key == stream().key(3)), "{answer:?}");
    assert_eq!(run(fill(&ledger, &"dev/app".parse().expect("well formed"), 2)).len(), 2);
}

#[test]
fn a_folder_that_vanished_is_not_an_empty_ledger() {
    let (_folder, path, ledger) = rig();
    fs::remove_dir_all(&path).expect("removed");
    assert!(matches!(run(ledger.head(&stream())), Err(LedgerError::Absent { .. })));
}

/// Plays a part as a user who has no right beyond the file modes: root is bound by none.
fn play_as_a_plain_user(part: &Part<'_>) -> String {
    let ended = play(part, |command| {
        use std::os::unix::process::CommandExt;
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
    });
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("text")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn a_folder_without_the_right_to_write_is_read_and_refuses_with_the_reason() {
    let (folder, path, _ledger) = rig();
    for path in [folder.path().to_owned(), path.clone(), path.join("prod"), path.join("prod/app/9999999")] {
        set_mode(&path, 0o555);
    }
    let told = play_as_a_plain_user(&Part { name: "append", folder: &path, count: 1 });
    set_mode(folder.path(), 0o755);
    assert!(told.contains("head 3\n"), "{told}");
    assert!(told.contains("refused no right to write: "), "{told}");
    assert!(told.contains("Permission denied"), "{told}");
}

#[test]
fn a_record_without_the_right_to_read_is_denied_and_not_absent() {
    let (folder, path, _ledger) = rig();
    set_mode(folder.path(), 0o755);
    set_mode(&path.join(stream().key(3)), 0o000);
    let told = play_as_a_plain_user(&Part { name: "append", folder: &path, count: 1 });
    assert!(told.contains("error no right to read prod/app/9999999/996.json: "), "{told}");
}

#[test]
fn a_full_disk_refuses_the_record_and_leaves_nothing_of_it() {
    let (_folder, path, ledger) = rig();
    // A limit on file sizes of zero blocks is a disk without room for one more byte; the signal that comes with it is ignored
    // by the shell on behalf of the program.
    let told = play(&Part { name: "append", folder: &path, count: 1 }, |command| {
        let program = command.get_program().to_owned();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let environment: Vec<_> = command.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
        *command = std::process::Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]).arg(program).args(arguments);
        for (name, value) in environment {
            command.env(name, value.unwrap_or_default());
        }
    });
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(text.contains("refused no space is left: "), "{text} {}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(names(&path.join("prod/app/9999999")), ["996.json", "997.json", "998.json"]);
    assert_eq!(run(fill(&ledger, &stream(), 1))[0].seq, 4, "with room again it goes on");
}

#[test]
fn what_a_failed_create_means_is_told_by_what_lies_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = ObjectLog::folder(folder.path(), false).expect("a local folder");
    // Names longer than a file system takes: an error that is no question of rights or room.
    let ended = run(log.create(&format!("prod/{}.json", "a".repeat(300)), Bytes::from_static(b"x")));
    assert!(matches!(&ended, Create::Refused(Refusal::Other(why)) if why.contains("too long")), "{ended:?}");
}

#[test]
fn the_genesis_is_created_once_even_in_a_folder() {
    let (_folder, path, ledger) = rig();
    let before = fs::read(path.join(Genesis::KEY)).expect("there");
    let log = Rc::new(ObjectLog::folder(&path, true).expect("it is there"));
    let seen = Rc::new(tiers_engine::port::seen::SeenInMemory::default());
    let again = run(Ledger::init(log, Rc::new(SystemClock), Rc::new(SystemIds), seen, actor("two"))).expect("opened");
    assert_eq!(again.id(), ledger.id());
    assert_eq!(fs::read(path.join(Genesis::KEY)).expect("there"), before);
}
