//! The view model: rows made of the log, the outbox and pending edits, grouped by person and day,
//! and limited to the visible range.
//!
//! Pure; the time zone comes in as a function. A message has the key of its `cid` from the moment
//! it is written, so it stays the same row when it is confirmed, edited or deleted.

use common::{
    message::{Body, Cid, Seq, Timestamp},
    person::Person,
    protocol::event::{Event, EventKind, Via},
    reactions::Reactions,
    room::{RoomName, SeatLimit, Topic},
};

use super::{
    entry::{Entry, RowKey},
    membership_notes::{MembershipNote, NameList},
    message::{Delivery, Quote, QuotedMessage, mentions_person},
    namesakes::Namesakes,
    outbox::PendingMessage,
    pending_edits::{EditKind, PendingEdit, PendingEdits},
    timeline::Timeline,
    visible_range::VisibleRange,
};

/// Messages of one person within this time form a group, in ms.
const GROUP_INTERVAL: i64 = 5 * 60 * 1000;

/// The row of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MessageRow {
    pub(crate) cid: Cid,
    /// Its number in the log, once confirmed.
    pub(crate) seq: Option<Seq>,
    pub(crate) person: Person,
    pub(crate) is_own: bool,
    pub(crate) at: Timestamp,
    /// Empty when it was deleted.
    pub(crate) body: Body,
    /// The origin of a message that was not posted by a member.
    pub(crate) via: Option<Via>,
    pub(crate) delivery: Delivery,
    /// Whether it survives closing the browser: in the log, or stored in the outbox.
    pub(crate) is_persisted: bool,
    /// The time of the last edit of its text.
    pub(crate) edited_at: Option<Timestamp>,
    /// Whether it was deleted.
    pub(crate) is_deleted: bool,
    /// The message it replies to.
    pub(crate) quote: Option<Quote>,
    pub(crate) reactions: Reactions,
    pub(crate) mentions_me: bool,
    /// The state of the latest pending edit, which is shown as if it were applied.
    pub(crate) edit_delivery: Delivery,
    /// The day in the reader's time zone, counted from 1970.
    pub(crate) day: i64,
    pub(crate) starts_group: bool,
}

/// A row that is not a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SystemRow {
    /// The beginning of a day, or of its visible part.
    Day { day: i64, at: Timestamp },
    /// The unread divider.
    UnreadDivider,
    /// People who joined and left.
    Membership { id: u32, joined: NameList, left: NameList },
    /// A change of the room's settings.
    RoomChange {
        seq: Seq,
        person: Person,
        topic: Option<Topic>,
        seats: Option<SeatLimit>,
        shared_network: Option<bool>,
    },
}

impl SystemRow {
    pub(crate) fn key(&self) -> RowKey {
        match self {
            SystemRow::Day { day, .. } => RowKey::Day(*day),
            SystemRow::UnreadDivider => RowKey::UnreadDivider,
            SystemRow::Membership { id, .. } => RowKey::Membership(*id),
            SystemRow::RoomChange { seq, .. } => RowKey::RoomChange(*seq),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    Message(Box<MessageRow>),
    System(SystemRow),
}

/// The visible rows, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    /// How many rows are hidden above.
    pub(crate) hidden_above: usize,
    /// How many rows are hidden below.
    pub(crate) hidden_below: usize,
}

/// Everything the rows are made of.
pub(crate) struct ViewInput<'a> {
    pub(crate) room: &'a RoomName,
    pub(crate) timeline: &'a Timeline,
    pub(crate) membership_notes: &'a [MembershipNote],
    pub(crate) namesakes: Namesakes,
    /// The room's pending messages, in the order of writing.
    pub(crate) pending_messages: Vec<&'a PendingMessage>,
    pub(crate) pending_edits: &'a PendingEdits,
    /// Fetched messages that are quoted and not in the timeline.
    pub(crate) quoted_messages: &'a [QuotedMessage],
    pub(crate) me: Option<&'a Person>,
    /// The event before the unread divider.
    pub(crate) divider: Option<Seq>,
}

