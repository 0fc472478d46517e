//! The committed form of a type: a line for each argument, block and attribute, indented below what it is in.

use std::fmt::Write as _;

use super::computed::{Attribute, Computed};
use super::declarations::{Kind, Member, Type};

/// What the lines mean.
pub const LEGEND: &str = "\
# NAME KIND, and then: `required`; `many` may be written more than once; `computed` can only be read. A `block` is written without
# an equals sign, an `object` with one. Bounds on numbers, patterns and arguments that exclude each other are not in the package.
";

/// No type of the provider is nested deeper, except those that contain themselves.
const DEPTH_MAX: usize = 12;

pub fn of(found: &Type, computed: &Computed) -> Result<String, String> {
    let mut out = format!("{}\n", found.address);
    let class = found.config.strip_suffix("Config").unwrap_or(&found.config);
    arguments(found, computed, (&found.config, class), 1, &mut out)?;
    Ok(out)
}

/// The members of an interface, and what its class computes.
fn arguments(
    found: &Type,
    computed: &Computed,
    (interface, class): (&str, &str),
    depth: usize,
    out: &mut String,
) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("{interface} is nested deeper than {DEPTH_MAX}"));
    }
    let members = found.interfaces.get(interface).ok_or_else(|| format!("{interface} is not in its file"))?;
    let mut lines: Vec<(&str, String)> = Vec::new();
    for member in members {
        let mut text = line(member, depth);
        if let Kind::Nested(inner) = &member.kind {
            arguments(found, computed, (inner, &format!("{inner}OutputReference")), depth + 1, &mut text)?;
        }
        lines.push((&member.name, text));
    }
    for attribute in computed.get(class).into_iter().flatten() {
        lines.push((&attribute.name, read_only(attribute, computed, depth)?));
    }
    lines.sort();
    lines.dedup_by(|later, earlier| later.0 == earlier.0);
    for (_, text) in lines {
        out.push_str(&text);
    }
    Ok(())
}

fn line(member: &Member, depth: usize) -> String {
    let kind = match (&member.kind, member.is_block) {
        (_, true) => "block",
        (Kind::Plain(kind), false) => kind,
        (Kind::Nested(_), false) => "object",
    };
    let mut text = format!("{}{} {kind}", "  ".repeat(depth), member.name);
    for (word, holds) in [("required", member.required), ("many", member.many)] {
        if holds {
            let _ = write!(text, " {word}");
        }
    }
    text.push('\n');
    text
}

fn read_only(attribute: &Attribute, computed: &Computed, depth: usize) -> Result<String, String> {
    if depth > DEPTH_MAX {
        return Err(format!("{} is nested deeper than {DEPTH_MAX}", attribute.name));
    }
    let inner = attribute.class.as_ref().and_then(|class| computed.get(class));
    let kind = if inner.is_some() { "object" } else { "any" };
    let mut text = format!("{}{} {kind} computed\n", "  ".repeat(depth), attribute.name);
    let mut lines = Vec::new();
    for nested in inner.into_iter().flatten() {
        lines.push(read_only(nested, computed, depth + 1)?);
    }
    lines.sort();
    text.extend(lines);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::provider_schema::{computed, declarations};

    #[test]
    fn blocks_are_indented_and_read_only_attributes_say_so() {
        let declared = r#"
export interface RoleConfig extends cdktf.TerraformMetaArguments {
    /**
    * inline block
    *
    * Docs at Terraform Registry: {@link https://x/role#inline Role#inline}
    */
    readonly inline: RoleInline;
}
export interface RoleInline {
    /**
    * Docs at Terraform Registry: {@link https://x/role#name Role#name}
    */
    readonly name?: string;
}
export declare class Role extends cdktf.TerraformResource {
    static readonly tfResourceType = "aws_role";
}
"#;
        let script = "class Role extends cdktf.TerraformResource {
    // arn - computed: true, optional: false, required: false
    get arn() {
";
        let role = declarations::parse(declared, Path::new("lib/role")).expect("a type");
        let text = of(&role, &computed::of(script)).expect("an extract");
        assert_eq!(text, "resource aws_role\n  arn any computed\n  inline block required\n    name string\n");
    }
}
