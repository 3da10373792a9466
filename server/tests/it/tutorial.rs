//! The tutorial's contract: its clients work unmodified, its bugs are gone.

use common::{
    event::{Describe, Permission},
    message::Cid,
    refusal::Refusal,
    room::{Limit, Seats},
};
use serde_json::json;

use crate::support::{Client, TestServer, room};

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
