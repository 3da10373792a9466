//! Reading on and back, and going to one message or to the end.

use common::{
    event::{Event, History},
    message::Seq,
    room::RoomName,
};

use super::{At, Chat, Goal, asking::history};
use crate::{
    state::{room::Room, timeline::Timeline, window::Window},
    storage,
    task::spawn,
};

/// With fewer lines than this above or below what is drawn, more are asked for ahead of time.
const AHEAD: usize = 90;

impl Chat {
    /// More is wanted above what is drawn.
    pub(crate) fn read_back(self) {
        // Who follows the end has the end in sight, however little it is.
        if !self.visit.following.get_untracked() {
            self.move_window(Window::up);
        }
        if self.visit.beyond.get_untracked().0 < AHEAD {
            self.load(|name, timeline| Some(history(name, Some(timeline.older()?), None)));
        }
    }

    /// More is wanted below what is drawn.
    pub(crate) fn read_on(self) {
        if self.visit.beyond.get_untracked().1 > 0 {
            self.move_window(Window::down);
        }
        if self.visit.beyond.get_untracked().1 < AHEAD {
            self.load(|name, timeline| Some(history(name, None, Some(timeline.newer()?))));
        }
    }

    /// Asks for a page before or after what is read, unless one is on its way.
    fn load(self, wanted: fn(&RoomName, &Timeline) -> Option<History>) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        let wanted = self.read(&name, |room| wanted(&name, &room.timeline).filter(|_| room.joined));
        let Some(wanted) = wanted.flatten() else { return };
        let Some(stay) = self.begin_asking(&name, |underway| &mut underway.loading) else { return };
        self.visit.loading.set(true);
        spawn(async move {
            if let Some(page) = self.page(&stay, wanted).await {
                self.change(&name, |room| room.timeline.page(&page));
            }
            self.end_asking(&stay, |underway| &mut underway.loading);
            if self.visit.is_in(&name) {
                self.visit.loading.set(false);
            }
        });
    }

    /// Shows this message of the room on the screen, wherever in the log it is.
    pub(crate) fn jump_to(self, seq: Seq) {
        if self.visit.settled.get_untracked() {
            return spawn(self.go_to(Goal { seq, at: At::Middle }));
        }
        self.visit.bound_for.set(Some(seq));
        if let Some(name) = self.visit.room.get_untracked() {
            self.settle_down(&name);
        }
    }

    /// Shows where what is new begins.
    pub(crate) fn jump_to_unread(self) {
        let line = self
            .visit
            .room
            .get_untracked()
            .and_then(|name| self.read(&name, |room| room.reading.line))
            .flatten();
        if let Some(line) = line {
            spawn(self.go_to(Goal { seq: line.next(), at: At::Top }));
        }
    }

    /// Shows the end, and follows what is said.
    pub(crate) fn jump_to_end(self) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        self.change(&name, |room| {
            room.timeline.go_to_end();
            room.window.go_to_end();
        });
        self.visit.goal.set(None);
        self.visit.following.set(true);
        self.show(&name);
    }

    /// The reader has scrolled to the end of what is drawn, or away from it.
    pub(crate) fn follow(self, at_end: bool) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        let following = at_end && self.draws_end() && self.visit.goal.with_untracked(Option::is_none);
        if following == self.visit.following.get_untracked() {
            return;
        }
        self.visit.following.set(following);
        if following {
            self.change(&name, |room| room.window.follow());
            self.show(&name);
        } else {
            self.move_window(|window, items| {
                window.stay(items);
                false
            });
        }
    }

    /// Nothing of the room on the screen comes after what is drawn.
    pub(crate) fn draws_end(self) -> bool {
        self.visit.beyond.get_untracked().1 == 0 && self.visit.timeline.with_untracked(Timeline::reads_end)
    }

    /// Somebody looks at the page, or nobody does any more.
    pub(super) fn look(self, looking: bool) {
        if self.looking.get_untracked() == looking {
            return;
        }
        self.looking.set(looking);
        self.keep_place();
        if let Some(name) = self.visit.room.get_untracked() {
            self.show(&name);
        }
    }

    /// Goes to a message, which is fetched if it is not held.
    async fn go_to(self, goal: Goal) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        let holds = |room: &Room, events: fn(&Timeline) -> &[Event]| {
            let events = events(&room.timeline);
            events
                .first()
                .zip(events.last())
                .is_some_and(|(first, last)| (first.seq..=last.seq).contains(&goal.seq))
        };
        let held = self.change(&name, |room| {
            if !holds(room, Timeline::read) && holds(room, Timeline::events) {
                room.timeline.go_to_end();
            }
            holds(room, Timeline::read)
        });
        if held != Some(true) {
            let Some(stay) = self.begin_asking(&name, |underway| &mut underway.going) else { return };
            let around = History { around: Some(goal.seq), limit: Some(100), ..history(&name, None, None) };
            let page = self.page(&stay, around).await;
            if let Some(page) = &page {
                self.change(&name, |room| room.timeline.go_to(page));
                // Before anything is shown, or the end would be taken up again.
                self.visit.following.set(false);
            }
            self.visit.place.set(None);
            self.end_asking(&stay, |underway| &mut underway.going);
            if page.is_none() || !self.visit.is_in(&name) {
                return;
            }
        }
        self.visit.following.set(false);
        self.visit.goal.set(Some(goal));
        self.move_window(|window, items| {
            window.show(items, goal.seq);
            true
        });
    }

    /// Finds where to begin reading in the room on the screen, once its log is known: the message
    /// that was asked for, where one was, what is new, or the end. What is kept of an earlier visit
    /// may hold none of these: then its end is shown until the room tells more.
    pub(super) fn settle_down(self, name: &RoomName) {
        if !self.visit.is_in(name) || self.visit.settled.get_untracked() {
            return;
        }
        let me = self.me_or_remembered();
        let line = self.change(name, |room| {
            room.draw_line(me.as_ref());
            room.reading.line
        });
        let asked_for = self.visit.bound_for.get_untracked().map(|seq| Goal { seq, at: At::Middle });
        let place = || storage::place(name).map(|(seq, offset)| Goal { seq, at: At::Offset(offset) });
        let unread = || line.flatten().map(|line| Goal { seq: line.next(), at: At::Top });
        let goal = asked_for.or_else(place).or_else(unread);
        let seen = |room: &Room| {
            let held = goal.as_ref().is_some_and(|goal| room.timeline.find(goal.seq).is_some());
            room.joined || held
        };
        if self.read(name, seen) != Some(true) {
            return;
        }
        self.visit.settled.set(true);
        // Who has begun to read meanwhile goes on there.
        if let Some(goal) = goal.filter(|_| self.visit.following.get_untracked()) {
            self.visit.following.set(false);
            spawn(self.go_to(goal));
        }
    }

    /// Remembers where the reader is.
    pub(super) fn keep_place(self) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        if self.visit.settled.get_untracked() {
            let place = self.visit.place.get_untracked().filter(|_| !self.visit.following.get_untracked());
            storage::keep_place(&name, place);
        }
    }
}
