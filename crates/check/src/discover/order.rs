//! In which order a command gives variable files: of two that set one variable, the later counts.

use super::stacks::{FoundInstance, FoundStack};
use super::usage::{self, Use};
use crate::eval::World;
use crate::model::FileId;
use crate::tree::FileTree;

/// Lays the files of each environment over each other as the commands do that name several of them. Without such a command what is
/// shared comes first; where two disagree, nobody knows.
pub(super) fn arrange(stacks: &mut [FoundStack], tree: &FileTree, world: &World<'_>, uses: &[Use]) {
    let uses: Vec<&Use> = uses.iter().filter(|used| used.var_files.len() > 1).collect();
    if uses.is_empty() {
        return;
    }
    let instances = stacks.iter_mut().flat_map(|stack| &mut stack.instances);
    for instance in instances.filter(|instance| instance.var_files.len() > 1) {
        let dir = world.modules[instance.module].dir;
        let here = uses.iter().filter(|used| used.may_run_in(dir));
        let mut orders: Vec<Vec<FileId>> = here.filter_map(|used| order(instance, tree, used)).collect();
        orders.dedup();
        if let [order] = &mut orders[..] {
            instance.var_files = std::mem::take(order);
            instance.in_told_order = true;
        }
    }
}

/// The files of an instance in a command's order; those that Terraform reads by itself come before. `None` where the command names
/// fewer than two of them.
fn order(instance: &FoundInstance, tree: &FileTree, used: &Use) -> Option<Vec<FileId>> {
    let position = |file: FileId| {
        let path = tree.files()[file].path();
        let named = |exact: bool| {
            let mut patterns = used.var_files.iter();
            patterns.rposition(|it| it.contains('*') != exact && usage::ends_with_pattern(path, it))
        };
        // `$ENV.tfvars` fits a file that is named beside it, too.
        named(true).or_else(|| named(false))
    };
    let (mut named, mut out): (Vec<FileId>, Vec<FileId>) =
        instance.var_files.iter().partition(|file| position(**file).is_some());
    named.sort_by_key(|file| position(*file));
    let told = named.len() > 1;
    out.extend(named);
    told.then_some(out)
}
