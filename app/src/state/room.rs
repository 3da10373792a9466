//! One room: its log, members, read position and visible range.
//!
//! `chat` holds one for each of the user's rooms, shown or not, and feeds it with the socket's
//! events; a room that is not shown holds little.

use std::mem;

use common::{
    message::{Seq, Timestamp},
    person::{Person, PersonId},
    protocol::{
        event::{Event, EventKind},
        push::{Presence, PresenceChange},
        reply::{Joined, Permission},
    },
    refusal::Refusal,
    room::{RoomName, SeatLimit, Seats, Topic},
};

use super::{
    membership_notes::MembershipNotes,
    message::{QuotedMessage, mentions_person},
    namesakes::Namesakes,
    outbox::Outbox,
    pending_edits::PendingEdits,
    roster::Roster,
    timeline::Timeline,
    typing::Typing,
    view_model::ViewInput,
    visible_range::VisibleRange,
};

#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) name: RoomName,
    /// Whether it is in the user's room list: joined once and not left.
    pub(crate) is_mine: bool,
    /// Tells this membership from an earlier one, whose replies are dropped.
    pub(crate) generation: u32,
    /// Whether the room has admitted this person once; stays true while the connection is lost.
    pub(crate) is_member: bool,
    /// Why the room refuses the join.
    pub(crate) join_refusal: Option<Refusal>,
    pub(crate) seats: Option<Seats>,
    pub(crate) topic: Option<Topic>,
    /// Whether newcomers from one network may take all seats.
    pub(crate) shared_network: bool,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) roster: Roster,
    pub(crate) timeline: Timeline,
    pub(crate) membership_notes: MembershipNotes,
    pub(crate) typing: Typing,
    pub(crate) read_state: ReadState,
    pub(crate) visible_range: VisibleRange,
    /// The latest fetched messages that are quoted and not in the timeline.
    pub(crate) quoted_messages: Vec<QuotedMessage>,
    /// Whether the current connection has joined the room.
    pub(crate) is_joined: bool,
    pub(crate) in_flight: InFlight,
    /// The last event of the cached log.
    cached_last: Option<Seq>,
}

/// Which requests are in flight, so that each is sent once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InFlight {
    /// Missing events at the end of the log.
    pub(crate) gap_fill: bool,
    /// Older or newer messages.
    pub(crate) history_page: bool,
    /// The part of the log around a message.
    pub(crate) jump: bool,
    /// A quoted message.
    pub(crate) quote: bool,
    /// Pending messages.
    pub(crate) send: bool,
}

impl InFlight {
    /// Whether a page is in flight.
    fn is_fetching(self) -> bool {
        self.gap_fill || self.history_page || self.jump
    }
}

/// The read position.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReadState {
    /// The last read event; `None` for a room that was never joined.
    pub(crate) last_read: Option<Seq>,
    /// The event before the unread divider. Stays while the room is shown.
    pub(crate) divider: Option<Seq>,
    /// Unread messages that were trimmed from the timeline.
    trimmed_unread: UnreadSummary,
}

/// The number of unread messages of others, and of mentions among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnreadSummary {
    pub(crate) messages: u32,
    pub(crate) mentions: u32,
    /// Whether there are more than were counted.
    pub(crate) more: bool,
}

impl Room {
    /// The most quoted messages held.
    const MAX_QUOTED: usize = 100;

    /// The number of events stored in the cache.
    const CACHED_EVENTS: usize = 100;

    /// If more events than this were missed, the log is read anew from its end.
    const MAX_CATCH_UP: u64 = 3_000;

