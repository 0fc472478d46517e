//! Colour, where the reader's terminal has it.

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Color, Style as Ansi};

use crate::cli::When;

/// Paints, or doesn't.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    on: bool,
}

impl Style {
    /// Never any colour.
    #[cfg(test)]
    pub const PLAIN: Style = Style { on: false };

    /// As asked for; by itself only where standard output is a terminal and `NO_COLOR` is not set (no-color.org).
    pub fn decide(when: When) -> Style {
        let on = match when {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::io::stdout().is_terminal()
                    && std::io::stderr().is_terminal()
            }
        };
        Style { on }
    }

    /// True when colour is used.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// As it is.
    pub fn plain(self, text: &str) -> String {
        text.to_owned()
    }

    pub fn good(self, text: &str) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Green))))
    }

    pub fn bad(self, text: &str) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Red))).bold())
    }

    pub fn careful(self, text: &str) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow))))
    }

    pub fn dim(self, text: &str) -> String {
        self.paint(text, Ansi::new().dimmed())
    }

    pub fn strong(self, text: &str) -> String {
        self.paint(text, Ansi::new().bold())
    }

    fn paint(self, text: &str, ansi: Ansi) -> String {
        if self.on { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
    }
}
