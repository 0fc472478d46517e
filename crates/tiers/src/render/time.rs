//! Times for people: how long ago, how long it took.

use jiff::Timestamp;

/// `just now`, `4 min ago`, `3 h ago`, `5 days ago`; a time to come (another machine's clock) is `just now` too.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        ..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// `2026-11-23 15:22:07 UTC`.
pub fn exact(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `340 ms`, `2.4 s`, `3 min 20 s`.
pub fn took(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        assert_eq!(took(7), "7 ms");
        assert_eq!(took(2_449), "2.4 s");
        assert_eq!(took(200_000), "3 min 20 s");
    }
}
