//! Binds TCP sockets and accepts connections: at most so many in total and per client address, with
//! the socket options that make the kernel drop peers that stop reading or vanish.
//!
//! The HTTP and the line transport share one [`ConnectionLimits`]. Nothing is read or written here.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{debug, warn};

use crate::{
    chat::limits::{is_loopback, network_of},
    config::Config,
};

/// The length of the kernel's accept queue.
const BACKLOG: u32 = 1024;
/// How long sent data may stay unacknowledged before the kernel closes the connection, also when the
/// peer acknowledges but does not read (a zero window).
#[cfg(target_os = "linux")]
const UNREAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The idle time after which the kernel sends keepalive probes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// The kernel's send buffer per connection, in bytes.
const SEND_BUFFER: usize = 128 * 1024;

/// Binds a socket. It accepts connections from now on, but none is served before the first `accept`.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Without it, a restart could not bind until the last run's connections have left TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Counts the open connections of all transports against the configured limits. Cheap to clone.
#[derive(Clone)]
pub(super) struct ConnectionLimits {
    max_total: usize,
    max_per_address: usize,
    open: Arc<Mutex<OpenConnections>>,
}

#[derive(Default)]
struct OpenConnections {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts one open connection until it is dropped.
pub(super) struct ConnectionPermit {
    open: Arc<Mutex<OpenConnections>>,
    address: IpAddr,
}

impl ConnectionLimits {
    pub(super) fn new(config: &Config) -> ConnectionLimits {
        ConnectionLimits {
            max_total: config.max_connections,
            max_per_address: config.max_connections_per_address,
            open: Arc::default(),
        }
    }

    /// Accepts the next connection that the limits allow; others are closed at once.
    pub(super) async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr, ConnectionPermit) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Most likely the process is out of file descriptors; wait until other
                    // connections have ended.
                    warn!("accepting a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Some(permit) = self.try_acquire(peer) else {
                debug!(%peer, "too many connections");
                continue;
            };
            if let Err(error) = set_socket_options(&stream) {
                debug!(%peer, "setting socket options: {error}");
            }
            return (stream, peer, permit);
        }
    }

    /// Returns a permit unless a limit is reached. Loopback addresses count in the total only,
    /// because a reverse proxy on this machine connects for all of its clients.
    fn try_acquire(&self, peer: SocketAddr) -> Option<ConnectionPermit> {
        let address = network_of(peer.ip());
        let mut open = self.open.lock();
        let from_address = open.by_address.get(&address).copied().unwrap_or_default();
        if open.total >= self.max_total || (from_address >= self.max_per_address && !is_loopback(peer.ip())) {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, from_address + 1);
        Some(ConnectionPermit { open: self.open.clone(), address })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.total -= 1;
        if let Some(from_address) = open.by_address.get_mut(&self.address) {
            *from_address -= 1;
            if *from_address == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

fn set_socket_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    // Other systems keep their default retransmission timeout.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT))?;
    // A peer that vanished without closing is detected by unanswered probes, which frees its seat.
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_IDLE / 3),
    )?;
    socket.set_send_buffer_size(SEND_BUFFER)
}
