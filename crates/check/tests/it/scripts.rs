//! Scripts, recipes and runs of Terraform as people write them: what is said about each, and what is not.

use tiers_check::{FileTree, Options, check as check_tree};

/// Every finding of these rules, as `severity rule path:line message`; all rules where none is named.
pub(super) fn found(listing: &str, rules: &[&str]) -> Vec<String> {
    let report = check_tree(&FileTree::from_listing(listing), &Options::default());
    let told = report.findings.iter().filter(|finding| rules.is_empty() || rules.contains(&finding.rule));
    told.map(|finding| {
        let (severity, line) = (finding.severity.as_str(), finding.at.line);
        format!("{severity} {} {}:{line} {}", finding.rule, finding.at.path, finding.message)
    })
    .collect()
}

pub(super) fn check(listing: &str, rules: &[&str], expected: &[&str]) {
    assert_eq!(found(listing, rules), expected, "{listing}");
}

/// One root module with a variable file and a backend file for each of two environments.
const BASE: &str = "\
--- infra/main.tf
terraform {
  backend \"s3\" {}
}
variable \"env\" { type = string }
resource \"aws_sqs_queue\" \"q\" { name = \"q-${var.env}\" }
--- infra/vars/staging.tfvars
env = \"staging\"
--- infra/vars/prod.tfvars
env = \"prod\"
--- infra/backend/staging.hcl
bucket       = \"b\"
key          = \"staging.tfstate\"
encrypt      = true
use_lockfile = true
--- infra/backend/prod.hcl
bucket       = \"b\"
key          = \"prod.tfstate\"
encrypt      = true
use_lockfile = true
";

pub(super) fn with_base(listing: &str) -> String {
    format!("{BASE}{listing}")
}

const FUNCTIONS: &str = "\
--- main.tf
variable \"environment\" { type = string }
resource \"aws_lambda_function\" \"cron\" {
  function_name = \"cron-${var.environment}\"
  image_uri     = \"1.dkr.ecr.eu-west-1.amazonaws.com/cron@sha256:aa\"
}
resource \"aws_lambda_alias\" \"cron\" {
  name             = \"stable\"
  function_name    = aws_lambda_function.cron.function_name
  function_version = aws_lambda_function.cron.version
}
";

const OWNERSHIP: &[&str] = &["image-owned-twice", "alias-owned-twice"];

#[test]
fn a_function_that_another_call_names_is_nobody_elses() {
    check(
        &format!(
            "{FUNCTIONS}--- deploy.sh\n\
             aws lambda update-function-code --function-name \"api-$1\" --image-uri \"$R@$D\"\n\
             aws lambda update-alias --function-name \"cron-$1\" --name live --function-version \"$V\"\n"
        ),
        OWNERSHIP,
        &[],
    );
    check(
        &format!(
            "{FUNCTIONS}--- deploy.sh\n\
             aws lambda update-function-code --function-name \"cron-$1\" --image-uri \"$R@$D\"\n\
             aws lambda update-alias --function-name \"cron-$1\" --name \"$ALIAS\" --function-version \"$V\"\n"
        ),
        OWNERSHIP,
        &[
            "error image-owned-twice main.tf:4 Terraform manages image_uri of aws_lambda_function.cron and something else deploys it too",
            "error alias-owned-twice main.tf:9 Terraform manages the version of aws_lambda_alias.cron and a deployer moves it",
        ],
    );
}

#[test]
fn a_function_in_a_module_has_the_names_that_its_callers_give() {
    let listing = |called: &str| {
        format!(
            "--- modules/f/main.tf\n\
             variable \"name\" {{ type = string }}\n\
             resource \"aws_lambda_function\" \"this\" {{\n  function_name = var.name\n  image_uri = \"r@sha256:1\"\n}}\n\
             --- main.tf\n\
             variable \"env\" {{ type = string }}\n\
             locals {{ prefix = \"shop\" }}\n\
             module \"f\" {{\n  source = \"./modules/f\"\n  name = \"${{local.prefix}}-worker-${{var.env}}\"\n}}\n\
             --- deploy.sh\n\
             aws lambda update-function-code --function-name {called} --image-uri \"$R@$D\"\n"
        )
    };
    check(&listing("shop-api-$1"), OWNERSHIP, &[]);
    let said = "error image-owned-twice modules/f/main.tf:4 Terraform manages image_uri of aws_lambda_function.this and something \
                else deploys it too";
    check(&listing("shop-worker-$1"), OWNERSHIP, &[said]);
    check(&listing("\"$FN\""), OWNERSHIP, &[said]);
}

