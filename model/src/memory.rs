//! What a client knows, held by the page's own code, and the translation into its words.
//!
//! It is shared between states until it changes, and knows its fingerprint, because most steps
//! leave it alone.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use common::{
    event::{Event, Joined, Page, Sent, What},
    message::{Body, Cid, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    room::RoomName,
};

use crate::{
    outbox::{Outbox, Place, Unsent},
    timeline::Timeline,
    words::{self, Entry, Message},
};

/// A client's timeline and outbox.
#[derive(Clone)]
pub(crate) struct Memory {
    held: Rc<Held>,
    fingerprint: u64,
}

#[derive(Clone, Debug, Default)]
struct Held {
    timeline: Timeline,
    outbox: Outbox,
}

impl Hash for Memory {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.fingerprint.hash(hasher);
    }
}

impl Memory {
    /// A page that was just opened: it knows what is kept on the disk, and nothing else.
    pub(crate) fn new(kept: impl IntoIterator<Item = Message>) -> Memory {
        let mut held = Held::default();
        held.outbox.read(kept.into_iter().map(|message| {
            (Place(message.number.into()), Unsent::new(room(), cid(message), body(), at(message)))
        }));
        let fingerprint = fingerprint(&held);
        Memory { held: Rc::new(held), fingerprint }
    }

    /// Changes the timeline, and lets go of what was sent and is in it now, as `Chat::show` does.
    pub(crate) fn learn(&mut self, change: impl FnOnce(&mut Timeline, &mut Outbox)) {
        let Held { timeline, outbox } = Rc::make_mut(&mut self.held);
        change(timeline, outbox);
        outbox.settle(timeline.events());
        self.fingerprint = fingerprint(&self.held);
    }

    /// The first message that may be sent now and is not among these.
    pub(crate) fn next_to_send(&self, client: u8, in_flight: &[Message]) -> Option<Message> {
        let room = room();
        if in_flight.is_empty() {
            return self.held.outbox.next(&room).map(|unsent| message(client, unsent.at));
        }
        let unsent = self.held.outbox.in_room(&room).filter(|unsent| !unsent.accepted);
        unsent.map(|unsent| message(client, unsent.at)).find(|message| !in_flight.contains(message))
    }

    /// What is written and not in the timeline.
    pub(crate) fn unsettled(&self, client: u8) -> Vec<Message> {
        self.held.outbox.in_room(&room()).map(|unsent| message(client, unsent.at)).collect()
    }

    /// Where what the timeline holds begins, if it holds anything: behind this number.
    pub(crate) fn begins_after(&self) -> Option<u8> {
        self.shown().next().map(|first| first.seq - 1).or(self.last())
    }

    /// What the timeline shows.
    pub(crate) fn shown(&self) -> impl Iterator<Item = Entry> {
        self.held
            .timeline
            .events()
            .iter()
            .map(|event| Entry { seq: small(event.seq), message: message(event.person.id.0 as u8, event.at) })
    }

    pub(crate) fn last(&self) -> Option<u8> {
        self.held.timeline.last().map(small)
    }

    pub(crate) fn missing(&self) -> Option<u8> {
        self.held.timeline.missing().map(small)
    }
}

pub(crate) fn event(entry: Entry) -> Event {
    let Entry { seq, message } = entry;
    let what = What::posted(cid(message), body());
    Event { seq: Seq(seq.into()), at: at(message), person: person(message.sender), what }
}

pub(crate) fn sent(entry: Entry) -> Sent {
    Sent { cid: cid(entry.message), seq: Seq(entry.seq.into()), at: at(entry.message) }
}

pub(crate) fn joined(last: u8, page: &words::Page) -> Joined {
    Joined {
        room: room(),
        seats: None,
        topic: None,
        last: Seq(last.into()),
        events: page.events.iter().copied().map(event).collect(),
        more: page.more,
        people: Vec::new(),
        here: None,
        away: Vec::new(),
        may: Vec::new(),
    }
}

/// The answer to `history` with `after`.
pub(crate) fn page_after(page: &words::Page) -> Page {
    let events: Vec<Event> = page.events.iter().copied().map(event).collect();
    let more_before = events.first().is_some_and(|event| event.seq > Seq(1));
    Page { events, more_before, more_after: page.more }
}

pub(crate) fn person(client: u8) -> Person {
    Person { id: PersonId(client.into()), name: DisplayName::from_store(String::new()) }
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

/// The clock of the model: a sender's first message is written at one o'clock.
fn at(message: Message) -> Timestamp {
    Timestamp(message.number.into())
}

fn message(sender: u8, at: Timestamp) -> Message {
    Message { sender, number: at.0 as u8 }
}

fn small(seq: Seq) -> u8 {
    seq.0 as u8
}

/// The page's state can only be compared by what it prints.
fn fingerprint(held: &Held) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{held:?}").hash(&mut hasher);
    hasher.finish()
}
