//! What can be completed in the composer, and the list it is chosen from.
//!
//! A word that begins with `@` is somebody's name, one that begins with `:` an emoji. Looked at
//! after each change of the text, also while a syllable is still being composed. It knows no
//! people and no emoji: candidates are handed in.

use common::{
    korean::Query,
    person::{Person, PersonId},
};

use super::{emoji::Emoji, ranking::Ranking};

/// What kind of word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Person,
    Emoji,
}

/// The word before the caret, as far as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) kind: Kind,
    /// Without the sign it begins with.
    pub(crate) text: &'a str,
}

/// Names and emoji have fewer characters than this.
const LONGEST: usize = 64;

impl Word<'_> {
    /// The word that ends where `before` ends, if it is one that can be completed.
    pub(crate) fn at_end(before: &str) -> Option<Word<'_>> {
        let (at, sign) =
            before.char_indices().rev().take(LONGEST).find(|(_, c)| is_sign(*c) || c.is_whitespace())?;
        let text = &before[at + sign.len_utf8()..];
        let behind = before[..at].chars().next_back();
        match sign {
            // Not that of an e-mail address; a name may follow a Korean word without a space.
            '@' if !behind
                .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@')) =>
            {
                Some(Word { kind: Kind::Person, text })
            }
            // Not the time, an address, or a face like `:D`.
            ':' if !behind.is_some_and(|c| c.is_alphanumeric() || is_sign(c)) && is_emoji_name(text) => {
                Some(Word { kind: Kind::Emoji, text })
            }
            _ => None,
        }
    }

    /// How many bytes of the text it is, its sign included.
    pub(crate) fn len(&self) -> usize {
        1 + self.text.len()
    }
}

fn is_sign(c: char) -> bool {
    matches!(c, '@' | ':')
}

fn is_emoji_name(text: &str) -> bool {
    let long_enough = if text.is_ascii() { text.len() > 1 } else { true };
    long_enough && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '+'))
}

/// One that can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What takes the place of the word.
    pub(crate) text: String,
    /// What it is called.
    pub(crate) name: String,
    /// Whose name it is; nobody's when it is an emoji.
    pub(crate) person: Option<Person>,
}

/// The list that is open; empty when none is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choices {
    all: Vec<Choice>,
    marked: usize,
    /// What they were found by.
    found_by: String,
    /// Closed by hand, and not to open again for this word.
    dismissed: bool,
}

impl Choices {
    /// More than these are no help, but another word to write.
    pub(crate) const MOST: usize = 8;

    /// The people whose names `written` finds, the best first. One does not call oneself.
    pub(crate) fn of_people(written: &str, people: &[Person], me: Option<PersonId>) -> Choices {
        let query = Query::new(written);
        let mut found = Ranking::of(Self::MOST);
        for person in people.iter().filter(|person| Some(person.id) != me) {
            if let Some(place) = query.find(person.name.as_str()) {
                found.add(place, person);
            }
        }
        let choices = found.into_items().map(|person| Choice {
            text: format!("@{} ", person.name),
            name: person.name.to_string(),
            person: Some(person.clone()),
        });
        Choices::of(written, choices)
    }

    /// The emoji that `written` has found, in their order.
    pub(crate) fn of_emoji(written: &str, emoji: &[Emoji]) -> Choices {
        let choices = emoji.iter().map(|emoji| Choice {
            text: emoji.picture.to_owned(),
            name: emoji.name.to_owned(),
            person: None,
        });
        Choices::of(written, choices)
    }

    fn of(written: &str, choices: impl Iterator<Item = Choice>) -> Choices {
        let all = choices.take(Self::MOST).collect();
        Choices { all, found_by: written.to_owned(), ..Choices::default() }
    }

    /// Whether it is open for this word, so that the mark must stay where it is.
    pub(crate) fn are_for(&self, word: Word<'_>) -> bool {
        let is_of_kind = |choice: &Choice| choice.person.is_some() == (word.kind == Kind::Person);
        self.marked().is_some_and(is_of_kind) && self.found_by == word.text
    }

