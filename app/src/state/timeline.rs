//! The parts of a room's log this page holds, each without a gap.
//!
//! Join replies, pushes and history pages arrive in any order, doubled, or not at all. Whatever
//! continues the log is taken in; what lies further ahead waits until the gap before it is filled.
//! Who reads far away from the end reads another stretch, which becomes one with the end as soon as
//! they meet. Messages are held as they are now; see `fold`.
//! Called by `room` only. It never guesses: what is missing is asked for ([`Timeline::missing`]).

use std::mem;

use common::{
    event::{Event, Joined, Page},
    message::Seq,
};

use super::fold;

#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// The end of the log; nothing is known before the first join reply.
    tail: Option<Stretch>,
    /// What is read instead of the end, and not connected to it yet.
    window: Option<Stretch>,
    /// Events beyond a gap, or from before the join reply; in the order of the log.
    ahead: Vec<Event>,
    /// The furthest event the server has spoken of.
    horizon: Seq,
}

/// A part of the log from `base` (exclusive) on.
#[derive(Clone, Debug)]
struct Stretch {
    base: Seq,
    more_before: bool,
    events: Vec<Event>,
}

impl Timeline {
    /// How many events are held of what is being read, at most, and an eighth more until that is let
    /// go of at once; whoever asks for pages may hold a page more until it is trimmed.
    pub(crate) const HELD: usize = 800;

    /// How many are held of the end of a room when the end is not what is being read.
    pub(crate) const HELD_ASIDE: usize = 100;

    /// How many events wait beyond a gap; those after them are asked for again.
    const AHEAD: usize = 1_000;

