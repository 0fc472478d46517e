//! What tiers never gets wrong, by name: the promises that the simulation checks and that `tiers explain` prints.

use serde::Serialize;

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Invariant {
    pub name: &'static str,
    /// What holds, whatever happens.
    pub promise: &'static str,
    /// How it is kept.
    pub kept_by: &'static str,
    /// What a person meets when it is about to be broken.
    pub seen_as: &'static str,
}

/// All of them, in the order in which a deployment meets them.
pub const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "right-place",
        promise: "Nothing is changed before account, region, ledger, backend and environment were compared with what was \
                  declared.",
        kept_by: "A deployment looks at the account and region that its credentials lead to and at the ledger's tag on every \
                  function, before it claims the environment and again after.",
        seen_as: "A refusal (exit code 3) that names what was declared and what was found.",
    },
    Invariant {
        name: "same-bits",
        promise: "A digest that serves in an environment was verified in every environment before it, as of the last reading \
                  before traffic moved: all its evidence that blocks or withholds is good, or a person's recorded waiver \
                  stands in its place. Evidence belongs to a digest, never to a source.",
        kept_by: "Evidence upstream is read before the claim, after the claim, and once more after the intent to shift was \
                  recorded. Functions are updated by digest, and digest and settings are read back from every version.",
        seen_as: "`passed over` or a refusal that names the environment, the gate and what it said.",
    },
    Invariant {
        name: "one-writer",
        promise: "At most one deployment per app and environment makes progress. A deployer that was replaced can do no more \
                  than the calls already sent, each fenced by a precondition.",
        kept_by: "Records are created once at the next sequence of the environment's stream; whoever loses that race reloads. A \
                  takeover raises the epoch and makes every call that may still be under way impossible first.",
        seen_as: "A refusal that names the open deployment, its owner and since when; `tiers resume` takes it over.",
    },
    Invariant {
        name: "way-back",
        promise: "Before traffic moves where the environment demands it, the ledger holds a rollback plan whose targets were \
                  looked at and exist: recorded versions, never \"the number before\". The first deployment ever says that \
                  there is none.",
        kept_by: "The claim carries every component's version, weights, digest and settings of before, and they are looked at \
                  before anything is changed.",
        seen_as: "A refusal that names the component whose recorded version is gone.",
    },
    Invariant {
        name: "unit",
        promise: "When a deployment has ended, all components of the app serve the same release in that environment: the new \
                  one or the one before. Stuck is the only exception, and it lists each component's version.",
        kept_by: "Success needs a last look at every component; an undo goes through every component despite errors, last moved \
                  first.",
        seen_as: "Stuck (exit code 5) with each component's version and the commands to type.",
    },
    Invariant {
        name: "no-limbo",
        promise: "Killed at any point, a deployment can be continued or undone by anyone, and ends as if it had not been \
                  killed, or Stuck with the commands that a person needs.",
        kept_by: "What to do next follows from the recorded state alone. Starting, resuming and undoing take the same path.",
        seen_as: "`tiers status` says that a deployment is open and that `tiers resume` takes it over.",
    },
    Invariant {
        name: "one-apply",
        promise: "At most one Terraform apply started by tiers is in flight in a project, across all environments, unless a \
                  named person overrode a live holder.",
        kept_by: "An apply holds the project's lease in the ledger. It is taken over only with proof that its holder is gone, \
                  or by a named person who answers for it; never because time has passed.",
        seen_as: "Waiting, with the name of whoever holds the lease and since when.",
    },
    Invariant {
        name: "open-book",
        promise: "Every effect has its intent in the ledger first; any alteration before an anchored head is found and named.",
        kept_by: "A call is sent only after the record that announces it was created. Each record holds the hash of the one \
                  before; `tiers ledger verify` recomputes them all.",
        seen_as: "`tiers ledger verify` names the first record that is not what it was (exit code 1).",
    },
    Invariant {
        name: "sealed",
        promise: "A secret's value is never in the ledger, a log, an error, a plan shown to people or the process list; output \
                  of children is redacted in the encodings that the docs list.",
        kept_by: "Values go to child processes through their environment only, and what children print is searched for them \
                  before it is shown or recorded.",
        seen_as: "`***` where a value would have stood.",
    },
];

/// The invariant of this name.
pub fn invariant(name: &str) -> Option<&'static Invariant> {
    INVARIANTS.iter().find(|invariant| invariant.name == name)
}
