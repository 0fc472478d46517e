//! One step of work: look, intend, send, look again, settle. What the looks mean is decided by the driver's own functions
//! (`tiers_engine::driver::settle`); only the order of the looks is told again here.

use std::sync::Arc;

use tiers_core::deployment::Deployment;
use tiers_core::event::{Answer as Said, Event, Finding, Found, GuardedCall, Intent, Resource, Step};
use tiers_core::id::Component;
use tiers_core::next::NextEffect;
use tiers_core::plan::ComponentPlan;
use tiers_engine::driver::settle::{self, Verdict};

use crate::bounds::Broken;
use crate::fold::{Effect, Ledger};
use crate::place::{Answer, Call, Function};
use crate::stage;
use crate::tables::{Memo, Pool, name};

/// The most calls that one intent holds: two components, function and alias of each.
pub const MOST_CALLS: usize = 4;

/// What one look at one component found.
#[derive(Clone)]
struct Looked {
    index: usize,
    verdict: Verdict,
    function_token: Option<u8>,
    alias_token: Option<u8>,
}

/// An intent that was made, with all that becomes of it.
pub struct Work {
    pub step: Step,
    pub calls: Vec<Call>,
    /// The events: that it is intended, and that none of it was sent.
    pub intended: u32,
    pub not_sent: u32,
    intent: Intent,
    looked: Vec<Looked>,
}

/// What the first look of a step leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing to send: the event that says what was found.
    Settled(u32),
    /// The work's number.
    Intend(u32),
}

/// The tables of work.
#[derive(Default)]
pub struct Bench {
    works: Pool<Work>,
    begun: Memo<(u32, [Function; 2]), Begun>,
    concluded: Memo<(u32, u32, [Function; 2], [Answer; MOST_CALLS]), u32>,
    broken: Option<Broken>,
}

impl Bench {
    pub fn new(broken: Option<Broken>) -> Bench {
        Bench { broken, ..Bench::default() }
    }

    pub fn get(&self, work: u32) -> Arc<Work> {
        self.works.get(work)
    }

    /// The first look of what comes next in this state.
    pub fn begin(&self, ledger: &Ledger, state: u32, functions: &[Function; 2]) -> Begun {
        self.begun.get((state, *functions), || {
            let fact = ledger.get(state);
            let open = fact.state.open.as_ref().expect("work is done for an open deployment");
            let Some(Effect::Work(effect)) = &fact.effect else { unreachable!("the effect is work") };
            let (step, components) = match effect {
                NextEffect::Fence { components } => (Step::Fence, components.clone()),
                NextEffect::Write { step, components } => (*step, components.clone()),
                _ => (Step::LastLook, open.parts.iter().map(|part| part.component.clone()).collect()),
            };
            self.intend(ledger, open, step, &components, functions)
        })
    }

    fn intend(
        &self,
        ledger: &Ledger,
        open: &Deployment,
        step: Step,
        components: &[Component],
        functions: &[Function; 2],
    ) -> Begun {
        let mut looked = Vec::new();
        let mut guarded: Vec<GuardedCall> = Vec::new();
        for component in components {
            let (one, calls) = self.look(ledger, open, step, component, functions, None);
            looked.push(one);
            guarded.extend(calls);
        }
        let findings: Vec<Finding> = looked.iter().map(|one| one.finding(Said::NotSent)).collect();
        if guarded.is_empty() {
            return Begun::Settled(ledger.event(Event::Settled { intent: None, step, findings }));
        }
        let deployment = stage::number(open.id.as_str());
        let calls = guarded.iter().map(|call| stage::call(call, deployment, &ledger.marks)).collect();
        let intent = Intent { id: open.intents + 1, step, calls: guarded, deadline_s: 0 };
        let work = Work {
            step,
            calls,
            intended: ledger.event(Event::Intended { intent: intent.clone() }),
            not_sent: ledger.event(Event::Settled { intent: Some(intent.id), step, findings: findings.clone() }),
            intent,
            looked,
        };
        let known = name(&(&work.intent, &findings, work.calls.len(), deployment));
        Begun::Intend(self.works.number(&known, || work))
    }

    /// The event that settles this work, from a look now.
    pub fn conclude(
        &self,
        ledger: &Ledger,
        state: u32,
        work: u32,
        functions: &[Function; 2],
        answers: [Answer; MOST_CALLS],
    ) -> u32 {
        self.concluded.get((state, work, *functions, answers), || {
            let fact = ledger.get(state);
            let open = fact.state.open.as_ref().expect("work is done for an open deployment");
            let work = self.works.get(work);
            let mut called: Vec<Component> = work.intent.calls.iter().map(|call| call.component.clone()).collect();
            called.dedup();
            let fence = work.step == Step::Fence;
            let before = work.looked.iter().filter(|one| !fence && !called.contains(&stage::component(one.index)));
            let mut findings: Vec<Finding> = before.map(|one| one.finding(Said::NotSent)).collect();
            for component in &called {
                let pairs = work.intent.calls.iter().zip(answers);
                let own = pairs.filter(|(call, _)| &call.component == component).map(|(_, answer)| answer);
                // Of several calls for one component, the answer that leaves most open.
                let answer = own.max_by_key(openness).expect("it was called");
                let (one, _) = self.look(ledger, open, work.step, component, functions, Some(answer));
                let mut finding = one.finding(said(answer));
                if work.step == Step::Restore && answer == Answer::Refused && open.tries >= 2 {
                    give_up_restoring(&mut finding);
                }
                findings.push(finding);
            }
            ledger.event(Event::Settled { intent: Some(work.intent.id), step: work.step, findings })
        })
    }

