//! Applies that nobody reviewed and states that meet other values, wherever a pipeline hides them.

use crate::pipelines::{check, found};

/// A workflow with this condition of starting and these jobs.
fn workflow(on: &str, jobs: &str) -> String {
    format!("--- .github/workflows/infra.yml\non: {on}\nconcurrency: x\njobs:\n{jobs}")
}

fn job(id: &str, more: &str, run: &str) -> String {
    format!(
        "  {id}:\n    runs-on: x\n{more}    steps:\n      - run: |\n          {}\n",
        run.replace('\n', "\n          ")
    )
}

/// The severities of what is said of applies, with where.
fn unreviewed(listing: &str) -> Vec<String> {
    let short = |text: String| {
        let mut words = text.split(' ');
        let (severity, at) = (words.next().unwrap_or_default().to_string(), words.nth(1).unwrap_or_default());
        format!("{severity} {}", at.rsplit('/').next().unwrap_or_default())
    };
    found(listing, &["apply-unreviewed"]).into_iter().map(short).collect()
}

#[test]
fn an_apply_in_the_arm_for_production_is_one_for_production() {
    let script = "--- ci/tf.sh\ncase \"$1\" in\n  prod|production)\n    terraform apply -auto-approve\n    ;;\n  *)\n    terraform plan\n    ;;\nesac\n";
    assert_eq!(unreviewed(script), ["warning tf.sh:3"]);
    assert_eq!(unreviewed(&script.replace("prod|production", "dev")), ["hint tf.sh:3"]);
    assert_eq!(unreviewed(&script.replace("-auto-approve", "tf.plan")), [""; 0]);
    let asked = "--- ci/tf.sh\nif [ \"$ENV\" = prod ]; then\n  terraform apply -auto-approve\nelse\n  terraform apply -auto-approve\nfi\n";
    assert_eq!(unreviewed(asked), ["warning tf.sh:2", "hint tf.sh:4"]);
    let called = |arm: &str| workflow("workflow_dispatch", &job("run", "", &format!("./ci/tf.sh {arm}")));
    assert_eq!(unreviewed(&format!("{}{script}", called("prod"))), ["warning tf.sh:3"]);
    let folder =
        "--- ci/tf.sh\ncd envs/prod && terraform apply -auto-approve\ncd ../dev && terraform apply -auto-approve\n";
    assert_eq!(unreviewed(folder), ["warning tf.sh:1", "hint tf.sh:2"]);
}

#[test]
fn an_apply_behind_a_recipe_is_seen_where_it_is_for_production() {
    let makefile = "--- Makefile\nENV ?= dev\napply:\n\tcd terraform/$(ENV) && terraform apply -auto-approve\napply-prod:\n\tterraform apply -auto-approve\ndestroy:\n\tterraform -chdir=terraform/$(ENV) destroy -auto-approve\n";
    assert_eq!(unreviewed(makefile), ["hint Makefile:3", "warning Makefile:5"]);
    let with = |run: &str| unreviewed(&format!("{}{makefile}", workflow("workflow_dispatch", &job("run", "", run))));
    assert_eq!(with("make apply ENV=prod"), ["warning Makefile:3", "warning Makefile:5"]);
    assert_eq!(with("make destroy ENV=prod"), ["hint Makefile:3", "warning Makefile:5", "warning Makefile:7"]);
    assert_eq!(with("make destroy ENV=dev"), ["hint Makefile:3", "warning Makefile:5"]);
    let justfile = "--- justfile\napply-prod:\n  terraform apply -auto-approve\n";
    assert_eq!(unreviewed(justfile), ["warning justfile:2"]);
}

#[test]
fn a_destroy_without_a_look_is_one_for_previews_only() {
    let destroy =
        |on: &str, more: &str| unreviewed(&workflow(on, &job("down", more, "terraform destroy -auto-approve")));
    let chosen = "    environment: ${{ inputs.env }}\n";
    let choice = |options: &str| {
        format!("{{ workflow_dispatch: {{ inputs: {{ env: {{ type: choice, options: [{options}] }} }} }} }}")
    };
    assert_eq!(destroy("workflow_dispatch", ""), ["hint infra.yml:8"]);
    assert_eq!(destroy("workflow_dispatch", "    environment: prod\n"), ["warning infra.yml:9"]);
    assert_eq!(destroy("workflow_dispatch", "    environment: dev\n"), [""; 0]);
    assert_eq!(destroy("{ pull_request: { types: [closed] } }", ""), [""; 0]);
    assert_eq!(destroy(&choice("dev, prod"), chosen), ["warning infra.yml:9"]);
    assert_eq!(destroy(&choice("dev, staging"), chosen), ["hint infra.yml:9"]);
}

