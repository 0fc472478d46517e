//! What `check`, `matrix` and `diff` share: the repository's files, and what tiers.toml says about them where there is one.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tiers_check::{EnvironmentOverride, ExtraRow, Matrix, Options, Suppression, TagPolicy, TerraformOverride};
use tiers_core::config::{self, Place, Project};

use crate::cli::Global;
use crate::command::print;
use crate::context::{FILE, parse, read_below, start_folder};
use crate::fault::Fault;
use crate::render::wrap::columns;
use crate::repository::{self, Files};

/// A repository, read.
pub struct Checking {
    pub root: PathBuf,
    pub files: Files,
    pub options: Options,
    /// Where tiers.toml says that the baseline is.
    pub baseline: Option<String>,
    /// What tiers.toml adds to the table of differences.
    pub extra: Vec<ExtraRow>,
}

/// How a table of differences is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Text,
    Json,
    Markdown,
}

impl TableFormat {
    /// `--json` is `--format json`.
    pub fn asked(format: Option<TableFormat>, global: &Global) -> Result<TableFormat, Fault> {
        match (format, global.json) {
            (None | Some(TableFormat::Json), true) => Ok(TableFormat::Json),
            (Some(_), true) => Err(two_formats()),
            (format, false) => Ok(format.unwrap_or(TableFormat::Text)),
        }
    }

    /// Prints the table; `all` keeps the rows that differ only by the environment's name.
    pub fn print(self, matrix: &Matrix, all: bool) -> Result<(), Fault> {
        print(&match self {
            TableFormat::Text => matrix.text(columns(), all),
            TableFormat::Json => matrix.json(),
            TableFormat::Markdown => matrix.markdown(),
        })
    }
}

pub fn two_formats() -> Fault {
    Fault::usage("`--json` is `--format json`, and another format was asked for as well")
}

impl Checking {
    /// Reads the repository around the folder that the command was started in, or around `paths`; then only what is found in
    /// those paths is reported.
    pub fn open(global: &Global, paths: &[PathBuf]) -> Result<Checking, Fault> {
        let start = start_folder(global)?;
        let paths: Vec<PathBuf> = paths.iter().map(|path| existing(&start, path)).collect::<Result<_, _>>()?;
        let root = repository::root_of(paths.first().unwrap_or(&start));
        let mut only = Vec::new();
        for path in &paths {
            match path.strip_prefix(&root) {
                Ok(inside) => only.push(inside.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")),
                Err(_) => {
                    let message = format!("{} is not in the repository at {}", path.display(), root.display());
                    return Err(Fault::usage(message).hint("One check is about one repository; run it once for each."));
                }
            }
        }
        // The whole repository takes in everything.
        if only.iter().any(String::is_empty) {
            only.clear();
        }
        let declared = declared(&root, global)?;
        let leave_out = declared.as_ref().map_or(&[][..], |(project, _)| project.check.leave_out.as_slice());
        let files = repository::read(&root, leave_out)?;
        if !global.quiet {
            for note in &files.notes {
                eprintln!("note: {note}");
            }
        }
        let mut options = declared.as_ref().map(|(project, text)| options(project, text)).unwrap_or_default();
        options.only = only;
        let extra =
            declared.as_ref().map(|(project, text)| super::matrix_rows::rows(project, text)).unwrap_or_default();
        let baseline = declared.and_then(|(project, _)| project.check.baseline);
        Ok(Checking { root, files, options, baseline, extra })
    }
}

fn existing(start: &Path, path: &Path) -> Result<PathBuf, Fault> {
    let path = start.join(path);
    path.canonicalize().map_err(|error| Fault::usage(format!("{}: {error}", path.display())))
}

/// The project with its text, where there is a tiers.toml.
fn declared(root: &Path, global: &Global) -> Result<Option<(Project, String)>, Fault> {
    let file = root.join(FILE);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::usage(format!("{} can't be read: {error}", file.display()))),
    };
    let project = parse(FILE, &text, global.style(), |path| read_below(root, path))?;
    for entry in &project.check.ignore {
        known_rule(&entry.rule)?;
    }
    Ok(Some((project, text)))
}

fn known_rule(id: &str) -> Result<(), Fault> {
    if tiers_check::explain(id).is_some() {
        return Ok(());
    }
    let fault = Fault::usage(format!("{FILE} accepts findings of `{id}`, and there is no such rule"));
    let meant = config::nearest(id, tiers_check::rules().iter().map(|rule| rule.id));
    Err(match meant {
        Some(meant) => fault.hint(format!("Did you mean `{meant}`? `tiers explain` lists all rules.")),
        None => fault.hint("`tiers explain` lists all rules."),
    })
}

/// What the check needs to know of a tiers.toml.
fn options(project: &Project, text: &str) -> Options {
    let environments = project.environments.iter().map(|environment| {
        let (account, region) = match &environment.place {
            Place::Aws { account, region } => (Some(account.clone()), Some(region.clone())),
            Place::Local => (None, None),
        };
        EnvironmentOverride { name: environment.name.to_string(), account, region }
    });
    let terraform = project.terraform.iter().map(|terraform| TerraformOverride {
        root: terraform.root.clone(),
        backend: terraform.backend.clone(),
        var_file: terraform.var_file.clone(),
    });
    let components = project.apps.iter().flat_map(|app| &app.components);
    let suppress = project.check.ignore.iter().map(|entry| Suppression {
        rule: entry.rule.clone(),
        path: entry.path.clone(),
        reason: entry.reason.clone(),
    });
    Options {
        project: Some(project.name.clone()),
        // A pattern that nobody wrote down binds components alone, and none of what stands beside them.
        name_pattern: config::locate(text, &["name"]).map(|_| project.name_pattern.clone()),
        environments: environments.collect(),
        terraform: terraform.collect(),
        tags: TagPolicy { required: project.required_tags.clone(), allowed: project.allowed_tags.clone() },
        suppress: suppress.collect(),
        deployed_components: components.map(|component| component.name.to_string()).collect(),
        ..Options::default()
    }
}
