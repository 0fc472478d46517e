//! Makefiles: goals, what they need first, patterns and variables.

use std::borrow::Cow;

use super::variables::{Language, Value};
use super::walk::{Script, Shell, Walk};
use super::{Files, Ran};
use crate::command::{self, Command};
use crate::discover::usage;
use crate::model::FileId;

/// Files that include files are read this deep.
const MAX_INCLUDES: usize = 3;

#[derive(Default)]
struct Makefile<'a> {
    variables: Vec<Assignment<'a>>,
    rules: Vec<Rule<'a>>,
    goal: Option<&'a str>,
}

struct Assignment<'a> {
    name: &'a str,
    value: &'a str,
    /// `?=`: only where nothing else gave it a value.
    weak: bool,
    appends: bool,
}

struct Rule<'a> {
    file: FileId,
    targets: Vec<&'a str>,
    needs: Vec<&'a str>,
    variables: Vec<Assignment<'a>>,
    /// The recipe's lines, each with where it begins.
    lines: Vec<(usize, &'a str)>,
}

/// What `make` runs, called from a file of the repository.
pub(super) fn call<'a>(walk: &mut Walk<'_, 'a>, from: FileId, command: &Command<'a>, caller: &Shell<'a>) {
    const WITH_VALUE: &[&str] = &["-C", "--directory", "-f", "--file", "-j", "-l", "-o", "-I", "-W"];
    let (mut goals, mut given): (Vec<String>, Vec<(String, String)>) = Default::default();
    let (mut dir, mut named) = (None, None);
    let mut words = command.args().iter().map(|word| word.text.as_ref());
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            let value = words.clone().next();
            match word {
                "-C" | "--directory" => dir = value,
                "-f" | "--file" => named = value,
                // `-j` may stand alone.
                "-j" if value.is_none_or(|value| !value.bytes().all(|byte| byte.is_ascii_digit())) => continue,
                _ => {}
            }
            words.next();
        } else if let Some(value) = word.strip_prefix("--directory=").or_else(|| word.strip_prefix("-C")) {
            dir = Some(value);
        } else if let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.starts_with('-')) {
            given.push((name.trim_end_matches(':').to_string(), value.to_string()));
        } else if matches!(word, ">" | ">>" | "<" | "2>&1" | "|") || word.starts_with(">") {
            break;
        } else if !word.starts_with('-') {
            goals.push(word.to_string());
        }
    }
    let Some(file) = find(walk.files, from, caller.dir.as_deref(), dir, named) else { return };
    let makefile = read(walk.files, file);
    if goals.is_empty() {
        goals.extend(makefile.goal.or_else(|| first_goal(&makefile)).map(ToString::to_string));
    }
    let mut done = Vec::new();
    for goal in goals {
        run(walk, &makefile, &goal, &given, Some(caller), &mut done);
    }
}

/// Every goal of a Makefile, as if somebody asked for it and nothing else.
pub(super) fn goals<'a>(walk: &mut Walk<'_, 'a>, file: FileId) -> Vec<(String, Vec<Ran<'a>>)> {
    let makefile = read(walk.files, file);
    let mut out = Vec::new();
    let does = |rule: &&Rule<'a>| !rule.lines.is_empty() || !rule.needs.is_empty();
    let plain = makefile.rules.iter().filter(does).flat_map(|rule| rule.targets.clone());
    for goal in plain.filter(|goal| !goal.starts_with('.')) {
        run(walk, &makefile, goal, &[], None, &mut Vec::new());
        out.push((goal.to_string(), std::mem::take(&mut walk.out)));
    }
    out
}

fn first_goal<'a>(makefile: &Makefile<'a>) -> Option<&'a str> {
    let targets = makefile.rules.iter().flat_map(|rule| &rule.targets);
    targets.copied().find(|target| !target.starts_with('.') && !target.contains('%'))
}

pub(super) fn is_makefile(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("makefile") || name.ends_with(".mk")
}

