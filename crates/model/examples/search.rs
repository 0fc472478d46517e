//! Searches the large cases, or one that is put together from words: `cargo xtask model [takeovers=2 hands=1 …]`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, Model};
use tiers_model::{Bounds, Case, Deployers, cases, tell};

/// Between two lines of progress.
const EVERY: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let searched: Vec<Case> = match words.first() {
        None => cases::SMALL.into_iter().chain(cases::LARGE).collect(),
        Some(name) if !name.contains('=') => {
            cases::SMALL.into_iter().chain(cases::LARGE).filter(|case| case.name.contains(name.as_str())).collect()
        }
        Some(_) => {
            let mut bounds = Bounds::SMALLEST;
            if let Some(problem) = words.iter().find_map(|word| bounds.set(word).err()) {
                eprintln!("error: {problem}");
                return ExitCode::from(2);
            }
            vec![Case { name: "as asked", bounds, at_least: 0 }]
        }
    };
    println!("{:<34} {:>12} {:>12} {:>6} {:>9}", "case", "steps", "states", "depth", "seconds");
    let good = searched.iter().filter(|case| search(case)).count();
    if good == searched.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn search(case: &Case) -> bool {
    let since = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let checker = Deployers::new(case.bounds).checker().threads(threads).spawn_bfs();
    let mut told = Instant::now();
    while !checker.is_done() {
        std::thread::sleep(Duration::from_millis(20));
        if told.elapsed() > EVERY {
            told = Instant::now();
            eprintln!("  … {} states, {:.0} s", checker.unique_state_count(), since.elapsed().as_secs_f64());
        }
    }
    let checker = checker.join();
    println!(
        "{:<34} {:>12} {:>12} {:>6} {:>9.1}",
        case.name,
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        since.elapsed().as_secs_f64()
    );
    let mut good = checker.unique_state_count() >= case.at_least;
    for property in checker.model().properties() {
        match (property.expectation, checker.discovery(property.name)) {
            (Expectation::Always, None) | (Expectation::Sometimes, Some(_)) => {}
            (_, None) => {
                good = false;
                println!("  never met: {}", property.name);
            }
            (_, Some(path)) => {
                good = false;
                println!("  broken: {}", property.name);
                tell(checker.model(), path).iter().for_each(|line| println!("    {line}"));
            }
        }
    }
    good
}
