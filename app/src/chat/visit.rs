//! The room on the screen: what components read of it, and the lines that are drawn.
//!
//! The rooms themselves are in one place, on the screen or not; a [`Part`] reads one thing of the
//! room on the screen and is told when that thing changes.

use std::{
    cell::Cell,
    sync::{Arc, atomic::AtomicBool},
};

use common::{
    event::{Permission, RoomSummary},
    message::{Cid, Seq, Timestamp},
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use leptos::prelude::*;

use crate::{
    field::{Field, Live},
    state::{
        announcer::{Announcement, Announcer},
        pace::Pace,
        room::{Room, Unread},
        rooms::Rooms,
        roster::Roster,
        rows::{Drawn, Line, Note, Row},
        timeline::Timeline,
        typing::Typing,
    },
    when,
};

/// One line on the screen: a message, which may change under its key, or a note, which does not.
#[derive(Clone, PartialEq)]
pub(crate) enum Shown {
    Message(Cid, Arc<Live<Row>>),
    Note(Note),
}

impl Shown {
    /// Whether it is the same line, whatever it says by now.
    pub(crate) fn is(&self, other: &Shown) -> bool {
        match (self, other) {
            (Shown::Message(_, row), Shown::Message(_, other)) => row == other,
            (Shown::Note(note), Shown::Note(other)) => note.key() == other.key(),
            _ => false,
        }
    }
}

/// Where the reader is to be taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    pub(crate) seq: Seq,
    pub(crate) at: At,
}

/// Where on the screen a message is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum At {
    /// In the middle, and told apart from the others for a moment.
    Middle,
    /// Near the top: what is new begins with it.
    Top,
    /// With its lower edge so many pixels below the upper edge of the conversation.
    Offset(i32),
}

/// Something about the room on the screen.
pub(crate) struct Part<T: 'static> {
    source: Source,
    read: fn(&Room) -> &T,
    /// What there is to read when no room is on the screen.
    nothing: &'static T,
}

/// Where parts are read from, and what is told when they change.
#[derive(Clone, Copy)]
struct Source {
    rooms: Field<Rooms>,
    here: Field<Option<RoomName>>,
    changed: Trigger,
}

impl Source {
    fn part<T: Default>(self, read: fn(&Room) -> &T) -> Part<T> {
        Part { source: self, read, nothing: Box::leak(Box::default()) }
    }

    fn track(self) {
        self.changed.track();
        self.here.track();
    }

    fn room(self, rooms: &Rooms) -> Option<&Room> {
        self.here.with_untracked(|here| rooms.get(here.as_ref()?))
    }
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Part<T> {}

impl<T: Clone> Part<T> {
    /// Reads it, to be read again when it changes or another room is on the screen.
    pub(crate) fn with<U>(self, read: impl FnOnce(&T) -> U) -> U {
        self.source.track();
        self.with_untracked(read)
    }

    /// Reads it this once.
    pub(crate) fn with_untracked<U>(self, read: impl FnOnce(&T) -> U) -> U {
        let Part { source, nothing, .. } = self;
        source.rooms.with_untracked(|rooms| read(source.room(rooms).map_or(nothing, self.read)))
    }

    pub(crate) fn get(self) -> T {
        self.with(T::clone)
    }
}

pub(crate) struct Visit {
    pub(crate) room: Field<Option<RoomName>>,
    /// The room has let us in once; while the connection is away we are still in it.
    pub(crate) inside: Part<bool>,
    /// Why the room does not let us in.
    pub(crate) refused: Part<Option<Refusal>>,
    pub(crate) seats: Part<Option<Seats>>,
    pub(crate) topic: Part<Option<Topic>>,
    pub(crate) may: Part<Vec<Permission>>,
    pub(crate) roster: Part<Roster>,
    pub(crate) typing: Part<Typing>,
    pub(crate) timeline: Part<Timeline>,
    /// What comes after this event was new when it came.
    pub(crate) line: Part<Option<Seq>>,
    /// The line that was in sight, and the one that has gone out of it above.
    pub(crate) line_seen: Field<Option<Seq>>,
    pub(crate) line_passed: Field<Option<Seq>>,
    /// What is to be seen, made of the timeline and the outbox.
    pub(crate) shown: Field<Vec<Shown>>,
    /// How many lines are held above and below what is to be seen.
    pub(crate) beyond: Field<(usize, usize)>,
    /// The reader is at the end, and what is said comes into sight by itself.
    pub(crate) following: Field<bool>,
    /// What others said and the reader has not seen.
    pub(crate) unseen: Field<Unread>,
    /// Where the reader is to be taken once it can be shown.
    pub(crate) goal: Field<Option<Goal>>,
    /// The first message in sight, and where its lower edge is.
    pub(crate) place: Field<Option<(Seq, i32)>>,
    /// What readers aloud are told just now.
    pub(crate) announced: Field<Option<Announcement>>,
    pub(super) announcer: Field<Announcer>,
    /// Older or newer messages are on their way.
    pub(crate) loading: Field<bool>,
    /// The message asked for before the room could be shown.
    pub(super) bound_for: Field<Option<Seq>>,
    /// Where to begin reading has been found.
    pub(super) settled: Field<bool>,
    /// When what others say is drawn,
    pub(super) pace: Field<Pace>,
    /// and whether somebody looks again later.
    pub(super) waiting: AtomicBool,
    /// More of the end is about to be drawn.
    pub(super) opening: AtomicBool,
    pub(super) changed: Changed,
}

/// What is told when something about the room on the screen changes.
pub(super) struct Changed {
    pub(super) about: Trigger,
    pub(super) people: Trigger,
    pub(super) typing: Trigger,
    pub(super) log: Trigger,
}

impl Visit {
    pub(super) fn new(rooms: Field<Rooms>) -> &'static Visit {
        let here = Field::new(None);
        let changed = Changed {
            about: Trigger::new(),
            people: Trigger::new(),
            typing: Trigger::new(),
            log: Trigger::new(),
        };
        let about = Source { rooms, here, changed: changed.about };
        let people = Source { changed: changed.people, ..about };
        let typing = Source { changed: changed.typing, ..about };
        let log = Source { changed: changed.log, ..about };
        Box::leak(Box::new(Visit {
            room: here,
            inside: about.part(|room| &room.inside),
            refused: about.part(|room| &room.refused),
            seats: about.part(|room| &room.seats),
            topic: about.part(|room| &room.topic),
            may: about.part(|room| &room.may),
            roster: people.part(|room| &room.roster),
            typing: typing.part(|room| &room.typing),
            timeline: log.part(|room| &room.timeline),
            line: log.part(|room| &room.reading.line),
            line_seen: Field::new(None),
            line_passed: Field::new(None),
            shown: Field::new(Vec::new()),
            beyond: Field::new((0, 0)),
            following: Field::new(true),
            unseen: Field::new(Unread::default()),
            goal: Field::new(None),
            place: Field::new(None),
            announced: Field::new(None),
            announcer: Field::new(Announcer::default()),
            loading: Field::new(false),
            bound_for: Field::new(None),
            settled: Field::new(false),
            pace: Field::new(Pace::new()),
            waiting: AtomicBool::new(false),
            opening: AtomicBool::new(false),
            changed,
        }))
    }

