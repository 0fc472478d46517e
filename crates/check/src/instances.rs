//! The instances that `count` and `for_each` make of a resource, as far as they are known before Terraform runs.

use crate::eval::{Entries, ScopeId, Value};
use crate::model::{ModuleCall, Repetition};
use crate::view::{Deployed, Placed};

/// More than these are not looked at one by one.
const INSTANCES_MAX: usize = 64;

/// One instance, with what tells it from the others in its address: `["a"]`, `[0]`; nothing where the resource is not repeated, or
/// the instances are not known.
pub(crate) struct InstanceOf<'a> {
    pub(crate) key: String,
    pub(crate) placed: Placed<'a>,
}

/// All instances of a resource; the resource as it is where they are not known, or too many.
pub(crate) fn instances<'a>(deployed: &Deployed<'a>, placed: &Placed<'a>) -> Vec<InstanceOf<'a>> {
    let bindings = bindings(deployed, placed.scope, placed.resource.repetition).unwrap_or_default();
    if bindings.is_empty() {
        return vec![InstanceOf { key: String::new(), placed: placed.clone() }];
    }
    let instance = |(key, each)| InstanceOf { key, placed: placed.for_instance(each) };
    bindings.into_iter().map(instance).collect()
}

/// The instances of a call in the root module, each with its scope; nothing where there are not several that are known.
pub(crate) fn called<'a>(deployed: &Deployed<'a>, scope: ScopeId, call: &'a ModuleCall<'a>) -> Vec<(String, ScopeId)> {
    if !call.repetition.is_some() || call.target.is_none() {
        return Vec::new();
    }
    let bindings = bindings(deployed, scope, call.repetition).filter(|all| all.len() > 1).unwrap_or_default();
    let instance = |(key, each)| Some((key, deployed.evaluation.instance(scope, call, Some(each))?));
    bindings.into_iter().filter_map(instance).collect()
}

/// The key of each instance, and what `each` and `count` are in it; `None` where there are too many.
fn bindings<'a>(
    deployed: &Deployed<'a>,
    scope: ScopeId,
    repetition: Repetition<'a>,
) -> Option<Vec<(String, Value<'a>)>> {
    if let Some(attr) = repetition.count {
        let Value::Number(count) = deployed.evaluation.value(scope, &attr.value) else { return None };
        if !(count >= 1.0 && count <= INSTANCES_MAX as f64) {
            return None;
        }
        let each = |index: usize| Value::map(Entries::new(vec![("index".into(), Value::Number(index as f64))]));
        // The only one there is has no need of a number.
        if count == 1.0 {
            return Some(vec![(String::new(), each(0))]);
        }
        return Some((0..count as usize).map(|index| (format!("[{index}]"), each(index))).collect());
    }
    let entries: Vec<(Value<'a>, Value<'a>)> = match deployed.evaluation.value(scope, &repetition.for_each?.value) {
        Value::Map(entries) => entries.iter().map(|(key, value)| (Value::Str(key.clone()), value.clone())).collect(),
        Value::List(items) => items.iter().map(|item| (item.clone(), item.clone())).collect(),
        _ => return None,
    };
    if entries.len() > INSTANCES_MAX {
        return None;
    }
    let one = |(key, value): (Value<'a>, Value<'a>)| {
        let shown = format!("[{:?}]", &*key.to_text()?);
        Some((shown, Value::map(Entries::new(vec![("key".into(), key), ("value".into(), value)]))))
    };
    entries.into_iter().map(one).collect()
}
