//! Splits the received bytes into lines: removes telnet's negotiation, joins characters that were
//! cut anywhere, and skips a line that is too long while it arrives.
//!
//! Does no I/O; the connection calls [`Input::flush_after_pause`] when nothing has arrived for a while. It
//! buffers at most one line.

use std::collections::VecDeque;

use common::{message::Body, refusal::Refusal};

/// The longest line, in bytes: a message, with room for a command and white space.
const MAX_LINE: usize = Body::MAX_BYTES + 64;

/// Telnet's commands (RFC 854). IAC introduces them and never occurs in UTF-8.
const IAC: u8 = 255;
const WILL: u8 = 251;
const DONT: u8 = 254;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;

/// The command that is executed only with its line break: clients retry it until it is answered, and
/// a truncated one would consume the `cid`, so that the retry would be refused.
const SEND_COMMAND: &[u8] = b"/send ";

/// The methods of requests that any web page can make a browser send (and HTTP/2's preface). They
/// reveal a first line that arrives truncated, without its HTTP version.
const HTTP_METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"];
/// How many of the last bytes show that a line is HTTP: a space, the version and a carriage return.
const HTTP_VERSION_LEN: usize = " HTTP/1.1\r".len();
/// The first bytes of a TLS handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: [u8; 2] = [22, 3];

/// One unit of input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputItem {
    Line(String),
    /// A line that can not be parsed, and the refusal to send.
    Invalid(Refusal),
    /// A browser or another program that speaks a different protocol. Nothing it sends may be executed.
    ForeignProtocol,
}

/// The input of one connection.
#[derive(Debug, Default)]
pub(super) struct Input {
    line: Vec<u8>,
    telnet: Telnet,
    /// The rest of a line that is too long is being skipped.
    is_skipping: bool,
    has_first_line: bool,
    /// The last bytes of a first line that is too long; only they may show that it is HTTP.
    last_bytes: Option<VecDeque<u8>>,
    items: VecDeque<InputItem>,
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
    /// Adds received bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(byte) = self.telnet.text(*byte) {
                self.push_text(byte);
            }
        }
    }

    fn push_text(&mut self, byte: u8) {
        // Telnet sends a lone carriage return as CR NUL.
        let is_end = byte == b'\n' || (byte == 0 && self.line.last() == Some(&b'\r'));
        match (is_end, self.is_skipping) {
            (true, true) => self.finish_skipping(),
            (true, false) => self.finish_line(),
            (false, true) => self.skip_byte(byte),
            (false, false) if self.line.len() < MAX_LINE => self.line.push(byte),
            (false, false) => {
                self.is_skipping = true;
                self.last_bytes = (!self.has_first_line)
                    .then(|| self.line[MAX_LINE - HTTP_VERSION_LEN..].iter().copied().collect());
                self.skip_byte(byte);
                self.finish(|_| InputItem::Invalid(Refusal::MessageTooLong));
            }
        }
    }

    fn skip_byte(&mut self, byte: u8) {
        if let Some(last_bytes) = &mut self.last_bytes {
            last_bytes.pop_front();
            last_bytes.push_back(byte);
        }
    }

    fn finish_skipping(&mut self) {
        self.is_skipping = false;
        if self
            .last_bytes
            .take()
            .is_some_and(|mut last_bytes| ends_with_http_version(last_bytes.make_contiguous()))
        {
            self.items.push_back(InputItem::ForeignProtocol);
        }
    }

    /// Ends the unfinished line, unless its last character is incomplete, because nothing has arrived
    /// for a while. Ends skipping too, or a client that never sends a line break could not send again.
    pub(super) fn flush_after_pause(&mut self) {
        if self.is_skipping {
            self.finish_skipping();
        }
        let ends_within_character =
            std::str::from_utf8(&self.line).is_err_and(|error| error.error_len().is_none());
        if !ends_within_character && !self.line.starts_with(SEND_COMMAND) {
            self.end();
        }
    }

    /// Ends the unfinished line, because the input has ended.
    pub(super) fn end(&mut self) {
        if self.line.starts_with(SEND_COMMAND) {
            self.finish(|_| InputItem::Invalid(Refusal::BadRequest));
        } else if !self.line.is_empty() {
            self.finish_line();
        }
    }

    /// Whether there is an unfinished line.
    pub(super) fn is_within_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// Whether a line is being skipped.
    pub(super) fn is_skipping(&self) -> bool {
        self.is_skipping
    }

    /// Removes the next item.
    pub(super) fn next(&mut self) -> Option<InputItem> {
        self.items.pop_front()
    }

    fn finish_line(&mut self) {
        self.finish(|mut line| {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            String::from_utf8(line).map_or(InputItem::Invalid(Refusal::MessageUnreadable), InputItem::Line)
        });
    }

    fn finish(&mut self, item: impl FnOnce(Vec<u8>) -> InputItem) {
        let line = std::mem::take(&mut self.line);
        let is_first = !std::mem::replace(&mut self.has_first_line, true);
        let item =
            if is_first && is_foreign_protocol(&line) { InputItem::ForeignProtocol } else { item(line) };
        // Empty lines mean nothing, and thousands of them must not be queued.
        if !matches!(&item, InputItem::Line(line) if line.is_empty()) {
            self.items.push_back(item);
        }
    }
}

