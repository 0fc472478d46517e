//! Finds reports by a word and puts them in the order that the settings ask for.

use std::collections::BTreeMap;
use std::path::Path;

use crate::reports::Report;
use crate::settings::Ranking;

/// The reports whose ticker, title or summary has the word, in any case, in the order of the ranking; all of them, uncut.
/// Fails when the ranking needs data that the release does not carry.
pub fn find<'a>(reports: &'a [Report], word: &str, ranking: Ranking, root: &Path) -> Result<Vec<&'a Report>, String> {
    let word = word.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&word);
    let mut found: Vec<&Report> =
        reports.iter().filter(|report| has(&report.ticker) || has(&report.title) || has(&report.summary)).collect();
    // The reports come newest first; sorting is stable, so that stays the order among equals.
    match ranking {
        Ranking::Date => {}
        Ranking::Score => found.sort_by_key(|report| std::cmp::Reverse(report.score)),
        Ranking::Relevance => {
            let weights = weights(root)?;
            found.sort_by_key(|report| {
                let weight = weights.get(&report.ticker).copied().unwrap_or_default();
                std::cmp::Reverse(weight * u32::from(report.score))
            });
        }
    }
    Ok(found)
}

/// By ticker, how much its reports count.
fn weights(root: &Path) -> Result<BTreeMap<String, u32>, String> {
    let text = std::fs::read_to_string(root.join("data/relevance.json"))
        .map_err(|error| format!("ranking `relevance` needs data/relevance.json, which can't be read: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("data/relevance.json is wrong: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickers(word: &str, ranking: Ranking) -> Result<Vec<String>, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let reports = crate::reports::load(root).expect("the bundled data");
        let found = find(&reports, word, ranking, root)?;
        Ok(found.into_iter().map(|report| format!("{} {}", report.ticker, report.date)).collect())
    }

    #[test]
    fn words_are_found_in_ticker_title_and_summary_in_any_case() {
        assert_eq!(tickers("nvda", Ranking::Date).expect("results").len(), 4);
        assert_eq!(tickers("LOAN GROWTH", Ranking::Date).expect("results"), ["KBANK 2026-11-17"]);
        assert_eq!(tickers("airports of thailand", Ranking::Date).expect("results").len(), 4);
        assert!(tickers("no such word", Ranking::Score).expect("results").is_empty());
    }

    #[test]
    fn the_ranking_decides_the_order() {
        let by_date = tickers("margin", Ranking::Date).expect("results");
        let by_score = tickers("margin", Ranking::Score).expect("results");
        assert_eq!(by_date.len(), by_score.len());
        assert_ne!(by_date, by_score);
    }

    #[test]
    fn a_ranking_without_its_data_fails_only_when_it_is_used() {
        let told = tickers("PTT", Ranking::Relevance).expect_err("no weights in this release");
        assert!(told.starts_with("ranking `relevance` needs data/relevance.json, which can't be read"), "{told}");
    }
}
