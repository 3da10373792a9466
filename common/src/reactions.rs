//! The reactions to a message, and how a change of one is applied.
//!
//! The store builds the messages of a page of history with them; the browser's page applies the events of
//! the log to them, and shows its own pending changes with them. No other code counts reactions.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::{
    message::Emoji,
    person::{Person, PersonId},
};

/// The reactions to one message, in the order of their first use; at most [`Reaction::MAX_EMOJI`], and one for
/// each emoji.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Reaction>")]
pub struct Reactions(pub Vec<Reaction>);

/// All reactions to a message with the same emoji.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    pub emoji: Emoji,
    /// The number of people who reacted with it.
    pub count: u32,
    /// The first of these people. A page of the log lists at most [`Reaction::MAX_PEOPLE`], and always the
    /// reader if they reacted.
    pub people: Vec<Person>,
}

impl Reaction {
    /// The most different emoji on one message.
    pub const MAX_EMOJI: usize = 20;
    /// The most reactions on one message, of all people together.
    pub const MAX_TOTAL: usize = 1_000;
    /// The most people listed in a page of the log.
    pub const MAX_PEOPLE: usize = 50;

    fn position_of(&self, person: PersonId) -> Option<usize> {
        self.people.iter().position(|reacted| reacted.id == person)
    }
}

impl Reactions {
    /// Adds a person's reaction (`on`) or removes it. Lists whoever is added, however long the list is.
    /// Only for a person who is listed a repetition is recognised: apply each event of the log once.
    pub fn apply(&mut self, emoji: &Emoji, on: bool, person: Person) {
        let index = self.iter().position(|reaction| reaction.emoji == *emoji);
        if on {
            let index = index.unwrap_or_else(|| {
                self.0.push(Reaction { emoji: emoji.clone(), count: 0, people: Vec::new() });
                self.len() - 1
            });
            add(&mut self.0[index], person);
        } else if let Some(index) = index {
            remove(&mut self.0[index], person.id);
            if self[index].count == 0 {
                self.0.remove(index);
            }
        }
    }

    /// Adds the reader's reaction (`on`) or removes it; repeating this changes nothing.
    pub fn apply_own(&mut self, emoji: &Emoji, on: bool, reader: Person) {
        // A page always lists a reader who reacted. If they are not listed, the log has removed the reaction.
        if self.lists(emoji, reader.id) != on {
            self.apply(emoji, on, reader);
        }
    }

