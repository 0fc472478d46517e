//! The Terraform program in one environment: its folder, its data directory, its variables, and the calls that are made of it.
//!
//! `-migrate-state`, `-reconfigure` and `force-unlock` are never among them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tiers_core::redact::Redactor;
use tiers_engine::port::lease::LockState;
use tiers_engine::port::runner::RunError;

use super::said::{Said, Show};
use super::waiting::{Ended, Prepared};
use crate::runner::program;

/// Variables that would change what Terraform does behind our back: another directory, another workspace, further arguments.
const UNWANTED: [&str; 4] = ["TF_DATA_DIR", "TF_WORKSPACE", "TF_INPUT", "TF_IN_AUTOMATION"];
const UNWANTED_PREFIX: &str = "TF_CLI_ARGS";

/// How Terraform says that somebody else holds the state's lock.
const LOCKED: &str = "Error acquiring the state lock";

/// Terraform in one environment.
#[derive(Clone)]
pub struct Terraform {
    /// A name that is looked up in `PATH`, or a path.
    pub program: String,
    /// The root module, where it runs.
    pub root: PathBuf,
    /// `TF_DATA_DIR`.
    pub data: PathBuf,
    /// Passed to what takes values, where the environment has one.
    pub var_file: Option<PathBuf>,
    /// How long the backend's lock is waited for, as Terraform writes it: `10s`.
    pub lock_timeout: String,
    /// Set on top of our own environment.
    pub env: BTreeMap<String, String>,
    pub redactor: Redactor,
}

