//! Leaving a deployment that is under way: what Ctrl-C and SIGTERM mean while one is driven.
//!
//! The step at hand is always finished, so that its outcome is recorded. On a terminal the first Ctrl-C then asks once: leave it
//! to be resumed, undo it, or go on after all. A second one leaves. Without a terminal, and for SIGTERM, the first one leaves. One
//! more after that ends the process at once, which is as safe as being killed. The driver stands still while it is asked, so
//! signals are heard on a thread of their own.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tiers_core::event::Ending;
use tiers_engine::driver::Stop;

/// A question that nobody answers for so long is answered by leaving.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the person who runs this process wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    GoOn,
    /// To be asked, once the step at hand is done.
    Ask,
    /// The question stands.
    Asked,
    Undo,
    Leave,
}

static WISH: Mutex<Wish> = Mutex::new(Wish::GoOn);
static CHANGED: Condvar = Condvar::new();
static LISTENING: Once = Once::new();
/// Deployments that are driven now: without one, signals do what they do to every program.
static DRIVEN: AtomicUsize = AtomicUsize::new(0);

/// While this lives, a deployment is driven.
pub struct Driving(());

/// From here on a signal is about the deployment. Called before anything of it is recorded.
pub fn driving() -> Driving {
    LISTENING.call_once(|| {
        let (ready, is_ready) = mpsc::channel();
        let listener = std::thread::Builder::new().name("signals".to_owned()).spawn(move || listen(&ready));
        // Where no thread can be had, a signal ends the process: the ledger allows that at any point.
        if listener.is_ok() {
            let _ = is_ready.recv();
        }
    });
    *wish() = Wish::GoOn;
    DRIVEN.fetch_add(1, Ordering::SeqCst);
    Driving(())
}

impl Drop for Driving {
    fn drop(&mut self) {
        DRIVEN.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How the driver is to stop, if it is; asked between two steps. Stands still while the question does.
pub fn stop_asked() -> Option<Stop> {
    let mut now = wish();
    if *now == Wish::Ask {
        *now = Wish::Asked;
        say("\n  leave it here, to be resumed? undo it? or go on? [L/u/g] ");
        // It waits for a line, and may wait for ever: nothing else waits for it.
        let _ = std::thread::Builder::new().name("answer".to_owned()).spawn(answer);
    }
    let since = Instant::now();
    while *now == Wish::Asked {
        let left = PATIENCE.saturating_sub(since.elapsed());
        if left.is_zero() {
            say("\nno answer: left to be resumed\n");
            *now = Wish::Leave;
        }
        now = CHANGED.wait_timeout(now, left).map_or_else(|error| error.into_inner().0, |(now, _)| now);
    }
    match *now {
        Wish::GoOn | Wish::Ask | Wish::Asked => None,
        Wish::Undo => Some(Stop::Undo),
        Wish::Leave => Some(Stop::Leave),
    }
}

/// True while a question stands or will: nothing is to be drawn over it.
pub fn asks() -> bool {
    matches!(*wish(), Wish::Ask | Wish::Asked)
}

fn answer() {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    let word = line.trim().to_ascii_lowercase();
    let mut now = wish();
    if *now != Wish::Asked {
        return;
    }
    *now = match (read, word.as_str()) {
        (Ok(1..), "u" | "undo") => Wish::Undo,
        (Ok(1..), "g" | "go" | "go on") => Wish::GoOn,
        // Whoever presses Ctrl-C wants to get away.
        _ => Wish::Leave,
    };
    CHANGED.notify_all();
}

fn listen(ready: &mpsc::Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        let _ = ready.send(());
        loop {
            tokio::select! {
                _ = interrupt.recv() => heard(2, std::io::stdin().is_terminal() && std::io::stderr().is_terminal()),
                _ = terminate.recv() => heard(15, false),
            }
        }
    });
}

fn heard(number: i32, may_ask: bool) {
    if DRIVEN.load(Ordering::SeqCst) == 0 {
        std::process::exit(128 + number);
    }
    let mut now = wish();
    match *now {
        Wish::GoOn if may_ask => {
            *now = Wish::Ask;
            say("\nafter the step at hand you are asked how to leave (Ctrl-C again: leave it to be resumed)\n");
        }
        Wish::GoOn | Wish::Ask | Wish::Asked | Wish::Undo => {
            *now = Wish::Leave;
            say("\nstopping after the step at hand; `tiers resume` goes on from there (once more: at once)\n");
        }
        Wish::Leave => {
            say("\nleft at once; `tiers resume` goes on from what is recorded\n");
            std::process::exit(i32::from(Ending::Errored.exit_code()));
        }
    }
    CHANGED.notify_all();
}

fn wish() -> MutexGuard<'static, Wish> {
    WISH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nobody reads what can't be written.
fn say(text: &str) {
    let mut error = std::io::stderr();
    let _ = error.write_all(text.as_bytes()).and_then(|()| error.flush());
}
