//! What the conversation looks like: the log, the outbox and what is wanted of messages as rows,
//! grouped by person and day, and of these only as many as are drawn.
//!
//! Pure; the browser's time zone comes in as a function. A message is known by its `cid` from the
//! moment it is written, so it stays the same row when it is confirmed, edited or taken back.

use common::{
    event::{Event, Reaction, Via, What},
    message::{Body, Cid, Seq, Timestamp},
    person::Person,
    refusal::Refusal,
    room::{Limit, RoomName, Topic},
};

use super::{
    changes::{Change, Changes, Wanted},
    comings::{Coming, Named},
    outbox::Unsent,
    room::{Quoted, speaks_of},
    timeline::Timeline,
    window::Window,
};

/// Messages of one person within this time of each other stand under one name.
const GROUP: i64 = 5 * 60 * 1000;

/// A message as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) cid: Cid,
    /// Its number in the log, once it is said.
    pub(crate) seq: Option<Seq>,
    pub(crate) person: Person,
    pub(crate) own: bool,
    pub(crate) at: Timestamp,
    /// Empty when it was taken back.
    pub(crate) body: Body,
    /// Where it came from when nobody stands for it.
    pub(crate) via: Option<Via>,
    pub(crate) delivery: Delivery,
    /// It outlives the browser: the server has it, or the disk under the outbox.
    pub(crate) kept: bool,
    /// When its text was last changed.
    pub(crate) edited: Option<Timestamp>,
    /// It was taken back.
    pub(crate) deleted: bool,
    /// What it answers.
    pub(crate) reply: Option<Quote>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) mentions_me: bool,
    /// How far the latest change we want of it has come; it is shown as if it were made.
    pub(crate) change: Delivery,
    /// The day in the reader's time zone, counted from 1970.
    pub(crate) day: i64,
    pub(crate) opens_group: bool,
}

/// The message another one answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quote {
    pub(crate) seq: Seq,
    /// Nobody while it is still to be looked up.
    pub(crate) who: Option<Person>,
    /// Nothing when it was taken back.
    pub(crate) text: Option<Body>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Delivery {
    #[default]
    Said,
    Sending,
    Failed(Refusal),
}

/// Something with a place in the conversation that is no message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Note {
    /// A day begins, or what is drawn of it.
    Day { day: i64, at: Timestamp },
    /// What is new to the reader begins.
    Unread,
    /// Who came and who left.
    Coming { number: u32, joined: Named, left: Named },
    /// The room was described anew.
    Described { seq: Seq, person: Person, topic: Option<Topic>, seats: Option<Limit> },
}

impl Note {
    pub(crate) fn key(&self) -> Key {
        match self {
            Note::Day { day, .. } => Key::Day(*day),
            Note::Unread => Key::Unread,
            Note::Coming { number, .. } => Key::Coming(*number),
            Note::Described { seq, .. } => Key::Described(*seq),
        }
    }
}

/// What a line of the conversation is known by, as long as it stands there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Message(Cid),
    Day(i64),
    Unread,
    Coming(u32),
    Described(Seq),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Message(Row),
    Note(Note),
}

/// The lines that are drawn, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) lines: Vec<Line>,
    /// How many lines there are above and below them, held and not drawn.
    pub(crate) above: usize,
    pub(crate) below: usize,
}

/// Everything a room is drawn from.
pub(crate) struct Scene<'a> {
    pub(crate) room: &'a RoomName,
    pub(crate) timeline: &'a Timeline,
    pub(crate) comings: &'a [Coming],
    /// What was written here and is not in the log, in the order it was written.
    pub(crate) unsent: Vec<&'a Unsent>,
    pub(crate) changes: &'a Changes,
    /// Messages that are quoted and not held.
    pub(crate) quoted: &'a [Quoted],
    pub(crate) me: Option<&'a Person>,
    /// What comes after this event is new to the reader.
    pub(crate) read_to: Option<Seq>,
}

