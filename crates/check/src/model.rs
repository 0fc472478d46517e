//! A folder of configuration as Terraform sees it: variables, locals, resources, module calls, backend.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use crate::eval::Type;
use crate::gaps;
use crate::hcl::{Attr, Block, Body, Expr, Node, Span};
use crate::name_index::NameIndex;
use crate::parsed::Parsed;
use crate::policies;
use crate::rules::has_bounds;
use crate::services::{NamedType, is_taggable, named_type};
use crate::tree::FileTree;

/// Index of a file in the tree.
pub(crate) type FileId = usize;

/// A span in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: FileId,
    pub(crate) span: Span,
}

/// All configuration of one folder.
#[derive(Debug, Default)]
pub(crate) struct Module<'a> {
    pub(crate) dir: &'a str,
    pub(crate) files: Vec<FileId>,
    pub(crate) variables: Vec<Variable<'a>>,
    pub(crate) locals: Vec<Local<'a>>,
    pub(crate) resources: Vec<Resource<'a>>,
    pub(crate) data: Vec<Resource<'a>>,
    pub(crate) calls: Vec<ModuleCall<'a>>,
    pub(crate) providers: Vec<Provider<'a>>,
    pub(crate) outputs: Vec<(FileId, &'a Block<'a>)>,
    pub(crate) backend: Option<BackendBlock<'a>>,
    /// A `cloud` block: state and variables live in HCP Terraform.
    pub(crate) cloud: Option<Place>,
    /// One of the folder's files could not be read: what is not found here may stand there.
    pub(crate) incomplete: bool,
    /// Those files.
    pub(crate) unreadable: Vec<FileId>,
    /// Positions of the variables that hold secrets.
    pub(crate) secret_variables: Vec<usize>,
    /// Why, where it is not that.
    pub(crate) gap: Option<String>,
    /// The texts in this module that hold a policy with a wildcard.
    pub(crate) policy_texts: Vec<(FileId, &'a Node<'a>)>,
    variable_index: NameIndex<'a>,
    local_index: NameIndex<'a>,
}

#[derive(Debug)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a str,
    pub(crate) place: Place,
    pub(crate) constraint: Option<&'a Node<'a>>,
    pub(crate) kind: Type<'a>,
    pub(crate) default: Option<&'a Attr<'a>>,
    pub(crate) sensitive: bool,
    pub(crate) nullable: bool,
    pub(crate) validations: Vec<&'a Block<'a>>,
}

#[derive(Debug)]
pub(crate) struct Local<'a> {
    pub(crate) name: &'a str,
    pub(crate) file: FileId,
    pub(crate) attr: &'a Attr<'a>,
}

#[derive(Debug)]
pub(crate) struct Resource<'a> {
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) place: Place,
    pub(crate) body: &'a Body<'a>,
    // What every environment would ask the body and the tables of services for again.
    pub(crate) repetition: Repetition<'a>,
    pub(crate) provider: Option<&'a Attr<'a>>,
    pub(crate) tags: Option<&'a Attr<'a>>,
    pub(crate) taggable: bool,
    /// It has an argument that may be a lower bound, at any depth.
    pub(crate) bounded: bool,
    /// The arguments that say where it is made, beside its provider: a region, a project, a bus.
    pub(crate) standing: Option<&'a Attr<'a>>,
    pub(crate) named: Option<&'static NamedType>,
    /// The attribute that gives it its name, by `named`.
    pub(crate) name_attr: Option<&'a Attr<'a>>,
    /// What override files say of it, each laid over what is before it.
    pub(crate) overrides: Vec<(FileId, &'a Body<'a>)>,
}

impl<'a> Resource<'a> {
    fn new(kind: &'a str, name: &'a str, place: Place, body: &'a Body<'a>) -> Resource<'a> {
        let named = named_type(kind);
        Resource {
            kind,
            name,
            place,
            body,
            repetition: Repetition::of(body),
            provider: body.attr("provider"),
            tags: body.attr(tags_name(kind)),
            taggable: is_taggable(kind),
            bounded: has_bounds(body),
            standing: STANDING.iter().find_map(|name| body.attr(name)),
            named,
            name_attr: named.and_then(|named| body.attr(named.attribute)),
            overrides: Vec::new(),
        }
    }

    /// An argument as it is after all override files.
    pub(crate) fn attr(&self, name: &str) -> Option<(FileId, &'a Attr<'a>)> {
        laid_over(&self.overrides, (self.place.file, self.body), name)
    }

    pub(crate) fn tags_name(&self) -> &'static str {
        tags_name(self.kind)
    }

    /// Whether it has tags of its own, of whatever provider it is.
    pub(crate) fn is_tagged(&self) -> bool {
        self.tags.is_some() || self.body.block("tags").is_some()
    }
}

/// What tags are called; Google has labels, and its tags choose networks.
fn tags_name(kind: &str) -> &'static str {
    if kind.starts_with("google_") { "labels" } else { "tags" }
}

