//! The files of the database: one server at a time, copies, deleted and damaged files.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::{FileExt, symlink},
    path::Path,
    process::Command,
    time::Duration,
};

use common::{message::Seq, refusal::Refusal};
use serde_json::{Value, json};

use crate::{
    harness::{Client, ServerProcess, TIMEOUT, http_request, message, signal},
    http::json_of,
};

/// Returns the problems that `GET /ready` names.
pub(crate) async fn problems(address: SocketAddr) -> Vec<String> {
    let response = http_request(address, &format!("GET /ready HTTP/1.1\r\nHost: {address}"), "").await;
    let Value::Array(problems) = &json_of(&response)["problems"] else { panic!("{response}") };
    let status = if problems.is_empty() { "HTTP/1.1 200" } else { "HTTP/1.1 503" };
    assert!(response.starts_with(status), "{response}");
    problems.iter().map(|problem| problem.as_str().unwrap().to_owned()).collect()
}

/// Waits until these are the problems.
pub(crate) async fn wait_for_problems(address: SocketAddr, expected: &[&str]) {
    let reported = async {
        while problems(address).await != expected {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, reported).await.unwrap_or_else(|_| panic!("{expected:?} is not reported"));
}

async fn client(program: &ServerProcess) -> Client {
    let mut client = Client::connect(program.address, json!({})).await.unwrap();
    client.join("r").await.unwrap();
    client
}

async fn stop(mut program: ServerProcess) {
    signal(&program.child, "TERM");
    let status = tokio::task::spawn_blocking(move || program.child.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn two_servers_can_not_share_a_database_whatever_it_is_called() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _first = ServerProcess::start(folder.path());
    let database = folder.path().join("madang.sqlite");
    symlink(&database, other.path().join("link.sqlite")).unwrap();
    fs::hard_link(&database, other.path().join("hard.sqlite")).unwrap();
    symlink(folder.path(), other.path().join("folder")).unwrap();
    let second = |name: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.args(["--listen", "http://127.0.0.1:0", "--data"]).arg(other.path().join("data"));
        let output = command.arg("--database").arg(format!("sqlite:{}", name.display())).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name:?}: {text}");
        assert!(text.contains("another madang is using it"), "{name:?}: {text}");
    };
    for name in ["link.sqlite", "hard.sqlite", "folder/madang.sqlite"] {
        second(&other.path().join(name));
    }
    fs::remove_file(folder.path().join("madang.sqlite.lock")).unwrap();
    second(&database);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_database_file_alone_has_everything_after_a_pause() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let program = ServerProcess::start(folder.path());
    let mut writer = client(&program).await;
    let mut stored = Vec::new();
    for number in 0..50 {
        let text = format!("message {number}");
        stored.push((writer.send_message("r", &text).await.seq, text));
    }
    let log = folder.path().join("madang.sqlite-wal");
    let emptied = async {
        while log.metadata().unwrap().len() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, emptied).await.expect("the write-ahead log is emptied");
    fs::copy(folder.path().join("madang.sqlite"), copies.path().join("madang.sqlite")).unwrap();
    // It goes on with an empty log.
    writer.send_message("r", "after the copy").await;

    let copy = ServerProcess::start(copies.path());
    assert_eq!(client(&copy).await.whole_log("r").await, stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_into_deleted_files() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, away) = (parent.path().join("data"), parent.path().join("away"));
    let program = ServerProcess::start(&folder);
    let mut writer = client(&program).await;
    let first = writer.send_message("r", "first").await.seq;

    fs::rename(&folder, &away).unwrap();
    assert_eq!(writer.request(message("r", "lost")).await, Err(Refusal::NotStored));
    assert_eq!(problems(program.address).await, ["database_missing"]);
    assert_eq!(writer.whole_log("r").await, [(first, "first".to_owned())], "it can be read");

    fs::rename(&away, &folder).unwrap();
    wait_for_problems(program.address, &[]).await;
    let second = writer.send_message("r", "second").await.seq;

    // Without its write-ahead log the database would lose what is in it.
    let log = folder.join("madang.sqlite-wal");
    fs::rename(&log, &away).unwrap();
    wait_for_problems(program.address, &["database_missing"]).await;
    assert_eq!(writer.request(message("r", "lost too")).await, Err(Refusal::NotStored));
    fs::rename(&away, &log).unwrap();
    wait_for_problems(program.address, &[]).await;
    let third = writer.send_message("r", "third").await.seq;
    stop(program).await;

    let again = ServerProcess::start(&folder);
    let texts = [(first, "first"), (second, "second"), (third, "third")];
    let expected = texts.map(|(seq, text)| (seq, text.to_owned()));
    assert_eq!(client(&again).await.whole_log("r").await, expected);
}

/// Makes a database with a clean end, and returns the root of an index that only writes use and that has
/// several pages.
async fn make_database(folder: &Path) -> u64 {
    let program = ServerProcess::start(folder);
    let mut writer = client(&program).await;
    for number in 0..400 {
        writer.send_message("r", &format!("{number} {}", "x".repeat(60))).await;
    }
    stop(program).await;
    let database = rusqlite::Connection::open(folder.join("madang.sqlite")).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'events_cid'";
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Overwrites a page of the database.
fn damage(folder: &Path, page: u64) {
    let file = fs::File::options().write(true).open(folder.join("madang.sqlite")).unwrap();
    file.write_all_at(&[0xAA; 4096], (page - 1) * 4096).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_reported_after_an_unclean_end() {
    let folder = tempfile::tempdir().unwrap();
    let page = make_database(folder.path()).await;
    let mut program = ServerProcess::start(folder.path());
    client(&program).await;
    program.kill();
    damage(folder.path(), page);

    let again = ServerProcess::start(folder.path());
    wait_for_problems(again.address, &["database_damaged"]).await;
    let log = client(&again).await.whole_log("r").await;
    assert_eq!(log.last().unwrap().0, Seq(400), "what is sound is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_reported_at_the_first_sign() {
    let folder = tempfile::tempdir().unwrap();
    let page = make_database(folder.path()).await;
    damage(folder.path(), page);
    let program = ServerProcess::start(folder.path());
    let mut writer = client(&program).await;
    assert!(problems(program.address).await.is_empty(), "nobody has looked there yet");
    assert!(writer.request(message("r", "x")).await.is_err());
    assert_eq!(problems(program.address).await, ["database_damaged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_database_is_not_reported_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path());
    client(&program).await.send_message("r", "kept").await;
    program.kill();
    let again = ServerProcess::start(folder.path());
    let mut reader = client(&again).await;
    assert_eq!(reader.whole_log("r").await, [(Seq(1), "kept".to_owned())]);
    assert!(problems(again.address).await.is_empty());
    stop(again).await;
    assert!(!folder.path().join("madang.sqlite-wal").exists(), "the check does not outlive the store");
}
