//! Settings of functions, with values from Terraform's variable files filled in and held to what the services take.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::limits::{self, Limit};
use super::super::model::Settings;
use super::super::spanned::{Either, Spanned};
use super::super::typed::{self, FromTfvar, Setting, Variables};
use super::Resolver;
use crate::problem::Code;

/// The names of environments that take a setting from their variables file.
pub(super) fn environments_with_tfvars(file: &typed::File) -> BTreeSet<String> {
    fn any(settings: &[&Setting], variables: &Variables) -> bool {
        settings.iter().any(|setting| setting.as_ref().is_some_and(|value| matches!(**value, Either::Long(_))))
            || variables.values().any(|value| matches!(**value, Either::Long(_)))
    }
    let mut found = BTreeSet::new();
    for (name, e) in file.environments.iter().flat_map(|table| table.iter()) {
        let settings = [&e.memory_mb, &e.timeout_s, &e.log_retention_days, &e.concurrency, &e.rate_limit, &e.burst];
        if any(&settings, &e.variables) {
            found.insert((**name).clone());
        }
    }
    for app in file.apps.values() {
        let Some(Either::Long(components)) = app.components.as_deref() else { continue };
        for (name, o) in components.values().flat_map(|component| component.r#in.iter()) {
            if any(&[&o.memory_mb, &o.timeout_s, &o.log_retention_days, &o.concurrency], &o.variables) {
                found.insert((**name).clone());
            }
        }
    }
    found
}

/// Where settings come from: an environment's own or a component's in it.
pub(super) struct Typed<'t> {
    pub memory_mb: &'t Setting,
    pub timeout_s: &'t Setting,
    pub log_retention_days: &'t Setting,
    pub concurrency: &'t Setting,
    pub variables: &'t Variables,
}