/// What stands in one line, before it is put into words.
#[derive(Clone, Copy)]
pub(crate) enum Item<'a> {
    Said(&'a Event, &'a Cid),
    Unsent(&'a Unsent),
    Coming(&'a Coming),
    Described(&'a Event),
}

impl Item<'_> {
    pub(crate) fn key(&self) -> Key {
        match self {
            Item::Said(_, cid) => Key::Message((*cid).clone()),
            Item::Unsent(message) => Key::Message(message.cid.clone()),
            Item::Coming(coming) => Key::Coming(coming.number),
            Item::Described(event) => Key::Described(event.seq),
        }
    }

    /// Its number in the log, if it is in the log.
    pub(crate) fn seq(&self) -> Option<Seq> {
        match self {
            Item::Said(event, _) | Item::Described(event) => Some(event.seq),
            Item::Unsent(_) | Item::Coming(_) => None,
        }
    }

    /// Whether it is known by this key.
    pub(crate) fn is(&self, key: &Key) -> bool {
        match (self, key) {
            (Item::Said(_, cid), Key::Message(key)) => *cid == key,
            (Item::Unsent(message), Key::Message(key)) => message.cid == *key,
            (Item::Coming(coming), Key::Coming(key)) => coming.number == *key,
            (Item::Described(event), Key::Described(key)) => event.seq == *key,
            _ => false,
        }
    }

    fn author_and_time<'b>(&'b self, me: Option<&'b Person>) -> Option<(&'b Person, Timestamp)> {
        match self {
            Item::Said(event, _) => Some((&event.person, event.at)),
            Item::Unsent(message) => Some((me?, message.at)),
            Item::Coming(_) | Item::Described(_) => None,
        }
    }
}

impl<'a> Scene<'a> {
    /// Every line there could be, the oldest first.
    pub(crate) fn items(&self) -> Vec<Item<'a>> {
        let mut comings = self.comings.iter().filter(|_| self.timeline.reads_end()).peekable();
        let mut items = Vec::with_capacity(self.timeline.read().len() + self.unsent.len());
        let first = self.timeline.read().first().map_or(Seq(0), |event| event.seq);
        for event in self.timeline.read() {
            while let Some(coming) = comings.next_if(|coming| coming.after < event.seq) {
                if coming.after >= first {
                    items.push(Item::Coming(coming));
                }
            }
            match &event.what {
                What::Posted { cid, .. } | What::Withdrawn { cid, .. } => items.push(Item::Said(event, cid)),
                What::RoomChanged { .. } => items.push(Item::Described(event)),
                What::Edited { .. } | What::Deleted { .. } | What::Reacted { .. } | What::Unknown => {}
            }
        }
        items.extend(comings.map(Item::Coming));
        if self.timeline.reads_end() && self.me.is_some() {
            let in_log =
                |cid: &Cid| self.timeline.read().iter().rev().any(|event| event.what.cid() == Some(cid));
            let unsent = self.unsent.iter().filter(|message| !in_log(&message.cid));
            items.extend(unsent.map(|message| Item::Unsent(message)));
        }
        items
    }

    /// The lines in this window. `day_of` is asked once for each.
    pub(crate) fn draw(&self, window: &Window, mut day_of: impl FnMut(&Cid, Timestamp) -> i64) -> Drawn {
        let items = self.items();
        let range = window.range(&items);
        let unread = self.first_unread(&items);
        let mut lines = Vec::with_capacity(range.len());
        let mut day = None;
        for index in range.clone() {
            let item = &items[index];
            let Some(mut row) = self.row(item) else {
                lines.extend(note(item).map(Line::Note));
                continue;
            };
            row.day = day_of(&row.cid, row.at);
            let day_before = day.replace(row.day);
            let opens_unread = unread == Some(index);
            let above = index.checked_sub(1).and_then(|above| items[above].author_and_time(self.me));
            row.opens_group = opens_unread
                || day_before.is_some_and(|before| before != row.day)
                || above.is_none_or(|(person, at)| *person != row.person || (row.at.0 - at.0).abs() > GROUP);
            if day_before != Some(row.day) {
                lines.push(Line::Note(Note::Day { day: row.day, at: row.at }));
            }
            if opens_unread {
                lines.push(Line::Note(Note::Unread));
            }
            lines.push(Line::Message(row));
        }
        Drawn { lines, above: range.start, below: items.len() - range.end }
    }

    /// Where what is new to the reader begins, if that is held.
    fn first_unread(&self, items: &[Item<'_>]) -> Option<usize> {
        let read_to = self.read_to?;
        let held_from = self.timeline.read().first()?.seq;
        let of_others = |item: &Item<'_>| match item {
            Item::Said(event, _) => event.seq > read_to && self.me.is_none_or(|me| me.id != event.person.id),
            _ => false,
        };
        (held_from <= read_to.next()).then(|| items.iter().position(of_others)).flatten()
    }

    /// A message as it is now, with what is wanted of it.
    fn row(&self, item: &Item<'_>) -> Option<Row> {
        match item {
            Item::Said(event, cid) => {
                let mut row = self.said(event, cid);
                for wanted in self.changes.of(self.room, event.seq) {
                    self.show_wanted(&mut row, wanted);
                }
                Some(row)
            }
            Item::Unsent(message) => Some(Row {
                own: true,
                delivery: message.failed.map_or(Delivery::Sending, Delivery::Failed),
                kept: message.place().is_some(),
                reply: message.reply_to.map(|seq| self.quote(seq)),
                ..plain(&message.cid, self.me?.clone(), message.at, message.body.clone())
            }),
            Item::Coming(_) | Item::Described(_) => None,
        }
    }

    fn said(&self, event: &Event, cid: &Cid) -> Row {
        let row = Row {
            seq: Some(event.seq),
            own: self.me.is_some_and(|me| me.id == event.person.id),
            ..plain(cid, event.person.clone(), event.at, Body::from_store(String::new()))
        };
        match &event.what {
            What::Posted { body, via, reply_to, now, .. } => Row {
                mentions_me: !row.own && self.me.is_some_and(|me| speaks_of(body, me)),
                body: body.clone(),
                via: via.clone(),
                reply: reply_to.map(|seq| self.quote(seq)),
                edited: now.as_ref().and_then(|now| now.edited),
                reactions: now.as_ref().map_or_else(Vec::new, |now| now.reactions.clone()),
                ..row
            },
            _ => Row { deleted: true, ..row },
        }
    }

    fn show_wanted(&self, row: &mut Row, wanted: &Wanted) {
        row.change = wanted.delivery();
        match &wanted.change {
            Change::Edit(body) => row.body = body.clone(),
            Change::Delete => row.deleted = true,
            Change::React { emoji, on } => {
                if let Some(me) = self.me {
                    Wanted::show_reaction(&mut row.reactions, emoji, *on, me);
                }
            }
        }
    }

    fn quote(&self, seq: Seq) -> Quote {
        let looked_up = || self.quoted.iter().find(|(quoted, _)| *quoted == seq)?.1.as_ref();
        let quoted = self.timeline.find(seq).or_else(looked_up);
        Quote {
            seq,
            who: quoted.map(|event| event.person.clone()),
            text: quoted.and_then(|event| event.what.body().cloned()),
        }
    }
}

