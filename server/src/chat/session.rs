//! One person at one gateway: every command of a connection goes through its session, in the order
//! in which the connection gave them. Dropping the session leaves every room.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, atomic::Ordering},
};

use common::{
    event::{
        Command, History, Join, Joined, Left, PROTOCOL, Page, Renamed, Reply, Send, Sent, Span, Welcome,
    },
    message::{Body, Cid, Seq},
    person::{DisplayName, Person},
    refusal::Refusal,
    room::{RoomName, Seats},
};
use tokio::time::Instant;

use super::{
    Chat, SEAT_HELD,
    limits::{Allowance, ROOMS_PER_CONNECTION},
    notice::Listener,
    now,
    room::{ConnectionId, Glance, Room},
};
use crate::{
    failure::Failure,
    lock::lock,
    store::{self, NewRoom, RoomId},
};

/// One connection's place in the chat.
pub struct Session {
    chat: Chat,
    id: ConnectionId,
    /// Who this is, by the name all connections of this person share.
    person: Arc<Mutex<Person>>,
    /// Whether this person can come back with a token and be the same.
    kept: bool,
    listener: Arc<dyn Listener>,
    address: IpAddr,
    allowance: Allowance,
    rooms: HashMap<RoomName, Joining>,
}

/// A room this connection has joined.
struct Joining {
    id: RoomId,
    room: Arc<Mutex<Room>>,
}

/// A room that was just entered, with what was read of its log since there is a seat.
struct Seated {
    room: Arc<Mutex<Room>>,
    page: Page,
    /// The last event there is.
    last: Seq,
}

impl Session {
    pub(super) fn new(
        chat: Chat,
        id: ConnectionId,
        person: Arc<Mutex<Person>>,
        kept: bool,
        listener: Arc<dyn Listener>,
        address: IpAddr,
    ) -> Session {
        let allowance = Allowance::new(chat.0.limits, Instant::now());
        Session { chat, id, person, kept, listener, address, allowance, rooms: HashMap::new() }
    }

    /// Who this is, by the present name.
    pub fn person(&self) -> Person {
        lock(&self.person).clone()
    }

    /// Does what a client of the full protocol asks.
    pub async fn handle(&mut self, command: Command) -> Result<Reply, Failure> {
        match command {
            Command::Hello(_) => self.welcome().await.map(Reply::Welcome),
            Command::Join(join) => self.join(join).await.map(Reply::Joined),
            Command::Leave(leave) => self.leave(&leave.room).map(Reply::Left),
            Command::Send(send) => self.send(send).await.map(Reply::Sent),
            Command::History(history) => self.history(&history).await.map(Reply::Page),
            Command::Rename(rename) => self.rename(rename.name).await.map(Reply::Renamed),
        }
    }

    /// Sits down in a room for two and leaves every other room, as the tutorial's clients mean it.
    /// When the room is full, nothing changes.
    pub async fn move_to(&mut self, room: RoomName) -> Result<Joined, Failure> {
        let joined = self.join(Join { room, seats: Some(Seats::TWO), since: None }).await?;
        self.leave_all_but(&joined.room)?;
        Ok(joined)
    }

    /// Goes into a room and out of every other, and tells the last events there. When that fails,
    /// nothing changes.
    pub async fn walk_to(&mut self, room: RoomName) -> Result<Page, Failure> {
        let Seated { page, .. } =
            self.take_seat(&Join { room: room.clone(), seats: None, since: None }).await?;
        self.leave_all_but(&room)?;
        Ok(page)
    }

    /// Some of those who are in a room with this connection; the refusal is `not_in_room`.
    pub fn glance(&self, room: &RoomName, limit: usize) -> Result<Glance, Refusal> {
        let joining = self.rooms.get(room).ok_or(Refusal::NotInRoom)?;
        Ok(lock(&joining.room).glance(limit))
    }

    /// Says something in the one room this connection is in. The refusal is `not_in_room`, also
    /// when it is in several.
    pub async fn say(&mut self, body: Body) -> Result<Sent, Failure> {
        let mut rooms = self.rooms.keys();
        let (Some(room), None) = (rooms.next().cloned(), rooms.next()) else {
            return Err(Refusal::NotInRoom.into());
        };
        self.send(Send { room, cid: Cid::from_random(rand::random()), body }).await
    }

    /// Gives up every seat at once.
    pub fn leave_all(&mut self) {
        let me = self.person().id;
        for (_, joining) in self.rooms.drain() {
            self.chat.take_out(&joining.room, me, self.id, None);
        }
    }

    async fn welcome(&mut self) -> Result<Welcome, Failure> {
        let (you, mut token) = (self.person(), None);
        if !self.kept {
            self.allowance.joins.take(Instant::now())?;
            token = Some(self.chat.keep(&you).await?.reveal().to_owned());
            self.kept = true;
        }
        Ok(Welcome { you, token, protocol: PROTOCOL })
    }

