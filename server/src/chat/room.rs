//! A room in memory: members, seats, subscriptions, bans and presence.
//!
//! Plain data and rules: no async, no clock (callers pass the time in), no storage. The log is in the
//! store; this is only the state that is forgotten when the room is unloaded.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use common::{
    event::{
        Event, EventKind, Heartbeat, Kicked, Presence, PresenceChange, Push, RoomSummary, SeatAvailable,
        Typing, TypingUpdate,
    },
    message::{Seq, Timestamp},
    person::{Person, PersonId},
    refusal::Refusal,
    room::{RoomName, SeatLimit, Seats, Topic},
};
use tokio::time::Instant;

use crate::{
    chat::broadcast::{Broadcast, Subscriber},
    store::{self, RoomId},
};

/// The id of a connection, unique while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// A room in memory.
pub struct Room {
    pub id: RoomId,
    pub name: RoomName,
    pub seats: Option<Seats>,
    /// Set when the room was unloaded. A task that still holds it must load the room again.
    pub is_unloaded: bool,
    pub(super) owner: PersonId,
    topic: Topic,
    /// The event that last changed seats or topic.
    description_seq: Seq,
    /// The last event of the log that this room knows of.
    last_seq: Seq,
    last_at: Option<Timestamp>,
    members: HashMap<PersonId, Member>,
    /// The subscribers of all members' connections. Kept beside the members so that a broadcast to a
    /// thousand people needs no lookups.
    member_subscribers: HashMap<ConnectionId, Arc<dyn Subscriber>>,
    subscriptions: HashMap<ConnectionId, SubscriptionEntry>,
    /// Connections that wait for a free seat. Empty whenever a seat is free.
    seat_waiters: HashMap<ConnectionId, Arc<dyn Subscriber>>,
    /// Banned people and when each ban ends, the oldest first.
    bans: VecDeque<(PersonId, Instant)>,
    /// Presence changes that were not broadcast yet.
    pending_presence: Vec<PresenceChange>,
    /// Whether a flush of `pending_presence` is scheduled.
    flush_scheduled: bool,
}

/// The most presence changes in one broadcast.
const MAX_PENDING_PRESENCE: usize = 256;

/// The most connections that may wait for a seat of one room.
const MAX_SEAT_WAITERS: usize = 1_000;

/// The most bans of one room; a further one drops the oldest.
const MAX_BANS: usize = 1_000;

/// Some members of a room, and how many there are.
#[derive(Clone, Debug)]
pub struct MemberSample {
    pub people: Vec<Person>,
    /// The number of all members.
    pub member_count: usize,
}

/// A person with a seat, over any number of connections.
struct Member {
    person: Person,
    connections: Vec<MemberConnection>,
    /// Without a connection: until when the seat is kept.
    grace_until: Option<Instant>,
    /// The last broadcast state: whether all connections are away.
    away: bool,
    /// When typing was last broadcast.
    last_typing: Option<Instant>,
}

/// A connection of a member, and whether its client is away.
struct MemberConnection {
    id: ConnectionId,
    away: bool,
}

impl Member {
    fn new(person: Person) -> Member {
        Member { person, connections: Vec::new(), grace_until: None, away: false, last_typing: None }
    }

    fn has_connection(&self, connection: ConnectionId) -> bool {
        self.connections.iter().any(|entry| entry.id == connection)
    }
}

/// A subscription of a person who is not necessarily a member.
struct SubscriptionEntry {
    person: PersonId,
    subscriber: Arc<dyn Subscriber>,
}

impl Room {
    /// Creates the room in memory, without members.
    pub fn new(stored: &store::Room) -> Room {
        Room {
            id: stored.id,
            name: stored.name.clone(),
            seats: stored.seats,
            topic: stored.topic.clone(),
            is_unloaded: false,
            owner: stored.owner,
            description_seq: stored.description_seq,
            last_seq: stored.last_seq,
            last_at: stored.last_at,
            members: HashMap::new(),
            member_subscribers: HashMap::new(),
            subscriptions: HashMap::new(),
            seat_waiters: HashMap::new(),
            bans: VecDeque::new(),
            pending_presence: Vec::new(),
            flush_scheduled: false,
        }
    }

