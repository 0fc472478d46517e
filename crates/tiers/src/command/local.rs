//! `tiers local`: the embedded host, which stands in for a cloud on this machine.

use clap::{Args, Subcommand};
use tiers_local::{Host, HostConfig, LogFollower, LogLine, LogQuery, read_logs};

use crate::cli::Global;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::local::{host_fault, running, up};
use crate::render::table::{plain, table};

/// The embedded host: functions as processes on this machine, behind Lambda's own API
#[derive(Debug, Args)]
pub struct Local {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Start the host, make what is missing, and give functions the settings that are declared now
    Up,
    /// Stop the host; what it holds stays
    Down,
    /// What runs, and where its doors are
    Status,
    /// What functions wrote
    Logs {
        /// Only this function
        function: Option<String>,
        /// The last so many lines
        #[arg(short = 'n', long, default_value_t = 100)]
        lines: usize,
        /// Go on as new lines come
        #[arg(short, long)]
        follow: bool,
    },
    /// Be the host, in the foreground
    #[command(hide = true)]
    Serve {
        /// The port of Lambda's API; 0 lets the system choose
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

impl Local {
    /// True for the command that is the host.
    pub fn serves(&self) -> bool {
        matches!(self.what, What::Serve { .. })
    }
}

/// The host itself.
pub fn serve(global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::errored(format!("the runtime can't be started: {error}")))?;
    let config = HostConfig { layouts: vec![context.home("images")], ..HostConfig::default() };
    let host = Host::open(&context.home("host"), config).map_err(host_fault)?;
    runtime.block_on(async {
        let listener = Host::listen(0).await.map_err(host_fault)?;
        host.serve(listener, terminated()).await.map_err(host_fault)
    })?;
    Ok(0)
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

pub async fn run(args: &Local, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    match &args.what {
        What::Up => {
            let ledger = context.ledger().await?;
            let host = up(&context, &ledger, true).await?;
            if global.json {
                print_json("tiers.local/1", &host.status)?;
            } else {
                for change in &host.changes {
                    print(&format!("{change}\n"))?;
                }
                print(&format!("the local host is up: Lambda's API at {}, doors:\n", host.endpoint))?;
                print(&doors(&context, &host.status))?;
            }
            Ok(0)
        }
        What::Down => match running(&context).await {
            None => {
                print("the local host is not up\n")?;
                Ok(0)
            }
            Some(client) => {
                client.shutdown().await.map_err(host_fault)?;
                print("the local host is down; what it holds stays\n")?;
                Ok(0)
            }
        },
        What::Status => status(&context).await,
        What::Logs { function, lines, follow } => logs(&context, function.as_deref(), *lines, *follow).await,
        What::Serve { .. } => Err(Fault::errored("the host is served elsewhere")),
    }
}

async fn status(context: &Context) -> Outcome {
    let Some(client) = running(context).await else {
        return Err(Fault::refused("the local host is not up").hint("`tiers local up` starts it."));
    };
    let status = client.status().await.map_err(host_fault)?;
    if context.global.json {
        print_json("tiers.local/1", &status)?;
        return Ok(0);
    }
    print(&format!("up for {} s as process {}, Lambda's API at {}\n\n", status.uptime_s, status.pid, status.endpoint))?;
    print(&doors(context, &status))?;
    let rows: Vec<_> = status
        .functions
        .iter()
        .map(|function| {
            let aliases = function.aliases.iter().map(|alias| format!("{} -> {}", alias.name, alias.version));
            let processes = status.processes.iter().filter(|process| process.function == function.name).count();
            vec![
                plain(&function.name),
                plain(aliases.collect::<Vec<_>>().join(", ")),
                plain(processes.to_string()),
                plain(format!("{} days", function.log_retention_days)),
            ]
        })
        .collect();
    print(&format!("\n{}", table(&["function", "alias", "processes", "logs kept"], &rows, context.style)))?;
    Ok(0)
}

fn doors(context: &Context, status: &tiers_local::Status) -> String {
    let rows: Vec<_> = status
        .environments
        .iter()
        .map(|one| {
            vec![
                plain(&one.environment.name),
                plain(one.url.clone().or(one.problem.clone()).unwrap_or_default()),
                plain(one.environment.rate_limit_per_s.map_or("no limit".to_owned(), |rate| format!("{rate}/s"))),
                plain(one.requests.to_string()),
                plain(one.limited.to_string()),
            ]
        })
        .collect();
    table(&["environment", "door", "rate limit", "requests", "answered 429"], &rows, context.style)
}

async fn logs(context: &Context, function: Option<&str>, lines: usize, follow: bool) -> Outcome {
    let dir = context.home("host");
    let query = LogQuery { function: function.map(str::to_owned), ..LogQuery::default() };
    let show = |line: &LogLine| {
        print(&format!(
            "{}  {}  {}  {}\n",
            crate::render::time::exact(line.time),
            line.function,
            line.version,
            line.text
        ))
    };
    if !follow {
        let found = read_logs(&dir, &query).map_err(host_fault)?;
        for line in found.iter().skip(found.len().saturating_sub(lines)) {
            show(line)?;
        }
        return Ok(0);
    }
    let mut follower = LogFollower::new(&dir, query);
    loop {
        for line in follower.poll().map_err(host_fault)? {
            show(&line)?;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
