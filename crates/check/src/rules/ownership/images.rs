//! Repositories and references whose meaning changes under the deployment: mutable tags, `:latest`, rules that expire live images.

use super::latest::is_image_with_latest;
use crate::finding::Finding;
use crate::hcl::{Expr, Node};
use crate::model::{FileId, Module, Place, Resource};
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, module: &Module<'_>, out: &mut Vec<Finding>) {
    for resource in &module.resources {
        match resource.kind {
            "aws_ecr_repository" => mutable(context, resource, out),
            "aws_ecr_lifecycle_policy" => eats_live(context, module, resource, out),
            _ => {}
        }
        if RUNS_IMAGES.contains(&resource.kind) {
            resource.body.each_node(&mut |node| latest(context, resource, node, resource.place.file, out));
        }
    }
}

/// Types whose arguments name the image that runs.
pub(super) const RUNS_IMAGES: &[&str] = &[
    "aws_apprunner_service",
    "aws_batch_job_definition",
    "aws_ecs_task_definition",
    "aws_lambda_function",
    "azurerm_container_app",
    "azurerm_container_app_job",
    "azurerm_container_group",
    "azurerm_linux_function_app",
    "azurerm_linux_web_app",
    "google_cloud_run_service",
    "google_cloud_run_v2_job",
    "google_cloud_run_v2_service",
    "kubernetes_cron_job_v1",
    "kubernetes_daemon_set_v1",
    "kubernetes_deployment",
    "kubernetes_deployment_v1",
    "kubernetes_stateful_set",
    "kubernetes_stateful_set_v1",
];

fn is_mutable(resource: &Resource<'_>) -> bool {
    match resource.body.attr("image_tag_mutability") {
        None => true,
        Some(attr) => attr.value.as_str().is_some_and(|text| text.starts_with("MUTABLE")),
    }
}

fn mutable(context: &Context<'_>, resource: &Resource<'_>, out: &mut Vec<Finding>) {
    if !is_mutable(resource) {
        return;
    }
    let attr = resource.body.attr("image_tag_mutability");
    let span = attr.map_or(resource.place.span, |attr| attr.span());
    let message = format!("tags in {}.{} can be moved to another image", resource.kind, resource.name);
    out.push(
        context
            .finding("repository-mutable", Place { file: resource.place.file, span }, resource.name, message)
            .label(if attr.is_some() { "" } else { "image_tag_mutability is MUTABLE by default" }),
    );
}

/// Text that ends an image reference with `:latest`.
fn latest(context: &Context<'_>, resource: &Resource<'_>, node: &Node<'_>, file: FileId, out: &mut Vec<Finding>) {
    if is_image_with_latest(node) {
        let message = format!("{}.{} runs whatever image bears the tag latest", resource.kind, resource.name);
        let place = Place { file, span: node.span };
        out.push(context.finding("image-latest", place, &format!("{}.{}", resource.kind, resource.name), message));
    }
}

/// Rules of a lifecycle policy that know nothing of what is live. The policy is JSON, in text or in `jsonencode`.
fn eats_live(context: &Context<'_>, module: &Module<'_>, resource: &Resource<'_>, out: &mut Vec<Finding>) {
    let Some(attr) = resource.body.attr("policy") else { return };
    let mut statuses: Vec<(String, Place)> = Vec::new();
    attr.value.each(&mut |node| match &node.expr {
        Expr::Object(entries) => {
            for (key, value) in entries {
                if let (Some("tagStatus"), Some(status)) = (key.as_str(), value.as_str()) {
                    statuses.push((status.to_string(), Place { file: resource.place.file, span: value.span }));
                }
            }
        }
        Expr::Str(text) if text.contains("\"tagStatus\"") => {
            let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
            let rules = json.as_ref().and_then(|json| json["rules"].as_array()).into_iter().flatten();
            statuses.extend(
                rules
                    .filter_map(|rule| rule["selection"]["tagStatus"].as_str())
                    .map(|status| (status.to_string(), Place { file: resource.place.file, span: node.span })),
            );
        }
        _ => {}
    });
    let repository = resource.body.attr("repository").and_then(|attr| attr.value.reference());
    let moves = repository.and_then(|(kind, name)| module.resource(kind, name)).is_some_and(is_mutable);
    for (status, place) in statuses {
        let why = match status.as_str() {
            "any" => "expires images by age or number, whatever runs",
            "untagged" if moves => {
                "expires untagged images of a repository in which a moved tag leaves the live image untagged"
            }
            _ => continue,
        };
        let message = format!("{}.{} {why}", resource.kind, resource.name);
        out.push(context.finding("lifecycle-expires-live", place, &format!("{}/{status}", resource.name), message));
        return;
    }
}