fn find(
    files: &Files<'_>,
    from: FileId,
    dir: Option<&str>,
    inner: Option<&str>,
    named: Option<&str>,
) -> Option<FileId> {
    let folder = [dir, inner].into_iter().flatten().collect::<Vec<_>>().join("/");
    if let Some(named) = named {
        return files.resolve(from, &format!("{folder}/{named}"));
    }
    let wanted = usage::pattern(folder.trim_start_matches("./").trim_end_matches('/'));
    let all = files.tree.files().iter().enumerate();
    let mut there: Vec<(FileId, &str)> = all
        .filter(|(_, file)| matches!(file.name().to_ascii_lowercase().as_str(), "makefile" | "gnumakefile"))
        .map(|(index, file)| (index, file.dir()))
        .filter(|(_, dir)| *dir == wanted || wanted.is_empty() || usage::ends_with_pattern(dir, &wanted))
        .collect();
    if there.is_empty() && inner.is_none() {
        // Started in a folder that cannot be told.
        there = files.tree.index_of("Makefile").map(|index| (index, "")).into_iter().collect();
    }
    there.into_iter().min_by_key(|(_, dir)| dir.len()).map(|(index, _)| index)
}

fn read<'a>(files: &Files<'a>, file: FileId) -> Makefile<'a> {
    let mut makefile = Makefile::default();
    include(files, file, &mut makefile, MAX_INCLUDES);
    makefile
}

fn include<'a>(files: &Files<'a>, file: FileId, makefile: &mut Makefile<'a>, depth: usize) {
    let text = files.text(file);
    let mut in_rule = false;
    for (start, line) in logical_lines(text) {
        if let Some(recipe) = line.strip_prefix('\t') {
            if in_rule && let Some(rule) = makefile.rules.last_mut() {
                rule.lines.push((start + 1, recipe));
            }
            continue;
        }
        let line = line.split(" #").next().unwrap_or(line).trim_end();
        let first = line.split_whitespace().next().unwrap_or_default();
        if line.is_empty()
            || line.starts_with('#')
            || matches!(first, "ifeq" | "ifneq" | "ifdef" | "ifndef" | "else" | "endif")
        {
            continue;
        }
        if matches!(first, "include" | "-include" | "sinclude") && depth > 0 {
            for name in line.split_whitespace().skip(1) {
                if let Some(inner) = files.resolve(file, name).filter(|inner| *inner != file) {
                    include(files, inner, makefile, depth - 1);
                }
            }
            in_rule = false;
            continue;
        }
        if let Some(assignment) = assignment(line) {
            if assignment.name == ".DEFAULT_GOAL" {
                makefile.goal = Some(assignment.value);
            }
            makefile.variables.push(assignment);
            in_rule = false;
            continue;
        }
        let Some((targets, rest)) = line.split_once(':') else { continue };
        let rest = rest.trim_start_matches(':');
        in_rule = true;
        let targets = targets.split_whitespace().collect();
        let mut rule = Rule { file, targets, needs: Vec::new(), variables: Vec::new(), lines: Vec::new() };
        match (assignment(rest.trim_start()), rest.split_once(';')) {
            (Some(of_target), None) => rule.variables.push(of_target),
            (_, Some((needs, recipe))) => {
                rule.needs = needs.split_whitespace().collect();
                rule.lines.push((start + line.len() - recipe.len(), recipe));
            }
            (None, None) => rule.needs = rest.split_whitespace().filter(|word| *word != "|").collect(),
        }
        makefile.rules.push(rule);
    }
}

/// Lines with those that a backslash continues, and where they begin.
pub(super) fn logical_lines(text: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        at += line.len();
        if !line.trim_end_matches(['\n', '\r']).ends_with('\\') {
            out.push((start, text[start..at].trim_end_matches(['\n', '\r'])));
            start = at;
        }
    }
    if start < text.len() {
        out.push((start, &text[start..]));
    }
    out
}

