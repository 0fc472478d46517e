//! Where a key stands in a tiers.toml, for whoever shows a resolved value together with its line.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The bytes of the value at this path, as `["environments", "prod", "memory_mb"]`. In a list of tables the part of the path is
/// the `name` of one of them. `None` where the text has nothing there.
pub fn locate(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let (first, rest) = path.split_first()?;
    let mut value = document.get_ref().get(*first)?;
    for part in rest {
        value = match value.get_ref() {
            DeValue::Table(table) => table.get(*part)?,
            DeValue::Array(entries) => entries.iter().find(|entry| name_of(entry.get_ref()) == Some(part))?,
            _ => return None,
        };
    }
    Some(value.span())
}

fn name_of<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    value.as_table()?.get("name")?.get_ref().as_str()
}

#[cfg(test)]
mod tests {
    use super::locate;

    #[test]
    fn a_key_is_found_by_its_path_and_a_table_of_a_list_by_its_name() {
        let text = "[environments.dev]\nmemory_mb = 512\n[[apps.api.gates]]\nname = \"smoke\"\nat = \"staged\"\n";
        let found = |path: &[&str]| locate(text, path).map(|span| &text[span]);
        assert_eq!(found(&["environments", "dev", "memory_mb"]), Some("512"));
        assert_eq!(found(&["apps", "api", "gates", "smoke", "at"]), Some("\"staged\""));
        assert_eq!(found(&["apps", "api", "gates", "other"]), None);
    }
}
