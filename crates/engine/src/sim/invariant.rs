//! The promises, one function each, judged from outside after every step: by what lies in the store, what was sent and what the
//! model took, never by what a deployer believes.

use std::collections::BTreeMap;
use std::rc::Rc;

use tiers_core::deployment::LateCall;
use tiers_core::event::{Cause, Ending, Event, Found, Intent, Step, Write};
use tiers_core::gate::{At, Check, Effect};
use tiers_core::id::{Digest, Version};
use tiers_core::plan::{ComponentPlan, Kind, OnFailure, Plan};
use tiers_core::state::{EnvState, Meta};

use super::net::ActorId;
use super::terraform::no_apply_in_the_way;
use super::truth::{Broken, Call, Known, Peek, Truth};
use super::world::{ENVS, Shared};

/// A broken promise.
pub fn broken(invariant: &'static str, what: String) -> Broken {
    Broken { invariant, what }
}

fn must(kept: bool, invariant: &'static str, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if kept { Ok(()) } else { Err(broken(invariant, what())) }
}

/// Everything that holds when a record has landed.
pub fn after_record(
    shared: &Shared,
    truth: &Truth,
    actor: ActorId,
    env: usize,
    known: &Rc<Known>,
) -> Result<(), Broken> {
    ledger_chain(truth, env, known)?;
    said_is_done(truth, actor, known)?;
    let Some(event) = known.event.as_deref() else { return Ok(()) };
    let before = truth.streams[env].len().checked_sub(2).map(|at| &truth.streams[env][at]);
    a_person_decides(env, before, event)?;
    match event {
        Event::Intended { intent } => {
            rules_before_a_shift(env, before, known, intent)?;
        }
        Event::Checked { .. } => way_back(shared, truth, env, known)?,
        Event::Refused { why } | Event::Undoing { cause: Cause::Rule { what: why } } => {
            refusals_are_true(truth, env, known, why)?;
        }
        Event::Settled { step, findings, .. } => {
            for finding in findings {
                if let Found::Foreign { what } = &finding.found {
                    foreign_is_true(truth, env, *step, what)?;
                }
            }
        }
        Event::Baked { step } => bakes_whole(truth, env, known, *step)?,
        Event::Ended { ending, left, .. } => {
            unit(shared, truth, env, before, *ending, left.len())?;
            evidence_is_true(shared, truth, env, before, known, *ending)?;
        }
        _ => {}
    }
    Ok(())
}

/// Everything that holds when a changing call leaves a process.
pub fn at_send(
    shared: &Shared,
    truth: &mut Truth,
    actor: ActorId,
    call: &Call,
) -> (Option<Rc<Known>>, Result<(), Broken>) {
    if let Err(broken) = right_place(call) {
        return (None, Err(broken));
    }
    let intent = match open_book(shared, truth, actor, call) {
        Ok(intent) => intent,
        Err(broken) => return (None, Err(broken)),
    };
    let kept = own_head(truth, actor, call, &intent).and_then(|()| same_bits(shared, truth, call, &intent));
    (Some(intent), kept)
}

/// Everything that holds when the model has taken a call that changed something.
pub fn after_effect(
    shared: &Shared,
    truth: &mut Truth,
    call: &Call,
    intent: Option<&Known>,
    before: &Peek,
) -> Result<(), Broken> {
    one_writer(truth, call)?;
    let Some((known, intent)) = intent.and_then(|known| Some((known, known.intent()?))) else { return Ok(()) };
    let Some(open) = &known.state.open else { return Ok(()) };
    let Some(planned) = open.plan.component(&call.component) else { return Ok(()) };
    match &call.write {
        Write::Point { version, weights, .. } => points_right(
            shared,
            call,
            intent,
            &open.plan,
            planned,
            (before, truth.images_gone.is_empty()),
            (version, weights),
        ),
        Write::Code { digest, .. } => {
            writes_over_nobody(truth, call, intent, (planned, &open.plan.release.digest), before, digest)
        }
        Write::Publish { .. } => {
            let key = (open.id.clone(), call.function.clone());
            let versions = shared.versions_of(
                &call.function,
                &planned.before.version,
                &open.plan.release.digest,
                &planned.fingerprint,
            );
            published_once(truth, key, versions)
        }
    }
}