/// How a call ended.
#[derive(Clone)]
pub struct Done {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    said: Said,
    redactor: Redactor,
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum TerraformError {
    #[error(transparent)]
    Start(#[from] RunError),
    #[error("`{what}` could not be run: {error}")]
    Io { what: String, error: io::Error },
    /// Its own words are with it.
    #[error("`{what}` {}", done.how())]
    Failed { what: String, done: Box<Done> },
    #[error("`{what}` said something that can't be read: {why}")]
    Answer { what: String, why: String },
}

#[derive(Deserialize)]
struct State {
    lineage: Option<String>,
    serial: Option<u64>,
}

impl Terraform {
    /// The name and version of the program, whatever it is called here: `terraform 1.11.4`, `tofu 1.9.0`.
    pub async fn version(&self) -> Result<String, TerraformError> {
        let done = self.good(&["version", "-no-color"], &|| false).await?;
        let text = String::from_utf8_lossy(&done.said.out);
        named(&text).ok_or_else(|| unreadable("version", &"no line `Terraform v…` or `OpenTofu v…`"))
    }

    /// Initialises the data directory with this backend file. Nothing is ever migrated or reconfigured, and a lock file of providers
    /// that is `kept` is only read.
    pub async fn init(
        &self,
        backend: Option<&Path>,
        kept: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<Done, TerraformError> {
        let config = backend.map(|path| format!("-backend-config={}", path.display()));
        let mut args = vec!["init", "-input=false", "-no-color"];
        args.extend(kept.then_some("-lockfile=readonly"));
        args.extend(config.as_deref());
        self.good(&args, stop).await
    }

    /// Makes a plan and saves it at `out`, which exists already, for its owner's eyes. `false` where nothing would change.
    pub async fn plan(&self, out: &Path, stop: &dyn Fn() -> bool) -> Result<(bool, Done), TerraformError> {
        let (out, locking) = (format!("-out={}", out.display()), format!("-lock-timeout={}", self.lock_timeout));
        let values = self.values();
        let mut args = vec!["plan", "-input=false", "-no-color", "-detailed-exitcode", &locking, &out];
        args.extend(values.as_deref());
        let done = self.run(&args, Show::Nothing, stop).await?;
        match done.code {
            Some(0) => Ok((false, done)),
            Some(2) => Ok((true, done)),
            _ => Err(done.failed("plan")),
        }
    }

    /// A saved plan as JSON. Holds values in clear.
    pub async fn show(&self, plan: &Path) -> Result<String, TerraformError> {
        let done = self.good(&["show", "-json", "-no-color", &plan.display().to_string()], &|| false).await?;
        String::from_utf8(done.said.out).map_err(|error| unreadable("show -json", &error))
    }

    /// Lineage and serial of the state; `None` where there is no state yet.
    pub async fn state(&self) -> Result<Option<(String, u64)>, TerraformError> {
        let done = self.good(&["state", "pull", "-no-color"], &|| false).await?;
        if done.said.out.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let state: State = answer("state pull", &done.said.out)?;
        // Where nothing was ever written, an empty state is made up for the answer.
        Ok(state.lineage.filter(|lineage| !lineage.is_empty()).zip(state.serial))
    }

    /// The process that will apply this saved plan.
    pub fn prepare_apply(&self, plan: &Path) -> Result<Prepared, TerraformError> {
        let (locking, plan) = (format!("-lock-timeout={}", self.lock_timeout), plan.display().to_string());
        self.prepare(&["apply", "-input=false", "-no-color", &locking, &plan])
    }

    /// Lets a prepared process go.
    pub async fn go(&self, prepared: Prepared, show: Show, stop: &dyn Fn() -> bool) -> Result<Done, TerraformError> {
        let ended = prepared.go(show, stop).await;
        ended.map(Done::from).map_err(|error| TerraformError::Io { what: self.program.clone(), error })
    }

    /// Whether the backend's own lock is free: it is taken and given back at once for a resource that is not there, which looks at
    /// nothing, writes nothing, and needs none of the environment's values.
    pub async fn lock_state(&self) -> LockState {
        let probe = "terraform_data.tiers_looks_whether_the_lock_is_free";
        match self
            .run(&["untaint", "-allow-missing", "-no-color", "-lock-timeout=0s", probe], Show::Nothing, &|| false)
            .await
        {
            Ok(done) if done.code == Some(0) => LockState::Free,
            Ok(done) if done.is_locked() => LockState::Held(done.lock_info()),
            Ok(done) => LockState::Unknown(done.first_error()),
            Err(error) => LockState::Unknown(error.to_string()),
        }
    }

    fn values(&self) -> Option<String> {
        self.var_file.as_ref().map(|path| format!("-var-file={}", path.display()))
    }

    fn prepare(&self, args: &[&str]) -> Result<Prepared, TerraformError> {
        let search = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        let program = program::find(&self.program, &self.root, &search)?;
        Prepared::start(&program, args, &self.root, &self.environment(), &self.redactor)
            .map_err(|error| TerraformError::Io { what: self.program.clone(), error })
    }

    async fn run(&self, args: &[&str], show: Show, stop: &dyn Fn() -> bool) -> Result<Done, TerraformError> {
        self.go(self.prepare(args)?, show, stop).await
    }

    async fn good(&self, args: &[&str], stop: &dyn Fn() -> bool) -> Result<Done, TerraformError> {
        let done = self.run(args, Show::Nothing, stop).await?;
        if done.code == Some(0) { Ok(done) } else { Err(done.failed(args.first().copied().unwrap_or_default())) }
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let unwanted = |name: &OsString| {
            let name = name.to_string_lossy();
            UNWANTED.contains(&&*name) || name.starts_with(UNWANTED_PREFIX)
        };
        let mut all: BTreeMap<OsString, OsString> = std::env::vars_os().filter(|(name, _)| !unwanted(name)).collect();
        let ours = [("TF_INPUT", "0"), ("TF_IN_AUTOMATION", "1"), ("CHECKPOINT_DISABLE", "1")];
        all.extend(ours.map(|(name, value)| (name.into(), value.into())));
        all.insert("TF_DATA_DIR".into(), self.data.clone().into_os_string());
        all.extend(self.env.iter().map(|(name, value)| (name.into(), value.into())));
        all.into_iter().collect()
    }
}

impl From<Ended> for Done {
    fn from(ended: Ended) -> Done {
        Done { code: ended.status.code(), said: ended.said, redactor: ended.redactor }
    }
}

impl fmt::Debug for Done {
    /// Without what may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done").field("code", &self.code).field("text", &self.said.shown).finish()
    }
}

// What it said is judged as it came: a secret that happens to be a word of Terraform's own must not change what is understood. Only
// what leaves here is redacted.
impl Done {
    /// All that it said, whole lines in the order in which they came, redacted.
    pub fn text(&self) -> &str {
        &self.said.shown
    }

    /// What it said on standard output, redacted.
    pub fn text_out(&self) -> &str {
        &self.said.shown_out
    }

    /// What it said on standard error, redacted.
    pub fn text_err(&self) -> &str {
        &self.said.shown_err
    }

    /// True when it did nothing because somebody else holds the state's lock.
    pub fn is_locked(&self) -> bool {
        self.has_no_lock() && self.lock_id().is_some()
    }

    /// True when it did nothing because it could not take the state's lock, whoever holds it.
    pub fn has_no_lock(&self) -> bool {
        self.raw().contains(LOCKED)
    }

    /// True when it did nothing because the state moved on since the plan was made.
    pub fn is_stale(&self) -> bool {
        self.raw().contains("Saved plan is stale")
    }

    /// The line that says what went wrong first; how it ended where there is none.
    pub fn first_error(&self) -> String {
        let raw = self.raw();
        let line = lines(&raw).find(|line| line.starts_with("Error"));
        line.map_or_else(|| self.how(), |line| self.redactor.text(line).into_owned())
    }

    /// What the backend says about its lock, in one line: id, who, when.
    pub fn lock_info(&self) -> String {
        let raw = self.raw();
        let wanted = ["ID:", "Path:", "Operation:", "Who:", "Created:"];
        let told = lines(&raw).filter(|line| wanted.iter().any(|name| line.starts_with(name)));
        let told: Vec<String> = told.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        if told.is_empty() { self.first_error() } else { self.redactor.text(&told.join(", ")).into_owned() }
    }

    /// The id of the lock that somebody else holds.
    pub fn lock_id(&self) -> Option<String> {
        let raw = self.raw();
        let id = lines(&raw).find_map(|line| line.strip_prefix("ID:")).map(str::trim).filter(|id| !id.is_empty());
        id.map(|id| self.redactor.text(id).into_owned())
    }

    /// When the lock that is held was taken, as RFC 3339; `None` where that is not told in UTC.
    pub fn lock_created(&self) -> Option<String> {
        let raw = self.raw();
        let told = lines(&raw).find_map(|line| line.strip_prefix("Created:"))?;
        match told.split_whitespace().collect::<Vec<_>>()[..] {
            [day, time, "+0000", ..] => Some(format!("{day}T{time}Z")),
            _ => None,
        }
    }

    /// Errors come first.
    fn raw(&self) -> String {
        String::from_utf8_lossy(&[&self.said.err[..], b"\n", &self.said.out].concat()).into_owned()
    }

    /// How it ended, in words.
    pub fn how(&self) -> String {
        match self.code {
            Some(code) => format!("ended with exit code {code}"),
            None => "was ended by a signal".to_owned(),
        }
    }

    fn failed(self, what: &str) -> TerraformError {
        TerraformError::Failed { what: format!("terraform {what}"), done: Box::new(self) }
    }
}

/// What a program says that it is. As JSON both say the same of their version, and nothing of their name.
fn named(text: &str) -> Option<String> {
    let programs = [("Terraform v", "terraform"), ("OpenTofu v", "tofu")];
    text.lines().find_map(|line| {
        let (rest, name) = programs.iter().find_map(|(says, name)| Some((line.strip_prefix(says)?, name)))?;
        let version =
            rest.split_whitespace().next().filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))?;
        Some(format!("{name} {version}"))
    })
}

