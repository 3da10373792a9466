//! `docs/openapi.json` describes the server: every operation, status, code and field.

use std::collections::BTreeSet;

use common::{
    message::{Cid, Emoji},
    protocol::command::{Delete, Edit, Join, React, Send as SendMessage, UpdateRoom},
    refusal::Refusal,
    room::{SeatLimit, Seats, Topic},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    harness::{TIMEOUT, TestServer, body, http_request, room},
    http::{header, json_of},
};

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Statuses that a healthy, idle server never returns.
const NOT_PROVOKED: [&str; 4] = ["429", "500", "503", "507"];

const FOREIGN: &str = "Origin: https://evil.example";
const UNKNOWN: &str = "Authorization: Bearer 0";
const JSON: &str = "Content-Type: application/json";

/// An operation, a request for it, and the status that it must return.
struct Case(&'static str, &'static str, &'static str, &'static [&'static str], &'static str, &'static str);

/// The room `open` holds events, `full` has every seat taken, `half` one of two.
const CASES: &[Case] = &[
    Case("get", "/api/rooms/{room}/messages", "open/messages", &[], "", "200"),
    Case("get", "/api/rooms/{room}/messages", "open/messages?limit=x", &[], "", "400"),
    Case("get", "/api/rooms/{room}/messages", "open/messages", &[UNKNOWN], "", "401"),
    Case("get", "/api/rooms/{room}/messages", "open/messages", &[FOREIGN], "", "403"),
    Case("get", "/api/rooms/{room}/messages", "half/messages", &[], "", "403"),
    Case("get", "/api/rooms/{room}/messages", "nobody/messages", &[], "", "404"),
    Case("get", "/api/rooms/{room}/messages", "full/messages", &[], "", "409"),
    Case("post", "/api/rooms/{room}/messages", "open/messages", &["Content-Type: text/plain"], "a", "201"),
    Case("post", "/api/rooms/{room}/messages", "open/messages", &[JSON], r#"{"body":"b"}"#, "201"),
    Case("post", "/api/rooms/{room}/messages", "open/messages", &[JSON], "b", "400"),
    Case("post", "/api/rooms/{room}/messages", "open/messages", &[UNKNOWN], "c", "401"),
    Case("post", "/api/rooms/{room}/messages", "half/messages", &[], "c", "403"),
    Case(
        "post",
        "/api/rooms/{room}/messages",
        "open/messages",
        &[JSON],
        r#"{"body":"b","reply_to":99}"#,
        "404",
    ),
    Case("post", "/api/rooms/{room}/messages", "full/messages", &[], "c", "409"),
    Case("post", "/api/rooms/{room}/messages", "open/messages", &[], "LONG", "413"),
    Case("get", "/api/rooms/{room}/events", "open/events?since=0", &[], "", "200"),
    Case("get", "/api/rooms/{room}/events", "open/events", &["Last-Event-ID: x"], "", "400"),
    Case("get", "/api/rooms/{room}/events", "open/events", &[UNKNOWN], "", "401"),
    Case("get", "/api/rooms/{room}/events", "half/events", &[], "", "403"),
    Case("get", "/api/rooms/{room}/events", "nobody/events", &[], "", "404"),
    Case("get", "/api/rooms/{room}/events", "full/events", &[], "", "409"),
    Case("get", "/api/rooms/{room}/qr.svg", "open/qr.svg", &[], "", "200"),
    Case("get", "/api/rooms/{room}/qr.svg", "open/qr.svg?size=9", &[], "", "400"),
    Case("get", "/api/rooms/{room}/qr.svg", "open/qr.svg", &[FOREIGN], "", "403"),
    Case("get", "/api/rooms", "/api/rooms", &[], "", "200"),
    Case("get", "/api/rooms", "/api/rooms", &[FOREIGN], "", "403"),
    Case("get", "/api/me", "/api/me", &[], "", "200"),
    Case("get", "/api/me", "/api/me", &[FOREIGN], "", "403"),
    Case("post", "/api/me", "/api/me", &[JSON], r#"{"name":"x"}"#, "200"),
    Case("post", "/api/me", "/api/me", &[JSON], r#"{"name":""}"#, "400"),
    Case("post", "/api/me", "/api/me", &[FOREIGN], "", "403"),
    Case("get", "/api/openapi.json", "/api/openapi.json", &[], "", "200"),
    Case("get", "/api/openapi.json", "/api/openapi.json", &[FOREIGN], "", "403"),
    Case("get", "/ready", "/ready", &[], "", "200"),
    Case("get", "/ready", "/ready", &[FOREIGN], "", "403"),
    Case("get", "/up", "/up", &[], "", "200"),
    Case("get", "/up", "/up", &[FOREIGN], "", "403"),
];

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// Resolves a `$ref`, if there is one.
fn resolved<'a>(document: &'a Value, place: &'a Value) -> &'a Value {
    match place["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).expect(reference),
        None => place,
    }
}

/// Fails unless the value matches the schema and has no field that the schema does not know.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = resolved(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let kind = |choice: &&Value| (resolved(document, choice)["type"] == "null") == value.is_null();
        return check(document, choices.iter().find(kind).expect(at), value, at);
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&json!(kind)), "{at} is {value}, not {types:?}");
    if let Some(codes) = schema["enum"].as_array() {
        assert!(codes.contains(value), "{at}: {value}");
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{at}[{index}]"));
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return;
    };
    for name in schema["required"].as_array().unwrap() {
        assert!(fields.contains_key(name.as_str().unwrap()), "{at} has no {name}");
    }
    for (name, field) in fields {
        let property = properties.get(name).unwrap_or_else(|| panic!("{at} has {name}, the schema has not"));
        check(document, property, field, &format!("{at}.{name}"));
    }
}

/// Returns the head and the first event's data of an endless stream.
async fn stream(server: &TestServer, head: &str) -> (String, Value) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await.unwrap();
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    while !text.contains("\ndata: ") {
        let read = tokio::time::timeout(TIMEOUT, stream.read(&mut piece)).await.unwrap().unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    let data = text.split("\ndata: ").nth(1).unwrap().lines().next().unwrap();
    (text.clone(), serde_json::from_str(data).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_the_document_says() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    for (name, seats) in [("open", None), ("full", Some(1)), ("half", Some(2))] {
        let seats = seats.map(|seats| Seats::parse(seats).unwrap());
        client.request(Join { seats, ..Join::new(room(name)) }).await.unwrap();
    }
    // One event of each kind.
    let seq = client.send_message("open", "hello").await.seq;
    let withdrawn = client.send_message("open", "hello?").await.seq;
    let (open, emoji) = (|| room("open"), Emoji::parse("👍").unwrap());
    let cid = |name| Cid::parse(name).unwrap();
    client.request(React { room: open(), seq, cid: cid("1"), emoji, on: true }).await.unwrap();
    client.request(Edit { room: open(), seq, cid: cid("2"), body: body("hello!") }).await.unwrap();
    client.request(Delete { room: open(), seq: withdrawn, cid: cid("3") }).await.unwrap();
    let (topic, seats) = (Topic::parse("greetings").ok(), Some(SeatLimit(None)));
    client
        .request(UpdateRoom { room: open(), cid: cid("4"), topic, seats, shared_network: None })
        .await
        .unwrap();
    let answer = SendMessage { reply_to: Some(seq), ..SendMessage::new(open(), cid("5"), body("and you?")) };
    client.request(answer).await.unwrap();

    let (document, mut answered) = (document(), BTreeSet::new());
    for Case(method, path, target, headers, text, status) in CASES {
        let target =
            if target.starts_with('/') { (*target).to_owned() } else { format!("/api/rooms/{target}") };
        let headers: String = headers.iter().map(|line| format!("\r\n{line}")).collect();
        let text = if *text == "LONG" { "글".repeat(4_001) } else { (*text).to_owned() };
        let version = if path.ends_with("/events") { "1.0" } else { "1.1" };
        let head =
            format!("{} {target} HTTP/{version}\r\nHost: {}{headers}", method.to_uppercase(), server.address);
        let described = &document["paths"][path][method]["responses"][status];
        let content = resolved(&document, described)["content"].as_object();
        let (media_type, content) = content.and_then(|content| content.iter().next()).expect(&head);
        let (response, value, schema) = if media_type == "text/event-stream" {
            let (response, event) = stream(&server, &head).await;
            (response, event, &document["components"]["schemas"]["Event"])
        } else {
            let response = http_request(server.address, &head, &text).await;
            let value = if media_type == "application/json" {
                json_of(&response)
            } else {
                Value::String(response.split("\r\n\r\n").nth(1).unwrap().to_owned())
            };
            (response, value, &content["schema"])
        };
        assert!(response.starts_with(&format!("HTTP/{version} {status} ")), "{head}: {response}");
        assert!(header(&response, "content-type").unwrap().starts_with(media_type.as_str()), "{response}");
        check(&document, schema, &value, &head);
        answered.insert(format!("{method} {path} {status}"));
    }

    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in
            operations.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters")
        {
            for status in operation["responses"].as_object().unwrap().keys() {
                if !NOT_PROVOKED.contains(&status.as_str()) {
                    described.insert(format!("{method} {path} {status}"));
                }
            }
        }
    }
    assert_eq!(answered, described);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_and_lists_every_refusal() {
    let server = TestServer::start().await;
    let head = format!("GET /api/openapi.json HTTP/1.1\r\nHost: {}", server.address);
    let document = document();
    assert_eq!(json_of(&http_request(server.address, &head, "").await), document);
    let codes: Vec<&str> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
    assert_eq!(document["components"]["schemas"]["Refusal"]["properties"]["code"]["enum"], json!(codes));
}
