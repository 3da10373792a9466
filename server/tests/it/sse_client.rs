//! A client of a room's server-sent events, like `curl -N`.

use std::net::SocketAddr;

use common::{message::Seq, protocol::event::Event};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::harness::TIMEOUT;

/// A reader of one stream.
pub(crate) struct SseClient {
    lines: BufReader<TcpStream>,
    /// The head of the response.
    pub(crate) head: String,
}

/// A block of a stream, which ends with an empty line.
#[derive(Debug, PartialEq)]
pub(crate) enum SseBlock {
    Event(Seq, Event),
    Retry(u64),
    KeepAlive,
}

impl SseClient {
    /// Requests a stream with more header lines. HTTP/1.0, because its bodies have no chunks.
    pub(crate) async fn connect(address: SocketAddr, path: &str, headers: &[&str]) -> SseClient {
        let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET /api/rooms/{path} HTTP/1.0\r\nHost: {address}\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut stream = SseClient { lines: BufReader::new(stream), head: String::new() };
        stream.head = stream.block().await.unwrap();
        stream
    }

    /// Requests a stream that must be granted.
    pub(crate) async fn subscribe(address: SocketAddr, path: &str, headers: &[&str]) -> SseClient {
        let stream = Self::connect(address, path, headers).await;
        assert!(stream.head.starts_with("HTTP/1.0 200"), "{}", stream.head);
        stream
    }

    /// Reads the lines up to the next empty one; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        let mut block = String::new();
        while !block.ends_with("\n\n") && !block.ends_with("\r\n\r\n") {
            let read = timeout(TIMEOUT, self.lines.read_line(&mut block)).await.expect("a silent stream");
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
        Some(block)
    }

    pub(crate) async fn next(&mut self) -> Option<SseBlock> {
        let block = self.block().await?;
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        Some(match (field("id"), field("data"), field("retry")) {
            (Some(id), Some(data), None) => {
                assert_eq!(field("event"), Some("event"));
                let event: Event = serde_json::from_str(data).unwrap();
                assert_eq!(id.parse(), Ok(event.seq.0));
                SseBlock::Event(event.seq, event)
            }
            (None, None, Some(after)) => SseBlock::Retry(after.parse().unwrap()),
            _ => {
                assert_eq!(block, ":\n\n");
                SseBlock::KeepAlive
            }
        })
    }

    /// Returns the next event; `None` at the end of the stream.
    pub(crate) async fn next_event(&mut self) -> Option<Event> {
        loop {
            match self.next().await? {
                SseBlock::Event(_, event) => return Some(event),
                SseBlock::Retry(_) | SseBlock::KeepAlive => {}
            }
        }
    }

    /// Returns this many events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<(Seq, String)> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(seq_and_text(&self.next_event().await.expect("the stream ended")));
        }
        events
    }
}

pub(crate) fn seq_and_text(event: &Event) -> (Seq, String) {
    (event.seq, event.kind.body().unwrap().to_string())
}
