//! Whether two backends lead to one state. One judgement for what files declare and for what a directory is bound to.
//!
//! Settings that say how a state is reached, and not which one it is, tell no states apart: region, lock, credentials. What is left
//! out, or empty, is what the backend takes by itself. What nobody can tell from here (a setting that comes from elsewhere, a name that
//! may mean the same as another) makes the answer [`Sameness::Perhaps`], never one of the other two.
//!
//! Source: the backends' documentation, as of Terraform 1.11.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// The answer to whether two backends lead to one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// Everything that tells states apart is known of both, and is the same.
    Same,
    /// At least one of the things that tell states apart is known of both, and differs.
    Different,
    /// What is known is the same, and something is not known.
    Perhaps,
}

/// A setting of a backend, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// It is not set; an empty text says as much.
    Nothing,
    Text(Cow<'a, str>),
    /// It is set, and nobody can tell to what: a variable, a placeholder, two files that disagree.
    Unknown,
}

/// Where Terraform runs, as far as it decides which state is meant.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The root module's folder, from the repository's root or from the file system's: paths of local states begin there.
    pub root: &'a str,
    /// The workspace that is selected; `None` where that is not known, which is taken for `default`.
    pub workspace: Option<&'a str>,
}

/// Which state a backend leads to. Two of which something is not known are no more equal than they differ: ask [`compare`].
///
/// [`compare`]: StateIdentity::compare
#[derive(Clone, Debug)]
pub struct StateIdentity {
    /// As it is written.
    kind: String,
    parts: Vec<Part>,
}

/// One of the things that tell states of one kind apart.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Differs where the states do.
    Told(String),
    /// What the backend takes where nothing is set; the environment that Terraform runs in may say otherwise.
    Usual(&'static str),
    /// Another text may mean the same.
    Name(String),
    /// Counts for nothing.
    Any,
    Unknown,
}

/// AWS's own endpoint of S3, in whatever region: a bucket's name is one for all of them.
const AWS: &str = "aws";

impl Part {
    fn text(&self) -> Option<&str> {
        match self {
            Part::Told(text) | Part::Name(text) => Some(text),
            Part::Usual(text) => Some(text),
            Part::Any => Some(""),
            Part::Unknown => None,
        }
    }

    fn with(&self, other: &Part) -> Sameness {
        match (self, other) {
            (Part::Unknown, _) | (_, Part::Unknown) => Sameness::Perhaps,
            (Part::Any, _) | (_, Part::Any) => Sameness::Same,
            _ if self.text() == other.text() => Sameness::Same,
            (Part::Told(_), Part::Told(_)) => Sameness::Different,
            _ => Sameness::Perhaps,
        }
    }

    /// A path inside of a store: `./a/b`, `/a/b` and `a/b` are one.
    fn path(self) -> Part {
        match self {
            Part::Told(text) => {
                let mut rest = text.trim_matches('/');
                while let Some(inner) = rest.strip_prefix("./") {
                    rest = inner.trim_start_matches('/');
                }
                Part::Told(rest.to_string())
            }
            other => other,
        }
    }

    fn map(self, change: impl FnOnce(&str) -> String) -> Part {
        match self {
            Part::Told(text) => Part::Told(change(&text)),
            other => other,
        }
    }

    /// The same, where two spellings may mean one thing.
    fn name(self) -> Part {
        match self {
            Part::Told(text) => Part::Name(text),
            other => other,
        }
    }
}

