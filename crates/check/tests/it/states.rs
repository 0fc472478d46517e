//! Who keeps which state: the wrong line is shown, once, and a store that lies elsewhere is no wrong state.

use tiers_check::{FileTree, Options, Severity, check};

/// `severity rule path:line message` of everything that isolation says of whose state it is.
fn said(listing: &str) -> Vec<String> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    let of_states = report.findings.iter().filter(|it| matches!(it.rule, "state-shared" | "backend-names-other"));
    of_states
        .map(|it| format!("{} {} {}:{} {}", it.severity.as_str(), it.rule, it.at.path, it.at.line, it.message))
        .collect()
}

/// A shared root with a backend file for each environment.
fn files(files: &[(&str, &str)]) -> String {
    let mut out =
        "--- main.tf\nterraform {\n  backend \"s3\" {\n    encrypt      = true\n    use_lockfile = true\n  }\n}\n"
            .to_string();
    for (environment, settings) in files {
        out.push_str(&format!("--- envs/{environment}/backend.hcl\n{}\n", settings.replace("; ", "\n")));
    }
    out
}

#[test]
fn an_environment_may_keep_its_state_in_the_account_of_a_later_one() {
    let two_accounts = [
        ("dev", "bucket = \"acme-nonprod-tfstate\"; key = \"app/dev.tfstate\"; profile = \"acme-nonprod\""),
        ("uat", "bucket = \"acme-nonprod-tfstate\"; key = \"app/uat.tfstate\"; profile = \"acme-nonprod\""),
        ("preprod", "bucket = \"acme-prod-tfstate\"; key = \"app/preprod.tfstate\"; profile = \"acme-prod\""),
        ("prod", "bucket = \"acme-prod-tfstate\"; key = \"app/prod.tfstate\"; profile = \"acme-prod\""),
    ];
    assert_eq!(said(&files(&two_accounts)), Vec::<String>::new());
    let wrong_way = [
        ("dev", "bucket = \"acme-dev-tfstate\"; key = \"app/dev.tfstate\""),
        ("staging", "bucket = \"acme-staging-tfstate\"; key = \"app/staging.tfstate\""),
        ("prod", "bucket = \"acme-staging-tfstate\"; key = \"app/prod.tfstate\""),
    ];
    assert_eq!(
        said(&files(&wrong_way)),
        [
            "warning backend-names-other envs/prod/backend.hcl:1 the backend of prod names staging: bucket is \"acme-staging-tfstate\""
        ]
    );
}

#[test]
fn one_wrong_line_is_one_finding_at_that_line() {
    let copied = [
        ("staging", "bucket = \"b\"; key = \"app/staging.tfstate\""),
        ("prod", "bucket = \"b\"; key = \"app/staging.tfstate\""),
    ];
    assert_eq!(
        said(&files(&copied)),
        ["error state-shared envs/prod/backend.hcl:2 staging and prod keep one state: s3 b/app/staging.tfstate"]
    );
}

#[test]
fn where_layers_share_a_file_the_wrong_bucket_in_it_is_said_once() {
    let layer = |name: &str| {
        format!(
            "--- layers/{name}/main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"x\" {{}}\nresource \"aws_sqs_queue\" \"q\" {{}}\n\
             --- layers/{name}/backend.hcl\nkey = \"{name}.tfstate\"\n"
        )
    };
    let bucket = |of: &str, bucket: &str| {
        format!(
            "--- envs/{of}/backend.hcl\nbucket = \"{bucket}\"\nregion = \"r\"\n--- envs/{of}/net.tfvars\nx = 1\n--- envs/{of}/app.tfvars\nx = 1\n"
        )
    };
    let tree = [layer("net"), layer("app"), bucket("test", "acme-test"), bucket("prod", "acme-test")].concat();
    assert_eq!(
        said(&tree),
        [
            "error state-shared envs/prod/backend.hcl:1 test (layers/app) and prod (layers/app) keep one state: s3 acme-test/app.tfstate; the same line does it in layers/net"
        ]
    );
    let report = check(&FileTree::from_listing(&tree), &Options::default());
    let shared = report.findings.iter().find(|it| it.rule == "state-shared").expect("said above");
    assert_eq!(shared.severity, Severity::Error);
    let related: Vec<(&str, usize)> = shared.related.iter().map(|it| (it.at.path.as_str(), it.at.line)).collect();
    assert_eq!(related, [("envs/test/backend.hcl", 1)]);
}

