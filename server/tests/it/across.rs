//! One room, every door: whoever reads by whichever door sees the same sequence.

use std::collections::HashSet;

use common::{
    event::{Push, RoomEvent},
    line::Line,
    message::Seq,
};
use madang::config::Door;
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    cli::Home,
    line::{Nc, every_door},
    stream::Stream,
    support::{Client, PATIENCE, TestServer, request},
};

/// How many messages each speaker sends.
const EACH: usize = 60;
/// Two at Socket.IO, one of the tutorial's, two with lines, two with a request for each message, one
/// with datagrams, two with the terminal client.
const SPEAKERS: [&str; 10] = ["s1", "s2", "tutorial", "l1", "l2", "h1", "h2", "udp", "t1", "t2"];
const ALL: usize = EACH * SPEAKERS.len();

#[tokio::test(flavor = "multi_thread")]
async fn every_reader_sees_one_order_whatever_the_door() {
    let server = TestServer::start_with(every_door).await;
    let (mut reader, mut by_line) = (server.client().await, Nc::connect(&server).await);
    reader.join("lobby").await.unwrap();
    // Meanwhile: who reads nothing answers no ping either, and is cut on a slow machine.
    let reading = tokio::spawn(async move {
        let mut pushed: Vec<(Seq, String)> = Vec::new();
        for _ in 0..ALL {
            let RoomEvent { event, .. } = reader.next_event().await;
            pushed.push((event.seq, event.what.body().unwrap().to_string()));
        }
        (reader, pushed)
    });
    let mut stream = Stream::follow(server.address, "lobby/events", &[]).await;
    let home = Home::new();
    let mut terminals = Vec::new();
    for door in [Door::Http, Door::Tcp] {
        terminals.push(home.hear("lobby", &door.at(server.at(door)).to_string()).await);
    }

    let mut speaking = Vec::new();
    for name in ["s1", "s2"] {
        let mut client = server.client().await;
        client.join("lobby").await.unwrap();
        speaking.push(tokio::spawn(async move {
            for number in 0..EACH {
                client.say("lobby", &format!("{name} {number}")).await;
            }
        }));
    }
    let mut tutorial = server.client().await;
    tutorial.ask_raw("room", &"lobby").await;
    speaking.push(tokio::spawn(async move {
        for number in 0..EACH {
            tutorial.ask_raw("chat message", &format!("tutorial {number}")).await;
        }
    }));
    for name in ["l1", "l2"] {
        let mut nc = Nc::connect(&server).await;
        speaking.push(tokio::spawn(async move {
            for number in 0..EACH {
                nc.write(format!("{name} {number}\n")).await;
            }
            nc.finish().await;
        }));
    }
    for name in ["h1", "h2"] {
        let address = server.address;
        speaking.push(tokio::spawn(async move {
            for number in 0..EACH {
                let key = format!("Idempotency-Key: {name}-{number}");
                let head = format!("POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: {address}\r\n{key}");
                // Twice, as a script does that has heard nothing.
                for _ in 0..2 {
                    let response = request(address, &head, &format!("{name} {number}")).await;
                    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
                }
            }
        }));
    }
    let door = server.at(Door::Udp);
    speaking.push(tokio::spawn(async move {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for number in 0..EACH {
            socket.send_to(format!("udp {number}").as_bytes(), door).await.unwrap();
        }
    }));
    for (name, door) in [("t1", Door::Http), ("t2", Door::Tcp)] {
        let to = door.at(server.at(door)).to_string();
        speaking.push(tokio::spawn(async move {
            let lines: String = (0..EACH).map(|number| format!("{name} {number}\n")).collect();
            let talked = Home::new().run(&["talk", "--to", &to], &lines).await;
            assert!(talked.status.success(), "{talked:?}");
        }));
    }
    for speaker in speaking {
        timeout(PATIENCE, speaker).await.unwrap().unwrap();
    }

    // Within a time of its own: there is a heartbeat to hear even when something is lost.
    let (mut reader, pushed) = timeout(PATIENCE, reading).await.unwrap().unwrap();
    let numbers: Vec<u64> = pushed.iter().map(|(seq, _)| seq.0).collect();
    assert_eq!(numbers, (1..=ALL as u64).collect::<Vec<_>>());
    for (_, text) in &pushed {
        assert_eq!(by_line.next_said().await.1, *text, "lines show the same order");
        for terminal in &mut terminals {
            let line = timeout(PATIENCE, terminal.told.next_line()).await.unwrap().unwrap().unwrap();
            assert_eq!(line.split_once(": ").unwrap().1, text, "and so do terminals");
        }
    }
    assert_eq!(stream.events(ALL).await, pushed, "and a stream of events");
    let mut from_the_start = Stream::follow(server.address, "lobby/events?since=0", &[]).await;
    assert_eq!(from_the_start.events(ALL).await, pushed, "and one that begins late");
    assert_eq!(reader.whole_log("lobby").await, pushed, "and the log");
    let different: HashSet<&str> = pushed.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(different.len(), ALL, "nothing is lost and nothing is doubled");
    for name in SPEAKERS {
        let own = pushed.iter().filter_map(|(_, text)| text.strip_prefix(&format!("{name} ")));
        let own: Vec<usize> = own.map(|number| number.parse().unwrap()).collect();
        assert_eq!(own, (0..EACH).collect::<Vec<_>>(), "each speaker's own order is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_browsers_talk_with_one_another() {
    let server = TestServer::start_with(every_door).await;
    let (mut a, mut b) = (Nc::connect_to(&server, "마당").await, Nc::connect_to(&server, "마당").await);
    let mut browser = server.client_named("지은").await;
    let joined = browser.join("마당").await.unwrap();
    assert_eq!(joined.people.len(), 3);
    a.write("/name 민수\n").await;
    a.noted("You are now 민수.").await;
    a.write("줄에서\n").await;
    let told: RoomEvent = serde_json::from_value(browser.next(Push::EVENT).await).unwrap();
    assert_eq!(told.event.person.name.as_str(), "민수");
    browser.say("마당", "페이지에서").await;
    assert_eq!(a.next_said().await, ("지은".to_owned(), "페이지에서".to_owned()), "not one's own before it");
    assert_eq!(b.next_said().await, ("민수".to_owned(), "줄에서".to_owned()));
    assert_eq!(b.next_said().await, ("지은".to_owned(), "페이지에서".to_owned()));
    browser.close().await;
    loop {
        if let Line::Note(note) = b.next().await
            && note == "지은 left"
        {
            break;
        }
    }
    let mut late = Client::connect(server.address, serde_json::json!({})).await.unwrap();
    assert_eq!(late.join("마당").await.unwrap().events.len(), 2);
}
