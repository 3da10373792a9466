//! The datagram door: one datagram, one message, never an answer.
//!
//! One task takes them one after the other, and what it does not get to the kernel drops: that
//! bounds the work whatever comes. Its sources can be invented, so not a byte goes back, and from
//! other machines only what is signed is heard (see [`proof`]). The grammar is [`common::datagram`]'s.

mod proof;

use std::{
    io,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::{
    datagram::{Datagram, MAX_BYTES, Mac, Proof},
    message::Cid,
    refusal::Refusal,
    room::RoomName,
};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::proof::Watch;
use crate::{
    chat::{Chat, limits::is_loopback, outside::Call},
    config::UdpKey,
    failure::Failure,
};

/// The door, before it is open.
pub(super) struct Datagrams {
    socket: UdpSocket,
    address: SocketAddr,
    chat: Chat,
    watch: Watch,
}

impl Datagrams {
    /// A door that asks for a proof when there is a key.
    pub(super) fn new(socket: UdpSocket, chat: Chat, key: Option<&UdpKey>) -> io::Result<Datagrams> {
        let address = socket.local_addr()?;
        let watch = Watch::new(key.cloned(), is_loopback(address.ip()));
        Ok(Datagrams { socket, address, chat, watch })
    }

    /// Hears everybody until `stop`.
    pub(super) async fn serve(mut self, stop: CancellationToken) {
        info!("listening for datagrams on udp://{}", self.address);
        // With one byte more, what is too long shows.
        let mut datagram = vec![0; MAX_BYTES + 1];
        while let Some(received) = stop.run_until_cancelled(self.socket.recv_from(&mut datagram)).await {
            match received {
                Ok((length, peer)) => match self.hear(&datagram[..length], peer).await {
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

    async fn hear(&mut self, bytes: &[u8], peer: SocketAddr) -> Result<(), Refusal> {
        if bytes.len() > MAX_BYTES {
            return Err(Refusal::MessageTooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::MessageUnreadable)?;
        // What anybody can send costs no more than this; only then names and texts are normalised.
        self.watch.admit(Datagram::proof(text)?, seconds())?;
        let Datagram { proof, room, name, body } = Datagram::parse(text)?;
        // What was signed is the same message for ever, whenever and to whichever run of the server it
        // comes again.
        let cid = match proof {
            Some(Proof::Mac(mac)) => cid_of(&mac),
            Some(Proof::Key(_)) | None => Cid::from_random(rand::random()),
        };
        let room = room.unwrap_or_else(RoomName::lobby);
        self.chat.call(Call { room, name, body, cid }, peer.ip()).await.map_err(Failure::tell)?;
        Ok(())
    }
}

/// Half of a code is as long as a `cid` made at random.
fn cid_of(mac: &Mac) -> Cid {
    Cid::from_random(mac.code.iter().take(16).fold(0, |cid, byte| cid << 8 | u128::from(*byte)))
}

/// The clock that senders sign by.
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
