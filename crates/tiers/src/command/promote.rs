//! `tiers promote`: the newest release that every environment before has verified.

use clap::Args;
use tiers_core::config::{AppConfig, Environment};
use tiers_core::release::Release;
use tiers_engine::driver::{Session, evidence};
use tiers_engine::ledger::Ledger;
use tiers_engine::planner::Goal;

use crate::cli::Global;
use crate::command::deploying::{Asked, deploy};
use crate::command::print;
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::place;
use crate::render::plan::headline;
use crate::render::wrap;
use crate::request::{policy, release_named};
use crate::source::Source;

/// Bring the newest release that was verified before into an environment
///
/// Takes the newest release that every environment before this one has verified and that nobody holds. Never one that failed,
/// nor one whose evidence was revoked.
#[derive(Debug, Args)]
pub struct Promote {
    /// The environment
    environment: String,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Only show what would be done
    #[arg(long)]
    plan: bool,
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Promote, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let environment = context.environment(&args.environment)?;
    if environment.is_entry() {
        return Err(Fault::usage(format!(
            "{} comes after no environment, so nothing can be promoted to it",
            environment.name
        ))
        .hint(format!("`tiers deploy {}` brings the release of a commit there.", environment.name)));
    }
    let ledger = context.ledger().await?;
    let source = Source::open(&context.root)?;
    for app in context.apps(args.app.as_deref())? {
        let release = candidate(&context, &ledger, environment, app).await?;
        let governed = policy(&context, &source, &release)?;
        let asked = Asked {
            environment,
            app,
            goal: Goal::Deploy(release),
            waivers: Vec::new(),
            plan_only: args.plan,
            yes: args.yes,
        };
        let code = deploy(&context, &ledger, &governed, asked).await?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

/// The newest release verified in the environments right before this one, and good in all before those.
async fn candidate(
    context: &Context,
    ledger: &Ledger,
    environment: &Environment,
    app: &AppConfig,
) -> Result<Release, Fault> {
    let world = place::desk(context, ledger);
    let here = Session::load(&world, &environment.name, &app.name).await?.state;
    if let Some(serving) = here.serving.as_ref().filter(|serving| !serving.waivers.is_empty()) {
        let upstream: Vec<_> = context.project.upstream(&environment.name).iter().map(|env| env.name.clone()).collect();
        let evidence = evidence(&world, &upstream, &app.name, &serving.release.digest).await?;
        if let Some(missing) = evidence.iter().find(|one| one.passes.is_err()) {
            return Err(Fault::refused(format!(
                "{} serves {} under a waiver, and {} has not verified it: promotion would silently replace it",
                environment.name, serving.release.id, missing.environment
            ))
            .hint(format!(
                "Bring {} through {} first, or name a release: `tiers deploy {} --release ID`.",
                serving.release.id, missing.environment, environment.name
            )));
        }
    }
    let nearest = &environment.after[0];
    let session = Session::load(&world, nearest, &app.name).await?;
    let upstream: Vec<_> = context.project.upstream(&environment.name).iter().map(|env| env.name.clone()).collect();
    let mut why = format!("{nearest} has verified nothing yet");
    let mut passed_over = Vec::new();
    for verdict in &session.state.verdicts {
        let serves = here.serving.as_ref().is_some_and(|serving| serving.release.digest == verdict.digest);
        if let (true, Err(reason)) = (serves, session.state.passes(&verdict.digest)) {
            // Anything behind it is older: promotion goes forwards, and `rollback` goes back.
            why = format!(
                "{} serves {}, which {nearest} no longer vouches for ({}), and nothing newer is verified",
                environment.name,
                verdict.release,
                headline(&reason, 120)
            );
            break;
        }
        if let Err(reason) = session.state.passes(&verdict.digest) {
            why = format!("{} is not verified in {nearest}: {}", verdict.release, headline(&reason, 120));
            passed_over.push(why.clone());
            continue;
        }
        if here.held_release(&verdict.digest).is_some() {
            why = format!("{} is held in {}", verdict.release, environment.name);
            passed_over.push(why.clone());
            continue;
        }
        let all = evidence(&world, &upstream, &app.name, &verdict.digest).await?;
        match all.iter().find_map(|one| one.passes.as_ref().err().map(|reason| (one, reason))) {
            None => {
                tell(context, &passed_over)?;
                // By its id: another build of the same bits may carry the digest too, one from a dirty tree for instance.
                return release_named(ledger, &app.name, verdict.release.as_str()).await;
            }
            Some((one, reason)) => {
                why = format!("{} is not verified in {}: {}", verdict.release, one.environment, headline(reason, 120));
                passed_over.push(why.clone());
            }
        }
    }
    Err(Fault::refused(format!("there is nothing to promote to {}: {why}", environment.name))
        .hint(format!("`tiers status` shows what {nearest} verified.")))
}

/// Newer releases that promotion does not take, and why.
fn tell(context: &Context, passed_over: &[String]) -> Result<(), Fault> {
    if context.global.json {
        return Ok(());
    }
    for why in passed_over {
        let lead = format!("{} ", context.style.careful("passed over:"));
        print(&format!("{}\n", wrap::paragraph(&lead, "passed over: ".len(), 2, why, wrap::width())))?;
    }
    Ok(())
}