impl StateIdentity {
    /// `kind` is the backend's type; a `cloud` block counts as the type `cloud`. Settings of blocks are asked for by dotted names:
    /// `endpoints.s3`, `workspaces.name`.
    pub fn new<'s>(kind: &str, run: Run<'_>, said: impl Fn(&str) -> Said<'s>) -> StateIdentity {
        let settings = Settings { said };
        let mut parts = settings.parts(kind, run);
        // There the name of the workspace is what is asked for; elsewhere it parts the states of one backend.
        if !matches!(kind, "cloud" | "remote") {
            parts.push(run.workspace.map_or(Part::Usual("default"), |selected| Part::Told(selected.to_string())));
        }
        StateIdentity { kind: kind.to_string(), parts }
    }

    /// The same of settings as a data directory or a record holds them, as texts; nested ones as `name=value,…` or as JSON.
    pub fn of_texts(kind: &str, run: Run<'_>, settings: &BTreeMap<String, String>) -> StateIdentity {
        StateIdentity::new(kind, run, |name| {
            let found = match name.split_once('.') {
                None => settings.get(name).map(|text| Cow::Borrowed(text.as_str())),
                Some((outer, inner)) => settings.get(outer).and_then(|outer| recorded(outer, inner)),
            };
            found.map_or(Said::Nothing, Said::Text)
        })
    }

    pub fn compare(&self, other: &StateIdentity) -> Sameness {
        if self.service() != other.service() {
            return Sameness::Different;
        }
        let mut answer = Sameness::Same;
        for (mine, theirs) in self.parts.iter().zip(&other.parts) {
            match mine.with(theirs) {
                Sameness::Different => return Sameness::Different,
                Sameness::Perhaps => answer = Sameness::Perhaps,
                Sameness::Same => {}
            }
        }
        answer
    }

    /// A `cloud` block is the later name of what the backend `remote` leads to.
    fn service(&self) -> &str {
        if self.kind == "cloud" { "remote" } else { &self.kind }
    }

    /// What all backends that are the same as this one share, to sort many of them by; `None` where it is perhaps another's.
    pub fn key(&self) -> Option<Vec<&str>> {
        std::iter::once(Some(self.service())).chain(self.parts.iter().map(Part::text)).collect()
    }
}

/// As it is named to people: `s3 bucket/key`.
impl fmt::Display for StateIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |part: &Part| match part {
            Part::Told(text) if !text.is_empty() && text != AWS => Some(text.clone()),
            Part::Name(text) if !text.is_empty() && text != "env:" => Some(text.clone()),
            _ => None,
        };
        let parts: Vec<String> = self.parts.iter().filter_map(said).collect();
        write!(out, "{} {}", self.kind, parts.join("/"))
    }
}

/// Settings of the kubernetes backend that say which cluster keeps the state. Two names may be of one cluster.
const CLUSTER: &[&str] = &[
    "config_path",
    "config_paths",
    "config_context",
    "config_context_cluster",
    "host",
    "cluster_ca_certificate",
    "in_cluster_config",
];

struct Settings<F> {
    said: F,
}

