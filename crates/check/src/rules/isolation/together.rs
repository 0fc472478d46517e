//! One root module, and one state, that holds production and what comes before it: `for_each` over environments.

use std::collections::BTreeSet;

use crate::discover::names::{self, Stage};
use crate::eval::{Evaluation, Value};
use crate::finding::Finding;
use crate::hcl::Attr;
use crate::model::{Module, Place};
use crate::view::{Deployed, View};

/// What serves users or keeps their data. Roles, zones, repositories and accounts of all environments stand together with reason.
const SERVES: &[&str] = &[
    "aws_lambda_function",
    "aws_ecs_service",
    "aws_instance",
    "aws_autoscaling_group",
    "aws_eks_cluster",
    "aws_db_instance",
    "aws_rds_cluster",
    "aws_dynamodb_table",
    "aws_sqs_queue",
    "aws_elasticache_replication_group",
    "aws_apigatewayv2_api",
    "aws_api_gateway_rest_api",
    "google_cloud_run_service",
    "google_cloud_run_v2_service",
    "google_sql_database_instance",
    "google_container_cluster",
    "google_compute_instance",
    "azurerm_linux_web_app",
    "azurerm_linux_function_app",
    "azurerm_kubernetes_cluster",
    "azurerm_mssql_database",
    "azurerm_postgresql_flexible_server",
];

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in view.deployed.iter().filter(|deployed| deployed.environment.is_empty()) {
        let resources = deployed.module.resources.iter().filter(|resource| SERVES.contains(&resource.kind));
        for resource in resources {
            let address = format!("{}.{}", resource.kind, resource.name);
            say(view, deployed, (&address, resource.place.file), resource.repetition.for_each, out);
        }
        for call in &deployed.module.calls {
            if call.target.is_some_and(|target| serves(view, &view.context.world.modules[target])) {
                let address = format!("module.{}", call.name);
                say(view, deployed, (&address, call.place.file), call.repetition.for_each, out);
            }
        }
    }
}

/// Whether a module, or one that it calls, holds such a thing.
fn serves(view: &View<'_>, module: &Module<'_>) -> bool {
    let calls = |module: &Module<'_>| module.calls.iter().filter_map(|call| call.target).collect::<Vec<_>>();
    let own = |module: &Module<'_>| module.resources.iter().any(|resource| SERVES.contains(&resource.kind));
    own(module) || calls(module).into_iter().any(|target| own(&view.context.world.modules[target]))
}

fn say<'a>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    (address, file): (&str, usize),
    for_each: Option<&'a Attr<'a>>,
    out: &mut Vec<Finding>,
) {
    let Some(attr) = for_each else { return };
    let keys: Vec<String> = match deployed.evaluation.value(Evaluation::ROOT, &attr.value) {
        Value::Map(entries) => entries.keys().map(|key| key.to_string()).collect(),
        Value::List(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => return,
    };
    let stage = |key: &String| names::find(key).filter(|named| named.whole).and_then(|named| named.stage);
    let stages: BTreeSet<Stage> = keys.iter().filter_map(stage).collect();
    // Each key is an environment, and production is among them.
    if stages.len() < 2 || !stages.contains(&Stage::Prod) || keys.iter().any(|key| stage(key).is_none()) {
        return;
    }
    let place = Place { file, span: attr.span() };
    let message = format!("{address} stands in one state for all of {}", keys.join(", "));
    out.push(
        view.context
            .finding("state-of-all", place, address, message)
            .label("one apply changes all of them")
            .environments(keys.iter().map(String::as_str)),
    );
}
