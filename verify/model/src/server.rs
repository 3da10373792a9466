//! The server: the log, the writer, the bus, and the room's state in memory.
//!
//! This is a small copy of `store/writer.rs`, `store/sqlite`, `chat/session.rs` and `chat/room.rs`.
//! Each function is one step, after which any other action may happen, including a kill.

use std::collections::VecDeque;

use crate::{
    config::{Config, Mutation},
    connection::{Channel, Step},
    packets::{Command, Entry, Message, Packet, Page},
};

#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Server {
    /// The committed log; a restart keeps nothing else.
    pub(crate) log: Vec<Entry>,
    /// Messages queued for the writer.
    queue: Vec<WriteJob>,
    /// What the open transaction has written.
    transaction: Vec<Written>,
    /// Results of the finished transaction that are still to be answered.
    unanswered: VecDeque<Written>,
    /// Committed events that are not broadcast yet.
    bus: VecDeque<Entry>,
    /// The last event the room knows of; `None` while the room has no member.
    room: Option<u8>,
    /// The last number given out, for the mutation that counts in memory.
    counter: u8,
}

/// A message in the writer's queue or transaction.
#[derive(Clone, Copy, Debug, Hash)]
struct WriteJob {
    message: Message,
    /// Whether a session still waits for the answer.
    awaited: bool,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Written {
    job: WriteJob,
    /// Its entry in the log; `None` if it was not stored.
    entry: Option<Entry>,
    /// Whether it was stored now, so that it must be broadcast.
    new: bool,
}

impl Server {
    pub(crate) fn can_begin(&self) -> bool {
        !self.queue.is_empty() && self.transaction.is_empty() && self.unanswered.is_empty()
    }

    pub(crate) fn can_commit(&self) -> bool {
        !self.transaction.is_empty()
    }

    pub(crate) fn can_answer(&self) -> bool {
        !self.unanswered.is_empty()
    }

    pub(crate) fn can_broadcast(&self) -> bool {
        !self.bus.is_empty()
    }

    /// Whether a session has a step to do.
    pub(crate) fn can_run_session(channel: &Channel) -> bool {
        let Some(connection) = &channel.connection else { return false };
        connection.session.as_ref().is_some_and(|session| match session.step {
            Step::Idle => !connection.up.is_empty(),
            Step::AwaitingWriter => false,
            _ => true,
        })
    }

    /// The writer takes all queued messages into one transaction.
    pub(crate) fn begin(&mut self, channels: &mut [Channel], config: &Config) {
        for job in std::mem::take(&mut self.queue) {
            let written = self.insert(job, config.mutation);
            self.transaction.push(written);
            match config.mutation {
                Some(Mutation::AckBeforeCommit) => answer(channels, written),
                Some(Mutation::BroadcastBeforeCommit) if written.new => self.bus.extend(written.entry),
                _ => {}
            }
        }
    }

    fn insert(&mut self, job: WriteJob, mutation: Option<Mutation>) -> Written {
        let in_transaction = self.transaction.iter().filter_map(|written| written.entry);
        let mut known = self.log.iter().copied().chain(in_transaction);
        let last = known.clone().map(|entry| entry.seq).max().unwrap_or(0);
        let first = known.find(|entry| entry.message == job.message);
        if let Some(first) = first.filter(|_| mutation != Some(Mutation::NoDedupe)) {
            return Written { job, entry: Some(first), new: false };
        }
        let seq = if mutation == Some(Mutation::SeqFromMemory) { self.counter + 1 } else { last + 1 };
        if mutation == Some(Mutation::SeqFromMemory) {
            self.counter = seq;
        }
        Written { job, entry: Some(Entry { seq, message: job.message }), new: true }
    }

    pub(crate) fn commit(&mut self) {
        self.unanswered = std::mem::take(&mut self.transaction).into();
        self.log
            .extend(self.unanswered.iter().filter(|written| written.new).filter_map(|written| written.entry));
    }

    /// The disk is full: the transaction is rolled back.
    pub(crate) fn fail_commit(&mut self) {
        let nothing = |written: Written| Written { entry: None, new: false, ..written };
        self.unanswered = std::mem::take(&mut self.transaction).into_iter().map(nothing).collect();
    }

    /// After the transaction the writer publishes an event on the bus, then answers its sender.
    pub(crate) fn answer_next(&mut self, channels: &mut [Channel], config: &Config) {
        let Some(written) = self.unanswered.pop_front() else { return };
        if written.new && config.mutation != Some(Mutation::BroadcastBeforeCommit) {
            self.bus.extend(written.entry);
        }
        if config.mutation != Some(Mutation::AckBeforeCommit) {
            answer(channels, written);
        }
    }

    /// Delivers the next event of the bus to all members of the room.
    pub(crate) fn broadcast(&mut self, channels: &mut [Channel], config: &Config) {
        let Some(entry) = self.bus.pop_front() else { return };
        self.advance_room_to(entry.seq);
        for client in 0..channels.len() {
            if channels[client].is_subscribed() {
                self.push(channels, client, Packet::Event(entry), config);
            }
        }
    }

    /// Advances the last event the room knows of, if there is a room.
    fn advance_room_to(&mut self, seq: u8) {
        self.room = self.room.map(|last| last.max(seq));
    }

    /// The heartbeat this client would be sent now; `None` if it is not subscribed.
    pub(crate) fn heartbeat(&self, channel: &Channel) -> Option<u8> {
        self.room.filter(|_| channel.is_subscribed())
    }

