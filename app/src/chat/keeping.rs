//! The outbox and the database under it, which all windows of this browser share.
//!
//! What is written is kept there before it leaves for the server; what one window changes the others
//! read again. A browser without a database loses nothing either, as long as the window is open.

use std::mem;

use common::message::Body;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::Chat;
use crate::{
    indexed_db,
    state::outbox::{Outbox, Unsent},
    storage,
    windows::{News, Windows},
};

/// How often a database that is slow is read before what it holds is no longer waited for: another
/// window may have been put to sleep in the middle of writing.
const ATTEMPTS: u32 = 3;

impl Chat {
    /// Finds what earlier visits left unsent, and hears from now on what other windows do.
    pub(super) fn open_outbox(self) {
        self.windows.set_value(Some(Windows::listen(move |news| match news {
            News::Outbox => spawn_local(self.read_outbox()),
            News::Said(told) => spawn_local(self.said(told)),
        })));
        spawn_local(self.read_outbox());
        spawn_local(self.keep_delivering());
    }

    pub(super) fn tell(self, news: &News) {
        self.windows.with_value(|windows| {
            if let Some(windows) = windows {
                windows.tell(news);
            }
        });
    }

    /// Keeps what was written, and then lets it leave.
    pub(super) async fn keep(self) {
        if self.keeping.get_untracked() {
            return;
        }
        self.keeping.set(true);
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
            self.show();
            self.tell(&News::Outbox);
            self.deliver();
        }
        self.keeping.set(false);
        if !self.outbox.with_untracked(Outbox::is_known) {
            self.read_outbox().await;
        }
    }

    /// Keeps what has become of a message that was kept before.
    pub(super) async fn keep_changed(self, message: Option<Unsent>) {
        let Some(message) = message else { return };
        let Some(place) = message.place() else { return };
        indexed_db::put(place, &write(&message)).await;
        self.tell(&News::Outbox);
        // What was read meanwhile may be what it was before.
        self.read_outbox().await;
    }

    /// Keeps these no longer: they are said, or thrown away. A window that is not in their room, or
    /// has no connection, hears of it only from us.
    pub(super) async fn forget(self, messages: Vec<Unsent>) {
        let places: Vec<_> = messages.iter().filter_map(Unsent::place).collect();
        if !places.is_empty() {
            indexed_db::remove(&places).await;
            self.tell(&News::Outbox);
        }
    }

    /// Lets go of messages that have arrived in the log of this visit.
    pub(super) fn settle(self) {
        if self.outbox.with_untracked(Outbox::is_empty) {
            return;
        }
        let settled = self
            .visit
            .timeline
            .with_untracked(|timeline| self.outbox.update(|outbox| outbox.settle(timeline.events())));
        if !settled.is_empty() {
            spawn_local(self.forget(settled));
        }
    }

    /// Reads what the database holds, once more if it changes meanwhile.
    async fn read_outbox(self) {
        self.outdated.set(true);
        if self.reading.get_untracked() {
            return;
        }
        self.reading.set(true);
        let mut failures = 0;
        while self.outdated.update(mem::take) {
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
                None => self.outdated.set(true),
            }
            self.show();
        }
        self.reading.set(false);
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
    // Plain strings and numbers, which can always be written.
    serde_json::to_string(message).unwrap_or_default()
}

/// `None` for what only a newer page would understand: it is left alone.
fn read(text: &str) -> Option<Unsent> {
    serde_json::from_str(text).ok()
}
