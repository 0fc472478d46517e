//! HCL as the rules need it: small trees that borrow from the text, with a span at every node.
//!
//! hcl-edit's own trees take some thirty times the size of the text; each file is parsed, lowered to these and dropped.

mod expr;
mod json;
mod legacy;
mod lower;
mod quick;

pub(crate) use expr::{Attr, BinaryOp, Block, Body, Call, Expr, For, Node, Part, Span, Step, UnaryOp};
pub(crate) use quick::Reader;

/// Why a file could not be read.
#[derive(Clone, Debug)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    /// Byte offset into the text.
    pub(crate) offset: usize,
}

/// Parses Terraform's native syntax. Files in the syntax of Terraform 0.11 are read too, where that can be done.
pub(crate) fn parse(text: &str) -> Result<Body<'_>, SyntaxError> {
    parse_with(&mut Reader::default(), text)
}

/// The same for whoever reads many files.
pub(crate) fn parse_with<'a>(reader: &mut Reader<'a>, text: &'a str) -> Result<Body<'a>, SyntaxError> {
    match quick::body(reader, text) {
        Some(body) => Ok(body),
        None => parse_in_full(text),
    }
}

fn parse_in_full(text: &str) -> Result<Body<'_>, SyntaxError> {
    match text.parse::<hcl_edit::structure::Body>() {
        Ok(body) => Ok(lower::body(text, &body)),
        Err(error) => {
            if let Some(modern) = legacy::modernise(text)
                && let Ok(body) = modern.parse::<hcl_edit::structure::Body>()
            {
                return Ok(lower::body(text, &body));
            }
            Err(syntax_error(&error))
        }
    }
}

/// Parses Terraform's JSON syntax (`.tf.json`): the top level becomes blocks.
pub(crate) fn parse_json(text: &str) -> Result<Body<'_>, SyntaxError> {
    let expression = parse_json_expression(text)?;
    json::configuration(expression)
        .ok_or_else(|| SyntaxError { message: "the top level is no object".into(), offset: 0 })
}

/// Parses a `.tfvars.json` file: the top level becomes attributes.
pub(crate) fn parse_json_values(text: &str) -> Result<Body<'_>, SyntaxError> {
    let expression = parse_json_expression(text)?;
    json::values(expression).ok_or_else(|| SyntaxError { message: "the top level is no object".into(), offset: 0 })
}

/// JSON of this kind is also an HCL expression, which gives it spans and templates for nothing.
fn parse_json_expression(text: &str) -> Result<Node<'_>, SyntaxError> {
    let text = text.trim_end();
    let expression = match text.parse::<hcl_edit::expr::Expression>() {
        Ok(expression) => expression,
        Err(error) => {
            let plain = json::with_plain_quotes(text).ok_or_else(|| syntax_error(&error))?;
            plain.parse().map_err(|_| syntax_error(&error))?
        }
    };
    Ok(lower::expression(text, &expression))
}

fn syntax_error(error: &hcl_edit::parser::Error) -> SyntaxError {
    SyntaxError { message: error.message().replace('\n', "; "), offset: error.location().offset() }
}

/// Whether the text is read the quick way. Panics where that does not bring out what hcl-edit brings out.
#[cfg(feature = "properties")]
pub(crate) fn check_quick(text: &str) -> bool {
    let Some(quick) = quick::body(&mut Reader::default(), text) else { return false };
    let full = match text.parse::<hcl_edit::structure::Body>() {
        Ok(body) => lower::body(text, &body),
        Err(error) => panic!("hcl-edit does not take what was read the quick way: {error}\n{text}"),
    };
    // What is a slice of the file to one is a slice of the file to the other: rules ask for it.
    let told = |body: &Body<'_>| {
        let mut owned = Vec::new();
        body.each_node(&mut |node| match &node.expr {
            Expr::Str(std::borrow::Cow::Owned(_)) => owned.push(node.span),
            Expr::Template(parts) if parts.iter().any(|it| matches!(it, Part::Text(std::borrow::Cow::Owned(_)))) => {
                owned.push(node.span);
            }
            _ => {}
        });
        format!("{body:#?}\nput together: {owned:?}")
    };
    let (quick, full) = (told(&quick), told(&full));
    let differs = quick.lines().zip(full.lines()).find(|(quick, full)| quick != full);
    assert!(quick == full, "read the quick way and by hcl-edit: {differs:?}\n{text}");
    true
}
