//! Variables of a script in which it keeps how a test went: `curl … && ok=true`, and `if [ $ok = false ]` further down.

use std::collections::BTreeMap;

use crate::command::Command;

/// By name.
#[derive(Default)]
pub(super) struct Flags(BTreeMap<String, Flag>);

struct Flag {
    value: String,
    /// It has this value when all is well; else when something failed.
    well: bool,
}

impl Flags {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps what a command assigns that runs when a test went well, or when it did not.
    pub(super) fn set(&mut self, command: &Command<'_>, well: bool) {
        let mut words = command.words.iter().map(|word| word.text.as_ref());
        let assignment = words.find(|word| !matches!(*word, "{" | "then" | "else" | "do"));
        let Some((name, value)) = assignment.and_then(|word| word.split_once('=')) else { return };
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if plain && words.next().is_none() && !value.contains('$') {
            self.0.insert(name.to_string(), Flag { value: value.to_string(), well });
        }
    }

    /// Whether what a command asks of such a variable holds after a failure; `None` where it asks of none.
    pub(super) fn asked(&self, command: &Command<'_>) -> Option<bool> {
        if self.0.is_empty() {
            return None;
        }
        let words: Vec<&str> = command.words.iter().map(|word| word.text.as_ref()).collect();
        let words = words.strip_prefix(&["if"]).unwrap_or(&words);
        let (words, negated) = words.strip_prefix(&["!"]).map_or((words, false), |rest| (rest, true));
        let inner = match words {
            ["[", inner @ .., "]"] | ["[[", inner @ .., "]]"] | ["test", inner @ ..] => inner,
            [_] => words,
            _ => return None,
        };
        let (name, with, same) = match inner {
            [left, "=" | "==" | "-eq", right] => (left, *right, true),
            [left, "!=" | "-ne" | "-gt", right] => (left, *right, false),
            ["-n", left] => (left, "", false),
            ["-z", left] => (left, "", true),
            [left] => (left, "true", true),
            _ => return None,
        };
        let name = name.strip_prefix('$')?.trim_matches(['{', '}']);
        let flag = self.0.get(name.split([':', '-']).next()?)?;
        let holds = ((flag.value == with) == same) != negated;
        Some(holds != flag.well)
    }
}
