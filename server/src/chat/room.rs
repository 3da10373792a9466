//! A room while somebody is in it: who, on which seats, and who may do what.
//!
//! Plain data and rules: no async, no clock (the time is passed in), nothing stored.
//! The log is the store's; here is only what is forgotten when the last one leaves.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use common::{
    event::{
        Change, Event, FreeSeat, Heartbeat, Permission, Presence, Push, Removed, RoomSummary, SomebodyTypes,
        Typing, What,
    },
    message::{Seq, Timestamp},
    person::{Person, PersonId},
    refusal::Refusal,
    room::{Limit, RoomName, Seats, Topic},
};
use tokio::time::Instant;

use crate::{
    chat::notice::{Listener, Notice},
    store::{self, RoomId},
};

/// One connection to this server, unique while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// A room somebody is in.
pub struct Room {
    pub id: RoomId,
    pub name: RoomName,
    pub seats: Option<Seats>,
    /// Set when the room was taken out of memory: whoever still holds it must ask for it anew.
    pub closed: bool,
    owner: PersonId,
    topic: Topic,
    /// The event that last changed seats or topic.
    described: Seq,
    /// The last event that is known of here.
    last: Seq,
    last_at: Option<Timestamp>,
    members: HashMap<PersonId, Member>,
    /// Who hears what is told here. Beside the members, so that telling a thousand looks nothing up.
    listeners: HashMap<ConnectionId, Arc<dyn Listener>>,
    followers: HashMap<ConnectionId, Follower>,
    /// Who wants to hear when a seat is free; there are none while one is.
    watchers: HashMap<ConnectionId, Arc<dyn Listener>>,
    /// Who was taken out by the owner and until when they stay out, the oldest first.
    removed: VecDeque<(PersonId, Instant)>,
    /// Who came and went since that was last told.
    news: Vec<Change>,
    /// Somebody has taken it upon them to tell it.
    news_due: bool,
}

/// The most changes one notice of presence tells.
const MAX_NEWS: usize = 256;

/// How many connections may wait for a seat of one room.
const MAX_WATCHERS: usize = 1_000;

/// How many people one room keeps out; with one more it forgets the oldest.
const MAX_REMOVED: usize = 1_000;

/// Who is in a room, as far as one can see at a glance.
#[derive(Clone, Debug)]
pub struct Glance {
    pub people: Vec<Person>,
    /// How many are here in all.
    pub here: usize,
}

/// Somebody with a seat, over any number of connections.
struct Member {
    person: Person,
    connections: Vec<Screen>,
    /// With no connection left: until when the seat is kept.
    held_until: Option<Instant>,
    /// Nobody looks at any of the connections, as was last told.
    away: bool,
    /// When it was last told that this person writes something.
    typed: Option<Instant>,
}

/// A member's connection, and whether somebody looks at it.
struct Screen {
    connection: ConnectionId,
    away: bool,
}

impl Member {
    fn new(person: Person) -> Member {
        Member { person, connections: Vec::new(), held_until: None, away: false, typed: None }
    }

    fn has(&self, connection: ConnectionId) -> bool {
        self.connections.iter().any(|screen| screen.connection == connection)
    }
}

/// Somebody who hears what is told here and is not here.
struct Follower {
    person: PersonId,
    listener: Arc<dyn Listener>,
}

impl Room {
    /// A stored room with nobody in it.
    pub fn new(stored: &store::Room) -> Room {
        Room {
            id: stored.id,
            name: stored.name.clone(),
            seats: stored.seats,
            topic: stored.topic.clone(),
            closed: false,
            owner: stored.owner,
            described: stored.described,
            last: stored.last,
            last_at: stored.last_at,
            members: HashMap::new(),
            listeners: HashMap::new(),
            followers: HashMap::new(),
            watchers: HashMap::new(),
            removed: VecDeque::new(),
            news: Vec::new(),
            news_due: false,
        }
    }