/// **open-book**: the intent stands in the ledger before the call leaves, with that content and that token, and each call of it
/// leaves once.
fn open_book(shared: &Shared, truth: &mut Truth, actor: ActorId, call: &Call) -> Result<Rc<Known>, Broken> {
    let name = shared.net.name(actor);
    let written = |known: &&Rc<Known>| {
        known.by() == &*name && known.intent().is_some_and(|intent| intent.calls.iter().any(|one| call.is(one)))
    };
    let Some(known) = truth.streams[call.env].iter().rev().find(written).cloned() else {
        return Err(broken("open-book", format!("{name} sends {call}, and no intent of it holds that")));
    };
    let key = (call.env, known.head.seq, call.component.clone(), call.resource);
    must(truth.sent.insert(key), "open-book", || format!("{name} sends {call} a second time"))?;
    Ok(known)
}

/// **one-writer**, before a call: since the intent landed its owner asked for the stream's head, and it was the intent.
fn own_head(truth: &Truth, actor: ActorId, call: &Call, intent: &Known) -> Result<(), Broken> {
    let seen = truth.heads_seen.get(&(actor, call.env)).copied();
    must(seen == Some(intent.head.seq), "one-writer", || {
        format!("{call} is sent under intent #{}, and the last head that was looked at is {seen:?}", intent.head.seq)
    })
}

/// **right-place**: nothing is sent to a place that is not the declared one.
fn right_place(call: &Call) -> Result<(), Broken> {
    must(!call.astray, "right-place", || format!("{call} goes to an account that is not the declared one"))
}

/// **one-writer**, after a call: what takes effect is at that moment an open intent, or known as a call that may still land.
/// A deployer that was replaced can do no more than that, and nothing once its calls were fenced.
fn one_writer(truth: &Truth, call: &Call) -> Result<(), Broken> {
    let Some(state) = truth.state(call.env) else {
        return Err(broken("one-writer", format!("{call} took effect, and the ledger is empty")));
    };
    let late = |late: &LateCall| {
        late.component == call.component && late.resource == call.resource && late.token == call.token
    };
    let open = state.open.as_ref().is_some_and(|open| {
        let intended = open.open_intent.iter().flat_map(|intent| &intent.calls);
        intended.into_iter().any(|one| call.is(one)) || open.late.iter().any(late)
    });
    must(open || state.late.iter().any(late), "one-writer", || {
        format!("{call} took effect in {}, where by the ledger no call can land any more", ENVS[call.env])
    })
}

/// **same-bits**: traffic moves to a release only where, since the intent was written, every environment before had good evidence
/// for its digest; and only after its blocking gates here ran against this digest and passed.
fn same_bits(shared: &Shared, truth: &Truth, call: &Call, known: &Known) -> Result<(), Broken> {
    let (Some(intent), Some(open)) = (known.intent(), &known.state.open) else { return Ok(()) };
    let plan = &open.plan;
    if !matches!(intent.step, Step::Shift { .. }) || plan.kind == Kind::Rollback {
        return Ok(());
    }
    no_apply_in_the_way(truth, call.env, known.at_ms)?;
    for env in &plan.upstream {
        if plan.is_waived(&format!("upstream:{env}")) {
            continue;
        }
        let Some(number) = ENVS.iter().position(|name| *name == env.as_str()) else { continue };
        // The last record before the intent landed is what a reading right after it finds.
        let from = known.lengths[number].saturating_sub(1);
        let good = truth.streams[number][from..].iter().any(|one| one.state.passes(&plan.release.digest).is_ok());
        must(good, "same-bits", || {
            format!("{call}: {} was not verified in {env} at any time since that was intended", plan.release.id)
        })?;
    }
    let claimed_ms = truth.claim_of(call.env, &open.id).map_or(0, |claim| claim.at_ms);
    for gate in plan.gates.iter().filter(|gate| gate.effect == Effect::Block && !plan.is_waived(&gate.name)) {
        let latest = match gate.at {
            At::Staged => true,
            At::Published => false,
            At::Before | At::Live => continue,
        };
        let passed = truth.invoked.iter().rev().take_while(|one| one.at_ms >= claimed_ms).any(|one| {
            let here = one.env == call.env && one.latest == latest && one.gate == gate.name;
            here && one.good && one.digest == plan.release.digest.as_str()
        });
        must(passed && !shared.drawn.is_bad(plan.release.digest.as_str(), call.env, &gate.name), "same-bits", || {
            format!("{call}: gate `{}` did not pass for {} here", gate.name, plan.release.id)
        })?;
    }
    Ok(())
}