/// Arguments by which two resources of one provider may stand apart, and have one name.
const STANDING: [&str; 3] = ["region", "project", "event_bus_name"];

/// What repeats a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repetition<'a> {
    pub(crate) count: Option<&'a Attr<'a>>,
    pub(crate) for_each: Option<&'a Attr<'a>>,
}

impl<'a> Repetition<'a> {
    pub(crate) fn of(body: &'a Body<'a>) -> Repetition<'a> {
        Repetition { count: body.attr("count"), for_each: body.attr("for_each") }
    }

    pub(crate) fn is_some(&self) -> bool {
        self.count.is_some() || self.for_each.is_some()
    }
}

fn laid_over<'a>(
    overrides: &[(FileId, &'a Body<'a>)],
    body: (FileId, &'a Body<'a>),
    name: &str,
) -> Option<(FileId, &'a Attr<'a>)> {
    let bodies = overrides.iter().rev().copied().chain([body]);
    bodies.into_iter().find_map(|(file, body)| Some((file, body.attr(name)?)))
}

#[derive(Debug)]
pub(crate) struct ModuleCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) source: Option<&'a str>,
    pub(crate) place: Place,
    /// The called module's index, where it is in the repository.
    pub(crate) target: Option<usize>,
    pub(crate) body: &'a Body<'a>,
    pub(crate) repetition: Repetition<'a>,
    /// Where this call, or the first of this name, stands among those of its module.
    pub(crate) first: usize,
    /// The argument for each variable of the called module, in their order.
    pub(crate) arguments: Vec<Option<&'a Attr<'a>>>,
    /// What override files say of it.
    pub(crate) overrides: Vec<(FileId, &'a Body<'a>)>,
}

impl<'a> ModuleCall<'a> {
    /// An argument as it is after all override files.
    pub(crate) fn attr(&self, name: &str) -> Option<(FileId, &'a Attr<'a>)> {
        laid_over(&self.overrides, (self.place.file, self.body), name)
    }
}

#[derive(Debug)]
pub(crate) struct Provider<'a> {
    pub(crate) name: &'a str,
    pub(crate) alias: Option<&'a str>,
    pub(crate) file: FileId,
    pub(crate) body: &'a Body<'a>,
}

#[derive(Debug)]
pub(crate) struct BackendBlock<'a> {
    pub(crate) kind: &'a str,
    pub(crate) place: Place,
    pub(crate) body: &'a Body<'a>,
}

