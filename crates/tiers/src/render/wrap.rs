//! Prose at the width of the reader's terminal, so that a long reason stays one block of text under its word.

use std::io::IsTerminal as _;

use textwrap::{Options, WordSeparator, WordSplitter, wrap};

/// Columns where no terminal says otherwise: a log that is read in a browser, or a file.
const UNKNOWN: usize = 100;
/// Wider lines are hard to read, narrower ones fall apart.
const WIDEST: usize = 100;
const NARROWEST: usize = 40;

/// The columns of the terminal behind standard output, however many: a table can use them all.
pub fn columns() -> usize {
    let stdout = std::io::stdout();
    let columns = match stdout.is_terminal() {
        true => rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col)),
        // A program that shows our output as its own may say how wide its terminal is.
        false => std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(0),
    };
    if columns == 0 { UNKNOWN } else { columns }
}

/// As many of them as prose can be read at.
pub fn width() -> usize {
    columns().clamp(NARROWEST, WIDEST)
}

/// `lead`, which takes `lead_width` columns, then the text; lines after the first begin `indent` columns in. No word is cut, so
/// digests, paths and commands can be copied. Without a newline at the end.
pub fn paragraph(lead: &str, lead_width: usize, indent: usize, text: &str, width: usize) -> String {
    let (first, later) = (" ".repeat(lead_width), " ".repeat(indent));
    let options = Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(&later)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    let lines = wrap(text, options);
    let mut out = lead.to_owned();
    for (at, line) in lines.iter().enumerate() {
        match at {
            0 => out.push_str(line.get(lead_width..).unwrap_or_default()),
            _ => {
                out.push('\n');
                out.push_str(line);
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// One line of plain text at the terminal's width: what does not fit goes on further in. With a newline at the end.
pub fn line(text: &str) -> String {
    let indent = text.len() - text.trim_start().len();
    format!("{}\n", paragraph(&text[..indent], indent, indent + 2, text.trim(), width()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_lines_stand_under_the_text_and_no_word_is_cut() {
        assert_eq!(
            paragraph("  gates    ", 11, 11, "health-of-version of 0123456789abcdef0123456789abcdef, search", 36),
            "  gates    health-of-version of\n           0123456789abcdef0123456789abcdef,\n           search"
        );
    }

    #[test]
    fn a_painted_lead_takes_the_columns_that_are_seen() {
        assert_eq!(paragraph("\u{1b}[31mheld:\u{1b}[0m ", 6, 2, "a b c", 10), "\u{1b}[31mheld:\u{1b}[0m a b\n  c");
    }

    #[test]
    fn nothing_to_say_leaves_the_lead_alone() {
        assert_eq!(paragraph("held: ", 6, 2, "", 80), "held:");
    }
}
