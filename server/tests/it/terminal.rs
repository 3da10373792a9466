//! `madang talk` as somebody at a terminal sees it: a real pseudo terminal, and its screen read back.

use std::process::Command;

use madang::config::Door;
use serde_json::json;

use crate::{
    cli::Home,
    line::{Network, every_door},
    pty::Pty,
    support::{Client, Program, TestServer},
};

const LEFT: &str = "\x1b[D";
const UP: &str = "\x1b[A";
const BACKSPACE: &str = "\x7f";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

fn talk(home: &Home, words: &[&str]) -> Pty {
    let mut command = home.command();
    command.arg("talk").args(words);
    Pty::start(command, 30, 12)
}

/// Opens a conversation of 지은 in the lobby, and waits until it is there.
fn talk_at(home: &Home, to: &str) -> Pty {
    let pty = talk(home, &["--to", to, "--name", "지은"]);
    pty.until_it_ends_with(&["지은>"]);
    pty
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_somebody_else_does_not_tear_the_one_being_typed() {
    let server = TestServer::start_with(every_door).await;
    for door in [Door::Http, Door::Tcp] {
        let mut other = server.client_named("민수").await;
        let room = door.at(server.at(door)).to_string().replace('/', "");
        other.join(&room).await.unwrap();
        let home = Home::new();
        let mut pty = talk(&home, &[&room, "--to", &door.at(server.at(door)).to_string(), "--name", "지은"]);
        pty.until_it_ends_with(&["지은>"]);
        pty.type_in("안녕하세욧");
        pty.until_it_ends_with(&["지은> 안녕하세욧"]);
        // A syllable is two columns wide.
        pty.until_the_cursor_is_in(6 + 10);
        other.say(&room, "끼어들기").await;
        pty.until_it_ends_with(&["민수: 끼어들기", "지은> 안녕하세욧"]);
        pty.type_in(BACKSPACE);
        pty.type_in("요");
        pty.until_it_ends_with(&["민수: 끼어들기", "지은> 안녕하세요"]);
        pty.type_in(&[LEFT, LEFT].concat());
        other.say(&room, "또").await;
        pty.until_it_ends_with(&["민수: 또", "지은> 안녕하세요"]);
        pty.until_the_cursor_is_in(6 + 6);
        pty.type_in("! ");
        pty.until_it_ends_with(&["지은> 안녕하! 세요"]);
        pty.type_in("\r");
        pty.until_it_ends_with(&["민수: 또", "지은: 안녕하! 세요", "지은>"]);
        let heard = loop {
            let event = other.next_event().await.event;
            if event.person.name.as_str() == "지은" {
                break event;
            }
        };
        assert_eq!(heard.what.body().unwrap().as_str(), "안녕하! 세요");
        pty.type_in(UP);
        pty.until_it_ends_with(&["지은> 안녕하! 세요"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_above_the_line() {
    let server = TestServer::start_with(every_door).await;
    let mut other = server.client_named("민수").await;
    other.join("lobby").await.unwrap();
    for door in [Door::Http, Door::Tcp] {
        let home = Home::new();
        let mut pty = talk_at(&home, &door.at(server.at(door)).to_string());
        pty.type_in("/who\r");
        pty.until(|rows| rows.iter().any(|row| row.starts_with("* In lobby ") && row.contains("민수")));
        pty.type_in("/name 김지은\r");
        pty.until_it_ends_with(&["* You are now 김지은.", "김지은>"]);
        pty.type_in("/me 웃는다\r");
        pty.until_it_ends_with(&["김지은: *웃는다*", "김지은>"]);
        pty.type_in("/history 1\r");
        pty.until(|rows| {
            rows.contains(&"> 김지은: *웃는다*".to_owned()) && rows.ends_with(&["김지은>".to_owned()])
        });
        pty.type_in("/dance\r");
        pty.until(|rows| rows.iter().any(|row| row.starts_with("! unknown_command")));
        pty.type_in("/quit\r");
        assert!(pty.finish().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_leaves_the_terminal_as_it_was() {
    let server = TestServer::start().await;
    for keys in [CTRL_C, CTRL_D, "/quit\r", "half a line\x03"] {
        let home = Home::new();
        let mut pty = talk_at(&home, &Door::Http.at(server.address).to_string());
        assert!(!pty.is_as_before());
        pty.type_in(keys);
        assert_eq!(pty.finish().code(), Some(0), "{keys:?}");
        assert!(pty.is_as_before(), "{keys:?}");
        // No prompt is left. What it wrote last may still be on its way to the screen.
        pty.until(|rows| !rows.iter().any(|row| row.contains('>')));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_it_leaves_the_terminal_as_it_was() {
    let server = TestServer::start().await;
    for name in ["TERM", "HUP", "INT", "QUIT"] {
        let home = Home::new();
        let mut pty = talk_at(&home, &Door::Http.at(server.address).to_string());
        assert!(!pty.is_as_before());
        pty.signal(name);
        assert_eq!(pty.finish().code(), Some(0), "{name}");
        assert!(pty.is_as_before(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_shows_and_loses_and_doubles_nothing() {
    for door in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let free = ["http://127.0.0.1:0", "tcp://127.0.0.1:0"];
        let (mut server, at) = Program::start_at(quiet(), folder.path(), &free);
        let doors = [format!("http://{}", at[0]), format!("tcp://{}", at[1])];
        let home = Home::new();
        let mut pty = talk_at(&home, &doors[door]);
        pty.type_in("before\r");
        pty.until_it_ends_with(&["지은: before", "지은>"]);
        server.kill();
        pty.until_it_ends_with(&["지은 (offline)>"]);
        pty.type_in("하나\r둘\r셋");
        pty.until_it_ends_with(&["… 하나", "… 둘", "지은 (offline)> 셋"]);
        let (_server, _) = Program::start_at(quiet(), folder.path(), &[&doors[0], &doors[1]]);
        let mut other = Client::connect(at[0], json!({ "name": "민수" })).await.unwrap();
        other.join("lobby").await.unwrap();
        other.say("lobby", "다시").await;
        let shown = ["지은: before", "지은: 하나", "지은: 둘", "민수: 다시", "* Connected again."];
        pty.until(|rows| {
            rows.ends_with(&["지은> 셋".to_owned()])
                && !rows.iter().any(|row| row.starts_with('…'))
                && shown.iter().all(|text| rows.iter().any(|row| row == text))
        });
        let texts: Vec<String> = other.whole_log("lobby").await.into_iter().map(|(_, text)| text).collect();
        let rows = pty.rows();
        for text in ["before", "하나", "둘", "다시"] {
            assert_eq!(texts.iter().filter(|said| *said == text).count(), 1, "{text} in {texts:?}");
        }
        for text in shown {
            assert_eq!(rows.iter().filter(|row| *row == text).count(), 1, "{text} in {rows:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_outlasts_the_connection() {
    for door in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let free = ["http://127.0.0.1:0", "tcp://127.0.0.1:0"];
        let (mut server, at) = Program::start_at(quiet(), folder.path(), &free);
        let doors = [format!("http://{}", at[0]), format!("tcp://{}", at[1])];
        let home = Home::new();
        let mut pty = talk_at(&home, &doors[door]);
        // Over HTTP there is no stream of a room in which nobody has said anything.
        pty.type_in("안녕\r");
        pty.until_it_ends_with(&["지은: 안녕", "지은>"]);
        pty.type_in("/name 김지은\r");
        pty.until_it_ends_with(&["* You are now 김지은.", "김지은>"]);
        server.kill();
        pty.until_it_ends_with(&["김지은 (offline)>"]);
        pty.type_in("/who\r");
        // Over HTTP the prompt has said it already.
        pty.until(|rows| door == 0 || rows.iter().any(|row| row.starts_with("! unavailable")));
        pty.until_it_ends_with(&["김지은 (offline)>"]);
        let (_server, _) = Program::start_at(quiet(), folder.path(), &[&doors[0], &doors[1]]);
        pty.until_it_ends_with(&["* Connected again.", "김지은>"]);
    }
}

/// The answer to a message is lost with the connection, and others say something before it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_was_lost_is_shown_once_and_in_its_place() {
    let server = TestServer::start_with(every_door).await;
    let mut other = server.client_named("민수").await;
    other.join("lobby").await.unwrap();
    let network = Network::to(server.at(Door::Tcp), false, true).await;
    let home = Home::new();
    let mut pty = talk_at(&home, &format!("tcp://{}", network.address));
    pty.type_in("하나\r");
    network.broken.await.unwrap();
    other.say("lobby", "둘").await;
    pty.until(|rows| rows.contains(&"* Connected again.".to_owned()));
    pty.type_in("셋\r");
    pty.until(|rows| rows.contains(&"지은: 셋".to_owned()));
    let mut said = pty.rows();
    said.retain(|row| row.starts_with("지은: ") || row.starts_with("민수: "));
    assert_eq!(said, ["지은: 하나", "민수: 둘", "지은: 셋"]);
}

fn quiet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.args(["--log", "error"]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_shown_as_not_sent_with_the_reason() {
    let server = TestServer::start().await;
    let mut owner = server.client_named("민수").await;
    let home = Home::new();
    let to = Door::Http.at(server.address).to_string();
    let mut pty = talk(&home, &["r", "--to", &to, "--name", "지은"]);
    pty.until_it_ends_with(&["지은>"]);
    // Whoever opens a room with seats decides who sits there.
    owner.ask_raw("join", &json!({ "room": "r", "seats": 1 })).await;
    pty.type_in("안녕\r");
    pty.until(|rows| rows.iter().any(|row| row == "✗ 안녕"));
    pty.until(|rows| {
        rows.iter().any(|row| row.starts_with("! room_full") || row.starts_with("! not_in_room"))
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_told_what_was_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, at) = Program::start_at(quiet(), folder.path(), &["http://127.0.0.1:0"]);
    let home = Home::new();
    let mut pty = talk_at(&home, &format!("http://{}", at[0]));
    server.kill();
    pty.type_in("하나\r둘\r");
    pty.until_it_ends_with(&["… 하나", "… 둘", "지은 (offline)>"]);
    pty.type_in(CTRL_D);
    assert_eq!(pty.finish().code(), Some(1));
    pty.until_it_ends_with(&["madang: 2 messages were not delivered"]);
    assert!(pty.is_as_before());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_have_colours_unless_somebody_minds() {
    let server = TestServer::start().await;
    let mut other = server.client_named("민수").await;
    other.join("lobby").await.unwrap();
    other.say("lobby", "말").await;
    let to = Door::Http.at(server.address).to_string();
    let cases: &[(&[&str], &str, bool)] = &[
        (&[], "", true),
        (&[], "1", false),
        (&["--color", "always"], "1", true),
        (&["--color", "never"], "", false),
    ];
    for (words, no_color, colors) in cases {
        let home = Home::new();
        let mut command = home.command();
        command.args(["talk", "--to", &to, "--name", "지은"]).args(*words).env("NO_COLOR", no_color);
        let pty = Pty::start(command, 30, 12);
        pty.until_it_ends_with(&["* You are in lobby; /help tells more.", "지은>"]);
        assert_eq!(pty.rows()[0], "> 민수: 말");
        let is_color =
            |part: &str| part.split_once('m').is_some_and(|(style, _)| style.parse::<u8>().is_ok());
        assert_eq!(pty.bytes().split("\x1b[").skip(1).any(is_color), *colors, "{words:?} {no_color:?}");
    }
}
