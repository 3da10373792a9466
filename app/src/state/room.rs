//! One of the rooms one is in: its log and its people, how far one has read, what is drawn of it.
//!
//! `chat` keeps one for each room of one's own, on the screen or not, and feeds it with what the
//! socket brings; a room that is not on the screen holds little.

use std::mem;

use common::{
    event::{Change, Event, Joined, Permission, Presence, What},
    markup::mentions,
    message::{Body, Seq, Timestamp},
    person::{Person, PersonId},
    refusal::Refusal,
    room::{Limit, RoomName, Seats, Topic},
};

use super::{
    changes::Changes, comings::Comings, outbox::Outbox, roster::Roster, rows::Scene, timeline::Timeline,
    typing::Typing, window::Window,
};

#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) name: RoomName,
    /// It is kept in the list of our rooms, because it has let us in and we did not leave it.
    pub(crate) ours: bool,
    /// Tells this stay from an earlier one: what was asked for that one is dropped.
    pub(crate) number: u32,
    /// The room has let us in once; while the connection is away we are still in it.
    pub(crate) inside: bool,
    /// Why the room does not let us in.
    pub(crate) refused: Option<Refusal>,
    pub(crate) seats: Option<Seats>,
    pub(crate) topic: Option<Topic>,
    pub(crate) may: Vec<Permission>,
    pub(crate) roster: Roster,
    pub(crate) timeline: Timeline,
    pub(crate) comings: Comings,
    pub(crate) typing: Typing,
    pub(crate) reading: Reading,
    pub(crate) window: Window,
    /// Messages that are quoted and not held, the latest that were looked up.
    pub(crate) quoted: Vec<Quoted>,
    /// The connection of this moment has joined the room; between two connections none has.
    pub(crate) joined: bool,
    pub(crate) underway: Underway,
    /// The last event of what is kept in this browser.
    kept: Option<Seq>,
}

/// What is on its way for a room, so that it is asked for once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Underway {
    /// What was missed.
    pub(crate) filling: bool,
    /// Older or newer messages for who reads on.
    pub(crate) loading: bool,
    /// The part of the log around one message.
    pub(crate) going: bool,
    /// A message that is quoted.
    pub(crate) quoting: bool,
    /// Messages of ours.
    pub(crate) sending: bool,
}

/// What was found when a quoted message was looked up.
pub(crate) type Quoted = (Seq, Option<Event>);

impl Underway {
    /// Whether a page is on its way.
    fn asks(self) -> bool {
        self.filling || self.loading || self.going
    }
}

/// How far one has read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// The last event that was read; nothing is known of a room one has never been in.
    pub(crate) read: Option<Seq>,
    /// What comes after this event was new when it came. It stays while the room is open.
    pub(crate) line: Option<Seq>,
    /// Unread and no longer held.
    dropped: Unread,
}

/// What waits to be read: what others said, and where they spoke of us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) messages: u32,
    pub(crate) mentions: u32,
    /// There is more than was counted.
    pub(crate) more: bool,
}

impl Room {
    /// How many looked-up messages are kept.
    const QUOTED: usize = 100;

    /// How many events are kept in this browser.
    const KEPT: usize = 100;

    /// When more than this was missed, the log is read anew from its end instead of caught up with.
    const MISSED_AT_MOST: u64 = 3_000;

    /// `read` is what is remembered of an earlier visit.
    pub(crate) fn new(name: RoomName, number: u32, read: Option<Seq>) -> Room {
        Room {
            name,
            ours: false,
            number,
            inside: false,
            refused: None,
            seats: None,
            topic: None,
            may: Vec::new(),
            roster: Roster::default(),
            timeline: Timeline::default(),
            comings: Comings::default(),
            typing: Typing::default(),
            reading: Reading { read, ..Reading::default() },
            window: Window::default(),
            quoted: Vec::new(),
            joined: false,
            underway: Underway::default(),
            kept: None,
        }
    }

    /// Whether this answer goes on with the log that was held up to `held` when we asked. It does not when
    /// the server's log is another or shorter, restored from a backup, or too much longer.
    pub(crate) fn goes_on_with(&self, held: Option<Seq>, reply: &Joined) -> bool {
        let within_reach = |held: Seq| (held.0..=held.0 + Self::MISSED_AT_MOST).contains(&reply.last.0);
        held.is_none_or(within_reach) && self.timeline.is_told_by(reply)
    }

