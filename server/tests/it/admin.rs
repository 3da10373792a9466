//! The operator's commands, given to a running server as from a shell.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use common::{
    protocol::{admin::ADMIN_SOCKET, push::Push},
    refusal::Refusal,
    room::RoomName,
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    harness::{Client, ServerProcess, TIMEOUT, http_request, message, signal},
    line_client::LineClient,
    sse_client::SseClient,
};

fn admin(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.arg("admin").args(arguments).arg("--data").arg(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_room_is_gone_at_every_door_and_its_name_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let (server, lines) = ServerProcess::start_with_line_transport(folder.path());
    let mut client = Client::connect(server.address, json!({})).await.unwrap();
    client.join("r").await.unwrap();
    client.send_message("r", "a canary").await;
    let mut line = LineClient::dial(lines).await;
    line.join("r").await;
    let mut stream = SseClient::subscribe(server.address, "r/events", &[]).await;

    let output = admin(folder.path(), &["room", "forget", "r"]);
    assert_eq!(text(&output.stdout), "r is deleted, with the 1 events of its log\n", "{output:?}");
    let refusal = serde_json::to_value(Refusal::RoomDeleted).unwrap();
    assert_eq!(client.next_push(Push::KICKED).await, json!({ "room": "r", "error": refusal }));
    assert_eq!(client.request(message("r", "hello?")).await.unwrap_err(), Refusal::RoomDeleted);
    line.wait_for_note("r was deleted. /join ROOM goes into another.").await;
    timeout(TIMEOUT, async { while stream.next().await.is_some() {} }).await.expect("the stream ends");
    let page =
        http_request(server.address, "GET /api/rooms/r/messages HTTP/1.1\r\nHost: localhost", "").await;
    assert!(page.starts_with("HTTP/1.1 404") && page.contains("no_such_room"), "{page}");

    let joined = client.join("r").await.unwrap();
    assert_eq!((joined.last.0, joined.events.len(), joined.people.len()), (0, 0, 1));
    assert_eq!(client.send_message("r", "anew").await.seq.0, 1);
    let output = admin(folder.path(), &["room", "forget", "r", "--json"]);
    assert_eq!(text(&output.stdout), "{\"room\":\"r\",\"events\":1}\n");
    let output = admin(folder.path(), &["room", "forget", "r"]);
    assert_eq!(text(&output.stderr), "madang: There is no room of that name.\n");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lobby_can_be_emptied_and_is_still_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(folder.path());
    let mut client = Client::connect(server.address, json!({})).await.unwrap();
    let lobby = RoomName::lobby();
    client.join(lobby.as_str()).await.unwrap();
    client.send_message(lobby.as_str(), "advertising").await;
    assert!(admin(folder.path(), &["room", "forget", lobby.as_str()]).status.success());
    let path = format!("GET /api/rooms/{lobby}/messages HTTP/1.1\r\nHost: localhost");
    let page = http_request(server.address, &path, "").await;
    assert!(page.starts_with("HTTP/1.1 200") && !page.contains("advertising"), "{page}");
}

#[test]
fn only_the_user_of_the_server_may_open_the_socket_and_it_ends_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join(ADMIN_SOCKET);
    let mut server = ServerProcess::start(folder.path());
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    server.kill();
    assert!(socket.exists(), "a killed server leaves it");
    let output = admin(folder.path(), &["room", "forget", "r"]);
    assert!(text(&output.stderr).contains("is it running"), "{output:?}");
    let mut server = ServerProcess::start(folder.path());
    assert!(!admin(folder.path(), &["room", "forget", "r"]).stderr.is_empty());
    signal(&server.child, "TERM");
    server.child.wait().unwrap();
    assert!(!socket.exists());
}
