//! The table as text for a terminal, as Markdown for a pull request, and as JSON.

use super::{Cell, How, Matrix, Row};
use crate::render::visible;

/// Narrowest column of an environment.
const MIN_COLUMN: usize = 8;

impl Matrix {
    /// A table that fits `width` columns; values that are too long for that are listed below their row's name. Rows that differ only by the environment's name are
    /// counted, not shown, unless `all`. With two environments each value is followed by its file and line.
    pub fn text(&self, width: usize, all: bool) -> String {
        let shown: Vec<&Row> = self.rows.iter().filter(|row| all || !row.by_name_only).collect();
        let hidden = self.rows.len() - shown.len();
        let mut out = String::new();
        if self.environments.len() < 2 {
            return "There are not two environments to compare.\n".into();
        }
        if self.apart {
            let names = self.environments.join(" and ");
            out.push_str(&format!("{names} have no root module in common, so there is nothing to compare.\n"));
        } else if shown.is_empty() {
            let names = self.environments.join(", ");
            out.push_str(&format!("Nothing that is known before Terraform runs differs between {names}.\n"));
        } else if self.environments.len() == 2 {
            self.pairs(&shown, width, &mut out);
        } else {
            self.table(&shown, width, &mut out);
        }
        if hidden > 0 {
            let plural = if hidden == 1 { "setting differs" } else { "settings differ" };
            let more = if shown.is_empty() { "" } else { "more " };
            out.push_str(&format!("\n{hidden} {more}{plural} only by the environment's name.\n"));
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
            let odd = row.odd.join("; ");
            if cells.iter().zip(&widths).any(|(cell, width)| cell.chars().count() > *width) {
                self.block(row, (name, &odd), &cells, width, out);
                continue;
            }
            // A name that was cut could be any of several.
            let fits = name.chars().count() <= first;
            if !fits {
                out.push_str(&format!("{name}\n"));
            }
            line(out, first, if fits { name } else { "" }, cells.iter().map(String::as_str).zip(&widths));
            if !odd.is_empty() {
                out.push_str(&format!("{:first$}  ^ {odd}\n", ""));
            }
        }
    }

    /// A row whose values do not fit their columns: a line for each, environments that agree on one.
    fn block(&self, row: &Row, (name, odd): (&str, &str), cells: &[String], width: usize, out: &mut String) {
        out.push_str(&format!("{name}\n"));
        let mut lines: Vec<(Vec<&str>, &String)> = Vec::new();
        let there = self.environments.iter().zip(&row.cells).zip(cells);
        for ((environment, _), cell) in there.filter(|((_, cell), _)| cell.how != How::Outside) {
            match lines.iter_mut().find(|(_, known)| *known == cell) {
                Some((names, _)) => names.push(environment),
                None => lines.push((vec![environment], cell)),
            }
        }
        let names: Vec<String> = lines.iter().map(|(names, _)| names.join(", ")).collect();
        let column = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let room = width.saturating_sub(column + 4).max(4 * MIN_COLUMN);
        let values: Vec<&str> = lines.iter().map(|(_, value)| value.as_str()).collect();
        for (name, value) in names.iter().zip(cut(&values, room)) {
            out.push_str(&format!("  {name:column$}  {value}\n"));
        }
        if !odd.is_empty() {
            out.push_str(&format!("  {:column$}  ^ {odd}\n", ""));
        }
    }

    /// Both values below the row's name, each with its file and line, aligned where that fits.
    fn pairs(&self, rows: &[&Row], width: usize, out: &mut String) {
        let column = self.environments.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for row in rows {
            out.push_str(&format!("{}\n", row.title()));
            let origins: Vec<String> = row
                .cells
                .iter()
                .map(|cell| cell.origin.as_ref().map_or(String::new(), |at| format!("{}:{}", at.path, at.line)))
                .collect();
            let cells: Vec<String> = row.cells.iter().map(shown).collect();
            let taken = column + 6 + origins.iter().map(|origin| origin.chars().count()).max().unwrap_or(0);
            let room = width.saturating_sub(taken).max(4 * MIN_COLUMN);
            let values = cut(&cells.iter().map(String::as_str).collect::<Vec<_>>(), room);
            let longest = values.iter().map(|value| value.chars().count()).max().unwrap_or(0);
            for ((environment, value), origin) in self.environments.iter().zip(&values).zip(&origins) {
                let line = format!("  {environment:column$}  {value:longest$}  {origin}");
                out.push_str(line.trim_end());
                out.push('\n');
            }
            if !row.odd.is_empty() {
                out.push_str(&format!("  {:column$}  ^ {}\n", "", row.odd.join("; ")));
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
            let code = |cell: &Cell| match shown(cell) {
                text if text.is_empty() => text,
                text => format!("`{}`", escaped(&text)),
            };
            let cells: Vec<String> = row.cells.iter().map(code).collect();
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
        match (self.stack.as_str(), self.also.len()) {
            ("", _) => format!("{group}{}", self.name),
            (stack, 0) => format!("{stack}: {group}{}", self.name),
            (stack, others) => format!("{stack} and {others} more: {group}{}", self.name),
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
        (None, How::Outside) => String::new(),
        (None, _) => "?".into(),
    }
}

fn line<'c>(out: &mut String, first: usize, name: &str, cells: impl Iterator<Item = (&'c str, &'c usize)>) {
    let mut text = format!("{name:first$}");
    for (cell, width) in cells {
        let width = *width;
        text.push_str(&format!("  {cell:width$}"));
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Values that fit `width`. What they have in common at their beginning goes first where one is too long: the rest is what a
/// reader came for.
fn cut(values: &[&str], width: usize) -> Vec<String> {
    let common = values.windows(2).map(|pair| common_start(pair[0], pair[1])).min().unwrap_or(0);
    let room = width.saturating_sub(4);
    let one = |value: &&str| {
        let long = value.chars().count();
        if long <= width {
            return (*value).to_owned();
        }
        // A few characters before the difference show where one is.
        let from = common.saturating_sub(12).min(long - room);
        let lead = if from == 0 { "" } else { ".." };
        let tail = if from + room < long { ".." } else { "" };
        let middle: String = value.chars().skip(from).take(room).collect();
        format!("{lead}{middle}{tail}")
    };
    values.iter().map(one).collect()
}

fn common_start(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('`', "'")
}
