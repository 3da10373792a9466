//! Normalises and validates text that comes from outside.
//!
//! Names, room names, topics and bodies pass through here once, when they are parsed. The result is
//! NFC, trimmed, within its limits and free of characters that control a display instead of being
//! read: those that programs write (colours, form feeds) are removed, those that deceive are refused.
//! Called by this crate only.

use std::borrow::Cow;

use crate::{refusal::Refusal, unicode};

/// Declares a newtype of text that its own `parse` validates and normalises.
macro_rules! text_newtype {
    ($(#[$attribute:meta])* pub struct $name:ident;) => {
        $crate::text::text_newtype! { $(#[$attribute])* pub struct $name; from_store: |text| text }
    };
    // `from_store` brings an old text into the form in which the text is now compared or shown.
    ($(#[$attribute:meta])* pub struct $name:ident; from_store: |$text:ident| $stored:expr) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Wraps a text from storage without validating it: it was parsed when it was stored, and a
            /// rule that became stricter since then must not make old events unreadable.
            pub fn from_store($text: String) -> $name {
                $name($stored)
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

/// Removes what programs put into text for displays and printers: every control character but tabs, and
/// whole escape sequences with it. What means a line break becomes `\n`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let is_unclean = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_line_break(c);
    let Some(first) = text.find(is_unclean) else { return Cow::Borrowed(text) };
    let (mut cleaned, mut rest) = (text[..first].to_owned(), &text[first..]);
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\r' => {
                cleaned.push('\n');
                after.strip_prefix('\n').unwrap_or(after)
            }
            _ if is_line_break(c) => {
                cleaned.push('\n');
                after
            }
            ESCAPE => skip_escape_sequence(after),
            // Also the introducer of control sequences in one character. Those of strings are left out alone:
            // no program writes them, but text that was decoded wrongly is full of them.
            '\u{9B}' => skip_control_sequence(after),
            _ if is_unclean(c) => after,
            _ => {
                cleaned.push(c);
                after
            }
        };
    }
    Cow::Owned(cleaned)
}

const ESCAPE: char = '\u{1B}';

/// Whether `c` ends a line: besides LF and CR the separators that Office, PDF and mainframes write.
fn is_line_break(c: char) -> bool {
    matches!(c, '\u{B}' | '\u{C}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Skips an escape sequence (ECMA-48, ECMA-35) behind its ESC.
fn skip_escape_sequence(text: &str) -> &str {
    match text.chars().next() {
        Some('[') => skip_control_sequence(&text[1..]),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_control_string(&text[1..]),
        _ => {
            let text = text.trim_start_matches(|c| matches!(c, ' '..='/'));
            text.strip_prefix(|c| matches!(c, '0'..='~')).unwrap_or(text)
        }
    }
}

/// Skips a control sequence, such as a colour, behind its introducer.
fn skip_control_sequence(text: &str) -> &str {
    let text = text.trim_start_matches(|c| matches!(c, '0'..='?'));
    let text = text.trim_start_matches(|c| matches!(c, ' '..='/'));
    text.strip_prefix(|c| matches!(c, '@'..='~')).unwrap_or(text)
}

/// Skips a string for the terminal, such as a window title or the target of a link, behind its introducer.
/// Without an end it goes up to the line break.
fn skip_control_string(text: &str) -> &str {
    let ends = |c: char| matches!(c, '\u{7}' | '\u{9C}' | ESCAPE | '\n') || is_line_break(c);
    let rest = &text[text.find(ends).unwrap_or(text.len())..];
    // Another ESC than that of the end begins a sequence of its own.
    let behind_end = rest.strip_prefix(['\u{7}', '\u{9C}']).or_else(|| rest.strip_prefix("\u{1B}\\"));
    behind_end.unwrap_or(rest)
}

/// Removes blank lines before the text and white space behind it. The first line keeps its indentation.
pub(crate) fn trim_blank_lines(text: &str) -> &str {
    let text = text.trim_end();
    let indentation = text.len() - text.trim_start().len();
    let start = text[..indentation].rfind('\n').map_or(0, |at| at + 1);
    &text[start..]
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

/// Parses a name in one line of at most `limit` graphemes and four times as many code points; white space in
/// it becomes single spaces. Refuses what a reader could not see.
pub(crate) fn parse_name(text: &str, limit: usize) -> Result<String, Refusal> {
    let name = parse_existing_name(text, limit)?;
    check_visible(&name)?;
    Ok(fold_spaces(&name))
}

/// Parses a name that may be older than the rules of [`parse_name`]: it can have any white space, and
/// characters that are invisible but do not deceive about the text around them.
///
/// The number of code points is limited because one grapheme can have any number of them.
pub(crate) fn parse_existing_name(text: &str, limit: usize) -> Result<String, Refusal> {
    // Checked before normalising, so that a huge text costs nothing. NFC makes a text of this size
    // at most three times as long.
    if text.len() > limit * 4 * 4 {
        return Err(Refusal::NameTooLong);
    }
    let name = normalize(&clean(text).replace(['\n', '\t'], " "));
    if name.is_empty() {
        return Err(Refusal::NameEmpty);
    }
    if name.chars().count() > limit * 4 || is_longer_than(limit, &name) {
        return Err(Refusal::NameTooLong);
    }
    if !is_visible(&name)
        || name.starts_with(is_joiner)
        || remove_display_controls(&name).len() < name.len()
        || unicode::has_stacked_marks(&name, MAX_STACKED_MARKS)
    {
        return Err(Refusal::NameUnreadable);
    }
    Ok(name)
}

/// Replaces each run of white space by one space.
pub(crate) fn fold_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Checks that a reader can see every character of a name, or what it does to its neighbours.
/// The refusal is `name_unreadable`.
pub(crate) fn check_visible(name: &str) -> Result<(), Refusal> {
    let (mut rest, mut before) = (name, None);
    while let Some(c) = rest.chars().next() {
        let after = unicode::strip_region_flag(rest).unwrap_or(&rest[c.len_utf8()..]);
        let is_flag = after.len() + c.len_utf8() < rest.len();
        if !is_flag && !is_visible_between(before, c, after.chars().next()) {
            return Err(Refusal::NameUnreadable);
        }
        (before, rest) = (Some(c), after);
    }
    Ok(())
}

fn is_visible_between(before: Option<char>, c: char, after: Option<char>) -> bool {
    if c.is_whitespace() || !(unicode::is_blank(c) || unicode::is_unassigned(c)) {
        return true;
    }
    let Some(before) = before else { return false };
    match c {
        unicode::ZERO_WIDTH_JOINER if unicode::is_part_of_emoji(before) => {
            after.is_some_and(unicode::is_part_of_emoji)
        }
        // After a virama, the joiner itself chooses a form of the letter; in Malayalam words end so.
        unicode::ZERO_WIDTH_JOINER if before == '\u{D4D}' => true,
        unicode::ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => {
            unicode::has_joined_letters(before) && after.is_some_and(unicode::has_joined_letters)
        }
        '\u{FE0E}' | unicode::EMOJI_SELECTOR if unicode::is_keycap_base(before) => {
            after == Some(unicode::KEYCAP)
        }
        '\u{FE0E}' | unicode::EMOJI_SELECTOR if unicode::is_emoji(before) => true,
        '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{180B}'..='\u{180F}' => {
            unicode::has_variants(before)
        }
        _ => false,
    }
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

/// Removes every display control but the tags that spell the flag of a region.
pub(crate) fn remove_display_controls(text: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(c) = rest.chars().next() {
        let after = unicode::strip_region_flag(rest).unwrap_or(&rest[c.len_utf8()..]);
        if !is_display_control(c) {
            kept.push_str(&rest[..rest.len() - after.len()]);
        }
        rest = after;
    }
    kept
}

/// Whether `text` shows anything.
pub(crate) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !unicode::is_blank(c))
}

const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';

/// Whether `c` only joins its neighbours or selects their shape, and is invisible by itself.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
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
    fn a_name_is_one_line_with_single_spaces() {
        for name in [
            "이 지은",
            "이  지은",
            " 이\u{A0}지은",
            "이\u{3000}\u{3000}지은\r\n",
            "이\t지은",
            "이\u{B}지은",
            "이\u{2028}지은",
        ] {
            assert_eq!(parse_name(name, 32).as_deref(), Ok("이 지은"), "{name:?}");
        }
        assert_eq!(parse_name("\u{1b}[1;32m지은\u{1b}[0m\u{7}", 32).as_deref(), Ok("지은"));
    }

    #[test]
    fn control_characters_are_cleaned_and_line_breaks_kept() {
        for (text, cleaned) in [
            (
                "하나\u{B}둘\u{C}셋\u{85}넷\u{2028}다섯\u{2029}여섯\r일곱\r\n여덟",
                "하나\n둘\n셋\n넷\n다섯\n여섯\n일곱\n여덟",
            ),
            ("a\r\r\nb\tc", "a\n\nb\tc"),
            ("\u{1b}[32mPASS\u{1b}[0m ok", "PASS ok"),
            ("\u{1b}[38;2;255;0;0m빨강\u{1b}[K\u{1b}[?25l", "빨강"),
            ("\u{9b}1m굵게\u{9b}m", "굵게"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;https://a.kr\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("â\u{80}\u{9c}글â\u{80}\u{9d} 끝", "â글â 끝"),
            ("\u{1b}]0;open\nnext", "\nnext"),
            ("\u{1b}(B\u{1b}7\u{1b}=x\u{1b}", "x"),
            ("\u{1b}한\u{1b}[글", "한글"),
            ("a\0b\u{3}c\u{8}d\u{7f}e\u{80}", "abcde"),
            ("plain\n\ttext", "plain\n\ttext"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn only_blank_lines_are_trimmed_before_a_text() {
        for (text, trimmed) in [
            ("    if x:\n        y\n", "    if x:\n        y"),
            ("\n \t\n\tindented \n\n", "\tindented"),
            ("\u{3000}글", "\u{3000}글"),
            (" \n\t ", ""),
        ] {
            assert_eq!(trim_blank_lines(text), trimmed, "{text:?}");
        }
    }

    #[test]
    fn invisible_characters_are_allowed_only_where_they_can_be_seen() {
        let region_flags = ["gbeng", "gbsct", "gbwls"].map(flag);
        for name in [
            "❤️",
            "1️⃣",
            "👩‍👩‍👧‍👦",
            "🏳️‍🌈",
            "🧑🏽‍💻",
            "می‌خواهم",
            "क्‍ष",
            "മോഹന്‍",
            "ශ්‍රී",
            "葛󠄀城",
            "㊗️",
            "☎︎",
            &region_flags[0],
            &region_flags[1],
            &format!("팀 {} 🏴", region_flags[2]),
        ] {
            assert_eq!(parse_name(name, 32).as_deref(), Ok(name));
        }
        for name in [
            "지\u{200D}은",
            "지은\u{FE0F}",
            "지\u{200C}은",
            "ad\u{FE00}min",
            "a\u{E0100}",
            "1\u{FE0F}",
            "❤\u{FE0F}\u{FE0F}",
            "👩\u{200D}",
            "👩\u{200D}\u{200D}👧",
            "👩\u{200D}a",
            "م\u{200C}",
            "a\u{E0067}\u{E007F}",
            &flag("gb"),
            &flag("ustx"),
            &format!("{}\u{E007F}", flag("gbeng")),
            "\u{F8FF}",
            "a\u{FFFE}",
            "a\u{10FFFF}",
            "a\u{115F}",
            "a\u{1D159}",
            "가\u{180B}",
        ] {
            assert_eq!(parse_name(name, 32), Err(Refusal::NameUnreadable), "{name:?}");
        }
    }

    fn flag(region: &str) -> String {
        let tag = |byte| char::from_u32(0xE0000 + u32::from(byte)).unwrap();
        format!("🏴{}\u{E007F}", region.bytes().map(tag).collect::<String>())
    }

    #[test]
    fn no_invisible_code_point_of_unicode_is_part_of_a_name() {
        for c in ('\0'..=char::MAX).filter(|c| !c.is_control() && !c.is_whitespace()) {
            let is_unseen = unicode::is_blank(c) || unicode::is_unassigned(c);
            let checked = check_visible(&format!("가{c}나"));
            assert_eq!(checked.is_err(), is_unseen, "U+{:04X}", u32::from(c));
            if !is_unseen {
                assert!(parse_name(&format!("가{c}나"), 32).is_ok(), "U+{:04X}", u32::from(c));
            }
        }
        for c in ('\0'..=char::MAX).filter(|c| c.is_control() || c.is_whitespace()) {
            let name = parse_name(&format!("가{c}나"), 32).unwrap();
            assert!(matches!(name.as_str(), "가나" | "가 나"), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn names_that_could_deceive_a_reader_are_refused() {
        for name in [
            "ad\u{202E}nim",
            "a\u{200B}dmin",
            "\u{3164}",
            "\u{200D}",
            "admin\u{200D}",
            "\u{FE0F}",
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
