//! What differs between environments, as one table: `tiers matrix`, and for two of them `tiers diff`.

mod maps;
mod oddity;
mod render;
mod resources;
mod rows;

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use foldhash::{HashMap, HashMapExt as _};
use serde::Serialize;

use crate::backend;
use crate::discover::known::Known;
use crate::discover::{self, names};
use crate::eval::World;
use crate::finding::Location;
use crate::model;
use crate::options::Options;
use crate::parsed;
use crate::run::Context;
use crate::tree::FileTree;

/// Every setting that differs, with one cell for each environment.
#[derive(Clone, Debug, Serialize)]
pub struct Matrix {
    /// The name and version of this shape as JSON.
    pub shape: &'static str,
    pub environments: Vec<String>,
    /// The two environments that were asked for have nothing in common that could be compared.
    #[serde(skip)]
    pub apart: bool,
    /// What a person should look at first stands first.
    pub rows: Vec<Row>,
}

/// One setting in every environment.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub group: Group,
    /// The stack that it belongs to; empty for what belongs to the project.
    pub stack: String,
    /// Other stacks in which it is the same in every environment: one row stands for all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// `lambda_memory_size`, `key`, `aws_lambda_function.api.timeout`.
    pub name: String,
    /// In the order of the environments.
    pub cells: Vec<Cell>,
    /// What is odd about it, in a few words; empty for most.
    pub odd: Vec<String>,
    /// The values differ in nothing but the environment's own name.
    pub by_name_only: bool,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    Variable,
    Resource,
    Backend,
    Gate,
    Setting,
    Secret,
}

impl Group {
    pub fn as_str(self) -> &'static str {
        match self {
            Group::Variable => "variable",
            Group::Resource => "resource",
            Group::Backend => "backend",
            Group::Gate => "gate",
            Group::Setting => "setting",
            Group::Secret => "secret",
        }
    }
}

/// A setting in one environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// On one line; `None` where it is absent or not known before Terraform runs.
    pub value: Option<String>,
    /// Why there is no value, or that it is the default.
    pub how: How,
    /// Where it is written.
    pub origin: Option<Location>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Written for this environment.
    Set,
    /// The variable's default.
    Default,
    /// Computed from other values.
    Computed,
    /// Not there in this environment.
    #[default]
    Absent,
    /// Known only when Terraform runs.
    Unknown,
    /// The stack does not have this environment, or the resource is not there in it.
    Outside,
}

/// A setting that tiers.toml holds: gates, names of secrets. The caller knows them, this crate does not.
#[derive(Clone, Debug)]
pub struct ExtraRow {
    pub group: Group,
    pub name: String,
    /// Environment, value on one line, and where it is written. An environment that is not named has none.
    pub cells: Vec<(String, String, Option<Location>)>,
}

/// The environment that was asked for is none of those that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEnvironment {
    pub name: String,
    pub known: Vec<String>,
}

impl std::fmt::Display for UnknownEnvironment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.known.is_empty() {
            return write!(out, "there is no environment {:?}: none were found", self.name);
        }
        write!(out, "there is no environment {:?}: {} were found", self.name, self.known.join(", "))
    }
}

impl std::error::Error for UnknownEnvironment {}

/// Everything that differs between any two environments.
pub fn matrix(tree: &FileTree, options: &Options, extra: &[ExtraRow]) -> Matrix {
    let mut matrix = all(tree, options, extra);
    matrix.rows.retain(|row| rows::differs(&row.cells));
    let known = Known::new(&matrix.environments);
    for row in &mut matrix.rows {
        row.odd = oddity::of(row, &matrix.environments, &known);
    }
    matrix.settle();
    matrix
}

/// What differs between two environments, in either spelling of their names.
pub fn diff(
    tree: &FileTree,
    options: &Options,
    extra: &[ExtraRow],
    first: &str,
    second: &str,
) -> Result<Matrix, UnknownEnvironment> {
    let mut matrix = all(tree, options, extra);
    let position = |name: &str| {
        let exact = matrix.environments.iter().position(|known| known == name);
        exact
            .or_else(|| matrix.environments.iter().position(|known| names::same_environment(known, name)))
            .ok_or_else(|| UnknownEnvironment { name: name.to_string(), known: matrix.environments.clone() })
    };
    let (first, second) = (position(first)?, position(second)?);
    let all = matrix.environments.clone();
    let known = Known::new(&all);
    matrix.environments = vec![all[first].clone(), all[second].clone()];
    for row in &mut matrix.rows {
        let cells = vec![row.cells[first].clone(), row.cells[second].clone()];
        row.by_name_only = rows::by_name_only(&cells, &matrix.environments);
        // That one alone has it is told by all of them.
        let alone = if row.by_name_only { None } else { oddity::alone(&row.cells, &all) };
        let alone = alone.filter(|(name, _)| matrix.environments.contains(name));
        row.cells = cells;
        row.odd = oddity::of(row, &matrix.environments, &known);
        row.odd.extend(alone.map(|(_, says)| says).filter(|says| !row.odd.contains(says)));
    }
    let both = |row: &Row| row.cells.iter().all(|cell| cell.how != How::Outside);
    matrix.apart = !matrix.rows.iter().any(both);
    matrix.rows.retain(|row| rows::differs(&row.cells));
    matrix.settle();
    Ok(matrix)
}

impl Matrix {
    /// What is odd first, what differs by name last; and one row for what several stacks have alike.
    fn settle(&mut self) {
        self.rows.sort_by_cached_key(|row| {
            (row.odd.is_empty(), row.by_name_only, row.group, row.stack.clone(), row.name.clone())
        });
        let mut first: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut kept: Vec<Row> = Vec::with_capacity(self.rows.len());
        for row in std::mem::take(&mut self.rows) {
            let alike = first.entry(row.hash()).or_default();
            match alike.iter().find(|index| kept[**index].is_alike(&row)) {
                Some(index) => kept[*index].also.push(row.stack),
                None => {
                    alike.push(kept.len());
                    kept.push(row);
                }
            }
        }
        self.rows = kept;
    }
}

impl Row {
    fn hash(&self) -> u64 {
        let mut hasher = foldhash::fast::FixedState::default().build_hasher();
        (self.group.as_str(), &self.name).hash(&mut hasher);
        self.cells.iter().for_each(|cell| cell.value.hash(&mut hasher));
        hasher.finish()
    }

    /// Whether it says of another stack what this one says of its own.
    fn is_alike(&self, other: &Row) -> bool {
        let same = |(a, b): (&Cell, &Cell)| a.how == b.how && a.value == b.value;
        self.group == other.group
            && self.name == other.name
            && !self.stack.is_empty()
            && !other.stack.is_empty()
            && self.cells.iter().zip(&other.cells).all(same)
    }
}

fn all(tree: &FileTree, options: &Options, extra: &[ExtraRow]) -> Matrix {
    let parsed = parsed::parse(tree);
    let world = World::new(tree, model::modules(tree, &parsed));
    let found = discover::find(tree, &parsed, &world, options);
    let backends = backend::all(&parsed, &world, &found);
    let flows = crate::flow::Flows::default();
    let context = Context::new(tree, &parsed, &world, &found, &backends, &flows, options);
    let rows = rows::collect(&context, extra);
    Matrix { shape: "tiers.matrix/1", environments: found.environments.clone(), apart: false, rows }
}
