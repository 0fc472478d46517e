//! Constants that belong to one environment, in code that several share.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use rayon::prelude::*;
use regex::Regex;

use super::sharing::{self, Shared};
use super::{elsewhere, vendors};
use crate::discover::names;
use crate::finding::{Finding, Severity};
use crate::hcl::{BinaryOp, Block, Body, Expr, Node, Part, Span};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::services::WELL_KNOWN_ACCOUNTS;

static ACCOUNT_IN_ARN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:([0-9]{12}):").ok());
static ACCOUNT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^0-9A-Za-z])([0-9]{12})(?:$|[^0-9A-Za-z])").ok());
static UUID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9]{12}").ok());
static NETWORK_ID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^a-z0-9-])((?:subnet|sg|vpc|vpce|rtb|igw|nat|eni|eipalloc)-[0-9a-f]{8,17})(?:$|[^a-z0-9])").ok()
});

/// Attributes whose text is for people.
const PROSE: &[&str] = &["description", "comment", "error_message", "alarm_description", "display_name", "purpose"];

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let shared = sharing::modules(context);
    out.par_extend(shared.par_iter().with_min_len(8).flat_map_iter(|shared| {
        let mut out = Vec::new();
        for file in &context.world.modules[shared.module].files {
            let Parsed::Terraform(body) = &context.parsed[*file] else { continue };
            for block in body.blocks.iter().filter(|block| is_code(block)) {
                let (environments, having) = (&shared.environments, OnceCell::new());
                let mut walk = Walk { context, shared, file: *file, environments, having, block, out: &mut out };
                walk.body(&block.body);
            }
        }
        out
    }));
}

/// Keys of documents whose text is for people, or names the statement and nothing else.
fn is_label(key: &str) -> bool {
    const LABELS: &[&str] = &["sid", "comment", "description", "version", "title", "summary"];
    LABELS.iter().any(|label| label.eq_ignore_ascii_case(key))
}

fn is_code(block: &Block<'_>) -> bool {
    matches!(block.kind, "resource" | "module" | "locals" | "provider" | "data" | "output")
}

/// Whether a text holds twelve digits in a row, and whether eight hexadecimal ones behind a hyphen: without those it is no account's
/// number and no network's id.
fn runs(text: &str) -> (bool, bool) {
    let (mut digits, mut of_id, mut found) = (0, None, (false, false));
    for byte in text.bytes() {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        of_id = match of_id {
            _ if byte == b'-' => Some(0),
            Some(length) if matches!(byte, b'0'..=b'9' | b'a'..=b'f') => Some(length + 1),
            _ => None,
        };
        found = (found.0 || digits >= 12, found.1 || of_id >= Some(8));
    }
    found
}

struct Walk<'w, 'a> {
    context: &'w Context<'a>,
    shared: &'w Shared<'w>,
    file: FileId,
    environments: &'w BTreeSet<&'w str>,
    /// Those of them in which the block stands; found where the first text in it is worth a word.
    having: OnceCell<BTreeSet<&'w str>>,
    block: &'w Block<'a>,
    out: &'w mut Vec<Finding>,
}

impl Walk<'_, '_> {
    fn body(&mut self, body: &Body<'_>) {
        for attr in &body.attrs {
            // Publishers of images are named by account.
            if PROSE.contains(&attr.name)
                || (self.block.kind == "data" && attr.name == "owners")
                || attr.name == "source"
            {
                continue;
            }
            match body.attr("name").filter(|_| attr.name == "value").and_then(|name| name.value.as_str()) {
                Some(name) => self.node(&attr.value, name),
                None => self.node(&attr.value, attr.name),
            }
        }
        for block in &body.blocks {
            if !matches!(block.kind, "precondition" | "postcondition" | "lifecycle") {
                self.body(&block.body);
            }
        }
    }

