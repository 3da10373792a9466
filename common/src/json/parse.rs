//! Parses text into [`Json`] values.

use std::mem;

use super::{FromJson, ParseError};

/// The deepest nesting accepted: deeper than any protocol type, shallow enough for the stack.
const MAX_DEPTH: u32 = 64;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// The value of a field that the object does not have.
    Missing,
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is not an `i64`. Its value is dropped, as no protocol type has such a field.
    NonInteger,
    String(String),
    Array(Vec<Json>),
    Object(Object),
}

/// The fields of an object, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub(super) Vec<(String, Json)>);

/// Parses the whole text as one value.
pub(super) fn parse(text: &str) -> Result<Json, ParseError> {
    let mut parser = Parser { rest: text, depth: 0 };
    let value = parser.value()?;
    parser.skip_whitespace();
    if parser.rest.is_empty() { Ok(value) } else { Err(ParseError) }
}

/// Splits the text of an array into the texts of its elements.
pub(crate) fn split_array(text: &str) -> Result<Vec<&str>, ParseError> {
    let mut parser = Parser { rest: text, depth: 0 };
    let mut elements = Vec::new();
    parser.sequence("[", "]", &mut |parser| {
        parser.skip_whitespace();
        let start = parser.rest;
        parser.value()?;
        elements.push(&start[..start.len() - parser.rest.len()]);
        Ok(())
    })?;
    parser.skip_whitespace();
    if parser.rest.is_empty() { Ok(elements) } else { Err(ParseError) }
}

struct Parser<'a> {
    rest: &'a str,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Json, ParseError> {
        self.skip_whitespace();
        match self.rest.as_bytes().first() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'[') => {
                let mut items = Vec::new();
                self.sequence("[", "]", &mut |parser| {
                    items.push(parser.value()?);
                    Ok(())
                })?;
                Ok(Json::Array(items))
            }
            Some(b'{') => {
                let mut fields = Vec::new();
                self.sequence("{", "}", &mut |parser| {
                    parser.skip_whitespace();
                    let name = parser.string()?;
                    parser.skip_whitespace();
                    parser.expect(":")?;
                    fields.push((name, parser.value()?));
                    Ok(())
                })?;
                Ok(Json::Object(Object(fields)))
            }
            Some(b't') => self.expect("true").map(|()| Json::Bool(true)),
            Some(b'f') => self.expect("false").map(|()| Json::Bool(false)),
            Some(b'n') => self.expect("null").map(|()| Json::Null),
            _ => self.number(),
        }
    }

    /// Calls `element` for each of the comma-separated elements between `open` and `close`.
    fn sequence(
        &mut self,
        open: &str,
        close: &str,
        element: &mut dyn FnMut(&mut Parser<'a>) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.skip_whitespace();
        self.expect(open)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError);
        }
        self.skip_whitespace();
        if self.expect(close).is_err() {
            loop {
                element(self)?;
                self.skip_whitespace();
                if self.expect(",").is_err() {
                    break self.expect(close)?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.expect("\"")?;
        let mut text = String::new();
        loop {
            let plain = self.rest.find(|c| matches!(c, '"' | '\\' | '\0'..'\u{20}')).ok_or(ParseError)?;
            text.push_str(&self.rest[..plain]);
            self.rest = &self.rest[plain..];
            if self.expect("\"").is_ok() {
                return Ok(text);
            }
            self.expect("\\")?;
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let kind = self.rest.chars().next().ok_or(ParseError)?;
        self.rest = &self.rest[kind.len_utf8()..];
        Ok(match kind {
            '"' | '\\' | '/' => kind,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.hex_digits()?;
                let code_point = if (0xD800..0xDC00).contains(&unit) {
                    self.expect("\\u")?;
                    let low = self.hex_digits()?.checked_sub(0xDC00).filter(|low| *low < 0x400);
                    0x10000 + ((unit - 0xD800) << 10) + low.ok_or(ParseError)?
                } else {
                    unit
                };
                char::from_u32(code_point).ok_or(ParseError)?
            }
            _ => return Err(ParseError),
        })
    }

    fn hex_digits(&mut self) -> Result<u32, ParseError> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(ParseError)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ParseError);
        }
        self.rest = rest;
        u32::from_str_radix(digits, 16).map_err(|_| ParseError)
    }

    fn number(&mut self) -> Result<Json, ParseError> {
        let negative = self.expect("-").is_ok();
        let number = self.rest;
        if self.expect("0").is_err() {
            self.digits()?;
        }
        let magnitude = number[..number.len() - self.rest.len()].parse::<u64>().ok();
        let mut has_fraction = false;
        if self.expect(".").is_ok() {
            self.digits()?;
            has_fraction = true;
        }
        if self.expect("e").is_ok() || self.expect("E").is_ok() {
            let _ = self.expect("+").or_else(|_| self.expect("-"));
            self.digits()?;
            has_fraction = true;
        }
        let integer = magnitude.filter(|_| !has_fraction).and_then(|magnitude| match negative {
            true => 0_i64.checked_sub_unsigned(magnitude),
            false => magnitude.try_into().ok(),
        });
        Ok(integer.map_or(Json::NonInteger, Json::Integer))
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.rest = &self.rest[digits..];
        if digits > 0 { Ok(()) } else { Err(ParseError) }
    }

    fn skip_whitespace(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
    }

    fn expect(&mut self, expected: &str) -> Result<(), ParseError> {
        self.rest = self.rest.strip_prefix(expected).ok_or(ParseError)?;
        Ok(())
    }
}

impl Json {
    /// Returns the fields of an object.
    pub fn into_object(self) -> Result<Object, ParseError> {
        if let Json::Object(object) = self { Ok(object) } else { Err(ParseError) }
    }

    /// Returns the name and content of an enum variant, which is written as an object with one field.
    pub fn into_variant(self) -> Result<(String, Json), ParseError> {
        let [variant] = self.into_object()?.0.try_into().map_err(|_| ParseError)?;
        Ok(variant)
    }
}

impl Object {
    /// Removes the field of this name and converts its value.
    pub fn take<T: FromJson>(&mut self, name: &str) -> Result<T, ParseError> {
        T::from_json(self.take_value(name))
    }

    fn take_value(&mut self, name: &str) -> Json {
        let field = self.0.iter_mut().find(|(field, _)| field == name);
        field.map_or(Json::Missing, |(_, value)| mem::replace(value, Json::Missing))
    }
}
