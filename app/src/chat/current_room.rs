//! The room on the screen: what components read of it, and its rendered rows.
//!
//! The state of all rooms is in [`Rooms`], whether they are shown or not. A [`RoomSignal`] reads
//! one field of the current room and is notified when that field changes.

use std::{
    cell::Cell,
    sync::{Arc, atomic::AtomicBool},
};

use common::{
    message::{Cid, Seq, Timestamp},
    protocol::{http::RoomSummary, reply::Permission},
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use leptos::prelude::*;

use crate::{
    field::{Field, Live},
    state::{
        live_region::{Announcement, LiveRegion},
        render_throttle::RenderThrottle,
        room::{Room, UnreadSummary},
        rooms::Rooms,
        roster::Roster,
        timeline::Timeline,
        typing::Typing,
        view_model::{MessageRow, Row, Rows, SystemRow},
    },
    time_format,
};

/// A rendered row: a message, which may change under its key, or a system row, which does not.
#[derive(Clone, PartialEq)]
pub(crate) enum RenderedRow {
    Message(Cid, Arc<Live<MessageRow>>),
    System(SystemRow),
}

impl RenderedRow {
    /// Whether both are the same row, whatever their contents.
    pub(crate) fn is_same_row(&self, other: &RenderedRow) -> bool {
        match (self, other) {
            (RenderedRow::Message(_, row), RenderedRow::Message(_, other)) => row == other,
            (RenderedRow::System(row), RenderedRow::System(other)) => row.key() == other.key(),
            _ => false,
        }
    }
}

/// Where to scroll to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScrollTarget {
    pub(crate) seq: Seq,
    pub(crate) align: Align,
}

/// Where in the viewport the message goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Align {
    /// In the middle, highlighted for a moment.
    Middle,
    /// Near the top, because the unread messages begin with it.
    Top,
    /// With its lower edge this many pixels below the upper edge of the viewport.
    Offset(i32),
}

/// A signal of one field of the current room.
pub(crate) struct RoomSignal<T: 'static> {
    source: RoomSignalSource,
    select: fn(&Room) -> &T,
    /// The value when there is no current room.
    default: &'static T,
}

/// What a signal reads from, and the trigger that notifies it.
#[derive(Clone, Copy)]
struct RoomSignalSource {
    rooms: Field<Rooms>,
    name: Field<Option<RoomName>>,
    trigger: Trigger,
}

impl RoomSignalSource {
    fn signal<T: Default>(self, select: fn(&Room) -> &T) -> RoomSignal<T> {
        RoomSignal { source: self, select, default: Box::leak(Box::default()) }
    }

    fn track(self) {
        self.trigger.track();
        self.name.track();
    }

    fn room(self, rooms: &Rooms) -> Option<&Room> {
        self.name.with_untracked(|name| rooms.get(name.as_ref()?))
    }
}

impl<T> Clone for RoomSignal<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RoomSignal<T> {}

impl<T: Clone> RoomSignal<T> {
    /// Reads the value and subscribes to changes of it and of the current room.
    pub(crate) fn with<U>(self, select: impl FnOnce(&T) -> U) -> U {
        self.source.track();
        self.with_untracked(select)
    }

    /// Reads the value without subscribing.
    pub(crate) fn with_untracked<U>(self, select: impl FnOnce(&T) -> U) -> U {
        let RoomSignal { source, default, .. } = self;
        source.rooms.with_untracked(|rooms| select(source.room(rooms).map_or(default, self.select)))
    }

    pub(crate) fn get(self) -> T {
        self.with(T::clone)
    }
}

