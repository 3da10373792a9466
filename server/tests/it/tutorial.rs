//! The tutorial's contract: its clients work unmodified, its bugs are gone.

use common::{
    message::Cid,
    protocol::{command::UpdateRoom, reply::Permission},
    refusal::Refusal,
    room::{SeatLimit, Seats},
};
use madang::chat::limits::{Limits, Rate};
use serde_json::json;

use crate::harness::{Client, TestServer, no_limits, room};

async fn join_like_tutorial(server: &TestServer, room: &str) -> Client {
    let mut client = server.client().await;
    let answer = client.request_raw("room", &room).await;
    assert!(answer.get("error").is_none(), "{answer}");
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_message_reaches_both_members_including_the_sender() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (join_like_tutorial(&server, "둘").await, join_like_tutorial(&server, "둘").await);
    a.emit("chat message", "안녕").await;
    assert_eq!(a.next_push("chat message").await, json!("안녕"));
    assert_eq!(b.next_push("chat message").await, json!("안녕"));
    let answer = b.request_raw("chat message", &"반가워").await;
    assert_eq!(answer["seq"], 2, "an ack, if one is requested");
    assert_eq!(a.next_push("chat message").await, json!("반가워"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_person_is_refused_until_one_of_the_two_leaves() {
    let server = TestServer::start().await;
    let (mut a, b) = (join_like_tutorial(&server, "둘").await, join_like_tutorial(&server, "둘").await);
    let mut c = server.client().await;
    c.emit("room", "둘").await;
    assert_eq!(c.next_push("result").await, json!("failed"));
    let answer = c.request_raw("room", &"둘").await;
    assert_eq!(answer["error"]["code"], "room_full");
    b.close().await;
    // The server notices the end a moment after the client.
    while c.request_raw("room", &"둘").await.get("error").is_some() {}
    c.emit("chat message", "이제 왔어요").await;
    assert_eq!(a.next_push("chat message").await, json!("이제 왔어요"));
}

/// This command creates rooms for two; the lobby is the default room and stays open.
#[tokio::test(flavor = "multi_thread")]
async fn the_lobby_has_no_seat_limit_and_no_owner() {
    let server = TestServer::start().await;
    let (mut first, _b) =
        (join_like_tutorial(&server, "lobby").await, join_like_tutorial(&server, "lobby").await);
    join_like_tutorial(&server, "lobby").await;
    let joined = first.join("lobby").await.unwrap();
    assert_eq!((joined.seats, joined.permissions), (None, vec![Permission::Read, Permission::Post]));
    let seats = Some(SeatLimit(Seats::parse(1).ok()));
    let shut = UpdateRoom {
        room: room("lobby"),
        cid: Cid::from_random(1),
        topic: None,
        seats,
        shared_network: None,
    };
    assert_eq!(first.request(shut).await.unwrap_err(), Refusal::NotYours);
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_twice_takes_one_seat() {
    let server = TestServer::start().await;
    let mut a = join_like_tutorial(&server, "둘").await;
    a.request_raw("room", &"둘").await;
    let mut b = join_like_tutorial(&server, "둘").await;
    a.emit("chat message", "once").await;
    a.emit("chat message", "end").await;
    for client in [&mut a, &mut b] {
        assert_eq!(client.next_push("chat message").await, json!("once"));
        assert_eq!(client.next_push("chat message").await, json!("end"), "nothing is heard twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_another_room_leaves_the_first() {
    let server = TestServer::start().await;
    let (mut a, mut b) =
        (join_like_tutorial(&server, "하나").await, join_like_tutorial(&server, "하나").await);
    let answer = a.request_raw("room", &"둘").await;
    assert!(answer.get("error").is_none());
    let mut c = join_like_tutorial(&server, "하나").await;
    b.emit("chat message", "to the first room").await;
    assert_eq!(c.next_push("chat message").await, json!("to the first room"));
    a.emit("chat message", "to the second").await;
    assert_eq!(a.next_push("chat message").await, json!("to the second"), "and only that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_room_leaves_the_client_in_its_former_room() {
    let server = TestServer::start().await;
    let (_a, _b) = (join_like_tutorial(&server, "둘").await, join_like_tutorial(&server, "둘").await);
    let mut c = join_like_tutorial(&server, "셋").await;
    c.request_raw("room", &"둘").await;
    c.emit("chat message", "still here").await;
    assert_eq!(c.next_push("chat message").await, json!("still here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_dialects_meet_in_one_room() {
    let server = TestServer::start().await;
    let mut old = join_like_tutorial(&server, "마당").await;
    let mut new = server.client_named("지은").await;
    new.join("마당").await.unwrap();
    old.emit("chat message", "from the tutorial").await;
    assert_eq!(new.next_event().await.event.seq.0, 1);
    new.send_message("마당", "from the page").await;
    assert_eq!(old.next_push("chat message").await, json!("from the tutorial"));
    assert_eq!(old.next_push("chat message").await, json!("from the page"));
    assert!(old.received("presence").is_empty() && old.received("event").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_program_that_disconnects_at_once_are_stored() {
    let server = TestServer::start().await;
    let texts = ["하나", "둘", "셋"];
    for (room, goodbye) in [("길", "41"), ("담", "1")] {
        let mut script = server.client().await;
        let sends = texts.map(|text| format!("42{}", json!(["chat message", text])));
        script.write_in_one_go([format!("42{}", json!(["room", room]))].into_iter().chain(sends)).await;
        script.write(goodbye).await;
        script.wait_until_closed().await;
        // The script may be gone before its room exists.
        let mut reader = server.client().await;
        let joined = reader.join(room).await.unwrap();
        let mut log = joined.events;
        while log.len() < texts.len() {
            let event = reader.next_event().await.event;
            // An event of the joined page may also be pushed, if it was stored just before the join.
            if log.last().is_none_or(|last| last.seq < event.seq) {
                log.push(event);
            }
        }
        assert_eq!(log.iter().map(|event| event.kind.body().unwrap().as_str()).collect::<Vec<_>>(), texts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_has_left_takes_no_seat_while_its_messages_are_still_posted() {
    const MESSAGES: usize = 40;
    // Posting them all takes twenty seconds.
    let rate = Rate { per_second: 2.0, burst: 1.0 };
    let server =
        TestServer::start_with(|config| config.limits = Limits { messages: rate, ..no_limits() }).await;
    let mut program = join_like_tutorial(&server, "자리").await;
    let texts: Vec<String> = (1..=MESSAGES).map(|number| format!("{number}번째")).collect();
    program.write_in_one_go(texts.iter().map(|text| format!("42{}", json!(["chat message", text])))).await;
    program.write("1").await;
    program.wait_until_closed().await;
    let mut one = server.client().await;
    one.join("자리").await.unwrap();
    // It is a room for two. The server may notice a little later than the program that this is its end.
    let mut other = server.client().await;
    while other.join("자리").await.is_err() {}
    let posted = one.whole_log("자리").await.len();
    assert!(posted < MESSAGES, "the seat was taken until all was posted");
    while one.next_event().await.event.seq.0 <= posted as u64 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_sends_too_fast_is_slowed_down_and_loses_nothing() {
    let rate = Rate { per_second: 100.0, burst: 2.0 };
    let server =
        TestServer::start_with(|config| config.limits = Limits { messages: rate, ..no_limits() }).await;
    let mut client = join_like_tutorial(&server, "빨리").await;
    let texts: Vec<String> = (1..=50).map(|number| format!("{number}번째")).collect();
    client.write_in_one_go(texts.iter().map(|text| format!("42{}", json!(["chat message", text])))).await;
    for text in &texts {
        assert_eq!(client.next_push("chat message").await, json!(text));
    }
    assert_eq!(client.received("refused"), [] as [serde_json::Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_join_leaves_the_former_room_usable() {
    let server = TestServer::start().await;
    let _two = (join_like_tutorial(&server, "둘").await, join_like_tutorial(&server, "둘").await);
    let mut client = server.client().await;
    client.join("마당").await.unwrap();
    assert_eq!(client.request_raw("room", &"둘").await["error"]["code"], "room_full");
    client.send_message("마당", "여기 있어요").await;
    assert_eq!(client.next_event().await.room, room("마당"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_has_reconnected_is_told_to_send_its_room_again() {
    let server = TestServer::start().await;
    let client = join_like_tutorial(&server, "둘").await;
    client.close().await;
    let mut client = server.client().await;
    client.emit("chat message", "들려요?").await;
    let error = client.next_push("refused").await["error"].clone();
    assert_eq!(error["code"], "not_in_room");
    assert!(error["message"].as_str().unwrap().contains("`room`"), "{error}");
    client.emit("room", "둘").await;
    client.emit("chat message", "들려요?").await;
    assert_eq!(client.next_push("chat message").await, json!("들려요?"));
}
