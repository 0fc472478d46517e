//! Several processes on one folder: one winner for every place, whole records only, whoever is killed and whenever.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::rc::Rc;
use std::time::Duration;

use tiers_core::record::Record;
use tiers_engine::ledger::{Append, Ledger, ObjectLog};
use tiers_engine::port::clock::SystemClock;
use tiers_engine::port::ids::SystemIds;
use tiers_engine::port::seen::SeenInMemory;

use super::{actor, draft, fold, run, stream};

/// What a child process of a test does.
pub struct Part<'a> {
    /// `append`: that many appends, each told on standard output. `begin`: begins the ledger and tells its identity.
    pub name: &'a str,
    pub folder: &'a Path,
    pub count: u32,
}

const ROLE: &str = "TIERS_TEST_PART";

fn command(part: &Part<'_>) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test binary"));
    command.args(["--exact", "ledger::race::a_child_process_plays_its_part", "--nocapture", "--test-threads=1"]);
    let role: Vec<OsString> = vec![part.name.into(), part.count.to_string().into(), part.folder.into()];
    command.env(ROLE, role.join(OsString::from("\n").as_os_str())).stdin(Stdio::null());
    command
}

/// Runs a part to its end, after `change` had its way with the command.
pub fn play(part: &Part<'_>, change: impl FnOnce(&mut Command)) -> Output {
    let mut command = command(part);
    change(&mut command);
    // Another user may not reach the binary in its own place.
    command.current_dir("/");
    command.output().expect("it starts")
}

fn start(part: &Part<'_>) -> Child {
    command(part).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// The other end of [`play`] and [`start`]; in a run of the suite itself it checks that there is no part to play.
#[test]
fn a_child_process_plays_its_part() {
    let Some(role) = std::env::var_os(ROLE) else {
        assert_eq!(perform("nothing", 1, Path::new("/")), Err("no part is called nothing".to_owned()));
        return;
    };
    let role = role.into_string().expect("test folders have plain names");
    let mut words = role.splitn(3, '\n');
    let mut word = || words.next().expect("three words").to_owned();
    let (name, count, folder) = (word(), word().parse().expect("a number"), word());
    perform(&name, count, Path::new(&folder)).expect("a known part");
}

fn perform(name: &str, count: u32, folder: &Path) -> Result<(), String> {
    match name {
        "append" => in_runtime(append_and_tell(folder, count)),
        "begin" => println!("ledger {}", in_runtime(begin(folder)).id()),
        _ => return Err(format!("no part is called {name}")),
    }
    Ok(())
}

fn in_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

async fn begin(folder: &Path) -> Ledger {
    let log = Rc::new(ObjectLog::folder(folder, true).expect("a local folder"));
    let seen = Rc::new(SeenInMemory::default());
    Ledger::init(log, Rc::new(SystemClock), Rc::new(SystemIds), seen, actor("child")).await.expect("a ledger")
}

/// Tells on standard output: `head N`, then per append `created N NONCE`, `lost N`, `refused WHY` or `error WHY`.
async fn append_and_tell(folder: &Path, count: u32) {
    // The output is read by a test that may kill this process, so every line goes out at once.
    let tell = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody listens");
    };
    let ledger = begin(folder).await;
    let mut created = 0;
    let mut told = false;
    while created < count {
        let head = match ledger.head(&stream()).await {
            Ok(head) => head,
            Err(error) => return tell(format!("error {error}")),
        };
        if !std::mem::replace(&mut told, true) {
            tell(format!("head {}", head.as_ref().map_or(0, |head| head.seq)));
        }
        match ledger.append(&stream(), head.as_ref(), draft(head.as_ref(), 1)).await {
            Ok(Append::Created(head)) => {
                created += 1;
                tell(format!("created {} {}", head.seq, head.record.nonce));
            }
            Ok(Append::Lost(head)) => tell(format!("lost {}", head.seq)),
            Ok(Append::Refused(why)) => return tell(format!("refused {why}")),
            Ok(Append::Unknown { why, .. }) => return tell(format!("unknown {why}")),
            Err(error) => return tell(format!("error {error}")),
        }
    }
}

fn created(output: &[u8]) -> Vec<(u64, String)> {
    let text = String::from_utf8_lossy(output);
    let lines = text.lines().filter_map(|line| line.split_once("created ")?.1.split_once(' '));
    lines.map(|(seq, nonce)| (seq.parse().expect("a number"), nonce.to_owned())).collect()
}

#[test]
fn three_processes_that_append_at_once_never_both_win_a_place() {
    const EACH: u32 = 60;
    let folder = tempfile::tempdir().expect("a folder");
    let children: Vec<Child> =
        (0..3).map(|_| start(&Part { name: "append", folder: folder.path(), count: EACH })).collect();
    let mut won: Vec<(u64, String)> = Vec::new();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success());
        won.extend(created(&output.stdout));
    }
    won.sort_unstable();
    let seqs: Vec<u64> = won.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=u64::from(3 * EACH)).collect::<Vec<_>>(), "every place has one winner");

    let ledger = run(begin(folder.path()));
    let stored = run(ledger.read_all(&stream())).expect("a sound chain");
    let nonces: Vec<(u64, String)> = stored.into_iter().map(|head| (head.seq, head.record.nonce.clone())).collect();
    assert_eq!(nonces, won, "and it is the one that was told so");
    assert_eq!(run(ledger.verify(None, &[], &fold)).expect("readable").findings, []);
}

#[test]
fn processes_that_begin_a_ledger_at_once_agree_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let children: Vec<Child> =
        (0..3).map(|_| start(&Part { name: "begin", folder: folder.path(), count: 0 })).collect();
    let told: BTreeSet<String> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().expect("it ends");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().find_map(|line| Some(line.split_once("ledger ")?.1.to_owned())).expect("it told")
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_writer_killed_in_the_middle_of_appends_leaves_whole_records_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut told = 0;
    for round in 0..12_u64 {
        let mut child = start(&Part { name: "append", folder: folder.path(), count: 100_000 });
        // Long enough to be appending in most rounds; where it falls is left to chance.
        std::thread::sleep(Duration::from_millis(25 + round * 7));
        child.kill().expect("it runs until it is killed");
        let output = child.wait_with_output().expect("it ended");
        let won = created(&output.stdout);

        let ledger = run(begin(folder.path()));
        let all = run(ledger.read_all(&stream())).expect("a sound chain");
        for (seq, nonce) in &won {
            assert_eq!(&all[*seq as usize - 1].record.nonce, nonce, "round {round}: what was told is there");
        }
        assert!(all.len() as u64 <= told + won.len() as u64 + 1, "round {round}: at most one that was not told of");
        told = all.len() as u64;
        check_files(folder.path());
        assert_eq!(run(ledger.verify(None, &[], &fold)).expect("readable").findings, [], "round {round}");
    }
    assert!(told > 12, "the writers wrote {told} records: too few to have been killed in the middle of anything");
}

/// Under a final name lies a whole record; what was still being written has another name.
fn check_files(folder: &Path) {
    let app = folder.join("prod/app");
    for part in std::fs::read_dir(&app).into_iter().flatten() {
        for file in std::fs::read_dir(part.expect("readable").path()).expect("readable") {
            let file = file.expect("readable").path();
            if file.extension().is_some_and(|extension| extension == "json") {
                let bytes = std::fs::read(&file).expect("readable");
                assert!(Record::parse(&bytes).is_ok(), "{}", file.display());
            }
        }
    }
}