    /// Creates a room. `last_read` is the stored read position.
    pub(crate) fn new(name: RoomName, generation: u32, last_read: Option<Seq>) -> Room {
        Room {
            name,
            is_mine: false,
            generation,
            is_member: false,
            join_refusal: None,
            seats: None,
            topic: None,
            shared_network: false,
            permissions: Vec::new(),
            roster: Roster::default(),
            timeline: Timeline::default(),
            membership_notes: MembershipNotes::default(),
            typing: Typing::default(),
            read_state: ReadState { last_read, ..ReadState::default() },
            visible_range: VisibleRange::default(),
            quoted_messages: Vec::new(),
            is_joined: false,
            in_flight: InFlight::default(),
            cached_last: None,
        }
    }

    /// Whether this reply continues the log that was held up to `last_held` at the request. It does not
    /// if the server's log is another or shorter one, restored from a backup, or too much longer.
    pub(crate) fn continues_log(&self, last_held: Option<Seq>, reply: &Joined) -> bool {
        let within_reach =
            |last_held: Seq| (last_held.0..=last_held.0 + Self::MAX_CATCH_UP).contains(&reply.last.0);
        last_held.is_none_or(within_reach) && self.timeline.is_same_log(reply)
    }

    pub(crate) fn apply_join(&mut self, mut reply: Joined) {
        self.roster.set_members(
            mem::take(&mut reply.people),
            mem::take(&mut reply.away),
            reply.member_count.unwrap_or_default(),
        );
        self.apply_reply(reply);
        (self.is_joined, self.join_refusal) = (true, None);
    }

    /// Restores a cached room. Returns false if the server's data arrived first, which wins.
    pub(crate) fn restore(&mut self, cached: Joined) -> bool {
        let is_needed = !self.timeline.is_loaded() && !self.roster.is_joining();
        if is_needed {
            self.cached_last = Some(cached.last);
            self.apply_reply(cached);
        }
        is_needed
    }

    fn apply_reply(&mut self, reply: Joined) {
        // A room joined for the first time has no unread messages.
        let read = *self.read_state.last_read.get_or_insert(reply.last);
        let begins = !self.timeline.is_loaded();
        self.timeline.apply_join(&reply);
        self.read_state.trimmed_unread.more |= begins && self.timeline.begins_after(read.next());
        (self.seats, self.topic, self.permissions) = (reply.seats, reply.topic, reply.permissions);
        self.shared_network = reply.shared_network;
        self.is_member = true;
    }

    /// Returns what to write to the cache, if the log has changed; every other change of a room is
    /// an event of the log too.
    pub(crate) fn snapshot_if_changed(&mut self) -> Option<Joined> {
        let last = self.timeline.last().filter(|last| self.cached_last != Some(*last))?;
        self.cached_last = Some(last);
        let (events, more) = self.timeline.last_events(Self::CACHED_EVENTS);
        // Events of unknown kinds are not cached, so that a newer page reads them again.
        let unknown = events.iter().rposition(|event| event.kind == EventKind::Unknown);
        let (events, more) = unknown.map_or((events, more), |index| (&events[index + 1..], true));
        Some(Joined {
            room: self.name.clone(),
            seats: self.seats,
            topic: self.topic.clone(),
            last,
            events: events.to_vec(),
            more,
            people: Vec::new(),
            member_count: None,
            away: Vec::new(),
            shared_network: self.shared_network,
            permissions: self.permissions.clone(),
        })
    }

    /// Runs when the connection is lost; nobody is known to be typing any more.
    pub(crate) fn on_disconnect(&mut self) {
        self.is_joined = false;
        self.typing = Typing::default();
    }

    /// Drops the log: the server was restored from a backup, too many events were missed, or the
    /// person has changed. The read position becomes at most `last`.
    pub(crate) fn reset_log(&mut self, last: Option<Seq>) {
        self.timeline = Timeline::default();
        self.membership_notes = MembershipNotes::default();
        self.visible_range = VisibleRange::default();
        let last_read = self.read_state.last_read.zip(last).map(|(read, last)| read.min(last));
        self.read_state = ReadState { last_read, ..ReadState::default() };
        self.cached_last = None;
    }