    /// Adds a connection, on the person's own seat if they have one, else on a free seat.
    /// The refusals are `removed` and `room_full`.
    pub fn join(
        &mut self,
        person: &Person,
        connection: ConnectionId,
        subscriber: Arc<dyn Subscriber>,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.expire_seat_grace(now);
        self.check_ban(person.id)?;
        if !self.members.contains_key(&person.id) {
            if self.is_full() {
                return Err(Refusal::RoomFull);
            }
            self.queue_presence(PresenceChange::Joined(person.clone()));
        }
        self.seat_waiters.remove(&connection);
        let member = self.members.entry(person.id).or_insert_with(|| Member::new(person.clone()));
        member.grace_until = None;
        if !member.has_connection(connection) {
            member.connections.push(MemberConnection { id: connection, away: false });
            self.member_subscribers.insert(connection, subscriber);
        }
        self.update_away(person.id);
        Ok(())
    }

    /// Removes a connection. Without `grace_until` the last one also frees the seat.
    pub fn leave(&mut self, person: PersonId, connection: ConnectionId, grace_until: Option<Instant>) {
        self.member_subscribers.remove(&connection);
        let Some(member) = self.members.get_mut(&person) else { return };
        member.connections.retain(|entry| entry.id != connection);
        // A connection that was closed for lagging may leave after its successor has joined.
        if !member.connections.is_empty() {
            self.update_away(person);
            return;
        }
        if grace_until.is_some() {
            member.grace_until = grace_until;
        } else {
            self.remove_member(person);
        }
    }

    /// Checks whether a person may read and post without joining. With a seat limit only members may.
    /// The refusals are `removed`, `room_full` and `not_in_room`.
    pub fn check_access(&self, person: PersonId) -> Result<(), Refusal> {
        self.check_ban(person)?;
        match self.seats {
            Some(_) if self.members.contains_key(&person) => Ok(()),
            Some(_) if self.is_full() => Err(Refusal::RoomFull),
            Some(_) => Err(Refusal::NotInRoom),
            None => Ok(()),
        }
    }

    /// Checks that this connection is in the room. The refusals are `removed` and `not_in_room`.
    pub fn check_member(&self, person: PersonId, connection: ConnectionId) -> Result<(), Refusal> {
        match self.members.get(&person) {
            Some(member) if member.has_connection(connection) => Ok(()),
            _ => self.check_ban(person).and(Err(Refusal::NotInRoom)),
        }
    }

    /// Bans a person, member or not. Their connections receive one last push that says so.
    pub fn ban(&mut self, person: PersonId, until: Instant) {
        let broadcast = Broadcast::new(Push::Kicked(Kicked { room: self.name.clone() }));
        let entries = self.members.get(&person).into_iter().flat_map(|member| &member.connections);
        for entry in entries {
            if let Some(subscriber) = self.member_subscribers.remove(&entry.id) {
                // A connection whose queue is full is closed anyway.
                let _ = subscriber.deliver(&broadcast);
            }
        }
        self.subscriptions.retain(|_, subscription| subscription.person != person);
        if self.members.contains_key(&person) {
            self.remove_member(person);
        }
        self.bans.retain(|(banned, _)| *banned != person);
        if self.bans.len() >= MAX_BANS {
            self.bans.pop_front();
        }
        self.bans.push_back((person, until));
    }

    /// Removes bans that have run out.
    pub fn expire_bans(&mut self, now: Instant) {
        self.bans.retain(|(_, until)| *until > now);
    }

    /// Refuses a banned person with `removed`.
    fn check_ban(&self, person: PersonId) -> Result<(), Refusal> {
        let is_banned = self.bans.iter().any(|(banned, _)| *banned == person);
        if is_banned { Err(Refusal::Banned) } else { Ok(()) }
    }

    /// Subscribes a connection until access ends (see [`Room::check_access`]); then `subscriber` is dropped.
    pub fn subscribe(
        &mut self,
        person: PersonId,
        connection: ConnectionId,
        subscriber: Arc<dyn Subscriber>,
    ) -> Result<(), Refusal> {
        self.check_access(person)?;
        self.subscriptions.insert(connection, SubscriptionEntry { person, subscriber });
        Ok(())
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, connection: ConnectionId) {
        self.subscriptions.remove(&connection);
    }

    /// Removes a member and frees the seat.
    fn remove_member(&mut self, person: PersonId) {
        self.members.remove(&person);
        if self.seats.is_some() {
            self.subscriptions.retain(|_, subscription| subscription.person != person);
        }
        self.queue_presence(PresenceChange::Left(person));
    }

