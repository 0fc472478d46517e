//! What is live of functions beside what is declared: the second half of `tiers diff`. Only names of environment variables are
//! looked at, never their values.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Serialize;
use tiers_check::{DeclaredFunction, FunctionSetting, Location, declared_functions};
use tiers_core::config::{AppConfig, ComponentConfig, Environment};
use tiers_core::id::{App, Component, Env, Version};
use tiers_engine::driver::Session;
use tiers_engine::lambda_target::LambdaTarget;
use tiers_engine::ledger::Ledger;
use tiers_engine::port::target::{Target as _, TargetError};
use tiers_lambda::api::{Alias, Function, Qualifier};

use crate::command::checking::Checking;
use crate::command::matrix_rows;
use crate::context::Context;
use crate::fault::Fault;
use crate::local::{ALIAS, EPHEMERAL_MB};
use crate::place;

/// `tiers.live/1`.
#[derive(Debug, Serialize)]
pub struct Live {
    /// Everything that is live is as it was declared or recorded.
    pub good: bool,
    pub environments: Vec<Env>,
    pub components: Vec<Compared>,
}

/// One component in the environments that were asked for, in their order.
#[derive(Debug, Serialize)]
pub struct Compared {
    pub app: App,
    pub component: Component,
    pub functions: Vec<Seen>,
    pub settings: Vec<Setting>,
}

/// A function as it was looked at.
#[derive(Debug, Serialize)]
pub struct Seen {
    pub environment: Env,
    pub function: String,
    /// What the alias points at; `None` where there is a problem.
    pub version: Option<Version>,
    /// Versions that get a share of the calls besides, in parts of 1: a canary.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    pub problem: Option<String>,
}

/// One setting, or the digest, in each environment.
#[derive(Debug, Serialize)]
pub struct Setting {
    pub name: &'static str,
    pub cells: Vec<Cell>,
    /// Two environments have other values live.
    pub differs: bool,
}

/// One value.
#[derive(Debug, Default, Serialize)]
pub struct Cell {
    /// Of the version that serves; `None` where there is a problem.
    pub live: Option<String>,
    /// Of `$LATEST`: what the next deployment publishes.
    pub latest: Option<String>,
    /// `None`: nothing declares it, or it is not known before Terraform runs.
    pub declared: Option<String>,
    /// Where it is declared; `None` for a default and for what the ledger records.
    pub origin: Option<Location>,
    /// What is not as it should be, and what to do; empty for most.
    pub remark: String,
}

/// What is declared of one function: a value and where it is written, by setting.
type Declarations = BTreeMap<FunctionSetting, (Option<String>, Option<Location>)>;

/// Every setting with its name in tiers.toml, or the service's.
pub const SETTINGS: [(FunctionSetting, &str); 7] = [
    (FunctionSetting::Memory, "memory_mb"),
    (FunctionSetting::Timeout, "timeout_s"),
    (FunctionSetting::Architecture, "architecture"),
    (FunctionSetting::Concurrency, "concurrency"),
    (FunctionSetting::Ephemeral, "ephemeral_mb"),
    (FunctionSetting::Command, "command"),
    (FunctionSetting::Variables, "variables"),
];

/// Looks at every component in these environments.
pub async fn compare(
    context: &Context,
    ledger: &Ledger,
    checking: &Checking,
    environments: &[&Environment],
) -> Result<Live, Fault> {
    let by_terraform = declared_functions(&checking.files.tree, &checking.options);
    let toml = std::fs::read_to_string(context.root.join(crate::context::FILE)).unwrap_or_default();
    let mut targets = Vec::new();
    for environment in environments {
        targets.push(target(context, ledger, environment).await?);
    }
    let mut components = Vec::new();
    for app in &context.project.apps {
        for component in &app.components {
            let mut functions = Vec::new();
            let mut columns = Vec::new();
            for (environment, target) in environments.iter().zip(&targets) {
                let declared = declared(context, &toml, &by_terraform, environment, app, component);
                let (seen, column) = look(context, ledger, target, environment, (app, component), &declared).await?;
                functions.push(seen);
                columns.push(column);
            }
            components.push(Compared {
                app: app.name.clone(),
                component: component.name.clone(),
                functions,
                settings: settings(columns, environments),
            });
        }
    }
    let good = components.iter().all(|one| {
        one.functions.iter().all(|seen| seen.problem.is_none())
            && one.settings.iter().flat_map(|setting| &setting.cells).all(|cell| cell.remark.is_empty())
    });
    let environments = environments.iter().map(|environment| environment.name.clone()).collect();
    Ok(Live { good, environments, components })
}

