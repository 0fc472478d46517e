//! Every file by what it contains, parsed in parallel.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::action::Action;
use crate::backend_file;
use crate::command::{self, Command};
use crate::elsewhere::is_worded;
use crate::hcl::{self, Body, Reader, SyntaxError};
use crate::model::is_configuration_name;
use crate::tree::{File, FileTree, is_workflow_path, workflow_folder};
use crate::workflow::{Invalid, Workflow};

/// What a file turned out to be.
#[derive(Debug, Default)]
pub(crate) enum Parsed<'a> {
    #[default]
    Nothing,
    /// Configuration: `.tf`, `.tofu`, `.tf.json`.
    Terraform(Body<'a>),
    /// Values of variables: `.tfvars`, `.tfvars.json`.
    Values(Body<'a>),
    /// Settings of a backend, whatever the file is called.
    Settings(Body<'a>),
    /// What may be such settings, until it is known what else there is. None is left once all files are parsed.
    Perhaps(Body<'a>),
    /// What Terragrunt runs; its values are computed when it runs.
    Terragrunt,
    /// The commands of a shell script, a Makefile or a justfile.
    Script(Vec<Command<'a>>),
    Workflow(Box<Workflow<'a>>),
    Action(Box<Action<'a>>),
    InvalidWorkflow(Invalid),
    /// What is read for its words alone.
    Words(&'a str),
    /// The lines of a `.gitignore`.
    Ignores(Vec<&'a str>),
    Unreadable(SyntaxError),
}

/// What a file is to a root module that it is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Values,
    Settings,
}

impl Parsed<'_> {
    /// Of values and of settings of a backend, which; one that cannot be read is told by its name.
    pub(crate) fn given_as(&self, name: &str) -> Option<Given> {
        match self {
            Parsed::Values(_) => Some(Given::Values),
            Parsed::Settings(_) => Some(Given::Settings),
            Parsed::Unreadable(_) if is_configuration_name(name) => None,
            Parsed::Unreadable(_) => {
                let values = name.contains(".tfvars") && !name.contains("backend") && !name.contains("state");
                Some(if values { Given::Values } else { Given::Settings })
            }
            _ => None,
        }
    }
}

/// The parsed files, in the order of the tree.
pub(crate) fn parse<'a>(tree: &'a FileTree) -> Vec<Parsed<'a>> {
    let mut parsed: Vec<Parsed<'a>> =
        tree.files().par_iter().with_min_len(16).with_max_len(128).map_init(Reader::default, parse_file).collect();
    backend_file::decide(tree, &mut parsed);
    parsed
}

fn parse_file<'a>(reader: &mut Reader<'a>, file: &'a File) -> Parsed<'a> {
    let name = file.name();
    let lower = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    };
    let Some(text) = file.text() else {
        let read = [".tfvars", ".tfbackend", ".backend"].iter().any(|end| lower.ends_with(end));
        let error = || SyntaxError { message: "it is no UTF-8".into(), offset: 0 };
        return if read { Parsed::Unreadable(error()) } else { Parsed::Nothing };
    };
    if lower == ".gitignore" {
        return Parsed::Ignores(
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect(),
        );
    }
    if is_worded(file.path()) {
        return Parsed::Words(text);
    }
    if lower.ends_with(".tf.json") || lower.ends_with(".tofu.json") {
        return readable(hcl::parse_json(text), Parsed::Terraform);
    }
    if lower.ends_with(".tfvars.json") {
        return readable(hcl::parse_json_values(text), |body| backend_file::or_values(file.path(), body));
    }
    if lower.ends_with(".tfbackend.json") {
        return readable(hcl::parse_json_values(text), Parsed::Settings);
    }
    if backend_file::may_be_named(&lower) {
        let body = match lower.ends_with(".json") {
            true => hcl::parse_json_values(text),
            false => hcl::parse_with(reader, text),
        };
        return match body {
            Ok(body) => backend_file::or_nothing(file.path(), body),
            Err(error) if lower.ends_with(".backend") => Parsed::Unreadable(error),
            // Many programs have files with these names: one that does not read as settings of a backend is none.
            Err(_) => Parsed::Nothing,
        };
    }
    match lower.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "tf" | "tofu" => readable(hcl::parse_with(reader, text), Parsed::Terraform),
        "tfvars" => readable(hcl::parse_with(reader, text), |body| backend_file::or_values(file.path(), body)),
        "hcl" if is_other_hcl(&lower) => Parsed::Nothing,
        "hcl" => match hcl::parse_with(reader, text) {
            Ok(body) if is_terragrunt(&lower, &body) => Parsed::Terragrunt,
            Ok(body) => backend_file::or_nothing(file.path(), body),
            Err(error) if lower.contains("backend") => Parsed::Unreadable(error),
            Err(_) => Parsed::Nothing,
        },
        "tfbackend" => readable(hcl::parse_with(reader, text), Parsed::Settings),
        "yml" | "yaml" if is_workflow_path(file.path()) => match Workflow::read(text) {
            Ok(workflow) => Parsed::Workflow(Box::new(workflow)),
            Err(invalid) => Parsed::InvalidWorkflow(invalid),
        },
        "yml" | "yaml" if workflow_folder(file.path()).is_some() => Parsed::Nothing,
        "json" => Parsed::Nothing,
        "yml" | "yaml" => Action::read(text).map_or(Parsed::Nothing, |action| Parsed::Action(Box::new(action))),
        _ => Parsed::Script(command::split(text, 0)),
    }
}

fn readable<'a>(body: Result<Body<'a>, SyntaxError>, wrap: impl FnOnce(Body<'a>) -> Parsed<'a>) -> Parsed<'a> {
    match body {
        Ok(body) => wrap(body),
        Err(error) => Parsed::Unreadable(error),
    }
}

/// Files in HCL that belong to something else.
fn is_other_hcl(name: &str) -> bool {
    const OTHERS: &[&str] =
        &[".tftest.hcl", ".tfmock.hcl", ".lock.hcl", ".pkr.hcl", ".nomad.hcl", ".tfquery.hcl", ".tfstack.hcl"];
    OTHERS.iter().any(|other| name.ends_with(other)) || name.starts_with(".tflint") || name.ends_with(".tfdeploy.hcl")
}

fn is_terragrunt(name: &str, body: &Body<'_>) -> bool {
    if name == "terragrunt.hcl" || name == "terragrunt.stack.hcl" {
        return true;
    }
    body.block("remote_state").is_some()
        || body.block("include").is_some()
        || (body.block("terraform").is_some_and(|block| block.body.attr("source").is_some())
            && body.attr("inputs").is_some())
}