    /// Frees seats whose grace is over.
    pub fn expire_seat_grace(&mut self, now: Instant) {
        let has_expired = |member: &Member| member.grace_until.is_some_and(|until| until <= now);
        let gone: Vec<PersonId> = self
            .members
            .values()
            .filter(|member| has_expired(member))
            .map(|member| member.person.id)
            .collect();
        for person in gone {
            self.remove_member(person);
        }
    }

    /// Whether this person's seat is kept without a connection.
    pub fn is_in_seat_grace(&self, person: PersonId) -> bool {
        self.members.get(&person).is_some_and(|member| member.grace_until.is_some())
    }

    /// Updates a member's name.
    pub fn rename(&mut self, person: &Person) {
        let Some(member) = self.members.get_mut(&person.id) else { return };
        if member.person.name != person.name {
            member.person.name = person.name.clone();
            self.queue_presence(PresenceChange::Renamed(person.clone()));
        }
    }

    /// Records whether the client of a connection is away.
    pub fn set_away(&mut self, person: PersonId, connection: ConnectionId, away: bool) {
        let Some(member) = self.members.get_mut(&person) else { return };
        for entry in &mut member.connections {
            if entry.id == connection {
                entry.away = away;
            }
        }
        self.update_away(person);
    }

    /// Queues a presence change if the away state of a person changed. A member in seat grace keeps theirs.
    fn update_away(&mut self, person: PersonId) {
        let Some(member) = self.members.get_mut(&person) else { return };
        let away = member.connections.iter().all(|entry| entry.away);
        if !member.connections.is_empty() && member.away != away {
            member.away = away;
            self.queue_presence(if away {
                PresenceChange::Away(person)
            } else {
                PresenceChange::Back(person)
            });
        }
    }

    /// Broadcasts to the others that a member is typing. Limited in rate, and off in large rooms.
    pub fn broadcast_typing(&mut self, person: PersonId, now: Instant) {
        const MIN_INTERVAL: Duration = Duration::from_millis(Typing::MIN_INTERVAL_MS as u64);
        let is_crowd = self.members.len() > Typing::MAX_MEMBERS;
        let Some(member) = self.members.get_mut(&person) else { return };
        if is_crowd || member.last_typing.is_some_and(|last_typing| now < last_typing + MIN_INTERVAL) {
            return;
        }
        member.last_typing = Some(now);
        let broadcast = Broadcast::new(Push::Typing(TypingUpdate { room: self.name.clone(), person }));
        self.member_subscribers
            .retain(|id, subscriber| member.has_connection(*id) || subscriber.deliver(&broadcast).is_ok());
    }

    /// Adds a seat waiter, which is notified once by [`Room::notify_seat_waiters`].
    /// The refusal is `unavailable` if too many wait.
    pub fn wait_for_seat(
        &mut self,
        connection: ConnectionId,
        subscriber: Arc<dyn Subscriber>,
    ) -> Result<(), Refusal> {
        if self.seat_waiters.len() >= MAX_SEAT_WAITERS && !self.seat_waiters.contains_key(&connection) {
            return Err(Refusal::Unavailable);
        }
        self.seat_waiters.insert(connection, subscriber);
        Ok(())
    }

    /// Removes a seat waiter.
    pub fn stop_waiting(&mut self, connection: ConnectionId) {
        self.seat_waiters.remove(&connection);
    }

    pub fn is_waiting(&self, connection: ConnectionId) -> bool {
        self.seat_waiters.contains_key(&connection)
    }

    /// Notifies all seat waiters if a seat is free.
    pub fn notify_seat_waiters(&mut self) {
        if self.seat_waiters.is_empty() || self.is_full() {
            return;
        }
        let broadcast = Broadcast::new(Push::SeatAvailable(SeatAvailable { room: self.name.clone() }));
        for (_, subscriber) in self.seat_waiters.drain() {
            // A connection whose queue is full is closed anyway.
            let _ = subscriber.deliver(&broadcast);
        }
    }

    /// Delivers to all members and subscriptions, and drops those that lag: their connections are closed.
    pub fn broadcast(&mut self, broadcasts: &[Broadcast]) {
        // Clients must learn of a member before they receive that member's first event.
        if broadcasts.iter().any(|broadcast| self.is_from_unannounced_member(broadcast)) {
            self.flush_presence();
        }
        for broadcast in broadcasts {
            if let Push::Event(room_event) = &broadcast.push {
                self.apply(&room_event.event);
            }
        }
        self.member_subscribers.retain(|_, subscriber| subscriber.deliver_all(broadcasts).is_ok());
        self.subscriptions.retain(|_, subscription| subscription.subscriber.deliver_all(broadcasts).is_ok());
    }

