//! Values that do not fit their variable: the wrong type, a validation that fails, a default that poses as an environment.

use super::is_environment_name;
use crate::discover::names;
use crate::eval::{Evaluation, Failure, Type, Value, convert, literal, plainly_fits};
use crate::finding::{Finding, Severity};
use crate::hcl::{Attr, Block, Node};
use crate::layout::Shape;
use crate::model::{FileId, Place, Variable};
use crate::view::{Deployed, View};

/// The line of a variable file that gives a variable its value.
type Given<'a> = (FileId, &'a Attr<'a>);

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    let mut seen = None;
    for deployed in &view.deployed {
        // A default is the module's, not the environment's.
        let first = seen.replace(deployed.instance.module) != Some(deployed.instance.module);
        for (position, variable) in deployed.module.variables.iter().enumerate() {
            let given = deployed.given_to(position);
            wrong_type(view, deployed, (variable, given), first, out);
            if let Some(given) = given {
                unknown_fields(view, deployed, variable, given, out);
            }
            if !variable.validations.is_empty() {
                invalid(view, deployed, (variable, given), out);
            }
        }
    }
    environment_default(view, out);
}

fn wrong_type(
    view: &View<'_>,
    deployed: &Deployed<'_>,
    (variable, given): (&Variable<'_>, Option<Given<'_>>),
    default: bool,
    out: &mut Vec<Finding>,
) {
    let given = given.map(|(file, attr)| (file, attr, false));
    let default = variable.default.filter(|_| default).map(|attr| (variable.place.file, attr, true));
    for (file, attr, is_default) in given.into_iter().chain(default) {
        if plainly_fits(&attr.value, &variable.kind) {
            continue;
        }
        let Err(mismatch) = convert(literal(&attr.value), &variable.kind) else { continue };
        let whose =
            if is_default { "the default of".to_string() } else { format!("in {} the value of", deployed.label()) };
        let message = format!(
            "{whose} {}{} is {}, and its type is {}",
            variable.name, mismatch.path, mismatch.found, mismatch.expected
        );
        let subject =
            if is_default { variable.name.to_string() } else { format!("{}/{}", deployed.environment, variable.name) };
        let mut finding = view
            .context
            .finding("value-type", Place { file, span: attr.span() }, &subject, message)
            .label(format!("not a {}", mismatch.expected));
        if let Some(constraint) = variable.constraint.filter(|_| !is_default) {
            let place = Place { file: variable.place.file, span: constraint.span };
            finding = finding
                .beside(view.context.related(place, "the type that is declared"))
                .environment(deployed.environment);
        }
        out.push(finding);
    }
}

/// Keys of an object that its type does not have: Terraform drops them without a word.
fn unknown_fields(
    view: &View<'_>,
    deployed: &Deployed<'_>,
    variable: &Variable<'_>,
    (file, attr): Given<'_>,
    out: &mut Vec<Finding>,
) {
    let mut unknown: Vec<(&Node<'_>, String)> = Vec::new();
    fields_below(&attr.value, &variable.kind, &mut unknown);
    for (key, name) in unknown {
        let subject = format!("{}/{}.{name}", deployed.environment, variable.name);
        let message = format!("{name:?} is no attribute of the type of {:?}", variable.name);
        out.push(
            view.context
                .finding("value-undeclared", Place { file, span: key.span }, &subject, message)
                .label("Terraform drops this attribute")
                .environment(deployed.environment),
        );
    }
}

fn fields_below<'n, 'a>(node: &'n Node<'a>, kind: &Type<'_>, out: &mut Vec<(&'n Node<'a>, String)>) {
    use crate::hcl::Expr;
    match (&node.expr, kind) {
        (Expr::Object(entries), Type::Object(fields)) => {
            for (key, value) in entries {
                let Some(name) = key.as_str() else { continue };
                match fields.iter().find(|field| field.name == name) {
                    Some(field) => fields_below(value, &field.kind, out),
                    None => out.push((key, name.to_string())),
                }
            }
        }
        (Expr::Object(entries), Type::Map(inner)) => {
            entries.iter().for_each(|(_, value)| fields_below(value, inner, out))
        }
        (Expr::Tuple(items), Type::List(inner) | Type::Set(inner)) => {
            items.iter().for_each(|item| fields_below(item, inner, out))
        }
        _ => {}
    }
}

/// Evaluates each validation with the environment's value, or with the default where that is what the environment gets.
fn invalid<'a>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    (variable, given): (&Variable<'a>, Option<Given<'a>>),
    out: &mut Vec<Finding>,
) {
    let value = deployed.evaluation.variable(Evaluation::ROOT, variable.name);
    if value.is_unknown() || (given.is_none() && variable.default.is_none()) {
        return;
    }
    for block in &variable.validations {
        let Some(condition) = block.body.attr("condition") else { continue };
        // A condition that fails to compute stops Terraform as surely as one that is false; here it may also be our own limit.
        let outcome = deployed.evaluation.outcome(Evaluation::ROOT, &condition.value);
        if outcome != Ok(Value::Bool(false)) {
            continue;
        }
        let reason = block
            .body
            .attr("error_message")
            .and_then(|attr| attr.value.as_str())
            .unwrap_or_default()
            .trim()
            .to_string();
        let related = view
            .context
            .related(Place { file: variable.place.file, span: condition.value.span }, "the condition that fails");
        let says = if reason.is_empty() { String::new() } else { format!(": {}", reason.trim_end_matches('.')) };
        match (given, variable.default) {
            (Some((file, attr)), _) => {
                let message =
                    format!("the value of {:?} in {} fails its validation{says}", variable.name, deployed.label());
                out.push(
                    view.context
                        .finding(
                            "value-invalid",
                            Place { file, span: attr.span() },
                            &format!("{}/{}", deployed.environment, variable.name),
                            message,
                        )
                        .label("fails")
                        .beside(related)
                        .environment(deployed.environment),
                );
            }
            (None, Some(default)) => {
                let place = Place { file: variable.place.file, span: default.span() };
                let message = format!("the default of {:?} fails its own validation{says}", variable.name);
                out.push(
                    view.context
                        .finding("default-invalid", place, variable.name, message)
                        .label(if deployed.environment.is_empty() {
                            "fails".to_string()
                        } else {
                            format!("what {} gets", deployed.environment)
                        })
                        .beside(related)
                        .environment(deployed.environment),
                );
            }
            (None, None) => {}
        }
        return;
    }
    if given.is_some() {
        default_alone(view, variable, out);
    }
}

