//! The modules of a repository, and how one finds another.

use foldhash::HashMap;
use rayon::prelude::*;

use super::data_files::DataFiles;
use crate::hcl::Attr;
use crate::model::{Module, ModuleCall};
use crate::tree::FileTree;

/// All modules of the repository.
pub(crate) struct World<'a> {
    pub(crate) modules: Vec<Module<'a>>,
    pub(crate) by_dir: HashMap<&'a str, usize>,
    pub(super) data: DataFiles<'a>,
}

impl<'a> World<'a> {
    pub(crate) fn new(tree: &'a FileTree, mut modules: Vec<Module<'a>>) -> World<'a> {
        let by_dir: HashMap<&'a str, usize> =
            modules.iter().enumerate().map(|(index, module)| (module.dir, index)).collect();
        for module in &mut modules {
            for call in &mut module.calls {
                call.target = called(&by_dir, module.dir, call.source);
            }
        }
        let arguments: Vec<Vec<Vec<Option<&'a Attr<'a>>>>> = modules
            .par_iter()
            .with_min_len(16)
            .map(|module| module.calls.iter().map(|call| arguments(call, &modules)).collect())
            .collect();
        for (module, arguments) in modules.iter_mut().zip(arguments) {
            for (call, arguments) in module.calls.iter_mut().zip(arguments) {
                call.arguments = arguments;
            }
        }
        World { modules, by_dir, data: DataFiles::of(tree) }
    }
}

/// What a call gives for each variable of the module that it calls.
fn arguments<'a>(call: &ModuleCall<'a>, modules: &[Module<'a>]) -> Vec<Option<&'a Attr<'a>>> {
    let Some(target) = call.target else { return Vec::new() };
    modules[target].variables.iter().map(|variable| call.attr(variable.name).map(|(_, attr)| attr)).collect()
}

/// The module that a call in `dir` names with a path; `None` for a source elsewhere or a folder that is not there.
fn called(by_dir: &HashMap<&str, usize>, dir: &str, source: Option<&str>) -> Option<usize> {
    let source = source?;
    if !(source.starts_with("./") || source.starts_with("../")) {
        return None;
    }
    by_dir.get(join_path(dir, source)?.as_str()).copied()
}

/// `dir` + `relative`, with `.` and `..` resolved; `None` where that leaves the repository.
pub(crate) fn join_path(dir: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
