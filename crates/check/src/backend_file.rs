//! Which files hold settings of a backend, whatever they are called.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use foldhash::HashSet;

use crate::command::Command;
use crate::discover::{names, usage};
use crate::hcl::{Attr, Body, Expr};
use crate::model::FileId;
use crate::parsed::Parsed;
use crate::tree::FileTree;

/// Settings that the backends of Terraform know.
///
/// Source: the backends' documentation, as of Terraform 1.11, with what older versions knew.
#[rustfmt::skip]
const SETTINGS: &[&str] = &[
    // s3
    "access_key", "acl", "allowed_account_ids", "assume_role", "assume_role_duration_seconds", "assume_role_policy",
    "assume_role_policy_arns", "assume_role_tags", "assume_role_transitive_tag_keys", "assume_role_with_web_identity",
    "bucket", "custom_ca_bundle", "dynamodb_endpoint", "dynamodb_table", "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode", "encrypt", "endpoint", "endpoints", "external_id", "forbidden_account_ids",
    "force_path_style", "http_proxy", "https_proxy", "iam_endpoint", "insecure", "key", "kms_key_id", "lock_table",
    "max_retries", "no_proxy", "profile", "region", "retry_mode", "role_arn", "secret_key", "session_name",
    "shared_config_files", "shared_credentials_file", "shared_credentials_files", "skip_credentials_validation",
    "skip_metadata_api_check", "skip_region_validation", "skip_requesting_account_id", "skip_s3_checksum",
    "sse_customer_key", "sts_endpoint", "sts_region", "token", "use_dualstack_endpoint", "use_fips_endpoint",
    "use_legacy_workflow", "use_lockfile", "use_path_style", "workspace_key_prefix",
    // gcs
    "access_token", "credentials", "encryption_key", "impersonate_service_account",
    "impersonate_service_account_delegates", "kms_encryption_key", "path", "prefix", "project",
    "storage_custom_endpoint",
    // azurerm
    "ado_pipeline_service_connection_id", "arm_client_id", "arm_client_secret", "arm_subscription_id", "arm_tenant_id",
    "client_certificate", "client_certificate_password", "client_certificate_path", "client_id", "client_id_file_path",
    "client_secret", "client_secret_file_path", "container_name", "environment", "lookup_blob_endpoint",
    "metadata_host", "msi_endpoint", "oidc_request_token", "oidc_request_url", "oidc_token", "oidc_token_file_path",
    "resource_group_name", "sas_token", "snapshot", "storage_account_name", "subscription_id", "tenant_id",
    "use_aks_workload_identity", "use_azuread_auth", "use_cli", "use_microsoft_graph", "use_msi", "use_oidc",
    // local, http, consul, pg
    "address", "ca_file", "cert_file", "client_ca_certificate_pem", "client_certificate_pem", "client_private_key_pem",
    "conn_str", "datacenter", "gzip", "http_auth", "key_file", "lock", "lock_address", "lock_method", "password",
    "retry_max", "retry_wait_max", "retry_wait_min", "schema_name", "scheme", "skip_cert_verification",
    "skip_index_creation", "skip_schema_creation", "skip_table_creation", "unlock_address", "unlock_method",
    "update_method", "username", "workspace_dir",
    // kubernetes
    "client_key", "cluster_ca_certificate", "config_context", "config_context_auth_info", "config_context_cluster",
    "config_path", "config_paths", "exec", "host", "in_cluster_config", "labels", "load_config_file", "namespace",
    "proxy_url", "secret_suffix", "tls_server_name",
    // cos, oss, oci
    "accelerate", "assume_role_role_arn", "assume_role_session_name", "auth",
    "config_file_profile", "domain", "ecs_role_name", "fingerprint", "private_key", "private_key_path", "secret_id",
    "security_token", "tablestore_endpoint", "tablestore_table", "tenancy_ocid", "user_ocid",
    // remote and cloud
    "hostname", "organization", "workspaces", "workspace_prefix",
];

/// Settings of which one at least must stand in a file before it counts as a backend's by what it holds alone.
const TELLING: &[&str] = &[
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

/// Of those, what other programs' settings are called too.
const COMMON: &[&str] = &["key", "prefix", "organization", "hostname", "address"];

/// Extensions of files in which people keep a backend's settings beside `.hcl`, `.tfvars` and `.tfbackend`.
const EXTENSIONS: &[&str] = &["backend", "conf", "config", "cfg", "ini"];

/// Whether a file may hold settings of a backend by its name in small letters, where that does not make it something else.
pub(crate) fn may_be_named(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return is_of_backend(name) };
    let after_environment = || names::find(extension).is_some_and(|named| named.whole);
    // What most files are called.
    if matches!(extension, "tf" | "tfvars" | "hcl") {
        return false;
    }
    EXTENSIONS.contains(&extension) || (is_of_backend(stem) && (extension == "json" || after_environment()))
}

/// `backend`, `prod-backend`, `backend_config`: one of its words says so.
fn is_of_backend(text: &str) -> bool {
    names::words(text).iter().any(|(start, end)| matches!(&text[*start..*end], "backend" | "backends" | "tfbackend"))
}

/// Whether the file's name says that it is a backend's.
fn says_backend(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.contains("backend") || name.contains("state")
}

