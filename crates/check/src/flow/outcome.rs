//! What becomes of a failure in a shell: whether anything that follows cares.

use super::structure::{Item, Joint, Node};
use crate::command::Command;

/// Whether a failure of what stands before `following` counts for nothing: `|| true`, `|| echo failed`.
pub(super) fn is_lost(commands: &[Command<'_>], following: &[Item]) -> bool {
    let chain = following.iter().take_while(|item| item.joint != Joint::Then);
    let mut rest = chain.skip_while(|item| item.joint != Joint::Or).peekable();
    rest.peek().is_some() && rest.all(|item| only_tells(commands, item, true))
}

/// `if smoke; then echo fine; else echo bad; fi`: what it asks is told and stops nothing.
pub(super) fn is_only_told(commands: &[Command<'_>], arms: &[(Vec<Item>, Vec<Item>)]) -> bool {
    arms.iter().all(|(_, body)| body.iter().all(|item| only_tells(commands, item, false)))
}

/// Whether it says something at most; with `or_ends` it may also end well.
fn only_tells(commands: &[Command<'_>], item: &Item, or_ends: bool) -> bool {
    match &item.node {
        Node::Run(index) => {
            let command = &commands[*index];
            let handed_on = command.words.iter().any(|word| word.text.contains("GITHUB_"));
            let bare = command.words.iter().all(|word| matches!(word.text.as_ref(), "fi" | "}" | "then" | "else"));
            match command.program() {
                "true" | ":" => true,
                "echo" | "printf" => !handed_on,
                "date" | "df" | "free" | "ls" | "ps" => true,
                "kubectl" => matches!(command.subcommands().next(), Some("describe" | "get" | "logs" | "events")),
                "docker" => matches!(command.subcommands().next(), Some("logs" | "ps")),
                "exit" | "return" => or_ends && command.args().first().is_some_and(|code| code.text == "0"),
                _ => bare,
            }
        }
        Node::Group { body, .. } => body.iter().all(|item| only_tells(commands, item, or_ends)),
        _ => false,
    }
}

/// Whether a loop over a list ends before the list does, as one that tries again until something works.
pub(super) fn leaves(commands: &[Command<'_>], items: &[Item]) -> bool {
    items.iter().any(|item| match &item.node {
        Node::Run(index) => matches!(commands[*index].program(), "break" | "exit" | "return"),
        Node::If(arms) => arms.iter().any(|(asks, body)| leaves(commands, asks) || leaves(commands, body)),
        Node::Group { body, .. } | Node::For { body, .. } => leaves(commands, body),
        Node::Case { arms, .. } => arms.iter().any(|(_, body)| leaves(commands, body)),
        Node::Loop(..) | Node::Function { .. } | Node::Array { .. } => false,
    })
}

/// `if ! PROGRAM`
pub(super) fn asks_for_failure(commands: &[Command<'_>], asks: &[Item]) -> bool {
    let [Item { node: Node::Run(index), .. }] = asks else { return false };
    let command = &commands[*index];
    command.words.iter().any(|word| word.text == "!") && !matches!(command.program(), "[" | "[[" | "test")
}

#[cfg(test)]
mod tests {
    use super::is_lost;
    use crate::command::split;
    use crate::flow::structure::read;

    /// Whether the failure of the first command counts for nothing.
    fn check(text: &str) -> bool {
        let commands = split(text, 0);
        is_lost(&commands, &read(&commands)[1..])
    }

    #[test]
    fn a_failure_is_lost_where_nothing_but_words_follows() {
        for lost in [
            "a || true",
            "a || echo failed >&2",
            "a && b || :",
            "a || { echo failed; }",
            "a || { echo failed; exit 0; }\nb",
            "a || echo x && echo y",
            "a | grep -q b || echo not there",
            "a || kubectl get events",
            "a || { kubectl describe pods; kubectl logs deploy/x; }",
        ] {
            assert!(check(lost), "{lost}");
        }
        for kept in [
            "a",
            "a; true",
            "a || exit 1",
            "a || b",
            "a || { echo failed; exit 1; }",
            "a || echo x && exit 1",
            "a || b || true",
            "a || kubectl rollout undo deploy/x",
            "a || echo failed=1 >> $GITHUB_OUTPUT",
            "a && true",
        ] {
            assert!(!check(kept), "{kept}");
        }
    }
}
