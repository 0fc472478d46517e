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
    let by_name = format!("stable() {{\n  local f=$1\n  {wait}\n}}\n{UPDATE}\nsleep 5\nstable f");
    assert_eq!(pauses("d.sh", &by_name), 0);
    assert_eq!(pauses("d.sh", &format!("{UPDATE}\nsleep 5\naws lambda get-function --function-name f\n{wait}")), 1);
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
            "warning terraform-parallel .github/workflows/infra.yml:10 apply applies Terraform in several environments at the same time",
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

/// What is said of a job for production with these steps, by one rule.
fn says(steps: &str, rule: &str) -> Vec<String> {
    let marked = |text: String| text.split_once("prod ").map_or(text.clone(), |(_, says)| says.to_string());
    found(&in_steps(steps), &[rule]).into_iter().map(marked).collect()
}

fn by_tag(step: &str) -> Vec<String> {
    says(&format!("      - {step}\n"), "deploys-tag")
}

#[test]
fn an_image_is_deployed_by_its_tag_in_many_ways() {
    for (step, image) in [
        ("run: gcloud run deploy app --image gcr.io/p/app:$SHA --region r", "gcr.io/p/app:$SHA"),
        ("run: gcloud run services update app --image=gcr.io/p/app:v1", "gcr.io/p/app:v1"),
        (
            "{ uses: google-github-actions/deploy-cloudrun@v2, with: { service: app, image: \"p/app:${{ github.sha }}\" } }",
            "p/app:${{ github.sha }}",
        ),
        (
            "{ uses: aws-actions/amazon-ecs-render-task-definition@v1, with: { image: \"r/app:latest\" } }",
            "r/app:latest",
        ),
        ("run: kubectl -n shop set image deploy/app side=r/side@sha256:1 app=r/app:$TAG", "r/app:$TAG"),
        ("run: cd k8s && kustomize edit set image app=r/app:$TAG", "r/app:$TAG"),
        ("run: helm upgrade --install app chart --set replicas=2,image.tag=$GITHUB_SHA", "image.tag=$GITHUB_SHA"),
        ("run: helm upgrade app chart --set-string app.image.tag=latest", "app.image.tag=latest"),
        ("run: az containerapp update --name app --image r/app:$TAG", "r/app:$TAG"),
        ("run: docker service update --image r/app:$TAG app", "r/app:$TAG"),
    ] {
        assert_eq!(by_tag(step), [format!("deploys an image by its tag: {image}")], "{step}");
    }
    for quiet in [
        "run: gcloud run deploy app --image gcr.io/p/app@$DIGEST",
        "run: gcloud run deploy app --source .",
        "{ uses: aws-actions/amazon-ecs-render-task-definition@v1, with: { image: \"r/app@${{ steps.b.outputs.digest }}\" } }",
        "run: kubectl set image deploy/app app=$IMAGE",
        "run: kustomize edit set image app=r/app@$DIGEST",
        "run: helm upgrade app chart --set image.digest=$D,image.tag=$TAG",
        "run: helm upgrade app chart --set image.tag=$IMAGE_DIGEST",
        "run: helm upgrade ingress ingress-nginx/ingress-nginx --set controller.image.tag=v1.9.4",
        "run: helm template app chart --set image.tag=$TAG",
        "run: docker build -t r/app:latest .",
    ] {
        assert_eq!(by_tag(quiet), Vec::<String>::new(), "{quiet}");
    }
}

/// A build that hands an image to a deployment, written as `output`, and a called workflow that deploys it.
fn handed(output: &str) -> Vec<String> {
    let listing = format!(
        "--- .github/workflows/cd.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n  build:\n    runs-on: x\n    outputs:\n      image: ${{{{ steps.b.outputs.image }}}}\n\
         \x20   steps:\n      - id: meta\n        uses: docker/metadata-action@v5\n        with: {{ images: r/app }}\n      - id: b\n        run: |\n          {output}\n\
         \x20 prod:\n    needs: build\n    uses: ./.github/workflows/deploy.yml\n    with:\n      image: ${{{{ needs.build.outputs.image }}}}\n\
         --- .github/workflows/deploy.yml\non: {{ workflow_call: {{ inputs: {{ image: {{ type: string }} }} }} }}\njobs:\n  go:\n    runs-on: x\n    environment: prod\n\
         \x20   steps:\n      - run: aws lambda update-function-code --function-name f --image-uri ${{{{ inputs.image }}}}\n"
    );
    let says = |text: String| text.split_once("by its tag: ").map_or(text.clone(), |(_, image)| image.to_string());
    found(&listing, &["deploys-tag"]).into_iter().map(says).collect()
}

