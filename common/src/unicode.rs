//! Unicode: algorithms on text, and the classes of characters that this crate tells apart.
//!
//! For normalisation, lower case, grapheme clusters, combining marks and properties native code links Unicode's
//! tables; the page uses the browser's, so a first visit does not download them. Both follow the same
//! annexes (UAX 15, UAX 29), and the same tests run on both. No other file of this crate depends on the
//! platform.
//!
//! What a reader can see of a character is a question to these tables as well. The other classes are ranges,
//! approximate on purpose: exact tables would be larger in the page than all code that asks for them.

use std::borrow::Cow;

#[cfg(not(target_arch = "wasm32"))]
mod tables {
    use icu_properties::{
        CodePointMapData, CodePointSetData,
        props::{
            DefaultIgnorableCodePoint, Emoji, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup,
            Ideographic, Script,
        },
        script::ScriptWithExtensions,
    };
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

    /// See [`super::limit_marks`].
    pub(super) fn remove_excess_marks(text: &str, max: usize) -> String {
        let mut kept = String::with_capacity(text.len());
        let (mut marks, mut before) = (0, ' ');
        for c in text.chars() {
            // Digits are emoji to Unicode, and are joined to nothing.
            let is_joined = before == super::ZERO_WIDTH_JOINER && !c.is_ascii() && is_emoji(c);
            let is_stacked = super::is_stacker(before) && c.is_alphabetic() && !is_combining_mark(c);
            if is_combining_mark(c) || super::is_skin_tone(c) || is_joined {
                marks += 1;
            } else if !is_stacked && !super::is_between_marks(c) {
                marks = 0;
            }
            if marks <= max {
                kept.push(c);
            } else if is_joined && kept.ends_with(super::ZERO_WIDTH_JOINER) {
                // It would join what comes next.
                kept.pop();
            }
            before = c;
        }
        kept
    }

    /// Whether `text` has more than `max` combining marks in a row.
    pub(crate) fn has_stacked_marks(text: &str, max: usize) -> bool {
        let mut marks = 0;
        text.chars().any(|c| {
            marks = if is_combining_mark(c) { marks + 1 } else { 0 };
            marks > max
        })
    }

    /// Whether `c` is white space, a control or format character, or ignored when text is drawn.
    pub(super) fn is_ignorable(c: char) -> bool {
        let unseen = GeneralCategoryGroup::Separator
            .union(GeneralCategory::Control.into())
            .union(GeneralCategory::Format.into());
        unseen.contains(CodePointMapData::<GeneralCategory>::new().get(c))
            || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
    }

    /// Whether `c` is a private, reserved or no character, and not reserved for a future emoji.
    pub(crate) fn is_unassigned(c: char) -> bool {
        let category = CodePointMapData::<GeneralCategory>::new().get(c);
        matches!(category, GeneralCategory::Unassigned | GeneralCategory::PrivateUse)
            && !CodePointSetData::new::<ExtendedPictographic>().contains(c)
    }

    /// Whether `c` can be shown as an emoji, alone or with U+FE0F.
    pub(crate) fn is_emoji(c: char) -> bool {
        CodePointSetData::new::<Emoji>().contains(c)
            || CodePointSetData::new::<ExtendedPictographic>().contains(c)
    }

    /// Whether the letters of this script are joined or not joined by U+200D and U+200C.
    pub(crate) fn has_joined_letters(c: char) -> bool {
        let scripts = ScriptWithExtensions::new();
        JOINED_SCRIPTS.into_iter().any(|script| scripts.has_script(c, script))
    }

    /// Whether variation selectors choose between shapes of `c`, other than emoji and text.
    pub(crate) fn has_variants(c: char) -> bool {
        let scripts = ScriptWithExtensions::new();
        CodePointSetData::new::<Ideographic>().contains(c)
            || [Script::Mongolian, Script::Myanmar, Script::PhagsPa]
                .into_iter()
                .any(|script| scripts.has_script(c, script))
    }

