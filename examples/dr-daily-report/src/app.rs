//! What a component knows when it has started: who it is, its settings, its reports, and what is wrong with them.
//!
//! A release with broken data or settings still starts. It answers its health check with 503 and the reason, which tells more
//! than a process that dies.

use std::path::PathBuf;

use serde::Serialize;

use crate::reports::Report;
use crate::settings::{Search, Settings};

/// Where a component runs and from which files.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder of the image that holds `config/` and `data/`.
    pub root: PathBuf,
    /// `dev`, `staging`, `prod`; `local` when nobody says.
    pub environment: String,
    pub component: String,
}

impl Place {
    /// From `LAMBDA_TASK_ROOT` (else the working folder) and `ENVIRONMENT` (else `TIERS_ENVIRONMENT`).
    pub fn of_this_process(component: &str) -> Place {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let environment = variable("ENVIRONMENT").or_else(|| variable("TIERS_ENVIRONMENT"));
        Place {
            root: variable("LAMBDA_TASK_ROOT").unwrap_or_else(|| ".".to_owned()).into(),
            environment: environment.unwrap_or_else(|| "local".to_owned()),
            component: component.to_owned(),
        }
    }
}

/// Which release answers, where and as what: a part of every answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The version in config/service.json; `unknown` when that can't be read.
    pub release: String,
    pub environment: String,
    pub component: String,
}

/// A loaded component.
#[derive(Clone, Debug)]
pub struct App {
    pub identity: Identity,
    pub root: PathBuf,
    /// The settings of search in this environment, or what is wrong with config/service.json.
    pub search: Result<Search, String>,
    /// All reports, newest first, or what is wrong with data/reports.json.
    pub reports: Result<Vec<Report>, String>,
}

impl App {
    /// Reads settings and data once; what is wrong is kept and told, not raised.
    pub fn load(place: &Place) -> App {
        let settings = Settings::load(&place.root);
        let release = settings.as_ref().map_or("unknown", |settings| settings.version.as_str()).to_owned();
        App {
            identity: Identity { release, environment: place.environment.clone(), component: place.component.clone() },
            root: place.root.clone(),
            search: settings.and_then(|settings| settings.search_in(&place.environment)),
            reports: crate::reports::load(&place.root),
        }
    }

    /// The reports and the settings, or the first reason why this release can't serve.
    pub fn sound(&self) -> Result<(&[Report], &Search), &str> {
        match (&self.reports, &self.search) {
            (Ok(reports), Ok(search)) => Ok((reports, search)),
            (Err(reason), _) | (_, Err(reason)) => Err(reason),
        }
    }
}
