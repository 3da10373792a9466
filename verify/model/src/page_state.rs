//! A client's state, held in the page's own structs, and the conversion from the model's types to
//! theirs.
//!
//! The state is shared between model states until it changes, and its fingerprint is cached,
//! because most actions do not touch it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use common::{
    message::{Body, Cid, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    protocol::{
        event::{Event, EventKind},
        reply::{Joined, Page, Sent},
    },
    room::RoomName,
};

use crate::{
    outbox::{Outbox, OutboxKey, PendingMessage},
    packets::{self, Entry, Message},
    timeline::Timeline,
};

/// A client's timeline and outbox.
#[derive(Clone)]
pub(crate) struct ClientState {
    page_state: Rc<PageState>,
    fingerprint: u64,
}

#[derive(Clone, Debug, Default)]
struct PageState {
    timeline: Timeline,
    outbox: Outbox,
}

impl Hash for ClientState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.fingerprint.hash(hasher);
    }
}

impl ClientState {
    /// The state of a page that was just opened: only the messages stored on the disk.
    pub(crate) fn new(stored: impl IntoIterator<Item = Message>) -> ClientState {
        let mut page_state = PageState::default();
        page_state.outbox.load(stored.into_iter().map(|message| {
            (OutboxKey(message.number.into()), PendingMessage::new(room(), cid(message), body(), at(message)))
        }));
        let fingerprint = fingerprint(&page_state);
        ClientState { page_state: Rc::new(page_state), fingerprint }
    }

    /// Changes the timeline, then removes messages from the outbox that are in it now, as
    /// `Chat::on_log_changed` does.
    pub(crate) fn update(&mut self, change: impl FnOnce(&mut Timeline, &mut Outbox)) {
        let PageState { timeline, outbox } = Rc::make_mut(&mut self.page_state);
        change(timeline, outbox);
        outbox.confirm(timeline.events());
        self.fingerprint = fingerprint(&self.page_state);
    }

    /// Returns the first message that may be sent now and is not in `in_flight`.
    pub(crate) fn next_to_send(&self, client: u8, in_flight: &[Message]) -> Option<Message> {
        let room = room();
        if in_flight.is_empty() {
            return self.page_state.outbox.next_to_send(&room).map(|pending| message(client, pending.at));
        }
        let pending = self.page_state.outbox.in_room(&room).filter(|pending| !pending.accepted);
        pending.map(|pending| message(client, pending.at)).find(|message| !in_flight.contains(message))
    }

    /// Returns the messages that are written and not yet in the timeline.
    pub(crate) fn unconfirmed(&self, client: u8) -> Vec<Message> {
        self.page_state.outbox.in_room(&room()).map(|pending| message(client, pending.at)).collect()
    }

    /// The number of the event before the timeline's first one, if the timeline is loaded.
    pub(crate) fn begins_after(&self) -> Option<u8> {
        self.shown_entries().next().map(|first| first.seq - 1).or(self.last())
    }

    /// The events in the timeline.
    pub(crate) fn shown_entries(&self) -> impl Iterator<Item = Entry> {
        self.page_state
            .timeline
            .events()
            .iter()
            .map(|event| Entry { seq: to_u8(event.seq), message: message(event.person.id.0 as u8, event.at) })
    }

    pub(crate) fn last(&self) -> Option<u8> {
        self.page_state.timeline.last().map(to_u8)
    }

    pub(crate) fn gap_cursor(&self) -> Option<u8> {
        self.page_state.timeline.gap_cursor().map(to_u8)
    }
}

pub(crate) fn event(entry: Entry) -> Event {
    let Entry { seq, message } = entry;
    let kind = EventKind::posted(cid(message), body());
    Event { seq: Seq(seq.into()), at: at(message), person: person(message.sender), kind }
}

pub(crate) fn sent(entry: Entry) -> Sent {
    Sent { cid: cid(entry.message), seq: Seq(entry.seq.into()), at: at(entry.message) }
}

pub(crate) fn joined(last: u8, page: &packets::Page) -> Joined {
    Joined {
        room: room(),
        seats: None,
        topic: None,
        last: Seq(last.into()),
        events: page.events.iter().copied().map(event).collect(),
        more: page.more,
        people: Vec::new(),
        member_count: None,
        away: Vec::new(),
        shared_network: false,
        permissions: Vec::new(),
    }
}

/// The reply to `history` with `after`.
pub(crate) fn page_after(page: &packets::Page) -> Page {
    let events: Vec<Event> = page.events.iter().copied().map(event).collect();
    let more_before = events.first().is_some_and(|event| event.seq > Seq(1));
    Page { events, more_before, more_after: page.more }
}

pub(crate) fn person(client: u8) -> Person {
    Person::new(PersonId(client.into()), DisplayName::from_store(String::new()))
}

fn room() -> RoomName {
    RoomName::from_store(String::new())
}

fn cid(message: Message) -> Cid {
    Cid::from_store(format!("{}-{}", message.sender, message.number))
}

fn body() -> Body {
    Body::from_store(String::new())
}

/// The model's clock: a sender's n-th message is written at time n.
fn at(message: Message) -> Timestamp {
    Timestamp(message.number.into())
}

fn message(sender: u8, at: Timestamp) -> Message {
    Message { sender, number: at.0 as u8 }
}

fn to_u8(seq: Seq) -> u8 {
    seq.0 as u8
}

/// Hashes the debug output, because the page's structs do not implement `Hash`.
fn fingerprint(page_state: &PageState) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{page_state:?}").hash(&mut hasher);
    hasher.finish()
}
