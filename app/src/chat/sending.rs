//! The way out: what is written goes into the outbox, and from there to the server, in order.
//!
//! In each room one message is on its way at a time. Whatever the connection does, each is sent
//! until the server answers, always with the same `cid`, and so it is said exactly once. That holds
//! for several windows too: each sends what the database has first, and the next only when the
//! server has that; taking turns merely spares the server what it has already.

use std::{mem, sync::atomic::Ordering::Relaxed};

use common::{
    event::{Leave, RoomEvent, Send, Sent},
    message::{Body, Cid},
    refusal::Refusal,
    room::RoomName,
};
use leptos::prelude::*;

use super::{Chat, asking::BREATH, rooms::Composing};
use crate::{
    socket::Failure,
    state::outbox::{Outbox, Unsent},
    storage,
    task::{pause, spawn},
    when, windows,
};

/// How often what could not be delivered is tried again, in ms: a full room may have a seat now.
const TRY_AGAIN: u32 = 10_000;

impl Chat {
    /// Says something in the room; refused here by the very rule of the server.
    pub(crate) fn send(self, text: &str) -> Result<(), Refusal> {
        let body = Body::parse(text)?;
        let Some(room) = self.visit.room.get_untracked() else { return Err(Refusal::NotInRoom) };
        let reply_to = match self.composing.get_untracked() {
            Composing::New => None,
            Composing::Reply(seq) => Some(seq),
            Composing::Edit(seq) => {
                self.composing.set(Composing::New);
                self.edit(seq, body);
                return Ok(());
            }
        };
        self.composing.set(Composing::New);
        // Until we have been let in, the room may have to be opened by whoever delivers this.
        let inside = self.visit.inside.with_untracked(|inside| *inside);
        let seats = if inside { None } else { self.planned(&room).seats };
        // It is ours as soon as we say something there, or a reload before we are let in would hide
        // where that waits.
        self.change(&room, |room| room.ours = true);
        storage::remember_room(&room);
        self.list();
        let message = Unsent { seats, reply_to, ..Unsent::new(room, fresh_cid(), body, when::now()) };
        self.outbox.update(|outbox| outbox.push(message));
        // Whoever says something wants to see it.
        self.jump_to_end();
        spawn(self.keep());
        Ok(())
    }

    /// Sends a message again that was refused.
    pub(crate) fn retry(self, cid: &Cid) {
        let message = self.outbox.update(|outbox| outbox.retry(cid).cloned());
        self.draw();
        spawn(async move {
            self.keep_changed(message).await;
            self.deliver();
        });
    }

    /// Throws a message away that was not sent.
    pub(crate) fn discard(self, cid: &Cid) {
        let message = self.outbox.update(|outbox| outbox.remove(cid));
        self.draw();
        spawn(self.forget(message.iter().filter_map(Unsent::place).collect()));
    }

    /// Empties the outbox, as far as the connection and the server let us.
    pub(super) fn deliver(self) {
        for room in self.outbox.with_untracked(Outbox::rooms) {
            if self.read(&room, |room| room.joined) == Some(true) {
                spawn(self.deliver_in(room));
            }
        }
        spawn(self.deliver_elsewhere());
        spawn(self.deliver_changes());
    }

    /// Tries again, from time to time, for as long as the page lives.
    pub(super) async fn keep_delivering(self) {
        loop {
            pause(TRY_AGAIN).await;
            self.deliver();
        }
    }

    /// Sends what waits in a room we are in.
    async fn deliver_in(self, room: RoomName) {
        let stay = self.rooms.with_untracked(|rooms| rooms.stay(&room));
        let sending = self.change(&room, |room| mem::replace(&mut room.underway.sending, true));
        let (Some(stay), Some(false)) = (stay, sending) else { return };
        let alone = windows::alone(room.as_str()).await;
        let still = || self.goes_on(&stay) && self.read(&room, |room| room.joined) == Some(true);
        self.send_all(&room, &still).await;
        drop(alone);
        if self.goes_on(&stay) {
            self.change(&room, |room| room.underway.sending = false);
        }
    }

