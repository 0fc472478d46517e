//! `tiers deploy`: brings a release into an environment.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use tiers_core::config::{AppConfig, Environment};
use tiers_core::id::{Commit, Env};
use tiers_core::plan::Waiver;
use tiers_core::release::Release;
use tiers_engine::driver::Session;
use tiers_engine::ledger::Ledger;
use tiers_engine::planner::Goal;

use crate::cli::Global;
use crate::command::deploying::{Asked, deploy};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::place;
use crate::request::{find_release, policy, policy_now, release_named};
use crate::source::Source;

/// Bring a release into an environment
///
/// Without more words it is the release of the commit that is checked out: the one that was built from exactly these files, by
/// whatever commit. An environment that already serves it, with the same configuration and secrets, is skipped.
#[derive(Debug, Args)]
pub struct Deploy {
    /// The environment
    environment: String,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// The release of this commit's files
    #[arg(long, value_name = "REV", group = "what")]
    commit: Option<String>,
    /// This release, by its id
    #[arg(long, value_name = "ID", group = "what")]
    release: Option<String>,
    /// The release with this digest
    #[arg(long, value_name = "SHA256", group = "what")]
    digest: Option<String>,
    /// What serves in that environment
    #[arg(long, value_name = "ENV", group = "what")]
    from: Option<String>,
    /// Publish and gate the settings that are there now, with the release that serves
    #[arg(long, group = "what")]
    config_only: bool,
    /// Only show what would be done
    #[arg(long)]
    plan: bool,
    /// Skip gates or evidence, for a reason that is recorded and shown until the digest has its evidence
    #[arg(long, value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    break_glass: Option<String>,
    /// What --break-glass skips: a gate's name, upstream:ENV, or terraform:ENV (default: all missing evidence upstream)
    #[arg(long, value_name = "WHAT", requires = "break_glass")]
    skip: Vec<String>,
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Deploy, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let environment = context.environment(&args.environment)?;
    let ledger = context.ledger().await?;
    let mut worst = 0;
    for app in context.apps(args.app.as_deref())? {
        let code = one(&context, &ledger, environment, app, args).await?;
        if code != 0 {
            worst = code;
            break;
        }
    }
    Ok(worst)
}

async fn one(context: &Context, ledger: &Ledger, environment: &Environment, app: &AppConfig, args: &Deploy) -> Outcome {
    let source = Source::open(&context.root)?;
    let (goal, governed) = if args.config_only {
        (Goal::ConfigOnly, policy_now(context, &source)?)
    } else {
        let release = release(context, ledger, &source, app, args).await?;
        if release.dirty && !environment.is_entry() {
            return Err(Fault::refused(format!(
                "{} was built from a dirty tree; it goes to entry environments only",
                release.id
            ))
            .hint("Commit the changes, build, and let that release go through the environments."));
        }
        let governed = policy(context, &source, &release)?;
        (Goal::Deploy(release), governed)
    };
    let mut waivers = waivers(context, environment, app, args)?;
    // A hotfix branch's own exception stands beside what a person skips besides.
    if let Goal::Deploy(release) = &goal
        && !waivers.iter().any(|waiver| waiver.what.starts_with("upstream:"))
    {
        waivers.extend(entry_waivers(context, &source, environment, release)?);
    }
    let asked = Asked { environment, app, goal, waivers, plan_only: args.plan, yes: args.yes };
    deploy(context, ledger, &governed, asked).await
}

async fn release(
    context: &Context,
    ledger: &Ledger,
    source: &Source,
    app: &AppConfig,
    args: &Deploy,
) -> Result<Release, Fault> {
    if let Some(digest) = &args.digest {
        return release_named(ledger, &app.name, &a_digest(digest)?).await;
    }
    if let Some(words) = &args.release {
        return release_named(ledger, &app.name, words).await;
    }
    if let Some(from) = &args.from {
        context.environment(from)?;
        let session = Session::load(&place::desk(context, ledger), &Env::from(from.as_str()), &app.name).await?;
        return match session.state.serving {
            Some(serving) => Ok(serving.release),
            None => Err(Fault::refused(format!("nothing serves in {from} yet"))),
        };
    }
    let commit = match &args.commit {
        Some(revision) => source.resolve(revision)?,
        None => source.head()?,
    };
    of_commit(context, ledger, source, app, &commit).await
}

