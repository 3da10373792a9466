//! The outbox and the database under it, which all windows of this browser share.
//!
//! What is written is kept there before it leaves for the server; what one window changes the others
//! read again. A browser without a database loses nothing either, as long as the window is open.

use std::sync::atomic::Ordering::Relaxed;

use common::{
    event::{Event, RoomEvent},
    json,
    message::Body,
    room::RoomName,
};

use super::Chat;
use crate::{
    indexed_db,
    state::outbox::{Outbox, Place, Unsent},
    storage,
    task::spawn,
    windows::{self, News},
};

/// How often a database that is slow is read before what it holds is no longer waited for: another
/// window may have been put to sleep in the middle of writing.
const ATTEMPTS: u32 = 3;

impl Chat {
    /// Finds what earlier visits left unsent, and hears from now on what other windows do.
    pub(super) fn open_outbox(self) {
        windows::listen(move |news| match news {
            News::Outbox => spawn(self.read_outbox()),
            News::Said(told) => spawn(self.said(told)),
        });
        spawn(self.read_outbox());
        spawn(self.keep_delivering());
    }

    /// Keeps what was written, and then lets it leave.
    pub(super) async fn keep(self) {
        if self.keeping.swap(true, Relaxed) {
            return;
        }
        loop {
            let pending = self.outbox.with_untracked(Outbox::pending);
            if pending.is_empty() {
                break;
            }
            let places = indexed_db::add(&pending.iter().map(write).collect::<Vec<_>>()).await;
            self.outbox.update(|outbox| match &places {
                Some(places) => outbox.kept(&pending, places),
                None => outbox.not_kept(&pending),
            });
            pending.iter().for_each(forget_draft);
            self.draw();
            self.list();
            windows::tell(&News::Outbox);
            self.deliver();
        }
        self.keeping.store(false, Relaxed);
        if !self.outbox.with_untracked(Outbox::is_known) {
            self.read_outbox().await;
        }
    }

    /// Keeps what has become of a message that was kept before.
    pub(super) async fn keep_changed(self, message: Option<Unsent>) {
        let Some(message) = message else { return };
        let Some(place) = message.place() else { return };
        indexed_db::put(place, &write(&message)).await;
        windows::tell(&News::Outbox);
        // What was read meanwhile may be what it was before.
        self.read_outbox().await;
    }

    /// Keeps no longer what stood in these places: it is said, or thrown away.
    pub(super) async fn forget(self, places: Vec<Place>) {
        if !places.is_empty() {
            indexed_db::remove(&places).await;
            windows::tell(&News::Outbox);
        }
    }

    /// Lets go of messages that are in this log of a room. A window that is not in the room, or has
    /// no connection, hears of it only from us; first that they are said, or it would miss them.
    pub(super) fn let_go(self, room: &RoomName, log: &[Event]) {
        let (events, places) = self.outbox.update(|outbox| outbox.settle(log));
        for event in events {
            windows::tell(&News::Said(RoomEvent { room: room.clone(), event }));
        }
        spawn(self.forget(places));
    }

    /// Lets go of messages, and of changes of messages, that have arrived in the log of this room.
    pub(super) fn settle(self, room: &RoomName) {
        if let Some(last) = self.read(room, |room| room.timeline.last()).flatten() {
            self.changes.update(|changes| changes.settle(room, last));
        }
        if !self.outbox.with_untracked(Outbox::is_empty) {
            self.read(room, |held| self.let_go(room, held.timeline.events()));
        }
    }

    /// Reads what the database holds, once more if it changes meanwhile.
    async fn read_outbox(self) {
        self.outdated.store(true, Relaxed);
        if self.reading.swap(true, Relaxed) {
            return;
        }
        let mut failures = 0;
        while self.outdated.swap(false, Relaxed) {
            // No other wait between here and the outbox: what is added later is not yet missing.
            let kept = indexed_db::read().await;
            failures = if kept.is_some() { 0 } else { failures + 1 };
            match kept {
                Some(kept) => self.outbox.update(|outbox| {
                    outbox.read(kept.iter().filter_map(|(place, text)| Some((*place, read(text)?))));
                }),
                None if indexed_db::is_missing() || failures == ATTEMPTS => {
                    self.outbox.update(Outbox::go_without);
                }
                // What it holds goes before what is written now.
                None => self.outdated.store(true, Relaxed),
            }
            self.draw();
        }
        self.reading.store(false, Relaxed);
        self.deliver();
    }
}

/// The draft this message was, unless something else is being written by now.
fn forget_draft(message: &Unsent) {
    if Body::parse(&storage::draft(&message.room)).is_ok_and(|draft| draft == message.body) {
        storage::keep_draft(&message.room, "");
    }
}

fn write(message: &Unsent) -> String {
    json::write(message)
}

/// `None` for what only a newer page would understand: it is left alone.
fn read(text: &str) -> Option<Unsent> {
    json::read(text).ok()
}
