//! `tiers explain`: a rule of `tiers check`, or one of the promises that deployments keep.

use clap::Args;
use serde::Serialize;
use tiers_check::{Rule, render, rules};
use tiers_core::config::nearest;
use tiers_core::invariant::{INVARIANTS, Invariant, invariant};

use crate::cli::Global;
use crate::command::{print, print_json};
use crate::fault::{Fault, Outcome};
use crate::render::wrap::columns;

/// Explain a rule of `tiers check`, or a promise that deployments keep
#[derive(Debug, Args)]
pub struct Explain {
    /// A rule's id, as `tiers check` prints it, or the name of a promise; all are listed without one
    name: Option<String>,
}

/// `tiers.explanation/1`.
#[derive(Serialize)]
struct Explained {
    rules: Vec<Rule>,
    invariants: Vec<Invariant>,
}

pub fn run(args: &Explain, global: &Global) -> Outcome {
    let Some(name) = args.name.as_deref() else {
        if global.json {
            print_json("tiers.explanation/1", &Explained { rules: rules().to_vec(), invariants: INVARIANTS.to_vec() })?;
        } else {
            print(&list(columns()))?;
        }
        return Ok(0);
    };
    let (rule, promise) = (tiers_check::explain(name), invariant(name));
    if global.json && (rule.is_some() || promise.is_some()) {
        let explained = Explained {
            rules: rule.copied().into_iter().collect(),
            invariants: promise.copied().into_iter().collect(),
        };
        print_json("tiers.explanation/1", &explained)?;
        return Ok(0);
    }
    match (render::explanation(name, columns()), promise) {
        (Some(text), _) => print(&text)?,
        (None, Some(promise)) => print(&kept(promise, columns()))?,
        (None, None) => return Err(unknown(name)),
    }
    Ok(0)
}

fn unknown(name: &str) -> Fault {
    let all = rules().iter().map(|rule| rule.id).chain(INVARIANTS.iter().map(|invariant| invariant.name));
    let fault = Fault::usage(format!("there is no rule and no promise called `{name}`"));
    match nearest(name, all) {
        Some(meant) => fault.hint(format!("Did you mean `{meant}`? `tiers explain` lists all.")),
        None => fault.hint("`tiers explain` lists all."),
    }
}

fn kept(invariant: &Invariant, width: usize) -> String {
    let paragraph = |text: &str| render::wrapped(text, width, "");
    format!(
        "{} (a promise that every deployment keeps)\n\n{}\nHow it is kept:\n{}\nWhat you see where it would be broken:\n{}",
        invariant.name,
        paragraph(invariant.promise),
        render::wrapped(invariant.kept_by, width, "  "),
        render::wrapped(invariant.seen_as, width, "  "),
    )
}

fn list(width: usize) -> String {
    let longest = rules().iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut out = String::from("Rules of `tiers check`, with the severity of their worst findings:\n");
    for rule in rules() {
        let head = format!("  {:longest$}  {:7}  ", rule.id, rule.severity.as_str());
        let room = width.saturating_sub(head.len()).max(30);
        let indent = " ".repeat(head.len());
        out.push_str(&head);
        out.push_str(render::wrapped(rule.title, room + head.len(), &indent).trim_start());
    }
    out.push_str("\nPromises that deployments keep:\n");
    for invariant in INVARIANTS {
        out.push_str(&format!("  {}\n", invariant.name));
    }
    out
}
