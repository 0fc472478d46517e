//! One program run to its end, as a port: the simulation answers it from a script, the edge with real processes.
//!
//! The contract that a gate rests on: `run` comes back soon after the deadline whatever the program does (forks, floods its
//! output, hands its output pipe to a daemon), what it keeps of the output is bounded and has no secret in it, and when the
//! future is dropped or our own process dies the program's whole process group dies too.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;

/// What is run, and within which bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// A name that is looked up in `PATH`, or a path; one that is relative and has a slash is meant below `cwd`.
    pub program: String,
    pub args: Vec<String>,
    /// Must exist.
    pub cwd: PathBuf,
    /// Set for the program, on top of the few variables that an implementation says it passes on; wins over those.
    pub env: BTreeMap<String, String>,
    pub timeout_ms: u64,
    /// Standard output and standard error together: of more than this the beginning and the end are kept.
    pub output_limit_bytes: usize,
}

/// How a program that was started came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal, which was not ours.
    Signalled(i32),
    /// It was still running at the deadline; its whole process group was ended.
    TimedOut,
}

/// The end of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    pub how: How,
    pub output: Output,
    pub duration_ms: u64,
}

/// What is kept of standard output and standard error, in the order in which it was read, secrets replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// All of it, or its beginning.
    pub head: String,
    /// Its end; empty when nothing was dropped.
    pub tail: String,
    /// Bytes between the two that were dropped.
    pub dropped_bytes: u64,
}

/// Why a program could not be started. None of these says anything about what the program would have found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("there is no program `{program}`: {looked}")]
    Missing { program: String, looked: String },
    #[error("`{program}` can't be executed: {cause}")]
    NotExecutable { program: String, cause: String },
    #[error("the folder {cwd} to run `{program}` in can't be used: {cause}")]
    Folder { program: String, cwd: String, cause: String },
    #[error("`{program}` could not be started: {cause}")]
    Spawn { program: String, cause: String },
}

/// Runs programs.
#[async_trait(?Send)]
pub trait Runner {
    /// Runs a job to its end or its deadline. A code other than 0 is an answer, not an error.
    async fn run(&self, job: Job) -> Result<JobEnd, RunError>;
}

impl JobEnd {
    /// True when it ended by itself with 0.
    pub fn passed(&self) -> bool {
        self.how == How::Exited(0)
    }
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            How::Exited(code) => write!(f, "exit code {code}"),
            How::Signalled(signal) => write!(f, "ended by signal {signal}{}", signal_name(*signal)),
            How::TimedOut => f.write_str("still running at its deadline, ended with its process group"),
        }
    }
}

/// The names of the signals that end programs most often; numbers are those of Linux and of macOS, where they agree.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL; often the kernel, out of memory)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

impl std::fmt::Display for Output {
    /// The head, a line that says how much is missing, and the tail.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.head)?;
        if self.dropped_bytes > 0 {
            let newline = if self.head.ends_with('\n') { "" } else { "\n" };
            write!(f, "{newline}[… {} bytes dropped …]\n{}", self.dropped_bytes, self.tail)?;
        }
        Ok(())
    }
}

/// What a gate's program is told of the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateFacts<'a> {
    pub environment: &'a str,
    /// Where users reach the environment; empty where none is declared.
    pub base_url: &'a str,
    pub release: &'a str,
    pub digest: &'a str,
    pub commit: &'a str,
}

impl GateFacts<'_> {
    /// As environment variables: `TIERS_ENVIRONMENT` and, for scripts that exist already, `ENV`; `BASE_URL`, `RELEASE`,
    /// `DIGEST`, `COMMIT`.
    pub fn variables(&self) -> BTreeMap<String, String> {
        [
            ("TIERS_ENVIRONMENT", self.environment),
            ("ENV", self.environment),
            ("BASE_URL", self.base_url),
            ("RELEASE", self.release),
            ("DIGEST", self.digest),
            ("COMMIT", self.commit),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_says_how_much_is_missing_between_its_ends() {
        let whole = Output { head: "all\n".into(), ..Output::default() };
        assert_eq!(whole.to_string(), "all\n");
        let cut = Output { head: "begin".into(), tail: "end".into(), dropped_bytes: 7 };
        assert_eq!(cut.to_string(), "begin\n[… 7 bytes dropped …]\nend");
    }

    #[test]
    fn only_a_zero_exit_passes() {
        let end = |how| JobEnd { how, output: Output::default(), duration_ms: 1 };
        assert!(end(How::Exited(0)).passed());
        for how in [How::Exited(1), How::Signalled(9), How::TimedOut] {
            assert!(!end(how).passed(), "{how}");
        }
    }
}
