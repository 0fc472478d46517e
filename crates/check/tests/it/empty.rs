//! Values that are empty in one environment: forgotten, or left out on purpose.

use tiers_check::{FileTree, Options, Severity, check};

fn worst(variable: &str, prod: &str) -> Option<Severity> {
    let listing = format!(
        "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"email\" {{\n  type = string\n  {variable}\n}}\noutput \"o\" {{\n  value = var.email\n}}\n\
         --- dev.tfvars\nemail = \"dev@acme.example\"\n--- prod.tfvars\nemail = {prod}\n"
    );
    let report = check(&FileTree::from_listing(&listing), &Options::default());
    report.findings.iter().filter(|finding| finding.rule == "value-empty").map(|finding| finding.severity).max()
}

#[test]
fn null_where_null_is_the_default_leaves_a_setting_out() {
    assert_eq!(worst("default = null", "null"), None);
    // Null means the default here, which is no emptiness.
    assert_eq!(worst("default = \"a@b\"\n  nullable = false", "null"), None);
    assert_eq!(worst("default = \"a@b\"", "null"), Some(Severity::Warning));
    assert_eq!(worst("default = null", "\"\""), Some(Severity::Hint));
    assert_eq!(worst("", "\"\""), Some(Severity::Warning));
}
