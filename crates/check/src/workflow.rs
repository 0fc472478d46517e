//! A workflow of GitHub Actions: its typed model, the commands that it runs, and where in the text each part stands.

use github_actions_models::common::Env;
use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::job::{NormalJob, ParallelStep, Step};
use github_actions_models::workflow::{Defaults, Job, Workflow as Model};
use yamlpath::{Component, Document, Route};

use crate::action::stands_for;
use crate::command::{self, Command};
use crate::hcl::Span;

pub(crate) struct Workflow<'a> {
    pub(crate) text: &'a str,
    pub(crate) model: Model,
    /// The shell text of every step, job by job.
    pub(crate) runs: Vec<Run<'a>>,
    document: Document,
}

/// Why a workflow could not be read.
#[derive(Debug)]
pub(crate) struct Invalid {
    pub(crate) message: String,
    /// Byte offset into the text.
    pub(crate) offset: usize,
    /// It is no YAML at all, as against YAML that is no workflow.
    pub(crate) no_yaml: bool,
}

/// The shell text of one step.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) job: String,
    pub(crate) step: usize,
    pub(crate) commands: Vec<Command<'a>>,
    pub(crate) working_directory: Option<String>,
}

impl std::fmt::Debug for Workflow<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Workflow").field("model", &self.model).finish_non_exhaustive()
    }
}

