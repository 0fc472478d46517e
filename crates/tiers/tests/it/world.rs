//! The fixture: a project in a temporary folder with a git history, the real binary, and looks past the binary at what is live.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tiers_aws::AwsLambda;
use tiers_lambda::api::{LambdaApi as _, Qualifier};
use tiers_lambda::fingerprint::fingerprint;
use tiers_local::Client;
use tiers_oci::{Architecture, Content, Layout, NewFile, NewImage, write_image};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tiers");

/// No command of these tests needs longer, on however busy a machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// Two functions in three environments. Gates run programs, so a deployment starts no function and is quick.
pub const SHOP: &str = r#"project = "shop"

[environments.dev]
on = { branch = "dev" }

[environments.staging]
after = ["dev"]
on = { branch = "main" }

[environments.prod]
after = ["staging"]
on = { tag = "v*" }

[apps.shop]
paths = ["site/**"]

[apps.shop.image]
builder = "files"
entrypoint = "/var/task/bootstrap"
files = [{ from = "site/bootstrap", to = "/var/task/bootstrap" }]

[apps.shop.components.web]
[apps.shop.components.worker]

[[apps.shop.gates]]
name = "smoke"
at = "staged"
command = ["true"]
timeout = "30s"

[[apps.shop.gates]]
name = "door"
at = "live"
command = ["true"]
timeout = "30s"
"#;

/// A project, with its files committed.
pub struct World {
    _dir: TempDir,
    pub root: PathBuf,
    home: PathBuf,
    runs: Cell<u32>,
}

/// What one run of the program left.
#[derive(Debug)]
pub struct Run {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

/// A run that is still going.
pub struct Started {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// What is live of one function, seen through Lambda's API.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    pub latest: String,
    pub latest_revision: String,
    pub alias: String,
    pub alias_revision: String,
    pub weights: BTreeMap<String, f64>,
    /// Number, digest and settings of every published version.
    pub versions: Vec<(String, String, String)>,
}

impl World {
    /// The shop, with nothing built yet.
    pub fn shop() -> World {
        let world = World::new(SHOP, &[]);
        world.release("one");
        world
    }

    /// A project with this tiers.toml and these files, committed.
    pub fn new(toml: &str, files: &[(&str, &str)]) -> World {
        let dir = TempDir::new().expect("a temporary folder");
        let root = dir.path().join("project");
        let home = dir.path().join("home");
        for folder in [&root, &home] {
            fs::create_dir(folder).expect("a folder");
        }
        let world = World { _dir: dir, root, home, runs: Cell::new(0) };
        world.write("tiers.toml", toml);
        world.write(".gitignore", ".tiers\n");
        for (path, text) in files {
            world.write(path, text);
        }
        world.git(&["init", "-q", "-b", "main"]);
        world.commit("begin");
        world.place_a_small_placeholder();
        world
    }

    /// Functions begin with an image that holds the program under test, and a debug build of it is a hundred megabytes: a small
    /// image under the same tag is taken as it is.
    fn place_a_small_placeholder(&self) {
        fs::create_dir_all(self.root.join(".tiers")).expect("a folder");
        let layout = Layout::open_or_create(self.root.join(".tiers/images")).expect("a layout");
        let image = NewImage {
            architecture: Architecture::X86_64,
            base: None,
            files: vec![NewFile {
                path: "/var/task/bootstrap".to_owned(),
                content: Content::Bytes { bytes: script("placeholder").into_bytes(), executable: true },
            }],
            entrypoint: Some(vec!["/var/task/bootstrap".to_owned(), "placeholder".to_owned()]),
            cmd: None,
            env: BTreeMap::new(),
            working_dir: None,
            labels: BTreeMap::new(),
        };
        let facts = write_image(&layout, &image).expect("an image");
        layout.tag(&facts.digest, Some("tiers-placeholder")).expect("a tag");
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(&path, text).expect("a file");
        if text.starts_with("#!") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
    }