/// What was given as a digest, or the beginning of one, with its algorithm in front.
fn a_digest(words: &str) -> Result<String, Fault> {
    let bare = words.strip_prefix("sha256:").unwrap_or(words);
    let hexadecimal = bare.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !hexadecimal || !(8..=64).contains(&bare.len()) {
        return Err(Fault::usage(format!(
            "`{words}` is not a digest: expected `sha256:` and 64 hexadecimal digits in lower case, or the first 8 of them or more"
        )));
    }
    Ok(format!("sha256:{bare}"))
}

/// The release that was built from this commit's files.
pub async fn of_commit(
    context: &Context,
    ledger: &Ledger,
    source: &Source,
    app: &AppConfig,
    commit: &Commit,
) -> Result<Release, Fault> {
    let identity = source.identity(&context.root, app, commit)?;
    let found = find_release(ledger, &app.name, |release| release.inputs == identity.inputs && !release.dirty).await?;
    found.ok_or_else(|| {
        let short = crate::render::plan::short(commit.as_str());
        Fault::refused(format!("no release of {} was built from the files of commit {short}", app.name))
            .hint("`tiers build` builds it, once; then this command again.")
    })
}

fn waivers(context: &Context, environment: &Environment, app: &AppConfig, args: &Deploy) -> Result<Vec<Waiver>, Fault> {
    let Some(reason) = &args.break_glass else { return Ok(Vec::new()) };
    let upstream = context.project.upstream(&environment.name);
    let upstream: Vec<String> = upstream.iter().map(|env| format!("upstream:{}", env.name)).collect();
    let gates = context.project.gates(&environment.name, &app.name).iter().map(|gate| gate.name.clone());
    let applied = context.project.terraform.iter().map(|_| format!("terraform:{}", environment.name));
    let known: Vec<String> = gates.chain(upstream.iter().cloned()).chain(applied).collect();
    if let Some(unknown) = args.skip.iter().find(|what| !known.contains(what)) {
        return Err(Fault::usage(format!("there is nothing called `{unknown}` to skip in {}", environment.name))
            .hint(format!("What --skip can name here: {}.", known.join(", "))));
    }
    let skipped = if args.skip.is_empty() { upstream } else { args.skip.clone() };
    if skipped.is_empty() {
        return Err(Fault::usage(format!(
            "{} comes after no environment, so --break-glass alone skips nothing",
            environment.name
        ))
        .hint(format!("Name a gate with --skip: {}.", known.join(", "))));
    }
    let waiver = |what| Waiver { what, by: context.actor.who.clone(), reason: reason.clone() };
    Ok(skipped.into_iter().map(waiver).collect())
}

/// A hotfix branch may enter here directly: the environments before are waived, and their gates run here.
fn entry_waivers(
    context: &Context,
    source: &Source,
    environment: &Environment,
    release: &Release,
) -> Result<Vec<Waiver>, Fault> {
    let Some(pattern) = &environment.entry_branch else { return Ok(Vec::new()) };
    let head = source.head()?;
    let Some(branch) =
        source.branch()?.filter(|branch| tiers_core::config::matches_ref(pattern, branch) && head == release.commit)
    else {
        return Ok(Vec::new());
    };
    let upstream = context.project.upstream(&environment.name);
    let reason = format!("entered from branch {branch}");
    let waiver = |env: &&Environment| Waiver {
        what: format!("upstream:{}", env.name),
        by: context.actor.who.clone(),
        reason: reason.clone(),
    };
    Ok(upstream.iter().map(waiver).collect())
}
