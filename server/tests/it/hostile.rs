//! Attacks, faults and traps of the libraries; each remedy has its test here. S1, S2 … are their numbers in
//! `docs/decisions/library-findings.md`.

use std::time::Duration;

use common::{
    message::Seq,
    protocol::{command::Hello, reply::Sent},
    refusal::Refusal,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};

use crate::harness::{Client, ServerProcess, TestServer, http_request, message};

/// S1: the library handles each event in its own task; the server's command queue restores the order.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_keeps_its_order_a_thousand_times() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for number in 0..20 {
        let mut client = server.client().await;
        let room = format!("room {number}");
        client.join(&room).await.unwrap();
        clients.push(tokio::spawn(async move {
            for burst in 0..50_u64 {
                let ids = client
                    .burst((0..10).map(|n| message(&room, &format!("burst {burst} message {n}"))))
                    .await;
                for (n, id) in ids.into_iter().enumerate() {
                    let sent: Sent = serde_json::from_value(client.reply(id).await).unwrap();
                    assert_eq!(sent.seq, Seq(burst * 10 + n as u64 + 1));
                }
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
}

/// S2: the first command of a client must not be lost because its handler is registered too late.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_event_after_connecting_is_answered_ten_thousand_times() {
    let server = TestServer::start().await;
    let address = server.address;
    let mut connecting = Vec::new();
    for _ in 0..50 {
        connecting.push(tokio::spawn(async move {
            for _ in 0..200 {
                let mut client = Client::connect(address, json!({})).await.unwrap();
                let answer = client.request_raw("leave", &json!({ "room": "r" })).await;
                assert_eq!(answer["error"]["code"], "not_in_room");
            }
        }));
    }
    for task in connecting {
        task.await.unwrap();
    }
}

/// S5: a message of 60 MB that never ends, in pieces that the library would accept, costs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_giant_message_is_cut_before_it_takes_memory() {
    const PIECE: usize = 15_000_000;
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::start(folder.path());
    let before = program.memory();
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = open_websocket(&program).await;
        let piece = vec![b'x'; PIECE];
        // A text frame and its continuations, none of them final (RFC 6455 §5.4).
        for first_byte in [0x01, 0x00, 0x00, 0x00] {
            let mut head = vec![first_byte, 0xFF];
            head.extend((PIECE as u64).to_be_bytes());
            head.extend([0; 4]);
            // The server closes the connection at the first header; later writes fail or are discarded.
            if stream.write_all(&head).await.is_err() || stream.write_all(&piece).await.is_err() {
                break;
            }
        }
        streams.push(stream);
    }
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB");
    for mut stream in streams {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "not cut");
    }
}

/// WebSocket has pings of its own (RFC 6455 §5.5.2). A client that sends pings without reading the pongs is
/// cut, and costs nothing until then.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_with_unread_pongs_is_cut_and_takes_no_memory() {
    const PINGS: usize = 200_000;
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::start(folder.path());
    let mut stream = open_websocket(&program).await;
    // Once the namespace is entered, the server itself writes to the socket.
    let masked =
        |opcode: u8, payload: &[u8]| [&[opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat();
    stream.write_all(&masked(0x81, b"40{}")).await.unwrap();
    let mut answer = [0; 512];
    while !answer.windows(2).any(|bytes| bytes == b"40") {
        let _ = stream.read(&mut answer).await.unwrap();
    }
    let before = program.memory();
    let pings = masked(0x89, &[b'x'; 125]).repeat(100);
    let mut was_cut = false;
    for _ in 0..PINGS / 100 {
        was_cut = stream.write_all(&pings).await.is_err();
        if was_cut {
            break;
        }
    }
    assert!(was_cut, "not cut");
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 4 * 1024, "{grown} KiB");
}

async fn open_websocket(program: &ServerProcess) -> TcpStream {
    let mut stream = TcpStream::connect(program.address).await.unwrap();
    let head = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        program.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 101"));
    stream
}

