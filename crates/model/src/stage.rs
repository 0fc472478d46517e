//! What a search begins with, and the words for it: the releases, the two components, the plan, and looks at the small place in the
//! form that the real functions take. Times and texts are constants, which keeps the space finite and drops nothing that decides.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tiers_core::event::{GuardedCall, Resource, Served, Write};
use tiers_core::gate::{At, Check, Effect, Gate};
use tiers_core::id::{Component, DeploymentId, Digest, Fingerprint, Token, Version};
use tiers_core::plan::{Before, ComponentPlan, Kind, OnFailure, Place, Plan, Policy, ShiftStep};
use tiers_core::release::Release;
use tiers_core::state::{EnvState, Serving, Verdict};
use tiers_engine::port::target::{AliasLook, LatestLook, Readiness};

use crate::bounds::Bounds;
use crate::place::{BEFORE_ALL, Call, Change, Function, Pointer};
use crate::tables::Pool;

/// The release before the one that serves, the one that serves, the new one, and somebody's own.
pub const EARLIER: u8 = 0;
pub const SERVING: u8 = 1;
pub const NEW: u8 = 2;
pub const THEIRS: u8 = 3;

pub const LEDGER: &str = "modelled";
pub const ALIAS: &str = "live";
const COMPONENTS: [&str; 2] = ["a", "b"];

pub fn component(index: usize) -> Component {
    COMPONENTS[index].into()
}

pub fn index_of(component: &Component) -> usize {
    COMPONENTS.iter().position(|name| *name == component.as_str()).expect("one of the two")
}

pub fn digest(code: u8) -> Digest {
    Digest::of(&[code])
}

pub fn code_of(wanted: &Digest) -> u8 {
    (EARLIER..=THEIRS).find(|code| &digest(*code) == wanted).expect("a release of the search")
}

pub fn fingerprint(settings: u8) -> Fingerprint {
    Fingerprint(settings.to_string())
}

pub fn number(text: &str) -> u8 {
    text.parse().expect("a small number")
}

pub fn version(number: u8) -> Version {
    Version(number.to_string())
}

pub fn token(number: u8) -> Token {
    Token(number.to_string())
}

pub fn deployment(process: u8) -> DeploymentId {
    DeploymentId(process.to_string())
}

/// Weights in percent, as the service takes them.
fn weights(second: u8, percent: u8) -> BTreeMap<String, f64> {
    let some = (percent > 0).then(|| (second.to_string(), f64::from(percent) / 100.0));
    some.into_iter().collect()
}

pub fn latest_look(function: &Function) -> LatestLook {
    LatestLook {
        digest: digest(function.code),
        image_uri: function.code.to_string(),
        fingerprint: fingerprint(function.settings),
        architecture: "x86_64".to_owned(),
        token: token(function.token),
        readiness: Readiness::Ready,
    }
}

pub fn alias_look(function: &Function, marks: &Pool<String>) -> AliasLook {
    AliasLook {
        version: version(function.alias.version),
        weights: weights(function.alias.second, function.alias.percent),
        description: marks.get(function.alias.mark).as_ref().clone(),
        token: token(function.alias_token),
    }
}

/// A guarded call of an intent, as it travels.
pub fn call(guarded: &GuardedCall, deployment: u8, marks: &Pool<String>) -> Call {
    let change = match &guarded.write {
        Write::Code { digest, .. } => Change::Code { code: code_of(digest) },
        Write::Publish { digest, .. } => Change::Publish { code: code_of(digest), by: deployment },
        Write::Point { version, weights, description } => {
            let first = weights.iter().next();
            Change::Point {
                version: number(version.as_str()),
                second: first.map_or(0, |(version, _)| number(version)),
                percent: first.map_or(0, |(_, weight)| (weight * 100.0).round() as u8),
                mark: marks.number(description, || description.clone()),
            }
        }
    };
    let function = u8::try_from(index_of(&guarded.component)).expect("one of the two");
    Call { function, token: number(guarded.token.as_str()), change }
}

/// A call that the ledger knows of: component, resource, token.
pub fn tracked(component: &Component, resource: Resource, token: &Token) -> (u8, Resource, u8) {
    (u8::try_from(index_of(component)).expect("one of the two"), resource, number(token.as_str()))
}

fn release(code: u8) -> Release {
    let name = format!("r{code}");
    Release {
        id: name.as_str().into(),
        source: name.as_str().into(),
        inputs: name.as_str().into(),
        digest: digest(code),
        image_uri: code.to_string(),
        commit: "".into(),
        dirty: false,
        architecture: "x86_64".to_owned(),
        builder: String::new(),
        built_by: String::new(),
        built_at: Timestamp::UNIX_EPOCH,
    }
}

