//! A message and its two numbers: the sender's (`cid`) and the room's (`seq`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{refusal::Refusal, text};

/// What somebody says: 1 to 4,000 characters, at most 16 KiB, line breaks and tabs allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Body(String);

impl Body {
    /// The longest message, in characters as a reader counts them.
    pub const MAX: usize = 4_000;

    /// The longest message, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Parses a message: NFC, line breaks as `\n`, white space around it removed.
    ///
    /// The refusals are `message_empty`, `message_too_long` and `message_unreadable`.
    pub fn parse(text: &str) -> Result<Body, Refusal> {
        if text.len() > Self::MAX_BYTES {
            return Err(Refusal::MessageTooLong);
        }
        let body = text::tidy(text).replace("\r\n", "\n").replace('\r', "\n");
        if !text::is_visible(&body) {
            return Err(Refusal::MessageEmpty);
        }
        if body.len() > Self::MAX_BYTES || text::is_longer_than(Self::MAX, &body) {
            return Err(Refusal::MessageTooLong);
        }
        if body.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(Refusal::MessageUnreadable);
        }
        Ok(Body(body))
    }

    /// How many characters a reader would count in `text`, for a counter beside the composer.
    pub fn length(text: &str) -> usize {
        text::graphemes(&text::tidy(text))
    }

    /// Takes a text that was parsed before it was stored: a rule that became stricter since then
    /// must not make old events unreadable.
    pub fn from_store(text: String) -> Body {
        Body(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Body {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        Body::parse(&text)
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The sender's own id of a message, unique in its room: a send that is repeated with the same
/// `cid` is the same message. 1 to 64 characters of `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Cid(String);

impl Cid {
    /// The longest cid, in bytes.
    pub const MAX: usize = 64;

    /// Parses a cid; the refusal is `cid_invalid`.
    pub fn parse(text: &str) -> Result<Cid, Refusal> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=Self::MAX).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Cid(text.to_owned()))
        } else {
            Err(Refusal::CidInvalid)
        }
    }

    /// A cid out of 128 random bits, which the caller brings.
    pub fn from_random(bits: u128) -> Cid {
        Cid(format!("{bits:032x}"))
    }

    /// Takes a text that was parsed before it was stored: a rule that became stricter since then
    /// must not make old events unreadable.
    pub fn from_store(text: String) -> Cid {
        Cid(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Cid {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        Cid::parse(&text)
    }
}

/// An event's position in its room's log: 1, 2, 3 … without a gap. Zero is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The position right after this one.
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

/// Milliseconds since 1970-01-01 UTC, by the server's clock. For showing, never for ordering.
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
        assert_eq!(Body::parse("  안녕\r\n하세요\r!  ").unwrap().as_str(), "안녕\n하세요\n!");
        assert_eq!(Body::parse("\u{1112}\u{1161}\u{11AB}").unwrap().as_str(), "한");
    }

    #[test]
    fn bodies_nobody_could_read_are_refused() {
        let refused = [
            (" \n\t ", Refusal::MessageEmpty),
            ("\u{200B}\u{FEFF}\u{200D}", Refusal::MessageEmpty),
            ("\u{1b}[2J", Refusal::MessageUnreadable),
            ("a\0b", Refusal::MessageUnreadable),
        ];
        for (text, refusal) in refused {
            assert_eq!(Body::parse(text), Err(refusal), "{text:?}");
        }
    }

    #[test]
    fn four_thousand_syllables_fit_and_one_more_does_not() {
        assert!(Body::parse(&"글".repeat(4_000)).is_ok());
        assert_eq!(Body::parse(&"글".repeat(4_001)), Err(Refusal::MessageTooLong));
        assert_eq!(
            Body::parse(&"👩‍👩‍👧‍👦".repeat(1_000)),
            Err(Refusal::MessageTooLong),
            "25 bytes each: over 16 KiB"
        );
        assert_eq!(Body::length("👩‍👩‍👧‍👦한"), 2);
    }

    #[test]
    fn a_cid_is_plain_ascii() {
        assert!(Cid::parse("0b2f-AZ_9").is_ok());
        assert_eq!(Cid::from_random(7).as_str().len(), 32);
        for text in ["", "가", "a b", &"x".repeat(65)] {
            assert_eq!(Cid::parse(text), Err(Refusal::CidInvalid), "{text:?}");
        }
    }
}
