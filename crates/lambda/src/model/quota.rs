//! The request rates of the control plane, as token buckets over virtual time.

use serde::{Deserialize, Serialize};

/// Which quota a request counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// `GetFunction`.
    GetFunction,
    /// `GetPolicy`.
    GetPolicy,
    /// All other requests of the control plane together.
    Rest,
}

/// Requests per second of an account in a region. Source: AWS, "Lambda quotas", API requests; they can't be increased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    pub get_function_per_s: u64,
    pub get_policy_per_s: u64,
    pub rest_per_s: u64,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas { get_function_per_s: 100, get_policy_per_s: 15, rest_per_s: 15 }
    }
}

impl Quotas {
    fn per_s(&self, quota: Quota) -> u64 {
        match quota {
            Quota::GetFunction => self.get_function_per_s,
            Quota::GetPolicy => self.get_policy_per_s,
            Quota::Rest => self.rest_per_s,
        }
    }
}

/// What is left of each quota. A bucket holds one second's worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Buckets {
    get_function: Bucket,
    get_policy: Bucket,
    rest: Bucket,
}

/// In thousandths of a request, so that a rate per second fills whole units each millisecond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    left_milli: u64,
    filled_at_ms: u64,
}

impl Buckets {
    pub fn full(quotas: &Quotas, now_ms: u64) -> Buckets {
        let full = |quota| Bucket { left_milli: quotas.per_s(quota) * 1000, filled_at_ms: now_ms };
        Buckets { get_function: full(Quota::GetFunction), get_policy: full(Quota::GetPolicy), rest: full(Quota::Rest) }
    }

    /// Takes one request out; false when there is none left, and then nothing is taken.
    pub fn take(&mut self, quota: Quota, quotas: &Quotas, now_ms: u64) -> bool {
        let bucket = match quota {
            Quota::GetFunction => &mut self.get_function,
            Quota::GetPolicy => &mut self.get_policy,
            Quota::Rest => &mut self.rest,
        };
        let per_s = quotas.per_s(quota);
        let gained_milli = now_ms.saturating_sub(bucket.filled_at_ms).saturating_mul(per_s);
        bucket.left_milli = bucket.left_milli.saturating_add(gained_milli).min(per_s * 1000);
        bucket.filled_at_ms = now_ms;
        match bucket.left_milli.checked_sub(1000) {
            Some(left) => {
                bucket.left_milli = left;
                true
            }
            None => false,
        }
    }
}
