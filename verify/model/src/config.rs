//! What is checked: the size of the model, the faults that may happen, and a deliberate mistake.

/// The size of the model, the faults that may happen, and the mutation, if any.
#[derive(Clone, Debug)]
pub struct Config {
    /// The number of messages each client has written.
    pub messages: Vec<u8>,
    /// The most events in a page.
    pub page: usize,
    /// The most packets in a connection's queue; one more closes the connection.
    pub queue: usize,
    pub faults: Faults,
    pub mutation: Option<Mutation>,
}

/// How often each fault may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A connection breaks; the client or the server notices first.
    pub breaks: u8,
    /// The server is killed.
    pub crashes: u8,
    /// A packet to a client vanishes, and its connection stays open.
    pub losses: u8,
    /// A transaction cannot be committed.
    pub failed_commits: u8,
    /// A client is closed and reopened with only what is on its disk.
    pub reloads: u8,
}

/// A deliberate mistake in the protocol, to show that the checker finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The sender is answered when the message is written, not when it is committed.
    AckBeforeCommit,
    /// The event is broadcast when the message is written, not when it is committed.
    BroadcastBeforeCommit,
    /// A `cid` that is already in the log is stored again.
    NoDedupe,
    /// Sequence numbers are counted in memory, not in the transaction.
    SeqFromMemory,
    /// `join` reads the log before it subscribes to the room.
    ReadBeforeSubscribing,
    /// `join` replies with the log's end as it was before it subscribed to the room.
    LastBeforeSubscribing,
    /// A full queue drops the packet and keeps the connection.
    OverflowDropsPacket,
    NoHeartbeat,
    /// A client appends events in the order of arrival, whatever their numbers.
    SeqUnchecked,
    /// A client sends the next message before the last one is answered.
    TwoInFlight,
    /// A client keeps a sent message until it is in its timeline, which may begin after it.
    KeepsSentBeforeTimeline,
}
