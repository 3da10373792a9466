//! What Madang does: people enter, join rooms, speak, and hear what the log says.
//!
//! A gateway calls [`Chat::enter`] for each connection, gives every command to the [`Session`] it
//! gets, and hears what happens through the [`Listener`] it brought. Nothing here knows a network,
//! a wire format or a database's language.

mod deed;
pub mod errand;
#[cfg(feature = "faults")]
mod faulty;
pub mod following;
pub mod limits;
pub mod notice;
pub mod outside;
pub mod people;
pub mod room;
pub mod session;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::{
    event::{Push, Remove, RoomEvent, RoomList, RoomSummary},
    message::Timestamp,
    person::{Person, PersonId},
    refusal::Refusal,
    room::RoomName,
};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    bus::Subscription,
    chat::{
        limits::{Addresses, Bucket, Limits, Passers},
        notice::{Listener, Notice},
        people::Identity,
        room::{ConnectionId, Room},
        session::Session,
    },
    failure::Failure,
    fault::{self, Point},
    lock::lock,
    store::{self, NewRoom, Store},
};

/// How long a seat is kept for somebody whose connection broke and who can prove to be the same
/// person when they come back: long enough for a reload on a slow phone.
pub const SEAT_HELD: Duration = Duration::from_secs(10);

/// Owns what belongs to nobody.
const NOBODY: PersonId = PersonId(0);

/// How long somebody stays out whom a room's owner has removed.
const REMOVED_FOR: Duration = Duration::from_secs(Remove::LASTS as u64);

/// How often every room tells how far its log goes. Whoever missed the very last event learns of it
/// within this time.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a room gathers who came and went before it tells.
const NEWS: Duration = Duration::from_millis(100);

/// How many rooms the front page lists.
const LISTED_ROOMS: u32 = 100;

/// The handle every gateway holds. Cheap to clone.
#[derive(Clone)]
pub struct Chat(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    limits: Limits,
    addresses: Addresses,
    /// Messages from outside, of everybody together.
    calls: Mutex<Bucket>,
    /// What callers' ids are made with.
    secret: u128,
    passers: Passers,
    /// The rooms somebody is in, has a seat held in, or listens to.
    rooms: Mutex<HashMap<RoomName, Arc<Mutex<Room>>>>,
    /// Everybody who is connected, by the name they go by now, which all their connections share.
    present: Mutex<HashMap<PersonId, Arc<Mutex<Person>>>>,
    connections: AtomicU64,
    closing: AtomicBool,
}

impl Chat {
    /// A chat over this log, hearing of what was stored from `committed`.
    pub fn start(store: Arc<dyn Store>, mut committed: Subscription, limits: Limits) -> Chat {
        let chat = Chat(Arc::new(Inner {
            store,
            addresses: Addresses::new(limits),
            calls: Mutex::new(Bucket::new(limits.messages.of_many(), Instant::now())),
            secret: rand::random(),
            passers: Passers::new(limits),
            limits,
            rooms: Mutex::default(),
            present: Mutex::default(),
            connections: AtomicU64::new(0),
            closing: AtomicBool::new(false),
        }));
        let rooms = chat.clone();
        tokio::spawn(async move {
            loop {
                let events = committed.next().await;
                if events.is_empty() {
                    break;
                }
                rooms.tell(events);
            }
        });
        tokio::spawn(beat(Arc::downgrade(&chat.0)));
        chat
    }

