//! A session: one connection's place in the chat.
//!
//! A transport passes all commands of a connection to its session, in order. Dropping the session
//! leaves every room.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use common::{
    message::{Body, Cid, Seq},
    person::{DisplayName, Person, PersonId},
    protocol::{
        PROTOCOL,
        command::{Command, History, HistoryRange, Join, UpdateRoom},
        reply::{Ack, Joined, Left, Page, Renamed, Reply, Sent, Welcome},
    },
    refusal::Refusal,
    room::{RoomName, Seats},
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Chat, SEAT_GRACE,
    access::{self, Actor},
    broadcast::{ConnectionId, Subscriber},
    claim::Claimant,
    limits::{Buckets, Cost, ROOMS_PER_CONNECTION, RateKey},
    origin::Origin,
    posting::NewMessage,
    room::{MemberSample, Room, SeatWaiter},
    timestamp_now,
};
use crate::{
    address::ClientAddress,
    error::Error,
    store::{self, Action, NewRoom, RoomId},
};

/// The delay before a command is tried again that a limit of the address has refused, not of the session.
const SHARED_RETRY_DELAY: Duration = Duration::from_millis(100);

/// One connection's place in the chat.
pub struct Session {
    chat: Chat,
    id: ConnectionId,
    /// Shared by all sessions of this person, so that a rename reaches each of them.
    person: Arc<Mutex<Person>>,
    /// Whether the person has a token, and can come back under the same id.
    is_registered: bool,
    subscriber: Arc<dyn Subscriber>,
    address: ClientAddress,
    origin: Origin,
    buckets: Buckets,
    memberships: HashMap<RoomName, Membership>,
    /// Full rooms in which this connection waits for a seat, or has waited until it was notified.
    awaited_rooms: Vec<Arc<Mutex<Room>>>,
    /// Whether the client has reported that nobody looks at it.
    away: bool,
    /// The connection has ended, and only commands that it received before are handled.
    has_ended: bool,
}

/// A room this connection has joined.
#[derive(Clone)]
struct Membership {
    id: RoomId,
    room: Arc<Mutex<Room>>,
    /// The name by which the client has joined last. It may only look the same as that of the room.
    requested_name: RoomName,
}

/// A joined room, and a page of its log that was read after joining.
struct JoinResult {
    room: Arc<Mutex<Room>>,
    page: Page,
    /// The last event of the log, which may be newer than the page.
    last_seq: Seq,
}

impl Session {
    pub(super) fn new(
        chat: Chat,
        id: ConnectionId,
        person: Arc<Mutex<Person>>,
        is_registered: bool,
        subscriber: Arc<dyn Subscriber>,
        address: ClientAddress,
        origin: Origin,
    ) -> Session {
        let buckets = Buckets::new(chat.0.limits, Instant::now());
        Session {
            chat,
            id,
            person,
            is_registered,
            subscriber,
            address,
            origin,
            buckets,
            memberships: HashMap::new(),
            awaited_rooms: Vec::new(),
            away: false,
            has_ended: false,
        }
    }

    /// Frees the seats of a connection that has ended; registered people keep theirs for [`SEAT_GRACE`].
    /// Commands that it received before can still be handled: they may write into its rooms.
    pub fn end_connection(&mut self) {
        if !self.has_ended {
            self.has_ended = true;
            self.leave_rooms();
        }
    }

    fn leave_rooms(&self) {
        if self.chat.0.closing.load(Ordering::Relaxed) {
            return;
        }
        let me = self.person().id;
        for room in &self.awaited_rooms {
            room.lock().seat_waiters.remove(self.id);
        }
        for membership in self.memberships.values() {
            self.chat.leave_room(&membership.room, me, self.id, self.seat_grace());
        }
    }

    fn seat_grace(&self) -> Option<Duration> {
        self.is_registered.then_some(SEAT_GRACE)
    }

    /// Returns the person under their current name.
    pub fn person(&self) -> Person {
        self.person.lock().clone()
    }

