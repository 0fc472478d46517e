//! Whose account a value leads to: another environment's by a slip, or on purpose.

use tiers_check::{FileTree, Options, Severity, check};

/// What a rule says of a tree: each time its severity and place.
fn said(listing: &str, rule: &str) -> Vec<(Severity, String)> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    let findings = report.findings.iter().filter(|finding| finding.rule == rule);
    findings.map(|finding| (finding.severity, format!("{}:{}", finding.at.path, finding.at.line))).collect()
}

fn worst(listing: &str, rule: &str) -> Option<Severity> {
    said(listing, rule).into_iter().map(|(severity, _)| severity).max()
}

/// A root for each environment, with what its provider says.
fn roots(providers: &[(&str, &str)]) -> String {
    providers
        .iter()
        .map(|(env, provider)| {
            format!(
                "--- envs/{env}/main.tf\nterraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"{env}\"\n  }}\n}}\n\
                 provider \"aws\" {{\n  {provider}\n}}\nresource \"aws_sqs_queue\" \"q\" {{\n  name = \"q-{env}\"\n}}\n"
            )
        })
        .collect()
}

fn profiles(of: &[(&str, &str)]) -> String {
    let providers: Vec<(&str, String)> =
        of.iter().map(|(env, whose)| (*env, format!("profile = \"acme-{whose}\""))).collect();
    roots(&providers.iter().map(|(env, provider)| (*env, provider.as_str())).collect::<Vec<_>>())
}

#[test]
fn a_smaller_environment_may_live_in_the_account_of_its_neighbour() {
    for (guest, host) in [("sandbox", "dev"), ("uat", "staging"), ("preprod", "prod"), ("dr", "prod"), ("qa", "dev")] {
        let tree = profiles(&[("dev", "dev"), ("staging", "staging"), ("prod", "prod"), (guest, host)]);
        assert!(worst(&tree, "value-names-other") <= Some(Severity::Hint), "{guest} with {host}");
    }
    for (own, other) in [("prod", "staging"), ("staging", "dev"), ("dev", "prod")] {
        let all = ["dev", "staging", "prod"].map(|env| (env, if env == own { other } else { env }));
        assert_eq!(worst(&profiles(&all), "value-names-other"), Some(Severity::Error), "{own} with {other}");
    }
}

/// A shared root with values for each environment.
fn values(of: &[(&str, &str)]) -> String {
    let main = "--- main.tf\nterraform {\n  backend \"gcs\" {}\n}\nvariable \"aws_profile\" {}\nvariable \"vpc\" {}\n\
                provider \"aws\" {\n  profile = var.aws_profile\n}\noutput \"vpc\" {\n  value = var.vpc\n}\n";
    let files = of.iter().map(|(env, values)| format!("--- envs/{env}.tfvars\n{values}\n"));
    std::iter::once(main.to_string()).chain(files).collect()
}

#[test]
fn what_a_guest_takes_from_its_host_is_a_hint_and_a_value_of_another_for_no_reason_a_warning() {
    let of = |env: &str| format!("aws_profile = \"acme-{env}\"\nvpc = \"main-{env}\"");
    let tree = |uat: &str| {
        let staging = of("staging");
        values(&[("staging", &staging), ("prod", &of("prod")), ("uat", uat)])
    };
    assert_eq!(worst(&tree(&of("staging")), "value-names-other"), Some(Severity::Hint));
    assert_eq!(worst(&tree(&of("uat")), "value-names-other"), None);
    let slip = "aws_profile = \"acme-uat\"\nvpc = \"main-staging\"";
    assert_eq!(worst(&tree(slip), "value-names-other"), Some(Severity::Warning));
    assert_eq!(worst(&tree(&of("prod")), "value-names-other"), Some(Severity::Warning));
}

const DEV: &str = "111111111111";
const PROD: &str = "333333333333";

