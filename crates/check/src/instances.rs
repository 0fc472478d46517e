//! The instances that `count` and `for_each` make of a resource, as far as they are known before Terraform runs.

use crate::eval::{Entries, Value};
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
    let bindings = bindings(deployed, placed).filter(|bindings| bindings.len() <= INSTANCES_MAX).unwrap_or_default();
    if bindings.is_empty() {
        return vec![InstanceOf { key: String::new(), placed: placed.clone() }];
    }
    let instance = |(key, each)| InstanceOf { key, placed: placed.for_instance(each) };
    bindings.into_iter().map(instance).collect()
}

/// The key of each instance, and what `each` and `count` are in it.
fn bindings<'a>(deployed: &Deployed<'a>, placed: &Placed<'a>) -> Option<Vec<(String, Value<'a>)>> {
    let repetition = placed.resource.repetition;
    if let Some(attr) = repetition.count {
        let Value::Number(count) = deployed.evaluation.value(placed.scope, &attr.value) else { return None };
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
    let entries: Vec<(Value<'a>, Value<'a>)> = match deployed
        .evaluation
        .value(placed.scope, &repetition.for_each?.value)
    {
        Value::Map(entries) => entries.iter().map(|(key, value)| (Value::Str(key.clone()), value.clone())).collect(),
        Value::List(items) => items.iter().map(|item| (item.clone(), item.clone())).collect(),
        _ => return None,
    };
    let one = |(key, value): (Value<'a>, Value<'a>)| {
        let shown = format!("[{:?}]", &*key.to_text()?);
        Some((shown, Value::map(Entries::new(vec![("key".into(), key), ("value".into(), value)]))))
    };
    entries.into_iter().map(one).collect()
}
