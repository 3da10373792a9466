//! The UDP transport: each datagram is one message, and nothing is ever sent back.
//!
//! One task handles the datagrams in sequence; the kernel drops what does not fit into its receive
//! buffer, which bounds the work under any load. Source addresses can be forged, so there are no
//! replies, and datagrams from other machines must be signed (see [`auth`]). The grammar is in
//! [`common::datagram`].

mod auth;

use std::{
    io,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::{
    datagram::{Authentication, Datagram, MAX_BYTES, Mac},
    message::Cid,
    refusal::Refusal,
    room::RoomName,
};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::auth::Authenticator;
use crate::{
    address::{ClientAddress, is_loopback},
    chat::{Chat, posting::AnonymousMessage},
    config::UdpKey,
    error::Error,
};

/// A bound UDP socket and all it needs to serve.
pub(super) struct UdpTransport {
    socket: UdpSocket,
    address: SocketAddr,
    chat: Chat,
    authenticator: Authenticator,
}

impl UdpTransport {
    /// Creates the transport of a bound socket. With a `key`, every datagram must be authenticated by it.
    pub(super) fn new(socket: UdpSocket, chat: Chat, key: Option<&UdpKey>) -> io::Result<UdpTransport> {
        let address = socket.local_addr()?;
        let authenticator = Authenticator::new(key.cloned(), is_loopback(address.ip()));
        Ok(UdpTransport { socket, address, chat, authenticator })
    }

    /// Handles datagrams until `stop` is cancelled.
    pub(super) async fn serve(mut self, stop: CancellationToken) {
        info!("listening for datagrams on udp://{}", self.address);
        // One byte more than allowed, so that a datagram that is too long is noticed.
        let mut datagram = vec![0; MAX_BYTES + 1];
        while let Some(received) = stop.run_until_cancelled(self.socket.recv_from(&mut datagram)).await {
            match received {
                Ok((length, peer)) => match self.handle(&datagram[..length], peer).await {
                    Ok(()) => info!(%peer, bytes = length, "took a datagram"),
                    Err(refusal) => debug!(%peer, bytes = length, "dropped a datagram: {refusal}"),
                },
                Err(error) => {
                    warn!("receiving a datagram: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        info!("closed udp://{}", self.address);
    }

    async fn handle(&mut self, bytes: &[u8], peer: SocketAddr) -> Result<(), Refusal> {
        if bytes.len() > MAX_BYTES {
            return Err(Refusal::MessageTooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::MessageUnreadable)?;
        // Authenticate first: an unauthenticated sender must not make us normalise names and texts.
        self.authenticator.authenticate(Datagram::authentication(text)?, unix_seconds())?;
        let Datagram { authentication, room, name, body } = Datagram::parse(text)?;
        // A signed datagram always gets the same cid, so a replay is the same message even after a restart.
        let cid = match authentication {
            Some(Authentication::Mac(mac)) => cid_from_mac(&mac),
            Some(Authentication::Key(_)) | None => Cid::from_random(rand::random()),
        };
        let room = room.unwrap_or_else(RoomName::lobby);
        self.chat
            .post_anonymous(AnonymousMessage { room, name, body, cid }, ClientAddress::new(peer.ip()))
            .await
            .map_err(Error::into_refusal)?;
        Ok(())
    }
}

/// Makes a `cid` of the first half of the MAC, which is as long as a random one.
fn cid_from_mac(mac: &Mac) -> Cid {
    Cid::from_random(mac.tag.iter().take(16).fold(0, |cid, byte| cid << 8 | u128::from(*byte)))
}

/// The Unix time in seconds, which senders sign.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
