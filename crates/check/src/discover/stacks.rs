//! Groups root modules and their files into stacks: the same infrastructure in each of its environments.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use super::assign::{Assigned, Files, InlineSetting, Part};
use super::layers::{Layered, Merging};
use super::names::{self, Stage};
use super::roots::{Roots, is_declared, root_matches};
use super::usage::Use;
use crate::eval::World;
use crate::hcl::{Expr, Step};
use crate::layout::{Note, Shape};
use crate::model::{FileId, Module};
use crate::options::Options;
use crate::parsed::Parsed;
use crate::tree::FileTree;

/// A stack as the rules need it.
#[derive(Clone, Debug)]
pub(crate) struct FoundStack {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) instances: Vec<FoundInstance>,
}

#[derive(Clone, Debug)]
pub(crate) struct FoundInstance {
    pub(crate) environment: Option<String>,
    /// Of one region's share of an environment, that environment.
    pub(crate) within: Option<String>,
    /// Index into the world.
    pub(crate) module: usize,
    pub(crate) var_files: Vec<FileId>,
    /// A command names them in this order, so that the later was meant to count.
    pub(crate) in_told_order: bool,
    /// Variable files that may be read too; nobody says when.
    pub(crate) loose_files: Vec<FileId>,
    /// In the order in which they are merged.
    pub(crate) backend_files: Vec<Layered>,
    pub(crate) inline: Vec<InlineSetting>,
    /// Files of this environment alone that could not be read: it is there, and nothing more can be said of it.
    pub(crate) unread: Vec<FileId>,
}

