//! Bounds the sessions over long-polling that have not entered the namespace. Each takes memory until it
//! enters or its time is over, and one TCP connection can open any number of them.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;

use crate::transport::{guard::ClientInfo, raw_socket::ConnectionHandle};

/// The most open handshakes: in all, of one address, and over one TCP connection, which a
/// reverse proxy may share between clients. Each takes about 8 KiB.
const MAX_TOTAL: usize = 4_096;
const MAX_PER_ADDRESS: usize = 256;
const MAX_PER_CONNECTION: usize = 64;

/// Counts the open handshakes.
#[derive(Default)]
pub(super) struct Handshakes(Arc<Mutex<OpenHandshakes>>);

#[derive(Default)]
struct OpenHandshakes {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts one handshake until the session enters the namespace or ends. Cheap to clone.
#[derive(Clone)]
pub(super) struct HandshakePermit(Arc<Permit>);

struct Permit {
    open: Arc<Mutex<OpenHandshakes>>,
    address: IpAddr,
    connection: ConnectionHandle,
    is_released: AtomicBool,
}

impl Handshakes {
    /// Returns a permit unless a limit is reached.
    pub(super) fn try_acquire(&self, client: &ClientInfo) -> Option<HandshakePermit> {
        let address = client.address.network();
        let mut open = self.0.lock();
        let from_address = open.by_address.get(&address).copied().unwrap_or_default();
        let over_connection = client.connection.open_handshakes();
        if open.total >= MAX_TOTAL
            || (from_address >= MAX_PER_ADDRESS && !client.address.is_shared())
            || over_connection.load(Ordering::Relaxed) >= MAX_PER_CONNECTION
        {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, from_address + 1);
        over_connection.fetch_add(1, Ordering::Relaxed);
        Some(HandshakePermit(Arc::new(Permit {
            open: self.0.clone(),
            address,
            connection: client.connection.clone(),
            is_released: AtomicBool::new(false),
        })))
    }
}

impl HandshakePermit {
    /// Ends the count, because the session has entered the namespace.
    pub(super) fn release(&self) {
        self.0.release();
    }
}

impl Permit {
    fn release(&self) {
        if self.is_released.swap(true, Ordering::Relaxed) {
            return;
        }
        self.connection.open_handshakes().fetch_sub(1, Ordering::Relaxed);
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

impl Drop for Permit {
    fn drop(&mut self) {
        self.release();
    }
}