    pub(crate) fn apply_event(&mut self, event: Event) {
        if let EventKind::Posted { .. } = event.kind {
            self.typing.stopped(event.person.id);
        }
        if let EventKind::RoomChanged { topic, seats, shared_network } = &event.kind {
            self.shared_network = shared_network.unwrap_or(self.shared_network);
            self.seats = seats.map_or(self.seats, |SeatLimit(seats)| seats);
            if let Some(topic) = topic {
                self.topic = Some(topic.clone()).filter(|topic| !topic.is_empty());
            }
        }
        self.timeline.apply_push(event);
    }

    pub(crate) fn apply_presence(&mut self, presence: Presence, me: Option<PersonId>) {
        if self.is_joined {
            let last = self.timeline.last().unwrap_or_default();
            self.membership_notes.record(&presence.changes, &self.roster, last, me);
        }
        for change in &presence.changes {
            if let PresenceChange::Left(id) = change {
                self.typing.stopped(*id);
            }
        }
        self.roster.apply(presence.changes, presence.member_count.unwrap_or_default());
    }

    /// Marks all events as read. Returns whether that changed anything.
    pub(crate) fn mark_all_read(&mut self) -> bool {
        let Some(last) = self.timeline.last() else { return false };
        let changed = self.read_state.last_read.is_none_or(|read| read < last);
        if changed {
            self.read_state.last_read = Some(last);
            self.read_state.trimmed_unread = UnreadSummary::default();
        }
        changed
    }

    /// Applies the read position of another tab.
    pub(crate) fn mark_read_elsewhere(&mut self, read: Seq) {
        if self.read_state.last_read.is_some_and(|before| before < read) {
            self.read_state.last_read = Some(read);
            self.read_state.trimmed_unread =
                UnreadSummary { more: self.timeline.begins_after(read.next()), ..UnreadSummary::default() };
        }
    }

    /// Marks as read what precedes the last own message: whoever wrote it, perhaps on another device, has
    /// read the room until there. Returns whether that changed anything.
    pub(crate) fn mark_answered_read(&mut self, me: Option<&Person>) -> bool {
        let Some((me, read)) = me.zip(self.read_state.last_read) else { return false };
        let is_own =
            |event: &&Event| event.person.id == me.id && matches!(event.kind, EventKind::Posted { .. });
        let mut unread = self.timeline.events().iter().rev().take_while(|event| event.seq > read);
        let Some(own) = unread.find(is_own).map(|event| event.seq) else { return false };
        self.mark_read_elsewhere(own);
        true
    }

    /// Places the divider above the first unread message, unless it is above an unread one already.
    pub(crate) fn update_divider(&mut self, me: Option<&Person>) {
        let ReadState { last_read, divider, .. } = self.read_state;
        if divider.is_none_or(|divider| Some(divider) < last_read) && self.unread(me).messages > 0 {
            self.read_state.divider = last_read;
        }
    }

    pub(crate) fn unread(&self, me: Option<&Person>) -> UnreadSummary {
        let Some(read) = self.read_state.last_read else { return UnreadSummary::default() };
        let events = self.timeline.events();
        let mut unread = self.read_state.trimmed_unread;
        for event in events.iter().rev().take_while(|event| event.seq > read) {
            unread.count(event, me);
        }
        unread
    }

    /// Returns the time of the last message.
    pub(crate) fn last_message_at(&self) -> Option<Timestamp> {
        let message = |event: &&Event| event.kind.cid().is_some();
        self.timeline.events().iter().rev().find(message).map(|event| event.at)
    }

