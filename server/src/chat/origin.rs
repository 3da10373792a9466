//! Origins: from which network people come and since when they are known. `newcomers` says what for.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use common::{message::Timestamp, person::PersonId};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::timestamp_now;
use crate::address::ClientAddress;

/// How long a person counts as a newcomer.
pub(super) const NEWCOMER_AGE: Duration = Duration::from_secs(60 * 60);

/// The most people whose origin is remembered after they have left or posted; then the oldest is forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// Where a person comes from, and since when the server knows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// `None` where an address tells nothing about people: many may be behind it.
    network: Option<IpAddr>,
    /// `None` if that was before this machine was started.
    first_seen: Option<Instant>,
}

impl Origin {
    pub(super) fn new(address: ClientAddress, first_seen: Timestamp) -> Origin {
        // One less, because both times are rounded: nobody may seem to be known before a ban that they evade.
        let age = timestamp_now().0.saturating_sub(first_seen.0).saturating_sub(1);
        Origin {
            network: (!address.is_shared()).then(|| address.network()),
            first_seen: Instant::now().checked_sub(Duration::from_millis(u64::try_from(age).unwrap_or(0))),
        }
    }

    pub(super) fn network(self) -> Option<IpAddr> {
        self.network
    }

    /// Whether this person comes from the network and was first seen after that time.
    pub(super) fn is_new_since(self, network: IpAddr, since: Instant) -> bool {
        self.network == Some(network) && self.first_seen.is_some_and(|first_seen| first_seen > since)
    }

    /// Whether this person comes from the network and is new to the server.
    pub(super) fn is_newcomer(self, network: IpAddr, now: Instant) -> bool {
        let is_young = |first_seen: Instant| now.saturating_duration_since(first_seen) < NEWCOMER_AGE;
        self.network == Some(network) && self.first_seen.is_some_and(is_young)
    }

    /// The origin of somebody to whom no limit of networks applies.
    #[cfg(test)]
    pub(super) fn exempt() -> Origin {
        Origin { network: None, first_seen: None }
    }

    #[cfg(test)]
    pub(super) fn for_test_on_loopback(first_seen: Instant) -> Origin {
        Origin { network: None, first_seen: Some(first_seen) }
    }

    #[cfg(test)]
    pub(super) fn for_test(network: &str, first_seen: Option<Instant>) -> Origin {
        Origin { network: Some(network.parse().unwrap()), first_seen }
    }
}

/// The origins of the people who have lately entered a room or posted in one. A person who is kicked may have
/// left already, or never have been a member.
#[derive(Default)]
pub(super) struct Origins(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    origins: HashMap<PersonId, Origin>,
    /// The people of `origins`, the earliest first.
    order: VecDeque<PersonId>,
}

impl Origins {
    /// Remembers where a person comes from. Returns that origin, with the time of an earlier record: the sender
    /// of a datagram is not stored anywhere.
    pub(super) fn record(&self, person: PersonId, origin: Origin) -> Origin {
        let mut remembered = self.0.lock();
        if let Some(known) = remembered.origins.get_mut(&person) {
            *known = Origin { first_seen: known.first_seen.min(origin.first_seen), ..origin };
            return *known;
        }
        if remembered.order.len() >= MAX_REMEMBERED
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.origins.remove(&oldest);
        }
        remembered.order.push_back(person);
        remembered.origins.insert(person, origin);
        origin
    }

    pub(super) fn get(&self, person: PersonId) -> Option<Origin> {
        self.0.lock().origins.get(&person).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: &str = "192.0.2.7";

    #[test]
    fn a_newcomer_is_new_for_an_hour_and_only_in_their_network() {
        let first_seen = Instant::now();
        let (origin, network) = (Origin::for_test(NETWORK, Some(first_seen)), NETWORK.parse().unwrap());
        assert!(origin.is_newcomer(network, first_seen));
        assert!(!origin.is_newcomer("192.0.2.8".parse().unwrap(), first_seen));
        assert!(!origin.is_newcomer(network, first_seen + NEWCOMER_AGE));
        assert!(!Origin::for_test(NETWORK, None).is_newcomer(network, first_seen));
        let hour_ago = Timestamp(timestamp_now().0 - 60 * 60 * 1000 - 1);
        assert!(
            !Origin::new(ClientAddress::new(NETWORK.parse().unwrap()), hour_ago)
                .is_newcomer(network, Instant::now())
        );
        assert_eq!(Origin::new(ClientAddress::new("::1".parse().unwrap()), timestamp_now()).network(), None);
    }

    #[test]
    fn the_number_of_remembered_origins_is_bounded_and_the_earliest_time_counts() {
        let (origins, first, now) = (Origins::default(), PersonId(0), Instant::now());
        let at = |seconds| Origin::for_test(NETWORK, Some(now + Duration::from_secs(seconds)));
        origins.record(first, at(0));
        assert_eq!(origins.record(first, at(9)).first_seen, Some(now));
        for id in 1..=MAX_REMEMBERED as u64 {
            origins.record(PersonId(id), at(id));
        }
        assert!(origins.get(first).is_none());
        let remembered = origins.0.lock();
        assert_eq!((remembered.origins.len(), remembered.order.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
    }
}
