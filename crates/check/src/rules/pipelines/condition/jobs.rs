//! Whether a job can run when a job that it needs failed, was skipped or was cancelled.

use std::collections::BTreeMap;

use github_actions_models::common::If;
use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::{Job, Workflow as Model};

use super::Condition;
use super::evaluate::{Before, holds};
use super::unknowns::{Assignment, Unknowns};
use super::value::Value;
use crate::rules::pipelines::references::needs;

/// Chains longer than this are not tried out.
const MAX_JOBS: usize = 24;
/// How many conditions are evaluated for one job at most.
const MAX_WORK: usize = 400_000;

/// In which of the cases in which the job would run at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules::pipelines) enum Certainty {
    /// In every one, so that its success is no condition.
    Always,
    /// In some, such as a start by hand.
    Sometimes,
}

/// When a job runs.
#[derive(Debug, Default)]
pub(in crate::rules::pipelines) struct Runs<'m> {
    /// It runs although these failed.
    pub(in crate::rules::pipelines) despite_failure: Vec<(&'m str, Certainty)>,
    /// It runs although these, which it needs itself, were skipped while nothing failed.
    pub(in crate::rules::pipelines) despite_skip: Vec<&'m str>,
    /// It runs although the run was cancelled while these were at work.
    pub(in crate::rules::pipelines) despite_cancel: Vec<&'m str>,
    /// The failure of these, which it needs itself, stops it in some case.
    pub(in crate::rules::pipelines) stopped_by: Vec<&'m str>,
    /// It runs when something failed and never when all went well: it cleans up or goes back.
    pub(in crate::rules::pipelines) only_after_failure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Success,
    Failure,
    Cancelled,
    Skipped,
}

impl Ended {
    fn text(self) -> &'static str {
        match self {
            Ended::Success => "success",
            Ended::Failure => "failure",
            Ended::Cancelled => "cancelled",
            Ended::Skipped => "skipped",
        }
    }
}

struct Node<'m> {
    id: &'m str,
    condition: Condition<'m>,
    /// Indices of the jobs that it needs itself.
    needs: Vec<usize>,
    /// Those and what they need in turn.
    ancestors: Vec<usize>,
    may_fail: bool,
}

/// What goes wrong in a run.
#[derive(Clone, Copy)]
enum Fault {
    None,
    Fail(usize),
    FailBoth(usize, usize),
    Cancel(usize),
}

impl Fault {
    fn of(self, node: usize) -> Ended {
        match self {
            Fault::Fail(at) if at == node => Ended::Failure,
            Fault::FailBoth(a, b) if a == node || b == node => Ended::Failure,
            Fault::Cancel(at) if at == node => Ended::Cancelled,
            _ => Ended::Success,
        }
    }
}

/// When the job `id` runs; `None` where that cannot be told.
pub(in crate::rules::pipelines) fn runs<'m>(model: &'m Model, id: &str) -> Option<Runs<'m>> {
    let nodes = chain(model, id)?;
    let (job, before) = nodes.split_last()?;
    if before.is_empty() {
        return None;
    }
    let mut unknowns = Unknowns::default();
    nodes.iter().for_each(|node| unknowns.take(&node.condition));
    unknowns.started_by(|event| may_start(model, event));
    let assignments = unknowns.assignments()?;
    let pairs = assignments.len() * nodes.len() * before.len() * before.len();
    let mut out = Runs::default();
    let mut tried = Tried { fine: 0, with_fault: 0 };
    let mut despite: Vec<[bool; 2]> = vec![[false; 2]; before.len()];
    for assignment in &assignments {
        let (ended, fine) = simulate(&nodes, Fault::None, assignment)?;
        tried.fine += usize::from(fine);
        for &need in job.needs.iter().filter(|&&need| fine && ended[need] == Ended::Skipped) {
            add(&mut out.despite_skip, nodes[need].id);
        }
        for at in (0..before.len()).filter(|&at| nodes[at].may_fail) {
            let (ended, runs) = simulate(&nodes, Fault::Fail(at), assignment)?;
            if ended[at] != Ended::Failure {
                continue;
            }
            tried.with_fault += usize::from(runs);
            // A job in between that stands for the failed one takes the blame itself.
            let seen = job.needs.iter().any(|&need| ended[need] != Ended::Success);
            despite[at][0] |= runs && seen;
            despite[at][1] |= fine && !runs;
            if fine && !runs && job.needs.contains(&at) {
                add(&mut out.stopped_by, nodes[at].id);
            }
        }
        for &need in &job.needs {
            let (ended, runs) = simulate(&nodes, Fault::Cancel(need), assignment)?;
            if runs && fine && ended[need] == Ended::Cancelled {
                add(&mut out.despite_cancel, nodes[need].id);
            }
        }
        for (a, b) in all_pairs(before.len(), pairs) {
            tried.with_fault += usize::from(simulate(&nodes, Fault::FailBoth(a, b), assignment)?.1);
        }
    }
    for (node, [runs, stops]) in before.iter().zip(despite) {
        if runs {
            out.despite_failure.push((node.id, if stops { Certainty::Sometimes } else { Certainty::Always }));
        }
    }
    out.only_after_failure = tried.fine == 0 && tried.with_fault > 0;
    Some(out)
}

