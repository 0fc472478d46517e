//! Which variable files and backend files belong to which root module, and to which of its environments.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashSet;
use rayon::prelude::*;

use super::names::{self, Named};
use super::parts;
use super::roots::{Roots, is_declared};
use super::stacks::{FoundInstance, FoundStack};
use super::usage::{self, Use};
use crate::eval::World;
use crate::hcl::Body;
use crate::layout::Note;
use crate::model::FileId;
use crate::options::Options;
use crate::parsed::{Given, Parsed};
use crate::tree::FileTree;

/// A setting of a backend that a script gives as `-backend-config=key=value`.
#[derive(Clone, Debug)]
pub(crate) struct InlineSetting {
    pub(crate) name: String,
    /// With `*` for what a variable holds.
    pub(crate) value: String,
    /// The environment that the value or the script's own name names.
    pub(crate) environment: Option<String>,
}

/// A file of one environment.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) file: FileId,
    /// The region that its place names beside the environment.
    pub(super) region: Option<String>,
}

/// What was found for one root module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// Read in every environment: `terraform.tfvars`, `*.auto.tfvars`, `common.tfvars`.
    pub(crate) shared_values: Vec<FileId>,
    pub(super) values: BTreeMap<String, Vec<Part>>,
    /// Variable files of which nobody says when they are read.
    pub(crate) loose_values: Vec<FileId>,
    pub(crate) shared_settings: Vec<FileId>,
    pub(super) settings: BTreeMap<String, Vec<Part>>,
    pub(crate) inline: Vec<InlineSetting>,
    /// Of an environment that is one region's share of another, that other.
    pub(crate) within: BTreeMap<String, String>,
}

impl Files {
    fn take(&mut self, part: Part, is_values: bool, label: Named) {
        if is_values {
            let name = spelling(&self.values, &self.settings, label);
            self.values.entry(name).or_default().push(part);
        } else {
            let name = spelling(&self.settings, &self.values, label);
            self.settings.entry(name).or_default().push(part);
        }
    }

    /// Environments that have a file of their own, one spelling each.
    pub(crate) fn environments(&self) -> BTreeSet<&str> {
        self.values.keys().chain(self.settings.keys()).map(String::as_str).collect()
    }
}

/// A file with the root modules that it is for.
struct Owned {
    file: FileId,
    is_values: bool,
    owners: Vec<Owner>,
}

/// A root module that a file is for, and what the file's place below it names.
struct Owner {
    module: usize,
    label: Option<Named>,
    region: Option<String>,
}

impl Owner {
    fn of(path: &str, module: usize, world: &World<'_>, roots: &Roots<'_>) -> Owner {
        let root = world.modules[module].dir;
        let region = parts::region_of(path, below(path, root)).map(str::to_string);
        Owner { module, label: label(path, root, roots), region }
    }
}

/// By module index.
pub(crate) type Assigned = Vec<Files>;

