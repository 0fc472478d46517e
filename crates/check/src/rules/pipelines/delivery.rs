//! How a deployment goes: with an environment, one at a time, with keys that expire, tested afterwards and taken back when it fails.

use std::sync::LazyLock;

use github_actions_models::workflow::Workflow as Model;
use github_actions_models::workflow::event::OptionalBody;
use github_actions_models::workflow::job::Step;
use regex::Regex;

use super::jobs::{Call, Job, Target};
use super::scopes::Pipeline;
use super::{effects, smoke};
use crate::command::Command;
use crate::finding::{Finding, Severity};
use crate::hcl::{Body, Expr, Span};
use crate::model::Place;
use crate::parsed::Parsed;
use crate::run::Context;
use crate::workflow::Workflow;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in &pipeline.jobs {
        let Some(deployment) = job.deployment() else { continue };
        environment_missing(context, job, deployment, out);
        no_concurrency(context, job, deployment, out);
        smoke::check(context, pipeline, job, out);
        no_rollback(context, pipeline, job, out);
    }
    long_lived_keys(context, out);
}

pub(super) fn is_only_called(model: &Model) -> bool {
    let events = &model.on.events;
    !matches!(events.workflow_call, OptionalBody::Missing) && events.count() == 1
}

fn environment_missing(context: &Context<'_>, job: &Job<'_>, deployment: &Call<'_>, out: &mut Vec<Finding>) {
    if let (Some(declared), Some(meant)) = (job.target.name(), job.meant.as_ref().and_then(Target::name)) {
        let severity =
            if job.meant.as_ref().is_some_and(Target::is_production) { Severity::Warning } else { Severity::Hint };
        let message = format!("{} deploys to {meant} under `environment: {declared}`", job.name);
        out.push(
            context
                .finding("environment-missing", job.key(), job.id, message)
                .severity(severity)
                .fix(format!("Write `environment: {meant}`, so that its reviewers are asked and its secrets are used."))
                .beside(context.related(job.place(deployment), "it deploys here"))
                .environment(meant),
        );
    }
    if job.model.environment.is_some() {
        return;
    }
    let Target::Named { name, .. } = &job.target else { return };
    let severity = if job.target.is_production() { Severity::Warning } else { Severity::Hint };
    let message = format!("{} deploys to {name} without `environment: {name}`", job.name);
    out.push(
        context
            .finding("environment-missing", job.key(), job.id, message)
            .severity(severity)
            .beside(context.related(job.place(deployment), "it deploys here"))
            .environment(name),
    );
}

fn no_concurrency(context: &Context<'_>, job: &Job<'_>, deployment: &Call<'_>, out: &mut Vec<Finding>) {
    // A group that holds the run's own number or commit is another for each run.
    const OF_A_RUN: &[&str] =
        &["github.run_id", "github.run_number", "github.run_attempt", "github.sha", "github.event.release"];
    let groups: Vec<String> = job.levels().filter_map(|level| level.concurrency()).collect();
    let is_of_a_run = |group: &String| OF_A_RUN.iter().any(|sign| group.contains(sign));
    if groups.iter().any(|group| !is_of_a_run(group)) || is_only_called(&job.root().workflow.model) {
        return;
    }
    let why = if groups.is_empty() { "there is no `concurrency`" } else { "each run has a group of its own" };
    let message = format!("two runs of {} can deploy at the same time: {why}", job.name);
    out.push(
        context
            .finding("no-concurrency", job.root().key(), job.root().id, message)
            .beside(context.related(job.place(deployment), "it deploys here"))
            .environments(job.target.name()),
    );
}

pub(super) fn is_test_name(text: &str) -> bool {
    let lower = text.to_lowercase();
    const SIGNS: &[&str] = &[
        "test",
        "smoke",
        "e2e",
        "health",
        "verify",
        "validate",
        "check-",
        "canary",
        "probe",
        "acceptance",
        "sanity",
        "cypress",
        "playwright",
        "k6-action",
        "newman",
        "lighthouse",
        "synthetics",
    ];
    SIGNS.iter().any(|sign| lower.contains(sign))
}

fn no_rollback(context: &Context<'_>, pipeline: &Pipeline<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let Some((_, call)) = job.traffic().next_back() else { return };
    if !job.target.is_production() || stack_goes_back(call.command) {
        return;
    }
    let says = effects::names_way_back;
    let acts =
        |other: &Job<'_>| (0..other.model.steps.len()).any(|step| other.on_failure(step) && !only_tells(other, step));
    let somewhere = pipeline.jobs.iter().any(|job| says(&job.name) || job.goes_back());
    let afterwards = || pipeline.downstream(job).into_iter().any(|other| other.only_after_failure && acts(other));
    // Documents about rollbacks and the down scripts of migrations take no deployment back.
    let is_other = |name: &str| [".md", ".txt", ".rst", ".sql"].iter().any(|end| name.ends_with(end));
    let by_file = || context.tree.files().iter().any(|file| says(file.name()) && !is_other(file.name()));
    let is_code = |line: &&str| !line.contains("tiers:ignore") && !line.trim_start().starts_with('#');
    let by_text = || job.levels().any(|level| level.workflow.text.lines().filter(is_code).any(says));
    if acts(job) || somewhere || by_text() || by_file() || afterwards() || service_goes_back(context, call) {
        return;
    }
    let message = format!("nothing takes back what {} deploys to production when it fails", job.name);
    out.push(
        context
            .finding("no-rollback", job.place(call), job.id, message)
            .label("no step, job or script rolls this back")
            .environments(job.target.name()),
    );
}

