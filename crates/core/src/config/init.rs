//! A first tiers.toml, proposed from what stands in a repository: names of branches, tags and files, and the Terraform that was
//! recognised in them.
//!
//! It is a proposal: what can't be known stands in it as a comment. Whatever is found, the text has no problems.

use std::fmt::Write as _;

use super::limits;
use crate::id::is_well_formed;

/// What `tiers init` finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The repository's name: its remote's last part, or its folder.
    pub repository: String,
    /// Bare names of branches, local and remote.
    pub branches: Vec<String>,
    /// Names of tags.
    pub tags: Vec<String>,
    /// Paths of the tracked files, with `/`.
    pub files: Vec<String>,
    /// Environments that Terraform knows, from the first to the last.
    pub environments: Vec<String>,
    /// Every root module that has files or a folder for each of them.
    pub terraform: Vec<FoundTerraform>,
}

/// A root module with its environments' files; `{environment}` stands for an environment's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundTerraform {
    /// From the root of the repository.
    pub root: String,
    /// From the root module's folder.
    pub backend: Option<String>,
    /// From the root module's folder.
    pub var_file: Option<String>,
}

/// So that project, component and environment fit into a function's name together with two hyphens.
const PROJECT_MAX: usize = 20;
const COMPONENT_MAX: usize = 24;
const ENVIRONMENT_MAX: usize = 16;

/// The text of a first tiers.toml.
pub fn propose(findings: &Findings) -> String {
    let project = word(&findings.repository, PROJECT_MAX).unwrap_or_else(|| "my-project".to_owned());
    let environments = environments(findings);
    let mut out = String::new();
    out.push_str(
        "# How a release of this project comes from its first environment to its last.\n\
         # Written by `tiers init` from what stands in the repository; look it over before the first deployment.\n",
    );
    let _ = writeln!(out, "project = {}", quoted(&project));
    out.push_str(
        "# The shared memory of the team. Without it: a folder, for one person on one machine.\n\
         # ledger = \"s3://a-bucket-of-yours\"\n\
         # Gates and approvals are read from here, whatever is being deployed:\n\
         # policy = \"origin/main\"\n",
    );
    write_terraform(&mut out, findings);
    write_environments(&mut out, findings, &environments);
    for app in apps(findings, &project) {
        write_app(&mut out, &app, &environments[0]);
    }
    write_workflows(&mut out, findings);
    out
}

/// The one root module that can be named. Several can't, and one whose state's place stands in no file can't either.
fn write_terraform(out: &mut String, findings: &Findings) {
    let plain: Vec<&FoundTerraform> = findings
        .terraform
        .iter()
        .filter(|found| {
            let plain = |path: &str| is_plain_path(&path.replace("{environment}", "x"));
            // Files may stand beside the root module as well as below it.
            let mut files = [&found.backend, &found.var_file].into_iter().flatten();
            (found.root == "." || plain(&found.root)) && files.all(|path| plain(path.trim_start_matches("../")))
        })
        .collect();
    match plain[..] {
        [] => {}
        [found] if found.root.contains("{environment}") || has_place(&found.backend) => {
            let _ = writeln!(out, "\n[terraform]\nroot = {}", quoted(&found.root));
            let own_root = found.root.contains("{environment}");
            for (key, value) in [("backend", &found.backend), ("var_file", &found.var_file)] {
                // One file of values for all environments of a shared root says nothing of any of them.
                if let Some(value) = value.as_ref().filter(|value| own_root || value.contains("{environment}")) {
                    let _ = writeln!(out, "{key} = {}", quoted(value));
                }
            }
        }
        [found] => {
            let _ = writeln!(
                out,
                "\n# The state of {} is chosen on the command line; with a backend file for each environment, [terraform] can name\n\
                 # it. `tiers check` finds the values by itself.",
                found.root
            );
        }
        _ => {
            out.push_str("\n# [terraform] names one root module, and there are several; `tiers check` finds them all by itself:\n");
            for found in plain.into_iter().take(20) {
                let _ = writeln!(out, "#   {}", found.root);
            }
        }
    }
}

