//! The server: the log, the one writer, the bus, and the room as it is in memory.
//!
//! A small copy of `store/writer.rs`, `store/sqlite.rs`, `chat/session.rs` and `chat/room.rs`. Each
//! function is a step after which anything else may happen, the server's death included.

use std::collections::VecDeque;

use crate::{
    line::{Doing, Way},
    protocol::{Config, Mutation},
    words::{Command, Entry, Message, Packet, Page},
};

#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Server {
    /// What is on the disk, and all that a restart leaves.
    pub(crate) log: Vec<Entry>,
    /// Messages waiting for the writer.
    queue: Vec<Job>,
    /// What the open transaction has written.
    transaction: Vec<Written>,
    /// The transaction is over; these are still to be answered.
    unanswered: VecDeque<Written>,
    /// Committed and not yet told.
    bus: VecDeque<Entry>,
    /// The room while somebody is in it: the last event that is known of there.
    room: Option<u8>,
    /// The last number given, where a mutation counts in memory.
    counter: u8,
}

/// A message in the hands of the writer.
#[derive(Clone, Copy, Debug, Hash)]
struct Job {
    message: Message,
    /// Whether a session still waits for the answer.
    awaited: bool,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Written {
    job: Job,
    /// Its place in the log; none when it was not stored.
    entry: Option<Entry>,
    /// Whether it was not in the log before, and so has to be told.
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

    pub(crate) fn can_tell(&self) -> bool {
        !self.bus.is_empty()
    }

    /// Whether a session has something to do.
    pub(crate) fn can_serve(way: &Way) -> bool {
        let Some(line) = &way.line else { return false };
        line.session.as_ref().is_some_and(|session| match session.doing {
            Doing::Nothing => !line.up.is_empty(),
            Doing::Waiting => false,
            _ => true,
        })
    }

    /// The writer takes what is queued into one transaction.
    pub(crate) fn begin(&mut self, ways: &mut [Way], config: &Config) {
        for job in std::mem::take(&mut self.queue) {
            let written = self.insert(job, config.mutation);
            self.transaction.push(written);
            match config.mutation {
                Some(Mutation::AckBeforeCommit) => answer(ways, written),
                Some(Mutation::FanOutBeforeCommit) if written.new => self.bus.extend(written.entry),
                _ => {}
            }
        }
    }

    fn insert(&mut self, job: Job, mutation: Option<Mutation>) -> Written {
        let in_transaction = self.transaction.iter().filter_map(|written| written.entry);
        let mut known = self.log.iter().copied().chain(in_transaction);
        let last = known.clone().map(|entry| entry.seq).max().unwrap_or(0);
        let first = known.find(|entry| entry.message == job.message);
        if let Some(first) = first.filter(|_| mutation != Some(Mutation::NoDedupe)) {
            return Written { job, entry: Some(first), new: false };
        }
        let seq = if mutation == Some(Mutation::CountInMemory) { self.counter + 1 } else { last + 1 };
        if mutation == Some(Mutation::CountInMemory) {
            self.counter = seq;
        }
        Written { job, entry: Some(Entry { seq, message: job.message }), new: true }
    }

    pub(crate) fn commit(&mut self) {
        self.unanswered = std::mem::take(&mut self.transaction).into();
        self.log
            .extend(self.unanswered.iter().filter(|written| written.new).filter_map(|written| written.entry));
    }

    /// The disk is full: everything the transaction wrote is taken back.
    pub(crate) fn fail_commit(&mut self) {
        let nothing = |written: Written| Written { entry: None, new: false, ..written };
        self.unanswered = std::mem::take(&mut self.transaction).into_iter().map(nothing).collect();
    }

    /// After the transaction the writer tells the bus of a message, then whoever waits for it.
    pub(crate) fn answer_next(&mut self, ways: &mut [Way], config: &Config) {
        let Some(written) = self.unanswered.pop_front() else { return };
        if written.new && config.mutation != Some(Mutation::FanOutBeforeCommit) {
            self.bus.extend(written.entry);
        }
        if config.mutation != Some(Mutation::AckBeforeCommit) {
            answer(ways, written);
        }
    }

    /// What was stored is told to everybody in the room.
    pub(crate) fn tell(&mut self, ways: &mut [Way], config: &Config) {
        let Some(entry) = self.bus.pop_front() else { return };
        self.room_reaches(entry.seq);
        for client in 0..ways.len() {
            if ways[client].is_seated() {
                self.push(ways, client, Packet::Event(entry), config);
            }
        }
    }

    /// The room, if somebody is in it, learns that the log goes at least this far.
    fn room_reaches(&mut self, seq: u8) {
        self.room = self.room.map(|last| last.max(seq));
    }

    /// What a heartbeat would say now, if this client is there to hear it.
    pub(crate) fn heartbeat(&self, way: &Way) -> Option<u8> {
        self.room.filter(|_| way.is_seated())
    }

    pub(crate) fn beat(&mut self, ways: &mut [Way], client: usize, config: &Config) {
        if let Some(last) = self.heartbeat(&ways[client]) {
            self.push(ways, client, Packet::Heartbeat { last }, config);
        }
    }

    /// One step of a session.
    pub(crate) fn serve(&mut self, ways: &mut [Way], client: usize, config: &Config) {
        let Some(session) = ways[client].session() else { return };
        let doing = match std::mem::take(&mut session.doing) {
            Doing::Nothing => self.take_command(&mut ways[client], config),
            Doing::LookedUp { since, known } if config.mutation == Some(Mutation::ReadBeforeSitting) => {
                Doing::ReadTooEarly { known, reply: self.joined(since, known, config) }
            }
            Doing::LookedUp { since, known } => {
                self.sit(&mut ways[client], known);
                Doing::Seated { since, known }
            }
            Doing::Seated { since, known } => Doing::Replying(self.joined(since, known, config)),
            Doing::ReadTooEarly { known, reply } => {
                self.sit(&mut ways[client], known);
                Doing::Replying(reply)
            }
            Doing::Waiting => Doing::Waiting,
            Doing::Replying(reply) => return self.push(ways, client, reply, config),
        };
        if let Some(session) = ways[client].session() {
            session.doing = doing;
        }
    }

    fn take_command(&mut self, way: &mut Way, config: &Config) -> Doing {
        match way.line.as_mut().and_then(|line| line.up.pop_front()) {
            Some(Command::Join { since }) => Doing::LookedUp { since, known: self.last() },
            Some(Command::Send(message)) => {
                self.queue.push(Job { message, awaited: true });
                Doing::Waiting
            }
            Some(Command::History { after }) => Doing::Replying(Packet::Page(self.read(Some(after), config))),
            None => Doing::Nothing,
        }
    }

    /// Takes up what a line that is over had brought. Nobody waits for the answer.
    pub(crate) fn serve_leftover(&mut self, way: &mut Way) {
        self.queue.extend(way.leftover.pop_front().map(|message| Job { message, awaited: false }));
    }

    /// Gives a place in the room, which is made of what is known of it when nobody is in it.
    fn sit(&mut self, way: &mut Way, known: u8) {
        if let Some(session) = way.session() {
            session.seated = true;
            self.room.get_or_insert(known);
        }
    }

    /// The answer to `join`. `known` is how far the log went when the room was looked up.
    fn joined(&mut self, since: Option<u8>, known: u8, config: &Config) -> Packet {
        let page = self.read(since, config);
        let last = match config.mutation {
            Some(Mutation::LastBeforeSitting) => {
                page.events.last().map_or(known, |entry| entry.seq.max(known))
            }
            _ => self.last(),
        };
        self.room_reaches(last);
        Packet::Joined { last, page }
    }

    /// A page of the log: what comes after `since`, or the end of the log.
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

    /// Puts a packet into a line's bounded queue. A line that does not keep up is cut.
    fn push(&mut self, ways: &mut [Way], client: usize, packet: Packet, config: &Config) {
        let Some(line) = &mut ways[client].line else { return };
        if line.down.len() < config.queue {
            line.down.push_back(packet);
        } else if config.mutation != Some(Mutation::OverflowSkips) {
            self.cut(ways, client);
        }
    }

    /// Ends a line. What the writer has of it stays with the writer.
    pub(crate) fn cut(&mut self, ways: &mut [Way], client: usize) {
        ways[client].cut();
        self.stop_waiting(client);
    }

    /// Nobody waits any more for the answers to what this client sent.
    pub(crate) fn stop_waiting(&mut self, client: usize) {
        let written = self.transaction.iter_mut().chain(&mut self.unanswered).map(|written| &mut written.job);
        for job in self.queue.iter_mut().chain(written) {
            job.awaited &= usize::from(job.message.sender) != client;
        }
    }

    /// A room with nobody in it is forgotten.
    pub(crate) fn forget_empty_room(&mut self, ways: &[Way]) {
        if !ways.iter().any(Way::is_seated) {
            self.room = None;
        }
    }

    /// Killed and started again, at whatever it was doing.
    pub(crate) fn crash(&mut self, ways: &mut [Way]) {
        let log = std::mem::take(&mut self.log);
        *self = Server { log, ..Server::default() };
        self.counter = self.last();
        for way in ways {
            way.cut();
            way.leftover.clear();
        }
    }
}

fn answer(ways: &mut [Way], Written { job, entry, .. }: Written) {
    let Some(session) = ways[usize::from(job.message.sender)].session().filter(|_| job.awaited) else {
        return;
    };
    session.doing = Doing::Replying(entry.map_or(Packet::Refused(job.message), Packet::Sent));
}
