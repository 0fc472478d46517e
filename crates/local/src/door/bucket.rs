//! A token bucket, as API Gateway limits a stage: so many requests a second on the average, so many at once.

use std::time::Instant;

/// Full at first.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate_per_s: f64,
    burst: f64,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    pub fn new(rate_per_s: f64, burst: u32, now: Instant) -> Bucket {
        let burst = f64::from(burst.max(1));
        Bucket { rate_per_s, burst, tokens: burst, filled_at: now }
    }

    /// Takes one token; false when there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.filled_at).as_secs_f64() * self.rate_per_s;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled_at = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 20, start);
        let passed = |bucket: &mut Bucket, at: Instant, tries: usize| (0..tries).filter(|_| bucket.take(at)).count();
        assert_eq!(passed(&mut bucket, start, 50), 20);
        assert_eq!(passed(&mut bucket, start + Duration::from_millis(550), 50), 5);
        assert_eq!(passed(&mut bucket, start + Duration::from_secs(3600), 50), 20);
        assert_eq!(passed(&mut bucket, start, 1), 0, "a clock that went back gives nothing");
    }
}
