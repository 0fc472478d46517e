//! The order of environments: `after` read as a graph, its circles spelled out.

use std::collections::BTreeSet;

use super::super::spanned::Spanned;
use super::super::typed;
use super::{Environments, Resolver};
use crate::problem::Code;

fn after(environment: &typed::Environment) -> &[Spanned<String>] {
    environment.after.as_ref().map_or(&[], |after| after.as_slice())
}

impl Resolver<'_, '_, '_> {
    /// Indices so that every environment stands behind those it comes after, otherwise as written. What stands in a circle comes
    /// last.
    pub(super) fn order(&mut self, environments: Environments<'_>) -> Vec<usize> {
        let index_of = |name: &str| environments.iter().position(|(known, _)| known.as_str() == name);
        for (name, environment) in environments {
            let mut seen = BTreeSet::new();
            for before in after(environment) {
                if index_of(before).is_none() {
                    self.unknown(
                        before,
                        before.span(),
                        "environment",
                        environments.iter().map(|(name, _)| name.as_str()),
                    );
                } else if !seen.insert(before.as_str()) {
                    self.add(
                        Code::Duplicate,
                        before.span(),
                        format!("`{}` stands twice in `after` of `{}`", before.as_str(), name.as_str()),
                    )
                    .meaning("Once is enough; twice may be a slip for another name.")
                    .hint("Remove one.");
                }
            }
        }
        let mut order: Vec<usize> = Vec::new();
        loop {
            let next = (0..environments.len()).find(|index| {
                let needed = after(&environments[*index].1).iter().filter_map(|before| index_of(before));
                !order.contains(index) && needed.into_iter().all(|before| order.contains(&before))
            });
            match next {
                Some(index) => order.push(index),
                None => break,
            }
        }
        let mut left: Vec<usize> = (0..environments.len()).filter(|index| !order.contains(index)).collect();
        if !left.is_empty() {
            self.circles(environments, &left);
        }
        order.append(&mut left);
        order
    }

    /// Names each circle among these environments once.
    fn circles(&mut self, environments: Environments<'_>, left: &[usize]) {
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for start in left {
            // Every environment that is left waits for another one that is left, so that the walk must come round.
            let mut path: Vec<(usize, &Spanned<String>)> = Vec::new();
            let mut at = *start;
            let circle = loop {
                if let Some(begin) = path.iter().position(|(index, _)| *index == at) {
                    break &path[begin..];
                }
                let next = after(&environments[at].1).iter().find_map(|before| {
                    let index =
                        left.iter().copied().find(|index| environments[*index].0.as_str() == before.as_str())?;
                    Some((index, before))
                });
                let Some((index, word)) = next else { break &path[..0] };
                path.push((at, word));
                at = index;
            };
            if circle.is_empty() || circle.iter().any(|(index, _)| told.contains(index)) {
                continue;
            }
            told.extend(circle.iter().map(|(index, _)| *index));
            let mut spelled: Vec<&str> = circle.iter().map(|(index, _)| environments[*index].0.as_str()).collect();
            spelled.push(spelled[0]);
            let message = match circle {
                [(only, _)] => format!("`{}` comes after itself", environments[*only].0.as_str()),
                _ => format!("environments come after each other in a circle: {}", spelled.join(" after ")),
            };
            let text = self.notes.text();
            let problem = self.notes.add(Code::Cycle, circle[0].1.span(), message);
            problem.hint("Take one of the names out of its `after`, so that releases have a place to begin.");
            for (_, word) in &circle[1..] {
                problem.related(text, word.span(), "and this one");
            }
        }
    }
}
