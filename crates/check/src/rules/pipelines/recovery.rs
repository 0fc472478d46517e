//! Which commands of a script only run when the deployment before them turned out badly.
//!
//! `if ! wait; then update-service "$before"; fi` and `smoke-test || update-alias …` go back; they are no deployment, and what
//! they are is a rollback. Both forms are only taken for that where the command that is asked waits or tests, and where traffic has
//! moved before.

use super::effects;
use super::jobs::Call;
use crate::command::Command;

/// A block of shell that is open.
enum Block {
    /// `if`, and whether what follows runs when the command that it asks failed.
    If { on_failure: bool, asks: bool },
    /// `|| {`
    Group { on_failure: bool },
}

/// For each call, whether it takes back what a call before it deployed.
pub(super) fn recoveries(calls: &[Call<'_>]) -> Vec<bool> {
    let mut out = Vec::with_capacity(calls.len());
    let mut blocks: Vec<Block> = Vec::new();
    let mut moved = false;
    let mut asked = false;
    let mut step = None;
    for call in calls {
        let command = call.command;
        // Each step is a shell of its own; a script that a block calls stands inside of it.
        if step.replace(call.step) != Some(call.step) {
            blocks.clear();
        }
        open_and_close(command, asked, &mut blocks);
        let in_block = blocks.iter().any(|block| match block {
            Block::If { on_failure, asks } => *on_failure && *asks,
            Block::Group { on_failure } => *on_failure,
        });
        let after_or = command.after_or && asked;
        let moves = effects::moves_traffic(command);
        out.push(moves && (command.trapped || (moved && (in_block || after_or))));
        moved |= moves && !in_block && !after_or && !command.trapped;
        // `status=$(curl …)` and `|| true` ask nothing themselves, and leave what was asked.
        let assigns = matches!(&command.words[..], [only] if only.text.contains("=$(") || only.text.contains("=\"$("));
        let keeps = assigns || matches!(command.program(), "true" | ":");
        asked = asks(command) || ((after_or || keeps) && asked);
    }
    out
}

fn asks(command: &Command<'_>) -> bool {
    effects::waits(command) || effects::tests(command)
}

fn open_and_close(command: &Command<'_>, asked: bool, blocks: &mut Vec<Block>) {
    let mut words = command.words.iter().map(|word| word.text.as_ref());
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match first {
        // `status=$(curl …)` and then `if [ "$status" != 200 ]` asks, too.
        "if" if asked && matches!(second, "[" | "[[") => {
            let differs = command.words.iter().any(|word| matches!(word.text.as_ref(), "!=" | "-ne"));
            blocks.push(Block::If { on_failure: differs, asks: true });
        }
        "if" => blocks.push(Block::If { on_failure: second == "!", asks: asks(command) }),
        "elif" | "else" => {
            if let Some(Block::If { on_failure, .. }) = blocks.last_mut() {
                *on_failure = !*on_failure && first == "else";
            }
        }
        "fi" => {
            while let Some(block) = blocks.pop() {
                if matches!(block, Block::If { .. }) {
                    break;
                }
            }
        }
        "{" => blocks.push(Block::Group { on_failure: command.after_or && asked }),
        "}" => {
            if let Some(Block::Group { .. }) = blocks.last() {
                blocks.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, recoveries};
    use crate::command::split;

    /// The arguments of the commands that go back.
    fn check(text: &str, expected: &[&str]) {
        let commands = split(text, 0);
        let calls: Vec<Call<'_>> = commands.iter().map(|command| Call { file: 0, step: 0, command }).collect();
        let found = recoveries(&calls);
        let back: Vec<&str> = calls
            .iter()
            .zip(found)
            .filter(|(_, back)| *back)
            .filter_map(|(call, _)| call.command.words.last().map(|word| word.text.as_ref()))
            .collect();
        assert_eq!(back, expected, "{text}");
    }

    #[test]
    fn what_runs_when_a_wait_or_a_test_failed_goes_back() {
        check(
            "aws ecs update-service --task-definition new\nif ! aws ecs wait services-stable; then\n  aws ecs update-service --task-definition old\n  exit 1\nfi\n",
            &["old"],
        );
        check(
            "aws lambda update-alias --function-version new\nif curl -f https://x; then echo fine; else aws lambda update-alias --function-version old; fi",
            &["old"],
        );
        check(
            "aws lambda update-alias --v new\n./smoke.sh || aws lambda update-alias --v old\naws lambda update-alias --v other",
            &["old"],
        );
        check(
            "aws lambda update-alias --v new\n./smoke.sh || { echo bad; aws lambda update-alias --v old; exit 1; }",
            &["old"],
        );
    }

    #[test]
    fn what_runs_when_the_answer_of_a_test_is_another_one_goes_back() {
        check(
            "aws lambda update-alias --v new\nstatus=$(curl -s https://x || true)\nif [[ $status != 200 ]]; then\n  aws lambda update-alias --v old\n  exit 1\nfi",
            &["old"],
        );
        check(
            "aws lambda update-alias --v new\ncurl -s https://x\nif [[ $status == 200 ]]; then\n  aws lambda update-alias --v next\nfi",
            &[],
        );
        check("aws lambda update-alias --v a\nif [[ $ALL != no ]]; then\n  aws lambda update-alias --v b\nfi", &[]);
    }

    #[test]
    fn a_deployment_inside_an_if_is_one() {
        check("if ! docker manifest inspect x; then\n  aws lambda update-alias --v new\nfi", &[]);
        check("if ! curl -f https://x; then\n  aws lambda update-alias --v new\nfi", &[]);
        check("helm upgrade x || helm install x", &[]);
        check("aws lambda update-alias --v a\nif curl -f https://x; then aws lambda update-alias --v b; fi", &[]);
        check(
            "aws lambda update-alias --v a\nif [ \"$ALL\" = yes ]; then :; else aws lambda update-alias --v b; fi",
            &[],
        );
    }
}
