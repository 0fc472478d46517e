//! Workflows with those that they call in their place: a called workflow is looked at once for each caller, with the inputs that it
//! is given there.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use github_actions_models::common::Uses;
use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::Job as AnyJob;
use github_actions_models::workflow::event::OptionalBody;
use github_actions_models::workflow::job::ReusableWorkflowCallJob;
use yamlpath::Component;

use super::jobs::{Job, Origin};
use super::references::needs;
use super::told::Inputs;
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::workflow::Workflow;

/// GitHub allows ten; calls of calls of calls are rare.
const MAX_CALLS: usize = 4;
/// Above this no further call is followed.
const MAX_JOBS: usize = 4000;

/// All jobs of all workflows that can be read.
pub(super) struct Pipeline<'a> {
    pub(super) jobs: Vec<Job<'a>>,
    /// By scope: the scope and the job that call it.
    scopes: Vec<Option<(usize, &'a str)>>,
    /// The jobs that an id of a scope stands for.
    places: HashMap<(usize, &'a str), Vec<usize>>,
    /// By job, the jobs that it needs, directly or through others, and those that need it.
    upstream: Vec<Vec<usize>>,
    downstream: Vec<Vec<usize>>,
}

/// A job's place in a workflow: its own, or that of the job that calls its workflow.
#[derive(Clone, Copy)]
pub(super) struct Level<'a> {
    pub(super) file: FileId,
    pub(super) workflow: &'a Workflow<'a>,
    pub(super) id: &'a str,
    /// One use of a workflow.
    pub(super) scope: usize,
}

impl<'a> Level<'a> {
    pub(super) fn route(&self) -> Vec<Component<'a>> {
        vec![Component::from("jobs"), Component::from(self.id)]
    }

    pub(super) fn key(&self) -> Place {
        Place { file: self.file, span: self.workflow.key_span(&self.route()) }
    }

    pub(super) fn model(&self) -> Option<&'a AnyJob> {
        self.workflow.model.jobs.get(self.id)
    }

    pub(super) fn needs(&self) -> &'a [String] {
        self.model().map_or(&[], needs)
    }

    /// The group of its `concurrency`, or of its workflow's; the whole of it where that is no plain text. The model of a call knows
    /// nothing of it.
    pub(super) fn concurrency(&self) -> Option<String> {
        let of_job = [&self.route()[..], &["concurrency".into()]].concat();
        [of_job, vec!["concurrency".into()]].iter().find_map(|route| {
            let group = [&route[..], &["group".into()]].concat();
            let text = |route: &[Component<'_>]| self.workflow.scalar(route);
            text(&group).or_else(|| text(route)).or_else(|| self.workflow.exact(route).map(|_| String::new()))
        })
    }
}

impl<'a> Pipeline<'a> {
    pub(super) fn new(context: &Context<'a>) -> Pipeline<'a> {
        let mut pipeline = Pipeline {
            jobs: Vec::new(),
            scopes: Vec::new(),
            places: HashMap::new(),
            upstream: Vec::new(),
            downstream: Vec::new(),
        };
        let called = called(context);
        for (file, parsed) in context.parsed.iter().enumerate() {
            let Parsed::Workflow(workflow) = parsed else { continue };
            if !(called.contains(&file) && super::delivery::is_only_called(&workflow.model)) {
                pipeline.visit(context, (file, workflow), &[], &Inputs::new());
            }
        }
        pipeline.connect();
        pipeline
    }

    /// Who needs whom, once for all who ask.
    fn connect(&mut self) {
        for (index, job) in self.jobs.iter().enumerate() {
            self.places.entry((job.scope, job.id)).or_default().push(index);
            let mut at = job.scope;
            while let Some(Some((parent, caller))) = self.scopes.get(at) {
                self.places.entry((*parent, caller)).or_default().push(index);
                at = *parent;
            }
        }
        self.upstream = self.jobs.iter().map(|job| self.needed_by(job)).collect();
        self.downstream = vec![Vec::new(); self.jobs.len()];
        for (index, needed) in self.upstream.iter().enumerate() {
            needed.iter().for_each(|needed| self.downstream[*needed].push(index));
        }
    }

    fn needed_by(&self, job: &Job<'a>) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut known = vec![false; self.jobs.len()];
        let mut seen: HashSet<(usize, &str)> = HashSet::new();
        let mut next: Vec<(usize, &str)> = job.levels().flat_map(needed).collect();
        while let Some((scope, id)) = next.pop() {
            if !seen.insert((scope, id)) {
                continue;
            }
            for index in self.places.get(&(scope, id)).into_iter().flatten() {
                let own = self.jobs[*index].levels().take_while(|level| level.scope >= scope);
                next.extend(own.flat_map(needed).filter(|place| !seen.contains(place)));
                if !std::mem::replace(&mut known[*index], true) {
                    found.push(*index);
                }
            }
        }
        found
    }

    fn all<'p>(&'p self, lists: &'p [Vec<usize>], job: &Job<'a>) -> Vec<&'p Job<'a>> {
        let index = self.jobs.iter().position(|known| std::ptr::eq(known, job));
        index.and_then(|index| lists.get(index)).into_iter().flatten().map(|index| &self.jobs[*index]).collect()
    }

