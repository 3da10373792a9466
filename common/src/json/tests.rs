//! That `serde_json`, which the server uses, and we read and write the same.

use std::fmt::Debug;

use proptest::{collection::vec, option, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{parse::parse, *};
use crate::{
    event::{
        Away, Change, Delete, Describe, Edit, Event, FreeSeat, Heartbeat, Hello, History, Join, Joined,
        Leave, Left, Me, Noted, Page, Permission, Presence, Present, React, Reaction, Refused, Remove,
        Removed, Rename, Renamed, Restart, RoomEvent, RoomList, RoomSummary, Send, Sent, SomebodyTypes,
        Typing, Via, WatchSeat, Welcome, What,
    },
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::{Limit, RoomName, Seats, Topic},
};

/// That it is read as `serde_json` reads it.
fn check<T: FromJson + DeserializeOwned + PartialEq + Debug>(value: &serde_json::Value) {
    let text = value.to_string();
    assert_eq!(read::<T>(&text).ok(), serde_json::from_str(&text).ok(), "{text}");
    assert!(read::<T>(&text).is_ok(), "{text}");
}

/// That each reads what the other writes as what was written.
fn agree<T>(value: &T) -> Result<(), TestCaseError>
where
    T: FromJson + ToJson + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let theirs = serde_json::to_string(value).unwrap();
    let ours = write(value);
    for text in [&theirs, &ours] {
        prop_assert!(read::<T>(text).is_ok_and(|read| read == *value), "{}", text);
        prop_assert!(serde_json::from_str::<T>(text).is_ok_and(|read| read == *value), "{}", text);
    }
    Ok(())
}

/// Something with a form of its own, out of letters that JSON writes in different ways.
fn text<T: TryFrom<String> + Debug>() -> impl Strategy<Value = T> + Clone {
    "[a가🙂\"\\\\ \n\t\u{1}-]{1,6}".prop_filter_map("has another form", |text| T::try_from(text).ok())
}

fn cid() -> impl Strategy<Value = Cid> + Clone {
    "[a-zA-Z0-9_-]{1,12}".prop_filter_map("has another form", |text| text.try_into().ok())
}

fn emoji() -> impl Strategy<Value = Emoji> + Clone {
    prop::sample::select(vec!["👍", "❤️", "👩‍👩‍👧‍👦", "1️⃣"]).prop_map(|text| Emoji::parse(text).unwrap())
}

fn seq() -> impl Strategy<Value = Seq> + Clone {
    (0..1_u64 << 60).prop_map(Seq)
}

fn at() -> impl Strategy<Value = Timestamp> + Clone {
    any::<i64>().prop_map(Timestamp)
}

fn seats() -> impl Strategy<Value = Seats> + Clone {
    (1..=Seats::MAX).prop_map(|count| Seats::parse(count).unwrap())
}

fn limit() -> impl Strategy<Value = Limit> + Clone {
    option::of(seats()).prop_map(Limit)
}

fn id() -> impl Strategy<Value = PersonId> + Clone {
    any::<u64>().prop_map(PersonId)
}

fn person() -> impl Strategy<Value = Person> + Clone {
    (id(), text()).prop_map(|(id, name)| Person { id, name })
}

fn present() -> impl Strategy<Value = Present> {
    let reaction = (emoji(), any::<u32>(), vec(person(), 0..3)).prop_map(|(emoji, count, people)| Reaction {
        emoji,
        count,
        people,
    });
    (seq(), option::of(at()), vec(reaction, 0..3)).prop_map(|(rev, edited, reactions)| Present {
        rev,
        edited,
        reactions,
    })
}

