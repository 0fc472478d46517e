//! The quick way to the lowered tree: plain configuration read in one pass, without the tree in between that keeps every blank
//! and comment.
//!
//! hcl-edit says what HCL is. What is read here is a part of what it accepts, the part that nearly all files consist of, and
//! comes out exactly as hcl-edit and [`super::lower`] bring it out; at the first thing that is not plain (a heredoc, a directive,
//! a carriage return, a name that is not ASCII, anything wrong) the answer is `None` and the file is hcl-edit's. The functions
//! name the rules of hcl-edit's grammar that they follow, its oddities included. [`crate::properties::check_quick`] holds both
//! against each other.

mod expression;
mod reader;
mod structure;

use super::expr::Body;
pub(crate) use reader::Reader;

/// hcl-edit refuses what is nested deeper than 64.
const DEPTH_MAX: u32 = 48;
/// In one attribute's value. hcl-edit refuses more than 128 on a path through an expression.
const OPERATORS_MAX: u32 = 64;
/// Names in one body or object are compared one with another up to here: those of a larger object stand in a set, and larger bodies
/// are left to hcl-edit.
const NAMES_MAX: usize = 256;

/// The whole file, or `None` where hcl-edit has to read it.
pub(super) fn body<'a>(reader: &mut Reader<'a>, text: &'a str) -> Option<Body<'a>> {
    reader.file(text)
}
