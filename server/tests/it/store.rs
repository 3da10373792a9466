//! The store's promises, for every store there is: each is one function over `&dyn Store`.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    message::{Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    protocol::{
        command::HistoryRange,
        event::{EventKind, Via},
        push::RoomEvent,
    },
    reactions::Reaction,
    refusal::Refusal,
};
use madang::{
    error::Error,
    health::Health,
    store::{self, Action, Claim, DatabaseUrl, MAX_PAGE_BYTES, NewEvent, NewRoom, Room, Store},
};

use crate::harness::{TIMEOUT, body, room};

type Committed = Arc<Mutex<Vec<RoomEvent>>>;

async fn sqlite(folder: &Path) -> (Arc<dyn Store>, Committed) {
    let committed = Committed::default();
    let listener = committed.clone();
    let url = DatabaseUrl::Sqlite(folder.join("madang.sqlite"));
    let store = store::open(
        &url,
        None,
        &Health::default(),
        Box::new(move |event| listener.lock().unwrap().push(event)),
    )
    .await
    .unwrap();
    (store, committed)
}

fn person(id: u64) -> Person {
    Person::new(PersonId(id), DisplayName::for_guest(PersonId(id)))
}

async fn open_room(store: &dyn Store, name: &str) -> Room {
    let new = NewRoom::with_defaults(PersonId(u64::MAX), Timestamp(1));
    store.get_or_create_room(room(name), new).await.unwrap()
}

/// A message of the person with this id.
pub(crate) fn new_post(by: u64, cid: &str, text: &str) -> NewEvent {
    let action = Action::Post { body: body(text), via: None, reply_to: None };
    new_event(by, cid, action)
}

