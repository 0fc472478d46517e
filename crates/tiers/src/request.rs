//! From a command's words to what is wanted: which release, under which policy, into which environment.

use tiers_core::config::{AppConfig, Environment, Project, Rollback, Shift, WayBack};
use tiers_core::id::{App, Commit, Component, Digest, Env};
use tiers_core::plan::{OnFailure, Place, Policy, ShiftStep, Waiver};
use tiers_core::record::Stream;
use tiers_core::release::{Release, ReleaseEvent, Releases};
use tiers_engine::ledger::{Head, Ledger};
use tiers_engine::planner::{Goal, Wanted};

use crate::context::{Context, FILE, parse};
use crate::fault::Fault;
use crate::local::ALIAS;
use crate::source::Source;

/// How long an owner may be silent before anyone may take over without asking.
const DEADLINE_S: u64 = 900;
/// How many records of a stream of releases are searched for one that the summary no longer holds.
const SEARCH: usize = 10_000;

/// The policy: the project as it stands in the policy commit, and what names it.
pub struct Governed {
    pub project: Project,
    pub policy: Policy,
}

/// Reads gates, approvals and keys from the policy's commit; where none is declared, from the commit that is deployed.
pub fn policy(context: &Context, source: &Source, release: &Release) -> Result<Governed, Fault> {
    match &context.project.policy {
        Some(reference) => {
            let commit = source.resolve(reference).map_err(|fault| {
                Fault::refused(format!("the policy `{reference}` can't be read: {fault}"))
                    .hint("Fetch it (`git fetch`), or correct `policy` in tiers.toml.")
            })?;
            at_commit(context, source, &commit, &format!("the policy `{reference}`"))
        }
        None if release.dirty => {
            let policy = Policy { commit: "working tree".to_owned(), hash: context.project.policy_hash() };
            Ok(Governed { project: context.project.clone(), policy })
        }
        None => at_commit(context, source, &release.commit, "the deployed commit"),
    }
}

/// The policy for commands that deploy no new release: the declared one, or that of the commit that is checked out.
pub fn policy_now(context: &Context, source: &Source) -> Result<Governed, Fault> {
    let reference = context.project.policy.as_deref().unwrap_or("HEAD");
    let commit = source.resolve(reference)?;
    at_commit(context, source, &commit, &format!("the policy `{reference}`"))
}

/// What is ruled of Terraform applies in an environment.
pub struct ApplyRules {
    /// A person at a terminal agrees to every one.
    pub asks: bool,
    /// Types and addresses whose change always counts as breaking.
    pub protected: Vec<String>,
    /// The environments that are declared there.
    pub declared: Vec<Env>,
    /// The commit that says so, where one does.
    pub commit: Option<String>,
}

/// The policy's word, where one is declared. Without one it is that of the commit which is checked out: what was only written into
/// the working copy may make it stricter, and never laxer. Of an environment that is not known there, nobody said that it asks nobody.
pub fn apply_rules(context: &Context, environment: &Env) -> Result<ApplyRules, Fault> {
    let asks = |project: &Project| {
        project.terraform.as_ref().is_none_or(|terraform| terraform.ask.iter().any(|name| name == environment))
    };
    let here = &context.project;
    let (ruled, commit) = committed(context)?.map(|ruled| (ruled.project, ruled.policy.commit)).unzip();
    let mut rules = match &ruled {
        Some(ruled) => {
            let asks = ruled.env(environment).is_none() || asks(ruled);
            let declared = ruled.environments.iter().map(|environment| environment.name.clone()).collect();
            ApplyRules { asks, protected: protected(ruled), declared, commit }
        }
        None => ApplyRules { asks: true, protected: Vec::new(), declared: Vec::new(), commit },
    };
    rules.asks |= here.policy.is_none() && asks(here);
    rules.protected.extend(protected(here));
    Ok(rules)
}

fn protected(project: &Project) -> Vec<String> {
    project.terraform.as_ref().map(|terraform| terraform.protected.clone()).unwrap_or_default()
}

