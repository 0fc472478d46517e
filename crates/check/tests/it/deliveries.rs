//! Deployments as strangers wrote them: what tells their environment, what tests them and takes them back, and what is none.

use crate::pipelines::{check, found, in_steps};

/// The findings of a job that a push to `main` starts, with these steps.
fn on_push(id: &str, step: &str, files: &str, rules: &[&str]) -> Vec<String> {
    let listing = format!(
        "--- .github/workflows/d.yml\non: {{ push: {{ branches: [main] }} }}\njobs:\n  {id}:\n    runs-on: x\n    steps:\n      - run: {step}\n{files}"
    );
    found(&listing, rules)
}

const OF_PRODUCTION: &[&str] = &["prod-without-gate", "environment-missing", "no-rollback", "no-smoke-test"];

#[test]
fn how_a_program_runs_says_nothing_of_where() {
    for step in [
        "gcloud run deploy shop-pr-1 --image r.example/shop@sha256:1 --set-env-vars NODE_ENV=production",
        "helm upgrade --install shop ./chart --set env.NODE_ENV=production --set image.digest=$D",
        "kubectl -n qa-tools rollout restart deploy/dev-portal",
        "npx serverless deploy --stage pr-1",
        "npx cdk deploy --context stage=$S",
        "aws lambda update-function-code --function-name $FN --image-uri $I >/dev/null 2>&1",
    ] {
        assert_eq!(
            on_push("go", step, "", &["prod-without-gate", "environment-missing"]),
            Vec::<String>::new(),
            "{step}"
        );
    }
}

#[test]
fn production_is_told_beside_files_hosts_and_settings() {
    let script = |end: &str| {
        format!("--- up.sh\naws lambda update-function-code --function-name \"$1\" --image-uri \"$IMG\"{end}\n")
    };
    let plain = on_push("release", "./up.sh shop-prod", &script(""), OF_PRODUCTION);
    assert_eq!(plain.len(), 4, "{plain:?}");
    for end in [" >/dev/null", " > /dev/null", " 2>/dev/null"] {
        assert_eq!(on_push("release", "./up.sh shop-prod", &script(end), OF_PRODUCTION), plain, "{end}");
    }
    for step in [
        "gcloud run deploy shop --image europe-docker.pkg.dev/acme-shared/apps/shop@sha256:1 --project acme-production",
        "helm upgrade --install stage-manager ./chart --namespace prod --set logger=dev",
        "kubectl -n prod set image deploy/dev-portal web=r/dev@sha256:1",
        "npx serverless deploy --stage=prod --verbose",
    ] {
        let found = on_push("release", step, "", &["prod-without-gate"]);
        assert_eq!(found.len(), 1, "{step}");
    }
}

const SHIFT: &str = "kubectl set image deploy/b \"b=$IMAGE\"";
const BACK: &str = "kubectl set image deploy/b \"b=$PREV\"";

/// Whether something is said of tests or of the way back of a script.
fn said_of(script: &str) -> usize {
    let listing = format!("{}--- ci/d.sh\n{script}\n", in_steps("      - run: ./ci/d.sh\n"));
    found(&listing, &["no-rollback", "no-smoke-test"]).len()
}

#[test]
fn the_way_back_in_the_same_script_is_no_deployment() {
    let test = "curl -sf https://b.example/healthz";
    for quiet in [
        format!("{SHIFT}\n{test} && exit 0\n{BACK}\nexit 1"),
        format!("{SHIFT}\nfor _ in 1 2 3; do\n  if {test}; then exit 0; fi\n  sleep 3\ndone\n{BACK}\nexit 1"),
        format!(
            "{SHIFT}\nok=false\nfor _ in 1 2 3; do {test} && {{ ok=true; break; }}; sleep 3; done\nif [ $ok = false ]; then\n  {BACK}\n  exit 1\nfi"
        ),
        format!("smoke() {{ {test}; }}\nrestore() {{ {BACK}; }}\n{SHIFT}\nif smoke; then exit 0; fi\nrestore\nexit 1"),
        format!("alive() {{ {test}; }}\nrestore() {{ {BACK}; }}\n{SHIFT}\nalive || restore"),
        format!(
            "alive() {{\n  for _ in 1 2; do {test} && return 0; done\n  return 1\n}}\n{SHIFT}\nif ! alive; then\n  {BACK}\n  exit 1\nfi"
        ),
    ] {
        assert_eq!(said_of(&quiet), 0, "{quiet}");
    }
    for loud in [
        format!("{SHIFT}\n{test}\n{BACK}\nexit 1"),
        format!("{SHIFT}\n{test} || exit 0\n{BACK}"),
        format!("alive() {{\n  {test} && return 0\n}}\n{SHIFT}\nalive\n{BACK}"),
        format!("[ -n \"$DRY\" ] && exit 0\n{SHIFT}\n{BACK}"),
    ] {
        assert!(said_of(&loud) > 0, "{loud}");
    }
}

