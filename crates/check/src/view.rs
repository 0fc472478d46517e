//! A stack with all of its environments evaluated: what the rules walk over.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use crate::accounts::Whereabouts;
use crate::backend::Backend;
use crate::discover::{FoundInstance, FoundStack};
use crate::eval::{Entries, Evaluation, Input, Present, ScopeId, Text, Value};
use crate::finding::{Finding, Location, Related, Severity};
use crate::hcl::{Attr, Body, Expr, Node, Span};
use crate::model::{FileId, Module, Place, Provider, Resource};
use crate::parsed::Parsed;
use crate::run::Context;

pub(crate) struct View<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) stack: &'a FoundStack,
    pub(crate) deployed: Vec<Deployed<'a>>,
    whereabouts: OnceCell<Vec<Whereabouts>>,
}

/// The stack in one environment.
pub(crate) struct Deployed<'a> {
    /// Empty in a stack that names no environment.
    pub(crate) environment: &'a str,
    pub(crate) instance: &'a FoundInstance,
    pub(crate) module: &'a Module<'a>,
    /// Every value that a variable file of this environment sets, in order; a later one wins.
    pub(crate) values: Vec<(FileId, &'a Attr<'a>)>,
    /// The last one for each variable of the module, in their order.
    given: Vec<Option<(FileId, &'a Attr<'a>)>>,
    pub(crate) evaluation: Evaluation<'a>,
    pub(crate) backend: Option<&'a Backend<'a>>,
    placed: OnceCell<Vec<Placed<'a>>>,
}

/// A resource in one place of the tree of module calls.
#[derive(Clone)]
pub(crate) struct Placed<'a> {
    pub(crate) resource: &'a Resource<'a>,
    pub(crate) scope: ScopeId,
    pub(crate) each: Option<Value<'a>>,
    /// The calls that lead to it: `module.a.`; empty in the root.
    pub(crate) prefix: Rc<str>,
    /// No module call above it is repeated by something that is not known.
    pub(crate) certain: bool,
    /// What the provider adds to its tags; unknown where the provider cannot be told.
    pub(crate) default_tags: Value<'a>,
    /// Where the provider says so.
    pub(crate) default_tags_written: Option<Written<'a>>,
    name: OnceCell<Option<(Value<'a>, Place)>>,
}

/// An expression with the scope that it belongs to and its file.
pub(crate) type Written<'a> = (ScopeId, FileId, &'a Node<'a>);

/// The `default_tags` of a provider configuration, and where they are written.
#[derive(Clone)]
struct ProviderTags<'a> {
    value: Value<'a>,
    at: Option<Written<'a>>,
}

impl ProviderTags<'_> {
    fn none() -> Self {
        ProviderTags { value: Value::map(Entries::default()), at: None }
    }
}

/// By provider configuration: `aws`, `aws.east`. Of two with one name the later counts.
type TagsByProvider<'a> = Vec<(Cow<'a, str>, ProviderTags<'a>)>;

impl<'a> Placed<'a> {
    /// The same resource with another key of its `for_each`.
    pub(crate) fn for_instance(&self, each: Value<'a>) -> Placed<'a> {
        Placed { each: Some(each), name: OnceCell::new(), ..self.clone() }
    }

    /// The same resource in another instance of the call that it is in.
    pub(crate) fn in_scope(&self, scope: ScopeId) -> Placed<'a> {
        Placed { scope, name: OnceCell::new(), ..self.clone() }
    }

    /// `module.a.aws_sqs_queue.b`.
    pub(crate) fn address(&self) -> String {
        format!("{}{}.{}", self.prefix, self.resource.kind, self.resource.name)
    }
}

impl<'a> View<'a> {
    pub(crate) fn new(context: &'a Context<'a>, stack: usize) -> View<'a> {
        let backends = &context.backends[stack];
        let stack = &context.found.stacks[stack];
        let instances = stack.instances.iter().zip(backends).filter(|(instance, _)| instance.unread.is_empty());
        let deployed =
            instances.map(|(instance, backend)| Deployed::new(context, instance, backend.as_ref())).collect();
        View { context, stack, deployed, whereabouts: OnceCell::new() }
    }

    /// Where one of this stack's environments stands.
    pub(crate) fn whereabouts(&self, deployed: &Deployed<'a>) -> &Whereabouts {
        let all =
            self.whereabouts.get_or_init(|| self.deployed.iter().map(|each| Whereabouts::of(self, each)).collect());
        let index = self.deployed.iter().position(|each| std::ptr::eq(each, deployed));
        &all[index.unwrap_or(0)]
    }

    /// Whether the stack has more than one environment to compare.
    pub(crate) fn compares(&self) -> bool {
        self.deployed.len() > 1
    }

    /// Whether all environments run the same code.
    pub(crate) fn shares_root(&self) -> bool {
        self.deployed.windows(2).all(|pair| pair[0].instance.module == pair[1].instance.module)
    }
}

