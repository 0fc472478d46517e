//! Every rule about what a file may say, fired once: code, line and message.

use std::collections::BTreeMap;

use tiers_core::config::Facts;

use super::{GOOD, told, told_with, with};

/// Lines put into `[environments.prod]` instead of its trigger lead to this problem.
#[track_caller]
fn prod(lines: &str, expected: &str) {
    let found = told(&with("on = { tag = \"v*.*.*\" }", lines));
    assert!(found.iter().any(|problem| problem.ends_with(expected)), "{lines}\n{found:#?}");
}

/// Lines put before the tables lead to this problem.
#[track_caller]
fn top(lines: &str, expected: &str) {
    let found = told(&with("project = \"shop\"", &format!("project = \"shop\"\n{lines}")));
    assert!(found.iter().any(|problem| problem.ends_with(expected)), "{lines}\n{found:#?}");
}

/// A gate of these lines leads to this problem.
#[track_caller]
fn gate(lines: &str, expected: &str) {
    let found = told(&format!("{GOOD}\n[[apps.shop.gates]]\nname = \"g\"\n{lines}\n"));
    assert!(found.iter().any(|problem| problem.ends_with(expected)), "{lines}\n{found:#?}");
}

/// An app with one of its lines replaced leads to this problem.
#[track_caller]
fn app(from: &str, to: &str, expected: &str) {
    let found = told(&with(from, to));
    assert!(found.iter().any(|problem| problem.ends_with(expected)), "{to}\n{found:#?}");
}

#[test]
fn the_good_project_has_no_problem() {
    assert_eq!(told(GOOD), Vec::<String>::new());
}

#[test]
fn names() {
    app("[environments.dev]", "[environments.Dev_1]", "bad-name: `Dev_1` can't be the name of an environment");
    app("[environments.dev]", "[environments.releases]", "reserved-name: an environment can't be called `releases`");
    app("[environments.dev]", "[environments.terraform]", "reserved-name: an environment can't be called `terraform`");
    app("[environments.dev]", "[environments.genesis]", "reserved-name: an environment can't be called `genesis`");
    app("[apps.shop]", "[apps.\"a/b\"]", "bad-name: `a/b` can't be the name of an app");
    app("\"api\"", "\"api_2\"", "bad-name: `api_2` can't be the name of a component");
    top(
        "name = \"{project}-{component}-{env}\"",
        "name-pattern: the pattern of names has an unknown placeholder `{env}`",
    );
    top(
        "name = \"{component}-{environment\"",
        "name-pattern: the pattern of names has a brace that is not closed or not opened",
    );
    top(
        "name = \"{component}.{environment}\"",
        "bad-name: `api.staging` can't be the name of a function: Lambda does not take `.` in it",
    );
}

#[test]
fn the_ledger_and_the_policy() {
    top("ledger = \"memory\"", "bad-value: a ledger in memory ends with the process");
    top("ledger = \"memory://x\"", "bad-value: a ledger in memory ends with the process");
    top("ledger = \"ftp://x\"", "bad-value: a ledger can't be kept behind `ftp://`");
    top("ledger = \"s3://\"", "bad-value: the URL names no bucket");
    top("ledger = \"file://x\"", "bad-value: a file URL needs an absolute path");
    top("ledger = \"\"", "bad-value: the ledger's place is empty");
    top("policy = \"--upload-pack=x\"", "bad-value: `--upload-pack=x` is not the name of a git ref");
    top("policy = \"a..b\"", "bad-value: `a..b` is not the name of a git ref");
    top("keys.alice = \"ed25519:12\"", "bad-value: the key of `alice` is not a public key");
    let key = "ab".repeat(32);
    top(
        &format!("keys = {{ alice = \"ed25519:{key}\", bob = \"ed25519:{key}\" }}"),
        "duplicate: `bob` has the key of `alice`",
    );
    top("tags.required = [\"aws:x\"]", "bad-value: `aws:x` can't be the name of a tag");
}