pub(crate) fn group(
    (tree, world): (&FileTree, &World<'_>),
    roots: &Roots<'_>,
    assigned: Assigned,
    uses: &[Use],
    (options, declared): (&Options, Vec<FoundStack>),
    notes: &mut Vec<Note>,
) -> Vec<FoundStack> {
    let merging = Merging::find(uses);
    let found = assigned
        .into_par_iter()
        .enumerate()
        .with_min_len(16)
        .filter(|(index, _)| roots.is_root[*index] && !is_declared(options, world.modules[*index].dir));
    let found: Vec<OfRoot> =
        found.map(|(index, files)| of_root((tree, world), roots, uses, &merging, (index, &files))).collect();
    let mut families: BTreeMap<String, Vec<FoundInstance>> = BTreeMap::new();
    let mut stacks = declared;
    for found in found {
        match found {
            OfRoot::Member(family, instance) => families.entry(family).or_default().push(instance),
            OfRoot::Stack(stack, note) => {
                stacks.push(stack);
                notes.extend(note);
            }
        }
    }
    for (name, mut instances) in families {
        sort(&mut instances);
        stacks.push(FoundStack { name, shape: Shape::RootPerEnvironment, instances });
    }
    stacks.sort_by(|a, b| a.name.cmp(&b.name));
    stacks
}

/// What a root module is.
enum OfRoot {
    /// One environment's root module: the name that it shares with those of the others, and the instance.
    Member(String, FoundInstance),
    /// A stack of its own, with what is to be said of it.
    Stack(FoundStack, Option<Note>),
}

fn of_root(
    (tree, world): (&FileTree, &World<'_>),
    roots: &Roots<'_>,
    uses: &[Use],
    merging: &Merging,
    (index, files): (usize, &Files),
) -> OfRoot {
    let module = &world.modules[index];
    let instance = |environment, own| {
        let layers = |own: &[FileId]| merging.order(tree, module.dir, &files.shared_settings, own);
        instance(index, environment, files, own, layers)
    };
    let environments = files.environments();
    if let Some(named) = roots.path_environment[index].as_ref().filter(|_| environments.len() < 2) {
        let key = format!("{}*{}", &module.dir[..named.start], &module.dir[named.end..]);
        return OfRoot::Member(key, instance(Some(named.name.clone()), Own::All));
    }
    let name = if module.dir.is_empty() { ".".to_string() } else { module.dir.to_string() };
    if environments.is_empty() {
        let instances = vec![instance(None, Own::Named)];
        let shape = if uses_workspaces(module, uses) { Shape::Workspaces } else { Shape::Single };
        let says = "workspaces part the environments here; which there are, and their values, is known only when Terraform runs";
        let note = (shape == Shape::Workspaces).then(|| Note { path: name.clone(), says: says.into() });
        return OfRoot::Stack(FoundStack { name, shape, instances }, note);
    }
    let mut instances: Vec<FoundInstance> =
        environments.iter().map(|environment| instance(Some(environment.to_string()), Own::Named)).collect();
    sort(&mut instances);
    let shape =
        if files.settings.is_empty() && uses_workspaces(module, uses) { Shape::Workspaces } else { Shape::SharedRoot };
    let says = "workspaces part the environments here; their states were not compared, since Terraform chooses them when it runs";
    let note = (shape == Shape::Workspaces).then(|| Note { path: name.clone(), says: says.into() });
    OfRoot::Stack(FoundStack { name, shape, instances }, note)
}

/// Which of a root module's files are an environment's own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    /// The root is that environment's alone.
    All,
    /// Those that name it.
    Named,
}

fn instance(
    module: usize,
    environment: Option<String>,
    files: &Files,
    own: Own,
    layers: impl Fn(&[FileId]) -> Vec<Layered>,
) -> FoundInstance {
    let of = |map: &BTreeMap<String, Vec<Part>>| -> Vec<FileId> {
        map.iter()
            .filter(|(name, _)| match &environment {
                // Files of one root module agree on the spelling.
                Some(environment) => own == Own::All || *name == environment,
                None => false,
            })
            .flat_map(|(_, parts)| parts.iter().map(|part| part.file))
            .collect()
    };
    let mut var_files = files.shared_values.clone();
    var_files.extend(of(&files.values));
    FoundInstance {
        in_told_order: false,
        module,
        var_files,
        loose_files: files.loose_values.clone(),
        backend_files: layers(&of(&files.settings)),
        inline: files.inline.clone(),
        unread: Vec::new(),
        within: environment.as_ref().and_then(|environment| files.within.get(environment).cloned()),
        environment,
    }
}

fn sort(instances: &mut [FoundInstance]) {
    instances.sort_by_cached_key(|instance| instance.environment.as_deref().map(order));
}

/// From the first stage to production; names of no known stage between them, by name.
fn order(name: &str) -> (Stage, String) {
    (names::find(name).and_then(|named| named.stage).unwrap_or(Stage::Demo), name.to_string())
}

/// Says of which environments a file could not be read.
pub(crate) fn mark_unread(
    stacks: &mut [FoundStack],
    tree: &FileTree,
    parsed: &[Parsed<'_>],
    world: &World<'_>,
    notes: &mut Vec<Note>,
) {
    if !parsed.iter().any(|parsed| matches!(parsed, Parsed::Unreadable(_))) {
        return;
    }
    for stack in stacks {
        let own_root = stack.shape == Shape::RootPerEnvironment;
        for instance in &mut stack.instances {
            let Some(environment) = &instance.environment else { continue };
            let settings = instance.backend_files.iter().map(|layered| layered.file);
            let given = instance.var_files.iter().copied().chain(settings);
            let code = world.modules[instance.module].unreadable.iter().copied().filter(|_| own_root);
            let unread: Vec<FileId> =
                given.chain(code).filter(|file| matches!(parsed[*file], Parsed::Unreadable(_))).collect();
            notes.extend(unread.iter().map(|file| Note {
                path: tree.files()[*file].path().to_string(),
                says: format!("could not be read, so {environment} was not compared with the others"),
            }));
            instance.unread = unread;
        }
    }
}

/// All environments of all stacks, one spelling each: the one that most stacks use.
pub(crate) fn environments(stacks: &[FoundStack], options: &Options) -> Vec<String> {
    if !options.environments.is_empty() {
        return options.environments.iter().map(|environment| environment.name.clone()).collect();
    }
    let mut spellings: HashMap<String, BTreeMap<&str, usize>> = HashMap::new();
    // Thousands of stacks share a few names: each is brought to its normal form once.
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for name in stacks.iter().flat_map(|stack| &stack.instances).filter_map(|instance| instance.environment.as_deref())
    {
        *counts.entry(name).or_default() += 1;
    }
    for (name, count) in counts {
        spellings.entry(names::normal(name)).or_default().insert(name, count);
    }
    let mut names: Vec<String> = spellings
        .values()
        .filter_map(|spellings| spellings.iter().max_by_key(|(name, count)| (**count, std::cmp::Reverse(**name))))
        .map(|(name, _)| name.to_string())
        .collect();
    names.sort_by_cached_key(|name| order(name));
    names
}

fn uses_workspaces(module: &Module<'_>, uses: &[Use]) -> bool {
    if module.backend.as_ref().is_some_and(|backend| backend.body.attr("workspace_key_prefix").is_some()) {
        return true;
    }
    let selects = uses.iter().any(|used| used.subcommand == "workspace" && used.may_run_in(module.dir));
    selects || refers_to_workspace(module)
}

/// Whether any expression of the module reads `terraform.workspace`.
pub(crate) fn refers_to_workspace(module: &Module<'_>) -> bool {
    let mut found = false;
    let mut look = |node: &crate::hcl::Node<'_>| {
        if let Expr::Path("terraform", steps) = &node.expr {
            found |= matches!(steps.first(), Some(Step::Attr("workspace")));
        }
    };
    for local in &module.locals {
        local.attr.value.each(&mut look);
    }
    for body in module.resources.iter().chain(&module.data).map(|resource| resource.body) {
        body.each_node(&mut look);
    }
    for body in module.calls.iter().map(|call| call.body).chain(module.providers.iter().map(|provider| provider.body)) {
        body.each_node(&mut look);
    }
    found
}

/// Stacks as tiers.toml names them.
pub(crate) fn declared(
    tree: &FileTree,
    world: &World<'_>,
    options: &Options,
    notes: &mut Vec<Note>,
) -> Vec<FoundStack> {
    let mut stacks = Vec::new();
    for declared in &options.terraform {
        let mut instances = Vec::new();
        for environment in &options.environments {
            let fill = |text: &str| text.replace("{environment}", &environment.name);
            let root = fill(&declared.root);
            let Some(module) = world.modules.iter().position(|module| root_matches(&root, module.dir)) else {
                continue;
            };
            let dir = world.modules[module].dir;
            let file = |text: &Option<String>| -> Vec<FileId> {
                let path = text.as_ref().and_then(|text| crate::eval::join_path(dir, &fill(text)));
                path.and_then(|path| tree.index_of(&path)).into_iter().collect()
            };
            let automatic = tree.files().iter().enumerate().filter(|(_, file)| {
                file.dir() == dir && (file.name() == "terraform.tfvars" || file.name().ends_with(".auto.tfvars"))
            });
            let mut var_files: Vec<FileId> = automatic.map(|(index, _)| index).collect();
            var_files.extend(file(&declared.var_file));
            instances.push(FoundInstance {
                in_told_order: false,
                environment: Some(environment.name.clone()),
                within: None,
                module,
                var_files,
                loose_files: Vec::new(),
                backend_files: file(&declared.backend).into_iter().map(|file| Layered { file, order: 0 }).collect(),
                inline: Vec::new(),
                unread: Vec::new(),
            });
        }
        if instances.is_empty() {
            let says = "tiers.toml names this root module, and there is no configuration here";
            notes.push(Note { path: declared.root.clone(), says: says.into() });
            continue;
        }
        let shape = if declared.root.contains("{environment}") { Shape::RootPerEnvironment } else { Shape::SharedRoot };
        let name = declared.root.trim_start_matches("./").trim_end_matches('/').replace("{environment}", "*");
        stacks.push(FoundStack { name: if name.is_empty() { ".".into() } else { name }, shape, instances });
    }
    stacks
}
