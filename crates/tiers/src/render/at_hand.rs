//! The step at hand and its seconds, on the last line of a terminal: a step may wait minutes for a service, and silence looks like
//! a program that hangs.
//!
//! The line is drawn once a step has taken a moment, so that quick steps don't flicker, and is gone before anything else is
//! written. Libraries for this draw at once and own the terminal; here it is one line, and nothing where nobody watches.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wrap;

/// A step that takes less is only told once it is done.
const MOMENT: Duration = Duration::from_millis(400);
/// Between two drawings: seconds are told, so more is not seen.
const EVERY: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Shared {
    step: Option<(String, Instant)>,
    drawn: bool,
    over: bool,
}

/// The line of one watcher. Dropping it takes the line away.
pub struct AtHand {
    shared: Arc<(Mutex<Shared>, Condvar)>,
    /// Nothing is ever drawn where standard error is no terminal.
    on: bool,
}

impl AtHand {
    /// A line that is drawn where standard error is a terminal, unless it is not wanted.
    pub fn new(wanted: bool) -> AtHand {
        let on = wanted && std::io::stderr().is_terminal();
        let shared = Arc::new((Mutex::new(Shared::default()), Condvar::new()));
        if on {
            let drawing = Arc::clone(&shared);
            // Without the thread there is no line, and nothing else is lost.
            let _ = std::thread::Builder::new().name("at-hand".to_owned()).spawn(move || draw(&drawing));
        }
        AtHand { shared, on }
    }

    /// Work on this began.
    pub fn begin(&self, what: String) {
        self.aside(|shared| shared.step = Some((what, Instant::now())));
    }

    /// Takes the line away while something else is written; it comes back by itself.
    pub fn write(&self, text: &str) {
        self.aside(|_| {
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }

    /// The step is over.
    pub fn end(&self) {
        self.aside(|shared| shared.step = None);
    }

    fn aside(&self, act: impl FnOnce(&mut Shared)) {
        let mut shared = lock(&self.shared.0);
        erase(&mut shared);
        act(&mut shared);
        drop(shared);
        if self.on {
            self.shared.1.notify_all();
        }
    }
}

impl Drop for AtHand {
    fn drop(&mut self) {
        self.aside(|shared| shared.over = true);
    }
}

fn draw(drawing: &(Mutex<Shared>, Condvar)) {
    let (mutex, changed) = drawing;
    let mut shared = lock(mutex);
    while !shared.over {
        let Some((what, since)) = &shared.step else {
            shared = changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let took = since.elapsed();
        if took >= MOMENT && !crate::leaving::asks() {
            let line = format!("  …    {what} {} s", took.as_secs());
            let line: String = line.chars().take(wrap::width().saturating_sub(1)).collect();
            let mut error = std::io::stderr();
            let _ = write!(error, "\r\u{1b}[2K{line}").and_then(|()| error.flush());
            shared.drawn = true;
        }
        let next = if took >= MOMENT { EVERY } else { MOMENT.saturating_sub(took) };
        shared = changed.wait_timeout(shared, next).map_or_else(|error| error.into_inner().0, |(shared, _)| shared);
    }
}

fn erase(shared: &mut Shared) {
    if std::mem::take(&mut shared.drawn) {
        let mut error = std::io::stderr();
        let _ = write!(error, "\r\u{1b}[2K").and_then(|()| error.flush());
    }
}

fn lock(mutex: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
