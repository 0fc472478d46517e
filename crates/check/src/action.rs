//! Actions: those of the repository with the commands that their steps run, and well-known ones as the command that they stand for.

use std::borrow::Cow;

use github_actions_models::action::{Action as Model, Runs, StepBody};
use github_actions_models::common::Uses;
use github_actions_models::common::expr::BoE;
use yamlpath::{Component, Document};

use crate::command::{Command, Word};
use crate::hcl::Span;
use crate::workflow;

/// An action of the repository.
#[derive(Debug)]
pub(crate) struct Action<'a> {
    pub(crate) model: Model,
    /// What its steps run, in order.
    pub(crate) commands: Vec<Command<'a>>,
}

impl<'a> Action<'a> {
    /// `None` for what is no action: other programs have files of this name too.
    pub(crate) fn read(text: &'a str) -> Option<Action<'a>> {
        let model: Model = yaml_serde::from_str(text).ok()?;
        let document = Document::new(text).ok()?;
        let mut commands = Vec::new();
        if let Runs::Composite(composite) = &model.runs {
            for (index, step) in composite.steps.iter().enumerate() {
                let route = [Component::from("runs"), "steps".into(), index.into()];
                let first = commands.len();
                match &step.body {
                    StepBody::Run { .. } => {
                        let route = [&route[..], &["run".into()]].concat();
                        commands.extend(workflow::script(text, workflow::exact(&document, &route)).unwrap_or_default());
                    }
                    StepBody::Uses { uses, with } => {
                        let route = [&route[..], &["uses".into()]].concat();
                        let span = workflow::exact(&document, &route);
                        commands
                            .extend(span.and_then(|span| stands_for(uses, &|name| workflow::given(with, name), span)));
                    }
                }
                if matches!(step.continue_on_error, BoE::Literal(true)) && !is_asked(text, step.id.as_deref()) {
                    commands[first..].iter_mut().for_each(|command| command.failure_ignored = true);
                }
            }
        }
        Some(Action { model, commands })
    }

    /// The actions that its steps use in turn.
    pub(crate) fn uses(&self) -> impl Iterator<Item = &Uses> {
        let steps = match &self.model.runs {
            Runs::Composite(composite) => composite.steps.as_slice(),
            Runs::JavaScript(_) | Runs::Docker(_) => &[],
        };
        steps.iter().filter_map(|step| match &step.body {
            StepBody::Uses { uses, .. } => Some(uses),
            StepBody::Run { .. } => None,
        })
    }
}

/// Whether somebody reads how a step that may fail went.
fn is_asked(text: &str, id: Option<&str>) -> bool {
    id.is_some_and(|id| text.contains(&format!("steps.{id}.outcome")))
}

/// The command that a well-known action runs, as far as the rules tell commands apart. Its words all stand at `span`.
pub(crate) fn stands_for<'a>(uses: &Uses, given: &dyn Fn(&str) -> Option<String>, span: Span) -> Option<Command<'a>> {
    let name = uses.raw().split('@').next().unwrap_or_default().to_ascii_lowercase();
    let (program, inputs): (&[&str], &[(&str, &str)]) = match name.as_str() {
        // Without a service it only registers the task.
        "aws-actions/amazon-ecs-deploy-task-definition" if given("service").is_some() => {
            (&["aws", "ecs", "update-service"], &[("--cluster", "cluster"), ("--service", "service")])
        }
        // It writes an image into the task that another action deploys; the program has no such command.
        "aws-actions/amazon-ecs-render-task-definition" => {
            (&["aws", "ecs", "render-task-definition"], &[("--image", "image")])
        }
        "aws-actions/aws-lambda-deploy" => {
            (&["aws", "lambda", "update-function-code"], &[("--function-name", "function-name")])
        }
        "aws-actions/aws-cloudformation-github-deploy" => {
            (&["aws", "cloudformation", "deploy"], &[("--stack-name", "name")])
        }
        "google-github-actions/deploy-cloudrun" => {
            (&["gcloud", "run", "deploy"], &[("--service", "service"), ("--image", "image")])
        }
        "google-github-actions/deploy-cloud-functions" => (&["gcloud", "functions", "deploy"], &[("--name", "name")]),
        "google-github-actions/deploy-appengine" => (&["gcloud", "app", "deploy"], &[("--project", "project_id")]),
        "azure/webapps-deploy" => (&["az", "webapp", "deploy"], &[("--name", "app-name"), ("--slot", "slot-name")]),
        "azure/functions-action" => (&["az", "functionapp", "deploy"], &[("--name", "app-name")]),
        "azure/container-apps-deploy-action" => (&["az", "containerapp", "update"], &[("--name", "containerAppName")]),
        "azure/k8s-deploy" => (&["kubectl", "apply"], &[("--namespace", "namespace")]),
        "cloudflare/wrangler-action" => (&["wrangler", "deploy"], &[("--env", "environment")]),
        "superfly/flyctl-actions" if given("args").is_some_and(|args| args.starts_with("deploy")) => {
            (&["flyctl", "deploy"], &[("--args", "args")])
        }
        // It leaves nothing but what is committed.
        "actions/checkout" if given("clean").as_deref() != Some("false") => (&["git", "clean", "-ffdx"], &[]),
        "dflook/terraform-apply" if given("auto_approve").as_deref() == Some("true") => {
            (&["terraform", "apply", "-auto-approve"], &[("-var-file", "var_file"), ("-chdir", "path")])
        }
        // It applies the plan that was approved on the pull request.
        "dflook/terraform-apply" => (&["terraform", "apply", "plan"], &[("-var-file", "var_file"), ("-chdir", "path")]),
        _ => return None,
    };
    let flags = inputs.iter().filter_map(|(flag, input)| Some([Cow::from(flag.to_string()), Cow::from(given(input)?)]));
    let texts = program.iter().map(|word| Cow::from(word.to_string())).chain(flags.flatten());
    let (start, end) = (span.start as usize, span.end as usize);
    let words = texts.map(|text| Word { text, start, end }).collect();
    Some(Command { words, ..Command::default() })
}
