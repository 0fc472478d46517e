//! Names in workflows that lead nowhere, and workflows that are read or left alone.

use tiers_check::{FileTree, Options, check as check_tree};

use super::pipelines::{check, found};

#[test]
fn what_called_workflows_and_actions_hand_back_has_to_exist() {
    let listing = |output: &str, secrets: &str| {
        format!(
            "--- .github/workflows/e.yml\non:\n  workflow_call:\n    outputs: {{ url: {{ value: \"${{{{ jobs.ship.outputs.{output} }}}}\" }} }}\n    secrets: {{ T: {{ required: false }} }}\njobs:\n  ship:\n    runs-on: x\n    outputs: {{ url: x }}\n    steps: [{{ run: ls }}]\n\
             --- .github/workflows/w.yml\non: workflow_dispatch\njobs:\n  a:\n    uses: ./.github/workflows/e.yml\n    secrets: {{ {secrets}: x }}\n"
        )
    };
    check(&listing("url", "T"), &[], &[]);
    assert_eq!(found(&listing("endpoint", "T"), &[]).len(), 1);
    assert_eq!(found(&listing("url", "U"), &[]).len(), 1);
    let action = |id: &str, input: &str| {
        format!(
            "--- .github/actions/a/action.yml\nname: x\ndescription: y\ninputs: {{ env: {{ required: true }} }}\nruns:\n  using: composite\n  steps:\n    - id: who\n      shell: bash\n      run: echo a\n    - shell: bash\n      run: echo ${{{{ steps.{id}.outputs.a }}}} ${{{{ inputs.{input} }}}}\n"
        )
    };
    check(&action("who", "env"), &[], &[]);
    let two = found(&action("whoami", "nope"), &[]);
    assert!(two.len() == 2 && two.iter().all(|line| line.starts_with("warning workflow-dangling")), "{two:?}");
}

#[test]
fn jobs_that_need_each_other_and_artifacts_of_no_matrix_are_errors() {
    let circle = |needs: &str| {
        format!(
            "--- .github/workflows/x.yml\non: push\njobs:\n  a: {{ runs-on: x, needs: [b], steps: [{{ run: ls }}] }}\n  b: {{ runs-on: x, needs: [{needs}], steps: [{{ run: ls }}] }}\n"
        )
    };
    assert_eq!(found(&circle("a"), &["workflow-invalid"]).len(), 1);
    assert_eq!(found(&circle(""), &["workflow-invalid"]).len(), 0);
    let fetched = |name: &str| {
        let listing = format!(
            "--- .github/workflows/p.yml\non: push\njobs:\n  plan:\n    strategy: {{ matrix: {{ environment: [dev, production] }} }}\n    runs-on: x\n    steps:\n      - uses: actions/upload-artifact@v4\n        with: {{ name: \"tfplan-${{{{ matrix.environment }}}}\", path: p }}\n\
             \x20 apply:\n    needs: plan\n    runs-on: x\n    steps:\n      - uses: actions/download-artifact@v4\n        with: {{ name: {name} }}\n"
        );
        found(&listing, &["workflow-dangling"]).len()
    };
    assert_eq!(fetched("tfplan-prod"), 1);
    assert_eq!(fetched("tfplan-production"), 0);
}

#[test]
fn a_workflow_that_cannot_be_read_says_why_in_words() {
    let says = |text: &str| found(&format!("--- .github/workflows/x.yml\n{text}"), &["workflow-invalid"]).join("\n");
    assert!(says("on: push\njobs:\n  a:\n    runs-on: x\n").contains("job a has neither `steps` nor `uses`"));
    assert!(
        says(
            "on: push\njobs:\n  a:\n    if: ! startsWith(github.ref, 'x')\n    runs-on: x\n    steps: [{ run: ls }]\n"
        )
        .contains("`!` begins a tag in YAML")
    );
}

#[test]
fn capitals_in_the_id_of_a_job_are_not_told_apart() {
    let listing = "--- .github/workflows/ci.yml\non: push\njobs:\n\
        \x20 unit-tests:\n    runs-on: x\n    outputs: { sha: 1 }\n    steps: [{ run: pytest }]\n\
        \x20 report:\n    needs: [Unit-Tests]\n    runs-on: x\n    steps: [{ run: \"echo ${{ needs.UNIT-tests.outputs.Sha }}\" }]\n";
    check(listing, &[], &[]);
}

#[test]
fn what_leads_nowhere_in_a_name_is_a_hint() {
    let listing = |step: &str| {
        format!(
            "--- .github/workflows/ci.yml\non: push\njobs:\n  build:\n    runs-on: x\n    steps:\n      - run: make\n{step}"
        )
    };
    let named = listing("      - name: Rust ${{ steps.msrv.outputs.version }}\n        run: cargo build\n");
    let says = "build reads steps.msrv, and no step of it has that id";
    check(&named, &[], &[&format!("hint workflow-dangling .github/workflows/ci.yml:7 {says}")]);
    let used = listing("      - name: Rust\n        run: cargo +${{ steps.msrv.outputs.version }} build\n");
    check(&used, &[], &[&format!("error workflow-dangling .github/workflows/ci.yml:8 {says}")]);
}

