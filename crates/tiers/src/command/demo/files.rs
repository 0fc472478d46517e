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
    "terraform/README.md",
    "terraform/account/builder.tf",
    "terraform/account/images.tf",
    "terraform/account/ledger.tf",
    "terraform/account/main.tf",
    "terraform/api.tf",
    "terraform/builtin/envs/dev/backend.hcl",
    "terraform/builtin/envs/dev/terraform.tfvars",
    "terraform/builtin/envs/prod/backend.hcl",
    "terraform/builtin/envs/prod/terraform.tfvars",
    "terraform/builtin/envs/staging/backend.hcl",
    "terraform/builtin/envs/staging/terraform.tfvars",
    "terraform/builtin/main.tf",
    "terraform/data.tf",
    "terraform/deployer.tf",
    "terraform/envs/dev/backend.hcl",
    "terraform/envs/dev/terraform.tfvars",
    "terraform/envs/prod/backend.hcl",
    "terraform/envs/prod/terraform.tfvars",
    "terraform/envs/staging/backend.hcl",
    "terraform/envs/staging/terraform.tfvars",
    "terraform/functions.tf",
    "terraform/locals.tf",
    "terraform/modules/function/main.tf",
    "terraform/modules/function/outputs.tf",
    "terraform/modules/function/variables.tf",
    "terraform/outputs.tf",
    "terraform/site.tf",
    "terraform/variables.tf",
    "terraform/versions.tf",
    "tests/e2e.sh",
    "tests/service.rs",
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
    put(root, ".gitignore", ".tiers/\nruntime/\ntarget/\n.terraform/\n*.tfplan\n*.tfstate\n*.tfstate.*\n")
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
    fn the_demo_carries_every_file_of_the_example() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/dr-daily-report");
        // What builds and runs leave behind there, and what the demo writes in its own form.
        let not_carried = [".gitignore", ".terraform", ".terraform.lock.hcl", ".tiers", "target"];
        let mut there = Vec::new();
        let mut folders = vec![example.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder of the example") {
                let path = entry.expect("an entry").path();
                if path.file_name().is_some_and(|name| not_carried.iter().any(|it| name == *it)) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    there.push(path.strip_prefix(&example).expect("below it").to_str().expect("UTF-8").to_owned());
                }
            }
        }
        there.sort();
        let carried: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(carried, there);
    }

    #[test]
    fn the_demo_finds_what_it_replaces_and_its_tiers_toml_has_no_problems() {
        let (_, text) = FILES.iter().find(|(name, _)| *name == "tiers.toml").expect("the example has one");
        let text = with_demo_image(text).expect("the image section is as expected");
        let loaded = tiers_core::config::load("tiers.toml", &text, &tiers_core::config::Facts::default());
        assert!(loaded.is_ok(), "{:?}", loaded.err());
    }
}
