//! Jobs with everything that they run, the commands of called scripts included, and the environment that each works on.

use github_actions_models::common::{If, Uses};
use github_actions_models::workflow::job::{NormalJob, SharedStepFields, Step};
use yamlpath::Component;

use super::scopes::Level;
use super::told::{Inputs, Told};
use super::{condition, effects, recovery};
use crate::action::Action;
use crate::command::Command;
use crate::discover::names::Stage;
use crate::hcl::Span;
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::workflow::Workflow;

pub(super) struct Job<'a> {
    pub(super) file: FileId,
    pub(super) workflow: &'a Workflow<'a>,
    pub(super) id: &'a str,
    pub(super) model: &'a NormalJob,
    /// As GitHub shows it: `id`, or with the calls that lead to it in front.
    pub(super) name: String,
    /// The use of its workflow.
    pub(super) scope: usize,
    /// What its callers give it.
    pub(super) inputs: Inputs,
    /// The jobs that call its workflow, the nearest first.
    callers: Vec<Level<'a>>,
    pub(super) calls: Vec<Call<'a>>,
    pub(super) target: Target,
    /// Another environment than the declared one, which both its name and its commands tell.
    pub(super) meant: Option<Target>,
    /// It never runs when all went well: it cleans up or goes back.
    pub(super) only_after_failure: bool,
    /// For each of `calls`, whether it takes back what one before it deployed.
    recoveries: Vec<bool>,
}

/// Where a job stands.
pub(super) struct Origin<'a> {
    pub(super) level: Level<'a>,
    pub(super) callers: Vec<Level<'a>>,
}

/// One command that a job runs.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) file: FileId,
    pub(super) step: usize,
    pub(super) command: &'a Command<'a>,
}

/// The environment that a job works on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    Unknown,
    /// Chosen when the job runs, by an input or a matrix; the name of production where that is among what may be chosen.
    Chosen {
        production: Option<String>,
    },
    Named {
        name: String,
        stage: Option<Stage>,
    },
}

impl Target {
    pub(super) fn stage(&self) -> Option<Stage> {
        match self {
            Target::Named { stage, .. } => *stage,
            Target::Unknown | Target::Chosen { .. } => None,
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Target::Named { name, .. } => Some(name),
            Target::Unknown | Target::Chosen { .. } => None,
        }
    }

    /// Whether it is production, or may be.
    pub(super) fn is_production(&self) -> bool {
        matches!(self, Target::Named { stage: Some(Stage::Prod), .. } | Target::Chosen { production: Some(_) })
    }
}

impl<'a> Job<'a> {
    pub(super) fn new(context: &Context<'a>, origin: Origin<'a>, model: &'a NormalJob, inputs: &Inputs) -> Job<'a> {
        let Origin { level, callers } = origin;
        let Level { file, workflow, id, scope } = level;
        // What its callers never ask of it does not run.
        let known = |context: &str| inputs.told(context.strip_prefix("inputs.")?);
        let never =
            |condition: Option<&If>| condition.is_some_and(|condition| condition::never_runs(condition, &known));
        let mut calls = calls(context, file, id);
        if !callers.is_empty() {
            let left_out: Vec<bool> =
                model.steps.iter().map(|step| never(shared(step).and_then(|shared| shared.r#if.as_ref()))).collect();
            let whole = never(model.r#if.as_ref());
            calls.retain(|call| !whole && !left_out.get(call.step).copied().unwrap_or_default());
        }
        if on_throwaway_cluster(model, &calls) {
            calls.retain(|call| {
                !matches!(call.command.program(), "kubectl" | "helm" | "kustomize" | "helmfile" | "skaffold")
            });
        }
        let makes_swarm = |call: &Call<'_>| {
            call.command.program() == "docker" && call.command.subcommands().take(2).eq(["swarm", "init"])
        };
        if calls.iter().any(makes_swarm) {
            calls.retain(|call| call.command.program() != "docker" || effects::builds_image(call.command));
        }
        let root = callers.last().copied().unwrap_or(level);
        let stem = context.tree.files()[root.file].name().split('.').next().unwrap_or_default();
        let nearest = callers.first().map_or(id, |caller| caller.id);
        let told = Told { context, workflow, id: nearest, model, calls: &calls, inputs, callers: &callers, stem };
        let target = told.target();
        let meant = told.by_name().filter(|by_name| told.by_commands().as_ref() == Some(by_name));
        let meant = meant.filter(|meant| target.stage().is_some() && meant.stage() != target.stage());
        let alone = workflow.model.jobs.len() == 1 && !callers.is_empty();
        let path: Vec<&str> = callers.iter().rev().map(|caller| caller.id).chain((!alone).then_some(id)).collect();
        let levels = std::iter::once(&level).chain(&callers);
        let only_after_failure = levels
            .into_iter()
            .any(|level| condition::runs(&level.workflow.model, level.id).is_some_and(|runs| runs.only_after_failure));
        let recoveries = recovery::recoveries(&calls);
        let name = path.join(" / ");
        let inputs = inputs.clone();
        Job {
            file,
            workflow,
            id,
            model,
            name,
            scope,
            inputs,
            callers,
            calls,
            target,
            meant,
            only_after_failure,
            recoveries,
        }
    }

    fn level(&self) -> Level<'a> {
        Level { file: self.file, workflow: self.workflow, id: self.id, scope: self.scope }
    }

    /// Its own place, then those of the jobs that call its workflow.
    pub(super) fn levels(&self) -> impl Iterator<Item = Level<'a>> {
        std::iter::once(self.level()).chain(self.callers.iter().copied())
    }

    /// The workflow that starts it, and the job there.
    pub(super) fn root(&self) -> Level<'a> {
        self.callers.last().copied().unwrap_or_else(|| self.level())
    }

    /// It makes an environment for one pull request, which goes away with it.
    pub(super) fn is_preview(&self) -> bool {
        let mut names = self.levels().map(|level| level.id.to_ascii_lowercase());
        let by_name = names.any(|id| ["preview", "review-app", "ephemeral"].iter().any(|sign| id.contains(sign)));
        let of_one = |call: &Call<'_>| {
            let has = |text: &str| OF_A_PULL_REQUEST.iter().any(|sign| text.contains(sign));
            effects::deploys(call.command) && call.command.words.iter().any(|word| has(&word.text))
        };
        by_name || self.calls.iter().any(of_one)
    }

