//! Pipelines: what workflows, and the scripts that they call, do to environments.

use crate::finding::Severity::{Error, Warning};
use crate::rule::{Family::Pipelines, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "workflow-invalid",
        family: Pipelines,
        severity: Error,
        title: "a workflow cannot be read",
        consequence: "GitHub does not run it, and says so only where nobody looks.",
        fix: "Correct what the message names; actionlint says more about the syntax.",
        explanation: "What is no YAML is an error. YAML that does not fit the model of a workflow, and expressions that do not \
parse, are warnings, since GitHub may know something newer.",
        bad: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  deploy:
   runs-on: ubuntu-latest
    steps: []
"#,
        good: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: echo
"#,
    },
    Rule {
        id: "workflow-dangling",
        family: Pipelines,
        severity: Error,
        title: "a workflow names something that does not exist",
        consequence: "The value is empty, or what waits for it does not start: a gate lets everything pass, or nothing.",
        fix: "Correct the name, or add what it names: a job to `needs`, an output to a job, an upload to a workflow.",
        explanation: "It looks at jobs in `needs`, at needs.JOB and its outputs, at steps.ID and inputs.NAME, at local workflows \
and actions with the inputs and secrets that they are given, at the workflows of `workflow_run`, and at artifacts that are fetched \
and uploaded nowhere in the same workflow, unless an action of somebody else may upload them.",
        bad: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    outputs:
      digest: ${{ steps.push.outputs.digest }}
    steps:
      - id: push
        run: echo digest=x >> "$GITHUB_OUTPUT"
  notify:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ needs.build.outputs.digest }}"
"#,
        good: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    outputs:
      digest: ${{ steps.push.outputs.digest }}
    steps:
      - id: push
        run: echo digest=x >> "$GITHUB_OUTPUT"
  notify:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ needs.build.outputs.digest }}"
