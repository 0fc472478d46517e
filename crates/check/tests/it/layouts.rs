//! Each layout that exists in the wild is taken for what it is.

use tiers_check::{FileTree, Layout, Options, discover};

pub(super) fn layout(listing: &str) -> Layout {
    discover(&FileTree::from_listing(listing), &Options::default())
}

/// One line per instance: `stack | environment | root | values | backend files | key`.
pub(super) fn check(listing: &str, expected: &[&str]) {
    let layout = layout(listing);
    let mut lines = Vec::new();
    for stack in &layout.stacks {
        for instance in &stack.instances {
            lines.push(format!(
                "{} | {} | {} | {} | {} | {}",
                stack.name,
                instance.environment.as_deref().unwrap_or("-"),
                if instance.root.is_empty() { "." } else { &instance.root },
                instance.var_files.join(" "),
                instance.backend_files.join(" "),
                instance.settings.get("key").or(instance.settings.get("prefix")).cloned().unwrap_or_default(),
            ));
        }
    }
    assert_eq!(lines, expected, "{layout:#?}");
}

pub(super) const ROOT: &str = "variable \"size\" {}\nresource \"aws_sqs_queue\" \"q\" {}\n";

#[test]
fn a_root_module_per_environment() {
    check(
        &format!(
            "--- environments/dev/main.tf\n{ROOT}terraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"dev\"\n  }}\n}}\n\
             --- environments/dev/terraform.tfvars\nsize = 1\n\
             --- environments/prod/main.tf\n{ROOT}terraform {{\n  backend \"s3\" {{}}\n}}\n\
             --- environments/prod/backend.hcl\nbucket = \"b\"\nkey = \"prod\"\n\
             --- environments/prod/prod.tfvars\nsize = 2\n\
             --- environments/shared/main.tf\n{ROOT}"
        ),
        &[
            "environments/* | dev | environments/dev | environments/dev/terraform.tfvars |  | dev",
            "environments/* | prod | environments/prod | environments/prod/prod.tfvars | environments/prod/backend.hcl | prod",
            "environments/shared | - | environments/shared |  |  | ",
        ],
    );
}

#[test]
fn a_shared_root_with_a_variable_file_per_environment() {
    for folder in ["environments", "envs", "config", "tfvars", "vars"] {
        check(
            &format!(
                "--- main.tf\n{ROOT}--- {folder}/dev.tfvars\nsize = 1\n--- {folder}/production.tfvars\nsize = 2\n"
            ),
            &[
                &format!(". | dev | . | {folder}/dev.tfvars |  | "),
                &format!(". | production | . | {folder}/production.tfvars |  | "),
            ],
        );
    }
}

pub(super) const PARTIAL: &str = "terraform {\n  backend \"s3\" {}\n}\n";

#[test]
fn a_shared_root_with_a_folder_per_environment() {
    check(
        &format!(
            "--- terraform/main.tf\n{ROOT}{PARTIAL}\
             --- terraform/envs/dev/terraform.tfvars\nsize = 1\n--- terraform/envs/dev/backend.hcl\nbucket = \"b\"\nkey = \"d\"\n\
             --- terraform/envs/prod/terraform.tfvars\nsize = 2\n--- terraform/envs/prod/backend.hcl\nbucket = \"b\"\nkey = \"p\"\n"
        ),
        &[
            "terraform | dev | terraform | terraform/envs/dev/terraform.tfvars | terraform/envs/dev/backend.hcl | d",
            "terraform | prod | terraform | terraform/envs/prod/terraform.tfvars | terraform/envs/prod/backend.hcl | p",
        ],
    );
}