impl<'a> ViewInput<'a> {
    /// Returns all entries, visible or not, the oldest first.
    pub(crate) fn entries(&self) -> Vec<Entry<'a>> {
        let mut membership_notes =
            self.membership_notes.iter().filter(|_| self.timeline.is_at_end()).peekable();
        let mut entries =
            Vec::with_capacity(self.timeline.current_events().len() + self.pending_messages.len());
        let first = self.timeline.current_events().first().map_or(Seq(0), |event| event.seq);
        for event in self.timeline.current_events() {
            while let Some(note) = membership_notes.next_if(|note| note.after < event.seq) {
                if note.after >= first {
                    entries.push(Entry::Membership(note));
                }
            }
            match &event.kind {
                EventKind::Posted { cid, .. } | EventKind::Tombstone { cid, .. } => {
                    entries.push(Entry::Message(event, cid));
                }
                EventKind::RoomChanged { .. } => entries.push(Entry::RoomChange(event)),
                EventKind::Edited { .. }
                | EventKind::Deleted { .. }
                | EventKind::Reacted { .. }
                | EventKind::Unknown => {}
            }
        }
        entries.extend(membership_notes.map(Entry::Membership));
        if self.timeline.is_at_end() && self.me.is_some() {
            let in_log = |cid: &Cid| {
                self.timeline.current_events().iter().rev().any(|event| event.kind.cid() == Some(cid))
            };
            let pending_messages = self.pending_messages.iter().filter(|message| !in_log(&message.cid));
            entries.extend(pending_messages.map(|message| Entry::Pending(message)));
        }
        entries
    }

    /// Returns the visible rows. `day_of` is called once for each message.
    pub(crate) fn render(
        &self,
        visible_range: &VisibleRange,
        mut day_of: impl FnMut(&Cid, Timestamp) -> i64,
    ) -> Rows {
        let entries = self.entries();
        let range = visible_range.range(&entries);
        let unread = self.first_unread(&entries);
        let mut rows = Vec::with_capacity(range.len());
        let mut day = None;
        for index in range.clone() {
            let entry = &entries[index];
            let Some(mut row) = self.message_row(entry) else {
                rows.extend(system_row(entry).map(Row::System));
                continue;
            };
            row.day = day_of(&row.cid, row.at);
            let day_before = day.replace(row.day);
            let is_first_unread = unread == Some(index);
            let above = index.checked_sub(1).and_then(|above| entries[above].author_and_time(self.me));
            row.starts_group = is_first_unread
                || day_before.is_some_and(|before| before != row.day)
                || above.is_none_or(|(person, at)| {
                    !is_shown_alike(person, &row.person) || (row.at.0 - at.0).abs() > GROUP_INTERVAL
                });
            if day_before != Some(row.day) {
                rows.push(Row::System(SystemRow::Day { day: row.day, at: row.at }));
            }
            if is_first_unread {
                rows.push(Row::System(SystemRow::UnreadDivider));
            }
            rows.push(Row::Message(Box::new(row)));
        }
        Rows { rows, hidden_above: range.start, hidden_below: entries.len() - range.end }
    }

    /// Returns the index of the first unread message, if it is held.
    fn first_unread(&self, entries: &[Entry<'_>]) -> Option<usize> {
        let divider = self.divider?;
        let held_from = self.timeline.current_events().first()?.seq;
        let of_others = |entry: &Entry<'_>| match entry {
            Entry::Message(event, _) => {
                event.seq > divider && self.me.is_none_or(|me| me.id != event.person.id)
            }
            _ => false,
        };
        (held_from <= divider.next()).then(|| entries.iter().position(of_others)).flatten()
    }

    /// Returns the row of a message, with its pending edits applied.
    fn message_row(&self, entry: &Entry<'_>) -> Option<MessageRow> {
        match entry {
            Entry::Message(event, cid) => {
                let mut row = self.sent_row(event, cid);
                for pending in self.pending_edits.for_message(self.room, event.seq) {
                    self.apply_pending_edit(&mut row, pending);
                }
                Some(row)
            }
            Entry::Pending(message) => Some(MessageRow {
                is_own: true,
                delivery: message.failed.map_or(Delivery::Sending, Delivery::Failed),
                is_persisted: message.key().is_some(),
                quote: message.reply_to.map(|seq| self.quote(seq)),
                ..new_row(&message.cid, self.me?.clone(), message.at, message.body.clone())
            }),
            Entry::Membership(_) | Entry::RoomChange(_) => None,
        }
    }

    fn sent_row(&self, event: &Event, cid: &Cid) -> MessageRow {
        let row = MessageRow {
            seq: Some(event.seq),
            is_own: self.me.is_some_and(|me| me.id == event.person.id),
            ..new_row(cid, self.namesakes.mark(&event.person), event.at, Body::from_store(String::new()))
        };
        match &event.kind {
            EventKind::Posted { body, via, reply_to, state: now, .. } => MessageRow {
                mentions_me: !row.is_own && self.me.is_some_and(|me| mentions_person(body, me)),
                body: body.clone(),
                via: via.clone(),
                quote: reply_to.map(|seq| self.quote(seq)),
                edited_at: now.as_ref().and_then(|now| now.edited),
                reactions: now.as_ref().map(|now| now.reactions.clone()).unwrap_or_default(),
                ..row
            },
            _ => MessageRow { is_deleted: true, ..row },
        }
    }

    fn apply_pending_edit(&self, row: &mut MessageRow, pending: &PendingEdit) {
        row.edit_delivery = pending.delivery();
        match &pending.kind {
            EditKind::Text(body) => row.body = body.clone(),
            EditKind::Delete => row.is_deleted = true,
            EditKind::React { emoji, on } => {
                if let Some(me) = self.me {
                    row.reactions.apply_own(emoji, *on, me.clone());
                }
            }
        }
    }

    fn quote(&self, seq: Seq) -> Quote {
        let looked_up = || self.quoted_messages.iter().find(|(quoted, _)| *quoted == seq)?.1.as_ref();
        let quoted = self.timeline.find(seq).or_else(looked_up);
        Quote {
            seq,
            author: quoted.map(|event| self.namesakes.mark(&event.person)),
            text: quoted.and_then(|event| event.kind.body().cloned()),
        }
    }
}