/// A repository that was copied into this one brings its workflows along, and GitHub never runs them.
#[test]
fn workflows_below_another_folder_are_left_alone() {
    let workflow = "on: push\njobs:\n  build:\n    needs: nobody\n    runs-on: x\n    steps: [{ run: make }]\n";
    let listing = format!("--- third_party/simd/.github/workflows/ci.yml\n{workflow}");
    check(&listing, &[], &[]);
    let report = check_tree(&FileTree::from_listing(&listing), &Options::default());
    let notes: Vec<&str> = report.layout.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(notes, ["third_party/simd/.github/workflows"]);
    assert_eq!(found(&format!("--- .github/workflows/ci.yml\n{workflow}"), &[]).len(), 1);
}

#[test]
fn what_a_job_puts_into_a_cluster_of_its_own_is_no_deployment() {
    let job = |cluster: &str| {
        format!(
            "--- .github/workflows/e2e.yml\non: pull_request\njobs:\n  e2e:\n    runs-on: x\n    environment: prod\n    steps:\n{cluster}\
             \x20     - run: helm upgrade --install app chart --set image.tag=latest\n"
        )
    };
    check(&job("      - uses: helm/kind-action@v1\n"), &[], &[]);
    check(&job("      - run: kind create cluster --wait 2m\n"), &[], &[]);
    check(&job("      - run: \"${KIND:-kind} create cluster\"\n"), &[], &[]);
    assert!(!found(&job("      - run: helm lint chart\n"), &["deploys-tag"]).is_empty());
}

#[test]
fn each_job_chooses_its_environment_by_its_own_conditions() {
    let job = |id: &str, condition: &str, values: &str| {
        format!(
            "  {id}:\n    runs-on: x\n    env:\n      ENV: ${{{{ {condition} && 'prod' || 'dev' }}}}\n    steps:\n      - run: |\n          \
             terraform -chdir=infra init -reconfigure -backend-config=$ENV.hcl\n          terraform -chdir=infra plan -var-file={values} -out=p\n"
        )
    };
    let files = "--- infra/main.tf\nterraform {\n  backend \"s3\" {}\n}\n--- infra/dev.tfvars\n--- infra/prod.tfvars\n\
                 --- infra/dev.hcl\nkey = \"dev\"\n--- infra/prod.hcl\nkey = \"prod\"\n";
    let workflow = |first: &str| {
        format!(
            "{files}--- .github/workflows/w.yml\non: push\njobs:\n{}{}",
            job("one", "github.ref == 'refs/heads/main'", first),
            job("two", "github.event_name == 'release'", "$ENV.tfvars")
        )
    };
    let switched = |first: &str| found(&workflow(first), &["terraform-switched"]).len();
    assert_eq!((switched("$ENV.tfvars"), switched("prod.tfvars")), (0, 1));
}

#[test]
fn an_output_that_is_written_plainly_is_handed_on() {
    let workflow = |image: &str| {
        format!(
            "--- .github/workflows/w.yml\non: push\nconcurrency: x\njobs:\n  build:\n    runs-on: x\n    outputs: {{ image: {image} }}\n    steps: [{{ run: make }}]\n\
             \x20 dev:\n    needs: build\n    runs-on: x\n    environment: dev\n    steps:\n\
             \x20     - run: aws lambda update-function-code --function-name app-dev --image-uri ${{{{ needs.build.outputs.image }}}}\n"
        )
    };
    let tagged = |image: &str| found(&workflow(image), &["deploys-tag"]).len();
    assert_eq!((tagged("\"r.x.io/app:v1\""), tagged("\"r.x.io/app@sha256:1\"")), (1, 0));
}

#[test]
fn an_apply_against_a_stand_in_is_none_however_it_is_told() {
    let workflow = |lines: &str| {
        format!(
            "--- .github/workflows/w.yml\non: push\njobs:\n  dev:\n    runs-on: x\n    environment: dev\n    steps:\n      - run: |\n          {lines}\n"
        )
    };
    let said = |lines: &str| found(&workflow(lines), &["no-concurrency"]).len();
    let at = "AWS_ENDPOINT_URL=http://localhost:4566";
    assert_eq!(said("terraform apply -auto-approve"), 1);
    assert_eq!(said(&format!("{at} terraform apply -auto-approve")), 0);
    assert_eq!(said(&format!("export {at}\n          terraform apply -auto-approve")), 0);
}
