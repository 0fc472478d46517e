//! Failures that nobody hears of: of tests, plans, deployments and ways back, wherever they are thrown away.

use crate::pipelines::{found, in_steps};

const SHIFT: &str = "aws lambda update-alias --function-name app-prod --name live --function-version 7";
const RULES: &[&str] = &["gate-accepts-failure", "no-smoke-test"];

/// What is said of a tree: where, and what after the job's name.
fn said(listing: &str) -> Vec<String> {
    let mut found = found(listing, RULES);
    for text in &mut found {
        *text = text.replace(".github/workflows/", "").replace(", after users meet what it deploys", "");
    }
    found
}

/// A deployment whose smoke test is this step, with further files.
fn smoke(step: &str, files: &str) -> Vec<String> {
    said(&format!("{}{files}", in_steps(&format!("      - run: {SHIFT}\n      - {step}\n"))))
}

#[test]
fn a_smoke_test_that_cannot_fail_is_found_in_scripts_actions_and_recipes() {
    let lost =
        |at: &str| [format!("warning gate-accepts-failure {at} prod has a smoke test whose failure is thrown away")];
    let script = "--- ci/check.sh\nset -e\ncurl -f https://x\n";
    assert_eq!(smoke("run: ./ci/check.sh || true", script), lost("cd.yml:9"));
    assert_eq!(smoke("run: ./ci/check.sh || echo failed", script), lost("cd.yml:9"));
    assert_eq!(smoke("run: ./ci/check.sh", script), [""; 0]);
    assert_eq!(smoke("run: ./ci/check.sh || { echo failed; exit 1; }", script), [""; 0]);
    let told = "--- ci/check.sh\nif curl -f https://x; then\n  echo fine\nelse\n  echo bad\nfi\n";
    assert_eq!(smoke("run: ./ci/check.sh", told), lost("ci/check.sh:1"));
    assert_eq!(smoke("run: ./ci/check.sh", &told.replace("echo bad", "exit 1")), [""; 0]);
    let action = |more: &str| {
        format!(
            "--- .github/actions/s/action.yml\nruns:\n  using: composite\n  steps:\n    - {{ shell: bash, run: curl -f https://x{more} }}\n"
        )
    };
    assert_eq!(
        smoke("uses: ./.github/actions/s", &action(", continue-on-error: true")),
        lost(".github/actions/s/action.yml:4")
    );
    assert_eq!(smoke("uses: ./.github/actions/s", &action("")), [""; 0]);
    let recipe = |mark: &str| format!("--- Makefile\ncheck:\n\t{mark}curl -f https://x\n");
    assert_eq!(smoke("run: make check", &recipe("-")), lost("Makefile:2"));
    assert_eq!(smoke("run: make check", &recipe("@")), [""; 0]);
    let through = |mark: &str| format!("--- Makefile\nsmoke:\n\t{mark}./ci/check.sh\n{script}");
    assert_eq!(smoke("run: make smoke", &through("-")), lost("Makefile:2"));
    assert_eq!(smoke("run: make smoke", &through("")), [""; 0]);
    let patient = "--- ci/check.sh\nfor i in 1 2 3; do\n  curl -f https://x && exit 0\n  sleep 5\ndone\nexit 1\n";
    assert_eq!(smoke("{ run: ./ci/check.sh, continue-on-error: true }", patient), lost("cd.yml:9"));
    assert_eq!(smoke("run: ./ci/check.sh", patient), [""; 0]);
    assert_eq!(smoke("run: curl https://x | grep -q fine || echo not yet", ""), lost("cd.yml:9"));
    assert_eq!(smoke("run: curl https://x | grep -q fine", ""), [""; 0]);
}

/// A deployment in a called workflow, and a job after it.
fn after(job: &str) -> Vec<String> {
    said(&format!(
        "--- .github/workflows/cd.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  ship:\n    uses: ./.github/workflows/d.yml\n{job}\
         --- .github/workflows/d.yml\non: workflow_call\njobs:\n  prod:\n    runs-on: x\n    environment: prod\n    steps: [{{ run: {SHIFT} }}]\n\
         --- .github/workflows/s.yml\non: workflow_call\njobs:\n  look:\n    runs-on: x\n    steps: [{{ run: curl -f https://x || true }}]\n"
    ))
}

