//! What Terraform says, as data: a saved plan read as JSON and classed, and where a data directory is bound to, compared with what
//! was declared. Nothing here starts Terraform.

mod backend;
mod plan;
mod review;

pub use backend::{Declared, Difference, compare, identity};
pub use plan::{NotAPlan, PlanJson};
pub use review::{Breaking, Class, Deployed, Refusal, Review, review};
