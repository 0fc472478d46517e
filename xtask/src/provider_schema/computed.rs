//! Reads what can only be read of a type: the declarations leave it out, and the script says it in comments.

use std::collections::BTreeMap;

/// What is computed, by the class that has it.
pub type Computed = BTreeMap<String, Vec<Attribute>>;

/// An attribute that only the provider sets.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    /// The class of its items, where it has any.
    pub class: Option<String>,
}

const ONLY_COMPUTED: &str = " - computed: true, optional: false, required: false";

pub fn of(script: &str) -> Computed {
    let mut out = Computed::new();
    let mut class = "";
    let mut lines = script.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("class ") {
            class = rest.split(' ').next().unwrap_or_default();
        } else if let Some(name) = line.strip_prefix("// ").and_then(|line| line.strip_suffix(ONLY_COMPUTED)) {
            let made = lines.next().and_then(|line| line.split_once(" = new ")).map(|(_, made)| made);
            let items = made.and_then(|made| made.split('(').next()).filter(|made| !made.starts_with("cdktf."));
            let class_of_items = items.map(|items| match items.strip_suffix("List") {
                Some(item) => format!("{item}OutputReference"),
                None => items.to_owned(),
            });
            out.entry(class.to_owned()).or_default().push(Attribute { name: name.to_owned(), class: class_of_items });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_the_classes_of_lists_are_found_in_their_class() {
        let script = "class SecretOutputReference extends cdktf.ComplexObject {
    // secret_arn - computed: true, optional: false, required: false
    get secretArn() {
class Cluster extends cdktf.TerraformResource {
        // secret - computed: true, optional: false, required: false
        this._secret = new SecretList(this, \"secret\", false);
        // restore - computed: false, optional: true, required: false
        this._restore = new RestoreOutputReference(this, \"restore\");
        // tags - computed: true, optional: false, required: false
        this._tags = new cdktf.StringMap(this, \"tags\");
";
        let found = of(script);
        let names = |class: &str| -> Vec<(&str, Option<&str>)> {
            found[class].iter().map(|it| (it.name.as_str(), it.class.as_deref())).collect()
        };
        assert_eq!(names("SecretOutputReference"), [("secret_arn", None)]);
        assert_eq!(names("Cluster"), [("secret", Some("SecretOutputReference")), ("tags", None)]);
    }
}