#[test]
fn terraform() {
    top(
        "terraform = { root = \"t\", backend = \"{env}.hcl\" }",
        "bad-value: only `{environment}` can be filled in here",
    );
    top("terraform = { root = \"/t/{environment}\" }", "bad-value: expected a path in the repository");
    top("terraform = { root = \"t\" }", "same-state: every environment has the same Terraform backend");
    top("terraform = { }", "missing-key: `root` is missing in `terraform`");
    let text = with(
        "project = \"shop\"",
        "project = \"shop\"\nterraform = { root = \"envs/{environment}\", backend = \"b.hcl\", var_file = \"v.tfvars\" }",
    );
    assert_eq!(told(&text), Vec::<String>::new(), "a root per environment has a state per environment");
    let one = "project = \"shop\"\nterraform = { root = \"t\" }\n[environments.dev]\n";
    assert_eq!(told(one), Vec::<String>::new(), "one environment shares its state with nobody");
}

#[test]
fn triggers() {
    prod("on = {}", "choose-one: nothing is named that starts a deployment");
    prod("on = { branch = \"a\", tag = \"b\" }", "choose-one: several things are named that start a deployment");
    prod("on = { verified = \"dev\" }", "unknown-reference: `dev` does not stand in `after`");
    prod("on = { branch = \"refs/heads/a\" }", "bad-value: a pattern is compared with the bare name");
    prod(
        "on = { tag = \"v[0-9\" }",
        "bad-value: `v[0-9` is not a glob: a `[` is never closed; write `\\[` for the character",
    );
    prod("entry = { branch = \"a b\" }", "bad-value: no branch of git can hold ` `");
    app("on = { branch = \"dev\" }", "entry = { branch = \"x\" }", "bad-value: releases begin here anyway");
}

#[test]
fn places_and_doors() {
    prod("account = \"123\"\nregion = \"eu-central-1\"", "bad-value: `123` is not an AWS account");
    prod("account = \"123456789012\"", "missing-key: `prod` has an account and no region");
    prod("region = \"eu-central-1\"", "missing-key: `prod` has a region and no account");
    prod("account = \"123456789012\"\nregion = \"Frankfurt\"", "bad-value: `Frankfurt` is not an AWS region");
    prod("url = \"api.example.com\"", "bad-value: `api.example.com` is not the address of a door");
    prod("url = \"https://a:b@c\"", "bad-value: `https://a:b@c` is not the address of a door");
    let twice = GOOD
        .replace("on = { branch = \"dev\" }", "url = \"https://a.example\"")
        .replace("on = { branch = \"main\" }", "url = \"https://a.example/\"");
    assert_eq!(told(&twice), ["9 duplicate: `staging` and `dev` have the same `url`"]);
    prod("secrets = {}", "choose-one: no place of secrets is named");
}

#[test]
fn approvals_and_freezes() {
    prod("approvals = -1", "bad-value: -1 is not a number of approvals");
    prod(
        "approvals = 2\napprovers = [\"alice\"]",
        "unreachable-approval: 2 approvals are needed, and 1 people may approve",
    );
    prod("approvers = [\"alice\", \"alice\"]", "duplicate: `alice` stands twice in `approvers`");
    let key = format!("project = \"shop\"\nkeys.bob = \"ed25519:{}\"", "ab".repeat(32));
    let text = with("project = \"shop\"", &key).replace("on = { tag = \"v*.*.*\" }", "approvers = [\"alice\"]");
    assert_eq!(told(&text), ["14 unknown-reference: there is no key of `alice`"]);
    let freeze = |inner: &str| format!("freezes = [{{ {inner}, why = \"w\" }}]");
    prod(
        &freeze("from = \"2026-01-02\", until = \"2026-01-01\", zone = \"UTC\""),
        "bad-value: the freeze ends before it begins",
    );
    prod(&freeze("from = \"x\", until = \"2026-01-01\", zone = \"UTC\""), "bad-value: `x` is not a date and time");
    prod(
        &freeze("from = \"2026-01-01\", until = \"2026-02-01\", zone = \"Berlin\""),
        "bad-value: `Berlin` is not a time zone",
    );
    prod(
        &freeze("days = [\"friday\"], from = \"15:00\", until = \"08:00\", zone = \"UTC\""),
        "bad-value: `friday` is not a day of the week",
    );
    prod(
        &freeze("days = [\"fri\"], from = \"3pm\", until = \"08:00\", zone = \"UTC\""),
        "bad-value: `3pm` is not a time of day",
    );
    prod(&freeze("days = [], from = \"15:00\", until = \"08:00\", zone = \"UTC\""), "bad-value: no day is named");
    prod("freezes = [{ from = \"2026-01-01\" }]", "missing-key: `zone` is missing in an entry of `freezes`");
    prod("rollback = \"never\"", "bad-value: `never` is not a value of `rollback`");
    prod("way_back = \"none\"", "bad-value: `none` is not a value of `way_back`");
    prod("upstream_wait = \"30\"", "bad-value: `30` is not a duration");
    prod("upstream_wait = \"-5m\"", "bad-value: `-5m` is not a duration");
    prod("upstream_wait = \"500ms\"", "bad-value: `500ms` is not a whole number of seconds");
}

