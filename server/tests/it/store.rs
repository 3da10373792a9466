//! The store's promises, for every store there is: each is one function over `&dyn Store`.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use common::{
    event::{RoomEvent, Span, Via, What},
    message::{Cid, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
};
use madang::{
    failure::Failure,
    store::{self, MAX_PAGE_BYTES, NewEvent, NewRoom, Room, Store},
};

use crate::support::{body, room};

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
    let new = NewRoom { seats: None, owner: PersonId(u64::MAX), at: Timestamp(1) };
    store.open_room(room(name), new).await.unwrap()
}

fn posted(by: u64, cid: &str, text: &str) -> NewEvent {
    let what = What::Posted { cid: Cid::parse(cid).unwrap(), body: body(text), via: None };
    NewEvent { person: person(by), at: Timestamp(7), what }
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
        let mut event = posted(1, cid, "text");
        let What::Posted { via, .. } = &mut event.what;
        *via = from;
        store.append_event(id, event).await.unwrap();
    }
    let page = store.list_events(id, Span::After(Seq(0)), 10).await.unwrap();
    let kept: Vec<_> = page
        .events
        .into_iter()
        .map(|event| match event.what {
            What::Posted { via, .. } => via,
        })
        .collect();
    assert_eq!(kept, [from, None]);
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
    let page = store.list_events(id, Span::After(Seq(0)), 100).await.unwrap();
    assert_eq!((page.events.len(), page.more_after), (MAX_PAGE_BYTES / long.len(), true));
    let page = store.list_events(id, Span::Before(Seq(u64::MAX)), 3).await.unwrap();
    let seqs: Vec<u64> = page.events.iter().map(|event| event.seq.0).collect();
    assert_eq!((seqs, page.more_before, page.more_after), (vec![98, 99, 100], true, false));
    let page = store.list_events(id, Span::Around(Seq(1)), 4).await.unwrap();
    assert_eq!((page.events[0].seq, page.more_before), (Seq(1), false));
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
