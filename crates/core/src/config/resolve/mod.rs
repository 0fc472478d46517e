//! From the file as typed to the project as resolved. Every part writes its problems down and goes on with a stand-in, so that
//! one run shows them all; where there was an error, no project comes out.

mod apps;
mod check;
mod environments;
mod gates;
mod image;
mod names;
mod order;
mod settings;
mod shift;
mod values;

use std::collections::BTreeMap;
use std::ops::Range;

use super::model::{Environment, Facts, Ledger, Project, Terraform};
use super::notes::Notes;
use super::spanned::{Spanned, Table};
use super::{limits, structure, typed};
use crate::id::Env;
use crate::problem::{Code, Problem};

/// A file that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub project: Project,
    /// In the order of the file.
    pub warnings: Vec<Problem>,
}

/// Reads a tiers.toml. `file` is the name that problems carry. The error is every problem that was found, warnings included, in
/// the order of the file, and holds at least one error.
pub fn load(file: &str, text: &str, facts: &Facts) -> Result<Loaded, Vec<Problem>> {
    let mut notes = Notes::new(file, text);
    let project = structure::read(&mut notes).map(|typed| Resolver { notes: &mut notes, facts }.project(&typed));
    match project {
        Some(project) if !notes.has_errors() => Ok(Loaded { project, warnings: notes.into_problems() }),
        _ => Err(notes.into_problems()),
    }
}

/// The Terraform variable files whose values [`load`] will need as [`Facts::tfvars`]: environment and path, relative to the
/// folder of tiers.toml. Empty where no setting is taken from one, and where the file has problems that [`load`] will tell.
pub fn tfvars_files(text: &str) -> BTreeMap<String, String> {
    let mut notes = Notes::new("", text);
    let Some(typed) = structure::read(&mut notes) else { return BTreeMap::new() };
    let Some(terraform) = &typed.terraform else { return BTreeMap::new() };
    let Some(var_file) = &terraform.var_file else { return BTreeMap::new() };
    let root = terraform.root.as_ref().map(|root| format!("{}/", root.trim_end_matches('/'))).unwrap_or_default();
    settings::environments_with_tfvars(&typed)
        .into_iter()
        .map(|name| {
            let path = format!("{root}{}", **var_file).replace("{environment}", &name);
            (name, path)
        })
        .collect()
}

/// Environments as typed, in the order of the file.
type Environments<'t> = &'t [(Spanned<String>, Spanned<typed::Environment>)];

/// What every part needs: the notes, what the caller knows, and nothing else.
struct Resolver<'n, 'a, 'f> {
    notes: &'n mut Notes<'a>,
    facts: &'f Facts,
}

