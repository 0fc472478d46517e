//! Names that are unique beyond a region, wanted by the roots of two regions: each region has a root of its own, and one of the two
//! cannot be applied.

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::accounts::{Relation, Whereabouts};
use crate::discover::regions;
use crate::eval::Value;
use crate::finding::{Finding, Severity};
use crate::model::Place;
use crate::run::Context;
use crate::services::Scope;
use crate::view::View;

/// A name in one region's root.
pub(crate) struct Regional {
    /// What the roots of all regions share: their path, with the region left out; environment, type and name.
    shared: (String, String, &'static str, String),
    region: String,
    scope: Scope,
    address: String,
    place: Place,
    whereabouts: Whereabouts,
}

/// Those of a stack whose folder is that of a region.
pub(crate) fn regional(view: &View<'_>) -> Vec<Regional> {
    let Some((family, region)) = parted(&view.stack.name) else { return Vec::new() };
    let mut out = Vec::new();
    for deployed in &view.deployed {
        for placed in deployed.placed().iter().filter(|placed| !placed.resource.repetition.is_some()) {
            let Some(named) =
                placed.resource.named.filter(|named| named.scope != Scope::Region && named.within.is_empty())
            else {
                continue;
            };
            let Some((Value::Str(text), place)) = deployed.name(placed) else { continue };
            if placed.certain {
                out.push(Regional {
                    shared: (family.clone(), deployed.environment.to_string(), named.kind, text.to_string()),
                    region: region.to_string(),
                    scope: named.scope,
                    address: placed.address(),
                    place: *place,
                    whereabouts: view.whereabouts(deployed).clone(),
                });
            }
        }
    }
    out
}

/// A path without its first segment that is a region, and that.
fn parted(name: &str) -> Option<(String, &str)> {
    let region = name.split('/').find(|segment| regions::is_region(segment))?;
    let others: Vec<&str> = name.split('/').map(|segment| if segment == region { "" } else { segment }).collect();
    Some((others.join("/"), region))
}

pub(crate) fn compare(context: &Context<'_>, names: &[Regional], out: &mut Vec<Finding>) {
    if names.is_empty() {
        return;
    }
    let collisions = out.iter().filter(|finding| finding.rule == "name-collides");
    let said: HashMap<(String, (usize, usize)), Severity> =
        collisions.map(|finding| ((finding.at.path.clone(), finding.at.bytes), finding.severity)).collect();
    let mut first: BTreeMap<&(String, String, &'static str, String), &Regional> = BTreeMap::new();
    for name in names {
        let known = *first.entry(&name.shared).or_insert(name);
        if known.region == name.region {
            continue;
        }
        let (where_unique, severity) = match (name.scope, known.whereabouts.account(&name.whereabouts)) {
            (Scope::World, _) => ("in the whole world", Severity::Error),
            (_, Relation::Different) => continue,
            (_, Relation::Same) => ("in their account", Severity::Error),
            (_, Relation::Unknown) => {
                ("in an account, unless each region has an account of its own", Severity::Warning)
            }
        };
        let (_, environment, _, text) = &name.shared;
        let of = if environment.is_empty() { String::new() } else { format!(" of {environment}") };
        let message = format!(
            "{} is called {text:?} in {} and {}{of}, and the name must be unique {where_unique}",
            name.address, known.region, name.region
        );
        // A name that does not vary with the environment either is one finding.
        let at = context.location(name.place);
        if said.get(&(at.path, at.bytes)).is_some_and(|known| *known >= severity) {
            continue;
        }
        out.push(
            context
                .finding("name-collides", name.place, &format!("{}/regions", name.address), message)
                .severity(severity)
                .label("does not vary with the region")
                .beside(context.related(known.place, format!("the same name in {}", known.region)))
                .environment(environment),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn roots_of_regions_share_what_is_left_of_their_paths() {
        assert_eq!(parted("live/*/eu-west-1/app"), Some(("live/*//app".to_string(), "eu-west-1")));
        assert_eq!(parted("us-east-1/*"), Some(("/*".to_string(), "us-east-1")));
        assert_eq!(parted("live/*/app"), None);
    }
}
