//! The address of a client, as limits count it. A transport finds it out once, and passes it to the chat.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// Where a client is. One address can stand for many clients: see [`ClientAddress::is_shared`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    ip: IpAddr,
    /// It is a proxy's, which has not named its client.
    is_unresolved: bool,
    connection: Option<u64>,
    sender: Option<u64>,
}

impl ClientAddress {
    /// The address of a client that is known.
    pub fn new(ip: IpAddr) -> ClientAddress {
        ClientAddress { ip: ip.to_canonical(), is_unresolved: false, connection: None, sender: None }
    }

    /// The address of a trusted proxy that has not named its client.
    pub fn of_proxy(ip: IpAddr) -> ClientAddress {
        ClientAddress { is_unresolved: true, ..ClientAddress::new(ip) }
    }

    /// Adds the number of the TCP connection, unique in this process.
    pub fn with_connection(self, connection: u64) -> ClientAddress {
        ClientAddress { connection: Some(connection), ..self }
    }

    /// Adds what tells guests behind a shared address apart, as well as that can be done: a hash of what
    /// their requests say about them. It can be forged, so it may only divide a limit and never extend it.
    pub fn with_sender(self, sender: u64) -> ClientAddress {
        ClientAddress { sender: Some(sender), ..self }
    }

    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Whether many clients may be behind this address: it is a loopback address, as programs on this machine
    /// and a proxy that is not listed have, or that of a listed proxy that has not named its client. The limits
    /// that one household gets would be too low for it.
    pub fn is_shared(&self) -> bool {
        self.is_unresolved || is_loopback(self.ip)
    }

    /// The key under which the address is limited.
    pub fn network(&self) -> IpAddr {
        network_of(self.ip)
    }

    /// The number of the TCP connection.
    pub fn connection(&self) -> Option<u64> {
        self.connection
    }

    /// What tells guests apart, see [`ClientAddress::with_sender`].
    pub fn sender(&self) -> Option<u64> {
        self.sender
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(f)
    }
}

/// Whether this is a loopback address, also as an IPv4-mapped one from a dual-stack socket.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns the key under which an address is limited: IPv6 customers usually own a whole /64.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_key_is_one_v4_address_or_one_v6_network() {
        let same = |a: &str, b: &str| network_of(ip(a)) == network_of(ip(b));
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.7", "192.0.2.7"));
    }

    #[test]
    fn loopback_and_silent_proxies_are_shared_and_other_addresses_are_not() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(ClientAddress::new(ip(address)).is_shared(), "{address}");
        }
        for address in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"] {
            assert!(!ClientAddress::new(ip(address)).is_shared(), "{address}");
            assert!(ClientAddress::of_proxy(ip(address)).is_shared(), "{address}");
        }
    }
}
