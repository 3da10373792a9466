//! Starts servers on free ports with their own databases, and clients for them.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use common::{
    message::{Body, Cid, Seq},
    protocol::{
        command::{History, Join, Request, Send as SendMessage},
        push::{Presence, PresenceChange, Push, RoomEvent},
        reply::{ErrorReply, Joined, Sent},
    },
    refusal::Refusal,
    room::RoomName,
    socketio::{self, Frame, PONG},
};
use futures_util::{SinkExt, StreamExt};
use madang::{
    Server,
    chat::limits::{Limits, Rate},
    config::{Config, ListenAddress, Transport},
    store::DatabaseUrl,
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

/// A bound on every wait: longer than anything here takes.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(40);

/// Limits that no test reaches by accident.
pub(crate) fn no_limits() -> Limits {
    let plenty = Rate { per_second: 1e6, burst: 1e6 };
    Limits { messages: plenty, joins: plenty, reads: plenty, rooms: plenty }
}

/// A server in this process, with a temporary folder.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    server: Server,
    folder: TempDir,
}

impl TestServer {
    /// Starts a server without rate limits.
    pub(crate) async fn start() -> TestServer {
        Self::start_with(|_| ()).await
    }

    /// Starts a server whose configuration was changed by `change`.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> TestServer {
        Self::start_in(tempfile::tempdir().unwrap(), change).await
    }

    /// Starts a server over the data in this folder.
    pub(crate) async fn start_in(folder: TempDir, change: impl FnOnce(&mut Config)) -> TestServer {
        let mut config = Config {
            listen: vec![Transport::Http.at("127.0.0.1:0".parse().unwrap())],
            database: DatabaseUrl::Sqlite(folder.path().join("madang.sqlite")),
            admin_socket: None,
            limits: no_limits(),
            ..Config::default()
        };
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        TestServer { address: server.addresses[0].address, server, folder }
    }

    /// Stops it and starts another over the same data.
    pub(crate) async fn restart(self) -> TestServer {
        self.restart_with(|_| ()).await
    }

    /// Does the same with another configuration.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> TestServer {
        self.server.stop().await;
        Self::start_in(self.folder, change).await
    }

    /// Returns the address of this transport.
    pub(crate) fn address_of(&self, transport: Transport) -> SocketAddr {
        self.server.addresses.iter().find(|listen| listen.transport == transport).unwrap().address
    }

    /// Returns the addresses of all transports.
    pub(crate) fn addresses(&self) -> Vec<ListenAddress> {
        self.server.addresses.clone()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address, json!({})).await.unwrap()
    }

    pub(crate) async fn client_named(&self, name: &str) -> Client {
        Client::connect(self.address, json!({ "name": name })).await.unwrap()
    }
}

/// The real program, which can be killed.
pub(crate) struct ServerProcess {
    pub(crate) address: SocketAddr,
    pub(crate) child: Child,
}

impl ServerProcess {
    /// Starts `madang` over this folder, without rate limits.
    pub(crate) fn start(folder: &Path) -> ServerProcess {
        Self::start_with(Command::new(env!("CARGO_BIN_EXE_madang")), folder)
    }

    /// Starts this command.
    pub(crate) fn start_with(command: Command, folder: &Path) -> ServerProcess {
        Self::start_with_listeners(command, folder, &[]).0
    }

    /// Starts it with the rate limits that it has by default.
    pub(crate) fn start_with_default_limits(folder: &Path) -> ServerProcess {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.args(["--listen", "http://127.0.0.1:0", "--log", "warn", "--data"]).arg(folder);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Madang is open at http://").unwrap();
        ServerProcess { address: address.parse().unwrap(), child }
    }

    /// Starts it with more listeners besides HTTP; returns their addresses.
    pub(crate) fn start_with_listeners(
        command: Command,
        folder: &Path,
        listeners: &[&str],
    ) -> (ServerProcess, Vec<SocketAddr>) {
        let listeners: Vec<&str> = ["http://127.0.0.1:0"].iter().chain(listeners).copied().collect();
        let (program, mut addresses) = Self::start_with_all_listeners(command, folder, &listeners);
        addresses.remove(0);
        (program, addresses)
    }

    /// Starts it with these listeners, HTTP first; returns all addresses.
    pub(crate) fn start_with_all_listeners(
        mut command: Command,
        folder: &Path,
        listeners: &[&str],
    ) -> (ServerProcess, Vec<SocketAddr>) {
        let mut child = command
            .args(["--listen", &listeners.join(","), "--data"])
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
        let startup_lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(listeners.len());
        let addresses = startup_lines.zip(listeners).map(|(line, listener)| {
            let (line, scheme) = (line.unwrap(), listener.split(':').next().unwrap());
            let address = line.strip_prefix(&format!("Madang is open at {scheme}://"));
            address.expect(&line).parse().unwrap()
        });
        let addresses: Vec<SocketAddr> = addresses.collect();
        (ServerProcess { address: addresses[0], child }, addresses)
    }

