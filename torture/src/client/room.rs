//! One room as a correct client keeps it: an outbox with one message in flight, and a log that only
//! ever grows by the next number.
//!
//! Pure: it is told what came in and asked what to send, and writes the history down on the way.

use std::{net::SocketAddr, time::Instant};

use common::{
    event::{Event, History as AskHistory, Join, Page, Send, Sent, What},
    message::{Body, Cid, Seq},
    refusal::Refusal,
    room::RoomName,
};
use tokio::time::Duration;

use crate::{
    connection::Entered,
    history::{Applied, Outcome, RoomHistory, Said, Stay},
};

/// How long to wait after a refusal that says "later".
const LATER: Duration = Duration::from_millis(100);

/// A room of this client's.
pub(crate) struct Room {
    pub(crate) name: RoomName,
    pub(crate) history: RoomHistory,
    /// The furthest event the server has spoken of.
    horizon: Seq,
    /// The first message of the outbox, as an index of what was said.
    next: usize,
    /// Whether the join of this connection was answered.
    here: bool,
    sending: bool,
    asking: bool,
    waits_until: Option<Instant>,
}

/// What a room wants to be sent.
pub(crate) enum Wish {
    Send(Send),
    History(AskHistory),
}

impl Room {
    pub(crate) fn new(name: RoomName) -> Room {
        Room {
            name,
            history: RoomHistory::default(),
            horizon: Seq(0),
            next: 0,
            here: false,
            sending: false,
            asking: false,
            waits_until: None,
        }
    }

    /// Puts a message into the outbox.
    pub(crate) fn say(&mut self, cid: Cid, body: Body) {
        self.history.said.push(Said { cid, body, sent: None, outcome: Outcome::Unknown });
    }

    /// How many messages wait in the outbox.
    pub(crate) fn unsent(&self) -> usize {
        self.history.said.len() - self.next
    }

    /// Whether this client shows everything up to `last`.
    pub(crate) fn has(&self, last: Seq) -> bool {
        self.here && self.have().is_some_and(|have| have >= last)
    }

    /// Whether this connection was told everything up to `last` without asking.
    pub(crate) fn was_told(&self, last: Seq) -> bool {
        self.here && self.stay().and_then(Stay::told).is_some_and(|told| told >= last)
    }