impl Resolver<'_, '_, '_> {
    /// See [`Notes::lost`].
    fn lost<T>(&self, table: &Spanned<T>, keys: &[&str]) -> bool {
        self.notes.lost(&table.span(), keys)
    }

    fn add(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) -> &mut Problem {
        self.notes.add(code, span, message)
    }

    fn project(mut self, file: &typed::File) -> Project {
        let name = match &file.project {
            Some(name) => {
                self.name(name, "a project");
                (**name).clone()
            }
            None => String::new(),
        };
        let empty = Table::default();
        let environments = file.environments.as_ref().map_or(&empty, |table| &**table);
        if environments.is_empty() && file.environments.is_some() {
            let span = file.environments.as_ref().map_or(0..0, Spanned::span);
            self.add(Code::MissingKey, span, "there is no environment")
                .hint("Add one: `[environments.dev]` with `on = { branch = \"dev\" }`.");
        }
        let typed_environments: Environments<'_> = environments;
        let keys = self.keys(&file.keys);
        let environments = self.environments(typed_environments, &keys);
        let apps = self.apps(file, &name, typed_environments, &environments);
        let terraform = file.terraform.as_ref().map(|terraform| self.terraform(terraform, &environments));
        let project = Project {
            name_pattern: file.name.as_ref().map_or(limits::DEFAULT_NAME, |name| name.as_str()).to_owned(),
            ledger: self.ledger(&file.ledger),
            policy: file.policy.as_ref().and_then(|policy| self.policy(policy)),
            solo: file.solo.unwrap_or(false),
            required_tags: self.required_tags(file),
            allowed_tags: file
                .tags
                .iter()
                .flat_map(|tags| tags.allowed.iter())
                .map(|(tag, values)| (tag.to_string(), values.clone()))
                .collect(),
            terraform,
            check: file.check.as_ref().map(|check| self.accepted(check)).unwrap_or_default(),
            keys,
            environments,
            apps,
            name,
        };
        self.unshared_ledger(file, &project);
        project
    }

    fn ledger(&mut self, typed: &typed::Text) -> Ledger {
        let Some(typed) = typed else { return Ledger::Folder(limits::DEFAULT_LEDGER.to_owned()) };
        let text = typed.as_str();
        let span = typed.span();
        let folder = Ledger::Folder(text.to_owned());
        match text.split_once("://") {
            None if text.trim().is_empty() => {
                self.add(Code::BadValue, span, "the ledger's place is empty")
                    .hint("Name a folder, or a URL such as `s3://bucket`.");
                folder
            }
            None if text == "memory" || text == "memory:" => {
                self.memory_ledger(span);
                folder
            }
            None => folder,
            Some(("file", path)) if path.starts_with('/') && path.len() > 1 => Ledger::Folder(path.to_owned()),
            Some(("file", _)) => {
                self.add(Code::BadValue, span, "a file URL needs an absolute path")
                    .hint("Write `file:///srv/ledger`, or a folder without `file://`.");
                folder
            }
            Some(("s3", rest)) if !rest.split('/').next().unwrap_or_default().is_empty() => {
                Ledger::Url(text.to_owned())
            }
            Some(("s3", _)) => {
                self.add(Code::BadValue, span, "the URL names no bucket")
                    .hint("Write `s3://bucket` or `s3://bucket/prefix`.");
                folder
            }
            Some(("memory", _)) => {
                self.memory_ledger(span);
                folder
            }
            Some((scheme, _)) => {
                let message = format!("a ledger can't be kept behind `{scheme}://`");
                self.add(Code::BadValue, span, message)
                    .hint("Use a folder, `file:///absolute/path` or `s3://bucket/prefix`.");
                folder
            }
        }
    }

    fn memory_ledger(&mut self, span: Range<usize>) {
        self.add(Code::BadValue, span, "a ledger in memory ends with the process")
            .meaning("Nobody could resume, undo or prove anything: the next command would know nothing of this one.")
            .hint("Use a folder, `file:///absolute/path` or `s3://bucket/prefix`.");
    }

    /// Git takes what begins with a hyphen for an option, so that this is more than a matter of form.
    fn policy(&mut self, typed: &Spanned<String>) -> Option<String> {
        let text = typed.as_str();
        let bad = text.is_empty()
            || text.starts_with(['-', '/'])
            || text.ends_with(['/', '.'])
            || text.contains("..")
            || text.contains("@{")
            || text
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\'));
        if bad {
            self.add(Code::BadValue, typed.span(), format!("`{text}` is not the name of a git ref"))
                .hint("Name a protected branch as it is fetched, for example `policy = \"origin/main\"`.");
            return None;
        }
        Some(text.to_owned())
    }

    fn keys(&mut self, typed: &Table<Spanned<String>>) -> BTreeMap<String, String> {
        let mut keys: BTreeMap<String, String> = BTreeMap::new();
        for (person, key) in typed.iter() {
            let hex = key.strip_prefix("ed25519:").unwrap_or_default();
            if hex.len() != 64 || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                self.add(Code::BadValue, key.span(), format!("the key of `{}` is not a public key", person.as_str()))
                    .hint("Write `ed25519:` and 64 lower-case hexadecimal digits.");
            } else if let Some((other, _)) = keys.iter().find(|(_, known)| *known == hex) {
                let message = format!("`{}` has the key of `{other}`", person.as_str());
                self.add(Code::Duplicate, key.span(), message)
                    .meaning("One person could approve in two names.")
                    .hint("Give each person a key of their own.");
            }
            keys.insert((**person).clone(), hex.to_owned());
        }
        keys
    }

    fn required_tags(&mut self, file: &typed::File) -> Vec<String> {
        let Some(required) = file.tags.as_ref().and_then(|tags| tags.required.as_ref()) else { return Vec::new() };
        for tag in required.iter() {
            if tag.is_empty()
                || tag.chars().count() > crate::naming::TAG_KEY_MAX
                || tag.to_lowercase().starts_with("aws:")
            {
                self.add(Code::BadValue, tag.span(), format!("`{}` can't be the name of a tag", tag.as_str()))
                    .hint("A tag's name has 1 to 128 characters and does not begin with `aws:`.");
            }
        }
        required.iter().map(|tag| (**tag).clone()).collect()
    }

    fn terraform(&mut self, typed: &typed::Terraform, environments: &[Environment]) -> Terraform {
        self.terraform_texts(typed);
        self.terraform_places(typed, environments.len());
        let protected = typed.protected.iter().flat_map(|list| list.iter()).map(|name| (**name).clone()).collect();
        let ask = match &typed.ask {
            // The end of the way: what comes after it are users.
            None => {
                let is_last = |name: &Env| !environments.iter().any(|other| other.after.contains(name));
                environments.iter().map(|e| e.name.clone()).filter(is_last).collect()
            }
            Some(list) => list.iter().filter_map(|name| self.declared(name, environments)).collect(),
        };
        let text = |typed: &typed::Text| typed.as_ref().map(|text| (**text).clone());
        Terraform {
            root: text(&typed.root).unwrap_or_default(),
            backend: text(&typed.backend),
            var_file: text(&typed.var_file),
            program: text(&typed.program).unwrap_or_else(|| "terraform".to_owned()),
            protected,
            ask,
            applied_first: typed.applied_first.unwrap_or_default(),
        }
    }

    fn declared(&mut self, name: &Spanned<String>, environments: &[Environment]) -> Option<Env> {
        let found = environments.iter().find(|environment| environment.name.as_str() == name.as_str());
        if found.is_none() {
            self.unknown(name, name.span(), "environment", environments.iter().map(|e| e.name.as_str()));
        }
        found.map(|environment| environment.name.clone())
    }

    fn terraform_texts(&mut self, typed: &typed::Terraform) {
        for text in [&typed.root, &typed.backend, &typed.var_file].into_iter().flatten() {
            let rest = text.replace("{environment}", "");
            if rest.contains(['{', '}']) {
                self.add(Code::BadValue, text.span(), "only `{environment}` can be filled in here")
                    .hint("Write `{environment}` where the environment's name stands, for example `envs/{environment}/backend.hcl`.");
            }
            if text.trim().is_empty() || text.starts_with('/') {
                self.add(Code::BadValue, text.span(), "expected a path in the repository")
                    .hint("Paths stand below the folder of tiers.toml, without a slash at the beginning.");
            }
        }
        if typed.program.as_ref().is_some_and(|program| program.trim().is_empty()) {
            let span = typed.program.as_ref().map_or(0..0, Spanned::span);
            self.add(Code::BadValue, span, "the program's name is empty").hint("Write `terraform` or `tofu`.");
        }
        for name in typed.protected.iter().flat_map(|list| list.iter()).filter(|name| name.trim().is_empty()) {
            self.add(Code::BadValue, name.span(), "an empty name protects nothing")
                .hint("Write a type of resources, `aws_rds_cluster`, or an address, `module.network`.");
        }
    }

    fn terraform_places(&mut self, typed: &typed::Terraform, environments: usize) {
        let varies = |text: &typed::Text| text.as_ref().is_some_and(|text| text.contains("{environment}"));
        if environments > 1 && !varies(&typed.root) {
            if let Some(place) = typed.backend.as_ref().or(typed.root.as_ref()).filter(|_| !varies(&typed.backend)) {
                self.add(Code::SameState, place.span(), "every environment has the same Terraform backend").hint(
                    "Put `{environment}` into the path: `backend = \"envs/{environment}/backend.hcl\"`, \
                     or `root = \"terraform/{environment}\"` where each environment has a root of its own.",
                );
            }
            if let Some(var_file) = typed.var_file.as_ref().filter(|_| !varies(&typed.var_file)) {
                self.add(Code::SameValues, var_file.span(), "every environment has the same variables file")
                    .hint("Put `{environment}` into the path: `var_file = \"envs/{environment}/terraform.tfvars\"`.")
                    .warn();
            }
        }
    }

    fn unshared_ledger(&mut self, file: &typed::File, project: &Project) {
        let Some(account) = project.environments.iter().find(|environment| !environment.is_local()) else { return };
        if project.solo || matches!(project.ledger, Ledger::Url(_)) {
            return;
        }
        let span = file
            .ledger
            .as_ref()
            .map(Spanned::span)
            .or_else(|| {
                let mut environments = file.environments.iter().flat_map(|table| table.iter());
                let (_, typed) = environments.find(|(name, _)| name.as_str() == account.name.as_str())?;
                typed.account.as_ref().map(Spanned::span)
            })
            .unwrap_or(0..0);
        let message = format!("the ledger is a folder of this machine, and `{}` is a real account", account.name);
        self.add(Code::UnsharedLedger, span, message)
            .hint("Set `ledger = \"s3://…\"`, or `solo = true` if one person deploys from one machine. Until then deployments there are refused.")
            .warn();
    }
}