    /// Gives a connection a place: on the person's own seat if there is one, else on a free one.
    /// The refusals are `removed` and `room_full`.
    pub fn sit(
        &mut self,
        person: &Person,
        connection: ConnectionId,
        listener: Arc<dyn Listener>,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.free_held_seats(now);
        self.tolerate(person.id)?;
        if !self.members.contains_key(&person.id) {
            if self.is_full() {
                return Err(Refusal::RoomFull);
            }
            self.note(Change::Here(person.clone()));
        }
        self.watchers.remove(&connection);
        let member = self.members.entry(person.id).or_insert_with(|| Member::new(person.clone()));
        member.held_until = None;
        if !member.has(connection) {
            member.connections.push(Screen { connection, away: false });
            self.listeners.insert(connection, listener);
        }
        self.note_away(person.id);
        Ok(())
    }

    /// Takes a connection out. A person without connections is gone, unless the seat is held.
    pub fn rise(&mut self, person: PersonId, connection: ConnectionId, held_until: Option<Instant>) {
        self.listeners.remove(&connection);
        let Some(member) = self.members.get_mut(&person) else { return };
        member.connections.retain(|screen| screen.connection != connection);
        if !member.connections.is_empty() {
            self.note_away(person);
            return;
        }
        if held_until.is_some() {
            // A connection that was cut for lagging may rise later than its successor sat down.
            member.held_until = held_until;
        } else {
            self.remove(person);
        }
    }

    /// Whether this person may read and post here without coming in: anybody where the seats are not
    /// limited, else who has one. The refusals are `removed`, `room_full` and `not_in_room`.
    pub fn let_pass(&self, person: PersonId) -> Result<(), Refusal> {
        self.tolerate(person)?;
        match self.seats {
            Some(_) if self.members.contains_key(&person) => Ok(()),
            Some(_) if self.is_full() => Err(Refusal::RoomFull),
            Some(_) => Err(Refusal::NotInRoom),
            None => Ok(()),
        }
    }

    /// Whether this connection is in the room. The refusals are `removed` and `not_in_room`.
    pub fn has(&self, person: PersonId, connection: ConnectionId) -> Result<(), Refusal> {
        match self.members.get(&person) {
            Some(member) if member.has(connection) => Ok(()),
            _ => self.tolerate(person).and(Err(Refusal::NotInRoom)),
        }
    }

    /// Takes somebody out and keeps them out until then, whether they are here or only talk here.
    /// Whoever hears the room for them is told so, and nothing after it.
    pub fn expel(&mut self, person: PersonId, until: Instant) {
        let notice = Notice::new(Push::Removed(Removed { room: self.name.clone() }));
        let screens = self.members.get(&person).into_iter().flat_map(|member| &member.connections);
        for screen in screens {
            if let Some(listener) = self.listeners.remove(&screen.connection) {
                // One that does not keep up is cut, and is out all the same.
                let _ = listener.hear(&notice);
            }
        }
        self.followers.retain(|_, follower| follower.person != person);
        if self.members.contains_key(&person) {
            self.remove(person);
        }
        self.removed.retain(|(removed, _)| *removed != person);
        if self.removed.len() >= MAX_REMOVED {
            self.removed.pop_front();
        }
        self.removed.push_back((person, until));
    }

    /// Lets those come back who were kept out until now.
    pub fn forgive(&mut self, now: Instant) {
        self.removed.retain(|(_, until)| *until > now);
    }

    /// The refusal is `removed`, for whoever is kept out.
    fn tolerate(&self, person: PersonId) -> Result<(), Refusal> {
        let is_removed = self.removed.iter().any(|(removed, _)| *removed == person);
        if is_removed { Err(Refusal::Removed) } else { Ok(()) }
    }

    /// Lets somebody hear what is told here, for as long as [`Room::let_pass`] lets that person pass.
    /// Then the listener is dropped.
    pub fn follow(
        &mut self,
        person: PersonId,
        connection: ConnectionId,
        listener: Arc<dyn Listener>,
    ) -> Result<(), Refusal> {
        self.let_pass(person)?;
        self.followers.insert(connection, Follower { person, listener });
        Ok(())
    }

    /// Ends what [`Room::follow`] began.
    pub fn unfollow(&mut self, connection: ConnectionId) {
        self.followers.remove(&connection);
    }

    /// Takes somebody out for good.
    fn remove(&mut self, person: PersonId) {
        self.members.remove(&person);
        if self.seats.is_some() {
            self.followers.retain(|_, follower| follower.person != person);
        }
        self.note(Change::Gone(person));
    }

