//! The format of a UDP datagram: optional authentication, the room, a display name and the text.
//!
//! ```text
//! /mac 1763829000 7f3e91c2 9b0c…      HMAC-SHA256 over "1763829000 7f3e91c2\n" and all following lines
//! /to deploys
//! /name build bot
//! green
//! ```
//!
//! Every header line is optional; the text after the last header is the message. This module only
//! parses: the server's UDP transport verifies the key or the MAC.

use crate::{
    encoding::without_byte_order_mark, message::Body, person::DisplayName, refusal::Refusal, room::RoomName,
};

/// The most bytes of a datagram: the longest message with all headers.
pub const MAX_BYTES: usize = Body::MAX_BYTES + 2 * 1024;

/// A parsed datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    pub authentication: Option<Authentication<'a>>,
    pub room: Option<RoomName>,
    pub name: Option<DisplayName>,
    pub body: Body,
}

/// How the sender shows that it knows the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// The key itself. Only for the local machine, because it can be read on the network.
    Key(&'a str),
    Mac(Mac<'a>),
}

/// A message authentication code and the text it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac<'a> {
    /// Seconds since 1970 by the sender's clock.
    pub time: u64,
    /// The text `TIME NONCE` of the header.
    pub stamp: &'a str,
    /// All text after the header line.
    pub rest: &'a str,
    pub tag: [u8; 32],
}

impl Mac<'_> {
    /// Returns the parts of the text that the MAC covers.
    pub fn signed_parts(&self) -> [&[u8]; 3] {
        [self.stamp.as_bytes(), b"\n", self.rest.as_bytes()]
    }
}

