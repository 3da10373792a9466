//! The bans of a room: who was kicked, and stays out for a while.
//!
//! Kept in memory only, with the [room](super::room::Room); `access.rs` decides who may ban.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use common::{person::PersonId, protocol::command::Kick, refusal::Refusal};
use tokio::time::Instant;

use super::origin::Origin;

/// How long a ban lasts.
pub(super) const BAN_DURATION: Duration = Duration::from_secs(Kick::BAN_SECONDS as u64);

/// The most bans of one room; a further one drops the oldest.
const MAX_BANS: usize = 1_000;

/// The bans of a room, the oldest first.
#[derive(Default)]
pub(super) struct Bans(VecDeque<Ban>);

/// Keeps out a person, and whoever from the same network was first seen after it began.
struct Ban {
    person: PersonId,
    network: Option<IpAddr>,
    since: Instant,
    until: Instant,
}

impl Bans {
    /// Refuses a banned person with `removed`.
    pub(super) fn check(&self, person: PersonId) -> Result<(), Refusal> {
        let is_banned = self.0.iter().any(|ban| ban.person == person);
        if is_banned { Err(Refusal::Banned) } else { Ok(()) }
    }

    /// Refuses somebody with `network_removed` who is new since a person of the same network was banned.
    pub(super) fn check_newcomer(&self, origin: Origin) -> Result<(), Refusal> {
        let keeps_out =
            |ban: &Ban| ban.network.is_some_and(|network| origin.is_new_since(network, ban.since));
        if self.0.iter().any(keeps_out) { Err(Refusal::NetworkBanned) } else { Ok(()) }
    }

    /// Adds a ban in place of an earlier one of the same person.
    pub(super) fn add(
        &mut self,
        person: PersonId,
        network: Option<IpAddr>,
        since: Instant,
        duration: Duration,
    ) {
        self.0.retain(|ban| ban.person != person);
        if self.0.len() >= MAX_BANS {
            self.0.pop_front();
        }
        self.0.push_back(Ban { person, network, since, until: since + duration });
    }

    /// Removes bans that have run out.
    pub(super) fn expire(&mut self, now: Instant) {
        self.0.retain(|ban| ban.until > now);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::test_support::{join, room_for_two};

    #[test]
    fn the_number_of_bans_is_bounded() {
        let (mut room, now) = (room_for_two(), Instant::now());
        for id in 0..=MAX_BANS as u64 {
            join(&mut room, id, id, now).unwrap();
            room.ban(PersonId(id), None, now, BAN_DURATION);
        }
        assert_eq!(room.bans.0.len(), MAX_BANS);
        assert_eq!((join(&mut room, 0, 0, now), join(&mut room, 1, 1, now)), (Ok(()), Err(Refusal::Banned)));
    }
}
