//! Going into rooms, hearing what happens in them, reading on and back, leaving them again.

use std::sync::atomic::Ordering::Relaxed;

use common::{
    event::{Event, History, Join, Leave, Page, Push, What},
    message::Seq,
    person::Person,
    refusal::Refusal,
    room::RoomName,
};

use leptos::prelude::*;

use super::{At, Chat, Goal, Identity, Shown, rooms::Composing};
use crate::{
    socket::Failure,
    state::{
        announcer::Announcer,
        room::{Room, Underway},
        rooms::Stay,
        rows::{Item, Row, Scene},
        timeline::Timeline,
        typing::Typing,
        window::Window,
    },
    storage,
    task::{later, spawn},
    when,
};

/// How many pages of what was missed are shown together.
const PAGES_AT_ONCE: u32 = 5;

/// When more than this was missed, the log is read anew from its end instead of caught up with.
const MISSED_AT_MOST: u64 = 3_000;

/// How long what was drawn rests before more is drawn that others say, in ms: whoever writes
/// meanwhile is to see each letter at once.
const REST: u32 = 150;

/// With fewer lines than this above or below what is drawn, more are asked for ahead of time.
const AHEAD: usize = 90;

impl Chat {
    /// Puts a room on the screen, in the place of the one before; the page of the room calls it when
    /// it comes up. The first time it goes into the room.
    pub(crate) fn enter(self, name: RoomName) {
        if self.visit.is_in(&name) {
            return;
        }
        self.leave();
        let (joined, known) = self.rooms.update(|rooms| {
            let room = rooms.enter(&name, storage::read_to(&name));
            (room.joined, room.timeline.is_known())
        });
        self.composing.set(Composing::New);
        self.visit.begin(Some(name.clone()));
        self.visit.changed.about.notify();
        if known {
            self.settle_down(&name);
        }
        self.show(&name);
        if !joined {
            spawn(self.join(name));
        }
    }

