//! Which account belongs to which environment, by everything in the repository that says so: variable files, providers of roots that
//! are one environment's, maps with a key for each environment, tiers.toml.

use std::collections::BTreeSet;

use crate::accounts::account_in;
use crate::discover::{Found, names};
use crate::eval::World;
use crate::hcl::{Attr, Expr, Node, Part, Span};
use crate::model::{FileId, Module, Place};
use crate::options::Options;
use crate::parsed::Parsed;

/// One place that says that an account is an environment's.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// 12 digits.
    number: String,
    /// Position among the environments.
    environment: usize,
    /// `None` for tiers.toml.
    place: Option<Place>,
}

#[derive(Debug, Default)]
pub(crate) struct Owners {
    environments: Vec<String>,
    claims: Vec<Claim>,
}

impl Owners {
    pub(crate) fn find(parsed: &[Parsed<'_>], world: &World<'_>, found: &Found, options: &Options) -> Owners {
        let mut owners = Owners { environments: found.environments.clone(), claims: Vec::new() };
        for declared in &options.environments {
            if let (Some(account), Some(environment)) = (&declared.account, owners.position(&declared.name)) {
                owners.claims.push(Claim { number: account.clone(), environment, place: None });
            }
        }
        // On one core: whoever asks first is in the middle of a stack, and while it waited for another core it could be given a second
        // stack that asks as well, and wait for itself.
        let mut claims = Vec::new();
        for instance in found.stacks.iter().flat_map(|stack| &stack.instances) {
            let environment = instance.environment.as_deref().and_then(|name| owners.position(name));
            for file in &instance.var_files {
                if let Parsed::Values(body) = &parsed[*file] {
                    body.attrs.iter().for_each(|attr| owners.take(*file, attr, environment, &mut claims));
                }
            }
        }
        let of_module = sole_environments(world.modules.len(), &owners, found);
        for (module, sole) in world.modules.iter().zip(of_module) {
            owners.take_module(module, sole, &mut claims);
        }
        owners.claims.append(&mut claims);
        owners.claims.sort();
        owners.claims.dedup();
        owners
    }

    fn position(&self, environment: &str) -> Option<usize> {
        let exact = self.environments.iter().position(|known| known == environment);
        exact.or_else(|| self.environments.iter().position(|known| names::same_environment(known, environment)))
    }

    fn take_module(&self, module: &Module<'_>, sole: Option<usize>, claims: &mut Vec<Claim>) {
        for local in &module.locals {
            self.take(local.file, local.attr, sole, claims);
        }
        for variable in &module.variables {
            if let Some(default) = variable.default.filter(|_| says_account(variable.name)) {
                self.take_named(variable.place.file, variable.name, &default.value, None, claims);
            }
        }
        let Some(environment) = sole else { return };
        for call in &module.calls {
            call.body.attrs.iter().for_each(|attr| self.take(call.place.file, attr, sole, claims));
        }
        for provider in module.providers.iter().filter(|provider| provider.alias.is_none()) {
            let role = provider.body.block("assume_role").and_then(|block| block.body.attr("role_arn"));
            for attr in provider.body.attr("allowed_account_ids").into_iter().chain(role) {
                for number in numbers(&attr.value) {
                    claims.push(Claim {
                        number: number.to_string(),
                        environment,
                        place: Some(of(provider.file, attr.span())),
                    });
                }
            }
        }
    }

    fn take(&self, file: FileId, attr: &Attr<'_>, environment: Option<usize>, claims: &mut Vec<Claim>) {
        if says_account(attr.name) {
            self.take_named(file, attr.name, &attr.value, environment, claims);
        }
    }

    fn take_named(
        &self,
        file: FileId,
        name: &str,
        node: &Node<'_>,
        environment: Option<usize>,
        claims: &mut Vec<Claim>,
    ) {
        let place = Some(of(file, node.span));
        match &node.expr {
            Expr::Str(_) | Expr::Template(_) => {
                // `prod_account_id` is that of prod, whoever holds it.
                let named = names::find(name).filter(|named| named.strong).map(|named| self.position(&named.name));
                let own = environment.filter(|_| is_own(name));
                if let (Some(environment), [number]) = (named.unwrap_or(own), &numbers(node)[..]) {
                    claims.push(Claim { number: number.to_string(), environment, place });
                }
            }
            Expr::Object(entries) => {
                for (key, value) in entries {
                    let Some(environment) = key.as_str().or(key.keyword()).and_then(|key| self.position(key)) else {
                        continue;
                    };
                    let value = match &value.expr {
                        Expr::Object(inner) => {
                            inner.iter().find(|(key, _)| key.as_str().is_some_and(is_number)).map(|(_, value)| value)
                        }
                        _ => Some(value),
                    };
                    if let Some([number]) = value.map(numbers).as_deref() {
                        claims.push(Claim { number: number.to_string(), environment, place });
                    }
                }
            }
            _ => {}
        }
    }

    /// The environments that something says to own an account, with the places that do.
    fn of(&self, number: &str) -> &[Claim] {
        let from = self.claims.partition_point(|claim| claim.number.as_str() < number);
        let rest = &self.claims[from..];
        &rest[..rest.partition_point(|claim| claim.number == number)]
    }

    /// The environment whose account a number is that stands at a place of another one's: nothing else says that it is that one's too,
    /// and something says that that one has an account of its own.
    pub(crate) fn other(&self, number: &str, own: &str, at: Place) -> Option<&str> {
        let own = self.position(own)?;
        let claims = self.of(number);
        let elsewhere = |claim: &&Claim| claim.place.is_none_or(|place| !overlap(place, at));
        if claims.iter().filter(elsewhere).any(|claim| claim.environment == own) {
            return None;
        }
        let other = claims.iter().find(|claim| claim.environment != own)?;
        let mut of_own = self.claims.iter().filter(|claim| claim.environment == own && claim.number != number);
        of_own.find(elsewhere)?;
        self.environments.get(other.environment).map(String::as_str)
    }

    /// Whether something says that an account is an environment's.
    pub(crate) fn owns(&self, environment: &str, number: &str) -> bool {
        let position = self.position(environment);
        self.of(number).iter().any(|claim| Some(claim.environment) == position)
    }

    /// Whether something says that an account is an environment's, whichever.
    pub(crate) fn is_claimed(&self, number: &str) -> bool {
        !self.of(number).is_empty()
    }

    /// Whether the account of one of these environments is known.
    pub(crate) fn knows_any(&self, environments: &BTreeSet<&str>) -> bool {
        let of = |name: &&str| self.position(name);
        environments.iter().filter_map(of).any(|own| self.claims.iter().any(|claim| claim.environment == own))
    }

    /// The one environment that has an account to itself.
    pub(crate) fn sole(&self, number: &str) -> Option<&str> {
        let claims = self.of(number);
        let first = claims.first()?.environment;
        let alone = claims.iter().all(|claim| claim.environment == first);
        self.environments.get(first).filter(|_| alone).map(String::as_str)
    }

    /// Whether the accounts of all of these environments are known, and a number is none of them, or that of all.
    pub(crate) fn is_apart<'e>(&self, number: &str, mut environments: impl Iterator<Item = &'e str>) -> bool {
        let claims = self.of(number);
        let of = |claims: &[Claim], position: usize| claims.iter().any(|claim| claim.environment == position);
        environments.all(|environment| {
            self.position(environment).is_some_and(|position| match claims.is_empty() {
                true => of(&self.claims, position),
                false => of(claims, position),
            })
        })
    }
}

