//! Whether a step runs only after something before it failed.

use github_actions_models::common::If;

use super::Condition;
use super::evaluate::{Before, holds};
use super::unknowns::Unknowns;
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
}
