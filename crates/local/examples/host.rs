//! A host on its own, for tests in other languages and for trying things out:
//!
//! ```text
//! cargo run -p tiers-local --example host -- --dir STATE --layout OCI_LAYOUT [--port 0] [--account 000000000000]
//!     [--region us-east-1] [--settle-ms 5]
//! ```
//! Prints its endpoint on the first line of standard output and runs until it is killed, interrupted or asked to end.

use std::path::PathBuf;
use std::process::ExitCode;

use tiers_local::{Host, HostConfig, LocalError};

struct Arguments {
    dir: PathBuf,
    port: u16,
    config: HostConfig,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments { dir: PathBuf::new(), port: 0, config: HostConfig::default() };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|e| format!("{name} {value}: {e}"));
        match name.as_str() {
            "--dir" => found.dir = value.into(),
            "--layout" => found.config.layouts.push(value.into()),
            "--port" => found.port = u16::try_from(number()?).map_err(|e| format!("{name} {value}: {e}"))?,
            "--account" => found.config.account = value,
            "--region" => found.config.region = value,
            "--settle-ms" => found.config.settle_ms = number()?,
            "--idle-ms" => found.config.idle_ms = number()?,
            _ => return Err(format!("{name} is not known")),
        }
    }
    if found.dir.as_os_str().is_empty() { Err("--dir is missing".to_owned()) } else { Ok(found) }
}

fn main() -> ExitCode {
    let Arguments { dir, port, config } = match arguments() {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let run = || -> Result<(), LocalError> {
        let host = Host::open(&dir, config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|e| LocalError::Invalid(format!("no runtime: {e}")))?;
        runtime.block_on(async {
            let listener = Host::listen(port).await?;
            let address = listener.local_addr().map_err(|e| LocalError::Invalid(e.to_string()))?;
            println!("http://{address}");
            host.serve(listener, std::future::pending()).await
        })
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(4)
        }
    }
}
