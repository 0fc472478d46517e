//! What a person would stop at when reading a row.

use super::{Cell, Group, How, Row};
use crate::discover::names::{self, Stage};

pub(super) fn of(row: &Row, environments: &[String]) -> Vec<String> {
    let mut odd = Vec::new();
    if row.by_name_only {
        return odd;
    }
    odd.extend(smaller_in_production(&row.cells, environments));
    odd.extend(in_one_only(&row.cells, environments));
    odd.extend(empty(&row.cells, environments));
    // A gate `at live` names no environment.
    if matches!(row.group, Group::Variable | Group::Resource | Group::Backend) {
        odd.extend(names_other(&row.cells, environments));
    }
    odd
}

fn stage(name: &str) -> Option<Stage> {
    names::find(name).and_then(|named| named.stage)
}

fn number(cell: &Cell) -> Option<f64> {
    cell.value.as_deref()?.parse().ok()
}

/// Production has less than an environment before it. For what gets better the smaller it is, a person decides.
fn smaller_in_production(cells: &[Cell], environments: &[String]) -> Option<String> {
    let (prod, amount) = environments
        .iter()
        .zip(cells)
        .filter(|(name, _)| stage(name) == Some(Stage::Prod))
        .find_map(|(name, cell)| Some((name, number(cell)?)))?;
    let (larger, _) = environments
        .iter()
        .zip(cells)
        .filter(|(name, _)| stage(name) != Some(Stage::Prod))
        .filter_map(|(name, cell)| Some((name, number(cell)?)))
        .filter(|(_, other)| *other > amount)
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(format!("smaller in {prod} than in {larger}"))
}

/// One environment has it, or one alone has it not.
fn in_one_only(cells: &[Cell], environments: &[String]) -> Option<String> {
    if cells.len() < 3 || cells.iter().any(|cell| cell.how == How::Unknown) {
        return None;
    }
    let with: Vec<&String> =
        environments.iter().zip(cells).filter(|(_, cell)| cell.how == How::Set).map(|(name, _)| name).collect();
    let without: Vec<&String> =
        environments.iter().zip(cells).filter(|(_, cell)| cell.how != How::Set).map(|(name, _)| name).collect();
    match (with.as_slice(), without.as_slice()) {
        ([only], _) => Some(format!("set in {only} only")),
        (_, [only]) => Some(format!("not set in {only}")),
        _ => None,
    }
}

fn empty(cells: &[Cell], environments: &[String]) -> Option<String> {
    let is_empty = |cell: &Cell| matches!(cell.value.as_deref(), Some("" | "[]" | "{}" | "null"));
    let full = cells.iter().any(|cell| cell.value.is_some() && !is_empty(cell));
    let names: Vec<&str> =
        environments.iter().zip(cells).filter(|(_, cell)| is_empty(cell)).map(|(name, _)| name.as_str()).collect();
    (full && !names.is_empty()).then(|| format!("empty in {}", names.join(", ")))
}

fn names_other(cells: &[Cell], environments: &[String]) -> Option<String> {
    let known = names::Known::new(environments);
    environments.iter().zip(cells).find_map(|(name, cell)| {
        let (_, _, other) = known.other_in(cell.value.as_deref()?, name)?;
        Some(format!("names {other} in {name}"))
    })
}
