//! Reads standard input as lines of bounded length, in a thread, because reads of standard input
//! block and cannot be polled together with the network.
//!
//! A file that was written on Windows may begin with a byte order mark, and be UTF-16 (PowerShell's `>`).

use std::{
    char::DecodeUtf16,
    io::{self, BufRead, BufReader, Cursor, Read},
    thread,
};

use common::{
    encoding::{UTF_8_MARK, UTF_16_MARKS, without_byte_order_mark},
    message::Body,
    refusal::Refusal,
};
use tokio::sync::mpsc;

/// How many lines are read ahead.
const READ_AHEAD: usize = 64;

/// Returns the lines of standard input, without their line breaks, until it ends.
pub(super) fn lines() -> mpsc::Receiver<Result<String, Refusal>> {
    let (sender, lines) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || {
        let mut input = decoded(io::stdin().lock());
        while let Some(line) = next_line(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Returns the input as UTF-8 without a byte order mark at its start.
fn decoded<'a>(mut input: impl BufRead + 'a) -> Box<dyn BufRead + 'a> {
    let marks = [UTF_8_MARK, UTF_16_MARKS[0], UTF_16_MARKS[1]];
    let mut start = Vec::new();
    // Byte by byte, so that a first line which is already there is not held back.
    while marks.iter().any(|mark| mark.starts_with(&start) && mark.len() > start.len()) {
        if input.by_ref().take(1).read_to_end(&mut start).unwrap_or_default() == 0 {
            break;
        }
    }
    match marks.iter().position(|mark| *mark == start) {
        Some(0) => Box::new(input),
        Some(1) => Box::new(BufReader::new(Utf16Reader::new(input, u16::from_le_bytes))),
        Some(_) => Box::new(BufReader::new(Utf16Reader::new(input, u16::from_be_bytes))),
        None => Box::new(Cursor::new(start).chain(input)),
    }
}

/// Reads UTF-16 and returns UTF-8. Half of a surrogate pair becomes a byte that is no UTF-8, so that its line is
/// refused.
struct Utf16Reader<'a> {
    chars: DecodeUtf16<Box<dyn Iterator<Item = u16> + 'a>>,
    /// The rest of the last character.
    rest: Vec<u8>,
}

impl<'a> Utf16Reader<'a> {
    fn new(mut input: impl Read + 'a, unit: fn([u8; 2]) -> u16) -> Utf16Reader<'a> {
        let units: Box<dyn Iterator<Item = u16> + 'a> = Box::new(std::iter::from_fn(move || {
            let mut bytes = [0; 2];
            // A read error, or half of a unit, ends the input.
            input.read_exact(&mut bytes).ok().map(|()| unit(bytes))
        }));
        Utf16Reader { chars: char::decode_utf16(units), rest: Vec::new() }
    }
}

impl Read for Utf16Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            match self.chars.next() {
                Some(Ok(character)) => self.rest.extend(character.encode_utf8(&mut [0; 4]).bytes()),
                Some(Err(_)) => self.rest.push(0xFF),
                None => return Ok(0),
            }
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

/// Reads the next line; the refusal is that of a message which the server would never accept.
fn next_line(input: &mut impl BufRead) -> Option<Result<String, Refusal>> {
    let max = Body::MAX_BYTES as u64 + 2;
    let mut line = Vec::new();
    // A read error ends the input.
    let read = input.by_ref().take(max).read_until(b'\n', &mut line).unwrap_or_default();
    if read == 0 {
        return None;
    }
    if read as u64 == max && !line.ends_with(b"\n") {
        skip_line(input);
        return Some(Err(Refusal::MessageTooLong));
    }
    let text = String::from_utf8(line).map_err(|_| Refusal::MessageUnreadable);
    // One in the middle comes from files that were put together.
    Some(text.map(|text| without_byte_order_mark(text.trim_end_matches(['\n', '\r'])).to_owned()))
}

fn skip_line(input: &mut impl BufRead) {
    loop {
        let Ok(buffer) = input.fill_buf() else { return };
        let (length, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(length);
        if is_end {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Vec<Result<String, Refusal>> {
        let mut input = decoded(input);
        std::iter::from_fn(|| next_line(&mut input)).collect()
    }

    #[test]
    fn what_windows_writes_is_read_like_any_other_text() {
        let text = "하나\r\n👋 둘\n";
        let lines = ["하나", "👋 둘"].map(|line| Ok(line.to_owned()));
        assert_eq!(read(format!("\u{FEFF}{text}").as_bytes()), lines);
        let marked: Vec<u16> = format!("\u{FEFF}{text}").encode_utf16().collect();
        assert_eq!(read(&marked.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>()), lines);
        assert_eq!(read(&marked.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<u8>>()), lines);
        assert_eq!(read("하나\r\n\u{FEFF}👋 둘\n".as_bytes()), lines, "two files, one after the other");
        let broken = read(b"\xFF\xFE\x3D\xD8\x0A\x00o\x00k\x00");
        assert_eq!(broken, [Err(Refusal::MessageUnreadable), Ok("ok".to_owned())]);
        assert_eq!(read(b"\xFF\xFE"), []);
    }

    /// A program that writes one line and stays is heard at once.
    #[test]
    fn a_first_line_is_not_held_back_until_more_arrives() {
        struct OneLine(bool);
        impl Read for OneLine {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(!std::mem::replace(&mut self.0, true), "it would block");
                buffer[..2].copy_from_slice(b"a\n");
                Ok(2)
            }
        }
        let mut input = decoded(BufReader::new(OneLine(false)));
        assert_eq!(next_line(&mut input), Some(Ok("a".to_owned())));
    }

    #[test]
    fn lines_end_with_any_line_break_and_the_last_needs_none() {
        let lines = ["하나", "둘", "", "셋"].map(|line| Ok(line.to_owned()));
        assert_eq!(read("하나\n둘\r\n\n셋".as_bytes()), lines);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn an_invalid_line_is_refused_and_the_next_one_is_read() {
        let long = "x".repeat(100_000);
        let lines = [Err(Refusal::MessageTooLong), Err(Refusal::MessageUnreadable), Ok("ok".to_owned())];
        assert_eq!(read(&[long.as_bytes(), b"\n\xff\nok\n"].concat()), lines);
        assert_eq!(read(long.as_bytes()), [Err(Refusal::MessageTooLong)]);
    }
}
