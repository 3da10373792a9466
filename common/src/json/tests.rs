//! Compares this codec with `serde_json`, which the server uses.

use std::fmt::Debug;

use proptest::{collection::vec, option, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{parse::parse, *};
use crate::{
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId, Roles},
    protocol::{
        command::{
            Away, Delete, Edit, Hello, History, Join, Kick, Leave, React, Rename, Send, Typing, UpdateRoom,
            WaitForSeat,
        },
        event::{Event, EventKind, MessageState, Via},
        http::{Me, RoomList, RoomSummary},
        push::{
            Heartbeat, Kicked, Presence, PresenceChange, Restart, RoomEvent, SeatAvailable, TypingUpdate,
        },
        reply::{Ack, ErrorReply, Joined, Left, Page, Permission, Renamed, Sent, Welcome},
    },
    reactions::{Reaction, Reactions},
    refusal::Refusal,
    room::{RoomName, SeatLimit, Seats, Topic},
};

/// Checks that both codecs read the same value.
fn check<T: FromJson + DeserializeOwned + PartialEq + Debug>(value: &serde_json::Value) {
    let text = value.to_string();
    assert_eq!(from_str::<T>(&text).ok(), serde_json::from_str(&text).ok(), "{text}");
    assert!(from_str::<T>(&text).is_ok(), "{text}");
}

/// Checks that each codec reads what the other writes.
fn agree<T>(value: &T) -> Result<(), TestCaseError>
where
    T: FromJson + ToJson + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let theirs = serde_json::to_string(value).unwrap();
    let ours = to_string(value);
    for text in [&theirs, &ours] {
        prop_assert!(from_str::<T>(text).is_ok_and(|read| read == *value), "{}", text);
        prop_assert!(serde_json::from_str::<T>(text).is_ok_and(|read| read == *value), "{}", text);
    }
    Ok(())
}

/// Generates validated text from characters that JSON writes in different ways.
fn text<T: TryFrom<String> + Debug>() -> impl Strategy<Value = T> + Clone {
    "[a가🙂\"\\\\ \n\t\u{1}-]{1,6}".prop_filter_map("is not valid", |text| T::try_from(text).ok())
}

