//! Reads standard input as lines of bounded length, in a thread, because reads of standard input
//! block and cannot be polled together with the network.

use std::{
    io::{self, BufRead, Read},
    thread,
};

use common::{message::Body, refusal::Refusal};
use tokio::sync::mpsc;

/// How many lines are read ahead.
const READ_AHEAD: usize = 64;

/// Returns the lines of standard input, without their line breaks, until it ends.
pub(super) fn lines() -> mpsc::Receiver<Result<String, Refusal>> {
    let (sender, lines) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next_line(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
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
    Some(text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned()))
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

    fn read(mut input: &[u8]) -> Vec<Result<String, Refusal>> {
        std::iter::from_fn(|| next_line(&mut input)).collect()
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
