//! Operations on whole functions: create, look, update code or configuration, delete; their tags and reserved concurrency.

use std::collections::BTreeMap;

use super::error::ModelError;
use super::names::{self, FunctionRef};
use super::quota::Quota;
use super::rules;
use super::state::{Content, Form, FunctionState, Phase, Plane, Update};
use super::view;
use super::wire::*;
use crate::api::Settings;

/// What always stays unreserved of an account's concurrency in a region.
const UNRESERVED_AT_LEAST: u32 = 100;

impl Plane<'_> {
    /// `CreateFunction`. The function is Pending for `create_ms`. With `publish`, the answer is the version's.
    ///
    /// # Errors
    /// 409 when the name is taken; 400 for a limit, a name or an image that does not exist.
    pub fn create_function(&mut self, request: CreateFunction) -> Result<FunctionConfiguration, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(&request.function_name)?;
        if self.state.functions.contains_key(&name) {
            return Err(ModelError::conflict(format!("Function already exist: {name}")));
        }
        if request.package_type.as_deref().is_some_and(|package| package != "Image") {
            return Err(ModelError::invalid("Only functions with the package type Image are supported."));
        }
        let mut settings = rules::default_settings(&name);
        settings.role = request.role;
        if let Some(architectures) = request.architectures {
            settings.architecture = one_architecture(architectures)?;
        }
        let changes = UpdateFunctionConfiguration {
            description: request.description,
            timeout: request.timeout,
            memory_size: request.memory_size,
            environment: request.environment,
            image_config: request.image_config,
            ephemeral_storage: request.ephemeral_storage,
            dead_letter_config: request.dead_letter_config,
            other: request.other,
            ..UpdateFunctionConfiguration::default()
        };
        apply(&mut settings, changes);
        rules::check_settings(&settings)?;
        rules::check_tags(&request.tags)?;
        let image_uri = request.code.image_uri.unwrap_or_default();
        let (repository, digest) = self.images.resolve(&image_uri, self.place)?;
        let latest = Form {
            content: Content { image_uri, repository, digest, settings },
            revision: self.first_revision(),
            phase: Phase::Pending { until_ms: self.now_ms + self.options.create_ms, restoring: false },
            last_modified_ms: self.now_ms,
            last_used_ms: self.now_ms,
        };
        let function = FunctionState {
            latest,
            serving: None,
            update: Update::Successful,
            versions: BTreeMap::new(),
            last_number: 0,
            aliases: BTreeMap::new(),
            tags: request.tags,
            reserved_concurrency: None,
        };
        let shown = function.show_latest(self.place, &name, None);
        self.state.functions.insert(name.clone(), function);
        if request.publish { self.publish_now(&name, None) } else { Ok(shown) }
    }

    /// `GetFunction`; `qualifier` is `$LATEST`, a number or an alias. It may stand in the name as well.
    ///
    /// # Errors
    /// 404 when there is no such function, version or alias.
    pub fn get_function(&mut self, name: &str, qualifier: Option<&str>) -> Result<GetFunctionResponse, ModelError> {
        self.charge(Quota::GetFunction)?;
        let (configuration, code) = self.look(name, qualifier)?;
        let function = self.function(&configuration.function_name)?;
        let concurrency = function
            .reserved_concurrency
            .map(|reserved_concurrent_executions| Concurrency { reserved_concurrent_executions });
        Ok(GetFunctionResponse { configuration, code, tags: function.tags.clone(), concurrency })
    }

    /// `GetFunctionConfiguration`.
    ///
    /// # Errors
    /// 404 when there is no such function, version or alias.
    pub fn get_function_configuration(
        &mut self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<FunctionConfiguration, ModelError> {
        self.charge(Quota::Rest)?;
        self.look(name, qualifier).map(|(configuration, _)| configuration)
    }

    /// `ListFunctions`, by name, `$LATEST` of each.
    ///
    /// # Errors
    /// 400 for a limit outside 1 to 10,000.
    pub fn list_functions(&mut self, request: &ListRequest) -> Result<Page<FunctionConfiguration>, ModelError> {
        self.charge(Quota::Rest)?;
        let limit = page_size(request)?;
        let after = request.marker.as_deref().unwrap_or_default();
        let mut names = self.state.functions.keys().filter(|name| name.as_str() > after).cloned();
        let page: Vec<String> = names.by_ref().take(limit).collect();
        let more = names.next().is_some();
        let mut items = Vec::with_capacity(page.len());
        for name in &page {
            let place = self.place;
            items.push(self.function(name)?.show_latest(place, name, None));
        }
        Ok(Page { items, next_marker: page.last().cloned().filter(|_| more) })
    }

    /// `UpdateFunctionCode`. A tag is resolved to a digest here, once. An update to the digest that the function has is an
    /// update like any other: it takes its time and moves the revision.
    ///
    /// # Errors
    /// 412 for a stale revision, before anything else is judged; 409 while the function is Pending or being updated; 400 for an
    /// image that does not exist or is none. Nothing was changed then.
    pub fn update_function_code(&mut self, request: UpdateFunctionCode) -> Result<FunctionConfiguration, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(&request.function_name)?;
        self.check_writable(&name, request.revision_id.as_deref())?;
        let image_uri = request.image_uri.unwrap_or_default();
        let (repository, digest) = self.images.resolve(&image_uri, self.place)?;
        let mut content = self.function(&name)?.latest.content.clone();
        content.image_uri = image_uri;
        content.repository = repository;
        content.digest = digest;
        if let Some(architectures) = request.architectures {
            content.settings.architecture = one_architecture(architectures)?;
        }
        rules::check_settings(&content.settings)?;
        if request.dry_run {
            let place = self.place;
            return Ok(self.function(&name)?.show_latest(place, &name, None));
        }
        let shown = self.begin_update(&name, content)?;
        if request.publish { self.publish_now(&name, None) } else { Ok(shown) }
    }

    /// `UpdateFunctionConfiguration`. What is absent stays; variables and image configuration are replaced as a whole.
    ///
    /// # Errors
    /// As [`Plane::update_function_code`].
    pub fn update_function_configuration(
        &mut self,
        request: UpdateFunctionConfiguration,
    ) -> Result<FunctionConfiguration, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(&request.function_name)?;
        self.check_writable(&name, request.revision_id.as_deref())?;
        let mut content = self.function(&name)?.latest.content.clone();
        apply(&mut content.settings, request);
        rules::check_settings(&content.settings)?;
        self.begin_update(&name, content)
    }

    /// `DeleteFunction`. Without a qualifier it deletes EVERYTHING: all versions, all aliases, the function. With a number it
    /// deletes that version, whose number is never given again.
    ///
    /// # Errors
    /// 409 when an alias still points at the version, 404 when it does not exist, 400 for `$LATEST` or an alias.
    pub fn delete_function(&mut self, name: &str, qualifier: Option<&str>) -> Result<(), ModelError> {
        self.charge(Quota::Rest)?;
        let parsed = FunctionRef::parse(name, self.place)?;
        let (name, qualifier) = (parsed.name.to_owned(), qualifier.or(parsed.qualifier));
        let Some(qualifier) = qualifier else {
            self.function(&name)?;
            self.state.functions.remove(&name);
            return Ok(());
        };
        if qualifier == "$LATEST" {
            return Err(ModelError::invalid("$LATEST version cannot be deleted without deleting the function."));
        }
        if names::version_number(qualifier).is_none() {
            return Err(ModelError::invalid(format!("Deletion of aliases is not currently supported: {qualifier}")));
        }
        let (function, number) = self.version(&name, qualifier)?;
        let points =
            |alias: &super::state::AliasState| alias.version == qualifier || alias.weights.contains_key(qualifier);
        let aliases: Vec<&str> =
            function.aliases.iter().filter(|(_, alias)| points(alias)).map(|(name, _)| name.as_str()).collect();
        if !aliases.is_empty() {
            return Err(ModelError::conflict(format!(
                "Unable to delete version because the following aliases reference it: [{}]",
                aliases.join(", ")
            )));
        }
        function.versions.remove(&number);
        Ok(())
    }

    /// `TagResource`, on a function by its ARN. Tags have no precondition and move no revision.
    ///
    /// # Errors
    /// 400 for an ARN that is none or names a version or alias, or for tags beyond the limits; 404 without the function.
    pub fn tag_resource(&mut self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.tagged_name(arn)?;
        let function = self.function(&name)?;
        let mut all = function.tags.clone();
        all.extend(tags.iter().map(|(key, value)| (key.clone(), value.clone())));
        rules::check_tags(&all)?;
        function.tags = all;
        Ok(())
    }

    /// `UntagResource`; keys that are not there are no error.
    ///
    /// # Errors
    /// As [`Plane::tag_resource`].
    pub fn untag_resource(&mut self, arn: &str, keys: &[String]) -> Result<(), ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.tagged_name(arn)?;
        self.function(&name)?.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    }

    /// `ListTags`.
    ///
    /// # Errors
    /// As [`Plane::tag_resource`].
    pub fn list_tags(&mut self, arn: &str) -> Result<BTreeMap<String, String>, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.tagged_name(arn)?;
        Ok(self.function(&name)?.tags.clone())
    }

    /// `PutFunctionConcurrency`: for all versions together; 0 stops the function.
    ///
    /// # Errors
    /// 400 when fewer than 100 executions would stay unreserved in the account, 409 during an update, 404 without the function.
    pub fn put_function_concurrency(&mut self, name: &str, reserved: u32) -> Result<Concurrency, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(name)?;
        self.check_writable(&name, None)?;
        let others = self.state.functions.iter().filter(|(other, _)| **other != name);
        let taken: u64 = others.filter_map(|(_, function)| function.reserved_concurrency).map(u64::from).sum();
        if taken + u64::from(reserved) + u64::from(UNRESERVED_AT_LEAST) > u64::from(self.options.account_concurrency) {
            return Err(ModelError::invalid(format!(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below \
                 its minimum value of [{UNRESERVED_AT_LEAST}]."
            )));
        }
        self.function(&name)?.reserved_concurrency = Some(reserved);
        Ok(Concurrency { reserved_concurrent_executions: reserved })
    }

    /// `GetFunctionConcurrency`.
    ///
    /// # Errors
    /// 404 without the function.
    pub fn get_function_concurrency(&mut self, name: &str) -> Result<Option<Concurrency>, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(name)?;
        let reserved = self.function(&name)?.reserved_concurrency;
        Ok(reserved.map(|reserved_concurrent_executions| Concurrency { reserved_concurrent_executions }))
    }

    /// `DeleteFunctionConcurrency`.
    ///
    /// # Errors
    /// 404 without the function, 409 during an update.
    pub fn delete_function_concurrency(&mut self, name: &str) -> Result<(), ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(name)?;
        self.check_writable(&name, None)?;
        self.function(&name)?.reserved_concurrency = None;
        Ok(())
    }

    /// Configuration and code of what a name and a qualifier mean, without counting a request.
    fn look(
        &mut self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<(FunctionConfiguration, CodeLocation), ModelError> {
        let parsed = FunctionRef::parse(name, self.place)?;
        let name = parsed.name.to_owned();
        let qualifier = qualifier.or(parsed.qualifier);
        let place = self.place;
        let arn = names::function_arn(place, &name, qualifier);
        let missing = || ModelError::function_not_found(&arn);
        // Which version: an alias is its main version, whatever its weights.
        let version = match qualifier {
            None | Some("$LATEST") => None,
            Some(number) if names::version_number(number).is_some() => Some(number.to_owned()),
            Some(alias) => {
                let function = self.function(&name).map_err(|_| missing())?;
                let alias = function.aliases.get(alias).ok_or_else(missing)?;
                Some(alias.version.clone()).filter(|version| version != "$LATEST")
            }
        };
        let Some(version) = version else {
            let function = self.function(&name).map_err(|_| missing())?;
            return Ok((function.show_latest(place, &name, qualifier), view::show_code(&function.latest.content)));
        };
        let (function, number) = self.version(&name, &version).map_err(|_| missing())?;
        let code = function.versions.get(&number).map(|form| view::show_code(&form.content));
        let shown = function.show_version(place, &name, number, qualifier);
        shown.zip(code).ok_or_else(missing)
    }

    /// The preconditions of every write to `$LATEST`, the revision first: a stale one is always told so.
    pub(super) fn check_writable(&mut self, name: &str, revision: Option<&str>) -> Result<(), ModelError> {
        let arn = names::function_arn(self.place, name, None);
        let function = self.function(name)?;
        if revision.is_some_and(|revision| revision != function.latest.revision.id()) {
            return Err(ModelError::stale_revision());
        }
        if let Update::InProgress { .. } = function.update {
            return Err(ModelError::update_in_progress(&arn));
        }
        match function.latest.phase {
            Phase::Pending { .. } => Err(ModelError::wrong_state(view::state_name(&function.latest.phase))),
            Phase::Active | Phase::Idle | Phase::ImageGone | Phase::Failed => Ok(()),
        }
    }

    /// Puts `content` in the place of `$LATEST`'s. Until the update ends, the function runs what it ran before.
    fn begin_update(&mut self, name: &str, content: Content) -> Result<FunctionConfiguration, ModelError> {
        let (now_ms, until_ms, place) = (self.now_ms, self.now_ms + self.options.update_ms, self.place);
        let function = self.function(name)?;
        let before = std::mem::replace(&mut function.latest.content, content);
        function.serving.get_or_insert(before);
        function.update = Update::InProgress { until_ms };
        function.latest.last_modified_ms = now_ms;
        function.latest.revision.bump();
        Ok(function.show_latest(place, name, None))
    }

    fn tagged_name(&self, arn: &str) -> Result<String, ModelError> {
        let parsed = FunctionRef::parse(arn, self.place)?;
        if !arn.starts_with("arn:") || parsed.qualifier.is_some() {
            return Err(ModelError::invalid(format!(
                "Tags on function aliases and versions are not supported. Please specify either a function ARN: {arn}"
            )));
        }
        Ok(parsed.name.to_owned())
    }
}