struct Tried {
    fine: usize,
    with_fault: usize,
}

fn add<'m>(list: &mut Vec<&'m str>, id: &'m str) {
    if !list.contains(&id) {
        list.push(id);
    }
}

/// Two failures at once, where that is not too much work.
fn all_pairs(count: usize, work: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = if work > MAX_WORK { 0 } else { count };
    (0..count).flat_map(move |a| (a + 1..count).map(move |b| (a, b)))
}

/// The job and everything that it needs, in an order in which what is needed comes first; the job is the last.
fn chain<'m>(model: &'m Model, id: &str) -> Option<Vec<Node<'m>>> {
    let mut order: Vec<&'m str> = Vec::new();
    visit(model, model.jobs.keys().find(|known| *known == id)?, &mut order, 0)?;
    let index: BTreeMap<&str, usize> = order.iter().enumerate().map(|(index, id)| (*id, index)).collect();
    let mut nodes: Vec<Node<'m>> = Vec::new();
    for id in &order {
        let job = model.jobs.get(*id)?;
        let direct: Vec<usize> = needs(job).iter().filter_map(|needed| index.get(needed.as_str()).copied()).collect();
        let mut ancestors: Vec<usize> = direct.clone();
        for &need in &direct {
            ancestors.extend(&nodes[need].ancestors);
        }
        ancestors.sort_unstable();
        ancestors.dedup();
        let may_fail = !matches!(job, Job::NormalJob(job) if !matches!(job.continue_on_error, LoE::Literal(false)));
        nodes.push(Node { id, condition: Condition::read(condition(job)), needs: direct, ancestors, may_fail });
    }
    Some(nodes)
}

/// The condition of a job, or of a call.
pub(in crate::rules::pipelines) fn condition(job: &Job) -> Option<&If> {
    match job {
        Job::NormalJob(job) => job.r#if.as_ref(),
        Job::ReusableWorkflowCallJob(call) => call.r#if.as_ref(),
    }
}

fn visit<'m>(model: &'m Model, id: &'m str, order: &mut Vec<&'m str>, depth: usize) -> Option<()> {
    if order.contains(&id) {
        return Some(());
    }
    if depth > MAX_JOBS || order.len() >= MAX_JOBS {
        return None;
    }
    for needed in needs(model.jobs.get(id)?) {
        // A job that does not exist is another finding.
        if let Some((needed, _)) = model.jobs.get_key_value(needed) {
            visit(model, needed, order, depth + 1)?;
        }
    }
    order.push(id);
    Some(())
}

/// How every job ends, and whether the last one runs.
fn simulate(nodes: &[Node<'_>], fault: Fault, assignment: &Assignment) -> Option<(Vec<Ended>, bool)> {
    let mut ended: Vec<Ended> = Vec::with_capacity(nodes.len());
    let mut runs = false;
    for (index, node) in nodes.iter().enumerate() {
        runs = holds(&node.condition, &Needed { nodes, node, ended: &ended }, assignment)?;
        ended.push(if runs { fault.of(index) } else { Ended::Skipped });
    }
    Some((ended, runs))
}

/// What a job sees of those that it needs.
struct Needed<'n, 'm> {
    nodes: &'n [Node<'m>],
    node: &'n Node<'m>,
    ended: &'n [Ended],
}

impl Needed<'_, '_> {
    fn job(&self, index: usize) -> Value {
        let result = Value::text(self.ended[index].text());
        Value::Object(BTreeMap::from([("result".to_string(), result)]))
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.node.needs.iter().copied().find(|&need| self.nodes[need].id.eq_ignore_ascii_case(id))
    }
}

impl Before for Needed<'_, '_> {
    fn success(&self) -> bool {
        self.node.ancestors.iter().all(|&index| self.ended[index] == Ended::Success)
    }

    fn failure(&self) -> bool {
        self.node.ancestors.iter().any(|&index| self.ended[index] == Ended::Failure)
    }

    fn cancelled(&self) -> bool {
        self.ended.contains(&Ended::Cancelled)
    }

