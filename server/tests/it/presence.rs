//! Pushes that are not stored: typing, away, and free seats.

use common::{
    message::{Cid, Seq},
    protocol::{
        command::{Away, Join, Leave, Typing, UpdateRoom, WaitForSeat},
        push::{PresenceChange, Push},
        reply::Ack,
    },
    refusal::Refusal,
    room::{SeatLimit, Seats},
};
use madang::chat::limits::{Limits, ROOMS_PER_CONNECTION};
use serde_json::json;
use tokio::time::{Duration, Instant};

use crate::harness::{Client, TestServer, room};

fn typing() -> Typing {
    Typing { room: room("r") }
}

fn wait_for_seat(name: &str) -> WaitForSeat {
    WaitForSeat { room: room(name) }
}

async fn two_members(server: &TestServer) -> (Client, Client) {
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.join("r").await.unwrap();
    b.join("r").await.unwrap();
    (a, b)
}

/// Counts the pushes of this name that `client` received, once everything up to now has arrived.
async fn count_received_by_now(client: &mut Client, speaker: &mut Client, name: &str) -> usize {
    let last = speaker.send_message("r", &format!("{:?}", Instant::now())).await.seq;
    while client.next_event().await.event.seq != last {}
    client.received(name).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_reaches_the_others_and_is_throttled() {
    let server = TestServer::start().await;
    let (mut a, mut b) = two_members(&server).await;
    let me = a.request(common::protocol::command::Hello {}).await.unwrap().you;
    let began = Instant::now();
    assert_eq!(a.request(typing()).await.unwrap(), Ack {});
    assert_eq!(b.next_push(Push::TYPING).await, json!({ "room": "r", "person": me.id }));
    for _ in 0..10 {
        a.request(typing()).await.unwrap();
    }
    assert_eq!(count_received_by_now(&mut b, &mut a, Push::TYPING).await, 0);
    assert_eq!(a.received(Push::TYPING).len(), 0, "not to the person who types");
    // Sent again once the pause is over, as soon as that is noticed.
    while b.received(Push::TYPING).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30));
        a.request(typing()).await.unwrap();
        b.request(typing()).await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(Typing::MIN_INTERVAL_MS.into()));
    assert_eq!(server.client().await.request(typing()).await.unwrap_err(), Refusal::NotInRoom);
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_is_not_sent_in_a_large_room() {
    let server = TestServer::start().await;
    let (mut a, mut b) = two_members(&server).await;
    let mut members = Vec::new();
    for _ in 0..Typing::MAX_MEMBERS - 1 {
        let mut member = server.client().await;
        member.join("r").await.unwrap();
        // Must answer pings: on a slow machine an idle client would be cut before all have joined.
        members.push(tokio::spawn(async move { member.wait_until_closed().await }));
    }
    a.request(typing()).await.unwrap();
    assert_eq!(count_received_by_now(&mut b, &mut a, Push::TYPING).await, 0);
    assert!(members.iter().all(|member| !member.is_finished()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_away_when_all_their_connections_are() {
    let server = TestServer::start().await;
    let mut a = server.client().await;
    let welcome = a.request(common::protocol::command::Hello {}).await.unwrap();
    let me = welcome.you.id;
    let token = json!({ "token": welcome.token });
    let mut phone = Client::connect(server.address, token).await.unwrap();
    let mut b = server.client().await;
    for client in [&mut b, &mut a, &mut phone] {
        client.join("r").await.unwrap();
    }
    a.request(Away { away: true }).await.unwrap();
    assert_eq!(b.join("r").await.unwrap().away, []);
    phone.request(Away { away: true }).await.unwrap();
    assert_eq!(b.join("r").await.unwrap().away, [me]);
    while b.next_presence_change().await != PresenceChange::Away(me) {}
    // A room that is joined later shows it too.
    phone.join("other").await.unwrap();
    assert_eq!(server.client().await.join("other").await.unwrap().away, [me]);
    phone.request(Away { away: false }).await.unwrap();
    while b.next_presence_change().await != PresenceChange::Back(me) {}
    assert_eq!(b.join("r").await.unwrap().away, []);
    phone.close().await;
    while b.next_presence_change().await != PresenceChange::Away(me) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_waiter_is_notified_once_and_holds_no_seat() {
    let server = TestServer::start().await;
    let (mut inside, mut waiting) = (server.client().await, server.client().await);
    inside.request(Join { seats: Seats::parse(1).ok(), ..Join::new(room("r")) }).await.unwrap();
    assert_eq!(waiting.join("r").await.unwrap_err(), Refusal::RoomFull);
    assert_eq!(waiting.request(wait_for_seat("r")).await.unwrap(), Ack {});
    assert!(waiting.received(Push::SEAT_AVAILABLE).is_empty());
    inside.request(Leave { room: room("r") }).await.unwrap();
    assert_eq!(waiting.next_push(Push::SEAT_AVAILABLE).await, json!({ "room": "r" }));
    // A waiter has no claim to the seat, and is not notified a second time.
    inside.join("r").await.unwrap();
    inside.request(Leave { room: room("r") }).await.unwrap();
    waiting.join("r").await.unwrap();
    assert!(waiting.received(Push::SEAT_AVAILABLE).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_waiter_is_notified_at_once_if_a_seat_is_free() {
    let server = TestServer::start().await;
    let (mut a, mut b) = two_members(&server).await;
    a.request(wait_for_seat("r")).await.unwrap();
    assert_eq!(a.next_push(Push::SEAT_AVAILABLE).await, json!({ "room": "r" }));
    assert_eq!(b.request(wait_for_seat("nobody")).await.unwrap_err(), Refusal::NoSuchRoom);
    // Raising the seat limit also frees a seat.
    let describe = |cid: &str, seats| UpdateRoom {
        room: room("r"),
        cid: Cid::parse(cid).unwrap(),
        topic: None,
        seats: Some(SeatLimit(Seats::parse(seats).ok())),
        shared_network: None,
    };
    a.request(describe("1", 2)).await.unwrap();
    let mut waiting = server.client().await;
    waiting.request(wait_for_seat("r")).await.unwrap();
    assert_eq!(a.request(describe("2", 3)).await.unwrap().seq, Seq(2));
    waiting.next_push(Push::SEAT_AVAILABLE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_may_wait_for_a_bounded_number_of_rooms() {
    let server = TestServer::start().await;
    let (mut inside, mut more) = (server.client().await, server.client().await);
    let mut waiting = server.client().await;
    for number in 0..=ROOMS_PER_CONNECTION {
        let owner = if number == 0 { &mut more } else { &mut inside };
        let join = Join { seats: Seats::parse(1).ok(), ..Join::new(room(&number.to_string())) };
        owner.request(join).await.unwrap();
    }
    for number in 1..=ROOMS_PER_CONNECTION {
        waiting.request(wait_for_seat(&number.to_string())).await.unwrap();
    }
    assert_eq!(waiting.request(wait_for_seat("0")).await.unwrap_err(), Refusal::TooManyRooms);
    inside.request(Leave { room: room("1") }).await.unwrap();
    waiting.next_push(Push::SEAT_AVAILABLE).await;
    waiting.request(wait_for_seat("0")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_joins_all_its_rooms_when_it_connects() {
    let server = TestServer::start_with(|config| config.limits = Limits::default()).await;
    let mut page = server.client().await;
    page.request(common::protocol::command::Hello {}).await.unwrap();
    let ids = page.burst((0..30).map(|number| Join::new(room(&format!("room {number}"))))).await;
    for id in ids {
        let answer = page.reply(id).await;
        assert_eq!(answer["error"], json!(null), "{answer}");
    }
}

/// Presence is sent in batches; a message must still not arrive before its sender's join.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_is_announced_before_the_first_message() {
    let server = TestServer::start().await;
    let mut witness = server.client().await;
    witness.join("마당").await.unwrap();
    for number in 0..20 {
        let mut newcomer = server.client_named(&format!("손님 {number}")).await;
        newcomer.join("마당").await.unwrap();
        newcomer.send_message("마당", &format!("{number}번 손님이 왔어요")).await;
        let event = witness.next_event().await.event;
        let announced = witness
            .received(Push::PRESENCE)
            .into_iter()
            .any(|push| push.to_string().contains(&event.person.id.to_string()));
        assert!(announced, "{} spoke and had not come", event.person.name);
    }
}