/// A root with an empty block, a file for all environments and one for each.
fn merged(common: (&str, &str), dev: &str, prod: &str, script: &str) -> String {
    let lines = |settings: &str| settings.replace("; ", "\n");
    format!(
        "--- main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nresource \"aws_sqs_queue\" \"q\" {{}}\n--- {}\n{}\n\
         --- config/dev.hcl\n{}\n--- config/prod.hcl\n{}\n--- init.sh\n{script}\n",
        common.0,
        lines(common.1),
        lines(dev),
        lines(prod)
    )
}

fn rules(listing: &str) -> Vec<String> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    let of_states =
        report.findings.iter().filter(|it| it.rule.starts_with("state-") || it.rule.starts_with("backend-"));
    of_states.map(|it| format!("{} {}:{}", it.rule, it.at.path, it.at.line)).collect()
}

#[test]
fn a_file_of_an_environment_wins_over_one_for_all_of_them() {
    let common = "bucket = \"acme\"; key = \"app.tfstate\"; region = \"r\"; use_lockfile = true; encrypt = true";
    let own = |of: &str| format!("key = \"app/{of}.tfstate\"; bucket = \"acme\"");
    for name in ["config/common.hcl", "backend-common.hcl", "backend.hcl"] {
        assert_eq!(rules(&merged((name, common), &own("dev"), &own("prod"), "")), [""; 0], "{name}");
        // One is left out, so that both have what stands in the file for all.
        let one = "region = \"r\"; bucket = \"acme\"";
        assert_eq!(rules(&merged((name, common), one, one, "")), ["state-shared config/dev.hcl:2"], "{name}");
    }
    let off = "bucket = \"acme\"; encrypt = true; use_lockfile = true";
    let prod = "key = \"app/prod.tfstate\"; encrypt = false";
    assert_eq!(
        rules(&merged(("config/common.hcl", off), &own("dev"), prod, "")),
        ["state-unencrypted config/prod.hcl:2"]
    );
}

#[test]
fn the_order_of_a_command_counts_before_the_names_of_the_files() {
    let common = "bucket = \"acme\"; key = \"app.tfstate\"; use_lockfile = true; encrypt = true";
    let own = |of: &str| format!("key = \"app/{of}.tfstate\"");
    let tree = |script: &str| merged(("config/common.hcl", common), &own("dev"), &own("prod"), script);
    let init = "terraform init -backend-config=";
    let usual = format!("{init}config/common.hcl -backend-config=config/$ENV.hcl");
    assert_eq!(rules(&tree(&usual)), [""; 0]);
    let reversed = format!("{init}config/$ENV.hcl -backend-config=config/common.hcl");
    assert_eq!(rules(&tree(&reversed)), ["state-shared config/common.hcl:2"]);
}

#[test]
fn two_files_of_one_rank_that_disagree_leave_the_state_open() {
    let common = "bucket = \"acme\"; encrypt = true; use_lockfile = true";
    let mut tree = merged(("config/common.hcl", common), "key = \"k\"", "key = \"k\"", "");
    assert_eq!(rules(&tree), ["state-shared config/dev.hcl:1"]);
    tree.push_str("--- prod.backend.hcl\nkey = \"other\"\n");
    assert_eq!(rules(&tree), [""; 0]);
}

#[test]
fn the_old_and_the_new_spelling_of_one_place_are_one_state() {
    let dev = "key = \"k\"; endpoint = \"http://minio:9000\"";
    let common = ("config/common.hcl", "bucket = \"acme\"; encrypt = true; use_lockfile = true");
    let prod = |endpoint: &str| format!("key = \"/k\"; endpoints = {{ s3 = \"{endpoint}\" }}");
    assert_eq!(rules(&merged(common, dev, &prod("http://minio:9000/"), "")), ["state-shared config/dev.hcl:1"]);
    assert_eq!(rules(&merged(common, dev, &prod("http://other:9000"), "")), [""; 0]);
}

