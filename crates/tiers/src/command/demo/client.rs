//! Users of the demo: single calls through a door, and one who never stops calling.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tiers_edge::probe::HttpProbe;
use tiers_engine::port::probe::{HttpCall, Probe as _};

use crate::fault::Fault;

/// What one call got.
pub struct Got {
    pub status: u16,
    /// The release that answered, by its own word.
    pub release: String,
}

/// What a user who called all the time saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Answers, by release and status.
    pub answers: BTreeMap<(String, u16), u32>,
    /// Calls without any answer, with the first reason.
    pub dropped: u32,
    pub why: Option<String>,
}

/// Calls once.
pub async fn call(url: &str) -> Result<Got, Fault> {
    once(&HttpProbe::new(), url).await.map_err(|why| Fault::errored(format!("{url}: {why}")))
}

async fn once(probe: &HttpProbe, url: &str) -> Result<Got, String> {
    let call = HttpCall {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        body_limit_bytes: 64 * 1024,
    };
    let answer = probe.http(call, 10_000).await.map_err(|error| error.to_string())?;
    let release = answer.headers.iter().find(|(name, _)| name == "x-release").map(|(_, value)| value.clone());
    Ok(Got { status: answer.status, release: release.unwrap_or_else(|| "no release".to_owned()) })
}

/// A user in a thread of its own, who calls about 40 times a second until told to stop.
pub struct User {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Seen>,
}

impl User {
    /// Starts calling.
    pub fn start(url: String) -> User {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return seen };
            runtime.block_on(async {
                let probe = HttpProbe::new();
                while !told.load(Ordering::SeqCst) {
                    match once(&probe, &url).await {
                        Ok(got) => *seen.answers.entry((got.release, got.status)).or_default() += 1,
                        Err(why) => {
                            seen.dropped += 1;
                            seen.why.get_or_insert(why);
                        }
                    }
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
            });
            seen
        });
        User { stop, thread }
    }

    /// Stops, and tells what was seen.
    pub fn stop(self) -> Result<Seen, Fault> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| Fault::errored("the demo's user broke down"))
    }
}
