//! How large a world is searched, and which rule is taken out of it.

use tiers_core::plan::OnFailure;

/// What the first deployer sets out to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Deploy,
    Rollback,
}

/// A rule that is broken on purpose, to show that the search would find a system without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Late calls are remembered, and nothing makes them impossible.
    NoFence,
    /// A call is sent with the token that its resource has at that moment, not with the one of its intent.
    FreshTokens,
    /// The evidence upstream is read before the claim, and believed from then on.
    UpstreamBeforeClaim,
    /// A version counts as proven by its code alone, whatever its settings.
    ProvenByCode,
    /// `$LATEST` is put back without asking whether it is still this deployment's.
    RestoreUnconditionally,
}

/// Everything that may happen, and how often. Death needs no number: in every state each process may stand still for ever.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub job: Job,
    pub on_failure: OnFailure,
    /// The alias of the first component carries weights before it moves.
    pub canary: bool,
    /// People who take the open deployment over, one after another, each to go on or to go back.
    pub takeovers: u8,
    /// One more deployment, a rollback, once the first is over.
    pub another: bool,
    /// How often a process gives up waiting for the answers of its calls, which may still land.
    pub lost_answers: u8,
    pub failing_gates: u8,
    /// Changes by hand: an alias moved, code or settings of `$LATEST` replaced, without any precondition.
    pub hands: u8,
    /// Holds on the environment.
    pub holds: u8,
    /// Somebody revokes the evidence upstream, then halts what stands on it.
    pub revocation: bool,
    pub broken: Option<Broken>,
}

impl Bounds {
    /// One deployer, everything goes well, and one takeover at any point.
    pub const SMALLEST: Bounds = Bounds {
        job: Job::Deploy,
        on_failure: OnFailure::Automatic,
        canary: false,
        takeovers: 1,
        another: false,
        lost_answers: 0,
        failing_gates: 0,
        hands: 0,
        holds: 0,
        revocation: false,
        broken: None,
    };

    /// Changes one bound, as `cargo xtask model` takes it: `takeovers=2`, `canary=true`, `on-failure=manual`, `job=rollback`.
    ///
    /// # Errors
    /// The word, where it is none of these.
    pub fn set(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word.split_once('=').unwrap_or((word, "true"));
        let number = || value.parse().map_err(|_| format!("`{value}` is no small number in `{word}`"));
        let yes = value == "true";
        match name {
            "takeovers" => self.takeovers = number()?,
            "lost-answers" => self.lost_answers = number()?,
            "failing-gates" => self.failing_gates = number()?,
            "hands" => self.hands = number()?,
            "holds" => self.holds = number()?,
            "canary" => self.canary = yes,
            "another" => self.another = yes,
            "revocation" => self.revocation = yes,
            "job" => self.job = if value == "rollback" { Job::Rollback } else { Job::Deploy },
            "on-failure" => {
                self.on_failure = if value == "manual" { OnFailure::Manual } else { OnFailure::Automatic };
            }
            _ => return Err(format!("`{word}` names no bound")),
        }
        Ok(())
    }

    /// How many processes there may be.
    pub fn processes(&self) -> usize {
        1 + usize::from(self.takeovers) + usize::from(self.another)
    }
}
