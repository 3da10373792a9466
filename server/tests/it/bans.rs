//! Bans: the owner kicks a person out of a room. Who is notified, which connections leave, and for how long
//! the ban lasts.

use common::{
    line::Line,
    person::PersonId,
    protocol::{
        command::{Hello, Join, Kick, Leave, Request, WaitForSeat},
        push::{PresenceChange, Push},
        reply::Ack,
    },
    refusal::Refusal,
    room::Seats,
};
use madang::config::Transport;
use serde_json::{Value, json};
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    harness::{Client, TIMEOUT, TestServer, http_request, message, room},
    line_client::{LineClient, all_transports},
    sse_client::SseClient,
};

fn kick(person: PersonId) -> Kick {
    Kick { room: room("r"), person }
}

async fn id_and_token(client: &mut Client) -> (PersonId, String) {
    let welcome = client.request(Hello {}).await.unwrap();
    (welcome.you.id, welcome.token.unwrap())
}

/// Returns the owner of a room with this many seats.
async fn room_owner(server: &TestServer, seats: u16) -> Client {
    let mut owner = server.client().await;
    owner.request(Join { seats: Seats::parse(seats).ok(), ..Join::new(room("r")) }).await.unwrap();
    owner
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_person_is_notified_and_leaves_with_every_connection() {
    let server = TestServer::start().await;
    let (mut owner, mut b, mut c) =
        (room_owner(&server, 2).await, server.client().await, server.client().await);
    let (id, token) = id_and_token(&mut b).await;
    let auth = json!({ "token": token });
    let mut phone = Client::connect(server.address, auth.clone()).await.unwrap();
    for client in [&mut b, &mut phone] {
        client.join("r").await.unwrap();
    }
    assert_eq!(c.join("r").await.unwrap_err(), Refusal::RoomFull);
    assert_eq!(owner.request(kick(id)).await.unwrap(), Ack {});
    for client in [&mut b, &mut phone] {
        assert_eq!(client.next_push(Push::KICKED).await, json!({ "room": "r" }));
    }
    while owner.next_presence_change().await != PresenceChange::Left(id) {}
    // The seat is free, and new messages no longer reach them.
    c.join("r").await.unwrap();
    c.send_message("r", "안녕").await;
    assert_eq!(owner.next_event().await.event.kind.body().unwrap().as_str(), "안녕");
    assert_eq!(b.request(message("r", "let me in")).await.unwrap_err(), Refusal::Banned);
    let mut back = Client::connect(server.address, auth).await.unwrap();
    for client in [&mut b, &mut phone, &mut back] {
        assert_eq!(client.join("r").await.unwrap_err(), Refusal::Banned);
        assert!(client.received(Push::EVENT).is_empty());
    }
    b.join("another").await.unwrap();
    assert_eq!(b.request(Leave { room: room("r") }).await.unwrap(), common::protocol::reply::Left {});
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_survives_an_empty_room() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (room_owner(&server, 5).await, server.client().await);
    let (id, _) = id_and_token(&mut b).await;
    b.join("r").await.unwrap();
    owner.request(kick(id)).await.unwrap();
    owner.request(Leave { room: room("r") }).await.unwrap();
    assert_eq!(b.join("r").await.unwrap_err(), Refusal::Banned);
    server.client().await.join("r").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_bans_and_only_others() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (room_owner(&server, 5).await, server.client().await);
    let ((me, _), (id, _)) = (id_and_token(&mut owner).await, id_and_token(&mut b).await);
    assert_eq!(b.request(kick(me)).await.unwrap_err(), Refusal::NotInRoom);
    b.join("r").await.unwrap();
    assert_eq!(b.request(kick(me)).await.unwrap_err(), Refusal::NotYours);
    assert_eq!(b.request(kick(id)).await.unwrap_err(), Refusal::NotYours);
    assert_eq!(owner.request(kick(me)).await.unwrap_err(), Refusal::BadRequest);
    let answer = owner.request_raw(Kick::NAME, &json!({ "room": "r", "person": "nobody" })).await;
    assert_eq!(answer["error"]["code"], Refusal::BadRequest.code());
    assert_eq!(b.join("r").await.unwrap().people.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_person_can_neither_post_nor_read_nor_stream_over_http() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (server.client().await, server.client().await);
    owner.join("r").await.unwrap();
    let (id, token) = id_and_token(&mut b).await;
    b.join("r").await.unwrap();
    let bearer = format!("Authorization: Bearer {token}");
    let mut stream = SseClient::subscribe(server.address, "r/events", &[&bearer]).await;
    owner.request(kick(id)).await.unwrap();
    timeout(TIMEOUT, async { while stream.next().await.is_some() {} }).await.expect("the stream ends");
    for (method, path) in [("POST", "r/messages"), ("GET", "r/messages"), ("GET", "r/events")] {
        let head = format!("{method} /api/rooms/{path} HTTP/1.1\r\nHost: {}\r\n{bearer}", server.address);
        let answer = http_request(server.address, &head, if method == "POST" { "x" } else { "" }).await;
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("\"removed\""), "{answer}");
    }
}

/// A person who only posts over HTTP never appears in the room's presence.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_only_posts_over_http_can_be_banned() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (server.client().await, server.client().await);
    owner.join("r").await.unwrap();
    let (id, token) = id_and_token(&mut b).await;
    let head = format!(
        "POST /api/rooms/r/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}",
        server.address
    );
    assert!(http_request(server.address, &head, "안녕").await.starts_with("HTTP/1.1 201 "));
    assert_eq!(owner.next_event().await.event.person.id, id);
    assert_eq!(owner.request(kick(id)).await.unwrap(), Ack {});
    assert!(http_request(server.address, &head, "또").await.contains("\"removed\""));
    assert_eq!(b.join("r").await.unwrap_err(), Refusal::Banned);
    assert_eq!(owner.whole_log("r").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_of_datagrams_is_banned_by_name() {
    let server = TestServer::start_with(all_transports).await;
    let mut owner = server.client().await;
    owner.join("r").await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server.address_of(Transport::Udp)).await.unwrap();
    socket.send("/to r\n/name loud\n하나".as_bytes()).await.unwrap();
    let loud = owner.next_event().await.event.person;
    owner.request(kick(loud.id)).await.unwrap();
    for datagram in ["/to r\n/name loud\n둘", "/to r\n/name quiet\n셋"] {
        socket.send(datagram.as_bytes()).await.unwrap();
    }
    assert_eq!(owner.next_event().await.event.person.name.as_str(), "quiet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_line_client_is_told_and_can_join_another_room() {
    let server = TestServer::start_with(all_transports).await;
    let mut owner = server.client().await;
    owner.join("r").await.unwrap();
    let mut line_client = LineClient::connect_to(&server, "r").await;
    let (me, _) = id_and_token(&mut owner).await;
    let people = owner.join("r").await.unwrap().people;
    let id = people.iter().map(|person| person.id).find(|id| *id != me).unwrap();
    owner.request(kick(id)).await.unwrap();
    line_client.wait_for_note("The owner of r has removed you").await;
    for line in ["안녕\n", "/send a-1 안녕\n", "/join r\n"] {
        line_client.write(line).await;
        let answer = line_client.next_raw().await.unwrap();
        assert!(answer.contains("! removed: "), "{answer}");
    }
    line_client.write("/who\n").await;
    assert_eq!(line_client.next().await, Line::Refused(Refusal::NotInRoom));
    line_client.join("lobby").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorials_client_is_told_that_its_join_failed_when_banned() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (server.client().await, server.client().await);
    owner.join("r").await.unwrap();
    let (id, _) = id_and_token(&mut b).await;
    b.request_raw("room", &"r").await;
    owner.request(kick(id)).await.unwrap();
    assert_eq!(b.next_push("result").await, Value::from("failed"));
    assert_eq!(b.request_raw("room", &"r").await["error"]["code"], Refusal::Banned.code());
    b.next_push("result").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_person_is_not_told_of_free_seats() {
    let server = TestServer::start().await;
    let (mut owner, mut waiting, mut other) =
        (room_owner(&server, 1).await, server.client().await, server.client().await);
    let (id, _) = id_and_token(&mut waiting).await;
    let wait = || WaitForSeat { room: room("r") };
    for client in [&mut waiting, &mut other] {
        assert_eq!(client.join("r").await.unwrap_err(), Refusal::RoomFull);
        client.request(wait()).await.unwrap();
    }
    owner.request(kick(id)).await.unwrap();
    assert_eq!(waiting.request(wait()).await.unwrap_err(), Refusal::Banned);
    owner.request(Leave { room: room("r") }).await.unwrap();
    other.next_push(Push::SEAT_AVAILABLE).await;
    // Everything that was sent to it has arrived when this is answered.
    waiting.request(Hello {}).await.unwrap();
    assert!(waiting.received(Push::SEAT_AVAILABLE).is_empty());
}
