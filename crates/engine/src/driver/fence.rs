//! Fences: guarded writes that change nothing but tokens, so that a call of a dead owner, or one whose answer was lost, can't
//! land any more. Rule 9 of PROTOCOL.md.

use tiers_core::event::{Answer, Event, Finding, GuardedCall, Intent, Resource, Step};
use tiers_core::id::Component;

use super::session::{Appended, DriveError, Session};
use super::settle::{self, Verdict};
use super::write::{self, Looked, settled_latest};
use crate::mutation::{Mutation, is_on};
use crate::port::target::Sent;

/// Fences every late call of these components.
pub(super) async fn fence(session: &mut Session, components: &[Component]) -> Result<(), DriveError> {
    let mut looked = Vec::new();
    let mut calls = Vec::new();
    for component in components {
        let (one, mut guards) = look(session, component).await?;
        looked.push(one);
        calls.append(&mut guards);
    }
    if is_on(Mutation::SkipFenceWrite) {
        for one in &mut looked {
            one.function_token = Some(tiers_core::id::Token::from("fenced"));
            one.alias_token = Some(tiers_core::id::Token::from("fenced"));
        }
        calls.clear();
    }
    if calls.is_empty() {
        let findings = looked.iter().map(|one| write::finding(one, Answer::NotSent)).collect();
        return session.note(&Event::Settled { intent: None, step: Step::Fence, findings }).await;
    }
    let intent = Intent { id: session.own()?.intents + 1, step: Step::Fence, calls, deadline_s: 60 };
    if session.decide(&Event::Intended { intent: intent.clone() }).await? == Appended::Changed {
        return Ok(());
    }
    if !session.head_is_own().await? {
        return write::not_sent(session, &intent, &looked).await;
    }
    let sent = write::send_all(session, &intent.calls).await?;
    settle(session, &intent, &sent).await
}

/// A fence of this same owner without an outcome: look, without sending.
pub(super) async fn settle_open(session: &mut Session, intent: &Intent) -> Result<(), DriveError> {
    let unclear =
        || Sent { answer: Answer::Unclear { why: "the outcome was never recorded".to_owned() }, version: None };
    let sent: Vec<Sent> = intent.calls.iter().map(|_| unclear()).collect();
    settle(session, intent, &sent).await
}

async fn settle(session: &mut Session, intent: &Intent, sent: &[Sent]) -> Result<(), DriveError> {
    let mut components: Vec<Component> = intent.calls.iter().map(|call| call.component.clone()).collect();
    components.dedup();
    let mut findings: Vec<Finding> = Vec::new();
    for component in &components {
        let (one, _) = look(session, component).await?;
        let answers = intent.calls.iter().zip(sent).filter(|(call, _)| &call.component == component);
        findings.push(write::finding(&one, worst(answers.map(|(_, sent)| &sent.answer))));
    }
    session.note(&Event::Settled { intent: Some(intent.id), step: Step::Fence, findings }).await
}

/// Of several calls for one component, the answer that leaves most open.
fn worst<'a>(answers: impl Iterator<Item = &'a Answer>) -> Answer {
    let rank = |answer: &Answer| match answer {
        Answer::NotSent => 0,
        Answer::Accepted => 1,
        Answer::Refused { .. } => 2,
        Answer::Unclear { .. } => 3,
    };
    answers.max_by_key(|answer| rank(answer)).cloned().unwrap_or(Answer::NotSent)
}

/// Looks at the resources of a component that late calls may still hit, and makes a guarded write for each.
async fn look(session: &Session, component: &Component) -> Result<(Looked, Vec<GuardedCall>), DriveError> {
    let deployment = session.own()?;
    let plan = deployment.plan.component(component).expect("late calls are of the plan's components");
    let mut one = Looked {
        component: component.clone(),
        verdict: Verdict::Foreign { what: "not looked at".to_owned() },
        function_token: None,
        alias_token: None,
    };
    let mut calls = Vec::new();
    if settle::may_be_hit(deployment, plan, Resource::Function) {
        match settled_latest(session, &plan.function).await {
            Err(error) => one.verdict = Verdict::Unseen { why: error.to_string() },
            Ok(look) => {
                one.function_token = Some(look.token.clone());
                let (verdict, call) = settle::fence_function(deployment, plan, look);
                one.verdict = verdict.unwrap_or(one.verdict);
                calls.push(call);
            }
        }
    }
    if settle::may_be_hit(deployment, plan, Resource::Alias) {
        match session.world.target.look_alias(&plan.function, &deployment.plan.alias).await {
            Err(error) => one.verdict = Verdict::Unseen { why: error.to_string() },
            Ok(look) => {
                one.alias_token = Some(look.token.clone());
                calls.push(settle::fence_alias(deployment, plan, session.world.ledger.id(), look));
            }
        }
    }
    Ok((one, calls))
}
