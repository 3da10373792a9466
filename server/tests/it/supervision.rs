//! No part that the server needs ends unnoticed: the process ends with it, and says which one it was.
//!
//! Runs only with the feature `faults`, which makes a part panic on purpose.

use std::{
    io::Read,
    process::{Command, Stdio},
    time::Instant,
};

use crate::{
    harness::{Client, ServerProcess, TIMEOUT},
    line_client::LineClient,
};

/// Every part, and the step at which it panics: its first one, or one that a client causes.
const PARTS: &[(&str, u32)] = &[
    ("http", 1),
    ("http", 2),
    ("tcp", 1),
    ("tcp", 2),
    ("udp", 1),
    ("udp", 2),
    ("socketio", 1),
    ("admin", 1),
    ("broadcast", 1),
    ("broadcast", 2),
    ("heartbeat", 1),
    ("retention", 1),
    ("storage", 1),
    ("storage", 2),
    ("writer", 1),
    ("writer", 2),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_process_ends_with_any_part_that_it_needs_and_names_it() {
    for (part, step) in PARTS {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.env("MADANG_FAULT", format!("panic:{part}:{step}")).stderr(Stdio::piped());
        let listeners = ["http://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://127.0.0.1:0"];
        let (mut program, addresses) =
            ServerProcess::start_with_all_listeners(command, folder.path(), &listeners);
        let started = Instant::now();
        // Something for each part to do; some of it fails because the part is gone.
        let posts = tokio::spawn(async move {
            let datagram = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let _ = datagram.send_to(b"over UDP", addresses[2]).await;
            let _ = tokio::net::TcpStream::connect(addresses[0]).await;
            let mut lines = LineClient::dial(addresses[1]).await;
            lines.write("over TCP\n").await;
            std::future::pending::<()>().await;
        });
        let status = tokio::task::spawn_blocking(move || {
            let status = program.child.wait().unwrap();
            let mut log = String::new();
            program.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            (status, log)
        });
        let (status, log) = tokio::time::timeout(TIMEOUT, status).await.expect(part).unwrap();
        posts.abort();
        assert_eq!(status.code(), Some(1), "{part}: {log}");
        assert!(log.contains(&format!("madang: a part of the server ({part}) has ended")), "{log}");
        assert!(log.contains("panicked: MADANG_FAULT says so"), "{log}");
        assert!(started.elapsed() < TIMEOUT / 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_part_panicked_is_there_after_the_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.env("MADANG_FAULT", "panic:writer:20");
    let mut program = ServerProcess::start_with(command, folder.path());
    let mut stored = Vec::new();
    let mut client = Client::connect(program.address, serde_json::json!({})).await.unwrap();
    client.join("r").await.unwrap();
    for number in 0.. {
        let text = number.to_string();
        let Some(answer) = client.try_request(&crate::harness::message("r", &text)).await else { break };
        let Ok(sent) = serde_json::from_value::<common::protocol::reply::Sent>(answer) else { break };
        stored.push((sent.seq, text));
    }
    assert_eq!(program.child.wait().unwrap().code(), Some(1));
    assert!(!stored.is_empty());
    let again = ServerProcess::start(folder.path());
    let mut client = Client::connect(again.address, serde_json::json!({})).await.unwrap();
    client.join("r").await.unwrap();
    assert_eq!(client.whole_log("r").await[..stored.len()], stored);
}
