//! What must not be shown: values of sensitive variables, and everything that is made from them.

use std::borrow::Cow;

use super::run::{Evaluation, ScopeId};
use super::value::Value;
use crate::hcl::{Expr, Node, Step};
use crate::model::{Local, Variable};

/// Parts of names of variables that hold a secret, marked as sensitive or not.
const TELLING: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "access_key",
    "credential",
    "connection_string",
    "webhook_url",
    "signing_key",
    "encryption_key",
    "customer_key",
    "client_key",
    "account_key",
    "shared_key",
];
/// What stands in a secret's place.
pub(crate) const HIDDEN: &str = "(sensitive)";
/// Ends of names that say it is something about a secret, and not the secret.
const ABOUT: [&str; 24] = [
    "_arn",
    "_arns",
    "_name",
    "_names",
    "_id",
    "_ids",
    "_path",
    "_prefix",
    "_ttl",
    "_days",
    "_enabled",
    "_version",
    "_length",
    "_type",
    "_url_path",
    "_seconds",
    "_rotation",
    "_policy",
    "_key_id",
    "_size",
    "_count",
    "_expiry",
    "_expiration",
    "_validity",
];
/// Shorter texts stand in too much that is harmless.
const SHORTEST: usize = 6;
/// Messages show at least as many characters of a long value.
const CUT: usize = 24;

/// Whether something of this name holds a secret: a variable, an attribute, a key of a map.
pub(crate) fn is_secret_name(name: &str) -> bool {
    if !may_tell(name) {
        return false;
    }
    let name = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    };
    let tells = || TELLING.iter().any(|word| name.contains(word));
    let about = || {
        ABOUT.iter().any(|end| name.ends_with(end))
            || ["enable_", "use_", "manage_"].iter().any(|start| name.starts_with(start))
    };
    tells() && !about()
}

/// Each of [`TELLING`] holds one of these pairs of letters, in either case, and most names hold none.
fn may_tell(name: &str) -> bool {
    let pair = |pair: &[u8]| {
        matches!(
            [pair[0] | 0x20, pair[1] | 0x20],
            [b's', b's'] | [b'c', b'r'] | [b'k', b'e'] | [b'n', b'n'] | [b'b', b'h']
        )
    };
    name.as_bytes().windows(2).any(pair)
}

impl Variable<'_> {
    /// Whether its value is nobody's to read: marked as sensitive, or called like a secret.
    pub(crate) fn is_secret(&self) -> bool {
        self.sensitive || is_secret_name(self.name)
    }
}

/// A value with a word in place of everything in it that is called like a secret.
pub(crate) fn without_secrets<'a>(value: &Value<'a>) -> Value<'a> {
    match value {
        Value::Map(entries) => Value::map(
            entries
                .iter()
                .map(|(key, value)| {
                    let hides = is_secret_name(key) && !matches!(value, Value::Bool(_) | Value::Null | Value::Unknown);
                    (key.clone(), if hides { Value::text(HIDDEN) } else { without_secrets(value) })
                })
                .collect(),
        ),
        Value::List(items) => Value::list(items.iter().map(without_secrets).collect()),
        other => other.clone(),
    }
}

/// The places that were followed, so that a cycle ends.
type Seen<'a> = Vec<(ScopeId, &'a str, &'a str)>;

impl<'a> Evaluation<'a> {
    /// Whether an expression takes anything from a secret variable, through locals, arguments and outputs of modules too.
    pub(crate) fn is_secret(&self, scope: ScopeId, node: &'a Node<'a>) -> bool {
        self.takes_secret(scope, node, &mut Vec::new())
    }

    /// The same inside a block that is repeated over a collection: what `each` hands in is a secret if that is.
    pub(crate) fn is_secret_in(&self, scope: ScopeId, node: &'a Node<'a>, repeated: Option<&'a Node<'a>>) -> bool {
        let mut each = false;
        node.each(&mut |node| each |= matches!(node.expr, Expr::Path("each", _)));
        self.is_secret(scope, node) || (each && repeated.is_some_and(|repeated| self.is_secret(scope, repeated)))
    }

    /// The texts of this module's secret variables: where one of them stands, a secret is shown.
    pub(crate) fn secrets(&self, scope: ScopeId) -> Vec<String> {
        let mut out = Vec::new();
        let module = self.module(scope);
        for variable in module.secret_variables.iter().map(|index| &module.variables[*index]) {
            texts(&self.variable(scope, variable.name), &mut out);
        }
        // A longer one may hold a shorter one.
        out.sort_by_key(|text| std::cmp::Reverse(text.len()));
        out.dedup();
        out
    }

