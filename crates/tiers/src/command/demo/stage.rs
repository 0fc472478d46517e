//! Where the demo plays: a folder of its own, commands that are shown before they run, and words in between.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::cli::Global;
use crate::command::print;
use crate::fault::{Fault, chain};
use crate::render::style::Style;
use crate::render::wrap;

/// The folder, and how things are said.
pub struct Stage {
    pub root: PathBuf,
    style: Style,
    program: PathBuf,
    keep: bool,
    began: Instant,
}

impl Stage {
    /// Makes the folder.
    pub fn set(global: &Global, keep: bool) -> Result<Stage, Fault> {
        let program = std::env::current_exe()
            .map_err(|error| Fault::errored(format!("this program's own file can't be found: {error}")))?;
        let root = std::env::temp_dir().join(format!("tiers-demo-{}", std::process::id()));
        std::fs::create_dir(&root).map_err(|error| Fault::errored(format!("{}: {error}", root.display())))?;
        let root = root.canonicalize().map_err(|error| Fault::errored(error.to_string()))?;
        Ok(Stage { root, style: global.style(), program, keep, began: Instant::now() })
    }

    /// Stops the local host, and removes the folder unless it is to be kept. After a failure it is kept in any case.
    pub fn leave(&self, failed: bool) {
        if self.keep {
            return;
        }
        let down = self.command().args(["local", "down"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if failed || down.is_err() {
            let _ = print(&format!("The folder {} is kept, to look into.\n", self.root.display()));
            return;
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }

    /// True when the folder stays.
    pub fn keeps(&self) -> bool {
        self.keep
    }

    /// How long the demo has taken so far, in milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A chapter begins.
    pub fn chapter(&self, number: u32, title: &str) -> Result<(), Fault> {
        print(&format!("\n{}\n", self.style.strong(&format!("{number}. {title}"))))
    }

    /// Words between commands.
    pub fn say(&self, text: &str) -> Result<(), Fault> {
        let lines = text.split('\n').map(|line| {
            let indent = line.len() - line.trim_start().len();
            // What stands in a second column goes on below itself.
            let column = line.trim_start().rfind("  ").map_or(indent, |gap| indent + gap + 2);
            wrap::paragraph(&line[..column], column, column, &line[column..], wrap::width())
        });
        print(&format!("{}\n", lines.collect::<Vec<_>>().join("\n")))
    }

    /// A result that stands out.
    pub fn good(&self, text: &str) -> Result<(), Fault> {
        let text = wrap::paragraph("", 0, 0, text, wrap::width());
        print(&format!("{}\n", self.style.good(&text)))
    }

    /// Runs git quietly.
    pub fn git(&self, args: &[&str]) -> Result<(), Fault> {
        self.show("git", args)?;
        let output = Command::new("git")
            .args(["-c", "user.name=Demo", "-c", "user.email=erika@example.com", "-c", "commit.gpgsign=false"])
            .args(["-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null", "-c", "tag.gpgsign=false"])
            .args(args)
            .current_dir(&self.root)
            .env_remove("GIT_DIR")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                Fault::errored(format!("git can't be run: {error}")).hint("tiers builds from git commits: install git.")
            })?;
        if output.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Fault::errored(format!("git {} failed: {why}", args.join(" "))))
    }

    /// Runs tiers, shows what it says, and expects this exit code.
    pub fn tiers(&self, args: &[&str], expected: i32) -> Result<(), Fault> {
        self.show("tiers", args)?;
        let status = self.command().args(args).stdin(Stdio::null()).status();
        self.expect(args, status.map(|status| status.code()), Some(expected))
    }

    /// Runs tiers quietly and gives back what it printed.
    pub fn ask(&self, args: &[&str]) -> Result<serde_json::Value, Fault> {
        let output = self.command().args(args).args(["--json", "--quiet"]).stdin(Stdio::null()).output();
        let output = output.map_err(|error| Fault::errored(format!("tiers can't be run: {error}")))?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Fault::errored(format!("tiers {} printed no JSON: {}", args.join(" "), chain(&error))))
    }

    /// Runs tiers and kills it, as `kill -9` would, at its `point`-th append or changing call.
    pub fn killed(&self, args: &[&str], point: u32) -> Result<(), Fault> {
        self.show("tiers", args)?;
        let mut command = self.command();
        command.env("TIERS_TRIPWIRE", format!("kill:{point}"));
        let status = command.args(args).stdin(Stdio::null()).status();
        self.expect(args, status.map(|status| status.code()), None)?;
        print(&format!("  {}\n", self.style.bad("killed (kill -9) in the middle of its work")))
    }

    fn expect(&self, args: &[&str], code: std::io::Result<Option<i32>>, expected: Option<i32>) -> Result<(), Fault> {
        let code = code.map_err(|error| Fault::errored(format!("tiers can't be run: {error}")))?;
        if code == expected {
            return Ok(());
        }
        let text = |code: Option<i32>| code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
        Err(Fault::errored(format!(
            "the story went wrong: `tiers {}` ended with {}, expected was {}",
            args.join(" "),
            text(code),
            text(expected)
        )))
    }

    fn show(&self, program: &str, args: &[&str]) -> Result<(), Fault> {
        let shown: Vec<String> =
            args.iter().map(|arg| if arg.contains(' ') { format!("\"{arg}\"") } else { (*arg).to_owned() }).collect();
        print(&format!("{} {program} {}\n", self.style.dim("$"), shown.join(" ")))
    }

    fn command(&self) -> Command {
        let _ = std::io::stdout().flush();
        let mut command = Command::new(&self.program);
        command.current_dir(&self.root).env("TIERS_ACTOR", "erika@example.com");
        command.arg("--color").arg(if self.style.is_on() { "always" } else { "never" });
        command.env_remove("TIERS_TRIPWIRE").env_remove("TIERS_TRIPWIRE_COUNT");
        command
    }

    /// The folder, for messages.
    pub fn place(&self) -> &Path {
        &self.root
    }
}