impl<'a> Datagram<'a> {
    /// Parses only the authentication of a datagram, so that an unauthenticated one is rejected cheaply.
    /// The refusal is `bad_request` for a malformed one.
    pub fn authentication(text: &'a str) -> Result<Option<Authentication<'a>>, Refusal> {
        let text = content(text);
        let mut rest = text;
        while let Some((header, value, after)) = split_header(rest) {
            match header {
                "mac" if rest.len() == text.len() => {
                    return parse_mac(value, after).map(Authentication::Mac).map(Some);
                }
                "key" => return Ok(Some(Authentication::Key(value))),
                "to" | "name" => rest = after,
                _ => break,
            }
        }
        Ok(None)
    }

    /// Parses a datagram. The refusals are those of its fields, and `bad_request` for a malformed
    /// authentication or a header that is repeated or out of place.
    pub fn parse(text: &'a str) -> Result<Datagram<'a>, Refusal> {
        let text = content(text);
        let (mut authentication, mut room, mut name, mut rest) = (None, None, None, text);
        while let Some((header, value, after)) = split_header(rest) {
            match header {
                "mac" if rest.len() == text.len() => {
                    authentication = Some(Authentication::Mac(parse_mac(value, after)?));
                }
                "key" if authentication.is_none() => authentication = Some(Authentication::Key(value)),
                "to" if room.is_none() => room = Some(RoomName::parse(value)?),
                "name" if name.is_none() => name = Some(DisplayName::parse(value)?),
                "mac" | "key" | "to" | "name" => return Err(Refusal::BadRequest),
                _ => break,
            }
            rest = after;
        }
        Ok(Datagram { authentication, room, name, body: Body::parse(without_byte_order_mark(rest))? })
    }
}

/// Returns the text without what a program put around it: a byte order mark, and the NUL that ends a C string
/// or fills the rest of its buffer. A MAC does not cover them.
fn content(text: &str) -> &str {
    without_byte_order_mark(text).trim_end_matches('\0')
}

/// Splits off the first line if it is a header: its name after the slash, its value, and the rest. A text that
/// was read from a file, behind the headers of a program, may have a byte order mark of its own.
fn split_header(text: &str) -> Option<(&str, &str, &str)> {
    let line = without_byte_order_mark(text).strip_prefix('/')?;
    let (line, after) = line.split_once('\n').unwrap_or((line, ""));
    let (header, value) = line.split_once(' ').unwrap_or((line, ""));
    Some((header.trim_end(), value.trim(), after))
}

fn parse_mac<'a>(value: &'a str, rest: &'a str) -> Result<Mac<'a>, Refusal> {
    let parse = || {
        let (stamp, tag) = value.rsplit_once(' ')?;
        let (time, nonce) = stamp.split_once(' ')?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let is_nonce = (8..=64).contains(&nonce.len()) && nonce.bytes().all(is_plain);
        Some(Mac { time: is_nonce.then(|| time.parse().ok())??, stamp, rest, tag: parse_hex(tag)? })
    };
    parse().ok_or(Refusal::BadRequest)
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != bytes.len() * 2 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #[cfg(not(target_arch = "wasm32"))]
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn every_header_is_optional() {
        let plain = Datagram::parse("Hello UDP Server").unwrap();
        assert_eq!((plain.authentication, &plain.room, &plain.name), (None, &None, &None));
        assert_eq!(plain.body.as_str(), "Hello UDP Server");

        let full = Datagram::parse("/name 지은\r\n/to 우리 반\n/key secret\n두 줄\n입니다\n").unwrap();
        assert_eq!(full.room.unwrap().as_str(), "우리 반");
        assert_eq!(full.name.unwrap().as_str(), "지은");
        assert_eq!(full.authentication, Some(Authentication::Key("secret")));
        assert_eq!(full.body.as_str(), "두 줄\n입니다");

        let path = Datagram::parse("/usr/bin is full").unwrap();
        assert_eq!(path.body.as_str(), "/usr/bin is full");
    }

    #[test]
    fn a_mac_covers_all_text_after_it() {
        let tag = "ab".repeat(32);
        let text = format!("/mac 1763829000 7f3e91c2 {tag}\n/to r\ngreen");
        let Some(Authentication::Mac(mac)) = Datagram::parse(&text).unwrap().authentication else { panic!() };
        assert_eq!((mac.time, mac.tag), (1_763_829_000, [0xab; 32]));
        assert_eq!(mac.signed_parts().concat(), b"1763829000 7f3e91c2\n/to r\ngreen");
    }

    #[test]
    fn what_windows_and_c_programs_put_around_a_text_is_no_part_of_it() {
        for text in ["\u{FEFF}/to r\nhi", "/to r\nhi\0", "\u{FEFF}/to r\r\nhi\0\0\0", "/to r\n\u{FEFF}hi"] {
            let datagram = Datagram::parse(text).unwrap();
            assert_eq!((datagram.room.unwrap().as_str(), datagram.body.as_str()), ("r", "hi"), "{text:?}");
        }
        let tag = "ab".repeat(32);
        let text = format!("\u{FEFF}/mac 1763829000 7f3e91c2 {tag}\n\u{FEFF}/to r\ngreen\0");
        let authentication = Datagram::authentication(&text).unwrap();
        let Some(Authentication::Mac(mac)) = authentication else { panic!() };
        assert_eq!(mac.signed_parts().concat(), "1763829000 7f3e91c2\n\u{FEFF}/to r\ngreen".as_bytes());
        let datagram = Datagram::parse(&text).unwrap();
        assert_eq!(datagram.authentication, authentication);
        assert_eq!((datagram.room.unwrap().as_str(), datagram.body.as_str()), ("r", "green"));
    }

    #[test]
    fn an_invalid_datagram_is_refused() {
        let tag = "ab".repeat(32);
        let cases = [
            ("/to a\n/to b\nx".to_owned(), Refusal::BadRequest),
            (format!("/to r\n/mac 1 abcdefgh {tag}\nx"), Refusal::BadRequest),
            (format!("/mac 1 short {tag}\nx"), Refusal::BadRequest),
            (format!("/mac 1 abcdefgh {}\nx", &tag[1..]), Refusal::BadRequest),
            (format!("/mac -1 abcdefgh {tag}\nx"), Refusal::BadRequest),
            ("/mac\nx".to_owned(), Refusal::BadRequest),
            ("/to a/b\nx".to_owned(), Refusal::RoomNameNotALink),
            ("/to r\n".to_owned(), Refusal::MessageEmpty),
            ("".to_owned(), Refusal::MessageEmpty),
            ("/name a\u{200B}b\nx".to_owned(), Refusal::NameUnreadable),
        ];
        for (text, refusal) in cases {
            assert_eq!(Datagram::parse(&text), Err(refusal), "{text}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest! {
        #[test]
        fn no_datagram_makes_the_parser_panic(text in any::<String>(), header in "/(mac|key|to|name)[ \\n]?") {
            let _ = Datagram::parse(&text);
            let _ = Datagram::parse(&format!("{header}{text}"));
        }

        #[test]
        fn the_authentication_parsed_first_is_that_of_the_datagram(
            headers in prop::collection::vec("/(mac 1 abcdefgh (ab){32}|key [ab]|to r|name n|x)\n", 0..4),
        ) {
            let text = headers.concat() + "text";
            if let Ok(datagram) = Datagram::parse(&text) {
                prop_assert_eq!(Datagram::authentication(&text), Ok(datagram.authentication));
            }
        }
    }
}
