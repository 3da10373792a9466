//! Counts what is open, in all and by address, against limits.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

use crate::address::ClientAddress;

/// The most that may be open at once. Cheap to clone.
#[derive(Clone)]
pub(super) struct Permits {
    max_total: usize,
    max_per_address: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts one, in all and of its address, until it is dropped.
pub(super) struct Permit {
    _total: TotalPermit,
    _address: AddressPermit,
}

/// Counts one in all until it is dropped.
pub(super) struct TotalPermit(Arc<Mutex<Open>>);

/// Counts one of an address until it is dropped.
pub(super) struct AddressPermit {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
}

impl Permits {
    pub(super) fn new(max_total: usize, max_per_address: usize) -> Permits {
        Permits { max_total, max_per_address, open: Arc::default() }
    }

    /// Returns a permit unless a limit is reached.
    pub(super) fn try_acquire(&self, client: ClientAddress) -> Option<Permit> {
        Some(Permit { _total: self.try_acquire_total()?, _address: self.try_acquire_address(client)? })
    }

    /// Counts one whose address is not known yet; `None` if there are too many in all.
    pub(super) fn try_acquire_total(&self) -> Option<TotalPermit> {
        let mut open = self.open.lock();
        if open.total >= self.max_total {
            return None;
        }
        open.total += 1;
        Some(TotalPermit(self.open.clone()))
    }

    /// Counts one of this address; `None` if it has too many. Shared addresses have no limit: a reverse proxy on
    /// this machine connects for all of its clients.
    pub(super) fn try_acquire_address(&self, client: ClientAddress) -> Option<AddressPermit> {
        let address = client.network();
        let mut open = self.open.lock();
        let count = open.by_address.entry(address).or_default();
        if *count >= self.max_per_address && !client.is_shared() {
            return None;
        }
        *count += 1;
        Some(AddressPermit { open: self.open.clone(), address })
    }
}

impl Drop for TotalPermit {
    fn drop(&mut self) {
        self.0.lock().total -= 1;
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if let Some(from_address) = open.by_address.get_mut(&self.address) {
            *from_address -= 1;
            if *from_address == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_limit_of_its_own_unless_it_is_shared() {
        let permits = Permits::new(6, 2);
        let acquire = |address: &str| permits.try_acquire(ClientAddress::new(address.parse().unwrap()));
        let of_one = [acquire("192.0.2.1"), acquire("192.0.2.1")];
        assert!(of_one.iter().all(Option::is_some) && acquire("192.0.2.1").is_none());
        let others = ["192.0.2.2", "::1", "::1", "::1"].map(acquire);
        assert!(others.iter().all(Option::is_some));
        assert!(acquire("::1").is_none() && acquire("192.0.2.3").is_none(), "that is all");
        drop(of_one);
        assert!(acquire("192.0.2.1").is_some() && acquire("192.0.2.3").is_some());
    }
}
