//! The server's address, as given by `--to http://…`, `tcp://…` or `udp://…`.

use std::{fmt, net::IpAddr, str::FromStr};

use anyhow::{Context, bail};
use url::Url;

const HTTP_PORT: u16 = 80;

/// One address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) transport: Transport,
    /// A host name or an IP address, without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
}

/// The protocol to speak, chosen by the scheme of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Http,
    Tcp,
    Udp,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Address> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.path(), "" | "/") && url.query().is_none());
        let url = url.with_context(|| format!("{text} is no address like http://127.0.0.1:3000"))?;
        let (transport, default_port) = match url.scheme() {
            "http" => (Transport::Http, Some(HTTP_PORT)),
            "tcp" => (Transport::Tcp, None),
            "udp" => (Transport::Udp, None),
            "https" => bail!("https is not supported yet; go by http:// or tcp:// where the server runs"),
            other => bail!("a client goes by http, tcp or udp, not by {other}://"),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).context("the address names no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().or(default_port).context("the address names no port")?;
        Ok(Address { transport, host, port })
    }
}

impl Address {
    /// Returns host and port, in the form that resolvers accept.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host_in_url(), self.port)
    }

    /// Returns the value of the `Host` header, which omits the default port.
    pub(super) fn host_header(&self) -> String {
        if self.port == HTTP_PORT { self.host_in_url() } else { self.authority() }
    }

    /// Fails if a token was given although this transport does not use tokens.
    pub(super) fn check_token(&self, is_given: bool) -> anyhow::Result<()> {
        match self.transport {
            Transport::Tcp | Transport::Udp if is_given => {
                bail!("{self} knows no tokens; --token is for http://")
            }
            Transport::Http | Transport::Tcp | Transport::Udp => Ok(()),
        }
    }

    /// Whether this is an IP address of another machine; false for a host name, which is not resolved.
    pub(super) fn is_remote_ip(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback())
    }

    fn host_in_url(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.transport {
            Transport::Http => "http",
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_transport_a_host_and_a_port() {
        let cases = [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://chat.example.com/", "http://chat.example.com:80"),
            ("tcp://localhost:3001", "tcp://localhost:3001"),
            ("udp://[::1]:3000", "udp://[::1]:3000"),
        ];
        for (text, written) in cases {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), written);
        }
        let host = |text: &str| text.parse::<Address>().unwrap().host_header();
        assert_eq!((host("http://[::1]:80"), host("http://h:81")), ("[::1]".to_owned(), "h:81".to_owned()));
    }

    #[test]
    fn an_invalid_address_is_refused_with_one_sentence() {
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
