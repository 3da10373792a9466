//! Who owns a room: whoever made it, and otherwise the first who could, if nobody else has spoken there.

use common::{
    protocol::{command::Hello, reply::Permission},
    room::RoomName,
};
use madang::config::Transport;
use tokio::net::UdpSocket;

use crate::{
    harness::{Client, TestServer, http_request},
    line_client::{LineClient, all_transports},
};

/// Posts over HTTP as a guest of this name.
async fn post(server: &TestServer, room: &str, name: &str) {
    let head = format!("POST /api/rooms/{room}/messages?name={name} HTTP/1.1\r\nHost: {}", server.address);
    let answer = http_request(server.address, &head, "build green").await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

async fn registered(server: &TestServer) -> Client {
    let mut client = server.client().await;
    client.request(Hello {}).await.unwrap();
    client
}

/// Whether the client owns the room that it joins.
async fn owns(client: &mut Client, room: &str) -> bool {
    client.join(room).await.unwrap().permissions.contains(&Permission::Own)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_a_program_made_belongs_to_the_first_registered_person() {
    let server = TestServer::start_with(all_transports).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server.address_of(Transport::Udp)).await.unwrap();
    post(&server, "http", "bot").await;
    post(&server, "http", "bot").await;
    let (mut guest, mut first, mut second) =
        (server.client().await, registered(&server).await, registered(&server).await);
    assert!(!owns(&mut guest, "http").await, "a guest could not come back as the owner");
    assert!(owns(&mut first, "http").await);
    assert!(!owns(&mut second, "http").await && owns(&mut first, "http").await);

    socket.send("/to udp\n/name bot\nbuild green".as_bytes()).await.unwrap();
    // A datagram is not answered.
    let head = format!("GET /api/rooms/udp/messages HTTP/1.1\r\nHost: {}", server.address);
    while !http_request(server.address, &head, "").await.contains("build green") {}
    assert!(owns(&mut second, "udp").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_in_which_others_have_spoken_is_given_to_nobody() {
    let server = TestServer::start_with(all_transports).await;
    post(&server, "two", "bot").await;
    post(&server, "two", "other").await;
    let mut line_client = LineClient::connect_to(&server, "lines").await;
    line_client.write("/send a-1 hello\n").await;
    assert_eq!(line_client.next_send_reply().await, "= a-1 1");
    let mut person = registered(&server).await;
    assert!(!owns(&mut person, "two").await);
    assert!(!owns(&mut person, "lines").await, "the guest who made it is here");
    line_client.join("elsewhere").await;
    assert!(!owns(&mut person, "lines").await, "and has spoken");
    assert!(!owns(&mut person, RoomName::lobby().as_str()).await);
}
