//! The held segments of a room's log, each without a gap.
//!
//! Join replies, pushes and history pages arrive in any order, twice, or never. An event that
//! continues the log is appended; an event beyond a gap is buffered until the gap is filled. A
//! reader far from the end reads a detached segment, which is merged with the tail as soon as they
//! touch. Messages are held in their current state, see `reducer`.
//!
//! Called by `room` only. Missing events are never guessed: [`Timeline::gap_cursor`] says what to
//! request.

use std::mem;

use common::{
    message::Seq,
    protocol::{
        event::Event,
        reply::{Joined, Page},
    },
};

use super::reducer;

#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// The end of the log; `None` before the first join reply.
    tail: Option<Segment>,
    /// The segment being read, while it is not connected to the tail.
    detached: Option<Segment>,
    /// Events beyond a gap, or from before the join reply, in the order of the log.
    buffered: Vec<Event>,
    /// The last event the server has mentioned.
    known_last: Seq,
}

/// A part of the log after `base` (exclusive).
#[derive(Clone, Debug)]
struct Segment {
    base: Seq,
    more_before: bool,
    events: Vec<Event>,
}

impl Timeline {
    /// The most events held of the segment being read. Trimming waits for an eighth more, and a
    /// page that was just fetched may exceed it until the next trim.
    pub(crate) const MAX_EVENTS: usize = 800;

    /// The most events held of the tail while it is not being read.
    pub(crate) const MAX_BACKGROUND_EVENTS: usize = 100;

    /// The most buffered events; later ones are requested again.
    const MAX_BUFFERED: usize = 1_000;

    /// Applies a join reply: the last page the first time, the missed events on a rejoin.
    pub(crate) fn apply_join(&mut self, reply: &Joined) {
        self.known_last = self.known_last.max(reply.last);
        if self.tail.is_none() {
            let base = reply.events.first().map_or(reply.last, |event| preceding(event.seq));
            self.tail = Some(Segment { base, more_before: reply.more, events: Vec::new() });
        }
        self.apply_events(&reply.events);
    }

    /// Applies a pushed event.
    pub(crate) fn apply_push(&mut self, event: Event) {
        self.known_last = self.known_last.max(event.seq);
        self.apply_events(&[event]);
    }

    /// Applies a heartbeat, which tells how far the log goes.
    pub(crate) fn apply_heartbeat(&mut self, last: Seq) {
        self.known_last = self.known_last.max(last);
    }

    /// Applies a page of history from before or after the held events.
    pub(crate) fn apply_page(&mut self, page: &Page) {
        let page = self.with_later_changes(page);
        for segment in [&mut self.tail, &mut self.detached].into_iter().flatten() {
            segment.prepend(&page);
        }
        if let Some(detached) = &mut self.detached {
            detached.append(&page.events);
        }
        self.apply_events(&page.events);
        self.merge_segments();
    }

    /// Makes this page the segment being read.
    pub(crate) fn jump_to(&mut self, page: &Page) {
        let page = self.with_later_changes(page);
        let Some(first) = page.events.first() else { return };
        self.detached =
            Some(Segment { base: preceding(first.seq), more_before: page.more_before, events: page.events });
        self.merge_segments();
    }

    /// Makes the tail the segment being read.
    pub(crate) fn jump_to_end(&mut self) {
        self.detached = None;
    }

    /// Returns the events of the tail.
    pub(crate) fn events(&self) -> &[Event] {
        self.tail.as_ref().map_or(&[], |tail| &tail.events)
    }

    /// Returns the last `limit` events at most, and whether there are any before them.
    pub(crate) fn last_events(&self, limit: usize) -> (&[Event], bool) {
        let events = self.events();
        let first = events.len().saturating_sub(limit);
        (&events[first..], first > 0 || self.tail.as_ref().is_some_and(|tail| tail.more_before))
    }

    /// Returns the events of the segment being read.
    pub(crate) fn current_events(&self) -> &[Event] {
        self.current_segment().map_or(&[], |segment| &segment.events)
    }

    /// Whether the segment being read is the tail.
    pub(crate) fn is_at_end(&self) -> bool {
        self.detached.is_none()
    }

