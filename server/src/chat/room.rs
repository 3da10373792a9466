//! A room in memory: members, seats, seat waiters, subscriptions, broadcasts and the topic.
//!
//! Plain data and rules: no async, no clock (callers pass the time in), no storage. The log is in the
//! store; this is only the state that is forgotten when the room is unloaded.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use common::{
    message::{Seq, Timestamp},
    person::{DisplayName, Mark, Person, PersonId},
    protocol::{
        command::Typing,
        event::{Event, EventKind},
        http::RoomSummary,
        push::{self, Heartbeat, Kicked, PresenceChange, Push, RoomEvent, SeatAvailable, TypingUpdate},
        reply::Page,
    },
    refusal::Refusal,
    room::{RoomName, SeatLimit, Seats, Topic},
};
use tokio::time::Instant;

use super::{
    bans::Bans,
    broadcast::{Broadcast, ConnectionId, Subscriber, Subscriptions},
    look_alikes::{self, Bearers, Looks},
    member_rooms::{MemberRoomEntry, MemberRooms},
    origin::Origin,
    presence::Presence,
};
use crate::store::{self, RoomId};

/// The most connections that may wait for a seat of one room.
const MAX_SEAT_WAITERS: usize = 1_000;

/// A room in memory.
pub struct Room {
    pub(super) id: RoomId,
    pub name: RoomName,
    pub seats: Option<Seats>,
    pub(super) owner: PersonId,
    /// The owner's name, if they are registered.
    owner_name: Option<DisplayName>,
    topic: Topic,
    /// Whether newcomers from one network may take all seats.
    pub(super) shared_network: bool,
    /// The event that last changed the topic, the seats or who may take them.
    description_seq: Seq,
    /// The last event of the log that this room knows of.
    last_seq: Seq,
    last_at: Option<Timestamp>,
    members: HashMap<PersonId, Member>,
    /// The names of the members.
    bearers: Bearers,
    member_rooms: MemberRooms,
    /// The subscribers of all members' connections. Kept beside the members so that a broadcast to a
    /// thousand people needs no lookups.
    member_subscribers: HashMap<ConnectionId, Arc<dyn Subscriber>>,
    pub(super) subscriptions: Subscriptions,
    pub(super) seat_waiters: SeatWaiters,
    pub(super) bans: Bans,
    pub(super) presence: Presence,
    /// Set when the room was unloaded. A task that still holds it must load the room again.
    pub(super) is_unloaded: bool,
    /// Set when the room was deleted: it has no members any more, and gets none.
    pub(super) is_deleted: bool,
}

/// Some members of a room, and how many there are.
#[derive(Clone, Debug)]
pub struct MemberSample {
    pub people: Vec<Person>,
    /// The number of all members.
    pub member_count: usize,
}

/// A person in the room, over any number of connections.
struct Member {
    /// With their roles and their mark.
    person: Person,
    looks: Looks,
    /// Where their last connection came from.
    origin: Origin,
    connections: Vec<ConnectionId>,
    /// Until when the seat is kept; set while the member has no connection.
    grace_until: Option<Instant>,
    _index_entry: MemberRoomEntry,
}

impl Room {
    /// Creates the room in memory, without members.
    pub(super) fn new(stored: &store::Room, member_rooms: &MemberRooms) -> Room {
        Room {
            id: stored.id,
            name: stored.name.clone(),
            seats: stored.seats,
            owner: stored.owner,
            owner_name: stored.owner_name.clone(),
            topic: stored.topic.clone(),
            shared_network: stored.shared_network,
            description_seq: stored.description_seq,
            last_seq: stored.last_seq,
            last_at: stored.last_at,
            members: HashMap::new(),
            bearers: Bearers::default(),
            member_rooms: member_rooms.clone(),
            member_subscribers: HashMap::new(),
            subscriptions: Subscriptions::default(),
            seat_waiters: SeatWaiters::default(),
            bans: Bans::default(),
            presence: Presence::default(),
            is_unloaded: false,
            is_deleted: false,
        }
    }

