//! An apply that dies between any two records of the ledger, or finds it full: what the next command says and does.

use std::os::unix::process::ExitStatusExt as _;

use super::flat;
use super::shop::Shop;

/// Points of one apply: before and after each of its three records.
const POINTS: u32 = 6;

#[test]
fn an_apply_that_is_killed_at_any_point_is_gone_on_with_by_the_next_one() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "staging", "--auto-approve"]);
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    let others = shop.others("dev");
    for point in 1..=POINTS {
        shop.values("dev", &format!("turns = {point}\n"));
        let tripwire = format!("kill:{point}");
        let killed = shop.run_with(&["tf", "apply", "dev", "--auto-approve"], &[("TIERS_TRIPWIRE", &tripwire)]);
        assert_eq!(killed.status.signal(), Some(9), "{point}: {killed:#?}");
        let which = shop.good(&["tf", "which", "dev"]);
        assert_eq!(flat(&which.out).contains("lease is held"), (2..=5).contains(&point), "{point}: {which:#?}");
        let next = shop.run(&["tf", "apply", "dev", "--auto-approve", "--wait", "60"]);
        assert_eq!(next.code(), 0, "{point}: {next:#?}");
        assert_eq!(next.err.contains("took the lease over"), (2..=5).contains(&point), "{point}: {next:#?}");
        let expected = match point {
            // Terraform was done, and nobody said so.
            5 => "applied: dev: nothing to change",
            6 => "unchanged, skipped",
            _ => "applied: dev: 1 to create",
        };
        assert!(next.out.contains(expected), "{point}: {next:#?}");
    }
    assert_eq!(shop.others("dev"), others);
    // Each was made once, whoever died meanwhile.
    let began = shop.work().iter().filter(|line| *line == "begin dev").count();
    assert_eq!(began, usize::try_from(POINTS).expect("small"));
    shop.good(&["ledger", "verify"]);
}

#[test]
fn a_ledger_that_takes_no_record_keeps_terraform_from_starting_or_is_told_afterwards() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    shop.values("dev", "turns = 1\n");
    // The last one takes the lease over first.
    for (point, starts) in [(1, false), (3, false), (7, true)] {
        let tripwire = format!("full:{point}");
        let full = shop.run_with(&["tf", "apply", "dev", "--auto-approve"], &[("TIERS_TRIPWIRE", &tripwire)]);
        assert_eq!(full.code(), 4, "{point}: {full:#?}");
        assert_eq!(full.err.contains("Terraform was not started"), !starts, "{point}: {full:#?}");
        assert_eq!(full.err.contains("could not be recorded"), starts, "{point}: {full:#?}");
        assert_eq!(shop.work().is_empty(), !starts, "{point}: {full:#?}");
    }
    let next = shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    assert!(next.err.contains("took the lease over") && next.out.contains("nothing to change"), "{next:#?}");
    shop.good(&["ledger", "verify"]);
}

#[test]
fn a_first_apply_that_died_before_it_said_which_state_it_made_leaves_that_to_a_person() {
    let Some(shop) = Shop::new() else { return };
    // The ledger's own first record comes before the three of the apply.
    let killed = shop.run_with(&["tf", "apply", "dev", "--auto-approve"], &[("TIERS_TRIPWIRE", "kill:7")]);
    assert_eq!(killed.status.signal(), Some(9), "{killed:#?}");
    let next = shop.run(&["tf", "apply", "dev", "--auto-approve", "--wait", "60"]);
    assert_eq!(next.code(), 3, "{next:#?}");
    assert!(flat(&next.out).contains("ended unknown and did not say which state it made"), "{next:#?}");
    shop.good(&["tf", "apply", "dev", "--approve-breaking", "the state"]);
    assert!(shop.good(&["tf", "apply", "dev", "--auto-approve"]).out.contains("unchanged, skipped"));

    // One that made none leaves nothing to say.
    let killed = shop.run_with(&["tf", "apply", "staging", "--auto-approve"], &[("TIERS_TRIPWIRE", "kill:4")]);
    assert_eq!(killed.status.signal(), Some(9), "{killed:#?}");
    let next = shop.good(&["tf", "apply", "staging", "--auto-approve", "--wait", "60"]);
    assert!(next.out.contains("applied: staging: 2 to create"), "{next:#?}");
}
