//! One request costs the same whatever is stored. Costs are counted in the steps of SQLite's virtual
//! machine: each row that is read or sorted takes some, however fast the machine is.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use common::{
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    protocol::{
        command::{History, HistoryRange},
        event::EventKind,
    },
    reactions::Reaction,
    room::RoomName,
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{append, open, people, read, rooms};
use crate::store::{Action, Claim, NewEvent, NewRoom, RoomId};

/// The room with the long log.
const ROOM: RoomId = RoomId(1);
/// Somebody who has reacted to every message, after everybody else.
const LAST_TO_REACT: PersonId = PersonId(1_000_000);

/// A database in which everything is there `scale` times as often.
struct Stored {
    db: Connection,
    scale: i64,
    _folder: TempDir,
}

impl Stored {
    fn new(scale: i64) -> Stored {
        let folder = tempfile::tempdir().unwrap();
        let db = open::open(&folder.path().join("madang.sqlite")).unwrap().writer;
        db.execute_batch(&format!(
            "BEGIN;
             CREATE TEMP TABLE numbers AS
                 WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {events})
                 SELECT n FROM up;
             INSERT INTO rooms (id, name, owner, since, last_seq, last_at, activity)
                 SELECT n, 'room ' || n, 1, 0, {events}, n, n FROM numbers;
             INSERT INTO rooms (name, owner, since) SELECT 'unused ' || n, 1, n FROM numbers;
             INSERT INTO people (id, name, token_hash, since, last_seen)
                 SELECT n, 'person', unhex(format('%064x', n)), 0, n FROM numbers;
             INSERT INTO events (room, seq, at, person, name, cid, kind, body)
                 SELECT 1, n, 0, 1, 'person', 'stored-' || n, 'posted', 'text' FROM numbers;
             INSERT INTO reactions (room, message, seq, emoji, person, name)
                 SELECT 1, message.n, reaction.n, '👍', 10000 + reaction.n, 'person'
                 FROM numbers AS message, numbers AS reaction
                 WHERE (message.n <= 30 OR message.n > {events} - 30) AND reaction.n <= {reactions};
             INSERT INTO reactions (room, message, seq, emoji, person, name)
                 SELECT DISTINCT 1, message, 100000, '👍', {last}, 'last' FROM reactions;
             INSERT INTO reaction_counts SELECT room, message, emoji, count(*) FROM reactions GROUP BY 1, 2, 3;
             INSERT INTO revisions (room, message, rev) SELECT DISTINCT room, message, 1 FROM reactions;
             COMMIT;",
            events = 300 * scale,
            reactions = 60 * scale,
            last = LAST_TO_REACT.0,
        ))
        .unwrap();
        Stored { db, scale, _folder: folder }
    }

    /// Returns how many steps some work takes.
    fn steps<T>(&mut self, work: impl Fn(&Connection) -> T) -> u64 {
        // The first time, statements are prepared, for which SQLite reads the schema.
        work(&self.db);
        let steps = Arc::new(AtomicU64::new(0));
        let counter = steps.clone();
        let count = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        };
        self.db.progress_handler(1, Some(count)).unwrap();
        work(&self.db);
        self.db.progress_handler(0, None::<fn() -> bool>).unwrap();
        steps.load(Ordering::Relaxed)
    }
}

/// Checks that this work takes as many steps in a large database as in a small one.
fn check<T>(label: &str, databases: &mut [Stored; 2], work: impl Fn(&Connection) -> T) {
    let [small, large] = databases;
    let (few, many) = (small.steps(&work), large.steps(&work));
    assert!(few > 0, "{label}");
    assert!(
        many <= few + few / 10,
        "{label}: {few} steps, and {many} with {} times as much",
        large.scale / small.scale
    );
}

/// Checks this work, which writes; what it wrote is rolled back.
fn check_write<T>(label: &str, databases: &mut [Stored; 2], work: impl Fn(&Connection) -> T) {
    check(label, databases, |db| {
        db.execute_batch("SAVEPOINT work").unwrap();
        work(db);
        db.execute_batch("ROLLBACK TO work; RELEASE work").unwrap();
    });
}

