//! `tiers tf unlock`: a person takes the project's lease from its holder, and answers for it.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use tiers_engine::lease::{Evidence, evidence, overrule};
use tiers_engine::port::lease::LockState;

use super::Bench;
use crate::command::{print, print_json};
use crate::fault::{Fault, Outcome};
use crate::terraform::consent::{ask, terminal};
use crate::terraform::site::Site;
use crate::terraform::words::force_unlock;

/// Free the project's lease from a holder that is gone, as a named person who answers for it
///
/// Only needed where it can't be proven that the holder is gone: on another machine, or with the state's own lock still held. The
/// state's own lock is never released by this; the command for that is printed.
#[derive(Debug, Args)]
pub struct Unlock {
    /// The environment that the lease is held for
    environment: String,
    /// How you know that the apply is over
    #[arg(long, value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    /// Agree without being asked
    #[arg(long)]
    yes: bool,
}

pub async fn run(args: &Unlock, bench: &Bench) -> Outcome {
    let who = &bench.context.actor.who;
    if who == "unknown" {
        return Err(Fault::refused("nobody is named who would answer for it").hint("Say who you are with TIERS_ACTOR."));
    }
    let lease = bench.lease().await?;
    let held = lease.state.held.clone();
    // One that the lease is held for need not be declared any more.
    if held.as_ref().is_none_or(|held| held.facts.environment.as_str() != args.environment) {
        bench.environment(&args.environment)?;
    }
    let Some(held) = held else {
        return Err(Fault::refused("the project's lease is free; nothing was changed"));
    };
    let environment = &held.facts.environment;
    if environment.as_str() != args.environment {
        return Err(Fault::refused(format!(
            "the lease is held for an apply in {environment}, not in {}",
            args.environment
        ))
        .hint(format!("`tiers tf unlock {environment} --reason …` is about that one.")));
    }
    let (seen, proven) = match evidence(&bench.desk, &held).await {
        Evidence::Proven(proof) => (proof.text(), true),
        Evidence::Lacking(why) => (why, false),
    };
    let what = format!("{} applies in {environment} ({}): {seen}", held.by, held.holder.text());
    if !args.yes {
        if !terminal() {
            return Err(Fault::refused(format!("{what}; nobody was asked whether it is over")).hint(format!(
                "`tiers tf unlock {environment} --reason … --yes` takes the lease all the same, in your name."
            )));
        }
        let means = match proven {
            true => "It is over, and the next apply takes the lease over by itself.",
            false => "If Terraform still works there, two applies may run at once.",
        };
        let question = format!("{what}\n{means} Type the environment's name to take the lease: ");
        if ask(&question).await? != environment.as_str() {
            return Err(Fault::refused("not agreed to; nothing was changed"));
        }
    }
    if overrule(&bench.desk, &held, &args.reason, &seen).await?.is_none() {
        return Err(Fault::refused("the lease is not held by that apply any more; nothing was changed"));
    }
    // The lease is freed now, whatever can still be told: the environment's files may be on another machine, or another branch.
    let site = bench.environment(environment.as_str()).and_then(|declared| Site::open(&bench.context, declared, "0s"));
    let by_hand = site.map(|site| force_unlock(&site.terraform, "ID"));
    let lock = bench.desk.locks.state(environment, held.backend()).await;
    if bench.context.global.json {
        let lock = match &lock {
            LockState::Free => "free".to_owned(),
            LockState::Held(by) => format!("held: {by}"),
            LockState::Unknown(why) => format!("unknown: {why}"),
        };
        let shown = serde_json::json!({ "outcome": "freed", "environment": environment, "taken_from": held, "seen": seen, "proven": proven, "lock": lock });
        print_json("tiers.terraform-unlock/1", &shown)?;
        return Ok(0);
    }
    let mut text = format!("freed: the lease that {} held for {environment}; recorded in the name of {who}\n", held.by);
    match lock {
        LockState::Free => text.push_str("  the state's own lock is free\n"),
        LockState::Held(by) => text.push_str(&format!(
            "  the state's own lock is still held: {by}\n  once you are sure: `{}`; tiers never does that by itself\n",
            by_hand.unwrap_or_else(|_| "terraform force-unlock ID".to_owned()),
        )),
        LockState::Unknown(why) => {
            text.push_str(&format!("  whether the state's own lock is free can't be told: {why}\n"))
        }
    }
    print(&text)?;
    Ok(0)
}
