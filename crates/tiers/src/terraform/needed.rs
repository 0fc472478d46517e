//! What a release needs of the infrastructure of an environment: the Terraform code of its commit, applied there.

use tiers_core::config::{AppConfig, AppliedFirst, Environment, Terraform};
use tiers_core::id::Commit;
use tiers_core::lease::{Infrastructure, LeaseState};
use tiers_core::release::Release;
use tiers_engine::ledger::Ledger;

use super::tree::tree_at;
use crate::context::Context;
use crate::fault::Fault;
use crate::request::Governed;
use crate::source::Source;

/// What a plan demands, and what is only said.
#[derive(Default)]
pub struct Needed {
    pub infrastructure: Option<Infrastructure>,
    pub note: Option<String>,
    /// It is demanded, and not there.
    pub is_lacking: bool,
}

/// The Terraform code that must have been applied in this environment before this release comes: that of the commit it was built
/// from, or that of the commit that is checked out, where the release is that commit's too (a merge of the same files).
pub async fn needed(
    context: &Context,
    ledger: &Ledger,
    governed: &Governed,
    environment: &Environment,
    app: &AppConfig,
    release: &Release,
) -> Result<Needed, Fault> {
    // As it was committed: an edit of the working copy switches nothing off.
    let Some(ruled) = &governed.project.terraform else { return Ok(Needed::default()) };
    let state = applied(context, ledger).await?;
    // Where nothing was ever applied with this program there is nothing to compare, and a dirty tree is no commit's.
    if !state.last.contains_key(&environment.name) || release.dirty {
        return Ok(Needed::default());
    }
    let source = Source::open(&context.root)?;
    let mut commits = vec![release.commit.clone()];
    let head = source.head()?;
    let same = |commit: &Commit| {
        source.identity(&context.root, app, commit).is_ok_and(|identity| identity.inputs == release.inputs)
    };
    if head != release.commit && same(&head) {
        commits.push(head);
    }
    let mut needs = Vec::new();
    let mut unknown = None;
    for commit in commits {
        match of_commit(context, &source, environment, ruled, &state, &commit) {
            Ok(needed) => needs.push(needed),
            // A clone may lack it; the commit that is checked out can answer for the release as well.
            Err(fault) => unknown = Some(fault),
        }
    }
    let lacking = |needed: &Infrastructure| needed.lacking(&state, &environment.name);
    let met = needs.iter().position(|needed| lacking(needed).is_none()).unwrap_or_default();
    if needs.is_empty() {
        let why = unknown.map(|fault| fault.message).unwrap_or_default();
        let text = format!(
            "whether the infrastructure of commit {} is applied in {} can't be told: {why}",
            release.commit.short(),
            environment.name
        );
        return match ruled.applied_first {
            AppliedFirst::Required => {
                Err(Fault::refused(text).hint("Fetch the commit (`git fetch --unshallow` in a shallow clone)."))
            }
            AppliedFirst::Optional => Ok(Needed { note: Some(text), ..Needed::default() }),
        };
    }
    let needed = needs.swap_remove(met);
    let why = lacking(&needed);
    Ok(match ruled.applied_first {
        AppliedFirst::Required => {
            let note = why.as_ref().and_then(|_| not_here(&source, &state, environment));
            Needed { infrastructure: Some(needed), note, is_lacking: why.is_some() }
        }
        AppliedFirst::Optional => {
            let note = why.map(|why| format!("{why}; tiers.toml does not demand it"));
            Needed { note, ..Needed::default() }
        }
    })
}

/// What applies say in the project's ledger.
async fn applied(context: &Context, ledger: &Ledger) -> Result<LeaseState, Fault> {
    let Some(stream) = context.lease_stream() else { return Ok(LeaseState::default()) };
    match ledger.head(&stream).await? {
        None => Ok(LeaseState::default()),
        Some(head) => serde_json::from_value(head.record.state.clone()).map_err(|error| {
            Fault::errored(format!("the state in record {} of {stream} can't be read: {error}", head.seq))
                .hint("`tiers ledger verify` says more.")
        }),
    }
}

/// A shallow clone may lack what was applied last, and then it can't be seen that it is newer.
fn not_here(source: &Source, state: &LeaseState, environment: &Environment) -> Option<String> {
    let applied = state.applied.get(&environment.name)?.facts.commit.as_ref()?;
    source.resolve(applied.as_str()).is_err().then(|| {
        format!(
            "this clone does not have commit {}, so whether that is newer can't be told; `git fetch --unshallow` brings it",
            applied.short()
        )
    })
}

fn of_commit(
    context: &Context,
    source: &Source,
    environment: &Environment,
    config: &Terraform,
    state: &LeaseState,
    commit: &Commit,
) -> Result<Infrastructure, Fault> {
    let tree = tree_at(context, source, environment, config, commit)?;
    let applied = state.applied.get(&environment.name).and_then(|attempt| attempt.facts.commit.clone());
    // An applied commit that this clone does not have can't be told to hold this one. A branch that changed nothing of Terraform's
    // since it left the way of what was applied needs no more than was there then.
    let holds = |applied: &Commit| {
        let base = source.repository.merge_base(commit, applied).ok().flatten();
        base.is_some_and(|base| {
            let then = tree_at(context, source, environment, config, &base).ok();
            base == *commit
                || then.is_some_and(|then| (then.hash, then.var_file) == (tree.hash.clone(), tree.var_file.clone()))
        })
    };
    let part_of = applied.clone().filter(|applied| applied != commit && holds(applied));
    // Known only where this clone has both.
    let apart = applied.filter(|_| part_of.is_none()).is_some_and(|applied| {
        let base = source.repository.merge_base(commit, &applied).ok().flatten();
        base.is_some_and(|base| base != *commit && base != applied)
    });
    Ok(Infrastructure { commit: commit.clone(), tree: tree.hash, var_file: tree.var_file, part_of, apart })
}
