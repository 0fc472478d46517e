//! Applies that meet, and what is left where one is killed: the lease of the project and the lock of the state.

use std::time::Duration;

use rustix::process::{Signal, kill_process};

use super::flat;
use super::shop::{Shop, lockfile};

#[test]
fn of_two_applies_at_once_the_second_waits_and_a_plan_that_became_stale_is_not_applied() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    shop.good(&["tf", "apply", "staging", "--auto-approve"]);
    // dev works for three seconds; staging makes its plan and waits; its state moves on meanwhile.
    shop.values("dev", "turns = 1\npause = 3\n");
    shop.values("staging", "turns = 1\n");
    let slow = shop.start(&["tf", "apply", "dev", "--auto-approve"]);
    shop.until_work_begins();
    // In the same environment a plan says who is at work, and an apply waits for its turn.
    let after_it = shop.start(&["tf", "apply", "dev", "--auto-approve"]);
    let plan = shop.run(&["tf", "plan", "dev", "--lock-timeout", "0s"]);
    assert!(
        plan.code() == 4 && plan.err.contains("note: erika applies in dev") && plan.err.contains("it is at work"),
        "{plan:#?}"
    );
    assert!(plan.err.contains("and the state is locked") && !plan.err.contains("force-unlock"), "{plan:#?}");
    shop.until(|| after_it.said("waiting: erika applies in dev"));
    let waiting = shop.start(&["tf", "apply", "staging", "--auto-approve"]);
    shop.until(|| waiting.said("waiting: erika applies in dev"));
    let by_hand = shop.terraform("staging", &["apply", "-auto-approve", "-var=engine=99", "-var=turns=0"]);
    assert!(by_hand.status.success(), "{by_hand:#?}");
    let dev = slow.end();
    assert_eq!(dev.code(), 0, "{dev:#?}");
    let after_it = after_it.end();
    assert!(after_it.code() == 0 && after_it.out.contains("unchanged, skipped"), "{after_it:#?}");
    let stale = waiting.end();
    assert_eq!(stale.code(), 3, "{stale:#?}");
    assert!(stale.err.contains("Saved plan is stale") && stale.out.contains("nothing was changed"), "{stale:#?}");

    // A new plan sees what was done by hand; agreed to, it waits for nobody and is applied.
    let before = shop.others("staging");
    shop.good(&["tf", "apply", "staging", "--approve-breaking", "terraform_data.database"]);
    assert_eq!(shop.others("staging"), before);
    assert_eq!(shop.work(), ["begin dev", "end dev", "begin staging", "end staging"], "one after the other");
}

#[test]
fn an_apply_whose_tiers_is_killed_ends_terraform_which_releases_its_lock_and_the_next_one_proves_it() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "staging", "--auto-approve"]);
    shop.values("dev", "turns = 1\npause = 60\n");
    let slow = shop.start(&["tf", "apply", "dev", "--auto-approve"]);
    shop.until_work_begins();
    let status = shop.good(&["status"]);
    assert!(status.out.contains("dev: apply in flight: just now by erika (process "), "{status:#?}");
    assert!(shop.good(&["history"]).out.contains("terraform in flight: 3 to create; safe"));
    kill_process(slow.pid(), Signal::KILL).expect("it ran");
    slow.end();
    // What the guard asks to end gives its lock back itself, and then its end can be proven, without any of dev's values.
    shop.world.write("terraform/envs/dev/terraform.tfvars", "nobody = { can read");
    shop.values("staging", "turns = 1\n");
    let next = shop.run(&["tf", "apply", "staging", "--auto-approve", "--wait", "60"]);
    assert_eq!(next.code(), 0, "{next:#?}");
    assert!(next.err.contains("took the lease over: its processes on"), "{next:#?}");
    let plans: Vec<_> = shop.files(".tiers/terraform").into_iter().filter(|path| path.ends_with("/plan")).collect();
    assert!(plans.is_empty(), "what the killed one saved is swept away: {plans:?}");
    shop.values("dev", "turns = 1\n");
    let which = shop.good(&["tf", "which", "dev", "--json"]).json();
    assert_eq!(which["environments"][0]["last"]["outcome"]["outcome"], "unknown", "{which:#}");
    let status = shop.good(&["status"]);
    assert!(status.out.contains("dev: last apply ended unknown: "), "{status:#?}");
    let shown = shop.good(&["status", "dev", "--json"]).json()["infrastructure"].clone();
    let (held, dev) = (&shown["held"], &shown["environments"][0]);
    assert!(held.is_null() && dev["applied"].is_null() && dev["last"]["by"] == "erika", "{shown:#}");
    let history = shop.good(&["history", "dev"]);
    assert!(history.out.contains("terraform ended unknown: 3 to create; safe; "), "{history:#?}");
    assert!(history.out.contains("taken over by erika: its processes on"), "{history:#?}");
    // dev is planned anew from the state that Terraform wrote before it ended: what it had begun to make is made again. No record
    // knows that state's lineage, so a person says that it is the one.
    let staging = shop.others("dev");
    let slow = ["tf", "apply", "dev", "--approve-breaking", "terraform_data.slow[0]"];
    let unknown = shop.run(&slow);
    let told = "the state: the first apply here, by erika, ended unknown and did not say which state it made";
    assert!(unknown.code() == 3 && flat(&unknown.out).contains(told), "{unknown:#?}");
    assert!(unknown.err.contains("not named: `the state`"), "{unknown:#?}");
    shop.good(&[&slow[..], &["--approve-breaking", "the state"]].concat());
    assert!(shop.good(&["tf", "apply", "dev", "--auto-approve"]).out.contains("unchanged, skipped"));
    assert_eq!(shop.others("dev"), staging);
    shop.good(&["ledger", "verify"]);
}