    /// Goes past what chooses by environment on purpose: comparisons, conditions, maps with a key per environment.
    fn node(&mut self, node: &Node<'_>, attribute: &str) {
        match &node.expr {
            Expr::Str(text) => self.text(node.span, text, attribute, true),
            Expr::Template(parts) => {
                for part in parts {
                    match part {
                        Part::Text(text) => self.text(node.span, text, attribute, false),
                        Part::Node(node) => self.node(node, attribute),
                        Part::Directive(_) => {}
                    }
                }
            }
            Expr::Tuple(items) => items.iter().for_each(|item| self.node(item, attribute)),
            Expr::Object(entries) => {
                let keyed =
                    entries.iter().filter(|(key, _)| key.as_str().is_some_and(|key| self.is_environment(key))).count();
                if keyed > 0 && keyed * 2 >= entries.len() {
                    return;
                }
                // `{ name = "QUEUE", value = "…" }`, as container definitions have it.
                let named = entries.iter().find(|(key, _)| key.as_str() == Some("name"));
                let named = named.and_then(|(_, name)| name.as_str());
                for (key, value) in entries {
                    let key = key.as_str().unwrap_or(attribute);
                    let key = named.filter(|_| key == "value").unwrap_or(key);
                    if !is_label(key) {
                        self.node(value, key);
                    }
                }
            }
            Expr::Call("contains" | "lookup" | "index" | "try" | "can" | "regex" | "startswith" | "endswith", _) => {}
            Expr::Call(_, call) => call.args.iter().for_each(|arg| self.node(arg, attribute)),
            Expr::Cond(nodes) => {
                if !self.asks_for_environment(&nodes[0]) {
                    self.node(&nodes[1], attribute);
                    self.node(&nodes[2], attribute);
                }
            }
            Expr::Binary(BinaryOp::Eq | BinaryOp::NotEq, _) => {}
            Expr::Binary(_, nodes) => nodes.iter().for_each(|node| self.node(node, attribute)),
            Expr::Unary(_, node) => self.node(node, attribute),
            Expr::For(each) => self.node(&each.value, attribute),
            Expr::Access(node, _) => self.node(node, attribute),
            Expr::Null | Expr::Bool(_) | Expr::Number(_) | Expr::Path(..) => {}
        }
    }

    fn is_environment(&self, word: &str) -> bool {
        let spelled = |environment: &&str| names::same_environment(environment, word);
        word == "default"
            || self.environments.contains(word)
            || (names::may_name(word) && self.environments.iter().any(spelled))
    }

    fn asks_for_environment(&self, condition: &Node<'_>) -> bool {
        let mut asks = false;
        condition.each(&mut |node| {
            asks |= node.as_str().is_some_and(|text| self.is_environment(text));
            asks |= node
                .reference()
                .is_some_and(|(_, name)| name.contains("env") || name.contains("prod") || name == "workspace");
        });
        asks
    }

    fn text(&mut self, span: Span, text: &str, attribute: &str, whole: bool) {
        if text.contains('\n') {
            return self.document(span, text, attribute);
        }
        let find = |regex: &LazyLock<Option<Regex>>| {
            let regex = regex.as_ref()?;
            regex.captures_iter(text).find_map(|found| found.get(1).map(|found| found.as_str().to_string()))
        };
        // The last part of a UUID has twelve digits too.
        let number = || find(&ACCOUNT).filter(|_| whole && !UUID.as_ref().is_some_and(|regex| regex.is_match(text)));
        let (twelve_digits, eight_of_an_id) = runs(text);
        if let Some(account) = twelve_digits.then(|| find(&ACCOUNT_IN_ARN).or_else(number)).flatten() {
            if !WELL_KNOWN_ACCOUNTS.contains(&account.as_str()) {
                self.account(span, text, &account);
            }
            return;
        }
        if let Some(id) = eight_of_an_id.then(|| find(&NETWORK_ID)).flatten() {
            if !self.is_shared() {
                return;
            }
            let message = format!("{id} belongs to one network, and {} share this code", self.listed());
            self.push("hard-coded-network-id", span, &id, message, Severity::Warning);
            return;
        }
        self.environment_name(span, text, attribute, whole);
    }

