//! Every sentence of the page, in each language: a table the compiler checks.
//!
//! A language without one of the words does not compile. The browser's language is taken at
//! first; a choice is remembered. Refusals are worded here by their code, for the page's readers.

mod en;
mod ko;

use common::refusal::Refusal;
use leptos::prelude::*;

use crate::{
    components::shortcuts::Shortcut,
    field::Field,
    handle::{find, provide},
    settings::{Choice, Setting},
    state::{emoji::GROUPS, notice::Level},
    storage,
};

/// The sentences. Functions where a number or a name is part of one.
pub(crate) struct Words {
    /// The BCP 47 tag of the language.
    pub(crate) tag: &'static str,
    /// What its speakers call it.
    pub(crate) own_name: &'static str,
    pub(crate) madang: &'static str,
    pub(crate) language: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) setting: fn(Setting) -> &'static str,
    pub(crate) choice: fn(Choice) -> &'static str,

    pub(crate) welcome: &'static str,
    pub(crate) welcome_more: &'static str,
    pub(crate) room_name: &'static str,
    pub(crate) room_name_hint: &'static str,
    pub(crate) open_room: &'static str,
    pub(crate) new_room: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) topic_hint: &'static str,
    pub(crate) seats_field: &'static str,
    pub(crate) seats_unlimited: &'static str,
    pub(crate) rooms: &'static str,
    pub(crate) rooms_loading: &'static str,
    pub(crate) rooms_unreachable: &'static str,
    pub(crate) no_other_rooms: &'static str,
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
    pub(crate) link: &'static str,
    pub(crate) copy_link: &'static str,
    pub(crate) link_copied: &'static str,
    pub(crate) qr_code: &'static str,
    pub(crate) share_by_device: &'static str,
    pub(crate) switch_room: &'static str,
    pub(crate) open_new: fn(&str) -> String,
    pub(crate) shortcuts: &'static str,
    pub(crate) shortcut: fn(Shortcut) -> &'static str,
    pub(crate) notices: &'static str,
    pub(crate) notices_on: &'static str,
    pub(crate) notices_denied: &'static str,
    pub(crate) level: fn(Level) -> &'static str,
    pub(crate) my_rooms: &'static str,
    pub(crate) draft: &'static str,
    pub(crate) typing_here: &'static str,
    pub(crate) typing: fn(&[String]) -> String,
    pub(crate) away: &'static str,
    pub(crate) about_room: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) leave_seat: &'static str,
    pub(crate) leave_anyway: &'static str,
    pub(crate) tell_me: &'static str,
    pub(crate) page_too_old: &'static str,
    pub(crate) reload: &'static str,
    pub(crate) unread: fn(&str) -> String,
    pub(crate) mentions: fn(u32) -> String,
    pub(crate) people: &'static str,
    pub(crate) remove: &'static str,
    pub(crate) ask_remove: &'static str,
    pub(crate) remove_more: &'static str,
    pub(crate) you: &'static str,
    pub(crate) close: &'static str,
    pub(crate) empty_room: &'static str,
    pub(crate) empty_room_more: &'static str,
    pub(crate) messages_of: fn(&str) -> String,
    pub(crate) loading_older: &'static str,
    pub(crate) beginning: &'static str,
    pub(crate) new_messages: fn(usize) -> String,
    pub(crate) to_the_end: &'static str,
    pub(crate) to_first_unread: &'static str,
    pub(crate) unread_line: &'static str,
    /// What follows the names of people who are spoken of.
    pub(crate) honorific: &'static str,
    /// Who came and who left; either may be empty.
    pub(crate) came_and_left: fn(&str, &str) -> String,
    pub(crate) topic_changed: fn(&str, &str) -> String,
    pub(crate) seats_changed: fn(&str, u16) -> String,
    pub(crate) seats_lifted: fn(&str) -> String,

    pub(crate) message: &'static str,
    pub(crate) message_hint: fn(&str) -> String,
    pub(crate) send: &'static str,
    pub(crate) left: fn(isize) -> String,
    pub(crate) replying: fn(&str) -> String,
    pub(crate) editing: &'static str,
    pub(crate) edited_deleted: &'static str,
    pub(crate) no_files_yet: &'static str,
    pub(crate) suggestions: &'static str,
    pub(crate) suggested: fn(usize) -> String,
    pub(crate) sending: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) waiting_unkept: &'static str,
    pub(crate) not_sent: &'static str,
    pub(crate) unconfirmed: fn(&str) -> String,
    pub(crate) retry: &'static str,
    pub(crate) delete: &'static str,

    pub(crate) edited: &'static str,
    pub(crate) deleted: &'static str,
    pub(crate) earlier_message: &'static str,
    pub(crate) to_quoted: &'static str,
    pub(crate) show_more: &'static str,
    pub(crate) show_less: &'static str,
    pub(crate) code: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copy_text: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) not_copied: &'static str,
    pub(crate) message_actions: &'static str,
    pub(crate) react: &'static str,
    pub(crate) reply: &'static str,
    pub(crate) edit: &'static str,
    pub(crate) ask_delete: &'static str,
    pub(crate) delete_more: &'static str,
    pub(crate) not_changed: &'static str,
    pub(crate) try_again: &'static str,
    pub(crate) and_more: fn(&str, usize) -> String,
    pub(crate) insert_emoji: &'static str,
    pub(crate) find_emoji: &'static str,
    pub(crate) no_such_emoji: &'static str,
    pub(crate) emoji_loading: &'static str,
    pub(crate) emoji_lately: &'static str,
    pub(crate) emoji_groups: [&'static str; GROUPS],

    pub(crate) restarting: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) offline: &'static str,

    pub(crate) full: &'static str,
    pub(crate) full_more: fn(&str) -> String,
    pub(crate) full_waiting: &'static str,
    pub(crate) seat_free: fn(&str) -> String,
    pub(crate) try_now: &'static str,
    pub(crate) not_let_in: &'static str,
    pub(crate) removed: &'static str,
    pub(crate) nowhere: &'static str,
    pub(crate) nowhere_more: &'static str,
    pub(crate) unreachable: &'static str,

    pub(crate) refusal: fn(Refusal) -> &'static str,
    pub(crate) too_long: fn(usize) -> String,
}

