//! Where a client goes: `--to http://…`, `tcp://…` or `udp://…`.

use std::{fmt, net::IpAddr, str::FromStr};

use anyhow::{Context, bail};
use url::Url;

const HTTP_PORT: u16 = 80;

/// A door of a server, as somebody who wants in writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) door: Door,
    /// A name or an address, without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
}

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Http,
    Tcp,
    Udp,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Address> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.path(), "" | "/") && url.query().is_none());
        let url = url.with_context(|| format!("{text} is no address like http://127.0.0.1:3000"))?;
        let (door, usual_port) = match url.scheme() {
            "http" => (Door::Http, Some(HTTP_PORT)),
            "tcp" => (Door::Tcp, None),
            "udp" => (Door::Udp, None),
            "https" => bail!("https is not supported yet; go by http:// or tcp:// where the server runs"),
            other => bail!("a client goes by http, tcp or udp, not by {other}://"),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).context("the address names no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().or(usual_port).context("the address names no port")?;
        Ok(Address { door, host, port })
    }
}

impl Address {
    /// The host and the port, as resolvers take them.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// The same as the `Host` header says it, where the usual port goes without saying.
    pub(super) fn host(&self) -> String {
        if self.port == HTTP_PORT { self.bracketed() } else { self.authority() }
    }

    /// Whether a token is of any use here, where one was given for here.
    pub(super) fn check_token(&self, is_given: bool) -> anyhow::Result<()> {
        match self.door {
            Door::Tcp | Door::Udp if is_given => bail!("{self} knows no tokens; --token is for http://"),
            Door::Http | Door::Tcp | Door::Udp => Ok(()),
        }
    }

    /// Whether this is certainly another machine. Of a name only a resolver knows.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback())
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.door {
            Door::Http => "http",
            Door::Tcp => "tcp",
            Door::Udp => "udp",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_door_a_host_and_a_port() {
        let cases = [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://chat.example.com/", "http://chat.example.com:80"),
            ("tcp://localhost:3001", "tcp://localhost:3001"),
            ("udp://[::1]:3000", "udp://[::1]:3000"),
        ];
        for (text, written) in cases {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), written);
        }
        let host = |text: &str| text.parse::<Address>().unwrap().host();
        assert_eq!((host("http://[::1]:80"), host("http://h:81")), ("[::1]".to_owned(), "h:81".to_owned()));
    }

    #[test]
    fn what_is_no_address_is_one_sentence() {
        let cases = [
            ("lobby", "lobby is no address like http://127.0.0.1:3000"),
            ("http://h/r/lobby", "http://h/r/lobby is no address like http://127.0.0.1:3000"),
            ("tcp://127.0.0.1", "the address names no port"),
            ("gopher://127.0.0.1:70", "a client goes by http, tcp or udp, not by gopher://"),
            ("https://h", "https is not supported yet; go by http:// or tcp:// where the server runs"),
        ];
        for (text, sentence) in cases {
            assert_eq!(text.parse::<Address>().unwrap_err().to_string(), sentence);
        }
    }
}
