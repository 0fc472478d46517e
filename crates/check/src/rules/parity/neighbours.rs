//! Environments that live in the account of another on purpose: a sandbox in dev's, uat in staging's, preprod in prod's.

use crate::discover::names::Stage;
use crate::finding::Severity;
use crate::view::{Deployed, View};

/// Arguments, settings and variables that say in whose account something is made, by the words in their names.
const PLACES: &[&str] =
    &["role", "profile", "account", "accounts", "project", "subscription", "credentials", "tenant", "impersonate"];

/// Whether what is called so says where things are made.
pub(super) fn is_place(name: &str) -> bool {
    name.split(['_', '-']).any(|word| PLACES.iter().any(|place| place.eq_ignore_ascii_case(word)))
}

/// Whether an environment of the first kind may well be a guest of one of the second. Production is nobody's guest, and of dev and
/// staging each has an account of its own or shares that of all that is not production.
fn may_be_guest(own: Option<Stage>, host: Option<Stage>) -> bool {
    // A name that means no stage, of a tenant perhaps, may live anywhere.
    let (Some(own), Some(host)) = (own, host) else { return true };
    match own {
        Stage::Prod => false,
        Stage::Preprod | Stage::Recovery => matches!(host, Stage::Prod | Stage::Staging | Stage::Preprod),
        Stage::Demo => true,
        _ if host == Stage::Nonprod => true,
        Stage::Dev | Stage::Staging => false,
        _ => !matches!(host, Stage::Prod | Stage::Recovery),
    }
}

/// How much it matters that a value of one environment leads to another, where it would else matter as much as `usual`.
pub(super) fn severity<'a>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    other: &str,
    name: &str,
    usual: Severity,
) -> Severity {
    let known = &view.context.found.known;
    if !may_be_guest(known.stage(deployed.environment), known.stage(other)) {
        return usual;
    }
    let lives_there = || {
        let mut texts = view.whereabouts(deployed).texts();
        texts.any(|text| known.other_in(text, deployed.environment).is_some_and(|(.., named)| named == other))
    };
    if is_place(name) || lives_there() { Severity::Hint } else { usual }
}

#[cfg(test)]
mod tests {
    use super::{Stage, is_place, may_be_guest};

    #[test]
    fn an_environment_is_the_guest_of_a_larger_one_and_production_of_none() {
        use Stage::{Demo, Dev, Nonprod, Preprod, Prod, Qa, Recovery, Sandbox, Staging, Uat};
        for (own, host) in [
            (Sandbox, Dev),
            (Uat, Staging),
            (Qa, Dev),
            (Preprod, Prod),
            (Recovery, Prod),
            (Dev, Nonprod),
            (Staging, Nonprod),
            (Demo, Prod),
        ] {
            assert!(may_be_guest(Some(own), Some(host)), "{own:?} with {host:?}");
        }
        for (own, host) in [
            (Prod, Staging),
            (Prod, Preprod),
            (Staging, Dev),
            (Dev, Prod),
            (Uat, Prod),
            (Sandbox, Prod),
            (Prod, Nonprod),
        ] {
            assert!(!may_be_guest(Some(own), Some(host)), "{own:?} with {host:?}");
        }
        assert!(may_be_guest(None, Some(Prod)));
    }

    #[test]
    fn what_says_in_whose_account_is_told_by_its_words() {
        for name in ["role_arn", "aws_profile", "allowed_account_ids", "project_id", "subscription_id"] {
            assert!(is_place(name), "{name}");
        }
        for name in ["bucket", "database_host", "projected_load", "vpc_name"] {
            assert!(!is_place(name), "{name}");
        }
    }
}