    /// Shortens the lists of people to [`Reaction::MAX_PEOPLE`] without dropping the reader.
    pub fn limit_people(&mut self, reader: PersonId) {
        for reaction in &mut self.0 {
            if reaction.people.len() > Reaction::MAX_PEOPLE {
                if let Some(own) = reaction.position_of(reader).filter(|own| *own >= Reaction::MAX_PEOPLE) {
                    reaction.people.swap(Reaction::MAX_PEOPLE - 1, own);
                }
                reaction.people.truncate(Reaction::MAX_PEOPLE);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn lists(&self, emoji: &Emoji, person: PersonId) -> bool {
        self.iter().any(|reaction| reaction.emoji == *emoji && reaction.position_of(person).is_some())
    }
}

fn add(reaction: &mut Reaction, person: Person) {
    if reaction.position_of(person.id).is_none() {
        reaction.count += 1;
        reaction.people.push(person);
    }
}

fn remove(reaction: &mut Reaction, person: PersonId) {
    let all_are_listed = reaction.people.len() as u32 == reaction.count;
    match reaction.position_of(person) {
        Some(index) => {
            reaction.people.remove(index);
        }
        // There is nothing to remove.
        None if all_are_listed => return,
        None => {}
    }
    reaction.count = reaction.count.saturating_sub(1);
}

/// Joins the reactions of one emoji. Older versions knew ❤ and ❤️ as two, and the browser has kept some.
impl From<Vec<Reaction>> for Reactions {
    fn from(listed: Vec<Reaction>) -> Reactions {
        let mut joined: Vec<Reaction> = Vec::with_capacity(listed.len());
        for reaction in listed {
            match joined.iter_mut().find(|earlier| earlier.emoji == reaction.emoji) {
                Some(earlier) => join(earlier, reaction),
                None => joined.push(reaction),
            }
        }
        Reactions(joined)
    }
}

fn join(reaction: &mut Reaction, other: Reaction) {
    reaction.count = reaction.count.saturating_add(other.count);
    for person in other.people {
        match reaction.position_of(person.id) {
            Some(_) => reaction.count = reaction.count.saturating_sub(1),
            None => reaction.people.push(person),
        }
    }
}

impl Deref for Reactions {
    type Target = [Reaction];

    fn deref(&self) -> &[Reaction] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::person::DisplayName;

    fn person(id: u64) -> Person {
        Person::new(PersonId(id), DisplayName::for_guest(PersonId(id)))
    }

    fn thumb() -> Emoji {
        Emoji::from_store("👍".to_owned())
    }

    #[test]
    fn a_reaction_counts_once_for_each_listed_person() {
        let of = |(count, people): (u32, &[u64])| {
            let people = people.iter().map(|id| person(*id)).collect();
            let reaction = Reaction { emoji: thumb(), count, people };
            Reactions(Vec::from_iter(Some(reaction).filter(|_| count > 0)))
        };
        type Listed<'a> = (u32, &'a [u64]);
        let cases: [(Listed, bool, u64, Listed); 9] = [
            ((0, &[]), true, 1, (1, &[1])),
            ((1, &[1]), true, 2, (2, &[1, 2])),
            ((2, &[1, 2]), true, 1, (2, &[1, 2])),
            ((2, &[1, 2]), false, 1, (1, &[2])),
            ((1, &[2]), false, 1, (1, &[2])),
            ((1, &[1]), false, 1, (0, &[])),
            ((0, &[]), false, 1, (0, &[])),
            // Only one of three people is listed.
            ((3, &[1]), true, 2, (4, &[1, 2])),
            ((3, &[1]), false, 2, (2, &[1])),
        ];
        for (before, on, id, afterwards) in cases {
            let mut reactions = of(before);
            reactions.apply(&thumb(), on, person(id));
            assert_eq!(reactions, of(afterwards), "{before:?} {on} {id}");
        }
    }

    #[test]
    fn a_limited_list_keeps_the_first_people_and_the_reader() {
        let mut reactions = Reactions::default();
        for id in 1..=60 {
            reactions.apply(&thumb(), true, person(id));
            reactions.limit_people(PersonId(55));
        }
        assert_eq!((reactions[0].count, reactions[0].people.len()), (60, Reaction::MAX_PEOPLE));
        assert!(reactions[0].people[..49].iter().zip(1..).all(|(listed, id)| listed.id == PersonId(id)));
        assert!(reactions.lists(&thumb(), PersonId(55)) && !reactions.lists(&thumb(), PersonId(50)));
    }

    #[test]
    fn an_own_reaction_counts_once_and_the_last_one_removes_the_emoji() {
        let of = |people: &[u64]| {
            let mut reactions = Reactions::default();
            people.iter().for_each(|id| reactions.apply(&thumb(), true, person(*id)));
            reactions
        };
        let cases: [(&[u64], bool, &[u64]); 6] = [
            (&[], true, &[1]),
            (&[2], true, &[2, 1]),
            (&[2, 1], true, &[2, 1]),
            (&[2, 1], false, &[2]),
            (&[1], false, &[]),
            (&[2], false, &[2]),
        ];
        for (before, on, afterwards) in cases {
            let mut reactions = of(before);
            reactions.apply_own(&thumb(), on, person(1));
            assert_eq!(reactions, of(afterwards), "{before:?} {on}");
        }
        let mut unlisted = Reactions(vec![Reaction { emoji: thumb(), count: 60, people: vec![person(2)] }]);
        unlisted.apply_own(&thumb(), false, person(1));
        assert_eq!(unlisted[0].count, 60, "the log has removed it already");
    }

    #[test]
    fn two_forms_of_an_emoji_are_read_as_one_reaction() {
        let reaction = |emoji: &str, count, people: &[u64]| {
            let people = people.iter().map(|id| person(*id)).collect();
            Reaction { emoji: Emoji::from_store(emoji.to_owned()), count, people }
        };
        let stored = vec![
            reaction("\u{2764}", 2, &[1, 2]),
            reaction("👍", 1, &[3]),
            reaction("\u{2764}\u{FE0F}", 2, &[2, 4]),
        ];
        let heart = reaction("\u{2764}\u{FE0F}", 3, &[1, 2, 4]);
        let mut reactions = Reactions::from(stored);
        assert_eq!(*reactions, [heart.clone(), reaction("👍", 1, &[3])]);
        reactions.apply(&heart.emoji, false, person(2));
        assert_eq!(reactions[0], reaction("\u{2764}", 2, &[1, 4]));
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod properties {
        use std::collections::{BTreeMap, BTreeSet};

        use proptest::prelude::*;

        use super::*;

        const READER: PersonId = PersonId(0);

        #[derive(Clone, Debug)]
        struct Reacted {
            emoji: Emoji,
            on: bool,
            person: Person,
        }

        /// Generates a log in which each event switches a reaction on or off.
        fn log() -> impl Strategy<Value = Vec<Reacted>> {
            let switches = prop::collection::vec((prop::sample::select(vec!["👍", "🎉"]), 0..70_u64), 1..200);
            switches.prop_map(|switches| {
                let mut switched_on = BTreeSet::new();
                let event = |(emoji, id): (&str, u64)| {
                    let on = switched_on.insert((emoji.to_owned(), id));
                    if !on {
                        switched_on.remove(&(emoji.to_owned(), id));
                    }
                    Reacted { emoji: Emoji::from_store(emoji.to_owned()), on, person: person(id) }
                };
                switches.into_iter().map(event).collect()
            })
        }

        /// The reactions on a page, made as the store makes them: from a row for each that is there.
        fn page(log: &[Reacted]) -> Reactions {
            let mut rows: Vec<&Reacted> = Vec::new();
            for event in log {
                match event.on {
                    true => rows.push(event),
                    false => rows.retain(|row| row.emoji != event.emoji || row.person != event.person),
                }
            }
            let mut reactions = Reactions::default();
            for row in rows {
                reactions.apply(&row.emoji, true, row.person.clone());
                reactions.limit_people(READER);
            }
            reactions
        }

        /// Applies events as the page does.
        fn apply_all(mut reactions: Reactions, events: &[Reacted]) -> Reactions {
            for event in events {
                reactions.apply(&event.emoji, event.on, event.person.clone());
            }
            reactions
        }

        /// For each emoji its count, and whether the reader reacted with it.
        fn shown(reactions: &Reactions) -> BTreeMap<Emoji, (u32, bool)> {
            let shown = |reaction: &Reaction| (reaction.count, reaction.position_of(READER).is_some());
            reactions.iter().map(|reaction| (reaction.emoji.clone(), shown(reaction))).collect()
        }

        proptest! {
            #[test]
            fn a_page_and_the_events_after_it_show_the_same_as_a_later_page(
                log in log(),
                cut in any::<prop::sample::Index>(),
            ) {
                let (before, after) = log.split_at(cut.index(log.len() + 1));
                prop_assert_eq!(shown(&apply_all(page(before), after)), shown(&page(&log)));
            }

            #[test]
            fn a_pending_reaction_shows_what_the_log_will_say(log in log(), emoji in 0..2_usize, on: bool) {
                let emoji = Emoji::from_store(["👍", "🎉"][emoji].to_owned());
                let mut pending = page(&log);
                pending.apply_own(&emoji, on, person(READER.0));
                let accepted = page(&log).lists(&emoji, READER) != on;
                let event = accepted.then(|| Reacted { emoji: emoji.clone(), on, person: person(READER.0) });
                let log: Vec<Reacted> = log.into_iter().chain(event).collect();
                prop_assert_eq!(shown(&pending), shown(&page(&log)));
                pending.apply_own(&emoji, on, person(READER.0));
                prop_assert_eq!(shown(&pending), shown(&page(&log)), "the log may have it already");
            }
        }
    }
}