    /// A here-document, a policy mostly: what stands between quotes in it is looked at one by one.
    fn document(&mut self, span: Span, text: &str, attribute: &str) {
        let mut before = "";
        let mut from = span.start as usize;
        let mut seen: Vec<&str> = Vec::new();
        for piece in text.split('"') {
            let is_value = !piece.is_empty() && !piece.contains(char::is_whitespace) && piece.len() <= 200;
            if is_value && !is_label(before) && !seen.contains(&piece) {
                seen.push(piece);
                let at = self.find(piece, from, span.end as usize);
                from = at.map_or(from, |at| at.start as usize);
                self.text(at.unwrap_or(span), piece, attribute, true);
            }
            if piece.contains(char::is_alphanumeric) {
                before = piece;
            }
        }
        // YAML and scripts have no need of quotes.
        let arns = ACCOUNT_IN_ARN.as_ref().into_iter().flat_map(|regex| regex.captures_iter(text));
        for account in arns.filter_map(|found| found.get(1)).map(|found| found.as_str()) {
            if !seen.iter().any(|piece| piece.contains(account)) && !WELL_KNOWN_ACCOUNTS.contains(&account) {
                seen.push(account);
                let at = self.find(account, span.start as usize, span.end as usize);
                self.account(at.unwrap_or(span), text, account);
            }
        }
    }

    /// Where a text stands in the file, between two places.
    fn find(&self, text: &str, from: usize, to: usize) -> Option<Span> {
        let file = self.context.tree.files()[self.file].text()?;
        let start = from + file.get(from..to)?.find(text)?;
        let at = |offset: usize| u32::try_from(offset).ok();
        Some(Span { start: at(start)?, end: at(start + text.len())? })
    }

    fn account(&mut self, span: Span, text: &str, account: &str) {
        if !self.is_shared() {
            return;
        }
        // With one account for all environments the number is only a matter of taste, as it is where each has one and this is none of
        // them: a registry's, perhaps.
        let declared = &self.context.options.environments;
        let accounts: BTreeSet<&str> =
            declared.iter().filter_map(|environment| environment.account.as_deref()).collect();
        let only = accounts.len() == 1 && accounts.contains(account);
        let owners = self.context.owners();
        let owner = owners.sole(account);
        // Images and layers are taken from one place by all who run them, and a provider with an alias is for what lies elsewhere.
        let published = vendors::is_registry(text) || vendors::is_layer(text);
        let elsewhere = published || self.is_aliased_provider();
        let severity = match owner {
            None if vendors::is_registry(text) || vendors::is_vendors_layer(text) => return,
            None if elsewhere && !owners.is_claimed(account) && owners.knows_any(self.environments) => return,
            None if elsewhere => Severity::Hint,
            Some(_) if vendors::is_registry(text) => Severity::Hint,
            _ if only || owners.is_apart(account, self.environments.iter().copied()) => Severity::Hint,
            _ => Severity::Warning,
        };
        let whose = owner.map_or(String::new(), |owner| format!(", that of {owner},"));
        let (rule, what) = if text.contains("arn:") {
            ("hard-coded-arn", "an ARN of account")
        } else {
            ("hard-coded-account", "account")
        };
        let message = format!("{what} {account}{whose} is written into code that {} share", self.listed());
        self.push(rule, span, account, message, severity);
        if let Some(finding) = self.out.last_mut().filter(|_| vendors::is_registry(text)) {
            finding.fix = "One registry for all environments is what lets them run one build. Let its policy allow the accounts of the \
                           others to pull, or move it to an account that is none of theirs."
                .to_string();
        }
    }