impl Telnet {
    /// Returns the byte if it is text. Options are refused by not being answered.
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

/// Whether the first line comes from a browser. A page of another site can make a browser send one,
/// with commands in the body; with DNS rebinding it can choose the method too.
fn is_foreign_protocol(line: &[u8]) -> bool {
    if line.starts_with(&TLS_HANDSHAKE) || line.starts_with(b"HTTP/") {
        return true;
    }
    let is_too_long = line.len() == MAX_LINE;
    let target = line.split(|byte| *byte == b' ').nth(1);
    let is_target = |target: &[u8]| target.starts_with(b"/") || target.starts_with(b"http");
    if ends_with_http_version(line) || (is_too_long && target.is_some_and(is_target)) {
        return true;
    }
    HTTP_METHODS.iter().any(|method| {
        let target = line.strip_prefix(method.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
        target.is_some_and(|target| {
            target.starts_with(b"/") || target.starts_with(b"*") || target.starts_with(b"http")
        })
    })
}

/// Whether the line ends with an HTTP version (RFC 9112 §2.3), as every HTTP/1 request line does.
fn ends_with_http_version(line: &[u8]) -> bool {
    let last = line.trim_ascii_end().rsplit(|byte| *byte == b' ').next();
    let version = last.and_then(|word| word.strip_prefix(b"HTTP/"));
    matches!(version, Some([b'0'..=b'9', b'.', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(input: &mut Input) -> Vec<InputItem> {
        std::iter::from_fn(|| input.next()).collect()
    }

    fn parse(chunks: &[&[u8]]) -> Vec<InputItem> {
        let mut input = Input::default();
        for chunk in chunks {
            input.push(chunk);
        }
        items(&mut input)
    }

    fn lines(texts: &[&str]) -> Vec<InputItem> {
        texts.iter().map(|text| InputItem::Line((*text).to_owned())).collect()
    }

    #[test]
    fn every_kind_of_line_break_ends_a_line() {
        assert_eq!(parse(&[b"a\nb\r\nc\r\0\n\r\nd\n"]), lines(&["a", "b", "c", "d"]));
    }

    #[test]
    fn a_character_cut_in_two_is_joined_even_after_a_pause() {
        let bytes = "안녕".as_bytes();
        for cut in 1..bytes.len() {
            let mut input = Input::default();
            input.push(&bytes[..cut]);
            if cut != 3 {
                input.flush_after_pause();
                assert_eq!(input.next(), None);
            }
            input.push(&bytes[cut..]);
            input.flush_after_pause();
            assert_eq!(items(&mut input), lines(&["안녕"]));
        }
    }

    #[test]
    fn send_is_executed_only_with_its_line_break() {
        let mut input = Input::default();
        input.push(b"/send a-1 half");
        input.flush_after_pause();
        assert_eq!(input.next(), None);
        input.push(b" and half\n/send a-2 half");
        input.flush_after_pause();
        assert_eq!(items(&mut input), lines(&["/send a-1 half and half"]));
        input.end();
        assert_eq!(items(&mut input), [InputItem::Invalid(Refusal::BadRequest)]);
    }

    #[test]
    fn invalid_utf_8_is_refused() {
        assert_eq!(parse(&[b"\xB0\xA1\n"]), [InputItem::Invalid(Refusal::MessageUnreadable)]);
        let mut input = Input::default();
        input.push("안".as_bytes().split_last().unwrap().1);
        input.end();
        assert_eq!(items(&mut input), [InputItem::Invalid(Refusal::MessageUnreadable)]);
    }

    #[test]
    fn telnet_negotiation_is_not_text() {
        let negotiation = b"\xFF\xFD\x01he\xFF\xFA\x18\x00xterm\xFF\xFF\n\xFF\xF0l\xFF\xF1lo\xFF\xFB\x1F\n";
        assert_eq!(parse(&[negotiation]), lines(&["hello"]));
        let bytewise: Vec<&[u8]> = negotiation.chunks(1).collect();
        assert_eq!(parse(&bytewise), lines(&["hello"]));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_once_and_skipped_to_its_end() {
        let mut input = Input::default();
        for _ in 0..100 {
            input.push(&[b'x'; 4096]);
            assert!(input.line.capacity() <= 2 * MAX_LINE);
        }
        input.push(b"still\nshort\n");
        let [refused, line] = &items(&mut input)[..] else { panic!() };
        assert_eq!(*refused, InputItem::Invalid(Refusal::MessageTooLong));
        assert_eq!(*line, InputItem::Line("short".to_owned()));
    }

    #[test]
    fn a_client_without_line_breaks_can_send_again_after_a_line_that_was_too_long() {
        let mut input = Input::default();
        input.push(&[b'x'; 2 * MAX_LINE]);
        input.flush_after_pause();
        input.push(b"short");
        input.flush_after_pause();
        let too_long = InputItem::Invalid(Refusal::MessageTooLong);
        assert_eq!(items(&mut input), [too_long, InputItem::Line("short".to_owned())]);
    }

    #[test]
    fn a_browser_is_recognised_by_the_first_line_only() {
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
            assert_eq!(
                parse(&[first.as_bytes(), b"\nnick admin\n"])[0],
                InputItem::ForeignProtocol,
                "{first}"
            );
        }
        assert_eq!(parse(&[b"\x16\x03\x01\x02\n"])[0], InputItem::ForeignProtocol);
        for length in MAX_LINE - 12..MAX_LINE + 12 {
            let method = format!("{} /x HTTP/1.1\r\nnick admin\n", "F".repeat(length));
            let items = parse(&[method.as_bytes()]);
            let is_closed =
                items.contains(&InputItem::ForeignProtocol) && !matches!(items[0], InputItem::Line(_));
            assert!(is_closed, "{length}: {items:?}");
        }
        let mut input = Input::default();
        input.push(b"POST /cut-befo");
        input.flush_after_pause();
        assert_eq!(input.next(), Some(InputItem::ForeignProtocol));
        assert_eq!(parse(&[b"hello\nGET / HTTP/1.1\n"]), lines(&["hello", "GET / HTTP/1.1"]));
        for line in ["GET it done", "see /etc/hosts", "I like HTTP/3"] {
            assert_eq!(parse(&[line.as_bytes(), b"\n"]), lines(&[line]));
        }
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_are_cut(
            texts in prop::collection::vec("[^\\p{Cc}]{1,20}", 1..10),
            cut in 1usize..7,
        ) {
            let all: String = texts.iter().map(|text| format!("{text}\n")).collect();
            let chunks: Vec<&[u8]> = all.as_bytes().chunks(cut).collect();
            prop_assert_eq!(parse(&chunks), parse(&[all.as_bytes()]));
        }

        #[test]
        fn no_bytes_make_it_panic_or_grow(chunks in prop::collection::vec(any::<Vec<u8>>(), 0..50)) {
            let mut input = Input::default();
            for chunk in &chunks {
                input.push(chunk);
                input.flush_after_pause();
                prop_assert!(input.line.len() <= MAX_LINE);
                prop_assert!(items(&mut input).len() <= chunk.len() + 1);
            }
            input.end();
        }
    }
}
