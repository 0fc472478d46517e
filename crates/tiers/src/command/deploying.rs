//! What deploy, promote, rollback and resume have in common: plan, show, check, claim, drive, and say how it ended.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::rc::Rc;

use serde::Serialize;
use tiers_core::config::{AppConfig, Environment};
use tiers_core::event::{Ending, Event};
use tiers_core::gate::{At, Check};
use tiers_core::id::Commit;
use tiers_core::plan::{Kind, Plan, Waiver};
use tiers_core::state::EndedDeployment;
use tiers_engine::driver::{Claim, DriveError, Driven, Objection, Say, Session, World, claim, drive, preflight, say};
use tiers_engine::ledger::Ledger;
use tiers_engine::planner::{Goal, Planned, plan};

use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome, chain};
use crate::leaving::{Driving, driving};
use crate::place::{self, Reached};
use crate::render;
use crate::render::plan::brief;
use crate::render::style::Style;
use crate::render::wrap;
use crate::request::{Governed, wanted};
use crate::source::Source;
use crate::terraform::needed::needed;
use crate::watch::Lines;

/// Characters of a reason that the last words show; `tiers trace` shows it whole.
const WIDTH: usize = 200;

/// How a deployment is asked for.
pub struct Asked<'a> {
    pub environment: &'a Environment,
    pub app: &'a AppConfig,
    pub goal: Goal,
    pub waivers: Vec<Waiver>,
    pub plan_only: bool,
    pub yes: bool,
}

/// A deployment's result as JSON: `tiers.deployment/1`.
#[derive(Serialize)]
struct Result1<'a> {
    outcome: &'a str,
    plan: &'a Plan,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'a EndedDeployment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objections: Vec<String>,
}

/// Plans a deployment, shows it, and carries it out unless only the plan was asked for. Answers the exit code.
pub async fn deploy(context: &Context, ledger: &Ledger, governed: &Governed, asked: Asked<'_>) -> Outcome {
    let reached = place::reach(context, asked.environment, ledger).await?;
    let mut wanted = wanted(
        governed,
        asked.environment,
        asked.app,
        asked.goal.clone(),
        reached.place.clone(),
        asked.waivers.clone(),
    )?;
    let (mut note, mut told) = (None, false);
    let skips = format!("terraform:{}", asked.environment.name);
    let needs = |waivers: &[Waiver]| !waivers.iter().any(|waiver| waiver.what == skips);
    let watch = Rc::new(Lines::new(context.style, context.global.quiet));
    let mut world = place::world(context, ledger, &reached, watch, None);
    // Somebody else may append between the plan and the claim; a plan from an outdated head is made anew.
    for _ in 0..8 {
        // What was applied in between may be just what was lacking.
        let mut otherwise = None;
        if let Goal::Deploy(release) = &asked.goal
            && needs(&asked.waivers)
        {
            let needed = needed(context, ledger, governed, asked.environment, asked.app, release).await?;
            wanted.infrastructure = needed.infrastructure;
            note = needed.note.filter(|_| !context.global.json && !context.global.quiet && !told);
            otherwise = needed.is_lacking.then(|| {
                format!(
                    "To go on without it: `tiers deploy {} --release {} --break-glass REASON --skip {skips}`.",
                    asked.environment.name, release.id
                )
            });
        }
        let planned = plan(&world, &wanted).await?;
        if planned.unchanged && !matches!(asked.goal, Goal::Rollback { .. }) {
            return unchanged(context, &planned.plan);
        }
        if let Some(note) = note.take() {
            told = true;
            print(&worded(context.style, Style::careful, "", "note", &note))?;
        }
        if asked.plan_only {
            return show_plan(context, &world, &planned).await;
        }
        if !context.global.json {
            print(&render::plan::plan(&planned.plan, context.style))?;
        }
        let objections = preflight(&world, &planned.state, &planned.plan).await?;
        if !objections.is_empty() {
            return not_now(context, &world, asked.environment, &planned.plan, &objections, otherwise).await;
        }
        if !asked.yes && !agreed(asked.environment)? {
            return Err(Fault::refused("not agreed to; nothing was changed"));
        }
        let source = source_for_commands(context, &planned.plan)?;
        world = place::world(context, ledger, &reached, Rc::clone(&world.watch), source.clone());
        let driving = driving();
        match claim(&world, &planned.plan).await? {
            Claim::Claimed(mut session, _) => return finish(context, &mut session, &planned.plan, driving).await,
            Claim::Outdated => {}
            Claim::Busy { id, owner } => return Err(busy(asked.environment.name.as_str(), &id.to_string(), &owner)),
        }
    }
    Err(Fault::errored("the ledger moved on each time a plan was made; try again"))
}

/// The fault of finding another deployment open.
pub fn busy(environment: &str, id: &str, owner: &str) -> Fault {
    Fault::refused(format!("deployment {id} by {owner} is open in {environment}")).hint(format!(
        "`tiers status` shows how far it is; if its owner is gone, `tiers resume {environment}` takes it over."
    ))
}