    /// Returns a held event.
    pub(crate) fn find(&self, seq: Seq) -> Option<&Event> {
        [&self.tail, &self.detached]
            .into_iter()
            .flatten()
            .find_map(|segment| segment.events.get(segment.index_of(seq)?))
    }

    /// Whether a join reply was applied.
    pub(crate) fn is_loaded(&self) -> bool {
        self.tail.is_some()
    }

    /// Whether this reply, which begins with a held event, is from the same log.
    pub(crate) fn is_same_log(&self, reply: &Joined) -> bool {
        let first = reply.events.first();
        let known = first.and_then(|event| self.find(event.seq));
        known.zip(first).is_none_or(|(known, first)| known.at == first.at)
    }

    /// Returns the last event up to which nothing is missing.
    pub(crate) fn last(&self) -> Option<Seq> {
        self.tail.as_ref().map(Segment::last)
    }

    /// Whether this event is older than the tail, so that no push or gap request will bring it.
    pub(crate) fn begins_after(&self, seq: Seq) -> bool {
        self.tail.as_ref().is_some_and(|tail| seq <= tail.base)
    }

    /// Returns the `after` of the history request that fills the gap at the end, if there is one.
    pub(crate) fn gap_cursor(&self) -> Option<Seq> {
        self.last().filter(|last| *last < self.known_last)
    }

    /// Returns the `before` of the history request for older events, if there are any.
    pub(crate) fn older_cursor(&self) -> Option<Seq> {
        self.current_segment().filter(|segment| segment.more_before).map(|segment| segment.base.next())
    }

    /// Returns the `after` of the history request for newer events, unless the tail is being read.
    pub(crate) fn newer_cursor(&self) -> Option<Seq> {
        self.detached.as_ref().map(Segment::last)
    }

    /// Drops events far from `anchor`, the event being read, or from the end if it is `None`. Must
    /// not run while a page is in flight, which may be older than what is dropped here.
    pub(crate) fn trim(&mut self, anchor: Option<Seq>) {
        self.trim_to(anchor, Self::MAX_EVENTS, Self::MAX_BACKGROUND_EVENTS);
    }

    fn trim_to(&mut self, anchor: Option<Seq>, max_events: usize, max_background_events: usize) {
        let (Some(tail), Some(anchor)) = (&mut self.tail, anchor) else {
            self.detached = None;
            return self.trim_tail(max_events);
        };
        if let Some(detached) = &mut self.detached {
            detached.trim_around(anchor, max_events);
            return self.trim_tail(max_background_events);
        }
        if tail.events.len() <= max_events {
            return;
        }
        // Near the end, keep reading the tail.
        if anchor.0 + (max_events / 2 + max_background_events) as u64 >= tail.last().0 {
            return tail.drop_before(Seq(anchor.0.saturating_sub(max_events as u64 / 2)));
        }
        let mut detached = tail.clone();
        detached.trim_around(anchor, max_events);
        self.detached = Some(detached);
        self.trim_tail(max_background_events);
    }

    /// Drops everything but the last events, for a room that is not shown.
    pub(crate) fn trim_to_background(&mut self) {
        self.detached = None;
        self.trim_tail(Self::MAX_BACKGROUND_EVENTS);
    }

    /// Trims in steps of an eighth, because every trim shifts the row indices.
    fn trim_tail(&mut self, max_events: usize) {
        if let Some(tail) = &mut self.tail {
            let excess = tail.events.len().saturating_sub(max_events);
            if excess > max_events / 8 {
                tail.drop_first(excess);
            }
        }
    }

    fn current_segment(&self) -> Option<&Segment> {
        self.detached.as_ref().or(self.tail.as_ref())
    }

    fn apply_events(&mut self, events: &[Event]) {
        let last = self.last().unwrap_or_default();
        for event in events.iter().filter(|event| event.seq > last) {
            match self.buffered.binary_search_by_key(&event.seq, |waiting| waiting.seq) {
                Ok(index) => self.buffered[index] = event.clone(),
                Err(index) => self.buffered.insert(index, event.clone()),
            }
        }
        if let Some(tail) = &mut self.tail {
            for event in mem::take(&mut self.buffered) {
                let next = tail.last().next();
                if event.seq > next {
                    self.buffered.push(event);
                } else if event.seq == next {
                    tail.apply_change(&event);
                    if let Some(detached) = &mut self.detached {
                        detached.apply_change(&event);
                    }
                    tail.events.push(event);
                }
            }
        }
        self.buffered.truncate(Self::MAX_BUFFERED);
    }

