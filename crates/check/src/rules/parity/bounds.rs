//! A lower bound above its upper one: what an environment got when only one of the two was changed for it.

use std::collections::BTreeSet;

use crate::eval::{Evaluation, Value};
use crate::finding::Finding;
use crate::model::Place;
use crate::view::{Deployed, Placed, View};

/// Arguments of resources that bound each other.
const PAIRS: &[(&str, &str)] = &[
    ("min_size", "max_size"),
    ("min_capacity", "max_capacity"),
    ("min_node_count", "max_node_count"),
    ("min_count", "max_count"),
    ("minimum_size", "maximum_size"),
];

/// The two numbers of a contradiction, as text: what was said of a variable is not said again of the resource that takes it.
type Said = BTreeSet<(String, String)>;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in &view.deployed {
        let mut said = Said::new();
        variables(view, deployed, &mut said, out);
        for placed in deployed.placed() {
            arguments(view, deployed, placed, &said, out);
        }
    }
}

/// `min_capacity` and `max_capacity`, `node_min_count` and `node_max_count`, wherever their values come from.
fn variables(view: &View<'_>, deployed: &Deployed<'_>, said: &mut Said, out: &mut Vec<Finding>) {
    for variable in &deployed.module.variables {
        let Some(upper_name) = counterpart(variable.name) else { continue };
        let Some(upper) = deployed.module.variables.iter().find(|other| other.name == upper_name) else { continue };
        let value = |name| deployed.evaluation.variable(Evaluation::ROOT, name);
        let (least, most) = (value(variable.name), value(upper.name));
        // What a module of somebody's own calls a maximum may be 0 or -1 for none at all.
        let Some((least, most)) = contradiction(&least, &most).filter(|(_, most)| !is_no_bound(most)) else { continue };
        let place_of = |name, default: Place| match deployed.given(name) {
            Some((file, attr)) => (Place { file, span: attr.span() }, true),
            None => (default, false),
        };
        let (lower_at, lower_given) = place_of(variable.name, variable.place);
        let (upper_at, upper_given) = place_of(upper.name, upper.place);
        let (at, beside, says) = match lower_given || !upper_given {
            true => (lower_at, upper_at, format!("{} is {most}", upper.name)),
            false => (upper_at, lower_at, format!("{} is {least}", variable.name)),
        };
        let subject = format!("{}/{}", deployed.environment, variable.name);
        out.push(
            report(view, deployed, at, &subject, (variable.name, &least), (upper.name, &most))
                .beside(view.context.related(beside, says)),
        );
        said.insert((least, most));
    }
}

fn arguments<'a>(view: &View<'a>, deployed: &Deployed<'a>, placed: &Placed<'a>, said: &Said, out: &mut Vec<Finding>) {
    if !placed.resource.body.attrs.iter().any(|attr| attr.name.starts_with("min")) {
        return;
    }
    for (lower, upper) in PAIRS {
        let Some((least, at)) = deployed.attribute(placed, lower) else { continue };
        let Some((most, beside)) = deployed.attribute(placed, upper) else { continue };
        let Some((least, most)) = contradiction(&least, &most) else { continue };
        if said.contains(&(least.clone(), most.clone())) {
            continue;
        }
        let address = placed.address();
        let subject = format!("{}/{address}.{lower}", deployed.environment);
        let name = format!("{address}.{lower}");
        out.push(
            report(view, deployed, at, &subject, (&name, &least), (upper, &most))
                .beside(view.context.related(beside, format!("{upper} is {most} here"))),
        );
    }
}

fn report(
    view: &View<'_>,
    deployed: &Deployed<'_>,
    at: Place,
    subject: &str,
    (lower, least): (&str, &str),
    (upper, most): (&str, &str),
) -> Finding {
    let message = format!("{lower} is {least} in {}, above {upper}, which is {most}", deployed.label());
    view.context
        .finding("bounds-inverted", at, subject, message)
        .label("the least is more than the most")
        .environment(deployed.environment)
}

/// Both as text where both are known and the first is the larger.
fn contradiction(least: &Value<'_>, most: &Value<'_>) -> Option<(String, String)> {
    let number =
        |value: &Value<'_>| value.to_text().and_then(|text| text.parse::<f64>().ok().map(|is| (is, text.to_string())));
    let ((low, least), (high, most)) = (number(least)?, number(most)?);
    (low > high).then_some((least, most))
}

fn is_no_bound(most: &str) -> bool {
    most == "0" || most.starts_with('-')
}

/// The name of the upper bound that belongs to this lower one, by the word in it.
fn counterpart(name: &str) -> Option<String> {
    if !name.as_bytes().windows(3).any(|letters| letters == b"min") {
        return None;
    }
    let words: Vec<&str> = name.split('_').collect();
    let at = words.iter().position(|word| matches!(*word, "min" | "minimum"))?;
    let upper = if words[at] == "min" { "max" } else { "maximum" };
    let swapped = words.iter().enumerate().map(|(index, word)| if index == at { upper } else { word });
    Some(swapped.collect::<Vec<_>>().join("_"))
}

#[cfg(test)]
mod tests {
    use super::counterpart;

    #[test]
    fn the_upper_bound_of_a_lower_one_is_found_by_the_word() {
        assert_eq!(counterpart("min_capacity").as_deref(), Some("max_capacity"));
        assert_eq!(counterpart("node_minimum_count").as_deref(), Some("node_maximum_count"));
        assert_eq!(counterpart("minutes"), None);
    }
}