    pub(super) fn route(&self) -> Vec<Component<'a>> {
        vec![Component::from("jobs"), Component::from(self.id)]
    }

    pub(super) fn key(&self) -> Place {
        Place { file: self.file, span: self.workflow.key_span(&self.route()) }
    }

    /// The first command that changes an environment.
    pub(super) fn deployment(&self) -> Option<&Call<'a>> {
        self.calls.iter().find(|call| effects::deploys(call.command))
    }

    /// Where a call stands in the workflow: itself, or the step whose script holds it.
    pub(super) fn place(&self, call: &Call<'a>) -> Place {
        Place { file: call.file, span: call.command.span() }
    }

    pub(super) fn step_span(&self, step: usize) -> Span {
        let mut route = self.route();
        route.extend([Component::from("steps"), step.into()]);
        self.workflow.span(&route)
    }

    /// Whether a step runs only when something before it failed.
    pub(super) fn on_failure(&self, step: usize) -> bool {
        let before = self.step_ids(step);
        let condition = self.model.steps.get(step).and_then(shared).and_then(|shared| shared.r#if.as_ref());
        self.only_after_failure || (condition.is_some() && condition::on_failure_only(condition, &before))
    }

    /// The ids of the steps before one.
    pub(super) fn step_ids(&self, step: usize) -> Vec<&str> {
        self.model.steps[..step.min(self.model.steps.len())].iter().filter_map(step_id).collect()
    }

    /// The commands after which users meet other code, with their places in `calls`; what goes back is not among them.
    pub(super) fn traffic(&self) -> impl DoubleEndedIterator<Item = (usize, &Call<'a>)> {
        self.calls.iter().enumerate().filter(|(index, call)| {
            effects::moves_traffic(call.command) && !self.recoveries[*index] && !self.on_failure(call.step)
        })
    }

    /// Whether something in it takes back what was deployed.
    pub(super) fn goes_back(&self) -> bool {
        self.calls.iter().zip(&self.recoveries).any(|(call, recovery)| {
            *recovery
                || effects::rolls_back(call.command)
                || (effects::moves_traffic(call.command) && self.on_failure(call.step))
        })
    }

    pub(super) fn step_name(&self, step: usize) -> String {
        let Some(shared) = self.model.steps.get(step).and_then(shared) else { return String::new() };
        [shared.name.as_deref(), shared.id.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase()
    }
}

/// What stands in the name of something that one pull request has for itself.
pub(super) const OF_A_PULL_REQUEST: &[&str] = &["github.event.number", "pull_request.number", "PR_NUMBER"];

/// Whether a job makes itself a cluster that ends with it: what it puts there reaches nobody.
fn on_throwaway_cluster(model: &NormalJob, calls: &[Call<'_>]) -> bool {
    const MAKERS: &[&str] = &["kind", "minikube", "k3d", "k3s", "microk8s"];
    // `${KIND:-kind}` and `$(LOCALBIN)/kind-v0.23.0` are called what they are.
    let is_one = |name: &str| {
        let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
        words.any(|word| MAKERS.iter().any(|maker| maker.eq_ignore_ascii_case(word)))
    };
    let by_action = model.steps.iter().any(|step| match step {
        Step::Uses(uses) => is_one(uses.uses.raw().split('@').next().unwrap_or_default()),
        _ => false,
    });
    let by_command = calls.iter().any(|call| {
        let makes = call.command.subcommands().take(2).any(|word| matches!(word, "create" | "start" | "install"));
        makes && is_one(call.command.program())
    });
    by_action || by_command
}

/// What a step that runs or uses something has beside that.
pub(super) fn shared(step: &Step) -> Option<&SharedStepFields> {
    match step {
        Step::Run(run) => Some(&run.shared),
        Step::Uses(uses) => Some(&uses.shared),
        _ => None,
    }
}

fn step_id(step: &Step) -> Option<&str> {
    shared(step)?.id.as_deref()
}

/// The commands of a job's steps, with those of the scripts, recipes, functions and local actions that they call in their place.
fn calls<'a>(context: &Context<'a>, file: FileId, id: &str) -> Vec<Call<'a>> {
    let ran = context.flows.job(file, id).into_iter().flat_map(|flow| &flow.ran);
    ran.map(|ran| Call { file: ran.file, step: ran.step, command: &ran.command }).collect()
}

/// The action of this repository that a step uses.
pub(super) fn local_action<'a>(context: &Context<'a>, uses: &Uses) -> Option<(FileId, &'a Action<'a>)> {
    let Uses::Local(_) = uses else { return None };
    let folder = uses.raw().trim_start_matches("./").trim_end_matches('/');
    let names = ["action.yml", "action.yaml"];
    let path = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
    let file = names.iter().find_map(|name| context.tree.index_of(&path(name)))?;
    match &context.parsed[file] {
        Parsed::Action(action) => Some((file, action)),
        _ => None,
    }
}
