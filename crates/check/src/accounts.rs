//! Whether two environments stand in one account and region, as far as that is written down.

use crate::discover::names;
use crate::eval::{Evaluation, Value};
use crate::hcl::Expr;
use crate::model::Place;
use crate::view::{Deployed, View};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Same,
    Different,
    Unknown,
}

/// What is known of where an environment stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whereabouts {
    /// 12 digits, from tiers.toml, the provider or a variable.
    account: Option<String>,
    /// The line that says so; tiers.toml has none.
    account_at: Option<Place>,
    /// Anything else that stands for the account: a profile, a role, a project or a subscription.
    stand_ins: Vec<(&'static str, String)>,
    region: Option<String>,
    /// What tells this share of an environment from the others, where its files are those of one region.
    share: Option<(String, String)>,
    /// Where the state is kept. A store for each environment often goes with an account for each, and often does not.
    store: Option<String>,
}

impl Whereabouts {
    pub(crate) fn of(view: &View<'_>, deployed: &Deployed<'_>) -> Whereabouts {
        let mut found = Whereabouts::default();
        let whole = deployed.instance.within.as_deref();
        found.share = whole.map(|whole| (whole.to_string(), deployed.environment.to_string()));
        let is_it = |name: &str| {
            names::same_environment(name, deployed.environment)
                || whole.is_some_and(|whole| names::same_environment(name, whole))
        };
        let declared = view.context.options.environments.iter().find(|each| is_it(&each.name));
        if let Some(declared) = declared {
            found.account.clone_from(&declared.account);
            found.region.clone_from(&declared.region);
        }
        for provider in deployed.module.providers.iter().filter(|provider| provider.alias.is_none()) {
            let text = |name: &str| {
                let attr = provider.body.attr(name)?;
                deployed.evaluation.value(Evaluation::ROOT, &attr.value).to_text().map(|text| text.to_string())
            };
            if provider.name == "aws" {
                found.region = found.region.or_else(|| text("region"));
                found.stand_in("profile", text("profile"));
                if let Some(attr) = provider.body.attr("allowed_account_ids")
                    && let Value::List(items) = deployed.evaluation.value(Evaluation::ROOT, &attr.value)
                    && let Some(text) = items.first().and_then(Value::to_text)
                {
                    let item = match &attr.value.expr {
                        Expr::Tuple(items) => items.first(),
                        _ => Some(&attr.value),
                    };
                    let given = item.and_then(|item| deployed.given_at(Evaluation::ROOT, item));
                    let at = given.unwrap_or(Place { file: provider.file, span: attr.span() });
                    found.settle(Some(&text), at);
                }
                let role = provider.body.block("assume_role").and_then(|block| block.body.attr("role_arn"));
                if let Some(attr) = role
                    && let Some(role) = deployed.evaluation.value(Evaluation::ROOT, &attr.value).to_text()
                {
                    let given = deployed.given_at(Evaluation::ROOT, &attr.value);
                    let at = given.unwrap_or(Place { file: provider.file, span: attr.span() });
                    found.settle(account_in(&role), at);
                    found.stand_in("role", Some(role.to_string()));
                }
            }
            found.stand_in("project", text("project"));
            found.stand_in("subscription", text("subscription_id"));
        }
        found.read_values(deployed);
        found.read_locals(deployed);
        found.read_backend(deployed);
        found
    }

    /// What is said first counts.
    fn settle(&mut self, account: Option<&str>, at: Place) {
        if let Some(account) = account.filter(|_| self.account.is_none()) {
            self.account = Some(account.to_string());
            self.account_at = Some(at);
        }
    }

    fn stand_in(&mut self, kind: &'static str, text: Option<String>) {
        if let Some(text) = text {
            self.stand_ins.push((kind, text));
        }
    }

    fn read_values(&mut self, deployed: &Deployed<'_>) {
        for variable in &deployed.module.variables {
            let Some(telling) = telling(variable.name) else { continue };
            let Some(text) = deployed.evaluation.variable(Evaluation::ROOT, variable.name).to_text() else { continue };
            match telling {
                Telling::Account => {
                    let given = deployed.given(variable.name).map(|(file, attr)| Place { file, span: attr.span() });
                    self.settle(account_in(&text), given.unwrap_or(variable.place));
                }
                Telling::Region => self.region = self.region.take().or_else(|| Some(text.to_string())),
                Telling::StandIn(kind) => self.stand_in(kind, Some(text.to_string())),
            }
        }
    }

