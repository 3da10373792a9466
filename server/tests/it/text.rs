//! What becomes of a text on its way in: the same at every door.

use std::net::SocketAddr;

use common::{
    message::Seq,
    protocol::command::{Rename, UpdateRoom},
    refusal::Refusal,
    room::Topic,
};
use futures_util::{SinkExt, StreamExt};
use madang::config::Transport;
use serde_json::json;
use tokio::net::UdpSocket;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    cli::CliHome,
    harness::{Client, TestServer, http_request, room},
    http::json_of,
    line_client::{LineClient, all_transports},
};

/// Posts a text in a room through each door, and returns what the log has of it, and through which door.
async fn post_everywhere(server: &TestServer, text: &str) -> Vec<(String, String)> {
    let mut said = Vec::new();
    let http = format!("http://{}", server.address);
    let tcp = server.address_of(Transport::Tcp);
    let mut client = server.client().await;
    for door in [
        "send",
        "chat message",
        "text",
        "JSON",
        "lines",
        "/send",
        "datagram",
        "madang send",
        "madang send tcp",
    ] {
        let name = door.replace(' ', "-").replace('/', "slash-");
        client.join(&name).await.unwrap();
        match door {
            "send" => drop(client.send_message(&name, text).await),
            "chat message" => {
                let mut tutorial = server.client().await;
                tutorial.request_raw("room", &name).await;
                tutorial.request_raw("chat message", &text).await;
            }
            "text" => drop(post(server.address, &name, "text/plain", text).await),
            "JSON" => drop(
                post(server.address, &name, "application/json", &json!({ "body": text }).to_string()).await,
            ),
            "lines" => {
                let mut lines = LineClient::connect_to(server, &name).await;
                lines.write(format!("{text}\n/who\n")).await;
                lines.wait_for_note("In ").await;
            }
            "/send" => {
                let mut lines = LineClient::connect_to(server, &name).await;
                lines.write(format!("/send cid {text}\n")).await;
                lines.next_send_reply().await;
            }
            "datagram" => {
                let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                let address = server.address_of(Transport::Udp);
                socket.send_to(format!("/to {name}\n{text}").as_bytes(), address).await.unwrap();
                client.next_event().await;
            }
            _ => {
                let to = if door.ends_with("tcp") { format!("tcp://{tcp}") } else { http.clone() };
                let output =
                    CliHome::new().run(&["send", "--room", &name, "--to", &to], &format!("{text}\n")).await;
                assert!(output.status.success(), "{output:?}");
            }
        }
        said.extend(client.whole_log(&name).await.into_iter().map(|(_, text)| (door.to_owned(), text)));
        client.request_raw("leave", &json!({ "room": name })).await;
        while !client.received("event").is_empty() {}
    }
    said
}

