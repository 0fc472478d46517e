//! A small world for driver tests: the Lambda model, a log in memory, and a clock that jumps instead of waiting.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use jiff::Timestamp;
use tiers_core::event::{GateResult, Outcome};
use tiers_core::gate::{At, Check, Effect, Expect, Gate, Request};
use tiers_core::id::{Component, DeploymentId, Digest, Env};
use tiers_core::plan::{OnFailure, Place, Policy, ShiftStep};
use tiers_core::record::{Actor, Stream};
use tiers_core::release::Release;
use tiers_engine::driver::{Claim, Driven, Quiet, Session, Waits, World, claim, drive};
use tiers_engine::gates::{GatePlace, Gates};
use tiers_engine::lambda_target::{LEDGER_TAG, LambdaTarget};
use tiers_engine::ledger::{Ledger, MemoryLog};
use tiers_engine::planner::{Goal, Planned, Wanted, plan};
use tiers_engine::port::clock::Clock;
use tiers_engine::port::ids::Ids;
use tiers_engine::port::images::{ImageError, Images};
use tiers_engine::port::log::Log;
use tiers_engine::port::seen::SeenInMemory;
use tiers_lambda::api::{AliasWrite, LambdaApi, NewFunction, Qualifier, Settings, State};
use tiers_lambda::memory::ModelLambda;
use tiers_lambda::model::{Model, Options, Place as ModelPlace};

pub const ACCOUNT: &str = "000000000000";
pub const REGION: &str = "us-east-1";
pub const REPOSITORY: &str = "000000000000.dkr.ecr.us-east-1.amazonaws.com/app";

/// Sleeping moves the time, and nothing else does.
#[derive(Default)]
pub struct JumpClock(Cell<u64>);

impl JumpClock {
    pub fn now_ms(&self) -> u64 {
        self.0.get()
    }

    pub fn advance(&self, ms: u64) {
        self.0.set(self.0.get() + ms);
    }
}

#[async_trait(?Send)]
impl Clock for JumpClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.0.get()).expect("small");
        Timestamp::from_millisecond(1_790_000_000_000 + ms).expect("in range")
    }

    async fn sleep_ms(&self, ms: u64) {
        self.advance(ms);
    }
}

#[derive(Default)]
pub struct CountingIds(Cell<u64>);

impl Ids for CountingIds {
    fn nonce(&self) -> String {
        self.0.set(self.0.get() + 1);
        format!("nonce-{}", self.0.get())
    }

    fn deployment(&self, _: Timestamp) -> DeploymentId {
        self.0.set(self.0.get() + 1);
        DeploymentId(format!("d-{:04}", self.0.get()))
    }
}

pub struct EveryImage;

#[async_trait(?Send)]
impl Images for EveryImage {
    async fn preflight(&self, _: &str, _: &Digest, _: &str) -> Result<(), ImageError> {
        Ok(())
    }
}

/// Gates fail where a test says so: by (environment, gate, release).
#[derive(Default)]
pub struct ScriptedGates(pub RefCell<BTreeMap<(String, String, String), Outcome>>);

impl ScriptedGates {
    pub fn fail(&self, environment: &str, gate: &str, release: &str) {
        let key = (environment.to_owned(), gate.to_owned(), release.to_owned());
        self.0.borrow_mut().insert(key, Outcome::Failed);
    }
}

#[async_trait(?Send)]
impl Gates for ScriptedGates {
    async fn run(&self, gate: &Gate, place: &GatePlace<'_>) -> GateResult {
        let key = (place.environment.to_string(), gate.name.clone(), place.release.id.to_string());
        let outcome = self.0.borrow().get(&key).copied().unwrap_or(Outcome::Passed);
        GateResult {
            gate: gate.name.clone(),
            at: gate.at,
            effect: gate.effect,
            outcome,
            detail: "scripted".to_owned(),
            output: String::new(),
            duration_ms: 1,
        }
    }
}

pub struct Small {
    pub clock: Rc<JumpClock>,
    /// Empty where the world stands on another one.
    pub log: Rc<MemoryLog>,
    pub lambda: Rc<ModelLambda>,
    pub gates: Rc<ScriptedGates>,
    pub world: World,
}

pub fn block<F: Future>(future: F) -> F::Output {
    futures::executor::block_on(future)
}

impl Small {
    /// On a log in memory.
    pub fn new() -> Small {
        let log = Rc::new(MemoryLog::new());
        Small { log: log.clone(), ..Small::on(log) }
    }

    /// Environments dev, staging and prod with functions `api-E` and `worker-E` on a placeholder image.
    pub fn on(log: Rc<dyn Log>) -> Small {
        let clock = Rc::new(JumpClock::default());
        let model = Rc::new(RefCell::new(Model::new(Options::default())));
        let place = ModelPlace { account: ACCOUNT.to_owned(), region: REGION.to_owned() };
        let at = Rc::clone(&clock);
        let lambda = Rc::new(ModelLambda::new(model, place, Rc::new(move || at.now_ms())));
        let gates = Rc::new(ScriptedGates::default());
        let ids = Rc::new(CountingIds::default());
        let actor = Actor { who: "erika".into(), host: "test".into(), via: "test".into() };
        let ledger =
            block(Ledger::init(log, clock.clone(), ids.clone(), Rc::new(SeenInMemory::default()), actor.clone()))
                .expect("a ledger");
        let world = World {
            target: Rc::new(LambdaTarget::new(lambda.clone(), clock.clone())),
            ledger,
            clock: clock.clone(),
            ids,
            images: Rc::new(EveryImage),
            gates: gates.clone(),
            watch: Rc::new(Quiet),
            actor,
            waits: Waits::default(),
            lease: Stream::terraform("shop").ok(),
        };
        let small = Small { clock, log: Rc::new(MemoryLog::new()), lambda, gates, world };
        for environment in ["dev", "staging", "prod"] {
            block(small.set_up(environment));
        }
        small
    }

