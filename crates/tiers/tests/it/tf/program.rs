//! What `program` in tiers.toml may be: a program that behaves like OpenTofu, none, or something else. The stand-in plans what a file
//! says, so that plans can be judged which Terraform can't make here without a provider.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::flat;
use super::shop::Shop;
use crate::world::{Run, SHOP, World};

/// Says that it is OpenTofu, keeps its state in a file, and writes down what it was asked for.
const STAND_IN: &str = r#"#!/bin/sh
project="${TF_DATA_DIR%/.tiers/*}"
echo "$1" >> "$project/asked.log"
case "$1" in
version) printf 'OpenTofu v1.9.1\non linux_amd64\n' ;;
init)
  mkdir -p "$TF_DATA_DIR"
  [ ! -e "$project/bound.json" ] || cp "$project/bound.json" "$TF_DATA_DIR/terraform.tfstate" ;;
state) [ ! -e "$project/state.json" ] || cat "$project/state.json" ;;
plan)
  [ ! -e "$project/locked" ] || { cat "$project/locked" >&2; exit 1; }
  for argument; do case "$argument" in -out=*) cat "$project/plan.json" > "${argument#-out=}" ;; esac; done
  echo "Plan: as the file says"
  exit 2 ;;
show) cat "$project/plan.json" ;;
apply)
  [ ! -e "$project/fails" ] || { echo "Error: the database is too small" >&2; exit 1; }
  echo '{"version": 4, "lineage": "made-here", "serial": 1}' > "$project/state.json" ;;
*) echo "unknown: $1" >&2; exit 1 ;;
esac
"#;

/// The shop's infrastructure as the stand-in plans it.
pub(super) struct Planner {
    pub world: World,
}

impl Planner {
    pub fn new() -> Planner {
        let world = World::new(SHOP, &[("infra/main.tf", "variable \"x\" { default = 1 }\n"), ("bin/infra", STAND_IN)]);
        let planner = Planner { world };
        planner.says("root = \"infra\"\nprogram = \"bin/infra\"\nprotected = [\"aws_dynamodb_table\"]\nask = []\n");
        planner
    }

    /// Writes `[terraform]`, with no other environment beside dev, whose state would be the same.
    pub fn says(&self, terraform: &str) {
        let begin = SHOP.find("[environments.staging]").expect("staging");
        let end = SHOP.find("[apps.shop]").expect("an app");
        let toml = format!("{}{}\n[terraform]\n{terraform}", &SHOP[..begin], &SHOP[end..]);
        self.world.write("tiers.toml", &toml);
        self.world.write(".gitignore", ".tiers\nasked.log\nstate.json\nplan.json\nfails\n");
        self.world.commit("infrastructure");
    }

    pub fn plans(&self, changes: &[Value], drift: &[Value]) {
        let plan = json!({ "format_version": "1.2", "resource_changes": changes, "resource_drift": drift });
        self.world.write("plan.json", &plan.to_string());
    }

    pub fn tf(&self, args: &[&str]) -> Run {
        self.world.tiers(&[&["tf"][..], args].concat())
    }

    /// Plans one queue.
    pub fn plans_a_queue(&self) {
        self.plans(&[change("aws_sqs_queue", &["create"], Value::Null, json!({ "name": "jobs" }))], &[]);
    }

    /// True when an apply was started.
    fn has_applied(&self) -> bool {
        let asked = std::fs::read_to_string(self.world.path("asked.log")).unwrap_or_default();
        asked.lines().any(|line| line == "apply")
    }
}

fn change(kind: &str, actions: &[&str], before: Value, after: Value) -> Value {
    json!({
        "address": format!("{kind}.it"), "mode": "managed", "type": kind, "name": "it",
        "change": { "actions": actions, "before": before, "after": after, "after_unknown": {} },
    })
}

#[test]
fn a_program_that_behaves_like_opentofu_is_called_so_and_applies() {
    let planner = Planner::new();
    planner.plans_a_queue();
    let applied = planner.tf(&["apply", "dev", "--auto-approve"]);
    assert_eq!(applied.code(), 0, "{applied:#?}");
    assert!(flat(&applied.out).contains(", tofu 1.9.1"), "{applied:#?}");
    let lines = planner.world.good(&["history", "dev", "--json"]).json()["lines"].clone();
    assert_eq!((&lines[0]["program"], &lines[0]["outcome"]), (&"tofu 1.9.1".into(), &"applied".into()), "{lines:#}");
}

