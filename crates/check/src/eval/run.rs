//! The scopes of one evaluation: a root module in one environment and the local modules that it calls, each variable and local
//! computed once.

use std::cell::{Cell, RefCell};

use std::rc::Rc;

use super::Outcome;
use super::convert::{convert, stays};
use super::data_files::DataFiles;
use super::entries::Entries;
use super::expression::Frame;
use super::literal::literal;
use super::value::{Text, Value};
use super::world::World;
use crate::hcl::{Attr, Expr, Node, Part};
use crate::model::{FileId, Module, ModuleCall, Repetition};

/// Where a variable's value comes from.
#[derive(Clone, Debug)]
pub(crate) enum Input<'a> {
    /// A variable file: literals only.
    Literal(&'a Node<'a>),
    /// An argument of a module call, evaluated where the call stands.
    Argument(&'a Node<'a>),
    Default(&'a Node<'a>),
    /// Given by nothing that is known here.
    Missing,
}

pub(crate) type ScopeId = usize;

/// One module in one place of the tree of calls.
pub(super) struct Scope<'a> {
    pub(super) module: &'a Module<'a>,
    parent: Option<ScopeId>,
    /// The call that this module is made by; `None` for the root.
    call: Option<&'a ModuleCall<'a>>,
    /// `each` and `count` of the call, for its arguments.
    repetition: Option<Value<'a>>,
    inputs: Vec<Input<'a>>,
    variables: RefCell<Vec<Slot<'a>>>,
    locals: RefCell<Vec<Slot<'a>>>,
    /// By call, where that was looked at.
    children: RefCell<Vec<Option<Option<ScopeId>>>>,
    depth: usize,
}

#[derive(Clone, Debug)]
enum Slot<'a> {
    Empty,
    /// Being computed: to meet it again is a cycle.
    Busy,
    Full(Outcome<'a>),
}

/// Whether a block with `count` or `for_each` is there at all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Present<'a> {
    No,
    /// With the bindings of its first instance, where they are known.
    Yes(Option<Value<'a>>),
}

/// Modules within modules deeper than this are not looked into.
const MAX_DEPTH: usize = 12;
pub(crate) struct Evaluation<'a> {
    world: &'a World<'a>,
    scopes: RefCell<Vec<Rc<Scope<'a>>>>,
    pub(super) steps: Cell<u32>,
    pub(super) nesting: Cell<u32>,
    pub(super) workspace: Option<&'a str>,
    /// Where texts are put together.
    pub(super) scratch: Cell<String>,
}

impl<'a> Evaluation<'a> {
    /// `inputs` are those of the root module's variables, in their order.
    pub(crate) fn new(
        world: &'a World<'a>,
        module: &'a Module<'a>,
        inputs: Vec<Input<'a>>,
        workspace: Option<&'a str>,
    ) -> Self {
        let evaluation = Evaluation {
            world,
            scopes: RefCell::new(Vec::new()),
            steps: Cell::new(0),
            nesting: Cell::new(0),
            workspace,
            scratch: Cell::default(),
        };
        evaluation.add_scope(module, None, None, inputs);
        evaluation
    }

    pub(crate) const ROOT: ScopeId = 0;

    pub(crate) fn module(&self, scope: ScopeId) -> &'a Module<'a> {
        self.scope(scope).module
    }

