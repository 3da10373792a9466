//! A reader of a room's server-sent events: what `curl -N` is to a person.

use std::net::SocketAddr;

use common::{event::Event, message::Seq};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::support::PATIENCE;

/// A reader of a stream.
pub(crate) struct Stream {
    lines: BufReader<TcpStream>,
    /// The head of the response.
    pub(crate) head: String,
}

/// What stands between two empty lines of a stream.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Event(Seq, Event),
    Retry(u64),
    SignOfLife,
}

impl Stream {
    /// Asks for a stream with further header lines. As HTTP/1.0, whose bodies have no frames.
    pub(crate) async fn open(address: SocketAddr, path: &str, headers: &[&str]) -> Stream {
        let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET /api/rooms/{path} HTTP/1.0\r\nHost: {address}\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut stream = Stream { lines: BufReader::new(stream), head: String::new() };
        stream.head = stream.block().await.unwrap();
        stream
    }

    /// Asks for a stream that must be given.
    pub(crate) async fn follow(address: SocketAddr, path: &str, headers: &[&str]) -> Stream {
        let stream = Self::open(address, path, headers).await;
        assert!(stream.head.starts_with("HTTP/1.0 200"), "{}", stream.head);
        stream
    }

    /// The lines up to the next empty one; `None` when the stream is over.
    async fn block(&mut self) -> Option<String> {
        let mut block = String::new();
        while !block.ends_with("\n\n") && !block.ends_with("\r\n\r\n") {
            let read = timeout(PATIENCE, self.lines.read_line(&mut block)).await.expect("a silent stream");
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
        Some(block)
    }

    pub(crate) async fn next(&mut self) -> Option<Told> {
        let block = self.block().await?;
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        Some(match (field("id"), field("data"), field("retry")) {
            (Some(id), Some(data), None) => {
                assert_eq!(field("event"), Some("event"));
                let event: Event = serde_json::from_str(data).unwrap();
                assert_eq!(id.parse(), Ok(event.seq.0));
                Told::Event(event.seq, event)
            }
            (None, None, Some(after)) => Told::Retry(after.parse().unwrap()),
            _ => {
                assert_eq!(block, ":\n\n");
                Told::SignOfLife
            }
        })
    }

    /// The next event; `None` when the stream is over.
    pub(crate) async fn next_event(&mut self) -> Option<Event> {
        loop {
            match self.next().await? {
                Told::Event(_, event) => return Some(event),
                Told::Retry(_) | Told::SignOfLife => {}
            }
        }
    }

    /// So many events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<(Seq, String)> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(entry(&self.next_event().await.expect("the stream ended")));
        }
        events
    }
}

pub(crate) fn entry(event: &Event) -> (Seq, String) {
    (event.seq, event.what.body().unwrap().to_string())
}
