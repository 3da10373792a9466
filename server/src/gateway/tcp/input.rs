//! Bytes from the line into whole lines: telnet's negotiation left out, a character cut anywhere put
//! together, a line that never ends thrown away as it comes.
//!
//! Pure; the conversation tells it when it was quiet for a while. It holds at most one line.

use std::collections::VecDeque;

use common::{message::Body, refusal::Refusal};

/// The longest line, in bytes: a message, with room for a command or white space around it.
const MAX_LINE: usize = Body::MAX_BYTES + 64;

/// Telnet's commands (RFC 854). Its first byte is none that UTF-8 ever has.
const IAC: u8 = 255;
const WILL: u8 = 251;
const DONT: u8 = 254;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;

/// How a line begins that may be repeated until it is answered: half of it would take its `cid`, and
/// the whole of it would be refused from then on. It counts with its line break only.
const ANSWERED: &[u8] = b"/send ";

/// How HTTP requests begin that a browser sends for a page of anybody's (and HTTP/2's preface). Their
/// first line may be cut.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"];
/// How much of its end shows that a line is HTTP: a space, the version and a carriage return.
const TAIL: usize = " HTTP/1.1\r".len();
/// How a TLS handshake begins (RFC 8446 §5.1).
const TLS_HANDSHAKE: [u8; 2] = [22, 3];

/// What came over the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Line(String),
    /// The line can not be taken; the refusal says why.
    Unusable(Refusal),
    /// This is a browser or another program that does not mean us. Nothing it says must be heard.
    Stranger,
}

/// The lines of one connection.
#[derive(Debug, Default)]
pub(super) struct Input {
    line: Vec<u8>,
    telnet: Telnet,
    /// Within a line that is too long already.
    is_skipping: bool,
    has_spoken: bool,
    /// The end of a first line that is too long, which may be the only part that shows what it is.
    tail: Option<VecDeque<u8>>,
    pieces: VecDeque<Piece>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Telnet {
    #[default]
    Text,
    Command,
    Option,
    Subnegotiation,
    SubnegotiationCommand,
}

impl Input {
    /// Takes the bytes that came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(byte) = self.telnet.text(*byte) {
                self.push_text(byte);
            }
        }
    }

    fn push_text(&mut self, byte: u8) {
        // Telnet writes a lone carriage return with a NUL behind it.
        let is_end = byte == b'\n' || (byte == 0 && self.line.last() == Some(&b'\r'));
        match (is_end, self.is_skipping) {
            (true, true) => self.finish_skipping(),
            (true, false) => self.finish_line(),
            (false, true) => self.skip(byte),
            (false, false) if self.line.len() < MAX_LINE => self.line.push(byte),
            (false, false) => {
                self.is_skipping = true;
                self.tail =
                    (!self.has_spoken).then(|| self.line[MAX_LINE - TAIL..].iter().copied().collect());
                self.skip(byte);
                self.finish(|_| Piece::Unusable(Refusal::MessageTooLong));
            }
        }
    }

    fn skip(&mut self, byte: u8) {
        if let Some(tail) = &mut self.tail {
            tail.pop_front();
            tail.push_back(byte);
        }
    }

    fn finish_skipping(&mut self) {
        self.is_skipping = false;
        if self.tail.take().is_some_and(|mut tail| ends_as_http(tail.make_contiguous())) {
            self.pieces.push_back(Piece::Stranger);
        }
    }

    /// Nothing came for a while: what is there is a line, unless it ends within a character; and what
    /// is thrown away has its end, or a client that ends no line would never be heard again.
    pub(super) fn pause(&mut self) {
        if self.is_skipping {
            self.finish_skipping();
        }
        let ends_within_character =
            std::str::from_utf8(&self.line).is_err_and(|error| error.error_len().is_none());
        if !ends_within_character && !self.line.starts_with(ANSWERED) {
            self.end();
        }
    }

    /// Nothing will come any more.
    pub(super) fn end(&mut self) {
        if self.line.starts_with(ANSWERED) {
            self.finish(|_| Piece::Unusable(Refusal::BadRequest));
        } else if !self.line.is_empty() {
            self.finish_line();
        }
    }

    /// Whether there is the beginning of a line.
    pub(super) fn is_within_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// Whether a line is being thrown away.
    pub(super) fn is_skipping(&self) -> bool {
        self.is_skipping
    }

    /// The next of what came.
    pub(super) fn next(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    fn finish_line(&mut self) {
        self.finish(|mut line| {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            String::from_utf8(line).map_or(Piece::Unusable(Refusal::MessageUnreadable), Piece::Line)
        });
    }

    fn finish(&mut self, piece: impl FnOnce(Vec<u8>) -> Piece) {
        let line = std::mem::take(&mut self.line);
        let is_first = !std::mem::replace(&mut self.has_spoken, true);
        let piece = if is_first && is_stranger(&line) { Piece::Stranger } else { piece(line) };
        // An empty line is nothing, and a thousand of them must not be kept.
        if !matches!(&piece, Piece::Line(line) if line.is_empty()) {
            self.pieces.push_back(piece);
        }
    }
}

