//! Workflows that cannot be read, and names in them that lead nowhere.

use github_actions_expressions::Expr;
use github_actions_models::common::expr::LoE;
use github_actions_models::common::{If, Uses};
use github_actions_models::workflow::event::OptionalBody;
use github_actions_models::workflow::job::{NormalJob, Step};
use github_actions_models::workflow::{Job, Workflow as Model};
use yamlpath::Component;

use crate::finding::{Finding, Severity};
use crate::flow::matrix::{Combination, combinations};
use crate::hcl::Span;
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::workflow::Workflow;

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (file, parsed) in context.parsed.iter().enumerate() {
        match parsed {
            Parsed::InvalidWorkflow(invalid) => {
                let severity = if invalid.no_yaml { Severity::Error } else { Severity::Warning };
                let text = context.tree.files()[file].text().unwrap_or_default();
                let start = invalid.offset.min(text.len());
                let rest = text.get(start..).unwrap_or_default();
                let span = to_span(start, start + rest.find(['\r', '\n']).unwrap_or(rest.len()));
                let message = format!("this workflow cannot be read: {}", invalid.message);
                out.push(
                    context.finding("workflow-invalid", Place { file, span }, "workflow", message).severity(severity),
                );
            }
            Parsed::Workflow(workflow) => {
                let mut checker = Checker { context, file, workflow, out };
                checker.needs();
                checker.calls();
                checker.expressions();
                checker.triggers();
                checker.artifacts();
            }
            _ => {}
        }
    }
}

struct Checker<'c, 'a> {
    context: &'c Context<'a>,
    file: FileId,
    workflow: &'c Workflow<'a>,
    out: &'c mut Vec<Finding>,
}

impl Checker<'_, '_> {
    fn model(&self) -> &Model {
        &self.workflow.model
    }

    fn push(&mut self, span: Span, subject: &str, message: String, severity: Severity) {
        let place = Place { file: self.file, span };
        self.out.push(self.context.finding("workflow-dangling", place, subject, message).severity(severity));
    }

    fn needs(&mut self) {
        let mut found = Vec::new();
        for (id, job) in &self.model().jobs {
            for needed in needs(job).iter().filter(|needed| !self.model().jobs.contains_key(*needed)) {
                let span = self.workflow.span(&[Component::from("jobs"), id.clone().into(), "needs".into()]);
                found.push((
                    span,
                    format!("{id}/{needed}"),
                    format!("{id} needs the job {needed:?}, which this workflow does not have"),
                ));
            }
        }
        for (span, subject, message) in found {
            self.push(span, &subject, message, Severity::Error);
        }
    }

    /// `uses:` of local workflows and actions.
    fn calls(&mut self) {
        let mut found: Vec<(Span, String)> = Vec::new();
        for (id, job) in &self.model().jobs {
            let route = [Component::from("jobs"), id.clone().into()];
            match job {
                Job::ReusableWorkflowCallJob(call) => {
                    if matches!(call.uses, Uses::Local(_)) {
                        found.push((
                            self.workflow.span(&[&route[..], &["uses".into()]].concat()),
                            call.uses.raw().to_string(),
                        ));
                    }
                }
                Job::NormalJob(job) => {
                    for (index, step) in job.steps.iter().enumerate() {
                        if let Step::Uses(uses) = step
                            && matches!(uses.uses, Uses::Local(_))
                        {
                            let route = [&route[..], &["steps".into(), index.into(), "uses".into()]].concat();
                            found.push((self.workflow.span(&route), uses.uses.raw().to_string()));
                        }
                    }
                }
            }
        }
        for (span, path) in found {
            let clean =
                path.trim_start_matches("./").split('@').next().unwrap_or_default().trim_end_matches('/').to_string();
            let tree = self.context.tree;
            let there = tree.get(&clean).is_some()
                || ["action.yml", "action.yaml", "Dockerfile"]
                    .iter()
                    .any(|name| tree.get(&format!("{clean}/{name}")).is_some());
            // An action that another checkout brings stands in a folder that is not here at all.
            let ours = clean.starts_with(".github/");
            if !there && ours {
                self.push(span, &clean, format!("{path} does not exist in this repository"), Severity::Error);
            }
        }
    }

