//! What is done on purpose, or cannot be known, and must not be called a fault; each beside the fault that it is like.

use tiers_check::{FileTree, Options, Severity, check};

/// The worst that a rule says of a tree.
fn worst(listing: &str, rule: &str) -> Option<Severity> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    report.findings.iter().filter(|finding| finding.rule == rule).map(|finding| finding.severity).max()
}

fn quiet(listing: &str, rule: &str) {
    assert_eq!(worst(listing, rule), None, "{rule} speaks on\n{listing}");
}

fn error(listing: &str, rule: &str) {
    assert_eq!(worst(listing, rule), Some(Severity::Error), "{rule} on\n{listing}");
}

fn warning(listing: &str, rule: &str) {
    assert_eq!(worst(listing, rule), Some(Severity::Warning), "{rule} on\n{listing}");
}

const BACKEND: &str = "terraform {\n  backend \"gcs\" {}\n}\n";

#[test]
fn a_variable_called_stage_may_mean_the_stage_of_an_api() {
    let main = format!(
        "--- main.tf\n{BACKEND}variable \"env\" {{\n  type = string\n}}\nvariable \"stage\" {{\n  type    = string\n  default = \"prod\"\n}}\n\
         resource \"aws_api_gateway_stage\" \"s\" {{\n  stage_name  = var.stage\n  rest_api_id = var.env\n}}\n"
    );
    let fine = format!("{main}--- dev.tfvars\nenv = \"dev\"\n--- prod.tfvars\nenv = \"prod\"\n");
    quiet(&fine, "environment-wrong");
    quiet(&fine, "environment-default");
    error(&format!("{main}--- dev.tfvars\nenv = \"prod\"\n--- prod.tfvars\nenv = \"prod\"\n"), "environment-wrong");
    let call = |dev: &str| {
        let root = |of: &str, env: &str| {
            format!(
                "--- envs/{of}/main.tf\n{BACKEND}module \"m\" {{\n  source = \"a/b/c\"\n  env = \"{env}\"\n  stage = \"prod\"\n}}\n"
            )
        };
        format!("{}{}", root("dev", dev), root("prod", "prod"))
    };
    quiet(&call("dev"), "environment-wrong");
    error(&call("prod"), "environment-wrong");
}

#[test]
fn a_local_file_or_a_disaster_recovery_copy_may_take_another_environments_name() {
    let tree = |own: &str| {
        format!(
            "--- main.tf\n{BACKEND}variable \"env\" {{\n  type = string\n}}\noutput \"env\" {{\n  value = var.env\n}}\n\
             --- envs/prod.tfvars\nenv = \"prod\"\n--- envs/dev.tfvars\nenv = \"dev\"\n--- envs/{own}.tfvars\nenv = \"prod\"\n"
        )
    };
    for own in ["local", "dr"] {
        assert_eq!(worst(&tree(own), "environment-wrong"), Some(Severity::Hint), "{own}");
    }
    error(&tree("staging"), "environment-wrong");
}

#[test]
fn examples_and_kept_files_are_no_values_of_anything() {
    let tree = |extra: &str| {
        format!(
            "--- main.tf\n{BACKEND}variable \"a\" {{\n  type = string\n}}\nvariable \"min_size\" {{\n  default = 1\n}}\nvariable \"max_size\" {{\n  default = 10\n}}\n\
             output \"x\" {{\n  value = [var.a, var.min_size, var.max_size]\n}}\n\
             --- envs/{extra}.tfvars\na = \"x\"\nmax_size = 2\n--- envs/dev.tfvars\na = \"dev\"\n--- envs/prod.tfvars\nmin_size = 5\n"
        )
    };
    for extra in ["example", "template", "prod.example", "prod-old", "sample"] {
        quiet(&tree(extra), "bounds-inverted");
        error(&tree(extra), "value-missing");
    }
    error(&tree("common"), "bounds-inverted");
}

