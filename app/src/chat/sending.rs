//! The way out: what is written goes into the outbox, and from there to the server, in order.
//!
//! One message is on its way at a time. Whatever the connection does, each is sent until the
//! server answers, always with the same `cid`, and so it is said exactly once.

use common::{
    event::{Send, Sent},
    message::{Body, Cid},
    refusal::Refusal,
};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{BREATH, Chat};
use crate::{socket::Failure, state::outbox::Unsent, storage, when};

impl Chat {
    /// Says something in the room; refused here by the very rule of the server.
    pub(crate) fn send(self, text: &str) -> Result<(), Refusal> {
        let body = Body::parse(text)?;
        let Some((room, _)) = self.visit.current() else { return Err(Refusal::NotInRoom) };
        let message = Unsent::new(fresh_cid(), body, when::now());
        storage::keep_unsent(&room, &message);
        self.visit.outbox.update(|outbox| outbox.push(message));
        // Whoever says something wants to see it.
        self.visit.left_at.set(None);
        self.show();
        spawn_local(self.deliver());
        Ok(())
    }

    /// Sends a message again that was refused.
    pub(crate) fn retry(self, cid: &Cid) {
        let Some((room, _)) = self.visit.current() else { return };
        let message = self.visit.outbox.update(|outbox| outbox.retry(cid).cloned());
        if let Some(message) = message {
            storage::keep_unsent(&room, &message);
        }
        self.show();
        spawn_local(self.deliver());
    }

    /// Throws a message away that was not sent.
    pub(crate) fn discard(self, cid: &Cid) {
        let Some((room, _)) = self.visit.current() else { return };
        storage::forget_unsent(&room, cid);
        self.visit.outbox.update(|outbox| {
            outbox.remove(cid);
        });
        self.show();
    }

    /// Empties the outbox, as far as the connection and the server let us.
    pub(super) async fn deliver(self) {
        let visit = self.visit;
        let Some((room, number)) = visit.current() else { return };
        if visit.sending.get_untracked() || !visit.joined.get_untracked() {
            return;
        }
        visit.sending.set(true);
        while let Some(Unsent { cid, body, .. }) =
            visit.outbox.with_untracked(|outbox| outbox.next().cloned())
        {
            let reply = self.ask(&Send { room: room.clone(), cid: cid.clone(), body }).await;
            if !visit.is(number) {
                return;
            }
            match reply {
                Ok(sent) => self.sent(&sent).await,
                Err(Failure::Refused(Refusal::TooFast | Refusal::Unavailable)) => {
                    TimeoutFuture::new(BREATH).await;
                }
                Err(Failure::Refused(refusal)) => self.not_sent(&cid, refusal),
                Err(Failure::Disconnected) => break,
            }
            if !visit.is(number) {
                return;
            }
        }
        visit.sending.set(false);
    }

    /// From here on the message can not be lost.
    async fn sent(self, sent: &Sent) {
        let Some(me) = self.me_untracked() else { return };
        let event = self.visit.outbox.update(|outbox| outbox.accept(sent, me));
        if let Some(event) = event {
            self.visit.timeline.update(|timeline| timeline.pushed(event));
        }
        if let Some((room, _)) = self.visit.current() {
            storage::forget_unsent(&room, &sent.cid);
        }
        self.show();
        self.fill().await;
    }

    fn not_sent(self, cid: &Cid, refusal: Refusal) {
        let message = self.visit.outbox.update(|outbox| outbox.fail(cid, refusal).cloned());
        if let (Some((room, _)), Some(message)) = (self.visit.current(), message) {
            storage::keep_unsent(&room, &message);
        }
        self.show();
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
