//! A file of findings that a repository has lived with so far, so that a check speaks only of new ones.
//!
//! JSON: `{"version": 1, "findings": {"<fingerprint>": "<message>"}}`. A fingerprint names rule, path and subject, no line, so
//! that it holds while lines move. An unknown version is refused; unknown fields are left alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::finding::Report;

#[derive(Serialize, Deserialize)]
struct BaselineFile {
    version: u32,
    findings: BTreeMap<String, String>,
}

const VERSION: u32 = 1;

/// The text of a baseline file that holds everything this report found.
pub fn write(report: &Report) -> String {
    let findings =
        report.findings.iter().map(|finding| (finding.fingerprint.clone(), finding.message.clone())).collect();
    let mut text = serde_json::to_string_pretty(&BaselineFile { version: VERSION, findings }).unwrap_or_default();
    text.push('\n');
    text
}

/// The fingerprints in a baseline file, for [`crate::Options::baseline`]. The error is a lower-case fragment.
pub fn read(text: &str) -> Result<BTreeSet<String>, String> {
    let file: BaselineFile =
        serde_json::from_str(text).map_err(|error| format!("this is no baseline file: {error}"))?;
    if file.version != VERSION {
        return Err(format!("the baseline has version {}, this program reads version {VERSION}", file.version));
    }
    Ok(file.findings.into_keys().collect())
}
