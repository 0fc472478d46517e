//! `diff --live`: what is declared beside what is live, on the local host and as an account that Terraform describes.

use crate::world::{SHOP, World};

const PLACE: &str = "account = \"000000000000\"\nregion = \"us-east-1\"\n";

const MAIN: &str = r#"terraform {
  backend "s3" {}
}
variable "environment" { type = string }
variable "memory" { default = 128 }
resource "aws_lambda_function" "web" {
  function_name = "shop-web-${var.environment}"
  image_uri     = aws_ecr_repository.shop.repository_url
  memory_size   = var.memory
  environment {
    variables = { TABLE = aws_dynamodb_table.shop.name }
  }
}
resource "aws_lambda_function" "worker" {
  function_name = "shop-worker-${var.environment}"
  image_uri     = aws_ecr_repository.shop.repository_url
}
"#;

#[test]
fn what_is_declared_and_not_applied_and_what_is_applied_and_not_published_are_told_apart() {
    let world = World::new(SHOP, &[]);
    let nothing = world.tiers(&["diff", "dev", "--live"]);
    assert!(nothing.code() == 3 && nothing.err.contains("nothing was deployed"), "{nothing:#?}");
    world.release("one");
    world.good(&["deploy", "dev"]);
    let same = world.good(&["diff", "dev", "--live"]);
    assert_eq!(same.out, "what is live in dev is what is declared\n");
    let both = world.good(&["diff", "dev", "prod", "--live"]);
    assert!(both.out.contains("digest\n") && both.out.contains("  no release is recorded"), "{both:#?}");

    let declared = "[environments.dev]\nmemory_mb = 512\nvariables = { DEBUG = \"secret\" }\n";
    world.write("tiers.toml", &SHOP.replace("[environments.dev]\n", declared));
    let declared = world.tiers(&["diff", "dev", "--live"]);
    assert_eq!(declared.code(), 1, "{declared:#?}");
    assert!(
        declared.out.contains("^ declared 512 (tiers.toml:4): not applied, `tiers local up` sets it"),
        "{declared:#?}"
    );
    assert!(declared.out.contains("^ declared and not there: DEBUG (tiers.toml:5): not applied"), "{declared:#?}");
    world.good(&["local", "up"]);
    let applied = world.tiers(&["diff", "dev", "--live"]);
    assert_eq!(applied.code(), 1, "{applied:#?}");
    assert!(applied.out.contains("^ $LATEST has 512: not published, `tiers deploy dev --config-only`"), "{applied:#?}");
    world.commit("settings");
    world.good(&["deploy", "dev", "--config-only"]);
    let json = world.good(&["diff", "dev", "staging", "--live", "--json"]);
    assert!(!json.out.contains("secret"), "names alone: {json:#?}");
    let json = json.json();
    assert_eq!((&json["shape"], &json["good"]), (&"tiers.live/1".into(), &true.into()));
    let memory = &json["components"][0]["settings"][1];
    assert_eq!((&memory["name"], &memory["differs"]), (&"memory_mb".into(), &true.into()));
    assert_eq!((&memory["cells"][0]["live"], &memory["cells"][0]["origin"]["line"]), (&"512".into(), &4.into()));
    let markdown = world.good(&["diff", "dev", "staging", "--live", "--format", "markdown"]);
    assert!(markdown.out.contains("| `web memory_mb` | `512` | `128` |"), "{markdown:#?}");
    assert_eq!(world.tiers(&["diff", "dev"]).code(), 2, "without --live it takes two");
}

#[test]
fn in_an_account_terraform_says_what_is_declared_and_another_account_is_refused() {
    let world = World::new(SHOP, &[]);
    world.release("one");
    world.good(&["deploy", "dev"]);
    let endpoint = world.good(&["local", "status", "--json"]).json()["endpoint"].as_str().expect("up").to_owned();
    // The same functions, as an account would show them.
    let account = SHOP.replace("project = \"shop\"\n", "project = \"shop\"\nsolo = true\n");
    let account = account.replace("[environments.dev]\n", &format!("[environments.dev]\n{PLACE}"));
    world.write("tiers.toml", &account);
    world.write("terraform/main.tf", MAIN);
    world.write("terraform/envs/dev/backend.hcl", "bucket = \"states\"\nkey = \"dev\"\n");
    world.write("terraform/envs/dev/terraform.tfvars", "environment = \"dev\"\nmemory = 256\n");
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
    ];
    let run = world.tiers_with(&["diff", "dev", "--live"], &variables);
    assert_eq!(run.code(), 1, "{run:#?}");
    let says = "^ declared 256 (terraform/envs/dev/terraform.tfvars:2): not applied, `tiers tf apply dev`";
    assert!(run.out.contains(says), "{run:#?}");
    assert!(run.out.contains("^ declared and not there: TABLE (terraform/main.tf:"), "{run:#?}");
    assert!(!run.out.contains("worker"), "as the provider's defaults have it: {run:#?}");

    world.write("tiers.toml", &account.replace("000000000000", "111111111111"));
    let wrong = world.tiers_with(&["diff", "dev", "--live"], &variables);
    assert_eq!(wrong.code(), 3, "{wrong:#?}");
    assert!(wrong.err.contains("dev is declared in 111111111111, and the caller is in 000000000000"), "{wrong:#?}");
}