"#,
    },
    Rule {
        id: "artifact-newest",
        family: Pipelines,
        severity: Warning,
        title: "a deployment takes the newest artifact instead of this commit's",
        consequence: "Two pushes close together, and what one commit's checks approved is not what is deployed.",
        fix: "Find the artifact by the commit, or pass its digest on from the job that built it.",
        explanation: "It looks at downloads of the newest run of a branch, at `gh run list` and `gh run download` without a commit \
or run, at queries that sort a repository's images by date, and at archives in S3 whose key is the same for every commit \
(`latest.zip`, `app.zip`), unless the same job has just put them there or names the object's version, or only unpacks tools from them. Of one cause it speaks once.",
        bad: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  deploy-staging:
    runs-on: ubuntu-latest
    environment: staging
    concurrency: staging
    steps:
      - run: |
          TAG=$(aws ecr describe-images --repository-name app --query 'sort_by(imageDetails,& imagePushedAt)[-1].imageDigest')
          aws lambda update-function-code --function-name app --image-uri "$REPO@$TAG"
          ./smoke-test.sh
"#,
        good: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  deploy-staging:
    runs-on: ubuntu-latest
    environment: staging
    concurrency: staging
    steps:
      - run: |
          DIGEST=$(aws ecr describe-images --repository-name app --image-ids imageTag=sha-$GITHUB_SHA --query 'imageDetails[0].imageDigest')
          aws lambda update-function-code --function-name app --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh
"#,
    },
    Rule {
        id: "rebuilds",
        family: Pipelines,
        severity: Warning,
        title: "the artifact is built again for a later environment",
        consequence: "Base images and packages have moved since, so production runs something that no environment has tested.",
        fix: "Build once, and deploy the same digest to every environment.",
        explanation: "A build counts for an environment when its job deploys there, or when all jobs that need it do. It is a \
warning for production, a hint for the environments before it.",
        bad: r#"--- .github/workflows/deploy.yml
on: push
concurrency: deploy
jobs:
  deploy-staging:
    runs-on: ubuntu-latest
    environment: staging
    steps:
      - run: |
          docker build -t "$REPO" .
          aws lambda update-function-code --function-name app-staging --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh
  deploy-prod:
    needs: deploy-staging
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          docker build -t "$REPO" .
          aws lambda update-function-code --function-name app-prod --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh || ./rollback.sh
"#,
        good: r#"--- .github/workflows/deploy.yml
on: push
concurrency: deploy
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: docker build -t "$REPO" .
  deploy-staging:
    needs: build
    runs-on: ubuntu-latest
    environment: staging
    steps:
      - run: |
          aws lambda update-function-code --function-name app-staging --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh
  deploy-prod:
    needs: deploy-staging
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          aws lambda update-function-code --function-name app-prod --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh || ./rollback.sh
"#,
    },
    Rule {
        id: "deploys-tag",
        family: Pipelines,
        severity: Warning,
        title: "an image is deployed by its tag",
        consequence: "The tag may have moved since it was tested, and nobody can say afterwards which image ran.",
        fix: "Deploy `repository@sha256:...`, with the digest that the build reported.",
        explanation: "It looks at `aws lambda update-function-code`, `kubectl set image`, `kustomize edit set image`, `gcloud run deploy`, \
`az containerapp update`, `docker service update`, the image that amazon-ecs-render-task-definition is given and helm's `--set \
image.tag`, and follows variables, outputs of steps and jobs, and inputs of called workflows as far as they are written. A reference \
that cannot be told is left alone, and so are the numbered tag of somebody else's chart or of an image that nothing here builds, a tag \
in an ECR repository that is IMMUTABLE in this repository's Terraform, and environments for one pull request.",
        bad: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  deploy-dev:
    runs-on: ubuntu-latest
    environment: dev
    concurrency: dev
    steps:
      - run: |
          IMAGE="$REGISTRY/app:$GITHUB_SHA"
          aws lambda update-function-code --function-name app-dev --image-uri "$IMAGE"
          ./smoke-test.sh
"#,
        good: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  deploy-dev:
    runs-on: ubuntu-latest
    environment: dev
    concurrency: dev
    steps:
      - run: |
          IMAGE="$REGISTRY/app@$DIGEST"
          aws lambda update-function-code --function-name app-dev --image-uri "$IMAGE"
          ./smoke-test.sh
"#,
    },
    Rule {
        id: "prod-without-gate",
        family: Pipelines,
        severity: Warning,
        title: "production is deployed on every push with nothing before it",
        consequence: "A slip in a commit is in production minutes later, and users are the first to test it.",
        fix: "Let the job need the tests or an earlier environment, or give it an `environment` with reviewers.",
        explanation: "A test step before the deployment, a needed job that tests or deploys elsewhere, an `environment`, a called \
workflow, a tag and a start by hand all count as a gate.",
        bad: r#"--- .github/workflows/deploy-prod.yml
on:
  push:
    branches: [main]
concurrency: prod
jobs:
  ship:
    runs-on: ubuntu-latest
    steps:
      - run: |
          aws lambda update-function-code --function-name app-prod --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh || ./rollback.sh
"#,
        good: r#"--- .github/workflows/deploy-prod.yml
on:
  push:
    branches: [main]
concurrency: prod
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  ship:
    needs: test
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          aws lambda update-function-code --function-name app-prod --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh || ./rollback.sh
"#,
    },
    Rule {
        id: "no-rollback",
        family: Pipelines,
        severity: Warning,
        title: "nothing takes a failed production deployment back",
        consequence: "When it fails at night, somebody has to find out by hand what ran before.",
        fix: "Add a step with `if: failure()` that goes back to the recorded version, or a workflow that does; `tiers deploy` has it built in.",
        explanation: "Anything called rollback or revert in the workflows and scripts counts, as do steps and jobs that only run after \
a failure, a script or a trap that moves traffic again when its wait or test failed, helm's --atomic, CloudFormation's own rollback \
(sam, cdk, serverless), and in Terraform the circuit breaker of an ECS service and CodeDeploy's automatic rollback. Steps that only \
tell people of the failure, comments and documents do not.",
        bad: r#"--- .github/workflows/deploy-prod.yml
on: workflow_dispatch
concurrency: prod
jobs:
  ship:
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          aws lambda update-alias --function-name app-prod --name live --function-version "$VERSION"
          ./smoke-test.sh
"#,
        good: r#"--- .github/workflows/deploy-prod.yml
on: workflow_dispatch
concurrency: prod
jobs:
  ship:
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          aws lambda update-alias --function-name app-prod --name live --function-version "$VERSION"
          ./smoke-test.sh
      - if: failure()
        run: aws lambda update-alias --function-name app-prod --name live --function-version "$BEFORE"
"#,
    },
    Rule {
        id: "no-smoke-test",
        family: Pipelines,
        severity: Warning,
        title: "nothing tests what was deployed after users meet it",
        consequence: "The first to notice that it does not work are the users.",
        fix: "Call the service through the door that users use, after traffic has moved, and let the job fail when it does not answer.",
        explanation: "Test programs, curl, `aws lambda invoke`, and steps, scripts or jobs whose name says that they test all count; \
telling a chat, fetching a file and cleaning up after tests do not. One whose failure is thrown away is told by gate-accepts-failure. It \
is a warning for production, a hint elsewhere.",
        bad: r#"--- .github/workflows/deploy-prod.yml
on: workflow_dispatch
concurrency: prod
jobs:
  ship:
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: aws lambda update-alias --function-name app-prod --name live --function-version "$VERSION"
      - if: failure()
        run: ./rollback.sh
"#,
        good: r#"--- .github/workflows/deploy-prod.yml
on: workflow_dispatch
concurrency: prod
jobs:
  ship:
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: aws lambda update-alias --function-name app-prod --name live --function-version "$VERSION"
      - run: curl --fail https://app.example.com/health
      - if: failure()
        run: ./rollback.sh
"#,
    },
    Rule {
        id: "gate-accepts-failure",
        family: Pipelines,
        severity: Error,
        title: "a gate lets failures pass",
        consequence: "The deployment goes on although its tests failed or never ran.",
        fix: "Drop `continue-on-error` and `|| true`, and ask for `needs.JOB.result == 'success'` where a condition is needed.",
        explanation: "The deployment's condition is tried out as GitHub reads it: with each needed job failed, skipped and cancelled, \
and with every answer to what no file tells. One that always lets a failure or a cancelled run pass is an error for production. \
Tests that may fail, tests whose exit code is thrown away, before the deployment or after it, an approval or an earlier environment's \
job that may fail, a plan that may fail before an apply without a saved one, a deployment or a rollback whose own failure is thrown \
away, a wait that nothing else follows and whose end nobody reads, and conditions that do so in some cases or accept a skipped job are warnings. Called workflows, scripts, recipes and actions of \
the repository are followed. A later step that reads the test's outcome makes it a gate again, and a job that only runs after a failure is none. A matrix \
with `max-parallel: 1` that reaches production after another environment, with `fail-fast: false` or a `continue-on-error` of the job, is an error: its order stops nothing.",
        bad: r#"--- .github/workflows/deploy.yml
on: workflow_dispatch
concurrency: prod
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy-prod:
    needs: test
    if: always()
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          aws lambda update-function-code --function-name app-prod --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh || ./rollback.sh
"#,
        good: r#"--- .github/workflows/deploy.yml
on: workflow_dispatch
concurrency: prod
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pytest
  deploy-prod:
    needs: test
    if: always() && needs.test.result == 'success'
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          aws lambda update-function-code --function-name app-prod --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh || ./rollback.sh
"#,
    },
    Rule {
        id: "environment-missing",
        family: Pipelines,
        severity: Warning,
        title: "a job deploys to an environment without naming it",
        consequence: "Reviewers, waiting times and branch rules of the environment do not hold, and its secrets must be open to every job.",
        fix: "Add `environment:` with the environment's name to the job.",
        explanation: "The environment is told from the job's name, the arguments of what it runs, or the workflow's name; in a called \
workflow from what its caller gives it. A job under the name of another environment than its own name and its commands say is \
reported too. It is a warning for production, a hint elsewhere.",
        bad: r#"--- .github/workflows/deploy.yml
on: workflow_dispatch
concurrency: prod
jobs:
  deploy-prod:
    runs-on: ubuntu-latest
    steps:
      - run: |
          aws lambda update-function-code --function-name app-prod --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh || ./rollback.sh
"#,
        good: r#"--- .github/workflows/deploy.yml
on: workflow_dispatch
concurrency: prod
jobs:
  deploy-prod:
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          aws lambda update-function-code --function-name app-prod --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh || ./rollback.sh
"#,
    },
    Rule {
        id: "long-lived-keys",
        family: Pipelines,
        severity: Warning,
        title: "a workflow signs in to the cloud with a key that does not expire",
        consequence: "Whoever gets hold of the key once can change the environment until somebody notices.",
        fix: "Let the workflow take a role for each environment through OIDC (`permissions: id-token: write`, `role-to-assume`).",
        explanation: "It goes by the usual names of secrets of AWS, Google Cloud and Azure, once per workflow. Stores that speak S3 and know \
no OIDC (R2, Backblaze, MinIO, Wasabi) are left alone.",
        bad: r#"--- .github/workflows/plan.yml
on: push
jobs:
  plan:
    runs-on: ubuntu-latest
    env:
      AWS_SECRET_ACCESS_KEY: ${{ secrets.AWS_SECRET_ACCESS_KEY }}
    steps:
      - run: terraform plan
"#,
        good: r#"--- .github/workflows/plan.yml
on: push
jobs:
  plan:
    runs-on: ubuntu-latest
    permissions:
      id-token: write
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: ${{ vars.ROLE }}
          aws-region: eu-west-1
      - run: terraform plan
"#,
    },
    Rule {
        id: "no-concurrency",
        family: Pipelines,
        severity: Warning,
        title: "two runs of a deployment may overlap",
        consequence: "The older commit may win the race and stay live, with the newer one's infrastructure.",
        fix: "Add `concurrency` to the job or the workflow, with a group for each environment and `cancel-in-progress: false`.",
        explanation: "A called workflow is looked at with those that call it. A group with the run's number, the commit or the release in \
it is another for each run and does not count. An apply of Terraform with `cancel-in-progress: true` is stopped in the middle by the next \
run. GitHub drops the older of two waiting runs, so the group \
is no queue; `tiers` checks the order itself.",
        bad: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  deploy-dev:
    runs-on: ubuntu-latest
    environment: dev
    steps:
      - run: |
          aws lambda update-function-code --function-name app-dev --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh
"#,
        good: r#"--- .github/workflows/deploy.yml
on: push
jobs:
  deploy-dev:
    runs-on: ubuntu-latest
    environment: dev
    concurrency:
      group: deploy-dev
      cancel-in-progress: false
    steps:
      - run: |
          aws lambda update-function-code --function-name app-dev --image-uri "$REPO@$DIGEST"
          ./smoke-test.sh
"#,
    },
];
