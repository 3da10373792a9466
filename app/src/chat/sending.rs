//! Sends the messages of the outbox to the server, in order.
//!
//! In each room one message is in flight at a time. It is sent until the server answers, always
//! with the same `cid`, so the log gets it exactly once. That holds with several tabs too: each
//! sends the first message of the database, and the next one only after the server has the first.
//! The lock between tabs only avoids duplicate requests.

use std::{mem, sync::atomic::Ordering::Relaxed};

use common::{
    message::{Body, Cid},
    protocol::{
        command::{Leave, Send},
        push::RoomEvent,
        reply::Sent,
    },
    refusal::Refusal,
    room::RoomName,
};
use leptos::prelude::*;

use super::{Chat, requests::RETRY_DELAY};
use crate::{
    socket::RequestError,
    state::{
        composer_mode::ComposerMode,
        outbox::{Outbox, PendingMessage},
    },
    storage, tabs,
    task::{sleep, spawn},
    time_format,
};

/// How often sending is retried, in ms: a full room may have a free seat by now.
const RESEND_INTERVAL: u32 = 10_000;

impl Chat {
    /// Queues a message for the current room. Validates it with the same code as the server.
    pub(crate) fn send(self, text: &str) -> Result<(), Refusal> {
        let body = Body::parse(text)?;
        let Some(room) = self.current_room.name.get_untracked() else { return Err(Refusal::NotInRoom) };
        let reply_to = match self.composer_mode.get_untracked() {
            ComposerMode::New => None,
            ComposerMode::Reply(seq) => Some(seq),
            ComposerMode::Edit(seq) => {
                self.composer_mode.set(ComposerMode::New);
                self.edit(seq, body);
                return Ok(());
            }
        };
        self.composer_mode.set(ComposerMode::New);
        // Before the first join, sending the message may have to create the room.
        let is_member = self.current_room.is_member.with_untracked(|is_member| *is_member);
        let seats = if is_member { None } else { self.join_request(&room).seats };
        // The room is added to the list at once, or a reload before the join would hide the
        // message.
        self.with_room_mut(&room, |room| room.is_mine = true);
        storage::add_room(&room);
        self.schedule_list();
        let message = PendingMessage {
            seats,
            reply_to,
            ..PendingMessage::new(room, new_cid(), body, time_format::now())
        };
        self.outbox.update(|outbox| outbox.push(message));
        // The reader wants to see the new message.
        self.jump_to_end();
        spawn(self.persist_outbox());
        Ok(())
    }

    /// Sends a refused message again.
    pub(crate) fn retry_message(self, cid: &Cid) {
        let message = self.outbox.update(|outbox| outbox.retry(cid).cloned());
        self.render();
        spawn(async move {
            self.persist_message(message).await;
            self.send_pending();
        });
    }

    /// Discards a message that was not sent.
    pub(crate) fn discard_message(self, cid: &Cid) {
        let message = self.outbox.update(|outbox| outbox.remove(cid));
        self.render();
        spawn(self.delete_persisted(message.iter().filter_map(PendingMessage::key).collect()));
    }

    /// Sends all pending messages and edits.
    pub(super) fn send_pending(self) {
        for room in self.outbox.with_untracked(Outbox::rooms_to_send) {
            if self.with_room(&room, |room| room.is_joined) == Some(true) {
                spawn(self.send_in_room(room));
            }
        }
        spawn(self.send_in_background());
        spawn(self.send_edits());
    }

    /// Retries sending at regular intervals, as long as the page lives.
    pub(super) async fn resend_loop(self) {
        loop {
            sleep(RESEND_INTERVAL).await;
            self.send_pending();
        }
    }

    /// Sends the pending messages of a joined room.
    async fn send_in_room(self, room: RoomName) {
        let generation = self.rooms.with_untracked(|rooms| rooms.generation_of(&room));
        let was_sending = self.with_room_mut(&room, |room| mem::replace(&mut room.in_flight.send, true));
        let (Some(generation), Some(false)) = (generation, was_sending) else { return };
        let lock = tabs::acquire_lock(room.as_str()).await;
        let still_wanted =
            || self.is_current(&generation) && self.with_room(&room, |room| room.is_joined) == Some(true);
        self.send_queued(&room, &still_wanted).await;
        drop(lock);
        if self.is_current(&generation) {
            self.with_room_mut(&room, |room| room.in_flight.send = false);
        }
    }

