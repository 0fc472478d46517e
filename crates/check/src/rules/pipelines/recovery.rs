//! Which commands of a script only run when the deployment before them turned out badly.
//!
//! `if ! wait; then update-service "$before"; fi` and `smoke-test || update-alias …` go back; they are no deployment, and what
//! they are is a rollback. Both forms are only taken for that where the command that is asked waits or tests, and where traffic has
//! moved before. So does what stands behind `smoke-test && exit 0`, and what a variable guards that such a test has set.

use super::effects;
use super::flags::Flags;
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
    let mut reader = Reader { calls, ..Reader::default() };
    (0..calls.len()).map(|index| reader.read(index)).collect()
}

/// What is known when a script has come to one of its commands.
#[derive(Default)]
struct Reader<'c, 'a> {
    calls: &'c [Call<'a>],
    blocks: Vec<Block>,
    /// The calls of scripts and functions that are being walked through.
    open: Vec<Opened>,
    moved: bool,
    asked: bool,
    step: Option<usize>,
    /// All before this one runs only where a test failed: what went well has left the script, or it was called after a failure.
    failed_until: usize,
    flags: Flags,
}

struct Opened {
    caller: usize,
    /// The first call that is no longer inside.
    end: usize,
    asks: bool,
}

impl Reader<'_, '_> {
    fn read(&mut self, index: usize) -> bool {
        let call = &self.calls[index];
        let command = call.command;
        // Each step is a shell of its own; a script that a block calls stands inside of it.
        if self.step.replace(call.step) != Some(call.step) {
            self.blocks.clear();
            self.flags.clear();
            self.failed_until = self.failed_until.min(index);
        }
        while let Some(closed) = self.open.pop_if(|opened| opened.end <= index) {
            self.asked |= closed.asks;
        }
        let asks = self.asks(index);
        let flag = self.flags.asked(command);
        open_and_close(command, asks, self.asked, flag, &mut self.blocks);
        let failed = index < self.failed_until;
        let in_block = self.blocks.iter().any(|block| match block {
            Block::If { on_failure, asks } => *on_failure && *asks,
            Block::Group { on_failure } => *on_failure,
        });
        let after_or = command.after_or && self.asked;
        let after_failure = failed || in_block || after_or;
        let moves = effects::moves_traffic(command);
        let back = moves && (command.trapped || (self.moved && after_failure));
        let well = !after_failure
            && (self.asked
                || self.blocks.iter().any(|block| matches!(block, Block::If { on_failure: false, asks: true })));
        if self.moved && well && leaves(command) {
            self.failed_until = self.failed_until.max(self.end_of(index));
        }
        if self.moved && (well || after_failure) {
            self.flags.set(command, well);
        }
        self.moved |= moves && !after_failure && !command.trapped;
        if command.runs > 0 {
            let end = index + 1 + command.runs;
            self.open.push(Opened { caller: index, end, asks });
            if self.moved && after_or {
                self.failed_until = self.failed_until.max(end);
            }
        }
        // `status=$(curl …)` and `|| true` ask nothing themselves, and leave what was asked.
        let assigns = matches!(&command.words[..], [only] if only.text.contains("=$(") || only.text.contains("=\"$("));
        let keeps = assigns || matches!(command.program(), "true" | ":");
        self.asked = asks || flag == Some(false) || ((after_or || keeps) && self.asked);
        back
    }

    /// Whether a command waits or tests, or one of those that it calls does.
    fn asks(&self, index: usize) -> bool {
        let runs = self.calls[index].command.runs;
        let inner = self.calls.iter().skip(index + 1).take(runs);
        asks(self.calls[index].command) || inner.into_iter().any(|call| asks(call.command))
    }

    /// Up to where nothing runs any more once a call has ended its function, script or step.
    fn end_of(&self, index: usize) -> usize {
        let is_return = self.calls[index].command.program() == "return";
        let file = self.calls[index].file;
        let inside = self.open.iter().rev().find(|opened| is_return || self.calls[opened.caller].file != file);
        inside.map_or(usize::MAX, |opened| opened.end)
    }
}

/// `exit 0`, where all is well.
fn leaves(command: &Command<'_>) -> bool {
    matches!(command.program(), "exit" | "return") && command.args().first().is_none_or(|code| code.text == "0")
}

fn asks(command: &Command<'_>) -> bool {
    effects::waits(command) || effects::tests(command)
}

fn open_and_close(command: &Command<'_>, asks: bool, asked: bool, flag: Option<bool>, blocks: &mut Vec<Block>) {
    let mut words = command.words.iter().map(|word| word.text.as_ref());
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match first {
        "if" if flag.is_some() => blocks.push(Block::If { on_failure: flag == Some(true), asks: true }),
        // `status=$(curl …)` and then `if [ "$status" != 200 ]` asks, too.
        "if" if asked && matches!(second, "[" | "[[") => {
            let differs = command.words.iter().any(|word| matches!(word.text.as_ref(), "!=" | "-ne"));
            blocks.push(Block::If { on_failure: differs, asks: true });
        }
        "if" => blocks.push(Block::If { on_failure: second == "!", asks }),
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
    fn what_stands_behind_the_end_of_what_went_well_goes_back() {
        check(
            "aws lambda update-alias --v new\ncurl -f https://x && exit 0\naws lambda update-alias --v old\nexit 1",
            &["old"],
        );
        check(
            "kubectl set image new\nfor i in 1 2; do if curl -f x; then exit 0; fi; sleep 3; done\nkubectl set image old\nexit 1",
            &["old"],
        );
        check("kubectl set image a\ncurl -f x || exit 0\nkubectl set image b", &[]);
        check("kubectl set image a\nif ! curl -f x; then exit 0; fi\nkubectl set image b", &[]);
        check("kubectl set image a\ncurl -f x || exit 1\nkubectl set image b", &[]);
        check("curl -f x && exit 0\nkubectl set image a", &[]);
    }

    #[test]
    fn what_a_variable_guards_that_a_test_has_set_goes_back() {
        check(
            "kubectl set image new\nok=false\nfor i in 1 2; do curl -f x && { ok=true; break; }; sleep 3; done\nif [ $ok = false ]; then\n  kubectl set image old\nfi",
            &["old"],
        );
        check(
            "kubectl set image new\ncurl -f x || bad=1\nif [ -n \"$bad\" ]; then kubectl set image old; fi",
            &["old"],
        );
        check("kubectl set image new\ncurl -f x && ok=true\necho\n$ok || kubectl set image old", &["old"]);
        check("kubectl set image a\ncurl -f x && ok=true\nif [ $ok = true ]; then kubectl set image b; fi", &[]);
        check("kubectl set image a\nok=false\nif [ $ok = false ]; then kubectl set image b; fi", &[]);
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
