//! Unicode: algorithms on text, and the classes of characters that this crate tells apart.
//!
//! For normalisation, lower case, grapheme clusters and combining marks native code links Unicode's
//! tables; the page uses the browser's, so a first visit does not download them. Both follow the same
//! annexes (UAX 15, UAX 29), and the same tests run on both. No other file of this crate depends on the
//! platform.
//!
//! The classes are ranges, approximate on purpose: exact tables would be larger in the page than all code
//! that asks for them.

#[cfg(not(target_arch = "wasm32"))]
mod tables {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    use unicode_segmentation::UnicodeSegmentation;

    /// Returns `text` in normalisation form C.
    pub(crate) fn nfc(text: &str) -> String {
        text.nfc().collect()
    }

    /// Returns `text` in lower case.
    pub(crate) fn lowercase(text: &str) -> String {
        text.to_lowercase()
    }

    /// Counts the extended grapheme clusters of `text`.
    pub(crate) fn count_graphemes(text: &str) -> usize {
        text.graphemes(true).count()
    }

    /// Whether `text` has more than `max` combining marks in a row.
    pub(crate) fn has_stacked_marks(text: &str, max: usize) -> bool {
        let mut marks = 0;
        text.chars().any(|c| {
            marks = if is_combining_mark(c) { marks + 1 } else { 0 };
            marks > max
        })
    }
}

#[cfg(target_arch = "wasm32")]
mod tables {
    use js_sys::{Array, Intl::Segmenter, JsString, Object, RegExp};

    /// Returns `text` in normalisation form C.
    pub(crate) fn nfc(text: &str) -> String {
        JsString::from(text).normalize("NFC").into()
    }

    /// Returns `text` in lower case.
    pub(crate) fn lowercase(text: &str) -> String {
        JsString::from(text).to_lower_case().into()
    }

    /// Counts the extended grapheme clusters of `text`.
    pub(crate) fn count_graphemes(text: &str) -> usize {
        let segmenter = Segmenter::new(&Array::new(), &Object::new());
        Array::from(&segmenter.segment(text)).length() as usize
    }

    /// Whether `text` has more than `max` combining marks in a row.
    pub(crate) fn has_stacked_marks(text: &str, max: usize) -> bool {
        RegExp::new(&format!("\\p{{M}}{{{},}}", max + 1), "u").test(text)
    }
}

pub(crate) use tables::{count_graphemes, has_stacked_marks, lowercase, nfc};

pub(crate) const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// Turns the character before it into an emoji.
pub(crate) const EMOJI_SELECTOR: char = '\u{FE0F}';
/// Turns the digit before it into a key.
pub(crate) const KEYCAP: char = '\u{20E3}';

/// Whether `c` is in one of the blocks of pictographs, in which nearly all emoji are.
pub(crate) fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{1F000}'..='\u{1FAFF}')
}

/// Whether `c` is in a block that holds emoji, or one of the few emoji in other blocks.
pub(crate) fn can_be_emoji(c: char) -> bool {
    is_pictograph(c)
        || matches!(c,
        '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | 'Ⓜ' | '〰' | '〽' | '㊗' | '㊙'
        | '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}' | '\u{25A0}'..='\u{27BF}'
        | '\u{2900}'..='\u{297F}' | '\u{2B00}'..='\u{2BFF}')
}

/// Whether `c` is an emoji by itself, without U+FE0F (Unicode's `Emoji_Presentation`).
pub(crate) fn is_emoji_by_default(c: char) -> bool {
    is_pictograph(c)
        || matches!(c,
        '⌚' | '⌛' | '⏩'..='⏬' | '⏰' | '⏳' | '◽' | '◾' | '☔' | '☕' | '♈'..='♓' | '♿' | '⚓' | '⚡'
        | '⚪' | '⚫' | '⚽' | '⚾' | '⛄' | '⛅' | '⛎' | '⛔' | '⛪' | '⛲' | '⛳' | '⛵' | '⛺' | '⛽' | '✅'
        | '✊' | '✋' | '✨' | '❌' | '❎' | '❓'..='❕' | '❗' | '➕'..='➗' | '➰' | '➿' | '⬛' | '⬜' | '⭐' | '⭕')
}

/// Whether `c` begins an emoji that U+20E3 completes: `1️⃣`.
pub(crate) fn is_keycap_base(c: char) -> bool {
    matches!(c, '#' | '*' | '0'..='9')
}

/// Whether `c` is one of the two letters that spell the flag of a country.
pub(crate) fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

pub(crate) fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}')
}

/// Whether `c` spells the flag of a region, after a black flag.
pub(crate) fn is_emoji_tag(c: char) -> bool {
    matches!(c, '\u{E0020}'..='\u{E007F}')
}

/// Whether `c` belongs to a word: not a space, punctuation, a symbol or an emoji.
pub(crate) fn is_letter(c: char) -> bool {
    match c {
        '\0'..='\u{7F}' => c.is_ascii_alphanumeric(),
        '\u{80}'..='\u{BF}' => matches!(c, 'ª' | 'µ' | 'º'),
        '×' | '÷' | '\u{3000}'..='\u{303F}' => false,
        // Punctuation, arrows, mathematical operators, box drawing and symbols.
        '\u{2000}'..='\u{2BFF}' => false,
        // Compatibility forms; the full-width letters and digits in FF00..FFEF remain letters.
        '\u{FE00}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' => false,
        '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}' => false,
        '\u{E0000}'..='\u{E01EF}' => false,
        _ => !is_pictograph(c),
    }
}

/// Whether the script of `c` puts particles or the next word directly after a word, without a space.
pub(crate) fn is_unspaced(c: char) -> bool {
    is_hangul(c) || matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
}

/// Whether `c` is Hangul: a syllable or a part of one.
pub fn is_hangul(c: char) -> bool {
    is_jamo(c) || matches!(c, '\u{1100}'..='\u{11FF}' | '\u{AC00}'..='\u{D7A3}')
}

/// Whether `c` is a Hangul letter that is not part of a syllable: `ㅋㅋ`, `ㅠ`.
pub(crate) fn is_jamo(c: char) -> bool {
    matches!(c, '\u{3130}'..='\u{318F}')
}
