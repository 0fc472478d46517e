//! Which environment a job works on, as far as its names, its commands and what it is given tell.

use std::collections::BTreeMap;

use github_actions_expressions::op::{BinExpr, BinOp};
use github_actions_expressions::{Expr, SpannedExpr};
use github_actions_models::common::Env;
use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::event::OptionalBody;
use github_actions_models::workflow::job::{DeploymentEnvironment, NormalJob};

use super::jobs::{Call, Target, shared};
use super::scopes::Level;
use super::{effects, telling};
use crate::discover::names::{self, Stage};
use crate::run::Context;
use crate::workflow::Workflow;

/// Inputs of a called workflow, by their name in lower case.
#[derive(Clone, Default)]
pub(super) struct Inputs(BTreeMap<String, String>);

impl Inputs {
    pub(super) fn new() -> Inputs {
        Inputs::default()
    }

    pub(super) fn insert(&mut self, name: String, value: String) {
        self.0.insert(name, value);
    }

    /// What is given for an input, where that is written.
    pub(super) fn told(&self, name: &str) -> Option<String> {
        self.0.get(&name.to_lowercase()).filter(|value| !value.contains("${{")).cloned()
    }

    pub(super) fn extend(&mut self, values: impl Iterator<Item = (String, String)>) {
        self.0.extend(values);
    }

    /// The text with every `${{ inputs.x }}` that is known replaced.
    pub(super) fn put_into(&self, text: &str) -> String {
        replaced(text, &|expression| {
            let name = expression.strip_prefix("inputs.").or_else(|| expression.strip_prefix("github.event.inputs."));
            self.0.get(name?).cloned()
        })
    }
}

/// The text with those `${{ }}` replaced for which there is a value.
pub(super) fn replaced(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find("${{") {
        let Some(close) = rest[open..].find("}}").map(|at| open + at) else { break };
        let expression = rest[open + 3..close].trim().to_lowercase();
        out.push_str(&rest[..open]);
        match value(&expression) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[open..close + 2]),
        }
        rest = &rest[close + 2..];
    }
    out.push_str(rest);
    out
}

/// What tells the environment of one job.
pub(super) struct Told<'t, 'a> {
    pub(super) context: &'t Context<'a>,
    pub(super) workflow: &'t Workflow<'a>,
    /// Its id, or that of the job that calls its workflow.
    pub(super) id: &'t str,
    pub(super) model: &'t NormalJob,
    pub(super) calls: &'t [Call<'a>],
    pub(super) inputs: &'t Inputs,
    /// The jobs that call its workflow.
    pub(super) callers: &'t [Level<'a>],
    /// The name of the file that starts it, without its ending.
    pub(super) stem: &'t str,
}

impl Told<'_, '_> {
    pub(super) fn target(&self) -> Target {
        match &self.model.environment {
            Some(DeploymentEnvironment::Name(name) | DeploymentEnvironment::NameURL { name, .. }) => {
                let name = self.inputs.put_into(name);
                if name.contains("${{") {
                    return Target::Chosen { production: self.possible_production(&name) };
                }
                named(self.context, &name).unwrap_or(Target::Named { name, stage: None })
            }
            None => self
                .by_name()
                .or_else(|| self.by_commands())
                .or_else(|| named(self.context, self.stem))
                .or_else(|| self.workflow.model.name.as_deref().and_then(|name| named(self.context, name)))
                .unwrap_or(Target::Unknown),
        }
    }

    /// What the job is called after.
    pub(super) fn by_name(&self) -> Option<Target> {
        named(self.context, self.id)
            .or_else(|| self.model.name.as_deref().and_then(|name| named(self.context, &self.inputs.put_into(name))))
    }

    /// The one environment that the arguments of what it deploys name.
    pub(super) fn by_commands(&self) -> Option<Target> {
        let mut mentioned: Vec<Target> = Vec::new();
        let mut take = |text: &str| {
            let Some(target) = named(self.context, &telling::plain(text)) else { return };
            let same =
                |known: &Target| *known == target || (known.stage().is_some() && known.stage() == target.stage());
            if !mentioned.iter().any(same) {
                mentioned.push(target);
            }
        };
        for call in self.calls.iter().filter(|call| effects::deploys(call.command)) {
            let variables = self.variables(call.step);
            for word in telling::words(call.command) {
                let text = with_variables(&self.inputs.put_into(word), &variables);
                take(&text);
            }
            if let Some(dir) = &call.command.dir {
                take(dir);
            }
        }
        if mentioned.len() == 1 { mentioned.pop() } else { None }
    }