/// The default fails although no environment here uses it: the next environment will.
fn default_alone<'a>(view: &View<'a>, variable: &Variable<'a>, out: &mut Vec<Finding>) {
    let Some(default) = variable.default else { return };
    if variable.validations.is_empty() || view.deployed.iter().any(|each| !each.sets(variable.name)) {
        return;
    }
    let Some(first) = view.deployed.first() else { return };
    for block in &variable.validations {
        let Some(condition) = block.body.attr("condition") else { continue };
        if with_default(first, variable, block) != Some(false) {
            continue;
        }
        let place = Place { file: variable.place.file, span: default.span() };
        let message =
            format!("the default of {:?} fails its own validation; every environment sets it so far", variable.name);
        out.push(
            view.context
                .finding("default-invalid", place, variable.name, message)
                .severity(Severity::Warning)
                .label("fails")
                .beside(view.context.related(
                    Place { file: variable.place.file, span: condition.value.span },
                    "the condition that fails",
                )),
        );
        return;
    }
}

fn with_default<'a>(deployed: &Deployed<'a>, variable: &Variable<'a>, block: &'a Block<'a>) -> Option<bool> {
    let condition = block.body.attr("condition")?;
    let mut others = false;
    condition.value.each(&mut |node| {
        if let Some((root, name)) = node.reference() {
            others |= root != "var" || name != variable.name;
        }
    });
    if others {
        return None;
    }
    match deployed.evaluation.with_default(variable.name, &condition.value) {
        Ok(Value::Bool(value)) => Some(value),
        Ok(_) | Err(Failure) => None,
    }
}

/// `variable "environment" { default = "prod" }` in code that several environments share.
fn environment_default(view: &View<'_>, out: &mut Vec<Finding>) {
    if view.stack.shape != Shape::SharedRoot && view.stack.shape != Shape::Workspaces {
        return;
    }
    let Some(first) = view.deployed.first() else { return };
    let candidates = || first.module.variables.iter().filter(|variable| is_environment_name(variable.name));
    for variable in candidates() {
        // Another variable holds the environment's name in all of them: this one means something else.
        let told = |deployed: &Deployed<'_>, name: &str| {
            let value = deployed.evaluation.variable(Evaluation::ROOT, name);
            value.as_str().is_some_and(|text| view.context.found.known.is_own(text, deployed.environment))
        };
        let by_other = candidates()
            .filter(|other| other.name != variable.name && other.default.is_none())
            .any(|other| view.deployed.iter().all(|deployed| told(deployed, other.name)));
        if by_other {
            continue;
        }
        let Some(default) = variable.default else { continue };
        let Some(text) = default.value.as_str() else { continue };
        let Some(real) = view.context.found.environments.iter().find(|name| names::same_environment(name, text)) else {
            continue;
        };
        let message =
            format!("{:?} defaults to {text:?}, so a plan with no variable file passes for {real}", variable.name);
        out.push(
            view.context
                .finding(
                    "environment-default",
                    Place { file: variable.place.file, span: default.span() },
                    variable.name,
                    message,
                )
                .label("leave the default out")
                .environment(real),
        );
    }
}