/// **same-bits**, what the evidence says: a verdict that verifies a digest rests on a counting gate that really passed for it here.
fn evidence_is_true(
    shared: &Shared,
    truth: &Truth,
    env: usize,
    before: Option<&Rc<Known>>,
    known: &Known,
    ending: Ending,
) -> Result<(), Broken> {
    let Some(open) = before.and_then(|before| before.state.open.as_ref()) else { return Ok(()) };
    let plan = &open.plan;
    let verdict = known.state.verdict(&plan.release.digest).filter(|verdict| verdict.deployment == open.id);
    if ending != Ending::Succeeded || plan.kind == Kind::Rollback || !verdict.is_some_and(|verdict| verdict.verified) {
        return Ok(());
    }
    let counting = || plan.gates.iter().filter(|gate| gate.effect != Effect::Advise && gate.at != At::Before);
    must(counting().next().is_some(), "same-bits", || {
        format!("{} counts as verified in {}, where no gate counts", plan.release.id, ENVS[env])
    })?;
    let claimed_ms = truth.claim_of(env, &open.id).map_or(0, |claim| claim.at_ms);
    for gate in counting() {
        let ran = truth.invoked.iter().rev().take_while(|one| one.at_ms >= claimed_ms).any(|one| {
            one.env == env && one.gate == gate.name && one.good && one.digest == plan.release.digest.as_str()
        });
        let bad = shared.drawn.is_bad(plan.release.digest.as_str(), env, &gate.name);
        must(ran && !bad, "same-bits", || {
            format!("{} counts as verified in {}, and gate `{}` never passed", plan.release.id, ENVS[env], gate.name)
        })?;
    }
    Ok(())
}

/// **same-bits**, rule 15: after a halt, a hold or a revocation no shift is intended any more; and none without the approvals that
/// the policy asks for.
fn rules_before_a_shift(env: usize, before: Option<&Rc<Known>>, known: &Known, intent: &Intent) -> Result<(), Broken> {
    let (Some(before), Some(open)) = (before, &known.state.open) else { return Ok(()) };
    let plan = &open.plan;
    if !matches!(intent.step, Step::Shift { .. }) || plan.kind == Kind::Rollback {
        return Ok(());
    }
    let state = &before.state;
    let cause = state.open.as_ref().and_then(|open| open.cause.as_ref());
    must(cause.is_none(), "same-bits", || format!("a shift is intended in {} after {cause:?}", ENVS[env]))?;
    let held = state.held().or_else(|| state.held_release(&plan.release.digest));
    must(held.is_none() || plan.is_waived("hold"), "same-bits", || {
        format!("a shift is intended in {} under a hold: {held:?}", ENVS[env])
    })?;
    for gate in plan.gates_at(At::Before) {
        if let Check::Approval { count, .. } = gate.check {
            let asked_by = if open.epoch == 0 { open.owner.as_str() } else { "" };
            let given = state.approvers(&plan.release.digest, asked_by).len();
            must(given >= count as usize, "same-bits", || {
                format!("a shift is intended in {} with {given} of {count} approvals", ENVS[env])
            })?;
        }
    }
    Ok(())
}

