//! Messages: their text, their two ids (the client's `cid` and the room's `seq`) and reaction emoji.

use serde::{Deserialize, Serialize};

use crate::{
    refusal::Refusal,
    text::{self, text_newtype},
    unicode,
};

text_newtype! {
    /// The text of a message: 1 to 4,000 characters, at most 16 KiB, with line breaks and tabs.
    pub struct Body;
    from_store: |text| unicode::limit_marks(text.into(), Body::MAX_MARKS).into_owned()
}

impl Body {
    /// The longest message, in grapheme clusters.
    pub const MAX: usize = 4_000;

    /// The longest message, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// The most marks on one letter. Tibetan stacks have up to eight; others are ornaments, of which thousands
    /// would cover the page and take seconds to draw.
    pub const MAX_MARKS: usize = 8;

    /// Parses a message and normalises it: NFC, `\n` as line break, without other control characters, blank
    /// lines around it, white space at its end and more marks than [`Body::MAX_MARKS`]. The refusals are `message_empty` and `message_too_long`.
    pub fn parse(text: &str) -> Result<Body, Refusal> {
        let cleaned = unicode::limit_marks(text::clean(text), Self::MAX_MARKS);
        let text = text::trim_blank_lines(&cleaned);
        if text.len() > Self::MAX_BYTES {
            return Err(Refusal::MessageTooLong);
        }
        let body = unicode::nfc(text);
        if !text::is_visible(&body) {
            return Err(Refusal::MessageEmpty);
        }
        if body.len() > Self::MAX_BYTES || text::is_longer_than(Self::MAX, &body) {
            return Err(Refusal::MessageTooLong);
        }
        Ok(Body(body))
    }

    /// Returns how many more characters fit, negative if `text` is too long for [`Body::parse`].
    /// `None` while `text` has less than nine tenths of either limit; that case is cheap.
    pub fn remaining(text: &str) -> Option<isize> {
        let cleaned = unicode::limit_marks(text::clean(text), Self::MAX_MARKS);
        let text = text::trim_blank_lines(&cleaned);
        let is_near = |used: usize, limit: usize| used * 10 >= limit * 9;
        let is_near_in_bytes = is_near(text.len(), Self::MAX_BYTES);
        if !is_near_in_bytes && (!is_near(text.len(), Self::MAX) || !is_near(text.chars().count(), Self::MAX))
        {
            return None;
        }
        // The page calls this on every keystroke, so a text that is far too long is only estimated.
        let far_too_long = text.len() > 4 * Self::MAX_BYTES;
        let normalized = unicode::nfc(text);
        let characters = if far_too_long { text.chars().count() } else { text::count_graphemes(&normalized) };
        let bytes = if text.len() > Self::MAX_BYTES { text.len() } else { normalized.len() };
        let [characters, bytes, max, max_bytes] =
            [characters, bytes, Self::MAX, Self::MAX_BYTES].map(|count| count as isize);
        // Long emoji reach the limit in bytes first; convert the bytes that are left into characters
        // of this text's average size.
        let by_bytes = ((max_bytes - bytes) * characters).div_euclid(bytes.max(1));
        let remaining = by_bytes.min(max - characters);
        (is_near_in_bytes || is_near(characters as usize, Self::MAX)).then_some(remaining)
    }
}

text_newtype! {
    /// The client's id of a write: 1 to 64 characters of `A-Z a-z 0-9` and `_ - . : / + = @ ~`.
    /// Repeating a write with the same `cid` never adds a second event.
    #[derive(Hash)]
    pub struct Cid;
}

impl Cid {
    /// The longest cid, in bytes.
    pub const MAX: usize = 64;

