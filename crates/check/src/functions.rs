//! What Terraform declares of Lambda functions in each environment, for a comparison with what is live.

use std::collections::BTreeMap;

use crate::backend;
use crate::discover;
use crate::eval::{Value, World};
use crate::finding::Location;
use crate::hcl::{Attr, Block, Body, Expr};
use crate::instances::instances;
use crate::model::{self, Place};
use crate::options::Options;
use crate::parsed;
use crate::run::Context;
use crate::tree::FileTree;
use crate::view::{Deployed, Placed, View};

/// A function whose name is known in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredFunction {
    /// As discovered.
    pub environment: String,
    /// Its name in AWS.
    pub name: String,
    /// `module.api.aws_lambda_function.this`, without what a repetition adds.
    pub address: String,
    pub settings: BTreeMap<FunctionSetting, Declared>,
}

/// What can be compared with the service's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionSetting {
    /// MB.
    Memory,
    /// Seconds.
    Timeout,
    /// `x86_64` or `arm64`.
    Architecture,
    /// Reserved concurrency; absent or -1 is none.
    Concurrency,
    /// MB of `/tmp`.
    Ephemeral,
    /// Words, with blanks between them.
    Command,
    /// The names of environment variables, never their values.
    Variables,
}

/// One declared setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// `None` where it is not known before Terraform runs.
    pub value: Option<String>,
    /// The provider's default: nothing is written.
    pub is_default: bool,
    /// Where it is written; the resource, where it is not.
    pub at: Location,
}

/// The attributes of `aws_lambda_function`, and what holds where they are not written.
///
/// Source: the AWS provider's documentation of `aws_lambda_function`.
const ATTRIBUTES: [(FunctionSetting, &str, &str); 4] = [
    (FunctionSetting::Memory, "memory_size", "128"),
    (FunctionSetting::Timeout, "timeout", "3"),
    (FunctionSetting::Architecture, "architectures", "x86_64"),
    (FunctionSetting::Concurrency, "reserved_concurrent_executions", ""),
];

/// The same for attributes of blocks.
const IN_BLOCKS: [(FunctionSetting, &str, &str, &str); 3] = [
    (FunctionSetting::Ephemeral, "ephemeral_storage", "size", "512"),
    (FunctionSetting::Command, "image_config", "command", ""),
    (FunctionSetting::Variables, "environment", "variables", ""),
];

/// Every `aws_lambda_function` whose name is known, in every environment. Of a module that is called repeatedly only the first
/// one is told.
pub fn declared_functions(tree: &FileTree, options: &Options) -> Vec<DeclaredFunction> {
    let parsed = parsed::parse(tree);
    let world = World::new(tree, model::modules(tree, &parsed));
    let found = discover::find(tree, &parsed, &world, options);
    let backends = backend::all(&parsed, &world, &found);
    let flows = crate::flow::Flows::default();
    let context = Context::new(tree, &parsed, &world, &found, &backends, &flows, options);
    let mut out = Vec::new();
    for index in 0..found.stacks.len() {
        let view = View::new(&context, index);
        for deployed in view.deployed.iter().filter(|deployed| !deployed.environment.is_empty()) {
            for placed in deployed.placed().iter().filter(|placed| placed.resource.kind == "aws_lambda_function") {
                let all = instances(deployed, placed);
                out.extend(all.iter().filter_map(|each| function(&context, deployed, &each.placed)));
            }
        }
    }
    out
}

fn function<'a>(context: &Context<'a>, deployed: &Deployed<'a>, placed: &Placed<'a>) -> Option<DeclaredFunction> {
    let (name, _) = deployed.attribute(placed, "function_name")?;
    let name = name.as_str()?.to_owned();
    let unwritten = |default: &str| Declared {
        value: Some(default.to_owned()),
        is_default: true,
        at: context.location(placed.resource.place),
    };
    let mut settings = BTreeMap::new();
    for (setting, attribute, default) in ATTRIBUTES {
        if ignores(placed.resource.body, attribute) {
            settings.insert(setting, nobodys(context, placed));
            continue;
        }
        let attr = placed.resource.body.attr(attribute);
        let declared = attr.and_then(|attr| declared(context, deployed, placed, (setting, attr)));
        settings.insert(setting, declared.unwrap_or_else(|| unwritten(default)));
    }
    for (setting, block, attribute, default) in IN_BLOCKS {
        if ignores(placed.resource.body, block) {
            settings.insert(setting, nobodys(context, placed));
            continue;
        }
        settings.insert(
            setting,
            in_block(context, deployed, placed, (setting, block, attribute)).unwrap_or_else(|| unwritten(default)),
        );
    }
    Some(DeclaredFunction { environment: deployed.environment.to_owned(), name, address: placed.address(), settings })
}

