//! One room as a correct client keeps it: an outbox with one message in flight, and a log that grows only
//! by the next number.
//!
//! Does no I/O: the caller passes in what arrived and sends what is returned; the history is written on the way.

use std::{net::SocketAddr, time::Instant};

use common::{
    message::{Body, Cid, Seq},
    protocol::{
        command::{History as AskHistory, Join, Send},
        event::{Event, EventKind},
        reply::{Page, Sent},
    },
    refusal::Refusal,
    room::RoomName,
};
use tokio::time::Duration;

use crate::{
    history::{Applied, Outcome, RoomConnection, RoomHistory, SentMessage},
    socketio::JoinReply,
};

/// How long to wait after a refusal that asks for a retry.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// One room of one client.
pub(crate) struct Room {
    pub(crate) name: RoomName,
    pub(crate) history: RoomHistory,
    /// The last event that the server is known to have.
    known_last: Seq,
    /// The first message of the outbox, as an index into `history.messages`.
    outbox_start: usize,
    /// Whether this connection's join was answered.
    is_joined: bool,
    send_pending: bool,
    history_pending: bool,
    retry_at: Option<Instant>,
}

/// A request that the room wants to send.
pub(crate) enum RoomRequest {
    Send(Send),
    History(AskHistory),
}

impl Room {
    pub(crate) fn new(name: RoomName) -> Room {
        Room {
            name,
            history: RoomHistory::default(),
            known_last: Seq(0),
            outbox_start: 0,
            is_joined: false,
            send_pending: false,
            history_pending: false,
            retry_at: None,
        }
    }

    /// Puts a message into the outbox.
    pub(crate) fn queue_message(&mut self, cid: Cid, body: Body) {
        self.history.messages.push(SentMessage { cid, body, first_sent: None, outcome: Outcome::Unknown });
    }

    /// Returns how many messages wait in the outbox.
    pub(crate) fn outbox_len(&self) -> usize {
        self.history.messages.len() - self.outbox_start
    }

    /// Returns whether this client shows every event up to `last`.
    pub(crate) fn shows_up_to(&self, last: Seq) -> bool {
        self.is_joined && self.last_shown().is_some_and(|last_shown| last_shown >= last)
    }

    /// Returns whether pushes brought this connection every event up to `last`.
    pub(crate) fn received_up_to(&self, last: Seq) -> bool {
        self.is_joined
            && self
                .connection()
                .and_then(RoomConnection::last_received)
                .is_some_and(|received| received >= last)
    }

    /// Returns when to call `next_request` again although nothing arrived.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Starts the join of a new connection; replies to earlier requests will not come any more.
    pub(crate) fn start_join(&mut self, local_address: SocketAddr, opened_at: Instant) -> Join {
        (self.is_joined, self.send_pending, self.history_pending) = (false, false, false);
        self.history.connections.push(RoomConnection {
            local_address,
            opened_at,
            join_last: None,
            pushes: Vec::new(),
            open_at_end: false,
        });
        Join { since: self.last_shown(), ..Join::new(self.name.clone()) }
    }

    /// Applies the reply to the join.
    pub(crate) fn on_join_reply(&mut self, reply: &JoinReply, now: Instant) {
        self.is_joined = true;
        self.known_last = self.known_last.max(reply.last);
        let is_rejoin = self.history.applied_after.is_some();
        if let Some(connection) = self.history.connections.last_mut()
            && !(is_rejoin && reply.more)
        {
            connection.join_last = Some(reply.last);
        }
        let before = |event: &Event| Seq(event.seq.0.saturating_sub(1));
        self.history.applied_after.get_or_insert(reply.events.first().map_or(reply.last, before));
        self.apply(&reply.events, now);
    }

    /// Applies a pushed event.
    pub(crate) fn on_push(&mut self, event: &Event, now: Instant) {
        if let Some(connection) = self.history.connections.last_mut() {
            connection.pushes.push(event.seq);
        }
        self.advance_known_last(event.seq);
        self.apply(std::slice::from_ref(event), now);
    }

    /// Records that the server's log goes at least this far.
    pub(crate) fn advance_known_last(&mut self, last: Seq) {
        self.known_last = self.known_last.max(last);
    }

    /// Applies a page of history, or the refusal of one.
    pub(crate) fn on_page(&mut self, page: Result<&Page, Refusal>, now: Instant) {
        self.history_pending = false;
        let had = self.last_shown();
        if let Ok(page) = page {
            self.apply(&page.events, now);
        }
        // Refused, or a page without the next event: retry later.
        if self.last_shown() == had {
            self.retry_at = Some(now + RETRY_DELAY);
        }
    }

    /// Applies the reply to the message in flight.
    pub(crate) fn on_send_reply(&mut self, result: Result<&Sent, Refusal>, now: Instant) {
        self.send_pending = false;
        let outcome = match result {
            Ok(sent) => Outcome::Acked { at: now, seq: sent.seq },
            Err(Refusal::TooFast | Refusal::Unavailable | Refusal::NotStored | Refusal::Internal) => {
                self.retry_at = Some(now + RETRY_DELAY);
                return;
            }
            Err(refusal) => Outcome::Refused(refusal),
        };
        self.history.messages[self.outbox_start].outcome = outcome;
        self.outbox_start += 1;
    }