    async fn set_up(&self, environment: &str) {
        self.put_image("placeholder");
        for component in ["api", "worker"] {
            let name = format!("{component}-{environment}");
            let settings = Settings {
                role: "arn:aws:iam::000000000000:role/app".into(),
                memory_mb: 512,
                timeout_s: 30,
                architecture: "x86_64".into(),
                ephemeral_mb: 512,
                ..Settings::default()
            };
            let new = NewFunction {
                name: name.clone(),
                image_uri: image_uri("placeholder"),
                settings,
                tags: BTreeMap::from([(LEDGER_TAG.to_owned(), self.world.ledger.id().to_owned())]),
                publish: false,
            };
            self.lambda.create_function(&new).await.expect("created");
            let latest = loop {
                let latest = self.lambda.get_function(&name, &Qualifier::Latest).await.expect("exists");
                if latest.state == State::Active {
                    break latest;
                }
                self.clock.advance(1_000);
            };
            let first = self.lambda.publish(&name, &latest.code_sha256, &latest.revision, "").await.expect("published");
            self.clock.advance(10_000);
            let write = AliasWrite { version: first.version, description: String::new(), weights: BTreeMap::new() };
            self.lambda.create_alias(&name, "live", &write).await.expect("alias");
        }
    }

    pub fn put_image(&self, content: &str) {
        let now = self.clock.now_ms();
        let digest = Digest::of(content.as_bytes());
        self.lambda.model().borrow_mut().put_image(now, REPOSITORY, digest.as_str());
    }

    /// A release whose image has this content.
    pub fn release(&self, content: &str) -> Release {
        self.put_image(content);
        Release {
            id: content.into(),
            source: content.into(),
            inputs: content.into(),
            digest: Digest::of(content.as_bytes()),
            image_uri: image_uri(content),
            commit: "0123456789012345678901234567890123456789".into(),
            dirty: false,
            architecture: "x86_64".into(),
            builder: "files".into(),
            built_by: "erika".into(),
            built_at: self.world.clock.now(),
        }
    }

    pub fn wanted(&self, environment: &str, goal: Goal) -> Wanted {
        let upstream: &[&str] = match environment {
            "dev" => &[],
            "staging" => &["dev"],
            _ => &["dev", "staging"],
        };
        Wanted {
            environment: environment.into(),
            app: "app".into(),
            goal,
            place: Place {
                target: "local".into(),
                account: Some(ACCOUNT.into()),
                region: REGION.into(),
                ledger: self.world.ledger.id().to_owned(),
            },
            policy: Policy { commit: "policy".into(), hash: Digest::of(b"policy") },
            gates: vec![gate("staged", At::Staged), gate("published", At::Published), gate("live", At::Live)],
            upstream: upstream.iter().map(|&name| Env::from(name)).collect(),
            components: ["api", "worker"].map(|name| (Component::from(name), format!("{name}-{environment}"))).to_vec(),
            alias: "live".into(),
            shift: vec![ShiftStep { percent: 100, bake_s: 0 }],
            weighted: Vec::new(),
            on_failure: OnFailure::Automatic,
            way_back_required: true,
            waivers: Vec::new(),
            secrets: None,
            deadline_s: 900,
            infrastructure: None,
        }
    }

    pub fn plan(&self, wanted: &Wanted) -> Planned {
        block(plan(&self.world, wanted)).expect("a plan")
    }

    /// Plans, claims and drives to the end.
    pub fn deploy(&self, environment: &str, goal: Goal) -> Driven {
        self.run(&self.wanted(environment, goal))
    }

    pub fn run(&self, wanted: &Wanted) -> Driven {
        let planned = self.plan(wanted);
        let Claim::Claimed(mut session, _) = block(claim(&self.world, &planned.plan)).expect("claimed") else {
            panic!("not claimed");
        };
        block(drive(&mut session)).expect("driven")
    }

    pub fn session(&self, environment: &str) -> Session {
        block(Session::load(&self.world, &environment.into(), &"app".into())).expect("readable")
    }

    /// Where each component's alias points, as a digest.
    pub fn live(&self, environment: &str) -> Vec<String> {
        ["api", "worker"]
            .map(|component| {
                let name = format!("{component}-{environment}");
                let alias = block(self.lambda.get_alias(&name, "live")).expect("alias");
                let version = Qualifier::Version(alias.version);
                block(self.lambda.get_function(&name, &version)).expect("version").code_sha256
            })
            .to_vec()
    }
}

pub fn image_uri(content: &str) -> String {
    format!("{REPOSITORY}@{}", Digest::of(content.as_bytes()))
}

pub fn gate(name: &str, at: At) -> Gate {
    Gate {
        name: name.into(),
        at,
        effect: Effect::Block,
        check: Check::Invoke { component: "api".into(), request: Request::default(), expect: Expect::default() },
        timeout_s: 10,
        retries: 0,
        retry_after_ms: 0,
    }
}
