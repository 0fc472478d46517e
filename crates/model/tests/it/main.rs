//! The model check, in one binary.

mod broken;
mod exhausted;
mod place;