#[test]
fn the_workflows_that_github_runs_itself_are_waited_for_and_only_a_missing_one_is_underlined() {
    let listing = "\
--- .github/workflows/run.yml
on:
  workflow_run:
    types: [completed]
    workflows:
      - CodeQL
      - pages-build-deployment
      - Dependabot Updates
      - Nightly
jobs: { x: { runs-on: ubuntu-latest, steps: [{ run: echo }] } }
";
    check(
        listing,
        &["workflow-dangling"],
        &[
            "error workflow-dangling .github/workflows/run.yml:8 this waits for the workflow \"Nightly\", which does not exist, so it \
           never runs",
        ],
    );
}

#[test]
fn an_artifact_may_come_from_an_action_of_somebody_else() {
    let listing = |uses: &str| {
        format!(
            "--- .github/workflows/w.yml\n\
             on: push\n\
             jobs:\n  b:\n    runs-on: x\n    steps:\n      - uses: {uses}\n      - uses: docker/build-push-action@v6\n\
             \x20 c:\n    needs: b\n    runs-on: x\n    steps:\n      - uses: actions/download-artifact@v4\n        with: {{ name: Packages }}\n"
        )
    };
    check(&listing("hynek/build-and-inspect-python-package@v2"), &[], &[]);
    check(
        &listing("actions/checkout@v4"),
        &[],
        &[
            "error workflow-dangling .github/workflows/w.yml:13 the artifact \"Packages\" is uploaded nowhere in this workflow",
        ],
    );
}

#[test]
fn values_that_a_script_writes_are_not_missing() {
    let listing = |script: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"env\" {{}}\nvariable \"replicas\" {{ type = number }}\n\
             resource \"aws_sqs_queue\" \"q\" {{ name = \"q-${{var.env}}-${{var.replicas}}\" }}\n\
             --- dev.tfvars\nenv = \"dev\"\nreplicas = 1\n--- prod.tfvars\nenv = \"prod\"\n--- deploy.sh\n{script}\n"
        )
    };
    check(&listing("echo 'replicas = 4' > extra.auto.tfvars"), &["value-missing"], &[]);
    check(&listing("./generate.sh | tee \"$1.tfvars\""), &["value-missing"], &[]);
    let said = "error value-missing prod.tfvars:1 prod has no value for \"replicas\", which has no default";
    check(&listing("cat prod.tfvars > log"), &["value-missing"], &[said]);
    check(&listing("echo 'replicas = 4' >> dev.tfvars"), &["value-missing"], &[said]);
}

#[test]
fn an_account_whose_workspaces_are_the_environments_misses_no_values() {
    let listing = |script: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"env\" {{}}\n\
             resource \"aws_sqs_queue\" \"q\" {{ name = \"q-${{var.env}}\" }}\n\
             --- vars/dev.tfvars\nenv = \"dev\"\n--- vars/prod.tfvars\nenv = \"prod\"\n\
             --- backends/nonprod.hcl\nbucket = \"n\"\nkey = \"x\"\nencrypt = true\nuse_lockfile = true\n\
             --- backends/prod.hcl\nbucket = \"p\"\nkey = \"x\"\nencrypt = true\nuse_lockfile = true\n--- go.sh\n{script}\n"
        )
    };
    check(&listing("terraform workspace select dev"), &["value-missing"], &[]);
    check(
        &listing("terraform plan"),
        &["value-missing"],
        &["warning value-missing main.tf:4 nonprod has no value for \"env\", which has no default"],
    );
}

#[test]
fn a_state_that_a_variable_or_a_script_tells_apart_is_not_shared() {
    let listing = |key: &str, script: &str| {
        format!(
            "--- infra/main.tf\nterraform {{\n  backend \"s3\" {{\n    bucket = \"acme\"\n    key = \"{key}\"\n    encrypt = true\n\
             \x20   use_lockfile = true\n  }}\n}}\nvariable \"env\" {{}}\nresource \"aws_sqs_queue\" \"q\" {{ name = \"q-${{var.env}}\" }}\n\
             --- infra/vars/dev.tfvars\nenv = \"dev\"\n--- infra/vars/prod.tfvars\nenv = \"prod\"\n--- go.sh\n{script}\n"
        )
    };
    check(&listing("x.tfstate", "export TF_WORKSPACE=$1"), &["state-shared"], &[]);
    check(&listing("__ENV__/x.tfstate", "sed -i \"s/__ENV__/$1/\" infra/main.tf"), &["state-shared"], &[]);
    check(
        &listing("x.tfstate", "terraform -chdir=infra apply"),
        &["state-shared"],
        &[
            "warning state-shared infra/main.tf:4 dev (infra) and prod (infra) keep one state: s3 acme/x.tfstate, unless somebody chooses a \
           workspace by hand",
        ],
    );
}

