//! Files that are read for their words alone: pipelines of other services, programs, notes. They may give Terraform a variable,
//! choose a workspace or write a backend block, and what they name is not missing.

/// Services whose pipelines hold variables of their own, which no file shows.
fn is_foreign_pipeline(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_plain_configuration(name) {
        return false;
    }
    let name = name.to_ascii_lowercase();
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    const FOLDERS: &[&str] =
        &[".circleci/", ".buildkite/", ".spacelift/", ".woodpecker/", ".azuredevops/", ".azure-pipelines/"];
    let in_folder = || FOLDERS.iter().any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}")));
    const BEGIN: &[&str] = &[
        "azure-pipeline",
        "buildspec",
        "bitbucket-pipelines",
        "atlantis",
        "cloudbuild",
        ".travis",
        ".drone",
        ".woodpecker",
        "appveyor",
        "codefresh",
        "env0",
    ];
    name.starts_with("jenkinsfile")
        || name.ends_with(".jenkinsfile")
        || (yaml && (name.ends_with(".gitlab-ci.yml") || name == ".gitlab-ci.yaml"))
        || (yaml && (BEGIN.iter().any(|begin| name.starts_with(begin)) || in_folder()))
}

/// Whether nothing but its extension counts. A quick test for what most files are called: no says nothing.
fn is_plain_configuration(name: &str) -> bool {
    !name.starts_with(['.', 'j', 'J']) && [".tf", ".tfvars", ".hcl"].iter().any(|end| name.ends_with(end))
}

/// Whether a file is read for its words.
pub(crate) fn is_worded(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_plain_configuration(name) {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    if is_foreign_pipeline(path) && !lower.starts_with("jenkinsfile") {
        return true;
    }
    let mould = [".tf.tpl", ".tf.tmpl", ".tf.template", ".tf.j2"].iter().any(|end| lower.ends_with(end));
    let variables = lower == ".envrc" || lower == ".env" || lower.starts_with(".env.") || lower.ends_with(".env");
    let named = matches!(lower.as_str(), "taskfile.yml" | "taskfile.yaml" | "readme.md");
    mould || variables || named || is_program(path)
}

/// A program that may run Terraform, by where it stands or what it is called.
fn is_program(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    if !matches!(extension, "py" | "ps1" | "rb" | "js" | "ts" | "mjs" | "go" | "groovy") {
        return false;
    }
    const PLACES: &[&str] =
        &["bin", "scripts", "script", "ci", ".ci", "tools", "deploy", "deployment", "infra", "terraform"];
    let stem = stem.to_ascii_lowercase();
    PLACES.contains(&folder.rsplit('/').next().unwrap_or(folder))
        || folder.is_empty()
        || ["deploy", "terraform", "release", "infra"].iter().any(|word| stem.contains(word))
}

/// Whether a service has pipelines in this repository that are not read here.
pub(crate) fn has_foreign_pipeline<'p>(mut paths: impl Iterator<Item = &'p str>) -> bool {
    paths.any(is_foreign_pipeline)
}

/// Variables that a text gives to Terraform: `TF_VAR_name`, `-var name=`, `"-var", f"name={…}"`.
pub(crate) fn variables(text: &str) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    let mut take = |rest: &'_ str, needs_value: bool, at: usize| {
        let end = rest.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
        let end = end.unwrap_or(rest.len());
        if end > 0 && (!needs_value || rest[end..].starts_with('=')) {
            let name = &text[at..at + end];
            if !out.contains(&name) {
                out.push(name);
            }
        }
    };
    for (at, marker) in text.match_indices("TF_VAR_") {
        let at = at + marker.len();
        take(&text[at..], false, at);
    }
    for (at, marker) in text.match_indices("-var") {
        let rest = &text[at + marker.len()..];
        let between = |character: char| " =\"',[](\\".contains(character);
        let given = rest.trim_start_matches(between);
        // `-var-file` and `-variable` are something else.
        if given.len() < rest.len() {
            // Python's `f"name={…}"`.
            let formatted = given.strip_prefix('f').filter(|rest| rest.starts_with(['"', '\'']));
            let given = formatted.map_or(given, |rest| &rest[1..]);
            take(given, true, text.len() - given.len());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{is_foreign_pipeline, is_worded, variables};

    #[test]
    fn variables_are_found_in_any_manner_of_giving_them() {
        assert_eq!(variables("  TF_VAR_image_tag: $CI_COMMIT_TAG"), ["image_tag"]);
        assert_eq!(variables("sh \"terraform apply -var image_tag=${TAG}\""), ["image_tag"]);
        assert_eq!(variables("-var='a=1' -var \"b=2\" -var=c=3"), ["a", "b", "c"]);
        assert!(variables("[\"-var\", f\"image_tag={tag}\"]").contains(&"image_tag"));
        assert!(variables("-var flags=1").contains(&"flags"));
        assert_eq!(variables("-var-file=x.tfvars -vary z=1"), Vec::<&str>::new());
    }

    #[test]
    fn files_of_other_services_are_known_by_their_names() {
        for path in
            [".gitlab-ci.yml", "ci/build.gitlab-ci.yml", "Jenkinsfile", "azure-pipelines.yml", ".circleci/config.yml"]
        {
            assert!(is_foreign_pipeline(path), "{path}");
        }
        for path in [".envrc", "deploy.py", "tools/run.ts", "app/backend.tf.tpl", "Taskfile.yml"] {
            assert!(is_worded(path) && !is_foreign_pipeline(path), "{path}");
        }
        for path in ["src/app/main.py", "config/app.yml", ".github/workflows/ci.yml", "main.tf"] {
            assert!(!is_worded(path), "{path}");
        }
    }
}