    /// What expressions name: jobs, their outputs, steps.
    fn expressions(&mut self) {
        let mut found: Vec<(Span, String, String, Severity, &'static str)> = Vec::new();
        for (id, job) in &self.model().jobs {
            let route = [Component::from("jobs"), id.clone().into()];
            let span = self.workflow.value_span(&route);
            for (start, expression) in self.regions(span, &route, job) {
                let parsed = match Expr::parse(expression) {
                    Ok(parsed) => parsed,
                    Err(error) => {
                        let span = to_span(start, start + expression.len());
                        let message = format!("this expression cannot be read: {}", first_line(&error.to_string()));
                        found.push((
                            span,
                            expression.trim().to_string(),
                            message,
                            Severity::Warning,
                            "workflow-invalid",
                        ));
                        continue;
                    }
                };
                for (used, origin) in parsed.contexts() {
                    let Some(pattern) = used.as_pattern() else { continue };
                    let parts: Vec<&str> = pattern.split('.').collect();
                    let (message, severity) = match parts[..] {
                        ["needs", needed, ref rest @ ..] => (self.about_need(id, job, needed, rest), Severity::Error),
                        ["steps", step, ..] => (about_step(id, job, step), Severity::Error),
                        ["inputs", input, ..] => (self.about_input(id, input), Severity::Warning),
                        _ => (None, Severity::Error),
                    };
                    if let Some(message) = message {
                        let from = start + origin.span.start;
                        let severity = if self.is_in_a_name(&route, job, from) { Severity::Hint } else { severity };
                        found.push((
                            to_span(from, from + origin.raw.len()),
                            format!("{id}/{pattern}"),
                            message,
                            severity,
                            "workflow-dangling",
                        ));
                    }
                }
            }
        }
        for (span, subject, message, severity, rule) in found {
            let place = Place { file: self.file, span };
            self.out.push(self.context.finding(rule, place, &subject, message).severity(severity));
        }
    }

    /// Whether what stands at `offset` is only shown to people: the name of the job or of one of its steps.
    fn is_in_a_name(&self, route: &[Component<'_>], job: &Job, offset: usize) -> bool {
        let steps = if let Job::NormalJob(job) = job { job.steps.len() } else { 0 };
        let names = (0..steps).map(|index| vec![Component::from("steps"), index.into(), "name".into()]);
        names.chain([vec!["name".into()]]).any(|name| {
            let span = self.workflow.exact(&[route, &name[..]].concat());
            span.is_some_and(|span| (span.start as usize..span.end as usize).contains(&offset))
        })
    }

    /// The expressions of a job: everything in `${{ }}`, and conditions without them. Offsets are the file's.
    fn regions(&self, span: Span, route: &[Component<'_>], job: &Job) -> Vec<(usize, &str)> {
        let mut out = Vec::new();
        let (from, to) = (span.start as usize, (span.end as usize).min(self.workflow.text.len()));
        let mut at = from;
        while let Some(open) = self.workflow.text.get(at..to).and_then(|rest| rest.find("${{")) {
            let begin = at + open + 3;
            let Some(length) = self.workflow.text.get(begin..to).and_then(|rest| rest.find("}}")) else { break };
            if !self.workflow.is_comment(begin) {
                out.push((begin, &self.workflow.text[begin..begin + length]));
            }
            at = begin + length + 2;
        }
        let mut conditions: Vec<Vec<Component<'_>>> = Vec::new();
        let bare = |condition: &Option<If>| matches!(condition, Some(If::Expr(text)) if !text.contains("${{"));
        match job {
            Job::NormalJob(job) => {
                if bare(&job.r#if) {
                    conditions.push([route, &["if".into()]].concat());
                }
                for (index, step) in job.steps.iter().enumerate() {
                    let condition = match step {
                        Step::Run(run) => &run.shared.r#if,
                        Step::Uses(uses) => &uses.shared.r#if,
                        _ => continue,
                    };
                    if bare(condition) {
                        conditions.push([route, &["steps".into(), index.into(), "if".into()]].concat());
                    }
                }
            }
            Job::ReusableWorkflowCallJob(call) if bare(&call.r#if) => conditions.push([route, &["if".into()]].concat()),
            Job::ReusableWorkflowCallJob(_) => {}
        }
        for route in conditions {
            let span = self.workflow.value_span(&route);
            let Some(raw) = self.workflow.text.get(span.start as usize..span.end as usize) else { continue };
            let start = span.start as usize;
            match raw.chars().next() {
                // A quoted or block scalar would have to be unescaped first; those with newlines in them still parse.
                Some('|' | '>') => {
                    let skip = raw.find('\n').map_or(raw.len(), |at| at + 1);
                    out.push((start + skip, &raw[skip..]));
                }
                Some('"' | '\'')
                    if raw.len() >= 2
                        && !raw[1..raw.len() - 1].contains(['\\', '"'])
                        && !raw[1..raw.len() - 1].contains("''") =>
                {
                    out.push((start + 1, &raw[1..raw.len() - 1]));
                }
                Some('"' | '\'') | None => {}
                Some(_) => out.push((start, raw)),
            }
        }
        out
    }

    fn about_need(&self, id: &str, job: &Job, needed: &str, rest: &[&str]) -> Option<String> {
        let direct = needs(job).iter().any(|name| name.eq_ignore_ascii_case(needed));
        if !direct && needed != "*" {
            return Some(format!("{id} reads needs.{needed}, which is empty: {needed:?} is not in its `needs`"));
        }
        if let [other, ..] = rest
            && !["outputs", "result", "*"].iter().any(|known| known.eq_ignore_ascii_case(other))
        {
            return Some(format!(
                "{id} reads needs.{needed}.{other}, which is empty: a job has `outputs` and `result`"
            ));
        }
        let ["outputs", output, ..] = rest else { return None };
        let (name, needed_job) = self.model().jobs.iter().find(|(name, _)| name.eq_ignore_ascii_case(needed))?;
        let has = match needed_job {
            Job::NormalJob(job) => job.outputs.keys().any(|name| name.eq_ignore_ascii_case(output)),
            Job::ReusableWorkflowCallJob(call) => {
                if !matches!(call.uses, Uses::Local(_)) {
                    return None;
                }
                let called = self.context.tree.index_of(call.uses.raw().trim_start_matches("./"))?;
                let Parsed::Workflow(called) = &self.context.parsed[called] else { return None };
                match &called.model.on.events.workflow_call {
                    OptionalBody::Body(body) => body.outputs.keys().any(|name| name.eq_ignore_ascii_case(output)),
                    OptionalBody::Default | OptionalBody::Missing => false,
                }
            }
        };
        (!has && *output != "*")
            .then(|| format!("{id} reads the output {output:?} of {name}, which {name} does not have"))
    }

    fn about_input(&self, id: &str, input: &str) -> Option<String> {
        let events = &self.model().on.events;
        let called = match &events.workflow_call {
            OptionalBody::Body(call) => call.inputs.keys().any(|name| name.eq_ignore_ascii_case(input)),
            OptionalBody::Default | OptionalBody::Missing => false,
        };
        let dispatched = match &events.workflow_dispatch {
            OptionalBody::Body(dispatch) => dispatch.inputs.keys().any(|name| name.eq_ignore_ascii_case(input)),
            OptionalBody::Default | OptionalBody::Missing => false,
        };
        (!called && !dispatched && input != "*")
            .then(|| format!("{id} reads inputs.{input}, which is empty: this workflow takes no such input"))
    }

    /// Workflows that `workflow_run` waits for.
    fn triggers(&mut self) {
        let OptionalBody::Body(run) = &self.model().on.events.workflow_run else { return };
        let known: Vec<String> = self
            .context
            .parsed
            .iter()
            .enumerate()
            .filter_map(|(file, parsed)| match parsed {
                Parsed::Workflow(workflow) => {
                    Some(workflow.model.name.clone().unwrap_or_else(|| self.context.path(file).to_string()))
                }
                _ => None,
            })
            .collect();
        // A workflow that cannot be read may be the one that is meant.
        if self.context.parsed.iter().any(|parsed| matches!(parsed, Parsed::InvalidWorkflow(_))) {
            return;
        }
        let missing = |name: &String| !known.contains(name) && !name.contains('*') && !is_github_own(name);
        let missing: Vec<(usize, String)> =
            run.workflows.iter().cloned().enumerate().filter(|(_, name)| missing(name)).collect();
        for (index, name) in missing {
            let list = [Component::from("on"), "workflow_run".into(), "workflows".into()];
            let element = [&list[..], &[index.into()]].concat();
            let span = self.workflow.exact(&element).unwrap_or_else(|| self.workflow.span(&list));
            self.push(
                span,
                &name,
                format!("this waits for the workflow {name:?}, which does not exist, so it never runs"),
                Severity::Error,
            );
        }
    }

    /// Artifacts that are fetched and uploaded nowhere in this workflow.
    fn artifacts(&mut self) {
        let calls_others = self.model().jobs.values().any(|job| matches!(job, Job::ReusableWorkflowCallJob(_)));
        let called = !matches!(self.model().on.events.workflow_call, OptionalBody::Missing);
        if calls_others || called {
            return;
        }
        let mut uploaded: Vec<String> = Vec::new();
        let mut fetched: Vec<(Span, String)> = Vec::new();
        for (id, job) in self.workflow.normal_jobs() {
            for (index, step) in job.steps.iter().enumerate() {
                let Step::Uses(uses) = step else { continue };
                let raw = uses.uses.raw();
                let with = |name: &str| super::artifacts::input(uses, name);
                if raw.starts_with("actions/upload-artifact@") {
                    uploaded.extend(each_of_matrix(job, &with("name").unwrap_or_else(|| "artifact".to_string())));
                } else if raw.starts_with("actions/download-artifact@") && with("run-id").is_none() {
                    if let Some(name) = with("name") {
                        let route = [
                            Component::from("jobs"),
                            id.to_string().into(),
                            "steps".into(),
                            index.into(),
                            "with".into(),
                            "name".into(),
                        ];
                        let span = self.workflow.span(&route);
                        fetched.extend(each_of_matrix(job, &name).into_iter().map(|name| (span, name)));
                    }
                } else if !raw.contains("download-artifact@")
                    && (raw.contains("artifact") || raw.starts_with("./") || !uploads_nothing(raw))
                {
                    // Another action may upload under any name.
                    return;
                }
            }
        }
        for (span, name) in fetched {
            let there = uploaded.iter().any(|upload| {
                let (a, b) = (crate::discover::usage::pattern(upload), crate::discover::usage::pattern(&name));
                crate::discover::usage::matches(&name, &a) || crate::discover::usage::matches(upload, &b)
            });
            if !there {
                self.push(
                    span,
                    &name,
                    format!("the artifact {name:?} is uploaded nowhere in this workflow"),
                    Severity::Error,
                );
            }
        }
    }
}

/// A name for each job of a matrix that is written out; the name as it is for any other.
fn each_of_matrix(job: &NormalJob, name: &str) -> Vec<String> {
    let matrix = match job.strategy.as_ref().and_then(|strategy| strategy.matrix.as_ref()) {
        Some(LoE::Literal(matrix)) if name.contains("matrix.") => matrix,
        _ => return vec![name.to_string()],
    };
    let jobs = combinations(matrix).filter(|jobs| !jobs.is_empty());
    let Some(jobs) = jobs else { return vec![name.to_string()] };
    let put_in = |values: &Combination| {
        values.iter().fold(name.to_string(), |name, (key, value)| {
            name.replace(&format!("${{{{ matrix.{key} }}}}"), value).replace(&format!("${{{{matrix.{key}}}}}"), value)
        })
    };
    let mut names: Vec<String> = jobs.iter().map(put_in).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Workflows that GitHub starts itself, with no file in the repository: Pages, CodeQL's default setup, Dependabot, Copilot.
fn is_github_own(name: &str) -> bool {
    const OWN: &[&str] = &["pages-build-deployment", "pages build and deployment", "codeql"];
    const BEGINNINGS: &[&str] =
        &["dependabot", "copilot", "automatic dependency submission", "dependency graph", "dependency-graph"];
    let lower = name.to_ascii_lowercase();
    OWN.contains(&lower.as_str()) || BEGINNINGS.iter().any(|beginning| lower.starts_with(beginning))
}

/// Owners of actions that are known to upload no artifacts but by those that say so in their name.
fn uploads_nothing(uses: &str) -> bool {
    const OWNERS: &[&str] = &[
        "actions",
        "amannn",
        "astral-sh",
        "aws-actions",
        "azure",
        "docker",
        "dopplerhq",
        "dorny",
        "google-github-actions",
        "hashicorp",
        "opentofu",
        "pnpm",
        "ruby",
        "slackapi",
    ];
    uses.split_once('/').is_some_and(|(owner, _)| OWNERS.iter().any(|known| known.eq_ignore_ascii_case(owner)))
}

fn about_step(id: &str, job: &Job, step: &str) -> Option<String> {
    let Job::NormalJob(job) = job else { return None };
    let known = job.steps.iter().any(|each| {
        let of = match each {
            Step::Run(run) => run.shared.id.as_deref(),
            Step::Uses(uses) => uses.shared.id.as_deref(),
            Step::Parallel { .. } => return true,
            Step::Wait { id, .. } | Step::WaitAll { id, .. } | Step::Cancel { id, .. } => id.as_deref(),
        };
        of.is_some_and(|id| id.eq_ignore_ascii_case(step))
    });
    (!known && step != "*").then(|| format!("{id} reads steps.{step}, and no step of it has that id"))
}

pub(super) fn needs(job: &Job) -> &[String] {
    match job {
        Job::NormalJob(job) => &job.needs,
        Job::ReusableWorkflowCallJob(call) => &call.needs,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn to_span(start: usize, end: usize) -> Span {
    Span { start: u32::try_from(start).unwrap_or(0), end: u32::try_from(end).unwrap_or(0) }
}
