//! From the state to what the wire shows of it.

use super::names;
use super::state::{AliasState, Content, Form, FunctionState, Phase, Place, Update};
use super::wire::*;
use crate::api;

/// `State`, `StateReason`, `StateReasonCode`.
fn state_of(phase: &Phase) -> (&'static str, Option<(&'static str, &'static str)>) {
    match phase {
        Phase::Pending { restoring: false, .. } => ("Pending", Some(("The function is being created.", "Creating"))),
        Phase::Pending { restoring: true, .. } => ("Pending", Some(("The function is being restored.", "Restoring"))),
        Phase::Active => ("Active", None),
        Phase::Idle => ("Inactive", Some(("The function is idle. Invoke it to restore it.", "Idle"))),
        Phase::ImageGone => ("Inactive", Some(("The function's image was deleted.", "ImageDeleted"))),
        Phase::Failed => ("Failed", Some(("The function's image was deleted.", "ImageDeleted"))),
    }
}

/// The name of a state, for messages.
pub(super) fn state_name(phase: &Phase) -> &'static str {
    state_of(phase).0
}

/// `LastUpdateStatus` with reason and code: absent while a creation has not completed.
fn update_of(phase: &Phase, update: &Update) -> (Option<&'static str>, Option<(&'static str, &'static str)>) {
    match (phase, update) {
        (Phase::Pending { restoring: false, .. } | Phase::Failed, Update::Successful) => (None, None),
        (_, Update::Successful) => (Some("Successful"), None),
        // The service's own words for an update, "created" included.
        (_, Update::InProgress { .. }) => (Some("InProgress"), Some(("The function is being created.", "Creating"))),
        (_, Update::Failed) => (Some("Failed"), Some(("The image of the update was deleted.", "ImageDeleted"))),
    }
}

impl FunctionState {
    /// `$LATEST`; `qualifier` is what the ARN shows.
    pub(super) fn show_latest(&self, place: &Place, name: &str, qualifier: Option<&str>) -> FunctionConfiguration {
        show(&self.latest, &self.update, place, name, "$LATEST", qualifier)
    }

    /// A version that exists; `None` when it does not.
    pub(super) fn show_version(
        &self,
        place: &Place,
        name: &str,
        number: u64,
        qualifier: Option<&str>,
    ) -> Option<FunctionConfiguration> {
        let version = number.to_string();
        let form = self.versions.get(&number)?;
        Some(show(form, &Update::Successful, place, name, &version, qualifier.or(Some(&version))))
    }
}

fn show(
    form: &Form,
    update: &Update,
    place: &Place,
    name: &str,
    version: &str,
    qualifier: Option<&str>,
) -> FunctionConfiguration {
    let settings = form.content.settings.clone();
    let (state, state_reason) = state_of(&form.phase);
    let (last_update, last_update_reason) = update_of(&form.phase, update);
    let image_config = ImageConfig {
        entry_point: settings.entry_point,
        command: settings.command,
        working_directory: settings.working_directory,
    };
    let text = |pair: Option<(&str, &str)>| pair.map(|(text, _)| text.to_owned());
    let code = |pair: Option<(&str, &str)>| pair.map(|(_, code)| code.to_owned());
    FunctionConfiguration {
        function_name: name.to_owned(),
        function_arn: names::function_arn(place, name, qualifier),
        role: settings.role,
        code_size: 0,
        description: settings.description,
        timeout: settings.timeout_s,
        memory_size: settings.memory_mb,
        last_modified: names::last_modified(form.last_modified_ms),
        code_sha256: form.content.code_sha256().to_owned(),
        version: version.to_owned(),
        environment: (!settings.environment.is_empty()).then_some(Environment { variables: settings.environment }),
        dead_letter_config: settings.dead_letter_arn.map(|target_arn| DeadLetterConfig { target_arn }),
        revision_id: form.revision.id(),
        state: state.to_owned(),
        state_reason: text(state_reason),
        state_reason_code: code(state_reason),
        last_update_status: last_update.map(str::to_owned),
        last_update_status_reason: text(last_update_reason),
        last_update_status_reason_code: code(last_update_reason),
        package_type: "Image".to_owned(),
        image_config_response: (image_config != ImageConfig::default()).then_some(ImageConfigResponse { image_config }),
        architectures: vec![settings.architecture],
        ephemeral_storage: EphemeralStorage { size: settings.ephemeral_mb },
        other: settings.other,
    }
}