    /// Frees the seats that were held until now.
    pub fn free_held_seats(&mut self, now: Instant) {
        let over = |member: &Member| member.held_until.is_some_and(|until| until <= now);
        let gone: Vec<PersonId> =
            self.members.values().filter(|member| over(member)).map(|member| member.person.id).collect();
        for person in gone {
            self.remove(person);
        }
    }

    /// Whether this person's seat is kept although nobody sits on it.
    pub fn holds_seat_of(&self, person: PersonId) -> bool {
        self.members.get(&person).is_some_and(|member| member.held_until.is_some())
    }

    /// Changes a member's name, if that person is here and has another one.
    pub fn rename(&mut self, person: &Person) {
        let Some(member) = self.members.get_mut(&person.id) else { return };
        if member.person.name != person.name {
            member.person.name = person.name.clone();
            self.note(Change::Renamed(person.clone()));
        }
    }

    /// Learns whether somebody looks at a member's connection.
    pub fn set_away(&mut self, person: PersonId, connection: ConnectionId, away: bool) {
        let Some(member) = self.members.get_mut(&person) else { return };
        for screen in &mut member.connections {
            if screen.connection == connection {
                screen.away = away;
            }
        }
        self.note_away(person);
    }

    /// Notes whether a person is away, if that has changed. Of a seat that is held it is not known.
    fn note_away(&mut self, person: PersonId) {
        let Some(member) = self.members.get_mut(&person) else { return };
        let away = member.connections.iter().all(|screen| screen.away);
        if !member.connections.is_empty() && member.away != away {
            member.away = away;
            self.note(if away { Change::Away(person) } else { Change::Back(person) });
        }
    }

    /// Tells the others that somebody writes something: not every time, and not in a crowd.
    pub fn tell_typing(&mut self, person: PersonId, now: Instant) {
        const PAUSE: Duration = Duration::from_millis(Typing::PAUSE as u64);
        let is_crowd = self.members.len() > Typing::CROWD;
        let Some(member) = self.members.get_mut(&person) else { return };
        if is_crowd || member.typed.is_some_and(|typed| now < typed + PAUSE) {
            return;
        }
        member.typed = Some(now);
        let notice = Notice::new(Push::Typing(SomebodyTypes { room: self.name.clone(), person }));
        self.listeners.retain(|id, listener| member.has(*id) || listener.hear(&notice).is_ok());
    }

    /// Lets a connection know once when there is a free seat, by [`Room::tell_watchers`].
    /// The refusal is `unavailable`, when too many wait.
    pub fn watch(&mut self, connection: ConnectionId, listener: Arc<dyn Listener>) -> Result<(), Refusal> {
        if self.watchers.len() >= MAX_WATCHERS && !self.watchers.contains_key(&connection) {
            return Err(Refusal::Unavailable);
        }
        self.watchers.insert(connection, listener);
        Ok(())
    }

    /// Ends what [`Room::watch`] began.
    pub fn unwatch(&mut self, connection: ConnectionId) {
        self.watchers.remove(&connection);
    }

    pub fn is_watched_by(&self, connection: ConnectionId) -> bool {
        self.watchers.contains_key(&connection)
    }

    /// Tells all who wait for a seat that there is one, if there is.
    pub fn tell_watchers(&mut self) {
        if self.watchers.is_empty() || self.is_full() {
            return;
        }
        let notice = Notice::new(Push::Seat(FreeSeat { room: self.name.clone() }));
        for (_, listener) in self.watchers.drain() {
            // One that does not keep up is cut, and has no seat to lose.
            let _ = listener.hear(&notice);
        }
    }

    /// Tells every connection; those that do not keep up are forgotten, as they have been cut.
    pub fn tell(&mut self, notices: &[Notice]) {
        // Nobody speaks before they have come.
        if notices.iter().any(|notice| self.is_of_somebody_new(notice)) {
            self.tell_news();
        }
        for notice in notices {
            if let Push::Event(told) = &notice.push {
                self.take_in(&told.event);
            }
        }
        self.listeners.retain(|_, listener| listener.hear_all(notices).is_ok());
        self.followers.retain(|_, follower| follower.listener.hear_all(notices).is_ok());
    }

