//! What the checker says about whole trees of files.

mod catalogue;
mod layouts;
mod matrix;
mod output;
mod trees;