    /// The server stops: everybody is going, and nobody needs to be told that others are.
    pub fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
    }

    /// Whether this address may open one more connection, or ask for one more list, just now.
    /// The refusal is `too_fast`.
    pub fn knock(&self, address: IpAddr) -> Result<(), Refusal> {
        self.0.addresses.enter(address, Instant::now())
    }

    /// Lets somebody in: from now on `listener` hears the rooms that the session joins.
    pub fn enter(&self, identity: &Identity, listener: Arc<dyn Listener>, address: IpAddr) -> Session {
        let (id, listener) = self.connect(listener);
        let fresh = || Arc::new(Mutex::new(identity.person.clone()));
        let person = lock(&self.0.present).entry(identity.person.id).or_insert_with(fresh).clone();
        Session::new(self.clone(), id, person, identity.kept, listener, address)
    }

    fn connect(&self, listener: Arc<dyn Listener>) -> (ConnectionId, Arc<dyn Listener>) {
        let id = ConnectionId(self.0.connections.fetch_add(1, Ordering::Relaxed));
        #[cfg(feature = "faults")]
        let listener = faulty::Faulty::around(id, listener);
        (id, listener)
    }

    /// The rooms where something was said or somebody is, the latest first.
    pub async fn list_rooms(&self) -> Result<RoomList, Failure> {
        let mut rooms: Vec<RoomSummary> = Vec::new();
        for stored in self.0.store.list_rooms(LISTED_ROOMS).await? {
            let inside = self.open_room(&stored.name);
            rooms.push(inside.map_or_else(|| Room::new(&stored).summary(), |room| lock(&room).summary()));
        }
        // A room where nobody has said anything is in no list of the store's.
        let places = (LISTED_ROOMS as usize).saturating_sub(rooms.len());
        let open: Vec<Arc<Mutex<Room>>> =
            self.rooms().values().take(LISTED_ROOMS as usize * 2).cloned().collect();
        let silent = |summary: &RoomSummary| summary.last_at.is_none() && summary.here > 0;
        rooms.extend(open.iter().map(|room| lock(room).summary()).filter(silent).take(places));
        Ok(RoomList { rooms })
    }

    /// The room of this name, made when there is none; the refusal is `too_fast`, by address.
    async fn find_or_open(
        &self,
        name: RoomName,
        new: NewRoom,
        address: IpAddr,
    ) -> Result<store::Room, Failure> {
        if let Some(stored) = self.0.store.get_room(name.clone()).await? {
            return Ok(stored);
        }
        self.0.addresses.open_room(address, Instant::now())?;
        // Whoever comes there first must not be able to shut it to all who have not chosen a room.
        let new = if name == RoomName::lobby() { NewRoom::of(NOBODY, new.at) } else { new };
        self.0.store.open_room(name, new).await
    }

    /// Makes the lobby, where nobody may have said anything yet: it is open to everybody from the
    /// first moment on, at doors too where nobody makes rooms by asking for them.
    pub async fn open_lobby(&self) -> Result<(), Failure> {
        self.0.store.open_room(RoomName::lobby(), NewRoom::of(NOBODY, now())).await.map(drop)
    }

    /// Tells stored events to everybody in their rooms, those of one room together.
    fn tell(&self, events: Vec<RoomEvent>) {
        let mut notices: Vec<(RoomName, Vec<Notice>)> = Vec::new();
        for event in events {
            let room = event.room.clone();
            let notice = Notice::new(Push::Event(event));
            match notices.iter_mut().find(|(name, _)| *name == room) {
                Some((_, told)) => told.push(notice),
                None => notices.push((room, vec![notice])),
            }
        }
        for (room, told) in notices {
            if let Some(room) = self.open_room(&room) {
                fault::pass(Point::BeforeFanOut);
                lock(&room).tell(&told);
                fault::pass(Point::AfterFanOut);
            }
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomName, Arc<Mutex<Room>>>> {
        lock(&self.0.rooms)
    }

    fn open_rooms(&self) -> Vec<Arc<Mutex<Room>>> {
        self.rooms().values().cloned().collect()
    }

    fn open_room(&self, name: &RoomName) -> Option<Arc<Mutex<Room>>> {
        self.rooms().get(name).cloned()
    }

    /// The room in memory, put there when nobody is in it yet.
    fn room_of(&self, stored: &store::Room) -> Arc<Mutex<Room>> {
        let new = || Arc::new(Mutex::new(Room::new(stored)));
        self.rooms().entry(stored.name.clone()).or_insert_with(new).clone()
    }

    /// Lets somebody come into a room. One that is just being forgotten is asked for again.
    fn bring_in(
        &self,
        stored: &store::Room,
        come: impl Fn(&mut Room) -> Result<(), Refusal>,
    ) -> Result<Arc<Mutex<Room>>, Refusal> {
        loop {
            let room = self.room_of(stored);
            let mut inside = lock(&room);
            if inside.closed {
                continue;
            }
            let came = come(&mut inside);
            self.settle(&room, inside);
            return came.map(|()| room);
        }
    }

    /// Takes one connection out of a room. With `hold` the person keeps the seat for that long.
    fn take_out(
        &self,
        room: &Arc<Mutex<Room>>,
        person: PersonId,
        connection: ConnectionId,
        hold: Option<Duration>,
    ) {
        let now = Instant::now();
        let mut inside = lock(room);
        inside.rise(person, connection, hold.map(|hold| now + hold));
        if let Some(hold) = hold.filter(|_| inside.holds_seat_of(person)) {
            let (chat, room) = (self.clone(), room.clone());
            tokio::spawn(async move {
                tokio::time::sleep(hold).await;
                let mut inside = lock(&room);
                inside.free_held_seats(Instant::now());
                chat.settle(&room, inside);
            });
        }
        self.settle(room, inside);
    }

    /// Takes somebody out of a room for a time, with all their connections.
    fn expel(&self, room: &Arc<Mutex<Room>>, person: PersonId) {
        let mut inside = lock(room);
        inside.expel(person, Instant::now() + REMOVED_FOR);
        tokio::spawn(forgive(Arc::downgrade(&self.0), inside.name.clone()));
        self.settle(room, inside);
    }

    /// What follows when somebody came to a room or left it: who waits for a seat hears of it, the
    /// others do so soon, or nobody is left.
    fn settle(&self, room: &Arc<Mutex<Room>>, mut inside: MutexGuard<'_, Room>) {
        inside.tell_watchers();
        if inside.promise_news() {
            let room = room.clone();
            tokio::spawn(async move {
                tokio::time::sleep(NEWS).await;
                lock(&room).tell_news();
            });
        }
        self.forget_if_empty(inside);
    }

    /// Drops a room from memory when nobody is left in it. It stays in the log.
    fn forget_if_empty(&self, mut room: MutexGuard<'_, Room>) {
        if room.is_empty() {
            // Whoever got hold of this room before sees that it is closed, and asks for it again.
            room.closed = true;
            let name = room.name.clone();
            drop(room);
            let mut rooms = self.rooms();
            if rooms.get(&name).is_some_and(|room| lock(room).closed) {
                rooms.remove(&name);
            }
        }
    }

    /// Forgets the present names of those who have no connection any more. Sessions do not do it as
    /// they end: of two that end at once each would leave it to the other.
    fn forget_absent(&self) {
        lock(&self.0.present).retain(|_, shared| Arc::strong_count(shared) > 1);
    }

    /// Tells every connection of this person, and every room they are in, of the new name.
    fn spread_name(&self, person: &Person) {
        if let Some(present) = lock(&self.0.present).get(&person.id) {
            lock(present).name = person.name.clone();
        }
        for room in self.open_rooms() {
            let mut inside = lock(&room);
            inside.rename(person);
            self.settle(&room, inside);
        }
    }
}

/// Lets every room tell its heartbeat, for as long as there is a chat.
async fn beat(chat: Weak<Inner>) {
    let mut beats = tokio::time::interval(HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        let Some(chat) = chat.upgrade().map(Chat) else { return };
        chat.forget_absent();
        for room in chat.open_rooms() {
            lock(&room).tell_heartbeat();
            // Ten thousand rooms must not hold up what is being said.
            tokio::task::yield_now().await;
        }
    }
}

/// Lets somebody come back to a room who was just removed from it, when the time is over.
async fn forgive(chat: Weak<Inner>, room: RoomName) {
    tokio::time::sleep(REMOVED_FOR).await;
    let Some(chat) = chat.upgrade().map(Chat) else { return };
    if let Some(room) = chat.open_room(&room) {
        let mut inside = lock(&room);
        inside.forgive(Instant::now());
        chat.settle(&room, inside);
    }
}

/// The clock, for showing only.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