/// **way-back**: when everything was checked, what the plan would go back to (or goes to, for a rollback) was there to be looked
/// at at some moment since the claim.
fn way_back(shared: &Shared, truth: &Truth, env: usize, known: &Known) -> Result<(), Broken> {
    let Some(open) = &known.state.open else { return Ok(()) };
    let plan = &open.plan;
    let claimed_ms = truth.claim_of(env, &open.id).map_or(0, |claim| claim.at_ms);
    for planned in &plan.components {
        let (version, digest) = match (&planned.target_version, plan.way_back_required) {
            (Some(version), _) => (version, &plan.release.digest),
            (None, true) => (&planned.before.version, &planned.before.digest),
            (None, false) => continue,
        };
        let key = (planned.function.clone(), version.clone());
        let gone = truth.versions_gone.get(&key).is_some_and(|at_ms| *at_ms < claimed_ms);
        must(!gone, "way-back", || {
            format!("{} in {}: version {version} of {} is gone", plan.release.id, ENVS[env], planned.function)
        })?;
        let runs = shared.version(&planned.function, version.as_str());
        must(runs.is_none_or(|(runs, ..)| runs == *digest), "way-back", || {
            format!("{} in {}: version {version} of {} is another", plan.release.id, ENVS[env], planned.function)
        })?;
    }
    must(!plan.way_back_required || plan.has_way_back || known.state.serving.is_none(), "way-back", || {
        format!("{} in {} has no way back, and one is demanded", plan.release.id, ENVS[env])
    })
}

/// **same-bits** and **way-back**: an alias that moves goes to the version that was published and proven, active and with the
/// digest and settings that the gates saw; or back to the version that was recorded.
fn points_right(
    shared: &Shared,
    call: &Call,
    intent: &Intent,
    plan: &Plan,
    planned: &ComponentPlan,
    (before, images_stay): (&Peek, bool),
    (main, weights): (&Version, &BTreeMap<String, f64>),
) -> Result<(), Broken> {
    match intent.step {
        Step::Fence => {
            must(main.as_str() == before.alias_version && *weights == before.alias_weights, "one-writer", || {
                format!("{call} is a fence, and moved the alias from {}", before.alias_version)
            })
        }
        Step::Unshift => {
            must(*main == planned.before.version && *weights == planned.before.weights, "way-back", || {
                format!("{call}: recorded was version {}", planned.before.version)
            })
        }
        Step::Shift { .. } => {
            let all = std::iter::once(main.as_str()).chain(weights.keys().map(String::as_str));
            for version in all.filter(|version| *version != planned.before.version.as_str()) {
                let Some((digest, settings, active)) = shared.version(&call.function, version) else {
                    return Err(broken("same-bits", format!("{call}: there is no version {version}")));
                };
                must(digest == plan.release.digest, "same-bits", || {
                    format!("{call}: version {version} runs {}, and {} was released", digest.short(), plan.release.id)
                })?;
                must(settings == planned.fingerprint, "same-bits", || {
                    format!("{call}: version {version} has settings that no gate saw")
                })?;
                must(active || !images_stay || plan.kind == Kind::Rollback, "same-bits", || {
                    format!("{call}: version {version} is not active")
                })?;
                let recorded = planned.target_version.as_ref().is_none_or(|target| target.as_str() == version);
                must(recorded, "way-back", || {
                    format!("{call}: the version to go back to is {:?}", planned.target_version)
                })?;
            }
            Ok(())
        }
        Step::Stage | Step::Publish | Step::Restore | Step::LastLook => {
            Err(broken("open-book", format!("{call} in a step that moves no alias: {:?}", intent.step)))
        }
    }
}

