//! What a version runs: its entry point, with the image's paths turned into paths of the unpacked folder, or the reason why
//! that can't work here.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tiers_lambda::api::Settings;
use tiers_oci::{Architecture, ImageConfig};

use super::elf::{self, Executable};
use super::root;

/// A program that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub path: PathBuf,
    pub arguments: Vec<String>,
    pub directory: PathBuf,
    /// `_HANDLER`: the first word of the command, where there is one.
    pub handler: String,
}

/// Why an image's entry point can't be started. The text is what stands after `Error:` in Lambda's own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryProblem {
    Missing { entry: String },
    NotExecutable { entry: String },
    NoEntry,
    NeedsOwnRoot { entry: String, interpreter: String },
    OtherArchitecture { entry: String, found: String, here: String },
    Settings { wanted: String, found: String },
}

impl fmt::Display for EntryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryProblem::Missing { entry } => write!(f, "fork/exec {entry}: no such file or directory"),
            EntryProblem::NotExecutable { entry } => write!(f, "fork/exec {entry}: permission denied"),
            EntryProblem::NoEntry => {
                f.write_str("the image has no entry point and the function's ImageConfig names none")
            }
            EntryProblem::NeedsOwnRoot { entry, interpreter } => write!(
                f,
                "fork/exec {entry}: it needs its own root file system: its interpreter {interpreter} is not on this machine, \
                 and the local host starts programs without a container. Use a self-contained entry point, such as a \
                 statically linked program"
            ),
            EntryProblem::OtherArchitecture { entry, found, here } => write!(
                f,
                "fork/exec {entry}: exec format error: it is built for {found}, and this machine is {here}. Build the image \
                 for this machine's architecture to run it locally"
            ),
            EntryProblem::Settings { wanted, found } => write!(
                f,
                "exec format error: the image is built for {found}, and the function's architecture is {wanted}"
            ),
        }
    }
}

/// Lambda's own default for images that set none.
const TASK_ROOT: &str = "/var/task";
/// The entry point of AWS's base images: a script that starts the runtime below, named by an absolute path that does not lead
/// into the unpacked folder.
const BASE_IMAGE_SCRIPT: &str = "/lambda-entrypoint.sh";
const BOOTSTRAP: &str = "/var/runtime/bootstrap";
const IMAGE_PATH: &str = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin:/opt/bin";

impl Program {
    /// The program of a version in its unpacked image.
    pub fn find(root: &Path, config: &ImageConfig, settings: &Settings) -> Result<Program, EntryProblem> {
        check_architecture(config, settings)?;
        let (entry, command) = words(config, settings);
        let mut all: Vec<String> = entry.iter().chain(&command).cloned().collect();
        if all.is_empty() {
            return Err(EntryProblem::NoEntry);
        }
        if all[0] == BASE_IMAGE_SCRIPT && root::resolve(root, Path::new(BOOTSTRAP)).is_some() {
            // What the script does where it runs for real: hand the command over as _HANDLER and become the runtime.
            all = vec![BOOTSTRAP.to_owned()];
        }
        let working = settings.working_directory.clone().or_else(|| config.working_dir.clone());
        let working = working.unwrap_or_else(|| TASK_ROOT.to_owned());
        let path = locate(root, &all[0], &working, config)?;
        check_executable(root, &all[0], &path)?;
        let directory = root::resolve(root, Path::new(&working)).filter(|dir| dir.is_dir());
        let directory = directory.unwrap_or_else(|| root.to_owned());
        let arguments = all[1..].iter().map(|word| into_root(root, word)).collect();
        Ok(Program { path, arguments, directory, handler: command.first().cloned().unwrap_or_default() })
    }
}

/// Entry point and command: the function's `ImageConfig` overrides each of the image's by itself, as Lambda does.
fn words(config: &ImageConfig, settings: &Settings) -> (Vec<String>, Vec<String>) {
    let entry = if settings.entry_point.is_empty() { &config.entrypoint } else { &settings.entry_point };
    let command = if settings.command.is_empty() { &config.cmd } else { &settings.command };
    (entry.clone(), command.clone())
}

fn check_architecture(config: &ImageConfig, settings: &Settings) -> Result<(), EntryProblem> {
    let known: Option<Architecture> = config.architecture.parse().ok();
    let found = known.map_or_else(|| config.architecture.clone(), |known| known.as_str().to_owned());
    if found != settings.architecture && !settings.architecture.is_empty() {
        return Err(EntryProblem::Settings { wanted: settings.architecture.clone(), found });
    }
    Ok(())
}

/// Where the first word of the entry point leads.
fn locate(root: &Path, entry: &str, working: &str, config: &ImageConfig) -> Result<PathBuf, EntryProblem> {
    let missing = || EntryProblem::Missing { entry: entry.to_owned() };
    if entry.contains('/') {
        return root::resolve(root, &Path::new(working).join(entry)).filter(|path| path.is_file()).ok_or_else(missing);
    }
    let search = config.env.get("PATH").map_or(IMAGE_PATH, String::as_str);
    let dirs = search.split(':').filter(|dir| !dir.is_empty()).map(Path::new);
    let found = dirs.filter_map(|dir| root::resolve(root, &dir.join(entry))).find(|path| path.is_file());
    found.ok_or_else(missing)
}