impl Telnet {
    /// The byte, if it is text. Options are refused by not being answered.
    fn text(&mut self, byte: u8) -> Option<u8> {
        let is_text = *self == Telnet::Text && byte != IAC;
        *self = match (*self, byte) {
            (Telnet::Text, IAC) => Telnet::Command,
            (Telnet::Command, WILL..=DONT) => Telnet::Option,
            (Telnet::Command, SUBNEGOTIATION) => Telnet::Subnegotiation,
            (Telnet::Subnegotiation, IAC) => Telnet::SubnegotiationCommand,
            (Telnet::SubnegotiationCommand, SUBNEGOTIATION_END) => Telnet::Text,
            (Telnet::Subnegotiation | Telnet::SubnegotiationCommand, _) => Telnet::Subnegotiation,
            (Telnet::Text | Telnet::Command | Telnet::Option, _) => Telnet::Text,
        };
        is_text.then_some(byte)
    }
}

/// Whether a first line like this comes from a browser: a page of another site can make it send
/// one, with whatever it wants said below. A page that was given our address by its own name server
/// (DNS rebinding) may choose the method too.
fn is_stranger(line: &[u8]) -> bool {
    if line.starts_with(&TLS_HANDSHAKE) || line.starts_with(b"HTTP/") {
        return true;
    }
    let is_too_long = line.len() == MAX_LINE;
    let target = line.split(|byte| *byte == b' ').nth(1);
    let is_place = |target: &[u8]| target.starts_with(b"/") || target.starts_with(b"http");
    if ends_as_http(line) || (is_too_long && target.is_some_and(is_place)) {
        return true;
    }
    METHODS.iter().any(|method| {
        let target = line.strip_prefix(method.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
        target.is_some_and(|target| {
            target.starts_with(b"/") || target.starts_with(b"*") || target.starts_with(b"http")
        })
    })
}

/// Whether the last word is HTTP's version (RFC 9112 §2.3), as in every request of HTTP/1.
fn ends_as_http(line: &[u8]) -> bool {
    let last = line.trim_ascii_end().rsplit(|byte| *byte == b' ').next();
    let version = last.and_then(|word| word.strip_prefix(b"HTTP/"));
    matches!(version, Some([b'0'..=b'9', b'.', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(input: &mut Input) -> Vec<Piece> {
        std::iter::from_fn(|| input.next()).collect()
    }

    fn read(chunks: &[&[u8]]) -> Vec<Piece> {
        let mut input = Input::default();
        for chunk in chunks {
            input.push(chunk);
        }
        pieces(&mut input)
    }

    fn lines(texts: &[&str]) -> Vec<Piece> {
        texts.iter().map(|text| Piece::Line((*text).to_owned())).collect()
    }

    #[test]
    fn lines_end_in_every_way_that_lines_end() {
        assert_eq!(read(&[b"a\nb\r\nc\r\0\n\r\nd\n"]), lines(&["a", "b", "c", "d"]));
    }

    #[test]
    fn a_character_cut_in_two_is_put_together_however_long_it_is_quiet() {
        let bytes = "안녕".as_bytes();
        for cut in 1..bytes.len() {
            let mut input = Input::default();
            input.push(&bytes[..cut]);
            if cut != 3 {
                input.pause();
                assert_eq!(input.next(), None);
            }
            input.push(&bytes[cut..]);
            input.pause();
            assert_eq!(pieces(&mut input), lines(&["안녕"]));
        }
    }

    #[test]
    fn what_is_to_be_answered_is_a_line_with_its_line_break_only() {
        let mut input = Input::default();
        input.push(b"/send a-1 half");
        input.pause();
        assert_eq!(input.next(), None);
        input.push(b" and half\n/send a-2 half");
        input.pause();
        assert_eq!(pieces(&mut input), lines(&["/send a-1 half and half"]));
        input.end();
        assert_eq!(pieces(&mut input), [Piece::Unusable(Refusal::BadRequest)]);
    }

    #[test]
    fn what_is_no_utf_8_is_refused() {
        assert_eq!(read(&[b"\xB0\xA1\n"]), [Piece::Unusable(Refusal::MessageUnreadable)]);
        let mut input = Input::default();
        input.push("안".as_bytes().split_last().unwrap().1);
        input.end();
        assert_eq!(pieces(&mut input), [Piece::Unusable(Refusal::MessageUnreadable)]);
    }

    #[test]
    fn telnets_negotiation_is_not_text() {
        let negotiation = b"\xFF\xFD\x01he\xFF\xFA\x18\x00xterm\xFF\xFF\n\xFF\xF0l\xFF\xF1lo\xFF\xFB\x1F\n";
        assert_eq!(read(&[negotiation]), lines(&["hello"]));
        let bytewise: Vec<&[u8]> = negotiation.chunks(1).collect();
        assert_eq!(read(&bytewise), lines(&["hello"]));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_once_and_skipped_to_its_end() {
        let mut input = Input::default();
        for _ in 0..100 {
            input.push(&[b'x'; 4096]);
            assert!(input.line.capacity() <= 2 * MAX_LINE);
        }
        input.push(b"still\nshort\n");
        let [refused, line] = &pieces(&mut input)[..] else { panic!() };
        assert_eq!(*refused, Piece::Unusable(Refusal::MessageTooLong));
        assert_eq!(*line, Piece::Line("short".to_owned()));
    }

    #[test]
    fn who_ends_no_line_is_heard_again_after_one_that_was_too_long() {
        let mut input = Input::default();
        input.push(&[b'x'; 2 * MAX_LINE]);
        input.pause();
        input.push(b"short");
        input.pause();
        let too_long = Piece::Unusable(Refusal::MessageTooLong);
        assert_eq!(pieces(&mut input), [too_long, Piece::Line("short".to_owned())]);
    }

    #[test]
    fn what_looks_like_a_browser_is_a_stranger_but_only_at_first() {
        let long = format!("POST /{} HTTP/1.1", "x".repeat(2 * MAX_LINE));
        let chosen = format!("FOO /{} HTTP/1.1", "x".repeat(2 * MAX_LINE));
        let firsts = [
            "GET / HTTP/1.1",
            "POST /r HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "HTTP/1.1 200 OK",
            "get / HTTP/1.1",
            "FOO /x HTTP/1.1\r",
            "QUERY /x?y HTTP/1.0",
            "CONNECT a:443 HTTP/1.1",
            &long,
            &chosen,
        ];
        for first in firsts {
            assert_eq!(read(&[first.as_bytes(), b"\nnick admin\n"])[0], Piece::Stranger, "{first}");
        }
        assert_eq!(read(&[b"\x16\x03\x01\x02\n"])[0], Piece::Stranger);
        for length in MAX_LINE - 12..MAX_LINE + 12 {
            let method = format!("{} /x HTTP/1.1\r\nnick admin\n", "F".repeat(length));
            let heard = read(&[method.as_bytes()]);
            let is_closed = heard.contains(&Piece::Stranger) && !matches!(heard[0], Piece::Line(_));
            assert!(is_closed, "{length}: {heard:?}");
        }
        let mut input = Input::default();
        input.push(b"POST /cut-befo");
        input.pause();
        assert_eq!(input.next(), Some(Piece::Stranger));
        assert_eq!(read(&[b"hello\nGET / HTTP/1.1\n"]), lines(&["hello", "GET / HTTP/1.1"]));
        for line in ["GET it done", "see /etc/hosts", "I like HTTP/3"] {
            assert_eq!(read(&[line.as_bytes(), b"\n"]), lines(&[line]));
        }
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_they_are_cut(
            texts in prop::collection::vec("[^\\p{Cc}]{1,20}", 1..10),
            cut in 1usize..7,
        ) {
            let all: String = texts.iter().map(|text| format!("{text}\n")).collect();
            let chunks: Vec<&[u8]> = all.as_bytes().chunks(cut).collect();
            prop_assert_eq!(read(&chunks), read(&[all.as_bytes()]));
        }

        #[test]
        fn no_bytes_make_it_panic_or_grow(chunks in prop::collection::vec(any::<Vec<u8>>(), 0..50)) {
            let mut input = Input::default();
            for chunk in &chunks {
                input.push(chunk);
                input.pause();
                prop_assert!(input.line.len() <= MAX_LINE);
                prop_assert!(pieces(&mut input).len() <= chunk.len() + 1);
            }
            input.end();
        }
    }
}
