//! One person at one gateway: every command of a connection goes through its session, in the order
//! in which the connection gave them. Dropping the session leaves every room.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, atomic::Ordering},
};

use common::{
    event::{
        Command, History, Join, Joined, Left, Noted, PROTOCOL, Page, Permission, Renamed, Reply, Sent, Span,
        Welcome,
    },
    message::{Body, Cid, Seq},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{RoomName, Seats},
};
use tokio::time::Instant;

use super::{
    Chat, SEAT_HELD,
    deed::Doer,
    limits::{Allowance, ROOMS_PER_CONNECTION},
    notice::Listener,
    now,
    room::{ConnectionId, Glance, Room},
};
use crate::{
    failure::Failure,
    lock::lock,
    store::{self, Deed, NewRoom, RoomId},
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
    /// Full rooms in which this connection waits for a seat, or did until it was told.
    watched: Vec<Arc<Mutex<Room>>>,
    /// Nobody looks at this connection.
    away: bool,
}

/// A room this connection has joined.
#[derive(Clone)]
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
        Session {
            chat,
            id,
            person,
            kept,
            listener,
            address,
            allowance,
            rooms: HashMap::new(),
            watched: Vec::new(),
            away: false,
        }
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
            Command::Send(send) => {
                let deed = Deed::Post { body: send.body, via: None, reply_to: send.reply_to };
                self.add(&send.room, send.cid, deed).await.map(Reply::Sent)
            }
            Command::Edit(edit) => {
                let deed = Deed::Edit { of: edit.seq, body: edit.body };
                self.add(&edit.room, edit.cid, deed).await.map(Reply::Sent)
            }
            Command::Delete(delete) => {
                let deed = Deed::Delete { of: delete.seq };
                self.add(&delete.room, delete.cid, deed).await.map(Reply::Sent)
            }
            Command::React(react) => {
                let deed = Deed::React { to: react.seq, emoji: react.emoji, on: react.on };
                self.add(&react.room, react.cid, deed).await.map(Reply::Sent)
            }
            Command::Describe(describe) => {
                let deed = Deed::Describe { topic: describe.topic, seats: describe.seats };
                self.add(&describe.room, describe.cid, deed).await.map(Reply::Sent)
            }
            Command::Remove(remove) => self.remove(&remove.room, remove.person).map(Reply::Noted),
            Command::History(history) => self.history(&history).await.map(Reply::Page),
            Command::Rename(rename) => self.rename(rename.name).await.map(Reply::Renamed),
            Command::Typing(typing) => self.type_in(&typing.room).map(Reply::Noted),
            Command::Away(away) => self.go_away(away.away).map(Reply::Noted),
            Command::WatchSeat(watch) => self.watch_seat(watch.room).await.map(Reply::Noted),
        }
    }

    /// Sits down in a room for two and leaves every other room, as the tutorial's clients mean it.
    /// When the room is full, nothing changes.
    pub async fn move_to(&mut self, room: RoomName) -> Result<Joined, Failure> {
        let joined = self.join(Join { seats: Some(Seats::TWO), ..Join::new(room) }).await?;
        self.leave_all_but(&joined.room)?;
        Ok(joined)
    }

    /// Goes into a room and out of every other, and tells the last events there. When that fails,
    /// nothing changes.
    pub async fn walk_to(&mut self, room: RoomName) -> Result<Page, Failure> {
        let Seated { page, .. } = self.take_seat(&Join::new(room.clone())).await?;
        self.leave_all_but(&room)?;
        Ok(page)
    }

    /// Some of those who are in a room with this connection; the refusals are `not_in_room` and `removed`.
    pub fn glance(&self, room: &RoomName, limit: usize) -> Result<Glance, Refusal> {
        Ok(lock(&self.inside(room)?.room).glance(limit))
    }

    /// Takes what a question costs whose answer is not in the log; the refusal is `too_fast`.
    pub fn ask(&mut self) -> Result<(), Refusal> {
        self.allowance.signals.take(Instant::now())
    }

    /// Says something in the one room this connection is in. The refusal is `not_in_room`, also
    /// when it is in several.
    pub async fn say(&mut self, body: Body) -> Result<Sent, Failure> {
        self.say_once(Cid::from_random(rand::random()), body).await
    }

    /// The same with a `cid`, and so safe to repeat. A guest who comes back is somebody else, and
    /// recognised by the text, as over HTTP.
    pub async fn say_once(&mut self, cid: Cid, body: Body) -> Result<Sent, Failure> {
        let mut rooms = self.rooms.iter();
        let (Some((room, joining)), None) = (rooms.next(), rooms.next()) else {
            return Err(Refusal::NotInRoom.into());
        };
        let (id, room) = (joining.id, room.clone());
        let deed = Deed::Post { body: body.clone(), via: None, reply_to: None };
        match self.add(&room, cid.clone(), deed).await {
            Err(Failure::Refused(Refusal::CidTaken)) if !self.kept => self.chat.repeat(id, cid, &body).await,
            sent => sent,
        }
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
        let (people, away) = room.people(me, Joined::NAMED);
        Ok(Joined {
            room: join.room,
            seats: room.seats,
            topic: room.topic(),
            last,
            more: if join.since.is_some() { page.more_after } else { page.more_before },
            events: page.events,
            people,
            here: Some(room.here()),
            away,
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
        let topic = join.topic.clone().unwrap_or_default();
        let new = NewRoom { seats: join.seats, topic, owner: me.id, at: now() };
        let stored = self.chat.find_or_open(join.room.clone(), new, self.address).await?;
        let was_inside = self.inside(&join.room).is_ok();
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
        let page = store.list_events(stored.id, span, History::DEFAULT, self.person().id).await?;
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
        let sit = |room: &mut Room| {
            room.sit(me, self.id, self.listener.clone(), Instant::now())?;
            room.set_away(me.id, self.id, self.away);
            Ok(())
        };
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

    /// A room this connection has joined, and was not removed from since. The refusals are
    /// `not_in_room` and `removed`.
    fn inside(&self, room: &RoomName) -> Result<Joining, Refusal> {
        let joining = self.rooms.get(room).ok_or(Refusal::NotInRoom)?.clone();
        lock(&joining.room).has(self.person().id, self.id)?;
        Ok(joining)
    }

    /// Takes somebody else out of a room of one's own, who may be heard there without being in it. The
    /// refusals are those of [`Session::inside`], `not_yours`, `bad_request` for oneself, and `too_fast`.
    fn remove(&mut self, room: &RoomName, person: PersonId) -> Result<Noted, Failure> {
        let me = self.person().id;
        let Joining { room, .. } = self.inside(room)?;
        self.allowance.joins.take(Instant::now())?;
        if !lock(&room).permissions(me).contains(&Permission::Own) {
            return Err(Refusal::NotYours.into());
        }
        if person == me {
            return Err(Refusal::BadRequest.into());
        }
        self.chat.expel(&room, person);
        Ok(Noted {})
    }

    /// Does something in a room that is kept.
    async fn add(&mut self, room: &RoomName, cid: Cid, deed: Deed) -> Result<Sent, Failure> {
        let person = self.person();
        let joining = self.inside(room)?;
        self.allowance.messages.take(Instant::now())?;
        let owns_room = lock(&joining.room).permissions(person.id).contains(&Permission::Own);
        self.chat.append(Doer { room: joining.id, person, owns_room }, cid, deed, self.address).await
    }

    fn type_in(&mut self, room: &RoomName) -> Result<Noted, Failure> {
        let joining = self.inside(room)?;
        let now = Instant::now();
        self.allowance.signals.take(now)?;
        lock(&joining.room).tell_typing(self.person().id, now);
        Ok(Noted {})
    }

    fn go_away(&mut self, away: bool) -> Result<Noted, Failure> {
        self.allowance.signals.take(Instant::now())?;
        self.away = away;
        let me = self.person().id;
        for joining in self.rooms.values() {
            let mut inside = lock(&joining.room);
            inside.set_away(me, self.id, away);
            self.chat.settle(&joining.room, inside);
        }
        Ok(Noted {})
    }

    async fn watch_seat(&mut self, room: RoomName) -> Result<Noted, Failure> {
        self.allowance.joins.take(Instant::now())?;
        self.watched.retain(|room| lock(room).is_watched_by(self.id));
        if self.watched.len() >= ROOMS_PER_CONNECTION {
            return Err(Refusal::TooManyRooms.into());
        }
        let stored = self.chat.find(room).await?;
        let watch = |room: &mut Room| room.watch(self.id, self.listener.clone());
        self.watched.push(self.chat.bring_in(&stored, watch)?);
        Ok(Noted {})
    }

    async fn history(&mut self, history: &History) -> Result<Page, Failure> {
        let room = self.inside(&history.room)?.id;
        let span = history.span()?;
        self.allowance.reads.take(Instant::now())?;
        self.chat.0.store.list_events(room, span, history.page_size(), self.person().id).await
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
        for room in &self.watched {
            lock(room).unwatch(self.id);
        }
        for joining in self.rooms.values() {
            self.chat.take_out(&joining.room, me, self.id, hold);
        }
    }
}