/// Whether two messages may stand under one name. A pending message has no roles yet, but no program wrote it.
fn is_shown_alike(person: &Person, other: &Person) -> bool {
    person.id == other.id && person.name == other.name && person.roles.program == other.roles.program
}

fn new_row(cid: &Cid, person: Person, at: Timestamp, body: Body) -> MessageRow {
    MessageRow {
        cid: cid.clone(),
        seq: None,
        person,
        is_own: false,
        at,
        body,
        via: None,
        delivery: Delivery::Sent,
        is_persisted: true,
        edited_at: None,
        is_deleted: false,
        quote: None,
        reactions: Reactions::default(),
        mentions_me: false,
        edit_delivery: Delivery::Sent,
        day: 0,
        starts_group: false,
    }
}

fn system_row(entry: &Entry<'_>) -> Option<SystemRow> {
    match entry {
        Entry::Membership(note) => Some(SystemRow::Membership {
            id: note.id,
            joined: NameList::of(&note.joined),
            left: NameList::of(&note.left),
        }),
        Entry::RoomChange(event) => match &event.kind {
            EventKind::RoomChanged { topic, seats, shared_network } => Some(SystemRow::RoomChange {
                seq: event.seq,
                person: event.person.clone(),
                topic: topic.clone(),
                seats: *seats,
                shared_network: *shared_network,
            }),
            _ => None,
        },
        Entry::Message(..) | Entry::Pending(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use common::{
        person::{DisplayName, PersonId},
        protocol::{event::MessageState, reply::Joined},
        refusal::Refusal,
    };

    use super::*;

    const MINUTE: i64 = 60 * 1000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn person(id: u64) -> Person {
        Person::new(PersonId(id), DisplayName::parse("지은").unwrap())
    }

    fn body(text: &str) -> Body {
        Body::parse(text).unwrap()
    }

    fn room() -> RoomName {
        RoomName::parse("마당").unwrap()
    }

    fn posted(seq: u64) -> EventKind {
        EventKind::posted(Cid::from_random(u128::from(seq)), body("안녕"))
    }

    /// A log of events, each with its person, time and kind.
    fn timeline(messages: impl IntoIterator<Item = (u64, i64, EventKind)>) -> Timeline {
        let events: Vec<Event> = (1..)
            .zip(messages)
            .map(|(seq, (id, at, kind))| Event { seq: Seq(seq), at: Timestamp(at), person: person(id), kind })
            .collect();
        let mut timeline = Timeline::default();
        let last = Seq(events.len() as u64);
        timeline.apply_join(&Joined {
            room: room(),
            seats: None,
            topic: None,
            last,
            events,
            more: false,
            people: vec![],
            member_count: None,
            away: vec![],
            shared_network: false,
            permissions: vec![],
        });
        timeline
    }

    fn sent_log(messages: &[(u64, i64)]) -> Timeline {
        timeline((1..).zip(messages).map(|(seq, (id, at))| (*id, *at, posted(seq))))
    }

    fn pending_messages(cid: u128, at: i64, failed: Option<Refusal>) -> PendingMessage {
        PendingMessage {
            failed,
            ..PendingMessage::new(room(), Cid::from_random(cid), body("안녕"), Timestamp(at))
        }
    }

    /// The rows as person 1 sees them.
    fn render(
        timeline: &Timeline,
        pending_messages: &[PendingMessage],
        pending_edits: &PendingEdits,
        divider: Option<Seq>,
    ) -> Vec<Row> {
        let input = ViewInput {
            room: &room(),
            timeline,
            membership_notes: &[],
            namesakes: Namesakes::default(),
            pending_messages: pending_messages.iter().collect(),
            pending_edits,
            quoted_messages: &[],
            me: Some(&person(1)),
            divider,
        };
        input.render(&VisibleRange::default(), |_, at| at.0.div_euclid(DAY)).rows
    }

    fn message_rows(rows: Vec<Row>) -> Vec<MessageRow> {
        rows.into_iter()
            .filter_map(|row| match row {
                Row::Message(row) => Some(*row),
                Row::System(_) => None,
            })
            .collect()
    }

    /// The rows as letters: day, new (the divider), group start, message of the same group.
    fn check(messages: &[(u64, i64)], divider: Option<Seq>) -> String {
        let rows = render(&sent_log(messages), &[], &PendingEdits::default(), divider);
        let short = |row: &Row| match row {
            Row::System(SystemRow::Day { .. }) => 'D',
            Row::System(SystemRow::UnreadDivider) => 'N',
            Row::System(_) => '-',
            Row::Message(row) if row.starts_group => 'G',
            Row::Message(_) => 'm',
        };
        rows.iter().map(short).collect()
    }

    #[test]
    fn one_person_within_five_minutes_is_one_group() {
        let messages =
            [(1, 0), (1, 5 * MINUTE), (1, 10 * MINUTE + 1), (2, 10 * MINUTE + 2), (1, 10 * MINUTE + 3)];
        assert_eq!(check(&messages, None), "DGmGGG");
    }

    #[test]
    fn midnight_starts_a_day_and_a_group() {
        assert_eq!(check(&[(1, DAY - 1), (1, DAY)], None), "DGDG");
    }

    #[test]
    fn the_divider_is_above_the_first_unread_message_of_others() {
        let messages = [(2, 0), (2, 1), (1, 2), (2, 3), (2, 4)];
        assert_eq!(check(&messages, Some(Seq(1))), "DGNGGGm");
        assert_eq!(check(&messages, Some(Seq(2))), "DGmGNGm");
        assert_eq!(check(&messages, Some(Seq(5))), "DGmGGm");
    }

    #[test]
    fn a_message_is_rendered_once_while_it_is_confirmed() {
        let outbox = [pending_messages(1, 0, None), pending_messages(2, 0, Some(Refusal::TooFast))];
        let shown = message_rows(render(&sent_log(&[(1, 0)]), &outbox, &PendingEdits::default(), None));
        let seen: Vec<_> = shown.iter().map(|row| (row.cid.clone(), row.delivery, row.is_own)).collect();
        assert_eq!(
            seen,
            [
                (Cid::from_random(1), Delivery::Sent, true),
                (Cid::from_random(2), Delivery::Failed(Refusal::TooFast), true)
            ]
        );
    }

    #[test]
    fn a_message_is_shown_in_its_current_state() {
        let emoji = common::message::Emoji::parse("👍").unwrap();
        let answer = EventKind::Posted {
            cid: Cid::from_random(2),
            body: body("응"),
            via: None,
            reply_to: Some(Seq(1)),
            state: Some(Box::new(MessageState {
                rev: Seq(3),
                edited: Some(Timestamp(7)),
                reactions: Reactions::default(),
            })),
        };
        let timeline = timeline([
            (2, 0, posted(1)),
            (1, 1, answer),
            (1, 7, EventKind::Edited { target: Seq(2), body: None }),
            (2, 8, EventKind::Reacted { target: Seq(2), emoji: emoji.clone(), on: true }),
            (2, 9, posted(5)),
            (2, 10, EventKind::Deleted { target: Seq(5) }),
            (2, 11, EventKind::Unknown),
        ]);
        let mut pending_edits = PendingEdits::default();
        let pending = |seq, change| PendingEdit::new(room(), Seq(seq), Cid::from_random(seq.into()), change);
        pending_edits.push(pending(2, EditKind::React { emoji, on: true }));
        let shown = message_rows(render(&timeline, &[], &pending_edits, None));
        assert_eq!(shown.iter().map(|row| row.is_deleted).collect::<Vec<_>>(), [false, false, true]);
        let quote = Quote { seq: Seq(1), author: Some(person(2)), text: Some(body("안녕")) };
        assert_eq!((&shown[1].quote, shown[1].edited_at), (&Some(quote), Some(Timestamp(7))));
        assert_eq!(shown[1].reactions[0].people, [person(2), person(1)]);
        assert_eq!(shown[1].edit_delivery, Delivery::Sending);
    }
}
