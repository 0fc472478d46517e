//! Settings that are taken from Terraform's variables files, so that a number stands in one place.

use crate::world::{SHOP, World};

const TAKEN: &str = "[terraform]\nroot = \"infra\"\nbackend = \"envs/{environment}.hcl\"\nvar_file = \"envs/{environment}.tfvars\"\n\n[environments.dev]\n\
                     rate_limit = { tfvar = \"api_rate\" }\nburst = 50";

/// The shop, with dev's rate limit in a variables file that says this.
fn shop(tfvars: &str) -> World {
    let toml = SHOP.replacen("[environments.dev]", TAKEN, 1);
    World::new(&toml, &[("site/bootstrap", "#!/bin/sh\n"), ("infra/envs/dev.tfvars", tfvars)])
}

fn rate_in_dev(world: &World) -> serde_json::Value {
    let status = world.good(&["local", "status", "--json"]).json();
    let environments = status["environments"].as_array().expect("a list");
    let dev = environments.iter().find(|one| one["environment"]["name"] == "dev").expect("dev");
    dev["environment"]["rate_limit_per_s"].clone()
}

#[test]
fn a_setting_is_taken_from_the_environments_variables_file() {
    let world = shop("name     = \"shop\"\napi_rate = 25 # a second\nzones = [\"a\", \"b\"]\n");
    world.good(&["build"]);
    world.good(&["deploy", "dev"]);
    assert_eq!(rate_in_dev(&world), 25.0);
}

#[test]
fn gates_are_read_from_the_commit_whatever_the_working_copy_of_a_variables_file_says() {
    let world = shop("api_rate = 25\n");
    world.good(&["build"]);
    world.write("infra/envs/dev.tfvars", "api_rate = 30\nbroken = [\n");
    let broken = world.tiers(&["deploy", "dev"]);
    assert_eq!(broken.code(), 2, "{broken:#?}");
    assert!(broken.err.contains("infra/envs/dev.tfvars") && broken.err.contains("line 2"), "{}", broken.err);
    world.write("infra/envs/dev.tfvars", "api_rate = 30\n");
    world.good(&["deploy", "dev"]);
    assert_eq!(rate_in_dev(&world), 30.0);
}

#[test]
fn a_variable_that_the_file_does_not_set_is_shown_where_it_is_asked_for() {
    let missing = shop("api_rates = 25\n").tiers(&["build"]);
    assert_eq!(missing.code(), 2, "{missing:#?}");
    for words in ["tiers.toml:9", "does not set `api_rate`", "Did you mean `api_rates`?"] {
        assert!(missing.err.contains(words), "{words}: {}", missing.err);
    }
    let world = shop("api_rate = 25\n");
    std::fs::remove_file(world.path("infra/envs/dev.tfvars")).expect("removed");
    let absent = world.tiers(&["build"]);
    assert_eq!(absent.code(), 2, "{absent:#?}");
    assert!(absent.err.contains("the variables file of `dev` was not read"), "{}", absent.err);
}
