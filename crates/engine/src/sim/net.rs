//! Virtual time and the network: every await of an actor is a message here, and a queue decides when it arrives.
//!
//! A call is two messages, the request and the answer. A process that dies takes its future with it and nothing else: what it
//! sent is still on its way. A process that is stopped neither sends nor hears until it is woken up.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The number of an actor in its world.
pub type ActorId = usize;

/// What befalls a process at one of its awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doom {
    /// It dies before the call leaves it.
    DiesBefore,
    /// The call leaves, and it dies.
    DiesAfter,
    /// It is stopped for so long with the call ready to be sent, and wakes up without having noticed.
    Sleeps(u64),
}

/// How one call travels.
pub struct Route<T> {
    /// Until the request arrives; `None`: it is lost.
    pub out_ms: Option<u64>,
    pub back: Back<T>,
    /// The request arrives once more, so long after the first time, if that one took effect.
    pub again_ms: Option<u64>,
}

/// What the caller hears.
pub enum Back<T> {
    /// What the service answered, so long after it did.
    Real(u64),
    /// Something else, so long after the call.
    Instead(T, u64),
}

/// What comes next in a world.
pub enum What {
    /// A request arrives at its service.
    Arrives(Box<dyn FnOnce()>),
    /// An answer, or the end of a sleep, reaches a process.
    Answers(ActorId, Rc<Bell>),
    /// Something that the world's own script does.
    Scripted(usize),
}

/// Wakes the future that waits for one answer.
#[derive(Default)]
pub struct Bell {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    /// The answer is there.
    pub fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// The caller's side of a call.
pub struct Flight<T> {
    bell: Rc<Bell>,
    answer: Rc<RefCell<Option<T>>>,
}

impl<T> Future for Flight<T> {
    type Output = T;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if self.bell.rung.get()
            && let Some(answer) = self.answer.borrow_mut().take()
        {
            return Poll::Ready(answer);
        }
        *self.bell.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

struct Entry {
    at_ms: u64,
    order: u64,
    what: What,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        (self.at_ms, self.order) == (other.at_ms, other.order)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at_ms, self.order).cmp(&(other.at_ms, other.order))
    }
}

/// One actor's process as the network sees it.
#[derive(Clone, Debug)]
pub struct Process {
    pub name: Rc<str>,
    /// How many calls and sleeps it began.
    pub awaits: u32,
    /// What befalls it, and at which of its awaits.
    pub doom: Option<(u32, Doom)>,
    /// What befalls it so many awaits after its next intent to move an alias: where a fault does most harm.
    pub doom_at_shift: Option<(u32, Doom)>,
    pub dead: bool,
    pub asleep_until_ms: u64,
}

/// Whether a call leaves its process, and how long it lies there before.
pub enum Leaves {
    No,
    After(u64),
}

/// The queue of everything that is on its way, the processes, and the time.
#[derive(Default)]
pub struct Net {
    now_ms: Cell<u64>,
    order: Cell<u64>,
    queue: RefCell<BinaryHeap<Reverse<Entry>>>,
    processes: RefCell<Vec<Process>>,
    trace: RefCell<Option<Vec<String>>>,
}

impl Net {
    /// An empty one at this moment, in milliseconds since 1970.
    pub fn new(now_ms: u64, traced: bool) -> Net {
        let net = Net::default();
        net.now_ms.set(now_ms);
        if traced {
            *net.trace.borrow_mut() = Some(Vec::new());
        }
        net
    }

