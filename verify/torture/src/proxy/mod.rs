//! A TCP proxy that simulates a bad network: it forwards every connection for a while and then injects one
//! fault.
//!
//! It stands between the clients and the server and knows just enough of HTTP and WebSocket to cut at the
//! worst places. It counts the faults and records every event that it dropped.

mod chunks;
mod connection;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Instant,
};

use common::{message::Seq, room::RoomName};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{net::TcpListener, task::JoinHandle, time::Duration};

use self::connection::ProxiedConnection;

/// A fault of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A TCP reset to both sides.
    Reset,
    /// A clean end of both directions.
    Close,
    /// Nothing is forwarded any more, and neither side notices.
    HalfOpen,
    /// The connection ends in the middle of the server's bytes.
    CutDown,
    /// The connection ends in the middle of the client's bytes.
    CutUp,
    /// The connection ends in the middle of the response to the WebSocket handshake.
    CutUpgrade,
    /// Everything waits for a moment.
    Delay,
    /// Replies are dropped until the client gives up.
    DropReplies,
    /// One in a few events is dropped; everything else is forwarded.
    DropEvent,
}

impl Fault {
    /// The name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Reset => "RST",
            Fault::Close => "FIN",
            Fault::HalfOpen => "half-open",
            Fault::CutDown => "in the middle of a frame or poll response",
            Fault::CutUp => "in the middle of a frame or post of the client",
            Fault::CutUpgrade => "during the upgrade",
            Fault::Delay => "delay",
            Fault::DropReplies => "loss of acknowledgements",
            Fault::DropEvent => "silent loss of an event",
        }
    }
}

/// The behaviour of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Forwards everything.
    Forward,
    /// Injects faults at random.
    InjectFaults,
    /// Drops every event on every WebSocket.
    DropEvents,
}

/// A running proxy.
pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// An event that was dropped.
#[derive(Clone, Debug)]
pub struct DroppedEvent {
    /// The client's end of the connection.
    pub local_address: SocketAddr,
    pub room: RoomName,
    pub seq: Seq,
    pub at: Instant,
}

struct Shared {
    server: SocketAddr,
    mode: AtomicU8,
    /// How long a connection works before a fault, at the mean.
    mean_lifetime: Duration,
    fault_counts: Mutex<BTreeMap<Fault, u64>>,
    dropped_events: Mutex<Vec<DroppedEvent>>,
}

impl Proxy {
    /// Starts a proxy in front of this server.
    pub async fn start(server: SocketAddr, mean_lifetime: Duration, seed: u64) -> io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            mode: AtomicU8::new(Mode::Forward as u8),
            mean_lifetime,
            fault_counts: Mutex::default(),
            dropped_events: Mutex::default(),
        });
        let (shared_with_task, mut random) = (shared.clone(), StdRng::seed_from_u64(seed));
        let task = tokio::spawn(async move {
            while let Ok((client, local_address)) = listener.accept().await {
                let (shared, seed) = (shared_with_task.clone(), random.random());
                // Errors here were injected, or also reach the client.
                tokio::spawn(
                    async move { ProxiedConnection::new(shared, local_address, seed).run(client).await },
                );
            }
        });
        Ok(Proxy { address, shared, task })
    }

    /// Changes the behaviour from now on; faults that have begun go on.
    pub fn set_mode(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::Relaxed);
    }

    /// Returns how often each fault happened.
    pub fn fault_counts(&self) -> BTreeMap<Fault, u64> {
        lock(&self.shared.fault_counts).clone()
    }

    /// Returns how many connections were ended.
    pub fn cuts(&self) -> u64 {
        let ends = |fault: &Fault| !matches!(fault, Fault::Delay | Fault::DropReplies | Fault::DropEvent);
        self.fault_counts().iter().filter(|(fault, _)| ends(fault)).map(|(_, count)| count).sum()
    }

    /// Returns the events that were dropped.
    pub fn dropped_events(&self) -> Vec<DroppedEvent> {
        lock(&self.shared.dropped_events).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn is_mode(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::Relaxed) == mode as u8
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
