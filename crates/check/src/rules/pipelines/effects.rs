//! What a command does, as far as its name and first arguments tell.

use crate::command::{Command, is_local};
use crate::discover::usage::is_terraform;

/// Changes an environment: code, configuration or infrastructure.
pub(super) fn deploys(command: &Command<'_>) -> bool {
    moves_traffic(command) || applies(command) || releases(command)
}

/// Brings a version somewhere with a tool that does the rest by itself: it shifts, waits and often goes back.
fn releases(command: &Command<'_>) -> bool {
    if is_rehearsed(command) {
        return false;
    }
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let has = |flag: &str| command.has_arg(flag);
    match command.program() {
        "gcloud" => (first, second) == ("run", "jobs") && matches!(words.next(), Some("deploy" | "update")),
        "az" => (first, second) == ("containerapp", "job") && words.next() == Some("update"),
        "aws" => {
            (first, second) == ("elasticbeanstalk", "update-environment") && command.value("version-label").is_some()
        }
        "docker" => matches!((first, second), ("stack", "deploy") | ("service", "update")) && !has("--rollback"),
        "nomad" => (first, second) == ("job", "run") || first == "run",
        "argocd" => (first, second) == ("app", "sync"),
        "kamal" | "eb" => first == "deploy",
        "cap" => second == "deploy",
        "helmfile" => command.subcommands().any(|word| matches!(word, "apply" | "sync")),
        "skaffold" => matches!(first, "run" | "deploy"),
        "vercel" => has("--prod"),
        "netlify" => first == "deploy" && has("--prod"),
        "npx" | "pnpx" | "bunx" => {
            matches!(first.split('@').next(), Some("vercel" | "netlify" | "netlify-cli")) && has("--prod")
        }
        "pulumi" => first == "up" && !has("--preview-only"),
        "ansible-playbook" => {
            !has("--check")
                && !has("-C")
                && !has("--syntax-check")
                && command.subcommands().any(|word| word.contains("deploy"))
        }
        _ => false,
    }
}

pub(super) fn applies(command: &Command<'_>) -> bool {
    is_terraform(command.program()) && command.subcommands().next() == Some("apply") && !is_rehearsed(command)
}

pub(super) fn plans(command: &Command<'_>) -> bool {
    is_terraform(command.program()) && command.subcommands().next() == Some("plan")
}

pub(super) fn destroys(command: &Command<'_>) -> bool {
    is_terraform(command.program()) && command.subcommands().next() == Some("destroy")
}

/// Users meet other code afterwards.
pub(super) fn moves_traffic(command: &Command<'_>) -> bool {
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if is_rehearsed(command) {
        return false;
    }
    match command.program() {
        "aws" => {
            matches!(
                (first, second),
                ("lambda", "update-function-code" | "update-alias")
                    | ("deploy", "create-deployment")
                    | ("cloudformation", "deploy")
                    | ("apprunner", "start-deployment")
            ) || (first, second) == ("ecs", "update-service") && !only_scales(command)
                || (first == "s3" && matches!(second, "sync" | "cp") && publishes_site(command))
        }
        "kubectl" => matches!((first, second), ("apply" | "replace", _) | ("set", "image") | ("rollout", "restart")),
        "helm" => matches!(first, "upgrade" | "install"),
        "serverless" | "sls" | "sam" | "cdk" | "copilot" | "flyctl" | "fly" => first == "deploy",
        "npx" => matches!((first, second), ("serverless" | "sls" | "cdk", "deploy")),
        "gcloud" => match (first, second) {
            ("run" | "functions" | "app", "deploy") => true,
            ("run" | "app", "services") => match words.next() {
                Some("update-traffic" | "set-traffic") => true,
                Some("update") => command.value("image").is_some(),
                _ => false,
            },
            _ => false,
        },
        "az" => matches!((first, second), ("webapp" | "functionapp", "deploy") | ("containerapp", "update")),
        "wrangler" => first == "deploy",
        _ => false,
    }
}

/// More or fewer of what runs already.
fn only_scales(command: &Command<'_>) -> bool {
    command.value("desired-count").is_some()
        && command.value("task-definition").is_none()
        && !command.has_arg("--force-new-deployment")
}

/// It changes nothing but a stand-in on the machine that it runs on, or nothing at all.
pub(super) fn is_rehearsed(command: &Command<'_>) -> bool {
    command.local
        || command.has_arg("--help")
        || command.words.iter().any(|word| word.text.starts_with("--dry-run"))
        || command.value("endpoint-url").is_some_and(is_local)
        || command.assignments().any(|(name, value)| name.starts_with("AWS_ENDPOINT_URL") && is_local(value))
}

