//! How scripts and workflows call Terraform: which folder, which variable files, which backend files.

use crate::command::Command;
use crate::model::FileId;

/// One call of `terraform`, `tofu` or a wrapper with the same arguments.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) file: FileId,
    /// `init`, `plan`, `apply`, `workspace` …
    pub(crate) subcommand: String,
    /// Where it runs, as written, with `*` for what a variable holds.
    pub(crate) dir: Option<String>,
    pub(crate) var_files: Vec<String>,
    /// Files and `key=value` pairs.
    pub(crate) backend_configs: Vec<String>,
    /// Names of variables given by `-var` or `TF_VAR_`.
    pub(crate) variables: Vec<String>,
}

impl Use {
    /// What a file gives without calling Terraform itself.
    pub(crate) fn nothing(file: FileId) -> Use {
        Use {
            file,
            subcommand: String::new(),
            dir: None,
            var_files: Vec::new(),
            backend_configs: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Whether it may run in this folder; a folder that says nothing (`.`, `$DIR`) may be any.
    pub(crate) fn may_run_in(&self, folder: &str) -> bool {
        let told = self.dir.as_deref().filter(|dir| dir.contains(|one| !"./*".contains(one)));
        told.is_none_or(|dir| ends_with_pattern(folder, dir))
    }

    /// The files among `-backend-config`, as patterns.
    pub(crate) fn backend_files(&self) -> impl Iterator<Item = &String> {
        self.backend_configs.iter().filter(|given| !given.contains('='))
    }
}

pub(crate) fn is_terraform(program: &str) -> bool {
    matches!(
        program,
        "terraform" | "tofu" | "$TERRAFORM" | "$(TERRAFORM)" | "${TERRAFORM}" | "$TF" | "$(TF)" | "${TF}" | "tf"
    )
}

/// Reads one command; `None` where it is no call of Terraform.
pub(crate) fn read(file: FileId, command: &Command<'_>, working_dir: Option<&str>) -> Option<Use> {
    if !is_terraform(command.program()) {
        return None;
    }
    let chdir = command.value("chdir").map(ToString::to_string);
    let dir = chdir.or_else(|| command.dir.clone()).or_else(|| working_dir.map(ToString::to_string));
    Some(Use {
        file,
        subcommand: command.subcommands().next().unwrap_or_default().to_string(),
        dir: dir.map(|dir| pattern(&dir)),
        var_files: command.values("var-file").map(|(value, _)| pattern(value)).collect(),
        backend_configs: command.values("backend-config").map(|(value, _)| pattern(value)).collect(),
        variables: command
            .values("var")
            .filter_map(|(value, _)| Some(value.split_once('=')?.0.trim().to_string()))
            .collect(),
    })
}

/// The text with every `$X`, `${X}`, `$(X)` and `${{ x }}` as `*`.
pub(crate) fn pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let skipped = match after.chars().next() {
            Some('{') => close(after, '{', '}'),
            Some('(') => close(after, '(', ')'),
            Some('*' | '@' | '<' | '^') => 1,
            _ => {
                after.find(|character: char| !(character.is_alphanumeric() || character == '_')).unwrap_or(after.len())
            }
        };
        out.push('*');
        rest = &after[skipped..];
    }
    out.push_str(rest);
    out
}

fn close(text: &str, opener: char, closer: char) -> usize {
    let mut depth = 0usize;
    for (index, character) in text.char_indices() {
        if character == opener {
            depth += 1;
        } else if character == closer {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return index + character.len_utf8();
            }
        }
    }
    text.len()
}

/// Whether the end of `path` is what `pattern` says; a leading `./` or `../` of the pattern is dropped, since it depends on where
/// the script was started.
pub(crate) fn ends_with_pattern(path: &str, pattern: &str) -> bool {
    let wanted: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let wanted = match wanted.iter().position(|part| *part != "*") {
        Some(first) => &wanted[first..],
        None => return false,
    };
    let parts: Vec<&str> = path.split('/').collect();
    parts.len() >= wanted.len()
        && parts[parts.len() - wanted.len()..].iter().zip(wanted).all(|(part, glob)| matches(part, glob))
}

/// `*` stands for any text, the empty one included.
pub(crate) fn matches(text: &str, glob: &str) -> bool {
    match glob.split_once('*') {
        None => text == glob,
        Some((head, tail)) => {
            let Some(rest) = text.strip_prefix(head) else { return false };
            if !tail.contains('*') {
                return rest.ends_with(tail);
            }
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(&rest[at..], tail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ends_with_pattern, pattern};

    #[test]
    fn variables_of_any_kind_become_wildcards() {
        assert_eq!(pattern("envs/${ENV}/x.tfvars"), "envs/*/x.tfvars");
        assert_eq!(pattern("$ENV.tfvars"), "*.tfvars");
        assert_eq!(pattern("app/$*.tfstate"), "app/*.tfstate");
        assert_eq!(pattern("a-${{ inputs.env }}.hcl"), "a-*.hcl");
    }

    #[test]
    fn a_pattern_fits_the_end_of_a_path() {
        assert!(ends_with_pattern("tf/envs/dev/x.tfvars", "../envs/*/x.tfvars"));
        assert!(!ends_with_pattern("tf/dev/x.tfvars", "envs/*/x.tfvars"));
        assert!(!ends_with_pattern("tf/dev/x.tfvars", "*"));
    }
}
