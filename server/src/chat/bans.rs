//! The bans of a room: who was kicked, and stays out for a while.
//!
//! Kept in memory only, with the [room](super::room::Room); `access.rs` decides who may ban.

use std::{collections::VecDeque, time::Duration};

use common::{person::PersonId, protocol::command::Kick, refusal::Refusal};
use tokio::time::Instant;

/// How long a ban lasts.
pub(super) const BAN_DURATION: Duration = Duration::from_secs(Kick::BAN_SECONDS as u64);

/// The most bans of one room; a further one drops the oldest.
const MAX_BANS: usize = 1_000;

/// The people who are banned from a room and when each ban ends, the oldest ban first.
#[derive(Default)]
pub(super) struct Bans(VecDeque<(PersonId, Instant)>);

impl Bans {
    /// Refuses a banned person with `removed`.
    pub(super) fn check(&self, person: PersonId) -> Result<(), Refusal> {
        let is_banned = self.0.iter().any(|(banned, _)| *banned == person);
        if is_banned { Err(Refusal::Banned) } else { Ok(()) }
    }

    /// Adds a ban in place of an earlier one of the same person.
    pub(super) fn add(&mut self, person: PersonId, until: Instant) {
        self.0.retain(|(banned, _)| *banned != person);
        if self.0.len() >= MAX_BANS {
            self.0.pop_front();
        }
        self.0.push_back((person, until));
    }

    /// Removes bans that have run out.
    pub(super) fn expire(&mut self, now: Instant) {
        self.0.retain(|(_, until)| *until > now);
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
            room.ban(PersonId(id), now + BAN_DURATION);
        }
        assert_eq!(room.bans.0.len(), MAX_BANS);
        assert_eq!((join(&mut room, 0, 0, now), join(&mut room, 1, 1, now)), (Ok(()), Err(Refusal::Banned)));
    }
}
