//! What secret variables hold, so that no report shows it: not in a message, and not in a line of source.

use std::collections::BTreeSet;

use crate::eval::{Evaluation, hide, is_secret_name, literal, texts};
use crate::finding::{Finding, Masked};
use crate::hcl::{Expr, Node};
use crate::model::{FileId, Place};
use crate::run::Context;
use crate::view::View;

/// The secrets of one stack.
#[derive(Default)]
pub(crate) struct Secrets {
    texts: BTreeSet<String>,
    places: BTreeSet<Place>,
}

impl Secrets {
    /// Those that are written in this stack's variable files, and as defaults.
    pub(crate) fn of(view: &View<'_>) -> Secrets {
        let mut secrets = Secrets::default();
        for deployed in &view.deployed {
            for index in &deployed.module.secret_variables {
                let variable = &deployed.module.variables[*index];
                if let Some((file, attr)) = deployed.given(variable.name) {
                    secrets.places.insert(Place { file, span: attr.value.span });
                }
                if let Some(default) = variable.default {
                    secrets.places.insert(Place { file: variable.place.file, span: default.value.span });
                }
            }
            let mut any = !deployed.module.secret_variables.is_empty();
            // A name that is declared nowhere, or a part of an object, may hold one as well.
            for (file, attr) in &deployed.values {
                any |= secrets.written(*file, attr.name, &attr.value);
            }
            if any {
                let names = &view.context.found.environments;
                let texts = deployed.evaluation.secrets(Evaluation::ROOT);
                secrets.texts.extend(texts.into_iter().filter(|text| !names.contains(text)));
            }
        }
        secrets
    }

    /// What is called like a secret in a variable file, at any depth.
    fn written<'n>(&mut self, file: FileId, name: &str, node: &'n Node<'_>) -> bool {
        if let Expr::Object(entries) = &node.expr {
            let key = |key: &'n Node<'_>| key.keyword().unwrap_or_default();
            return entries.iter().fold(false, |any, (name, value)| self.written(file, key(name), value) || any);
        }
        let plain = matches!(node.expr, Expr::Str(_) | Expr::Number(_));
        if plain && is_secret_name(name) {
            let mut found = Vec::new();
            texts(&literal(node), &mut found);
            self.texts.extend(found);
            self.places.insert(Place { file, span: node.span });
            return true;
        }
        false
    }

    /// Of all stacks.
    pub(crate) fn all(parts: Vec<Secrets>) -> Secrets {
        parts.into_iter().fold(Secrets::default(), |mut all, part| {
            all.texts.extend(part.texts);
            all.places.extend(part.places);
            all
        })
    }

    /// Takes them out of everything that a finding says.
    pub(crate) fn hide(&self, findings: &mut [Finding]) {
        if self.texts.is_empty() {
            return;
        }
        let mut texts: Vec<String> = self.texts.iter().cloned().collect();
        // A longer one may hold a shorter one.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let hide = |text: &mut String| {
            if let Some(hidden) = hide(text, &texts) {
                *text = hidden;
            }
        };
        for finding in findings {
            let texts = [&mut finding.message, &mut finding.label, &mut finding.fix, &mut finding.fingerprint];
            texts.into_iter().for_each(hide);
            finding.related.iter_mut().for_each(|related| hide(&mut related.says));
        }
    }

    /// Where they stand in the files.
    pub(crate) fn masked(&self, context: &Context<'_>) -> Vec<Masked> {
        let masked = |place: &Place| Masked {
            path: context.path(place.file).to_owned(),
            bytes: (place.span.start as usize, place.span.end as usize),
        };
        self.places.iter().map(masked).collect()
    }
}
