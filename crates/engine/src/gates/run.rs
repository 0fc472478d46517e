//! Runs gates for real: invokes functions, calls URLs, runs programs, each with its retries and its deadline.

use std::path::PathBuf;
use std::rc::Rc;

use async_trait::async_trait;
use tiers_core::apigw::{self, Caller};
use tiers_core::event::{GateResult, Outcome};
use tiers_core::expect::{Answer, judge};
use tiers_core::gate::{Check, Expect, Gate, Request};
use tiers_core::id::Component;
use tiers_core::redact::Redactor;

use super::{GatePlace, Gates};
use crate::port::clock::Clock;
use crate::port::ids::Ids;
use crate::port::probe::{HttpCall, Probe, ProbeError};
use crate::port::runner::{GateFacts, Job, Runner};
use crate::port::target::Target;

/// Of an answer's body no more than this is read for its expectations.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// Runs gates with these ports.
pub struct RunGates {
    pub target: Rc<dyn Target>,
    pub probe: Rc<dyn Probe>,
    pub runner: Rc<dyn Runner>,
    pub clock: Rc<dyn Clock>,
    pub ids: Rc<dyn Ids>,
    /// The door that users use, without a trailing slash; `None` where there is none.
    pub base_url: Option<String>,
    /// A folder with the source tree of the deployed commit, for commands.
    pub source: Option<PathBuf>,
    pub redactor: Redactor,
}

/// How one try ended.
struct Try {
    outcome: Outcome,
    detail: String,
    output: String,
    may_retry: bool,
}

#[async_trait(?Send)]
impl Gates for RunGates {
    async fn run(&self, gate: &Gate, place: &GatePlace<'_>) -> GateResult {
        let began = self.clock.now();
        let elapsed_ms = || u64::try_from(self.clock.now().duration_since(began).as_millis()).unwrap_or(0);
        let timeout_ms = u64::from(gate.timeout_s) * 1000;
        let mut tries = 0;
        let last = loop {
            tries += 1;
            let left_ms = timeout_ms.saturating_sub(elapsed_ms()).max(1);
            let one = self.once(&gate.check, place, left_ms).await;
            let time_left = elapsed_ms() + u64::from(gate.retry_after_ms) < timeout_ms;
            if one.outcome == Outcome::Passed || !one.may_retry || tries > gate.retries || !time_left {
                break one;
            }
            self.clock.sleep_ms(u64::from(gate.retry_after_ms)).await;
        };
        let detail = if tries > 1 { format!("{} (try {tries})", last.detail) } else { last.detail };
        GateResult {
            gate: gate.name.clone(),
            at: gate.at,
            effect: gate.effect,
            outcome: last.outcome,
            detail,
            output: last.output,
            duration_ms: elapsed_ms(),
        }
    }
}

impl RunGates {
    async fn once(&self, check: &Check, place: &GatePlace<'_>, left_ms: u64) -> Try {
        match check {
            Check::Invoke { component, request, expect } => {
                self.invoke(component, request, expect, place, left_ms).await
            }
            Check::Http { url, request, expect } => self.http(url, request, expect, left_ms).await,
            Check::Command { program, output_limit_kb } => {
                self.command(program, *output_limit_kb, place, left_ms).await
            }
            // Approvals and windows are read from the ledger and the calendar before the claim; there is nothing to run.
            Check::Approval { .. } | Check::Window { .. } => {
                errored("approvals and windows stand at `before`; they can't be run later", false)
            }
        }
    }

