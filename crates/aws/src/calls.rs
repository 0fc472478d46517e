//! The trait's calls, each as one request of the SDK.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;

use async_trait::async_trait;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::types::{
    AliasRoutingConfiguration, Architecture, DeadLetterConfig, Environment, EphemeralStorage, FunctionCode,
    ImageConfig, LogType, PackageType,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::{Blob, base64};
use tiers_lambda::api::{
    Alias, AliasWrite, ApiError, Caller, Function, Invocation, LambdaApi, NewFunction, Qualifier, Settings,
};

use crate::answer::Watch;
use crate::client::AwsLambda;
use crate::failure::explain;
use crate::wire;

/// How many pages of versions are read. A function keeps far fewer versions than this many pages hold, so reaching it means
/// that the other side never ends.
const MAX_PAGES: usize = 2_000;

#[async_trait(?Send)]
impl LambdaApi for AwsLambda {
    async fn caller(&self) -> Result<Caller, ApiError> {
        let call = "GetCallerIdentity";
        let (answer, _) =
            self.exchange(call, |watch| self.sts.get_caller_identity().customize().interceptor(watch).send()).await?;
        match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Ok(Caller { account, arn }),
            _ => Err(unreadable(call, "it names no account or no caller")),
        }
    }

    fn region(&self) -> String {
        self.region.clone()
    }

    async fn get_function(&self, name: &str, qualifier: &Qualifier) -> Result<Function, ApiError> {
        let request = self.reads.get_function().function_name(name).qualifier(qualifier.as_str());
        let call = "GetFunction";
        let (_, body) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        wire::whole(&body).map_err(|error| unreadable(call, error))
    }

    async fn update_code(&self, name: &str, image_uri: &str, revision: &str) -> Result<Function, ApiError> {
        let request = self.writes.update_function_code().function_name(name).image_uri(image_uri).revision_id(revision);
        let call = "UpdateFunctionCode";
        let (_, body) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        wire::configuration(&body).map_err(|error| unreadable(call, error))
    }

    async fn publish(
        &self,
        name: &str,
        code_sha256: &str,
        revision: &str,
        description: &str,
    ) -> Result<Function, ApiError> {
        let request = self.writes.publish_version().function_name(name).description(description);
        let request = request.code_sha256(code_sha256).revision_id(revision);
        let call = "PublishVersion";
        let (_, body) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        wire::configuration(&body).map_err(|error| unreadable(call, error))
    }

    async fn list_versions(&self, name: &str) -> Result<Vec<Function>, ApiError> {
        let call = "ListVersionsByFunction";
        let mut versions = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let request = self.reads.list_versions_by_function().function_name(name).set_marker(marker.take());
            let (page, body) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
            versions.extend(wire::versions(&body).map_err(|error| unreadable(call, error))?);
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return oldest_first(versions).map_err(|odd| unreadable(call, odd));
            }
        }
        Err(unreadable(call, format!("it has not ended after {MAX_PAGES} pages")))
    }

    async fn get_alias(&self, name: &str, alias: &str) -> Result<Alias, ApiError> {
        let request = self.reads.get_alias().function_name(name).name(alias);
        let call = "GetAlias";
        let (answer, _) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        let weights = answer.routing_config.and_then(|routing| routing.additional_version_weights);
        alias_of(
            call,
            answer.name,
            answer.alias_arn,
            answer.function_version,
            answer.description,
            answer.revision_id,
            weights,
        )
    }

    async fn update_alias(
        &self,
        name: &str,
        alias: &str,
        write: &AliasWrite,
        revision: &str,
    ) -> Result<Alias, ApiError> {
        let request = self.writes.update_alias().function_name(name).name(alias).revision_id(revision);
        let request = request.function_version(&write.version).description(&write.description);
        let request = request.routing_config(routing(&write.weights));
        let call = "UpdateAlias";
        let (answer, _) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        let weights = answer.routing_config.and_then(|routing| routing.additional_version_weights);
        alias_of(
            call,
            answer.name,
            answer.alias_arn,
            answer.function_version,
            answer.description,
            answer.revision_id,
            weights,
        )
    }

    async fn invoke(&self, name: &str, qualifier: &Qualifier, payload: &[u8]) -> Result<Invocation, ApiError> {
        let request = self.invocations.invoke().function_name(name).qualifier(qualifier.as_str());
        let request = request.payload(Blob::new(payload)).log_type(LogType::Tail);
        let call = "Invoke";
        let (answer, _) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        let status = u16::try_from(answer.status_code)
            .map_err(|_| unreadable(call, format!("its status is {}", answer.status_code)))?;
        // The log is for people; one that can't be decoded does not make the invocation's outcome unknown.
        let log = answer.log_result.and_then(|text| base64::decode(text).ok());
        Ok(Invocation {
            status,
            function_error: answer.function_error,
            payload: answer.payload.map(Blob::into_inner).unwrap_or_default(),
            executed_version: answer.executed_version,
            log_tail: log.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        })
    }

    async fn create_function(&self, new: &NewFunction) -> Result<Function, ApiError> {
        let call = "CreateFunction";
        let settings = &new.settings;
        // Every function made here is an image's; that field alone is made by being said below.
        if let Some(name) = settings.other.keys().find(|name| *name != "PackageType") {
            return Err(ApiError::Invalid(format!("{call}: the setting {name} can be read here and not be made")));
        }
        let request = self.writes.create_function().function_name(&new.name).publish(new.publish);
        let request =
            request.package_type(PackageType::Image).code(FunctionCode::builder().image_uri(&new.image_uri).build());
        let request = request.role(&settings.role).description(&settings.description);
        let request = request.memory_size(count(settings.memory_mb)?).timeout(count(settings.timeout_s)?);
        let request = request.environment(environment(settings)).image_config(image_config(settings));
        let request = request.architectures(Architecture::from(settings.architecture.as_str()));
        let request = request.ephemeral_storage(ephemeral(settings)?);
        let request = request.set_dead_letter_config(settings.dead_letter_arn.as_ref().map(|_| dead_letter(settings)));
        let request = request.set_tags((!new.tags.is_empty()).then(|| hashed(&new.tags)));
        let (_, body) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        wire::configuration(&body).map_err(|error| unreadable(call, error))
    }

    async fn update_settings(&self, name: &str, settings: &Settings, revision: &str) -> Result<Function, ApiError> {
        // What stands in `other` is left as it is: this operation changes only the fields that it is given.
        let request = self.writes.update_function_configuration().function_name(name).revision_id(revision);
        let request = request.role(&settings.role).description(&settings.description);
        let request = request.memory_size(count(settings.memory_mb)?).timeout(count(settings.timeout_s)?);
        let request = request.environment(environment(settings)).image_config(image_config(settings));
        let request = request.ephemeral_storage(ephemeral(settings)?).dead_letter_config(dead_letter(settings));
        let call = "UpdateFunctionConfiguration";
        let (_, body) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        wire::configuration(&body).map_err(|error| unreadable(call, error))
    }

    async fn create_alias(&self, name: &str, alias: &str, write: &AliasWrite) -> Result<Alias, ApiError> {
        let request = self.writes.create_alias().function_name(name).name(alias).function_version(&write.version);
        let request = request.description(&write.description).routing_config(routing(&write.weights));
        let call = "CreateAlias";
        let (answer, _) = self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        let weights = answer.routing_config.and_then(|routing| routing.additional_version_weights);
        alias_of(
            call,
            answer.name,
            answer.alias_arn,
            answer.function_version,
            answer.description,
            answer.revision_id,
            weights,
        )
    }

    async fn put_concurrency(&self, name: &str, reserved: u32) -> Result<(), ApiError> {
        let request = self.writes.put_function_concurrency().function_name(name);
        let request = request.reserved_concurrent_executions(count(reserved)?);
        self.exchange("PutFunctionConcurrency", |watch| request.customize().interceptor(watch).send()).await?;
        Ok(())
    }

    async fn tag(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
        let request = self.writes.tag_resource().resource(arn).set_tags(Some(hashed(tags)));
        self.exchange("TagResource", |watch| request.customize().interceptor(watch).send()).await?;
        Ok(())
    }

    async fn delete_version(&self, name: &str, version: &str) -> Result<(), ApiError> {
        let call = "DeleteFunction";
        // Without a number the whole function would go, with every version and alias.
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::Invalid(format!("{call}: `{version}` is not the number of a version")));
        }
        let request = self.writes.delete_function().function_name(name).qualifier(version);
        self.exchange(call, |watch| request.customize().interceptor(watch).send()).await?;
        Ok(())
    }
}

