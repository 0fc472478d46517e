//! How traffic moves, and whether weights on several components would mix releases.

use super::super::limits;
use super::super::model::{AppConfig, Environment, Place, Shift};
use super::super::spanned::{Either, Spanned};
use super::super::typed::{self, AllAtOnce};
use super::{Environments, Resolver};
use crate::id::Component;
use crate::problem::Code;

type TypedShift = Spanned<Either<AllAtOnce, typed::Shift>>;

impl Resolver<'_, '_, '_> {
    pub(super) fn shift(&mut self, typed: Option<&TypedShift>, place: &Place) -> Shift {
        let Some(whole) = typed else { return Shift::AllAtOnce };
        let Either::Long(typed) = &**whole else { return Shift::AllAtOnce };
        let alarms: Vec<String> =
            typed.alarms.iter().flat_map(|list| list.iter()).map(|name| (**name).clone()).collect();
        if let (Some(list), Place::Local) = (&typed.alarms, place)
            && !alarms.is_empty()
        {
            self.add(Code::NotSupported, list.span(), "an environment on this machine has no CloudWatch alarms")
                .hint("Leave `alarms` away here, and use a gate at `live`.");
        }
        for alarm in typed.alarms.iter().flat_map(|list| list.iter()) {
            if alarm.trim().is_empty() || alarm.replace("{name}", "").contains(['{', '}']) {
                self.add(
                    Code::BadValue,
                    alarm.span(),
                    format!("`{}` is not the name of an alarm", alarm.escape_debug()),
                )
                .hint("Write the alarm's name; only `{name}` is filled in, with the function's name.");
            }
        }
        let entries =
            typed.entry.iter().flat_map(|entry| entry.as_slice()).map(|name| Component(name.clone())).collect();
        let compatible = typed.compatible.unwrap_or(false);
        match (&typed.canary, &typed.linear) {
            (Some(canary), None) => {
                self.stray(&typed.every, "every", "linear");
                let percent = self.percent(canary).unwrap_or(1);
                let bake_s =
                    typed.bake.as_ref().and_then(|bake| self.duration_s(bake)).unwrap_or(limits::DEFAULT_BAKE_S);
                Shift::Canary { percent, bake_s, alarms, entries, compatible }
            }
            (None, Some(linear)) => {
                self.stray(&typed.bake, "bake", "canary");
                let percent = self.percent(linear).unwrap_or(1);
                let every_s =
                    typed.every.as_ref().and_then(|every| self.duration_s(every)).unwrap_or(limits::DEFAULT_EVERY_S);
                Shift::Linear { percent, every_s, alarms, entries, compatible }
            }
            (None, None) if self.lost(whole, &["canary", "linear"]) => Shift::AllAtOnce,
            (None, None) => {
                self.add(Code::ChooseOne, whole.span(), "no way of moving traffic is named")
                    .hint("Write `{ canary = \"10%\", bake = \"5m\" }` or `{ linear = \"10%\", every = \"1m\" }`, or leave `shift` away.");
                Shift::AllAtOnce
            }
            (Some(_), Some(linear)) => {
                self.add(Code::ChooseOne, linear.span(), "`canary` and `linear` exclude each other")
                    .hint("Keep one of the two.");
                Shift::AllAtOnce
            }
        }
    }

    fn stray(&mut self, text: &typed::Text, key: &str, belongs_to: &str) {
        if let Some(text) = text {
            self.add(Code::ChooseOne, text.span(), format!("`{key}` belongs to `{belongs_to}`"))
                .meaning("It would not hold here.")
                .hint("Leave it away.");
        }
    }

    /// Weights, app by app: one entry component, or releases that are declared compatible.
    pub(super) fn mixed_releases(&mut self, typed: Environments<'_>, environments: &[Environment], apps: &[AppConfig]) {
        for (name, typed) in typed {
            let Some(environment) = environments.iter().find(|e| e.name.as_str() == name.as_str()) else { continue };
            let (entries, compatible) = match &environment.shift {
                Shift::AllAtOnce => continue,
                Shift::Canary { entries, compatible, .. } | Shift::Linear { entries, compatible, .. } => {
                    (entries, *compatible)
                }
            };
            let Some(span) = typed.shift.as_ref().map(Spanned::span) else { continue };
            for entry in entries {
                if !apps.iter().flat_map(|app| &app.components).any(|component| component.name == *entry) {
                    let known = apps.iter().flat_map(|app| &app.components).map(|component| component.name.as_str());
                    self.unknown(entry.as_str(), span.clone(), "component", known);
                }
            }
            for app in apps.iter().filter(|app| app.components.len() > 1 && !compatible) {
                let weighted = app.components.iter().filter(|component| entries.contains(&component.name)).count();
                if weighted == 1 {
                    continue;
                }
                let message = match weighted {
                    0 => format!("weights in `{name}` would mix releases of `{}`", app.name, name = name.as_str()),
                    _ => format!("`{}` has several entries in `{name}`", app.name, name = name.as_str()),
                };
                let names: Vec<&str> = app.components.iter().map(|component| component.name.as_str()).collect();
                self.add(Code::MixedReleases, span.clone(), message).hint(format!(
                    "Name the one component of {} that takes the calls from outside, `entry = \"{}\"`, or say `compatible = true` \
                     if neighbouring releases may be mixed.",
                    super::super::suggest::listed(names.iter().copied()),
                    names[0],
                ));
            }
        }
    }
}
