//! From hcl-edit's trees to the small ones.

use std::borrow::Cow;
use std::ops::Range;

use hcl_edit::Span as _;
use hcl_edit::expr::{BinaryOperator, Expression, ObjectKey, TraversalOperator, UnaryOperator};
use hcl_edit::structure::{self, BlockLabel, Structure};
use hcl_edit::template::{Directive, Element, Template};

use super::expr::{Attr, BinaryOp, Block, Body, Call, Expr, For, Node, Part, Span, Step, UnaryOp};

pub(super) fn body<'a>(text: &'a str, body: &structure::Body) -> Body<'a> {
    let mut out = Body::default();
    for item in body {
        match item {
            Structure::Attribute(attr) => {
                let name_span = span(attr.key.span());
                out.attrs.push(Attr {
                    name: slice(text, attr.key.span()),
                    name_span,
                    value: expression(text, &attr.value),
                });
            }
            Structure::Block(block) => out.blocks.push(self::block(text, block)),
        }
    }
    out
}

fn block<'a>(text: &'a str, block: &structure::Block) -> Block<'a> {
    let mut header = span(block.ident.span());
    let mut labels = Vec::with_capacity(block.labels.len());
    for label in &block.labels {
        let range = match label {
            BlockLabel::Ident(ident) => ident.span(),
            BlockLabel::String(string) => string.span(),
        };
        header.end = span(range.clone()).end.max(header.end);
        labels.push(slice(text, range).trim_matches('"'));
    }
    Block { kind: slice(text, block.ident.span()), labels, header, body: body(text, &block.body) }
}

pub(super) fn expression<'a>(text: &'a str, source: &Expression) -> Node<'a> {
    let span = span(source.span());
    let expr = match source {
        Expression::Null(_) => Expr::Null,
        Expression::Bool(value) => Expr::Bool(*value.value()),
        Expression::Number(number) => Expr::Number(number.value().as_f64().unwrap_or(f64::NAN)),
        Expression::String(string) => Expr::Str(borrow_or_own(text, source.span(), string.value())),
        Expression::Array(array) => Expr::Tuple(array.iter().map(|item| expression(text, item)).collect()),
        Expression::Object(object) => Expr::Object(
            object.iter().map(|(key, value)| (object_key(text, key), expression(text, value.expr()))).collect(),
        ),
        Expression::StringTemplate(template) => Expr::Template(parts(text, template.iter())),
        Expression::HeredocTemplate(heredoc) => heredoc_parts(text, &heredoc.template),
        Expression::Parenthesis(inner) => {
            let inner = expression(text, inner.inner());
            return Node { span, expr: inner.expr };
        }
        Expression::Variable(ident) => match slice(text, ident.span()) {
            "" => Expr::Null,
            name => Expr::Path(name, Box::default()),
        },
        Expression::Conditional(cond) => Expr::Cond(Box::new([
            expression(text, &cond.cond_expr),
            expression(text, &cond.true_expr),
            expression(text, &cond.false_expr),
        ])),
        Expression::FuncCall(call) => {
            let args = call.args.iter().map(|arg| expression(text, arg)).collect();
            // A provider's own function is known to nobody here; its bare name must not be taken for a built-in one.
            let name = if call.name.is_namespaced() { "provider::" } else { slice(text, call.name.name.span()) };
            Expr::Call(name, Box::new(Call { args, expand: call.args.expand_final() }))
        }
        Expression::Traversal(traversal) => {
            let steps: Box<[Step<'a>]> =
                traversal.operators.iter().map(|step| self::step(text, step.value())).collect();
            match &traversal.expr {
                Expression::Variable(ident) => Expr::Path(slice(text, ident.span()), steps),
                other => Expr::Access(Box::new(expression(text, other)), steps),
            }
        }
        Expression::UnaryOp(op) => {
            let operator = match op.operator.value() {
                UnaryOperator::Neg => UnaryOp::Neg,
                UnaryOperator::Not => UnaryOp::Not,
            };
            Expr::Unary(operator, Box::new(expression(text, &op.expr)))
        }
        Expression::BinaryOp(op) => Expr::Binary(
            binary_op(*op.operator.value()),
            Box::new([expression(text, &op.lhs_expr), expression(text, &op.rhs_expr)]),
        ),
        Expression::ForExpr(each) => Expr::For(Box::new(For {
            key_name: each.intro.key_var.as_ref().map(|ident| slice(text, ident.span())),
            value_name: slice(text, each.intro.value_var.span()),
            collection: expression(text, &each.intro.collection_expr),
            key: each.key_expr.as_ref().map(|key| expression(text, key)),
            value: expression(text, &each.value_expr),
            condition: each.cond.as_ref().map(|cond| expression(text, &cond.expr)),
            grouping: each.grouping,
        })),
    };
    Node { span, expr }
}