#[test]
fn local_states_are_told_by_their_paths() {
    let root = |of: &str, path: &str| {
        format!(
            "--- envs/{of}/main.tf\nterraform {{\n  backend \"local\" {{\n    path = \"{path}\"\n  }}\n}}\nresource \"aws_sqs_queue\" \"q\" {{}}\n"
        )
    };
    let shared = |dev: &str, prod: &str| {
        let found = rules(&[root("dev", dev), root("prod", prod)].concat());
        found.into_iter().filter(|rule| rule.starts_with("state-shared")).collect::<Vec<_>>()
    };
    assert_eq!(shared("../x.tfstate", "../../envs/x.tfstate"), ["state-shared envs/dev/main.tf:3"]);
    assert_eq!(shared("x.tfstate", "x.tfstate"), [""; 0]);
    // That a shared root keeps one file for all is said once.
    let one = |dev: &str, prod: &str| {
        let tree = merged(("x.md", ""), dev, prod, "").replace("\"s3\" {}", "\"local\" {}");
        let tree = tree.replace("config/", "backend-");
        let report = check(&FileTree::from_listing(&tree), &Options::default());
        let found = report.findings.iter().filter(|it| it.rule.starts_with("state-"));
        found.map(|it| it.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        one("path = \"a.tfstate\"", "path = \"a.tfstate\""),
        [". keeps its state in a local file, one for all of dev, prod"]
    );
    assert_eq!(one("path = \"a.tfstate\"", "path = \"b.tfstate\""), [". keeps its state in a local file"]);
}

/// Three environments that name themselves in key and bucket, with one more setting each.
fn with(dev: &str, staging: &str, prod: &str) -> Vec<String> {
    let own = |of: &str, more: &str| format!("bucket = \"acme-{of}\"; key = \"app/{of}.tfstate\"; {more}");
    said(&files(&[("dev", &own("dev", dev)), ("staging", &own("staging", staging)), ("prod", &own("prod", prod))]))
}

#[test]
fn a_profile_or_role_of_another_environment_is_an_error_in_production_alone() {
    for name in ["profile", "role_arn"] {
        let of = |environment: &str| format!("{name} = \"acme-{environment}\"");
        let line = |severity: &str, own: &str, other: &str| {
            format!(
                "{severity} backend-names-other envs/{own}/backend.hcl:3 the backend of {own} names {other}: {name} is \"acme-{other}\""
            )
        };
        assert_eq!(with(&of("dev"), &of("staging"), &of("prod")), [""; 0]);
        assert_eq!(with(&of("dev"), &of("staging"), &of("staging")), [line("error", "prod", "staging")]);
        assert_eq!(with(&of("dev"), "", &of("dev")), [line("warning", "prod", "dev")]);
        assert_eq!(with(&of("dev"), &of("dev"), &of("prod")), [line("warning", "staging", "dev")]);
        // Its account may keep the states of those before it.
        assert_eq!(with(&of("prod"), &of("prod"), &of("prod")), [""; 0]);
        assert_eq!(with(&of("staging"), &of("staging"), &of("prod")), [""; 0]);
    }
    let role = |of: &str| format!("assume_role = {{ role_arn = \"arn:aws:iam::111122223333:role/tf-{of}\" }}");
    assert_eq!(
        with(&role("dev"), &role("staging"), &role("dev")),
        [
            "error backend-names-other envs/prod/backend.hcl:3 the backend of prod names dev: assume_role.role_arn is \"arn:aws:iam::111122223333:role/tf-dev\""
        ]
    );
}

#[test]
fn a_lock_table_or_a_prefix_of_workspaces_is_a_warning() {
    for name in ["dynamodb_table", "workspace_key_prefix"] {
        let of = |environment: &str| format!("{name} = \"tf-{environment}\"");
        let told = format!(
            "warning backend-names-other envs/prod/backend.hcl:3 the backend of prod names staging: {name} is \"tf-staging\""
        );
        assert_eq!(with(&of("dev"), &of("staging"), &of("staging")), [told]);
        assert_eq!(with(&of("dev"), &of("staging"), &of("prod")), [""; 0]);
        assert_eq!(with(&of("app"), &of("app"), &of("app")), [""; 0]);
    }
    // A prefix says nothing of the state of the default workspace, so that the key decides.
    let own = |of: &str, key: &str| {
        format!("bucket = \"acme\"; key = \"app/{key}.tfstate\"; workspace_key_prefix = \"{of}\"; region = \"{of}\"")
    };
    let (staging, prod) = (own("staging", "staging"), own("prod", "dev"));
    assert_eq!(
        said(&files(&[("dev", "bucket = \"acme\"; key = \"dev.tfstate\""), ("staging", &staging), ("prod", &prod)])),
        ["error backend-names-other envs/prod/backend.hcl:2 the backend of prod names dev: key is \"app/dev.tfstate\""]
    );
}

#[test]
fn the_name_of_a_workspace_that_a_service_keeps_is_an_address() {
    let root = |of: &str, workspace: &str| {
        format!(
            "--- envs/{of}/main.tf\nterraform {{\n  cloud {{\n    organization = \"acme\"\n    workspaces {{\n      name = \"{workspace}\"\n    }}\n  }}\n}}\nresource \"aws_sqs_queue\" \"q\" {{}}\n"
        )
    };
    let tree = |prod: &str| [root("dev", "shop-dev"), root("prod", prod)].concat();
    assert_eq!(said(&tree("shop-prod")), [""; 0]);
    assert_eq!(
        said(&tree("web-dev")),
        ["error backend-names-other envs/prod/main.tf:5 the backend of prod names dev: workspaces.name is \"web-dev\""]
    );
}

#[test]
fn a_copied_prefix_is_shown_in_both_files_and_a_lock_that_is_off_on_its_line() {
    let gcs = |staging: &str| {
        let main = "--- main.tf\nterraform {\n  backend \"gcs\" {}\n}\nresource \"google_pubsub_topic\" \"t\" {}\n";
        let file = |env: &str, prefix: &str| {
            format!("--- envs/{env}/backend.hcl\nbucket = \"b\"\nprefix = \"app/{prefix}\"\n")
        };
        format!("{main}{}{}", file("staging", staging), file("prod", "prod"))
    };
    let lines = |listing: &str, rule: &str| -> Vec<Vec<String>> {
        let report = check(&FileTree::from_listing(listing), &Options::default());
        let found = report.findings.iter().filter(|it| it.rule == rule);
        let places = |it: &tiers_check::Finding| {
            let own = std::iter::once(&it.at).chain(it.related.iter().map(|related| &related.at));
            own.map(|at| format!("{}:{}", at.path, at.line)).collect()
        };
        found.map(places).collect()
    };
    assert_eq!(
        lines(&gcs("prod"), "state-shared"),
        [["envs/staging/backend.hcl:2".to_string(), "envs/prod/backend.hcl:2".to_string()]]
    );
    assert_eq!(lines(&gcs("staging"), "state-shared").len(), 0);
    let lock = |setting: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nresource \"aws_sqs_queue\" \"q\" {{}}\n\
             --- envs/dev/backend.hcl\nbucket = \"b\"\nkey = \"dev\"\n{setting}\n--- envs/prod/backend.hcl\nbucket = \"b\"\nkey = \"prod\"\nuse_lockfile = true\n"
        )
    };
    let first = |setting: &str| lines(&lock(setting), "state-lock-missing").first().map(|places| places[0].clone());
    assert_eq!(first("use_lockfile = false").as_deref(), Some("envs/dev/backend.hcl:3"));
    assert_eq!(first("encrypt = true").as_deref(), Some("envs/dev/backend.hcl:1"));
    assert_eq!(first("use_lockfile = true"), None);
}