    /// Whether this is the deed of somebody whose coming is not told yet.
    fn is_of_somebody_new(&self, notice: &Notice) -> bool {
        let Push::Event(told) = &notice.push else { return false };
        let by = told.event.person.id;
        self.news.iter().any(|change| matches!(change, Change::Here(person) if person.id == by))
    }

    /// Learns what an event of the log says about the room.
    fn take_in(&mut self, event: &Event) {
        self.reaches(event.seq);
        match &event.what {
            What::Posted { .. } => self.last_at = Some(event.at),
            // The room may have been read from the log after this was written and before it is told.
            What::RoomChanged { topic, seats } if event.seq > self.described => {
                self.described = event.seq;
                self.topic = topic.clone().unwrap_or_else(|| self.topic.clone());
                self.seats = seats.map_or(self.seats, |Limit(seats)| seats);
                if self.seats.is_some() {
                    self.followers.retain(|_, follower| self.members.contains_key(&follower.person));
                }
                self.tell_watchers();
            }
            _ => {}
        }
    }

    /// Learns that the log goes at least this far.
    pub fn reaches(&mut self, seq: Seq) {
        self.last = self.last.max(seq);
    }

    /// Tells how far the log goes, so that whoever missed the last event notices.
    pub fn tell_heartbeat(&mut self) {
        let heartbeat = Heartbeat { room: self.name.clone(), last: self.last };
        self.tell(&[Notice::new(Push::Heartbeat(heartbeat))]);
    }

    /// Whether there is something to tell that nobody has promised to [tell](Room::tell_news) yet.
    /// Whoever is told so has promised it.
    pub fn promise_news(&mut self) -> bool {
        !self.news.is_empty() && !std::mem::replace(&mut self.news_due, true)
    }

    /// Tells who came, went or goes by another name since the last time. Many changes in a moment
    /// (a thousand people come back after a restart) are one notice, not one for each to each.
    pub fn tell_news(&mut self) {
        self.news_due = false;
        let changes = std::mem::take(&mut self.news);
        if changes.is_empty() || self.is_news_to_nobody(&changes) {
            return;
        }
        let presence = Presence { room: self.name.clone(), changes, here: Some(self.here()) };
        self.tell(&[Notice::new(Push::Presence(presence))]);
    }

    /// Whoever is alone here knows that they came.
    fn is_news_to_nobody(&self, changes: &[Change]) -> bool {
        matches!(changes, [Change::Here(person)] if self.members.len() == 1 && self.members.contains_key(&person.id))
    }

    fn note(&mut self, change: Change) {
        self.news.push(change);
        if self.news.len() >= MAX_NEWS {
            self.tell_news();
        }
    }

