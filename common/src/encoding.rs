//! Decodes text from outside that may begin with a byte order mark, as Windows writes it.
//!
//! Used where a whole text arrives: a request body, a file, standard input.

use std::borrow::Cow;

/// The byte order mark of UTF-8.
pub const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";
/// The byte order mark of UTF-16, little and big endian.
pub const UTF_16_MARKS: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];

/// Decodes UTF-8, or UTF-16 with a byte order mark. The mark is left out. `None` if it is neither.
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let [little_endian, big_endian] = UTF_16_MARKS.map(|mark| bytes.strip_prefix(mark));
    match (little_endian, big_endian) {
        (Some(units), _) => decode_utf_16(units, u16::from_le_bytes).map(Cow::Owned),
        (_, Some(units)) => decode_utf_16(units, u16::from_be_bytes).map(Cow::Owned),
        (None, None) => {
            std::str::from_utf8(bytes).ok().map(|text| Cow::Borrowed(without_byte_order_mark(text)))
        }
    }
}

/// Returns the text without a byte order mark at its start.
pub fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

fn decode_utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let decoded = char::decode_utf16(units.iter().copied().map(unit));
    decoded.collect::<Result<String, _>>().ok().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_byte_order_mark_tells_the_encoding_and_is_no_text() {
        let decode = |bytes: &[u8]| decode(bytes).map(Cow::into_owned);
        let text = "마당 👋";
        assert_eq!(decode(text.as_bytes()).as_deref(), Some(text));
        assert_eq!(decode(&[UTF_8_MARK, text.as_bytes()].concat()).as_deref(), Some(text));
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().copied().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units.iter().copied().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(&[UTF_16_MARKS[0], &little[..]].concat()).as_deref(), Some(text));
        assert_eq!(decode(&[UTF_16_MARKS[1], &big[..]].concat()).as_deref(), Some(text));
        for invalid in [&b"\xFF"[..], b"\xFF\xFEx", b"\xFF\xFE\x3D\xD8", b"\xB0\xA1"] {
            assert_eq!(decode(invalid), None, "{invalid:?}");
        }
    }
}