#[test]
fn the_clusters_that_keep_states_are_told_apart() {
    let tree = |kind: &str, dev: &str, prod: &str| {
        let root = |of: &str, more: &str| {
            format!(
                "--- envs/{of}/main.tf\nterraform {{\n  backend \"{kind}\" {{\n    secret_suffix = \"app\"\n    path = \"app\"\n    {more}\n  }}\n}}\nresource \"aws_sqs_queue\" \"q\" {{}}\n"
            )
        };
        format!("{}{}", root("dev", dev), root("prod", prod))
    };
    for (kind, setting) in [("kubernetes", "config_context"), ("consul", "datacenter"), ("consul", "address")] {
        let named = |name: &str| format!("{setting} = \"{name}\"");
        quiet(&tree(kind, &named("dev"), &named("prod")), "state-shared");
        error(&tree(kind, &named("one"), &named("one")), "state-shared");
        quiet(&tree(kind, "", ""), "state-shared");
    }
}

#[test]
fn values_that_only_a_service_or_a_developers_file_holds_are_not_missing() {
    let tree = |backend: &str, setter: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"{backend}\" {{}}\n}}\nvariable \"x\" {{}}\nvariable \"y\" {{}}\noutput \"o\" {{\n  value = [var.x, var.y]\n}}\n\
             --- envs/dev.tfvars\nx = 1\n--- envs/prod.tfvars\nx = 2\n--- envs/{setter}.tfvars\nx = 1\ny = 1\n"
        )
    };
    quiet(&tree("remote", "staging"), "value-missing");
    quiet(&tree("gcs", "local"), "value-missing");
    error(&tree("gcs", "staging"), "value-missing");
}

#[test]
fn folders_that_environments_are_made_from_are_none() {
    let root = |dir: &str, env: &str| {
        format!(
            "--- {dir}/main.tf\nterraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"{env}/app\"\n  }}\n}}\nlocals {{\n  env = \"{env}\"\n}}\n\
             resource \"aws_sqs_queue\" \"q\" {{\n  name = \"q-${{local.env}}\"\n}}\n"
        )
    };
    for mould in ["envs/_template", "templates/new-env", "envs/__ENV__"] {
        let tree = format!("{}{}", root("envs/dev", "dev"), root(mould, "dev"));
        quiet(&tree, "state-shared");
        quiet(&tree, "environment-wrong");
    }
    error(&format!("{}{}", root("envs/dev", "dev"), root("envs/staging", "dev")), "state-shared");
}

#[test]
fn a_tag_that_denies_an_environment_does_not_name_it() {
    let tree = |other: &str| {
        format!(
            "--- main.tf\n{BACKEND}variable \"env\" {{}}\nresource \"aws_sqs_queue\" \"q\" {{\n  name = \"q-${{var.env}}\"\n  tags = {{ Env = var.env == \"prod\" ? \"production\" : \"{other}\" }}\n}}\n\
             --- dev.tfvars\nenv = \"dev\"\n--- prod.tfvars\nenv = \"prod\"\n"
        )
    };
    for other in ["non-production", "non-prod", "not-prod", "nonprod"] {
        quiet(&tree(other), "tag-environment");
    }
    assert_eq!(worst(&tree("prod"), "tag-environment"), Some(Severity::Warning));
}

#[test]
fn tenants_of_one_environment_are_not_laid_over_each_other() {
    let main = format!(
        "--- main.tf\n{BACKEND}variable \"min_size\" {{\n  default = 1\n}}\nvariable \"max_size\" {{\n  type = number\n}}\noutput \"o\" {{\n  value = [var.min_size, var.max_size]\n}}\n"
    );
    let pairs = [
        ("vars/acme-prod.tfvars", "vars/globex-prod.tfvars"),
        ("tenants/acme/prod/terraform.tfvars", "tenants/globex/prod/terraform.tfvars"),
        ("prod.tfvars", "prod-dr.tfvars"),
        ("prod.tfvars", "prod-eu2.tfvars"),
    ];
    for (one, other) in pairs {
        let tree = format!("{main}--- {one}\nmin_size = 5\nmax_size = 10\n--- {other}\nmax_size = 2\n");
        for rule in ["bounds-inverted", "values-disagree", "value-missing"] {
            quiet(&tree, rule);
        }
    }
    error(&format!("{main}--- prod.tfvars\nmin_size = 5\nmax_size = 2\n"), "bounds-inverted");
}

