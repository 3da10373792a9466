//! Which rows are rendered: the tail, or a bounded number of rows from a pinned one on. The range
//! moves in steps while the reader scrolls; new messages do not move a pinned range.

use std::ops::Range;

use common::message::Seq;

use super::entry::{Entry, RowKey};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VisibleRange {
    /// The first rendered row; `None` while the range follows the end.
    first_key: Option<RowKey>,
    /// The number of rows rendered of the tail, plus up to one step.
    tail_rows: usize,
}

impl Default for VisibleRange {
    /// The rows that are visible at first; the rest of the tail is rendered after the first paint.
    fn default() -> VisibleRange {
        VisibleRange { first_key: None, tail_rows: Self::INITIAL_ROWS }
    }
}

impl VisibleRange {
    /// The most rows rendered.
    pub(crate) const MAX_ROWS: usize = 240;

    /// The number of rows rendered of the tail.
    const TAIL_ROWS: usize = 100;

    /// The number of rows that fill a screen.
    const INITIAL_ROWS: usize = 30;

    /// The number of rows added or removed at once, small enough for one frame.
    const STEP: usize = 10;

    /// Returns the rendered rows.
    pub(crate) fn range(&self, entries: &[Entry<'_>]) -> Range<usize> {
        let first_key =
            self.first_key.as_ref().and_then(|key| entries.iter().position(|entry| entry.is(key)));
        match first_key {
            Some(first_key) => first_key..entries.len().min(first_key + Self::MAX_ROWS),
            // Drops rows in steps, because removing the first row moves all others.
            None => {
                let over = entries.len().saturating_sub(self.tail_rows);
                over - over % Self::STEP..entries.len()
            }
        }
    }

    /// Follows the end.
    pub(crate) fn follow_end(&mut self) {
        self.first_key = None;
    }

    /// Jumps to the end.
    pub(crate) fn jump_to_end(&mut self) {
        if self.first_key.is_some() {
            *self = VisibleRange::default();
        }
    }

    /// Whether the tail is not fully rendered yet.
    pub(crate) fn is_expanding(&self) -> bool {
        self.first_key.is_none() && self.tail_rows < Self::TAIL_ROWS
    }

    /// Renders one more step of the tail. Returns whether the range changed.
    pub(crate) fn expand(&mut self, entries: &[Entry<'_>]) -> bool {
        let before = self.range(entries);
        if self.is_expanding() {
            self.tail_rows += Self::STEP;
        }
        self.range(entries) != before
    }

    /// Pins the range to its current first row.
    pub(crate) fn pin(&mut self, entries: &[Entry<'_>]) {
        self.start_at(entries, self.range(entries).start);
    }

    /// Moves towards the beginning. Returns whether that was possible.
    pub(crate) fn move_up(&mut self, entries: &[Entry<'_>]) -> bool {
        let start = self.range(entries).start;
        self.start_at(entries, start.saturating_sub(Self::STEP));
        start > 0
    }

    /// Moves towards the end. Returns whether that was possible.
    pub(crate) fn move_down(&mut self, entries: &[Entry<'_>]) -> bool {
        let Range { start, end } = self.range(entries);
        let step = Self::STEP.min(entries.len() - end);
        self.start_at(entries, start + step);
        step > 0
    }

    /// Puts this event, or the first one after it, in the middle.
    pub(crate) fn center_on(&mut self, entries: &[Entry<'_>], seq: Seq) {
        let position = entries.iter().position(|entry| entry.seq().is_some_and(|entry_seq| entry_seq >= seq));
        let middle = position.unwrap_or(entries.len()).saturating_sub(Self::MAX_ROWS / 2);
        self.start_at(entries, middle.min(entries.len().saturating_sub(Self::TAIL_ROWS)));
    }

    /// Starts at a row, but not at a membership note, whose key may change at any moment.
    fn start_at(&mut self, entries: &[Entry<'_>], index: usize) {
        let (before, after) = entries.split_at(index.min(entries.len()));
        let stays = |entry: &&Entry<'_>| !matches!(entry, Entry::Membership(_));
        let first_key = after.iter().take(1).chain(before.iter().rev()).chain(after).find(stays);
        self.first_key = first_key.map(Entry::key);
    }
}

#[cfg(test)]
mod tests {
    use common::{
        message::{Body, Cid, Timestamp},
        person::{DisplayName, Person, PersonId},
        protocol::event::{Event, EventKind},
    };

    use super::*;
    use crate::state::membership_notes::MembershipNote;

    fn log(count: u64) -> Vec<Event> {
        let person = Person::new(PersonId(1), DisplayName::parse("지은").unwrap());
        let event = |seq: u64| Event {
            seq: Seq(seq),
            at: Timestamp(0),
            person: person.clone(),
            kind: EventKind::posted(Cid::from_random(seq.into()), Body::parse("안녕").unwrap()),
        };
        (1..=count).map(event).collect()
    }

    fn entries(log: &[Event]) -> Vec<Entry<'_>> {
        log.iter().filter_map(|event| Some(Entry::Message(event, event.kind.cid()?))).collect()
    }

    /// A range whose tail is fully rendered.
    fn expanded() -> VisibleRange {
        VisibleRange { first_key: None, tail_rows: VisibleRange::TAIL_ROWS }
    }

    #[test]
    fn the_rows_of_one_screen_are_rendered_first() {
        let log = log(75);
        let entries = entries(&log);
        let mut range = VisibleRange::default();
        let mut ranges = vec![range.range(&entries)];
        while range.expand(&entries) {
            ranges.push(range.range(&entries));
        }
        assert_eq!(ranges, [40..75, 30..75, 20..75, 10..75, 0..75]);
        assert!(range.is_expanding(), "more rows may be loaded");
        range.pin(&entries);
        assert!(!range.expand(&entries), "the reader has scrolled up");
        range.jump_to_end();
        assert_eq!(range, VisibleRange::default());
    }

    #[test]
    fn the_range_follows_the_end_in_steps() {
        let log = log(400);
        let entries = entries(&log);
        for (count, range) in [(0, 0..0), (100, 0..100), (109, 0..109), (110, 10..110), (400, 300..400)] {
            assert_eq!(expanded().range(&entries[..count]), range, "{count}");
        }
    }

    #[test]
    fn a_pinned_range_does_not_move_when_messages_arrive() {
        let log = log(400);
        let entries = entries(&log);
        let mut range = expanded();
        range.pin(&entries[..130]);
        assert_eq!(range.range(&entries[..131]), 30..131);
        assert_eq!(range.range(&entries), 30..270);
        assert_eq!(range.range(&entries[20..]), 10..250, "rows trimmed above do not matter");
        assert_eq!(
            range.range(&entries[31..]),
            expanded().range(&entries[31..]),
            "its first row was trimmed"
        );
        range.follow_end();
        assert_eq!(range.range(&entries), 300..400);
    }

    #[test]
    fn it_moves_until_there_are_no_more_rows() {
        let log = log(260);
        let entries = entries(&log);
        let mut range = expanded();
        let mut ranges = Vec::new();
        while range.move_up(&entries) {
            ranges.push(range.range(&entries));
        }
        let steps = (0..160).step_by(10).rev().map(|start| start..260.min(start + VisibleRange::MAX_ROWS));
        assert_eq!(ranges, steps.collect::<Vec<_>>());
        ranges.clear();
        while range.move_down(&entries) {
            ranges.push(range.range(&entries));
        }
        assert_eq!(ranges, [10..250, 20..260]);
    }

    #[test]
    fn an_event_is_shown_in_the_middle_where_there_is_one() {
        let log = log(1_000);
        let entries = entries(&log);
        for (seq, expected) in [(1, 0..240), (500, 379..619), (990, 869..1_000), (2_000, 880..1_000)] {
            let mut range = VisibleRange::default();
            range.center_on(&entries, Seq(seq));
            assert_eq!(range.range(&entries), expected, "{seq}");
        }
    }

    #[test]
    fn it_does_not_start_at_a_membership_note() {
        let log = log(300);
        let mut entries = entries(&log);
        let note = MembershipNote { after: Seq(30), id: 1, joined: Vec::new(), left: Vec::new() };
        entries.insert(30, Entry::Membership(&note));
        let mut range = VisibleRange::default();
        range.start_at(&entries, 30);
        assert_eq!(range.range(&entries).start, 29);
    }
}
