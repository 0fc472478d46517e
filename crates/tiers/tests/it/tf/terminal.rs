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
