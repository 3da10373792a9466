//! The store's promises, for every store there is: each is one function over `&dyn Store`.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    event::{Reaction, RoomEvent, Span, Via, What},
    message::{Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
};
use madang::{
    failure::Failure,
    store::{self, Deed, MAX_PAGE_BYTES, NewEvent, NewRoom, Room, Store},
};

use crate::support::{PATIENCE, body, room};

type Told = Arc<Mutex<Vec<RoomEvent>>>;

async fn sqlite(folder: &Path) -> (Arc<dyn Store>, Told) {
    let told = Told::default();
    let hears = told.clone();
    let url = format!("sqlite:{}", folder.join("madang.sqlite").display());
    let store = store::open(&url, Box::new(move |event| hears.lock().unwrap().push(event))).await.unwrap();
    (store, told)
}

fn person(id: u64) -> Person {
    Person { id: PersonId(id), name: DisplayName::of_guest(PersonId(id)) }
}

async fn open(store: &dyn Store, name: &str) -> Room {
    let new = NewRoom::of(PersonId(u64::MAX), Timestamp(1));
    store.open_room(room(name), new).await.unwrap()
}

fn posted(by: u64, cid: &str, text: &str) -> NewEvent {
    let deed = Deed::Post { body: body(text), via: None, reply_to: None };
    done(by, cid, deed)
}

fn done(by: u64, cid: &str, deed: Deed) -> NewEvent {
    NewEvent { person: person(by), at: Timestamp(7), cid: Cid::parse(cid).unwrap(), deed }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_numbers_events_without_a_gap_and_tells_each_once_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (store, told) = sqlite(folder.path()).await;
    numbers_events_without_a_gap_and_tells_each_once_in_order(&store, &told).await;
}

