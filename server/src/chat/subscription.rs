//! Subscriptions: reading a room without being a member. Used by the event stream, and by requests over
//! HTTP for a page of history.
//!
//! A subscriber has no seat and is not shown as present. In a room with a seat limit only members may
//! subscribe, and the subscription ends with their membership.

use std::sync::Arc;

use common::{
    message::Seq,
    person::PersonId,
    protocol::{
        command::{History, HistoryRange},
        reply::Page,
    },
    refusal::Refusal,
    room::RoomName,
};
use parking_lot::Mutex;
use tokio::time::{Duration, Instant, sleep};

use super::{
    Chat,
    broadcast::{ConnectionId, Subscriber},
    identity::Identity,
    limits::{Buckets, Cost},
    origin::Origin,
    room::Room,
};
use crate::{address::ClientAddress, error::Error, store::RoomId};

/// How long a read of the log waits before it asks the rate limit again.
const READ_RETRY: Duration = Duration::from_millis(100);

/// A subscription to a room. Dropping it ends the subscription.
pub struct Subscription {
    chat: Chat,
    room: Arc<Mutex<Room>>,
    room_id: RoomId,
    person: PersonId,
    origin: Origin,
    connection: ConnectionId,
    address: ClientAddress,
    buckets: Buckets,
}

impl Chat {
    /// Subscribes to a room and returns the last `Seq`. The room drops `subscriber` when access ends.
    /// The refusals are `no_such_room` and those of [`Room::check_access`].
    pub async fn subscribe(
        &self,
        identity: &Identity,
        name: RoomName,
        subscriber: Arc<dyn Subscriber>,
        address: ClientAddress,
    ) -> Result<(Subscription, Seq), Error> {
        let stored = self.find_room(name.clone()).await?;
        let (person, (connection, subscriber)) = (identity.person.id, self.register_connection(subscriber));
        let origin = Origin::new(address, identity.first_seen);
        let room =
            self.with_room(&stored, |room| room.subscribe(person, origin, connection, subscriber.clone()))?;
        let buckets = Buckets::new(self.0.limits, Instant::now());
        let (chat, room_id) = (self.clone(), stored.id);
        let subscription = Subscription { chat, room, room_id, person, origin, connection, address, buckets };
        // Read again after subscribing: later events are delivered, and `stored` is older than the
        // subscription, so events between the two would be missed.
        let last_seq = self.find_room(name).await?.last_seq;
        subscription.room.lock().advance_to(last_seq);
        Ok((subscription, last_seq))
    }

    /// Reads one page of a room's log without a session. The refusal is `no_such_room` if there is none.
    pub async fn read_history(
        &self,
        identity: &Identity,
        history: &History,
        address: ClientAddress,
    ) -> Result<Page, Error> {
        let range = history.range()?;
        let now = Instant::now();
        self.0.rate_limiter.take(identity.rate_key(address), Cost::Read, now)?;
        self.0.rate_limiter.take_from_address(address, Cost::Read, now)?;
        let room = self.find_room(history.room.clone()).await?;
        self.check_access(&room, identity.person.id, Origin::new(address, identity.first_seen))?;
        let store = &self.0.store;
        let mut page = store.list_events(room.id, range, history.page_size(), identity.person.id).await?;
        self.read_room(&room, |room| room.complete_page(&mut page));
        Ok(page)
    }
}

impl Subscription {
    /// Returns the next page of the log after `seq`, waiting for the rate limits if necessary.
    pub async fn list_after(&mut self, seq: Seq) -> Result<Page, Error> {
        while self.buckets.take(Cost::Read, Instant::now()).is_err() {
            sleep(READ_RETRY).await;
        }
        let limiter = &self.chat.0.rate_limiter;
        while limiter.take_from_address(self.address, Cost::Read, Instant::now()).is_err() {
            sleep(READ_RETRY).await;
        }
        self.room.lock().check_access(self.person, self.origin)?;
        let (store, range) = (&self.chat.0.store, HistoryRange::After(seq));
        let mut page = store.list_events(self.room_id, range, History::MAX, self.person).await?;
        self.room.lock().complete_page(&mut page);
        Ok(page)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut locked = self.room.lock();
        locked.subscriptions.remove(self.connection);
        self.chat.after_membership_change(&self.room, locked);
    }
}

impl Room {
    /// Subscribes a connection until access ends (see [`Room::check_access`]); then `subscriber` is dropped.
    pub(super) fn subscribe(
        &mut self,
        person: PersonId,
        origin: Origin,
        connection: ConnectionId,
        subscriber: Arc<dyn Subscriber>,
    ) -> Result<(), Refusal> {
        self.check_access(person, origin)?;
        self.subscriptions.insert(person, connection, subscriber);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use common::{
        message::Timestamp,
        protocol::command::{Command, Join},
    };
    use tokio::time::timeout;

    use super::*;
    use crate::chat::timestamp_now;
    use crate::{
        bus,
        chat::{
            limits::{Limits, Rate},
            test_support::{NullSubscriber, person},
        },
        health::Health,
        store::{self, DatabaseUrl, NewRoom},
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn however_one_address_reads_it_gets_twenty_times_what_one_session_gets() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("madang.sqlite"));
        let (sender, committed) = bus::channel();
        let on_commit = Box::new(move |event| sender.send(event));
        let store = store::open(&url, None, &Health::default(), on_commit).await.unwrap();
        let reads = Rate { per_second: 1e-9, burst: 2.0 };
        let limits = Limits { reads, ..Limits::default() };
        let chat = Chat::start(store.clone(), committed, limits, &Health::default());
        let room = RoomName::parse("r").unwrap();
        let new = NewRoom::with_defaults(PersonId(1), timestamp_now());
        store.get_or_create_room(room.clone(), new).await.unwrap();

        let history =
            History { room: room.clone(), before: None, after: Some(Seq(0)), around: None, limit: None };
        let [ours, theirs] =
            ["192.0.2.7", "192.0.2.8"].map(|address| ClientAddress::new(address.parse().unwrap()));
        let identity = |id| Identity { person: person(id), is_registered: true, first_seen: Timestamp(0) };
        let over_http = async |id, address| chat.read_history(&identity(id), &history, address).await;
        let in_session = async |id, address| {
            let mut session = chat.open_session(&identity(id), Arc::new(NullSubscriber), address);
            session.handle(Command::Join(Join::new(room.clone()))).await.unwrap();
            session.handle(Command::History(history.clone())).await
        };
        let in_stream = async |id, address| {
            let subscriber = Arc::new(NullSubscriber);
            let subscription = chat.subscribe(&identity(id), room.clone(), subscriber, address).await;
            subscription.unwrap().0.list_after(Seq(0)).await
        };
        for id in 1..=13 {
            in_session(id, ours).await.unwrap();
            over_http(100 + id, ours).await.unwrap();
            in_stream(id, ours).await.unwrap();
        }
        over_http(200, ours).await.unwrap();
        for result in [in_session(50, ours).await.map(drop), over_http(201, ours).await.map(drop)] {
            assert!(matches!(result, Err(Error::Refused(Refusal::TooFast))));
        }
        assert!(timeout(READ_RETRY * 2, in_stream(51, ours)).await.is_err(), "a stream waits");
        in_stream(51, theirs).await.unwrap();
        in_session(50, theirs).await.unwrap();
    }
}
