//! What was written here and is not yet in the log, in every room: in the order it was written.
//!
//! It mirrors the database that all windows of this browser share, and adds what only this window
//! knows. `chat` keeps each message there first, then sends the first of its room, one at a time,
//! until the server has it; the same `cid` makes repeating harmless. Order comes from the place a
//! message has in the database and never from a clock. A message leaves the outbox when its event
//! is in the timeline, so that it is on the screen exactly once at every moment.

use common::{
    event::{Event, Sent, What},
    json::{self, FromJson, Garbled, Json, ToJson},
    message::{Body, Cid, Seq, Timestamp},
    person::Person,
    refusal::Refusal,
    room::{RoomName, Seats},
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    unsent: Vec<Unsent>,
    /// Places whose messages were let go of here, and which the database may not have let go of yet.
    gone: Vec<Place>,
    /// The furthest place heard of.
    furthest: Place,
    /// Whether everything before `furthest` is known; until then nothing is sent, because something
    /// older may have to go first.
    known: bool,
}

/// Where a message stands in the database: given in order and without a gap, by the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(pub(crate) u64);

/// A message on its way, as it is also kept in the database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unsent {
    pub(crate) room: RoomName,
    pub(crate) cid: Cid,
    pub(crate) body: Body,
    /// The message it answers.
    pub(crate) reply_to: Option<Seq>,
    /// By this browser's clock, for showing.
    pub(crate) at: Timestamp,
    /// How many seats the room is to have if this message is what opens it.
    pub(crate) seats: Option<Seats>,
    /// The server's no; a message without one is tried again by itself.
    pub(crate) failed: Option<Refusal>,
    pub(crate) keeping: Keeping,
    /// The server has it; its event is not in the timeline yet.
    pub(crate) accepted: bool,
}

/// Whether a message outlives the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// On its way to the disk.
    #[default]
    Pending,
    /// On the disk.
    Kept(Place),
    /// This browser keeps nothing: it is sent all the same, for as long as the window is open.
    Impossible,
}

/// As it is read from the database: where it stands there is not part of it.
impl FromJson for Unsent {
    fn from_json(json: Json) -> Result<Unsent, Garbled> {
        let mut record = json.record()?;
        let (room, cid) = (record.take("room")?, record.take("cid")?);
        Ok(Unsent {
            reply_to: record.take("reply_to")?,
            seats: record.take("seats")?,
            failed: record.take("failed")?,
            ..Unsent::new(room, cid, record.take("body")?, record.take("at")?)
        })
    }
}

impl ToJson for Unsent {
    fn to_json(&self, text: &mut String) {
        let Unsent { room, cid, body, reply_to, at, seats, failed, keeping: _, accepted: _ } = self;
        json::write_record(
            text,
            &[
                ("room", room),
                ("cid", cid),
                ("body", body),
                ("reply_to", reply_to),
                ("at", at),
                ("seats", seats),
                ("failed", failed),
            ],
        );
    }
}

impl Unsent {
    pub(crate) fn new(room: RoomName, cid: Cid, body: Body, at: Timestamp) -> Unsent {
        Unsent {
            room,
            cid,
            body,
            reply_to: None,
            at,
            seats: None,
            failed: None,
            keeping: Keeping::Pending,
            accepted: false,
        }
    }

    pub(crate) fn place(&self) -> Option<Place> {
        match self.keeping {
            Keeping::Kept(place) => Some(place),
            Keeping::Pending | Keeping::Impossible => None,
        }
    }

    fn waits(&self) -> bool {
        self.failed.is_none() && !self.accepted
    }
}

impl Outbox {
    pub(crate) fn push(&mut self, message: Unsent) {
        self.unsent.push(message);
    }

    /// Takes in what the database holds, in its order: what other windows and earlier visits wrote
    /// appears, what is no longer there goes.
    pub(crate) fn read(&mut self, kept: impl IntoIterator<Item = (Place, Unsent)>) {
        let mut there = Vec::new();
        for (place, message) in kept {
            there.push(place);
            if self.gone.contains(&place) {
                continue;
            }
            match self.find(&message.cid) {
                Some(known) => (known.keeping, known.failed) = (Keeping::Kept(place), message.failed),
                None => self.insert(Unsent { keeping: Keeping::Kept(place), ..message }),
            }
            self.furthest = self.furthest.max(place);
        }
        let is_there = |place: &Place| there.binary_search(place).is_ok();
        self.unsent.retain(|message| message.place().as_ref().is_none_or(is_there));
        self.gone.retain(is_there);
        self.known = true;
    }

