//! A workflow of GitHub Actions: its typed model, and where in the text each part stands.

use github_actions_models::common::Env;
use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::job::{NormalJob, ParallelStep, Step};
use github_actions_models::workflow::{Job, Workflow as Model};
use yamlpath::{Component, Document, Route};

use crate::hcl::Span;

pub(crate) struct Workflow<'a> {
    text: &'a str,
    pub(crate) model: Model,
    document: Document,
}

/// Why a workflow could not be read.
#[derive(Debug)]
pub(crate) struct Invalid {
    pub(crate) message: String,
    /// Byte offset into the text.
    pub(crate) offset: usize,
}

/// The shell text of one step.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) job: String,
    pub(crate) step: usize,
    pub(crate) script: &'a str,
    /// Where the script begins in the file.
    pub(crate) start: usize,
    pub(crate) working_directory: Option<String>,
}

impl<'a> Workflow<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Workflow<'a>, Invalid> {
        let model: Model = yaml_serde::from_str(text).map_err(|error| Invalid {
            offset: error.location().map_or(0, |location| location.index()),
            message: error.to_string(),
        })?;
        let document = Document::new(text).map_err(|error| Invalid { message: error.to_string(), offset: 0 })?;
        Ok(Workflow { text, model, document })
    }

    /// The span of what a route leads to, key and value; that of the whole text where it leads nowhere.
    pub(crate) fn span(&self, route: &[Component<'_>]) -> Span {
        self.query(route, true)
    }

    /// The span of the value alone.
    pub(crate) fn value_span(&self, route: &[Component<'_>]) -> Span {
        self.query(route, false)
    }

    /// The span of the key that a route ends with.
    pub(crate) fn key_span(&self, route: &[Component<'_>]) -> Span {
        let route = Route::from(owned(route));
        match self.document.query_key_only(&route) {
            Ok(feature) => to_span(feature.location.byte_span),
            Err(_) => Span { start: 0, end: self.first_line_end() },
        }
    }

    fn query(&self, route: &[Component<'_>], pretty: bool) -> Span {
        let route = Route::from(owned(route));
        let found = if pretty {
            self.document.query_pretty(&route).ok()
        } else {
            self.document.query_exact(&route).ok().flatten()
        };
        found.map_or(Span { start: 0, end: self.first_line_end() }, |feature| to_span(feature.location.byte_span))
    }

    fn first_line_end(&self) -> u32 {
        u32::try_from(self.text.find('\n').unwrap_or(self.text.len())).unwrap_or(0)
    }

    /// The jobs that run steps themselves, with their ids.
    pub(crate) fn normal_jobs(&self) -> impl Iterator<Item = (&str, &NormalJob)> {
        self.model.jobs.iter().filter_map(|(id, job)| match job {
            Job::NormalJob(job) => Some((id.as_str(), &**job)),
            Job::ReusableWorkflowCallJob(_) => None,
        })
    }

    /// Every `run:` of every job, in order.
    pub(crate) fn runs(&self) -> Vec<Run<'a>> {
        let mut out = Vec::new();
        let default = |defaults: &Option<github_actions_models::workflow::Defaults>| {
            defaults.as_ref().and_then(|defaults| defaults.run.as_ref()).and_then(|run| run.working_directory.clone())
        };
        let of_workflow = default(&self.model.defaults);
        for (id, job) in self.normal_jobs() {
            let of_job = default(&job.defaults).or_else(|| of_workflow.clone());
            for (index, step) in job.steps.iter().enumerate() {
                let route = [Component::from("jobs"), id.to_string().into(), "steps".into(), index.into()];
                match step {
                    Step::Run(run) => {
                        let dir = run.working_directory.clone().or_else(|| of_job.clone());
                        out.extend(self.run(id, index, &route, dir));
                    }
                    Step::Parallel { parallel } => {
                        for (inner, step) in parallel.iter().enumerate() {
                            if let ParallelStep::Run(run) = step {
                                let mut route = route.to_vec();
                                route.extend([Component::from("parallel"), inner.into()]);
                                let dir = run.working_directory.clone().or_else(|| of_job.clone());
                                out.extend(self.run(id, index, &route, dir));
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        out
    }

    fn run(
        &self,
        job: &str,
        step: usize,
        route: &[Component<'_>],
        working_directory: Option<String>,
    ) -> Option<Run<'a>> {
        let mut route = owned(route);
        route.push(Component::from("run"));
        let span = self.value_span(&route);
        let raw = self.text.get(span.start as usize..span.end as usize)?;
        // A block scalar begins with its header (`|`, `>-`), a quoted one with its quote.
        let skip = match raw.chars().next() {
            Some('|' | '>') => raw.find('\n').map_or(raw.len(), |at| at + 1),
            Some('"' | '\'') => 1,
            _ => 0,
        };
        let end = if skip == 1 { raw.len().saturating_sub(1).max(1) } else { raw.len() };
        let script = raw.get(skip..end)?;
        Some(Run { job: job.to_string(), step, script, start: span.start as usize + skip, working_directory })
    }

    /// Names of Terraform variables that an `env:` anywhere in the workflow gives (`TF_VAR_x`).
    pub(crate) fn terraform_variables(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut take = |env: &LoE<Env>| {
            if let LoE::Literal(env) = env {
                out.extend(env.keys().filter_map(|name| name.strip_prefix("TF_VAR_")).map(ToString::to_string));
            }
        };
        take(&self.model.env);
        for (_, job) in self.normal_jobs() {
            take(&job.env);
            for step in &job.steps {
                match step {
                    Step::Run(run) => take(&run.shared.env),
                    Step::Uses(uses) => take(&uses.shared.env),
                    _ => {}
                }
            }
        }
        out
    }
}

fn owned<'r>(route: &[Component<'r>]) -> Vec<Component<'r>> {
    route.to_vec()
}

fn to_span((start, end): (usize, usize)) -> Span {
    Span { start: u32::try_from(start).unwrap_or(0), end: u32::try_from(end).unwrap_or(0) }
}
