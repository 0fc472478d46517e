//! Callers that name a function although it has an alias: they run `$LATEST`, which is live before any smoke test.

use super::function_names::same_reference;
use crate::finding::Finding;
use crate::hcl::{Attr, Block, Body, Expr, Node, Part, Step};
use crate::model::{FileId, Module, Place, Resource};
use crate::run::Context;

/// Arguments that name what is called, by the type of the caller. A dot leads into a block, at whatever depth below it.
const CALLERS: &[(&str, &str)] = &[
    ("aws_api_gateway_authorizer", "authorizer_uri"),
    ("aws_api_gateway_integration", "uri"),
    ("aws_api_gateway_rest_api", "body"),
    ("aws_apigatewayv2_api", "body"),
    ("aws_apigatewayv2_authorizer", "authorizer_uri"),
    ("aws_apigatewayv2_integration", "integration_uri"),
    ("aws_appsync_datasource", "lambda_config.function_arn"),
    ("aws_appsync_graphql_api", "lambda_authorizer_config.authorizer_uri"),
    ("aws_bedrockagent_agent_action_group", "action_group_executor.lambda"),
    ("aws_cloudwatch_event_target", "arn"),
    ("aws_cloudwatch_log_subscription_filter", "destination_arn"),
    ("aws_cognito_user_pool", "lambda_config.*"),
    ("aws_config_config_rule", "source.source_identifier"),
    ("aws_connect_lambda_function_association", "function_arn"),
    ("aws_iot_topic_rule", "lambda.function_arn"),
    ("aws_kinesis_firehose_delivery_stream", "extended_s3_configuration.parameter_value"),
    ("aws_lambda_event_source_mapping", "function_name"),
    ("aws_lambda_function_url", "function_name"),
    ("aws_lambda_permission", "function_name"),
    ("aws_lb_target_group_attachment", "target_id"),
    ("aws_pipes_pipe", "enrichment"),
    ("aws_pipes_pipe", "target"),
    ("aws_s3_bucket_notification", "lambda_function.lambda_function_arn"),
    ("aws_scheduler_schedule", "target.arn"),
    ("aws_secretsmanager_secret_rotation", "rotation_lambda_arn"),
    ("aws_ses_receipt_rule", "lambda_action.function_arn"),
    ("aws_sfn_state_machine", "definition"),
    ("aws_sns_topic_subscription", "endpoint"),
];

/// Attributes of a function by which others call it.
const CALLED_BY: &[&str] = &["arn", "function_name", "invoke_arn", "id"];

/// Locals are followed this deep.
const MAX_DEPTH: usize = 4;

pub(super) fn check(context: &Context<'_>, module: &Module<'_>, out: &mut Vec<Finding>) {
    if !module.resources.iter().any(|resource| resource.kind == "aws_lambda_alias") && module.calls.is_empty() {
        return;
    }
    for resource in &module.resources {
        let caller = Caller { context, module, resource };
        for (_, path) in CALLERS.iter().filter(|(kind, _)| *kind == resource.kind) {
            // A qualifier beside the name is the alias.
            if resource.body.attr("qualifier").is_some() {
                continue;
            }
            for attr in attributes(resource.body, path) {
                caller.look(resource.place.file, &attr.value, attr, MAX_DEPTH, out);
            }
        }
        if resource.kind == "aws_lambda_function" {
            for block in resource.body.blocks_of("environment") {
                caller.environment(block, out);
            }
        }
    }
}

fn attributes<'b, 'a>(body: &'b Body<'a>, path: &'b str) -> Vec<&'b Attr<'a>> {
    let mut out = Vec::new();
    match path.split_once('.') {
        Some((block, name)) => body.blocks_of(block).for_each(|block| below(&block.body, name, &mut out)),
        None => out.extend(body.attr(path)),
    }
    out
}

fn below<'b, 'a>(body: &'b Body<'a>, name: &str, out: &mut Vec<&'b Attr<'a>>) {
    out.extend(body.attrs.iter().filter(|attr| name == "*" || attr.name == name));
    for block in &body.blocks {
        below(&block.body, name, out);
    }
}

/// A resource that may call a function.
struct Caller<'c, 'a> {
    context: &'c Context<'a>,
    module: &'c Module<'a>,
    resource: &'c Resource<'a>,
}

