//! The way in through TCP, the same for every door behind which connections stay: how many there may
//! be, and how the kernel treats those that do not read.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

use crate::{
    chat::limits::{is_loopback, network},
    config::Config,
    lock::lock,
};

/// How long the kernel waits for a peer to take what was sent (a zero window counts).
#[cfg(target_os = "linux")]
const UNREAD_TIMEOUT: Duration = Duration::from_secs(15);
/// After how long a silence the kernel asks whether the peer is still there.
const SILENT_FOR: Duration = Duration::from_secs(10);
/// How much the kernel may hold for a peer that does not read, in bytes.
const SEND_BUFFER: usize = 128 * 1024;

/// How many connections there may be, over all doors together. Cheap to clone.
#[derive(Clone)]
pub(super) struct Caps {
    total: usize,
    per_address: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place among the counted ones; given back when dropped.
pub(super) struct Place {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
}

impl Caps {
    pub(super) fn new(config: &Config) -> Caps {
        Caps {
            total: config.max_connections,
            per_address: config.max_connections_per_address,
            open: Arc::default(),
        }
    }

    /// The next connection for which there is a place.
    pub(super) async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr, Place) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: others will end, and theirs come free.
                    warn!("accepting a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Some(place) = self.place(peer) else {
                debug!(%peer, "too many connections");
                continue;
            };
            if let Err(error) = tune(&stream) {
                debug!(%peer, "setting socket options: {error}");
            }
            return (stream, peer, place);
        }
    }

    /// A place for one more connection, if there is one. Loopback counts in the total only: a
    /// reverse proxy on this machine brings everybody.
    fn place(&self, peer: SocketAddr) -> Option<Place> {
        let address = network(peer.ip());
        let mut open = lock(&self.open);
        let here = open.by_address.get(&address).copied().unwrap_or_default();
        if open.total >= self.total || (here >= self.per_address && !is_loopback(peer.ip())) {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, here + 1);
        Some(Place { open: self.open.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.total -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    // Elsewhere the system's own patience has to do.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT))?;
    // Who vanished without a word is noticed by not answering, and gives up the seat.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENT_FOR).with_interval(SILENT_FOR / 3))?;
    socket.set_send_buffer_size(SEND_BUFFER)
}