/// Merges what a request says into settings.
fn apply(settings: &mut Settings, changes: UpdateFunctionConfiguration) {
    if let Some(role) = changes.role {
        settings.role = role;
    }
    if let Some(description) = changes.description {
        settings.description = description;
    }
    if let Some(timeout_s) = changes.timeout {
        settings.timeout_s = timeout_s;
    }
    if let Some(memory_mb) = changes.memory_size {
        settings.memory_mb = memory_mb;
    }
    if let Some(environment) = changes.environment {
        settings.environment = environment.variables;
    }
    if let Some(image_config) = changes.image_config {
        settings.entry_point = image_config.entry_point;
        settings.command = image_config.command;
        settings.working_directory = image_config.working_directory.filter(|path| !path.is_empty());
    }
    if let Some(storage) = changes.ephemeral_storage {
        settings.ephemeral_mb = storage.size;
    }
    if let Some(config) = changes.dead_letter_config {
        settings.dead_letter_arn = Some(config.target_arn).filter(|arn| !arn.is_empty());
    }
    rules::apply_opaque(settings, changes.other);
}

fn one_architecture(given: Vec<String>) -> Result<String, ModelError> {
    match <[String; 1]>::try_from(given) {
        Ok([architecture]) => Ok(architecture),
        Err(given) => Err(ModelError::constraint("architectures", &format!("{given:?}"), "have exactly one element")),
    }
}

/// How many items a page of this request holds: 50 at most, whatever was asked for.
pub(super) fn page_size(request: &ListRequest) -> Result<usize, ModelError> {
    match request.max_items {
        None => Ok(50),
        Some(asked @ 1..=10_000) => Ok(asked.min(50) as usize),
        Some(other) => Err(ModelError::constraint("maxItems", &other.to_string(), "have value between 1 and 10000")),
    }
}