#[test]
fn buckets_that_are_meant_to_be_others_are_left_alone() {
    check(
        &with_base(
            "--- a.sh\n\
             aws s3 cp s3://b/prod.tfstate ./backup.tfstate\n\
             aws s3 cp backup.tfstate s3://acme-tfstate-copies/$(date +%F)/\n\
             aws s3 mb s3://acme-preview-tfstate\n\
             aws s3 sync s3://b s3://acme-tfstate-backups\n\
             aws s3 cp s3://other-team-terraform-state/vpc/outputs.json .\n\
             terraform -chdir=other init -backend-config=bucket=zzz -backend-config=key=x\n",
        ),
        &["pipeline-state-differs"],
        &[],
    );
    check(
        &with_base(
            "--- a.sh\n\
             aws s3 cp s3://bb-tfstate/prod.tfstate .\n\
             aws s3 cp backup.tfstate s3://bb/prod.tfstate\n\
             aws s3 ls s3://bb-tfstate\n",
        ),
        &["pipeline-state-differs"],
        &[
            "warning pipeline-state-differs a.sh:1 the state bucket \"bb-tfstate\" is none of those that the backends name: b",
            "warning pipeline-state-differs a.sh:2 the state bucket \"bb\" is none of those that the backends name: b",
            "warning pipeline-state-differs a.sh:3 the state bucket \"bb-tfstate\" is none of those that the backends name: b",
        ],
    );
}

#[test]
fn a_key_that_no_backend_has_is_said_where_it_names_an_environment() {
    let init = |key: &str| with_base(&format!("--- a.sh\ncd infra\nterraform init -backend-config=key={key}\n"));
    for key in ["prod.tfstate", "$ENV.tfstate", "pr-$NUMBER-prod.tfstate", "scratch.tfstate"] {
        check(&init(key), &["pipeline-state-differs"], &[]);
    }
    check(
        &init("production.tfstate"),
        &["pipeline-state-differs"],
        &[
            "warning pipeline-state-differs a.sh:2 the key of the state \"production.tfstate\" is none of those that the backends name: \
           prod.tfstate, staging.tfstate",
        ],
    );
}

#[test]
fn a_folder_whose_terraform_was_removed_is_bound_to_nothing() {
    let script = |between: &str| {
        with_base(&format!(
            "--- y.sh\n\
             terraform -chdir=infra init -backend-config=backend/staging.hcl\n\
             terraform -chdir=infra plan -var-file=vars/staging.tfvars -out=p\n\
             {between}\n\
             terraform -chdir=infra init -backend-config=backend/prod.hcl\n"
        ))
    };
    for between in ["rm -rf infra/.terraform", "git clean -fdx", "rm -rf infra/.terraform/"] {
        check(&script(between), &["terraform-switched"], &[]);
    }
    check(
        &script("rm -rf infra/build"),
        &["terraform-switched"],
        &["warning terraform-switched y.sh:4 y.sh switches this folder from staging to prod without `-reconfigure`"],
    );
}

const SWITCHED: &[&str] = &["terraform-switched"];

const STAGING: &str = "terraform -chdir=infra init -reconfigure -backend-config=backend/staging.hcl";
const PROD: &str = "terraform -chdir=infra init -reconfigure -backend-config=backend/prod.hcl";
const PLAN_STAGING: &str = "terraform -chdir=infra plan -var-file=vars/staging.tfvars -out=p";
const PLAN_PROD: &str = "terraform -chdir=infra plan -var-file=vars/prod.tfvars -out=p";

pub(super) fn script(lines: &str) -> String {
    with_base(&format!("--- a.sh\n{lines}\n"))
}

