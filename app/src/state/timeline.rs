//! The part of a room's log this page holds: always without a gap.
//!
//! Join replies, pushes and history pages arrive in any order, doubled, or not at all. Whatever
//! continues the log is taken in; what lies further ahead waits until the gap before it is filled.
//! Called by `chat` only. It never guesses: what is missing is asked for ([`Timeline::missing`]).

use std::collections::BTreeMap;

use common::{
    event::{Event, Joined, Page},
    message::Seq,
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// The log from `base` (exclusive) on; nothing is known before the first join reply.
    log: Option<Log>,
    /// Events beyond a gap, or from before the join reply.
    ahead: BTreeMap<Seq, Event>,
    /// The furthest event the server has spoken of.
    horizon: Seq,
}

#[derive(Clone, Debug)]
struct Log {
    base: Seq,
    more_before: bool,
    events: Vec<Event>,
}

impl Log {
    fn last(&self) -> Seq {
        Seq(self.base.0 + self.events.len() as u64)
    }
}

impl Timeline {
    /// Takes in the answer to a join: the last page at first, what came since when we come back.
    pub(crate) fn joined(&mut self, reply: &Joined) {
        self.horizon = self.horizon.max(reply.last);
        if self.log.is_none() {
            let base = reply.events.first().map_or(reply.last, |event| Seq(event.seq.0.saturating_sub(1)));
            self.log = Some(Log { base, more_before: reply.more, events: Vec::new() });
        }
        self.take_in(&reply.events);
    }

    /// Takes in one event; its place decides what becomes of it.
    pub(crate) fn pushed(&mut self, event: Event) {
        self.horizon = self.horizon.max(event.seq);
        self.take_in(&[event]);
    }

    /// Hears how far the log goes, which may be further than what was told.
    pub(crate) fn heartbeat(&mut self, last: Seq) {
        self.horizon = self.horizon.max(last);
    }

    /// Takes in a page of history, from before or after what is held.
    pub(crate) fn page(&mut self, page: &Page) {
        self.prepend(page);
        self.take_in(&page.events);
    }

    /// The events held, in the order of the log.
    pub(crate) fn events(&self) -> &[Event] {
        self.log.as_ref().map_or(&[], |log| &log.events)
    }

    /// Whether a join reply has come: before that nothing can be said about the log.
    pub(crate) fn is_known(&self) -> bool {
        self.log.is_some()
    }

    /// The last event up to which nothing is missing: the `since` of the next join.
    pub(crate) fn last(&self) -> Option<Seq> {
        self.log.as_ref().map(Log::last)
    }

    /// Whether this event is older than everything held, and so does not come by itself.
    pub(crate) fn begins_after(&self, seq: Seq) -> bool {
        self.log.as_ref().is_some_and(|log| seq <= log.base)
    }

    /// Ask `history after` this: the server has spoken of events that are not here.
    pub(crate) fn missing(&self) -> Option<Seq> {
        self.last().filter(|last| *last < self.horizon)
    }

    /// Ask `history before` this for older events, if there are any.
    pub(crate) fn older(&self) -> Option<Seq> {
        self.log.as_ref().filter(|log| log.more_before).map(|log| log.base.next())
    }

    fn prepend(&mut self, page: &Page) {
        let Some(log) = &mut self.log else { return };
        let older: Vec<Event> = page.events.iter().filter(|event| event.seq <= log.base).cloned().collect();
        if older.last().map(|event| event.seq) == Some(log.base) && without_gap(&older) {
            log.base = Seq(log.base.0 - older.len() as u64);
            log.more_before = page.more_before && log.base > Seq(0);
            log.events.splice(..0, older);
        } else if page.events.is_empty() && !page.more_before && !page.more_after {
            log.more_before = false;
        }
    }

    fn take_in(&mut self, events: &[Event]) {
        let last = self.last().unwrap_or_default();
        self.ahead
            .extend(events.iter().filter(|event| event.seq > last).map(|event| (event.seq, event.clone())));
        let Some(log) = &mut self.log else { return };
        while let Some(event) = self.ahead.remove(&log.last().next()) {
            log.events.push(event);
        }
        // What the first join reply already covers.
        self.ahead = self.ahead.split_off(&log.last().next());
    }
}

