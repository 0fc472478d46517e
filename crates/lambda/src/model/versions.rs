//! Published versions: frozen code and configuration under a number.

use super::error::ModelError;
use super::functions::page_size;
use super::names;
use super::quota::Quota;
use super::rules;
use super::state::{Form, Phase, Plane};
use super::wire::*;

impl Plane<'_> {
    /// `PublishVersion`. When neither code nor configuration changed since the last published version, that version is the
    /// answer, with its own description, and nothing is made. Otherwise the new version is Pending for `publish_ms`, and the
    /// revision of `$LATEST` moves too.
    ///
    /// # Errors
    /// 412 for a stale revision, before anything else is judged; 409 while the function is Pending or being updated; 400 when
    /// `code_sha256` is not that of `$LATEST`. Nothing was changed then.
    pub fn publish_version(&mut self, request: PublishVersion) -> Result<FunctionConfiguration, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(&request.function_name)?;
        self.check_writable(&name, request.revision_id.as_deref())?;
        let function = self.function(&name)?;
        let current = function.latest.content.code_sha256();
        if let Some(given) = request.code_sha256.filter(|given| given != current) {
            return Err(ModelError::other_code(&given, current));
        }
        self.publish_now(&name, request.description)
    }

    /// `ListVersionsByFunction`: `$LATEST` first, then the numbers upward.
    ///
    /// # Errors
    /// 404 without the function, 400 for a limit outside 1 to 10,000.
    pub fn list_versions(&mut self, request: &ListRequest) -> Result<Page<FunctionConfiguration>, ModelError> {
        self.charge(Quota::Rest)?;
        let name = self.plain_name(&request.function_name)?;
        let limit = page_size(request)?;
        let Plane { place, images, options, now_ms, .. } = *self;
        let function = self.function(&name)?;
        // `$LATEST` counts as number 0, which is never given to a version.
        let from = match request.marker.as_deref() {
            None => 0,
            Some(marker) => names::version_number(marker)
                .ok_or_else(|| ModelError::invalid(format!("The marker is not valid: {marker}")))?,
        };
        let latest = (from == 0).then_some(0);
        let mut numbers = latest.into_iter().chain(function.versions.range(from.max(1)..).map(|(number, _)| *number));
        let page: Vec<u64> = numbers.by_ref().take(limit).collect();
        let next_marker = numbers.next().map(|number| number.to_string());
        let mut items = Vec::with_capacity(page.len());
        for number in page {
            if number == 0 {
                items.push(function.show_latest(place, &name, Some("$LATEST")));
            } else {
                function.settle_version(number, images, options, now_ms);
                items.extend(function.show_version(place, &name, number, None));
            }
        }
        Ok(Page { items, next_marker })
    }

    /// Makes a version of what `$LATEST` shows, or answers the last one when it is the same.
    pub(super) fn publish_now(
        &mut self,
        name: &str,
        description: Option<String>,
    ) -> Result<FunctionConfiguration, ModelError> {
        let description = description.filter(|text| !text.is_empty());
        rules::check_description(description.as_deref().unwrap_or_default())?;
        let Plane { place, images, options, now_ms, .. } = *self;
        let function = self.function(name)?;
        let last = function.last_number;
        let mut content = function.latest.content.clone();
        if function.versions.get(&last).is_some_and(|version| version.content.is_same_release(&content)) {
            function.settle_version(last, images, options, now_ms);
            return shown(function.show_version(place, name, last, None), name);
        }
        if let Some(description) = description {
            content.settings.description = description;
        }
        let revision = self.first_revision();
        let version = Form {
            content,
            revision,
            phase: Phase::Pending { until_ms: now_ms + options.publish_ms, restoring: false },
            last_modified_ms: now_ms,
            last_used_ms: now_ms,
        };
        let function = self.function(name)?;
        let number = last + 1;
        function.last_number = number;
        function.versions.insert(number, version);
        function.latest.revision.bump();
        shown(function.show_version(place, name, number, None), name)
    }
}

/// Every caller has just seen or made the version.
fn shown(version: Option<FunctionConfiguration>, name: &str) -> Result<FunctionConfiguration, ModelError> {
    version.ok_or_else(|| ModelError::function_not_found(name))
}
