//! What a good file resolves to.

use std::collections::BTreeMap;

use tiers_core::config::{self, Facts, Image, Ledger, MatchedBy, Place, Project, RefKind, Shift, WayBack};
use tiers_core::gate::{At, Check, Effect};
use tiers_core::id::{App, Component, Env};

use super::{GOOD, with};

fn project(text: &str) -> Project {
    project_with(text, &Facts::default())
}

fn project_with(text: &str, facts: &Facts) -> Project {
    match config::load("tiers.toml", text, facts) {
        Ok(loaded) => loaded.project,
        Err(problems) => panic!("{}", tiers_core::problem::render(&problems, text, false)),
    }
}

fn names<'a>(environments: impl IntoIterator<Item = &'a config::Environment>) -> Vec<&'a str> {
    environments.into_iter().map(|environment| environment.name.as_str()).collect()
}

#[test]
fn what_is_not_said_has_the_documented_defaults() {
    let project = project(GOOD);
    assert_eq!(project.ledger, Ledger::Folder(".tiers/ledger".into()));
    assert_eq!(project.policy, None);
    assert!(project.policy_meaning().contains("the commit that is being deployed"));
    let prod = project.env(&Env::from("prod")).unwrap();
    assert_eq!((&prod.place, &prod.shift, prod.way_back), (&Place::Local, &Shift::AllAtOnce, WayBack::Required));
    let dev = project.env(&Env::from("dev")).unwrap();
    assert_eq!(dev.way_back, WayBack::Optional, "releases begin here");
    assert_eq!((dev.settings.memory_mb, dev.settings.timeout_s), (128, 3), "Lambda's own");
    assert_eq!(project.component_name(&Env::from("prod"), &Component::from("worker")), Some("shop-worker-prod"));
    assert_eq!(project.component_name(&Env::from("qa"), &Component::from("worker")), None);
    let (_, api) = project.component(&Component::from("api")).unwrap();
    assert_eq!(api.route.as_deref(), Some("/"), "the first component of the only app takes all calls");
}

#[test]
fn environments_stand_behind_those_they_come_after_and_otherwise_as_written() {
    let text = "project = \"p\"\n[environments.prod]\nafter = [\"eu\", \"us\"]\n[environments.us]\nafter = [\"dev\"]\n\
                [environments.eu]\nafter = [\"dev\"]\n[environments.dev]\n";
    let project = project(text);
    assert_eq!(names(&project.environments), ["dev", "us", "eu", "prod"]);
    assert_eq!(names(project.upstream(&Env::from("prod"))), ["dev", "us", "eu"]);
    assert_eq!(names(project.upstream(&Env::from("us"))), ["dev"]);
    assert_eq!(names(project.followers(&Env::from("dev"))), ["us", "eu"]);
}

#[test]
fn a_pushed_ref_finds_the_environments_it_concerns_and_why() {
    let text = with("on = { branch = \"main\" }", "on = { branch = \"main\" }\nentry = { branch = \"hotfix/*\" }");
    let project = project(&text);
    let matched = |kind, name| -> Vec<(String, MatchedBy)> {
        let found = project.environments_for(kind, name);
        found.into_iter().map(|found| (found.environment.name.to_string(), found.by)).collect()
    };
    assert_eq!(matched(RefKind::Branch, "main"), [("staging".into(), MatchedBy::On)]);
    assert_eq!(matched(RefKind::Branch, "hotfix/1"), [("staging".into(), MatchedBy::Entry)]);
    assert_eq!(matched(RefKind::Tag, "v1.0.0"), [("prod".into(), MatchedBy::On)]);
    assert_eq!(matched(RefKind::Branch, "v1.0.0"), [], "a branch that is called like a tag is no tag");
    assert_eq!(matched(RefKind::Tag, "hotfix/1"), []);
}

#[test]
fn a_cascade_is_found_from_the_environment_that_verifies() {
    let project = project(&with("on = { branch = \"main\" }", "on = { verified = \"dev\" }"));
    assert_eq!(names(project.cascades_from(&Env::from("dev"))), ["staging"]);
    assert_eq!(names(project.cascades_from(&Env::from("staging"))), Vec::<&str>::new());
}