impl<'s, F: Fn(&str) -> Said<'s>> Settings<F> {
    fn ask(&self, name: &str) -> Said<'s> {
        match (self.said)(name) {
            Said::Text(text) if text.is_empty() => Said::Nothing,
            other => other,
        }
    }

    /// A setting that the backend can't do without: where it is not here, something else gives it.
    fn needed(&self, name: &str) -> Part {
        self.or(name, Part::Unknown)
    }

    fn or(&self, name: &str, absent: Part) -> Part {
        match self.ask(name) {
            Said::Text(text) => Part::Told(text.into_owned()),
            Said::Unknown => Part::Unknown,
            Said::Nothing => absent,
        }
    }

    fn or_default(&self, name: &str, default: &str) -> Part {
        self.or(name, Part::Told(default.to_string()))
    }

    fn parts(&self, kind: &str, run: Run<'_>) -> Vec<Part> {
        match kind {
            "s3" => vec![
                self.needed("bucket"),
                self.needed("key").path(),
                self.s3_endpoint(),
                self.partition(),
                self.workspace_prefix(run.workspace),
            ],
            "gcs" => vec![self.needed("bucket"), self.or_default("prefix", "").path()],
            "azurerm" => vec![
                self.needed("storage_account_name").map(str::to_lowercase),
                self.needed("container_name"),
                self.needed("key").path(),
                self.or("environment", Part::Usual("public")),
            ],
            "local" => {
                vec![self.or_default("path", "terraform.tfstate").map(|path| whole_path(run.root, path))]
            }
            "http" => vec![self.needed("address").map(|address| address.trim_end_matches('/').to_string())],
            // Where they are not set, the environment that Terraform runs in decides.
            "consul" => vec![self.consul_address(), self.needed("path").path(), self.or("datacenter", Part::Usual(""))],
            "pg" => {
                let connection = || self.needed("conn_str");
                let schema = self.or_default("schema_name", "terraform_remote_state");
                vec![connection().map(server).name(), connection().map(database), schema]
            }
            "kubernetes" => {
                vec![self.needed("secret_suffix"), self.or("namespace", Part::Usual("default")), self.cluster()]
            }
            "cloud" | "remote" => vec![
                self.or("hostname", Part::Usual("app.terraform.io")),
                self.needed("organization"),
                self.remote_workspace(run.workspace),
            ],
            "cos" => vec![
                self.needed("bucket"),
                self.or_default("prefix", "").path(),
                self.or_default("key", "terraform.tfstate").path(),
            ],
            "oss" => vec![
                self.needed("bucket"),
                self.or_default("prefix", "env:").path(),
                self.or_default("key", "terraform.tfstate").path(),
            ],
            "oci" => vec![
                self.needed("namespace"),
                self.needed("bucket"),
                self.or_default("key", "terraform.tfstate").path(),
                self.or("region", Part::Unknown).name(),
            ],
            _ => vec![Part::Unknown],
        }
    }

    /// `endpoint` is what `endpoints = { s3 = … }` was called before Terraform 1.6.
    fn s3_endpoint(&self) -> Part {
        let old = || self.or("endpoint", Part::Usual(AWS));
        let told = match self.or("endpoints.s3", Part::Any) {
            Part::Any => old(),
            told => told,
        };
        told.map(host)
    }

    /// A bucket's name is one for all regions of AWS's usual partition, and another's in China or in a government's.
    fn partition(&self) -> Part {
        match self.ask("region") {
            Said::Text(region) => {
                let apart = ["cn-", "us-gov-", "us-iso", "eu-isoe-"].into_iter().find(|part| region.starts_with(part));
                Part::Told(apart.map_or(AWS, |part| part.trim_end_matches('-')).to_string())
            }
            _ => Part::Usual(AWS),
        }
    }

    /// The prefix moves the states of all workspaces but `default`.
    fn workspace_prefix(&self, workspace: Option<&str>) -> Part {
        match workspace {
            Some("default") => Part::Any,
            Some(_) => self.or_default("workspace_key_prefix", "env:").path(),
            None => self.or_default("workspace_key_prefix", "env:").path().name(),
        }
    }

    /// A data centre that is named speaks for one cluster, however its servers are reached.
    fn consul_address(&self) -> Part {
        let absent = match self.ask("datacenter") {
            Said::Nothing => Part::Unknown,
            _ => Part::Usual(""),
        };
        self.or("address", absent).map(host).name()
    }

    fn cluster(&self) -> Part {
        let mut all = String::new();
        for name in CLUSTER {
            match self.ask(name) {
                Said::Text(text) => all.push_str(&format!("{name}={text} ")),
                Said::Unknown => return Part::Unknown,
                Said::Nothing => {}
            }
        }
        if all.is_empty() { Part::Unknown } else { Part::Name(all.trim_end().to_string()) }
    }

    /// Workspaces by prefix, tag or project are chosen when Terraform runs.
    fn remote_workspace(&self, selected: Option<&str>) -> Part {
        match (self.ask("workspaces.name"), self.ask("workspaces.prefix"), selected) {
            (Said::Text(name), ..) => Part::Told(name.into_owned()),
            (Said::Nothing, Said::Text(prefix), Some(selected)) if selected != "default" => {
                Part::Told(format!("{prefix}{selected}"))
            }
            (Said::Nothing, Said::Nothing, Some(selected)) if selected != "default" => Part::Told(selected.to_string()),
            _ => Part::Unknown,
        }
    }
}

