//! Splits the received bytes into lines: removes telnet's negotiation, joins characters that were
//! cut anywhere, and skips a line that is too long while it arrives.
//!
//! Does no I/O; the connection calls [`Input::flush_after_pause`] when nothing has arrived for
//! [`Input::pause_that_ends_line`]. It buffers one read and at most one line: lines are split off when they
//! are asked for, so that those of a client that has to wait stay bytes.

use std::{collections::VecDeque, time::Duration};

use common::{encoding::UTF_8_MARK, message::Body, refusal::Refusal};

/// The longest line, in bytes: a message, with room for a command and white space.
const MAX_LINE: usize = Body::MAX_BYTES + 64;

/// After this time without a byte, an unfinished line counts as a line if the client has never ended one:
/// the tutorial's TCP client sends no line breaks.
const LINE_TIMEOUT: Duration = Duration::from_millis(200);
/// The same for the rest of a line that is too long: on a slow connection it takes longer to arrive,
/// and must not be taken for a new line.
const SKIPPED_LINE_TIMEOUT: Duration = Duration::from_secs(2);
/// So many characters that arrive together are no key that somebody has pressed.
const CHARACTERS_OF_TEXT: usize = 2;

/// Telnet's commands (RFC 854). IAC introduces them and never occurs in UTF-8.
const IAC: u8 = 255;
const WILL: u8 = 251;
const DONT: u8 = 254;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;

/// What the keys of a terminal send that does not edit its lines itself: Backspace, Delete, and the first
/// byte of an arrow or function key.
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;
const ESCAPE: u8 = 27;

/// The command that is executed only with its line break: clients retry it until it is answered, and
/// a truncated one would consume the `cid`, so that the retry would be refused.
const SEND_COMMAND: &[u8] = b"/send ";

/// The methods of requests that any web page can make a browser send. They reveal a first line that
/// arrives truncated, without its HTTP version.
const HTTP_METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
/// With another method, which needs DNS rebinding, a truncated first line has at least so many bytes: every
/// network carries shorter ones whole (RFC 9293 §3.7.1).
const MIN_TRUNCATED: usize = 536;
/// How many of the last bytes show that a line is HTTP: a space and the version.
const HTTP_VERSION_LEN: usize = " HTTP/1.1".len();

/// One unit of input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputItem {
    Line(String),
    /// A line that can not be parsed, and the refusal to send.
    Invalid(Refusal),
    /// Another protocol or encoding. Nothing that the client sent may be executed.
    Foreign(Foreign),
}

/// What the first bytes of a connection are instead of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// A request that a web page could make a browser send, with commands in its body.
    Http,
    /// A browser's too: a page chooses parts of the handshake.
    Tls,
    /// STUN (RFC 8489) over TCP, by which a page can look for a relay.
    Stun,
    Utf16,
}

impl Foreign {
    /// Recognises the first two bytes of a connection.
    fn of_start(start: [u8; 2]) -> Option<Foreign> {
        match start {
            // RFC 8446 §5.1
            [22, 3] => Some(Foreign::Tls),
            [0, 1 | 3] => Some(Foreign::Stun),
            // A byte order mark. The first is also IAC DONT, with which no telnet client begins.
            [255, 254] | [254, 255] => Some(Foreign::Utf16),
            _ => None,
        }
    }

    /// Returns the refusal, and the sentence that tells the reason.
    pub(super) fn reason(self) -> (Refusal, &'static str) {
        match self {
            Foreign::Http => (
                Refusal::BadRequest,
                "This looks like HTTP, and the page of another site can make a browser send that here, so \
                 nothing of it is executed. Send an empty line before it, or use the HTTP port.",
            ),
            Foreign::Tls => (
                Refusal::BadRequest,
                "This looks like TLS, which this port does not speak; connect without it.",
            ),
            Foreign::Stun => (Refusal::BadRequest, "This looks like STUN; this port takes lines of text."),
            Foreign::Utf16 => (Refusal::MessageUnreadable, "This is UTF-16; this port takes UTF-8."),
        }
    }
}

