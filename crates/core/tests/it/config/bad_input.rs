//! What a person reads about the bad input that the project promises to explain: the whole text, as it stands in a terminal.

use insta::assert_snapshot;
use tiers_core::config::{self, Facts};
use tiers_core::problem;

use super::{GOOD, shown, with};

#[test]
fn an_unknown_key_says_which_one_was_probably_meant() {
    assert_snapshot!(shown(&with("on = { branch = \"dev\" }", "on = { brnach = \"dev\" }\nmemory = 512")), @r#"
    error[unknown-key]: unknown key `brnach`
     --> tiers.toml:5:8
      |
    5 | on = { brnach = "dev" }
      |        ^^^^^^
      |
      = note: Nothing would read this key: what it was meant to set would silently not hold.
      = help: Did you mean `branch`?

    error[unknown-key]: unknown key `memory`
     --> tiers.toml:6:1
      |
    6 | memory = 512
      | ^^^^^^
      |
      = note: Nothing would read this key: what it was meant to set would silently not hold.
      = help: Did you mean `memory_mb`?
    "#);
}

#[test]
fn an_unknown_key_that_belongs_elsewhere_says_where() {
    assert_snapshot!(shown(&with("project = \"shop\"", "project = \"shop\"\ndockerfile = \"Dockerfile\"")), @r#"
    error[unknown-key]: unknown key `dockerfile`
     --> tiers.toml:3:1
      |
    3 | dockerfile = "Dockerfile"
      | ^^^^^^^^^^
      |
      = note: Nothing would read this key: what it was meant to set would silently not hold.
      = help: A key of this name stands at `apps.NAME.image.dockerfile`. Known here are `apps`, `check`, `environments`, `keys`, `ledger`, `name`, `policy`, `project`, `solo`, `tags` and `terraform`.
    "#);
}

#[test]
fn a_cycle_of_environments_is_spelled_out() {
    assert_snapshot!(shown(&with("on = { branch = \"dev\" }", "after = [\"prod\"]")), @r#"
    error[cycle]: environments come after each other in a circle: dev after prod after staging after dev
      --> tiers.toml:5:10
       |
     5 | after = ["prod"]
       |          ^^^^^^
    ...
     8 | after = ["dev"]
       |          ----- and this one
    ...
    12 | after = ["staging"]
       |          --------- and this one
       |
       = note: No environment of the circle could ever be deployed to: each would wait for the other's evidence.
       = help: Take one of the names out of its `after`, so that releases have a place to begin.
    "#);
}

#[test]
fn an_environment_after_itself_is_a_cycle_of_one() {
    assert_snapshot!(shown(&with("after = [\"dev\"]", "after = [\"staging\"]")), @r#"
    error[cycle]: `staging` comes after itself
     --> tiers.toml:8:10
      |
    8 | after = ["staging"]
      |          ^^^^^^^^^
      |
      = note: No environment of the circle could ever be deployed to: each would wait for the other's evidence.
      = help: Take one of the names out of its `after`, so that releases have a place to begin.
    "#);
}

#[test]
fn an_environment_after_one_that_does_not_exist_is_named() {
    assert_snapshot!(shown(&with("after = [\"staging\"]", "after = [\"stagin\"]")), @r#"
    error[unknown-reference]: there is no environment `stagin`
      --> tiers.toml:12:10
       |
    12 | after = ["stagin"]
       |          ^^^^^^^^
       |
       = note: It refers to something that is defined nowhere, so it could never take effect.
       = help: Did you mean `staging`?
    "#);
}

#[test]
fn one_terraform_state_for_all_environments_is_an_error() {
    let terraform = "project = \"shop\"\n\n[terraform]\nroot = \"terraform\"\nbackend = \"backend.hcl\"\nvar_file = \"values.tfvars\"";
    assert_snapshot!(shown(&with("project = \"shop\"", terraform)), @r#"
    error[same-state]: every environment has the same Terraform backend
     --> tiers.toml:6:11
      |
    6 | backend = "backend.hcl"
      |           ^^^^^^^^^^^^^
      |
      = note: The environments would share one Terraform state: an apply for the one would change or destroy what belongs to the other.
      = help: Put `{environment}` into the path: `backend = "envs/{environment}/backend.hcl"`, or `root = "terraform/{environment}"` where each environment has a root of its own.

    warning[same-values]: every environment has the same variables file
     --> tiers.toml:7:12
      |
    7 | var_file = "values.tfvars"
      |            ^^^^^^^^^^^^^^^
      |
      = note: All environments would get the same values, so nothing could differ between them.
      = help: Put `{environment}` into the path: `var_file = "envs/{environment}/terraform.tfvars"`.
    "#);
}

#[test]
fn two_components_with_one_resolved_name_are_an_error() {
    let text = GOOD
        .replace("[environments.prod]", "[environments.b-prod]")
        .replace("components = [\"api\", \"worker\"]", "components = [\"api\", \"api-b\"]")
        + "\n[environments.prod]\nafter = [\"b-prod\"]\n";
    assert_snapshot!(shown(&text), @r#"
    error[same-name]: `api` in `b-prod` and `api-b` in `prod` are both called `shop-api-b-prod`
      --> tiers.toml:18:22
       |
    18 | components = ["api", "api-b"]
       |               -----  ^^^^^^^
       |               |
       |               the other is here
       |
       = note: A deployment of the one would change the other.
       = help: Rename one of them, or separate the parts of `name` so that they can't run into each other.
    "#);
}

#[test]
fn a_component_in_two_apps_is_an_error() {
    let text = format!(
        "{GOOD}\n[apps.other]\npaths = [\"other/**\"]\nimage = {{ dockerfile = \"Dockerfile\" }}\ncomponents = [\"api\"]\n"
    );
    assert_snapshot!(shown(&text), @r#"
    error[duplicate]: there are two components `api`
      --> tiers.toml:23:15
       |
    18 | components = ["api", "worker"]
       |               ----- the first is here
    ...
    23 | components = ["api"]
       |               ^^^^^
       |
       = note: A function belongs to one app: two apps would deploy over each other.
       = help: Give one of them another name.
    "#);
}

#[test]
fn a_name_that_is_too_long_in_the_longest_environment_shows_the_name_and_its_length() {
    let text = GOOD
        .replace("\"worker\"", "\"generator-of-the-daily-report\"")
        .replace("project = \"shop\"", "project = \"the-shop-with-the-long-name\"");
    assert_snapshot!(shown(&text), @r#"
    error[name-too-long]: `the-shop-with-the-long-name-generator-of-the-daily-report-staging` can't be the name of a function: it has 65 characters, and Lambda takes 64
      --> tiers.toml:18:22
       |
    18 | components = ["api", "generator-of-the-daily-report"]
       |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ its name in `staging`
       |
       = note: The service would refuse to create it.
       = help: Shorten the project, the component or the environment, or write a shorter pattern in `name`.
    "#);
}

#[test]
fn a_pattern_of_names_without_the_environment_is_an_error() {
    assert_snapshot!(shown(&with("project = \"shop\"", "project = \"shop\"\nname = \"{project}-{component}\"")), @r#"
    error[name-pattern]: the pattern of names has no `{environment}`
     --> tiers.toml:3:8
      |
    3 | name = "{project}-{component}"
      |        ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: Two functions could get one name, and a deployment to one environment would change another.
      = help: Put it in, for example `name = "{project}-{component}-{environment}"`.
    "#);
}

#[test]
fn wrong_types_say_what_was_expected_and_how_to_write_it() {
    let text = "on = { branch = \"dev\" }\naccount = 755283537543\nregion = \"eu-central-1\"\nmemory_mb = \"512\"\napprovals = true";
    assert_snapshot!(shown(&with("on = { branch = \"dev\" }", text)), @r#"
    error[wrong-type]: `account` is a whole number, expected text
     --> tiers.toml:6:11
      |
    6 | account = 755283537543
      |           ^^^^^^^^^^^^
      |
      = note: The value can't be understood, and guessing could deploy something that nobody meant.
      = help: Put it in quotes: `account = "755283537543"`.

    error[wrong-type]: `memory_mb` is text, expected a whole number or a table
     --> tiers.toml:8:13
      |
    8 | memory_mb = "512"
      |             ^^^^^
      |
      = note: The value can't be understood, and guessing could deploy something that nobody meant.
      = help: Leave the quotes away: `memory_mb = 512`.

    error[wrong-type]: `approvals` is true or false, expected a whole number
     --> tiers.toml:9:13
      |
    9 | approvals = true
      |             ^^^^
      |
      = note: The value can't be understood, and guessing could deploy something that nobody meant.
      = help: Write it like `approvals = 1`. How many people other than the one who asked must approve.
    "#);
}

#[test]
fn a_syntax_error_is_shown_where_it_is() {
    assert_snapshot!(shown(&with("[environments.staging]", "[environments.staging")), @r#"
    error[syntax]: unclosed table, expected `]`
     --> tiers.toml:7:22
      |
    7 | [environments.staging
      |                      ^
      |
      = note: The file is not valid TOML, so nothing of it is used; what is behind this place may not even be checked yet.
      = help: A table begins with its name in brackets, as in `[environments.dev]`; a list of tables with two, as in `[[apps.api.gates]]`.
    "#);
    assert_snapshot!(shown(&with("project = \"shop\"", "project = \"shop")), @r#"
    error[syntax]: invalid basic string, expected `"`
     --> tiers.toml:2:16
      |
    2 | project = "shop
      |                ^
      |
      = note: The file is not valid TOML, so nothing of it is used; what is behind this place may not even be checked yet.
      = help: Text stands in quotes that are closed on the same line: `name = "value"`.
    "#);
    assert_snapshot!(shown(&with("project = \"shop\"", "project = shop")), @r#"
    error[syntax]: string values must be quoted, expected literal string
     --> tiers.toml:2:11
      |
    2 | project = shop
      |           ^^^^
      |
      = note: The file is not valid TOML, so nothing of it is used; what is behind this place may not even be checked yet.
      = help: Text stands in quotes that are closed on the same line: `name = "value"`.
    "#);
    assert_snapshot!(shown(&with("project = \"shop\"", "project = \"shop\"\nproject = \"shop\"")), @r#"
    error[syntax]: duplicate key
     --> tiers.toml:3:1
      |
    3 | project = "shop"
      | ^^^^^^^
      |
      = note: The file is not valid TOML, so nothing of it is used; what is behind this place may not even be checked yet.
      = help: Keep one of the two.
    "#);
}

#[test]
fn an_empty_file_says_what_a_project_needs() {
    assert_snapshot!(shown(""), @r#"
    error[missing-key]: `project` is missing
    --> tiers.toml
     = note: There is no default that would be right for everybody.
     = help: Add `project = "dr-daily-report"`. The project's name: a part of every function's name and the tag `Project`.

    error[missing-key]: `environments` is missing
    --> tiers.toml
     = note: There is no default that would be right for everybody.
     = help: Add `environments = { dev = { on = { branch = "dev" } } }`. The environments by name: lower-case letters, digits and hyphens.
    "#);
}

#[test]
fn a_canary_over_several_components_needs_an_entry_or_compatible_releases() {
    let text = with("on = { tag = \"v*.*.*\" }", "shift = { canary = \"10%\", bake = \"5m\" }");
    assert_snapshot!(shown(&text), @r#"
    error[mixed-releases]: weights in `prod` would mix releases of `shop`
      --> tiers.toml:13:9
       |
    13 | shift = { canary = "10%", bake = "5m" }
       |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = note: While the weights stand, a call could pass through two releases of one app that were never tested together.
       = help: Name the one component of `api` and `worker` that takes the calls from outside, `entry = "api"`, or say `compatible = true` if neighbouring releases may be mixed.
    "#);
}

#[test]
fn a_gate_that_refers_to_nothing_is_an_error() {
    let gate = "\n[[apps.shop.gates]]\nname = \"smoke\"\nat = \"staged\"\nin = [\"staging\", \"production\"]\ninvoke = { component = \"apl\" }\n";
    assert_snapshot!(shown(&format!("{GOOD}{gate}")), @r#"
    error[unknown-reference]: there is no environment `production`
      --> tiers.toml:23:18
       |
    23 | in = ["staging", "production"]
       |                  ^^^^^^^^^^^^
       |
       = note: It refers to something that is defined nowhere, so it could never take effect.
       = help: Did you mean `prod`?

    error[unknown-reference]: there is no component `apl`
      --> tiers.toml:24:24
       |
    24 | invoke = { component = "apl" }
       |                        ^^^^^
       |
       = note: It refers to something that is defined nowhere, so it could never take effect.
       = help: Did you mean `api`?
    "#);
}

#[test]
fn an_http_gate_in_an_environment_without_a_door_is_an_error() {
    let text = with("on = { tag = \"v*.*.*\" }", "account = \"755283537543\"\nregion = \"eu-central-1\"")
        .replace("project = \"shop\"", "project = \"shop\"\nsolo = true");
    let gate = "\n[[apps.shop.gates]]\nname = \"front\"\nat = \"live\"\nhttp = \"/health\"\n";
    assert_snapshot!(shown(&format!("{text}{gate}")), @r#"
    error[no-door]: there is no `url` in `prod` for this path
      --> tiers.toml:25:8
       |
    25 | http = "/health"
       |        ^^^^^^^^^
       |
       = note: The gate has no address to call, so it could never pass.
       = help: Add `url = "https://…"` to the environment, or say in `in` where the gate holds.
    "#);
}

#[test]
fn gates_on_alarms_are_said_to_be_unsupported() {
    let gate = "\n[[apps.shop.gates]]\nname = \"errors\"\nat = \"live\"\nalarms = [\"shop-errors\"]\n";
    assert_snapshot!(shown(&format!("{GOOD}{gate}")), @r#"
    error[not-supported]: gates on alarms are not supported yet
      --> tiers.toml:23:10
       |
    23 | alarms = ["shop-errors"]
       |          ^^^^^^^^^^^^^^^
       |
       = note: It would be written down and never checked, which is worse than not having it.
       = help: Watch alarms while traffic moves: `shift = { canary = "10%", bake = "5m", alarms = ["…"] }`.
    "#);
}

#[test]
fn a_tfvar_that_nobody_read_is_an_error() {
    assert_snapshot!(shown(&with("on = { branch = \"dev\" }", "memory_mb = { tfvar = \"lambda_memory_size\" }")), @r#"
    error[no-tfvar]: the variables file of `dev` was not read
     --> tiers.toml:5:23
      |
    5 | memory_mb = { tfvar = "lambda_memory_size" }
      |                       ^^^^^^^^^^^^^^^^^^^^
      |
      = note: The value is not known, and guessing could deploy something that nobody meant.
      = help: Name it with `var_file` in `[terraform]` and see that the file exists, or write the value here.
    "#);
}

#[test]
fn a_folder_ledger_before_a_real_account_is_a_warning() {
    assert_snapshot!(shown(&with("on = { tag = \"v*.*.*\" }", "account = \"755283537543\"\nregion = \"eu-central-1\"")), @r#"
    warning[unshared-ledger]: the ledger is a folder of this machine, and `prod` is a real account
      --> tiers.toml:13:11
       |
    13 | account = "755283537543"
       |           ^^^^^^^^^^^^^^
       |
       = note: Whoever deploys from another machine or from CI would not see this folder, and both would believe to be the only one.
       = help: Set `ledger = "s3://…"`, or `solo = true` if one person deploys from one machine. Until then deployments there are refused.
    "#);
}

#[test]
fn problems_come_with_colour_and_as_json_with_the_same_words() {
    let text = with("project = \"shop\"", "projct = \"shop\"");
    let problems = config::load("tiers.toml", &text, &Facts::default()).unwrap_err();
    let coloured = problem::render(&problems, &text, true);
    let plain = problem::render(&problems, &text, false);
    assert!(coloured.contains("\u{1b}["));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        stripped.push_str(before);
        rest = after.split_once('m').expect("a colour code ends with m").1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain, "colour adds nothing to the words");
    insta::assert_json_snapshot!(problems[0], @r#"
    {
      "code": "unknown-key",
      "severity": "error",
      "file": "tiers.toml",
      "place": {
        "bytes": {
          "start": 1,
          "end": 7
        },
        "line": 2,
        "column": 1
      },
      "message": "unknown key `projct`",
      "label": "",
      "meaning": "Nothing would read this key: what it was meant to set would silently not hold.",
      "hint": "Did you mean `project`?",
      "related": []
    }
    "#);
}