/// Drives what the session owns and says how it ended.
pub async fn finish(context: &Context, session: &mut Session, plan: &Plan, driving: Driving) -> Outcome {
    let driven = drive(session).await;
    drop(driving);
    let driven = match driven {
        Err(DriveError::Stopped) => return Err(left(plan)),
        other => other?,
    };
    let code = match driven {
        Driven::Ended(ended) => {
            if context.global.json {
                let result =
                    Result1 { outcome: ended.ending.word(), plan, ended: Some(&ended), objections: Vec::new() };
                print_json("tiers.deployment/1", &result)?;
            } else {
                print(&ended_text(context, plan, &ended, session))?;
            }
            ended.ending.exit_code()
        }
        Driven::AsksPerson(cause) => {
            let text = format!(
                "{} {}\n  {} stays as it is until a person decides:\n  `tiers resume {}` asks the gates again, `tiers resume {} --undo` goes back\n",
                context.style.careful("open:"),
                cause.text(),
                plan.environment,
                plan.environment,
                plan.environment
            );
            if context.global.json {
                let result = Result1 { outcome: "open", plan, ended: None, objections: vec![cause.text()] };
                print_json("tiers.deployment/1", &result)?;
            } else {
                print(&text)?;
            }
            Ending::Failed.exit_code()
        }
    };
    Ok(code)
}

/// Somebody left, and everything that was done is recorded.
fn left(plan: &Plan) -> Fault {
    let env = &plan.environment;
    Fault::errored(format!("stopped as asked; the deployment of {} in {env} is open", plan.release.id))
        .hint(format!("`tiers resume {env}` goes on from here, `tiers resume {env} --undo` goes back."))
}

fn ended_text(context: &Context, plan: &Plan, ended: &EndedDeployment, session: &Session) -> String {
    let style = context.style;
    let release = &plan.release;
    let env = &plan.environment;
    let (paint, says): (fn(Style, &str) -> String, String) = match ended.ending {
        Ending::Succeeded => {
            let verb = if plan.kind == Kind::Rollback { "serves again in" } else { "serves in" };
            let versions = session.state.serving.iter().flat_map(|serving| &serving.components);
            let versions: Vec<String> =
                versions.map(|served| format!("{} version {}", served.component, served.version)).collect();
            (Style::good, format!("{} {verb} {env}: {}", release.id, versions.join(", ")))
        }
        Ending::Failed => (Style::bad, format!("{} in {env}: {}", release.id, brief(&ended.why, WIDTH))),
        Ending::Refused | Ending::Errored | Ending::Stuck => (Style::bad, ended.why.clone()),
    };
    let mut text = worded(style, paint, "", ended.ending.word(), &says);
    if ended.ending == Ending::Succeeded
        && let Some(verdict) = session.state.verdict(&release.digest)
        && let Some(why) = &verdict.why_not
        && plan.kind != Kind::Rollback
    {
        let says = format!("not verified here, so it goes no further: {}", brief(why, WIDTH));
        text.push_str(&worded(style, Style::careful, "  ", "withheld", &says));
    }
    match ended.ending {
        Ending::Failed | Ending::Errored | Ending::Refused => {
            let serving = session.state.serving.as_ref().map(|serving| serving.release.id.to_string());
            let serving = serving.unwrap_or_else(|| "what was there before the first release".to_owned());
            let served = format!("  users are served by {serving}; every component was left or brought back there");
            text.push_str(&wrap::line(&served));
            if ended.ending == Ending::Failed && plan.kind != Kind::Rollback {
                text.push_str(&wrap::line(&format!("  {} is held here: promotion does not pick it again", release.id)));
            }
        }
        Ending::Succeeded | Ending::Stuck => {}
    }
    for left in &ended.left {
        text.push_str(&worded(style, Style::plain, "  ", &left.function, &left.note));
        if let Some(command) = &left.command {
            text.push_str(&format!("    {command}\n"));
        }
    }
    text
}

/// `word: what it says`, at the width of the terminal, with a newline.
fn worded(style: Style, paint: fn(Style, &str) -> String, indent: &str, word: &str, says: &str) -> String {
    let lead = format!("{indent}{} ", paint(style, &format!("{word}:")));
    let columns = indent.len() + word.chars().count() + 2;
    format!("{}\n", wrap::paragraph(&lead, columns, indent.len() + 2, says, wrap::width()))
}

fn unchanged(context: &Context, plan: &Plan) -> Outcome {
    if context.global.json {
        print_json("tiers.deployment/1", &Result1 { outcome: "unchanged", plan, ended: None, objections: Vec::new() })?;
    } else {
        print(&wrap::line(&format!(
            "unchanged, skipped: {} serves {} already, with the same digest, configuration and secrets",
            plan.environment, plan.release.id
        )))?;
    }
    Ok(0)
}

