//! `madang send` and `madang talk` through pipes: the real program against a real server.

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command as Start, Output, Stdio},
};

use common::{protocol::command::Join, refusal::Refusal, room::Seats};
use madang::{
    chat::limits::Rate,
    config::{Config, Transport, UdpKey},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{
    harness::{Client, ServerProcess, TIMEOUT, TestServer, room},
    line_client::{BreakingProxy, LineClient, all_transports},
};

const KEY: &str = "a-key-that-nobody-guesses";

/// A home folder: a place for the token, and no environment variables that matter.
pub(crate) struct CliHome(TempDir);

impl CliHome {
    pub(crate) fn new() -> CliHome {
        CliHome(tempfile::tempdir().unwrap())
    }

    pub(crate) fn command(&self) -> Start {
        let mut command = Start::new(env!("CARGO_BIN_EXE_madang"));
        for name in ["NO_COLOR", "MADANG_TOKEN", "MADANG_UDP_KEY"] {
            command.env_remove(name);
        }
        command.env("XDG_STATE_HOME", self.0.path()).env("TERM", "xterm");
        command
    }

    /// Starts `madang` with these arguments and pipes.
    fn start(&self, words: &[&str]) -> Child {
        let mut command = Command::from(self.command());
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn().unwrap()
    }

    /// Starts `madang talk`, and returns once it receives every new message.
    pub(crate) async fn start_talk(&self, room: &str, to: &str) -> TalkSession {
        let mut talk = self.start(&["talk", room, "--to", to]);
        let mut input = talk.stdin.take().unwrap();
        // Once `/who` is answered, it has joined.
        input.write_all(b"/who\n").await.unwrap();
        let mut notes = BufReader::new(talk.stderr.take().unwrap()).lines();
        while !notes.next_line().await.unwrap().unwrap().starts_with("* In ") {}
        let output_lines = BufReader::new(talk.stdout.take().unwrap()).lines();
        TalkSession { talk, _input: input, output_lines, notes }
    }

    /// Runs it to its end with this input.
    pub(crate) async fn run(&self, words: &[&str], input: impl AsRef<[u8]>) -> Output {
        let mut child = self.start(words);
        // Fails if the program has ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_ref()).await;
        timeout(TIMEOUT, child.wait_with_output()).await.expect("it does not end").unwrap()
    }
}

/// A running `madang talk`.
pub(crate) struct TalkSession {
    talk: Child,
    /// Closing it ends the conversation.
    _input: ChildStdin,
    pub(crate) output_lines: Lines<BufReader<ChildStdout>>,
    notes: Lines<BufReader<ChildStderr>>,
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn url(server: &TestServer, transport: Transport) -> String {
    transport.at(server.address_of(transport)).to_string()
}

/// All transports, UDP with a key.
fn with_key(config: &mut Config) {
    all_transports(config);
    config.udp_key = Some(UdpKey::parse(KEY.to_owned()).unwrap());
}

/// Returns the texts in a room's log.
async fn log(address: SocketAddr, room: &str) -> Vec<String> {
    let mut reader = Client::connect(address, json!({})).await.unwrap();
    reader.join(room).await.unwrap();
    reader.whole_log(room).await.into_iter().map(|(_, text)| text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_messages_are_stored_when_the_program_exits() {
    let server = TestServer::start_with(all_transports).await;
    let home = CliHome::new();
    for transport in [Transport::Http, Transport::Tcp] {
        let to = url(&server, transport);
        let room = to.replace('/', "");
        let one =
            home.run(&["send", "--to", &to, "--room", &room, "--name", "빌드", "build", "green"], "").await;
        assert_eq!((one.status.code(), stderr(&one)), (Some(0), String::new()));
        let many = home.run(&["send", "--to", &to, "--room", &room], "하나\r\n\n/둘\n셋").await;
        assert_eq!((many.status.code(), stderr(&many)), (Some(0), String::new()));
        assert_eq!(log(server.address, &room).await, ["build green", "하나", "/둘", "셋"]);
        let mut reader = server.client().await;
        let joined = reader.join(&room).await.unwrap();
        assert_eq!(joined.events[0].person.name.as_str(), "빌드");
        assert_eq!(joined.events[1].person.name, joined.events[3].person.name, "one run has one name");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_written_on_windows_can_be_sent() {
    let server = TestServer::start_with(all_transports).await;
    let home = CliHome::new();
    let text = "\u{FEFF}하나\r\n/둘\r\n";
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for transport in [Transport::Http, Transport::Tcp, Transport::Udp] {
        let to = url(&server, transport);
        let room = to.replace('/', "");
        for input in [text.as_bytes(), &utf_16] {
            let sent = home.run(&["send", "--to", &to, "--room", &room], input).await;
            assert_eq!(sent.status.code(), Some(0), "{}", stderr(&sent));
        }
        let mut reader = server.client().await;
        // Nobody confirms a datagram.
        while reader.join(&room).await.unwrap().last.0 < 4 {}
        assert_eq!(log(server.address, &room).await, ["하나", "/둘", "하나", "/둘"]);
    }
    for transport in [Transport::Http, Transport::Tcp] {
        let talk = ["talk", "talked", "--to", &url(&server, transport)];
        assert_eq!(home.run(&talk, "\u{FEFF}/me 손을 흔들어요\r\n").await.status.code(), Some(0));
    }
    assert_eq!(log(server.address, "talked").await, ["*손을 흔들어요*"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_sends_to_another_room_is_not_seen_in_the_lobby() {
    let server = TestServer::start_with(all_transports).await;
    let mut witness = LineClient::connect(&server).await;
    let home = CliHome::new();
    let words = ["send", "--to", &url(&server, Transport::Tcp), "--room", "deploys", "build", "green"];
    assert_eq!(home.run(&words, "").await.status.code(), Some(0));
    server.client_named("지은").await.join("lobby").await.unwrap();
    assert_eq!(witness.wait_for_note(" came").await, "지은 (guest) came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_is_signed_and_not_confirmed() {
    let server = TestServer::start_with(with_key).await;
    let mut reader = server.client().await;
    reader.join("deploys").await.unwrap();
    let home = CliHome::new();
    let to = url(&server, Transport::Udp);
    let words = ["send", "--to", &to, "--room", "deploys", "--name", "build bot", "--udp-key", KEY];
    let sent = home.run(&words, "/to the moon\nbuild green\n").await;
    assert_eq!(sent.status.code(), Some(0));
    assert_eq!(stderr(&sent), "madang: sent; nobody confirms that a datagram arrived\n");
    for text in ["/to the moon", "build green"] {
        let event = reader.next_event().await.event;
        assert_eq!((event.kind.body().unwrap().as_str(), event.person.name.as_str()), (text, "build bot"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undelivered_message_prints_one_sentence_and_exits_with_1() {
    let server = TestServer::start_with(all_transports).await;
    let home = CliHome::new();
    // A port that was free a moment ago.
    let closed_address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for transport in ["http", "tcp"] {
        let to = format!("{transport}://{closed_address}");
        let lost = home.run(&["send", "--to", &to, "--timeout", "1", "hello"], "").await;
        let sentence =
            format!("madang: not delivered: connecting to {to}: Connection refused (os error 111)\n");
        assert_eq!((lost.status.code(), stderr(&lost)), (Some(1), sentence));
        let lost = home.run(&["talk", "--to", &to, "--timeout", "1"], "hello\nagain\n").await;
        assert_eq!(lost.status.code(), Some(1));
        assert!(stderr(&lost).starts_with("madang: line 1 was not delivered: "), "{}", stderr(&lost));
    }
    let lost = home.run(&["send", "--to", &format!("udp://{closed_address}"), "hello"], "").await;
    assert_eq!(
        (lost.status.code(), stderr(&lost)),
        (Some(1), format!("madang: nobody listens at udp://{closed_address}\n"))
    );

    let long = "글".repeat(5_000);
    for transport in [Transport::Http, Transport::Tcp] {
        let to = url(&server, transport);
        let some = home
            .run(&["send", "--to", &to, "--room", &to.replace('/', "")], &format!("a\n{long}\nb\n"))
            .await;
        assert_eq!(some.status.code(), Some(1));
        let sentences = "madang: line 2 was not delivered: A message has at most 4,000 characters and 16 KiB.\n\
            madang: 1 message was not delivered\n";
        assert_eq!(stderr(&some), sentences);
        assert_eq!(
            log(server.address, &to.replace('/', "")).await,
            ["a", "b"],
            "the others are sent all the same"
        );
    }
}

/// Over HTTP, guests together may send twenty times as much as one connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_refused_until_the_timeout_prints_the_reason() {
    let server = TestServer::start_with(|config| {
        all_transports(config);
        config.limits.messages = Rate { per_second: 0.001, burst: 1.0 };
    })
    .await;
    let home = CliHome::new();
    let sentence = Refusal::TooFast.sentence();
    for transport in [Transport::Http, Transport::Tcp] {
        let to = url(&server, transport);
        let lines = "a line\n".repeat(21);
        let sent = home.run(&["send", "--to", &to, "--timeout", "1"], &lines).await;
        let expected = format!("madang: not delivered: {sentence}\n");
        assert_eq!((sent.status.code(), stderr(&sent)), (Some(1), expected));
        let talked = home.run(&["talk", "--to", &to, "--timeout", "1"], &lines).await;
        let expected = format!("madang: line 2 was not delivered: {sentence}\n");
        assert_eq!((talked.status.code(), stderr(&talked)), (Some(1), expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_seats_tells_http_clients_to_use_tcp() {
    let server = TestServer::start_with(all_transports).await;
    let mut owner = server.client().await;
    owner.request(Join { seats: Some(Seats::TWO), ..Join::new(room("둘")) }).await.unwrap();
    let home = CliHome::new();
    let sentence = "The seats of this room are limited, and over HTTP nobody takes one; \
        come in with --to tcp://HOST:PORT.";
    let by_http = url(&server, Transport::Http);
    for (words, before) in [(&["send", "--room", "둘"][..], "not delivered: "), (&["talk", "둘"], "")] {
        let refused = home.run(&[words, &["--to", &by_http]].concat(), "안녕\n").await;
        assert_eq!(
            (refused.status.code(), stderr(&refused)),
            (Some(1), format!("madang: {before}{sentence}\n"))
        );
        let taken = home.run(&[words, &["--to", &url(&server, Transport::Tcp)]].concat(), "안녕\n").await;
        assert_eq!((taken.status.code(), stderr(&taken)), (Some(0), String::new()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_command_line_prints_one_sentence_and_exits_with_2() {
    let home = CliHome::new();
    let cases: &[(&[&str], &str)] = &[
        (&["send", "--frobnicate", "x"], "unexpected argument '--frobnicate' found"),
        (&["send", "--to", "https://chat.example.com", "x"], "https is not supported yet"),
        (&["send", "--room", "a/b", "x"], "A room name is part of a link"),
        (&["send", "--token", "a b", "x"], "it holds something else than letters"),
        (&["talk", "--to", "udp://127.0.0.1:3000"], "nobody answers a datagram; madang send speaks udp"),
        (
            &["send", "--to", "tcp://127.0.0.1:3001", "--token", "t", "x"],
            "knows no tokens; --token is for http",
        ),
        (
            &["send", "--to", "udp://127.0.0.1:3000", "--token", "t", "x"],
            "knows no tokens; --token is for http",
        ),
        (&["talk", "--to", "tcp://127.0.0.1:3001", "--token", "t"], "knows no tokens; --token is for http"),
        (&["send", "--to", "udp://10.1.2.3:3000", "x"], "hears only what is signed: give MADANG_UDP_KEY"),
        (&["talk", "--color", "green"], "invalid value 'green' for '--color <WHEN>'"),
        (&["talk", "--name", "\u{200b}"], "A name may not hold"),
    ];
    for (words, part) in cases {
        let refused = home.run(words, "").await;
        assert_eq!(refused.status.code(), Some(2), "{words:?}");
        let sentence = stderr(&refused);
        assert!(sentence.starts_with("madang: ") && sentence.contains(part), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_pipe_is_sent_and_acknowledged_before_the_end() {
    let server = TestServer::start_with(all_transports).await;
    let home = CliHome::new();
    for (transport, room) in [(Transport::Http, "by http"), (Transport::Tcp, "by tcp")] {
        let to = url(&server, transport);
        let input = "hi\n/me 손을 흔든다\n//usr/bin\n/who\n";
        let talked = home.run(&["talk", room, "--to", &to, "--name", "지은"], input).await;
        assert_eq!(talked.status.code(), Some(0), "{}", stderr(&talked));
        assert_eq!(String::from_utf8_lossy(&talked.stdout), "", "what one says oneself is no news");
        assert!(stderr(&talked).starts_with(&format!("* In \"{room}\" nobody ")), "{}", stderr(&talked));
        assert_eq!(log(server.address, room).await, ["hi", "*손을 흔든다*", "/usr/bin"]);
        let refused = home.run(&["talk", room, "--to", &to], "/dance\nend\n").await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains("line 1 was not delivered: This server knows no such command."));
        assert_eq!(log(server.address, room).await.last().unwrap(), "end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn talk_streams_line_by_line_and_ends_quietly_when_its_output_is_closed() {
    let server = TestServer::start_with(all_transports).await;
    let mut speaker = server.client_named("민수").await;
    speaker.join("lobby").await.unwrap();
    speaker.send_message("lobby", "before anybody listened").await;
    let home = CliHome::new();
    for transport in [Transport::Http, Transport::Tcp] {
        let TalkSession { mut talk, _input, mut output_lines, mut notes } =
            home.start_talk("lobby", &url(&server, transport)).await;
        // The test's cid is made from the text, so an equal text would be the same message.
        let transport = transport.at(server.address);
        for text in [format!("deploy {transport}"), format!("두 줄\n{transport}")] {
            speaker.send_message("lobby", &text).await;
            for line in text.split('\n').enumerate() {
                let expected =
                    if line.0 == 0 { format!("민수 (guest): {}", line.1) } else { format!("\t{}", line.1) };
                let line = timeout(TIMEOUT, output_lines.next_line()).await.expect("it is not told at once");
                assert_eq!(line.unwrap().unwrap(), expected);
            }
        }
        drop(output_lines);
        let mut ended = Box::pin(talk.wait());
        let mut count = 0..;
        let status = loop {
            // The cid is made from the beginning of the text, so the number has to come first.
            speaker.send_message("lobby", &format!("{:?} to nobody {transport}", count.next())).await;
            if let Ok(status) = timeout(TIMEOUT / 400, &mut ended).await {
                break status.unwrap();
            }
        };
        assert_eq!(status.code(), Some(0), "a closed pipe is no failure");
        drop(ended);
        assert_eq!(notes.next_line().await.unwrap(), None, "and nothing is said about it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_kills_lose_no_line_and_duplicate_none() {
    const LINES: usize = 400;
    let home = CliHome::new();
    for transport in ["http", "tcp"] {
        let folder = tempfile::tempdir().unwrap();
        let free = ["http://127.0.0.1:0", "tcp://127.0.0.1:0"];
        let (mut server, addresses) = ServerProcess::start_with_all_listeners(quiet(), folder.path(), &free);
        let urls = [format!("http://{}", addresses[0]), format!("tcp://{}", addresses[1])];
        let to = urls.iter().find(|url| url.starts_with(transport)).unwrap();

        let mut listener = home.start_talk("r", &urls[0]).await;
        let output_lines = &mut listener.output_lines;
        let mut sending =
            home.start(&["send", "--room", "r", "--to", to, "--timeout", "60", "--name", "보내는 이"]);
        let mut talk = home.start(&["talk", "r", "--to", to, "--timeout", "60", "--name", "말하는 이"]);
        let mut inputs = [sending.stdin.take().unwrap(), talk.stdin.take().unwrap()];
        let writing = tokio::spawn(async move {
            for number in 0..LINES {
                for (sender, input) in inputs.iter_mut().enumerate() {
                    input.write_all(format!("{sender} {number}\n").as_bytes()).await.unwrap();
                }
            }
        });
        let mut received = Vec::new();
        for kill in 1..=3 {
            while received.len() < kill * LINES / 3 {
                received.push(
                    timeout(TIMEOUT, output_lines.next_line()).await.expect("silence").unwrap().unwrap(),
                );
            }
            server.kill();
            (server, _) =
                ServerProcess::start_with_all_listeners(quiet(), folder.path(), &[&urls[0], &urls[1]]);
        }
        writing.await.unwrap();
        // A slow machine may still be printing.
        while received.len() < 2 * LINES {
            received
                .push(timeout(TIMEOUT, output_lines.next_line()).await.expect("silence").unwrap().unwrap());
        }
        for program in [sending, talk] {
            let ended = timeout(TIMEOUT, program.wait_with_output()).await.expect("it does not end").unwrap();
            assert_eq!(ended.status.code(), Some(0), "{}", stderr(&ended));
        }
        let stored = log(server.address, "r").await;
        for sender in 0..2 {
            let mine: Vec<&String> =
                stored.iter().filter(|line| line.starts_with(&format!("{sender} "))).collect();
            let all: Vec<String> = (0..LINES).map(|number| format!("{sender} {number}")).collect();
            assert_eq!(mine, all.iter().collect::<Vec<_>>(), "over {transport}");
        }
        let received: Vec<&str> =
            received.iter().filter_map(|line| line.split_once("): ")).map(|(_, text)| text).collect();
        assert_eq!(received, stored, "who listened over HTTP heard it all, in the order of the log");
    }
}

/// The input ends after the last message was acknowledged and the server has gone.
#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_acknowledgement_the_program_does_not_wait_for_a_dead_server() {
    let server = TestServer::start_with(all_transports).await;
    let home = CliHome::new();
    for words in [&["send", "--room", "r"][..], &["talk", "r"]] {
        let proxy = BreakingProxy::start(server.address_of(Transport::Tcp), true, false).await;
        let to = format!("tcp://{}", proxy.address);
        let mut talk = home.start(&[words, &["--to", &to]].concat());
        let mut input = talk.stdin.take().unwrap();
        input.write_all(b"hi\n").await.unwrap();
        proxy.broken.await.unwrap();
        drop(input);
        let ended = timeout(TIMEOUT, talk.wait_with_output()).await.expect("it does not end").unwrap();
        assert_eq!((ended.status.code(), stderr(&ended)), (Some(0), String::new()), "{words:?}");
    }
    assert_eq!(log(server.address, "r").await, ["hi", "hi"]);
}

/// The server was never there, and there is nothing to send.
#[tokio::test(flavor = "multi_thread")]
async fn without_input_the_program_does_not_wait_for_a_server() {
    let closed_address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for transport in ["http", "tcp"] {
        let ended =
            CliHome::new().run(&["talk", "--to", &format!("{transport}://{closed_address}")], "").await;
        assert_eq!((ended.status.code(), stderr(&ended)), (Some(0), String::new()));
    }
}

fn quiet() -> Start {
    let mut command = Start::new(env!("CARGO_BIN_EXE_madang"));
    command.args(["--log", "error"]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_over_http_is_the_same_person() {
    let server = TestServer::start().await;
    let home = CliHome::new();
    let to = url(&server, Transport::Http);
    home.run(&["talk", "--to", &to, "--name", "지은"], "하나\n").await;
    home.run(&["talk", "--to", &to], "둘\n").await;
    let token = token_of(home.0.path());
    home.run(&["talk", "--to", &to, "--name", "김지은"], "셋\n").await;
    CliHome::new().run(&["talk", "--to", &to, "--token", &token], "넷\n").await;
    home.run(&["send", "--to", &to, "--token", &token], "다섯\n").await;
    let mut reader = server.client().await;
    let people: Vec<_> =
        reader.join("lobby").await.unwrap().events.into_iter().map(|event| event.person).collect();
    let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["지은", "지은", "김지은", "김지은", "김지은"]);
    assert!(people.iter().all(|person| person.id == people[0].id));

    let unknown = home.run(&["talk", "--to", &to, "--token", "0000"], "여섯\n").await;
    let sentence = format!("madang: {}\n", Refusal::UnknownToken.sentence());
    assert_eq!((unknown.status.code(), stderr(&unknown)), (Some(1), sentence));
    let elsewhere = TestServer::start().await;
    let kept = home.0.path().join("madang").join(format!("token-127.0.0.1_{}", elsewhere.address.port()));
    std::fs::write(&kept, "of-a-server-that-was-here-before").unwrap();
    let new = home.run(&["talk", "--to", &url(&elsewhere, Transport::Http)], "하나\n").await;
    assert_eq!(
        (new.status.code(), stderr(&new)),
        (Some(0), String::new()),
        "what is not known any more is forgotten"
    );
}

/// Returns the stored token; its file must be private.
fn token_of(state: &Path) -> String {
    let mut files = std::fs::read_dir(state.join("madang")).unwrap();
    let file = files.next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(files.next().is_none(), "one file for one server");
    std::fs::read_to_string(file.path()).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn control_sequences_of_a_hostile_server_are_never_printed() {
    let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\r\u{202e}\u{85}\u{2028}text";
    let liar = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("tcp://{}", liar.local_addr().unwrap());
    let home = CliHome::new();
    let mut talk = home.start(&["talk", "--to", &to, "--color", "always", "--name", "지은"]);
    let (mut stream, _) = liar.accept().await.unwrap();
    let words = format!(
        "* You are now 지은.\n* You are in lobby; {hostile}\n{hostile}: {hostile}\n\t{hostile}\n* {hostile}\n! {hostile}: {hostile}\n= {hostile} 1\n{hostile}\nend: end\n"
    );
    stream.write_all(words.as_bytes()).await.unwrap();
    let mut output = Vec::new();
    let mut output_lines = talk.stdout.take().unwrap();
    while !output.ends_with(b": end\n") {
        assert_ne!(timeout(TIMEOUT, output_lines.read_buf(&mut output)).await.unwrap().unwrap(), 0);
    }
    talk.start_kill().unwrap();
    output.extend(talk.wait_with_output().await.unwrap().stderr);
    let text = String::from_utf8(output).unwrap();
    let without_colors = strip_colors(&text);
    let steers =
        |c: &char| c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202e}' | '\u{2028}');
    assert_eq!(without_colors.chars().find(steers), None, "{text:?}");
}

/// Removes the sequences that choose a colour, which are the only ones allowed.
fn strip_colors(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (style, rest) = part.split_once('m').unwrap();
        assert!(style.len() <= 2 && style.bytes().all(|byte| byte.is_ascii_digit()), "{style:?}");
        plain.push_str(rest);
    }
    plain
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_gets_colours_only_with_color_always() {
    let server = TestServer::start().await;
    let mut speaker = server.client_named("민수").await;
    speaker.join("lobby").await.unwrap();
    let to = url(&server, Transport::Http);
    let cases: &[(&[&str], bool)] =
        &[(&[], false), (&["--color", "always"], true), (&["--color", "never"], false)];
    for (words, colors) in cases {
        let home = CliHome::new();
        let mut talk = home.start(&[&["talk", "--to", to.as_str()], *words].concat());
        talk.stdin.as_mut().unwrap().write_all(b"/history 1\n").await.unwrap();
        let mut notes = BufReader::new(talk.stderr.take().unwrap()).lines();
        while !notes.next_line().await.unwrap().unwrap().starts_with("* T") {}
        let mut output_lines = BufReader::new(talk.stdout.take().unwrap()).lines();
        let text = format!("말 {words:?}");
        speaker.send_message("lobby", &text).await;
        let line = timeout(TIMEOUT, output_lines.next_line()).await.unwrap().unwrap().unwrap();
        assert_eq!(line.contains("\x1b["), *colors, "{line:?}");
        assert_eq!(strip_colors(&line), format!("민수 (guest): {text}"));
    }
}