fn without_gap(events: &[Event]) -> bool {
    events.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use common::{
        event::What,
        message::{Body, Cid, Timestamp},
        person::{DisplayName, Person, PersonId},
        room::RoomName,
    };
    use proptest::prelude::*;

    use super::*;

    fn event(seq: u64) -> Event {
        Event {
            seq: Seq(seq),
            at: Timestamp(seq as i64),
            person: Person { id: PersonId(1), name: DisplayName::parse("지은").unwrap() },
            what: What::Posted {
                cid: Cid::from_random(u128::from(seq)),
                body: Body::parse(&seq.to_string()).unwrap(),
                via: None,
            },
        }
    }

    fn log(from: u64, to: u64) -> Vec<Event> {
        (from..=to).map(event).collect()
    }

    fn joined(events: Vec<Event>, last: u64, more: bool) -> Joined {
        let room = RoomName::parse("마당").unwrap();
        Joined { room, seats: None, last: Seq(last), events, more, people: vec![], may: vec![] }
    }

    /// The server's answer to `history after`, two events a page.
    fn after(seq: Seq, end: u64) -> Page {
        let events = log(seq.0 + 1, end.min(seq.0 + 2));
        Page { more_after: seq.0 + 2 < end, more_before: seq.0 > 0, events }
    }

    /// The server's answer to `history before`, two events a page.
    fn before(seq: Seq) -> Page {
        let from = seq.0.saturating_sub(2).max(1);
        Page { events: log(from, seq.0 - 1), more_before: from > 1, more_after: true }
    }

    fn numbers(timeline: &Timeline) -> Vec<u64> {
        timeline.events().iter().map(|event| event.seq.0).collect()
    }

    #[test]
    fn pushes_from_before_the_join_reply_are_not_lost() {
        let mut timeline = Timeline::default();
        timeline.pushed(event(6));
        timeline.pushed(event(4));
        assert!(timeline.events().is_empty());
        timeline.joined(&joined(log(3, 5), 5, true));
        assert_eq!(numbers(&timeline), [3, 4, 5, 6]);
        assert_eq!((timeline.missing(), timeline.older()), (None, Some(Seq(3))));
    }

    #[test]
    fn a_gap_is_asked_for_and_filled() {
        let mut timeline = Timeline::default();
        timeline.joined(&joined(log(1, 2), 2, false));
        timeline.pushed(event(5));
        assert_eq!((numbers(&timeline), timeline.missing()), (vec![1, 2], Some(Seq(2))));
        timeline.page(&after(Seq(2), 5));
        assert_eq!((numbers(&timeline), timeline.missing()), (vec![1, 2, 3, 4, 5], None));
    }

    #[test]
    fn coming_back_pages_on_until_everything_missed_is_here() {
        let mut timeline = Timeline::default();
        timeline.joined(&joined(log(1, 2), 2, false));
        timeline.joined(&joined(log(3, 4), 7, true));
        let mut pages = 0;
        while let Some(seq) = timeline.missing() {
            timeline.page(&after(seq, 7));
            pages += 1;
        }
        assert_eq!((numbers(&timeline), pages), (vec![1, 2, 3, 4, 5, 6, 7], 2));
    }

    #[test]
    fn older_pages_end_at_the_first_event() {
        let mut timeline = Timeline::default();
        timeline.joined(&joined(log(4, 5), 5, true));
        while let Some(seq) = timeline.older() {
            timeline.page(&before(seq));
        }
        assert_eq!(numbers(&timeline), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_lies_before_the_first_page_does_not_come_by_itself() {
        let mut timeline = Timeline::default();
        assert!(!timeline.begins_after(Seq(3)), "nothing is known yet");
        timeline.joined(&joined(log(4, 5), 5, true));
        assert_eq!(
            (3..=6).map(|seq| timeline.begins_after(Seq(seq))).collect::<Vec<_>>(),
            [true, false, false, false]
        );
        timeline.page(&before(Seq(4)));
        assert!(!timeline.begins_after(Seq(3)));
    }

    #[test]
    fn an_empty_room_is_known_and_misses_nothing() {
        let mut timeline = Timeline::default();
        assert!(!timeline.is_known());
        timeline.joined(&joined(vec![], 0, false));
        assert!(timeline.is_known());
        assert_eq!((timeline.last(), timeline.missing(), timeline.older()), (Some(Seq(0)), None, None));
        timeline.pushed(event(1));
        assert_eq!(numbers(&timeline), [1]);
    }

    #[derive(Clone, Debug)]
    enum Arrival {
        Push(u64),
        After,
        Before,
        Rejoin,
        /// A page nobody waits for any more.
        Stray(u64),
    }

    fn arrival(end: u64) -> impl Strategy<Value = Arrival> {
        prop_oneof![
            4 => (1..=end).prop_map(Arrival::Push),
            1 => Just(Arrival::After),
            1 => Just(Arrival::Before),
            1 => Just(Arrival::Rejoin),
            1 => (1..=end).prop_map(Arrival::Stray),
        ]
    }

    proptest! {
        #[test]
        fn any_interleaving_ends_in_the_log_without_gap(
            (end, start, early, arrivals) in (1u64..30).prop_flat_map(|end| (
                Just(end),
                0..=end,
                prop::collection::vec(1..=end, 0..6),
                prop::collection::vec(arrival(end), 0..60),
            ))
        ) {
            let mut timeline = Timeline::default();
            for seq in early {
                timeline.pushed(event(seq));
            }
            let from = start.saturating_sub(2).max(1);
            timeline.joined(&joined(log(from, start), start, from > 1));
            for arrival in arrivals {
                match arrival {
                    Arrival::Push(seq) => timeline.pushed(event(seq)),
                    Arrival::After => if let Some(seq) = timeline.missing() { timeline.page(&after(seq, end)) },
                    Arrival::Before => if let Some(seq) = timeline.older() { timeline.page(&before(seq)) },
                    Arrival::Rejoin => {
                        let since = timeline.last().unwrap();
                        let page = after(since, end);
                        timeline.joined(&joined(page.events, end, page.more_after));
                    }
                    Arrival::Stray(seq) => timeline.page(&before(Seq(seq))),
                }
                prop_assert!(without_gap(timeline.events()));
            }
            timeline.pushed(event(end));
            while let Some(seq) = timeline.missing() { timeline.page(&after(seq, end)) }
            while let Some(seq) = timeline.older() { timeline.page(&before(seq)) }
            prop_assert_eq!(timeline.events(), &log(1, end)[..]);
            prop_assert!(timeline.ahead.is_empty());
        }
    }
}
