//! Broadcasts and their subscribers.
//!
//! A room sends the same push to all its subscribers, so each wire format is encoded once and all
//! connections send the same bytes. The room knows no format: the transport supplies the encoder, and
//! the broadcast caches the result.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use common::{person::PersonId, protocol::push::Push};

/// The number of [`Encoding`]s.
const ENCODINGS: usize = 4;

/// A push to all subscribers of a room, with its encoded forms.
pub struct Broadcast {
    pub push: Push,
    encoded: [OnceLock<Box<dyn Any + Send + Sync>>; ENCODINGS],
}

/// A wire format, as an index into the cache of a [`Broadcast`].
#[derive(Clone, Copy, Debug)]
pub struct Encoding(usize);

impl Encoding {
    /// Socket.IO frames.
    pub const SOCKETIO: Encoding = Encoding(0);
    /// Socket.IO frames in ASCII, for Engine.IO 3 clients.
    pub const SOCKETIO_ASCII: Encoding = Encoding(1);
    /// The line protocol.
    pub const LINE: Encoding = Encoding(2);
    /// Server-sent events.
    pub const SSE: Encoding = Encoding(3);
}

impl Broadcast {
    /// Creates a broadcast that is not encoded yet.
    pub fn new(push: Push) -> Broadcast {
        Broadcast { push, encoded: Default::default() }
    }

    /// Passes the encoded form to `send`. `encode` runs only for the first connection that needs it.
    pub fn with_encoded<T: Send + Sync + 'static, R>(
        &self,
        encoding: Encoding,
        encode: impl Fn(&Push) -> T,
        send: impl FnOnce(&T) -> R,
    ) -> R {
        let encoded = self.encoded[encoding.0].get_or_init(|| Box::new(encode(&self.push)));
        match encoded.downcast_ref::<T>() {
            Some(encoded) => send(encoded),
            // Two transports share this `Encoding` and encode to different types: cached for neither of them.
            None => send(&encode(&self.push)),
        }
    }
}

/// Receives the broadcasts of rooms for one connection, without ever blocking.
pub trait Subscriber: Send + Sync {
    /// Puts a broadcast into the connection's bounded queue, without waiting. If the queue is full, closes
    /// the connection, which has missed an event and must not see later ones.
    fn deliver(&self, broadcast: &Broadcast) -> Result<(), Lagged>;

    /// Delivers several broadcasts in order. A subscriber may override this to queue them in one step.
    fn deliver_all(&self, broadcasts: &[Broadcast]) -> Result<(), Lagged> {
        broadcasts.iter().try_for_each(|broadcast| self.deliver(broadcast))
    }
}

/// The queue of the connection is full: the room drops the subscriber, and the client reconnects and reads
/// what it missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged;

/// The id of a connection, unique while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// The subscriptions to a room, by connection.
#[derive(Default)]
pub(super) struct Subscriptions(HashMap<ConnectionId, Entry>);

struct Entry {
    person: PersonId,
    subscriber: Arc<dyn Subscriber>,
}

impl Subscriptions {
    /// Delivers to all subscribers, and drops those that lag.
    pub(super) fn broadcast(&mut self, broadcasts: &[Broadcast]) {
        self.0.retain(|_, entry| entry.subscriber.deliver_all(broadcasts).is_ok());
    }

    /// Drops the subscriptions of people for whom `has_access` is false.
    pub(super) fn retain(&mut self, has_access: impl Fn(PersonId) -> bool) {
        self.0.retain(|_, entry| has_access(entry.person));
    }

    pub(super) fn remove_person(&mut self, person: PersonId) {
        self.retain(|subscribed| subscribed != person);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(
        &mut self,
        person: PersonId,
        connection: ConnectionId,
        subscriber: Arc<dyn Subscriber>,
    ) {
        self.0.insert(connection, Entry { person, subscriber });
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.0.remove(&connection);
    }
}
