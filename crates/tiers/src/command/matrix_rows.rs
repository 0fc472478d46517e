//! The rows that tiers.toml adds to the table of differences: gates, what governs an environment, settings of functions, and
//! where secrets come from.

use std::collections::BTreeSet;

use tiers_check::{ExtraRow, Group, Location};
use tiers_core::config::{Environment, Project, Secrets, Settings, Shift, Trigger, locate};
use tiers_core::id::{App, Component};
use tiers_core::problem;

use crate::context::FILE;

/// Rows in the order of the file's parts. A row that is the same everywhere is there too: whoever prints the table leaves it out.
pub fn rows(project: &Project, text: &str) -> Vec<ExtraRow> {
    let rows = Rows { project, text };
    let mut out = Vec::new();
    rows.governing(&mut out);
    for app in &project.apps {
        rows.gates(&app.name, &mut out);
    }
    rows.settings(&mut out);
    out.push(rows.of_environments(Group::Secret, "secrets", "secrets", |environment| {
        environment.secrets.as_ref().map(|Secrets::Doppler { project, config }| format!("doppler {project}/{config}"))
    }));
    out
}

/// Where tiers.toml says a setting of one component: in its own table, or in its environment's. `None` for a default.
pub fn setting_place(project: &Project, text: &str, environment: &str, component: &str, key: &str) -> Option<Location> {
    Rows { project, text }.setting_place(environment, component, key)
}

/// What an environment says of one key; `None` where it says nothing.
type Told = fn(&Environment) -> Option<String>;

struct Rows<'p> {
    project: &'p Project,
    text: &'p str,
}

impl Rows<'_> {
    fn place(&self, path: &[&str]) -> Option<Location> {
        let bytes = locate(self.text, path)?;
        let start = problem::Place::of(self.text, bytes.clone());
        let end = problem::Place::of(self.text, bytes.end..bytes.end);
        Some(Location {
            path: FILE.to_owned(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            bytes: (bytes.start, bytes.end),
        })
    }

    /// A row with the same key in each environment's table.
    fn of_environments(
        &self,
        group: Group,
        name: &str,
        key: &str,
        value: impl Fn(&Environment) -> Option<String>,
    ) -> ExtraRow {
        let cells = self.project.environments.iter().filter_map(|environment| {
            let place = self.place(&["environments", environment.name.as_str(), key]);
            Some((environment.name.to_string(), value(environment)?, place))
        });
        ExtraRow { group, name: name.to_owned(), cells: cells.collect() }
    }

    fn governing(&self, out: &mut Vec<ExtraRow>) {
        let words: [(&str, Told); 7] = [
            ("on", |environment| environment.on.as_ref().map(trigger)),
            ("rollback", |environment| word(&environment.rollback)),
            ("way_back", |environment| word(&environment.way_back)),
            ("approvals", |environment| Some(environment.approvals.to_string())),
            ("shift", |environment| Some(shift(&environment.shift))),
            ("rate_limit", |environment| environment.rate_limit.map(|limit| limit.to_string())),
            ("freezes", |environment| match environment.freezes.len() {
                0 => None,
                count => Some(count.to_string()),
            }),
        ];
        for (key, value) in words {
            out.push(self.of_environments(Group::Setting, key, key, value));
        }
    }

    fn gates(&self, app: &App, out: &mut Vec<ExtraRow>) {
        let all = self.project.environments.iter().flat_map(|environment| self.project.gates(&environment.name, app));
        let mut names: Vec<&str> = Vec::new();
        for gate in all {
            if !names.contains(&gate.name.as_str()) {
                names.push(&gate.name);
            }
        }
        for name in names {
            let cells = self.project.environments.iter().filter_map(|environment| {
                let gates = self.project.gates(&environment.name, app);
                let gate = gates.iter().find(|gate| gate.name == name)?;
                let value = format!("{} at {}", word(&gate.effect)?, word(&gate.at)?);
                let place = self.place(&["apps", app.as_str(), "gates", name]);
                Some((environment.name.to_string(), value, place))
            });
            out.push(ExtraRow { group: Group::Gate, name: format!("{app} {name}"), cells: cells.collect() });
        }
    }

    fn settings(&self, out: &mut Vec<ExtraRow>) {
        let components: Vec<&Component> =
            self.project.apps.iter().flat_map(|app| &app.components).map(|component| &component.name).collect();
        let variables: BTreeSet<&str> = components
            .iter()
            .flat_map(|component| self.project.environments.iter().map(move |environment| (environment, component)))
            .filter_map(|(environment, component)| self.project.settings(&environment.name, component))
            .flat_map(|settings| settings.variables.keys().map(String::as_str))
            .collect();
        let optional = |value: Option<u32>| value.map(|value| value.to_string());
        self.setting("memory_mb", &components, |settings| Some(settings.memory_mb.to_string()), out);
        self.setting("timeout_s", &components, |settings| Some(settings.timeout_s.to_string()), out);
        self.setting("log_retention_days", &components, |settings| optional(settings.log_retention_days), out);
        self.setting("concurrency", &components, |settings| optional(settings.concurrency), out);
        for name in variables {
            let value = |settings: &Settings| settings.variables.get(name).cloned();
            self.setting(&format!("variables.{name}"), &components, value, out);
        }
    }

    /// One row where all components agree, else one for each.
    fn setting(
        &self,
        key: &str,
        components: &[&Component],
        value: impl Fn(&Settings) -> Option<String>,
        out: &mut Vec<ExtraRow>,
    ) {
        let of = |component: &Component| -> Vec<Option<String>> {
            let environments = self.project.environments.iter();
            environments
                .map(|environment| self.project.settings(&environment.name, component).and_then(&value))
                .collect()
        };
        let Some((first, others)) = components.split_first() else { return };
        let agree = others.iter().all(|component| of(component) == of(first));
        for component in if agree { &components[..1] } else { components } {
            let cells = self.project.environments.iter().zip(of(component)).filter_map(|(environment, value)| {
                let place = self.setting_place(environment.name.as_str(), component.as_str(), key);
                Some((environment.name.to_string(), value?, place))
            });
            let name = if agree { key.to_owned() } else { format!("{component} {key}") };
            out.push(ExtraRow { group: Group::Setting, name, cells: cells.collect() });
        }
    }

    /// The component's own line, or its environment's.
    fn setting_place(&self, environment: &str, component: &str, key: &str) -> Option<Location> {
        let key: Vec<&str> = key.splitn(2, '.').collect();
        let apps = self.project.apps.iter().map(|app| app.name.as_str());
        let own = apps.filter_map(|app| {
            let inner = [&["apps", app, "components", component, "in", environment][..], key.as_slice()].concat();
            let every = [&["apps", app, "components", component][..], key.as_slice()].concat();
            self.place(&inner).or_else(|| self.place(&every))
        });
        let environment = [&["environments", environment][..], key.as_slice()].concat();
        own.into_iter().next().or_else(|| self.place(&environment))
    }
}

fn trigger(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Branch(pattern) => format!("branch {pattern}"),
        Trigger::Tag(pattern) => format!("tag {pattern}"),
        Trigger::Verified(environment) => format!("verified in {environment}"),
    }
}

fn shift(shift: &Shift) -> String {
    match shift {
        Shift::AllAtOnce => "all at once".to_owned(),
        Shift::Canary { percent, bake_s, .. } => format!("canary {percent}% for {bake_s} s"),
        Shift::Linear { percent, every_s, .. } => format!("linear {percent}% every {every_s} s"),
    }
}

/// An enum by the word that tiers.toml has for it.
fn word(value: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
