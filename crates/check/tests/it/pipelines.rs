//! Workflows as people write them: what is said about each, and what is not.

use tiers_check::{FileTree, Options, check as check_tree};

/// Every finding of these rules, as `severity rule line message`; all rules where none is named.
fn found(listing: &str, rules: &[&str]) -> Vec<String> {
    let report = check_tree(&FileTree::from_listing(listing), &Options::default());
    report
        .findings
        .iter()
        .filter(|finding| rules.is_empty() || rules.contains(&finding.rule))
        .map(|finding| {
            let (severity, line) = (finding.severity.as_str(), finding.at.line);
            format!("{severity} {} {}:{line} {}", finding.rule, finding.at.path, finding.message)
        })
        .collect()
}

fn check(listing: &str, rules: &[&str], expected: &[&str]) {
    assert_eq!(found(listing, rules), expected, "{listing}");
}

const DELIVERY: &[&str] = &["gate-accepts-failure", "no-rollback", "no-smoke-test"];

/// A deployment to production behind tests and a linter, with a condition.
fn gated(condition: &str) -> String {
    format!(
        "--- .github/workflows/cd.yml\n\
         on: {{ push: {{ branches: [main] }}, workflow_dispatch: {{}} }}\n\
         concurrency: x\n\
         jobs:\n\
         \x20 test:\n    runs-on: x\n    steps: [{{ run: pytest }}]\n\
         \x20 lint:\n    runs-on: x\n    steps: [{{ run: eslint . }}]\n\
         \x20 deploy-prod:\n    needs: [test, lint]\n    if: {condition}\n    runs-on: x\n    environment: prod\n    steps:\n\
         \x20     - run: aws lambda update-alias --function-name app-prod --name live --function-version 7 && curl -f https://x || ./rollback.sh\n"
    )
}

#[test]
fn a_deployment_that_waits_for_success_in_other_words_is_left_alone() {
    for condition in [
        "always() && !contains(needs.*.result, 'failure') && !contains(needs.*.result, 'cancelled')",
        "contains(fromJSON('[\"success\"]'), needs.test.result) && needs.lint.result == 'success' && always()",
        "${{ always() && join(needs.*.result, ',') == 'success,success' }}",
        "needs.test.result == 'success' || needs.test.result == 'skipped'",
        "${{ !failure() && !cancelled() }}",
        "github.ref == 'refs/heads/main'",
    ] {
        check(&gated(condition), &[], &[]);
    }
}

#[test]
fn a_deployment_that_lets_failures_pass_says_whose() {
    let at = "gate-accepts-failure .github/workflows/cd.yml:12";
    for (condition, severity, says) in [
        ("always()", "error", "runs whether or not what it needs succeeded"),
        ("success() || failure()", "error", "runs whether or not what it needs succeeded"),
        ("always() && needs.test.result == 'success'", "error", "also runs when lint failed"),
        (
            "\"${{ always() }} && needs.test.result == 'success'\"",
            "error",
            "runs whether or not what it needs succeeded",
        ),
        (
            "always() && !contains(needs.*.result, 'failure')",
            "error",
            "also runs when the run is cancelled before test or lint ended",
        ),
        (
            "${{ !cancelled() && (success() || github.event_name == 'workflow_dispatch') }}",
            "warning",
            "can run although test or lint failed",
        ),
        (
            "\"${{ github.ref == 'refs/heads/main' }} && success()\"",
            "error",
            "has a condition that is always true: text stands outside of `${{ }}`",
        ),
    ] {
        check(&gated(condition), &[], &[&format!("{severity} {at} deploy-prod {says}")]);
    }
}

#[test]
fn a_gate_that_may_be_left_out_is_a_warning() {
    let listing = gated("${{ !failure() && !cancelled() }}")
        .replace("  test:\n    runs-on: x\n", "  test:\n    if: github.event_name == 'push'\n    runs-on: x\n");
    let says = "warning gate-accepts-failure .github/workflows/cd.yml:13 deploy-prod also runs when test was skipped";
    check(&listing, &[], &[says]);
}

