//! The outbox and its database, which all tabs of this browser share.
//!
//! A message is written to the database before it is sent; after every write the other tabs read
//! the database again. Without a database nothing is lost either, as long as the tab is open.

use std::sync::atomic::Ordering::Relaxed;

use common::{
    json,
    message::Body,
    protocol::{event::Event, push::RoomEvent},
    room::RoomName,
};

use super::Chat;
use crate::{
    indexed_db,
    state::outbox::{Outbox, OutboxKey, PendingMessage},
    storage,
    tabs::{self, TabMessage},
    task::spawn,
};

/// How often a slow database is read before the page stops waiting for it: another tab may have
/// been suspended in the middle of a write.
const MAX_ATTEMPTS: u32 = 3;

impl Chat {
    /// Loads the pending messages of earlier pages, and listens for changes of other tabs.
    pub(super) fn restore_outbox(self) {
        tabs::listen(move |message| match message {
            TabMessage::OutboxChanged => spawn(self.load_outbox()),
            TabMessage::Sent(event_push) => spawn(self.on_confirmed(event_push)),
        });
        spawn(self.load_outbox());
        spawn(self.resend_loop());
    }

    /// Writes new messages to the database, then sends them.
    pub(super) async fn persist_outbox(self) {
        if self.persisting_outbox.swap(true, Relaxed) {
            return;
        }
        loop {
            let unpersisted = self.outbox.with_untracked(Outbox::unpersisted);
            if unpersisted.is_empty() {
                break;
            }
            let keys = indexed_db::add(&unpersisted.iter().map(to_json).collect::<Vec<_>>()).await;
            self.outbox.update(|outbox| match &keys {
                Some(keys) => outbox.mark_persisted(&unpersisted, keys),
                None => outbox.mark_memory_only(&unpersisted),
            });
            unpersisted.iter().for_each(clear_draft);
            self.render();
            self.schedule_list();
            tabs::post(&TabMessage::OutboxChanged);
            self.send_pending();
        }
        self.persisting_outbox.store(false, Relaxed);
        if !self.outbox.with_untracked(Outbox::is_loaded) {
            self.load_outbox().await;
        }
    }

    /// Updates the stored copy of a message.
    pub(super) async fn persist_message(self, message: Option<PendingMessage>) {
        let Some(message) = message else { return };
        let Some(key) = message.key() else { return };
        indexed_db::put(key, &to_json(&message)).await;
        tabs::post(&TabMessage::OutboxChanged);
        // A read that began before the write may have loaded the old state.
        self.load_outbox().await;
    }

    /// Deletes messages from the database that were confirmed or discarded.
    pub(super) async fn delete_persisted(self, keys: Vec<OutboxKey>) {
        if !keys.is_empty() {
            indexed_db::remove(&keys).await;
            tabs::post(&TabMessage::OutboxChanged);
        }
    }

    /// Removes messages from the outbox that are in this log. Other tabs may not be in the room or
    /// have no connection, so they are told. The confirmation is posted before the deletion, or
    /// they would miss it.
    pub(super) fn confirm_messages(self, room: &RoomName, log: &[Event]) {
        let (events, keys) = self.outbox.update(|outbox| outbox.confirm(log));
        for event in events {
            tabs::post(&TabMessage::Sent(RoomEvent { room: room.clone(), event }));
        }
        spawn(self.delete_persisted(keys));
    }

    /// Removes pending messages and edits that the log of this room confirms.
    pub(super) fn confirm_from_log(self, room: &RoomName) {
        if let Some(last) = self.with_room(room, |room| room.timeline.last()).flatten() {
            self.pending_edits.update(|edits| edits.confirm(room, last));
        }
        if !self.outbox.with_untracked(Outbox::is_empty) {
            self.with_room(room, |room_state| self.confirm_messages(room, room_state.timeline.events()));
        }
    }

    /// Loads the outbox from the database, again if it changes meanwhile.
    async fn load_outbox(self) {
        self.outbox_stale.store(true, Relaxed);
        if self.loading_outbox.swap(true, Relaxed) {
            return;
        }
        let mut failures = 0;
        while self.outbox_stale.swap(false, Relaxed) {
            // No other await between this one and the update, or a message added later would count
            // as missing.
            let stored = indexed_db::load_outbox().await;
            failures = if stored.is_some() { 0 } else { failures + 1 };
            match stored {
                Some(stored) => self.outbox.update(|outbox| {
                    outbox.load(stored.iter().filter_map(|(key, text)| Some((*key, from_json(text)?))));
                }),
                None if indexed_db::is_unavailable() || failures == MAX_ATTEMPTS => {
                    self.outbox.update(Outbox::continue_without_database);
                }
                // Stored messages must be sent before new ones.
                None => self.outbox_stale.store(true, Relaxed),
            }
            self.render();
        }
        self.loading_outbox.store(false, Relaxed);
        self.send_pending();
    }
}

/// Clears the draft of a message, unless something else is being written by now.
fn clear_draft(message: &PendingMessage) {
    if Body::parse(&storage::load_draft(&message.room)).is_ok_and(|draft| draft == message.body) {
        storage::save_draft(&message.room, "");
    }
}

fn to_json(message: &PendingMessage) -> String {
    json::to_string(message)
}

/// Returns `None` for a message of a newer version of the page; it stays in the database.
fn from_json(text: &str) -> Option<PendingMessage> {
    json::from_str(text).ok()
}
