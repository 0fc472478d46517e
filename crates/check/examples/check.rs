//! The smallest caller: reads a folder and prints what the checker says about it. The `tiers` program does the same with more care
//! (git's ignore rules, tiers.toml, formats, exit codes).
//!
//! `cargo run -p tiers-check --example check -- FOLDER [layout|matrix|json|sarif|hints]`

use std::path::Path;

use tiers_check::{
    FileTree, NamedFiles, Options, SKIPPED_FOLDERS, Wanted, check, matrix, may_be_named, render, wanted,
};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".into());
    let mode = arguments.next().unwrap_or_default();
    let mut files = Vec::new();
    walk(Path::new(&folder), "", &mut files)?;
    let named = NamedFiles::find(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    files.retain(|(path, _)| wanted(path) != Wanted::No || named.wants(path));
    let tree = FileTree::new(files);
    let options = Options::default();
    if mode == "matrix" {
        print!("{}", matrix(&tree, &options, &[]).text(120, false));
        return Ok(());
    }
    let report = check(&tree, &options);
    let style = render::TextStyle { all: mode == "hints", ..render::TextStyle::default() };
    print!(
        "{}",
        match mode.as_str() {
            "layout" => render::layout(&report.layout),
            "json" => render::json(&report),
            "sarif" => render::sarif(&report),
            _ => render::text(&report, &tree, style),
        }
    );
    Ok(())
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
            walk(&entry.path(), &path, files)?;
        } else if kind.is_file() {
            match wanted(&path) {
                Wanted::Content => files.push((path, std::fs::read(entry.path())?)),
                Wanted::PathOnly => files.push((path, Vec::new())),
                Wanted::No if may_be_named(&path) => files.push((path, std::fs::read(entry.path())?)),
                Wanted::No => {}
            }
        }
    }
    Ok(())
}
