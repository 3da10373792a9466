//! Posting and reading with single requests, as a shell script does with `curl`.

use std::collections::HashSet;

use crate::{
    harness::{Client, TestServer, http_request, no_limits, room},
    http::{header, json_of},
};
use common::{
    message::Seq,
    protocol::{
        command::{Hello, Join, Leave},
        event::Event,
        reply::{Page, Sent},
    },
    refusal::Refusal,
    room::Seats,
};
use madang::chat::limits::{Limits, Rate};
use serde_json::json;

/// The content type of `curl -d`.
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";

/// Sends a request with these header lines and this body.
async fn send_request(
    server: &TestServer,
    method: &str,
    path: &str,
    headers: &[&str],
    body: impl AsRef<[u8]>,
) -> String {
    let more: String = headers.iter().map(|line| format!("\r\n{line}")).collect();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {}{more}", server.address);
    http_request(server.address, &head, body).await
}

/// Posts to a room; a query may follow its name.
async fn post(server: &TestServer, room: &str, headers: &[&str], text: &str) -> String {
    let (room, query) = room.split_once('?').unwrap_or((room, ""));
    send_request(server, "POST", &format!("/api/rooms/{room}/messages?{query}"), headers, text).await
}

async fn read(server: &TestServer, room: &str, query: &str) -> Page {
    let response = send_request(server, "GET", &format!("/api/rooms/{room}/messages{query}"), &[], "").await;
    serde_json::from_value(json_of(&response)).unwrap_or_else(|_| panic!("{response}"))
}

fn sent(response: &str) -> Sent {
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    serde_json::from_value(json_of(response)).unwrap()
}

#[track_caller]
fn assert_refused(response: &str, status: u16, refusal: Refusal) {
    assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
    assert_eq!(json_of(response)["error"]["code"], refusal.code());
}

fn text_of(event: &Event) -> &str {
    event.kind.body().unwrap().as_str()
}

