//! Which version an invocation runs, as data: the model runs nothing itself.

use super::error::ModelError;
use super::names::{self, FunctionRef};
use super::state::{Form, Phase, Plane};
use super::view;
use super::wire::Resolved;

impl Plane<'_> {
    /// What `Invoke` with this qualifier would run now. `draw`, in [0, 1), decides between the versions of a weighted alias: the
    /// additional one gets it when it is below its weight. Invocations don't count against the quotas of the control plane.
    ///
    /// # Errors
    /// 404 when there is no such function, version or alias; 429 when reserved concurrency is 0; 409 while the version is
    /// Pending, and for the first invocation of an Inactive one, which starts its way back; 502 when its image is gone.
    pub fn resolve_invoke(&mut self, name: &str, qualifier: Option<&str>, draw: f64) -> Result<Resolved, ModelError> {
        let parsed = FunctionRef::parse(name, self.place)?;
        let name = parsed.name.to_owned();
        let qualifier = qualifier.or(parsed.qualifier);
        let invoked_arn = names::function_arn(self.place, &name, qualifier);
        let missing = || ModelError::function_not_found(&invoked_arn);
        let version = match qualifier {
            None | Some("$LATEST") => "$LATEST".to_owned(),
            Some(number) if names::version_number(number).is_some() => number.to_owned(),
            Some(alias) => {
                let alias = self.alias(&name, alias).map_err(|_| missing())?;
                let extra = alias.weights.first_key_value().filter(|(_, weight)| draw < **weight);
                extra.map_or_else(|| alias.version.clone(), |(other, _)| other.clone())
            }
        };
        let Plane { images, now_ms, options, .. } = *self;
        let (function, number) = if version == "$LATEST" {
            (self.function(&name).map_err(|_| missing())?, None)
        } else {
            let (function, number) = self.version(&name, &version).map_err(|_| missing())?;
            (function, Some(number))
        };
        let reserved_concurrency = function.reserved_concurrency;
        if reserved_concurrency == Some(0) {
            return Err(ModelError::concurrency_exceeded(true));
        }
        let (form, serving) = match number {
            None => (&mut function.latest, function.serving.clone()),
            Some(number) => (function.versions.get_mut(&number).ok_or_else(missing)?, None),
        };
        let content = serving.unwrap_or_else(|| form.content.clone());
        let exists = images.exists(&content.repository, &content.digest);
        start(form, exists, &content.image_uri, now_ms, now_ms + options.restore_ms)?;
        Ok(Resolved {
            function_name: name,
            invoked_arn,
            version,
            repository: content.repository,
            digest: content.digest,
            settings: content.settings,
            reserved_concurrency,
        })
    }
}

/// Lets an invocation begin, or moves the state that forbids it.
fn start(form: &mut Form, exists: bool, image_uri: &str, now_ms: u64, restored_at_ms: u64) -> Result<(), ModelError> {
    match form.phase {
        Phase::Active if exists => {
            form.last_used_ms = now_ms;
            Ok(())
        }
        Phase::Active | Phase::Idle if !exists => {
            form.enter(Phase::ImageGone);
            Err(ModelError::image_deleted(image_uri))
        }
        Phase::ImageGone if !exists => Err(ModelError::image_deleted(image_uri)),
        Phase::Active | Phase::Idle | Phase::ImageGone => {
            let refusal = ModelError::wrong_state(view::state_name(&form.phase));
            form.enter(Phase::Pending { until_ms: restored_at_ms, restoring: true });
            Err(refusal)
        }
        Phase::Pending { .. } | Phase::Failed => Err(ModelError::wrong_state(view::state_name(&form.phase))),
    }
}
