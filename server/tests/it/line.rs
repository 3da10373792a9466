//! A client of the line door: what `nc` is to a person.

use std::{net::SocketAddr, time::Duration};

use common::line::Line;
use madang::config::{Config, Door};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy, copy_bidirectional},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

use crate::support::{PATIENCE, TestServer};

/// Every door, each on a free port.
pub(crate) fn every_door(config: &mut Config) {
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    config.listen = vec![Door::Http.at(free), Door::Tcp.at(free), Door::Udp.at(free)];
}

/// A network between a client and the line door, which breaks once: at the first answer to a message.
pub(crate) struct Network {
    pub(crate) address: SocketAddr,
    /// Ends when the connection has broken.
    pub(crate) broken: JoinHandle<()>,
}

impl Network {
    /// Without `mends` nobody is let through any more after that. The answer itself comes through
    /// where `answers` says so.
    pub(crate) async fn to(door: SocketAddr, answers: bool, mends: bool) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let broken = tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            carry_until_answered(client, door, answers).await;
            if mends {
                tokio::spawn(async move {
                    let (mut client, _) = listener.accept().await.unwrap();
                    let mut server = TcpStream::connect(door).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Network { address, broken }
    }
}

async fn carry_until_answered(client: TcpStream, door: SocketAddr, answers: bool) {
    let (mut asked, mut told) = client.into_split();
    let (answered, mut asking) = TcpStream::connect(door).await.unwrap().into_split();
    let up = tokio::spawn(async move { copy(&mut asked, &mut asking).await });
    let mut lines = BufReader::new(answered).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("an answer");
        let is_answer = line.starts_with("= ");
        if answers || !is_answer {
            told.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        if is_answer {
            up.abort();
            // Its half of the client's connection is dropped with it.
            let _ = up.await;
            return;
        }
    }
}

/// A connection to the line door.
pub(crate) struct Nc {
    lines: BufReader<OwnedReadHalf>,
    writing: OwnedWriteHalf,
}

impl Nc {
    /// Connects, and reads nothing yet.
    pub(crate) async fn dial(address: SocketAddr) -> Nc {
        let (reading, writing) = TcpStream::connect(address).await.unwrap().into_split();
        Nc { lines: BufReader::new(reading), writing }
    }

    /// Connects and reads the greeting, up to who is here.
    pub(crate) async fn connect(server: &TestServer) -> Nc {
        let mut nc = Self::dial(server.at(Door::Tcp)).await;
        nc.until_in("lobby").await;
        nc
    }

    /// Connects and goes into a room.
    pub(crate) async fn connect_to(server: &TestServer, room: &str) -> Nc {
        let mut nc = Self::connect(server).await;
        nc.join(room).await;
        nc
    }

    /// Goes into a room; what was read until then.
    pub(crate) async fn join(&mut self, room: &str) -> Vec<Line> {
        self.write(format!("/join {room}\n")).await;
        self.until_in(room).await
    }

    /// Reads up to the line that says that this is the room.
    async fn until_in(&mut self, room: &str) -> Vec<Line> {
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
        self.writing.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes to a server that may have hung up.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> bool {
        self.writing.write_all(bytes).await.is_ok()
    }

    /// The next line as it came; `None` at the end, also in the middle of a line.
    pub(crate) async fn next_raw(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let reading = self.lines.read_until(b'\n', &mut line);
        match tokio::time::timeout(PATIENCE, reading).await.expect("the server is silent") {
            Ok(0) | Err(_) => None,
            Ok(_) => String::from_utf8_lossy(&line).strip_suffix('\n').map(str::to_owned),
        }
    }

    pub(crate) async fn next(&mut self) -> Line {
        Line::parse(&self.next_raw().await.expect("the server hung up"))
    }

    /// The next message, whatever is noted before it: by whom, and the text of its first line.
    pub(crate) async fn next_said(&mut self) -> (String, String) {
        loop {
            if let Line::Said { old: false, who, text } = self.next().await {
                return (who, text);
            }
        }
    }

    /// The next of the server's own words that holds `part`.
    pub(crate) async fn noted(&mut self, part: &str) -> String {
        loop {
            if let Line::Note(note) = self.next().await
                && note.contains(part)
            {
                return note;
            }
        }
    }

    /// The next answer to `/send`, as it came.
    pub(crate) async fn answered(&mut self) -> String {
        loop {
            let line = self.next_raw().await.expect("the server hung up");
            if line.starts_with("= ") {
                return line;
            }
        }
    }

    /// Ends the writing half, and reads to the end.
    pub(crate) async fn finish(mut self) -> Vec<String> {
        self.writing.shutdown().await.unwrap();
        let mut lines = Vec::new();
        while let Some(line) = self.next_raw().await {
            lines.push(line);
        }
        lines
    }

    /// Whether the server hangs up within this time.
    pub(crate) async fn is_cut_within(&mut self, time: Duration) -> bool {
        let ended = async { while self.next_raw().await.is_some() {} };
        tokio::time::timeout(time, ended).await.is_ok()
    }
}