async fn post(address: SocketAddr, room: &str, media_type: &str, body: &str) -> String {
    let head =
        format!("POST /api/rooms/{room}/messages HTTP/1.1\r\nHost: {address}\r\nContent-Type: {media_type}");
    http_request(address, &head, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_and_control_characters_are_left_out_at_every_door() {
    let server = TestServer::start_with(all_transports).await;
    let said = post_everywhere(&server, "\u{1b}[32mPASS\u{1b}[0m ok\u{3}\u{1b}]0;title\u{7}!").await;
    assert_eq!(said.len(), 9);
    for (door, text) in said {
        assert_eq!(text, "PASS ok!", "{door}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_keeps_its_indentation_at_every_door() {
    let server = TestServer::start_with(all_transports).await;
    let said = post_everywhere(&server, "    if x:  ").await;
    assert_eq!(said.len(), 9);
    for (door, text) in said {
        assert_eq!(text, "    if x:", "{door}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_breaks_of_office_and_pdf_are_line_breaks() {
    let server = TestServer::start_with(all_transports).await;
    let said = post_everywhere(&server, "제목\u{B}본문\u{C}끝\u{2028}!").await;
    let [whole, lines]: [Vec<_>; 2] = [true, false]
        .map(|is_whole| said.iter().filter(|(door, _)| (door != "madang send tcp") == is_whole).collect());
    for (door, text) in whole {
        assert_eq!(text, "제목\n본문\n끝\n!", "{door}");
    }
    // The line protocol has no line breaks in messages, so the client sends each line.
    assert_eq!(lines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["제목", "본문", "끝", "!"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_topics_are_one_clean_line_at_every_door() {
    let server = TestServer::start_with(all_transports).await;
    let mut client = server.client_named("\u{1b}[1m이\u{B}지은\u{1b}[0m").await;
    client.join("r").await.unwrap();
    let renamed = client.request_raw("rename", &json!({ "name": "이\u{3000}\r\n지은\u{3}" })).await;
    assert_eq!(renamed["you"]["name"], "이 지은");
    let described = json!({ "room": "r", "cid": "t", "topic": "오늘\u{C}\t이야기\u{1b}[0m" });
    client.request_raw("describe", &described).await;
    let joined = server.client().await.join("r").await.unwrap();
    assert_eq!(joined.topic.as_ref().map(Topic::as_str), Some("오늘 이야기"));
    assert!(joined.people.iter().any(|person| person.name.as_str() == "이 지은"));
    let mut line = LineClient::connect_to(&server, "r").await;
    line.write("/name \u{1b}[31m민수\u{1b}[0m  \u{A0}둘\n").await;
    line.wait_for_note("You are now 민수 둘.").await;
    let refused = client.request_raw("rename", &json!({ "name": "지\u{E000}은" })).await;
    assert_eq!(refused["error"]["code"], Refusal::NameUnreadable.code());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_room_has_no_invisible_characters_in_its_name() {
    let server = TestServer::start_with(all_transports).await;
    let mut client = server.client().await;
    for name in ["a\u{3164}b", "가\u{FE0F}", "비\u{200D}밀", "a\u{E000}", "a\u{FFFE}"] {
        assert_eq!(client.join(name).await, Err(Refusal::NameUnreadable), "{name:?}");
        let path = name.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let response = post(server.address, &path, "text/plain", "x").await;
        assert_eq!(json_of(&response)["error"]["code"], "name_unreadable", "{name:?}");
    }
    client.join("가족 👨‍👩‍👧 ❤️").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flags_of_england_scotland_and_wales_arrive_everywhere() {
    let flag = |region: &str| {
        let tags = region.chars().map(|c| char::from_u32(0xE0000 + u32::from(c)).unwrap());
        format!("\u{1F3F4}{}\u{E007F}", tags.collect::<String>())
    };
    let server = TestServer::start_with(all_transports).await;
    let mut client: Client = server.client().await;
    let mut lines = LineClient::connect_to(&server, "r").await;
    client.join("r").await.unwrap();
    for (at, region) in ["gbeng", "gbsct", "gbwls"].into_iter().enumerate() {
        let flag = flag(region);
        let name = format!("팀 {flag}");
        client.request(Rename { name: common::person::DisplayName::parse(&name).unwrap() }).await.unwrap();
        let sent = client.send_message("r", &format!("이긴다 {flag}")).await;
        assert_eq!(lines.next_message().await, (name.clone(), format!("이긴다 {flag}")));
        let react =
            json!({ "room": "r", "seq": sent.seq, "cid": format!("r{at}"), "emoji": flag, "on": true });
        assert!(client.request_raw("react", &react).await.get("error").is_none(), "{region}");
        lines.wait_for_note(&format!("put {flag} under a message")).await;
        client.join(&format!("방 {flag}")).await.unwrap();
    }
    let hidden = json!({ "room": "r", "seq": Seq(1), "cid": "h", "emoji": flag("gbzzz"), "on": true });
    assert_eq!(client.request_raw("react", &hidden).await["error"]["code"], "emoji_invalid");
    let topic = Topic::parse(&flag("gbwls")).unwrap();
    let owned = server.client().await.join("새 방").await.unwrap();
    assert_eq!(owned.topic, None);
    let update = UpdateRoom {
        room: room("r"),
        cid: common::message::Cid::parse("t").unwrap(),
        topic: Some(topic),
        seats: None,

        shared_network: None,
    };
    assert_eq!(client.request(update).await.unwrap_err(), Refusal::NotYours, "the line client made the room");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_emoji_arrives_as_a_replacement_character() {
    let server = TestServer::start_with(all_transports).await;
    let mut client = server.client().await;
    client.join("r").await.unwrap();
    let mut raw = server.client().await;
    raw.request_raw("join", &json!({ "room": "r" })).await;
    raw.write(r#"42["send",{"room":"r","cid":"c","body":"반쪽 \ud83d"}]"#).await;
    let body = |event: common::protocol::push::RoomEvent| event.event.kind.body().unwrap().to_string();
    assert_eq!(body(client.next_event().await), "반쪽 \u{FFFD}");
    let json = r#"{"body": "\ude00 반쪽 \ud83d\ude00", "name": "지은\ud83d"}"#;
    let response = post(server.address, "r", "application/json", json).await;
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    let event = client.next_event().await;
    assert_eq!(event.event.person.name.as_str(), "지은\u{FFFD}");
    assert_eq!(body(event), "\u{FFFD} 반쪽 😀");
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send(Message::text(r#"40{"name":"민수\ud83d"}"#)).await.unwrap();
    // The handshake comes first, and perhaps a ping.
    let mut packet = socket.next().await.unwrap().unwrap();
    while !packet.to_text().unwrap().starts_with('4') {
        packet = socket.next().await.unwrap().unwrap();
    }
    assert!(packet.to_text().unwrap().starts_with("40{"), "{packet:?}");
}