impl AwsLambda {
    /// Sends one call under watch: the SDK's answer and the body it was read from.
    async fn exchange<T, E, F>(&self, call: &str, send: impl FnOnce(Watch) -> F) -> Result<(T, Vec<u8>), ApiError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        let watch = Watch::default();
        match send(watch.clone()).await {
            Ok(answer) => Ok((answer, watch.take_body())),
            Err(error) => Err(explain(call, &error, &watch, self.endpoint.as_deref())),
        }
    }
}

/// The service said yes, and what it said besides can't be used: whatever was asked may have happened.
fn unreadable(call: &str, reason: impl std::fmt::Display) -> ApiError {
    ApiError::Ambiguous(format!("{call}: the answer is not what the service documents: {reason}"))
}

/// The three operations on an alias answer with the same fields in three types.
fn alias_of(
    call: &str,
    name: Option<String>,
    arn: Option<String>,
    version: Option<String>,
    description: Option<String>,
    revision: Option<String>,
    weights: Option<HashMap<String, f64>>,
) -> Result<Alias, ApiError> {
    let (Some(name), Some(version)) = (name, version) else {
        return Err(unreadable(call, "an alias without its name or its version"));
    };
    Ok(Alias {
        name,
        arn: arn.unwrap_or_default(),
        version,
        description: description.unwrap_or_default(),
        revision: revision.unwrap_or_default(),
        weights: weights.unwrap_or_default().into_iter().collect(),
    })
}

