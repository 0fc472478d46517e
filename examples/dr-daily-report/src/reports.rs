//! data/reports.json: the reports that the image carries, checked when they are read.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The only format of the file that this release understands.
const SCHEMA: u32 = 1;

/// One report on one company on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// `YYYY-MM-DD`.
    pub date: String,
    pub ticker: String,
    pub market: Market,
    pub title: String,
    pub summary: String,
    /// 0 to 100, higher is better.
    pub score: u8,
}

/// Where a company is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Market {
    Set,
    Us,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    reports: Vec<Report>,
}

/// Reads `data/reports.json` below this folder: newest first, by ticker within a day.
pub fn load(root: &Path) -> Result<Vec<Report>, String> {
    let text = std::fs::read_to_string(root.join("data/reports.json"))
        .map_err(|error| format!("data/reports.json can't be read: {error}"))?;
    parse(&text).map_err(|why| format!("data/reports.json is wrong: {why}"))
}

fn parse(text: &str) -> Result<Vec<Report>, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file.schema != SCHEMA {
        return Err(format!("it has schema {}, this release reads schema {SCHEMA}", file.schema));
    }
    let mut seen = BTreeSet::new();
    for report in &file.reports {
        let Report { date, ticker, score, .. } = report;
        if !is_date(date) {
            return Err(format!("the report on {ticker} has `{date}` as its date"));
        }
        if *score > 100 {
            return Err(format!("the report on {ticker} of {date} has score {score}, above 100"));
        }
        if ticker.is_empty() || !seen.insert((date, ticker)) {
            return Err(format!("there is no ticker, or a second report, in `{ticker}` of {date}"));
        }
    }
    if file.reports.is_empty() {
        return Err("it has no reports".to_owned());
    }
    let mut reports = file.reports;
    reports.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.ticker.cmp(&b.ticker)));
    Ok(reports)
}

/// `YYYY-MM-DD` with a month and a day that can be.
pub fn is_date(text: &str) -> bool {
    let number = |from: usize, until: usize| text.get(from..until).and_then(|part| part.parse::<u32>().ok());
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
        && number(5, 7).is_some_and(|month| (1..=12).contains(&month))
        && number(8, 10).is_some_and(|day| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reports: &str, told: &str) {
        let why = parse(&format!(r#"{{"schema": 1, "reports": [{reports}]}}"#)).expect_err("wrong data");
        assert!(why.contains(told), "{why}");
    }

    fn one(date: &str, ticker: &str, score: u32) -> String {
        format!(
            r#"{{"date": "{date}", "ticker": "{ticker}", "market": "SET", "title": "t", "summary": "s", "score": {score}}}"#
        )
    }

    #[test]
    fn the_bundled_reports_are_sound_and_newest_first() {
        let reports = load(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the bundled data");
        assert_eq!(reports.len(), 40);
        assert!(reports.windows(2).all(|pair| pair[0].date >= pair[1].date));
        assert_eq!((reports[0].date.as_str(), reports[0].ticker.as_str()), ("2026-11-20", "AAPL"));
    }

    #[test]
    fn wrong_data_says_what_is_wrong_with_which_report() {
        check("", "it has no reports");
        check(&one("2026-13-01", "PTT", 1), "the report on PTT has `2026-13-01` as its date");
        check(&one("2026-11-20", "PTT", 101), "score 101, above 100");
        check(&one("2026-11-20", "PTT", 300), "invalid value: integer `300`");
        check(&[one("2026-11-20", "PTT", 1), one("2026-11-20", "PTT", 2)].join(","), "a second report, in `PTT`");
        check(&one("2026-11-20", "PTT", 1).replace("ticker", "symbol"), "unknown field `symbol`");
        let other = parse(r#"{"schema": 2, "reports": []}"#).expect_err("another schema");
        assert_eq!(other, "it has schema 2, this release reads schema 1");
    }
}