#[test]
fn a_lock_that_is_switched_off_is_seen_whatever_else_is_unknown() {
    let tree = |prod: &str| {
        format!(
            "--- layers/app/main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\n--- vars/dev.tfvars\n--- vars/prod.tfvars\n\
             --- backend/common.hcl\nuse_lockfile = true\n--- backend/dev.hcl\nbucket = \"dev\"\n--- backend/prod.hcl\nbucket = \"prod\"\n{prod}\n\
             --- bin/tf.sh\ncd layers/$1\nterraform init -backend-config=../../backend/common.hcl -backend-config=../../backend/$2.hcl -backend-config=\"key=$1/terraform.tfstate\"\n\
             terraform plan -var-file=../../vars/$2.tfvars\n"
        )
    };
    let said = |prod: &str| -> Vec<String> {
        let report = check(&FileTree::from_listing(&tree(prod)), &Options::default());
        let findings = report.findings.iter().filter(|finding| finding.rule == "state-lock-missing");
        findings.map(|finding| format!("{}:{} {}", finding.at.path, finding.at.line, finding.message)).collect()
    };
    assert_eq!(said("use_lockfile = false"), ["backend/prod.hcl:2 nothing locks the state of prod"]);
    assert!(said("").is_empty());
    assert!(said("use_lockfile = false\ndynamodb_table = \"locks\"").is_empty());
}
