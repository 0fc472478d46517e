//! Which folders of configuration are root modules: where somebody runs Terraform.

use std::collections::BTreeMap;

use foldhash::{HashSet, HashSetExt};
use rayon::prelude::*;

use super::fragments;
use super::names::{Named, folder_of_tests};
use super::surroundings::Surroundings;
use super::usage::{self, Use};
use crate::elsewhere;
use crate::eval::World;
use crate::layout::Note;
use crate::model;
use crate::options::Options;
use crate::parsed::Parsed;
use crate::tree::{FileTree, workflow_folder};

pub(crate) struct Roots<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    /// By module index.
    pub(crate) is_root: Vec<bool>,
    pub(crate) called: Vec<bool>,
    /// The environment that the folder's own path names.
    pub(crate) path_environment: Vec<Option<Named>>,
    /// How many folders Terragrunt runs.
    pub(crate) terragrunt: usize,
}

/// Segments below which a folder is a root only when it keeps a state.
const SELDOM_ROOTS: &[&str] = &[
    "modules",
    "module",
    "_modules",
    "examples",
    "example",
    "test",
    "tests",
    "fixtures",
    "testdata",
    "templates",
    "template",
];

/// Every call of Terraform in scripts and workflows.
pub(crate) fn uses(tree: &FileTree, parsed: &[Parsed<'_>]) -> Vec<Use> {
    let mut uses = Vec::new();
    for (file, parsed) in parsed.iter().enumerate() {
        match parsed {
            Parsed::Script(commands) => {
                uses.extend(commands.iter().filter_map(|command| usage::read(file, command, None)))
            }
            Parsed::Workflow(workflow) => {
                for run in &workflow.runs {
                    let dir = run.working_directory.as_deref();
                    uses.extend(run.commands.iter().filter_map(|command| usage::read(file, command, dir)));
                }
                let variables = workflow.terraform_variables();
                if !variables.is_empty() {
                    uses.push(Use { variables, ..Use::nothing(file) });
                }
            }
            Parsed::Words(text) => {
                let variables = elsewhere::variables(text);
                let told = !tree.files()[file].name().ends_with(".md");
                let selects = told && (text.contains("workspace select") || text.contains("TF_WORKSPACE"));
                if !variables.is_empty() || selects {
                    let variables = variables.into_iter().map(ToString::to_string).collect();
                    let subcommand = if selects { "workspace".to_string() } else { String::new() };
                    uses.push(Use { variables, subcommand, ..Use::nothing(file) });
                }
            }
            _ => {}
        }
        // A Jenkinsfile's shell stands in quotes.
        let quoted = matches!(parsed, Parsed::Script(_)).then(|| tree.files()[file].text()).flatten();
        let variables = quoted.map(elsewhere::variables).unwrap_or_default();
        if !variables.is_empty() {
            let variables = variables.into_iter().map(ToString::to_string).collect();
            uses.push(Use { variables, ..Use::nothing(file) });
        }
    }
    uses
}

pub(crate) fn find<'a>(
    tree: &'a FileTree,
    parsed: &'a [Parsed<'a>],
    world: &World<'a>,
    uses: &[Use],
    options: &'a Options,
    notes: &mut Vec<Note>,
) -> Roots<'a> {
    let (surroundings, with_files) =
        rayon::join(|| look_around(tree, parsed, options), || folders_with_files(tree, parsed, world));
    let called = called(world);
    let terragrunt = terragrunt(tree, parsed, notes);
    let sources = terragrunt_sources(tree, parsed, world);
    let mut is_root = Vec::with_capacity(world.modules.len());
    // Nothing but what they hold speaks for these.
    let mut by_content = Vec::new();
    let mut of_tests: BTreeMap<&str, usize> = BTreeMap::new();
    let dirs = world.modules.par_iter().with_min_len(16);
    let path_environment: Vec<Option<Named>> = dirs.map(|module| surroundings.of_dir(module.dir, 0)).collect();
    for (index, module) in world.modules.iter().enumerate() {
        let keeps_state = module.backend.is_some() || module.cloud.is_some();
        let used =
            uses.iter().filter_map(|used| used.dir.as_deref()).any(|dir| usage::ends_with_pattern(module.dir, dir));
        let seldom = module.dir.split('/').any(|segment| SELDOM_ROOTS.contains(&segment));
        let does_something = !module.resources.is_empty() || !module.calls.is_empty() || !module.data.is_empty();
        let stands_alone = !called[index] && !seldom && does_something && terragrunt.is_empty();
        // What cannot be read may be all that an environment has; it is there nevertheless.
        let broken = !module.unreadable.is_empty()
            && surroundings.of_dir(module.dir, 0).is_some()
            && !called[index]
            && !seldom
            && terragrunt.is_empty();
        let under_terragrunt = terragrunt.contains(module.dir) || sources.contains(module.dir);
        // What others are made from stands for none of them, though it may hold all that they hold.
        let mould = !used && module.dir.split('/').any(super::names::is_mould);
        let declared = is_declared(options, module.dir);
        let for_tests = if used || declared { None } else { folder_of_tests(module.dir) };
        let found = !under_terragrunt
            && !mould
            && for_tests.is_none()
            && (keeps_state || (used && !called[index]) || with_files.contains(&index) || stands_alone || broken);
        if let Some(folder) = for_tests.filter(|_| keeps_state || with_files.contains(&index)) {
            *of_tests.entry(folder).or_insert(0_usize) += 1;
        }
        if under_terragrunt {
            notes.push(Note {
                path: module.dir.to_string(),
                says: "run by Terragrunt, so its values and state were not checked".into(),
            });
        }
        if found
            && !declared
            && !keeps_state
            && !used
            && !with_files.contains(&index)
            && path_environment[index].is_none()
        {
            by_content.push(index);
        }
        is_root.push(declared || found);
    }
    notes.extend(of_tests.into_iter().map(|(folder, count)| {
        let them = if count == 1 { "a root module".to_string() } else { format!("{count} root modules") };
        let says = format!("{them} here that no script or workflow runs: taken for what tests read, and not compared");
        Note { path: folder.to_string(), says }
    }));
    for index in fragments::find(tree, world, &by_content, notes) {
        is_root[index] = false;
    }
    for (module, _) in world.modules.iter().zip(&is_root).filter(|(module, _)| module.incomplete) {
        notes.push(Note {
            path: module.dir.to_string(),
            says: module.gap.clone().unwrap_or_else(|| {
                "a file here could not be read, so nothing is said about what may be missing".into()
            }),
        });
    }
    Roots { surroundings, is_root, called, path_environment, terragrunt: units(&terragrunt) }
}

