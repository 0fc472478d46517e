//! Who agrees to a plan: a flag, for what is safe; addresses by name, for what breaks; a person at a terminal, for anything, and
//! always where the environment says so.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tiers_core::id::Env;
use tiers_core::lease::Agreed;
use tiers_core::terraform::{Class, Review};

use super::interrupt;
use super::words::quoted;
use crate::fault::Fault;

/// What was typed on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub auto_approve: bool,
    pub approve_breaking: Vec<String>,
}

/// Decides whether this plan may be applied, and tells who agreed. `asks` says that a person must agree whatever flags there are; `unseen` is the plan,
/// where it is not on the terminal yet: nobody is asked about what was not shown.
pub async fn agreed(
    env: &Env,
    review: &Review,
    flags: &Flags,
    asks: bool,
    unseen: Option<String>,
) -> Result<Agreed, Fault> {
    refused(review)?;
    exactly_named(env, review, flags)?;
    let class = review.class();
    let named = !flags.approve_breaking.is_empty();
    let enough = match class {
        Class::Nothing => true,
        Class::Safe => flags.auto_approve && !asks,
        Class::Breaking => named && !asks,
    };
    if enough {
        return Ok(if class == Class::Nothing { Agreed::Unneeded } else { Agreed::Flags });
    }
    if !terminal() {
        return Err(nobody(env, review, asks));
    }
    if let Some(plan) = unseen {
        let mut error = std::io::stderr();
        let shown = error.write_all(plan.as_bytes()).and_then(|()| error.flush());
        shown.map_err(|error| Fault::errored(format!("the plan can't be shown, so nobody can be asked: {error}")))?;
    }
    let question = match class {
        Class::Nothing | Class::Safe => format!("Apply this in {env}?"),
        Class::Breaking => format!("Apply this BREAKING plan in {env}?"),
    };
    if asks || class == Class::Breaking {
        let answer = ask(&format!("{question} Type the environment's name to agree: ")).await?;
        return if answer == env.as_str() {
            Ok(Agreed::Person)
        } else {
            Err(Fault::refused("not agreed to; nothing was changed"))
        };
    }
    let answer = ask(&format!("{question} [y/N] ")).await?;
    if matches!(answer.as_str(), "y" | "Y" | "yes") {
        Ok(Agreed::Person)
    } else {
        Err(Fault::refused("not agreed to; nothing was changed"))
    }
}

fn refused(review: &Review) -> Result<(), Fault> {
    let Some(first) = review.refusals.first() else { return Ok(()) };
    let mut text = format!("this plan does what is not Terraform's to do: {}: {}", first.address, first.why);
    for one in &review.refusals[1..] {
        text.push_str(&format!("\n  {}: {}", one.address, one.why));
    }
    Err(Fault::refused(text).hint(first.remedy.clone()))
}

/// What `--approve-breaking` names must be what breaks, no more and no less.
fn exactly_named(env: &Env, review: &Review, flags: &Flags) -> Result<(), Fault> {
    if flags.approve_breaking.is_empty() {
        return Ok(());
    }
    let named: BTreeSet<&str> = flags.approve_breaking.iter().map(String::as_str).collect();
    let breaking = review.breaking_addresses();
    if named == breaking {
        return Ok(());
    }
    let list = |set: BTreeSet<&&str>| set.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut text = "`--approve-breaking` does not name what this plan breaks".to_owned();
    let missing: BTreeSet<&&str> = breaking.difference(&named).collect();
    let extra: BTreeSet<&&str> = named.difference(&breaking).collect();
    if !missing.is_empty() {
        text.push_str(&format!("; not named: {}", list(missing)));
    }
    if !extra.is_empty() {
        text.push_str(&format!("; named and not breaking: {}", list(extra)));
    }
    Err(Fault::refused(text).hint(what_to_type(env, review)))
}

fn nobody(env: &Env, review: &Review, asks: bool) -> Fault {
    if asks {
        return Fault::refused(format!("{env} asks a person before every apply, and there is no terminal to ask at")).hint(
            "Run it at a terminal; or write `ask = []` (or the environments that shall ask) into [terraform], and commit it: it \
             is read from the policy's commit, or without a policy from the one that is checked out.",
        );
    }
    let what = match review.class() {
        Class::Breaking => "this plan is breaking, and nobody agreed to it",
        Class::Nothing | Class::Safe => "nobody agreed to this plan, and there is no terminal to ask at",
    };
    Fault::refused(what).hint(what_to_type(env, review))
}

/// The command that would agree.
fn what_to_type(env: &Env, review: &Review) -> String {
    match review.class() {
        Class::Nothing | Class::Safe => format!("`tiers tf apply {env} --auto-approve` applies it."),
        Class::Breaking => {
            let named =
                review.breaking_addresses().into_iter().map(|name| format!(" --approve-breaking {}", quoted(name)));
            format!("`tiers tf apply {env}{}` agrees to exactly this.", named.collect::<String>())
        }
    }
}

pub fn terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks at the terminal. Ctrl-C is an answer too: no.
pub async fn ask(question: &str) -> Result<String, Fault> {
    let mut error = std::io::stderr();
    let _ = write!(error, "{question}");
    let _ = error.flush();
    let (send, receive) = std::sync::mpsc::channel();
    // A thread of its own: whoever reads from a terminal can't be called off, and must not keep the process from ending.
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer).map(|_| answer.trim().to_owned());
        let _ = send.send(read);
    });
    loop {
        match receive.try_recv() {
            Ok(answer) => return answer.map_err(|error| Fault::errored(format!("no answer: {error}"))),
            Err(std::sync::mpsc::TryRecvError::Disconnected) => return Err(Fault::errored("no answer")),
            Err(std::sync::mpsc::TryRecvError::Empty) if interrupt::asked() => {
                return Err(Fault::refused("not agreed to; nothing was changed"));
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => tokio::time::sleep(Duration::from_millis(30)).await,
        }
    }
}
