//! Which values never appear in what Terraform says: those of variables that carry secrets. They reach Terraform through its
//! environment alone, never as an argument, which every user of the machine could read.

use tiers_core::config::{Environment, Place};
use tiers_core::redact::Redactor;

/// Parts of names of variables that carry secrets.
const TELLING: [&str; 6] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PRIVATE_KEY", "CREDENTIAL"];

/// A redactor for the values of every `TF_VAR_…`, and of every variable whose name says that it is a secret.
///
/// Terraform's variables hold harmless values as well, and the environment's own name, account and region stay readable.
pub fn redactor(environment: &Environment) -> Redactor {
    let mut harmless = vec![environment.name.to_string()];
    if let Place::Aws { account, region } = &environment.place {
        harmless.extend([account.clone(), region.clone()]);
    }
    let secret =
        |name: &str| name.starts_with("TF_VAR_") || TELLING.iter().any(|part| name.to_uppercase().contains(part));
    let values =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Redactor::new(values.filter(|(name, value)| secret(name) && !harmless.contains(value)).map(|(_, value)| value))
}