    /// Returns the page with all later changes of its messages that are known here.
    fn with_later_changes(&self, page: &Page) -> Page {
        let mut page = page.clone();
        let Some(base) = page.events.first().map(|event| preceding(event.seq)) else { return page };
        let mut segment = Segment { base, more_before: page.more_before, events: page.events };
        for event in self.events() {
            segment.apply_change(event);
        }
        page.events = segment.events;
        page
    }

    /// Merges the two segments when nothing is missing between them.
    fn merge_segments(&mut self) {
        let (Some(tail), Some(detached)) = (&mut self.tail, &self.detached) else { return };
        if detached.last() < tail.base || detached.base > tail.last() {
            return;
        }
        if detached.base < tail.base {
            let mut events = detached.events[..(tail.base.0 - detached.base.0) as usize].to_vec();
            events.append(&mut tail.events);
            *tail = Segment { base: detached.base, more_before: detached.more_before, events };
        }
        let newer = detached.events.clone();
        self.detached = None;
        self.apply_events(&newer);
    }
}

impl Segment {
    fn last(&self) -> Seq {
        Seq(self.base.0 + self.events.len() as u64)
    }

    fn index_of(&self, seq: Seq) -> Option<usize> {
        usize::try_from(seq.0.checked_sub(self.base.0 + 1)?).ok()
    }

    /// Applies an edit, deletion or reaction to its message, if that is held.
    fn apply_change(&mut self, event: &Event) {
        let message = reducer::target(event).and_then(|target| self.index_of(target));
        if let Some(message) = message.and_then(|index| self.events.get_mut(index)) {
            reducer::apply(message, event);
        }
    }

    fn prepend(&mut self, page: &Page) {
        let mut older: Vec<Event> =
            page.events.iter().filter(|event| event.seq <= self.base).cloned().collect();
        if older.last().map(|event| event.seq) == Some(self.base) && is_contiguous(&older) {
            self.base = Seq(self.base.0 - older.len() as u64);
            self.more_before = page.more_before && self.base > Seq(0);
            older.append(&mut self.events);
            self.events = older;
        } else if page.events.is_empty() && !page.more_before && !page.more_after {
            self.more_before = false;
        }
    }

    fn append(&mut self, events: &[Event]) {
        for event in events {
            if event.seq == self.last().next() {
                self.events.push(event.clone());
            }
        }
    }

    /// Drops events far from `anchor`.
    fn trim_around(&mut self, anchor: Seq, max_events: usize) {
        let half = max_events as u64 / 2;
        let anchor = anchor.0.clamp(self.base.0, self.last().0);
        self.events.truncate((anchor + half).saturating_sub(self.base.0) as usize);
        self.drop_before(Seq(anchor.saturating_sub(half)));
    }

    fn drop_before(&mut self, first: Seq) {
        let first = first.min(self.last());
        self.drop_first(first.0.saturating_sub(self.base.0) as usize);
    }

    fn drop_first(&mut self, count: usize) {
        if count > 0 {
            self.events.drain(..count);
            self.base = Seq(self.base.0 + count as u64);
            self.more_before = true;
        }
    }
}

/// The position before this event.
fn preceding(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}

