//! The worked example's terraform/: held to the provider's schema, to the numbers of its tiers.toml, and clean by our own rules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tiers_check::{FileTree, Options, SKIPPED_FOLDERS, TagPolicy, Wanted, check, matrix, render, wanted};

use crate::provider_schema::{EXTRACT, Module, parse, problems, used};

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
const TAGS: [&str; 7] = ["Project", "Environment", "ManagedBy", "App", "Component", "Owner", "CostCenter"];

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/dr-daily-report")
}

/// The example's files that the checker reads, by their path in it.
fn tree() -> FileTree {
    let mut files = Vec::new();
    let mut folders = vec![(example(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the example's folder") {
            let entry = entry.expect("an entry of it");
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            let path = format!("{prefix}{name}");
            if entry.file_type().expect("a type").is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                    folders.push((entry.path(), format!("{path}/")));
                }
            } else if wanted(&path) == Wanted::Content {
                files.push((path, std::fs::read(entry.path()).expect("a file that can be read")));
            }
        }
    }
    FileTree::new(files)
}

/// The folders of `.tf` files.
fn modules(tree: &FileTree) -> BTreeMap<String, Module> {
    let mut out: BTreeMap<String, Module> = BTreeMap::new();
    for file in tree.files().iter().filter(|file| file.path().ends_with(".tf")) {
        let text = file.text().expect("text").to_owned();
        let module = out.entry(file.dir().to_owned()).or_insert_with(|| Module { files: Vec::new() });
        module.files.push((file.path().to_owned(), text));
    }
    out
}

#[test]
fn every_argument_block_and_reference_is_one_that_the_provider_has() {
    let (tree, schema) = (tree(), parse(EXTRACT));
    let modules = modules(&tree);
    assert!(modules.len() >= 4, "the root, account, builtin and a module: {:?}", modules.keys());
    let found: Vec<String> = modules.values().flat_map(|module| problems(module, &schema)).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_extract_has_the_types_of_the_example_and_no_others() {
    let used: BTreeSet<String> = modules(&tree()).values().flat_map(used).collect();
    let extracted: BTreeSet<String> = parse(EXTRACT).into_keys().collect();
    assert_eq!(used, extracted, "run `cargo xtask provider-schema`");
}

/// What `tiers check` knows from the example's tiers.toml.
fn options() -> Options {
    Options {
        project: Some("dr-daily-report".to_owned()),
        name_pattern: Some("{project}-{component}-{environment}".to_owned()),
        tags: TagPolicy { required: TAGS.map(str::to_owned).to_vec(), ..TagPolicy::default() },
        deployed_components: ["telegram-api", "report-worker"].map(str::to_owned).to_vec(),
        ..Options::default()
    }
}

#[test]
fn our_own_rules_find_nothing_in_it_with_or_without_its_tiers_toml() {
    let tree = tree();
    for options in [Options::default(), options()] {
        let report = check(&tree, &options);
        assert_eq!(report.layout.environments, ENVIRONMENTS, "{:#?}", report.layout);
        let style = render::TextStyle { all: true, ..render::TextStyle::default() };
        assert!(report.findings.is_empty(), "{}", render::text(&report, &tree, style));
    }
}

#[test]
fn the_settings_that_both_terraform_and_tiers_toml_have_are_the_same_in_every_environment() {
    let tiers_toml = std::fs::read_to_string(example().join("tiers.toml")).expect("the example's tiers.toml");
    let found = matrix(&tree(), &options(), &[]);
    assert_eq!(found.environments, ENVIRONMENTS);
    let pairs = [
        ("memory_mb", "lambda_memory_size"),
        ("timeout_s", "lambda_timeout"),
        ("log_retention_days", "log_retention_days"),
        ("rate_limit", "api_rate_limit"),
        ("burst", "api_burst_limit"),
        ("concurrency", "lambda_reserved_concurrency"),
    ];
    for (setting, variable) in pairs {
        let row = found.rows.iter().find(|row| row.stack == "terraform" && row.name == variable);
        let row = row.unwrap_or_else(|| panic!("no row for {variable}: {:#?}", found.rows));
        for (environment, cell) in ENVIRONMENTS.iter().zip(&row.cells) {
            assert_eq!(cell.value, setting_of(&tiers_toml, environment, setting), "{setting} in {environment}");
        }
    }
}

/// `SETTING = 512` below `[environments.NAME]`.
fn setting_of(tiers_toml: &str, environment: &str, setting: &str) -> Option<String> {
    let (_, section) = tiers_toml.split_once(&format!("[environments.{environment}]"))?;
    let lines = section.lines().skip(1).take_while(|line| !line.starts_with('['));
    let mut pairs = lines.filter_map(|line| line.split_once('='));
    pairs.find(|(key, _)| key.trim() == setting).map(|(_, value)| value.trim().to_owned())
}
