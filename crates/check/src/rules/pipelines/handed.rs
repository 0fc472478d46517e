//! What one job hands to another: outputs of the jobs that it needs, and inputs that its callers give, as far as they are written.

use github_actions_models::workflow::Job as AnyJob;
use github_actions_models::workflow::event::OptionalBody;

use super::jobs::Job;
use super::scopes::{Level, local_workflow};
use super::told::replaced;
use crate::model::FileId;
use crate::run::Context;
use crate::workflow::Workflow;

/// The text with what other jobs hand over put in; what is computed stays as it is written.
pub(super) fn put_in(context: &Context<'_>, job: &Job<'_>, text: &str) -> String {
    let mut text = text.to_string();
    for (index, level) in job.levels().enumerate() {
        if !text.contains("${{") {
            break;
        }
        text = replaced(&text, &|expression| output(context, level, expression));
        if index == 0 {
            text = job.inputs.put_into(&text);
        }
    }
    text
}

fn output(context: &Context<'_>, level: Level<'_>, expression: &str) -> Option<String> {
    let (needed, output) = expression.strip_prefix("needs.")?.split_once(".outputs.")?;
    let same = |known: &str, asked: &str| known.eq_ignore_ascii_case(asked);
    let (id, job) = level.workflow.model.jobs.iter().find(|(id, _)| same(id, needed))?;
    match job {
        AnyJob::NormalJob(_) => of_job(context, level.file, id, output),
        AnyJob::ReusableWorkflowCallJob(call) => {
            let (file, called) = local_workflow(context, call)?;
            let value = handed_back(called, output)?;
            let inner = value.trim().strip_prefix("${{")?.strip_suffix("}}")?.trim();
            let (id, output) = inner.strip_prefix("jobs.")?.split_once(".outputs.")?;
            of_job(context, file, id, output)
        }
    }
}

fn of_job(context: &Context<'_>, file: FileId, id: &str, output: &str) -> Option<String> {
    let outputs = &context.flows.job(file, id)?.outputs;
    outputs.iter().find(|(name, _)| name.eq_ignore_ascii_case(output)).map(|(_, value)| value.clone())
}

fn handed_back<'w>(called: &'w Workflow<'_>, output: &str) -> Option<&'w str> {
    let OptionalBody::Body(call) = &called.model.on.events.workflow_call else { return None };
    call.outputs.iter().find(|(name, _)| name.eq_ignore_ascii_case(output)).map(|(_, output)| output.value.as_str())
}