/// CloudFormation takes a stack back whose update failed, unless it is told not to.
fn stack_goes_back(command: &Command<'_>) -> bool {
    let by_stack = match command.program() {
        "sam" | "cdk" | "serverless" | "sls" | "copilot" => true,
        "npx" => matches!(command.subcommands().next(), Some("cdk" | "serverless" | "sls")),
        "aws" => command.subcommands().next() == Some("cloudformation"),
        _ => false,
    };
    by_stack && !["--disable-rollback", "--no-rollback"].iter().any(|flag| command.has_arg(flag))
}

/// A step that tells people that something failed, or keeps what was written about it: the commonest ones on failure.
fn only_tells(job: &Job<'_>, step: usize) -> bool {
    match job.model.steps.get(step) {
        Some(Step::Uses(uses)) => {
            let name = uses.uses.raw().to_lowercase();
            [
                "slack",
                "notify",
                "discord",
                "teams",
                "upload-artifact",
                "github-script",
                "create-issue",
                "create-an-issue",
            ]
            .iter()
            .any(|sign| name.contains(sign))
        }
        Some(Step::Run(_)) => {
            let mut calls = job.calls.iter().filter(|call| call.step == step).peekable();
            calls.peek().is_some() && calls.all(|call| effects::only_tells(call.command))
        }
        _ => false,
    }
}

/// The service itself goes back when what it started does not come up, as its Terraform code says.
fn service_goes_back(context: &Context<'_>, call: &Call<'_>) -> bool {
    let (block, attribute) = match call.command.subcommands().next() {
        Some("ecs") => ("deployment_circuit_breaker", "rollback"),
        Some("deploy") => ("auto_rollback_configuration", "enabled"),
        _ => return false,
    };
    let says = |body: &Body<'_>| {
        let found = body.block(block).and_then(|block| block.body.attr(attribute));
        found.is_some_and(|attr| attr.value.keyword() != Some("false") && !matches!(attr.value.expr, Expr::Bool(false)))
    };
    context.parsed.iter().any(|parsed| match parsed {
        Parsed::Terraform(body) => body.blocks_of("resource").any(|resource| says(&resource.body)),
        _ => false,
    })
}

/// By what the secret is called, or by the input or variable that it is given to.
static KEYS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        secrets\.([A-Za-z0-9_]*(?:AWS_SECRET_ACCESS_KEY|AWS_SECRET_KEY|AWS_ACCESS_KEY_SECRET|GCP_SA_KEY|GCP_CREDENTIALS
            |GOOGLE_CREDENTIALS|GOOGLE_APPLICATION_CREDENTIALS|AZURE_CREDENTIALS|AZURE_CLIENT_SECRET|ARM_CLIENT_SECRET)[A-Za-z0-9_]*)
        | (?:aws-secret-access-key|AWS_SECRET_ACCESS_KEY|credentials_json|ARM_CLIENT_SECRET)\s*[:=]\s*[\x22']?\$\{\{\s*secrets\.([A-Za-z0-9_]+)",
    )
    .ok()
});

/// Stores that speak S3 and know no OIDC: there is nothing but a key.
const OTHER_STORES: &[&str] = &[
    "r2.cloudflarestorage.com",
    "backblazeb2.com",
    "wasabisys.com",
    "digitaloceanspaces.com",
    "minio",
    "linodeobjects.com",
    "your-objectstorage.com",
    "scw.cloud",
];

fn is_of_another_store(secret: &str) -> bool {
    const NAMES: &[&str] =
        &["R2", "B2", "BACKBLAZE", "MINIO", "WASABI", "SPACES", "CLOUDFLARE", "LINODE", "HETZNER", "SCALEWAY"];
    secret.split('_').any(|word| NAMES.iter().any(|name| name.eq_ignore_ascii_case(word)))
}

/// All that a workflow calls of AWS goes to such a store.
fn works_elsewhere(workflow: &Workflow<'_>) -> bool {
    let named = |text: &str| OTHER_STORES.iter().any(|host| text.contains(host));
    let by_environment = workflow.text.lines().any(|line| line.contains("AWS_ENDPOINT_URL") && named(line));
    let mut calls =
        workflow.runs.iter().flat_map(|run| &run.commands).filter(|command| command.program() == "aws").peekable();
    calls.peek().is_some()
        && calls.all(|command| by_environment || command.value("endpoint-url").is_some_and(named))
        && !workflow.text.contains("aws-actions/")
}

fn long_lived_keys(context: &Context<'_>, out: &mut Vec<Finding>) {
    let Some(regex) = KEYS.as_ref() else { return };
    for (file, parsed) in context.parsed.iter().enumerate() {
        let Parsed::Workflow(workflow) = parsed else { continue };
        let written = regex.captures_iter(workflow.text).filter_map(|found| {
            let (all, name) = (found.get(0)?, found.get(1).or_else(|| found.get(2))?);
            (!workflow.is_comment(all.start())).then_some((all, name))
        });
        let elsewhere = works_elsewhere(workflow);
        let found = written
            .into_iter()
            .find(|(_, name)| !(is_of_another_store(name.as_str()) || (elsewhere && name.as_str().contains("SECRET"))));
        let Some((all, name)) = found else { continue };
        let span = Span { start: to_u32(all.start()), end: to_u32(all.end()) };
        let message = format!("this workflow signs in with a key that does not expire, {}", name.as_str());
        out.push(context.finding("long-lived-keys", Place { file, span }, name.as_str(), message));
    }
}

fn to_u32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(0)
}
