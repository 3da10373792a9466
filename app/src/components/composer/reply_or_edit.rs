//! The mode of the composer (new message, reply or edit), stored across reloads beside the draft, and the
//! message that a reply or an edit refers to.

use common::{
    message::{Body, Seq},
    person::DisplayName,
    protocol::event::Event,
    room::RoomName,
};

use crate::{
    chat::{Chat, RenderedRow},
    route::percent_encode,
    state::{composer_mode::ComposerMode, view_model::MessageRow},
    storage,
};

/// Returns the author and current text of a message; `None` if it is not loaded or deleted.
pub(super) fn find_message(chat: Chat, seq: Seq) -> Option<(DisplayName, Body)> {
    let rendered = find_row(chat, |row| row.seq == Some(seq) && !row.is_deleted);
    rendered.map(|row| (row.person.name, row.body)).or_else(|| {
        chat.current_room.timeline.with(|timeline| {
            let event = timeline.find(seq)?;
            Some((event.person.name.clone(), event.kind.body()?.clone()))
        })
    })
}

/// Whether a message is known to be deleted.
pub(super) fn is_deleted(chat: Chat, seq: Seq) -> bool {
    chat.current_room
        .timeline
        .with(|timeline| timeline.find(seq).is_some_and(|event| event.kind.body().is_none()))
}

/// Returns the last own message that is loaded.
pub(super) fn last_own_message(chat: Chat) -> Option<Seq> {
    let rendered = find_row(chat, |row| row.is_own && row.seq.is_some() && !row.is_deleted);
    rendered.and_then(|row| row.seq).or_else(|| {
        let me = chat.me_untracked()?.id;
        let is_own = |event: &&Event| event.person.id == me && event.kind.body().is_some();
        chat.current_room
            .timeline
            .with(|timeline| Some(timeline.current_events().iter().rev().find(is_own)?.seq))
    })
}

fn find_row(chat: Chat, matches: impl Fn(&MessageRow) -> bool) -> Option<MessageRow> {
    chat.current_room.rows.with(|rows| {
        rows.iter().rev().find_map(|row| match row {
            RenderedRow::Message(_, row) => row.with(|row| matches(row).then(|| row.clone())),
            RenderedRow::System(_) => None,
        })
    })
}

/// The stored mode of a room.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SavedMode {
    pub(super) mode: ComposerMode,
    /// The unsent text of an edit.
    pub(super) text: Option<String>,
}

pub(super) fn load_mode(room: &RoomName) -> SavedMode {
    storage::load(&key(room)).and_then(|stored| decode(&stored)).unwrap_or_default()
}

pub(super) fn save_mode(room: &RoomName, mode: ComposerMode, text: Option<&str>) {
    storage::save(&key(room), encode(mode, text).as_deref());
}

fn key(room: &RoomName) -> String {
    format!("madang/composing/{}", percent_encode(room.as_str()))
}

/// The first line holds the mode and the message, the rest the text.
fn encode(mode: ComposerMode, text: Option<&str>) -> Option<String> {
    let first = match mode {
        ComposerMode::New => return None,
        ComposerMode::Reply(Seq(seq)) => format!("reply {seq}"),
        ComposerMode::Edit(Seq(seq)) => format!("edit {seq}"),
    };
    Some(text.map_or(first.clone(), |text| format!("{first}\n{text}")))
}

fn decode(stored: &str) -> Option<SavedMode> {
    let (first, text) = stored.split_once('\n').map_or((stored, None), |(first, text)| (first, Some(text)));
    let (name, seq) = first.split_once(' ')?;
    let seq = Seq(seq.parse().ok()?);
    let mode = match name {
        "reply" => ComposerMode::Reply(seq),
        "edit" => ComposerMode::Edit(seq),
        _ => return None,
    };
    Some(SavedMode { mode, text: text.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_stored_mode_is_loaded_again() {
        for (mode, text) in [
            (ComposerMode::Reply(Seq(7)), None),
            (ComposerMode::Edit(Seq(12)), None),
            (ComposerMode::Edit(Seq(12)), Some("")),
            (ComposerMode::Edit(Seq(12)), Some("첫 줄\n둘째 줄")),
        ] {
            let stored = encode(mode, text).unwrap();
            assert_eq!(decode(&stored), Some(SavedMode { mode, text: text.map(str::to_owned) }), "{stored}");
        }
        assert_eq!(encode(ComposerMode::New, None), None);
        for other in ["", "reply", "reply x", "sing 7"] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
