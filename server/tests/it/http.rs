//! The HTTP API for the page, and the headers of every response.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use common::{
    protocol::{
        command::{Hello, Join},
        http::RoomList,
    },
    room::Seats,
};
use madang::chat::limits::{Limits, Rate};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use url::Url;

use crate::harness::{Client, TIMEOUT, TestServer, http_request, no_limits, room};

pub(crate) fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let head = response.split("\r\n\r\n").next().unwrap();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub(crate) fn json_of(response: &str) -> Value {
    serde_json::from_str(response.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

async fn get(server: &TestServer, path: &str, more: &str) -> String {
    http_request(server.address, &format!("GET {path} HTTP/1.1\r\nHost: {}{more}", server.address), "").await
}

async fn register(server: &TestServer, host: &str, name: &str, more: &str) -> String {
    let head = format!("POST /api/me HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json{more}");
    http_request(server.address, &head, &json!({ "name": name }).to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_the_same_person_from_its_first_name_on() {
    let server = TestServer::start().await;
    let host = server.address.to_string();
    assert_eq!(json_of(&get(&server, "/api/me", "").await), json!({ "you": null }));

    let response = register(&server, &host, " 지은 ", "").await;
    let id = json_of(&response)["you"]["id"].clone();
    assert_eq!(json_of(&response)["you"]["name"], "지은");
    let cookies = set_cookies(&response);
    let attributes = |cookie: &&str| cookie.contains("; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000");
    assert!(cookies.iter().all(|cookie| attributes(cookie) && !cookie.contains("Secure")), "{cookies:?}");
    let cookie = cookies.last().unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("madang-"), "{cookie}");
    let carried = format!("\r\nCookie: {cookie}");

    assert_eq!(json_of(&get(&server, "/api/me", &carried).await)["you"]["id"], id);
    let response = register(&server, &host, "지은이", &carried).await;
    assert_eq!(json_of(&response)["you"], json!({ "id": id, "name": "지은이" }));
    assert_eq!(header(&response, "set-cookie"), None);

    let mut handshake =
        format!("ws://{host}/socket.io/?EIO=4&transport=websocket").into_client_request().unwrap();
    handshake.headers_mut().insert("cookie", cookie.parse().unwrap());
    let mut client = Client::connect_as(handshake, json!({})).await.unwrap();
    assert_eq!(client.join("r").await.unwrap().people[0].name.as_str(), "지은이");
    register(&server, &host, "또다른이름", &carried).await;
    client.send_message("r", "renamed elsewhere").await;
    assert_eq!(client.next_event().await.event.person.name.as_str(), "또다른이름");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_the_cookie_is_secure_and_tied_to_the_host() {
    let server = TestServer::start_with(|config| {
        config.public_urls = vec![Url::parse("https://chat.example.com").unwrap()];
    })
    .await;
    let response =
        register(&server, "chat.example.com", "지은", "\r\nOrigin: https://chat.example.com").await;
    let cookie = header(&response, "set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-madang-") && cookie.ends_with("; Secure"), "{cookie}");
}

fn set_cookies(response: &str) -> Vec<&str> {
    response.lines().filter_map(|line| line.strip_prefix("set-cookie: ")).collect()
}

/// What a browser keeps for one host, whatever the port.
#[derive(Default)]
struct Browser(BTreeMap<String, String>);

impl Browser {
    async fn request(&mut self, server: &TestServer, method: &str, name: &str) -> Value {
        let (host, jar) = (server.address, &self.0);
        let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let head = format!(
            "{method} /api/me HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
             Content-Type: application/json\r\nCookie: {}",
            cookies.join("; ")
        );
        let body = if method == "POST" { json!({ "name": name }).to_string() } else { String::new() };
        let response = http_request(server.address, &head, &body).await;
        for cookie in set_cookies(&response) {
            let (name, rest) = cookie.split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            if attributes.contains("Max-Age=0") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        json_of(&response)["you"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renames_over_http_have_the_rate_limit_of_a_connection() {
    let few = Rate { per_second: 0.001, burst: 3.0 };
    let server = TestServer::start_with(|config| config.limits = Limits { joins: few, ..no_limits() }).await;
    let mut browser = Browser::default();
    assert_eq!(browser.request(&server, "POST", "지은").await["name"], "지은");
    for number in 1..=3 {
        assert!(browser.request(&server, "POST", &format!("이름{number}")).await.is_object());
    }
    assert_eq!(browser.request(&server, "POST", "하나 더").await, Value::Null, "too fast");
    assert_eq!(browser.request(&server, "GET", "").await["name"], "이름3");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_host_keep_their_people_apart() {
    let (first, second) = (TestServer::start().await, TestServer::start().await);
    let mut browser = Browser::default();
    let here = browser.request(&first, "POST", "지은").await;
    assert_eq!(browser.request(&second, "GET", "").await, Value::Null);
    let there = browser.request(&second, "POST", "민수").await;
    assert_eq!(browser.request(&first, "GET", "").await, here);
    assert_eq!(browser.request(&second, "GET", "").await, there);
    let first = first.restart().await;
    assert_eq!(browser.request(&first, "GET", "").await, here, "a restart changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_an_earlier_version_is_replaced_by_one_of_this_server() {
    let (server, other) = (TestServer::start().await, TestServer::start().await);
    let mut client = server.client_named("지은").await;
    let token = client.request(Hello {}).await.unwrap().token.unwrap();
    let mut browser = Browser([("madang".to_owned(), token.clone())].into());
    assert_eq!(browser.request(&other, "GET", "").await, Value::Null);
    assert_eq!(browser.request(&other, "POST", "민수").await["name"], "민수");
    assert_eq!(browser.0["madang"], token, "it may belong to another server on this host");
    assert_eq!(browser.request(&server, "GET", "").await["name"], "지은");
    assert!(!browser.0.contains_key("madang"), "{:?}", browser.0.keys());
    assert_eq!(browser.request(&server, "POST", "지은이").await["name"], "지은이");
    assert_eq!(browser.request(&other, "GET", "").await["name"], "민수");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_an_earlier_version_still_finds_its_cookie() {
    let server = TestServer::start().await;
    let response = register(&server, &server.address.to_string(), "지은", "").await;
    let old = set_cookies(&response).into_iter().find(|cookie| cookie.starts_with("madang=")).unwrap();
    let carried = format!("\r\nCookie: {}", old.split(';').next().unwrap());
    assert_eq!(json_of(&get(&server, "/api/me", &carried).await)["you"]["name"], "지은");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_refused_says_why() {
    let server = TestServer::start().await;
    let host = server.address.to_string();
    for (name, code) in
        [("", "name_empty"), ("ad\u{202E}nim", "name_unreadable"), (&"가".repeat(33), "name_too_long")]
    {
        let response = register(&server, &host, name, "").await;
        assert!(response.starts_with("HTTP/1.1 400"), "{response}");
        assert_eq!(json_of(&response)["error"]["code"], code);
    }
    let form = format!("POST /api/me HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain");
    let response = http_request(server.address, &form, r#"{"name":"x"}"#).await;
    assert_eq!(json_of(&response)["error"]["code"], "bad_request", "what a form can send is not taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_list_shows_members_and_the_time_of_the_last_message() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client_named("지은").await, server.client_named("민수").await);
    a.join("조용한 방").await.unwrap();
    b.request(Join { seats: Some(Seats::TWO), ..Join::new(room("둘이")) }).await.unwrap();
    b.send_message("둘이", "안녕").await;
    let list: RoomList = serde_json::from_value(json_of(&get(&server, "/api/rooms", "").await)).unwrap();
    let [first, second] = &list.rooms[..] else { panic!("{list:?}") };
    assert_eq!((first.room.as_str(), first.member_count, first.seats), ("둘이", 1, Some(Seats::TWO)));
    assert!(first.last_at.is_some() && first.people[0].name.as_str() == "민수");
    assert_eq!((second.room.as_str(), second.member_count, second.last_at), ("조용한 방", 1, None));
}

/// Decodes the QR code of an SVG, as a camera would: draws its rectangles and reads the image.
fn read_code(svg: &str) -> String {
    let side: usize = svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    let mut paper = vec![255; side * side];
    for rectangle in svg.rsplit(" d=\"").next().unwrap().split('M').skip(1) {
        let numbers: Vec<usize> =
            rectangle.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        let [left, top, width, height, ..] = numbers[..] else { panic!("{rectangle}") };
        for row in top..top + height {
            paper[row * side + left..][..width].fill(0);
        }
    }
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| paper[y * side + x]);
    image.detect_grids()[0].decode().unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn the_qr_code_encodes_the_rooms_link() {
    let server = TestServer::start_with(|config| {
        config.public_urls = vec!["https://chat.example".parse().unwrap()];
    })
    .await;
    let link = "https://chat.example/r/%EC%9A%B0%EB%A6%AC%20%EB%B0%98";
    for host in [format!("{}", server.address), "chat.example".to_owned()] {
        let path = "/api/rooms/%EC%9A%B0%EB%A6%AC%20%EB%B0%98/qr.svg";
        let response =
            http_request(server.address, &format!("GET {path} HTTP/1.1\r\nHost: {host}"), "").await;
        assert_eq!(header(&response, "content-type"), Some("image/svg+xml"));
        assert_eq!(header(&response, "cache-control"), Some("public, max-age=86400"));
        assert!(header(&response, "content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert_eq!(read_code(response.split("\r\n\r\n").nth(1).unwrap()), link);
    }
    let plain = TestServer::start().await;
    let response = get(&plain, "/api/rooms/r/qr.svg", "").await;
    assert_eq!(
        read_code(response.split("\r\n\r\n").nth(1).unwrap()),
        format!("http://{}/r/r", plain.address)
    );
    let long = "%F0%9F%98%80".repeat(64);
    assert!(get(&plain, &format!("/api/rooms/{long}/qr.svg"), "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_carries_the_security_headers() {
    let server = TestServer::start().await;
    for path in [
        "/",
        "/r/마당",
        "/up",
        "/api/me",
        "/nothing/here",
        "/socket.io/?EIO=4&transport=polling",
        "/socket.io/?EIO=9",
    ] {
        let path = path.replace("마당", "%EB%A7%88%EB%8B%B9");
        let response = get(&server, &path, "").await;
        let policy =
            header(&response, "content-security-policy").unwrap_or_else(|| panic!("{path}: {response}"));
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"));
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"));
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&response, "referrer-policy"), Some("no-referrer"));
    }
    assert!(get(&server, "/up", "").await.ends_with("\r\n\r\nup\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_answered_anew_is_cached() {
    let server = TestServer::start().await;
    for (path, more) in [
        ("/up", ""),
        ("/nothing/here", ""),
        ("/api/nothing", ""),
        ("/api/rooms/a%2Fb/qr.svg", ""),
        ("/api/me", "\r\nOrigin: https://evil.example"),
        ("/", "\r\nOrigin: https://evil.example\r\nAccept: text/html"),
        ("/socket.io/?EIO=4&transport=polling", ""),
        ("/socket.io/?EIO=9&transport=polling", ""),
        ("/socket.io/?EIO=4&transport=websocket", ""),
    ] {
        let response = get(&server, path, more).await;
        assert_eq!(header(&response, "cache-control"), Some("no-store"), "{path}: {response}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_to_stay_on_https_where_it_is_the_public_url() {
    let server = TestServer::start_with(|config| {
        let urls = ["https://chat.example.com", "https://shared.example.com:8443", "http://10.0.0.7"];
        config.public_urls = urls.map(|url| Url::parse(url).unwrap()).into();
    })
    .await;
    for (host, expected) in [
        ("chat.example.com", Some("max-age=31536000")),
        // The header would hold for the host's other ports as well.
        ("shared.example.com:8443", None),
        ("10.0.0.7", None),
        ("localhost", None),
        ("evil.example", None),
    ] {
        for path in ["/up", "/nothing", "/socket.io/?EIO=4&transport=polling"] {
            let head = format!("GET {path} HTTP/1.1\r\nHost: {host}");
            let response = http_request(server.address, &head, "").await;
            assert_eq!(header(&response, "strict-transport-security"), expected, "{host}{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_decides_who_asks_is_taken_once_or_not_at_all() {
    let server = TestServer::start().await;
    let host = server.address;
    let own = format!("Origin: http://{host}");
    for more in [format!("{own}\r\n{own}"), format!("{own}\r\nOrigin: https://evil.example")] {
        for path in ["/", "/api/me", "/socket.io/?EIO=4&transport=polling"] {
            let response = get(&server, path, &format!("\r\n{more}")).await;
            assert!(response.starts_with("HTTP/1.1 403 "), "{path}: {response}");
        }
    }
    assert!(get(&server, "/up", "\r\nHost: localhost").await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_names_a_person_or_is_refused() {
    let server = TestServer::start().await;
    let mut client = server.client_named("지은").await;
    let token = client.request(Hello {}).await.unwrap().token.unwrap();
    let bearer = format!("\r\nAuthorization: Bearer {token}");
    assert_eq!(json_of(&get(&server, "/api/me", &bearer).await)["you"]["name"], "지은");
    let renamed = register(&server, &host_of(&server), "지은이", &bearer).await;
    assert_eq!((json_of(&renamed)["you"]["name"].as_str(), set_cookies(&renamed).len()), (Some("지은이"), 0));
    let unknown = register(&server, &host_of(&server), "x", "\r\nAuthorization: Bearer 0000").await;
    assert_eq!(json_of(&unknown)["error"]["code"], "unknown_token");
    for value in ["Bearer", "Bearer ", "Token 0000", &token, "bearer\r\nAuthorization: Bearer 0000"] {
        for path in ["/api/me", "/api/rooms", "/api/rooms/lobby/messages", "/api/rooms/lobby/events"] {
            let response = get(&server, path, &format!("\r\nAuthorization: {value}")).await;
            assert!(response.starts_with("HTTP/1.1 401 "), "{value} {path}: {response}");
            assert_eq!(json_of(&response)["error"]["code"], "unknown_token", "{value} {path}");
            assert_eq!(header(&response, "www-authenticate"), Some("Bearer"));
        }
    }
    // Password protection by a reverse proxy, which passes it on.
    assert!(get(&server, "/api/rooms", "\r\nAuthorization: Basic eDp5").await.starts_with("HTTP/1.1 200 "));
}

fn host_of(server: &TestServer) -> String {
    server.address.to_string()
}

/// Sends these bytes and returns the whole response. The server must close the connection.
async fn raw_request(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    timeout(TIMEOUT, stream.read_to_end(&mut response)).await.expect("no response").unwrap();
    String::from_utf8(response).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_request_gets_a_body_that_says_why() {
    let server = TestServer::start_with(|config| config.body_timeout = Duration::from_millis(100)).await;
    let host = format!("Host: {}\r\nConnection: close", server.address);
    let json = "Content-Type: application/json";
    let (long, heavy) = ("x".repeat(20 * 1024), "x".repeat(70_000));
    let many: String = (0..100).map(|number| format!("\r\nX-{number}: x")).collect();
    for (head, body, status, code) in [
        ("POST /up HTTP/1.1".to_owned(), "", 405, "bad_request"),
        ("POST /r/x HTTP/1.1".to_owned(), "", 405, "bad_request"),
        ("DELETE /api/rooms HTTP/1.1".to_owned(), "", 405, "bad_request"),
        ("PUT /api/rooms/r/messages HTTP/1.1".to_owned(), "", 405, "bad_request"),
        ("GET /api/nothing HTTP/1.1".to_owned(), "", 404, "unknown_command"),
        ("GET /api HTTP/1.1".to_owned(), "", 404, "unknown_command"),
        (format!("GET /api/rooms?{} HTTP/1.1", &long[..2100]), "", 414, "bad_request"),
        (format!("GET /{long} HTTP/1.1"), "", 431, "bad_request"),
        (format!("GET /up HTTP/1.1{many}"), "", 431, "bad_request"),
        ("GET /up HTTP/1.1\r\nno header".to_owned(), "", 400, "bad_request"),
        ("G@T /up HTTP/1.1".to_owned(), "", 400, "bad_request"),
        ("GET /up HTTP/3.0".to_owned(), "", 400, "bad_request"),
        (format!("POST /api/me HTTP/1.1\r\n{json}\r\nTransfer-Encoding: x"), "", 400, "bad_request"),
        (format!("POST /api/me HTTP/1.1\r\n{json}\r\nContent-Length: 70000"), &heavy, 413, "bad_request"),
        (format!("POST /api/me HTTP/1.1\r\n{json}\r\nContent-Length: 9"), "{", 408, "bad_request"),
        ("POST /api/rooms/r/messages HTTP/1.1\r\nContent-Length: 9".to_owned(), "x", 408, "bad_request"),
    ] {
        let response = raw_request(server.address, &format!("{head}\r\n{host}\r\n\r\n{body}")).await;
        let head = &head[..head.len().min(60)];
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {response}");
        assert_eq!(json_of(&response)["error"]["code"], code, "{head}: {response}");
        assert!(json_of(&response)["error"]["message"].as_str().is_some_and(|text| text.ends_with('.')));
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"), "{head}");
        assert_eq!(header(&response, "allow").is_some(), status == 405, "{head}: {response}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_json_body_names_the_field_and_where_it_is_described() {
    let server = TestServer::start().await;
    let host = server.address;
    for (path, body, field) in [
        ("rooms/r/messages", r#"{"text": "hi"}"#, Some("body")),
        ("rooms/r/messages", r#"{"body": "hi", "reply_to": "1"}"#, Some("reply_to")),
        ("rooms/r/messages", r#"{"body": "hi", "name": ""}"#, Some("name")),
        ("rooms/r/messages", r#"{"body": "hi""#, None),
        ("rooms/r/messages?nmae=x", r#"{"body": "hi"}"#, Some("nmae")),
        ("rooms/a%2Fb/messages", r#"{"body": "hi"}"#, Some("room")),
        ("me", "{}", Some("name")),
        ("me", r#"{"name": 17}"#, Some("name")),
        ("me", r#"{"name": "a\u202eb"}"#, Some("name")),
        ("me", "x", None),
    ] {
        let head = format!("POST /api/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json");
        let response = http_request(server.address, &head, body).await;
        let error = json_of(&response)["error"].clone();
        assert_eq!(error.get("field").and_then(Value::as_str), field, "{path} {body}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(error["code"] != "bad_request" || message.contains("/api/openapi.json"), "{error}");
    }
    for (query, field) in [("limit=x", "limit"), ("sinec=1", "sinec"), ("since=-1", "since")] {
        let response = get(&server, &format!("/api/rooms/lobby/messages?{query}"), "").await;
        assert_eq!(json_of(&response)["error"]["field"], field);
    }
}
