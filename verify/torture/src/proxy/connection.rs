//! One connection through the proxy: forwards both directions until its fault is due.

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, sleep, sleep_until},
};

use super::{
    DroppedEvent, Fault, Mode, Shared,
    chunks::{Chunk, ChunkReader, head_end},
    lock,
};

/// The faults that can be injected into a WebSocket, and into a connection of long-polling.
const WEBSOCKET_FAULTS: [Fault; 9] = [
    Fault::Reset,
    Fault::Close,
    Fault::HalfOpen,
    Fault::CutDown,
    Fault::CutUp,
    Fault::CutUpgrade,
    Fault::Delay,
    Fault::DropReplies,
    Fault::DropEvent,
];
const POLLING_FAULTS: [Fault; 6] =
    [Fault::Reset, Fault::Close, Fault::HalfOpen, Fault::CutDown, Fault::CutUp, Fault::Delay];

/// One in this many events is dropped.
const DROP_ONE_IN: u32 = 4;
/// How long a delay is.
const DELAY: Duration = Duration::from_millis(300);
/// How long the server's side of a half-open connection stays open.
const HALF_OPEN_TIME: Duration = Duration::from_secs(10);

/// A connection through the proxy.
pub(super) struct ProxiedConnection {
    shared: Arc<Shared>,
    local_address: SocketAddr,
    random: StdRng,
    /// The next fault.
    fault: Fault,
    /// The time from which it may happen.
    due_from: Instant,
    /// The time at which it happens by itself; one that needs bytes which have not come is then replaced.
    fires_at: Instant,
    /// The server's frames, if this is a WebSocket.
    reader: Option<ChunkReader>,
}

/// Whether the connection goes on.
enum Step {
    Continue,
    End(Fault),
}

impl ProxiedConnection {
    pub(super) fn new(shared: Arc<Shared>, local_address: SocketAddr, seed: u64) -> ProxiedConnection {
        let random = StdRng::seed_from_u64(seed);
        let now = Instant::now();
        ProxiedConnection {
            shared,
            local_address,
            random,
            fault: Fault::Reset,
            due_from: now,
            fires_at: now,
            reader: None,
        }
    }

    /// Forwards everything until one side closes, or a fault ends the connection.
    pub(super) async fn run(mut self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(self.shared.server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
        let first = client.read(&mut up).await?;
        let is_websocket = up[..first].windows(19).any(|window| window == b"transport=websocket");
        self.reader = is_websocket.then(ChunkReader::default);
        self.plan_fault();
        server.write_all(&up[..first]).await?;
        let end = loop {
            let next = tokio::select! {
                read = client.read(&mut up) => match read? {
                    0 => return Ok(()),
                    length => self.forward_to_server(&up[..length], &mut server).await?,
                },
                read = server.read(&mut down) => match read? {
                    0 => return Ok(()),
                    length => self.forward_to_client(&down[..length], &mut client).await?,
                },
                () = sleep_until(self.fires_at.into()) => self.fire().await,
            };
            if let Step::End(fault) = next {
                break fault;
            }
        };
        self.end(end, client, server).await
    }

    /// Chooses the next fault and its time.
    fn plan_fault(&mut self) {
        let faults: &[Fault] = if self.reader.is_some() { &WEBSOCKET_FAULTS } else { &POLLING_FAULTS };
        self.fault = faults[self.random.random_range(0..faults.len())];
        let wait = self.shared.mean_lifetime.mul_f64(self.random.random_range(0.0..2.0));
        self.due_from = Instant::now() + wait;
        self.fires_at = match self.fault {
            Fault::Reset | Fault::Close | Fault::HalfOpen | Fault::Delay => self.due_from,
            // The others wait for matching bytes, or go on for a while.
            _ => self.due_from + self.shared.mean_lifetime * 4,
        };
    }

    /// Returns whether this fault may happen now.
    fn is_due(&self, fault: Fault) -> bool {
        self.fault == fault && Instant::now() >= self.due_from && self.shared.is_mode(Mode::InjectFaults)
    }

    /// Performs the faults that need no bytes.
    async fn fire(&mut self) -> Step {
        if !self.shared.is_mode(Mode::InjectFaults) {
            self.plan_fault();
            return Step::Continue;
        }
        match self.fault {
            Fault::Reset | Fault::Close | Fault::HalfOpen => return Step::End(self.fault),
            Fault::Delay => {
                self.count(Fault::Delay);
                sleep(DELAY).await;
            }
            _ => {}
        }
        self.plan_fault();
        Step::Continue
    }

    async fn forward_to_server(&mut self, bytes: &[u8], server: &mut TcpStream) -> io::Result<Step> {
        if self.is_due(Fault::CutUp) {
            server.write_all(&bytes[..bytes.len() / 2]).await?;
            return Ok(Step::End(Fault::CutUp));
        }
        server.write_all(bytes).await?;
        Ok(Step::Continue)
    }

    async fn forward_to_client(&mut self, bytes: &[u8], client: &mut TcpStream) -> io::Result<Step> {
        let Some(mut reader) = self.reader.take() else {
            return self.forward_reply(bytes, client).await;
        };
        reader.extend(bytes);
        while let Some(chunk) = reader.next() {
            let half = &chunk.bytes[..chunk.bytes.len() / 2];
            // The handshake comes at once, so this fault does not wait until it is due.
            let cut = match self.fault {
                Fault::CutUpgrade => chunk.is_head() && self.shared.is_mode(Mode::InjectFaults),
                fault => fault == Fault::CutDown && self.is_due(fault),
            };
            if cut {
                client.write_all(half).await?;
                return Ok(Step::End(self.fault));
            }
            if !self.drops(&chunk) {
                client.write_all(&chunk.bytes).await?;
            }
        }
        self.reader = Some(reader);
        Ok(Step::Continue)
    }

    /// Forwards a part of the response to a poll, or cuts it in the middle of its body.
    async fn forward_reply(&mut self, bytes: &[u8], client: &mut TcpStream) -> io::Result<Step> {
        if self.is_due(Fault::CutDown) {
            let body = head_end(bytes).unwrap_or(0);
            client.write_all(&bytes[..body + (bytes.len() - body) / 2]).await?;
            return Ok(Step::End(Fault::CutDown));
        }
        client.write_all(bytes).await?;
        Ok(Step::Continue)
    }

    /// Decides whether to drop this chunk; if so, counts the fault and records the event.
    fn drops(&mut self, chunk: &Chunk) -> bool {
        if self.is_due(Fault::DropReplies) && chunk.is_reply() {
            self.count(Fault::DropReplies);
            return true;
        }
        let is_chosen = self.is_due(Fault::DropEvent) && self.random.random_range(0..DROP_ONE_IN) == 0;
        if !is_chosen && !self.shared.is_mode(Mode::DropEvents) {
            return false;
        }
        let Some(pushed) = chunk.event() else { return false };
        self.count(Fault::DropEvent);
        let (local_address, room, seq) = (self.local_address, pushed.room, pushed.event.seq);
        lock(&self.shared.dropped_events).push(DroppedEvent { local_address, room, seq, at: Instant::now() });
        true
    }

    async fn end(self, fault: Fault, mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
        self.count(fault);
        match fault {
            Fault::HalfOpen => {
                // Until the client gives up; the server keeps its half open for longer.
                while client.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {}
                drop(client);
                sleep(HALF_OPEN_TIME).await;
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
        *lock(&self.shared.fault_counts).entry(fault).or_default() += 1;
    }
}