#[test]
fn cloud_run_goes_back_to_the_revision_before() {
    let script = |after: &str| {
        said_of(&format!(
            "gcloud run deploy b --image \"r/b@$D\" --no-traffic\ngcloud run services update-traffic b --to-latest\n{after}"
        ))
    };
    let test = "curl -sf https://b.example/healthz";
    assert_eq!(
        script(&format!(
            "if ! {test}; then\n  gcloud run services update-traffic b --to-revisions \"$PREV=100\"\n  exit 1\nfi"
        )),
        0
    );
    assert_eq!(script(test), 1);
    assert_eq!(script(""), 2);
}

/// Whether nothing tests what production gets, where this step comes next.
fn untested(step: &str, files: &str) -> bool {
    let steps = format!(
        "      - run: aws lambda update-alias --function-name app-prod --name live --function-version 3\n      - {step}\n"
    );
    !found(&format!("{}{files}", in_steps(&steps)), &["no-smoke-test"]).is_empty()
}

#[test]
fn programs_actions_and_steps_that_test_are_known() {
    for step in [
        "run: npx cypress run",
        "run: npx newman run x.json",
        "run: pnpm exec artillery run x.yml",
        "run: schemathesis run https://x/openapi.json",
        "run: behave features",
        "run: bundle exec cucumber",
        "run: make acceptance",
        "run: npm run acceptance",
        "run: hey -n 20 https://x",
        "run: npx pa11y-ci",
        "run: npx lhci autorun",
        "run: aws synthetics start-canary --name x",
        "run: kubectl exec deploy/x -- curl -f localhost",
        "run: Invoke-WebRequest https://x",
        "{ uses: cypress-io/github-action@v6 }",
        "{ uses: grafana/k6-action@v0.3.1 }",
        "{ uses: matt-ball/newman-action@v2 }",
        "{ uses: treosh/lighthouse-ci-action@v12 }",
        "{ uses: DataDog/synthetics-ci-github-action@v2 }",
        "{ name: Acceptance, run: ./ci/a.sh }",
        "{ name: Sanity, run: ./ci/a.sh }",
        "{ name: The site answers, run: ./ci/a.sh }",
        "{ name: Does it work, run: ./ci/a.sh }",
    ] {
        assert!(!untested(step, ""), "{step}");
    }
    for step in [
        "run: npx prettier --check .",
        "run: kubectl exec deploy/x -- ls",
        "run: make release",
        "{ name: Tell, run: ./ci/a.sh }",
    ] {
        assert!(untested(step, ""), "{step}");
    }
    let looks = |end: &str| {
        format!(
            "--- ci/alive.sh\nfor _ in 1 2 3; do\n  n=$(aws sqs get-queue-attributes --queue-url $Q)\n  [ \"$n\" -gt 0 ] && exit 0\n  sleep 9\ndone\n{end}\n"
        )
    };
    assert!(!untested("run: ./ci/alive.sh", &looks("exit 1")));
    assert!(untested("run: ./ci/alive.sh", &looks("echo late")));
}

#[test]
fn an_image_of_tests_that_goes_nowhere_is_not_rebuilt() {
    let listing = |build: &str, run: &str| {
        let job = |name: &str, needs: &str| {
            format!(
                "  {name}:\n{needs}    runs-on: x\n    environment: {name}\n    steps:\n      - run: {build}\n      - run: kubectl set image deploy/api api=r/api@sha256:1\n      - run: {run}\n"
            )
        };
        format!(
            "--- .github/workflows/d.yml\non: push\nconcurrency: x\njobs:\n{}{}",
            job("staging", ""),
            job("prod", "    needs: staging\n")
        )
    };
    let build = "docker build -f e2e/Dockerfile -t e2e .";
    assert_eq!(found(&listing(build, "docker run --rm e2e"), &["rebuilds"]).len(), 0);
    assert_eq!(found(&listing(build, "docker run --rm e2e && docker push e2e"), &["rebuilds"]).len(), 1);
    assert_eq!(found(&listing(build, "docker run --rm other"), &["rebuilds"]).len(), 1);
}

