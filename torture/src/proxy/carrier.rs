//! One connection through the proxy: carried both ways, until its time has come.

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, sleep, sleep_until},
};

use super::{
    Fault, Mood, Shared, Swallowed,
    frames::{Frames, Piece, head_end},
    lock,
};

/// What may happen to a WebSocket, and to a connection of long-polling.
const TO_WEBSOCKETS: [Fault; 9] = [
    Fault::Reset,
    Fault::Close,
    Fault::HalfOpen,
    Fault::CutDown,
    Fault::CutUp,
    Fault::CutUpgrade,
    Fault::Delay,
    Fault::LoseAnswers,
    Fault::Swallow,
];
const TO_POLLS: [Fault; 6] =
    [Fault::Reset, Fault::Close, Fault::HalfOpen, Fault::CutDown, Fault::CutUp, Fault::Delay];

/// Of this many events one is swallowed.
const SWALLOWED: u32 = 4;
/// How long a delay is.
const DELAY: Duration = Duration::from_millis(300);
/// How long the server's side of a half-open connection is kept.
const LIMBO: Duration = Duration::from_secs(10);

/// One connection's way through the proxy.
pub(super) struct Carrier {
    shared: Arc<Shared>,
    line: SocketAddr,
    random: StdRng,
    /// What is done to it next, from when on, and when it comes by itself.
    fault: Fault,
    from: Instant,
    strikes: Instant,
    /// The frames of the server, when this is a WebSocket.
    frames: Option<Frames>,
}

/// How a connection goes on.
enum Next {
    On,
    End(Fault),
}

impl Carrier {
    pub(super) fn new(shared: Arc<Shared>, line: SocketAddr, seed: u64) -> Carrier {
        let random = StdRng::seed_from_u64(seed);
        let now = Instant::now();
        Carrier { shared, line, random, fault: Fault::Reset, from: now, strikes: now, frames: None }
    }

    /// Carries everything until one side ends, or the fault does.
    pub(super) async fn carry(mut self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(self.shared.server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
        let first = client.read(&mut up).await?;
        let is_websocket = up[..first].windows(19).any(|window| window == b"transport=websocket");
        self.frames = is_websocket.then(Frames::default);
        self.throw();
        server.write_all(&up[..first]).await?;
        let end = loop {
            let next = tokio::select! {
                read = client.read(&mut up) => match read? {
                    0 => return Ok(()),
                    length => self.upwards(&up[..length], &mut server).await?,
                },
                read = server.read(&mut down) => match read? {
                    0 => return Ok(()),
                    length => self.downwards(&down[..length], &mut client).await?,
                },
                () = sleep_until(self.strikes.into()) => self.strike().await,
            };
            if let Next::End(fault) = next {
                break fault;
            }
        };
        self.end(end, client, server).await
    }

    /// Decides what happens next, and when.
    fn throw(&mut self) {
        let faults: &[Fault] = if self.frames.is_some() { &TO_WEBSOCKETS } else { &TO_POLLS };
        self.fault = faults[self.random.random_range(0..faults.len())];
        let wait = self.shared.life.mul_f64(self.random.random_range(0.0..2.0));
        self.from = Instant::now() + wait;
        self.strikes = match self.fault {
            Fault::Reset | Fault::Close | Fault::HalfOpen | Fault::Delay => self.from,
            // The others wait for the right bytes, or go on for a while.
            _ => self.from + self.shared.life * 4,
        };
    }

    /// Whether it is time for this fault.
    fn is_due(&self, fault: Fault) -> bool {
        self.fault == fault && Instant::now() >= self.from && self.shared.is(Mood::Cruel)
    }

    /// Does what comes by itself.
    async fn strike(&mut self) -> Next {
        if !self.shared.is(Mood::Cruel) {
            self.throw();
            return Next::On;
        }
        match self.fault {
            Fault::Reset | Fault::Close | Fault::HalfOpen => return Next::End(self.fault),
            Fault::Delay => {
                self.count(Fault::Delay);
                sleep(DELAY).await;
            }
            _ => {}
        }
        self.throw();
        Next::On
    }

    async fn upwards(&mut self, bytes: &[u8], server: &mut TcpStream) -> io::Result<Next> {
        if self.is_due(Fault::CutUp) {
            server.write_all(&bytes[..bytes.len() / 2]).await?;
            return Ok(Next::End(Fault::CutUp));
        }
        server.write_all(bytes).await?;
        Ok(Next::On)
    }

    async fn downwards(&mut self, bytes: &[u8], client: &mut TcpStream) -> io::Result<Next> {
        let Some(mut frames) = self.frames.take() else {
            return self.answer(bytes, client).await;
        };
        frames.extend(bytes);
        while let Some(piece) = frames.next() {
            let half = &piece.bytes[..piece.bytes.len() / 2];
            // The handshake comes at once, whatever was planned for later.
            let cut = match self.fault {
                Fault::CutUpgrade => piece.is_head() && self.shared.is(Mood::Cruel),
                fault => fault == Fault::CutDown && self.is_due(fault),
            };
            if cut {
                client.write_all(half).await?;
                return Ok(Next::End(self.fault));
            }
            if !self.swallows(&piece) {
                client.write_all(&piece.bytes).await?;
            }
        }
        self.frames = Some(frames);
        Ok(Next::On)
    }

    /// Carries a part of the answer to a poll, or cuts it in the middle of its body.
    async fn answer(&mut self, bytes: &[u8], client: &mut TcpStream) -> io::Result<Next> {
        if self.is_due(Fault::CutDown) {
            let body = head_end(bytes).unwrap_or(0);
            client.write_all(&bytes[..body + (bytes.len() - body) / 2]).await?;
            return Ok(Next::End(Fault::CutDown));
        }
        client.write_all(bytes).await?;
        Ok(Next::On)
    }

    fn swallows(&mut self, piece: &Piece) -> bool {
        if self.is_due(Fault::LoseAnswers) && piece.is_answer() {
            self.count(Fault::LoseAnswers);
            return true;
        }
        let dice = self.is_due(Fault::Swallow) && self.random.random_range(0..SWALLOWED) == 0;
        if !dice && !self.shared.is(Mood::Deaf) {
            return false;
        }
        let Some(told) = piece.event() else { return false };
        self.count(Fault::Swallow);
        let (line, room, seq) = (self.line, told.room, told.event.seq);
        lock(&self.shared.swallowed).push(Swallowed { line, room, seq, at: Instant::now() });
        true
    }

    async fn end(self, fault: Fault, mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
        self.count(fault);
        match fault {
            Fault::HalfOpen => {
                // Until the client gives it up; the server is left alone with its half for longer.
                while client.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {}
                drop(client);
                sleep(LIMBO).await;
            }
            Fault::Close => {
                client.shutdown().await?;
                server.shutdown().await?;
            }
            _ => {
                SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
                SockRef::from(&server).set_linger(Some(Duration::ZERO))?;
            }
        }
        Ok(())
    }

    fn count(&self, fault: Fault) {
        *lock(&self.shared.done).entry(fault).or_default() += 1;
    }
}
