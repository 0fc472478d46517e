//! What a data directory is bound to, and what the files say that it should be bound to.
//!
//! Terraform writes the backend that it was initialised with into `$TF_DATA_DIR/terraform.tfstate`, under `backend.config`. After
//! an `init` that failed it still holds the one before, and every plan goes there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Body, Structure};
use serde_json::Value;

/// A backend as a data directory holds it. Its values may be credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub kind: String,
    pub config: BTreeMap<String, Value>,
    /// The workspace that is selected; `default` unless somebody chose another.
    pub workspace: String,
}

/// Why a binding, or a file that declares one, can't be read.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    #[error("{path} can't be read: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{path} is not what Terraform writes: {why}")]
    Foreign { path: PathBuf, why: String },
    #[error("{path} can't be read as Terraform reads it: {why}")]
    Syntax { path: PathBuf, why: String },
}

/// What this data directory is bound to; `None` where it was never initialised with a backend.
pub fn bound(data: &Path) -> Result<Option<Bound>, BindingError> {
    let path = data.join("terraform.tfstate");
    let Some(text) = read(&path)? else { return Ok(None) };
    let foreign = |why: String| BindingError::Foreign { path: path.clone(), why };
    let written: Value = serde_json::from_str(&text).map_err(|error| foreign(error.to_string()))?;
    if !written.get("version").is_some_and(Value::is_number) {
        return Err(foreign("no version".to_owned()));
    }
    let Some(backend) = written.get("backend").filter(|backend| !backend.is_null()) else { return Ok(None) };
    let kind = backend.get("type").and_then(Value::as_str).ok_or_else(|| foreign("no backend.type".to_owned()))?;
    let config = backend.get("config").and_then(Value::as_object);
    let config = config.ok_or_else(|| foreign("no backend.config".to_owned()))?;
    let workspace = read(&data.join("environment"))?.map(|name| name.trim().to_owned());
    Ok(Some(Bound {
        kind: kind.to_owned(),
        config: config.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        workspace: workspace.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned()),
    }))
}

/// A backend's type and its settings, as they are declared.
pub type Declared = (String, BTreeMap<String, Value>);

/// The kind of backend that the root module declares, and the settings that its `backend` block and the backend file give
/// together, as `init -backend-config` merges them; `None` for a root module without such a block.
pub fn declared(root: &Path, file: Option<&Path>) -> Result<Option<Declared>, BindingError> {
    let Some((kind, mut settings)) = of_module(root)? else { return Ok(None) };
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|error| BindingError::Io { path: path.to_owned(), error })?;
        settings.extend(match path.extension().is_some_and(|extension| extension == "json") {
            true => json_settings(path, &text)?,
            false => literals(&parse(path, &text)?, path)?,
        });
    }
    Ok(Some((kind, settings)))
}

/// The file that a path of the `local` backend leads to: whole, without links, as far as it exists. `None` is Terraform's own choice.
pub fn local_state(root: &Path, path: Option<&str>) -> PathBuf {
    let path = root.join(path.filter(|path| !path.is_empty()).unwrap_or("terraform.tfstate"));
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => continue,
            // Behind a link that was followed below, so it is the folder that Terraform goes to, too.
            Component::ParentDir => drop(whole.pop()),
            other => whole.push(other),
        }
        if let Ok(real) = whole.canonicalize() {
            whole = real;
        }
    }
    whole
}

