//! What variables hold on the way through a script, as far as its text tells.

use std::borrow::Cow;
use std::rc::Rc;

use super::condition;
use crate::command::{Guard, Word};

/// Values that hold each other are followed this deep.
const MAX_DEPTH: usize = 6;

#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// With what is not known still in it, as it is written.
    Text(String),
    /// The elements of an array.
    List(Vec<Word<'a>>),
    Unknown,
}

/// How a text names variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Shell,
    Make,
    Just,
}

/// What one assignment gave, and what held when it was made.
#[derive(Debug)]
struct Known<'a> {
    name: String,
    when: Vec<Guard>,
    value: Value<'a>,
}

/// The variables of one shell. Arguments are called `1`, `2` and so on; what an expression of a workflow names has its dots.
#[derive(Clone, Debug)]
pub(super) struct Variables<'a> {
    /// From the earliest on. Shells share them: each branch and each program that is started has them all.
    known: Vec<Rc<Known<'a>>>,
    /// `None` where nobody knows with what it is called.
    pub(super) arguments: Option<Vec<Word<'a>>>,
    pub(super) language: Language,
}

impl<'a> Variables<'a> {
    pub(super) fn new(language: Language) -> Variables<'a> {
        Variables { known: Vec::new(), arguments: None, language }
    }

    pub(super) fn set(&mut self, name: &str, value: Value<'a>, guards: &[Guard]) {
        if guards.is_empty() {
            self.known.retain(|known| known.name != name);
        }
        self.known.push(Rc::new(Known { name: name.to_string(), when: guards.to_vec(), value }));
    }

    /// A value with what it names replaced; one that is computed by a command is not known.
    pub(super) fn assign(&mut self, name: &str, text: &str, guards: &[Guard]) {
        let computed = text.contains("$(") && self.language == Language::Shell || text.contains('`');
        let value = if computed { Value::Unknown } else { Value::Text(self.substitute(text, guards)) };
        self.set(name, value, guards);
    }

    /// What a variable holds where these conditions hold; `None` where two branches gave it different values.
    pub(super) fn get(&self, name: &str, guards: &[Guard]) -> Option<&Value<'a>> {
        for known in self.known.iter().rev() {
            if known.name != name || condition::exclusive(&known.when, guards) {
                continue;
            }
            return condition::certain(&known.when, guards).then_some(&known.value);
        }
        None
    }

    pub(super) fn text(&self, name: &str, guards: &[Guard]) -> Option<&str> {
        match self.get(name, guards)? {
            Value::Text(text) => Some(text),
            Value::List(_) | Value::Unknown => None,
        }
    }

    /// The words of a command as the shell makes them, as far as that can be told. Says whether some came from the caller.
    pub(super) fn expand(
        &self,
        text: &str,
        base: usize,
        words: &[Word<'a>],
        guards: &[Guard],
    ) -> (Vec<Word<'a>>, bool) {
        let mut out = Vec::with_capacity(words.len());
        let mut from_caller = false;
        for word in words {
            match (word.text.as_ref(), &self.arguments) {
                ("$@" | "$*" | "${@}" | "${*}", Some(arguments)) if self.language == Language::Shell => {
                    from_caller = true;
                    out.extend(arguments.iter().cloned());
                    continue;
                }
                _ => {}
            }
            let array =
                word.text.strip_prefix("${").and_then(|rest| rest.strip_suffix("[@]}").or(rest.strip_suffix("[*]}")));
            if let Some(Value::List(elements)) = array.and_then(|name| self.get(name, guards)) {
                out.extend(elements.iter().map(|element| Word { text: element.text.clone(), ..*word }));
                continue;
            }
            if !word.text.contains('$') && !word.text.contains("{{") {
                out.push(word.clone());
                continue;
            }
            let replaced = self.substitute(&word.text, guards);
            let raw =
                word.start.checked_sub(base).and_then(|start| text.get(start..word.end - base)).unwrap_or_default();
            if raw == word.text && replaced != word.text && replaced.contains(' ') && is_one_variable(raw) {
                let pieces = replaced.split_whitespace();
                out.extend(pieces.map(|piece| Word { text: Cow::Owned(piece.to_string()), ..*word }));
            } else {
                out.push(Word { text: Cow::Owned(replaced), ..*word });
            }
        }
        (out, from_caller)
    }

    /// The text with every variable that is known replaced by what it holds.
    pub(super) fn substitute(&self, text: &str, guards: &[Guard]) -> String {
        self.substitute_in(text, guards, MAX_DEPTH)
    }

    fn substitute_in(&self, text: &str, guards: &[Guard], depth: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['$', '{']) {
            out.push_str(&rest[..at]);
            let after = &rest[at..];
            let (name, default, length) = self.named(after);
            if length == 0 {
                let step = after.chars().next().map_or(1, char::len_utf8);
                out.push_str(&after[..step]);
                rest = &after[step..];
                continue;
            }
            if self.language == Language::Make && name == "$" {
                // `$$X` is the shell's variable.
                let tail = &after[2..];
                let end = tail.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(tail.len());
                let held = self.text(&format!("$${}", &tail[..end]), guards);
                out.push_str(&held.map_or(format!("${}", &tail[..end]), ToString::to_string));
                rest = &tail[end..];
                continue;
            }
            match self.held(name, default, guards) {
                Some(value) if depth > 0 && self.language == Language::Make => {
                    out.push_str(&self.substitute_in(&value, guards, depth - 1));
                }
                Some(value) => out.push_str(&value),
                None => out.push_str(&after[..length]),
            }
            rest = &after[length..];
        }
        out.push_str(rest);
        out
    }

    fn held(&self, name: &str, default: Option<&str>, guards: &[Guard]) -> Option<String> {
        let number = name.parse::<usize>().ok().filter(|number| *number > 0);
        let value = match (number, &self.arguments) {
            (Some(number), Some(arguments)) if self.language == Language::Shell => {
                Some(arguments.get(number - 1).map_or(String::new(), |word| word.text.to_string()))
            }
            _ => self.text(name, guards).map(ToString::to_string),
        };
        match (value, default) {
            (Some(value), Some(default)) if value.is_empty() => Some(default.to_string()),
            (value, _) => value,
        }
    }

    /// The name that a text begins with, its default, and how long all of it is; 0 where it begins with none.
    fn named<'t>(&self, text: &'t str) -> (&'t str, Option<&'t str>, usize) {
        let nothing = ("", None, 0);
        if let Some(inner) = text.strip_prefix("${{") {
            return inner.find("}}").map_or(nothing, |end| (inner[..end].trim(), None, end + 5));
        }
        if let Some(inner) = text.strip_prefix("{{").filter(|_| self.language == Language::Just) {
            return inner.find("}}").map_or(nothing, |end| (inner[..end].trim(), None, end + 4));
        }
        let Some(inner) = text.strip_prefix('$') else { return nothing };
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        match (inner.chars().next(), self.language) {
            (Some('{'), _) => match inner.find('}') {
                Some(end) => {
                    let name = &inner[1..end];
                    let name = name.split_once(":?").or_else(|| name.split_once('?')).map_or(name, |(name, _)| name);
                    let parts = name.split_once(":-").or_else(|| name.split_once(":="));
                    let (name, default) = parts.map_or((name, None), |(name, default)| (name, Some(default)));
                    if is_name(name) { (name, default, end + 2) } else { nothing }
                }
                None => nothing,
            },
            (Some('('), Language::Make) => match inner.find(')') {
                Some(end) if is_name(&inner[1..end]) || matches!(&inner[1..end], "@" | "*") => {
                    (&inner[1..end], None, end + 2)
                }
                _ => nothing,
            },
            (Some('@' | '*' | '$'), Language::Make) => (&inner[..1], None, 2),
            (Some(first), Language::Shell | Language::Just) if first.is_ascii_digit() => (&inner[..1], None, 2),
            (Some(first), Language::Shell | Language::Just) if first.is_ascii_alphabetic() || first == '_' => {
                let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
                (&inner[..end], None, end + 1)
            }
            _ => nothing,
        }
    }
}