    /// Whether this is an event of a member whose join was not broadcast yet.
    fn is_from_unannounced_member(&self, broadcast: &Broadcast) -> bool {
        let Push::Event(room_event) = &broadcast.push else { return false };
        let author = room_event.event.person.id;
        self.pending_presence
            .iter()
            .any(|change| matches!(change, PresenceChange::Joined(person) if person.id == author))
    }

    /// Applies an event of the log to the room.
    fn apply(&mut self, event: &Event) {
        self.advance_to(event.seq);
        match &event.kind {
            EventKind::Posted { .. } => self.last_at = Some(event.at),
            // Skips an event that the room already contained when it was loaded: loading can fall between
            // the commit of the event and its broadcast.
            EventKind::RoomChanged { topic, seats } if event.seq > self.description_seq => {
                self.description_seq = event.seq;
                self.topic = topic.clone().unwrap_or_else(|| self.topic.clone());
                self.seats = seats.map_or(self.seats, |SeatLimit(seats)| seats);
                if self.seats.is_some() {
                    self.subscriptions
                        .retain(|_, subscription| self.members.contains_key(&subscription.person));
                }
                self.notify_seat_waiters();
            }
            _ => {}
        }
    }

    /// Records that the log goes at least this far.
    pub fn advance_to(&mut self, seq: Seq) {
        self.last_seq = self.last_seq.max(seq);
    }

    /// Broadcasts the last `Seq`, so that a client that missed the last event notices.
    pub fn broadcast_heartbeat(&mut self) {
        let heartbeat = Heartbeat { room: self.name.clone(), last: self.last_seq };
        self.broadcast(&[Broadcast::new(Push::Heartbeat(heartbeat))]);
    }

    /// Returns true once per batch of presence changes; the caller must then call
    /// [`Room::flush_presence`].
    pub fn schedule_flush(&mut self) -> bool {
        !self.pending_presence.is_empty() && !std::mem::replace(&mut self.flush_scheduled, true)
    }

    /// Broadcasts the pending presence changes as one batch. A thousand people who come back after a
    /// restart would otherwise cause a thousand broadcasts to a thousand people.
    pub fn flush_presence(&mut self) {
        self.flush_scheduled = false;
        let changes = std::mem::take(&mut self.pending_presence);
        if changes.is_empty() || self.has_no_audience(&changes) {
            return;
        }
        let presence = Presence { room: self.name.clone(), changes, member_count: Some(self.member_count()) };
        self.broadcast(&[Broadcast::new(Push::Presence(presence))]);
    }

    /// Whether the only change is the join of the only member, who knows it from the reply.
    fn has_no_audience(&self, changes: &[PresenceChange]) -> bool {
        matches!(changes, [PresenceChange::Joined(person)] if self.members.len() == 1 && self.members.contains_key(&person.id))
    }

    fn queue_presence(&mut self, change: PresenceChange) {
        self.pending_presence.push(change);
        if self.pending_presence.len() >= MAX_PENDING_PRESENCE {
            self.flush_presence();
        }
    }

    /// Returns the number of members.
    pub fn member_count(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Returns at most `limit` members in a stable order, always including `me`, and the ids of those away.
    pub fn list_members(&self, me: PersonId, limit: usize) -> (Vec<Person>, Vec<PersonId>) {
        let others = self.members.values().filter(|member| member.person.id != me);
        let named = self.members.get(&me).into_iter().chain(others).take(limit);
        let (mut people, mut away) = (Vec::new(), Vec::new());
        for member in named {
            people.push(member.person.clone());
            away.extend(member.away.then_some(member.person.id));
        }
        people.sort_by(|a, b| (a.name.as_str(), a.id).cmp(&(b.name.as_str(), b.id)));
        (people, away)
    }

    /// Returns the topic, or `None` if it is empty.
    pub fn topic(&self) -> Option<Topic> {
        (!self.topic.is_empty()).then(|| self.topic.clone())
    }

    /// Returns at most `limit` members in no particular order: sorting a thousand people to name eight would
    /// be too slow.
    pub fn sample_members(&self, limit: usize) -> MemberSample {
        let people = self.members.values().take(limit).map(|member| member.person.clone());
        MemberSample { people: people.collect(), member_count: self.members.len() }
    }

    fn is_full(&self) -> bool {
        self.seats.is_some_and(|seats| self.members.len() >= usize::from(seats.get()))
    }

    /// Whether the room can be unloaded: no members, held seats, subscriptions or bans.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.subscriptions.is_empty() && self.bans.is_empty()
    }

