//! Writes the large repository to measure on: `corpus FOLDER [COMPONENTS] [ENVIRONMENTS] [builtin]`.
//!
//! With `builtin` every resource is one of Terraform's own `terraform_data`, so that `terraform validate` needs no provider.

use std::path::{Path, PathBuf};

use tiers_check::corpus;

fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1);
    let folder = PathBuf::from(words.next().unwrap_or_else(|| "corpus".into()));
    let mut number = |default: usize| words.next().and_then(|word| word.parse().ok()).unwrap_or(default);
    let (components, environments) = (number(1029), number(corpus::ENVIRONMENTS.len()));
    let builtin = words.next().as_deref() == Some("builtin");
    let files = if builtin { corpus::builtin(components) } else { corpus::generate(components, environments) };
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let count = files.len();
    for (path, bytes) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        std::fs::write(path, bytes)?;
    }
    println!("{count} files, {:.1} MB in {}", bytes as f64 / 1e6, folder.display());
    Ok(())
}
