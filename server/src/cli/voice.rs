//! How a line looks: as the line door writes it, with names in steady colours where that is wanted.
//!
//! Nothing that comes from others reaches the terminal but through `common::line`, which leaves out
//! what would steer it; the only escape sequences are the ones of this file.

use std::io::IsTerminal;

use common::line::{Line, shown, written_name};

/// The colours a name may have: bright enough on dark and dark enough on light.
const NAMES: [u8; 6] = [31, 32, 33, 34, 35, 36];
const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether what goes to standard output is coloured (no-color.org).
    pub(super) fn is_on(self) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !refused && std::io::stdout().is_terminal()
            }
        }
    }
}

/// Writes lines for one output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice {
    pub(super) colors: bool,
}

impl Voice {
    /// A line of the conversation, without its line break.
    pub(super) fn write(self, line: &Line, is_mine: bool) -> String {
        match line {
            Line::Said { old, who, text } if self.colors => {
                let name = written_name(&shown(who));
                let style = if is_mine { BOLD.to_owned() } else { color_of(&name).to_string() };
                let before = if *old { self.paint(DIM, "> ") } else { String::new() };
                format!("{before}{}: {}", self.paint(&style, &name), shown(text))
            }
            Line::Note(_) => self.paint(DIM, &line.to_string()),
            Line::Refused(_) => self.paint(RED, &line.to_string()),
            line => line.to_string(),
        }
    }

    /// Something that is still to become true.
    pub(super) fn dim(self, text: &str) -> String {
        self.paint(DIM, text)
    }

    fn paint(self, style: &str, text: &str) -> String {
        if self.colors { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The same name has the same colour in every room and on every day (FNV-1a).
fn color_of(name: &str) -> u8 {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    NAMES[name.bytes().fold(0x811c_9dc5, mix) as usize % NAMES.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(who: &str, text: &str) -> Line {
        Line::Said { old: false, who: who.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_name_has_one_colour_and_names_differ() {
        let voice = Voice { colors: true };
        assert_eq!(voice.write(&said("지은", "a"), false), voice.write(&said("지은", "a"), false));
        let colors: std::collections::HashSet<u8> =
            ["지은", "민수", "a", "b", "c", "d"].map(color_of).into_iter().collect();
        assert!(colors.len() > 2, "{colors:?}");
    }

    #[test]
    fn nothing_from_others_steers_the_terminal_with_colours_or_without() {
        let hostile = "\x1b[2J\x1b]0;title\x07\u{9b}31m\r\u{202e}ok";
        let plain = Voice { colors: false }.write(&said(hostile, hostile), false);
        assert_eq!(plain, "[2J]0;title31mok: [2J]0;title31mok");
        let colored = Voice { colors: true }.write(&said(hostile, hostile), true);
        assert_eq!(colored, "\x1b[1m[2J]0;title31mok\x1b[0m: [2J]0;title31mok");
    }

    #[test]
    fn without_colours_a_line_is_what_the_line_door_says() {
        let line = said("* root", "x");
        assert_eq!(Voice { colors: false }.write(&line, true), line.to_string());
    }
}