impl<'a> Deployed<'a> {
    pub(crate) fn new(
        context: &'a Context<'a>,
        instance: &'a FoundInstance,
        backend: Option<&'a Backend<'a>>,
    ) -> Deployed<'a> {
        let module = &context.world.modules[instance.module];
        let mut values = Vec::new();
        for file in &instance.var_files {
            if let Parsed::Values(body) = &context.parsed[*file] {
                values.extend(body.attrs.iter().map(|attr| (*file, attr)));
            }
        }
        let given: Vec<_> = module.variables.iter().map(|variable| last(&values, variable.name)).collect();
        let inputs = module
            .variables
            .iter()
            .zip(&given)
            .map(|(variable, given)| match (given, variable.default) {
                (Some((_, attr)), _) => Input::Literal(&attr.value),
                (None, Some(default)) => Input::Default(&default.value),
                (None, None) => Input::Missing,
            })
            .collect();
        Deployed {
            environment: instance.environment.as_deref().unwrap_or_default(),
            instance,
            module,
            values,
            given,
            evaluation: Evaluation::new(context.world, module, inputs, None),
            backend,
            placed: OnceCell::new(),
        }
    }

    /// The value that a variable file of this environment sets, the one that wins.
    pub(crate) fn given(&self, name: &str) -> Option<(FileId, &'a Attr<'a>)> {
        match self.module.variable_position(name) {
            Some(position) => self.given[position],
            None => last(&self.values, name),
        }
    }

    /// The same for a variable of the module, by its position there.
    pub(crate) fn given_to(&self, position: usize) -> Option<(FileId, &'a Attr<'a>)> {
        self.given[position]
    }

    pub(crate) fn sets(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// Every value that wins, in the order of the files.
    pub(crate) fn winning(&self) -> impl Iterator<Item = (FileId, &'a Attr<'a>)> {
        let single = self.instance.var_files.len() < 2;
        let values = self.values.iter().enumerate();
        values
            .filter(move |(index, (_, attr))| {
                single || !self.values[index + 1..].iter().any(|(_, later)| later.name == attr.name)
            })
            .map(|(_, value)| *value)
    }

    /// Every resource that stands in this environment, those of called local modules too.
    pub(crate) fn placed(&self) -> &[Placed<'a>] {
        self.placed.get_or_init(|| {
            let mut out = Vec::new();
            let tags = self.provider_tags(Evaluation::ROOT, self.module);
            self.place(Evaluation::ROOT, self.module, (Rc::from(""), true), &tags, &mut out);
            out
        })
    }

    fn place(
        &self,
        scope: ScopeId,
        module: &'a Module<'a>,
        (prefix, certain): (Rc<str>, bool),
        tags: &TagsByProvider<'a>,
        out: &mut Vec<Placed<'a>>,
    ) {
        out.reserve(module.resources.len());
        for resource in &module.resources {
            let Present::Yes(each) = self.evaluation.present(scope, resource.repetition) else { continue };
            let ProviderTags { value: default_tags, at: default_tags_written } = tags_of(tags, resource);
            let prefix = Rc::clone(&prefix);
            let name = OnceCell::new();
            out.push(Placed { resource, scope, each, prefix, default_tags, default_tags_written, certain, name });
        }
        for call in &module.calls {
            let certain = match self.evaluation.present(scope, call.repetition) {
                Present::No => continue,
                Present::Yes(each) => certain && !(call.repetition.is_some() && each.is_none()),
            };
            let Some(child) = self.evaluation.child(scope, call) else { continue };
            let called = self.evaluation.module(child);
            let mut handed = handed_down(tags, call.body);
            // A module may configure providers of its own, though it should not.
            handed.extend(self.provider_tags(child, called));
            self.place(
                child,
                called,
                (Rc::from([&*prefix, "module.", call.name, "."].concat()), certain),
                &handed,
                out,
            );
        }
    }

    /// `default_tags` of each provider configuration.
    fn provider_tags(&self, scope: ScopeId, module: &'a Module<'a>) -> TagsByProvider<'a> {
        let of = |provider: &Provider<'a>| {
            let name = match provider.alias {
                Some(alias) => Cow::Owned(format!("{}.{alias}", provider.name)),
                None => Cow::Borrowed(provider.name),
            };
            let tags = provider.body.block("default_tags").and_then(|block| block.body.attr("tags"));
            let tags = tags.or_else(|| provider.body.attr("default_labels"));
            let tags = tags.map_or_else(ProviderTags::none, |attr| ProviderTags {
                value: self.evaluation.value(scope, &attr.value),
                at: Some((scope, provider.file, &attr.value)),
            });
            (name, tags)
        };
        module.providers.iter().map(of).collect()
    }

    /// The value of a resource's attribute; `None` where it is not written.
    pub(crate) fn attribute(&self, placed: &Placed<'a>, name: &str) -> Option<(Value<'a>, Place)> {
        if placed.resource.named.is_some_and(|named| named.attribute == name) {
            return self.name(placed).cloned();
        }
        placed.resource.attr(name).map(|attr| self.value_at(placed, attr))
    }

    /// The value of the attribute that gives a resource its name, by the table of types that have one.
    pub(crate) fn name<'p>(&self, placed: &'p Placed<'a>) -> Option<&'p (Value<'a>, Place)> {
        let attr = || {
            let resource = placed.resource;
            match resource.named.filter(|_| !resource.overrides.is_empty()) {
                Some(named) => resource.attr(named.attribute),
                None => resource.name_attr.map(|attr| (resource.place.file, attr)),
            }
        };
        placed.name.get_or_init(|| attr().map(|attr| self.value_at(placed, attr))).as_ref()
    }

    pub(crate) fn tags(&self, placed: &Placed<'a>) -> Option<(Value<'a>, Place)> {
        let resource = placed.resource;
        if let Some(attr) = self.tags_attr(placed) {
            return Some(self.value_at(placed, attr));
        }
        // 0.11 wrote tags as a block.
        let block = resource.body.block("tags")?;
        let value = |attr: &'a Attr<'a>| self.value_at(placed, (resource.place.file, attr)).0;
        let entries = block.body.attrs.iter().map(|attr| (Text::Borrowed(attr.name), value(attr)));
        Some((Value::map(entries.collect()), Place { file: resource.place.file, span: block.header }))
    }

    fn tags_attr(&self, placed: &Placed<'a>) -> Option<(FileId, &'a Attr<'a>)> {
        let resource = placed.resource;
        let attr = resource.tags.map(|attr| (resource.place.file, attr));
        match resource.overrides.is_empty() {
            true => attr,
            false => resource.attr(resource.tags_name()).or(attr),
        }
    }

    /// The expression that a resource's tags are written with.
    pub(crate) fn tags_written(&self, placed: &Placed<'a>) -> Option<Written<'a>> {
        self.tags_attr(placed).map(|(file, attr)| (placed.scope, file, &attr.value))
    }

    fn value_at(&self, placed: &Placed<'a>, (file, attr): (FileId, &'a Attr<'a>)) -> (Value<'a>, Place) {
        let value = self.evaluation.value_in(placed.scope, &attr.value, placed.each.as_ref());
        (value, Place { file, span: attr.span() })
    }

    /// Where a value is given that is handed down as it is: the variable file's line, or the argument of the outermost call. `None`
    /// where the expression is anything but a variable, or the variable's default holds.
    pub(crate) fn given_at(&self, scope: ScopeId, node: &'a Node<'a>) -> Option<Place> {
        let (mut scope, mut node, mut place) = (scope, node, None);
        while let Some(("var", name)) = node.reference() {
            if scope == Evaluation::ROOT {
                return self.given(name).map(|(file, attr)| Place { file, span: attr.span() }).or(place);
            }
            let (file, attr) = self.evaluation.argument_of(scope, name)?;
            place = Some(Place { file, span: attr.span() });
            (scope, node) = self.evaluation.argument(scope, name)?;
        }
        place
    }

    /// Whether a value is a variable of the root module as it is.
    pub(crate) fn is_plain(&self, scope: ScopeId, node: &'a Node<'a>) -> bool {
        let (mut scope, mut node) = (scope, node);
        while let Some(("var", name)) = node.reference() {
            if scope == Evaluation::ROOT {
                return true;
            }
            let Some(outer) = self.evaluation.argument(scope, name) else { return false };
            (scope, node) = outer;
        }
        false
    }

    pub(crate) fn label(&self) -> &'a str {
        if self.environment.is_empty() { "the only environment" } else { self.environment }
    }
}

