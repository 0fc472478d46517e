//! Finds root modules, environments, their variable files and their backends, by what files contain.

mod assign;
mod fragments;
pub(crate) mod known;
mod layers;
pub(crate) mod names;
mod order;
mod parts;
pub(crate) mod regions;
mod roots;
mod stacks;
mod surroundings;
pub(crate) mod usage;

use std::borrow::Cow;

use rayon::prelude::*;

pub(crate) use layers::Layered;
pub(crate) use stacks::{FoundInstance, FoundStack};

use crate::backend::{self, Backend};
use crate::backend_file;
use crate::eval::World;
use crate::layout::{Instance, Layout, Note, Stack};
use crate::model;
use crate::options::Options;
use crate::parsed::{self, Parsed};
use crate::tree::FileTree;

/// What a repository was taken for, as the rules need it.
pub(crate) struct Found {
    /// From the first stage to production, one spelling each.
    pub(crate) environments: Vec<String>,
    pub(crate) known: known::Known,
    pub(crate) stacks: Vec<FoundStack>,
    pub(crate) notes: Vec<Note>,
    /// How scripts and workflows call Terraform.
    pub(crate) uses: Vec<usage::Use>,
    /// Modules that are called by others, by index.
    pub(crate) called: Vec<bool>,
    /// How many folders Terragrunt runs.
    pub(crate) terragrunt: usize,
    pub(crate) workflows: usize,
}

/// Discovers the layout of a repository, without checking anything.
pub fn discover(tree: &FileTree, options: &Options) -> Layout {
    let parsed = parsed::parse(tree);
    let world = World::new(tree, model::modules(tree, &parsed));
    let found = find(tree, &parsed, &world, options);
    layout(tree, &world, &found, &backend::all(&parsed, &world, &found))
}

pub(crate) fn find(tree: &FileTree, parsed: &[Parsed<'_>], world: &World<'_>, options: &Options) -> Found {
    let uses = roots::uses(tree, parsed);
    let mut notes: Vec<Note> = roots::workflows_of_others(tree).collect();
    let roots = roots::find(tree, parsed, world, &uses, options, &mut notes);
    let declared = stacks::declared(tree, world, options, &mut notes);
    let assigned = assign::assign(tree, parsed, world, &roots, &uses, (options, &declared), &mut notes);
    let mut stacks = stacks::group((tree, world), &roots, assigned, &uses, (options, declared), &mut notes);
    order::arrange(&mut stacks, tree, world, &uses);
    stacks::mark_unread(&mut stacks, tree, parsed, world, &mut notes);
    let environments = stacks::environments(&stacks, options);
    notes.sort_by(|a, b| (&a.path, &a.says).cmp(&(&b.path, &b.says)));
    notes.dedup();
    Found {
        known: known::Known::new(&environments),
        environments,
        stacks,
        notes,
        uses,
        called: roots.called,
        terragrunt: roots.terragrunt,
        workflows: parsed.iter().filter(|parsed| matches!(parsed, Parsed::Workflow(_))).count(),
    }
}

/// The same for people and for JSON.
pub(crate) fn layout(
    tree: &FileTree,
    world: &World<'_>,
    found: &Found,
    backends: &[Vec<Option<Backend<'_>>>],
) -> Layout {
    let stacks = found.stacks.par_iter().zip(backends).with_min_len(16).map(|(stack, backends)| Stack {
        name: stack.name.clone(),
        shape: stack.shape,
        instances: stack
            .instances
            .iter()
            .zip(backends)
            .map(|(found, backend)| instance(tree, world, found, backend.as_ref()))
            .collect(),
    });
    let stacks = stacks.collect();
    let called = world.modules.iter().zip(&found.called).filter(|(_, called)| **called);
    let mut modules: Vec<String> = called.map(|(module, _)| module.dir.to_string()).collect();
    modules.sort();
    Layout {
        environments: found.environments.clone(),
        stacks,
        modules,
        notes: found.notes.clone(),
        terragrunt: found.terragrunt,
        workflows: found.workflows,
    }
}

fn instance(tree: &FileTree, world: &World<'_>, found: &FoundInstance, backend: Option<&Backend<'_>>) -> Instance {
    let path = |file: &usize| tree.files()[*file].path().to_string();
    let own = |name: &str| backend_file::setting(name).map_or_else(|| name.to_string().into(), Cow::Borrowed);
    let settings = backend.iter().flat_map(|backend| &backend.settings);
    Instance {
        environment: found.environment.clone(),
        root: world.modules[found.module].dir.to_string(),
        var_files: found.var_files.iter().map(path).collect(),
        backend_files: found.backend_files.iter().map(|layered| path(&layered.file)).collect(),
        unread: found.unread.iter().map(path).collect(),
        backend: backend.map(|backend| backend.kind.to_string()),
        settings: settings.map(|(name, setting)| (own(name), setting.shown().to_string())).collect(),
    }
}