fn check_executable(root: &Path, entry: &str, path: &Path) -> Result<(), EntryProblem> {
    let entry = entry.to_owned();
    let mode = path.metadata().map(|meta| meta.permissions().mode()).unwrap_or_default();
    if mode & 0o111 == 0 {
        return Err(EntryProblem::NotExecutable { entry });
    }
    let Ok(executable) = elf::inspect(path) else { return Err(EntryProblem::NotExecutable { entry }) };
    let here = std::env::consts::ARCH;
    let here = here.parse::<Architecture>().map_or(here, Architecture::as_str).to_owned();
    match executable {
        Executable::Elf { architecture, .. } if architecture != here => {
            Err(EntryProblem::OtherArchitecture { entry, found: architecture, here })
        }
        Executable::Elf { interpreter: Some(interpreter), .. } | Executable::Script { interpreter }
            if !Path::new(&interpreter).is_file() =>
        {
            let inside = root::resolve(root, Path::new(&interpreter)).is_some();
            let interpreter = if inside { format!("{interpreter} (of the image)") } else { interpreter };
            Err(EntryProblem::NeedsOwnRoot { entry, interpreter })
        }
        Executable::Elf { .. } | Executable::Script { .. } | Executable::Other => Ok(()),
    }
}

/// Arguments that name a file of the image name it where it was unpacked.
fn into_root(root: &Path, word: &str) -> String {
    const MAPPED: [&str; 3] = ["/var/task/", "/var/runtime/", "/opt/"];
    if !MAPPED.iter().any(|prefix| word.starts_with(prefix)) {
        return word.to_owned();
    }
    root::resolve(root, Path::new(word)).and_then(|path| path.to_str().map(str::to_owned)).unwrap_or(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn put(root: &Path, path: &str, bytes: &[u8], mode: u32) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, bytes).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
    }

    fn here() -> Architecture {
        Architecture::of_this_machine().expect("Lambda offers it")
    }

    fn image(entrypoint: &[&str], cmd: &[&str]) -> ImageConfig {
        ImageConfig {
            architecture: here().oci_name().to_owned(),
            os: "linux".to_owned(),
            entrypoint: entrypoint.iter().map(|w| (*w).to_owned()).collect(),
            cmd: cmd.iter().map(|w| (*w).to_owned()).collect(),
            ..ImageConfig::default()
        }
    }

    fn settings() -> Settings {
        Settings { architecture: here().as_str().to_owned(), ..Settings::default() }
    }

    #[test]
    fn entry_points_are_found_in_the_unpacked_image() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        put(root, "var/task/app", b"#!/bin/sh\n", 0o755);
        put(root, "var/task/app.toml", b"", 0o644);
        put(root, "usr/bin/tool", b"#!/bin/sh\n", 0o755);
        let check = |entry: &[&str], cmd: &[&str], path: &str, arguments: &[&str]| {
            let found = Program::find(root, &image(entry, cmd), &settings()).expect("found");
            let wanted: Vec<String> =
                arguments.iter().map(|w| w.replace("ROOT", root.to_str().expect("text"))).collect();
            assert_eq!((found.path, found.arguments), (root.join(path), wanted));
            assert_eq!(found.directory, root.join("var/task"));
        };
        check(&["/var/task/app"], &["one"], "var/task/app", &["one"]);
        check(&["./app"], &[], "var/task/app", &[]);
        check(&[], &["/var/task/app", "/var/task/app.toml"], "var/task/app", &["ROOT/var/task/app.toml"]);
        check(&["tool"], &["/etc/passwd", "/var/task/none"], "usr/bin/tool", &["/etc/passwd", "/var/task/none"]);
    }

    #[test]
    fn the_functions_own_words_override_the_images_each_by_itself() {
        let dir = tempfile::tempdir().expect("a folder");
        put(dir.path(), "var/task/app", b"#!/bin/sh\n", 0o755);
        let config = image(&["/var/task/app"], &["from-the-image"]);
        let own = Settings { command: vec!["mine".to_owned()], ..settings() };
        let found = Program::find(dir.path(), &config, &own).expect("found");
        assert_eq!((found.arguments, found.handler), (vec!["mine".to_owned()], "mine".to_owned()));
    }

    #[test]
    fn the_entry_script_of_aws_base_images_gives_way_to_the_runtime_it_would_start() {
        let dir = tempfile::tempdir().expect("a folder");
        put(dir.path(), "var/runtime/bootstrap", b"#!/bin/sh\n", 0o755);
        let found = Program::find(dir.path(), &image(&["/lambda-entrypoint.sh"], &["app.handler"]), &settings());
        let found = found.expect("found");
        assert_eq!((found.path, found.arguments.len()), (dir.path().join("var/runtime/bootstrap"), 0));
        assert_eq!(found.handler, "app.handler");
    }

    #[test]
    fn entry_points_that_cannot_work_say_why() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        put(root, "plain", b"text", 0o644);
        put(root, "script", b"#!/var/lang/bin/python\n", 0o755);
        put(root, "var/lang/bin/python", b"", 0o755);
        let mut other = fs::read(std::env::current_exe().expect("a path")).expect("readable")[..4096].to_vec();
        other[18..20].copy_from_slice(&if here() == Architecture::X86_64 { 183_u16 } else { 62 }.to_le_bytes());
        put(root, "other", &other, 0o755);
        let check = |entry: &[&str], wanted: &str| {
            let problem = Program::find(root, &image(entry, &[]), &settings()).expect_err("a problem").to_string();
            assert!(problem.contains(wanted), "{problem}");
        };
        check(&["/var/runtime/bootstrap"], "fork/exec /var/runtime/bootstrap: no such file or directory");
        check(&["missing"], "fork/exec missing: no such file");
        check(&["/plain"], "permission denied");
        check(&["/script"], "needs its own root file system: its interpreter /var/lang/bin/python (of the image)");
        check(&["/other"], "exec format error");
        check(&[], "no entry point");
        let mut config = image(&["/script"], &[]);
        config.architecture = if here() == Architecture::X86_64 { "arm64" } else { "amd64" }.to_owned();
        let problem = Program::find(root, &config, &settings()).expect_err("a problem").to_string();
        assert!(problem.contains("the image is built for"), "{problem}");
    }
}
