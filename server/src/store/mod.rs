//! The log on disk: rooms, their numbered events, and registered people.
//!
//! Called by `chat` only. It decides the order of events: each gets the next number of its room in the
//! transaction that stores it, and the event is broadcast only after the commit is on disk. It knows
//! nothing about connections.

mod fault;
mod files;
mod sqlite;
mod writer;

use std::{fmt, path::PathBuf, sync::Arc};

use anyhow::{Context, bail};
use async_trait::async_trait;
use common::{
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    protocol::{
        command::HistoryRange,
        event::{EventKind, Via},
        push::RoomEvent,
        reply::{Page, Sent},
    },
    room::{RoomName, SeatLimit, Seats, Topic},
};

use crate::{error::Error, health::Health};

/// Called for every event right after its commit, once, in the order of each room's numbers.
/// It runs on the writer thread, so it must only hand the event on.
pub type OnCommit = Box<dyn Fn(RoomEvent) + Send>;

/// The most bytes of user content on one page of history. A page has at least one event.
pub const MAX_PAGE_BYTES: usize = 64 * 1024;

/// Where the log is stored, written as `sqlite:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Parses a URL; the error is a sentence about `--database`.
    pub fn parse(text: &str) -> anyhow::Result<DatabaseUrl> {
        let path = text.strip_prefix("sqlite:").filter(|path| !path.is_empty());
        let path = path.with_context(|| format!("--database takes sqlite:PATH, not {text}"))?;
        let is_host = path.starts_with("//") && !path.starts_with("///");
        // Elsewhere these mean a database in memory, a URL with parameters, and a host.
        if path.starts_with(':') || path.starts_with("file:") || is_host {
            bail!("--database takes sqlite:PATH with the path of a file, not {text}");
        }
        Ok(DatabaseUrl::Sqlite(path.into()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DatabaseUrl::Sqlite(path) = self;
        write!(f, "sqlite:{}", path.display())
    }
}

/// Opens the store, creating it if necessary. With `max_bytes`, writes that would make it grow beyond that
/// size are refused with `not_stored`.
pub async fn open(
    url: &DatabaseUrl,
    max_bytes: Option<u64>,
    health: &Health,
    on_commit: OnCommit,
) -> anyhow::Result<Arc<dyn Store>> {
    let DatabaseUrl::Sqlite(path) = url;
    let store = sqlite::Sqlite::open(path, max_bytes, health, on_commit)
        .await
        .with_context(|| format!("opening the database {}", path.display()))?;
    Ok(Arc::new(store))
}

/// The log of all rooms, and the registered people.
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns the room, creating it if necessary, see [`Store::get_room`]. A new room gets the name of
    /// [`RoomName::for_new_room`], and its refusal. At the limit of rooms, evicts some
    /// that are older than a day and never had an event; if there is none, the refusal is `no_more_rooms`.
    async fn get_or_create_room(&self, name: RoomName, new: NewRoom) -> Result<Room, Error>;

    /// Returns the room of exactly this name, otherwise one with the same [`RoomName::key`], if there is one.
    async fn get_room(&self, name: RoomName) -> Result<Option<Room>, Error>;

    /// Lists the rooms that have messages, the latest first.
    async fn list_rooms(&self, limit: u32) -> Result<Vec<Room>, Error>;

    /// Lists some of the rooms that are older than a day and never had an event, without the lobby.
    async fn list_unused_rooms(&self, now: Timestamp) -> Result<Vec<RoomName>, Error>;

    /// Removes those of these rooms that still are unused, and returns how many.
    async fn evict_unused_rooms(&self, names: Vec<RoomName>, now: Timestamp) -> Result<usize, Error>;

    /// Gives a room to a person if it belongs to nobody who can come back and nobody else has spoken in it,
    /// and returns whether it did. Messages of the guest program that made it do not count, as far as they
    /// have the name of its first one. The lobby and rooms of more than 1,000 events are given to nobody.
    async fn claim_room(&self, room: RoomId, person: PersonId) -> Result<bool, Error>;

    /// Deletes the room of exactly this name and returns what it was. Its name is free at once, and nothing
    /// returns its log any more; [`Store::purge_deleted_rooms`] removes the log. The refusal is
    /// `no_such_room`.
    async fn delete_room(&self, name: RoomName) -> Result<Room, Error>;

    /// Removes a piece of what deleted rooms have left; false if nothing is left.
    async fn purge_deleted_rooms(&self) -> Result<bool, Error>;

    /// Stores an event durably and returns its number, or that of the existing event if this person, or
    /// this [`Claim`], already used the `cid` in this room or the action has no effect. After a refusal nothing is stored.
    // The refusals are `cid_taken` (used by another person), `no_such_message` (also for a deleted one),
    // `too_many_reactions`, `unavailable` (the queue is full) and `not_stored` (the disk is full or broken;
    // later calls work again as soon as the disk does).
    async fn append_event(&self, room: RoomId, event: NewEvent) -> Result<Sent, Error>;

    /// Returns the author of a message, also of a deleted one; `None` if the number is not a message.
    async fn get_author(&self, room: RoomId, message: Seq) -> Result<Option<PersonId>, Error>;

    /// Returns a page of a room's log in its current state, oldest first, of at most `limit` events and
    /// [`MAX_PAGE_BYTES`]. Where not all people of a reaction are named, `reader` is.
    async fn list_events(
        &self,
        room: RoomId,
        range: HistoryRange,
        limit: u32,
        reader: PersonId,
    ) -> Result<Page, Error>;

    /// Stores a registered person with the hash of their token.
    async fn insert_person(&self, person: Person, token: TokenHash, at: Timestamp) -> Result<(), Error>;

    /// Returns the person with this token.
    async fn get_person_by_token(&self, token: TokenHash) -> Result<Option<RegisteredPerson>, Error>;

    /// Renames a registered person. Does nothing for anybody else.
    async fn rename_person(&self, id: PersonId, name: DisplayName) -> Result<(), Error>;

    /// Records when a registered person came.
    async fn set_last_seen(&self, id: PersonId, at: Timestamp) -> Result<(), Error>;

    /// Removes some of the people who were last seen before this time, never wrote into a log and made no
    /// room. Returns how many.
    async fn expire_people(&self, before: Timestamp) -> Result<usize, Error>;

    /// Returns what tells this database from others.
    fn instance(&self) -> &Instance;

    /// Finishes queued writes and closes the files. Later calls are refused with `unavailable`.
    async fn close(&self);
}