fn assignment(line: &str) -> Option<Assignment<'_>> {
    let (left, value) = line.split_once('=')?;
    let left = left.trim_end_matches([':', '?', '+', '!']);
    let weak = line[left.len()..].starts_with('?');
    let appends = line[left.len()..].starts_with('+');
    let name = left.trim().trim_start_matches("export ").trim_start_matches("override ").trim();
    let plain =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    plain.then(|| Assignment { name, value: value.trim(), weak, appends })
}

/// `None` for the stem where the target is named as it is.
fn fits<'t>(pattern: &str, target: &'t str) -> Option<Option<&'t str>> {
    match pattern.split_once('%') {
        None => (pattern == target).then_some(None),
        Some((head, tail)) => {
            let stem = target.strip_prefix(head)?.strip_suffix(tail)?;
            (!stem.is_empty()).then_some(Some(stem))
        }
    }
}

fn run<'a>(
    walk: &mut Walk<'_, 'a>,
    makefile: &Makefile<'a>,
    goal: &str,
    given: &[(String, String)],
    caller: Option<&Shell<'a>>,
    done: &mut Vec<String>,
) {
    if done.iter().any(|known| known == goal) || done.len() > 200 {
        return;
    }
    done.push(goal.to_string());
    let all = makefile.rules.iter().filter_map(|rule| {
        let stem = rule.targets.iter().find_map(|target| fits(target, goal))?;
        Some((rule, stem))
    });
    let mut rules: Vec<(&Rule<'a>, Option<&str>)> = all.collect();
    if rules.iter().any(|(rule, stem)| stem.is_none() && !rule.lines.is_empty()) {
        rules.retain(|(_, stem)| stem.is_none());
    }
    let shell = shell(makefile, &rules, goal, given, caller);
    for (rule, stem) in &rules {
        for needed in &rule.needs {
            let needed = shell.variables.substitute(&needed.replace('%', stem.unwrap_or("%")), &[]);
            run(walk, makefile, &needed, given, caller, done);
        }
    }
    for (rule, stem) in rules {
        let mut shell = shell.clone();
        if let Some(stem) = stem {
            shell.variables.set("*", Value::Text(stem.to_string()), &[]);
        }
        for (start, line) in &rule.lines {
            let stripped = line.trim_start_matches(['@', '-', '+', ' ', '\t']);
            let commands = command::split(stripped, start + line.len() - stripped.len());
            // `$(X)` is a variable here, and no command.
            let own = commands.into_iter().filter(|command| !command.nested || command.words.len() > 1);
            let may_fail = line[..line.len() - stripped.len()].contains('-');
            let commands: Vec<Command<'a>> = own.map(|command| command::may_fail(command, may_fail)).collect();
            walk.script(&Script::new(rule.file, Cow::Owned(commands)), &mut shell.clone());
        }
    }
}

/// The shell of a goal's recipe: what the command line gives, then what the goal says, then what the file says.
fn shell<'a>(
    makefile: &Makefile<'a>,
    rules: &[(&Rule<'a>, Option<&str>)],
    goal: &str,
    given: &[(String, String)],
    caller: Option<&Shell<'a>>,
) -> Shell<'a> {
    let mut shell = caller.map_or_else(|| Shell::new(Language::Make), |caller| caller.child(Language::Make));
    shell.variables.arguments = None;
    let of_goal = rules.iter().flat_map(|(rule, _)| &rule.variables);
    for assignment in makefile.variables.iter().chain(of_goal) {
        let Assignment { name, value, weak, appends } = assignment;
        let before = shell.variables.text(name, &[]).map(ToString::to_string);
        match (weak, appends, before) {
            // Nobody knows what the person who calls has in the environment.
            (true, ..) if caller.is_none() => shell.variables.set(name, Value::Unknown, &[]),
            (true, _, Some(_)) => {}
            (_, true, Some(before)) => shell.variables.set(name, Value::Text(format!("{before} {value}")), &[]),
            _ => shell.variables.set(name, Value::Text(value.to_string()), &[]),
        }
    }
    for (name, value) in given {
        shell.variables.set(name, Value::Text(value.clone()), &[]);
    }
    shell.variables.set("@", Value::Text(goal.to_string()), &[]);
    shell
}
