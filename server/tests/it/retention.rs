//! What a server removes by itself.

use std::time::Duration;

use common::{message::Timestamp, person::PersonId};
use madang::{
    health::Health,
    store::{self, DatabaseUrl, NewRoom},
};
use tokio::time::timeout;

use crate::{
    harness::{TIMEOUT, TestServer, http_request, room},
    store::new_post,
};

/// The status line of a room's page of history.
async fn status_of(server: &TestServer, room: &str) -> String {
    let head = format!("GET /api/rooms/{room}/messages HTTP/1.1\r\nHost: localhost");
    http_request(server.address, &head, "").await.lines().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_nobody_used_for_a_day_is_evicted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("madang.sqlite"));
    let before = store::open(&url, None, &Health::default(), Box::new(|_| ())).await.unwrap();
    for (name, at) in [("young", i64::MAX), ("spoken", 1), ("silent", 1)] {
        let new = NewRoom::with_defaults(PersonId(9), Timestamp(at));
        before.get_or_create_room(room(name), new).await.unwrap();
    }
    let spoken = before.get_room(room("spoken")).await.unwrap().unwrap();
    before.append_event(spoken.id, new_post(9, "a", "hello")).await.unwrap();
    before.close().await;

    let server = TestServer::start_in(folder, |_| ()).await;
    let evicted = async {
        while status_of(&server, "silent").await != "HTTP/1.1 404 Not Found" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, evicted).await.expect("the silent room stays");
    for name in ["young", "spoken", "lobby"] {
        assert_eq!(status_of(&server, name).await, "HTTP/1.1 200 OK", "{name}");
    }
}