/// `$X`, `${X}` or `$(X)` and nothing else.
fn is_one_variable(raw: &str) -> bool {
    let name = raw.trim_start_matches('$').trim_matches(['{', '}', '(', ')']);
    raw.starts_with('$') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::{Language, Variables};

    fn check(language: Language, text: &str, expected: &str) {
        let mut variables = Variables::new(language);
        variables.assign("ENV", "prod", &[]);
        variables.assign("FN", if language == Language::Make { "app-$(ENV)" } else { "app-$ENV-$X" }, &[]);
        variables.assign("matrix.env", "dev", &[]);
        variables.arguments = Some(Vec::new());
        assert_eq!(variables.substitute(text, &[]), expected, "{text}");
    }

    #[test]
    fn what_is_known_is_replaced_and_the_rest_stays_as_it_is_written() {
        check(Language::Shell, "a-$ENV/${ENV}.hcl", "a-prod/prod.hcl");
        check(Language::Shell, "$FN:${1:-x}$2", "app-prod-$X:x");
        check(Language::Shell, "${ENV:?which}/${ENV?}", "prod/prod");
        check(
            Language::Shell,
            "${{ matrix.env }} ${{ inputs.x }} ${Y%.*} $(cat $ENV)",
            "dev ${{ inputs.x }} ${Y%.*} $(cat prod)",
        );
        check(Language::Make, "$(FN) ${ENV} $$ENV $(shell x)", "app-prod prod $ENV $(shell x)");
        check(Language::Just, "{{ENV}}-{{ other }} $ENV", "prod-{{ other }} prod");
        check(Language::Shell, "ä$", "ä$");
    }
}