    fn context(&self, pattern: &str) -> Option<Value> {
        let parts: Vec<&str> = pattern.split('.').collect();
        match parts[..] {
            ["needs"] => Some(Value::Object(
                self.node.needs.iter().map(|&need| (self.nodes[need].id.to_lowercase(), self.job(need))).collect(),
            )),
            ["needs", "*", "result"] => {
                Some(Value::List(self.node.needs.iter().map(|&need| Value::text(self.ended[need].text())).collect()))
            }
            ["needs", id] => Some(self.find(id).map_or(Value::Null, |index| self.job(index))),
            ["needs", id, "result"] => {
                Some(self.find(id).map_or(Value::Null, |index| Value::text(self.ended[index].text())))
            }
            // A job that did not end well has set no outputs to rely on.
            ["needs", id, "outputs", ..] => match self.find(id) {
                Some(index) if self.ended[index] == Ended::Success => None,
                _ => Some(Value::Null),
            },
            _ => None,
        }
    }
}

/// Whether an event of this name may start the workflow. Of those that are rare nothing is said.
fn may_start(model: &Model, event: &str) -> bool {
    use github_actions_models::workflow::event::OptionalBody::Missing;
    let events = &model.on.events;
    if !matches!(events.workflow_call, Missing) {
        return true;
    }
    match event {
        "push" => !matches!(events.push, Missing),
        "pull_request" => !matches!(events.pull_request, Missing),
        "workflow_dispatch" => !matches!(events.workflow_dispatch, Missing),
        "workflow_run" => !matches!(events.workflow_run, Missing),
        "release" => !matches!(events.release, Missing),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use github_actions_models::workflow::Workflow as Model;
    use proptest::prelude::*;

    use super::{Certainty, Runs, runs};

    fn model(jobs: &str) -> Model {
        let text = format!("on: {{ push: {{}}, workflow_dispatch: {{}} }}\njobs:\n{jobs}");
        yaml_serde::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn job(id: &str, needs: &str, condition: &str) -> String {
        let condition = if condition.is_empty() { String::new() } else { format!("    if: {condition:?}\n") };
        format!("  {id}:\n    needs: [{needs}]\n{condition}    runs-on: x\n    steps: [{{ run: x }}]\n")
    }

    /// What a job with this condition does that needs two others, which need nothing.
    fn says(runs: &Runs<'_>) -> String {
        let mut out: Vec<String> = Vec::new();
        for (id, certainty) in &runs.despite_failure {
            out.push(format!("{}{id}", if *certainty == Certainty::Always { "" } else { "sometimes " }));
        }
        out.extend(runs.despite_cancel.iter().map(|id| format!("cancelled {id}")));
        out.extend(runs.despite_skip.iter().map(|id| format!("skipped {id}")));
        if runs.only_after_failure {
            out.push("only after failure".into());
        }
        out.join(", ")
    }

    fn check(condition: &str, expected: &str) {
        let jobs = [job("test", "", ""), job("lint", "", ""), job("deploy", "test, lint", condition)].concat();
        let model = model(&jobs);
        assert_eq!(says(&runs(&model, "deploy").expect(condition)), expected, "{condition}");
    }

    #[test]
    fn conditions_that_wait_for_success_accept_nothing() {
        for condition in [
            "",
            "success()",
            "${{ github.ref == 'refs/heads/main' }}",
            "needs.test.result == 'success' || needs.test.result == 'skipped'",
            "always() && !contains(needs.*.result, 'failure') && !contains(needs.*.result, 'cancelled') && !contains(needs.*.result, 'skipped')",
            "always() && !contains(needs.*.result, 'failure') && !contains(needs.*.result, 'cancelled')",
            "${{ always() && join(needs.*.result, ',') == 'success,success' }}",
            "contains(fromJSON('[\"success\"]'), needs.test.result) && needs.lint.result == 'success' && always()",
            "always() && needs.test.result == 'success' && needs.lint.result == 'success'",
            "!failure() && !cancelled()",
            "!(failure() || cancelled())",
            "always() && !contains(toJSON(needs), 'failure') && !cancelled()",
            "!cancelled() && needs.test.outputs.ok == 'true' && needs.lint.outputs.ok == 'true'",
            "false",
        ] {
            check(condition, "");
        }
    }

    #[test]
    fn conditions_that_accept_failures_say_whose() {
        let both = "test, lint";
        check("success() || failure()", both);
        check("!cancelled()", both);
        check("always()", "test, lint, cancelled test, cancelled lint");
        check("${{ always() }} && needs.test.result == 'success'", "test, lint, cancelled test, cancelled lint");
        check("always() && github.ref == 'refs/heads/main'", "test, lint, cancelled test, cancelled lint");
        check("always() && needs.test.result == 'success'", "lint, cancelled lint");
        check(
            "always() && (needs.test.result == 'success' || needs.test.result == 'failure') && needs.lint.result == 'success'",
            "test",
        );
        check("!cancelled() && (needs.test.result == 'success' || needs.lint.result == 'success')", both);
        check(
            "always() && needs.test.result != 'failure' && needs.lint.result != 'failure'",
            "cancelled test, cancelled lint",
        );
    }

    #[test]
    fn what_depends_on_how_the_run_started_is_told_apart() {
        check(
            "success() || github.event_name == 'workflow_dispatch'",
            "sometimes test, sometimes lint, cancelled test, cancelled lint",
        );
        // No pull request starts it.
        check("success() || github.event_name == 'pull_request'", "");
        check("!cancelled() && (inputs.force || success())", "sometimes test, sometimes lint");
    }

    #[test]
    fn what_only_runs_after_a_failure_goes_back_or_cleans_up() {
        for condition in [
            "failure()",
            "!success() && !cancelled()",
            "always() && needs.lint.result == 'failure'",
            "!cancelled() && needs.test.result == 'failure'",
            "${{ always() && contains(needs.*.result, 'failure') }}",
            "failure() && needs.test.result == 'success'",
            "always() && needs.test.result == 'failure' && needs.lint.result == 'failure'",
        ] {
            let jobs = [job("test", "", ""), job("lint", "", ""), job("back", "test, lint", condition)].concat();
            let model = model(&jobs);
            assert!(runs(&model, "back").is_some_and(|runs| runs.only_after_failure), "{condition}");
        }
    }

    #[test]
    fn a_failure_that_skips_what_stands_between_is_followed() {
        let chain = |condition: &str| {
            let jobs = [job("test", "", ""), job("build", "test", ""), job("deploy", "build", condition)].concat();
            let model = model(&jobs);
            says(&runs(&model, "deploy").expect(condition))
        };
        assert_eq!(chain("!cancelled() && needs.build.result != 'failure'"), "test");
        assert_eq!(chain("!cancelled() && !failure()"), "");
        assert_eq!(chain("success() || needs.build.result == 'skipped'"), "test");
        assert_eq!(chain("always() && (needs.build.result == 'success' || needs.build.result == 'skipped')"), "test");
    }

    #[test]
    fn a_gate_that_its_own_condition_leaves_out_is_skipped() {
        let jobs = [
            job("test", "", "github.event_name == 'push'"),
            job("deploy", "test", "!failure() && !cancelled()"),
            job("strict", "test", ""),
        ]
        .concat();
        let model = model(&jobs);
        assert_eq!(says(&runs(&model, "deploy").expect("it has needs")), "skipped test");
        assert_eq!(says(&runs(&model, "strict").expect("it has needs")), "");
    }

    fn condition() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "success()",
            "failure()",
            "cancelled()",
            "always()",
            "true",
            "false",
            "needs.test.result == 'success'",
            "needs.lint.result != 'failure'",
            "contains(needs.*.result, 'skipped')",
            "github.ref == 'refs/heads/main'",
            "startsWith(github.ref, 'refs/tags/')",
            "inputs.force",
        ])
        .prop_map(str::to_string);
        leaf.prop_recursive(4, 24, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
                inner.prop_map(|a| format!("!({a})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_that_also_asks_for_success_accepts_anything(condition in condition()) {
            let jobs = [job("test", "", ""), job("lint", "", ""), job("deploy", "test, lint", &format!("success() && ({condition})"))];
            let model = model(&jobs.concat());
            if let Some(runs) = runs(&model, "deploy") {
                prop_assert_eq!(says(&runs), "");
            }
        }

        #[test]
        fn what_needs_a_failure_never_runs_when_all_is_well(condition in condition()) {
            let jobs = [job("test", "", ""), job("lint", "", ""), job("deploy", "test, lint", &format!("failure() && ({condition})"))];
            let model = model(&jobs.concat());
            if let Some(runs) = runs(&model, "deploy") {
                prop_assert!(runs.despite_skip.is_empty() && runs.stopped_by.is_empty());
                prop_assert_eq!(runs.only_after_failure, !runs.despite_failure.is_empty() || runs.only_after_failure);
            }
        }

        #[test]
        fn a_condition_and_its_opposite_accept_every_failure_between_them(condition in condition()) {
            let of = |condition: String| {
                let jobs = [job("test", "", ""), job("lint", "", ""), job("deploy", "test, lint", &condition)];
                let model = model(&jobs.concat());
                runs(&model, "deploy").map(|runs| runs.despite_failure.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>())
            };
            // With a status function in it nothing is added.
            if let (Some(a), Some(b)) = (of(format!("always() && ({condition})")), of(format!("always() && !({condition})"))) {
                prop_assert!(["test", "lint"].iter().all(|id| a.iter().chain(&b).any(|known| known == id)), "{a:?} {b:?}");
            }
        }
    }
}
