//! The search's place that functions run in, held to the model of the service that the simulation and the local host use: the
//! same calls, in any order, with fresh and stale tokens, are accepted or refused alike and leave the same behind.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::executor::block_on;
use proptest::prelude::*;
use tiers_lambda::api::{AliasWrite, ApiError, LambdaApi as _, NewFunction, Qualifier, Settings, State};
use tiers_lambda::memory::ModelLambda;
use tiers_lambda::model::{Model, Options, Place};
use tiers_model::place::{Answer, BEFORE_ALL, Call, Change, Function, MOST_VERSIONS, Pointer, Published};

const NAME: &str = "api-dev";
const ALIAS: &str = "live";
const REPOSITORY: &str = "000000000000.dkr.ecr.us-east-1.amazonaws.com/app";
const CODES: u8 = 3;

/// One thing that happens. `old` tokens are those that the resource had before its last change.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Call {
        change: Change,
        old: bool,
    },
    /// Somebody changes the settings by hand.
    OtherSettings,
}

fn happens() -> impl Strategy<Value = Happens> {
    let change = prop_oneof![
        3 => (0..CODES).prop_map(|code| Change::Code { code }),
        3 => (0..CODES).prop_map(|code| Change::Publish { code, by: 0 }),
        3 => (1..=2u8, 0..=2u8, 0..3u32).prop_map(|(version, second, mark)| {
            let second = if second == version { 0 } else { second };
            Change::Point { version, second, percent: if second == 0 { 0 } else { 10 }, mark }
        }),
    ];
    prop_oneof![
        8 => (change, prop::bool::weighted(0.25)).prop_map(|(change, old)| Happens::Call { change, old }),
        1 => Just(Happens::OtherSettings),
    ]
}

fn digest(code: u8) -> String {
    format!("{:064x}", u32::from(code) + 1)
}

fn uri(code: u8) -> String {
    format!("{REPOSITORY}@sha256:{}", digest(code))
}

/// The service's model with one function, and the tokens that its resources had.
struct Service {
    lambda: ModelLambda,
    now_ms: Rc<Cell<u64>>,
    latest: Vec<String>,
    alias: Vec<String>,
}

impl Service {
    fn new() -> Service {
        let now_ms = Rc::new(Cell::new(0));
        let mut model = Model::new(Options::default());
        for code in 0..CODES {
            model.put_image(0, REPOSITORY, &format!("sha256:{}", digest(code)));
        }
        let place = Place { account: "000000000000".to_owned(), region: "us-east-1".to_owned() };
        let at = Rc::clone(&now_ms);
        let lambda = ModelLambda::new(Rc::new(RefCell::new(model)), place, Rc::new(move || at.get()));
        let settings = Settings {
            role: "arn:aws:iam::000000000000:role/app".into(),
            memory_mb: 512,
            timeout_s: 30,
            architecture: "x86_64".into(),
            ephemeral_mb: 512,
            ..Settings::default()
        };
        let tags = BTreeMap::new();
        let new = NewFunction { name: NAME.to_owned(), image_uri: uri(0), settings, tags, publish: false };
        block_on(lambda.create_function(&new)).expect("created");
        let mut service = Service { lambda, now_ms, latest: Vec::new(), alias: Vec::new() };
        service.settle();
        let first = service.look();
        block_on(service.lambda.publish(NAME, &first.code_sha256, &first.revision, "")).expect("published");
        service.settle();
        let write = AliasWrite { version: "1".to_owned(), description: "0".to_owned(), weights: BTreeMap::new() };
        block_on(service.lambda.create_alias(NAME, ALIAS, &write)).expect("an alias");
        service.latest.clear();
        service.settle();
        service
    }

    /// Lets updates end, and notes the tokens of now.
    fn settle(&mut self) {
        self.now_ms.set(self.now_ms.get() + 10_000);
        let latest = self.look();
        assert_eq!(latest.state, State::Active);
        if self.latest.last() != Some(&latest.revision) {
            self.latest.push(latest.revision);
        }
        if let Ok(alias) = block_on(self.lambda.get_alias(NAME, ALIAS))
            && self.alias.last() != Some(&alias.revision)
        {
            self.alias.push(alias.revision);
        }
    }

    fn look(&self) -> tiers_lambda::api::Function {
        block_on(self.lambda.get_function(NAME, &Qualifier::Latest)).expect("it exists")
    }

