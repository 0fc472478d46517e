//! A project whose infrastructure is made of Terraform's built-in resources alone, so that it plans and applies for real on a
//! machine that can download no provider.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::moto::{BUCKET, Moto, TABLE};
use crate::world::{PROGRAM, Run, SHOP, Started, World};

const TOML: &str = r#"project = "shop"

[terraform]
root     = "terraform"
backend  = "envs/{environment}/backend.hcl"
var_file = "envs/{environment}/terraform.tfvars"

[environments.dev]
on = { branch = "dev" }

[environments.staging]
after = ["dev"]
on = { branch = "main" }

[environments.prod]
after = ["staging"]
on = { tag = "v*" }
"#;

/// `slow` writes down when its making begins and ends, in a file of the project, and takes as long as it is told.
const MAIN: &str = r#"terraform {
  backend "s3" {}
}

variable "environment" { type = string }
variable "engine" { default = "16" }
variable "turns" { default = 0 }
variable "pause" { default = 0 }
variable "password" { default = "none" }
variable "tokens" {
  type    = map(string)
  default = {}
}

resource "terraform_data" "function" {
  input = "shop-api-${var.environment}-${var.password}"
}

resource "terraform_data" "each" {
  for_each = toset(values(var.tokens))
  input    = each.value
}

resource "terraform_data" "database" {
  triggers_replace = [var.engine]
}

resource "terraform_data" "slow" {
  count = var.turns
  provisioner "local-exec" {
    command = "echo begin ${var.environment} >> ../work.log; sleep ${var.pause}; echo end ${var.environment} >> ../work.log"
  }
}
"#;

pub const TABLE_LOCK: &str = "table";

/// The backend file of an environment; `lock` says where its lock is.
pub fn backend(environment: &str, lock: &str) -> String {
    let lock =
        if lock == TABLE_LOCK { format!("dynamodb_table = \"{TABLE}\"") } else { "use_lockfile = true".to_owned() };
    format!(
        "bucket = \"{BUCKET}\"\nkey = \"{environment}/terraform.tfstate\"\nregion = \"us-east-1\"\nencrypt = true\n{lock}\n"
    )
}

/// A backend file whose lock is an object beside the state.
pub fn lockfile(environment: &str) -> String {
    backend(environment, "object")
}

fn table(environment: &str) -> String {
    backend(environment, TABLE_LOCK)
}

/// The project, and the place of its states.
pub struct Shop {
    pub world: World,
    pub moto: Moto,
}

/// A person at a terminal.
pub struct Seat {
    child: Child,
    screen: PathBuf,
}

/// A run of tiers that goes on.
pub struct Going(Started);

impl Shop {
    /// With the lock in a table; `None` where a stand-in is missing.
    pub fn new() -> Option<Shop> {
        Shop::with(table)
    }

    /// With these backend files.
    pub fn with(backend: fn(&str) -> String) -> Option<Shop> {
        Shop::of(TOML, backend)
    }

    /// With an app that is deployed to functions on this machine.
    pub fn with_app() -> Option<Shop> {
        let app = &SHOP[SHOP.find("[apps.shop]").expect("an app")..];
        Shop::of(&format!("{TOML}\n{app}"), table)
    }

    /// With dev in the account that moto plays, staging in another one, and prod in another region.
    pub fn in_accounts() -> Option<Shop> {
        let account = |number: &str, region: &str| format!("account = \"{number}\"\nregion = \"{region}\"\n");
        let mut toml = format!("solo = true\n{TOML}");
        for (environment, place) in [
            ("dev", account("123456789012", "us-east-1")),
            ("staging", account("999999999999", "us-east-1")),
            ("prod", account("123456789012", "eu-central-1")),
        ] {
            let head = format!("[environments.{environment}]\n");
            toml = toml.replace(&head, &format!("{head}{place}"));
        }
        Shop::of(&toml, table)
    }

    fn of(toml: &str, backend: fn(&str) -> String) -> Option<Shop> {
        let moto = Moto::start()?;
        let world = World::new(toml, &[("terraform/main.tf", MAIN)]);
        let shop = Shop { world, moto };
        for environment in ["dev", "staging", "prod"] {
            shop.world.write(&format!("terraform/envs/{environment}/backend.hcl"), &backend(environment));
            shop.values(environment, "");
        }
        shop.world.write(".gitignore", ".tiers\nwork.log\n");
        shop.world.commit("infrastructure");
        Some(shop)
    }

