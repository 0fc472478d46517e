//! docs/rules.md: the whole catalogue for people who read it in a browser.

use super::text::capitalised;
use crate::rule::{Family, Rule, rules};

/// The page as Markdown, with a newline at its end.
pub fn catalogue() -> String {
    let mut out = String::from(HEAD);
    for family in Family::ALL {
        let of_family: Vec<&Rule> = rules().iter().filter(|rule| rule.family == family).collect();
        out.push_str(&format!("\n## {}\n\n| rule | severity | |\n|---|---|---|\n", capitalised(family.as_str())));
        for rule in &of_family {
            let row = format!("| [`{0}`](#{0}) | {1} | {2} |\n", rule.id, rule.severity.as_str(), cell(rule.title));
            out.push_str(&row);
        }
        for rule in of_family {
            out.push_str(&section(rule));
        }
    }
    out
}

const HEAD: &str = "# The rules of `tiers check`

This page is generated from the catalogue that `tiers explain RULE` prints. Every example here is run by the tests: on the bad one
the rule speaks, on the good one no rule says anything worse than a hint. `--- path` begins a file.

An *error* will break or endanger an environment, a *warning* will hurt one day, a *hint* is taste. The severity of a rule is that of
its worst finding; where the evidence is thinner, a finding is milder. Where a value is not known before Terraform runs, the rules
that need it are quiet.

To accept a finding, write the reason beside it, on the same line or the one above, or for a whole file:

```hcl
# tiers:ignore name-collides each environment has an account of its own
# tiers:ignore-file hard-coded-account this file is read in prod only
```

or in tiers.toml, for a file, a folder, a glob, or everywhere:

```toml
[[check.ignore]]
rule   = \"name-collides\"
path   = \"terraform/legacy\"
reason = \"goes away with the move\"
```

Without a reason nothing is accepted.
";

fn section(rule: &Rule) -> String {
    format!(
        "\n### {}\n\n{} ({}). {}\n\n**Fix.** {}\n\n{}\n\nBad:\n\n```text\n{}```\n\nGood:\n\n```text\n{}```\n",
        rule.id,
        capitalised(rule.title),
        rule.severity.as_str(),
        rule.consequence,
        rule.fix,
        rule.explanation,
        rule.bad,
        rule.good,
    )
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
