//! Many clients in one thread: connecting, joining, speaking, and counting what arrives. Most speak
//! Socket.IO; of those at another door only the bytes are looked at.
//!
//! One readiness loop and one buffer for all, one `recv` for each arrival, and no decoding of what
//! is only counted: the crowd shares its machine with the server it measures, and must be the
//! smaller of the two.

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
    dialect::{MARK_LENGTH, first_number, number_in},
    wire::{client_frame, first_frame, head_length, upgrade_request},
};

/// How many clients may be on their way in at once.
const AT_ONCE: usize = 64;
/// How long nothing may happen while something is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The acknowledgement that joining asks for; messages use their numbers.
pub(crate) const JOINED: u32 = u32::MAX;

/// Clients of one server.
pub(crate) struct Crowd {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    /// What was just received, of whichever client.
    arrived: Box<[u8]>,
}

struct Client {
    stream: TcpStream,
    reading: Reading,
    /// The beginning of a frame whose end has not arrived.
    begun: Vec<u8>,
    /// What the kernel did not take yet.
    unsent: VecDeque<u8>,
}

/// What a client expects next.
enum Reading {
    /// The answer to its upgrade.
    Upgrade,
    Frames,
    /// The first words of another door, which must begin like this.
    Welcome(&'static str),
    /// Anything, in which messages are found by their mark.
    Text,
}

/// What a client heard.
pub(crate) enum Heard<'a> {
    /// It is in the namespace, or was welcomed at another door.
    Entered,
    /// The message of this number.
    Message(u32),
    /// The answer to what it asked under this id.
    Answer(u32, &'a str),
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr) -> anyhow::Result<Crowd> {
        Ok(Crowd {
            server,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            arrived: vec![0; 256 * 1024].into(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Lets `count` more clients come in; each says what `join` gives for it, asking for the
    /// acknowledgement [`JOINED`].
    pub(crate) fn gather(
        &mut self,
        count: usize,
        join: impl Fn(usize) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let all = self.clients.len() + count;
        let mut joined = self.clients.len();
        let mut entered = Vec::new();
        while joined < all {
            while self.clients.len() < all.min(joined + AT_ONCE) {
                self.open(self.server, upgrade_request(self.server).as_bytes(), Reading::Upgrade)?;
            }
            let mut refused = None;
            self.wait(|who, heard| match heard {
                Heard::Entered => entered.push(who),
                Heard::Answer(JOINED, answer) if answer.starts_with(r#"{"error""#) => {
                    refused = Some(answer.to_owned());
                }
                Heard::Answer(JOINED, _) => joined += 1,
                Heard::Answer(..) | Heard::Message(_) => {}
            })
            .with_context(|| format!("{joined} of {all} came in"))?;
            if let Some(refusal) = refused {
                bail!("joining was refused: {refusal}");
            }
            for who in entered.drain(..) {
                self.say(who, &join(who)?)?;
            }
        }
        Ok(())
    }

    /// Lets `count` more clients in at another door; each says `opening`, and is told something
    /// that begins with `welcome`.
    pub(crate) fn gather_at(
        &mut self,
        door: SocketAddr,
        count: usize,
        opening: &[u8],
        welcome: &'static str,
    ) -> anyhow::Result<()> {
        for _ in 0..count {
            self.open(door, opening, Reading::Welcome(welcome))?;
        }
        let mut welcomed = 0;
        while welcomed < count {
            self.wait(|_, heard| welcomed += usize::from(matches!(heard, Heard::Entered)))
                .with_context(|| format!("{welcomed} of {count} came in"))?;
        }
        Ok(())
    }

    fn open(&mut self, door: SocketAddr, opening: &[u8], reading: Reading) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(door).context("connecting")?;
        let token = Token(self.clients.len());
        self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.clients.push(Client { stream, reading, begun: Vec::new(), unsent: opening.to_vec().into() });
        Ok(())
    }

    /// Lets a client send one frame.
    pub(crate) fn say(&mut self, who: usize, text: &str) -> anyhow::Result<()> {
        self.send(who, &client_frame(text))
    }

    /// Lets a client send these bytes as they are.
    pub(crate) fn send(&mut self, who: usize, bytes: &[u8]) -> anyhow::Result<()> {
        let client = &mut self.clients[who];
        client.unsent.extend(bytes);
        client.flush().with_context(|| format!("writing as client {who}"))
    }

    /// Waits at most this long for something to arrive, and tells all that did. False when there
    /// was nothing to tell: heartbeats and handshakes are nothing.
    pub(crate) fn turn(
        &mut self,
        within: Duration,
        mut hear: impl FnMut(usize, Heard<'_>),
    ) -> anyhow::Result<bool> {
        match self.poll.poll(&mut self.events, Some(within)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            polled => polled?,
        }
        let mut was_told = false;
        for event in &self.events {
            let who = event.token().0;
            let client = &mut self.clients[who];
            client
                .flush()
                .and_then(|()| {
                    client.receive(&mut self.arrived, &mut |heard| {
                        was_told = true;
                        hear(who, heard);
                    })
                })
                .with_context(|| format!("client {who} of {}", self.server))?;
        }
        Ok(was_told)
    }

    /// Waits until there is something to tell.
    pub(crate) fn wait(&mut self, mut hear: impl FnMut(usize, Heard<'_>)) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        while let Some(rest) = end.checked_duration_since(Instant::now()) {
            if self.turn(rest, &mut hear)? {
                return Ok(());
            }
        }
        bail!("nothing was heard for {PATIENCE:?}")
    }

    /// Takes turns for this long, only to stay alive.
    pub(crate) fn idle(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.turn(left, |_, _| {})?;
        }
        Ok(())
    }
}

impl Client {
    fn flush(&mut self) -> anyhow::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(self.unsent.as_slices().0) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                // Not connected yet, or full: readiness will come.
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, arrived: &mut [u8], hear: &mut impl FnMut(Heard<'_>)) -> anyhow::Result<()> {
        loop {
            let begun = self.begun.len();
            arrived[..begun].copy_from_slice(&self.begun);
            self.begun.clear();
            let length = match self.stream.read(&mut arrived[begun..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => begun + read,
                Err(error) if not_yet(&error) => {
                    self.begun.extend(&arrived[..begun]);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let taken = self.take(&arrived[..length], hear)?;
            self.begun.extend(&arrived[taken..length]);
            // A read that did not fill the buffer has emptied the socket.
            if length < arrived.len() {
                return Ok(());
            }
        }
    }

    /// Takes off the front what can be understood already; how many bytes that was.
    fn take(&mut self, bytes: &[u8], hear: &mut impl FnMut(Heard<'_>)) -> anyhow::Result<usize> {
        match self.reading {
            Reading::Upgrade => {
                let Some(head) = head_length(bytes) else { return Ok(0) };
                if !bytes.starts_with(b"HTTP/1.1 101") {
                    bail!("no upgrade: {}", String::from_utf8_lossy(bytes));
                }
                self.reading = Reading::Frames;
                Ok(head + self.take_frames(&bytes[head..], hear)?)
            }
            Reading::Frames => self.take_frames(bytes, hear),
            Reading::Welcome(welcome) => {
                if bytes.len() < welcome.len() {
                    return Ok(0);
                }
                if !bytes.starts_with(welcome.as_bytes()) {
                    bail!("no welcome: {}", String::from_utf8_lossy(bytes));
                }
                self.reading = Reading::Text;
                hear(Heard::Entered);
                Ok(welcome.len())
            }
            Reading::Text => Ok(take_marks(bytes, hear)),
        }
    }

    fn take_frames(&mut self, bytes: &[u8], hear: &mut impl FnMut(Heard<'_>)) -> anyhow::Result<usize> {
        let mut taken = 0;
        while let Some(frame) = first_frame(&bytes[taken..]) {
            let payload = &bytes[taken..][frame.payload.clone()];
            taken += frame.payload.end;
            if !frame.is_text {
                bail!("the server sent something that is no text, a close most likely");
            }
            self.understand(payload, hear)?;
        }
        Ok(taken)
    }

    fn understand(&mut self, payload: &[u8], hear: &mut impl FnMut(Heard<'_>)) -> anyhow::Result<()> {
        if payload.starts_with(b"42") {
            if let Some(number) = number_in(payload) {
                hear(Heard::Message(number));
            }
            return Ok(());
        }
        let text = std::str::from_utf8(payload)?;
        match socketio::Frame::decode(text).map_err(|_| anyhow!("not understood: {text}"))? {
            socketio::Frame::Open(_) => self.answer(&socketio::connect(&serde_json::json!({}))?),
            socketio::Frame::Ping => self.answer(socketio::PONG),
            socketio::Frame::Connected => {
                hear(Heard::Entered);
                Ok(())
            }
            socketio::Frame::Ack { id, payload } => {
                hear(Heard::Answer(id, payload));
                Ok(())
            }
            socketio::Frame::Event { .. } | socketio::Frame::Other => Ok(()),
            socketio::Frame::Close | socketio::Frame::Disconnect | socketio::Frame::ConnectError(_) => {
                bail!("sent away: {text}")
            }
        }
    }

    fn answer(&mut self, text: &str) -> anyhow::Result<()> {
        self.unsent.extend(client_frame(text));
        self.flush()
    }
}

/// Tells the messages in a text that may be cut anywhere, and keeps of its end what may be the
/// beginning of another.
fn take_marks(bytes: &[u8], hear: &mut impl FnMut(Heard<'_>)) -> usize {
    let mut taken = 0;
    while let Some((number, end)) = first_number(&bytes[taken..]) {
        hear(Heard::Message(number));
        taken += end;
    }
    taken.max(bytes.len().saturating_sub(MARK_LENGTH - 1))
}

fn not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;

    #[test]
    fn a_text_that_is_cut_anywhere_tells_each_message_once() {
        let text = format!("data: {}\n\ndata: {}\n\n", dialect::text(41), dialect::text(42)).into_bytes();
        for cut in 0..=text.len() {
            let mut told = Vec::new();
            let mut hear = |heard: Heard<'_>| {
                if let Heard::Message(number) = heard {
                    told.push(number);
                }
            };
            let taken = take_marks(&text[..cut], &mut hear);
            take_marks(&text[taken..], &mut hear);
            assert_eq!(told, [41, 42]);
        }
    }
}