/// S8: a page of another site gets no socket, no session and no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_is_refused_on_every_path() {
    let server = TestServer::start().await;
    let address = server.address;
    let port = address.port();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", &format!("http://localhost:{port}")]
    {
        for target in ["GET /socket.io/?EIO=4&transport=polling", "GET /api/me", "POST /api/me", "GET /"] {
            let head = format!("{target} HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}");
            let response = http_request(address, &head, "").await;
            assert!(response.starts_with("HTTP/1.1 403"), "{target} from {origin}: {response}");
            assert!(response.contains("foreign_origin") && response.contains("content-security-policy"));
        }
        let mut handshake =
            format!("ws://{address}/socket.io/?EIO=4&transport=websocket").into_client_request().unwrap();
        handshake.headers_mut().insert("origin", origin.parse().unwrap());
        assert!(connect_async(handshake).await.is_err(), "{origin}");
    }
    let own = format!(
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}"
    );
    assert!(http_request(address, &own, "").await.starts_with("HTTP/1.1 200"));
    let rebound = format!("GET /api/rooms HTTP/1.1\r\nHost: evil.example:{port}");
    assert!(http_request(address, &rebound, "").await.starts_with("HTTP/1.1 403"));
}

/// S9: the server does not wait for headers and bodies that never end.
#[tokio::test(flavor = "multi_thread")]
async fn slow_headers_and_slow_bodies_are_cut() {
    let short = Duration::from_millis(300);
    let server = TestServer::start_with(|config| {
        config.header_timeout = short;
        config.body_timeout = short;
    })
    .await;
    let address = server.address;
    let heads = [
        "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_owned(),
        format!(
            "POST /api/me HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
        ),
    ];
    for head in heads {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "still open after {head:?}");
    }
}

/// S11: binary attachments are not collected.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_attachments_ends_the_connection() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.write(r#"451-["send",{"_placeholder":true,"num":0}]"#).await;
    client.wait_until_closed().await;
}