/// A built site goes into a bucket; what else is copied there is no deployment.
fn publishes_site(command: &Command<'_>) -> bool {
    let mut places = command.subcommands().skip(2);
    let (from, to) = (places.next().unwrap_or_default(), places.next().unwrap_or_default());
    let mut folders = from.split('/');
    // A folder, or the page that everything begins with; an archive in `build` goes to who deploys it.
    let all = command.subcommands().nth(1) == Some("sync") || command.has_arg("--recursive");
    let whole = all || from.ends_with("/index.html");
    // Below a commit's name lies what is kept of it.
    let kept = |bucket: &str| bucket.split_once('/').is_some_and(|(_, path)| path.contains('$'));
    whole
        && to.strip_prefix("s3://").is_some_and(|to| !kept(to))
        && folders
            .any(|folder| matches!(folder, "dist" | "build" | "out" | "public" | "site" | "www" | "_site" | "html"))
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

/// Programs that test or call whatever their arguments are.
const TESTERS: &[&str] = &[
    "ab",
    "behave",
    "cucumber",
    "cucumber-js",
    "gatling",
    "hey",
    "Invoke-RestMethod",
    "Invoke-WebRequest",
    "lhci",
    "oha",
    "pa11y",
    "pa11y-ci",
    "schemathesis",
    "siege",
    "testcafe",
    "vegeta",
    "websocat",
    "wrk",
    "wscat",
    "pytest",
    "jest",
    "vitest",
    "curl",
    "wget",
    "http",
    "https",
    "xh",
    "hurl",
    "newman",
    "playwright",
    "cypress",
    "k6",
    "artillery",
    "tox",
    "nox",
    "rspec",
    "phpunit",
    "bats",
    "locust",
    "grpcurl",
    "tavern-ci",
    "tiers",
];

/// Programs that test nothing whatever their arguments are called.
#[rustfmt::skip]
const NO_TESTERS: &[&str] = &[
    "cat", "cd", "chmod", "cp", "echo", "export", "gh", "git", "kill", "killall", "ls", "mkdir", "mv", "pkill", "printf", "rm", "tar",
    "touch", "unzip", "zip",
];

/// What stands in the names of things that come of tests, or are done about them.
const ABOUT_TESTS: &[&str] = &["results", "report", "upload", "cleanup", "clean-up", "clean_up", "install"];

/// Looks whether what runs works: tests and calls.
pub(super) fn tests(command: &Command<'_>) -> bool {
    let program = command.program();
    if TESTERS.contains(&program) {
        return !matches!(program, "curl" | "wget") || !tells_or_fetches(command);
    }
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match program {
        "aws" => matches!((first, second), ("lambda", "invoke") | ("synthetics", "start-canary")),
        "npx" | "bunx" | "uvx" | "pipx" if TESTERS.contains(&first.split('@').next().unwrap_or(first)) => true,
        "npx" | "bunx" | "uvx" | "pipx" | "pnpm" | "yarn" | "bun" | "npm" | "poetry" | "uv" | "bundle" | "pipenv"
            if matches!(first, "exec" | "run" | "dlx" | "x") && TESTERS.contains(&second) =>
        {
            true
        }
        "pnpm" | "yarn" | "npm" | "bun" | "make" | "just" | "task" if command.subcommands().any(accepts) => true,
        "kubectl" if first == "exec" && inside(command).is_some_and(|program| TESTERS.contains(&program)) => true,
        _ if NO_TESTERS.contains(&program) => false,
        _ => command.words.iter().any(|word| {
            // `app:latest` is no test.
            let lower = word.text.to_ascii_lowercase().replace("latest", "").replace("attest", "");
            ["test", "smoke", "e2e", "health", "verify", "canary", "probe"].iter().any(|sign| lower.contains(sign))
                && !ABOUT_TESTS.iter().any(|sign| lower.contains(sign))
        }),
    }
}

/// The name of a task that tests what runs, without that word.
fn accepts(task: &str) -> bool {
    let mut words = task.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "acceptance" | "sanity"))
}

/// The program that runs inside of a container.
fn inside<'c>(command: &'c Command<'_>) -> Option<&'c str> {
    let at = command.args().iter().position(|word| word.text == "--")?;
    command.args().get(at + 1).map(|word| word.text.as_ref())
}

/// Reads what a system has done: how many messages wait, what was written, what was counted.
pub(super) fn observes(command: &Command<'_>) -> bool {
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let reads = ["get-", "describe-", "filter-", "receive-", "list-", "query", "scan", "head-"];
    command.program() == "aws"
        && matches!(first, "sqs" | "cloudwatch" | "logs" | "dynamodb" | "elbv2" | "synthetics")
        && reads.iter().any(|verb| second.starts_with(verb))
}

