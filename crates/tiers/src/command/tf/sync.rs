//! `tiers tf sync`: every environment, in order.

use clap::Args;

use super::Bench;
use super::apply::{How, one};
use crate::command::print;
use crate::fault::{Fault, Outcome};
use crate::terraform::doppler::right_config;

/// Apply in every environment, in their order, stopping at the first that does not end well
///
/// A breaking plan stops it as well, unless a person at the terminal agrees: what breaks in dev shall not go on to prod by itself.
/// Where addresses are to be named, apply that environment by itself.
#[derive(Debug, Args)]
pub struct Sync {
    /// Stop after this environment
    #[arg(long, value_name = "ENV")]
    to: Option<String>,
    #[command(flatten)]
    how: How,
}

pub async fn run(args: &Sync, bench: &Bench) -> Outcome {
    if let Some(to) = &args.to {
        bench.environment(to)?;
    }
    let environments = &bench.context.project.environments;
    let last = args.to.as_ref().and_then(|to| environments.iter().position(|env| env.name.as_str() == to));
    let wanted = &environments[..last.map_or(environments.len(), |at| at + 1)];
    // One command has one environment's secrets: found out before anything is applied with them.
    for environment in wanted {
        right_config(environment, |name| std::env::var(name).ok())
            .map_err(|fault| fault.hint("Apply each environment by itself, with its own secrets."))?;
    }
    for (at, environment) in wanted.iter().enumerate() {
        let left = || {
            let names: Vec<&str> = wanted[at + 1..].iter().map(|env| env.name.as_str()).collect();
            if names.is_empty() { String::new() } else { format!("; not looked at: {}", names.join(", ")) }
        };
        match one(bench, environment, &args.how, &[]).await {
            Ok(0) => {}
            Ok(code) => {
                if !bench.context.global.json {
                    print(&format!("stopped at {}{}\n", environment.name, left()))?;
                }
                return Ok(code);
            }
            Err(fault) => {
                let message = format!("{}\n  stopped at {}{}", fault.message, environment.name, left());
                return Err(Fault { message, ..fault });
            }
        }
    }
    Ok(0)
}
