//! Columns that line up, in plain text: two spaces between them, no lines, so that output can be cut and searched.

use super::style::Style;

/// One cell: its text, and how it is painted.
#[derive(Clone, Debug)]
pub struct Cell {
    pub text: String,
    pub paint: fn(Style, &str) -> String,
}

/// A cell without colour.
pub fn plain(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), paint: |_, text| text.to_owned() }
}

/// A painted cell.
pub fn painted(text: impl Into<String>, paint: fn(Style, &str) -> String) -> Cell {
    Cell { text: text.into(), paint }
}

/// Renders rows under a head, each line with a newline.
pub fn table(head: &[&str], rows: &[Vec<Cell>], style: Style) -> String {
    let mut widths: Vec<usize> = head.iter().map(|text| text.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
    let mut out = String::new();
    let head: Vec<Cell> = head.iter().map(|text| painted(*text, Style::dim)).collect();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                line.push_str("  ");
            }
            line.push_str(&(cell.paint)(style, &cell.text));
            if at + 1 < row.len() {
                line.extend(std::iter::repeat_n(' ', widths[at].saturating_sub(cell.text.chars().count())));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_at_their_end() {
        let rows = vec![vec![plain("dev"), plain("r-1")], vec![plain("staging"), plain("")]];
        assert_eq!(
            table(&["environment", "release"], &rows, Style::PLAIN),
            "environment  release\ndev          r-1\nstaging\n"
        );
    }
}