    fn look(
        &self,
        ledger: &Ledger,
        open: &Deployment,
        step: Step,
        component: &Component,
        functions: &[Function; 2],
        answer: Option<Answer>,
    ) -> (Looked, Vec<GuardedCall>) {
        let index = stage::index_of(component);
        let function = &functions[index];
        let planned = open.plan.component(component).expect("a component of the plan");
        let (function_token, alias_token) = (Some(function.token), Some(function.alias_token));
        let looked = |verdict, function_token, alias_token| Looked { index, verdict, function_token, alias_token };
        let one = match step {
            Step::Fence => return fence(ledger, open, planned, function),
            Step::Stage => {
                looked(settle::stage(&open.plan, planned, &stage::latest_look(function)), function_token, None)
            }
            Step::Restore => looked(self.restore(open, planned, function), function_token, None),
            Step::Publish => {
                // The broken one sees every function with the settings that it wants to see.
                let mut seen = *function;
                if self.broken == Some(Broken::ProvenByCode) {
                    seen.settings = stage::number(planned.fingerprint.as_str());
                    seen.versions.iter_mut().for_each(|version| version.settings = seen.settings);
                }
                looked(publish(open, planned, &seen, answer), function_token, None)
            }
            Step::Shift { .. } | Step::Unshift | Step::LastLook => {
                let look = stage::alias_look(function, &ledger.marks);
                let mark = settle::signature(stage::LEDGER, open);
                looked(settle::alias_step(open, planned, step, &mark, &look), None, alias_token)
            }
        };
        let calls = one.call().into_iter().collect();
        (one, calls)
    }

    fn restore(&self, open: &Deployment, planned: &ComponentPlan, function: &Function) -> Verdict {
        let look = stage::latest_look(function);
        if self.broken != Some(Broken::RestoreUnconditionally) {
            return settle::restore(open, planned, &look);
        }
        let mut open = open.clone();
        for part in open.parts.iter_mut().filter(|part| part.component == planned.component) {
            part.function_token = Some(look.token.clone());
        }
        open.plan.release.digest = look.digest.clone();
        settle::restore(&open, planned, &look)
    }
}

fn fence(
    ledger: &Ledger,
    open: &Deployment,
    planned: &ComponentPlan,
    function: &Function,
) -> (Looked, Vec<GuardedCall>) {
    let mut one = Looked {
        index: stage::index_of(&planned.component),
        verdict: Verdict::Foreign { what: "not looked at".to_owned() },
        function_token: None,
        alias_token: None,
    };
    let mut calls = Vec::new();
    if settle::may_be_hit(open, planned, Resource::Function) {
        one.function_token = Some(function.token);
        let (verdict, call) = settle::fence_function(open, planned, stage::latest_look(function));
        one.verdict = verdict.unwrap_or(one.verdict);
        calls.push(call);
    }
    if settle::may_be_hit(open, planned, Resource::Alias) {
        one.alias_token = Some(function.alias_token);
        let look = stage::alias_look(function, &ledger.marks);
        calls.push(settle::fence_alias(open, planned, stage::LEDGER, look));
    }
    (one, calls)
}

/// The order of `look_published` in the driver: a version that an answer named, or that is found where there was trouble, is
/// proven; otherwise `$LATEST` tells.
fn publish(open: &Deployment, planned: &ComponentPlan, function: &Function, answer: Option<Answer>) -> Verdict {
    let (wanted, settings) = (stage::code_of(&open.plan.release.digest), stage::number(planned.fingerprint.as_str()));
    let troubled = open.epoch > 0 || open.tries > 0;
    let above = stage::number(planned.before.version.as_str());
    let found = || {
        let fits = |number: &u8| {
            let version = function.version(*number);
            (*number > above || *number == function.count) && (version.code, version.settings) == (wanted, settings)
        };
        (1..=function.count).rev().find(fits)
    };
    let version = match answer {
        Some(Answer::Version(number)) => Some(number),
        Some(_) => found(),
        None if troubled => found(),
        None => None,
    };
    match version.map(|number| (number, function.version(number))) {
        Some((number, seen)) if (seen.code, seen.settings) == (wanted, settings) => {
            Verdict::After { version: Some(stage::version(number)) }
        }
        Some(_) => Verdict::Foreign { what: "the version is not what the gates looked at".to_owned() },
        None => settle::publish(&open.plan, planned, String::new(), &stage::latest_look(function)),
    }
}

fn give_up_restoring(finding: &mut Finding) {
    if finding.found == Found::Before {
        finding.found = Found::Foreign { what: "$LATEST could not be put back".to_owned() };
    }
}

fn said(answer: Answer) -> Said {
    match answer {
        Answer::Accepted | Answer::Version(_) => Said::Accepted,
        Answer::Refused => Said::Refused { why: String::new() },
        Answer::Unclear | Answer::Awaited => Said::Unclear { why: String::new() },
    }
}

fn openness(answer: &Answer) -> u8 {
    match answer {
        Answer::Accepted | Answer::Version(_) => 1,
        Answer::Refused => 2,
        Answer::Unclear | Answer::Awaited => 3,
    }
}

impl Looked {
    fn finding(&self, answer: Said) -> Finding {
        Finding {
            component: stage::component(self.index),
            answer,
            found: self.verdict.found(),
            function_token: self.function_token.map(stage::token),
            alias_token: self.alias_token.map(stage::token),
        }
    }

    fn call(&self) -> Option<GuardedCall> {
        let Verdict::Before { write, resource, before, after } = &self.verdict else { return None };
        let token = match resource {
            Resource::Function => self.function_token,
            Resource::Alias => self.alias_token,
        };
        Some(GuardedCall {
            component: stage::component(self.index),
            resource: *resource,
            write: write.clone(),
            token: token.map(stage::token)?,
            before: before.clone(),
            after: after.clone(),
        })
    }
}
