//! The PROXY protocol, versions 1 and 2: what a TCP proxy writes in front of its client's bytes.
//! The specification: <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// How long a proxy has for its header; the specification recommends at least three seconds.
const HEADER_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a client on this machine is waited for, which may be no proxy. A proxy writes at once, and a client
/// that waits for the greeting should not notice.
const FIRST_BYTES_TIMEOUT: Duration = Duration::from_millis(200);
/// The longest header of version 1, with its line break.
const MAX_V1_BYTES: usize = 107;
/// The longest header of version 2 that is accepted: addresses, and what load balancers add.
const MAX_V2_BYTES: usize = 4 * 1024;

const V1_SIGNATURE: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// How a connection from a trusted address begins.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::transport) struct Opening {
    /// The client that the proxy has named. `None` for the proxy's own connection, as for a health check, for a
    /// client that it does not know, and without a header.
    pub(in crate::transport) client: Option<IpAddr>,
    /// What came behind the header, or everything without one.
    pub(in crate::transport) rest: Vec<u8>,
}

/// Reads the header. With `is_required`, a connection without one is an error; else its bytes are the client's.
pub(in crate::transport) async fn read_proxy_header(
    stream: &mut TcpStream,
    is_required: bool,
) -> io::Result<Opening> {
    let start = Instant::now();
    let mut bytes = Vec::new();
    loop {
        match parse(&bytes) {
            Parsed::Header { client, length } => {
                return Ok(Opening { client, rest: bytes.split_off(length) });
            }
            Parsed::Incomplete => {}
            Parsed::Invalid => break,
        }
        let wait = if bytes.is_empty() && !is_required { FIRST_BYTES_TIMEOUT } else { HEADER_TIMEOUT };
        match timeout_at(start + wait, stream.read_buf(&mut bytes)).await {
            Ok(Ok(read)) if read > 0 => {}
            Ok(Err(error)) => return Err(error),
            // It ended, or took too long.
            Ok(Ok(_)) | Err(_) => break,
        }
    }
    if is_required {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a trusted proxy has sent no PROXY header"));
    }
    Ok(Opening { client: None, rest: bytes })
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Header { client: Option<IpAddr>, length: usize },
    Incomplete,
    Invalid,
}

fn parse(bytes: &[u8]) -> Parsed {
    let begins_like = |signature: &[u8]| {
        let length = bytes.len().min(signature.len());
        bytes[..length] == signature[..length]
    };
    let parsed = if begins_like(V1_SIGNATURE) {
        parse_v1(bytes)
    } else if begins_like(V2_SIGNATURE) {
        parse_v2(bytes)
    } else {
        None
    };
    parsed.unwrap_or(Parsed::Invalid)
}

/// Parses version 1: `PROXY TCP4 203.0.113.9 198.51.100.1 4711 3001`. `None` if it is invalid.
fn parse_v1(bytes: &[u8]) -> Option<Parsed> {
    let Some(end) = bytes.iter().take(MAX_V1_BYTES).position(|byte| *byte == b'\n') else {
        return (bytes.len() < MAX_V1_BYTES).then_some(Parsed::Incomplete);
    };
    let line = std::str::from_utf8(&bytes[..end]).ok()?.strip_suffix('\r')?;
    let client = match line.split(' ').collect::<Vec<_>>()[..] {
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", "TCP4", source, destination, ref ports @ ..] => {
            destination.parse::<Ipv4Addr>().ok()?;
            check_ports(ports)?;
            Some(IpAddr::V4(source.parse().ok()?))
        }
        ["PROXY", "TCP6", source, destination, ref ports @ ..] => {
            destination.parse::<Ipv6Addr>().ok()?;
            check_ports(ports)?;
            Some(IpAddr::V6(source.parse().ok()?))
        }
        _ => return None,
    };
    Some(Parsed::Header { client, length: end + 1 })
}

fn check_ports(ports: &[&str]) -> Option<()> {
    let [source, destination] = ports else { return None };
    (source.parse::<u16>().is_ok() && destination.parse::<u16>().is_ok()).then_some(())
}