/// What rules: the policy's file, or that of the commit which is checked out; `None` where no commit has one yet.
fn committed(context: &Context) -> Result<Option<Governed>, Fault> {
    let source = Source::open(&context.root)?;
    if context.project.policy.is_some() {
        return Ok(Some(policy_now(context, &source)?));
    }
    let Ok(head) = source.head() else { return Ok(None) };
    match source.file(&head, FILE)? {
        None => Ok(None),
        Some(_) => Ok(Some(at_commit(context, &source, &head, "the commit that is checked out")?)),
    }
}

fn at_commit(context: &Context, source: &Source, commit: &Commit, what: &str) -> Result<Governed, Fault> {
    let short = short(commit.as_str());
    let Some(bytes) = source.file(commit, FILE)? else {
        return Err(Fault::refused(format!("{what} ({short}) has no {FILE}, so its gates are not known"))
            .hint(format!("Commit {FILE}: gates are read from commits, never from a working copy.")));
    };
    let text = String::from_utf8(bytes).map_err(|_| Fault::usage(format!("{FILE} in {short} is not UTF-8 text")))?;
    let project = parse(&format!("{FILE} at {short}"), &text, context.style, |path| source.file(commit, path))?;
    let policy = Policy { commit: commit.as_str().to_owned(), hash: project.policy_hash() };
    Ok(Governed { project, policy })
}

fn short(commit: &str) -> &str {
    crate::render::plan::short(commit)
}

/// Everything that configuration decides about a deployment.
pub fn wanted(
    governed: &Governed,
    environment: &Environment,
    app: &AppConfig,
    goal: Goal,
    place: Place,
    waivers: Vec<Waiver>,
) -> Result<Wanted, Fault> {
    let name = &environment.name;
    let ruled = governed.project.env(name).ok_or_else(|| {
        Fault::refused(format!("the policy ({}) has no environment `{name}`", governed.policy.commit))
            .hint("An environment is added in the policy's commit first.")
    })?;
    let mut gates = governed.project.gates(name, &app.name).to_vec();
    if waivers.iter().any(|waiver| waiver.what.starts_with("upstream:")) {
        gates.extend(gates_of_the_skipped(&governed.project, &waivers, &app.name, &gates));
    }
    let components: Vec<(Component, String)> = app
        .components
        .iter()
        .filter_map(|component| Some((component.name.clone(), component.names.get(name)?.clone())))
        .collect();
    let (shift, weighted) = shift(&ruled.shift, &components)?;
    Ok(Wanted {
        environment: name.clone(),
        app: app.name.clone(),
        goal,
        place,
        policy: governed.policy.clone(),
        gates,
        upstream: governed.project.upstream(name).iter().map(|env| env.name.clone()).collect(),
        components,
        alias: ALIAS.to_owned(),
        shift,
        weighted,
        on_failure: match ruled.rollback {
            Rollback::Automatic => OnFailure::Automatic,
            Rollback::Manual => OnFailure::Manual,
        },
        way_back_required: ruled.way_back == WayBack::Required,
        waivers,
        secrets: None,
        deadline_s: DEADLINE_S,
        infrastructure: None,
    })
}

/// A hotfix that skips environments runs their gates where it lands, as far as those are not run here anyway.
fn gates_of_the_skipped(
    project: &Project,
    waivers: &[Waiver],
    app: &App,
    here: &[tiers_core::gate::Gate],
) -> Vec<tiers_core::gate::Gate> {
    let skipped = waivers.iter().filter_map(|waiver| waiver.what.strip_prefix("upstream:"));
    let mut found: Vec<tiers_core::gate::Gate> = Vec::new();
    for environment in skipped {
        for gate in project.gates(&Env::from(environment), app) {
            let known = |gates: &[tiers_core::gate::Gate]| gates.iter().any(|other| other.name == gate.name);
            if gate.at != tiers_core::gate::At::Before && !known(here) && !known(&found) {
                found.push(gate.clone());
            }
        }
    }
    found
}