pub(crate) fn assign(
    tree: &FileTree,
    parsed: &[Parsed<'_>],
    world: &World<'_>,
    roots: &Roots<'_>,
    uses: &[Use],
    (options, declared): (&Options, &[FoundStack]),
    notes: &mut Vec<Note>,
) -> Assigned {
    let instances = declared.iter().flat_map(|stack| &stack.instances);
    let settings = |instance: &FoundInstance| -> Vec<FileId> {
        instance.backend_files.iter().map(|layered| layered.file).collect()
    };
    let taken: HashSet<FileId> =
        instances.flat_map(|instance| instance.var_files.iter().copied().chain(settings(instance))).collect();
    let mut assigned: Assigned = vec![Files::default(); world.modules.len()];
    let told = told(world, roots, uses);
    let owned: Vec<Option<Owned>> = parsed
        .par_iter()
        .enumerate()
        .with_min_len(64)
        .map(|(file, parsed)| {
            let path = tree.files()[file].path();
            let given = parsed.given_as(tree.files()[file].name())?;
            // tiers.toml says whose they are.
            if taken.contains(&file) || is_specimen(path, uses) {
                return None;
            }
            let body = match parsed {
                Parsed::Values(body) | Parsed::Settings(body) => Some(body),
                _ => None,
            };
            let is_values = given == Given::Values;
            let guessed = |uses| match given {
                Given::Values => owners_of_values(path, body, world, roots, uses),
                Given::Settings => owners_of_settings(path, body, world, roots, uses),
            };
            let owners = match told_owners(path, &told, is_values) {
                // What one command says of its root takes nothing from roots of which no command speaks.
                Some(mut owners) => {
                    let takes = |index: &usize| is_values || world.modules[*index].backend.is_some();
                    let mut silent = guessed(&[]);
                    silent.retain(|index| takes(index) && !is_told(*index, path, &told, is_values));
                    owners.extend(silent);
                    owners.sort_unstable();
                    owners.dedup();
                    owners
                }
                None => guessed(uses),
            };
            let owners = owners.into_iter().map(|module| Owner::of(path, module, world, roots)).collect();
            Some(Owned { file, is_values, owners })
        })
        .collect();
    // By root module, in the order of the files; to agree on a spelling takes a while, and concerns one root alone.
    let mut labelled: Vec<Vec<(Part, bool, Named)>> = Vec::new();
    labelled.resize_with(world.modules.len(), Vec::new);
    // Values of a region that name no environment, by root module.
    let mut regional: BTreeMap<usize, Vec<(FileId, String)>> = BTreeMap::new();
    for Owned { file, is_values, owners } in owned.into_iter().flatten() {
        let path = tree.files()[file].path();
        if owners.is_empty() {
            notes.push(Note { path: path.to_string(), says: "belongs to no root module that was found".into() });
        }
        for Owner { module: owner, label, region } in owners {
            let root = world.modules[owner].dir;
            match label {
                Some(label) => labelled[owner].push((Part { file, region }, is_values, label)),
                // What tiers.toml says of a root module is all that counts there.
                None if is_values && is_declared(options, root) => {}
                None if is_values && region.is_some() => {
                    regional.entry(owner).or_default().extend(region.map(|region| (file, region)));
                }
                None if is_values => notes.extend(shared_values(file, path, root, &mut assigned[owner], uses)),
                None => assigned[owner].shared_settings.push(file),
            }
        }
    }
    for (owner, of_regions) in regional {
        let several = of_regions.iter().any(|(_, region)| *region != of_regions[0].1);
        for (file, _) in of_regions {
            let path = tree.files()[file].path();
            if several {
                assigned[owner].loose_values.push(file);
                let says = "the values of one region; nothing says in which environments they are read";
                notes.push(Note { path: path.to_string(), says: says.into() });
            } else {
                notes.extend(shared_values(file, path, world.modules[owner].dir, &mut assigned[owner], uses));
            }
        }
    }
    assigned.par_iter_mut().zip(labelled).with_min_len(16).for_each(|(files, labelled)| {
        for (part, is_values, label) in labelled {
            files.take(part, is_values, label);
        }
        parts::split(files, tree, parsed, uses);
    });
    assign_inline(tree, world, roots, uses, &mut assigned);
    assigned
}

fn assign_inline(tree: &FileTree, world: &World<'_>, roots: &Roots<'_>, uses: &[Use], assigned: &mut Assigned) {
    for used in uses {
        let Some(dir) = used.dir.as_deref() else { continue };
        for (name, value) in used.backend_configs.iter().filter_map(|config| config.split_once('=')) {
            let script = super::surroundings::stem(tree.files()[used.file].name());
            let named = names::find(value).filter(|named| named.strong).or_else(|| names::find(script));
            let setting = InlineSetting {
                name: name.trim().to_string(),
                value: value.to_string(),
                environment: named.map(|named| named.name),
            };
            for (index, module) in world.modules.iter().enumerate() {
                if roots.is_root[index] && usage::ends_with_pattern(module.dir, dir) {
                    assigned[index].inline.push(setting.clone());
                }
            }
        }
    }
}

/// A file that nobody gives to Terraform, by its name; one that a command names is what it says.
fn is_specimen(path: &str, uses: &[Use]) -> bool {
    let stem = super::surroundings::stem(path.rsplit('/').next().unwrap_or(path));
    let given = || {
        let patterns = uses.iter().flat_map(|used| used.var_files.iter().chain(&used.backend_configs));
        patterns.filter(|pattern| !pattern.contains('*')).any(|pattern| usage::ends_with_pattern(path, pattern))
    };
    names::is_specimen(stem) && !given()
}

/// Values that name no environment: read in all of them, or nobody says when.
fn shared_values(file: FileId, path: &str, root: &str, files: &mut Files, uses: &[Use]) -> Option<Note> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let automatic = dir == root && (name.starts_with("terraform.tfvars") || name.contains(".auto.tfvars"));
    let given = uses.iter().flat_map(|used| &used.var_files).any(|pattern| usage::ends_with_pattern(path, pattern));
    if automatic || given || names::is_not_environment(super::surroundings::stem(name)) {
        files.shared_values.push(file);
        return None;
    }
    files.loose_values.push(file);
    Some(Note { path: path.to_string(), says: "nothing says in which environment these values are read".into() })
}