    /// Returns the input of the view model.
    pub(crate) fn view_input<'a>(
        &'a self,
        outbox: &'a Outbox,
        pending_edits: &'a PendingEdits,
        me: Option<&'a Person>,
    ) -> ViewInput<'a> {
        ViewInput {
            room: &self.name,
            timeline: &self.timeline,
            membership_notes: self.membership_notes.notes(),
            namesakes: Namesakes::find(self.timeline.current_events(), self.roster.people()),
            pending_messages: outbox.in_room(&self.name).collect(),
            pending_edits,
            quoted_messages: &self.quoted_messages,
            me,
            divider: self.read_state.divider,
        }
    }

    pub(crate) fn add_quoted(&mut self, seq: Seq, found: Option<Event>) {
        self.quoted_messages.push((seq, found));
        if self.quoted_messages.len() > Self::MAX_QUOTED {
            self.quoted_messages.remove(0);
        }
    }

    /// Drops events far from `anchor`, which is visible, or from the end. Does nothing while a page
    /// is in flight.
    pub(crate) fn trim(&mut self, anchor: Option<Seq>, me: Option<&Person>) {
        if !self.in_flight.is_fetching() {
            self.trim_counting_unread(me, |timeline| timeline.trim(anchor));
        }
    }

    /// Drops all but the end of a room that is not shown. Does nothing while a page is in flight.
    pub(crate) fn trim_to_background(&mut self, me: Option<&Person>) {
        if !self.in_flight.is_fetching() {
            self.trim_counting_unread(me, Timeline::trim_to_background);
        }
    }

    /// Runs when the room is no longer shown.
    pub(crate) fn move_to_background(&mut self, me: Option<&Person>) {
        self.visible_range = VisibleRange::default();
        self.read_state.divider = None;
        self.membership_notes = MembershipNotes::default();
        self.quoted_messages = Vec::new();
        self.trim_to_background(me);
    }

    /// Trims the timeline and counts the unread messages that were dropped.
    fn trim_counting_unread(&mut self, me: Option<&Person>, trim: impl FnOnce(&mut Timeline)) {
        let held_from = self.timeline.events().first().map(|event| event.seq);
        let before = self.unread(me);
        trim(&mut self.timeline);
        if self.timeline.events().first().map(|event| event.seq) != held_from {
            let remaining = self.unread(me);
            self.read_state.trimmed_unread.messages += before.messages.saturating_sub(remaining.messages);
            self.read_state.trimmed_unread.mentions += before.mentions.saturating_sub(remaining.mentions);
        }
    }
}

