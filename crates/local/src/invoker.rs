//! From a name and a qualifier to an answer: what the API and the doors both do when they invoke.

use std::sync::Arc;

use tiers_lambda::model::{ModelError, Place, Resolved};

use crate::model_store::ModelStore;
use crate::run::{Admitted, Invocation, Outcome, Runner};

/// Resolves, admits and runs invocations.
pub(crate) struct Invoker {
    pub models: Arc<ModelStore>,
    pub runner: Arc<Runner>,
}

impl Invoker {
    /// Which version would run now.
    ///
    /// Errors: as the service refuses.
    pub fn resolve(&self, place: &Place, function: &str, qualifier: Option<&str>) -> Result<Resolved, ModelError> {
        self.models.look(place, |plane| plane.resolve_invoke(function, qualifier, draw()))
    }

    /// The same, with its share of the function's concurrency taken.
    ///
    /// Errors: as the service refuses.
    pub fn admit(&self, place: &Place, function: &str, qualifier: Option<&str>) -> Result<Admitted, ModelError> {
        self.runner.admit(place, &self.resolve(place, function, qualifier)?)
    }

    /// Runs an admitted invocation to its end, whether its caller waits for it or not.
    ///
    /// Errors: 429 when every process is busy.
    pub async fn run(&self, admitted: Admitted, invocation: Invocation) -> Result<Outcome, ModelError> {
        let runner = Arc::clone(&self.runner);
        let task = tokio::spawn(async move { runner.run(admitted, invocation).await });
        // A task that ended without an answer was cut off by the end of the host.
        task.await.unwrap_or_else(|_| Err(ModelError::concurrency_exceeded(false)))
    }
}

/// A number in [0, 1): which of an alias's two versions gets the invocation.
fn draw() -> f64 {
    let bits = uuid::Uuid::new_v4().as_u128() & ((1 << 52) - 1);
    bits as f64 / (1_u64 << 52) as f64
}
