//! Where the policies of a module stand, as far as they hold wildcards.

use crate::hcl::{Body, Expr, Node, Part, Span};
use crate::model::{FileId, Module};

/// The texts of a module's policies that hold a wildcard.
pub(crate) fn texts<'a>(module: &Module<'a>) -> Vec<(FileId, &'a Node<'a>)> {
    let mut out = Vec::new();
    for data in module.data.iter().filter(|data| data.kind == "aws_iam_policy_document") {
        take(data.place.file, data.body, &mut out);
    }
    for resource in module.resources.iter().filter(|resource| resource.kind.starts_with("aws_")) {
        for name in ["policy", "inline_policy", "assume_role_policy"] {
            if let Some(attr) = resource.body.attr(name) {
                wildcards(resource.place.file, &attr.value, &mut out);
            }
        }
        for block in resource.body.blocks_of("inline_policy") {
            take(resource.place.file, &block.body, &mut out);
        }
    }
    out
}

fn take<'a>(file: FileId, body: &'a Body<'a>, out: &mut Vec<(FileId, &'a Node<'a>)>) {
    // What is denied elsewhere, too, is no permission.
    if body.attr("effect").is_some_and(|effect| effect.value.as_str() == Some("Deny")) {
        return;
    }
    for attr in &body.attrs {
        wildcards(file, &attr.value, out);
    }
    for block in body.blocks.iter().filter(|block| block.kind != "condition") {
        take(file, &block.body, out);
    }
}

fn wildcards<'a>(file: FileId, node: &'a Node<'a>, out: &mut Vec<(FileId, &'a Node<'a>)>) {
    let mut denied: Vec<Span> = Vec::new();
    node.each(&mut |node| {
        let wild = match &node.expr {
            Expr::Str(text) => text.contains('*') && text.contains("arn:"),
            Expr::Template(parts) => {
                let holds =
                    |what: &str| parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains(what)));
                holds("*") && holds("arn:") && (holds("\"Allow\"") || !holds("\"Deny\""))
            }
            Expr::Object(entries) => {
                let effect = entries.iter().find(|(key, _)| key.as_str() == Some("Effect"));
                if effect.is_some_and(|(_, effect)| effect.as_str() == Some("Deny")) {
                    denied.push(node.span);
                }
                false
            }
            _ => false,
        };
        if wild && !denied.iter().any(|of| of.start <= node.span.start && node.span.end <= of.end) {
            out.push((file, node));
        }
    });
}
