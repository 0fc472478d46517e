//! Justfiles: recipes with parameters, dependencies and aliases.

use std::borrow::Cow;

use super::make::logical_lines;
use super::variables::{Language, Value};
use super::walk::{Script, Shell, Walk};
use super::{Files, Ran};
use crate::command::{self, Command};
use crate::model::FileId;

#[derive(Default)]
struct Justfile<'a> {
    variables: Vec<(&'a str, &'a str)>,
    aliases: Vec<(&'a str, &'a str)>,
    recipes: Vec<Recipe<'a>>,
}

struct Recipe<'a> {
    name: &'a str,
    /// Each with its default.
    parameters: Vec<(&'a str, Option<&'a str>)>,
    /// The last parameter takes all that is left.
    variadic: bool,
    needs: Vec<Vec<&'a str>>,
    lines: Vec<(usize, &'a str)>,
}

/// What `just` runs, called from a file of the repository.
pub(super) fn call<'a>(walk: &mut Walk<'_, 'a>, from: FileId, command: &Command<'a>, caller: &Shell<'a>) {
    let Some(file) = find(walk.files, from) else { return };
    let justfile = read(walk.files, file);
    let words = command.args().iter().map(|word| word.text.to_string());
    let words: Vec<String> = words.filter(|word| !word.starts_with('-') && !word.contains('=')).collect();
    match words.split_first() {
        Some((name, arguments)) => run(walk, (file, &justfile), name, Some(arguments), Some(caller), 0),
        None => {
            if let Some(first) = justfile.recipes.first() {
                run(walk, (file, &justfile), first.name, Some(&[]), Some(caller), 0);
            }
        }
    }
}

/// Every recipe, with nothing known of its parameters.
pub(super) fn recipes<'a>(walk: &mut Walk<'_, 'a>, file: FileId) -> Vec<(String, Vec<Ran<'a>>)> {
    let justfile = read(walk.files, file);
    let mut out = Vec::new();
    for recipe in &justfile.recipes {
        run(walk, (file, &justfile), recipe.name, None, None, 0);
        out.push((recipe.name.to_string(), std::mem::take(&mut walk.out)));
    }
    out
}

pub(super) fn is_justfile(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("justfile") || name.ends_with(".just")
}

fn find(files: &Files<'_>, from: FileId) -> Option<FileId> {
    let folder = files.tree.files()[from].dir();
    let all = files.tree.files().iter().enumerate().filter(|(_, file)| is_justfile(file.name()));
    all.min_by_key(|(_, file)| (file.dir() != folder, file.dir().len())).map(|(index, _)| index)
}

fn read<'a>(files: &Files<'a>, file: FileId) -> Justfile<'a> {
    let mut justfile = Justfile::default();
    for (start, line) in logical_lines(files.text(file)) {
        let indented = line.starts_with([' ', '\t']);
        if indented || line.trim().is_empty() {
            if let Some(recipe) = justfile.recipes.last_mut() {
                recipe.lines.push((start, line));
            }
            continue;
        }
        let line = line.trim_end();
        if line.starts_with(['#', '[']) || ["set ", "import ", "mod "].iter().any(|word| line.starts_with(word)) {
            continue;
        }
        if let Some((name, value)) = line.split_once(":=") {
            let value = value.trim();
            match name.trim().strip_prefix("alias ") {
                Some(alias) => justfile.aliases.push((alias.trim(), value)),
                None => justfile.variables.push((name.trim().trim_start_matches("export ").trim(), value)),
            }
            continue;
        }
        justfile.recipes.extend(line.split_once(':').and_then(|(head, needs)| recipe(head, needs)));
    }
    justfile
}

fn recipe<'a>(head: &'a str, needs: &'a str) -> Option<Recipe<'a>> {
    let mut words = head.trim_start_matches('@').split_whitespace();
    let name = words.next()?;
    let parameters: Vec<&str> = words.collect();
    let variadic = parameters.last().is_some_and(|last| last.starts_with(['+', '*']));
    let parameters = parameters.into_iter().map(|parameter| {
        let parameter = parameter.trim_start_matches(['+', '*', '$']);
        let (name, default) =
            parameter.split_once('=').map_or((parameter, None), |(name, default)| (name, Some(default)));
        (name, default.map(|default| default.trim_matches(['"', '\''])))
    });
    let parameters = parameters.collect();
    Some(Recipe { name, parameters, variadic, needs: needed(needs), lines: Vec::new() })
}