#[test]
fn a_provider_that_allows_the_account_of_another_is_an_error_where_both_accounts_are_known() {
    let allow = |account: &str| format!("allowed_account_ids = [\"{account}\"]");
    let tree = |prod: &str, more: &str| {
        let (dev, prod) = (allow(DEV), prod.to_string());
        format!("{}{more}", roots(&[("dev", &dev), ("prod", &prod)]))
    };
    let told = format!(
        "--- envs/prod/terraform.tfvars\naccount_id = \"{PROD}\"\n--- envs/prod/variables.tf\nvariable \"account_id\" {{}}\n"
    );
    let wrong = tree(&allow(DEV), &told);
    assert_eq!(said(&wrong, "value-names-other"), [(Severity::Error, "envs/prod/main.tf:8".to_string())], "{wrong}");
    let role = format!("assume_role {{\n    role_arn = \"arn:aws:iam::{DEV}:role/terraform\"\n  }}");
    assert_eq!(worst(&tree(&role, &told), "value-names-other"), Some(Severity::Error));
    for fine in [tree(&allow(PROD), &told), tree(&allow(DEV), "")] {
        assert_eq!(said(&fine, "value-names-other"), [], "{fine}");
    }
    // A list with its own account is a list of whom to trust.
    let both = format!("allowed_account_ids = [\"{DEV}\", \"{PROD}\"]");
    assert_eq!(said(&tree(&both, &told), "value-names-other"), []);
}

#[test]
fn accounts_are_known_from_the_variable_files_of_other_roots() {
    let network = |env: &str, account: &str| format!("--- network/{env}.tfvars\naccount_id = \"{account}\"\n");
    let tree = |dev: &str, prod: &str| {
        format!(
            "--- network/main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"account_id\" {{}}\noutput \"a\" {{\n  value = var.account_id\n}}\n{}{}\
             --- app/main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"key\" {{}}\nresource \"aws_s3_bucket\" \"b\" {{\n  tags = {{ key = var.key }}\n}}\n\
             --- app/dev.tfvars\nkey = \"arn:aws:kms:eu-west-1:{dev}:key/a\"\n--- app/prod.tfvars\nkey = \"arn:aws:kms:eu-west-1:{prod}:key/b\"\n",
            network("dev", DEV),
            network("prod", PROD)
        )
    };
    assert_eq!(said(&tree(DEV, DEV), "value-names-other"), [(Severity::Warning, "app/prod.tfvars:1".to_string())]);
    assert_eq!(said(&tree(DEV, PROD), "value-names-other"), []);
    // An account that is nobody's is kept for all.
    assert_eq!(said(&tree("999999999999", "999999999999"), "value-names-other"), []);
}

#[test]
fn an_account_in_shared_code_is_told_by_whose_it_is() {
    let tree = |account: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"account_id\" {{}}\nprovider \"aws\" {{\n  allowed_account_ids = [var.account_id]\n}}\n\
             resource \"aws_ssm_parameter\" \"p\" {{\n  name = \"/x/${{var.account_id}}\"\n  value = \"{account}\"\n}}\n\
             --- dev.tfvars\naccount_id = \"{DEV}\"\n--- prod.tfvars\naccount_id = \"{PROD}\"\n"
        )
    };
    assert_eq!(worst(&tree(PROD), "hard-coded-account"), Some(Severity::Warning));
    // A registry's account, say.
    assert_eq!(worst(&tree("999999999999"), "hard-coded-account"), Some(Severity::Hint));
    assert_eq!(worst(&tree("none"), "hard-coded-account"), None);
}

#[test]
fn a_door_to_productions_account_that_dev_has_too_is_no_slip() {
    let root = |own: &str, door: &str| {
        format!(
            "allowed_account_ids = [\"{own}\"]\n}}\nprovider \"aws\" {{\n  alias = \"dns\"\n  assume_role {{\n    role_arn = \"arn:aws:iam::{door}:role/dns\"\n  }}"
        )
    };
    let tree = |dev: &str, prod: &str| roots(&[("dev", &root(DEV, dev)), ("prod", &root(PROD, prod))]);
    assert_eq!(said(&tree(PROD, PROD), "value-names-other"), []);
    assert_eq!(worst(&tree(DEV, DEV), "value-names-other"), Some(Severity::Warning));
}

