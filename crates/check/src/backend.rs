//! The backend of a stack in one environment: the block in the code, laid over by files and by what scripts give.

use std::collections::BTreeMap;

use crate::discover::{FoundInstance, names};
use crate::eval::{Value, World, literal};
use crate::hcl::{Attr, Body};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;

#[derive(Clone, Debug)]
pub(crate) struct Backend<'a> {
    /// `s3`, `azurerm`, `local` …
    pub(crate) kind: &'a str,
    pub(crate) block: Place,
    pub(crate) settings: BTreeMap<String, Setting>,
    /// A setting that two files give differently, or that a script gives through a variable: the state cannot be told.
    pub(crate) uncertain: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) text: String,
    /// `None` where a script gives it.
    pub(crate) place: Option<Place>,
}

impl Backend<'_> {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|setting| setting.text.as_str())
    }

    pub(crate) fn place(&self, name: &str) -> Option<Place> {
        self.settings.get(name).and_then(|setting| setting.place)
    }

    /// What two environments must not share, with the settings that it is made of; `None` where it cannot be told.
    pub(crate) fn state(&self) -> Option<(Vec<String>, &'static str)> {
        if self.uncertain {
            return None;
        }
        let part = |name: &str| self.settings.get(name).map(|setting| setting.text.trim_matches('/').to_string());
        let or_empty = |name: &str| part(name).unwrap_or_default();
        let (parts, telling) = match self.kind {
            "s3" => (
                vec![
                    part("bucket")?,
                    part("key")?,
                    or_empty("endpoint"),
                    or_empty("endpoints"),
                    or_empty("workspace_key_prefix"),
                ],
                "key",
            ),
            "azurerm" => (vec![part("storage_account_name")?, part("container_name")?, part("key")?], "key"),
            "gcs" => (vec![part("bucket")?, or_empty("prefix")], "prefix"),
            "http" => (vec![part("address")?], "address"),
            "consul" => (vec![or_empty("address"), part("path")?], "path"),
            "pg" => (vec![part("conn_str")?, or_empty("schema_name")], "schema_name"),
            "kubernetes" => {
                (vec![part("secret_suffix")?, or_empty("namespace"), or_empty("config_path")], "secret_suffix")
            }
            "cos" | "oss" => (vec![part("bucket")?, or_empty("prefix"), or_empty("key")], "prefix"),
            _ => return None,
        };
        let mut identity = vec![self.kind.to_string()];
        identity.extend(parts);
        Some((identity, telling))
    }
}

/// `None` where the root module has no backend block.
pub(crate) fn of<'a>(parsed: &'a [Parsed<'a>], world: &'a World<'a>, instance: &FoundInstance) -> Option<Backend<'a>> {
    let block = world.modules[instance.module].backend.as_ref()?;
    let mut backend = Backend { kind: block.kind, block: block.place, settings: BTreeMap::new(), uncertain: false };
    take(&mut backend, block.place.file, block.body, false);
    let mut given: BTreeMap<String, Setting> = BTreeMap::new();
    for file in &instance.backend_files {
        if let Parsed::Settings(body) = &parsed[*file] {
            let before = given.clone();
            let mut layer = Backend { settings: given, ..backend.clone() };
            take(&mut layer, *file, body, true);
            given = layer.settings;
            backend.uncertain |=
                before.iter().any(|(name, setting)| given.get(name).is_some_and(|now| now.text != setting.text));
        }
    }
    backend.settings.extend(given);
    // What a file says already stays; what a script says on top of it is the pipeline rules' affair.
    let known: Vec<String> = backend.settings.keys().cloned().collect();
    for inline in instance.inline.iter().filter(|inline| !known.contains(&inline.name)) {
        let other = match (&inline.environment, &instance.environment) {
            (Some(named), Some(own)) => !names::same_environment(named, own),
            _ => false,
        };
        if other {
            continue;
        }
        let setting = Setting { text: inline.value.clone(), place: None };
        let before = backend.settings.insert(inline.name.clone(), setting);
        backend.uncertain |= inline.value.contains('*') || before.is_some_and(|before| before.text != inline.value);
    }
    Some(backend)
}

fn take(backend: &mut Backend<'_>, file: FileId, body: &Body<'_>, replaces: bool) {
    for attr in &body.attrs {
        insert(backend, attr.name.to_string(), file, attr, replaces);
    }
    for block in &body.blocks {
        for attr in &block.body.attrs {
            insert(backend, format!("{}.{}", block.kind, attr.name), file, attr, replaces);
        }
    }
}

fn insert(backend: &mut Backend<'_>, name: String, file: FileId, attr: &Attr<'_>, replaces: bool) {
    let text = match literal(&attr.value) {
        // OpenTofu lets a backend use variables.
        Value::Unknown => {
            backend.uncertain = true;
            return;
        }
        value => value.to_text().map_or_else(|| value.to_string(), |text| text.to_string()),
    };
    if replaces || !backend.settings.contains_key(&name) {
        backend.settings.insert(name, Setting { text, place: Some(Place { file, span: attr.span() }) });
    }
}
