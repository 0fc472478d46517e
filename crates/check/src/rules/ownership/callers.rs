//! Callers that name a function although it has an alias: they run `$LATEST`, which is live before any smoke test.

use crate::finding::Finding;
use crate::hcl::{Attr, Block, Body, Expr, Node, Step};
use crate::model::{FileId, Module, Place};
use crate::run::Context;

/// Attributes that name what is called, by the type of the caller. A dot leads into a block.
const CALLERS: &[(&str, &str)] = &[
    ("aws_api_gateway_authorizer", "authorizer_uri"),
    ("aws_api_gateway_integration", "uri"),
    ("aws_apigatewayv2_authorizer", "authorizer_uri"),
    ("aws_apigatewayv2_integration", "integration_uri"),
    ("aws_cloudwatch_event_target", "arn"),
    ("aws_cloudwatch_log_subscription_filter", "destination_arn"),
    ("aws_lambda_event_source_mapping", "function_name"),
    ("aws_lambda_function_url", "function_name"),
    ("aws_lambda_permission", "function_name"),
    ("aws_lb_target_group_attachment", "target_id"),
    ("aws_s3_bucket_notification", "lambda_function.lambda_function_arn"),
    ("aws_scheduler_schedule", "target.arn"),
    ("aws_secretsmanager_secret_rotation", "rotation_lambda_arn"),
    ("aws_sns_topic_subscription", "endpoint"),
];

/// Attributes of a function by which others call it.
const CALLED_BY: &[&str] = &["arn", "function_name", "invoke_arn", "id"];

pub(super) fn check(context: &Context<'_>, module: &Module<'_>, out: &mut Vec<Finding>) {
    for resource in &module.resources {
        let file = resource.place.file;
        let address = format!("{}.{}", resource.kind, resource.name);
        for (_, path) in CALLERS.iter().filter(|(kind, _)| *kind == resource.kind) {
            // A qualifier beside the name is the alias.
            if resource.body.attr("qualifier").is_some() {
                continue;
            }
            for attr in attributes(resource.body, path) {
                caller(context, module, file, &address, &attr.value, attr, out);
            }
        }
        if resource.kind == "aws_lambda_function" {
            for block in resource.body.blocks_of("environment") {
                environment(context, module, file, &address, block, out);
            }
        }
    }
}

fn attributes<'b, 'a>(body: &'b Body<'a>, path: &str) -> Vec<&'b Attr<'a>> {
    match path.split_once('.') {
        Some((block, name)) => {
            body.blocks.iter().filter(|inner| inner.kind == block).filter_map(|inner| inner.body.attr(name)).collect()
        }
        None => body.attr(path).into_iter().collect(),
    }
}

/// Names of functions in the environment of another: whoever reads them calls the bare function.
fn environment(
    context: &Context<'_>,
    module: &Module<'_>,
    file: FileId,
    address: &str,
    block: &Block<'_>,
    out: &mut Vec<Finding>,
) {
    let Some(attr) = block.body.attr("variables") else { return };
    let mut found = Vec::new();
    attr.value.each(&mut |node| {
        if let Expr::Object(entries) = &node.expr {
            found.extend(entries.iter().map(|(_, value)| value));
        }
    });
    for value in found {
        caller(context, module, file, address, value, attr, out);
    }
}

fn caller(
    context: &Context<'_>,
    module: &Module<'_>,
    file: FileId,
    address: &str,
    value: &Node<'_>,
    attr: &Attr<'_>,
    out: &mut Vec<Finding>,
) {
    let Some((function, alias)) = called(context, module, value) else { return };
    let message = format!("{address} calls {function} past its alias, so it runs $LATEST");
    let finding = context
        .finding(
            "caller-bypasses-alias",
            Place { file, span: value.span },
            &format!("{address}/{}", attr.name),
            message,
        )
        .label("names the function")
        .beside(context.related(alias, "the alias that the deployer moves"));
    out.push(finding);
}

/// The function that an expression names, with its alias: directly, or through one output of a local module.
fn called(context: &Context<'_>, module: &Module<'_>, value: &Node<'_>) -> Option<(String, Place)> {
    let Expr::Path(root, steps) = &value.expr else { return None };
    let (first, rest) = steps.split_first()?;
    let Step::Attr(name) = first else { return None };
    match *root {
        "aws_lambda_function" => {
            let attribute = rest.iter().rev().find_map(|step| match step {
                Step::Attr(attribute) => Some(*attribute),
                _ => None,
            })?;
            if !CALLED_BY.contains(&attribute) {
                return None;
            }
            Some((format!("aws_lambda_function.{name}"), alias_of(module, name)?))
        }
        "module" => {
            let call = module.calls.iter().find(|call| call.name == *name)?;
            let inner = &context.world.modules[call.target?];
            let output = rest.iter().find_map(|step| match step {
                Step::Attr(output) => Some(*output),
                _ => None,
            })?;
            let (_, block) = inner.outputs.iter().find(|(_, block)| block.label(0) == Some(output))?;
            let value = &block.body.attr("value")?.value;
            match &value.expr {
                Expr::Path("aws_lambda_function", _) => {
                    called(context, inner, value).map(|(function, alias)| (format!("module.{name}.{function}"), alias))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn alias_of(module: &Module<'_>, function: &str) -> Option<Place> {
    module.resources.iter().filter(|resource| resource.kind == "aws_lambda_alias").find_map(|alias| {
        let mut named = alias.body.attr("function_name")?.value.reference()?;
        // `for_each = aws_lambda_function.api` makes an alias for each of the functions.
        if named.0 == "each" {
            named = alias.body.attr("for_each")?.value.reference()?;
        }
        let (kind, name) = named;
        (kind == "aws_lambda_function" && name == function).then_some(alias.place)
    })
}