    /// Takes the room off the screen; the pages that are no room call it when they come up. We stay
    /// in it, also when its answer is still on the way, unless it does not let us in.
    pub(crate) fn leave(self) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        self.keep_place();
        let me = self.me_or_remembered();
        self.change(&name, |room| room.put_aside(me.as_ref()));
        self.visit.begin(None);
        self.forget_unless_let_in(&name);
        self.list();
    }

    /// Forgets a room that does not let us in and that nobody looks at.
    fn forget_unless_let_in(self, name: &RoomName) {
        let is_closed = self.read(name, |room| room.refused.is_some() && !room.ours);
        if is_closed == Some(true) && !self.visit.is_in(name) {
            self.rooms.update(|rooms| rooms.remove(name));
        }
    }

    /// Leaves a room for good: its seat is free, and it is not ours any more.
    pub(crate) fn leave_for_good(self, name: &RoomName) {
        if self.visit.is_in(name) {
            self.visit.begin(None);
        }
        self.disown(name);
        let leave = Leave { room: name.clone() };
        spawn(async move {
            // Without a connection the server finds out by itself.
            let _ = self.ask(&leave).await;
            self.deliver();
        });
    }

    /// The room is not ours any more, and nothing is kept of it.
    fn disown(self, name: &RoomName) {
        self.rooms.update(|rooms| rooms.remove(name));
        self.changes.update(|changes| changes.forget_room(name));
        storage::forget_room(name);
        self.unshelve(name.clone());
        self.list();
    }

    /// The room's owner has removed us. Whoever was looking at it sees its closed door.
    fn removed(self, name: &RoomName) {
        self.disown(name);
        if self.visit.is_in(name) {
            self.rooms.update(|rooms| rooms.enter(name, None).refused = Some(Refusal::Removed));
            self.visit.changed.about.notify();
        }
    }

    /// Asks to be let in again.
    pub(crate) fn try_again(self) {
        if let Some(name) = self.visit.room.get_untracked() {
            spawn(self.join(name));
        }
    }

    /// Goes into all rooms that are ours, first of all into the one that is looked at.
    pub(super) async fn join_all(self) {
        let connection = self.connection();
        let here = self.visit.room.get_untracked();
        let names = self.rooms.with_untracked(|rooms| {
            rooms
                .all()
                .iter()
                .map(|room| room.name.clone())
                .filter(|name| here.as_ref() != Some(name))
                .collect::<Vec<_>>()
        });
        for name in here.into_iter().chain(names) {
            let is_removed = self.read(&name, |room| room.refused) == Some(Some(Refusal::Removed));
            if self.connection() == connection && !is_removed {
                self.join(name).await;
            }
        }
    }

    /// Joins a room, or joins it again after a lost connection.
    pub(super) async fn join(self, name: RoomName) {
        let Some(stay) = self.rooms.with_untracked(|rooms| rooms.stay(&name)) else { return };
        loop {
            let held = self.change(&name, |room| {
                room.roster.expect();
                room.timeline.last()
            });
            let held = held.flatten();
            // The last event that is held is asked for as well: it tells whose log the answer is of.
            let since = held.map(|held| Seq(held.0.saturating_sub(1)));
            let join = Join { since, ..self.planned(&name) };
            let reply = self.ask_patiently(&join, &|| self.goes_on(&stay)).await;
            if !self.goes_on(&stay) {
                if reply.is_ok() && self.read(&name, |_| ()).is_none() {
                    self.mention(&Leave { room: name });
                }
                return;
            }
            match reply {
                // The server's log is another, or shorter than ours: it was restored from a backup. Or it
                // is too much longer.
                Ok(reply)
                    if held
                        .is_some_and(|held| !(held.0..=held.0 + MISSED_AT_MOST).contains(&reply.last.0))
                        || self.read(&name, |room| room.timeline.is_told_by(&reply)) == Some(false) =>
                {
                    self.change(&name, |room| room.forget_log(Some(reply.last)));
                    storage::forget_read(&name);
                }
                Ok(reply) => {
                    self.change(&name, |room| {
                        room.let_in(reply);
                        room.ours = true;
                    });
                    break;
                }
                Err(Failure::Refused(Refusal::Removed)) => return self.removed(&name),
                Err(Failure::Refused(refusal)) => {
                    self.change(&name, |room| room.refused = Some(refusal));
                    self.forget_unless_let_in(&name);
                    return self.visit.changed.about.notify();
                }
                Err(Failure::Disconnected) => {
                    self.change(&name, |room| room.roster.give_up());
                    return;
                }
            }
        }
        storage::remember_room(&name);
        if let Some(read) = self.read(&name, |room| room.reading.read).flatten() {
            storage::keep_read(&name, read);
        }
        self.leave_one_too_many(&name);
        self.visit.changed.about.notify();
        self.visit.changed.people.notify();
        self.settle_down(&name);
        self.show(&name);
        self.deliver();
        self.fill(name).await;
    }

    fn leave_one_too_many(self, name: &RoomName) {
        let here = self.visit.room.get_untracked().unwrap_or_else(|| name.clone());
        if let Some(quietest) = self.rooms.with_untracked(|rooms| rooms.one_too_many(&here)) {
            self.leave_for_good(&quietest);
        }
    }

    /// Takes in what is told about a room, if we are in it.
    pub(crate) fn hear_room(self, push: Push) {
        let name = push.room().clone();
        let here = self.visit.is_in(&name);
        match push {
            Push::Event(told) => {
                let is_news = self.read(&name, |room| room.timeline.last() < Some(told.event.seq));
                let is_own = self.me_untracked().is_none_or(|me| me.id == told.event.person.id);
                self.change(&name, |room| room.hear(told.event.clone()));
                if here {
                    self.visit.changed.typing.notify();
                    if matches!(told.event.what, What::RoomChanged { .. }) {
                        self.visit.changed.about.notify();
                    }
                    if is_news == Some(true) && !is_own {
                        self.announce(told.event);
                    }
                }
                if here && !is_own {
                    self.show_heard();
                } else {
                    self.show(&name);
                }
            }
            Push::Presence(told) => {
                let me = self.me_or_remembered().map(|me| me.id);
                self.change(&name, |room| room.hear_presence(told, me));
                if here {
                    self.visit.changed.people.notify();
                    self.draw();
                }
            }
            Push::Heartbeat(told) => {
                self.change(&name, |room| room.timeline.heartbeat(told.last));
            }
            Push::Typing(told) => {
                self.change(&name, |room| room.typing.heard(told.person, when::now()));
                self.typing_changed(&name);
                later(Typing::LASTS, move || {
                    self.change(&name, |room| room.typing.forget(when::now()));
                    self.typing_changed(&name);
                });
                return;
            }
            Push::Seat(_) if here => self.try_again(),
            Push::Seat(_) => {}
            Push::Removed(_) => self.removed(&name),
        }
        if self.read(&name, |room| room.timeline.missing()).flatten().is_some() {
            spawn(self.fill(name));
        }
    }

    /// Lets readers aloud know what somebody else said.
    fn announce(self, event: Event) {
        if self.visit.announcer.update(|announcer| announcer.hear(event)) {
            self.speak();
        }
    }

    fn speak(self) {
        let announcement = self.visit.announcer.update(Announcer::next);
        if announcement.is_some() {
            later(Announcer::REST, move || self.speak());
        }
        self.visit.announced.set(announcement);
    }

    fn typing_changed(self, name: &RoomName) {
        if self.visit.is_in(name) {
            self.visit.changed.typing.notify();
        }
        self.list();
    }

    /// Asks for whatever is missing after what we hold, until nothing is.
    pub(super) async fn fill(self, name: RoomName) {
        let missing = || self.read(&name, |room| room.timeline.missing()).flatten();
        if missing().is_none() {
            return;
        }
        let Some(stay) = self.begin_asking(&name, |underway| &mut underway.filling) else { return };
        for pages in 1.. {
            let Some(after) = missing() else { break };
            let Some(page) = self.page(&stay, history(&name, None, Some(after))).await else { break };
            self.change(&name, |room| room.timeline.page(&page));
            let now = missing();
            if pages % PAGES_AT_ONCE == 0 && now.is_some() {
                self.show(&name);
            }
            // The server does not have what it has spoken of; the next heartbeat asks again.
            if now == Some(after) {
                break;
            }
        }
        self.end_asking(&stay, |underway| &mut underway.filling);
    }

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
            room.window.follow();
        });
        self.visit.goal.set(None);
        self.visit.following.set(true);
        self.show(&name);
    }

    /// The reader has scrolled to the end of what is drawn, or away from it.
    pub(crate) fn follow(self, at_end: bool) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        let is_end = self.visit.beyond.get_untracked().1 == 0
            && self.read(&name, |room| room.timeline.reads_end()) == Some(true);
        let following = at_end && is_end && self.visit.goal.with_untracked(Option::is_none);
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

    /// A room's log has changed, or what was read of it: brings everything up to date that follows.
    pub(super) fn show(self, name: &RoomName) {
        self.settle(name);
        let me = self.me_or_remembered();
        let here = self.visit.is_in(name);
        let reads_end = here && self.visit.settled.get_untracked() && self.visit.following.get_untracked();
        let place = self.visit.place.get_untracked().map(|(seq, _)| seq).filter(|_| !reads_end);
        let read = self.change(name, |room| {
            let read = reads_end && self.looking.get_untracked() && room.read_all();
            if !here {
                room.trim_aside(me.as_ref());
            } else if self.visit.settled.get_untracked() {
                room.draw_line(me.as_ref());
                if reads_end || place.is_some() {
                    room.trim(place, me.as_ref());
                }
            }
            room.reading.read.filter(|_| read)
        });
        if let Some(read) = read.flatten() {
            storage::keep_read(name, read);
        }
        if here {
            self.draw();
            self.visit.changed.log.notify();
        }
        self.list();
        self.shelve();
    }

    /// Shows what others said in the room on the screen; while they say much, several at a time.
    fn show_heard(self) {
        if self.visit.resting.swap(true, Relaxed) {
            return self.visit.stale.store(true, Relaxed);
        }
        if let Some(name) = self.visit.room.get_untracked() {
            self.show(&name);
        }
        later(REST, move || {
            self.visit.resting.store(false, Relaxed);
            if self.visit.stale.swap(false, Relaxed) {
                self.show_heard();
            }
        });
    }

    /// Brings the lines on the screen up to date.
    pub(super) fn draw(self) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        let me = self.me_or_remembered();
        self.visit.show(|day_of| {
            self.with_scene(&name, me.as_ref(), |room, scene| scene.draw(&room.window, day_of))
                .unwrap_or_default()
        });
        self.look_up_quotes(&name);
    }

    /// Moves the window of the room on the screen, and draws it where `change` says so.
    fn move_window(self, change: impl FnOnce(&mut Window, &[Item<'_>]) -> bool) {
        let Some(name) = self.visit.room.get_untracked() else { return };
        let me = self.me_or_remembered();
        let moved = self.with_scene(&name, me.as_ref(), |room, scene| {
            let mut window = room.window.clone();
            (change(&mut window, &scene.items()), window)
        });
        let Some((moved, window)) = moved else { return };
        self.change(&name, |room| room.window = window);
        if moved {
            self.draw();
        }
    }

    fn with_scene<T>(
        self,
        name: &RoomName,
        me: Option<&Person>,
        look: impl FnOnce(&Room, &Scene<'_>) -> T,
    ) -> Option<T> {
        self.read(name, |room| {
            self.outbox.with_untracked(|outbox| {
                self.changes.with_untracked(|changes| look(room, &room.scene(outbox, changes, me)))
            })
        })
    }

    /// Looks up a message that is quoted on the screen and not held, one after the other.
    fn look_up_quotes(self, name: &RoomName) {
        let is_new = |seq: &Seq| {
            self.read(name, |room| room.joined && !room.quoted.iter().any(|(quoted, _)| quoted == seq))
                == Some(true)
        };
        let unknown = |row: &Row| {
            let quote = row.reply.as_ref().filter(|quote| quote.who.is_none())?;
            Some(quote.seq).filter(is_new)
        };
        let unknown = self.visit.shown.with_untracked(|shown| {
            shown.iter().find_map(|shown| match shown {
                Shown::Message(_, row) => row.with_untracked(unknown),
                Shown::Note(_) => None,
            })
        });
        let Some(seq) = unknown else { return };
        let Some(stay) = self.begin_asking(name, |underway| &mut underway.quoting) else { return };
        let around = History { around: Some(seq), limit: Some(1), ..history(name, None, None) };
        let name = name.clone();
        spawn(async move {
            let page = self.page(&stay, around).await;
            let is_answered = page.is_some();
            self.change(&name, |room| {
                room.underway.quoting = false;
                if let Some(page) = page {
                    room.looked_up(seq, page.events.into_iter().find(|event| event.seq == seq));
                }
            });
            if is_answered && self.visit.is_in(&name) {
                self.draw();
            }
        });
    }

    /// Asks for a page; `None` if there is none, or nobody wants it any more.
    async fn page(self, stay: &Stay, history: History) -> Option<Page> {
        let page = self.ask_patiently(&history, &|| self.goes_on(stay)).await;
        page.ok().filter(|_| self.goes_on(stay))
    }

    /// Says that something is being asked for, unless it is already.
    fn begin_asking(self, name: &RoomName, what: fn(&mut Underway) -> &mut bool) -> Option<Stay> {
        let asked = self.change(name, |room| std::mem::replace(what(&mut room.underway), true))?;
        self.rooms.with_untracked(|rooms| rooms.stay(name)).filter(|_| !asked)
    }

    fn end_asking(self, stay: &Stay, what: fn(&mut Underway) -> &mut bool) {
        if self.goes_on(stay) {
            self.change(&stay.room, |room| *what(&mut room.underway) = false);
            self.show(&stay.room);
        }
    }

    pub(super) fn goes_on(self, stay: &Stay) -> bool {
        self.rooms.with_untracked(|rooms| rooms.goes_on(stay))
    }

    /// Reads something of a room, if we are in it.
    pub(super) fn read<T>(self, name: &RoomName, read: impl FnOnce(&Room) -> T) -> Option<T> {
        self.rooms.with_untracked(|rooms| rooms.get(name).map(read))
    }

    /// Changes something about a room, if we are in it; whoever changes it tells who shows it.
    pub(super) fn change<T>(self, name: &RoomName, change: impl FnOnce(&mut Room) -> T) -> Option<T> {
        self.rooms.update(|rooms| rooms.get_mut(name).map(change))
    }

    /// Us, as the server or at least this browser knows us.
    pub(super) fn me_or_remembered(self) -> Option<Person> {
        match self.identity.get_untracked() {
            Identity::Known(me) => Some(me),
            // Out of reach of the server, what was not sent is still there, and still ours.
            Identity::Unknown => storage::me(),
            Identity::Nobody => None,
        }
    }
}

fn history(room: &RoomName, before: Option<Seq>, after: Option<Seq>) -> History {
    let limit = after.map(|_| History::MAX);
    History { room: room.clone(), before, after, around: None, limit }
}