    /// What this environment reaches in an account beside its own, a zone of DNS for one.
    fn is_aliased_provider(&self) -> bool {
        self.block.kind == "provider" && self.block.body.attr("alias").is_some()
    }

    fn environment_name(&mut self, span: Span, text: &str, attribute: &str, whole: bool) {
        // Long text is prose or a document, and a single word may mean anything.
        if text.len() > 120 || text.contains(' ') {
            return;
        }
        let words = names::words(text);
        if words.len() > 12 {
            return;
        }
        let named = words.iter().find_map(|(start, end)| {
            let word = &text[*start..*end];
            if names::ends_domain(text, *start, *end) || elsewhere::is_at(text, *start, *end) {
                return None;
            }
            let stage = names::stage_of(word);
            // Beside what is filled in, such a word is a part of all names.
            let weak = names::is_everyday(word) || (!whole && stage.is_some_and(|(_, strong)| !strong));
            let strong = !weak && (stage.is_some_and(|(_, strong)| strong) || self.environments.contains(word));
            let found =
                self.environments.iter().find(|environment| strong && names::same_environment(environment, word))?;
            Some((word, *found))
        });
        let Some((word, environment)) = named else { return };
        let parts = words.len() > 1 || !whole;
        let tag =
            self.block.body.attrs.iter().any(|attr| attr.name.contains("tags")) && names::find(attribute).is_none();
        let telling =
            parts || matches!(attribute.to_ascii_lowercase().as_str(), "environment" | "env" | "stage" | "stage_name");
        if !telling || self.block.kind == "output" || self.lists_environments(text) || !self.is_shared() {
            return;
        }
        let severity = if parts || tag { Severity::Warning } else { Severity::Hint };
        let message = format!("{word:?} in {attribute} names {environment}, and {} share this code", self.listed());
        self.push("environment-in-code", span, &format!("{}/{text}", self.block.labels.join(".")), message, severity);
    }

    /// `dev,test`: what is written for several of them on purpose.
    fn lists_environments(&self, text: &str) -> bool {
        let names = |piece: &str| names::stage_of(piece).is_some() || self.environments.contains(piece);
        let mut pieces = text.split([',', ':', ';', '|']);
        text.contains([',', ':', ';', '|']) && pieces.all(names)
    }

    /// The environments in which the block stands: those that run the module, without those where a count says that there is none.
    fn having(&self) -> &BTreeSet<&str> {
        self.having.get_or_init(|| self.shared.having(self.context, self.block))
    }

    /// Whether more than one environment has the block. What one has alone may well say so.
    fn is_shared(&self) -> bool {
        self.having().len() > 1
    }

    fn listed(&self) -> String {
        let order = &self.context.found.environments;
        let mut names: Vec<&str> = self.having().iter().copied().collect();
        names.sort_by_key(|name| order.iter().position(|known| names::same_environment(known, name)));
        match names.len() {
            0..=3 => names.join(", "),
            count => format!("{count} environments"),
        }
    }

    fn push(&mut self, rule: &'static str, span: Span, subject: &str, message: String, severity: Severity) {
        let finding = self
            .context
            .finding(rule, Place { file: self.file, span }, subject, message)
            .severity(severity.min(self.shared.worst))
            .environments(self.having().iter().copied());
        self.out.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn numbers_that_are_long_enough_are_told_before_any_pattern_is_tried() {
        for (text, expected) in [
            ("arn:aws:iam::111122223333:role/x", (true, false)),
            ("subnet-0a1b2c3d", (false, true)),
            ("sg-0123456789abcdef0", (false, true)),
            ("subnet-012345678901", (true, true)),
            ("subnet-0a1b2c3", (false, false)),
            ("app-deadbeer-12345", (false, false)),
            ("1111-2222-3333", (false, false)),
            ("", (false, false)),
        ] {
            assert_eq!(runs(text), expected, "{text}");
        }
    }
}
