//! Applies edits, deletions and reactions to the messages they change.
//!
//! A message is held in its current state, with the number of the last applied event (`rev`).
//! Events up to `rev` are skipped, so pages, pushes and repetitions can arrive in any order. Called
//! by `timeline` only.

use common::{
    message::Seq,
    protocol::event::{Event, EventKind, MessageState},
    reactions::Reactions,
};

/// Returns the message this event changes.
pub(crate) fn target(event: &Event) -> Option<Seq> {
    match &event.kind {
        EventKind::Edited { target: of, .. } | EventKind::Deleted { target: of } => Some(*of),
        EventKind::Reacted { target: to, .. } => Some(*to),
        EventKind::Posted { .. }
        | EventKind::Tombstone { .. }
        | EventKind::RoomChanged { .. }
        | EventKind::Unknown => None,
    }
}

/// Returns the last event applied to this message, or its own number.
pub(crate) fn rev(event: &Event) -> Seq {
    match &event.kind {
        EventKind::Posted { state: Some(state), .. } => state.rev,
        EventKind::Tombstone { rev, .. } => *rev,
        _ => event.seq,
    }
}

/// Applies an event to a message, unless it was applied before.
pub(crate) fn apply(message: &mut Event, change: &Event) {
    if change.seq <= rev(message) {
        return;
    }
    let EventKind::Posted { cid, body, state, .. } = &mut message.kind else { return };
    if let EventKind::Deleted { .. } = change.kind {
        message.kind = EventKind::Tombstone { cid: cid.clone(), rev: change.seq };
        return;
    }
    let untouched =
        || Box::new(MessageState { rev: change.seq, edited: None, reactions: Reactions::default() });
    let state = state.get_or_insert_with(untouched);
    state.rev = change.seq;
    match &change.kind {
        EventKind::Edited { body: Some(edited), .. } => {
            *body = edited.clone();
            state.edited = Some(change.at);
        }
        // The list of people may become longer than a page's; the server bounds it.
        EventKind::Reacted { emoji, on, .. } => state.reactions.apply(emoji, *on, change.person.clone()),
        _ => {}
    }
}