    /// Parses a cid; the refusal is `cid_invalid`.
    pub fn parse(text: &str) -> Result<Cid, Refusal> {
        let is_allowed = |byte: u8| is_plain(byte) || b".:/+=@~".contains(&byte);
        if (1..=Self::MAX).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Cid(text.to_owned()))
        } else {
            Err(Refusal::CidInvalid)
        }
    }

    /// Whether it has only the characters that all versions can read: `A-Z a-z 0-9 _ -`.
    pub fn is_plain(&self) -> bool {
        self.0.bytes().all(is_plain)
    }

    /// Makes a cid of 128 random bits, which the caller provides.
    pub fn from_random(bits: u128) -> Cid {
        Cid(format!("{bits:032x}"))
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

text_newtype! {
    /// A reaction emoji: a single grapheme cluster, in the one form that Unicode's data lists, so that ❤ and
    /// ❤️ are the same reaction.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct Emoji;
    from_store: |text| unicode::emoji_form(&text)
}

impl Emoji {
    /// The longest emoji in bytes of UTF-8; a couple with two skin tones has 35.
    pub const MAX_BYTES: usize = 40;

    /// Parses an emoji, with or without the selectors U+FE0E and U+FE0F; the refusal is `emoji_invalid`.
    pub fn parse(text: &str) -> Result<Emoji, Refusal> {
        if text.len() > Self::MAX_BYTES {
            return Err(Refusal::EmojiInvalid);
        }
        let text = unicode::emoji_form(text);
        let text = text.as_str();
        // Which combinations are drawn depends on the reader's font. The check only ensures one
        // grapheme cluster from the blocks that hold emoji, and no text.
        let is_emoji = || match text.strip_prefix(unicode::is_keycap_base) {
            Some(keycap) => keycap == "\u{FE0F}\u{20E3}",
            None => {
                text.starts_with(unicode::can_be_emoji)
                    && (unicode::strip_region_flag(text) == Some("")
                        || text.chars().all(|c| unicode::can_be_emoji(c) || continues_emoji(c)))
                    && text::count_graphemes(text) == 1
            }
        };
        if text.len() <= Self::MAX_BYTES && is_emoji() {
            Ok(Emoji(text.to_owned()))
        } else {
            Err(Refusal::EmojiInvalid)
        }
    }
}

/// Whether `c` joins emoji or selects their presentation.
fn continues_emoji(c: char) -> bool {
    matches!(c, unicode::ZERO_WIDTH_JOINER | unicode::EMOJI_SELECTOR | unicode::KEYCAP)
}

/// An event's position in its room's log: 1, 2, 3, … without gaps. Zero means "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Returns the next position.
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

/// Milliseconds since 1970-01-01 UTC by the server's clock. For display only; order events by [`Seq`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_body_is_normalised_and_trimmed() {
        assert_eq!(Body::parse("\r\n \n  안녕\r\n하세요\r!  \n").unwrap().as_str(), "  안녕\n하세요\n!");
        assert_eq!(Body::parse("\u{1112}\u{1161}\u{11AB}").unwrap().as_str(), "한");
    }

    #[test]
    fn unreadable_bodies_are_refused() {
        let refused = [
            (" \n\t ", Refusal::MessageEmpty),
            ("\u{200B}\u{FEFF}\u{200D}", Refusal::MessageEmpty),
            ("\u{1b}[2J", Refusal::MessageEmpty),
            ("\0\u{3}", Refusal::MessageEmpty),
        ];
        for (text, refusal) in refused {
            assert_eq!(Body::parse(text), Err(refusal), "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_left_out_of_a_body_before_it_is_measured() {
        let parse = |text: &str| Body::parse(text).map(|body| body.to_string());
        assert_eq!(parse("\u{1b}[32mPASS\u{1b}[0m ok\n").as_deref(), Ok("PASS ok"));
        assert_eq!(parse("제목\u{B}둘째 줄\u{C}\u{3}셋째").as_deref(), Ok("제목\n둘째 줄\n셋째"));
        let coloured = "\u{1b}[1;31m글\u{1b}[0m".repeat(4_000);
        assert_eq!(parse(&coloured), Ok("글".repeat(4_000)));
        assert_eq!(Body::remaining(&coloured), Some(0));
    }

    #[test]
    fn a_letter_of_a_body_keeps_eight_marks() {
        let acute = |count| "\u{301}".repeat(count);
        for (text, kept) in [
            (format!("e{}x", acute(8_000)), format!("\u{e9}{}x", acute(7))),
            (
                format!("e{}", "\u{301}\u{200D}".repeat(3_000)),
                format!("\u{e9}\u{200D}{}", "\u{301}\u{200D}".repeat(7)),
            ),
            (acute(3_000), acute(8)),
            (format!("👍{}", "🏽".repeat(3_000)), format!("👍{}", "🏽".repeat(8))),
            (
                format!("ب{}", "\u{64B}\u{651}".repeat(3_000)),
                format!("ب{}{}", "\u{64B}".repeat(4), "\u{651}".repeat(4)),
            ),
        ] {
            assert_eq!(Body::parse(&text).unwrap().as_str(), kept);
            assert_eq!(Body::from_store(kept.clone()).as_str(), kept);
        }
        let stacked = Body::parse(&format!("က{}", "\u{1039}\u{1000}".repeat(2_000))).unwrap();
        assert_eq!(stacked.as_str(), format!("က{}", "\u{1039}\u{1000}".repeat(8)));
        let joined = Body::parse(&"👩\u{200D}".repeat(2_000)).unwrap();
        assert_eq!(joined.as_str().matches('👩').count(), 9);
        let digits = format!("0{}42", "*\u{200D}".repeat(9));
        assert_eq!(Body::parse(&digits).unwrap().as_str(), digits, "nothing is joined there");
        let followed = Body::parse(&format!("{}👦x", "👩\u{200D}".repeat(20))).unwrap();
        assert_eq!(followed.as_str(), format!("👩{}x", "\u{200D}👩".repeat(8)));
        assert_eq!(Body::parse(followed.as_str()).unwrap(), followed, "once is enough");
        let old = Body::from_store(format!("e{}", acute(8_000)));
        assert_eq!(old.as_str(), format!("e{}", acute(8)), "a message of an older version");
        for text in [
            "བསྐྱོད ཧྐྵྨླྺྼྻྂ",
            "བྷཀྟི",
            "Việt Nam",
            "שָׁ֑לוֹם",
            "ที่นี่",
            "👩🏽‍❤️‍💋‍👨🏻 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} 1️⃣",
            "क्षत्रिय",
            "မြန်မာ",
            "ខ្មែរ",
            "한글",
            "が",
        ] {
            assert_eq!(Body::parse(text).unwrap().as_str(), unicode::nfc(text));
        }
    }

    #[test]
    fn a_body_has_at_most_four_thousand_characters_and_16_kib() {
        assert!(Body::parse(&"글".repeat(4_000)).is_ok());
        assert_eq!(Body::parse(&"글".repeat(4_001)), Err(Refusal::MessageTooLong));
        assert_eq!(
            Body::parse(&"👩‍👩‍👧‍👦".repeat(1_000)),
            Err(Refusal::MessageTooLong),
            "25 bytes each: over 16 KiB"
        );
    }

    #[test]
    fn an_emoji_is_a_single_picture() {
        let emoji = [
            "👍",
            "❤️",
            "☎️",
            "©️",
            "🇰🇷",
            "👍🏽",
            "👩‍👩‍👧‍👦",
            "🧑🏻‍❤️‍💋‍🧑🏿",
            "1️⃣",
            "#️⃣",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        ];
        for text in emoji {
            assert_eq!(Emoji::parse(text).map(|emoji| emoji.to_string()).as_deref(), Ok(text));
        }
        let long = format!("👍{}", "\u{200D}👍".repeat(6));
        let texts = [
            "",
            "a",
            "1",
            "ㅋ",
            "👍👍",
            "👍 ",
            "\u{200D}",
            "\u{FE0F}",
            "한\u{FE0F}",
            "👍\u{202E}",
            "1\u{20E3}x",
            "👍\u{E0067}\u{E007F}",
            "🏴\u{E0067}\u{E0062}\u{E007F}",
            &long,
        ];
        for text in texts {
            assert_eq!(Emoji::parse(text), Err(Refusal::EmojiInvalid), "{text:?}");
        }
    }

    #[test]
    fn an_emoji_has_one_form() {
        for (typed, form) in [
            ("\u{2764}", "\u{2764}\u{FE0F}"),
            ("\u{2764}\u{FE0E}", "\u{2764}\u{FE0F}"),
            ("\u{2764}\u{FE0F}", "\u{2764}\u{FE0F}"),
            ("\u{1F44D}\u{FE0F}", "\u{1F44D}"),
            ("\u{23}\u{20E3}", "\u{23}\u{FE0F}\u{20E3}"),
            ("\u{1F577}", "\u{1F577}\u{FE0F}"),
            ("\u{1F3F3}\u{200D}\u{1F308}", "\u{1F3F3}\u{FE0F}\u{200D}\u{1F308}"),
            ("\u{1F441}\u{200D}\u{1F5E8}", "\u{1F441}\u{FE0F}\u{200D}\u{1F5E8}\u{FE0F}"),
            ("\u{261D}\u{FE0F}\u{1F3FD}", "\u{261D}\u{1F3FD}"),
            ("\u{26F9}\u{1F3FB}\u{200D}\u{2642}", "\u{26F9}\u{1F3FB}\u{200D}\u{2642}\u{FE0F}"),
        ] {
            let parsed = Emoji::parse(typed).unwrap();
            assert_eq!(parsed.as_str(), form, "{typed:?}");
            assert_eq!(Emoji::from_store(typed.to_owned()), parsed, "{typed:?}");
            assert_eq!(Emoji::parse(form), Ok(parsed), "{form:?}");
        }
    }

    #[test]
    fn the_remaining_characters_are_counted_from_nine_tenths_on() {
        for (text, left) in [
            ("글".repeat(3_599), None),
            ("글".repeat(3_600), Some(400)),
            ("글".repeat(4_001), Some(-1)),
            ("x".repeat(3_600), Some(400)),
            ("e\u{301}".repeat(3_900), Some(100)),
            ("👩‍👩‍👧‍👦".repeat(500), None),
            ("👩‍👩‍👧‍👦".repeat(655), Some(0)),
            ("👩‍👩‍👧‍👦".repeat(656), Some(-1)),
            (" ".repeat(20_000), None),
            (String::new(), None),
        ] {
            assert_eq!(Body::remaining(&text), left, "{}", text.chars().take(5).collect::<String>());
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod properties {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn remaining_is_negative_exactly_when_a_text_is_too_long(part in "[가a👩‍\u{301} ]{1,12}", size in 1_u32..30_000) {
                // A text without visible characters would be refused as empty, however long it is.
                let text = format!("x{}", part.repeat(size as usize / part.len() + 1));
                let refused = Body::parse(&text) == Err(Refusal::MessageTooLong);
                prop_assert_eq!(Body::remaining(&text).is_some_and(|left| left < 0), refused);
            }
        }
    }

    #[test]
    fn a_cid_is_plain_ascii() {
        assert!(Cid::parse("0b2f-AZ_9").unwrap().is_plain());
        for text in ["build.1742", "ci:1742", "team/repo@1742", "a+b/c==", "~1"] {
            assert!(!Cid::parse(text).unwrap().is_plain(), "{text}");
        }
        assert_eq!(Cid::from_random(7).as_str().len(), 32);
        for text in ["", "가", "a b", "\"a\"", "a\\b", "a,b", "<a>", "a\0", &"x".repeat(65)] {
            assert_eq!(Cid::parse(text), Err(Refusal::CidInvalid), "{text:?}");
        }
    }
}