fn plain(cid: &Cid, person: Person, at: Timestamp, body: Body) -> Row {
    Row {
        cid: cid.clone(),
        seq: None,
        person,
        own: false,
        at,
        body,
        via: None,
        delivery: Delivery::Said,
        kept: true,
        edited: None,
        deleted: false,
        reply: None,
        reactions: Vec::new(),
        mentions_me: false,
        change: Delivery::Said,
        day: 0,
        opens_group: false,
    }
}

fn note(item: &Item<'_>) -> Option<Note> {
    match item {
        Item::Coming(coming) => Some(Note::Coming {
            number: coming.number,
            joined: Named::of(&coming.joined),
            left: Named::of(&coming.left),
        }),
        Item::Described(event) => match &event.what {
            What::RoomChanged { topic, seats } => Some(Note::Described {
                seq: event.seq,
                person: event.person.clone(),
                topic: topic.clone(),
                seats: *seats,
            }),
            _ => None,
        },
        Item::Said(..) | Item::Unsent(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use common::{
        event::{Joined, Present},
        person::{DisplayName, PersonId},
    };

    use super::*;

    const MINUTE: i64 = 60 * 1000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn person(id: u64) -> Person {
        Person { id: PersonId(id), name: DisplayName::parse("지은").unwrap() }
    }

    fn body(text: &str) -> Body {
        Body::parse(text).unwrap()
    }

    fn room() -> RoomName {
        RoomName::parse("마당").unwrap()
    }

    fn posted(seq: u64) -> What {
        What::posted(Cid::from_random(u128::from(seq)), body("안녕"))
    }

    /// A log of what happened: by whom, when, and what.
    fn timeline(happened: impl IntoIterator<Item = (u64, i64, What)>) -> Timeline {
        let events: Vec<Event> = (1..)
            .zip(happened)
            .map(|(seq, (who, at, what))| Event {
                seq: Seq(seq),
                at: Timestamp(at),
                person: person(who),
                what,
            })
            .collect();
        let mut timeline = Timeline::default();
        let last = Seq(events.len() as u64);
        timeline.joined(&Joined {
            room: room(),
            seats: None,
            topic: None,
            last,
            events,
            more: false,
            people: vec![],
            here: None,
            away: vec![],
            may: vec![],
        });
        timeline
    }

    fn said(said: &[(u64, i64)]) -> Timeline {
        timeline((1..).zip(said).map(|(seq, (who, at))| (*who, *at, posted(seq))))
    }

    fn unsent(cid: u128, at: i64, failed: Option<Refusal>) -> Unsent {
        Unsent { failed, ..Unsent::new(room(), Cid::from_random(cid), body("안녕"), Timestamp(at)) }
    }

    /// What is drawn for person 1.
    fn draw(timeline: &Timeline, unsent: &[Unsent], changes: &Changes, read_to: Option<Seq>) -> Vec<Line> {
        let scene = Scene {
            room: &room(),
            timeline,
            comings: &[],
            unsent: unsent.iter().collect(),
            changes,
            quoted: &[],
            me: Some(&person(1)),
            read_to,
        };
        scene.draw(&Window::default(), |_, at| at.0.div_euclid(DAY)).lines
    }

    fn rows(lines: Vec<Line>) -> Vec<Row> {
        lines
            .into_iter()
            .filter_map(|line| match line {
                Line::Message(row) => Some(row),
                Line::Note(_) => None,
            })
            .collect()
    }

    /// The lines in short: a day, what is new, the first of a group, another one of it.
    fn check(happened: &[(u64, i64)], read_to: Option<Seq>) -> String {
        let lines = draw(&said(happened), &[], &Changes::default(), read_to);
        let short = |line: &Line| match line {
            Line::Note(Note::Day { .. }) => 'D',
            Line::Note(Note::Unread) => 'N',
            Line::Note(_) => '-',
            Line::Message(row) if row.opens_group => 'G',
            Line::Message(_) => 'm',
        };
        lines.iter().map(short).collect()
    }

    #[test]
    fn one_person_within_five_minutes_is_one_group() {
        let said =
            [(1, 0), (1, 5 * MINUTE), (1, 10 * MINUTE + 1), (2, 10 * MINUTE + 2), (1, 10 * MINUTE + 3)];
        assert_eq!(check(&said, None), "DGmGGG");
    }

    #[test]
    fn midnight_opens_a_day_and_a_group() {
        assert_eq!(check(&[(1, DAY - 1), (1, DAY)], None), "DGDG");
    }

    #[test]
    fn the_line_stands_above_the_first_unread_message_of_others() {
        let said = [(2, 0), (2, 1), (1, 2), (2, 3), (2, 4)];
        assert_eq!(check(&said, Some(Seq(1))), "DGNGGGm");
        assert_eq!(check(&said, Some(Seq(2))), "DGmGNGm");
        assert_eq!(check(&said, Some(Seq(5))), "DGmGGm");
    }

    #[test]
    fn a_message_is_on_the_screen_once_while_it_is_confirmed() {
        let outbox = [unsent(1, 0, None), unsent(2, 0, Some(Refusal::TooFast))];
        let shown = rows(draw(&said(&[(1, 0)]), &outbox, &Changes::default(), None));
        let seen: Vec<_> = shown.iter().map(|row| (row.cid.clone(), row.delivery, row.own)).collect();
        assert_eq!(
            seen,
            [
                (Cid::from_random(1), Delivery::Said, true),
                (Cid::from_random(2), Delivery::Failed(Refusal::TooFast), true)
            ]
        );
    }

    #[test]
    fn what_has_become_of_a_message_is_shown_in_its_place() {
        let emoji = common::message::Emoji::parse("👍").unwrap();
        let answer = What::Posted {
            cid: Cid::from_random(2),
            body: body("응"),
            via: None,
            reply_to: Some(Seq(1)),
            now: Some(Box::new(Present { rev: Seq(3), edited: Some(Timestamp(7)), reactions: vec![] })),
        };
        let timeline = timeline([
            (2, 0, posted(1)),
            (1, 1, answer),
            (1, 7, What::Edited { of: Seq(2), body: None }),
            (2, 8, What::Reacted { to: Seq(2), emoji: emoji.clone(), on: true }),
            (2, 9, posted(5)),
            (2, 10, What::Deleted { of: Seq(5) }),
            (2, 11, What::Unknown),
        ]);
        let mut changes = Changes::default();
        let wanted = |seq, change| Wanted::new(room(), Seq(seq), Cid::from_random(seq.into()), change);
        changes.push(wanted(2, Change::React { emoji, on: true }));
        let shown = rows(draw(&timeline, &[], &changes, None));
        assert_eq!(shown.iter().map(|row| row.deleted).collect::<Vec<_>>(), [false, false, true]);
        let quote = Quote { seq: Seq(1), who: Some(person(2)), text: Some(body("안녕")) };
        assert_eq!((&shown[1].reply, shown[1].edited), (&Some(quote), Some(Timestamp(7))));
        assert_eq!(shown[1].reactions[0].people, [person(2), person(1)]);
        assert_eq!(shown[1].change, Delivery::Sending);
    }
}
