//! Static findings about what differs between environments: text in, findings out.
//!
//! Nothing here touches a file, a clock or the network. A caller walks the repository, keeps what [`tree::wanted`] asks for
//! and hands over a [`FileTree`]; what comes back is data that [`render`] turns into text, JSON, SARIF and the rest.

mod accounts;
mod action;
mod backend;
mod backend_file;
pub mod baseline;
mod cause;
mod command;
pub mod corpus;
mod discover;
mod elsewhere;
mod eval;
mod finding;
mod flow;
mod functions;
mod gaps;
mod hcl;
mod instances;
mod layout;
mod matrix;
mod model;
mod name_index;
mod named_files;
mod options;
mod owners;
mod parsed;
mod policies;
#[cfg(feature = "properties")]
pub mod properties;
pub mod render;
mod rule;
mod rules;
mod run;
mod same_state;
mod secrets;
mod services;
mod suppress;
mod tree;
mod values_file;
mod view;
mod workflow;
mod written;

pub use discover::discover;
pub use finding::{Finding, Location, Related, Report, Severity};
pub use functions::{Declared, DeclaredFunction, FunctionSetting, declared_functions};
pub use layout::{Instance, Layout, Note, Shape, Stack};
pub use matrix::{Cell, ExtraRow, Group, How, Matrix, Row, UnknownEnvironment, diff, matrix};
pub use named_files::{NamedFiles, may_be_named};
pub use options::{EnvironmentOverride, Options, Suppression, TagPolicy, TerraformOverride};
pub use rule::{Family, Rule, explain, rules};
pub use run::check;
pub use same_state::{Run, Said, Sameness, StateIdentity};
pub use suppress::path_matches;
pub use tree::{File, FileTree, SKIPPED_FOLDERS, Wanted, wanted};
pub use values_file::{UnreadableValues, plain_values};
