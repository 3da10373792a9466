//! Authenticates datagrams by HMAC-SHA256 (RFC 2104), with a time window and a replay cache, so
//! that an eavesdropper can not send a datagram again.
//!
//! Does no I/O and reads no clock. The cache is bounded, and only senders who know the key can fill
//! it. It is lost when the server stops; after that the log recognises a replay by its `cid`.

use std::collections::BTreeSet;

use common::{
    datagram::{Authentication, Mac},
    refusal::Refusal,
};
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest, Sha256};

use crate::config::UdpKey;

/// The largest difference between the sender's clock and ours, in seconds.
const MAX_CLOCK_SKEW: u64 = 60;
/// The capacity of the replay cache, about 4 MB. When it is full, the entry that expires first is evicted: if its
/// datagram is repeated, the room's log still knows it by its `cid`.
const MAX_CACHED: usize = 65_536;

/// Checks the authentication of every datagram.
pub(super) struct Authenticator {
    key: Option<UdpKey>,
    /// Whether the socket is bound to loopback, so that only this machine can send to it.
    is_local: bool,
    replay_cache: BTreeSet<(u64, [u8; 32])>,
}

impl Authenticator {
    pub(super) fn new(key: Option<UdpKey>, is_local: bool) -> Authenticator {
        Authenticator { key, is_local, replay_cache: BTreeSet::new() }
    }

    /// Accepts a datagram that needs no authentication or has a valid one. Else the refusal is `unknown_token`.
    pub(super) fn authenticate(
        &mut self,
        authentication: Option<Authentication>,
        now: u64,
    ) -> Result<(), Refusal> {
        match (&self.key, authentication) {
            (None, _) => Ok(()),
            (Some(_), Some(Authentication::Mac(mac))) => self.authenticate_signed(&mac, now),
            // Nobody can eavesdrop on loopback, so the plain key is accepted there.
            (Some(key), Some(Authentication::Key(given))) if self.is_local => {
                let matches = Sha256::digest(given) == Sha256::digest(key.reveal());
                matches.then_some(()).ok_or(Refusal::UnknownToken)
            }
            (Some(_), _) => Err(Refusal::UnknownToken),
        }
    }

    fn authenticate_signed(&mut self, mac: &Mac, now: u64) -> Result<(), Refusal> {
        if mac.time.abs_diff(now) > MAX_CLOCK_SKEW || !self.is_valid(mac) {
            return Err(Refusal::UnknownToken);
        }
        while self.replay_cache.first().is_some_and(|(time, _)| time + MAX_CLOCK_SKEW < now) {
            self.replay_cache.pop_first();
        }
        let is_new = self.replay_cache.insert((mac.time, mac.tag));
        if self.replay_cache.len() > MAX_CACHED {
            self.replay_cache.pop_first();
        }
        is_new.then_some(()).ok_or(Refusal::UnknownToken)
    }

    fn is_valid(&self, mac: &Mac) -> bool {
        let key = self.key.as_ref().map(UdpKey::reveal).unwrap_or_default();
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).is_ok_and(|mut hmac| {
            mac.signed_parts().iter().for_each(|piece| hmac.update(piece));
            // Compares in constant time.
            hmac.verify_slice(&mac.tag).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use common::datagram::Datagram;

    use super::*;

    const KEY: &str = "correct horse battery staple";
    const NOW: u64 = 1_763_829_000;

    fn authenticator(is_local: bool) -> Authenticator {
        Authenticator::new(Some(UdpKey::parse(KEY.replace(' ', "-")).unwrap()), is_local)
    }

    fn signed(time: u64, nonce: &str, text: &str) -> String {
        let mut hmac = Hmac::<Sha256>::new_from_slice(KEY.replace(' ', "-").as_bytes()).unwrap();
        hmac.update(format!("{time} {nonce}\n{text}").as_bytes());
        let code: String = hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("/mac {time} {nonce} {code}\n{text}")
    }

    fn check(authenticator: &mut Authenticator, datagram: &str, now: u64) -> Result<(), Refusal> {
        authenticator.authenticate(Datagram::parse(datagram).unwrap().authentication, now)
    }

    #[test]
    fn a_signed_datagram_is_accepted_once_and_only_within_the_time_window() {
        let mut authenticator = authenticator(false);
        let datagram = signed(NOW + 5, "nonce-01", "/to r\ngreen");
        assert_eq!(check(&mut authenticator, &datagram, NOW), Ok(()));
        for later in [0, 30, MAX_CLOCK_SKEW + 5, MAX_CLOCK_SKEW + 6, 10 * MAX_CLOCK_SKEW] {
            assert_eq!(
                check(&mut authenticator, &datagram, NOW + later),
                Err(Refusal::UnknownToken),
                "{later}"
            );
        }
        assert_eq!(check(&mut authenticator, &signed(NOW + 5, "nonce-02", "/to r\ngreen"), NOW), Ok(()));
        for time in [NOW - MAX_CLOCK_SKEW - 1, NOW + MAX_CLOCK_SKEW + 1, 0, u64::MAX] {
            let datagram = signed(time, "nonce-03", "x");
            assert_eq!(check(&mut authenticator, &datagram, NOW), Err(Refusal::UnknownToken), "{time}");
        }
    }

    #[test]
    fn nothing_in_a_signed_datagram_can_be_changed() {
        let datagram = signed(NOW, "nonce-01", "/to r\ngreen");
        for (from, to) in [("green", "red"), ("/to r", "/to s"), ("nonce-01", "nonce-02"), ("/to r\n", "")] {
            let changed = datagram.replace(from, to);
            assert_eq!(
                check(&mut authenticator(false), &changed, NOW),
                Err(Refusal::UnknownToken),
                "{changed}"
            );
        }
    }

    #[test]
    fn the_plain_key_is_accepted_on_loopback_only() {
        let datagram = format!("/key {}\nx", KEY.replace(' ', "-"));
        assert_eq!(check(&mut authenticator(true), &datagram, NOW), Ok(()));
        assert_eq!(check(&mut authenticator(false), &datagram, NOW), Err(Refusal::UnknownToken));
        for local in [true, false] {
            assert_eq!(check(&mut authenticator(local), "/key guess\nx", NOW), Err(Refusal::UnknownToken));
            assert_eq!(check(&mut authenticator(local), "x", NOW), Err(Refusal::UnknownToken));
        }
        assert_eq!(check(&mut Authenticator::new(None, true), "x", NOW), Ok(()));
    }

    #[test]
    fn the_replay_cache_is_bounded_and_its_entries_expire() {
        let mut authenticator = authenticator(false);
        authenticator.replay_cache =
            (0..MAX_CACHED as u64).map(|n| (NOW, Sha256::digest(n.to_be_bytes()).into())).collect();
        let datagram = signed(NOW + 1, "nonce-01", "x");
        assert_eq!(check(&mut authenticator, &datagram, NOW), Ok(()), "a full cache refuses no new datagram");
        assert_eq!(check(&mut authenticator, &datagram, NOW), Err(Refusal::UnknownToken));
        assert_eq!(authenticator.replay_cache.len(), MAX_CACHED);
        let later = NOW + MAX_CLOCK_SKEW + 2;
        assert_eq!(check(&mut authenticator, &signed(later, "nonce-01", "x"), later), Ok(()));
        assert_eq!(authenticator.replay_cache.len(), 1);
    }
}