    /// Executes a command of the full protocol.
    pub async fn handle(&mut self, command: Command) -> Result<Reply, Error> {
        match command {
            Command::Hello(_) => self.welcome().await.map(Reply::Welcome),
            Command::Join(join) => self.join(join).await.map(Reply::Joined),
            Command::Leave(leave) => self.leave(&leave.room).map(Reply::Left),
            Command::Send(send) => {
                let action = Action::Post { body: send.body, via: None, reply_to: send.reply_to };
                self.append(&send.room, send.cid, action).await.map(Reply::Sent)
            }
            Command::Edit(edit) => {
                let action = Action::Edit { target: edit.seq, body: edit.body };
                self.append(&edit.room, edit.cid, action).await.map(Reply::Sent)
            }
            Command::Delete(delete) => {
                let action = Action::Delete { target: delete.seq };
                self.append(&delete.room, delete.cid, action).await.map(Reply::Sent)
            }
            Command::React(react) => {
                let action = Action::React { target: react.seq, emoji: react.emoji, on: react.on };
                self.append(&react.room, react.cid, action).await.map(Reply::Sent)
            }
            Command::UpdateRoom(update) => {
                let UpdateRoom { room, cid, topic, seats, shared_network } = update;
                let action = Action::UpdateRoom { topic, seats, shared_network };
                self.append(&room, cid, action).await.map(Reply::Sent)
            }
            Command::Kick(kick) => self.kick(&kick.room, kick.person).map(Reply::Ack),
            Command::History(history) => self.read_history(&history).await.map(Reply::Page),
            Command::Rename(rename) => self.rename(rename.name).await.map(Reply::Renamed),
            Command::Typing(typing) => self.set_typing(&typing.room).map(Reply::Ack),
            Command::Away(away) => self.set_away(away.away).map(Reply::Ack),
            Command::WaitForSeat(wait) => self.wait_for_seat(wait.room).await.map(Reply::Ack),
        }
    }

    /// Joins a room for two and leaves every other room, as the clients of the Socket.IO tutorial expect.
    /// If the room is full, nothing changes.
    pub async fn switch_to_room_for_two(&mut self, room: RoomName) -> Result<Joined, Error> {
        let joined = self.join(Join { seats: Some(Seats::TWO), ..Join::new(room) }).await?;
        self.leave_others(&joined.room)?;
        Ok(joined)
    }

    /// Joins a room, leaves every other and returns its last events. If it fails, nothing changes.
    /// The name is that of the room, which may only look the same as the one that was asked for.
    pub async fn switch_room(&mut self, room: RoomName) -> Result<(RoomName, Page), Error> {
        let JoinResult { room, page, .. } = self.join_and_read(&Join::new(room)).await?;
        let name = room.lock().name.clone();
        self.leave_others(&name)?;
        Ok((name, page))
    }

    /// Returns some members of a room that this connection has joined.
    /// The refusals are `not_in_room` and `removed`.
    pub fn sample_members(&self, room: &RoomName, limit: usize) -> Result<MemberSample, Refusal> {
        Ok(self.membership(room)?.room.lock().sample_members(limit))
    }

    /// Takes a token for a question that is not answered from the log. The refusal is `too_fast`.
    pub fn charge(&mut self) -> Result<(), Refusal> {
        self.take(Cost::Signal)
    }

    /// How long to wait after `too_fast` before the command is tried again.
    pub fn retry_delay(&self) -> Duration {
        self.buckets.refill_delay(Instant::now()).unwrap_or(SHARED_RETRY_DELAY)
    }

    /// Posts a message in the one room this connection has joined.
    /// The refusal is `not_in_room`, also if it has joined several.
    pub async fn send(&mut self, body: Body) -> Result<Sent, Error> {
        self.send_once(Cid::from_random(rand::random()), body).await
    }

    /// Like [`Session::send`], but with the client's `cid`, so that it is safe to repeat.
    pub async fn send_once(&mut self, cid: Cid, body: Body) -> Result<Sent, Error> {
        let mut rooms = self.memberships.keys().cloned();
        let (Some(room), None) = (rooms.next(), rooms.next()) else {
            return Err(Refusal::NotInRoom.into());
        };
        let membership = self.membership(&room)?;
        self.take(Cost::Message)?;
        let message = NewMessage { cid, body, reply_to: None };
        self.chat.append_message(self.actor(&membership), message, self.address).await
    }

    /// Takes a token of this session, and of all sessions of a registered person. The refusal is `too_fast`.
    fn take(&mut self, cost: Cost) -> Result<(), Refusal> {
        let now = Instant::now();
        self.buckets.take(cost, now)?;
        if self.is_registered {
            let key = RateKey::Sessions(self.person.lock().id);
            self.chat.0.rate_limiter.take(key, cost, now)?;
        }
        Ok(())
    }

    /// Leaves all rooms without keeping the seats.
    pub fn leave_all(&mut self) {
        let me = self.person().id;
        for (_, membership) in self.memberships.drain() {
            self.chat.leave_room(&membership.room, me, self.id, None);
        }
    }

    async fn welcome(&mut self) -> Result<Welcome, Error> {
        let (you, mut token) = (self.person(), None);
        if !self.is_registered {
            self.take(Cost::Join)?;
            token = Some(self.chat.register(&you).await?.reveal().to_owned());
            self.is_registered = true;
            for membership in self.memberships.values() {
                let mut locked = membership.room.lock();
                locked.set_registered(you.id);
                self.chat.after_membership_change(&membership.room, locked);
            }
        }
        Ok(Welcome { you, token, protocol: PROTOCOL })
    }

