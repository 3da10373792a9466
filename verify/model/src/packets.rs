//! The packets, reduced to what the invariants need. A message is its sender and its number, which
//! stand for its `cid` and its text.

/// A message a client writes once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) sender: u8,
    /// 1, 2, 3 … in the order of writing.
    pub(crate) number: u8,
}

/// A message with its sequence number in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) seq: u8,
    pub(crate) message: Message,
}

/// Packets from a client to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    Join { since: Option<u8> },
    Send(Message),
    History { after: u8 },
}

/// Packets from the server to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Packet {
    Joined {
        last: u8,
        page: Page,
    },
    Page(Page),
    Event(Entry),
    Sent(Entry),
    /// Not stored; the client must retry.
    Refused(Message),
    Heartbeat {
        last: u8,
    },
}

/// A contiguous part of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Page {
    pub(crate) events: Vec<Entry>,
    /// Whether there are more events in the requested direction.
    pub(crate) more: bool,
}
