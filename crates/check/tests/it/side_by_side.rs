//! Applies that are approved, run side by side or are cut off, in each form that scripts and workflows have.

use super::scripts::{check, found, script, workflow};

#[test]
fn approving_by_other_means_is_approving() {
    let apply = "terraform -chdir=infra apply -var-file=vars/prod.tfvars";
    for run in [
        format!("yes yes | {apply}"),
        format!("echo yes | {apply}"),
        format!("TF_CLI_ARGS_apply=-auto-approve {apply}"),
        "terraform -chdir=infra destroy -auto-approve -var-file=vars/prod.tfvars".to_string(),
    ] {
        let found = found(&workflow(&format!("      - run: {run}\n")), &["apply-unreviewed"]);
        assert!(found.len() == 1 && found[0].starts_with("warning"), "{run}{found:#?}");
    }
    check(&workflow(&format!("      - run: {apply}\n")), &["apply-unreviewed"], &[]);
    check(&workflow(&format!("      - run: yes | {apply} p.plan\n")), &["apply-unreviewed"], &[]);
}

#[test]
fn applies_that_run_side_by_side_are_seen_in_each_form() {
    let matrix = |matrix: &str, more: &str| {
        format!(
            "--- .github/workflows/w.yml\non: push\nconcurrency: x\njobs:\n  all:\n    runs-on: x\n    strategy:\n{more}\
             \x20     matrix: {matrix}\n    steps:\n      - run: terraform apply p\n"
        )
    };
    for written in [
        "{ env: [staging, prod] }",
        "{ include: [{ env: staging, acct: 1 }, { env: prod, acct: 2 }] }",
        "{ env: \"${{ fromJSON('[\\\"staging\\\",\\\"prod\\\"]') }}\" }",
        "{ env: [{ name: staging }, { name: prod }] }",
    ] {
        assert_eq!(found(&matrix(written, ""), &["terraform-parallel"]).len(), 1, "{written}");
        check(&matrix(written, "      max-parallel: 1\n"), &["terraform-parallel"], &[]);
    }
    check(&matrix("{ part: [network, apps] }", ""), &["terraform-parallel"], &[]);
    for lines in [
        "for env in staging prod; do terraform apply $env.plan & done",
        "for env in staging prod; do (cd infra && terraform apply $env.plan) & done",
    ] {
        assert_eq!(found(&script(lines), &["terraform-parallel"]).len(), 1, "{lines}");
    }
    check(
        &script("for env in staging prod; do (cd infra && terraform apply $env.plan); done"),
        &["terraform-parallel"],
        &[],
    );
}

#[test]
fn jobs_that_always_run_and_do_not_wait_for_each_other_are_side_by_side() {
    let jobs = |prod: &str, staging: &str| {
        format!(
            "--- .github/workflows/w.yml\non: push\nconcurrency: x\njobs:\n  staging:\n    runs-on: x\n{staging}    environment: staging\n\
             \x20   steps:\n      - run: terraform apply p\n  prod:\n    runs-on: x\n{prod}    environment: prod\n    steps:\n\
             \x20     - run: terraform apply p\n"
        )
    };
    let said = "warning terraform-parallel .github/workflows/w.yml:9 staging and prod apply Terraform at the same time: neither needs the \
                other";
    check(&jobs("", ""), &["terraform-parallel"], &[said]);
    check(&jobs("    needs: staging\n", ""), &["terraform-parallel"], &[]);
    check(&jobs("    if: github.ref == 'refs/heads/main'\n", ""), &["terraform-parallel"], &[]);
    check(&jobs("", "    if: github.ref != 'refs/heads/main'\n"), &["terraform-parallel"], &[]);
}

#[test]
fn an_apply_that_a_newer_run_cancels_is_cut_off() {
    let listing = |cancel: &str, run: &str| {
        format!(
            "--- .github/workflows/x.yml\non: push\nconcurrency: {{ group: tf, cancel-in-progress: {cancel} }}\njobs:\n  prod:\n\
             \x20   runs-on: x\n    environment: prod\n    steps:\n      - run: {run}\n"
        )
    };
    let apply = "terraform plan -out=p && terraform apply p";
    let said = "warning no-concurrency .github/workflows/x.yml:2 a newer run stops prod in the middle of an apply";
    check(&listing("true", apply), &["no-concurrency"], &[said]);
    check(&listing("false", apply), &["no-concurrency"], &[]);
    check(&listing("true", "terraform plan -out=p"), &["no-concurrency"], &[]);
}

#[test]
fn a_gate_is_found_however_many_jobs_stand_between() {
    let listing = |first: &str| {
        let mut jobs = format!("  j0:\n    runs-on: x\n    steps: [{{ run: {first} }}]\n");
        for index in 1..150_usize {
            let needs: Vec<String> = (index.saturating_sub(5)..index).map(|needed| format!("j{needed}")).collect();
            jobs += &format!(
                "  j{index}:\n    runs-on: x\n    needs: [{}]\n    steps: [{{ run: make all }}]\n",
                needs.join(", ")
            );
        }
        jobs += "  ship:\n    runs-on: x\n    needs: j149\n    steps:\n      - run: aws lambda update-alias --function-name app-prod --name live\n";
        format!("--- .github/workflows/w.yml\non: {{ push: {{ branches: [main] }} }}\nconcurrency: x\njobs:\n{jobs}")
    };
    check(&listing("pytest"), &["prod-without-gate"], &[]);
    assert_eq!(found(&listing("echo"), &["prod-without-gate"]).len(), 1);
}

#[test]
fn a_module_that_is_called_with_the_tag_latest_runs_it() {
    let listing = |tag: &str, lifecycle: &str| {
        format!(
            "--- modules/m/main.tf\nvariable \"image_uri\" {{ type = string }}\nresource \"aws_lambda_function\" \"f\" {{\n\
             \x20 function_name = \"f\"\n  image_uri = var.image_uri\n{lifecycle}}}\n\
             --- main.tf\nmodule \"m\" {{\n  source = \"./modules/m\"\n  image_uri = \"r.example.com/media{tag}\"\n}}\n"
        )
    };
    let said = "warning image-latest main.tf:3 module.m.aws_lambda_function.f runs whatever image bears the tag latest";
    check(&listing(":latest", ""), &["image-latest"], &[said]);
    check(&listing("@sha256:aa", ""), &["image-latest"], &[]);
    check(&listing(":latest", "  lifecycle {\n    ignore_changes = [image_uri]\n  }\n"), &["image-latest"], &[]);
}
