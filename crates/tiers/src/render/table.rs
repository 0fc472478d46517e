//! Columns that line up, in plain text: two spaces between them, no lines, so that output can be cut and searched.

use std::io::IsTerminal as _;

use super::style::Style;
use super::wrap;

/// Columns that a broken column keeps in any case.
const NARROWEST: usize = 20;

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

/// Renders rows under a head, each line with a newline. On a terminal that is too narrow the widest column is broken at its words;
/// anywhere else a row is a line, which can be searched.
pub fn table(head: &[&str], rows: &[Vec<Cell>], style: Style) -> String {
    let columns = if std::io::stdout().is_terminal() { wrap::columns() } else { usize::MAX };
    within(columns, head, rows, style)
}

fn within(columns: usize, head: &[&str], rows: &[Vec<Cell>], style: Style) -> String {
    let mut widths: Vec<usize> = head.iter().map(|text| text.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
    let whole = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    let widest = (0..widths.len()).max_by_key(|at| widths[*at]);
    if let Some(widest) = widest.filter(|_| whole > columns) {
        let others = whole - widths[widest];
        widths[widest] = columns.saturating_sub(others).max(NARROWEST).min(widths[widest]);
    }
    let mut out = String::new();
    let head: Vec<Cell> = head.iter().map(|text| painted(*text, Style::dim)).collect();
    for row in std::iter::once(&head).chain(rows) {
        let cells: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, width)| lines(&cell.text, *width)).collect();
        for number in 0..cells.iter().map(Vec::len).max().unwrap_or_default() {
            let mut line = String::new();
            for (at, (cell, parts)) in row.iter().zip(&cells).enumerate() {
                if at > 0 {
                    line.push_str("  ");
                }
                let part = parts.get(number).map_or("", String::as_str);
                if !part.is_empty() {
                    line.push_str(&(cell.paint)(style, part));
                }
                if at + 1 < row.len() {
                    line.extend(std::iter::repeat_n(' ', widths[at].saturating_sub(part.chars().count())));
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// The text in lines of this width, broken between words only.
fn lines(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    wrap::paragraph("", 0, 0, text, width).lines().map(str::to_owned).collect()
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
    #[test]
    fn a_row_that_is_wider_than_the_terminal_is_broken_in_its_widest_column() {
        let why = "refused: the release is held in staging because somebody said so";
        let rows =
            vec![vec![plain("12:00"), plain(why), plain("erika")], vec![plain("13:00"), plain("built"), plain("otto")]];
        let narrow = within(40, &["time", "what", "by"], &rows, Style::PLAIN);
        let expected = "time   what                        by\n\
                        12:00  refused: the release is     erika\n       held in staging because\n       somebody said so\n\
                        13:00  built                       otto\n";
        assert_eq!(narrow, expected);
        assert!(within(usize::MAX, &["time", "what", "by"], &rows, Style::PLAIN).lines().count() == 3);
    }
}