fn what() -> impl Strategy<Value = What> {
    let via = option::of(any::<String>().prop_map(Via::Udp));
    let now = option::of(present().prop_map(Box::new));
    prop_oneof![
        (cid(), text(), via, option::of(seq()), now)
            .prop_map(|(cid, body, via, reply_to, now)| What::Posted { cid, body, via, reply_to, now }),
        (cid(), seq()).prop_map(|(cid, rev)| What::Withdrawn { cid, rev }),
        (seq(), option::of(text())).prop_map(|(of, body)| What::Edited { of, body }),
        seq().prop_map(|of| What::Deleted { of }),
        (seq(), emoji(), any::<bool>()).prop_map(|(to, emoji, on)| What::Reacted { to, emoji, on }),
        (option::of(text()), option::of(limit()))
            .prop_map(|(topic, seats)| What::RoomChanged { topic, seats }),
        Just(What::Unknown),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    (seq(), at(), person(), what()).prop_map(|(seq, at, person, what)| Event { seq, at, person, what })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        person().prop_map(Change::Here),
        id().prop_map(Change::Gone),
        person().prop_map(Change::Renamed),
        id().prop_map(Change::Away),
        id().prop_map(Change::Back),
        Just(Change::Unknown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_command_is_understood(
        (room, cid, body, topic) in (text::<RoomName>(), cid(), text::<Body>(), option::of(text())),
        (seq, other, on, emoji) in (seq(), option::of(seq()), any::<bool>(), emoji()),
        (seats, lifted, limit, name, person) in (option::of(seats()), option::of(limit()), option::of(any::<u32>()), text(), id()),
    ) {
        agree(&Hello {})?;
        agree(&Join { room: room.clone(), seats, topic: topic.clone(), since: other })?;
        agree(&Leave { room: room.clone() })?;
        agree(&Send { room: room.clone(), cid: cid.clone(), body: body.clone(), reply_to: other })?;
        agree(&Edit { room: room.clone(), seq, cid: cid.clone(), body })?;
        agree(&Delete { room: room.clone(), seq, cid: cid.clone() })?;
        agree(&React { room: room.clone(), seq, cid: cid.clone(), emoji, on })?;
        agree(&Describe { room: room.clone(), cid, topic, seats: lifted })?;
        agree(&History { room: room.clone(), before: other, after: Some(seq), around: None, limit })?;
        agree(&Rename { name })?;
        agree(&Typing { room: room.clone() })?;
        agree(&Away { away: on })?;
        agree(&WatchSeat { room: room.clone() })?;
        agree(&Remove { room: room.clone(), person })?;
    }

    #[test]
    fn every_reply_is_understood(
        (room, topic, seats) in (text(), option::of(text()), option::of(seats())),
        (events, more, people, away) in (vec(event(), 0..4), any::<bool>(), vec(person(), 0..3), vec(id(), 0..3)),
        here in option::of(any::<u32>()),
        (you, token, last, at, cid) in (person(), option::of(any::<String>()), seq(), at(), cid()),
    ) {
        let may = vec![Permission::Read, Permission::Post, Permission::Own, Permission::Unknown];
        agree(&Welcome { you: you.clone(), token, protocol: 1 })?;
        agree(&Page { events: events.clone(), more_before: more, more_after: !more })?;
        agree(&Joined { room, seats, topic, last, events, more, people, here, away, may })?;
        agree(&Left {})?;
        agree(&Sent { cid, seq: last, at })?;
        agree(&Renamed { you })?;
        agree(&Noted {})?;
    }

    #[test]
    fn every_push_is_understood(
        (room, event, changes) in (text::<RoomName>(), event(), vec(change(), 0..4)),
        (last, person, after, here) in (seq(), id(), any::<u32>(), option::of(any::<u32>())),
    ) {
        agree(&RoomEvent { room: room.clone(), event })?;
        agree(&Presence { room: room.clone(), changes, here })?;
        agree(&Heartbeat { room: room.clone(), last })?;
        agree(&SomebodyTypes { room: room.clone(), person })?;
        agree(&FreeSeat { room: room.clone() })?;
        agree(&Removed { room })?;
        agree(&Restart { after })?;
    }

    #[test]
    fn every_answer_over_http_is_understood(
        (room, topic, seats) in (text(), option::of(text()), option::of(seats())),
        (here, people, last_at, you) in (any::<u32>(), vec(person(), 0..3), option::of(at()), option::of(person())),
    ) {
        let summary = RoomSummary { room, seats, here, people, last_at, topic };
        agree(&RoomList { rooms: vec![summary.clone(), summary] })?;
        agree(&Me { you })?;
    }

    #[test]
    fn every_text_is_understood(text in any::<String>()) {
        agree(&text)?;
    }
}

#[test]
fn every_refusal_is_understood() {
    for error in Refusal::ALL {
        agree(&Refused { error: *error }).unwrap();
    }
}

#[test]
fn the_types_of_the_protocol_are_read_as_by_serde_json() {
    let person = json!({"id": "00000000000000ff", "name": "지은"});
    let said = json!({"seq": 7, "at": 1_700_000_000_000_i64, "person": person, "unknown": [{"to": "us"}],
        "what": {"posted": {"cid": "c-1", "body": "안녕\n\"여러분\" 🙂", "via": {"udp": "192.0.2.7"}}}});
    check::<Event>(&said);
    check::<Joined>(&json!({"room": "마당", "seats": null, "last": 7, "events": [said, said],
        "more": true, "people": [person], "away": [], "may": ["read", "post"]}));
    check::<Joined>(&json!({"room": "마당", "seats": 2, "last": 0, "events": [], "more": false,
        "people": [], "may": []}));
    check::<Page>(&json!({"events": [said], "more_before": true, "more_after": false}));
    check::<Presence>(&json!({"room": "r", "changes": [{"here": person}, {"gone": "00000000000000ff"}]}));
    check::<Refused>(&json!({"error": Refusal::RoomFull}));
    check::<RoomList>(&json!({"rooms": [{"room": "r", "seats": null, "here": 1, "people": [person],
        "last_at": -1}]}));
    check::<Me>(&json!({"you": null}));
    check::<Me>(&json!({"you": person}));
    check::<Sent>(&json!({"at": 1, "seq": 2, "cid": "c"}));
    check::<Welcome>(&json!({"you": person, "protocol": 1}));
}

#[test]
fn what_only_a_newer_server_knows_has_its_place_and_no_meaning() {
    let person = json!({"id": "00000000000000ff", "name": "지은"});
    for content in [json!({"of": 1, "until": [{"to": "us"}, 1.5]}), json!(7), json!("who knows"), json!(null)]
    {
        let event = json!({"seq": 7, "at": 1, "person": person, "what": {"invented": content}});
        check::<RoomEvent>(&json!({"room": "r", "event": event}));
        check::<Page>(&json!({"events": [event], "more_before": false, "more_after": false}));
        check::<Joined>(&json!({"room": "r", "seats": null, "last": 7, "events": [event], "more": false,
            "people": [person], "may": ["read", "dance"]}));
        check::<Presence>(&json!({"room": "r", "changes": [{"invented": content}, {"here": person}]}));
        assert_eq!(read::<Event>(&event.to_string()).map(|event| event.what), Ok(What::Unknown));
    }
}

/// Here stands for another browser's tables what no table would let pass.
#[test]
fn what_the_server_has_accepted_is_read_whatever_we_would_say_of_it() {
    let odd = "\u{1112}\u{1161}\u{11ab}".repeat(Body::MAX + 1);
    let event = Event {
        seq: Seq(1),
        at: Timestamp(1),
        person: Person { id: PersonId(1), name: DisplayName::from_store(odd.clone()) },
        what: What::Posted {
            cid: Cid::from_random(1),
            body: Body::from_store(odd.clone()),
            via: None,
            reply_to: None,
            now: Some(Box::new(Present {
                rev: Seq(2),
                edited: None,
                reactions: vec![Reaction { emoji: Emoji::from_store(odd.clone()), count: 1, people: vec![] }],
            })),
        },
    };
    let page = Page { events: vec![event], more_before: false, more_after: false };
    assert_eq!(read::<Page>(&serde_json::to_string(&page).unwrap()), Ok(page));
    let summary = RoomSummary {
        room: RoomName::from_store(odd.clone()),
        seats: None,
        here: 0,
        people: vec![],
        last_at: None,
        topic: Some(Topic::from_store(odd)),
    };
    let list = RoomList { rooms: vec![summary] };
    assert_eq!(read::<RoomList>(&serde_json::to_string(&list).unwrap()), Ok(list));
}

#[test]
fn what_is_something_else_is_not_read() {
    assert_eq!(read::<Refused>(r#"{"cid":"c","seq":1,"at":1}"#), Err(Garbled));
    assert_eq!(read::<Sent>(r#"{"error":{"code":"room_full"}}"#), Err(Garbled));
    assert_eq!(read::<Sent>(r#"{"cid":"c","seq":-1,"at":1}"#), Err(Garbled));
    assert_eq!(read::<Sent>(r#"{"cid":"c","seq":1.5,"at":1}"#), Err(Garbled));
    assert_eq!(read::<Sent>("[]"), Err(Garbled));
    assert_eq!(read::<u16>("65536"), Err(Garbled));
    assert_eq!(read::<String>("\"a\" b"), Err(Garbled));
    assert_eq!(parse(&"[".repeat(1_000_000)), Err(Garbled));
}

/// JSON of every shape, not too deep.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        any::<String>().prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|list| json!(list)),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|record| json!(record)),
        ]
    })
}

fn same(ours: &Json, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Json::Null, serde_json::Value::Null) => true,
        (Json::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Json::Whole(ours), serde_json::Value::Number(theirs)) => theirs.as_i64() == Some(*ours),
        (Json::Fraction, serde_json::Value::Number(theirs)) => theirs.as_i64().is_none(),
        (Json::Text(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Json::List(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Json::Record(Record(ours)), serde_json::Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, ours)| theirs.get(name).is_some_and(|theirs| same(ours, theirs)))
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn whatever_serde_json_writes_is_read(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let read = parse(&text).unwrap();
            prop_assert!(same(&read, &value), "{read:?} {value:?}");
        }
    }

    #[test]
    fn what_serde_json_takes_for_a_text_we_take_for_the_same(inside in r#"([a-c가]|\\[nrtbf"/\\]|\\u[0-9a-fD]{4}|\\ud83d\\ude42|["\\\n]){0,8}"#) {
        let text = format!("\"{inside}\"");
        prop_assert_eq!(read::<String>(&text).ok(), serde_json::from_str::<String>(&text).ok());
    }

    #[test]
    fn what_serde_json_refuses_we_refuse(text in r#"[\[\]{}",:0-9.+\- tfnrue]{0,16}"#) {
        // It knows numbers that are too large for it; we do not count.
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert!(parse(&text).is_ok() == theirs.is_ok() || text.contains('e'), "{text}");
    }

    #[test]
    fn the_elements_of_a_list_are_found(list in vec(any_json(), 0..4)) {
        let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        let text = format!(" [ {} ] ", texts.join(" , "));
        let found: Vec<String> = elements(&text).unwrap().iter().map(|text| text.trim().to_owned()).collect();
        prop_assert_eq!(found, texts);
    }
}
