//! The full protocol: the reply to each command, and the pushes to the others.

use common::{
    message::Seq,
    person::{DisplayName, Person},
    protocol::{
        command::{Hello, History, Join, Leave, Rename},
        push::{Presence, PresenceChange},
        reply::Permission,
    },
    refusal::Refusal,
    room::Seats,
};
use madang::chat::limits::{Limits, Rate};
use serde_json::{Value, json};

use crate::harness::{Client, TestServer, body, message, room};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_receive_each_others_and_their_own_messages_in_one_order() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client_named("지은").await, server.client_named("민수").await);
    a.join("마당").await.unwrap();
    let joined = b.join("마당").await.unwrap();
    assert_eq!(joined.people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["민수", "지은"]);
    let sent = a.send_message("마당", "안녕하세요").await;
    assert_eq!(sent.seq, Seq(1));
    b.send_message("마당", "반가워요").await;
    for client in [&mut a, &mut b] {
        let (first, second) = (client.next_event().await, client.next_event().await);
        assert_eq!((first.event.seq, second.event.seq), (Seq(1), Seq(2)));
        assert_eq!(first.event.person.name.as_str(), "지은");
        assert_eq!(second.event.kind.body(), Some(&body("반가워요")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_join_returns_the_last_messages_and_history_the_rest() {
    let server = TestServer::start().await;
    let mut a = server.client().await;
    a.join("r").await.unwrap();
    for number in 1..=120 {
        a.send_message("r", &format!("message {number}")).await;
    }
    let mut b = server.client().await;
    let joined = b.join("r").await.unwrap();
    let seqs = |events: &[common::protocol::event::Event]| {
        events.iter().map(|event| event.seq.0).collect::<Vec<_>>()
    };
    assert_eq!(seqs(&joined.events), (71..=120).collect::<Vec<_>>());
    assert!(joined.more && joined.last == Seq(120));

    let history = |before, after, around, limit| History { room: room("r"), before, after, around, limit };
    let page = b.request(history(Some(Seq(71)), None, None, Some(100))).await.unwrap();
    assert_eq!(seqs(&page.events), (1..=70).collect::<Vec<_>>());
    assert!(!page.more_before && page.more_after);
    let page = b.request(history(None, Some(Seq(110)), None, Some(5))).await.unwrap();
    assert_eq!((seqs(&page.events), page.more_after), ((111..=115).collect(), true));
    let page = b.request(history(None, None, Some(Seq(60)), Some(10))).await.unwrap();
    assert_eq!(seqs(&page.events), (55..=64).collect::<Vec<_>>());
    assert!(page.more_before && page.more_after);
    assert_eq!(b.request(history(None, None, None, None)).await, Err(Refusal::BadRequest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejoin_returns_the_missed_messages_page_by_page() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.join("r").await.unwrap();
    b.join("r").await.unwrap();
    b.close().await;
    for number in 1..=60 {
        a.send_message("r", &format!("message {number}")).await;
    }
    let mut b = server.client().await;
    let joined = b.request(Join { since: Some(Seq(3)), ..Join::new(room("r")) }).await.unwrap();
    assert_eq!(joined.events.first().unwrap().seq, Seq(4));
    assert_eq!((joined.events.len(), joined.more, joined.last), (50, true, Seq(60)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_send_is_one_message() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.join("r").await.unwrap();
    b.join("r").await.unwrap();
    let first = a.request(message("r", "once")).await.unwrap();
    assert_eq!(a.request(message("r", "once")).await.unwrap(), first, "the first answer again");
    assert_eq!(b.request(message("r", "once")).await, Err(Refusal::CidTaken), "somebody else's cid");
    a.send_message("r", "after").await;
    let received = (b.next_event().await.event.seq, b.next_event().await.event.seq);
    assert_eq!(received, (Seq(1), Seq(2)), "nothing was sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_sent_once_as_a_whole_and_then_as_changes() {
    let server = TestServer::start().await;
    let mut a = server.client_named("가").await;
    a.join("r").await.unwrap();
    let mut b = server.client_named("나").await;
    let joined = b.join("r").await.unwrap();
    assert_eq!(joined.people.len(), 2);
    let me = joined.people.iter().find(|person| person.name.as_str() == "나").unwrap().clone();

    while a.next_presence_change().await != PresenceChange::Joined(me.clone()) {}
    let renamed = b.request(Rename { name: DisplayName::parse("다").unwrap() }).await.unwrap();
    assert_eq!(renamed.you.id, me.id);
    let shown = Person { roles: me.roles, ..renamed.you };
    assert_eq!(a.next_presence_change().await, PresenceChange::Renamed(shown));
    b.request(Leave { room: room("r") }).await.unwrap();
    assert_eq!(a.next_presence_change().await, PresenceChange::Left(me.id));
    assert_eq!(b.request(message("r", "from outside")).await, Err(Refusal::NotInRoom));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_reaches_every_room_of_the_person_over_every_connection() {
    let server = TestServer::start().await;
    let mut phone = server.client_named("옛이름").await;
    let token = phone.request(Hello {}).await.unwrap().token.unwrap();
    let mut laptop = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    let mut watchers = Vec::new();
    for name in ["phone only", "both", "laptop only"] {
        let mut watcher = server.client().await;
        watcher.join(name).await.unwrap();
        watchers.push(watcher);
    }
    phone.join("phone only").await.unwrap();
    phone.join("both").await.unwrap();
    laptop.join("both").await.unwrap();
    laptop.join("laptop only").await.unwrap();
    phone.join("left").await.unwrap();
    phone.request(Leave { room: room("left") }).await.unwrap();
    let renamed = laptop.request(Rename { name: DisplayName::parse("새이름").unwrap() }).await.unwrap().you;
    for mut watcher in watchers {
        while watcher.next_presence_change().await != PresenceChange::Renamed(renamed.clone()) {}
    }
    let people = phone.join("left").await.unwrap().people;
    assert_eq!(people.iter().map(|person| &person.name).collect::<Vec<_>>(), [&renamed.name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_joins_at_once_are_announced_in_few_batches() {
    const JOINS: usize = 300;
    let server = TestServer::start().await;
    let mut first = server.client().await;
    first.join("r").await.unwrap();
    let mut joining = Vec::new();
    for _ in 0..JOINS {
        let mut client = server.client().await;
        joining.push(tokio::spawn(async move {
            client.join("r").await.unwrap();
            client
        }));
    }
    let mut members = Vec::new();
    for client in joining {
        members.push(client.await.unwrap());
    }
    let (mut announced, mut batches) = (0, 0);
    while announced < JOINS {
        let presence: Presence = serde_json::from_value(first.next_push("presence").await).unwrap();
        batches += 1;
        announced +=
            presence.changes.iter().filter(|change| matches!(change, PresenceChange::Joined(_))).count();
    }
    assert!(batches < JOINS / 3, "{batches} batches for {JOINS} people");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_keep_the_name_they_were_sent_under() {
    let server = TestServer::start().await;
    let mut a = server.client_named("옛이름").await;
    a.join("r").await.unwrap();
    a.send_message("r", "first").await;
    a.request(Rename { name: DisplayName::parse("새이름").unwrap() }).await.unwrap();
    a.send_message("r", "second").await;
    let names: Vec<String> =
        a.join("r").await.unwrap().events.iter().map(|event| event.person.name.to_string()).collect();
    assert_eq!(names, ["옛이름", "새이름"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_brings_the_same_person_back() {
    let server = TestServer::start().await;
    let mut a = server.client_named("지은").await;
    let welcome = a.request(Hello {}).await.unwrap();
    let token = welcome.token.expect("a new identity gets a token");
    a.request(Rename { name: DisplayName::parse("지은이").unwrap() }).await.unwrap();
    a.close().await;

    let mut again = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    let welcome = again.request(Hello {}).await.unwrap();
    assert_eq!(welcome.you.name.as_str(), "지은이");
    assert_eq!(welcome.token, None, "a known token is not replaced");
    let stranger = Client::connect(server.address, json!({ "token": "0000" })).await;
    assert_eq!(stranger.err(), Some(Refusal::UnknownToken));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_name_is_a_guest_with_four_digits() {
    let server = TestServer::start().await;
    let you = server.client().await.request(Hello {}).await.unwrap().you;
    let digits = you.name.as_str().strip_prefix("guest-").unwrap();
    assert!(digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{}", you.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn deceptive_names_and_malformed_commands_are_refused_with_a_reason() {
    let server = TestServer::start().await;
    let connect = |name: &str| Client::connect(server.address, json!({ "name": name }));
    assert_eq!(connect("ad\u{202E}nim").await.err(), Some(Refusal::NameUnreadable));
    assert_eq!(connect(&"x".repeat(33)).await.err(), Some(Refusal::NameTooLong));
    let mut client = server.client().await;
    let answer = client.request_raw("join", &json!({ "room": "a/b" })).await;
    assert_eq!(answer["error"]["code"], "room_name_not_a_link");
    let answer = client.request_raw("dance", &json!({})).await;
    assert_eq!(answer["error"]["code"], "unknown_command");
    let answer = client.request_raw("join", &json!("lobby")).await;
    assert_eq!(answer["error"]["code"], "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_names_the_field_that_is_wrong() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for (command, payload, field) in [
        ("join", json!({}), Some("room")),
        ("join", json!({ "room": "a/b" }), Some("room")),
        ("join", json!({ "room": "r", "seats": "two" }), Some("seats")),
        ("send", json!({ "room": "r", "cid": "c", "text": "hi" }), Some("body")),
        ("send", json!({ "room": "r", "cid": "a b", "body": "hi" }), Some("cid")),
        ("react", json!({ "room": "r", "cid": "c", "seq": 1, "emoji": "x", "on": true }), Some("emoji")),
        ("rename", json!({ "name": 7 }), Some("name")),
        ("away", json!({ "away": "yes" }), Some("away")),
        ("join", json!("lobby"), None),
    ] {
        let answer = client.request_raw(command, &payload).await;
        assert_eq!(answer["error"].get("field").and_then(Value::as_str), field, "{command} {payload}");
        if let Some(field) = field.filter(|_| answer["error"]["code"] == "bad_request") {
            assert!(answer["error"]["message"].as_str().unwrap().contains(field), "{answer}");
        }
    }
    client.join("r").await.unwrap();
    let you = client.request(Hello {}).await.unwrap().you.id;
    let history = client.request_raw("history", &json!({ "room": "r" })).await;
    let remove = client.request_raw("remove", &json!({ "room": "r", "person": you })).await;
    for (answer, field) in [(history, "before"), (remove, "person")] {
        assert_eq!(
            (&answer["error"]["code"], &answer["error"]["field"]),
            (&json!("bad_request"), &json!(field))
        );
    }
    client.write(r#"42["leave",{"rom":"r"}]"#).await;
    assert_eq!(client.next_push("refused").await["error"]["field"], "room");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_pushed_when_no_acknowledgement_was_requested() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.write(r#"42["leave",{"room":"r"}]"#).await;
    assert_eq!(client.next_push("refused").await["error"]["code"], "not_in_room");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_person_in_a_room_owns_it_and_sets_its_seats() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    let three = Some(Seats::parse(3).unwrap());
    let joined = a.request(Join { seats: three, ..Join::new(room("r")) }).await.unwrap();
    assert_eq!(joined.permissions, [Permission::Read, Permission::Post, Permission::Own]);
    let joined = b.request(Join { seats: Seats::parse(9).ok(), ..Join::new(room("r")) }).await.unwrap();
    assert_eq!((joined.seats, joined.permissions), (three, vec![Permission::Read, Permission::Post]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_takes_the_seat_back_after_a_reload() {
    let server = TestServer::start().await;
    let mut a = server.client().await;
    let token = a.request(Hello {}).await.unwrap().token.unwrap();
    let two = |name: &str| Join { seats: Some(Seats::TWO), ..Join::new(room(name)) };
    a.request(two("r")).await.unwrap();
    let mut b = server.client().await;
    b.join("r").await.unwrap();
    a.close().await;

    let mut c = server.client().await;
    assert_eq!(c.join("r").await, Err(Refusal::RoomFull), "the seat waits for its person");
    let mut a = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    a.join("r").await.unwrap();
    a.request(Leave { room: room("r") }).await.unwrap();
    c.join("r").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_too_fast_is_refused_and_others_are_not_slowed() {
    let slow = Rate { per_second: 0.001, burst: 3.0 };
    let limits = |limits: &mut Limits| limits.messages = slow;
    let server = TestServer::start_with(|config| limits(&mut config.limits)).await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.join("r").await.unwrap();
    b.join("r").await.unwrap();
    for number in 1..=3 {
        a.send_message("r", &format!("message {number}")).await;
    }
    assert_eq!(a.request(message("r", "one too many")).await, Err(Refusal::TooFast));
    b.send_message("r", "unharmed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let server = TestServer::start().await;
    let mut a = server.client_named("지은").await;
    let token = a.request(Hello {}).await.unwrap().token.unwrap();
    a.request(Join { seats: Some(Seats::TWO), ..Join::new(room("둘이")) }).await.unwrap();
    a.send_message("둘이", "잊지 마").await;
    let server = server.restart().await;
    let mut a = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    let joined = a.join("둘이").await.unwrap();
    assert_eq!((joined.seats, joined.events.len()), (Some(Seats::TWO), 1));
    assert!(joined.permissions.contains(&Permission::Own));
    assert_eq!(a.send_message("둘이", "다음").await.seq, Seq(2));
}