fn append(db: &Connection, person: PersonId, cid: &str, action: Action) {
    let person = Person::new(person, DisplayName::for_guest(person));
    let cid = Cid::parse(cid).unwrap();
    let event = NewEvent { person, at: Timestamp(1), cid, claim: Some(Claim(1)), is_program: false, action };
    append::append_event(db, ROOM, event).unwrap();
}

#[test]
fn one_request_costs_the_same_whatever_is_stored() {
    let mut databases = [Stored::new(1), Stored::new(8)];
    let last = PersonId(LAST_TO_REACT.0);
    for (label, range) in [
        ("the newest page", HistoryRange::Before(Seq(u64::MAX))),
        ("the oldest page", HistoryRange::After(Seq(0))),
        ("a page around a message", HistoryRange::Around(Seq(30))),
    ] {
        for limit in [1, History::DEFAULT, History::MAX] {
            check(label, &mut databases, |db| read::list_events(db, ROOM, range, limit, last).unwrap());
        }
    }
    check("the author of a message", &mut databases, |db| read::get_author(db, ROOM, Seq(200)).unwrap());
    check("the list of rooms", &mut databases, |db| rooms::list_rooms(db, 100).unwrap());
    let name = RoomName::parse("room 100").unwrap();
    check("a room", &mut databases, |db| rooms::get_room(db, &name).unwrap());
    check("the limit of rooms", &mut databases, |db| rooms::check_room_limit(db, Timestamp(5)).unwrap());
    check_write("a new room", &mut databases, |db| {
        let new = NewRoom::with_defaults(PersonId(7), Timestamp(1));
        rooms::create_room(db, &RoomName::parse("new").unwrap(), new, Timestamp(1)).unwrap()
    });
    check("the unused rooms", &mut databases, |db| rooms::list_unused_rooms(db, Timestamp(300)).unwrap());
    check("a person", &mut databases, |db| people::get_person_by_token(db, [7; 32]).unwrap());
    check_write("a new person", &mut databases, |db| {
        let person = Person::new(PersonId(5_000), DisplayName::for_guest(PersonId(5_000)));
        people::insert_person(db, &person, [9; 32], Timestamp(1)).unwrap();
    });

    let (target, emoji) = (Seq(1), Emoji::parse("👍").unwrap());
    let body = Body::parse("said").unwrap();
    for (label, person, action) in [
        ("a message", 1, Action::Post { body: body.clone(), via: None, reply_to: None }),
        ("an edit", 1, Action::Edit { target, body }),
        ("a deletion", 1, Action::Delete { target: Seq(100) }),
        ("a reaction", 5_001, Action::React { target: Seq(100), emoji: emoji.clone(), on: true }),
        ("a reaction that is there", 10_001, Action::React { target, emoji: emoji.clone(), on: true }),
        ("one reaction fewer", LAST_TO_REACT.0, Action::React { target, emoji, on: false }),
        ("a topic", 1, Action::UpdateRoom { topic: None, seats: None, shared_network: None }),
    ] {
        check_write(label, &mut databases, |db| append(db, PersonId(person), "new", action.clone()));
    }
    check_write("a repeated message", &mut databases, |db| {
        let action = Action::Post { body: Body::parse("text").unwrap(), via: None, reply_to: None };
        append(db, PersonId(1), "stored-100", action);
    });
}

#[test]
fn a_page_counts_everybody_and_names_fifty_and_the_reader() {
    let Stored { db, .. } = Stored::new(2);
    let page = read::list_events(&db, ROOM, HistoryRange::After(Seq(0)), 5, LAST_TO_REACT).unwrap();
    assert_eq!(page.events.len(), 5);
    for event in page.events {
        let EventKind::Posted { state: Some(state), .. } = event.kind else { panic!("{event:?}") };
        let [Reaction { count, people, .. }] = state.reactions.as_ref() else { panic!("{state:?}") };
        assert_eq!((*count, people.len()), (121, Reaction::MAX_PEOPLE));
        let first = (1..Reaction::MAX_PEOPLE as u64).map(|number| PersonId(10_000 + number));
        let named = people.iter().map(|person| person.id);
        assert!(named.eq(first.chain([LAST_TO_REACT])));
    }
}
