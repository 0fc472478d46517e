//! The names of functions in every environment, held to the service's limits and to being distinct.

use std::collections::BTreeMap;

use super::super::limits;
use super::super::model::{AppConfig, Environment};
use super::super::spanned::Spanned;
use super::super::typed;
use super::Resolver;
use crate::naming::{self, NameError, Pattern, PatternError};
use crate::problem::Code;

impl Resolver<'_, '_, '_> {
    /// Fills in the components' names. `places` says where each component was named.
    pub(super) fn names(
        &mut self,
        file: &typed::File,
        project: &str,
        places: &BTreeMap<String, &Spanned<String>>,
        environments: &[Environment],
        apps: &mut [AppConfig],
    ) {
        let Some(pattern) = self.pattern(&file.name) else { return };
        let mut taken: BTreeMap<String, (String, String)> = BTreeMap::new();
        for component in apps.iter_mut().flat_map(|app| &mut app.components) {
            let Some(place) = places.get(component.name.as_str()) else { continue };
            // One message for a component: the longest name says it for all.
            let mut worst: Option<(String, &Environment, NameError)> = None;
            for environment in environments {
                let name = pattern.expand(project, component.name.as_str(), environment.name.as_str());
                if let Err(error) = naming::check_function_name(&name)
                    && worst.as_ref().is_none_or(|(longest, _, _)| longest.len() < name.len())
                {
                    worst = Some((name.clone(), environment, error));
                }
                let who = (component.name.to_string(), environment.name.to_string());
                if let Some(other) = taken.insert(name.clone(), who.clone())
                    && other != who
                {
                    self.same_name(place, places, &name, &who, &other);
                }
                component.names.insert(environment.name.clone(), name);
            }
            if let Some((name, environment, error)) = worst {
                let too_long = matches!(error, NameError::TooLong { .. });
                let code = if too_long { Code::NameTooLong } else { Code::BadName };
                let message = format!("`{name}` can't be the name of a function: {error}");
                self.add(code, place.span(), message).label(format!("its name in `{}`", environment.name)).hint(
                    "Shorten the project, the component or the environment, or write a shorter pattern in `name`.",
                );
            }
        }
    }

    fn same_name(
        &mut self,
        place: &Spanned<String>,
        places: &BTreeMap<String, &Spanned<String>>,
        name: &str,
        who: &(String, String),
        other: &(String, String),
    ) {
        let text = self.notes.text();
        let message = format!("`{}` in `{}` and `{}` in `{}` are both called `{name}`", other.0, other.1, who.0, who.1);
        let problem = self.notes.add(Code::SameName, place.span(), message);
        problem.hint("Rename one of them, or separate the parts of `name` so that they can't run into each other.");
        if let Some(first) = places.get(&other.0).filter(|first| first.span() != place.span()) {
            problem.related(text, first.span(), "the other is here");
        }
    }

    fn pattern(&mut self, typed: &typed::Text) -> Option<Pattern> {
        let text = typed.as_ref().map_or(limits::DEFAULT_NAME, |text| text.as_str());
        let error = match Pattern::parse(text) {
            Ok(pattern) => return Some(pattern),
            Err(error) => error,
        };
        let span = typed.as_ref().map_or(0..0, Spanned::span);
        let problem = self.add(Code::NamePattern, span, format!("the pattern of names has {}", fault(&error)));
        match error {
            PatternError::Missing(_) => {
                problem.hint(format!("Put it in, for example `name = \"{}\"`.", limits::DEFAULT_NAME));
            }
            PatternError::Unknown { .. } | PatternError::Brace { .. } => {
                problem
                    .meaning("Nothing could be filled in there, so no function could be found by its name.")
                    .hint("The placeholders are `{project}`, `{component}` and `{environment}`.");
            }
        }
        None
    }
}

fn fault(error: &PatternError) -> String {
    match error {
        PatternError::Missing(name) => format!("no `{{{name}}}`"),
        PatternError::Unknown { name, .. } => format!("an unknown placeholder `{{{}}}`", name.escape_debug()),
        PatternError::Brace { .. } => "a brace that is not closed or not opened".to_owned(),
    }
}