pub(crate) struct CurrentRoom {
    pub(crate) name: Field<Option<RoomName>>,
    /// The name of the room that was entered instead of the current one, because it looks the same.
    pub(crate) actual_name: Field<Option<RoomName>>,
    /// Whether the room has admitted this person once; stays true while the connection is lost.
    pub(crate) is_member: RoomSignal<bool>,
    /// Why the room refuses the join.
    pub(crate) join_refusal: RoomSignal<Option<Refusal>>,
    pub(crate) seats: RoomSignal<Option<Seats>>,
    pub(crate) topic: RoomSignal<Option<Topic>>,
    /// Whether newcomers from one network may take all seats.
    pub(crate) shared_network: RoomSignal<bool>,
    pub(crate) permissions: RoomSignal<Vec<Permission>>,
    pub(crate) roster: RoomSignal<Roster>,
    pub(crate) typing: RoomSignal<Typing>,
    pub(crate) timeline: RoomSignal<Timeline>,
    /// The event before the unread divider.
    pub(crate) divider: RoomSignal<Option<Seq>>,
    /// The divider that was visible.
    pub(crate) divider_seen: Field<Option<Seq>>,
    /// The divider that was scrolled out of view above.
    pub(crate) divider_passed: Field<Option<Seq>>,
    /// The rendered rows.
    pub(crate) rows: Field<Vec<RenderedRow>>,
    /// How many rows are hidden above and below them.
    pub(crate) hidden_rows: Field<(usize, usize)>,
    /// Whether the reader is at the end, and new messages scroll into view.
    pub(crate) follows_end: Field<bool>,
    /// Unread messages of others.
    pub(crate) unread: Field<UnreadSummary>,
    /// Where to scroll once it is rendered.
    pub(crate) scroll_target: Field<Option<ScrollTarget>>,
    /// The first visible message, and the position of its lower edge.
    pub(crate) scroll_anchor: Field<Option<(Seq, i32)>>,
    /// The current text of the screen reader's live region.
    pub(crate) announcement: Field<Option<Announcement>>,
    pub(super) live_region: Field<LiveRegion>,
    /// Whether older or newer messages are being fetched.
    pub(crate) is_loading: Field<bool>,
    /// The message to show once the log is loaded.
    pub(super) requested_message: Field<Option<Seq>>,
    /// Whether the first reading position was chosen.
    pub(super) is_positioned: Field<bool>,
    /// Decides when messages of others are rendered.
    pub(super) render_throttle: Field<RenderThrottle>,
    /// Whether `render_incoming` is scheduled.
    pub(super) render_scheduled: AtomicBool,
    /// Whether `expand_tail` is scheduled.
    pub(super) expand_scheduled: AtomicBool,
    pub(super) triggers: RoomTriggers,
}

/// The triggers that are notified when a part of the current room changes.
pub(super) struct RoomTriggers {
    pub(super) info: Trigger,
    pub(super) people: Trigger,
    pub(super) typing: Trigger,
    pub(super) log: Trigger,
}

