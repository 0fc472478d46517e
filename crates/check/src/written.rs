//! What scripts and workflows prepare for Terraform before they run it: files of values, placeholders, a workspace in a variable.

use crate::command::Command;
use crate::discover::names;
use crate::discover::usage;
use crate::elsewhere;
use crate::parsed::Parsed;
use crate::tree::{File, FileTree};

/// Facts that are not in Terraform's own files.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Names of variable files that some command writes, with `*` for what a variable holds.
    values: Vec<String>,
    /// Something sets TF_WORKSPACE.
    pub(crate) workspace: bool,
    /// Another service runs pipelines here, with variables that no file shows.
    pub(crate) foreign_pipeline: bool,
}

impl Written {
    pub(crate) fn find(tree: &FileTree, parsed: &[Parsed<'_>]) -> Written {
        let foreign_pipeline = elsewhere::has_foreign_pipeline(tree.files().iter().map(File::path));
        let mut written = Written { foreign_pipeline, ..Written::default() };
        for (file, parsed) in tree.files().iter().zip(parsed) {
            match parsed {
                Parsed::Script(commands) => written.take(commands),
                Parsed::Workflow(workflow) => workflow.runs.iter().for_each(|run| written.take(&run.commands)),
                Parsed::Action(action) => written.take(&action.commands),
                Parsed::Words(text) => written.workspace |= text.contains("workspace select"),
                _ => continue,
            }
            written.workspace |= file.text().is_some_and(|text| text.contains("TF_WORKSPACE"));
        }
        written
    }

    fn take(&mut self, commands: &[Command<'_>]) {
        for name in commands.iter().flat_map(targets) {
            let name = usage::pattern(name.rsplit('/').next().unwrap_or(name));
            if !self.values.contains(&name) {
                self.values.push(name);
            }
        }
    }

    /// Whether a file that is written when the pipeline runs may hold values of this environment.
    pub(crate) fn holds_values_of(&self, environment: &str) -> bool {
        self.values.iter().any(|name| {
            name.contains('*')
                || names::find(name)
                    .filter(|named| named.strong)
                    .is_none_or(|named| names::same_environment(&named.name, environment))
        })
    }
}

/// Variable files that a command writes.
fn targets<'c>(command: &'c Command<'_>) -> Vec<&'c str> {
    let is_values = |text: &str| text.ends_with(".tfvars") || text.ends_with(".tfvars.json");
    let words: Vec<&str> = command.words.iter().map(|word| word.text.as_ref()).collect();
    let redirected = words.iter().enumerate().filter_map(|(index, word)| {
        let target = word.trim_start_matches(|character: char| character.is_ascii_digit() || character == '&');
        let target = target.strip_prefix('>')?.trim_start_matches(['>', '|']);
        if target.is_empty() { words.get(index + 1).copied() } else { Some(target) }
    });
    let mut out: Vec<&str> = redirected.collect();
    match command.program() {
        "tee" => out.extend(command.subcommands()),
        "cp" | "mv" | "install" | "ln" => out.extend(command.subcommands().last()),
        // A copy from a bucket keeps its name where only a folder is given.
        "aws" | "gsutil" | "az" | "gcloud" if words.iter().any(|word| matches!(*word, "cp" | "sync" | "download")) => {
            out.extend(command.subcommands());
        }
        _ => {}
    }
    out.extend(command.value("output").or_else(|| command.value("o")).or_else(|| command.value("out-file")));
    out.retain(|target| is_values(target));
    out
}

/// Text that something fills in before Terraform reads it: `__ENV__`, `{{ env }}`, `@ENV@`, `%ENV%`, `<env>`.
pub(crate) fn is_placeholder(text: &str) -> bool {
    if !text.bytes().any(|byte| matches!(byte, b'_' | b'{' | b'@' | b'%' | b'<')) {
        return false;
    }
    let between = |open: &str, close: &str| {
        text.split_once(open).and_then(|(_, rest)| rest.split_once(close)).is_some_and(|(name, _)| {
            let name = name.trim();
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        })
    };
    [("__", "__"), ("{{", "}}"), ("@@", "@@"), ("@", "@"), ("%", "%"), ("<", ">")]
        .iter()
        .any(|(open, close)| between(open, close))
}

#[cfg(test)]
mod tests {
    use super::{is_placeholder, targets};
    use crate::command::split;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(split(text, 0).iter().flat_map(targets).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_variable_file_is_written_by_redirection_by_tee_and_by_copies() {
        check("echo \"replicas = 4\" > extra.auto.tfvars", &["extra.auto.tfvars"]);
        check("sops -d x.enc >>vars/prod.tfvars", &["vars/prod.tfvars"]);
        check("envsubst < t | tee terraform.tfvars.json", &["terraform.tfvars.json"]);
        check("aws s3 cp s3://b/prod.tfvars .", &["s3://b/prod.tfvars"]);
    }

    #[test]
    fn reading_a_variable_file_writes_none() {
        check("terraform plan -var-file=prod.tfvars -out=p", &[]);
        check("cat prod.tfvars > x; cp prod.tfvars /tmp/x", &[]);
    }

    #[test]
    fn placeholders_are_told_from_names() {
        for text in ["__ENV__/x.tfstate", "acme-{{ env }}", "@ENV@-state", "<env>/x"] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["app__v2/x.tfstate", "acme-state", "a@b", "x/terraform.tfstate"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