fn cid() -> impl Strategy<Value = Cid> + Clone {
    "[a-zA-Z0-9_-]{1,12}".prop_filter_map("is not valid", |text| text.try_into().ok())
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

fn seat_limit() -> impl Strategy<Value = SeatLimit> + Clone {
    option::of(seats()).prop_map(SeatLimit)
}

fn id() -> impl Strategy<Value = PersonId> + Clone {
    any::<u64>().prop_map(PersonId)
}

fn person() -> impl Strategy<Value = Person> + Clone {
    (id(), text(), any::<[bool; 3]>(), any::<bool>()).prop_map(
        |(id, name, [owner, guest, program], is_marked)| Person {
            roles: Roles { owner, guest, program },
            mark: is_marked.then(|| id.into()),
            ..Person::new(id, name)
        },
    )
}

fn message_state() -> impl Strategy<Value = MessageState> {
    let reaction = (emoji(), any::<u32>(), vec(person(), 0..3)).prop_map(|(emoji, count, people)| Reaction {
        emoji,
        count,
        people,
    });
    (seq(), option::of(at()), vec(reaction, 0..3)).prop_map(|(rev, edited, reactions)| MessageState {
        rev,
        edited,
        reactions: Reactions::from(reactions),
    })
}

fn kind() -> impl Strategy<Value = EventKind> {
    let via = option::of(any::<String>().prop_map(Via::Udp));
    let state = option::of(message_state().prop_map(Box::new));
    prop_oneof![
        (cid(), text(), via, option::of(seq()), state).prop_map(|(cid, body, via, reply_to, state)| {
            EventKind::Posted { cid, body, via, reply_to, state }
        }),
        (cid(), seq()).prop_map(|(cid, rev)| EventKind::Tombstone { cid, rev }),
        (seq(), option::of(text())).prop_map(|(target, body)| EventKind::Edited { target, body }),
        seq().prop_map(|target| EventKind::Deleted { target }),
        (seq(), emoji(), any::<bool>()).prop_map(|(target, emoji, on)| EventKind::Reacted {
            target,
            emoji,
            on
        }),
        (option::of(text()), option::of(seat_limit()), option::of(any::<bool>())).prop_map(
            |(topic, seats, shared_network)| EventKind::RoomChanged { topic, seats, shared_network }
        ),
        Just(EventKind::Unknown),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    (seq(), at(), person(), kind()).prop_map(|(seq, at, person, kind)| Event { seq, at, person, kind })
}

fn presence_change() -> impl Strategy<Value = PresenceChange> {
    prop_oneof![
        person().prop_map(PresenceChange::Joined),
        id().prop_map(PresenceChange::Left),
        person().prop_map(PresenceChange::Renamed),
        id().prop_map(PresenceChange::Away),
        id().prop_map(PresenceChange::Back),
        Just(PresenceChange::Unknown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_codecs_agree_on_every_command(
        (room, cid, body, topic) in (text::<RoomName>(), cid(), text::<Body>(), option::of(text())),
        (seq, other, on, emoji) in (seq(), option::of(seq()), any::<bool>(), emoji()),
        (seats, lifted, limit, name, person) in (option::of(seats()), option::of(seat_limit()), option::of(any::<u32>()), text(), id()),
    ) {
        agree(&Hello {})?;
        agree(&Join { room: room.clone(), seats, topic: topic.clone(), since: other })?;
        agree(&Leave { room: room.clone() })?;
        agree(&Send { room: room.clone(), cid: cid.clone(), body: body.clone(), reply_to: other })?;
        agree(&Edit { room: room.clone(), seq, cid: cid.clone(), body })?;
        agree(&Delete { room: room.clone(), seq, cid: cid.clone() })?;
        agree(&React { room: room.clone(), seq, cid: cid.clone(), emoji, on })?;
        agree(&UpdateRoom { room: room.clone(), cid, topic, seats: lifted, shared_network: Some(on) })?;
        agree(&History { room: room.clone(), before: other, after: Some(seq), around: None, limit })?;
        agree(&Rename { name })?;
        agree(&Typing { room: room.clone() })?;
        agree(&Away { away: on })?;
        agree(&WaitForSeat { room: room.clone() })?;
        agree(&Kick { room: room.clone(), person })?;
    }

    #[test]
    fn both_codecs_agree_on_every_reply(
        (room, topic, seats) in (text(), option::of(text()), option::of(seats())),
        (events, more, people, away) in (vec(event(), 0..4), any::<bool>(), vec(person(), 0..3), vec(id(), 0..3)),
        member_count in option::of(any::<u32>()),
        (you, token, last, at, cid) in (person(), option::of(any::<String>()), seq(), at(), cid()),
    ) {
        let permissions = vec![Permission::Read, Permission::Post, Permission::Own, Permission::Unknown];
        agree(&Welcome { you: you.clone(), token, protocol: 1 })?;
        agree(&Page { events: events.clone(), more_before: more, more_after: !more })?;
        agree(&Joined { room, seats, topic, last, events, more, people, member_count, away, shared_network: more, permissions })?;
        agree(&Left {})?;
        agree(&Sent { cid, seq: last, at })?;
        agree(&Renamed { you })?;
        agree(&Ack {})?;
    }

    #[test]
    fn both_codecs_agree_on_every_push(
        (room, event, changes) in (text::<RoomName>(), event(), vec(presence_change(), 0..4)),
        (last, person, after, member_count) in (seq(), id(), any::<u32>(), option::of(any::<u32>())),
    ) {
        agree(&RoomEvent { room: room.clone(), event })?;
        agree(&Presence { room: room.clone(), changes, member_count })?;
        agree(&Heartbeat { room: room.clone(), last })?;
        agree(&TypingUpdate { room: room.clone(), person })?;
        agree(&SeatAvailable { room: room.clone() })?;
        agree(&Kicked { room: room.clone(), refusal: None })?;
        agree(&Kicked { room, refusal: Some(Refusal::RoomDeleted) })?;
        agree(&Restart { after })?;
    }

    #[test]
    fn both_codecs_agree_on_every_http_response(
        (room, topic, seats) in (text(), option::of(text()), option::of(seats())),
        (member_count, people, last_at, you) in (any::<u32>(), vec(person(), 0..3), option::of(at()), option::of(person())),
    ) {
        let summary = RoomSummary { room, seats, member_count, people, last_at, topic };
        agree(&RoomList { rooms: vec![summary.clone(), summary] })?;
        agree(&Me { you })?;
    }

    #[test]
    fn both_codecs_agree_on_every_string(text in any::<String>()) {
        agree(&text)?;
    }
}

#[test]
fn both_codecs_agree_on_every_refusal() {
    for error in Refusal::ALL {
        agree(&ErrorReply { error: *error }).unwrap();
    }
}

#[test]
fn protocol_types_are_read_as_by_serde_json() {
    let person = json!({"id": "00000000000000ff", "name": "지은"});
    let event = json!({"seq": 7, "at": 1_700_000_000_000_i64, "person": person, "unknown": [{"to": "us"}],
        "what": {"posted": {"cid": "c-1", "body": "안녕\n\"여러분\" 🙂", "via": {"udp": "192.0.2.7"}}}});
    check::<Event>(&event);
    check::<Joined>(&json!({"room": "마당", "seats": null, "last": 7, "events": [event, event],
        "more": true, "people": [person], "away": [], "may": ["read", "post"]}));
    check::<Joined>(&json!({"room": "마당", "seats": 2, "last": 0, "events": [], "more": false,
        "people": [], "may": []}));
    check::<Page>(&json!({"events": [event], "more_before": true, "more_after": false}));
    check::<Presence>(&json!({"room": "r", "changes": [{"here": person}, {"gone": "00000000000000ff"}]}));
    check::<ErrorReply>(&json!({"error": Refusal::RoomFull}));
    check::<RoomList>(&json!({"rooms": [{"room": "r", "seats": null, "here": 1, "people": [person],
        "last_at": -1}]}));
    check::<Me>(&json!({"you": null}));
    check::<Me>(&json!({"you": person}));
    check::<Sent>(&json!({"at": 1, "seq": 2, "cid": "c"}));
    check::<Welcome>(&json!({"you": person, "protocol": 1}));
}

#[test]
fn unknown_variants_of_a_newer_server_are_read_as_unknown() {
    let person = json!({"id": "00000000000000ff", "name": "지은"});
    for content in [json!({"of": 1, "until": [{"to": "us"}, 1.5]}), json!(7), json!("who knows"), json!(null)]
    {
        let event = json!({"seq": 7, "at": 1, "person": person, "what": {"invented": content}});
        check::<RoomEvent>(&json!({"room": "r", "event": event}));
        check::<Page>(&json!({"events": [event], "more_before": false, "more_after": false}));
        check::<Joined>(&json!({"room": "r", "seats": null, "last": 7, "events": [event], "more": false,
            "people": [person], "may": ["read", "dance"]}));
        check::<Presence>(&json!({"room": "r", "changes": [{"invented": content}, {"here": person}]}));
        assert_eq!(from_str::<Event>(&event.to_string()).map(|event| event.kind), Ok(EventKind::Unknown));
    }
}

/// Uses text that no version of Unicode's tables would accept, in place of a browser with other tables.
#[test]
fn text_that_the_server_accepted_is_not_validated_again() {
    let odd = "\u{1112}\u{1161}\u{11ab}".repeat(Body::MAX + 1);
    let event = Event {
        seq: Seq(1),
        at: Timestamp(1),
        person: Person::new(PersonId(1), DisplayName::from_store(odd.clone())),
        kind: EventKind::Posted {
            cid: Cid::from_random(1),
            body: Body::from_store(odd.clone()),
            via: None,
            reply_to: None,
            state: Some(Box::new(MessageState {
                rev: Seq(2),
                edited: None,
                reactions: Reactions(vec![Reaction {
                    emoji: Emoji::from_store(odd.clone()),
                    count: 1,
                    people: vec![],
                }]),
            })),
        },
    };
    let page = Page { events: vec![event], more_before: false, more_after: false };
    assert_eq!(from_str::<Page>(&serde_json::to_string(&page).unwrap()), Ok(page));
    let summary = RoomSummary {
        room: RoomName::from_store(odd.clone()),
        seats: None,
        member_count: 0,
        people: vec![],
        last_at: None,
        topic: Some(Topic::from_store(odd)),
    };
    let list = RoomList { rooms: vec![summary] };
    assert_eq!(from_str::<RoomList>(&serde_json::to_string(&list).unwrap()), Ok(list));
}

#[test]
fn values_of_another_type_are_refused() {
    assert_eq!(from_str::<ErrorReply>(r#"{"cid":"c","seq":1,"at":1}"#), Err(ParseError));
    assert_eq!(from_str::<Sent>(r#"{"error":{"code":"room_full"}}"#), Err(ParseError));
    assert_eq!(from_str::<Sent>(r#"{"cid":"c","seq":-1,"at":1}"#), Err(ParseError));
    assert_eq!(from_str::<Sent>(r#"{"cid":"c","seq":1.5,"at":1}"#), Err(ParseError));
    assert_eq!(from_str::<Sent>("[]"), Err(ParseError));
    assert_eq!(from_str::<u16>("65536"), Err(ParseError));
    assert_eq!(from_str::<String>("\"a\" b"), Err(ParseError));
    assert_eq!(parse(&"[".repeat(1_000_000)), Err(ParseError));
}

/// Generates arbitrary JSON of limited depth.
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
            vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|object| json!(object)),
        ]
    })
}

fn same(ours: &Json, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Json::Null, serde_json::Value::Null) => true,
        (Json::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Json::Integer(ours), serde_json::Value::Number(theirs)) => theirs.as_i64() == Some(*ours),
        (Json::NonInteger, serde_json::Value::Number(theirs)) => theirs.as_i64().is_none(),
        (Json::String(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Json::Array(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Json::Object(Object(ours)), serde_json::Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, ours)| theirs.get(name).is_some_and(|theirs| same(ours, theirs)))
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn everything_that_serde_json_writes_is_read(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let read = parse(&text).unwrap();
            prop_assert!(same(&read, &value), "{read:?} {value:?}");
        }
    }

    #[test]
    fn strings_are_read_as_by_serde_json(inside in r#"([a-c가]|\\[nrtbf"/\\]|\\u[0-9a-fD]{4}|\\ud83d\\ude42|["\\\n]){0,8}"#) {
        let text = format!("\"{inside}\"");
        prop_assert_eq!(from_str::<String>(&text).ok(), serde_json::from_str::<String>(&text).ok());
    }

    #[test]
    fn invalid_json_is_refused_as_by_serde_json(text in r#"[\[\]{}",:0-9.+\- tfnrue]{0,16}"#) {
        // `serde_json` refuses numbers that are too large; this parser does not check their size.
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert!(parse(&text).is_ok() == theirs.is_ok() || text.contains('e'), "{text}");
    }

    #[test]
    fn an_array_is_split_into_its_elements(list in vec(any_json(), 0..4)) {
        let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        let text = format!(" [ {} ] ", texts.join(" , "));
        let found: Vec<String> = split_array(&text).unwrap().iter().map(|text| text.trim().to_owned()).collect();
        prop_assert_eq!(found, texts);
    }
}