    pub(crate) fn dismiss(&mut self) {
        *self = Choices { dismissed: true, ..Choices::default() };
    }

    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, each with whether it is the marked one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Choice, bool)> {
        self.all.iter().enumerate().map(|(place, choice)| (choice, place == self.marked))
    }

    pub(crate) fn marked(&self) -> Option<&Choice> {
        self.all.get(self.marked)
    }

    pub(crate) fn place(&self) -> usize {
        self.marked
    }

    pub(crate) fn mark(&mut self, place: usize) {
        self.marked = place.min(self.all.len().saturating_sub(1));
    }

    /// Marks what was marked in the list before this one, if it is there still.
    pub(crate) fn mark_like(&mut self, before: &Choices) {
        let is_same = |choice: &Choice| Some(choice) == before.marked();
        self.marked = self.all.iter().position(is_same).unwrap_or(self.marked);
    }

    pub(crate) fn next(&mut self) {
        self.marked = (self.marked + 1) % self.all.len().max(1);
    }

    pub(crate) fn previous(&mut self) {
        self.marked = self.marked.checked_sub(1).unwrap_or(self.all.len().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use common::person::DisplayName;

    use super::*;

    fn check(before: &str, word: Option<(Kind, &str)>) {
        let found = Word::at_end(before).map(|word| (word.kind, word.text));
        assert_eq!(found, word, "{before:?}");
    }

    #[test]
    fn a_word_behind_an_at_sign_is_a_name() {
        check("@", Some((Kind::Person, "")));
        check("안녕 @지ㅇ", Some((Kind::Person, "지ㅇ")));
        check("안녕@지은", Some((Kind::Person, "지은")));
        check("(@em", Some((Kind::Person, "em")));
        check("@지은 ", None);
        check("mail@example", None);
        check("@@", None);
        check("줄\n@민", Some((Kind::Person, "민")));
        check(&format!("@{}", "가".repeat(64)), None);
    }

    #[test]
    fn a_word_behind_a_colon_is_an_emoji() {
        check(":sm", Some((Kind::Emoji, "sm")));
        check("좋아 :하", Some((Kind::Emoji, "하")));
        check("좋아 :ㅎ", Some((Kind::Emoji, "ㅎ")));
        for face_or_time in [":", ":D", ":)", ":-/", "10:30", "https://a", "시간:3시", "::가"] {
            check(face_or_time, None);
        }
    }

    fn people(names: &[&str]) -> Vec<Person> {
        let person = |(id, name): (usize, &&str)| Person {
            id: PersonId(id as u64),
            name: DisplayName::parse(name).unwrap(),
        };
        names.iter().enumerate().map(person).collect()
    }

    #[test]
    fn the_best_names_come_first_and_no_more_than_eight() {
        let here = people(&["하지은", "김 지우", "지민", "민호"]);
        let find = |written| {
            let choices = Choices::of_people(written, &here, Some(PersonId(3)));
            choices.iter().map(|(choice, _)| choice.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(find("지"), ["지민", "김 지우", "하지은"]);
        assert_eq!(find("짐"), ["지민"]);
        assert_eq!(find(""), ["하지은", "김 지우", "지민"], "not oneself");
        assert_eq!(Choices::of_people("ㅈ", &people(&["지은"; 100]), None).iter().count(), 8);
    }

    #[test]
    fn the_mark_goes_round() {
        let mut choices = Choices::of_people("", &people(&["가", "나"]), None);
        choices.previous();
        assert_eq!(choices.marked().map(|choice| choice.text.as_str()), Some("@나 "));
        choices.next();
        assert_eq!(choices.place(), 0);
        choices.mark(9);
        assert_eq!(choices.place(), 1);
        assert!(choices.are_for(Word { kind: Kind::Person, text: "" }), "it stays where it is");
        assert!(!choices.are_for(Word { kind: Kind::Person, text: "가" }));
        let mut none = Choices::default();
        none.next();
        none.previous();
        assert_eq!(none.marked(), None);
    }
}
