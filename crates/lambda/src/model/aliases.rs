//! Aliases: names that point at a version, with at most one other version that takes a share of the calls.

use std::collections::BTreeMap;

use super::error::ModelError;
use super::functions::page_size;
use super::names;
use super::quota::Quota;
use super::rules;
use super::state::{AliasState, FunctionState, Plane, Provisioned};
use super::wire::*;

impl Plane<'_> {
    /// `CreateAlias`.
    ///
    /// # Errors
    /// 409 when it exists, 404 when a version that it names does not, 400 when a rule of names or weights is broken.
    pub fn create_alias(&mut self, request: CreateAlias) -> Result<AliasConfiguration, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(&request.function_name)?;
        rules::check_alias_name(&request.name)?;
        let place = self.place;
        let arn = names::function_arn(place, &name, Some(&request.name));
        if self.function(&name)?.aliases.contains_key(&request.name) {
            return Err(ModelError::conflict(format!("Alias already exists: {arn}")));
        }
        let revision = self.first_revision();
        let alias = AliasState {
            version: request.function_version,
            description: request.description.unwrap_or_default(),
            weights: request.routing_config.unwrap_or_default().additional_version_weights,
            revision,
            provisioned: None,
        };
        self.check_alias(&name, &alias)?;
        let shown = alias.show(place, &name, &request.name);
        self.function(&name)?.aliases.insert(request.name, alias);
        Ok(shown)
    }

    /// `GetAlias`.
    ///
    /// # Errors
    /// 404 without the function or the alias.
    pub fn get_alias(&mut self, function: &str, alias: &str) -> Result<AliasConfiguration, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(function)?;
        let place = self.place;
        Ok(self.alias(&name, alias)?.show(place, &name, alias))
    }

    /// `ListAliases`, by name.
    ///
    /// # Errors
    /// 404 without the function, 400 for a limit outside 1 to 10,000.
    pub fn list_aliases(&mut self, request: &ListRequest) -> Result<Page<AliasConfiguration>, ModelError> {
        self.charge(Quota::Rest)?;
        let function = self.plain_name(&request.function_name)?;
        let limit = page_size(request)?;
        let place = self.place;
        let after = request.marker.as_deref().unwrap_or_default();
        let wanted = request.function_version.as_deref();
        let found = self.function(&function)?;
        let names = found.aliases.iter().filter(|(name, alias)| {
            name.as_str() > after
                && wanted.is_none_or(|version| alias.version == version || alias.weights.contains_key(version))
        });
        let mut names = names.map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let more = names.len() > limit;
        names.truncate(limit);
        let mut items = Vec::with_capacity(names.len());
        for name in &names {
            items.push(self.alias(&function, name)?.show(place, &function, name));
        }
        Ok(Page { items, next_marker: names.pop().filter(|_| more) })
    }

    /// `UpdateAlias`. What is absent stays, weights too; an empty `RoutingConfig` clears them. The rules hold for the alias as
    /// it would be afterwards.
    ///
    /// # Errors
    /// 412 for a stale revision, before anything else is judged; 404 when the alias or a version does not exist; 400 when a
    /// rule of weights is broken. Nothing was changed then.
    pub fn update_alias(&mut self, request: UpdateAlias) -> Result<AliasConfiguration, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(&request.function_name)?;
        let Plane { place, now_ms, options, .. } = *self;
        let current = self.alias(&name, &request.name)?;
        if request.revision_id.is_some_and(|revision| revision != current.revision.id()) {
            return Err(ModelError::stale_revision());
        }
        let before = current.clone();
        let mut after = before.clone();
        if let Some(version) = request.function_version {
            after.version = version;
        }
        if let Some(description) = request.description {
            after.description = description;
        }
        if let Some(routing) = request.routing_config {
            after.weights = routing.additional_version_weights;
        }
        self.check_alias(&name, &after)?;
        if let Some(provisioned) = &mut after.provisioned
            && before.version != after.version
        {
            provisioned.moving = Some((before.version.clone(), now_ms + options.update_ms));
        }
        if after != before || options.same_alias_write_moves_revision {
            after.revision.bump();
        }
        let shown = after.show(place, &name, &request.name);
        self.function(&name)?.aliases.insert(request.name, after);
        Ok(shown)
    }

    /// `DeleteAlias`. Deleting what is not there succeeds, as the service's list of exceptions has no 404 for it.
    ///
    /// # Errors
    /// 400 for a name that is none, 429.
    pub fn delete_alias(&mut self, function: &str, alias: &str) -> Result<(), ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(function)?;
        if let Ok(function) = self.function(&name) {
            function.aliases.remove(alias);
        }
        Ok(())
    }

    /// `PutProvisionedConcurrencyConfig` on an alias. The model keeps it for what it does to aliases: it excludes weights, and
    /// when the alias moves, the service itself shows weights until the capacity has moved (`update_ms`).
    ///
    /// # Errors
    /// 404 without function or alias, 400 when the alias has weights or points at `$LATEST`.
    pub fn put_provisioned_concurrency(
        &mut self,
        function: &str,
        alias: &str,
        executions: u32,
    ) -> Result<(), ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(function)?;
        let mut after = self.alias(&name, alias)?.clone();
        after.provisioned = Some(Provisioned { executions, moving: None });
        self.check_alias(&name, &after)?;
        let alias = self.alias(&name, alias)?;
        alias.stop_moving();
        alias.provisioned = after.provisioned;
        Ok(())
    }

    /// `DeleteProvisionedConcurrencyConfig` on an alias.
    ///
    /// # Errors
    /// 404 without function or alias.
    pub fn delete_provisioned_concurrency(&mut self, function: &str, alias: &str) -> Result<(), ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(function)?;
        let alias = self.alias(&name, alias)?;
        alias.stop_moving();
        alias.provisioned = None;
        Ok(())
    }

    /// The alias, with time passed for it.
    pub(super) fn alias(&mut self, function: &str, alias: &str) -> Result<&mut AliasState, ModelError> {
        let arn = names::function_arn(self.place, function, Some(alias));
        let now_ms = self.now_ms;
        let found = self.function(function)?.aliases.get_mut(alias).ok_or_else(|| ModelError::alias_not_found(&arn))?;
        found.settle(now_ms);
        Ok(found)
    }

    /// The rules for an alias as it would be.
    fn check_alias(&mut self, name: &str, alias: &AliasState) -> Result<(), ModelError> {
        rules::check_description(&alias.description)?;
        let place = self.place;
        let function = self.function(name)?;
        check_target(function, place, name, &alias.version)?;
        if alias.provisioned.is_some() && !alias.weights.is_empty() {
            return Err(ModelError::invalid("Alias with weights can not be used with Provisioned Concurrency"));
        }
        if alias.provisioned.is_some() && alias.version == "$LATEST" {
            return Err(ModelError::invalid(
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
            ));
        }
        check_weights(function, place, name, &alias.version, &alias.weights)
    }
}

