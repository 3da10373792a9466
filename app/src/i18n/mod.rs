//! Every sentence of the page, in each language: a table the compiler checks.
//!
//! A language without one of the words does not compile. The browser's language is taken at
//! first; a choice is remembered. Refusals are worded here by their code, for the page's readers.

mod en;
mod ko;

use common::refusal::Refusal;
use leptos::prelude::*;

use crate::{field::Field, storage};

/// The sentences. Functions where a number or a name is part of one.
pub(crate) struct Words {
    /// The BCP 47 tag of the language.
    pub(crate) tag: &'static str,
    pub(crate) madang: &'static str,
    pub(crate) language: &'static str,
    pub(crate) theme: &'static str,
    pub(crate) theme_system: &'static str,
    pub(crate) theme_light: &'static str,
    pub(crate) theme_dark: &'static str,

    pub(crate) welcome: &'static str,
    pub(crate) welcome_more: &'static str,
    pub(crate) room_name: &'static str,
    pub(crate) room_name_hint: &'static str,
    pub(crate) open_room: &'static str,
    pub(crate) room_for_two: &'static str,
    pub(crate) rooms: &'static str,
    pub(crate) rooms_loading: &'static str,
    pub(crate) rooms_unreachable: &'static str,
    pub(crate) no_rooms: &'static str,
    pub(crate) no_rooms_more: &'static str,
    pub(crate) people_count: fn(u32) -> String,
    pub(crate) nobody_here: &'static str,
    pub(crate) nothing_said: &'static str,
    pub(crate) just_now: &'static str,
    pub(crate) seats: fn(u32, u16) -> String,

    pub(crate) name: &'static str,
    pub(crate) your_name: &'static str,
    pub(crate) ask_name: &'static str,
    pub(crate) ask_name_more: &'static str,
    pub(crate) go_in: &'static str,
    pub(crate) change_name: &'static str,
    pub(crate) save: &'static str,
    pub(crate) cancel: &'static str,

    pub(crate) to_rooms: &'static str,
    pub(crate) share: &'static str,
    pub(crate) link_copied: &'static str,
    pub(crate) copy_this: &'static str,
    pub(crate) people: &'static str,
    pub(crate) you: &'static str,
    pub(crate) close: &'static str,
    pub(crate) empty_room: &'static str,
    pub(crate) empty_room_more: &'static str,
    pub(crate) messages_of: fn(&str) -> String,
    pub(crate) loading_older: &'static str,
    pub(crate) beginning: &'static str,
    pub(crate) new_messages: fn(usize) -> String,
    pub(crate) to_the_end: &'static str,

    pub(crate) message: &'static str,
    pub(crate) message_hint: fn(&str) -> String,
    pub(crate) send: &'static str,
    pub(crate) too_long_by: fn(usize) -> String,
    pub(crate) sending: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) waiting_unkept: &'static str,
    pub(crate) not_sent: &'static str,
    pub(crate) unconfirmed: fn(&str) -> String,
    pub(crate) retry: &'static str,
    pub(crate) delete: &'static str,

    pub(crate) restarting: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) offline: &'static str,

    pub(crate) full: &'static str,
    pub(crate) full_more: fn(&str) -> String,
    pub(crate) full_waiting: &'static str,
    pub(crate) try_now: &'static str,
    pub(crate) not_let_in: &'static str,
    pub(crate) nowhere: &'static str,
    pub(crate) nowhere_more: &'static str,
    pub(crate) unreachable: &'static str,

    pub(crate) refusal: fn(Refusal) -> &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
}

impl Language {
    pub(crate) const ALL: [Language; 2] = [Language::Korean, Language::English];

    /// The first of the reader's languages that we speak.
    fn preferred(tags: impl IntoIterator<Item = String>) -> Language {
        let spoken = |tag: &str| Self::ALL.into_iter().find(|language| tag.starts_with(language.tag()));
        tags.into_iter().find_map(|tag| spoken(&tag)).unwrap_or(Language::English)
    }

    pub(crate) fn tag(self) -> &'static str {
        self.words().tag
    }

    /// What its speakers call it.
    pub(crate) fn own_name(self) -> &'static str {
        match self {
            Language::Korean => "한국어",
            Language::English => "English",
        }
    }

    fn words(self) -> &'static Words {
        match self {
            Language::Korean => &ko::WORDS,
            Language::English => &en::WORDS,
        }
    }
}

/// The handle to the language of the page.
#[derive(Clone, Copy)]
pub(crate) struct Speech(Field<Language>);

pub(crate) fn provide_speech() -> Speech {
    let chosen = storage::read(storage::LANGUAGE);
    let of_browser = window().navigator().languages().into_iter().filter_map(|tag| tag.as_string());
    let speech = Speech(Field::new(Language::preferred(chosen.into_iter().chain(of_browser))));
    provide_context(speech);
    speech.mark();
    speech
}

pub(crate) fn use_speech() -> Speech {
    expect_context()
}

/// The words of this moment's language. They are plain text to a component, because `app` builds
/// the page anew when the language changes: a closure around each word made the page a third larger.
pub(crate) fn use_words() -> &'static Words {
    use_speech().0.get_untracked().words()
}

impl Speech {
    pub(crate) fn language(self) -> Language {
        self.0.get()
    }

    pub(crate) fn choose(self, language: Language) {
        storage::write(storage::LANGUAGE, Some(language.tag()));
        self.0.set(language);
        self.mark();
    }

    /// Says which language the page is in, for readers aloud, hyphenation and fonts.
    fn mark(self) {
        if let Some(html) = document().document_element() {
            // Fails only for names that are not names.
            let _ = html.set_attribute("lang", self.0.get_untracked().tag());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_we_speak_is_taken() {
        let cases: [(&[&str], Language); 4] = [
            (&["ko-KR", "en"], Language::Korean),
            (&["fr", "en-GB", "ko"], Language::English),
            (&["de"], Language::English),
            (&[], Language::English),
        ];
        for (tags, language) in cases {
            assert_eq!(Language::preferred(tags.iter().map(|tag| (*tag).to_owned())), language, "{tags:?}");
        }
    }

    #[test]
    fn every_refusal_is_worded_in_every_language() {
        for language in Language::ALL {
            for refusal in Refusal::ALL {
                let sentence = (language.words().refusal)(*refusal);
                assert!(sentence.ends_with(['.', '?']), "{language:?} {refusal:?}: {sentence}");
            }
        }
    }
}