#[test]
fn branches_that_exclude_each_other_do_not_meet() {
    let each = |init: &str, plan: &str, other: (&str, &str)| {
        [
            format!(
                "if [ \"$1\" = prod ]; then\n  {init}\nelse\n  {}\nfi\nif [ \"$1\" = prod ]; then\n  {plan}\nelse\n  {}\nfi",
                other.0, other.1
            ),
            format!(
                "case $1 in\n  prod) {init} ;;\n  staging) {} ;;\nesac\ncase $1 in\n  prod) {plan} ;;\n  staging) {} ;;\nesac",
                other.0, other.1
            ),
            format!(
                "[[ $1 == prod ]] && {init}\n[[ $1 == staging ]] && {}\n[[ $1 == prod ]] && {plan}\n[[ $1 == staging ]] && {}",
                other.0, other.1
            ),
        ]
    };
    for text in each(PROD, PLAN_PROD, (STAGING, PLAN_STAGING)) {
        check(&script(&text), SWITCHED, &[]);
    }
    for text in each(STAGING, PLAN_PROD, (PROD, PLAN_STAGING)) {
        assert_eq!(found(&script(&text), SWITCHED).len(), 2, "{text}");
    }
    // What may have run in between is left alone, and what certainly has is not.
    check(&script(&format!("{STAGING}\nif ./is-main; then {PROD}; fi\n{PLAN_PROD}")), SWITCHED, &[]);
    let said = "error terraform-switched a.sh:3 a.sh plans the state of staging with the values of prod";
    check(&script(&format!("{STAGING}\nif ./is-main; then\n{PLAN_PROD}\nfi")), SWITCHED, &[said]);
}

pub(super) fn workflow(steps: &str) -> String {
    with_base(&format!(
        "--- .github/workflows/w.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  prod:\n    runs-on: x\n    environment: prod\n\
         \x20   steps:\n{steps}"
    ))
}

#[test]
fn steps_with_other_conditions_do_not_meet() {
    let steps = |first: &str, second: &str| {
        workflow(&format!(
            "      - if: github.ref_name != 'main'\n        run: {STAGING}\n      - if: github.ref_name == 'main'\n        run: {PROD}\n\
             \x20     - if: github.ref_name != 'main'\n        run: {first}\n      - if: github.ref_name == 'main'\n        run: {second}\n"
        ))
    };
    check(&steps(PLAN_STAGING, PLAN_PROD), SWITCHED, &[]);
    assert_eq!(found(&steps(PLAN_PROD, PLAN_STAGING), SWITCHED).len(), 2);
}

#[test]
fn what_variables_loops_and_matrices_stand_for_is_followed_where_it_is_written() {
    let said = "plans the state of staging with the values of prod";
    for text in [
        script(&format!(
            "{STAGING}\nfor env in staging prod; do\n  terraform -chdir=infra plan -var-file=vars/$env.tfvars\ndone"
        )),
        workflow(&format!(
            "      - env: {{ ENV: prod }}\n        run: |\n          {STAGING}\n          terraform -chdir=infra plan -var-file=vars/$ENV.tfvars\n"
        )),
        workflow(&format!(
            "      - run: |\n          export TF_CLI_ARGS_plan=-var-file=vars/prod.tfvars\n          {STAGING}\n          terraform -chdir=infra plan -out=p\n"
        )),
        with_base(&format!("--- Makefile\nhotfix:\n\t{STAGING} && {PLAN_PROD}\n")),
        format!(
            "{}--- Makefile\nENV ?= staging\nTF = terraform -chdir=infra\ninit:\n\t$(TF) init -backend-config=backend/$(ENV).hcl\n\
             prod: init\n\t$(TF) plan -var-file=vars/prod.tfvars -out=p\n",
            workflow("      - run: make prod\n")
        ),
    ] {
        let found = found(&text, SWITCHED);
        assert!(found.len() == 1 && found[0].starts_with("error") && found[0].ends_with(said), "{text}{found:#?}");
    }
    for text in [
        script(
            "for e in staging prod; do\n  terraform -chdir=infra init -reconfigure -backend-config=backend/$e.hcl\n  \
                terraform -chdir=infra plan -var-file=vars/$e.tfvars\ndone",
        ),
        script(&format!(
            "{STAGING}\nfor env in $ENVS; do\n  terraform -chdir=infra plan -var-file=vars/$env.tfvars\ndone"
        )),
        script(&format!(
            "{PROD}\nterraform -chdir=infra plan -var-file=vars/staging.tfvars -var-file=vars/prod.tfvars"
        )),
        // Whoever calls it may say which environment.
        with_base(
            "--- Makefile\nENV ?= staging\ninit:\n\tterraform -chdir=infra init -backend-config=backend/$(ENV).hcl\n\
             prod: init\n\tterraform -chdir=infra plan -var-file=vars/prod.tfvars -out=p\n",
        ),
    ] {
        check(&text, SWITCHED, &[]);
    }
}

