//! Values of Terraform variables, for a setting that is taken from an environment's variables file.

use std::collections::BTreeMap;

use crate::eval::literal;
use crate::hcl;

/// Why a variables file can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct UnreadableValues {
    /// From 1.
    pub line: usize,
    pub message: String,
}

/// The variables that a file gives a text, a number or a boolean, each as text. Lists, maps and null are left out. `name` tells
/// HCL (`.tfvars`) from JSON (`.tfvars.json`).
pub fn plain_values(name: &str, text: &str) -> Result<BTreeMap<String, String>, UnreadableValues> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let body = match name.ends_with(".json") {
        true => hcl::parse_json_values(text),
        false => hcl::parse(text),
    };
    let body = body.map_err(|error| UnreadableValues {
        line: text.get(..error.offset).unwrap_or(text).matches('\n').count() + 1,
        message: error.message,
    })?;
    let plain = body.attrs.iter().filter_map(|attr| Some((attr.name, literal(&attr.value).to_text()?)));
    Ok(plain.map(|(name, value)| (name.to_owned(), value.to_string())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_numbers_and_booleans_are_told_and_nothing_else() {
        let text = "\u{feff}memory = 512\r\nname = \"api\"\r\non = true\r\nratio = 0.5\r\nlist = [1]\r\nmap = { a = 1 }\r\nnone = null\r\n";
        let told = plain_values("dev.tfvars", text).expect("readable");
        let told: Vec<(&str, &str)> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(told, [("memory", "512"), ("name", "api"), ("on", "true"), ("ratio", "0.5")]);
        assert_eq!(plain_values("dev.tfvars.json", "{\"memory\": 512}").expect("readable")["memory"], "512");
    }

    #[test]
    fn a_file_that_is_broken_is_an_error_with_its_line() {
        assert_eq!(plain_values("dev.tfvars", "a = 1\nb = \n").expect_err("broken").line, 2);
    }
}
