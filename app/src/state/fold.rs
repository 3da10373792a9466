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
        What::Posted { .. } | What::Withdrawn { .. } | What::RoomChanged { .. } | What::Unknown => None,
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

/// Whoever is named has reacted already. Of a crowd a page names only the first, so that of who is not
/// named nobody knows; then the log is believed.
fn add(reactions: &mut Vec<Reaction>, emoji: &Emoji, person: &Person) {
    let known = reactions.iter().position(|reaction| reaction.emoji == *emoji);
    let index = known.unwrap_or_else(|| {
        reactions.push(Reaction { emoji: emoji.clone(), count: 0, people: Vec::new() });
        reactions.len() - 1
    });
    let reaction = &mut reactions[index];
    if place(reaction, person).is_none() {
        reaction.count += 1;
        // All of them, and not only the first as in a page: the server bounds how many there are.
        reaction.people.push(person.clone());
    }
}

/// Where everybody is named, whoever is not among them has nothing to take back.
fn take_back(reactions: &mut Vec<Reaction>, emoji: &Emoji, person: &Person) {
    let Some(reaction) = reactions.iter_mut().find(|reaction| reaction.emoji == *emoji) else { return };
    match place(reaction, person) {
        Some(place) => {
            reaction.people.remove(place);
        }
        None if reaction.people.len() as u32 == reaction.count => return,
        None => {}
    }
    reaction.count = reaction.count.saturating_sub(1);
    reactions.retain(|reaction| reaction.count > 0);
}

fn place(reaction: &Reaction, person: &Person) -> Option<usize> {
    reaction.people.iter().position(|reacted| reacted.id == person.id)
}

#[cfg(test)]
mod tests {
    use common::person::{DisplayName, PersonId};

    use super::*;

    #[test]
    fn a_reaction_counts_once_for_each_person_that_is_named() {
        let person = |id: u64| Person { id: PersonId(id), name: DisplayName::parse("지은").unwrap() };
        let emoji = Emoji::parse("👍").unwrap();
        let of = |(count, people): (u32, &[u64])| {
            let people = people.iter().map(|id| person(*id)).collect();
            Vec::from_iter(Some(Reaction { emoji: emoji.clone(), count, people }).filter(|_| count > 0))
        };
        type Under<'a> = (u32, &'a [u64]);
        let cases: [(Under, bool, u64, Under); 9] = [
            ((0, &[]), true, 1, (1, &[1])),
            ((1, &[1]), true, 2, (2, &[1, 2])),
            ((2, &[1, 2]), true, 1, (2, &[1, 2])),
            ((2, &[1, 2]), false, 1, (1, &[2])),
            ((1, &[2]), false, 1, (1, &[2])),
            ((1, &[1]), false, 1, (0, &[])),
            ((0, &[]), false, 1, (0, &[])),
            // Of three only one is named.
            ((3, &[1]), true, 2, (4, &[1, 2])),
            ((3, &[1]), false, 2, (2, &[1])),
        ];
        for (before, on, who, afterwards) in cases {
            let mut reactions = of(before);
            let change = if on { add } else { take_back };
            change(&mut reactions, &emoji, &person(who));
            assert_eq!(reactions, of(afterwards), "{before:?} {on} {who}");
        }
    }
}
