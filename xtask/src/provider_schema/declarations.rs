//! Reads the TypeScript declarations that the CDK's generator writes for a type: line by line, in the one form that it has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A resource, a data source or the provider.
pub struct Type {
    /// `resource aws_x`, `data aws_x` or `provider aws`.
    pub address: String,
    /// Where the package has it.
    pub folder: PathBuf,
    /// The interface of its arguments.
    pub config: String,
    pub interfaces: BTreeMap<String, Vec<Member>>,
}

/// An argument or a block that may be written.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// As Terraform has it.
    pub name: String,
    pub kind: Kind,
    pub required: bool,
    pub is_block: bool,
    /// May be there more than once.
    pub many: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// `string`, `number`, `bool`, `list`, `map` or `any`.
    Plain(&'static str),
    /// The interface of what is in it.
    Nested(String),
}

impl Type {
    /// Whether it takes the tags that every AWS service knows. A few types call something else so: a block, or what must be given.
    pub fn takes_tags(&self) -> bool {
        let arguments = self.interfaces.get(&self.config).into_iter().flatten();
        arguments.into_iter().any(|it| it.name == "tags" && !it.required && it.kind == Kind::Plain("map"))
    }
}

/// The type of a file; `None` where it declares none.
pub fn parse(text: &str, folder: &Path) -> Option<Type> {
    let mut interfaces = BTreeMap::new();
    let (mut config, mut address) = (None, None);
    let (mut block, mut is_data) = ("resource", false);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("export interface ") {
            let name = rest.split([' ', '{']).next().unwrap_or_default();
            if rest.contains("extends cdktf.TerraformMetaArguments") || name == "AwsProviderConfig" {
                config = Some(name.to_owned());
            }
            interfaces.insert(name.to_owned(), members(&mut lines));
        } else if line.starts_with("export declare class ") {
            is_data = line.contains("extends cdktf.TerraformDataSource");
            if line.contains("extends cdktf.TerraformProvider") {
                block = "provider";
            }
        } else if let Some((_, rest)) = line.split_once("static readonly tfResourceType = \"") {
            let kind = rest.split('"').next().unwrap_or_default();
            address = Some(format!("{} {kind}", if is_data { "data" } else { block }));
        }
    }
    Some(Type { address: address?, folder: folder.to_owned(), config: config?, interfaces })
}

/// The members up to the end of an interface.
fn members<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<Member> {
    let mut out = Vec::new();
    let (mut name, mut is_block) = ("", false);
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line == "}" {
            break;
        }
        if line.starts_with("/**") {
            (name, is_block) = ("", false);
        } else if let Some(block) = line.strip_prefix("* ").and_then(|line| line.strip_suffix(" block")) {
            is_block = !block.contains(' ');
        } else if line.starts_with("* Docs at Terraform Registry:") {
            // The anchor is Terraform's name; the member's own is in another case.
            let anchor = line.rsplit_once('#').and_then(|(rest, _)| rest.rsplit_once('#'));
            name = anchor.and_then(|(_, rest)| rest.split(' ').next()).unwrap_or_default();
        } else if let Some((word, kind)) = line.strip_prefix("readonly ").and_then(|line| line.split_once(": "))
            && !name.is_empty()
        {
            let kind = kind.trim_end_matches(';');
            let (many, kind) = self::kind(kind, lines);
            out.push(Member { name: name.to_owned(), kind, required: !word.ends_with('?'), is_block, many });
        }
    }
    out
}

/// Whether a type of TypeScript stands for many, and of what.
fn kind<'a>(text: &str, lines: &mut impl Iterator<Item = &'a str>) -> (bool, Kind) {
    let text = text.strip_suffix(" | cdktf.IResolvable").unwrap_or(text);
    match text {
        "string" => (false, Kind::Plain("string")),
        "number" => (false, Kind::Plain("number")),
        "boolean" => (false, Kind::Plain("bool")),
        "cdktf.IResolvable" | "any" => (false, Kind::Plain("any")),
        // A map goes on over the next two lines.
        "{" => {
            while lines.next().is_some_and(|line| !line.trim().starts_with('}')) {}
            (false, Kind::Plain("map"))
        }
        _ => match text.strip_suffix("[]") {
            Some(item) if item.starts_with(|first: char| first.is_ascii_uppercase()) => {
                (true, Kind::Nested(item.to_owned()))
            }
            Some(_) => (false, Kind::Plain("list")),
            None => (false, Kind::Nested(text.to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIAS: &str = r#"
export interface AliasConfig extends cdktf.TerraformMetaArguments {
    /**
    * Docs at Terraform Registry: {@link https://registry.terraform.io/providers/hashicorp/aws/1/docs/resources/alias#function_name Alias#function_name}
    */
    readonly functionName: string;
    /**
    * Docs at Terraform Registry: {@link https://registry.terraform.io/providers/hashicorp/aws/1/docs/resources/alias#tags Alias#tags}
    */
    readonly tags?: {
        [key: string]: string;
    };
    /**
    * routing_config block
    *
    * Docs at Terraform Registry: {@link https://registry.terraform.io/providers/hashicorp/aws/1/docs/resources/alias#routing_config Alias#routing_config}
    */
    readonly routingConfig?: AliasRouting[] | cdktf.IResolvable;
}
export interface AliasRouting {
    /**
    * Docs at Terraform Registry: {@link https://registry.terraform.io/providers/hashicorp/aws/1/docs/resources/alias#weights Alias#weights}
    */
    readonly weights?: number[];
}
export declare class Alias extends cdktf.TerraformResource {
    static readonly tfResourceType = "aws_alias";
}
"#;

    #[test]
    fn arguments_blocks_and_what_is_in_them_are_read_with_terraforms_names() {
        let alias = parse(ALIAS, Path::new("lib/alias")).expect("a type");
        assert_eq!(alias.address, "resource aws_alias");
        assert!(alias.takes_tags());
        let shown: Vec<String> = alias.interfaces.values().flatten().map(|it| format!("{it:?}")).collect();
        let member = |name: &str, kind: &str, required: bool, is_block: bool, many: bool| {
            format!(
                "Member {{ name: {name:?}, kind: {kind}, required: {required}, is_block: {is_block}, many: {many} }}"
            )
        };
        assert_eq!(
            shown,
            [
                member("function_name", "Plain(\"string\")", true, false, false),
                member("tags", "Plain(\"map\")", false, false, false),
                member("routing_config", "Nested(\"AliasRouting\")", false, true, true),
                member("weights", "Plain(\"list\")", false, false, false),
            ]
        );
    }
}