    /// Returns the room's entry in the room list.
    pub fn summary(&self) -> RoomSummary {
        let MemberSample { people, .. } = self.sample_members(RoomSummary::MAX_PEOPLE);
        RoomSummary {
            room: self.name.clone(),
            seats: self.seats,
            member_count: self.member_count(),
            people,
            last_at: self.last_at,
            topic: self.topic(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use common::person::DisplayName;
    use proptest::prelude::*;

    use super::*;
    use crate::chat::broadcast::Lagged;

    struct NullSubscriber;

    impl Subscriber for NullSubscriber {
        fn deliver(&self, _: &Broadcast) -> Result<(), Lagged> {
            Ok(())
        }
    }

    fn person(id: u64) -> Person {
        Person { id: PersonId(id), name: DisplayName::for_guest(PersonId(id)) }
    }

    fn room_for_two() -> Room {
        Room::new(&store::Room {
            id: RoomId::for_test(1),
            name: RoomName::parse("둘이").unwrap(),
            seats: Some(Seats::TWO),
            topic: Topic::default(),
            description_seq: Seq(0),
            owner: PersonId(1),
            last_seq: Seq(0),
            last_at: None,
        })
    }

    fn join(room: &mut Room, id: u64, connection: u64, now: Instant) -> Result<(), Refusal> {
        room.join(&person(id), ConnectionId(connection), Arc::new(NullSubscriber), now)
    }

    #[test]
    fn a_full_room_refuses_the_third_person_until_one_leaves() {
        let (mut room, now) = (room_for_two(), Instant::now());
        join(&mut room, 1, 1, now).unwrap();
        join(&mut room, 2, 2, now).unwrap();
        assert_eq!(join(&mut room, 3, 3, now), Err(Refusal::RoomFull));
        room.leave(PersonId(1), ConnectionId(1), None);
        assert_eq!(join(&mut room, 3, 3, now), Ok(()));
    }

    #[test]
    fn a_person_takes_one_seat_however_often_they_join() {
        let (mut room, now) = (room_for_two(), Instant::now());
        for connection in [1, 1, 2] {
            join(&mut room, 1, connection, now).unwrap();
        }
        assert_eq!(room.member_count(), 1);
        room.leave(PersonId(1), ConnectionId(1), None);
        assert_eq!(room.member_count(), 1, "the other connection is still here");
    }

    #[test]
    fn a_large_room_names_some_members_and_always_the_reader() {
        let mut room = Room { seats: None, ..room_for_two() };
        for id in 1..=20 {
            join(&mut room, id, id, Instant::now()).unwrap();
            room.set_away(PersonId(id), ConnectionId(id), id > 10);
        }
        for id in 1..=20 {
            let (people, away) = room.list_members(PersonId(id), 5);
            assert!(people.len() == 5 && people.contains(&person(id)));
            assert!(away.iter().all(|away| people.iter().any(|person| person.id == *away)));
            assert_eq!(away.contains(&PersonId(id)), id > 10);
        }
        assert_eq!((room.list_members(PersonId(1), 50).0.len(), room.member_count()), (20, 20));
    }

    #[test]
    fn a_seat_is_kept_during_its_grace_and_freed_afterwards() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let later = now + Duration::from_secs(10);
        join(&mut room, 1, 1, now).unwrap();
        join(&mut room, 2, 2, now).unwrap();
        room.leave(PersonId(1), ConnectionId(1), Some(later));
        assert_eq!(join(&mut room, 3, 3, now), Err(Refusal::RoomFull), "the seat is kept for its person");
        assert_eq!(join(&mut room, 1, 4, now), Ok(()), "that person takes it again");
        room.leave(PersonId(1), ConnectionId(4), Some(later));
        assert_eq!(join(&mut room, 3, 3, later), Ok(()), "the seat is free when the grace is over");
    }

    #[test]
    fn a_room_with_a_seat_limit_is_accessible_to_members_only() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let access = |room: &Room, id| room.check_access(PersonId(id));
        join(&mut room, 1, 1, now).unwrap();
        assert_eq!((access(&room, 1), access(&room, 2)), (Ok(()), Err(Refusal::NotInRoom)));
        join(&mut room, 2, 2, now).unwrap();
        assert_eq!((access(&room, 2), access(&room, 3)), (Ok(()), Err(Refusal::RoomFull)));
    }

    #[test]
    fn losing_the_seat_ends_the_subscription() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let subscriber = Arc::new(NullSubscriber);
        join(&mut room, 1, 1, now).unwrap();
        room.subscribe(PersonId(1), ConnectionId(2), subscriber.clone()).unwrap();
        assert_eq!(Arc::strong_count(&subscriber), 2);
        room.leave(PersonId(1), ConnectionId(1), None);
        assert_eq!(Arc::strong_count(&subscriber), 1, "the room has dropped it");
        assert!(room.is_empty());
    }

