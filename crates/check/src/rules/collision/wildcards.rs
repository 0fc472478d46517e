//! Permissions of one environment whose wildcard takes in the resources of another.

use crate::accounts::Relation;
use crate::eval::{Evaluation, ScopeId, Value};
use crate::finding::Finding;
use crate::model::Place;
use crate::view::{Deployed, View};

/// The part of an ARN after the account that stands for a resource of this type, with `{}` for its name.
const ARN_FORMS: &[ArnForm] = &[
    ("aws_cloudwatch_event_rule", "name", "events", "rule/{}"),
    ("aws_cloudwatch_log_group", "name", "logs", "log-group:{}"),
    ("aws_dynamodb_table", "name", "dynamodb", "table/{}"),
    ("aws_ecr_repository", "name", "ecr", "repository/{}"),
    ("aws_iam_role", "name", "iam", "role/{}"),
    ("aws_kinesis_stream", "name", "kinesis", "stream/{}"),
    ("aws_lambda_function", "function_name", "lambda", "function:{}"),
    ("aws_s3_bucket", "bucket", "s3", "{}"),
    ("aws_secretsmanager_secret", "name", "secretsmanager", "secret:{}"),
    ("aws_sfn_state_machine", "name", "states", "stateMachine:{}"),
    ("aws_sns_topic", "name", "sns", "{}"),
    ("aws_sqs_queue", "name", "sqs", "{}"),
    ("aws_ssm_parameter", "name", "ssm", "parameter{}"),
];

/// Type, attribute that holds the name, service, form.
type ArnForm = (&'static str, &'static str, &'static str, &'static str);

/// One resource as policies see it: service and resource part.
struct Target {
    service: &'static str,
    resource: String,
}

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    if !view.compares() {
        return;
    }
    let found: Vec<Vec<(String, Place)>> = view.deployed.iter().map(patterns).collect();
    // Names are computed only where a policy is about them.
    let mut services: Vec<&str> = Vec::new();
    for (pattern, _) in found.iter().flatten() {
        if let Some((service, _, resource)) = arn_parts(pattern)
            && !services.contains(&service)
            && is_telling(service, resource)
        {
            services.push(service);
        }
    }
    let forms: Vec<&ArnForm> = ARN_FORMS.iter().filter(|(_, _, service, _)| services.contains(service)).collect();
    if forms.is_empty() {
        return;
    }
    let targets: Vec<Vec<Target>> = view.deployed.iter().map(|deployed| targets(deployed, &forms)).collect();
    let mut seen: Vec<Place> = Vec::new();
    for (index, deployed) in view.deployed.iter().enumerate() {
        for (pattern, place) in &found[index] {
            let (pattern, place) = (pattern.as_str(), *place);
            let Some((service, account, resource)) = arn_parts(pattern) else { continue };
            if seen.contains(&place) || !is_telling(service, resource) {
                continue;
            }
            let Some(pattern_inside) = inside(service, resource) else { continue };
            let own =
                targets[index].iter().any(|target| target.service == service && glob(pattern_inside, &target.resource));
            if !own {
                continue;
            }
            let other = (0..view.deployed.len()).find(|other| {
                let apart = || {
                    account != "*"
                        && service != "s3"
                        && view.whereabouts(deployed).account(view.whereabouts(&view.deployed[*other]))
                            == Relation::Different
                };
                *other != index
                    && !apart()
                    && targets[*other].iter().any(|target| {
                        target.service == service
                            && glob(pattern_inside, &target.resource)
                            && !targets[index]
                                .iter()
                                .any(|mine| mine.service == service && mine.resource == target.resource)
                    })
            });
            let Some(other) = other else { continue };
            seen.push(place);
            let shown = pattern.replace(UNKNOWN, "…");
            let message = format!(
                "what {} may do also holds for {}: {shown} takes in its resources",
                deployed.environment, view.deployed[other].environment
            );
            out.push(
                view.context
                    .finding("wildcard-spans-environments", place, &shown, message)
                    .label("put the environment before the wildcard")
                    .environments([deployed.environment, view.deployed[other].environment]),
            );
        }
    }
}