fn of_module(root: &Path) -> Result<Option<Declared>, BindingError> {
    let entries = fs::read_dir(root).map_err(|error| BindingError::Io { path: root.to_owned(), error })?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let found = if name.ends_with(".tf") || name.ends_with(".tofu") {
            let Some(text) = read(&path)? else { continue };
            // Most files of a module hold no such block, and a file that can't be parsed is Terraform's to complain about.
            if text.contains("backend") { of_hcl(&path, &text)? } else { None }
        } else if name.ends_with(".tf.json") || name.ends_with(".tofu.json") {
            read(&path)?.and_then(|text| of_json(&text))
        } else {
            None
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn of_hcl(path: &Path, text: &str) -> Result<Option<Declared>, BindingError> {
    let body = parse(path, text)?;
    let blocks = |body: &Body, name: &'static str| {
        let blocks = body.iter().filter_map(Structure::as_block);
        blocks.filter(|block| block.ident.as_str() == name).cloned().collect::<Vec<_>>()
    };
    for terraform in blocks(&body, "terraform") {
        if let Some(backend) = blocks(&terraform.body, "backend").into_iter().next() {
            let kind = backend.labels.first().map(|label| label.as_str().to_owned()).unwrap_or_default();
            return Ok(Some((kind, literals(&backend.body, path)?)));
        }
    }
    Ok(None)
}

fn of_json(text: &str) -> Option<(String, BTreeMap<String, Value>)> {
    let value: Value = serde_json::from_str(text).ok()?;
    let first = |value: &Value| value.as_array().map_or(Some(value.clone()), |list| list.first().cloned());
    let backend = first(&first(value.get("terraform")?)?.get("backend")?.clone())?;
    let (kind, settings) = backend.as_object()?.iter().next()?;
    let settings = first(settings)?;
    Some((kind.clone(), settings.as_object()?.iter().map(|(name, value)| (name.clone(), value.clone())).collect()))
}

/// A backend file in JSON, which `init -backend-config` takes as well.
fn json_settings(path: &Path, text: &str) -> Result<BTreeMap<String, Value>, BindingError> {
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text))
        .map_err(|error| BindingError::Syntax { path: path.to_owned(), why: error.to_string() })
}

fn read(path: &Path) -> Result<Option<String>, BindingError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BindingError::Io { path: path.to_owned(), error }),
    }
}

fn parse(path: &Path, text: &str) -> Result<Body, BindingError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.parse().map_err(|error: hcl_edit::parser::Error| {
        let at = error.location();
        let line = text.lines().nth(at.line().saturating_sub(1)).unwrap_or_default();
        let why = format!(
            "line {}, column {}: {}\n  {}\n  {}^",
            at.line(),
            at.column(),
            error.message(),
            line.replace('\t', " "),
            " ".repeat(at.column().saturating_sub(1))
        );
        BindingError::Syntax { path: path.to_owned(), why }
    })
}

/// The settings of a body: literals, and blocks as objects. Terraform allows nothing else in a backend.
fn literals(body: &Body, path: &Path) -> Result<BTreeMap<String, Value>, BindingError> {
    let mut settings = BTreeMap::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let name = attribute.key.as_str();
                let value = literal(&attribute.value).ok_or_else(|| BindingError::Syntax {
                    path: path.to_owned(),
                    why: format!("`{name}` is not a literal, and a backend takes nothing else"),
                })?;
                settings.insert(name.to_owned(), value);
            }
            Structure::Block(block) => {
                let inner = literals(&block.body, path)?;
                settings.insert(block.ident.as_str().to_owned(), Value::Object(inner.into_iter().collect()));
            }
        }
    }
    Ok(settings)
}