    /// The value of an expression; what certainly fails counts as not known.
    pub(crate) fn value(&self, scope: ScopeId, node: &'a Node<'a>) -> Value<'a> {
        self.eval(scope, node, None).unwrap_or(Value::Unknown)
    }

    /// The same inside a block that `count` or `for_each` repeats.
    pub(crate) fn value_in(&self, scope: ScopeId, node: &'a Node<'a>, repetition: Option<&Value<'a>>) -> Value<'a> {
        self.outcome_in(scope, node, repetition).unwrap_or(Value::Unknown)
    }

    fn outcome_in(&self, scope: ScopeId, node: &'a Node<'a>, repetition: Option<&Value<'a>>) -> Outcome<'a> {
        match repetition {
            Some(value) => {
                let each = Frame { parent: None, name: "each", value: value.clone() };
                let count = Frame { parent: Some(&each), name: "count", value: value.clone() };
                self.eval(scope, node, Some(&count))
            }
            None => self.eval(scope, node, None),
        }
    }

    /// The value of a condition, with failing told from not knowing.
    pub(crate) fn outcome(&self, scope: ScopeId, node: &'a Node<'a>) -> Outcome<'a> {
        self.eval(scope, node, None)
    }

    pub(crate) fn variable(&self, scope: ScopeId, name: &str) -> Value<'a> {
        let scope_data = self.scope(scope);
        match scope_data.module.variable_position(name) {
            Some(index) => self.variable_at(scope, &scope_data, index).unwrap_or(Value::Unknown),
            None => Value::Unknown,
        }
    }

    /// The expression that a variable of a called module was given, and the scope that it belongs to.
    pub(crate) fn argument(&self, scope: ScopeId, name: &str) -> Option<(ScopeId, &'a Node<'a>)> {
        let called = self.scope(scope);
        match called.inputs.get(called.module.variable_position(name)?)? {
            Input::Argument(node) => Some((called.parent?, node)),
            _ => None,
        }
    }

    /// Where a variable of a called module is given: the file and the argument in it.
    pub(crate) fn argument_of(&self, scope: ScopeId, name: &str) -> Option<(FileId, &'a Attr<'a>)> {
        self.scope(scope).call?.attr(name)
    }

    /// A string or template as text, with `unknown` for each part that is not known; `None` for any other expression.
    pub(crate) fn rough_text(&self, scope: ScopeId, node: &'a Node<'a>, unknown: char) -> Option<String> {
        match &node.expr {
            Expr::Str(text) => Some(text.to_string()),
            Expr::Template(parts) => {
                let mut out = String::new();
                for part in parts {
                    match part {
                        Part::Text(text) => out.push_str(text),
                        Part::Directive(_) => out.push(unknown),
                        Part::Node(node) => match self.value(scope, node).to_text() {
                            Some(text) => out.push_str(&text),
                            None => out.push(unknown),
                        },
                    }
                }
                Some(out)
            }
            _ => None,
        }
    }

    /// What a condition comes to if the root module's variable had its default.
    pub(crate) fn with_default(&self, name: &str, condition: &'a Node<'a>) -> Outcome<'a> {
        let root = self.scope(Self::ROOT);
        let Some(index) = root.module.variable_position(name) else { return Ok(Value::Unknown) };
        let mut inputs = root.inputs.clone();
        if let Some(default) = root.module.variables[index].default {
            inputs[index] = Input::Default(&default.value);
        }
        Evaluation::new(self.world, root.module, inputs, self.workspace).outcome(Self::ROOT, condition)
    }

    /// Whether a block stands in this environment, by its `count` and `for_each`.
    pub(crate) fn present(&self, scope: ScopeId, repetition: Repetition<'a>) -> Present<'a> {
        if let Some(count) = repetition.count {
            return match self.value(scope, &count.value) {
                Value::Number(0.0) => Present::No,
                Value::Bool(false) => Present::No,
                Value::Number(_) => {
                    Present::Yes(Some(Value::map(Entries::new(vec![(Text::Borrowed("index"), Value::Number(0.0))]))))
                }
                _ => Present::Yes(None),
            };
        }
        let Some(each) = repetition.for_each else { return Present::Yes(None) };
        let first = match self.value(scope, &each.value) {
            Value::List(items) => match items.first() {
                None => return Present::No,
                Some(item) => item.to_text().map(|text| (text, item.clone())),
            },
            Value::Map(entries) => match entries.iter().next() {
                None => return Present::No,
                Some((key, value)) => Some((key.clone(), value.clone())),
            },
            _ => None,
        };
        Present::Yes(first.map(|(key, value)| {
            Value::map(Entries::new(vec![(Text::Borrowed("key"), Value::Str(key)), (Text::Borrowed("value"), value)]))
        }))
    }

    /// The scope of a called module; `None` where its source is not in the repository or the calls nest too deep.
    pub(crate) fn child(&self, scope: ScopeId, call: &'a ModuleCall<'a>) -> Option<ScopeId> {
        let parent = self.scope(scope);
        if let Some(known) = parent.children.borrow()[call.first] {
            return known;
        }
        let made = self.make_child(scope, &parent, call);
        parent.children.borrow_mut()[call.first] = Some(made);
        made
    }

    fn make_child(&self, scope: ScopeId, parent: &Scope<'a>, call: &'a ModuleCall<'a>) -> Option<ScopeId> {
        if parent.depth >= MAX_DEPTH {
            return None;
        }
        match self.present(scope, call.repetition) {
            Present::No => None,
            Present::Yes(repetition) => self.instance(scope, call, repetition),
        }
    }

    /// The scope of one instance of a call, by what `each` and `count` are in it. It is made anew each time.
    pub(crate) fn instance(
        &self,
        scope: ScopeId,
        call: &'a ModuleCall<'a>,
        repetition: Option<Value<'a>>,
    ) -> Option<ScopeId> {
        let module = &self.world.modules[call.target?];
        let inputs = module
            .variables
            .iter()
            .zip(&call.arguments)
            .map(|(variable, argument)| match (argument, variable.default) {
                (Some(argument), _) => Input::Argument(&argument.value),
                (None, Some(default)) => Input::Default(&default.value),
                (None, None) => Input::Missing,
            })
            .collect();
        Some(self.add_scope(module, Some((scope, call)), repetition, inputs))
    }

    fn add_scope(
        &self,
        module: &'a Module<'a>,
        parent: Option<(ScopeId, &'a ModuleCall<'a>)>,
        repetition: Option<Value<'a>>,
        inputs: Vec<Input<'a>>,
    ) -> ScopeId {
        let depth = parent.map_or(0, |(parent, _)| self.scope(parent).depth + 1);
        let scope = Scope {
            module,
            parent: parent.map(|(parent, _)| parent),
            call: parent.map(|(_, call)| call),
            repetition,
            variables: RefCell::new(vec![Slot::Empty; module.variables.len()]),
            inputs,
            locals: RefCell::new(vec![Slot::Empty; module.locals.len()]),
            children: RefCell::new(vec![None; module.calls.len()]),
            depth,
        };
        let mut scopes = self.scopes.borrow_mut();
        scopes.push(Rc::new(scope));
        scopes.len() - 1
    }

    pub(super) fn data(&self) -> &'a DataFiles<'a> {
        &self.world.data
    }

    pub(super) fn scope(&self, id: ScopeId) -> Rc<Scope<'a>> {
        Rc::clone(&self.scopes.borrow()[id])
    }

    pub(super) fn variable_at(&self, id: ScopeId, scope: &Scope<'a>, index: usize) -> Outcome<'a> {
        match &mut scope.variables.borrow_mut()[index] {
            Slot::Full(outcome) => return outcome.clone(),
            Slot::Busy => return Ok(Value::Unknown),
            slot @ Slot::Empty => *slot = Slot::Busy,
        }
        let variable = &scope.module.variables[index];
        let mut outcome = match &scope.inputs[index] {
            Input::Literal(node) => Ok(literal(node)),
            Input::Argument(node) => match scope.parent {
                Some(parent) => self.outcome_in(parent, node, scope.repetition.as_ref()),
                None => Ok(Value::Unknown),
            },
            Input::Default(node) => self.eval(id, node, None),
            Input::Missing => Ok(Value::Unknown),
        };
        if let (Ok(Value::Null), false, Some(default)) = (&outcome, variable.nullable, variable.default) {
            outcome = self.eval(id, &default.value, None);
        }
        // A value of the wrong type is a finding of its own; here it stays as it was given.
        let outcome = outcome.map(|value| match stays(&value, &variable.kind) {
            true => value,
            false => convert(value.clone(), &variable.kind).unwrap_or(value),
        });
        scope.variables.borrow_mut()[index] = Slot::Full(outcome.clone());
        outcome
    }

    pub(super) fn local_at(&self, id: ScopeId, scope: &Scope<'a>, index: usize) -> Outcome<'a> {
        match &mut scope.locals.borrow_mut()[index] {
            Slot::Full(outcome) => return outcome.clone(),
            Slot::Busy => return Ok(Value::Unknown),
            slot @ Slot::Empty => *slot = Slot::Busy,
        }
        let outcome = self.eval(id, &scope.module.locals[index].attr.value, None);
        scope.locals.borrow_mut()[index] = Slot::Full(outcome.clone());
        outcome
    }
}