/// `a (b "x")` is two recipes, the second with an argument.
fn needed(text: &str) -> Vec<Vec<&str>> {
    let mut out = Vec::new();
    let mut rest = text.split(" #").next().unwrap_or(text).trim();
    while !rest.is_empty() {
        let (one, tail) = match rest.strip_prefix('(') {
            Some(inner) => inner.split_once(')').unwrap_or((inner, "")),
            None => {
                let end = rest.find([' ', '(']).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        let words: Vec<&str> = one.split_whitespace().filter(|word| *word != "&&").collect();
        if !words.is_empty() {
            out.push(words);
        }
        rest = tail.trim();
    }
    out
}

/// `arguments` are `None` where nobody knows them.
fn run<'a>(
    walk: &mut Walk<'_, 'a>,
    (file, justfile): (FileId, &Justfile<'a>),
    name: &str,
    arguments: Option<&[String]>,
    caller: Option<&Shell<'a>>,
    depth: usize,
) {
    let name = justfile.aliases.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, real)| real);
    let Some(recipe) = justfile.recipes.iter().find(|recipe| recipe.name == name).filter(|_| depth < 8) else { return };
    let mut shell = caller.map_or_else(|| Shell::new(Language::Just), |caller| caller.child(Language::Just));
    shell.variables.arguments = None;
    for (name, value) in &justfile.variables {
        let quoted = value.len() > 1 && value.starts_with(['"', '\'']) && !value.contains(" + ");
        let value = if quoted { Value::Text(value.trim_matches(['"', '\'']).to_string()) } else { Value::Unknown };
        shell.variables.set(name, value, &[]);
    }
    for (index, (name, default)) in recipe.parameters.iter().enumerate() {
        let all = recipe.variadic && index + 1 == recipe.parameters.len();
        let value = match arguments {
            Some(given) if all && given.len() > index => Value::Text(given[index..].join(" ")),
            Some(given) => match given.get(index).map(String::as_str).or(*default) {
                Some(text) => Value::Text(text.to_string()),
                None => Value::Unknown,
            },
            None => Value::Unknown,
        };
        shell.variables.set(name, value, &[]);
    }
    for needed in &recipe.needs {
        let Some((name, given)) = needed.split_first() else { continue };
        let given: Vec<String> = given.iter().map(|word| argument(word, &shell)).collect();
        run(walk, (file, justfile), name, Some(&given), caller, depth + 1);
    }
    for commands in bodies(recipe) {
        walk.script(&Script::new(file, Cow::Owned(commands)), &mut shell.clone());
    }
}

/// A text in quotes, or the value of a parameter.
fn argument(word: &str, shell: &Shell<'_>) -> String {
    if word.starts_with(['"', '\'']) {
        return word.trim_matches(['"', '\'']).to_string();
    }
    shell.variables.text(word, &[]).map_or_else(|| format!("${{{word}}}"), ToString::to_string)
}

/// Each line is a shell of its own, but for a recipe that begins with `#!`.
fn bodies<'a>(recipe: &Recipe<'a>) -> Vec<Vec<Command<'a>>> {
    let is_script = recipe.lines.first().is_some_and(|(_, line)| line.trim_start().starts_with("#!"));
    let split = |(start, line): &(usize, &'a str)| {
        let stripped = line.trim_start_matches(['@', '-', ' ', '\t']);
        let may_fail = line[..line.len() - stripped.len()].contains('-');
        let commands = command::split(stripped, start + line.len() - stripped.len()).into_iter();
        commands.map(|command| command::may_fail(command, may_fail)).collect::<Vec<_>>()
    };
    let lines = recipe.lines.iter().map(split);
    if is_script { vec![lines.flatten().collect()] } else { lines.collect() }
}