fn has_place(template: &Option<String>) -> bool {
    template.as_ref().is_some_and(|path| path.contains("{environment}"))
}

fn is_environment(name: &str) -> bool {
    is_well_formed(name) && name.len() <= ENVIRONMENT_MAX && !limits::RESERVED_ENVIRONMENTS.contains(&name)
}

/// In the order of a release's way; never empty.
fn environments(findings: &Findings) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in findings.environments.iter().filter(|name| is_environment(name)) {
        if !found.contains(name) {
            found.push(name.clone());
        }
    }
    if found.len() < 2 {
        found = ["dev", "staging", "prod"].map(str::to_owned).to_vec();
    }
    found
}

fn write_environments(out: &mut String, findings: &Findings, environments: &[String]) {
    let branch =
        |names: [&'static str; 3]| names.into_iter().find(|name| findings.branches.iter().any(|branch| branch == name));
    let main = branch(["main", "master", "trunk"]).unwrap_or("main");
    let develop = branch(["dev", "develop", "development"]);
    for (index, name) in environments.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| environments[before].as_str());
        let is_last = index + 1 == environments.len();
        let _ = writeln!(out, "\n[environments.{name}]");
        if let Some(before) = before {
            let _ = writeln!(out, "after = [{}]", quoted(before));
        }
        let on = match (before, develop) {
            (None, develop) => format!("branch = {}", quoted(develop.unwrap_or(main))),
            (Some(_), _) if is_last => "tag = \"v*.*.*\"".to_owned(),
            (Some(_), Some(_)) if index == 1 => format!("branch = {}", quoted(main)),
            (Some(before), _) => format!("verified = {}", quoted(before)),
        };
        let _ = writeln!(out, "on = {{ {on} }}");
        if is_last && !findings.tags.is_empty() && !findings.tags.iter().any(|tag| super::matches_ref("v*.*.*", tag)) {
            let last = findings.tags.last().map_or("", String::as_str);
            let _ = writeln!(out, "# The tags of this repository look different, as {} does.", quoted(last));
        }
        if is_last && index > 0 {
            out.push_str("rollback = \"automatic\"\n# approvals = 1\n# shift = { canary = \"10%\", bake = \"5m\", compatible = true }\n");
        }
        out.push_str("# Without an account it runs on this machine.\n# account = \"123456789012\"\n# region = \"eu-central-1\"\n");
        if index == 0 {
            out.push_str("# memory_mb = 512\n# timeout_s = 30\n# log_retention_days = 7\n");
        }
    }
}

struct FoundApp {
    name: String,
    paths: Vec<String>,
    image: String,
    comment: &'static str,
}

/// One app for each Dockerfile, or one from the build that the manifests suggest; never empty.
fn apps(findings: &Findings, project: &str) -> Vec<FoundApp> {
    let mut apps: Vec<FoundApp> = Vec::new();
    let mut dockerfiles: Vec<&String> = findings
        .files
        .iter()
        .filter(|path| {
            let name = path.rsplit('/').next().unwrap_or_default();
            (name == "Dockerfile" || name.starts_with("Dockerfile.") || name.ends_with(".Dockerfile"))
                && is_plain_path(path)
        })
        .collect();
    dockerfiles.sort();
    for path in dockerfiles {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let suffix = file.replace("Dockerfile", "");
        let suffix = suffix.trim_matches('.');
        let base = folder.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(project);
        let name = if suffix.is_empty() { base.to_owned() } else { format!("{base}-{suffix}") };
        let Some(name) = word(&name, COMPONENT_MAX) else { continue };
        if apps.iter().any(|app| app.name == name) {
            continue;
        }
        let paths = if folder.is_empty() { root_paths(findings) } else { vec![format!("{folder}/**")] };
        apps.push(FoundApp { name, paths, image: format!("{{ dockerfile = {} }}", quoted(path)), comment: "" });
    }
    if apps.is_empty() {
        let has = |name: &str| findings.files.iter().any(|path| path == name);
        let (image, comment) = if has("Cargo.toml") {
            (
                "{ files = [{ from = \"target/release/bootstrap\", to = \"/var/runtime/bootstrap\" }], \
                 run = \"cargo build --release --locked\", entrypoint = \"/var/runtime/bootstrap\" }",
                "# Put in the name of the program that cargo makes.\n",
            )
        } else {
            ("{ dockerfile = \"Dockerfile\" }", "# No Dockerfile was found: write one, or say where it is.\n")
        };
        let name = word(project, COMPONENT_MAX).unwrap_or_else(|| "app".to_owned());
        apps.push(FoundApp { name, paths: root_paths(findings), image: image.to_owned(), comment });
    }
    apps
}