#[test]
fn a_smoke_test_that_cannot_fail_is_found_in_later_jobs_and_called_workflows() {
    let lost =
        |at: &str| [format!("warning gate-accepts-failure {at} ship has a smoke test whose failure is thrown away")];
    assert_eq!(after("  smoke:\n    needs: ship\n    uses: ./.github/workflows/s.yml\n"), lost("s.yml:5"));
    let job = |more: &str, run: &str| {
        after(&format!("  smoke:\n    needs: ship\n    runs-on: x\n{more}    steps: [{{ run: {run} }}]\n"))
    };
    assert_eq!(job("", "pytest smoke || true"), lost("cd.yml:9"));
    assert_eq!(job("    continue-on-error: true\n", "pytest smoke"), lost("cd.yml:9"));
    assert_eq!(job("", "pytest smoke"), [""; 0]);
    assert_eq!(after("  smoke:\n    needs: ship\n    uses: acme/x/.github/workflows/smoke.yml@v1\n"), [""; 0]);
    let none = ["warning no-smoke-test d.yml:6 nothing tests what ship deploys after users meet it"];
    assert_eq!(after(""), none);
    assert_eq!(
        after("  tell:\n    needs: ship\n    if: failure()\n    runs-on: x\n    steps: [{ run: curl -f https://x }]\n"),
        none
    );
}

#[test]
fn a_deployment_or_a_way_back_that_cannot_fail_looks_done() {
    let prod = |step: &str| said(&in_steps(&format!("      - {step}\n      - run: curl -f https://x\n")));
    let lost = |what: &str, line: usize| {
        [format!(
            "warning gate-accepts-failure cd.yml:{line} prod has a {what} whose failure is thrown away, so that it looks done"
        )]
    };
    for step in [
        format!("run: {SHIFT} || true"),
        format!("run: {SHIFT} || echo could not"),
        format!("run: if {SHIFT}; then echo done; else echo not; fi"),
        "run: helm upgrade app chart --wait || true".to_string(),
    ] {
        assert_eq!(prod(&step), lost("deployment", 8), "{step}");
    }
    assert_eq!(prod(&format!("{{ run: {SHIFT}, continue-on-error: true }}")), lost("deployment", 8));
    for step in [
        format!("run: {SHIFT} || aws lambda create-alias --function-name app-prod --name live"),
        format!("run: {SHIFT} || exit 1"),
        "run: kubectl apply -f ns.yml || true; kubectl apply -f app.yml".to_string(),
        format!(
            "{{ id: d, run: {SHIFT}, continue-on-error: true }}\n      - if: steps.d.outcome == 'failure'\n        run: ./rollback.sh"
        ),
        "run: helm rollback app || true; helm upgrade app chart".to_string(),
    ] {
        assert_eq!(prod(&step), [""; 0], "{step}");
    }
    let code = "aws lambda update-function-code --function-name app-prod --image-uri r@d";
    assert_eq!(prod(&format!("run: {code} && {SHIFT} || true")), lost("deployment", 8));
    assert_eq!(prod(&format!("run: {code} || true; {SHIFT}")), [""; 0]);
    let back = |condition: &str, run: &str| {
        said(&format!(
            "--- .github/workflows/rollback.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  look:\n    runs-on: x\n    steps: [{{ run: ls }}]\n  prod:\n    needs: look\n{condition}    runs-on: x\n\
             \x20   environment: prod\n    steps: [{{ run: {run} }}]\n"
        ))
    };
    let failed = "    if: failure()\n";
    assert_eq!(back("", "kubectl rollout undo deploy/app || true").len(), 1);
    assert_eq!(back(failed, "./rollback.sh app || echo stuck").len(), 1);
    assert_eq!(back(failed, &format!("{SHIFT} || true")).len(), 1);
    assert_eq!(back("", "kubectl rollout undo deploy/app").len(), 0);
    assert_eq!(back(failed, "kubectl rollout undo deploy/app; ./page.sh || true").len(), 0);
}

