//! Random sequences of calls against what must hold after each of them.
//!
//! The generator knows little (numbers picked from small ranges, so that calls meet), the invariants know nothing of how the
//! model is built: they compare what it shows before and after.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use tiers_lambda::model::{
    CreateAlias, CreateFunction, ListRequest, Model, ModelError, Options, Plane, PublishVersion, UpdateAlias,
    UpdateFunctionCode, UpdateFunctionConfiguration,
};

use crate::world::*;

const NAMES: [&str; 2] = ["f", "g"];
const ALIASES: [&str; 2] = ["blue", "live"];

/// Which token a guarded call carries.
#[derive(Clone, Copy, Debug)]
enum Token {
    None,
    Current,
    /// One that was current so many changes ago.
    Old(usize),
}

/// Which code hash `PublishVersion` carries.
#[derive(Clone, Copy, Debug)]
enum Hash {
    None,
    Current,
    Wrong,
}

#[derive(Clone, Debug)]
enum Step {
    Create { publish: bool },
    UpdateCode { image: u32, token: Token, publish: bool },
    UpdateSettings { memory_mb: u32, description: Option<&'static str>, token: Token },
    Publish { hash: Hash, token: Token },
    CreateAlias { alias: usize, version: u32, weight: Option<(u32, f64)> },
    UpdateAlias { alias: usize, version: Option<u32>, weight: Option<Option<(u32, f64)>>, token: Token },
    DeleteAlias { alias: usize },
    Provision { alias: usize, on: bool },
    DeleteVersion { version: u32 },
    DeleteFunction,
    Reserve { executions: u32 },
    Tag { value: u32 },
    PutImage { image: u32 },
    DeleteImage { image: u32 },
    Invoke { qualifier: u32, draw: f64 },
    Pass { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let token = prop_oneof![1 => Just(Token::None), 4 => Just(Token::Current), 3 => (0..6usize).prop_map(Token::Old)];
    let hash = prop_oneof![Just(Hash::None), Just(Hash::Current), Just(Hash::Wrong)];
    let weight = || (1..5u32, prop_oneof![Just(0.0), Just(0.1), Just(1.0), Just(1.5)]);
    let memory = prop_oneof![Just(128), Just(256), Just(64)];
    let text = prop::option::of(prop_oneof![Just("one"), Just("two")]);
    let alias = 0..ALIASES.len();
    let version = || 0..5u32;
    prop_oneof![
        3 => any::<bool>().prop_map(|publish| Step::Create { publish }),
        6 => (1..6u32, token.clone(), prop::bool::weighted(0.1))
            .prop_map(|(image, token, publish)| Step::UpdateCode { image, token, publish }),
        4 => (memory, text, token.clone())
            .prop_map(|(memory_mb, description, token)| Step::UpdateSettings { memory_mb, description, token }),
        8 => (hash, token.clone()).prop_map(|(hash, token)| Step::Publish { hash, token }),
        4 => (alias.clone(), version(), prop::option::of(weight()))
            .prop_map(|(alias, version, weight)| Step::CreateAlias { alias, version, weight }),
        6 => (alias.clone(), prop::option::of(version()), prop::option::of(prop::option::of(weight())), token)
            .prop_map(|(alias, version, weight, token)| Step::UpdateAlias { alias, version, weight, token }),
        1 => alias.clone().prop_map(|alias| Step::DeleteAlias { alias }),
        1 => (alias, any::<bool>()).prop_map(|(alias, on)| Step::Provision { alias, on }),
        3 => version().prop_map(|version| Step::DeleteVersion { version }),
        1 => Just(Step::DeleteFunction),
        1 => (0..1100u32).prop_map(|executions| Step::Reserve { executions }),
        1 => (0..9u32).prop_map(|value| Step::Tag { value }),
        1 => (1..6u32).prop_map(|image| Step::PutImage { image }),
        1 => (1..6u32).prop_map(|image| Step::DeleteImage { image }),
        4 => (0..8u32, 0.0..1.0f64).prop_map(|(qualifier, draw)| Step::Invoke { qualifier, draw }),
        // Around the durations of `options()`, and now and then beyond the idle time.
        10 => prop_oneof![0..2u64, 90..310u64, 900..1100u64, Just(60_000u64)].prop_map(|ms| Step::Pass { ms }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let which = prop_oneof![5 => Just(0usize), 1 => Just(1usize)];
    prop::collection::vec((which, step()), 1..60)
}

fn slow_options() -> Options {
    Options { idle_after_ms: Some(50_000), ..options() }
}

fn number(version: u32) -> String {
    if version == 0 { "$LATEST".to_owned() } else { version.to_string() }
}

/// Everything that can be seen of one function, and of nothing else. `None` when there is none.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    /// `$LATEST`, numbers and `alias:NAME`, each with its revision and the rest of what is shown.
    things: BTreeMap<String, (String, Value)>,
    /// The code behind each version.
    code: BTreeMap<String, Value>,
    tags: Value,
    reserved: Value,
}

/// Looks without being seen: at a copy.
fn see(world: &World, name: &str) -> Option<Seen> {
    let mut model = world.model.clone();
    let mut plane = model.at(&world.place, world.now_ms);
    let whole = plane.get_function(name, Some("$LATEST")).ok()?;
    let mut seen = Seen {
        things: BTreeMap::new(),
        code: BTreeMap::new(),
        tags: json!(whole.tags),
        reserved: json!(whole.concurrency),
    };
    let request = ListRequest { function_name: name.to_owned(), ..ListRequest::default() };
    for version in plane.list_versions(&request).expect("the function exists").items {
        let code = plane.get_function(name, Some(&version.version)).expect("a listed version exists").code;
        seen.code.insert(version.version.clone(), json!(code));
        seen.things.insert(version.version.clone(), (version.revision_id.clone(), without_revision(json!(version))));
    }
    for alias in plane.list_aliases(&request).expect("the function exists").items {
        let shown = (alias.revision_id.clone(), without_revision(json!(alias)));
        seen.things.insert(format!("alias:{}", alias.name), shown);
    }
    Some(seen)
}

fn without_revision(mut shown: Value) -> Value {
    shown.as_object_mut().expect("an object").remove("RevisionId");
    shown
}

/// Revision ids by thing, oldest first, so that a step can carry an old one.
type History = BTreeMap<String, Vec<String>>;

fn pick(history: &History, thing: &str, token: Token) -> Option<String> {
    let known = history.get(thing).map(Vec::as_slice).unwrap_or_default();
    match token {
        Token::None => None,
        Token::Current => Some(known.last().cloned().unwrap_or("none".to_owned())),
        Token::Old(back) => Some(known.len().checked_sub(back + 2).map_or("never".to_owned(), |at| known[at].clone())),
    }
}

/// A call as it is sent: the same bytes may go to several models.
type Call = Box<dyn Fn(&mut Plane<'_>) -> Result<Value, ModelError>>;

/// What a step sends, and the thing whose token it carries.
fn call(step: &Step, name: &'static str, history: &History) -> (Call, Option<(String, String)>) {
    let function_name = name.to_owned();
    let latest = format!("{name}/$LATEST");
    let carried =
        |thing: &str, revision: &Option<String>| revision.clone().map(|revision| (thing.to_owned(), revision));
    match step.clone() {
        Step::UpdateCode { image: number, token, publish } => {
            let revision_id = pick(history, &latest, token);
            let guard = carried(&latest, &revision_id);
            let image_uri = Some(image(number));
            let request = UpdateFunctionCode { function_name, image_uri, revision_id, publish, ..update_code() };
            (Box::new(move |plane| plane.update_function_code(request.clone()).map(|shown| json!(shown))), guard)
        }
        Step::UpdateSettings { memory_mb, description, token } => {
            let revision_id = pick(history, &latest, token);
            let guard = carried(&latest, &revision_id);
            let request = UpdateFunctionConfiguration {
                function_name,
                revision_id,
                memory_size: Some(memory_mb),
                description: description.map(str::to_owned),
                ..UpdateFunctionConfiguration::default()
            };
            let send = move |plane: &mut Plane<'_>| plane.update_function_configuration(request.clone());
            (Box::new(move |plane| send(plane).map(|shown| json!(shown))), guard)
        }
        Step::Publish { hash, token } => {
            let revision_id = pick(history, &latest, token);
            let guard = carried(&latest, &revision_id);
            let send = move |plane: &mut Plane<'_>| {
                let code_sha256 = match hash {
                    Hash::None => None,
                    Hash::Wrong => Some("wrong".to_owned()),
                    Hash::Current => {
                        plane.get_function(&function_name, None).ok().map(|it| it.configuration.code_sha256)
                    }
                };
                let (function_name, revision_id) = (function_name.clone(), revision_id.clone());
                plane.publish_version(PublishVersion { function_name, code_sha256, description: None, revision_id })
            };
            (Box::new(move |plane| send(plane).map(|shown| json!(shown))), guard)
        }
        Step::UpdateAlias { alias, version, weight, token } => {
            let thing = format!("{name}/alias:{}", ALIASES[alias]);
            let revision_id = pick(history, &thing, token);
            let guard = carried(&thing, &revision_id);
            let share = |weight: Option<(u32, f64)>| match weight {
                Some((version, weight)) => routing(&[(&number(version), weight)]),
                None => routing(&[]),
            };
            let request = UpdateAlias {
                function_name,
                name: ALIASES[alias].to_owned(),
                function_version: version.map(number),
                description: None,
                routing_config: weight.map(share),
                revision_id,
            };
            (Box::new(move |plane| plane.update_alias(request.clone()).map(|shown| json!(shown))), guard)
        }
        other => (unguarded(other, name), None),
    }
}

fn unguarded(step: Step, name: &'static str) -> Call {
    match step {
        Step::Create { publish } => {
            let request = CreateFunction { publish, ..create(name) };
            Box::new(move |plane| plane.create_function(request.clone()).map(|shown| json!(shown)))
        }
        Step::CreateAlias { alias, version, weight } => {
            let request = CreateAlias {
                function_name: name.to_owned(),
                name: ALIASES[alias].to_owned(),
                function_version: number(version),
                description: None,
                routing_config: weight.map(|(version, weight)| routing(&[(&number(version), weight)])),
            };
            Box::new(move |plane| plane.create_alias(request.clone()).map(|shown| json!(shown)))
        }
        Step::DeleteAlias { alias } => Box::new(move |plane| plane.delete_alias(name, ALIASES[alias]).map(Value::from)),
        Step::Provision { alias, on } => Box::new(move |plane| {
            let alias = ALIASES[alias];
            let answer = if on {
                plane.put_provisioned_concurrency(name, alias, 3)
            } else {
                plane.delete_provisioned_concurrency(name, alias)
            };
            answer.map(Value::from)
        }),
        Step::DeleteVersion { version } => {
            Box::new(move |plane| plane.delete_function(name, Some(&number(version))).map(Value::from))
        }
        Step::DeleteFunction => Box::new(move |plane| plane.delete_function(name, None).map(Value::from)),
        Step::Reserve { executions } => {
            Box::new(move |plane| plane.put_function_concurrency(name, executions).map(|shown| json!(shown)))
        }
        Step::Tag { value } => Box::new(move |plane| {
            let arn = format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}");
            let tags = [("Tag".to_owned(), value.to_string())].into();
            plane.tag_resource(&arn, &tags).map(Value::from)
        }),
        Step::Invoke { qualifier, draw } => Box::new(move |plane| {
            let qualifier = match qualifier {
                0..=5 => number(qualifier),
                alias => ALIASES[alias as usize - 6].to_owned(),
            };
            let runs = plane.resolve_invoke(name, Some(&qualifier), draw)?;
            Ok(json!([runs.version, runs.digest, runs.settings]))
        }),
        guarded_or_world => panic!("{guarded_or_world:?} is made elsewhere"),
    }
}

/// Takes a step that is no call: time and images. `true` when it was one.
fn take_outside(model: &mut Model, now_ms: &mut u64, step: &Step) -> bool {
    match *step {
        Step::Pass { ms } => *now_ms += ms,
        Step::PutImage { image } => model.put_image(*now_ms, REPOSITORY, &digest(image)),
        Step::DeleteImage { image } => drop(model.delete_image(*now_ms, REPOSITORY, &digest(image))),
        _ => return false,
    }
    true
}

fn remember(history: &mut History, name: &str, seen: &Seen) {
    for (thing, (revision, _)) in &seen.things {
        let revisions = history.entry(format!("{name}/{thing}")).or_default();
        if revisions.last() != Some(revision) {
            revisions.push(revision.clone());
        }
    }
}

/// What one run has seen so far.
#[derive(Default)]
struct Witness {
    history: History,
    /// Each revision id that was ever shown, and what it was shown with.
    meanings: BTreeMap<String, (String, Value)>,
    /// Code and settings of each version, by function made and number.
    frozen: BTreeMap<(u32, String), (Value, Value)>,
    /// How often each function was made, so that numbers of a new one are not those of the old.
    made: BTreeMap<&'static str, u32>,
    highest: BTreeMap<u32, u64>,
}

impl Witness {
    /// Checks what holds at every moment, and remembers.
    fn look(&mut self, world: &World, name: &'static str) -> Result<Option<Seen>, TestCaseError> {
        let Some(seen) = see(world, name) else { return Ok(None) };
        let made = self.made.get(name).copied().unwrap_or_default();
        for (thing, (revision, shown)) in &seen.things {
            let full = format!("{name}/{thing}");
            let meaning = (full.clone(), shown.clone());
            let known = self.meanings.entry(revision.clone()).or_insert_with(|| meaning.clone());
            prop_assert_eq!(&*known, &meaning, "one revision id stands for one content of one thing, forever");
        }
        remember(&mut self.history, name, &seen);
        for (version, code) in seen.code.iter().filter(|(version, _)| *version != "$LATEST") {
            let mut settings = seen.things[version].1.clone();
            for moving in ["State", "StateReason", "StateReasonCode"] {
                settings.as_object_mut().expect("an object").remove(moving);
            }
            for moving in ["LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"] {
                settings.as_object_mut().expect("an object").remove(moving);
            }
            let content = (code.clone(), settings);
            let known = self.frozen.entry((made, version.clone())).or_insert_with(|| content.clone());
            prop_assert_eq!(&*known, &content, "a version never changes");
        }
        self.check_aliases(&seen)?;
        Ok(Some(seen))
    }

    fn check_aliases(&self, seen: &Seen) -> Result<(), TestCaseError> {
        for (_, (_, shown)) in seen.things.iter().filter(|(thing, _)| thing.starts_with("alias:")) {
            let weights = shown.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Value::as_object);
            let others: Vec<&str> = weights.map(|it| it.keys().map(String::as_str).collect()).unwrap_or_default();
            let main = shown["FunctionVersion"].as_str().expect("a version");
            prop_assert!(others.len() <= 1, "{shown}");
            prop_assert!(seen.code.contains_key(main), "an alias never names a missing version: {shown}");
            // While provisioned capacity moves, the version that it moves from may have been deleted by then.
            prop_assert!(!others.contains(&main), "{shown}");
        }
        Ok(())
    }

    /// A number that is new is higher than all before it.
    fn check_numbers(
        &mut self,
        name: &'static str,
        before: &Option<Seen>,
        after: &Option<Seen>,
    ) -> Result<(), TestCaseError> {
        let made = self.made.get(name).copied().unwrap_or_default();
        let numbers = |seen: &Option<Seen>| -> BTreeSet<u64> {
            seen.iter().flat_map(|seen| seen.code.keys()).filter_map(|version| version.parse().ok()).collect()
        };
        for fresh in numbers(after).difference(&numbers(before)) {
            let highest = self.highest.entry(made).or_default();
            prop_assert!(fresh > highest, "{fresh} was given before");
            *highest = *fresh;
        }
        Ok(())
    }
}

/// With `f` Active and two versions of it, so that few steps are lost on getting there.
fn begun() -> World {
    World::with(slow_options()).with_versions(2)
}

fn check_invariants(steps: &[(usize, Step)]) -> Result<(), TestCaseError> {
    let mut world = begun();
    let mut witness = Witness::default();
    let found = witness.look(&world, NAMES[0])?;
    witness.check_numbers(NAMES[0], &None, &found)?;
    let mut incarnations = 0;
    for (which, step) in steps {
        if take_outside(&mut world.model, &mut world.now_ms, step) {
            for name in NAMES {
                witness.look(&world, name)?;
            }
            continue;
        }
        let name = NAMES[*which];
        let other = NAMES[1 - *which];
        let (before, others_before) = (witness.look(&world, name)?, see(&world, other));
        let (call, guard) = call(step, name, &witness.history);
        let current = guard.as_ref().and_then(|(thing, _)| {
            let (_, thing) = thing.split_once('/')?;
            Some(before.as_ref()?.things.get(thing)?.0.clone())
        });
        let answer = call(&mut world.model.at(&world.place, world.now_ms));
        if matches!(step, Step::Create { .. }) && answer.is_ok() {
            incarnations += 1;
            witness.made.insert(name, incarnations);
        }
        let after = witness.look(&world, name)?;
        prop_assert_eq!(see(&world, other), others_before, "a call touches one function");
        witness.check_numbers(name, &before, &after)?;
        if let (Some((_, sent)), Some(current)) = (&guard, &current)
            && sent != current
        {
            let status = answer.as_ref().map_err(ModelError::status).err();
            prop_assert_eq!(status, Some(412), "a stale revision is always told so: {:?}", answer);
        }
        if answer.is_err() && !matches!(step, Step::Invoke { .. }) {
            prop_assert_eq!(&after, &before, "a refusal changes nothing: {:?}", answer);
        }
        if let (Ok(shown), Step::Publish { .. }) = (&answer, step) {
            check_publish(&mut world, name, shown)?;
            witness.look(&world, name)?;
        }
    }
    Ok(())
}

/// What was published is what `$LATEST` shows, and the same publish again is answered with the same version and changes
/// nothing.
fn check_publish(world: &mut World, name: &'static str, shown: &Value) -> Result<(), TestCaseError> {
    let latest = json!(world.at().get_function(name, None).expect("it was published").configuration);
    for setting in ["CodeSha256", "Role", "MemorySize", "Timeout", "Architectures", "EphemeralStorage", "LoggingConfig"]
    {
        prop_assert_eq!(&shown[setting], &latest[setting], "{}", setting);
    }
    let before = see(world, name);
    let again = world.at().publish_version(PublishVersion { function_name: name.into(), ..publish() });
    prop_assert_eq!(again.as_ref().map(|again| json!(again)), Ok(shown.clone()));
    prop_assert_eq!(see(world, name), before);
    Ok(())
}

/// The model after being written and read goes on as the one that never was.
fn check_serialization(steps: &[(usize, Step)]) -> Result<(), TestCaseError> {
    let mut world = begun();
    let (mut stored, mut stored_now_ms) = (world.model.clone(), world.now_ms);
    let mut history = History::new();
    for (which, step) in steps {
        let name = NAMES[*which];
        see(&world, name).iter().for_each(|seen| remember(&mut history, name, seen));
        let text = serde_json::to_string(&stored).expect("the state serializes");
        stored = serde_json::from_str(&text).expect("the state reads back");
        let outside = take_outside(&mut world.model, &mut world.now_ms, step);
        take_outside(&mut stored, &mut stored_now_ms, step);
        if !outside {
            let (call, _) = call(step, name, &history);
            let answer = call(&mut world.model.at(&world.place, world.now_ms));
            prop_assert_eq!(call(&mut stored.at(&world.place, stored_now_ms)), answer);
        }
        prop_assert_eq!(&stored, &world.model);
    }
    Ok(())
}

/// A model that is looked at every few milliseconds shows in the end what one shows that nobody looked at.
fn check_laziness(steps: &[(usize, Step)]) -> Result<(), TestCaseError> {
    let (mut quiet, mut busy) = (begun(), begun());
    for (which, step) in steps {
        let name = NAMES[*which];
        if let Step::Pass { ms } = step {
            quiet.now_ms += ms;
            // Whole tenths and the rest, with a look at everything after each.
            for part in [ms / 10; 10].into_iter().chain([ms % 10]) {
                busy.now_ms += part;
                look_at_all(&mut busy);
            }
            continue;
        }
        if !take_outside(&mut quiet.model, &mut quiet.now_ms, step) {
            // Without tokens: what they would be must not be looked up in the quiet world.
            let (call, _) = call(step, name, &History::new());
            let answer = call(&mut quiet.model.at(&quiet.place, quiet.now_ms));
            prop_assert_eq!(call(&mut busy.model.at(&busy.place, busy.now_ms)), answer);
        } else {
            take_outside(&mut busy.model, &mut busy.now_ms, step);
        }
    }
    for name in NAMES {
        prop_assert_eq!(see(&busy, name), see(&quiet, name));
    }
    Ok(())
}

fn look_at_all(world: &mut World) {
    for name in NAMES {
        let request = ListRequest { function_name: name.into(), ..ListRequest::default() };
        let _ = world.at().get_function(name, None);
        let _ = world.at().list_versions(&request);
        let _ = world.at().list_aliases(&request);
    }
}

/// As many cases as PROPTEST_CASES says; without it, as many as fit into a test run that people wait for.
fn bounded() -> ProptestConfig {
    let config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: 64, ..config } }
}

proptest! {
    #![proptest_config(bounded())]

    #[test]
    fn every_sequence_of_calls_keeps_the_invariants(steps in steps()) {
        check_invariants(&steps)?;
    }

    #[test]
    fn a_model_that_was_stored_and_read_goes_on_as_before(steps in steps()) {
        check_serialization(&steps)?;
    }

    #[test]
    fn looking_changes_nothing(steps in steps()) {
        check_laziness(&steps)?;
    }
}
