//! `cargo xtask provider-schema`: what the AWS provider says of its resource types, taken from a published package.
//!
//! Terraform's own registry is not asked: the prebuilt bindings for the CDK hold the same schema as TypeScript declarations, and npm
//! has them. Two files come out of it, and both are committed, so that no test needs the network:
//!
//! - every type that takes `tags`, which tiers-check has built in;
//! - the arguments, blocks and attributes of the types that the worked example uses, to which a test of tiers-check holds its files.

mod computed;
mod declarations;
mod extract;
mod used;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Command;
use crate::process::{output, program, root, run};

pub const COMMAND: Command = Command {
    name: "provider-schema",
    usage: "[--check]",
    about: "writes what tests know of the AWS provider, from npm's @cdktf/provider-aws",
    run: main,
};

/// The package. Its last version is this one; the provider's version stands in it.
const PACKAGE: &str = "@cdktf/provider-aws@21.22.1";
/// The types that take `tags`.
const TAGGABLE: &str = "crates/check/data/aws-taggable.txt";
/// The types that the example uses, in full.
const EXTRACT: &str = "crates/check/tests/data/aws-schema.txt";
/// Whose types the extract is of.
const EXAMPLE: &str = "examples/dr-daily-report/terraform";

fn main(arguments: &[String]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err(format!("usage: cargo xtask {} {}", COMMAND.name, COMMAND.usage)),
    };
    let folder = std::env::temp_dir().join(format!("tiers-provider-schema-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("could not make {}: {error}", folder.display()))?;
    let made = unpack(&folder).and_then(|package| files(&package));
    // What stays behind is in the way of nobody.
    let _ = fs::remove_dir_all(&folder);
    let mut stale = Vec::new();
    for (path, text) in made? {
        let place = root().join(path);
        if !check {
            fs::write(&place, text).map_err(|error| format!("could not write {path}: {error}"))?;
            eprintln!("wrote {path}");
        } else if fs::read_to_string(&place).ok().as_ref() != Some(&text) {
            stale.push(path);
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(format!("not what {PACKAGE} says: {}", stale.join(", "))) }
}

/// Downloads the package with npm and unpacks its declarations; answers with the folder of its types.
fn unpack(folder: &Path) -> Result<PathBuf, String> {
    let mut npm = program("npm");
    npm.args(["pack", PACKAGE, "--silent", "--pack-destination"]).arg(folder);
    let name = output(&mut npm)?;
    let name = String::from_utf8_lossy(&name);
    let archive = folder.join(name.trim());
    run(program("tar").arg("-xzf").arg(archive).arg("-C").arg(folder).args([
        "--wildcards",
        "package/package.json",
        "package/lib/*/index.d.ts",
        "package/lib/*/index.js",
    ]))?;
    Ok(folder.join("package"))
}

/// The files and what belongs into them.
fn files(package: &Path) -> Result<[(&'static str, String); 2], String> {
    let manifest = read(&package.join("package.json"))?;
    let version = provider_version(&manifest).ok_or("package.json does not name the provider's version")?;
    let bindings = PACKAGE.rsplit_once('@').map_or(PACKAGE.into(), |(name, version)| format!("{name} {version}"));
    let types = declared_types(&package.join("lib"))?;
    let mut taggable = format!(
        "# Resource types of hashicorp/aws {version} that take `tags`, from the type declarations of {bindings}.\n\
         # Made by `cargo xtask provider-schema`.\n"
    );
    for it in types.iter().filter(|it| it.address.starts_with("resource ") && it.takes_tags()) {
        taggable.push_str(&it.address["resource ".len()..]);
        taggable.push('\n');
    }
    let mut text = format!(
        "# What hashicorp/aws {version} takes and gives, from the declarations of {bindings}, for the types of\n\
         # {EXAMPLE}. Made by `cargo xtask provider-schema`.\n#\n{}",
        extract::LEGEND
    );
    for address in used::addresses(&root().join(EXAMPLE))? {
        let found = types.iter().find(|it| it.address == address);
        let found =
            found.ok_or_else(|| format!("{EXAMPLE} uses {address}, which hashicorp/aws {version} does not have"))?;
        let script = read(&found.folder.join("index.js"))?;
        text.push('\n');
        text.push_str(&extract::of(found, &computed::of(&script)).map_err(|problem| format!("{address}: {problem}"))?);
    }
    Ok([(TAGGABLE, taggable), (EXTRACT, text)])
}

/// All types of the package, by address.
fn declared_types(folder: &Path) -> Result<Vec<declarations::Type>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("could not list the package: {error}"))?;
    let mut types = Vec::new();
    for entry in entries {
        let folder = entry.map_err(|error| format!("could not list the package: {error}"))?.path();
        let file = folder.join("index.d.ts");
        // Provider functions and the like have no declarations of a type.
        if file.is_file() {
            types.extend(declarations::parse(&read(&file)?, &folder));
        }
    }
    types.sort_by(|a, b| a.address.cmp(&b.address));
    if types.len() < 1000 {
        return Err(format!(
            "only {} types were found; the package has another form than this program reads",
            types.len()
        ));
    }
    Ok(types)
}

/// `"version": "6.25.0"` behind `"name": "registry.terraform.io/hashicorp/aws"`.
fn provider_version(manifest: &str) -> Option<&str> {
    let (_, rest) = manifest.split_once("registry.terraform.io/hashicorp/aws\"")?;
    let (_, rest) = rest.split_once("\"version\": \"")?;
    rest.split('"').next()
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()))
}