fn new_event(by: u64, cid: &str, action: Action) -> NewEvent {
    NewEvent {
        person: person(by),
        at: Timestamp(7),
        cid: Cid::parse(cid).unwrap(),
        claim: None,
        is_program: false,
        action,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_numbers_events_without_a_gap_and_reports_each_once_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (store, committed) = sqlite(folder.path()).await;
    numbers_events_without_a_gap_and_reports_each_once_in_order(&store, &committed).await;
}

async fn numbers_events_without_a_gap_and_reports_each_once_in_order(
    store: &Arc<dyn Store>,
    committed: &Committed,
) {
    let mut appending = Vec::new();
    for (number, name) in ["가", "나", "다"].into_iter().enumerate() {
        let id = open_room(store.as_ref(), name).await.id;
        for writer in 0..100_u64 {
            let store = store.clone();
            let event = new_post(writer, &format!("{number}-{}", writer % 90), "x");
            appending.push(tokio::spawn(async move { store.append_event(id, event).await }));
        }
    }
    for append in appending {
        match append.await.unwrap() {
            Ok(_) | Err(Error::Refused(Refusal::CidTaken)) => {}
            Err(failure) => panic!("{failure:?}"),
        }
    }
    for name in ["가", "나", "다"] {
        let committed = committed.lock().unwrap();
        let seqs: Vec<u64> = committed
            .iter()
            .filter(|pushed| pushed.room == room(name))
            .map(|pushed| pushed.event.seq.0)
            .collect();
        assert_eq!(seqs, (1..=90).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_returns_the_first_event_for_a_repeated_cid() {
    let folder = tempfile::tempdir().unwrap();
    let (store, committed) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    let first = store.append_event(id, new_post(1, "a", "first")).await.unwrap();
    assert_eq!(store.append_event(id, new_post(1, "a", "changed")).await.unwrap(), first);
    let stranger = store.append_event(id, new_post(2, "a", "stranger")).await;
    assert!(matches!(stranger, Err(Error::Refused(Refusal::CidTaken))));
    assert_eq!(committed.lock().unwrap().len(), 1);
    let other = open_room(store.as_ref(), "other").await.id;
    assert_eq!(store.append_event(other, new_post(2, "a", "elsewhere")).await.unwrap().seq, Seq(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_recognises_a_guests_repetition_by_the_claim() {
    let folder = tempfile::tempdir().unwrap();
    let (store, committed) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    store.append_event(id, new_post(1, "a", "first")).await.unwrap();
    let guest = |by, cid, claim| NewEvent { claim: Some(Claim(claim)), ..new_post(by, cid, "guest") };
    let sent = store.append_event(id, guest(7, "g", 70)).await.unwrap();
    assert_eq!(store.append_event(id, guest(8, "g", 70)).await.unwrap(), sent, "under another id");
    assert!(store.append_event(id, guest(8, "g", 80)).await.is_err(), "another guest");
    assert!(store.append_event(id, guest(8, "a", 70)).await.is_err(), "the person's");
    assert_eq!(committed.lock().unwrap().len(), 2);
    // One that is older than claims.
    let old = store.append_event(id, new_post(9, "old", "guest")).await.unwrap();
    assert_eq!(store.append_event(id, guest(8, "old", 70)).await.unwrap(), old, "by its text");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_stores_the_sender_address_of_a_datagram() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    let from = Some(Via::Udp("192.0.2.7".to_owned()));
    for (cid, from) in [("a", from.clone()), ("b", None)] {
        let action = Action::Post { body: body("text"), via: from, reply_to: None };
        store.append_event(id, new_event(1, cid, action)).await.unwrap();
    }
    let page = store.list_events(id, HistoryRange::After(Seq(0)), 10, PersonId(1)).await.unwrap();
    let kept: Vec<_> = page
        .events
        .into_iter()
        .map(|event| match event.kind {
            EventKind::Posted { via, .. } => via,
            other => panic!("{other:?} is no message"),
        })
        .collect();
    assert_eq!(kept, [from, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_erases_deleted_text_from_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    // The last text does not fit into one page of the database.
    for (number, times) in [1, 500, 1_300].into_iter().enumerate() {
        let text = "비밀 ".repeat(times);
        let target = store.append_event(id, new_post(1, &format!("post-{number}"), &text)).await.unwrap().seq;
        let what = match number {
            0 => Action::Edit { target, body: body("other words") },
            _ => Action::Delete { target },
        };
        store.append_event(id, new_event(1, &format!("undo-{number}"), what)).await.unwrap();
    }
    let is_on_disk = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()));
        files.into_iter().any(|bytes| bytes.unwrap().windows(6).any(|part| part == "비밀".as_bytes()))
    };
    assert!(is_on_disk(), "it was written down somewhere");
    tokio::time::timeout(TIMEOUT, async {
        while is_on_disk() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("it goes");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_pages_are_bounded_in_events_and_in_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    let long = "x".repeat(3_999);
    for number in 0..100 {
        store.append_event(id, new_post(1, &number.to_string(), &long)).await.unwrap();
    }
    let page = store.list_events(id, HistoryRange::After(Seq(0)), 100, PersonId(1)).await.unwrap();
    assert_eq!((page.events.len(), page.more_after), (MAX_PAGE_BYTES / long.len(), true));
    let page = store.list_events(id, HistoryRange::Before(Seq(u64::MAX)), 3, PersonId(1)).await.unwrap();
    let seqs: Vec<u64> = page.events.iter().map(|event| event.seq.0).collect();
    assert_eq!((seqs, page.more_before, page.more_after), (vec![98, 99, 100], true, false));
    let page = store.list_events(id, HistoryRange::Around(Seq(1)), 4, PersonId(1)).await.unwrap();
    assert_eq!((page.events[0].seq, page.more_before), (Seq(1), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_bounds_reactions_and_always_names_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    store.append_event(id, new_post(1, "a", "x")).await.unwrap();
    let emoji = |number: u32| Emoji::parse(&char::from_u32(0x1F600 + number).unwrap().to_string()).unwrap();
    let react = |person_id: u64, number: u32| {
        let action = Action::React { target: Seq(1), emoji: emoji(number), on: true };
        store.append_event(id, new_event(person_id, &format!("{person_id}-{number}"), action))
    };
    for number in 0..Reaction::MAX_EMOJI as u32 {
        react(1, number).await.unwrap();
    }
    let one_more = react(2, Reaction::MAX_EMOJI as u32).await;
    assert!(matches!(one_more, Err(Error::Refused(Refusal::TooManyReactions))));
    for person_id in 2..=(Reaction::MAX_TOTAL - Reaction::MAX_EMOJI + 1) as u64 {
        react(person_id, 0).await.unwrap();
    }
    assert!(matches!(react(5_000, 0).await, Err(Error::Refused(Refusal::TooManyReactions))));
    let page = store.list_events(id, HistoryRange::After(Seq(0)), 1, PersonId(900)).await.unwrap();
    let EventKind::Posted { state: Some(now), .. } = &page.events[0].kind else { panic!("{page:?}") };
    assert_eq!(now.reactions.len(), Reaction::MAX_EMOJI);
    let Reaction { count, people, .. } = &now.reactions[0];
    assert_eq!(
        (*count as usize, people.len()),
        (Reaction::MAX_TOTAL - Reaction::MAX_EMOJI + 1, Reaction::MAX_PEOPLE)
    );
    assert!(people.contains(&person(900)) && people.contains(&person(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_counts_reactions_in_the_order_of_the_first_through_all_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    store.append_event(id, new_post(1, "a", "x")).await.unwrap();
    let change = async |action| {
        let cid = format!("{:x}", rand::random::<u64>());
        store.append_event(id, new_event(1, &cid, action)).await.unwrap();
    };
    let react = async |person_id: u64, emoji: &str, on: bool| {
        let action = Action::React { target: Seq(1), emoji: Emoji::parse(emoji).unwrap(), on };
        let cid = format!("{:x}", rand::random::<u64>());
        store.append_event(id, new_event(person_id, &cid, action)).await.unwrap();
    };
    let counts = async || {
        let page = store.list_events(id, HistoryRange::After(Seq(0)), 1, PersonId(1)).await.unwrap();
        match &page.events[0].kind {
            EventKind::Posted { state: Some(now), .. } => {
                let shown = |reaction: &Reaction| (reaction.emoji.as_str().to_owned(), reaction.count);
                now.reactions.iter().map(shown).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        }
    };
    let expect = |shown: &[(&str, u32)]| {
        shown.iter().map(|(emoji, count)| ((*emoji).to_owned(), *count)).collect::<Vec<_>>()
    };
    for person_id in 1..=3 {
        react(person_id, "🎉", true).await;
        react(person_id, "👍", true).await;
        react(person_id, "👍", true).await;
    }
    assert_eq!(counts().await, expect(&[("🎉", 3), ("👍", 3)]));
    react(1, "🎉", false).await;
    react(1, "🎉", false).await;
    assert_eq!(counts().await, expect(&[("👍", 3), ("🎉", 2)]), "the first party is gone");
    for person_id in [2, 3] {
        react(person_id, "🎉", false).await;
    }
    assert_eq!(counts().await, expect(&[("👍", 3)]));
    react(3, "🎉", true).await;
    assert_eq!(counts().await, expect(&[("👍", 3), ("🎉", 1)]));
    change(Action::Delete { target: Seq(1) }).await;
    assert_eq!(counts().await, expect(&[]));
}

/// 200 messages with fifty named people under each would exceed a connection's queue.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_pages_are_bounded_including_reactions() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    for number in 1..=60u64 {
        store.append_event(id, new_post(1, &number.to_string(), "x")).await.unwrap();
    }
    let mut reacting = Vec::new();
    for message in 1..=60u64 {
        for person_id in 1..=Reaction::MAX_PEOPLE as u64 {
            let action =
                Action::React { target: Seq(message), emoji: Emoji::parse("👍").unwrap(), on: true };
            let (store, event) =
                (store.clone(), new_event(person_id, &format!("{message}-{person_id}"), action));
            reacting.push(tokio::spawn(async move { store.append_event(id, event).await.unwrap() }));
        }
        for reaction in reacting.drain(..) {
            reaction.await.unwrap();
        }
    }
    let mut seen = 0;
    while seen < 60 {
        let page = store.list_events(id, HistoryRange::After(Seq(seen)), 60, PersonId(1)).await.unwrap();
        assert!(serde_json::to_string(&page).unwrap().len() < 3 * MAX_PAGE_BYTES);
        assert!(page.more_after && !page.events.is_empty());
        seen = page.events.last().unwrap().seq.0;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_migrates_a_database_of_the_version_before() {
    let folder = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(folder.path().join("madang.sqlite")).unwrap();
    for script in [
        include_str!("../../migrations/sqlite/0001_rooms_events_people.sql"),
        include_str!("../../migrations/sqlite/0002_events_by_udp.sql"),
        "INSERT INTO rooms (id, name, owner, since, last_seq, last_at) VALUES (1, 'r', 1, 1, 1, 1);
         INSERT INTO events VALUES (1, 1, 1, 1, 'n', 'a', 'said before', NULL);
         INSERT INTO people VALUES (1, 'n', unhex(replace(hex(zeroblob(32)), '00', '01')), 1),
                                   (2, 'm', unhex(replace(hex(zeroblob(32)), '00', '02')), 1);
         PRAGMA user_version = 2;",
    ] {
        old.execute_batch(script).unwrap();
    }
    drop(old);
    let (store, _) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    let edit = Action::Edit { target: Seq(1), body: body("said better") };
    assert_eq!(store.append_event(id, new_event(1, "b", edit)).await.unwrap().seq, Seq(2));
    let page = store.list_events(id, HistoryRange::After(Seq(0)), 9, PersonId(1)).await.unwrap();
    assert_eq!(page.events[0].kind.body(), Some(&body("said better")));
    let known = |token| store.get_person_by_token([token; 32]);
    store.expire_people(Timestamp(i64::MAX)).await.unwrap();
    assert!(known(1).await.unwrap().is_some(), "whoever wrote before stays");
    assert!(known(2).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_stores_people_by_the_hash_of_their_token() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let registered = person(u64::MAX - 5);
    store.insert_person(registered.clone(), [7; 32], Timestamp(1)).await.unwrap();
    let found = store.get_person_by_token([7; 32]).await.unwrap().unwrap();
    assert_eq!((found.person, found.since), (registered.clone(), Timestamp(1)));
    assert_eq!(store.get_person_by_token([8; 32]).await.unwrap(), None);
    let name = DisplayName::parse("새 이름").unwrap();
    store.rename_person(registered.id, name.clone()).await.unwrap();
    store.close().await;
    drop(store);
    let (store, _) = sqlite(folder.path()).await;
    assert_eq!(store.get_person_by_token([7; 32]).await.unwrap().unwrap().person.name, name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_sqlite_store_refuses_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open_room(store.as_ref(), "r").await.id;
    store.close().await;
    let late = store.append_event(id, new_post(1, "a", "late")).await;
    assert!(matches!(late, Err(Error::Refused(Refusal::Unavailable))));
    assert!(store.list_rooms(1).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_reads_a_page_in_one_consistent_state() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    reads_a_page_in_one_consistent_state(&store).await;
}

/// Adds and removes a reaction, over and over: after an even number of events there is one.
async fn reads_a_page_in_one_consistent_state(store: &Arc<dyn Store>) {
    let id = open_room(store.as_ref(), "r").await.id;
    store.append_event(id, new_post(1, "m", "말")).await.unwrap();
    let writing = store.clone();
    let toggling = tokio::spawn(async move {
        for number in 2..400 {
            let emoji = Emoji::parse("👍").unwrap();
            let action = Action::React { target: Seq(1), emoji, on: number % 2 == 0 };
            writing.append_event(id, new_event(2, &format!("r{number}"), action)).await.unwrap();
        }
    });
    while !toggling.is_finished() {
        let page = store.list_events(id, HistoryRange::After(Seq(0)), 1, PersonId(1)).await.unwrap();
        let EventKind::Posted { state: now, .. } = &page.events[0].kind else { panic!("{page:?}") };
        let Some(now) = now else { continue };
        let count: u32 = now.reactions.iter().map(|reaction| reaction.count).sum();
        assert_eq!((now.rev, count), (now.rev, u32::from(now.rev.0 % 2 == 0)));
    }
    toggling.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_orders_rooms_by_their_messages_whatever_the_clock_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    orders_rooms_by_their_messages_whatever_the_clock_shows(store.as_ref()).await;
}

async fn orders_rooms_by_their_messages_whatever_the_clock_shows(store: &dyn Store) {
    let names = async || {
        let rooms = store.list_rooms(9).await.unwrap();
        rooms.into_iter().map(|room| room.name.as_str().to_owned()).collect::<Vec<_>>()
    };
    for (cid, name, at) in [("a", "years ahead", i64::MAX), ("b", "now", 7), ("c", "years ago", 1)] {
        let id = open_room(store, name).await.id;
        let event = NewEvent { at: Timestamp(at), ..new_post(1, cid, "hello") };
        store.append_event(id, event).await.unwrap();
    }
    assert_eq!(names().await, ["years ago", "now", "years ahead"]);
    let id = open_room(store, "now").await.id;
    store.append_event(id, new_post(1, "d", "again")).await.unwrap();
    assert_eq!(names().await, ["now", "years ago", "years ahead"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_deletes_a_room_with_its_whole_log_and_the_name_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    deletes_a_room_with_its_whole_log_and_the_name_is_free_at_once(store.as_ref()).await;
    store.close().await;
    let file = std::fs::read(folder.path().join("madang.sqlite")).unwrap();
    let contains = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("stays") && !contains("a canary"));
}

async fn deletes_a_room_with_its_whole_log_and_the_name_is_free_at_once(store: &dyn Store) {
    let (old, other) = (open_room(store, "r").await.id, open_room(store, "other").await.id);
    store.append_event(other, new_post(1, "m0", "stays")).await.unwrap();
    for number in 1..=1_200 {
        store.append_event(old, new_post(1, &format!("m{number}"), "a canary")).await.unwrap();
    }
    for person in 1..=3 {
        let action = Action::React { target: Seq(1), emoji: Emoji::parse("👍").unwrap(), on: true };
        store.append_event(old, new_event(person, &format!("r{person}"), action)).await.unwrap();
    }
    assert_eq!(store.delete_room(room("r")).await.unwrap().last_seq, Seq(1_203));
    assert!(matches!(store.delete_room(room("r")).await, Err(Error::Refused(Refusal::NoSuchRoom))));
    assert_eq!(store.get_room(room("r")).await.unwrap(), None);
    let late = store.append_event(old, new_post(1, "late", "late")).await;
    assert!(matches!(late, Err(Error::Refused(Refusal::NotInRoom))));
    let new = open_room(store, "r").await;
    assert_eq!((new.id == old, new.last_seq), (false, Seq(0)));
    while store.purge_deleted_rooms().await.unwrap() {}
    let page = store.list_events(old, HistoryRange::After(Seq(0)), 9, PersonId(1)).await.unwrap();
    assert_eq!(page.events, []);
    let names: Vec<_> = store.list_rooms(9).await.unwrap().into_iter().map(|room| room.name).collect();
    assert_eq!(names, [room("other")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_forgets_people_who_never_did_anything_and_keeps_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    forgets_people_who_never_did_anything_and_keeps_the_others(store.as_ref()).await;
}

async fn forgets_people_who_never_did_anything_and_keeps_the_others(store: &dyn Store) {
    let ids = [1, 2, 3, 4];
    for id in ids {
        store.insert_person(person(u64::from(id)), [id; 32], Timestamp(10)).await.unwrap();
    }
    store.get_or_create_room(room("mine"), NewRoom::with_defaults(PersonId(1), Timestamp(1))).await.unwrap();
    let id = open_room(store, "r").await.id;
    store.append_event(id, new_post(2, "a", "hello")).await.unwrap();
    store.set_last_seen(PersonId(3), Timestamp(20)).await.unwrap();
    assert_eq!(store.expire_people(Timestamp(20)).await.unwrap(), 1);
    let mut known = Vec::new();
    for id in ids {
        known.push(store.get_person_by_token([id; 32]).await.unwrap().is_some());
    }
    assert_eq!(known, [true, true, true, false], "an owner, a writer, one who came lately, and nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_database_at_its_largest_size_stores_nothing_more_until_something_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("madang.sqlite"));
    let store = store::open(&url, Some(1024 * 1024), &Health::default(), Box::new(|_| ())).await.unwrap();
    let id = open_room(store.as_ref(), "r").await.id;
    let text = "가".repeat(4_000);
    let post = async |number: usize| store.append_event(id, new_post(1, &format!("m{number}"), &text)).await;
    let mut stored = 0;
    while post(stored).await.is_ok() {
        stored += 1;
        assert!(stored < 200, "it grows on and on");
    }
    let is_refused = |error| matches!(error, Error::Refused(Refusal::NotStored));
    assert!(stored > 20 && is_refused(post(stored).await.unwrap_err()));
    assert!(is_refused(store.insert_person(person(1), [1; 32], Timestamp(1)).await.unwrap_err()));
    let new = NewRoom::with_defaults(PersonId(1), Timestamp(1));
    assert!(is_refused(store.get_or_create_room(room("new"), new).await.unwrap_err()));
    for number in 1..=9 {
        let delete = Action::Delete { target: Seq(number) };
        store.append_event(id, new_event(1, &format!("d{number}"), delete)).await.unwrap();
    }
    post(stored).await.unwrap();
}