/// Stands in a pattern for text that is not known.
pub(crate) const UNKNOWN: char = '\u{FFFD}';

fn targets(deployed: &Deployed<'_>, forms: &[&ArnForm]) -> Vec<Target> {
    let mut out = Vec::new();
    for placed in deployed.placed() {
        let Some((_, attribute, service, form)) = forms.iter().find(|(kind, ..)| *kind == placed.resource.kind) else {
            continue;
        };
        if let Some((Value::Str(name), _)) = deployed.attribute(placed, attribute) {
            out.push(Target { service, resource: form.replace("{}", &name) });
        }
    }
    out
}

/// Every ARN with a wildcard in the policies of an environment.
fn patterns(deployed: &Deployed<'_>) -> Vec<(String, Place)> {
    let mut scopes: Vec<ScopeId> = vec![Evaluation::ROOT];
    for placed in deployed.placed() {
        // Resources of one module come one after the other.
        if scopes.last() != Some(&placed.scope) {
            scopes.push(placed.scope);
        }
    }
    scopes.sort_unstable();
    scopes.dedup();
    let mut out = Vec::new();
    for scope in scopes {
        for (file, node) in &deployed.evaluation.module(scope).policy_texts {
            let Some(text) = deployed.evaluation.rough_text(scope, node, UNKNOWN) else { continue };
            // A policy in a here-document is one long text; the ARNs in it stand between quotes.
            for part in text.split('"') {
                if part.starts_with("arn:") && part.contains('*') && !part.contains(char::is_whitespace) {
                    out.push((part.to_string(), Place { file: *file, span: node.span }));
                }
            }
        }
    }
    out
}

/// Service, account and resource part.
fn arn_parts(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (_, _, service, _, account, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some((service, account, resource))
}

/// Whether a pattern says more than its type: `function:acme-*` and `parameter/acme/*`, and neither `function:*` nor `*`.
fn is_telling(service: &str, resource: &str) -> bool {
    if !resource.contains('*') || resource.contains(UNKNOWN) {
        return false;
    }
    let prefix =
        ARN_FORMS.iter().find(|(_, _, known, _)| *known == service).and_then(|(.., form)| form.split('{').next());
    let Some(prefix) = prefix else { return false };
    let Some(name) = resource.strip_prefix(prefix) else { return false };
    // What stands behind a bucket's or a log group's own name is inside of it.
    let name = inside_stripped(service, name);
    name.contains('*') && name.chars().filter(|character| character.is_alphanumeric()).count() >= 2
}

/// The name of a bucket without its objects, of a log group without its streams.
fn inside_stripped<'r>(service: &str, resource: &'r str) -> &'r str {
    match service {
        "s3" => resource.split('/').next().unwrap_or(resource),
        "logs" => resource.trim_end_matches(":*"),
        "dynamodb" => resource.trim_end_matches("/index/*").trim_end_matches("/stream/*"),
        _ => resource,
    }
}

/// The pattern for what the resource itself is called; `None` for one that fits nothing.
fn inside<'r>(service: &str, resource: &'r str) -> Option<&'r str> {
    let pattern = inside_stripped(service, resource);
    // Many stars in one pattern would take long; no policy that means anything has them.
    (pattern.bytes().filter(|byte| *byte == b'*').count() <= 4).then_some(pattern)
}

/// IAM's manners: `*` stands for any text, `?` for one character.
fn glob(pattern: &str, text: &str) -> bool {
    // Names that a service takes are ASCII, so that a byte is a character.
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', [])) => true,
            Some((b'*', rest)) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
            Some((b'?', rest)) => !text.is_empty() && matches(rest, &text[1..]),
            Some((byte, rest)) => text.first() == Some(byte) && matches(rest, &text[1..]),
        }
    }
    matches(pattern.as_bytes(), text.as_bytes())
}