impl UnreadSummary {
    fn count(&mut self, event: &Event, me: Option<&Person>) {
        let EventKind::Posted { body, .. } = &event.kind else { return };
        if me.is_some_and(|me| me.id == event.person.id) {
            return;
        }
        self.messages += 1;
        self.mentions += u32::from(me.is_some_and(|me| mentions_person(body, me)));
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use common::{
        message::{Body, Cid},
        person::DisplayName,
    };

    use super::*;

    fn person(id: u64) -> Person {
        Person::new(PersonId(id), DisplayName::parse(["", "지은", "민호"][id as usize]).unwrap())
    }

    /// A message of person 2, or of person 1 if the text begins with a 1.
    fn message(seq: u64, text: &str) -> Event {
        let (id, text) = text.strip_prefix("1 ").map_or((2, text), |text| (1, text));
        let what = EventKind::posted(Cid::from_random(seq.into()), Body::parse(text).unwrap());
        Event { seq: Seq(seq), at: Timestamp(seq as i64), person: person(id), kind: what }
    }

    fn join_reply(events: Vec<Event>, more: bool) -> Joined {
        let last = events.last().map_or(Seq(0), |event| event.seq);
        let people = vec![person(1), person(2)];
        let (room, may, away) = (RoomName::parse("마당").unwrap(), vec![Permission::Read], vec![]);
        Joined {
            room,
            seats: None,
            topic: None,
            last,
            events,
            more,
            people,
            member_count: None,
            away,
            shared_network: false,
            permissions: may,
        }
    }

    /// A join reply with the events of this range.
    fn log(from: u64, to: u64) -> Joined {
        join_reply((from..=to).map(|seq| message(seq, &seq.to_string())).collect(), from > 1)
    }

    /// A room read up to `read` and not joined yet.
    fn unjoined_room(read: Option<u64>) -> Room {
        Room::new(RoomName::parse("마당").unwrap(), 1, read.map(Seq))
    }

    /// The same after a join reply with these messages, numbered from `first`.
    fn room(read: Option<u64>, first: u64, texts: &[&str]) -> Room {
        let mut room = unjoined_room(read);
        let events = (first..).zip(texts).map(|(seq, text)| message(seq, text)).collect();
        room.apply_join(join_reply(events, first > 1));
        room
    }

    /// The number of unread messages, of mentions, and whether there are more.
    fn unread(room: &Room) -> (u32, u32, bool) {
        let UnreadSummary { messages, mentions, more } = room.unread(Some(&person(1)));
        (messages, mentions, more)
    }

    #[test]
    fn a_room_joined_for_the_first_time_has_no_unread_messages() {
        let mut room = room(None, 1, &["하나", "둘"]);
        assert_eq!(unread(&room), (0, 0, false));
        room.apply_event(message(3, "셋"));
        assert_eq!(unread(&room), (1, 0, false));
    }

    #[test]
    fn messages_of_others_are_unread_and_mentions_are_counted_separately() {
        let mut room = room(Some(1), 1, &["하나", "둘", "@지은 셋", "1 넷"]);
        assert_eq!(unread(&room), (2, 1, false));
        assert!(room.mark_all_read());
        assert_eq!(unread(&room), (0, 0, false));
        assert!(!room.mark_all_read(), "nothing new");
    }

    #[test]
    fn what_was_answered_on_another_device_is_read_and_what_follows_is_not() {
        let me = person(1);
        let mut room = room(Some(1), 1, &["하나", "둘", "@지은 셋"]);
        assert!(!room.mark_answered_read(Some(&me)), "nothing of one's own");
        room.apply_event(message(4, "1 답"));
        room.apply_event(message(5, "다섯"));
        assert!(room.mark_answered_read(Some(&me)));
        assert_eq!((unread(&room), room.read_state.last_read), ((1, 0, false), Some(Seq(4))));
        room.update_divider(Some(&me));
        assert_eq!(room.read_state.divider, Some(Seq(4)), "above what followed");
        assert!(!room.mark_answered_read(Some(&me)), "only once");
        let edit = EventKind::Edited { target: Seq(4), body: None };
        room.apply_event(Event { kind: edit, ..message(6, "1 -") });
        assert!(!room.mark_answered_read(Some(&me)), "a change is no answer");
    }

    #[test]
    fn an_answer_reads_what_was_trimmed_or_missed_before_it() {
        let me = person(1);
        let texts = ["하나"].into_iter().chain(["둘"; 2 * Timeline::MAX_BACKGROUND_EVENTS]);
        let mut room = room(Some(1), 1, &texts.collect::<Vec<_>>());
        room.move_to_background(Some(&me));
        room.apply_event(message(2 + 2 * Timeline::MAX_BACKGROUND_EVENTS as u64, "1 답"));
        assert!(room.mark_answered_read(Some(&me)));
        assert_eq!(unread(&room), (0, 0, false));
        let mut missed = self::room(Some(3), 9, &["아홉", "1 답", "열하나"]);
        assert!(missed.mark_answered_read(Some(&me)));
        assert_eq!(unread(&missed), (1, 0, false));
    }

    #[test]
    fn more_may_be_unread_than_is_held() {
        assert_eq!(unread(&room(Some(3), 9, &["아홉", "열"])), (2, 0, true));
        assert_eq!(unread(&room(Some(8), 9, &["아홉", "열"])), (2, 0, false));
    }

    #[test]
    fn a_read_position_of_another_tab_never_moves_backwards() {
        let mut room = room(Some(1), 1, &["하나", "둘", "셋"]);
        room.mark_read_elsewhere(Seq(2));
        assert_eq!(unread(&room), (1, 0, false));
        room.mark_read_elsewhere(Seq(1));
        assert_eq!(unread(&room), (1, 0, false));
    }

    #[test]
    fn unread_messages_stay_counted_when_they_are_trimmed() {
        let texts =
            ["하나"].into_iter().chain(["둘"; 2 * Timeline::MAX_BACKGROUND_EVENTS]).collect::<Vec<_>>();
        let mut room = room(Some(1), 1, &texts);
        let before = unread(&room);
        room.move_to_background(Some(&person(1)));
        assert!(room.timeline.events().len() <= Timeline::MAX_BACKGROUND_EVENTS);
        assert_eq!((unread(&room), before.0), (before, 2 * Timeline::MAX_BACKGROUND_EVENTS as u32));
    }

    #[test]
    fn nothing_is_trimmed_while_a_page_is_in_flight() {
        let mut room = room(Some(1), 1, &["하나"; 2 * Timeline::MAX_BACKGROUND_EVENTS]);
        room.in_flight.history_page = true;
        room.move_to_background(Some(&person(1)));
        assert_eq!(room.timeline.events().len(), 2 * Timeline::MAX_BACKGROUND_EVENTS);
    }

    #[test]
    fn the_divider_stays_above_the_first_unread_message_until_it_is_read() {
        let mut room = room(Some(1), 1, &["하나", "둘"]);
        let me = person(1);
        room.update_divider(Some(&me));
        assert_eq!(room.read_state.divider, Some(Seq(1)));
        room.apply_event(message(3, "셋"));
        room.update_divider(Some(&me));
        assert_eq!(room.read_state.divider, Some(Seq(1)));
        room.mark_all_read();
        room.update_divider(Some(&me));
        assert_eq!(room.read_state.divider, Some(Seq(1)), "it stays until the room is closed");
        room.apply_event(message(4, "넷"));
        room.update_divider(Some(&me));
        assert_eq!(room.read_state.divider, Some(Seq(3)));
    }

    #[test]
    fn a_room_change_keeps_what_it_does_not_mention() {
        let mut room = room(None, 1, &["하나"]);
        let topic = |text| Some(Topic::parse(text).unwrap());
        let two = Some(Seats::TWO);
        let cases = [
            ((topic("이야기"), Some(SeatLimit(two))), (topic("이야기"), two)),
            ((None, None), (topic("이야기"), two)),
            ((topic(""), None), (None, two)),
            ((None, Some(SeatLimit(None))), (None, None)),
        ];
        for (seq, ((topic, seats), expected)) in (2..).zip(cases) {
            room.apply_event(Event {
                kind: EventKind::RoomChanged { topic, seats, shared_network: None },
                ..message(seq, "-")
            });
            assert_eq!((room.topic.clone(), room.seats), expected);
        }
    }

    #[test]
    fn a_person_stops_typing_with_the_message_or_when_they_leave() {
        let mut room = room(None, 1, &["하나"]);
        let name = RoomName::parse("마당").unwrap();
        room.typing.started(PersonId(2), Timestamp(0));
        room.apply_event(message(2, "둘"));
        assert!(room.typing.is_empty());
        room.typing.started(PersonId(2), Timestamp(0));
        room.apply_presence(
            Presence { room: name, changes: vec![PresenceChange::Left(PersonId(2))], member_count: None },
            None,
        );
        assert!(room.typing.is_empty());
    }

    #[test]
    fn after_a_log_reset_nothing_beyond_its_end_is_read() {
        let mut room = room(Some(2), 1, &["하나", "둘", "셋"]);
        room.reset_log(Some(Seq(1)));
        assert_eq!((room.timeline.is_loaded(), room.read_state.last_read), (false, Some(Seq(1))));
    }

    #[test]
    fn a_join_reply_continues_the_held_log_unless_it_is_from_another() {
        let (empty, room_with_three) = (unjoined_room(None), room(None, 1, &["하나", "둘", "셋"]));
        let another = Event { at: Timestamp(77), ..message(3, "셋") };
        let reaching = |last| Joined { last: Seq(last), ..log(3, 5) };
        for (room, up_to, reply, continues) in [
            (&empty, None, log(1, 5), true),
            (&empty, None, log(5_001, 5_050), true),
            (&room_with_three, Some(3), log(3, 3), true),
            (&room_with_three, Some(3), reaching(3 + Room::MAX_CATCH_UP), true),
            (&room_with_three, Some(3), reaching(4 + Room::MAX_CATCH_UP), false),
            (&room_with_three, Some(3), join_reply(vec![], false), false),
            (&room_with_three, Some(3), log(1, 2), false),
            (&room_with_three, Some(3), join_reply(vec![another.clone(), message(4, "넷")], true), false),
            // The third was pushed while the reply, which does not know it, was in flight.
            (&room_with_three, Some(2), log(2, 2), true),
        ] {
            assert_eq!(room.continues_log(up_to.map(Seq), &reply), continues, "{up_to:?} {reply:?}");
        }
    }

    #[test]
    fn a_cached_room_is_restored_and_catches_up() {
        let mut before = unjoined_room(None);
        before.apply_join(log(1, 150));
        let cached = before.snapshot_if_changed().unwrap();
        assert_eq!(
            (cached.events.len(), cached.events[0].seq, cached.more),
            (Room::CACHED_EVENTS, Seq(51), true)
        );
        assert!(before.snapshot_if_changed().is_none(), "nothing has changed since");

        let mut after = unjoined_room(Some(140));
        assert!(after.restore(cached));
        assert!(after.is_member && !after.is_joined && after.snapshot_if_changed().is_none());
        assert_eq!(after.unread(None), UnreadSummary { messages: 10, ..UnreadSummary::default() });
        after.apply_join(log(150, 160));
        assert_eq!(after.unread(None), UnreadSummary { messages: 20, ..UnreadSummary::default() });
        let snapshot = after.snapshot_if_changed().unwrap();
        assert_eq!((snapshot.events.len(), snapshot.last), (Room::CACHED_EVENTS, Seq(160)));
    }

    #[test]
    fn events_of_unknown_kinds_are_not_cached() {
        let mut before = room(None, 1, &["하나", "둘"]);
        let unknown_event = |seq| Event { kind: EventKind::Unknown, ..message(seq, "-") };
        before.apply_event(unknown_event(3));
        let cached = before.snapshot_if_changed().unwrap();
        assert_eq!((cached.events.len(), cached.last, cached.more), (0, Seq(3), true));
        before.apply_event(message(4, "넷"));
        let cached = before.snapshot_if_changed().unwrap();
        assert_eq!((cached.events.clone(), cached.more), (vec![message(4, "넷")], true));
        let mut after = unjoined_room(Some(2));
        assert!(after.restore(cached));
        assert_eq!((after.timeline.last(), after.timeline.older_cursor()), (Some(Seq(4)), Some(Seq(4))));
    }

    #[test]
    fn data_from_the_server_wins_over_the_cache() {
        let mut expecting = unjoined_room(None);
        expecting.roster.begin_join();
        assert!(!expecting.restore(log(1, 2)));
        expecting.apply_join(log(3, 4));
        assert!(!expecting.restore(log(1, 2)));
        assert_eq!(expecting.timeline.last(), Some(Seq(4)));
    }

    #[test]
    fn a_log_that_was_reset_is_cached_again() {
        let mut room = unjoined_room(Some(3));
        assert!(room.restore(log(1, 4)));
        room.reset_log(Some(Seq(2)));
        room.apply_join(log(1, 4));
        assert_eq!(room.read_state.last_read, Some(Seq(2)));
        assert_eq!(room.snapshot_if_changed().map(|snapshot| snapshot.last), Some(Seq(4)));
    }
}