#[test]
fn the_numbered_release_of_somebody_else_stays() {
    let by_tag = |image: &str, more: &str| {
        let steps = format!("{more}      - run: kubectl set image ds/x x={image}\n");
        found(&in_steps(&steps), &["deploys-tag"]).len()
    };
    assert_eq!(by_tag("gcr.io/datadoghq/agent:7.58.1", ""), 0);
    assert_eq!(by_tag("nginx:1.27.2", "      - run: docker build -t r.example/shop/api:$SHA .\n"), 0);
    assert_eq!(by_tag("gcr.io/datadoghq/agent:latest", ""), 1);
    assert_eq!(by_tag("gcr.io/datadoghq/agent:$V", ""), 1);
    assert_eq!(by_tag("r.example/shop/web:1.2.3", "      - run: docker push r.example/shop/api:1.2.3\n"), 1);
    assert_eq!(by_tag("1.dkr.ecr.eu-west-1.amazonaws.com/x:1.2.3", ""), 1);
}

#[test]
fn a_tag_of_a_repository_that_keeps_its_tags_cannot_move() {
    let by_tag = |name: &str, more: &str| {
        let step = "      - run: aws lambda update-function-code --function-name f --image-uri 4.dkr.ecr.eu-west-1.amazonaws.com/kite/app:${{ github.sha }}\n";
        let terraform = format!("--- ecr.tf\nresource \"aws_ecr_repository\" \"app\" {{\n  name = {name}\n{more}}}\n");
        found(&format!("{}{terraform}", in_steps(step)), &["deploys-tag"]).len()
    };
    let immutable = "  image_tag_mutability = \"IMMUTABLE\"\n";
    assert_eq!(by_tag("\"kite/app\"", immutable), 0);
    assert_eq!(by_tag("\"kite/${each.key}\"", immutable), 0);
    assert_eq!(by_tag("\"kite/app\"", ""), 1);
    assert_eq!(by_tag("\"kite/app\"", "  image_tag_mutability = \"MUTABLE\"\n"), 1);
    assert_eq!(by_tag("\"other\"", immutable), 1);
}

#[test]
fn an_archive_of_tools_is_no_artifact() {
    let newest = |steps: &str| found(&in_steps(steps), &["artifact-newest"]).len();
    let deploy = "      - run: kubectl set image deploy/api api=r/api@sha256:1\n";
    assert_eq!(
        newest(&format!("      - run: aws s3 cp s3://acme-tools/latest.zip tools.zip && unzip tools.zip\n{deploy}")),
        0
    );
    let take = "      - run: aws s3 cp s3://acme/latest.zip app.zip\n";
    assert_eq!(
        newest(&format!(
            "{take}      - run: aws lambda update-function-code --function-name f --zip-file fileb://app.zip\n"
        )),
        1
    );
    assert_eq!(newest(&format!("{take}      - run: unzip app.zip && aws s3 sync dist s3://web\n")), 1);
}

#[test]
fn a_state_of_one_pull_request_may_lie_anywhere() {
    let listing = |key: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"environment\" {{}}\n--- dev.hcl\nbucket = \"state\"\nkey = \"dev.tfstate\"\nregion = \"eu-west-1\"\n\
             --- prod.hcl\nbucket = \"state\"\nkey = \"prod.tfstate\"\nregion = \"eu-west-1\"\n--- dev.tfvars\nenvironment = \"dev\"\n--- prod.tfvars\nenvironment = \"prod\"\n\
             --- .github/workflows/s.yml\non: pull_request\njobs:\n  s:\n    runs-on: x\n    steps:\n      - run: terraform init -backend-config=bucket=sandbox-state -backend-config=key={key}\n"
        )
    };
    assert_eq!(found(&listing("pr-${{ github.event.number }}.tfstate"), &["pipeline-state-differs"]).len(), 0);
    assert_eq!(found(&listing("prod.tfstate"), &["pipeline-state-differs"]).len(), 1);
}

