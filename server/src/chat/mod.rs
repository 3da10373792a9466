//! The chat itself: sessions, rooms, permissions and limits. All transports call it.
//!
//! A transport calls [`Chat::open_session`] for each connection and passes every command to the returned
//! [`Session`]. Broadcasts of the rooms arrive at the [`Subscriber`] that the transport supplied.
//! This module knows no network, no wire format and no SQL.

mod access;
mod bans;
pub mod broadcast;
mod claim;
pub mod identity;
pub mod limits;
mod look_alikes;
mod member_rooms;
mod newcomers;
mod origin;
mod ownership;
pub mod posting;
mod presence;
mod retention;
pub mod room;
#[cfg(feature = "faults")]
mod sabotage;
pub mod session;
pub mod subscription;
#[cfg(test)]
mod test_support;

use std::{
    cmp::Ordering::{Equal, Greater, Less},
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::{
    message::Timestamp,
    person::{Person, PersonId},
    protocol::{
        http::{RoomList, RoomSummary},
        push::RoomEvent,
    },
    refusal::Refusal,
    room::RoomName,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    address::ClientAddress,
    bus::EventReceiver,
    chat::{
        broadcast::{ConnectionId, Subscriber},
        identity::Identity,
        limits::{Cost, Limits, RateKey, RateLimiter},
        member_rooms::MemberRooms,
        origin::{Origin, Origins},
        presence::PRESENCE_DEBOUNCE,
        room::Room,
        session::Session,
    },
    error::Error,
    failpoint::{self, Failpoint},
    health::Health,
    store::{self, NewRoom, Store},
};

/// How long the seat of a registered person is kept after their connection broke.
/// Long enough for a page reload on a slow phone.
pub const SEAT_GRACE: Duration = Duration::from_secs(10);

/// The owner of rooms that belong to nobody, such as the lobby.
const NO_OWNER: PersonId = PersonId(0);

/// How often each room broadcasts its last `Seq`, so that a client that missed the last event notices.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// The length of the public room list.
const MAX_LISTED_ROOMS: u32 = 100;

/// The handle to the chat that every transport holds. Cheap to clone.
#[derive(Clone)]
pub struct Chat(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    limits: Limits,
    rate_limiter: RateLimiter,
    /// Rooms in memory: those with members, held seats, subscriptions or bans.
    rooms: Mutex<HashMap<RoomName, Arc<Mutex<Room>>>>,
    member_rooms: MemberRooms,
    origins: Origins,
    /// The people who have a connection. All sessions of a person share one entry, so that a rename
    /// reaches each of them.
    online: Mutex<HashMap<PersonId, Arc<Mutex<Person>>>>,
    next_connection_id: AtomicU64,
    closing: AtomicBool,
}

impl Chat {
    /// Starts the chat over `store`; events that were committed arrive through `committed`.
    pub fn start(
        store: Arc<dyn Store>,
        mut committed: EventReceiver,
        limits: Limits,
        health: &Health,
    ) -> Chat {
        let chat = Chat(Arc::new(Inner {
            store,
            limits,
            rate_limiter: RateLimiter::new(limits),
            rooms: Mutex::default(),
            member_rooms: MemberRooms::default(),
            origins: Origins::default(),
            online: Mutex::default(),
            next_connection_id: AtomicU64::new(0),
            closing: AtomicBool::new(false),
        }));
        let this = chat.clone();
        tokio::spawn(health.supervise("broadcast", async move {
            loop {
                let events = committed.next_batch().await;
                if events.is_empty() {
                    break;
                }
                this.broadcast_events(events);
            }
        }));
        tokio::spawn(health.supervise("heartbeat", heartbeat_loop(Arc::downgrade(&chat.0))));
        tokio::spawn(health.supervise("retention", retention::run(Arc::downgrade(&chat.0))));
        chat
    }

    /// Marks the server as stopping: sessions that end from now on no longer announce it to their rooms.
    pub fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
    }

    /// Returns the id that tells this server from others on the same host, see [`store::Instance`].
    pub fn instance_id(&self) -> &str {
        &self.0.store.instance().id
    }

    /// Takes a [`Cost::Connection`] token of this address, for a connection or for a request without a
    /// session. The refusal is `too_fast`.
    pub fn check_connection_rate(&self, address: ClientAddress) -> Result<(), Refusal> {
        self.0.rate_limiter.take_from_address(address, Cost::Connection, Instant::now())
    }

    /// Opens a session. From now on `subscriber` receives the broadcasts of the rooms it joins.
    pub fn open_session(
        &self,
        identity: &Identity,
        subscriber: Arc<dyn Subscriber>,
        address: ClientAddress,
    ) -> Session {
        let (id, subscriber) = self.register_connection(subscriber);
        let new_person = || Arc::new(Mutex::new(identity.person.clone()));
        let person = self.0.online.lock().entry(identity.person.id).or_insert_with(new_person).clone();
        let origin = Origin::new(address, identity.first_seen);
        Session::new(self.clone(), id, person, identity.is_registered, subscriber, address, origin)
    }

    fn register_connection(&self, subscriber: Arc<dyn Subscriber>) -> (ConnectionId, Arc<dyn Subscriber>) {
        let id = ConnectionId(self.0.next_connection_id.fetch_add(1, Ordering::Relaxed));
        #[cfg(feature = "faults")]
        let subscriber = sabotage::SabotagedSubscriber::wrap(id, subscriber);
        (id, subscriber)
    }

    /// Lists the rooms that have messages, the latest first, then rooms that only have members.
    pub async fn list_rooms(&self) -> Result<RoomList, Error> {
        let mut rooms: Vec<RoomSummary> = Vec::new();
        for stored in self.0.store.list_rooms(MAX_LISTED_ROOMS).await? {
            rooms.push(self.read_room(&stored, Room::summary));
        }
        // The store lists only rooms with messages.
        let free_slots = (MAX_LISTED_ROOMS as usize).saturating_sub(rooms.len());
        let loaded: Vec<Arc<Mutex<Room>>> =
            self.0.rooms.lock().values().take(MAX_LISTED_ROOMS as usize * 2).cloned().collect();
        let is_without_messages =
            |summary: &RoomSummary| summary.last_at.is_none() && summary.member_count > 0;
        rooms.extend(
            loaded.iter().map(|room| room.lock().summary()).filter(is_without_messages).take(free_slots),
        );
        Ok(RoomList { rooms })
    }

    /// Returns the room, creating it if necessary. The refusal is `too_fast`, by `maker` and by address; it is
    /// decided before the store's writer is asked, so that it costs the others nothing.
    async fn get_or_create_room(
        &self,
        name: RoomName,
        new: NewRoom,
        maker: RateKey,
        address: ClientAddress,
    ) -> Result<store::Room, Error> {
        if let Some(stored) = self.0.store.get_room(name.clone()).await? {
            return Ok(stored);
        }
        // The rate limit counts rooms that are made, not refused names.
        name.for_new_room()?;
        let now = Instant::now();
        self.0.rate_limiter.take(maker, Cost::Room, now)?;
        self.0.rate_limiter.take_from_address(address, Cost::Room, now)?;
        // Otherwise the first visitor would own the lobby and could limit its seats, which would shut out
        // everybody who opens the page without naming a room.
        let new = if name == RoomName::lobby() { NewRoom::with_defaults(NO_OWNER, new.at) } else { new };
        self.0.store.get_or_create_room(name, new).await
    }

    async fn find_room(&self, name: RoomName) -> Result<store::Room, Error> {
        self.0.store.get_room(name).await?.ok_or(Refusal::NoSuchRoom.into())
    }

    /// Creates the lobby, so that it also exists for transports that never create rooms.
    pub async fn create_lobby(&self) -> Result<(), Error> {
        self.0
            .store
            .get_or_create_room(RoomName::lobby(), NewRoom::with_defaults(NO_OWNER, timestamp_now()))
            .await
            .map(drop)
    }

    /// Broadcasts stored events to their rooms, the events of one room together.
    fn broadcast_events(&self, events: Vec<RoomEvent>) {
        let mut batches: Vec<(RoomName, Vec<RoomEvent>)> = Vec::new();
        for event in events {
            match batches.iter_mut().find(|(name, _)| *name == event.room) {
                Some((_, events)) => events.push(event),
                None => batches.push((event.room.clone(), vec![event])),
            }
        }
        for (room, events) in batches {
            if let Some(room) = self.loaded_room(&room) {
                failpoint::hit(Failpoint::BeforeFanOut);
                room.lock().broadcast_events(events);
                failpoint::hit(Failpoint::AfterFanOut);
            }
        }
    }

    fn loaded_rooms(&self) -> Vec<Arc<Mutex<Room>>> {
        self.0.rooms.lock().values().cloned().collect()
    }

    fn loaded_room(&self, name: &RoomName) -> Option<Arc<Mutex<Room>>> {
        self.0.rooms.lock().get(name).cloned()
    }

    /// Passes the room in memory to `read`, or a temporary one made from `stored` if it is not loaded.
    fn read_room<T>(&self, stored: &store::Room, read: impl FnOnce(&Room) -> T) -> T {
        match self.loaded_room(&stored.name) {
            Some(room) if room.lock().id == stored.id => {
                let mut locked = room.lock();
                locked.catch_up(stored);
                read(&locked)
            }
            _ => read(&Room::new(stored, &self.0.member_rooms)),
        }
    }

    /// Returns the room in memory, loading it if it is not there.
    fn load_room(&self, stored: &store::Room) -> Arc<Mutex<Room>> {
        let new = || Arc::new(Mutex::new(Room::new(stored, &self.0.member_rooms)));
        self.0.rooms.lock().entry(stored.name.clone()).or_insert_with(new).clone()
    }

    /// Runs `change` on the room in memory, then [`Chat::after_membership_change`].
    /// Loads the room again if it was unloaded between the lookup and the lock.
    fn with_room(
        &self,
        stored: &store::Room,
        change: impl Fn(&mut Room) -> Result<(), Refusal>,
    ) -> Result<Arc<Mutex<Room>>, Refusal> {
        loop {
            let room = self.load_room(stored);
            let mut locked = room.lock();
            if locked.is_unloaded {
                continue;
            }
            match locked.id.cmp(&stored.id) {
                Equal => {}
                // The room was deleted, and another has its name since.
                Less => {
                    self.remove_deleted(locked);
                    continue;
                }
                Greater => return Err(Refusal::RoomDeleted),
            }
            locked.catch_up(stored);
            let result = change(&mut locked);
            self.after_membership_change(&room, locked);
            return result.map(|()| room);
        }
    }

    /// Takes one connection out of a room. With `seat_grace` the person's seat is kept for that long.
    fn leave_room(
        &self,
        room: &Arc<Mutex<Room>>,
        person: PersonId,
        connection: ConnectionId,
        seat_grace: Option<Duration>,
    ) {
        let now = Instant::now();
        let mut locked = room.lock();
        locked.leave(person, connection, seat_grace.map(|grace| now + grace));
        if let Some(grace) = seat_grace.filter(|_| locked.is_in_seat_grace(person)) {
            let (chat, room) = (self.clone(), room.clone());
            tokio::spawn(async move {
                tokio::time::sleep(grace).await;
                let mut locked = room.lock();
                locked.expire_seat_grace(Instant::now());
                chat.after_membership_change(&room, locked);
            });
        }
        self.after_membership_change(room, locked);
    }

    /// Follows up every change of a room's members, their presence, subscriptions, seat waiters or bans:
    /// notifies seat waiters, schedules the presence batch, and unloads the room if it is empty.
    fn after_membership_change(&self, room: &Arc<Mutex<Room>>, mut locked: MutexGuard<'_, Room>) {
        locked.notify_seat_waiters();
        if locked.presence.schedule_flush() {
            let room = room.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PRESENCE_DEBOUNCE).await;
                room.lock().flush_presence();
            });
        }
        self.unload_if_empty(locked);
    }

    /// Drops an empty room from memory. Its log stays in the store.
    fn unload_if_empty(&self, mut room: MutexGuard<'_, Room>) {
        if room.is_empty() {
            // A task that still holds this room sees the flag and loads the room again (`with_room`).
            room.is_unloaded = true;
            let name = room.name.clone();
            drop(room);
            let mut rooms = self.0.rooms.lock();
            if rooms.get(&name).is_some_and(|room| room.lock().is_unloaded) {
                rooms.remove(&name);
            }
        }
    }

    /// Removes people without a connection from `online`. Sessions do not do this when they end: of two
    /// that end at the same time, each would still see the other's reference.
    fn remove_offline(&self) {
        self.0.online.lock().retain(|_, shared| Arc::strong_count(shared) > 1);
    }

    /// Gives all sessions of this person the new name and queues the change in every room they are in.
    fn broadcast_rename(&self, person: &Person) {
        if let Some(shared) = self.0.online.lock().get(&person.id) {
            shared.lock().name = person.name.clone();
        }
        for room in self.0.member_rooms.of(person.id).iter().filter_map(|name| self.loaded_room(name)) {
            let mut locked = room.lock();
            locked.rename(person);
            self.after_membership_change(&room, locked);
        }
    }
}

/// Broadcasts the heartbeat of every room until the chat is dropped.
async fn heartbeat_loop(chat: Weak<Inner>) {
    let mut beats = tokio::time::interval(HEARTBEAT_INTERVAL);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        let Some(chat) = chat.upgrade().map(Chat) else { return };
        chat.remove_offline();
        for room in chat.loaded_rooms() {
            room.lock().broadcast_heartbeat();
            // With ten thousand rooms this loop would otherwise delay message delivery.
            tokio::task::yield_now().await;
        }
    }
}

/// Returns the wall-clock time. It is only for display; ordering uses `Seq`.
fn timestamp_now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