/// The place of an environment, in the account that was declared.
async fn target(context: &Context, ledger: &Ledger, environment: &Environment) -> Result<LambdaTarget, Fault> {
    let reached = place::reach(context, environment, ledger).await?;
    let target = LambdaTarget::new(reached.api, Rc::clone(&context.clock));
    let here = target.whereabouts().await.map_err(|error| Fault::errored(error.to_string()))?;
    match &reached.place.account {
        Some(account) if *account != here.account => Err(Fault::refused(format!(
            "wrong account: {} is declared in {account}, and the caller is in {}",
            environment.name, here.account
        ))
        .hint("Take the credentials of that account, or correct `account` in tiers.toml.")),
        _ => Ok(target),
    }
}

/// Terraform's word in an account; tiers.toml's on the local host, which is furnished from it, and where Terraform names no
/// function like that.
fn declared(
    context: &Context,
    toml: &str,
    by_terraform: &[DeclaredFunction],
    environment: &Environment,
    app: &AppConfig,
    component: &ComponentConfig,
) -> Declarations {
    let name = component.names.get(&environment.name);
    let function = by_terraform.iter().find(|function| Some(&function.name) == name);
    if let Some(function) = function.filter(|_| !environment.is_local()) {
        let settings = function.settings.iter();
        let told = settings.map(|(setting, declared)| {
            let origin = (!declared.is_default).then(|| declared.at.clone());
            (*setting, (declared.value.clone(), origin))
        });
        return told.collect();
    }
    let Some(settings) = component.settings.get(&environment.name) else { return Declarations::new() };
    let variables: Vec<&str> = settings.variables.keys().map(String::as_str).collect();
    let place = |key: &str| {
        matrix_rows::setting_place(&context.project, toml, environment.name.as_str(), component.name.as_str(), key)
    };
    let told = [
        (FunctionSetting::Memory, settings.memory_mb.to_string(), "memory_mb"),
        (FunctionSetting::Timeout, settings.timeout_s.to_string(), "timeout_s"),
        (FunctionSetting::Concurrency, settings.concurrency.map(|n| n.to_string()).unwrap_or_default(), "concurrency"),
        (FunctionSetting::Architecture, app.image.architecture().as_str().to_owned(), "architecture"),
        (FunctionSetting::Command, component.command.join(" "), "command"),
        (FunctionSetting::Variables, variables.join(" "), "variables"),
        (FunctionSetting::Ephemeral, EPHEMERAL_MB.to_string(), "ephemeral_mb"),
    ];
    // In an account, what nobody wrote is nobody's word.
    let told = told.into_iter().map(|(setting, value, key)| (setting, (Some(value), place(key))));
    told.filter(|(_, (_, origin))| environment.is_local() || origin.is_some()).collect()
}

