//! What is being written about a message, an answer or an edit: kept across a reload beside the
//! draft, and the message itself as it is shown.

use common::{
    event::Event,
    message::{Body, Seq},
    person::DisplayName,
    room::RoomName,
};

use crate::{
    chat::{Chat, Composing, Shown},
    route::encode,
    state::rows::Row,
    storage,
};

/// Who said this, and what it reads now; nothing while it is not here, or was taken back.
pub(super) fn said(chat: Chat, seq: Seq) -> Option<(DisplayName, Body)> {
    let in_sight = find_row(chat, |row| row.seq == Some(seq) && !row.deleted);
    in_sight.map(|row| (row.person.name, row.body)).or_else(|| {
        chat.visit.timeline.with(|timeline| {
            let event = timeline.find(seq)?;
            Some((event.person.name.clone(), event.what.body()?.clone()))
        })
    })
}

/// Whether this was taken back, as far as it is known.
pub(super) fn is_gone(chat: Chat, seq: Seq) -> bool {
    chat.visit.timeline.with(|timeline| timeline.find(seq).is_some_and(|event| event.what.body().is_none()))
}

/// The last of what we said, as far as it is held.
pub(super) fn last_own(chat: Chat) -> Option<Seq> {
    let in_sight = find_row(chat, |row| row.own && row.seq.is_some() && !row.deleted);
    in_sight.and_then(|row| row.seq).or_else(|| {
        let me = chat.me_untracked()?.id;
        let is_own = |event: &&Event| event.person.id == me && event.what.body().is_some();
        chat.visit.timeline.with(|timeline| Some(timeline.read().iter().rev().find(is_own)?.seq))
    })
}

fn find_row(chat: Chat, is_it: impl Fn(&Row) -> bool) -> Option<Row> {
    chat.visit.shown.with(|shown| {
        shown.iter().rev().find_map(|line| match line {
            Shown::Message(_, row) => row.with(|row| is_it(row).then(|| row.clone())),
            Shown::Note(_) => None,
        })
    })
}

/// What was kept of a room.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Kept {
    pub(super) composing: Composing,
    /// How far an edit has come.
    pub(super) text: Option<String>,
}

pub(super) fn kept(room: &RoomName) -> Kept {
    storage::read(&key(room)).and_then(|kept| read(&kept)).unwrap_or_default()
}

pub(super) fn keep(room: &RoomName, composing: Composing, text: Option<&str>) {
    storage::write(&key(room), write(composing, text).as_deref());
}

fn key(room: &RoomName) -> String {
    format!("madang/composing/{}", encode(room.as_str()))
}

/// The first line says what it is about, the others are the text.
fn write(composing: Composing, text: Option<&str>) -> Option<String> {
    let first = match composing {
        Composing::New => return None,
        Composing::Reply(Seq(seq)) => format!("reply {seq}"),
        Composing::Edit(Seq(seq)) => format!("edit {seq}"),
    };
    Some(text.map_or(first.clone(), |text| format!("{first}\n{text}")))
}

fn read(kept: &str) -> Option<Kept> {
    let (first, text) = kept.split_once('\n').map_or((kept, None), |(first, text)| (first, Some(text)));
    let (what, seq) = first.split_once(' ')?;
    let seq = Seq(seq.parse().ok()?);
    let composing = match what {
        "reply" => Composing::Reply(seq),
        "edit" => Composing::Edit(seq),
        _ => return None,
    };
    Some(Kept { composing, text: text.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        for (composing, text) in [
            (Composing::Reply(Seq(7)), None),
            (Composing::Edit(Seq(12)), None),
            (Composing::Edit(Seq(12)), Some("")),
            (Composing::Edit(Seq(12)), Some("첫 줄\n둘째 줄")),
        ] {
            let kept = write(composing, text).unwrap();
            assert_eq!(read(&kept), Some(Kept { composing, text: text.map(str::to_owned) }), "{kept}");
        }
        assert_eq!(write(Composing::New, None), None);
        for other in ["", "reply", "reply x", "sing 7"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
