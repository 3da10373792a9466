//! Names of rooms that look the same lead to one room, and older rooms keep their links.

use common::{
    message::Seq,
    protocol::command::{Join, Leave},
    refusal::Refusal,
};
use madang::config::Transport;
use rusqlite::Connection;
use serde_json::json;
use tokio::net::UdpSocket;

use crate::{
    harness::{TestServer, http_request, message, room},
    http::json_of,
    line_client::{LineClient, all_transports},
};

const LOOK_ALIKES: [&str; 6] = ["team 7", "TEAM 7", "Team\u{A0}7", "Team\u{3000}7", "Team  7", "Ｔｅａｍ ７"];

fn percent_encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn get(server: &TestServer, path: &str) -> String {
    http_request(server.address, &format!("GET {path} HTTP/1.1\r\nHost: {}", server.address), "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_look_the_same_lead_to_one_room_at_every_door() {
    let server = TestServer::start_with(all_transports).await;
    let mut owner = server.client().await;
    assert_eq!(owner.join("Team\u{3000} 7").await.unwrap().room, room("Team 7"));
    let mut posted = 0;
    for name in LOOK_ALIKES {
        let mut client = server.client().await;
        let joined = client.join(name).await.unwrap();
        assert_eq!((joined.room, joined.last), (room("Team 7"), Seq(posted)), "{name:?}");
        // The client may go on with the name by which it has joined.
        client.request(message(name, &format!("number {posted}"))).await.unwrap();
        assert_eq!(client.next_event().await.room, room("Team 7"));
        client.request(Leave { room: room(name) }).await.unwrap();
        assert_eq!(client.request(message("Team 7", "x")).await, Err(Refusal::NotInRoom));

        let path = format!("/api/rooms/{}/messages", percent_encoded(name));
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain", server.address);
        let response = http_request(server.address, &head, "HTTP").await;
        assert_eq!(json_of(&response)["seq"], posted + 2, "{name:?}");
        let page = json_of(&get(&server, &path).await);
        assert_eq!(page["events"].as_array().unwrap().len() as u64, posted + 2, "{name:?}");

        let mut lines = LineClient::connect(&server).await;
        lines.write(format!("/join {name}\n/send cid-{posted} lines\n/history\n")).await;
        if name != "Team 7" {
            lines.wait_for_note(" leads to the room \"Team 7\".").await;
        }
        // Clients of earlier versions wait for the name that they have asked for.
        lines.wait_for_note(&format!("You are in {};", room(name))).await;
        lines.wait_for_note("This is all.").await;

        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let datagram = format!("/to {name}\ndatagram");
        socket.send_to(datagram.as_bytes(), server.address_of(Transport::Udp)).await.unwrap();
        posted += 4;
        while owner.next_event().await.event.seq < Seq(posted) {}
    }
    let rooms = json_of(&get(&server, "/api/rooms").await);
    let names: Vec<_> = rooms["rooms"].as_array().unwrap().iter().map(|room| &room["room"]).collect();
    assert_eq!(names, ["Team 7"]);
    assert_eq!(server.client().await.join("Lobby").await.unwrap().room, room("lobby"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_the_tutorial_talks_in_the_room_that_looks_the_same() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.request_raw("room", &"Room1").await;
    a.join("other").await.unwrap();
    a.request_raw("room", &"Room1").await;
    b.request_raw("room", &"room1").await;
    a.request_raw("chat message", &"안녕").await;
    assert_eq!(b.next_push("chat message").await, "안녕");
    let third = server.client().await.join("ROOM1").await;
    assert_eq!(third.unwrap_err(), Refusal::RoomFull);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_names_at_once_one_makes_the_room_and_the_other_enters_it() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(server.client().await);
    }
    let names = ["Team", "team", "TEAM", "tEAM", "Ｔeam", "teaM", "TEam", "team"];
    for round in 0..10 {
        let tasks: Vec<_> = std::iter::zip(clients, names)
            .map(|(mut client, name)| {
                tokio::spawn(async move {
                    let joined = client.join(&format!("{name} {round}")).await.unwrap();
                    (client, joined.room)
                })
            })
            .collect();
        clients = Vec::new();
        let mut entered = Vec::new();
        for task in tasks {
            let (client, name) = task.await.unwrap();
            clients.push(client);
            entered.push(name);
        }
        assert!(entered.iter().all(|name| *name == entered[0]), "{entered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_rooms_keep_their_exact_links_and_numbers() {
    let server = TestServer::start_with(all_transports).await;
    let mut client = server.client().await;
    for name in ["one", "two", "three"] {
        client.join(name).await.unwrap();
        client.send_message(name, name).await;
    }
    client.close().await;
    let older = ["우리\u{A0}반", "Team", "비밀\u{3164}"];
    let server = server
        .restart_with(|config| {
            all_transports(config);
            let madang::store::DatabaseUrl::Sqlite(path) = config.database.clone();
            let db = Connection::open(path).unwrap();
            for (name, older) in std::iter::zip(["one", "two", "three"], older) {
                // As an older version has left it.
                db.execute("UPDATE rooms SET name = ?2, key = NULL WHERE name = ?1", [name, older]).unwrap();
            }
            let sql = "INSERT INTO rooms (name, owner, since) VALUES ('team', 1, unixepoch('subsec') * 1000)";
            db.execute(sql, []).unwrap();
        })
        .await;
    let mut client = server.client().await;
    for (name, text) in std::iter::zip(older, ["one", "two", "three"]) {
        let joined = client.join(name).await.unwrap();
        assert_eq!((joined.room, joined.last), (room(name), Seq(1)), "{name:?}");
        assert_eq!(client.whole_log(name).await, [(Seq(1), text.to_owned())]);
        let path = format!("/api/rooms/{}/messages", percent_encoded(name));
        assert_eq!(json_of(&get(&server, &path).await)["events"][0]["what"]["posted"]["body"], text);
        client.send_message(name, "more").await;
    }
    assert_eq!(client.request(Join::new(room("우리 반"))).await.unwrap().room, room(older[0]));
    let other = client.join("team").await.unwrap();
    assert_eq!((other.room, other.last), (room("team"), Seq(0)), "both older rooms are still there");
    let refused = client.request_raw("join", &json!({ "room": "비밀\u{3164}방" })).await;
    assert_eq!(refused["error"]["code"], "name_unreadable", "a new room has visible characters only");
}