    /// What `env:` sets for a step, with inputs put in; the narrowest wins.
    fn variables(&self, step: usize) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        let of_step = self.model.steps.get(step).and_then(shared).map(|shared| &shared.env);
        for env in [Some(&self.workflow.model.env), Some(&self.model.env), of_step].into_iter().flatten() {
            let LoE::Literal(env): &LoE<Env> = env else { continue };
            out.extend(env.iter().map(|(name, value)| (name.clone(), self.inputs.put_into(&value.to_string()))));
        }
        out
    }

    /// The name of production, where an expression may come out as that.
    fn possible_production(&self, text: &str) -> Option<String> {
        let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?;
        let expression = Expr::parse(inner).ok()?;
        let mut values = Vec::new();
        self.outcomes(&expression, &mut values);
        values.into_iter().find(|value| is_production(self.context, value))
    }

    /// The texts that an expression may come out as, as far as they are written.
    fn outcomes(&self, expression: &SpannedExpr<'_>, out: &mut Vec<String>) {
        match &expression.inner {
            Expr::Literal(literal) => out.push(literal.as_str().into_owned()),
            Expr::BinExpr(BinExpr { lhs, op: BinOp::Or, rhs }) => {
                self.outcomes(lhs, out);
                self.outcomes(rhs, out);
            }
            Expr::BinExpr(BinExpr { op: BinOp::And, rhs, .. }) => self.outcomes(rhs, out),
            Expr::Context(context) => match context.as_pattern().as_deref().and_then(|text| text.split_once('.')) {
                Some(("matrix", rest)) => out.extend(self.of_matrix(rest)),
                Some(("inputs", name)) => out.extend(self.of_person(name)),
                Some(("github", rest)) => {
                    out.extend(rest.strip_prefix("event.inputs.").into_iter().flat_map(|name| self.of_person(name)));
                }
                Some(("env", name)) => {
                    let variables = self.variables(usize::MAX);
                    out.extend(variables.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, it)| it));
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// What a person who starts the workflow by hand may choose for an input.
    fn of_person(&self, name: &str) -> Vec<String> {
        let own = std::iter::once(self.workflow).chain(self.callers.iter().map(|caller| caller.workflow));
        let dispatch = own.filter_map(|workflow| match &workflow.model.on.events.workflow_dispatch {
            OptionalBody::Body(dispatch) => Some(&dispatch.inputs),
            OptionalBody::Default | OptionalBody::Missing => None,
        });
        let inputs = dispatch.flatten().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        inputs.flat_map(|(_, input)| &input.options).map(ToString::to_string).collect()
    }

    /// The values of a dimension of the job's matrix that are written; `name.property` for objects.
    fn of_matrix(&self, path: &str) -> Vec<String> {
        let (name, property) = path.split_once('.').map_or((path, None), |(name, property)| (name, Some(property)));
        let Some(LoE::Literal(matrix)) = self.model.strategy.as_ref().and_then(|strategy| strategy.matrix.as_ref())
        else {
            return Vec::new();
        };
        let mut values: Vec<&yaml_serde::Value> = Vec::new();
        if let LoE::Literal(dimensions) = &matrix.dimensions {
            let dimension = dimensions.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            if let Some((_, LoE::Literal(listed))) = dimension {
                values.extend(listed);
            }
        }
        if let LoE::Literal(include) = &matrix.include {
            let given = include.iter().flatten().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            values.extend(given.map(|(_, value)| value));
        }
        let text = |value: &yaml_serde::Value| match property {
            Some(property) => value.get(property)?.as_str().map(ToString::to_string),
            None => value.as_str().map(ToString::to_string),
        };
        values.into_iter().filter_map(text).collect()
    }
}

fn is_production(context: &Context<'_>, text: &str) -> bool {
    matches!(named(context, text), Some(Target::Named { stage: Some(Stage::Prod), .. }))
}

/// `$NAME`, `${NAME}` and `${{ env.NAME }}` with what is known of them.
fn with_variables(text: &str, variables: &BTreeMap<String, String>) -> String {
    if !text.contains('$') {
        return text.to_string();
    }
    let value =
        |name: &str| variables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, it)| it.clone());
    let mut text = replaced(text, &|expression| value(expression.strip_prefix("env.")?));
    let mut names: Vec<&String> = variables.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in names {
        text = text.replace(&format!("${{{name}}}"), &variables[name]).replace(&format!("${name}"), &variables[name]);
    }
    text
}

/// The environment that a text names, when it names only one. What a variable holds is not looked at.
pub(super) fn named(context: &Context<'_>, text: &str) -> Option<Target> {
    let mut found: Option<Target> = None;
    for (start, end) in names::words(text) {
        let word = &text[start..end];
        let stage = match names::stage_of(word) {
            Some((stage, true)) => Some(stage),
            _ if context.found.environments.iter().any(|name| name == word) => {
                names::stage_of(word).map(|(stage, _)| stage)
            }
            _ => continue,
        };
        let target = Target::Named { name: word.to_lowercase(), stage };
        match &found {
            Some(Target::Named { stage: known, name }) if *known != stage || (stage.is_none() && *name != word) => {
                return None;
            }
            _ => found = Some(target),
        }
    }
    found
}