/// Lines without the frame that Terraform draws around an error.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.trim_start_matches(['│', '╷', ' ']).trim())
}

fn answer<T: for<'de> Deserialize<'de>>(what: &str, out: &[u8]) -> Result<T, TerraformError> {
    serde_json::from_slice(out).map_err(|error| unreadable(what, &error))
}

fn unreadable(what: &str, error: &dyn std::fmt::Display) -> TerraformError {
    TerraformError::Answer { what: format!("terraform {what}"), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::said::{Listener, Stream};
    use super::*;

    const HELD: &str = "╷\n│ Error: Error acquiring the state lock\n│ \n│ Error message: ConditionalCheckFailedException\n│ Lock Info:\n│   \
                        ID:        11111111-2222\n│   Path:      shop/dev\n│   Who:       otto@laptop\n╵\n";
    const NO_TABLE: &str = "\nError: Error acquiring the state lock\n\nError message: ResourceNotFoundException: Requested resource not \
                            found\nUnable to retrieve item from DynamoDB table \"shop-locks\"\n";

    fn done(err: &str, secrets: &[&str]) -> Done {
        let redactor = Redactor::new(secrets);
        let mut listener = Listener::new(&redactor, Show::Nothing);
        listener.push(Stream::Err, err.as_bytes());
        Done { code: Some(1), said: listener.finish(), redactor }
    }

    #[test]
    fn a_lock_is_somebodys_only_where_terraform_says_whose() {
        let held = done(HELD, &[]);
        assert!(held.is_locked() && held.has_no_lock());
        assert_eq!(held.lock_info(), "ID: 11111111-2222, Path: shop/dev, Who: otto@laptop");
        assert_eq!((held.lock_id().as_deref(), held.lock_created()), (Some("11111111-2222"), None));
        let since = done(&format!("{HELD}  Created:   2026-11-28 06:16:01.347359707 +0000 UTC\n"), &[]);
        assert_eq!(since.lock_created().as_deref(), Some("2026-11-28T06:16:01.347359707Z"));
        let no_table = done(NO_TABLE, &[]);
        assert!(no_table.has_no_lock() && !no_table.is_locked());
        assert_eq!(no_table.lock_id(), None);
    }

    #[test]
    fn a_program_is_what_it_says_that_it_is() {
        let terraform = "Terraform v1.11.4\non linux_amd64\n\nYour version of Terraform is out of date!\n";
        assert_eq!(named(terraform).as_deref(), Some("terraform 1.11.4"));
        assert_eq!(named("switched to 1.9\nOpenTofu v1.9.0-beta1\n").as_deref(), Some("tofu 1.9.0-beta1"));
        for other in ["", "{}", "Terraform", "Terraform vX", "terragrunt version v0.67.1", "Packer v1.11.2"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn a_secret_that_is_a_word_of_terraforms_changes_nothing_but_what_is_shown() {
        let held = done(HELD, &["state", "otto@laptop"]);
        assert!(held.is_locked());
        assert_eq!(held.first_error(), "Error: Error acquiring the *** lock");
        assert_eq!(held.lock_info(), "ID: 11111111-2222, Path: shop/dev, Who: ***");
        let stale = done("\nError: Saved plan is stale\n\nThe given plan file", &["stale"]);
        assert!(stale.is_stale() && !format!("{stale:?}").contains("stale"), "{stale:?}");
    }
}