fn step<'a>(text: &'a str, operator: &TraversalOperator) -> Step<'a> {
    match operator {
        TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => Step::Splat,
        TraversalOperator::GetAttr(ident) => Step::Attr(slice(text, ident.span())),
        TraversalOperator::Index(index) => Step::Index(expression(text, index)),
        TraversalOperator::LegacyIndex(index) => {
            Step::Index(Node { span: span(index.span()), expr: Expr::Number(*index.value() as f64) })
        }
    }
}

/// A bare name as a key is that name; anything else is an expression.
fn object_key<'a>(text: &'a str, key: &ObjectKey) -> Node<'a> {
    match key {
        ObjectKey::Ident(ident) => {
            Node { span: span(ident.span()), expr: Expr::Str(Cow::Borrowed(slice(text, ident.span()))) }
        }
        ObjectKey::Expression(Expression::Variable(ident)) => {
            Node { span: span(ident.span()), expr: Expr::Str(Cow::Borrowed(slice(text, ident.span()))) }
        }
        ObjectKey::Expression(other) => expression(text, other),
    }
}

fn heredoc_parts<'a>(text: &'a str, template: &Template) -> Expr<'a> {
    let mut parts = parts(text, template.iter()).into_vec();
    match (parts.len(), parts.first_mut()) {
        (0, _) => Expr::Str(Cow::Borrowed("")),
        (1, Some(Part::Text(only))) => Expr::Str(std::mem::take(only)),
        _ => Expr::Template(parts.into_boxed_slice()),
    }
}

fn parts<'a, 'e>(text: &'a str, elements: impl Iterator<Item = &'e Element>) -> Box<[Part<'a>]> {
    elements
        .map(|element| match element {
            Element::Literal(literal) => {
                let raw = literal.span().and_then(|range| text.get(range)).unwrap_or_default();
                let value = literal.value();
                Part::Text(if raw == value { Cow::Borrowed(raw) } else { Cow::Owned(value.clone()) })
            }
            Element::Interpolation(interpolation) => Part::Node(expression(text, &interpolation.expr)),
            Element::Directive(directive) => {
                let mut nodes = Vec::new();
                directive_nodes(text, directive, &mut nodes);
                Part::Directive(nodes.into_boxed_slice())
            }
        })
        .collect()
}

fn directive_nodes<'a>(text: &'a str, directive: &Directive, out: &mut Vec<Node<'a>>) {
    let mut templates = Vec::new();
    match directive {
        Directive::If(branch) => {
            out.push(expression(text, &branch.if_expr.cond_expr));
            templates.push(&branch.if_expr.template);
            templates.extend(branch.else_expr.as_ref().map(|other| &other.template));
        }
        Directive::For(each) => {
            out.push(expression(text, &each.for_expr.collection_expr));
            templates.push(&each.for_expr.template);
        }
    }
    for element in templates.into_iter().flat_map(|template| template.iter()) {
        match element {
            Element::Literal(_) => {}
            Element::Interpolation(interpolation) => out.push(expression(text, &interpolation.expr)),
            Element::Directive(inner) => directive_nodes(text, inner, out),
        }
    }
}

fn binary_op(operator: BinaryOperator) -> BinaryOp {
    match operator {
        BinaryOperator::Eq => BinaryOp::Eq,
        BinaryOperator::NotEq => BinaryOp::NotEq,
        BinaryOperator::LessEq => BinaryOp::LessEq,
        BinaryOperator::GreaterEq => BinaryOp::GreaterEq,
        BinaryOperator::Less => BinaryOp::Less,
        BinaryOperator::Greater => BinaryOp::Greater,
        BinaryOperator::Plus => BinaryOp::Add,
        BinaryOperator::Minus => BinaryOp::Sub,
        BinaryOperator::Mul => BinaryOp::Mul,
        BinaryOperator::Div => BinaryOp::Div,
        BinaryOperator::Mod => BinaryOp::Rem,
        BinaryOperator::And => BinaryOp::And,
        BinaryOperator::Or => BinaryOp::Or,
    }
}

fn span(range: Option<Range<usize>>) -> Span {
    let range = range.unwrap_or_default();
    Span { start: u32::try_from(range.start).unwrap_or(0), end: u32::try_from(range.end).unwrap_or(0) }
}

fn slice(text: &str, range: Option<Range<usize>>) -> &str {
    range.and_then(|range| text.get(range)).unwrap_or_default()
}

/// A quoted string with no escapes in it is a slice of the file.
fn borrow_or_own<'a>(text: &'a str, range: Option<Range<usize>>, value: &str) -> Cow<'a, str> {
    let raw = range.and_then(|range| text.get(range.start + 1..range.end.saturating_sub(1)));
    match raw {
        Some(raw) if raw == value => Cow::Borrowed(raw),
        _ => Cow::Owned(value.to_string()),
    }
}