/// A test proper, whose failure means that something does not work: fetching something with curl, though it may be a probe, often is
/// not.
pub(super) fn is_test(command: &Command<'_>) -> bool {
    tests(command)
        && !matches!(command.program(), "aws" | "curl" | "wget" | "http" | "https" | "xh" | "tiers" | "grep" | "docker")
        && !command.words.iter().any(|word| ABOUT_TESTS.iter().any(|sign| word.text.contains(sign)))
}

/// Does no more than say something to somebody.
pub(super) fn only_tells(command: &Command<'_>) -> bool {
    match command.program() {
        "echo" | "printf" | "exit" | "cat" => true,
        "curl" | "wget" => tells_or_fetches(command),
        "gh" => matches!(command.subcommands().next(), Some("issue" | "pr")),
        _ => false,
    }
}

/// Tells people, or fetches a file: it asks nothing of what was deployed.
fn tells_or_fetches(command: &Command<'_>) -> bool {
    command.args().iter().any(|word| {
        let lower = word.text.to_ascii_lowercase();
        let told = ["hooks.slack.com", "slack", "webhook", "discord", "pagerduty", "opsgenie", "api.telegram.org"];
        let fetched = [".zip", ".tar.gz", ".tgz", ".sh", ".deb", ".py", ".asc", ".gpg"];
        let installs = ["https://install.", "https://get.", "raw.githubusercontent.com", "/releases/download/"];
        told.iter().any(|sign| lower.contains(sign))
            || (lower.contains("://") && fetched.iter().any(|end| lower.ends_with(end)))
            || installs.iter().any(|sign| lower.contains(sign))
    })
}

/// Takes a deployment back.
pub(super) fn rolls_back(command: &Command<'_>) -> bool {
    // `trap 'aws lambda update-alias …' ERR` goes back when any command after it fails.
    let trapped = command.program() == "trap"
        && command.args().iter().any(|word| word.text == "ERR")
        && command
            .args()
            .iter()
            .any(|word| ["update-alias", "update-service", "restore"].iter().any(|sign| word.text.contains(sign)));
    if trapped {
        return true;
    }
    command.words.iter().any(|word| {
        let lower = without_refusals(&word.text);
        names_way_back(&lower) || ["undo", "--atomic", "previous", "circuit"].iter().any(|sign| lower.contains(sign))
    })
}

/// A text in lower case, without what says that nothing shall go back.
fn without_refusals(text: &str) -> String {
    let mut text = text.to_lowercase();
    for refusal in ["disable-rollback", "disable_rollback", "no-rollback", "no_rollback"] {
        if text.contains(refusal) {
            text = text.replace(refusal, "");
        }
    }
    text
}

/// Whether a name or a line speaks of going back.
pub(super) fn names_way_back(text: &str) -> bool {
    let lower = without_refusals(text);
    ["rollback", "roll-back", "roll_back", "roll back", "revert"].iter().any(|sign| lower.contains(sign))
}

/// Goes back by itself, by what it is called.
pub(super) fn is_way_back(command: &Command<'_>) -> bool {
    let mut words = command.subcommands();
    match command.program() {
        "kubectl" => (words.next(), words.next()) == (Some("rollout"), Some("undo")),
        "helm" => words.next() == Some("rollback"),
        program if NO_TESTERS.contains(&program) => false,
        "aws" | "if" | "for" | "while" | "trap" | "[" | "[[" => false,
        program => names_way_back(program),
    }
}

/// Leaves nothing of what `terraform init` made in a folder.
pub(super) fn forgets_terraform(command: &Command<'_>) -> bool {
    match command.program() {
        "rm" => command.args().iter().any(|word| word.text.trim_end_matches(['/', '*']).ends_with(".terraform")),
        "git" => {
            command.subcommands().next() == Some("clean")
                && command.args().iter().any(|word| word.text.starts_with('-') && word.text.contains(['x', 'X']))
        }
        _ => false,
    }
}

/// Waits properly: a waiter, or a loop that looks.
pub(super) fn waits(command: &Command<'_>) -> bool {
    let mut words = command.subcommands();
    match command.program() {
        "aws" => words.nth(1) == Some("wait"),
        "kubectl" => match words.next() {
            Some("wait") => true,
            Some("rollout") => words.next() == Some("status"),
            _ => false,
        },
        "argocd" => (words.next(), words.next()) == (Some("app"), Some("wait")),
        _ => false,
    }
}
