//! Ctrl-C, SIGTERM and the end of the terminal while Terraform may be at work: noted once, and handed on once by whoever runs it. A second one would make
//! Terraform give up without writing its state or releasing its lock, so it is not handed on.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::signal::unix::{SignalKind, signal};

static ASKED: AtomicU32 = AtomicU32::new(0);
/// Terraform plans, applies or initialises.
static AT_WORK: AtomicBool = AtomicBool::new(false);

/// Terraform is at work until this is dropped.
pub struct AtWork(());

/// From now on Terraform is at work, and whoever asks to stop is told what that means for it.
pub fn at_work() -> AtWork {
    AT_WORK.store(true, Ordering::SeqCst);
    AtWork(())
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.store(false, Ordering::SeqCst);
    }
}

/// Begins to listen; from now on neither signal ends this process by itself.
pub fn listen() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    // Under nohup the end of a terminal is none of this process's business.
    let hangup = (!ignores_hangup()).then(SignalKind::hangup);
    let Ok(mut signals) = kinds.into_iter().chain(hangup).map(signal).collect::<Result<Vec<_>, _>>() else { return };
    tokio::spawn(async move {
        loop {
            futures::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
            let text = match (ASKED.fetch_add(1, Ordering::SeqCst), AT_WORK.load(Ordering::SeqCst)) {
                // At a prompt, or while somebody else's apply is waited for.
                (_, false) => "\nstopping\n",
                (0, true) => "\nstopping; Terraform is asked once, and is waited for while it writes its state\n",
                (_, true) => {
                    "\nTerraform was asked to stop and is finishing; asked twice it would lose its state and leave its lock\n"
                }
            };
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    });
}

/// Whether signal 1 was ignored when this process began: the first bit of `SigIgn` (proc(5)).
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

/// True once somebody asked to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst) > 0
}