    /// Sends the call; answers the version that a publish named.
    fn call(&self, change: Change, old: bool) -> Result<Option<u8>, ApiError> {
        let token = |all: &[String]| all[all.len() - 1 - usize::from(old && all.len() > 1)].clone();
        match change {
            Change::Code { code } => {
                block_on(self.lambda.update_code(NAME, &uri(code), &token(&self.latest))).map(|_| None)
            }
            Change::Publish { code, .. } => {
                block_on(self.lambda.publish(NAME, &digest(code), &token(&self.latest), ""))
                    .map(|made| Some(made.version.parse().expect("a number")))
            }
            Change::Point { version, second, percent, mark } => {
                let mut weights = BTreeMap::new();
                if second > 0 {
                    weights.insert(second.to_string(), f64::from(percent) / 100.0);
                }
                let write = AliasWrite { version: version.to_string(), description: mark.to_string(), weights };
                block_on(self.lambda.update_alias(NAME, ALIAS, &write, &token(&self.alias))).map(|_| None)
            }
        }
    }

    fn other_settings(&self, number: u8) {
        let latest = self.look();
        let settings = Settings { memory_mb: 512 + u32::from(number), ..latest.settings };
        block_on(self.lambda.update_settings(NAME, &settings, &latest.revision)).expect("updated");
    }
}

/// What both can show: code and settings of `$LATEST`, all versions, the alias.
type Shown = (u8, u8, Vec<(u8, u8)>, Pointer);

fn shown(service: &Service) -> Shown {
    let code = |sha256: &str| (0..CODES).find(|code| digest(*code) == sha256).expect("a known image");
    let settings = |memory_mb: u32| u8::try_from(memory_mb - 512).expect("small");
    let latest = service.look();
    let versions = block_on(service.lambda.list_versions(NAME)).expect("listed");
    let versions = versions.iter().map(|one| (code(&one.code_sha256), settings(one.settings.memory_mb))).collect();
    let alias = block_on(service.lambda.get_alias(NAME, ALIAS)).expect("an alias");
    let second = alias.weights.iter().next();
    let pointer = Pointer {
        version: alias.version.parse().expect("a number"),
        second: second.map_or(0, |(version, _)| version.parse().expect("a number")),
        percent: if second.is_some() { 10 } else { 0 },
        mark: alias.description.parse().expect("a number"),
    };
    (code(&latest.code_sha256), settings(latest.settings.memory_mb), versions, pointer)
}

fn told(function: &Function) -> Shown {
    let versions = function.versions[..usize::from(function.count)].iter().map(|one| (one.code, one.settings));
    (function.code, function.settings, versions.collect(), function.alias)
}

/// A token that the search's resource had: the one of now, or the one before its last change.
fn token(now: u8, old: bool) -> u8 {
    now - u8::from(old && now > 0)
}

fn alike(all: &[Happens]) -> Result<(), TestCaseError> {
    let mut service = Service::new();
    let mut function =
        Function { count: 1, alias: Pointer { version: 1, ..Pointer::default() }, ..Function::default() };
    function.versions[0] = Published { code: 0, settings: 0, by: BEFORE_ALL };
    for (number, one) in all.iter().enumerate() {
        match *one {
            Happens::OtherSettings => {
                function.settings += 1;
                function.token += 1;
                service.other_settings(function.settings);
            }
            // A search has so many versions and no more, and points at those that are there.
            Happens::Call { change: Change::Publish { .. }, .. } if usize::from(function.count) == MOST_VERSIONS => {}
            Happens::Call { change: Change::Point { version, second, .. }, .. }
                if version.max(second) > function.count => {}
            Happens::Call { change, old } => {
                let now = match change {
                    Change::Code { .. } | Change::Publish { .. } => function.token,
                    Change::Point { .. } => function.alias_token,
                };
                let answer = function.land(&Call { function: 0, token: token(now, old), change });
                let said = service.call(change, old);
                let same = match (&answer, &said) {
                    (Answer::Accepted, Ok(None)) | (Answer::Refused, Err(ApiError::Precondition(_))) => true,
                    (Answer::Version(made), Ok(Some(named))) => made == named,
                    _ => false,
                };
                prop_assert!(same, "call {number}: {answer:?} here, {said:?} there");
            }
        }
        service.settle();
        prop_assert_eq!(told(&function), shown(&service), "after call {}", number);
        let tokens = (usize::from(function.token) + 1, usize::from(function.alias_token) + 1);
        prop_assert_eq!(tokens, (service.latest.len(), service.alias.len()), "tokens after call {}", number);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_place_of_the_search_does_what_the_model_of_the_service_does(all in prop::collection::vec(happens(), 1..30)) {
        alike(&all)?;
    }
}