    /// Adds a connection, on the person's own seat if they have one, else on a free seat.
    /// The refusals are `removed`, `network_removed`, `room_full` and `too_many_newcomers`.
    pub(super) fn join(
        &mut self,
        person: &Person,
        is_registered: bool,
        origin: Origin,
        connection: ConnectionId,
        subscriber: Arc<dyn Subscriber>,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.expire_seat_grace(now);
        self.check_bans(person.id, origin)?;
        if !self.members.contains_key(&person.id) {
            if self.is_full() {
                return Err(Refusal::RoomFull);
            }
            self.check_newcomer(person.id, origin, now)?;
            if !is_registered {
                self.check_owners_name(person)?;
            }
            self.add_member(person, is_registered, origin);
        }
        self.seat_waiters.remove(connection);
        let Some(member) = self.members.get_mut(&person.id) else { return Err(Refusal::Internal) };
        (member.origin, member.grace_until) = (origin, None);
        if !member.connections.contains(&connection) {
            member.connections.push(connection);
            self.member_subscribers.insert(connection, subscriber);
        }
        self.update_away(person.id);
        Ok(())
    }

    fn add_member(&mut self, person: &Person, is_registered: bool, origin: Origin) {
        let looks = Looks::of(&person.name);
        let met = self.bearers.add(person.id, &looks);
        let mut person = person.clone();
        person.roles.guest = !is_registered;
        person.roles.owner = person.id == self.owner;
        person.mark = self.mark_of(person.id, &looks);
        self.queue_presence(PresenceChange::Joined(person.clone()));
        let (id, index_entry) = (person.id, self.member_rooms.add(person.id, self.id, self.name.clone()));
        let connections = Vec::new();
        let member =
            Member { person, looks, origin, connections, grace_until: None, _index_entry: index_entry };
        self.members.insert(id, member);
        self.update_marks(met);
    }

    fn mark_of(&self, person: PersonId, looks: &Looks) -> Option<Mark> {
        self.bearers.has_other(person, looks).then(|| Mark::from(person))
    }

    /// Announces those of these members who got a mark or need none any more.
    fn update_marks(&mut self, people: Vec<PersonId>) {
        for id in people {
            let Some(member) = self.members.get(&id) else { continue };
            let mark = self.mark_of(id, &member.looks);
            self.update_member(id, |person| person.mark = mark);
        }
    }

