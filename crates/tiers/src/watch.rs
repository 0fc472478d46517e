//! Progress on standard error: one line a step, with the seconds it took; results go to standard output.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use tiers_core::event::{Cause, Ending, Event, Outcome, Step};
use tiers_engine::driver::{Progress, Stop, Watch};

use crate::leaving;
use crate::render::at_hand::AtHand;
use crate::render::plan::brief;
use crate::render::style::Style;
use crate::render::time::took;
use crate::render::wrap;

/// Characters of a reason that a line of progress shows.
const WIDTH: usize = 120;
/// Columns in front of what a line of progress says.
const LEAD: usize = 7;

/// Writes progress lines.
pub struct Lines {
    style: Style,
    quiet: bool,
    since: Cell<Instant>,
    waiting: RefCell<String>,
    at_hand: AtHand,
}

impl Lines {
    pub fn new(style: Style, quiet: bool) -> Lines {
        Lines {
            style,
            quiet,
            since: Cell::new(Instant::now()),
            waiting: RefCell::default(),
            at_hand: AtHand::new(!quiet),
        }
    }

    /// One line: a word of four letters, what it says, and the time that it took.
    fn line(&self, word: &str, says: &str, time: &str) {
        if self.quiet {
            return;
        }
        // A number and its unit stay on one line.
        let kept = time.replace(' ', "\u{a0}");
        let says = if time.is_empty() { says.to_owned() } else { format!("{says} {kept}") };
        let text = wrap::paragraph(&format!("  {word} "), LEAD, LEAD, &says, wrap::width()).replace('\u{a0}', " ");
        // Progress that nobody can read is no reason to stop a deployment.
        self.at_hand.write(&self.dim_time(&text, time));
    }

    /// The time at the end of a line, painted after the line was laid out.
    fn dim_time(&self, text: &str, time: &str) -> String {
        match text.strip_suffix(time).filter(|_| !time.is_empty()) {
            Some(start) => format!("{start}{}", self.style.dim(time)),
            None => text.to_owned(),
        }
    }

    fn done(&self, text: &str) {
        let ms = u64::try_from(self.since.replace(Instant::now()).elapsed().as_millis()).unwrap_or(u64::MAX);
        self.line(&self.style.good("ok  "), text, &took(ms));
    }

    fn going_back(&self, cause: &Cause) {
        let why = match cause {
            // The line of the gate itself stands right above.
            Cause::Gate { gate, .. } => format!("gate `{gate}` failed"),
            other => brief(&other.text(), WIDTH),
        };
        self.line(&self.style.bad("stop"), &format!("going back, because {why}"), "");
    }

    fn recorded(&self, event: &Event) {
        // An intent is recorded in the middle of its step.
        if !matches!(event, Event::Intended { .. }) {
            self.at_hand.end();
        }
        match event {
            Event::Claimed { id, .. } => self.done(&format!("claimed as {id}")),
            Event::Checked { note, .. } => {
                self.done(&format!("checked: right place, nothing speaks against it; {note}"))
            }
            Event::Settled { intent: Some(_), step, findings } => {
                let names: Vec<&str> = findings.iter().map(|finding| finding.component.as_str()).collect();
                self.done(&format!("{} ({})", step_done(*step), names.join(", ")));
            }
            Event::TakenOver { why, undo } => {
                self.done(&format!("taken over: {why}"));
                if let Some(cause) = undo {
                    self.going_back(cause);
                }
            }
            Event::Undoing { cause } => self.going_back(cause),
            Event::Ended { ending: Ending::Succeeded, .. } => self.done("every component was seen on the release"),
            _ => {}
        }
    }
}

fn step_done(step: Step) -> &'static str {
    match step {
        Step::Stage => "updated the code",
        Step::Publish => "published and proved a version",
        Step::Shift { .. } => "moved the alias",
        Step::Unshift => "moved the alias back",
        Step::Restore => "restored $LATEST",
        Step::Fence => "fenced late calls",
        Step::LastLook => "looked at every component",
    }
}

impl Watch for Lines {
    fn see(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Recorded { event, .. } => self.recorded(event),
            Progress::GateEnded { result } => {
                let word = match result.outcome {
                    Outcome::Passed => self.style.good("pass"),
                    Outcome::Failed => self.style.bad("fail"),
                    Outcome::Errored => self.style.bad("err "),
                    Outcome::Waived => self.style.careful("skip"),
                };
                self.since.set(Instant::now());
                let says = format!("gate `{}`: {}", result.gate, brief(&result.detail, WIDTH));
                self.line(&word, &says, &took(result.duration_ms));
            }
            Progress::Waiting { what, ms } => {
                let text = (*what).to_owned();
                if self.waiting.replace(text.clone()) != text {
                    self.line(&self.style.dim("…   "), &format!("{what} ({})", took(*ms)), "");
                    self.at_hand.begin(text);
                }
            }
            Progress::GateBegins { name } => self.at_hand.begin(format!("gate `{name}`")),
            Progress::Doing { what, components, .. } => {
                let names: Vec<&str> = components.iter().map(|component| component.as_str()).collect();
                self.at_hand.begin(format!("{what} ({})", names.join(", ")));
            }
        }
    }

    fn stop_asked(&self) -> Option<Stop> {
        leaving::stop_asked()
    }
}