/// Always with a map, empty or not: a configuration without one leaves the weights as they are.
fn routing(weights: &BTreeMap<String, f64>) -> AliasRoutingConfiguration {
    let weights = weights.iter().map(|(version, weight)| (version.clone(), *weight)).collect();
    AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights)).build()
}

/// Numbered versions by their number; `Err` names one that has none.
fn oldest_first(mut versions: Vec<Function>) -> Result<Vec<Function>, String> {
    versions.retain(|version| version.version != Qualifier::Latest.as_str());
    let number = |function: &Function| function.version.parse::<u64>();
    if let Some(odd) = versions.iter().find(|function| number(function).is_err()) {
        return Err(format!("`{}` is not the number of a version", odd.version));
    }
    versions.sort_by_key(|function| number(function).unwrap_or(u64::MAX));
    Ok(versions)
}

fn environment(settings: &Settings) -> Environment {
    Environment::builder().set_variables(Some(hashed(&settings.environment))).build()
}

fn image_config(settings: &Settings) -> ImageConfig {
    ImageConfig::builder()
        .set_entry_point(Some(settings.entry_point.clone()))
        .set_command(Some(settings.command.clone()))
        .set_working_directory(settings.working_directory.clone())
        .build()
}

fn ephemeral(settings: &Settings) -> Result<EphemeralStorage, ApiError> {
    let storage = EphemeralStorage::builder().size(count(settings.ephemeral_mb)?).build();
    storage.map_err(|error| ApiError::Invalid(error.to_string()))
}

/// An empty address is how a dead-letter queue is taken away.
fn dead_letter(settings: &Settings) -> DeadLetterConfig {
    DeadLetterConfig::builder().target_arn(settings.dead_letter_arn.as_deref().unwrap_or_default()).build()
}

fn hashed(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn count(number: u32) -> Result<i32, ApiError> {
    i32::try_from(number).map_err(|_| ApiError::Invalid(format!("{number} is more than the service can take")))
}