/// A deployment and its smoke test, then a job under this name and condition that goes back.
fn taken_back(name: &str, condition: &str) -> String {
    format!(
        "--- .github/workflows/cd.yml\n\
         on: workflow_dispatch\n\
         concurrency: x\n\
         jobs:\n\
         \x20 prod:\n    runs-on: x\n    environment: prod\n    steps:\n\
         \x20     - run: aws lambda update-alias --function-name geo-prod --name live --function-version $NEW\n\
         \x20 smoke:\n    needs: prod\n    runs-on: x\n    steps: [{{ run: curl -f https://x/health }}]\n\
         \x20 {name}:\n    needs: [prod, smoke]\n    if: {condition}\n    runs-on: x\n    environment: prod\n    steps:\n\
         \x20     - run: aws lambda update-alias --function-name geo-prod --name live --function-version $PREV\n"
    )
}

#[test]
fn a_job_that_runs_only_after_a_failure_is_the_rollback_whatever_it_is_called() {
    for condition in [
        "failure()",
        "failure() && needs.prod.result == 'success'",
        "always() && needs.smoke.result == 'failure'",
        "${{ !cancelled() && needs.smoke.result == 'failure' }}",
        "${{ always() && contains(needs.*.result, 'failure') }}",
    ] {
        check(&taken_back("restore", condition), &[], &[]);
    }
}

#[test]
fn a_job_that_runs_in_any_case_is_no_rollback() {
    let listing = taken_back("again", "always()");
    let at = ".github/workflows/cd.yml";
    check(
        &listing,
        DELIVERY,
        &[
            &format!("warning no-rollback {at}:8 nothing takes back what prod deploys to production when it fails"),
            &format!("error gate-accepts-failure {at}:15 again runs whether or not what it needs succeeded"),
            &format!("warning no-rollback {at}:19 nothing takes back what again deploys to production when it fails"),
            &format!("warning no-smoke-test {at}:19 nothing tests what again deploys after users meet it"),
        ],
    );
}

fn in_steps(steps: &str) -> String {
    format!(
        "--- .github/workflows/cd.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  prod:\n    runs-on: x\n    environment: prod\n    steps:\n{steps}"
    )
}

#[test]
fn a_step_that_runs_only_after_a_failure_goes_back_and_is_not_the_deployment() {
    let shift = "aws lambda update-alias --function-name geo-prod --name live --function-version";
    check(
        &in_steps(&format!(
            "      - run: {shift} $NEW\n      - id: smoke\n        continue-on-error: true\n        run: python ci/smoke.py --env prod\n      - if: steps.smoke.outcome == 'failure'\n        run: |\n          {shift} $OLD\n          exit 1\n"
        )),
        &[],
        &[],
    );
    check(
        &in_steps(&format!(
            "      - run: {shift} $NEW\n      - run: curl -f https://x\n      - if: ${{{{ !success() }}}}\n        run: {shift} $OLD\n"
        )),
        &[],
        &[],
    );
}

const ECS: &str = "aws ecs update-service --cluster shop-prod --service web --task-definition";

#[test]
fn a_script_that_goes_back_when_the_wait_fails_has_its_rollback() {
    let wait = "aws ecs wait services-stable --cluster shop-prod --services web";
    let script = |then: &str| {
        format!(
            "{}--- ci/ecs.sh\n{ECS} \"$new\"\nif ! {wait}; then\n  {then}\n  exit 1\nfi\n",
            in_steps("      - run: ./ci/ecs.sh\n      - run: curl -f https://x\n")
        )
    };
    check(&script(&format!("{ECS} \"$cur\"")), DELIVERY, &[]);
    check(
        &script("echo it did not come up"),
        DELIVERY,
        &["warning no-rollback ci/ecs.sh:1 nothing takes back what prod deploys to production when it fails"],
    );
}

#[test]
fn a_circuit_breaker_in_terraform_takes_a_service_back() {
    let with = |rollback: &str| {
        format!(
            "{}--- main.tf\nresource \"aws_ecs_service\" \"web\" {{\n  name = \"web\"\n  deployment_circuit_breaker {{\n    enable   = true\n    rollback = {rollback}\n  }}\n}}\n",
            in_steps(&format!("      - run: {ECS} \"$T\"\n      - run: curl -f https://x\n"))
        )
    };
    check(&with("true"), DELIVERY, &[]);
    check(
        &with("false"),
        DELIVERY,
        &[
            "warning no-rollback .github/workflows/cd.yml:8 nothing takes back what prod deploys to production when it fails",
        ],
    );
}