    pub fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(args).current_dir(&self.root);
        self.isolate(&mut command);
        let output = command.output().expect("git runs");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// Changes the shop's one source file, commits and builds; answers the release's id.
    pub fn release(&self, name: &str) -> String {
        self.write("site/bootstrap", &format!("{}# {name}\n", script("web")));
        self.commit(name);
        let run = self.good(&["build", "--json"]);
        run.json()["release"]["id"].as_str().expect("a release id").to_owned()
    }

    /// Nothing of the one who runs the tests reaches the program.
    pub fn isolate(&self, command: &mut Command) {
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.home).env("GIT_CONFIG_NOSYSTEM", "1").env("TIERS_ACTOR", "erika");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Erika").env(format!("GIT_{role}_EMAIL"), "erika@example.com");
            command.env(format!("GIT_{role}_DATE"), "2026-11-20T09:00:00Z");
        }
    }

    /// Starts the program.
    pub fn start(&self, args: &[&str], variables: &[(&str, &str)]) -> Started {
        let number = self.runs.get();
        self.runs.set(number + 1);
        let (out, err) = (self.home.join(format!("{number}.out")), self.home.join(format!("{number}.err")));
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(&self.root).stdin(Stdio::null());
        command.stdout(File::create(&out).expect("a file")).stderr(File::create(&err).expect("a file"));
        self.isolate(&mut command);
        command.envs(variables.iter().copied());
        Started { child: command.spawn().expect("the program starts"), out, err }
    }

    /// Runs the program to its end.
    pub fn tiers(&self, args: &[&str]) -> Run {
        self.tiers_with(args, &[])
    }

    pub fn tiers_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        self.start(args, variables).end()
    }

    /// Runs a line of shell in the project, isolated as the program is.
    pub fn shell(&self, line: &str) -> Run {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&self.root).stdin(Stdio::null());
        self.isolate(&mut command);
        let output = command.output().expect("a shell runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run { status: output.status, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Runs the program, which must exit with 0.
    pub fn good(&self, args: &[&str]) -> Run {
        let run = self.tiers(args);
        assert_eq!(run.code(), 0, "tiers {args:?}: {run:#?}");
        run
    }

    /// Runs the program until it kills itself at this point.
    pub fn killed(&self, args: &[&str], point: u32) -> Run {
        let run = self.tiers_with(args, &[("TIERS_TRIPWIRE", &format!("kill:{point}"))]);
        assert_eq!(run.status.signal(), Some(9), "tiers {args:?} was to die at {point}: {run:#?}");
        run
    }

    /// How many points a good run of this command passes.
    pub fn points(&self, args: &[&str]) -> u32 {
        let (points, run) = self.points_of(args);
        assert_eq!(run.code(), 0, "{run:#?}");
        points
    }

    /// How many points a run of this command passes, however it ends.
    pub fn points_of(&self, args: &[&str]) -> (u32, Run) {
        let file = self.home.join("points");
        let run = self.tiers_with(args, &[("TIERS_TRIPWIRE_COUNT", file.to_str().expect("a UTF-8 path"))]);
        let text = fs::read_to_string(file).expect("a count");
        (text.parse().expect("a number"), run)
    }

    /// The state of one environment, from `status --json`.
    pub fn state(&self, environment: &str) -> Value {
        let shown = self.good(&["status", environment, "--json"]).json();
        shown["environments"][0]["state"].clone()
    }

    /// The release that serves.
    pub fn serves(&self, environment: &str) -> String {
        self.state(environment)["serving"]["release"]["id"].as_str().unwrap_or_default().to_owned()
    }

    /// The file of the newest record of an environment's stream: keys count down.
    pub fn newest_record(&self, environment: &str) -> PathBuf {
        let first = |folder: &Path| {
            let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
            entries.min().expect("something in it")
        };
        first(&first(&self.root.join(".tiers/ledger").join(environment).join("shop")))
    }

    /// The sequence of the newest record of an environment's stream; null where there is none.
    pub fn head(&self, environment: &str) -> Value {
        self.good(&["status", environment, "--json"]).json()["environments"][0]["seq"].clone()
    }

    /// What is live of every function of an environment.
    pub fn live(&self, environment: &str) -> BTreeMap<String, Live> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client = Client::connect(&self.root.join(".tiers/host")).await.expect("the host is up");
            let status = client.status().await.expect("a status");
            let api = AwsLambda::for_endpoint(&client.endpoint(), "us-east-1", "000000000000").expect("a client");
            let mut all = BTreeMap::new();
            let names = status.functions.into_iter().map(|function| function.name);
            for name in names.filter(|name| name.ends_with(&format!("-{environment}"))) {
                let latest = api.get_function(&name, &Qualifier::Latest).await.expect("the function");
                let alias = api.get_alias(&name, "live").await.expect("the alias");
                let versions = api.list_versions(&name).await.expect("the versions");
                let versions = versions.into_iter().filter(|one| one.version != "$LATEST");
                let live = Live {
                    latest: latest.code_sha256,
                    latest_revision: latest.revision,
                    alias: alias.version,
                    alias_revision: alias.revision,
                    weights: alias.weights,
                    versions: versions.map(|one| (one.version, one.code_sha256, fingerprint(&one.settings))).collect(),
                };
                all.insert(name, live);
            }
            all
        })
    }

    /// What must hold whenever nothing is open: the unit is whole, the ledger is sound and agrees with what is live, and no
    /// version was published twice.
    pub fn check(&self, environment: &str, release: &str, where_: &str) {
        let state = self.state(environment);
        assert_eq!(state["open"], Value::Null, "{where_}: a deployment is still open");
        assert_eq!(state["serving"]["release"]["id"], release, "{where_}: what serves");
        let digest = state["serving"]["release"]["digest"].as_str().expect("a digest").trim_start_matches("sha256:");
        for (name, live) in self.live(environment) {
            assert!(live.weights.is_empty(), "{where_}: {name} carries weights {:?}", live.weights);
            let at = live.versions.iter().find(|(number, _, _)| number == &live.alias);
            let (_, code, _) = at.unwrap_or_else(|| panic!("{where_}: {name} points at no version: {live:?}"));
            assert_eq!(code, digest, "{where_}: {name} serves another release: {live:?}");
            let mut seen = BTreeSet::new();
            for (_, code, settings) in &live.versions {
                assert!(seen.insert((code, settings)), "{where_}: {name} has a version twice: {live:?}");
            }
        }
        let verified = self.tiers(&["verify", environment]);
        assert_eq!(verified.code(), 0, "{where_}: {verified:#?}");
        let sound = self.tiers(&["ledger", "verify", &format!("{environment}/shop")]);
        assert_eq!(sound.code(), 0, "{where_}: {sound:#?}");
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.root.join(".tiers/host").is_dir() {
            let _ = self.start(&["local", "down"], &[]).child.wait();
        }
    }
}

impl Started {
    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// What it wrote to standard error so far.
    pub fn err(&self) -> String {
        read(&self.err)
    }

    /// Waits for the end, which must come.
    pub fn end(mut self) -> Run {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(since.elapsed() < DEADLINE, "it does not end; so far: {}", read(&self.err));
            std::thread::sleep(Duration::from_millis(3));
        };
        Run { status, out: read(&self.out), err: read(&self.err) }
    }
}

impl Drop for Started {
    /// A test that fails leaves nobody behind, standing still or not.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Run {
    /// The exit code; -1 where a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A function's entry point: the program under test, as the component that the image's or the function's command names.
pub fn script(default: &str) -> String {
    format!("#!/bin/sh\nexec '{PROGRAM}' __function \"${{1:-{default}}}\"\n")
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