#[test]
fn a_lock_that_nobody_is_left_to_release_is_a_persons_to_break() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "staging", "--auto-approve"]);
    let before = shop.others("dev");
    shop.values("dev", "turns = 1\npause = 60\n");
    let slow = shop.start(&["tf", "apply", "dev", "--auto-approve"]);
    shop.until_work_begins();
    shop.kill_all(&slow);
    slow.end();
    shop.values("dev", "");
    // Its processes are gone, and the state's lock is not: that proves nothing, however long one waits.
    shop.values("staging", "turns = 1\n");
    // Whoever collects orphans on this machine may take a while, and until then they count as there.
    let busy = (0..30)
        .map(|_| shop.run(&["tf", "apply", "staging", "--auto-approve", "--wait", "1"]))
        .find(|busy| !busy.err.contains("it is alive; nothing"))
        .expect("the killed processes are gone within half a minute");
    assert_eq!(busy.code(), 3, "{busy:#?}");
    assert!(busy.err.contains("the backend's own lock is still held: ID: "), "{busy:#?}");
    assert!(busy.err.contains("tiers tf unlock dev --reason"), "{busy:#?}");
    let unasked = shop.run(&["tf", "unlock", "dev", "--reason", "the machine burned down"]);
    assert!(unasked.code() == 3 && unasked.err.contains("nobody was asked"), "{unasked:#?}");
    let other = shop.run(&["tf", "unlock", "staging", "--reason", "x", "--yes"]);
    assert!(other.code() == 3 && other.err.contains("held for an apply in dev"), "{other:#?}");
    // What is wrong in one environment keeps nobody from seeing the rest, nor from freeing the lease.
    let values = shop.world.path("terraform/envs/dev/terraform.tfvars");
    let aside = values.with_extension("aside");
    std::fs::rename(&values, &aside).expect("moved");
    let which = shop.good(&["tf", "which"]);
    assert!(which.out.contains("terraform.tfvars, the `var_file` of dev, does not exist"), "{which:#?}");
    assert!(
        which.out.contains("staging/terraform.tfstate, as declared")
            && flat(&which.out).contains("its processes are gone"),
        "{which:#?}"
    );
    let freed = shop.good(&["tf", "unlock", "dev", "--reason", "the machine burned down", "--yes"]);
    assert!(
        freed.out.contains("freed: the lease") && freed.out.contains("own lock is free can't be told"),
        "{freed:#?}"
    );
    std::fs::rename(&aside, &values).expect("moved back");
    shop.good(&["tf", "apply", "staging", "--auto-approve"]);

    // The state of dev stays locked until a person breaks that lock.
    let locked = shop.run(&["tf", "plan", "dev", "--lock-timeout", "0s"]);
    assert_eq!(locked.code(), 4, "{locked:#?}");
    let id =
        locked.err.split("\n  ID:").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("its id").to_owned();
    assert!(shop.terraform("dev", &["force-unlock", "-force", &id]).status.success());
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    assert!(before.keys().all(|key| shop.moto.objects().contains_key(key)));
    shop.good(&["ledger", "verify"]);
}