    pub(crate) fn send_heartbeat(&mut self, channels: &mut [Channel], client: usize, config: &Config) {
        if let Some(last) = self.heartbeat(&channels[client]) {
            self.push(channels, client, Packet::Heartbeat { last }, config);
        }
    }

    /// Does one step of a session.
    pub(crate) fn run_session(&mut self, channels: &mut [Channel], client: usize, config: &Config) {
        let Some(session) = channels[client].session() else { return };
        let step = match std::mem::take(&mut session.step) {
            Step::Idle => self.take_command(&mut channels[client], config),
            Step::LookedUp { since, known } if config.mutation == Some(Mutation::ReadBeforeSubscribing) => {
                Step::ReadTooEarly { known, reply: self.join_reply(since, known, config) }
            }
            Step::LookedUp { since, known } => {
                self.subscribe(&mut channels[client], known);
                Step::Subscribed { since, known }
            }
            Step::Subscribed { since, known } => Step::Replying(self.join_reply(since, known, config)),
            Step::ReadTooEarly { known, reply } => {
                self.subscribe(&mut channels[client], known);
                Step::Replying(reply)
            }
            Step::AwaitingWriter => Step::AwaitingWriter,
            Step::Replying(reply) => return self.push(channels, client, reply, config),
        };
        if let Some(session) = channels[client].session() {
            session.step = step;
        }
    }

    fn take_command(&mut self, channel: &mut Channel, config: &Config) -> Step {
        match channel.connection.as_mut().and_then(|connection| connection.up.pop_front()) {
            Some(Command::Join { since }) => Step::LookedUp { since, known: self.last() },
            Some(Command::Send(message)) => {
                self.queue.push(WriteJob { message, awaited: true });
                Step::AwaitingWriter
            }
            Some(Command::History { after }) => Step::Replying(Packet::Page(self.read(Some(after), config))),
            None => Step::Idle,
        }
    }

    /// Queues a message left over from a closed connection; its answer goes to nobody.
    pub(crate) fn run_leftover(&mut self, channel: &mut Channel) {
        self.queue.extend(channel.leftover.pop_front().map(|message| WriteJob { message, awaited: false }));
    }

    /// Subscribes a session to the room; the first member creates the room's state from `known`.
    fn subscribe(&mut self, channel: &mut Channel, known: u8) {
        if let Some(session) = channel.session() {
            session.is_subscribed = true;
            self.room.get_or_insert(known);
        }
    }

    /// The reply to `join`. `known` is the end of the log when the room was looked up.
    fn join_reply(&mut self, since: Option<u8>, known: u8, config: &Config) -> Packet {
        let page = self.read(since, config);
        let last = match config.mutation {
            Some(Mutation::LastBeforeSubscribing) => {
                page.events.last().map_or(known, |entry| entry.seq.max(known))
            }
            _ => self.last(),
        };
        self.advance_room_to(last);
        Packet::Joined { last, page }
    }

    /// Reads a page: the events after `since`, or the end of the log.
    fn read(&self, since: Option<u8>, config: &Config) -> Page {
        let size = config.page;
        let (events, more) = match since {
            Some(since) => {
                let after = self.log.get(usize::from(since)..).unwrap_or_default();
                (&after[..size.min(after.len())], after.len() > size)
            }
            None => (&self.log[self.log.len().saturating_sub(size)..], self.log.len() > size),
        };
        Page { events: events.to_vec(), more }
    }

    fn last(&self) -> u8 {
        self.log.last().map_or(0, |entry| entry.seq)
    }

    /// Appends a packet to a connection's bounded queue. A connection whose queue is full is
    /// closed.
    fn push(&mut self, channels: &mut [Channel], client: usize, packet: Packet, config: &Config) {
        let Some(connection) = &mut channels[client].connection else { return };
        if connection.down.len() < config.queue {
            connection.down.push_back(packet);
        } else if config.mutation != Some(Mutation::OverflowDropsPacket) {
            self.cut(channels, client);
        }
    }

    /// Closes the server's end of a connection. Its queued messages stay with the writer.
    pub(crate) fn cut(&mut self, channels: &mut [Channel], client: usize) {
        channels[client].cut();
        self.forget_waiters(client);
    }

    /// Forgets that this client's session waits for answers from the writer.
    pub(crate) fn forget_waiters(&mut self, client: usize) {
        let written = self.transaction.iter_mut().chain(&mut self.unanswered).map(|written| &mut written.job);
        for job in self.queue.iter_mut().chain(written) {
            job.awaited &= usize::from(job.message.sender) != client;
        }
    }

    /// Drops the room's state when its last member has left.
    pub(crate) fn forget_empty_room(&mut self, channels: &[Channel]) {
        if !channels.iter().any(Channel::is_subscribed) {
            self.room = None;
        }
    }

    /// Kills and restarts the server.
    pub(crate) fn crash(&mut self, channels: &mut [Channel]) {
        let log = std::mem::take(&mut self.log);
        *self = Server { log, ..Server::default() };
        self.counter = self.last();
        for channel in channels {
            channel.cut();
            channel.leftover.clear();
        }
    }
}

fn answer(channels: &mut [Channel], Written { job, entry, .. }: Written) {
    let Some(session) = channels[usize::from(job.message.sender)].session().filter(|_| job.awaited) else {
        return;
    };
    session.step = Step::Replying(entry.map_or(Packet::Refused(job.message), Packet::Sent));
}