#[test]
fn a_store_without_oidc_has_keys() {
    let keys = |secret: &str, run: &str| {
        let listing = format!(
            "--- .github/workflows/w.yml\non: push\njobs:\n  a:\n    runs-on: x\n    env: {{ AWS_SECRET_ACCESS_KEY: \"${{{{ secrets.{secret} }}}}\" }}\n    steps: [{{ run: {run} }}]\n"
        );
        found(&listing, &["long-lived-keys"]).len()
    };
    let r2 = "aws --endpoint-url https://acc.r2.cloudflarestorage.com s3 sync ./data s3://mirror";
    assert_eq!(keys("R2_SECRET_ACCESS_KEY", r2), 0);
    assert_eq!(keys("AWS_SECRET_ACCESS_KEY", r2), 0);
    assert_eq!(keys("AWS_SECRET_ACCESS_KEY", "aws s3 sync ./data s3://mirror"), 1);
    assert_eq!(keys("AWS_SECRET_ACCESS_KEY", &format!("{r2} && aws s3 ls")), 1);
}

#[test]
fn a_stand_in_on_the_machine_is_no_environment() {
    let listing = |address: &str| {
        format!(
            "--- .github/workflows/it.yml\non: pull_request\njobs:\n  it:\n    runs-on: x\n    env: {{ AWS_ENDPOINT_URL: \"{address}\" }}\n    steps:\n      - run: aws lambda update-function-code --function-name it --zip-file fileb://app.zip\n      - run: pytest it\n"
        )
    };
    check(&listing("http://localhost:4566"), &[], &[]);
    assert_eq!(found(&listing("https://x.example"), &["no-concurrency"]).len(), 1);
}

#[test]
fn more_of_the_same_is_no_deployment() {
    let scale = |more: &str| {
        let step =
            format!("      - run: aws ecs update-service --cluster shop-prod --service web --desired-count 20{more}\n");
        found(&in_steps(&step), &["no-rollback", "no-smoke-test"]).len()
    };
    assert_eq!(scale(""), 0);
    assert_eq!(scale(" --task-definition web:7"), 2);
    assert_eq!(scale(" --force-new-deployment"), 2);
}

#[test]
fn tools_that_release_by_themselves_deploy_to_production() {
    for step in [
        "gcloud run jobs update shop-prod --image r/a@sha256:1",
        "aws elasticbeanstalk update-environment --environment-name shop-prod --version-label 7",
        "docker stack deploy -c stack.yml shop-prod",
        "nomad job run shop-prod.nomad",
        "ansible-playbook -i inventories/production deploy.yml",
        "kamal deploy -d production",
        "cap production deploy",
        "eb deploy shop-prod",
        "helmfile -e prod apply",
        "argocd app sync shop-prod",
        "npx vercel deploy --prod",
        "pulumi up --yes --stack prod",
        "az containerapp job update -n shop-prod --image r/a@sha256:1",
        "aws s3 sync dist/assets s3://web-prod/assets",
        "aws s3 cp --recursive dist s3://web-prod",
        "aws s3 cp dist/index.html s3://web-prod/index.html",
    ] {
        assert_eq!(on_push("go", step, "", &["prod-without-gate"]).len(), 1, "{step}");
    }
    for step in [
        "gcloud run jobs execute migrate-prod",
        "nomad job plan shop-prod.nomad",
        "ansible-playbook -i inventories/production --check deploy.yml",
        "kamal lock status -d production",
        "helmfile -e prod diff",
        "argocd app diff shop-prod",
        "npx vercel deploy",
        "pulumi preview --stack prod",
        "aws s3 cp build/app.zip s3://artifacts-prod/app.zip",
        "aws s3 cp --recursive out s3://symbols-prod/$GITHUB_SHA",
    ] {
        assert_eq!(on_push("go", step, "", &["prod-without-gate"]).len(), 0, "{step}");
    }
}