#[test]
fn a_terraform_that_is_killed_or_interrupted_leaves_an_apply_that_is_recorded_as_failed() {
    let Some(shop) = Shop::with(lockfile) else { return };
    shop.good(&["tf", "apply", "staging", "--auto-approve"]);
    let before = shop.others("dev");
    shop.values("dev", "turns = 1\npause = 60\n");
    // The terminal is closed, or Ctrl-C: Terraform is asked once, and gives its lock back.
    let slow = shop.start(&["tf", "apply", "dev", "--auto-approve"]);
    shop.until_work_begins();
    for signal in [Signal::HUP, Signal::INT] {
        kill_process(slow.pid(), signal).expect("it runs");
        std::thread::sleep(Duration::from_millis(20));
    }
    let stopped = slow.end();
    assert_eq!(stopped.code(), 4, "{stopped:#?}");
    assert!(stopped.err.contains("Interrupt received.") && !stopped.err.contains("Two interrupts"), "{stopped:#?}");
    assert!(stopped.out.contains("errored: dev: stopped as asked"), "{stopped:#?}");
    assert!(!shop.moto.objects().keys().any(|key| key.ends_with(".tflock")), "the lock is released");

    shop.forget_work();
    let slow = shop.start(&["tf", "apply", "dev", "--approve-breaking", "terraform_data.slow[0]"]);
    shop.until_work_begins();
    kill_process(shop.terraform_of_the_lease(), Signal::KILL).expect("it runs");
    let killed = slow.end();
    assert_eq!(killed.code(), 4, "{killed:#?}");
    assert!(killed.out.contains("errored: dev: was ended by a signal"), "{killed:#?}");
    let which = shop.good(&["tf", "which", "--json"]).json();
    assert_eq!(
        (&which["held"], &which["environments"][0]["last"]["outcome"]["outcome"]),
        (&serde_json::Value::Null, &"failed".into())
    );
    // Its lock is an object in the bucket that nobody removes by himself.
    let locked = shop.run(&["tf", "apply", "dev", "--auto-approve", "--lock-timeout", "0s"]);
    assert!(locked.code() == 4 && locked.err.contains("locked by somebody else"), "{locked:#?}");
    assert_eq!(shop.others("dev"), before);
}

#[test]
fn a_lock_that_somebody_else_holds_stops_plans_and_changes_nothing() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    shop.good(&["tf", "plan", "staging"]);
    let before = shop.moto.objects();
    shop.moto.lock("staging/terraform.tfstate", "11111111-2222-3333-4444-555555555555");
    let locked = shop.run(&["tf", "apply", "staging", "--auto-approve", "--lock-timeout", "0s"]);
    assert_eq!(locked.code(), 4, "{locked:#?}");
    for told in ["otto@laptop", "11111111-2222-3333-4444-555555555555", "tiers never does that by itself"] {
        assert!(locked.err.contains(told), "{told}: {locked:#?}");
    }
    // A lock that can't be taken is not one that somebody holds.
    let absent = super::shop::backend("prod", super::shop::TABLE_LOCK).replace("shop-terraform-locks", "absent");
    shop.world.write("terraform/envs/prod/backend.hcl", &absent);
    let unlockable = shop.run(&["tf", "plan", "prod"]);
    assert_eq!(unlockable.code(), 4, "{unlockable:#?}");
    assert!(unlockable.err.contains("the lock of the state of prod could not be taken"), "{unlockable:#?}");
    assert!(
        unlockable.err.contains("ResourceNotFoundException") && !unlockable.err.contains("force-unlock"),
        "{unlockable:#?}"
    );
    // Another environment is none of that lock's business.
    shop.values("dev", "turns = 1\n");
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    let after = shop.others("dev");
    assert!(after.iter().all(|(key, content)| before.get(key) == Some(content)), "{:?}", after.keys());
}