    pub(crate) fn let_in(&mut self, mut reply: Joined) {
        self.roster.arrived(
            mem::take(&mut reply.people),
            mem::take(&mut reply.away),
            reply.here.unwrap_or_default(),
        );
        self.take_in(reply);
        (self.joined, self.refused) = (true, None);
    }

    /// Takes in what an earlier visit has left, and whether that was of use: what the room itself says
    /// goes before it.
    pub(crate) fn recall(&mut self, kept: Joined) -> bool {
        let wanted = !self.timeline.is_known() && !self.roster.is_expected();
        if wanted {
            self.kept = Some(kept.last);
            self.take_in(kept);
        }
        wanted
    }

    fn take_in(&mut self, reply: Joined) {
        // A room one comes to for the first time has no news, only a past.
        let read = *self.reading.read.get_or_insert(reply.last);
        let begins = !self.timeline.is_known();
        self.timeline.joined(&reply);
        self.reading.dropped.more |= begins && self.timeline.begins_after(read.next());
        (self.seats, self.topic, self.may) = (reply.seats, reply.topic, reply.may);
        self.inside = true;
    }

    /// What is to be kept in this browser, if that is not what was kept before: whatever becomes of a
    /// room or a message of it is an event of its own.
    pub(crate) fn news(&mut self) -> Option<Joined> {
        let last = self.timeline.last().filter(|last| self.kept != Some(*last))?;
        self.kept = Some(last);
        let (events, more) = self.timeline.end(Self::KEPT);
        // What this page does not know the next one may: it is to read that anew.
        let unknown = events.iter().rposition(|event| event.what == What::Unknown);
        let (events, more) = unknown.map_or((events, more), |place| (&events[place + 1..], true));
        Some(Joined {
            room: self.name.clone(),
            seats: self.seats,
            topic: self.topic.clone(),
            last,
            events: events.to_vec(),
            more,
            people: Vec::new(),
            here: None,
            away: Vec::new(),
            may: self.may.clone(),
        })
    }

    /// The connection is gone, and with it whoever was writing.
    pub(crate) fn lost(&mut self) {
        self.joined = false;
        self.typing = Typing::default();
    }

    /// Begins anew with a log that is not the one we know: the server was restored from a backup, too
    /// much was missed to catch up with, or we are somebody else. Up to `last` it may have been read.
    pub(crate) fn forget_log(&mut self, last: Option<Seq>) {
        self.timeline = Timeline::default();
        self.comings = Comings::default();
        self.window = Window::default();
        let read = self.reading.read.zip(last).map(|(read, last)| read.min(last));
        self.reading = Reading { read, ..Reading::default() };
        self.kept = None;
    }

    pub(crate) fn hear(&mut self, event: Event) {
        if let What::Posted { .. } = event.what {
            self.typing.stopped(event.person.id);
        }
        if let What::RoomChanged { topic, seats } = &event.what {
            self.seats = seats.map_or(self.seats, |Limit(seats)| seats);
            if let Some(topic) = topic {
                self.topic = Some(topic.clone()).filter(|topic| !topic.is_empty());
            }
        }
        self.timeline.pushed(event);
    }

    pub(crate) fn hear_presence(&mut self, told: Presence, me: Option<PersonId>) {
        if self.joined {
            let last = self.timeline.last().unwrap_or_default();
            self.comings.note(&told.changes, &self.roster, last, me);
        }
        for change in &told.changes {
            if let Change::Gone(id) = change {
                self.typing.stopped(*id);
            }
        }
        self.roster.apply(told.changes, told.here.unwrap_or_default());
    }

    /// Everything there is has been read.
    pub(crate) fn read_all(&mut self) -> bool {
        let Some(last) = self.timeline.last() else { return false };
        let news = self.reading.read.is_none_or(|read| read < last);
        if news {
            self.reading.read = Some(last);
            self.reading.dropped = Unread::default();
        }
        news
    }

    /// Another window has read on to here.
    pub(crate) fn read_elsewhere(&mut self, read: Seq) {
        if self.reading.read.is_some_and(|before| before < read) {
            self.reading.read = Some(read);
            self.reading.dropped =
                Unread { more: self.timeline.begins_after(read.next()), ..Unread::default() };
        }
    }

    /// Draws the line above what is unread, unless it stands above something unread already.
    pub(crate) fn draw_line(&mut self, me: Option<&Person>) {
        let Reading { read, line, .. } = self.reading;
        if line.is_none_or(|line| Some(line) < read) && self.unread(me).messages > 0 {
            self.reading.line = read;
        }
    }