    /// Returns what to send now, if anything.
    pub(crate) fn next_request(&mut self, now: Instant) -> Option<RoomRequest> {
        if !self.is_joined || self.retry_at.is_some_and(|until| now < until) {
            return None;
        }
        self.retry_at = None;
        if let Some(last_shown) =
            self.last_shown().filter(|last_shown| !self.history_pending && *last_shown < self.known_last)
        {
            self.history_pending = true;
            let (room, limit) = (self.name.clone(), Some(AskHistory::MAX));
            return Some(RoomRequest::History(AskHistory {
                room,
                before: None,
                after: Some(last_shown),
                around: None,
                limit,
            }));
        }
        let message = self.history.messages.get_mut(self.outbox_start).filter(|_| !self.send_pending)?;
        self.send_pending = true;
        message.first_sent.get_or_insert(now);
        Some(RoomRequest::Send(Send::new(self.name.clone(), message.cid.clone(), message.body.clone())))
    }

    /// Records that this connection was open when the campaign stopped.
    pub(crate) fn mark_open_at_end(&mut self) {
        if let Some(connection) = self.history.connections.last_mut().filter(|_| self.is_joined) {
            connection.open_at_end = true;
        }
    }

    /// The last event shown; `None` before the first join.
    fn last_shown(&self) -> Option<Seq> {
        self.history.applied_after.map(|after| Seq(after.0 + self.history.applied.len() as u64))
    }

    fn connection(&self) -> Option<&RoomConnection> {
        self.history.connections.last()
    }

    fn apply(&mut self, events: &[Event], now: Instant) {
        for event in events {
            if self.last_shown().map(Seq::next) == Some(event.seq) {
                let EventKind::Posted { cid, body, .. } = event.kind.clone() else { continue };
                self.history.applied.push(Applied { seq: event.seq, cid, body, at: now });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::{
        message::Timestamp,
        person::{DisplayName, Person, PersonId},
    };

    use super::*;

    fn event(seq: u64) -> Event {
        let person = Person::new(PersonId(1), DisplayName::for_guest(PersonId(1)));
        let (cid, body) = (Cid::parse(&format!("c{seq}")).unwrap(), Body::parse("말").unwrap());
        Event { seq: Seq(seq), at: Timestamp(0), person, kind: EventKind::posted(cid, body) }
    }

    fn page(seqs: impl IntoIterator<Item = u64>) -> Page {
        Page { events: seqs.into_iter().map(event).collect(), more_before: false, more_after: false }
    }

    /// Returns a room whose log ends at 3, all of it shown.
    fn joined() -> Room {
        let mut room = Room::new(RoomName::parse("마당").unwrap());
        assert_eq!(room.start_join("127.0.0.1:9".parse().unwrap(), Instant::now()).since, None);
        let reply = JoinReply { last: Seq(3), events: page(1..=3).events, more: false };
        room.on_join_reply(&reply, Instant::now());
        room
    }

    fn applied_seqs(room: &Room) -> Vec<u64> {
        room.history.applied.iter().map(|applied| applied.seq.0).collect()
    }

    #[test]
    fn only_the_next_event_is_shown_and_a_gap_is_requested_once() {
        let (mut room, now) = (joined(), Instant::now());
        room.on_push(&event(4), now);
        room.on_push(&event(4), now);
        room.on_push(&event(6), now);
        assert_eq!(applied_seqs(&room), [1, 2, 3, 4]);
        let Some(RoomRequest::History(history)) = room.next_request(now) else {
            panic!("nothing was asked for")
        };
        assert_eq!(history.after, Some(Seq(4)));
        assert!(room.next_request(now).is_none(), "one page at a time");
        room.on_page(Ok(&page(5..=6)), now);
        assert_eq!(applied_seqs(&room), [1, 2, 3, 4, 5, 6]);
        assert_eq!(
            room.history.connections[0].pushes,
            [4, 4, 6].map(Seq),
            "pushes are written down as they came"
        );
    }

    #[test]
    fn a_heartbeat_triggers_a_request_for_the_last_event() {
        let (mut room, now) = (joined(), Instant::now());
        room.advance_known_last(Seq(4));
        assert!(matches!(room.next_request(now), Some(RoomRequest::History(_))));
    }

    #[test]
    fn one_message_is_in_flight_and_is_retried_with_its_cid_until_it_is_answered() {
        let (mut room, now) = (joined(), Instant::now());
        for cid in ["a", "b"] {
            room.queue_message(Cid::parse(cid).unwrap(), Body::parse("말").unwrap());
        }
        let in_flight = |room: &mut Room, now| match room.next_request(now) {
            Some(RoomRequest::Send(send)) => Some(send.cid.as_str().to_owned()),
            _ => None,
        };
        assert_eq!(in_flight(&mut room, now).as_deref(), Some("a"));
        assert_eq!(in_flight(&mut room, now), None);
        room.on_send_reply(Err(Refusal::NotStored), now);
        assert_eq!(in_flight(&mut room, now), None, "not at once");
        assert_eq!(in_flight(&mut room, now + RETRY_DELAY).as_deref(), Some("a"));
        room.start_join("127.0.0.1:10".parse().unwrap(), now);
        assert_eq!(in_flight(&mut room, now + RETRY_DELAY), None, "not before it is in");
        assert_eq!(room.outbox_len(), 2);
    }
}