/// **open-book**, rule 8: what somebody else wrote is never written over.
fn writes_over_nobody(
    truth: &Truth,
    call: &Call,
    intent: &Intent,
    (planned, release): (&ComponentPlan, &Digest),
    before: &Peek,
    to: &Digest,
) -> Result<(), Broken> {
    let foreign = || format!("{call} was written over what somebody put there by hand ({})", before.latest_digest);
    match intent.step {
        Step::Restore => {
            // Who puts there by hand what the deployment would put there is no stranger: that is adopted.
            let other_code = truth.hand(&call.function).latest && before.latest_digest != release.hex();
            must(!other_code && !truth.hand(&call.function).settings, "foreign", foreign)
        }
        Step::Stage => must(before.latest_digest == planned.before.latest_digest.hex(), "foreign", foreign),
        Step::Fence => must(before.latest_digest == to.hex(), "foreign", foreign),
        Step::Publish | Step::Shift { .. } | Step::Unshift | Step::LastLook => {
            Err(broken("open-book", format!("{call} in a step that updates no code: {:?}", intent.step)))
        }
    }
}

/// **published-once**: a deployment makes one version of each function, whatever happens to it.
fn published_once(
    truth: &mut Truth,
    key: (tiers_core::id::DeploymentId, String),
    versions: usize,
) -> Result<(), Broken> {
    let by_hand = truth.hand(&key.1).ever;
    let made = truth.published.entry(key.clone()).or_insert(0);
    *made += 1;
    must(*made <= 1 || by_hand, "published-once", || format!("{} published {} {made} times", key.0, key.1))?;
    must(versions <= 1 || by_hand, "published-once", || {
        format!("{} has {versions} new versions with the same code and settings", key.1)
    })
}

/// **unit**: when a deployment has ended, every component serves its release, or every one is where it was when it was claimed.
/// Stuck is the exception, and lists every component. An alias that somebody moved by hand since is that person's.
fn unit(
    shared: &Shared,
    truth: &Truth,
    env: usize,
    before: Option<&Rc<Known>>,
    ending: Ending,
    listed: usize,
) -> Result<(), Broken> {
    let Some(open) = before.and_then(|before| before.state.open.as_ref()) else { return Ok(()) };
    let plan = &open.plan;
    if ending == Ending::Stuck {
        return must(listed == plan.components.len(), "unit", || {
            format!("{} ended stuck and lists {listed} components", open.id)
        });
    }
    for planned in &plan.components {
        if truth.hand(&planned.function).alias {
            continue;
        }
        let now = shared.peek(&planned.function);
        let kept = if ending == Ending::Succeeded {
            let runs = shared.version(&planned.function, &now.alias_version);
            now.alias_weights.is_empty() && runs.is_some_and(|(digest, ..)| digest == plan.release.digest)
        } else {
            now.alias_version == planned.before.version.as_str() && now.alias_weights == planned.before.weights
        };
        must(kept, "unit", || {
            format!(
                "{} ended {ending:?} in {}, and {} points at version {} {:?}; before was {}",
                open.id, ENVS[env], planned.function, now.alias_version, now.alias_weights, planned.before.version
            )
        })?;
    }
    Ok(())
}

/// **ledger-chain**: every record follows the one before it by number, hash and content: its state is what the fold makes of the
/// state before and the event, for the owner and epoch that it names.
fn ledger_chain(truth: &Truth, env: usize, known: &Known) -> Result<(), Broken> {
    let stream = &truth.streams[env];
    let before = stream.len().checked_sub(2).map(|at| &stream[at]);
    let record = &known.head.record;
    let (seq, hash) = before.map_or((0, None), |before| (before.head.seq, Some(&before.head.hash)));
    must(record.seq == seq + 1 && record.prev.as_ref() == hash, "ledger-chain", || {
        format!("record {} of {} does not follow record {seq}", record.seq, record.stream)
    })?;
    let Some(event) = known.event.as_deref() else { return Ok(()) };
    must(before.is_none_or(|before| before.event.is_some()), "ledger-chain", || {
        format!("record {} of {} was appended behind one that can't be read", record.seq, record.stream)
    })?;
    let meta =
        Meta { by: &record.actor.who, at: record.at, deployment: record.deployment.as_ref(), epoch: record.epoch };
    let empty = EnvState::default();
    let folded = before.map_or(&empty, |before| &*before.state).apply(event, &meta);
    match folded {
        Ok(state) if state == *known.state => Ok(()),
        Ok(_) => Err(broken(
            "ledger-chain",
            format!(
                "the state in record {} of {} is not what its event makes of the one before",
                record.seq, record.stream
            ),
        )),
        Err(error) => Err(broken(
            "ledger-chain",
            format!("record {} of {} does not follow from the one before: {error}", record.seq, record.stream),
        )),
    }
}

