//! What a person would stop at when reading a row.

use super::{Cell, Group, How, Row};
use crate::discover::known::Known;
use crate::discover::names::{self, Stage};

/// `known` are the environments that a value may name, which may be more than the row has.
pub(super) fn of(row: &Row, environments: &[String], known: &Known) -> Vec<String> {
    let mut odd = Vec::new();
    if row.by_name_only {
        return odd;
    }
    if !better_smaller(&row.name) {
        odd.extend(smaller_in_production(&row.cells, environments));
    }
    odd.extend(off_in_production(row, environments));
    odd.extend(alone(&row.cells, environments).map(|(_, says)| says));
    odd.extend(empty(row, environments));
    // A gate `at live` names no environment.
    if matches!(row.group, Group::Variable | Group::Resource | Group::Backend) {
        odd.extend(names_other(&row.cells, environments, known));
    }
    odd
}

fn stage(name: &str) -> Option<Stage> {
    names::find(name).and_then(|named| named.stage)
}

/// A number, or how large a machine is among those of its kind: `m5.2xlarge`, `db.t3.small`, `cache.r6g.large`.
fn number(cell: &Cell) -> Option<f64> {
    let value = cell.value.as_deref()?;
    value.parse().ok().or_else(|| size(value))
}

fn size(value: &str) -> Option<f64> {
    const SIZES: [&str; 7] = ["nano", "micro", "small", "medium", "large", "xlarge", "metal"];
    let (_, last) = value.rsplit_once('.')?;
    if let Some(at) = SIZES[..6].iter().position(|size| *size == last) {
        return u32::try_from(at).ok().map(f64::from);
    }
    let times: f64 = last.strip_suffix("xlarge")?.parse().ok()?;
    Some(4.0 + times)
}

/// What keeps data and service safe is off in production, and on before it.
fn off_in_production(row: &Row, environments: &[String]) -> Option<String> {
    const SAFE: &[&str] = &[
        "protect",
        "multi_az",
        "encrypt",
        "backup",
        "versioning",
        "monitor",
        "replica",
        "failover",
        "durab",
        "alarm",
        "high_avail",
        "ha_enabled",
        "point_in_time",
        "rollback",
    ];
    let name = row.name.rsplit('.').next()?.to_ascii_lowercase();
    let safe = SAFE.iter().any(|word| name.contains(word)) || name == "ha";
    let says = |cell: &Cell, word: &str| cell.value.as_deref().is_some_and(|value| value == word);
    let mut all = environments.iter().zip(&row.cells);
    let (prod, _) =
        all.find(|(name, cell)| stage(name) == Some(Stage::Prod) && says(cell, "false")).filter(|_| safe)?;
    let mut others = environments.iter().zip(&row.cells);
    let (other, _) = others.find(|(name, cell)| stage(name) != Some(Stage::Prod) && says(cell, "true"))?;
    Some(format!("off in {prod}, on in {other}"))
}

/// What is no worse where it is smaller: when to scale, when to cry, how long to wait or to keep an answer.
fn better_smaller(name: &str) -> bool {
    const NO_AMOUNT: &[&str] = &["_id", "port", "priority", "version", "number", "account"];
    const WORDS: &[&str] =
        &["target_value", "utilization", "threshold", "interval", "ttl", "period", "percent", "delay", "cooldown"];
    let name = name.rsplit('.').next().unwrap_or(name);
    WORDS.iter().any(|word| name.contains(word)) || NO_AMOUNT.iter().any(|word| name.ends_with(word))
}

/// Production has less than an environment before it.
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

/// The environment that has it alone, or that alone has it not.
pub(super) fn alone(cells: &[Cell], environments: &[String]) -> Option<(String, String)> {
    let stack: Vec<(&String, &Cell)> =
        environments.iter().zip(cells).filter(|(_, cell)| cell.how != How::Outside).collect();
    if stack.len() < 3 || stack.iter().any(|(_, cell)| cell.how == How::Unknown) {
        return None;
    }
    let of = |set: bool| -> Vec<&String> {
        stack.iter().filter(|(_, cell)| (cell.how == How::Set) == set).map(|(name, _)| *name).collect()
    };
    let (with, without) = (of(true), of(false));
    match (with.as_slice(), without.as_slice()) {
        ([only], _) => Some(((*only).clone(), format!("set in {only} only"))),
        (_, [only]) => Some(((*only).clone(), format!("not set in {only}"))),
        _ => None,
    }
}

fn empty(row: &Row, environments: &[String]) -> Option<String> {
    let cells = &row.cells;
    // One choice in a map leaves others open: no capacity where requests are paid for.
    let entry = row.group == Group::Variable && row.name.contains(['.', '[']);
    let is_empty = |cell: &Cell| match cell.value.as_deref() {
        Some("" | "[]" | "{}") => true,
        Some("null") => !entry,
        _ => false,
    };
    let full = cells.iter().any(|cell| cell.value.is_some() && !is_empty(cell));
    let names: Vec<&str> =
        environments.iter().zip(cells).filter(|(_, cell)| is_empty(cell)).map(|(name, _)| name.as_str()).collect();
    (full && !names.is_empty()).then(|| format!("empty in {}", names.join(", ")))
}

fn names_other(cells: &[Cell], environments: &[String], known: &Known) -> Option<String> {
    environments.iter().zip(cells).find_map(|(name, cell)| {
        let (_, _, other) = known.other_in(cell.value.as_deref()?, name)?;
        Some(format!("names {other} in {name}"))
    })
}