#[test]
fn an_image_is_followed_from_the_step_that_names_it_to_the_one_that_deploys_it() {
    let tagged = ["r/app:${GITHUB_SHA::7}"];
    assert_eq!(handed("echo \"image=r/app:${GITHUB_SHA::7}\" >> \"$GITHUB_OUTPUT\""), tagged);
    assert_eq!(handed("IMAGE=r/app:${GITHUB_SHA::7}\n          echo \"::set-output name=image::$IMAGE\""), tagged);
    assert_eq!(handed("{ echo \"image=r/app:${GITHUB_SHA::7}\"; echo y=z; } >> \"$GITHUB_OUTPUT\""), tagged);
    assert_eq!(
        handed("echo \"image=${{ steps.meta.outputs.tags }}\" >> \"$GITHUB_OUTPUT\""),
        ["r/app:${{ steps.meta.outputs.version }}"]
    );
    let none: [&str; 0] = [];
    assert_eq!(handed("echo \"image=r/app@$DIGEST\" >> \"$GITHUB_OUTPUT\""), none);
    assert_eq!(handed("echo \"image=$(./push.sh)\" >> \"$GITHUB_OUTPUT\""), none);
}

#[test]
fn an_archive_under_a_name_that_never_changes_is_of_any_commit() {
    let newest = |steps: &str| says(steps, "artifact-newest");
    let run = |lines: &str| newest(&format!("      - run: |\n          {}\n", lines.replace('\n', "\n          ")));
    let code = "aws lambda update-function-code --function-name f --s3-bucket b --s3-key";
    let at = |key: &str| [format!("takes whatever lies at {key}, whichever commit that is of")];
    assert_eq!(run(&format!("{code} app/latest.zip")), at("app/latest.zip"));
    assert_eq!(run(&format!("{code} $APP/latest.zip")), at("$APP/latest.zip"));
    assert_eq!(run(&format!("{code} function.zip")), at("function.zip"));
    assert_eq!(run("aws s3 cp s3://b/latest.zip .\n./install.sh"), at("s3://b/latest.zip"));
    let zip = "aws lambda update-function-code --function-name f --zip-file fileb://";
    assert_eq!(run(&format!("aws s3 cp s3://b/app.zip .\n{zip}app.zip")), at("s3://b/app.zip"));
    let none: [String; 0] = [];
    for quiet in [
        format!("{code} app/$GITHUB_SHA.zip"),
        format!("{code} app-1.4.2.zip"),
        format!("{code} app.zip --s3-object-version $V"),
        format!("aws s3 cp build/app.zip s3://b/app.zip\n{code} app.zip"),
        "aws s3 cp s3://tools/terraform.zip . && unzip terraform.zip".to_string(),
        "aws s3 cp s3://b/latest.json .".to_string(),
        format!("aws s3 cp s3://b/$GITHUB_SHA/app.zip .\n{zip}app.zip"),
    ] {
        assert_eq!(run(&quiet), none, "{quiet}");
    }
}

