//! Where the paths of `[terraform]` lead: `..`, links, and files outside of the repository.

use super::flat;
use super::program::Planner;

#[test]
fn code_that_no_commit_holds_is_refused_however_its_path_leads_there() {
    let planner = Planner::new();
    planner.plans_a_queue();
    let world = &planner.world;
    world.shell("mkdir ../outside && cp infra/main.tf ../outside && ln -s ../outside out && ln -s /etc whole");
    for root in ["../outside", "infra/../../outside", "out", "whole"] {
        planner.says(&format!("root = \"{root}\"\nprogram = \"bin/infra\"\n"));
        for command in ["plan", "apply"] {
            let run = planner.tf(&[command, "dev"]);
            assert_eq!(run.code(), 2, "{root}: {run:#?}");
            let told = format!("{root}, the `root` of dev, leads out of the repository, to ");
            assert!(run.err.contains(&told) && run.err.contains("so no commit says which code it is"), "{run:#?}");
        }
    }
    planner.says("root = \"nowhere\"\nprogram = \"bin/infra\"\n");
    let run = planner.tf(&["plan", "dev"]);
    assert!(run.code() == 2 && run.err.contains("nowhere, the `root` of dev, does not exist"), "{run:#?}");
}

#[test]
fn code_is_the_same_whichever_way_inside_of_the_repository_leads_to_it() {
    let planner = Planner::new();
    planner.plans_a_queue();
    let world = &planner.world;
    world.shell("mkdir -p a/b && ln -s infra link && ln -s a/b deep && mkdir a/x && cp infra/main.tf a/x/other.tf");
    let tree = |root: &str| {
        planner.says(&format!("root = \"{root}\"\nprogram = \"bin/infra\"\n"));
        let run = planner.tf(&["plan", "dev", "--json"]);
        assert_eq!(run.code(), 0, "{root}: {run:#?}");
        run.json()["tree"].as_str().expect("a digest").to_owned()
    };
    let plain = tree("infra");
    for root in ["./infra/", "infra/../infra", "link", "a/../link/."] {
        assert_eq!(tree(root), plain, "{root}");
    }
    // `..` behind a link is meant from where the link leads.
    assert_ne!(tree("deep/../x"), plain);
    assert_eq!(tree("deep/../x"), tree("a/x"));
}

#[test]
fn values_outside_of_the_repository_are_taken_and_said_and_no_release_waits_for_them() {
    let planner = Planner::new();
    planner.plans_a_queue();
    let world = &planner.world;
    world.shell("mkdir ../private && echo 'x = 1' > ../private/dev.tfvars && ln -s ../../private/dev.tfvars infra/linked.tfvars");
    for (file, is_outside) in [("../../private/dev.tfvars", true), ("linked.tfvars", true), ("../values.tfvars", false)]
    {
        world.write("values.tfvars", "x = 1\n");
        planner.says(&format!("root = \"infra\"\nprogram = \"bin/infra\"\nvar_file = \"{file}\"\nask = []\n"));
        let run = planner.tf(&["plan", "dev"]);
        assert_eq!(run.code(), 0, "{file}: {run:#?}");
        assert_eq!(flat(&run.out).contains("values from outside of the repository"), is_outside, "{file}: {run:#?}");
    }
    // Nor does an image hold what a link leads to outside of it.
    std::fs::remove_file(world.path("infra/linked.tfvars")).expect("removed");
    planner.says("root = \"infra\"\nprogram = \"bin/infra\"\nvar_file = \"../../private/dev.tfvars\"\nask = []\n");
    let applied = planner.tf(&["apply", "dev", "--auto-approve"]);
    assert_eq!(applied.code(), 0, "{applied:#?}");
    // What they hold is no commit's to say, so a release is held to the code alone.
    world.release("one");
    world.good(&["deploy", "dev"]);
    // Another content is other values all the same, and is recorded.
    let values = || world.good(&["history", "dev", "--json"]).json()["lines"].clone();
    let values = || {
        let lines = values();
        let applies = lines.as_array().expect("lines").iter().filter_map(|line| line["var_file"].as_str());
        applies.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = values();
    world.shell("echo 'x = 2' > ../private/dev.tfvars");
    assert_eq!(planner.tf(&["apply", "dev", "--auto-approve"]).code(), 0);
    let after = values();
    assert!(after.len() == before.len() + 1 && after[0] != before[0], "{before:?} {after:?}");
}