    /// The values of an environment, with these on top of its name.
    pub fn values(&self, environment: &str, more: &str) {
        let path = format!("terraform/envs/{environment}/terraform.tfvars");
        self.world.write(&path, &format!("environment = \"{environment}\"\n{more}"));
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, &[])
    }

    pub fn run_with(&self, args: &[&str], more: &[(&str, &str)]) -> Run {
        self.begin(args, more).end()
    }

    pub fn good(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code(), 0, "tiers {args:?}: {run:#?}");
        run
    }

    pub fn start(&self, args: &[&str]) -> Going {
        self.start_with(args, &[])
    }

    pub fn start_with(&self, args: &[&str], more: &[(&str, &str)]) -> Going {
        Going(self.begin(args, more))
    }

    fn begin(&self, args: &[&str], more: &[(&str, &str)]) -> Started {
        let variables = self.moto.variables();
        let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.world.start(args, &variables.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// The program at a terminal, with its standard output in a file of the project; `None`, loudly, where there is no `script`.
    pub fn at_a_terminal(&self, args: &str, out: &str) -> Option<Seat> {
        if Command::new("script").arg("--version").output().is_err() {
            assert!(
                std::env::var_os("CI").is_none_or(|value| value != "true"),
                "`script` (package bsdutils) is missing"
            );
            println!("NOT TESTED: `script` (package bsdutils) is missing, so there is no terminal to be asked at");
            return None;
        }
        let screen = self.world.path(".tiers/screen");
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &format!("exec '{PROGRAM}' {args} > {out}"), "/dev/null"]);
        command.current_dir(&self.world.root).stdin(Stdio::piped()).stderr(Stdio::null());
        command.stdout(std::fs::File::create(&screen).expect("a file"));
        self.world.isolate(&mut command);
        command.envs(self.moto.variables());
        Some(Seat { child: command.spawn().expect("script starts"), screen })
    }

    /// Terraform by hand, in an environment's own data directory.
    pub fn terraform(&self, environment: &str, args: &[&str]) -> Output {
        let mut command = Command::new("terraform");
        command.arg(args[0]).current_dir(self.world.path("terraform")).stdin(Stdio::null());
        if args[0] == "apply" {
            command.arg(format!("-var-file=envs/{environment}/terraform.tfvars"));
        }
        command.args(&args[1..]);
        command.env_remove("TF_CLI_CONFIG_FILE").env("CHECKPOINT_DISABLE", "1");
        command.env("TF_DATA_DIR", self.world.path(&format!(".tiers/terraform/{environment}/data")));
        command.envs(self.moto.variables()).output().expect("terraform runs")
    }

    /// Everything in the bucket that is not this environment's.
    pub fn others(&self, environment: &str) -> BTreeMap<String, String> {
        let own = format!("{environment}/");
        self.moto.objects().into_iter().filter(|(key, _)| !key.starts_with(&own)).collect()
    }

    /// What the slow resource wrote down.
    pub fn work(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.world.path("work.log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn forget_work(&self) {
        std::fs::remove_file(self.world.path("work.log")).expect("it was there");
    }

    pub fn until_work_begins(&self) {
        self.until(|| !self.work().is_empty());
    }

    pub fn until(&self, what: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !what() {
            assert!(Instant::now() < until, "it did not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Terraform's process, as the ledger knows it.
    pub fn terraform_of_the_lease(&self) -> Pid {
        let which = self.good(&["tf", "which", "--json"]).json();
        let pid = which["held"]["phase"]["child"]["leader"]["pid"].as_i64().expect("a process id");
        Pid::from_raw(i32::try_from(pid).expect("small")).expect("a process id")
    }

    /// Kills tiers, Terraform and all that they started, as a machine that loses its power does.
    pub fn kill_all(&self, tiers: &Going) {
        let terraform = self.terraform_of_the_lease();
        let parent = tiers.pid().as_raw_nonzero().get();
        // The guard first, which would ask Terraform to end properly.
        for child in children(parent) {
            let _ = kill_process(child, Signal::KILL);
        }
        let _ = rustix::process::kill_process_group(terraform, Signal::KILL);
        let _ = kill_process(tiers.pid(), Signal::KILL);
    }

    /// Every file below a folder of the project.
    pub fn files(&self, below: &str) -> Vec<String> {
        let found = self.world.shell(&format!("find {below} -type f"));
        found.out.lines().map(str::to_owned).collect()
    }
}

fn children(parent: i32) -> Vec<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

impl Going {
    pub fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// True once this stands in its standard error.
    pub fn said(&self, text: &str) -> bool {
        self.0.err().contains(text)
    }

    pub fn end(self) -> Run {
        self.0.end()
    }
}

impl Seat {
    /// All that stands on the screen.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.screen).expect("a screen")).into_owned()
    }

    /// Types a line.
    pub fn types(&mut self, text: &str) {
        self.presses(&format!("{text}\n"));
    }

    /// Presses these keys.
    pub fn presses(&mut self, keys: &str) {
        let input = self.child.stdin.as_mut().expect("an input");
        input.write_all(keys.as_bytes()).and_then(|()| input.flush()).expect("typed");
    }

    /// Kills the program, as a machine that loses its power does.
    pub fn kill(mut self) {
        for program in children(i32::try_from(self.child.id()).expect("small")) {
            kill_process(program, Signal::KILL).expect("it runs");
        }
        self.child.wait().expect("script ends");
    }

    /// The exit code.
    pub fn end(mut self) -> i32 {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().expect("it runs") {
                return status.code().expect("an exit code");
            }
            assert!(Instant::now() < until, "it does not end: {}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
