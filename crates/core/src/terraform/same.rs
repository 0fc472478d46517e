//! Which state a backend leads to: what two environments must never share, however it is spelled.
//!
//! Settings that say how a state is reached, and not which one it is, tell no states apart: region, lock, credentials, and the prefix of
//! workspaces, of which none but `default` is ever selected. What is left out is what the backend would take by itself.

use crate::lease::Backend;

/// AWS's own endpoint of S3, in whatever region: a bucket's name is one for all of them.
const AWS: &str = "aws";

/// A part of what identifies a state.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// Differs where the states do.
    Told(String),
    /// May come from elsewhere too, so it tells apart only what says it on both sides.
    Said(Option<String>),
}

/// True when both lead to the same state. `usual` is the endpoint that S3 is reached at where a backend names none; `None` for
/// AWS's own. Paths of the kind `local` must be whole ones.
pub fn is_same_state(one: &Backend, other: &Backend, usual: Option<&str>) -> bool {
    let (mine, theirs) = (parts(one, usual), parts(other, usual));
    let same = |(mine, theirs): (&Part, &Part)| match (mine, theirs) {
        (Part::Said(Some(mine)), Part::Said(Some(theirs))) => mine == theirs,
        (Part::Said(_), Part::Said(_)) => true,
        (mine, theirs) => mine == theirs,
    };
    one.kind == other.kind && mine.len() == theirs.len() && mine.iter().zip(&theirs).all(same)
}

fn parts(backend: &Backend, usual: Option<&str>) -> Vec<Part> {
    let said = |name: &str| backend.settings.get(name).filter(|value| !value.is_empty()).cloned();
    let told = |name: &str| Part::Told(said(name).unwrap_or_default());
    let or = |name: &str, default: &str| Part::Told(said(name).unwrap_or_else(|| default.to_owned()));
    let path = |name: &str, default: &str| {
        let text = said(name).unwrap_or_else(|| default.to_owned());
        Part::Told(text.trim_matches('/').to_owned())
    };
    match backend.kind.as_str() {
        "s3" => vec![told("bucket"), path("key", ""), Part::Told(s3_endpoint(backend, usual))],
        "gcs" => vec![told("bucket"), path("prefix", "")],
        "azurerm" => {
            let account = said("storage_account_name").unwrap_or_default().to_lowercase();
            vec![Part::Told(account), told("container_name"), path("key", ""), Part::Said(said("environment"))]
        }
        "local" => vec![told("path")],
        "consul" => vec![
            Part::Said(said("address").map(|address| host(&address))),
            path("path", ""),
            Part::Said(said("datacenter")),
        ],
        "kubernetes" => {
            vec![told("secret_suffix"), or("namespace", "default"), Part::Said(said("config_context"))]
        }
        "oss" => vec![told("bucket"), path("prefix", "env:"), path("key", "terraform.tfstate")],
        "cos" => vec![told("bucket"), path("prefix", ""), path("key", "terraform.tfstate")],
        "remote" => vec![or("hostname", "app.terraform.io"), told("organization"), told("workspaces")],
        // Of these only hashes are known; the other settings are credentials and locks.
        "http" => vec![told("address")],
        "pg" => vec![told("conn_str"), Part::Said(said("schema_name"))],
        _ => backend.settings.iter().map(|(name, value)| Part::Told(format!("{name}={value}"))).collect(),
    }
}

/// Where S3 is reached, in one spelling. `endpoints` stands in a record as `dynamodb=…,s3=…`.
fn s3_endpoint(backend: &Backend, usual: Option<&str>) -> String {
    let said = |name: &str| backend.settings.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let of_s3 = said("endpoints").and_then(|all| all.split(',').find_map(|one| one.strip_prefix("s3=")));
    of_s3.or(said("endpoint")).or(usual.filter(|usual| !usual.is_empty())).map_or(AWS.to_owned(), host)
}

/// A host without what may be left out: the scheme, its usual port, a slash at the end.
fn host(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest).trim_end_matches('/');
    let rest = rest.strip_suffix(":443").or(rest.strip_suffix(":80")).unwrap_or(rest);
    if rest == "amazonaws.com" || rest.ends_with(".amazonaws.com") {
        return AWS.to_owned();
    }
    for this_machine in ["127.0.0.1", "[::1]"] {
        if let Some(port) = rest.strip_prefix(this_machine).filter(|port| port.is_empty() || port.starts_with(':')) {
            return format!("localhost{port}");
        }
    }
    rest.to_owned()
}
