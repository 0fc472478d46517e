//! The story, chapter by chapter.

use tiers_oci::{Architecture, Layout};

use super::client::{Seen, User, call};
use super::files::{edit, write};
use super::stage::Stage;
use crate::fault::{Fault, chain};
use crate::local::runtime_image;
use crate::render::time::took;

/// Where in a deployment of two components the demo pulls the plug: the calls that move the aliases are on their way, and nobody
/// has recorded what became of them.
const POINT_OF_THE_CRASH: u32 = 29;

pub async fn tell(stage: &Stage) -> Result<(), Fault> {
    stage.say(&format!(
        "One build of a small service goes through dev, staging and prod, in\n{}",
        stage.place().display()
    ))?;
    one_artifact(stage).await?;
    a_bad_release(stage).await?;
    broken_only_in_prod(stage).await?;
    a_crash(stage).await?;
    proof(stage)?;
    farewell(stage)
}

async fn one_artifact(stage: &Stage) -> Result<(), Fault> {
    stage.chapter(1, "One artifact, three environments")?;
    write(&stage.root)?;
    runtime(stage)?;
    stage.git(&["init", "--quiet", "--initial-branch", "main"])?;
    stage.git(&["add", "."])?;
    stage.git(&["commit", "--quiet", "-m", "A service that gives out daily reports"])?;
    stage.git(&["checkout", "--quiet", "-b", "dev"])?;
    edit(&stage.root, "README.md", "# dr-daily-report: the worked example", "# dr-daily-report")?;
    stage.git(&["commit", "--quiet", "-am", "Shorten the title"])?;
    stage.tiers(&["build"], 0)?;
    stage.tiers(&["deploy", "dev"], 0)?;
    stage.say(
        "\nThe merge to main is another commit with the same files: staging gets what dev tested, not a new build.",
    )?;
    stage.git(&["checkout", "--quiet", "main"])?;
    stage.git(&["merge", "--quiet", "--no-ff", "-m", "Merge dev", "dev"])?;
    stage.tiers(&["build"], 0)?;
    stage.tiers(&["promote", "staging"], 0)?;
    stage.git(&["tag", "v1.0.0"])?;
    stage.tiers(&["promote", "prod"], 0)?;
    stage.say("\nUsers call each door:")?;
    for environment in ["dev", "staging", "prod"] {
        let url = format!("{}/api/v1/health", door(stage, environment)?);
        let got = call(&url).await?;
        stage.say(&format!("  {environment:<8} {url} -> {}, release {}", got.status, got.release))?;
        if got.status != 200 {
            return Err(Fault::errored(format!("{environment} answers {}", got.status)));
        }
    }
    stage.say("")?;
    stage.tiers(&["status"], 0)?;
    stage.tiers(&["verify", "--same", "dev", "prod"], 0)
}

async fn a_bad_release(stage: &Stage) -> Result<(), Fault> {
    stage.chapter(2, "A bad release does not reach users")?;
    stage.say("Release 1.1.0 renames a field in its data, and its health check knows.")?;
    version(stage, "1.0.0", "1.1.0")?;
    edit(&stage.root, "data/reports.json", "\"ticker\"", "\"symbol\"")?;
    stage.git(&["commit", "--quiet", "-am", "Rename ticker to symbol"])?;
    stage.tiers(&["build"], 0)?;
    stage.say(
        "\nIn dev a failed gate withholds: the deployment stands, so that people can look at it, and goes no further.",
    )?;
    stage.tiers(&["deploy", "dev"], 0)?;
    stage.say("\nPromotion does not take it:")?;
    stage.tiers(&["promote", "staging"], 0)?;
    stage.say("\nSomebody in a hurry breaks the glass. Staging's own gate still stops it before the alias moves:")?;
    stage.tiers(&["deploy", "staging", "--break-glass", "the demo is at noon"], 1)?;
    let got = call(&format!("{}/api/v1/health", door(stage, "staging")?)).await?;
    stage.good(&format!("staging still answers {} with release {}: users never met 1.1.0", got.status, got.release))
}

async fn broken_only_in_prod(stage: &Stage) -> Result<(), Fault> {
    stage.chapter(3, "A release that breaks only in production takes itself back")?;
    stage.say("Release 1.2.0 repairs the data, and ranks searches in prod by a file that is not in the image.")?;
    version(stage, "1.1.0", "1.2.0")?;
    edit(&stage.root, "data/reports.json", "\"symbol\"", "\"ticker\"")?;
    edit(
        &stage.root,
        "config/service.json",
        "\"prod\": { \"search\": { \"default_limit\": 10 } }",
        "\"prod\": { \"search\": { \"ranking\": \"relevance\" } }",
    )?;
    stage.git(&["commit", "--quiet", "-am", "Rank by relevance in prod"])?;
    stage.tiers(&["build"], 0)?;
    stage.tiers(&["deploy", "dev"], 0)?;
    stage.tiers(&["promote", "staging"], 0)?;
    stage.say("\nA user searches in prod all the time while it is deployed:")?;
    let user = User::start(format!("{}/api/v1/reports/search?q=bank", door(stage, "prod")?));
    let deployed = stage.tiers(&["promote", "prod"], 1);
    let seen = user.stop()?;
    deployed?;
    report(stage, &seen)
}

