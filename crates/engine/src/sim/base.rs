//! What worlds begin with, made once by the real driver and copied from then on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use tiers_core::plan::{Place as PlanPlace, Policy};
use tiers_core::release::Release;
use tiers_lambda::api::{AliasWrite, LambdaApi as _, NewFunction, Qualifier, Settings, State};
use tiers_lambda::memory::ModelLambda;
use tiers_lambda::model::{Model, Options, Place};

use super::cloud::at_once;
use super::draw::{Base, Drawn, Part, RELEASES, digest};
use super::memo::{self, Memo};
use super::truth::Truth;
use super::world::{ALIAS, APP, COMPONENTS, ENVS};
use crate::lambda_target::LEDGER_TAG;
use crate::mutation::switch;
use crate::planner::{Goal, Wanted};

/// The moment at which every world begins, in milliseconds since 1970.
pub const EPOCH_MS: u64 = 1_790_000_000_000;
/// Where images lie.
pub const REPOSITORY: &str = "000000000000.dkr.ecr.us-east-1.amazonaws.com/app";
/// The ledger's identity in every world.
pub const LEDGER: &str = "genesis-1";

/// The declared place.
pub fn declared() -> Place {
    Place { account: "000000000000".to_owned(), region: "us-east-1".to_owned() }
}

/// Another account, with functions of the same names.
pub fn elsewhere() -> Place {
    Place { account: "111111111111".to_owned(), region: "us-east-1".to_owned() }
}

/// A world to begin with.
#[derive(Clone)]
pub struct Beginning {
    pub objects: BTreeMap<String, Bytes>,
    pub model: Model,
    pub truth: Truth,
    pub memo: Rc<Memo>,
    /// The model with nothing but the declared place, which most worlds do with.
    pub narrow: Model,
    pub now_ms: u64,
}

impl Beginning {
    /// Its functions belong to another ledger from here.
    pub fn belongs_to(&mut self, ledger: &str) {
        let model = Rc::new(RefCell::new(self.model.clone()));
        let now_ms = self.now_ms;
        let plane = ModelLambda::new(Rc::clone(&model), declared(), Rc::new(move || now_ms));
        for env in ENVS {
            for component in COMPONENTS {
                let name = format!("{component}-{env}");
                let seen = at_once(plane.get_function(&name, &Qualifier::Latest)).expect("there");
                let arn = seen.arn.trim_end_matches(":$LATEST");
                let tags = BTreeMap::from([(LEDGER_TAG.to_owned(), ledger.to_owned())]);
                at_once(plane.tag(arn, &tags)).expect("tagged");
            }
        }
        self.model = model.borrow().clone();
        self.narrow = narrowed(&self.model);
    }
}

thread_local! {
    static MADE: RefCell<BTreeMap<Base, Rc<Beginning>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The beginning of worlds on this base.
pub fn beginning(base: Base) -> Rc<Beginning> {
    if let Some(made) = MADE.with_borrow(|made| made.get(&base).cloned()) {
        return made;
    }
    let before = match base {
        Base::Virgin => None,
        Base::Plain => Some((Base::Virgin, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)].as_slice())),
        Base::TwoInDev => Some((Base::Plain, [(2, 0)].as_slice())),
        Base::TwoInStaging => Some((Base::TwoInDev, [(2, 1)].as_slice())),
        Base::Doubtful => Some((Base::TwoInDev, [(3, 0)].as_slice())),
    };
    // What worlds begin with was made by code that keeps every rule.
    let mutated = switch(None);
    let mut made = match before {
        None => virgin(),
        Some((before, steps)) => steps.iter().fold((*beginning(before)).clone(), |now, (release, env)| {
            let drawn = Drawn { roles: vec![super::run::plain(Part::Deploy(*release), *env)], ..Drawn::calm(base) };
            super::run::Sim::on(now, &drawn, &format!("base{release}{env}"), false).to_beginning()
        }),
    };
    if base == Base::Plain {
        leave_gaps(&mut made);
    }
    switch(mutated);
    let made = Rc::new(made);
    MADE.with_borrow_mut(|all| all.insert(base, Rc::clone(&made)));
    made
}

/// In staging and prod somebody published versions by hand and then put the settings back, so that the version before one is not
/// the number before it.
fn leave_gaps(beginning: &mut Beginning) {
    let model = Rc::new(RefCell::new(beginning.model.clone()));
    let now_ms = Rc::new(Cell::new(beginning.now_ms));
    let at = Rc::clone(&now_ms);
    let plane = ModelLambda::new(Rc::clone(&model), declared(), Rc::new(move || at.get()));
    for env in &ENVS[1..] {
        for component in COMPONENTS {
            let name = format!("{component}-{env}");
            for memory_mb in [513, 512] {
                let latest = at_once(plane.get_function(&name, &Qualifier::Latest)).expect("there");
                let settings = Settings { memory_mb, ..latest.settings };
                at_once(plane.update_settings(&name, &settings, &latest.revision)).expect("taken");
                now_ms.set(now_ms.get() + 1_000);
                if memory_mb == 513 {
                    let latest = at_once(plane.get_function(&name, &Qualifier::Latest)).expect("there");
                    at_once(plane.publish(&name, &latest.code_sha256, &latest.revision, "by hand")).expect("published");
                    now_ms.set(now_ms.get() + 1_000);
                }
            }
        }
    }
    beginning.model = model.borrow().clone();
    beginning.narrow = narrowed(&beginning.model);
    beginning.now_ms = now_ms.get();
}

