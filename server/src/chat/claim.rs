//! Claims: by what a repeated write is recognised, and how two people may use the same `cid`.
//!
//! A `cid` is unique in its room, but its sender chooses it, and a script's is easily guessed. So whoever
//! has used it first must neither block another sender nor be answered for: the other message is stored
//! under a `cid` made from its own, which only this server can make. A guest has a new id in every request
//! and connection and is recognised by address and text.

use common::{
    message::{Body, Cid},
    person::PersonId,
};
use sha2::{Digest, Sha256};

use super::Chat;
use crate::{
    address::{ClientAddress, is_loopback},
    store::{Claim, RoomId},
};

/// Who may repeat a write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claimant<'a> {
    /// The person of this id, with any text; for a guest that is one connection.
    Person(PersonId),
    /// Guests at this address who send this text.
    Guest(ClientAddress, &'a Body),
}

impl Chat {
    /// Returns the claim of a guest's write. A person's needs none, because the event has their id.
    pub(super) fn claim(&self, claimant: Claimant<'_>) -> Claim {
        let hash = self.keyed_hash("claim", &[&claimant.to_bytes()]);
        Claim(i64::from_be_bytes(first_bytes(&hash)))
    }

    /// Returns the `cid` that stands in the log for the one that this claimant chose, where that cannot.
    pub(super) fn substitute_cid(&self, room: RoomId, claimant: Claimant<'_>, cid: &Cid) -> Cid {
        let room = room.to_string();
        let parts = [room.as_bytes(), &claimant.to_bytes(), cid.as_str().as_bytes()];
        Cid::from_random(u128::from_be_bytes(first_bytes(&self.keyed_hash("cid", &parts))))
    }

    /// Hashes these parts with this server's secret, which keeps others from choosing the result.
    pub(super) fn keyed_hash(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(self.0.store.instance().secret);
        for part in [purpose.as_bytes()].iter().chain(parts) {
            // Their lengths keep the parts apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

impl Claimant<'_> {
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Claimant::Person(id) => id.0.to_be_bytes().to_vec(),
            // A program on this machine may use IPv4 once and IPv6 the next time.
            Claimant::Guest(address, body) if is_loopback(address.ip()) => {
                format!("loopback {body}").into_bytes()
            }
            Claimant::Guest(address, body) => format!("{} {body}", address.network()).into_bytes(),
        }
    }
}

/// The first bytes of a hash.
fn first_bytes<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    std::array::from_fn(|index| hash[index])
}