#[test]
fn a_plan_that_would_move_a_deployed_image_or_the_live_alias_is_refused_whoever_agrees() {
    let planner = Planner::new();
    let function = |image: &str| json!({ "function_name": "shop-web-dev", "image_uri": image });
    let alias = |version: &str| json!({ "function_name": "shop-web-dev", "name": "live", "function_version": version });
    let image = change("aws_lambda_function", &["update"], function("repository:1"), function("repository:2"));
    let live = change("aws_lambda_alias", &["update"], alias("4"), alias("1"));
    for (change, why, remedy) in [
        (image, "it would change the image of a function that deployments own", "ignore_changes = [image_uri]"),
        (
            live,
            "it would move the alias that users are served by",
            "ignore_changes = [function_version, routing_config]",
        ),
    ] {
        planner.plans(std::slice::from_ref(&change), &[]);
        let address = change["address"].as_str().expect("a text");
        for agreed in [&["--auto-approve"][..], &["--approve-breaking", address]] {
            let refused = planner.tf(&[&["apply", "dev"][..], agreed].concat());
            assert_eq!(refused.code(), 3, "{refused:#?}");
            for told in [address, why, remedy] {
                assert!(flat(&refused.err).contains(told), "{told}: {refused:#?}");
            }
        }
        let planned = planner.tf(&["plan", "dev"]);
        assert!(planned.code() == 0 && flat(&planned.out).contains("not Terraform's:"), "{planned:#?}");
    }
    // Another function's image is its own business.
    let foreign = |image: &str| json!({ "function_name": "cron", "image_uri": image });
    planner.plans(&[change("aws_lambda_function", &["update"], foreign("a"), foreign("b"))], &[]);
    assert!(!planner.has_applied(), "nothing was applied until here");
    assert_eq!(planner.tf(&["apply", "dev", "--auto-approve"]).code(), 0);
}

#[test]
fn drift_and_what_is_protected_take_more_than_a_flag_and_what_deployments_move_is_no_drift() {
    let planner = Planner::new();
    let queue = |timeout: u32| json!({ "name": "jobs", "visibility_timeout_seconds": timeout });
    let table = |capacity: u32| json!({ "name": "t", "read_capacity": capacity });
    let drifted = change("aws_sqs_queue", &["update"], queue(30), queue(60));
    let protected = change("aws_dynamodb_table", &["update"], table(1), table(2));
    for (changes, drift, why) in [
        (vec![], vec![drifted], "aws_sqs_queue.it: it was changed outside of Terraform: visibility_timeout_seconds"),
        (vec![protected], vec![], "aws_dynamodb_table.it: it is protected, and the plan changes it"),
    ] {
        planner.plans(&changes, &drift);
        let refused = planner.tf(&["apply", "dev", "--auto-approve"]);
        assert!(refused.code() == 3 && flat(&refused.out).contains(why), "{refused:#?}");
        assert!(refused.err.contains("this plan is breaking, and nobody agreed to it"), "{refused:#?}");
    }
    assert!(!planner.has_applied());
    let deployed = |image: &str| json!({ "function_name": "shop-web-dev", "image_uri": image });
    let moved = change("aws_lambda_function", &["update"], deployed("a"), deployed("b"));
    planner.plans(&[change("aws_sqs_queue", &["create"], Value::Null, queue(30))], &[moved]);
    assert_eq!(planner.tf(&["apply", "dev", "--auto-approve"]).code(), 0);
}

#[test]
fn an_apply_that_fails_is_recorded_and_told_in_the_programs_own_words() {
    let planner = Planner::new();
    planner.plans_a_queue();
    planner.world.write("fails", "");
    let failed = planner.tf(&["apply", "dev", "--auto-approve"]);
    assert_eq!(failed.code(), 4, "{failed:#?}");
    assert!(failed.err.contains("Error: the database is too small"), "{failed:#?}");
    assert!(
        failed.out.contains("errored: dev: ended with exit code 1: Error: the database is too small"),
        "{failed:#?}"
    );
    // It made no state; the next one begins anew, and which says how the last one ended.
    let which = planner.tf(&["which", "dev"]);
    assert!(flat(&which.out).contains("last failed just now by erika (ended with exit code 1"), "{which:#?}");
    std::fs::remove_file(planner.world.path("fails")).expect("removed");
    assert_eq!(planner.tf(&["apply", "dev", "--auto-approve"]).code(), 0);
}

#[test]
fn a_lock_that_was_taken_since_the_command_began_may_be_its_own() {
    let planner = Planner::new();
    planner.plans_a_queue();
    for (year, told) in [
        ("2025", "the state of dev is locked by somebody else; "),
        (
            "2999",
            "the state of dev is locked since after this command began, by somebody who came in between, or by itself",
        ),
    ] {
        let created = format!("{year}-11-28 06:16:01.347359707 +0000 UTC");
        let text =
            format!("Error: Error acquiring the state lock\n\nLock Info:\n  ID:        1-2\n  Created:   {created}\n");
        planner.world.write("locked", &text);
        let locked = planner.tf(&["plan", "dev"]);
        assert!(locked.code() == 4 && locked.err.contains(told), "{locked:#?}");
        assert!(locked.err.contains("force-unlock 1-2`. tiers never does that by itself"), "{locked:#?}");
    }
}

