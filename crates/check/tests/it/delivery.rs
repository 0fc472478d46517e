//! How deployments wait, what they take, what stops them and what takes them back: each form that fires beside those that do not.

use crate::pipelines::{check, found, in_steps};

/// How many pauses of a script are reported.
fn pauses(path: &str, script: &str) -> usize {
    found(&format!("--- {path}\n{script}\n"), &["sleep-as-waiter"]).len()
}

const UPDATE: &str = "aws lambda update-function-configuration --function-name f --memory-size 512";

#[test]
fn a_pause_in_a_loop_that_looks_or_after_a_failure_is_how_one_waits() {
    for quiet in [
        "while :; do\n  s=$(aws lambda get-function --function-name f)\n  [ \"$s\" = ok ] && break\n  sleep 5\ndone",
        "for i in 1 2 3; do\n  curl -f https://x && exit 0\n  sleep 5\ndone\nexit 1",
        "poll() {\n  aws lambda get-function --function-name f && return 0\n  sleep 5\n}\nuntil poll; do :; done",
        "aws lambda publish-version --function-name f || { echo again; sleep 20; aws lambda publish-version --function-name f; }",
        "if ! aws lambda publish-version --function-name f; then\n  sleep 20\n  aws lambda publish-version --function-name f\nfi",
    ] {
        assert_eq!(pauses("d.sh", &format!("{UPDATE}\n{quiet}")), 0, "{quiet}");
    }
    let each =
        format!("for f in a b c; do\n  {UPDATE}\n  sleep 20\n  aws lambda publish-version --function-name $f\ndone");
    assert_eq!(pauses("d.sh", &each), 1);
    assert_eq!(pauses("d.sh", &format!("{UPDATE} && sleep 20 && aws lambda publish-version --function-name f")), 1);
    assert_eq!(pauses("d.sh", &format!("wait_a_bit() {{ sleep 20; }}\n{UPDATE}\nwait_a_bit")), 1);
}

#[test]
fn a_pause_before_a_proper_wait_is_a_head_start() {
    let wait = "aws lambda wait function-updated-v2 --function-name f";
    assert_eq!(pauses("d.sh", &format!("{UPDATE}\nsleep 30\n{wait}")), 0);
    assert_eq!(pauses("d.sh", &format!("{UPDATE}\necho waiting\nsleep 30\necho now\n{wait}\nsleep 3")), 0);
    let looks = "until [ \"$(aws lambda get-function --function-name f)\" = ok ]; do\n  sleep 5\ndone";
    assert_eq!(pauses("d.sh", &format!("{UPDATE}\nsleep 10\n{looks}")), 0);
    assert_eq!(pauses("d.sh", "kubectl apply -f x.yml\nsleep 10\nkubectl rollout status deploy/x"), 0);
    assert_eq!(pauses("d.sh", "kubectl apply -f x.yml\nsleep 10\nkubectl rollout restart deploy/x"), 1);
    assert_eq!(pauses("d.sh", &format!("{UPDATE}\nsleep 30\ncurl -f https://x")), 1);
}

#[test]
fn tests_may_pause_as_they_like() {
    let script = format!("{UPDATE}\nsleep 30\ncurl -f https://x");
    for path in ["tests/update.sh", "ci/e2e/run.sh", "scripts/test-update.sh", "scripts/update_test.sh"] {
        assert_eq!(pauses(path, &script), 0, "{path}");
    }
    assert_eq!(pauses("scripts/deploy-and-smoke-test.sh", &script), 1);
    let job = |id: &str| {
        let steps = format!("[{{ run: {UPDATE} }}, {{ run: sleep 30 }}, {{ run: pytest }}]");
        found(
            &format!("--- .github/workflows/w.yml\non: push\njobs:\n  {id}:\n    runs-on: x\n    steps: {steps}\n"),
            &["sleep-as-waiter"],
        )
    };
    assert_eq!(job("integration-test").len(), 0);
    assert_eq!(job("configure").len(), 1);
}

