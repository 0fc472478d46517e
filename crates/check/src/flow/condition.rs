//! What a condition of a shell or a step asks, so that two of them can be held against each other.

use crate::command::{Command, Guard};

/// What is asked, whether the answer must be yes, and the answer where it can be told.
pub(super) struct Asked {
    pub(super) guard: Guard,
    pub(super) answer: Option<bool>,
}

/// The condition that a command is, after `&&` or in an `if`. Programs that are expected to succeed ask nothing.
pub(super) fn of_command(command: &Command<'_>) -> Asked {
    let words: Vec<&str> = command.words.iter().map(|word| word.text.as_ref()).collect();
    let words = words.as_slice();
    let skip = words
        .iter()
        .take_while(|word| matches!(**word, "if" | "elif" | "then" | "else" | "do" | "{" | "while" | "until"));
    let mut words = &words[skip.count()..];
    let mut holds = true;
    while let Some(("!", rest)) = words.split_first().map(|(first, rest)| (*first, rest)) {
        holds = !holds;
        words = rest;
    }
    let inner = match words {
        ["[", inner @ .., "]"] | ["[[", inner @ .., "]]"] | ["test", inner @ ..] => inner,
        _ => return Asked { guard: guard(words.join(" "), String::new(), holds), answer: None },
    };
    let (inner, holds) = match inner {
        ["!", inner @ ..] => (inner, !holds),
        _ => (inner, holds),
    };
    let known = |text: &str| !text.contains(['$', '`']) && !text.contains("{{");
    match inner {
        [left, "=" | "==", right] => {
            let answer = (known(left) && known(right)).then(|| matches(left, right) == holds);
            Asked { guard: guard(left.to_string(), right.to_string(), holds), answer }
        }
        [left, "!=", right] => {
            let answer = (known(left) && known(right)).then(|| matches(left, right) != holds);
            Asked { guard: guard(left.to_string(), right.to_string(), !holds), answer }
        }
        ["-n", text] => Asked {
            guard: guard(text.to_string(), String::new(), !holds),
            answer: known(text).then_some(text.is_empty() != holds),
        },
        ["-z", text] => Asked {
            guard: guard(text.to_string(), String::new(), holds),
            answer: known(text).then_some(text.is_empty() == holds),
        },
        _ => Asked { guard: guard(inner.join(" "), "?".to_string(), holds), answer: None },
    }
}

/// The condition of a step or a job, as it is written.
pub(super) fn of_step(text: &str) -> Guard {
    let text = text.trim();
    let inner = text.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(text).trim();
    let simple = !inner.contains("&&") && !inner.contains("||");
    let plain = |text: &str| text.trim().trim_matches('\'').to_string();
    match (inner.split_once("=="), inner.split_once("!=")) {
        (Some((left, right)), None) if simple => guard(plain(left), plain(right), true),
        (None, Some((left, right))) if simple => guard(plain(left), plain(right), false),
        _ => guard(inner.to_string(), String::new(), true),
    }
}

fn guard(asked: String, with: String, holds: bool) -> Guard {
    Guard { asked, with, holds }
}

/// Whether a text fits a pattern of the shell, as far as `*` goes.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    crate::discover::usage::matches(text, pattern)
}

/// Whether a command may well fail on the normal way, so that what follows with `&&` depends on it.
pub(super) fn is_question(command: &Command<'_>) -> bool {
    const EXPECTED_TO_SUCCEED: &[&str] = &[
        ".",
        ":",
        "aws",
        "cd",
        "cp",
        "docker",
        "echo",
        "eval",
        "export",
        "just",
        "make",
        "mkdir",
        "mv",
        "npm",
        "popd",
        "printf",
        "pushd",
        "rm",
        "set",
        "sleep",
        "source",
        "terraform",
        "terragrunt",
        "tofu",
        "touch",
        "true",
        "unset",
    ];
    let program = command.program();
    !EXPECTED_TO_SUCCEED.contains(&program) && !program.contains('=') && !program.starts_with('$')
}

/// Whether a condition was answered by what is known, and holds.
pub(crate) fn is_answered(guard: &Guard) -> bool {
    guard.holds && !guard.asked.contains('$') && matches(&guard.asked, &guard.with)
}

/// Whether everything that `guard` asks for is known to hold where `among` holds.
fn follows(guard: &Guard, among: &[Guard]) -> bool {
    is_answered(guard)
        || among.iter().any(|other| {
            other == guard
                || (other.asked == guard.asked && other.holds && !guard.holds && differ(&other.with, &guard.with))
        })
}

fn differ(a: &str, b: &str) -> bool {
    a != b && !a.contains(['$', '*', '?', '[']) && !b.contains(['$', '*', '?', '['])
}

/// Whether a command with the conditions `before` has certainly run where one with the conditions `now` runs.
pub(crate) fn certain(before: &[Guard], now: &[Guard]) -> bool {
    before.iter().all(|guard| follows(guard, now))
}

/// Whether two commands never run together.
pub(crate) fn exclusive(a: &[Guard], b: &[Guard]) -> bool {
    a.iter().any(|left| {
        b.iter().filter(|right| right.asked == left.asked).any(|right| {
            (left.with == right.with && left.holds != right.holds)
                || (left.holds && right.holds && differ(&left.with, &right.with))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Asked, certain, exclusive, of_command, of_step};
    use crate::command::{Guard, split};

    fn shell(text: &str) -> Asked {
        of_command(&split(text, 0)[0])
    }

    #[test]
    fn the_same_question_in_two_forms_is_one() {
        assert_eq!(shell("if [ \"$1\" = prod ]").guard, shell("[[ $1 == prod ]]").guard);
        assert_eq!(shell("[ $1 != prod ]").guard, shell("! test $1 = prod").guard);
        assert_eq!(of_step("${{ github.ref_name == 'main' }}"), of_step("github.ref_name == 'main'"));
    }

    #[test]
    fn what_is_known_is_answered() {
        assert_eq!(shell("[ prod = prod ]").answer, Some(true));
        assert_eq!(shell("[ dev != prod ]").answer, Some(true));
        assert_eq!(shell("! [ dev = prod ]").answer, Some(true));
        assert_eq!(shell("[ -z \"\" ]").answer, Some(true));
        assert_eq!(shell("[ \"$1\" = prod ]").answer, None);
        assert_eq!(shell("[[ prod-eu == prod-* ]]").answer, Some(true));
    }

    #[test]
    fn branches_exclude_each_other_and_the_same_branch_is_certain() {
        let prod = [shell("[ $1 = prod ]").guard];
        let staging = [shell("[ $1 = staging ]").guard];
        let other = [Guard { holds: false, ..prod[0].clone() }];
        assert!(exclusive(&prod, &staging) && exclusive(&prod, &other) && !exclusive(&prod, &prod));
        assert!(certain(&prod, &prod) && certain(&[], &prod) && certain(&other, &staging));
        assert!(!certain(&prod, &[]) && !certain(&prod, &staging) && !exclusive(&prod, &[]));
    }
}