/// What tells a database from others; made once, when it gets the schema that holds it.
#[derive(Clone)]
pub struct Instance {
    /// Random and public: 8 hexadecimal digits.
    pub id: String,
    /// Keys hashes that nobody else may be able to make.
    pub secret: [u8; 16],
}

/// The key of a room inside the store, never used twice. A later room has a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomId(i64);

/// A stored room.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    pub id: RoomId,
    pub name: RoomName,
    pub seats: Option<Seats>,
    pub topic: Topic,
    /// Whether newcomers from one network may take all seats.
    pub shared_network: bool,
    /// The event that last changed one of these; zero if none did.
    pub description_seq: Seq,
    pub owner: PersonId,
    /// The owner's name, if they are registered.
    pub owner_name: Option<DisplayName>,
    pub last_seq: Seq,
    pub last_at: Option<Timestamp>,
}

/// A registered person.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisteredPerson {
    pub person: Person,
    /// When they registered.
    pub since: Timestamp,
    /// When they last came, to within a day.
    pub last_seen: Timestamp,
}

/// The properties of a new room.
#[derive(Clone, Debug)]
pub struct NewRoom {
    pub seats: Option<Seats>,
    pub topic: Topic,
    pub owner: PersonId,
    pub at: Timestamp,
}

impl NewRoom {
    /// The properties of a room without a topic and a seat limit.
    pub fn with_defaults(owner: PersonId, at: Timestamp) -> NewRoom {
        NewRoom { seats: None, topic: Topic::default(), owner, at }
    }
}

/// An event without a number.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub person: Person,
    pub at: Timestamp,
    pub cid: Cid,
    /// Set for guests.
    pub claim: Option<Claim>,
    /// Whether it was posted without being in the room, as programs do.
    pub is_program: bool,
    pub action: Action,
}

/// Recognises the repetition of a write by a guest, who has a new id in every connection and request: an
/// event with the same `cid` and the same claim is the same write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim(pub i64);

/// What a person appends to the log.
#[derive(Clone, Debug)]
pub enum Action {
    Post { body: Body, via: Option<Via>, reply_to: Option<Seq> },
    Edit { target: Seq, body: Body },
    Delete { target: Seq },
    React { target: Seq, emoji: Emoji, on: bool },
    UpdateRoom { topic: Option<Topic>, seats: Option<SeatLimit>, shared_network: Option<bool> },
}

impl Action {
    /// Converts the action into the kind of its event.
    fn into_event_kind(self, cid: Cid) -> EventKind {
        match self {
            Action::Post { body, via, reply_to } => {
                EventKind::Posted { cid, body, via, reply_to, state: None }
            }
            Action::Edit { target, body } => EventKind::Edited { target, body: Some(body) },
            Action::Delete { target } => EventKind::Deleted { target },
            Action::React { target, emoji, on } => EventKind::Reacted { target, emoji, on },
            Action::UpdateRoom { topic, seats, shared_network } => {
                EventKind::RoomChanged { topic, seats, shared_network }
            }
        }
    }
}

/// The SHA-256 hash of a token, so that a copy of the database does not reveal the token.
pub type TokenHash = [u8; 32];

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
impl RoomId {
    /// Creates a key that belongs to no store.
    pub(crate) fn for_test(id: i64) -> RoomId {
        RoomId(id)
    }
}
