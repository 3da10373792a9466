//! One room, every transport: all readers see the same order.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use common::{
    line::Line,
    message::Seq,
    protocol::push::{Push, RoomEvent},
};
use madang::config::{ListenAddress, Transport};
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    cli::CliHome,
    harness::{Client, TIMEOUT, TestServer, http_request},
    line_client::{LineClient, all_transports},
    sse_client::SseClient,
};

/// How many messages each sender sends.
const MESSAGES_EACH: usize = 60;
/// Two over Socket.IO, one with the tutorial's commands, two over lines, two with a request for each
/// message, one with datagrams, two with `madang talk`.
const SENDERS: [&str; 10] = ["s1", "s2", "tutorial", "l1", "l2", "h1", "h2", "udp", "t1", "t2"];
const ALL: usize = MESSAGES_EACH * SENDERS.len();

/// What a program takes for localhost is one of two addresses; a machine without IPv6 has only one.
#[tokio::test(flavor = "multi_thread")]
async fn localhost_is_open_at_every_address_that_the_machine_has() {
    // The last belongs to no machine (RFC 5737), as ::1 to one without IPv6.
    let missing: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let server = TestServer::start_with(|config| {
        let optional = |listen| ListenAddress { is_optional: true, ..listen };
        for transport in [Transport::Http, Transport::Tcp, Transport::Udp] {
            let [v4, v6] = ["127.0.0.1:0", "[::1]:0"].map(|address| transport.at(address.parse().unwrap()));
            config.listen.extend([v4, optional(v6), optional(transport.at(missing))]);
        }
        config.listen.remove(0);
    })
    .await;
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    let addresses = server.addresses();
    assert_eq!(addresses.len(), if has_ipv6 { 6 } else { 3 }, "{addresses:?}");
    let mut reader = server.client().await;
    reader.join("lobby").await.unwrap();
    for ListenAddress { transport, address, .. } in addresses {
        let text = format!("over {transport:?} at {}", address.ip());
        match transport {
            Transport::Http => {
                let head = format!("POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: {address}");
                let response = http_request(address, &head, &text).await;
                assert!(response.starts_with("HTTP/1.1 201"), "{response}");
            }
            Transport::Tcp => drop(LineClient::dial(address).await.finish_with(&text).await),
            Transport::Udp => {
                let local: IpAddr = match address {
                    SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                };
                let socket = UdpSocket::bind((local, 0)).await.unwrap();
                socket.send_to(text.as_bytes(), address).await.unwrap();
            }
        }
        assert_eq!(reader.next_event().await.event.kind.body().unwrap().as_str(), text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_shows_one_order() {
    let server = TestServer::start_with(all_transports).await;
    let (mut reader, mut line_reader) = (server.client().await, LineClient::connect(&server).await);
    reader.join("lobby").await.unwrap();
    // Read meanwhile: a client that reads nothing answers no ping, and is cut on a slow machine.
    let reading = tokio::spawn(async move {
        let mut pushed: Vec<(Seq, String)> = Vec::new();
        for _ in 0..ALL {
            let RoomEvent { event, .. } = reader.next_event().await;
            pushed.push((event.seq, event.kind.body().unwrap().to_string()));
        }
        (reader, pushed)
    });
    let mut stream = SseClient::subscribe(server.address, "lobby/events", &[]).await;
    let home = CliHome::new();
    let mut terminals = Vec::new();
    for transport in [Transport::Http, Transport::Tcp] {
        terminals
            .push(home.start_talk("lobby", &transport.at(server.address_of(transport)).to_string()).await);
    }

    let mut sending = Vec::new();
    for name in ["s1", "s2"] {
        let mut client = server.client().await;
        client.join("lobby").await.unwrap();
        sending.push(tokio::spawn(async move {
            for number in 0..MESSAGES_EACH {
                client.send_message("lobby", &format!("{name} {number}")).await;
            }
        }));
    }
    let mut tutorial = server.client().await;
    tutorial.request_raw("room", &"lobby").await;
    sending.push(tokio::spawn(async move {
        for number in 0..MESSAGES_EACH {
            tutorial.request_raw("chat message", &format!("tutorial {number}")).await;
        }
    }));
    for name in ["l1", "l2"] {
        let mut line_client = LineClient::connect(&server).await;
        sending.push(tokio::spawn(async move {
            for number in 0..MESSAGES_EACH {
                line_client.write(format!("{name} {number}\n")).await;
            }
            line_client.finish().await;
        }));
    }
    for name in ["h1", "h2"] {
        let address = server.address;
        sending.push(tokio::spawn(async move {
            for number in 0..MESSAGES_EACH {
                let key = format!("Idempotency-Key: {name}-{number}");
                let head = format!("POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: {address}\r\n{key}");
                // Twice, as a script repeats a request without a response.
                for _ in 0..2 {
                    let response = http_request(address, &head, &format!("{name} {number}")).await;
                    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
                }
            }
        }));
    }
    let udp_address = server.address_of(Transport::Udp);
    sending.push(tokio::spawn(async move {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for number in 0..MESSAGES_EACH {
            socket.send_to(format!("udp {number}").as_bytes(), udp_address).await.unwrap();
        }
    }));
    for (name, transport) in [("t1", Transport::Http), ("t2", Transport::Tcp)] {
        let to = transport.at(server.address_of(transport)).to_string();
        sending.push(tokio::spawn(async move {
            let lines: String = (0..MESSAGES_EACH).map(|number| format!("{name} {number}\n")).collect();
            let output = CliHome::new().run(&["talk", "--to", &to], &lines).await;
            assert!(output.status.success(), "{output:?}");
        }));
    }
    for sender in sending {
        timeout(TIMEOUT, sender).await.unwrap().unwrap();
    }

    // With its own timeout: heartbeats keep arriving even when an event is lost.
    let (mut reader, pushed) = timeout(TIMEOUT, reading).await.unwrap().unwrap();
    let numbers: Vec<u64> = pushed.iter().map(|(seq, _)| seq.0).collect();
    assert_eq!(numbers, (1..=ALL as u64).collect::<Vec<_>>());
    for (_, text) in &pushed {
        assert_eq!(line_reader.next_message().await.1, *text, "lines show the same order");
        for terminal in &mut terminals {
            let line = timeout(TIMEOUT, terminal.output_lines.next_line()).await.unwrap().unwrap().unwrap();
            assert_eq!(line.split_once(": ").unwrap().1, text, "and so do terminals");
        }
    }
    assert_eq!(stream.events(ALL).await, pushed, "and a stream of events");
    let mut from_the_start = SseClient::subscribe(server.address, "lobby/events?since=0", &[]).await;
    assert_eq!(from_the_start.events(ALL).await, pushed, "and one that begins late");
    assert_eq!(reader.whole_log("lobby").await, pushed, "and the log");
    let different: HashSet<&str> = pushed.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(different.len(), ALL, "nothing is lost and nothing is doubled");
    for name in SENDERS {
        let own = pushed.iter().filter_map(|(_, text)| text.strip_prefix(&format!("{name} ")));
        let own: Vec<usize> = own.map(|number| number.parse().unwrap()).collect();
        assert_eq!(own, (0..MESSAGES_EACH).collect::<Vec<_>>(), "each sender's own order is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn line_clients_and_browsers_share_a_room() {
    let server = TestServer::start_with(all_transports).await;
    let (mut a, mut b) =
        (LineClient::connect_to(&server, "마당").await, LineClient::connect_to(&server, "마당").await);
    let mut browser = server.client_named("지은").await;
    let joined = browser.join("마당").await.unwrap();
    assert_eq!(joined.people.len(), 3);
    a.write("/name 민수\n").await;
    a.wait_for_note("You are now 민수.").await;
    a.write("줄에서\n").await;
    let pushed: RoomEvent = serde_json::from_value(browser.next_push(Push::EVENT).await).unwrap();
    assert_eq!(pushed.event.person.name.as_str(), "민수");
    browser.send_message("마당", "페이지에서").await;
    assert_eq!(
        a.next_message().await,
        ("지은".to_owned(), "페이지에서".to_owned()),
        "not one's own before it"
    );
    assert_eq!(b.next_message().await, ("민수".to_owned(), "줄에서".to_owned()));
    assert_eq!(b.next_message().await, ("지은".to_owned(), "페이지에서".to_owned()));
    browser.close().await;
    loop {
        if let Line::Note(note) = b.next().await
            && note == "지은 (guest) left"
        {
            break;
        }
    }
    let mut late = Client::connect(server.address, serde_json::json!({})).await.unwrap();
    assert_eq!(late.join("마당").await.unwrap().events.len(), 2);
}