fn last<'a>(values: &[(FileId, &'a Attr<'a>)], name: &str) -> Option<(FileId, &'a Attr<'a>)> {
    values.iter().rev().find(|(_, attr)| attr.name == name).copied()
}

fn of_provider<'t, 'a>(tags: &'t TagsByProvider<'a>, name: &str) -> Option<&'t ProviderTags<'a>> {
    tags.iter().rev().find(|(known, _)| known == name).map(|(_, tags)| tags)
}

/// The provider that a resource names, or the default one of its kind: the first word of its type.
fn tags_of<'a>(tags: &TagsByProvider<'a>, resource: &Resource<'a>) -> ProviderTags<'a> {
    let named: Cow<'_, str> = match resource.provider {
        Some(attr) => match attr.value.reference() {
            Some((provider, alias)) => Cow::Owned(format!("{provider}.{alias}")),
            None => Cow::Borrowed(attr.value.keyword().unwrap_or("\0")),
        },
        None => Cow::Borrowed(resource.kind.split('_').next().unwrap_or_default()),
    };
    of_provider(tags, &named).cloned().unwrap_or_else(ProviderTags::none)
}

/// The providers as a called module sees them, after `providers = { aws = aws.east }`.
fn handed_down<'a>(tags: &TagsByProvider<'a>, call: &Body<'a>) -> TagsByProvider<'a> {
    let mut out: TagsByProvider<'a> = tags.iter().filter(|(name, _)| !name.contains('.')).cloned().collect();
    let Some(attr) = call.attr("providers") else { return out };
    let Expr::Object(entries) = &attr.value.expr else { return out };
    for (key, value) in entries {
        let inner = key.as_str().map(ToString::to_string).or_else(|| key.reference().map(|(a, b)| format!("{a}.{b}")));
        let outer = match value.reference() {
            Some((provider, alias)) => Some(format!("{provider}.{alias}")),
            None => value.keyword().map(ToString::to_string),
        };
        if let (Some(inner), Some(outer)) = (inner, outer) {
            let unknown = || ProviderTags { value: Value::Unknown, at: None };
            out.push((Cow::Owned(inner), of_provider(tags, &outer).cloned().unwrap_or_else(unknown)));
        }
    }
    out
}

