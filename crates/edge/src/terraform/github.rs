//! Asks GitHub whether a run of Actions ended.
//!
//! Source: GitHub's REST API, "Get a workflow run attempt": `status` is `completed` once it ended, with a `conclusion`.

use async_trait::async_trait;
use serde::Deserialize;
use tiers_core::lease::CiRun;
use tiers_engine::port::lease::{CiRuns, RunState};
use tiers_engine::port::probe::{HttpAnswer, HttpCall, Probe};

use crate::probe::HttpProbe;

const DEADLINE_MS: u64 = 10_000;
const BODY_LIMIT_BYTES: usize = 1 << 20;

/// The runs of GitHub Actions, asked about with a token that may read them.
pub struct GitHubRuns {
    probe: HttpProbe,
    /// `https://api.github.com`, or an enterprise's own.
    api: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Run {
    status: String,
    conclusion: Option<String>,
}

impl GitHubRuns {
    /// With the address and the token of the environment: `GITHUB_API_URL`; `GITHUB_TOKEN` or `GH_TOKEN`.
    pub fn from_environment() -> GitHubRuns {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let api = variable("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned());
        GitHubRuns::new(&api, variable("GITHUB_TOKEN").or_else(|| variable("GH_TOKEN")))
    }

    /// With this address and token.
    pub fn new(api: &str, token: Option<String>) -> GitHubRuns {
        GitHubRuns { probe: HttpProbe::new(), api: api.trim_end_matches('/').to_owned(), token }
    }

    /// The run that this process belongs to, if GitHub Actions started it.
    pub fn this_run() -> Option<CiRun> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if variable("GITHUB_ACTIONS").as_deref() != Some("true") {
            return None;
        }
        let (project, run) = (variable("GITHUB_REPOSITORY")?, variable("GITHUB_RUN_ID")?);
        let server = variable("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
        Some(CiRun {
            system: "github".to_owned(),
            url: format!("{server}/{project}/actions/runs/{run}"),
            attempt: variable("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned()),
            project,
            run,
        })
    }
}

#[async_trait(?Send)]
impl CiRuns for GitHubRuns {
    async fn state(&self, run: &CiRun) -> RunState {
        if run.system != "github" {
            return RunState::Unknown(format!("`{}` is no CI system that this tiers knows", run.system));
        }
        let numbers = [&run.run, &run.attempt];
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        if !numbers.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_digit())) || !plain(&run.project) {
            return RunState::Unknown("the record names no run of GitHub's".to_owned());
        }
        let url = format!("{}/repos/{}/actions/runs/{}/attempts/{}", self.api, run.project, run.run, run.attempt);
        let mut headers = vec![
            ("accept".to_owned(), "application/vnd.github+json".to_owned()),
            ("user-agent".to_owned(), "tiers".to_owned()),
        ];
        headers.extend(self.token.iter().map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
        let call = HttpCall { method: "GET".to_owned(), url, headers, body: None, body_limit_bytes: BODY_LIMIT_BYTES };
        match self.probe.http(call, DEADLINE_MS).await {
            Ok(answer) => told(&answer, self.token.is_some()),
            Err(error) => RunState::Unknown(error.to_string()),
        }
    }
}

fn told(answer: &HttpAnswer, with_token: bool) -> RunState {
    let token = if with_token { "" } else { "; set GITHUB_TOKEN to a token that may read Actions" };
    match answer.status {
        200 => match serde_json::from_slice::<Run>(&answer.body) {
            Ok(Run { status, conclusion }) if status == "completed" => {
                RunState::Ended(conclusion.unwrap_or_else(|| "no conclusion".to_owned()))
            }
            Ok(_) => RunState::Running,
            Err(error) => RunState::Unknown(format!("GitHub's answer can't be read: {error}")),
        },
        // A private repository without a right to read is "not found" as well: absence is no evidence.
        status => RunState::Unknown(format!("GitHub answered with status {status}{token}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: &str) {
        let answer = HttpAnswer { status, headers: Vec::new(), body: body.into(), truncated: false, duration_ms: 1 };
        let told = match told(&answer, false) {
            RunState::Running => "running".to_owned(),
            RunState::Ended(conclusion) => format!("ended: {conclusion}"),
            RunState::Unknown(why) => format!("unknown: {why}"),
        };
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn only_a_run_that_says_that_it_is_completed_has_ended() {
        check(200, r#"{"status":"completed","conclusion":"cancelled"}"#, "ended: cancelled");
        check(200, r#"{"status":"completed","conclusion":null}"#, "ended: no conclusion");
        check(200, r#"{"status":"in_progress","conclusion":null}"#, "running");
        check(200, r#"{"status":"queued"}"#, "running");
        check(200, "<html>", "unknown: GitHub's answer can't be read");
        for status in [301, 401, 403, 404, 500] {
            check(status, r#"{"status":"completed"}"#, "unknown: GitHub answered with status");
        }
    }

    #[test]
    fn a_record_can_not_lead_the_question_elsewhere() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let run = |system: &str, project: &str, run: &str| CiRun {
            system: system.into(),
            project: project.into(),
            run: run.into(),
            attempt: "1".into(),
            url: String::new(),
        };
        // Nothing listens there; what is refused beforehand says so in other words.
        let runs = GitHubRuns::new("http://127.0.0.1:1", None);
        for (asked, says) in [
            (run("jenkins", "a/b", "1"), "no CI system"),
            (run("github", "a/b?x", "1"), "names no run"),
            (run("github", "a/b", "../1"), "names no run"),
        ] {
            let state = runtime.block_on(runs.state(&asked));
            assert!(matches!(&state, RunState::Unknown(why) if why.contains(says)), "{state:?}");
        }
    }
}