#[test]
fn a_program_that_is_missing_or_is_something_else_is_said_before_anything_is_asked_of_it() {
    let planner = Planner::new();
    planner.plans(&[], &[]);
    planner.world.write("bin/nonsense", "#!/bin/sh\necho \"$1\" >> ../asked.log\necho 'Packer v1.11.2'\n");
    planner.world.write("bin/broken", "#!/bin/sh\necho 'no such version' >&2\nexit 3\n");
    planner.world.write("bin/text", "just a text\n");
    for (program, code, told) in [
        ("nowhere", 2, "nowhere"),
        ("bin/nowhere", 2, "bin/nowhere"),
        ("bin/text", 2, "bin/text"),
        ("bin/nonsense", 2, "bin/nonsense` is neither Terraform nor OpenTofu"),
        ("bin/broken", 4, "`terraform version` ended with exit code 3"),
    ] {
        planner.says(&format!("root = \"infra\"\nprogram = \"{program}\"\n"));
        let run = planner.tf(&["plan", "dev"]);
        assert!(run.code() == code && run.err.contains(told), "{program}: {run:#?}");
        assert!(code != 2 || run.err.contains("program"), "{program}: {run:#?}");
    }
    let asked = std::fs::read_to_string(planner.world.path("asked.log")).expect("it was asked");
    assert_eq!(asked, "version\n", "of something else nothing more is asked");
}

#[test]
fn a_state_of_which_nobody_can_tell_whose_it_is_is_said_once_and_known_from_then_on() {
    let planner = Planner::new();
    planner.plans_a_queue();
    let world = &planner.world;
    let end = SHOP.find("[environments.prod]").expect("prod");
    let terraform = "root = \"infra\"\nbackend = \"{environment}.hcl\"\nprogram = \"bin/infra\"\nask = []\n";
    let apps = &SHOP[SHOP.find("[apps.shop]").expect("an app")..];
    world.write("tiers.toml", &format!("{}{apps}\n[terraform]\n{terraform}", &SHOP[..end]));
    world.write("infra/main.tf", "terraform {\n  backend \"consul\" {}\n}\n");
    // Two names that may be of one server.
    let backend = |environment: &str, server: &str| {
        let address = format!("{server}.example:8500");
        world.write(&format!("infra/{environment}.hcl"), &format!("path = \"shop\"\naddress = \"{address}\"\n"));
        let bound =
            json!({ "version": 3, "backend": { "type": "consul", "config": { "address": address, "path": "shop" } } });
        world.write("bound.json", &bound.to_string());
    };
    backend("staging", "two");
    backend("dev", "one");
    world.write(".gitignore", ".tiers\nasked.log\nstate.json\nplan.json\nbound.json\n");
    world.commit("consul");
    let untold = planner.tf(&["apply", "dev", "--auto-approve"]);
    assert_eq!(untold.code(), 3, "{untold:#?}");
    let why = "the state: it may be that of staging as well: whether consul address=one.example:8500 path=shop and consul \
               address=two.example:8500 path=shop (of staging) are one can't be told";
    assert!(flat(&untold.out).contains(why), "{untold:#?}");
    let agreed = planner.tf(&["apply", "dev", "--approve-breaking", "the state"]);
    assert_eq!(agreed.code(), 0, "{agreed:#?}");
    // The lineage that it left tells from now on.
    let again = planner.tf(&["apply", "dev", "--auto-approve"]);
    assert!(again.code() == 0 && !again.out.contains("it may be that of staging"), "{again:#?}");
    // And had it been one state, staging would find that out.
    backend("staging", "two");
    let one = planner.tf(&["apply", "staging", "--auto-approve"]);
    assert!(one.code() == 3 && one.err.contains("has the lineage made-here that was applied in dev last"), "{one:#?}");
}

#[test]
fn ctrl_c_reaches_the_terraform_of_a_script_once_and_it_is_waited_for() {
    let Some(shop) = Shop::new() else { return };
    // One that hands no signal on, and ends at once when it gets one.
    shop.world.write("bin/wrapped", "#!/bin/sh\nterraform \"$@\"\nexit $?\n");
    let toml = std::fs::read_to_string(shop.world.path("tiers.toml")).expect("readable");
    shop.world.write("tiers.toml", &toml.replace("[terraform]\n", "[terraform]\nprogram = \"bin/wrapped\"\n"));
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    shop.values("dev", "turns = 1\npause = 60\n");
    let slow = shop.start(&["tf", "apply", "dev", "--auto-approve"]);
    shop.until_work_begins();
    kill_process(slow.pid(), Signal::INT).expect("it runs");
    let stopped = slow.end();
    assert_eq!(stopped.code(), 4, "{stopped:#?}");
    assert!(stopped.err.contains("Interrupt received.") && !stopped.err.contains("Two interrupts"), "{stopped:#?}");
    assert!(stopped.out.contains("errored: dev: stopped as asked"), "{stopped:#?}");
    // Its state is written and its lock is free.
    shop.values("dev", "");
    let next =
        shop.run(&["tf", "apply", "dev", "--approve-breaking", "terraform_data.slow[0]", "--lock-timeout", "0s"]);
    assert_eq!(next.code(), 0, "{next:#?}");
}
