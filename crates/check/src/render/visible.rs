//! What repositories hold is shown, and does not steer the terminal or the log that shows it.

use std::borrow::Cow;

/// The text without control characters other than the end of a line and a tab.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(steers) { Cow::Owned(text.replace(steers, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// The same for what the renderer made, which may colour it: it has replaced the control characters of ASCII already.
pub(crate) fn visible_above_ascii(text: String) -> String {
    let steers = |c: char| c.is_control() && !c.is_ascii();
    if text.contains(steers) { text.replace(steers, "\u{fffd}") } else { text }
}
