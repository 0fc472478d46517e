//! The ledger of a search: the real fold, asked once for each state and event, and the real answer to what comes next.

use std::sync::Arc;

use jiff::Timestamp;
use tiers_core::event::{Cause, Ending, Event, Resource};
use tiers_core::gate::At;
use tiers_core::next::{NextEffect, next};
use tiers_core::plan::Kind;
use tiers_core::state::{EnvState, Meta};

use crate::bounds::Broken;
use crate::place::Function;
use crate::stage;
use crate::tables::{Memo, Pool, name};

/// A folded state with what a search asks it all the time.
pub struct Fact {
    pub state: EnvState,
    /// Deployment and epoch that are open.
    pub open: Option<(u8, u8)>,
    pub effect: Option<Effect>,
    /// Every call that the ledger holds for one that may still land.
    pub tracked: Vec<(u8, Resource, u8)>,
    /// How the last deployment ended.
    pub ending: Option<Ending>,
    /// Version, code and settings of each component that serves by the ledger.
    pub serving: [(u8, u8, u8); 2],
}

/// What comes next, as far as a search tells them apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Check,
    Settle,
    /// Look, write, look: fences, writes and the last look.
    Work(NextEffect),
    Gates(At),
    Bake(usize),
    /// Only a record.
    Record(u32),
    AskPerson,
}

/// Who appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writer {
    Anyone,
    /// A process, for the deployment and epoch that it owns, if any.
    Process(u8, Option<(u8, u8)>),
}

/// The tables of a search.
#[derive(Default)]
pub struct Ledger {
    facts: Pool<Fact>,
    events: Pool<Event>,
    folded: Memo<(u32, u32, Writer), Option<u32>>,
    pub marks: Pool<String>,
    broken: Option<Broken>,
}

impl Ledger {
    pub fn new(broken: Option<Broken>) -> Ledger {
        Ledger { broken, ..Ledger::default() }
    }

    /// The state's number.
    pub fn state(&self, mut state: EnvState) -> u32 {
        if self.broken == Some(Broken::NoFence)
            && let Some(open) = &mut state.open
        {
            open.must_fence = false;
        }
        self.facts.number(&name(&state), || self.fact(state))
    }

    pub fn fact(&self, state: EnvState) -> Fact {
        let calls = state.open.iter().flat_map(|open| open.open_intent.iter().flat_map(|intent| &intent.calls));
        let open_calls = calls.map(|call| stage::tracked(&call.component, call.resource, &call.token));
        let late = state.open.iter().flat_map(|open| &open.late).chain(&state.late);
        let late = late.map(|call| stage::tracked(&call.component, call.resource, &call.token));
        let tracked = open_calls.chain(late).collect();
        let serving = state.serving.as_ref().expect("something serves from the beginning");
        let served = |index: usize| {
            let one = serving.components.iter().find(|one| one.component == stage::component(index)).expect("both");
            let settings = stage::number(one.fingerprint.as_str());
            (stage::number(one.version.as_str()), stage::code_of(&serving.release.digest), settings)
        };
        Fact {
            open: state.open.as_ref().map(|open| {
                let epoch = u8::try_from(open.epoch).expect("few takeovers");
                (stage::number(open.id.as_str()), epoch)
            }),
            effect: self.effect(&state),
            tracked,
            ending: state.last.as_ref().map(|last| last.ending),
            serving: [served(0), served(1)],
            state,
        }
    }

    fn effect(&self, state: &EnvState) -> Option<Effect> {
        let mut open = state.open.as_deref()?.clone();
        if self.broken == Some(Broken::NoFence) {
            open.late.clear();
        }
        Some(match next(&open) {
            NextEffect::Check => Effect::Check,
            NextEffect::Settle => Effect::Settle,
            work @ (NextEffect::Fence { .. } | NextEffect::Write { .. } | NextEffect::LastLook) => Effect::Work(work),
            NextEffect::Gates { at } => Effect::Gates(at),
            NextEffect::Bake { step, .. } => Effect::Bake(step),
            NextEffect::Undo { cause } => Effect::Record(self.event(Event::Undoing { cause })),
            NextEffect::AskPerson { .. } => Effect::AskPerson,
            NextEffect::End { ending, why } => {
                Effect::Record(self.event(Event::Ended { ending, why, left: Vec::new() }))
            }
        })
    }

    /// The state with this number.
    pub fn get(&self, number: u32) -> Arc<Fact> {
        self.facts.get(number)
    }

    /// The event's number.
    pub fn event(&self, event: Event) -> u32 {
        self.events.number(&name(&event), || event)
    }

    pub fn event_of(&self, number: u32) -> Arc<Event> {
        self.events.get(number)
    }

    /// How many states and events were met.
    pub fn size(&self) -> (usize, usize) {
        (self.facts.len(), self.events.len())
    }

    /// The state after this event; `None` when it may not follow.
    pub fn apply(&self, state: u32, event: u32, writer: Writer) -> Option<u32> {
        self.folded.get((state, event, writer), || {
            let (by, owned) = match writer {
                Writer::Anyone => ("anyone".to_owned(), None),
                Writer::Process(process, owned) => (process.to_string(), owned),
            };
            let event = self.events.get(event);
            let owned = match &*event {
                Event::Claimed { id, .. } => Some((stage::number(id.as_str()), 0)),
                _ => owned,
            };
            let id = owned.map(|(deployment, _)| stage::deployment(deployment));
            let meta = Meta {
                by: &by,
                at: Timestamp::UNIX_EPOCH,
                deployment: id.as_ref(),
                epoch: owned.map_or(0, |(_, epoch)| u32::from(epoch)),
            };
            self.facts.get(state).state.apply(&event, &meta).ok().map(|after| self.state(after))
        })
    }
}

impl Fact {
    /// Component by component: it serves what the ledger says.
    pub fn holds(&self, index: usize, functions: &[Function; 2]) -> bool {
        let (number, code, settings) = self.serving[index];
        let alias = functions[index].alias;
        let live = functions[index].version(alias.version);
        alias.version == number && alias.percent == 0 && (live.code, live.settings) == (code, settings)
    }

    /// True when this event undoes by itself what only a person may undo.
    pub fn oversteps(&self, event: &Event) -> bool {
        let Some(open) = &self.state.open else { return false };
        let own = match event {
            Event::Undoing { cause } => !matches!(cause, Cause::Person { .. } | Cause::Overdue { .. }),
            _ => false,
        };
        own && open.may_have_moved() && stage::asks_person(&open.plan) && open.plan.kind != Kind::Rollback
    }
}
