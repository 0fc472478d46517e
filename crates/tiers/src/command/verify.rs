//! `tiers verify`: proof that what is live is what the ledger says, and that two environments run the same bits.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use tiers_core::config::Environment;
use tiers_core::event::{Event, GateResult, Outcome as GateOutcome};
use tiers_core::gate::{At, Effect};
use tiers_core::id::{App, Digest, Env, Version};
use tiers_core::state::Serving;
use tiers_engine::driver::{Say, Session, World, say};
use tiers_engine::gates::GatePlace;
use tiers_engine::ledger::Ledger;
use tiers_engine::port::target::Form;

use crate::cli::Global;
use crate::command::deploying::{source_tree, world_of};
use crate::command::hold::downstream;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::local::ALIAS;
use crate::request::policy;
use crate::source::Source;

/// Prove that what is live is what the ledger says
///
/// Looks at every component's alias and version. Exits with 1 if anything differs.
#[derive(Debug, Args)]
pub struct Verify {
    /// Only this environment
    environment: Option<String>,
    /// That these two environments serve the same digest, too
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "environment")]
    same: Vec<String>,
    /// Run the gates of what serves anew, and revoke evidence that no longer holds
    #[arg(long, requires = "environment")]
    again: bool,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// `tiers.verification/1`.
#[derive(Serialize)]
struct Shown {
    good: bool,
    components: Vec<Line>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    same: Vec<Same>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gates: Vec<GateResult>,
}

#[derive(Serialize)]
struct Line {
    environment: Env,
    app: App,
    component: String,
    function: String,
    recorded: Version,
    digest: Digest,
    /// What differs; empty where nothing does.
    difference: String,
}

#[derive(Serialize)]
struct Same {
    app: App,
    a: Option<Digest>,
    b: Option<Digest>,
    same: bool,
}

pub async fn run(args: &Verify, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let names: Vec<String> = match &args.environment {
        Some(name) => vec![name.clone()],
        None if !args.same.is_empty() => args.same.clone(),
        None => context.project.environments.iter().map(|env| env.name.to_string()).collect(),
    };
    let Some(ledger) = context.ledger_if_any().await? else {
        return Err(
            Fault::refused("there is no ledger yet, so there is nothing to prove").hint("`tiers build` begins one.")
        );
    };
    let mut shown = Shown { good: true, components: Vec::new(), same: Vec::new(), gates: Vec::new() };
    for name in &names {
        let environment = context.environment(name)?;
        let (world, _) = world_of(&context, &ledger, environment, None).await?;
        for app in context.apps(args.app.as_deref())? {
            let session = Session::load(&world, &environment.name, &app.name).await?;
            if let Some(serving) = &session.state.serving {
                shown.components.extend(look(&world, environment, &app.name, serving).await);
                if args.again {
                    shown.gates.extend(again(&context, &ledger, environment, &app.name, serving).await?);
                }
            }
        }
    }
    if let [a, b] = args.same.as_slice() {
        for app in context.apps(args.app.as_deref())? {
            shown.same.push(same(&context, &ledger, &app.name, a, b).await?);
        }
    }
    let failed = |result: &GateResult| result.effect != Effect::Advise && result.outcome != GateOutcome::Passed;
    shown.good = shown.components.iter().all(|line| line.difference.is_empty())
        && shown.same.iter().all(|same| same.same)
        && !shown.gates.iter().any(failed);
    if global.json {
        print_json("tiers.verification/1", &shown)?;
    } else {
        print(&text(&context, &shown, args))?;
    }
    Ok(u8::from(!shown.good))
}

async fn look(world: &World, environment: &Environment, app: &App, serving: &Serving) -> Vec<Line> {
    let mut lines = Vec::new();
    for served in &serving.components {
        let mut line = Line {
            environment: environment.name.clone(),
            app: app.clone(),
            component: served.component.to_string(),
            function: served.function.clone(),
            recorded: served.version.clone(),
            digest: serving.release.digest.clone(),
            difference: String::new(),
        };
        line.difference = match difference(world, served, serving).await {
            Ok(difference) => difference,
            Err(why) => why,
        };
        lines.push(line);
    }
    lines
}

async fn difference(world: &World, served: &tiers_core::event::Served, serving: &Serving) -> Result<String, String> {
    let text = |error: tiers_engine::port::target::TargetError| error.to_string();
    let alias = world.target.look_alias(&served.function, ALIAS).await.map_err(text)?;
    if alias.version != served.version {
        return Ok(format!("the alias points at version {}, recorded is {}", alias.version, served.version));
    }
    if !alias.weights.is_empty() {
        return Ok(format!("the alias carries weights: {:?}", alias.weights));
    }
    let version = world.target.look_version(&served.function, &alias.version).await.map_err(text)?;
    if version.digest != serving.release.digest {
        return Ok(format!("version {} runs {}", alias.version, version.digest.short()));
    }
    if version.fingerprint != served.fingerprint {
        return Ok(format!("the settings of version {} are not those recorded", alias.version));
    }
    Ok(String::new())
}