impl Context<'_> {
    pub(crate) fn location(&self, place: Place) -> Location {
        let file = &self.tree.files()[place.file];
        let (start, end) = (place.span.start as usize, place.span.end as usize);
        let (line, column) = file.line_and_column(start);
        let (end_line, end_column) = file.line_and_column(end.max(start));
        Location { path: file.path().to_string(), line, column, end_line, end_column, bytes: (start, end.max(start)) }
    }

    pub(crate) fn path(&self, file: FileId) -> &str {
        self.tree.files()[file].path()
    }

    /// The first line of a file, for what is wrong with the file as a whole.
    pub(crate) fn top(&self, file: FileId) -> Place {
        let text = self.tree.files()[file].text().unwrap_or_default();
        let end = text.find(['\r', '\n']).unwrap_or(text.len());
        Place { file, span: Span { start: 0, end: u32::try_from(end).unwrap_or(0) } }
    }

    /// Begins a finding. `subject` names what it is about so that its fingerprint outlives edits elsewhere.
    pub(crate) fn finding(
        &self,
        rule: &'static str,
        place: Place,
        subject: &str,
        message: impl Into<String>,
    ) -> Finding {
        let at = self.location(place);
        let severity = crate::rule::explain(rule).map_or(Severity::Warning, |rule| rule.severity);
        Finding {
            rule,
            severity,
            message: message.into(),
            label: String::new(),
            fingerprint: format!("{rule}|{}|{subject}", at.path),
            at,
            related: Vec::new(),
            fix: String::new(),
            environments: Vec::new(),
        }
    }

    pub(crate) fn related(&self, place: Place, says: impl Into<String>) -> Related {
        Related { at: self.location(place), says: says.into() }
    }
}

impl Finding {
    pub(crate) fn severity(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Finding {
        self.label = label.into();
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Finding {
        self.fix = fix.into();
        self
    }

    pub(crate) fn beside(mut self, related: Related) -> Finding {
        self.related.push(related);
        self
    }

    pub(crate) fn besides(mut self, related: impl IntoIterator<Item = Related>) -> Finding {
        self.related.extend(related);
        self
    }

    pub(crate) fn environment(mut self, environment: &str) -> Finding {
        if !environment.is_empty() && !self.environments.iter().any(|known| known == environment) {
            self.environments.push(environment.to_string());
        }
        self
    }

    pub(crate) fn environments<'e>(self, environments: impl IntoIterator<Item = &'e str>) -> Finding {
        environments.into_iter().fold(self, Finding::environment)
    }
}
