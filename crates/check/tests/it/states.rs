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
