//! The page's JSON codec for the types of this crate, built for a small WebAssembly file.
//!
//! `serde` generates a parser and a serializer per type, which a first visit would download. Here
//! one parser produces a [`Json`] value, each type takes its fields from it by name, and one
//! function writes the fields of every type. `types` holds the names of the fields.
//!
//! Not a validating parser: of duplicate keys the first wins, a missing bool is `false`, a missing
//! array is empty, a number that is not an integer has no value, and strings are not checked again.
//! It is meant for what our server writes. The server reads untrusted input with `serde_json`;
//! tests compare the two for every type.

mod parse;
mod types;

use std::fmt;

pub(crate) use self::parse::split_array;
pub use self::parse::{Json, Object};

/// Parses a value of a protocol type.
pub fn from_str<T: FromJson>(text: &str) -> Result<T, ParseError> {
    T::from_json(parse::parse(text)?)
}

/// Serializes a value of a protocol type.
pub fn to_string(value: &dyn ToJson) -> String {
    let mut text = String::new();
    value.to_json(&mut text);
    text
}

/// A type that can be read from JSON.
pub trait FromJson: Sized {
    fn from_json(json: Json) -> Result<Self, ParseError>;

    /// Returns the value that `null` stands for in an `Option<Self>`; `None` for most types.
    fn from_null() -> Option<Self> {
        None
    }
}

/// A type that can be written as JSON.
pub trait ToJson {
    /// Appends the value to `text`.
    fn to_json(&self, text: &mut String);

    /// Whether an object leaves out a field with this value.
    fn is_omitted(&self) -> bool {
        false
    }
}

/// Appends an object with these fields to `text`.
pub fn write_object(text: &mut String, fields: &[(&str, &dyn ToJson)]) {
    text.push('{');
    let mut separator = "";
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_omitted()) {
        text.push_str(separator);
        name.to_json(text);
        text.push(':');
        value.to_json(text);
        separator = ",";
    }
    text.push('}');
}

/// The text is not JSON, or not of the expected type. No caller needs to know more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError;

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not understood")
    }
}

impl std::error::Error for ParseError {}

impl FromJson for Json {
    fn from_json(json: Json) -> Result<Json, ParseError> {
        Ok(json)
    }
}

impl FromJson for bool {
    fn from_json(json: Json) -> Result<bool, ParseError> {
        match json {
            Json::Bool(value) => Ok(value),
            Json::Missing => Ok(false),
            _ => Err(ParseError),
        }
    }
}

impl ToJson for bool {
    fn to_json(&self, text: &mut String) {
        text.push_str(if *self { "true" } else { "false" });
    }
}

macro_rules! integers {
    ($($number:ty),*) => {$(
        impl FromJson for $number {
            fn from_json(json: Json) -> Result<$number, ParseError> {
                let Json::Integer(value) = json else { return Err(ParseError) };
                value.try_into().map_err(|_| ParseError)
            }
        }

        impl ToJson for $number {
            fn to_json(&self, text: &mut String) {
                text.push_str(&self.to_string());
            }
        }
    )*};
}

integers!(i64, u64, u32, u16);

impl FromJson for String {
    fn from_json(json: Json) -> Result<String, ParseError> {
        if let Json::String(text) = json { Ok(text) } else { Err(ParseError) }
    }
}

impl ToJson for String {
    fn to_json(&self, text: &mut String) {
        self.as_str().to_json(text);
    }
}

impl ToJson for &str {
    fn to_json(&self, text: &mut String) {
        text.push('"');
        for c in self.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                '\n' => text.push_str("\\n"),
                '\0'..='\u{1F}' => text.push_str(&format!("\\u{:04x}", u64::from(c))),
                _ => text.push(c),
            }
        }
        text.push('"');
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: Json) -> Result<Option<T>, ParseError> {
        match json {
            Json::Missing => Ok(None),
            Json::Null => Ok(T::from_null()),
            json => T::from_json(json).map(Some),
        }
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self, text: &mut String) {
        match self {
            Some(value) => value.to_json(text),
            None => text.push_str("null"),
        }
    }

    fn is_omitted(&self) -> bool {
        self.is_none()
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: Json) -> Result<Vec<T>, ParseError> {
        let items = match json {
            Json::Array(items) => items,
            Json::Missing => Vec::new(),
            _ => return Err(ParseError),
        };
        let mut values = Vec::with_capacity(items.len());
        for json in items {
            values.push(T::from_json(json)?);
        }
        Ok(values)
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self, text: &mut String) {
        self.as_slice().to_json(text);
    }
}

impl<T: ToJson> ToJson for &[T] {
    fn to_json(&self, text: &mut String) {
        text.push('[');
        for (index, value) in self.iter().enumerate() {
            text.push_str(if index > 0 { "," } else { "" });
            value.to_json(text);
        }
        text.push(']');
    }
}

impl<T: FromJson> FromJson for Box<T> {
    fn from_json(json: Json) -> Result<Box<T>, ParseError> {
        T::from_json(json).map(Box::new)
    }
}

impl<T: ToJson> ToJson for Box<T> {
    fn to_json(&self, text: &mut String) {
        self.as_ref().to_json(text);
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