/// The input of one connection.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// The bytes of the last read, and how many of them are done.
    received: Vec<u8>,
    done: usize,
    /// The client has closed its side.
    is_ended: bool,
    /// The first two bytes of the connection.
    start: Vec<u8>,
    telnet: Telnet,
    line: Vec<u8>,
    follows_carriage_return: bool,
    /// The rest of a line that is too long is being skipped.
    is_skipping: bool,
    /// The client has ended a line, and so ends all: a pause ends none any more.
    has_line_break: bool,
    /// A part of the first line was executed after a pause.
    is_first_line_cut: bool,
    /// How many characters of the unfinished line are in the last read.
    characters_together: usize,
    /// The last read began like an arrow or function key.
    is_key: bool,
    /// A part of the unfinished line arrived as [`CHARACTERS_OF_TEXT`] together.
    has_text: bool,
    /// The last bytes of a first line that is too long; only they may show that it is HTTP.
    last_bytes: Option<VecDeque<u8>>,
    /// What a pause or the end has ended. Each NUL in it ends a text, as in the memory of a C program.
    flushed: Vec<u8>,
    /// What was found when a pause ended a line; it comes before everything else.
    found: Option<InputItem>,
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
    /// Adds the bytes of one read. Called when [`Input::next`] has returned `None`.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        self.characters_together = 0;
    }

    /// Notes that the input has ended, so that the unfinished line counts as one.
    pub(super) fn end(&mut self) {
        self.is_ended = true;
    }

    /// Returns the next item. Empty lines mean nothing and are left out.
    pub(super) fn next(&mut self) -> Option<InputItem> {
        loop {
            let item = if let Some(found) = self.found.take() {
                Some(found)
            } else if !self.flushed.is_empty() {
                Some(self.next_flushed())
            } else if let Some(byte) = self.next_byte() {
                self.push_byte(byte)
            } else {
                (self.received, self.done) = (Vec::new(), 0);
                if !self.is_ended || self.line.is_empty() {
                    return None;
                }
                self.flush()
            };
            if item.as_ref().is_some_and(|item| *item != InputItem::Line(String::new())) {
                return item;
            }
        }
    }

    /// How long nothing may arrive until [`Input::flush_after_pause`] is to be called, if at all.
    pub(super) fn pause_that_ends_line(&self) -> Option<Duration> {
        match self {
            Input { has_line_break: true, .. } => None,
            Input { is_skipping: true, .. } => Some(SKIPPED_LINE_TIMEOUT),
            _ => self.has_text.then_some(LINE_TIMEOUT),
        }
    }

    /// Ends the unfinished line, unless its last character is incomplete, because nothing has arrived
    /// for a while. Ends skipping too, or a client that never sends a line break could not send again.
    pub(super) fn flush_after_pause(&mut self) {
        if self.pause_that_ends_line().is_none() {
            return;
        }
        if self.is_skipping {
            self.is_first_line_cut = true;
            self.found = self.finish_skipping();
            return;
        }
        let ends_within_character =
            std::str::from_utf8(&self.line).is_err_and(|error| error.error_len().is_none());
        if !ends_within_character && !self.line.starts_with(SEND_COMMAND) {
            self.found = self.flush();
        }
    }

    fn push_byte(&mut self, byte: u8) -> Option<InputItem> {
        if self.start.len() < 2 {
            self.start.push(byte);
            if let [first, second] = self.start[..]
                && let Some(foreign) = Foreign::of_start([first, second])
            {
                return Some(InputItem::Foreign(foreign));
            }
        }
        let byte = self.telnet.text(byte)?;
        let follows_carriage_return = std::mem::replace(&mut self.follows_carriage_return, byte == b'\r');
        match byte {
            // Telnet sends a lone carriage return as CR NUL.
            b'\n' | 0 if follows_carriage_return => None,
            b'\n' | b'\r' => self.finish_line(),
            _ => self.push_text(byte),
        }
    }

    fn push_text(&mut self, byte: u8) -> Option<InputItem> {
        self.count_character(byte);
        match byte {
            _ if self.is_skipping => self.skip_byte(byte),
            BACKSPACE | DELETE => erase_character(&mut self.line),
            _ if self.line.len() < MAX_LINE => {
                self.line.push(byte);
                if self.line == UTF_8_MARK {
                    self.line.clear();
                }
            }
            _ => return Some(self.start_skipping(byte)),
        }
        None
    }

    fn count_character(&mut self, byte: u8) {
        if self.characters_together == 0 {
            self.is_key = byte == ESCAPE;
        }
        // The rest of a character that was cut counts as one.
        let continues_character = byte & 0xC0 == 0x80;
        if !continues_character || self.characters_together == 0 {
            self.characters_together += 1;
        }
        self.has_text |= self.characters_together >= CHARACTERS_OF_TEXT && !self.is_key;
    }

    fn start_skipping(&mut self, byte: u8) -> InputItem {
        let is_http = !self.has_line_break && self.is_http(false);
        if !self.has_line_break {
            self.last_bytes = Some(self.line[MAX_LINE - HTTP_VERSION_LEN..].iter().copied().collect());
        }
        self.line = Vec::new();
        self.is_skipping = true;
        self.skip_byte(byte);
        if is_http { InputItem::Foreign(Foreign::Http) } else { InputItem::Invalid(Refusal::MessageTooLong) }
    }

    /// Takes the next received byte. Leaves out most bytes of a line that is too long: one by one, a line without
    /// an end would cost more than receiving it.
    fn next_byte(&mut self) -> Option<u8> {
        if self.is_skipping && self.telnet == Telnet::Text {
            let rest = &self.received[self.done..];
            let is_special = |byte: &u8| matches!(*byte, b'\n' | b'\r' | IAC);
            // The last bytes before it may show that the line is HTTP.
            let length = rest.iter().position(is_special).unwrap_or(rest.len());
            self.done += length.saturating_sub(HTTP_VERSION_LEN);
        }
        let byte = *self.received.get(self.done)?;
        self.done += 1;
        Some(byte)
    }

    fn skip_byte(&mut self, byte: u8) {
        if let Some(last_bytes) = &mut self.last_bytes {
            last_bytes.pop_front();
            last_bytes.push_back(byte);
        }
    }

    fn finish_skipping(&mut self) -> Option<InputItem> {
        self.is_skipping = false;
        self.has_text = false;
        let mut last_bytes = self.last_bytes.take()?;
        ends_with_http_version(last_bytes.make_contiguous()).then_some(InputItem::Foreign(Foreign::Http))
    }

    /// Ends the line at a line break.
    fn finish_line(&mut self) -> Option<InputItem> {
        let is_first = !std::mem::replace(&mut self.has_line_break, true);
        (self.characters_together, self.has_text) = (0, false);
        if self.is_skipping {
            return self.finish_skipping();
        }
        if is_first && self.is_http(true) {
            return Some(InputItem::Foreign(Foreign::Http));
        }
        let mut line = std::mem::take(&mut self.line);
        line.retain(|byte| *byte != 0);
        Some(text_item(line))
    }

    /// Ends the line without a line break.
    fn flush(&mut self) -> Option<InputItem> {
        let is_http = !self.has_line_break && self.is_http(false);
        self.has_text = false;
        let line = std::mem::take(&mut self.line);
        if is_http {
            return Some(InputItem::Foreign(Foreign::Http));
        }
        if line.starts_with(SEND_COMMAND) {
            return Some(InputItem::Invalid(Refusal::BadRequest));
        }
        self.is_first_line_cut |= !self.has_line_break;
        self.flushed = line;
        None
    }

    fn next_flushed(&mut self) -> InputItem {
        let end = self.flushed.iter().position(|byte| *byte == 0);
        let rest = end.map(|end| self.flushed.split_off(end + 1)).unwrap_or_default();
        let mut text = std::mem::replace(&mut self.flushed, rest);
        text.truncate(end.unwrap_or(text.len()));
        text_item(text)
    }

    /// Whether the unfinished line, the first, may be a browser's. A page of another site can make a browser
    /// send one, with lines in the body; with DNS rebinding it can choose the method too.
    fn is_http(&self, is_complete: bool) -> bool {
        is_http(&self.line, is_complete) || (self.is_first_line_cut && ends_with_http_version(&self.line))
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

fn text_item(line: Vec<u8>) -> InputItem {
    String::from_utf8(line).map_or(InputItem::Invalid(Refusal::MessageUnreadable), InputItem::Line)
}

/// Removes the last character, with all its bytes.
fn erase_character(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
}

/// Whether a first line can be the request line of a browser (RFC 9112 §3): a method, a target and the
/// version, or, if it `is_complete` not, their beginning. Errs towards a browser: what no browser sends, such
/// as several spaces, does not save a line that is one otherwise.
fn is_http(line: &[u8], is_complete: bool) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return false };
    if !is_target(method, target) || !method.iter().all(is_token_byte) {
        return false;
    }
    let rest: Vec<&[u8]> = words.collect();
    if rest.last().is_some_and(|word| is_http_version(word)) {
        return true;
    }
    let may_go_on = match rest[..] {
        [] => true,
        [version] => b"HTTP/1.1".starts_with(version),
        _ => false,
    };
    let is_known = HTTP_METHODS.iter().any(|known| known.as_bytes() == method);
    !is_complete && may_go_on && (is_known || line.len() >= MIN_TRUNCATED)
}

