//! The environment variables of a function's process: the image's, then Lambda's own, then the function's.
//!
//! Source: "Working with Lambda environment variables", defined runtime environment variables. Nothing of the host's own
//! environment is handed down: a function that finds the developer's credentials would not be the function that is deployed.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use tiers_lambda::model::Place;
use tiers_oci::ImageConfig;

use super::program::Program;
use super::spawn::MARK;
use super::version::VersionSpec;

const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin/:/bin:/opt/bin";

/// What differs from one process to the next.
pub(crate) struct ProcessFacts<'a> {
    /// Of the unpacked image.
    pub root: &'a Path,
    /// `127.0.0.1:<port>`.
    pub runtime_api: String,
    pub process: &'a str,
    pub state: &'a Path,
    /// For temporary files of this process alone.
    pub tmp: &'a Path,
}

/// All variables of one process.
pub(crate) fn variables(
    image: &ImageConfig,
    program: &Program,
    spec: &VersionSpec,
    facts: &ProcessFacts<'_>,
) -> BTreeMap<String, String> {
    let Place { account, region } = &spec.place;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let task_root = facts.root.join("var/task");
    let day = Timestamp::now().strftime("%Y/%m/%d").to_string();
    let mut all = image.env.clone();
    all.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
    let lambda = [
        ("AWS_ACCESS_KEY_ID", format!("AKIALOCAL{account}")),
        ("AWS_DEFAULT_REGION", region.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.settings.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.function.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", spec.version.clone()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.function)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("{day}/[{}]{}", spec.version, facts.process)),
        ("AWS_LAMBDA_RUNTIME_API", facts.runtime_api.clone()),
        ("AWS_REGION", region.clone()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_SESSION_TOKEN", "local".to_owned()),
        ("LAMBDA_RUNTIME_DIR", text(&facts.root.join("var/runtime"))),
        ("LAMBDA_TASK_ROOT", text(&task_root)),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("LD_LIBRARY_PATH", format!("{}/lib:{}/opt/lib", task_root.display(), facts.root.display())),
        ("TMPDIR", text(facts.tmp)),
        ("TZ", ":UTC".to_owned()),
        ("_HANDLER", program.handler.clone()),
        (MARK, text(facts.state)),
    ];
    for (name, value) in lambda {
        all.insert(name.to_owned(), value);
    }
    for (name, value) in &spec.settings.environment {
        // What makes the process a function of this host is not for the function to set.
        if name != "AWS_LAMBDA_RUNTIME_API" && name != MARK {
            all.insert(name.clone(), value.clone());
        }
    }
    all
}