/// **open-book**, what commands say: who was told that nothing was written finds nothing written later.
fn said_is_done(truth: &Truth, actor: ActorId, known: &Known) -> Result<(), Broken> {
    must(!truth.said_nothing_written.contains(&actor), "open-book", || {
        format!("record {} landed, and {} had said that it was not written", known.head.seq, known.by())
    })
}

/// **no-limbo**, what endings say: a refusal for missing evidence is true, at some moment since the claim.
fn refusals_are_true(truth: &Truth, env: usize, known: &Known, why: &str) -> Result<(), Broken> {
    let Some((_, rest)) = why.split_once("is not verified in ") else { return Ok(()) };
    let name = rest.split(':').next().unwrap_or_default();
    let Some(upstream) = ENVS.iter().position(|env| *env == name) else { return Ok(()) };
    let earlier = truth.streams[env].iter().rev().nth(1).and_then(|before| before.state.open.as_ref());
    let Some(open) = earlier.filter(|open| known.head.record.deployment.as_ref() == Some(&open.id)) else {
        return Ok(());
    };
    let claimed = truth.claim_of(env, &open.id).map_or(0, |claim| claim.lengths[upstream].saturating_sub(1));
    let records = &truth.streams[upstream];
    let was_so =
        records.is_empty() || records[claimed..].iter().any(|one| one.state.passes(&open.plan.release.digest).is_err());
    must(was_so, "no-limbo", || format!("{} in {}: {why}; but it was verified there all the time", open.id, ENVS[env]))
}

/// **a-person-decides**: where the environment undoes nothing by itself, a release that users may have seen goes back because
/// somebody said so, or because its weights were overdue, and for nothing else.
fn a_person_decides(env: usize, before: Option<&Rc<Known>>, event: &Event) -> Result<(), Broken> {
    let cause = match event {
        Event::Undoing { cause } | Event::TakenOver { undo: Some(cause), .. } => cause,
        _ => return Ok(()),
    };
    let Some(open) = before.and_then(|known| known.state.open.as_ref()) else { return Ok(()) };
    let seen = open.may_have_moved() && open.plan.on_failure == OnFailure::Manual && open.plan.kind != Kind::Rollback;
    let allowed = matches!(cause, Cause::Person { .. } | Cause::Overdue { .. });
    must(!seen || allowed, "a-person-decides", || {
        format!("{} in {} goes back by itself: {cause:?}", open.id, ENVS[env])
    })
}

/// **no-limbo**, what looks say: somebody else's change is only found where there was one.
fn foreign_is_true(truth: &Truth, env: usize, step: Step, what: &str) -> Result<(), Broken> {
    let judged = matches!(step, Step::Stage | Step::Publish | Step::Shift { .. } | Step::Unshift | Step::LastLook);
    must(!judged || truth.touched_by_hand(env), "no-limbo", || {
        format!("{step:?} in {}: {what}; but nobody else touched anything", ENVS[env])
    })
}

/// **same-bits**, canaries: the weights were watched as long as planned, without a break.
fn bakes_whole(truth: &Truth, env: usize, known: &Known, step: usize) -> Result<(), Broken> {
    let began = truth.streams[env].iter().rev().skip(1).find(|one| {
        let same = one.head.record.epoch == known.head.record.epoch
            && one.head.record.deployment == known.head.record.deployment;
        same && matches!(one.event.as_deref(), Some(Event::Baking { step: baking, .. }) if *baking == step)
    });
    let planned_s = known.state.open.as_ref().and_then(|open| open.plan.shift.get(step)).map_or(0, |step| step.bake_s);
    let watched_ms = began.map_or(0, |began| known.at_ms - began.at_ms);
    must(watched_ms >= planned_s * 1000, "same-bits", || {
        format!("a canary in {} was watched for {watched_ms} ms of {planned_s} s", ENVS[env])
    })
}

