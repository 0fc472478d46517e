//! Apps and their components.

use std::collections::BTreeMap;

use super::super::model::{AppConfig, ComponentConfig, Environment, Image};
use super::super::pattern;
use super::super::spanned::{Either, Spanned, Table};
use super::super::typed;
use super::settings::Typed;
use super::{Environments, Resolver};
use crate::id::{App, Component};
use crate::problem::Code;

impl Resolver<'_, '_, '_> {
    pub(super) fn apps(
        &mut self,
        file: &typed::File,
        project: &str,
        typed_environments: Environments<'_>,
        environments: &[Environment],
    ) -> Vec<AppConfig> {
        let typed = &file.apps;
        let mut places: BTreeMap<String, &Spanned<String>> = BTreeMap::new();
        let mut apps = Vec::new();
        for (name, app) in typed.iter() {
            self.name(name, "an app");
            let components = self.components(app, environments, &mut places);
            let image = app.image.as_ref().and_then(|image| self.image(image, project));
            apps.push(AppConfig {
                name: App(name.as_str().to_owned()),
                paths: self.paths(app),
                // A stand-in where the image is unknown: the problem is written down, so that no project comes out.
                image: image.unwrap_or_else(|| Image::none(project)),
                components,
                gates: BTreeMap::new(),
            });
        }
        self.routes(typed, &mut apps);
        self.names(file, project, &places, environments, &mut apps);
        self.mixed_releases(typed_environments, environments, &apps);
        let gates: Vec<_> =
            typed.values().map(|app| self.gates(app, typed_environments, environments, &apps)).collect();
        for (app, gates) in apps.iter_mut().zip(gates) {
            app.gates = gates;
        }
        apps
    }

    fn paths(&mut self, app: &typed::App) -> Vec<String> {
        let Some(paths) = &app.paths else { return Vec::new() };
        for glob in paths.iter() {
            if let Err((message, hint)) = pattern::check_path(glob) {
                self.add(Code::BadValue, glob.span(), message)
                    .meaning(
                        "The app's source is what its paths match; a glob that never matches leaves files out of it.",
                    )
                    .hint(hint);
            }
        }
        if paths.iter().all(|glob| glob.starts_with('!')) {
            self.add(Code::BadValue, paths.span(), "these paths match no file")
                .meaning("The app would have no source, and every commit would look the same.")
                .hint("Name the files that make up the app, for example `[\"src/**\", \"Dockerfile\"]`.");
        }
        paths.iter().map(|glob| (**glob).clone()).collect()
    }

    fn components<'t>(
        &mut self,
        app: &'t typed::App,
        environments: &[Environment],
        places: &mut BTreeMap<String, &'t Spanned<String>>,
    ) -> Vec<ComponentConfig> {
        let nothing = typed::Component::default();
        let Some(whole) = &app.components else { return Vec::new() };
        let components: Vec<(&'t Spanned<String>, &typed::Component)> = match &**whole {
            Either::Short(names) => names.iter().map(|name| (name, &nothing)).collect(),
            Either::Long(table) => table.iter().map(|(name, component)| (name, component)).collect(),
        };
        if components.is_empty() {
            self.add(Code::MissingKey, whole.span(), "the app has no component")
                .meaning("There would be nothing to deploy.")
                .hint("Name at least one, for example `components = [\"api\"]`.");
        }
        for (name, _) in &components {
            self.name(name, "a component");
            if let Some(first) = places.get(name.as_str()) {
                let text = self.notes.text();
                self.add(Code::Duplicate, name.span(), format!("there are two components `{}`", name.as_str()))
                    .meaning("A function belongs to one app: two apps would deploy over each other.")
                    .related(text, first.span(), "the first is here")
                    .hint("Give one of them another name.");
            } else {
                places.insert((**name).clone(), name);
            }
        }
        components.into_iter().map(|(name, component)| self.component(name, component, environments)).collect()
    }

    fn component(&mut self, name: &str, typed: &typed::Component, environments: &[Environment]) -> ComponentConfig {
        for env in typed.r#in.names() {
            if !environments.iter().any(|environment| environment.name.as_str() == env.as_str()) {
                self.unknown(env, env.span(), "environment", environments.iter().map(|e| e.name.as_str()));
            }
        }
        let nothing = typed::Overrides::default();
        let settings = environments.iter().map(|environment| {
            let own = typed.r#in.get(environment.name.as_str());
            let own = Typed::component(own.unwrap_or(&nothing));
            (environment.name.clone(), self.settings(environment.name.as_str(), &environment.settings, &own))
        });
        let settings = settings.collect();
        ComponentConfig {
            name: Component(name.to_owned()),
            command: typed.command.as_ref().map(|words| self.words(words)).unwrap_or_default(),
            route: typed.route.as_ref().map(|route| self.route(route)),
            names: BTreeMap::new(),
            settings,
        }
    }

    fn route(&mut self, route: &Spanned<String>) -> String {
        let bad = !route.starts_with('/')
            || route.contains(['?', '#', '*', '{', '\\'])
            || route.contains("//")
            || route.split('/').any(|part| matches!(part, "." | ".."))
            || route.chars().any(|c| c.is_whitespace() || c.is_control());
        if bad {
            self.add(
                Code::BadValue,
                route.span(),
                format!("`{}` is not the beginning of a path", route.escape_debug()),
            )
            .meaning("The door could send no call there.")
            .hint("Write it like `/api`, or `/` for everything that no other component takes.");
        }
        match route.trim_end_matches('/') {
            "" => "/".to_owned(),
            trimmed => trimmed.to_owned(),
        }
    }

    /// No two components behind one path; and where one app says nothing of routes, its first component takes all calls.
    fn routes(&mut self, typed: &Table<Spanned<typed::App>>, apps: &mut [AppConfig]) {
        let mut seen: BTreeMap<String, &Spanned<String>> = BTreeMap::new();
        for app in typed.values() {
            let Some(Either::Long(components)) = app.components.as_deref() else { continue };
            for component in components.values() {
                let Some(route) = &component.route else { continue };
                let plain = route.trim_end_matches('/').to_owned();
                if let Some(first) = seen.insert(plain, route) {
                    let text = self.notes.text();
                    self.add(
                        Code::Duplicate,
                        route.span(),
                        format!("two components have the route `{}`", route.as_str()),
                    )
                    .related(text, first.span(), "the first is here")
                    .hint("Give each its own path.");
                }
            }
        }
        if let [only] = apps
            && only.components.iter().all(|component| component.route.is_none())
            && let Some(first) = only.components.first_mut()
        {
            first.route = Some("/".to_owned());
        }
    }
}
