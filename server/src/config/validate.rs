//! Turns options into a configuration; each mistake gives one sentence that names its option.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    time::Duration,
};

use anyhow::{Context, bail};
use common::protocol::admin::ADMIN_SOCKET;
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use super::{Config, ListenAddress, Transport, UdpKey, options::Options};
use crate::{
    chat::limits::{Limits, Rate},
    store::DatabaseUrl,
};

/// The smallest `--max-disk`, in bytes: an empty database fits several times.
const MIN_DISK: u64 = 1024 * 1024;

impl Options {
    /// Checks the options and returns the configuration they make.
    pub(super) fn validate(self) -> anyhow::Result<Config> {
        let config = self.check_each()?;
        require_key_for_public_udp(&config)?;
        Ok(config)
    }

    /// Checks each option by itself. The rules between options are only in [`Options::validate`], because a
    /// file is checked entry by entry.
    pub(super) fn check_each(self) -> anyhow::Result<Config> {
        let limits = self.limits()?;
        Ok(Config {
            udp_key: self.udp_key.map(UdpKey::parse).transpose()?,
            listen: parse_listen(&self.listen)?,
            public_urls: self.public_url.iter().map(|url| parse_public_url(url)).collect::<Result<_, _>>()?,
            database: match self.database {
                Some(url) => DatabaseUrl::parse(&url)?,
                None => DatabaseUrl::Sqlite(self.data.join("madang.sqlite")),
            },
            admin_socket: Some(self.data.join(ADMIN_SOCKET)),
            max_disk: self.max_disk.as_deref().map(parse_size).transpose()?,
            limits,
            max_connections: require_positive("max-connections", self.max_connections)?,
            max_connections_per_address: require_positive(
                "max-connections-per-address",
                self.max_connections_per_address,
            )?,
            trusted_proxies: self
                .trusted_proxy
                .iter()
                .map(|network| parse_network(network))
                .collect::<Result<_, _>>()?,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(10 * 60),
            log: parse_log_filter(self.log)?,
            log_format: self.log_format,
        })
    }

    /// Returns the rate limits. Those of reads and of new rooms have no option and keep their defaults.
    fn limits(&self) -> anyhow::Result<Limits> {
        Ok(Limits {
            messages: parse_rate("message", self.message_rate, self.message_burst)?,
            joins: parse_rate("join", self.join_rate, self.join_burst)?,
            ..Limits::default()
        })
    }
}

/// Refuses datagrams from other machines without a key: their sender address can be forged.
fn require_key_for_public_udp(config: &Config) -> anyhow::Result<()> {
    let is_public_udp =
        |listen: &&ListenAddress| listen.transport == Transport::Udp && !listen.address.ip().is_loopback();
    match config.listen.iter().find(is_public_udp) {
        Some(listen) if config.udp_key.is_none() => {
            bail!("--listen {listen} needs --udp-key: anybody can put any sender on a datagram")
        }
        _ => Ok(()),
    }
}

fn parse_listen(urls: &[String]) -> anyhow::Result<Vec<ListenAddress>> {
    let mut addresses: Vec<ListenAddress> = Vec::new();
    for url in urls {
        for listen in parse_listen_url(url)? {
            let is_same = |known: &&mut ListenAddress| {
                (known.transport, known.address) == (listen.transport, listen.address)
            };
            match addresses.iter_mut().find(is_same).filter(|_| listen.address.port() != 0) {
                // `localhost` is there, and one of its addresses by itself.
                Some(known) if known.is_optional || listen.is_optional => {
                    known.is_optional &= listen.is_optional;
                }
                Some(known) => bail!("--listen {known} is given twice"),
                None => addresses.push(listen),
            }
        }
    }
    Ok(addresses)
}

