//! A full disk: messages are refused, readers notice nothing, nothing is lost, and sending works again as
//! soon as there is space.

use std::{fs, process::Command};

use common::refusal::Refusal;
use serde_json::json;

use crate::{
    harness::{Client, ServerProcess, message, signal},
    storage::{problems, wait_for_problems},
};

/// How far the limit is above the largest file, in units of 1,024 bytes.
const SPACE_LEFT: u64 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_messages_and_sending_works_again_once_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    // With SIGXFSZ ignored a write beyond the limit fails, as on a full disk, instead of ending the
    // program.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh", env!("CARGO_BIN_EXE_madang")]);
    let program = ServerProcess::start_with(shell, folder.path());
    let mut client = Client::connect(program.address, json!({})).await.unwrap();
    client.join("r").await.unwrap();
    let mut stored = Vec::new();
    for round in 0..5 {
        let files = fs::read_dir(folder.path()).unwrap();
        let largest = files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap();
        limit_files(&program, &(largest + SPACE_LEFT * 1024).to_string());
        let refusal = loop {
            let text = format!("round {round} message {} {}", stored.len(), "x".repeat(3_000));
            match client.request(message("r", &text)).await {
                Ok(sent) => stored.push((sent.seq, text)),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(refusal, Refusal::NotStored);
        assert_eq!(client.whole_log("r").await, stored, "what was refused is not there, the rest is");

        limit_files(&program, "unlimited");
        let text = format!("round {round} there is room again");
        stored.push((client.send_message("r", &text).await.seq, text));
    }
    assert_eq!(client.whole_log("r").await, stored);
    drop(program);

    let again = ServerProcess::start(folder.path());
    let mut client = Client::connect(again.address, json!({})).await.unwrap();
    client.join("r").await.unwrap();
    assert_eq!(client.whole_log("r").await, stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_on_a_full_disk_serves_reads_and_recovers_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path());
    let mut client = Client::connect(program.address, json!({})).await.unwrap();
    client.join("r").await.unwrap();
    let mut stored = Vec::new();
    // Ended once with a kill, which leaves the write-ahead log, and once cleanly.
    for is_killed in [true, false] {
        let text = format!("stored before {is_killed}");
        stored.push((client.send_message("r", &text).await.seq, text));
        if is_killed {
            program.kill();
        } else {
            signal(&program.child, "TERM");
            assert!(program.child.wait().unwrap().success());
        }

        // Not a byte can be added to any file.
        let mut shell = Command::new("sh");
        let script = r#"trap "" XFSZ; ulimit -S -f 0; exec "$@""#;
        shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_madang")]);
        program = ServerProcess::start_with(shell, folder.path());
        client = Client::connect(program.address, json!({})).await.unwrap();
        client.join("r").await.unwrap();
        assert_eq!(client.whole_log("r").await, stored);
        assert_eq!(client.request(message("r", "too early")).await, Err(Refusal::NotStored));
        assert_eq!(problems(program.address).await, ["disk_failed"]);

        limit_files(&program, "unlimited");
        wait_for_problems(program.address, &[]).await;
        let text = format!("stored after {is_killed}");
        stored.push((client.send_message("r", &text).await.seq, text));
        assert_eq!(client.next_event().await.event.seq, stored.last().unwrap().0);
    }
    assert_eq!(client.whole_log("r").await, stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_until_it_works_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh", env!("CARGO_BIN_EXE_madang")]);
    let program = ServerProcess::start_with(shell, folder.path());
    let mut client = Client::connect(program.address, json!({})).await.unwrap();
    client.join("r").await.unwrap();
    limit_files(&program, "0");
    assert_eq!(client.request(message("r", "x")).await, Err(Refusal::NotStored));
    assert_eq!(problems(program.address).await, ["disk_failed"]);
    limit_files(&program, "unlimited");
    // Nobody has to send anything for it.
    wait_for_problems(program.address, &[]).await;
    client.send_message("r", "y").await;
}

/// Limits the size of the program's files, as a full disk would.
fn limit_files(program: &ServerProcess, bytes: &str) {
    let id = program.child.id().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    assert!(Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap().success());
}