/// The spelling that files placed before use for the same environment.
fn spelling(own: &BTreeMap<String, Vec<Part>>, other: &BTreeMap<String, Vec<Part>>, named: Named) -> String {
    if own.contains_key(&named.name) || other.contains_key(&named.name) {
        return named.name;
    }
    let known = own.keys().chain(other.keys()).find(|known| names::same_environment(known, &named.name));
    known.cloned().unwrap_or(named.name)
}

/// The environment that the part of a path below the root module names: its last whole name, or the file's own.
fn label(path: &str, root: &str, roots: &Roots<'_>) -> Option<Named> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let below = below(path, root);
    let by_dir = if below > dir.len() { None } else { roots.surroundings.of_dir(dir, below) };
    let by_file = roots.surroundings.file(path);
    match (by_file, by_dir) {
        // An unusual name means little in the folder of an environment: it is a part of that one.
        (Some(file), Some(dir)) if file.stage.is_none() && dir.stage.is_some() => Some(dir),
        (Some(file), _) if file.whole => Some(file),
        (_, Some(dir)) => Some(dir),
        (file, None) => file,
    }
}

/// Where the part of a path begins that a root module does not share with it.
fn below(path: &str, root: &str) -> usize {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    if root.is_empty() {
        0
    } else if dir == root || dir.strip_prefix(root).is_some_and(|rest| rest.starts_with('/')) {
        root.len() + 1
    } else {
        common_prefix(dir, root)
    }
}

/// How many bytes of whole segments two folders share at their beginning.
fn common_prefix(a: &str, b: &str) -> usize {
    let mut length = 0;
    for (left, right) in a.split('/').zip(b.split('/')) {
        if left != right {
            break;
        }
        length += left.len() + 1;
    }
    length
}

/// Folders from `dir` up to the top.
fn upwards(dir: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(dir);
    std::iter::from_fn(move || {
        let current = next?;
        next = match current.rsplit_once('/') {
            Some((parent, _)) => Some(parent),
            None if current.is_empty() => None,
            None => Some(""),
        };
        Some(current)
    })
}

/// The root module in whose folder or below which a file stands, with no other module between.
fn enclosing(path: &str, world: &World<'_>, roots: &Roots<'_>) -> Option<usize> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let index = upwards(dir).find_map(|dir| world.by_dir.get(dir).copied())?;
    roots.is_root[index].then_some(index)
}

/// The root modules below the nearest folder, on the way up, that has any.
fn nearby(path: &str, world: &World<'_>, roots: &Roots<'_>) -> Vec<usize> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    for above in upwards(dir) {
        let found: Vec<usize> = world
            .modules
            .iter()
            .enumerate()
            .filter(|(index, module)| roots.is_root[*index] && is_below(module.dir, above))
            .map(|(index, _)| index)
            .collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn is_below(dir: &str, above: &str) -> bool {
    above.is_empty() || dir == above || (dir.starts_with(above) && dir[above.len()..].starts_with('/'))
}

/// Roots that a command names together with this file; all of `candidates` where no command does.
fn by_use(
    path: &str,
    candidates: Vec<usize>,
    world: &World<'_>,
    uses: &[Use],
    patterns: impl Fn(&Use) -> &[String],
) -> Vec<usize> {
    let named: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|index| {
            uses.iter().any(|used| {
                let there =
                    used.dir.as_deref().is_some_and(|dir| usage::ends_with_pattern(world.modules[*index].dir, dir));
                // A bare name is that of a file in the folder where the command runs.
                let bare = |pattern: &str| {
                    let here = used.dir.as_deref().is_some_and(|dir| !dir.is_empty() && !dir.contains('*'));
                    here && !pattern.contains(['/', '*'])
                };
                let at = path.rsplit_once('/').map_or("", |(dir, _)| dir);
                let gives = |pattern: &String| {
                    usage::ends_with_pattern(path, pattern) && (!bare(pattern) || at == world.modules[*index].dir)
                };
                there && patterns(used).iter().any(gives)
            })
        })
        .collect();
    if named.is_empty() { candidates } else { named }
}

/// A root of one environment takes no files of another.
fn fitting(path: &str, candidates: Vec<usize>, roots: &Roots<'_>) -> Vec<usize> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let own = roots.surroundings.file(path).or_else(|| roots.surroundings.of_dir(dir, 0));
    candidates
        .into_iter()
        .filter(|index| match (&own, &roots.path_environment[*index]) {
            (Some(own), Some(root)) => names::same_environment(&own.name, &root.name),
            _ => true,
        })
        .collect()
}