#[test]
fn shifts() {
    prod("shift = \"slowly\"", "bad-value: `slowly` is not a value of `shift`");
    prod("shift = {}", "choose-one: no way of moving traffic is named");
    prod(
        "shift = { canary = \"10%\", linear = \"10%\", compatible = true }",
        "choose-one: `canary` and `linear` exclude each other",
    );
    prod("shift = { canary = \"100%\", compatible = true }", "bad-value: `100%` is not a share of the calls");
    prod("shift = { canary = \"10%\", every = \"1m\", compatible = true }", "choose-one: `every` belongs to `linear`");
    prod("shift = { linear = \"10%\", bake = \"1m\", compatible = true }", "choose-one: `bake` belongs to `canary`");
    prod("shift = { canary = \"10%\", entry = \"apo\" }", "unknown-reference: there is no component `apo`");
    prod(
        "shift = { canary = \"10%\", entry = [\"api\", \"worker\"] }",
        "mixed-releases: `shop` has several entries in `prod`",
    );
    prod(
        "shift = { canary = \"10%\", entry = \"api\", alarms = [\"x\"] }",
        "not-supported: an environment on this machine has no CloudWatch alarms",
    );
    let one = with("on = { tag = \"v*.*.*\" }", "shift = { canary = \"10%\" }").replace(", \"worker\"", "");
    assert_eq!(told(&one), Vec::<String>::new(), "one component can't mix releases");
}

#[test]
fn settings() {
    prod("memory_mb = 64", "bad-value: `memory_mb` is 64, and must be at least 128");
    prod("timeout_s = 901", "bad-value: `timeout_s` is 901, and must be at most 900");
    prod("log_retention_days = 10", "bad-value: CloudWatch can't keep logs for 10 days");
    prod("burst = 10", "missing-key: a `burst` needs a `rate_limit`");
    prod(
        "concurrency = 1.5",
        "wrong-type: `concurrency` is a number with a fraction, expected a whole number or a table",
    );
    prod("memory_mb = 99999999999999999999", "bad-value: `memory_mb` is too large a number");
    prod("variables = { AWS_REGION = \"x\" }", "reserved-name: Lambda sets `AWS_REGION` itself");
    prod("variables = { \"1A\" = \"x\" }", "bad-name: `1A` can't be the name of a variable");
    prod("variables = { A1 = 1 }", "wrong-type: `A1` is a whole number, expected text or a table");
    prod(
        &format!("variables = {{ AB = \"{}\" }}", "x".repeat(4095)),
        "bad-value: the variables in `prod` have 4097 bytes together, and Lambda takes 4096",
    );
    app(
        "components = [\"api\", \"worker\"]",
        "components.api.in.prd.timeout_s = 3",
        "unknown-reference: there is no environment `prd`",
    );
    app(
        "components = [\"api\", \"worker\"]",
        "components.api.in.prod.timeout_s = 0",
        "bad-value: `timeout_s` is 0, and must be at least 1",
    );
    app(
        "components = [\"api\", \"worker\"]",
        "components.api.in.prod.rate_limit = 1",
        "unknown-key: unknown key `rate_limit`",
    );
}

