//! Names that a distribution answers to: the whole world has each of them once.

use foldhash::{HashMap, HashMapExt};

use crate::eval::Value;
use crate::finding::Finding;
use crate::model::Place;
use crate::view::View;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    let mut taken: HashMap<String, (&str, Place)> = HashMap::new();
    for deployed in &view.deployed {
        for placed in deployed.placed() {
            let unsure = placed.resource.repetition.is_some() && placed.each.is_none();
            if placed.resource.kind != "aws_cloudfront_distribution" || unsure || !placed.certain {
                continue;
            }
            let Some((Value::List(aliases), place)) = deployed.attribute(placed, "aliases") else { continue };
            for alias in aliases.iter().filter_map(|alias| match alias {
                Value::Str(alias) => Some(alias),
                _ => None,
            }) {
                let (taker, there) = *taken.entry(alias.to_string()).or_insert((deployed.environment, place));
                if taker == deployed.environment {
                    continue;
                }
                let address = placed.address();
                let message = format!(
                    "{address} answers to {:?} in {taker} and {}, and the name must be unique in the whole world",
                    &**alias, deployed.environment
                );
                let mut finding = view
                    .context
                    .finding("name-collides", place, &format!("{address}/{}", &**alias), message)
                    .label("does not vary with the environment")
                    .environments([taker, deployed.environment]);
                if there != place {
                    finding = finding.beside(view.context.related(there, format!("the same name in {taker}")));
                }
                out.push(finding);
            }
        }
    }
}
