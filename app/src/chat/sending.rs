//! The way out: what is written goes into the outbox, and from there to the server, in order.
//!
//! In each room one message is on its way at a time. Whatever the connection does, each is sent
//! until the server answers, always with the same `cid`, and so it is said exactly once. That holds
//! for several windows too: each sends what the database has first, and the next only when the
//! server has that; taking turns merely spares the server what it has already.

use common::{
    event::{Join, Leave, RoomEvent, Send, Sent},
    message::{Body, Cid},
    refusal::Refusal,
    room::RoomName,
};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{BREATH, Chat};
use crate::{
    socket::Failure,
    state::outbox::{Outbox, Unsent},
    when,
    windows::{self, News},
};

/// How often what could not be delivered is tried again, in ms: a full room may have a seat now.
const TRY_AGAIN: u32 = 10_000;

impl Chat {
    /// Says something in the room; refused here by the very rule of the server.
    pub(crate) fn send(self, text: &str) -> Result<(), Refusal> {
        let body = Body::parse(text)?;
        let Some((room, _)) = self.visit.current() else { return Err(Refusal::NotInRoom) };
        // Until we have been let in, the room may have to be opened by whoever delivers this.
        let seats = if self.visit.inside.get_untracked() { None } else { self.planned_seats(&room) };
        let message = Unsent { seats, ..Unsent::new(room, fresh_cid(), body, when::now()) };
        self.outbox.update(|outbox| outbox.push(message));
        // Whoever says something wants to see it.
        self.visit.left_at.set(None);
        self.show();
        spawn_local(self.keep());
        Ok(())
    }

    /// Sends a message again that was refused.
    pub(crate) fn retry(self, cid: &Cid) {
        let message = self.outbox.update(|outbox| outbox.retry(cid).cloned());
        self.show();
        spawn_local(async move {
            self.keep_changed(message).await;
            self.deliver();
        });
    }

    /// Throws a message away that was not sent.
    pub(crate) fn discard(self, cid: &Cid) {
        let message = self.outbox.update(|outbox| outbox.remove(cid));
        self.show();
        spawn_local(self.forget(message.into_iter().collect()));
    }

    /// Empties the outbox, as far as the connection and the server let us.
    pub(super) fn deliver(self) {
        spawn_local(self.deliver_here());
        spawn_local(self.deliver_elsewhere());
    }

    /// Tries again, from time to time, for as long as the page lives.
    pub(super) async fn keep_delivering(self) {
        loop {
            TimeoutFuture::new(TRY_AGAIN).await;
            self.deliver();
        }
    }

    /// Sends what waits in the room of this visit.
    async fn deliver_here(self) {
        let visit = self.visit;
        let Some((room, number)) = visit.current() else { return };
        if visit.sending.get_untracked() || !visit.joined.get_untracked() || self.next(&room).is_none() {
            return;
        }
        visit.sending.set(true);
        let alone = windows::alone(room.as_str()).await;
        self.send_all(&room, &|| visit.is(number) && visit.joined.get_untracked()).await;
        drop(alone);
        if visit.is(number) {
            visit.sending.set(false);
        }
    }

    /// Sends what was left behind in rooms one is not in, without showing them.
    async fn deliver_elsewhere(self) {
        if self.elsewhere.get_untracked() {
            return;
        }
        self.elsewhere.set(true);
        let mut tried = Vec::new();
        while let Some(room) =
            self.outbox.with_untracked(Outbox::rooms).into_iter().find(|room| !tried.contains(room))
        {
            if !self.visit.is_in(&room) {
                self.deliver_in_passing(&room).await;
            }
            tried.push(room);
        }
        self.elsewhere.set(false);
    }

    /// Goes into a room, quietly, sends what waits there, and leaves again.
    async fn deliver_in_passing(self, room: &RoomName) {
        let alone = windows::alone(room.as_str()).await;
        if alone.is_none() {
            // Another window may be in the room and about to send it.
            TimeoutFuture::new(BREATH).await;
        }
        let connection = self.connection.get_untracked();
        let passing = || !self.visit.is_in(room) && self.connection.get_untracked() == connection;
        if !passing() || self.next(room).is_none() {
            return;
        }
        let join = Join { room: room.clone(), seats: self.planned_seats(room), since: None };
        if self.ask_patiently(&join, &passing).await.is_ok() {
            self.send_all(room, &passing).await;
            if passing() {
                // Without a connection the server finds out by itself.
                let _ = self.ask(&Leave { room: room.clone() }).await;
            }
        }
    }

    /// Sends what waits in a room that we have joined, for as long as `still` holds: this connection
    /// is in the room, and nobody else sends there.
    async fn send_all(self, room: &RoomName, still: &dyn Fn() -> bool) {
        while let Some(Unsent { cid, body, .. }) = self.next(room)
            && still()
        {
            let send = Send { room: room.clone(), cid: cid.clone(), body };
            match self.ask_patiently(&send, still).await {
                Ok(sent) => self.sent(room, &sent).await,
                // Nobody else makes our cids: we said it when this browser was another person.
                Err(Failure::Refused(Refusal::CidTaken)) => self.discard(&cid),
                // It says nothing about the message: the next time we are in the room it is sent.
                Err(Failure::Refused(Refusal::NotInRoom)) => return,
                Err(Failure::Refused(refusal)) if still() => {
                    let message = self.outbox.update(|outbox| outbox.fail(&cid, refusal).cloned());
                    self.show();
                    self.keep_changed(message).await;
                }
                Err(_) => return,
            }
        }
    }

    fn next(self, room: &RoomName) -> Option<Unsent> {
        self.outbox.with_untracked(|outbox| outbox.next(room).cloned())
    }

    /// From here on the message can not be lost.
    async fn sent(self, room: &RoomName, sent: &Sent) {
        let Some(me) = self.me_untracked() else { return };
        let event = self.outbox.update(|outbox| outbox.accept(sent, me));
        if let Some(event) = event {
            let told = RoomEvent { room: room.clone(), event };
            self.tell(&News::Said(told.clone()));
            self.said(told).await;
        }
    }

    /// Something that was in the outbox is in the log, says the server or another window.
    pub(super) async fn said(self, told: RoomEvent) {
        // In a long conversation the timeline of a page that was just opened may begin after it.
        let older = self.visit.timeline.with_untracked(|timeline| timeline.begins_after(told.event.seq));
        if self.visit.is_in(&told.room) && !older {
            self.visit.timeline.update(|timeline| timeline.pushed(told.event));
            self.show();
            self.fill().await;
        } else {
            let settled = self.outbox.update(|outbox| outbox.settle(&[told.event]));
            self.show();
            self.forget(settled).await;
        }
    }
}

/// A cid nobody else will ever make.
fn fresh_cid() -> Cid {
    let mut bytes = [0; 16];
    if window().crypto().is_ok_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok()) {
        return Cid::from_random(u128::from_le_bytes(bytes));
    }
    // Every browser that runs WebAssembly has `crypto`; this is for one that forbids it.
    Cid::from_random((js_sys::Math::random() * 1e30) as u128)
}