/// Whether the folder that it stands in says so. Values of a service may stand in a folder `backend` too.
fn folder_says_backend(path: &str) -> bool {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    is_of_backend(&dir.rsplit('/').next().unwrap_or(dir).to_ascii_lowercase())
}

/// The setting of some backend that is called so.
pub(crate) fn setting(name: &str) -> Option<&'static str> {
    static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| SETTINGS.iter().copied().collect());
    KNOWN.get(name).copied()
}

fn only_settings(body: &Body<'_>) -> bool {
    let known = |name: &str| setting(name).is_some();
    let some = !body.attrs.is_empty() || !body.blocks.is_empty();
    // Other formats know words without quotes, which Terraform would take for references.
    let is_setting = |attr: &Attr<'_>| known(attr.name) && !matches!(attr.value.expr, Expr::Path(..));
    some && body.attrs.iter().all(is_setting) && body.blocks.iter().all(|block| known(block.kind))
}

fn is_telling(body: &Body<'_>) -> bool {
    // Other programs encrypt with a key of that name.
    let encrypts = || body.attr("encrypt").is_some_and(|attr| matches!(attr.value.expr, Expr::Bool(_)));
    body.attrs.iter().any(|attr| TELLING.contains(&attr.name)) || encrypts()
}

/// The same of a file with an extension that many programs use.
fn is_telling_among_others(body: &Body<'_>) -> bool {
    body.attrs.iter().any(|attr| TELLING.contains(&attr.name) && !COMMON.contains(&attr.name)) || names_state(body)
}

/// Its key is that of a state.
fn names_state(body: &Body<'_>) -> bool {
    body.attr("key").is_some_and(|key| matches!(&key.value.expr, Expr::Str(text) if text.contains("tfstate")))
}

/// A file that is of no use where it holds no settings of a backend.
pub(crate) fn or_nothing<'a>(path: &str, body: Body<'a>) -> Parsed<'a> {
    let of_others = EXTENSIONS.contains(&extension(path)) && extension(path) != "backend";
    let is_telling = if of_others { is_telling_among_others } else { is_telling };
    match only_settings(&body) {
        true if is_telling(&body) || says_backend(path) || folder_says_backend(path) => Parsed::Settings(body),
        true => Parsed::Perhaps(body),
        false => Parsed::Nothing,
    }
}

/// A `.tfvars` file may hold a backend's settings (`state.tfvars`, `dev.backend.tfvars`). A variable may be called `region` or
/// `bucket` too, so that either the name of the file or a state's key must say what it is.
pub(crate) fn or_values<'a>(path: &str, body: Body<'a>) -> Parsed<'a> {
    let is_state = || names_state(&body) && body.attr("bucket").is_some();
    if only_settings(&body) && is_telling(&body) && (says_backend(path) || is_state()) {
        Parsed::Settings(body)
    } else {
        Parsed::Values(body)
    }
}

/// Decides what could not be told file by file: a command says what a file is for, and so do the files beside it.
pub(crate) fn decide<'a>(tree: &FileTree, parsed: &mut [Parsed<'a>]) {
    let given = Given::find(parsed);
    let mut beside: BTreeSet<(&str, &str)> = BTreeSet::new();
    if parsed.iter().any(|parsed| matches!(parsed, Parsed::Perhaps(_))) {
        let settings = tree.files().iter().zip(parsed.iter()).filter(|(_, it)| matches!(it, Parsed::Settings(_)));
        beside = settings.map(|(file, _)| (file.dir(), extension(file.name()))).collect();
    }
    for (file, parsed) in tree.files().iter().zip(parsed) {
        match parsed {
            Parsed::Perhaps(body) => {
                let is = beside.contains(&(file.dir(), extension(file.name()))) || given.as_settings(file.path());
                let body = std::mem::take(body);
                *parsed = if is { Parsed::Settings(body) } else { Parsed::Nothing };
            }
            Parsed::Values(body) if given.any() && only_settings(body) && given.as_settings(file.path()) => {
                *parsed = Parsed::Settings(std::mem::take(body));
            }
            _ => {}
        }
    }
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The files that commands give to Terraform, as patterns.
#[derive(Default)]
struct Given {
    settings: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl Given {
    fn find(parsed: &[Parsed<'_>]) -> Given {
        let mut given = Given::default();
        for (file, parsed) in parsed.iter().enumerate() {
            match parsed {
                Parsed::Script(commands) => given.take(file, commands),
                Parsed::Workflow(workflow) => workflow.runs.iter().for_each(|run| given.take(file, &run.commands)),
                Parsed::Action(action) => given.take(file, &action.commands),
                _ => {}
            }
        }
        given
    }

    fn take(&mut self, file: FileId, commands: &[Command<'_>]) {
        for used in commands.iter().filter_map(|command| usage::read(file, command, None)) {
            self.settings.extend(used.backend_files().cloned());
            self.values.extend(used.var_files);
        }
    }

    fn any(&self) -> bool {
        !self.settings.is_empty()
    }

    /// Whether some command gives this file as settings, and none as values.
    fn as_settings(&self, path: &str) -> bool {
        let fits = |patterns: &BTreeSet<String>| patterns.iter().any(|it| usage::ends_with_pattern(path, it));
        fits(&self.settings) && !fits(&self.values)
    }
}
