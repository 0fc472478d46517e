//! Gates, app by app, as they hold in each environment.

use std::collections::{BTreeMap, BTreeSet};

use super::super::limits;
use super::super::model::{AppConfig, Environment};
use super::super::spanned::{Either, OneOrMany, Spanned};
use super::super::typed;
use super::{Environments, Resolver};
use crate::gate::{At, Check, Effect, Expect, Gate, Request};
use crate::id::{Component, Env};
use crate::problem::Code;

/// The names of the gates that follow from an environment's own keys.
const APPROVALS: &str = "approvals";
const FREEZES: &str = "freezes";

impl Resolver<'_, '_, '_> {
    /// The gates of one app per environment, those of the environment itself first.
    pub(super) fn gates(
        &mut self,
        app: &typed::App,
        typed_environments: Environments<'_>,
        environments: &[Environment],
        apps: &[AppConfig],
    ) -> BTreeMap<Env, Vec<Gate>> {
        let mut gates: BTreeMap<Env, Vec<Gate>> =
            environments.iter().map(|environment| (environment.name.clone(), own_gates(environment))).collect();
        let mut names: BTreeMap<&str, &Spanned<String>> = BTreeMap::new();
        for typed in &app.gates {
            // A gate without a name was noted when the structure was checked.
            let name = typed.name.as_ref().map(|name| (**name).clone()).unwrap_or_default();
            if let Some(place) = &typed.name {
                self.gate_name(place, &mut names);
            }
            let places = self.places(typed, environments);
            // A place that is unknown is no reason not to look at the rest of the gate.
            let at = self.at(typed);
            let Some(check) =
                self.check(typed, at.unwrap_or(At::Live), &places, typed_environments, environments, apps)
            else {
                continue;
            };
            let effects = self.effects(typed, &places, environments);
            let (timeout_s, retries, retry_after_ms) = self.patience(typed, &check);
            let Some(at) = at else { continue };
            for env in places {
                let effect = effects.get(&env).copied().unwrap_or(Effect::Block);
                let gate =
                    Gate { name: name.clone(), at, effect, check: check.clone(), timeout_s, retries, retry_after_ms };
                gates.entry(env).or_default().push(gate);
            }
        }
        for list in gates.values_mut() {
            list.sort_by_key(|gate| gate.at);
        }
        gates
    }

    fn gate_name<'t>(&mut self, place: &'t Spanned<String>, names: &mut BTreeMap<&'t str, &'t Spanned<String>>) {
        if !self.name(place, "a gate") {
            return;
        }
        if matches!(place.as_str(), APPROVALS | FREEZES) {
            self.add(Code::ReservedName, place.span(), format!("a gate can't be called `{}`", place.as_str()))
                .meaning("The gate that follows from the environment's own key has this name.")
                .hint("Choose another name.");
        }
        if let Some(first) = names.insert(place.as_str(), place) {
            let text = self.notes.text();
            self.add(Code::Duplicate, place.span(), format!("there are two gates `{}`", place.as_str()))
                .meaning("The evidence of the one would be taken for that of the other.")
                .related(text, first.span(), "the first is here")
                .hint("Give one of them another name.");
        }
    }

    /// The environments in which the gate holds.
    fn places(&mut self, typed: &typed::Gate, environments: &[Environment]) -> Vec<Env> {
        let Some(list) = &typed.r#in else { return environments.iter().map(|e| e.name.clone()).collect() };
        if list.is_empty() {
            self.add(Code::BadValue, list.span(), "the gate holds in no environment")
                .meaning("It would never be checked.")
                .hint("Name an environment, or leave `in` away for all of them.");
        }
        let mut places = Vec::new();
        for name in list.iter() {
            match environments.iter().find(|environment| environment.name.as_str() == name.as_str()) {
                Some(environment) if !places.contains(&environment.name) => places.push(environment.name.clone()),
                Some(_) => {}
                None => self.unknown(name, name.span(), "environment", environments.iter().map(|e| e.name.as_str())),
            }
        }
        places
    }

    fn at(&mut self, typed: &Spanned<typed::Gate>) -> Option<At> {
        let asks_people = typed.approval.is_some() || typed.window.is_some();
        match &typed.at {
            None if asks_people => Some(At::Before),
            Some(at) if asks_people && **at != At::Before => {
                self.add(Code::BadValue, at.span(), "approvals and windows stand at `before`")
                    .meaning("Later, something would already have been changed, and the deployment would wait in the middle.")
                    .hint("Write `at = \"before\"`, or leave `at` away.");
                None
            }
            Some(at) if typed.invoke.is_some() && **at == At::Before => {
                self.add(Code::BadValue, at.span(), "a function can't be invoked before the new code is there")
                    .meaning("The gate would test the old release and prove nothing of the new one.")
                    .hint("Write `at = \"staged\"` or `at = \"published\"`.");
                None
            }
            Some(at) => Some(**at),
            None if self.lost(typed, &["at", "approval", "window", "alarms"]) || typed.alarms.is_some() => None,
            None => {
                self.add(Code::MissingKey, typed.span(), "it is not said where the gate stands")
                    .hint("Add `at = \"staged\"`, `\"published\"` or `\"live\"`.");
                None
            }
        }
    }

    fn check(
        &mut self,
        typed: &Spanned<typed::Gate>,
        at: At,
        places: &[Env],
        typed_environments: Environments<'_>,
        environments: &[Environment],
        apps: &[AppConfig],
    ) -> Option<Check> {
        if let Some(alarms) = &typed.alarms {
            self.add(Code::NotSupported, alarms.span(), "gates on alarms are not supported yet").hint(
                "Watch alarms while traffic moves: `shift = { canary = \"10%\", bake = \"5m\", alarms = [\"…\"] }`.",
            );
            return None;
        }
        match (&typed.invoke, &typed.http, &typed.command, &typed.approval, &typed.window) {
            (Some(invoke), None, None, None, None) => self.invoke(invoke, apps),
            (None, Some(http), None, None, None) => self.http(http, at, places, environments),
            (None, None, Some(command), None, None) => {
                let program = self.words(command);
                Some(Check::Command { program, output_limit_kb: limits::OUTPUT_LIMIT_KB })
            }
            (None, None, None, Some(count), None) => self.approval(count, places, typed_environments),
            (None, None, None, None, Some(window)) => {
                if window.is_empty() {
                    self.add(Code::BadValue, window.span(), "no time is named")
                        .meaning("The gate would always pass.")
                        .hint("Name a time, or remove the gate.");
                }
                Some(Check::Window { freezes: self.freezes(window) })
            }
            (None, None, None, None, None) if self.lost(typed, &[]) => None,
            (None, None, None, None, None) => {
                self.add(Code::ChooseOne, typed.span(), "it is not said what the gate checks")
                    .meaning("It would always pass.")
                    .hint("Add one of `invoke`, `http`, `command`, `approval` and `window`.");
                None
            }
            _ => {
                self.add(Code::ChooseOne, typed.span(), "the gate checks several things")
                    .hint("Keep one of `invoke`, `http`, `command`, `approval` and `window`, and write a gate for each other one.");
                None
            }
        }
    }

    fn invoke(&mut self, typed: &typed::Invoke, apps: &[AppConfig]) -> Option<Check> {
        let component = typed.component.as_ref()?;
        if !apps.iter().flat_map(|app| &app.components).any(|known| known.name.as_str() == component.as_str()) {
            let known = apps.iter().flat_map(|app| &app.components).map(|known| known.name.as_str());
            self.unknown(component, component.span(), "component", known);
        }
        if let Some(path) = typed.path.as_ref().filter(|path| !path.starts_with('/')) {
            self.add(Code::BadValue, path.span(), format!("`{}` is not a path", path.escape_debug()))
                .hint(format!("Begin it with a slash: `/{}`.", path.as_str()));
        }
        let request = Request {
            method: self.method(&typed.method),
            path: typed.path.as_ref().map(|path| (**path).clone()),
            headers: typed.headers.clone(),
            payload: typed.payload.clone(),
        };
        let expect = self.expect(typed.expect.as_ref());
        Some(Check::Invoke { component: Component((**component).clone()), request, expect })
    }

    fn http(
        &mut self,
        typed: &Spanned<Either<String, typed::Http>>,
        at: At,
        places: &[Env],
        environments: &[Environment],
    ) -> Option<Check> {
        let nothing = typed::Http::default();
        let (url, span, typed) = match &**typed {
            Either::Short(url) => (url.clone(), typed.span(), &nothing),
            Either::Long(http) => {
                let url = http.url.as_ref()?;
                ((**url).clone(), url.span(), http)
            }
        };
        let absolute =
            ["https://", "http://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
        let is_path = url.starts_with('/') && !url.starts_with("//");
        if (!absolute && !is_path) || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            self.add(Code::BadValue, span, format!("`{}` is neither a URL nor a path", url.escape_debug()))
                .hint("Write `https://…`, or a path below the environment's `url` that begins with a slash.");
            return None;
        }
        if is_path && matches!(at, At::Staged | At::Published) {
            let word = if at == At::Staged { "staged" } else { "published" };
            self.add(Code::BadValue, span.clone(), format!("at `{word}` the door still leads to the release before"))
                .meaning("The gate would test the old release and prove nothing of the new one.")
                .hint("Use `invoke` here, or `at = \"live\"`.");
        }
        let doorless: Vec<&str> = environments
            .iter()
            .filter(|environment| is_path && places.contains(&environment.name))
            .filter(|environment| environment.url.is_none() && !environment.is_local())
            .map(|environment| environment.name.as_str())
            .collect();
        if !doorless.is_empty() {
            let message = format!("there is no `url` in {} for this path", super::super::suggest::listed(doorless));
            self.add(Code::NoDoor, span, message)
                .hint("Add `url = \"https://…\"` to the environment, or say in `in` where the gate holds.");
        }
        let request = Request {
            method: self.method(&typed.method),
            path: None,
            headers: typed.headers.clone(),
            payload: typed.payload.clone(),
        };
        let expect = self.expect(typed.expect.as_ref());
        Some(Check::Http { url, request, expect })
    }

    /// The method in upper case; empty where none is named.
    fn method(&mut self, typed: &typed::Text) -> String {
        let Some(method) = typed else { return String::new() };
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            self.add(Code::BadValue, method.span(), format!("`{}` is not an HTTP method", method.escape_debug()))
                .hint("Write `GET`, `POST` or another one.");
        }
        method.to_ascii_uppercase()
    }

    fn expect(&mut self, typed: Option<&Spanned<Either<OneOrMany<i64>, typed::Expect>>>) -> Expect {
        let Some(typed) = typed else { return Expect::default() };
        match &**typed {
            Either::Short(codes) => Expect { status: self.status(codes, typed.span()), ..Expect::default() },
            Either::Long(table) => {
                for pointer in table.json.names().filter(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
                    self.add(
                        Code::BadValue,
                        pointer.span(),
                        format!("`{}` is not a JSON pointer", pointer.escape_debug()),
                    )
                    .hint(format!(
                        "Write it like `/{}`, with a slash before every step.",
                        pointer.replace('.', "/").escape_debug()
                    ));
                }
                Expect {
                    status: table.status.as_ref().map(|codes| self.status(codes, codes.span())).unwrap_or_default(),
                    headers: table.headers.clone(),
                    json: table.json.iter().map(|(pointer, value)| ((**pointer).clone(), value.clone())).collect(),
                }
            }
        }
    }

    fn status(&mut self, codes: &OneOrMany<i64>, span: std::ops::Range<usize>) -> Vec<u16> {
        let mut good = Vec::new();
        for code in codes.as_slice() {
            match u16::try_from(*code) {
                Ok(status) if (100..=599).contains(&status) => good.push(status),
                _ => {
                    self.add(Code::BadValue, span.clone(), format!("{code} is not an HTTP status"))
                        .meaning("No answer could have it, so the gate could never pass.")
                        .hint("Write a number from 100 to 599.");
                }
            }
        }
        good
    }

    fn approval(&mut self, count: &Spanned<i64>, places: &[Env], environments: Environments<'_>) -> Option<Check> {
        if !(1..=limits::APPROVALS_MAX).contains(&**count) {
            self.add(Code::BadValue, count.span(), format!("{} is not a number of approvals", **count))
                .hint(format!("Choose 1 to {}.", limits::APPROVALS_MAX));
            return None;
        }
        for (name, environment) in environments {
            let Some(list) = environment.approvers.as_ref().filter(|list| !list.is_empty()) else { continue };
            let people: BTreeSet<&str> = list.iter().map(|person| person.as_str()).collect();
            if places.iter().any(|place| place.as_str() == name.as_str()) && (people.len() as i64) < **count {
                let message = format!(
                    "{} approvals are needed, and {} people may approve in `{}`",
                    **count,
                    people.len(),
                    name.as_str()
                );
                self.add(Code::UnreachableApproval, count.span(), message)
                    .hint("Name more people, or ask for fewer approvals.");
            }
        }
        Some(Check::Approval { count: u32::try_from(**count).ok()?, approvers: Vec::new() })
    }

    fn effects(&mut self, typed: &typed::Gate, places: &[Env], environments: &[Environment]) -> BTreeMap<Env, Effect> {
        let Some(effect) = &typed.effect else { return BTreeMap::new() };
        match &**effect {
            Either::Short(effect) => places.iter().map(|env| (env.clone(), *effect)).collect(),
            Either::Long(table) => {
                let mut effects = BTreeMap::new();
                for (name, effect) in table.iter() {
                    let env = Env((**name).clone());
                    if places.contains(&env) {
                        effects.insert(env, *effect);
                    } else if environments.iter().any(|environment| environment.name == env) {
                        self.add(Code::UnknownReference, name.span(), format!("the gate does not hold in `{env}`"))
                            .meaning("The effect would never matter.")
                            .hint("Add the environment to `in`, or leave the effect away.");
                    } else {
                        self.unknown(name, name.span(), "environment", environments.iter().map(|e| e.name.as_str()));
                    }
                }
                effects
            }
        }
    }

    /// Timeout in seconds, retries, and milliseconds between them.
    fn patience(&mut self, typed: &typed::Gate, check: &Check) -> (u32, u32, u32) {
        let timeout = typed.timeout.as_ref().and_then(|text| {
            let seconds = self.duration_s(text)?;
            if seconds > limits::GATE_TIMEOUT_MAX_S {
                self.add(Code::BadValue, text.span(), format!("`{}` is longer than a week", text.as_str()))
                    .meaning("Such a deployment would be forgotten rather than waited for.")
                    .hint("Write at most `168h`.");
            }
            u32::try_from(seconds).ok()
        });
        let retries = typed.retries.as_ref().map_or(0, |retries| {
            if !(0..=limits::RETRIES_MAX).contains(&**retries) {
                self.add(Code::BadValue, retries.span(), format!("{} is not a number of retries", **retries))
                    .hint(format!("Choose 0 to {}.", limits::RETRIES_MAX));
            }
            u32::try_from(**retries).unwrap_or(0)
        });
        let retry_after = typed.retry_after.as_ref().and_then(|text| u32::try_from(self.duration_ms(text)?).ok());
        let default = match check {
            Check::Command { .. } => limits::COMMAND_TIMEOUT_S,
            Check::Approval { .. } => limits::APPROVAL_TIMEOUT_S,
            Check::Invoke { .. } | Check::Http { .. } | Check::Window { .. } => limits::CALL_TIMEOUT_S,
        };
        (timeout.unwrap_or(default), retries, retry_after.unwrap_or(limits::DEFAULT_RETRY_AFTER_MS))
    }
}

/// The gates that follow from an environment's own keys.
fn own_gates(environment: &Environment) -> Vec<Gate> {
    let before = |name: &str, check: Check, timeout_s: u32| Gate {
        name: name.to_owned(),
        at: At::Before,
        effect: Effect::Block,
        check,
        timeout_s,
        retries: 0,
        retry_after_ms: limits::DEFAULT_RETRY_AFTER_MS,
    };
    let mut gates = Vec::new();
    if !environment.freezes.is_empty() {
        let check = Check::Window { freezes: environment.freezes.clone() };
        gates.push(before(FREEZES, check, limits::CALL_TIMEOUT_S));
    }
    if environment.approvals > 0 {
        let check = Check::Approval { count: environment.approvals, approvers: environment.approvers.clone() };
        gates.push(before(APPROVALS, check, limits::APPROVAL_TIMEOUT_S));
    }
    gates
}
