//! Time as a port, so that the simulation can bend it.

use async_trait::async_trait;

/// Tells the time and waits.
#[async_trait(?Send)]
pub trait Clock {
    /// Wall-clock time; it may jump either way.
    fn now(&self) -> jiff::Timestamp;

    /// Waits this long at least.
    async fn sleep_ms(&self, ms: u64);
}

/// The machine's clock; must be awaited inside a tokio runtime.
#[cfg(feature = "store")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(feature = "store")]
#[async_trait(?Send)]
impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    async fn sleep_ms(&self, ms: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
    }
}