impl<'a> Module<'a> {
    pub(crate) fn variable(&self, name: &str) -> Option<&Variable<'a>> {
        self.variable_position(name).map(|index| &self.variables[index])
    }

    pub(crate) fn local(&self, name: &str) -> Option<&Local<'a>> {
        self.local_position(name).map(|index| &self.locals[index])
    }

    pub(crate) fn local_position(&self, name: &str) -> Option<usize> {
        self.local_index.get(name)
    }

    pub(crate) fn variable_position(&self, name: &str) -> Option<usize> {
        self.variable_index.get(name)
    }

    pub(crate) fn resource(&self, kind: &str, name: &str) -> Option<&Resource<'a>> {
        self.resources.iter().find(|resource| resource.kind == kind && resource.name == name)
    }

    fn take(&mut self, file: FileId, body: &'a Body<'a>, overrides: bool) {
        for block in &body.blocks {
            let place = Place { file, span: block.header };
            match (block.kind, block.label(0), block.label(1)) {
                ("variable", Some(name), _) => self.take_variable(name, place, block, overrides),
                ("locals", ..) => {
                    for attr in &block.body.attrs {
                        self.local_index.insert(attr.name, self.locals.len());
                        self.locals.push(Local { name: attr.name, file, attr });
                    }
                }
                ("resource", Some(kind), Some(name)) => {
                    let known = || self.resources.iter().position(|it| it.kind == kind && it.name == name);
                    match overrides.then(known).flatten().map(|at| &mut self.resources[at]) {
                        Some(known) => known.overrides.push((file, &block.body)),
                        None => self.resources.push(Resource::new(kind, name, place, &block.body)),
                    }
                }
                ("data" | "ephemeral", Some(kind), Some(name)) => {
                    self.data.push(Resource::new(kind, name, place, &block.body));
                }
                ("module", Some(name), _) => {
                    let source = block.body.attr("source").and_then(|attr| plain(&attr.value));
                    let known = || self.calls.iter().position(|it| it.name == name);
                    match overrides.then(known).flatten().map(|at| &mut self.calls[at]) {
                        Some(known) => {
                            known.source = source.or(known.source);
                            known.overrides.push((file, &block.body));
                        }
                        None => self.calls.push(ModuleCall {
                            name,
                            source,
                            place,
                            target: None,
                            body: &block.body,
                            repetition: Repetition::of(&block.body),
                            first: self.calls.len(),
                            arguments: Vec::new(),
                            overrides: Vec::new(),
                        }),
                    }
                }
                ("provider", Some(name), _) => {
                    let alias = block.body.attr("alias").and_then(|attr| plain(&attr.value));
                    // What an override leaves out stays, default_tags above all.
                    if overrides && self.providers.iter().any(|it| it.name == name && it.alias == alias) {
                        continue;
                    }
                    self.providers.push(Provider { name, alias, file, body: &block.body });
                }
                ("output", ..) => self.outputs.push((file, block)),
                ("terraform", ..) => self.take_terraform(file, block),
                _ => {}
            }
        }
    }

    fn take_variable(&mut self, name: &'a str, place: Place, block: &'a Block<'a>, overrides: bool) {
        let flag = |attr: &str| {
            block.body.attr(attr).and_then(|attr| match attr.value.expr {
                Expr::Bool(value) => Some(value),
                _ => None,
            })
        };
        let variable = Variable {
            name,
            place,
            constraint: block.body.attr("type").map(|attr| &attr.value),
            kind: block.body.attr("type").map_or(Type::Any, |attr| Type::of(&attr.value)),
            default: block.body.attr("default"),
            sensitive: flag("sensitive").unwrap_or(false),
            nullable: flag("nullable").unwrap_or(true),
            validations: block.body.blocks_of("validation").collect(),
        };
        match self.variable_position(name) {
            Some(index) if overrides => {
                let old = &mut self.variables[index];
                old.default = variable.default.or(old.default);
                old.constraint = variable.constraint.or(old.constraint);
            }
            _ => {
                self.variable_index.insert(name, self.variables.len());
                self.variables.push(variable);
            }
        }
    }

    fn take_terraform(&mut self, file: FileId, block: &'a Block<'a>) {
        for inner in &block.body.blocks {
            let place = Place { file, span: inner.header };
            match (inner.kind, inner.label(0)) {
                ("backend", Some(kind)) => self.backend = Some(BackendBlock { kind, place, body: &inner.body }),
                // It keeps the state as a backend does, and can't stand beside one.
                ("cloud", _) => {
                    self.cloud = Some(place);
                    self.backend = Some(BackendBlock { kind: "cloud", place, body: &inner.body });
                }
                _ => {}
            }
        }
    }
}

/// The text of an expression that is a plain string and borrowed from its file.
pub(crate) fn plain<'a>(node: &Node<'a>) -> Option<&'a str> {
    match &node.expr {
        Expr::Str(std::borrow::Cow::Borrowed(text)) => Some(text),
        _ => None,
    }
}

/// Terraform reads files named so last and lays them over the others.
fn is_override(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    stem == "override" || stem.ends_with("_override")
}

/// One module for every folder that holds configuration, by folder.
pub(crate) fn modules<'a>(tree: &'a FileTree, parsed: &'a [Parsed<'a>]) -> Vec<Module<'a>> {
    let mut by_dir: BTreeMap<&'a str, Vec<FileId>> = BTreeMap::new();
    for (file, source) in tree.files().iter().enumerate() {
        let configuration = match &parsed[file] {
            Parsed::Terraform(_) => true,
            Parsed::Unreadable(_) => is_configuration_name(source.name()),
            _ => false,
        };
        if configuration {
            by_dir.entry(source.dir()).or_default().push(file);
        }
    }
    let dirs: Vec<(&'a str, Vec<FileId>)> = by_dir.into_iter().collect();
    let mut modules: Vec<Module<'a>> =
        dirs.into_par_iter().with_min_len(16).map(|(dir, files)| module(tree, parsed, dir, files)).collect();
    gaps::mark(&mut modules, tree, parsed);
    modules
}

fn module<'a>(tree: &'a FileTree, parsed: &'a [Parsed<'a>], dir: &'a str, files: Vec<FileId>) -> Module<'a> {
    let mut module = Module { dir, ..Module::default() };
    for overrides in [false, true] {
        for file in files.iter().filter(|file| is_override(tree.files()[**file].name()) == overrides) {
            match &parsed[*file] {
                Parsed::Terraform(body) => module.take(*file, body, overrides),
                _ => {
                    module.incomplete = true;
                    module.unreadable.push(*file);
                }
            }
        }
    }
    let mut first = HashMap::with_capacity(module.calls.len());
    for (index, call) in module.calls.iter_mut().enumerate() {
        call.first = *first.entry(call.name).or_insert(index);
    }
    let variables = module.variables.iter().enumerate();
    module.secret_variables = variables.filter(|(_, variable)| variable.is_secret()).map(|(index, _)| index).collect();
    module.policy_texts = policies::texts(&module);
    module.files = files;
    module
}

pub(crate) fn is_configuration_name(name: &str) -> bool {
    [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|extension| name.ends_with(extension))
}