#[test]
fn settings_of_a_component_stand_on_top_of_those_of_the_environment() {
    let text = with(
        "on = { tag = \"v*.*.*\" }",
        "memory_mb = 1024\ntimeout_s = 30\nrate_limit = 100\nvariables = { AA = \"1\", BB = \"2\" }",
    )
    .replace(
        "components = [\"api\", \"worker\"]",
        "components.worker.in.prod = { timeout_s = 300, variables = { BB = \"3\" } }\ncomponents.api.route = \"/api/\"",
    );
    let project = project(&text);
    let prod = Env::from("prod");
    let worker = project.settings(&prod, &Component::from("worker")).unwrap();
    assert_eq!((worker.memory_mb, worker.timeout_s), (1024, 300));
    assert_eq!(worker.variables, BTreeMap::from([("AA".into(), "1".into()), ("BB".into(), "3".into())]));
    assert_eq!(project.settings(&prod, &Component::from("api")).unwrap().timeout_s, 30);
    assert_eq!(project.env(&prod).unwrap().burst, Some(200), "twice the rate");
    let order: Vec<_> = project.apps[0].components.iter().map(|c| (c.name.as_str(), c.route.as_deref())).collect();
    assert_eq!(order, [("worker", None), ("api", Some("/api"))], "as written");
}

#[test]
fn a_setting_from_the_variables_file_is_filled_in() {
    let text = with("on = { tag = \"v*.*.*\" }", "memory_mb = { tfvar = \"memory\" }\nvariables = { LEVEL = { tfvar = \"level\" } }")
        .replace("project = \"shop\"", "project = \"shop\"\n[terraform]\nroot = \"terraform/\"\nvar_file = \"envs/{environment}/terraform.tfvars\"\nbackend = \"envs/{environment}/backend.hcl\"");
    let files = BTreeMap::from([("prod".to_owned(), "terraform/envs/prod/terraform.tfvars".to_owned())]);
    assert_eq!(config::tfvars_files(&text), files, "only where a setting asks for it");
    let values = BTreeMap::from([("memory".to_owned(), "2048".to_owned()), ("level".to_owned(), "warn".to_owned())]);
    let facts = Facts { tfvars: BTreeMap::from([("prod".to_owned(), values)]) };
    let project = project_with(&text, &facts);
    let settings = &project.env(&Env::from("prod")).unwrap().settings;
    assert_eq!((settings.memory_mb, settings.variables["LEVEL"].as_str()), (2048, "warn"));
}

const GATES: &str = r#"
[[apps.shop.gates]]
name = "e2e"
at = "live"
in = ["staging"]
command = "pytest tests/e2e -k 'fast and small'"
timeout = "20m"
retries = 2
retry_after = "500ms"

[[apps.shop.gates]]
name = "smoke"
at = "staged"
invoke = { component = "api", path = "/health", method = "get", expect = { status = [200, 204], json = { "/ok" = true } } }
effect = { dev = "withhold" }
"#;

#[test]
fn gates_are_resolved_per_environment_in_the_order_in_which_they_run() {
    let text = with(
        "on = { branch = \"main\" }",
        "approvals = 2\nfreezes = [{ from = \"2026-12-20\", until = \"2027-01-02\", zone = \"UTC\", why = \"end of year\" }]",
    );
    let project = project(&format!("{text}{GATES}"));
    let shop = App::from("shop");
    let gates = |env: &str| project.gates(&Env::from(env), &shop).to_vec();
    let order: Vec<_> = gates("staging").into_iter().map(|gate| (gate.name, gate.at, gate.effect)).collect();
    assert_eq!(
        order,
        [
            ("freezes".to_owned(), At::Before, Effect::Block),
            ("approvals".to_owned(), At::Before, Effect::Block),
            ("smoke".to_owned(), At::Staged, Effect::Block),
            ("e2e".to_owned(), At::Live, Effect::Block),
        ]
    );
    assert_eq!(gates("dev").into_iter().map(|gate| gate.effect).collect::<Vec<_>>(), [Effect::Withhold]);
    assert_eq!(gates("prod").len(), 1);
    let e2e = &gates("staging")[3];
    assert_eq!((e2e.timeout_s, e2e.retries, e2e.retry_after_ms), (1200, 2, 500));
    let Check::Command { program, .. } = &e2e.check else { panic!("{e2e:?}") };
    assert_eq!(program, &["pytest", "tests/e2e", "-k", "fast and small"]);
    let Check::Invoke { request, expect, .. } = &gates("dev")[0].check else { panic!("{:?}", gates("dev")) };
    assert_eq!((request.method.as_str(), request.path.as_deref()), ("GET", Some("/health")));
    assert_eq!((expect.status.as_slice(), &expect.json["/ok"]), (&[200, 204][..], &serde_json::Value::Bool(true)));
}

