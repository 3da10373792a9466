//! Sends messages as UDP datagrams, signed if a key is given. The server never replies.

use std::{
    io::ErrorKind,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use common::{message::Body, person::DisplayName, room::RoomName};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::{net::UdpSocket, time::timeout};

use super::{Secret, address::Address};

/// The pause after each datagram: the server accepts 100 a second from all senders together.
const SEND_INTERVAL: Duration = Duration::from_millis(10);
/// How long to wait for an ICMP error after the last datagram.
const ICMP_TIMEOUT: Duration = Duration::from_millis(200);

/// A socket that sends messages to one room.
pub(super) struct Sender {
    socket: UdpSocket,
    address: Address,
    headers: String,
    key: Option<Secret>,
}

impl Sender {
    pub(super) async fn new(
        address: Address,
        room: &RoomName,
        name: Option<&DisplayName>,
        key: Option<Secret>,
    ) -> anyhow::Result<Sender> {
        let mut addresses =
            tokio::net::lookup_host(address.authority()).await.with_context(|| address.to_string())?;
        let peer = addresses.next().with_context(|| format!("{address} is nowhere"))?;
        if key.is_none() && !peer.ip().is_loopback() {
            bail!(key_required(&address));
        }
        let local = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(local).await.context("opening a socket")?;
        socket.connect(peer).await.with_context(|| address.to_string())?;
        let name = name.map(|name| format!("/name {name}\n")).unwrap_or_default();
        Ok(Sender { socket, address, headers: format!("/to {room}\n{name}"), key })
    }

    /// Sends one message, then waits so that the server's rate limit is kept.
    pub(super) async fn send(&self, body: &Body) -> anyhow::Result<()> {
        // The empty line prevents a message that begins with a slash from being parsed as a header.
        let text = format!("{}\n{body}", self.headers);
        let datagram = match &self.key {
            Some(key) => sign(key, unix_seconds(), rand::random(), &text)?,
            None => text,
        };
        self.check(self.socket.send(datagram.as_bytes()).await.map(drop))?;
        tokio::time::sleep(SEND_INTERVAL).await;
        Ok(())
    }

    /// Waits briefly for an ICMP error, the only sign that nothing listens at the address.
    pub(super) async fn finish(&self) -> anyhow::Result<()> {
        match timeout(ICMP_TIMEOUT, self.socket.recv(&mut [0; 1])).await {
            Ok(received) => self.check(received.map(drop)),
            Err(_) => Ok(()),
        }
    }

    fn check(&self, result: std::io::Result<()>) -> anyhow::Result<()> {
        match result {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                bail!("nobody listens at {}", self.address)
            }
            result => result.with_context(|| format!("sending to {}", self.address)),
        }
    }
}

/// Returns the error for a remote address without a key.
pub(super) fn key_required(address: &Address) -> String {
    format!("{address} is another machine, which hears only what is signed: give MADANG_UDP_KEY")
}

/// Prepends the authentication header. The format is defined in `common::datagram`.
fn sign(key: &Secret, time: u64, nonce: u64, text: &str) -> anyhow::Result<String> {
    let stamp = format!("{time} {nonce:016x}");
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).context("signing")?;
    for part in [stamp.as_str(), "\n", text] {
        hmac.update(part.as_bytes());
    }
    let tag: String = hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("/mac {stamp} {tag}\n{text}"))
}

/// Returns the seconds since 1970, which the server compares with its own clock.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