    /// Takes in the answer to a join: the last page at first, what came since when we come back.
    pub(crate) fn joined(&mut self, reply: &Joined) {
        self.horizon = self.horizon.max(reply.last);
        if self.tail.is_none() {
            let base = reply.events.first().map_or(reply.last, |event| before(event.seq));
            self.tail = Some(Stretch { base, more_before: reply.more, events: Vec::new() });
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
        let page = self.up_to_date(page);
        for stretch in [&mut self.tail, &mut self.window].into_iter().flatten() {
            stretch.prepend(&page);
        }
        if let Some(window) = &mut self.window {
            window.append(&page.events);
        }
        self.take_in(&page.events);
        self.meet();
    }

    /// Reads on in this page, wherever in the log it is.
    pub(crate) fn go_to(&mut self, page: &Page) {
        let page = self.up_to_date(page);
        let Some(first) = page.events.first() else { return };
        self.window =
            Some(Stretch { base: before(first.seq), more_before: page.more_before, events: page.events });
        self.meet();
    }

    /// Reads on at the end.
    pub(crate) fn go_to_end(&mut self) {
        self.window = None;
    }

    /// The events at the end of the log, in its order.
    pub(crate) fn events(&self) -> &[Event] {
        self.tail.as_ref().map_or(&[], |tail| &tail.events)
    }

    /// So many events at the end of the log at most, and whether there are any before them.
    pub(crate) fn end(&self, most: usize) -> (&[Event], bool) {
        let events = self.events();
        let first = events.len().saturating_sub(most);
        (&events[first..], first > 0 || self.tail.as_ref().is_some_and(|tail| tail.more_before))
    }

    /// The events that are read, in the order of the log.
    pub(crate) fn read(&self) -> &[Event] {
        self.reading().map_or(&[], |stretch| &stretch.events)
    }

    /// Whether what is read goes on to the end of the log.
    pub(crate) fn reads_end(&self) -> bool {
        self.window.is_none()
    }

    /// An event, if it is held.
    pub(crate) fn find(&self, seq: Seq) -> Option<&Event> {
        [&self.tail, &self.window]
            .into_iter()
            .flatten()
            .find_map(|stretch| stretch.events.get(stretch.index(seq)?))
    }

    /// Whether a join reply has come: before that nothing can be said about the log.
    pub(crate) fn is_known(&self) -> bool {
        self.tail.is_some()
    }

    /// Whether this answer, which begins with an event that is held, is of the same log.
    pub(crate) fn is_told_by(&self, reply: &Joined) -> bool {
        let told = reply.events.first();
        let held = told.and_then(|told| self.find(told.seq));
        held.zip(told).is_none_or(|(held, told)| held.at == told.at)
    }

    /// The last event up to which nothing is missing.
    pub(crate) fn last(&self) -> Option<Seq> {
        self.tail.as_ref().map(Stretch::last)
    }

    /// Whether this event is older than the end that is held, and so does not come by itself.
    pub(crate) fn begins_after(&self, seq: Seq) -> bool {
        self.tail.as_ref().is_some_and(|tail| seq <= tail.base)
    }

    /// Ask `history after` this: the server has spoken of events that are not here.
    pub(crate) fn missing(&self) -> Option<Seq> {
        self.last().filter(|last| *last < self.horizon)
    }

    /// Ask `history before` this for what is older than what is read, if there is anything.
    pub(crate) fn older(&self) -> Option<Seq> {
        self.reading().filter(|stretch| stretch.more_before).map(|stretch| stretch.base.next())
    }

    /// Ask `history after` this for what is younger than what is read, if that is not the end.
    pub(crate) fn newer(&self) -> Option<Seq> {
        self.window.as_ref().map(Stretch::last)
    }

    /// Lets go of what is far away from `place`, which is read; from the end, if there is none.
    /// Only while no page is on its way: what it says may be older than what is let go of here.
    pub(crate) fn trim(&mut self, place: Option<Seq>) {
        self.trim_to(place, Self::HELD, Self::HELD_ASIDE);
    }

    fn trim_to(&mut self, place: Option<Seq>, held: usize, aside: usize) {
        let (Some(tail), Some(place)) = (&mut self.tail, place) else {
            self.window = None;
            return self.trim_to_end(held);
        };
        if let Some(window) = &mut self.window {
            window.keep_around(place, held);
            return self.trim_to_end(aside);
        }
        if tail.events.len() <= held {
            return;
        }
        // Not far from the end, the end is what is read.
        if place.0 + (held / 2 + aside) as u64 >= tail.last().0 {
            return tail.drop_before(Seq(place.0.saturating_sub(held as u64 / 2)));
        }
        let mut window = tail.clone();
        window.keep_around(place, held);
        self.window = Some(window);
        self.trim_to_end(aside);
    }

    /// Lets go of all but the last events; what becomes of a room that is put aside.
    pub(crate) fn put_aside(&mut self) {
        self.window = None;
        self.trim_to_end(Self::HELD_ASIDE);
    }

    /// Not one goes for each that comes, but an eighth at once: what is drawn is counted from the first.
    fn trim_to_end(&mut self, held: usize) {
        if let Some(tail) = &mut self.tail {
            let beyond = tail.events.len().saturating_sub(held);
            if beyond > held / 8 {
                tail.drop_first(beyond);
            }
        }
    }

    fn reading(&self) -> Option<&Stretch> {
        self.window.as_ref().or(self.tail.as_ref())
    }

    fn take_in(&mut self, events: &[Event]) {
        let last = self.last().unwrap_or_default();
        for event in events.iter().filter(|event| event.seq > last) {
            match self.ahead.binary_search_by_key(&event.seq, |waiting| waiting.seq) {
                Ok(place) => self.ahead[place] = event.clone(),
                Err(place) => self.ahead.insert(place, event.clone()),
            }
        }
        if let Some(tail) = &mut self.tail {
            for event in mem::take(&mut self.ahead) {
                let next = tail.last().next();
                if event.seq > next {
                    self.ahead.push(event);
                } else if event.seq == next {
                    tail.change(&event);
                    if let Some(window) = &mut self.window {
                        window.change(&event);
                    }
                    tail.events.push(event);
                }
            }
        }
        self.ahead.truncate(Self::AHEAD);
    }

    /// The page with everything that has become of its messages since, as far as it is known here.
    fn up_to_date(&self, page: &Page) -> Page {
        let mut page = page.clone();
        let Some(base) = page.events.first().map(|event| before(event.seq)) else { return page };
        let mut stretch = Stretch { base, more_before: page.more_before, events: page.events };
        for event in self.events() {
            stretch.change(event);
        }
        page.events = stretch.events;
        page
    }

    /// Makes one of the two stretches when there is nothing between them any more.
    fn meet(&mut self) {
        let (Some(tail), Some(window)) = (&mut self.tail, &self.window) else { return };
        if window.last() < tail.base || window.base > tail.last() {
            return;
        }
        if window.base < tail.base {
            let mut events = window.events[..(tail.base.0 - window.base.0) as usize].to_vec();
            events.append(&mut tail.events);
            *tail = Stretch { base: window.base, more_before: window.more_before, events };
        }
        let newer = window.events.clone();
        self.window = None;
        self.take_in(&newer);
    }
}

impl Stretch {
    fn last(&self) -> Seq {
        Seq(self.base.0 + self.events.len() as u64)
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        usize::try_from(seq.0.checked_sub(self.base.0 + 1)?).ok()
    }

