//! Every file by what it contains, parsed in parallel.

use rayon::prelude::*;

use crate::action::Action;
use crate::command::{self, Command};
use crate::elsewhere::is_worded;
use crate::hcl::{self, Body, Expr, Reader, SyntaxError};
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
    tree.files().par_iter().with_min_len(16).with_max_len(128).map_init(Reader::default, parse_file).collect()
}

fn parse_file<'a>(reader: &mut Reader<'a>, file: &'a File) -> Parsed<'a> {
    let name = file.name();
    let lower = name.to_ascii_lowercase();
    let Some(text) = file.text() else {
        let read = [".tfvars", ".tfbackend"].iter().any(|end| lower.ends_with(end));
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
        return readable(hcl::parse_json_values(text), |body| values_or_settings(&lower, body));
    }
    match lower.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "tf" | "tofu" => readable(hcl::parse_with(reader, text), Parsed::Terraform),
        "tfvars" => readable(hcl::parse_with(reader, text), |body| values_or_settings(&lower, body)),
        "hcl" if is_other_hcl(&lower) => Parsed::Nothing,
        "hcl" => match hcl::parse_with(reader, text) {
            Ok(body) if is_terragrunt(&lower, &body) => Parsed::Terragrunt,
            Ok(body) if is_settings(&lower, &body) => Parsed::Settings(body),
            Ok(_) => Parsed::Nothing,
            Err(error) if lower.contains("backend") => Parsed::Unreadable(error),
            Err(_) => Parsed::Nothing,
        },
        "tfbackend" => readable(hcl::parse_with(reader, text), Parsed::Settings),
        // Many programs have files with these extensions: one that does not read as settings of a backend is none.
        "conf" | "config" => match hcl::parse_with(reader, text) {
            Ok(body) if is_settings(&lower, &body) => Parsed::Settings(body),
            _ => Parsed::Nothing,
        },
        "yml" | "yaml" if is_workflow_path(file.path()) => match Workflow::read(text) {
            Ok(workflow) => Parsed::Workflow(Box::new(workflow)),
            Err(invalid) => Parsed::InvalidWorkflow(invalid),
        },
        "yml" | "yaml" if workflow_folder(file.path()).is_some() => Parsed::Nothing,
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

/// Settings that the backends of Terraform know, as far as they tell one state from another or say how it is kept.
pub(crate) const BACKEND_SETTINGS: &[&str] = &[
    "access_key",
    "acl",
    "address",
    "allowed_account_ids",
    "assume_role",
    "bucket",
    "client_id",
    "conn_str",
    "container_name",
    "credentials",
    "dynamodb_endpoint",
    "dynamodb_table",
    "encrypt",
    "encryption_key",
    "endpoint",
    "endpoints",
    "environment",
    "force_path_style",
    "hostname",
    "iam_endpoint",
    "impersonate_service_account",
    "key",
    "kms_encryption_key",
    "kms_key_id",
    "lock_address",
    "lock_method",
    "lock_table",
    "max_retries",
    "namespace",
    "organization",
    "password",
    "path",
    "prefix",
    "profile",
    "region",
    "resource_group_name",
    "role_arn",
    "schema_name",
    "secret_key",
    "secret_suffix",
    "session_name",
    "shared_config_files",
    "shared_credentials_file",
    "skip_credentials_validation",
    "skip_metadata_api_check",
    "skip_region_validation",
    "skip_requesting_account_id",
    "skip_s3_checksum",
    "snapshot",
    "sse_customer_key",
    "storage_account_name",
    "subscription_id",
    "tenant_id",
    "token",
    "unlock_address",
    "unlock_method",
    "use_azuread_auth",
    "use_lockfile",
    "use_msi",
    "use_oidc",
    "use_path_style",
    "username",
    "workspace_dir",
    "workspace_key_prefix",
    "workspaces",
    "external_id",
    "workspace_prefix",
    "file",
];

/// Settings of which one at least must stand in a file before it counts as a backend's.
const TELLING_SETTINGS: &[&str] = &[
    "bucket",
    "key",
    "container_name",
    "storage_account_name",
    "prefix",
    "dynamodb_table",
    "use_lockfile",
    "conn_str",
    "workspace_key_prefix",
    "organization",
    "hostname",
    "resource_group_name",
    "address",
    "secret_suffix",
];

fn is_settings(name: &str, body: &Body<'_>) -> bool {
    let known = |name: &str| BACKEND_SETTINGS.contains(&name);
    let only_known =
        body.attrs.iter().all(|attr| known(attr.name)) && body.blocks.iter().all(|block| known(block.kind));
    let telling = body.attrs.iter().any(|attr| TELLING_SETTINGS.contains(&attr.name));
    let named = name.contains("backend") || name.contains("state");
    only_known && (telling || (named && body.attrs.iter().any(|attr| known(attr.name))))
}

/// A `.tfvars` file may hold a backend's settings (`state.tfvars`, `dev.backend.tfvars`). A variable may be called `region` or
/// `bucket` too, so that either the name of the file or a state's key must say what it is.
fn values_or_settings<'a>(name: &str, body: Body<'a>) -> Parsed<'a> {
    let named = name.contains("backend") || name.contains("state") || name.contains("tfbackend");
    let has_key =
        body.attr("key").is_some_and(|key| matches!(&key.value.expr, Expr::Str(text) if text.contains("tfstate")));
    if is_settings(name, &body) && (named || (has_key && body.attr("bucket").is_some())) {
        Parsed::Settings(body)
    } else {
        Parsed::Values(body)
    }
}
