//! A folder of configuration as Terraform sees it: variables, locals, resources, module calls, backend.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::eval::Type;
use crate::hcl::{Attr, Block, Body, Expr, Node, Span};
use crate::parsed::Parsed;
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
    /// Sorted by name, so that a name is found without hashing it.
    variable_index: Vec<(&'a str, usize)>,
    local_index: Vec<(&'a str, usize)>,
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
}

#[derive(Debug)]
pub(crate) struct ModuleCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) source: Option<&'a str>,
    pub(crate) place: Place,
    /// The called module's index, where it is in the repository.
    pub(crate) target: Option<usize>,
    pub(crate) body: &'a Body<'a>,
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
        find(&self.local_index, name)
    }

    pub(crate) fn variable_position(&self, name: &str) -> Option<usize> {
        find(&self.variable_index, name)
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
                        insert(&mut self.local_index, attr.name, self.locals.len());
                        self.locals.push(Local { name: attr.name, file, attr });
                    }
                }
                ("resource", Some(kind), Some(name)) if !(overrides && self.resource(kind, name).is_some()) => {
                    self.resources.push(Resource { kind, name, place, body: &block.body });
                }
                ("data" | "ephemeral", Some(kind), Some(name)) => {
                    self.data.push(Resource { kind, name, place, body: &block.body });
                }
                ("module", Some(name), _) => {
                    let source = block.body.attr("source").and_then(|attr| plain(&attr.value));
                    self.calls.push(ModuleCall { name, source, place, target: None, body: &block.body });
                }
                ("provider", Some(name), _) => {
                    let alias = block.body.attr("alias").and_then(|attr| plain(&attr.value));
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
                insert(&mut self.variable_index, name, self.variables.len());
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

fn find(index: &[(&str, usize)], name: &str) -> Option<usize> {
    index.binary_search_by(|(known, _)| (*known).cmp(name)).ok().map(|at| index[at].1)
}

/// A name that is there already gets the new position.
fn insert<'a>(index: &mut Vec<(&'a str, usize)>, name: &'a str, position: usize) {
    match index.binary_search_by(|(known, _)| (*known).cmp(name)) {
        Ok(at) => index[at].1 = position,
        Err(at) => index.insert(at, (name, position)),
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
    dirs.into_par_iter().with_min_len(16).map(|(dir, files)| module(tree, parsed, dir, files)).collect()
}

fn module<'a>(tree: &'a FileTree, parsed: &'a [Parsed<'a>], dir: &'a str, files: Vec<FileId>) -> Module<'a> {
    let mut module = Module { dir, ..Module::default() };
    for overrides in [false, true] {
        for file in files.iter().filter(|file| is_override(tree.files()[**file].name()) == overrides) {
            match &parsed[*file] {
                Parsed::Terraform(body) => module.take(*file, body, overrides),
                _ => module.incomplete = true,
            }
        }
    }
    module.files = files;
    module
}

fn is_configuration_name(name: &str) -> bool {
    [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|extension| name.ends_with(extension))
}
