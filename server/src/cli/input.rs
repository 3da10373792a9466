//! Standard input as lines, each of a bounded length, read by a thread of its own: nobody can wait
//! for a terminal and for the network in one place.

use std::{
    io::{self, BufRead, Read},
    thread,
};

use common::{message::Body, refusal::Refusal};
use tokio::sync::mpsc;

/// How many lines are read ahead.
const AHEAD: usize = 64;

/// The lines of standard input, without their line breaks, until it ends.
pub(super) fn lines() -> mpsc::Receiver<Result<String, Refusal>> {
    let (read, lines) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next_line(&mut input) {
            if read.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The next line; the refusal is that of a message which could never be said.
fn next_line(input: &mut impl BufRead) -> Option<Result<String, Refusal>> {
    let most = Body::MAX_BYTES as u64 + 2;
    let mut line = Vec::new();
    // Input that can not be read has ended.
    let read = input.by_ref().take(most).read_until(b'\n', &mut line).unwrap_or_default();
    if read == 0 {
        return None;
    }
    if read as u64 == most && !line.ends_with(b"\n") {
        skip_line(input);
        return Some(Err(Refusal::MessageTooLong));
    }
    let text = String::from_utf8(line).map_err(|_| Refusal::MessageUnreadable);
    Some(text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn skip_line(input: &mut impl BufRead) {
    loop {
        let Ok(buffer) = input.fill_buf() else { return };
        let (length, is_over) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(length);
        if is_over {
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
    fn lines_end_in_every_way_and_the_last_need_not() {
        let lines = ["하나", "둘", "", "셋"].map(|line| Ok(line.to_owned()));
        assert_eq!(read("하나\n둘\r\n\n셋".as_bytes()), lines);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_line_that_is_no_message_is_refused_and_the_next_one_is_read() {
        let long = "x".repeat(100_000);
        let lines = [Err(Refusal::MessageTooLong), Err(Refusal::MessageUnreadable), Ok("ok".to_owned())];
        assert_eq!(read(&[long.as_bytes(), b"\n\xff\nok\n"].concat()), lines);
        assert_eq!(read(long.as_bytes()), [Err(Refusal::MessageTooLong)]);
    }
}
