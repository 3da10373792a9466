//! A client of the line transport, like `nc`.

use std::{net::SocketAddr, time::Duration};

use common::line::Line;
use madang::config::{Config, Transport};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy, copy_bidirectional},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

use crate::harness::{TIMEOUT, TestServer};

/// Configures every transport, each on a free port.
pub(crate) fn all_transports(config: &mut Config) {
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    config.listen = vec![Transport::Http.at(free), Transport::Tcp.at(free), Transport::Udp.at(free)];
}

/// A TCP proxy in front of the line transport that cuts its first connection at the first reply to `/send`.
pub(crate) struct BreakingProxy {
    pub(crate) address: SocketAddr,
    /// Ends when the connection was cut.
    pub(crate) broken: JoinHandle<()>,
}

impl BreakingProxy {
    /// With `forward_reply` that reply still reaches the client; with `accept_again` one more connection is
    /// accepted and stays open.
    pub(crate) async fn start(
        server_address: SocketAddr,
        forward_reply: bool,
        accept_again: bool,
    ) -> BreakingProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let broken = tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            forward_until_reply(client, server_address, forward_reply).await;
            if accept_again {
                tokio::spawn(async move {
                    let (mut client, _) = listener.accept().await.unwrap();
                    let mut server = TcpStream::connect(server_address).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        BreakingProxy { address, broken }
    }
}

async fn forward_until_reply(client: TcpStream, server_address: SocketAddr, forward_reply: bool) {
    let (mut client_reader, mut client_writer) = client.into_split();
    let (server_reader, mut server_writer) = TcpStream::connect(server_address).await.unwrap().into_split();
    let upstream = tokio::spawn(async move { copy(&mut client_reader, &mut server_writer).await });
    let mut lines = BufReader::new(server_reader).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("an answer");
        let is_reply = line.starts_with("= ");
        if forward_reply || !is_reply {
            client_writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        if is_reply {
            upstream.abort();
            // This drops the task's half of the client's connection.
            let _ = upstream.await;
            return;
        }
    }
}

/// A connection to the line transport.
pub(crate) struct LineClient {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl LineClient {
    /// Connects without reading.
    pub(crate) async fn dial(address: SocketAddr) -> LineClient {
        let (reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        LineClient { reader: BufReader::new(reader), writer }
    }

    /// Connects and reads the greeting, up to the members of the lobby.
    pub(crate) async fn connect(server: &TestServer) -> LineClient {
        Self::connect_at(server.address_of(Transport::Tcp)).await
    }

    /// Does the same with this address.
    pub(crate) async fn connect_at(address: SocketAddr) -> LineClient {
        let mut line_client = Self::dial(address).await;
        line_client.read_until_in("lobby").await;
        line_client
    }

    /// Connects and joins a room.
    pub(crate) async fn connect_to(server: &TestServer, room: &str) -> LineClient {
        let mut line_client = Self::connect(server).await;
        line_client.join(room).await;
        line_client
    }

    /// Joins a room; returns the lines up to its note.
    pub(crate) async fn join(&mut self, room: &str) -> Vec<Line> {
        self.write(format!("/join {room}\n")).await;
        self.read_until_in(room).await
    }

    /// Reads up to the note that this room was joined.
    async fn read_until_in(&mut self, room: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        loop {
            let line = self.next().await;
            let is_in = matches!(&line, Line::Note(note) if note.starts_with(&format!("You are in {room};")));
            lines.push(line);
            if is_in {
                return lines;
            }
        }
    }

    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.writer.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes to a server that may have closed the connection.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> bool {
        self.writer.write_all(bytes).await.is_ok()
    }

    /// Returns the next line as it came; `None` at the end, even within a line.
    pub(crate) async fn next_raw(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let reading = self.reader.read_until(b'\n', &mut line);
        match tokio::time::timeout(TIMEOUT, reading).await.expect("the server is silent") {
            Ok(0) | Err(_) => None,
            Ok(_) => String::from_utf8_lossy(&line).strip_suffix('\n').map(str::to_owned),
        }
    }

    pub(crate) async fn next(&mut self) -> Line {
        Line::parse(&self.next_raw().await.expect("the server hung up"))
    }

    /// Returns the next message, skipping notes: its sender, and the first line of its text.
    pub(crate) async fn next_message(&mut self) -> (String, String) {
        loop {
            if let Line::Message { old: false, name, text, .. } = self.next().await {
                return (name, text);
            }
        }
    }

    /// Returns the next note that contains `part`.
    pub(crate) async fn wait_for_note(&mut self, part: &str) -> String {
        loop {
            if let Line::Note(note) = self.next().await
                && note.contains(part)
            {
                return note;
            }
        }
    }

    /// Returns the next reply to `/send`, as it came.
    pub(crate) async fn next_send_reply(&mut self) -> String {
        loop {
            let line = self.next_raw().await.expect("the server hung up");
            if line.starts_with("= ") {
                return line;
            }
        }
    }

    /// Writes the last bytes, closes the writing half and reads to the end.
    pub(crate) async fn finish_with(mut self, bytes: impl AsRef<[u8]>) -> Vec<String> {
        self.write(bytes).await;
        self.finish().await
    }

    /// Closes the writing half and reads to the end.
    pub(crate) async fn finish(mut self) -> Vec<String> {
        self.writer.shutdown().await.unwrap();
        let mut lines = Vec::new();
        while let Some(line) = self.next_raw().await {
            lines.push(line);
        }
        lines
    }

    /// Returns whether the server closes the connection within this time.
    pub(crate) async fn is_cut_within(&mut self, time: Duration) -> bool {
        let ended = async { while self.next_raw().await.is_some() {} };
        tokio::time::timeout(time, ended).await.is_ok()
    }
}