/// A host without what may be left out: the scheme, its usual port, a slash at the end.
fn host(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest).trim_end_matches('/');
    let rest = rest.strip_suffix(":443").or(rest.strip_suffix(":80")).unwrap_or(rest);
    if ["amazonaws.com", "amazonaws.com.cn"].iter().any(|aws| rest.strip_suffix(aws).is_some_and(ends_label)) {
        return AWS.to_string();
    }
    for this_machine in ["127.0.0.1", "[::1]"] {
        if let Some(port) = rest.strip_prefix(this_machine).filter(|port| port.is_empty() || port.starts_with(':')) {
            return format!("localhost{port}");
        }
    }
    rest.to_string()
}

fn ends_label(before: &str) -> bool {
    before.is_empty() || before.ends_with('.')
}

/// Host, port and database of a connection string, without user, password and options.
fn connection(text: &str) -> (&str, &str, &str) {
    let Some((_, rest)) = text.split_once("://") else {
        let word = |name: &str| {
            text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
        };
        return (word("host"), word("port"), word("dbname"));
    };
    let rest = rest.split('?').next().unwrap_or(rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (at, name) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = at.rsplit_once(':').unwrap_or((at, ""));
    (host, port, name)
}

fn server(text: &str) -> String {
    let (host, port, _) = connection(text);
    format!("{}:{}", host.to_lowercase(), if port.is_empty() { "5432" } else { port })
}

fn database(text: &str) -> String {
    connection(text).2.to_string()
}

/// A path from a folder, with `.` and `..` resolved.
fn whole_path(root: &str, path: &str) -> String {
    let from = if path.starts_with(['/', '~']) { "" } else { root };
    let absolute = path.starts_with('/') || from.starts_with('/');
    let mut out: Vec<&str> = Vec::new();
    for segment in from.split('/').chain(path.split('/')).filter(|segment| !matches!(*segment, "" | ".")) {
        match segment {
            ".." if out.last().is_some_and(|last| *last != "..") => {
                out.pop();
            }
            ".." if absolute => {}
            other => out.push(other),
        }
    }
    format!("{}{}", if absolute { "/" } else { "" }, out.join("/"))
}

/// A field of a nested setting; blocks stand in lists of one.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => items.first().and_then(|first| field(first, name)),
        _ => None,
    }
}

fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        Value::Array(items) if !items.is_empty() => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

