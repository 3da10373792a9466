//! `kill -9` at any moment: what was acknowledged is there, once, at its place.

use std::{collections::HashMap, time::Duration};

use common::{
    event::{Join, Sent},
    message::Seq,
};
use serde_json::json;

use crate::support::{Client, Program, room, say};

/// How many times the program is killed.
const KILLS: u32 = 5;
const WRITERS: u32 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<String, Seq> = HashMap::new();
    for kill in 0..KILLS {
        let mut program = Program::start(folder.path());
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let address = program.address;
            writers.push(tokio::spawn(write_until_killed(address, kill, writer)));
        }
        // Not waiting for anything: this is the moment of the kill, another one each time.
        tokio::time::sleep(Duration::from_millis(u64::from(150 + kill * 97))).await;
        program.kill();
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
    }
    assert!(acknowledged.len() > 50, "only {} messages were acknowledged at all", acknowledged.len());

    let program = Program::start(folder.path());
    let mut reader = Client::connect(program.address, json!({})).await.unwrap();
    reader.join("r").await.unwrap();
    let log = reader.whole_log("r").await;
    for (at, (seq, _)) in log.iter().enumerate() {
        assert_eq!(*seq, Seq(at as u64 + 1), "the log has no gap");
    }
    let mut places: HashMap<&str, Seq> = HashMap::new();
    for (seq, text) in &log {
        assert_eq!(places.insert(text, *seq), None, "{text} is there twice");
    }
    for (text, seq) in &acknowledged {
        assert_eq!(places.get(text.as_str()), Some(seq), "{text} was acknowledged");
    }
}

/// Sends one message after the other and tells which were acknowledged, and where.
async fn write_until_killed(address: std::net::SocketAddr, kill: u32, writer: u32) -> Vec<(String, Seq)> {
    let mut acknowledged = Vec::new();
    let Ok(mut client) = Client::connect(address, json!({})).await else { return acknowledged };
    // On a slow machine the kill comes before the first answer.
    let join = Join { room: room("r"), seats: None, since: None };
    if client.try_ask(&join).await.is_none() {
        return acknowledged;
    }
    for number in 0.. {
        let text = format!("{kill}-{writer}-{number}");
        let Some(answer) = client.try_ask(&say("r", &text)).await else { break };
        let sent: Sent = serde_json::from_value(answer).unwrap();
        acknowledged.push((text, sent.seq));
    }
    acknowledged
}