/// A file of which nothing is known may be for one root or for another.
fn only(owners: Vec<usize>) -> Vec<usize> {
    if owners.len() == 1 { owners } else { Vec::new() }
}

/// What a command that runs in a root module's folder gives it from outside of that folder: the root, whether it is values, the path.
type Told = Vec<(usize, bool, String)>;

fn told(world: &World<'_>, roots: &Roots<'_>, uses: &[Use]) -> Told {
    let mut out = Told::new();
    for used in uses {
        let Some(dir) = used.dir.as_deref().filter(|dir| !dir.is_empty() && !dir.contains('*')) else {
            continue;
        };
        let files = used.var_files.iter().map(|file| (true, file));
        let files = files.chain(used.backend_files().map(|file| (false, file)));
        for (is_values, file) in files.filter(|(_, file)| file.starts_with("../")) {
            for (index, module) in world.modules.iter().enumerate().filter(|(index, _)| roots.is_root[*index]) {
                // A loop over all folders gives a backend file to one that has no backend, too.
                if usage::ends_with_pattern(module.dir, dir)
                    && (is_values || module.backend.is_some())
                    && let Some(path) = crate::eval::join_path(module.dir, file)
                {
                    out.push((index, is_values, path));
                }
            }
        }
    }
    out
}

/// The roots that commands give this file to.
fn told_owners(path: &str, told: &Told, is_values: bool) -> Option<Vec<usize>> {
    let fits =
        |(_, of_values, pattern): &&(usize, bool, String)| *of_values == is_values && usage::matches(path, pattern);
    let mut owners: Vec<usize> = told.iter().filter(fits).map(|(index, ..)| *index).collect();
    owners.sort_unstable();
    owners.dedup();
    (!owners.is_empty()).then_some(owners)
}

/// Whether a command gives this root a file of the folder that this one is in.
fn is_told(root: usize, path: &str, told: &Told, is_values: bool) -> bool {
    let dir = |path: &str| path.rsplit_once('/').map_or(String::new(), |(dir, _)| dir.to_owned());
    let folder = dir(path);
    let mut own = told.iter().filter(|(index, of_values, _)| *index == root && *of_values == is_values);
    own.any(|(.., pattern)| usage::matches(&folder, &dir(pattern)))
}

fn owners_of_values(
    path: &str,
    body: Option<&Body<'_>>,
    world: &World<'_>,
    roots: &Roots<'_>,
    uses: &[Use],
) -> Vec<usize> {
    if let Some(index) = enclosing(path, world, roots) {
        return vec![index];
    }
    let candidates = fitting(path, nearby(path, world, roots), roots);
    let candidates = by_use(path, candidates, world, uses, |used| &used.var_files);
    if let Some(index) = by_name(path, &candidates, world) {
        return vec![index];
    }
    let Some(body) = body else { return only(candidates) };
    let declared =
        |index: &usize| body.attrs.iter().filter(|attr| world.modules[*index].variable(attr.name).is_some()).count();
    candidates.into_iter().filter(|index| declared(index) > 0 && declared(index) * 2 >= body.attrs.len()).collect()
}

fn owners_of_settings(
    path: &str,
    body: Option<&Body<'_>>,
    world: &World<'_>,
    roots: &Roots<'_>,
    uses: &[Use],
) -> Vec<usize> {
    if let Some(index) = enclosing(path, world, roots) {
        return vec![index];
    }
    let mut candidates = fitting(path, nearby(path, world, roots), roots);
    candidates.retain(|index| world.modules[*index].backend.is_some());
    let candidates = by_use(path, candidates, world, uses, |used| &used.backend_configs);
    if let Some(index) = by_name(path, &candidates, world) {
        return vec![index];
    }
    // One file that names a state cannot be for several roots.
    if candidates.len() > 1 && body.is_none_or(|body| body.attr("key").is_some()) { Vec::new() } else { candidates }
}

/// The one root whose folder has the name of the file or of its folder.
fn by_name(path: &str, candidates: &[usize], world: &World<'_>) -> Option<usize> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = super::surroundings::stem(name);
    let folder = dir.rsplit('/').next().unwrap_or(dir);
    let mut matching = candidates.iter().copied().filter(|index| {
        let last = world.modules[*index].dir.rsplit('/').next().unwrap_or_default();
        !last.is_empty() && (last == stem || last == folder)
    });
    let first = matching.next()?;
    (candidates.len() > 1 && matching.next().is_none()).then_some(first)
}