#[test]
fn looking_for_the_newest_run_and_taking_its_artifact_is_one_finding() {
    let newest = |lines: &str| {
        says(&format!("      - run: |\n          {}\n", lines.replace('\n', "\n          ")), "artifact-newest").len()
    };
    let list = "gh run list --workflow b.yml --json databaseId --limit 1";
    assert_eq!(newest(&format!("ID=$({list})\ngh run download --name app \"$ID\"")), 1);
    assert_eq!(newest(&format!("{list} > id\ngh run download --name app")), 1);
    assert_eq!(newest("gh run download --name \"app-$X\""), 1);
    assert_eq!(newest("gh run download --name app \"${{ github.event.workflow_run.id }}\""), 0);
    assert_eq!(newest("gh run download 12345 -n app"), 0);
    assert_eq!(newest(&format!("{list} --commit $SHA")), 0);
    assert_eq!(newest("T=$(az acr repository show-tags -n a --repository b --orderby time_desc --top 1 -o tsv)"), 1);
    assert_eq!(newest("az acr repository show-tags -n a --repository b"), 0);
    let sort = "aws ecr describe-images --query 'sort_by(imageDetails,&imagePushedAt)[-1]'";
    assert_eq!(newest(&format!("TAG=$({sort})\nD=$({sort})")), 1);
    assert_eq!(newest(&format!("TAG=$({sort})\n{list}")), 2);
    let job = |id: &str| format!("  {id}:\n    runs-on: x\n    environment: {id}\n    steps: [{{ run: ./d.sh }}]\n");
    let both = format!(
        "--- .github/workflows/w.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n{}{}--- d.sh\nID=$({list})\naws lambda update-alias --name live\n",
        job("dev"),
        job("prod")
    );
    assert_eq!(found(&both, &["artifact-newest"]).len(), 1);
}

/// Whether nothing is said to take back what these steps deploy.
fn stuck(steps: &str, files: &str) -> bool {
    !found(&format!("{}{files}", in_steps(steps)), &["no-rollback"]).is_empty()
}

#[test]
fn each_way_back_of_a_script_is_seen() {
    let script = |text: &str| stuck("      - run: ./ci/d.sh\n", &format!("--- ci/d.sh\n{text}\n"));
    let shift = "aws lambda update-alias --function-name f --name live --function-version";
    let back = format!("{shift} \"$before\"");
    for text in [
        "kubectl set image deploy/x x=y@z\nkubectl rollout status deploy/x || kubectl rollout undo deploy/x".to_string(),
        "kubectl apply -f x.yml\nif ! kubectl rollout status deploy/x; then\n  kubectl rollout undo deploy/x\n  exit 1\nfi".to_string(),
        format!("{shift} $new\nif ! ./smoke.sh; then\n  {back}\n  exit 1\nfi"),
        format!("restore() {{\n  {back}\n}}\ntrap restore ERR\n{shift} $new\n./smoke.sh"),
        format!("on_exit() {{\n  [ $? -eq 0 ] || {back}\n}}\ntrap 'on_exit; rm -f x' EXIT\n{shift} $new"),
        format!("trap '{back}' ERR\n{shift} $new"),
        format!("{shift} $new\n./smoke.sh || {back}"),
    ] {
        assert!(!script(&text), "{text}");
    }
    for text in [
        format!("{shift} $new\n./smoke.sh"),
        format!("tidy() {{\n  rm -rf tmp\n}}\ntrap tidy EXIT\n{shift} $new\n./smoke.sh"),
        format!("trap 'echo failed' ERR\n{shift} $new"),
        format!("{shift} $new\n./smoke.sh || exit 1"),
    ] {
        assert!(script(&text), "{text}");
    }
}

#[test]
fn a_job_or_a_service_that_goes_back_is_a_way_back_and_words_about_it_are_none() {
    let shift = "      - run: aws lambda update-alias --function-name f --name live\n";
    let after = |steps: &str| {
        format!("{shift}  again:\n    needs: prod\n    if: failure()\n    runs-on: x\n    steps: [{{ {steps} }}]\n")
    };
    assert!(!stuck(&after("run: \"gh workflow run deploy.yml -f version=$BEFORE\""), ""));
    assert!(stuck(&after("run: \"curl -d failed $SLACK_WEBHOOK\""), ""));
    assert!(stuck(shift, ""));
    assert!(stuck(&format!("      # TODO: rollback\n{shift}"), "--- docs/rollback.md\nCall somebody.\n"));
    assert!(!stuck(shift, "--- ci/rollback.sh\n./x\n"));
    assert!(!stuck("      - run: sam deploy --stack-name x-prod\n", ""));
    assert!(stuck("      - run: sam deploy --stack-name x-prod --disable-rollback\n", ""));
}

