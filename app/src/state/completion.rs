//! Completion of names and emoji in the composer, and the list of suggestions.
//!
//! A word that begins with `@` is a name, one that begins with `:` an emoji. The word is read after
//! each change of the text, also during composition. Candidates are parameters.

use common::{
    markup::is_mailbox_char,
    name_match::Query,
    person::{Person, PersonId},
};

use super::{emoji::Emoji, top_n::TopN};

/// The kind of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Person,
    Emoji,
}

/// The word before the caret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) kind: Kind,
    /// Without its first character.
    pub(crate) text: &'a str,
}

/// Names and emoji have fewer characters than this.
const MAX_WORD_CHARS: usize = 64;

impl Word<'_> {
    /// Returns the word at the end of `before`, if it can be completed.
    pub(crate) fn at_end(before: &str) -> Option<Word<'_>> {
        let (at, sign) = before
            .char_indices()
            .rev()
            .take(MAX_WORD_CHARS)
            .find(|(_, c)| is_sign(*c) || c.is_whitespace())?;
        let text = &before[at + sign.len_utf8()..];
        let behind = before[..at].chars().next_back();
        match sign {
            // Not in an e-mail address; a name may follow a Korean word without a space.
            '@' if !behind.is_some_and(is_mailbox_char) => Some(Word { kind: Kind::Person, text }),
            // Not in a time, a URL, or an emoticon like `:D`.
            ':' if !behind.is_some_and(|c| c.is_alphanumeric() || is_sign(c)) && is_emoji_name(text) => {
                Some(Word { kind: Kind::Emoji, text })
            }
            _ => None,
        }
    }

    /// The length of the word in bytes, including its first character.
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

/// A suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    /// The text that replaces the word.
    pub(crate) text: String,
    /// The name to display.
    pub(crate) name: String,
    /// The person; `None` for an emoji.
    pub(crate) person: Option<Person>,
}

/// The open list; empty when closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SuggestionList {
    items: Vec<Suggestion>,
    selected: usize,
    /// The text the suggestions were found with.
    query_text: String,
    /// Dismissed by the user; it does not open again for this word.
    dismissed: bool,
}

impl SuggestionList {
    /// The most suggestions shown.
    pub(crate) const MAX: usize = 8;

    /// The people whose names match, the best first, without this person.
    pub(crate) fn for_people(written: &str, people: &[Person], me: Option<PersonId>) -> SuggestionList {
        let query = Query::new(written);
        let mut found = TopN::new(Self::MAX);
        for person in people.iter().filter(|person| Some(person.id) != me) {
            if let Some(index) = query.rank(person.name.as_str()) {
                found.add(index, person);
            }
        }
        let suggestions = found.into_items().map(|person| Suggestion {
            text: format!("@{} ", person.name),
            name: person.name.to_string(),
            person: Some(person.clone()),
        });
        SuggestionList::from_matches(written, suggestions)
    }

    /// The emoji of a search result, in their order.
    pub(crate) fn for_emoji(written: &str, emoji: &[Emoji]) -> SuggestionList {
        let suggestions = emoji.iter().map(|emoji| Suggestion {
            text: emoji.glyph.to_owned(),
            name: emoji.name.to_owned(),
            person: None,
        });
        SuggestionList::from_matches(written, suggestions)
    }

    fn from_matches(written: &str, suggestions: impl Iterator<Item = Suggestion>) -> SuggestionList {
        let items = suggestions.take(Self::MAX).collect();
        SuggestionList { items, query_text: written.to_owned(), ..SuggestionList::default() }
    }

    /// Whether it is open for this word, so that the selection must stay.
    pub(crate) fn is_open_for(&self, word: Word<'_>) -> bool {
        let is_of_kind = |suggestion: &Suggestion| suggestion.person.is_some() == (word.kind == Kind::Person);
        self.selected().is_some_and(is_of_kind) && self.query_text == word.text
    }

    pub(crate) fn dismiss(&mut self) {
        *self = SuggestionList { dismissed: true, ..SuggestionList::default() };
    }

    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the suggestions, each with whether it is selected.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Suggestion, bool)> {
        self.items.iter().enumerate().map(|(index, suggestion)| (suggestion, index == self.selected))
    }

    pub(crate) fn selected(&self) -> Option<&Suggestion> {
        self.items.get(self.selected)
    }

    pub(crate) fn selected_index(&self) -> usize {
        self.selected
    }

    pub(crate) fn select(&mut self, index: usize) {
        self.selected = index.min(self.items.len().saturating_sub(1));
    }

    /// Selects the suggestion that was selected in `before`, if it is still there.
    pub(crate) fn keep_selection(&mut self, before: &SuggestionList) {
        let is_same = |suggestion: &Suggestion| Some(suggestion) == before.selected();
        self.selected = self.items.iter().position(is_same).unwrap_or(self.selected);
    }

    pub(crate) fn next(&mut self) {
        self.selected = (self.selected + 1) % self.items.len().max(1);
    }

    pub(crate) fn previous(&mut self) {
        self.selected = self.selected.checked_sub(1).unwrap_or(self.items.len().saturating_sub(1));
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
    fn a_word_after_an_at_sign_is_a_name() {
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
    fn a_word_after_a_colon_is_an_emoji() {
        check(":sm", Some((Kind::Emoji, "sm")));
        check("좋아 :하", Some((Kind::Emoji, "하")));
        check("좋아 :ㅎ", Some((Kind::Emoji, "ㅎ")));
        for face_or_time in [":", ":D", ":)", ":-/", "10:30", "https://a", "시간:3시", "::가"] {
            check(face_or_time, None);
        }
    }

    fn people(names: &[&str]) -> Vec<Person> {
        let person =
            |(id, name): (usize, &&str)| Person::new(PersonId(id as u64), DisplayName::parse(name).unwrap());
        names.iter().enumerate().map(person).collect()
    }

    #[test]
    fn the_best_names_come_first_and_no_more_than_eight() {
        let members = people(&["하지은", "김 지우", "지민", "민호"]);
        let find = |written| {
            let suggestions = SuggestionList::for_people(written, &members, Some(PersonId(3)));
            suggestions.iter().map(|(suggestion, _)| suggestion.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(find("지"), ["지민", "김 지우", "하지은"]);
        assert_eq!(find("짐"), ["지민"]);
        assert_eq!(find(""), ["하지은", "김 지우", "지민"], "not this person");
        assert_eq!(SuggestionList::for_people("ㅈ", &people(&["지은"; 100]), None).iter().count(), 8);
    }

    #[test]
    fn the_selection_wraps_around() {
        let mut suggestions = SuggestionList::for_people("", &people(&["가", "나"]), None);
        suggestions.previous();
        assert_eq!(suggestions.selected().map(|suggestion| suggestion.text.as_str()), Some("@나 "));
        suggestions.next();
        assert_eq!(suggestions.selected_index(), 0);
        suggestions.select(9);
        assert_eq!(suggestions.selected_index(), 1);
        assert!(suggestions.is_open_for(Word { kind: Kind::Person, text: "" }), "the selection stays");
        assert!(!suggestions.is_open_for(Word { kind: Kind::Person, text: "가" }));
        let mut none = SuggestionList::default();
        none.next();
        none.previous();
        assert_eq!(none.selected(), None);
    }
}
