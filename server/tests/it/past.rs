//! Opens a database that an earlier version wrote (`fixtures/past`, by `e2e/make-past.mjs`), compares
//! every answer with that version's, and continues to write.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::harness::{Client, TestServer, http_request};

const NAME: &str = "madang.sqlite";

#[tokio::test]
async fn an_earlier_database_answers_as_it_did() {
    let past = Past::open().await;
    for recorded in past.expected["http"].as_array().unwrap() {
        let path = recorded["path"].as_str().unwrap();
        let token = recorded["as"].as_str().map(|person| past.token(person));
        let answer = past.get(path, token).await;
        assert!(holds(&answer, &recorded["answer"]), "GET {path} as {token:?}: {answer}");
    }
    for (person, recorded) in past.expected["socket"].as_object().unwrap() {
        let mut client = past.client(person).await;
        for recorded in recorded.as_array().unwrap() {
            let command = recorded["command"].as_str().unwrap();
            let answer = client.request_raw(command, &recorded["payload"]).await;
            let expected = &recorded["answer"];
            assert!(holds(&answer, expected), "{command} {}: {answer}", recorded["payload"]);
        }
        client.close().await;
    }
}

#[tokio::test]
async fn an_earlier_database_goes_on_where_it_ended() {
    let past = Past::open().await;
    let mut client = past.client("minho").await;
    let joined = client.request_raw("join", &json!({ "room": "느티나무 마당" })).await;
    let last = joined["last"].as_u64().unwrap();

    // Already stored: the first answer, and no second message.
    let repeated = past.recorded("minho", "send", "typo-1");
    assert_eq!(client.request_raw("send", &repeated["payload"]).await, repeated["answer"]);
    for recorded in past.expected["posts"].as_array().unwrap() {
        assert_eq!(past.post(recorded).await, recorded["answer"]);
    }

    let mut send = repeated["payload"].clone();
    send["cid"] = json!("new-1");
    send["body"] = json!("나중에 한 말");
    assert_eq!(client.request_raw("send", &send).await["seq"], last + 1);

    // An old message belongs to the token that sent it.
    let edit = json!({ "room": send["room"], "seq": 6, "cid": "new-2", "body": "나중에 고친 말" });
    assert_eq!(client.request_raw("edit", &edit).await["seq"], last + 2);
    let mut other = past.client("hana").await;
    other.request_raw("join", &json!({ "room": send["room"] })).await;
    let theirs = other.request_raw("edit", &edit).await;
    assert_eq!(theirs["error"]["code"], "not_yours");

    let around = json!({ "room": send["room"], "around": 6, "limit": 1 });
    let page = client.request_raw("history", &around).await;
    assert_eq!(page["events"][0]["what"]["posted"]["body"], "나중에 고친 말");
}

/// A server on a copy of the database, and the recorded answers.
struct Past {
    server: TestServer,
    people: Value,
    expected: Value,
}

impl Past {
    async fn open() -> Past {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(fixture(NAME), folder.path().join(NAME)).unwrap();
        Past {
            server: TestServer::start_in(folder, |_| ()).await,
            people: read("people.json"),
            expected: read("expected.json"),
        }
    }

    fn token(&self, person: &str) -> &str {
        self.people[person]["token"].as_str().unwrap()
    }

    /// The recorded command of this person with this cid, and its answer.
    fn recorded(&self, person: &str, command: &str, cid: &str) -> &Value {
        let recorded = self.expected["socket"][person].as_array().unwrap();
        let is_it = |recorded: &&Value| recorded["command"] == command && recorded["payload"]["cid"] == cid;
        recorded.iter().find(is_it).unwrap()
    }

    async fn client(&self, person: &str) -> Client {
        let auth = json!({ "token": self.token(person) });
        Client::connect(self.server.address, auth).await.unwrap()
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Value {
        let cookie = token.map_or(String::new(), |token| format!("\r\nCookie: madang={token}"));
        self.request(&format!("GET {path}"), &cookie, "").await
    }

    /// Repeats a recorded post over HTTP.
    async fn post(&self, recorded: &Value) -> Value {
        let path = recorded["path"].as_str().unwrap();
        let cid = format!("\r\nIdempotency-Key: {}", recorded["cid"].as_str().unwrap());
        self.request(&format!("POST {path}"), &cid, recorded["body"].as_str().unwrap()).await
    }

    async fn request(&self, line: &str, headers: &str, body: &str) -> Value {
        let address = self.server.address;
        let head = format!("{line} HTTP/1.1\r\nHost: {address}{headers}");
        let response = http_request(address, &head, body).await;
        serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/past").join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(fixture(name)).unwrap()).unwrap()
}

/// Whether an answer is the recorded one, to which fields may have been added since.
fn holds(answer: &Value, recorded: &Value) -> bool {
    match (answer, recorded) {
        (Value::Object(answer), Value::Object(recorded)) => recorded
            .iter()
            .all(|(name, recorded)| answer.get(name).is_some_and(|value| holds(value, recorded))),
        (Value::Array(answer), Value::Array(recorded)) => {
            answer.len() == recorded.len()
                && answer.iter().zip(recorded).all(|(value, recorded)| holds(value, recorded))
        }
        (answer, recorded) => answer == recorded,
    }
}
