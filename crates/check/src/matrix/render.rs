//! The table as text for a terminal, as Markdown for a pull request, and as JSON.

use super::{Cell, How, Matrix, Row};
use crate::render::visible;

/// Narrowest column of an environment.
const MIN_COLUMN: usize = 8;

impl Matrix {
    /// A table that fits `width` columns; values that are too long are cut. Rows that differ only by the environment's name are
    /// counted, not shown, unless `all`. With two environments each value is followed by its file and line.
    pub fn text(&self, width: usize, all: bool) -> String {
        let shown: Vec<&Row> = self.rows.iter().filter(|row| all || !row.by_name_only).collect();
        let hidden = self.rows.len() - shown.len();
        let mut out = String::new();
        if self.environments.len() < 2 {
            return "There are not two environments to compare.\n".into();
        }
        if shown.is_empty() {
            out.push_str(&format!("Nothing differs between {}.\n", self.environments.join(", ")));
        } else if self.environments.len() == 2 {
            self.pairs(&shown, &mut out);
        } else {
            self.table(&shown, width, &mut out);
        }
        if hidden > 0 {
            let plural = if hidden == 1 { "setting differs" } else { "settings differ" };
            out.push_str(&format!("\n{hidden} more {plural} only by the environment's name.\n"));
        }
        visible(&out).into_owned()
    }

    fn table(&self, rows: &[&Row], width: usize, out: &mut String) {
        let names: Vec<String> = rows.iter().map(|row| row.title()).collect();
        let first = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(width * 2 / 5);
        let columns = self.environments.len();
        let available = width.saturating_sub(first + 2 * columns) / columns;
        let widths: Vec<usize> = (0..columns)
            .map(|index| {
                let longest = rows.iter().map(|row| shown(&row.cells[index]).chars().count()).max().unwrap_or(0);
                longest.max(self.environments[index].chars().count()).min(available.max(MIN_COLUMN))
            })
            .collect();
        line(out, first, "", self.environments.iter().map(String::as_str).zip(&widths));
        for (row, name) in rows.iter().zip(&names) {
            let cells: Vec<String> = row.cells.iter().map(shown).collect();
            // A name that was cut could be any of several.
            let fits = name.chars().count() <= first;
            if !fits {
                out.push_str(&format!("{name}\n"));
            }
            line(out, first, if fits { name } else { "" }, cells.iter().map(String::as_str).zip(&widths));
            if !row.odd.is_empty() {
                out.push_str(&format!("{:first$}  ^ {}\n", "", row.odd.join("; ")));
            }
        }
    }

    fn pairs(&self, rows: &[&Row], out: &mut String) {
        let width = self.environments.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for row in rows {
            let odd = if row.odd.is_empty() { String::new() } else { format!("  ({})", row.odd.join("; ")) };
            out.push_str(&format!("{}{odd}\n", row.title()));
            for (environment, cell) in self.environments.iter().zip(&row.cells) {
                let origin = cell.origin.as_ref().map_or(String::new(), |at| format!("  {}:{}", at.path, at.line));
                out.push_str(&format!("  {environment:width$}  {}{origin}\n", shown(cell)));
            }
        }
    }

    /// A Markdown table of all rows that differ by more than the environment's name.
    pub fn markdown(&self) -> String {
        let mut out = format!(
            "| setting | {} | |\n|---|{}---|\n",
            self.environments.join(" | "),
            "---|".repeat(self.environments.len())
        );
        for row in self.rows.iter().filter(|row| !row.by_name_only) {
            let cells: Vec<String> = row.cells.iter().map(|cell| format!("`{}`", escaped(&shown(cell)))).collect();
            out.push_str(&format!(
                "| `{}` | {} | {} |\n",
                escaped(&row.title()),
                cells.join(" | "),
                escaped(&row.odd.join("; "))
            ));
        }
        visible(&out).into_owned()
    }

    /// One JSON object, indented, with a newline at its end.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl Row {
    /// Stack, group and name, as far as they are needed to tell rows apart.
    fn title(&self) -> String {
        let group = match self.group {
            super::Group::Variable | super::Group::Resource | super::Group::Setting => String::new(),
            group => format!("{} ", group.as_str()),
        };
        if self.stack.is_empty() {
            format!("{group}{}", self.name)
        } else {
            format!("{}: {group}{}", self.stack, self.name)
        }
    }
}

fn shown(cell: &Cell) -> String {
    match (&cell.value, cell.how) {
        (Some(value), How::Default) if value.is_empty() => "\"\" (default)".into(),
        (Some(value), How::Default) => format!("{value} (default)"),
        (Some(value), _) if value.is_empty() => "\"\"".into(),
        (Some(value), _) => value.clone(),
        (None, How::Absent) => "-".into(),
        (None, _) => "?".into(),
    }
}

fn line<'c>(out: &mut String, first: usize, name: &str, cells: impl Iterator<Item = (&'c str, &'c usize)>) {
    let mut text = format!("{name:first$}");
    for (cell, width) in cells {
        let width = *width;
        text.push_str(&format!("  {:width$}", cut(cell, width)));
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_string();
    }
    let mut out: String = text.chars().take(width.saturating_sub(2)).collect();
    out.push_str("..");
    out
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('`', "'")
}
