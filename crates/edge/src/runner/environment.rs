//! What a gate command finds in its environment.
//!
//! It starts from nothing. Passed on are the names below, because programs can't find their files, speak the user's language or
//! reach the network without them. Everything else of ours stays here: a deployer's environment holds cloud credentials and
//! tokens, and a gate's output is stored. A gate that needs more says so (`also` of the runner, or the job's own variables).

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Names that a gate command inherits where they are set.
pub const INHERITED: &[&str] = &[
    // where programs and their files are
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "VIRTUAL_ENV",
    "JAVA_HOME",
    "NVM_DIR",
    // language, time zone, and whether there is a person to talk to
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "CI",
    "NO_COLOR",
    // the network as this machine reaches it
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
];

/// Where programs are looked for when we have no `PATH` ourselves.
const PLAIN_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The whole environment of a job: what is inherited, what the runner adds, and the job's own, which wins.
pub(super) fn build(also: &[String], job: &BTreeMap<String, String>) -> BTreeMap<OsString, OsString> {
    let inherited = INHERITED.iter().copied().chain(also.iter().map(String::as_str));
    let mut environment: BTreeMap<OsString, OsString> =
        inherited.filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect();
    environment.entry("PATH".into()).or_insert_with(|| PLAIN_PATH.into());
    environment.extend(job.iter().map(|(name, value)| (name.into(), value.into())));
    environment
}