/// What is said of switching by a job that runs these commands.
fn switched(more: &str, run: &str) -> Vec<String> {
    let mut found = found(&workflow("push", &job("tf", more, run)), &["terraform-switched"]);
    for text in &mut found {
        *text = text.replace("terraform-switched .github/workflows/infra.yml:", "");
    }
    found
}

#[test]
fn a_workspace_meets_the_values_of_another_environment() {
    assert_eq!(
        switched("", "terraform init\nterraform workspace select prod\nterraform plan -var-file=vars/staging.tfvars"),
        ["error 10 tf plans the workspace of prod with the values of staging"]
    );
    assert_eq!(
        switched(
            "",
            "terraform workspace select prod || terraform workspace new prod\nterraform apply -var-file=dev.tfvars"
        ),
        ["error 9 tf plans the workspace of prod with the values of dev"]
    );
    assert_eq!(
        switched("    env: { TF_WORKSPACE: prod }\n", "terraform init\nterraform plan -var-file=dev.tfvars"),
        ["error 10 tf plans the workspace of prod with the values of dev"]
    );
    assert_eq!(
        switched("", "terraform init -backend-config=envs/staging.hcl\nterraform workspace select prod"),
        ["warning 9 tf takes the workspace of prod in the state of staging"]
    );
    for quiet in [
        "terraform workspace select prod\nterraform plan -var-file=prod.tfvars",
        "terraform workspace select prod-eu\nterraform plan -var-file=prod.tfvars",
        "terraform workspace select $ENV\nterraform plan -var-file=prod.tfvars",
        "for e in staging prod; do\n  terraform workspace select $e\n  terraform apply -var-file=$e.tfvars\ndone",
        "terraform init -backend-config=nonprod.hcl\nterraform workspace select staging\nterraform plan -var-file=staging.tfvars",
        "TF_WORKSPACE=dev terraform plan -var-file=dev.tfvars\nTF_WORKSPACE=prod terraform plan -var-file=prod.tfvars",
        "terraform workspace list\nterraform plan -var-file=prod.tfvars",
        "terraform init -backend-config=prod-eu.hcl\nterraform plan -var-file=prod.tfvars",
    ] {
        assert_eq!(switched("", quiet), [""; 0], "{quiet}");
    }
    assert_eq!(
        switched("", "terraform init -backend-config=prod-eu.hcl\nterraform plan -var-file=prod-us.tfvars").len(),
        1
    );
}

#[test]
fn a_workspace_that_the_branch_chooses_is_followed_case_by_case() {
    let choice = "${{ github.ref == 'refs/heads/main' && 'prod' || 'staging' }}";
    let says = "error 9 tf plans the workspace of prod with the values of staging";
    let select = format!("terraform workspace select {choice}");
    assert_eq!(switched("", &format!("{select}\nterraform plan -var-file=staging.tfvars")), [says]);
    assert_eq!(switched("", &format!("{select}\nterraform plan -var-file={choice}.tfvars")), [""; 0]);
    let env = format!("    env:\n      ENV: {choice}\n");
    assert_eq!(switched(&env, "terraform workspace select $ENV\nterraform plan -var-file=vars/$ENV.tfvars"), [""; 0]);
    assert_eq!(
        switched(&env, "terraform init -backend-config=prod.hcl\nterraform plan -var-file=$ENV.tfvars"),
        ["error 11 tf plans the state of prod with the values of staging"]
    );
    let other = "${{ github.event_name == 'push' && 'prod' || 'staging' }}";
    assert_eq!(switched("", &format!("{select}\nterraform plan -var-file={other}.tfvars")), [""; 0]);
    check(
        &workflow("push", &job("tf", "", &format!("{select}\nterraform plan -var-file=$(cat env).tfvars"))),
        &["terraform-switched"],
        &[],
    );
}