/// Whether tiers.toml says how this root module's files are found, for one of its environments: a folder beside those of the
/// environments (`account` under `terraform/{environment}`) is none of them.
pub(crate) fn is_declared(options: &Options, dir: &str) -> bool {
    options.terraform.iter().any(|declared| {
        options.environments.iter().any(|each| root_matches(&declared.root.replace("{environment}", &each.name), dir))
    })
}

/// Whether a declared root, its environment filled in, is this folder; `*` stands for any one segment's text.
pub(crate) fn root_matches(declared: &str, dir: &str) -> bool {
    let glob = declared.trim_start_matches("./").trim_end_matches('/');
    let glob = if glob == "." { "" } else { glob };
    let (wanted, parts): (Vec<&str>, Vec<&str>) = (glob.split('/').collect(), dir.split('/').collect());
    wanted.len() == parts.len() && parts.iter().zip(wanted).all(|(part, glob)| usage::matches(part, glob))
}

fn look_around<'a>(tree: &'a FileTree, parsed: &'a [Parsed<'a>], options: &'a Options) -> Surroundings<'a> {
    let declared = options.environments.iter().map(|environment| environment.name.as_str()).collect();
    let mut surroundings = Surroundings::new(declared);
    for (file, parsed) in tree.files().iter().zip(parsed) {
        match parsed {
            Parsed::Terraform(_) | Parsed::Terragrunt => surroundings.add_folder(file.dir()),
            Parsed::Values(body) | Parsed::Settings(body) => {
                surroundings.add_folder(file.dir());
                surroundings.add_file(file, &body.attrs);
            }
            Parsed::Unreadable(_) => {
                surroundings.add_folder(file.dir());
                if !model::is_configuration_name(file.name()) {
                    surroundings.add_file(file, &[]);
                }
            }
            _ => {}
        }
    }
    surroundings
}

