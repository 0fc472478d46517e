//! Terraform's JSON syntax, turned into the same blocks and attributes as the native one.

use std::borrow::Cow;

use super::expr::{Attr, Block, Body, Expr, Node, Span};

/// How many labels a block of this kind carries.
fn label_count(kind: &str) -> usize {
    match kind {
        "resource" | "data" | "ephemeral" => 2,
        "variable" | "module" | "output" | "provider" | "check" => 1,
        _ => 0,
    }
}

/// Nested objects that are blocks in the native syntax, as far as the rules look at them.
const NESTED_BLOCKS: &[&str] = &[
    "backend",
    "cloud",
    "lifecycle",
    "default_tags",
    "validation",
    "environment",
    "required_providers",
    "rule",
    "dynamic",
    "assume_role",
    "provisioner",
    "connection",
    "statement",
    "image_scanning_configuration",
    "routing_config",
];

pub(super) fn configuration(node: Node<'_>) -> Option<Body<'_>> {
    let Expr::Object(entries) = node.expr else { return None };
    let mut body = Body::default();
    for (key, value) in entries.into_vec() {
        let (Some(kind), span) = (borrowed(&key), key.span) else { continue };
        match kind {
            "//" => {}
            "locals" => {
                for value in one_or_many(value) {
                    body.blocks.push(Block { kind, labels: Vec::new(), header: span, body: nested(value) });
                }
            }
            _ => blocks(kind, span, label_count(kind), Vec::new(), value, &mut body),
        }
    }
    Some(body)
}

pub(super) fn values(node: Node<'_>) -> Option<Body<'_>> {
    let Expr::Object(entries) = node.expr else { return None };
    let mut body = Body::default();
    for (key, value) in entries.into_vec() {
        if let Some(name) = borrowed(&key) {
            body.attrs.push(Attr { name, name_span: key.span, value });
        }
    }
    Some(body)
}

fn blocks<'a>(
    kind: &'a str,
    span: Span,
    labels_left: usize,
    labels: Vec<&'a str>,
    value: Node<'a>,
    out: &mut Body<'a>,
) {
    for value in one_or_many(value) {
        if labels_left == 0 {
            out.blocks.push(Block { kind, labels: labels.clone(), header: span, body: nested(value) });
            continue;
        }
        let Expr::Object(entries) = value.expr else { continue };
        for (key, value) in entries.into_vec() {
            let Some(label) = borrowed(&key) else { continue };
            if label == "//" {
                continue;
            }
            let mut labels = labels.clone();
            labels.push(label);
            blocks(kind, key.span, labels_left - 1, labels, value, out);
        }
    }
}

/// The body of a block: objects that stand for nested blocks become blocks, the rest stays an attribute.
fn nested(node: Node<'_>) -> Body<'_> {
    let mut body = Body::default();
    let Expr::Object(entries) = node.expr else { return body };
    for (key, value) in entries.into_vec() {
        let Some(name) = borrowed(&key) else { continue };
        if name == "//" {
            continue;
        }
        if NESTED_BLOCKS.contains(&name) && holds_objects(&value) {
            let labels = usize::from(name == "backend" || name == "dynamic" || name == "provisioner");
            blocks(name, key.span, labels, Vec::new(), value, &mut body);
        } else {
            body.attrs.push(Attr { name, name_span: key.span, value });
        }
    }
    body
}

fn holds_objects(node: &Node<'_>) -> bool {
    match &node.expr {
        Expr::Object(_) => true,
        Expr::Tuple(items) => items.iter().all(|item| matches!(item.expr, Expr::Object(_))),
        _ => false,
    }
}

fn one_or_many(node: Node<'_>) -> Vec<Node<'_>> {
    match node.expr {
        Expr::Tuple(items) => items.into_vec(),
        _ => vec![node],
    }
}

/// The text with the quotes inside of `${…}` as the native syntax writes them, for JSON has them escaped: `${lookup(x, \"k\")}`.
/// Every byte stays in its place. `None` where there are none, or what stands between them has escapes of its own.
pub(super) fn with_plain_quotes(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let (mut in_text, mut depth, mut quoted, mut changed, mut at) = (false, 0_usize, false, false, 0);
    while at < bytes.len() {
        let next = bytes.get(at + 1).copied();
        match (bytes[at], next) {
            (b'\\', Some(b'"')) if in_text && depth > 0 => {
                bytes[at..at + 2].copy_from_slice(if quoted { b"\" " } else { b" \"" });
                (quoted, changed) = (!quoted, true);
                at += 1;
            }
            (b'\\', _) if in_text && depth > 0 => return None,
            (b'\\', _) => at += 1,
            (b'"', _) if in_text && depth > 0 => return None,
            (b'"', _) => in_text = !in_text,
            // A template within a text within a template: seldom, and not told apart here.
            (b'$' | b'%', Some(b'{')) if quoted => return None,
            (b'$' | b'%', Some(sign)) if in_text && depth == 0 && sign == bytes[at] => at += 1,
            (b'$' | b'%', Some(b'{')) if in_text && depth == 0 => {
                depth = 1;
                at += 1;
            }
            (b'{', _) if depth > 0 && !quoted => depth += 1,
            (b'}', _) if depth > 0 && !quoted => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    changed.then(|| String::from_utf8(bytes).ok())?
}

/// A key as a slice of the file. One with escapes in it names nothing that the rules look for.
fn borrowed<'a>(key: &Node<'a>) -> Option<&'a str> {
    match &key.expr {
        Expr::Str(Cow::Borrowed(text)) => Some(text),
        Expr::Path(name, _) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::with_plain_quotes;

    #[test]
    fn quotes_inside_of_templates_are_those_of_the_native_syntax_at_the_same_places() {
        let json = r#"{"a": "${replace(\"a-b\", \"-\", \"\")} \"x\"", "b": "$${\"", "c": "${ {a = \"}\"}.a }"}"#;
        let plain = with_plain_quotes(json).expect("there are some");
        assert_eq!(
            plain,
            r#"{"a": "${replace( "a-b" ,  "-" ,  "" )} \"x\"", "b": "$${\"", "c": "${ {a =  "}" }.a }"}"#
        );
        assert_eq!(plain.len(), json.len());
        for same in [r#"{"a": "\"${x}\""}"#, r#"{"a": "${x(\"\\n\")}"}"#, r#"{"a": "${x(\"${y}\")}"}"#, "{\"a"] {
            assert_eq!(with_plain_quotes(same), None, "{same}");
        }
    }
}
