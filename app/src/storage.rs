//! localStorage: drafts, the own name, settings, read and scroll positions.
//!
//! All keys begin with `madang/`. A browser may forbid storage (private windows, policies); then
//! nothing is stored and nothing fails. A crash may lose the last seconds of writes: data that must
//! survive one is in `indexed_db`.

use common::{json, message::Seq, person::Person, protocol::command::Edit, room::RoomName};
use leptos::prelude::window;
use web_sys::Storage;

use crate::route::percent_encode;

pub(crate) const LANGUAGE: &str = "madang/language";

const ME: &str = "madang/me";

const EDITS: &str = "madang/edits";

const ROOMS: &str = "madang/rooms";

/// Prefixes of keys that are followed by a room name.
const DRAFT: &str = "draft";
const READ_POSITION: &str = "read";
const SCROLL_POSITION: &str = "place";

pub(crate) fn load(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Stores `value`, or removes the key if it is `None`.
pub(crate) fn save(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    // Storage is full or forbidden: the value is not stored.
    let _ = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

/// Returns the own person as the server last reported it, to mark own messages while offline.
pub(crate) fn load_person() -> Option<Person> {
    json::from_str(&load(ME)?).ok()
}

pub(crate) fn save_person(me: Option<&Person>) {
    save(ME, me.map(|me| json::to_string(me)).as_deref());
}

pub(crate) fn load_draft(room: &RoomName) -> String {
    load(&key(DRAFT, room)).unwrap_or_default()
}

pub(crate) fn save_draft(room: &RoomName, text: &str) {
    save(&key(DRAFT, room), (!text.is_empty()).then_some(text));
}

/// Returns the pending edits of all tabs, those of each tab in the order in which they were made.
pub(crate) fn load_edits() -> Vec<Edit> {
    load(EDITS).and_then(|edits| json::from_str(&edits).ok()).unwrap_or_default()
}

pub(crate) fn save_edits(edits: &[Edit]) {
    save(EDITS, (!edits.is_empty()).then(|| json::to_string(&edits)).as_deref());
}

/// Returns the own rooms in the order in which they were last listed.
pub(crate) fn load_rooms() -> Vec<RoomName> {
    let names = load(ROOMS).unwrap_or_default();
    // Room names contain no line breaks.
    names.lines().filter_map(|name| RoomName::parse(name).ok()).collect()
}

/// Adds a room; reads the list again first, because other tabs write it as well.
pub(crate) fn add_room(room: &RoomName) {
    let mut names = load_rooms();
    if !names.contains(room) {
        names.push(room.clone());
        save_rooms(&names);
    }
}

/// Reorders the rooms; rooms that only other tabs know stay at the end.
pub(crate) fn reorder_rooms<'a>(order: impl Iterator<Item = &'a RoomName>) {
    let before = load_rooms();
    let mut names: Vec<_> = order.filter(|name| before.contains(name)).cloned().collect();
    names.extend(before.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
    if names != before {
        save_rooms(&names);
    }
}

pub(crate) fn remove_room(room: &RoomName) {
    let mut names = load_rooms();
    names.retain(|name| name != room);
    save_rooms(&names);
    let mut edits = load_edits();
    edits.retain(|edit| edit.room != *room);
    save_edits(&edits);
    for prefix in [READ_POSITION, SCROLL_POSITION] {
        save(&key(prefix, room), None);
    }
}

/// Returns the last read event of a room.
pub(crate) fn load_read_position(room: &RoomName) -> Option<Seq> {
    load(&key(READ_POSITION, room))?.parse().ok().map(Seq)
}

pub(crate) fn save_read_position(room: &RoomName, seq: Seq) {
    if load_read_position(room) < Some(seq) {
        save(&key(READ_POSITION, room), Some(&seq.0.to_string()));
    }
}

pub(crate) fn remove_read_position(room: &RoomName) {
    save(&key(READ_POSITION, room), None);
}

/// Returns the scroll position in a room, unless it was at the end: the first visible message and the
/// offset of its lower edge.
pub(crate) fn load_scroll_position(room: &RoomName) -> Option<(Seq, i32)> {
    let position = load(&key(SCROLL_POSITION, room))?;
    let (seq, offset) = position.split_once(' ')?;
    Some((Seq(seq.parse().ok()?), offset.parse().ok()?))
}

pub(crate) fn save_scroll_position(room: &RoomName, position: Option<(Seq, i32)>) {
    let position = position.map(|(seq, offset)| format!("{} {offset}", seq.0));
    save(&key(SCROLL_POSITION, room), position.as_deref());
}

fn save_rooms(names: &[RoomName]) {
    save(ROOMS, Some(&names.iter().map(RoomName::as_str).collect::<Vec<_>>().join("\n")));
}

fn key(prefix: &str, room: &RoomName) -> String {
    format!("madang/{prefix}/{}", percent_encode(room.as_str()))
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