    /// `local.account_id`, by environment from a map or a file.
    fn read_locals(&mut self, deployed: &Deployed<'_>) {
        for local in &deployed.module.locals {
            if !matches!(telling(local.name), Some(Telling::Account)) || self.account.is_some() {
                continue;
            }
            let Some(text) = deployed.evaluation.value(Evaluation::ROOT, &local.attr.value).to_text() else { continue };
            self.settle(account_in(&text), Place { file: local.file, span: local.attr.span() });
        }
    }

    fn read_backend(&mut self, deployed: &Deployed<'_>) {
        let Some(backend) = deployed.backend else { return };
        self.store = backend.text("bucket").or_else(|| backend.text("storage_account_name")).map(ToString::to_string);
        self.stand_in("backend profile", backend.text("profile").map(ToString::to_string));
        for name in ["role_arn", "assume_role.role_arn", "bucket", "dynamodb_table"] {
            let account = backend.text(name).and_then(account_in).map(ToString::to_string);
            self.stand_in("backend account", account);
        }
    }

    pub(crate) fn account(&self, other: &Whereabouts) -> Relation {
        match (&self.account, &other.account) {
            (Some(a), Some(b)) if a == b => return Relation::Same,
            (Some(_), Some(_)) => return Relation::Different,
            _ => {}
        }
        let differs = self
            .stand_ins
            .iter()
            .any(|(kind, text)| other.stand_ins.iter().any(|(other, theirs)| other == kind && theirs != text));
        if differs { Relation::Different } else { Relation::Unknown }
    }

    /// 12 digits, where they are known.
    pub(crate) fn number(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The line that says which account it is.
    pub(crate) fn account_at(&self) -> Option<Place> {
        self.account_at
    }

    /// What both say stands for their account, of one kind: a project, a subscription.
    pub(crate) fn in_common(&self, other: &Whereabouts, kind: &str) -> Option<&str> {
        let of = |(known, text): &&(&'static str, String)| {
            *known == kind && other.stand_ins.contains(&(known, text.clone()))
        };
        self.stand_ins.iter().find(of).map(|(_, text)| text.as_str())
    }

    /// What stands for the account: names of profiles, roles, projects.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.stand_ins.iter().map(|(_, text)| text.as_str())
    }

    /// Whether both keep their states in places of their own.
    pub(crate) fn own_stores(&self, other: &Whereabouts) -> bool {
        matches!((&self.store, &other.store), (Some(a), Some(b)) if a != b)
    }

    pub(crate) fn region(&self, other: &Whereabouts) -> Relation {
        match (&self.region, &other.region) {
            (Some(a), Some(b)) if a == b => Relation::Same,
            (Some(_), Some(_)) => Relation::Different,
            _ => match (&self.share, &other.share) {
                (Some((whole, own)), Some((other, theirs))) if whole == other && own != theirs => Relation::Different,
                _ => Relation::Unknown,
            },
        }
    }
}

/// What a variable says of where an environment stands.
#[derive(Clone, Copy)]
enum Telling {
    Account,
    Region,
    StandIn(&'static str),
}

const TELLING: &[(&str, Telling)] = &[
    ("account_id", Telling::Account),
    ("aws_account_id", Telling::Account),
    ("account", Telling::Account),
    ("aws_account", Telling::Account),
    ("region", Telling::Region),
    ("aws_region", Telling::Region),
    ("aws_profile", Telling::StandIn("profile")),
    ("profile", Telling::StandIn("profile")),
    ("project_id", Telling::StandIn("project")),
    ("gcp_project", Telling::StandIn("project")),
    ("subscription_id", Telling::StandIn("subscription")),
];

fn telling(variable: &str) -> Option<Telling> {
    TELLING.iter().find(|(name, _)| name.eq_ignore_ascii_case(variable)).map(|(_, telling)| *telling)
}

/// The first word of exactly twelve digits.
pub(crate) fn account_in(text: &str) -> Option<&str> {
    if text.len() < 12 {
        return None;
    }
    let mut words = text.split(|character: char| !character.is_ascii_alphanumeric());
    words.find(|word| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit()))
}
