//! Its owner removes somebody from a room: who is told, who is out, and for how long.

use common::{
    event::{Ask, Change, Hello, Join, Leave, Noted, Push, Remove},
    line::Line,
    person::PersonId,
    refusal::Refusal,
    room::Seats,
};
use madang::config::Door;
use serde_json::{Value, json};
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    line::{Nc, every_door},
    stream::Stream,
    support::{Client, PATIENCE, TestServer, request, room, say},
};

fn remove(person: PersonId) -> Remove {
    Remove { room: room("r"), person }
}

async fn welcome(client: &mut Client) -> (PersonId, String) {
    let welcome = client.ask(Hello {}).await.unwrap();
    (welcome.you.id, welcome.token.unwrap())
}

/// An owner in a room with so many seats.
async fn owner_of(server: &TestServer, seats: u16) -> Client {
    let mut owner = server.client().await;
    owner.ask(Join { seats: Seats::parse(seats).ok(), ..Join::new(room("r")) }).await.unwrap();
    owner
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_removed_hears_it_and_is_out_with_every_connection() {
    let server = TestServer::start().await;
    let (mut owner, mut b, mut c) =
        (owner_of(&server, 2).await, server.client().await, server.client().await);
    let (id, token) = welcome(&mut b).await;
    let auth = json!({ "token": token });
    let mut phone = Client::connect(server.address, auth.clone()).await.unwrap();
    for client in [&mut b, &mut phone] {
        client.join("r").await.unwrap();
    }
    assert_eq!(c.join("r").await.unwrap_err(), Refusal::RoomFull);
    assert_eq!(owner.ask(remove(id)).await.unwrap(), Noted {});
    for client in [&mut b, &mut phone] {
        assert_eq!(client.next(Push::REMOVED).await, json!({ "room": "r" }));
    }
    while owner.next_change().await != Change::Gone(id) {}
    // The seat is free, and what is said goes past them.
    c.join("r").await.unwrap();
    c.say("r", "안녕").await;
    assert_eq!(owner.next_event().await.event.what.body().unwrap().as_str(), "안녕");
    assert_eq!(b.ask(say("r", "let me in")).await.unwrap_err(), Refusal::Removed);
    let mut back = Client::connect(server.address, auth).await.unwrap();
    for client in [&mut b, &mut phone, &mut back] {
        assert_eq!(client.join("r").await.unwrap_err(), Refusal::Removed);
        assert!(client.heard(Push::EVENT).is_empty());
    }
    b.join("another").await.unwrap();
    assert_eq!(b.ask(Leave { room: room("r") }).await.unwrap(), common::event::Left {});
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_outlasts_everybody_leaving() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (owner_of(&server, 5).await, server.client().await);
    let (id, _) = welcome(&mut b).await;
    b.join("r").await.unwrap();
    owner.ask(remove(id)).await.unwrap();
    owner.ask(Leave { room: room("r") }).await.unwrap();
    assert_eq!(b.join("r").await.unwrap_err(), Refusal::Removed);
    server.client().await.join("r").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_removes_and_only_others() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (owner_of(&server, 5).await, server.client().await);
    let ((me, _), (id, _)) = (welcome(&mut owner).await, welcome(&mut b).await);
    assert_eq!(b.ask(remove(me)).await.unwrap_err(), Refusal::NotInRoom);
    b.join("r").await.unwrap();
    assert_eq!(b.ask(remove(me)).await.unwrap_err(), Refusal::NotYours);
    assert_eq!(b.ask(remove(id)).await.unwrap_err(), Refusal::NotYours);
    assert_eq!(owner.ask(remove(me)).await.unwrap_err(), Refusal::BadRequest);
    let answer = owner.ask_raw(Remove::NAME, &json!({ "room": "r", "person": "nobody" })).await;
    assert_eq!(answer["error"]["code"], Refusal::BadRequest.code());
    assert_eq!(b.join("r").await.unwrap().people.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_person_neither_posts_nor_reads_nor_listens_over_http() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (server.client().await, server.client().await);
    owner.join("r").await.unwrap();
    let (id, token) = welcome(&mut b).await;
    b.join("r").await.unwrap();
    let bearer = format!("Authorization: Bearer {token}");
    let mut stream = Stream::follow(server.address, "r/events", &[&bearer]).await;
    owner.ask(remove(id)).await.unwrap();
    timeout(PATIENCE, async { while stream.next().await.is_some() {} }).await.expect("the stream ends");
    for (method, path) in [("POST", "r/messages"), ("GET", "r/messages"), ("GET", "r/events")] {
        let head = format!("{method} /api/rooms/{path} HTTP/1.1\r\nHost: {}\r\n{bearer}", server.address);
        let answer = request(server.address, &head, if method == "POST" { "x" } else { "" }).await;
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("\"removed\""), "{answer}");
    }
}

/// Nobody sees whoever talks over HTTP come or go.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_talks_over_http_is_removed_too() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (server.client().await, server.client().await);
    owner.join("r").await.unwrap();
    let (id, token) = welcome(&mut b).await;
    let head = format!(
        "POST /api/rooms/r/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}",
        server.address
    );
    assert!(request(server.address, &head, "안녕").await.starts_with("HTTP/1.1 201 "));
    assert_eq!(owner.next_event().await.event.person.id, id);
    assert_eq!(owner.ask(remove(id)).await.unwrap(), Noted {});
    assert!(request(server.address, &head, "또").await.contains("\"removed\""));
    assert_eq!(b.join("r").await.unwrap_err(), Refusal::Removed);
    assert_eq!(owner.whole_log("r").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_datagrams_is_removed_with_their_name() {
    let server = TestServer::start_with(every_door).await;
    let mut owner = server.client().await;
    owner.join("r").await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server.at(Door::Udp)).await.unwrap();
    socket.send("/to r\n/name loud\n하나".as_bytes()).await.unwrap();
    let loud = owner.next_event().await.event.person;
    owner.ask(remove(loud.id)).await.unwrap();
    for datagram in ["/to r\n/name loud\n둘", "/to r\n/name quiet\n셋"] {
        socket.send(datagram.as_bytes()).await.unwrap();
    }
    assert_eq!(owner.next_event().await.event.person.name.as_str(), "quiet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_that_it_was_removed_and_goes_elsewhere() {
    let server = TestServer::start_with(every_door).await;
    let mut owner = server.client().await;
    owner.join("r").await.unwrap();
    let mut nc = Nc::connect_to(&server, "r").await;
    let (me, _) = welcome(&mut owner).await;
    let people = owner.join("r").await.unwrap().people;
    let id = people.iter().map(|person| person.id).find(|id| *id != me).unwrap();
    owner.ask(remove(id)).await.unwrap();
    nc.noted("The owner of r has removed you").await;
    for line in ["안녕\n", "/send a-1 안녕\n", "/join r\n"] {
        nc.write(line).await;
        let answer = nc.next_raw().await.unwrap();
        assert!(answer.contains("! removed: "), "{answer}");
    }
    nc.write("/who\n").await;
    assert_eq!(nc.next().await, Line::Refused(Refusal::NotInRoom));
    nc.join("lobby").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorials_client_hears_that_it_has_no_seat() {
    let server = TestServer::start().await;
    let (mut owner, mut b) = (server.client().await, server.client().await);
    owner.join("r").await.unwrap();
    let (id, _) = welcome(&mut b).await;
    b.ask_raw("room", &"r").await;
    owner.ask(remove(id)).await.unwrap();
    assert_eq!(b.next("result").await, Value::from("failed"));
    assert_eq!(b.ask_raw("room", &"r").await["error"]["code"], Refusal::Removed.code());
    b.next("result").await;
}
