//! The pending messages of all rooms: written here and not yet in the log, in the order of writing.
//!
//! It mirrors the database that all tabs of this browser share, and adds what only this tab knows.
//! `chat` persists each message before it is sent, then sends the first message of a room, one at a
//! time, until the server has it; the `cid` makes retries idempotent. The order is that of the
//! database keys and never depends on a clock. A message leaves the outbox when its event is in the
//! timeline, so that it is rendered exactly once at any moment.

use common::{
    json::{self, FromJson, Json, ParseError, ToJson},
    message::{Body, Cid, Seq, Timestamp},
    person::Person,
    protocol::{
        event::{Event, EventKind},
        reply::Sent,
    },
    refusal::Refusal,
    room::{RoomName, Seats},
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    pending: Vec<PendingMessage>,
    /// Keys of messages that were removed here and may still be in the database.
    removed_keys: Vec<OutboxKey>,
    /// The largest key seen.
    last_key: OutboxKey,
    /// Whether all messages up to `last_key` are loaded. Nothing is sent before, because an older
    /// message may have to go first.
    loaded: bool,
}

/// A message's key in the database, assigned in order and without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OutboxKey(pub(crate) u64);

/// A message to be sent, as it is also stored in the database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingMessage {
    pub(crate) room: RoomName,
    pub(crate) cid: Cid,
    pub(crate) body: Body,
    /// The message it replies to.
    pub(crate) reply_to: Option<Seq>,
    /// The time of writing by this browser's clock, for display only.
    pub(crate) at: Timestamp,
    /// The seat limit of the room, if this message creates it.
    pub(crate) seats: Option<Seats>,
    /// Why the server refused it; without a refusal it is retried automatically.
    pub(crate) failed: Option<Refusal>,
    pub(crate) durability: Durability,
    /// The server has stored it, and its event is not in the timeline yet.
    pub(crate) accepted: bool,
}

/// Whether a message survives closing the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Being written to the database.
    #[default]
    Unwritten,
    /// In the database.
    Persisted(OutboxKey),
    /// The database does not store it: it is sent for as long as the tab is open.
    MemoryOnly,
}

/// As stored in the database; the key is not part of it.
impl FromJson for PendingMessage {
    fn from_json(json: Json) -> Result<PendingMessage, ParseError> {
        let mut record = json.into_object()?;
        let (room, cid) = (record.take("room")?, record.take("cid")?);
        Ok(PendingMessage {
            reply_to: record.take("reply_to")?,
            seats: record.take("seats")?,
            failed: record.take("failed")?,
            ..PendingMessage::new(room, cid, record.take("body")?, record.take("at")?)
        })
    }
}

