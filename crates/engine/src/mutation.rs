//! Faults of the program itself, for the simulation to catch: each breaks one rule of the protocol at the place where it is kept.
//!
//! Without the feature `sim` the question is a constant, so that a program that is shipped holds none of them.

/// A rule that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// A call takes the token that is current when it is sent, not the one in its intent.
    RefreshTokenInEffect,
    /// Calls are sent without an intent in the ledger.
    SkipIntent,
    /// A call without an answer is sent again, as a client library's retries would.
    SendAgain,
    /// The own head is not looked at between the intent and the call.
    SkipOwnHead,
    /// A fence looks, writes nothing, and counts as done.
    SkipFenceWrite,
    /// Every fence of an alias writes the same mark, which moves no token the second time.
    RepeatedMark,
    /// Whoever loses a place in the stream appends the same at the next, without folding what came between.
    BlindReappend,
    /// An append whose answer was lost, and that a read does not find, counts as never written.
    AbsentMeansUnwritten,
    /// An append whose outcome is unknown counts as done.
    StateBeforeRecord,
    /// Evidence is read before the claim, and not again.
    ReadUpstreamBeforeClaim,
    /// Whoever revokes evidence does not look at what stands on it.
    RevokeWithoutHalt,
    /// No right to read counts as nothing there.
    DeniedIsAbsent,
    /// A record that can't be read is passed over for the one before it.
    SkipUnreadableRecord,
    /// A call that the service refused counts as somebody else's change.
    RefusedIsForeign,
    /// A version is published and proven by its code alone, whatever its settings.
    DigestOnlyPublish,
    /// The alias moves to a version that is not active yet.
    AliasBeforePublish,
    /// `$LATEST` is put back over whatever stands there.
    RestoreUnconditionally,
    /// The way back is the number before.
    RollbackByNumber,
    /// Time that passed while nobody watched counts for a canary.
    BakeCountsDowntime,
    /// Whoever takes over a deployment begins one step too late.
    ResumeWrongStep,
    /// A gate that only advises makes evidence.
    AdvisoryAsEvidence,
    /// Evidence for a build counts for another build of the same inputs.
    EvidenceBySource,
    /// What a person should decide is undone at once.
    UndoUnasked,
    /// Account and region are not compared with what is declared.
    SkipPlace,
    /// A lease that is held for long counts as left behind.
    ExpireLeaseByTime,
    /// Deployments don't look whether Terraform is at work.
    IgnoreLease,
    /// Terraform starts while a deployment that was halted for it is on its way back.
    ApplyBesideHalted,
}

/// All of them.
pub const MUTATIONS: [Mutation; 27] = [
    Mutation::RefreshTokenInEffect,
    Mutation::SkipIntent,
    Mutation::SendAgain,
    Mutation::SkipOwnHead,
    Mutation::SkipFenceWrite,
    Mutation::RepeatedMark,
    Mutation::BlindReappend,
    Mutation::AbsentMeansUnwritten,
    Mutation::StateBeforeRecord,
    Mutation::ReadUpstreamBeforeClaim,
    Mutation::RevokeWithoutHalt,
    Mutation::DeniedIsAbsent,
    Mutation::SkipUnreadableRecord,
    Mutation::RefusedIsForeign,
    Mutation::DigestOnlyPublish,
    Mutation::AliasBeforePublish,
    Mutation::RestoreUnconditionally,
    Mutation::RollbackByNumber,
    Mutation::BakeCountsDowntime,
    Mutation::ResumeWrongStep,
    Mutation::AdvisoryAsEvidence,
    Mutation::EvidenceBySource,
    Mutation::UndoUnasked,
    Mutation::SkipPlace,
    Mutation::ExpireLeaseByTime,
    Mutation::IgnoreLease,
    Mutation::ApplyBesideHalted,
];

/// True when the code shall break this rule.
#[cfg(not(feature = "sim"))]
#[inline(always)]
pub(crate) const fn is_on(_: Mutation) -> bool {
    false
}

#[cfg(feature = "sim")]
thread_local! {
    static ON: std::cell::Cell<Option<Mutation>> = const { std::cell::Cell::new(None) };
}

/// True when the code shall break this rule.
#[cfg(feature = "sim")]
pub(crate) fn is_on(mutation: Mutation) -> bool {
    ON.get() == Some(mutation)
}

/// Makes this thread's code break a rule, or keep all of them again; answers which one it broke before.
#[cfg(feature = "sim")]
pub fn switch(mutation: Option<Mutation>) -> Option<Mutation> {
    ON.replace(mutation)
}