/// S10: leaving the namespace also closes the transport session.
#[tokio::test(flavor = "multi_thread")]
async fn leaving_the_namespace_ends_the_connection() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.write(common::socketio::DISCONNECT).await;
    client.wait_until_closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_floods_its_command_queue_is_cut_and_others_go_on() {
    let server = TestServer::start().await;
    let (mut flooder, mut other) = (server.client().await, server.client().await);
    flooder.join("r").await.unwrap();
    other.join("r").await.unwrap();
    let message = |n| common::socketio::command("send", &message("r", &format!("flood {n}")), n).unwrap();
    flooder.write_until_cut((0..20_000).map(message)).await;
    flooder.wait_until_closed().await;
    other.send_message("r", "unharmed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_and_garbled_packets_end_only_their_own_connection() {
    let server = TestServer::start().await;
    let mut other = server.client().await;
    for garbage in ["9", "4", "42", "42[", "4299999999999999999999[]", "42[{}]", "\u{FFFD}", "b00"] {
        let mut client = server.client().await;
        client.write(garbage).await;
        // It may be ignored or cut; other clients must not notice.
        let _ = client;
    }
    let mut client = server.client().await;
    client.write_until_cut([format!(r#"42["send","{}"]"#, "x".repeat(70_000))]).await;
    client.wait_until_closed().await;
    other.request(Hello {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_addresses_have_their_limits() {
    let server = TestServer::start().await;
    let address = server.address;
    let long = format!("GET /?{} HTTP/1.1\r\nHost: {address}", "x".repeat(3_000));
    assert!(http_request(address, &long, "").await.starts_with("HTTP/1.1 414"));
    let many: String = (0..80).map(|n| format!("\r\nX-{n}: y")).collect();
    assert!(
        http_request(address, &format!("GET /up HTTP/1.1\r\nHost: {address}{many}"), "")
            .await
            .starts_with("HTTP/1.1 431")
    );
    let body = format!(r#"{{"name":"{}"}}"#, "x".repeat(100_000));
    let post = format!("POST /api/me HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json");
    let response = http_request(address, &post, &body).await;
    assert!(response.starts_with("HTTP/1.1 4"), "{response}");
}

/// S3 over long-polling: a session that sent too much at once is closed, and further requests are refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_polling_client_that_floods_its_command_queue_is_refused_from_then_on() {
    let server = TestServer::start().await;
    let address = server.address;
    let poll = format!("/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {address}");
    let opened = http_request(address, &format!("GET {poll}"), "").await;
    let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let session = poll.replace("polling ", &format!("polling&sid={sid} "));
    assert!(http_request(address, &format!("POST {session}"), "40").await.ends_with("ok"));
    // The first ping may come before, in a poll of its own.
    while !http_request(address, &format!("GET {session}"), "").await.contains("40{") {}
    // The join waits for the disk, so the commands behind it fill the command queue.
    let flood: Vec<String> = std::iter::once(r#"42["join",{"room":"r"}]"#.to_owned())
        .chain((0..600).map(|_| r#"42["leave",{"room":"r"}]"#.to_owned()))
        .collect();
    http_request(address, &format!("POST {session}"), &flood.join("\u{1e}")).await;
    let next = http_request(address, &format!("GET {session}"), "").await;
    assert!(next.starts_with("HTTP/1.1 400"), "{next}");
}

/// A connection that a reverse proxy shares between clients must not become one session's WebSocket,
/// whatever the session's query says.
#[tokio::test(flavor = "multi_thread")]
async fn a_polling_session_never_takes_a_shared_connection_for_its_own() {
    let server = TestServer::start().await;
    let address = server.address;
    let path = "/socket.io/?EIO=4&transport=polling&x=transport=websocket";
    let mut shared = TcpStream::connect(address).await.unwrap();
    let answer = exchange(&mut shared, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n")).await;
    let sid = answer.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let session = format!("{path}&sid={sid} HTTP/1.1\r\nHost: {address}");
    assert!(http_request(address, &format!("POST {session}"), "40").await.ends_with("ok"));
    // The first ping may come before, in a poll of its own.
    while !http_request(address, &format!("GET {session}"), "").await.contains("40{") {}
    http_request(address, &format!("POST {session}"), r#"420["join",{"room":"r"}]"#).await;
    let mut sender = server.client().await;
    sender.join("r").await.unwrap();
    sender.send_message("r", "into somebody else's answer").await;
    while !http_request(address, &format!("GET {session}"), "").await.contains("somebody else") {}
    let answer = exchange(&mut shared, &format!("GET /up HTTP/1.1\r\nHost: {address}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
}

/// Sends a request on an open connection; returns its short response.
async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_requests_do_not_block_others() {
    let server = TestServer::start().await;
    let address = server.address;
    let ask = format!("GET /api/me HTTP/1.1\r\nHost: {address}\r\nCookie: madang=0000\r\n\r\n");
    for _ in 0..500 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        drop(stream);
    }
    for _ in 0..20 {
        let head = format!("GET /api/me HTTP/1.1\r\nHost: {address}\r\nCookie: madang=0000");
        let response = http_request(address, &head, "").await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    }
}

/// The library looks at the key alone and would switch protocols for any of these.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_whole_websocket_handshake_switches_protocols() {
    let server = TestServer::start().await;
    let status = async |method: &str, version: &str, headers: &[&str]| {
        let path = "/socket.io/?EIO=4&transport=websocket";
        let lines: String = headers.iter().map(|line| format!("\r\n{line}")).collect();
        let head = format!("{method} {path} HTTP/{version}\r\nHost: {}{lines}\r\n\r\n", server.address);
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut response, mut piece) = (String::new(), [0; 4096]);
        while !response.contains("\r\n\r\n") {
            let read = stream.read(&mut piece).await.unwrap();
            assert_ne!(read, 0, "{headers:?}: {response}");
            response.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        response.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    let [connection, upgrade] = ["Connection: Upgrade", "Upgrade: websocket"];
    let [version, key] = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    assert_eq!(status("GET", "1.1", &[connection, upgrade, version, key]).await, 101);
    let listed = ["Connection: keep-alive", "Connection: x, upgrade", "Upgrade: WebSocket", version, key];
    assert_eq!(status("GET", "1.1", &listed).await, 101);
    for (method, http, headers, expected) in [
        ("GET", "1.1", &[connection, version, key][..], 426),
        ("GET", "1.1", &[upgrade, version, key], 426),
        ("GET", "1.1", &["Connection: close", upgrade, version, key], 426),
        ("GET", "1.1", &[connection, "Upgrade: h2c", version, key], 426),
        ("GET", "1.1", &[connection, upgrade, key], 426),
        ("GET", "1.1", &[connection, upgrade, "Sec-WebSocket-Version: 8", key], 426),
        ("GET", "1.1", &[connection, upgrade, "Sec-WebSocket-Version: 113", key], 426),
        ("GET", "1.1", &[connection, upgrade, version], 400),
        ("GET", "1.1", &[connection, upgrade, version, "Sec-WebSocket-Key: x"], 400),
        ("GET", "1.0", &[connection, upgrade, version, key], 400),
        ("POST", "1.1", &[connection, upgrade, version, key, "Content-Length: 0"], 400),
    ] {
        assert_eq!(status(method, http, headers).await, expected, "{method} {http} {headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_address_is_taken_of_old_clients_only() {
    let server = TestServer::start().await;
    let mut client = server.client_named("지은").await;
    let token = client.request(Hello {}).await.unwrap().token.unwrap();
    let url = |query: &str| format!("ws://{}/socket.io/?EIO=4&transport=websocket{query}", server.address);
    let request = url(&format!("&token={token}")).into_client_request().unwrap();
    assert_eq!(Client::connect_as(request, json!({})).await.err(), Some(Refusal::BadRequest));

    let mut request = url("&name=ignored").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut same = Client::connect_as(request, json!({})).await.unwrap();
    assert_eq!(same.request(Hello {}).await.unwrap().you.name.as_str(), "지은");

    // Engine.IO 3: the server connects the client to the namespace by itself.
    let path =
        format!("/socket.io/?EIO=3&transport=polling&token={token} HTTP/1.1\r\nHost: {}", server.address);
    let opened = http_request(server.address, &format!("GET {path}"), "").await;
    assert!(opened.starts_with("HTTP/1.1 200 "), "{opened}");
    let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let session = path.replace(" HTTP", &format!("&sid={sid} HTTP"));
    assert!(
        http_request(server.address, &format!("POST {session}"), "15:420[\"hello\",{}]")
            .await
            .ends_with("ok")
    );
    let mut polled = String::new();
    while !polled.contains("430") {
        polled = http_request(server.address, &format!("GET {session}"), "").await;
    }
    assert!(polled.contains("\\uc9c0\\uc740") && !polled.contains("token"), "{polled}");
}

/// A client that is gone can not be slowed down any more, so what it left behind has to fit.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_send_much_and_leave_take_little_memory() {
    const CLIENTS: u32 = 40;
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start_with_default_limits(folder.path());
    let text = "x".repeat(4_000);
    let messages: Vec<String> =
        (0..250).map(|number| format!("42{}", json!(["chat message", format!("{number}{text}")]))).collect();
    let mut observer = Client::connect(server.address, json!({})).await.unwrap();
    observer.request(Hello {}).await.unwrap();
    let before = server.memory();
    let mut most = 0;
    for number in 0..CLIENTS {
        let mut client = Client::connect(server.address, json!({})).await.unwrap();
        client.emit("room", &format!("room {number}")).await;
        client.write_for(&messages, Duration::from_millis(200)).await;
        drop(client);
        most = most.max(server.memory().saturating_sub(before));
    }
    observer.request(Hello {}).await.unwrap();
    assert!(most < 16 * 1024, "{CLIENTS} clients that sent a megabyte each take {most} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_queue_of_commands_holds_is_read_later() {
    let server = TestServer::start().await;
    let (mut sender, mut reader) = (server.client().await, server.client().await);
    for client in [&mut sender, &mut reader] {
        client.join("r").await.unwrap();
    }
    // A hundred messages of 12 KB: twenty times what waits at most.
    let commands = (0..100_u32).map(|number| message("r", &format!("{number} {}", "가".repeat(3_900))));
    let ids = sender.burst(commands).await;
    for (id, number) in ids.into_iter().zip(1_u64..) {
        assert_eq!(sender.reply(id).await["seq"], number);
        assert_eq!(reader.next_event().await.event.seq.0, number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_opens_few_sessions_before_they_enter() {
    let server = TestServer::start().await;
    let address = server.address;
    let mut shared = TcpStream::connect(address).await.unwrap();
    let open = format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut opened = Vec::new();
    let refused = loop {
        let response = exchange(&mut shared, &open).await;
        if !response.starts_with("HTTP/1.1 200") {
            break response;
        }
        opened.push(response.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned());
        assert!(opened.len() < 1_000, "they are not counted");
    };
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("unavailable"), "{refused}");
    server.client().await.request(Hello {}).await.unwrap();
    // One that enters makes room for another.
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={} HTTP/1.1\r\nHost: {address}", opened[0]);
    assert!(http_request(address, &format!("POST {path}"), "40").await.ends_with("ok"));
    while !http_request(address, &format!("GET {path}"), "").await.contains("40{") {}
    assert!(exchange(&mut shared, &open).await.starts_with("HTTP/1.1 200"));
    assert!(exchange(&mut shared, &open).await.starts_with("HTTP/1.1 503"));
}
