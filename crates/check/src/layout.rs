//! What a repository was taken for: its environments, the infrastructure that stands in them, and the files of each.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

/// The whole of what was discovered; `tiers check --explain-discovery` prints it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Layout {
    /// Names as the repository spells them, from the first stage to production.
    pub environments: Vec<String>,
    pub stacks: Vec<Stack>,
    /// Folders of modules that others call, which are no roots themselves.
    pub modules: Vec<String>,
    pub notes: Vec<Note>,
    /// How many folders Terragrunt runs; they are left alone.
    #[serde(skip)]
    pub terragrunt: usize,
    /// How many workflows of GitHub Actions were read.
    #[serde(skip)]
    pub workflows: usize,
}

/// How a stack tells its environments apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A root module of its own for every environment.
    RootPerEnvironment,
    /// One root module, with a variable file or backend file per environment.
    SharedRoot,
    /// One root module and one backend; Terraform workspaces part the states.
    Workspaces,
    /// One root module that names no environment.
    Single,
}

impl Shape {
    pub fn as_str(self) -> &'static str {
        match self {
            Shape::RootPerEnvironment => "a root module per environment",
            Shape::SharedRoot => "a shared root module with files per environment",
            Shape::Workspaces => "a shared root module with workspaces",
            Shape::Single => "a root module with no environments",
        }
    }
}

/// The same infrastructure in one or more environments.
#[derive(Clone, Debug, Serialize)]
pub struct Stack {
    /// The folder, with `*` where the environment stands.
    pub name: String,
    pub shape: Shape,
    pub instances: Vec<Instance>,
}

/// A stack in one environment.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// `None` in a stack that names no environment.
    pub environment: Option<String>,
    /// The root module's folder.
    pub root: String,
    /// In the order in which Terraform reads them.
    pub var_files: Vec<String>,
    /// In the order in which they are merged.
    pub backend_files: Vec<String>,
    /// Files that could not be read: this environment was not compared with the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// The backend's type, `None` where the root has no backend block.
    pub backend: Option<String>,
    /// What is known of the backend's settings.
    pub settings: BTreeMap<Cow<'static, str>, String>,
}

/// Something that a reader of the layout should know: what was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    pub path: String,
    pub says: String,
}
