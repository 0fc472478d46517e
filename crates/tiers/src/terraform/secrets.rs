//! Which values never appear in what Terraform says, in what is recorded of it and in what is printed: those of variables that carry
//! secrets. They reach Terraform through its environment alone, never as an argument, which every user of the machine could read.

use tiers_core::config::{Environment, Place};
use tiers_core::redact::Redactor;
use tiers_edge::terraform::leaves;

/// Parts of names of variables that carry secrets.
const TELLING: [&str; 7] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PRIVATE_KEY", "API_KEY", "CREDENTIAL"];

/// A word or a number below this is left in a text, unless the variable's name says that it is a secret: `state`, `true` and `8080`
/// would take half of every plan with them.
const SHORTEST_PLAIN_BYTES: usize = 8;

/// A redactor for the values of every `TF_VAR_…`, with the texts inside of lists and objects, and of every variable whose name says
/// that it is a secret.
///
/// Terraform's variables hold harmless values as well, and the environment's own name, account and region stay readable.
pub fn redactor(environment: &Environment) -> Redactor {
    let mut harmless = vec![environment.name.to_string()];
    if let Place::Aws { account, region } = &environment.place {
        harmless.extend([account.clone(), region.clone()]);
    }
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Redactor::new(secrets(variables, &harmless))
}

fn secrets(variables: impl Iterator<Item = (String, String)>, harmless: &[String]) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, value) in variables {
        let is_told = TELLING.iter().any(|part| name.to_uppercase().contains(part));
        let parts = if name.starts_with("TF_VAR_") { leaves(&value) } else { Vec::new() };
        if is_told || name.starts_with("TF_VAR_") {
            let all = std::iter::once(value).chain(parts);
            let hidden = |value: &String| !harmless.contains(value) && !is_plain(value, is_told);
            secrets.extend(all.filter(hidden));
        }
    }
    secrets
}

/// True for what is no secret by itself.
fn is_plain(value: &str, is_told: bool) -> bool {
    let is_constant = ["true", "false", "null"].iter().any(|constant| value.eq_ignore_ascii_case(constant));
    let is_word = value.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_number = value.parse::<f64>().is_ok();
    is_constant || (!is_told && value.len() < SHORTEST_PLAIN_BYTES && (is_word || is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(name: &str, value: &str) -> Vec<String> {
        secrets(std::iter::once((name.to_owned(), value.to_owned())), &["staging".to_owned()])
    }

    #[test]
    fn values_of_variables_and_the_texts_inside_of_them_are_secrets_and_plain_words_are_not() {
        assert_eq!(hidden("TF_VAR_db", "hunter2"), ["hunter2"]);
        let object = r#"{"token":"tok-abcdef-99","on":"true","port":8080,"mode":"state"}"#;
        assert_eq!(hidden("TF_VAR_obj", object), [object, "tok-abcdef-99"]);
        for plain in ["true", "FALSE", "null", "state", "8080", "1.5", "staging"] {
            assert_eq!(hidden("TF_VAR_mode", plain), Vec::<String>::new(), "{plain}");
        }
        // A name may say that a plain word is one.
        assert_eq!(hidden("TF_VAR_db_password", "monkey"), ["monkey"]);
        assert_eq!(hidden("TF_VAR_tokens", "[\"alpha\", \"beta\"]")[1..], ["alpha", "beta"]);
        assert_eq!(hidden("TF_VAR_password_set", "true"), Vec::<String>::new());
        assert_eq!(hidden("AWS_SECRET_ACCESS_KEY", "abcdefghijk"), ["abcdefghijk"]);
        assert_eq!(hidden("HOME", "/home/erika-the-second"), Vec::<String>::new());
    }
}