    /// What is to be written into the database next.
    pub(crate) fn pending(&self) -> Vec<Unsent> {
        self.unsent.iter().filter(|message| message.keeping == Keeping::Pending).cloned().collect()
    }

    /// These have got their places in the database, one after the other. A place further than the
    /// next one says that another window has written before: then all is to be read again.
    pub(crate) fn kept(&mut self, messages: &[Unsent], places: &[Place]) {
        for (message, &place) in messages.iter().zip(places) {
            if place.0 > self.furthest.0 + 1 {
                self.known = false;
            }
            self.furthest = self.furthest.max(place);
            if let Some(message) = self.find(&message.cid) {
                message.keeping = Keeping::Kept(place);
            }
        }
    }

    /// The database does not take these.
    pub(crate) fn not_kept(&mut self, messages: &[Unsent]) {
        for message in messages {
            if let Some(message) = self.find(&message.cid) {
                message.keeping = Keeping::Impossible;
            }
        }
    }

    /// There is no database, or none that can be read.
    pub(crate) fn go_without(&mut self) {
        self.known = true;
    }

    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unsent.is_empty()
    }

    /// The messages for this room, in the order they were written.
    pub(crate) fn in_room(&self, room: &RoomName) -> impl Iterator<Item = &Unsent> + Clone {
        self.unsent.iter().filter(move |message| message.room == *room)
    }

    /// The rooms in which something waits to be sent.
    pub(crate) fn rooms(&self) -> Vec<RoomName> {
        let mut rooms = Vec::new();
        for message in self.unsent.iter().filter(|message| message.waits()) {
            if !rooms.contains(&message.room) {
                rooms.push(message.room.clone());
            }
        }
        rooms
    }

    /// How many seats this room is to have if it is not there yet.
    pub(crate) fn seats(&self, room: &RoomName) -> Option<Seats> {
        self.in_room(room).find_map(|message| message.seats)
    }

    /// The one to send now in this room. One that failed does not hold up those behind it; one that
    /// is not yet on the disk does.
    pub(crate) fn next(&self, room: &RoomName) -> Option<&Unsent> {
        let first = self.in_room(room).find(|message| message.waits())?;
        (self.known && first.keeping != Keeping::Pending).then_some(first)
    }

    pub(crate) fn fail(&mut self, cid: &Cid, refusal: Refusal) -> Option<&Unsent> {
        let message = self.find(cid)?;
        message.failed = Some(refusal);
        Some(message)
    }

    pub(crate) fn retry(&mut self, cid: &Cid) -> Option<&Unsent> {
        let message = self.find(cid)?;
        message.failed = None;
        Some(message)
    }

    pub(crate) fn remove(&mut self, cid: &Cid) -> Option<Unsent> {
        let index = self.unsent.iter().position(|message| message.cid == *cid)?;
        let message = self.unsent.remove(index);
        self.gone.extend(message.place());
        Some(message)
    }

    /// The server has it. Its event, to be taken in before its push arrives.
    pub(crate) fn accept(&mut self, sent: &Sent, me: Person) -> Option<Event> {
        let message = self.find(&sent.cid)?;
        message.accepted = true;
        let what = What::Posted {
            cid: sent.cid.clone(),
            body: message.body.clone(),
            via: None,
            reply_to: message.reply_to,
            now: None,
        };
        Some(Event { seq: sent.seq, at: sent.at, person: me, what })
    }

    /// Lets go of what is in the log now; gives back their events, and their places in the database.
    pub(crate) fn settle(&mut self, log: &[Event]) -> (Vec<Event>, Vec<Place>) {
        let mut events = Vec::new();
        // There is little in here, and it is asked for what came last.
        let is_settled = |message: &mut Unsent| {
            let event = log.iter().rev().find(|event| event.what.cid() == Some(&message.cid));
            events.extend(event.cloned());
            event.is_some()
        };
        let places: Vec<_> =
            self.unsent.extract_if(.., is_settled).filter_map(|message| message.place()).collect();
        self.gone.extend(&places);
        (events, places)
    }

    /// Puts a message before those whose places are further, and before those that have none: it may
    /// have been on the disk before they were written.
    fn insert(&mut self, message: Unsent) {
        let place = message.place();
        let later = |other: &Unsent| other.place().is_none() || other.place() > place;
        let index = self.unsent.iter().position(later).unwrap_or(self.unsent.len());
        self.unsent.insert(index, message);
    }

    fn find(&mut self, cid: &Cid) -> Option<&mut Unsent> {
        self.unsent.iter_mut().find(|message| message.cid == *cid)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use common::{
        message::Seq,
        person::{DisplayName, PersonId},
    };
    use proptest::prelude::*;

    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn unsent(number: u64) -> Unsent {
        let cid = Cid::from_random(u128::from(number));
        // Every clock may stand still, or go backwards.
        Unsent::new(room("마당"), cid, Body::parse("안녕").unwrap(), Timestamp(-(number as i64)))
    }

    fn restored(numbers: impl IntoIterator<Item = u64>) -> Outbox {
        let mut outbox = Outbox::default();
        outbox.read(numbers.into_iter().map(|number| (Place(number), unsent(number))));
        outbox
    }

    fn cids(outbox: &Outbox) -> Vec<Cid> {
        outbox.in_room(&room("마당")).map(|message| message.cid.clone()).collect()
    }

    /// Writes a message in one window, which gets this place.
    fn write(outbox: &mut Outbox, number: u64) {
        outbox.push(unsent(number));
        outbox.kept(&[unsent(number)], &[Place(number)]);
    }

    fn next(outbox: &Outbox) -> Option<Cid> {
        outbox.next(&room("마당")).map(|message| message.cid.clone())
    }

    #[test]
    fn messages_go_out_in_the_order_they_were_written_whatever_the_clock_says() {
        let mut outbox = restored([1, 2]);
        write(&mut outbox, 3);
        let mut order = Vec::new();
        while let Some(cid) = next(&outbox) {
            outbox.remove(&cid);
            order.push(cid);
        }
        assert_eq!(order, [1, 2, 3].map(|number| unsent(number).cid));
    }

    #[test]
    fn nothing_leaves_before_it_is_on_the_disk() {
        let mut outbox = restored([]);
        outbox.push(unsent(1));
        assert_eq!(next(&outbox), None);
        outbox.kept(&[unsent(1)], &[Place(1)]);
        assert_eq!(next(&outbox), Some(unsent(1).cid));
    }

    #[test]
    fn a_browser_that_keeps_nothing_sends_all_the_same() {
        let mut outbox = Outbox::default();
        outbox.push(unsent(1));
        outbox.go_without();
        outbox.not_kept(&[unsent(1)]);
        assert_eq!(next(&outbox), Some(unsent(1).cid));
        outbox.read([]);
        assert_eq!(cids(&outbox), [unsent(1).cid], "what was never there is not gone from there");
    }

    #[test]
    fn nothing_leaves_before_what_an_earlier_visit_left_is_known() {
        let mut outbox = Outbox::default();
        outbox.push(unsent(2));
        outbox.kept(&[unsent(2)], &[Place(2)]);
        assert_eq!(next(&outbox), None);
        outbox.read([(Place(1), unsent(1)), (Place(2), unsent(2))]);
        assert_eq!(next(&outbox), Some(unsent(1).cid));
    }

    #[test]
    fn what_an_earlier_visit_left_goes_before_what_could_not_be_kept_in_time() {
        let mut outbox = Outbox::default();
        outbox.push(unsent(2));
        outbox.not_kept(&[unsent(2)]);
        outbox.read([(Place(1), unsent(1)), (Place(2), unsent(2))]);
        assert_eq!(cids(&outbox), [1, 2].map(|number| unsent(number).cid));
    }

    #[test]
    fn a_place_that_skips_one_says_that_another_window_was_first() {
        let mut outbox = restored([1]);
        write(&mut outbox, 3);
        assert!(!outbox.is_known());
        assert_eq!(next(&outbox), None);
        outbox.read((1..=3).map(|number| (Place(number), unsent(number))));
        assert_eq!(cids(&outbox), [1, 2, 3].map(|number| unsent(number).cid));
    }

    #[test]
    fn what_another_window_sent_or_threw_away_goes_here_too() {
        let mut outbox = restored([1, 2, 3]);
        outbox.read([(Place(2), unsent(2))]);
        assert_eq!(cids(&outbox), [unsent(2).cid]);
    }

    #[test]
    fn what_was_let_go_of_here_does_not_come_back_with_an_older_reading() {
        let mut outbox = restored([1, 2]);
        outbox.remove(&unsent(1).cid);
        outbox.read([(Place(1), unsent(1)), (Place(2), unsent(2))]);
        assert_eq!(cids(&outbox), [unsent(2).cid]);
        outbox.read([(Place(2), unsent(2))]);
        assert!(outbox.gone.is_empty());
    }

    #[test]
    fn a_refused_message_waits_for_its_writer_and_holds_nobody_up() {
        let mut outbox = restored([1, 2]);
        outbox.fail(&unsent(1).cid, Refusal::MessageTooLong);
        assert_eq!(next(&outbox), Some(unsent(2).cid));
        outbox.retry(&unsent(1).cid);
        assert_eq!(next(&outbox), Some(unsent(1).cid));
    }

    #[test]
    fn rooms_with_something_to_send_are_named_once() {
        let elsewhere = Unsent { room: room("골목"), ..unsent(3) };
        let mut outbox = Outbox::default();
        outbox.read([(Place(1), unsent(1)), (Place(2), unsent(2)), (Place(3), elsewhere)]);
        assert_eq!(outbox.rooms(), [room("마당"), room("골목")]);
        outbox.fail(&unsent(3).cid, Refusal::MessageTooLong);
        assert_eq!(outbox.rooms(), [room("마당")]);
    }

    #[test]
    fn a_message_is_sent_once_and_stays_until_the_log_has_it() {
        let me = Person { id: PersonId(1), name: DisplayName::parse("지은").unwrap() };
        let mut outbox = restored([1]);
        let sent = Sent { cid: unsent(1).cid, seq: Seq(7), at: Timestamp(9) };
        let event = outbox.accept(&sent, me).unwrap();
        assert_eq!((next(&outbox), cids(&outbox)), (None, vec![unsent(1).cid]));
        let log = vec![event];
        assert_eq!(outbox.settle(&log), (log, vec![Place(1)]));
        assert!(outbox.is_empty());
    }

    #[test]
    fn an_unsent_message_survives_a_reload() {
        let mut message = unsent(1);
        message.failed = Some(Refusal::TooFast);
        message.seats = Some(Seats::TWO);
        let kept = json::write(&message);
        assert_eq!(json::read::<Unsent>(&kept).unwrap(), message);
    }

    /// What two windows on one database do, each step in one of them.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Write,
        /// The database has taken what was written.
        Keep,
        Read,
        Send,
    }

    fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
        let step = prop_oneof![3 => Just(Step::Write), 3 => Just(Step::Keep), 1 => Just(Step::Read), 2 => Just(Step::Send)];
        prop::collection::vec((0..2usize, step), 0..80)
    }

    /// Two windows with the database and the server's log between them.
    #[derive(Default)]
    struct Windows {
        outboxes: [Outbox; 2],
        database: Vec<(Place, Unsent)>,
        log: Vec<Cid>,
        places: u64,
        written: u64,
    }

    impl Windows {
        fn step(&mut self, window: usize, step: Step) {
            let outbox = &mut self.outboxes[window];
            match step {
                Step::Write => {
                    self.written += 1;
                    outbox.push(unsent(self.written));
                }
                Step::Keep => {
                    let pending = outbox.pending();
                    let first = self.places + 1;
                    self.places += pending.len() as u64;
                    let places: Vec<Place> = (first..=self.places).map(Place).collect();
                    self.database.extend(places.iter().copied().zip(pending.iter().cloned()));
                    outbox.kept(&pending, &places);
                }
                Step::Read => outbox.read(self.database.clone()),
                Step::Send => {
                    if let Some(cid) = next(outbox) {
                        // The server's log takes each cid once.
                        if !self.log.contains(&cid) {
                            self.log.push(cid.clone());
                        }
                        outbox.remove(&cid);
                        self.database.retain(|(_, kept)| kept.cid != cid);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn two_windows_say_everything_once_and_in_the_order_of_the_database(steps in steps()) {
            let mut windows = Windows::default();
            let mut kept = Vec::new();
            let finish = (0..200).flat_map(|_| [(0, Step::Keep), (1, Step::Keep), (0, Step::Read), (0, Step::Send)]);
            for (window, step) in steps.into_iter().chain(finish) {
                windows.step(window, step);
                for (_, message) in &windows.database {
                    if !kept.contains(&message.cid) {
                        kept.push(message.cid.clone());
                    }
                }
            }
            prop_assert_eq!(kept.len() as u64, windows.written);
            prop_assert_eq!(windows.log, kept);
        }
    }
}