/// What the user saw, said honestly: also how often the bad release answered.
fn report(stage: &Stage, seen: &Seen) -> Result<(), Fault> {
    let all: u32 = seen.answers.values().sum();
    let bad: u32 = seen.answers.iter().filter(|((_, status), _)| *status >= 500).map(|(_, count)| count).sum();
    stage.say(&format!("The user made {} calls:", all + seen.dropped))?;
    for ((release, status), count) in &seen.answers {
        stage.say(&format!("  {count:>5} answered by release {release} with {status}"))?;
    }
    if seen.dropped > 0 {
        let why = seen.why.as_deref().unwrap_or("no reason was seen");
        return Err(Fault::errored(format!("{} calls got no answer: {why}", seen.dropped)));
    }
    stage.good(&format!(
        "no connection was dropped by the shift or the way back; the bad release answered {bad} of {all} calls with an error \
         before it was withdrawn"
    ))
}

async fn a_crash(stage: &Stage) -> Result<(), Fault> {
    stage.chapter(4, "Pull the plug in the middle, and go on")?;
    version(stage, "1.2.0", "1.3.0")?;
    edit(
        &stage.root,
        "config/service.json",
        "\"prod\": { \"search\": { \"ranking\": \"relevance\" } }",
        "\"prod\": { \"search\": { \"default_limit\": 10 } }",
    )?;
    stage.git(&["commit", "--quiet", "-am", "Take the ranking back"])?;
    stage.tiers(&["build"], 0)?;
    stage.tiers(&["deploy", "dev"], 0)?;
    stage.killed(&["promote", "staging"], POINT_OF_THE_CRASH)?;
    stage.tiers(&["status", "staging"], 0)?;
    stage.say("\nAnyone can go on, from any machine that reaches the ledger:")?;
    stage.tiers(&["resume", "staging"], 0)?;
    stage.tiers(&["promote", "prod"], 0)
}

fn proof(stage: &Stage) -> Result<(), Fault> {
    stage.chapter(5, "The proof")?;
    stage.tiers(&["status"], 0)?;
    stage.tiers(&["trace", "v1.0.0"], 0)?;
    stage.tiers(&["verify"], 0)?;
    stage.tiers(&["ledger", "verify"], 0)
}

fn farewell(stage: &Stage) -> Result<(), Fault> {
    stage.good(&format!("\nThat was all of it, in {}.", took(stage.elapsed_ms())))?;
    if stage.keeps() {
        stage.say(&format!("The folder and the local host stay. Try there:\n  cd {}", stage.place().display()))?;
        stage.say("  tiers rollback prod --plan       what going back would do")?;
        stage.say("  tiers history                    everything that happened")?;
        return stage
            .say("  tiers local logs -f              what the functions write\nAnd `tiers local down` at the end.");
    }
    stage.say("Try next:")?;
    stage.say("  tiers demo --keep                the same, and the folder stays to look around in")?;
    stage.say("  tiers init                       in a repository of yours: a first tiers.toml from what is there")?;
    stage.say("  tiers deploy --help              what a deployment can be told")
}

/// The image that the demo's functions stand on: this program.
fn runtime(stage: &Stage) -> Result<(), Fault> {
    let unusable = |error: tiers_oci::OciError| Fault::errored(format!("the runtime image: {}", chain(&error)));
    let layout = Layout::open_or_create(stage.root.join("runtime")).map_err(unusable)?;
    let architecture = Architecture::of_this_machine()
        .ok_or_else(|| Fault::refused("the demo's functions run on x86_64 and arm64 machines, and this is neither"))?;
    if architecture == Architecture::Arm64 {
        edit(&stage.root, "tiers.toml", "builder    = \"files\"", "builder    = \"files\"\narchitecture = \"arm64\"")?;
    }
    let digest = runtime_image(&layout, architecture, &["/var/runtime/bootstrap", "__function"])?;
    layout.tag(&digest, None).map_err(unusable)
}

fn version(stage: &Stage, from: &str, to: &str) -> Result<(), Fault> {
    let text = |version: &str| format!("\"version\": \"{version}\"");
    edit(&stage.root, "config/service.json", &text(from), &text(to))
}

fn door(stage: &Stage, environment: &str) -> Result<String, Fault> {
    let status = stage.ask(&["local", "status"])?;
    let found = status["environments"].as_array().into_iter().flatten();
    let url = found
        .into_iter()
        .find(|one| one["environment"]["name"] == environment)
        .and_then(|one| one["url"].as_str())
        .map(str::to_owned);
    url.ok_or_else(|| Fault::errored(format!("the local host has no door for {environment}")))
}
