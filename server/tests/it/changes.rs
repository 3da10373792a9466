//! What is done to messages and rooms: edits, deletions, reactions, replies, topics. Each reaches
//! everybody in its order, outlives the server, and nobody else may do it.

use common::{
    event::{
        Delete, Describe, Edit, Event, Hello, History, Join, Push, React, RoomEvent, RoomList, Send as Say,
        Sent, WatchSeat, What,
    },
    line::Line,
    message::{Cid, Emoji, Seq},
    refusal::Refusal,
    room::{Limit, Seats, Topic},
};
use serde_json::json;

use crate::{
    fold::Fold,
    http::json_of,
    line::{Nc, every_door},
    stream::Stream,
    support::{Client, Program, TestServer, body, request, room},
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

fn answer(to: Seq, name: &str, text: &str) -> Say {
    Say { reply_to: Some(to), ..Say::new(room("r"), cid(name), body(text)) }
}

fn describe(name: &str, topic: Option<&str>, seats: Option<u16>) -> Describe {
    let topic = topic.map(|topic| Topic::parse(topic).unwrap());
    let seats = seats.map(|n| Limit(Some(Seats::parse(n).unwrap())));
    Describe { room: room("r"), cid: cid(name), topic, seats }
}

async fn after(client: &mut Client, seq: u64) -> Vec<Event> {
    let after = Some(Seq(seq));
    let history = History { room: room("r"), before: None, after, around: None, limit: Some(200) };
    client.ask(history).await.unwrap().events
}

async fn get(server: &TestServer, target: &str) -> String {
    let head = format!("GET /api/{target} HTTP/1.1\r\nHost: {}", server.address);
    request(server.address, &head, "").await
}

/// Two in the room `r`; the first has said one thing and owns the room.
async fn two_and_a_message(server: &TestServer) -> (Client, Client, Seq) {
    let (mut a, mut b) = (server.client_named("지은").await, server.client_named("민수").await);
    for client in [&mut a, &mut b] {
        client.join("r").await.unwrap();
    }
    let Sent { seq, .. } = a.say("r", "secret").await;
    (a, b, seq)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_a_reaction_and_a_deletion_reach_everybody_in_order() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_and_a_message(&server).await;
    let edited = a.ask(edit(seq, "e", "better")).await.unwrap();
    let reacted = b.ask(react(seq, "r", true)).await.unwrap();
    let deleted = a.ask(delete(seq, "d")).await.unwrap();
    assert_eq!([edited.seq, reacted.seq, deleted.seq], [Seq(2), Seq(3), Seq(4)]);
    let happened = [
        What::Edited { of: seq, body: Some(body("better")) },
        What::Reacted { to: seq, emoji: emoji(), on: true },
        What::Deleted { of: seq },
    ];
    for client in [&mut a, &mut b] {
        assert_eq!(client.next_event().await.event.seq, seq);
        for (number, what) in (2..).zip(&happened) {
            let told = client.next_event().await;
            assert_eq!((told.room, told.event.seq, &told.event.what), (room("r"), Seq(number), what));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_shows_each_message_as_it_is_now() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_and_a_message(&server).await;
    b.ask(react(seq, "1", true)).await.unwrap();
    let edited = a.ask(edit(seq, "2", "better")).await.unwrap();
    let joined = server.client().await.join("r").await.unwrap();
    let What::Posted { body: text, now: Some(now), .. } = &joined.events[0].what else {
        panic!("{joined:?}")
    };
    assert_eq!((text, now.rev, now.edited), (&body("better"), edited.seq, Some(edited.at)));
    assert_eq!(now.reactions.len(), 1);
    assert_eq!((now.reactions[0].count, now.reactions[0].people[0].name.as_str()), (1, "민수"));
    // The text an edit brought stands there as long as it is the message's.
    a.ask(edit(seq, "3", "best")).await.unwrap();
    let edits: Vec<What> = after(&mut b, 2).await.into_iter().map(|event| event.what).collect();
    let best = What::Edited { of: seq, body: Some(body("best")) };
    assert_eq!(edits, [What::Edited { of: seq, body: None }, best]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_is_to_be_read_nowhere() {
    let server = TestServer::start_with(every_door).await;
    let (mut a, mut b, seq) = two_and_a_message(&server).await;
    a.ask(edit(seq, "e", "secret too")).await.unwrap();
    a.ask(react(seq, "r", true)).await.unwrap();
    a.ask(answer(seq, "a", "so?")).await.unwrap();
    let deleted = a.ask(delete(seq, "d")).await.unwrap();

    let joined = server.client().await.join("r").await.unwrap();
    let events = after(&mut b, 0).await;
    assert_eq!(joined.events, events);
    let What::Withdrawn { rev, .. } = &events[0].what else { panic!("{events:?}") };
    assert_eq!(*rev, deleted.seq);
    assert_eq!(events[1].what, What::Edited { of: seq, body: None });
    assert!(!serde_json::to_string(&events).unwrap().contains("secret"));

    let page = get(&server, "rooms/r/messages").await;
    assert!(page.contains("so?") && !page.contains("secret"), "{page}");
    let mut stream = Stream::follow(server.address, "r/events?since=0", &[]).await;
    for event in &events {
        assert_eq!(stream.next_event().await.as_ref(), Some(event));
    }
    let mut line = Nc::connect(&server).await;
    let shown = line.join("r").await;
    assert!(shown.iter().any(|line| matches!(line, Line::Said { text, .. } if text == "so?")), "{shown:?}");
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
async fn only_the_author_edits_and_only_author_and_owner_take_back() {
    let server = TestServer::start().await;
    let (mut owner, mut b, seq) = two_and_a_message(&server).await;
    assert_eq!(b.ask(edit(seq, "1", "no")).await.unwrap_err(), Refusal::NotYours);
    assert_eq!(b.ask(delete(seq, "2")).await.unwrap_err(), Refusal::NotYours);
    let bs = b.say("r", "mine").await.seq;
    assert_eq!(owner.ask(edit(bs, "3", "no")).await.unwrap_err(), Refusal::NotYours);
    owner.ask(delete(bs, "4")).await.unwrap();
    let mut outside = server.client().await;
    assert_eq!(outside.ask(react(seq, "5", true)).await.unwrap_err(), Refusal::NotInRoom);
    // Nobody learns of another room's messages by their numbers.
    b.join("other").await.unwrap();
    for seq in [Seq(0), Seq(99), Seq(u64::MAX)] {
        let edit = Edit { room: room("other"), seq, cid: cid("6"), body: body("x") };
        assert_eq!(b.ask(edit).await.unwrap_err(), Refusal::NoSuchMessage);
        assert_eq!(b.ask(answer(seq, "7", "to what?")).await.unwrap_err(), Refusal::NoSuchMessage);
    }
    assert_eq!(after(&mut b, 0).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_stays_so_and_can_still_be_answered() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_and_a_message(&server).await;
    let deleted = a.ask(delete(seq, "1")).await.unwrap();
    assert_eq!(a.ask(delete(seq, "2")).await.unwrap().seq, deleted.seq);
    assert_eq!(a.ask(edit(seq, "3", "back")).await.unwrap_err(), Refusal::NoSuchMessage);
    assert_eq!(b.ask(react(seq, "4", true)).await.unwrap_err(), Refusal::NoSuchMessage);
    let answered = b.ask(answer(seq, "5", "what was it?")).await.unwrap();
    let told = after(&mut a, deleted.seq.0).await;
    assert_eq!(told.len(), 1);
    assert!(matches!(&told[0].what, What::Posted { reply_to: Some(to), .. } if *to == seq));
    assert_eq!(told[0].seq, answered.seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_so_already_adds_nothing_and_what_is_repeated_is_done_once() {
    let server = TestServer::start().await;
    let (mut a, _b, seq) = two_and_a_message(&server).await;
    assert_eq!(a.ask(edit(seq, "1", "secret")).await.unwrap().seq, seq, "it always read so");
    assert_eq!(a.ask(react(seq, "2", false)).await.unwrap().seq, seq, "it was never there");
    assert_eq!(a.ask(describe("3", None, None)).await.unwrap().seq, Seq(0), "nobody ever described it");
    let edited = a.ask(edit(seq, "4", "better")).await.unwrap();
    let reacted = a.ask(react(seq, "5", true)).await.unwrap();
    let described = a.ask(describe("6", Some("이야기"), None)).await.unwrap();
    for again in ["4", "7"] {
        assert_eq!(a.ask(edit(seq, again, "better")).await.unwrap().seq, edited.seq);
    }
    for again in ["5", "8"] {
        let repeated = a.ask(react(seq, again, true)).await.unwrap();
        assert_eq!((repeated.seq, repeated.at), (reacted.seq, reacted.at));
    }
    for again in ["6", "9"] {
        assert_eq!(a.ask(describe(again, Some("이야기"), None)).await.unwrap().seq, described.seq);
    }
    assert_eq!(after(&mut a, 0).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_catches_up_with_what_changed() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_and_a_message(&server).await;
    let second = a.say("r", "second").await.seq;
    let mut fold = Fold::default();
    fold.apply(&after(&mut b, 0).await);
    b.close().await;
    a.ask(edit(seq, "1", "better")).await.unwrap();
    a.ask(edit(seq, "2", "best")).await.unwrap();
    a.ask(react(seq, "3", true)).await.unwrap();
    a.ask(delete(second, "4")).await.unwrap();
    let mut back = server.client_named("민수").await;
    let joined = back.ask(Join { since: Some(second), ..Join::new(room("r")) }).await.unwrap();
    assert_eq!(joined.events.len(), 4);
    fold.apply(&joined.events);
    let mut fresh = Fold::default();
    fresh.apply(&after(&mut back, 0).await);
    assert_eq!(fold, fresh);
    assert_eq!(fold.messages[&seq].text.as_deref(), Some("best"));
    assert_eq!(fold.messages[&second].text, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path());
    let mut a = Client::connect(program.address, json!({})).await.unwrap();
    let token = a.ask(Hello {}).await.unwrap().token.unwrap();
    a.join("r").await.unwrap();
    let (first, second) = (a.say("r", "one").await.seq, a.say("r", "two").await.seq);
    a.ask(edit(first, "1", "uno")).await.unwrap();
    a.ask(react(first, "2", true)).await.unwrap();
    a.ask(delete(second, "3")).await.unwrap();
    let described = a.ask(describe("4", Some("이야기"), Some(7))).await.unwrap();
    let before = after(&mut a, 0).await;
    program.kill();

    let program = Program::start(folder.path());
    let mut a = Client::connect(program.address, json!({ "token": token })).await.unwrap();
    let joined = a.join("r").await.unwrap();
    assert_eq!(joined.events, before);
    assert_eq!((joined.topic, joined.seats), (Topic::parse("이야기").ok(), Seats::parse(7).ok()));
    assert_eq!(
        a.ask(describe("4", Some("이야기"), Some(7))).await.unwrap(),
        described,
        "the first answer again"
    );
    assert_eq!(after(&mut a, 0).await.len(), before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_describes_the_room_and_nobody_else() {
    let server = TestServer::start().await;
    let (mut a, mut b, _) = two_and_a_message(&server).await;
    assert_eq!(b.ask(describe("1", Some("no"), None)).await.unwrap_err(), Refusal::NotYours);
    a.ask(describe("2", Some("우리 반 이야기"), Some(3))).await.unwrap();
    assert_eq!(b.next_event().await.event.what.body(), Some(&body("secret")));
    let what = b.next_event().await.event.what;
    let topic = Topic::parse("우리 반 이야기").ok();
    assert_eq!(what, What::RoomChanged { topic: topic.clone(), seats: Some(Limit(Seats::parse(3).ok())) });
    let joined = b.join("r").await.unwrap();
    assert_eq!((joined.topic, joined.seats), (topic.clone(), Seats::parse(3).ok()));
    let list: RoomList = serde_json::from_value(json_of(&get(&server, "rooms").await)).unwrap();
    assert_eq!(list.rooms[0].topic, topic);
    // A room that was described is not one where something was said later.
    assert_eq!(list.rooms[0].last_at, Some(joined.events[0].at));
    a.ask(describe("3", Some(""), None)).await.unwrap();
    assert_eq!(b.join("r").await.unwrap().topic, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_seats_send_nobody_away_and_let_nobody_in() {
    let server = TestServer::start().await;
    let (mut a, mut b, _) = two_and_a_message(&server).await;
    a.ask(describe("1", None, Some(1))).await.unwrap();
    b.say("r", "still here").await;
    assert_eq!(server.client().await.join("r").await.unwrap_err(), Refusal::RoomFull);
    a.ask(describe("2", None, Some(3))).await.unwrap();
    assert!(server.client().await.join("r").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_seats_is_lifted_and_stays_so_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path());
    let mut a = Client::connect(program.address, json!({ "name": "지은" })).await.unwrap();
    let seats = Seats::parse(1).ok();
    a.ask(Join { seats, ..Join::new(room("r")) }).await.unwrap();
    let mut waiting = Client::connect(program.address, json!({ "name": "민수" })).await.unwrap();
    assert_eq!(waiting.join("r").await.unwrap_err(), Refusal::RoomFull);
    waiting.ask(WatchSeat { room: room("r") }).await.unwrap();
    let lift = |name| Describe { seats: Some(Limit(None)), ..describe(name, None, None) };
    let lifted = a.ask(lift("1")).await.unwrap();
    waiting.next(Push::SEAT).await;
    assert_eq!(waiting.join("r").await.unwrap().seats, None);
    assert_eq!(a.ask(lift("2")).await.unwrap().seq, lifted.seq, "it is lifted already");
    a.ask(describe("3", Some("이야기"), None)).await.unwrap();
    program.kill();

    let program = Program::start(folder.path());
    let joined =
        Client::connect(program.address, json!({ "name": "하나" })).await.unwrap().join("r").await.unwrap();
    assert_eq!(joined.seats, None);
    assert_eq!(joined.events[0].what, What::RoomChanged { topic: None, seats: Some(Limit(None)) });
    assert_eq!(joined.events[1].what, What::RoomChanged { topic: Topic::parse("이야기").ok(), seats: None });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_may_have_a_topic_from_its_beginning() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    let topic = |text: &str| Topic::parse(text).ok();
    let join = |text: &str| Join { topic: topic(text), ..Join::new(room("r")) };
    assert_eq!(a.ask(join("first")).await.unwrap().topic, topic("first"));
    assert_eq!(b.ask(join("second")).await.unwrap().topic, topic("first"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_told_what_happens_and_the_tutorial_only_what_is_said() {
    let server = TestServer::start_with(every_door).await;
    let (mut a, _b, seq) = two_and_a_message(&server).await;
    let mut line = Nc::connect_to(&server, "r").await;
    let mut tutorial = server.client().await;
    tutorial.ask_raw("room", &"r").await;
    a.ask(edit(seq, "1", "better\nlonger")).await.unwrap();
    a.ask(react(seq, "2", true)).await.unwrap();
    a.ask(delete(seq, "3")).await.unwrap();
    a.ask(describe("4", Some("이야기"), None)).await.unwrap();
    a.say("r", "the end").await;
    for note in [
        "지은 changed a message: better / longer",
        "지은 put 👍 under a message",
        "지은 took back a message",
        "지은 changed the topic: 이야기",
    ] {
        assert_eq!(line.noted("지은").await, note);
    }
    assert_eq!(line.next_said().await.1, "the end");
    assert_eq!(tutorial.next("chat message").await, json!("the end"));
    assert!(tutorial.heard(Push::EVENT).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_in_one_burst_happens_in_its_order() {
    let server = TestServer::start().await;
    let (mut a, mut b, seq) = two_and_a_message(&server).await;
    let edits = (0..30).map(|n| edit(seq, &format!("e{n}"), &format!("text {n}")));
    let ids = a.burst(edits).await;
    for id in ids {
        a.answer(id).await;
    }
    b.next_event().await;
    for n in 0..30 {
        let RoomEvent { event, .. } = b.next_event().await;
        let text = Some(body(&format!("text {n}")));
        assert_eq!((event.seq, event.what), (Seq(n + 2), What::Edited { of: seq, body: text }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_can_answer_a_message_too() {
    let server = TestServer::start().await;
    let (_a, mut b, seq) = two_and_a_message(&server).await;
    let head = format!(
        "POST /api/rooms/r/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json",
        server.address
    );
    let answer = |to: u64| json!({ "body": "built", "reply_to": to }).to_string();
    let response = request(server.address, &head, &answer(seq.0)).await;
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    b.next_event().await;
    let told = b.next_event().await.event.what;
    assert!(matches!(told, What::Posted { reply_to: Some(to), .. } if to == seq));
    let response = request(server.address, &head, &answer(99)).await;
    assert!(response.starts_with("HTTP/1.1 404"), "{response}");
}
