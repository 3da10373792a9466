//! The commands to join a room and to send a message, in Madang's protocol and in the tutorial's, and the
//! mark by which a message of the benchmark is recognised.

use std::sync::atomic::{AtomicU64, Ordering};

use common::{
    message::{Body, Cid, Seq},
    protocol::command::{History, Join, Request, Send},
    room::RoomName,
    socketio,
};
use memchr::memmem;

/// The protocol that a server expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Madang,
    /// `room` and `chat message`, each acknowledged.
    Tutorial,
}

/// A message's text starts with this and its number in ten digits.
const MARK: &str = "bench: ";
const DIGITS: usize = 10;
/// The length of both.
pub(crate) const MARK_LENGTH: usize = MARK.len() + DIGITS;
/// Makes a message about as long as people's are.
const PADDING: &str = " 오늘 저녁에 마당에서 만나요, 늦지 마세요";

impl Dialect {
    pub(crate) fn join(self, room: &str, since: Option<u64>, ack: u32) -> anyhow::Result<String> {
        match self {
            Dialect::Madang => {
                command(&Join { since: since.map(Seq), ..Join::new(RoomName::parse(room)?) }, ack)
            }
            Dialect::Tutorial => Ok(socketio::command("room", &room, ack)?),
        }
    }

    /// Builds message `number`, with `number` as its ack id.
    pub(crate) fn message(self, room: &str, number: u32) -> anyhow::Result<String> {
        let text = text(number);
        match self {
            Dialect::Madang => {
                let send = Send::new(RoomName::parse(room)?, fresh_cid(), Body::parse(&text)?);
                command(&send, number)
            }
            Dialect::Tutorial => Ok(socketio::command("chat message", &text, number)?),
        }
    }
}

/// Requests Madang's page after `seq`.
pub(crate) fn history_after(room: &str, seq: u64, ack: u32) -> anyhow::Result<String> {
    let room = RoomName::parse(room)?;
    let limit = Some(History::MAX);
    command(&History { room, before: None, after: Some(Seq(seq)), around: None, limit }, ack)
}

/// Returns the text of message `number`.
pub(crate) fn text(number: u32) -> String {
    format!("{MARK}{number:0DIGITS$}{PADDING}")
}

/// Returns the number of the message in this frame, if it is one of the benchmark.
pub(crate) fn number_in(frame: &[u8]) -> Option<u32> {
    find_number(frame).map(|(number, _)| number)
}

/// Returns the first such number in any bytes, and where it ends.
pub(crate) fn find_number(bytes: &[u8]) -> Option<(u32, usize)> {
    let start = memmem::find(bytes, MARK.as_bytes())? + MARK.len();
    let digits = bytes.get(start..start + DIGITS)?;
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, start + DIGITS))
}

fn command<A: Request>(payload: &A, ack: u32) -> anyhow::Result<String> {
    Ok(socketio::command(A::NAME, payload, ack)?)
}

fn fresh_cid() -> Cid {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Cid::from_random(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_recognised_by_its_number_in_both_dialects() {
        for dialect in [Dialect::Madang, Dialect::Tutorial] {
            assert_eq!(number_in(dialect.message("bench 1", 4_711).unwrap().as_bytes()), Some(4_711));
            assert_eq!(number_in(dialect.join("bench 1", None, 1).unwrap().as_bytes()), None);
        }
    }
}