/// A variable that dev's file sets and prod's does not, with another file beside them.
fn set_in_dev(other: &str) -> String {
    format!(
        "--- main.tf\n{BACKEND}variable \"other\" {{\n  type = number\n}}\nvariable \"image_tag\" {{\n  type = string\n}}\noutput \"o\" {{\n  value = [var.image_tag, var.other]\n}}\n\
         --- envs/dev.tfvars\nimage_tag = \"x\"\nother = 1\n--- envs/prod.tfvars\nother = 1\n{other}"
    )
}

#[test]
fn a_variable_that_some_pipeline_gives_is_not_missing() {
    for other in [
        "--- .gitlab-ci.yml\nbuild:\n  variables:\n    TF_VAR_image_tag: $CI_COMMIT_TAG\n",
        "--- Jenkinsfile\npipeline {\n  sh \"terraform apply -var image_tag=${TAG} p\"\n}\n",
        "--- azure-pipelines.yml\nsteps:\n- script: terraform apply -var=\"image_tag=$(tag)\"\n",
        "--- .envrc\nexport TF_VAR_image_tag=x\n",
        "--- deploy.py\nrun([\"terraform\", \"apply\", \"-var\", f\"image_tag={tag}\"])\n",
        "--- deploy.ps1\nterraform apply -var \"image_tag=$tag\"\n",
        "--- README.md\nSet `TF_VAR_image_tag` first.\n",
        "--- deploy.sh\nterraform apply -var image_tag=$1\n",
    ] {
        quiet(&set_in_dev(other), "value-missing");
    }
    // A service may hold it where no file shows it.
    let gitlab = "--- .gitlab-ci.yml\nbuild:\n  script: [terraform apply]\n";
    assert_eq!(worst(&set_in_dev(gitlab), "value-missing"), Some(Severity::Warning));
    error(&set_in_dev("--- README.md\nNothing to say.\n"), "value-missing");
}

#[test]
fn what_git_ignores_or_a_script_copies_may_hold_what_is_missing() {
    let tree = |other: &str| {
        format!(
            "--- main.tf\nvariable \"env\" {{}}\nresource \"aws_sqs_queue\" \"a\" {{\n  name = \"${{local.name}}-${{var.env}}-${{var.injected}}\"\n}}\n\
             --- envs/dev.tfvars\nenv = \"dev\"\n--- envs/dev.tfbackend\nbucket = \"b\"\nkey = \"dev\"\n{other}"
        )
    };
    let rules = ["local-undeclared", "variable-undeclared", "backend-unused"];
    for other in [
        "--- .gitignore\n*.generated.tf\nbackend.tf\n",
        "--- deploy.sh\ncp shared/*.tf .\nterraform apply\n",
        "--- Makefile\nlink:\n\tln -sf ../shared/common.tf $(DIR)\n",
    ] {
        rules.iter().for_each(|rule| quiet(&tree(other), rule));
    }
    for other in
        ["--- .gitignore\n.terraform/\noverride.tf\n*_override.tf\n*.tfvars\n", "--- deploy.sh\ncp app.zip dist\n"]
    {
        rules.iter().for_each(|rule| error(&tree(other), rule));
    }
}

#[test]
fn a_backend_block_may_be_written_by_any_program() {
    let tree = |other: &str| {
        format!(
            "--- app/main.tf\nresource \"aws_sqs_queue\" \"a\" {{}}\n--- app/envs/dev/backend.hcl\nbucket = \"b\"\nkey = \"dev\"\n{other}"
        )
    };
    for other in [
        "--- .gitlab-ci.yml\nplan:\n  script:\n    - echo 'terraform { backend \"s3\" {} }' > app/backend.tf\n",
        "--- deploy.py\nopen(\"backend.tf\", \"w\").write('terraform { backend \"s3\" {} }')\n",
        "--- app/backend.tf.tpl\nterraform {\n  backend \"s3\" {}\n}\n",
    ] {
        quiet(&tree(other), "backend-unused");
    }
    error(&tree(""), "backend-unused");
}

