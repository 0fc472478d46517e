//! What a command does, as far as its name and first arguments tell.

use crate::command::Command;
use crate::discover::usage::is_terraform;

/// Changes an environment: code, configuration or infrastructure.
pub(super) fn deploys(command: &Command<'_>) -> bool {
    moves_traffic(command) || applies(command)
}

pub(super) fn applies(command: &Command<'_>) -> bool {
    is_terraform(command.program()) && command.subcommands().next() == Some("apply")
}

/// Users meet other code afterwards.
pub(super) fn moves_traffic(command: &Command<'_>) -> bool {
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let rehearsed = command.words.iter().any(|word| word.text.starts_with("--dry-run"));
    if command.has_arg("--help") || rehearsed {
        return false;
    }
    match command.program() {
        "aws" => {
            matches!(
                (first, second),
                ("lambda", "update-function-code" | "update-alias")
                    | ("ecs", "update-service")
                    | ("deploy", "create-deployment")
                    | ("cloudformation", "deploy")
                    | ("apprunner", "start-deployment")
            ) || (first, second) == ("s3", "sync") && publishes_site(command)
        }
        "kubectl" => matches!((first, second), ("apply" | "replace", _) | ("set", "image") | ("rollout", "restart")),
        "helm" => matches!(first, "upgrade" | "install"),
        "serverless" | "sls" | "sam" | "cdk" | "copilot" | "flyctl" | "fly" => first == "deploy",
        "npx" => matches!((first, second), ("serverless" | "sls" | "cdk", "deploy")),
        "gcloud" => second == "deploy" && matches!(first, "run" | "functions" | "app"),
        "az" => matches!((first, second), ("webapp" | "functionapp", "deploy") | ("containerapp", "update")),
        "wrangler" => first == "deploy",
        _ => false,
    }
}

/// A built site goes into a bucket; what else is copied there is no deployment.
fn publishes_site(command: &Command<'_>) -> bool {
    let mut places = command.subcommands().skip(2);
    let (from, to) = (places.next().unwrap_or_default(), places.next().unwrap_or_default());
    let folder = from.trim_start_matches("./").trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    to.starts_with("s3://") && matches!(folder, "dist" | "build" | "out" | "public" | "site" | "www" | "_site" | "html")
}

/// Makes a container image.
pub(super) fn builds_image(command: &Command<'_>) -> bool {
    let mut words = command.subcommands();
    match command.program() {
        "docker" | "podman" => match words.next() {
            Some("build") => true,
            Some("buildx") => words.next() == Some("build"),
            _ => false,
        },
        "buildah" => matches!(words.next(), Some("bud" | "build")),
        "sam" => words.next() == Some("build"),
        _ => false,
    }
}

/// Looks whether what runs works: tests and calls.
pub(super) fn tests(command: &Command<'_>) -> bool {
    let program = command.program();
    if matches!(
        program,
        "pytest"
            | "jest"
            | "vitest"
            | "curl"
            | "wget"
            | "http"
            | "https"
            | "xh"
            | "hurl"
            | "newman"
            | "playwright"
            | "cypress"
            | "k6"
            | "artillery"
            | "tox"
            | "nox"
            | "rspec"
            | "phpunit"
            | "bats"
            | "locust"
            | "grpcurl"
            | "tavern-ci"
    ) {
        return true;
    }
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match program {
        "aws" => (first, second) == ("lambda", "invoke"),
        "tiers" => true,
        _ => command.words.iter().any(|word| {
            // `app:latest` is no test.
            let lower = word.text.to_ascii_lowercase().replace("latest", "").replace("attest", "");
            ["test", "smoke", "e2e", "health", "verify", "canary", "probe"].iter().any(|sign| lower.contains(sign))
        }),
    }
}

/// Takes a deployment back.
pub(super) fn rolls_back(command: &Command<'_>) -> bool {
    command.words.iter().any(|word| {
        let lower = word.text.to_ascii_lowercase();
        ["rollback", "roll-back", "roll_back", "undo", "revert", "--atomic", "previous", "circuit"]
            .iter()
            .any(|sign| lower.contains(sign))
    })
}

/// Waits properly: a waiter, or a loop that looks.
pub(super) fn waits(command: &Command<'_>) -> bool {
    let mut words = command.subcommands();
    match command.program() {
        "aws" => words.nth(1) == Some("wait"),
        "kubectl" => matches!(words.next(), Some("wait" | "rollout")),
        _ => false,
    }
}