impl AliasState {
    /// Ends the weights that the service shows by itself; the revision moves, as it does when they begin.
    pub(super) fn settle(&mut self, now_ms: u64) {
        let moving = self.provisioned.as_ref().and_then(|provisioned| provisioned.moving.as_ref());
        if moving.is_some_and(|(_, until_ms)| *until_ms <= now_ms) {
            self.stop_moving();
        }
    }

    fn stop_moving(&mut self) {
        if self.provisioned.as_mut().is_some_and(|provisioned| provisioned.moving.take().is_some()) {
            self.revision.bump();
        }
    }
}

fn check_target(
    function: &FunctionState,
    place: &super::state::Place,
    name: &str,
    version: &str,
) -> Result<(), ModelError> {
    if version == "$LATEST" {
        return Ok(());
    }
    let Some(number) = names::version_number(version) else {
        let must = "satisfy regular expression pattern: (\\$LATEST|[0-9]+)";
        return Err(ModelError::constraint("functionVersion", version, must));
    };
    if function.versions.contains_key(&number) {
        Ok(())
    } else {
        Err(ModelError::function_not_found(&names::function_arn(place, name, Some(version))))
    }
}

fn check_weights(
    function: &FunctionState,
    place: &super::state::Place,
    name: &str,
    main: &str,
    weights: &BTreeMap<String, f64>,
) -> Result<(), ModelError> {
    let Some((other, weight)) = weights.first_key_value() else { return Ok(()) };
    if weights.len() > 1 {
        return Err(ModelError::invalid(format!(
            "Number of items in AdditionalVersionWeights cannot be greater than 1. Actual number of items: {}",
            weights.len()
        )));
    }
    if !(0.0..=1.0).contains(weight) {
        let must = "have value between 0.0 and 1.0";
        return Err(ModelError::constraint("routingConfig.additionalVersionWeights", &weight.to_string(), must));
    }
    if main == "$LATEST" || other == "$LATEST" {
        return Err(ModelError::invalid("$LATEST is not supported for an alias pointing to more than 1 version"));
    }
    if main == other {
        return Err(ModelError::invalid(format!(
            "Invalid function version {other}. Function version {other} is already included in routing configuration."
        )));
    }
    check_target(function, place, name, other)?;
    let content = |version: &str| {
        names::version_number(version)
            .and_then(|number| function.versions.get(&number))
            .map(|form| (&form.content.settings.role, &form.content.settings.dead_letter_arn))
    };
    let (Some((main_role, main_letters)), Some((other_role, other_letters))) = (content(main), content(other)) else {
        return Err(ModelError::function_not_found(&names::function_arn(place, name, Some(main))));
    };
    if main_role != other_role {
        return Err(ModelError::invalid("Versions of a weighted alias must have the same IAM execution role."));
    }
    if main_letters != other_letters {
        return Err(ModelError::invalid(
            "Versions of a weighted alias must have the same dead-letter queue configuration.",
        ));
    }
    Ok(())
}
