//! The worked example, carried in the binary, and the edits that make the demo's releases out of it.

use std::path::Path;

use crate::fault::Fault;

macro_rules! example {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../../examples/dr-daily-report/", $name)))),+]
    };
}

/// The example's files, by their path in it.
const FILES: &[(&str, &str)] = example![
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "config/service.json",
    "data/reports.json",
    "src/api.rs",
    "src/app.rs",
    "src/bin/bootstrap.rs",
    "src/lib.rs",
    "src/log.rs",
    "src/reports.rs",
    "src/search.rs",
    "src/settings.rs",
    "src/worker.rs",
    "tests/e2e.sh",
    "tiers.toml",
];

/// The example compiles its entry point; the demo stands on an image that holds this program, which serves the same functions.
const IMAGE_OF_THE_EXAMPLE: &str = r#"run        = "cargo build --release --locked"
entrypoint = "/var/task/bootstrap"
files = [
    { from = "target/release/bootstrap", to = "/var/task/bootstrap" },
"#;
const IMAGE_OF_THE_DEMO: &str = r#"base       = "runtime"
files = [
"#;

/// Writes the example into a folder, with the demo's image.
pub fn write(root: &Path) -> Result<(), Fault> {
    for (name, text) in FILES {
        let path = root.join(name);
        let parent = path.parent().unwrap_or(root);
        std::fs::create_dir_all(parent).map_err(|error| Fault::errored(format!("{}: {error}", parent.display())))?;
        let text = if *name == "tiers.toml" { with_demo_image(text)? } else { (*text).to_owned() };
        put(root, name, &text)?;
    }
    put(root, ".gitignore", ".tiers/\nruntime/\ntarget/\n")
}

fn with_demo_image(text: &str) -> Result<String, Fault> {
    if !text.contains(IMAGE_OF_THE_EXAMPLE) {
        return Err(Fault::errored("the example's tiers.toml no longer has the image that the demo replaces"));
    }
    Ok(text.replace(IMAGE_OF_THE_EXAMPLE, IMAGE_OF_THE_DEMO))
}

/// Replaces a text that must be there in a file.
pub fn edit(root: &Path, name: &str, from: &str, to: &str) -> Result<(), Fault> {
    let path = root.join(name);
    let text =
        std::fs::read_to_string(&path).map_err(|error| Fault::errored(format!("{}: {error}", path.display())))?;
    if !text.contains(from) {
        return Err(Fault::errored(format!("{name} has no `{from}` that the demo could change")));
    }
    put(root, name, &text.replace(from, to))
}

fn put(root: &Path, name: &str, text: &str) -> Result<(), Fault> {
    let path = root.join(name);
    std::fs::write(&path, text).map_err(|error| Fault::errored(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_finds_what_it_replaces_and_its_tiers_toml_has_no_problems() {
        let (_, text) = FILES.iter().find(|(name, _)| *name == "tiers.toml").expect("the example has one");
        let text = with_demo_image(text).expect("the image section is as expected");
        let loaded = tiers_core::config::load("tiers.toml", &text, &tiers_core::config::Facts::default());
        assert!(loaded.is_ok(), "{:?}", loaded.err());
    }
}