#[test]
fn the_arms_for_all_others_are_not_for_production() {
    let script = "--- ci/tf.sh\nenv=$2\ncase \"$1\" in\n  apply)\n    if [ \"$env\" = prod ]; then\n      terraform apply prod.plan\n    else\n      terraform apply -auto-approve\n    fi\n    ;;\n\
                  \x20 destroy)\n    case \"$env\" in\n      prod) terraform destroy -auto-approve ;;\n      *) terraform destroy -auto-approve ;;\n    esac\n    ;;\nesac\n";
    let on = "{ workflow_dispatch: { inputs: { env: { type: choice, options: [dev, prod] } } } }";
    let run = job("tf", "    environment: ${{ inputs.env }}\n", "./ci/tf.sh \"$ACTION\" \"${{ inputs.env }}\"");
    assert_eq!(unreviewed(&format!("{}{script}", workflow(on, &run))), ["hint tf.sh:7", "warning tf.sh:12"]);
}

#[test]
fn a_goal_that_only_needs_others_is_followed_too() {
    let makefile =
        "--- Makefile\nall: deploy-staging deploy-prod\ndeploy-%:\n\tcd infra/$* && terraform apply -auto-approve\n";
    assert_eq!(unreviewed(makefile), ["warning Makefile:3"]);
    assert_eq!(unreviewed(&makefile.replace(" deploy-prod", "")), ["hint Makefile:3"]);
}

#[test]
fn an_argument_that_has_to_be_there_is_the_one_that_is_given() {
    let script = "--- tf.sh\nenv=\"${1:?}\"\nterraform init -reconfigure -backend-config=\"$env.hcl\"\nif [[ \"$env\" == prod ]]; then\n  terraform apply -var-file=VALUES.tfvars x.plan\nelse\n  terraform apply x.plan\nfi\n";
    let env = |id: &str| job(id, &format!("    environment: {id}\n    concurrency: {id}\n"), &format!("./tf.sh {id}"));
    let said = |values: &str, jobs: &str| {
        let listing = format!("{}{}", workflow("push", jobs), script.replace("VALUES", values));
        found(&listing, &["terraform-switched", "terraform-parallel"]).len()
    };
    assert_eq!(said("prod", &env("prod")), 0);
    assert_eq!(said("dev", &env("prod")), 1);
    assert_eq!(said("prod", &format!("{}{}", env("dev"), env("prod"))), 1);
    let after = env("prod").replace("    runs-on: x\n", "    needs: dev\n    runs-on: x\n");
    assert_eq!(said("prod", &format!("{}{after}", env("dev"))), 0);
}

#[test]
fn a_step_that_no_caller_asks_for_does_not_run() {
    let called = |command: &str, on: &str| {
        format!(
            "--- .github/workflows/w.yml\non: {on}\njobs:\n  infra:\n    uses: ./.github/workflows/tf.yml\n    with: {{ command: {command} }}\n\
             --- .github/workflows/tf.yml\non: {{ workflow_call: {{ inputs: {{ command: {{ type: string }} }} }} }}\njobs:\n  run:\n    runs-on: x\n    environment: prod\n    steps:\n\
             \x20     - if: inputs.command == 'apply' && github.ref == 'x'\n        run: terraform apply x.plan\n\
             \x20     - if: inputs.command == 'destroy'\n        run: terraform destroy -auto-approve\n"
        )
    };
    let rules = ["apply-unreviewed", "no-concurrency"];
    let said = |command: &str| found(&called(command, "push"), &rules).len();
    assert_eq!(said("plan"), 0);
    assert_eq!(said("apply"), 1);
    assert_eq!(said("destroy"), 1);
    assert_eq!(said("\"${{ github.event_name }}\""), 2);
}

#[test]
fn what_is_wrong_with_a_plan_is_its_backend_or_its_values_and_the_fix_says_both() {
    let fix = |values: &str| {
        let run = format!("terraform init -backend-config=prod.hcl\nterraform plan -var-file={values}.tfvars\n");
        let listing = format!("--- deploy.sh\n#!/bin/sh\n{run}--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\n");
        let report =
            tiers_check::check(&tiers_check::FileTree::from_listing(&listing), &tiers_check::Options::default());
        report.findings.into_iter().find(|it| it.rule == "terraform-switched").map(|it| it.fix)
    };
    let expected = "Give this plan the values of prod, or run init with the backend of staging right before it.";
    assert_eq!(fix("staging").as_deref(), Some(expected));
    assert_eq!(fix("prod"), None);
}