/// What one environment has of a component: its values, beginning with the digest.
type Column = Vec<(&'static str, Cell)>;

async fn look(
    context: &Context,
    ledger: &Ledger,
    target: &LambdaTarget,
    environment: &Environment,
    (app, component): (&AppConfig, &ComponentConfig),
    declared: &Declarations,
) -> Result<(Seen, Column), Fault> {
    let env = &environment.name;
    let function = component.names.get(env).cloned().unwrap_or_default();
    let mut seen = Seen { environment: env.clone(), function, version: None, weights: BTreeMap::new(), problem: None };
    let (alias, live, latest) = match forms(target, &seen.function).await {
        Ok(forms) => forms,
        Err(error @ (TargetError::Absent { .. } | TargetError::Unfit { .. })) => {
            seen.problem = Some(error.to_string());
            return Ok((seen, Column::new()));
        }
        Err(error) => return Err(Fault::errored(error.to_string())),
    };
    seen.version = Some(Version(alias.version));
    seen.weights = alias.weights;
    let state = Session::load(&place::desk(context, ledger), env, &app.name).await?.state;
    let recorded = state.serving.map(|serving| serving.release.digest.hex().to_owned());
    let remark = match &recorded {
        // While a canary is on, the alias still points at what was there before.
        Some(recorded) if *recorded != live.code_sha256 && seen.weights.is_empty() => {
            format!("the ledger records {}: `tiers verify {env}`", &recorded[..12])
        }
        _ => String::new(),
    };
    let digest = Cell {
        live: Some(live.code_sha256.clone()),
        latest: Some(latest.code_sha256.clone()),
        declared: recorded,
        origin: None,
        remark,
    };
    let mut column = vec![("digest", digest)];
    for (setting, name) in SETTINGS {
        let (declared, origin) = declared.get(&setting).cloned().unwrap_or_default();
        // A version freezes all but this, which belongs to the function.
        let of = if setting == FunctionSetting::Concurrency { &latest } else { &live };
        let (serves, next) = (value(setting, of), value(setting, &latest));
        let said = declared.as_deref().map(|value| (value, origin.as_ref()));
        let remark = remark_on(environment, setting, said, &next, &serves);
        column.push((name, Cell { live: Some(serves), latest: Some(next), declared, origin, remark }));
    }
    Ok((seen, column))
}

/// The version that users are served, itself, and `$LATEST`.
async fn forms(target: &LambdaTarget, function: &str) -> Result<(Alias, Function, Function), TargetError> {
    let latest = target.function(function, &Qualifier::Latest).await?;
    let alias = target.alias(function, ALIAS).await?;
    let live = target.function(function, &Qualifier::Version(alias.version.clone())).await?;
    Ok((alias, live, latest))
}

fn value(setting: FunctionSetting, function: &Function) -> String {
    let settings = &function.settings;
    match setting {
        FunctionSetting::Memory => settings.memory_mb.to_string(),
        FunctionSetting::Timeout => settings.timeout_s.to_string(),
        FunctionSetting::Architecture => settings.architecture.clone(),
        FunctionSetting::Concurrency => function.reserved_concurrency.map(|n| n.to_string()).unwrap_or_default(),
        FunctionSetting::Ephemeral => settings.ephemeral_mb.to_string(),
        FunctionSetting::Command => settings.command.join(" "),
        FunctionSetting::Variables => settings.environment.keys().map(String::as_str).collect::<Vec<_>>().join(" "),
    }
}

/// What is not as it should be with one value, and the command that changes that.
fn remark_on(
    environment: &Environment,
    setting: FunctionSetting,
    declared: Option<(&str, Option<&Location>)>,
    latest: &str,
    live: &str,
) -> String {
    let env = &environment.name;
    if let Some((declared, origin)) = declared.filter(|(declared, _)| *declared != latest) {
        let apply = match environment.is_local() {
            true => "`tiers local up` sets it".to_owned(),
            false => format!("`tiers tf apply {env}`"),
        };
        let what = match setting {
            FunctionSetting::Variables => names(declared, latest, ["declared and not there", "there and not declared"]),
            _ => format!("declared {}", shown(declared)),
        };
        let place = origin.map(|at| format!(" ({}:{})", at.path, at.line)).unwrap_or_default();
        return format!("{what}{place}: not applied, {apply}");
    }
    if latest == live {
        return String::new();
    }
    let what = match setting {
        FunctionSetting::Variables => names(latest, live, ["only in $LATEST", "only in the version that serves"]),
        _ => format!("$LATEST has {}", shown(latest)),
    };
    format!("{what}: not published, `tiers deploy {env} --config-only`")
}

/// `declared and not there: TABLE; there and not declared: DEBUG`.
fn names(first: &str, second: &str, says: [&str; 2]) -> String {
    let set = |text: &str| text.split_whitespace().map(str::to_owned).collect::<BTreeSet<String>>();
    let (first, second) = (set(first), set(second));
    let parts = [(&first - &second, says[0]), (&second - &first, says[1])];
    let parts = parts.iter().filter(|(names, _)| !names.is_empty());
    let parts = parts.map(|(names, says)| format!("{says}: {}", names.iter().cloned().collect::<Vec<_>>().join(", ")));
    parts.collect::<Vec<_>>().join("; ")
}

/// A value as people read it.
pub fn shown(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

/// Columns become rows.
fn settings(columns: Vec<Column>, environments: &[&Environment]) -> Vec<Setting> {
    let names = std::iter::once("digest").chain(SETTINGS.iter().map(|(_, name)| *name));
    let mut columns: Vec<BTreeMap<&str, Cell>> =
        columns.into_iter().map(|column| column.into_iter().collect()).collect();
    let rows = names.map(|name| {
        let cells: Vec<Cell> = columns.iter_mut().map(|column| column.remove(name).unwrap_or_default()).collect();
        let neutral = cells.iter().zip(environments).filter_map(|(cell, environment)| {
            // A name of the environment itself is no difference.
            Some(cell.live.as_ref()?.replace(environment.name.as_str(), "{environment}"))
        });
        let differs = neutral.collect::<BTreeSet<String>>().len() > 1;
        Setting { name, cells, differs }
    });
    rows.collect()
}
