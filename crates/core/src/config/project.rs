//! What callers ask a project: its environments in order, names, settings, gates, hashes, and what a pushed ref concerns.

use std::collections::BTreeMap;

use serde::Serialize;

use super::model::{
    AppConfig, AppliedFirst, ComponentConfig, Environment, MatchedBy, Project, RefKind, Settings, Trigger, Triggered,
};
use super::pattern::matches_ref;
use crate::gate::Gate;
use crate::id::{App, Component, Digest, Env};

impl Project {
    /// The environment of this name.
    pub fn env(&self, name: &Env) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// The app of this name.
    pub fn app(&self, name: &App) -> Option<&AppConfig> {
        self.apps.iter().find(|app| app.name == *name)
    }

    /// The component of this name and its app.
    pub fn component(&self, name: &Component) -> Option<(&AppConfig, &ComponentConfig)> {
        self.apps.iter().find_map(|app| Some((app, app.components.iter().find(|c| c.name == *name)?)))
    }

    /// The function's name in this environment; `None` where one of the two is unknown.
    pub fn component_name(&self, env: &Env, component: &Component) -> Option<&str> {
        self.component(component)?.1.names.get(env).map(String::as_str)
    }

    /// The function's settings in this environment; `None` where one of the two is unknown.
    pub fn settings(&self, env: &Env, component: &Component) -> Option<&Settings> {
        self.component(component)?.1.settings.get(env)
    }

    /// The gates of this app in this environment, in the order in which they run; empty where one of the two is unknown.
    pub fn gates(&self, env: &Env, app: &App) -> &[Gate] {
        self.app(app).and_then(|app| app.gates.get(env)).map_or(&[], Vec::as_slice)
    }

    /// The environments that a push of this branch or tag (its bare name, without `refs/heads/`) concerns, in topological order.
    /// One that both its `on` and its `entry` match is there once, by `on`.
    pub fn environments_for(&self, kind: RefKind, name: &str) -> Vec<Triggered<'_>> {
        let matched = |environment: &Environment| {
            let on = match (&environment.on, kind) {
                (Some(Trigger::Branch(pattern)), RefKind::Branch) | (Some(Trigger::Tag(pattern)), RefKind::Tag) => {
                    matches_ref(pattern, name)
                }
                _ => false,
            };
            let entry = kind == RefKind::Branch
                && environment.entry_branch.as_ref().is_some_and(|pattern| matches_ref(pattern, name));
            match (on, entry) {
                (true, _) => Some(MatchedBy::On),
                (false, true) => Some(MatchedBy::Entry),
                (false, false) => None,
            }
        };
        self.environments
            .iter()
            .filter_map(|environment| Some(Triggered { environment, by: matched(environment)? }))
            .collect()
    }

    /// The environments that deploy by themselves as soon as this one verified a release.
    pub fn cascades_from(&self, env: &Env) -> impl Iterator<Item = &Environment> {
        self.environments.iter().filter(move |e| matches!(&e.on, Some(Trigger::Verified(verified)) if verified == env))
    }

    /// What the place of the policy means for whoever relies on it, as a full sentence.
    pub fn policy_meaning(&self) -> String {
        match &self.policy {
            Some(policy) => format!("Gates, approvals and keys are read from `{policy}`, whatever is being deployed."),
            None => "Gates, approvals and keys are read from the commit that is being deployed: whoever can change that commit \
                     can change its gates."
                .to_owned(),
        }
    }

    /// The environments that come directly after this one.
    pub fn followers(&self, env: &Env) -> impl Iterator<Item = &Environment> {
        self.environments.iter().filter(move |follower| follower.after.contains(env))
    }

    /// Every environment that must have verified a release before it comes here, nearest last.
    pub fn upstream(&self, env: &Env) -> Vec<&Environment> {
        let mut wanted: Vec<&Env> = self.env(env).map(|e| e.after.iter().collect()).unwrap_or_default();
        let mut found = Vec::new();
        // The order is topological, so that one walk backwards meets every environment after all that need it.
        for environment in self.environments.iter().rev() {
            if wanted.contains(&&environment.name) {
                wanted.extend(&environment.after);
                found.push(environment);
            }
        }
        found.reverse();
        found
    }

    /// The hash of what the policy commit decides: keys; per environment `after`, approvals, approvers, freezes, rollback, way
    /// back, entry branch and the `url` that gates call; per app its gates.
    pub fn policy_hash(&self) -> Digest {
        let environments: Vec<_> = self
            .environments
            .iter()
            .map(|e| {
                let people = (e.approvals, &e.approvers, &e.freezes);
                (&e.name, &e.after, &e.entry_branch, &e.url, people, e.rollback, e.way_back)
            })
            .collect();
        let gates: BTreeMap<_, _> = self.apps.iter().map(|app| (&app.name, &app.gates)).collect();
        // Hashes from before there was this word must not change by themselves.
        match self.terraform.as_ref().map(|terraform| terraform.applied_first) {
            Some(AppliedFirst::Optional) => {
                canonical_hash(&("tiers-policy-1", &self.keys, environments, gates, "applied-first optional"))
            }
            _ => canonical_hash(&("tiers-policy-1", &self.keys, environments, gates)),
        }
    }

    /// The hash of the definitions of this app's gates in this environment: what evidence carries.
    pub fn gates_hash(&self, env: &Env, app: &App) -> Digest {
        canonical_hash(&("tiers-gates-1", self.gates(env, app)))
    }
}

/// Over JSON with sorted keys and no blanks, so that the same content has the same bytes whatever features `serde_json` has.
fn canonical_hash(content: &impl Serialize) -> Digest {
    let value = serde_json::to_value(content).expect("string keys and finite numbers only");
    let mut text = String::new();
    write_canonical(&value, &mut text);
    Digest::of(text.as_bytes())
}

fn write_canonical(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            for (index, (key, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
    }
}