    async fn join(&mut self, join: Join) -> Result<Joined, Failure> {
        let Seated { room, page, last } = self.take_seat(&join).await?;
        let (me, room) = (self.person().id, lock(&room));
        Ok(Joined {
            room: join.room,
            seats: room.seats,
            last,
            more: if join.since.is_some() { page.more_after } else { page.more_before },
            events: page.events,
            people: room.people(),
            may: room.permissions(me),
        })
    }

    /// Takes a seat and reads the log.
    async fn take_seat(&mut self, join: &Join) -> Result<Seated, Failure> {
        self.allowance.joins.take(Instant::now())?;
        if !self.rooms.contains_key(&join.room) && self.rooms.len() >= ROOMS_PER_CONNECTION {
            return Err(Refusal::TooManyRooms.into());
        }
        let me = self.person();
        let new = NewRoom { seats: join.seats, owner: me.id, at: now() };
        let stored = self.chat.find_or_open(join.room.clone(), new, self.address).await?;
        let was_inside = self.rooms.contains_key(&join.room);
        let room = self.sit(&stored, &me)?;
        // Read only after sitting down: what is stored from now on is heard, so nothing can fall
        // between the page and what comes after it.
        let (page, last) = match self.read_for_join(&stored, join.since).await {
            Ok(read) => read,
            Err(failure) => {
                // Who is told that joining failed must not hold a seat.
                if !was_inside {
                    self.leave(&join.room)?;
                }
                return Err(failure);
            }
        };
        lock(&room).reaches(last);
        Ok(Seated { room, page, last })
    }

    /// The page for who joins, and the number of the last event there is.
    async fn read_for_join(&self, stored: &store::Room, since: Option<Seq>) -> Result<(Page, Seq), Failure> {
        let store = &self.chat.0.store;
        let span = since.map_or(Span::Before(Seq(u64::MAX)), Span::After);
        let page = store.list_events(stored.id, span, History::DEFAULT).await?;
        let last = match page.events.last() {
            // `stored` is from before there was a seat: what was told in between is behind the page,
            // and whoever joins has to learn that it is there.
            Some(_) if page.more_after => {
                store.get_room(stored.name.clone()).await?.map_or(stored.last, |room| room.last)
            }
            Some(event) => event.seq,
            None => stored.last,
        };
        Ok((page, last))
    }

    /// Takes a seat.
    fn sit(&mut self, stored: &store::Room, me: &Person) -> Result<Arc<Mutex<Room>>, Refusal> {
        let sit = |room: &mut Room| room.sit(me, self.id, self.listener.clone(), Instant::now());
        let room = self.chat.bring_in(stored, sit)?;
        self.rooms.insert(stored.name.clone(), Joining { id: stored.id, room: room.clone() });
        Ok(room)
    }

    fn leave_all_but(&mut self, room: &RoomName) -> Result<(), Failure> {
        let others: Vec<RoomName> = self.rooms.keys().filter(|name| *name != room).cloned().collect();
        others.iter().try_for_each(|other| self.leave(other).map(|_| ()))
    }

    fn leave(&mut self, room: &RoomName) -> Result<Left, Failure> {
        let joining = self.rooms.remove(room).ok_or(Refusal::NotInRoom)?;
        self.chat.take_out(&joining.room, self.person().id, self.id, None);
        Ok(Left {})
    }

    async fn send(&mut self, send: Send) -> Result<Sent, Failure> {
        let room = self.rooms.get(&send.room).ok_or(Refusal::NotInRoom)?.id;
        self.allowance.messages.take(Instant::now())?;
        self.chat.append(room, self.person(), send, self.address).await
    }

    async fn history(&mut self, history: &History) -> Result<Page, Failure> {
        let room = self.rooms.get(&history.room).ok_or(Refusal::NotInRoom)?.id;
        let span = history.span()?;
        self.allowance.reads.take(Instant::now())?;
        self.chat.0.store.list_events(room, span, history.page_size()).await
    }

    async fn rename(&mut self, name: DisplayName) -> Result<Renamed, Failure> {
        self.allowance.joins.take(Instant::now())?;
        let you = Person { id: self.person().id, name };
        if self.kept {
            self.chat.0.store.rename_person(you.id, you.name.clone()).await?;
        }
        self.chat.spread_name(&you);
        Ok(Renamed { you })
    }
}

impl Drop for Session {
    /// The connection is over. Who can come back as the same person keeps the seats for a while.
    fn drop(&mut self) {
        if self.chat.0.closing.load(Ordering::Relaxed) {
            return;
        }
        let hold = self.kept.then_some(SEAT_HELD);
        let me = self.person().id;
        for joining in self.rooms.values() {
            self.chat.take_out(&joining.room, me, self.id, hold);
        }
        self.chat.forget_person(me);
    }
}