    pub(crate) fn unread(&self, me: Option<&Person>) -> Unread {
        let Some(read) = self.reading.read else { return Unread::default() };
        let events = self.timeline.events();
        let mut unread = self.reading.dropped;
        for event in events.iter().rev().take_while(|event| event.seq > read) {
            unread.count(event, me);
        }
        unread
    }

    /// When something was last said.
    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        let said = |event: &&Event| event.what.cid().is_some();
        self.timeline.events().iter().rev().find(said).map(|event| event.at)
    }

    /// What the room is drawn from.
    pub(crate) fn scene<'a>(
        &'a self,
        outbox: &'a Outbox,
        changes: &'a Changes,
        me: Option<&'a Person>,
    ) -> Scene<'a> {
        Scene {
            room: &self.name,
            timeline: &self.timeline,
            comings: self.comings.notes(),
            unsent: outbox.in_room(&self.name).collect(),
            changes,
            quoted: &self.quoted,
            me,
            read_to: self.reading.line,
        }
    }

    pub(crate) fn looked_up(&mut self, seq: Seq, found: Option<Event>) {
        self.quoted.push((seq, found));
        if self.quoted.len() > Self::QUOTED {
            self.quoted.remove(0);
        }
    }

    /// Lets go of what is far from `place`, which is on the screen, or from the end. Not while a page
    /// is on its way.
    pub(crate) fn trim(&mut self, place: Option<Seq>, me: Option<&Person>) {
        if !self.underway.asks() {
            self.keep_count(me, |timeline| timeline.trim(place));
        }
    }

    /// Lets go of all but the end of a room that is not on the screen. Not while a page is on its way.
    pub(crate) fn trim_aside(&mut self, me: Option<&Person>) {
        if !self.underway.asks() {
            self.keep_count(me, Timeline::put_aside);
        }
    }

    /// It is not on the screen any more.
    pub(crate) fn put_aside(&mut self, me: Option<&Person>) {
        self.window = Window::default();
        self.reading.line = None;
        self.comings = Comings::default();
        self.quoted = Vec::new();
        self.trim_aside(me);
    }

    /// Counts what is unread and let go of.
    fn keep_count(&mut self, me: Option<&Person>, trim: impl FnOnce(&mut Timeline)) {
        let held_from = self.timeline.events().first().map(|event| event.seq);
        let before = self.unread(me);
        trim(&mut self.timeline);
        if self.timeline.events().first().map(|event| event.seq) != held_from {
            let held = self.unread(me);
            self.reading.dropped.messages += before.messages.saturating_sub(held.messages);
            self.reading.dropped.mentions += before.mentions.saturating_sub(held.mentions);
        }
    }
}

impl Unread {
    fn count(&mut self, event: &Event, me: Option<&Person>) {
        let What::Posted { body, .. } = &event.what else { return };
        if me.is_some_and(|me| me.id == event.person.id) {
            return;
        }
        self.messages += 1;
        self.mentions += u32::from(me.is_some_and(|me| speaks_of(body, me)));
    }
}

