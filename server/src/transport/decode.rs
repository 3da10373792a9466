//! Decodes JSON from clients, and says which field is wrong. Used by HTTP and Socket.IO.

use std::borrow::Cow;

use axum::http::StatusCode;
use common::refusal::Refusal;
use serde::de::DeserializeOwned;
use serde_json::{Value, error::Category};
use serde_path_to_error::{Deserializer, Path, Track};

use super::error::Refused;

/// Decodes a JSON text. `see` says where its form is described.
pub(super) fn from_slice<T: DeserializeOwned>(json: &[u8], see: &str) -> Result<T, Refused> {
    let mended = std::str::from_utf8(json).ok().map(mend_surrogates);
    let json = mended.as_ref().map_or(json, |json| json.as_bytes());
    let mut track = Track::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let decoded = T::deserialize(Deserializer::new(&mut deserializer, &mut track));
    let value = decoded.map_err(|error| refused(&track.path(), &error, see))?;
    deserializer.end().map_err(|error| refused(&Track::new().path(), &error, see))?;
    Ok(value)
}

/// Decodes a JSON value with `decode`.
pub(super) fn from_value<T>(
    value: Value,
    see: &str,
    decode: impl FnOnce(Deserializer<'_, '_, Value>) -> serde_json::Result<T>,
) -> Result<T, Refused> {
    let mut track = Track::new();
    let decoded = decode(Deserializer::new(value, &mut track));
    decoded.map_err(|error| refused(&track.path(), &error, see))
}

