//! Terraform's errors as a person meets them: its own words whole on standard error, what they mean here, and the commands that a
//! person may type by hand.

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use tiers_core::id::Env;
use tiers_core::lease::LeaseState;
use tiers_edge::terraform::{Done, Terraform, TerraformError};

use super::interrupt;
use super::site::moved_hint;
use super::tree::Tree;
use crate::fault::{Fault, chain};

/// Terraform's error, its own words on standard error.
pub fn said(error: TerraformError, what: &str) -> Fault {
    match error {
        TerraformError::Failed { done, .. } => {
            if interrupt::asked() {
                return stopped(&done);
            }
            let above = if show(done.text()) { "; its own words stand above" } else { "" };
            Fault::errored(format!("`{what}` {}{above}", done.how()))
        }
        TerraformError::Start(error) => Fault::usage(error.to_string()).hint(
            "Install it, or name it with `program` in [terraform] of tiers.toml (`terraform`, `tofu`, or a path).",
        ),
        error => Fault::errored(chain(&error)),
    }
}

/// Why a data directory could not be initialised; one that `was_bound` was bound to what is declared.
pub fn not_initialised(error: TerraformError, terraform: &Terraform, tree: &Tree, was_bound: bool) -> Fault {
    let text = match &error {
        TerraformError::Failed { done, .. } => done.text().to_owned(),
        _ => String::new(),
    };
    let fault = said(error, "terraform init");
    let by_hand = |arguments: &str| format!("`{}`", by_hand(terraform, arguments));
    if was_bound && text.contains("migrate-state") {
        return fault.hint(moved_hint(&terraform.data.display().to_string()));
    }
    if text.contains("state migration") || text.contains("migrate-state") {
        return fault.hint(format!(
            "The state lies elsewhere than is declared now, and tiers moves none. Move it by hand, once: {}.",
            by_hand("init -migrate-state -backend-config=FILE")
        ));
    }
    if tree.locks_providers && (text.contains("lock file") || text.contains("dependency changes")) {
        return fault.hint(format!(
            "The committed .terraform.lock.hcl is only read here. Bring it up to date by hand, and commit it: {}.",
            by_hand("init -backend=false -upgrade")
        ));
    }
    fault
}

/// Why there is no plan. `state` says whether an apply of ours is what holds the lock, and `since` when the plan was begun.
pub fn not_planned(
    error: TerraformError,
    env: &Env,
    terraform: &Terraform,
    state: &LeaseState,
    since: Timestamp,
) -> Fault {
    let (has_no_lock, id, created) = match &error {
        TerraformError::Failed { done, .. } => (done.has_no_lock(), done.lock_id(), done.lock_created()),
        _ => (false, None, None),
    };
    let is_later = created.is_some_and(|at| at.parse::<Timestamp>().is_ok_and(|at| at >= since));
    let fault = said(error, "terraform plan");
    if !has_no_lock || interrupt::asked() {
        return fault;
    }
    if let Some(lease) = state.in_flight(env) {
        let (by, holder) = (&lease.by, lease.holder.text());
        return Fault::errored(format!(
            "{by} applies in {env} ({holder}), and the state is locked; nothing was changed"
        ))
        .hint(format!(
            "Wait for it, or give it time with --lock-timeout 10m. `tiers tf which {env}` shows how it stands."
        ));
    }
    // A backend whose answer is lost is asked again by Terraform, and then finds the lock that it gave.
    let by = match is_later {
        true => {
            "since after this command began, by somebody who came in between, or by itself, if the backend's answer was lost"
        }
        false => "by somebody else",
    };
    match id {
        Some(id) => Fault::errored(format!(
            "the state of {env} is locked {by}; Terraform's own words stand above; nothing was changed"
        ))
        .hint(format!(
            "If they are at work, try again later. If they are gone for good, release their lock: `{}`. tiers never does that by \
             itself.",
            force_unlock(terraform, &id)
        )),
        None => no_lock(env),
    }
}

/// The lock could not be taken, and nobody is said to hold it.
pub fn no_lock(env: &Env) -> Fault {
    Fault::errored(format!(
        "the lock of the state of {env} could not be taken; Terraform's own words stand above; nothing was changed"
    ))
    .hint("Look at what the backend file says of the lock: its table or bucket may not be there, or not be yours to write to.")
}

fn stopped(done: &Done) -> Fault {
    // What it says of being interrupted is nothing new, and what it says of its lock is.
    if done.text().contains("state lock") {
        show(done.text());
    }
    Fault::errored("stopped as asked; nothing was changed")
}

/// Words of Terraform's on standard error; false where there are none.
pub fn show(text: &str) -> bool {
    let mut error = std::io::stderr();
    let _ = error.write_all(text.as_bytes());
    if !text.is_empty() && !text.ends_with('\n') {
        let _ = error.write_all(b"\n");
    }
    !text.trim().is_empty()
}

/// The command that releases somebody's lock.
pub fn force_unlock(terraform: &Terraform, id: &str) -> String {
    by_hand(terraform, &format!("force-unlock {id}"))
}

/// The same program in the same place, as a person types it.
pub fn by_hand(terraform: &Terraform, arguments: &str) -> String {
    let path = |path: &Path| quoted(&path.display().to_string());
    let (data, root) = (path(&terraform.data), path(&terraform.root));
    format!("TF_DATA_DIR={data} {} -chdir={root} {arguments}", quoted(&terraform.program))
}

/// As a shell takes it.
pub fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_copy_name_the_program_and_are_whole_for_a_shell() {
        let terraform = Terraform {
            program: "tofu".to_owned(),
            root: "/home/e/my shop/infra".into(),
            data: "/home/e/my shop/.tiers/it's/data".into(),
            var_file: None,
            lock_timeout: "0s".to_owned(),
            env: std::collections::BTreeMap::new(),
            redactor: tiers_core::redact::Redactor::default(),
        };
        let command =
            "TF_DATA_DIR='/home/e/my shop/.tiers/it'\\''s/data' tofu -chdir='/home/e/my shop/infra' force-unlock 1-2";
        assert_eq!(force_unlock(&terraform, "1-2"), command);
        assert_eq!((quoted("aws_sqs.jobs"), quoted("")), ("aws_sqs.jobs".to_owned(), "''".to_owned()));
    }
}