#[test]
fn a_file_belongs_to_the_root_that_a_script_gives_it_to() {
    let tree = |script: &str| {
        format!(
            "--- infra/backend/dev.hcl\nbucket = \"b\"\nkey = \"dev\"\n--- infra/main.tf\nresource \"aws_sqs_queue\" \"a\" {{}}\n\
             --- infra/app/main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"e\" {{}}\noutput \"e\" {{\n  value = var.e\n}}\n{script}"
        )
    };
    let script =
        "--- run.sh\ncd infra/app\nterraform init -backend-config=../backend/$1.hcl\nterraform plan -var e=$1\n";
    quiet(&tree(script), "backend-unused");
    error(&tree(""), "backend-unused");
}

#[test]
fn a_module_that_terragrunt_hands_inputs_to_lacks_nothing() {
    let tree = |source: &str| {
        format!(
            "--- terragrunt.hcl\nremote_state {{\n  backend = \"s3\"\n}}\n--- app/terragrunt.hcl\nterraform {{\n  source = \"{source}\"\n}}\ninputs = {{ b = 2 }}\n\
             --- modules/app/main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"a\" {{}}\nvariable \"b\" {{}}\noutput \"x\" {{\n  value = [var.a, var.b]\n}}\n\
             --- envs/dev.tfvars\na = 1\nb = 1\n--- envs/prod.tfvars\na = 2\n"
        )
    };
    for source in
        ["../modules//app", "${get_repo_root()}/modules/app", "${get_parent_terragrunt_dir()}//modules/app?ref=v1"]
    {
        quiet(&tree(source), "value-missing");
    }
    error(&tree("git::https://example.com/other"), "value-missing");
}

/// Roots that were copied, with a provider and a service each.
fn copied(provider_of_prod: &str, service_of_prod: &str) -> String {
    let root = |env: &str, provider: &str, service: &str| {
        format!(
            "--- envs/{env}/main.tf\nterraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"{env}\"\n  }}\n}}\n\
             provider \"aws\" {{\n  assume_role {{\n    role_arn = \"arn:aws:iam::111111111111:role/tf-{provider}\"\n  }}\n}}\n\
             provider \"aws\" {{\n  alias = \"dns\"\n  profile = \"acme-prod\"\n}}\n\
             resource \"aws_ecs_task_definition\" \"t\" {{\n  family = \"t-{env}\"\n  container_definitions = jsonencode([{{ \
             environment = [{{ name = \"DB\", value = \"db.{service}.acme.com\" }}] }}])\n}}\n"
        )
    };
    let own = |env: &str| root(env, env, env);
    format!("{}{}{}", own("dev"), own("staging"), root("prod", provider_of_prod, service_of_prod))
}

#[test]
fn a_copied_provider_of_another_environment_is_an_error_and_one_that_all_share_is_none() {
    error(&copied("staging", "prod"), "value-names-other");
    assert_eq!(worst(&copied("prod", "staging"), "value-names-other"), Some(Severity::Warning), "inside of jsonencode");
    quiet(&copied("prod", "prod"), "value-names-other");
}

#[test]
fn what_serves_is_not_repeated_over_environments_in_one_state_and_roles_may_be() {
    let root = |resource: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"gcs\" {{\n    bucket = \"b\"\n  }}\n}}\n\
             locals {{\n  all = {{ dev = {{}}, prod = {{}} }}\n}}\n{resource}\n--- service/main.tf\nresource \"aws_lambda_function\" \"f\" {{\n  \
             function_name = \"f\"\n}}\n"
        )
    };
    let speaks = |resource: &str| worst(&root(resource), "state-of-all");
    assert_eq!(speaks("module \"s\" {\n  source = \"./service\"\n  for_each = local.all\n}"), Some(Severity::Warning));
    assert_eq!(speaks("resource \"aws_iam_role\" \"r\" {\n  for_each = local.all\n  name = each.key\n}"), None);
    assert_eq!(speaks("resource \"aws_sqs_queue\" \"q\" {\n  for_each = toset([\"mail\", \"orders\"])\n}"), None);
    assert_eq!(speaks("resource \"aws_sqs_queue\" \"q\" {\n  for_each = toset([\"dev\", \"staging\"])\n}"), None);
}

