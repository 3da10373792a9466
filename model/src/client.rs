//! A client: sends what is in its outbox, one message at a time and each until the server has it,
//! and asks for whatever its timeline misses.
//!
//! A small copy of `app/src/chat` and `app/src/socket.rs` around the page's own state.

use crate::{
    line::Way,
    memory::{self, Memory},
    protocol::Mutation,
    words::{Command, Entry, Message, Packet},
};

#[derive(Clone, Hash)]
pub(crate) struct Client {
    pub(crate) number: u8,
    /// How many messages it has written.
    pub(crate) written: u8,
    pub(crate) memory: Memory,
    /// What the server has acknowledged.
    pub(crate) acked: Vec<Entry>,
    /// Whether the line of this moment has joined the room.
    pub(crate) joined: bool,
    /// Sent on this line, without a reply yet.
    in_flight: Vec<Message>,
    /// What was asked for with `history` on this line, without a reply yet.
    filling: Option<u8>,
}

impl Client {
    pub(crate) fn new(number: u8, written: u8) -> Client {
        Client {
            number,
            written,
            memory: Memory::new((1..=written).map(|count| Message { sender: number, number: count })),
            acked: Vec::new(),
            joined: false,
            in_flight: Vec::new(),
            filling: None,
        }
    }

    pub(crate) fn connect(&self, way: &mut Way) {
        way.open(Command::Join { since: self.memory.last() });
    }

    /// What may be sent now.
    pub(crate) fn to_send(&self, mutation: Option<Mutation>) -> Option<Message> {
        let at_once = if mutation == Some(Mutation::TwoInFlight) { 2 } else { 1 };
        let free = self.joined && self.in_flight.len() < at_once;
        free.then(|| self.memory.next_to_send(self.number, &self.in_flight)).flatten()
    }

    pub(crate) fn send(&mut self, way: &mut Way, mutation: Option<Mutation>) {
        let (Some(message), Some(line)) = (self.to_send(mutation), &mut way.line) else { return };
        self.in_flight.push(message);
        line.up.push_back(Command::Send(message));
    }

    /// Whether a reply is expected.
    pub(crate) fn waits(&self) -> bool {
        !self.joined || !self.in_flight.is_empty() || self.filling.is_some()
    }

    /// Whether hearing that the log goes on to `last` would be news.
    pub(crate) fn would_learn(&self, last: u8) -> bool {
        self.joined && self.filling.is_none() && self.memory.last().is_none_or(|have| have < last)
    }

    /// The page is opened anew.
    pub(crate) fn reload(&mut self) {
        self.memory = Memory::new(self.memory.unsettled(self.number));
        self.lose_line();
    }

    /// The line is gone.
    pub(crate) fn lose_line(&mut self) {
        self.joined = false;
        self.in_flight.clear();
        self.filling = None;
    }

    /// Takes the next packet in.
    pub(crate) fn hear(&mut self, way: &mut Way, mutation: Option<Mutation>) {
        let Some(packet) = way.line.as_mut().and_then(|line| line.down.pop_front()) else { return };
        match packet {
            Packet::Joined { last, page } => {
                self.memory.learn(|timeline, _| timeline.joined(&memory::joined(last, &page)));
                self.joined = true;
            }
            Packet::Page(page) => {
                let asked = self.filling.take();
                self.memory.learn(|timeline, _| timeline.page(&memory::page_after(&page)));
                // A page that brought nothing is not asked for again.
                if self.memory.missing() == asked {
                    return;
                }
            }
            Packet::Event(entry) => self.hear_event(entry, mutation),
            Packet::Sent(entry) => {
                self.answered(entry.message);
                self.acked.push(entry);
                let me = memory::person(self.number);
                self.memory.learn(|timeline, outbox| {
                    let Some(event) = outbox.accept(&memory::sent(entry), me) else { return };
                    if timeline.begins_after(event.seq) && mutation != Some(Mutation::OldIsAwaited) {
                        outbox.settle(&[event]);
                    } else {
                        timeline.pushed(event);
                    }
                });
            }
            Packet::Refused(message) => self.answered(message),
            Packet::Heartbeat { last } => self.memory.learn(|timeline, _| {
                timeline.heartbeat(common::message::Seq(last.into()));
            }),
        }
        self.fill(way);
    }

    fn hear_event(&mut self, entry: Entry, mutation: Option<Mutation>) {
        let seq = match self.memory.last() {
            Some(last) if mutation == Some(Mutation::SeqUnchecked) => last + 1,
            _ => entry.seq,
        };
        let event = memory::event(Entry { seq, ..entry });
        self.memory.learn(|timeline, _| timeline.pushed(event));
    }

    fn answered(&mut self, message: Message) {
        self.in_flight.retain(|in_flight| *in_flight != message);
    }

    /// Asks for what is missing, unless the answer is on its way.
    fn fill(&mut self, way: &mut Way) {
        let (None, Some(after), Some(line)) = (self.filling, self.memory.missing(), &mut way.line) else {
            return;
        };
        self.filling = Some(after);
        line.up.push_back(Command::History { after });
    }
}
