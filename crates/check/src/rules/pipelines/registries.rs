//! Whose an image is, and whether its tags can move: what the workflows of this repository build and push, and what its Terraform
//! says of its repositories.

use github_actions_models::workflow::job::Step;

use super::artifacts::input;
use super::effects;
use super::scopes::Pipeline;
use crate::discover::usage;
use crate::hcl::{Body, Expr, Part};
use crate::parsed::Parsed;
use crate::run::Context;

pub(super) struct Registries {
    /// Registry and organisation of what is built here.
    own: Vec<String>,
    /// ECR repositories in Terraform, as patterns of their names, and whether their tags stay.
    repositories: Vec<(String, bool)>,
}

impl Registries {
    pub(super) fn find(context: &Context<'_>, pipeline: &Pipeline<'_>) -> Registries {
        let mut own: Vec<String> = Vec::new();
        let mut take = |reference: &str| {
            let owner = owner(reference.trim()).to_string();
            if !own.contains(&owner) {
                own.push(owner);
            }
        };
        for job in &pipeline.jobs {
            for call in &job.calls {
                let pushes = matches!(call.command.program(), "docker" | "podman" | "buildah")
                    && call.command.subcommands().any(|word| word == "push");
                if effects::builds_image(call.command) {
                    ["t", "tag"].iter().flat_map(|flag| call.command.values(flag)).for_each(|(tag, _)| take(tag));
                } else if pushes && let Some(pushed) = call.command.subcommands().last() {
                    take(pushed);
                }
            }
            for step in &job.model.steps {
                let Step::Uses(uses) = step else { continue };
                if uses.uses.raw().starts_with("docker/build-push-action@")
                    && let Some(tags) = input(uses, "tags")
                {
                    tags.split(['\n', ',']).filter(|tag| !tag.trim().is_empty()).for_each(&mut take);
                }
            }
        }
        Registries { own, repositories: repositories(context) }
    }

    /// The numbered release of somebody else: nothing here builds what lies there.
    pub(super) fn is_release_of_others(&self, reference: &str) -> bool {
        let Some((name, tag)) = reference.rsplit_once(':') else { return false };
        let number = tag.strip_prefix('v').unwrap_or(tag);
        let is_numbered = number.starts_with(|first: char| first.is_ascii_digit()) && number.contains('.');
        let computed = |text: &str| text.contains(['$', '{', '*']);
        is_numbered
            && !computed(reference)
            && !name.contains(".dkr.ecr.")
            && !self.own.iter().any(|own| computed(own) || own == owner(reference))
    }

    /// The tags of its repository never move, as the Terraform code says.
    pub(super) fn keeps_tags(&self, reference: &str) -> bool {
        let Some((name, _)) = reference.rsplit_once(':') else { return false };
        let path = name.split_once('/').filter(|(host, _)| host.contains(".dkr.ecr.") || host.contains('$'));
        let Some((_, path)) = path.filter(|(_, path)| !path.contains(['$', '{'])) else { return false };
        if let Some((_, stays)) = self.repositories.iter().find(|(name, _)| name == path) {
            return *stays;
        }
        let mut of_it = self.repositories.iter().filter(|(pattern, _)| usage::matches(path, pattern)).peekable();
        of_it.peek().is_some() && of_it.all(|(_, stays)| *stays)
    }
}

/// `gcr.io/datadoghq` of `gcr.io/datadoghq/agent:7.58.1`.
fn owner(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    let last = name.rfind('/').unwrap_or(0);
    if last == 0 {
        return name.split(':').next().unwrap_or(name);
    }
    &name[..last]
}

fn repositories(context: &Context<'_>) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    for parsed in context.parsed {
        let Parsed::Terraform(body) = parsed else { continue };
        let resources = body.blocks_of("resource");
        let of_ecr = resources.filter(|block| block.labels.first().is_some_and(|kind| *kind == "aws_ecr_repository"));
        out.extend(of_ecr.filter_map(|block| repository(&block.body)));
    }
    out
}

fn repository(body: &Body<'_>) -> Option<(String, bool)> {
    let name = match &body.attr("name")?.value.expr {
        Expr::Str(name) => name.to_string(),
        Expr::Template(parts) => {
            let text = parts.iter().map(|part| match part {
                Part::Text(text) => text.as_ref(),
                _ => "*",
            });
            text.collect()
        }
        _ => "*".to_string(),
    };
    let stays = match body.attr("image_tag_mutability") {
        None => false,
        Some(attr) => attr.value.as_str()?.starts_with("IMMUTABLE"),
    };
    Some((name, stays))
}
