//! Reports for people and for programs.

mod github;
mod json;
mod junit;
mod layout;
mod sarif;
mod text;

pub use github::github;
pub use json::json;
pub use junit::junit;
pub use layout::layout;
pub use sarif::sarif;
pub use text::{TextStyle, explanation, text};
