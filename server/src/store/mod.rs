//! The log on disk: rooms, their numbered events, and who has which token.
//!
//! Called by `chat` only. It decides nothing but the order of events: each gets its room's next
//! number in the transaction that stores it, and nobody is told before that transaction is on the
//! disk. It never looks up at who is connected.

mod sqlite;
mod writer;

use std::sync::Arc;

use anyhow::{Context, bail};
use async_trait::async_trait;
use common::{
    event::{Event, Page, RoomEvent, Sent, Span, Via, What},
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    room::{Limit, RoomName, Seats, Topic},
};

use crate::failure::Failure;

/// What is told of every event right after it is committed: each room's in the order of its numbers,
/// each event once. It runs on the writer, so it must only hand the event on.
pub type OnCommit = Box<dyn Fn(RoomEvent) + Send>;

/// The most bytes of text one page of history carries; at least one event is always in it.
pub const MAX_PAGE_BYTES: usize = 64 * 1024;

/// Opens the store named by `url`: `sqlite:` and a path, made when it is not there yet.
pub async fn open(url: &str, on_commit: OnCommit) -> anyhow::Result<Arc<dyn Store>> {
    let Some(path) = url.strip_prefix("sqlite:") else {
        bail!("--database takes sqlite:PATH, not {url}");
    };
    let store = sqlite::Sqlite::open(path.as_ref(), on_commit)
        .await
        .with_context(|| format!("opening the database {path}"))?;
    Ok(Arc::new(store))
}

/// The room log and the identities.
#[async_trait]
pub trait Store: Send + Sync {
    /// The room of this name, made with these properties when there is none.
    /// The refusal is `no_more_rooms`, when there is none to forget: one in which nothing was said
    /// for a day after it was made.
    async fn open_room(&self, name: RoomName, new: NewRoom) -> Result<Room, Failure>;

    /// The room of this name, if there is one.
    async fn get_room(&self, name: RoomName) -> Result<Option<Room>, Failure>;

    /// The rooms in which something was said, the latest first.
    async fn list_rooms(&self, limit: u32) -> Result<Vec<Room>, Failure>;

    /// Stores an event durably and gives it its number.
    ///
    /// A `cid` this person already used in this room stores nothing and returns what the first event
    /// got; somebody else's is refused with `cid_taken`. What would change nothing stores nothing
    /// either and returns the event that made it so. A message that is not there, or was taken back,
    /// is refused with `no_such_message`, one that bears no more with `too_many_reactions`. A queue
    /// that is full refuses with `unavailable`, a disk that is full or broken with `not_stored`; then
    /// nothing was stored, and it works again as soon as the disk does.
    async fn append_event(&self, room: RoomId, event: NewEvent) -> Result<Sent, Failure>;

    /// The event of this `cid`, if there is one, without reactions.
    async fn get_event(&self, room: RoomId, cid: Cid) -> Result<Option<Event>, Failure>;

    /// Who wrote this message, be it taken back since; `None` when the number is no message's.
    async fn get_author(&self, room: RoomId, message: Seq) -> Result<Option<PersonId>, Failure>;

    /// A page of a room's log as it is now, oldest first, of at most `limit` events and
    /// [`MAX_PAGE_BYTES`]. Where not everybody can be named, `reader` is.
    async fn list_events(
        &self,
        room: RoomId,
        span: Span,
        limit: u32,
        reader: PersonId,
    ) -> Result<Page, Failure>;

    /// Keeps an identity under the hash of its token.
    async fn append_person(&self, person: Person, token: TokenHash, at: Timestamp) -> Result<(), Failure>;

    /// Whose token this is.
    async fn get_person(&self, token: TokenHash) -> Result<Option<Person>, Failure>;

    /// Keeps a person's new name; nothing happens to somebody who is not kept here.
    async fn rename_person(&self, id: PersonId, name: DisplayName) -> Result<(), Failure>;

    /// Finishes what was queued and closes the files. Later calls are refused with `unavailable`.
    async fn close(&self);
}

/// A room's key inside the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomId(i64);

/// A room as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    pub id: RoomId,
    pub name: RoomName,
    pub seats: Option<Seats>,
    pub topic: Topic,
    /// The event that last changed seats or topic; zero when they are what the room was made with.
    pub described: Seq,
    pub owner: PersonId,
    pub last: Seq,
    pub last_at: Option<Timestamp>,
}

/// What a room is made with.
#[derive(Clone, Debug)]
pub struct NewRoom {
    pub seats: Option<Seats>,
    pub topic: Topic,
    pub owner: PersonId,
    pub at: Timestamp,
}

impl NewRoom {
    /// A room that is like any other.
    pub fn of(owner: PersonId, at: Timestamp) -> NewRoom {
        NewRoom { seats: None, topic: Topic::default(), owner, at }
    }
}

/// An event that has no number yet.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub person: Person,
    pub at: Timestamp,
    pub cid: Cid,
    pub deed: Deed,
}

/// What somebody does that is kept.
#[derive(Clone, Debug)]
pub enum Deed {
    Post { body: Body, via: Option<Via>, reply_to: Option<Seq> },
    Edit { of: Seq, body: Body },
    Delete { of: Seq },
    React { to: Seq, emoji: Emoji, on: bool },
    Describe { topic: Option<Topic>, seats: Option<Limit> },
}

impl Deed {
    /// What the log says of it.
    fn into_what(self, cid: Cid) -> What {
        match self {
            Deed::Post { body, via, reply_to } => What::Posted { cid, body, via, reply_to, now: None },
            Deed::Edit { of, body } => What::Edited { of, body: Some(body) },
            Deed::Delete { of } => What::Deleted { of },
            Deed::React { to, emoji, on } => What::Reacted { to, emoji, on },
            Deed::Describe { topic, seats } => What::RoomChanged { topic, seats },
        }
    }
}

/// SHA-256 of a token: enough to recognise it, useless to whoever reads the database.
pub type TokenHash = [u8; 32];

#[cfg(test)]
impl RoomId {
    /// A key that is in no store.
    pub(crate) fn for_test(id: i64) -> RoomId {
        RoomId(id)
    }
}
