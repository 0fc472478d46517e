//! One writing effect: look, append the intent, look at the own head, send each call once, wait, look again, append the outcome.
//! Rules 7 and 8, 11, 13, 14 and 17 of PROTOCOL.md.

use futures::StreamExt as _;
use tiers_core::event::{Answer, Cause, Event, Finding, Found, GuardedCall, Intent, Resource, Step, Write};
use tiers_core::id::{Component, Token, Version};
use tiers_core::plan::ComponentPlan;

use super::check::still_allowed;
use super::session::{Appended, DriveError, Session};
use super::settle::{self, Verdict};
use super::watch::Progress;
use crate::mutation::{Mutation, is_on};
use crate::port::target::{LatestLook, Pointing, Readiness, Sent, Target, TargetError};

/// What one look at one component found, and the tokens that it saw.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub component: Component,
    pub verdict: Verdict,
    pub function_token: Option<Token>,
    pub alias_token: Option<Token>,
}

/// Does one step for these components.
pub(super) async fn write(session: &mut Session, step: Step, components: &[Component]) -> Result<(), DriveError> {
    doing(session, step, components);
    let looked = look_all(session, step, components, &[]).await?;
    let calls: Vec<GuardedCall> = looked.iter().filter_map(call).collect();
    if calls.is_empty() {
        let findings = looked.iter().map(|one| finding(one, Answer::NotSent)).collect();
        return session.note(&Event::Settled { intent: None, step, findings }).await;
    }
    let deadline_s = session.world.waits.deadline_ms / 1000;
    let intent = Intent { id: session.own()?.intents + 1, step, calls, deadline_s };
    if !is_on(Mutation::SkipIntent)
        && session.decide(&Event::Intended { intent: intent.clone() }).await? == Appended::Changed
    {
        return Ok(());
    }
    if let Step::Shift { .. } = step
        && let Some(what) = still_allowed(session).await?
    {
        not_sent(session, &intent, &looked).await?;
        let event = session.own()?.stopped_by(Cause::Rule { what });
        session.decide(&event).await?;
        return Ok(());
    }
    if !session.head_is_own().await? {
        return not_sent(session, &intent, &looked).await;
    }
    let sent = send_all(session, &intent.calls).await?;
    settle_after(session, &intent, &looked, &sent).await
}

/// Ends an intent whose calls were never sent.
pub(super) async fn not_sent(session: &mut Session, intent: &Intent, looked: &[Looked]) -> Result<(), DriveError> {
    let findings = looked.iter().map(|one| finding(one, Answer::NotSent)).collect();
    session.note(&Event::Settled { intent: Some(intent.id), step: intent.step, findings }).await
}

/// An intent without an outcome, of this same owner: its calls may be on their way, and only a look tells.
pub(super) async fn settle_open(session: &mut Session) -> Result<(), DriveError> {
    let open = session.own()?.open_intent.clone();
    let Some(intent) = open else { return Ok(()) };
    if intent.step == Step::Fence {
        return super::fence::settle_open(session, &intent).await;
    }
    let unclear =
        || Sent { answer: Answer::Unclear { why: "the outcome was never recorded".to_owned() }, version: None };
    let sent: Vec<Sent> = intent.calls.iter().map(|_| unclear()).collect();
    settle_after(session, &intent, &[], &sent).await
}

/// Looks after the sends, and records what was found; components that needed no call are recorded as they were seen before.
async fn settle_after(
    session: &mut Session,
    intent: &Intent,
    before: &[Looked],
    sent: &[Sent],
) -> Result<(), DriveError> {
    let called: Vec<Component> = intent.calls.iter().map(|call| call.component.clone()).collect();
    let hints: Vec<(Component, Option<Version>)> =
        called.iter().cloned().zip(sent.iter().map(|one| one.version.clone())).collect();
    let looked = look_all(session, intent.step, &called, &hints).await?;
    let mut findings: Vec<Finding> =
        before.iter().filter(|one| !called.contains(&one.component)).map(|one| finding(one, Answer::NotSent)).collect();
    for (one, sent) in looked.iter().zip(sent) {
        let mut finding = finding(one, sent.answer.clone());
        if let (true, Answer::Refused { why }) = (is_on(Mutation::RefusedIsForeign), &finding.answer) {
            finding.found = Found::Foreign { what: why.clone() };
        }
        give_up_restoring(intent.step, session.own()?.tries, &mut finding);
        findings.push(finding);
    }
    session.note(&Event::Settled { intent: Some(intent.id), step: intent.step, findings }).await
}

/// `$LATEST` that the service refuses to put back is left as it is: users don't see it.
fn give_up_restoring(step: Step, tries: u32, finding: &mut Finding) {
    if let (Step::Restore, Answer::Refused { why }, Found::Before) = (step, &finding.answer, &finding.found)
        && tries >= 2
    {
        finding.found = Found::Foreign { what: format!("$LATEST could not be put back: {why}") };
    }
}