#[test]
fn backend_files_under_all_of_their_names() {
    let pairs = [
        ("backend-dev.hcl", "backend-prod.hcl"),
        ("backend/dev.hcl", "backend/prod.hcl"),
        ("backends/dev.hcl", "backends/prod.hcl"),
        ("dev.backend.hcl", "prod.backend.hcl"),
        ("dev.backend.tfvars", "prod.backend.tfvars"),
        ("dev.backend.conf", "prod.backend.conf"),
        ("dev.s3.tfbackend", "prod.s3.tfbackend"),
        ("env/dev/state.tfvars", "env/prod/state.tfvars"),
        ("env/dev/backend.config", "env/prod/backend.config"),
        ("config/backend_dev.conf", "config/backend_prod.conf"),
        ("config/dev.cfg", "config/prod.cfg"),
        ("config/dev.backend", "config/prod.backend"),
        ("dev/backend.ini", "prod/backend.ini"),
        ("backend.dev", "backend.prod"),
        ("backends/backend-dev", "backends/backend-prod"),
        ("dev.tfbackend", "prod.tfbackend"),
        ("backends/test.conf", "backends/live.conf"),
        ("environments/blue.hcl", "environments/green.hcl"),
        ("environments/main.hcl", "environments/next.hcl"),
        ("environments/main/backend.hcl", "environments/next/backend.hcl"),
    ];
    for (dev, prod) in pairs {
        let name = |path: &str, usual| {
            let words = ["test", "live", "blue", "green", "main", "next"];
            words.into_iter().find(|word| path.contains(word)).unwrap_or(usual)
        };
        let (first, second) = (name(dev, "dev"), name(prod, "prod"));
        check(
            &format!(
                "--- infra/main.tf\n{ROOT}{PARTIAL}--- infra/{dev}\nbucket = \"b\"\nkey = \"d\"\n--- infra/{prod}\nbucket = \"b\"\nkey = \"p\"\n"
            ),
            &[
                &format!("infra | {first} | infra |  | infra/{dev} | d"),
                &format!("infra | {second} | infra |  | infra/{prod} | p"),
            ],
        );
    }
}

#[test]
fn backend_files_as_json() {
    check(
        &format!(
            "--- main.tf\n{ROOT}{PARTIAL}--- dev.backend.json\n{{\"bucket\": \"b\", \"key\": \"d\"}}\n\
             --- prod.tfbackend.json\n{{\"bucket\": \"b\", \"key\": \"p\"}}\n--- backend.json\n{{\"port\": 80}}\n"
        ),
        &[". | dev | . |  | dev.backend.json | d", ". | prod | . |  | prod.tfbackend.json | p"],
    );
}

