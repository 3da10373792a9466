//! The line protocol over TCP, meant for `nc` and short scripts.
//!
//! The first character of a line from the server shows its kind. Such a line never holds anything
//! that controls a terminal: no escape sequences, no control characters except tabs, no change of
//! text direction. A line to the server is a message, or a command if it begins with a slash.
//! `docs/protocol.md` has the grammar; that of UDP is in [`datagram`](crate::datagram).

mod parse;
pub mod render;

use crate::{
    message::{Body, Cid, Seq},
    person::DisplayName,
    refusal::Refusal,
    room::RoomName,
};

/// One line from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first line of a message. `label` is what the server knows about its sender, such as
    /// `#k3f9 (guest)`; empty for most people.
    Message { old: bool, name: String, label: String, text: String },
    /// A further line of the message before.
    Continuation { old: bool, text: String },
    /// A sentence of the server: the reply to a command, or something that happened.
    Note(String),
    /// A command or message was refused.
    Refused(Refusal),
    /// The reply to `/send` with this `cid`: the message's number in the log, or the refusal.
    Reply { cid: Cid, result: Result<Seq, Refusal> },
}

/// One line to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineCommand {
    Message(Body),
    /// Sends a message and gets a reply with the same `cid`; a retry is safe.
    Send(Cid, Body),
    Join(RoomName),
    Leave,
    Name(DisplayName),
    Who,
    History(u32),
    Help,
    Quit,
}

impl LineCommand {
    /// The reply to `/help`.
    pub const HELP: [&str; 4] = [
        "A line is a message to everybody else in the room. Commands:",
        "/join ROOM, /leave, /name NAME, /who, /history N, /me TEXT, /help, /quit",
        "/send CID TEXT is a message that is answered: = CID NUMBER when it is on the disk.",
        "A message that begins with a slash is written with two.",
    ];
}

/// Begins a message from the history, sent before the reader joined or requested by `/history`.
const OLD_PREFIX: &str = "> ";
/// Begins a further line of the message before.
const CONTINUATION_PREFIX: char = '\t';
/// Begins a note of the server: a reply to a command, or who joined and left.
const NOTE_PREFIX: &str = "* ";
/// Begins a refusal.
const REFUSAL_PREFIX: &str = "! ";
/// Begins the reply to `/send`.
const REPLY_PREFIX: &str = "= ";
/// Ends the name of a message line.
const NAME_SEPARATOR: &str = ": ";
/// A name that holds one of these is written in quotes, or it could look like a label behind a name.
const LABEL_CHARS: [char; 6] = ['(', '#', '（', '﹙', '＃', '﹟'];
/// A name that begins with one of these is written in quotes.
const SPECIAL_CHARS: [char; 6] = ['*', '>', '!', '=', '"', '\\'];

#[cfg(test)]
mod tests;