    /// Changes what is shown of a member, and announces it.
    fn update_member(&mut self, id: PersonId, change: impl FnOnce(&mut Person)) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let before = member.person.clone();
        change(&mut member.person);
        if member.person != before {
            let changed = member.person.clone();
            self.queue_presence(PresenceChange::Renamed(changed));
        }
    }

    /// Records that a member who was a guest has got a token.
    pub(super) fn set_registered(&mut self, person: PersonId) {
        self.update_member(person, |person| person.roles.guest = false);
    }

    /// Refuses a guest who has the owner's name or one like it with `owners_name`.
    pub(super) fn check_owners_name(&self, guest: &Person) -> Result<(), Refusal> {
        if guest.id == self.owner {
            return Ok(());
        }
        // An owner who is a guest as well could be anybody, too.
        look_alikes::check_owners_name(&guest.name, self.owner_name.as_ref())
    }

    /// Removes a connection. Without `grace_until` the last one also frees the seat.
    pub(super) fn leave(&mut self, person: PersonId, connection: ConnectionId, grace_until: Option<Instant>) {
        self.member_subscribers.remove(&connection);
        let Some(member) = self.members.get_mut(&person) else { return };
        member.connections.retain(|id| *id != connection);
        self.presence.remove_connection(connection);
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

    /// Removes everybody, because the room was deleted. All connections receive one last push that says so.
    pub(super) fn delete(&mut self) {
        self.is_deleted = true;
        let broadcast = Broadcast::new(Push::Kicked(Kicked {
            room: self.name.clone(),
            refusal: Some(Refusal::RoomDeleted),
        }));
        for (_, subscriber) in self.member_subscribers.drain() {
            // A connection whose queue is full is closed anyway.
            let _ = subscriber.deliver(&broadcast);
        }
        self.members.clear();
        self.bearers = Bearers::default();
        self.subscriptions = Subscriptions::default();
        self.bans = Bans::default();
        self.presence = Presence::default();
        // Joining makes a new room, with free seats.
        self.seat_waiters.notify(&self.name, |_| true);
    }

    /// Bans a person, member or not. Their connections receive one last push that says so.
    pub(super) fn ban(
        &mut self,
        person: PersonId,
        network: Option<IpAddr>,
        since: Instant,
        duration: Duration,
    ) {
        let broadcast = Broadcast::new(Push::Kicked(Kicked { room: self.name.clone(), refusal: None }));
        let connections = self.members.get(&person).into_iter().flat_map(|member| &member.connections);
        for connection in connections {
            if let Some(subscriber) = self.member_subscribers.remove(connection) {
                // A connection whose queue is full is closed anyway.
                let _ = subscriber.deliver(&broadcast);
            }
        }
        self.subscriptions.remove_person(person);
        self.seat_waiters.remove_person(person);
        self.remove_member(person);
        self.bans.add(person, network, since, duration);
    }

    /// Removes a member and frees the seat. Does nothing for anybody else.
    fn remove_member(&mut self, person: PersonId) {
        let Some(member) = self.members.remove(&person) else { return };
        self.presence.remove_member(person, &member.connections);
        let left_alone = self.bearers.remove(person, &member.looks);
        if self.seats.is_some() {
            self.subscriptions.remove_person(person);
        }
        self.queue_presence(PresenceChange::Left(person));
        self.update_marks(left_alone);
    }

    /// Frees seats whose grace is over.
    pub(super) fn expire_seat_grace(&mut self, now: Instant) {
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
    pub(super) fn is_in_seat_grace(&self, person: PersonId) -> bool {
        self.members.get(&person).is_some_and(|member| member.grace_until.is_some())
    }

    /// Updates a member's name.
    pub(super) fn rename(&mut self, person: &Person) {
        if person.id == self.owner && self.owner_name.is_some() {
            self.owner_name = Some(person.name.clone());
        }
        let Some(member) = self.members.get_mut(&person.id) else { return };
        let looks = Looks::of(&person.name);
        let before = std::mem::replace(&mut member.looks, looks.clone());
        let mut others = self.bearers.remove(person.id, &before);
        others.extend(self.bearers.add(person.id, &looks));
        let mark = self.mark_of(person.id, &looks);
        self.update_member(person.id, |member| {
            member.name = person.name.clone();
            member.mark = mark;
        });
        self.update_marks(others);
    }

    /// Records whether the client of a connection is away.
    pub(super) fn set_away(&mut self, person: PersonId, connection: ConnectionId, away: bool) {
        if self.has_joined(person, connection) {
            self.presence.set_away(connection, away);
            self.update_away(person);
        }
    }

    fn update_away(&mut self, person: PersonId) {
        let Some(member) = self.members.get(&person) else { return };
        if let Some(change) = self.presence.update_away(person, &member.connections) {
            self.queue_presence(change);
        }
    }

    /// Broadcasts to the others that a member is typing. Limited in rate, and off in large rooms.
    pub(super) fn broadcast_typing(&mut self, person: PersonId, now: Instant) {
        let is_crowd = self.members.len() > Typing::MAX_MEMBERS;
        let Some(member) = self.members.get(&person) else { return };
        if is_crowd || !self.presence.throttle_typing(person, now) {
            return;
        }
        let broadcast = Broadcast::new(Push::Typing(TypingUpdate { room: self.name.clone(), person }));
        self.member_subscribers.retain(|id, subscriber| {
            member.connections.contains(id) || subscriber.deliver(&broadcast).is_ok()
        });
    }

    /// Notifies the seat waiters if a seat is free that they may take.
    pub(super) fn notify_seat_waiters(&mut self) {
        if self.is_full() || self.seat_waiters.is_empty() {
            return;
        }
        let (mut waiters, now) = (std::mem::take(&mut self.seat_waiters), Instant::now());
        waiters.notify(&self.name, |waiter| self.check_newcomer(waiter.person, waiter.origin, now).is_ok());
        self.seat_waiters = waiters;
    }

    /// Broadcasts events, with the roles and the mark that their authors have now.
    pub(super) fn broadcast_events(&mut self, mut events: Vec<RoomEvent>) {
        for RoomEvent { event, .. } in &mut events {
            event.person.roles.owner = event.person.id == self.owner;
            event.person.mark =
                self.members.get(&event.person.id).and_then(|member| member.person.mark.clone());
        }
        let broadcasts: Vec<Broadcast> =
            events.into_iter().map(|event| Broadcast::new(Push::Event(event))).collect();
        self.broadcast(&broadcasts);
    }

    /// Adds to a page of the log who owns the room, and the marks.
    pub(super) fn complete_page(&self, page: &mut Page) {
        for event in &mut page.events {
            event.person.roles.owner = event.person.id == self.owner;
        }
        look_alikes::mark_page(page, &self.bearers);
    }

    /// Delivers to all members and subscriptions, and drops those that lag: their connections are closed.
    fn broadcast(&mut self, broadcasts: &[Broadcast]) {
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
        self.subscriptions.broadcast(broadcasts);
    }

    /// Whether this is an event of a member whose join was not broadcast yet.
    fn is_from_unannounced_member(&self, broadcast: &Broadcast) -> bool {
        match &broadcast.push {
            Push::Event(room_event) => self.presence.has_pending_join(room_event.event.person.id),
            _ => false,
        }
    }

    /// Applies an event of the log to the room.
    fn apply(&mut self, event: &Event) {
        self.advance_to(event.seq);
        match &event.kind {
            EventKind::Posted { .. } => self.last_at = Some(event.at),
            // Skips an event that the room already contained when it was loaded: loading can fall between
            // the commit of the event and its broadcast.
            EventKind::RoomChanged { topic, seats, shared_network } if event.seq > self.description_seq => {
                let topic = topic.clone().unwrap_or_else(|| self.topic.clone());
                let seats = seats.map_or(self.seats, |SeatLimit(seats)| seats);
                let shared_network = shared_network.unwrap_or(self.shared_network);
                self.set_description(event.seq, topic, seats, shared_network);
            }
            _ => {}
        }
    }

    /// Applies the changes that are stored but not broadcast to this room yet.
    pub(super) fn catch_up(&mut self, stored: &store::Room) {
        // A change is acknowledged before its broadcast, and the next command of its author, or of anybody
        // else, must already see it.
        if stored.last_seq > self.last_seq {
            self.last_at = stored.last_at;
            self.advance_to(stored.last_seq);
        }
        // The owner changes once at most, to somebody registered.
        if stored.owner_name.is_some() {
            (self.owner, self.owner_name) = (stored.owner, stored.owner_name.clone());
            self.update_member(stored.owner, |owner| owner.roles.owner = true);
        }
        if stored.description_seq > self.description_seq {
            let topic = stored.topic.clone();
            self.set_description(stored.description_seq, topic, stored.seats, stored.shared_network);
        }
    }

    fn set_description(&mut self, seq: Seq, topic: Topic, seats: Option<Seats>, shared_network: bool) {
        self.description_seq = seq;
        self.shared_network = shared_network;
        self.topic = topic;
        self.seats = seats;
        if seats.is_some() {
            self.subscriptions.retain(|person| self.members.contains_key(&person));
        }
        self.notify_seat_waiters();
    }

    /// Records that the log goes at least this far.
    pub(super) fn advance_to(&mut self, seq: Seq) {
        self.last_seq = self.last_seq.max(seq);
    }

    /// Broadcasts the last `Seq`, so that a client that missed the last event notices.
    pub(super) fn broadcast_heartbeat(&mut self) {
        let heartbeat = Heartbeat { room: self.name.clone(), last: self.last_seq };
        self.broadcast(&[Broadcast::new(Push::Heartbeat(heartbeat))]);
    }

    /// Broadcasts the pending presence changes as one batch.
    pub(super) fn flush_presence(&mut self) {
        let changes = self.presence.take_batch();
        if changes.is_empty() || self.has_no_audience(&changes) {
            return;
        }
        let member_count = Some(self.member_count());
        let presence = push::Presence { room: self.name.clone(), changes, member_count };
        self.broadcast(&[Broadcast::new(Push::Presence(presence))]);
    }

    /// Whether the only change is the join of the only member, who knows it from the reply.
    fn has_no_audience(&self, changes: &[PresenceChange]) -> bool {
        let [PresenceChange::Joined(person)] = changes else { return false };
        self.members.len() == 1 && self.has_member(person.id)
    }

    fn queue_presence(&mut self, change: PresenceChange) {
        if self.presence.queue(change) {
            self.flush_presence();
        }
    }

    /// Returns the number of members.
    pub(super) fn member_count(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Returns at most `limit` members in a stable order, always including `me`, and the ids of those away.
    pub(super) fn list_members(&self, me: PersonId, limit: usize) -> (Vec<Person>, Vec<PersonId>) {
        let others = self.members.values().filter(|member| member.person.id != me);
        let named = self.members.get(&me).into_iter().chain(others).take(limit);
        let (mut people, mut away) = (Vec::new(), Vec::new());
        for member in named {
            people.push(member.person.clone());
            away.extend(self.presence.is_away(member.person.id).then_some(member.person.id));
        }
        people.sort_by(|a, b| (a.name.as_str(), a.id).cmp(&(b.name.as_str(), b.id)));
        (people, away)
    }

    /// Returns the topic, or `None` if it is empty.
    pub(super) fn topic(&self) -> Option<Topic> {
        (!self.topic.is_empty()).then(|| self.topic.clone())
    }

    /// Returns at most `limit` members in no particular order: sorting a thousand people to name eight would
    /// be too slow.
    pub(super) fn sample_members(&self, limit: usize) -> MemberSample {
        let people = self.members.values().take(limit).map(|member| member.person.clone());
        MemberSample { people: people.collect(), member_count: self.members.len() }
    }

    /// Returns where a member comes from.
    pub(super) fn origin_of(&self, person: PersonId) -> Option<Origin> {
        self.members.get(&person).map(|member| member.origin)
    }

    /// Returns where the members come from.
    pub(super) fn origins(&self) -> impl Iterator<Item = Origin> {
        self.members.values().map(|member| member.origin)
    }

    /// Whether this person is a member, also during seat grace.
    pub(super) fn has_member(&self, person: PersonId) -> bool {
        self.members.contains_key(&person)
    }

    /// Whether this connection of a person has joined.
    pub(super) fn has_joined(&self, person: PersonId, connection: ConnectionId) -> bool {
        self.members.get(&person).is_some_and(|member| member.connections.contains(&connection))
    }

    pub(super) fn is_full(&self) -> bool {
        self.seats.is_some_and(|seats| self.members.len() >= usize::from(seats.get()))
    }

    /// Whether the room can be unloaded: no members, held seats, subscriptions or bans.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.subscriptions.is_empty() && self.bans.is_empty()
    }

    /// Returns the room's entry in the room list.
    pub(super) fn summary(&self) -> RoomSummary {
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

/// The connections that wait for a free seat.
#[derive(Default)]
pub(super) struct SeatWaiters(HashMap<ConnectionId, SeatWaiter>);

pub(super) struct SeatWaiter {
    pub(super) person: PersonId,
    pub(super) origin: Origin,
    pub(super) subscriber: Arc<dyn Subscriber>,
}

impl SeatWaiters {
    /// Adds a connection, which is notified once. The refusal is `unavailable` if too many wait.
    pub(super) fn add(&mut self, connection: ConnectionId, waiter: SeatWaiter) -> Result<(), Refusal> {
        if self.0.len() >= MAX_SEAT_WAITERS && !self.contains(connection) {
            return Err(Refusal::Unavailable);
        }
        self.0.insert(connection, waiter);
        Ok(())
    }

    pub(super) fn contains(&self, connection: ConnectionId) -> bool {
        self.0.contains_key(&connection)
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.0.remove(&connection);
    }

    /// Removes the connections of somebody who was banned and must not be told.
    fn remove_person(&mut self, person: PersonId) {
        self.0.retain(|_, waiter| waiter.person != person);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notifies those for whom `may_enter` is true; the others go on waiting.
    fn notify(&mut self, room: &RoomName, may_enter: impl Fn(&SeatWaiter) -> bool) {
        let broadcast = Broadcast::new(Push::SeatAvailable(SeatAvailable { room: room.clone() }));
        for (_, waiter) in self.0.extract_if(|_, waiter| may_enter(waiter)) {
            // A connection whose queue is full is closed anyway.
            let _ = waiter.subscriber.deliver(&broadcast);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::chat::test_support::{
        NullSubscriber, join, room_for_two, room_without_seat_limit, stored_room,
    };

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
        let mut room = room_without_seat_limit();
        for id in 1..=20 {
            join(&mut room, id, id, Instant::now()).unwrap();
            room.set_away(PersonId(id), ConnectionId(id), id > 10);
        }
        for id in 1..=20 {
            let (people, away) = room.list_members(PersonId(id), 5);
            assert!(people.len() == 5 && people.iter().any(|person| person.id == PersonId(id)));
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
    fn a_member_who_left_while_away_is_not_away_after_joining_again() {
        let (mut room, now) = (room_without_seat_limit(), Instant::now());
        join(&mut room, 1, 1, now).unwrap();
        room.set_away(PersonId(1), ConnectionId(1), true);
        room.leave(PersonId(1), ConnectionId(1), None);
        room.set_away(PersonId(1), ConnectionId(1), true);
        join(&mut room, 1, 1, now).unwrap();
        assert!(room.list_members(PersonId(1), 5).1.is_empty());
    }

    #[test]
    fn losing_the_seat_ends_the_subscription() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let subscriber = Arc::new(NullSubscriber);
        join(&mut room, 1, 1, now).unwrap();
        room.subscribe(PersonId(1), Origin::exempt(), ConnectionId(2), subscriber.clone()).unwrap();
        assert_eq!(Arc::strong_count(&subscriber), 2);
        room.leave(PersonId(1), ConnectionId(1), None);
        assert_eq!(Arc::strong_count(&subscriber), 1, "the room has dropped it");
        assert!(room.is_empty());
    }

    #[test]
    fn a_change_that_is_stored_and_not_broadcast_yet_is_seen_by_the_next_join() {
        let mut room = room_for_two();
        let topic = Topic::parse("3-2반").unwrap();
        let stored = store::Room {
            topic: topic.clone(),
            seats: None,
            description_seq: Seq(4),
            last_seq: Seq(5),
            ..stored_room()
        };
        room.catch_up(&stored);
        assert_eq!((room.topic(), room.seats, room.last_seq), (Some(topic.clone()), None, Seq(5)));
        room.catch_up(&stored_room());
        assert_eq!((room.topic(), room.last_seq), (Some(topic), Seq(5)), "an older reading changes nothing");
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