fn literal(expression: &Expression) -> Option<Value> {
    match expression {
        Expression::Null(_) => Some(Value::Null),
        Expression::Bool(value) => Some(Value::Bool(*value.value())),
        Expression::String(value) => Some(Value::String(value.value().clone())),
        Expression::Number(value) => serde_json::from_str(&value.value().to_string()).ok(),
        Expression::Array(items) => items.iter().map(literal).collect::<Option<Vec<_>>>().map(Value::Array),
        Expression::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| {
                let key = match key {
                    ObjectKey::Ident(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(Expression::String(name)) => name.value().clone(),
                    ObjectKey::Expression(_) => return None,
                };
                Some((key, literal(value.expr())?))
            });
            fields.collect::<Option<serde_json::Map<_, _>>>().map(Value::Object)
        }
        Expression::Parenthesis(inner) => literal(inner.inner()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backend_file_completes_the_block_of_the_module_and_wins() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("a.tf"), "resource \"null_resource\" \"a\" {}\n").expect("a file");
        let module = "terraform {\n  required_version = \">= 1.4\"\n  backend \"s3\" {\n    region  = \"eu-central-1\"\n    encrypt = true\n  }\n}\n";
        fs::write(dir.path().join("main.tf"), module).expect("a file");
        let file = dir.path().join("backend.hcl");
        fs::write(&file, "\u{feff}bucket = \"state\"\r\nregion = \"us-east-1\"\r\nendpoints = { s3 = \"http://x\" }\r\nmax_retries = 5\r\n")
            .expect("a file");
        let (kind, settings) = declared(dir.path(), Some(&file)).expect("readable").expect("a backend");
        assert_eq!(kind, "s3");
        let shown = serde_json::to_string(&settings).expect("JSON");
        let expected =
            r#"{"bucket":"state","encrypt":true,"endpoints":{"s3":"http://x"},"max_retries":5,"region":"us-east-1"}"#;
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_module_without_a_backend_block_has_none_and_a_variable_in_a_backend_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("main.tf"), "locals { backend = 1 }\n").expect("a file");
        assert_eq!(declared(dir.path(), None).expect("readable"), None);
        fs::write(dir.path().join("main.tf"), "terraform {\n  backend \"s3\" {\n    key = var.key\n  }\n}\n")
            .expect("a file");
        let error = declared(dir.path(), None).expect_err("refused").to_string();
        assert!(error.contains("`key` is not a literal"), "{error}");
        fs::write(dir.path().join("main.tf"), "terraform {\n  backend \"s3\" {}\n\tx = = 1\n}\n").expect("a file");
        let error = declared(dir.path(), None).expect_err("no Terraform").to_string();
        assert!(
            error.contains("main.tf can't be read as Terraform reads it: line 3, column 6")
                && error.contains("   x = = 1\n       ^"),
            "{error}"
        );
        fs::write(dir.path().join("main.tf"), "terraform {\n  backend \"s3\" {}\n}\n").expect("a file");
        fs::write(dir.path().join("backend.json"), r#"{"bucket": "b", "key": "k"}"#).expect("a file");
        let (_, settings) =
            declared(dir.path(), Some(&dir.path().join("backend.json"))).expect("readable").expect("one");
        assert_eq!(settings, [("bucket".to_owned(), "b".into()), ("key".to_owned(), "k".into())].into());
        fs::remove_file(dir.path().join("main.tf")).expect("removed");
        fs::write(dir.path().join("main.tf.json"), r#"{"terraform": [{"backend": {"gcs": {"bucket": "b"}}}]}"#)
            .expect("a file");
        assert_eq!(declared(dir.path(), None).expect("readable").map(|(kind, _)| kind), Some("gcs".to_owned()));
    }

    #[test]
    fn every_spelling_of_a_local_path_leads_to_the_same_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a path").join("infra");
        fs::create_dir_all(root.join("states")).expect("a folder");
        std::os::unix::fs::symlink(root.join("states"), root.join("link")).expect("a link");
        let one = root.join("states/one.tfstate");
        let absolute = one.display().to_string();
        for path in
            ["states/one.tfstate", "./states//one.tfstate", "link/one.tfstate", "link/../states/one.tfstate", &absolute]
        {
            assert_eq!(local_state(&root, Some(path)), one, "{path}");
        }
        // A file that is there and a link to it, and the one that Terraform takes by itself.
        fs::write(&one, "{}").expect("a file");
        std::os::unix::fs::symlink(&one, root.join("terraform.tfstate")).expect("a link");
        assert_eq!(local_state(&root, None), one);
        assert_eq!(local_state(&root, Some("new/./b.tfstate")), root.join("new/b.tfstate"));
    }

    #[test]
    fn a_directory_that_was_never_initialised_is_bound_to_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(bound(dir.path()).expect("readable"), None);
        for torn in ["{", "{}", "[]", r#"{"backend": {"type": "s3", "config": {}}}"#] {
            fs::write(dir.path().join("terraform.tfstate"), torn).expect("a file");
            assert!(matches!(bound(dir.path()), Err(BindingError::Foreign { .. })), "{torn}");
        }
        fs::write(dir.path().join("terraform.tfstate"), r#"{"version": 3}"#).expect("a file");
        assert_eq!(bound(dir.path()).expect("readable"), None);
    }
}
