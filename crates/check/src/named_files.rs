//! Which files configuration reads as data: what `file("${path.module}/accounts.json")` names, beside what is read anyway.

use crate::discover::usage;
use crate::eval::join_path;
use crate::tree::SKIPPED_FOLDERS;

/// Patterns of paths, from what the configuration of a repository says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedFiles {
    /// From the root of the repository, with `*` for what is not known.
    patterns: Vec<String>,
    /// Ends of paths, where the beginning is not known.
    ends: Vec<String>,
}

/// Whether a file of this name may be read as data.
pub(crate) fn is_data_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let data = [".json", ".yaml", ".yml"].iter().any(|end| lower.ends_with(end));
    data && ![".tf.json", ".tofu.json", ".tfvars.json"].iter().any(|end| lower.ends_with(end))
}

/// Whether it is worth asking [`NamedFiles::wants`] for a path once all configuration is read.
pub fn may_be_named(path: &str) -> bool {
    is_data_name(path.rsplit('/').next().unwrap_or(path))
        && !path.split('/').any(|part| SKIPPED_FOLDERS.contains(&part))
}

impl NamedFiles {
    /// Takes (path, bytes) pairs, as [`crate::FileTree::new`] does.
    pub fn find<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> NamedFiles {
        let mut named = NamedFiles::default();
        for (path, bytes) in files {
            if ![".tf", ".tofu"].iter().any(|end| path.ends_with(end)) {
                continue;
            }
            let Ok(text) = std::str::from_utf8(bytes) else { continue };
            if text.contains("jsondecode(") || text.contains("yamldecode(") {
                named.take(path.rsplit_once('/').map_or("", |(dir, _)| dir), text);
            }
        }
        named
    }

    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.ends.is_empty()
    }

    /// Whether the configuration may read this file, by its path from the root of the repository.
    pub fn wants(&self, path: &str) -> bool {
        self.patterns.iter().any(|pattern| usage::matches(path, pattern))
            || self.ends.iter().any(|end| usage::matches(path, end) || usage::matches(path, &format!("*/{end}")))
    }

    fn take(&mut self, dir: &str, text: &str) {
        for (at, _) in text.match_indices("file(") {
            let Some(quoted) = text[at + "file(".len()..].trim_start().strip_prefix('"') else { continue };
            let Some(argument) = quoted_text(quoted) else { continue };
            let beside = argument.strip_prefix("${path.module}/");
            let beside = beside.and_then(|rest| join_path(dir, &usage::pattern(rest)));
            let (list, pattern) = match beside {
                Some(pattern) => (&mut self.patterns, pattern),
                None => {
                    let pattern = usage::pattern(argument);
                    let parts = pattern.split('/').skip_while(|part| matches!(*part, "" | "." | ".." | "*"));
                    (&mut self.ends, parts.collect::<Vec<_>>().join("/"))
                }
            };
            // One that is made of nothing known would want every file.
            let told = pattern.split(['*', '/']).any(|part| !matches!(part, "" | ".json" | ".yaml" | ".yml"));
            if told && !list.contains(&pattern) {
                list.push(pattern);
            }
        }
    }
}

/// Up to the quote that ends a string, past those inside of its templates.
fn quoted_text(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'{' if at > 0 && (depth > 0 || text.as_bytes()[at - 1] == b'$') => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'"' if depth == 0 => return Some(&text[..at]),
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{NamedFiles, may_be_named};

    fn check(path: &str, text: &str, wanted: &[&str], others: &[&str]) {
        let named = NamedFiles::find([(path, text.as_bytes())]);
        for path in wanted {
            assert!(may_be_named(path) && named.wants(path), "{path} is wanted by {text}");
        }
        for path in others {
            assert!(!named.wants(path), "{path} is not wanted by {text}");
        }
    }

    #[test]
    fn files_are_named_beside_a_module_below_a_root_and_by_environment() {
        let text = "x = jsondecode(file(\"${path.module}/accounts.json\"))";
        check("infra/main.tf", text, &["infra/accounts.json"], &["accounts.json", "app/accounts.json", "infra/x.json"]);
        let text = "x = yamldecode(file(\"${path.module}/../config/${var.env[\"x\"]}.yaml\"))";
        check("infra/app/main.tf", text, &["infra/config/dev.yaml"], &["config/dev.yaml", "infra/config/dev.json"]);
        let text = "x = yamldecode(file(\"${path.root}/../settings.yml\"))";
        check("infra/app/main.tf", text, &["infra/settings.yml", "settings.yml"], &["infra/other.yml"]);
    }

    #[test]
    fn files_that_nothing_decodes_or_that_are_made_of_variables_alone_are_not_read() {
        check("main.tf", "x = file(\"${path.module}/policy.json\")", &[], &["policy.json"]);
        check("main.tf", "x = jsondecode(file(\"${var.path}.json\"))", &[], &["policy.json", "package.json"]);
        check("main.py", "jsondecode(file(\"${path.module}/policy.json\"))", &[], &["policy.json"]);
        assert!(!may_be_named("node_modules/a/package.json") && !may_be_named("x.tfvars.json"));
    }
}
