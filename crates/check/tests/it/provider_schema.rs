//! Terraform files held to what a published provider says of its types: what `terraform validate` would do, on a machine that can
//! download no provider.
//!
//! The schema is a committed extract (`cargo xtask provider-schema` makes it from a package). It has names, nesting, what is required
//! and the kinds of values; it does not have bounds, patterns, or arguments that exclude each other.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::structure::{Block, Body};
use hcl_edit::visit::{self, Visit};

/// The committed extract.
pub const EXTRACT: &str = include_str!("../data/aws-schema.txt");

/// What every resource may say, whatever its type.
const META_ARGUMENTS: &[&str] = &["count", "depends_on", "for_each", "provider", "providers"];
const META_BLOCKS: &[&str] = &["connection", "lifecycle", "provisioner"];

/// Types by their address: `resource aws_x`, `data aws_x`, `provider aws`.
pub type Schema = BTreeMap<String, Node>;

/// An argument, a block or an attribute, and what is in it.
#[derive(Debug, Default)]
pub struct Node {
    kind: String,
    required: bool,
    many: bool,
    computed: bool,
    inside: BTreeMap<String, Node>,
}

pub fn parse(text: &str) -> Schema {
    let mut schema = Schema::new();
    // The names that lead to the line before.
    let mut path: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let depth = (line.len() - line.trim_start().len()) / 2;
        path.truncate(depth);
        if depth == 0 {
            schema.insert(line.to_owned(), Node::default());
            path.push(line.to_owned());
            continue;
        }
        let mut words = line.split_whitespace();
        let (name, kind) = (words.next().expect("a name"), words.next().expect("a kind"));
        let mut node = Node { kind: kind.to_owned(), ..Node::default() };
        for word in words {
            match word {
                "required" => node.required = true,
                "many" => node.many = true,
                "computed" => node.computed = true,
                _ => panic!("`{word}` in `{line}`"),
            }
        }
        let top = schema.get_mut(&path[0]).expect("a type above");
        let parent = path[1..].iter().fold(top, |node, name| node.inside.get_mut(name).expect("a line above"));
        parent.inside.insert(name.to_owned(), node);
        path.push(name.to_owned());
    }
    schema
}

/// A folder of `.tf` files, which Terraform takes as one.
pub struct Module {
    /// Path and text.
    pub files: Vec<(String, String)>,
}

/// What the schema says against a module, a line for each: `path:line: what is wrong`.
pub fn problems(module: &Module, schema: &Schema) -> Vec<String> {
    let bodies: Vec<(&str, &str, Body)> = module
        .files
        .iter()
        .map(|(path, text)| {
            let body = hcl_edit::parser::parse_body(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            (path.as_str(), text.as_str(), body)
        })
        .collect();
    let declared = bodies.iter().flat_map(|(_, _, body)| body.blocks()).filter_map(address).collect();
    let mut out = Vec::new();
    for (path, text, body) in &bodies {
        let mut file = File { path, text, schema, declared: &declared, out: &mut out };
        for block in body.blocks() {
            if let Some(kind) = kind_of(block) {
                file.typed(block, &kind);
            }
        }
        file.visit_body(body);
    }
    out
}

/// The types that a module uses, as the extract names them.
pub fn used(module: &Module) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for (path, text) in &module.files {
        let body = hcl_edit::parser::parse_body(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        out.extend(body.blocks().filter_map(kind_of));
    }
    out
}

/// `resource aws_x`; `None` for blocks of other kinds and types of the built-in provider.
fn kind_of(block: &Block) -> Option<String> {
    let kind = block.labels.first()?.as_str();
    let ours = matches!(block.ident.as_str(), "resource" | "data" | "provider") && kind.starts_with("aws");
    ours.then(|| format!("{} {kind}", block.ident.as_str()))
}

/// `resource aws_x.name`.
fn address(block: &Block) -> Option<String> {
    Some(format!("{}.{}", kind_of(block)?, block.labels.get(1)?.as_str()))
}

struct File<'a> {
    path: &'a str,
    text: &'a str,
    schema: &'a Schema,
    declared: &'a BTreeSet<String>,
    out: &'a mut Vec<String>,
}

