//! A request of the REST protocol, taken apart.

use bytes::Bytes;
use hyper::Method;
use hyper::http::request::Parts;
use serde::de::DeserializeOwned;
use tiers_lambda::model::{ListRequest, Place};

use super::failure::Failure;
use crate::http;

/// Method, path and query; what is in the body depends on them.
#[derive(Clone, Debug)]
pub(crate) struct ApiRequest {
    pub place: Place,
    pub method: Method,
    /// Decoded, without empty ones: a trailing slash means nothing.
    pub segments: Vec<String>,
    query: Vec<(String, String)>,
}

impl ApiRequest {
    pub fn new(place: Place, head: &Parts) -> ApiRequest {
        let path = head.uri.path();
        ApiRequest {
            place,
            method: head.method.clone(),
            segments: path.split('/').filter(|part| !part.is_empty()).map(http::decode).collect(),
            query: http::query_pairs(head.uri.query().unwrap_or_default()),
        }
    }

    /// The function of an `Invoke`.
    pub fn invoked_function(&self) -> Option<String> {
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["2015-03-31", "functions", name, "invocations"] if self.method == Method::POST => Some((*name).to_owned()),
            _ => None,
        }
    }

    /// The first value of a query parameter; an empty one counts as not given.
    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of a query parameter.
    pub fn query_all(&self, name: &str) -> Vec<String> {
        self.query.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone()).collect()
    }

    /// The parameters of the paged lists.
    ///
    /// Errors: 400 for a `MaxItems` that is no number.
    pub fn list(&self, function: &str) -> Result<ListRequest, Failure> {
        let max_items = self.query("MaxItems").map(str::parse).transpose();
        let max_items = max_items.map_err(|_| {
            Failure::new(400, "InvalidParameterValueException", "MaxItems is not a number from 1 to 10000")
        })?;
        Ok(ListRequest {
            function_name: function.to_owned(),
            marker: self.query("Marker").map(str::to_owned),
            max_items,
            function_version: self.query("FunctionVersion").map(str::to_owned),
        })
    }
}

/// The body as the operation's input; an absent body is an empty one.
pub(crate) fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|e| Failure::bad_body(&e))
}