/// The same with environments that are called otherwise, in a folder that holds nothing but environments.
fn renamed(text: &str, first: &str, second: &str) -> String {
    let text = text.replace("vars/", "envs/").replace("backend/", "envs/");
    let text = text.replace("staging", "@1").replace("prod", "@2");
    text.replace("@1", first).replace("@2", second)
}

#[test]
fn environments_whose_names_are_common_words_are_told_apart_as_others_are() {
    for (first, second) in [("test", "prod"), ("test", "live"), ("main", "next"), ("blue", "green"), ("int", "acc")] {
        let said = format!("a.sh plans the state of {first} with the values of {second}");
        for text in [
            script(&format!("{STAGING}\n{PLAN_PROD}")),
            script(&format!(
                "{STAGING}\nfor e in staging prod; do\n  terraform -chdir=infra plan -var-file=vars/$e.tfvars\ndone"
            )),
            script(&format!("prod() {{\n  {PLAN_PROD}\n}}\n{STAGING}\nprod")),
            script(&format!("if test \"$1\" = staging; then\n  {STAGING}\n  {PLAN_PROD}\nfi")),
        ] {
            let text = renamed(&text, first, second);
            let found = found(&text, SWITCHED);
            assert!(found.len() == 1 && found[0].ends_with(&said), "{text}{found:#?}");
        }
        let unsaid = [
            script(&format!("{STAGING}\n{PLAN_STAGING}\n{PROD}\n{PLAN_PROD}")),
            script(&format!(
                "case $1 in\n  staging) {STAGING} ;;\n  prod) {PROD} ;;\nesac\ncase $1 in\n  staging) {PLAN_STAGING} ;;\n  prod) {PLAN_PROD} ;;\nesac"
            )),
            script(
                "for e in staging prod; do\n  terraform -chdir=infra init -reconfigure -backend-config=backend/$e.hcl\n  terraform -chdir=infra plan -var-file=vars/$e.tfvars\ndone",
            ),
            script(&format!(
                "if test \"$1\" = staging; then {STAGING}; else {PROD}; fi\nif test \"$1\" = staging; then {PLAN_STAGING}; else {PLAN_PROD}; fi"
            )),
        ];
        for text in unsaid {
            check(&renamed(&text, first, second), SWITCHED, &[]);
        }
    }
    let make = with_base(&format!(
        "--- Makefile\nstaging:\n\t{STAGING}\n\t{PLAN_STAGING}\nprod:\n\t{PROD}\n\t{PLAN_PROD}\nall: staging prod\n"
    ));
    check(&renamed(&make, "test", "live"), SWITCHED, &[]);
}

#[test]
fn a_state_that_is_copied_over_another_is_an_error() {
    let migrate = |flags: &str| {
        script(&format!("{STAGING}\nterraform -chdir=infra init {flags} -backend-config=backend/prod.hcl"))
    };
    check(
        &migrate("-migrate-state -force-copy"),
        SWITCHED,
        &["error terraform-switched a.sh:2 a.sh copies the state of staging over that of prod, without a question"],
    );
    check(&migrate("-migrate-state"), SWITCHED, &[]);
}

/// A job for production that runs something, beside the files that it runs.
fn deploys(run: &str, files: &str) -> String {
    format!(
        "{files}--- .github/workflows/x.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  prod:\n    runs-on: x\n    environment: prod\n\
         \x20   steps:\n      - run: {run}\n      - run: curl -f https://x || ./rollback.sh\n"
    )
}

const PUSH: &str =
    "--- push.sh\naws lambda update-function-code --function-name \"beacon-$1\" --image-uri \"$ECR/beacon:latest\"\n";
const GO: &str =
    "go() { aws lambda update-function-code --function-name \"beacon-$1\" --image-uri \"$ECR/beacon:latest\"; }\n";

