//! A text taken apart: values, lists and records, whoever they are for.

use std::mem;

use super::{FromJson, Garbled};

/// Deeper than any type of ours; a stack is only so deep.
const MAX_DEPTH: u32 = 64;

/// A value. What a number is that is not whole, nobody asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// There is no field of this name.
    Missing,
    Null,
    Bool(bool),
    Whole(i64),
    Fraction,
    Text(String),
    List(Vec<Json>),
    Record(Record),
}

/// Names and what they stand for, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record(pub(super) Vec<(String, Json)>);

/// Reads the whole text as one value.
pub(super) fn parse(text: &str) -> Result<Json, Garbled> {
    let mut parser = Parser { rest: text, depth: 0 };
    let value = parser.value()?;
    parser.skip_space();
    if parser.rest.is_empty() { Ok(value) } else { Err(Garbled) }
}

/// The texts of the elements of a list, unread.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, Garbled> {
    let mut parser = Parser { rest: text, depth: 0 };
    let mut elements = Vec::new();
    parser.sequence("[", "]", &mut |parser| {
        parser.skip_space();
        let before = parser.rest;
        parser.value()?;
        elements.push(&before[..before.len() - parser.rest.len()]);
        Ok(())
    })?;
    parser.skip_space();
    if parser.rest.is_empty() { Ok(elements) } else { Err(Garbled) }
}

struct Parser<'a> {
    rest: &'a str,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Json, Garbled> {
        self.skip_space();
        match self.rest.as_bytes().first() {
            Some(b'"') => self.text().map(Json::Text),
            Some(b'[') => {
                let mut list = Vec::new();
                self.sequence("[", "]", &mut |parser| {
                    list.push(parser.value()?);
                    Ok(())
                })?;
                Ok(Json::List(list))
            }
            Some(b'{') => {
                let mut record = Vec::new();
                self.sequence("{", "}", &mut |parser| {
                    parser.skip_space();
                    let name = parser.text()?;
                    parser.skip_space();
                    parser.take(":")?;
                    record.push((name, parser.value()?));
                    Ok(())
                })?;
                Ok(Json::Record(Record(record)))
            }
            Some(b't') => self.take("true").map(|()| Json::Bool(true)),
            Some(b'f') => self.take("false").map(|()| Json::Bool(false)),
            Some(b'n') => self.take("null").map(|()| Json::Null),
            _ => self.number(),
        }
    }

    /// What stands between `open` and `close`, separated by commas.
    fn sequence(
        &mut self,
        open: &str,
        close: &str,
        element: &mut dyn FnMut(&mut Parser<'a>) -> Result<(), Garbled>,
    ) -> Result<(), Garbled> {
        self.skip_space();
        self.take(open)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Garbled);
        }
        self.skip_space();
        if self.take(close).is_err() {
            loop {
                element(self)?;
                self.skip_space();
                if self.take(",").is_err() {
                    break self.take(close)?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn text(&mut self) -> Result<String, Garbled> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            let plain =
                self.rest.find(|letter| matches!(letter, '"' | '\\' | '\0'..'\u{20}')).ok_or(Garbled)?;
            text.push_str(&self.rest[..plain]);
            self.rest = &self.rest[plain..];
            if self.take("\"").is_ok() {
                return Ok(text);
            }
            self.take("\\")?;
            text.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Result<char, Garbled> {
        let kind = self.rest.chars().next().ok_or(Garbled)?;
        self.rest = &self.rest[kind.len_utf8()..];
        Ok(match kind {
            '"' | '\\' | '/' => kind,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.hexadecimal()?;
                let letter = if (0xD800..0xDC00).contains(&unit) {
                    self.take("\\u")?;
                    let low = self.hexadecimal()?.checked_sub(0xDC00).filter(|low| *low < 0x400);
                    0x10000 + ((unit - 0xD800) << 10) + low.ok_or(Garbled)?
                } else {
                    unit
                };
                char::from_u32(letter).ok_or(Garbled)?
            }
            _ => return Err(Garbled),
        })
    }

    fn hexadecimal(&mut self) -> Result<u32, Garbled> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(Garbled)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Garbled);
        }
        self.rest = rest;
        u32::from_str_radix(digits, 16).map_err(|_| Garbled)
    }

    fn number(&mut self) -> Result<Json, Garbled> {
        let negative = self.take("-").is_ok();
        let number = self.rest;
        if self.take("0").is_err() {
            self.digits()?;
        }
        let size = number[..number.len() - self.rest.len()].parse::<u64>().ok();
        let mut fraction = false;
        if self.take(".").is_ok() {
            self.digits()?;
            fraction = true;
        }
        if self.take("e").is_ok() || self.take("E").is_ok() {
            let _ = self.take("+").or_else(|_| self.take("-"));
            self.digits()?;
            fraction = true;
        }
        let whole = size
            .filter(|_| !fraction)
            .and_then(|size| if negative { 0_i64.checked_sub_unsigned(size) } else { size.try_into().ok() });
        Ok(whole.map_or(Json::Fraction, Json::Whole))
    }

    fn digits(&mut self) -> Result<(), Garbled> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.rest = &self.rest[digits..];
        if digits > 0 { Ok(()) } else { Err(Garbled) }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
    }

    fn take(&mut self, expected: &str) -> Result<(), Garbled> {
        self.rest = self.rest.strip_prefix(expected).ok_or(Garbled)?;
        Ok(())
    }
}

impl Json {
    pub fn record(self) -> Result<Record, Garbled> {
        if let Json::Record(record) = self { Ok(record) } else { Err(Garbled) }
    }

    /// A record of one field, as which a case of an enumeration is written.
    pub fn case(self) -> Result<(String, Json), Garbled> {
        let [case] = self.record()?.0.try_into().map_err(|_| Garbled)?;
        Ok(case)
    }
}

impl Record {
    /// The field of this name, which is gone from here then.
    pub fn take<T: FromJson>(&mut self, name: &str) -> Result<T, Garbled> {
        T::from_json(self.take_out(name))
    }

    fn take_out(&mut self, name: &str) -> Json {
        let field = self.0.iter_mut().find(|(field, _)| field == name);
        field.map_or(Json::Missing, |(_, value)| mem::replace(value, Json::Missing))
    }
}