impl<'t> Typed<'t> {
    pub(super) fn environment(e: &'t typed::Environment) -> Typed<'t> {
        Typed {
            memory_mb: &e.memory_mb,
            timeout_s: &e.timeout_s,
            log_retention_days: &e.log_retention_days,
            concurrency: &e.concurrency,
            variables: &e.variables,
        }
    }

    pub(super) fn component(o: &'t typed::Overrides) -> Typed<'t> {
        Typed {
            memory_mb: &o.memory_mb,
            timeout_s: &o.timeout_s,
            log_retention_days: &o.log_retention_days,
            concurrency: &o.concurrency,
            variables: &o.variables,
        }
    }
}

/// What holds where nobody says anything: Lambda's own defaults.
pub(super) fn defaults() -> Settings {
    Settings {
        memory_mb: limits::DEFAULT_MEMORY_MB as u32,
        timeout_s: limits::DEFAULT_TIMEOUT_S as u32,
        log_retention_days: None,
        concurrency: None,
        variables: BTreeMap::new(),
    }
}

impl Resolver<'_, '_, '_> {
    /// `base` with what is typed on top of it.
    pub(super) fn settings(&mut self, env: &str, base: &Settings, typed: &Typed<'_>) -> Settings {
        let retention = self.number(env, "log_retention_days", typed.log_retention_days);
        let log_retention_days = retention.and_then(|(days, span)| self.retention(days, span));
        let mut variables = base.variables.clone();
        for (name, value) in typed.variables.iter() {
            self.variable_name(name);
            if let Some(value) = self.variable(env, name, value) {
                variables.insert((**name).clone(), value);
            }
        }
        let settings = Settings {
            memory_mb: self.limited(env, "memory_mb", typed.memory_mb, &limits::MEMORY_MB).unwrap_or(base.memory_mb),
            timeout_s: self.limited(env, "timeout_s", typed.timeout_s, &limits::TIMEOUT_S).unwrap_or(base.timeout_s),
            log_retention_days: log_retention_days.or(base.log_retention_days),
            concurrency: self.limited(env, "concurrency", typed.concurrency, &limits::CONCURRENCY).or(base.concurrency),
            variables,
        };
        let bytes: usize = settings.variables.iter().map(|(name, value)| name.len() + value.len()).sum();
        if let Some(first) = typed.variables.names().next()
            && bytes > limits::VARIABLES_MAX_BYTES
        {
            let message = format!("the variables in `{env}` have {bytes} bytes together, and Lambda takes 4096");
            self.add(Code::BadValue, first.span(), message)
                .meaning("Lambda would refuse the function.")
                .hint("Keep large values in a file of the image or in a parameter store.");
        }
        settings
    }

    /// A whole number within what the service takes.
    pub(super) fn limited(&mut self, env: &str, key: &str, setting: &Setting, limit: &Limit) -> Option<u32> {
        let (number, span) = self.number(env, key, setting)?;
        match u32::try_from(number) {
            Ok(good) if (limit.min..=limit.max).contains(&number) => Some(good),
            _ => {
                let (side, end) = if number < limit.min { ("least", limit.min) } else { ("most", limit.max) };
                self.add(Code::BadValue, span, format!("`{key}` is {number}, and must be at {side} {end}"))
                    .meaning(format!("{} would refuse it.", limit.source))
                    .hint(format!("Choose a value from {} to {}.", limit.min, limit.max));
                None
            }
        }
    }

    fn number(&mut self, env: &str, key: &str, setting: &Setting) -> Option<(i64, Range<usize>)> {
        let setting = setting.as_ref()?;
        match &**setting {
            Either::Short(number) => Some((*number, setting.span())),
            Either::Long(from) => {
                let text = self.tfvar(env, from)?;
                match text.trim().parse() {
                    Ok(number) => Some((number, setting.span())),
                    Err(_) => {
                        let message = format!(
                            "`{key}` must be a whole number, and in `{env}` the variable is `{}`",
                            text.escape_debug()
                        );
                        self.add(Code::NoTfvar, setting.span(), message)
                            .hint("Change the value in the variables file, or write a number here.");
                        None
                    }
                }
            }
        }
    }

    fn variable(&mut self, env: &str, name: &str, value: &Spanned<Either<String, FromTfvar>>) -> Option<String> {
        let text = match &**value {
            Either::Short(text) => text.clone(),
            Either::Long(from) => self.tfvar(env, from)?,
        };
        if text.contains('\0') {
            self.add(Code::BadValue, value.span(), format!("`{name}` holds a NUL character")).hint("Leave it away.");
            return None;
        }
        Some(text)
    }

    /// The value of a Terraform variable in an environment.
    fn tfvar(&mut self, env: &str, from: &FromTfvar) -> Option<String> {
        let name = from.tfvar.as_ref()?;
        match self.facts.tfvars.get(env).map(|values| values.get(name.as_str())) {
            Some(Some(value)) => Some(value.clone()),
            Some(None) => {
                let message = format!("the variables file of `{env}` does not set `{}`", name.as_str());
                let known = self.facts.tfvars.get(env).into_iter().flat_map(|values| values.keys()).map(String::as_str);
                let hint = match super::super::suggest::nearest(name, known) {
                    Some(meant) => format!("Did you mean `{meant}`?"),
                    None => "Set it there, or write the value here.".to_owned(),
                };
                self.add(Code::NoTfvar, name.span(), message).hint(hint);
                None
            }
            None => {
                self.add(Code::NoTfvar, name.span(), format!("the variables file of `{env}` was not read")).hint(
                    "Name it with `var_file` in `[terraform]` and see that the file exists, or write the value here.",
                );
                None
            }
        }
    }

    fn retention(&mut self, days: i64, span: Range<usize>) -> Option<u32> {
        if limits::LOG_RETENTION_DAYS.contains(&days) {
            return u32::try_from(days).ok();
        }
        let below = limits::LOG_RETENTION_DAYS.iter().copied().filter(|known| *known < days).max();
        let above = limits::LOG_RETENTION_DAYS.iter().copied().find(|known| *known > days);
        let nearest = match (below, above) {
            (Some(below), Some(above)) => format!("Nearest are {below} and {above}."),
            (Some(one), None) | (None, Some(one)) => format!("Nearest is {one}."),
            (None, None) => String::new(),
        };
        self.add(Code::BadValue, span, format!("CloudWatch can't keep logs for {days} days"))
            .meaning("CloudWatch takes certain values only, and would refuse this one.")
            .hint(nearest);
        None
    }

    fn variable_name(&mut self, name: &Spanned<String>) {
        let well_formed = name.len() > 1
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if limits::RESERVED_VARIABLES.contains(&name.as_str()) {
            self.add(Code::ReservedName, name.span(), format!("Lambda sets `{}` itself", name.as_str()))
                .meaning("Lambda would refuse the function.")
                .hint("Choose another name.");
        } else if !well_formed {
            self.add(Code::BadName, name.span(), format!("`{}` can't be the name of a variable", name.escape_debug()))
                .meaning("Lambda would refuse the function.")
                .hint("A variable has at least two letters, digits and underscores, and begins with a letter.");
        }
    }
}
