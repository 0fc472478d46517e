//! Where a value comes from: the place that somebody would change, through locals, `merge`, arguments of calls and defaults.

use crate::eval::{Evaluation, ScopeId, Value};
use crate::hcl::{Expr, Node, Span, Step};
use crate::model::{FileId, Place};
use crate::view::Deployed;

/// Steps from one place to the next that are followed at most.
const MAX_STEPS: usize = 24;

/// An expression where it stands.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) scope: ScopeId,
    pub(crate) file: FileId,
    pub(crate) node: &'a Node<'a>,
}

impl<'a> Deployed<'a> {
    /// The place of what gives a key of a map its value, or of the expression behind which that cannot be told.
    pub(crate) fn cause_of_key(&self, scope: ScopeId, file: FileId, node: &'a Node<'a>, key: &str) -> Place {
        let mut at = At { scope, file, node };
        let mut key = Some(key.to_string());
        let mut place = Place { file, span: node.span };
        for _ in 0..MAX_STEPS {
            place = Place { file: at.file, span: at.node.span };
            let next = match &key {
                Some(name) => match &at.node.expr {
                    Expr::Object(entries) => {
                        let entry = entries.iter().rev().find(|(known, _)| known.as_str() == Some(name));
                        let Some((known, value)) = entry else { return place };
                        key = None;
                        place.span = Span { start: known.span.start.min(value.span.start), end: value.span.end };
                        // What stands there as it is, is the place with its key.
                        if !matches!(value.expr, Expr::Path(..) | Expr::Cond(_)) {
                            return place;
                        }
                        Some(At { node: value, ..at })
                    }
                    Expr::Call("merge", call) => {
                        let has = |arg: &&&'a Node<'a>| match self.evaluation.value(at.scope, arg) {
                            Value::Map(entries) => entries.contains_key(name),
                            _ => false,
                        };
                        let args: Vec<&'a Node<'a>> = call.args.iter().collect();
                        args.iter().rev().find(has).map(|node| At { node, ..at })
                    }
                    Expr::Call("tomap", call) => call.args.first().map(|node| At { node, ..at }),
                    _ => self.behind(at, &mut key),
                },
                None => self.behind(at, &mut key),
            };
            match next {
                Some(next) => at = next,
                None => return place,
            }
        }
        place
    }

    /// One step from a local, a variable, an output of a local module or a condition to what it stands for here.
    pub(crate) fn leads_to(&self, at: At<'a>) -> Option<At<'a>> {
        let mut key = None;
        let next = self.behind(at, &mut key)?;
        let Some(key) = key else { return Some(next) };
        let Expr::Object(entries) = &next.node.expr else { return None };
        let (_, value) = entries.iter().rev().find(|(known, _)| known.as_str() == Some(&key))?;
        Some(At { node: value, ..next })
    }

    /// The same, with the key that is still to be looked for in it.
    fn behind(&self, at: At<'a>, key: &mut Option<String>) -> Option<At<'a>> {
        let (root, steps) = match &at.node.expr {
            Expr::Path(root, steps) => (*root, &steps[..]),
            Expr::Cond(nodes) => {
                return match self.evaluation.value(at.scope, &nodes[0]) {
                    Value::Bool(true) => Some(At { node: &nodes[1], ..at }),
                    Value::Bool(false) => Some(At { node: &nodes[2], ..at }),
                    _ => None,
                };
            }
            _ => return None,
        };
        let (Step::Attr(name), mut rest) = steps.split_first()? else { return None };
        let module = self.evaluation.module(at.scope);
        let next = match root {
            "local" => {
                let local = module.local(name)?;
                At { file: local.file, node: &local.attr.value, ..at }
            }
            "var" => self.variable(at.scope, name)?,
            "module" => {
                let (Step::Attr(output), after) = rest.split_first()? else { return None };
                rest = after;
                let call = module.calls.iter().find(|call| call.name == *name && !call.repetition.is_some())?;
                let scope = self.evaluation.child(at.scope, call)?;
                let outputs = &self.evaluation.module(scope).outputs;
                let (file, block) = outputs.iter().find(|(_, block)| block.label(0) == Some(output))?;
                At { scope, file: *file, node: &block.body.attr("value")?.value }
            }
            _ => return None,
        };
        match (rest, &key) {
            ([], _) => {}
            ([Step::Attr(inner)], None) => *key = Some((*inner).to_string()),
            ([Step::Index(index)], None) => *key = Some(index.as_str()?.to_string()),
            _ => return None,
        }
        Some(next)
    }

    fn variable(&self, scope: ScopeId, name: &str) -> Option<At<'a>> {
        let variable = self.evaluation.module(scope).variable(name)?;
        let default = || variable.default.map(|attr| At { scope, file: variable.place.file, node: &attr.value });
        if scope == Evaluation::ROOT {
            let given = self.given(name).map(|(file, attr)| At { scope, file, node: &attr.value });
            return given.or_else(default);
        }
        let given = self.evaluation.argument(scope, name).and_then(|(outer, node)| {
            let (file, _) = self.evaluation.argument_of(scope, name)?;
            Some(At { scope: outer, file, node })
        });
        given.or_else(default)
    }
}