impl Words {
    /// Why something that may have `most` characters was refused.
    pub(crate) fn refused(&self, refusal: Refusal, most: usize) -> String {
        match refusal {
            Refusal::NameTooLong => (self.too_long)(most),
            refusal => (self.refusal)(refusal).to_owned(),
        }
    }
}

/// A language the page speaks: nothing but its words.
#[derive(Clone, Copy)]
pub(crate) struct Language(&'static Words);

impl PartialEq for Language {
    fn eq(&self, other: &Language) -> bool {
        self.tag() == other.tag()
    }
}

impl Language {
    pub(crate) const ALL: [Language; 2] = [Language(&ko::WORDS), Language(&en::WORDS)];

    /// For readers of whose languages we speak none.
    const WIDEST: Language = Language(&en::WORDS);

    /// The first of the reader's languages that we speak.
    fn preferred(tags: impl IntoIterator<Item = String>) -> Language {
        let spoken = |tag: &str| Self::ALL.into_iter().find(|language| tag.starts_with(language.tag()));
        tags.into_iter().find_map(|tag| spoken(&tag)).unwrap_or(Language::WIDEST)
    }

    pub(crate) fn tag(self) -> &'static str {
        self.0.tag
    }

    /// What its speakers call it.
    pub(crate) fn own_name(self) -> &'static str {
        self.0.own_name
    }
}

/// The handle to the language of the page.
#[derive(Clone, Copy)]
pub(crate) struct Speech(Field<Language>);

pub(crate) fn provide_speech() -> Speech {
    let chosen = storage::read(storage::LANGUAGE);
    let of_browser = window().navigator().languages().into_iter().filter_map(|tag| tag.as_string());
    let speech = Speech(Field::new(Language::preferred(chosen.into_iter().chain(of_browser))));
    provide(speech);
    speech.mark();
    speech
}

pub(crate) fn use_speech() -> Speech {
    find()
}

/// The words of this moment's language. They are plain text to a component, because `app` builds
/// the page anew when the language changes: a closure around each word made the page a third larger.
pub(crate) fn use_words() -> &'static Words {
    use_speech().words()
}

impl Speech {
    pub(crate) fn words(self) -> &'static Words {
        self.0.get_untracked().0
    }

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
        let cases: [(&[&str], &str); 4] =
            [(&["ko-KR", "en"], "ko"), (&["fr", "en-GB", "ko"], "en"), (&["de"], "en"), (&[], "en")];
        for (tags, language) in cases {
            let preferred = Language::preferred(tags.iter().map(|tag| (*tag).to_owned()));
            assert_eq!(preferred.tag(), language, "{tags:?}");
        }
    }

    #[test]
    fn every_refusal_is_worded_in_every_language() {
        for language in Language::ALL {
            for refusal in Refusal::ALL {
                let sentence = (language.0.refusal)(*refusal);
                assert!(sentence.ends_with(['.', '?']), "{} {refusal:?}: {sentence}", language.tag());
            }
        }
    }
}