    async fn join(&mut self, join: Join) -> Result<Joined, Error> {
        let JoinResult { room, page, last_seq } = self.join_and_read(&join).await?;
        let (me, room) = (self.person().id, room.lock());
        let (people, away) = room.list_members(me, Joined::MAX_PEOPLE);
        Ok(Joined {
            room: room.name.clone(),
            seats: room.seats,
            topic: room.topic(),
            last: last_seq,
            more: if join.since.is_some() { page.more_after } else { page.more_before },
            events: page.events,
            people,
            member_count: Some(room.member_count()),
            away,
            shared_network: room.shared_network,
            permissions: access::permissions(room.owner, me),
        })
    }

    /// Joins a room and reads its log.
    async fn join_and_read(&mut self, join: &Join) -> Result<JoinResult, Error> {
        self.take(Cost::Join)?;
        if self.joined_name(&join.room).is_none() && self.memberships.len() >= ROOMS_PER_CONNECTION {
            return Err(Refusal::TooManyRooms.into());
        }
        let me = self.person();
        let topic = join.topic.clone().unwrap_or_default();
        let new = NewRoom { seats: join.seats, topic, owner: me.id, at: timestamp_now() };
        let maker = RateKey::Person(me.id);
        let stored = self.chat.get_or_create_room(join.room.clone(), new, maker, self.address).await?;
        let stored = self.chat.claim_ownership(stored, &me, self.is_registered, self.origin).await?;
        let was_member = self.membership(&stored.name).is_ok();
        let room = self.become_member(&stored, &me, join.room.clone())?;
        // Read after joining: later events are delivered as broadcasts, so none falls between the page and
        // the first broadcast.
        let (mut page, last_seq) = match self.read_join_page(&stored, join.since).await {
            Ok(read) => read,
            Err(error) => {
                // A client whose join is refused must not hold a seat.
                if !was_member {
                    self.leave(&stored.name)?;
                }
                return Err(error);
            }
        };
        {
            let mut locked = room.lock();
            locked.advance_to(last_seq);
            locked.complete_page(&mut page);
        }
        if self.has_ended {
            // It may write into the room, but takes no seat.
            self.chat.leave_room(&room, me.id, self.id, self.seat_grace());
        }
        Ok(JoinResult { room, page, last_seq })
    }

    /// Returns the page for a join, and the number of the last event.
    async fn read_join_page(&self, stored: &store::Room, since: Option<Seq>) -> Result<(Page, Seq), Error> {
        let store = &self.chat.0.store;
        let range = since.map_or(HistoryRange::Before(Seq(u64::MAX)), HistoryRange::After);
        let page = store.list_events(stored.id, range, History::DEFAULT, self.person().id).await?;
        let last_seq = match page.events.last() {
            // `stored` was read before the join. Events that were broadcast in between come after the page,
            // and the client has to learn that they exist.
            Some(_) if page.more_after => {
                let now = store.get_room(stored.name.clone()).await?.filter(|now| now.id == stored.id);
                now.map_or(stored.last_seq, |room| room.last_seq)
            }
            Some(event) => event.seq,
            None => stored.last_seq,
        };
        Ok((page, last_seq))
    }

    /// Joins the room in memory with this connection, and records the membership.
    fn become_member(
        &mut self,
        stored: &store::Room,
        me: &Person,
        requested_name: RoomName,
    ) -> Result<Arc<Mutex<Room>>, Refusal> {
        self.chat.0.origins.record(me.id, self.origin);
        let join = |room: &mut Room| {
            room.join(me, self.is_registered, self.origin, self.id, self.subscriber.clone(), Instant::now())?;
            room.set_away(me.id, self.id, self.away);
            Ok(())
        };
        let room = self.chat.with_room(stored, join)?;
        let membership = Membership { id: stored.id, room: room.clone(), requested_name };
        self.memberships.insert(stored.name.clone(), membership);
        Ok(room)
    }

    fn leave_others(&mut self, room: &RoomName) -> Result<(), Error> {
        let others: Vec<RoomName> = self.memberships.keys().filter(|name| *name != room).cloned().collect();
        others.iter().try_for_each(|other| self.leave(other).map(|_| ()))
    }

    fn leave(&mut self, room: &RoomName) -> Result<Left, Error> {
        let name = self.joined_name(room).ok_or(Refusal::NotInRoom)?.clone();
        let membership = self.memberships.remove(&name).ok_or(Refusal::NotInRoom)?;
        self.chat.leave_room(&membership.room, self.person().id, self.id, None);
        Ok(Left {})
    }

    /// Returns the name of a joined room: this one, or that of the room which the client has joined by this one.
    fn joined_name(&self, name: &RoomName) -> Option<&RoomName> {
        let joined = self.memberships.get_key_value(name).map(|(name, _)| name);
        joined.or_else(|| {
            self.memberships.iter().find(|(_, joined)| joined.requested_name == *name).map(|(name, _)| name)
        })
    }

