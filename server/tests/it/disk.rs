//! A disk that is full: senders hear a clear no, readers notice nothing, nothing breaks, and all is
//! well again as soon as there is room.

use std::{fs, process::Command};

use common::refusal::Refusal;
use serde_json::json;

use crate::support::{Client, Program, say};

/// How far the limit is above what is on the disk already, in units of 1,024 bytes.
const ROOM_LEFT: u64 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_senders_harms_nothing_and_is_forgotten_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    // Too large a file is an error, as on a full disk, and does not end the program.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh", env!("CARGO_BIN_EXE_madang")]);
    let program = Program::start_with(shell, folder.path());
    let mut client = Client::connect(program.address, json!({})).await.unwrap();
    client.join("r").await.unwrap();
    let mut stored = Vec::new();
    for round in 0..5 {
        let files = fs::read_dir(folder.path()).unwrap();
        let largest = files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap();
        limit_files(&program, &(largest + ROOM_LEFT * 1024).to_string());
        let refusal = loop {
            let text = format!("round {round} message {} {}", stored.len(), "x".repeat(3_000));
            match client.ask(say("r", &text)).await {
                Ok(sent) => stored.push((sent.seq, text)),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(refusal, Refusal::NotStored);
        assert_eq!(client.whole_log("r").await, stored, "what was refused is not there, the rest is");

        limit_files(&program, "unlimited");
        let text = format!("round {round} there is room again");
        stored.push((client.say("r", &text).await.seq, text));
    }
    assert_eq!(client.whole_log("r").await, stored);
    drop(program);

    let again = Program::start(folder.path());
    let mut client = Client::connect(again.address, json!({})).await.unwrap();
    client.join("r").await.unwrap();
    assert_eq!(client.whole_log("r").await, stored);
}

/// Lets no file of the program become larger than so many bytes, as a full disk would.
fn limit_files(program: &Program, bytes: &str) {
    let id = program.child.id().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    assert!(Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap().success());
}
