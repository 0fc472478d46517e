//! Whether a step runs only after something before it failed.

use github_actions_models::common::If;

use super::Condition;
use super::evaluate::{Before, holds};
use super::unknowns::{Assignment, Unknowns};
use super::value::Value;

/// How the steps before ended: all well, or one badly.
#[derive(Clone, Copy)]
enum Steps<'s> {
    Fine,
    /// A step failed and the job with it.
    Failed,
    /// The step of this id failed, and the job goes on because it may.
    Tolerated(&'s str),
}

impl Before for Steps<'_> {
    fn success(&self) -> bool {
        !matches!(self, Steps::Failed)
    }

    fn failure(&self) -> bool {
        matches!(self, Steps::Failed)
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn context(&self, pattern: &str) -> Option<Value> {
        let parts: Vec<&str> = pattern.split('.').collect();
        let bad = |id: &str| match self {
            Steps::Fine => false,
            Steps::Failed => true,
            Steps::Tolerated(known) => known.eq_ignore_ascii_case(id),
        };
        match parts[..] {
            ["job", "status"] => Some(Value::text(if self.failure() { "failure" } else { "success" })),
            ["steps", id, "outcome"] => Some(Value::text(if bad(id) { "failure" } else { "success" })),
            ["steps", _, "conclusion"] => Some(Value::text(if self.failure() { "failure" } else { "success" })),
            ["needs", _, "result"] => Some(Value::text("success")),
            _ => None,
        }
    }
}

/// Whether a step with this condition never runs while all is well, and does when a step before it failed. `ids` are those of the
/// steps before it.
pub(in crate::rules::pipelines) fn on_failure_only(condition: Option<&If>, ids: &[&str]) -> bool {
    let condition = Condition::read(condition);
    let mut unknowns = Unknowns::default();
    unknowns.take(&condition);
    let Some(assignments) = unknowns.assignments() else { return false };
    let may = |steps: Steps<'_>| assignments.iter().any(|known| holds(&condition, &steps, known) == Some(true));
    !may(Steps::Fine) && (may(Steps::Failed) || ids.iter().any(|id| may(Steps::Tolerated(id))))
}

/// Whether a step with this condition runs after a failure in every case in which it runs when all is well.
pub(in crate::rules::pipelines) fn runs_after_failure(condition: &If) -> bool {
    let condition = Condition::read(Some(condition));
    let mut unknowns = Unknowns::default();
    unknowns.take(&condition);
    let Some(assignments) = unknowns.assignments() else { return false };
    let runs = |steps: Steps<'_>, known: &Assignment| holds(&condition, &steps, known) == Some(true);
    let mut fine = assignments.iter().filter(|known| runs(Steps::Fine, known)).peekable();
    fine.peek().is_some() && fine.all(|known| runs(Steps::Failed, known))
}

/// Whether a job with this condition, for which all is well before, lets this value of a context pass: it runs with it in every case
/// in which it runs with `success`. `false` where the condition does not ask for the context.
pub(in crate::rules::pipelines) fn lets_pass(condition: &If, context: &str, value: &str) -> bool {
    let condition = Condition::read(Some(condition));
    let mut unknowns = Unknowns::default();
    unknowns.take(&condition);
    let Some(assignments) = unknowns.assignments() else { return false };
    if assignments.iter().any(|known| !known.contains_key(context)) {
        return false;
    }
    let with = |known: &Assignment, value: &str| {
        let mut known = known.clone();
        known.insert(context.to_string(), Value::text(value));
        holds(&condition, &Steps::Fine, &known) == Some(true)
    };
    let mut fine = assignments.iter().filter(|known| with(known, "success")).peekable();
    fine.peek().is_some() && fine.all(|known| with(known, value))
}

/// Whether a job or a step with this condition never runs, given the values that are known of some contexts.
pub(in crate::rules::pipelines) fn never_runs(condition: &If, known: &dyn Fn(&str) -> Option<String>) -> bool {
    let condition = Condition::read(Some(condition));
    let mut unknowns = Unknowns::default();
    unknowns.take(&condition);
    let Some(mut assignments) = unknowns.assignments() else { return false };
    let mut tells = false;
    for (context, value) in assignments.iter_mut().flatten() {
        let Some(told) = known(context) else { continue };
        tells = true;
        *value = match told.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Text(told),
        };
    }
    let runs = |steps: Steps<'_>, known: &Assignment| holds(&condition, &steps, known) != Some(false);
    tells && !assignments.iter().any(|known| runs(Steps::Fine, known) || runs(Steps::Failed, known))
}

#[cfg(test)]
mod tests {
    use github_actions_models::common::If;

    fn check(condition: &str) -> bool {
        super::on_failure_only(Some(&If::Expr(condition.to_string())), &["smoke"])
    }

    #[test]
    fn a_step_for_failures_is_told_from_one_that_runs_in_any_case() {
        for only in [
            "failure()",
            "${{ failure() }}",
            "${{ !success() }}",
            "failure() && github.ref == 'refs/heads/main'",
            "steps.smoke.outcome == 'failure'",
            "steps.smoke.outcome != 'success'",
            "always() && job.status == 'failure'",
            "always() && steps.smoke.conclusion == 'failure'",
            "failure() || cancelled()",
        ] {
            assert!(check(only), "{only}");
        }
        for any in [
            "always()",
            "success()",
            "success() || failure()",
            "github.ref == 'refs/heads/main'",
            "always() && github.event_name == 'push'",
            "steps.other.outcome == 'failure'",
            "steps.smoke.outputs.ok == 'false'",
            "${{ failure() }} && true",
            "",
        ] {
            assert!(!check(any), "{any}");
        }
    }
    #[test]
    fn a_step_that_runs_in_any_case_is_told_from_one_that_waits_for_success() {
        let check = |condition: &str| super::runs_after_failure(&If::Expr(condition.to_string()));
        for any in ["always()", "!cancelled()", "success() || failure()", "always() && github.ref == 'refs/heads/main'"]
        {
            assert!(check(any), "{any}");
        }
        for waits in ["success()", "github.ref == 'x'", "always() && steps.test.outcome == 'success'", "failure()"] {
            assert!(!check(waits), "{waits}");
        }
    }

    #[test]
    fn a_condition_that_an_input_refuses_never_holds() {
        let check = |condition: &str| {
            let known = |context: &str| match context {
                "inputs.command" => Some("plan".to_string()),
                "inputs.verify" => Some("false".to_string()),
                _ => None,
            };
            super::never_runs(&If::Expr(condition.to_string()), &known)
        };
        for never in [
            "inputs.command == 'apply'",
            "${{ inputs.command == 'apply' && steps.plan.outputs.code == '2' }}",
            "inputs.verify",
            "always() && inputs.verify == true",
        ] {
            assert!(check(never), "{never}");
        }
        for may in [
            "inputs.command == 'plan'",
            "inputs.command != 'apply' || failure()",
            "!inputs.verify",
            "inputs.other",
            "false",
        ] {
            assert!(!check(may), "{may}");
        }
    }

    #[test]
    fn what_a_condition_lets_pass_of_another_workflow_is_tried_out() {
        let check = |condition: &str, value: &str| {
            super::lets_pass(&If::Expr(condition.to_string()), "github.event.workflow_run.conclusion", value)
        };
        assert!(check("github.event.workflow_run.conclusion != 'failure'", "cancelled"));
        assert!(!check("github.event.workflow_run.conclusion != 'failure'", "failure"));
        assert!(!check("${{ github.event.workflow_run.conclusion == 'success' && github.ref == 'x' }}", "cancelled"));
        assert!(!check("github.ref == 'x'", "failure"));
    }
}
