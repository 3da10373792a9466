//! A server on a free port with a database of its own, and clients to talk to it.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use common::{
    event::{Ask, Change, History, Join, Joined, Presence, Push, Refused, RoomEvent, Send as Say, Sent},
    message::{Body, Cid, Seq},
    refusal::Refusal,
    room::RoomName,
    socketio::{self, Frame, PONG},
};
use futures_util::{SinkExt, StreamExt};
use madang::{
    Server,
    chat::limits::{Limits, Rate},
    config::{Config, Door},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

/// Longer than anything here takes, shorter than anybody's patience: for promises that never come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Limits that no test runs into by accident.
pub(crate) fn no_limits() -> Limits {
    let plenty = Rate { per_second: 1e6, burst: 1e6 };
    Limits { messages: plenty, joins: plenty, reads: plenty, rooms: plenty }
}

/// A server in this process, with a folder that goes when it goes.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    server: Server,
    folder: TempDir,
}

impl TestServer {
    /// A server without rate limits.
    pub(crate) async fn start() -> TestServer {
        Self::start_with(|_| ()).await
    }

    /// A server whose configuration was changed by `change`.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> TestServer {
        Self::start_in(tempfile::tempdir().unwrap(), change).await
    }

    /// A server over what is in this folder.
    pub(crate) async fn start_in(folder: TempDir, change: impl FnOnce(&mut Config)) -> TestServer {
        let mut config = Config {
            listen: vec![Door::Http.at("127.0.0.1:0".parse().unwrap())],
            database: format!("sqlite:{}", folder.path().join("madang.sqlite").display()),
            limits: no_limits(),
            ..Config::default()
        };
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        TestServer { address: server.doors[0].address, server, folder }
    }

    /// Stops it and starts another on the same data.
    pub(crate) async fn restart(self) -> TestServer {
        self.restart_with(|_| ()).await
    }

    /// The same with another configuration.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> TestServer {
        self.server.stop().await;
        Self::start_in(self.folder, change).await
    }

    /// Where this door is.
    pub(crate) fn at(&self, door: Door) -> SocketAddr {
        self.server.doors.iter().find(|listen| listen.door == door).unwrap().address
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address, json!({})).await.unwrap()
    }

    pub(crate) async fn client_named(&self, name: &str) -> Client {
        Client::connect(self.address, json!({ "name": name })).await.unwrap()
    }
}

/// The real program, which can be killed.
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    pub(crate) child: Child,
}

impl Program {
    /// Starts `madang` over this folder, without rate limits.
    pub(crate) fn start(folder: &Path) -> Program {
        Self::start_with(Command::new(env!("CARGO_BIN_EXE_madang")), folder)
    }

    /// Starts it in a way of the caller's own.
    pub(crate) fn start_with(command: Command, folder: &Path) -> Program {
        Self::start_with_doors(command, folder, &[]).0
    }

    /// Starts it with other doors beside the one for HTTP, and tells where they are.
    pub(crate) fn start_with_doors(
        command: Command,
        folder: &Path,
        doors: &[&str],
    ) -> (Program, Vec<SocketAddr>) {
        let doors: Vec<&str> = ["http://127.0.0.1:0"].iter().chain(doors).copied().collect();
        let (program, mut addresses) = Self::start_at(command, folder, &doors);
        addresses.remove(0);
        (program, addresses)
    }

    /// Starts it with these doors, the one for HTTP first, and tells where they all are.
    pub(crate) fn start_at(
        mut command: Command,
        folder: &Path,
        doors: &[&str],
    ) -> (Program, Vec<SocketAddr>) {
        let mut child = command
            .args(["--listen", &doors.join(","), "--data"])
            .arg(folder)
            .args([
                "--message-rate",
                "1e6",
                "--message-burst",
                "1e6",
                "--join-rate",
                "1e6",
                "--join-burst",
                "1e6",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(doors.len());
        let addresses = said.zip(doors).map(|(line, door)| {
            let (line, scheme) = (line.unwrap(), door.split(':').next().unwrap());
            let address = line.strip_prefix(&format!("Madang is open at {scheme}://"));
            address.expect(&line).parse().unwrap()
        });
        let addresses: Vec<SocketAddr> = addresses.collect();
        (Program { address: addresses[0], child }, addresses)
    }

    /// Starts it with a door for lines, and tells where that is.
    pub(crate) fn start_with_lines(folder: &Path) -> (Program, SocketAddr) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.args(["--log", "warn"]);
        let (program, doors) = Self::start_with_doors(command, folder, &["tcp://127.0.0.1:0"]);
        (program, doors[0])
    }

    /// `kill -9`: no goodbye, nothing flushed.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Socket.IO client over WebSocket, speaking through the page's own codec.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Events that came while something else was waited for.
    events: VecDeque<(String, Value)>,
    changes: VecDeque<Change>,
    acks: u32,
}

impl Client {
    /// Opens a connection and enters the namespace; the refusal is the server's.
    pub(crate) async fn connect(address: SocketAddr, auth: Value) -> Result<Client, Refusal> {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        Self::connect_as(url.into_client_request().unwrap(), auth).await
    }

