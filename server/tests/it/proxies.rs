//! Clients behind a reverse proxy: which address they are counted under, and limits that hold without one.

use common::{protocol::command::Hello, refusal::Refusal};
use madang::{
    chat::limits::{Limits, Rate},
    config::{Config, Transport},
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::{
    harness::{Client, TestServer, http_request, message, no_limits},
    line_client::{LineClient, all_transports},
    sse_client::SseClient,
};

/// Hardly ever more than this many.
fn only(burst: f64) -> Rate {
    Rate { per_second: 0.001, burst }
}

fn trust_loopback(config: &mut Config) {
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}

/// Posts as a guest with these header lines; returns the status.
async fn post(server: &TestServer, room: &str, headers: &str) -> u16 {
    let address = server.address;
    let head = format!("POST /api/rooms/{room}/messages HTTP/1.1\r\nHost: {address}\r\n{headers}");
    let response = http_request(address, head.trim_end(), "hello").await;
    response.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn count_posts(server: &TestServer, room: &str, headers: &str) -> usize {
    let mut posted = 0;
    while post(server, room, headers).await == 201 {
        posted += 1;
    }
    posted
}

async fn socketio_client(server: &TestServer, client: &str) -> Result<Client, Refusal> {
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", server.address);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
    Client::connect_as(request, serde_json::json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_of_a_listed_proxy_has_the_limits_of_its_own_address() {
    let server = TestServer::start_with(|config| {
        trust_loopback(config);
        config.limits = Limits { messages: only(1.0), ..no_limits() };
    })
    .await;
    assert_eq!(count_posts(&server, "r", "X-Forwarded-For: 203.0.113.1").await, 20);
    assert_eq!(
        post(&server, "r", "X-Forwarded-For: 198.51.100.7, 203.0.113.1").await,
        429,
        "forged by the client"
    );
    assert_eq!(post(&server, "r", "X-Forwarded-For: 203.0.113.2").await, 201);
    assert_eq!(post(&server, "r", "Forwarded: for=203.0.113.3").await, 201);
    assert_eq!(post(&server, "r", "Forwarded: for=203.0.113.1").await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_not_listed_is_counted_under_its_own_address_whatever_it_says() {
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        config.max_connections_per_address = 1;
    })
    .await;
    // A listed proxy's client with this address could open only one.
    let claim = ["X-Forwarded-For: 203.0.113.1"];
    let _first = SseClient::subscribe(server.address, "lobby/events", &claim).await;
    let _second = SseClient::subscribe(server.address, "lobby/events", &claim).await;
    socketio_client(&server, "203.0.113.1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connections_of_a_proxys_client_are_counted_under_its_address() {
    let server = TestServer::start_with(|config| {
        trust_loopback(config);
        config.max_connections_per_address = 2;
    })
    .await;
    let stream = async |client: &str| {
        SseClient::connect(server.address, "lobby/events", &[&format!("X-Forwarded-For: {client}")]).await
    };
    let (first, second) = (stream("203.0.113.1").await, stream("203.0.113.1").await);
    let third = stream("203.0.113.1").await;
    assert!(third.head.starts_with("HTTP/1.0 503"), "{}", third.head);
    assert!(stream("203.0.113.2").await.head.starts_with("HTTP/1.0 200"));
    drop((first, second));
    // Until the server has noticed that they are gone.
    while !stream("203.0.113.1").await.head.starts_with("HTTP/1.0 200") {}
    let _sessions = (
        socketio_client(&server, "203.0.113.7").await.unwrap(),
        socketio_client(&server, "203.0.113.7").await.unwrap(),
    );
    assert_eq!(socketio_client(&server, "203.0.113.7").await.err(), Some(Refusal::Unavailable));
    socketio_client(&server, "203.0.113.8").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tcp_proxy_names_its_clients_with_the_proxy_protocol() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        trust_loopback(config);
        config.max_connections_per_address = 1;
    })
    .await;
    let address = server.address_of(Transport::Tcp);
    let mut direct = LineClient::connect(&server).await;
    let through_proxy = async |header: &[u8]| {
        let mut client = LineClient::dial(address).await;
        client.write(header).await;
        client
    };
    let v1 = b"PROXY TCP4 203.0.113.1 198.51.100.1 4711 3001\r\n";
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x01\xc6\x33\x64\x01\x12\x67\x0b\xb9";
    let mut first = through_proxy(v1).await;
    first.wait_for_note("Welcome").await;
    first.write("hello from outside\n").await;
    assert_eq!(direct.next_message().await.1, "hello from outside", "the header is no message");
    let again = through_proxy(v2).await;
    assert!(again.finish().await.is_empty(), "a second connection of 203.0.113.1");
    let mut other = through_proxy(b"PROXY TCP4 203.0.113.2 198.51.100.1 4711 3001\r\nhello too\n").await;
    other.wait_for_note("Welcome").await;
    assert_eq!(direct.next_message().await.1, "hello too");
    // A program on this machine that is no proxy, and begins like one.
    let mut local = through_proxy(b"PROXY is down\n").await;
    local.wait_for_note("Welcome").await;
    assert_eq!(direct.next_message().await.1, "PROXY is down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_not_listed_speaks_no_proxy_protocol() {
    let server = TestServer::start_with(all_transports).await;
    let mut reader = LineClient::connect(&server).await;
    let mut client = LineClient::dial(server.address_of(Transport::Tcp)).await;
    client.write("PROXY TCP4 203.0.113.1 198.51.100.1 4711 3001\r\n").await;
    assert_eq!(reader.next_message().await.1, "PROXY TCP4 203.0.113.1 198.51.100.1 4711 3001");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_guest_behind_a_proxy_that_is_not_listed_does_not_silence_the_others() {
    let limits = Limits { messages: only(1.0), ..no_limits() };
    let server = TestServer::start_with(|config| config.limits = limits).await;
    assert_eq!(count_posts(&server, "r", "X-Forwarded-For: 203.0.113.1").await, 20);
    assert_eq!(post(&server, "r", "X-Forwarded-For: 203.0.113.2").await, 201);
    assert_eq!(count_posts(&server, "r", "User-Agent: flood").await, 20);
    assert_eq!(post(&server, "r", "User-Agent: deploy").await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_makes_so_many_rooms_also_on_loopback_and_with_several_connections() {
    let limits = Limits { rooms: only(3.0), ..no_limits() };
    let server = TestServer::start_with(|config| config.limits = limits).await;
    let mut client = server.client().await;
    let token = client.request(Hello {}).await.unwrap().token.unwrap();
    let mut other_tab = Client::connect(server.address, serde_json::json!({ "token": token })).await.unwrap();
    for (number, tab) in [&mut client, &mut other_tab].into_iter().enumerate() {
        tab.join(&format!("room-{number}")).await.unwrap();
    }
    client.join("room-2").await.unwrap();
    assert_eq!(other_tab.join("room-3").await.err(), Some(Refusal::TooFast));
    assert_eq!(client.join("room-3").await.err(), Some(Refusal::TooFast));
    other_tab.join("room-2").await.expect("it is there");
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(post(&server, "room-3", &bearer).await, 429);
    let mut neighbour = server.client().await;
    neighbour.join("room-3").await.expect("another person");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_without_a_session_make_so_many_rooms_also_on_loopback() {
    let limits = Limits { rooms: only(3.0), ..no_limits() };
    let server = TestServer::start_with(|config| config.limits = limits).await;
    let mut made = 0;
    while post(&server, &format!("room-{made}"), "").await == 201 {
        made += 1;
    }
    assert_eq!(made, 3);
    assert_eq!(post(&server, "room-2", "").await, 201, "it is there");
    server.client().await.join("another").await.unwrap();
}

/// New identities and connections do not help: together they have twenty times what one has.
#[tokio::test(flavor = "multi_thread")]
async fn all_clients_on_loopback_together_make_so_many_rooms() {
    let limits = Limits { rooms: only(1.0), ..no_limits() };
    let server = TestServer::start_with(|config| config.limits = limits).await;
    for number in 0..20 {
        server.client().await.join(&format!("room-{number}")).await.unwrap();
    }
    assert_eq!(server.client().await.join("one-more").await.err(), Some(Refusal::TooFast));
    server.client().await.join("room-7").await.expect("it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_of_a_person_together_have_four_times_the_limit_of_one() {
    let limits = Limits { messages: only(5.0), ..no_limits() };
    let server = TestServer::start_with(|config| config.limits = limits).await;
    let mut first = server.client().await;
    let token = first.request(Hello {}).await.unwrap().token.unwrap();
    let mut sent = 0;
    for _ in 0..6 {
        let auth = serde_json::json!({ "token": token });
        let mut tab = Client::connect(server.address, auth).await.unwrap();
        tab.join("r").await.unwrap();
        while tab.request(message("r", &format!("message {sent}"))).await.is_ok() {
            sent += 1;
        }
    }
    assert_eq!(sent, 4 * 5);
}