    /// Starts anew, in this room or in none.
    pub(super) fn begin(&self, room: Option<RoomName>) {
        self.shown.set(Vec::new());
        self.beyond.set((0, 0));
        self.line_seen.set(None);
        self.line_passed.set(None);
        self.following.set(true);
        self.unseen.set(Unread::default());
        self.goal.set(None);
        self.place.set(None);
        self.announced.set(None);
        self.announcer.update(Announcer::forget);
        self.loading.set(false);
        self.bound_for.set(None);
        self.settled.set(false);
        self.room.set(room);
    }

    pub(super) fn is_in(&self, room: &RoomName) -> bool {
        self.room.with_untracked(|here| here.as_ref() == Some(room))
    }

    /// Puts what we know of this room first hand into a summary of it, which is seconds old.
    pub(crate) fn bring_up_to_date(&self, summary: &mut RoomSummary) {
        let people = self.roster.with(|roster| roster.people().to_vec());
        if people.is_empty() {
            return;
        }
        summary.here = self.roster.with_untracked(Roster::count) as u32;
        summary.people = people;
    }

    /// Draws those messages again that may call somebody: who there is has become known.
    pub(super) fn redraw_mentions(&self) {
        for shown in self.shown.get_untracked() {
            if let Shown::Message(_, row) = shown
                && row.with_untracked(|row| row.body.as_str().contains('@'))
            {
                row.update(|_| ());
            }
        }
    }

    /// The reader sees the line where what is new begins, or has it behind them without.
    pub(crate) fn line_is(&self, in_sight: bool) {
        let line = self.line.with_untracked(|line| *line);
        let place = if in_sight { self.line_seen } else { self.line_passed };
        if place.get_untracked() != line {
            place.set(line);
        }
    }

    /// Brings what is on the screen up to date. Rows that stay the same row are changed in place.
    pub(super) fn show(&self, draw: impl FnOnce(&dyn Fn(&Cid, Timestamp) -> i64) -> Drawn) {
        let before = self.shown.get_untracked();
        let known = Known { shown: &before, last: Cell::new(0) };
        let drawn = draw(&|cid, at| {
            let same =
                known.find(cid).and_then(|row| row.with_untracked(|row| (row.at == at).then_some(row.day)));
            same.unwrap_or_else(|| when::day_of(at))
        });
        let beyond = (drawn.above, drawn.below);
        let shown: Vec<Shown> = drawn.lines.into_iter().map(|line| keep_or_make(&known, line)).collect();
        if self.beyond.get_untracked() != beyond {
            self.beyond.set(beyond);
        }
        if shown != before {
            self.shown.set(shown);
        }
    }
}

/// What is on the screen, to be asked for line by line: mostly for the next one.
struct Known<'a> {
    shown: &'a [Shown],
    last: Cell<usize>,
}

impl Known<'_> {
    fn find(&self, cid: &Cid) -> Option<&Arc<Live<Row>>> {
        let count = self.shown.len();
        let places = (0..count).map(|step| (self.last.get() + step) % count);
        places.into_iter().find_map(|place| match &self.shown[place] {
            Shown::Message(known, row) if known == cid => {
                self.last.set(place);
                Some(row)
            }
            _ => None,
        })
    }
}

fn keep_or_make(known: &Known<'_>, line: Line) -> Shown {
    let row = match line {
        Line::Message(row) => row,
        Line::Note(note) => return Shown::Note(note),
    };
    let cid = row.cid.clone();
    let Some(live) = known.find(&cid) else {
        return Shown::Message(cid, Arc::new(Live::new(row)));
    };
    if live.with_untracked(|shown| *shown != row) {
        live.set(row);
    }
    Shown::Message(cid, live.clone())
}