fn is_contiguous(events: &[Event]) -> bool {
    events.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use std::collections::BTreeMap;

    use common::{
        message::{Body, Cid, Emoji, Timestamp},
        person::{DisplayName, Person, PersonId},
        protocol::event::{EventKind, MessageState},
        reactions::{Reaction, Reactions},
        room::RoomName,
    };
    use proptest::prelude::*;

    use super::*;

    fn event(seq: u64) -> Event {
        Event {
            seq: Seq(seq),
            at: Timestamp(seq as i64),
            person: Person::new(PersonId(1), DisplayName::parse("지은").unwrap()),
            kind: EventKind::posted(
                Cid::from_random(u128::from(seq)),
                Body::parse(&seq.to_string()).unwrap(),
            ),
        }
    }

    fn log(from: u64, to: u64) -> Vec<Event> {
        (from..=to).map(event).collect()
    }

    fn join_reply(events: Vec<Event>, last: u64, more: bool) -> Joined {
        let room = RoomName::parse("마당").unwrap();
        Joined {
            room,
            seats: None,
            topic: None,
            last: Seq(last),
            events,
            more,
            people: vec![],
            member_count: None,
            away: vec![],
            shared_network: false,
            permissions: vec![],
        }
    }

    /// The server's reply to `history` with `after`, two events a page.
    fn page_after(seq: Seq, end: u64) -> Page {
        let events = log(seq.0 + 1, end.min(seq.0 + 2));
        Page { more_after: seq.0 + 2 < end, more_before: seq.0 > 0, events }
    }

    /// The server's reply to `history` with `before`, two events a page.
    fn page_before(seq: Seq) -> Page {
        let from = seq.0.saturating_sub(2).max(1);
        Page { events: log(from, seq.0 - 1), more_before: from > 1, more_after: true }
    }

    fn numbers(timeline: &Timeline) -> Vec<u64> {
        timeline.events().iter().map(|event| event.seq.0).collect()
    }

    #[test]
    fn pushes_from_before_the_join_reply_are_not_lost() {
        let mut timeline = Timeline::default();
        timeline.apply_push(event(6));
        timeline.apply_push(event(4));
        assert!(timeline.events().is_empty());
        timeline.apply_join(&join_reply(log(3, 5), 5, true));
        assert_eq!(numbers(&timeline), [3, 4, 5, 6]);
        assert_eq!((timeline.gap_cursor(), timeline.older_cursor()), (None, Some(Seq(3))));
    }

    #[test]
    fn a_gap_is_requested_and_filled() {
        let mut timeline = Timeline::default();
        timeline.apply_join(&join_reply(log(1, 2), 2, false));
        timeline.apply_push(event(5));
        assert_eq!((numbers(&timeline), timeline.gap_cursor()), (vec![1, 2], Some(Seq(2))));
        timeline.apply_page(&page_after(Seq(2), 5));
        assert_eq!((numbers(&timeline), timeline.gap_cursor()), (vec![1, 2, 3, 4, 5], None));
    }

    #[test]
    fn a_rejoin_pages_on_until_nothing_is_missing() {
        let mut timeline = Timeline::default();
        timeline.apply_join(&join_reply(log(1, 2), 2, false));
        timeline.apply_join(&join_reply(log(3, 4), 7, true));
        let mut pages = 0;
        while let Some(seq) = timeline.gap_cursor() {
            timeline.apply_page(&page_after(seq, 7));
            pages += 1;
        }
        assert_eq!((numbers(&timeline), pages), (vec![1, 2, 3, 4, 5, 6, 7], 2));
    }

    #[test]
    fn another_log_with_the_same_numbers_is_recognized() {
        let mut timeline = Timeline::default();
        assert!(timeline.is_same_log(&join_reply(log(1, 2), 2, false)));
        timeline.apply_join(&join_reply(log(1, 2), 2, false));
        assert!(timeline.is_same_log(&join_reply(log(2, 4), 4, false)));
        assert!(timeline.is_same_log(&join_reply(vec![], 2, false)));
        let another = Event { at: Timestamp(77), ..event(2) };
        assert!(!timeline.is_same_log(&join_reply(vec![another, event(3)], 3, false)));
    }

    #[test]
    fn the_last_events_are_all_of_them_or_fewer() {
        let mut timeline = Timeline::default();
        timeline.apply_join(&join_reply(log(1, 3), 3, false));
        assert_eq!(timeline.last_events(3), (&log(1, 3)[..], false));
        assert_eq!(timeline.last_events(2), (&log(2, 3)[..], true));
        let mut later = Timeline::default();
        later.apply_join(&join_reply(log(2, 3), 3, true));
        assert_eq!(later.last_events(3), (&log(2, 3)[..], true));
    }

    #[test]
    fn older_pages_end_at_the_first_event() {
        let mut timeline = Timeline::default();
        timeline.apply_join(&join_reply(log(4, 5), 5, true));
        while let Some(seq) = timeline.older_cursor() {
            timeline.apply_page(&page_before(seq));
        }
        assert_eq!(numbers(&timeline), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn events_before_the_first_page_do_not_arrive_by_themselves() {
        let mut timeline = Timeline::default();
        assert!(!timeline.begins_after(Seq(3)), "nothing is known yet");
        timeline.apply_join(&join_reply(log(4, 5), 5, true));
        assert_eq!(
            (3..=6).map(|seq| timeline.begins_after(Seq(seq))).collect::<Vec<_>>(),
            [true, false, false, false]
        );
        timeline.apply_page(&page_before(Seq(4)));
        assert!(!timeline.begins_after(Seq(3)));
    }

    #[test]
    fn an_empty_room_is_loaded_and_misses_nothing() {
        let mut timeline = Timeline::default();
        assert!(!timeline.is_loaded());
        timeline.apply_join(&join_reply(vec![], 0, false));
        assert!(timeline.is_loaded());
        assert_eq!(
            (timeline.last(), timeline.gap_cursor(), timeline.older_cursor()),
            (Some(Seq(0)), None, None)
        );
        timeline.apply_push(event(1));
        assert_eq!(numbers(&timeline), [1]);
    }

    #[derive(Clone, Debug)]
    enum Arrival {
        Push(u64),
        After,
        Before,
        Rejoin,
        /// A page that nothing waits for any more.
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
                timeline.apply_push(event(seq));
            }
            let from = start.saturating_sub(2).max(1);
            timeline.apply_join(&join_reply(log(from, start), start, from > 1));
            for arrival in arrivals {
                match arrival {
                    Arrival::Push(seq) => timeline.apply_push(event(seq)),
                    Arrival::After => if let Some(seq) = timeline.gap_cursor() { timeline.apply_page(&page_after(seq, end)) },
                    Arrival::Before => if let Some(seq) = timeline.older_cursor() { timeline.apply_page(&page_before(seq)) },
                    Arrival::Rejoin => {
                        let since = timeline.last().unwrap();
                        let page = page_after(since, end);
                        timeline.apply_join(&join_reply(page.events, end, page.more_after));
                    }
                    Arrival::Stray(seq) => timeline.apply_page(&page_before(Seq(seq))),
                }
                prop_assert!(is_contiguous(timeline.events()));
            }
            timeline.apply_push(event(end));
            while let Some(seq) = timeline.gap_cursor() { timeline.apply_page(&page_after(seq, end)) }
            while let Some(seq) = timeline.older_cursor() { timeline.apply_page(&page_before(seq)) }
            prop_assert_eq!(timeline.events(), &log(1, end)[..]);
            prop_assert!(timeline.buffered.is_empty());
        }
    }

    /// The server's log.
    struct Server {
        log: Vec<Event>,
    }

    /// The people behind each emoji of a message.
    type Reactors<'a> = BTreeMap<&'a Emoji, Vec<&'a Person>>;

    impl Server {
        /// The log up to `committed`, with messages in their state at that point. Computed without
        /// the page's reducer, which is what is tested.
        fn state_at(&self, committed: u64) -> Vec<Event> {
            let log = &self.log[..committed as usize];
            let mut messages = log.to_vec();
            let mut reactors = vec![Reactors::new(); log.len()];
            for change in log {
                let (EventKind::Edited { target, .. }
                | EventKind::Deleted { target }
                | EventKind::Reacted { target, .. }) = &change.kind
                else {
                    continue;
                };
                let target = target.0 as usize - 1;
                let EventKind::Posted { cid, body, state, .. } = &mut messages[target].kind else { continue };
                let edited = state.as_ref().and_then(|state| state.edited);
                let state = state.insert(Box::new(MessageState {
                    rev: change.seq,
                    edited,
                    reactions: Reactions::default(),
                }));
                match &change.kind {
                    EventKind::Edited { body: Some(edited), .. } => {
                        *body = edited.clone();
                        state.edited = Some(change.at);
                    }
                    EventKind::Reacted { emoji, on, .. } => {
                        let people = reactors[target].entry(emoji).or_default();
                        if !on {
                            people.retain(|person| **person != change.person);
                        } else if !people.contains(&&change.person) {
                            people.push(&change.person);
                        }
                    }
                    _ => {
                        messages[target].kind = EventKind::Tombstone { cid: cid.clone(), rev: change.seq };
                        continue;
                    }
                }
                state.reactions = reactions(&reactors[target]);
            }
            messages
        }

        /// At most `size` events, starting with `from`.
        fn page(&self, committed: u64, from: u64, size: u64) -> Page {
            let from = from.max(1);
            let to = committed.min(from + size - 1);
            let events = if from > to {
                vec![]
            } else {
                self.state_at(committed)[from as usize - 1..to as usize].to_vec()
            };
            Page { more_before: from > 1 && committed > 0, more_after: to < committed, events }
        }
    }

    fn reactions(reactors: &Reactors) -> Reactions {
        let nonempty = reactors.iter().filter(|(_, people)| !people.is_empty());
        let reaction = |(emoji, people): (&&Emoji, &Vec<&Person>)| Reaction {
            emoji: (*emoji).clone(),
            count: people.len() as u32,
            people: people.iter().map(|person| (*person).clone()).collect(),
        };
        Reactions(nonempty.map(reaction).collect())
    }

    /// A message, or a change of an earlier message by one of three people. A reaction may be added
    /// twice, or removed without being there.
    fn random_event(number: u64, kind: u8, choice: u64) -> Event {
        let target = Seq(1 + choice % number.max(2).saturating_sub(1).max(1));
        let person = Person { id: PersonId(1 + choice % 3), ..event(number).person };
        let emoji = |name: &str| Emoji::parse(name).unwrap();
        let kind = match kind {
            _ if number == 1 => return event(1),
            0..=3 => return event(number),
            4 => EventKind::Edited { target, body: Some(Body::parse(&format!("edited {number}")).unwrap()) },
            5 => EventKind::Deleted { target },
            // An event kind of a newer server.
            6 => EventKind::Unknown,
            7 => EventKind::Reacted { target, emoji: emoji("👍"), on: !number.is_multiple_of(3) },
            _ => EventKind::Reacted { target, emoji: emoji("🎉"), on: !number.is_multiple_of(2) },
        };
        Event { kind, person, ..event(number) }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// The server commits an event; its push arrives at once or never.
        Commit {
            pushed: bool,
        },
        /// A delayed or repeated push.
        Late(u64),
        Rejoin,
        RequestGap,
        RequestOlder,
        RequestNewer,
        JumpTo(u64),
        JumpToEnd,
        /// One of the replies in flight arrives.
        Arrive(usize),
        Trim(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => any::<bool>().prop_map(|pushed| Step::Commit { pushed }),
            2 => any::<u64>().prop_map(Step::Late),
            1 => Just(Step::Rejoin),
            2 => Just(Step::RequestGap),
            2 => Just(Step::RequestOlder),
            2 => Just(Step::RequestNewer),
            1 => any::<u64>().prop_map(Step::JumpTo),
            1 => Just(Step::JumpToEnd),
            6 => any::<usize>().prop_map(Step::Arrive),
            1 => any::<u64>().prop_map(Step::Trim),
        ]
    }

    /// A reply of the server that has not arrived yet.
    enum PendingReply {
        Page(Page),
        Around(Page),
        Joined(Box<Joined>),
    }

    fn check_against_log(events: &[Event], server: &[Event]) -> Result<(), TestCaseError> {
        prop_assert!(is_contiguous(events));
        for event in events {
            prop_assert_eq!(sorted(event), server[event.seq.0 as usize - 1].clone());
        }
        Ok(())
    }

    /// Sorts the reactions, whose order is not promised.
    fn sorted(event: &Event) -> Event {
        let mut event = event.clone();
        if let EventKind::Posted { state: Some(state), .. } = &mut event.kind {
            state.reactions.0.sort_by(|one, other| one.emoji.cmp(&other.emoji));
        }
        event
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// However pages and pushes arrive, and wherever the reader is: once nothing is missing,
        /// every held message is in the state of the whole log.
        #[test]
        fn any_order_of_arrival_ends_in_the_state_of_the_whole_log(
            kinds in prop::collection::vec((0u8..9, any::<u64>()), 1..60),
            start in any::<u64>(),
            steps in prop::collection::vec(step(), 0..120),
        ) {
            let log = (1..).zip(&kinds).map(|(number, (kind, target))| random_event(number, *kind, *target));
            let server = Server { log: log.collect() };
            let end = server.log.len() as u64;
            let mut committed = start % (end + 1);
            let page = server.page(committed, committed.saturating_sub(1), 2);
            let mut timeline = Timeline::default();
            timeline.apply_join(&join_reply(page.events, committed, page.more_before));
            let mut in_flight: Vec<PendingReply> = Vec::new();
            for step in steps {
                match step {
                    Step::Commit { pushed } if committed < end => {
                        committed += 1;
                        if pushed { timeline.apply_push(server.log[committed as usize - 1].clone()); }
                    }
                    Step::Commit { .. } => {}
                    Step::Late(seq) if committed > 0 => {
                        timeline.apply_push(server.log[(seq % committed) as usize].clone());
                    }
                    Step::Late(_) => {}
                    Step::Rejoin => {
                        let since = timeline.last().unwrap();
                        let page = server.page(committed, since.0 + 1, 3);
                        in_flight.push(PendingReply::Joined(Box::new(join_reply(page.events, committed, page.more_after))));
                    }
                    Step::RequestGap => if let Some(seq) = timeline.gap_cursor() {
                        in_flight.push(PendingReply::Page(server.page(committed, seq.0 + 1, 3)));
                    }
                    Step::RequestOlder => if let Some(seq) = timeline.older_cursor() {
                        let from = seq.0.saturating_sub(3).max(1);
                        in_flight.push(PendingReply::Page(server.page(committed, from, seq.0 - from)));
                    }
                    Step::RequestNewer => if let Some(seq) = timeline.newer_cursor() {
                        in_flight.push(PendingReply::Page(server.page(committed, seq.0 + 1, 3)));
                    }
                    Step::JumpTo(seq) => {
                        let seq = seq % (committed + 1);
                        in_flight.push(PendingReply::Around(server.page(committed, seq.saturating_sub(2), 5)));
                    }
                    Step::JumpToEnd => timeline.jump_to_end(),
                    Step::Arrive(which) if !in_flight.is_empty() => {
                        match in_flight.remove(which % in_flight.len()) {
                            PendingReply::Page(page) => timeline.apply_page(&page),
                            PendingReply::Around(page) => timeline.jump_to(&page),
                            PendingReply::Joined(reply) => timeline.apply_join(&reply),
                        }
                    }
                    Step::Arrive(_) => {}
                    // Limits small enough for a small log.
                    Step::Trim(anchor) if in_flight.is_empty() => {
                        timeline.trim_to(Some(Seq(anchor % (committed + 1))), 6, 3);
                    }
                    Step::Trim(_) => {}
                }
                prop_assert!(is_contiguous(timeline.events()));
                prop_assert!(is_contiguous(timeline.current_events()));
            }
            for late in in_flight {
                match late {
                    PendingReply::Page(page) => timeline.apply_page(&page),
                    PendingReply::Around(page) => timeline.jump_to(&page),
                    PendingReply::Joined(reply) => timeline.apply_join(&reply),
                }
            }
            timeline.apply_heartbeat(Seq(end));
            while let Some(seq) = timeline.gap_cursor() { timeline.apply_page(&server.page(end, seq.0 + 1, 3)) }
            let whole = server.state_at(end);
            check_against_log(timeline.events(), &whole)?;
            check_against_log(timeline.current_events(), &whole)?;
            while let Some(seq) = timeline.newer_cursor() { timeline.apply_page(&server.page(end, seq.0 + 1, 3)) }
            while let Some(seq) = timeline.older_cursor() {
                let from = seq.0.saturating_sub(3).max(1);
                timeline.apply_page(&server.page(end, from, seq.0 - from));
            }
            prop_assert!(timeline.is_at_end());
            prop_assert_eq!(timeline.events().len(), whole.len());
            check_against_log(timeline.events(), &whole)?;
        }
    }
}