#[test]
fn the_policy_hash_changes_with_gates_approvals_and_keys_and_with_nothing_else() {
    let hash = |text: &str| project(text).policy_hash();
    let base = hash(&format!("{GOOD}{GATES}"));
    assert_eq!(hash(&format!("# a comment\n{GOOD}{GATES}")), base);
    assert_eq!(hash(&format!("{}{GATES}", GOOD.replace("src/**", "lib/**"))), base, "paths are no policy");
    let terraform = "[terraform]\nroot = \"infra/{environment}\"\napplied_first = \"required\"\n";
    assert_eq!(hash(&format!("{GOOD}{GATES}\n{terraform}")), base, "as without the word");
    let key = format!("project = \"shop\"\nkeys.alice = \"ed25519:{}\"", "ab".repeat(32));
    for changed in [
        format!("{GOOD}{}", GATES.replace("withhold", "advise")),
        format!("{GOOD}{}", GATES.replace("200, 204", "200")),
        format!("{}{GATES}", with("on = { tag = \"v*.*.*\" }", "approvals = 1")),
        format!("{}{GATES}", with("after = [\"staging\"]", "after = [\"dev\"]")),
        format!("{}{GATES}", with("on = { branch = \"main\" }", "rollback = \"manual\"")),
        format!("{}{GATES}", with("on = { branch = \"main\" }", "url = \"https://a.example\"")),
        format!("{}{GATES}", with("on = { branch = \"main\" }", "entry = { branch = \"hotfix/*\" }")),
        format!("{}{GATES}", with("project = \"shop\"", &key)),
        format!("{GOOD}{GATES}\n[terraform]\nroot = \"infra/{{environment}}\"\napplied_first = \"optional\"\n"),
    ] {
        assert_ne!(hash(&changed), base, "{changed}");
    }
}

#[test]
fn the_hash_of_gates_is_that_of_one_app_in_one_environment() {
    let (env, shop) = (Env::from("staging"), App::from("shop"));
    let hash = |text: &str| project(text).gates_hash(&env, &shop);
    let base = hash(&format!("{GOOD}{GATES}"));
    assert_eq!(
        hash(&format!("{GOOD}{}", GATES.replace("dev = \"withhold\"", "dev = \"advise\""))),
        base,
        "dev's affair"
    );
    assert_ne!(hash(&format!("{GOOD}{}", GATES.replace("20m", "21m"))), base);
    assert_eq!(
        base.as_str(),
        "sha256:4fe035502e9a02f8d62da89146ae0e4c1887e1905d120b840c4167822f04134f",
        "stored with evidence, so that it must not change by itself"
    );
}

#[test]
fn an_image_from_files_and_one_from_a_dockerfile_are_told_apart() {
    let files = "image = { files = [{ from = \"out/app\", to = \"/app\" }], run = \"make out/app\", entrypoint = \"/app\", architecture = \"arm64\" }";
    let project = project(&with("image = { dockerfile = \"Dockerfile\" }", files));
    let Image::Files { repository, run, entrypoint, .. } = &project.apps[0].image else { panic!("{project:?}") };
    assert_eq!((repository.as_str(), entrypoint.as_slice()), ("shop", &["/app".to_owned()][..]));
    assert_eq!(run, &["make", "out/app"]);
    assert_eq!(project.apps[0].image.architecture().as_oci(), "arm64");
}

#[test]
fn a_project_survives_its_json() {
    let project = project(&format!("{GOOD}{GATES}"));
    let json = serde_json::to_string(&project).unwrap();
    assert_eq!(serde_json::from_str::<Project>(&json).unwrap(), project);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_nothing_special() {
    let text = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(project(&text), project(GOOD));
}

#[test]
fn accepted_findings_are_listed_with_their_reasons() {
    let text = format!(
        "{GOOD}\n[check]\nleave_out = [\"examples\"]\nbaseline = \"known.json\"\n\
         ignore = [{{ rule = \"name-collides\", reason = \"two accounts\" }}, {{ rule = \"tag-missing\", path = \"old/**\", reason = \"goes away\" }}]\n"
    );
    let check = project(&text).check;
    assert_eq!((check.leave_out, check.baseline.as_deref()), (vec!["examples".to_owned()], Some("known.json")));
    let ignored: Vec<_> = check.ignore.iter().map(|entry| (entry.rule.as_str(), entry.path.as_str())).collect();
    assert_eq!(ignored, [("name-collides", ""), ("tag-missing", "old/**")]);
    assert_eq!(project(GOOD).check, config::Check::default());
}