    /// Sends the pending messages of rooms this page does not hold.
    async fn send_in_background(self) {
        if self.sending_background.swap(true, Relaxed) {
            return;
        }
        let mut tried = Vec::new();
        while let Some(room) =
            self.outbox.with_untracked(Outbox::rooms_to_send).into_iter().find(|room| !tried.contains(room))
        {
            if self.with_room(&room, |_| ()).is_none() {
                self.send_in_unjoined_room(&room).await;
            }
            tried.push(room);
        }
        self.sending_background.store(false, Relaxed);
    }

    /// Joins a room without showing it, sends its messages, and leaves.
    async fn send_in_unjoined_room(self, room: &RoomName) {
        let lock = tabs::acquire_lock(room.as_str()).await;
        if lock.is_none() {
            // Another tab may be in the room and about to send it.
            sleep(RETRY_DELAY).await;
        }
        let generation = self.generation();
        let is_unjoined = || self.with_room(room, |_| ()).is_none() && self.generation() == generation;
        let Some(PendingMessage { cid, .. }) = self.next_pending(room).filter(|_| is_unjoined()) else {
            return;
        };
        match self.request_with_retry(&self.join_request(room), &is_unjoined).await {
            Ok(joined) => {
                self.send_queued(room, &is_unjoined).await;
                // The room may be held under another name that looks the same.
                if is_unjoined() && self.with_room(&joined.room, |_| ()).is_none() {
                    // Without a connection the server notices by itself.
                    let _ = self.request(&Leave { room: joined.room }).await;
                }
            }
            // Marked as failed, so that it is not sent by surprise when the ban ends.
            Err(RequestError::Refused(Refusal::Banned)) => self.mark_failed(&cid, Refusal::Banned).await,
            Err(_) => {}
        }
    }

    /// Sends the pending messages of a joined room while `still_wanted` returns true: this
    /// connection is in the room.
    async fn send_queued(self, room: &RoomName, still_wanted: &dyn Fn() -> bool) {
        while let Some(PendingMessage { cid, body, reply_to, .. }) = self.next_pending(room)
            && still_wanted()
        {
            let send = Send { reply_to, ..Send::new(room.clone(), cid.clone(), body) };
            match self.request_with_retry(&send, still_wanted).await {
                Ok(sent) => self.on_sent(room, &sent).await,
                // No other browser makes this `cid`: the message was sent under another identity of
                // this browser.
                Err(RequestError::Refused(Refusal::CidTaken)) => self.discard_message(&cid),
                // Not an answer about the message: it is sent again once the room is joined.
                Err(RequestError::Refused(Refusal::NotInRoom)) => return,
                Err(RequestError::Refused(refusal)) if still_wanted() => {
                    self.mark_failed(&cid, refusal).await;
                }
                Err(_) => return,
            }
        }
    }

    /// Marks a message as refused by the server.
    async fn mark_failed(self, cid: &Cid, refusal: Refusal) {
        let message = self.outbox.update(|outbox| outbox.fail(cid, refusal).cloned());
        self.render();
        self.persist_message(message).await;
    }

    fn next_pending(self, room: &RoomName) -> Option<PendingMessage> {
        self.outbox.with_untracked(|outbox| outbox.next_to_send(room).cloned())
    }

    /// The server has stored the message.
    async fn on_sent(self, room: &RoomName, sent: &Sent) {
        let Some(me) = self.me_untracked() else { return };
        let event = self.outbox.update(|outbox| outbox.accept(sent, me));
        if let Some(event) = event {
            self.on_confirmed(RoomEvent { room: room.clone(), event }).await;
        }
    }

    /// Applies the event of a message that the server, or another tab, confirmed.
    pub(super) async fn on_confirmed(self, event_push: RoomEvent) {
        // In a long log, the timeline of a new page may begin after this event.
        let will_arrive =
            self.with_room(&event_push.room, |room| !room.timeline.begins_after(event_push.event.seq));
        if will_arrive == Some(true) {
            self.with_room_mut(&event_push.room, |room| room.apply_event(event_push.event));
            self.on_log_changed(&event_push.room);
            self.fill_gap(event_push.room).await;
        } else {
            self.confirm_messages(&event_push.room, &[event_push.event]);
            self.render();
        }
    }
}

/// Returns a new random `cid`.
pub(super) fn new_cid() -> Cid {
    let mut bytes = [0; 16];
    if window().crypto().is_ok_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok()) {
        return Cid::from_random(u128::from_le_bytes(bytes));
    }
    // Every browser that runs WebAssembly has `crypto`; this covers one that forbids it.
    Cid::from_random((js_sys::Math::random() * 1e30) as u128)
}
