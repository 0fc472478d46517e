//! An apply beside a deployment: Terraform starts once what was halted for it has gone back and ended.

use super::shop::Shop;

#[test]
fn terraform_starts_once_the_deployment_that_was_halted_for_it_has_ended() {
    let Some(shop) = Shop::with_app() else { return };
    let world = &shop.world;
    // A gate that begins and ends when it is told to.
    let (begun, end) = (world.path(".tiers/gate-begun"), world.path(".tiers/gate-ends"));
    let toml = std::fs::read_to_string(world.path("tiers.toml")).expect("readable");
    let gate = format!("touch '{}'; while ! [ -e '{}' ]; do sleep 0.02; done", begun.display(), end.display());
    let slow = toml.replacen("command = [\"true\"]", &format!("command = [\"sh\", \"-c\", \"{gate}\"]"), 1);
    assert_ne!(slow, toml, "the fixture has the gate");
    world.write("tiers.toml", &slow);
    world.commit("a slow gate");
    let release = world.release("one");
    let deployment = shop.start(&["deploy", "dev"]);
    shop.until(|| begun.exists());

    shop.values("dev", "turns = 1\n");
    let beside = shop.run(&["tf", "apply", "dev", "--auto-approve"]);
    assert!(beside.code() == 3 && beside.err.contains("or apply with --halt-deployments"), "{beside:#?}");
    let apply = shop.start(&["tf", "apply", "dev", "--auto-approve", "--halt-deployments"]);
    shop.until(|| apply.said("of shop by erika has not ended"));
    assert!(apply.said("the open deployment of shop in dev was halted") && !apply.said("starting Terraform"));
    assert!(shop.work().is_empty(), "Terraform waits");
    std::fs::write(&end, "").expect("a file");
    let halted = deployment.end();
    assert!(halted.code() != 0 && format!("{halted:?}").contains("erika applies Terraform in dev"), "{halted:#?}");
    let applied = apply.end();
    assert_eq!(applied.code(), 0, "{applied:#?}");
    assert_eq!(shop.work(), ["begin dev", "end dev"]);
    world.good(&[
        "deploy",
        "dev",
        "--release",
        &release,
        "--break-glass",
        "the values are not committed",
        "--skip",
        "terraform:dev",
    ]);
}