/// Returns the address of a URL. Those of localhost are two: which of them a program takes for it depends on the
/// program and the machine.
fn parse_listen_url(text: &str) -> anyhow::Result<Vec<ListenAddress>> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.with_context(|| format!("--listen takes http://ADDRESS:PORT, not {}", shown(text)))?;
    let transport = Transport::ALL.into_iter().find(|transport| transport.scheme() == url.scheme());
    let transport = transport
        .with_context(|| format!("--listen opens http, tcp and udp doors, not {}://", url.scheme()))?;
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.path(), "" | "/") || !is_bare {
        bail!("--listen takes {}://ADDRESS:PORT without a path, not {}", url.scheme(), shown(text));
    }
    let port = url.port_or_known_default();
    let port = port.with_context(|| format!("--listen takes {}://ADDRESS:PORT, not {text}", url.scheme()))?;
    let host = url.host_str().unwrap_or_default();
    if host.eq_ignore_ascii_case("localhost") {
        let [v4, v6] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
            .map(|address| transport.at(SocketAddr::new(address, port)));
        return Ok(vec![v4, ListenAddress { is_optional: true, ..v6 }]);
    }
    let resolved = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => Some(SocketAddr::new(address, port)),
        Err(_) => (host, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next()),
    };
    let address = resolved.with_context(|| format!("--listen: {host} is no address of this machine"))?;
    Ok(vec![transport.at(address)])
}

fn parse_public_url(text: &str) -> anyhow::Result<Url> {
    let is_usable = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && is_host_of_browser(url)
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    Url::parse(text).ok().filter(is_usable).with_context(|| {
        format!("--public-url takes http(s)://NAME[:PORT] without a path, not {}", shown(text))
    })
}

/// Whether a browser can send this host: a name with a pattern in it, or port 0, would never match.
fn is_host_of_browser(url: &Url) -> bool {
    let is_host = match url.host() {
        Some(Host::Domain(name)) => {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    };
    is_host && url.port() != Some(0)
}

/// A URL as it may stand in an error: without the user and password of somebody who put them there.
fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        _ if url.is_empty() => "an empty text".to_owned(),
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    }
}

/// Parses an address, or a network as `10.0.0.0/8`. The whole internet is no proxy: everybody could then claim any
/// address.
fn parse_network(text: &str) -> anyhow::Result<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
    let network = text.parse::<IpNet>().ok().or_else(address);
    network.filter(|network| network.prefix_len() > 0).with_context(|| {
        format!("--trusted-proxy takes an address or a network such as 10.0.0.0/8, not {text}")
    })
}

fn parse_rate(name: &str, per_second: f64, burst: f64) -> anyhow::Result<Rate> {
    let is_usable = |number: f64, minimum: f64| number.is_finite() && number >= minimum;
    if !is_usable(per_second, 0.001) || !is_usable(burst, 1.0) {
        bail!("--{name}-rate takes a number above 0, --{name}-burst one of at least 1");
    }
    Ok(Rate { per_second, burst })
}

/// Parses a number of bytes, or of kibibytes, mebibytes, gibibytes or tebibytes with K, M, G or T.
fn parse_size(text: &str) -> anyhow::Result<u64> {
    let (number, factor) = match text.char_indices().last() {
        Some((at, unit)) if !unit.is_ascii_digit() => {
            let power = "KMGT".find(unit.to_ascii_uppercase()).map(|power| power + 1);
            (&text[..at], power.map(|power| 1024_u64.pow(u32::try_from(power).unwrap_or_default())))
        }
        _ => (text, Some(1)),
    };
    let bytes =
        number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    bytes
        .filter(|bytes| *bytes >= MIN_DISK)
        .with_context(|| format!("--max-disk takes at least 1M, e.g. 500M or 20G, not {text}"))
}

fn require_positive(name: &str, number: usize) -> anyhow::Result<usize> {
    if number == 0 {
        bail!("--{name} takes a number of at least 1");
    }
    Ok(number)
}

fn parse_log_filter(text: String) -> anyhow::Result<String> {
    match EnvFilter::try_new(&text) {
        Ok(_) => Ok(text),
        Err(_) => bail!("--log takes a level or a filter such as warn,madang=info, not {text}"),
    }
}
