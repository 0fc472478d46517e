//! Whether a time lies in a freeze: civil times in a named time zone, compared with an instant that the caller passes in.
//!
//! Where clocks are set back or forward, a freeze holds rather longer than shorter: it begins at the first and ends at the
//! last of the instants that its civil times could mean.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _};

use crate::gate::Freeze;

/// What a freeze that holds now tells people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    pub why: String,
    /// The first instant at which no freeze holds; freezes that touch count as one. With freezes that never end, as far as was
    /// looked: [`CHAIN_MAX`] of them.
    pub until: Timestamp,
}

/// How many freezes that touch are followed to find the end.
pub const CHAIN_MAX: usize = 32;

/// A freeze whose texts mean nothing; configuration that was read by this program holds none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error("`{0}` is not a time zone")]
    Zone(String),
    #[error("`{0}` is not a date and time, expected the form 2026-12-20 18:00")]
    DateTime(String),
    #[error("`{0}` is not a time of day, expected the form 18:00")]
    Time(String),
    #[error("`{0}` is not a day of the week, expected mon, tue, wed, thu, fri, sat or sun")]
    Day(String),
}

/// The freeze that holds at this instant, the one that was listed first where several do.
pub fn is_frozen(freezes: &[Freeze], now: Timestamp) -> Result<Option<Frozen>, WindowError> {
    let mut frozen: Option<Frozen> = None;
    let mut at = now;
    for _ in 0..CHAIN_MAX {
        let mut end = None;
        for freeze in freezes {
            if let Some(until) = holds(freeze, at)? {
                let why = match freeze {
                    Freeze::Between { why, .. } | Freeze::Weekly { why, .. } => why,
                };
                frozen.get_or_insert_with(|| Frozen { why: why.clone(), until });
                end = end.max(Some(until));
            }
        }
        let (Some(end), Some(frozen)) = (end, frozen.as_mut()) else { break };
        frozen.until = end;
        at = end;
    }
    Ok(frozen)
}

/// The end of this freeze if it holds at the instant.
fn holds(freeze: &Freeze, now: Timestamp) -> Result<Option<Timestamp>, WindowError> {
    match freeze {
        Freeze::Between { from, until, zone, .. } => {
            let zone = time_zone(zone)?;
            Ok(within(date_time(from)?, date_time(until)?, &zone, now))
        }
        Freeze::Weekly { days, from, until, zone, .. } => {
            let zone = time_zone(zone)?;
            let (from, until) = (time_of_day(from)?, time_of_day(until)?);
            let days = days.iter().map(|day| weekday(day)).collect::<Result<Vec<_>, _>>()?;
            let today = now.to_zoned_datetime(zone.clone()).date();
            // What began yesterday may still hold; tomorrow's can begin early where a zone skips the hour before midnight.
            let candidates = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
            let ends = candidates.into_iter().flatten().filter(|day| days.contains(&day.weekday())).filter_map(|day| {
                let last: Date = if until <= from { day.checked_add(1.day()).ok()? } else { day };
                within(day.to_datetime(from), last.to_datetime(until), &zone, now)
            });
            Ok(ends.max())
        }
    }
}

/// The end of a span of civil time if the instant lies in it.
fn within(from: DateTime, until: DateTime, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    // Only instants at the very ends of the calendar have no answer, and nobody deploys then.
    let start = zone.to_ambiguous_zoned_datetime(from).earlier().ok()?.timestamp();
    let end = zone.to_ambiguous_zoned_datetime(until).later().ok()?.timestamp();
    (start <= now && now < end).then_some(end)
}

/// A time zone by its IANA name, from the database in this program: the machine's own could differ.
pub fn time_zone(name: &str) -> Result<TimeZone, WindowError> {
    TimeZoneDatabase::bundled().get(name).map_err(|_| WindowError::Zone(name.to_owned()))
}

/// `2026-12-20 18:00`, also with a `T` between; without a time the day's beginning.
pub fn date_time(text: &str) -> Result<DateTime, WindowError> {
    text.parse().map_err(|_| WindowError::DateTime(text.to_owned()))
}

/// `18:00` or `18:00:30`.
pub fn time_of_day(text: &str) -> Result<Time, WindowError> {
    let bare = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') && text.contains(':');
    bare.then(|| text.parse().ok()).flatten().ok_or_else(|| WindowError::Time(text.to_owned()))
}

