//! What a client says to join a room and to speak, in Madang's protocol and in the tutorial's, and
//! how it recognises what the benchmark sent.

use std::sync::atomic::{AtomicU64, Ordering};

use common::{
    event::{Ask, History, Join, Send},
    message::{Body, Cid, Seq},
    room::RoomName,
    socketio,
};
use memchr::memmem;

/// How a server wants to be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Madang,
    /// `room` and `chat message`, each acknowledged.
    Tutorial,
}

/// A message's text starts with this and its number in ten digits.
const MARK: &str = "bench: ";
const DIGITS: usize = 10;
/// How long the two are together.
pub(crate) const MARK_LENGTH: usize = MARK.len() + DIGITS;
/// What follows, so that a message is about as long as people's are.
const WORDS: &str = " 오늘 저녁에 마당에서 만나요, 늦지 마세요";

impl Dialect {
    pub(crate) fn join(self, room: &str, since: Option<u64>, ack: u32) -> anyhow::Result<String> {
        match self {
            Dialect::Madang => ask(&Join { since: since.map(Seq), ..Join::new(RoomName::parse(room)?) }, ack),
            Dialect::Tutorial => Ok(socketio::command("room", &room, ack)?),
        }
    }

    /// Message `number`, acknowledged under `number` too.
    pub(crate) fn say(self, room: &str, number: u32) -> anyhow::Result<String> {
        let text = text(number);
        match self {
            Dialect::Madang => {
                let send = Send::new(RoomName::parse(room)?, fresh_cid(), Body::parse(&text)?);
                ask(&send, number)
            }
            Dialect::Tutorial => Ok(socketio::command("chat message", &text, number)?),
        }
    }
}

/// Asks Madang for the page after `seq`.
pub(crate) fn history_after(room: &str, seq: u64, ack: u32) -> anyhow::Result<String> {
    let room = RoomName::parse(room)?;
    let limit = Some(History::MAX);
    ask(&History { room, before: None, after: Some(Seq(seq)), around: None, limit }, ack)
}

/// The text of message `number`.
pub(crate) fn text(number: u32) -> String {
    format!("{MARK}{number:0DIGITS$}{WORDS}")
}

/// The number of the message in this frame, if it carries one of ours.
pub(crate) fn number_in(frame: &[u8]) -> Option<u32> {
    first_number(frame).map(|(number, _)| number)
}

/// The first such number in any bytes, and where it ends.
pub(crate) fn first_number(bytes: &[u8]) -> Option<(u32, usize)> {
    let start = memmem::find(bytes, MARK.as_bytes())? + MARK.len();
    let digits = bytes.get(start..start + DIGITS)?;
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, start + DIGITS))
}

fn ask<A: Ask>(asked: &A, ack: u32) -> anyhow::Result<String> {
    Ok(socketio::command(A::NAME, asked, ack)?)
}

fn fresh_cid() -> Cid {
    static USED: AtomicU64 = AtomicU64::new(0);
    Cid::from_random(u128::from(USED.fetch_add(1, Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_recognised_by_its_number_in_either_dialect() {
        for dialect in [Dialect::Madang, Dialect::Tutorial] {
            assert_eq!(number_in(dialect.say("bench 1", 4_711).unwrap().as_bytes()), Some(4_711));
            assert_eq!(number_in(dialect.join("bench 1", None, 1).unwrap().as_bytes()), None);
        }
    }
}
