//! What `tiers status` says of infrastructure: the last apply in each environment, and the one in flight.

use jiff::Timestamp;
use serde::Serialize;
use tiers_core::id::Env;
use tiers_core::lease::{Attempt, Lease, LeaseState, Outcome};
use tiers_engine::lease::{LeaseSession, look};
use tiers_engine::ledger::Ledger;
use tiers_engine::port::lease::Life;

use crate::context::Context;
use crate::fault::{Fault, chain};
use crate::render::plan::{brief, short};
use crate::render::style::Style;
use crate::render::table::{Cell, painted, plain, table};
use crate::render::time::ago;
use crate::render::wrap;
use crate::terraform::desk::{desk, stands};

/// Characters of a reason that is shown.
const WIDTH: usize = 160;

/// The infrastructure of a project, as the ledger knows it.
#[derive(Serialize)]
pub struct Infrastructure {
    /// The newest record's sequence in the project's stream of applies.
    seq: Option<u64>,
    /// The apply in flight, in whatever environment.
    held: Option<Lease>,
    #[serde(skip)]
    life: Option<Life>,
    environments: Vec<One>,
    /// Why the stream can't be read.
    pub problem: Option<String>,
}

#[derive(Serialize)]
struct One {
    environment: Env,
    /// The last apply that was carried out whole.
    applied: Option<Attempt>,
    /// The last one that may have changed something.
    last: Option<Attempt>,
}

/// Reads it; `None` where tiers runs no Terraform.
pub async fn infrastructure(
    context: &std::rc::Rc<Context>,
    ledger: Option<&Ledger>,
    environments: &[Env],
) -> Result<Option<Infrastructure>, Fault> {
    if context.project.terraform.is_none() {
        return Ok(None);
    }
    let mut shown = Infrastructure { seq: None, held: None, life: None, environments: Vec::new(), problem: None };
    let mut state = LeaseState::default();
    if let Some(ledger) = ledger {
        let desk = desk(context, ledger)?;
        match LeaseSession::load(&desk).await {
            Ok(session) => {
                if let Some(lease) = &session.state.held {
                    shown.life = Some(look(&desk, lease).await);
                }
                shown.seq = session.head.as_ref().map(|head| head.seq);
                state = session.state;
            }
            Err(error) => shown.problem = Some(chain(&error)),
        }
    }
    shown.environments = environments
        .iter()
        .map(|name| One {
            environment: name.clone(),
            applied: state.applied.remove(name),
            last: state.last.remove(name),
        })
        .collect();
    shown.held = state.held;
    Ok(Some(shown))
}

impl Infrastructure {
    /// For people: a table of its own, and a line for what needs attention. Empty where nothing was ever applied.
    pub fn text(&self, style: Style, now: Timestamp) -> String {
        let nothing = self.held.is_none() && self.environments.iter().all(|one| one.last.is_none());
        if let Some(problem) = &self.problem {
            let lead = format!("infrastructure: {} ", style.bad("unreadable:"));
            return format!(
                "{}\n",
                wrap::paragraph(&lead, "infrastructure: unreadable: ".len(), 2, problem, wrap::width())
            );
        }
        if nothing {
            return String::new();
        }
        let rows: Vec<Vec<Cell>> = self.environments.iter().map(|one| row(one, now)).collect();
        let mut text = table(&["environment", "infrastructure", "tree", "commit", "applied", "by"], &rows, style);
        for one in &self.environments {
            if let Some(last) = one.last.as_ref().filter(|last| one.applied.as_ref() != Some(last)) {
                text.push_str(&not_whole(&one.environment, last, style, now));
            }
        }
        if let Some(lease) = &self.held {
            text.push_str(&in_flight(lease, self.life.as_ref(), style, now));
        }
        text
    }
}

fn row(one: &One, now: Timestamp) -> Vec<Cell> {
    let environment = plain(one.environment.as_str());
    let Some(applied) = &one.applied else {
        let word = if one.last.is_some() { "never whole" } else { "never applied by tiers" };
        return vec![environment, painted(word, Style::dim)];
    };
    let facts = &applied.facts;
    let commit = facts.commit.as_ref().map_or("none", |commit| short(commit.as_str()));
    let changes = if facts.dirty { " and changes" } else { "" };
    vec![
        environment,
        plain(facts.counts.to_string()),
        plain(facts.tree.short()),
        plain(format!("{commit}{changes}")),
        plain(ago(applied.ended, now)),
        plain(applied.by.as_str()),
    ]
}

/// An apply after the last whole one, of which a part may be there.
fn not_whole(env: &Env, last: &Attempt, style: Style, now: Timestamp) -> String {
    let word = match last.outcome {
        Outcome::Unknown { .. } => "last apply ended unknown:",
        _ => "last apply failed:",
    };
    let why = brief(last.outcome.why().unwrap_or_default(), WIDTH);
    let says = format!(
        "{} by {} of tree {} ({}): {why}; a part of it may be there, and `tiers tf apply {env}` does the rest",
        ago(last.ended, now),
        last.by,
        last.facts.tree.short(),
        last.facts.counts,
    );
    line(env, word, Style::bad, &says, style)
}

fn in_flight(lease: &Lease, life: Option<&Life>, style: Style, now: Timestamp) -> String {
    let env = &lease.facts.environment;
    let says = format!(
        "{} by {} ({}), tree {} ({}){}; `tiers tf which {env}` says more",
        ago(lease.since, now),
        lease.by,
        lease.holder.text(),
        lease.facts.tree.short(),
        lease.facts.counts,
        life.map_or(String::new(), |life| format!("; {}", stands(life, env))),
    );
    line(env, "apply in flight:", Style::careful, &says, style)
}

fn line(env: &Env, word: &str, paint: fn(Style, &str) -> String, says: &str, style: Style) -> String {
    let lead = format!("{env}: {} ", paint(style, word));
    let columns = format!("{env}: {word} ").chars().count();
    format!("{}\n", wrap::paragraph(&lead, columns, 2, says, wrap::width()))
}
