//! What an expression comes to in a scope.

use std::collections::BTreeMap;

use super::entries::Entries;
use super::run::{Evaluation, Scope, ScopeId};
use super::value::{Text, Value};
use super::{Failure, Outcome, functions};
use crate::hcl::{BinaryOp, Call, Expr, For, Node, Part, Step, UnaryOp};

/// Expressions one evaluation may visit before it gives up and knows nothing more: a bound on hostile input.
const MAX_STEPS: u32 = 4_000_000;
/// Nested expressions; far below what would exhaust a thread's stack.
const MAX_NESTING: u32 = 160;

/// Arguments that most calls have at most: they need no list of their own.
const FEW: usize = 4;

/// Names that a `for` or a repeated block binds.
pub(super) struct Frame<'f, 'a> {
    pub(super) parent: Option<&'f Frame<'f, 'a>>,
    pub(super) name: &'a str,
    pub(super) value: Value<'a>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn eval(&self, scope: ScopeId, node: &'a Node<'a>, frame: Option<&Frame<'_, 'a>>) -> Outcome<'a> {
        self.steps.set(self.steps.get().saturating_add(1));
        if self.steps.get() > MAX_STEPS || self.nesting.get() > MAX_NESTING {
            return Ok(Value::Unknown);
        }
        self.nesting.set(self.nesting.get() + 1);
        let outcome = self.eval_node(scope, node, frame);
        self.nesting.set(self.nesting.get() - 1);
        outcome
    }