fn doing(session: &Session, step: Step, components: &[Component]) {
    let what = match step {
        Step::Stage => "update code",
        Step::Publish => "publish a version",
        Step::Shift { .. } => "move the alias",
        Step::Unshift => "move the alias back",
        Step::Restore => "restore $LATEST",
        Step::Fence => "fence late calls",
        Step::LastLook => "look at every component",
    };
    let progress = Progress::Doing { environment: &session.environment, app: &session.app, what, components };
    session.world.watch.see(&progress);
}

fn call(looked: &Looked) -> Option<GuardedCall> {
    let Verdict::Before { write, resource, before, after } = &looked.verdict else { return None };
    let token = match resource {
        Resource::Function => looked.function_token.clone(),
        Resource::Alias => looked.alias_token.clone(),
    };
    Some(GuardedCall {
        component: looked.component.clone(),
        resource: *resource,
        write: write.clone(),
        token: token?,
        before: before.clone(),
        after: after.clone(),
    })
}

pub(super) fn finding(looked: &Looked, answer: Answer) -> Finding {
    Finding {
        component: looked.component.clone(),
        answer,
        found: looked.verdict.found(),
        function_token: looked.function_token.clone(),
        alias_token: looked.alias_token.clone(),
    }
}

/// Sends every call once, several at a time, in the order of the plan.
pub(super) async fn send_all(session: &Session, calls: &[GuardedCall]) -> Result<Vec<Sent>, DriveError> {
    let plan = &session.own()?.plan;
    let target = &session.world.target;
    let sends = calls.iter().map(|call| {
        let function = plan.component(&call.component).map_or("", |part| part.function.as_str());
        async move {
            let token = match is_on(Mutation::RefreshTokenInEffect) {
                true => fresh_token(&**target, function, &plan.alias, call).await,
                false => call.token.clone(),
            };
            let sent = send(&**target, function, &plan.alias, &call.write, &token).await;
            match (&sent.answer, is_on(Mutation::SendAgain)) {
                (Answer::Unclear { .. }, true) => send(&**target, function, &plan.alias, &call.write, &token).await,
                _ => sent,
            }
        }
    });
    Ok(futures::stream::iter(sends).buffered(session.world.waits.at_once).collect().await)
}

async fn send(target: &dyn Target, function: &str, alias: &str, write: &Write, token: &Token) -> Sent {
    match write {
        Write::Code { image_uri, .. } => target.stage(function, image_uri, token).await,
        Write::Publish { digest, description } => target.seal(function, digest, description, token).await,
        Write::Point { version, weights, description } => {
            let to = Pointing { version: version.clone(), weights: weights.clone(), description: description.clone() };
            target.point(function, alias, &to, token).await
        }
    }
}

/// What only a mutation asks for.
async fn fresh_token(target: &dyn Target, function: &str, alias: &str, call: &GuardedCall) -> Token {
    let fresh = match call.resource {
        Resource::Function => target.look_latest(function).await.map(|look| look.token),
        Resource::Alias => target.look_alias(function, alias).await.map(|look| look.token),
    };
    fresh.unwrap_or_else(|_| call.token.clone())
}

/// Looks at all of these components, several at a time; `hints` are the versions that publish calls named in their answers.
pub(super) async fn look_all(
    session: &Session,
    step: Step,
    components: &[Component],
    hints: &[(Component, Option<Version>)],
) -> Result<Vec<Looked>, DriveError> {
    let deployment = session.own()?;
    let looks = components.iter().map(|component| async move {
        let plan = deployment.plan.component(component).expect("components come from the plan");
        let hint = hints.iter().find(|(name, _)| name == component).map(|(_, version)| version.clone());
        match step {
            Step::Stage | Step::Restore => look_code(session, step, plan).await,
            Step::Publish => look_published(session, plan, hint).await,
            Step::Shift { .. } | Step::Unshift | Step::LastLook | Step::Fence => look_alias(session, step, plan).await,
        }
    });
    Ok(futures::stream::iter(looks).buffered(session.world.waits.at_once).collect().await)
}

async fn look_code(session: &Session, step: Step, plan: &ComponentPlan) -> Looked {
    let deployment = session.own().expect("checked by the caller");
    match settled_latest(session, &plan.function).await {
        Err(error) => unseen(plan, &error),
        Ok(look) => {
            let verdict = match step {
                Step::Restore => settle::restore(deployment, plan, &look),
                _ => settle::stage(&deployment.plan, plan, &look),
            };
            looked(plan, verdict, Some(look.token), None)
        }
    }
}

