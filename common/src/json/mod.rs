//! JSON as the page reads and writes it: the types of this crate, with little code.
//!
//! `serde` makes a reader and a writer anew for every type, and all of them are part of a first
//! visit. Here one parser makes a [`Json`] of a text, out of which a type takes its fields by name,
//! and one function writes the fields of them all. `types` says what is called how.
//! It reads what our server writes and is no oracle of what JSON is allowed to be: of two fields of
//! one name it takes the first, a field that is not there is read as `false` or as an empty list
//! where one of these is wanted, and fractions are read as nothing. Texts it takes as they stand. The
//! server, which reads what anybody may write, uses `serde_json`; that both understand each other is
//! tested type by type.

mod parse;
mod types;

use std::fmt;

pub(crate) use self::parse::elements;
pub use self::parse::{Json, Record};

/// Reads a value of ours.
pub fn read<T: FromJson>(text: &str) -> Result<T, Garbled> {
    T::from_json(parse::parse(text)?)
}

/// Writes a value of ours.
pub fn write(value: &dyn ToJson) -> String {
    let mut text = String::new();
    value.to_json(&mut text);
    text
}

/// What can be read.
pub trait FromJson: Sized {
    fn from_json(json: Json) -> Result<Self, Garbled>;

    /// What `null` says in the place of one: mostly that there is none.
    fn null() -> Option<Self> {
        None
    }
}

/// What can be written.
pub trait ToJson {
    /// Writes it behind what is there.
    fn to_json(&self, text: &mut String);

    /// Whether a record says nothing of it.
    fn is_nothing(&self) -> bool {
        false
    }
}

/// Writes a record of these fields.
pub fn write_record(text: &mut String, fields: &[(&str, &dyn ToJson)]) {
    text.push('{');
    let mut before = "";
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_nothing()) {
        text.push_str(before);
        name.to_json(text);
        text.push(':');
        value.to_json(text);
        before = ",";
    }
    text.push('}');
}

/// A text that is not JSON, or not what was to be read. Nobody asks what exactly was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbled;

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not understood")
    }
}

impl std::error::Error for Garbled {}

impl FromJson for Json {
    fn from_json(json: Json) -> Result<Json, Garbled> {
        Ok(json)
    }
}

impl FromJson for bool {
    fn from_json(json: Json) -> Result<bool, Garbled> {
        match json {
            Json::Bool(value) => Ok(value),
            Json::Missing => Ok(false),
            _ => Err(Garbled),
        }
    }
}

impl ToJson for bool {
    fn to_json(&self, text: &mut String) {
        text.push_str(if *self { "true" } else { "false" });
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl FromJson for $number {
            fn from_json(json: Json) -> Result<$number, Garbled> {
                let Json::Whole(value) = json else { return Err(Garbled) };
                value.try_into().map_err(|_| Garbled)
            }
        }

        impl ToJson for $number {
            fn to_json(&self, text: &mut String) {
                text.push_str(&self.to_string());
            }
        }
    )*};
}

whole_numbers!(i64, u64, u32, u16);

impl FromJson for String {
    fn from_json(json: Json) -> Result<String, Garbled> {
        if let Json::Text(text) = json { Ok(text) } else { Err(Garbled) }
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
        for letter in self.chars() {
            match letter {
                '"' | '\\' => text.extend(['\\', letter]),
                '\n' => text.push_str("\\n"),
                '\0'..='\u{1F}' => text.push_str(&format!("\\u{:04x}", u64::from(letter))),
                _ => text.push(letter),
            }
        }
        text.push('"');
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: Json) -> Result<Option<T>, Garbled> {
        match json {
            Json::Missing => Ok(None),
            Json::Null => Ok(T::null()),
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

    fn is_nothing(&self) -> bool {
        self.is_none()
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: Json) -> Result<Vec<T>, Garbled> {
        let list = match json {
            Json::List(list) => list,
            Json::Missing => Vec::new(),
            _ => return Err(Garbled),
        };
        let mut values = Vec::with_capacity(list.len());
        for json in list {
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
        for (place, value) in self.iter().enumerate() {
            text.push_str(if place > 0 { "," } else { "" });
            value.to_json(text);
        }
        text.push(']');
    }
}

impl<T: FromJson> FromJson for Box<T> {
    fn from_json(json: Json) -> Result<Box<T>, Garbled> {
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
