//! What is kept of one exchange besides the SDK's typed answer: whether the request went out, and the body as it came.
//!
//! Both are needed for facts that the typed answer does not hold. "Nothing was sent" is the only proof that a failed call
//! cannot take effect later. And the body carries settings in the service's own field names, so that what is recorded of them
//! does not change with the version of the SDK.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Watches one call, over all its attempts.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    sent: bool,
    body: Vec<u8>,
}

impl Watch {
    /// True once the request was handed to the connection. False proves that the service has not seen it.
    pub fn was_sent(&self) -> bool {
        self.seen().sent
    }

    /// The body of the last answer; empty when there was none.
    pub fn take_body(&self) -> Vec<u8> {
        std::mem::take(&mut self.seen().body)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.seen().sent = true;
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.seen().body = context.response().body().bytes().unwrap_or_default().to_vec();
        Ok(())
    }
}
