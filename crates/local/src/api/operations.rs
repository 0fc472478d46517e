//! Every operation but `Invoke`: which paths they have, and what of the model answers them.
//!
//! Source of paths, methods and statuses: botocore's service model of 2015-03-31.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tiers_lambda::model::{
    CreateAlias, CreateFunction, FunctionRef, Model, ModelError, Page, Plane, PublishVersion, UpdateAlias,
    UpdateFunctionCode, UpdateFunctionConfiguration,
};

use super::Api;
use super::failure::Failure;
use super::request::{ApiRequest, body};
use crate::http::{self, Answer};
use crate::model_store::ChangeError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutConcurrency {
    reserved_concurrent_executions: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResource {
    tags: BTreeMap<String, String>,
}

impl Api {
    /// Finds the operation and does it.
    pub(super) async fn operate(self: &Arc<Self>, request: ApiRequest, bytes: Bytes) -> Result<Answer, Failure> {
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", _) => self.read(&request, &segments),
            (_, ["2015-03-31", "functions", rest @ ..]) => self.write_function(&request, rest, &bytes).await,
            ("PUT", ["2017-10-31", "functions", name, "concurrency"]) => {
                let reserved = body::<PutConcurrency>(&bytes)?.reserved_concurrent_executions;
                let name = (*name).to_owned();
                self.plane(&request, 200, move |plane| plane.put_function_concurrency(&name, reserved)).await
            }
            ("DELETE", ["2017-10-31", "functions", name, "concurrency"]) => {
                let name = (*name).to_owned();
                self.plane(&request, 204, move |plane| plane.delete_function_concurrency(&name)).await
            }
            ("POST", ["2017-03-31", "tags", arn]) => {
                let (arn, tags) = ((*arn).to_owned(), body::<TagResource>(&bytes)?.tags);
                self.plane(&request, 204, move |plane| plane.tag_resource(&arn, &tags)).await
            }
            ("DELETE", ["2017-03-31", "tags", arn]) => {
                let (arn, keys) = ((*arn).to_owned(), request.query_all("tagKeys"));
                self.plane(&request, 204, move |plane| plane.untag_resource(&arn, &keys)).await
            }
            _ => Err(unknown(&request)),
        }
    }

    fn read(&self, request: &ApiRequest, segments: &[&str]) -> Result<Answer, Failure> {
        let qualifier = request.query("Qualifier");
        let look = |look: &dyn Fn(&mut Plane<'_>) -> Result<Value, ModelError>| {
            let value = self.invoker.models.look(&request.place, |plane| look(plane))?;
            Ok(http::json(200, &value))
        };
        match segments {
            ["2015-03-31", "functions"] => {
                let list = request.list("")?;
                look(&|plane| Ok(page("Functions", plane.list_functions(&list)?)))
            }
            ["2015-03-31", "functions", name] => look(&|plane| Ok(json!(plane.get_function(name, qualifier)?))),
            ["2015-03-31", "functions", name, "configuration"] => {
                look(&|plane| Ok(json!(plane.get_function_configuration(name, qualifier)?)))
            }
            ["2015-03-31", "functions", name, "versions"] => {
                let list = request.list(name)?;
                look(&|plane| Ok(page("Versions", plane.list_versions(&list)?)))
            }
            ["2015-03-31", "functions", name, "aliases"] => {
                let list = request.list(name)?;
                look(&|plane| Ok(page("Aliases", plane.list_aliases(&list)?)))
            }
            ["2015-03-31", "functions", name, "aliases", alias] => {
                look(&|plane| Ok(json!(plane.get_alias(name, alias)?)))
            }
            ["2015-03-31", "functions", name, "policy"] => {
                // There are no resource policies here: the answer is the one for a function that has none.
                self.invoker.models.look(&request.place, |plane| plane.get_function_configuration(name, qualifier))?;
                Err(Failure::new(404, "ResourceNotFoundException", "The resource you requested does not exist."))
            }
            ["2019-09-30", "functions", name, "concurrency"] => look(&|plane| {
                let found = plane.get_function_concurrency(name)?;
                Ok(found.map_or_else(|| json!({}), |concurrency| json!(concurrency)))
            }),
            ["2017-03-31", "tags", arn] => look(&|plane| Ok(json!({"Tags": plane.list_tags(arn)?}))),
            _ => Err(unknown(request)),
        }
    }

    /// What is written below `/2015-03-31/functions`.
    async fn write_function(
        self: &Arc<Self>,
        request: &ApiRequest,
        rest: &[&str],
        bytes: &Bytes,
    ) -> Result<Answer, Failure> {
        match (request.method.as_str(), rest) {
            ("POST", []) => self.create_function(request, body(bytes)?).await,
            ("DELETE", [name]) => self.delete_function(request, name).await,
            ("PUT", [name, "code"]) => {
                let input = UpdateFunctionCode { function_name: (*name).to_owned(), ..body(bytes)? };
                self.update_code(request, input).await
            }
            ("PUT", [name, "configuration"]) => {
                let input = UpdateFunctionConfiguration { function_name: (*name).to_owned(), ..body(bytes)? };
                self.plane(request, 200, move |plane| plane.update_function_configuration(input)).await
            }
            ("POST", [name, "versions"]) => {
                let input = PublishVersion { function_name: (*name).to_owned(), ..body(bytes)? };
                self.plane(request, 201, move |plane| plane.publish_version(input)).await
            }
            ("POST", [name, "aliases"]) => {
                let input = CreateAlias { function_name: (*name).to_owned(), ..body(bytes)? };
                self.plane(request, 201, move |plane| plane.create_alias(input)).await
            }
            ("PUT", [name, "aliases", alias]) => {
                let (function_name, alias) = ((*name).to_owned(), (*alias).to_owned());
                let input = UpdateAlias { function_name, name: alias, ..body(bytes)? };
                self.plane(request, 200, move |plane| plane.update_alias(input)).await
            }
            ("DELETE", [name, "aliases", alias]) => {
                let (name, alias) = ((*name).to_owned(), (*alias).to_owned());
                self.plane(request, 204, move |plane| plane.delete_alias(&name, &alias)).await
            }
            _ => Err(unknown(request)),
        }
    }

    async fn create_function(self: &Arc<Self>, request: &ApiRequest, input: CreateFunction) -> Result<Answer, Failure> {
        let images = Arc::clone(&self.invoker.runner.images);
        let place = request.place.clone();
        self.change(201, move |model, now_ms| {
            images.tell(model, now_ms, input.code.image_uri.as_deref().unwrap_or_default())?;
            let made = model.at(&place, now_ms).create_function(input)?;
            images.prepare(&made.code_sha256);
            Ok(made)
        })
        .await
    }

    async fn update_code(self: &Arc<Self>, request: &ApiRequest, input: UpdateFunctionCode) -> Result<Answer, Failure> {
        let images = Arc::clone(&self.invoker.runner.images);
        let place = request.place.clone();
        self.change(200, move |model, now_ms| {
            images.tell(model, now_ms, input.image_uri.as_deref().unwrap_or_default())?;
            let updated = model.at(&place, now_ms).update_function_code(input)?;
            images.prepare(&updated.code_sha256);
            Ok(updated)
        })
        .await
    }

    async fn delete_function(self: &Arc<Self>, request: &ApiRequest, name: &str) -> Result<Answer, Failure> {
        let qualifier = request.query("Qualifier").map(str::to_owned);
        let bare = FunctionRef::parse(name, &request.place)?;
        let gone = (qualifier.is_none() && bare.qualifier.is_none()).then(|| bare.name.to_owned());
        let name = name.to_owned();
        let answer = self.plane(request, 204, move |plane| plane.delete_function(&name, qualifier.as_deref())).await?;
        if let Some(function) = gone {
            self.invoker.runner.forget(&request.place, &function);
        }
        Ok(answer)
    }

    /// A change of one plane.
    async fn plane<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        request: &ApiRequest,
        status: u16,
        change: impl FnOnce(&mut Plane<'_>) -> Result<T, ModelError> + Send + 'static,
    ) -> Result<Answer, Failure> {
        let place = request.place.clone();
        self.change(status, move |model, now_ms| Ok(change(&mut model.at(&place, now_ms))?)).await
    }

    /// A change of the model, on a thread that may wait for the disk; answered when it is on disk.
    async fn change<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        status: u16,
        change: impl FnOnce(&mut Model, u64) -> Result<T, ChangeError> + Send + 'static,
    ) -> Result<Answer, Failure> {
        let models = Arc::clone(&self.invoker.models);
        let work = tokio::task::spawn_blocking(move || models.change(change));
        let changed = work.await.map_err(|_| Failure::new(500, "ServiceException", "the change was broken off"))??;
        Ok(if status == 204 { http::answer(204, "application/json", "") } else { http::json(status, &changed) })
    }
}

fn page<T: Serialize>(name: &str, page: Page<T>) -> Value {
    json!({name: page.items, "NextMarker": page.next_marker})
}

fn unknown(request: &ApiRequest) -> Failure {
    let path = request.segments.join("/");
    let text = format!("{} /{path} is no operation that the local host knows", request.method);
    Failure::new(404, "UnknownOperationException", text)
}