    /// Changes the message that this event is about, if it is held.
    fn change(&mut self, event: &Event) {
        let message = fold::target(event).and_then(|target| self.index(target));
        if let Some(message) = message.and_then(|index| self.events.get_mut(index)) {
            fold::apply(message, event);
        }
    }

    fn prepend(&mut self, page: &Page) {
        let mut older: Vec<Event> =
            page.events.iter().filter(|event| event.seq <= self.base).cloned().collect();
        if older.last().map(|event| event.seq) == Some(self.base) && without_gap(&older) {
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

    /// Lets go of what is far from `place`.
    fn keep_around(&mut self, place: Seq, held: usize) {
        let half = held as u64 / 2;
        let place = place.0.clamp(self.base.0, self.last().0);
        self.events.truncate((place + half).saturating_sub(self.base.0) as usize);
        self.drop_before(Seq(place.saturating_sub(half)));
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

/// The position right before this one.
fn before(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}

fn without_gap(events: &[Event]) -> bool {
    events.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use std::collections::BTreeMap;

    use common::{
        event::{Present, Reaction, What},
        message::{Body, Cid, Emoji, Timestamp},
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
            what: What::posted(Cid::from_random(u128::from(seq)), Body::parse(&seq.to_string()).unwrap()),
        }
    }

    fn log(from: u64, to: u64) -> Vec<Event> {
        (from..=to).map(event).collect()
    }

    fn joined(events: Vec<Event>, last: u64, more: bool) -> Joined {
        let room = RoomName::parse("마당").unwrap();
        Joined {
            room,
            seats: None,
            topic: None,
            last: Seq(last),
            events,
            more,
            people: vec![],
            here: None,
            away: vec![],
            may: vec![],
        }
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
    fn another_log_of_the_same_numbers_is_told_apart() {
        let mut timeline = Timeline::default();
        assert!(timeline.is_told_by(&joined(log(1, 2), 2, false)));
        timeline.joined(&joined(log(1, 2), 2, false));
        assert!(timeline.is_told_by(&joined(log(2, 4), 4, false)));
        assert!(timeline.is_told_by(&joined(vec![], 2, false)));
        let another = Event { at: Timestamp(77), ..event(2) };
        assert!(!timeline.is_told_by(&joined(vec![another, event(3)], 3, false)));
    }

    #[test]
    fn the_end_is_all_there_is_or_only_the_last_of_it() {
        let mut timeline = Timeline::default();
        timeline.joined(&joined(log(1, 3), 3, false));
        assert_eq!(timeline.end(3), (&log(1, 3)[..], false));
        assert_eq!(timeline.end(2), (&log(2, 3)[..], true));
        let mut later = Timeline::default();
        later.joined(&joined(log(2, 3), 3, true));
        assert_eq!(later.end(3), (&log(2, 3)[..], true));
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

    /// The server's log, with the present state of every message, as it is after so many events.
    struct Server {
        log: Vec<Event>,
    }

    /// Who has put which emoji under a message.
    type Under<'a> = BTreeMap<&'a Emoji, Vec<&'a Person>>;

    impl Server {
        /// The log up to `committed`, messages as they are then; how the page folds them is what is
        /// tried, and no part of it.
        fn at(&self, committed: u64) -> Vec<Event> {
            let log = &self.log[..committed as usize];
            let mut messages = log.to_vec();
            let mut under = vec![Under::new(); log.len()];
            for change in log {
                let (What::Edited { of, .. } | What::Deleted { of } | What::Reacted { to: of, .. }) =
                    &change.what
                else {
                    continue;
                };
                let of = of.0 as usize - 1;
                let What::Posted { cid, body, now, .. } = &mut messages[of].what else { continue };
                let edited = now.as_ref().and_then(|now| now.edited);
                let now = now.insert(Box::new(Present { rev: change.seq, edited, reactions: Vec::new() }));
                match &change.what {
                    What::Edited { body: Some(better), .. } => {
                        *body = better.clone();
                        now.edited = Some(change.at);
                    }
                    What::Reacted { emoji, on, .. } => {
                        let people = under[of].entry(emoji).or_default();
                        if !on {
                            people.retain(|person| **person != change.person);
                        } else if !people.contains(&&change.person) {
                            people.push(&change.person);
                        }
                    }
                    _ => {
                        messages[of].what = What::Withdrawn { cid: cid.clone(), rev: change.seq };
                        continue;
                    }
                }
                now.reactions = reactions(&under[of]);
            }
            messages
        }

        /// At most `size` events from `from` on.
        fn page(&self, committed: u64, from: u64, size: u64) -> Page {
            let from = from.max(1);
            let to = committed.min(from + size - 1);
            let events =
                if from > to { vec![] } else { self.at(committed)[from as usize - 1..to as usize].to_vec() };
            Page { more_before: from > 1 && committed > 0, more_after: to < committed, events }
        }
    }

    fn reactions(under: &Under) -> Vec<Reaction> {
        let somebodys = under.iter().filter(|(_, people)| !people.is_empty());
        let reaction = |(emoji, people): (&&Emoji, &Vec<&Person>)| Reaction {
            emoji: (*emoji).clone(),
            count: people.len() as u32,
            people: people.iter().map(|person| (*person).clone()).collect(),
        };
        somebodys.map(reaction).collect()
    }

    /// Something said, or a change of an earlier message by one of three people. What they put there
    /// may be there already, and what they take back may not.
    fn happening(number: u64, kind: u8, target: u64) -> Event {
        let of = Seq(1 + target % number.max(2).saturating_sub(1).max(1));
        let person = Person { id: PersonId(1 + target % 3), ..event(number).person };
        let emoji = |name: &str| Emoji::parse(name).unwrap();
        let what = match kind {
            _ if number == 1 => return event(1),
            0..=3 => return event(number),
            4 => What::Edited { of, body: Some(Body::parse(&format!("edited {number}")).unwrap()) },
            5 => What::Deleted { of },
            // Only a newer page knows what this is.
            6 => What::Unknown,
            7 => What::Reacted { to: of, emoji: emoji("👍"), on: !number.is_multiple_of(3) },
            _ => What::Reacted { to: of, emoji: emoji("🎉"), on: !number.is_multiple_of(2) },
        };
        Event { what, person, ..event(number) }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// The server goes on by an event, and its push arrives at once, or never.
        Commit {
            pushed: bool,
        },
        /// A push that was on its way for long, or was doubled.
        Late(u64),
        Rejoin,
        AskAfter,
        AskOlder,
        AskNewer,
        GoTo(u64),
        GoToEnd,
        /// A page that was asked for arrives, whichever.
        Arrive(usize),
        Trim(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => any::<bool>().prop_map(|pushed| Step::Commit { pushed }),
            2 => any::<u64>().prop_map(Step::Late),
            1 => Just(Step::Rejoin),
            2 => Just(Step::AskAfter),
            2 => Just(Step::AskOlder),
            2 => Just(Step::AskNewer),
            1 => any::<u64>().prop_map(Step::GoTo),
            1 => Just(Step::GoToEnd),
            6 => any::<usize>().prop_map(Step::Arrive),
            1 => any::<u64>().prop_map(Step::Trim),
        ]
    }

    /// What was asked for, answered by the server and not here yet.
    enum Underway {
        Page(Page),
        Around(Page),
        Joined(Box<Joined>),
    }

    fn as_held(events: &[Event], server: &[Event]) -> Result<(), TestCaseError> {
        prop_assert!(without_gap(events));
        for event in events {
            prop_assert_eq!(sorted(event), server[event.seq.0 as usize - 1].clone());
        }
        Ok(())
    }

    /// Which emoji stands first is no promise.
    fn sorted(event: &Event) -> Event {
        let mut event = event.clone();
        if let What::Posted { now: Some(now), .. } = &mut event.what {
            now.reactions.sort_by(|one, other| one.emoji.cmp(&other.emoji));
        }
        event
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// However pages and pushes arrive, and wherever one reads meanwhile: once nothing is missing,
        /// every message held is as the whole log makes it.
        #[test]
        fn any_order_of_arrival_ends_in_the_state_of_the_whole_log(
            kinds in prop::collection::vec((0u8..9, any::<u64>()), 1..60),
            start in any::<u64>(),
            steps in prop::collection::vec(step(), 0..120),
        ) {
            let log = (1..).zip(&kinds).map(|(number, (kind, target))| happening(number, *kind, *target));
            let server = Server { log: log.collect() };
            let end = server.log.len() as u64;
            let mut committed = start % (end + 1);
            let page = server.page(committed, committed.saturating_sub(1), 2);
            let mut timeline = Timeline::default();
            timeline.joined(&joined(page.events, committed, page.more_before));
            let mut underway: Vec<Underway> = Vec::new();
            for step in steps {
                match step {
                    Step::Commit { pushed } if committed < end => {
                        committed += 1;
                        if pushed { timeline.pushed(server.log[committed as usize - 1].clone()); }
                    }
                    Step::Commit { .. } => {}
                    Step::Late(seq) if committed > 0 => {
                        timeline.pushed(server.log[(seq % committed) as usize].clone());
                    }
                    Step::Late(_) => {}
                    Step::Rejoin => {
                        let since = timeline.last().unwrap();
                        let page = server.page(committed, since.0 + 1, 3);
                        underway.push(Underway::Joined(Box::new(joined(page.events, committed, page.more_after))));
                    }
                    Step::AskAfter => if let Some(seq) = timeline.missing() {
                        underway.push(Underway::Page(server.page(committed, seq.0 + 1, 3)));
                    }
                    Step::AskOlder => if let Some(seq) = timeline.older() {
                        let from = seq.0.saturating_sub(3).max(1);
                        underway.push(Underway::Page(server.page(committed, from, seq.0 - from)));
                    }
                    Step::AskNewer => if let Some(seq) = timeline.newer() {
                        underway.push(Underway::Page(server.page(committed, seq.0 + 1, 3)));
                    }
                    Step::GoTo(seq) => {
                        let seq = seq % (committed + 1);
                        underway.push(Underway::Around(server.page(committed, seq.saturating_sub(2), 5)));
                    }
                    Step::GoToEnd => timeline.go_to_end(),
                    Step::Arrive(which) if !underway.is_empty() => {
                        match underway.remove(which % underway.len()) {
                            Underway::Page(page) => timeline.page(&page),
                            Underway::Around(page) => timeline.go_to(&page),
                            Underway::Joined(reply) => timeline.joined(&reply),
                        }
                    }
                    Step::Arrive(_) => {}
                    // Everything far away is let go of, in a log that is small.
                    Step::Trim(place) if underway.is_empty() => {
                        timeline.trim_to(Some(Seq(place % (committed + 1))), 6, 3);
                    }
                    Step::Trim(_) => {}
                }
                prop_assert!(without_gap(timeline.events()));
                prop_assert!(without_gap(timeline.read()));
            }
            for late in underway {
                match late {
                    Underway::Page(page) => timeline.page(&page),
                    Underway::Around(page) => timeline.go_to(&page),
                    Underway::Joined(reply) => timeline.joined(&reply),
                }
            }
            timeline.heartbeat(Seq(end));
            while let Some(seq) = timeline.missing() { timeline.page(&server.page(end, seq.0 + 1, 3)) }
            let whole = server.at(end);
            as_held(timeline.events(), &whole)?;
            as_held(timeline.read(), &whole)?;
            while let Some(seq) = timeline.newer() { timeline.page(&server.page(end, seq.0 + 1, 3)) }
            while let Some(seq) = timeline.older() {
                let from = seq.0.saturating_sub(3).max(1);
                timeline.page(&server.page(end, from, seq.0 - from));
            }
            prop_assert!(timeline.reads_end());
            prop_assert_eq!(timeline.events().len(), whole.len());
            as_held(timeline.events(), &whole)?;
        }
    }
}
