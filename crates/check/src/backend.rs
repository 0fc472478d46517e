//! The backend of a stack in one environment: the block in the code, laid over by files and by what scripts give.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rayon::prelude::*;

use crate::discover::{Found, FoundInstance, Layered, names};
use crate::eval::{Value, World, literal};
use crate::hcl::{Attr, Body, Expr};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::same_state::{Run, Said, StateIdentity};
use crate::written::is_placeholder;

#[derive(Clone, Debug)]
pub(crate) struct Backend<'a> {
    /// `s3`, `azurerm`, `local`, `cloud` …
    pub(crate) kind: &'a str,
    pub(crate) block: Place,
    pub(crate) settings: BTreeMap<Cow<'a, str>, Setting<'a>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting<'a> {
    pub(crate) text: Cow<'a, str>,
    /// `None` where a script gives it.
    pub(crate) place: Option<Place>,
    /// Two files give it differently and nobody says which comes last, or a variable gives it: the text is one of several.
    pub(crate) open: bool,
}

impl Setting<'_> {
    /// For people: what a script gives with `*` for what a variable holds, and a word where nobody can tell.
    pub(crate) fn shown(&self) -> &str {
        if self.open && self.place.is_some() { "(unknown)" } else { &self.text }
    }
}

impl Backend<'_> {
    /// Whether any of its settings is open.
    pub(crate) fn uncertain(&self) -> bool {
        self.settings.values().any(|setting| setting.open)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|setting| &*setting.text)
    }

    pub(crate) fn place(&self, name: &str) -> Option<Place> {
        self.settings.get(name).and_then(|setting| setting.place)
    }

    /// The settings that tell one state from another, the most telling first.
    pub(crate) fn telling(&self) -> &'static [&'static str] {
        match self.kind {
            "s3" => &["key", "bucket", "workspace_key_prefix", "endpoint", "endpoints.s3"],
            "azurerm" => &["key", "container_name", "storage_account_name"],
            "gcs" => &["prefix", "bucket"],
            "local" => &["path"],
            "http" => &["address"],
            "consul" => &["path", "address", "datacenter"],
            "pg" => &["schema_name", "conn_str"],
            "kubernetes" => &["secret_suffix", "namespace", "config_path", "config_context", "host"],
            "cloud" | "remote" => &["workspaces.name", "organization", "hostname"],
            "cos" | "oss" => &["prefix", "key", "bucket"],
            "oci" => &["key", "bucket", "namespace"],
            _ => &[],
        }
    }

    /// Which state this is, of the root module in `root`.
    pub(crate) fn state(&self, root: &str) -> StateIdentity {
        StateIdentity::new(self.kind, Run { root, workspace: None }, |name| match self.settings.get(name) {
            None => Said::Nothing,
            Some(setting) if setting.open || is_placeholder(&setting.text) => Said::Unknown,
            Some(setting) => Said::Text(Cow::Borrowed(&setting.text)),
        })
    }
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
    let mut backend = Backend { kind: block.kind, block: block.place, settings: BTreeMap::new() };
    read(block.place.file, block.body, &mut |name, setting| {
        backend.settings.insert(name, setting);
    });
    // What the code says gives way to files, and each file to those after it. Of two in one place nobody knows which comes last.
    let same_place = |a: &Layered, b: &Layered| a.order == b.order;
    for layer in instance.backend_files.chunk_by(same_place) {
        let mut settings = BTreeMap::new();
        for given in layer {
            if let Parsed::Settings(body) = &parsed[given.file] {
                read(given.file, body, &mut |name, setting| lay(&mut settings, name, setting));
            }
        }
        backend.settings.extend(settings);
    }
    // What is known already stays; what a script says on top of it is the pipeline rules' affair.
    if instance.inline.is_empty() {
        return Some(backend);
    }
    let mut given = BTreeMap::new();
    for inline in instance.inline.iter().filter(|inline| !backend.settings.contains_key(&*inline.name)) {
        let other = match (&inline.environment, &instance.environment) {
            (Some(named), Some(own)) => {
                let share = instance.within.as_ref().is_some_and(|whole| names::same_environment(named, whole));
                !share && !names::same_environment(named, own)
            }
            _ => false,
        };
        if !other {
            let open = inline.value.contains('*');
            let setting = Setting { text: Cow::Borrowed(inline.value.as_str()), place: None, open };
            lay(&mut given, Cow::Borrowed(inline.name.as_str()), setting);
        }
    }
    backend.settings.extend(given);
    Some(backend)
}

/// Adds a setting to those of the same place. One that is there with another text is open; the later stays.
fn lay<'a>(settings: &mut BTreeMap<Cow<'a, str>, Setting<'a>>, name: Cow<'a, str>, mut setting: Setting<'a>) {
    match settings.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(setting);
        }
        Entry::Occupied(mut entry) => {
            setting.open |= entry.get().open || entry.get().text != setting.text;
            entry.insert(setting);
        }
    }
}

/// Every setting of one body; those of blocks and maps by dotted names.
fn read<'a>(file: FileId, body: &'a Body<'a>, take: &mut impl FnMut(Cow<'a, str>, Setting<'a>)) {
    for attr in &body.attrs {
        read_attr(Cow::Borrowed(attr.name), file, attr, take);
    }
    for block in &body.blocks {
        for attr in &block.body.attrs {
            read_attr(Cow::Owned(format!("{}.{}", block.kind, attr.name)), file, attr, take);
        }
    }
}

fn read_attr<'a>(
    name: Cow<'a, str>,
    file: FileId,
    attr: &'a Attr<'a>,
    take: &mut impl FnMut(Cow<'a, str>, Setting<'a>),
) {
    let place = Some(Place { file, span: attr.span() });
    if let Expr::Str(text) = &attr.value.expr {
        return take(name, Setting { text: Cow::Borrowed(&**text), place, open: false });
    }
    let mut value = literal(&attr.value);
    // `workspaces = [{ name = "x" }]`, as older versions write it.
    if let Value::List(items) = &value
        && let [only @ Value::Map(_)] = &**items
    {
        value = only.clone();
    }
    let Value::Map(entries) = &value else { return take(name, setting(&value, place)) };
    for (key, value) in entries.iter() {
        take(Cow::Owned(format!("{name}.{}", &**key)), setting(value, place));
    }
}

fn setting<'a>(value: &Value<'_>, place: Option<Place>) -> Setting<'a> {
    match value {
        // OpenTofu lets a backend use variables.
        Value::Unknown => Setting { text: Cow::Borrowed(""), place, open: true },
        Value::Null => Setting { text: Cow::Borrowed(""), place, open: false },
        value => {
            let text = value.to_text().map_or_else(|| value.to_string(), |text| text.to_string());
            Setting { text: Cow::Owned(text), place, open: false }
        }
    }
}
