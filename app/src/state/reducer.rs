//! Applies edits, deletions and reactions to the messages they change.
//!
//! A message is held in its current state, with the number of the last applied event (`rev`).
//! Events up to `rev` are skipped, so pages, pushes and repetitions can arrive in any order. Called
//! by `timeline` only.

use common::{
    event::{Event, EventKind, MessageState, Reaction},
    message::{Emoji, Seq},
    person::Person,
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
    let untouched = || Box::new(MessageState { rev: change.seq, edited: None, reactions: Vec::new() });
    let state = state.get_or_insert_with(untouched);
    state.rev = change.seq;
    match &change.kind {
        EventKind::Edited { body: Some(edited), .. } => {
            *body = edited.clone();
            state.edited = Some(change.at);
        }
        EventKind::Reacted { emoji, on: true, .. } => {
            add_reaction(&mut state.reactions, emoji, &change.person);
        }
        EventKind::Reacted { emoji, on: false, .. } => {
            remove_reaction(&mut state.reactions, emoji, &change.person);
        }
        _ => {}
    }
}

/// Counts a person once if the list of people names them. A page names only the first people of a
/// long list; for the others the log is trusted.
fn add_reaction(reactions: &mut Vec<Reaction>, emoji: &Emoji, person: &Person) {
    let known = reactions.iter().position(|reaction| reaction.emoji == *emoji);
    let index = known.unwrap_or_else(|| {
        reactions.push(Reaction { emoji: emoji.clone(), count: 0, people: Vec::new() });
        reactions.len() - 1
    });
    let reaction = &mut reactions[index];
    if position_of(reaction, person).is_none() {
        reaction.count += 1;
        // The list may become longer than a page's; the server bounds it.
        reaction.people.push(person.clone());
    }
}

/// If all people are named, somebody who is not among them has nothing to remove.
fn remove_reaction(reactions: &mut Vec<Reaction>, emoji: &Emoji, person: &Person) {
    let Some(reaction) = reactions.iter_mut().find(|reaction| reaction.emoji == *emoji) else { return };
    match position_of(reaction, person) {
        Some(index) => {
            reaction.people.remove(index);
        }
        None if reaction.people.len() as u32 == reaction.count => return,
        None => {}
    }
    reaction.count = reaction.count.saturating_sub(1);
    reactions.retain(|reaction| reaction.count > 0);
}

fn position_of(reaction: &Reaction, person: &Person) -> Option<usize> {
    reaction.people.iter().position(|reacted| reacted.id == person.id)
}

#[cfg(test)]
mod tests {
    use common::person::{DisplayName, PersonId};

    use super::*;

    #[test]
    fn a_reaction_counts_once_for_each_named_person() {
        let person = |id: u64| Person { id: PersonId(id), name: DisplayName::parse("지은").unwrap() };
        let emoji = Emoji::parse("👍").unwrap();
        let of = |(count, people): (u32, &[u64])| {
            let people = people.iter().map(|id| person(*id)).collect();
            Vec::from_iter(Some(Reaction { emoji: emoji.clone(), count, people }).filter(|_| count > 0))
        };
        type ReactionState<'a> = (u32, &'a [u64]);
        let cases: [(ReactionState, bool, u64, ReactionState); 9] = [
            ((0, &[]), true, 1, (1, &[1])),
            ((1, &[1]), true, 2, (2, &[1, 2])),
            ((2, &[1, 2]), true, 1, (2, &[1, 2])),
            ((2, &[1, 2]), false, 1, (1, &[2])),
            ((1, &[2]), false, 1, (1, &[2])),
            ((1, &[1]), false, 1, (0, &[])),
            ((0, &[]), false, 1, (0, &[])),
            // Only one of three people is named.
            ((3, &[1]), true, 2, (4, &[1, 2])),
            ((3, &[1]), false, 2, (2, &[1])),
        ];
        for (before, on, id, afterwards) in cases {
            let mut reactions = of(before);
            let change = if on { add_reaction } else { remove_reaction };
            change(&mut reactions, &emoji, &person(id));
            assert_eq!(reactions, of(afterwards), "{before:?} {on} {id}");
        }
    }
}
