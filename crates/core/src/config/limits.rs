//! What the services accept, and what holds where the file says nothing.
//!
//! Sources: the Lambda API reference (FunctionConfiguration, quotas) and the CloudWatch Logs API reference (PutRetentionPolicy).

/// A range of whole numbers, both ends included.
pub(super) struct Limit {
    pub min: i64,
    pub max: i64,
    /// Who sets it, for the message.
    pub source: &'static str,
}

pub(super) const MEMORY_MB: Limit = Limit { min: 128, max: 10_240, source: "Lambda" };
pub(super) const TIMEOUT_S: Limit = Limit { min: 1, max: 900, source: "Lambda" };
pub(super) const CONCURRENCY: Limit = Limit { min: 0, max: 1_000_000, source: "Lambda" };
pub(super) const RATE_LIMIT: Limit = Limit { min: 1, max: 1_000_000, source: "API Gateway" };
pub(super) const BURST: Limit = Limit { min: 1, max: 1_000_000, source: "API Gateway" };

/// The retention periods that CloudWatch Logs takes, in days.
pub(super) const LOG_RETENTION_DAYS: &[i64] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// All environment variables of a function together, names and values, in bytes.
pub(super) const VARIABLES_MAX_BYTES: usize = 4096;

/// The names that Lambda sets itself and refuses. Source: "Defined runtime environment variables", the reserved ones.
pub(super) const RESERVED_VARIABLES: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

pub(super) const APPROVALS_MAX: i64 = 20;
pub(super) const RETRIES_MAX: i64 = 100;

/// Folders of the ledger beside those of the environments.
pub(super) const RESERVED_ENVIRONMENTS: &[&str] = &["genesis", "releases", "terraform"];

pub(super) const DEFAULT_NAME: &str = "{project}-{component}-{environment}";
pub(super) const DEFAULT_LEDGER: &str = ".tiers/ledger";
pub(super) const DEFAULT_UPSTREAM_WAIT_S: u64 = 1800;
pub(super) const DEFAULT_BAKE_S: u64 = 300;
pub(super) const DEFAULT_EVERY_S: u64 = 60;
pub(super) const DEFAULT_RETRY_AFTER_MS: u32 = 1000;
pub(super) const DEFAULT_MEMORY_MB: i64 = 128;
pub(super) const DEFAULT_TIMEOUT_S: i64 = 3;

/// Of an `invoke` or `http` gate, in seconds.
pub(super) const CALL_TIMEOUT_S: u32 = 60;
/// Of a `command` gate, in seconds.
pub(super) const COMMAND_TIMEOUT_S: u32 = 600;
/// How long an approval is waited for, in seconds: three days.
pub(super) const APPROVAL_TIMEOUT_S: u32 = 259_200;
/// Of any gate at most, in seconds: a week.
pub(super) const GATE_TIMEOUT_MAX_S: u64 = 604_800;
/// How much of a command's output is kept with its evidence.
pub(super) const OUTPUT_LIMIT_KB: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_shows_the_defaults_that_are_used() {
        let root = super::super::schema::schema_value();
        let shown = |table: &str, key: &str| root["$defs"][table]["properties"][key]["default"].clone();
        let ms = |table: &str, key: &str| {
            shown(table, key).as_str().unwrap().parse::<jiff::SignedDuration>().unwrap().as_millis() as u64
        };
        assert_eq!(ms("Environment", "upstream_wait"), DEFAULT_UPSTREAM_WAIT_S * 1000);
        assert_eq!(ms("Shift", "bake"), DEFAULT_BAKE_S * 1000);
        assert_eq!(ms("Shift", "every"), DEFAULT_EVERY_S * 1000);
        assert_eq!(ms("Gate", "retry_after"), u64::from(DEFAULT_RETRY_AFTER_MS));
        assert_eq!(shown("Environment", "memory_mb"), DEFAULT_MEMORY_MB);
        assert_eq!(shown("Environment", "timeout_s"), DEFAULT_TIMEOUT_S);
        assert_eq!(root["properties"]["name"]["default"], DEFAULT_NAME);
        assert_eq!(root["properties"]["ledger"]["default"], DEFAULT_LEDGER);
    }
}
