//! What travels, as little of it as the promises need: a message is its sender and its number, which
//! stand for its `cid` and its text.

/// Something a client writes, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) sender: u8,
    /// 1, 2, 3 … in the order they were written.
    pub(crate) number: u8,
}

/// A message with its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) seq: u8,
    pub(crate) message: Message,
}

/// From a client to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    Join { since: Option<u8> },
    Send(Message),
    History { after: u8 },
}

/// From the server to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Packet {
    Joined {
        last: u8,
        page: Page,
    },
    Page(Page),
    Event(Entry),
    Sent(Entry),
    /// Not stored; to be tried again.
    Refused(Message),
    Heartbeat {
        last: u8,
    },
}

/// A piece of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Page {
    pub(crate) events: Vec<Entry>,
    /// Whether there is more in the direction that was asked for.
    pub(crate) more: bool,
}