    /// How many people are here.
    pub fn here(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Who is here, in a steady order, and which of them are away: at most `limit`, and this person in
    /// any case.
    pub fn people(&self, me: PersonId, limit: usize) -> (Vec<Person>, Vec<PersonId>) {
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

    /// What the room is about, if somebody has said so.
    pub fn topic(&self) -> Option<Topic> {
        (!self.topic.is_empty()).then(|| self.topic.clone())
    }

    /// Some of those who are here, at most `limit`: not the first by name, for nobody must have to
    /// sort a thousand people to name eight.
    pub fn glance(&self, limit: usize) -> Glance {
        let some = self.members.values().take(limit).map(|member| member.person.clone());
        Glance { people: some.collect(), here: self.members.len() }
    }

    /// What a person may do here: the one table of permissions.
    pub fn permissions(&self, person: PersonId) -> Vec<Permission> {
        let anybody = [Permission::Read, Permission::Post];
        let owner = (person == self.owner).then_some(Permission::Own);
        anybody.into_iter().chain(owner).collect()
    }

    fn is_full(&self) -> bool {
        self.seats.is_some_and(|seats| self.members.len() >= usize::from(seats.get()))
    }

    /// Whether nobody is here, no seat is held, nobody listens, and nobody is kept out.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.followers.is_empty() && self.removed.is_empty()
    }

    /// This room for a list of rooms.
    pub fn summary(&self) -> RoomSummary {
        let Glance { people, .. } = self.glance(RoomSummary::FACES);
        RoomSummary {
            room: self.name.clone(),
            seats: self.seats,
            here: self.here(),
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
    use crate::chat::notice::Lagging;

    struct Deaf;

    impl Listener for Deaf {
        fn hear(&self, _: &Notice) -> Result<(), Lagging> {
            Ok(())
        }
    }

    fn person(id: u64) -> Person {
        Person { id: PersonId(id), name: DisplayName::of_guest(PersonId(id)) }
    }

    fn room_for_two() -> Room {
        Room::new(&store::Room {
            id: RoomId::for_test(1),
            name: RoomName::parse("둘이").unwrap(),
            seats: Some(Seats::TWO),
            topic: Topic::default(),
            described: Seq(0),
            owner: PersonId(1),
            last: Seq(0),
            last_at: None,
        })
    }

    fn sit(room: &mut Room, id: u64, connection: u64, now: Instant) -> Result<(), Refusal> {
        room.sit(&person(id), ConnectionId(connection), Arc::new(Deaf), now)
    }

    #[test]
    fn a_full_room_refuses_the_third_person_until_one_leaves() {
        let (mut room, now) = (room_for_two(), Instant::now());
        sit(&mut room, 1, 1, now).unwrap();
        sit(&mut room, 2, 2, now).unwrap();
        assert_eq!(sit(&mut room, 3, 3, now), Err(Refusal::RoomFull));
        room.rise(PersonId(1), ConnectionId(1), None);
        assert_eq!(sit(&mut room, 3, 3, now), Ok(()));
    }

    #[test]
    fn a_person_takes_one_seat_however_often_they_join() {
        let (mut room, now) = (room_for_two(), Instant::now());
        for connection in [1, 1, 2] {
            sit(&mut room, 1, connection, now).unwrap();
        }
        assert_eq!(room.here(), 1);
        room.rise(PersonId(1), ConnectionId(1), None);
        assert_eq!(room.here(), 1, "the other connection is still here");
    }

    #[test]
    fn of_a_crowd_some_are_named_and_oneself_is_among_them() {
        let mut room = Room { seats: None, ..room_for_two() };
        for id in 1..=20 {
            sit(&mut room, id, id, Instant::now()).unwrap();
            room.set_away(PersonId(id), ConnectionId(id), id > 10);
        }
        for id in 1..=20 {
            let (people, away) = room.people(PersonId(id), 5);
            assert!(people.len() == 5 && people.contains(&person(id)));
            assert!(away.iter().all(|away| people.iter().any(|person| person.id == *away)));
            assert_eq!(away.contains(&PersonId(id)), id > 10);
        }
        assert_eq!((room.people(PersonId(1), 50).0.len(), room.here()), (20, 20));
    }

    #[test]
    fn a_held_seat_is_kept_for_its_person_and_freed_in_time() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let later = now + Duration::from_secs(10);
        sit(&mut room, 1, 1, now).unwrap();
        sit(&mut room, 2, 2, now).unwrap();
        room.rise(PersonId(1), ConnectionId(1), Some(later));
        assert_eq!(sit(&mut room, 3, 3, now), Err(Refusal::RoomFull), "the seat waits for its person");
        assert_eq!(sit(&mut room, 1, 4, now), Ok(()), "who takes it back");
        room.rise(PersonId(1), ConnectionId(4), Some(later));
        assert_eq!(sit(&mut room, 3, 3, later), Ok(()), "and loses it when the time is over");
    }

    #[test]
    fn in_a_room_with_seats_only_those_pass_who_have_one() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let passes = |room: &Room, id| room.let_pass(PersonId(id));
        sit(&mut room, 1, 1, now).unwrap();
        assert_eq!((passes(&room, 1), passes(&room, 2)), (Ok(()), Err(Refusal::NotInRoom)));
        sit(&mut room, 2, 2, now).unwrap();
        assert_eq!((passes(&room, 2), passes(&room, 3)), (Ok(()), Err(Refusal::RoomFull)));
    }

    #[test]
    fn whoever_loses_the_seat_hears_nothing_more() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let ear = Arc::new(Deaf);
        sit(&mut room, 1, 1, now).unwrap();
        room.follow(PersonId(1), ConnectionId(2), ear.clone()).unwrap();
        assert_eq!(Arc::strong_count(&ear), 2);
        room.rise(PersonId(1), ConnectionId(1), None);
        assert_eq!(Arc::strong_count(&ear), 1, "the room has let go of it");
        assert!(room.is_empty());
    }