#[test]
fn quotes_that_json_escapes_inside_of_a_template_are_quotes() {
    let tree = |name: &str| {
        format!(
            "--- main.tf.json\n{{\"terraform\": {{\"backend\": {{\"gcs\": {{}}}}}},\n \
             \"variable\": {{\"environment\": {{\"type\": \"string\"}}}},\n \
             \"resource\": {{\"aws_iam_role\": {{\"r\": {{\"name\": \"{name}\", \"path\": \"/\"}}}}}}}}\n\
             --- envs/dev.tfvars\nenvironment = \"dev\"\n--- envs/prod.tfvars\nenvironment = \"prod\"\n"
        )
    };
    let varies = tree(r#"${format(\"%s-%s\", \"app\", var.environment)}"#);
    quiet(&varies, "file-unreadable");
    quiet(&varies, "name-collides");
    let same = tree(r#"${format(\"%s-%s\", \"app\", \"x\")}"#);
    quiet(&same, "file-unreadable");
    assert!(worst(&same, "name-collides").is_some(), "{same}");
}

#[test]
fn words_that_mean_something_else_name_no_environment_that_is_called_so() {
    let tree = |first: &str, second: &str, value: &str, text: &str| {
        format!(
            "--- main.tf\nvariable \"env\" {{ type = string }}\nvariable \"x\" {{ type = string }}\n\
             resource \"aws_sqs_queue\" \"q\" {{\n  name = \"q-${{var.env}}-${{var.x}}\"\n  tags = {{ Place = \"{text}\" }}\n}}\n\
             --- environments/{first}.tfvars\nenv = \"{first}\"\nx = \"{value}\"\n--- environments/{second}.tfvars\nenv = \"{second}\"\nx = \"{value}\"\n"
        )
    };
    for (first, second, value, text) in [
        ("main", "next", "main", "https://github.com/acme/app/tree/main"),
        ("blue", "green", "blue", "app-blue"),
        ("test", "live", "live", "${var.env}.live.acme.com"),
    ] {
        let listing = tree(first, second, value, text);
        quiet(&listing, "value-names-other");
        quiet(&listing, "environment-in-code");
    }
    warning(&tree("test", "live", "db.live.acme.com", "x"), "value-names-other");
    warning(&tree("test", "prod", "x", "app-prod-x"), "environment-in-code");
    warning(&tree("test", "prod", "x", "app-test-x"), "environment-in-code");
}

/// What is said of one variable in three environments, `severity rule`.
fn said_of(name: &str, values: [&str; 3]) -> Vec<String> {
    let mut listing = format!("--- main.tf\nvariable {name:?} {{}}\noutput \"x\" {{\n  value = var.{name}\n}}\n");
    for (environment, value) in ["dev", "staging", "prod"].into_iter().zip(values) {
        listing.push_str(&format!("--- envs/{environment}.tfvars\n{name} = {value:?}\n"));
    }
    let report = tiers_check::check(&FileTree::from_listing(&listing), &Options::default());
    let findings = report.findings.iter().filter(|finding| finding.rule == "value-names-other");
    findings.map(|finding| format!("{} {}", finding.severity.as_str(), finding.environments.join("/"))).collect()
}

#[test]
fn words_that_name_no_environment_here_are_left_alone() {
    assert_eq!(said_of("bucket", ["app-dev", "app-staging", "app-dev"]), ["warning prod/dev"]);
    assert_eq!(said_of("bucket", ["app-dev", "app-dev", "app-dev"]), [""; 0]);
    assert_eq!(said_of("mail", ["ops-dev@x.io", "dev-team@x.io", "prod@x.io"]), [""; 0]);
    assert_eq!(said_of("stripe_key", ["pk_dev_1", "pk_prod_1", "pk_prod_2"]), [""; 0]);
    assert_eq!(said_of("node_env", ["dev", "production", "production"]), ["hint staging/prod"]);
    assert_eq!(said_of("vpc", ["dev", "production", "production"]), ["warning staging/prod"]);
    let image = |tag: &str| format!("eu-docker.pkg.dev/shop-dev/images/api:{tag}");
    assert_eq!(said_of("image", [&image("main"), &image("1.9.0"), &image("1.8.0")]), [""; 0]);
    assert_eq!(
        said_of("image", [&image("main"), &image("1.9.0"), "eu.x.io/shop-staging/api:1"]),
        ["warning prod/staging"]
    );
}