fn shift(shift: &Shift, components: &[(Component, String)]) -> Result<(Vec<ShiftStep>, Vec<Component>), Fault> {
    if let Shift::Canary { alarms, .. } | Shift::Linear { alarms, .. } = shift
        && !alarms.is_empty()
    {
        return Err(Fault::usage("`shift` names alarms, and this tiers does not watch alarms yet")
            .hint("Remove `alarms`: gates at `live` run after each bake. An alarm that nobody watches would be worse than none."));
    }
    let all = ShiftStep { percent: 100, bake_s: 0 };
    let weighted = |entries: &[Component], compatible: bool| -> Vec<Component> {
        if compatible && entries.is_empty() {
            return components.iter().map(|(name, _)| name.clone()).collect();
        }
        if entries.is_empty() {
            components.iter().take(1).map(|(name, _)| name.clone()).collect()
        } else {
            entries.to_vec()
        }
    };
    match shift {
        Shift::AllAtOnce => Ok((vec![all], Vec::new())),
        Shift::Canary { percent, bake_s, entries, compatible, .. } => {
            let first = ShiftStep { percent: u32::from(*percent), bake_s: *bake_s };
            Ok((vec![first, all], weighted(entries, *compatible)))
        }
        Shift::Linear { percent, every_s, entries, compatible, .. } => {
            let size = u32::from(*percent).max(1);
            let parts = (1..).map(|number| number * size).take_while(|percent| *percent < 100);
            let mut steps: Vec<ShiftStep> = parts.map(|percent| ShiftStep { percent, bake_s: *every_s }).collect();
            steps.push(all);
            Ok((steps, weighted(entries, *compatible)))
        }
    }
}

/// The stream of an app's releases, with its summary.
pub async fn releases(ledger: &Ledger, app: &App) -> Result<(Option<Head>, Releases), Fault> {
    let stream = Stream::releases(app).map_err(|error| Fault::usage(error.to_string()))?;
    match ledger.head(&stream).await? {
        None => Ok((None, Releases::default())),
        Some(head) => {
            let state = serde_json::from_value(head.record.state.clone()).map_err(|error| {
                Fault::errored(format!("the state in record {} of {stream} can't be read: {error}", head.seq))
                    .hint("`tiers ledger verify` says more.")
            })?;
            Ok((Some(head), state))
        }
    }
}

/// The newest release that a test accepts, searched in the summary first and in the stream behind it.
pub async fn find_release(
    ledger: &Ledger,
    app: &App,
    accepts: impl Fn(&Release) -> bool,
) -> Result<Option<Release>, Fault> {
    let (head, summary) = releases(ledger, app).await?;
    if let Some(found) = summary.recent.iter().find(|release| accepts(release)) {
        return Ok(Some(found.clone()));
    }
    let Some(head) = head.filter(|_| !summary.is_complete()) else { return Ok(None) };
    for older in ledger.walk_back(&head, SEARCH).await? {
        if let Ok(ReleaseEvent::Built { release, .. }) = serde_json::from_value(older.record.event.clone())
            && accepts(&release)
        {
            return Ok(Some(release));
        }
    }
    Ok(None)
}

/// The release that these words mean: a release id, a digest or the beginning of one.
pub async fn release_named(ledger: &Ledger, app: &App, words: &str) -> Result<Release, Fault> {
    if let Some(bare) = words.strip_prefix("sha256:")
        && bare.len() == 64
    {
        words.parse::<Digest>().map_err(|error| Fault::usage(error.to_string()))?;
    } else if words.starts_with("sha256:") && !words[7..].bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Fault::usage(format!("`{words}` is not a digest: expected `sha256:` and 64 hexadecimal digits")));
    }
    find_release(ledger, app, |release| release.is_meant_by(words)).await?.ok_or_else(|| {
        Fault::refused(format!("the ledger knows no release `{words}` of {app}"))
            .hint("`tiers history` lists what was built and deployed.")
    })
}