    /// Returns the membership of a room. The refusals are `not_in_room` and `removed`.
    fn membership(&self, room: &RoomName) -> Result<Membership, Refusal> {
        let name = self.joined_name(room).ok_or(Refusal::NotInRoom)?;
        let membership = self.memberships.get(name).ok_or(Refusal::NotInRoom)?.clone();
        if self.has_ended {
            // The room may have been unloaded since, and loaded anew.
            let loaded = self.chat.loaded_room(room).unwrap_or_else(|| membership.room.clone());
            loaded.lock().check_not_banned(self.person().id)?;
        } else {
            membership.room.lock().check_member(self.person().id, self.id)?;
        }
        Ok(membership)
    }

    /// Appends an action to the log of a room. A `cid` that older clients could not read stands there under
    /// another; the reply has the client's.
    async fn append(&mut self, room: &RoomName, cid: Cid, action: Action) -> Result<Sent, Error> {
        let membership = self.membership(room)?;
        self.take(Cost::Message)?;
        let actor = self.actor(&membership);
        let claimant = Claimant::Person(actor.person.id);
        let log_cid = match cid.is_plain() {
            true => cid.clone(),
            false => self.chat.substitute_cid(actor.room, claimant, &cid),
        };
        let claim = (!actor.is_registered).then(|| self.chat.claim(claimant));
        let sent = self.chat.append(actor, log_cid, claim, action, self.address).await?;
        Ok(Sent { cid, ..sent })
    }

    /// Bans a person from a room. The refusals are those of [`Session::membership`] and
    /// [`Actor::check_kick`], and `too_fast`.
    fn kick(&mut self, room: &RoomName, person: PersonId) -> Result<Ack, Error> {
        let membership = self.membership(room)?;
        self.take(Cost::Join)?;
        self.actor(&membership).check_kick(person)?;
        self.chat.ban(&membership.room, person);
        Ok(Ack {})
    }

    /// Returns this session's person as an actor in a room.
    fn actor(&self, membership: &Membership) -> Actor {
        Actor {
            person: self.person(),
            is_registered: self.is_registered,
            is_program: false,
            room: membership.id,
            room_owner: membership.room.lock().owner,
        }
    }

    fn set_typing(&mut self, room: &RoomName) -> Result<Ack, Error> {
        let membership = self.membership(room)?;
        let now = Instant::now();
        self.take(Cost::Signal)?;
        membership.room.lock().broadcast_typing(self.person().id, now);
        Ok(Ack {})
    }

    fn set_away(&mut self, away: bool) -> Result<Ack, Error> {
        self.take(Cost::Signal)?;
        self.away = away;
        let me = self.person().id;
        for membership in self.memberships.values() {
            let mut locked = membership.room.lock();
            locked.set_away(me, self.id, away);
            self.chat.after_membership_change(&membership.room, locked);
        }
        Ok(Ack {})
    }

    async fn wait_for_seat(&mut self, room: RoomName) -> Result<Ack, Error> {
        self.take(Cost::Join)?;
        self.awaited_rooms.retain(|room| room.lock().seat_waiters.contains(self.id));
        if self.awaited_rooms.len() >= ROOMS_PER_CONNECTION {
            return Err(Refusal::TooManyRooms.into());
        }
        let stored = self.chat.find_room(room).await?;
        let person = self.person().id;
        let wait = |room: &mut Room| {
            room.check_bans(person, self.origin)?;
            let waiter = SeatWaiter { person, origin: self.origin, subscriber: self.subscriber.clone() };
            room.seat_waiters.add(self.id, waiter)
        };
        self.awaited_rooms.push(self.chat.with_room(&stored, wait)?);
        Ok(Ack {})
    }

    async fn read_history(&mut self, history: &History) -> Result<Page, Error> {
        let Membership { id, room, .. } = self.membership(&history.room)?;
        let range = history.range()?;
        self.take(Cost::Read)?;
        self.chat.0.rate_limiter.take_from_address(self.address, Cost::Read, Instant::now())?;
        let store = &self.chat.0.store;
        let mut page = store.list_events(id, range, history.page_size(), self.person().id).await?;
        room.lock().complete_page(&mut page);
        Ok(page)
    }

    async fn rename(&mut self, name: DisplayName) -> Result<Renamed, Error> {
        self.take(Cost::Join)?;
        let you = Person::new(self.person().id, name);
        if self.is_registered {
            self.chat.0.store.rename_person(you.id, you.name.clone()).await?;
        } else {
            for membership in self.memberships.values() {
                membership.room.lock().check_owners_name(&you)?;
            }
        }
        self.chat.broadcast_rename(&you);
        Ok(Renamed { you })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_connection();
    }
}
