//! The project model: tiers.toml as typed and as resolved, which are different types on purpose.

#[cfg(any(test, feature = "schema"))]
mod generate;
pub mod init;
mod limits;
mod locate;
mod model;
mod notes;
mod pattern;
mod project;
mod read;
mod resolve;
mod schema;
mod spanned;
mod structure;
mod suggest;
mod typed;

#[cfg(any(test, feature = "schema"))]
pub use generate::generated_schema;
pub use locate::locate;
pub use model::{
    AppConfig, AppliedFirst, Architecture, Builder, Check, ComponentConfig, Environment, Facts, FileMapping, Ignore,
    Image, Ledger, MatchedBy, Place, Project, RefKind, Rollback, Secrets, Settings, Shift, Terraform, Trigger,
    Triggered, WayBack,
};
pub use pattern::matches_ref;
pub use resolve::{Loaded, load, tfvars_files};
pub use schema::schema;
pub use suggest::nearest;
