//! Binds TCP sockets and accepts connections: at most so many in total and per client address, with
//! the socket options that make the kernel drop peers that stop reading or vanish. Behind a trusted proxy the
//! address is known later; its connections count for their clients from then on.
//!
//! The HTTP and the line transport share one [`ConnectionLimits`]. Nothing is read or written here.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{debug, warn};

use super::{
    permits::{AddressPermit, Permits, TotalPermit},
    proxy::TrustedProxies,
};
use crate::{address::ClientAddress, config::Config};

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
    permits: Permits,
    proxies: TrustedProxies,
    next_number: Arc<AtomicU64>,
}

/// A connection that the limits allow.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    /// Unique in this process.
    pub(super) number: u64,
    pub(super) permit: ConnectionPermit,
}

/// Counts one open connection until it is dropped.
pub(super) struct ConnectionPermit {
    _total: TotalPermit,
    /// `None` if the peer is a trusted proxy, which connects for many.
    _by_address: Option<AddressPermit>,
}

impl ConnectionLimits {
    pub(super) fn new(config: &Config) -> ConnectionLimits {
        ConnectionLimits {
            permits: Permits::new(config.max_connections, config.max_connections_per_address),
            proxies: TrustedProxies::new(&config.trusted_proxies),
            next_number: Arc::default(),
        }
    }

    /// The proxies that are trusted to name their clients.
    pub(super) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// Accepts the next connection that the limits allow; others are closed at once.
    pub(super) async fn accept(&self, listener: &TcpListener) -> Accepted {
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
            let number = self.next_number.fetch_add(1, Ordering::Relaxed);
            return Accepted { stream, peer, number, permit };
        }
    }

    /// Returns a permit unless a limit is reached. The clients of a trusted proxy are counted when they are known.
    fn try_acquire(&self, peer: SocketAddr) -> Option<ConnectionPermit> {
        let by_address = match self.proxies.contains(peer.ip()) {
            true => None,
            false => Some(self.try_acquire_address(ClientAddress::new(peer.ip()))?),
        };
        Some(ConnectionPermit { _total: self.permits.try_acquire_total()?, _by_address: by_address })
    }

    /// Counts a connection, or a request through a proxy, of this address; `None` if it has too many.
    pub(super) fn try_acquire_address(&self, client: ClientAddress) -> Option<AddressPermit> {
        self.permits.try_acquire_address(client)
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