/// **no-limbo**: with all faults over, a deployment ends stuck only where somebody else touched what it owned, or where a rollback
/// fails its own gates: there is no rollback of a rollback.
pub fn not_stuck_for_nothing(truth: &Truth, env: usize, known: &Known, calm: bool) -> Result<(), Broken> {
    let Some(Event::Ended { ending: Ending::Stuck, why, .. }) = known.event.as_deref() else { return Ok(()) };
    let last = known.state.last.as_ref();
    let rollback = last.is_some_and(|last| last.kind == Kind::Rollback);
    let excused = !calm || rollback || truth.touched_by_hand(env) || !truth.images_gone.is_empty();
    must(excused, "no-limbo", || format!("stuck in {} with all faults over: {why}", ENVS[env]))
}

/// **same-bits**, rule 6: when whoever revoked evidence was told that it is done, no deployment downstream stands on it without
/// knowing, unless it reads the revocation itself: it was claimed after that, or taken over, and checks before it goes on.
pub fn halted_downstream(truth: &Truth, env: usize, digest: &Digest) -> Result<(), Broken> {
    for (downstream, name) in ENVS.iter().enumerate().skip(env + 1) {
        let Some(open) = truth.state(downstream).and_then(|state| state.open.as_ref()) else { continue };
        let revoked = truth.streams[env].iter().rev().find(
            |one| matches!(one.event.as_deref(), Some(Event::Revoked { digest: revoked, .. }) if revoked == digest),
        );
        let (Some(revoked), Some(claim)) = (revoked, truth.claim_of(downstream, &open.id)) else { continue };
        let concerns = open.plan.release.digest == *digest && open.plan.kind != Kind::Rollback;
        let earlier = claim.at_ms <= revoked.at_ms;
        // A person who resumes what waited for one takes the halt away; the check that must follow asks for the evidence again.
        let knows = open.cause.is_some() || open.is_undoing() || open.must_check;
        must(!concerns || !earlier || knows, "same-bits", || {
            format!("{} in {name} stands on evidence that was revoked, and was not halted", open.id)
        })?;
    }
    Ok(())
}

/// **no-limbo**: with all faults over, whoever resumes brings every deployment to an ending; stuck only where somebody else
/// touched what it owned.
pub fn ended_after_all(truth: &Truth, env: usize) -> Result<(), Broken> {
    let Some(state) = truth.state(env) else { return Ok(()) };
    must(state.open.is_none(), "no-limbo", || {
        let open = state.open.as_ref().map(|open| format!("{} in {:?}", open.id, open.phase));
        format!("still open in {} with all faults over: {open:?}", ENVS[env])
    })
}

/// **unit**, at the very end: every component of an environment is on one release, and it is the one that the ledger names, unless
/// somebody moved an alias by hand or a deployment ended stuck.
pub fn serves_what_the_ledger_says(shared: &Shared, truth: &Truth, env: usize) -> Result<(), Broken> {
    let Some(state) = truth.state(env) else { return Ok(()) };
    let stuck = state.last.as_ref().is_some_and(|last| last.ending == Ending::Stuck);
    let (Some(serving), false) = (&state.serving, stuck || truth.touched_by_hand(env)) else { return Ok(()) };
    for served in &serving.components {
        let now = shared.peek(&served.function);
        must(now.alias_version == served.version.as_str() && now.alias_weights.is_empty(), "unit", || {
            format!(
                "{} points at version {} {:?}; by the ledger it serves {}",
                served.function, now.alias_version, now.alias_weights, served.version
            )
        })?;
    }
    Ok(())
}