    fn visit(
        &mut self,
        context: &Context<'a>,
        (file, workflow): (FileId, &'a Workflow<'a>),
        callers: &[Level<'a>],
        inputs: &Inputs,
    ) {
        let scope = self.scopes.len();
        self.scopes.push(callers.first().map(|caller| (caller.scope, caller.id)));
        for (id, job) in &workflow.model.jobs {
            let level = Level { file, workflow, id, scope };
            match job {
                AnyJob::NormalJob(model) => {
                    let origin = Origin { level, callers: callers.to_vec() };
                    self.jobs.push(Job::new(context, origin, model, inputs));
                }
                AnyJob::ReusableWorkflowCallJob(call) => {
                    let deep = callers.len() >= MAX_CALLS || self.jobs.len() > MAX_JOBS;
                    let Some((file, called)) = local_workflow(context, call).filter(|_| !deep) else { continue };
                    let callers: Vec<Level<'a>> = std::iter::once(level).chain(callers.iter().copied()).collect();
                    self.visit(context, (file, called), &callers, &given(call, called, inputs));
                }
            }
        }
    }

    /// The jobs that this id of a scope stands for: one, or all of the workflow that it calls.
    pub(super) fn named<'p>(&'p self, scope: usize, id: &'p str) -> Vec<&'p Job<'a>> {
        self.places.get(&(scope, id)).into_iter().flatten().map(|index| &self.jobs[*index]).collect()
    }

    /// The jobs that `job` needs, directly or through others, and those that the calls of its workflow need.
    pub(super) fn upstream<'p>(&'p self, job: &'p Job<'a>) -> Vec<&'p Job<'a>> {
        self.all(&self.upstream, job)
    }

    /// The jobs that need `job`, directly or through others.
    pub(super) fn downstream<'p>(&'p self, job: &'p Job<'a>) -> Vec<&'p Job<'a>> {
        self.all(&self.downstream, job)
    }
}

fn needed<'a>(level: Level<'a>) -> impl Iterator<Item = (usize, &'a str)> {
    level.needs().iter().map(move |id| (level.scope, id.as_str()))
}

/// The workflows that others of this repository call.
fn called(context: &Context<'_>) -> Vec<FileId> {
    let mut out = Vec::new();
    for parsed in context.parsed {
        let Parsed::Workflow(workflow) = parsed else { continue };
        for job in workflow.model.jobs.values() {
            if let AnyJob::ReusableWorkflowCallJob(call) = job {
                out.extend(local_workflow(context, call).map(|(file, _)| file));
            }
        }
    }
    out
}

/// The workflow of this repository that a job calls.
pub(super) fn local_workflow<'a>(
    context: &Context<'a>,
    call: &ReusableWorkflowCallJob,
) -> Option<(FileId, &'a Workflow<'a>)> {
    let Uses::Local(_) = &call.uses else { return None };
    let file = context.tree.index_of(call.uses.raw().trim_start_matches("./"))?;
    match &context.parsed[file] {
        Parsed::Workflow(workflow) => Some((file, workflow)),
        _ => None,
    }
}

/// The inputs that a called workflow gets, those of its caller put in.
fn given(call: &ReusableWorkflowCallJob, called: &Workflow<'_>, inputs: &Inputs) -> Inputs {
    let mut out = Inputs::new();
    if let OptionalBody::Body(body) = &called.model.on.events.workflow_call {
        for name in body.inputs.keys() {
            let route = ["on".into(), "workflow_call".into(), "inputs".into(), name.clone().into(), "default".into()];
            if let Some(default) = called.scalar(&route) {
                out.insert(name.to_lowercase(), default);
            }
        }
    }
    if let LoE::Literal(with) = &call.with {
        out.extend(with.iter().map(|(name, value)| (name.to_lowercase(), inputs.put_into(&value.to_string()))));
    }
    out
}
