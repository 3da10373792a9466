//! What is told and not kept: who types, who is away, and that a seat is free.

use common::{
    event::{Away, Change, Describe, Join, Leave, Noted, Push, Typing, WatchSeat},
    message::{Cid, Seq},
    refusal::Refusal,
    room::{Limit, Seats},
};
use madang::chat::limits::{Limits, ROOMS_PER_CONNECTION};
use serde_json::json;
use tokio::time::{Duration, Instant};

use crate::support::{Client, TestServer, room};

fn typing() -> Typing {
    Typing { room: room("r") }
}

fn watch(name: &str) -> WatchSeat {
    WatchSeat { room: room(name) }
}

async fn two(server: &TestServer) -> (Client, Client) {
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.join("r").await.unwrap();
    b.join("r").await.unwrap();
    (a, b)
}

/// What `client` was told under this name before it was told everything that happened so far.
async fn heard_by_now(client: &mut Client, speaker: &mut Client, name: &str) -> usize {
    let last = speaker.say("r", &format!("{:?}", Instant::now())).await.seq;
    while client.next_event().await.event.seq != last {}
    client.heard(name).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_is_told_to_the_others_and_not_too_often() {
    let server = TestServer::start().await;
    let (mut a, mut b) = two(&server).await;
    let me = a.ask(common::event::Hello {}).await.unwrap().you;
    let began = Instant::now();
    assert_eq!(a.ask(typing()).await.unwrap(), Noted {});
    assert_eq!(b.next(Push::TYPING).await, json!({ "room": "r", "person": me.id }));
    for _ in 0..10 {
        a.ask(typing()).await.unwrap();
    }
    assert_eq!(heard_by_now(&mut b, &mut a, Push::TYPING).await, 0);
    assert_eq!(a.heard(Push::TYPING).len(), 0, "nobody is told of themselves");
    // Another time once the pause is over, whenever that is noticed.
    while b.heard(Push::TYPING).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30));
        a.ask(typing()).await.unwrap();
        b.ask(typing()).await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(Typing::PAUSE.into()));
    assert_eq!(server.client().await.ask(typing()).await.unwrap_err(), Refusal::NotInRoom);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_crowd_nobody_is_told_who_types() {
    let server = TestServer::start().await;
    let (mut a, mut b) = two(&server).await;
    let mut crowd = Vec::new();
    for _ in 0..Typing::CROWD - 1 {
        let mut somebody = server.client().await;
        somebody.join("r").await.unwrap();
        // Who gives no sign of life is gone before a slow machine has the crowd together.
        crowd.push(tokio::spawn(async move { somebody.until_closed().await }));
    }
    a.ask(typing()).await.unwrap();
    assert_eq!(heard_by_now(&mut b, &mut a, Push::TYPING).await, 0);
    assert!(crowd.iter().all(|somebody| !somebody.is_finished()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_away_when_all_their_screens_are() {
    let server = TestServer::start().await;
    let mut a = server.client().await;
    let welcome = a.ask(common::event::Hello {}).await.unwrap();
    let me = welcome.you.id;
    let token = json!({ "token": welcome.token });
    let mut phone = Client::connect(server.address, token).await.unwrap();
    let mut b = server.client().await;
    for client in [&mut b, &mut a, &mut phone] {
        client.join("r").await.unwrap();
    }
    a.ask(Away { away: true }).await.unwrap();
    assert_eq!(b.join("r").await.unwrap().away, []);
    phone.ask(Away { away: true }).await.unwrap();
    assert_eq!(b.join("r").await.unwrap().away, [me]);
    while b.next_change().await != Change::Away(me) {}
    // A room that is entered later knows it too.
    phone.join("other").await.unwrap();
    assert_eq!(server.client().await.join("other").await.unwrap().away, [me]);
    phone.ask(Away { away: false }).await.unwrap();
    while b.next_change().await != Change::Back(me) {}
    assert_eq!(b.join("r").await.unwrap().away, []);
    phone.close().await;
    while b.next_change().await != Change::Away(me) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_seat_is_told_once_and_holds_none() {
    let server = TestServer::start().await;
    let (mut inside, mut waiting) = (server.client().await, server.client().await);
    inside.ask(Join { seats: Seats::parse(1).ok(), ..Join::new(room("r")) }).await.unwrap();
    assert_eq!(waiting.join("r").await.unwrap_err(), Refusal::RoomFull);
    assert_eq!(waiting.ask(watch("r")).await.unwrap(), Noted {});
    assert!(waiting.heard(Push::SEAT).is_empty());
    inside.ask(Leave { room: room("r") }).await.unwrap();
    assert_eq!(waiting.next(Push::SEAT).await, json!({ "room": "r" }));
    // The seat is anybody's until somebody sits down, and whoever was told is not told again.
    inside.join("r").await.unwrap();
    inside.ask(Leave { room: room("r") }).await.unwrap();
    waiting.join("r").await.unwrap();
    assert!(waiting.heard(Push::SEAT).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_is_free_already_is_told_at_once() {
    let server = TestServer::start().await;
    let (mut a, mut b) = two(&server).await;
    a.ask(watch("r")).await.unwrap();
    assert_eq!(a.next(Push::SEAT).await, json!({ "room": "r" }));
    assert_eq!(b.ask(watch("nobody")).await.unwrap_err(), Refusal::NoSuchRoom);
    // More seats are free seats too.
    let describe = |cid: &str, seats| Describe {
        room: room("r"),
        cid: Cid::parse(cid).unwrap(),
        topic: None,
        seats: Some(Limit(Seats::parse(seats).ok())),
    };
    a.ask(describe("1", 2)).await.unwrap();
    let mut waiting = server.client().await;
    waiting.ask(watch("r")).await.unwrap();
    assert_eq!(a.ask(describe("2", 3)).await.unwrap().seq, Seq(2));
    waiting.next(Push::SEAT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_waits_for_so_many_rooms_only() {
    let server = TestServer::start().await;
    let (mut inside, mut more) = (server.client().await, server.client().await);
    let mut waiting = server.client().await;
    for number in 0..=ROOMS_PER_CONNECTION {
        let owner = if number == 0 { &mut more } else { &mut inside };
        let join = Join { seats: Seats::parse(1).ok(), ..Join::new(room(&number.to_string())) };
        owner.ask(join).await.unwrap();
    }
    for number in 1..=ROOMS_PER_CONNECTION {
        waiting.ask(watch(&number.to_string())).await.unwrap();
    }
    assert_eq!(waiting.ask(watch("0")).await.unwrap_err(), Refusal::TooManyRooms);
    inside.ask(Leave { room: room("1") }).await.unwrap();
    waiting.next(Push::SEAT).await;
    waiting.ask(watch("0")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_joins_all_its_rooms_when_it_connects() {
    let server = TestServer::start_with(|config| config.limits = Limits::default()).await;
    let mut page = server.client().await;
    page.ask(common::event::Hello {}).await.unwrap();
    let ids = page.burst((0..30).map(|number| Join::new(room(&format!("room {number}"))))).await;
    for id in ids {
        let answer = page.answer(id).await;
        assert_eq!(answer["error"], json!(null), "{answer}");
    }
}

/// Comings are told a few at a time; what somebody says waits for none of that.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_before_they_have_come() {
    let server = TestServer::start().await;
    let mut witness = server.client().await;
    witness.join("마당").await.unwrap();
    for number in 0..20 {
        let mut newcomer = server.client_named(&format!("손님 {number}")).await;
        newcomer.join("마당").await.unwrap();
        newcomer.say("마당", &format!("{number}번 손님이 왔어요")).await;
        let event = witness.next_event().await.event;
        let came = witness
            .heard(Push::PRESENCE)
            .into_iter()
            .any(|told| told.to_string().contains(&event.person.id.to_string()));
        assert!(came, "{} spoke and had not come", event.person.name);
    }
}
