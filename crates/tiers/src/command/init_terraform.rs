//! What `tiers init` says of Terraform: the environments and root modules that the checker recognises, as paths with
//! `{environment}` in them.

use std::collections::BTreeSet;

use tiers_check::{Instance, Layout, Shape, Stack};
use tiers_core::config::init::FoundTerraform;

/// Every root module whose environments' files can be named by one pattern.
pub fn found(layout: &Layout) -> Vec<FoundTerraform> {
    layout.stacks.iter().filter_map(|stack| of(stack, &layout.environments)).collect()
}

fn of(stack: &Stack, environments: &[String]) -> Option<FoundTerraform> {
    let named = |instance: &Instance| instance.environment.as_ref().is_some_and(|name| environments.contains(name));
    let parts = matches!(stack.shape, Shape::RootPerEnvironment | Shape::SharedRoot);
    // One that calls an environment otherwise than the rest of the repository would be filled in wrongly.
    if !parts || stack.instances.len() < 2 || !stack.instances.iter().all(named) {
        return None;
    }
    let root = only(stack.instances.iter().map(|it| pattern(&it.root, environment(it))))?;
    Some(FoundTerraform {
        root: if root.is_empty() { ".".to_owned() } else { root },
        backend: common(stack, |it| &it.backend_files),
        var_file: common(stack, |it| &it.var_files),
    })
}

fn environment(instance: &Instance) -> &str {
    instance.environment.as_deref().unwrap_or_default()
}

/// The pattern that has a file in every environment; one with the environment's name in it before others, and of those the last,
/// which wins over what is read before it.
fn common(stack: &Stack, files: impl Fn(&Instance) -> &Vec<String>) -> Option<String> {
    let patterns = |it: &Instance| -> Vec<String> {
        files(it).iter().map(|file| pattern(&relative(file, &it.root), environment(it))).collect()
    };
    let (first, rest) = stack.instances.split_first()?;
    let rest: Vec<Vec<String>> = rest.iter().map(patterns).collect();
    let mut shared: Vec<String> =
        patterns(first).into_iter().filter(|pattern| rest.iter().all(|other| other.contains(pattern))).collect();
    shared.sort_by_key(|pattern| pattern.contains("{environment}"));
    shared.pop()
}

fn only(patterns: impl Iterator<Item = String>) -> Option<String> {
    let mut patterns: BTreeSet<String> = patterns.collect();
    if patterns.len() == 1 { patterns.pop_first() } else { None }
}

/// The path with `{environment}` for every word that is the environment's name.
fn pattern(path: &str, environment: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        out.push_str(if word == environment { "{environment}" } else { word });
        word.clear();
    };
    for character in path.chars() {
        // A hyphen may be part of the name, as in `pre-prod`, and may stand beside it, as in `backend-prod.hcl`.
        let parts = !(character.is_alphanumeric() || character == '-' && environment.contains('-'));
        if parts {
            end(&mut word, &mut out);
            out.push(character);
        } else {
            word.push(character);
        }
    }
    end(&mut word, &mut out);
    out
}