async fn numbers_events_without_a_gap_and_tells_each_once_in_order(store: &Arc<dyn Store>, told: &Told) {
    let mut appending = Vec::new();
    for (number, name) in ["가", "나", "다"].into_iter().enumerate() {
        let id = open(store.as_ref(), name).await.id;
        for writer in 0..100_u64 {
            let store = store.clone();
            let event = posted(writer, &format!("{number}-{}", writer % 90), "x");
            appending.push(tokio::spawn(async move { store.append_event(id, event).await }));
        }
    }
    for append in appending {
        match append.await.unwrap() {
            Ok(_) | Err(Failure::Refused(Refusal::CidTaken)) => {}
            Err(failure) => panic!("{failure:?}"),
        }
    }
    for name in ["가", "나", "다"] {
        let told = told.lock().unwrap();
        let seqs: Vec<u64> =
            told.iter().filter(|told| told.room == room(name)).map(|told| told.event.seq.0).collect();
        assert_eq!(seqs, (1..=90).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_returns_the_first_event_for_a_cid_that_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (store, told) = sqlite(folder.path()).await;
    let id = open(store.as_ref(), "r").await.id;
    let first = store.append_event(id, posted(1, "a", "first")).await.unwrap();
    assert_eq!(store.append_event(id, posted(1, "a", "changed")).await.unwrap(), first);
    let stranger = store.append_event(id, posted(2, "a", "stranger")).await;
    assert!(matches!(stranger, Err(Failure::Refused(Refusal::CidTaken))));
    assert_eq!(told.lock().unwrap().len(), 1);
    let other = open(store.as_ref(), "other").await.id;
    assert_eq!(store.append_event(other, posted(2, "a", "elsewhere")).await.unwrap().seq, Seq(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_where_a_datagram_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open(store.as_ref(), "r").await.id;
    let from = Some(Via::Udp("192.0.2.7".to_owned()));
    for (cid, from) in [("a", from.clone()), ("b", None)] {
        let deed = Deed::Post { body: body("text"), via: from, reply_to: None };
        store.append_event(id, done(1, cid, deed)).await.unwrap();
    }
    let page = store.list_events(id, Span::After(Seq(0)), 10, PersonId(1)).await.unwrap();
    let kept: Vec<_> = page
        .events
        .into_iter()
        .map(|event| match event.what {
            What::Posted { via, .. } => via,
            other => panic!("{other:?} is no message"),
        })
        .collect();
    assert_eq!(kept, [from, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_holds_what_was_taken_back_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open(store.as_ref(), "r").await.id;
    // The last of them does not fit into a page of the database.
    for (number, times) in [1, 500, 1_300].into_iter().enumerate() {
        let text = "비밀 ".repeat(times);
        let of = store.append_event(id, posted(1, &format!("post-{number}"), &text)).await.unwrap().seq;
        let what = match number {
            0 => Deed::Edit { of, body: body("other words") },
            _ => Deed::Delete { of },
        };
        store.append_event(id, done(1, &format!("undo-{number}"), what)).await.unwrap();
    }
    let holds_it = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()));
        files.into_iter().any(|bytes| bytes.unwrap().windows(6).any(|part| part == "비밀".as_bytes()))
    };
    assert!(holds_it(), "it was written down somewhere");
    tokio::time::timeout(PATIENCE, async {
        while holds_it() {
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
    let id = open(store.as_ref(), "r").await.id;
    let long = "x".repeat(3_999);
    for number in 0..100 {
        store.append_event(id, posted(1, &number.to_string(), &long)).await.unwrap();
    }
    let page = store.list_events(id, Span::After(Seq(0)), 100, PersonId(1)).await.unwrap();
    assert_eq!((page.events.len(), page.more_after), (MAX_PAGE_BYTES / long.len(), true));
    let page = store.list_events(id, Span::Before(Seq(u64::MAX)), 3, PersonId(1)).await.unwrap();
    let seqs: Vec<u64> = page.events.iter().map(|event| event.seq.0).collect();
    assert_eq!((seqs, page.more_before, page.more_after), (vec![98, 99, 100], true, false));
    let page = store.list_events(id, Span::Around(Seq(1)), 4, PersonId(1)).await.unwrap();
    assert_eq!((page.events[0].seq, page.more_before), (Seq(1), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_bounds_what_is_under_a_message_and_names_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open(store.as_ref(), "r").await.id;
    store.append_event(id, posted(1, "a", "x")).await.unwrap();
    let emoji = |number: u32| Emoji::parse(&char::from_u32(0x1F600 + number).unwrap().to_string()).unwrap();
    let react = |who: u64, number: u32| {
        let deed = Deed::React { to: Seq(1), emoji: emoji(number), on: true };
        store.append_event(id, done(who, &format!("{who}-{number}"), deed))
    };
    for number in 0..Reaction::MAX as u32 {
        react(1, number).await.unwrap();
    }
    let one_more = react(2, Reaction::MAX as u32).await;
    assert!(matches!(one_more, Err(Failure::Refused(Refusal::TooManyReactions))));
    for who in 2..=(Reaction::MAX_OF_ALL - Reaction::MAX + 1) as u64 {
        react(who, 0).await.unwrap();
    }
    assert!(matches!(react(5_000, 0).await, Err(Failure::Refused(Refusal::TooManyReactions))));
    let page = store.list_events(id, Span::After(Seq(0)), 1, PersonId(900)).await.unwrap();
    let What::Posted { now: Some(now), .. } = &page.events[0].what else { panic!("{page:?}") };
    assert_eq!(now.reactions.len(), Reaction::MAX);
    let Reaction { count, people, .. } = &now.reactions[0];
    assert_eq!((*count as usize, people.len()), (Reaction::MAX_OF_ALL - Reaction::MAX + 1, Reaction::NAMED));
    assert!(people.contains(&person(900)) && people.contains(&person(1)));
}

/// 200 messages with fifty named people under each would be more than a connection takes at once.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_pages_are_bounded_with_what_is_under_the_messages() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open(store.as_ref(), "r").await.id;
    for number in 1..=60u64 {
        store.append_event(id, posted(1, &number.to_string(), "x")).await.unwrap();
    }
    let mut reacting = Vec::new();
    for message in 1..=60u64 {
        for who in 1..=Reaction::NAMED as u64 {
            let deed = Deed::React { to: Seq(message), emoji: Emoji::parse("👍").unwrap(), on: true };
            let (store, event) = (store.clone(), done(who, &format!("{message}-{who}"), deed));
            reacting.push(tokio::spawn(async move { store.append_event(id, event).await.unwrap() }));
        }
        for reaction in reacting.drain(..) {
            reaction.await.unwrap();
        }
    }
    let mut seen = 0;
    while seen < 60 {
        let page = store.list_events(id, Span::After(Seq(seen)), 60, PersonId(1)).await.unwrap();
        assert!(serde_json::to_string(&page).unwrap().len() < 3 * MAX_PAGE_BYTES);
        assert!(page.more_after && !page.events.is_empty());
        seen = page.events.last().unwrap().seq.0;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_brings_a_database_of_the_version_before_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(folder.path().join("madang.sqlite")).unwrap();
    for script in [
        include_str!("../../migrations/sqlite/0001_rooms_events_people.sql"),
        include_str!("../../migrations/sqlite/0002_events_by_udp.sql"),
        "INSERT INTO rooms (id, name, owner, since, last_seq, last_at) VALUES (1, 'r', 1, 1, 1, 1);
         INSERT INTO events VALUES (1, 1, 1, 1, 'n', 'a', 'said before', NULL);
         PRAGMA user_version = 2;",
    ] {
        old.execute_batch(script).unwrap();
    }
    drop(old);
    let (store, _) = sqlite(folder.path()).await;
    let id = open(store.as_ref(), "r").await.id;
    let edit = Deed::Edit { of: Seq(1), body: body("said better") };
    assert_eq!(store.append_event(id, done(1, "b", edit)).await.unwrap().seq, Seq(2));
    let page = store.list_events(id, Span::After(Seq(0)), 9, PersonId(1)).await.unwrap();
    assert_eq!(page.events[0].what.body(), Some(&body("said better")));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_people_by_the_hash_of_their_token() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let somebody = person(u64::MAX - 5);
    store.append_person(somebody.clone(), [7; 32], Timestamp(1)).await.unwrap();
    assert_eq!(store.get_person([7; 32]).await.unwrap(), Some(somebody.clone()));
    assert_eq!(store.get_person([8; 32]).await.unwrap(), None);
    let name = DisplayName::parse("새 이름").unwrap();
    store.rename_person(somebody.id, name.clone()).await.unwrap();
    store.close().await;
    drop(store);
    let (store, _) = sqlite(folder.path()).await;
    assert_eq!(store.get_person([7; 32]).await.unwrap().unwrap().name, name);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_closed_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    let id = open(store.as_ref(), "r").await.id;
    store.close().await;
    let late = store.append_event(id, posted(1, "a", "late")).await;
    assert!(matches!(late, Err(Failure::Refused(Refusal::Unavailable))));
    assert!(store.list_rooms(1).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_reads_a_page_as_it_was_at_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = sqlite(folder.path()).await;
    reads_a_page_as_it_was_at_one_moment(&store).await;
}

/// Somebody puts a reaction there and takes it back, over and over: after an even number there is one.
async fn reads_a_page_as_it_was_at_one_moment(store: &Arc<dyn Store>) {
    let id = open(store.as_ref(), "r").await.id;
    store.append_event(id, posted(1, "m", "말")).await.unwrap();
    let writing = store.clone();
    let toggling = tokio::spawn(async move {
        for number in 2..400 {
            let emoji = Emoji::parse("👍").unwrap();
            let deed = Deed::React { to: Seq(1), emoji, on: number % 2 == 0 };
            writing.append_event(id, done(2, &format!("r{number}"), deed)).await.unwrap();
        }
    });
    while !toggling.is_finished() {
        let page = store.list_events(id, Span::After(Seq(0)), 1, PersonId(1)).await.unwrap();
        let What::Posted { now, .. } = &page.events[0].what else { panic!("{page:?}") };
        let Some(now) = now else { continue };
        let count: u32 = now.reactions.iter().map(|reaction| reaction.count).sum();
        assert_eq!((now.rev, count), (now.rev, u32::from(now.rev.0 % 2 == 0)));
    }
    toggling.await.unwrap();
}
