//! Going into a room, reading on and back, leaving it again.

use common::{
    event::{History, Join, Leave, Push},
    message::Seq,
    room::RoomName,
};
use wasm_bindgen_futures::spawn_local;

use super::{Chat, Identity};
use crate::{
    socket::Failure,
    state::{roster::Roster, timeline::Timeline},
    storage,
};

/// How many pages of what was missed are shown together: to show them, every row of the room is
/// looked at.
const PAGES_AT_ONCE: u32 = 5;

impl Chat {
    /// Goes into a room, out of the one before; the page of the room calls it when it comes up.
    pub(crate) fn enter(self, room: RoomName) {
        if self.visit.is_in(&room) {
            return;
        }
        self.leave();
        self.visit.begin(Some(room));
        self.show();
        spawn_local(self.join());
    }

    /// Leaves the room one is in; the pages that are no room call it when they come up.
    pub(crate) fn leave(self) {
        let Some((room, _)) = self.visit.current() else { return };
        self.visit.begin(None);
        spawn_local(async move {
            // Without a connection the server finds out by itself.
            let _ = self.ask(&Leave { room }).await;
            self.deliver();
        });
    }

    /// Asks to be let in again.
    pub(crate) fn try_again(self) {
        spawn_local(self.join());
    }

    /// Joins the room of this visit, or joins it again after a lost connection.
    pub(super) async fn join(self) {
        let visit = self.visit;
        let Some((room, number)) = visit.current() else { return };
        let seats = self.planned_seats(&room);
        loop {
            let since = visit.timeline.with_untracked(Timeline::last);
            visit.roster.update(Roster::expect);
            let join = Join { room: room.clone(), seats, since };
            let reply = self.ask_patiently(&join, &|| visit.is(number)).await;
            if !visit.is(number) {
                return;
            }
            match reply {
                Ok(reply) if since.is_some_and(|since| reply.last < since) => {
                    // The server's log is shorter than ours: it was restored from a backup.
                    visit.timeline.update(|timeline| *timeline = Default::default());
                }
                Ok(reply) => {
                    visit.let_in(reply);
                    break self.show();
                }
                Err(Failure::Refused(refusal)) => return visit.refused.set(Some(refusal)),
                Err(Failure::Disconnected) => return,
            }
        }
        self.deliver();
        self.fill().await;
    }

    /// Takes in what is told about a room, if it is the one we are in.
    pub(super) fn hear_room(self, push: Push) {
        if !self.visit.is_in(push.room()) {
            return;
        }
        let says_something = matches!(push, Push::Event(_));
        self.visit.apply(push);
        if says_something {
            self.show();
        }
        if self.visit.timeline.with_untracked(|timeline| timeline.missing().is_some()) {
            spawn_local(self.fill());
        }
    }

    /// Asks for whatever is missing after what we hold, until nothing is.
    pub(super) async fn fill(self) {
        let visit = self.visit;
        let missing = || visit.timeline.with_untracked(Timeline::missing);
        let Some((room, number)) = visit.current() else { return };
        if visit.filling.get_untracked() {
            return;
        }
        visit.filling.set(true);
        for pages in 1.. {
            let Some(after) = missing() else { break };
            let page = self.ask_patiently(&history(&room, None, Some(after)), &|| visit.is(number)).await;
            if !visit.is(number) {
                return;
            }
            let Ok(page) = page else { break };
            visit.timeline.update(|timeline| timeline.page(&page));
            let now = missing();
            if pages % PAGES_AT_ONCE == 0 || now.is_none() {
                self.show();
            }
            // The server does not have what it has spoken of; the next heartbeat asks again.
            if now == Some(after) {
                break;
            }
        }
        visit.filling.set(false);
    }

    /// Asks for older messages, if there are any and they are not on their way.
    pub(crate) fn load_older(self) {
        let visit = self.visit;
        let older = visit.timeline.with_untracked(Timeline::older);
        let (Some((room, number)), Some(before)) = (visit.current(), older) else { return };
        if visit.loading.get_untracked() || !visit.joined.get_untracked() {
            return;
        }
        visit.loading.set(true);
        spawn_local(async move {
            let page = self.ask_patiently(&history(&room, Some(before), None), &|| visit.is(number)).await;
            if !visit.is(number) {
                return;
            }
            if let Ok(page) = page {
                visit.timeline.update(|timeline| timeline.page(&page));
                self.show();
            }
            visit.loading.set(false);
        });
    }

    /// Brings the screen up to date.
    pub(super) fn show(self) {
        self.settle();
        let me = match self.identity.get_untracked() {
            Identity::Known(me) => Some(me),
            // Out of reach of the server, what was not sent is still there, and still ours.
            Identity::Unknown => storage::me(),
            Identity::Nobody => None,
        };
        self.visit.show(self.outbox, me.as_ref());
    }
}

fn history(room: &RoomName, before: Option<Seq>, after: Option<Seq>) -> History {
    let limit = after.map(|_| History::MAX);
    History { room: room.clone(), before, after, around: None, limit }
}
