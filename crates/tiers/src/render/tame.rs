//! Text of other people's on a terminal: names and reasons in the ledger are whatever somebody typed, and may not steer the terminal
//! of whoever reads them.

use std::borrow::Cow;

/// The text with every control character replaced, but for ends of lines, tabs and our own colours.
pub fn tame(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut tamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(steers) {
        let (before, from) = rest.split_at(at);
        tamed.push_str(before);
        let colour = colour(from);
        if colour > 0 {
            tamed.push_str(&from[..colour]);
            rest = &from[colour..];
        } else {
            tamed.push(char::REPLACEMENT_CHARACTER);
            let mut others = from.chars();
            others.next();
            rest = others.as_str();
        }
    }
    tamed.push_str(rest);
    Cow::Owned(tamed)
}

/// One line of somebody's: what would end it or steer a terminal becomes a space.
pub fn line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn steers(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

/// How many bytes of a colour stand at the beginning: `ESC [ … m` (SGR), which moves and deletes nothing.
fn colour(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\u{1b}[") else { return 0 };
    let digits = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
    if rest.as_bytes().get(digits) == Some(&b'm') { digits + 3 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_somebody_typed_steers_a_terminal() {
        assert!(matches!(tame("plain\n\ttext ü"), Cow::Borrowed(_)));
        assert_eq!(tame("\u{1b}[1;31mred\u{1b}[0m"), "\u{1b}[1;31mred\u{1b}[0m");
        for (bad, good) in [
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
            ("a\u{1b}]0;title\u{7}b", "a\u{fffd}]0;title\u{fffd}b"),
            ("a\rb\u{8}\u{7f}\u{9b}31m", "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}31m"),
            ("\u{1b}", "\u{fffd}"),
            ("\u{1b}[31", "\u{fffd}[31"),
        ] {
            assert_eq!(tame(bad), good, "{bad:?}");
        }
        assert_eq!(line(" a\nb\u{1b}[31m\t c "), "a b [31m c");
    }
}
