//! Whose secrets those in the caller's environment are: `doppler run` says so, and they must be the environment's own.

use tiers_core::config::{Environment, Secrets};

use crate::fault::Fault;

/// Refuses the secrets of another project or config than is declared. Where nothing is declared, or nothing says whose they are,
/// there is nothing to compare.
///
/// Source: the Doppler CLI sets `DOPPLER_PROJECT` and `DOPPLER_CONFIG` for what it runs.
pub fn right_config(environment: &Environment, variable: impl Fn(&str) -> Option<String>) -> Result<(), Fault> {
    let Some(Secrets::Doppler { project, config }) = &environment.secrets else { return Ok(()) };
    // With `--name-transformer tf-var` they may come under such names, too.
    let either = |name: &str| variable(name).or_else(|| variable(&format!("TF_VAR_{}", name.to_lowercase())));
    let differs = |name: &str, declared: &str| either(name).filter(|told| !told.is_empty() && told != declared);
    let told = [("DOPPLER_PROJECT", project), ("DOPPLER_CONFIG", config)];
    let wrong = told.iter().find_map(|(name, declared)| Some((name, declared, differs(name, declared)?)));
    let Some((name, declared, told)) = wrong else { return Ok(()) };
    Err(Fault::refused(format!(
        "wrong place: the secrets are those of another place: {name} is {told}, and {} declares {declared}",
        environment.name
    ))
    .hint(format!(
        "`doppler run --project {project} --config {config} --name-transformer tf-var -- tiers tf …` takes those of {}.",
        environment.name
    )))
}

#[cfg(test)]
mod tests {
    use tiers_core::config::Facts;

    use super::*;

    fn environment(secrets: &str) -> Environment {
        let toml = format!(
            "project = \"shop\"\n[environments.prod]\n{secrets}\n[apps.shop]\npaths = [\"**\"]\nimage = {{ dockerfile = \"D\" }}\ncomponents = [\"api\"]\n"
        );
        let loaded = tiers_core::config::load("tiers.toml", &toml, &Facts::default()).expect("good");
        loaded.project.environments[0].clone()
    }

    #[test]
    fn secrets_of_another_config_are_refused_and_what_is_not_said_is_not_compared() {
        let declared = environment("secrets = { doppler = { project = \"shop\", config = \"prd\" } }");
        let with = |project: &'static str, config: &'static str| {
            move |name: &str| Some(if name == "DOPPLER_PROJECT" { project } else { config }.to_owned())
        };
        assert!(right_config(&declared, with("shop", "prd")).is_ok());
        assert!(right_config(&declared, |_| None).is_ok());
        let wrong = right_config(&declared, with("shop", "dev")).expect_err("another config");
        assert!(wrong.message.contains("DOPPLER_CONFIG is dev, and prod declares prd"), "{}", wrong.message);
        assert!(right_config(&declared, with("blog", "prd")).is_err());
        let renamed = |name: &str| (name == "TF_VAR_doppler_config").then(|| "dev".to_owned());
        assert!(right_config(&declared, renamed).is_err());
        assert!(right_config(&environment(""), with("blog", "dev")).is_ok());
    }
}
