//! A message as a datagram: signed where the server asks for it, and confirmed by nobody.

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

/// The door hears 100 datagrams a second, from all together.
const BETWEEN: Duration = Duration::from_millis(10);
/// How long the machine at the other end may take to say that nobody is there.
const PATIENCE: Duration = Duration::from_millis(200);

/// Somebody who sends datagrams.
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
        let mut found =
            tokio::net::lookup_host(address.authority()).await.with_context(|| address.to_string())?;
        let peer = found.next().with_context(|| format!("{address} is nowhere"))?;
        if key.is_none() && !peer.ip().is_loopback() {
            bail!(unsigned(&address));
        }
        let here = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(here).await.context("opening a socket")?;
        socket.connect(peer).await.with_context(|| address.to_string())?;
        let name = name.map(|name| format!("/name {name}\n")).unwrap_or_default();
        Ok(Sender { socket, address, headers: format!("/to {room}\n{name}"), key })
    }

    /// Sends one message, as fast as the door hears.
    pub(super) async fn send(&self, body: &Body) -> anyhow::Result<()> {
        // The empty line keeps a message that begins with a slash from being read as a header.
        let text = format!("{}\n{body}", self.headers);
        let datagram = match &self.key {
            Some(key) => sign(key, seconds(), rand::random(), &text)?,
            None => text,
        };
        self.check(self.socket.send(datagram.as_bytes()).await.map(drop))?;
        tokio::time::sleep(BETWEEN).await;
        Ok(())
    }

    /// Waits a moment for the only answer there can be: that nobody is there.
    pub(super) async fn finish(&self) -> anyhow::Result<()> {
        match timeout(PATIENCE, self.socket.recv(&mut [0; 1])).await {
            Ok(heard) => self.check(heard.map(drop)),
            Err(_) => Ok(()),
        }
    }

    fn check(&self, done: std::io::Result<()>) -> anyhow::Result<()> {
        match done {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                bail!("nobody listens at {}", self.address)
            }
            done => done.with_context(|| format!("sending to {}", self.address)),
        }
    }
}

/// Why nothing is sent there without a key.
pub(super) fn unsigned(address: &Address) -> String {
    format!("{address} is another machine, which hears only what is signed: give MADANG_UDP_KEY")
}

/// The datagram with its proof before it; the grammar is `common::datagram`'s.
fn sign(key: &Secret, time: u64, nonce: u64, text: &str) -> anyhow::Result<String> {
    let stamp = format!("{time} {nonce:016x}");
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).context("signing")?;
    for piece in [stamp.as_str(), "\n", text] {
        hmac.update(piece.as_bytes());
    }
    let code: String = hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("/mac {stamp} {code}\n{text}"))
}

/// The clock that the server compares with its own.
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
