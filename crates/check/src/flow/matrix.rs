//! The jobs that a matrix makes, where its values are written in the workflow.

use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::job::Matrix;

/// More jobs than this are not told apart.
const MAX_JOBS: usize = 64;

/// One job of a matrix: what each `matrix.NAME` stands for in it, with dots for what is inside of objects.
pub(crate) type Combination = Vec<(String, String)>;

/// `None` where a part is computed when the workflow runs.
pub(crate) fn combinations(matrix: &Matrix) -> Option<Vec<Combination>> {
    let LoE::Literal(dimensions) = &matrix.dimensions else { return None };
    let mut out: Vec<Combination> = vec![Vec::new()];
    for (name, values) in dimensions {
        let values: Vec<Combination> = match values {
            LoE::Literal(values) => values.iter().map(|value| flat(name, value)).collect(),
            LoE::Expr(expression) => {
                listed(expression.as_bare())?.into_iter().map(|text| vec![(name.clone(), text)]).collect()
            }
        };
        out = out.iter().flat_map(|before| values.iter().map(move |value| [&before[..], value].concat())).collect();
        if out.len() > MAX_JOBS {
            return None;
        }
    }
    let LoE::Literal(include) = &matrix.include else { return None };
    if dimensions.is_empty() && !include.is_empty() {
        out.clear();
    }
    let names: Vec<&str> = dimensions.keys().map(String::as_str).collect();
    for entry in include {
        let entry: Combination = entry.iter().flat_map(|(name, value)| flat(name, value)).collect();
        let original = |(name, _): &&(String, String)| names.contains(&name.as_str());
        let fits = |job: &Combination| entry.iter().filter(original).all(|pair| job.contains(pair));
        if !names.is_empty() && out.iter().any(&fits) {
            out.iter_mut().filter(|job| fits(job)).for_each(|job| job.extend(entry.clone()));
        } else {
            out.push(entry);
        }
    }
    let LoE::Literal(exclude) = &matrix.exclude else { return None };
    for entry in exclude {
        let entry: Combination = entry.iter().flat_map(|(name, value)| flat(name, value)).collect();
        out.retain(|job| !entry.iter().all(|pair| job.contains(pair)));
    }
    Some(out)
}

/// The texts of `fromJSON('["a", "b"]')`.
fn listed(expression: &str) -> Option<Vec<String>> {
    let inner =
        expression.trim().strip_prefix("fromJSON('").or_else(|| expression.trim().strip_prefix("fromJson('"))?;
    let json = inner.strip_suffix("')")?.replace("''", "'");
    serde_json::from_str(&json).ok()
}

fn flat(name: &str, value: &yaml_serde::Value) -> Combination {
    match value {
        yaml_serde::Value::Mapping(inner) => inner
            .iter()
            .filter_map(|(key, value)| Some((key.as_str()?, value)))
            .flat_map(|(key, value)| flat(&format!("{name}.{key}"), value))
            .collect(),
        yaml_serde::Value::String(text) => vec![(name.to_string(), text.clone())],
        yaml_serde::Value::Bool(value) => vec![(name.to_string(), value.to_string())],
        yaml_serde::Value::Number(value) => vec![(name.to_string(), value.to_string())],
        _ => Vec::new(),
    }
}
