//! The backend of a stack in one environment: the block in the code, laid over by files and by what scripts give.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rayon::prelude::*;

use crate::discover::{Found, FoundInstance, names};
use crate::eval::{Value, World, literal};
use crate::hcl::{Attr, Body, Expr};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::written::is_placeholder;

#[derive(Clone, Debug)]
pub(crate) struct Backend<'a> {
    /// `s3`, `azurerm`, `local`, `cloud` …
    pub(crate) kind: &'a str,
    pub(crate) block: Place,
    pub(crate) settings: BTreeMap<Cow<'a, str>, Setting<'a>>,
    /// A setting that two files give differently, or that a script gives through a variable: the state cannot be told.
    pub(crate) uncertain: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting<'a> {
    pub(crate) text: Cow<'a, str>,
    /// `None` where a script gives it.
    pub(crate) place: Option<Place>,
}

impl Backend<'_> {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|setting| &*setting.text)
    }

    pub(crate) fn place(&self, name: &str) -> Option<Place> {
        self.settings.get(name).and_then(|setting| setting.place)
    }

    /// The settings that tell one state from another, the most telling first.
    pub(crate) fn telling(&self) -> &'static [&'static str] {
        match self.kind {
            "s3" => &["key", "bucket", "workspace_key_prefix", "endpoint", "endpoints", "endpoints.s3"],
            "azurerm" => &["key", "container_name", "storage_account_name"],
            "gcs" => &["prefix", "bucket"],
            "http" => &["address"],
            "consul" => &["path", "address", "datacenter"],
            "pg" => &["schema_name", "conn_str"],
            "kubernetes" => &["secret_suffix", "namespace", "config_path", "config_context", "host"],
            "cloud" | "remote" => &["workspaces.name", "organization", "hostname"],
            "cos" | "oss" => &["prefix", "key", "bucket"],
            _ => &[],
        }
    }

    /// What two environments must not share; `None` where it cannot be told.
    pub(crate) fn state(&self) -> Option<Vec<String>> {
        if self.uncertain {
            return None;
        }
        let part = |name: &str| {
            let text = self.text(name).filter(|text| !is_placeholder(text))?;
            Some(text.trim_matches('/').to_string())
        };
        let or_empty = |name: &str| part(name).unwrap_or_default();
        let parts = match self.kind {
            "s3" => vec![
                part("bucket")?,
                part("key")?,
                or_empty("endpoint"),
                or_empty("endpoints"),
                or_empty("endpoints.s3"),
                or_empty("workspace_key_prefix"),
            ],
            "azurerm" => vec![part("storage_account_name")?, part("container_name")?, part("key")?],
            "gcs" => vec![part("bucket")?, or_empty("prefix")],
            "http" => vec![part("address")?],
            // Where it does not say which cluster, the environment that Terraform runs in does.
            "consul" => given(vec![or_empty("address"), or_empty("datacenter")], vec![part("path")?])?,
            "pg" => vec![part("conn_str")?, or_empty("schema_name")],
            "kubernetes" => {
                let cluster = CLUSTER.iter().map(|name| or_empty(name)).collect();
                given(cluster, vec![part("secret_suffix")?, or_empty("namespace")])?
            }
            // Workspaces by tag or prefix are chosen when Terraform runs.
            "cloud" | "remote" => vec![or_empty("hostname"), or_empty("organization"), part("workspaces.name")?],
            "cos" | "oss" => vec![part("bucket")?, or_empty("prefix"), or_empty("key")],
            _ => return None,
        };
        let mut identity = vec![self.kind.to_string()];
        identity.extend(parts);
        Some(identity)
    }
}

/// Settings of the kubernetes backend that say which cluster keeps the state.
const CLUSTER: &[&str] = &[
    "config_path",
    "config_paths",
    "config_context",
    "config_context_cluster",
    "host",
    "cluster_ca_certificate",
    "in_cluster_config",
];

/// `parts` with what says where they stand; `None` where nothing says it.
fn given(place: Vec<String>, mut parts: Vec<String>) -> Option<Vec<String>> {
    if place.iter().all(String::is_empty) {
        return None;
    }
    parts.extend(place);
    Some(parts)
}

/// The backends of every instance of every stack.
pub(crate) fn all<'a>(
    parsed: &'a [Parsed<'a>],
    world: &'a World<'a>,
    found: &'a Found,
) -> Vec<Vec<Option<Backend<'a>>>> {
    let stacks = found.stacks.par_iter().with_min_len(16);
    stacks.map(|stack| stack.instances.iter().map(|instance| of(parsed, world, instance)).collect()).collect()
}

/// `None` where the root module has no backend block.
fn of<'a>(parsed: &'a [Parsed<'a>], world: &'a World<'a>, instance: &'a FoundInstance) -> Option<Backend<'a>> {
    let block = world.modules[instance.module].backend.as_ref()?;
    let mut backend = Backend { kind: block.kind, block: block.place, settings: BTreeMap::new(), uncertain: false };
    take(&mut backend, block.place.file, block.body);
    // What the code says gives way to files; two files that disagree leave it open which of them is used.
    let mut files = Backend { settings: BTreeMap::new(), ..backend.clone() };
    for file in &instance.backend_files {
        if let Parsed::Settings(body) = &parsed[*file] {
            take(&mut files, *file, body);
        }
    }
    backend.uncertain |= files.uncertain;
    backend.settings.extend(files.settings);
    // What is known already stays; what a script says on top of it is the pipeline rules' affair.
    if instance.inline.is_empty() {
        return Some(backend);
    }
    let known: Vec<Cow<'a, str>> = backend.settings.keys().cloned().collect();
    for inline in instance.inline.iter().filter(|inline| !known.iter().any(|known| *known == inline.name)) {
        let other = match (&inline.environment, &instance.environment) {
            (Some(named), Some(own)) => {
                let share = instance.within.as_ref().is_some_and(|whole| names::same_environment(named, whole));
                !share && !names::same_environment(named, own)
            }
            _ => false,
        };
        if other {
            continue;
        }
        let setting = Setting { text: Cow::Borrowed(inline.value.as_str()), place: None };
        let before = backend.settings.insert(Cow::Borrowed(inline.name.as_str()), setting);
        backend.uncertain |= inline.value.contains('*') || before.is_some_and(|before| before.text != inline.value);
    }
    Some(backend)
}

/// Adds the settings of one body. One that is there with another value makes the backend uncertain; the later stays.
fn take<'a>(backend: &mut Backend<'a>, file: FileId, body: &'a Body<'a>) {
    for attr in &body.attrs {
        insert(backend, Cow::Borrowed(attr.name), file, attr);
    }
    for block in &body.blocks {
        for attr in &block.body.attrs {
            insert(backend, Cow::Owned(format!("{}.{}", block.kind, attr.name)), file, attr);
        }
    }
}

fn insert<'a>(backend: &mut Backend<'a>, name: Cow<'a, str>, file: FileId, attr: &'a Attr<'a>) {
    let text = match &attr.value.expr {
        Expr::Str(text) => Cow::Borrowed(&**text),
        _ => match literal(&attr.value) {
            // OpenTofu lets a backend use variables.
            Value::Unknown => {
                backend.uncertain = true;
                return;
            }
            value => Cow::Owned(value.to_text().map_or_else(|| value.to_string(), |text| text.to_string())),
        },
    };
    let setting = Setting { text, place: Some(Place { file, span: attr.span() }) };
    match backend.settings.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(setting);
        }
        Entry::Occupied(mut entry) => {
            backend.uncertain |= entry.get().text != setting.text;
            entry.insert(setting);
        }
    }
}