    /// The same with a handshake of the caller's own.
    pub(crate) async fn connect_as(
        request: tungstenite::handshake::client::Request,
        auth: Value,
    ) -> Result<Client, Refusal> {
        let (socket, _) = connect_async(request).await.unwrap();
        let mut client = Client { socket, events: VecDeque::new(), changes: VecDeque::new(), acks: 0 };
        client.receive().await.unwrap();
        client.write(socketio::connect(&auth).unwrap()).await;
        loop {
            let text = client.receive().await.unwrap();
            match Frame::decode(&text).unwrap() {
                Frame::Connected => return Ok(client),
                Frame::ConnectError(reason) => return Err(Refusal::from_decoding(&reason)),
                _ => {}
            }
        }
    }

    /// Opens a session over long-polling and changes to a WebSocket, `early`: before entering the
    /// namespace.
    pub(crate) async fn upgrade(address: SocketAddr, early: bool) -> Client {
        let polling = format!("/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {address}");
        let opened = request(address, &format!("GET {polling}"), "").await;
        let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        if !early {
            let session = polling.replace("polling ", &format!("polling&sid={sid} "));
            assert!(request(address, &format!("POST {session}"), "40").await.ends_with("ok"));
            while !request(address, &format!("GET {session}"), "").await.contains("40{") {}
        }
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket&sid={sid}");
        let (socket, _) = connect_async(url).await.unwrap();
        let mut client = Client { socket, events: VecDeque::new(), changes: VecDeque::new(), acks: 0 };
        client.write("2probe").await;
        assert_eq!(client.receive().await.unwrap(), "3probe");
        client.write("5").await;
        if early {
            client.write("40").await;
            while !client.receive().await.unwrap().starts_with("40") {}
        }
        client
    }

    /// Gives a command and waits for its answer.
    pub(crate) async fn ask<A: Ask>(&mut self, command: A) -> Result<A::Reply, Refusal> {
        let answer = self.ask_raw(A::NAME, &command).await;
        match serde_json::from_value::<Refused>(answer.clone()) {
            Ok(refused) => Err(refused.error),
            Err(_) => Ok(serde_json::from_value(answer).unwrap()),
        }
    }

    /// Gives a command to a server that may be gone; `None` when it is.
    pub(crate) async fn try_ask<A: Ask>(&mut self, command: &A) -> Option<Value> {
        self.acks += 1;
        let frame = socketio::command(A::NAME, command, self.acks).unwrap();
        self.socket.send(Message::text(frame)).await.ok()?;
        loop {
            let text = self.receive().await?;
            if let Frame::Ack { payload, .. } = Frame::decode(&text).unwrap() {
                return serde_json::from_str(payload).ok();
            }
            self.keep(&text);
        }
    }

    /// Gives a command of any shape and waits for its answer.
    pub(crate) async fn ask_raw(&mut self, name: &str, payload: &impl serde::Serialize) -> Value {
        let id = self.give(name, payload).await;
        self.answer(id).await
    }

    /// Gives a command without waiting, and tells its ack id.
    pub(crate) async fn give(&mut self, name: &str, payload: &impl serde::Serialize) -> u32 {
        self.acks += 1;
        self.write(socketio::command(name, payload, self.acks).unwrap()).await;
        self.acks
    }

    /// Waits for the answer to the command with this ack id.
    pub(crate) async fn answer(&mut self, id: u32) -> Value {
        loop {
            let text = self.receive().await.expect("the connection ended before the answer");
            if let Frame::Ack { id: acked, payload } = Frame::decode(&text).unwrap() {
                assert_eq!(acked, id, "answers come in the order of the commands");
                return serde_json::from_str(payload).unwrap();
            }
            self.keep(&text);
        }
    }

