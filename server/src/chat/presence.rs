//! Presence: who in a room is away or typing, and the presence changes that were not broadcast yet.
//!
//! Owned by a [`Room`](super::room::Room), which tells it about members and connections and does the
//! broadcasting. Changes are collected and broadcast in one batch: a thousand people who come back after
//! a restart would otherwise cause a thousand broadcasts to a thousand people.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use common::{
    person::PersonId,
    protocol::{command::Typing, push::PresenceChange},
};
use tokio::time::Instant;

use super::broadcast::ConnectionId;

/// How long a room collects presence changes before it broadcasts them in one batch.
pub(super) const PRESENCE_DEBOUNCE: Duration = Duration::from_millis(100);

/// The most presence changes in one batch.
const MAX_PENDING_CHANGES: usize = 256;

/// The shortest time between two broadcasts that the same person is typing.
const MIN_TYPING_INTERVAL: Duration = Duration::from_millis(Typing::MIN_INTERVAL_MS as u64);

/// The presence state of a room. Its sets have no entries of people who are not members.
#[derive(Default)]
pub(super) struct Presence {
    /// Changes that were not broadcast yet.
    pending: Vec<PresenceChange>,
    flush_scheduled: bool,
    /// The connections whose clients have reported that nobody looks at them.
    away_connections: HashSet<ConnectionId>,
    /// The members whose last queued state is away.
    away_members: HashSet<PersonId>,
    /// When a member's typing was last broadcast.
    last_typing: HashMap<PersonId, Instant>,
}

impl Presence {
    /// Queues a change for the next batch. Returns true if the batch is full; the caller must then
    /// broadcast it at once.
    #[must_use]
    pub(super) fn queue(&mut self, change: PresenceChange) -> bool {
        self.pending.push(change);
        self.pending.len() >= MAX_PENDING_CHANGES
    }

    /// Returns true once per batch; the caller must then broadcast it after [`PRESENCE_DEBOUNCE`].
    #[must_use]
    pub(super) fn schedule_flush(&mut self) -> bool {
        !self.pending.is_empty() && !std::mem::replace(&mut self.flush_scheduled, true)
    }

    /// Returns the pending changes and begins a new batch.
    pub(super) fn take_batch(&mut self) -> Vec<PresenceChange> {
        self.flush_scheduled = false;
        std::mem::take(&mut self.pending)
    }

    /// Whether the join of this member was not broadcast yet.
    pub(super) fn has_pending_join(&self, member: PersonId) -> bool {
        self.pending
            .iter()
            .any(|change| matches!(change, PresenceChange::Joined(person) if person.id == member))
    }

    /// Records whether the client of a member's connection is away.
    pub(super) fn set_away(&mut self, connection: ConnectionId, away: bool) {
        if away {
            self.away_connections.insert(connection);
        } else {
            self.away_connections.remove(&connection);
        }
    }

    /// Derives whether a member is away, which means that all their connections are. Returns the change,
    /// if there is one, for the caller to queue.
    pub(super) fn update_away(
        &mut self,
        member: PersonId,
        connections: &[ConnectionId],
    ) -> Option<PresenceChange> {
        // A member without a connection is in seat grace, and keeps the last state.
        if connections.is_empty() {
            return None;
        }
        if connections.iter().all(|connection| self.away_connections.contains(connection)) {
            self.away_members.insert(member).then_some(PresenceChange::Away(member))
        } else {
            self.away_members.remove(&member).then_some(PresenceChange::Back(member))
        }
    }

    pub(super) fn is_away(&self, member: PersonId) -> bool {
        self.away_members.contains(&member)
    }

    /// Returns whether a member's typing may be broadcast now, and counts it as broadcast.
    pub(super) fn throttle_typing(&mut self, member: PersonId, now: Instant) -> bool {
        let last_typing = self.last_typing.get(&member);
        if last_typing.is_some_and(|last_typing| now < *last_typing + MIN_TYPING_INTERVAL) {
            return false;
        }
        self.last_typing.insert(member, now);
        true
    }

    /// Forgets a connection that has left.
    pub(super) fn remove_connection(&mut self, connection: ConnectionId) {
        self.away_connections.remove(&connection);
    }

    /// Forgets a person who is no longer a member, with their remaining connections.
    pub(super) fn remove_member(&mut self, member: PersonId, connections: &[ConnectionId]) {
        for connection in connections {
            self.away_connections.remove(connection);
        }
        self.away_members.remove(&member);
        self.last_typing.remove(&member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: PersonId = PersonId(1);
    const PHONE: ConnectionId = ConnectionId(1);
    const LAPTOP: ConnectionId = ConnectionId(2);

    #[test]
    fn a_member_is_away_when_all_their_connections_are() {
        let mut presence = Presence::default();
        presence.set_away(PHONE, true);
        assert_eq!(presence.update_away(MEMBER, &[PHONE, LAPTOP]), None);
        presence.set_away(LAPTOP, true);
        assert_eq!(presence.update_away(MEMBER, &[PHONE, LAPTOP]), Some(PresenceChange::Away(MEMBER)));
        assert_eq!(presence.update_away(MEMBER, &[PHONE, LAPTOP]), None, "a change is queued once");
        assert_eq!(presence.update_away(MEMBER, &[]), None, "seat grace does not change it");
        assert!(presence.is_away(MEMBER));
        presence.set_away(PHONE, false);
        assert_eq!(presence.update_away(MEMBER, &[PHONE, LAPTOP]), Some(PresenceChange::Back(MEMBER)));
    }

    #[test]
    fn changes_are_broadcast_in_one_batch_of_bounded_size() {
        let mut presence = Presence::default();
        assert!(!presence.schedule_flush(), "nothing to flush");
        for _ in 1..MAX_PENDING_CHANGES {
            assert!(!presence.queue(PresenceChange::Left(MEMBER)));
        }
        assert!(presence.queue(PresenceChange::Left(MEMBER)), "the batch is full");
        assert_eq!((presence.schedule_flush(), presence.schedule_flush()), (true, false));
        assert_eq!(presence.take_batch().len(), MAX_PENDING_CHANGES);
        assert!(presence.take_batch().is_empty());
    }

    #[test]
    fn typing_is_broadcast_again_only_after_the_interval() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        let soon = now + MIN_TYPING_INTERVAL / 2;
        assert!(presence.throttle_typing(MEMBER, now));
        assert!(!presence.throttle_typing(MEMBER, soon));
        assert!(presence.throttle_typing(PersonId(2), soon), "others are not affected");
        assert!(presence.throttle_typing(MEMBER, now + MIN_TYPING_INTERVAL));
    }
}