impl CurrentRoom {
    pub(super) fn new(rooms: Field<Rooms>) -> &'static CurrentRoom {
        let name = Field::new(None);
        let triggers = RoomTriggers {
            info: Trigger::new(),
            people: Trigger::new(),
            typing: Trigger::new(),
            log: Trigger::new(),
        };
        let info = RoomSignalSource { rooms, name, trigger: triggers.info };
        let people = RoomSignalSource { trigger: triggers.people, ..info };
        let typing = RoomSignalSource { trigger: triggers.typing, ..info };
        let log = RoomSignalSource { trigger: triggers.log, ..info };
        Box::leak(Box::new(CurrentRoom {
            name,
            actual_name: Field::new(None),
            is_member: info.signal(|room| &room.is_member),
            join_refusal: info.signal(|room| &room.join_refusal),
            seats: info.signal(|room| &room.seats),
            topic: info.signal(|room| &room.topic),
            shared_network: info.signal(|room| &room.shared_network),
            permissions: info.signal(|room| &room.permissions),
            roster: people.signal(|room| &room.roster),
            typing: typing.signal(|room| &room.typing),
            timeline: log.signal(|room| &room.timeline),
            divider: log.signal(|room| &room.read_state.divider),
            divider_seen: Field::new(None),
            divider_passed: Field::new(None),
            rows: Field::new(Vec::new()),
            hidden_rows: Field::new((0, 0)),
            follows_end: Field::new(true),
            unread: Field::new(UnreadSummary::default()),
            scroll_target: Field::new(None),
            scroll_anchor: Field::new(None),
            announcement: Field::new(None),
            live_region: Field::new(LiveRegion::default()),
            is_loading: Field::new(false),
            requested_message: Field::new(None),
            is_positioned: Field::new(false),
            render_throttle: Field::new(RenderThrottle::new()),
            render_scheduled: AtomicBool::new(false),
            expand_scheduled: AtomicBool::new(false),
            triggers,
        }))
    }

    /// Resets everything for another room, or none.
    pub(super) fn reset(&self, room: Option<RoomName>) {
        self.rows.set(Vec::new());
        self.hidden_rows.set((0, 0));
        self.divider_seen.set(None);
        self.divider_passed.set(None);
        self.follows_end.set(true);
        self.unread.set(UnreadSummary::default());
        self.scroll_target.set(None);
        self.scroll_anchor.set(None);
        self.announcement.set(None);
        self.live_region.update(LiveRegion::clear);
        self.is_loading.set(false);
        self.requested_message.set(None);
        self.is_positioned.set(false);
        self.name.set(room);
    }

    pub(super) fn is(&self, room: &RoomName) -> bool {
        self.name.with_untracked(|name| name.as_ref() == Some(room))
    }

    /// Replaces the people of a summary, which is seconds old, with the current ones.
    pub(crate) fn refresh_summary(&self, summary: &mut RoomSummary) {
        let people = self.roster.with(|roster| roster.people().to_vec());
        if people.is_empty() {
            return;
        }
        summary.member_count = self.roster.with_untracked(Roster::count) as u32;
        summary.people = people;
    }

    /// Renders messages with mentions again, after the roster has changed.
    pub(super) fn rerender_mentions(&self) {
        for row in self.rows.get_untracked() {
            if let RenderedRow::Message(_, row) = row
                && row.with_untracked(|row| row.body.as_str().contains('@'))
            {
                row.update(|_| ());
            }
        }
    }

    /// Records that the divider is visible, or has been scrolled out of view above.
    pub(crate) fn on_divider_seen(&self, in_sight: bool) {
        let divider = self.divider.with_untracked(|divider| *divider);
        let signal = if in_sight { self.divider_seen } else { self.divider_passed };
        if signal.get_untracked() != divider {
            signal.set(divider);
        }
    }

    /// Updates the rendered rows. Rows with the same key are changed in place.
    pub(super) fn render(&self, build: impl FnOnce(&dyn Fn(&Cid, Timestamp) -> i64) -> Rows) {
        let before = self.rows.get_untracked();
        let lookup = RowLookup { rows: &before, last_index: Cell::new(0) };
        let rows = build(&|cid, at| {
            let same =
                lookup.find(cid).and_then(|row| row.with_untracked(|row| (row.at == at).then_some(row.day)));
            same.unwrap_or_else(|| time_format::local_day(at))
        });
        let hidden_rows = (rows.hidden_above, rows.hidden_below);
        let rendered: Vec<RenderedRow> =
            rows.rows.into_iter().map(|row| reuse_or_create(&lookup, row)).collect();
        if self.hidden_rows.get_untracked() != hidden_rows {
            self.hidden_rows.set(hidden_rows);
        }
        if rendered != before {
            self.rows.set(rendered);
        }
    }
}

/// The previous rows, for lookups by `cid`, which mostly ask for the next row.
struct RowLookup<'a> {
    rows: &'a [RenderedRow],
    last_index: Cell<usize>,
}

impl RowLookup<'_> {
    fn find(&self, cid: &Cid) -> Option<&Arc<Live<MessageRow>>> {
        let count = self.rows.len();
        let indices = (0..count).map(|step| (self.last_index.get() + step) % count);
        indices.into_iter().find_map(|index| match &self.rows[index] {
            RenderedRow::Message(known, row) if known == cid => {
                self.last_index.set(index);
                Some(row)
            }
            _ => None,
        })
    }
}

fn reuse_or_create(lookup: &RowLookup<'_>, row: Row) -> RenderedRow {
    let row = match row {
        Row::Message(row) => *row,
        Row::System(row) => return RenderedRow::System(row),
    };
    let cid = row.cid.clone();
    let Some(live) = lookup.find(&cid) else {
        return RenderedRow::Message(cid, Arc::new(Live::new(row)));
    };
    if live.with_untracked(|current| *current != row) {
        live.set(row);
    }
    RenderedRow::Message(cid, live.clone())
}
