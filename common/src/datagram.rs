//! One datagram of the UDP door: an optional proof, where to, by which name, and the text.
//!
//! ```text
//! /mac 1763829000 7f3e91c2 9b0c…      HMAC-SHA256 over "1763829000 7f3e91c2\n" and all that follows
//! /to deploys
//! /name build bot
//! green
//! ```
//!
//! Every first line may be left out; what follows the last of them is the message. Pure text:
//! whether a proof is right is the gateway's to know.

use crate::{message::Body, person::DisplayName, refusal::Refusal, room::RoomName};

/// The most bytes of a datagram: a message with everything that may stand before it.
pub const MAX_BYTES: usize = Body::MAX_BYTES + 2 * 1024;

/// A datagram that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    pub proof: Option<Proof<'a>>,
    pub room: Option<RoomName>,
    pub name: Option<DisplayName>,
    pub body: Body,
}

/// What shows that the sender knows the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof<'a> {
    /// The key itself, for one's own machine only: whoever hears it has it.
    Key(&'a str),
    Mac(Mac<'a>),
}

/// A message authentication code, and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac<'a> {
    /// Seconds since 1970 by the sender's clock.
    pub time: u64,
    /// `TIME NONCE`, as they stand there.
    pub stamp: &'a str,
    /// All that follows the line.
    pub rest: &'a str,
    pub code: [u8; 32],
}

impl Mac<'_> {
    /// What the code is made of, piece by piece.
    pub fn signed(&self) -> [&[u8]; 3] {
        [self.stamp.as_bytes(), b"\n", self.rest.as_bytes()]
    }
}

impl<'a> Datagram<'a> {
    /// The proof of a datagram, of which nothing else is read: it costs little to look at this first.
    /// The refusal is `bad_request` for a proof that is no proof.
    pub fn proof(text: &'a str) -> Result<Option<Proof<'a>>, Refusal> {
        let mut rest = text;
        while let Some((word, value, after)) = header(rest) {
            match word {
                "mac" if rest.len() == text.len() => return mac(value, after).map(Proof::Mac).map(Some),
                "key" => return Ok(Some(Proof::Key(value))),
                "to" | "name" => rest = after,
                _ => break,
            }
        }
        Ok(None)
    }

    /// Reads a datagram; the refusals are those of what it names, and `bad_request` for a line that
    /// begins like one of ours and is none, or a proof that is no proof.
    pub fn parse(text: &'a str) -> Result<Datagram<'a>, Refusal> {
        let (mut proof, mut room, mut name, mut rest) = (None, None, None, text);
        while let Some((word, value, after)) = header(rest) {
            match word {
                "mac" if rest.len() == text.len() => proof = Some(Proof::Mac(mac(value, after)?)),
                "key" if proof.is_none() => proof = Some(Proof::Key(value)),
                "to" if room.is_none() => room = Some(RoomName::parse(value)?),
                "name" if name.is_none() => name = Some(DisplayName::parse(value)?),
                "mac" | "key" | "to" | "name" => return Err(Refusal::BadRequest),
                _ => break,
            }
            rest = after;
        }
        Ok(Datagram { proof, room, name, body: Body::parse(rest)? })
    }
}

/// The first line as a word behind a slash and its value, and what follows it.
fn header(text: &str) -> Option<(&str, &str, &str)> {
    let line = text.strip_prefix('/')?;
    let (line, after) = line.split_once('\n').unwrap_or((line, ""));
    let (word, value) = line.split_once(' ').unwrap_or((line, ""));
    Some((word.trim_end(), value.trim(), after))
}

fn mac<'a>(value: &'a str, rest: &'a str) -> Result<Mac<'a>, Refusal> {
    let read = || {
        let (stamp, code) = value.rsplit_once(' ')?;
        let (time, nonce) = stamp.split_once(' ')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let is_nonce = (8..=64).contains(&nonce.len()) && nonce.bytes().all(plain);
        Some(Mac { time: is_nonce.then(|| time.parse().ok())??, stamp, rest, code: hexadecimal(code)? })
    };
    read().ok_or(Refusal::BadRequest)
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
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
    fn what_stands_before_the_text_may_be_left_out() {
        let plain = Datagram::parse("Hello UDP Server").unwrap();
        assert_eq!((plain.proof, &plain.room, &plain.name), (None, &None, &None));
        assert_eq!(plain.body.as_str(), "Hello UDP Server");

        let full = Datagram::parse("/name 지은\r\n/to 우리 반\n/key secret\n두 줄\n입니다\n").unwrap();
        assert_eq!(full.room.unwrap().as_str(), "우리 반");
        assert_eq!(full.name.unwrap().as_str(), "지은");
        assert_eq!(full.proof, Some(Proof::Key("secret")));
        assert_eq!(full.body.as_str(), "두 줄\n입니다");

        let path = Datagram::parse("/usr/bin is full").unwrap();
        assert_eq!(path.body.as_str(), "/usr/bin is full");
    }

    #[test]
    fn a_mac_covers_all_that_follows_it() {
        let code = "ab".repeat(32);
        let text = format!("/mac 1763829000 7f3e91c2 {code}\n/to r\ngreen");
        let Some(Proof::Mac(mac)) = Datagram::parse(&text).unwrap().proof else { panic!() };
        assert_eq!((mac.time, mac.code), (1_763_829_000, [0xab; 32]));
        assert_eq!(mac.signed().concat(), b"1763829000 7f3e91c2\n/to r\ngreen");
    }

    #[test]
    fn what_is_no_datagram_of_ours_is_refused() {
        let code = "ab".repeat(32);
        let cases = [
            ("/to a\n/to b\nx".to_owned(), Refusal::BadRequest),
            (format!("/to r\n/mac 1 abcdefgh {code}\nx"), Refusal::BadRequest),
            (format!("/mac 1 short {code}\nx"), Refusal::BadRequest),
            (format!("/mac 1 abcdefgh {}\nx", &code[1..]), Refusal::BadRequest),
            (format!("/mac -1 abcdefgh {code}\nx"), Refusal::BadRequest),
            ("/mac\nx".to_owned(), Refusal::BadRequest),
            ("/to a/b\nx".to_owned(), Refusal::RoomNameNotALink),
            ("/to r\n".to_owned(), Refusal::MessageEmpty),
            ("".to_owned(), Refusal::MessageEmpty),
            ("a\0b".to_owned(), Refusal::MessageUnreadable),
        ];
        for (text, refusal) in cases {
            assert_eq!(Datagram::parse(&text), Err(refusal), "{text}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest! {
        #[test]
        fn no_datagram_makes_the_reader_panic(text in any::<String>(), header in "/(mac|key|to|name)[ \\n]?") {
            let _ = Datagram::parse(&text);
            let _ = Datagram::parse(&format!("{header}{text}"));
        }

        #[test]
        fn a_proof_that_is_looked_at_first_is_the_one_that_is_read(
            headers in prop::collection::vec("/(mac 1 abcdefgh (ab){32}|key [ab]|to r|name n|x)\n", 0..4),
        ) {
            let text = headers.concat() + "text";
            if let Ok(datagram) = Datagram::parse(&text) {
                prop_assert_eq!(Datagram::proof(&text), Ok(datagram.proof));
            }
        }
    }
}
