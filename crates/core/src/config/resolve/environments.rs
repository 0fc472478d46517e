//! Environments: place in the order, trigger, account, door, approvals, and their own settings.

use std::collections::BTreeMap;

use super::super::limits;
use super::super::model::{Environment, Place, RefKind, Rollback, Secrets, Trigger, WayBack};
use super::super::pattern;
use super::super::spanned::Spanned;
use super::super::suggest::listed;
use super::super::typed;
use super::settings::{Typed, defaults};
use super::{Environments, Resolver};
use crate::id::Env;
use crate::problem::Code;

type Keys = BTreeMap<String, String>;

impl Resolver<'_, '_, '_> {
    /// In topological order.
    pub(super) fn environments(&mut self, typed: Environments<'_>, keys: &Keys) -> Vec<Environment> {
        for (name, _) in typed {
            if limits::RESERVED_ENVIRONMENTS.contains(&name.as_str()) {
                self.add(
                    Code::ReservedName,
                    name.span(),
                    format!("an environment can't be called `{}`", name.as_str()),
                )
                .hint("Choose another name.");
            } else {
                self.name(name, "an environment");
            }
        }
        self.same_door(typed);
        let order = self.order(typed);
        order.into_iter().map(|index| self.environment(&typed[index].0, &typed[index].1, keys)).collect()
    }

    fn environment(&mut self, name: &Spanned<String>, typed: &Spanned<typed::Environment>, keys: &Keys) -> Environment {
        let mut after: Vec<Env> = Vec::new();
        for before in typed.after.iter().flat_map(|after| after.iter()) {
            let before = Env((**before).clone());
            if !after.contains(&before) {
                after.push(before);
            }
        }
        let approvals = self.approvals(&typed.approvals);
        let approvers: Vec<String> =
            typed.approvers.iter().flat_map(|list| list.iter()).map(|person| (**person).clone()).collect();
        self.approvers(typed, approvals, keys);
        let rate_limit = self.limited(name, "rate_limit", &typed.rate_limit, &limits::RATE_LIMIT);
        let burst = self.limited(name, "burst", &typed.burst, &limits::BURST);
        if let (Some(burst), None) = (&typed.burst, &typed.rate_limit)
            && !self.lost(typed, &["rate_limit"])
        {
            self.add(Code::MissingKey, burst.span(), "a `burst` needs a `rate_limit`")
                .meaning("API Gateway takes both or none.")
                .hint("Add `rate_limit = 50`, or leave `burst` away.");
        }
        let wait = typed.upstream_wait.as_ref().and_then(|wait| self.duration_s(wait));
        let default_way_back = if after.is_empty() { WayBack::Optional } else { WayBack::Required };
        let place = self.place(name, typed);
        Environment {
            name: Env((**name).clone()),
            on: typed.on.as_ref().and_then(|on| self.trigger(on, &after, typed)),
            entry_branch: typed.entry.as_ref().and_then(|entry| self.entry(entry, &after, typed)),
            url: typed.url.as_ref().and_then(|url| self.url(url)),
            secrets: typed.secrets.as_ref().and_then(|secrets| self.secrets(secrets)),
            rollback: typed.rollback.unwrap_or(Rollback::Automatic),
            approvals,
            approvers,
            freezes: self.freezes(&typed.freezes),
            upstream_wait_s: wait.unwrap_or(limits::DEFAULT_UPSTREAM_WAIT_S),
            way_back: typed.way_back.unwrap_or(default_way_back),
            shift: self.shift(typed.shift.as_ref(), &place),
            rate_limit,
            burst: burst.or(rate_limit.map(|rate| rate.saturating_mul(2))),
            settings: self.settings(name, &defaults(), &Typed::environment(typed)),
            after,
            place,
        }
    }

    fn trigger(
        &mut self,
        on: &Spanned<typed::On>,
        after: &[Env],
        environment: &Spanned<typed::Environment>,
    ) -> Option<Trigger> {
        match (&on.branch, &on.tag, &on.verified) {
            (Some(branch), None, None) => {
                self.ref_pattern(branch, RefKind::Branch);
                Some(Trigger::Branch((**branch).clone()))
            }
            (None, Some(tag), None) => {
                self.ref_pattern(tag, RefKind::Tag);
                Some(Trigger::Tag((**tag).clone()))
            }
            (None, None, Some(verified)) => {
                let env = Env((**verified).clone());
                if !after.contains(&env) && !self.lost(environment, &["after"]) {
                    let hint = match after {
                        [] => "Add it to `after`, or use a branch or a tag.".to_owned(),
                        _ => format!("Name one of {}.", listed(after.iter().map(Env::as_str))),
                    };
                    self.add(Code::UnknownReference, verified.span(), format!("`{env}` does not stand in `after`"))
                        .meaning("What it verifies would start a deployment that does not wait for it.")
                        .hint(hint);
                }
                Some(Trigger::Verified(env))
            }
            (None, None, None) if self.lost(on, &[]) => None,
            (None, None, None) => {
                self.choose_one(on, "nothing is named that starts a deployment");
                None
            }
            _ => {
                self.choose_one(on, "several things are named that start a deployment");
                None
            }
        }
    }

    fn choose_one(&mut self, on: &Spanned<typed::On>, message: &str) {
        self.add(Code::ChooseOne, on.span(), message)
            .hint("Use one of `{ branch = \"main\" }`, `{ tag = \"v*.*.*\" }` and `{ verified = \"dev\" }`, or leave `on` away.");
    }

    fn ref_pattern(&mut self, text: &Spanned<String>, kind: RefKind) {
        if let Err((message, hint)) = pattern::check_ref(text, kind) {
            self.add(Code::BadValue, text.span(), message).hint(hint);
        }
    }

    fn entry(
        &mut self,
        entry: &Spanned<typed::Entry>,
        after: &[Env],
        environment: &Spanned<typed::Environment>,
    ) -> Option<String> {
        let branch = entry.branch.as_ref()?;
        self.ref_pattern(branch, RefKind::Branch);
        if after.is_empty() && !self.lost(environment, &["after"]) {
            self.add(Code::BadValue, entry.span(), "releases begin here anyway")
                .meaning("`entry` lets a branch past the environments in `after`, and there are none.")
                .hint("Leave `entry` away, or use `on`.");
        }
        Some((**branch).clone())
    }

    fn place(&mut self, name: &str, typed: &Spanned<typed::Environment>) -> Place {
        match (&typed.account, &typed.region) {
            (None, None) => Place::Local,
            (None, Some(_)) if self.lost(typed, &["account"]) => Place::Local,
            (None, Some(region)) => {
                self.add(Code::MissingKey, region.span(), format!("`{name}` has a region and no account"))
                    .meaning("Without an account the environment would run on this machine.")
                    .hint("Add `account = \"123456789012\"`, or leave `region` away.");
                Place::Local
            }
            (Some(account), region) => {
                if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.add(
                        Code::BadValue,
                        account.span(),
                        format!("`{}` is not an AWS account", account.escape_debug()),
                    )
                    .meaning("The account is compared with the one that is really there before anything is changed.")
                    .hint("An account is 12 digits in quotes; `aws sts get-caller-identity` shows yours.");
                }
                match region {
                    None if self.lost(typed, &["region"]) => {}
                    None => {
                        self.add(Code::MissingKey, account.span(), format!("`{name}` has an account and no region"))
                            .hint("Add `region = \"eu-central-1\"` or another region.");
                    }
                    Some(region) if !is_region(region) => {
                        self.add(
                            Code::BadValue,
                            region.span(),
                            format!("`{}` is not an AWS region", region.escape_debug()),
                        )
                        .hint("Write it like `eu-central-1`.");
                    }
                    Some(_) => {}
                }
                let region = region.as_ref().map(|region| (**region).clone()).unwrap_or_default();
                Place::Aws { account: (**account).clone(), region }
            }
        }
    }

    fn url(&mut self, url: &Spanned<String>) -> Option<String> {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let bad = host.is_empty()
            || url.contains(['?', '#', '@'])
            || url.chars().any(|c| c.is_whitespace() || c.is_control());
        if bad {
            self.add(Code::BadValue, url.span(), format!("`{}` is not the address of a door", url.escape_debug()))
                .hint("Write it like `https://api.example.com`, without a query and without credentials.");
            return None;
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    /// Two environments behind one address: gates would ask the one about the other.
    fn same_door(&mut self, typed: Environments<'_>) {
        let mut seen: BTreeMap<&str, (&str, &Spanned<String>)> = BTreeMap::new();
        for (name, environment) in typed {
            let Some(url) = &environment.url else { continue };
            if let Some((other, place)) = seen.insert(url.trim_end_matches('/'), (name.as_str(), url)) {
                let text = self.notes.text();
                self.add(Code::Duplicate, url.span(), format!("`{}` and `{other}` have the same `url`", name.as_str()))
                    .meaning("The gates of the one would test what serves in the other.")
                    .related(text, place.span(), "also here")
                    .hint("Give each environment its own address.");
            }
        }
    }

    fn secrets(&mut self, secrets: &Spanned<typed::Secrets>) -> Option<Secrets> {
        let Some(doppler) = &secrets.doppler else {
            if self.lost(secrets, &[]) {
                return None;
            }
            self.add(Code::ChooseOne, secrets.span(), "no place of secrets is named")
                .hint("Write `secrets = { doppler = { project = \"…\", config = \"…\" } }`, or leave it away.");
            return None;
        };
        let (project, config) = (doppler.project.as_ref()?, doppler.config.as_ref()?);
        Some(Secrets::Doppler { project: (**project).clone(), config: (**config).clone() })
    }

    pub(super) fn approvals(&mut self, typed: &typed::Number) -> u32 {
        let Some(typed) = typed else { return 0 };
        if !(0..=limits::APPROVALS_MAX).contains(&**typed) {
            self.add(Code::BadValue, typed.span(), format!("{} is not a number of approvals", **typed))
                .hint(format!("Choose 0 to {}.", limits::APPROVALS_MAX));
        }
        u32::try_from(**typed).unwrap_or(0)
    }

    fn approvers(&mut self, typed: &typed::Environment, approvals: u32, keys: &Keys) {
        let Some(list) = &typed.approvers else { return };
        let mut seen = std::collections::BTreeSet::new();
        for person in list.iter() {
            if !seen.insert(person.as_str()) {
                self.add(Code::Duplicate, person.span(), format!("`{}` stands twice in `approvers`", person.as_str()))
                    .meaning("One person counts once.")
                    .hint("Remove one.");
            } else if !keys.is_empty() && !keys.contains_key(person.as_str()) {
                self.unknown(person, person.span(), "key of", keys.keys().map(String::as_str));
            }
        }
        if !list.is_empty() && seen.len() < approvals as usize {
            let message = format!("{approvals} approvals are needed, and {} people may approve", seen.len());
            self.add(Code::UnreachableApproval, list.span(), message)
                .hint("Name more people, or ask for fewer approvals.");
        }
    }
}

/// The form of AWS region names: `eu-central-1`, `us-gov-west-1`. Which regions there are changes and is AWS's to say.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let Some((number, words)) = parts.split_last() else { return false };
    (2..=4).contains(&words.len())
        && words.iter().all(word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