/// With a hint (or after trouble) the versions are asked; otherwise `$LATEST` tells whether a publish may be sent.
async fn look_published(session: &Session, plan: &ComponentPlan, hint: Option<Option<Version>>) -> Looked {
    let deployment = session.own().expect("checked by the caller");
    let target = &session.world.target;
    let digest = &deployment.plan.release.digest;
    let troubled = deployment.epoch > 0 || deployment.tries > 0;
    let version = match &hint {
        Some(Some(version)) => Some(version.clone()),
        Some(None) => {
            match target.find_version(&plan.function, &plan.before.version, digest, &plan.fingerprint).await {
                Ok(found) => found,
                Err(error) => return unseen(plan, &error),
            }
        }
        None if troubled => {
            match target.find_version(&plan.function, &plan.before.version, digest, &plan.fingerprint).await {
                Ok(found) => found,
                Err(error) => return unseen(plan, &error),
            }
        }
        None => None,
    };
    let proven = match version {
        Some(version) => Some(prove_version(session, plan, &version).await),
        None => None,
    };
    let look = match settled_latest(session, &plan.function).await {
        Ok(look) => look,
        Err(error) => return unseen(plan, &error),
    };
    let description = format!("{} {}", deployment.plan.release.id, digest.short());
    let verdict = proven.unwrap_or_else(|| settle::publish(&deployment.plan, plan, description, &look));
    // The version may be what it shall be, and `$LATEST` somebody else's by now: then its token is not ours to restore by.
    let settings = look.fingerprint == plan.fingerprint || is_on(Mutation::DigestOnlyPublish);
    let ours = &look.digest == digest && settings;
    looked(plan, verdict, ours.then_some(look.token), None)
}

/// Shows a version Active, with the digest and the settings that the gates looked at.
async fn prove_version(session: &Session, plan: &ComponentPlan, version: &Version) -> Verdict {
    let digest = &session.own().expect("checked by the caller").plan.release.digest;
    let mut pause = Pause::new(session);
    loop {
        let seen = match session.world.target.look_version(&plan.function, version).await {
            Ok(seen) => seen,
            Err(error) => return Verdict::Unseen { why: error.to_string() },
        };
        let other_settings = seen.fingerprint != plan.fingerprint && !is_on(Mutation::DigestOnlyPublish);
        if &seen.digest != digest || other_settings {
            let what = format!("version {version} is not what the gates looked at");
            return Verdict::Foreign { what };
        }
        match seen.readiness {
            Readiness::Ready | Readiness::Idle => return Verdict::After { version: Some(version.clone()) },
            Readiness::Broken(why) => return Verdict::Unseen { why },
            Readiness::Changing if is_on(Mutation::AliasBeforePublish) => {
                return Verdict::After { version: Some(version.clone()) };
            }
            Readiness::Changing => {}
        }
        if !pause.wait(session).await {
            return Verdict::Unseen { why: format!("version {version} did not become active in time") };
        }
    }
}

async fn look_alias(session: &Session, step: Step, plan: &ComponentPlan) -> Looked {
    let deployment = session.own().expect("checked by the caller");
    let mark = settle::signature(session.world.ledger.id(), deployment);
    match session.world.target.look_alias(&plan.function, &deployment.plan.alias).await {
        Err(error) => unseen(plan, &error),
        Ok(look) => {
            let verdict = settle::alias_step(deployment, plan, step, &mark, &look);
            looked(plan, verdict, None, Some(look.token))
        }
    }
}

fn looked(plan: &ComponentPlan, verdict: Verdict, function: Option<Token>, alias: Option<Token>) -> Looked {
    Looked { component: plan.component.clone(), verdict, function_token: function, alias_token: alias }
}

fn unseen(plan: &ComponentPlan, error: &TargetError) -> Looked {
    looked(plan, Verdict::Unseen { why: error.to_string() }, None, None)
}

/// `$LATEST` once it is no longer changing; after the deadline, as it is then.
pub(super) async fn settled_latest(session: &Session, function: &str) -> Result<LatestLook, TargetError> {
    let mut pause = Pause::new(session);
    loop {
        let look = session.world.target.look_latest(function).await?;
        if look.readiness != Readiness::Changing || !pause.wait(session).await {
            return Ok(look);
        }
    }
}

/// Waits between looks, ever longer, until a deadline.
struct Pause {
    next_ms: u64,
    spent_ms: u64,
}

impl Pause {
    fn new(session: &Session) -> Pause {
        Pause { next_ms: session.world.waits.first_poll_ms, spent_ms: 0 }
    }

    /// False when the deadline has passed; counted in waits, not by a clock that may jump.
    async fn wait(&mut self, session: &Session) -> bool {
        let waits = &session.world.waits;
        if self.spent_ms >= waits.deadline_ms {
            return false;
        }
        session.world.clock.sleep_ms(self.next_ms).await;
        self.spent_ms += self.next_ms;
        self.next_ms = (self.next_ms * 2).min(waits.max_poll_ms);
        true
    }
}
