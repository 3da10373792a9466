//! The HTTP API for the page, and the headers of every response.

use common::{
    protocol::{command::Join, http::RoomList},
    room::Seats,
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use url::Url;

use crate::harness::{Client, TestServer, http_request, room};

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
    let cookie = header(&response, "set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; Path=/") && !cookie.contains("Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
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
    assert!(cookie.starts_with("__Host-madang=") && cookie.ends_with("; Secure"), "{cookie}");
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
