//! Making a plan: in the right place, saved for its owner's eyes, read as JSON, judged, and gone when the command is over.

use std::collections::BTreeSet;

use tiers_check::Sameness;
use tiers_core::config::Place;
use tiers_core::id::Digest;
use tiers_core::lease::{Attempt, Backend, Facts, LeaseState, Request};
use tiers_core::terraform::{Deployed, PlanJson, Review, review};
use tiers_edge::terraform::{Terraform, TerraformError};
use tiers_engine::lambda_target::LEDGER_TAG;
use tiers_lambda::api::ApiError;

use super::doppler::right_config;
use super::interrupt;
use super::owner::{Declared, Taken, is_still_its};
use super::place::{sameness, told_apart};
use super::plans::SavedPlan;
use super::site::{Binding, Site};
use super::words::{not_planned, said, show};
use crate::context::Context;
use crate::fault::{Fault, chain};
use crate::local::ALIAS;
use crate::request::apply_rules;

/// A plan that was made and judged. Dropping it deletes the saved plan.
pub struct Planned {
    pub saved: SavedPlan,
    /// Terraform's own words for people, redacted.
    pub text: String,
    pub review: Review,
    pub request: Request,
    pub binding: Binding,
    /// What it takes over from environments that are no more, and what says that they are no more.
    pub taken: Vec<Taken>,
    pub declared: Declared,
    /// Something that whoever reads it should know first.
    pub note: Option<String>,
    /// No commit says what the values were.
    pub values_outside: bool,
    /// What account and region were compared with, in words.
    pub place: String,
    /// A person has to agree, whatever flags there are.
    pub asks: bool,
}

/// Plans an environment. `state` was read before: what is applied after it outdates the plan.
pub async fn plan(context: &Context, site: &Site, state: &LeaseState) -> Result<Planned, Fault> {
    let program = program(&site.terraform).await?;
    right_config(&site.environment, |name| std::env::var(name).ok())?;
    let place = account(site).await?;
    let tree = site.tree(context)?;
    let binding = site.ready(&tree).await?;
    let saved = SavedPlan::new(&site.home)?;
    let file = &saved.file;
    let terraform = &site.terraform;
    let before = terraform.state().await.map_err(|error| said(error, "terraform state pull"))?;
    let env = &site.environment.name;
    let rules = apply_rules(context, env)?;
    let declared = Declared::ruled(&rules);
    let lineage = before.as_ref().map(|(lineage, _)| lineage.as_str());
    let taken = site.taken(&binding.backend, lineage, state, &declared)?;
    if interrupt::asked() {
        return Err(Fault::errored("stopped as asked; nothing was changed"));
    }
    site.begins("terraform plan");
    let since = context.clock.now();
    let at_work = interrupt::at_work();
    let planned = terraform.plan(file, &interrupt::asked).await;
    drop(at_work);
    let (_, done) = planned.map_err(|error| not_planned(error, env, terraform, state, since))?;
    if interrupt::asked() {
        return Err(Fault::errored("stopped as asked; nothing was changed"));
    }
    // A log that was asked for (TF_LOG) is no part of the plan that somebody agrees to.
    show(done.text_err());
    let bytes = std::fs::read(file).map_err(|error| Fault::errored(format!("{}: {error}", file.display())))?;
    let json = terraform.show(file).await.map_err(|error| said(error, "terraform show"))?;
    let json = PlanJson::parse(&json).map_err(|error| Fault::refused(error.to_string()))?;
    let place = region(site, &json, place)?;
    // Judged by the addresses as they are; from here on they are shown, compared and recorded without secrets.
    let mut review = review(&json, &rules.protected, &deployed(context, site)).redacted(&terraform.redactor);
    for taken in &taken {
        review = review.also_breaks(Some(&taken.from), taken.why(env));
    }
    for why in site.untold(&binding.backend, lineage, state) {
        review = review.also_breaks(None, why);
    }
    // What another environment took over from this one is that one's history.
    let last = state.last.get(env).filter(|last| is_still_its(state, last));
    let is_new = last.is_none() && before.is_none();
    let left_behind = site.left_behind(state, &declared).filter(|_| is_new);
    if let Some(why) = broken_off(last, &taken, &binding.backend, before.as_ref()) {
        review = review.also_breaks(None, why);
    }
    let (lineage, serial) = before.unzip();
    let facts = Facts {
        environment: env.clone(),
        backend: binding.backend.clone(),
        plan: Digest::of(&bytes),
        lineage,
        serial,
        counts: review.counts,
        tree: tree.hash.clone(),
        var_file: tree.var_file.clone(),
        commit: tree.commit.clone(),
        dirty: tree.dirty,
        program,
    };
    let made_after = state.last_epoch(env);
    let breaking = review.breaking_addresses().into_iter().map(str::to_owned).collect();
    let (changes, asks) = (review.changes.clone(), rules.asks);
    let request = Request { facts, changes, breaking: Some(breaking), agreed: None, rules: rules.commit, made_after };
    let (text, values_outside) = (done.text_out().to_owned(), tree.values_outside);
    let note = left_behind;
    Ok(Planned { text, review, request, binding, taken, declared, note, values_outside, place, asks, saved })
}

