//! What has become of messages: edits, deletions and reactions, folded into what they are about.
//!
//! A message is held as the server would answer it now. It carries the number of the last event
//! that touched it (`rev`); what is not younger than that is in it already, so that pages, pushes
//! and repetitions may meet in any order. Called by `timeline` only.

use common::{
    event::{Event, Present, Reaction, What},
    message::{Emoji, Seq},
    person::Person,
};

/// The message this event changes.
pub(crate) fn target(event: &Event) -> Option<Seq> {
    match &event.what {
        What::Edited { of, .. } | What::Deleted { of } => Some(*of),
        What::Reacted { to, .. } => Some(*to),
        What::Posted { .. } | What::Withdrawn { .. } | What::RoomChanged { .. } => None,
    }
}

/// The last event that touched this one; itself, if none did.
pub(crate) fn rev(event: &Event) -> Seq {
    match &event.what {
        What::Posted { now: Some(now), .. } => now.rev,
        What::Withdrawn { rev, .. } => *rev,
        _ => event.seq,
    }
}

/// Changes a message as this event says, unless it is as it says already.
pub(crate) fn apply(message: &mut Event, change: &Event) {
    if change.seq <= rev(message) {
        return;
    }
    let What::Posted { cid, body, now, .. } = &mut message.what else { return };
    if let What::Deleted { .. } = change.what {
        message.what = What::Withdrawn { cid: cid.clone(), rev: change.seq };
        return;
    }
    let untouched = || Box::new(Present { rev: change.seq, edited: None, reactions: Vec::new() });
    let now = now.get_or_insert_with(untouched);
    now.rev = change.seq;
    match &change.what {
        What::Edited { body: Some(edited), .. } => {
            *body = edited.clone();
            now.edited = Some(change.at);
        }
        What::Reacted { emoji, on: true, .. } => add(&mut now.reactions, emoji, &change.person),
        What::Reacted { emoji, on: false, .. } => take_back(&mut now.reactions, emoji, &change.person),
        _ => {}
    }
}

fn add(reactions: &mut Vec<Reaction>, emoji: &Emoji, person: &Person) {
    let known = reactions.iter().position(|reaction| reaction.emoji == *emoji);
    let index = known.unwrap_or_else(|| {
        reactions.push(Reaction { emoji: emoji.clone(), count: 0, people: Vec::new() });
        reactions.len() - 1
    });
    let reaction = &mut reactions[index];
    reaction.count += 1;
    // All of them, and not only the first as in a page: the server bounds how many there are.
    reaction.people.push(person.clone());
}

fn take_back(reactions: &mut Vec<Reaction>, emoji: &Emoji, person: &Person) {
    if let Some(reaction) = reactions.iter_mut().find(|reaction| reaction.emoji == *emoji) {
        reaction.count = reaction.count.saturating_sub(1);
        reaction.people.retain(|reacted| reacted.id != person.id);
    }
    reactions.retain(|reaction| reaction.count > 0);
}