/// Parses version 2, which is binary. `None` if it is invalid.
fn parse_v2(bytes: &[u8]) -> Option<Parsed> {
    let fixed = V2_SIGNATURE.len() + 4;
    let Some(&[version_and_command, family, high, low]) = bytes.get(V2_SIGNATURE.len()..fixed) else {
        return Some(Parsed::Incomplete);
    };
    let length = fixed + usize::from(u16::from_be_bytes([high, low]));
    if version_and_command >> 4 != 2 || length > MAX_V2_BYTES {
        return None;
    }
    let Some(payload) = bytes.get(fixed..length) else { return Some(Parsed::Incomplete) };
    let client = match (version_and_command & 0xF, family) {
        // LOCAL, or a family that names no host, such as a Unix socket.
        (0, _) | (1, 0x00 | 0x31 | 0x32) => None,
        (1, 0x11) => {
            let (source, rest) = payload.split_first_chunk::<4>()?;
            (rest.len() >= 8).then_some(Some(IpAddr::V4(Ipv4Addr::from(*source))))?
        }
        (1, 0x21) => {
            let (source, rest) = payload.split_first_chunk::<16>()?;
            (rest.len() >= 20).then_some(Some(IpAddr::V6(Ipv6Addr::from(*source))))?
        }
        _ => return None,
    };
    Some(Parsed::Header { client, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [V2_SIGNATURE, &[0x20 | command, family], &length, payload].concat()
    }

    fn header(client: Option<&str>, length: usize) -> Parsed {
        Parsed::Header { client: client.map(|client| client.parse().unwrap()), length }
    }

    #[test]
    fn both_versions_name_the_client_and_leave_its_bytes() {
        let v4 = [203, 0, 113, 9, 198, 51, 100, 1, 0x12, 0x67, 0x0b, 0xb9];
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&"2001:db8::9".parse::<Ipv6Addr>().unwrap().octets());
        let with_tlv = [&v4[..], &[0x03, 0, 4, 1, 2, 3, 4]].concat();
        let cases: Vec<(Vec<u8>, Option<&str>)> = vec![
            (b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 3001\r\n".to_vec(), Some("203.0.113.9")),
            (b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 3001\r\n".to_vec(), Some("2001:db8::9")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), None),
            (v2(1, 0x11, &v4), Some("203.0.113.9")),
            (v2(1, 0x11, &with_tlv), Some("203.0.113.9")),
            (v2(1, 0x21, &v6), Some("2001:db8::9")),
            (v2(0, 0x00, &[]), None),
            (v2(0, 0x11, &v4), None),
            (v2(1, 0x31, &[0; 216]), None),
        ];
        for (bytes, client) in cases {
            assert_eq!(parse(&bytes), header(client, bytes.len()));
            assert_eq!(parse(&[&bytes[..], b"hello\n"].concat()), header(client, bytes.len()));
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Parsed::Incomplete, "{:?}", &bytes[..end]);
            }
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(107));
        let cases: Vec<Vec<u8>> = vec![
            b"hello\n".to_vec(),
            b"PROXY is down\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 3001\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 198.51.100.1 4711\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.999 198.51.100.1 4711 3001\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::9 198.51.100.1 4711 3001\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 70000\r\n".to_vec(),
            b"PROXY TCP5 203.0.113.9 198.51.100.1 4711 3001\r\n".to_vec(),
            long.into_bytes(),
            v2(2, 0x11, &[0; 12]),
            v2(1, 0x11, &[0; 11]),
            v2(1, 0x21, &[0; 12]),
            v2(1, 0x44, &[0; 12]),
            v2(1, 0x11, &[0; MAX_V2_BYTES]),
            [V2_SIGNATURE, &[0x11, 0x11, 0, 12], &[0; 12]].concat(),
        ];
        for bytes in cases {
            assert_eq!(parse(&bytes), Parsed::Invalid, "{bytes:?}");
        }
    }
}