    /// Sends what was left behind in rooms one is not in, without showing them.
    async fn deliver_elsewhere(self) {
        if self.elsewhere.swap(true, Relaxed) {
            return;
        }
        let mut tried = Vec::new();
        while let Some(room) =
            self.outbox.with_untracked(Outbox::rooms).into_iter().find(|room| !tried.contains(room))
        {
            if self.read(&room, |_| ()).is_none() {
                self.deliver_in_passing(&room).await;
            }
            tried.push(room);
        }
        self.elsewhere.store(false, Relaxed);
    }

    /// Goes into a room, quietly, sends what waits there, and leaves again.
    async fn deliver_in_passing(self, room: &RoomName) {
        let alone = windows::alone(room.as_str()).await;
        if alone.is_none() {
            // Another window may be in the room and about to send it.
            pause(BREATH).await;
        }
        let connection = self.connection();
        let passing = || self.read(room, |_| ()).is_none() && self.connection() == connection;
        let Some(Unsent { cid, .. }) = self.next(room).filter(|_| passing()) else { return };
        match self.ask_patiently(&self.planned(room), &passing).await {
            Ok(_) => {
                self.send_all(room, &passing).await;
                if passing() {
                    // Without a connection the server finds out by itself.
                    let _ = self.ask(&Leave { room: room.clone() }).await;
                }
            }
            // Not to be said without another word as soon as the door is open again.
            Err(Failure::Refused(Refusal::Removed)) => self.fail(&cid, Refusal::Removed).await,
            Err(_) => {}
        }
    }

    /// Sends what waits in a room that we have joined, for as long as `still` holds: this connection
    /// is in the room, and nobody else sends there.
    async fn send_all(self, room: &RoomName, still: &dyn Fn() -> bool) {
        while let Some(Unsent { cid, body, reply_to, .. }) = self.next(room)
            && still()
        {
            let send = Send { reply_to, ..Send::new(room.clone(), cid.clone(), body) };
            match self.ask_patiently(&send, still).await {
                Ok(sent) => self.sent(room, &sent).await,
                // Nobody else makes our cids: we said it when this browser was another person.
                Err(Failure::Refused(Refusal::CidTaken)) => self.discard(&cid),
                // It says nothing about the message: the next time we are in the room it is sent.
                Err(Failure::Refused(Refusal::NotInRoom)) => return,
                Err(Failure::Refused(refusal)) if still() => self.fail(&cid, refusal).await,
                Err(_) => return,
            }
        }
    }

    /// The server will not have this message.
    async fn fail(self, cid: &Cid, refusal: Refusal) {
        let message = self.outbox.update(|outbox| outbox.fail(cid, refusal).cloned());
        self.draw();
        self.keep_changed(message).await;
    }

    fn next(self, room: &RoomName) -> Option<Unsent> {
        self.outbox.with_untracked(|outbox| outbox.next(room).cloned())
    }

    /// From here on the message can not be lost.
    async fn sent(self, room: &RoomName, sent: &Sent) {
        let Some(me) = self.me_untracked() else { return };
        let event = self.outbox.update(|outbox| outbox.accept(sent, me));
        if let Some(event) = event {
            self.said(RoomEvent { room: room.clone(), event }).await;
        }
    }

    /// Something that was in the outbox is in the log, says the server or another window.
    pub(super) async fn said(self, told: RoomEvent) {
        // In a long conversation the timeline of a page that was just opened may begin after it.
        let comes = self.read(&told.room, |room| !room.timeline.begins_after(told.event.seq));
        if comes == Some(true) {
            self.change(&told.room, |room| room.hear(told.event));
            self.show(&told.room);
            self.fill(told.room).await;
        } else {
            self.let_go(&told.room, &[told.event]);
            self.draw();
        }
    }
}

/// A cid nobody else will ever make.
pub(super) fn fresh_cid() -> Cid {
    let mut bytes = [0; 16];
    if window().crypto().is_ok_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok()) {
        return Cid::from_random(u128::from_le_bytes(bytes));
    }
    // Every browser that runs WebAssembly has `crypto`; this is for one that forbids it.
    Cid::from_random((js_sys::Math::random() * 1e30) as u128)
}
