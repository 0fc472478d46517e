//! All environments in their order, as far as all goes well.

use super::flat;
use super::shop::Shop;

#[test]
fn sync_stops_at_the_first_breaking_plan_and_at_the_first_failure() {
    let Some(shop) = Shop::new() else { return };
    let toml = std::fs::read_to_string(shop.world.path("tiers.toml")).expect("readable");
    shop.world.write("tiers.toml", &toml.replace("[terraform]\n", "[terraform]\nask = []\n"));
    shop.world.commit("nobody is asked");
    shop.good(&["tf", "sync", "--auto-approve"]);
    let first = shop.moto.objects();
    let states = |names: &[&str]| {
        let objects = shop.moto.objects();
        let key = |name: &&str| format!("{name}/terraform.tfstate");
        names.iter().map(|name| objects[&key(name)] != first[&key(name)]).collect::<Vec<_>>()
    };
    // What replaces something in staging is not for a flag, and prod is not looked at.
    shop.values("dev", "turns = 1\n");
    shop.values("staging", "engine = \"17\"\n");
    shop.values("prod", "turns = 1\n");
    let breaking = shop.run(&["tf", "sync", "--auto-approve"]);
    assert_eq!(breaking.code(), 3, "{breaking:#?}");
    assert!(breaking.err.contains("stopped at staging; not looked at: prod"), "{breaking:#?}");
    assert!(flat(&breaking.out).contains("terraform_data.database: it is replaced"), "{breaking:#?}");
    assert_eq!(states(&["dev", "staging", "prod"]), [true, false, false]);
    // A plan that can't be made stops it in front of all others.
    shop.values("dev", "turns = \"many\"\n");
    let failed = shop.run(&["tf", "sync", "--auto-approve"]);
    assert_eq!(failed.code(), 4, "{failed:#?}");
    assert!(failed.err.contains("stopped at dev; not looked at: staging, prod"), "{failed:#?}");
    // And so does an apply that fails.
    let main = std::fs::read_to_string(shop.world.path("terraform/main.tf")).expect("readable");
    shop.world.write("terraform/main.tf", &main.replace("sleep ${var.pause}; ", "[ ${var.environment} != dev ] && "));
    shop.values("dev", "turns = 2\n");
    shop.values("staging", "turns = 1\n");
    let failed = shop.run(&["tf", "sync", "--auto-approve"]);
    assert_eq!(failed.code(), 4, "{failed:#?}");
    assert!(failed.out.contains("errored: dev: ended with exit code 1"), "{failed:#?}");
    assert!(failed.out.contains("stopped at dev; not looked at: staging, prod"), "{failed:#?}");
    assert_eq!(states(&["staging", "prod"]), [false, false]);
    // As far as one is told to.
    shop.world.write("terraform/main.tf", &main);
    let to = shop.run(&["tf", "sync", "--auto-approve", "--to", "staging"]);
    assert!(to.code() == 3 && to.err.contains("stopped at dev; not looked at: staging"), "{to:#?}");
    let nowhere = shop.run(&["tf", "sync", "--to", "nowhere"]);
    assert_eq!(nowhere.code(), 2, "{nowhere:#?}");
}

#[test]
fn which_tells_where_each_leads_whatever_else_is_wrong() {
    let Some(shop) = Shop::new() else { return };
    let dev = || shop.run(&["tf", "which", "dev"]);
    let fresh = dev();
    assert!(fresh.code() == 0 && fresh.out.contains("not initialised on this machine"), "{fresh:#?}");
    assert!(fresh.out.contains("never by tiers") && fresh.out.contains("the project's lease is free"), "{fresh:#?}");
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    let applied = dev();
    assert!(flat(&applied.out).contains("shop-terraform-state/dev/terraform.tfstate, as declared"), "{applied:#?}");
    assert!(flat(&applied.out).contains("last applied just now by erika: 2 to create"), "{applied:#?}");
    shop.values("dev", "turns = 1\npause = 60\n");
    let slow = shop.start(&["tf", "apply", "dev", "--auto-approve"]);
    shop.until_work_begins();
    let held = dev();
    assert!(
        flat(&held.out).contains("held: erika applies in dev") && flat(&held.out).contains("it is at work"),
        "{held:#?}"
    );
    shop.kill_all(&slow);
    slow.end();
    // A binding that nobody can read is that environment's trouble alone.
    let data = shop.world.path(".tiers/terraform/dev/data/terraform.tfstate");
    let binding = std::fs::read(&data).expect("readable");
    std::fs::write(&data, "{}").expect("written");
    let torn = shop.good(&["tf", "which"]);
    assert!(flat(&torn.out).contains("what Terraform is bound to can't be told"), "{torn:#?}");
    let refused = shop.run(&["tf", "plan", "dev"]);
    assert!(refused.code() == 3 && refused.err.contains("and run this again: it is made anew"), "{refused:#?}");
    std::fs::write(&data, binding).expect("written");
    // Where a directory leads does not depend on the ledger, and that the ledger can't be read is said.
    let newest = shop.world.shell("ls .tiers/ledger/terraform/shop/*/* | head -1");
    shop.world.write(newest.out.trim(), "{\"torn");
    let damaged = dev();
    assert_eq!(damaged.code(), 4, "{damaged:#?}");
    assert!(damaged.out.contains("dev/terraform.tfstate, as declared"), "{damaged:#?}");
    assert!(damaged.out.contains("can't be told: the ledger can't be read"), "{damaged:#?}");
    assert!(!damaged.out.contains("lease is free") && damaged.err.contains("can't be trusted"), "{damaged:#?}");
    assert_eq!(shop.run(&["tf", "apply", "dev", "--auto-approve"]).code(), 4);
}

#[test]
fn settings_of_a_backend_that_lead_to_the_same_state_are_told_from_another_place() {
    let Some(shop) = Shop::new() else { return };
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    let before = shop.moto.objects();
    // The lock moves, and the state does not.
    shop.world.write("terraform/envs/dev/backend.hcl", &super::shop::lockfile("dev"));
    let changed = shop.run(&["tf", "plan", "dev"]);
    assert!(changed.code() == 3 && !changed.err.contains("wrong place"), "{changed:#?}");
    assert!(changed.err.contains("bound before its backend's settings changed; the state is the same"), "{changed:#?}");
    let data = shop.world.path(".tiers/terraform/dev/data");
    assert!(flat(&changed.err).contains(&format!("remove {}", data.display())), "{changed:#?}");
    std::fs::remove_dir_all(data).expect("removed");
    shop.good(&["tf", "plan", "dev"]);
    // An empty setting is none.
    let empty = format!("{}profile = \"\"\n", super::shop::lockfile("dev"));
    shop.world.write("terraform/envs/dev/backend.hcl", &empty);
    let run = shop.run(&["tf", "plan", "dev"]);
    assert!(run.code() == 0 || run.err.contains("and run this again: it is made anew"), "{run:#?}");
    assert_eq!(shop.moto.objects(), before);
}
