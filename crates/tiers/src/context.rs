//! What a command stands on: the project's folder and file, who is at work, and the ledger.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use tiers_core::config::{self, AppConfig, Environment, Facts, Ledger as LedgerPlace, Project};
use tiers_core::id::{App, Env};
use tiers_core::problem;
use tiers_core::record::{Actor, Stream};
use tiers_engine::ledger::{Ledger, LedgerError, ObjectLog, SeenInFolder};
use tiers_engine::port::clock::{Clock, SystemClock};
use tiers_engine::port::ids::{Ids, SystemIds};
use tiers_engine::port::log::Log;

use crate::cli::Global;
use crate::fault::{Fault, Kind};
use crate::render::style::Style;
use crate::render::tame;

/// The file that a project is described by.
pub const FILE: &str = "tiers.toml";
/// Where this machine keeps its part: ledger, images, the local host, caches.
pub const HOME: &str = ".tiers";

/// An opened project.
pub struct Context {
    pub root: PathBuf,
    pub project: Project,
    pub global: Global,
    pub style: Style,
    pub clock: Rc<dyn Clock>,
    pub ids: Rc<dyn Ids>,
    pub actor: Actor,
}

impl Context {
    /// Finds tiers.toml in the working folder or above it, and reads it.
    pub fn open(global: &Global) -> Result<Context, Fault> {
        let start = start_folder(global)?;
        let root = find_root(&start).ok_or_else(|| {
            Fault::usage(format!("there is no {FILE} in {} or above it", start.display()))
                .hint("`tiers init` writes one from what it finds; `tiers demo` shows everything without one.")
        })?;
        let file = root.join(FILE);
        let bytes =
            std::fs::read(&file).map_err(|error| Fault::usage(format!("{} can't be read: {error}", file.display())))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Fault::usage(format!("{FILE} is not UTF-8 text, from byte {}", error.utf8_error().valid_up_to()))
        })?;
        let style = global.style();
        let project = parse(FILE, &text, style, |path| read_below(&root, path))?;
        if !project.keys.is_empty() {
            return Err(Fault::usage("tiers.toml names keys, and this tiers does not check signatures yet")
                .hint("Remove `keys`: approvals count by name, which whoever can write the ledger can claim."));
        }
        let actor = who(&root);
        Ok(Context {
            root,
            project,
            global: global.clone(),
            style,
            clock: Rc::new(SystemClock),
            ids: Rc::new(SystemIds),
            actor,
        })
    }

    /// A path below this machine's folder.
    pub fn home(&self, part: &str) -> PathBuf {
        self.root.join(HOME).join(part)
    }

    /// The environment of this name, or an error that names those there are.
    pub fn environment(&self, name: &str) -> Result<&Environment, Fault> {
        self.project.env(&Env::from(name)).ok_or_else(|| {
            let known: Vec<&str> = self.project.environments.iter().map(|env| env.name.as_str()).collect();
            Fault::usage(format!("there is no environment `{name}` in {FILE}; there are {}", known.join(", ")))
        })
    }

    /// The stream of the project's Terraform lease.
    pub fn lease_stream(&self) -> Option<Stream> {
        // Projects are named as streams are, so this is always one.
        Stream::terraform(&self.project.name).ok()
    }

    /// The apps that a command concerns: the one that was named, or all.
    pub fn apps(&self, name: Option<&str>) -> Result<Vec<&AppConfig>, Fault> {
        match name {
            None => Ok(self.project.apps.iter().collect()),
            Some(name) => match self.project.app(&App::from(name)) {
                Some(app) => Ok(vec![app]),
                None => {
                    let known: Vec<&str> = self.project.apps.iter().map(|app| app.name.as_str()).collect();
                    Err(Fault::usage(format!("there is no app `{name}` in {FILE}; there are {}", known.join(", "))))
                }
            },
        }
    }

    /// The ledger, begun if it is not there yet: for commands that record something.
    pub async fn ledger(&self) -> Result<Ledger, Fault> {
        self.keep_home_out_of_git();
        let log = self.log(true)?;
        let seen = Rc::new(SeenInFolder::new(self.home("cache")));
        let ledger = Ledger::init(log, Rc::clone(&self.clock), Rc::clone(&self.ids), seen, self.actor.clone()).await?;
        ledger.check_writable()?;
        Ok(ledger)
    }

    /// What this machine keeps holds credentials and values in clear, and is no part of any commit. What can't be written here is said
    /// where it is needed.
    fn keep_home_out_of_git(&self) {
        let home = self.root.join(HOME);
        let file = home.join(".gitignore");
        if std::fs::create_dir_all(&home).is_ok() && !file.exists() {
            let _ = std::fs::write(file, "*\n");
        }
    }

    /// The ledger for reading; `None` where none was begun.
    pub async fn ledger_if_any(&self) -> Result<Option<Ledger>, Fault> {
        if let LedgerPlace::Folder(path) = &self.project.ledger
            && !self.root.join(path).is_dir()
        {
            return Ok(None);
        }
        let log = self.log(false)?;
        let seen = Rc::new(SeenInFolder::new(self.home("cache")));
        match Ledger::open(log, Rc::clone(&self.clock), Rc::clone(&self.ids), seen).await {
            Ok(ledger) => Ok(Some(ledger)),
            Err(LedgerError::Absent { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn log(&self, create: bool) -> Result<Rc<dyn Log>, Fault> {
        match &self.project.ledger {
            LedgerPlace::Folder(path) => {
                let log = ObjectLog::folder(&self.root.join(path), create)
                    .map_err(|error| Fault::errored(format!("the ledger can't be opened: {error}")))?;
                Ok(Rc::new(crate::place::tripwire::log(log)))
            }
            LedgerPlace::Url(url) => bucket(url),
        }
    }
}

#[cfg(feature = "s3")]
fn bucket(url: &str) -> Result<Rc<dyn Log>, Fault> {
    use tiers_engine::ledger::{S3Place, s3_log};
    let unusable = |why: String| Fault::usage(format!("the ledger `{url}` can't be used: {why}"));
    let place = S3Place::parse(url).map_err(|error| unusable(error.to_string()))?;
    Ok(Rc::new(s3_log(&place, None).map_err(|error| unusable(error.to_string()))?))
}

#[cfg(not(feature = "s3"))]
fn bucket(url: &str) -> Result<Rc<dyn Log>, Fault> {
    Err(Fault::usage(format!("the ledger `{url}` needs a tiers that was built with the feature `s3`")))
}

/// Reads a tiers.toml; all of its problems become one fault that shows each where it stands.
///
/// `beside` reads another file of the same folder, or of the same commit: settings may be taken from variables files.
pub fn parse(
    name: &str,
    text: &str,
    style: Style,
    beside: impl Fn(&str) -> Result<Option<Vec<u8>>, Fault>,
) -> Result<Project, Fault> {
    let mut facts = Facts::default();
    for (environment, path) in config::tfvars_files(text) {
        // An environment whose file is not there stays out: what is taken from it is then shown where it stands.
        let Some(bytes) = beside(&path)? else { continue };
        let values = String::from_utf8(bytes)
            .map_err(|_| "it is not UTF-8 text".to_owned())
            .and_then(|text| tiers_check::plain_values(&path, &text).map_err(|error| error.to_string()))
            .map_err(|why| Fault::usage(format!("{path}, from which {name} takes settings, can't be read: {why}")))?;
        facts.tfvars.insert(environment, values);
    }
    match config::load(name, text, &facts) {
        Ok(loaded) => Ok(loaded.project),
        Err(problems) => {
            let shown = problem::render(&problems, text, style.is_on());
            Err(Fault::new(Kind::Usage, format!("{name} has {}\n\n{}", problem::count(&problems), shown.trim_end())))
        }
    }
}

/// A file below a folder; `None` where there is none.
pub fn read_below(root: &Path, path: &str) -> Result<Option<Vec<u8>>, Fault> {
    match std::fs::read(root.join(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::usage(format!("{path} can't be read: {error}"))),
    }
}

/// Where the command was started, or was told to start.
pub fn start_folder(global: &Global) -> Result<PathBuf, Fault> {
    let start = match &global.directory {
        Some(folder) => folder.clone(),
        None => std::env::current_dir().map_err(|error| Fault::errored(format!("no working folder: {error}")))?,
    };
    start.canonicalize().map_err(|error| Fault::usage(format!("{} can't be used: {error}", start.display())))
}

fn find_root(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|folder| folder.join(FILE).is_file()).map(Path::to_owned)
}

/// Who is at work, for the ledger: `TIERS_ACTOR`, or what CI or git says, or the login name.
fn who(root: &Path) -> Actor {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let who = variable("TIERS_ACTOR")
        .or_else(|| variable("GITHUB_ACTOR").map(|actor| format!("github:{actor}")))
        .or_else(|| git_email(root))
        .or_else(|| variable("USER"))
        .unwrap_or_else(|| "unknown".to_owned());
    // It stands in a line of its own in the ledger and on every terminal.
    let who = Some(tame::line(&who)).filter(|who| !who.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let run = variable("GITHUB_RUN_ID").map(|run| {
        let server = variable("GITHUB_SERVER_URL").unwrap_or_default();
        let repository = variable("GITHUB_REPOSITORY").unwrap_or_default();
        format!(", {server}/{repository}/actions/runs/{run}")
    });
    Actor { who, host, via: format!("tiers {}{}", env!("CARGO_PKG_VERSION"), run.unwrap_or_default()) }
}

fn git_email(root: &Path) -> Option<String> {
    let output = std::process::Command::new("git").args(["config", "user.email"]).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| output.status.success() && !text.is_empty())
}
