//! Whether a datagram's sender knows the key: HMAC-SHA256 (RFC 2104) with a window in time and a
//! memory of what was heard within it, so that nothing can be said again by whoever overheard it.
//!
//! Pure; the time is passed in. The memory is bounded, and only those who know the key can fill it.
//! It begins anew with the server; the log then knows what is in it already, by its `cid`.

use std::collections::BTreeSet;

use common::{
    datagram::{Mac, Proof},
    refusal::Refusal,
};
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest, Sha256};

use crate::config::UdpKey;

/// How far the sender's clock and ours may be apart, in seconds.
const WINDOW: u64 = 60;
/// How many datagrams are remembered. When there are more within the window they have to wait.
const REMEMBERED: usize = 65_536;

/// Looks at what every datagram proves.
pub(super) struct Watch {
    key: Option<UdpKey>,
    /// Whether only this machine can send us anything.
    is_local: bool,
    heard: BTreeSet<(u64, [u8; 32])>,
}

impl Watch {
    pub(super) fn new(key: Option<UdpKey>, is_local: bool) -> Watch {
        Watch { key, is_local, heard: BTreeSet::new() }
    }

    /// Lets a datagram pass that needs no proof or has one; the refusal is `unknown_token`, or
    /// `too_fast` when too many were heard.
    pub(super) fn admit(&mut self, proof: Option<Proof>, now: u64) -> Result<(), Refusal> {
        match (&self.key, proof) {
            (None, _) => Ok(()),
            (Some(_), Some(Proof::Mac(mac))) => self.admit_signed(&mac, now),
            // Between two programs of this machine nobody listens.
            (Some(key), Some(Proof::Key(given))) if self.is_local => {
                let is_same = Sha256::digest(given) == Sha256::digest(key.reveal());
                is_same.then_some(()).ok_or(Refusal::UnknownToken)
            }
            (Some(_), _) => Err(Refusal::UnknownToken),
        }
    }

    fn admit_signed(&mut self, mac: &Mac, now: u64) -> Result<(), Refusal> {
        if mac.time.abs_diff(now) > WINDOW || !self.is_right(mac) {
            return Err(Refusal::UnknownToken);
        }
        while self.heard.first().is_some_and(|(time, _)| time + WINDOW < now) {
            self.heard.pop_first();
        }
        if self.heard.len() >= REMEMBERED {
            return Err(Refusal::TooFast);
        }
        let is_new = self.heard.insert((mac.time, mac.code));
        is_new.then_some(()).ok_or(Refusal::UnknownToken)
    }

    fn is_right(&self, mac: &Mac) -> bool {
        let key = self.key.as_ref().map(UdpKey::reveal).unwrap_or_default();
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).is_ok_and(|mut hmac| {
            mac.signed().iter().for_each(|piece| hmac.update(piece));
            // Takes the same time wherever the first difference is.
            hmac.verify_slice(&mac.code).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use common::datagram::Datagram;

    use super::*;

    const KEY: &str = "correct horse battery staple";
    const NOW: u64 = 1_763_829_000;

    fn watch(is_local: bool) -> Watch {
        Watch::new(Some(UdpKey::parse(KEY.replace(' ', "-")).unwrap()), is_local)
    }

    fn signed(time: u64, nonce: &str, text: &str) -> String {
        let mut hmac = Hmac::<Sha256>::new_from_slice(KEY.replace(' ', "-").as_bytes()).unwrap();
        hmac.update(format!("{time} {nonce}\n{text}").as_bytes());
        let code: String = hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("/mac {time} {nonce} {code}\n{text}")
    }

    fn admit(watch: &mut Watch, datagram: &str, now: u64) -> Result<(), Refusal> {
        watch.admit(Datagram::parse(datagram).unwrap().proof, now)
    }

    #[test]
    fn what_is_signed_is_heard_once_and_only_in_its_time() {
        let mut watch = watch(false);
        let datagram = signed(NOW + 5, "nonce-01", "/to r\ngreen");
        assert_eq!(admit(&mut watch, &datagram, NOW), Ok(()));
        for later in [0, 30, WINDOW + 5, WINDOW + 6, 10 * WINDOW] {
            assert_eq!(admit(&mut watch, &datagram, NOW + later), Err(Refusal::UnknownToken), "{later}");
        }
        assert_eq!(admit(&mut watch, &signed(NOW + 5, "nonce-02", "/to r\ngreen"), NOW), Ok(()));
        for time in [NOW - WINDOW - 1, NOW + WINDOW + 1, 0, u64::MAX] {
            let datagram = signed(time, "nonce-03", "x");
            assert_eq!(admit(&mut watch, &datagram, NOW), Err(Refusal::UnknownToken), "{time}");
        }
    }

    #[test]
    fn nothing_in_a_signed_datagram_can_be_changed() {
        let datagram = signed(NOW, "nonce-01", "/to r\ngreen");
        for (from, to) in [("green", "red"), ("/to r", "/to s"), ("nonce-01", "nonce-02"), ("/to r\n", "")] {
            let changed = datagram.replace(from, to);
            assert_eq!(admit(&mut watch(false), &changed, NOW), Err(Refusal::UnknownToken), "{changed}");
        }
    }

    #[test]
    fn the_key_itself_is_for_this_machine_only() {
        let said = format!("/key {}\nx", KEY.replace(' ', "-"));
        assert_eq!(admit(&mut watch(true), &said, NOW), Ok(()));
        assert_eq!(admit(&mut watch(false), &said, NOW), Err(Refusal::UnknownToken));
        for local in [true, false] {
            assert_eq!(admit(&mut watch(local), "/key guess\nx", NOW), Err(Refusal::UnknownToken));
            assert_eq!(admit(&mut watch(local), "x", NOW), Err(Refusal::UnknownToken));
        }
        assert_eq!(admit(&mut Watch::new(None, true), "x", NOW), Ok(()));
    }

    #[test]
    fn the_memory_is_bounded_and_is_free_again() {
        let mut watch = watch(false);
        watch.heard = (0..REMEMBERED as u64).map(|n| (NOW, Sha256::digest(n.to_be_bytes()).into())).collect();
        assert_eq!(admit(&mut watch, &signed(NOW, "nonce-01", "x"), NOW), Err(Refusal::TooFast));
        let later = NOW + WINDOW + 1;
        assert_eq!(admit(&mut watch, &signed(later, "nonce-01", "x"), later), Ok(()));
        assert_eq!(watch.heard.len(), 1);
    }
}
