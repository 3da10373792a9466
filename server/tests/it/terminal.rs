//! `madang talk` in a real pseudo terminal, whose screen is read back.

use std::process::Command;

use madang::config::Transport;
use serde_json::json;

use crate::{
    cli::CliHome,
    harness::{Client, ServerProcess, TestServer},
    line_client::{BreakingProxy, all_transports},
    pty::Pty,
};

const LEFT: &str = "\x1b[D";
const UP: &str = "\x1b[A";
const BACKSPACE: &str = "\x7f";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

fn talk(home: &CliHome, words: &[&str]) -> Pty {
    let mut command = home.command();
    command.arg("talk").args(words);
    Pty::start(command, 30, 12)
}

/// Starts `madang talk` as 지은 in the lobby, and waits for its prompt.
fn talk_at(home: &CliHome, to: &str) -> Pty {
    let pty = talk(home, &["--to", to, "--name", "지은"]);
    pty.wait_until_screen_ends_with(&["지은>"]);
    pty
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incoming_message_does_not_break_the_line_being_typed() {
    let server = TestServer::start_with(all_transports).await;
    for transport in [Transport::Http, Transport::Tcp] {
        let mut other = server.client_named("민수").await;
        let room = transport.at(server.address_of(transport)).to_string().replace('/', "");
        other.join(&room).await.unwrap();
        let home = CliHome::new();
        let mut pty = talk(
            &home,
            &[&room, "--to", &transport.at(server.address_of(transport)).to_string(), "--name", "지은"],
        );
        pty.wait_until_screen_ends_with(&["지은>"]);
        pty.type_in("안녕하세욧");
        pty.wait_until_screen_ends_with(&["지은> 안녕하세욧"]);
        // A syllable is two columns wide.
        pty.wait_until_cursor_in_column(6 + 10);
        other.send_message(&room, "끼어들기").await;
        pty.wait_until_screen_ends_with(&["민수 (owner, guest): 끼어들기", "지은> 안녕하세욧"]);
        pty.type_in(BACKSPACE);
        pty.type_in("요");
        pty.wait_until_screen_ends_with(&["민수 (owner, guest): 끼어들기", "지은> 안녕하세요"]);
        pty.type_in(&[LEFT, LEFT].concat());
        other.send_message(&room, "또").await;
        pty.wait_until_screen_ends_with(&["민수 (owner, guest): 또", "지은> 안녕하세요"]);
        pty.wait_until_cursor_in_column(6 + 6);
        pty.type_in("! ");
        pty.wait_until_screen_ends_with(&["지은> 안녕하! 세요"]);
        pty.type_in("\r");
        pty.wait_until_screen_ends_with(&["민수 (owner, guest): 또", "지은: 안녕하! 세요", "지은>"]);
        let heard = loop {
            let event = other.next_event().await.event;
            if event.person.name.as_str() == "지은" {
                break event;
            }
        };
        assert_eq!(heard.kind.body().unwrap().as_str(), "안녕하! 세요");
        pty.type_in(UP);
        pty.wait_until_screen_ends_with(&["지은> 안녕하! 세요"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_above_the_prompt() {
    let server = TestServer::start_with(all_transports).await;
    let mut other = server.client_named("민수").await;
    other.join("lobby").await.unwrap();
    for transport in [Transport::Http, Transport::Tcp] {
        let home = CliHome::new();
        let mut pty = talk_at(&home, &transport.at(server.address_of(transport)).to_string());
        pty.type_in("/who\r");
        pty.wait_until(|rows| rows.iter().any(|row| row.starts_with("* In lobby ") && row.contains("민수")));
        pty.type_in("/name 김지은\r");
        pty.wait_until_screen_ends_with(&["* You are now 김지은.", "김지은>"]);
        pty.type_in("/me 웃는다\r");
        pty.wait_until_screen_ends_with(&["김지은: *웃는다*", "김지은>"]);
        pty.type_in("/history 1\r");
        pty.wait_until(|rows| {
            rows.iter().any(|row| row.starts_with("> 김지은 (") && row.ends_with("): *웃는다*"))
                && rows.ends_with(&["김지은>".to_owned()])
        });
        pty.type_in("/dance\r");
        pty.wait_until(|rows| rows.iter().any(|row| row.starts_with("! unknown_command")));
        pty.type_in("/quit\r");
        assert!(pty.wait_for_exit().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quitting_restores_the_terminal() {
    let server = TestServer::start().await;
    for keys in [CTRL_C, CTRL_D, "/quit\r", "half a line\x03"] {
        let home = CliHome::new();
        let mut pty = talk_at(&home, &Transport::Http.at(server.address).to_string());
        assert!(!pty.is_restored());
        pty.type_in(keys);
        assert_eq!(pty.wait_for_exit().code(), Some(0), "{keys:?}");
        assert!(pty.is_restored(), "{keys:?}");
        // No prompt is left. The last output may still be on its way to the screen.
        pty.wait_until(|rows| !rows.iter().any(|row| row.contains('>')));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signal_restores_the_terminal() {
    let server = TestServer::start().await;
    for name in ["TERM", "HUP", "INT", "QUIT"] {
        let home = CliHome::new();
        let mut pty = talk_at(&home, &Transport::Http.at(server.address).to_string());
        assert!(!pty.is_restored());
        pty.signal(name);
        assert_eq!(pty.wait_for_exit().code(), Some(0), "{name}");
        assert!(pty.is_restored(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_kill_loses_no_message_and_shows_none_twice() {
    for transport in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let free = ["http://127.0.0.1:0", "tcp://127.0.0.1:0"];
        let (mut server, at) = ServerProcess::start_with_all_listeners(quiet(), folder.path(), &free);
        let urls = [format!("http://{}", at[0]), format!("tcp://{}", at[1])];
        let home = CliHome::new();
        let mut pty = talk_at(&home, &urls[transport]);
        pty.type_in("before\r");
        pty.wait_until_screen_ends_with(&["지은: before", "지은>"]);
        server.kill();
        pty.wait_until_screen_ends_with(&["지은 (offline)>"]);
        pty.type_in("하나\r둘\r셋");
        pty.wait_until_screen_ends_with(&["… 하나", "… 둘", "지은 (offline)> 셋"]);
        let (_server, _) =
            ServerProcess::start_with_all_listeners(quiet(), folder.path(), &[&urls[0], &urls[1]]);
        let mut other = Client::connect(at[0], json!({ "name": "민수" })).await.unwrap();
        other.join("lobby").await.unwrap();
        other.send_message("lobby", "다시").await;
        let shown = ["지은: before", "지은: 하나", "지은: 둘", "민수 (guest): 다시", "* Connected again."];
        pty.wait_until(|rows| {
            rows.ends_with(&["지은> 셋".to_owned()])
                && !rows.iter().any(|row| row.starts_with('…'))
                && shown.iter().all(|text| rows.iter().any(|row| row == text))
        });
        let texts: Vec<String> = other.whole_log("lobby").await.into_iter().map(|(_, text)| text).collect();
        let rows = pty.rows();
        for text in ["before", "하나", "둘", "다시"] {
            assert_eq!(texts.iter().filter(|stored| *stored == text).count(), 1, "{text} in {texts:?}");
        }
        for text in shown {
            assert_eq!(rows.iter().filter(|row| *row == text).count(), 1, "{text} in {rows:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_survives_a_reconnect() {
    for transport in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let free = ["http://127.0.0.1:0", "tcp://127.0.0.1:0"];
        let (mut server, at) = ServerProcess::start_with_all_listeners(quiet(), folder.path(), &free);
        let urls = [format!("http://{}", at[0]), format!("tcp://{}", at[1])];
        let home = CliHome::new();
        let mut pty = talk_at(&home, &urls[transport]);
        // Over HTTP a room has no stream before its first message.
        pty.type_in("안녕\r");
        pty.wait_until_screen_ends_with(&["지은: 안녕", "지은>"]);
        pty.type_in("/name 김지은\r");
        pty.wait_until_screen_ends_with(&["* You are now 김지은.", "김지은>"]);
        server.kill();
        pty.wait_until_screen_ends_with(&["김지은 (offline)>"]);
        pty.type_in("/who\r");
        // Over HTTP only the prompt shows it.
        pty.wait_until(|rows| transport == 0 || rows.iter().any(|row| row.starts_with("! unavailable")));
        pty.wait_until_screen_ends_with(&["김지은 (offline)>"]);
        let (_server, _) =
            ServerProcess::start_with_all_listeners(quiet(), folder.path(), &[&urls[0], &urls[1]]);
        pty.wait_until_screen_ends_with(&["* Connected again.", "김지은>"]);
    }
}

/// The reply to a message is lost with the connection, and another message arrives before the reconnect.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_reply_was_lost_is_shown_once_and_in_order() {
    let server = TestServer::start_with(all_transports).await;
    let mut other = server.client_named("민수").await;
    other.join("lobby").await.unwrap();
    let proxy = BreakingProxy::start(server.address_of(Transport::Tcp), false, true).await;
    let home = CliHome::new();
    let mut pty = talk_at(&home, &format!("tcp://{}", proxy.address));
    pty.type_in("하나\r");
    proxy.broken.await.unwrap();
    other.send_message("lobby", "둘").await;
    pty.wait_until(|rows| rows.contains(&"* Connected again.".to_owned()));
    pty.type_in("셋\r");
    pty.wait_until(|rows| rows.contains(&"지은: 셋".to_owned()));
    let mut messages = pty.rows();
    messages.retain(|row| row.starts_with("지은: ") || row.starts_with("민수 (guest): "));
    assert_eq!(messages, ["지은: 하나", "민수 (guest): 둘", "지은: 셋"]);
}

fn quiet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.args(["--log", "error"]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_is_shown_as_not_sent_with_the_reason() {
    let server = TestServer::start().await;
    let mut owner = server.client_named("민수").await;
    let home = CliHome::new();
    let to = Transport::Http.at(server.address).to_string();
    let mut pty = talk(&home, &["r", "--to", &to, "--name", "지은"]);
    pty.wait_until_screen_ends_with(&["지은>"]);
    // The first person in a room sets its seats.
    owner.request_raw("join", &json!({ "room": "r", "seats": 1 })).await;
    pty.type_in("안녕\r");
    pty.wait_until(|rows| rows.iter().any(|row| row == "✗ 안녕"));
    pty.wait_until(|rows| {
        rows.iter().any(|row| row.starts_with("! room_full") || row.starts_with("! not_in_room"))
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn quitting_reports_undelivered_messages() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, at) =
        ServerProcess::start_with_all_listeners(quiet(), folder.path(), &["http://127.0.0.1:0"]);
    let home = CliHome::new();
    let mut pty = talk_at(&home, &format!("http://{}", at[0]));
    server.kill();
    pty.type_in("하나\r둘\r");
    pty.wait_until_screen_ends_with(&["… 하나", "… 둘", "지은 (offline)>"]);
    pty.type_in(CTRL_D);
    assert_eq!(pty.wait_for_exit().code(), Some(1));
    pty.wait_until_screen_ends_with(&["madang: 2 messages were not delivered"]);
    assert!(pty.is_restored());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_coloured_unless_colours_are_off() {
    let server = TestServer::start().await;
    let mut other = server.client_named("민수").await;
    other.join("lobby").await.unwrap();
    other.send_message("lobby", "말").await;
    let to = Transport::Http.at(server.address).to_string();
    let cases: &[(&[&str], &str, bool)] = &[
        (&[], "", true),
        (&[], "1", false),
        (&["--color", "always"], "1", true),
        (&["--color", "never"], "", false),
    ];
    for (words, no_color, colors) in cases {
        let home = CliHome::new();
        let mut command = home.command();
        command.args(["talk", "--to", &to, "--name", "지은"]).args(*words).env("NO_COLOR", no_color);
        let pty = Pty::start(command, 30, 12);
        pty.wait_until_screen_ends_with(&["* You are in lobby; /help tells more.", "지은>"]);
        assert_eq!(pty.rows()[0], "> 민수 (guest): 말");
        let is_color =
            |part: &str| part.split_once('m').is_some_and(|(style, _)| style.parse::<u8>().is_ok());
        assert_eq!(pty.output().split("\x1b[").skip(1).any(is_color), *colors, "{words:?} {no_color:?}");
    }
}