    /// When it wants to be looked at again although nothing has come in.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        self.waits_until
    }

    /// A new connection joins; nothing that was under way will be answered any more.
    pub(crate) fn enter(&mut self, line: SocketAddr, began: Instant) -> Join {
        (self.here, self.sending, self.asking) = (false, false, false);
        self.history.stays.push(Stay { line, began, joined: None, pushes: Vec::new(), lasted: false });
        Join { since: self.have(), ..Join::new(self.name.clone()) }
    }

    /// The join was answered.
    pub(crate) fn joined(&mut self, reply: &Entered, now: Instant) {
        self.here = true;
        self.horizon = self.horizon.max(reply.last);
        let came_back = self.history.from.is_some();
        if let Some(stay) = self.history.stays.last_mut()
            && !(came_back && reply.more)
        {
            stay.joined = Some(reply.last);
        }
        let before = |event: &Event| Seq(event.seq.0.saturating_sub(1));
        self.history.from.get_or_insert(reply.events.first().map_or(reply.last, before));
        self.take_in(&reply.events, now);
    }

    /// An event was pushed.
    pub(crate) fn pushed(&mut self, event: &Event, now: Instant) {
        if let Some(stay) = self.history.stays.last_mut() {
            stay.pushes.push(event.seq);
        }
        self.reaches(event.seq);
        self.take_in(std::slice::from_ref(event), now);
    }

    /// The server says that the log goes this far.
    pub(crate) fn reaches(&mut self, last: Seq) {
        self.horizon = self.horizon.max(last);
    }

    /// A page of history, or why there is none.
    pub(crate) fn page(&mut self, page: Result<&Page, Refusal>, now: Instant) {
        self.asking = false;
        let had = self.have();
        if let Ok(page) = page {
            self.take_in(&page.events, now);
        }
        // Asked too fast, or for something that the log does not give.
        if self.have() == had {
            self.waits_until = Some(now + LATER);
        }
    }

    /// The message in flight was answered.
    pub(crate) fn sent(&mut self, result: Result<&Sent, Refusal>, now: Instant) {
        self.sending = false;
        let outcome = match result {
            Ok(sent) => Outcome::Acked { at: now, seq: sent.seq },
            Err(Refusal::TooFast | Refusal::Unavailable | Refusal::NotStored | Refusal::Internal) => {
                self.waits_until = Some(now + LATER);
                return;
            }
            Err(refusal) => Outcome::Refused(refusal),
        };
        self.history.said[self.next].outcome = outcome;
        self.next += 1;
    }

    /// What is to be sent now, if anything.
    pub(crate) fn wish(&mut self, now: Instant) -> Option<Wish> {
        if !self.here || self.waits_until.is_some_and(|until| now < until) {
            return None;
        }
        self.waits_until = None;
        if let Some(have) = self.have().filter(|have| !self.asking && *have < self.horizon) {
            self.asking = true;
            let (room, limit) = (self.name.clone(), Some(AskHistory::MAX));
            return Some(Wish::History(AskHistory {
                room,
                before: None,
                after: Some(have),
                around: None,
                limit,
            }));
        }
        let said = self.history.said.get_mut(self.next).filter(|_| !self.sending)?;
        self.sending = true;
        said.sent.get_or_insert(now);
        Some(Wish::Send(Send::new(self.name.clone(), said.cid.clone(), said.body.clone())))
    }

    /// It is over, and this connection was there to the end.
    pub(crate) fn lasted(&mut self) {
        if let Some(stay) = self.history.stays.last_mut().filter(|_| self.here) {
            stay.lasted = true;
        }
    }

    /// The last event shown; nothing is known before the first join.
    fn have(&self) -> Option<Seq> {
        self.history.from.map(|from| Seq(from.0 + self.history.applied.len() as u64))
    }

    fn stay(&self) -> Option<&Stay> {
        self.history.stays.last()
    }

    fn take_in(&mut self, events: &[Event], now: Instant) {
        for event in events {
            if self.have().map(Seq::next) == Some(event.seq) {
                let What::Posted { cid, body, .. } = event.what.clone() else { continue };
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
        let person = Person { id: PersonId(1), name: DisplayName::of_guest(PersonId(1)) };
        let (cid, body) = (Cid::parse(&format!("c{seq}")).unwrap(), Body::parse("말").unwrap());
        Event { seq: Seq(seq), at: Timestamp(0), person, what: What::posted(cid, body) }
    }

    fn page(seqs: impl IntoIterator<Item = u64>) -> Page {
        Page { events: seqs.into_iter().map(event).collect(), more_before: false, more_after: false }
    }

    /// In a room whose log ends at 3, all of it shown.
    fn joined() -> Room {
        let mut room = Room::new(RoomName::parse("마당").unwrap());
        assert_eq!(room.enter("127.0.0.1:9".parse().unwrap(), Instant::now()).since, None);
        let reply = Entered { last: Seq(3), events: page(1..=3).events, more: false };
        room.joined(&reply, Instant::now());
        room
    }

    fn shown(room: &Room) -> Vec<u64> {
        room.history.applied.iter().map(|applied| applied.seq.0).collect()
    }

    #[test]
    fn only_the_next_event_is_shown_and_what_is_missing_is_asked_for_once() {
        let (mut room, now) = (joined(), Instant::now());
        room.pushed(&event(4), now);
        room.pushed(&event(4), now);
        room.pushed(&event(6), now);
        assert_eq!(shown(&room), [1, 2, 3, 4]);
        let Some(Wish::History(history)) = room.wish(now) else { panic!("nothing was asked for") };
        assert_eq!(history.after, Some(Seq(4)));
        assert!(room.wish(now).is_none(), "one page at a time");
        room.page(Ok(&page(5..=6)), now);
        assert_eq!(shown(&room), [1, 2, 3, 4, 5, 6]);
        assert_eq!(room.history.stays[0].pushes, [4, 4, 6].map(Seq), "pushes are written down as they came");
    }

    #[test]
    fn a_heartbeat_makes_it_ask_for_the_last_event() {
        let (mut room, now) = (joined(), Instant::now());
        room.reaches(Seq(4));
        assert!(matches!(room.wish(now), Some(Wish::History(_))));
    }

    #[test]
    fn one_message_is_in_flight_and_goes_again_with_its_cid_until_it_is_answered() {
        let (mut room, now) = (joined(), Instant::now());
        for cid in ["a", "b"] {
            room.say(Cid::parse(cid).unwrap(), Body::parse("말").unwrap());
        }
        let in_flight = |room: &mut Room, now| match room.wish(now) {
            Some(Wish::Send(send)) => Some(send.cid.as_str().to_owned()),
            _ => None,
        };
        assert_eq!(in_flight(&mut room, now).as_deref(), Some("a"));
        assert_eq!(in_flight(&mut room, now), None);
        room.sent(Err(Refusal::NotStored), now);
        assert_eq!(in_flight(&mut room, now), None, "not at once");
        assert_eq!(in_flight(&mut room, now + LATER).as_deref(), Some("a"));
        room.enter("127.0.0.1:10".parse().unwrap(), now);
        assert_eq!(in_flight(&mut room, now + LATER), None, "not before it is in");
        assert_eq!(room.unsent(), 2);
    }
}
