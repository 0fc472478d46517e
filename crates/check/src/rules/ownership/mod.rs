//! Ownership: what Terraform and a deployer both believe to be theirs, and callers that go past the alias.

mod callers;
mod deployer;
mod function_names;
mod images;
mod latest;

use crate::finding::Finding;
use crate::run::Context;
use crate::view::View;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    latest::check(view, out);
}

pub(super) fn repository(context: &Context<'_>, out: &mut Vec<Finding>) {
    let deployer = deployer::Deployer::find(context);
    super::each_module(context, out, |module, out| {
        deployer::check(context, module, &deployer, out);
        callers::check(context, module, out);
        images::check(context, module, out);
    });
}