/// Whether this is a path, the `*` of OPTIONS, an address as proxies are sent, or CONNECT's host and port.
fn is_target(method: &[u8], target: &[u8]) -> bool {
    let is_address = target.starts_with(b"http") || target.windows(3).any(|part| part == b"://");
    target.starts_with(b"/") || target.starts_with(b"*") || is_address || method == b"CONNECT"
}

/// Whether a method may have this byte (RFC 9110 §5.6.2).
fn is_token_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// Whether the line ends with an HTTP version, as every request line does.
fn ends_with_http_version(line: &[u8]) -> bool {
    line.trim_ascii_end().rsplit(u8::is_ascii_whitespace).next().is_some_and(is_http_version)
}

/// Whether this is an HTTP version (RFC 9112 §2.3).
fn is_http_version(word: &[u8]) -> bool {
    matches!(word.strip_prefix(b"HTTP/"), Some([b'0'..=b'9', b'.', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(input: &mut Input) -> Vec<InputItem> {
        std::iter::from_fn(|| input.next()).collect()
    }

    /// Pushes each chunk, as one read does, and returns the items.
    fn push(input: &mut Input, chunks: &[&[u8]]) -> Vec<InputItem> {
        let mut all = Vec::new();
        for chunk in chunks {
            input.push(chunk);
            all.extend(items(input));
        }
        all
    }

    fn parse(chunks: &[&[u8]]) -> Vec<InputItem> {
        push(&mut Input::default(), chunks)
    }

    /// Pushes each chunk and lets a pause follow it; returns the items.
    fn push_slowly(input: &mut Input, chunks: &[&[u8]]) -> Vec<InputItem> {
        let mut all = Vec::new();
        for chunk in chunks {
            all.extend(push(input, &[chunk]));
            input.flush_after_pause();
            all.extend(items(input));
        }
        all
    }

    /// Ends the input; returns the items.
    fn end(input: &mut Input) -> Vec<InputItem> {
        input.end();
        items(input)
    }

    fn lines(texts: &[&str]) -> Vec<InputItem> {
        texts.iter().map(|text| InputItem::Line((*text).to_owned())).collect()
    }

    #[test]
    fn every_kind_of_line_break_ends_a_line() {
        assert_eq!(parse(&[b"a\nb\r\nc\r\0\n\r\nd\n"]), lines(&["a", "b", "c", "d"]));
        // A terminal in raw mode sends nothing else for Enter.
        assert_eq!(parse(&[b"a\rb\r", b"\nc\r"]), lines(&["a", "b", "c"]));
    }

    #[test]
    fn a_character_cut_in_two_is_joined_even_after_a_pause() {
        let bytes = "안녕들".as_bytes();
        for cut in (1..bytes.len()).filter(|cut| cut % 3 != 0) {
            let mut input = Input::default();
            assert_eq!(push_slowly(&mut input, &[&bytes[..cut]]), []);
            assert_eq!(push_slowly(&mut input, &[&bytes[cut..]]), lines(&["안녕들"]), "{cut}");
        }
    }

    #[test]
    fn a_text_without_a_line_break_is_a_line_after_a_pause_until_a_line_was_ended() {
        let mut input = Input::default();
        let chunks: [&[u8]; 2] = [b"Hello Socket Server", "안녕".as_bytes()];
        assert_eq!(push_slowly(&mut input, &chunks), lines(&["Hello Socket Server", "안녕"]));
        assert_eq!(push_slowly(&mut input, &[b"one\ntwo", b" and more"]), lines(&["one"]));
        assert_eq!(input.pause_that_ends_line(), None);
        assert_eq!(push(&mut input, &[b"\n"]), lines(&["two and more"]));
        assert_eq!(push_slowly(&mut input, &[b"the end"]), []);
        assert_eq!(end(&mut input), lines(&["the end"]));
    }

    #[test]
    fn single_keys_are_a_line_only_with_their_line_break() {
        let mut input = Input::default();
        let keys = ["h", "안", "\x1b[A", "\x1bOP", "l", "l", "o"].map(str::as_bytes);
        assert_eq!(push_slowly(&mut input, &[b"\xFF\xFB\x1F\xFF\xFD\x03"]), []);
        assert_eq!(push_slowly(&mut input, &keys), []);
        assert_eq!(push(&mut input, &[b"\r", b"\n"]), lines(&["h안\x1b[A\x1bOPllo"]));
        assert_eq!(push_slowly(&mut input, &[b"x"]), []);
        assert_eq!(end(&mut input), lines(&["x"]), "the end of the input ends a line too");
    }

    #[test]
    fn backspace_and_delete_erase_the_character_before() {
        assert_eq!(parse(&["\x08안넝\x08녕\x7f\x7f\x7f\x7fㅎㅇ\n".as_bytes()]), lines(&["ㅎㅇ"]));
        assert_eq!(parse(&["안넝\x08녕\n".as_bytes()]), lines(&["안녕"]));
    }

    #[test]
    fn a_byte_order_mark_is_no_text_of_a_line() {
        assert_eq!(parse(&[b"\xEF\xBB\xBF/join secret\r\n\xEF\xBB\xBFhi\n"]), lines(&["/join secret", "hi"]));
        let bytewise: Vec<&[u8]> = b"\xEF\xBB\xBFhi\n".chunks(1).collect();
        assert_eq!(parse(&bytewise), lines(&["hi"]));
        for start in [&b"\xFF\xFEh\0i\0"[..], b"\xFE\xFF\0h\0i"] {
            assert_eq!(parse(&[start])[0], InputItem::Foreign(Foreign::Utf16));
        }
    }

    #[test]
    fn nul_ends_a_text_without_a_line_break_and_is_left_out_of_a_line() {
        assert_eq!(parse(&[b"hello\n\0", b"world\0\r\n\0"]), lines(&["hello", "world"]));
        let mut input = Input::default();
        assert_eq!(push_slowly(&mut input, &[b"one\0\0two\0", b"a\0"]), lines(&["one", "two", "a"]));
        assert_eq!(push(&mut input, &[b"th\0ree\0"]), []);
        assert_eq!(end(&mut input), lines(&["th", "ree"]));
    }

    #[test]
    fn send_is_executed_only_with_its_line_break() {
        let mut input = Input::default();
        assert_eq!(push_slowly(&mut input, &[b"/send a-1 half"]), []);
        let chunks: [&[u8]; 1] = [b" and half\n/send a-2 half"];
        assert_eq!(push_slowly(&mut input, &chunks), lines(&["/send a-1 half and half"]));
        assert_eq!(end(&mut input), [InputItem::Invalid(Refusal::BadRequest)]);
    }

    #[test]
    fn invalid_utf_8_is_refused() {
        assert_eq!(parse(&[b"\xB0\xA1\n"]), [InputItem::Invalid(Refusal::MessageUnreadable)]);
        let mut input = Input::default();
        push(&mut input, &["안".as_bytes().split_last().unwrap().1]);
        assert_eq!(end(&mut input), [InputItem::Invalid(Refusal::MessageUnreadable)]);
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
        let mut all = Vec::new();
        for _ in 0..100 {
            all.extend(push(&mut input, &[&[b'x'; 4096]]));
            assert!(input.line.capacity() <= 2 * MAX_LINE);
        }
        all.extend(push(&mut input, &[b"still\nshort\n"]));
        assert_eq!(all, [InputItem::Invalid(Refusal::MessageTooLong), InputItem::Line("short".to_owned())]);
    }

    #[test]
    fn a_client_without_line_breaks_can_send_again_after_a_line_that_was_too_long() {
        let mut input = Input::default();
        let too_long = InputItem::Invalid(Refusal::MessageTooLong);
        let short = InputItem::Line("short".to_owned());
        assert_eq!(push_slowly(&mut input, &[&[b'x'; 2 * MAX_LINE], b"short"]), [too_long, short]);
    }

    #[test]
    fn a_browser_is_recognised_by_the_first_line_only() {
        let long = format!("POST /{} HTTP/1.1", "x".repeat(2 * MAX_LINE));
        let chosen = format!("FOO /{} HTTP/1.1", "x".repeat(2 * MAX_LINE));
        let firsts = [
            "GET / HTTP/1.1",
            "POST /r HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "get / HTTP/1.1",
            "FOO /x HTTP/1.1\r",
            " FOO  /x  HTTP/1.1 ",
            "QUERY /x?y HTTP/1.0",
            "CONNECT a:443 HTTP/1.1",
            "GET http://madang:3001/x HTTP/1.1",
            "GET ftp://madang/x HTTP/1.1",
            "PRI * HTTP/2.0",
            "GET /a b HTTP/1.1",
            &long,
            &chosen,
        ];
        for first in firsts {
            assert_eq!(parse(&[first.as_bytes(), b"\nnick admin\n"])[0], FOREIGN_HTTP, "{first}");
        }
        for length in MAX_LINE - 12..MAX_LINE + 12 {
            let method = format!("{} /x HTTP/1.1\r\nnick admin\n", "F".repeat(length));
            let items = parse(&[method.as_bytes()]);
            let is_closed = items.contains(&FOREIGN_HTTP) && !matches!(items[0], InputItem::Line(_));
            assert!(is_closed, "{length}: {items:?}");
        }
        assert_eq!(parse(&[b"hello\nGET / HTTP/1.1\n"]), lines(&["hello", "GET / HTTP/1.1"]));
        assert_eq!(parse(&[b"\nGET / HTTP/1.1\n"]), lines(&["GET / HTTP/1.1"]));
    }

    const FOREIGN_HTTP: InputItem = InputItem::Foreign(Foreign::Http);

    #[test]
    fn a_first_line_that_no_browser_sends_is_a_line() {
        for line in [
            "HTTP/1.1 200 OK",
            "GET /health 500",
            "GET /health",
            "DELETE * FROM t",
            "GET it done",
            "see /etc/hosts",
            "I like HTTP/3",
            "nginx said: GET / HTTP/1.1",
            "127.0.0.1 - - \"GET / HTTP/1.1\" 200",
        ] {
            assert_eq!(parse(&[line.as_bytes(), b"\n"]), lines(&[line]));
        }
        for line in
            ["HTTP/1.1 200 OK", "GET /health 500", "DELETE * FROM t", "see /etc/hosts", "GET it: done"]
        {
            assert_eq!(push_slowly(&mut Input::default(), &[line.as_bytes()]), lines(&[line]));
        }
    }

    /// A network may cut the request line of a browser anywhere.
    #[test]
    fn a_browser_whose_first_line_is_cut_is_recognised() {
        let path = format!("/{}", "x".repeat(MIN_TRUNCATED));
        for first in ["POST /r HTTP/1.1", &format!("POST {path} HTTP/1.1"), &format!("HACK {path} HTTP/1.1")]
        {
            let request = format!("{first}\r\nHost: madang\r\n\r\nhacked\r\n");
            for cut in 1..first.len() {
                let chunks = request.as_bytes().split_at(cut);
                let items = push_slowly(&mut Input::default(), &[chunks.0, chunks.1]);
                let before = items.iter().take_while(|item| **item != FOREIGN_HTTP).count();
                assert!(before < items.len() && before <= 1, "{first} cut at {cut}: {items:?}");
                let is_method =
                    |item: &InputItem| matches!(item, InputItem::Line(text) if first.starts_with(text));
                assert!(items[..before].iter().all(is_method), "{first} cut at {cut}: {items:?}");
            }
        }
        for truncated in [&b"POST /cut-befo"[..], b"GET /x HTTP/1"] {
            let mut input = Input::default();
            assert_eq!(push(&mut input, &[truncated]), []);
            assert_eq!(end(&mut input), [FOREIGN_HTTP]);
        }
    }

    #[test]
    fn another_protocol_is_recognised_by_its_first_bytes() {
        // What a page chooses in a handshake, such as a session ticket, may hold anything.
        assert_eq!(
            parse(&[b"\x16\x03\x01\x02\x08\x08\x08\x08\nnick admin\n"])[0],
            InputItem::Foreign(Foreign::Tls)
        );
        assert_eq!(
            parse(&[b"\x00", b"\x03\x00\x08\x21\x12\xA4\x42\nhi\n"])[0],
            InputItem::Foreign(Foreign::Stun)
        );
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_are_cut(
            texts in prop::collection::vec("[^\\p{Cc}]{1,20}\r?", 1..10),
            cut in 1usize..7,
        ) {
            let all: String = texts.iter().map(|text| format!("{text}\n")).collect();
            let chunks: Vec<&[u8]> = all.as_bytes().chunks(cut).collect();
            prop_assert_eq!(parse(&chunks), parse(&[all.as_bytes()]));
        }

        #[test]
        fn no_bytes_make_it_panic_or_grow(chunks in prop::collection::vec(any::<Vec<u8>>(), 0..50)) {
            let mut input = Input::default();
            let mut count = 0;
            for chunk in &chunks {
                count += push_slowly(&mut input, &[chunk]).len();
                prop_assert!(input.line.len() <= MAX_LINE && input.received.is_empty());
            }
            count += end(&mut input).len();
            prop_assert!(count <= chunks.iter().map(Vec::len).sum::<usize>() + 1);
        }
    }
}
