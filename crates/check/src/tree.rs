//! The text that is checked: paths and contents, and the places in them that findings point at.

use crate::backend_file::may_be_named;
use crate::elsewhere::is_worded;

use std::string::FromUtf8Error;

/// What a walk of a repository does with one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Read it and hand over its bytes.
    Content,
    /// Hand over the path with no bytes: that it is there is what matters.
    PathOnly,
    /// Leave it out.
    No,
}

/// Names of folders that hold no source of the project; a walk need not enter them.
pub const SKIPPED_FOLDERS: &[&str] =
    &[".git", ".terraform", ".terragrunt-cache", "node_modules", ".venv", "venv", "target", "vendor", "__pycache__"];

/// Says what to do with `path`, which is relative to the root of the repository and uses `/`.
///
/// A walk should leave out what git ignores, so that "committed" in a finding means committed.
pub fn wanted(path: &str) -> Wanted {
    if path.split('/').any(|part| SKIPPED_FOLDERS.contains(&part)) {
        return Wanted::No;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_state_name(name) || is_plan_name(name) {
        return Wanted::PathOnly;
    }
    let lower = name.to_ascii_lowercase();
    let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
    let by_name =
        matches!(lower.as_str(), "makefile" | "justfile" | ".justfile" | "gnumakefile" | ".gitignore" | "jenkinsfile");
    let by_extension =
        matches!(extension, "tf" | "tofu" | "tfvars" | "hcl" | "tfbackend" | "sh" | "bash" | "mk" | "just");
    const JSON: &[&str] = &[".tf.json", ".tfvars.json", ".tofu.json", ".tfbackend.json"];
    let json = JSON.iter().any(|end| lower.ends_with(end));
    let yaml = matches!(extension, "yml" | "yaml") && (workflow_folder(path).is_some() || is_action_name(&lower));
    if by_name
        || by_extension
        || json
        || yaml
        || is_script_path(path, extension)
        || is_worded(path)
        || may_be_named(&lower)
    {
        Wanted::Content
    } else {
        Wanted::No
    }
}

/// A shell script often has no extension when it stands in a folder that is named for it, or is named for what it does.
fn is_script_path(path: &str, extension: &str) -> bool {
    const FOLDERS: &[&str] = &["bin", "scripts", "script", "ci", ".ci", "hack", "ops", "tools"];
    const AT_ROOT: &[&str] = &["deploy", "do", "go", "ops", "release", "run", "task"];
    let plain = |name: &str| extension.is_empty() && !name.contains('.');
    match path.rsplit_once('/') {
        Some((folder, name)) => plain(name) && FOLDERS.contains(&folder.rsplit('/').next().unwrap_or(folder)),
        None => AT_ROOT.contains(&path),
    }
}

/// Whether GitHub runs what stands at `path`: workflows of the root alone.
pub(crate) fn is_workflow_path(path: &str) -> bool {
    workflow_folder(path) == Some("")
}

/// The folder above `.github/workflows`, for a path of a workflow; empty for the root.
pub(crate) fn workflow_folder(path: &str) -> Option<&str> {
    let (folder, name) = path.rsplit_once('/')?;
    let above = folder.strip_suffix(".github/workflows")?;
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let whole = above.is_empty() || above.ends_with('/');
    (yaml && whole).then(|| above.trim_end_matches('/'))
}

fn is_action_name(name: &str) -> bool {
    matches!(name, "action.yml" | "action.yaml")
}

pub(crate) fn is_state_name(name: &str) -> bool {
    name.ends_with(".tfstate")
        || name.ends_with(".tfstate.backup")
        || (name.contains(".tfstate.") && name.ends_with(".backup"))
}

pub(crate) fn is_plan_name(name: &str) -> bool {
    name.ends_with(".tfplan") || matches!(name, "tfplan" | "plan.out" | "plan.tfplan" | "tfplan.out" | "tf.plan")
}

/// One file: its path from the root of the repository, with `/`, and its text.
#[derive(Clone, Debug)]
pub struct File {
    path: String,
    /// Where the name begins in the path: asked for again and again.
    name_at: usize,
    /// The error holds bytes that are no UTF-8.
    content: Result<String, Vec<u8>>,
}

const BYTE_ORDER_MARK: char = '\u{FEFF}';

impl File {
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text after a byte order mark; `None` where the bytes are not UTF-8.
    pub fn text(&self) -> Option<&str> {
        let text = self.content.as_deref().ok()?;
        Some(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
    }

    /// The name after the last `/`.
    pub fn name(&self) -> &str {
        &self.path[self.name_at..]
    }

    /// The folder, with no slash at the end; empty for the root.
    pub fn dir(&self) -> &str {
        &self.path[..self.name_at.saturating_sub(1)]
    }

    /// 1-based line and column (in characters) of a byte offset into [`File::text`].
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let Some(text) = self.text() else { return (1, 1) };
        let offset = offset.min(text.len());
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before[line_start..].iter().filter(|byte| (**byte & 0xC0) != 0x80).count() + 1;
        (line, column)
    }
}

/// All files of one check, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct FileTree {
    files: Vec<File>,
}

impl FileTree {
    /// Takes (path, bytes) pairs; paths are relative to the root of the repository. Of two equal paths the later one stays.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> FileTree {
        let mut files: Vec<File> = files
            .into_iter()
            .map(|(path, bytes)| {
                let content = String::from_utf8(bytes).map_err(FromUtf8Error::into_bytes);
                let path = path.replace('\\', "/").trim_start_matches("./").to_string();
                let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
                File { path, name_at, content }
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.reverse();
        files.dedup_by(|a, b| a.path == b.path);
        files.reverse();
        FileTree { files }
    }

    /// Reads a listing: `--- path` lines, each followed by that file's content. The form of the examples in the rule catalogue, and
    /// of test trees.
    pub fn from_listing(listing: &str) -> FileTree {
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for line in listing.split_inclusive('\n') {
            match (line.strip_prefix("--- "), files.last_mut()) {
                (Some(path), _) => files.push((path.trim().to_string(), Vec::new())),
                (None, Some((_, content))) => content.extend_from_slice(line.as_bytes()),
                (None, None) => {}
            }
        }
        FileTree::new(files)
    }

    pub fn files(&self) -> &[File] {
        &self.files
    }

    pub fn get(&self, path: &str) -> Option<&File> {
        self.index_of(path).map(|index| &self.files[index])
    }

    pub(crate) fn index_of(&self, path: &str) -> Option<usize> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()
    }

    /// How many bytes of text there are in all.
    pub fn byte_count(&self) -> usize {
        self.files.iter().map(|file| file.content.as_ref().map_or_else(Vec::len, String::len)).sum()
    }
}