async fn token_of(client: &mut Client) -> String {
    client.request(Hello {}).await.unwrap().token.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_creates_a_room_that_nobody_has_joined_yet() {
    let server = TestServer::start().await;
    for content_type in [FORM, "Content-Type: text/plain; charset=utf-8", "Content-Type: TEXT/PLAIN"] {
        sent(&post(&server, "lobby", &[content_type], "a=b&c 100%").await);
    }
    sent(&post(&server, "lobby", &[], " 안녕\r\n하세요 ").await);
    let page = read(&server, "lobby", "").await;
    let texts: Vec<&str> = page.events.iter().map(text_of).collect();
    assert_eq!(texts, ["a=b&c 100%", "a=b&c 100%", "a=b&c 100%", " 안녕\n하세요"], "as it is, not as a form");
    assert!(page.events[0].person.name.as_str().starts_with("guest-"));
    sent(&post(&server, "%EB%A7%88%EB%8B%B9", &[FORM], "x").await);
    assert_eq!(read(&server, "%EB%A7%88%EB%8B%B9", "").await.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_attributed_by_token_cookie_or_the_given_guest_name() {
    let server = TestServer::start().await;
    let mut someone = server.client_named("지은").await;
    let token = token_of(&mut someone).await;
    let (bearer, cookie) = (format!("Authorization: Bearer {token}"), format!("Cookie: madang={token}"));
    sent(&post(&server, "r?name=ignored", &[&bearer], "token").await);
    sent(&post(&server, "r", &[&cookie, "Sec-Fetch-Site: same-origin"], "cookie").await);
    // Credentials for a reverse proxy are ignored.
    sent(&post(&server, "r?name=build%20bot", &["Authorization: Basic eDp5"], "query").await);
    let body = json!({ "body": "json", "name": "배포" }).to_string();
    sent(&post(&server, "r", &[JSON], &body).await);
    let page = read(&server, "r", "").await;
    let names: Vec<&str> = page.events.iter().map(|event| event.person.name.as_str()).collect();
    assert_eq!(names, ["지은", "지은", "build bot", "배포"]);
    assert_eq!(page.events[0].person.id, someone.request(Hello {}).await.unwrap().you.id);
    let unknown = post(&server, "r", &["Authorization: Bearer 0000"], "x").await;
    assert_refused(&unknown, 401, Refusal::UnknownToken);
    assert_eq!(header(&unknown, "www-authenticate"), Some("Bearer"));
    assert_refused(&post(&server, "r?name=", &[], "x").await, 400, Refusal::NameEmpty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_post_is_one_message() {
    let server = TestServer::start().await;
    let mut reader = server.client().await;
    reader.join("r").await.unwrap();
    let token = token_of(&mut reader).await;
    let bearer = format!("Authorization: Bearer {token}");
    let key = "Idempotency-Key: deploy-17";

    let first = sent(&post(&server, "r", &[key], "green").await);
    assert_eq!(first.cid.as_str(), "deploy-17");
    let json = json!({ "body": "\ngreen ", "cid": "deploy-17", "name": "bot" }).to_string();
    for (headers, body) in [(&[key][..], "green"), (&[key, JSON], &json), (&[JSON], &json)] {
        assert_eq!(sent(&post(&server, "r", headers, body).await), first, "a guest is known by the text");
    }
    for quoted in ["Idempotency-Key: \"deploy-17\"", "Idempotency-Key:  \"deploy-17\" "] {
        assert_eq!(
            sent(&post(&server, "r", &[quoted], "green").await),
            first,
            "as the draft of the header has it"
        );
    }

    let mine = sent(&post(&server, "r", &[&bearer, "Idempotency-Key: mine"], "green").await);
    let again = post(&server, "r", &[&bearer, "Idempotency-Key: mine"], "said otherwise").await;
    assert_eq!(sent(&again), mine, "as it is for a session");
    let both = json!({ "body": "x", "cid": "another" }).to_string();
    assert_refused(&post(&server, "r", &[key, JSON], &both).await, 400, Refusal::BadRequest);
    for key in ["", "two words", "\"", "\"\"", "\"half", "\"a\";b=1", "'a'"] {
        let response = post(&server, "r", &[&format!("Idempotency-Key: {key}")], "x").await;
        assert_refused(&response, 400, Refusal::CidInvalid);
    }
    assert_refused(&post(&server, "r", &[key, key], "x").await, 400, Refusal::BadRequest);

    let server = server.restart().await;
    assert_eq!(sent(&post(&server, "r", &[key], "green").await), first, "also after a restart");
    assert_eq!(read(&server, "r", "?since=0").await.events.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_somebody_else_has_used_neither_blocks_nor_answers() {
    let server = TestServer::start().await;
    let (mut jieun, mut minho) = (server.client_named("지은").await, server.client_named("민호").await);
    minho.join("r").await.unwrap();
    let bearers = [token_of(&mut jieun).await, token_of(&mut minho).await];
    let [jieun, bearer] = bearers.map(|token| format!("Authorization: Bearer {token}"));
    // Over every door where somebody chooses it.
    minho.request_raw("send", &json!({ "room": "r", "cid": "deploy-17", "body": "green" })).await;

    let key = "Idempotency-Key: deploy-17";
    let guest = sent(&post(&server, "r", &[key], "green").await);
    let person = sent(&post(&server, "r", &[key, &jieun], "green").await);
    let other_text = sent(&post(&server, "r", &[key], "red").await);
    assert_eq!([guest.seq, person.seq, other_text.seq], [Seq(2), Seq(3), Seq(4)]);
    assert!([&guest, &person, &other_text].iter().all(|sent| sent.cid.as_str() == "deploy-17"));

    let server = server.restart().await;
    assert_eq!(sent(&post(&server, "r", &[key], "green").await), guest);
    assert_eq!(sent(&post(&server, "r", &[key, &jieun], "another text").await), person);
    assert_eq!(sent(&post(&server, "r", &[key], "red").await), other_text);
    assert_eq!(sent(&post(&server, "r", &[key, &bearer], "green").await).seq, Seq(1), "who used it first");
    let page = read(&server, "r", "?since=0").await;
    let cids: HashSet<&str> = page.events.iter().map(|event| event.kind.cid().unwrap().as_str()).collect();
    assert_eq!((page.events.len(), cids.len()), (4, 4), "in the log each stays unique");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_be_the_name_of_a_build() {
    let server = TestServer::start().await;
    for key in ["build.1742", "ci:1742", "team/repo@1742", "aGVsbG8+/w==", "~x"] {
        let line = format!("Idempotency-Key: {key}");
        let first = sent(&post(&server, "r", &[&line], key).await);
        assert_eq!(first.cid.as_str(), key);
        assert_eq!(sent(&post(&server, "r", &[&line], key).await), first);
        let json = json!({ "body": key, "cid": key }).to_string();
        assert_eq!(sent(&post(&server, "r", &[JSON], &json).await), first);
    }
    let mut client = server.client().await;
    client.join("r").await.unwrap();
    let send = json!({ "room": "r", "cid": "ci:1742", "body": "over Socket.IO" });
    let answer = client.request_raw("send", &send).await;
    assert_eq!((&answer["cid"], &answer["seq"]), (&json!("ci:1742"), &json!(6)));
    assert_eq!(client.request_raw("send", &send).await, answer);
    let page = read(&server, "r", "?since=0").await;
    assert_eq!(page.events.len(), 6);
    assert!(page.events.iter().all(|event| event.kind.cid().unwrap().is_plain()), "older clients read them");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_repetitions_of_one_post_get_the_same_answer() {
    let server = TestServer::start().await;
    let post = || post(&server, "r", &["Idempotency-Key: once"], "green");
    let (a, b, c, d) = tokio::join!(post(), post(), post(), post());
    let first = sent(&a);
    assert!([b, c, d].iter().all(|other| sent(other) == first));
    assert_eq!(read(&server, "r", "?since=0").await.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_from_either_end_and_around_a_number() {
    let server = TestServer::start().await;
    let mut speaker = server.client().await;
    speaker.join("r").await.unwrap();
    for number in 1..=60 {
        speaker.send_message("r", &format!("message {number}")).await;
    }
    let cases = [
        ("", 11..=60, true, false),
        ("?since=0", 1..=50, false, true),
        ("?since=58", 59..=60, true, false),
        ("?before=4&limit=2", 2..=3, true, true),
        ("?around=30&limit=3", 29..=31, true, true),
        ("?limit=9999", 1..=60, false, false),
    ];
    for (query, numbers, more_before, more_after) in cases {
        let page = read(&server, "r", query).await;
        let seqs: Vec<u64> = page.events.iter().map(|event| event.seq.0).collect();
        assert_eq!(seqs, numbers.collect::<Vec<_>>(), "{query}");
        assert_eq!((page.more_before, page.more_after), (more_before, more_after), "{query}");
    }
    for query in ["?since=1&before=3", "?since=-1", "?since=x", "?limit=x", "?sinec=3", "?since="] {
        let response = send_request(&server, "GET", &format!("/api/rooms/r/messages{query}"), &[], "").await;
        assert_refused(&response, 400, Refusal::BadRequest);
    }
    let response = send_request(&server, "GET", "/api/rooms/nobody/messages", &[], "").await;
    assert_refused(&response, 404, Refusal::NoSuchRoom);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_seats_lets_only_members_post_and_read() {
    let server = TestServer::start().await;
    let (mut inside, mut other) = (server.client().await, server.client().await);
    let (mine, theirs) = (token_of(&mut inside).await, token_of(&mut other).await);
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let (mine, theirs) = (bearer(&mine), bearer(&theirs));
    inside.request(Join { seats: Some(Seats::TWO), ..Join::new(room("둘")) }).await.unwrap();
    let path = "%EB%91%98";
    let reads = async |headers: &[&str]| {
        send_request(&server, "GET", &format!("/api/rooms/{path}/messages"), headers, "").await
    };

    sent(&post(&server, path, &[&mine], "from my own seat").await);
    for headers in [&[theirs.as_str()][..], &[]] {
        assert_refused(&post(&server, path, headers, "x").await, 403, Refusal::NotInRoom);
        assert_refused(&reads(headers).await, 403, Refusal::NotInRoom);
    }
    other.join("둘").await.unwrap();
    sent(&post(&server, path, &[&theirs], "now I may").await);
    for response in [post(&server, path, &[], "x").await, reads(&[]).await] {
        assert_refused(&response, 409, Refusal::RoomFull);
    }
    inside.request(Leave { room: room("둘") }).await.unwrap();
    assert_refused(&post(&server, path, &[&mine], "x").await, 403, Refusal::NotInRoom);
    other.request(Leave { room: room("둘") }).await.unwrap();
    assert_refused(&reads(&[&theirs]).await, 403, Refusal::NotInRoom);
    other.join("둘").await.unwrap();
    assert!(reads(&[&theirs]).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_can_not_post() {
    let server = TestServer::start().await;
    let mut victim = server.client().await;
    victim.join("r").await.unwrap();
    let cookie = format!("Cookie: madang={}", token_of(&mut victim).await);
    let foreign = ["Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"];
    let types = [FORM, JSON, "Content-Type: text/plain", "Content-Type: multipart/form-data; boundary=x"];
    for origin in foreign {
        for content_type in types {
            let response = post(&server, "r", &[origin, content_type, &cookie], r#"{"body":"x"}"#).await;
            assert_refused(&response, 403, Refusal::ForeignOrigin);
        }
        let response = send_request(&server, "GET", "/api/rooms/r/messages", &[origin, &cookie], "").await;
        assert_refused(&response, 403, Refusal::ForeignOrigin);
    }
    assert!(read(&server, "r", "").await.events.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_post_is_refused_with_its_reason() {
    let server = TestServer::start().await;
    let long = "글".repeat(4_001);
    let heavy = "x".repeat(100_000);
    let cases: [(&str, &str, u16, Refusal); 9] = [
        ("text/plain", " \n ", 400, Refusal::MessageEmpty),
        ("text/plain", &long, 413, Refusal::MessageTooLong),
        ("text/plain", &heavy, 413, Refusal::MessageTooLong),
        ("text/plain", "\u{1b}[2J", 400, Refusal::MessageEmpty),
        ("application/json", r#"{"body": "x", "cid": "a b"}"#, 400, Refusal::CidInvalid),
        ("application/json", r#"{"body": "x", "name": ""}"#, 400, Refusal::NameEmpty),
        ("application/json", r#"{"text": "x"}"#, 400, Refusal::BadRequest),
        ("application/json", "[", 400, Refusal::BadRequest),
        ("multipart/form-data; boundary=x", "x", 400, Refusal::BadRequest),
    ];
    for (content_type, body, status, refusal) in cases {
        let response = post(&server, "r", &[&format!("Content-Type: {content_type}")], body).await;
        assert_refused(&response, status, refusal);
    }
    assert_refused(&post(&server, "a%2Fb", &[], "x").await, 400, Refusal::RoomNameNotALink);
    assert_refused(&post(&server, "%FF", &[], "x").await, 400, Refusal::BadRequest);
    assert_refused(&post(&server, "r?nmae=x", &[], "x").await, 400, Refusal::BadRequest);
    let response = send_request(&server, "GET", "/api/rooms/r/messages", &[], "").await;
    assert_refused(&response, 404, Refusal::NoSuchRoom);
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_over_http_has_the_rate_limit_of_a_connection() {
    let few = Rate { per_second: 0.001, burst: 3.0 };
    let limits = Limits { messages: few, reads: few, ..no_limits() };
    let server = TestServer::start_with(|config| config.limits = limits).await;
    let token = token_of(&mut server.client().await).await;
    let bearer = format!("Authorization: Bearer {token}");
    for number in 1..=3 {
        sent(&post(&server, "r", &[&bearer], &format!("{number}")).await);
    }
    let response = post(&server, "r", &[&bearer], "one more").await;
    assert_refused(&response, 429, Refusal::TooFast);
    assert_eq!(header(&response, "retry-after"), Some("1"));
    let mut taken = 0;
    while post(&server, "r", &[], "guest").await.starts_with("HTTP/1.1 201") {
        taken += 1;
    }
    assert_eq!(taken, 60, "guests together as much as twenty connections");
    for _ in 1..=3 {
        send_request(&server, "GET", "/api/rooms/r/messages", &[&bearer], "").await;
    }
    let response = send_request(&server, "GET", "/api/rooms/r/messages", &[&bearer], "").await;
    assert_refused(&response, 429, Refusal::TooFast);
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_over_http_makes_nobody_a_member() {
    let server = TestServer::start().await;
    let mut reader = server.client().await;
    reader.join("r").await.unwrap();
    sent(&post(&server, "r", &[], "just passing").await);
    assert_eq!(reader.next_event().await.event.seq, Seq(1));
    let mut other = server.client().await;
    assert_eq!(other.join("r").await.unwrap().people.len(), 2, "the two who joined");
    let list = json_of(&send_request(&server, "GET", "/api/rooms", &[], "").await);
    assert_eq!((&list["rooms"][0]["room"], &list["rooms"][0]["here"]), (&json!("r"), &json!(2)));
}

/// PowerShell writes files with a byte order mark, and with `>` as UTF-16.
#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_no_part_of_a_body() {
    let server = TestServer::start().await;
    let utf_8 = |text: &str| format!("\u{FEFF}{text}").into_bytes();
    let utf_16 =
        |text: &str| format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for encode in [utf_8 as fn(&str) -> Vec<u8>, utf_16] {
        for (headers, text) in [(vec![], "마당"), (vec![FORM], "마당"), (vec![JSON], r#"{"body": "마당"}"#)]
        {
            sent(&send_request(&server, "POST", "/api/rooms/r/messages", &headers, encode(text)).await);
        }
        let me = send_request(&server, "POST", "/api/me", &[JSON], encode(r#"{"name": "지은"}"#)).await;
        assert_eq!(json_of(&me)["you"]["name"], "지은");
    }
    let page = read(&server, "r", "").await;
    assert_eq!(page.events.iter().map(text_of).collect::<Vec<_>>(), ["마당"; 6]);
}
