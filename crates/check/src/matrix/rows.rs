//! The rows of the table: variables, settings of backends, and attributes of resources, in every environment.

use std::collections::{BTreeMap, BTreeSet};

use super::maps::{self, Across, Given};
use super::{Cell, ExtraRow, Group, How, Row, resources};
use crate::discover::names;
use crate::eval::{Evaluation, HIDDEN, Value, hide, is_secret_name, without_secrets};
use crate::model::{ModuleCall, Place};
use crate::run::Context;
use crate::view::{Deployed, View};

pub(super) fn collect(context: &Context<'_>, extra: &[ExtraRow]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, stack) in context.found.stacks.iter().enumerate() {
        if stack.instances.iter().all(|instance| instance.environment.is_none()) {
            continue;
        }
        let view = View::new(context, index);
        variables(&view, &mut rows);
        backends(&view, &mut rows);
        resources::collect(&view, &mut rows);
        calls(&view, &mut rows);
    }
    for row in extra {
        let cells = context.found.environments.iter().map(|environment| {
            let cell = row.cells.iter().find(|(name, ..)| names::same_environment(name, environment));
            cell.map_or_else(Cell::default, |(_, value, origin)| Cell {
                value: Some(value.clone()),
                how: How::Set,
                origin: origin.clone(),
            })
        });
        rows.push(row_of(context, row.group, "", &row.name, cells.collect()));
    }
    rows
}

/// Whether two environments have different values. Values that are not known tell nothing.
pub(super) fn differs(cells: &[Cell]) -> bool {
    let known: Vec<Option<&str>> =
        cells.iter().filter(|cell| is_told(cell)).map(|cell| cell.value.as_deref()).collect();
    known.windows(2).any(|pair| pair[0] != pair[1])
}

/// Whether a cell says anything: it is there, and known.
fn is_told(cell: &Cell) -> bool {
    !matches!(cell.how, How::Unknown | How::Outside)
}

/// Whether nothing is left of the difference once each environment's own name is taken out.
pub(super) fn by_name_only(cells: &[Cell], environments: &[String]) -> bool {
    let neutral: Vec<Option<String>> = cells
        .iter()
        .zip(environments)
        .filter(|(cell, _)| is_told(cell))
        .map(|(cell, environment)| cell.value.as_ref().map(|value| without_name(value, environment)))
        .collect();
    neutral.iter().all(Option::is_some) && neutral.windows(2).all(|pair| pair[0] == pair[1])
}

fn without_name(value: &str, environment: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut last = 0;
    // Where it is spelled out, its other spellings are words of their own: the alias `live` of prod.
    let spelled = names::words(value).iter().any(|&(start, end)| value[start..end].eq_ignore_ascii_case(environment));
    for (start, end) in names::words(value) {
        let word = &value[start..end];
        let own =
            if spelled { word.eq_ignore_ascii_case(environment) } else { names::same_environment(word, environment) };
        if own {
            out.push_str(&value[last..start]);
            out.push_str("{environment}");
            last = end;
        }
    }
    out.push_str(&value[last..]);
    // A name of several words: `prod-eu-west-1`.
    out.replace(environment, "{environment}")
}

pub(super) fn row_of(context: &Context<'_>, group: Group, stack: &str, name: &str, cells: Vec<Cell>) -> Row {
    let by_name_only = by_name_only(&cells, &context.found.environments);
    let stack = if stack == "." { "" } else { stack };
    let (stack, name) = (stack.to_string(), name.to_string());
    Row { group, stack, also: Vec::new(), name, cells, odd: Vec::new(), by_name_only }
}

/// One cell for each environment of the repository, with a number for the stack's own; one that it does not have is outside.
pub(super) fn cells<'a>(view: &View<'a>, cell: impl Fn(usize, &Deployed<'a>) -> Cell) -> Vec<Cell> {
    view.context
        .found
        .environments
        .iter()
        .map(|environment| {
            let mut all = view.deployed.iter().enumerate();
            let deployed = all.find(|(_, each)| names::same_environment(each.environment, environment));
            deployed.map_or_else(outside, |(index, deployed)| cell(index, deployed))
        })
        .collect()
}

/// What is not there at all.
pub(super) fn outside() -> Cell {
    Cell { how: How::Outside, ..Cell::default() }
}

/// A value as a cell; `secrets` are texts that must not be shown.
pub(super) fn known(context: &Context<'_>, value: &Value<'_>, how: How, place: Place, secrets: &[String]) -> Cell {
    let origin = Some(context.location(place));
    if value.is_known() {
        let value = &without_secrets(value);
        let text = match value {
            Value::Str(text) => text.to_string(),
            other => other.to_string(),
        };
        let text = hide(&text, secrets).unwrap_or(text);
        return Cell { value: Some(one_line(&text)), how, origin };
    }
    Cell { value: None, how: How::Unknown, origin }
}