/// Functions and aliases in two accounts, and a ledger with nothing but its genesis.
fn virgin() -> Beginning {
    let model = Rc::new(RefCell::new(Model::new(Options::default())));
    let now_ms = Rc::new(Cell::new(EPOCH_MS));
    for release in RELEASES {
        let digest = tiers_core::id::Digest::of(release.as_bytes());
        model.borrow_mut().put_image(EPOCH_MS, REPOSITORY, digest.as_str());
    }
    model.borrow_mut().put_image(EPOCH_MS, REPOSITORY, tiers_core::id::Digest::of(b"placeholder").as_str());
    for (place, ledger) in [(declared(), LEDGER), (elsewhere(), "another-ledger")] {
        let at = Rc::clone(&now_ms);
        let plane = ModelLambda::new(Rc::clone(&model), place, Rc::new(move || at.get()));
        for env in ENVS {
            for component in COMPONENTS {
                furnish(&plane, &now_ms, &format!("{component}-{env}"), ledger);
            }
        }
    }
    let by = tiers_core::record::Actor { who: "base".into(), host: "sim".into(), via: "sim".into() };
    let at = jiff::Timestamp::from_millisecond(EPOCH_MS as i64).expect("in range");
    let genesis = tiers_core::record::Genesis {
        format: tiers_core::record::FORMAT,
        ledger: LEDGER.to_owned(),
        min_writer: tiers_core::record::WRITER,
        at,
        by,
    };
    let key = tiers_core::record::Genesis::KEY.to_owned();
    let model = model.borrow().clone();
    memo::begin(None);
    let narrow = narrowed(&model);
    Beginning {
        objects: BTreeMap::from([(key, Bytes::from(genesis.to_bytes()))]),
        model,
        truth: Truth::default(),
        memo: Rc::default(),
        narrow,
        now_ms: now_ms.get(),
    }
}

/// Without the other account.
pub fn narrowed(model: &Model) -> Model {
    let mut narrow = model.clone();
    narrow.forget(&elsewhere());
    narrow
}

fn furnish(plane: &ModelLambda, now_ms: &Cell<u64>, name: &str, ledger: &str) {
    let settings = Settings {
        role: "arn:aws:iam::000000000000:role/app".into(),
        memory_mb: 512,
        timeout_s: 30,
        architecture: "x86_64".into(),
        ephemeral_mb: 512,
        ..Settings::default()
    };
    let new = NewFunction {
        name: name.to_owned(),
        image_uri: format!("{REPOSITORY}@{}", tiers_core::id::Digest::of(b"placeholder")),
        settings,
        tags: BTreeMap::from([(LEDGER_TAG.to_owned(), ledger.to_owned())]),
        publish: false,
    };
    at_once(plane.create_function(&new)).expect("made");
    now_ms.set(now_ms.get() + 1_000);
    let latest = at_once(plane.get_function(name, &Qualifier::Latest)).expect("made");
    assert_eq!(latest.state, State::Active, "a second is enough");
    let first = at_once(plane.publish(name, &latest.code_sha256, &latest.revision, "")).expect("published");
    now_ms.set(now_ms.get() + 1_000);
    let write = AliasWrite { version: first.version, description: String::new(), weights: BTreeMap::new() };
    at_once(plane.create_alias(name, ALIAS, &write)).expect("made");
}

/// A release, by number.
pub fn release(number: usize) -> Release {
    let name = RELEASES[number];
    let inputs = name.split("-again").next().unwrap_or(name);
    Release {
        id: name.into(),
        source: inputs.into(),
        inputs: inputs.into(),
        digest: digest(number),
        image_uri: format!("{REPOSITORY}@{}", digest(number)),
        commit: "0123456789012345678901234567890123456789".into(),
        dirty: false,
        architecture: "x86_64".into(),
        builder: "files".into(),
        built_by: "base".into(),
        built_at: jiff::Timestamp::from_millisecond(EPOCH_MS as i64).expect("in range"),
    }
}

/// What somebody in this world wants.
pub fn wanted(drawn: &Drawn, env: usize, goal: Goal) -> Wanted {
    let upstream = ENVS[..env].iter().map(|&name| name.into()).collect();
    Wanted {
        environment: ENVS[env].into(),
        app: APP.into(),
        goal,
        place: PlanPlace {
            target: "aws".into(),
            account: Some(declared().account),
            region: declared().region,
            ledger: LEDGER.to_owned(),
        },
        policy: Policy { commit: "policy".into(), hash: tiers_core::id::Digest::of(b"policy") },
        gates: drawn.gates[env].clone(),
        upstream,
        components: COMPONENTS.map(|name| (name.into(), format!("{name}-{}", ENVS[env]))).to_vec(),
        alias: ALIAS.into(),
        shift: drawn.shift.clone(),
        weighted: if drawn.shift.len() > 1 { vec![COMPONENTS[0].into()] } else { Vec::new() },
        on_failure: drawn.on_failure,
        way_back_required: drawn.way_back_required,
        waivers: Vec::new(),
        secrets: None,
        deadline_s: 900,
        infrastructure: None,
    }
}
