//! The checker is checked: each fault of the code itself is caught within a stated number of seeds.

use tiers_engine::mutation::{MUTATIONS, Mutation, switch};
use tiers_engine::sim::draw::Drawn;
use tiers_engine::sim::run;

/// Within how many seeds each must be caught. docs/proof.md says after how many each was caught when that was written.
const BOUND: u64 = 4_000;

/// The seed that caught it last time is tried first, so that a test need not go through all before it; the bound holds anyway.
fn check(mutation: Mutation, invariant: &str, last_time: u64) {
    let one = |seed: u64| {
        switch(Some(mutation));
        let broken = run(&Drawn::of(seed), false).broken;
        switch(None);
        broken.map(|broken| (seed, broken))
    };
    let caught = one(last_time).or_else(|| (0..BOUND).find_map(one));
    let (seed, broken) = caught.unwrap_or_else(|| panic!("{mutation:?} was not caught in {BOUND} seeds"));
    assert_eq!(broken.invariant, invariant, "{mutation:?} at seed {seed}: {broken}");
    let without = run(&Drawn::of(seed), false).broken;
    assert_eq!(without, None, "seed {seed} breaks without the mutation too");
}

/// One test for each, so that they run side by side, and a list that must be whole.
macro_rules! caught {
    ($($test:ident: $mutation:ident, $invariant:literal, $seed:literal;)+) => {
        $(
            #[test]
            fn $test() {
                check(Mutation::$mutation, $invariant, $seed);
            }
        )+

        #[test]
        fn no_mutation_is_left_out() {
            let tested = [$(Mutation::$mutation),+];
            assert!(MUTATIONS.iter().all(|one| tested.contains(one)), "{tested:?}");
        }
    };
}

caught! {
    a_token_that_is_refreshed_is_caught: RefreshTokenInEffect, "open-book", 13;
    a_call_without_an_intent_is_caught: SkipIntent, "open-book", 4;
    a_call_that_is_sent_again_is_caught: SendAgain, "open-book", 4;
    an_own_head_that_is_not_looked_at_is_caught: SkipOwnHead, "one-writer", 4;
    a_fence_without_a_write_is_caught: SkipFenceWrite, "one-writer", 185;
    a_mark_that_repeats_is_caught: RepeatedMark, "no-limbo", 32;
    a_blind_append_is_caught: BlindReappend, "ledger-chain", 4;
    an_absence_taken_for_a_failure_is_caught: AbsentMeansUnwritten, "open-book", 38;
    a_state_before_its_record_is_caught: StateBeforeRecord, "open-book", 1779;
    evidence_that_is_read_too_early_is_caught: ReadUpstreamBeforeClaim, "same-bits", 592;
    a_revocation_that_halts_nobody_is_caught: RevokeWithoutHalt, "same-bits", 167;
    a_denial_taken_for_an_absence_is_caught: DeniedIsAbsent, "no-limbo", 669;
    an_unreadable_record_that_is_passed_over_is_caught: SkipUnreadableRecord, "no-limbo", 127;
    a_refusal_taken_for_a_stranger_is_caught: RefusedIsForeign, "no-limbo", 15;
    a_version_proven_by_its_code_alone_is_caught: DigestOnlyPublish, "same-bits", 378;
    an_alias_on_a_version_that_is_not_active_is_caught: AliasBeforePublish, "same-bits", 115;
    a_restore_over_a_stranger_is_caught: RestoreUnconditionally, "foreign", 378;
    a_way_back_by_counting_is_caught: RollbackByNumber, "way-back", 9;
    a_bake_that_counts_downtime_is_caught: BakeCountsDowntime, "same-bits", 9;
    a_resume_at_the_wrong_step_is_caught: ResumeWrongStep, "same-bits", 10;
    advice_taken_for_evidence_is_caught: AdvisoryAsEvidence, "same-bits", 17;
    evidence_of_another_build_is_caught: EvidenceBySource, "same-bits", 0;
    a_lease_that_expires_by_time_is_caught: ExpireLeaseByTime, "one-apply", 275;
    a_lease_that_deployments_ignore_is_caught: IgnoreLease, "one-apply", 727;
    an_apply_beside_what_goes_back_is_caught: ApplyBesideHalted, "one-apply", 91;
    a_release_that_goes_back_unasked_is_caught: UndoUnasked, "a-person-decides", 163;
    a_place_that_is_not_compared_is_caught: SkipPlace, "right-place", 1269;
}