/// Whether a message speaks of this person by name.
pub(crate) fn speaks_of(body: &Body, person: &Person) -> bool {
    // Most messages speak of nobody, and this is asked often.
    body.as_str().contains('@') && mentions(body.as_str(), person.name.as_str())
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use common::{message::Cid, person::DisplayName};

    use super::*;

    fn person(id: u64) -> Person {
        Person { id: PersonId(id), name: DisplayName::parse(["", "지은", "민호"][id as usize]).unwrap() }
    }

    /// Person 2 says this, unless it begins with a 1.
    fn said(seq: u64, text: &str) -> Event {
        let (id, text) = text.strip_prefix("1 ").map_or((2, text), |text| (1, text));
        let what = What::posted(Cid::from_random(seq.into()), Body::parse(text).unwrap());
        Event { seq: Seq(seq), at: Timestamp(seq as i64), person: person(id), what }
    }

    fn joined(events: Vec<Event>, more: bool) -> Joined {
        let last = events.last().map_or(Seq(0), |event| event.seq);
        let people = vec![person(1), person(2)];
        let (room, may, away) = (RoomName::parse("마당").unwrap(), vec![Permission::Read], vec![]);
        Joined { room, seats: None, topic: None, last, events, more, people, here: None, away, may }
    }

    /// What a room answers whose log is held from one event to another.
    fn log(from: u64, to: u64) -> Joined {
        joined((from..=to).map(|seq| said(seq, &seq.to_string())).collect(), from > 1)
    }

    /// A room read up to `read` that has not let us in yet.
    fn outside(read: Option<u64>) -> Room {
        Room::new(RoomName::parse("마당").unwrap(), 1, read.map(Seq))
    }

    /// The same after it has, where these were said from `first` on.
    fn room(read: Option<u64>, first: u64, texts: &[&str]) -> Room {
        let mut room = outside(read);
        let events = (first..).zip(texts).map(|(seq, text)| said(seq, text)).collect();
        room.let_in(joined(events, first > 1));
        room
    }

    /// How many messages are unread, how many of them speak of us, and whether there are more.
    fn unread(room: &Room) -> (u32, u32, bool) {
        let Unread { messages, mentions, more } = room.unread(Some(&person(1)));
        (messages, mentions, more)
    }

    #[test]
    fn a_room_one_comes_to_for_the_first_time_has_a_past_and_no_news() {
        let mut room = room(None, 1, &["하나", "둘"]);
        assert_eq!(unread(&room), (0, 0, false));
        room.hear(said(3, "셋"));
        assert_eq!(unread(&room), (1, 0, false));
    }

    #[test]
    fn what_others_said_since_is_unread_and_counted_apart_where_it_speaks_of_us() {
        let mut room = room(Some(1), 1, &["하나", "둘", "@지은 셋", "1 넷"]);
        assert_eq!(unread(&room), (2, 1, false));
        assert!(room.read_all());
        assert_eq!(unread(&room), (0, 0, false));
        assert!(!room.read_all(), "nothing new");
    }

    #[test]
    fn more_is_unread_than_is_held_when_one_was_away_for_long() {
        assert_eq!(unread(&room(Some(3), 9, &["아홉", "열"])), (2, 0, true));
        assert_eq!(unread(&room(Some(8), 9, &["아홉", "열"])), (2, 0, false));
    }

    #[test]
    fn another_window_reads_for_this_one_and_never_backwards() {
        let mut room = room(Some(1), 1, &["하나", "둘", "셋"]);
        room.read_elsewhere(Seq(2));
        assert_eq!(unread(&room), (1, 0, false));
        room.read_elsewhere(Seq(1));
        assert_eq!(unread(&room), (1, 0, false));
    }

    #[test]
    fn what_is_unread_stays_counted_when_it_is_let_go_of() {
        let texts = ["하나"].into_iter().chain(["둘"; 2 * Timeline::HELD_ASIDE]).collect::<Vec<_>>();
        let mut room = room(Some(1), 1, &texts);
        let before = unread(&room);
        room.put_aside(Some(&person(1)));
        assert!(room.timeline.events().len() <= Timeline::HELD_ASIDE);
        assert_eq!((unread(&room), before.0), (before, 2 * Timeline::HELD_ASIDE as u32));
    }

    #[test]
    fn nothing_is_let_go_of_while_a_page_is_on_its_way() {
        let mut room = room(Some(1), 1, &["하나"; 2 * Timeline::HELD_ASIDE]);
        room.underway.loading = true;
        room.put_aside(Some(&person(1)));
        assert_eq!(room.timeline.events().len(), 2 * Timeline::HELD_ASIDE);
    }

    #[test]
    fn the_line_stands_above_the_first_news_until_that_is_read() {
        let mut room = room(Some(1), 1, &["하나", "둘"]);
        let me = person(1);
        room.draw_line(Some(&me));
        assert_eq!(room.reading.line, Some(Seq(1)));
        room.hear(said(3, "셋"));
        room.draw_line(Some(&me));
        assert_eq!(room.reading.line, Some(Seq(1)));
        room.read_all();
        room.draw_line(Some(&me));
        assert_eq!(room.reading.line, Some(Seq(1)), "it goes when the room is left");
        room.hear(said(4, "넷"));
        room.draw_line(Some(&me));
        assert_eq!(room.reading.line, Some(Seq(3)));
    }

    #[test]
    fn a_room_is_described_anew_by_what_is_given() {
        let mut room = room(None, 1, &["하나"]);
        let topic = |text| Some(Topic::parse(text).unwrap());
        let two = Some(Seats::TWO);
        let cases = [
            ((topic("이야기"), Some(Limit(two))), (topic("이야기"), two)),
            ((None, None), (topic("이야기"), two)),
            ((topic(""), None), (None, two)),
            ((None, Some(Limit(None))), (None, None)),
        ];
        for (seq, ((topic, seats), expected)) in (2..).zip(cases) {
            room.hear(Event { what: What::RoomChanged { topic, seats }, ..said(seq, "-") });
            assert_eq!((room.topic.clone(), room.seats), expected);
        }
    }

    #[test]
    fn who_has_said_it_or_has_gone_writes_no_more() {
        let mut room = room(None, 1, &["하나"]);
        let here = RoomName::parse("마당").unwrap();
        room.typing.heard(PersonId(2), Timestamp(0));
        room.hear(said(2, "둘"));
        assert!(room.typing.is_empty());
        room.typing.heard(PersonId(2), Timestamp(0));
        room.hear_presence(
            Presence { room: here, changes: vec![Change::Gone(PersonId(2))], here: None },
            None,
        );
        assert!(room.typing.is_empty());
    }

    #[test]
    fn a_log_that_is_another_one_now_is_forgotten_and_was_not_read_beyond_its_end() {
        let mut room = room(Some(2), 1, &["하나", "둘", "셋"]);
        room.forget_log(Some(Seq(1)));
        assert_eq!((room.timeline.is_known(), room.reading.read), (false, Some(Seq(1))));
    }

    #[test]
    fn an_answer_goes_on_with_the_log_that_is_held_unless_it_is_of_another() {
        let (nothing, held) = (outside(None), room(None, 1, &["하나", "둘", "셋"]));
        let another = Event { at: Timestamp(77), ..said(3, "셋") };
        let reaching = |last| Joined { last: Seq(last), ..log(3, 5) };
        for (room, up_to, reply, goes_on) in [
            (&nothing, None, log(1, 5), true),
            (&nothing, None, log(5_001, 5_050), true),
            (&held, Some(3), log(3, 3), true),
            (&held, Some(3), reaching(3 + Room::MISSED_AT_MOST), true),
            (&held, Some(3), reaching(4 + Room::MISSED_AT_MOST), false),
            (&held, Some(3), joined(vec![], false), false),
            (&held, Some(3), log(1, 2), false),
            (&held, Some(3), joined(vec![another.clone(), said(4, "넷")], true), false),
            // The third was told while we waited for the answer, which does not know of it yet.
            (&held, Some(2), log(2, 2), true),
        ] {
            assert_eq!(room.goes_on_with(up_to.map(Seq), &reply), goes_on, "{up_to:?} {reply:?}");
        }
    }

    #[test]
    fn what_is_kept_is_recalled_and_caught_up_with() {
        let mut before = outside(None);
        before.let_in(log(1, 150));
        let kept = before.news().unwrap();
        assert_eq!((kept.events.len(), kept.events[0].seq, kept.more), (Room::KEPT, Seq(51), true));
        assert!(before.news().is_none(), "nothing has happened since");

        let mut after = outside(Some(140));
        assert!(after.recall(kept));
        assert!(after.inside && !after.joined && after.news().is_none());
        assert_eq!(after.unread(None), Unread { messages: 10, ..Unread::default() });
        after.let_in(log(150, 160));
        assert_eq!(after.unread(None), Unread { messages: 20, ..Unread::default() });
        let news = after.news().unwrap();
        assert_eq!((news.events.len(), news.last), (Room::KEPT, Seq(160)));
    }

    #[test]
    fn what_only_a_newer_page_knows_is_left_for_it_to_read() {
        let mut before = room(None, 1, &["하나", "둘"]);
        let invented = |seq| Event { what: What::Unknown, ..said(seq, "-") };
        before.hear(invented(3));
        let kept = before.news().unwrap();
        assert_eq!((kept.events.len(), kept.last, kept.more), (0, Seq(3), true));
        before.hear(said(4, "넷"));
        let kept = before.news().unwrap();
        assert_eq!((kept.events.clone(), kept.more), (vec![said(4, "넷")], true));
        let mut after = outside(Some(2));
        assert!(after.recall(kept));
        assert_eq!((after.timeline.last(), after.timeline.older()), (Some(Seq(4)), Some(Seq(4))));
    }

    #[test]
    fn what_the_room_itself_says_goes_before_what_was_kept() {
        let mut expecting = outside(None);
        expecting.roster.expect();
        assert!(!expecting.recall(log(1, 2)));
        expecting.let_in(log(3, 4));
        assert!(!expecting.recall(log(1, 2)));
        assert_eq!(expecting.timeline.last(), Some(Seq(4)));
    }

    #[test]
    fn a_log_that_was_forgotten_is_kept_anew() {
        let mut room = outside(Some(3));
        assert!(room.recall(log(1, 4)));
        room.forget_log(Some(Seq(2)));
        room.let_in(log(1, 4));
        assert_eq!(room.reading.read, Some(Seq(2)));
        assert_eq!(room.news().map(|news| news.last), Some(Seq(4)));
    }
}