    /// Starts it with a listener for lines; returns its address.
    pub(crate) fn start_with_line_transport(folder: &Path) -> (ServerProcess, SocketAddr) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.args(["--log", "warn"]);
        let (program, listeners) = Self::start_with_listeners(command, folder, &["tcp://127.0.0.1:0"]);
        (program, listeners[0])
    }

    /// Kills it with SIGKILL: nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Returns its resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Socket.IO client over WebSocket, which uses the page's own codec.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Pushes that arrived while a reply was awaited.
    events: VecDeque<(String, Value)>,
    presence_changes: VecDeque<PresenceChange>,
    last_ack: u32,
}

impl Client {
    /// Opens a connection and enters the namespace; the refusal is the server's.
    pub(crate) async fn connect(address: SocketAddr, auth: Value) -> Result<Client, Refusal> {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        Self::connect_as(url.into_client_request().unwrap(), auth).await
    }

    /// Does the same with this handshake.
    pub(crate) async fn connect_as(
        request: tungstenite::handshake::client::Request,
        auth: Value,
    ) -> Result<Client, Refusal> {
        let (socket, _) = connect_async(request).await.unwrap();
        let mut client =
            Client { socket, events: VecDeque::new(), presence_changes: VecDeque::new(), last_ack: 0 };
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

    /// Opens a session over long-polling and upgrades it to a WebSocket, with `before_connect` before it
    /// enters the namespace, else after.
    pub(crate) async fn upgrade(address: SocketAddr, before_connect: bool) -> Client {
        let polling = format!("/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {address}");
        let opened = http_request(address, &format!("GET {polling}"), "").await;
        let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        if !before_connect {
            let session = polling.replace("polling ", &format!("polling&sid={sid} "));
            assert!(http_request(address, &format!("POST {session}"), "40").await.ends_with("ok"));
            while !http_request(address, &format!("GET {session}"), "").await.contains("40{") {}
        }
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket&sid={sid}");
        let (socket, _) = connect_async(url).await.unwrap();
        let mut client =
            Client { socket, events: VecDeque::new(), presence_changes: VecDeque::new(), last_ack: 0 };
        client.write("2probe").await;
        assert_eq!(client.receive().await.unwrap(), "3probe");
        client.write("5").await;
        if before_connect {
            client.write("40").await;
            while !client.receive().await.unwrap().starts_with("40") {}
        }
        client
    }

    /// Sends a command and waits for its reply.
    pub(crate) async fn request<A: Request>(&mut self, command: A) -> Result<A::Reply, Refusal> {
        let reply = self.request_raw(A::NAME, &command).await;
        match serde_json::from_value::<ErrorReply>(reply.clone()) {
            Ok(refused) => Err(refused.error),
            Err(_) => Ok(serde_json::from_value(reply).unwrap()),
        }
    }

    /// Sends a command to a server that may be gone; `None` if it is.
    pub(crate) async fn try_request<A: Request>(&mut self, command: &A) -> Option<Value> {
        self.last_ack += 1;
        let frame = socketio::command(A::NAME, command, self.last_ack).unwrap();
        self.socket.send(Message::text(frame)).await.ok()?;
        loop {
            let text = self.receive().await?;
            if let Frame::Ack { payload, .. } = Frame::decode(&text).unwrap() {
                return serde_json::from_str(payload).ok();
            }
            self.queue_event(&text);
        }
    }

    /// Sends a command of any shape and waits for its reply.
    pub(crate) async fn request_raw(&mut self, name: &str, payload: &impl serde::Serialize) -> Value {
        let id = self.send_command(name, payload).await;
        self.reply(id).await
    }

    /// Sends a command without waiting; returns its ack id.
    pub(crate) async fn send_command(&mut self, name: &str, payload: &impl serde::Serialize) -> u32 {
        self.last_ack += 1;
        self.write(socketio::command(name, payload, self.last_ack).unwrap()).await;
        self.last_ack
    }

    /// Waits for the reply to the command with this ack id.
    pub(crate) async fn reply(&mut self, id: u32) -> Value {
        loop {
            let text = self.receive().await.expect("the connection ended before the answer");
            if let Frame::Ack { id: acked, payload } = Frame::decode(&text).unwrap() {
                assert_eq!(acked, id, "answers come in the order of the commands");
                return serde_json::from_str(payload).unwrap();
            }
            self.queue_event(&text);
        }
    }

    /// Sends several commands in one write; returns their ack ids.
    pub(crate) async fn burst<A: Request>(&mut self, commands: impl IntoIterator<Item = A>) -> Vec<u32> {
        let mut ids = Vec::new();
        for command in commands {
            self.last_ack += 1;
            let frame = socketio::command(A::NAME, &command, self.last_ack).unwrap();
            self.socket.feed(Message::text(frame)).await.unwrap();
            ids.push(self.last_ack);
        }
        self.socket.flush().await.unwrap();
        ids
    }

    /// Emits an event without an ack id.
    pub(crate) async fn emit(&mut self, name: &str, payload: &str) {
        self.write(format!("42{}", json!([name, payload]))).await;
    }

    pub(crate) async fn join(&mut self, name: &str) -> Result<Joined, Refusal> {
        self.request(Join::new(room(name))).await
    }

    pub(crate) async fn send_message(&mut self, room_name: &str, text: &str) -> Sent {
        self.request(message(room_name, text)).await.unwrap()
    }

    /// Reads the log of a joined room, from its beginning.
    pub(crate) async fn whole_log(&mut self, name: &str) -> Vec<(Seq, String)> {
        let (mut log, mut more) = (Vec::new(), true);
        while more {
            let after = Some(log.last().map_or(Seq(0), |(seq, _)| *seq));
            let history = History { room: room(name), before: None, after, around: None, limit: Some(200) };
            let page = self.request(history).await.unwrap();
            more = page.more_after;
            for event in page.events {
                log.push((event.seq, event.kind.body().unwrap().to_string()));
            }
        }
        log
    }

    /// Returns the next push of this name; others are queued.
    pub(crate) async fn next_push(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.events.iter().position(|(queued, _)| queued == name) {
                return self.events.remove(at).unwrap().1;
            }
            let text = self.receive().await.unwrap_or_else(|| panic!("the connection ended before {name}"));
            self.queue_event(&text);
        }
    }