    /// Cursive scripts, and those of India and around it, which stack their consonants.
    const JOINED_SCRIPTS: [Script; 20] = [
        Script::Arabic,
        Script::Syriac,
        Script::Nko,
        Script::Mongolian,
        Script::Adlam,
        Script::HanifiRohingya,
        Script::Devanagari,
        Script::Bengali,
        Script::Gurmukhi,
        Script::Gujarati,
        Script::Oriya,
        Script::Tamil,
        Script::Telugu,
        Script::Kannada,
        Script::Malayalam,
        Script::Sinhala,
        Script::Tibetan,
        Script::Myanmar,
        Script::Khmer,
        Script::Javanese,
    ];

    /// Returns `text` with the usual width of its characters: `Ａ` is `A`, and `ｶ` is `カ`.
    pub(crate) fn fold_width(text: &str) -> String {
        let mut folded = String::with_capacity(text.len());
        for c in text.chars() {
            match super::has_unusual_width(c) {
                true => folded.extend(std::iter::once(c).nfkc()),
                false => folded.push(c),
            }
        }
        folded
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

    /// See [`super::limit_marks`].
    pub(super) fn remove_excess_marks(text: &str, max: usize) -> String {
        // The classes of `is_stacker`, `is_skin_tone` and `is_between_marks`.
        let stacked = r"[\u1039\u17D2](?!\p{M})\p{Alphabetic}";
        let joined = r"\u200D(?![\0-\x7F])[\p{Emoji}\p{Extended_Pictographic}]";
        let mark = r"[\p{M}\u{1F3FB}-\u{1F3FF}]";
        let between = r"[\u00AD\u061C\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\u{E0000}-\u{E007F}]";
        let one = format!("(?:{stacked}|{joined}|{mark})(?:(?!{joined}){between})*");
        let excess = RegExp::new(&format!("((?:{one}){{{max}}})(?:{one})+"), "gu");
        JsString::from(text).replace_by_pattern(&excess, "$1").into()
    }

    /// Whether `text` has more than `max` combining marks in a row.
    pub(crate) fn has_stacked_marks(text: &str, max: usize) -> bool {
        RegExp::new(&format!("\\p{{M}}{{{},}}", max + 1), "u").test(text)
    }

    fn is_in(class: &str, c: char) -> bool {
        RegExp::new(&format!("^[{class}]$"), "u").test(c.encode_utf8(&mut [0; 4]))
    }

    /// Whether `c` is white space, a control or format character, or ignored when text is drawn.
    pub(super) fn is_ignorable(c: char) -> bool {
        is_in(r"\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}", c)
    }

    /// Whether `c` is a private, reserved or no character, and not reserved for a future emoji.
    pub(crate) fn is_unassigned(c: char) -> bool {
        is_in(r"\p{Cn}\p{Co}", c) && !is_in(r"\p{Extended_Pictographic}", c)
    }

    /// Whether `c` can be shown as an emoji, alone or with U+FE0F.
    pub(crate) fn is_emoji(c: char) -> bool {
        is_in(r"\p{Emoji}\p{Extended_Pictographic}", c)
    }

    /// Whether the letters of this script are joined or not joined by U+200D and U+200C.
    pub(crate) fn has_joined_letters(c: char) -> bool {
        // Cursive scripts, and those of India and around it, which stack their consonants.
        const SCRIPTS: &str = "Arab Syrc Nkoo Mong Adlm Rohg Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh \
                               Tibt Mymr Khmr Java";
        SCRIPTS.split(' ').any(|script| is_in(&format!("\\p{{scx={script}}}"), c))
    }

    /// Whether variation selectors choose between shapes of `c`, other than emoji and text.
    pub(crate) fn has_variants(c: char) -> bool {
        is_in(r"\p{Ideographic}\p{scx=Mong}\p{scx=Mymr}\p{scx=Phag}", c)
    }

    /// Returns `text` with the usual width of its characters: `Ａ` is `A`, and `ｶ` is `カ`.
    pub(crate) fn fold_width(text: &str) -> String {
        let mut folded = String::with_capacity(text.len());
        for c in text.chars() {
            match super::has_unusual_width(c) {
                true => {
                    let usual: String =
                        JsString::from(c.encode_utf8(&mut [0; 4]) as &str).normalize("NFKC").into();
                    folded.push_str(&usual);
                }
                false => folded.push(c),
            }
        }
        folded
    }
}

pub(crate) use tables::{
    count_graphemes, fold_width, has_joined_letters, has_stacked_marks, has_variants, is_emoji,
    is_unassigned, lowercase, nfc,
};

/// Removes what exceeds `max` of the marks on a letter, the letters stacked below it, and the emoji and skin
/// tones joined to an emoji. A letter with thousands of them takes a browser seconds to draw.
pub(crate) fn limit_marks(text: Cow<'_, str>, max: usize) -> Cow<'_, str> {
    // Nearly all text has none, and needs no tables.
    match text.chars().filter(|c| can_be_mark(*c)).nth(max) {
        Some(_) => Cow::Owned(tables::remove_excess_marks(&text, max)),
        None => text,
    }
}

/// Whether `c` may be a mark: it is in none of the blocks of common letters.
fn can_be_mark(c: char) -> bool {
    !matches!(c, '\0'..='\u{2FF}' | '\u{2010}'..='\u{2027}' | '\u{30A0}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7FF}')
}

/// Whether `c` puts the letter after it below the one before it.
#[cfg(not(target_arch = "wasm32"))]
fn is_stacker(c: char) -> bool {
    matches!(c, '\u{1039}' | '\u{17D2}')
}

/// Whether `c` is invisible, so that the mark after it belongs to the letter before it.
#[cfg(not(target_arch = "wasm32"))]
fn is_between_marks(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

pub(crate) const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// Turns the character before it into an emoji.
pub(crate) const EMOJI_SELECTOR: char = '\u{FE0F}';
/// Turns the character before it into text.
pub(crate) const TEXT_SELECTOR: char = '\u{FE0E}';
/// Turns the digit before it into a key.
pub(crate) const KEYCAP: char = '\u{20E3}';

/// Whether `c` draws nothing by itself.
pub(crate) fn is_blank(c: char) -> bool {
    // Symbols and marks whose picture is empty; no property says so.
    matches!(c, '\u{2800}' | '\u{16FE4}' | '\u{1D159}' | '\u{13441}' | '\u{13442}') || tables::is_ignorable(c)
}

/// Whether `c` can stand on both sides of the joiner of an emoji.
pub(crate) fn is_part_of_emoji(c: char) -> bool {
    c == EMOJI_SELECTOR || (is_emoji(c) && !is_keycap_base(c))
}

/// Removes the flag of England, Scotland or Wales from the beginning of `text`: a black flag, and the letters
/// of the region and an end as tags (UTS 51). No other sequence of tags is in general use.
pub(crate) fn strip_region_flag(text: &str) -> Option<&str> {
    let tags = text.strip_prefix('\u{1F3F4}')?;
    ["gbeng", "gbsct", "gbwls"].into_iter().find_map(|region| {
        let tag = |letter: u8| char::from_u32(TAGS + u32::from(letter));
        let mut letters = region.bytes();
        letters.try_fold(tags, |tags, letter| tags.strip_prefix(tag(letter)?))?.strip_prefix(TAG_END)
    })
}

/// The first of the tags, which repeat ASCII invisibly.
const TAGS: u32 = 0xE0000;
const TAG_END: char = '\u{E007F}';

/// Whether `c` is a form of another character for the grid of East Asian type.
fn has_unusual_width(c: char) -> bool {
    matches!(c, '\u{FF00}'..='\u{FFEF}')
}

/// Whether `c` is a variation selector.
pub(crate) fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

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

/// Whether `c` is an emoji by itself, without U+FE0F (Unicode's `Emoji_Presentation`). Whatever Unicode adds to
/// the blocks of pictographs will be; some of the older ones are not.
pub(crate) fn is_emoji_by_default(c: char) -> bool {
    match c {
        '\u{1F170}'..='\u{1F171}'
        | '\u{1F17E}'..='\u{1F17F}'
        | '\u{1F202}'
        | '\u{1F237}'
        | '\u{1F321}'
        | '\u{1F324}'..='\u{1F32C}'
        | '\u{1F336}'
        | '\u{1F37D}'
        | '\u{1F396}'..='\u{1F397}'
        | '\u{1F399}'..='\u{1F39B}'
        | '\u{1F39E}'..='\u{1F39F}'
        | '\u{1F3CB}'..='\u{1F3CE}'
        | '\u{1F3D4}'..='\u{1F3DF}'
        | '\u{1F3F3}'
        | '\u{1F3F5}'
        | '\u{1F3F7}'
        | '\u{1F43F}'
        | '\u{1F441}'
        | '\u{1F4FD}'
        | '\u{1F549}'..='\u{1F54A}'
        | '\u{1F56F}'..='\u{1F570}'
        | '\u{1F573}'..='\u{1F579}'
        | '\u{1F587}'
        | '\u{1F58A}'..='\u{1F58D}'
        | '\u{1F590}'
        | '\u{1F5A5}'
        | '\u{1F5A8}'
        | '\u{1F5B1}'..='\u{1F5B2}'
        | '\u{1F5BC}'
        | '\u{1F5C2}'..='\u{1F5C4}'
        | '\u{1F5D1}'..='\u{1F5D3}'
        | '\u{1F5DC}'..='\u{1F5DE}'
        | '\u{1F5E1}'
        | '\u{1F5E3}'
        | '\u{1F5E8}'
        | '\u{1F5EF}'
        | '\u{1F5F3}'
        | '\u{1F5FA}'
        | '\u{1F6CB}'
        | '\u{1F6CD}'..='\u{1F6CF}'
        | '\u{1F6E0}'..='\u{1F6E5}'
        | '\u{1F6E9}'
        | '\u{1F6F0}'
        | '\u{1F6F3}' => false,
        '⌚'
        | '⌛'
        | '⏩'..='⏬'
        | '⏰'
        | '⏳'
        | '◽'
        | '◾'
        | '☔'
        | '☕'
        | '♈'..='♓'
        | '♿'
        | '⚓'
        | '⚡'
        | '⚪'
        | '⚫'
        | '⚽'
        | '⚾'
        | '⛄'
        | '⛅'
        | '⛎'
        | '⛔'
        | '⛪'
        | '⛲'
        | '⛳'
        | '⛵'
        | '⛺'
        | '⛽'
        | '✅'
        | '✊'
        | '✋'
        | '✨'
        | '❌'
        | '❎'
        | '❓'..='❕'
        | '❗'
        | '➕'..='➗'
        | '➰'
        | '➿'
        | '⬛'
        | '⬜'
        | '⭐'
        | '⭕' => true,
        _ => is_pictograph(c),
    }
}

/// Returns the one form of an emoji, in which Unicode's data lists it (UTS 51, "fully qualified"): U+FE0F
/// follows each character that is text without it, and no other. So ❤ and ❤️ are the same.
pub(crate) fn emoji_form(text: &str) -> String {
    let mut form = String::with_capacity(text.len());
    let mut chars = text.chars().filter(|c| !matches!(*c, TEXT_SELECTOR | EMOJI_SELECTOR)).peekable();
    while let Some(c) = chars.next() {
        form.push(c);
        // A skin tone makes an emoji of what it follows.
        let is_toned = chars.peek().is_some_and(|next| is_skin_tone(*next));
        if is_keycap_base(c) || (can_be_emoji(c) && !is_emoji_by_default(c) && !is_toned) {
            form.push(EMOJI_SELECTOR);
        }
    }
    form
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

/// Whether `c` is an emoji or a part of one, or joins letters: what a word may have beside letters.
pub(crate) fn is_mark_of_word(c: char) -> bool {
    can_be_emoji(c)
        || matches!(c, '\u{200C}' | ZERO_WIDTH_JOINER)
        || is_variation_selector(c)
        || is_emoji_tag(c)
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
