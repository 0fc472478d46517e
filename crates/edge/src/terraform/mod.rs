//! The Terraform (or OpenTofu) program as real processes, what its data directories are bound to, and what can be told from this
//! machine about whoever holds the project's lease.

mod binding;
mod github;
mod liveness;
mod program;
mod said;
mod variables;
mod waiting;

pub use binding::{BindingError, Bound, Declared, bound, declared, local_state};
pub use github::GitHubRuns;
pub use liveness::{LocalProcesses, here, this_process};
pub use program::{Done, Terraform, TerraformError};
pub use said::Show;
pub use variables::leaves;
pub use waiting::Prepared;