async fn same(context: &Context, ledger: &Ledger, app: &App, a: &str, b: &str) -> Result<Same, Fault> {
    let desk = crate::place::desk(context, ledger);
    let digest = async |name: &str| -> Result<Option<Digest>, Fault> {
        let session = Session::load(&desk, &Env::from(name), app).await?;
        Ok(session.state.serving.map(|serving| serving.release.digest))
    };
    let (left, right) = (digest(a).await?, digest(b).await?);
    let same = left.is_some() && left == right;
    Ok(Same { app: app.clone(), a: left, b: right, same })
}

/// Runs the gates of what serves once more, and records what that means.
async fn again(
    context: &Context,
    ledger: &Ledger,
    environment: &Environment,
    app: &App,
    serving: &Serving,
) -> Result<Vec<GateResult>, Fault> {
    let source = Source::open(&context.root)?;
    let governed = policy(context, &source, &serving.release)?;
    let gates = governed.project.gates(&environment.name, app);
    let reached = crate::place::reach(context, environment, ledger).await?;
    let tree = match serving.release.dirty {
        true => context.root.clone(),
        false => source_tree(context, &serving.release.commit)?,
    };
    let watch = std::rc::Rc::new(crate::watch::Lines::new(context.style, context.global.quiet));
    let world = crate::place::world(context, ledger, &reached, watch, Some(tree));
    let mut results = Vec::new();
    for gate in gates.iter().filter(|gate| gate.at != At::Before) {
        let form = |version: &Version| match gate.at {
            At::Live => Form::Alias(ALIAS.to_owned()),
            // `$LATEST` may hold another release by now; the version is what the staged gates led to.
            At::Before | At::Staged | At::Published => Form::Version(version.clone()),
        };
        let functions: BTreeMap<_, _> = serving
            .components
            .iter()
            .map(|served| (served.component.clone(), (served.function.clone(), form(&served.version))))
            .collect();
        let place = GatePlace { environment: &environment.name, app, release: &serving.release, functions };
        let result = world.gates.run(gate, &place).await;
        world.watch.see(&tiers_engine::driver::Progress::GateEnded { result: &result });
        results.push(result);
    }
    record(context, &world, environment, app, serving, &results).await?;
    Ok(results)
}

async fn record(
    context: &Context,
    world: &World,
    environment: &Environment,
    app: &App,
    serving: &Serving,
    results: &[GateResult],
) -> Result<(), Fault> {
    let digest = serving.release.digest.clone();
    let bad = results.iter().find(|one| one.effect != Effect::Advise && one.outcome != GateOutcome::Passed);
    let event = match bad {
        None => Event::Verified { digest, results: results.to_vec() },
        Some(bad) => Event::Revoked { digest, why: format!("gate `{}` no longer passes: {}", bad.gate, bad.detail) },
    };
    let downstream = downstream(context, &environment.name);
    let halted = say(world, Say { environment: &environment.name, app, event, downstream: &downstream }).await?;
    for env in halted {
        if !context.global.json {
            print(&format!("the open deployment in {env} was halted\n"))?;
        }
    }
    Ok(())
}

fn text(context: &Context, shown: &Shown, args: &Verify) -> String {
    let style = context.style;
    let mut text = String::new();
    for line in &shown.components {
        let word = if line.difference.is_empty() { style.good("ok") } else { style.bad("differs") };
        let what = if line.difference.is_empty() {
            format!("version {} runs {}", line.recorded, line.digest.short())
        } else {
            line.difference.clone()
        };
        text.push_str(&format!("{word}  {}  {}  {what}\n", line.environment, line.function));
    }
    if let [a, b] = args.same.as_slice() {
        for same in &shown.same {
            let word = if same.same { style.good("same") } else { style.bad("different") };
            let name = |digest: &Option<Digest>| digest.as_ref().map_or("nothing", |d| d.short()).to_owned();
            text.push_str(&format!(
                "{word}  {}: {a} serves {}, {b} serves {}\n",
                same.app,
                name(&same.a),
                name(&same.b)
            ));
        }
    }
    if args.again && !shown.gates.is_empty() {
        let word = if shown.good { "its evidence holds" } else { "its evidence was revoked, and promotion stops" };
        text.push_str(&format!("gates ran again: {word}\n"));
    }
    if shown.components.is_empty() && shown.same.is_empty() {
        text.push_str("nothing serves yet, so there is nothing to prove\n");
    } else if shown.good {
        text.push_str("what is live is what the ledger says\n");
    }
    text
}
