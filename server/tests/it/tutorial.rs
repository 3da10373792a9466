//! The tutorial's contract: its clients work unmodified, its bugs are gone.

use common::{
    event::{Describe, Permission},
    message::Cid,
    refusal::Refusal,
    room::{Limit, Seats},
};
use madang::chat::limits::{Limits, Rate};
use serde_json::json;

use crate::support::{Client, TestServer, no_limits, room};

async fn sit(server: &TestServer, room: &str) -> Client {
    let mut client = server.client().await;
    let answer = client.ask_raw("room", &room).await;
    assert!(answer.get("error").is_none(), "{answer}");
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_message_is_heard_by_both_the_sender_included() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (sit(&server, "둘").await, sit(&server, "둘").await);
    a.emit("chat message", "안녕").await;
    assert_eq!(a.next("chat message").await, json!("안녕"));
    assert_eq!(b.next("chat message").await, json!("안녕"));
    let answer = b.ask_raw("chat message", &"반가워").await;
    assert_eq!(answer["seq"], 2, "an ack, for whoever wants one");
    assert_eq!(a.next("chat message").await, json!("반가워"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_is_refused_until_one_of_the_two_goes() {
    let server = TestServer::start().await;
    let (mut a, b) = (sit(&server, "둘").await, sit(&server, "둘").await);
    let mut c = server.client().await;
    c.emit("room", "둘").await;
    assert_eq!(c.next("result").await, json!("failed"));
    let answer = c.ask_raw("room", &"둘").await;
    assert_eq!(answer["error"]["code"], "room_full");
    b.close().await;
    // The server hears of the end a moment after the client does.
    while c.ask_raw("room", &"둘").await.get("error").is_some() {}
    c.emit("chat message", "이제 왔어요").await;
    assert_eq!(a.next("chat message").await, json!("이제 왔어요"));
}

/// A room for two comes into being by this event, but whoever does not choose a room is in the lobby.
#[tokio::test(flavor = "multi_thread")]
async fn the_lobby_is_no_room_for_two_and_has_no_owner() {
    let server = TestServer::start().await;
    let (mut first, _b) = (sit(&server, "lobby").await, sit(&server, "lobby").await);
    sit(&server, "lobby").await;
    let joined = first.join("lobby").await.unwrap();
    assert_eq!((joined.seats, joined.may), (None, vec![Permission::Read, Permission::Post]));
    let seats = Some(Limit(Seats::parse(1).ok()));
    let shut = Describe { room: room("lobby"), cid: Cid::from_random(1), topic: None, seats };
    assert_eq!(first.ask(shut).await.unwrap_err(), Refusal::NotYours);
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_twice_takes_one_seat() {
    let server = TestServer::start().await;
    let mut a = sit(&server, "둘").await;
    a.ask_raw("room", &"둘").await;
    let mut b = sit(&server, "둘").await;
    a.emit("chat message", "once").await;
    a.emit("chat message", "end").await;
    for client in [&mut a, &mut b] {
        assert_eq!(client.next("chat message").await, json!("once"));
        assert_eq!(client.next("chat message").await, json!("end"), "nothing is heard twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_another_room_leaves_the_first() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (sit(&server, "하나").await, sit(&server, "하나").await);
    let answer = a.ask_raw("room", &"둘").await;
    assert!(answer.get("error").is_none());
    let mut c = sit(&server, "하나").await;
    b.emit("chat message", "to the first room").await;
    assert_eq!(c.next("chat message").await, json!("to the first room"));
    a.emit("chat message", "to the second").await;
    assert_eq!(a.next("chat message").await, json!("to the second"), "and only that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_full_leaves_one_where_one_was() {
    let server = TestServer::start().await;
    let (_a, _b) = (sit(&server, "둘").await, sit(&server, "둘").await);
    let mut c = sit(&server, "셋").await;
    c.ask_raw("room", &"둘").await;
    c.emit("chat message", "still here").await;
    assert_eq!(c.next("chat message").await, json!("still here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_dialects_meet_in_one_room() {
    let server = TestServer::start().await;
    let mut old = sit(&server, "마당").await;
    let mut new = server.client_named("지은").await;
    new.join("마당").await.unwrap();
    old.emit("chat message", "from the tutorial").await;
    assert_eq!(new.next_event().await.event.seq.0, 1);
    new.say("마당", "from the page").await;
    assert_eq!(old.next("chat message").await, json!("from the tutorial"));
    assert_eq!(old.next("chat message").await, json!("from the page"));
    assert!(old.heard("presence").is_empty() && old.heard("event").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_says_and_is_gone_is_said() {
    let server = TestServer::start().await;
    let texts = ["하나", "둘", "셋"];
    for (room, goodbye) in [("길", "41"), ("담", "1")] {
        let mut script = server.client().await;
        let said = texts.map(|text| format!("42{}", json!(["chat message", text])));
        script.write_at_once([format!("42{}", json!(["room", room]))].into_iter().chain(said)).await;
        script.write(goodbye).await;
        script.until_closed().await;
        // The script may be gone before its room is there.
        let mut reader = server.client().await;
        let joined = reader.join(room).await.unwrap();
        let mut log: Vec<_> = joined.events.into_iter().map(|event| event.what).collect();
        while log.len() < texts.len() {
            log.push(reader.next_event().await.event.what);
        }
        assert_eq!(log.iter().map(|what| what.body().unwrap().as_str()).collect::<Vec<_>>(), texts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_too_fast_is_slowed_down_and_loses_nothing() {
    let rate = Rate { per_second: 100.0, burst: 2.0 };
    let server =
        TestServer::start_with(|config| config.limits = Limits { messages: rate, ..no_limits() }).await;
    let mut client = sit(&server, "빨리").await;
    let texts: Vec<String> = (1..=50).map(|number| format!("{number}번째")).collect();
    client.write_at_once(texts.iter().map(|text| format!("42{}", json!(["chat message", text])))).await;
    for text in &texts {
        assert_eq!(client.next("chat message").await, json!(text));
    }
    assert_eq!(client.heard("refused"), [] as [serde_json::Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_goes_on_speaking_as_before() {
    let server = TestServer::start().await;
    let _two = (sit(&server, "둘").await, sit(&server, "둘").await);
    let mut client = server.client().await;
    client.join("마당").await.unwrap();
    assert_eq!(client.ask_raw("room", &"둘").await["error"]["code"], "room_full");
    client.say("마당", "여기 있어요").await;
    assert_eq!(client.next_event().await.room, room("마당"));
}