    /// Virtual time.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Adds a line to the trace, if one is kept.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut *self.trace.borrow_mut() {
            let at = self.now_ms.get() - super::base::EPOCH_MS;
            lines.push(format!("{:>9}.{:03} {}", at / 1000, at % 1000, line()));
        }
    }

    /// The trace so far.
    pub fn take_trace(&self) -> Vec<String> {
        self.trace.borrow_mut().take().unwrap_or_default()
    }

    /// A new process.
    pub fn spawn(&self, name: &str, doom: Option<(u32, Doom)>) -> ActorId {
        let mut processes = self.processes.borrow_mut();
        processes.push(Process {
            name: name.into(),
            awaits: 0,
            doom,
            doom_at_shift: None,
            dead: false,
            asleep_until_ms: 0,
        });
        processes.len() - 1
    }

    /// What befalls it after its next intent to move an alias.
    pub fn doom_at_shift(&self, actor: ActorId, doom: Option<(u32, Doom)>) {
        self.processes.borrow_mut()[actor].doom_at_shift = doom;
    }

    /// It dies with its next call on its way.
    pub fn doom_at_next(&self, actor: ActorId) {
        let process = &mut self.processes.borrow_mut()[actor];
        process.doom = Some((process.awaits + 1, Doom::DiesBefore));
    }

    /// Its intent to move an alias has landed.
    pub fn reach_the_shift(&self, actor: ActorId) {
        let process = &mut self.processes.borrow_mut()[actor];
        if let Some((after, doom)) = process.doom_at_shift.take() {
            process.doom = Some((process.awaits + after, doom));
        }
    }

    /// The name of an actor.
    pub fn name(&self, actor: ActorId) -> Rc<str> {
        Rc::clone(&self.processes.borrow()[actor].name)
    }

    /// True once it died.
    pub fn is_dead(&self, actor: ActorId) -> bool {
        self.processes.borrow()[actor].dead
    }

    /// It dies now.
    pub fn kill(&self, actor: ActorId) {
        self.processes.borrow_mut()[actor].dead = true;
    }

    /// It is stopped, and wakes up at this moment.
    pub fn stop_until(&self, actor: ActorId, until_ms: u64) {
        let mut processes = self.processes.borrow_mut();
        processes[actor].asleep_until_ms = processes[actor].asleep_until_ms.max(until_ms);
    }

    /// Until when it is stopped, if it is.
    pub fn asleep_until_ms(&self, actor: ActorId) -> Option<u64> {
        let until_ms = self.processes.borrow()[actor].asleep_until_ms;
        (until_ms > self.now_ms.get()).then_some(until_ms)
    }

    /// Nothing befalls anybody any more.
    pub fn spare_everybody(&self) {
        self.processes.borrow_mut().iter_mut().for_each(|process| {
            (process.doom, process.doom_at_shift) = (None, None);
        });
    }

    /// One await of an actor: counts it, and lets befall what is to befall.
    pub fn leaves(&self, actor: ActorId) -> Leaves {
        let process = &mut self.processes.borrow_mut()[actor];
        if process.dead {
            return Leaves::No;
        }
        process.awaits += 1;
        let befalls = process.doom.filter(|(at, _)| *at == process.awaits).map(|(_, doom)| doom);
        let now_ms = self.now_ms.get();
        match befalls {
            None => {}
            Some(Doom::DiesBefore) => {
                process.dead = true;
                let name = Rc::clone(&process.name);
                self.tell(|| format!("{name} dies with a call unsent"));
                return Leaves::No;
            }
            Some(Doom::DiesAfter) => {
                process.dead = true;
                let name = Rc::clone(&process.name);
                self.tell(|| format!("{name} dies with a call on its way"));
            }
            Some(Doom::Sleeps(ms)) => {
                process.asleep_until_ms = now_ms + ms;
                let name = Rc::clone(&process.name);
                self.tell(|| format!("{name} is stopped for {ms} ms"));
            }
        }
        Leaves::After(process.asleep_until_ms.saturating_sub(now_ms))
    }

    /// A call that is never answered, of a process that is no more.
    pub fn never<T>() -> Flight<T> {
        Flight { bell: Rc::default(), answer: Rc::default() }
    }

    /// Sends a request. `lies_ms` is how long it lies in a process that is stopped.
    pub fn send<T: 'static>(
        self: &Rc<Net>,
        actor: ActorId,
        lies_ms: u64,
        route: Route<T>,
        effect: impl Fn() -> (T, bool) + 'static,
    ) -> Flight<T> {
        let flight = Flight { bell: Rc::default(), answer: Rc::default() };
        let mut real_back_ms = None;
        match route.back {
            Back::Real(ms) => real_back_ms = Some(ms),
            Back::Instead(answer, ms) => {
                *flight.answer.borrow_mut() = Some(answer);
                self.push(lies_ms + ms, What::Answers(actor, Rc::clone(&flight.bell)));
            }
        }
        let Some(out_ms) = route.out_ms else { return flight };
        let net = Rc::clone(self);
        let (bell, slot) = (Rc::clone(&flight.bell), Rc::clone(&flight.answer));
        let again_ms = route.again_ms;
        let arrives = move || {
            let (answer, took_effect) = effect();
            if let Some(ms) = real_back_ms {
                *slot.borrow_mut() = Some(answer);
                net.push(ms, What::Answers(actor, bell));
            }
            // What repeats a request is a proxy that got no answer; an answer that says no is passed on instead.
            if let Some(ms) = again_ms.filter(|_| took_effect) {
                net.push(ms, What::Arrives(Box::new(move || drop(effect()))));
            }
        };
        self.push(lies_ms + out_ms, What::Arrives(Box::new(arrives)));
        flight
    }

    /// A sleep of a process.
    pub fn sleep(&self, actor: ActorId, ms: u64) -> Flight<()> {
        match self.leaves(actor) {
            Leaves::No => Net::never(),
            Leaves::After(lies_ms) => {
                let flight = Flight { bell: Rc::default(), answer: Rc::new(RefCell::new(Some(()))) };
                self.push(lies_ms + ms, What::Answers(actor, Rc::clone(&flight.bell)));
                flight
            }
        }
    }

    /// Something happens after so long.
    pub fn push(&self, after_ms: u64, what: What) {
        let order = self.order.get();
        self.order.set(order + 1);
        let at_ms = self.now_ms.get().saturating_add(after_ms);
        self.queue.borrow_mut().push(Reverse(Entry { at_ms, order, what }));
    }

    /// Goes on to what comes next.
    pub fn pop(&self) -> Option<What> {
        let Reverse(entry) = self.queue.borrow_mut().pop()?;
        self.now_ms.set(self.now_ms.get().max(entry.at_ms));
        Some(entry.what)
    }
}
