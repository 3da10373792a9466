//! Many clients in one thread: they connect, join, send, and count what arrives. Most speak Socket.IO; for
//! those of another transport only the bytes are searched.
//!
//! One readiness loop and one buffer serve all clients, with one `recv` for each arrival and no decoding of
//! what is only counted: the clients share the machine with the server under test, and must cost less than
//! it.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use common::socketio;
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    dialect::{MARK_LENGTH, find_number, number_in},
    websocket::{client_frame, first_frame, head_length, upgrade_request},
};

/// How many clients may be connecting at once.
const MAX_CONNECTING: usize = 64;
/// How long to wait for anything to arrive.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// The ack id of joins; messages use their numbers.
pub(crate) const JOIN_ACK: u32 = u32::MAX;

/// Clients of one server.
pub(crate) struct Clients {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    /// Receives the bytes of any client.
    read_buffer: Box<[u8]>,
}

struct Client {
    stream: TcpStream,
    read_state: ReadState,
    /// The beginning of a frame that is not complete yet.
    partial: Vec<u8>,
    /// Bytes that the kernel has not taken yet.
    outgoing: VecDeque<u8>,
}

/// What a client expects next.
enum ReadState {
    /// The response to its upgrade.
    Upgrade,
    Frames,
    /// The first bytes of another transport, which must begin like this.
    Banner(&'static str),
    /// Any bytes, in which messages are found by their mark.
    Marks,
}

/// What a client received.
pub(crate) enum Incoming<'a> {
    /// It entered the namespace, or received its banner.
    Connected,
    /// The message with this number.
    Message(u32),
    /// The reply to the command with this ack id.
    Reply(u32, &'a str),
}

impl Clients {
    pub(crate) fn new(server: SocketAddr) -> anyhow::Result<Clients> {
        Ok(Clients {
            server,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            read_buffer: vec![0; 256 * 1024].into(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Connects `count` more clients; each sends what `join` returns for it, with the ack id [`JOIN_ACK`].
    pub(crate) fn connect_and_join(
        &mut self,
        count: usize,
        join: impl Fn(usize) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let all = self.clients.len() + count;
        let mut joined = self.clients.len();
        let mut connected = Vec::new();
        while joined < all {
            while self.clients.len() < all.min(joined + MAX_CONNECTING) {
                self.open(self.server, upgrade_request(self.server).as_bytes(), ReadState::Upgrade)?;
            }
            let mut refused = None;
            self.wait(|client_index, incoming| match incoming {
                Incoming::Connected => connected.push(client_index),
                Incoming::Reply(JOIN_ACK, reply) if reply.starts_with(r#"{"error""#) => {
                    refused = Some(reply.to_owned());
                }
                Incoming::Reply(JOIN_ACK, _) => joined += 1,
                Incoming::Reply(..) | Incoming::Message(_) => {}
            })
            .with_context(|| format!("{joined} of {all} came in"))?;
            if let Some(refusal) = refused {
                bail!("joining was refused: {refusal}");
            }
            for client_index in connected.drain(..) {
                self.send_text(client_index, &join(client_index)?)?;
            }
        }
        Ok(())
    }

    /// Connects `count` more clients to another transport; each sends `opening` and must receive `banner`.
    pub(crate) fn connect_raw(
        &mut self,
        address: SocketAddr,
        count: usize,
        opening: &[u8],
        banner: &'static str,
    ) -> anyhow::Result<()> {
        for _ in 0..count {
            self.open(address, opening, ReadState::Banner(banner))?;
        }
        let mut welcomed = 0;
        while welcomed < count {
            self.wait(|_, incoming| welcomed += usize::from(matches!(incoming, Incoming::Connected)))
                .with_context(|| format!("{welcomed} of {count} came in"))?;
        }
        Ok(())
    }

    fn open(&mut self, address: SocketAddr, opening: &[u8], read_state: ReadState) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(address).context("connecting")?;
        let token = Token(self.clients.len());
        self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.clients.push(Client {
            stream,
            read_state,
            partial: Vec::new(),
            outgoing: opening.to_vec().into(),
        });
        Ok(())
    }

    /// Sends one text frame as this client.
    pub(crate) fn send_text(&mut self, client_index: usize, text: &str) -> anyhow::Result<()> {
        self.send(client_index, &client_frame(text))
    }

    /// Sends these bytes as this client.
    pub(crate) fn send(&mut self, client_index: usize, bytes: &[u8]) -> anyhow::Result<()> {
        let client = &mut self.clients[client_index];
        client.outgoing.extend(bytes);
        client.flush().with_context(|| format!("writing as client {client_index}"))
    }

    /// Waits at most this long and passes on what arrived. False when there was nothing to pass on;
    /// heartbeats and handshakes do not count.
    pub(crate) fn poll_once(
        &mut self,
        within: Duration,
        mut on_incoming: impl FnMut(usize, Incoming<'_>),
    ) -> anyhow::Result<bool> {
        match self.poll.poll(&mut self.events, Some(within)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            polled => polled?,
        }
        let mut got_any = false;
        for event in &self.events {
            let client_index = event.token().0;
            let client = &mut self.clients[client_index];
            client
                .flush()
                .and_then(|()| {
                    client.receive(&mut self.read_buffer, &mut |incoming| {
                        got_any = true;
                        on_incoming(client_index, incoming);
                    })
                })
                .with_context(|| format!("client {client_index} of {}", self.server))?;
        }
        Ok(got_any)
    }

    /// Waits until there is something to pass on.
    pub(crate) fn wait(&mut self, mut on_incoming: impl FnMut(usize, Incoming<'_>)) -> anyhow::Result<()> {
        let end = Instant::now() + WAIT_TIMEOUT;
        while let Some(rest) = end.checked_duration_since(Instant::now()) {
            if self.poll_once(rest, &mut on_incoming)? {
                return Ok(());
            }
        }
        bail!("nothing arrived for {WAIT_TIMEOUT:?}")
    }

    /// Keeps the connections alive for this long.
    pub(crate) fn idle(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.poll_once(left, |_, _| {})?;
        }
        Ok(())
    }
}

impl Client {
    fn flush(&mut self) -> anyhow::Result<()> {
        while !self.outgoing.is_empty() {
            match self.stream.write(self.outgoing.as_slices().0) {
                Ok(sent) => drop(self.outgoing.drain(..sent)),
                // Not connected yet, or full: the socket will become writable.
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(
        &mut self,
        read_buffer: &mut [u8],
        on_incoming: &mut impl FnMut(Incoming<'_>),
    ) -> anyhow::Result<()> {
        loop {
            let partial = self.partial.len();
            read_buffer[..partial].copy_from_slice(&self.partial);
            self.partial.clear();
            let length = match self.stream.read(&mut read_buffer[partial..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => partial + read,
                Err(error) if is_not_ready(&error) => {
                    self.partial.extend(&read_buffer[..partial]);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let consumed = self.take(&read_buffer[..length], on_incoming)?;
            self.partial.extend(&read_buffer[consumed..length]);
            // A read that did not fill the buffer has emptied the socket.
            if length < read_buffer.len() {
                return Ok(());
            }
        }
    }

    /// Decodes what is complete at the front; returns how many bytes that was.
    fn take(&mut self, bytes: &[u8], on_incoming: &mut impl FnMut(Incoming<'_>)) -> anyhow::Result<usize> {
        match self.read_state {
            ReadState::Upgrade => {
                let Some(head) = head_length(bytes) else { return Ok(0) };
                if !bytes.starts_with(b"HTTP/1.1 101") {
                    bail!("no upgrade: {}", String::from_utf8_lossy(bytes));
                }
                self.read_state = ReadState::Frames;
                Ok(head + self.take_frames(&bytes[head..], on_incoming)?)
            }
            ReadState::Frames => self.take_frames(bytes, on_incoming),
            ReadState::Banner(banner) => {
                if bytes.len() < banner.len() {
                    return Ok(0);
                }
                if !bytes.starts_with(banner.as_bytes()) {
                    bail!("no welcome: {}", String::from_utf8_lossy(bytes));
                }
                self.read_state = ReadState::Marks;
                on_incoming(Incoming::Connected);
                Ok(banner.len())
            }
            ReadState::Marks => Ok(extract_marks(bytes, on_incoming)),
        }
    }

    fn take_frames(
        &mut self,
        bytes: &[u8],
        on_incoming: &mut impl FnMut(Incoming<'_>),
    ) -> anyhow::Result<usize> {
        let mut consumed = 0;
        while let Some(frame) = first_frame(&bytes[consumed..]) {
            let payload = &bytes[consumed..][frame.payload.clone()];
            consumed += frame.payload.end;
            if !frame.is_text {
                bail!("the server sent something that is no text, a close most likely");
            }
            self.decode(payload, on_incoming)?;
        }
        Ok(consumed)
    }

    fn decode(&mut self, payload: &[u8], on_incoming: &mut impl FnMut(Incoming<'_>)) -> anyhow::Result<()> {
        if payload.starts_with(b"42") {
            if let Some(number) = number_in(payload) {
                on_incoming(Incoming::Message(number));
            }
            return Ok(());
        }
        let text = std::str::from_utf8(payload)?;
        match socketio::Frame::decode(text).map_err(|_| anyhow!("not understood: {text}"))? {
            socketio::Frame::Open(_) => self.send_reply(&socketio::connect(&serde_json::json!({}))?),
            socketio::Frame::Ping => self.send_reply(socketio::PONG),
            socketio::Frame::Connected => {
                on_incoming(Incoming::Connected);
                Ok(())
            }
            socketio::Frame::Ack { id, payload } => {
                on_incoming(Incoming::Reply(id, payload));
                Ok(())
            }
            socketio::Frame::Event { .. } | socketio::Frame::Other => Ok(()),
            socketio::Frame::Close | socketio::Frame::Disconnect | socketio::Frame::ConnectError(_) => {
                bail!("sent away: {text}")
            }
        }
    }

    fn send_reply(&mut self, text: &str) -> anyhow::Result<()> {
        self.outgoing.extend(client_frame(text));
        self.flush()
    }
}

/// Finds the messages in bytes that may be cut anywhere, and leaves an end that may be the beginning of
/// another mark.
fn extract_marks(bytes: &[u8], on_incoming: &mut impl FnMut(Incoming<'_>)) -> usize {
    let mut consumed = 0;
    while let Some((number, end)) = find_number(&bytes[consumed..]) {
        on_incoming(Incoming::Message(number));
        consumed += end;
    }
    consumed.max(bytes.len().saturating_sub(MARK_LENGTH - 1))
}

fn is_not_ready(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;

    #[test]
    fn a_text_cut_anywhere_yields_each_message_once() {
        let text = format!("data: {}\n\ndata: {}\n\n", dialect::text(41), dialect::text(42)).into_bytes();
        for cut in 0..=text.len() {
            let mut numbers = Vec::new();
            let mut on_incoming = |incoming: Incoming<'_>| {
                if let Incoming::Message(number) = incoming {
                    numbers.push(number);
                }
            };
            let consumed = extract_marks(&text[..cut], &mut on_incoming);
            extract_marks(&text[consumed..], &mut on_incoming);
            assert_eq!(numbers, [41, 42]);
        }
    }
}