    fn takes_secret(&self, scope: ScopeId, node: &'a Node<'a>, seen: &mut Seen<'a>) -> bool {
        if matches!(node.expr, Expr::Call("nonsensitive", _)) {
            return false;
        }
        let mut found = Vec::new();
        let mut told = false;
        node.each(&mut |node| match &node.expr {
            Expr::Call("sensitive", _) => told = true,
            Expr::Path(root @ ("var" | "local" | "module"), steps) => {
                if let Some(Step::Attr(name)) = steps.first() {
                    let inner = match steps.get(1) {
                        Some(Step::Attr(output)) => *output,
                        _ => "",
                    };
                    found.push((*root, *name, inner));
                }
            }
            _ => {}
        });
        told || found.into_iter().any(|(root, name, output)| self.is_from_secret(scope, (root, name, output), seen))
    }

    fn is_from_secret(
        &self,
        scope: ScopeId,
        (root, name, output): (&'a str, &'a str, &'a str),
        seen: &mut Seen<'a>,
    ) -> bool {
        if seen.contains(&(scope, root, name)) && root != "module" {
            return false;
        }
        seen.push((scope, root, name));
        let module = self.module(scope);
        match root {
            "var" => {
                let secret = module.variable(name).is_some_and(Variable::is_secret);
                secret || self.argument(scope, name).is_some_and(|(parent, node)| self.takes_secret(parent, node, seen))
            }
            "local" => {
                let follow = |local: &Local<'a>| self.takes_secret(scope, &local.attr.value, seen);
                is_secret_name(name) || module.local(name).is_some_and(follow)
            }
            _ => self.output_is_secret(scope, name, output, seen),
        }
    }

    fn output_is_secret(&self, scope: ScopeId, name: &'a str, output: &'a str, seen: &mut Seen<'a>) -> bool {
        let Some(call) = self.module(scope).calls.iter().find(|call| call.name == name) else { return false };
        let Some(child) = self.child(scope, call) else { return false };
        if seen.contains(&(child, "output", output)) {
            return false;
        }
        seen.push((child, "output", output));
        let outputs = &self.module(child).outputs;
        let Some((_, block)) = outputs.iter().find(|(_, block)| block.label(0) == Some(output)) else { return false };
        let marked = block.body.attr("sensitive").is_some_and(|attr| matches!(attr.value.expr, Expr::Bool(true)));
        marked || block.body.attr("value").is_some_and(|attr| self.takes_secret(child, &attr.value, seen))
    }
}

/// Every text in a value, in the forms in which a report may show it.
pub(crate) fn texts(value: &Value<'_>, out: &mut Vec<String>) {
    match value {
        Value::Str(text) if text.len() >= SHORTEST => {
            out.push(text.to_string());
            // As it is written where it is quoted, and where it is cut.
            let quoted = value.to_string();
            let quoted = quoted.trim_matches('"');
            if quoted != &**text {
                out.push(quoted.to_owned());
            }
            if let Some((at, _)) = quoted.char_indices().nth(CUT) {
                out.push(quoted[..at].to_owned());
            }
        }
        Value::Number(_) => {
            out.extend(value.to_text().map(|text| text.to_string()).filter(|text| text.len() >= SHORTEST))
        }
        Value::List(items) => items.iter().for_each(|item| texts(item, out)),
        Value::Map(entries) => entries.values().for_each(|item| texts(item, out)),
        _ => {}
    }
}

/// With every secret in it hidden.
pub(crate) fn hide(text: &str, secrets: &[String]) -> Option<String> {
    let mut out = None::<String>;
    for secret in secrets {
        let now = out.as_deref().unwrap_or(text);
        if now.contains(secret.as_str()) {
            out = Some(now.replace(secret.as_str(), HIDDEN));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{TELLING, is_secret_name};

    #[test]
    fn every_telling_word_makes_a_name_secret_and_what_is_about_it_does_not() {
        for word in TELLING {
            assert!(is_secret_name(&format!("db_{word}")) && is_secret_name(&word.to_uppercase()), "{word}");
            assert!(!is_secret_name(&format!("{word}_arn")), "{word}");
        }
        for name in ["environment", "memory_mb", "connections", "keep", "region", "k"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
