//! A ledger as JSON lines: the genesis, then stream by stream, the oldest record first.
//!
//! A record's line is its stored bytes, so hashes can be checked on an export too. A place that can't be exported has a line of
//! its own in the order of the records: `{"damaged":{"fault":…,"key":…,"stream":…,"seq":…,"what":…}}`.

use std::io::{self, Write};

use serde_json::json;
use tiers_core::record::Stream;

use super::error::LedgerError;
use super::open::Ledger;
use super::scan::{Finding, Scanned};

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the export can't be written: {0}")]
    Write(#[from] io::Error),
}

impl Ledger {
    /// Writes one stream, or everything; returns the places that could not be exported.
    pub async fn export(&self, only: Option<&Stream>, out: &mut dyn Write) -> Result<Vec<Finding>, ExportError> {
        let inventory = self.inventory(only).await?;
        if only.is_none() {
            out.write_all(&self.genesis.to_bytes())?;
        }
        let mut findings = inventory.strays;
        for (stream, keys) in inventory.streams {
            let mut written = Ok(());
            self.scan(&stream, keys, &mut |step| {
                if written.is_ok() {
                    written = line(out, &step);
                }
                if let Scanned::Bad(found) = step {
                    findings.push(found);
                }
            })
            .await?;
            written?;
        }
        out.flush()?;
        Ok(findings)
    }
}

fn line(out: &mut dyn Write, step: &Scanned) -> io::Result<()> {
    match step {
        Scanned::Sound(_, bytes) => out.write_all(bytes),
        Scanned::Bad(found) => {
            serde_json::to_writer(&mut *out, &json!({ "damaged": found }))?;
            out.write_all(b"\n")
        }
    }
}