    #[test]
    fn whoever_is_removed_is_out_at_once_and_stays_out_for_a_time() {
        let (mut room, now) = (room_for_two(), Instant::now());
        let (later, ear) = (now + Duration::from_secs(600), Arc::new(Deaf));
        sit(&mut room, 1, 1, now).unwrap();
        sit(&mut room, 2, 2, now).unwrap();
        room.follow(PersonId(2), ConnectionId(3), ear.clone()).unwrap();
        room.expel(PersonId(2), later);
        assert_eq!((room.here(), Arc::strong_count(&ear)), (1, 1));
        assert_eq!(room.has(PersonId(2), ConnectionId(2)), Err(Refusal::Removed));
        assert_eq!(
            (sit(&mut room, 2, 4, now), room.let_pass(PersonId(2))),
            (Err(Refusal::Removed), Err(Refusal::Removed))
        );
        assert_eq!(sit(&mut room, 3, 5, now), Ok(()), "the seat is free");
        for (person, connection) in [(1, 1), (3, 5), (2, 2)] {
            room.rise(PersonId(person), ConnectionId(connection), None);
        }
        assert!(!room.is_empty(), "the room remembers it when everybody is gone");
        room.forgive(later - Duration::from_millis(1));
        assert_eq!(sit(&mut room, 2, 4, later), Err(Refusal::Removed));
        room.forgive(later);
        assert!(room.is_empty());
        assert_eq!(sit(&mut room, 2, 4, later), Ok(()));
        assert_eq!(
            room.has(PersonId(2), ConnectionId(2)),
            Err(Refusal::NotInRoom),
            "this one has not come back"
        );
    }

    #[test]
    fn whoever_only_listens_or_talks_is_removed_just_so() {
        let (mut room, now) = (Room { seats: None, ..room_for_two() }, Instant::now());
        let (later, ear) = (now + Duration::from_secs(600), Arc::new(Deaf));
        room.follow(PersonId(3), ConnectionId(3), ear.clone()).unwrap();
        room.expel(PersonId(3), later);
        assert_eq!(Arc::strong_count(&ear), 1);
        assert_eq!(room.let_pass(PersonId(3)), Err(Refusal::Removed));
        assert!(room.news.is_empty(), "nobody was seen to go");
        room.expel(PersonId(3), later + Duration::from_secs(1));
        room.forgive(later);
        assert_eq!(room.let_pass(PersonId(3)), Err(Refusal::Removed), "the last time counts");
    }

    #[test]
    fn however_many_are_removed_only_so_many_are_remembered() {
        let (mut room, now) = (room_for_two(), Instant::now());
        for id in 0..=MAX_REMOVED as u64 {
            sit(&mut room, id, id, now).unwrap();
            room.expel(PersonId(id), now + Duration::from_secs(600));
        }
        assert_eq!(room.removed.len(), MAX_REMOVED);
        assert_eq!((sit(&mut room, 0, 0, now), sit(&mut room, 1, 1, now)), (Ok(()), Err(Refusal::Removed)));
    }

    #[test]
    fn only_the_owner_owns() {
        let room = room_for_two();
        assert!(room.permissions(PersonId(1)).contains(&Permission::Own));
        assert!(!room.permissions(PersonId(2)).contains(&Permission::Own));
    }

    proptest! {
        #[test]
        fn seats_are_never_over_capacity_and_never_lost(steps in prop::collection::vec((0u8..3, 0u64..5, 0u64..8), 0..200)) {
            let (mut room, mut now) = (room_for_two(), Instant::now());
            for (what, id, connection) in steps {
                now += Duration::from_secs(1);
                match what {
                    0 => { let _ = sit(&mut room, id, connection, now); }
                    1 => room.rise(PersonId(id), ConnectionId(connection), None),
                    _ => room.rise(PersonId(id), ConnectionId(connection), Some(now + Duration::from_secs(3))),
                }
                prop_assert!(room.here() <= 2);
            }
            for id in 0..5 {
                for connection in 0..8 {
                    room.rise(PersonId(id), ConnectionId(connection), None);
                }
            }
            room.free_held_seats(now + Duration::from_secs(60));
            prop_assert!(room.is_empty());
        }
    }
}