/// By module, the one environment whose root it is.
fn sole_environments(count: usize, owners: &Owners, found: &Found) -> Vec<Option<usize>> {
    let mut of_module: Vec<Option<Option<usize>>> = vec![None; count];
    for instance in found.stacks.iter().flat_map(|stack| &stack.instances) {
        let own = instance.environment.as_deref().and_then(|name| owners.position(name));
        let slot = &mut of_module[instance.module];
        *slot = Some(if slot.is_none() { own } else { None });
    }
    of_module.into_iter().map(Option::flatten).collect()
}

/// Whether something of this name may hold the number of an account.
fn says_account(name: &str) -> bool {
    name.contains("account") || name.contains("role_arn") || name.contains("ACCOUNT")
}

/// Whether it holds that of the environment that it belongs to: `account_id`, and not `log_account_id`.
fn is_own(name: &str) -> bool {
    const OWN: &[&str] = &[
        "account_id",
        "aws_account_id",
        "account",
        "aws_account",
        "account_number",
        "aws_account_number",
        "target_account_id",
        "role_arn",
        "assume_role_arn",
        "deploy_role_arn",
        "terraform_role_arn",
        "provider_role_arn",
    ];
    OWN.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The attribute of an object that describes an account.
fn is_number(key: &str) -> bool {
    matches!(key, "id" | "account_id" | "aws_account_id" | "account" | "number" | "account_number")
}

/// All account numbers in an expression's own texts.
fn numbers<'n>(node: &'n Node<'_>) -> Vec<&'n str> {
    match &node.expr {
        Expr::Str(text) => account_in(text).into_iter().collect(),
        Expr::Template(parts) => {
            let texts = parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
            texts.filter_map(|text| account_in(text)).collect()
        }
        Expr::Tuple(items) => items.iter().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

fn of(file: FileId, span: Span) -> Place {
    Place { file, span }
}

fn overlap(a: Place, b: Place) -> bool {
    a.file == b.file && a.span.start < b.span.end && b.span.start < a.span.end
}
