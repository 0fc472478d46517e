//! Guarded Terraform: one data directory per environment, compared with what is declared before every plan and apply; a plan that
//! is shown, judged and then applied as it is; the project's lease around it.

pub mod applier;
pub mod applies;
pub mod consent;
pub mod desk;
pub mod doppler;
pub mod interrupt;
mod links;
pub mod needed;
pub mod owner;
pub mod place;
pub mod planning;
pub mod plans;
pub mod secrets;
pub mod site;
pub mod tree;
pub mod words;
