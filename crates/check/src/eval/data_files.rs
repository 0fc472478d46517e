//! Files that configuration reads as data, with `jsondecode(file(…))` or `yamldecode(file(…))`.

use std::sync::OnceLock;

use super::entries::Entries;
use super::run::{Evaluation, ScopeId};
use super::value::{Text, Value};
use super::world::join_path;
use super::{Failure, Outcome};
use crate::eval::expression::Frame;
use crate::hcl::{Expr, Node, Step};
use crate::named_files::is_data_name;
use crate::tree::FileTree;

/// What is larger was generated; it is not decoded for each environment.
const BYTES_MAX: usize = 256 << 10;
/// Values that one file may hold, and how deep they may be nested.
const VALUES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 32;

/// Locals that stand between `jsondecode` and `file`.
const LOCALS_MAX: usize = 3;

/// Stands before the paths that `path.module` and its like begin, which are paths from the root of the repository.
const FROM_ROOT: char = '\u{1}';

#[derive(Debug)]
struct DataFile<'a> {
    path: &'a str,
    text: &'a str,
    decoded: OnceLock<Option<serde_json::Value>>,
}

/// All of them, sorted by path, each decoded where the first expression asks for it.
#[derive(Debug, Default)]
pub(crate) struct DataFiles<'a>(Vec<DataFile<'a>>);

impl<'a> DataFiles<'a> {
    pub(crate) fn of(tree: &'a FileTree) -> DataFiles<'a> {
        let files = tree.files().iter().filter(|file| is_data_name(file.name()));
        let files = files.filter_map(|file| {
            let text = file.text().filter(|text| text.len() <= BYTES_MAX)?;
            Some(DataFile { path: file.path(), text, decoded: OnceLock::new() })
        });
        DataFiles(files.collect())
    }

    fn get(&self, path: &str) -> Option<&DataFile<'a>> {
        self.0.binary_search_by(|file| file.path.cmp(path)).ok().map(|at| &self.0[at])
    }
}

impl DataFile<'_> {
    fn decoded(&self) -> Option<&serde_json::Value> {
        self.decoded.get_or_init(|| decoded(self.text)).as_ref()
    }
}

/// JSON is YAML too, and quicker to read.
fn decoded(text: &str) -> Option<serde_json::Value> {
    let json = serde_json::from_str(text).ok();
    json.or_else(|| yaml_serde::from_str(text).ok())
}

impl<'a> Evaluation<'a> {
    /// The value of `jsondecode(node)` or `yamldecode(node)`.
    pub(super) fn decode(&self, scope: ScopeId, node: &'a Node<'a>, frame: Option<&Frame<'_, 'a>>) -> Outcome<'a> {
        let (mut node, mut frame) = (node, frame);
        for _ in 0..LOCALS_MAX {
            match &node.expr {
                Expr::Call("file", call) => {
                    let Some(path) = call.args.first() else { return Err(Failure) };
                    let file = self.path_of(scope, path, frame).and_then(|path| self.data().get(&path));
                    let value = file.and_then(DataFile::decoded).and_then(|json| value(json, &mut 0, 0));
                    return Ok(value.unwrap_or(Value::Unknown));
                }
                Expr::Path("local", steps) => match &steps[..] {
                    [Step::Attr(name)] => match self.module(scope).local(name) {
                        Some(local) => (node, frame) = (&local.attr.value, None),
                        None => return Ok(Value::Unknown),
                    },
                    _ => break,
                },
                _ => break,
            }
        }
        let Value::Str(text) = self.eval(scope, node, frame)? else { return Ok(Value::Unknown) };
        let json = (text.len() <= BYTES_MAX).then(|| decoded(&text)).flatten();
        Ok(json.and_then(|json| value(&json, &mut 0, 0)).unwrap_or(Value::Unknown))
    }

    /// The path from the root of the repository that an argument of `file` comes to.
    fn path_of(&self, scope: ScopeId, node: &'a Node<'a>, frame: Option<&Frame<'_, 'a>>) -> Option<String> {
        let place = |dir: &str| Value::text(format!("{FROM_ROOT}{dir}"));
        let root = self.module(Self::ROOT).dir;
        let places = [("module", place(self.module(scope).dir)), ("root", place(root)), ("cwd", place(root))];
        let places = places.into_iter().map(|(name, value)| (Text::Borrowed(name), value)).collect();
        let path = Frame { parent: frame, name: "path", value: Value::map(Entries::new(places)) };
        let Ok(Value::Str(text)) = self.eval(scope, node, Some(&path)) else { return None };
        match text.strip_prefix(FROM_ROOT) {
            Some(text) => join_path("", text),
            None if text.starts_with('/') => None,
            None => join_path(root, &text),
        }
    }
}

/// `None` where there is too much of it.
fn value<'a>(json: &serde_json::Value, count: &mut usize, depth: usize) -> Option<Value<'a>> {
    *count += 1;
    if *count > VALUES_MAX || depth > DEPTH_MAX {
        return None;
    }
    Some(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => Value::Number(number.as_f64()?),
        serde_json::Value::String(text) => Value::Str(Text::copied(text)),
        serde_json::Value::Array(items) => {
            Value::list(items.iter().map(|item| value(item, count, depth + 1)).collect::<Option<_>>()?)
        }
        serde_json::Value::Object(entries) => {
            let entry = |(key, inner): (&String, _)| Some((Text::copied(key), value(inner, count, depth + 1)?));
            Value::map(Entries::new(entries.iter().map(entry).collect::<Option<_>>()?))
        }
    })
}