#[test]
fn settings_that_tell_no_state_by_themselves_are_a_backends_by_what_stands_beside_them_or_by_a_command() {
    let root = "--- main.tf\nterraform {\n  backend \"s3\" {\n    key = \"k\"\n  }\n}\nvariable \"size\" {}\nresource \"aws_sqs_queue\" \"q\" {}\n";
    let pair = |dev: &str, prod: &str, settings: &str| format!("--- {dev}\n{settings}--- {prod}\n{settings}");
    let taken =
        |dev: &str, prod: &str| [format!(". | dev | . |  | {dev} | k"), format!(". | prod | . |  | {prod} | k")];
    let check = |listing: &str, expected: &[String]| {
        check(&format!("{root}{listing}"), &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    let files = ("env/dev.hcl", "env/prod.hcl");
    for settings in ["encrypt = true\nregion = \"r\"\n", "region = \"r\"\ndynamodb_table = \"lock\"\n"] {
        check(&pair(files.0, files.1, settings), &taken(files.0, files.1));
    }
    let weak = pair(files.0, files.1, "region = \"r\"\nprofile = \"p\"\n");
    let none = [". | - | . |  |  | k".to_string()];
    check(&weak, &none);
    check(
        &format!("{weak}--- env/common.hcl\nbucket = \"b\"\n"),
        &taken(files.0, files.1).map(|line| line.replace("|  | env", "|  | env/common.hcl env")),
    );
    check(&format!("{weak}--- init.sh\nterraform init -backend-config=env/$ENV.hcl\n"), &taken(files.0, files.1));
    // A gossip key is no switch.
    check(&pair(files.0, files.1, "encrypt = \"x\"\nregion = \"r\"\n"), &none);
}

#[test]
fn what_a_command_gives_as_settings_is_no_file_of_values() {
    let listing = |command: &str| {
        format!(
            "--- main.tf\n{ROOT}{PARTIAL}--- remote/dev.tfvars\nbucket = \"b\"\nkey = \"d\"\n--- remote/prod.tfvars\nbucket = \"b\"\nkey = \"p\"\n\
             --- run.sh\nterraform {command}=remote/$ENV.tfvars\n"
        )
    };
    check(
        &listing("init -backend-config"),
        &[". | dev | . |  | remote/dev.tfvars | d", ". | prod | . |  | remote/prod.tfvars | p"],
    );
    check(
        &listing("plan -var-file"),
        &[". | dev | . | remote/dev.tfvars |  | ", ". | prod | . | remote/prod.tfvars |  | "],
    );
}

#[test]
fn files_that_only_look_like_a_backends_are_left_alone() {
    check(
        &format!(
            "--- main.tf\n{ROOT}{PARTIAL}--- setup.cfg\n[metadata]\nname = x\n--- dev.conf\nserver {{\n  listen 80;\n}}\n\
             --- prod.ini\nkey = value\n--- dev.cfg\nhost = \"h\"\nkey = \"k\"\n--- backend.py\nkey = \"x\"\n--- dev.json\n{{\"bucket\": \"b\", \"key\": \"k\"}}\n\
             --- services/backend/prod.hcl\njob = \"x\"\n"
        ),
        &[". | - | . |  |  | "],
    );
}

#[test]
fn names_that_tiers_toml_gives_to_environments_are_theirs_wherever_they_stand() {
    let listing = format!("--- main.tf\n{ROOT}--- vars/main.tfvars\nsize = 1\n--- vars/next.tfvars\nsize = 2\n");
    let named = |names: &[&str]| {
        let environments =
            names.iter().map(|name| tiers_check::EnvironmentOverride { name: name.to_string(), ..Default::default() });
        let options = Options { environments: environments.collect(), ..Options::default() };
        let layout = discover(&FileTree::from_listing(&listing), &options);
        let instances = layout.stacks.into_iter().flat_map(|stack| stack.instances);
        instances.filter_map(|instance| instance.environment).collect::<Vec<_>>()
    };
    assert_eq!(named(&["next", "main"]), ["main", "next"]);
    assert_eq!(named(&[]), [""; 0]);
    // A root module's folder is often called so.
    assert_eq!(named(&["main"]), [""; 0]);
}

#[test]
fn backend_settings_that_a_workflow_gives_inline() {
    check(
        &format!(
            "--- infra/main.tf\n{ROOT}{PARTIAL}--- infra/dev.tfvars\nsize = 1\n--- infra/prod.tfvars\nsize = 2\n\
             --- .github/workflows/deploy-dev.yml\non: push\njobs:\n  apply:\n    runs-on: ubuntu-latest\n    steps:\n      - working-directory: infra\n        run: |\n          terraform init -backend-config=\"bucket=acme-state\" \\\n            -backend-config=\"key=app/dev.tfstate\"\n          terraform plan -var-file=dev.tfvars\n\
             --- scripts/deploy-prod.sh\ncd infra\nterraform init -backend-config=bucket=acme-state -backend-config=key=app/prod.tfstate\n"
        ),
        &[
            "infra | dev | infra | infra/dev.tfvars |  | app/dev.tfstate",
            "infra | prod | infra | infra/prod.tfvars |  | app/prod.tfstate",
        ],
    );
}

#[test]
fn layers_times_environments_with_several_merged_backend_files() {
    let layer = |name: &str| {
        format!(
            "--- layers/{name}/main.tf\n{ROOT}terraform {{\n  backend \"s3\" {{\n    key = \"{name}/terraform.tfstate\"\n  }}\n}}\n"
        )
    };
    check(
        &format!(
            "{}{}--- environments/dev/backend.hcl\nbucket = \"state-dev\"\n--- environments/dev/network.tfvars\nsize = 1\n\
             --- environments/dev/app.tfvars\nsize = 1\n\
             --- environments/prod/backend.hcl\nbucket = \"state-prod\"\n--- environments/prod/network.tfvars\nsize = 1\n\
             --- environments/prod/app.tfvars\nsize = 1\n--- environments/common.tfvars\nsize = 9\n\
             --- layers/app/backend.hcl\nregion = \"eu-west-1\"\n",
            layer("network"),
            layer("app")
        ),
        &[
            "layers/app | dev | layers/app | environments/common.tfvars environments/dev/app.tfvars | layers/app/backend.hcl environments/dev/backend.hcl | app/terraform.tfstate",
            "layers/app | prod | layers/app | environments/common.tfvars environments/prod/app.tfvars | layers/app/backend.hcl environments/prod/backend.hcl | app/terraform.tfstate",
            "layers/network | dev | layers/network | environments/common.tfvars environments/dev/network.tfvars | environments/dev/backend.hcl | network/terraform.tfstate",
            "layers/network | prod | layers/network | environments/common.tfvars environments/prod/network.tfvars | environments/prod/backend.hcl | network/terraform.tfstate",
        ],
    );
}

#[test]
fn layers_below_environments() {
    let root = |environment: &str, layer: &str| {
        format!(
            "--- live/{environment}/eu-west-1/{layer}/main.tf\n{ROOT}terraform {{\n  backend \"s3\" {{\n    key = \"{environment}-{layer}\"\n  }}\n}}\n"
        )
    };
    check(
        &[root("nonprod", "db"), root("nonprod", "vpc"), root("prod", "db"), root("prod", "vpc")].concat(),
        &[
            "live/*/eu-west-1/db | nonprod | live/nonprod/eu-west-1/db |  |  | nonprod-db",
            "live/*/eu-west-1/db | prod | live/prod/eu-west-1/db |  |  | prod-db",
            "live/*/eu-west-1/vpc | nonprod | live/nonprod/eu-west-1/vpc |  |  | nonprod-vpc",
            "live/*/eu-west-1/vpc | prod | live/prod/eu-west-1/vpc |  |  | prod-vpc",
        ],
    );
}

#[test]
fn workspaces_are_recognised_and_declined() {
    let listing = format!(
        "--- main.tf\n{ROOT}terraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"k\"\n  }}\n}}\nlocals {{\n  env = terraform.workspace\n}}\n\
         --- dev.tfvars\nsize = 1\n--- prod.tfvars\nsize = 2\n"
    );
    let layout = layout(&listing);
    assert_eq!(layout.stacks[0].shape, tiers_check::Shape::Workspaces);
    assert!(layout.notes.iter().any(|note| note.says.contains("workspaces")), "{:#?}", layout.notes);
    let report = tiers_check::check(&FileTree::from_listing(&listing), &Options::default());
    assert!(!report.findings.iter().any(|finding| finding.rule == "state-shared"), "{:#?}", report.findings);
}

#[test]
fn terragrunt_is_recognised_and_declined() {
    let layout = layout(&format!(
        "--- live/terragrunt.hcl\nremote_state {{\n  backend = \"s3\"\n}}\n\
         --- live/dev/app/terragrunt.hcl\ninclude \"root\" {{\n  path = find_in_parent_folders()\n}}\nterraform {{\n  source = \"../../../modules/app\"\n}}\ninputs = {{ size = 1 }}\n\
         --- modules/app/main.tf\n{ROOT}--- stacks/app/main.tf\n{ROOT}"
    ));
    assert!(layout.stacks.is_empty(), "{layout:#?}");
    assert!(layout.notes.iter().any(|note| note.says.contains("Terragrunt")), "{:#?}", layout.notes);
}

#[test]
fn spellings_of_one_stage_are_one_environment() {
    let listing = format!(
        "--- a/main.tf\n{ROOT}{PARTIAL}--- a/stg.tfvars\nsize = 1\n--- a/backend-staging.hcl\nbucket = \"b\"\nkey = \"s\"\n\
         --- a/prd.tfvars\nsize = 1\n--- a/backend-production.hcl\nbucket = \"b\"\nkey = \"p\"\n\
         --- b/main.tf\n{ROOT}--- b/stg.tfvars\nsize = 1\n--- b/prod.tfvars\nsize = 2\n"
    );
    check(
        &listing,
        &[
            "a | staging | a | a/stg.tfvars | a/backend-staging.hcl | s",
            "a | production | a | a/prd.tfvars | a/backend-production.hcl | p",
            "b | stg | b | b/stg.tfvars |  | ",
            "b | prod | b | b/prod.tfvars |  | ",
        ],
    );
    assert_eq!(layout(&listing).environments.len(), 2);
}

#[test]
fn every_usual_name_is_an_environment_and_what_stands_beside_them_is_none() {
    for name in ["preprod", "sandbox", "qa", "uat", "test", "non-prod", "prod-us-east-1", "dr", "demo", "development"] {
        let found = layout(&format!(
            "--- main.tf\n{ROOT}--- envs/dev.tfvars\nsize = 1\n--- envs/{name}.tfvars\nsize = 2\n--- envs/common.tfvars\nsize = 3\n"
        ));
        let mut expected = vec!["dev".to_string(), name.to_string()];
        if name == "development" {
            expected.truncate(1);
        }
        expected.sort();
        let mut environments = found.environments.clone();
        environments.sort();
        assert_eq!(environments, expected, "{found:#?}");
    }
    for name in ["shared", "common", "global", "all", "modules"] {
        let found = layout(&format!(
            "--- environments/dev/main.tf\n{ROOT}--- environments/prod/main.tf\n{ROOT}--- environments/{name}/main.tf\n{ROOT}"
        ));
        assert_eq!(found.environments, ["dev", "prod"], "{name}: {found:#?}");
    }
}

#[test]
fn an_unusual_name_is_an_environment_where_its_files_are_like_those_of_others() {
    let values = "size = 1\nregion = \"x\"\nname = \"y\"\n";
    let found = layout(&format!(
        "--- main.tf\n{ROOT}variable \"region\" {{}}\nvariable \"name\" {{}}\n--- config/dev.tfvars\n{values}--- config/canada.tfvars\n{values}\
         --- config/dns.tfvars\nzones = []\n"
    ));
    assert_eq!(found.environments, ["dev", "canada"], "{found:#?}");
}

#[test]
fn folders_that_only_look_like_environments_are_none() {
    check(&format!("--- dev-portal/main.tf\n{ROOT}"), &["dev-portal | - | dev-portal |  |  | "]);
    check(
        &format!("--- main.tf\n{ROOT}--- test/main.tf\n{ROOT}--- production-line/main.tf\n{ROOT}"),
        &[". | - | . |  |  | ", "production-line | - | production-line |  |  | "],
    );
}

#[test]
fn families_of_folders_with_the_environment_in_their_name() {
    check(
        &format!("--- acme-dev-network/main.tf\n{ROOT}--- acme-prod-network/main.tf\n{ROOT}"),
        &["acme-*-network | dev | acme-dev-network |  |  | ", "acme-*-network | prod | acme-prod-network |  |  | "],
    );
}

#[test]
fn tiers_toml_corrects_what_was_found() {
    let tree = FileTree::from_listing(&format!(
        "--- tf/main.tf\n{ROOT}{PARTIAL}--- odd/blue/v.tfvars\nsize = 1\n--- odd/blue/b.hcl\nbucket = \"b\"\nkey = \"1\"\n\
         --- odd/red/v.tfvars\nsize = 2\n--- odd/red/b.hcl\nbucket = \"b\"\nkey = \"2\"\n--- other/main.tf\n{ROOT}{PARTIAL}"
    ));
    let environment = |name: &str| tiers_check::EnvironmentOverride { name: name.into(), account: None, region: None };
    let options = Options {
        environments: vec![environment("blue"), environment("red")],
        terraform: vec![tiers_check::TerraformOverride {
            root: "tf".into(),
            backend: Some("../odd/{environment}/b.hcl".into()),
            var_file: Some("../odd/{environment}/v.tfvars".into()),
        }],
        ..Options::default()
    };
    let layout = discover(&tree, &options);
    assert_eq!(layout.environments, ["blue", "red"]);
    let names: Vec<&str> = layout.stacks.iter().map(|stack| stack.name.as_str()).collect();
    assert_eq!(names, ["other", "tf"], "what it does not name is found as before");
    let instances = &layout.stacks[1].instances;
    assert_eq!(instances[1].var_files, ["odd/red/v.tfvars"]);
    assert_eq!(instances[1].backend_files, ["odd/red/b.hcl"]);
    assert!(layout.stacks[0].instances[0].backend_files.is_empty(), "{layout:#?}");
    assert_eq!(layout.notes, [], "{layout:#?}");
}

#[test]
fn a_folder_beside_those_of_declared_environments_is_found_and_checked_as_before() {
    let backend = |key: &str| {
        format!(
            "terraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"{key}/terraform.tfstate\"\n  }}\n}}\n{ROOT}"
        )
    };
    let tree = FileTree::from_listing(&format!(
        "--- terraform/dev/main.tf\n{}--- terraform/prod/main.tf\n{}--- terraform/account/main.tf\n{}",
        backend("dev"),
        backend("prod"),
        backend("dev"),
    ));
    let environment = |name: &str| tiers_check::EnvironmentOverride { name: name.into(), account: None, region: None };
    let root = "terraform/{environment}".into();
    let options = Options {
        environments: vec![environment("dev"), environment("prod")],
        terraform: vec![tiers_check::TerraformOverride { root, backend: None, var_file: None }],
        ..Options::default()
    };
    let names: Vec<String> = discover(&tree, &options).stacks.into_iter().map(|stack| stack.name).collect();
    assert_eq!(names, ["terraform/*", "terraform/account"]);
    let findings = tiers_check::check(&tree, &options).findings;
    assert!(findings.iter().any(|finding| finding.rule == "state-shared"), "{findings:#?}");
}

#[test]
fn a_root_module_that_tiers_toml_names_and_that_is_not_there_is_told() {
    let tree = FileTree::from_listing(&format!("--- tf/main.tf\n{ROOT}"));
    let terraform = tiers_check::TerraformOverride { root: "infra".into(), backend: None, var_file: None };
    let layout = discover(&tree, &Options { terraform: vec![terraform], ..Options::default() });
    assert!(layout.notes.iter().any(|note| note.path == "infra" && note.says.contains("no configuration")));
}

/// What must not confuse the reader: old syntax, odd bytes, other files in HCL.
#[test]
fn odd_files_do_not_confuse_it() {
    let old = "resource \"aws_instance\" \"x\" {\n  count = \"${var.size}\"\n  tags {\n    \"Name\" = \"a\"\n    \"kubernetes.io/cluster\" = \"b\"\n  }\n}\nvariable \"size\" {\n  type = \"string\"\n}\n";
    let crlf = "variable \"region\" {\r\n  type = string\r\n}\r\n\r\nlocals {\r\n  text = <<-EOT\r\n    a ${var.region}\r\n  EOT\r\n}\r\n";
    let modern = "moved {\n  from = aws_instance.y\n  to = aws_instance.x\n}\nimport {\n  to = aws_instance.x\n  id = \"i-1\"\n}\ncheck \"up\" {\n  assert {\n    condition = true\n    error_message = \"no\"\n  }\n}\nremoved {\n  from = aws_instance.z\n  lifecycle {\n    destroy = false\n  }\n}\n";
    let json = "{\n  \"variable\": {\"name\": {\"type\": \"string\"}},\n  \"terraform\": {\"backend\": {\"s3\": {}}},\n  \"resource\": {\"aws_sqs_queue\": {\"q\": {\"name\": \"${var.name}-x\"}}}\n}\n";
    let mut files: Vec<(String, Vec<u8>)> = [
        ("main.tf", old.as_bytes().to_vec()),
        ("crlf.tf", crlf.as_bytes().to_vec()),
        ("modern.tf", modern.as_bytes().to_vec()),
        ("more.tf.json", json.as_bytes().to_vec()),
        ("bom.tf", [b"\xEF\xBB\xBF".as_slice(), b"variable \"bom\" {}\n"].concat()),
        ("main.tftest.hcl", b"run \"x\" {\n  command = plan\n}\n".to_vec()),
        (".terraform.lock.hcl", b"provider \"x\" {\n  version = \"1\"\n}\n".to_vec()),
        (".tflint.hcl", b"plugin \"aws\" {\n  enabled = true\n}\n".to_vec()),
        ("latin1.tf", b"# caf\xE9\n".to_vec()),
    ]
    .map(|(path, bytes)| (path.to_string(), bytes))
    .into();
    for (environment, key) in [("dev", "1"), ("prod", "2")] {
        files.push((
            format!("envs/{environment}/x.auto.tfvars"),
            "\u{feff}size = 1\r\nregion = \"r\"\r\nname = <<EOT\r\nn\r\nEOT\r\nbom = 1\r\n".as_bytes().to_vec(),
        ));
        files.push((
            format!("envs/{environment}/backend.hcl"),
            format!("bucket = \"b\"\r\nkey = \"{key}\"\r\n").into_bytes(),
        ));
    }
    let tree = FileTree::new(files);
    let layout = discover(&tree, &Options::default());
    assert_eq!(layout.environments, ["dev", "prod"], "{layout:#?}");
    assert_eq!(layout.stacks[0].instances[1].settings.get("key").map(String::as_str), Some("2"));
    assert_eq!(layout.notes, [], "{layout:#?}");
    let report = tiers_check::check(&tree, &Options::default());
    let errors: Vec<_> =
        report.findings.iter().filter(|finding| finding.severity > tiers_check::Severity::Warning).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// Two numbers, of which the regions of production set different ones.
const BOUNDED: &str = "terraform {\n  backend \"s3\" {}\n}\nvariable \"min_size\" {\n  type = number\n  default = 1\n}\nvariable \"max_size\" {\n  type = number\n}\nresource \"aws_sqs_queue\" \"q\" {\n  delay_seconds = var.min_size + var.max_size\n}\n";

#[test]
fn a_file_for_each_region_of_an_environment_is_an_environment_of_its_own() {
    check(
        &format!(
            "--- main.tf\n{BOUNDED}--- envs/dev/eu-west-1.tfvars\nmax_size = 2\n--- envs/prod/prod.tfvars\nmax_size = 3\n\
             --- envs/prod/eu-west-1.tfvars\nmin_size = 5\nmax_size = 10\n--- envs/prod/us-east-1.tfvars\nmax_size = 2\n\
             --- envs/prod/eu-west-1.backend.hcl\nbucket = \"b\"\nkey = \"eu\"\n--- envs/prod/us-east-1.backend.hcl\nbucket = \"b\"\nkey = \"us\"\n"
        ),
        &[
            ". | dev | . | envs/dev/eu-west-1.tfvars |  | ",
            ". | prod-eu-west-1 | . | envs/prod/eu-west-1.tfvars envs/prod/prod.tfvars | envs/prod/eu-west-1.backend.hcl | eu",
            ". | prod-us-east-1 | . | envs/prod/prod.tfvars envs/prod/us-east-1.tfvars | envs/prod/us-east-1.backend.hcl | us",
        ],
    );
    check(
        &format!(
            "--- main.tf\n{BOUNDED}--- config/eu-west-1/dev.tfvars\nmax_size = 2\n--- config/eu-west-1/prd.tfvars\nmin_size = 5\nmax_size = 10\n\
             --- config/us-east-1/prd.tfvars\nmax_size = 2\n"
        ),
        &[
            ". | dev | . | config/eu-west-1/dev.tfvars |  | ",
            ". | prd-eu-west-1 | . | config/eu-west-1/prd.tfvars |  | ",
            ". | prd-us-east-1 | . | config/us-east-1/prd.tfvars |  | ",
        ],
    );
}

#[test]
fn values_of_two_regions_are_never_laid_over_each_other() {
    let trees = [
        format!(
            "--- main.tf\n{BOUNDED}--- envs/dev/eu-west-1.tfvars\nmax_size = 2\n--- envs/prod/eu-west-1.tfvars\nmin_size = 5\nmax_size = 10\n\
             --- envs/prod/us-east-1.tfvars\nmax_size = 2\n"
        ),
        format!(
            "--- main.tf\n{BOUNDED}--- config/eu/prod.tfvars\nmin_size = 5\nmax_size = 10\n--- config/us/prod.tfvars\nmax_size = 2\n"
        ),
        // Tenants: they are called alike and set the same.
        format!(
            "--- main.tf\n{BOUNDED}--- envs/prod/acme.tfvars\nmin_size = 5\nmax_size = 10\n--- envs/prod/globex.tfvars\nmin_size = 1\nmax_size = 2\n"
        ),
        // Nobody says when either is read.
        format!(
            "--- main.tf\n{BOUNDED}--- vars/dev.tfvars\nmax_size = 9\n--- vars/prod.tfvars\nmax_size = 9\n--- vars/eu-west-1.tfvars\nmin_size = 5\nmax_size = 10\n\
             --- vars/us-east-1.tfvars\nmax_size = 2\n"
        ),
    ];
    for listing in trees {
        let report = tiers_check::check(&FileTree::from_listing(&listing), &Options::default());
        let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
        assert!(!rules.contains(&"bounds-inverted") && !rules.contains(&"values-disagree"), "{listing}\n{rules:?}");
    }
    let wrong = format!(
        "--- main.tf\n{BOUNDED}--- envs/prod/eu-west-1.tfvars\nmin_size = 5\nmax_size = 1\n--- envs/prod/us-east-1.tfvars\nmax_size = 2\n"
    );
    let report = tiers_check::check(&FileTree::from_listing(&wrong), &Options::default());
    let found = report.findings.iter().find(|finding| finding.rule == "bounds-inverted").expect("five above one");
    assert_eq!(found.environments, ["prod-eu-west-1"]);
}

#[test]
fn files_of_two_regions_that_one_command_is_given_are_layers() {
    check(
        &format!(
            "--- main.tf\n{BOUNDED}--- envs/prod/eu.tfvars\nmin_size = 5\n--- envs/prod/us.tfvars\nmax_size = 2\n\
             --- scripts/apply.sh\nterraform apply -var-file=envs/prod/eu.tfvars -var-file=envs/prod/us.tfvars\n"
        ),
        &[". | prod | . | envs/prod/eu.tfvars envs/prod/us.tfvars |  | "],
    );
}

#[test]
fn regions_of_an_environment_that_share_its_backend_file_are_not_said_to_share_a_state() {
    let listing = |us: &str| {
        format!(
            "--- main.tf\n{BOUNDED}--- envs/prod/eu-west-1.tfvars\nmax_size = 1\n--- envs/prod/us-east-1.tfvars\nmax_size = 2\n\
             --- envs/prod/{us}backend.hcl\nbucket = \"b\"\nkey = \"k\"\n--- envs/prod/eu-west-1.backend.hcl\nbucket = \"b\"\nkey = \"k\"\n"
        )
    };
    let shared = |listing: &str| {
        let report = tiers_check::check(&FileTree::from_listing(listing), &Options::default());
        report.findings.iter().filter(|finding| finding.rule == "state-shared").count()
    };
    assert_eq!(shared(&listing("us-east-1.")), 1, "each has a file, and both say the same");
    let one = listing("").replace("--- envs/prod/eu-west-1.backend.hcl\nbucket = \"b\"\nkey = \"k\"\n", "");
    assert_eq!(shared(&one), 0, "{one}");
}

#[test]
fn an_override_file_is_laid_over_what_it_overrides() {
    let listing = |first: &str, second: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"env\" {{\n  type = string\n}}\n\
             resource \"aws_s3_bucket\" \"a\" {{\n  bucket = \"{first}\"\n}}\nmodule \"m\" {{\n  source = \"./m\"\n  name   = \"{first}\"\n}}\n\
             --- main_override.tf\nresource \"aws_s3_bucket\" \"a\" {{\n  bucket = \"{second}\"\n}}\nmodule \"m\" {{\n  name = \"{second}\"\n}}\n\
             --- m/main.tf\nvariable \"name\" {{\n  type = string\n}}\nresource \"aws_s3_bucket\" \"b\" {{\n  bucket = \"of-${{var.name}}\"\n}}\n\
             --- dev.tfvars\nenv = \"dev\"\n--- prod.tfvars\nenv = \"prod\"\n"
        )
    };
    let found = |listing: &str| -> Vec<(&'static str, String)> {
        let report = tiers_check::check(&FileTree::from_listing(listing), &Options::default());
        let collide = report.findings.into_iter().filter(|finding| finding.rule == "name-collides");
        collide.map(|finding| (finding.rule, finding.at.path)).collect()
    };
    assert_eq!(found(&listing("acme-a", "a-${var.env}")), []);
    assert_eq!(
        found(&listing("a-${var.env}", "acme-a")),
        [("name-collides", "m/main.tf".to_string()), ("name-collides", "main_override.tf".to_string())]
    );
}
