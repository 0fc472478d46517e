//! `[check]`: what is passed over, and the findings that are accepted.

use super::super::model::{Check, Ignore};
use super::super::spanned::Spanned;
use super::super::typed;
use super::Resolver;
use crate::problem::Code;

impl Resolver<'_, '_, '_> {
    pub(super) fn accepted(&mut self, typed: &typed::Check) -> Check {
        let leave_out = typed.leave_out.as_ref().map_or(&[][..], |paths| paths.as_slice());
        for path in leave_out.iter().chain(&typed.baseline) {
            self.path_of_check(path);
        }
        Check {
            leave_out: leave_out.iter().map(|path| (**path).clone()).collect(),
            baseline: typed.baseline.as_ref().map(|path| (**path).clone()),
            ignore: typed.ignore.iter().map(|entry| self.ignore(entry)).collect(),
        }
    }

    fn ignore(&mut self, typed: &Spanned<typed::Ignore>) -> Ignore {
        if let Some(path) = &typed.path {
            self.path_of_check(path);
        }
        if let Some(reason) = typed.reason.as_ref().filter(|reason| reason.trim().is_empty()) {
            self.add(Code::BadValue, reason.span(), "the reason is empty")
                .hint("Say why this is accepted: whoever reads it next year wants to know whether it still holds.");
        }
        let text = |typed: &typed::Text| typed.as_ref().map(|text| (**text).clone()).unwrap_or_default();
        Ignore { rule: text(&typed.rule), path: text(&typed.path), reason: text(&typed.reason) }
    }

    fn path_of_check(&mut self, path: &Spanned<String>) {
        let leaves = path.split('/').any(|part| part == "..");
        if path.trim().is_empty() || path.starts_with('/') || leaves {
            self.add(Code::BadValue, path.span(), "expected a path in the repository")
                .hint("Paths stand below the folder of tiers.toml, without a slash at the beginning.");
        }
    }
}
