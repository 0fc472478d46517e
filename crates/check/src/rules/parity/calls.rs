//! Module calls that do not fit the module: Terraform refuses them, and where every environment has a root module of its own, only
//! in the one that nobody has planned yet.

use super::values::nearest;
use crate::finding::Finding;
use crate::model::{Module, ModuleCall, Place};
use crate::run::Context;

/// Arguments that every call has, whatever the module.
const META: &[&str] = &["source", "version", "count", "for_each", "providers", "depends_on"];

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (index, module) in context.world.modules.iter().enumerate() {
        // Looked up only for a finding: there are as many instances as components times environments.
        let environments = || environments(context, index);
        for call in &module.calls {
            let Some(called) = call.target.map(|target| &context.world.modules[target]) else { continue };
            if !module.incomplete && !called.incomplete {
                unknown(context, call, called, &environments, out);
                missing(context, call, called, &environments, out);
            }
        }
    }
}

/// The environments whose root module this is.
fn environments<'c>(context: &'c Context<'_>, module: usize) -> Vec<&'c str> {
    let instances = context.found.stacks.iter().flat_map(|stack| &stack.instances);
    instances.filter(|instance| instance.module == module).filter_map(|each| each.environment.as_deref()).collect()
}

fn shown<'m>(called: &Module<'m>) -> &'m str {
    if called.dir.is_empty() { "the root of the repository" } else { called.dir }
}

fn unknown<'e>(
    context: &Context<'_>,
    call: &ModuleCall<'_>,
    called: &Module<'_>,
    environments: &dyn Fn() -> Vec<&'e str>,
    out: &mut Vec<Finding>,
) {
    for attr in call.body.attrs.iter().filter(|attr| !META.contains(&attr.name)) {
        if called.variable(attr.name).is_some() {
            continue;
        }
        let message =
            format!("module.{} is given {:?}, which {} does not declare", call.name, attr.name, shown(called));
        let place = Place { file: call.place.file, span: attr.name_span };
        let mut finding = context
            .finding("module-arguments", place, &format!("{}/{}", call.name, attr.name), message)
            .label("no variable of this name")
            .environments(environments());
        let free = called.variables.iter().map(|it| it.name).filter(|name| call.body.attr(name).is_none());
        if let Some(variable) = nearest(attr.name, free).and_then(|near| called.variable(near)) {
            finding = finding.beside(context.related(variable.place, "declared under this name"));
        }
        out.push(finding);
    }
}

fn missing<'e>(
    context: &Context<'_>,
    call: &ModuleCall<'_>,
    called: &Module<'_>,
    environments: &dyn Fn() -> Vec<&'e str>,
    out: &mut Vec<Finding>,
) {
    for variable in called.variables.iter().filter(|variable| variable.default.is_none()) {
        // 0.11 took a map as a block.
        if call.attr(variable.name).is_some() || call.body.block(variable.name).is_some() {
            continue;
        }
        let message = format!("module.{} lacks {:?}, which {} requires", call.name, variable.name, shown(called));
        out.push(
            context
                .finding("module-arguments", call.place, &format!("{}/{}", call.name, variable.name), message)
                .label(format!("no {}", variable.name))
                .beside(context.related(variable.place, "declared here, with no default"))
                .environments(environments()),
        );
    }
}
