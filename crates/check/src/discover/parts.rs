//! Environments that stand in several places at once: a file for each region, or for each tenant.
//!
//! `envs/prod/eu-west-1.tfvars` and `envs/prod/us-east-1.tfvars` are not two layers of prod's values but the values of two states.
//! To lay one over the other would bring out an environment that nobody has, so each becomes an instance of its own.

use std::collections::BTreeMap;

use super::assign::{Files, Part};
use super::surroundings::{similar, stem};
use super::usage::{self, Use};
use super::{names, regions};
use crate::eval::same_literal;
use crate::hcl::{Attr, Body};
use crate::model::FileId;
use crate::parsed::Parsed;
use crate::tree::FileTree;

/// More files of one environment than this are not held to each other.
const FILES_MAX: usize = 64;

/// The region that the part of a path below the root module names beside its environment: the last segment that is one.
pub(super) fn region_of(path: &str, from: usize) -> Option<&str> {
    let below = path.get(from..).unwrap_or(path);
    let (dir, name) = below.rsplit_once('/').unwrap_or(("", below));
    let named = |segment: &&str| regions::is_region(segment);
    Some(stem(name)).filter(named).or_else(|| dir.rsplit('/').find(named)).map(names::without_noise)
}

/// Makes an environment of its own of each region and tenant that an environment's files are for. What names none belongs to all.
pub(super) fn split(files: &mut Files, tree: &FileTree, parsed: &[Parsed<'_>], uses: &[Use]) {
    let several = |parts: &BTreeMap<String, Vec<Part>>| -> Vec<String> {
        parts.iter().filter(|(_, parts)| parts.len() > 1).map(|(name, _)| name.clone()).collect()
    };
    let mut environments = several(&files.values);
    environments.extend(several(&files.settings));
    environments.sort();
    environments.dedup();
    for environment in environments {
        let doubtful = name_tenants(files.values.get_mut(&environment), tree, parsed);
        if let Some(parts) = files.values.get_mut(&environment) {
            parts.retain(|part| !doubtful.contains(&part.file));
        }
        files.loose_values.extend(doubtful);
        let of_values = files.values.get(&environment).map(Vec::as_slice).unwrap_or_default();
        let tenants: Vec<String> = of_values.iter().filter_map(|part| part.region.clone()).collect();
        for part in files.settings.get_mut(&environment).into_iter().flatten().filter(|part| part.region.is_none()) {
            part.region = whose(tree.files()[part.file].path(), &tenants);
        }
        let of = |parts: Option<&Vec<Part>>| -> Vec<Part> { parts.cloned().unwrap_or_default() };
        let (values, settings) = (of(files.values.get(&environment)), of(files.settings.get(&environment)));
        let mut regions: Vec<String> = values.iter().chain(&settings).filter_map(|part| part.region.clone()).collect();
        regions.sort();
        regions.dedup();
        if regions.len() < 2 || given_together(&values, tree, uses) {
            continue;
        }
        files.values.remove(&environment);
        files.settings.remove(&environment);
        for region in regions {
            let named = names::mentions(&region, &environment);
            let name = if named { region.clone() } else { format!("{environment}-{region}") };
            let own = |parts: &[Part]| -> Vec<Part> {
                let of = |part: &&Part| part.region.as_ref().is_none_or(|of| *of == region);
                parts.iter().filter(of).cloned().collect()
            };
            for (all, into) in [(&values, &mut files.values), (&settings, &mut files.settings)] {
                let own = own(all);
                if !own.is_empty() {
                    into.insert(name.clone(), own);
                }
            }
            files.within.insert(name, environment.clone());
        }
    }
}

/// The tenant or region whose values a backend file goes with, by its name or that of a folder above it.
fn whose(path: &str, tenants: &[String]) -> Option<String> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut segments = [stem(name)].into_iter().chain(dir.rsplit('/')).map(names::without_noise);
    segments.find_map(|name| tenants.iter().find(|tenant| *tenant == name)).cloned()
}

/// One command that is given the files of two regions reads them as layers.
fn given_together(parts: &[Part], tree: &FileTree, uses: &[Use]) -> bool {
    let regional: Vec<&Part> = parts.iter().filter(|part| part.region.is_some()).collect();
    let fits = |part: &Part, pattern: &str| usage::ends_with_pattern(tree.files()[part.file].path(), pattern);
    uses.iter().filter(|used| used.var_files.len() > 1).any(|used| {
        let mut read: Vec<&Option<String>> = Vec::new();
        for pattern in &used.var_files {
            // A pattern that fits several regions chooses one of them.
            let mut fitting = regional.iter().filter(|part| fits(part, pattern));
            if let (Some(only), None) = (fitting.next(), fitting.next()) {
                read.push(&only.region);
            }
        }
        read.windows(2).any(|pair| pair[0] != pair[1])
    })
}

/// Files that are called alike but for one word and give one variable two values are no layers of each other:
/// `prod/acme.tfvars` and `prod/globex.tfvars`, `acme/prod.tfvars` and `globex/prod.tfvars`. Returns those of which it is not plain
/// that each holds all of the values.
fn name_tenants(parts: Option<&mut Vec<Part>>, tree: &FileTree, parsed: &[Parsed<'_>]) -> Vec<FileId> {
    let mut doubtful = Vec::new();
    let Some(parts) = parts.filter(|parts| parts.len() <= FILES_MAX) else { return doubtful };
    let body = |file: FileId| match &parsed[file] {
        Parsed::Values(body) => Some(body),
        _ => None,
    };
    for first in 0..parts.len() {
        for second in first + 1..parts.len() {
            let (a, b) = (parts[first].file, parts[second].file);
            if parts[first].region.is_some() && parts[second].region.is_some() {
                continue;
            }
            let Some((mine, theirs)) = differing(tree.files()[a].path(), tree.files()[b].path()) else { continue };
            let (Some(one), Some(other)) = (body(a), body(b)) else { continue };
            if !disagree(one, other) {
                continue;
            }
            if tree.files()[a].name() == tree.files()[b].name() || set_the_same(one, other) {
                parts[first].region.get_or_insert_with(|| mine.to_string());
                parts[second].region.get_or_insert_with(|| theirs.to_string());
            } else {
                doubtful.extend([a, b].into_iter().filter(|file| !doubtful.contains(file)).collect::<Vec<_>>());
            }
        }
    }
    doubtful
}

/// The one segment in which two paths differ, of each; `None` where it says what a file holds and not whose it is.
fn differing<'p>(a: &'p str, b: &'p str) -> Option<(&'p str, &'p str)> {
    if a.matches('/').count() != b.matches('/').count() {
        return None;
    }
    let mut pairs = a.split('/').zip(b.split('/')).filter(|(mine, theirs)| mine != theirs);
    let (mine, theirs) = pairs.next()?;
    if pairs.next().is_some() {
        return None;
    }
    let (mine, theirs) = (stem(mine), stem(theirs));
    let tells = |word: &str| !names::is_not_environment(word) && !names::find(word).is_some_and(|named| named.whole);
    (tells(mine) && tells(theirs)).then_some((mine, theirs))
}

fn set_the_same(one: &Body<'_>, other: &Body<'_>) -> bool {
    similar(&one.attrs, &other.attrs)
}

fn disagree(one: &Body<'_>, other: &Body<'_>) -> bool {
    let differs = |attr: &Attr<'_>, theirs: &Attr<'_>| !same_literal(&attr.value, &theirs.value);
    one.attrs.iter().any(|attr| other.attr(attr.name).is_some_and(|theirs| differs(attr, theirs)))
}