#[test]
fn a_trap_that_restores_is_a_way_back() {
    let script = |trap: &str| {
        let text = format!(
            "restore() {{\n  aws s3 sync s3://before s3://www\n}}\n{trap}\naws s3 sync dist s3://www --delete\n"
        );
        stuck("      - run: ./ci/publish.sh\n", &format!("--- ci/publish.sh\n{text}"))
    };
    assert!(!script("trap restore ERR"));
    assert!(script("trap 'rm -rf tmp' ERR"));
}

#[test]
fn an_environment_for_a_pull_request_is_left_alone() {
    let job = |id: &str, tag: &str| {
        format!(
            "--- .github/workflows/p.yml\non: pull_request\nconcurrency: x\njobs:\n  {id}:\n    runs-on: x\n    steps:\n      - run: helm upgrade app chart --set image.tag={tag}\n\
             \x20     - run: terraform apply -auto-approve\n"
        )
    };
    check(&job("preview", "$TAG"), &[], &[]);
    check(&job("up", "pr-${{ github.event.number }}"), &[], &[]);
    let rules: Vec<String> = found(&job("up", "$TAG"), &[]);
    assert_eq!(rules.len(), 3, "{rules:?}");
}

#[test]
fn a_group_for_each_release_is_another_for_each_run() {
    let group = |group: &str| {
        let listing = format!(
            "--- .github/workflows/r.yml\non: release\nconcurrency: {group}\njobs:\n  prod:\n    runs-on: x\n    environment: prod\n    steps:\n\
             \x20     - run: aws lambda update-alias --function-name f --name live && curl -f https://x || ./rollback.sh\n"
        );
        found(&listing, &["no-concurrency"]).len()
    };
    assert_eq!(group("release-${{ github.event.release.tag_name }}"), 1);
    assert_eq!(group("release"), 0);
}

#[test]
fn a_script_that_deploys_several_environments_is_told_of_for_production() {
    let job = |id: &str, tag: &str| {
        format!("  {id}:\n    runs-on: x\n    environment: {id}\n    steps: [{{ run: \"./d.sh {tag}\" }}]\n")
    };
    let listing = format!(
        "--- .github/workflows/w.yml\non: workflow_dispatch\nconcurrency: x\njobs:\n{}{}--- d.sh\nhelm upgrade app chart --set image.tag=\"$1\"\n",
        job("dev", "$SHA"),
        job("prod", "latest")
    );
    let says = "warning deploys-tag d.sh:1 prod deploys an image by its tag: image.tag=latest";
    check(&listing, &["deploys-tag"], &[says]);
}

#[test]
fn an_artifact_has_the_name_that_its_matrix_gives_it() {
    let listing = |fetched: &str, more: &str| {
        format!(
            "--- .github/workflows/w.yml\non: push\njobs:\n  build:\n    runs-on: x\n    strategy: {{ matrix: {{ include: [{{ to: staging }}, {{ to: prod }}] }} }}\n    steps:\n\
             \x20     - uses: actions/upload-artifact@v4\n        with: {{ name: \"dist-${{{{ matrix.to }}}}\" }}\n\
             \x20 use:\n    needs: build\n    runs-on: x\n    steps:\n{more}      - uses: actions/download-artifact@v4\n        with: {{ name: {fetched} }}\n"
        )
    };
    let missing = |fetched: &str, more: &str| found(&listing(fetched, more), &["workflow-dangling"]).len();
    assert_eq!(missing("dist-prod", ""), 0);
    assert_eq!(missing("dist-production", ""), 1);
    let other = "      - { uses: dawidd6/action-download-artifact@v6, with: { workflow: b.yml, commit: x } }\n";
    assert_eq!(missing("dist-production", other), 1);
    assert_eq!(missing("dist-production", "      - uses: acme/make-artifact@v1\n"), 0);
}
