//! The texts inside of a variable's value. `TF_VAR_…` of a list, map or object is written as an expression, JSON or HCL, and Terraform
//! shows its parts one by one.

use hcl_edit::expr::Expression;

/// Every text and number within a value that is a list, a map or an object, and the text of one in quotes; nothing for a plain value.
pub fn leaves(value: &str) -> Vec<String> {
    let text = value.trim();
    if !text.starts_with(['[', '{', '"', '(']) {
        return Vec::new();
    }
    let mut found = Vec::new();
    // JSON first: its escapes are not all HCL's, and it has no templates.
    if let Ok(json) = serde_json::from_str(text) {
        of_json(&json, &mut found);
    } else if let Ok(expression) = text.parse::<Expression>() {
        of_hcl(&expression, &mut found);
    }
    found
}

fn of_json(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Number(number) => found.push(number.to_string()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| of_json(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| of_json(field, found)),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

fn of_hcl(expression: &Expression, found: &mut Vec<String>) {
    match expression {
        Expression::String(text) => found.push(text.value().clone()),
        Expression::Number(number) => found.push(number.value().to_string()),
        Expression::Array(items) => items.iter().for_each(|item| of_hcl(item, found)),
        Expression::Object(fields) => {
            for (_, value) in fields.iter() {
                of_hcl(value.expr(), found);
            }
        }
        Expression::Parenthesis(inner) => of_hcl(inner.inner(), found),
        Expression::HeredocTemplate(heredoc) => found.push(heredoc.template.to_string()),
        Expression::StringTemplate(template) => found.push(template.to_string()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_inside_of_lists_maps_and_objects_are_found_in_json_and_in_hcl() {
        let mut json = leaves(r#"{"user":"bob","deep":[{"token":"tok-\u0061bc"}],"pin":48151623,"on":true}"#);
        json.sort();
        assert_eq!(json, ["48151623", "bob", "tok-abc"]);
        assert_eq!(leaves("{ user = \"bob\", deep = [\"x\\ny\"], (\"k\") = (\"v\") }"), ["bob", "x\ny", "v"]);
        assert_eq!(leaves(" [ \"one\", \"two\" ] "), ["one", "two"]);
        assert_eq!(leaves("\"quoted\""), ["quoted"]);
    }

    #[test]
    fn a_plain_value_and_one_that_is_no_expression_have_none() {
        for value in ["plain", "{broken", "", "-----BEGIN KEY-----\nabc", "[not, closed"] {
            assert_eq!(leaves(value), Vec::<String>::new(), "{value}");
        }
    }
}