/// A value that is made from a secret: that it is there is all that is said.
pub(super) fn hidden(mut cell: Cell) -> Cell {
    if cell.value.is_some() {
        cell.value = Some(HIDDEN.into());
    }
    cell
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// By instance of the stack: what its secret variables hold.
pub(super) fn secrets(view: &View<'_>) -> Vec<Vec<String>> {
    view.deployed.iter().map(|deployed| deployed.evaluation.secrets(Evaluation::ROOT)).collect()
}

fn variables(view: &View<'_>, rows: &mut Vec<Row>) {
    let secrets = secrets(view);
    let mut names: BTreeMap<&str, bool> = BTreeMap::new();
    for deployed in &view.deployed {
        for variable in &deployed.module.variables {
            *names.entry(variable.name).or_default() |= variable.is_secret();
        }
    }
    for (name, sensitive) in names {
        let across = across(view, |deployed| {
            let (how, place) = match (deployed.given(name), deployed.module.variable(name)) {
                (Some((file, attr)), _) => (How::Set, Place { file, span: attr.span() }),
                (None, Some(variable)) => match variable.default {
                    Some(default) => (How::Default, Place { file: variable.place.file, span: default.span() }),
                    None => return Err(Cell { how: How::Unknown, ..Cell::default() }),
                },
                (None, None) => return Err(Cell::default()),
            };
            let value = deployed.evaluation.variable(Evaluation::ROOT, name);
            // Entries that are called like secrets are told from each other by nothing but their being there.
            Ok(Given { value: if sensitive { value } else { without_secrets(&value) }, how, place })
        });
        let parts = if sensitive { vec![(name.to_string(), across)] } else { maps::taken_apart(name, across) };
        for (name, across) in parts {
            let cells = told(view, across, &secrets);
            let cells = if sensitive { cells.into_iter().map(hidden).collect() } else { cells };
            rows.push(row_of(view.context, Group::Variable, &view.stack.name, &name, cells));
        }
    }
}

/// What a stack holds in each environment of the repository.
fn across<'a>(view: &View<'a>, of: impl Fn(&Deployed<'a>) -> Result<Given<'a>, Cell>) -> Across<'a> {
    let environments = view.context.found.environments.iter();
    let deployed = environments
        .map(|name| view.deployed.iter().find(|deployed| names::same_environment(deployed.environment, name)));
    deployed.map(|deployed| deployed.map_or_else(|| Err(outside()), &of)).collect()
}

/// The same as cells. What is one value everywhere is not written out: nobody is shown it.
fn told(view: &View<'_>, across: Across<'_>, secrets: &[Vec<String>]) -> Vec<Cell> {
    let mut values = across.iter().flatten().map(|given| &given.value);
    let first = values.next();
    let same = across.len() > 1 && across.iter().all(Result::is_ok) && values.all(|value| Some(value) == first);
    let none = Vec::new();
    let cell = |(environment, one): (&String, Result<Given<'_>, Cell>)| {
        let given = match one {
            Ok(given) => given,
            Err(cell) => return cell,
        };
        if same {
            return Cell { how: given.how, ..Cell::default() };
        }
        let mut all = view.deployed.iter().zip(secrets);
        let own = all.find(|(deployed, _)| names::same_environment(deployed.environment, environment));
        known(view.context, &given.value, given.how, given.place, own.map_or(&none, |(_, secrets)| secrets))
    };
    view.context.found.environments.iter().zip(across).map(cell).collect()
}

fn backends(view: &View<'_>, rows: &mut Vec<Row>) {
    let mut names: Vec<&str> = Vec::new();
    for deployed in &view.deployed {
        for name in deployed.backend.iter().flat_map(|backend| backend.settings.keys()) {
            // Credentials do not belong into a table that lands in a pull request.
            let secret = is_secret_name(name) || ["conn_str", "credentials"].iter().any(|word| name.contains(word));
            if !names.contains(&&**name) && !secret {
                names.push(name);
            }
        }
    }
    names.sort();
    for name in names {
        let cells = cells(view, |_, deployed| {
            let setting = deployed.backend.as_ref().and_then(|backend| backend.settings.get(name));
            setting.map_or_else(Cell::default, |setting| Cell {
                value: Some(one_line(&setting.text)),
                how: How::Set,
                origin: setting.place.map(|place| view.context.location(place)),
            })
        });
        rows.push(row_of(view.context, Group::Backend, &view.stack.name, name, cells));
    }
}

/// Arguments of modules that are not in the repository: what they make is not known, what they are given is.
fn calls<'a>(view: &View<'a>, rows: &mut Vec<Row>) {
    let secrets = secrets(view);
    let mut names: Vec<(&str, &str)> = Vec::new();
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for deployed in &view.deployed {
        for call in deployed.module.calls.iter().filter(|call| call.target.is_none()) {
            for attr in &call.body.attrs {
                // A plain variable has a row of its own.
                let plain = attr.value.reference().is_some_and(|(root, _)| root == "var");
                let said = plain || resources::LEFT_OUT.contains(&attr.name) || attr.name == "providers";
                if !said && seen.insert((call.name, attr.name)) {
                    names.push((call.name, attr.name));
                }
            }
        }
    }
    let by_name = |deployed: &Deployed<'a>| deployed.module.calls.iter().map(|call| (call.name, call)).collect();
    let calls: Vec<BTreeMap<&str, &ModuleCall<'a>>> = view.deployed.iter().map(by_name).collect();
    for (name, argument) in names {
        let cells = cells(view, |index, deployed| {
            // That the module is not there at all has a row of its own.
            let Some(call) = calls[index].get(name) else { return outside() };
            let Some(attr) = call.body.attr(argument) else { return Cell::default() };
            let value = deployed.evaluation.value(Evaluation::ROOT, &attr.value);
            let place = Place { file: call.place.file, span: attr.span() };
            let cell = known(view.context, &value, How::Set, place, &secrets[index]);
            let secret = is_secret_name(argument) || deployed.evaluation.is_secret(Evaluation::ROOT, &attr.value);
            if secret { hidden(cell) } else { cell }
        });
        let name = format!("module.{name}.{argument}");
        rows.push(row_of(view.context, Group::Resource, &view.stack.name, &name, cells));
    }
}