    async fn invoke(
        &self,
        component: &Component,
        request: &Request,
        expect: &Expect,
        place: &GatePlace<'_>,
        left_ms: u64,
    ) -> Try {
        let Some((function, form)) = place.functions.get(component) else {
            return errored(&format!("the app has no component `{component}`"), false);
        };
        let request_id = self.ids.nonce();
        let caller = Caller {
            account: "000000000000",
            domain: "gate.tiers.invalid",
            source_ip: "127.0.0.1",
            user_agent: "tiers",
            request_id: &request_id,
            now: self.clock.now(),
        };
        let payload = apigw::payload(request, &caller);
        let call = self.target.invoke(function, form, &payload);
        let deadline = self.clock.sleep_ms(left_ms);
        let answered = match futures::future::select(call, deadline).await {
            futures::future::Either::Left((answered, _)) => answered,
            futures::future::Either::Right(_) => {
                return failed(format!("{function} did not answer within {left_ms} ms"));
            }
        };
        match answered {
            Err(error) => errored(&error.to_string(), true),
            Ok(invoked) => {
                let as_http = request.path.is_some();
                match apigw::answer(&invoked.payload, invoked.function_error.as_deref(), as_http, &self.redactor) {
                    Err(no_answer) => failed(no_answer.to_string()),
                    Ok(answer) => self.judged(expect, &answer),
                }
            }
        }
    }

    async fn http(&self, url: &str, request: &Request, expect: &Expect, left_ms: u64) -> Try {
        let url = match (url.starts_with('/'), &self.base_url) {
            (false, _) => url.to_owned(),
            (true, Some(base)) => format!("{base}{url}"),
            (true, None) => return errored("the environment has no `url` and no door", false),
        };
        let url = match &request.path {
            Some(path) if !url.ends_with(path.as_str()) => format!("{}{path}", url.trim_end_matches('/')),
            _ => url,
        };
        let body = request.payload.as_ref().map(|payload| match payload.as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => payload.to_string().into_bytes(),
        });
        let method = if request.method.is_empty() { "GET".to_owned() } else { request.method.to_ascii_uppercase() };
        let headers = request.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let call = HttpCall { method, url, headers, body, body_limit_bytes: BODY_LIMIT_BYTES };
        match self.probe.http(call, left_ms).await {
            Err(error @ ProbeError::Invalid(_)) => errored(&error.to_string(), false),
            // Nobody answering at the door is what users would see too: it fails the gate.
            Err(error) => failed(error.to_string()),
            Ok(answer) => {
                let answer = Answer {
                    status: Some(answer.status),
                    headers: answer.headers,
                    body: answer.body,
                    truncated: answer.truncated,
                };
                self.judged(expect, &answer)
            }
        }
    }

    fn judged(&self, expect: &Expect, answer: &Answer) -> Try {
        let mismatches = judge(expect, answer, &self.redactor);
        let status = answer.status.map_or_else(|| "answered".to_owned(), |status| format!("status {status}"));
        if mismatches.is_empty() {
            return Try { outcome: Outcome::Passed, detail: status, output: String::new(), may_retry: false };
        }
        failed(mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    async fn command(&self, program: &[String], output_limit_kb: u32, place: &GatePlace<'_>, left_ms: u64) -> Try {
        let Some((program, args)) = program.split_first() else {
            return errored("the gate names no program", false);
        };
        let Some(cwd) = self.source.clone() else {
            return errored("there is no source tree to run it in", false);
        };
        let facts = GateFacts {
            environment: place.environment.as_str(),
            base_url: self.base_url.as_deref().unwrap_or(""),
            release: place.release.id.as_str(),
            digest: place.release.digest.as_str(),
            commit: place.release.commit.as_str(),
        };
        let job = Job {
            program: program.clone(),
            args: args.to_vec(),
            cwd,
            env: facts.variables(),
            timeout_ms: left_ms,
            output_limit_bytes: output_limit_kb as usize * 1024,
        };
        match self.runner.run(job).await {
            Err(error) => errored(&error.to_string(), false),
            Ok(end) if end.passed() => Try {
                outcome: Outcome::Passed,
                detail: end.how.to_string(),
                output: end.output.to_string(),
                may_retry: false,
            },
            Ok(end) => Try {
                outcome: Outcome::Failed,
                detail: end.how.to_string(),
                output: end.output.to_string(),
                may_retry: true,
            },
        }
    }
}

fn failed(detail: String) -> Try {
    Try { outcome: Outcome::Failed, detail, output: String::new(), may_retry: true }
}

fn errored(detail: &str, may_retry: bool) -> Try {
    Try { outcome: Outcome::Errored, detail: detail.to_owned(), output: String::new(), may_retry }
}