impl File<'_> {
    fn say(&mut self, span: Option<std::ops::Range<usize>>, what: String) {
        let line = self.text[..span.map_or(0, |span| span.start)].matches('\n').count() + 1;
        self.out.push(format!("{}:{line}: {what}", self.path));
    }

    /// A block of a type of the provider.
    fn typed(&mut self, block: &Block, kind: &str) {
        let Some(node) = self.schema.get(kind) else {
            return self
                .say(block.ident.span(), format!("{kind} is not in the extract; run `cargo xtask provider-schema`"));
        };
        self.body(&block.body, node, kind, block.ident.span());
        let ignored = block.body.get_blocks("lifecycle").flat_map(|it| it.body.get_attribute("ignore_changes"));
        for name in ignored.filter_map(|it| it.value.as_array()).flatten() {
            let word = name.to_string().trim().to_owned();
            if !node.inside.contains_key(word.split(['.', '[']).next().unwrap_or_default()) {
                self.say(name.span(), format!("{kind} has no {word} whose changes could be ignored"));
            }
        }
    }

    fn body(&mut self, body: &Body, node: &Node, within: &str, at: Option<std::ops::Range<usize>>) {
        let is_meta = |name: &str, list: &[&str]| list.contains(&name) && within.split(' ').count() == 2;
        for attribute in body.attributes().filter(|it| !is_meta(it.key.as_str(), META_ARGUMENTS)) {
            let name = attribute.key.as_str();
            match node.inside.get(name) {
                None => self.say(attribute.key.span(), format!("{within} has no argument {name}")),
                Some(it) if it.computed => self.say(attribute.key.span(), format!("{within} sets {name} itself")),
                Some(it) if it.kind == "block" => self.say(
                    attribute.key.span(),
                    format!("{name} of {within} is a block, written without an equals sign"),
                ),
                Some(it) if !fits(&attribute.value, &it.kind) => {
                    self.say(attribute.value.span(), format!("{name} of {within} is a {}", it.kind))
                }
                Some(_) => {}
            }
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for block in body.blocks().filter(|it| !is_meta(it.ident.as_str(), META_BLOCKS)) {
            // A dynamic block stands for any number of those that it is named after.
            let dynamic =
                (block.ident.as_str() == "dynamic").then(|| block.body.get_blocks("content").next()).flatten();
            let label = block.labels.first().map_or("", |label| label.as_str());
            let (name, body) = dynamic.map_or((block.ident.as_str(), &block.body), |content| (label, &content.body));
            match node.inside.get(name).filter(|it| it.kind == "block") {
                None => self.say(block.ident.span(), format!("{within} has no block {name}")),
                Some(it) => {
                    *counts.entry(name).or_default() += 1;
                    if counts[name] > 1 && !it.many {
                        self.say(block.ident.span(), format!("{within} has {name} once at most"));
                    }
                    self.body(body, it, &format!("{within} {name} block"), block.ident.span());
                }
            }
        }
        for (name, _) in node.inside.iter().filter(|(_, it)| it.required) {
            if !body.has_attribute(name) && !counts.contains_key(name.as_str()) {
                self.say(at.clone(), format!("{within} needs {name}"));
            }
        }
    }

    /// `aws_x.name.attribute…` or `data.aws_x.name.attribute…`.
    fn reference(&mut self, traversal: &Traversal) {
        let Expression::Variable(head) = &traversal.expr else { return };
        let names: Vec<Option<&str>> = traversal
            .operators
            .iter()
            .map(|operator| match operator.value() {
                TraversalOperator::GetAttr(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let (block, kind, rest) = match (head.as_str(), names.as_slice()) {
            ("data", [Some(kind), rest @ ..]) if kind.starts_with("aws_") => ("data", *kind, rest),
            (kind, rest) if kind.starts_with("aws_") => ("resource", kind, rest),
            _ => return,
        };
        let Some((Some(name), steps)) = rest.split_first() else { return };
        let (kind, at) = (format!("{block} {kind}"), head.span());
        if !self.declared.contains(&format!("{kind}.{name}")) {
            return self.say(at, format!("{kind}.{name} is not declared in this folder"));
        }
        let Some(mut node) = self.schema.get(&kind) else { return };
        // Indexes lead to an item, which has the same names as the whole.
        for step in steps.iter().flatten() {
            match node.inside.get(*step) {
                Some(inner) => node = inner,
                // Nothing is known of what is in a map.
                None if matches!(node.kind.as_str(), "map" | "any") => return,
                None => return self.say(at, format!("{kind} has no attribute {step}")),
            }
        }
    }
}

impl Visit for File<'_> {
    fn visit_traversal(&mut self, traversal: &Traversal) {
        self.reference(traversal);
        visit::visit_traversal(self, traversal);
    }
}

/// Whether a literal can be of a kind. Terraform turns numbers and truths into text and back; nothing is said of what is computed.
fn fits(value: &Expression, kind: &str) -> bool {
    let scalar = matches!(kind, "string" | "number" | "bool");
    match value {
        Expression::Array(_) => matches!(kind, "list" | "any" | "object"),
        Expression::Object(_) => matches!(kind, "map" | "any" | "object"),
        Expression::String(text) => match kind {
            "number" => text.parse::<f64>().is_ok(),
            "bool" => matches!(text.as_str(), "true" | "false"),
            _ => matches!(kind, "string" | "any"),
        },
        Expression::StringTemplate(_) | Expression::HeredocTemplate(_) => scalar || kind == "any",
        Expression::Number(_) => matches!(kind, "number" | "string" | "any"),
        Expression::Bool(_) => matches!(kind, "bool" | "string" | "any"),
        _ => true,
    }
}

fn check(text: &str, expected: &[&str]) {
    let module = Module { files: vec![("main.tf".to_owned(), text.to_owned())] };
    assert_eq!(problems(&module, &parse(EXTRACT)), expected, "{text}");
}

#[test]
fn an_argument_that_the_type_does_not_have_is_found_at_its_line() {
    check(
        "resource \"aws_lambda_alias\" \"live\" {\n  name             = \"live\"\n  function_name    = \"f\"\n  \
         function_version = \"1\"\n  version          = \"1\"\n}\n",
        &["main.tf:5: resource aws_lambda_alias has no argument version"],
    );
}

#[test]
fn what_is_required_and_missing_is_found_in_blocks_too() {
    check(
        "resource \"aws_dynamodb_table\" \"t\" {\n  name = \"t\"\n  attribute {\n    name = \"id\"\n  }\n}\n\
         resource \"aws_iam_role_policy\" \"p\" {\n  role = \"r\"\n}\n",
        &[
            "main.tf:3: resource aws_dynamodb_table attribute block needs type",
            "main.tf:7: resource aws_iam_role_policy needs policy",
        ],
    );
}

#[test]
fn blocks_and_arguments_are_not_taken_for_each_other() {
    check(
        "resource \"aws_apigatewayv2_stage\" \"s\" {\n  api_id = \"a\"\n  name   = \"n\"\n  default_route_settings = {\n    \
         throttling_rate_limit = 1\n  }\n  stage_variables {\n    a = \"b\"\n  }\n}\n",
        &[
            "main.tf:4: default_route_settings of resource aws_apigatewayv2_stage is a block, written without an equals sign",
            "main.tf:7: resource aws_apigatewayv2_stage has no block stage_variables",
        ],
    );
}

#[test]
fn a_block_that_may_be_there_once_is_not_written_twice() {
    check(
        "resource \"aws_dynamodb_table\" \"t\" {\n  name = \"t\"\n  ttl {}\n  ttl {}\n  attribute {\n    name = \"a\"\n    type = \"S\"\n  }\n  \
         attribute {\n    name = \"b\"\n    type = \"S\"\n  }\n}\n",
        &["main.tf:4: resource aws_dynamodb_table has ttl once at most"],
    );
}

#[test]
fn a_literal_of_another_kind_is_found() {
    check(
        "resource \"aws_iam_role\" \"r\" {\n  assume_role_policy   = [\"{}\"]\n  max_session_duration = \"long\"\n  \
         force_detach_policies = \"true\"\n}\n",
        &[
            "main.tf:2: assume_role_policy of resource aws_iam_role is a string",
            "main.tf:3: max_session_duration of resource aws_iam_role is a number",
        ],
    );
}

#[test]
fn what_only_the_provider_sets_is_not_written_and_what_it_does_not_give_is_not_read() {
    check(
        "resource \"aws_rds_cluster\" \"c\" {\n  engine   = \"aurora-postgresql\"\n  endpoint = \"e\"\n}\n\
         output \"secret\" {\n  value = \"${aws_rds_cluster.c.master_user_secret[0].secret}-${aws_rds_cluster.c.master_user_secret[0].secret_arn}\"\n}\n\
         output \"host\" {\n  value = aws_rds_cluster.d.endpoint\n}\n",
        &[
            "main.tf:3: resource aws_rds_cluster sets endpoint itself",
            "main.tf:6: resource aws_rds_cluster has no attribute secret",
            "main.tf:9: resource aws_rds_cluster.d is not declared in this folder",
        ],
    );
}

#[test]
fn changes_are_only_ignored_of_what_is_there() {
    check(
        "resource \"aws_lambda_alias\" \"live\" {\n  name             = \"live\"\n  function_name    = \"f\"\n  \
         function_version = \"1\"\n  lifecycle {\n    ignore_changes = [version, routing_config]\n  }\n}\n",
        &["main.tf:6: resource aws_lambda_alias has no version whose changes could be ignored"],
    );
}

#[test]
fn a_type_that_is_not_in_the_extract_is_an_error_with_the_command_that_adds_it() {
    check(
        "resource \"aws_sqs_queue\" \"q\" {}\n",
        &["main.tf:1: resource aws_sqs_queue is not in the extract; run `cargo xtask provider-schema`"],
    );
}
