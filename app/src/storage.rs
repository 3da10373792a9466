//! What this browser remembers in passing: drafts, our name, what was chosen.
//!
//! Everything is under `madang/`. A browser may forbid storage (private windows, policies); then
//! nothing is remembered and nothing breaks. The last seconds before a crash may be missing: what
//! must not be lost is in `indexed_db`.

use common::{event::Edit, json, message::Seq, person::Person, room::RoomName};
use leptos::prelude::window;
use web_sys::Storage;

use crate::route::encode;

pub(crate) const LANGUAGE: &str = "madang/language";

const ME: &str = "madang/me";

const EDITS: &str = "madang/edits";

const ROOMS: &str = "madang/rooms";

/// What is remembered of each room.
const DRAFT: &str = "draft";
const READ: &str = "read";
const PLACE: &str = "place";

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
    json::read(&read(ME)?).ok()
}

pub(crate) fn remember_me(me: Option<&Person>) {
    write(ME, me.map(|me| json::write(me)).as_deref());
}

pub(crate) fn draft(room: &RoomName) -> String {
    read(&key(DRAFT, room)).unwrap_or_default()
}

pub(crate) fn keep_draft(room: &RoomName, text: &str) {
    write(&key(DRAFT, room), (!text.is_empty()).then_some(text));
}

/// Edits that were not said, of all windows, each window's in the order in which they were wanted.
pub(crate) fn edits() -> Vec<Edit> {
    read(EDITS).and_then(|edits| json::read(&edits).ok()).unwrap_or_default()
}

pub(crate) fn keep_edits(edits: &[Edit]) {
    write(EDITS, (!edits.is_empty()).then(|| json::write(&edits)).as_deref());
}

/// The rooms that are ours, in the order in which they were last listed.
pub(crate) fn rooms() -> Vec<RoomName> {
    let names = read(ROOMS).unwrap_or_default();
    // No name holds a line break.
    names.lines().filter_map(|name| RoomName::parse(name).ok()).collect()
}

/// What other windows have written is read again first: a room is added to theirs.
pub(crate) fn remember_room(room: &RoomName) {
    let mut names = rooms();
    if !names.contains(room) {
        names.push(room.clone());
        keep_rooms(&names);
    }
}

/// Puts the rooms into this order, before those that only other windows know of.
pub(crate) fn order_rooms<'a>(order: impl Iterator<Item = &'a RoomName>) {
    let before = rooms();
    let mut names: Vec<_> = order.filter(|name| before.contains(name)).cloned().collect();
    names.extend(before.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
    if names != before {
        keep_rooms(&names);
    }
}

pub(crate) fn forget_room(room: &RoomName) {
    let mut names = rooms();
    names.retain(|name| name != room);
    keep_rooms(&names);
    let mut edits = edits();
    edits.retain(|edit| edit.room != *room);
    keep_edits(&edits);
    for what in [READ, PLACE] {
        write(&key(what, room), None);
    }
}

/// Up to which event this room was read.
pub(crate) fn read_to(room: &RoomName) -> Option<Seq> {
    read(&key(READ, room))?.parse().ok().map(Seq)
}

pub(crate) fn keep_read(room: &RoomName, seq: Seq) {
    if read_to(room) < Some(seq) {
        write(&key(READ, room), Some(&seq.0.to_string()));
    }
}

pub(crate) fn forget_read(room: &RoomName) {
    write(&key(READ, room), None);
}

/// Where the reader was in this room, unless that was the end: the first message in sight and where
/// on the screen its lower edge was.
pub(crate) fn place(room: &RoomName) -> Option<(Seq, i32)> {
    let place = read(&key(PLACE, room))?;
    let (seq, offset) = place.split_once(' ')?;
    Some((Seq(seq.parse().ok()?), offset.parse().ok()?))
}

pub(crate) fn keep_place(room: &RoomName, place: Option<(Seq, i32)>) {
    let place = place.map(|(seq, offset)| format!("{} {offset}", seq.0));
    write(&key(PLACE, room), place.as_deref());
}

fn keep_rooms(names: &[RoomName]) {
    write(ROOMS, Some(&names.iter().map(RoomName::as_str).collect::<Vec<_>>().join("\n")));
}

fn key(what: &str, room: &RoomName) -> String {
    format!("madang/{what}/{}", encode(room.as_str()))
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