    pub(crate) async fn next_event(&mut self) -> RoomEvent {
        serde_json::from_value(self.next_push(Push::EVENT).await).unwrap()
    }

    /// Returns the next presence change; one push may hold several.
    pub(crate) async fn next_presence_change(&mut self) -> PresenceChange {
        while self.presence_changes.is_empty() {
            let presence: Presence = serde_json::from_value(self.next_push(Push::PRESENCE).await).unwrap();
            self.presence_changes.extend(presence.changes);
        }
        self.presence_changes.pop_front().unwrap()
    }

    /// Returns every queued push of this name. Complete for what the server sent before the last reply.
    pub(crate) fn received(&mut self, name: &str) -> Vec<Value> {
        let (matching, others) = self.events.drain(..).partition(|(queued, _)| queued == name);
        self.events = others;
        let matching: VecDeque<(String, Value)> = matching;
        matching.into_iter().map(|(_, payload)| payload).collect()
    }

    /// Waits until the server closes the connection.
    pub(crate) async fn wait_until_closed(&mut self) {
        while let Some(text) = self.receive().await {
            self.queue_event(&text);
        }
    }

    /// Closes the connection.
    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.unwrap();
        self.wait_until_closed().await;
    }

    /// Writes one text frame as it is.
    pub(crate) async fn write(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// Writes text frames as they are, in one write.
    pub(crate) async fn write_in_one_go(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            self.socket.feed(Message::text(text)).await.unwrap();
        }
        self.socket.flush().await.unwrap();
    }

    /// Writes text frames to a server that may cut the connection at any of them.
    pub(crate) async fn write_until_cut(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            if self.socket.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    }

    /// Writes these texts, as many as the server takes within this time.
    pub(crate) async fn write_for(&mut self, texts: &[String], time: Duration) {
        let writing = async {
            for text in texts {
                self.write(text.clone()).await;
            }
        };
        // The time is over when the server reads no more.
        let _ = tokio::time::timeout(time, writing).await;
    }

    /// Returns the next text frame that is no ping; `None` when the connection is closed.
    async fn receive(&mut self) -> Option<String> {
        loop {
            let next = tokio::time::timeout(TIMEOUT, self.socket.next()).await.expect("the server is silent");
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

    fn queue_event(&mut self, text: &str) {
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

/// Builds a message with a cid made from its text.
pub(crate) fn message(room_name: &str, text: &str) -> SendMessage {
    let cid: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    SendMessage::new(room(room_name), Cid::parse(&cid[..cid.len().min(Cid::MAX)]).unwrap(), body(text))
}

/// Sends a request as raw text; returns the whole response. The server must close the connection.
pub(crate) async fn http_request(address: SocketAddr, head: &str, body: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = body.as_ref();
    let head = format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut response = Vec::new();
    tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut response)).await.expect("no response").unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

/// Sends a signal to a program: `TERM` as an init system does, `INT` as Ctrl-C does.
pub(crate) fn signal(program: &Child, name: &str) {
    let id = program.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}