fn called(world: &World<'_>) -> Vec<bool> {
    let mut called = vec![false; world.modules.len()];
    for module in &world.modules {
        for call in &module.calls {
            if let Some(index) = call.target {
                called[index] = true;
            }
        }
    }
    called
}

/// Workflows of repositories that were copied into this one: GitHub never runs them here.
pub(super) fn workflows_of_others(tree: &FileTree) -> impl Iterator<Item = Note> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for folder in tree.files().iter().filter_map(|file| workflow_folder(file.path())).filter(|it| !it.is_empty()) {
        *found.entry(folder).or_default() += 1;
    }
    found.into_iter().map(|(folder, count)| {
        let them = if count == 1 { "a workflow".to_string() } else { format!("{count} workflows") };
        let says = format!("GitHub runs the workflows of the root's .github alone, so {them} below were not checked");
        Note { path: format!("{folder}/.github/workflows"), says }
    })
}

/// Folders that Terragrunt runs, with one note for all of them.
fn terragrunt<'a>(tree: &'a FileTree, parsed: &[Parsed<'_>], notes: &mut Vec<Note>) -> HashSet<&'a str> {
    let mut folders: BTreeMap<&str, ()> = BTreeMap::new();
    for (file, parsed) in tree.files().iter().zip(parsed) {
        if matches!(parsed, Parsed::Terragrunt) {
            folders.insert(file.dir(), ());
        }
    }
    if let Some((first, ())) = folders.first_key_value() {
        notes.push(Note {
            path: first.to_string(),
            says: format!(
                "Terragrunt runs {} here; it computes values and backends when it runs, so they were not compared",
                match units(&folders.keys().copied().collect()) {
                    1 => "a folder".to_string(),
                    units => format!("{units} folders"),
                }
            ),
        });
    }
    folders.into_keys().collect()
}

/// Folders with others below them hold what those include.
fn units(folders: &HashSet<&str>) -> usize {
    let is_above = |folder: &str, other: &str| {
        !other.is_empty() && (folder.is_empty() || other.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    };
    folders.iter().filter(|folder| !folders.iter().any(|other| is_above(folder, other))).count()
}

/// Folders of modules that Terragrunt is given as a source: it hands them values that no variable file holds.
fn terragrunt_sources<'a>(tree: &FileTree, parsed: &[Parsed<'_>], world: &World<'a>) -> HashSet<&'a str> {
    let mut out = HashSet::new();
    for (file, _) in tree.files().iter().zip(parsed).filter(|(_, parsed)| matches!(parsed, Parsed::Terragrunt)) {
        for line in file.text().unwrap_or_default().lines().map(str::trim) {
            let Some(rest) = line.split_once("source").map(|(_, rest)| rest.trim_start()) else { continue };
            let Some(source) = rest.strip_prefix('=').map(|rest| rest.trim().trim_matches('"')) else { continue };
            let source = source.split("?ref").next().unwrap_or(source).replace("//", "/");
            let wanted = crate::eval::join_path(file.dir(), &source).filter(|_| source.starts_with('.'));
            // What stands behind a function is a path from some folder above.
            let tail = source.rsplit_once('}').map(|(_, tail)| tail.trim_matches('/'));
            out.extend(world.modules.iter().map(|module| module.dir).filter(|dir| {
                wanted.as_deref() == Some(*dir)
                    || tail.is_some_and(|tail| !tail.is_empty() && usage::ends_with_pattern(dir, tail))
            }));
        }
    }
    out
}

/// Modules with variable files in their own folder, or below it with no other module between.
fn folders_with_files(tree: &FileTree, parsed: &[Parsed<'_>], world: &World<'_>) -> HashSet<usize> {
    let mut out = HashSet::new();
    let mut last = None;
    for (file, parsed) in tree.files().iter().zip(parsed) {
        if parsed.given_as(file.name()).is_none() {
            continue;
        }
        let mut dir = file.dir();
        // Files of one folder come one after the other.
        if last.replace(dir) == Some(dir) {
            continue;
        }
        loop {
            if let Some(index) = world.by_dir.get(dir) {
                out.insert(*index);
                break;
            }
            match dir.rsplit_once('/') {
                Some((parent, _)) => dir = parent,
                None if dir.is_empty() => break,
                None => dir = "",
            }
        }
    }
    out
}
