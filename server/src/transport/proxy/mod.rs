//! Finds out the address of a client behind a reverse proxy that `--trusted-proxy` lists.
//!
//! HTTP proxies name their client in `X-Forwarded-For`, or in `Forwarded` (RFC 7239); TCP proxies in the
//! PROXY protocol, versions 1 and 2. Whoever is not listed could name anybody, so they are not believed.

mod header;

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header as names};
use ipnet::IpNet;

pub(super) use self::header::read_proxy_header;
use crate::address::{ClientAddress, network_of};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks whose proxies are trusted. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    pub(super) fn new(networks: &[IpNet]) -> TrustedProxies {
        TrustedProxies(networks.into())
    }

    /// Whether a proxy with this address is trusted.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the address of the client of an HTTP request that came from `peer`, over the TCP connection of
    /// this number.
    pub(super) fn resolve(&self, peer: IpAddr, connection: u64, headers: &HeaderMap) -> ClientAddress {
        let hops = Hops::new(headers);
        let address =
            if self.contains(peer) { self.client_among(&hops, peer) } else { ClientAddress::new(peer) };
        let address = address.with_connection(connection);
        if address.is_shared() { address.with_sender(sender(&hops, headers)) } else { address }
    }

    /// Walks from the nearest hop to the first that is not trusted. Everything before that was written by
    /// somebody who is not trusted.
    fn client_among(&self, hops: &Hops, proxy: IpAddr) -> ClientAddress {
        let mut client = None;
        for hop in hops.nearest_first() {
            // A trusted proxy has not said who its client is.
            let Some(address) = hop else { return ClientAddress::of_proxy(proxy) };
            if !self.contains(address) {
                return ClientAddress::new(address);
            }
            client = Some(address);
        }
        // All are trusted: the farthest is a client inside of the trusted networks.
        client.map_or(ClientAddress::of_proxy(proxy), ClientAddress::new)
    }
}

/// Tells guests behind a shared address apart: by the client that a proxy claims to have, although it is not
/// trusted, else by the program.
fn sender(hops: &Hops, headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    match hops.nearest_first().next() {
        Some(claim) => claim.map(network_of).hash(&mut hasher),
        None => headers.get(names::USER_AGENT).map(HeaderValue::as_bytes).hash(&mut hasher),
    }
    hasher.finish()
}

/// The addresses that a request claims to have come through, as written.
///
/// `X-Forwarded-For` is taken if it is there. Most proxies write that one and pass on a `Forwarded` that their
/// client made up; a proxy that writes `Forwarded` has to remove the other.
enum Hops {
    XForwardedFor(String),
    Forwarded(String),
    None,
}

impl Hops {
    fn new(headers: &HeaderMap) -> Hops {
        // Several lines are one list (RFC 9110 §5.3).
        let joined = |name: &HeaderName| {
            let lines = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
            let lines: Vec<_> = lines.collect();
            (!lines.is_empty()).then(|| lines.join(","))
        };
        if let Some(list) = joined(&X_FORWARDED_FOR) {
            Hops::XForwardedFor(list)
        } else if let Some(list) = joined(&names::FORWARDED) {
            Hops::Forwarded(list)
        } else {
            Hops::None
        }
    }

    /// The hops from the nearest on; `None` for one that is no address.
    fn nearest_first(&self) -> Box<dyn Iterator<Item = Option<IpAddr>> + '_> {
        match self {
            Hops::XForwardedFor(list) => Box::new(list.rsplit(',').map(parse_node)),
            Hops::Forwarded(list) => Box::new(ElementsFromTheEnd(Some(list)).map(forwarded_for)),
            Hops::None => Box::new(std::iter::empty()),
        }
    }
}

/// The elements of a `Forwarded` list, from the last on. Commas in quotes do not separate. Reads from the end,
/// because a quote that a client has left open must not reach into what the proxy wrote behind it.
struct ElementsFromTheEnd<'a>(Option<&'a str>);