/// Replaces each half of a surrogate pair in the escapes of a JSON text by U+FFFD, as it becomes outside of
/// JSON. JavaScript writes it when it has cut a string in the middle of an emoji; serde_json refuses it.
pub(super) fn mend_surrogates(json: &str) -> Cow<'_, str> {
    let (mut mended, mut kept, mut at) = (String::new(), 0, 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        at += match escaped_unit(&json[at..]) {
            Some(0xD800..=0xDBFF) if matches!(escaped_unit(&json[at + 6..]), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                mended.push_str(&json[kept..at]);
                mended.push_str("\\ufffd");
                kept = at + 6;
                6
            }
            // A backslash and what it escapes, which may be another backslash.
            _ => 1 + json[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    mended.push_str(&json[kept..]);
    Cow::Owned(mended)
}

/// Returns the UTF-16 code unit that is escaped at the beginning of a JSON text.
fn escaped_unit(json: &str) -> Option<u16> {
    let digits =
        json.strip_prefix("\\u")?.get(..4).filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

/// Turns serde's error into a refusal: that of the value, or one that names the field and what it should be.
fn refused(path: &Path, error: &serde_json::Error, see: &str) -> Refused {
    let text = error.to_string();
    let field = path.iter().next().map(|_| path.to_string());
    let refusal = Refusal::from_decoding(error);
    if refusal != Refusal::BadRequest {
        return about(refusal.into(), field);
    }
    let malformed = |sentence: String| Refused::malformed(StatusCode::BAD_REQUEST, sentence);
    if matches!(error.classify(), Category::Syntax | Category::Eof | Category::Io) {
        let (line, column) = (error.line(), error.column());
        return malformed(format!("That is no JSON from line {line}, column {column} on; {see}."));
    }
    if let Some(name) = quoted_after(&text, "missing field ") {
        let field = join(field.as_deref(), name);
        return malformed(format!("`{field}` is missing; {see}.")).about(field);
    }
    if let Some(name) = quoted_after(&text, "duplicate field ") {
        let field = join(field.as_deref(), name);
        return malformed(format!("`{field}` is there twice; {see}.")).about(field);
    }
    let expected = expected(&text);
    match field {
        Some(field) => malformed(format!("`{field}` should be {expected}; {see}.")).about(field),
        None => malformed(format!("That should be {expected}; {see}.")),
    }
}

fn about(refused: Refused, field: Option<String>) -> Refused {
    match field {
        Some(field) => refused.about(field),
        None => refused,
    }
}

fn join(parent: Option<&str>, name: &str) -> String {
    parent.map_or_else(|| name.to_owned(), |parent| format!("{parent}.{name}"))
}

/// The name between backticks after `start`, with which the text must begin.
fn quoted_after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.strip_prefix(start)?.strip_prefix('`')?.split('`').next()
}

/// What serde expected, in the words of JSON. The text before it quotes the client's value, which may be long.
fn expected(text: &str) -> &str {
    let expected = text.rsplit_once(", expected ").map_or("of another kind", |(_, expected)| expected);
    let expected = expected.rsplit_once(" at line ").map_or(expected, |(expected, _)| expected);
    match expected {
        "u16" | "u32" | "u64" => "a whole number that is not negative",
        "i64" => "a whole number",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

#[cfg(test)]
mod tests {
    use common::protocol::{command::Command, http::Post};
    use serde_json::json;

    use super::*;

    /// The field and the sentence of the refusal.
    fn explain(refused: &Refused) -> (Option<String>, String) {
        let json = serde_json::to_value(refused).unwrap();
        (json["field"].as_str().map(str::to_owned), json["message"].as_str().unwrap().to_owned())
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_replacement_character() {
        let decode = |json: &str| from_slice::<String>(json.as_bytes(), "see there").ok();
        for (json, text) in [
            (r#""a\ud83d""#, "a\u{FFFD}"),
            (r#""\uDE00b""#, "\u{FFFD}b"),
            (r#""\ud83d\ud83d\ude00\ude00""#, "\u{FFFD}😀\u{FFFD}"),
            (r#""\ud83d\n""#, "\u{FFFD}\n"),
            (r#""\\ud83d \\\ud83d""#, "\\ud83d \\\u{FFFD}"),
            (r#""\ud83d\ude00한""#, "😀한"),
        ] {
            assert_eq!(decode(json).as_deref(), Some(text), "{json}");
        }
        for json in [r#""\ud83"#, r#""\ud8한""#, r#""\"#, r#""\u"#] {
            assert_eq!((decode(json), mend_surrogates(json)), (None, Cow::Borrowed(json)));
        }
    }

    #[test]
    fn a_wrong_or_missing_field_is_named() {
        let long = format!(r#"{{"body": "x", "reply_to": "{}"}}"#, "x".repeat(10_000));
        for (body, field, sentence) in [
            (r#"{"text": "hi"}"#, Some("body"), "`body` is missing; see there."),
            (r#"{"body": 7}"#, Some("body"), "`body` should be a string; see there."),
            (
                r#"{"body": "x", "reply_to": -1}"#,
                Some("reply_to"),
                "`reply_to` should be a whole number that is not negative; see there.",
            ),
            (&long, Some("reply_to"), "`reply_to` should be a whole number that is not negative; see there."),
            (r#"{"body": "x", "body": "y"}"#, Some("body"), "`body` is there twice; see there."),
            (r#"{"body": "x", "name": ""}"#, Some("name"), Refusal::NameEmpty.sentence()),
            ("7", None, "That should be an object; see there."),
            ("[", None, "That is no JSON from line 1, column 1 on; see there."),
            (r#"{"body": "x"} x"#, None, "That is no JSON from line 1, column 15 on; see there."),
        ] {
            let refused = from_slice::<Post>(body.as_bytes(), "see there").unwrap_err();
            assert_eq!(explain(&refused), (field.map(str::to_owned), sentence.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_wrong_field_of_a_command_is_named() {
        for (command, payload, field) in [
            ("join", json!({ "seats": 2 }), Some("room")),
            ("join", json!({ "room": "a/b" }), Some("room")),
            ("join", json!({ "room": "r", "seats": 0 }), Some("seats")),
            ("describe", json!({ "room": "r", "cid": "c", "seats": "many" }), Some("seats")),
            ("join", json!("lobby"), None),
        ] {
            let refused = from_value(payload.clone(), "see there", |payload| {
                Command::decode(command, payload).unwrap()
            });
            let refused = refused.unwrap_err();
            assert_eq!(explain(&refused).0.as_deref(), field, "{payload}");
        }
    }
}
