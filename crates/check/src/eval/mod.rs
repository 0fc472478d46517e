//! A partial evaluator: what a value is in one environment, or plainly that it is not known before Terraform runs.

mod convert;
mod data_files;
mod entries;
mod expression;
mod functions;
mod literal;
mod run;
mod secrecy;
mod text_functions;
mod value;
mod world;

pub(crate) use convert::{Type, convert};
pub(crate) use entries::Entries;
pub(crate) use literal::{is_empty_literal, literal, plainly_fits, same_literal};
pub(crate) use run::{Evaluation, Input, Present, ScopeId};
pub(crate) use secrecy::{HIDDEN, hide, is_secret_name, texts, without_secrets};
pub(crate) use value::{Text, Value};
pub(crate) use world::{World, join_path};

/// An expression that certainly fails when Terraform evaluates it: what `try` and `can` look for. What is merely not known here is
/// [`Value::Unknown`], never a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure;

pub(crate) type Outcome<'a> = Result<Value<'a>, Failure>;
