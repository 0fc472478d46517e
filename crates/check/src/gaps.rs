//! Folders that hold more configuration when Terraform runs than the repository shows: files that git ignores, files that a script
//! copies there. What is not found in them may stand there.

use crate::command::Command;
use crate::discover::usage;
use crate::model::Module;
use crate::parsed::Parsed;
use crate::tree::FileTree;

pub(crate) fn mark(modules: &mut [Module<'_>], tree: &FileTree, parsed: &[Parsed<'_>]) {
    let mut ignored: Vec<(&str, &str)> = Vec::new();
    let mut copied: Vec<String> = Vec::new();
    for (file, parsed) in tree.files().iter().zip(parsed) {
        match parsed {
            Parsed::Ignores(lines) => {
                ignored.extend(lines.iter().filter(|line| is_configuration(line)).map(|line| (file.dir(), *line)));
            }
            Parsed::Script(commands) => copied.extend(commands.iter().flat_map(folders)),
            Parsed::Workflow(workflow) => {
                copied.extend(workflow.runs.iter().flat_map(|run| &run.commands).flat_map(folders));
            }
            Parsed::Action(action) => copied.extend(action.commands.iter().flat_map(folders)),
            _ => {}
        }
    }
    if ignored.is_empty() && copied.is_empty() {
        return;
    }
    for module in modules.iter_mut() {
        if let Some((_, pattern)) = ignored.iter().find(|(dir, pattern)| may_hide(module.dir, dir, pattern)) {
            module.incomplete = true;
            module.gap = Some(format!("git ignores {pattern}, so nothing is said about what may be missing"));
        } else if copied
            .iter()
            .any(|folder| folder.is_empty() || folder == "*" || usage::ends_with_pattern(module.dir, folder))
        {
            module.incomplete = true;
            module.gap =
                Some("a script copies configuration here, so nothing is said about what may be missing".into());
        }
    }
}

/// A line of a `.gitignore` that hides configuration. Overrides are left out on purpose: they are each machine's own.
fn is_configuration(line: &str) -> bool {
    let name = line.rsplit('/').next().unwrap_or(line);
    let override_file = name.contains("override.tf");
    !line.starts_with('!')
        && !override_file
        && !name.starts_with(".terraform")
        && [".tf", ".tf.json", ".tofu"].iter().any(|end| name.ends_with(end))
}

/// Whether a pattern of a `.gitignore` in `dir` can hide a file in a module's folder.
fn may_hide(module: &str, dir: &str, pattern: &str) -> bool {
    let below = match dir {
        "" => module,
        _ if module == dir => "",
        _ => match module.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/')) {
            Some(below) => below,
            None => return false,
        },
    };
    let pattern = pattern.trim_start_matches("**/");
    match pattern.trim_start_matches('/').rsplit_once('/') {
        Some((folder, _)) => usage::matches(below, &folder.replace("**", "*")),
        None if pattern.starts_with('/') => below.is_empty(),
        None => true,
    }
}

/// The folders between which a command copies or links configuration; `*` for one that cannot be told.
fn folders(command: &Command<'_>) -> Vec<String> {
    if !matches!(command.program(), "cp" | "ln" | "install" | "rsync" | "mv") {
        return Vec::new();
    }
    let words: Vec<String> = command
        .args()
        .iter()
        .filter(|word| !word.text.starts_with('-'))
        .map(|word| usage::pattern(&word.text))
        .collect();
    let is_configuration = |word: &String| word.ends_with(".tf") || word.ends_with(".tf.json");
    if !words.iter().any(is_configuration) {
        return Vec::new();
    }
    let folder = |word: &String| {
        let dir = match is_configuration(word) {
            true => word.rsplit_once('/').map_or("", |(dir, _)| dir),
            false => word.trim_end_matches('/'),
        };
        let named = dir.split('/').any(|part| !matches!(part, "" | "." | ".." | "*"));
        let here = command.dir.as_deref().map(usage::pattern).filter(|_| matches!(dir, "" | "."));
        here.unwrap_or_else(|| if named { dir.to_string() } else { "*".to_string() })
    };
    words.iter().map(folder).collect()
}

#[cfg(test)]
mod tests {
    use super::{folders, may_hide};
    use crate::command::split;

    #[test]
    fn a_copy_of_configuration_tells_from_where_and_to_where() {
        let of = |text: &str| split(text, 0).iter().flat_map(folders).collect::<Vec<_>>();
        assert_eq!(of("cp shared/*.tf envs/$1/"), ["shared", "envs/*"]);
        assert_eq!(of("ln -sf ../../shared/main.tf envs/dev/main.tf"), ["../../shared", "envs/dev"]);
        assert_eq!(of("cp shared/main.tf $TARGET"), ["shared", "*"]);
        assert_eq!(of("cp a.tfvars b; cp -r app dist; cat main.tf"), Vec::<String>::new());
    }

    #[test]
    fn an_ignored_file_may_stand_in_the_folders_that_its_pattern_reaches() {
        assert!(may_hide("infra/app", "", "*.generated.tf"));
        assert!(may_hide("infra/app", "infra", "app/backend.tf"));
        assert!(!may_hide("infra/app", "other", "backend.tf"));
        assert!(!may_hide("infra/app", "", "/backend.tf"));
        assert!(!may_hide("infra/app", "", "infra/web/backend.tf"));
    }
}