async fn show_plan(context: &Context, world: &World, planned: &Planned) -> Outcome {
    let objections = preflight(world, &planned.state, &planned.plan).await?;
    let texts: Vec<String> = objections.iter().map(|objection| objection.text().to_owned()).collect();
    if context.global.json {
        let result = Result1 { outcome: "planned", plan: &planned.plan, ended: None, objections: texts };
        print_json("tiers.deployment/1", &result)?;
        return Ok(0);
    }
    let mut text = render::plan::plan(&planned.plan, context.style);
    for objection in &texts {
        text.push_str(&worded(context.style, Style::careful, "  ", "not now", objection));
    }
    text.push_str(&context.style.dim(&format!("  plan {} (nothing was changed)\n", planned.plan.hash().short())));
    print(&text)?;
    Ok(0)
}

/// Something speaks against it: what may pass by itself is recorded as waiting, everything else is refused.
async fn not_now(
    context: &Context,
    world: &World,
    environment: &Environment,
    plan: &Plan,
    objections: &[Objection],
    otherwise: Option<String>,
) -> Outcome {
    let texts: Vec<String> = objections.iter().map(|objection| objection.text().to_owned()).collect();
    if let Some(Objection::Unanswered(what)) = objections.iter().find(|one| matches!(one, Objection::Unanswered(_))) {
        return Err(Fault::errored(what.clone()));
    }
    if let Some(no) = objections.iter().find(|one| matches!(one, Objection::No(_))) {
        let refused = Fault::refused(no.text());
        return Err(match otherwise {
            Some(hint) => refused.hint(hint),
            None => refused,
        });
    }
    let approval = plan.gates_at(At::Before).any(|gate| matches!(gate.check, Check::Approval { .. }));
    let wait_s = i64::try_from(environment.upstream_wait_s).unwrap_or(i64::MAX / 4);
    if wait_s == 0 && !approval {
        return Err(Fault::refused(texts.join("; ")));
    }
    let until = world.clock.now().saturating_add(jiff::SignedDuration::from_secs(wait_s.max(3600)));
    let until = until.unwrap_or(jiff::Timestamp::MAX);
    let event = Event::Waiting {
        release: plan.release.id.clone(),
        digest: plan.release.digest.clone(),
        what: texts.join("; "),
        until,
    };
    say(world, Say { environment: &plan.environment, app: &plan.app, event, downstream: &[] }).await?;
    if context.global.json {
        let result = Result1 { outcome: "waiting", plan, ended: None, objections: texts };
        print_json("tiers.deployment/1", &result)?;
    } else {
        let env = &plan.environment;
        let next = if approval {
            format!("`tiers approve {env}` by somebody else, then this command again")
        } else {
            "this command again once the evidence is there".to_owned()
        };
        let waiting = worded(context.style, Style::careful, "", "waiting", &texts.join("; "));
        print(&format!("{waiting}  holds nothing, expires {}; next: {next}\n", render::time::exact(until)))?;
    }
    Ok(0)
}

/// Asks, where there is somebody to ask and the environment is not the first one.
fn agreed(environment: &Environment) -> Result<bool, Fault> {
    if environment.is_entry() || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    let mut error = std::io::stderr();
    let _ = write!(error, "Do this in {}? [y/N] ", environment.name);
    let _ = error.flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| Fault::errored(format!("no answer: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The deployed commit's tree in a folder, for gates that run programs; `None` where no gate does.
fn source_for_commands(context: &Context, plan: &Plan) -> Result<Option<PathBuf>, Fault> {
    let runs = plan.gates.iter().any(|gate| matches!(gate.check, Check::Command { .. }));
    if !runs {
        return Ok(None);
    }
    if plan.release.dirty {
        return Ok(Some(context.root.clone()));
    }
    Ok(Some(source_tree(context, &plan.release.commit)?))
}

/// A commit's whole tree below the project's folder, made once and kept.
pub fn source_tree(context: &Context, commit: &Commit) -> Result<PathBuf, Fault> {
    let folder = context.home("source").join(commit.as_str());
    if folder.is_dir() {
        return Ok(folder);
    }
    let source = Source::open(&context.root)?;
    let entries = source.tree(commit)?;
    std::fs::create_dir_all(context.home("source"))
        .map_err(|error| Fault::errored(format!("{}: {error}", folder.display())))?;
    let scratch = context.home("source").join(format!(".{commit}.{}", std::process::id()));
    if let Err(error) = source.repository.materialise(&entries, &scratch) {
        // What a full disk let through would only keep it full.
        let _ = std::fs::remove_dir_all(&scratch);
        return Err(Fault::errored(format!("the source of {commit}: {}", chain(&error))));
    }
    // Of two that make it at once, both have the same; the second one's is thrown away.
    if std::fs::rename(&scratch, &folder).is_err() {
        let _ = std::fs::remove_dir_all(&scratch);
    }
    Ok(folder)
}

/// The place of an environment and a world in it, for commands that go on with what is there.
pub async fn world_of(
    context: &Context,
    ledger: &Ledger,
    environment: &Environment,
    plan: Option<&Plan>,
) -> Result<(World, Reached), Fault> {
    let reached = place::reach(context, environment, ledger).await?;
    let source = match plan {
        Some(plan) => source_for_commands(context, plan)?,
        None => None,
    };
    let watch = Rc::new(Lines::new(context.style, context.global.quiet));
    let world = place::world(context, ledger, &reached, watch, source);
    Ok((world, reached))
}
