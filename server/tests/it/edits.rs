//! Changes to messages and rooms: edits, deletions, reactions, replies, topics. Each reaches everybody in
//! order, survives a restart, and needs permission.

use common::{
    line::Line,
    message::{Cid, Emoji, Seq},
    protocol::{
        command::{Delete, Edit, Hello, History, Join, React, Send as SendMessage, UpdateRoom, WaitForSeat},
        event::{Event, EventKind},
        http::RoomList,
        push::{Push, RoomEvent},
        reply::Sent,
    },
    refusal::Refusal,
    room::{SeatLimit, Seats, Topic},
};
use serde_json::json;

use crate::{
    harness::{Client, ServerProcess, TestServer, body, http_request, room},
    http::json_of,
    line_client::{LineClient, all_transports},
    reducer::Reducer,
    sse_client::SseClient,
};

fn cid(name: &str) -> Cid {
    Cid::parse(name).unwrap()
}

fn emoji() -> Emoji {
    Emoji::parse("👍").unwrap()
}

fn edit(seq: Seq, name: &str, text: &str) -> Edit {
    Edit { room: room("r"), seq, cid: cid(name), body: body(text) }
}

fn delete(seq: Seq, name: &str) -> Delete {
    Delete { room: room("r"), seq, cid: cid(name) }
}

fn react(seq: Seq, name: &str, on: bool) -> React {
    React { room: room("r"), seq, cid: cid(name), emoji: emoji(), on }
}

fn reply(to: Seq, name: &str, text: &str) -> SendMessage {
    SendMessage { reply_to: Some(to), ..SendMessage::new(room("r"), cid(name), body(text)) }
}

fn update_room(name: &str, topic: Option<&str>, seats: Option<u16>) -> UpdateRoom {
    let topic = topic.map(|topic| Topic::parse(topic).unwrap());
    let seats = seats.map(|n| SeatLimit(Some(Seats::parse(n).unwrap())));
    UpdateRoom { room: room("r"), cid: cid(name), topic, seats, shared_network: None }
}

async fn events_after(client: &mut Client, seq: u64) -> Vec<Event> {
    let after = Some(Seq(seq));
    let history = History { room: room("r"), before: None, after, around: None, limit: Some(200) };
    client.request(history).await.unwrap().events
}

async fn get(server: &TestServer, target: &str) -> String {
    let head = format!("GET /api/{target} HTTP/1.1\r\nHost: {}", server.address);
    http_request(server.address, &head, "").await
}