#[test]
fn values_from_a_variables_file() {
    let text = with("on = { tag = \"v*.*.*\" }", "memory_mb = { tfvar = \"memory\" }");
    let facts = |name: &str, value: &str| Facts {
        tfvars: BTreeMap::from([("prod".to_owned(), BTreeMap::from([(name.to_owned(), value.to_owned())]))]),
    };
    assert_eq!(told_with(&text, &facts("memory", "1024")), Vec::<String>::new());
    assert_eq!(
        told_with(&text, &facts("memory", "big")),
        ["13 no-tfvar: `memory_mb` must be a whole number, and in `prod` the variable is `big`"]
    );
    assert_eq!(
        told_with(&text, &facts("memry", "1")),
        ["13 no-tfvar: the variables file of `prod` does not set `memory`"]
    );
    assert_eq!(told_with(&text, &facts("memory", "1")), ["13 bad-value: `memory_mb` is 1, and must be at least 128"]);
    prod("memory_mb = {}", "missing-key: `tfvar` is missing in `memory_mb`");
}

#[test]
fn apps() {
    let image = "image = { dockerfile = \"Dockerfile\" }";
    app(image, "", "missing-key: `image` is missing in `shop`");
    app(image, "image = {}", "missing-key: it is not said what the image is made from");
    app(image, "image = { builder = \"files\" }", "missing-key: no file is named for the image");
    app(image, "image = { files = [] }", "missing-key: no file is named for the image");
    app(
        image,
        "image = { builder = \"docker\", files = [] }",
        "choose-one: `files` are put together without a container engine",
    );
    app(image, "image = { dockerfile = \"D\", run = \"make\" }", "choose-one: `run` belongs to images from `files`");
    app(
        image,
        "image = { files = [{ from = \"a\", to = \"/a\" }], target = \"x\" }",
        "choose-one: `target` belongs to images from a Dockerfile",
    );
    app(image, "image = { dockerfile = \"../D\" }", "bad-value: `../D` is not a path in the repository");
    app(
        image,
        "image = { files = [{ from = \"a\", to = \"b\" }] }",
        "bad-value: `b` is not an absolute path in the image",
    );
    app(
        image,
        "image = { files = [{ from = \"a\", to = \"/b\" }, { from = \"c\", to = \"/b\" }] }",
        "duplicate: two files stand at `/b`",
    );
    app(
        image,
        "image = { dockerfile = \"D\", repository = \"A\" }",
        "bad-name: `A` can't be a repository: it has 1 characters, and ECR wants at least 2",
    );
    app(
        image,
        "image = { dockerfile = \"D\", builder = \"kaniko\" }",
        "bad-value: `kaniko` is not a value of `builder`",
    );
    app("paths = [\"src/**\"]", "paths = [\"!src/**\"]", "bad-value: these paths match no file");
    app("paths = [\"src/**\"]", "paths = [\"../**\"]", "bad-value: a source can't reach out of the repository");
    app("paths = [\"src/**\"]", "paths = \"src/**\"", "wrong-type: `paths` is text, expected a list");
    app("[\"api\", \"worker\"]", "[]", "missing-key: the app has no component");
    app("[\"api\", \"worker\"]", "[\"api\", \"api\"]", "duplicate: there are two components `api`");
    app(
        "components = [\"api\", \"worker\"]",
        "components.api.route = \"api\"",
        "bad-value: `api` is not the beginning of a path",
    );
    let routes = "components = { api = { route = \"/x\" }, worker = { route = \"/x/\" } }";
    app("components = [\"api\", \"worker\"]", routes, "duplicate: two components have the route `/x/`");
}