impl ToJson for PendingMessage {
    fn to_json(&self, text: &mut String) {
        let PendingMessage { room, cid, body, reply_to, at, seats, failed, durability: _, accepted: _ } =
            self;
        json::write_object(
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

impl PendingMessage {
    pub(crate) fn new(room: RoomName, cid: Cid, body: Body, at: Timestamp) -> PendingMessage {
        PendingMessage {
            room,
            cid,
            body,
            reply_to: None,
            at,
            seats: None,
            failed: None,
            durability: Durability::Unwritten,
            accepted: false,
        }
    }

    pub(crate) fn key(&self) -> Option<OutboxKey> {
        match self.durability {
            Durability::Persisted(key) => Some(key),
            Durability::Unwritten | Durability::MemoryOnly => None,
        }
    }

    fn is_waiting(&self) -> bool {
        self.failed.is_none() && !self.accepted
    }
}

impl Outbox {
    pub(crate) fn push(&mut self, message: PendingMessage) {
        self.pending.push(message);
    }

    /// Applies the contents of the database, in the order of keys. Adds messages of other tabs and
    /// earlier pages, and removes messages that are no longer stored.
    pub(crate) fn load(&mut self, stored: impl IntoIterator<Item = (OutboxKey, PendingMessage)>) {
        let mut stored_keys = Vec::new();
        for (key, message) in stored {
            stored_keys.push(key);
            if self.removed_keys.contains(&key) {
                continue;
            }
            match self.find(&message.cid) {
                Some(existing) => {
                    (existing.durability, existing.failed) = (Durability::Persisted(key), message.failed);
                }
                None => self.insert(PendingMessage { durability: Durability::Persisted(key), ..message }),
            }
            self.last_key = self.last_key.max(key);
        }
        let is_stored = |key: &OutboxKey| stored_keys.binary_search(key).is_ok();
        self.pending.retain(|message| message.key().as_ref().is_none_or(is_stored));
        self.removed_keys.retain(is_stored);
        self.loaded = true;
    }

    /// Returns the messages to be written to the database.
    pub(crate) fn unpersisted(&self) -> Vec<PendingMessage> {
        self.pending.iter().filter(|message| message.durability == Durability::Unwritten).cloned().collect()
    }

    /// Stores the keys the database has assigned. A skipped key means that another tab has written
    /// before, so the database must be read again.
    pub(crate) fn mark_persisted(&mut self, messages: &[PendingMessage], keys: &[OutboxKey]) {
        for (message, &key) in messages.iter().zip(keys) {
            if key.0 > self.last_key.0 + 1 {
                self.loaded = false;
            }
            self.last_key = self.last_key.max(key);
            if let Some(message) = self.find(&message.cid) {
                message.durability = Durability::Persisted(key);
            }
        }
    }

    /// The database cannot store these messages.
    pub(crate) fn mark_memory_only(&mut self, messages: &[PendingMessage]) {
        for message in messages {
            if let Some(message) = self.find(&message.cid) {
                message.durability = Durability::MemoryOnly;
            }
        }
    }

    /// Stops waiting for a database that is missing or cannot be read.
    pub(crate) fn continue_without_database(&mut self) {
        self.loaded = true;
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Returns the messages of a room, in the order of writing.
    pub(crate) fn in_room(&self, room: &RoomName) -> impl Iterator<Item = &PendingMessage> + Clone {
        self.pending.iter().filter(move |message| message.room == *room)
    }

    /// Returns the rooms that have messages to send.
    pub(crate) fn rooms_to_send(&self) -> Vec<RoomName> {
        let mut rooms = Vec::new();
        for message in self.pending.iter().filter(|message| message.is_waiting()) {
            if !rooms.contains(&message.room) {
                rooms.push(message.room.clone());
            }
        }
        rooms
    }

    /// Returns the seat limit for a room that a pending message creates.
    pub(crate) fn planned_seats(&self, room: &RoomName) -> Option<Seats> {
        self.in_room(room).find_map(|message| message.seats)
    }

    /// Returns the message to send now in this room. A failed message does not hold up later ones;
    /// a message that is not persisted yet does.
    pub(crate) fn next_to_send(&self, room: &RoomName) -> Option<&PendingMessage> {
        let first = self.in_room(room).find(|message| message.is_waiting())?;
        (self.loaded && first.durability != Durability::Unwritten).then_some(first)
    }

    pub(crate) fn fail(&mut self, cid: &Cid, refusal: Refusal) -> Option<&PendingMessage> {
        let message = self.find(cid)?;
        message.failed = Some(refusal);
        Some(message)
    }

    pub(crate) fn retry(&mut self, cid: &Cid) -> Option<&PendingMessage> {
        let message = self.find(cid)?;
        message.failed = None;
        Some(message)
    }

    pub(crate) fn remove(&mut self, cid: &Cid) -> Option<PendingMessage> {
        let index = self.pending.iter().position(|message| message.cid == *cid)?;
        let message = self.pending.remove(index);
        self.removed_keys.extend(message.key());
        Some(message)
    }

    /// Marks a message as stored by the server. Returns its event, to be applied before its push
    /// arrives.
    pub(crate) fn accept(&mut self, sent: &Sent, me: Person) -> Option<Event> {
        let message = self.find(&sent.cid)?;
        message.accepted = true;
        let kind = EventKind::Posted {
            cid: sent.cid.clone(),
            body: message.body.clone(),
            via: None,
            reply_to: message.reply_to,
            state: None,
        };
        Some(Event { seq: sent.seq, at: sent.at, person: me, kind })
    }

    /// Removes messages whose events are in the log. Returns the events and the database keys.
    pub(crate) fn confirm(&mut self, log: &[Event]) -> (Vec<Event>, Vec<OutboxKey>) {
        let mut events = Vec::new();
        // The outbox is small, and its events are at the end of the log.
        let is_confirmed = |message: &mut PendingMessage| {
            let event = log.iter().rev().find(|event| event.kind.cid() == Some(&message.cid));
            events.extend(event.cloned());
            event.is_some()
        };
        let keys: Vec<_> =
            self.pending.extract_if(.., is_confirmed).filter_map(|message| message.key()).collect();
        self.removed_keys.extend(&keys);
        (events, keys)
    }

    /// Inserts a message before those with larger keys and those without a key, because it may have
    /// been stored before they were written.
    fn insert(&mut self, message: PendingMessage) {
        let key = message.key();
        let later = |other: &PendingMessage| other.key().is_none() || other.key() > key;
        let index = self.pending.iter().position(later).unwrap_or(self.pending.len());
        self.pending.insert(index, message);
    }

    fn find(&mut self, cid: &Cid) -> Option<&mut PendingMessage> {
        self.pending.iter_mut().find(|message| message.cid == *cid)
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

    fn pending_message(number: u64) -> PendingMessage {
        let cid = Cid::from_random(u128::from(number));
        // Clocks may stand still or go backwards.
        PendingMessage::new(room("마당"), cid, Body::parse("안녕").unwrap(), Timestamp(-(number as i64)))
    }

    fn restored(numbers: impl IntoIterator<Item = u64>) -> Outbox {
        let mut outbox = Outbox::default();
        outbox.load(numbers.into_iter().map(|number| (OutboxKey(number), pending_message(number))));
        outbox
    }

    fn cids(outbox: &Outbox) -> Vec<Cid> {
        outbox.in_room(&room("마당")).map(|message| message.cid.clone()).collect()
    }

    /// Writes a message in a single tab, which gets this key.
    fn write(outbox: &mut Outbox, number: u64) {
        outbox.push(pending_message(number));
        outbox.mark_persisted(&[pending_message(number)], &[OutboxKey(number)]);
    }

    fn next_to_send(outbox: &Outbox) -> Option<Cid> {
        outbox.next_to_send(&room("마당")).map(|message| message.cid.clone())
    }

    #[test]
    fn messages_are_sent_in_the_order_of_writing_whatever_the_clock_says() {
        let mut outbox = restored([1, 2]);
        write(&mut outbox, 3);
        let mut order = Vec::new();
        while let Some(cid) = next_to_send(&outbox) {
            outbox.remove(&cid);
            order.push(cid);
        }
        assert_eq!(order, [1, 2, 3].map(|number| pending_message(number).cid));
    }

    #[test]
    fn nothing_is_sent_before_it_is_persisted() {
        let mut outbox = restored([]);
        outbox.push(pending_message(1));
        assert_eq!(next_to_send(&outbox), None);
        outbox.mark_persisted(&[pending_message(1)], &[OutboxKey(1)]);
        assert_eq!(next_to_send(&outbox), Some(pending_message(1).cid));
    }

    #[test]
    fn a_browser_without_a_database_sends_all_the_same() {
        let mut outbox = Outbox::default();
        outbox.push(pending_message(1));
        outbox.continue_without_database();
        outbox.mark_memory_only(&[pending_message(1)]);
        assert_eq!(next_to_send(&outbox), Some(pending_message(1).cid));
        outbox.load([]);
        assert_eq!(cids(&outbox), [pending_message(1).cid], "a message that was never stored is not removed");
    }

    #[test]
    fn nothing_is_sent_before_the_database_is_loaded() {
        let mut outbox = Outbox::default();
        outbox.push(pending_message(2));
        outbox.mark_persisted(&[pending_message(2)], &[OutboxKey(2)]);
        assert_eq!(next_to_send(&outbox), None);
        outbox.load([(OutboxKey(1), pending_message(1)), (OutboxKey(2), pending_message(2))]);
        assert_eq!(next_to_send(&outbox), Some(pending_message(1).cid));
    }

    #[test]
    fn stored_messages_go_before_those_that_could_not_be_stored() {
        let mut outbox = Outbox::default();
        outbox.push(pending_message(2));
        outbox.mark_memory_only(&[pending_message(2)]);
        outbox.load([(OutboxKey(1), pending_message(1)), (OutboxKey(2), pending_message(2))]);
        assert_eq!(cids(&outbox), [1, 2].map(|number| pending_message(number).cid));
    }

    #[test]
    fn a_skipped_key_means_that_another_tab_was_first() {
        let mut outbox = restored([1]);
        write(&mut outbox, 3);
        assert!(!outbox.is_loaded());
        assert_eq!(next_to_send(&outbox), None);
        outbox.load((1..=3).map(|number| (OutboxKey(number), pending_message(number))));
        assert_eq!(cids(&outbox), [1, 2, 3].map(|number| pending_message(number).cid));
    }

    #[test]
    fn messages_sent_or_discarded_in_another_tab_are_removed_here() {
        let mut outbox = restored([1, 2, 3]);
        outbox.load([(OutboxKey(2), pending_message(2))]);
        assert_eq!(cids(&outbox), [pending_message(2).cid]);
    }

    #[test]
    fn a_removed_message_does_not_return_with_an_older_read() {
        let mut outbox = restored([1, 2]);
        outbox.remove(&pending_message(1).cid);
        outbox.load([(OutboxKey(1), pending_message(1)), (OutboxKey(2), pending_message(2))]);
        assert_eq!(cids(&outbox), [pending_message(2).cid]);
        outbox.load([(OutboxKey(2), pending_message(2))]);
        assert!(outbox.removed_keys.is_empty());
    }

    #[test]
    fn a_refused_message_waits_for_its_writer_and_holds_up_no_other() {
        let mut outbox = restored([1, 2]);
        outbox.fail(&pending_message(1).cid, Refusal::MessageTooLong);
        assert_eq!(next_to_send(&outbox), Some(pending_message(2).cid));
        outbox.retry(&pending_message(1).cid);
        assert_eq!(next_to_send(&outbox), Some(pending_message(1).cid));
    }

    #[test]
    fn rooms_with_something_to_send_are_named_once() {
        let in_other_room = PendingMessage { room: room("골목"), ..pending_message(3) };
        let mut outbox = Outbox::default();
        outbox.load([
            (OutboxKey(1), pending_message(1)),
            (OutboxKey(2), pending_message(2)),
            (OutboxKey(3), in_other_room),
        ]);
        assert_eq!(outbox.rooms_to_send(), [room("마당"), room("골목")]);
        outbox.fail(&pending_message(3).cid, Refusal::MessageTooLong);
        assert_eq!(outbox.rooms_to_send(), [room("마당")]);
    }

    #[test]
    fn a_message_is_sent_once_and_stays_until_the_log_has_it() {
        let me = Person::new(PersonId(1), DisplayName::parse("지은").unwrap());
        let mut outbox = restored([1]);
        let sent = Sent { cid: pending_message(1).cid, seq: Seq(7), at: Timestamp(9) };
        let event = outbox.accept(&sent, me).unwrap();
        assert_eq!((next_to_send(&outbox), cids(&outbox)), (None, vec![pending_message(1).cid]));
        let log = vec![event];
        assert_eq!(outbox.confirm(&log), (log, vec![OutboxKey(1)]));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_pending_message_survives_a_reload() {
        let mut message = pending_message(1);
        message.failed = Some(Refusal::TooFast);
        message.seats = Some(Seats::TWO);
        let stored = json::to_string(&message);
        assert_eq!(json::from_str::<PendingMessage>(&stored).unwrap(), message);
    }

    /// The steps of two tabs that share a database, each in one tab.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Write,
        /// The database has stored what was written.
        Persist,
        Load,
        Send,
    }

    fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
        let step = prop_oneof![3 => Just(Step::Write), 3 => Just(Step::Persist), 1 => Just(Step::Load), 2 => Just(Step::Send)];
        prop::collection::vec((0..2usize, step), 0..80)
    }

    /// Two tabs, their database and the server's log.
    #[derive(Default)]
    struct Tabs {
        outboxes: [Outbox; 2],
        database: Vec<(OutboxKey, PendingMessage)>,
        log: Vec<Cid>,
        keys: u64,
        written: u64,
    }

    impl Tabs {
        fn step(&mut self, tab: usize, step: Step) {
            let outbox = &mut self.outboxes[tab];
            match step {
                Step::Write => {
                    self.written += 1;
                    outbox.push(pending_message(self.written));
                }
                Step::Persist => {
                    let unpersisted = outbox.unpersisted();
                    let first = self.keys + 1;
                    self.keys += unpersisted.len() as u64;
                    let keys: Vec<OutboxKey> = (first..=self.keys).map(OutboxKey).collect();
                    self.database.extend(keys.iter().copied().zip(unpersisted.iter().cloned()));
                    outbox.mark_persisted(&unpersisted, &keys);
                }
                Step::Load => outbox.load(self.database.clone()),
                Step::Send => {
                    if let Some(cid) = next_to_send(outbox) {
                        // The server stores each `cid` once.
                        if !self.log.contains(&cid) {
                            self.log.push(cid.clone());
                        }
                        outbox.remove(&cid);
                        self.database.retain(|(_, stored)| stored.cid != cid);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn two_tabs_send_everything_once_and_in_the_order_of_the_database(steps in steps()) {
            let mut tabs = Tabs::default();
            let mut stored = Vec::new();
            let finish = (0..200).flat_map(|_| [(0, Step::Persist), (1, Step::Persist), (0, Step::Load), (0, Step::Send)]);
            for (tab, step) in steps.into_iter().chain(finish) {
                tabs.step(tab, step);
                for (_, message) in &tabs.database {
                    if !stored.contains(&message.cid) {
                        stored.push(message.cid.clone());
                    }
                }
            }
            prop_assert_eq!(stored.len() as u64, tabs.written);
            prop_assert_eq!(tabs.log, stored);
        }
    }
}
