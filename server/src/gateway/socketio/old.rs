//! What clients of Engine.IO 3 need (socket.io-client 1.x and 2.x) to read and write Korean.
//!
//! Over long-polling, clients 1.x encode every packet as UTF-8 before the body is encoded as UTF-8
//! again, and expect the same of the server; clients 2.x do not. Both say `EIO=3`, so they can not
//! be told apart. Node's own servers garble such text. We write what both read alike, JSON in
//! ASCII, and recognise what was encoded twice.

use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// `payload` as JSON in which every character beyond ASCII is an escape (RFC 8259 §7).
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
            // Outside of strings JSON is ASCII, so this is always within one.
            for unit in character.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    RawValue::from_string(escaped)
}

/// Decodes once more every string that was encoded twice.
///
/// Such a string has no character above U+00FF, and its characters taken as bytes are UTF-8 with at
/// least one sequence of several bytes. A text that somebody wrote is hardly ever like that.
pub(super) fn decode_twice(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(undouble(&text).unwrap_or(text)),
        Value::Array(items) => items.into_iter().map(decode_twice).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, decode_twice(value))).collect()
        }
        other => other,
    }
}

fn undouble(text: &str) -> Option<String> {
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

    /// What a client 1.x does to a text before it goes on the wire.
    fn doubled(text: &str) -> String {
        text.bytes().map(char::from).collect()
    }

    #[test]
    fn what_was_encoded_twice_is_read_and_what_was_not_is_left_alone() {
        let value = json!({ "body": doubled("안녕 👋"), "list": [doubled("마당"), "plain", 7] });
        assert_eq!(decode_twice(value), json!({ "body": "안녕 👋", "list": ["마당", "plain", 7] }));
        for text in ["안녕", "café", "ÿ", "plain", "½ + ¼"] {
            assert_eq!(decode_twice(json!(text)), json!(text));
        }
    }

    proptest! {
        #[test]
        fn every_text_survives_both_ways(text in any::<String>()) {
            prop_assert_eq!(undouble(&doubled(&text)).unwrap_or_else(|| text.clone()), text.clone());
            let json = ascii_json(&text).unwrap();
            prop_assert!(json.get().is_ascii());
            prop_assert_eq!(serde_json::from_str::<String>(json.get()).unwrap(), text);
        }
    }
}