    #[test]
    fn a_banned_person_is_out_at_once_and_until_the_ban_ends() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let (later, subscriber) = (now + Duration::from_secs(600), Arc::new(NullSubscriber));
        join(&mut room, 1, 1, now).unwrap();
        join(&mut room, 2, 2, now).unwrap();
        room.subscribe(PersonId(2), ConnectionId(3), subscriber.clone()).unwrap();
        room.ban(PersonId(2), later);
        assert_eq!((room.member_count(), Arc::strong_count(&subscriber)), (1, 1));
        assert_eq!(room.check_member(PersonId(2), ConnectionId(2)), Err(Refusal::Banned));
        assert_eq!(
            (join(&mut room, 2, 4, now), room.check_access(PersonId(2))),
            (Err(Refusal::Banned), Err(Refusal::Banned))
        );
        assert_eq!(join(&mut room, 3, 5, now), Ok(()), "the seat is free");
        for (person, connection) in [(1, 1), (3, 5), (2, 2)] {
            room.leave(PersonId(person), ConnectionId(connection), None);
        }
        assert!(!room.is_empty(), "the ban is kept when everybody has left");
        room.expire_bans(later - Duration::from_millis(1));
        assert_eq!(join(&mut room, 2, 4, later), Err(Refusal::Banned));
        room.expire_bans(later);
        assert!(room.is_empty());
        assert_eq!(join(&mut room, 2, 4, later), Ok(()));
        assert_eq!(
            room.check_member(PersonId(2), ConnectionId(2)),
            Err(Refusal::NotInRoom),
            "this connection has not joined again"
        );
    }

    #[test]
    fn a_person_who_is_no_member_can_be_banned() {
        let (mut room, now) = (Room { seats: None, ..room_for_two() }, Instant::now());
        let (later, subscriber) = (now + Duration::from_secs(600), Arc::new(NullSubscriber));
        room.subscribe(PersonId(3), ConnectionId(3), subscriber.clone()).unwrap();
        room.ban(PersonId(3), later);
        assert_eq!(Arc::strong_count(&subscriber), 1);
        assert_eq!(room.check_access(PersonId(3)), Err(Refusal::Banned));
        assert!(room.pending_presence.is_empty(), "no member has left");
        room.ban(PersonId(3), later + Duration::from_secs(1));
        room.expire_bans(later);
        assert_eq!(room.check_access(PersonId(3)), Err(Refusal::Banned), "the later ban counts");
    }

    #[test]
    fn the_number_of_bans_is_bounded() {
        let (mut room, now) = (room_for_two(), Instant::now());
        for id in 0..=MAX_BANS as u64 {
            join(&mut room, id, id, now).unwrap();
            room.ban(PersonId(id), now + Duration::from_secs(600));
        }
        assert_eq!(room.bans.len(), MAX_BANS);
        assert_eq!((join(&mut room, 0, 0, now), join(&mut room, 1, 1, now)), (Ok(()), Err(Refusal::Banned)));
    }

    proptest! {
        #[test]
        fn the_seat_limit_is_never_exceeded_and_no_seat_is_lost(steps in prop::collection::vec((0u8..3, 0u64..5, 0u64..8), 0..200)) {
            let (mut room, mut now) = (room_for_two(), Instant::now());
            for (step, id, connection) in steps {
                now += Duration::from_secs(1);
                match step {
                    0 => { let _ = join(&mut room, id, connection, now); }
                    1 => room.leave(PersonId(id), ConnectionId(connection), None),
                    _ => room.leave(PersonId(id), ConnectionId(connection), Some(now + Duration::from_secs(3))),
                }
                prop_assert!(room.member_count() <= 2);
            }
            for id in 0..5 {
                for connection in 0..8 {
                    room.leave(PersonId(id), ConnectionId(connection), None);
                }
            }
            room.expire_seat_grace(now + Duration::from_secs(60));
            prop_assert!(room.is_empty());
        }
    }
}
