//! The project model: tiers.toml as typed and as resolved, which are different types on purpose.

mod model;

pub use model::{
    AppConfig, Architecture, Builder, ComponentConfig, Environment, Facts, FileMapping, Image, Ledger, MatchedBy,
    Place, Project, RefKind, Rollback, Secrets, Settings, Shift, Terraform, Trigger, Triggered, WayBack,
};