    /// Gives several commands in one write, and tells their ack ids.
    pub(crate) async fn burst<A: Ask>(&mut self, commands: impl IntoIterator<Item = A>) -> Vec<u32> {
        let mut ids = Vec::new();
        for command in commands {
            self.acks += 1;
            let frame = socketio::command(A::NAME, &command, self.acks).unwrap();
            self.socket.feed(Message::text(frame)).await.unwrap();
            ids.push(self.acks);
        }
        self.socket.flush().await.unwrap();
        ids
    }

    /// Emits an event that wants no answer.
    pub(crate) async fn emit(&mut self, name: &str, payload: &str) {
        self.write(format!("42{}", json!([name, payload]))).await;
    }

    pub(crate) async fn join(&mut self, name: &str) -> Result<Joined, Refusal> {
        self.ask(Join::new(room(name))).await
    }

    pub(crate) async fn say(&mut self, room_name: &str, text: &str) -> Sent {
        self.ask(say(room_name, text)).await.unwrap()
    }

    /// The log of a room this client is in, from its beginning.
    pub(crate) async fn whole_log(&mut self, name: &str) -> Vec<(Seq, String)> {
        let (mut log, mut more) = (Vec::new(), true);
        while more {
            let after = Some(log.last().map_or(Seq(0), |(seq, _)| *seq));
            let history = History { room: room(name), before: None, after, around: None, limit: Some(200) };
            let page = self.ask(history).await.unwrap();
            more = page.more_after;
            for event in page.events {
                log.push((event.seq, event.what.body().unwrap().to_string()));
            }
        }
        log
    }

    /// The next event of this name; others are kept for later.
    pub(crate) async fn next(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.events.iter().position(|(kept, _)| kept == name) {
                return self.events.remove(at).unwrap().1;
            }
            let text = self.receive().await.unwrap_or_else(|| panic!("the connection ended before {name}"));
            self.keep(&text);
        }
    }

    pub(crate) async fn next_event(&mut self) -> RoomEvent {
        serde_json::from_value(self.next(Push::EVENT).await).unwrap()
    }

    /// The next change of presence, of which several may be told at once.
    pub(crate) async fn next_change(&mut self) -> Change {
        while self.changes.is_empty() {
            let told: Presence = serde_json::from_value(self.next(Push::PRESENCE).await).unwrap();
            self.changes.extend(told.changes);
        }
        self.changes.pop_front().unwrap()
    }

    /// Everything that was heard so far under this name: all that is certain after an answer.
    pub(crate) fn heard(&mut self, name: &str) -> Vec<Value> {
        let (named, others) = self.events.drain(..).partition(|(kept, _)| kept == name);
        self.events = others;
        let named: VecDeque<(String, Value)> = named;
        named.into_iter().map(|(_, payload)| payload).collect()
    }

    /// Waits until the server ends the connection.
    pub(crate) async fn until_closed(&mut self) {
        while let Some(text) = self.receive().await {
            self.keep(&text);
        }
    }

    /// Says goodbye and goes.
    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.unwrap();
        self.until_closed().await;
    }

    /// Writes one text frame as it is.
    pub(crate) async fn write(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// Writes text frames as they are, in one write.
    pub(crate) async fn write_at_once(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            self.socket.feed(Message::text(text)).await.unwrap();
        }
        self.socket.flush().await.unwrap();
    }

    /// Writes text frames to a server that may cut the connection in the middle of them.
    pub(crate) async fn write_until_cut(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            if self.socket.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    }

    /// The next text frame that is no ping; `None` when the connection is over.
    async fn receive(&mut self) -> Option<String> {
        loop {
            let next =
                tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the server is silent");
            match next {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    self.socket.send(Message::text(PONG)).await.ok()?;
                }
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    fn keep(&mut self, text: &str) {
        if let Ok(Frame::Event { name, payload }) = Frame::decode(text) {
            self.events.push_back((name, serde_json::from_str(payload).unwrap()));
        }
    }
}

pub(crate) fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

pub(crate) fn body(text: &str) -> Body {
    Body::parse(text).unwrap()
}

/// A message with a cid made from its text.
pub(crate) fn say(room_name: &str, text: &str) -> Say {
    let cid: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    Say::new(room(room_name), Cid::parse(&cid[..cid.len().min(Cid::MAX)]).unwrap(), body(text))
}

/// A request as raw text; tells the whole response. The server must end the connection.
pub(crate) async fn request(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let text = format!("{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut response)).await.expect("no response").unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

/// Sends a signal to a program: `TERM` as an init system does, `INT` as Ctrl-C does.
pub(crate) fn signal(program: &Child, name: &str) {
    let id = program.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}
