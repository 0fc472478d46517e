//! What the ledger tells of applies: each as one line of history, with its end where it has one.

use jiff::Timestamp;
use serde::Serialize;
use tiers_core::lease::{Agreed, Facts, Holder, LeaseEvent, Outcome};
use tiers_engine::ledger::{Head, Ledger};

use crate::context::Context;
use crate::fault::Fault;
use crate::render::plan::{brief, short};

/// Addresses that a line names before it says how many more there are.
const NAMED: usize = 3;
/// Characters of a reason in a line.
const WIDTH: usize = 100;
/// An apply has three records, or two and a takeover.
const RECORDS: usize = 4;

/// One apply, whatever became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Apply {
    /// When the project's lease was acquired for it.
    pub at: Timestamp,
    /// `None` while it is in flight.
    pub ended: Option<Timestamp>,
    pub by: String,
    pub holder: Holder,
    /// `in-flight`, or how it ended.
    pub outcome: &'static str,
    pub why: String,
    /// What the plan was judged as: `nothing`, `safe`, `breaking`.
    pub class: &'static str,
    /// The addresses that made it breaking.
    pub breaking: Vec<String>,
    /// Who agreed: `unneeded`, `flags` or `person`, and the commit that said who has to be asked.
    pub agreed: Option<Agreed>,
    pub rules: Option<String>,
    /// What the apply was asked for with.
    #[serde(flatten)]
    pub facts: Facts,
}

/// The newest applies of the project, newest first; of one environment, where one is named.
pub async fn applies(
    context: &Context,
    ledger: &Ledger,
    only: Option<&str>,
    limit: usize,
) -> Result<Vec<Apply>, Fault> {
    let Some(stream) = context.lease_stream() else { return Ok(Vec::new()) };
    let Some(head) = ledger.head(&stream).await? else { return Ok(Vec::new()) };
    let mut newest_first = ledger.walk_back(&head, limit.saturating_mul(RECORDS)).await?;
    newest_first.insert(0, head);
    let mut applies = of_stream(&newest_first);
    applies.retain(|apply| only.is_none_or(|name| apply.facts.environment.as_str() == name));
    Ok(applies)
}

/// One lease is held at a time, so what was read since the last beginning belongs to the one before it.
fn of_stream(newest_first: &[Head]) -> Vec<Apply> {
    let mut applies = Vec::new();
    let (mut end, mut started) = (None, false);
    for head in newest_first {
        let record = &head.record;
        match serde_json::from_value::<LeaseEvent>(record.event.clone()) {
            Ok(LeaseEvent::Released { outcome }) => end = Some((record.at, outcome)),
            Ok(LeaseEvent::TakenOver { proof }) => {
                let why = format!("taken over by {}: {}", record.actor.who, proof.text());
                end = Some((record.at, Outcome::Unknown { why }));
            }
            Ok(LeaseEvent::Spawning { .. }) => started = true,
            Ok(LeaseEvent::Acquired { holder, request }) => {
                let ended = match end.take() {
                    // What never began to start anything was told so by the fold, too.
                    Some((at, Outcome::Unknown { why })) if !started => Some((at, Outcome::NotStarted { why })),
                    other => other,
                };
                started = false;
                let breaking = request.breaking().into_iter().map(str::to_owned).collect();
                let class = request.class().word();
                applies.push(Apply {
                    at: record.at,
                    ended: ended.as_ref().map(|(at, _)| *at),
                    by: record.actor.who.clone(),
                    holder,
                    outcome: ended.as_ref().map_or("in-flight", |(_, outcome)| key(outcome)),
                    why: ended.and_then(|(_, outcome)| outcome.why().map(str::to_owned)).unwrap_or_default(),
                    class,
                    breaking,
                    agreed: request.agreed,
                    rules: request.rules,
                    facts: request.facts,
                });
            }
            // One that this program does not know is no end of anything; `ledger verify` names it.
            Err(_) => {}
        }
    }
    applies
}

/// As it stands in records.
fn key(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Applied { .. } => "applied",
        Outcome::Failed { .. } => "failed",
        Outcome::NotStarted { .. } => "not-started",
        Outcome::Unknown { .. } => "unknown",
    }
}

impl Apply {
    /// What happened, in one line without its place, time and person.
    pub fn text(&self) -> String {
        let outcome = match self.outcome {
            "unknown" => "ended unknown".to_owned(),
            other => other.replace('-', " "),
        };
        let class = match (self.class, self.breaking.len()) {
            ("breaking", 0..=NAMED) => format!("; breaking: {}", self.breaking.join(", ")),
            ("breaking", many) => {
                format!("; breaking: {} and {} more", self.breaking[..NAMED].join(", "), many - NAMED)
            }
            ("safe", _) => "; safe".to_owned(),
            _ => String::new(),
        };
        let code = match (&self.facts.commit, self.facts.dirty) {
            (None, _) => String::new(),
            (Some(commit), true) => format!("; commit {} and changes", short(commit.as_str())),
            (Some(commit), false) => format!("; commit {}", short(commit.as_str())),
        };
        let why = if self.why.is_empty() { String::new() } else { format!("; {}", brief(&self.why, WIDTH)) };
        format!("terraform {outcome}: {}{class}{code}{why}", self.facts.counts)
    }
}