/// The path of a file as it is seen from a folder.
fn relative(file: &str, folder: &str) -> String {
    let (file, folder): (Vec<&str>, Vec<&str>) =
        (file.split('/').collect(), folder.split('/').filter(|part| !part.is_empty()).collect());
    let same = file.iter().zip(&folder).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", folder.len() - same);
    up.chain(file[same..].iter().copied()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use tiers_check::{FileTree, Options, discover};

    use super::*;

    const ROOT: &str =
        "terraform {\n  backend \"s3\" {}\n}\nvariable \"size\" {}\nresource \"aws_sqs_queue\" \"q\" {}\n";
    const BACKEND: &str = "bucket = \"b\"\nkey = \"k\"\nregion = \"eu-west-1\"\n";

    /// One line per root module: `root | backend | var_file`.
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let listing: String = files.iter().map(|(path, text)| format!("--- {path}\n{text}")).collect();
        let layout = discover(&FileTree::from_listing(&listing), &Options::default());
        let shown = |path: &Option<String>| path.clone().unwrap_or_else(|| "-".to_owned());
        let lines: Vec<String> = found(&layout)
            .iter()
            .map(|it| format!("{} | {} | {}", it.root, shown(&it.backend), shown(&it.var_file)))
            .collect();
        assert_eq!(lines, expected, "{layout:#?}");
    }

    #[test]
    fn a_shared_root_with_folders_for_its_environments() {
        check(
            &[
                ("terraform/main.tf", ROOT),
                ("terraform/envs/dev/backend.hcl", BACKEND),
                ("terraform/envs/dev/terraform.tfvars", "size = 1\n"),
                ("terraform/envs/prod/backend.hcl", BACKEND),
                ("terraform/envs/prod/terraform.tfvars", "size = 2\n"),
            ],
            &["terraform | envs/{environment}/backend.hcl | envs/{environment}/terraform.tfvars"],
        );
    }

    #[test]
    fn files_named_after_environments_beside_the_code_of_a_service() {
        check(
            &[
                ("services/thumbs/infra/main.tf", ROOT),
                ("services/thumbs/infra/env/dev.tfvars", "size = 1\n"),
                ("services/thumbs/infra/env/prd.tfvars", "size = 2\n"),
                ("services/thumbs/infra/env/backend-dev.hcl", BACKEND),
                ("services/thumbs/infra/env/backend-prd.hcl", BACKEND),
            ],
            &["services/thumbs/infra | env/backend-{environment}.hcl | env/{environment}.tfvars"],
        );
    }

    #[test]
    fn layers_whose_files_stand_beside_them_and_a_common_file_before_each_own_one() {
        let uses = "plan:\n\tterraform -chdir=infra/$(LAYER) init -backend-config=../common.hcl \
                    -backend-config=../config/$(ENV)/backend.hcl\n\tterraform -chdir=infra/$(LAYER) plan \
                    -var-file=../config/common.tfvars -var-file=../config/$(ENV)/$(LAYER).tfvars\n";
        check(
            &[
                ("Makefile", uses),
                ("infra/common.hcl", "region = \"eu-west-1\"\nencrypt = true\n"),
                ("infra/app/main.tf", ROOT),
                ("infra/config/common.tfvars", "size = 0\n"),
                ("infra/config/dev/app.tfvars", "size = 1\n"),
                ("infra/config/prd/app.tfvars", "size = 2\n"),
                ("infra/config/dev/backend.hcl", "bucket = \"dev\"\nkey = \"k\"\n"),
                ("infra/config/prd/backend.hcl", "bucket = \"prd\"\nkey = \"k\"\n"),
            ],
            &["infra/app | ../config/{environment}/backend.hcl | ../config/{environment}/app.tfvars"],
        );
    }

    #[test]
    fn a_root_for_each_environment_under_the_name_that_the_environment_has() {
        let root = "terraform {\n  backend \"gcs\" {\n    bucket = \"b\"\n    prefix = \"p\"\n  }\n}\nresource \"google_pubsub_topic\" \"t\" {}\n";
        check(
            &[("deploy/terraform/nonprod/main.tf", root), ("deploy/terraform/prod/main.tf", root)],
            &["deploy/terraform/{environment} | - | -"],
        );
    }

    #[test]
    fn a_root_without_environments_is_none() {
        check(&[("main.tf", ROOT)], &[]);
    }

    #[test]
    fn a_name_is_replaced_where_it_is_a_word() {
        assert_eq!(pattern("dev/devices/dev.tfvars", "dev"), "{environment}/devices/{environment}.tfvars");
        assert_eq!(pattern("pre-prod/backend.hcl", "pre-prod"), "{environment}/backend.hcl");
        assert_eq!(relative("a/x/dev.hcl", "a/b/c"), "../../x/dev.hcl");
        assert_eq!(relative("dev.hcl", ""), "dev.hcl");
    }
}
