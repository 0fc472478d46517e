//! What a workflow or an action is given, against what it says that it takes.

use github_actions_models::common::expr::LoE;
use github_actions_models::common::{Env, Uses};
use github_actions_models::workflow::event::{OptionalBody, WorkflowCall};
use github_actions_models::workflow::job::{ReusableWorkflowCallJob, Secrets, Step};
use github_actions_models::workflow::{Job, Workflow as Model};
use yamlpath::Component;

use super::jobs::local_action;
use crate::finding::{Finding, Severity};
use crate::hcl::Span;
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::workflow::Workflow;

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (file, parsed) in context.parsed.iter().enumerate() {
        let Parsed::Workflow(workflow) = parsed else { continue };
        let mut checker = Checker { context, file, workflow, out };
        for (id, job) in &workflow.model.jobs {
            match job {
                Job::ReusableWorkflowCallJob(call) => checker.call(id, call),
                Job::NormalJob(job) => {
                    for (index, step) in job.steps.iter().enumerate() {
                        if let Step::Uses(uses) = step {
                            checker.step(id, index, &uses.uses, &uses.with);
                        }
                    }
                }
            }
        }
    }
}

/// The inputs that a workflow declares for its callers; `None` where it takes none because it is not called.
fn taken(model: &Model) -> Option<&WorkflowCall> {
    match &model.on.events.workflow_call {
        OptionalBody::Body(body) => Some(body),
        OptionalBody::Default | OptionalBody::Missing => None,
    }
}

struct Checker<'c, 'a> {
    context: &'c Context<'a>,
    file: FileId,
    workflow: &'c Workflow<'a>,
    out: &'c mut Vec<Finding>,
}

impl Checker<'_, '_> {
    fn push(&mut self, span: Span, subject: &str, message: String, severity: Severity) {
        let place = Place { file: self.file, span };
        self.out.push(self.context.finding("workflow-dangling", place, subject, message).severity(severity));
    }

    /// GitHub refuses to start a workflow that gives what is not taken, or leaves out what is required.
    fn call(&mut self, id: &str, call: &ReusableWorkflowCallJob) {
        let Uses::Local(_) = &call.uses else { return };
        let path = call.uses.raw().trim_start_matches("./");
        let Some(file) = self.context.tree.index_of(path) else { return };
        let Parsed::Workflow(called) = &self.context.parsed[file] else { return };
        let route = [Component::from("jobs"), id.to_string().into()];
        if matches!(called.model.on.events.workflow_call, OptionalBody::Missing) {
            let span = self.workflow.span(&[&route[..], &["uses".into()]].concat());
            let message = format!("{path} cannot be called: it has no `workflow_call` among its triggers");
            return self.push(span, path, message, Severity::Error);
        }
        let empty =
            WorkflowCall { inputs: Default::default(), outputs: Default::default(), secrets: Default::default() };
        let taken = taken(&called.model).unwrap_or(&empty);
        let LoE::Literal(with) = &call.with else { return };
        for name in with.keys().filter(|name| !taken.inputs.keys().any(|known| known.eq_ignore_ascii_case(name))) {
            let span = self.workflow.span(&[&route[..], &["with".into(), name.clone().into()]].concat());
            let message = format!("{id} gives {name:?}, which {path} does not take");
            self.push(span, &format!("{id}/{name}"), message, Severity::Error);
        }
        let required = taken.inputs.iter().filter(|(_, input)| input.required).map(|(name, _)| name);
        for name in required.filter(|name| !with.keys().any(|given| given.eq_ignore_ascii_case(name))) {
            let span = self.workflow.span(&[&route[..], &["uses".into()]].concat());
            let message = format!("{id} does not give {name:?}, which {path} requires");
            self.push(span, &format!("{id}/{name}"), message, Severity::Error);
        }
        self.secrets(id, call, taken, path);
    }

    fn secrets(&mut self, id: &str, call: &ReusableWorkflowCallJob, taken: &WorkflowCall, path: &str) {
        if let Some(Secrets::Env(env)) = &call.secrets {
            for name in env.keys().filter(|name| !taken.secrets.keys().any(|known| known.eq_ignore_ascii_case(name))) {
                let route = [Component::from("jobs"), id.to_string().into(), "secrets".into(), name.clone().into()];
                let message = format!("{id} gives the secret {name:?}, which {path} does not take");
                self.push(self.workflow.span(&route), &format!("{id}/secrets.{name}"), message, Severity::Error);
            }
        }
        let given: Vec<&String> = match &call.secrets {
            Some(Secrets::Inherit) => return,
            Some(Secrets::Env(env)) => env.keys().collect(),
            None => Vec::new(),
        };
        let required = taken
            .secrets
            .iter()
            .filter(|(_, secret)| secret.as_ref().is_some_and(|secret| secret.required))
            .map(|(name, _)| name);
        for name in required.filter(|name| !given.iter().any(|given| given.eq_ignore_ascii_case(name))) {
            let span = self.workflow.span(&["jobs".into(), id.to_string().into(), "uses".into()]);
            let message = format!("{id} does not give the secret {name:?}, which {path} requires");
            self.push(span, &format!("{id}/secrets.{name}"), message, Severity::Error);
        }
    }

    /// An action ignores what it does not take, with a warning in the log that nobody reads.
    fn step(&mut self, id: &str, index: usize, uses: &Uses, with: &LoE<Env>) {
        let (Some((_, action)), LoE::Literal(with)) = (local_action(self.context, uses), with) else { return };
        let known = &action.model.inputs;
        for name in with.keys().filter(|name| !known.keys().any(|known| known.eq_ignore_ascii_case(name))) {
            let route = ["jobs".into(), id.to_string().into(), "steps".into(), index.into(), "with".into()];
            let span = self.workflow.span(&[&route[..], &[name.clone().into()]].concat());
            let message = format!("{id} gives {name:?}, which the action {} does not take", uses.raw());
            self.push(span, &format!("{id}/{index}/{name}"), message, Severity::Warning);
        }
        let required = known.iter().filter(|(_, input)| input.required == Some(true) && input.default.is_none());
        for (name, _) in required.filter(|(name, _)| !with.keys().any(|given| given.eq_ignore_ascii_case(name))) {
            let route = ["jobs".into(), id.to_string().into(), "steps".into(), index.into(), "uses".into()];
            let span = self.workflow.span(&route);
            let message = format!("{id} does not give {name:?}, which the action {} requires", uses.raw());
            self.push(span, &format!("{id}/{index}/{name}"), message, Severity::Warning);
        }
    }
}
