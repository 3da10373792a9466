//! What every piece of text from outside has in common.
//!
//! Names, room names and bodies all pass through here once, when they are parsed:
//! NFC, trimmed, within their limits, and free of characters that steer a display
//! instead of being read. Called by the newtypes of this crate only.

use crate::{refusal::Refusal, unicode};

/// How many combining marks may stand on one base character in a name.
/// Vietnamese needs two, Hebrew three; "Zalgo" text has dozens and runs over its neighbours.
const MAX_MARKS: usize = 4;

/// Normalises `text` to NFC and trims white space on both ends.
pub(crate) fn tidy(text: &str) -> String {
    let normalised = unicode::nfc(text);
    let trimmed = normalised.trim();
    if trimmed.len() == normalised.len() { normalised } else { trimmed.to_owned() }
}

/// Every line break as `\n`.
pub(crate) fn one_kind_of_break(text: String) -> String {
    if !text.contains('\r') {
        return text;
    }
    let mut lines = String::new();
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '\r' => lines.push('\n'),
            '\n' if before == '\r' => {}
            _ => lines.push(c),
        }
        before = c;
    }
    lines
}

/// How many characters a reader would count: extended grapheme clusters.
pub(crate) fn graphemes(text: &str) -> usize {
    unicode::graphemes(text)
}

/// Whether a reader would count more than `limit` characters. Counting is dear, and hardly ever
/// needed: there are never more graphemes than code points.
pub(crate) fn is_longer_than(limit: usize, text: &str) -> bool {
    text.chars().count() > limit && graphemes(text) > limit
}

/// Parses a single-line name of at most `limit` graphemes and four times as many code points.
///
/// The second limit is what bounds memory: one grapheme may hold any number of code points.
pub(crate) fn parse_name(text: &str, limit: usize) -> Result<String, Refusal> {
    // Measured before normalising, so that a huge text costs nothing. NFC never makes a text of
    // this size more than three times as long.
    if text.len() > limit * 4 * 4 {
        return Err(Refusal::NameTooLong);
    }
    let name = tidy(text);
    if name.is_empty() {
        return Err(Refusal::NameEmpty);
    }
    if name.chars().count() > limit * 4 || is_longer_than(limit, &name) {
        return Err(Refusal::NameTooLong);
    }
    if !is_visible(&name) || name.starts_with(is_joiner) || name.ends_with(is_zero_width_joiner) {
        return Err(Refusal::NameUnreadable);
    }
    if name.chars().any(|c| steers_display(c) || is_blank_but_counts(c))
        || unicode::has_mark_tower(&name, MAX_MARKS)
    {
        return Err(Refusal::NameUnreadable);
    }
    Ok(name)
}

/// Control characters, line separators, and the marks that reorder or hide what stands around them.
///
/// Bidi overrides (Unicode TR 36 §2.5) let "nimda" read as "admin"; U+FEFF and the tag block are
/// invisible. The joiners U+200C and U+200D are left alone: Persian and emoji need them.
pub(crate) fn steers_display(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

/// Whether there is anything to see: not only white space, joiners and what steers a display.
pub(crate) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !(c.is_whitespace() || steers_display(c) || is_joiner(c) || is_blank_but_counts(c)))
}

/// What joins or chooses the shape of its neighbours and is nothing by itself.
fn is_joiner(c: char) -> bool {
    is_zero_width_joiner(c) || matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn is_zero_width_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Letters and symbols drawn as nothing, with which two different names look the same.
fn is_blank_but_counts(c: char) -> bool {
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
    fn names_in_any_language_are_kept() {
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
    fn decomposed_hangul_becomes_the_same_name_as_composed() {
        assert_eq!(parse_name("\u{1112}\u{1161}\u{11AB}", 32).as_deref(), Ok("한"));
        assert_eq!(parse_name("  마당 \n", 32).as_deref(), Ok("마당"));
    }

    #[test]
    fn names_that_would_fool_a_reader_are_refused() {
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
    fn a_name_is_measured_as_a_reader_counts() {
        assert!(parse_name(&"가".repeat(32), 32).is_ok());
        assert_eq!(parse_name(&"가".repeat(33), 32), Err(Refusal::NameTooLong));
        assert_eq!(parse_name(&"x".repeat(1_000_000), 32), Err(Refusal::NameTooLong));
    }
}
