//! `tiers ledger verify` and `tiers ledger export`.

use clap::{Args, Subcommand};
use serde::Serialize;
use tiers_core::record::Stream;
use tiers_core::summary;
use tiers_engine::ledger::{Anchor, Finding};

use crate::cli::Global;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};

/// Prove the ledger, or write it out
#[derive(Debug, Args)]
pub struct Ledger {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Look for records that were altered, dropped, reordered or inserted
    ///
    /// Recomputes every hash and every summary. What this machine saw before counts as an anchor; more can be given. It does not
    /// prove that nobody with write access rewrote the tail after the last anchor.
    Verify {
        /// Only this stream, such as prod/telegram-api
        stream: Option<Stream>,
        /// A head written down elsewhere, as SEQ:HASH; needs a stream
        #[arg(long, value_name = "SEQ:HASH", requires = "stream")]
        anchor: Vec<String>,
    },
    /// Write all records as JSON lines, stream by stream, the oldest first
    Export {
        /// Only this stream
        stream: Option<Stream>,
    },
}

/// `tiers.ledger-verification/1`.
#[derive(Serialize)]
struct Shown<'a> {
    ledger: &'a str,
    place: String,
    records: u64,
    heads: &'a [Anchor],
    findings: &'a [Finding],
}

pub async fn run(args: &Ledger, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let Some(ledger) = context.ledger_if_any().await? else {
        return Err(Fault::refused("there is no ledger yet").hint("`tiers build` begins one."));
    };
    match &args.what {
        What::Verify { stream, anchor } => verify(&context, &ledger, stream.as_ref(), anchor).await,
        What::Export { stream } => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let findings = ledger.export(stream.as_ref(), &mut out).await;
            let findings = match findings {
                Ok(findings) => findings,
                Err(error) if crate::fault::chain(&error).contains("Broken pipe") => return Ok(0),
                Err(error) => return Err(Fault::errored(crate::fault::chain(&error))),
            };
            drop(out);
            for finding in &findings {
                let _ = std::io::Write::write_all(
                    &mut std::io::stderr(),
                    format!("damaged: {}\n", line(finding)).as_bytes(),
                );
            }
            Ok(u8::from(!findings.is_empty()))
        }
    }
}

async fn verify(
    context: &Context,
    ledger: &tiers_engine::ledger::Ledger,
    stream: Option<&Stream>,
    anchors: &[String],
) -> Outcome {
    let mut given = Vec::new();
    if let Some(stream) = stream {
        for text in anchors {
            given.push(Anchor::parse(stream, text).map_err(|error| Fault::usage(error.to_string()))?);
        }
    }
    let verified = ledger.verify(stream, &given, &summary::after).await?;
    if context.global.json {
        let shown = Shown {
            ledger: ledger.id(),
            place: ledger.describe(),
            records: verified.records,
            heads: &verified.heads,
            findings: &verified.findings,
        };
        print_json("tiers.ledger-verification/1", &shown)?;
        return Ok(u8::from(!verified.findings.is_empty()));
    }
    let style = context.style;
    let mut text = String::new();
    for finding in &verified.findings {
        text.push_str(&format!("{} {}\n", style.bad("found:"), line(finding)));
    }
    for head in &verified.heads {
        text.push_str(&format!("{}  {}:{}\n", head.stream, head.seq, head.hash));
    }
    let word = if verified.findings.is_empty() { style.good("sound:") } else { style.bad("not sound:") };
    text.push_str(&format!(
        "{word} {} records in {} streams of ledger {}, {} findings\n",
        verified.records,
        verified.heads.len(),
        ledger.id(),
        verified.findings.len()
    ));
    print(&text)?;
    Ok(u8::from(!verified.findings.is_empty()))
}

fn line(finding: &Finding) -> String {
    let place = match (&finding.stream, finding.seq) {
        (Some(stream), Some(seq)) => format!("record {seq} of {stream}"),
        (Some(stream), None) => stream.to_string(),
        (None, _) => "no stream".to_owned(),
    };
    format!("{place}: {} ({})", finding.what, finding.key)
}