#[test]
fn a_gate_that_a_caller_lets_fail_stops_nothing() {
    let listing = |with: &str| {
        format!(
            "--- .github/workflows/d.yml\non: {{ push: {{ branches: [main] }} }}\nconcurrency: x\njobs:\n  e2e:\n    uses: ./.github/workflows/e2e.yml\n{with}\
             \x20 production:\n    needs: e2e\n    runs-on: x\n    environment: production\n    steps:\n      - run: aws lambda update-alias --function-name a-prod --name live\n      - run: curl -f https://x || ./rollback.sh\n\
             --- .github/workflows/e2e.yml\non: {{ workflow_call: {{ inputs: {{ required: {{ type: boolean, default: false }} }} }} }}\njobs:\n  e2e:\n    runs-on: x\n    steps:\n\
             \x20     - run: npx playwright test\n        continue-on-error: ${{{{ !inputs.required }}}}\n"
        )
    };
    assert_eq!(found(&listing(""), &["gate-accepts-failure"]).len(), 1);
    assert_eq!(found(&listing("    with: { required: true }\n"), &["gate-accepts-failure"]).len(), 0);
}

#[test]
fn tests_between_two_environments_that_may_fail_are_told_of_as_what_production_waits_for() {
    let listing = |more: &str| {
        let deploy = |name: &str, needs: &str, after: &str| {
            format!(
                "  {name}:\n{needs}    runs-on: x\n    environment: {name}\n    steps:\n      - run: aws ecs update-service --cluster a-{name} --service b --task-definition x:1\n{after}"
            )
        };
        format!(
            "--- .github/workflows/d.yml\non: {{ push: {{ branches: [main] }} }}\nconcurrency: x\njobs:\n{}  e2e:\n    needs: staging\n{more}    runs-on: x\n    steps:\n      - run: npx playwright test\n{}",
            deploy("staging", "", ""),
            deploy("production", "    needs: e2e\n", ""),
        )
    };
    let rules = &["gate-accepts-failure"];
    check(
        &listing("    continue-on-error: true\n"),
        rules,
        &[
            "warning gate-accepts-failure .github/workflows/d.yml:11 e2e may fail and counts as passed, before production",
        ],
    );
    check(&listing(""), rules, &[]);
}

#[test]
fn a_wait_whose_failure_is_only_looked_into_is_lost() {
    let said = |after: &str| {
        let step = format!(
            "      - run: kubectl apply -k overlays/prod\n      - run: kubectl rollout status deploy/x || {after}\n"
        );
        found(&in_steps(&step), &["gate-accepts-failure"]).len()
    };
    assert_eq!(said("kubectl get events"), 1);
    assert_eq!(said("{ kubectl get events; exit 1; }"), 0);
    assert_eq!(said("kubectl rollout undo deploy/x"), 0);
}

#[test]
fn a_test_script_that_goes_on_and_ends_well_tests_nothing() {
    let said = |head: &str, end: &str, call: &str| {
        let steps = format!("      - run: kubectl set image deploy/b b=r/b@sha256:1\n      - run: {call}\n");
        let script = format!("--- smoke.sh\n{head}\ncurl -f https://b.example/healthz\nnpm run smoke\n{end}\n");
        found(&format!("{}{script}", in_steps(&steps)), &["gate-accepts-failure"]).len()
    };
    assert_eq!(said("#!/bin/sh", "echo done", "./smoke.sh"), 1);
    assert_eq!(said("#!/usr/bin/env bash\nset -uo pipefail", "echo done", "bash smoke.sh"), 1);
    assert_eq!(said("#!/bin/sh", "", "./smoke.sh"), 0);
    assert_eq!(said("#!/bin/sh\nset -x -e", "echo done", "./smoke.sh"), 0);
    assert_eq!(said("#!/bin/sh -e", "echo done", "./smoke.sh"), 0);
    assert_eq!(said("#!/usr/bin/env bash\nset -euo pipefail", "echo done", "./smoke.sh"), 0);
    assert_eq!(said("#!/usr/bin/env bash\nset -o errexit", "echo done", "./smoke.sh"), 0);
    assert_eq!(said("#!/bin/sh", "exit $?", "./smoke.sh"), 0);
    assert_eq!(said("#!/bin/sh", "echo done", "bash -e smoke.sh"), 0);
    assert_eq!(said("#!/bin/sh", "echo done", ". smoke.sh"), 0);
}

#[test]
fn a_swarm_that_a_job_makes_itself_ends_with_it() {
    let said = |before: &str| {
        let step = format!("{before}docker stack deploy -c stack.yml shop-prod");
        on_push("go", &step, "", &["prod-without-gate"]).len()
    };
    assert_eq!(said(""), 1);
    assert_eq!(said("docker swarm init && "), 0);
}
