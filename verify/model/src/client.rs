//! The client. It sends the messages of its outbox one at a time, each again until the server has it,
//! and requests the events its timeline misses.
//!
//! This is a small copy of `app/src/chat` and `app/src/socket.rs` around the page's own state.

use crate::{
    config::Mutation,
    connection::Channel,
    packets::{Command, Entry, Message, Packet},
    page_state::{self, ClientState},
};

#[derive(Clone, Hash)]
pub(crate) struct Client {
    pub(crate) number: u8,
    /// The number of messages it has written.
    pub(crate) written: u8,
    pub(crate) state: ClientState,
    /// The messages the server has acknowledged.
    pub(crate) acked: Vec<Entry>,
    /// Whether the current connection has joined the room.
    pub(crate) joined: bool,
    /// Messages sent on this connection that have no reply yet.
    in_flight: Vec<Message>,
    /// The `after` of the `history` request that has no reply yet.
    gap_request: Option<u8>,
}

impl Client {
    pub(crate) fn new(number: u8, written: u8) -> Client {
        Client {
            number,
            written,
            state: ClientState::new((1..=written).map(|count| Message { sender: number, number: count })),
            acked: Vec::new(),
            joined: false,
            in_flight: Vec::new(),
            gap_request: None,
        }
    }

    pub(crate) fn connect(&self, channel: &mut Channel) {
        channel.open(Command::Join { since: self.state.last() });
    }

    /// Returns the message that may be sent now.
    pub(crate) fn next_to_send(&self, mutation: Option<Mutation>) -> Option<Message> {
        let at_once = if mutation == Some(Mutation::TwoInFlight) { 2 } else { 1 };
        let free = self.joined && self.in_flight.len() < at_once;
        free.then(|| self.state.next_to_send(self.number, &self.in_flight)).flatten()
    }

    pub(crate) fn send(&mut self, channel: &mut Channel, mutation: Option<Mutation>) {
        let (Some(message), Some(connection)) = (self.next_to_send(mutation), &mut channel.connection) else {
            return;
        };
        self.in_flight.push(message);
        connection.up.push_back(Command::Send(message));
    }

    /// Whether the client waits for a reply.
    pub(crate) fn awaits_reply(&self) -> bool {
        !self.joined || !self.in_flight.is_empty() || self.gap_request.is_some()
    }

    /// Whether a heartbeat with this `last` would change anything.
    pub(crate) fn heartbeat_is_new(&self, last: u8) -> bool {
        self.joined && self.gap_request.is_none() && self.state.last().is_none_or(|have| have < last)
    }

    /// Reopens the page: only what is on the disk survives.
    pub(crate) fn reload(&mut self) {
        self.state = ClientState::new(self.state.unconfirmed(self.number));
        self.reset_connection();
    }

    /// Resets everything that belongs to the connection.
    pub(crate) fn reset_connection(&mut self) {
        self.joined = false;
        self.in_flight.clear();
        self.gap_request = None;
    }

    /// Handles the next packet.
    pub(crate) fn receive(&mut self, channel: &mut Channel, mutation: Option<Mutation>) {
        let Some(packet) = channel.connection.as_mut().and_then(|connection| connection.down.pop_front())
        else {
            return;
        };
        match packet {
            Packet::Joined { last, page } => {
                self.state.update(|timeline, _| timeline.apply_join(&page_state::joined(last, &page)));
                self.joined = true;
            }
            Packet::Page(page) => {
                let asked = self.gap_request.take();
                self.state.update(|timeline, _| timeline.apply_page(&page_state::page_after(&page)));
                // A page that brought nothing new is not requested again.
                if self.state.gap_cursor() == asked {
                    return;
                }
            }
            Packet::Event(entry) => self.receive_event(entry, mutation),
            Packet::Sent(entry) => {
                self.on_answer(entry.message);
                self.acked.push(entry);
                let me = page_state::person(self.number);
                self.state.update(|timeline, outbox| {
                    let Some(event) = outbox.accept(&page_state::sent(entry), me) else { return };
                    if timeline.begins_after(event.seq) && mutation != Some(Mutation::KeepsSentBeforeTimeline)
                    {
                        outbox.confirm(&[event]);
                    } else {
                        timeline.apply_push(event);
                    }
                });
            }
            Packet::Refused(message) => self.on_answer(message),
            Packet::Heartbeat { last } => self.state.update(|timeline, _| {
                timeline.apply_heartbeat(common::message::Seq(last.into()));
            }),
        }
        self.request_gap(channel);
    }

    fn receive_event(&mut self, entry: Entry, mutation: Option<Mutation>) {
        let seq = match self.state.last() {
            Some(last) if mutation == Some(Mutation::SeqUnchecked) => last + 1,
            _ => entry.seq,
        };
        let event = page_state::event(Entry { seq, ..entry });
        self.state.update(|timeline, _| timeline.apply_push(event));
    }

    fn on_answer(&mut self, message: Message) {
        self.in_flight.retain(|in_flight| *in_flight != message);
    }

    /// Requests the missing events, unless a request is in flight.
    fn request_gap(&mut self, channel: &mut Channel) {
        let (None, Some(after), Some(connection)) =
            (self.gap_request, self.state.gap_cursor(), &mut channel.connection)
        else {
            return;
        };
        self.gap_request = Some(after);
        connection.up.push_back(Command::History { after });
    }
}