#[test]
fn recipes_are_followed_in_every_form_in_which_make_and_just_take_them() {
    for (run, files) in [
        ("make", ".DEFAULT_GOAL := deploy\nhelp:\n\t@echo x\ndeploy:\n\t@./push.sh prod\n"),
        ("make", "deploy:\n\t-./push.sh prod\n"),
        ("make all", "all: deploy\ndeploy:\n\t./push.sh prod\n"),
        ("make deploy-prod", "deploy-%:\n\t./push.sh $*\n"),
        ("make deploy", "deploy: ; ./push.sh prod\n"),
        ("make deploy", "deploy: E=prod\ndeploy:\n\t./push.sh $(E)\n"),
        ("make deploy", "SCRIPT := ./push.sh\ndeploy:\n\t$(SCRIPT) prod\n"),
        ("make deploy", "deploy:\nifeq ($(CI),true)\n\t./push.sh prod\nendif\n"),
        ("make deploy", "include mk/deploy.mk\n--- mk/deploy.mk\ndeploy:\n\t./push.sh prod\n"),
        ("make -C ops deploy", "x:\n\techo\n--- ops/Makefile\ndeploy:\n\t../push.sh prod\n"),
    ] {
        let listing = deploys(run, &format!("{PUSH}--- Makefile\n{files}"));
        let found = found(&listing, &["deploys-tag"]);
        assert!(found.len() == 1 && found[0].starts_with("warning deploys-tag push.sh:1"), "{listing}{found:#?}");
    }
    for (run, files) in [
        ("just deploy", "deploy env=\"prod\": (_p env)\n\n_p e:\n    #!/usr/bin/env bash\n    ./push.sh {{e}}\n"),
        ("just d prod", "alias d := deploy\ndeploy +envs:\n    @./push.sh {{envs}}\n"),
    ] {
        let listing = deploys(run, &format!("{PUSH}--- justfile\n{files}"));
        assert_eq!(found(&listing, &["deploys-tag"]).len(), 1, "{listing}");
    }
    check(
        &deploys("make test", &format!("{PUSH}--- Makefile\ntest:\n\tpytest\ndeploy:\n\t./push.sh prod\n")),
        &["deploys-tag"],
        &[],
    );
}

#[test]
fn wrappers_and_sourced_files_are_followed() {
    for text in [
        "lambda() { aws lambda \"$@\"; }\nlambda update-function-code --function-name b-$1 --image-uri \"$R:latest\"\n",
        "AWS=\"aws --profile prod\"\n$AWS lambda update-function-code --function-name b --image-uri \"$R:latest\"\n",
        "run() { echo \"+ $*\"; \"$@\"; }\nrun aws lambda update-function-code --function-name b --image-uri \"$R:latest\"\n",
        "awscmd=(aws --profile x)\n\"${awscmd[@]}\" lambda update-function-code --function-name b --image-uri \"$R:latest\"\n",
    ] {
        let found = found(&deploys("./ship.sh prod", &format!("--- ship.sh\n{text}")), &["deploys-tag"]);
        assert!(found.len() == 1 && found[0].contains("ship.sh:2"), "{text}{found:#?}");
    }
    for source in [
        ". \"$(dirname \"$0\")/lib.sh\"",
        "DIR=$(cd \"$(dirname \"$0\")\" && pwd); . \"$DIR/lib.sh\"",
        "source \"${SCRIPT_DIR}/lib.sh\"",
        "source ./ops/lib.sh",
    ] {
        let files = format!("--- ops/ship.sh\n{source}\ngo prod\n--- ops/lib.sh\n{GO}--- lib.sh\necho\n");
        assert_eq!(found(&deploys("$GITHUB_WORKSPACE/ops/ship.sh", &files), &["deploys-tag"]).len(), 1, "{source}");
    }
    // A function that nobody calls deploys nothing.
    check(&deploys("./ops/ship.sh", &format!("--- ops/ship.sh\n{GO}echo\n")), &["deploys-tag"], &[]);
}

#[test]
fn only_the_arm_that_an_argument_picks_is_taken() {
    let listing = |run: &str| {
        format!(
            "--- .github/workflows/n.yml\non: workflow_dispatch\njobs:\n  drift:\n    runs-on: x\n    environment: prod\n    steps:\n\
             \x20     - run: scripts/tf prod {run}\n--- scripts/tf\nENV=$1\ncase \"$2\" in\n\
             \x20 plan)  terraform plan -var-file=\"$ENV.tfvars\" -out=p ;;\n\
             \x20 yolo)  terraform apply -auto-approve -var-file=\"$ENV.tfvars\" ;;\nesac\n"
        )
    };
    let rules = ["no-concurrency", "apply-unreviewed"];
    let alone =
        "hint apply-unreviewed scripts/tf:4 scripts/tf applies without a saved plan, so nobody saw what it changes";
    check(&listing("plan"), &rules, &[alone]);
    assert_eq!(found(&listing("yolo"), &rules).len(), 2);
    assert!(found(&listing("yolo"), &["apply-unreviewed"])[0].starts_with("warning"));
    assert!(found(&listing("\"$X\""), &["apply-unreviewed"])[0].starts_with("warning"));
}