/// A field of a nested setting that was recorded as a text.
fn recorded<'t>(whole: &'t str, name: &str) -> Option<Cow<'t, str>> {
    if whole.starts_with(['{', '[']) {
        let value: Value = serde_json::from_str(whole).ok()?;
        return field(&value, name).and_then(text).map(|text| Cow::Owned(text.into_owned()));
    }
    whole.split(',').find_map(|one| one.strip_prefix(name)?.strip_prefix('=')).map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::Sameness::{Different, Perhaps, Same};
    use super::*;

    const RUN: Run<'_> = Run { root: "terraform", workspace: None };

    /// `name=value` pairs; `name=?` is a setting that cannot be told.
    fn state(kind: &str, run: Run<'_>, settings: &str) -> StateIdentity {
        let settings: BTreeMap<&str, &str> =
            settings.split_whitespace().filter_map(|one| one.split_once('=')).collect();
        StateIdentity::new(kind, run, |name| match settings.get(name) {
            Some(&"?") => Said::Unknown,
            Some(text) => Said::Text((*text).into()),
            None => Said::Nothing,
        })
    }

    fn check(kind: &str, one: &str, other: &str, expected: Sameness) {
        let (mine, theirs) = (state(kind, RUN, one), state(kind, RUN, other));
        assert_eq!(mine.compare(&theirs), expected, "{kind}: {one} and {other}");
        assert_eq!(theirs.compare(&mine), expected, "{kind}: {other} and {one}");
        // What is sorted by is the same exactly where the states are.
        let equal = mine.key().is_some() && mine.key() == theirs.key();
        assert_eq!(equal, expected == Same, "{kind}: {one} and {other} by their keys");
    }

    #[test]
    fn states_in_s3_are_told_by_bucket_and_key_however_they_are_spelled() {
        check("s3", "bucket=b key=k region=eu-west-1", "bucket=b key=k region=us-east-1 encrypt=true", Same);
        check("s3", "bucket=b key=/app/k", "bucket=b key=./app/k", Same);
        check("s3", "bucket=b key=k", "bucket=b key=other", Different);
        check("s3", "bucket=a key=k", "bucket=b key=k", Different);
        check("s3", "bucket=b key=k", "key=k", Perhaps);
        check("s3", "key=k", "key=k", Perhaps);
        check("s3", "key=k", "key=other", Different);
        check("s3", "bucket=b key=?", "bucket=b key=k", Perhaps);
        check("s3", "bucket=b key=k region=cn-north-1", "bucket=b key=k region=eu-west-1", Different);
        check("s3", "bucket=b key=k region=cn-north-1", "bucket=b key=k", Perhaps);
    }

    #[test]
    fn the_old_and_the_new_name_of_an_endpoint_are_one_and_an_empty_one_is_none() {
        let at = |endpoint: &str| format!("bucket=b key=k {endpoint}");
        let check = |one: &str, other: &str, expected| check("s3", &at(one), &at(other), expected);
        check("endpoint=http://minio:9000", "endpoints.s3=http://MINIO:9000/", Same);
        check("endpoint=", "", Same);
        check("endpoint=https://s3.eu-west-1.amazonaws.com", "", Same);
        check("endpoint=https://s3.eu-west-1.amazonaws.com", "endpoints.s3=http://minio:9000", Different);
        check("endpoint=http://notamazonaws.com", "endpoint=https://s3.amazonaws.com", Different);
        check("endpoints.s3=http://127.0.0.1:9000", "endpoint=http://localhost:9000", Same);
        check("endpoints.s3=https://minio:443", "endpoint=https://minio", Same);
        // The environment may say where it is reached.
        check("", "endpoints.s3=http://minio:9000", Perhaps);
    }

    #[test]
    fn a_prefix_of_workspaces_counts_where_another_workspace_than_the_default_may_be_selected() {
        check("s3", "bucket=b key=k workspace_key_prefix=dev", "bucket=b key=k workspace_key_prefix=prod", Perhaps);
        check("s3", "bucket=b key=k workspace_key_prefix=env:", "bucket=b key=k", Same);
        let selected = |workspace, settings: &str| state("s3", Run { root: "", workspace: Some(workspace) }, settings);
        let (dev, prod) = ("bucket=b key=k workspace_key_prefix=dev", "bucket=b key=k workspace_key_prefix=prod");
        assert_eq!(selected("default", dev).compare(&selected("default", prod)), Same);
        assert_eq!(selected("eu", dev).compare(&selected("eu", prod)), Different);
        assert_eq!(selected("eu", dev).compare(&selected("us", dev)), Different);
        assert_eq!(selected("default", dev).compare(&state("s3", RUN, prod)), Same);
        assert_eq!(selected("eu", dev).compare(&state("s3", RUN, dev)), Perhaps);
    }

    #[test]
    fn a_local_state_is_the_file_that_its_path_leads_to() {
        fn local((root, settings): (&str, &str)) -> StateIdentity {
            state("local", Run { root, workspace: None }, settings)
        }
        let check = |one, other, expected| {
            assert_eq!(local(one).compare(&local(other)), expected, "{one:?} and {other:?}");
        };
        check(("envs/dev", ""), ("envs/prod", ""), Different);
        check(("envs/dev", "path=../state"), ("envs/prod", "path=.././state"), Same);
        check(("app", "path=./a//b"), ("app", "path=a/b"), Same);
        check(("app", "path=terraform.tfstate"), ("app", ""), Same);
        check(("/srv/app", "path=../../../../x"), ("/other", "path=/x"), Same);
        check(("app", "path=../../x"), ("web", "path=../../x"), Same);
    }

    #[test]
    fn other_backends_are_told_by_what_parts_their_states() {
        check("gcs", "bucket=b prefix=a/", "bucket=b prefix=a", Same);
        check("gcs", "bucket=b", "bucket=b prefix=", Same);
        check("gcs", "bucket=b prefix=a", "bucket=b", Different);
        let azure = "storage_account_name=acme container_name=tf key=k";
        check("azurerm", azure, "storage_account_name=Acme container_name=tf key=k resource_group_name=x", Same);
        check("azurerm", azure, "container_name=tf key=k", Perhaps);
        check("azurerm", azure, &format!("{azure} environment=china"), Perhaps);
        check("http", "address=https://x/state/a", "address=https://x/state/b", Different);
        check("consul", "path=a", "path=a", Perhaps);
        check("consul", "path=a", "path=b", Different);
        check("consul", "path=a datacenter=x", "path=a datacenter=x", Same);
        check("consul", "path=a datacenter=x", "path=a datacenter=y", Different);
        check("consul", "path=a address=http://c", "path=a address=c", Same);
        check(
            "pg",
            "conn_str=postgres://me:pw@db/tf schema_name=a",
            "conn_str=postgres://db:5432/tf?sslmode=off schema_name=a",
            Same,
        );
        check("pg", "conn_str=postgres://db/tf schema_name=a", "conn_str=postgres://db/tf schema_name=b", Different);
        check("pg", "conn_str=postgres://db/a", "conn_str=postgres://db/b", Different);
        check("pg", "conn_str=postgres://one/a", "conn_str=postgres://two/a", Perhaps);
        check("kubernetes", "secret_suffix=a config_context=x", "secret_suffix=a config_context=y", Perhaps);
        check("kubernetes", "secret_suffix=a host=x", "secret_suffix=a host=x namespace=default", Same);
        check("kubernetes", "secret_suffix=a", "secret_suffix=a", Perhaps);
        check("oss", "bucket=b", "bucket=b prefix=env: key=terraform.tfstate", Same);
        check("steampipe", "x=1", "x=1", Perhaps);
        assert_eq!(state("gcs", RUN, "bucket=b").compare(&state("s3", RUN, "bucket=b")), Different);
    }

    #[test]
    fn a_cloud_block_and_the_remote_backend_are_one_service() {
        let named = "organization=acme workspaces.name=app";
        let (cloud, remote) =
            (state("cloud", RUN, named), state("remote", RUN, &format!("{named} hostname=app.terraform.io")));
        assert_eq!(cloud.compare(&remote), Same);
        check("cloud", named, "organization=acme workspaces.name=web", Different);
        check("cloud", "organization=acme workspaces.tags=x", "organization=acme workspaces.tags=x", Perhaps);
        check(
            "remote",
            "organization=acme workspaces.prefix=app-",
            "organization=other workspaces.prefix=app-",
            Different,
        );
        let selected = |workspace| {
            state("remote", Run { root: "", workspace: Some(workspace) }, "organization=acme workspaces.prefix=app-")
        };
        assert_eq!(selected("dev").compare(&selected("dev")), Same);
        assert_eq!(selected("dev").compare(&selected("prod")), Different);
    }

    #[test]
    fn nested_settings_are_found_however_they_were_recorded() {
        let texts = |kind, settings: &[(&str, &str)]| {
            let of = |(name, text): &(&str, &str)| (name.to_string(), text.to_string());
            StateIdentity::of_texts(kind, RUN, &settings.iter().map(of).collect())
        };
        let declared = state("s3", RUN, "bucket=b key=k endpoints.s3=http://minio:9000");
        assert_eq!(declared.to_string(), "s3 b/k/minio:9000");
        let old = texts("s3", &[("bucket", "b"), ("key", "k"), ("endpoint", "http://minio:9000")]);
        assert_eq!(declared.compare(&old), Same);
        let nested = "dynamodb=http://d,s3=http://minio:9000";
        assert_eq!(declared.compare(&texts("s3", &[("bucket", "b"), ("key", "k"), ("endpoints", nested)])), Same);
        let json = r#"{"s3": "http://minio:9000", "dynamodb": null}"#;
        assert_eq!(declared.compare(&texts("s3", &[("bucket", "b"), ("key", "k"), ("endpoints", json)])), Same);
        let block = r#"[{"name":"app","prefix":null}]"#;
        let bound = texts("remote", &[("organization", "acme"), ("workspaces", block)]);
        assert_eq!(state("remote", RUN, "organization=acme workspaces.name=app").compare(&bound), Same);
    }
}