#[test]
fn a_script_that_two_jobs_and_an_action_call_is_told_of_once() {
    let job = |id: &str| {
        format!("  {id}:\n    runs-on: x\n    steps: [{{ run: ./d.sh }}, {{ uses: ./.github/actions/u }}]\n")
    };
    let listing = format!(
        "--- .github/workflows/w.yml\non: push\njobs:\n{}{}--- d.sh\n{UPDATE}\nsleep 30\n./x\n\
         --- .github/actions/u/action.yml\nruns:\n  using: composite\n  steps:\n    - {{ shell: bash, run: \"{UPDATE}; sleep 9; ./x\" }}\n",
        job("a"),
        job("b")
    );
    let says = "a pause of";
    check(
        &listing,
        &["sleep-as-waiter"],
        &[
            &format!(
                "warning sleep-as-waiter .github/actions/u/action.yml:4 {says} 9 stands where the service could be asked whether it is ready"
            ),
            &format!(
                "warning sleep-as-waiter d.sh:2 {says} 30 stands where the service could be asked whether it is ready"
            ),
        ],
    );
}

/// A job over environments, with a strategy.
fn in_turn(strategy: &str, more: &str) -> String {
    format!(
        "--- .github/workflows/infra.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  apply:\n    runs-on: x\n{more}\
         \x20   environment: ${{{{ matrix.env }}}}\n    strategy:\n{strategy}    steps:\n      - run: terraform apply plan.out\n"
    )
}

#[test]
fn a_row_of_environments_that_goes_on_after_a_failure_stops_nothing() {
    let rules = ["gate-accepts-failure", "terraform-parallel"];
    let row = "      max-parallel: 1\n      matrix:\n        env: [dev, staging, prod]\n";
    let loose = format!("      fail-fast: false\n{row}");
    let says = "apply goes on to prod although staging failed";
    check(&in_turn(&loose, ""), &rules, &[&format!("error gate-accepts-failure .github/workflows/infra.yml:8 {says}")]);
    check(
        &in_turn(row, "    continue-on-error: true\n"),
        &rules,
        &[&format!("error gate-accepts-failure .github/workflows/infra.yml:6 {says}")],
    );
    check(&in_turn(row, ""), &rules, &[]);
    for matrix in ["env: [prod-eu, prod-us]", "env: [dev, staging]", "env: [prod, staging]", "version: [a, b]"] {
        let strategy = format!("      fail-fast: false\n      max-parallel: 1\n      matrix:\n        {matrix}\n");
        check(&in_turn(&strategy, ""), &rules, &[]);
    }
    let beside = "      fail-fast: false\n      matrix:\n        env: [dev, staging, prod]\n";
    check(
        &in_turn(beside, ""),
        &rules,
        &[
            "warning terraform-parallel .github/workflows/infra.yml:11 apply applies Terraform in several environments at the same time",
        ],
    );
}

#[test]
fn a_row_of_calls_that_goes_on_after_a_failure_is_seen_too() {
    let listing = |fail_fast: &str| {
        format!(
            "--- .github/workflows/all.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  each:\n    strategy:\n{fail_fast}      max-parallel: 1\n\
             \x20     matrix:\n        include: [{{ env: staging }}, {{ env: prod }}]\n    uses: ./.github/workflows/one.yml\n    with: {{ env: \"${{{{ matrix.env }}}}\" }}\n\
             --- .github/workflows/one.yml\non: {{ workflow_call: {{ inputs: {{ env: {{ type: string }} }} }} }}\njobs:\n  deploy:\n    runs-on: x\n    environment: ${{{{ inputs.env }}}}\n\
             \x20   steps: [{{ run: aws lambda update-alias --function-name f --name live }}]\n"
        )
    };
    check(
        &listing("      fail-fast: false\n"),
        &["gate-accepts-failure"],
        &["error gate-accepts-failure .github/workflows/all.yml:6 each goes on to prod although staging failed"],
    );
    check(&listing(""), &["gate-accepts-failure"], &[]);
}

#[test]
fn a_deployment_in_steps_that_is_in_order_is_left_alone() {
    let steps =
        "      - run: aws lambda update-alias --function-name f --name live && curl -f https://x || ./rollback.sh\n";
    check(&in_steps(steps), &[], &[]);
}
