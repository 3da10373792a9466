//! The worst network: a TCP proxy that treats every connection well for a while and then does one
//! bad thing to it.
//!
//! It stands between the clients and the server and knows just enough of HTTP and WebSocket to cut
//! where it hurts. It counts what it did, and notes every event that it swallowed.

mod carrier;
mod frames;

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

use self::carrier::Carrier;

/// What is done to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A TCP reset to both sides.
    Reset,
    /// A clean end of both directions.
    Close,
    /// Nothing is carried any more, and nobody is told.
    HalfOpen,
    /// The end comes in the middle of what the server says.
    CutDown,
    /// The end comes in the middle of what the client says.
    CutUp,
    /// The end comes in the middle of the answer to the WebSocket handshake.
    CutUpgrade,
    /// Everything waits for a moment.
    Delay,
    /// Answers are swallowed until the client gives up.
    LoseAnswers,
    /// Events are swallowed, one in a few, while all else is carried.
    Swallow,
}

impl Fault {
    /// What reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Reset => "RST",
            Fault::Close => "FIN",
            Fault::HalfOpen => "half-open",
            Fault::CutDown => "in the middle of a frame or poll response",
            Fault::CutUp => "in the middle of a frame or post of the client",
            Fault::CutUpgrade => "during the upgrade",
            Fault::Delay => "delay",
            Fault::LoseAnswers => "loss of acknowledgements",
            Fault::Swallow => "silent loss of an event",
        }
    }
}

/// How the proxy behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mood {
    /// It carries everything.
    Honest,
    /// It does to each connection what the dice say.
    Cruel,
    /// It swallows every event on every WebSocket.
    Deaf,
}

/// A running proxy.
pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// An event that did not arrive.
#[derive(Clone, Debug)]
pub struct Swallowed {
    /// The client's end of the connection.
    pub line: SocketAddr,
    pub room: RoomName,
    pub seq: Seq,
    pub at: Instant,
}

struct Shared {
    server: SocketAddr,
    mood: AtomicU8,
    /// How long a connection is treated well, at the mean.
    life: Duration,
    done: Mutex<BTreeMap<Fault, u64>>,
    swallowed: Mutex<Vec<Swallowed>>,
}

impl Proxy {
    /// Stands in front of this server.
    pub async fn start(server: SocketAddr, life: Duration, seed: u64) -> io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            mood: AtomicU8::new(Mood::Honest as u8),
            life,
            done: Mutex::default(),
            swallowed: Mutex::default(),
        });
        let (serving, mut random) = (shared.clone(), StdRng::seed_from_u64(seed));
        let task = tokio::spawn(async move {
            while let Ok((client, line)) = listener.accept().await {
                let (shared, seed) = (serving.clone(), random.random());
                // What breaks here was broken on purpose, or breaks for the client as well.
                tokio::spawn(async move { Carrier::new(shared, line, seed).carry(client).await });
            }
        });
        Ok(Proxy { address, shared, task })
    }

    /// Behaves like this from now on; what has begun goes on.
    pub fn be(&self, mood: Mood) {
        self.shared.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// What was done how often.
    pub fn done(&self) -> BTreeMap<Fault, u64> {
        lock(&self.shared.done).clone()
    }

    /// How many connections were ended.
    pub fn cuts(&self) -> u64 {
        let ends = |fault: &Fault| !matches!(fault, Fault::Delay | Fault::LoseAnswers | Fault::Swallow);
        self.done().iter().filter(|(fault, _)| ends(fault)).map(|(_, count)| count).sum()
    }

    /// The events that did not arrive.
    pub fn swallowed(&self) -> Vec<Swallowed> {
        lock(&self.shared.swallowed).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn is(&self, mood: Mood) -> bool {
        self.mood.load(Ordering::Relaxed) == mood as u8
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