/// What Terraform leaves to others after it made the function.
fn nobodys<'a>(context: &Context<'a>, placed: &Placed<'a>) -> Declared {
    Declared { value: None, is_default: true, at: context.location(placed.resource.place) }
}

/// Whether `lifecycle { ignore_changes = […] }` names an attribute or a block, something inside of it, or all of them.
fn ignores(body: &Body<'_>, name: &str) -> bool {
    let Some(attr) = body.block("lifecycle").and_then(|block| block.body.attr("ignore_changes")) else { return false };
    let mut found = attr.value.keyword() == Some("all");
    attr.value.each(&mut |node| {
        if let Expr::Path(root, _) = &node.expr {
            found |= *root == name;
        }
        found |= node.as_str().is_some_and(|text| text == name || text == "*");
    });
    found
}

/// `None` for what is null, which is as if it were not written.
fn declared<'a>(
    context: &Context<'a>,
    deployed: &Deployed<'a>,
    placed: &Placed<'a>,
    (setting, attr): (FunctionSetting, &'a Attr<'a>),
) -> Option<Declared> {
    let value = deployed.evaluation.value_in(placed.scope, &attr.value, placed.each.as_ref());
    let place = deployed.given_at(placed.scope, &attr.value);
    let place = place.unwrap_or(Place { file: placed.resource.place.file, span: attr.span() });
    let said = Declared { value: text(setting, &value), is_default: false, at: context.location(place) };
    (value != Value::Null).then_some(said)
}

/// An attribute of a block of the resource, written out or made by `dynamic`.
fn in_block<'a>(
    context: &Context<'a>,
    deployed: &Deployed<'a>,
    placed: &Placed<'a>,
    (setting, block, attribute): (FunctionSetting, &str, &str),
) -> Option<Declared> {
    let body = placed.resource.body;
    let file = placed.resource.place.file;
    if let Some(attr) = body.block(block).and_then(|block| block.body.attr(attribute)) {
        return declared(context, deployed, placed, (setting, attr));
    }
    let dynamic: &Block<'_> = body.blocks_of("dynamic").find(|dynamic| dynamic.label(0) == Some(block))?;
    let repeated = dynamic.body.attr("for_each")?;
    let at = Place { file, span: repeated.span() };
    match deployed.evaluation.value_in(placed.scope, &repeated.value, placed.each.as_ref()) {
        value if value.is_empty() => None,
        Value::Unknown => Some(Declared { value: None, is_default: false, at: context.location(at) }),
        _ => {
            let attr = dynamic.body.block("content")?.body.attr(attribute)?;
            // What the repetition hands in, `environment.value`, is not known here.
            declared(context, deployed, placed, (setting, attr))
        }
    }
}

/// As it is compared and shown; `None` where it is not known.
fn text(setting: FunctionSetting, value: &Value<'_>) -> Option<String> {
    let one = |value: &Value<'_>| value.to_text().map(|text| text.to_string());
    let all = |items: &[Value<'_>]| items.iter().map(one).collect::<Option<Vec<String>>>().map(|words| words.join(" "));
    match (setting, value) {
        // The keys are known where not all values are.
        (FunctionSetting::Variables, Value::Map(entries)) => {
            Some(entries.keys().map(|key| key.to_string()).collect::<Vec<_>>().join(" "))
        }
        (FunctionSetting::Concurrency, Value::Number(number)) if *number < 0.0 => Some(String::new()),
        (_, Value::List(items)) => all(items),
        (_, value) => one(value),
    }
}
