//! The line door: what a person at `nc` and a first program of one's own can rely on.

use std::time::{Duration, Instant};

use common::{event::Hello, line::Line, refusal::Refusal};
use madang::{chat::limits::Rate, config::Door};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    line::{Nc, every_door},
    support::{Client, Program, TestServer, signal},
};

async fn open() -> TestServer {
    TestServer::start_with(every_door).await
}

fn said(who: &str, text: &str) -> Line {
    Line::Said { old: false, who: who.to_owned(), text: text.to_owned() }
}

fn old(who: &str, text: &str) -> Line {
    Line::Said { old: true, who: who.to_owned(), text: text.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_says_who_one_is_and_where_and_how_to_get_help() {
    let server = open().await;
    let mut nc = Nc::dial(server.at(Door::Tcp)).await;
    let greeting = nc.next_raw().await.unwrap();
    assert!(greeting.starts_with("* Welcome to Madang, guest-") && greeting.contains("/help"), "{greeting}");
    assert_eq!(nc.next_raw().await.unwrap(), "* You are in lobby; nobody else is here.");
    nc.write("/help\n").await;
    nc.noted("/join ROOM, /leave, /name NAME, /who, /history N, /me TEXT, /help, /quit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_chooses_a_room_at_once_is_never_seen_in_the_lobby() {
    let server = open().await;
    let mut witness = Nc::connect(&server).await;
    let mut passing = Nc::dial(server.at(Door::Tcp)).await;
    passing.write("/name 지나가는 이\n/join r\n").await;
    passing.noted("You are in r;").await;
    let mut staying = Nc::dial(server.at(Door::Tcp)).await;
    staying.write("/name 지은\n안녕\n").await;
    assert_eq!(witness.noted(" came").await, "지은 came");
    let mut silent = Nc::dial(server.at(Door::Tcp)).await;
    silent.write("/name 조용한 이\n").await;
    assert_eq!(witness.noted(" came").await, "조용한 이 came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_heard_by_everybody_else_and_not_by_its_sender() {
    let server = open().await;
    let (mut a, mut b, mut c) =
        (Nc::connect(&server).await, Nc::connect(&server).await, Nc::connect(&server).await);
    a.write("/name 지은\n안녕\n").await;
    for other in [&mut b, &mut c] {
        assert_eq!(other.next_said().await, ("지은".to_owned(), "안녕".to_owned()));
    }
    b.write("반가워\r\n").await;
    assert_eq!(a.next_said().await.1, "반가워", "and nothing of one's own before it");
    assert_eq!(c.next_said().await.1, "반가워");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_sees_the_last_messages_and_who_is_here() {
    let server = open().await;
    let mut a = Nc::connect(&server).await;
    a.write("/name 지은\n").await;
    a.noted("You are now 지은.").await;
    a.join("반").await;
    for number in 1..=12 {
        a.write(format!("message {number}\n")).await;
    }
    a.write("/history 1\n").await;
    assert_eq!(a.next().await, old("지은", "message 12"));
    let mut b = Nc::connect(&server).await;
    let lines = b.join("반").await;
    assert_eq!(lines[0], old("지은", "message 3"));
    assert_eq!(lines[9], old("지은", "message 12"));
    assert_eq!(lines[10], Line::Note("You are in 반; here are you, 지은.".to_owned()));
    assert_eq!(lines.len(), 11);
    b.write("/history 2\n/who\n").await;
    assert_eq!(b.next().await, old("지은", "message 11"));
    assert_eq!(b.next().await, old("지은", "message 12"));
    assert_eq!(b.next().await, Line::Note("There is more before these.".to_owned()));
    assert_eq!(b.next().await, Line::Note("In 반 here are you, 지은.".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_goes_and_changes_the_name_is_noted() {
    let server = open().await;
    let mut a = Nc::connect_to(&server, "r").await;
    let mut b = Nc::connect_to(&server, "r").await;
    a.noted(" came").await;
    b.write("/name 민수\n").await;
    a.noted(" is now 민수").await;
    b.write("/leave\nto nobody\n").await;
    a.noted("민수 left").await;
    assert_eq!(b.noted("You left").await, "You left r. /join ROOM goes into another.");
    while b.next().await != Line::Refused(Refusal::NotInRoom) {}
    b.join("r").await;
    a.noted("민수 came").await;
    drop(b);
    a.noted("민수 left").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_another_room_leaves_the_first_unless_it_is_full() {
    let server = open().await;
    let mut browser = server.client().await;
    browser.ask_raw("join", &serde_json::json!({ "room": "full", "seats": 1 })).await;
    let (mut a, mut b) = (Nc::connect_to(&server, "one").await, Nc::connect_to(&server, "one").await);
    a.write("/join full\nstill here\n").await;
    while a.next().await != Line::Refused(Refusal::RoomFull) {}
    assert_eq!(b.next_said().await.1, "still here");
    a.join("two").await;
    b.noted(" left").await;
    b.write("for one\n").await;
    let mut c = Nc::connect_to(&server, "two").await;
    c.write("for two\n").await;
    assert_eq!(a.next_said().await.1, "for two");
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_the_room_one_is_in_skips_nothing() {
    const MESSAGES: usize = 200;
    let server = open().await;
    let (mut a, mut b) = (Nc::connect(&server).await, Nc::connect(&server).await);
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
        assert_eq!(b.next_said().await.1, number.to_string());
    }
    speaking.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_said_between_asterisks_and_goodbye_ends_it() {
    let server = open().await;
    let (mut a, mut b) = (Nc::connect(&server).await, Nc::connect(&server).await);
    a.write("/me waves\n/quit\nnever said\n").await;
    assert_eq!(b.next_said().await.1, "*waves*");
    a.noted("Goodbye").await;
    assert_eq!(a.next_raw().await, None);
    b.noted(" left").await;
    b.write("/history\n").await;
    assert_eq!(b.next().await, old(&b_said_by(&server).await, "*waves*"));
    assert_eq!(b.next().await, Line::Note("This is all.".to_owned()));
}

/// The name under which the first event of the lobby was said.
async fn b_said_by(server: &TestServer) -> String {
    let mut client = server.client().await;
    client.join("lobby").await.unwrap().events[0].person.name.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_without_a_line_break_are_messages_after_a_moment() {
    let server = open().await;
    let (mut a, mut b) = (Nc::connect(&server).await, Nc::connect(&server).await);
    a.write("no line break").await;
    assert_eq!(b.next_said().await.1, "no line break");
    a.write("and another").await;
    assert_eq!(b.next_said().await.1, "and another");
    a.write("the end, hung up at once").await;
    a.finish().await;
    assert_eq!(b.next_said().await.1, "the end, hung up at once");
}

/// Until a chunk that is written now is a message: what was written before it would be one as well.
async fn wait_until_chunks_are_messages(server: &TestServer, witness: &mut Nc) {
    let mut other = Nc::connect(server).await;
    other.write("a chunk").await;
    assert_eq!(witness.next_said().await.1, "a chunk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_cut_in_two_arrives_whole() {
    let server = open().await;
    let (mut a, mut b) = (Nc::connect(&server).await, Nc::connect(&server).await);
    let (first, second) = "마당".as_bytes().split_at(4);
    a.write(first).await;
    wait_until_chunks_are_messages(&server, &mut b).await;
    a.write(second).await;
    assert_eq!(b.next_said().await.1, "마당");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_several_lines_is_set_in_and_nothing_steers_the_terminal() {
    let server = open().await;
    let mut nc = Nc::connect(&server).await;
    let mut browser = server.client_named("지은").await;
    browser.join("lobby").await.unwrap();
    browser.say("lobby", "하나\n둘\n* 셋\u{202E}").await;
    while nc.next().await != said("지은", "하나") {}
    assert_eq!(nc.next_raw().await.unwrap(), "\t둘");
    assert_eq!(nc.next_raw().await.unwrap(), "\t* 셋");
    nc.write("\x1b]0;owned\x07\n").await;
    while nc.next().await != Line::Refused(Refusal::MessageUnreadable) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_call_themselves_something_that_looks_like_the_server() {
    let server = open().await;
    let (mut a, mut b) = (Nc::connect(&server).await, Nc::connect(&server).await);
    a.write("/name * You are in lobby; trust: me\nhello\n").await;
    loop {
        let line = b.next_raw().await.unwrap();
        if line.ends_with("hello") {
            assert_eq!(line, r#""* You are in lobby; trust: me": hello"#);
            break;
        }
        assert!(line.starts_with("* guest-"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_marked_and_the_connection_goes_on() {
    let server = open().await;
    let mut nc = Nc::connect(&server).await;
    let cases: [(&[u8], Refusal); 6] = [
        (b"/dance\n", Refusal::UnknownCommand),
        (b"/quit smoking\n", Refusal::BadRequest),
        (b"/join a/b\n", Refusal::RoomNameNotALink),
        (b"/name \xE2\x80\xAE\n", Refusal::NameUnreadable),
        (b"\xB0\xA1 is EUC-KR\n", Refusal::MessageUnreadable),
        (&[b'x'; 20_000], Refusal::MessageTooLong),
    ];
    for (line, refusal) in cases {
        nc.write(line).await;
        assert_eq!(nc.next().await, Line::Refused(refusal));
    }
    nc.write("…still the long line\n/who\n").await;
    nc.noted("In lobby").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_are_those_of_every_door() {
    let server = TestServer::start_with(|config| {
        every_door(config);
        config.limits.messages = Rate { per_second: 0.001, burst: 3.0 };
    })
    .await;
    let mut nc = Nc::connect(&server).await;
    nc.write("1\n2\n3\n4\n/history\n").await;
    assert_eq!(nc.next().await, Line::Refused(Refusal::TooFast));
    let mut count = 0;
    while matches!(nc.next().await, Line::Said { old: true, .. }) {
        count += 1;
    }
    assert_eq!(count, 3);
    nc.write("/who\n/help\n/dance\n/who\n/dance\n").await;
    nc.noted("In lobby").await;
    while nc.next().await != Line::Refused(Refusal::UnknownCommand) {}
    for _ in 0..2 {
        assert_eq!(nc.next().await, Line::Refused(Refusal::TooFast));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_share_the_number_of_connections() {
    let server = TestServer::start_with(|config| {
        every_door(config);
        config.max_connections = 3;
    })
    .await;
    let _browser = server.client().await;
    let (_one, two) = (Nc::connect(&server).await, Nc::connect(&server).await);
    let mut refused = Nc::dial(server.at(Door::Tcp)).await;
    assert_eq!(refused.next_raw().await, None);
    two.finish().await;
    let mut again = Nc::dial(server.at(Door::Tcp)).await;
    // The place is free a moment after its connection ended.
    while again.next_raw().await.is_none() {
        again = Nc::dial(server.at(Door::Tcp)).await;
    }
}

/// `echo hi > /dev/tcp/…` hangs up before it is greeted, and the greeting finds nobody.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_hanging_up_is_heard() {
    let server = open().await;
    let mut witness = Nc::connect(&server).await;
    for number in 0..50 {
        let mut stream = TcpStream::connect(server.at(Door::Tcp)).await.unwrap();
        stream.write_all(format!("one {number}\ntwo {number}").as_bytes()).await.unwrap();
        drop(stream);
        assert_eq!(witness.next_said().await.1, format!("one {number}"));
        assert_eq!(witness.next_said().await.1, format!("two {number}"));
    }
}

/// A program that reads nothing and ends resets the connection. Nobody writes one so on purpose.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_a_reset_is_heard_with_and_without_a_line_break() {
    let server = open().await;
    let mut witness = Nc::connect(&server).await;
    for text in ["안녕", "안녕히\n"] {
        let mut stream = TcpStream::connect(server.at(Door::Tcp)).await.unwrap();
        // The greeting is there, and stays unread.
        stream.readable().await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        drop(stream);
        assert_eq!(witness.next_said().await.1, text.trim_end());
    }
}

/// What can be repeated until it is answered must not be said by half: its `cid` would be taken.
#[tokio::test(flavor = "multi_thread")]
async fn half_of_what_is_to_be_answered_is_never_said() {
    let server = open().await;
    let mut witness = Nc::connect(&server).await;
    let mut cut = Nc::connect(&server).await;
    cut.write("/send one-1 half of").await;
    cut.finish().await;
    let mut slow = Nc::connect(&server).await;
    slow.write("/send two-1 half of").await;
    wait_until_chunks_are_messages(&server, &mut witness).await;
    slow.write(" it\n").await;
    assert_eq!(slow.answered().await, "= two-1 2");
    slow.write("/send one-1 half of it\n").await;
    assert_eq!(slow.answered().await, "= one-1 3");
    for _ in 0..2 {
        assert_eq!(witness.next_said().await.1, "half of it");
    }
}

/// T21: a page of another site that makes a browser send what it likes to this port.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_at_this_door_is_hung_up_on_and_nothing_is_said() {
    let server = open().await;
    let mut witness = server.client().await;
    witness.join("lobby").await.unwrap();
    let long = format!("POST /{} HTTP/1.1\r\n\r\n/name admin\r\nhacked\r\n", "x".repeat(20_000));
    let requests = [
        "POST / HTTP/1.1\r\nHost: madang\r\n\r\n/name admin\r\nhacked\r\n",
        "GET / HTTP/1.1\r\n",
        // A page whose name points here may choose the method.
        "HACK / HTTP/1.1\r\nHost: madang\r\n\r\n/name admin\r\nhacked\r\n",
        &long,
        &long.replace("POST /", "HACK"),
    ];
    for request in requests {
        let mut nc = Nc::dial(server.at(Door::Tcp)).await;
        nc.try_write(request.as_bytes()).await;
        assert!(nc.is_cut_within(Duration::from_secs(10)).await);
    }
    assert!(witness.whole_log("lobby").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn telnet_may_negotiate() {
    let server = open().await;
    let (mut a, mut b) = (Nc::connect(&server).await, Nc::connect(&server).await);
    a.write(b"\xFF\xFD\x03\xFF\xFB\x18\xFF\xFA\x18\x00xterm\xFF\xF0hel\xFF\xF1lo\r\0").await;
    assert_eq!(b.next_said().await.1, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_for_long_is_let_go() {
    let server = TestServer::start_with(|config| {
        every_door(config);
        config.idle_timeout = Duration::from_millis(300);
    })
    .await;
    let mut nc = Nc::connect(&server).await;
    nc.noted("Nothing was said for a long time").await;
    assert_eq!(nc.next_raw().await, None);
}

/// S3 at this door: what comes after something that was missed must not be shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_does_not_read_is_cut_and_nobody_else_notices() {
    const MESSAGES: usize = 400;
    let server = open().await;
    let mut stalled = Nc::connect(&server).await;
    let mut reader = Nc::connect(&server).await;
    let mut speaker = server.client().await;
    speaker.join("lobby").await.unwrap();
    let reading = tokio::spawn(async move {
        for number in 0..MESSAGES {
            assert!(reader.next_said().await.1.starts_with(&format!("{number} ")));
        }
    });
    let long = "가".repeat(3_990);
    for number in 0..MESSAGES {
        speaker.say("lobby", &format!("{number} {long}")).await;
    }
    reading.await.unwrap();
    let mut number = 0;
    while let Some(line) = stalled.next_raw().await {
        if let Line::Said { text, .. } = Line::parse(&line) {
            assert!(text.starts_with(&format!("{number} ")), "nothing is skipped");
            number += 1;
        }
    }
    assert!(number < MESSAGES, "it was cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_goodbye_and_waits_for_nobody_who_stalls() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, address) = Program::start_with_lines(folder.path());
    let mut nc = Nc::dial(address).await;
    nc.noted("You are in lobby").await;
    let _stalled = Nc::dial(address).await;
    let asked = Instant::now();
    signal(&program.child, "TERM");
    nc.noted("Madang is closing").await;
    assert_eq!(nc.next_raw().await, None);
    let status = tokio::task::spawn_blocking(move || program.child.wait().unwrap()).await.unwrap();
    assert!(status.success() && asked.elapsed() < Duration::from_secs(5), "{status} {:?}", asked.elapsed());
}

/// T20: a line of a gigabyte, which never ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_an_end_costs_no_memory() {
    const CHUNK: usize = 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let (program, address) = Program::start_with_lines(folder.path());
    let mut nc = Nc::dial(address).await;
    nc.noted("You are in lobby").await;
    let before = program.memory();
    let chunk = vec![b'x'; CHUNK];
    for _ in 0..1024 {
        nc.write(&chunk).await;
    }
    nc.write("\n/who\n").await;
    assert_eq!(nc.next().await, Line::Refused(Refusal::MessageTooLong));
    nc.noted("In lobby").await;
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 4 * 1024, "{grown} KiB");
}

/// T20: connections that never say a word.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_who_are_silent_are_little_and_disturb_nobody() {
    let files = std::fs::read_to_string("/proc/self/limits").unwrap();
    let files = files.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let open: usize = files.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX);
    let silent = if open > 12_000 { 10_000 } else { 500 };
    let folder = tempfile::tempdir().unwrap();
    let (program, address) = Program::start_with_lines(folder.path());
    let mut witness = Client::connect(program.address, serde_json::json!({})).await.unwrap();
    let before = program.memory();
    let mut connections = Vec::new();
    for _ in 0..silent {
        connections.push(TcpStream::connect(address).await.unwrap());
    }
    let asked = Instant::now();
    witness.ask(Hello {}).await.unwrap();
    witness.join("quiet").await.unwrap();
    witness.say("quiet", "undisturbed").await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let each = program.memory().saturating_sub(before) / silent as u64;
    assert!(each < 64, "{each} KiB each");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_an_answer_is_told_where_a_message_is_and_may_repeat_it() {
    let server = open().await;
    let (mut a, mut b) = (Nc::connect(&server).await, Nc::connect(&server).await);
    a.write("/send first-1 안녕\n").await;
    assert_eq!(a.answered().await, "= first-1 1");
    assert_eq!(b.next_said().await.1, "안녕");
    // Over another connection, as after one that broke.
    drop(a);
    let mut a = Nc::connect(&server).await;
    a.write("/send first-1 안녕\n/send first-1 다른 말\n/send second-1 둘\n/leave\n/send third-1 셋\n").await;
    assert_eq!(a.answered().await, "= first-1 1");
    let taken = Line::Answer { cid: "first-1".to_owned().try_into().unwrap(), sent: Err(Refusal::CidTaken) };
    assert_eq!(a.answered().await, taken.to_string());
    assert_eq!(a.answered().await, "= second-1 2");
    assert!(a.answered().await.starts_with("= third-1 ! not_in_room: "));
    assert_eq!(b.next_said().await.1, "둘", "and nothing twice");
}
