//! Limits and shapes that a request must keep before anything is looked at or changed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::ModelError;
use super::names;
use super::wire::OPAQUE_SETTINGS;
use crate::api::Settings;

/// What the service gives a function that says nothing about it.
pub(super) fn default_settings(name: &str) -> Settings {
    let defaults = [
        ("TracingConfig", json!({ "Mode": "PassThrough" })),
        ("LoggingConfig", json!({ "LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}") })),
        ("SnapStart", json!({ "ApplyOn": "None", "OptimizationStatus": "Off" })),
    ];
    Settings {
        memory_mb: 128,
        timeout_s: 3,
        architecture: "x86_64".to_owned(),
        ephemeral_mb: 512,
        other: defaults.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Settings::default()
    }
}

/// Takes over what a request says about the settings that the model does not interpret.
pub(super) fn apply_opaque(settings: &mut Settings, given: BTreeMap<String, Value>) {
    for (name, value) in given {
        if OPAQUE_SETTINGS.contains(&name.as_str()) && !value.is_null() {
            settings.other.insert(name, value);
        }
    }
}

/// Checks settings as a whole, in the order in which the service would complain.
pub(super) fn check_settings(settings: &Settings) -> Result<(), ModelError> {
    check_description(&settings.description)?;
    check_range("memorySize", settings.memory_mb, 128, 10_240)?;
    check_range("timeout", settings.timeout_s, 1, 900)?;
    check_range("ephemeralStorage.size", settings.ephemeral_mb, 512, 10_240)?;
    if !is_role(&settings.role) {
        let must =
            "satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";
        return Err(ModelError::constraint("role", &settings.role, must));
    }
    if !matches!(settings.architecture.as_str(), "x86_64" | "arm64") {
        let must = "satisfy enum value set: [x86_64, arm64]";
        return Err(ModelError::constraint("architectures", &settings.architecture, must));
    }
    check_environment(&settings.environment)
}

/// An alias's name, where one is made.
pub(super) fn check_alias_name(name: &str) -> Result<(), ModelError> {
    let good = (1..=128).contains(&name.len())
        && name.bytes().all(names::is_name_byte)
        && !name.bytes().all(|byte| byte.is_ascii_digit());
    if good {
        Ok(())
    } else {
        let must = "have 1 to 128 letters, digits, hyphens and underscores, and not only digits";
        Err(ModelError::constraint("name", name, must))
    }
}

pub(super) fn check_description(text: &str) -> Result<(), ModelError> {
    if text.chars().count() <= 256 {
        Ok(())
    } else {
        Err(ModelError::constraint("description", text, "have length less than or equal to 256"))
    }
}

/// A resource has 50 tags at most; keys of 1 to 128 characters, values of up to 256, and `aws:` is reserved.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ModelError> {
    if tags.len() > 50 {
        return Err(ModelError::invalid("Number of tags exceeds the limit of 50."));
    }
    for (key, value) in tags {
        let key_len = key.chars().count();
        if !(1..=128).contains(&key_len) || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(ModelError::invalid(format!("The tag key {key} is not valid.")));
        }
        if value.chars().count() > 256 {
            return Err(ModelError::invalid(format!("The value of the tag {key} is longer than 256 characters.")));
        }
    }
    Ok(())
}

fn check_range(field: &str, value: u32, least: u32, most: u32) -> Result<(), ModelError> {
    if value < least {
        return Err(ModelError::constraint(
            field,
            &value.to_string(),
            &format!("have value greater than or equal to {least}"),
        ));
    }
    if value > most {
        return Err(ModelError::constraint(
            field,
            &value.to_string(),
            &format!("have value less than or equal to {most}"),
        ));
    }
    Ok(())
}

fn is_role(arn: &str) -> bool {
    let Some((account, name)) = arn
        .strip_prefix("arn:aws")
        .and_then(|rest| rest.split_once(":iam::"))
        .and_then(|(_, rest)| rest.split_once(":role/"))
    else {
        return false;
    };
    account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() && !name.contains(' ')
}

/// Names the service sets itself. Source: AWS, "Defined runtime environment variables", the reserved ones.
const RESERVED_VARIABLES: [&str; 17] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// 4 KB in all, measured over the variables as JSON, as the service's message shows them.
fn check_environment(variables: &BTreeMap<String, String>) -> Result<(), ModelError> {
    const CONFIGURE: &str =
        "Lambda was unable to configure your environment variables because the environment variables you have provided";
    for name in variables.keys() {
        let good = name.len() >= 2
            && name.as_bytes()[0].is_ascii_alphabetic()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if RESERVED_VARIABLES.contains(&name.as_str()) {
            return Err(ModelError::invalid(format!(
                "{CONFIGURE} contains reserved keys that are currently not supported for modification. Reserved keys used in \
                 this request: {name}"
            )));
        }
        if !good {
            let must = "satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+";
            return Err(ModelError::constraint("environment.variables", name, must));
        }
    }
    let size = json!(variables).to_string().len();
    // The message of the service repeats the variables. Values may be secrets, and errors end up in logs: say the size alone.
    if size > 4096 {
        Err(ModelError::invalid(format!("{CONFIGURE} exceeded the 4KB limit. Bytes measured: {size}")))
    } else {
        Ok(())
    }
}
