//! The line transport: the promises to a person at `nc` and to simple programs.

use std::time::{Duration, Instant};

use common::{
    line::Line,
    protocol::{command::Hello, push::PresenceChange},
    refusal::Refusal,
};
use madang::{
    chat::limits::{Limits, Rate},
    config::{Config, Transport},
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    harness::{Client, ServerProcess, TestServer, signal},
    line_client::{LineClient, all_transports},
};

async fn open() -> TestServer {
    TestServer::start_with(all_transports).await
}

fn new_message(name: &str, text: &str) -> Line {
    let (name, label) =
        name.split_once(" (").map_or((name, String::new()), |(name, label)| (name, format!("({label}")));
    Line::Message { old: false, name: name.to_owned(), label, text: text.to_owned() }
}

fn old_message(name: &str, text: &str) -> Line {
    let (name, label) =
        name.split_once(" (").map_or((name, String::new()), |(name, label)| (name, format!("({label}")));
    Line::Message { old: true, name: name.to_owned(), label, text: text.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greeting_shows_name_room_and_help() {
    let server = open().await;
    let mut line_client = LineClient::dial(server.address_of(Transport::Tcp)).await;
    let greeting = line_client.next_raw().await.unwrap();
    assert!(greeting.starts_with("* Welcome to Madang, guest-") && greeting.contains("/help"), "{greeting}");
    assert_eq!(line_client.next_raw().await.unwrap(), "* You are in lobby; nobody else is here.");
    line_client.write("/help\n").await;
    line_client
        .wait_for_note("/join ROOM, /leave, /name NAME, /who, /history N, /me TEXT, /help, /quit")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_joins_a_room_at_once_is_never_seen_in_the_lobby() {
    let server = open().await;
    let mut witness = LineClient::connect(&server).await;
    let mut passing = LineClient::dial(server.address_of(Transport::Tcp)).await;
    passing.write("/name 지나가는 이\n/join r\n").await;
    passing.wait_for_note("You are in r;").await;
    let mut staying = LineClient::dial(server.address_of(Transport::Tcp)).await;
    staying.write("/name 지은\n안녕\n").await;
    assert_eq!(witness.wait_for_note(" came").await, "지은 (guest) came");
    let mut silent = LineClient::dial(server.address_of(Transport::Tcp)).await;
    silent.write("/name 조용한 이\n").await;
    assert_eq!(witness.wait_for_note(" came").await, "조용한 이 (guest) came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_reaches_everybody_else_and_not_its_sender() {
    let server = open().await;
    let (mut a, mut b, mut c) = (
        LineClient::connect(&server).await,
        LineClient::connect(&server).await,
        LineClient::connect(&server).await,
    );
    a.write("/name 지은\n안녕\n").await;
    for other in [&mut b, &mut c] {
        assert_eq!(other.next_message().await, ("지은".to_owned(), "안녕".to_owned()));
    }
    b.write("반가워\r\n").await;
    assert_eq!(a.next_message().await.1, "반가워", "and nothing of one's own before it");
    assert_eq!(c.next_message().await.1, "반가워");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_shows_the_last_messages_and_the_members() {
    let server = open().await;
    let mut a = LineClient::connect(&server).await;
    a.write("/name 지은\n").await;
    a.wait_for_note("You are now 지은.").await;
    a.join("반").await;
    for number in 1..=12 {
        a.write(format!("message {number}\n")).await;
    }
    a.write("/history 1\n").await;
    assert_eq!(a.next().await, old_message("지은 (owner, guest)", "message 12"));
    let mut b = LineClient::connect(&server).await;
    let lines = b.join("반").await;
    assert_eq!(lines[0], old_message("지은 (owner, guest)", "message 3"));
    assert_eq!(lines[9], old_message("지은 (owner, guest)", "message 12"));
    assert_eq!(lines[10], Line::Note("You are in 반; here are you, 지은 (owner, guest).".to_owned()));
    assert_eq!(lines.len(), 11);
    b.write("/history 2\n/who\n").await;
    assert_eq!(b.next().await, old_message("지은 (owner, guest)", "message 11"));
    assert_eq!(b.next().await, old_message("지은 (owner, guest)", "message 12"));
    assert_eq!(b.next().await, Line::Note("There is more before these.".to_owned()));
    assert_eq!(b.next().await, Line::Note("In 반 here are you, 지은 (owner, guest).".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_leaves_and_renames_are_noted() {
    let server = open().await;
    let mut a = LineClient::connect_to(&server, "r").await;
    let mut b = LineClient::connect_to(&server, "r").await;
    a.wait_for_note(" came").await;
    b.write("/name 민수\n").await;
    a.wait_for_note(" is now 민수").await;
    b.write("/leave\nto nobody\n").await;
    a.wait_for_note("민수 (guest) left").await;
    assert_eq!(b.wait_for_note("You left").await, "You left r. /join ROOM goes into another.");
    while b.next().await != Line::Refused(Refusal::NotInRoom) {}
    b.join("r").await;
    a.wait_for_note("민수 (guest) came").await;
    drop(b);
    a.wait_for_note("민수 (guest) left").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_another_room_leaves_the_first_unless_it_is_full() {
    let server = open().await;
    let mut browser = server.client().await;
    browser.request_raw("join", &serde_json::json!({ "room": "full", "seats": 1 })).await;
    let (mut a, mut b) =
        (LineClient::connect_to(&server, "one").await, LineClient::connect_to(&server, "one").await);
    a.write("/join full\nstill here\n").await;
    while a.next().await != Line::Refused(Refusal::RoomFull) {}
    assert_eq!(b.next_message().await.1, "still here");
    a.join("two").await;
    b.wait_for_note(" left").await;
    b.write("for one\n").await;
    let mut c = LineClient::connect_to(&server, "two").await;
    c.write("for two\n").await;
    assert_eq!(a.next_message().await.1, "for two");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejoining_the_same_room_skips_no_message() {
    const MESSAGES: usize = 200;
    let server = open().await;
    let (mut a, mut b) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    let speaking = tokio::spawn(async move {
        for number in 0..MESSAGES {
            a.write(format!("{number}\n")).await;
        }
        a
    });
    for _ in 0..20 {
        b.write("/join lobby\n").await;
    }
    for number in 0..MESSAGES {
        assert_eq!(b.next_message().await.1, number.to_string());
    }
    speaking.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn me_sends_text_between_asterisks_and_quit_ends_the_connection() {
    let server = open().await;
    let (mut a, mut b) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    a.write("/me waves\n/quit\nnever said\n").await;
    assert_eq!(b.next_message().await.1, "*waves*");
    a.wait_for_note("Goodbye").await;
    assert_eq!(a.next_raw().await, None);
    b.wait_for_note(" left").await;
    b.write("/history\n").await;
    assert_eq!(b.next().await, old_message(&first_author(&server).await, "*waves*"));
    assert_eq!(b.next().await, Line::Note("This is all.".to_owned()));
}

/// Returns the name of the sender of the lobby's first event.
async fn first_author(server: &TestServer) -> String {
    let mut client = server.client().await;
    client.join("lobby").await.unwrap().events[0].person.name.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_without_a_line_break_are_messages_after_a_moment() {
    let server = open().await;
    let (mut a, mut b) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    a.write("no line break").await;
    assert_eq!(b.next_message().await.1, "no line break");
    a.write("and another").await;
    assert_eq!(b.next_message().await.1, "and another");
    a.write("the end, hung up at once").await;
    a.finish().await;
    assert_eq!(b.next_message().await.1, "the end, hung up at once");
}

/// Waits until a partial line that is written now is sent; one that was written before would be sent as
/// well.
async fn wait_until_partial_lines_are_sent(server: &TestServer, witness: &mut LineClient) {
    let mut other = LineClient::connect(server).await;
    other.write("a chunk").await;
    assert_eq!(witness.next_message().await.1, "a chunk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_cut_in_two_arrives_whole() {
    let server = open().await;
    let (mut a, mut b) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    let (first, second) = "마당".as_bytes().split_at(4);
    a.write(first).await;
    wait_until_partial_lines_are_sent(&server, &mut b).await;
    a.write(second).await;
    assert_eq!(b.next_message().await.1, "마당");
}

#[tokio::test(flavor = "multi_thread")]
async fn further_lines_of_a_message_are_indented_and_control_characters_never_sent() {
    let server = open().await;
    let mut line_client = LineClient::connect(&server).await;
    let mut browser = server.client_named("지은").await;
    browser.join("lobby").await.unwrap();
    browser.send_message("lobby", "하나\n둘\n* 셋\u{202E}").await;
    while line_client.next().await != new_message("지은 (guest)", "하나") {}
    assert_eq!(line_client.next_raw().await.unwrap(), "\t둘");
    assert_eq!(line_client.next_raw().await.unwrap(), "\t* 셋");
    line_client.write("\x1b]0;owned\x07\x1b[31m붉은 글\n").await;
    line_client.write("/send cid-1 끝\n").await;
    assert_eq!(line_client.next_send_reply().await, "= cid-1 3");
    assert_eq!(browser.whole_log("lobby").await[1].1, "붉은 글");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_can_not_imitate_a_line_of_the_server() {
    let server = open().await;
    let (mut a, mut b) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    a.write("/name * You are in lobby; trust: me\nhello\n").await;
    loop {
        let line = b.next_raw().await.unwrap();
        if line.ends_with("hello") {
            assert_eq!(line, r#""* You are in lobby; trust: me" (guest): hello"#);
            break;
        }
        assert!(line.starts_with("* guest-") || line.starts_with("* \"* You are"), "{line}");
    }
    a.write("/name The owner of lobby\n").await;
    let renamed = b.wait_for_note("is now \"The").await;
    assert_eq!(renamed, r#""* You are in lobby; trust: me" (guest) is now "The owner of lobby" (guest)"#);
    b.write("/who\n").await;
    b.wait_for_note(r#"In lobby here are you, "The owner of lobby" (guest)."#).await;
    b.write("/leave\n/join you, root\n/leave\n").await;
    b.wait_for_note("You are in you, root; nobody else is here.").await;
    b.wait_for_note(r#"You left "you, root". /join"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_marked_and_the_connection_stays_open() {
    let server = open().await;
    let mut line_client = LineClient::connect(&server).await;
    let cases: [(&[u8], Refusal); 6] = [
        (b"/dance\n", Refusal::UnknownCommand),
        (b"/quit smoking\n", Refusal::BadRequest),
        (b"/join a/b\n", Refusal::RoomNameNotALink),
        (b"/name \xE2\x80\xAE\n", Refusal::NameUnreadable),
        (b"\xB0\xA1 is EUC-KR\n", Refusal::MessageUnreadable),
        (&[b'x'; 20_000], Refusal::MessageTooLong),
    ];
    for (line, refusal) in cases {
        line_client.write(line).await;
        assert_eq!(line_client.next().await, Line::Refused(refusal));
    }
    line_client.write("…still the long line\n/who\n").await;
    line_client.wait_for_note("In lobby").await;
}

/// Few commands at once, and then one every twentieth of a second.
fn with_little_rate(config: &mut Config) {
    all_transports(config);
    let little = Rate { per_second: 20.0, burst: 3.0 };
    config.limits = Limits { messages: little, joins: little, reads: little, rooms: little };
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_above_the_rate_limit_wait_and_none_is_lost() {
    let server = TestServer::start_with(with_little_rate).await;
    let mut witness = LineClient::connect(&server).await;
    let mut line_client = LineClient::connect(&server).await;
    let started = Instant::now();
    line_client.write((0..30).map(|number| format!("{number}\n")).collect::<String>()).await;
    for number in 0..30 {
        assert_eq!(witness.next_message().await.1, number.to_string());
    }
    assert!(started.elapsed() >= Duration::from_secs(1), "the rate limit holds: {:?}", started.elapsed());
    // Of every kind of line, in their order, and with the events of the room in between.
    line_client
        .write("/who\n/help\n/dance\n".repeat(4) + &"/name 지은\n/history 1\n".repeat(4) + "/quit\n")
        .await;
    witness.write("meanwhile\n").await;
    let mut answers = Vec::new();
    while let Some(line) = line_client.next_raw().await {
        answers.push(line);
    }
    let count = |start: &str| answers.iter().filter(|line| line.starts_with(start)).count();
    let counts = ["* In lobby", "* /join", "! unknown_command", "* You are now", "> "].map(count);
    assert_eq!(counts, [4; 5], "{answers:?}");
    assert_eq!(count("! "), 4, "{answers:?}");
    let place = |part: &str| answers.iter().position(|line| line.contains(part)).unwrap();
    assert!(place(": meanwhile") < place("* You are now"), "{answers:?}");
    assert_eq!(answers.last().unwrap(), "* Goodbye.");
}

/// As `seq 1 100 > /dev/tcp/…` does. The first 50 programs read nothing, so their end is a reset.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_lines_of_a_program_that_is_gone_are_all_said() {
    let server = TestServer::start_with(|config| {
        with_little_rate(config);
        config.limits.messages.per_second = 100.0;
    })
    .await;
    let mut witness = LineClient::connect(&server).await;
    for is_greeted in [true, false] {
        let mut stream = TcpStream::connect(server.address_of(Transport::Tcp)).await.unwrap();
        if is_greeted {
            stream.readable().await.unwrap();
        }
        let lines: String = (1..=100).map(|number| format!("{number}\n")).collect();
        stream.write_all(lines.as_bytes()).await.unwrap();
        drop(stream);
        for number in 1..=100 {
            assert_eq!(witness.next_message().await.1, number.to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_gone_is_not_heard_for_ever() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        config.limits.messages = Rate { per_second: 0.01, burst: 1.0 };
        config.idle_timeout = Duration::from_millis(300);
    })
    .await;
    let mut witness = server.client().await;
    witness.join("lobby").await.unwrap();
    let mut stream = TcpStream::connect(server.address_of(Transport::Tcp)).await.unwrap();
    stream.readable().await.unwrap();
    stream.write_all(b"/name ghost\nonce\ntwice\n").await.unwrap();
    drop(stream);
    let is_gone = |change: &PresenceChange| matches!(change, PresenceChange::Left(_));
    while !is_gone(&witness.next_presence_change().await) {}
    assert_eq!(witness.whole_log("lobby").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_would_wait_for_long_is_answered_instead() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        config.limits.messages = Rate { per_second: 0.01, burst: 1.0 };
    })
    .await;
    let mut line_client = LineClient::connect(&server).await;
    line_client.write("/send one-1 하나\n/send two-1 둘\n").await;
    assert_eq!(line_client.next_send_reply().await, "= one-1 1");
    assert!(line_client.next_send_reply().await.starts_with("= two-1 ! too_fast: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_lines_above_the_rate_limit() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        config.limits.messages = Rate { per_second: 0.01, burst: 1.0 };
    })
    .await;
    let mut line_client = LineClient::connect(&server).await;
    line_client.write("one\ntwo\nthree\n").await;
    let mut witness = server.client().await;
    while witness.join("lobby").await.unwrap().last.0 < 1 {}
    let server = server.restart().await;
    line_client.wait_for_note("Madang is closing").await;
    assert_eq!(line_client.next_raw().await, None);
    assert_eq!(server.client().await.join("lobby").await.unwrap().last.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_transports_share_the_connection_limit() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        config.max_connections = 3;
    })
    .await;
    let _browser = server.client().await;
    let (_one, two) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    let mut refused = LineClient::dial(server.address_of(Transport::Tcp)).await;
    assert_eq!(refused.next_raw().await, None);
    two.finish().await;
    let mut again = LineClient::dial(server.address_of(Transport::Tcp)).await;
    // The connection's permit is released a moment after its end.
    while again.next_raw().await.is_none() {
        again = LineClient::dial(server.address_of(Transport::Tcp)).await;
    }
}

/// `echo hi > /dev/tcp/…` closes before it is greeted; the greeting then fails.
#[tokio::test(flavor = "multi_thread")]
async fn lines_sent_before_a_close_are_delivered() {
    let server = open().await;
    let mut witness = LineClient::connect(&server).await;
    for number in 0..50 {
        let mut stream = TcpStream::connect(server.address_of(Transport::Tcp)).await.unwrap();
        stream.write_all(format!("one {number}\ntwo {number}").as_bytes()).await.unwrap();
        drop(stream);
        assert_eq!(witness.next_message().await.1, format!("one {number}"));
        assert_eq!(witness.next_message().await.1, format!("two {number}"));
    }
}

/// A program that exits with unread input resets the connection, usually by accident.
#[tokio::test(flavor = "multi_thread")]
async fn lines_sent_before_a_reset_are_delivered_with_and_without_a_line_break() {
    let server = open().await;
    let mut witness = LineClient::connect(&server).await;
    for text in ["안녕", "안녕히\n"] {
        let mut stream = TcpStream::connect(server.address_of(Transport::Tcp)).await.unwrap();
        // The greeting has arrived and stays unread.
        stream.readable().await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        drop(stream);
        assert_eq!(witness.next_message().await.1, text.trim_end());
    }
}

/// A client repeats `/send` until it is answered. Half of its text must not be stored, because it would
/// take the `cid`.
#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_send_command_is_never_executed() {
    let server = open().await;
    let mut witness = LineClient::connect(&server).await;
    let mut cut = LineClient::connect(&server).await;
    cut.write("/send one-1 half of").await;
    cut.finish().await;
    let mut slow = LineClient::connect(&server).await;
    slow.write("/send two-1 half of").await;
    wait_until_partial_lines_are_sent(&server, &mut witness).await;
    slow.write(" it\n").await;
    assert_eq!(slow.next_send_reply().await, "= two-1 2");
    slow.write("/send one-1 half of it\n").await;
    assert_eq!(slow.next_send_reply().await, "= one-1 3");
    for _ in 0..2 {
        assert_eq!(witness.next_message().await.1, "half of it");
    }
}

/// The requests that a page of another site can make a browser send to this port.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_at_the_line_transport_is_told_why_it_is_cut_and_stores_nothing() {
    let server = open().await;
    let mut witness = server.client().await;
    witness.join("lobby").await.unwrap();
    let long = format!("POST /{} HTTP/1.1\r\n\r\n/name admin\r\nhacked\r\n", "x".repeat(20_000));
    let requests = [
        "POST / HTTP/1.1\r\nHost: madang\r\n\r\n/name admin\r\nhacked\r\n",
        "GET / HTTP/1.1\r\n",
        "GET http://madang:3001/ HTTP/1.1\r\nHost: madang\r\n\r\nhacked\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nhacked\r\n",
        "\x16\x03\x01\x02\x08\x08\x08\x08\r\nhacked\r\n",
        // A page whose host name points here may choose the method.
        "HACK / HTTP/1.1\r\nHost: madang\r\n\r\n/name admin\r\nhacked\r\n",
        &long,
        &long.replace("POST /", "HACK"),
    ];
    for request in requests {
        let mut line_client = LineClient::dial(server.address_of(Transport::Tcp)).await;
        line_client.try_write(request.as_bytes()).await;
        line_client.wait_for_note("This looks like ").await;
        assert!(line_client.is_cut_within(Duration::from_secs(10)).await);
    }
    assert!(witness.whole_log("lobby").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_line_that_only_looks_like_http_is_a_message() {
    let server = open().await;
    let mut witness = LineClient::connect(&server).await;
    for line in ["HTTP/1.1 200 OK\r", "GET /health 500", "DELETE * FROM t", "see /etc/hosts"] {
        for end in ["\n", ""] {
            let client = LineClient::connect(&server).await;
            client.finish_with(format!("{line}{end}")).await;
            assert_eq!(witness.next_message().await.1, line.trim_end());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn single_keys_are_one_message_when_the_line_ends() {
    let server = open().await;
    let (mut typist, mut witness) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    typist.write(b"\xFF\xFB\x1F").await;
    for key in ["ㅎ", "안", "\x08", "\x08", "h", "i"] {
        typist.write(key).await;
        wait_until_partial_lines_are_sent(&server, &mut witness).await;
    }
    typist.write("\r\n").await;
    assert_eq!(witness.next_message().await.1, "hi");
    typist.write("half a ").await;
    wait_until_partial_lines_are_sent(&server, &mut witness).await;
    typist.write("line\n").await;
    assert_eq!(witness.next_message().await.1, "half a line", "who has ended a line ends all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_c_program_may_send_the_nul_of_its_strings() {
    let server = open().await;
    let (mut a, mut witness) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    a.write(b"hello\0").await;
    assert_eq!(witness.next_message().await.1, "hello");
    a.write(b"one\n\0").await;
    a.write(b"two\r\n\0").await;
    a.write([&b"three\n"[..], &[0; 1000], b"four\n"].concat()).await;
    for text in ["one", "two", "three", "four"] {
        assert_eq!(witness.next_message().await.1, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_before_a_join_does_not_send_what_follows_to_the_lobby() {
    let server = open().await;
    let mut lobby = server.client().await;
    lobby.join("lobby").await.unwrap();
    let mut windows = LineClient::dial(server.address_of(Transport::Tcp)).await;
    windows.write(b"\xEF\xBB\xBF/join secret\r\n").await;
    windows.write("the password is 1234\r\n/send cid-1 and 5678\r\n").await;
    assert_eq!(windows.next_send_reply().await, "= cid-1 2");
    assert!(lobby.whole_log("lobby").await.is_empty());
    let utf_16 = LineClient::dial(server.address_of(Transport::Tcp)).await;
    let answers = utf_16.finish_with(b"\xFF\xFEh\0i\0\r\0\n\0").await;
    assert!(answers.iter().any(|line| line.starts_with("! message_unreadable: ")), "{answers:?}");
    assert!(answers.iter().any(|line| line.contains("This is UTF-16")), "{answers:?}");
}

/// In a room for one, with somebody in it, a client can not enter.
#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_refused_join_is_not_said_in_the_lobby() {
    let server = open().await;
    let mut browser = server.client().await;
    browser.request_raw("join", &serde_json::json!({ "room": "full", "seats": 1 })).await;
    let mut lobby = server.client().await;
    lobby.join("lobby").await.unwrap();
    for join in ["/join full", "/join a/b", "/join", "/jion full"] {
        // At once, and after the server has put the client into the lobby.
        let at_once = LineClient::dial(server.address_of(Transport::Tcp)).await;
        let answers = at_once.finish_with(format!("{join}\nthe password is 1234\n")).await;
        check_refused(&answers);
        if join != "/jion full" {
            let later = LineClient::connect(&server).await;
            check_refused(&later.finish_with(format!("{join}\nthe password is 1234\n")).await);
        }
    }
    assert!(lobby.whole_log("lobby").await.is_empty());
    // A room that the client has named before stays its own, also if it is the lobby.
    for room in ["mine", "lobby"] {
        let client = LineClient::dial(server.address_of(Transport::Tcp)).await;
        let answers =
            client.finish_with(format!("/join {room}\n/join full\n/send c-{room} still here\n")).await;
        assert!(answers.contains(&format!("= c-{room} 1")), "{answers:?}");
    }
    let client = LineClient::dial(server.address_of(Transport::Tcp)).await;
    let answers = client.finish_with("/join full\n/join found\n/send c-1 here\n").await;
    assert!(answers.contains(&"= c-1 1".to_owned()), "{answers:?}");
}

fn check_refused(answers: &[String]) {
    let last = answers.len() - 2;
    assert_eq!(answers[last], Line::Refused(Refusal::NotInRoom).to_string(), "{answers:?}");
    assert_eq!(answers[last + 1], "* Enter a room first: /join ROOM, or /join lobby.", "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn telnet_negotiation_is_ignored() {
    let server = open().await;
    let (mut a, mut b) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    a.write(b"\xFF\xFD\x03\xFF\xFB\x18\xFF\xFA\x18\x00xterm\xFF\xF0hel\xFF\xF1lo\r\0").await;
    assert_eq!(b.next_message().await.1, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed_after_the_timeout() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        config.idle_timeout = Duration::from_millis(300);
    })
    .await;
    let mut line_client = LineClient::connect(&server).await;
    line_client.wait_for_note("Nothing was said for a long time").await;
    assert_eq!(line_client.next_raw().await, None);
}

/// S3 for this transport: after a missed message nothing more may be shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_client_that_stops_reading_is_cut_and_delays_nobody() {
    const MESSAGES: usize = 400;
    let server = open().await;
    let mut stalled = LineClient::connect(&server).await;
    let mut reader = LineClient::connect(&server).await;
    let mut speaker = server.client().await;
    speaker.join("lobby").await.unwrap();
    let reading = tokio::spawn(async move {
        for number in 0..MESSAGES {
            assert!(reader.next_message().await.1.starts_with(&format!("{number} ")));
        }
    });
    let long = "가".repeat(3_990);
    for number in 0..MESSAGES {
        speaker.send_message("lobby", &format!("{number} {long}")).await;
    }
    reading.await.unwrap();
    let mut number = 0;
    while let Some(line) = stalled.next_raw().await {
        if let Line::Message { text, .. } = Line::parse(&line) {
            assert!(text.starts_with(&format!("{number} ")), "nothing is skipped");
            number += 1;
        }
    }
    assert!(number < MESSAGES, "it was cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_goodbye_and_does_not_wait_for_stalled_clients() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, address) = ServerProcess::start_with_line_transport(folder.path());
    let mut line_client = LineClient::dial(address).await;
    line_client.wait_for_note("You are in lobby").await;
    let _stalled = LineClient::dial(address).await;
    let asked = Instant::now();
    signal(&program.child, "TERM");
    line_client.wait_for_note("Madang is closing").await;
    assert_eq!(line_client.next_raw().await, None);
    let status = tokio::task::spawn_blocking(move || program.child.wait().unwrap()).await.unwrap();
    assert!(status.success() && asked.elapsed() < Duration::from_secs(5), "{status} {:?}", asked.elapsed());
}

/// A line of a gigabyte, which never ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_an_end_costs_no_memory() {
    const CHUNK: usize = 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let (program, address) = ServerProcess::start_with_line_transport(folder.path());
    let mut line_client = LineClient::dial(address).await;
    line_client.wait_for_note("You are in lobby").await;
    let before = program.memory();
    let chunk = vec![b'x'; CHUNK];
    for _ in 0..1024 {
        line_client.write(&chunk).await;
    }
    line_client.write("\n/who\n").await;
    assert_eq!(line_client.next().await, Line::Refused(Refusal::MessageTooLong));
    line_client.wait_for_note("In lobby").await;
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 4 * 1024, "{grown} KiB");
}

/// Connections that stay silent.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_silent_connections_cost_little_and_delay_nobody() {
    let files = std::fs::read_to_string("/proc/self/limits").unwrap();
    let files = files.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let open: usize = files.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX);
    let silent = if open > 12_000 { 10_000 } else { 500 };
    let folder = tempfile::tempdir().unwrap();
    let (program, address) = ServerProcess::start_with_line_transport(folder.path());
    let mut witness = Client::connect(program.address, serde_json::json!({})).await.unwrap();
    let before = program.memory();
    let mut connections = Vec::new();
    for _ in 0..silent {
        connections.push(TcpStream::connect(address).await.unwrap());
    }
    let asked = Instant::now();
    witness.request(Hello {}).await.unwrap();
    witness.join("quiet").await.unwrap();
    witness.send_message("quiet", "undisturbed").await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let each = program.memory().saturating_sub(before) / silent as u64;
    assert!(each < 64, "{each} KiB each");
}

#[tokio::test(flavor = "multi_thread")]
async fn send_returns_the_number_of_the_message_and_can_be_repeated() {
    let server = open().await;
    let (mut a, mut b) = (LineClient::connect(&server).await, LineClient::connect(&server).await);
    a.write("/send first-1 안녕\n").await;
    assert_eq!(a.next_send_reply().await, "= first-1 1");
    assert_eq!(b.next_message().await.1, "안녕");
    // Over another connection, as after a failure.
    drop(a);
    let mut a = LineClient::connect(&server).await;
    a.write("/send first-1 안녕\n/send first-1 다른 말\n/send second-1 둘\n/leave\n/send third-1 셋\n").await;
    assert_eq!(a.next_send_reply().await, "= first-1 1");
    assert_eq!(a.next_send_reply().await, "= first-1 2", "another text is another message");
    assert_eq!(a.next_send_reply().await, "= second-1 3");
    assert!(a.next_send_reply().await.starts_with("= third-1 ! not_in_room: "));
    assert_eq!(b.next_message().await.1, "다른 말");
    assert_eq!(b.next_message().await.1, "둘", "and nothing twice");
}
