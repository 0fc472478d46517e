//! Workflows as people write them: what is said about each, and what is not.

use tiers_check::{FileTree, Options, check as check_tree};

/// Every finding of these rules, as `severity rule line message`; all rules where none is named.
pub(crate) fn found(listing: &str, rules: &[&str]) -> Vec<String> {
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

pub(crate) fn check(listing: &str, rules: &[&str], expected: &[&str]) {
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

pub(crate) fn in_steps(steps: &str) -> String {
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

pub(super) const SHIFT: &str = "aws lambda update-alias --function-name app-prod --name live --function-version \"$V\"";

#[test]
fn what_only_tells_people_is_neither_a_smoke_test_nor_a_rollback() {
    let at = ".github/workflows/cd.yml:8";
    let untested = format!("warning no-smoke-test {at} nothing tests what prod deploys after users meet it");
    let stuck = format!("warning no-rollback {at} nothing takes back what prod deploys to production when it fails");
    for step in [
        "run: curl -X POST -d done $SLACK_WEBHOOK_URL",
        "run: curl -s https://hooks.slack.com/services/x -d ok",
        "run: curl -o x.zip https://github.com/x/y.zip",
        "run: ./ci/upload-test-results.sh",
        "run: gh pr comment -F test.md",
        "run: echo smoke test ok",
        "run: kill $(cat test.pid)",
    ] {
        let steps = format!("      - run: {SHIFT}\n      - {step}\n      - if: failure()\n        run: ./back.sh\n");
        check(&in_steps(&steps), &[], &[&untested]);
    }
    for step in [
        "run: \"curl -d 'deploy failed' $SLACK\"",
        "uses: slackapi/slack-github-action@v1",
        "uses: actions/upload-artifact@v4",
    ] {
        let steps =
            format!("      - run: {SHIFT}\n      - run: curl -f https://x\n      - if: failure()\n        {step}\n");
        check(&in_steps(&steps), &[], &[&stuck]);
    }
    let fine = format!(
        "      - run: {SHIFT}\n      - run: curl -fo /dev/null https://x\n      - if: failure()\n        run: ./b.sh\n"
    );
    check(&in_steps(&fine), &[], &[]);
}

#[test]
fn throwing_away_the_failure_of_what_is_no_test_is_fine() {
    let steps = |line: &str| {
        format!(
            "      - run: pytest\n      - run: {line} || true\n      - run: {SHIFT} && curl -f https://x || ./rollback.sh\n"
        )
    };
    for line in [
        "kill $(cat test.pid)",
        "pkill -f test-server",
        "npm run test:report",
        "./scripts/cleanup-tests.sh",
        "./ci/upload-test-results.sh",
        "gh pr comment -F test.md",
        "aws lambda invoke --function-name warmup-prod out",
    ] {
        check(&in_steps(&steps(line)), &[], &[]);
    }
    let thrown = "warning gate-accepts-failure .github/workflows/cd.yml:9 prod has a test whose failure is thrown away, before prod";
    check(&in_steps(&steps("npm run test:e2e")), &[], &[thrown]);
}

#[test]
fn what_is_tried_out_on_the_machine_itself_deploys_nothing() {
    let listing = "--- .github/workflows/ci.yml\non: pull_request\njobs:\n  build-production:\n    runs-on: x\n    steps:\n\
         \x20     - run: aws lambda update-function-code --function-name app-prod --image-uri r/x:y --dry-run\n\
         \x20     - run: |\n\
         \x20         aws --endpoint-url http://localhost:4566 lambda update-function-code --function-name app-prod --image-uri r/x:latest\n\
         \x20         sleep 10\n";
    check(listing, &[], &[]);
}

#[test]
fn a_pause_speaks_where_a_waiter_is_missing_and_not_after_traffic_has_moved() {
    let sleeps =
        |lines: &str| found(&format!("--- d.sh\n{lines}\nsleep 30\n./check-alarms.sh\n"), &["sleep-as-waiter"]).len();
    assert_eq!(sleeps("aws lambda update-alias --name live --routing-config AdditionalVersionWeights={2=0.1}"), 0);
    assert_eq!(
        sleeps("v=$(aws lambda publish-version --function-name f)\naws lambda update-alias --function-version $v"),
        0
    );
    assert_eq!(sleeps("aws ecs run-task --cluster c"), 1);
    let report = check_tree(
        &FileTree::from_listing("--- d.sh\naws cloudfront create-invalidation --paths /\nsleep 60\n"),
        &Options::default(),
    );
    assert!(report.findings[0].fix.contains("aws cloudfront wait invalidation-completed"), "{:?}", report.findings);
}

#[test]
fn the_newest_is_only_meant_where_it_is_taken() {
    let newest = |line: &str| {
        let steps = format!("      - run: {line}\n      - run: {SHIFT} && curl -f https://x || ./rollback.sh\n");
        found(&in_steps(&steps), &["artifact-newest"]).len()
    };
    assert_eq!(newest("gh run list --workflow nightly.yml --json conclusion --limit 5"), 0);
    assert_eq!(newest("\"aws ecr describe-images --query 'sort_by(imageDetails,&imagePushedAt)[:-30]'\""), 0);
    assert_eq!(newest("gh run list --workflow b.yml --json databaseId --limit 1"), 1);
    assert_eq!(newest("gh run list --workflow b.yml --json databaseId --limit 8 --jq '.[].databaseId'"), 0);
    assert_eq!(newest("\"aws ecr describe-images --query 'sort_by(imageDetails,&imagePushedAt)[-1]'\""), 1);
}

#[test]
fn infrastructure_that_did_not_change_may_be_skipped() {
    let listing = "--- .github/workflows/cd.yml\non: push\nconcurrency: x\njobs:\n\
         \x20 changes:\n    runs-on: x\n    outputs: { infra: \"${{ steps.f.outputs.infra }}\" }\n    steps: [{ id: f, uses: dorny/paths-filter@v3 }]\n\
         \x20 test:\n    runs-on: x\n    steps: [{ run: pytest }]\n\
         \x20 infra:\n    needs: [changes, test]\n    if: needs.changes.outputs.infra == 'true'\n    runs-on: x\n    environment: prod\n    steps: [{ run: terraform apply plan }]\n\
         \x20 deploy-prod:\n    needs: [changes, test, infra]\n    if: COND\n    runs-on: x\n    environment: prod\n    steps:\n\
         \x20     - run: aws lambda update-alias --function-name app-prod --name live --function-version 7 && curl -f https://x || ./rollback.sh\n";
    for condition in [
        "${{ !cancelled() && needs.test.result == 'success' && (needs.infra.result == 'success' || needs.infra.result == 'skipped') }}",
        "${{ always() && needs.test.result == 'success' && contains(fromJSON('[\"success\", \"skipped\"]'), needs.infra.result) }}",
        "needs.test.result == 'success' || needs.test.result == 'skipped'",
    ] {
        check(&listing.replace("COND", condition), &["gate-accepts-failure"], &[]);
    }
}

#[test]
fn a_chain_that_starts_whatever_the_other_workflow_came_to_is_one_finding() {
    let job = |name: &str, needs: &str| {
        format!(
            "  deploy-{name}:\n    needs: [{needs}]\n    runs-on: x\n    environment: {name}\n    steps: [{{ run: aws lambda update-alias --function-name app-{name} --name live }}]\n"
        )
    };
    let listing = format!(
        "--- .github/workflows/b.yml\nname: B\non: push\njobs: {{ a: {{ runs-on: x, steps: [{{ run: pytest }}] }} }}\n\
         --- .github/workflows/d.yml\non: {{ workflow_run: {{ workflows: [B], types: [completed] }} }}\nconcurrency: x\njobs:\n{}{}",
        job("dev", ""),
        job("prod", "deploy-dev")
    );
    check(
        &listing,
        &["gate-accepts-failure"],
        &[
            "error gate-accepts-failure .github/workflows/d.yml:1 deploy-prod also runs when the workflow that it waits for failed",
        ],
    );
    let asked = listing.replace(
        "runs-on: x\n    environment: dev",
        "if: github.event.workflow_run.conclusion == 'success'\n    runs-on: x\n    environment: dev",
    );
    check(&asked, &["gate-accepts-failure"], &[]);
}

#[test]
fn an_apply_with_the_values_of_production_is_a_warning_wherever_it_stands() {
    let makefile = |name: &str| {
        format!("--- Makefile\nhot:\n\tterraform -chdir=infra apply -auto-approve -var-file=vars/{name}.tfvars\n")
    };
    let says = "Makefile:2 Makefile applies without a saved plan, so nobody saw what it changes";
    check(&makefile("prod"), &["apply-unreviewed"], &[&format!("warning apply-unreviewed {says}")]);
    check(&makefile("dev"), &["apply-unreviewed"], &[&format!("hint apply-unreviewed {says}")]);
}

/// A workflow that deploys to the environment that it is given, and one that calls it behind tests.
fn called(deploy: &str, condition: &str, with: &str) -> String {
    format!(
        "--- .github/workflows/_deploy.yml\non:\n  workflow_call:\n    inputs:\n      env: {{ type: string, required: true }}\njobs:\n  ship:\n    runs-on: x\n{deploy}\
         --- .github/workflows/main.yml\non: {{ push: {{ branches: [main] }} }}\njobs:\n  test:\n    runs-on: x\n    steps: [{{ run: pytest }}]\n\
         \x20 prod:\n    needs: test\n{condition}    uses: ./.github/workflows/_deploy.yml\n    with: {{ env: {with} }}\n"
    )
}

const SHIP: &str = "    environment: ${{ inputs.env }}\n    steps:\n      - run: aws lambda update-alias --function-name a-${{ inputs.env }} --name live --function-version 7\n";

#[test]
fn a_called_workflow_is_held_to_what_its_callers_give_it() {
    let main = ".github/workflows/main.yml";
    let callee = ".github/workflows/_deploy.yml";
    check(
        &called(SHIP, "    if: always()\n", "prod"),
        &[],
        &[
            &format!(
                "warning no-rollback {callee}:10 nothing takes back what prod deploys to production when it fails"
            ),
            &format!("warning no-smoke-test {callee}:10 nothing tests what prod deploys after users meet it"),
            &format!(
                "warning no-concurrency {main}:6 two runs of prod can deploy at the same time: there is no `concurrency`"
            ),
            &format!("error gate-accepts-failure {main}:8 prod runs whether or not what it needs succeeded"),
        ],
    );
    check(
        &called(SHIP, "    if: always()\n    concurrency: x\n", "dev"),
        &[],
        &[
            &format!("hint no-smoke-test {callee}:10 nothing tests what prod deploys after users meet it"),
            &format!("warning gate-accepts-failure {main}:8 prod runs whether or not what it needs succeeded"),
        ],
    );
}

#[test]
fn what_is_wrong_in_a_called_workflow_is_said_once_and_for_the_worst_caller() {
    let both = called(SHIP, "    concurrency: x\n", "staging").replace("  prod:\n", "  staging:\n")
        + "  prod:\n    needs: staging\n    concurrency: x\n    uses: ./.github/workflows/_deploy.yml\n    with: { env: prod }\n";
    check(
        &both,
        &["no-smoke-test"],
        &["warning no-smoke-test .github/workflows/_deploy.yml:10 nothing tests what prod deploys after users meet it"],
    );
}

#[test]
fn a_called_workflow_in_order_is_left_alone() {
    let fine = format!("{SHIP}      - run: curl -f https://x\n      - if: failure()\n        run: ./back.sh\n");
    check(&called(&fine, "    concurrency: deploy-prod\n", "prod"), &[], &[]);
    // The environment of the called job is that of its caller.
    let bare = fine.replace("    environment: ${{ inputs.env }}\n", "");
    let says =
        "warning environment-missing .github/workflows/_deploy.yml:6 prod deploys to prod without `environment: prod`";
    check(&called(&bare, "    concurrency: deploy-prod\n", "prod"), &[], &[says]);
}

#[test]
fn an_environment_that_may_be_production_is_held_to_its_rules() {
    let listing = |job: &str| {
        format!(
            "--- .github/workflows/w.yml\non: {{ push: {{ branches: [main] }} }}\nconcurrency: x\njobs:\n  deploy:\n    runs-on: x\n{job}    steps:\n      - run: aws lambda update-alias --function-name app-$ENV --name live\n"
        )
    };
    let rules = ["no-smoke-test", "no-rollback"];
    for job in [
        "    environment: ${{ github.ref == 'refs/heads/main' && 'prod' || 'dev' }}\n",
        "    environment: ${{ vars.TARGET || 'production' }}\n",
        "    strategy: { matrix: { env: [dev, prod] } }\n    environment: ${{ matrix.env }}\n",
        "    strategy: { matrix: { include: [{ env: dev }, { env: prod }] } }\n    environment: ${{ matrix.env }}\n",
        "    strategy: { matrix: { env: [{ name: prod }] } }\n    environment: ${{ matrix.env.name }}\n",
        "    env: { ENV: prod }\n",
    ] {
        let found = found(&listing(job), &rules);
        assert!(found.len() == 2 && found.iter().all(|line| line.starts_with("warning")), "{job}: {found:?}");
    }
    for job in [
        "    environment: ${{ github.ref == 'refs/heads/main' && 'staging' || 'dev' }}\n",
        "    strategy: { matrix: { env: [dev, qa] } }\n    environment: ${{ matrix.env }}\n",
        "    environment: ${{ inputs.env }}\n",
    ] {
        let found = found(&listing(job), &rules);
        assert!(found.len() == 1 && found[0].starts_with("hint no-smoke-test"), "{job}: {found:?}");
    }
}

#[test]
fn a_job_under_the_name_of_another_environment_is_seen() {
    let listing = |id: &str, function: &str| {
        format!(
            "--- .github/workflows/w.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  {id}:\n    runs-on: x\n    environment: staging\n    steps:\n      - run: aws lambda update-alias --function-name {function} --name live && curl -f https://x || ./rollback.sh\n"
        )
    };
    let says = "warning environment-missing .github/workflows/w.yml:4 deploy-prod deploys to prod under `environment: staging`";
    check(&listing("deploy-prod", "app-prod"), &[], &[says]);
    // Its name or its command alone may mean something else.
    check(&listing("deploy-prod", "app"), &[], &[]);
    check(&listing("deploy", "app-prod"), &[], &[]);
}

#[test]
fn a_group_that_is_another_for_each_run_is_no_concurrency() {
    let listing = |group: &str| {
        format!(
            "--- .github/workflows/w.yml\non: push\nconcurrency: {group}\njobs:\n  dev:\n    runs-on: x\n    environment: dev\n    steps:\n      - run: aws lambda update-alias --function-name app-dev --name live && curl -f https://x\n"
        )
    };
    let says = "warning no-concurrency .github/workflows/w.yml:4 two runs of dev can deploy at the same time: each run has a group of its own";
    for group in [
        "deploy-${{ github.run_id }}",
        "{ group: \"deploy-${{ github.sha }}\", cancel-in-progress: false }",
        "\n  group: ${{ github.workflow }}-${{ github.head_ref || github.run_id }}",
    ] {
        check(&listing(group), &[], &[&says.replace(":4", if group.starts_with('\n') { ":5" } else { ":4" })]);
    }
    check(&listing("deploy-${{ github.ref }}"), &[], &[]);
}

#[test]
fn a_smoke_test_whose_failure_is_thrown_away_is_seen() {
    let says = |steps: &str| {
        let back = "      - if: failure()\n        run: ./back.sh\n";
        found(&in_steps(&format!("      - run: {SHIFT}\n{steps}{back}")), &["gate-accepts-failure"]).len()
    };
    assert_eq!(says("      - run: ./smoke.sh prod || true\n"), 1);
    assert_eq!(says("      - run: curl -f https://x || echo smoke failed\n"), 1);
    assert_eq!(says("      - run: ./smoke.sh prod\n        continue-on-error: true\n"), 1);
    assert_eq!(says("      - run: curl https://x || true\n      - run: ./smoke.sh prod\n"), 0);
    assert_eq!(
        says(
            "      - id: smoke\n        run: ./smoke.sh\n        continue-on-error: true\n      - if: steps.smoke.outcome == 'failure'\n        run: ./back.sh\n"
        ),
        0
    );
    assert_eq!(says("      - run: curl -f https://x || { echo bad; exit 1; }\n"), 0);
}

#[test]
fn a_test_whose_exit_code_is_lost_is_seen() {
    let says = |steps: &str| {
        found(
            &in_steps(&format!("{steps}      - run: {SHIFT} && curl -f https://x || ./back.sh\n")),
            &["gate-accepts-failure"],
        )
    };
    assert_eq!(says("      - run: pytest | tee out.txt\n").len(), 1);
    assert_eq!(says("      - run: pytest | tee out.txt\n        shell: bash\n").len(), 0);
    assert_eq!(says("      - run: |\n          set -o pipefail\n          pytest | tee out.txt\n").len(), 0);
    assert_eq!(says("      - run: pytest || echo flaky\n").len(), 1);
    assert_eq!(says("      - { id: t, run: pytest, continue-on-error: true }\n").len(), 1);
    assert_eq!(says("      - run: pytest; true\n").len(), 0);
}

#[test]
fn a_step_that_deploys_whatever_its_tests_came_to_is_an_error() {
    let steps = |condition: &str| {
        let shift =
            format!("      - if: {condition}\n        run: {SHIFT}\n      - run: curl -f https://x || ./back.sh\n");
        found(&in_steps(&format!("      - run: pytest\n{shift}")), &["gate-accepts-failure"])
    };
    for condition in ["always()", "${{ !cancelled() }}"] {
        assert_eq!(
            steps(condition),
            [
                "error gate-accepts-failure .github/workflows/cd.yml:9 prod has a step that deploys whether or not the tests before it passed"
            ]
        );
    }
    assert!(steps("success()").is_empty() && steps("github.ref == 'x'").is_empty());
}