/// Why the state is not the one that the last apply here left, or that of the environment it is taken from, if so.
fn broken_off(
    last: Option<&Attempt>,
    taken: &[Taken],
    backend: &Backend,
    found: Option<&(String, u64)>,
) -> Option<String> {
    if let Some(last) = last {
        let known = &last.facts.backend;
        let (by, (here, there)) = (&last.by, told_apart(backend, known));
        match sameness(backend, known) {
            Sameness::Same => {}
            Sameness::Different => {
                return Some(format!("it is {here}, and {by} applied to {there} here; nothing says that it was moved"));
            }
            // A lineage that was applied here tells what the settings don't.
            Sameness::Perhaps if found.is_some() && last.lineage().is_some() => {}
            Sameness::Perhaps => {
                return Some(format!("whether {here} is {there}, which {by} applied to here, can't be told"));
            }
        }
    }
    let attempt = last.or(taken.first().map(|taken| &taken.attempt))?;
    attempt.broken_off(found.map(|(lineage, serial)| (lineage.as_str(), *serial)))
}

fn deployed(context: &Context, site: &Site) -> Deployed {
    let components = context.project.apps.iter().flat_map(|app| &app.components);
    let functions: BTreeSet<String> =
        components.filter_map(|component| component.names.get(&site.environment.name).cloned()).collect();
    Deployed { functions, alias: ALIAS.to_owned(), ledger_tag: LEDGER_TAG.to_owned() }
}

/// Compares the account that credentials lead to with the declared one.
async fn account(site: &Site) -> Result<String, Fault> {
    let env = &site.environment.name;
    let Place::Aws { account, region } = &site.environment.place else {
        return Ok(format!("not compared: tiers.toml declares no account and no region for {env}"));
    };
    if let Some(set) = std::env::var("AWS_REGION").ok().filter(|set| !set.is_empty() && set != region) {
        return Err(Fault::refused(format!("wrong region: {env} is declared in {region}, and AWS_REGION says {set}")));
    }
    let api = tiers_aws::AwsLambda::from_environment(region, None).await;
    let caller = tiers_lambda::api::LambdaApi::caller(&api).await.map_err(|error| untold(&error))?;
    if &caller.account != account {
        return Err(Fault::refused(format!(
            "wrong account: {env} is declared in {account}, and the credentials lead to {}",
            caller.account
        )));
    }
    Ok(format!("{account}, as declared"))
}

fn untold(error: &ApiError) -> Fault {
    let told = |why: &str| Fault::errored(format!("the account that credentials lead to can't be told: {why}"));
    match error {
        ApiError::Denied(why) => told(why).hint(
            "Log in first, or say whose credentials to use: AWS_PROFILE, AWS_ACCESS_KEY_ID with its secret, or the role of the CI job.",
        ),
        // It was only a look, so there is no outcome that would be unknown.
        ApiError::Ambiguous(why) => told(why),
        other => told(&other.to_string()),
    }
}

/// The program and its version; a program that is no Terraform is found out before anything else is asked of it.
async fn program(terraform: &Terraform) -> Result<String, Fault> {
    terraform.version().await.map_err(|error| match error {
        TerraformError::Answer { .. } => Fault::usage(format!(
            "`{}` is neither Terraform nor OpenTofu: `{} version` does not say so",
            terraform.program, terraform.program
        ))
        .hint("`program` in [terraform] of tiers.toml names it: `terraform`, `tofu`, or a path from there."),
        error => said(error, "terraform version"),
    })
}

/// Compares the AWS provider's region, where the configuration tells it.
fn region(site: &Site, plan: &PlanJson, place: String) -> Result<String, Fault> {
    let Place::Aws { region, .. } = &site.environment.place else {
        return Ok(place);
    };
    match plan.aws_region() {
        Some(told) if told != region => Err(Fault::refused(format!(
            "wrong region: {} is declared in {region}, and the AWS provider is configured for {told}",
            site.environment.name
        ))),
        Some(_) => Ok(format!("{place}; region {region}, as the provider is configured")),
        None if plan.uses_aws() => Ok(format!("{place}; region {region}, by AWS_REGION")),
        None => Ok(format!("{place}; no AWS provider whose region could be compared")),
    }
}

/// A Terraform error in one line, without its words.
pub fn brief(error: &TerraformError) -> String {
    chain(error)
}