#[test]
fn gates() {
    gate("at = \"live\"", "choose-one: it is not said what the gate checks");
    gate("at = \"live\"\nhttp = \"/x\"\ncommand = \"x\"", "choose-one: the gate checks several things");
    gate("command = \"x\"", "missing-key: it is not said where the gate stands");
    gate("at = \"live\"\ncommand = \"\"", "bad-value: the command is empty");
    gate("at = \"live\"\ncommand = []", "bad-value: the command is empty");
    gate(
        "at = \"live\"\ncommand = \"pytest | tee log\"",
        "bad-value: no shell reads this command, so `|` means nothing",
    );
    gate("at = \"live\"\ncommand = \"pytest 'a\"", "bad-value: a quote in this command is not closed");
    gate("at = \"live\"\napproval = 1", "bad-value: approvals and windows stand at `before`");
    gate("approval = 0", "bad-value: 0 is not a number of approvals");
    gate("window = []", "bad-value: no time is named");
    gate(
        "at = \"before\"\ninvoke = { component = \"api\" }",
        "bad-value: a function can't be invoked before the new code is there",
    );
    gate("at = \"staged\"\ninvoke = { component = \"api\", path = \"x\" }", "bad-value: `x` is not a path");
    gate(
        "at = \"staged\"\ninvoke = { component = \"api\", method = \"G T\" }",
        "bad-value: `G T` is not an HTTP method",
    );
    gate("at = \"staged\"\ninvoke = { component = \"api\", expect = 700 }", "bad-value: 700 is not an HTTP status");
    gate(
        "at = \"staged\"\ninvoke = { component = \"api\", expect = { json = { \"a.b\" = 1 } } }",
        "bad-value: `a.b` is not a JSON pointer",
    );
    gate(
        "at = \"staged\"\ninvoke = { component = \"api\", payload = 2026-01-01 }",
        "wrong-type: `payload` holds a date, which JSON does not have",
    );
    gate("at = \"published\"\nhttp = \"/x\"", "bad-value: at `published` the door still leads to the release before");
    gate("at = \"live\"\nhttp = \"x\"", "bad-value: `x` is neither a URL nor a path");
    gate("at = \"live\"\nhttp = \"/x\"\nin = []", "bad-value: the gate holds in no environment");
    gate(
        "at = \"live\"\nhttp = \"/x\"\nin = [\"dev\"]\neffect = { prod = \"advise\" }",
        "unknown-reference: the gate does not hold in `prod`",
    );
    gate(
        "at = \"live\"\nhttp = \"/x\"\neffect = { prd = \"advise\" }",
        "unknown-reference: there is no environment `prd`",
    );
    gate("at = \"live\"\nhttp = \"/x\"\neffect = \"stop\"", "bad-value: `stop` is not a value of `effect`");
    gate("at = \"live\"\nhttp = \"/x\"\ntimeout = \"200h\"", "bad-value: `200h` is longer than a week");
    gate("at = \"live\"\nhttp = \"/x\"\nretries = -1", "bad-value: -1 is not a number of retries");
    gate(
        "at = \"live\"\nhttp = \"/x\"\n[[apps.shop.gates]]\nname = \"g\"\nat = \"live\"\nhttp = \"/x\"",
        "duplicate: there are two gates `g`",
    );
    gate(
        "at = \"live\"\nhttp = \"/x\"\n[[apps.shop.gates]]\nname = \"approvals\"\nat = \"live\"\nhttp = \"/x\"",
        "reserved-name: a gate can't be called `approvals`",
    );
}

#[test]
fn what_was_only_written_wrong_is_not_called_missing_too() {
    let found =
        told(&with("on = { tag = \"v*.*.*\" }", "on = { tga = \"v1\" }\naccount = 1\nregion = \"eu-central-1\""));
    assert_eq!(
        found,
        ["13 unknown-key: unknown key `tga`", "14 wrong-type: `account` is a whole number, expected text"]
    );
    let found = told(&format!("{GOOD}\n[[apps.shop.gates]]\nname = \"g\"\nat = \"stagd\"\ncomand = \"x\"\n"));
    assert_eq!(found, ["22 bad-value: `stagd` is not a value of `at`", "23 unknown-key: unknown key `comand`"]);
}

#[test]
fn what_is_accepted_needs_a_rule_a_reason_and_a_path_in_the_repository() {
    let check = |lines: &str, expected: &str| {
        let found = told(&format!("{GOOD}\n[check]\n{lines}\n"));
        assert!(found.iter().any(|problem| problem.ends_with(expected)), "{lines}\n{found:#?}");
    };
    check("ignore = [{ rule = \"name-collides\" }]", "missing-key: `reason` is missing in an entry of `ignore`");
    check("ignore = [{ reason = \"so it is\" }]", "missing-key: `rule` is missing in an entry of `ignore`");
    check("ignore = [{ rule = \"name-collides\", reason = \" \" }]", "bad-value: the reason is empty");
    check("leave_out = [\"/etc\"]", "bad-value: expected a path in the repository");
    check("leave_out = [\"../other\"]", "bad-value: expected a path in the repository");
    check("baseline = \"\"", "bad-value: expected a path in the repository");
}
