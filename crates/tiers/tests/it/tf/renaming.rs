//! An environment that is called otherwise from now on, and keeps its state: nobody else's, and a person says so once.

use super::flat;
use super::shop::{Shop, TABLE_LOCK, backend};

/// Renames staging to `stage`, with its state where it is.
fn rename(shop: &Shop) {
    shop.world.shell("git mv terraform/envs/staging terraform/envs/stage");
    let toml = std::fs::read_to_string(shop.world.path("tiers.toml")).expect("readable");
    shop.world.write("tiers.toml", &toml.replace("staging", "stage"));
}

#[test]
fn the_state_of_a_renamed_environment_is_taken_over_once_somebody_agrees() {
    let Some(shop) = Shop::new() else { return };
    for environment in ["dev", "staging"] {
        shop.good(&["tf", "apply", environment, "--auto-approve"]);
    }
    let before = shop.world.git(&["rev-parse", "HEAD"]);
    let dev = shop.others("staging");
    rename(&shop);
    // That staging is no more is not for the working copy to say.
    let uncommitted = shop.run(&["tf", "plan", "stage"]);
    assert_eq!(uncommitted.code(), 3, "{uncommitted:#?}");
    assert!(
        flat(&uncommitted.err).contains("stage and staging have one state")
            && flat(&uncommitted.err).contains("If staging was renamed to stage, commit that there first."),
        "{uncommitted:#?}"
    );
    shop.world.commit("staging is called stage");
    let which = shop.good(&["tf", "which", "stage"]);
    assert!(
        flat(&which.out).contains("was staging, which is not declared any more: applied just now by erika"),
        "{which:#?}"
    );
    let unasked = shop.run(&["tf", "apply", "stage", "--auto-approve"]);
    assert_eq!(unasked.code(), 3, "{unasked:#?}");
    assert!(
        flat(&unasked.out).contains(
            "the state of staging: it was last applied as staging (by erika), which tiers.toml does not declare any more; \
             from now on it is that of stage"
        ),
        "{unasked:#?}"
    );
    let agrees = "`tiers tf apply stage --approve-breaking 'the state of staging'` agrees to exactly this";
    assert!(flat(&unasked.err).contains(agrees), "{unasked:#?}");
    shop.good(&["tf", "apply", "stage", "--approve-breaking", "the state of staging"]);
    assert_eq!(shop.others("staging"), dev);
    assert!(shop.good(&["tf", "apply", "stage", "--auto-approve"]).out.contains("unchanged, skipped"));
    let history = shop.good(&["history", "stage"]);
    assert!(history.out.contains("breaking: the state of staging"), "{history:#?}");
    let which = shop.good(&["tf", "which", "stage", "--json"]).json();
    assert_eq!(which["environments"][0]["taken_from"], serde_json::Value::Null, "{which:#}");

    // A new environment may have the old name, with a state of its own, and neither is in the other's way.
    let toml = std::fs::read_to_string(shop.world.path("tiers.toml")).expect("readable");
    shop.world.write("tiers.toml", &format!("{toml}\n[environments.staging]\nafter = [\"dev\"]\n"));
    shop.world.write("terraform/envs/staging/backend.hcl", &backend("another", TABLE_LOCK));
    shop.values("staging", "");
    shop.world.commit("another staging");
    shop.good(&["tf", "plan", "stage"]);
    let forget = || std::fs::remove_dir_all(shop.world.path(".tiers/terraform/staging")).expect("removed");
    forget();
    assert!(shop.good(&["tf", "plan", "staging"]).out.contains("safe: 2 to create"));

    // Who is on a commit from before takes nothing back unasked.
    shop.world.git(&["checkout", "-q", &before]);
    forget();
    let back = shop.run(&["tf", "apply", "staging", "--auto-approve"]);
    assert!(back.code() == 3 && back.err.contains("--approve-breaking 'the state of stage'"), "{back:#?}");
    shop.good(&["ledger", "verify"]);
}

#[test]
fn a_renamed_environment_whose_state_did_not_come_along_is_told_so() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "staging", "--auto-approve"]);
    let state = shop.moto.objects()["staging/terraform.tfstate"].clone();
    rename(&shop);
    shop.world.write("terraform/envs/stage/backend.hcl", &backend("stage", TABLE_LOCK));
    shop.world.commit("staging is called stage, and its state too");
    let told = "note staging is not declared any more, and its state is s3 shop-terraform-state/staging/terraform.tfstate. If stage is \
                staging under another name, keep its backend, or move that state here first: this plan makes everything anew";
    let plan = shop.good(&["tf", "plan", "stage"]);
    assert!(flat(&plan.out).contains(told) && plan.out.contains("safe: 2 to create"), "{plan:#?}");
    // Moved by hand, it is known by its lineage.
    shop.moto.put("stage/terraform.tfstate", &state);
    let unasked = shop.run(&["tf", "apply", "stage", "--auto-approve"]);
    assert!(unasked.code() == 3 && unasked.err.contains("--approve-breaking 'the state of staging'"), "{unasked:#?}");
    shop.good(&["tf", "apply", "stage", "--approve-breaking", "the state of staging"]);
    let plan = shop.good(&["tf", "plan", "dev"]);
    assert!(!plan.out.contains("note "), "nobody left anything behind any more: {plan:#?}");
}

#[test]
fn the_state_of_an_environment_that_is_declared_is_never_taken_over() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    // dev has moved on to a state of its own that was never applied, and staging wants the old one.
    shop.world.write("terraform/envs/dev/backend.hcl", &backend("elsewhere", TABLE_LOCK));
    shop.world.write("terraform/envs/staging/backend.hcl", &backend("dev", TABLE_LOCK));
    shop.world.commit("swapped");
    let before = shop.moto.objects();
    for args in [&["--auto-approve"][..], &["--approve-breaking", "the state of dev"]] {
        let run = shop.run(&[&["tf", "apply", "staging"][..], args].concat());
        assert!(run.code() == 3 && run.err.contains("staging and dev have one state"), "{run:#?}");
        assert!(run.err.contains("holds what was applied in dev"), "{run:#?}");
    }
    assert_eq!(shop.run(&["tf", "which", "staging"]).code(), 1);
    assert_eq!(shop.moto.objects(), before);
}

#[test]
fn a_lease_that_is_held_for_an_environment_under_its_old_name_is_freed_all_the_same() {
    let Some(shop) = Shop::new() else { return };
    shop.values("staging", "turns = 1\npause = 60\n");
    let slow = shop.start(&["tf", "apply", "staging", "--auto-approve"]);
    shop.until_work_begins();
    shop.kill_all(&slow);
    slow.end();
    rename(&shop);
    shop.values("stage", "");
    shop.world.commit("staging is called stage");
    // Whoever has the state now can tell that its lock is still held.
    let busy = (0..30)
        .map(|_| shop.run(&["tf", "apply", "dev", "--auto-approve", "--wait", "1"]))
        .find(|busy| !busy.err.contains("it is alive; nothing"))
        .expect("the killed processes are gone within half a minute");
    assert!(busy.code() == 3 && busy.err.contains("the backend's own lock is still held: ID: "), "{busy:#?}");
    let nonsense = shop.run(&["tf", "unlock", "stagin", "--reason", "x", "--yes"]);
    assert_eq!(nonsense.code(), 2, "{nonsense:#?}");
    let freed = shop.good(&["tf", "unlock", "staging", "--reason", "the machine burned down", "--yes"]);
    assert!(freed.out.contains("freed: the lease that erika held for staging"), "{freed:#?}");
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
}
