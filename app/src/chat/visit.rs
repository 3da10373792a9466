//! The room one is in, as fields around the plain state.
//!
//! One set for the life of the page, begun anew with every visit: an answer that comes for an
//! earlier visit is known by its number and dropped.

use std::collections::HashMap;

use common::{
    event::{Event, Joined, Push, RoomSummary},
    message::{Cid, Seq},
    person::Person,
    refusal::Refusal,
    room::{RoomName, Seats},
};
use leptos::prelude::*;

use crate::{
    field::Field,
    state::{
        outbox::Outbox,
        roster::Roster,
        rows::{Row, rows},
        timeline::Timeline,
    },
    when,
};

/// One row on the screen: its key, and its content, which may change under it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) cid: Cid,
    pub(crate) row: ArcRwSignal<Row>,
}

#[derive(Clone, Copy)]
pub(crate) struct Visit {
    pub(crate) room: Field<Option<RoomName>>,
    /// The room has let us in once; while the connection is away we are still in it.
    pub(crate) inside: Field<bool>,
    /// Why the room does not let us in.
    pub(crate) refused: Field<Option<Refusal>>,
    pub(crate) seats: Field<Option<Seats>>,
    pub(crate) roster: Field<Roster>,
    pub(crate) timeline: Field<Timeline>,
    /// What is to be seen, made of the timeline and the outbox.
    pub(crate) shown: Field<Vec<Shown>>,
    /// What was said last while we were here, by anybody.
    pub(crate) heard: Field<Option<Event>>,
    /// The last event there was when the reader went away from the end; `None` while following.
    pub(crate) left_at: Field<Option<Seq>>,
    /// Older messages are on their way.
    pub(crate) loading: Field<bool>,
    /// The connection of this moment has joined the room; between two connections none has.
    pub(super) joined: Field<bool>,
    pub(super) filling: Field<bool>,
    pub(super) sending: Field<bool>,
    number: Field<u32>,
}

impl Visit {
    pub(super) fn new() -> Visit {
        Visit {
            room: Field::new(None),
            inside: Field::new(false),
            refused: Field::new(None),
            seats: Field::new(None),
            roster: Field::new(Default::default()),
            timeline: Field::new(Default::default()),
            shown: Field::new(Default::default()),
            heard: Field::new(None),
            left_at: Field::new(None),
            loading: Field::new(false),
            joined: Field::new(false),
            filling: Field::new(false),
            sending: Field::new(false),
            number: Field::new(0),
        }
    }

    /// Starts anew, in this room or in none.
    pub(super) fn begin(self, room: Option<RoomName>) {
        self.number.update(|number| *number += 1);
        self.inside.set(false);
        self.refused.set(None);
        self.seats.set(None);
        self.roster.update(|roster| *roster = Roster::default());
        self.timeline.update(|timeline| *timeline = Timeline::default());
        self.shown.set(Vec::new());
        self.heard.set(None);
        self.left_at.set(None);
        self.loading.set(false);
        self.joined.set(false);
        self.filling.set(false);
        self.sending.set(false);
        self.room.set(room);
    }

    /// The room and the number of this visit, if there is one.
    pub(super) fn current(self) -> Option<(RoomName, u32)> {
        Some((self.room.get_untracked()?, self.number.get_untracked()))
    }

    pub(super) fn is_in(self, room: &RoomName) -> bool {
        self.room.with_untracked(|here| here.as_ref() == Some(room))
    }

    /// Whether it is still the visit of this number.
    pub(super) fn is(self, number: u32) -> bool {
        self.number.get_untracked() == number
    }

    pub(super) fn let_in(self, reply: Joined) {
        self.timeline.update(|timeline| timeline.joined(&reply));
        self.roster.update(|roster| roster.arrived(reply.people));
        self.seats.set(reply.seats);
        self.joined.set(true);
        self.inside.set(true);
        self.refused.set(None);
    }

    /// What is told about this room; each kind changes one thing.
    pub(super) fn apply(self, push: Push) {
        match push {
            Push::Event(told) => {
                self.timeline.update(|timeline| timeline.pushed(told.event.clone()));
                self.heard.set(Some(told.event));
            }
            Push::Presence(told) => self.roster.update(|roster| roster.apply(told.changes)),
            Push::Heartbeat(told) => self.timeline.update(|timeline| timeline.heartbeat(told.last)),
        }
    }

    /// Puts what we know of this room first hand into a summary of it, which is seconds old.
    pub(crate) fn bring_up_to_date(self, summary: &mut RoomSummary) {
        let people = self.roster.with(|roster| roster.people().to_vec());
        if people.is_empty() {
            return;
        }
        summary.here = people.len() as u32;
        summary.people = people;
        let last_at = self.timeline.with(|timeline| timeline.events().last().map(|event| event.at));
        summary.last_at = summary.last_at.max(last_at);
    }

    /// Brings what is on the screen up to date. Rows that stay the same row keep their signal.
    pub(super) fn show(self, outbox: Field<Outbox>, me: Option<&Person>) {
        let Some(room) = self.room.get_untracked() else { return };
        let before = self.shown.get_untracked();
        let known: HashMap<&Cid, &ArcRwSignal<Row>> =
            before.iter().map(|shown| (&shown.cid, &shown.row)).collect();
        let day_of = |cid: &Cid, at| {
            let same =
                known.get(cid).and_then(|row| row.with_untracked(|row| (row.at == at).then_some(row.day)));
            same.unwrap_or_else(|| when::day_of(at))
        };
        let rows = self.timeline.with_untracked(|timeline| {
            outbox.with_untracked(|outbox| rows(timeline, outbox.in_room(&room), me, day_of))
        });
        let shown: Vec<Shown> = rows.into_iter().map(|row| keep_or_make(&known, row)).collect();
        if shown != before {
            self.shown.set(shown);
        }
    }
}

fn keep_or_make(known: &HashMap<&Cid, &ArcRwSignal<Row>>, row: Row) -> Shown {
    let cid = row.cid.clone();
    let Some(&signal) = known.get(&cid) else {
        return Shown { cid, row: ArcRwSignal::new(row) };
    };
    if signal.with_untracked(|shown| *shown != row) {
        signal.set(row);
    }
    Shown { cid, row: signal.clone() }
}
