//! Runs the simulation over many seeds: `cargo xtask sim` builds and calls it.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tiers_engine::mutation::{MUTATIONS, switch};
use tiers_engine::sim::draw::Drawn;
use tiers_engine::sim::truth::{Broken, Tally};
use tiers_engine::sim::{run, shrink};

const USAGE: &str = "usage: tiers-sim [--seeds N] [--from S] [--seed S] [--mutation NAME] [--seconds N] [--keep-going yes] [--mutations yes]";

/// What was asked for.
struct Asked {
    from: u64,
    seeds: u64,
    /// Stop after so long, wherever that is.
    seconds: Option<u64>,
    /// One seed, with its trace.
    seed: Option<u64>,
    mutation: Option<String>,
    /// Name every seed that breaks a promise, without making any smaller.
    keep_going: bool,
    /// The table of mutations.
    mutations: bool,
}

fn asked() -> Result<Asked, String> {
    let mut asked =
        Asked { from: 0, seeds: 1_000, seconds: None, seed: None, mutation: None, keep_going: false, mutations: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "--help" | "-h") {
            println!("{USAGE}");
            std::process::exit(0);
        }
        let value = words.next().ok_or_else(|| format!("`{word}` needs a value\n{USAGE}"))?;
        let number = || value.parse().map_err(|_| format!("`{value}` is not a number\n{USAGE}"));
        match word.as_str() {
            "--seeds" => asked.seeds = number()?,
            "--from" => asked.from = number()?,
            "--seed" => asked.seed = Some(number()?),
            "--seconds" => asked.seconds = Some(number()?),
            "--keep-going" => asked.keep_going = value == "yes",
            "--mutations" => asked.mutations = value == "yes",
            "--mutation" => asked.mutation = Some(value),
            _ => return Err(format!("`{word}` is not known\n{USAGE}")),
        }
    }
    Ok(asked)
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::from(2);
        }
    };
    if let Some(name) = &asked.mutation {
        let Some(found) = MUTATIONS.iter().find(|one| format!("{one:?}") == *name) else {
            eprintln!("error: `{name}` is no mutation; there are {MUTATIONS:?}");
            return ExitCode::from(2);
        };
        switch(Some(*found));
    }
    match asked.seed {
        _ if asked.mutations => table(&asked),
        Some(seed) => one(seed),
        None => many(&asked),
    }
}

/// How many seeds each mutation survives.
fn table(asked: &Asked) -> ExitCode {
    let mut all_caught = true;
    for mutation in MUTATIONS {
        switch(Some(mutation));
        let caught =
            (asked.from..asked.from + asked.seeds).find_map(|seed| Some((seed, run(&Drawn::of(seed), false).broken?)));
        switch(None);
        match caught {
            Some((seed, broken)) => println!("{mutation:?} | {} | {} | {}", broken.invariant, seed + 1, broken.what),
            None => {
                all_caught = false;
                println!("{mutation:?} | NOT CAUGHT in {} seeds", asked.seeds);
            }
        }
    }
    if all_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One seed with everything that happens in it.
fn one(seed: u64) -> ExitCode {
    let outcome = run(&Drawn::of(seed), true);
    for line in &outcome.trace {
        println!("{line}");
    }
    match outcome.broken {
        None => {
            println!("seed {seed}: every promise kept in {} steps", outcome.steps);
            ExitCode::SUCCESS
        }
        Some(broken) => {
            println!("seed {seed}: BROKEN {broken}");
            ExitCode::FAILURE
        }
    }
}

/// Seeds one after another, until one breaks a promise.
fn many(asked: &Asked) -> ExitCode {
    let began = Instant::now();
    let mut told = Instant::now();
    let (mut total, mut steps, mut broken_in) = (Tally::default(), 0, 0_u64);
    let mut seed = asked.from;
    while seed < asked.from + asked.seeds {
        if asked.seconds.is_some_and(|seconds| began.elapsed() >= Duration::from_secs(seconds)) {
            break;
        }
        let drawn = Drawn::of(seed);
        let outcome = run(&drawn, false);
        steps += outcome.steps;
        add(&mut total, &outcome.tally);
        if let Some(broken) = outcome.broken {
            if !asked.keep_going {
                return fails(seed, &drawn, &broken);
            }
            println!("seed {seed} breaks {broken}");
            broken_in += 1;
        }
        seed += 1;
        if told.elapsed() >= Duration::from_secs(1) {
            told = Instant::now();
            progress(seed - asked.from, asked.seeds, began.elapsed());
        }
    }
    let (done, took) = (seed - asked.from, began.elapsed().as_secs_f64());
    progress(done, asked.seeds, began.elapsed());
    eprintln!();
    let verdict = match broken_in {
        0 => "every promise kept".to_owned(),
        some => format!("{some} BROKEN"),
    };
    println!(
        "seeds {} to {}: {verdict}; {done} worlds in {took:.1} s ({:.0} a second), {steps} steps, {total:?}",
        asked.from,
        seed.saturating_sub(1),
        done as f64 / took
    );
    if broken_in == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn progress(done: u64, of: u64, took: Duration) {
    let speed = done as f64 / took.as_secs_f64();
    eprint!("\r{done} of {of} seeds, {speed:.0} a second, {:.0} s to go   ", (of - done) as f64 / speed.max(0.001));
    let _ = std::io::stderr().flush();
}

/// The seed, and the shortest trace that was found for it.
fn fails(seed: u64, drawn: &Drawn, broken: &Broken) -> ExitCode {
    eprintln!();
    println!("seed {seed} breaks {broken}");
    let smaller = shrink(drawn, broken);
    println!("\nwhat is left after trying {} smaller worlds:", smaller.tried);
    println!("  {:?}, faults {:?}", smaller.drawn.base, smaller.drawn.faults.members().collect::<Vec<_>>());
    for role in &smaller.drawn.roles {
        println!("  {role:?}");
    }
    println!();
    for line in &smaller.outcome.trace {
        println!("{line}");
    }
    if let Some(broken) = &smaller.outcome.broken {
        println!("BROKEN {broken}");
    }
    println!("\nthe whole of it: cargo xtask sim --seed {seed}");
    ExitCode::FAILURE
}

fn add(total: &mut Tally, more: &Tally) {
    total.records += more.records;
    total.effects += more.effects;
    total.takeovers += more.takeovers;
    total.succeeded += more.succeeded;
    total.failed += more.failed;
    total.refused += more.refused;
    total.errored += more.errored;
    total.stuck += more.stuck;
    total.crashes += more.crashes;
    total.applies += more.applies;
}
