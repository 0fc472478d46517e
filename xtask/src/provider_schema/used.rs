//! The types that a folder of Terraform files uses, by the lines that begin their blocks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::read;

/// `resource aws_x`, `data aws_x`, `provider aws`, in order.
pub fn addresses(folder: &Path) -> Result<BTreeSet<String>, String> {
    let mut out = BTreeSet::new();
    collect(folder, &mut out)?;
    Ok(out)
}

fn collect(folder: &Path, out: &mut BTreeSet<String>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("could not list {}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("could not list {}: {error}", folder.display()))?.path();
        // What a `terraform init` left behind is nobody's source.
        if path.is_dir() && !path.ends_with(".terraform") {
            collect(&path, out)?;
        } else if path.extension().is_some_and(|it| it == "tf") {
            out.extend(read(&path)?.lines().filter_map(address));
        }
    }
    Ok(())
}

fn address(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let block = words.next().filter(|word| matches!(*word, "resource" | "data" | "provider"))?;
    let kind = words.next()?.trim_matches('"');
    (kind == "aws" || kind.starts_with("aws_")).then(|| format!("{block} {kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_begin_a_block_of_the_provider_name_a_type() {
        assert_eq!(address("resource \"aws_iam_role\" \"this\" {").as_deref(), Some("resource aws_iam_role"));
        assert_eq!(address("provider \"aws\" {").as_deref(), Some("provider aws"));
        assert_eq!(address("resource \"terraform_data\" \"this\" {"), None);
        assert_eq!(address("  role = aws_iam_role.this.name"), None);
    }
}