/// Everything but what a release does not consist of.
fn root_paths(findings: &Findings) -> Vec<String> {
    let mut paths = vec!["**".to_owned()];
    let mut left_out: Vec<&str> = Vec::new();
    for folder in ["terraform", "infra", "docs", ".github"] {
        if findings.files.iter().any(|path| below(path, folder)) {
            left_out.push(folder);
        }
    }
    for found in &findings.terraform {
        // What stands before the environment's own folder; the root of the repository is no folder to leave out.
        let folder = found.root.split("{environment}").next().unwrap_or_default().trim_end_matches('/');
        if is_plain_path(folder) && !left_out.iter().any(|known| folder == *known || below(folder, known)) {
            left_out.push(folder);
        }
    }
    paths.extend(left_out.iter().map(|folder| format!("!{folder}/**")));
    paths.extend(["!**/*.md".to_owned(), "!tiers.toml".to_owned()]);
    paths
}

fn write_app(out: &mut String, app: &FoundApp, first: &str) {
    let name = &app.name;
    let paths: Vec<String> = app.paths.iter().map(|path| quoted(path)).collect();
    let _ = write!(
        out,
        "\n[apps.{name}]\n# The files that make up a release: a change elsewhere builds nothing.\npaths = [{}]\n{}image = {}\n\
         # What changes together: functions from one image. `{{ worker = {{ command = [\"…\"] }} }}` where they differ.\n\
         components = [{}]\n",
        paths.join(", "),
        app.comment,
        app.image,
        quoted(name),
    );
    let _ = write!(
        out,
        "\n# [[apps.{name}.gates]]\n# name = \"smoke\"\n# at = \"staged\"\n\
         # invoke = {{ component = {}, path = \"/health\", expect = 200 }}\n# effect = {{ {first} = \"withhold\" }}\n",
        quoted(name),
    );
}

fn write_workflows(out: &mut String, findings: &Findings) {
    let deploys: Vec<&String> = findings
        .files
        .iter()
        .filter(|path| path.starts_with(".github/workflows/") && is_plain_path(path))
        .filter(|path| ["deploy", "release", "promote", "cd"].iter().any(|word| path.contains(word)))
        .collect();
    if !deploys.is_empty() {
        out.push_str("\n# These workflows look as if they deployed something; `tiers build` and `tiers deploy` belong there instead:\n");
        for path in deploys.into_iter().take(20) {
            let _ = writeln!(out, "#   {path}");
        }
    }
}

fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The name as tiers takes it, at most so many characters; `None` where nothing is left of it.
fn word(name: &str, max: usize) -> Option<String> {
    let mut out = String::new();
    for character in name.to_lowercase().chars() {
        let character = if character.is_ascii_alphanumeric() { character } else { '-' };
        let fits =
            if out.is_empty() { character.is_ascii_lowercase() } else { character != '-' || !out.ends_with('-') };
        if fits && out.len() < max {
            out.push(character);
        }
    }
    let out = out.trim_end_matches('-').to_owned();
    is_well_formed(&out).then_some(out)
}

/// True for a path that means itself as a glob, in a comment and in a text.
fn is_plain_path(path: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ' ' | '+' | '@');
    !path.is_empty()
        && !path.starts_with(['/', '!'])
        && path.chars().all(plain)
        && !path.split('/').any(|part| matches!(part, "" | "." | ".."))
}

/// A TOML text.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
