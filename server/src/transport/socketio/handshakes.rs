//! Bounds the sessions over long-polling that have not entered the namespace. Each takes memory until it
//! enters or its time is over, and one TCP connection can open any number of them.

use std::sync::{Arc, atomic::Ordering};

use parking_lot::Mutex;

use crate::transport::{
    guard::ClientInfo,
    permits::{Permit, Permits},
    raw_socket::ConnectionHandle,
};

/// The most open handshakes: in all, of one address, and over one TCP connection, which a
/// reverse proxy may share between clients. Each takes about 8 KiB.
const MAX_TOTAL: usize = 4_096;
const MAX_PER_ADDRESS: usize = 256;
const MAX_PER_CONNECTION: usize = 64;

/// Counts the open handshakes.
pub(super) struct Handshakes(Permits);

/// Counts one handshake until the session enters the namespace or ends. Cheap to clone.
#[derive(Clone)]
pub(super) struct HandshakePermit(Arc<Mutex<Option<(Permit, ConnectionPermit)>>>);

/// Counts one handshake of a TCP connection until it is dropped.
struct ConnectionPermit(ConnectionHandle);

impl Handshakes {
    pub(super) fn new() -> Handshakes {
        Handshakes(Permits::new(MAX_TOTAL, MAX_PER_ADDRESS))
    }

    /// Returns a permit unless a limit is reached.
    pub(super) fn try_acquire(&self, client: &ClientInfo) -> Option<HandshakePermit> {
        let open = client.connection.open_handshakes();
        if open.load(Ordering::Relaxed) >= MAX_PER_CONNECTION {
            return None;
        }
        let permit = self.0.try_acquire(client.address)?;
        open.fetch_add(1, Ordering::Relaxed);
        let of_connection = ConnectionPermit(client.connection.clone());
        Some(HandshakePermit(Arc::new(Mutex::new(Some((permit, of_connection))))))
    }
}

impl HandshakePermit {
    /// Ends the count, because the session has entered the namespace.
    pub(super) fn release(&self) {
        self.0.lock().take();
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.open_handshakes().fetch_sub(1, Ordering::Relaxed);
    }
}