#[test]
fn what_stands_before_production_and_may_fail_is_no_gate() {
    let before = |id: &str, body: &str| {
        said(&format!(
            "--- .github/workflows/cd.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  {id}:\n    runs-on: x\n{body}\
             \x20 prod:\n    needs: {id}\n    runs-on: x\n    environment: prod\n    steps: [{{ run: {SHIFT} && curl -f https://x }}]\n"
        ))
    };
    let soft = "    continue-on-error: true\n";
    let staging = format!("    environment: staging\n    steps: [{{ run: {SHIFT} && curl -f https://y }}]\n");
    assert_eq!(
        before("staging", &format!("{soft}{staging}")),
        ["warning gate-accepts-failure cd.yml:6 staging may fail and counts as passed, before prod"]
    );
    assert_eq!(before("staging", &staging), [""; 0]);
    let approve = "    steps: [{ uses: trstringer/manual-approval@v1 }]\n";
    assert_eq!(before("approve", &format!("{soft}{approve}")).len(), 1);
    assert_eq!(
        before("approve", "    steps: [{ uses: trstringer/manual-approval@v1, continue-on-error: true }]\n").len(),
        1
    );
    assert_eq!(before("approve", approve), [""; 0]);
    assert_eq!(before("notes", &format!("{soft}    steps: [{{ run: ./notes.sh }}]\n")), [""; 0]);
}

#[test]
fn a_plan_that_may_fail_matters_where_the_apply_makes_one_of_its_own() {
    let steps =
        |plan: &str, apply: &str| said(&in_steps(&format!("      - {plan}\n      - run: terraform apply {apply}\n")));
    let says = "prod has a plan that may fail and counts as made, before prod";
    for plan in [
        "{ run: terraform plan, continue-on-error: true }",
        "run: terraform plan || true",
        "run: terraform plan || echo no plan",
    ] {
        let expected = format!("warning gate-accepts-failure cd.yml:8 {says}");
        assert_eq!(steps(plan, "-auto-approve"), [expected], "{plan}");
        assert_eq!(steps(plan, "tf.plan"), [""; 0], "{plan}");
    }
    let asked = "{ id: plan, run: terraform plan, continue-on-error: true }\n      - if: steps.plan.outcome == 'failure'\n        run: exit 1";
    assert_eq!(steps(asked, "-auto-approve"), [""; 0]);
    assert_eq!(steps("run: terraform plan", "-auto-approve"), [""; 0]);
}

#[test]
fn a_wait_is_all_that_tells_where_nothing_tests() {
    let steps = |run: &str| said(&in_steps(&format!("      - run: kubectl apply -f app.yml\n      - run: {run}\n")));
    let untested = "warning no-smoke-test cd.yml:8 nothing tests what prod deploys after users meet it";
    let wait = "kubectl rollout status deploy/app";
    assert_eq!(
        steps(&format!("{wait} || true")),
        [
            untested,
            "warning gate-accepts-failure cd.yml:9 prod waits for what it deploys and throws away whether that came up"
        ]
    );
    assert_eq!(steps(wait), [untested]);
    assert_eq!(steps(&format!("{wait} || true; curl -f https://x")), [""; 0]);
}

#[test]
fn what_only_cleans_up_first_may_fail_but_not_before_production() {
    let listing = |environment: &str| {
        said(&format!(
            "--- .github/workflows/w.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  clear:\n    runs-on: x\n    steps: [{{ run: ./clear.sh }}]\n\
             \x20 up:\n    needs: clear\n    if: always()\n    runs-on: x\n    environment: {environment}\n    steps: [{{ run: terraform apply x.plan }}]\n"
        ))
    };
    assert_eq!(listing("sandbox"), [""; 0]);
    assert_eq!(listing("prod").len(), 1);
}

#[test]
fn a_recipe_of_tests_that_cannot_fail_is_said_where_that_is_thrown_away() {
    let listing = |run: &str| {
        said(&format!(
            "--- .github/workflows/cd.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  test:\n    runs-on: x\n    steps: [{{ run: {run} }}]\n\
             \x20 prod:\n    needs: test\n    runs-on: x\n    environment: prod\n    steps: [{{ run: {SHIFT} && curl -f https://x }}]\n\
             --- Makefile\ntest:\n\tpytest\n"
        ))
    };
    let says = "warning gate-accepts-failure cd.yml:6 test has a test whose failure is thrown away, before prod";
    assert_eq!(listing("make test || true"), [says]);
    assert_eq!(listing("make test"), [""; 0]);
}
