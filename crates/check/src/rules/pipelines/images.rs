//! Images that are deployed by a tag, which may have moved since somebody tested it.

use super::jobs::{Call, Job};
use super::registries::Registries;
use super::{effects, handed};
use crate::command::Command;
use crate::finding::Finding;
use crate::run::Context;

pub(super) fn tags(context: &Context<'_>, registries: &Registries, job: &Job<'_>, out: &mut Vec<Finding>) {
    if job.is_preview() {
        return;
    }
    for call in job.calls.iter().filter(|call| !effects::is_rehearsed(call.command)) {
        let command = call.command;
        let mut tagged: Vec<String> = references(command)
            .iter()
            .map(|reference| handed::put_in(context, job, &resolve(job, call, reference)))
            .filter(|resolved| {
                is_tagged(resolved) && !registries.is_release_of_others(resolved) && !registries.keeps_tags(resolved)
            })
            .collect();
        tagged.extend(chart_tag(command).map(|(name, tag)| format!("{name}={}", handed::put_in(context, job, &tag))));
        let Some(resolved) = tagged.into_iter().find(|text| !holds_digest(text)) else { continue };
        let message = format!("{} deploys an image by its tag: {resolved}", job.name);
        out.push(
            context
                .finding("deploys-tag", job.place(call), &format!("{}/{resolved}", job.id), message)
                .environments(job.target.name()),
        );
    }
}

/// The images that a command deploys, as they are written.
fn references(command: &Command<'_>) -> Vec<String> {
    let words: Vec<&str> = command.subcommands().take(4).collect();
    let flag = |name: &str| command.value(name).map(ToString::to_string).into_iter().collect();
    let after = |count: usize| {
        let images = command.subcommands().skip(count);
        images.map(|word| word.split_once('=').map_or(word, |(_, image)| image).to_string()).collect()
    };
    match (command.program(), &words[..]) {
        ("aws", ["lambda", "update-function-code", ..]) => flag("image-uri"),
        ("aws", ["ecs", "render-task-definition", ..]) => flag("image"),
        ("gcloud", ["run", "deploy", ..] | ["run", "services" | "jobs", "update" | "deploy", ..]) => flag("image"),
        ("az", ["containerapp", "update", ..]) => flag("image"),
        ("az", ["webapp", "config", "container", "set"]) => {
            [flag("docker-custom-image-name"), flag("container-image-name")].concat()
        }
        ("docker", ["service", "update", ..]) => flag("image"),
        ("flyctl" | "fly", ["deploy", ..]) => flag("image"),
        // The word after `image` names what gets it.
        ("kubectl", ["set", "image", ..]) => command
            .subcommands()
            .skip(2)
            .filter_map(|word| word.split_once('='))
            .map(|(_, it)| it.to_string())
            .collect(),
        ("kustomize", ["edit", "set", "image", ..]) => after(3),
        _ => Vec::new(),
    }
}

fn is_tagged(reference: &str) -> bool {
    reference.rsplit('/').next().unwrap_or(reference).contains(':')
}

fn holds_digest(text: &str) -> bool {
    text.contains('@') || text.to_ascii_lowercase().contains("digest") || text.contains("sha256")
}

/// `--set image.tag=…` of a chart, where the tag is this run's or one that moves. The number of somebody else's release stays.
fn chart_tag(command: &Command<'_>) -> Option<(String, String)> {
    if command.program() != "helm" || !matches!(command.subcommands().next(), Some("upgrade" | "install")) {
        return None;
    }
    let set: Vec<(&str, &str)> = ["set", "set-string"]
        .iter()
        .flat_map(|flag| command.values(flag))
        .flat_map(|(value, _)| value.split(','))
        .filter_map(|pair| pair.split_once('='))
        .collect();
    if set.iter().any(|(name, value)| name.to_ascii_lowercase().contains("digest") || holds_digest(value)) {
        return None;
    }
    let is_tag = |name: &str| matches!(name.rsplit('.').next(), Some("tag" | "imageTag"));
    let moves =
        |value: &str| value.contains("${{") || value.contains('$') || matches!(value, "latest" | "main" | "master");
    let (name, tag) = set.into_iter().find(|(name, value)| is_tag(name) && moves(value))?;
    Some((name.to_string(), tag.to_string()))
}

/// A variable's value where the same job assigns it before, once over.
fn resolve(job: &Job<'_>, call: &Call<'_>, reference: &str) -> String {
    let name = reference.trim_start_matches('$').trim_matches(['{', '}']);
    let is_variable =
        reference.starts_with('$') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_variable {
        return reference.to_string();
    }
    let mut value = None;
    for other in &job.calls {
        if other.file == call.file && other.command.span().start >= call.command.span().start {
            break;
        }
        for word in &other.command.words {
            if let Some((known, text)) = word.text.split_once('=')
                && known == name
            {
                value = Some(text.to_string());
            }
        }
    }
    value.unwrap_or_else(|| reference.to_string())
}
