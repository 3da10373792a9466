//! Normalises and validates text that comes from outside.
//!
//! Names, room names, topics and bodies pass through here once, when they are parsed. The result is
//! NFC, trimmed, within its limits and free of characters that control a display instead of being
//! read. Called by the newtypes of this crate only.

use crate::{refusal::Refusal, unicode};

/// Declares a newtype of text that its own `parse` validates and normalises.
macro_rules! text_newtype {
    ($(#[$attribute:meta])* pub struct $name:ident;) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Wraps a text from storage without validating it: it was parsed when it was stored, and a
            /// rule that became stricter since then must not make old events unreadable.
            pub fn from_store(text: String) -> $name {
                $name(text)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::refusal::Refusal;

            fn try_from(text: String) -> Result<$name, Self::Error> {
                $name::parse(&text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use text_newtype;

/// The most combining marks on one base character of a name.
/// Vietnamese needs two and Hebrew three; "Zalgo" text has dozens and covers the lines around it.
const MAX_STACKED_MARKS: usize = 4;

/// Normalises `text` to NFC and trims white space on both ends.
pub(crate) fn normalize(text: &str) -> String {
    let normalised = unicode::nfc(text);
    let trimmed = normalised.trim();
    if trimmed.len() == normalised.len() { normalised } else { trimmed.to_owned() }
}

/// Replaces `\r\n` and `\r` by `\n`.
pub(crate) fn normalize_line_breaks(text: String) -> String {
    if !text.contains('\r') {
        return text;
    }
    let mut lines = String::new();
    let mut previous = ' ';
    for c in text.chars() {
        match c {
            '\r' => lines.push('\n'),
            '\n' if previous == '\r' => {}
            _ => lines.push(c),
        }
        previous = c;
    }
    lines
}

/// Counts characters as a reader does: extended grapheme clusters.
pub(crate) fn count_graphemes(text: &str) -> usize {
    unicode::count_graphemes(text)
}

/// Whether `text` has more than `limit` grapheme clusters.
pub(crate) fn is_longer_than(limit: usize, text: &str) -> bool {
    // There are never more graphemes than code points, so the expensive count is rarely needed.
    text.chars().count() > limit && count_graphemes(text) > limit
}

/// Parses a single-line name of at most `limit` graphemes and four times as many code points.
/// The second limit bounds memory, because one grapheme can have any number of code points.
pub(crate) fn parse_name(text: &str, limit: usize) -> Result<String, Refusal> {
    // Checked before normalising, so that a huge text costs nothing. NFC makes a text of this size
    // at most three times as long.
    if text.len() > limit * 4 * 4 {
        return Err(Refusal::NameTooLong);
    }
    let name = normalize(text);
    if name.is_empty() {
        return Err(Refusal::NameEmpty);
    }
    if name.chars().count() > limit * 4 || is_longer_than(limit, &name) {
        return Err(Refusal::NameTooLong);
    }
    if !is_visible(&name) || name.starts_with(is_joiner) || name.ends_with(is_zero_width_joiner) {
        return Err(Refusal::NameUnreadable);
    }
    if name.chars().any(|c| is_display_control(c) || is_invisible_letter(c))
        || unicode::has_stacked_marks(&name, MAX_STACKED_MARKS)
    {
        return Err(Refusal::NameUnreadable);
    }
    Ok(name)
}

/// Whether `c` is a control character, a line separator, or reorders or hides the text around it.
/// The joiners U+200C and U+200D are allowed: Persian and emoji need them.
pub(crate) fn is_display_control(c: char) -> bool {
    // Bidi overrides (Unicode TR 36 §2.5) make "nimda" read as "admin"; U+FEFF and the tag block
    // are invisible.
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

/// Whether `text` shows anything, i.e. has more than white space, joiners and display controls.
pub(crate) fn is_visible(text: &str) -> bool {
    text.chars()
        .any(|c| !(c.is_whitespace() || is_display_control(c) || is_joiner(c) || is_invisible_letter(c)))
}

/// Whether `c` only joins its neighbours or selects their shape, and is invisible by itself.
fn is_joiner(c: char) -> bool {
    is_zero_width_joiner(c) || matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn is_zero_width_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Whether `c` is a letter or symbol that is drawn blank and would let two different names look equal.
fn is_invisible_letter(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180E}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FFA0}'
    )
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn names_in_any_language_are_accepted_unchanged() {
        for name in [
            "지은",
            "Jungeun",
            "Мария",
            "יעל",
            "सुनीता",
            "محمد",
            "東京 🗼",
            "👩‍👩‍👧‍👦",
            "Nguyễn",
            "O'Brien-Łuć",
            "ㄱㄴ",
        ] {
            assert_eq!(parse_name(name, 32).as_deref(), Ok(name));
        }
    }

    #[test]
    fn decomposed_hangul_gives_the_same_name_as_composed() {
        assert_eq!(parse_name("\u{1112}\u{1161}\u{11AB}", 32).as_deref(), Ok("한"));
        assert_eq!(parse_name("  마당 \n", 32).as_deref(), Ok("마당"));
    }

    #[test]
    fn names_that_could_deceive_a_reader_are_refused() {
        for name in [
            "ad\u{202E}nim",
            "a\u{200B}dmin",
            "line\nbreak",
            "\u{3164}",
            "\u{200D}",
            "admin\u{200D}",
            "\u{FE0F}",
            "bell\u{7}",
            "a\u{E0041}",
            "Z\u{300}\u{301}\u{302}\u{303}\u{304}",
        ] {
            assert_eq!(parse_name(name, 32), Err(Refusal::NameUnreadable), "{name:?}");
        }
        assert_eq!(parse_name(" \u{A0} ", 32), Err(Refusal::NameEmpty));
    }

    #[test]
    fn a_name_is_measured_in_graphemes() {
        assert!(parse_name(&"가".repeat(32), 32).is_ok());
        assert_eq!(parse_name(&"가".repeat(33), 32), Err(Refusal::NameTooLong));
        assert_eq!(parse_name(&"x".repeat(1_000_000), 32), Err(Refusal::NameTooLong));
    }
}
