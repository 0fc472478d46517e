//! Ctrl-C and SIGTERM while Terraform may be at work: noted once, and handed on once by whoever runs it. A second one would make
//! Terraform give up without writing its state or releasing its lock, so it is not handed on.

use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::signal::unix::{SignalKind, signal};

static ASKED: AtomicU32 = AtomicU32::new(0);

/// Begins to listen; from now on neither signal ends this process by itself.
pub fn listen() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            let text = match ASKED.fetch_add(1, Ordering::SeqCst) {
                0 => {
                    "\nstopping; where Terraform is at work it is asked once, and is waited for while it writes its state\n"
                }
                _ => {
                    "\nTerraform was asked to stop and is finishing; asked twice it would lose its state and leave its lock\n"
                }
            };
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    });
}

/// True once somebody asked to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst) > 0
}