#[test]
fn accounts_that_a_file_of_data_holds_are_known_by_environment() {
    let tree = |file: &str, data: &str, function: &str, dev: &str| {
        format!(
            "--- infra/main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"environment\" {{}}\n\
             locals {{\n  accounts = {function}(file(\"${{path.module}}/{file}\"))\n  account_id = local.accounts[var.environment].id\n}}\n\
             provider \"aws\" {{\n  allowed_account_ids = [local.account_id]\n}}\nvariable \"key\" {{}}\n\
             resource \"aws_iam_role\" \"r\" {{\n  name = \"app\"\n  description = var.key\n}}\n\
             --- infra/dev.tfvars\nenvironment = \"dev\"\nkey = \"arn:aws:kms:eu-west-1:{dev}:key/a\"\n\
             --- infra/prod.tfvars\nenvironment = \"prod\"\nkey = \"arn:aws:kms:eu-west-1:{PROD}:key/b\"\n--- infra/{file}\n{data}\n"
        )
    };
    let json = format!("{{\"dev\": {{\"id\": \"{DEV}\"}}, \"prod\": {{\"id\": \"{PROD}\"}}}}");
    let yaml = format!("dev:\n  id: {DEV}\nprod:\n  id: \"{PROD}\"");
    for (file, data, function) in
        [("accounts.json", &json, "jsondecode"), ("accounts.yaml", &yaml, "yamldecode"), ("a.yml", &yaml, "yamldecode")]
    {
        let fine = tree(file, data, function, DEV);
        // One name in two accounts is no collision.
        assert_eq!(said(&fine, "name-collides"), [], "{fine}");
        assert_eq!(said(&fine, "value-names-other"), [], "{fine}");
        let wrong = tree(file, data, function, PROD);
        assert_eq!(said(&wrong, "value-names-other"), [(Severity::Warning, "infra/dev.tfvars:2".to_string())]);
    }
    let one = json.replace(PROD, DEV);
    assert_eq!(worst(&tree("accounts.json", &one, "jsondecode", DEV), "name-collides"), Some(Severity::Error));
    // What cannot be read is not known.
    let broken = tree("accounts.json", "{", "jsondecode", PROD);
    assert_eq!(worst(&broken, "name-collides"), Some(Severity::Warning));
    assert_eq!(said(&broken, "value-names-other"), []);
}

#[test]
fn settings_that_a_file_holds_for_each_environment_are_values_like_others() {
    let tree = |path: &str, dev: &str| {
        format!(
            "--- infra/app/main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"environment\" {{}}\nlocals {{\n  raw = file(\"{path}/${{var.environment}}.yaml\")\n  \
             settings = yamldecode(local.raw)\n}}\nresource \"aws_sqs_queue\" \"q\" {{\n  name = local.settings.queues[0].name\n}}\n\
             --- infra/app/dev.tfvars\nenvironment = \"dev\"\n--- infra/app/prod.tfvars\nenvironment = \"prod\"\n\
             --- infra/settings/dev.yaml\nqueues:\n  - name: {dev}\n--- infra/settings/prod.yaml\nqueues:\n  - name: jobs\n"
        )
    };
    for path in ["${path.module}/../settings", "${path.root}/../settings", "../settings"] {
        assert_eq!(worst(&tree(path, "jobs"), "name-collides"), Some(Severity::Warning), "{path}");
        assert_eq!(worst(&tree(path, "jobs-dev"), "name-collides"), None, "{path}");
    }
    assert_eq!(worst(&tree("/settings", "jobs"), "name-collides"), None);
}

#[test]
fn what_each_environment_has_of_its_own_was_forgotten_where_it_is_copied() {
    let tree = |kms: [&str; 3]| {
        let mut listing = "--- main.tf\nvariable \"account_id\" {}\nvariable \"kms\" {}\nprovider \"aws\" {\n  allowed_account_ids = [var.account_id]\n}\n\
             resource \"aws_cloudwatch_log_group\" \"l\" {\n  name = \"/x\"\n  kms_key_id = var.kms\n}\n"
            .to_string();
        for (number, (environment, kms)) in ["dev", "staging", "prod"].into_iter().zip(kms).enumerate() {
            listing.push_str(&format!(
                "--- {environment}.tfvars\naccount_id = \"50000000000{number}\"\nkms = \"arn:aws:kms:eu-west-1:50000000000{kms}:key/1\"\n"
            ));
        }
        listing
    };
    let said = |kms: [&str; 3]| -> Vec<String> {
        let report = check(&FileTree::from_listing(&tree(kms)), &Options::default());
        let findings = report.findings.iter().filter(|finding| finding.rule == "value-names-other");
        findings.map(|finding| finding.message.clone()).collect()
    };
    assert_eq!(said(["0", "0", "2"]), ["kms of staging holds the account of dev, 500000000000"]);
    assert!(said(["0", "1", "2"]).is_empty());
    // One key for all of them is meant.
    assert!(said(["0", "0", "0"]).is_empty());
}
