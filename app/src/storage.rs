//! What this browser remembers: drafts, messages not yet sent, the language, the theme.
//!
//! Everything is under `madang/`. A browser may forbid storage (private windows, policies); then
//! nothing is remembered and nothing breaks. Each unsent message has a key of its own, so that
//! two windows on one room never overwrite each other's.

use common::{message::Cid, person::Person, room::RoomName};
use leptos::prelude::window;
use web_sys::Storage;

use crate::{route::encode, state::outbox::Unsent};

pub(crate) const LANGUAGE: &str = "madang/language";

/// Read by `public/boot.js` too, before the first paint.
pub(crate) const THEME: &str = "madang/theme";

const ME: &str = "madang/me";

pub(crate) fn read(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Remembers `value`, or forgets it when it is `None`.
pub(crate) fn write(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    // Full or forbidden: then it is simply not remembered.
    let _ = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

/// Who we were when the server last said so: for showing what is ours while it can not be asked.
pub(crate) fn me() -> Option<Person> {
    serde_json::from_str(&read(ME)?).ok()
}

pub(crate) fn remember_me(me: &Person) {
    if let Ok(json) = serde_json::to_string(me) {
        write(ME, Some(&json));
    }
}

pub(crate) fn draft(room: &RoomName) -> String {
    read(&draft_key(room)).unwrap_or_default()
}

pub(crate) fn keep_draft(room: &RoomName, text: &str) {
    write(&draft_key(room), (!text.is_empty()).then_some(text));
}

/// The messages an earlier visit of this room left unsent, in any order.
pub(crate) fn unsent(room: &RoomName) -> Vec<Unsent> {
    let Some(storage) = storage() else { return Vec::new() };
    let prefix = unsent_prefix(room);
    (0..storage.length().unwrap_or(0))
        .filter_map(|place| storage.key(place).ok().flatten())
        .filter(|key| key.starts_with(&prefix))
        .filter_map(|key| serde_json::from_str(&read(&key)?).ok())
        .collect()
}

pub(crate) fn keep_unsent(room: &RoomName, message: &Unsent) {
    if let Ok(json) = serde_json::to_string(message) {
        write(&unsent_key(room, &message.cid), Some(&json));
    }
}

pub(crate) fn forget_unsent(room: &RoomName, cid: &Cid) {
    write(&unsent_key(room, cid), None);
}

fn draft_key(room: &RoomName) -> String {
    format!("madang/draft/{}", encode(room.as_str()))
}

fn unsent_prefix(room: &RoomName) -> String {
    format!("madang/unsent/{}/", encode(room.as_str()))
}

fn unsent_key(room: &RoomName, cid: &Cid) -> String {
    format!("{}{}", unsent_prefix(room), cid.as_str())
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