/// The `Code` block.
pub(super) fn show_code(content: &Content) -> CodeLocation {
    CodeLocation {
        repository_type: "ECR".to_owned(),
        image_uri: content.image_uri.clone(),
        resolved_image_uri: format!("{}@{}", content.repository, content.digest),
    }
}

impl AliasState {
    /// As it reads at this moment, weights that the service shows by itself included.
    pub(super) fn show(&self, place: &Place, function: &str, name: &str) -> AliasConfiguration {
        let mut weights = self.weights.clone();
        if let Some((from, _)) = self.provisioned.as_ref().and_then(|provisioned| provisioned.moving.as_ref()) {
            weights.insert(from.clone(), 0.5);
        }
        AliasConfiguration {
            alias_arn: names::function_arn(place, function, Some(name)),
            name: name.to_owned(),
            function_version: self.version.clone(),
            description: self.description.clone(),
            routing_config: (!weights.is_empty()).then_some(RoutingConfig { additional_version_weights: weights }),
            revision_id: self.revision.id(),
        }
    }
}

impl From<FunctionConfiguration> for api::Function {
    /// What the wire adapter makes of an answer without `Code` block.
    fn from(mut shown: FunctionConfiguration) -> api::Function {
        // With `other` as the wire has it; what of that counts, the fingerprint judges.
        shown.other.insert("PackageType".to_owned(), shown.package_type.into());
        let image_config = shown.image_config_response.unwrap_or_default().image_config;
        let reason = |code: Option<String>, text: Option<String>| {
            code.map(|code| api::Reason { code, text: text.unwrap_or_default() })
        };
        api::Function {
            name: shown.function_name,
            arn: shown.function_arn,
            version: shown.version,
            revision: shown.revision_id,
            image_uri: String::new(),
            resolved_image_uri: None,
            code_sha256: shown.code_sha256,
            state: api::State::from_wire(Some(&shown.state)),
            state_reason: reason(shown.state_reason_code, shown.state_reason),
            last_update: api::UpdateStatus::from_wire(shown.last_update_status.as_deref()),
            last_update_reason: reason(shown.last_update_status_reason_code, shown.last_update_status_reason),
            last_modified: shown.last_modified,
            settings: api::Settings {
                description: shown.description,
                role: shown.role,
                memory_mb: shown.memory_size,
                timeout_s: shown.timeout,
                environment: shown.environment.unwrap_or_default().variables,
                entry_point: image_config.entry_point,
                command: image_config.command,
                working_directory: image_config.working_directory,
                architecture: shown.architectures.into_iter().next().unwrap_or_default(),
                ephemeral_mb: shown.ephemeral_storage.size,
                dead_letter_arn: shown.dead_letter_config.map(|config| config.target_arn),
                other: shown.other,
            },
            tags: Default::default(),
            reserved_concurrency: None,
        }
    }
}

impl From<GetFunctionResponse> for api::Function {
    fn from(shown: GetFunctionResponse) -> api::Function {
        api::Function {
            image_uri: shown.code.image_uri,
            resolved_image_uri: Some(shown.code.resolved_image_uri),
            tags: shown.tags,
            reserved_concurrency: shown.concurrency.map(|concurrency| concurrency.reserved_concurrent_executions),
            ..api::Function::from(shown.configuration)
        }
    }
}

impl From<AliasConfiguration> for api::Alias {
    fn from(shown: AliasConfiguration) -> api::Alias {
        api::Alias {
            name: shown.name,
            arn: shown.alias_arn,
            version: shown.function_version,
            description: shown.description,
            revision: shown.revision_id,
            weights: shown.routing_config.unwrap_or_default().additional_version_weights,
        }
    }
}
