//! Reports for people and for programs.

mod catalogue;
mod github;
mod json;
mod junit;
mod layout;
mod sarif;
mod text;
mod visible;

pub use catalogue::catalogue;
pub use github::github;
pub use json::{json, layout_json};
pub use junit::junit;
pub use layout::layout;
pub use sarif::sarif;
pub use text::{TextStyle, explanation, text, wrapped};
pub(crate) use visible::visible;
