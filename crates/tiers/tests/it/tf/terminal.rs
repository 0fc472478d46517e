//! A person at a terminal agrees to what that person saw, and to nothing else.

use super::shop::Shop;

#[test]
fn whoever_is_asked_sees_the_plan_and_what_is_applied_is_that_plan() {
    let Some(shop) = Shop::new() else { return };
    let asked = "Apply this in dev?";
    let Some(mut seat) = shop.at_a_terminal("tf apply dev --json", "first.json") else { return };
    shop.until(|| seat.screen().contains(asked));
    let screen = seat.screen();
    let plan = screen.find("terraform_data.database will be created").expect("the plan is on the terminal");
    assert!(plan < screen.find(asked).expect("asked"), "{screen}");
    // Somebody writes another plan over the saved one while the question stands.
    let mut saved = shop.files(".tiers/terraform/dev/plans");
    saved.retain(|path| path.ends_with("/plan"));
    let [file] = &saved[..] else { panic!("one saved plan: {saved:?}") };
    shop.world.write(file, "another plan");
    seat.types("y");
    assert_eq!(seat.end(), 3);
    let read = |name: &str| std::fs::read_to_string(shop.world.path(name)).expect("a file");
    let shown: serde_json::Value = serde_json::from_str(&read("first.json")).expect("JSON alone");
    assert_eq!(shown["outcome"], "refused");
    assert_eq!(shown["why"], "the saved plan is not the one that was shown: somebody wrote over it");
    assert!(shop.moto.objects().is_empty(), "nothing was applied");
    // What goes through all environments takes no addresses, and offers none to be typed.
    assert!(!shop.good(&["tf", "sync", "--help"]).out.contains("approve-breaking"));
}

#[test]
fn a_saved_plan_is_for_its_owners_eyes_and_gone_when_the_question_is_left() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(shop) = Shop::new() else { return };
    let saved = || {
        let mut saved = shop.files(".tiers/terraform/dev/plans");
        saved.retain(|path| path.ends_with("/plan"));
        saved
    };
    // Ctrl-C, as a terminal sends it, and an answer that is no.
    for leave in ["\u{3}", "n\n"] {
        let Some(mut seat) = shop.at_a_terminal("tf apply dev", "out.txt") else { return };
        shop.until(|| seat.screen().contains("Apply this in dev?"));
        let [file] = &saved()[..] else { panic!("one saved plan: {:?}", saved()) };
        let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        let file = shop.world.path(file);
        let plans = shop.world.path(".tiers/terraform/dev/plans");
        assert_eq!((mode(&file), mode(&plans)), (0o600, 0o700));
        seat.presses(leave);
        assert_eq!(seat.end(), 3);
        assert_eq!(saved(), Vec::<String>::new(), "after {leave:?}");
    }
    // One that was killed leaves it, and the next command takes it away.
    let Some(seat) = shop.at_a_terminal("tf apply dev", "out.txt") else { return };
    shop.until(|| seat.screen().contains("Apply this in dev?"));
    seat.kill();
    assert_eq!(saved().len(), 1);
    shop.good(&["tf", "which", "dev"]);
    assert_eq!(saved(), Vec::<String>::new());
    assert!(shop.moto.objects().is_empty());
}

#[test]
fn a_state_that_comes_while_a_first_plan_is_looked_at_is_not_written_over() {
    let Some(shop) = Shop::new() else { return };
    let Some(mut seat) = shop.at_a_terminal("tf apply dev", "out.txt") else { return };
    shop.until(|| seat.screen().contains("Apply this in dev?"));
    let theirs = r#"{"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "somebody-elses", "outputs": {}, "resources": []}"#;
    shop.moto.put("dev/terraform.tfstate", theirs);
    seat.types("y");
    assert_eq!(seat.end(), 3, "{}", seat_out(&shop));
    assert!(seat_out(&shop).contains("the plan was made where there was no state, and there is one now"));
    assert_eq!(shop.moto.objects()["dev/terraform.tfstate"], theirs);
}

fn seat_out(shop: &Shop) -> String {
    std::fs::read_to_string(shop.world.path("out.txt")).expect("a file")
}
