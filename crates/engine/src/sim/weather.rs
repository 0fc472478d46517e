//! What goes wrong on the way to the services and back, drawn call by call.

use std::cell::{Cell, RefCell};

use super::net::{ActorId, Back, Route};
use super::rng::Rng;

/// The kinds of trouble, each of which can be left out to make a failing seed smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The request never arrives.
    LostRequest,
    /// It takes effect, and the answer never arrives: a timeout, or a 5xx that succeeded.
    LostAnswer,
    /// The caller has given up long before the request arrives.
    LateRequest,
    /// It arrives twice.
    Twice,
    /// The service refuses by rate, or because something is in progress.
    Throttled,
    /// An answer takes seconds.
    Slow,
    /// The store answers 409 to a create that wins nothing, as S3 does while another one is under way.
    Conflict,
    /// A process dies.
    Crash,
    /// A process is stopped, and wakes up as a zombie.
    Sleep,
    /// An actor's clock jumps.
    Jump,
    /// One actor can't reach one service for a while.
    Partition,
    /// One actor has no right to one environment's part of a service for a while.
    Denied,
}

/// All of them, in the order of their bits.
pub const FAULTS: [Fault; 12] = [
    Fault::LostRequest,
    Fault::LostAnswer,
    Fault::LateRequest,
    Fault::Twice,
    Fault::Throttled,
    Fault::Slow,
    Fault::Conflict,
    Fault::Crash,
    Fault::Sleep,
    Fault::Jump,
    Fault::Partition,
    Fault::Denied,
];

/// A set of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults(u16);

impl Faults {
    /// Every kind.
    pub const ALL: Faults = Faults((1 << FAULTS.len()) - 1);
    /// None.
    pub const NONE: Faults = Faults(0);

    /// True when this kind happens.
    pub fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u16) != 0
    }

    /// The others.
    pub fn without(self, fault: Fault) -> Faults {
        Faults(self.0 & !(1 << fault as u16))
    }

    /// Its members.
    pub fn members(self) -> impl Iterator<Item = Fault> {
        FAULTS.into_iter().filter(move |fault| self.has(*fault))
    }
}

/// Which service a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Store,
    Lambda,
}

/// What does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing arrives.
    All,
    /// Nothing that changes anything arrives; questions are answered.
    Writes,
    /// There is no right to the part of this environment, by number.
    Right(usize),
}

/// For a while, an actor does not reach a service, or has no right to a part of it.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub actor: ActorId,
    pub service: Service,
    pub from_ms: u64,
    pub until_ms: u64,
    pub kind: Cut,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Fine,
    LostRequest,
    LostAnswer,
    LateRequest,
    Twice,
    Throttled,
    Conflict,
    Unreachable,
    Denied,
}

/// The weather of a world.
#[derive(Debug)]
pub struct Weather {
    pub faults: Faults,
    /// Of 100 calls, so many have trouble.
    pub trouble_percent: u64,
    pub outages: RefCell<Vec<Outage>>,
    /// Once the weather is calm, everything arrives in time and once.
    pub calm: Cell<bool>,
    /// When that began.
    pub calm_from_ms: Cell<u64>,
}

impl Weather {
    /// What happens to a call of this actor, sent now. Draws as often in calm weather as in any other.
    pub fn fate(
        &self,
        rng: &Rng,
        actor: ActorId,
        (service, writes): (Service, bool),
        env: Option<usize>,
        now_ms: u64,
    ) -> Fate {
        let (trouble, kind) = (rng.below(100), rng.below(12));
        if self.calm.get() {
            return Fate::Fine;
        }
        let outages = self.outages.borrow();
        let now = outages.iter().filter(|one| one.actor == actor && one.service == service);
        for outage in now.filter(|one| (one.from_ms..one.until_ms).contains(&now_ms)) {
            match outage.kind {
                Cut::All if self.faults.has(Fault::Partition) => return Fate::Unreachable,
                Cut::Writes if self.faults.has(Fault::Partition) && writes => return Fate::Unreachable,
                Cut::Right(part) if self.faults.has(Fault::Denied) && env == Some(part) => return Fate::Denied,
                Cut::All | Cut::Writes | Cut::Right(_) => {}
            }
        }
        if trouble >= self.trouble_percent {
            return Fate::Fine;
        }
        let (fault, fate) = match kind {
            0 | 1 => (Fault::LostRequest, Fate::LostRequest),
            2..=4 => (Fault::LostAnswer, Fate::LostAnswer),
            5..=7 => (Fault::LateRequest, Fate::LateRequest),
            8 => (Fault::Twice, Fate::Twice),
            9 | 10 => (Fault::Throttled, Fate::Throttled),
            _ => (Fault::Conflict, Fate::Conflict),
        };
        if self.faults.has(fault) { fate } else { Fate::Fine }
    }

    /// The way of a call with this fate; `unclear` is what a caller hears who gets no answer.
    pub fn route<T>(&self, rng: &Rng, fate: Fate, unclear: T, refused: impl FnOnce(Fate) -> T) -> Route<T> {
        let (out, back, patience, late, slow) =
            (rng.between(2, 40), rng.between(2, 40), rng.between(200, 6_000), rng.long_tail_ms(), rng.below(50));
        let back = match slow {
            0 if self.faults.has(Fault::Slow) && !self.calm.get() => patience,
            _ => back,
        };
        let (out_ms, back, again_ms) = match fate {
            Fate::Fine => (Some(out), Back::Real(back), None),
            Fate::Twice => (Some(out), Back::Real(back), Some(late)),
            Fate::LostRequest | Fate::Unreachable => (None, Back::Instead(unclear, patience), None),
            Fate::LostAnswer => (Some(out), Back::Instead(unclear, out.max(patience)), None),
            Fate::LateRequest => (Some(patience + late), Back::Instead(unclear, patience), None),
            Fate::Throttled | Fate::Conflict | Fate::Denied => (None, Back::Instead(refused(fate), out + back), None),
        };
        Route { out_ms, back, again_ms }
    }
}