fn policy() -> Policy {
    Policy { commit: String::new(), hash: digest(0) }
}

fn gate(name: &str, at: At) -> Gate {
    Gate {
        name: name.to_owned(),
        at,
        effect: Effect::Block,
        check: Check::Command { program: Vec::new(), output_limit_kb: 0 },
        timeout_s: 0,
        retries: 0,
        retry_after_ms: 0,
    }
}

/// The plan of a deployment of the new release, or of a rollback to this one with this version of each function.
pub fn plan(bounds: &Bounds, functions: &[Function; 2], back_to: Option<(u8, [u8; 2])>) -> Plan {
    let planned = |index: usize| {
        let function = &functions[index];
        let live = function.version(function.alias.version);
        let target = back_to.map(|(_, versions)| versions[index]);
        let settings = target.map_or(function.settings, |target| function.version(target).settings);
        ComponentPlan {
            component: component(index),
            function: COMPONENTS[index].to_owned(),
            before: Before {
                version: version(function.alias.version),
                weights: weights(function.alias.second, function.alias.percent),
                digest: digest(live.code),
                fingerprint: fingerprint(live.settings),
                latest_digest: digest(function.code),
                latest_image_uri: function.code.to_string(),
            },
            target_version: target.map(version),
            fingerprint: fingerprint(settings),
        }
    };
    let last = ShiftStep { percent: 100, bake_s: 0 };
    let canary = bounds.canary && back_to.is_none();
    Plan {
        environment: "prod".into(),
        app: "app".into(),
        kind: if back_to.is_some() { Kind::Rollback } else { Kind::Deploy },
        made_from: None,
        release: release(back_to.map_or(NEW, |(code, _)| code)),
        place: Place { target: String::new(), account: None, region: String::new(), ledger: LEDGER.to_owned() },
        policy: policy(),
        gates: vec![gate("staged", At::Staged), gate("live", At::Live)],
        upstream: vec!["staging".into()],
        components: vec![planned(0), planned(1)],
        alias: ALIAS.to_owned(),
        shift: if canary { vec![ShiftStep { percent: 10, bake_s: 60 }, last] } else { vec![last] },
        weighted: if canary { vec![component(0)] } else { Vec::new() },
        on_failure: bounds.on_failure,
        way_back_required: true,
        has_way_back: true,
        waivers: Vec::new(),
        secrets: None,
        deadline_s: 0,
        infrastructure: None,
    }
}

/// Two functions that were through two releases.
pub fn functions(marks: &Pool<String>) -> [Function; 2] {
    let mut function = Function::default();
    for code in [EARLIER, SERVING] {
        function.code = code;
        function.publish(BEFORE_ALL);
    }
    function.alias = Pointer { version: 2, mark: marks.number("", String::new), ..Pointer::default() };
    [function; 2]
}

fn serving(code: u8, at: u8) -> Serving {
    let served = |index: usize| Served {
        component: component(index),
        function: COMPONENTS[index].to_owned(),
        version: version(at),
        fingerprint: fingerprint(0),
    };
    Serving {
        deployment: DeploymentId("before".to_owned()),
        kind: Kind::Deploy,
        release: release(code),
        components: vec![served(0), served(1)],
        configuration: fingerprint(0),
        secrets: None,
        since: Timestamp::UNIX_EPOCH,
        by: String::new(),
        waivers: Vec::new(),
    }
}

/// The environment's stream after those two releases.
pub fn environment() -> EnvState {
    EnvState { serving: Some(serving(SERVING, 2)), previous: vec![serving(EARLIER, 1)], ..EnvState::default() }
}

/// The stream upstream, where the new release was verified.
pub fn upstream() -> EnvState {
    let verdict = Verdict {
        digest: digest(NEW),
        release: "r2".into(),
        deployment: DeploymentId("upstream".to_owned()),
        at: Timestamp::UNIX_EPOCH,
        verified: true,
        why_not: None,
        configuration: fingerprint(0),
        gates_hash: digest(0),
        policy: policy(),
        results: Vec::new(),
        waivers: Vec::new(),
    };
    EnvState { serving: Some(serving(SERVING, 2)), verdicts: vec![verdict], ..EnvState::default() }
}

/// True for the environments whose failures a person decides about.
pub fn asks_person(plan: &Plan) -> bool {
    plan.on_failure == OnFailure::Manual
}