/// Returns two members of the room `r`; the first owns it and has sent one message.
async fn two_members_and_a_message(server: &TestServer) -> (Client, Client, Seq) {
    let (mut a, mut b) = (server.client_named("지은").await, server.client_named("민수").await);
    for client in [&mut a, &mut b] {
        client.join("r").await.unwrap();
    }
    let Sent { seq, .. } = a.send_message("r", "secret").await;
    (a, b, seq)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_a_reaction_and_a_deletion_reach_everybody_in_order() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_members_and_a_message(&server).await;
    let edited = a.request(edit(seq, "e", "better")).await.unwrap();
    let reacted = b.request(react(seq, "r", true)).await.unwrap();
    let deleted = a.request(delete(seq, "d")).await.unwrap();
    assert_eq!([edited.seq, reacted.seq, deleted.seq], [Seq(2), Seq(3), Seq(4)]);
    let happened = [
        EventKind::Edited { target: seq, body: Some(body("better")) },
        EventKind::Reacted { target: seq, emoji: emoji(), on: true },
        EventKind::Deleted { target: seq },
    ];
    for client in [&mut a, &mut b] {
        assert_eq!(client.next_event().await.event.seq, seq);
        for (number, what) in (2..).zip(&happened) {
            let pushed = client.next_event().await;
            assert_eq!((pushed.room, pushed.event.seq, &pushed.event.kind), (room("r"), Seq(number), what));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_shows_each_message_in_its_current_state() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_members_and_a_message(&server).await;
    b.request(react(seq, "1", true)).await.unwrap();
    let edited = a.request(edit(seq, "2", "better")).await.unwrap();
    let joined = server.client().await.join("r").await.unwrap();
    let EventKind::Posted { body: text, state: Some(now), .. } = &joined.events[0].kind else {
        panic!("{joined:?}")
    };
    assert_eq!((text, now.rev, now.edited), (&body("better"), edited.seq, Some(edited.at)));
    assert_eq!(now.reactions.len(), 1);
    assert_eq!((now.reactions[0].count, now.reactions[0].people[0].name.as_str()), (1, "민수"));
    // An edit keeps its text for as long as it is the message's current one.
    a.request(edit(seq, "3", "best")).await.unwrap();
    let edits: Vec<EventKind> = events_after(&mut b, 2).await.into_iter().map(|event| event.kind).collect();
    let best = EventKind::Edited { target: seq, body: Some(body("best")) };
    assert_eq!(edits, [EventKind::Edited { target: seq, body: None }, best]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_text_is_returned_nowhere() {
    let server = TestServer::start_with(all_transports).await;
    let (mut a, mut b, seq) = two_members_and_a_message(&server).await;
    a.request(edit(seq, "e", "secret too")).await.unwrap();
    a.request(react(seq, "r", true)).await.unwrap();
    a.request(reply(seq, "a", "so?")).await.unwrap();
    let deleted = a.request(delete(seq, "d")).await.unwrap();

    let joined = server.client().await.join("r").await.unwrap();
    let events = events_after(&mut b, 0).await;
    assert_eq!(joined.events, events);
    let EventKind::Tombstone { rev, .. } = &events[0].kind else { panic!("{events:?}") };
    assert_eq!(*rev, deleted.seq);
    assert_eq!(events[1].kind, EventKind::Edited { target: seq, body: None });
    assert!(!serde_json::to_string(&events).unwrap().contains("secret"));

    let page = get(&server, "rooms/r/messages").await;
    assert!(page.contains("so?") && !page.contains("secret"), "{page}");
    let mut stream = SseClient::subscribe(server.address, "r/events?since=0", &[]).await;
    for event in &events {
        assert_eq!(stream.next_event().await.as_ref(), Some(event));
    }
    let mut line = LineClient::connect(&server).await;
    let shown = line.join("r").await;
    assert!(
        shown.iter().any(|line| matches!(line, Line::Message { text, .. } if text == "so?")),
        "{shown:?}"
    );
    assert!(!format!("{shown:?}").contains("secret"));
    line.write("/history\n").await;
    loop {
        match line.next().await {
            Line::Note(note) if note == "This is all." => break,
            other => assert!(!format!("{other:?}").contains("secret")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_author_edits_and_only_author_and_owner_delete() {
    let server = TestServer::start().await;
    let (mut owner, mut b, seq) = two_members_and_a_message(&server).await;
    assert_eq!(b.request(edit(seq, "1", "no")).await.unwrap_err(), Refusal::NotYours);
    assert_eq!(b.request(delete(seq, "2")).await.unwrap_err(), Refusal::NotYours);
    let others = b.send_message("r", "mine").await.seq;
    assert_eq!(owner.request(edit(others, "3", "no")).await.unwrap_err(), Refusal::NotYours);
    owner.request(delete(others, "4")).await.unwrap();
    let mut outside = server.client().await;
    assert_eq!(outside.request(react(seq, "5", true)).await.unwrap_err(), Refusal::NotInRoom);
    // A number must not reveal whether another room has such a message.
    b.join("other").await.unwrap();
    for seq in [Seq(0), Seq(99), Seq(u64::MAX)] {
        let edit = Edit { room: room("other"), seq, cid: cid("6"), body: body("x") };
        assert_eq!(b.request(edit).await.unwrap_err(), Refusal::NoSuchMessage);
        assert_eq!(b.request(reply(seq, "7", "to what?")).await.unwrap_err(), Refusal::NoSuchMessage);
    }
    assert_eq!(events_after(&mut b, 0).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_message_stays_deleted_and_can_still_be_replied_to() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_members_and_a_message(&server).await;
    let deleted = a.request(delete(seq, "1")).await.unwrap();
    assert_eq!(a.request(delete(seq, "2")).await.unwrap().seq, deleted.seq);
    assert_eq!(a.request(edit(seq, "3", "back")).await.unwrap_err(), Refusal::NoSuchMessage);
    assert_eq!(b.request(react(seq, "4", true)).await.unwrap_err(), Refusal::NoSuchMessage);
    let answered = b.request(reply(seq, "5", "what was it?")).await.unwrap();
    let pushed = events_after(&mut a, deleted.seq.0).await;
    assert_eq!(pushed.len(), 1);
    assert!(matches!(&pushed[0].kind, EventKind::Posted { reply_to: Some(to), .. } if *to == seq));
    assert_eq!(pushed[0].seq, answered.seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_op_appends_nothing_and_a_repeated_change_happens_once() {
    let server = TestServer::start().await;
    let (mut a, _b, seq) = two_members_and_a_message(&server).await;
    assert_eq!(a.request(edit(seq, "1", "secret")).await.unwrap().seq, seq, "it always read so");
    assert_eq!(a.request(react(seq, "2", false)).await.unwrap().seq, seq, "it was never there");
    assert_eq!(
        a.request(update_room("3", None, None)).await.unwrap().seq,
        Seq(0),
        "nobody ever described it"
    );
    let edited = a.request(edit(seq, "4", "better")).await.unwrap();
    let reacted = a.request(react(seq, "5", true)).await.unwrap();
    let described = a.request(update_room("6", Some("이야기"), None)).await.unwrap();
    for again in ["4", "7"] {
        assert_eq!(a.request(edit(seq, again, "better")).await.unwrap().seq, edited.seq);
    }
    for again in ["5", "8"] {
        let repeated = a.request(react(seq, again, true)).await.unwrap();
        assert_eq!((repeated.seq, repeated.at), (reacted.seq, reacted.at));
    }
    for again in ["6", "9"] {
        assert_eq!(a.request(update_room(again, Some("이야기"), None)).await.unwrap().seq, described.seq);
    }
    assert_eq!(events_after(&mut a, 0).await.len(), 4);
}

#[tokio::test]
async fn both_forms_of_an_emoji_are_one_reaction() {
    const TEXT: &str = "\u{2764}";
    const EMOJI: &str = "\u{2764}\u{FE0F}";
    let server = TestServer::start().await;
    let (mut owner, mut member, seq) = two_members_and_a_message(&server).await;
    let react = |cid: &str, emoji: &str, on: bool| json!({ "room": "r", "seq": seq, "cid": cid, "emoji": emoji, "on": on });

    let first = member.request_raw("react", &react("r-1", TEXT, true)).await;
    let repeated = member.request_raw("react", &react("r-2", EMOJI, true)).await;
    assert_eq!(repeated["seq"], first["seq"], "the reaction is there already");
    owner.request_raw("react", &react("r-3", EMOJI, true)).await;
    let joined = server.client().await.join("r").await.unwrap();
    let EventKind::Posted { state: Some(now), .. } = &joined.events[0].kind else { panic!("{joined:?}") };
    assert_eq!((now.reactions.len(), now.reactions[0].count), (1, 2));
    assert_eq!(now.reactions[0].emoji.as_str(), EMOJI);

    owner.request_raw("react", &react("r-4", TEXT, false)).await;
    member.request_raw("react", &react("r-5", EMOJI, false)).await;
    let joined = server.client().await.join("r").await.unwrap();
    let EventKind::Posted { state: Some(now), .. } = &joined.events[0].kind else { panic!("{joined:?}") };
    assert!(now.reactions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejoin_catches_up_with_changes() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_members_and_a_message(&server).await;
    let second = a.send_message("r", "second").await.seq;
    let mut reducer = Reducer::default();
    reducer.apply(&events_after(&mut b, 0).await);
    b.close().await;
    a.request(edit(seq, "1", "better")).await.unwrap();
    a.request(edit(seq, "2", "best")).await.unwrap();
    a.request(react(seq, "3", true)).await.unwrap();
    a.request(delete(second, "4")).await.unwrap();
    let mut back = server.client_named("민수").await;
    let joined = back.request(Join { since: Some(second), ..Join::new(room("r")) }).await.unwrap();
    assert_eq!(joined.events.len(), 4);
    reducer.apply(&joined.events);
    let mut fresh = Reducer::default();
    fresh.apply(&events_after(&mut back, 0).await);
    assert_eq!(reducer, fresh);
    assert_eq!(reducer.messages[&seq].text.as_deref(), Some("best"));
    assert_eq!(reducer.messages[&second].text, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path());
    let mut a = Client::connect(program.address, json!({})).await.unwrap();
    let token = a.request(Hello {}).await.unwrap().token.unwrap();
    a.join("r").await.unwrap();
    let (first, second) = (a.send_message("r", "one").await.seq, a.send_message("r", "two").await.seq);
    a.request(edit(first, "1", "uno")).await.unwrap();
    a.request(react(first, "2", true)).await.unwrap();
    a.request(delete(second, "3")).await.unwrap();
    let described = a.request(update_room("4", Some("이야기"), Some(7))).await.unwrap();
    let before = events_after(&mut a, 0).await;
    program.kill();

    let program = ServerProcess::start(folder.path());
    let mut a = Client::connect(program.address, json!({ "token": token })).await.unwrap();
    let joined = a.join("r").await.unwrap();
    assert_eq!(joined.events, before);
    assert_eq!((joined.topic, joined.seats), (Topic::parse("이야기").ok(), Seats::parse(7).ok()));
    assert_eq!(
        a.request(update_room("4", Some("이야기"), Some(7))).await.unwrap(),
        described,
        "the first answer again"
    );
    assert_eq!(events_after(&mut a, 0).await.len(), before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_updates_the_room() {
    let server = TestServer::start().await;
    let (mut a, mut b, _) = two_members_and_a_message(&server).await;
    assert_eq!(b.request(update_room("1", Some("no"), None)).await.unwrap_err(), Refusal::NotYours);
    a.request(update_room("2", Some("우리 반 이야기"), Some(3))).await.unwrap();
    assert_eq!(b.next_event().await.event.kind.body(), Some(&body("secret")));
    let what = b.next_event().await.event.kind;
    let topic = Topic::parse("우리 반 이야기").ok();
    assert_eq!(
        what,
        EventKind::RoomChanged {
            topic: topic.clone(),
            seats: Some(SeatLimit(Seats::parse(3).ok())),
            shared_network: None
        }
    );
    let joined = b.join("r").await.unwrap();
    assert_eq!((joined.topic, joined.seats), (topic.clone(), Seats::parse(3).ok()));
    let list: RoomList = serde_json::from_value(json_of(&get(&server, "rooms").await)).unwrap();
    assert_eq!(list.rooms[0].topic, topic);
    // Updating a room does not change the time of its last message.
    assert_eq!(list.rooms[0].last_at, Some(joined.events[0].at));
    a.request(update_room("3", Some(""), None)).await.unwrap();
    assert_eq!(b.join("r").await.unwrap().topic, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn lowering_the_seat_limit_removes_nobody_and_admits_nobody() {
    let server = TestServer::start().await;
    let (mut a, mut b, _) = two_members_and_a_message(&server).await;
    a.request(update_room("1", None, Some(1))).await.unwrap();
    b.send_message("r", "still here").await;
    assert_eq!(server.client().await.join("r").await.unwrap_err(), Refusal::RoomFull);
    a.request(update_room("2", None, Some(3))).await.unwrap();
    assert!(server.client().await.join("r").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_seat_limit_stays_removed_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path());
    let mut a = Client::connect(program.address, json!({ "name": "지은" })).await.unwrap();
    let seats = Seats::parse(1).ok();
    a.request(Join { seats, ..Join::new(room("r")) }).await.unwrap();
    let mut waiting = Client::connect(program.address, json!({ "name": "민수" })).await.unwrap();
    assert_eq!(waiting.join("r").await.unwrap_err(), Refusal::RoomFull);
    waiting.request(WaitForSeat { room: room("r") }).await.unwrap();
    let lift = |name| UpdateRoom { seats: Some(SeatLimit(None)), ..update_room(name, None, None) };
    let lifted = a.request(lift("1")).await.unwrap();
    waiting.next_push(Push::SEAT_AVAILABLE).await;
    assert_eq!(waiting.join("r").await.unwrap().seats, None);
    assert_eq!(a.request(lift("2")).await.unwrap().seq, lifted.seq, "it is lifted already");
    a.request(update_room("3", Some("이야기"), None)).await.unwrap();
    program.kill();

    let program = ServerProcess::start(folder.path());
    let joined =
        Client::connect(program.address, json!({ "name": "하나" })).await.unwrap().join("r").await.unwrap();
    assert_eq!(joined.seats, None);
    assert_eq!(
        joined.events[0].kind,
        EventKind::RoomChanged { topic: None, seats: Some(SeatLimit(None)), shared_network: None }
    );
    assert_eq!(
        joined.events[1].kind,
        EventKind::RoomChanged { topic: Topic::parse("이야기").ok(), seats: None, shared_network: None }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_can_be_created_with_a_topic() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    let topic = |text: &str| Topic::parse(text).ok();
    let join = |text: &str| Join { topic: topic(text), ..Join::new(room("r")) };
    assert_eq!(a.request(join("first")).await.unwrap().topic, topic("first"));
    assert_eq!(b.request(join("second")).await.unwrap().topic, topic("first"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_transport_shows_changes_and_the_tutorials_client_only_messages() {
    let server = TestServer::start_with(all_transports).await;
    let (mut a, _b, seq) = two_members_and_a_message(&server).await;
    let mut line = LineClient::connect_to(&server, "r").await;
    let mut tutorial = server.client().await;
    tutorial.request_raw("room", &"r").await;
    a.request(edit(seq, "1", "better\nlonger")).await.unwrap();
    a.request(react(seq, "2", true)).await.unwrap();
    a.request(delete(seq, "3")).await.unwrap();
    a.request(update_room("4", Some("이야기"), None)).await.unwrap();
    a.send_message("r", "the end").await;
    for note in [
        "지은 (owner, guest) changed a message: better / longer",
        "지은 (owner, guest) put 👍 under a message",
        "지은 (owner, guest) took back a message",
        "지은 (owner, guest) changed the topic: 이야기",
    ] {
        assert_eq!(line.wait_for_note("지은").await, note);
    }
    assert_eq!(line.next_message().await.1, "the end");
    assert_eq!(tutorial.next_push("chat message").await, json!("the end"));
    assert!(tutorial.received(Push::EVENT).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_one_burst_are_executed_in_order() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_members_and_a_message(&server).await;
    let edits = (0..30).map(|n| edit(seq, &format!("e{n}"), &format!("text {n}")));
    let ids = a.burst(edits).await;
    for id in ids {
        a.reply(id).await;
    }
    b.next_event().await;
    for n in 0..30 {
        let RoomEvent { event, .. } = b.next_event().await;
        let text = Some(body(&format!("text {n}")));
        assert_eq!((event.seq, event.kind), (Seq(n + 2), EventKind::Edited { target: seq, body: text }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_can_reply_to_a_message() {
    let server = TestServer::start().await;
    let (_a, mut b, seq) = two_members_and_a_message(&server).await;
    let head = format!(
        "POST /api/rooms/r/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json",
        server.address
    );
    let answer = |to: u64| json!({ "body": "built", "reply_to": to }).to_string();
    let response = http_request(server.address, &head, &answer(seq.0)).await;
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    b.next_event().await;
    let pushed = b.next_event().await.event.kind;
    assert!(matches!(pushed, EventKind::Posted { reply_to: Some(to), .. } if to == seq));
    let response = http_request(server.address, &head, &answer(99)).await;
    assert!(response.starts_with("HTTP/1.1 404"), "{response}");
}
