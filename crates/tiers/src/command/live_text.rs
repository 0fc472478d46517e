//! The comparison with what is live, for people: as text, and as Markdown for a pull request.

use std::fmt::Write as _;

use super::live::{Cell, Compared, Live, Setting, shown};
use crate::render::style::Style;
use crate::render::wrap;

/// Characters of a digest that people compare.
const DIGEST: usize = 12;

/// One block for each component; only what differs or is not as declared, unless `all`.
pub fn text(live: &Live, style: Style, all: bool) -> String {
    let mut out = String::new();
    let (mut hidden, mut undeclared) = (0, 0);
    for one in &live.components {
        let (rows, same): (Vec<&Setting>, Vec<&Setting>) =
            one.settings.iter().partition(|setting| all || is_worth_telling(setting));
        let problems = one.functions.iter().any(|seen| seen.problem.is_some());
        let declared = |setting: &&&Setting| setting.cells.iter().all(|cell| cell.declared.is_some());
        hidden += same.iter().filter(declared).count();
        undeclared += same.len() - same.iter().filter(declared).count();
        if rows.is_empty() && !problems {
            continue;
        }
        head(one, style, &mut out);
        for setting in rows {
            block(live, setting, style, &mut out);
        }
    }
    let is_are = |count: usize| if count == 1 { "setting is" } else { "settings are" };
    if out.is_empty() && hidden > 0 {
        out.push_str(&wrap::line(&nothing(live)));
    } else if hidden > 0 {
        let text = format!("{hidden} more {} as declared{}", is_are(hidden), same_words(live));
        let _ = writeln!(out, "{}", style.dim(&text));
    } else if live.components.is_empty() {
        out.push_str(&wrap::line("tiers.toml names no components, so there is nothing to compare"));
    }
    if undeclared > 0 {
        let text = format!(
            "{undeclared} {} declared nowhere that is known before Terraform runs, so only what is live could be compared",
            is_are(undeclared)
        );
        let _ = writeln!(out, "{}", style.dim(wrap::line(&text).trim_end()));
    }
    out
}

fn same_words(live: &Live) -> &'static str {
    if live.environments.len() > 1 { ", and the same here and there" } else { "" }
}

fn nothing(live: &Live) -> String {
    match &live.environments[..] {
        [one] => format!("what is live in {one} is what is declared"),
        [first, second, ..] => format!("{first} and {second} have the same live, and it is what is declared"),
        [] => String::new(),
    }
}

fn is_worth_telling(setting: &Setting) -> bool {
    setting.differs || setting.cells.iter().any(|cell| !cell.remark.is_empty())
}

fn head(one: &Compared, style: Style, out: &mut String) {
    let _ = writeln!(out, "{}", style.strong(one.component.as_str()));
    for seen in &one.functions {
        let text = match (&seen.version, &seen.problem) {
            (_, Some(problem)) => format!("  {} {}", seen.environment, problem),
            (Some(version), None) => {
                let shares = seen
                    .weights
                    .iter()
                    .map(|(version, share)| format!(", {:.0}% of the calls {version}", share * 100.0));
                let shares = shares.collect::<String>();
                format!("  {} {} serves version {version}{shares}", seen.environment, seen.function)
            }
            (None, None) => continue,
        };
        out.push_str(&wrap::line(&text));
    }
}

fn block(live: &Live, setting: &Setting, style: Style, out: &mut String) {
    let _ = writeln!(out, "  {}", setting.name);
    let width = live.environments.iter().map(|env| env.as_str().chars().count()).max().unwrap_or(0);
    for (environment, cell) in live.environments.iter().zip(&setting.cells) {
        let Some(value) = told(setting, cell) else { continue };
        let origin = match &cell.origin {
            // What is written there is not what is live.
            _ if !cell.remark.is_empty() => String::new(),
            Some(at) => format!("  {}:{}", at.path, at.line),
            None if setting.name == "digest" && cell.declared.is_none() => "  no release is recorded".to_owned(),
            None => String::new(),
        };
        let lead = format!("    {environment:width$}  ");
        let columns = width + 6;
        let line = wrap::paragraph(&lead, columns, columns + 2, &format!("{value}{origin}"), wrap::width());
        let _ = writeln!(out, "{line}");
        if !cell.remark.is_empty() {
            let lead = format!("{:columns$}{} ", "", style.careful("^"));
            let _ = writeln!(out, "{}", wrap::paragraph(&lead, columns + 2, columns + 2, &cell.remark, wrap::width()));
        }
    }
}

fn told<'a>(setting: &Setting, cell: &'a Cell) -> Option<&'a str> {
    let value = cell.live.as_deref()?;
    Some(if setting.name == "digest" { value.get(..DIGEST).unwrap_or(value) } else { shown(value) })
}

/// A table of everything that is worth telling.
pub fn markdown(live: &Live) -> String {
    let problems = live.components.iter().flat_map(|one| &one.functions).any(|seen| seen.problem.is_some());
    if !problems && !live.components.iter().flat_map(|one| &one.settings).any(is_worth_telling) {
        return format!("Nothing to tell: {}.\n", nothing(live));
    }
    let names: Vec<&str> = live.environments.iter().map(|env| env.as_str()).collect();
    let mut out = format!("| setting | {} | |\n|---|{}---|\n", names.join(" | "), "---|".repeat(names.len()));
    for one in &live.components {
        let problems = one.functions.iter().filter_map(|seen| seen.problem.as_deref());
        for problem in problems {
            let _ = writeln!(out, "| `{}` | {}{} |", one.component, "| ".repeat(names.len()), escaped(problem));
        }
        for setting in one.settings.iter().filter(|setting| is_worth_telling(setting)) {
            let cells = setting.cells.iter().map(|cell| match told(setting, cell) {
                Some(value) => format!("`{}`", escaped(value)),
                None => "-".to_owned(),
            });
            let remarks = live.environments.iter().zip(&setting.cells).filter(|(_, cell)| !cell.remark.is_empty());
            let remarks = remarks.map(|(env, cell)| format!("{env}: {}", escaped(&cell.remark)));
            let _ = writeln!(
                out,
                "| `{} {}` | {} | {} |",
                one.component,
                setting.name,
                cells.collect::<Vec<_>>().join(" | "),
                remarks.collect::<Vec<_>>().join("; ")
            );
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
