//! Look-alikes: whose names are equal or look alike, so that their bearers get a mark.
//!
//! Nobody is refused for a name that somebody else has: two pupils may share one, and so may a phone and a
//! laptop. Only guests may not take the name of a room's owner, because they could be anybody.

use std::collections::{BTreeSet, HashMap};

use common::{
    person::{DisplayName, Mark, Person, PersonId},
    protocol::reply::Page,
    refusal::Refusal,
};
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// What a name looks like. Names look alike if they have one of these in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looks([String; 2]);

impl Looks {
    /// Folds case before and after the letters that look alike (UTS 39): `I` looks like `l`, and `i` is the same
    /// letter in lower case, but `i` does not look like `l`.
    pub(super) fn of(name: &DisplayName) -> Looks {
        let name: String = name.as_str().nfc().collect();
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        Looks([fold_shapes(&name).to_lowercase(), fold_shapes(&name.to_lowercase())])
    }

    pub(super) fn are_alike(&self, other: &Looks) -> bool {
        self.0.iter().any(|look| other.0.contains(look))
    }

    fn distinct(&self) -> &[String] {
        let [first, second] = &self.0;
        if first == second { &self.0[..1] } else { &self.0 }
    }
}

/// Replaces each letter by one that stands for all that look like it. Hangul syllables stay whole: letter by
/// letter, 각가 and 가까 would be the same.
fn fold_shapes(name: &str) -> String {
    let is_syllable = |c: char| matches!(c, '\u{AC00}'..='\u{D7A3}');
    let mut folded = String::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let same = |c: char| is_syllable(c) == is_syllable(first);
        let (run, after) = rest.split_at(rest.find(|c| !same(c)).unwrap_or(rest.len()));
        if is_syllable(first) {
            folded.push_str(run);
        } else {
            folded.extend(skeleton(run));
        }
        rest = after;
    }
    folded
}

/// Who in a room bears which name.
#[derive(Default)]
pub(super) struct Bearers(HashMap<String, BTreeSet<PersonId>>);

impl Bearers {
    /// Adds a person, and returns those who had no look-alike before.
    pub(super) fn add(&mut self, person: PersonId, looks: &Looks) -> Vec<PersonId> {
        let mut met = Vec::new();
        for look in looks.distinct() {
            let bearers = self.0.entry(look.clone()).or_default();
            met.extend(bearers.first().copied().filter(|_| bearers.len() == 1));
            bearers.insert(person);
        }
        met
    }

    /// Removes a person, and returns those who may have no look-alike any more.
    pub(super) fn remove(&mut self, person: PersonId, looks: &Looks) -> Vec<PersonId> {
        let mut left_alone = Vec::new();
        for look in looks.distinct() {
            let Some(bearers) = self.0.get_mut(look) else { continue };
            bearers.remove(&person);
            match bearers.len() {
                0 => drop(self.0.remove(look)),
                1 => left_alone.extend(bearers.first().copied()),
                _ => {}
            }
        }
        left_alone
    }

    /// Whether somebody else than this person looks like this.
    pub(super) fn has_other(&self, person: PersonId, looks: &Looks) -> bool {
        let is_other = |bearers: &BTreeSet<PersonId>| bearers.iter().take(2).any(|id| *id != person);
        looks.distinct().iter().filter_map(|look| self.0.get(look)).any(is_other)
    }
}

/// Marks the authors of a page whose names look like that of a member or of another author. Guest programs are
/// another person with each message, and are told from people by their role.
pub(super) fn mark_page(page: &mut Page, members: &Bearers) {
    let mut authors: HashMap<(PersonId, DisplayName), Looks> = HashMap::new();
    let mut bearers = Bearers::default();
    let is_counted = |person: &Person| !(person.roles.guest && person.roles.program);
    for person in page.events.iter().map(|event| &event.person).filter(|person| is_counted(person)) {
        let author = (person.id, person.name.clone());
        let looks = authors.entry(author).or_insert_with(|| Looks::of(&person.name));
        bearers.add(person.id, looks);
    }
    for event in &mut page.events {
        let person = &mut event.person;
        let Some(looks) = authors.get(&(person.id, person.name.clone())).filter(|_| is_counted(person))
        else {
            continue;
        };
        if bearers.has_other(person.id, looks) || members.has_other(person.id, looks) {
            person.mark = Some(Mark::from(person.id));
        }
    }
}

/// Refuses a guest's name that looks like the owner's with `owners_name`.
pub(super) fn check_owners_name(
    name: &DisplayName,
    owners_name: Option<&DisplayName>,
) -> Result<(), Refusal> {
    match owners_name {
        Some(owners_name) if Looks::of(owners_name).are_alike(&Looks::of(name)) => Err(Refusal::OwnersName),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(name: &str) -> Looks {
        Looks::of(&DisplayName::from_store(name.to_owned()))
    }

    #[test]
    fn names_look_alike_in_other_letters_cases_and_spaces() {
        for (name, other) in [
            ("지은", "지은"),
            ("지은", "\u{110C}\u{1175}\u{110B}\u{1173}\u{11AB}"),
            ("paypal", "pаypal"),
            ("Jun", "JUN"),
            ("Ian", "ian"),
            ("Ian", "lan"),
            ("김 지은", "김\u{3000} 지은"),
            ("admin", "ａｄｍｉｎ"),
            ("민수1", "민수l"),
            ("a\u{200D}b", "ab"),
        ] {
            assert!(looks(name).are_alike(&looks(other)), "{name} {other}");
        }
        for (name, other) in
            [("각가", "가까"), ("지은", "지온"), ("ian", "lan"), ("민수", "민수2"), ("김지은", "김 지은")]
        {
            assert!(!looks(name).are_alike(&looks(other)), "{name} {other}");
        }
    }

    #[test]
    fn people_are_told_when_the_first_look_alike_comes_and_the_last_goes() {
        let (mut bearers, jun) = (Bearers::default(), looks("Jun"));
        let [first, second, third] = [1, 2, 3].map(PersonId);
        assert_eq!(bearers.add(first, &jun), []);
        assert_eq!(bearers.add(second, &looks("JUN")), [first]);
        assert_eq!(bearers.add(third, &jun), []);
        assert!(bearers.has_other(first, &jun));
        assert_eq!(bearers.remove(second, &looks("JUN")), []);
        assert_eq!(bearers.remove(third, &jun), [first]);
        assert!(!bearers.has_other(first, &jun));
        bearers.remove(first, &jun);
        assert!(bearers.0.is_empty());
    }

    #[test]
    fn a_guest_may_not_have_the_owners_name_or_one_like_it() {
        let name = |name: &str| DisplayName::parse(name).unwrap();
        let check = |guest: &str, owner: &str| check_owners_name(&name(guest), Some(&name(owner)));
        assert_eq!(check("JUN", "Jun"), Err(Refusal::OwnersName));
        assert_eq!(check("Jun2", "Jun"), Ok(()));
        assert_eq!(check_owners_name(&name("Jun"), None), Ok(()));
    }
}