impl<'a> Caller<'_, 'a> {
    /// Names of functions in the environment of another: whoever reads them calls the bare function.
    fn environment(&self, block: &Block<'a>, out: &mut Vec<Finding>) {
        let Some(attr) = block.body.attr("variables") else { return };
        attr.value.each(&mut |node| {
            if let Expr::Object(entries) = &node.expr {
                for (_, value) in entries {
                    self.look(self.resource.place.file, value, attr, 2, out);
                }
            }
        });
    }

    /// Every function that an expression names, in documents that are put together too. What chooses by a condition may well have
    /// the alias on its other side.
    fn look(&self, file: FileId, node: &Node<'a>, attr: &Attr<'a>, depth: usize, out: &mut Vec<Finding>) {
        if depth == 0 {
            return;
        }
        match &node.expr {
            Expr::Template(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let Part::Node(inner) = part else { continue };
                    // `…arn}:live` names the alias.
                    let qualified = matches!(parts.get(index + 1), Some(Part::Text(text)) if text.starts_with(':') && !text.starts_with(":$LATEST"));
                    if !qualified {
                        self.look(file, inner, attr, depth, out);
                    }
                }
            }
            Expr::Tuple(items) => items.iter().for_each(|item| self.look(file, item, attr, depth, out)),
            Expr::Object(entries) => entries.iter().for_each(|(_, value)| self.look(file, value, attr, depth, out)),
            Expr::Call("jsonencode" | "yamlencode" | "merge" | "concat" | "flatten", call) => {
                call.args.iter().for_each(|arg| self.look(file, arg, attr, depth, out));
            }
            Expr::Path("local", steps) => {
                let local = match &steps[..] {
                    [Step::Attr(name)] => self.module.local(name),
                    _ => None,
                };
                if self.names(file, node, attr, out) {
                    return;
                }
                if let Some(local) = local {
                    self.look(local.file, &local.attr.value, attr, depth - 1, out);
                }
            }
            _ => {
                self.names(file, node, attr, out);
            }
        }
    }

    fn names(&self, file: FileId, node: &Node<'a>, attr: &Attr<'a>, out: &mut Vec<Finding>) -> bool {
        // In a document or an environment the name that a function has may be that of something else, too.
        let whole = std::ptr::eq(node, &attr.value);
        let by_name = whole && attr.name != "variables";
        let Some((function, alias)) = called(self.context, self.module, node, by_name) else { return false };
        let address = format!("{}.{}", self.resource.kind, self.resource.name);
        // The function's own name is no call.
        if function == address {
            return false;
        }
        let message = format!("{address} calls {function} past its alias, so it runs $LATEST");
        let place = Place { file, span: node.span };
        let finding = self
            .context
            .finding("caller-bypasses-alias", place, &format!("{address}/{}", attr.name), message)
            .label("names the function")
            .beside(self.context.related(alias, "the alias that the deployer moves"));
        out.push(finding);
        true
    }
}

/// The function that an expression names, with its alias: directly, by the local that names it too, or through one output of a local
/// module.
fn called(context: &Context<'_>, module: &Module<'_>, value: &Node<'_>, by_name: bool) -> Option<(String, Place)> {
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
        "local" | "var" if by_name => {
            let mut functions = module.resources.iter().filter(|resource| resource.kind == "aws_lambda_function");
            let named = |function: &&Resource<'_>| {
                !function.repetition.is_some()
                    && function.body.attr("function_name").is_some_and(|attr| same_reference(&attr.value, value))
            };
            let function = functions.find(named)?;
            Some((format!("aws_lambda_function.{}", function.name), alias_of(module, function.name)?))
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
                Expr::Path("aws_lambda_function", _) => called(context, inner, value, false)
                    .map(|(function, alias)| (format!("module.{name}.{function}"), alias)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn alias_of(module: &Module<'_>, function: &str) -> Option<Place> {
    module.resources.iter().filter(|resource| resource.kind == "aws_lambda_alias").find_map(|alias| {
        let value = &alias.body.attr("function_name")?.value;
        let named = value.reference()?;
        // `for_each = aws_lambda_function.api` makes an alias for each of the functions.
        let (kind, name) = match named.0 {
            "each" => alias.body.attr("for_each")?.value.reference()?,
            _ => named,
        };
        // A local that leads to the function, or that gives the function its name.
        let by_local = || {
            let local = module.local(name).filter(|_| kind == "local")?;
            local.attr.value.reference().filter(|(kind, _)| *kind == "aws_lambda_function").map(|(_, name)| name)
        };
        let by_name = || {
            let known = module.resource("aws_lambda_function", function)?;
            known.body.attr("function_name").filter(|attr| same_reference(&attr.value, value))
        };
        let direct = kind == "aws_lambda_function" && name == function;
        let leads = || by_local() == Some(function) || (matches!(kind, "local" | "var") && by_name().is_some());
        (direct || leads()).then_some(alias.place)
    })
}
