//! Works around the encoding bugs of Engine.IO 3 clients (socket.io-client 1.x and 2.x), so that
//! they can read and write Korean.
//!
//! Over long-polling, 1.x clients encode every packet as UTF-8 before the body is encoded as UTF-8
//! again, and expect the same of the server; 2.x clients do not. Both send `EIO=3`, so they can not
//! be told apart, and Node's own servers garble such text. We send what both read correctly, JSON
//! in ASCII, and detect strings that were encoded twice.

use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// Encodes `payload` as JSON with an escape for every non-ASCII character (RFC 8259 §7).
pub(super) fn ascii_json(payload: &impl Serialize) -> serde_json::Result<Box<RawValue>> {
    let json = to_raw_value(payload)?;
    if json.get().is_ascii() {
        return Ok(json);
    }
    let mut escaped = String::with_capacity(json.get().len() * 2);
    let mut units = [0; 2];
    for character in json.get().chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            // JSON is ASCII outside of strings, so this character is inside one.
            for unit in character.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    RawValue::from_string(escaped)
}

/// Decodes every double-encoded string in `value` once more.
pub(super) fn decode_doubled(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(decode_doubled_text(&text).unwrap_or(text)),
        Value::Array(items) => items.into_iter().map(decode_doubled).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, decode_doubled(value))).collect()
        }
        other => other,
    }
}

/// Decodes a text once more if it was encoded twice.
fn decode_doubled_text(text: &str) -> Option<String> {
    // Such a text has no character above U+00FF, and its characters as bytes are valid UTF-8 with at least
    // one multi-byte sequence. Text written by a person hardly ever looks like that.
    if text.is_ascii() {
        return None;
    }
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<_>>()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Encodes a text as a 1.x client does.
    fn encode_doubled(text: &str) -> String {
        text.bytes().map(char::from).collect()
    }

    #[test]
    fn double_encoded_text_is_decoded_and_other_text_is_unchanged() {
        let value =
            json!({ "body": encode_doubled("안녕 👋"), "list": [encode_doubled("마당"), "plain", 7] });
        assert_eq!(decode_doubled(value), json!({ "body": "안녕 👋", "list": ["마당", "plain", 7] }));
        for text in ["안녕", "café", "ÿ", "plain", "½ + ¼"] {
            assert_eq!(decode_doubled(json!(text)), json!(text));
        }
    }

    proptest! {
        #[test]
        fn every_text_survives_both_directions(text in any::<String>()) {
            let decoded = decode_doubled_text(&encode_doubled(&text)).unwrap_or_else(|| text.clone());
            prop_assert_eq!(decoded, text.clone());
            let json = ascii_json(&text).unwrap();
            prop_assert!(json.get().is_ascii());
            prop_assert_eq!(serde_json::from_str::<String>(json.get()).unwrap(), text);
        }
    }
}