impl<'a> Iterator for ElementsFromTheEnd<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let list = self.0?;
        let mut is_quoted = false;
        let comma = list.bytes().enumerate().rev().find(|(_, byte)| {
            is_quoted ^= *byte == b'"';
            *byte == b',' && !is_quoted
        });
        let (rest, element) = match comma {
            Some((at, _)) => (Some(&list[..at]), &list[at + 1..]),
            None => (None, list),
        };
        self.0 = rest;
        Some(element)
    }
}

/// The address in the only `for` of an element, as in `proto=https; for="[2001:db8::1]:4711"`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut nodes = pairs.by_ref().filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, node) = nodes.next()?;
    let node = node.trim();
    let unquoted = node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node);
    if nodes.next().is_some() { None } else { parse_node(unquoted) }
}

/// Parses an address with or without a port. IPv6 may be in brackets, and must be with a port.
fn parse_node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']')?;
            let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            return address.parse().ok().filter(|address: &IpAddr| address.is_ipv6() && is_port);
        }
        None => match text.split_once(':') {
            Some((address, port)) if is_port(port) && address.contains('.') => address,
            _ => text,
        },
    };
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIES: [&str; 3] = ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"];

    /// Whom a request comes from. The headers are lines; `None` stands for a proxy that names nobody.
    fn check(peer: &str, headers: &str, expected: Option<&str>) {
        let networks: Vec<IpNet> = PROXIES.iter().map(|network| network.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for line in headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            map.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let peer: IpAddr = peer.parse().unwrap();
        let found = TrustedProxies::new(&networks).resolve(peer, 7, &map);
        let wanted = match expected {
            Some(address) => ClientAddress::new(address.parse().unwrap()),
            None => ClientAddress::of_proxy(peer),
        };
        assert_eq!((found.ip(), found.is_shared()), (wanted.ip(), wanted.is_shared()), "{peer} {headers}");
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_not_trusted() {
        // A peer that is not listed is the client, whatever it says.
        check("192.0.2.1", "", Some("192.0.2.1"));
        check("192.0.2.1", "X-Forwarded-For: 203.0.113.9", Some("192.0.2.1"));
        check("192.0.2.1", "Forwarded: for=203.0.113.9", Some("192.0.2.1"));
        check("192.0.2.1", "X-Forwarded-For: 127.0.0.1", Some("192.0.2.1"));
        check("::1", "X-Forwarded-For: 203.0.113.9", Some("::1"));
        check("2001:db8::1", "X-Forwarded-For: ::1", Some("2001:db8::1"));
        // A listed one is believed, and what came before it is not.
        check("10.0.0.1", "X-Forwarded-For: 203.0.113.9", Some("203.0.113.9"));
        check("::ffff:10.0.0.1", "X-Forwarded-For: 203.0.113.9", Some("203.0.113.9"));
        check("fd00::1", "X-Forwarded-For: 203.0.113.9", Some("203.0.113.9"));
        check("10.0.0.1", "X-Forwarded-For: 127.0.0.1, 203.0.113.9", Some("203.0.113.9"));
        check("10.0.0.1", "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.0.2", Some("203.0.113.9"));
        check("10.0.0.1", "X-Forwarded-For: 198.51.100.1\nX-Forwarded-For: 203.0.113.9", Some("203.0.113.9"));
        check("10.0.0.1", "X-Forwarded-For:  203.0.113.9 ,10.9.9.9 ", Some("203.0.113.9"));
        let hundred = format!("X-Forwarded-For: {}203.0.113.9", "198.51.100.1, ".repeat(100));
        check("10.0.0.1", &hundred, Some("203.0.113.9"));
        let hundred_trusted = format!("X-Forwarded-For: 203.0.113.9{}", ", 10.0.0.2".repeat(100));
        check("10.0.0.1", &hundred_trusted, Some("203.0.113.9"));
        check("10.0.0.1", "X-Forwarded-For: nonsense, 203.0.113.9", Some("203.0.113.9"));
        // All of them are trusted: the first is the client.
        check("10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2", Some("10.0.0.3"));
        check("127.0.0.1", "X-Forwarded-For: 127.0.0.1", Some("127.0.0.1"));
        // Forms of an address.
        check("10.0.0.1", "X-Forwarded-For: 203.0.113.9:4711", Some("203.0.113.9"));
        check("10.0.0.1", "X-Forwarded-For: 2001:db8::9", Some("2001:db8::9"));
        check("10.0.0.1", "X-Forwarded-For: [2001:db8::9]:4711", Some("2001:db8::9"));
        check("10.0.0.1", "X-Forwarded-For: [2001:db8::9]", Some("2001:db8::9"));
        check("10.0.0.1", "X-Forwarded-For: ::ffff:203.0.113.9", Some("203.0.113.9"));
        // Forwarded.
        check("10.0.0.1", "Forwarded: for=203.0.113.9", Some("203.0.113.9"));
        check(
            "10.0.0.1",
            "Forwarded: proto=https; FOR=\"203.0.113.9:4711\";by=10.0.0.1",
            Some("203.0.113.9"),
        );
        check("10.0.0.1", "Forwarded: for=\"[2001:db8::9]:4711\", for=10.0.0.2", Some("2001:db8::9"));
        check("10.0.0.1", "Forwarded: for=198.51.100.1\nForwarded: for=203.0.113.9", Some("203.0.113.9"));
        check("10.0.0.1", "Forwarded: for=\"198.51.100.1, for=203.0.113.9", Some("203.0.113.9"));
        check("10.0.0.1", "Forwarded: host=\"a,b\";for=203.0.113.9", Some("203.0.113.9"));
        // A client's own Forwarded, which a proxy has passed on beside the header that it writes.
        check("10.0.0.1", "Forwarded: for=198.51.100.1\nX-Forwarded-For: 203.0.113.9", Some("203.0.113.9"));
    }

    #[test]
    fn a_proxy_that_names_no_client_is_not_taken_for_one() {
        for headers in [
            "",
            "X-Forwarded-For: unknown",
            "X-Forwarded-For: 203.0.113.9, ",
            "X-Forwarded-For: 203.0.113.9, 300.1.1.1",
            "X-Forwarded-For: 203.0.113.9, 10.0.0.2:99999",
            "X-Forwarded-For: [2001:db8::9",
            "X-Forwarded-For: [203.0.113.9]",
            "X-Forwarded-For: \u{e9}",
            "Forwarded: for=unknown",
            "Forwarded: for=_hidden",
            "Forwarded: for=203.0.113.9, by=10.0.0.2",
            "Forwarded: for=203.0.113.9;for=198.51.100.1",
            "Forwarded: 203.0.113.9",
        ] {
            check("10.0.0.1", headers, None);
        }
    }

    #[test]
    fn guests_behind_a_shared_address_are_told_apart_and_others_are_not() {
        let sender = |peer: &str, name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let networks = ["10.0.0.0/8".parse().unwrap()];
            TrustedProxies::new(&networks).resolve(peer.parse().unwrap(), 7, &headers).sender()
        };
        let agent = |peer, agent| sender(peer, "user-agent", agent);
        let claim = |peer, claim| sender(peer, "x-forwarded-for", claim);
        assert_ne!(agent("127.0.0.1", "curl/8"), agent("127.0.0.1", "curl/9"));
        assert_eq!(agent("127.0.0.1", "curl/8"), agent("127.0.0.1", "curl/8"));
        assert_ne!(agent("10.0.0.1", "curl/8"), agent("10.0.0.1", "curl/9"));
        assert_ne!(claim("127.0.0.1", "203.0.113.9"), claim("127.0.0.1", "203.0.113.8"));
        assert_eq!(claim("127.0.0.1", "1.2.3.4, 203.0.113.9"), claim("127.0.0.1", "203.0.113.9"));
        assert_eq!(agent("192.0.2.1", "curl/8"), None);
    }
}