    fn eval_node(&self, scope: ScopeId, node: &'a Node<'a>, frame: Option<&Frame<'_, 'a>>) -> Outcome<'a> {
        match &node.expr {
            Expr::Null => Ok(Value::Null),
            Expr::Bool(value) => Ok(Value::Bool(*value)),
            Expr::Number(number) => Ok(Value::Number(*number)),
            Expr::Str(text) => Ok(Value::text(text)),
            Expr::Template(parts) => self.template(scope, parts, frame),
            Expr::Tuple(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.eval(scope, item, frame)).collect();
                Ok(Value::list(items?))
            }
            Expr::Object(entries) => self.object(scope, entries, frame),
            Expr::Path(root, steps) => self.path(scope, root, steps, frame),
            Expr::Access(inner, steps) => {
                let value = self.eval(scope, inner, frame)?;
                self.walk(scope, value, steps, frame)
            }
            Expr::Call(name, call) => self.call(scope, name, call, frame),
            Expr::Cond(nodes) => match truth(&self.eval(scope, &nodes[0], frame)?) {
                Some(true) => self.eval(scope, &nodes[1], frame),
                Some(false) => self.eval(scope, &nodes[2], frame),
                None => {
                    let (yes, no) = (self.eval(scope, &nodes[1], frame), self.eval(scope, &nodes[2], frame));
                    match (yes, no) {
                        (Ok(yes), Ok(no)) if yes.equals(&no) == Some(true) => Ok(yes),
                        _ => Ok(Value::Unknown),
                    }
                }
            },
            Expr::Unary(op, inner) => {
                let value = self.eval(scope, inner, frame)?;
                Ok(match (op, &value) {
                    (UnaryOp::Neg, Value::Number(number)) => Value::Number(-number),
                    (UnaryOp::Not, value) => truth(value).map_or(Value::Unknown, |value| Value::Bool(!value)),
                    _ => Value::Unknown,
                })
            }
            Expr::Binary(op, nodes) => self.binary(scope, *op, nodes, frame),
            Expr::For(each) => self.for_each(scope, each, frame),
        }
    }

    fn template(&self, scope: ScopeId, parts: &'a [Part<'a>], frame: Option<&Frame<'_, 'a>>) -> Outcome<'a> {
        // `"${x}"` alone is x itself, whatever its type.
        if let [Part::Node(only)] = parts {
            return self.eval(scope, only, frame);
        }
        let mut out = self.scratch.take();
        out.clear();
        let mut known = true;
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Directive(_) => known = false,
                Part::Node(node) => match self.eval(scope, node, frame)? {
                    Value::Unknown => known = false,
                    value => match value.to_text() {
                        Some(text) => out.push_str(&text),
                        None => return Err(Failure),
                    },
                },
            }
        }
        let value = if known { Value::Str(Text::copied(&out)) } else { Value::Unknown };
        self.scratch.set(out);
        Ok(value)
    }

    fn object(
        &self,
        scope: ScopeId,
        entries: &'a [(Node<'a>, Node<'a>)],
        frame: Option<&Frame<'_, 'a>>,
    ) -> Outcome<'a> {
        let mut out = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = match &key.expr {
                Expr::Str(text) => Text::Borrowed(text),
                _ => {
                    let key = self.eval(scope, key, frame)?;
                    let Some(key) = key.to_text() else {
                        return if key.is_unknown() { Ok(Value::Unknown) } else { Err(Failure) };
                    };
                    key
                }
            };
            out.push((key, self.eval(scope, value, frame)?));
        }
        Ok(Value::map(Entries::new(out)))
    }

    fn path(&self, id: ScopeId, root: &'a str, steps: &'a [Step<'a>], frame: Option<&Frame<'_, 'a>>) -> Outcome<'a> {
        let mut bound = frame;
        while let Some(current) = bound {
            if current.name == root {
                return self.walk(id, current.value.clone(), steps, frame);
            }
            bound = current.parent;
        }
        let scope = self.scope(id);
        let (name, rest) = match steps.split_first() {
            Some((Step::Attr(name), rest)) => (*name, rest),
            _ => return Ok(Value::Unknown),
        };
        match root {
            "var" => match scope.module.variable_position(name) {
                Some(index) => {
                    let value = self.variable_at(id, &scope, index)?;
                    self.walk(id, value, rest, frame)
                }
                None => Ok(Value::Unknown),
            },
            "local" => match scope.module.local_position(name) {
                Some(index) => {
                    let value = self.local_at(id, &scope, index)?;
                    self.walk(id, value, rest, frame)
                }
                None => Ok(Value::Unknown),
            },
            "module" => self.module_output(id, &scope, name, rest, frame),
            "terraform" if name == "workspace" => Ok(self.workspace.map_or(Value::Unknown, Value::text)),
            "data" | "ephemeral" | "path" | "each" | "count" | "self" | "terraform" => Ok(Value::Unknown),
            _ => self.resource_attribute(id, &scope, root, name, rest, frame),
        }
    }

    fn module_output(
        &self,
        id: ScopeId,
        scope: &Scope<'a>,
        name: &str,
        steps: &'a [Step<'a>],
        frame: Option<&Frame<'_, 'a>>,
    ) -> Outcome<'a> {
        let Some(call) = scope.module.calls.iter().find(|call| call.name == name) else { return Ok(Value::Unknown) };
        // An instance of a repeated call may differ from the first one, which is the only one that is looked at.
        if call.repetition.is_some() {
            return Ok(Value::Unknown);
        }
        let Some((Step::Attr(output), rest)) = steps.split_first() else { return Ok(Value::Unknown) };
        let Some(child) = self.child(id, call) else { return Ok(Value::Unknown) };
        let found = self.module(child).outputs.iter().find(|(_, block)| block.label(0) == Some(output));
        match found.and_then(|(_, block)| block.body.attr("value")) {
            Some(attr) => {
                let value = self.eval(child, &attr.value, None)?;
                self.walk(id, value, rest, frame)
            }
            None => Ok(Value::Unknown),
        }
    }

    /// What is written in a resource's own block is known; what the provider computes is not.
    fn resource_attribute(
        &self,
        id: ScopeId,
        scope: &Scope<'a>,
        kind: &str,
        name: &str,
        steps: &'a [Step<'a>],
        frame: Option<&Frame<'_, 'a>>,
    ) -> Outcome<'a> {
        let Some((Step::Attr(attribute), rest)) = steps.split_first() else { return Ok(Value::Unknown) };
        let Some(resource) = scope.module.resource(kind, name) else { return Ok(Value::Unknown) };
        if resource.repetition.is_some() {
            return Ok(Value::Unknown);
        }
        match resource.attr(attribute) {
            Some((_, attr)) => {
                let value = self.eval(id, &attr.value, None)?;
                self.walk(id, value, rest, frame)
            }
            None => Ok(Value::Unknown),
        }
    }

    fn walk(
        &self,
        scope: ScopeId,
        value: Value<'a>,
        steps: &'a [Step<'a>],
        frame: Option<&Frame<'_, 'a>>,
    ) -> Outcome<'a> {
        let Some((step, rest)) = steps.split_first() else { return Ok(value) };
        if value.is_unknown() {
            return Ok(Value::Unknown);
        }
        let next = match step {
            Step::Splat => {
                let items = match value {
                    Value::Null => Vec::new(),
                    Value::List(items) => items.to_vec(),
                    other => vec![other],
                };
                let walked: Result<Vec<_>, _> =
                    items.into_iter().map(|item| self.walk(scope, item, rest, frame)).collect();
                return Ok(Value::list(walked?));
            }
            Step::Attr(name) => match &value {
                Value::Map(entries) => entries.get(name).cloned().ok_or(Failure)?,
                _ => return Err(Failure),
            },
            Step::Index(index) => match (&value, self.eval(scope, index, frame)?) {
                (_, Value::Unknown) => Value::Unknown,
                (Value::Map(entries), key) => {
                    let key = key.to_text().ok_or(Failure)?;
                    entries.get(&key).cloned().ok_or(Failure)?
                }
                (Value::List(items), Value::Number(at)) if at >= 0.0 => {
                    items.get(at as usize).cloned().ok_or(Failure)?
                }
                _ => return Err(Failure),
            },
        };
        self.walk(scope, next, rest, frame)
    }

    fn call(&self, scope: ScopeId, name: &str, call: &'a Call<'a>, frame: Option<&Frame<'_, 'a>>) -> Outcome<'a> {
        match name {
            "try" => {
                for arg in &call.args {
                    if let Ok(value) = self.eval(scope, arg, frame) {
                        return Ok(value);
                    }
                }
                return Err(Failure);
            }
            "can" => {
                return match call.args.first().map(|arg| self.eval(scope, arg, frame)) {
                    Some(Ok(value)) if value.is_known() => Ok(Value::Bool(true)),
                    Some(Ok(_)) | None => Ok(Value::Unknown),
                    Some(Err(Failure)) => Ok(Value::Bool(false)),
                };
            }
            "jsondecode" | "yamldecode" => {
                return call.args.first().map_or(Ok(Value::Unknown), |arg| self.decode(scope, arg, frame));
            }
            _ => {}
        }
        if call.args.len() <= FEW && !call.expand {
            let mut args = [const { Value::Unknown }; FEW];
            for (place, arg) in args.iter_mut().zip(&call.args) {
                *place = self.eval(scope, arg, frame)?;
            }
            return functions::call(name, &args[..call.args.len()]);
        }
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            args.push(self.eval(scope, arg, frame)?);
        }
        if call.expand {
            match args.pop() {
                Some(Value::List(items)) => args.extend(items.iter().cloned()),
                _ => return Ok(Value::Unknown),
            }
        }
        functions::call(name, &args)
    }

    fn binary(
        &self,
        scope: ScopeId,
        op: BinaryOp,
        nodes: &'a [Node<'a>; 2],
        frame: Option<&Frame<'_, 'a>>,
    ) -> Outcome<'a> {
        let left = self.eval(scope, &nodes[0], frame)?;
        // Terraform may or may not look at the right side; either way a decisive left side settles it.
        match (op, truth(&left)) {
            (BinaryOp::And, Some(false)) => return Ok(Value::Bool(false)),
            (BinaryOp::Or, Some(true)) => return Ok(Value::Bool(true)),
            _ => {}
        }
        let right = self.eval(scope, &nodes[1], frame)?;
        let number = |value: &Value<'a>| match value {
            Value::Number(number) => Some(*number),
            Value::Str(text) => text.parse::<f64>().ok(),
            _ => None,
        };
        let compared = match op {
            BinaryOp::Eq => return Ok(left.equals(&right).map_or(Value::Unknown, Value::Bool)),
            BinaryOp::NotEq => return Ok(left.equals(&right).map_or(Value::Unknown, |same| Value::Bool(!same))),
            BinaryOp::And | BinaryOp::Or => {
                return Ok(match (op, truth(&left), truth(&right)) {
                    (BinaryOp::And, Some(a), Some(b)) => Value::Bool(a && b),
                    (BinaryOp::Or, Some(a), Some(b)) => Value::Bool(a || b),
                    (BinaryOp::And, _, Some(false)) => Value::Bool(false),
                    (BinaryOp::Or, _, Some(true)) => Value::Bool(true),
                    _ => Value::Unknown,
                });
            }
            _ => match (number(&left), number(&right)) {
                (Some(a), Some(b)) => (a, b),
                _ if left.is_unknown() || right.is_unknown() => return Ok(Value::Unknown),
                _ => return Err(Failure),
            },
        };
        let (a, b) = compared;
        Ok(match op {
            BinaryOp::Less => Value::Bool(a < b),
            BinaryOp::LessEq => Value::Bool(a <= b),
            BinaryOp::Greater => Value::Bool(a > b),
            BinaryOp::GreaterEq => Value::Bool(a >= b),
            BinaryOp::Add => Value::Number(a + b),
            BinaryOp::Sub => Value::Number(a - b),
            BinaryOp::Mul => Value::Number(a * b),
            BinaryOp::Div | BinaryOp::Rem if b == 0.0 => return Err(Failure),
            BinaryOp::Div => Value::Number(a / b),
            BinaryOp::Rem => Value::Number(a % b),
            BinaryOp::Eq | BinaryOp::NotEq | BinaryOp::And | BinaryOp::Or => Value::Unknown,
        })
    }

    fn for_each(&self, scope: ScopeId, each: &'a For<'a>, frame: Option<&Frame<'_, 'a>>) -> Outcome<'a> {
        let pairs: Vec<(Value<'a>, Value<'a>)> = match self.eval(scope, &each.collection, frame)? {
            Value::List(items) => {
                items.iter().enumerate().map(|(index, item)| (Value::Number(index as f64), item.clone())).collect()
            }
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (Value::Str(key.clone()), value.clone())).collect()
            }
            Value::Unknown => return Ok(Value::Unknown),
            _ => return Err(Failure),
        };
        let mut list = Vec::new();
        let mut map: BTreeMap<Text<'a>, Value<'a>> = BTreeMap::new();
        for (key, value) in pairs {
            let outer = Frame { parent: frame, name: each.key_name.unwrap_or("\0"), value: key };
            let inner = Frame { parent: Some(&outer), name: each.value_name, value };
            if let Some(condition) = &each.condition {
                match truth(&self.eval(scope, condition, Some(&inner))?) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => return Ok(Value::Unknown),
                }
            }
            let made = self.eval(scope, &each.value, Some(&inner))?;
            let Some(key) = &each.key else {
                list.push(made);
                continue;
            };
            let Some(key) = self.eval(scope, key, Some(&inner))?.to_text() else { return Ok(Value::Unknown) };
            if each.grouping {
                let mut group = match map.remove(&*key) {
                    Some(Value::List(items)) => items.to_vec(),
                    _ => Vec::new(),
                };
                group.push(made);
                map.insert(key, Value::list(group));
            } else {
                map.insert(key, made);
            }
        }
        Ok(if each.key.is_some() { Value::map(map.into_iter().collect()) } else { Value::list(list) })
    }
}

fn truth(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}
