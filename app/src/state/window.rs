//! Which part of the lines that are held is drawn: the end of them, or a bounded number from one
//! line on. It moves in steps while the reader scrolls, and stays where it is whatever is said.

use std::ops::Range;

use common::message::Seq;

use super::rows::{Item, Key};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    /// The first line drawn; nothing while the end is followed.
    first: Option<Key>,
    /// So many lines are drawn of the end, and up to a step more.
    at_end: usize,
}

impl Default for Window {
    /// What is in sight at first; the rest of the end is drawn while one looks at it.
    fn default() -> Window {
        Window { first: None, at_end: Self::IN_SIGHT }
    }
}

impl Window {
    /// So many lines are drawn at most.
    pub(crate) const MOST: usize = 240;

    /// So many are drawn of the end.
    const AT_END: usize = 100;

    /// So many lines fill a screen.
    const IN_SIGHT: usize = 30;

    /// So many come or go at once: a frame is to hold what it takes to make them.
    const STEP: usize = 10;

    /// The lines drawn.
    pub(crate) fn range(&self, items: &[Item<'_>]) -> Range<usize> {
        let first = self.first.as_ref().and_then(|key| items.iter().position(|item| item.is(key)));
        match first {
            Some(first) => first..items.len().min(first + Self::MOST),
            // Not one goes for each that comes: to take one from the beginning moves all the others.
            None => {
                let over = items.len().saturating_sub(self.at_end);
                over - over % Self::STEP..items.len()
            }
        }
    }

    /// Follows the end.
    pub(crate) fn follow(&mut self) {
        self.first = None;
    }

    /// Goes to the end, from wherever it is.
    pub(crate) fn go_to_end(&mut self) {
        if self.first.is_some() {
            *self = Window::default();
        }
    }

    /// Not all of the end is drawn yet.
    pub(crate) fn is_opening(&self) -> bool {
        self.first.is_none() && self.at_end < Self::AT_END
    }

    /// Draws more of the end; says whether there is more.
    pub(crate) fn open(&mut self, items: &[Item<'_>]) -> bool {
        let before = self.range(items);
        if self.is_opening() {
            self.at_end += Self::STEP;
        }
        self.range(items) != before
    }

    /// Stays where it is from now on.
    pub(crate) fn stay(&mut self, items: &[Item<'_>]) {
        self.begin_at(items, self.range(items).start);
    }

    /// Moves towards the beginning; says whether it could.
    pub(crate) fn up(&mut self, items: &[Item<'_>]) -> bool {
        let start = self.range(items).start;
        self.begin_at(items, start.saturating_sub(Self::STEP));
        start > 0
    }

    /// Moves towards the end; says whether it could.
    pub(crate) fn down(&mut self, items: &[Item<'_>]) -> bool {
        let Range { start, end } = self.range(items);
        let step = Self::STEP.min(items.len() - end);
        self.begin_at(items, start + step);
        step > 0
    }

    /// Has this event in its middle, if it is held, or the first line after it.
    pub(crate) fn show(&mut self, items: &[Item<'_>], seq: Seq) {
        let place = items.iter().position(|item| item.seq().is_some_and(|there| there >= seq));
        let middle = place.unwrap_or(items.len()).saturating_sub(Self::MOST / 2);
        self.begin_at(items, middle.min(items.len().saturating_sub(Self::AT_END)));
    }

    /// Not at a note about comings, which may be another one in a moment.
    fn begin_at(&mut self, items: &[Item<'_>], index: usize) {
        let (before, after) = items.split_at(index.min(items.len()));
        let stays = |item: &&Item<'_>| !matches!(item, Item::Coming(_));
        let first = after.iter().take(1).chain(before.iter().rev()).chain(after).find(stays);
        self.first = first.map(Item::key);
    }
}

#[cfg(test)]
mod tests {
    use common::{
        event::{Event, What},
        message::{Body, Cid, Timestamp},
        person::{DisplayName, Person, PersonId},
    };

    use super::*;
    use crate::state::comings::Coming;

    fn log(count: u64) -> Vec<Event> {
        let person = Person { id: PersonId(1), name: DisplayName::parse("지은").unwrap() };
        let event = |seq: u64| Event {
            seq: Seq(seq),
            at: Timestamp(0),
            person: person.clone(),
            what: What::posted(Cid::from_random(seq.into()), Body::parse("안녕").unwrap()),
        };
        (1..=count).map(event).collect()
    }

    fn items(log: &[Event]) -> Vec<Item<'_>> {
        log.iter().filter_map(|event| Some(Item::Said(event, event.what.cid()?))).collect()
    }

    /// One that has drawn all of the end.
    fn open() -> Window {
        Window { first: None, at_end: Window::AT_END }
    }

    #[test]
    fn what_is_in_sight_is_drawn_first() {
        let log = log(75);
        let items = items(&log);
        let mut window = Window::default();
        let mut ranges = vec![window.range(&items)];
        while window.open(&items) {
            ranges.push(window.range(&items));
        }
        assert_eq!(ranges, [40..75, 30..75, 20..75, 10..75, 0..75]);
        assert!(window.is_opening(), "more may come to be held");
        window.stay(&items);
        assert!(!window.open(&items), "the reader has gone up");
        window.go_to_end();
        assert_eq!(window, Window::default());
    }

    #[test]
    fn the_end_is_followed_in_steps() {
        let log = log(400);
        let items = items(&log);
        for (count, range) in [(0, 0..0), (100, 0..100), (109, 0..109), (110, 10..110), (400, 300..400)] {
            assert_eq!(open().range(&items[..count]), range, "{count}");
        }
    }

    #[test]
    fn a_window_that_stays_does_not_move_whatever_is_said() {
        let log = log(400);
        let items = items(&log);
        let mut window = open();
        window.stay(&items[..130]);
        assert_eq!(window.range(&items[..131]), 30..131);
        assert_eq!(window.range(&items), 30..270);
        assert_eq!(window.range(&items[20..]), 10..250, "what is let go of above does not count");
        assert_eq!(window.range(&items[31..]), open().range(&items[31..]), "it is gone itself");
        window.follow();
        assert_eq!(window.range(&items), 300..400);
    }

    #[test]
    fn it_moves_until_there_is_nothing_more() {
        let log = log(260);
        let items = items(&log);
        let mut window = open();
        let mut ranges = Vec::new();
        while window.up(&items) {
            ranges.push(window.range(&items));
        }
        let steps = (0..160).step_by(10).rev().map(|start| start..260.min(start + Window::MOST));
        assert_eq!(ranges, steps.collect::<Vec<_>>());
        ranges.clear();
        while window.down(&items) {
            ranges.push(window.range(&items));
        }
        assert_eq!(ranges, [10..250, 20..260]);
    }

    #[test]
    fn an_event_is_shown_in_the_middle_where_there_is_one() {
        let log = log(1_000);
        let items = items(&log);
        for (seq, range) in [(1, 0..240), (500, 379..619), (990, 869..1_000), (2_000, 880..1_000)] {
            let mut window = Window::default();
            window.show(&items, Seq(seq));
            assert_eq!(window.range(&items), range, "{seq}");
        }
    }

    #[test]
    fn it_does_not_begin_at_a_note_that_may_be_another_in_a_moment() {
        let log = log(300);
        let mut items = items(&log);
        let coming = Coming { after: Seq(30), number: 1, joined: Vec::new(), left: Vec::new() };
        items.insert(30, Item::Coming(&coming));
        let mut window = Window::default();
        window.begin_at(&items, 30);
        assert_eq!(window.range(&items).start, 29);
    }
}
