//! Formats lines of the conversation as the line protocol writes them, optionally with colours.
//!
//! All text from other people passes through `common::line`, which removes terminal control
//! characters. The only escape sequences in the output are those of this file.

use std::io::IsTerminal;

use common::line::{
    Line,
    render::{quote_name, sanitize},
};

/// The colours of names, which are readable on dark and on light backgrounds.
const NAME_COLORS: [u8; 6] = [31, 32, 33, 34, 35, 36];
const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";

/// The value of `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether to colour standard output; `auto` follows `NO_COLOR` (no-color.org).
    pub(super) fn is_on(self) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let is_disabled = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !is_disabled && std::io::stdout().is_terminal()
            }
        }
    }
}

/// Formats lines for one output.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineFormatter {
    pub(super) colors: bool,
}

impl LineFormatter {
    /// Formats a line of the conversation, without a line break.
    pub(super) fn format(self, line: &Line, is_mine: bool) -> String {
        match line {
            Line::Message { old, name, label, text } if self.colors => {
                let name = quote_name(&sanitize(name));
                let style = if is_mine { BOLD.to_owned() } else { color_of(&name).to_string() };
                let prefix = if *old { self.paint(DIM, "> ") } else { String::new() };
                let label = match label.is_empty() {
                    true => String::new(),
                    false => self.paint(DIM, &format!(" {}", sanitize(label))),
                };
                format!("{prefix}{}{label}: {}", self.paint(&style, &name), sanitize(text))
            }
            Line::Note(_) => self.paint(DIM, &line.to_string()),
            Line::Refused(_) => self.paint(RED, &line.to_string()),
            line => line.to_string(),
        }
    }

    /// Formats text that is not confirmed or failed.
    pub(super) fn dim(self, text: &str) -> String {
        self.paint(DIM, text)
    }

    fn paint(self, style: &str, text: &str) -> String {
        if self.colors { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Returns the colour of a name, which is always the same: a hash of the name (FNV-1a).
fn color_of(name: &str) -> u8 {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    NAME_COLORS[name.bytes().fold(0x811c_9dc5, mix) as usize % NAME_COLORS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, text: &str) -> Line {
        Line::Message { old: false, name: name.to_owned(), label: String::new(), text: text.to_owned() }
    }

    #[test]
    fn a_name_always_has_the_same_colour_and_names_differ() {
        let formatter = LineFormatter { colors: true };
        assert_eq!(
            formatter.format(&message("지은", "a"), false),
            formatter.format(&message("지은", "a"), false)
        );
        let colors: std::collections::HashSet<u8> =
            ["지은", "민수", "a", "b", "c", "d"].map(color_of).into_iter().collect();
        assert!(colors.len() > 2, "{colors:?}");
    }

    #[test]
    fn no_text_of_others_controls_the_terminal_with_or_without_colours() {
        let hostile = "\x1b[2J\x1b]0;title\x07\u{9b}31m\r\u{202e}ok";
        let plain = LineFormatter { colors: false }.format(&message(hostile, hostile), false);
        assert_eq!(plain, "[2J]0;title31mok: [2J]0;title31mok");
        let colored = LineFormatter { colors: true }.format(&message(hostile, hostile), true);
        assert_eq!(colored, "\x1b[1m[2J]0;title31mok\x1b[0m: [2J]0;title31mok");
    }

    #[test]
    fn without_colours_a_line_is_that_of_the_line_protocol() {
        let line = message("* root", "x");
        assert_eq!(LineFormatter { colors: false }.format(&line, true), line.to_string());
    }
}
