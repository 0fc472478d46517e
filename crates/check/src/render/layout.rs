//! What `tiers check --explain-discovery` prints.

use crate::layout::Layout;

use super::visible::visible;

/// Every stack with its environments and files, then the notes.
pub fn layout(layout: &Layout) -> String {
    let mut out = match layout.environments.len() {
        0 => "No environments were found.\n".to_string(),
        _ => format!("Environments, first stage first: {}\n", layout.environments.join(", ")),
    };
    for stack in &layout.stacks {
        out.push_str(&format!("\n{}: {}\n", stack.name, stack.shape.as_str()));
        for instance in &stack.instances {
            let backend = instance.backend.as_deref().unwrap_or("none");
            out.push_str(&format!(
                "  {:<12} root {}\n",
                instance.environment.as_deref().unwrap_or("-"),
                shown(&instance.root)
            ));
            out.push_str(&format!("  {:<12} backend {backend}", ""));
            for (name, value) in instance.settings.iter().filter(|(name, _)| is_telling(name)) {
                out.push_str(&format!(" {name}={value}"));
            }
            out.push('\n');
            for (what, files) in [("values", &instance.var_files), ("backend file", &instance.backend_files)] {
                for file in files {
                    out.push_str(&format!("  {:<12} {what} {file}\n", ""));
                }
            }
        }
    }
    if !layout.modules.is_empty() {
        let modules: Vec<&str> = layout.modules.iter().map(|path| shown(path)).collect();
        out.push_str(&format!("\nModules that others call: {}\n", modules.join(", ")));
    }
    if !layout.notes.is_empty() {
        out.push_str("\nNotes:\n");
        for note in &layout.notes {
            out.push_str(&format!("  {}: {}\n", shown(&note.path), note.says));
        }
    }
    out.push_str(
        "\n[terraform] in tiers.toml corrects this: root, backend and var_file, with {environment} in them.\n",
    );
    visible(&out).into_owned()
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

/// Settings that tell one state from another; the rest may hold credentials.
fn is_telling(name: &str) -> bool {
    matches!(
        name,
        "bucket"
            | "key"
            | "prefix"
            | "container_name"
            | "storage_account_name"
            | "dynamodb_table"
            | "use_lockfile"
            | "path"
            | "organization"
            | "workspaces.name"
            | "workspaces.prefix"
    )
}