/// `mon` to `sun`.
pub fn weekday(text: &str) -> Result<Weekday, WindowError> {
    Ok(match text {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        other => return Err(WindowError::Day(other.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly(days: &[&str], from: &str, until: &str, zone: &str) -> Freeze {
        Freeze::Weekly {
            days: days.iter().map(|day| (*day).to_owned()).collect(),
            from: from.into(),
            until: until.into(),
            zone: zone.into(),
            why: "weekly".into(),
        }
    }

    fn between(from: &str, until: &str, zone: &str) -> Freeze {
        Freeze::Between { from: from.into(), until: until.into(), zone: zone.into(), why: "once".into() }
    }

    /// The end of the freeze at this instant, or `free`.
    fn check(freezes: &[Freeze], now: &str) -> String {
        match is_frozen(freezes, now.parse().unwrap()) {
            Ok(Some(frozen)) => frozen.until.to_string(),
            Ok(None) => "free".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_single_freeze_begins_at_its_beginning_and_ends_before_its_end() {
        let freeze = [between("2026-12-20 18:00", "2027-01-02 08:00", "Europe/Berlin")];
        assert_eq!(check(&freeze, "2026-12-20T16:59:59Z"), "free");
        assert_eq!(check(&freeze, "2026-12-20T17:00:00Z"), "2027-01-02T07:00:00Z");
        assert_eq!(check(&freeze, "2027-01-02T06:59:59Z"), "2027-01-02T07:00:00Z");
        assert_eq!(check(&freeze, "2027-01-02T07:00:00Z"), "free");
    }

    #[test]
    fn a_weekly_freeze_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let freeze = [weekly(&["fri"], "16:00", "08:00", "Asia/Singapore")];
        assert_eq!(check(&freeze, "2026-11-20T07:59:59Z"), "free", "friday, a second before");
        assert_eq!(check(&freeze, "2026-11-20T08:00:00Z"), "2026-11-21T00:00:00Z");
        assert_eq!(check(&freeze, "2026-11-20T23:59:59Z"), "2026-11-21T00:00:00Z", "saturday morning there");
        assert_eq!(check(&freeze, "2026-11-21T00:00:00Z"), "free");
        assert_eq!(check(&freeze, "2026-11-21T09:00:00Z"), "free", "saturday evening is not friday");
    }

    #[test]
    fn a_freeze_that_ends_in_the_hour_that_comes_twice_holds_through_both() {
        // Clocks in Berlin go from 03:00 back to 02:00 at 01:00 UTC on 25 October 2026.
        let freeze = [weekly(&["sun"], "00:00", "02:30", "Europe/Berlin")];
        assert_eq!(check(&freeze, "2026-10-25T00:45:00Z"), "2026-10-25T01:30:00Z", "02:45 for the first time");
        assert_eq!(check(&freeze, "2026-10-25T01:30:00Z"), "free");
        let begins = [weekly(&["sun"], "02:30", "05:00", "Europe/Berlin")];
        assert_eq!(check(&begins, "2026-10-25T00:30:00Z"), "2026-10-25T04:00:00Z", "02:30 for the first time");
    }

    #[test]
    fn a_freeze_between_times_that_a_day_skips_holds_rather_longer() {
        // Clocks in New York go from 02:00 to 03:00 at 07:00 UTC on 8 March 2026.
        let ends = [weekly(&["sun"], "01:00", "02:30", "America/New_York")];
        assert_eq!(check(&ends, "2026-03-08T07:29:00Z"), "2026-03-08T07:30:00Z", "02:30 read as 03:30");
        let begins = [weekly(&["sun"], "02:30", "04:00", "America/New_York")];
        assert_eq!(check(&begins, "2026-03-08T06:30:00Z"), "2026-03-08T08:00:00Z", "02:30 read as 01:30");
    }

    #[test]
    fn a_whole_day_is_from_midnight_to_midnight_whatever_its_length() {
        let freeze = [weekly(&["sun"], "00:00", "00:00", "Europe/Berlin")];
        assert_eq!(check(&freeze, "2026-10-24T22:00:00Z"), "2026-10-25T23:00:00Z", "25 hours");
        assert_eq!(check(&freeze, "2026-03-28T23:00:00Z"), "2026-03-29T22:00:00Z", "23 hours");
    }

    #[test]
    fn freezes_that_touch_count_as_one_and_the_first_says_why() {
        let freezes = [
            weekly(&["fri"], "16:00", "00:00", "UTC"),
            weekly(&["sat", "sun"], "00:00", "00:00", "UTC"),
            between("2026-11-23 00:00", "2026-11-23 06:00", "UTC"),
        ];
        assert_eq!(check(&freezes, "2026-11-20T17:00:00Z"), "2026-11-23T06:00:00Z");
        let why = is_frozen(&freezes, "2026-11-21T17:00:00Z".parse().unwrap()).unwrap().unwrap().why;
        assert_eq!(why, "weekly");
    }

    #[test]
    fn a_freeze_of_every_day_ends_the_search_after_a_bounded_time() {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let freeze = [weekly(&days, "00:00", "00:00", "UTC")];
        assert_eq!(check(&freeze, "2026-01-01T12:00:00Z"), "2026-02-02T00:00:00Z");
    }

    #[test]
    fn texts_that_mean_nothing_are_named() {
        assert_eq!(
            check(&[between("x", "y", "UTC")], "2026-01-01T00:00:00Z").split(',').next(),
            Some("`x` is not a date and time")
        );
        assert_eq!(
            check(&[weekly(&[], "1", "2", "Mars/Base")], "2026-01-01T00:00:00Z"),
            "`Mars/Base` is not a time zone"
        );
        for bad in ["24:00", "8", "0800", "8:00", "08:00Z", "T08:00"] {
            assert!(time_of_day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_ends_of_the_calendar_are_no_panic() {
        let freeze = [weekly(&["mon", "fri"], "16:00", "08:00", "Pacific/Kiritimati")];
        for now in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(is_frozen(&freeze, now), Ok(None));
        }
    }
}