impl<'a> Workflow<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Workflow<'a>, Invalid> {
        let document = Document::new(text).map_err(|error| not_yaml(text, &error.to_string()))?;
        let mut model: Model = yaml_serde::from_str(text).map_err(|error| unfit(text, &error))?;
        spell_needs(&mut model);
        let mut workflow = Workflow { text, model, runs: Vec::new(), document };
        workflow.runs = workflow.read_runs();
        Ok(workflow)
    }

    /// The span of what a route leads to, key and value; that of the first line where it leads nowhere.
    pub(crate) fn span(&self, route: &[Component<'_>]) -> Span {
        let route = Route::from(route.to_vec());
        self.document.query_pretty(&route).map_or(self.first_line(), |feature| to_span(feature.location.byte_span))
    }

    /// The span of what a route leads to, where it leads to something.
    pub(crate) fn exact(&self, route: &[Component<'_>]) -> Option<Span> {
        exact(&self.document, route)
    }

    /// The text of a plain or quoted scalar.
    pub(crate) fn scalar(&self, route: &[Component<'_>]) -> Option<String> {
        let span = self.exact(route)?;
        let raw = self.text.get(span.start as usize..span.end as usize)?.trim();
        (!raw.contains('\n')).then(|| raw.trim_matches(['"', '\'']).to_string())
    }

    /// The span of the value alone.
    pub(crate) fn value_span(&self, route: &[Component<'_>]) -> Span {
        exact(&self.document, route).unwrap_or(self.first_line())
    }

    /// The span of the key that a route ends with.
    pub(crate) fn key_span(&self, route: &[Component<'_>]) -> Span {
        let route = Route::from(route.to_vec());
        self.document.query_key_only(&route).map_or(self.first_line(), |feature| to_span(feature.location.byte_span))
    }

    pub(crate) fn is_comment(&self, offset: usize) -> bool {
        self.document.offset_inside_comment(offset)
    }

    pub(crate) fn first_line(&self) -> Span {
        let end = self.text.find(['\r', '\n']).unwrap_or(self.text.len());
        Span { start: 0, end: u32::try_from(end).unwrap_or(0) }
    }

    /// The jobs that run steps themselves, with their ids.
    pub(crate) fn normal_jobs(&self) -> impl Iterator<Item = (&str, &NormalJob)> {
        self.model.jobs.iter().filter_map(|(id, job)| match job {
            Job::NormalJob(job) => Some((id.as_str(), &**job)),
            Job::ReusableWorkflowCallJob(_) => None,
        })
    }

    fn read_runs(&self) -> Vec<Run<'a>> {
        let mut out = Vec::new();
        let of_workflow = working_directory(self.model.defaults.as_ref());
        for (id, job) in self.normal_jobs() {
            let of_job = working_directory(job.defaults.as_ref()).or_else(|| of_workflow.clone());
            for (index, step) in job.steps.iter().enumerate() {
                let route = [Component::from("jobs"), id.to_string().into(), "steps".into(), index.into()];
                match step {
                    Step::Run(run) => {
                        let dir = run.working_directory.clone().or_else(|| of_job.clone());
                        out.extend(self.run(id, index, &route, dir));
                    }
                    Step::Uses(uses) => {
                        let span = self.value_span(&[&route[..], &["uses".into()]].concat());
                        if let Some(command) = stands_for(&uses.uses, &|name| given(&uses.with, name), span) {
                            let commands = vec![command];
                            out.push(Run { job: id.to_string(), step: index, commands, working_directory: None });
                        }
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
        let route = [route, &[Component::from("run")]].concat();
        let commands = script(self.text, exact(&self.document, &route))?;
        Some(Run { job: job.to_string(), step, commands, working_directory })
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

/// Writes what jobs need as the jobs themselves are written: GitHub does not tell capitals in their ids apart.
fn spell_needs(model: &mut Model) {
    let ids: Vec<String> = model.jobs.keys().cloned().collect();
    for job in model.jobs.values_mut() {
        let needs = match job {
            Job::NormalJob(job) => &mut job.needs,
            Job::ReusableWorkflowCallJob(call) => &mut call.needs,
        };
        for needed in needs.iter_mut().filter(|needed| !ids.contains(needed)) {
            if let Some(id) = ids.iter().find(|id| id.eq_ignore_ascii_case(needed)) {
                needed.clone_from(id);
            }
        }
    }
}

/// The reader may stumble in the midst of a character.
fn at_character(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The reader of values says where it stumbled, that of places does not.
fn not_yaml(text: &str, fallback: &str) -> Invalid {
    match yaml_serde::from_str::<yaml_serde::Value>(text) {
        Err(error) => Invalid {
            offset: error.location().map_or(0, |location| at_character(text, location.index())),
            message: error.to_string(),
            no_yaml: true,
        },
        Ok(_) => Invalid { message: fallback.to_string(), offset: 0, no_yaml: true },
    }
}

/// What is wrong with YAML that is no workflow, in words where the reader's own are about its types.
fn unfit(text: &str, error: &yaml_serde::Error) -> Invalid {
    let message = error.to_string();
    let offset = error.location().map_or(0, |location| at_character(text, location.index()));
    let value = match yaml_serde::from_str::<yaml_serde::Value>(text) {
        Ok(value) => value,
        Err(_) => return Invalid { message, offset, no_yaml: true },
    };
    let told = if message.contains("do not support enum input") {
        Some((offset, "`!` begins a tag in YAML: put the condition into quotes or `${{ }}`".to_string()))
    } else if value.is_null() {
        Some((0, "it is empty".to_string()))
    } else if value.get("on").is_none() {
        Some((0, "it has no `on`, so nothing starts it".to_string()))
    } else {
        value.get("jobs").and_then(|jobs| jobs.as_mapping()).and_then(|jobs| {
            let lacks = |job: &yaml_serde::Value| job.get("steps").is_none() && job.get("uses").is_none();
            let (name, _) = jobs.iter().find(|(_, job)| lacks(job))?;
            let name = name.as_str()?;
            let at = text.find(&format!("{name}:")).unwrap_or(0);
            Some((at, format!("job {name} has neither `steps` nor `uses`")))
        })
    };
    let (offset, message) = told.unwrap_or((offset, message));
    Invalid { message, offset, no_yaml: false }
}

/// The span of the value that a route leads to.
pub(crate) fn exact(document: &Document, route: &[Component<'_>]) -> Option<Span> {
    let found = document.query_exact(&Route::from(route.to_vec())).ok().flatten();
    found.map(|feature| to_span(feature.location.byte_span))
}

/// The commands of the shell text that stands at `span` as a scalar of YAML.
pub(crate) fn script(text: &str, span: Option<Span>) -> Option<Vec<Command<'_>>> {
    let span = span?;
    let raw = text.get(span.start as usize..span.end as usize)?;
    // A block scalar begins with its header (`|`, `>-`), a quoted one with its quote.
    let skip = match raw.chars().next() {
        Some('|' | '>') => raw.find('\n').map_or(raw.len(), |at| at + 1),
        Some('"' | '\'') => 1,
        _ => 0,
    };
    let end = if skip == 1 { raw.len().saturating_sub(1).max(1) } else { raw.len() };
    let script = raw.get(skip..end)?;
    let start = span.start as usize + skip;
    let literal = raw.starts_with('|') || !script.contains('\n');
    Some(if literal { command::split(script, start) } else { command::split_folded(script, start) })
}

/// An input that a step gives to an action, with expressions as they are written.
pub(crate) fn given(with: &LoE<Env>, name: &str) -> Option<String> {
    match with {
        LoE::Literal(inputs) => inputs.get(name).map(ToString::to_string),
        LoE::Expr(_) => None,
    }
}

fn working_directory(defaults: Option<&Defaults>) -> Option<String> {
    defaults?.run.as_ref()?.working_directory.clone()
}

fn to_span((start, end): (usize, usize)) -> Span {
    Span { start: u32::try_from(start).unwrap_or(0), end: u32::try_from(end).unwrap_or(0) }
}
