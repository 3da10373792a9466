//! The texts of the page in each language.
//!
//! A language that lacks a text does not compile. The browser's language is the default; the user's
//! choice is stored. Refusals of the server are translated by their code.

mod en;
mod ko;

use common::refusal::Refusal;
use leptos::prelude::*;

use crate::{
    context::{expect_context, provide_context},
    field::Field,
    state::{
        emoji::GROUPS,
        notify_level::NotifyLevel,
        settings::{Choice, Setting},
        shortcuts::Shortcut,
    },
    storage,
};

/// All texts of one language. Functions where a text contains a number or a name.
pub(crate) struct Texts {
    /// The BCP 47 tag of the language.
    pub(crate) tag: &'static str,
    /// The name of the language in the language itself.
    pub(crate) own_name: &'static str,
    pub(crate) app_name: &'static str,
    pub(crate) language: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) setting: fn(Setting) -> &'static str,
    pub(crate) choice: fn(Choice) -> &'static str,

    pub(crate) welcome: &'static str,
    pub(crate) welcome_text: &'static str,
    pub(crate) room_name: &'static str,
    pub(crate) room_name_placeholder: &'static str,
    pub(crate) open_room: &'static str,
    pub(crate) new_room: &'static str,
    pub(crate) same_room_names: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) topic_placeholder: &'static str,
    pub(crate) seats_label: &'static str,
    pub(crate) seats_placeholder: &'static str,
    pub(crate) shared_network: &'static str,
    pub(crate) shared_network_hint: &'static str,
    pub(crate) open_rooms: &'static str,
    pub(crate) rooms_loading: &'static str,
    pub(crate) rooms_unreachable: &'static str,
    pub(crate) no_other_rooms: &'static str,
    pub(crate) no_rooms: &'static str,
    pub(crate) no_rooms_text: &'static str,
    pub(crate) people_count: fn(u32) -> String,
    pub(crate) empty_room_summary: &'static str,
    pub(crate) no_messages: &'static str,
    pub(crate) just_now: &'static str,
    pub(crate) seats_taken: fn(u32, u16) -> String,

    pub(crate) name: &'static str,
    pub(crate) your_name: &'static str,
    pub(crate) choose_name: &'static str,
    pub(crate) choose_name_text: &'static str,
    pub(crate) enter_room: &'static str,
    pub(crate) change_name: &'static str,
    pub(crate) save: &'static str,
    pub(crate) cancel: &'static str,

    pub(crate) back_to_rooms: &'static str,
    pub(crate) share: &'static str,
    pub(crate) room_link: &'static str,
    pub(crate) copy_link: &'static str,
    pub(crate) link_copied: &'static str,
    pub(crate) qr_code: &'static str,
    pub(crate) share_natively: &'static str,
    pub(crate) switch_room: &'static str,
    pub(crate) create_room: fn(&str) -> String,
    pub(crate) shortcuts: &'static str,
    pub(crate) shortcut: fn(Shortcut) -> &'static str,
    pub(crate) notifications: &'static str,
    pub(crate) enable_notifications: &'static str,
    pub(crate) notifications_denied: &'static str,
    pub(crate) notify_level: fn(NotifyLevel) -> &'static str,
    pub(crate) my_rooms: &'static str,
    pub(crate) draft: &'static str,
    pub(crate) someone_typing: &'static str,
    pub(crate) people_typing: fn(&[String]) -> String,
    pub(crate) away: &'static str,
    /// Read before the mark of a person.
    pub(crate) mark: &'static str,
    pub(crate) mark_hint: &'static str,
    pub(crate) role_owner: &'static str,
    pub(crate) role_guest: &'static str,
    pub(crate) role_program: &'static str,
    pub(crate) room_details: &'static str,
    pub(crate) leave_room: &'static str,
    pub(crate) confirm_leave_full_room: &'static str,
    pub(crate) leave_anyway: &'static str,
    pub(crate) notify_free_seat: &'static str,
    pub(crate) client_outdated: &'static str,
    pub(crate) reload: &'static str,
    pub(crate) unread_count: fn(&str) -> String,
    pub(crate) mention_count: fn(u32) -> String,
    pub(crate) people: &'static str,
    pub(crate) kick: &'static str,
    pub(crate) confirm_kick: &'static str,
    pub(crate) confirm_kick_text: &'static str,
    pub(crate) you: &'static str,
    pub(crate) close: &'static str,
    pub(crate) empty_room: &'static str,
    pub(crate) empty_room_text: &'static str,
    pub(crate) timeline_label: fn(&str) -> String,
    pub(crate) loading_older: &'static str,
    pub(crate) timeline_start: &'static str,
    pub(crate) new_messages: fn(usize) -> String,
    pub(crate) jump_to_end: &'static str,
    pub(crate) jump_to_unread: &'static str,
    pub(crate) unread_divider: &'static str,
    /// Appended to names of people.
    pub(crate) honorific: &'static str,
    /// The names of who joined and of who left; either may be empty.
    pub(crate) joined_and_left: fn(&str, &str) -> String,
    pub(crate) topic_changed: fn(&str, &str) -> String,
    pub(crate) seat_limit_changed: fn(&str, u16) -> String,
    pub(crate) shared_network_changed: fn(&str, bool) -> String,
    pub(crate) seat_limit_removed: fn(&str) -> String,

    pub(crate) message_label: &'static str,
    pub(crate) message_placeholder: fn(&str) -> String,
    pub(crate) send: &'static str,
    pub(crate) characters_left: fn(isize) -> String,
    pub(crate) replying_to: fn(&str) -> String,
    pub(crate) editing: &'static str,
    pub(crate) edited_message_deleted: &'static str,
    pub(crate) files_unsupported: &'static str,
    pub(crate) suggestions: &'static str,
    pub(crate) suggestion_count: fn(usize) -> String,
    pub(crate) sending: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) waiting_not_persisted: &'static str,
    pub(crate) send_failed: &'static str,
    pub(crate) unverified_sender: fn(&str) -> String,
    pub(crate) send_again: &'static str,
    pub(crate) delete: &'static str,

    pub(crate) edited: &'static str,
    pub(crate) deleted: &'static str,
    pub(crate) unknown_quoted_message: &'static str,
    pub(crate) jump_to_quoted: &'static str,
    pub(crate) show_more: &'static str,
    pub(crate) show_less: &'static str,
    pub(crate) code: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copy_text: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) copy_failed: &'static str,
    pub(crate) message_actions: &'static str,
    pub(crate) react: &'static str,
    pub(crate) reply: &'static str,
    pub(crate) edit: &'static str,
    pub(crate) confirm_delete: &'static str,
    pub(crate) confirm_delete_text: &'static str,
    pub(crate) edit_failed: &'static str,
    pub(crate) retry_edit: &'static str,
    pub(crate) and_others: fn(&str, usize) -> String,
    pub(crate) insert_emoji: &'static str,
    pub(crate) find_emoji: &'static str,
    pub(crate) no_emoji_found: &'static str,
    pub(crate) emoji_loading: &'static str,
    pub(crate) recent_emoji: &'static str,
    pub(crate) emoji_groups: [&'static str; GROUPS],

    pub(crate) restarting: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) offline: &'static str,

    pub(crate) room_full: &'static str,
    pub(crate) room_full_text: fn(&str) -> String,
    pub(crate) waiting_for_seat: &'static str,
    pub(crate) seat_is_free: fn(&str) -> String,
    pub(crate) check_now: &'static str,
    pub(crate) join_refused: &'static str,
    pub(crate) kicked: &'static str,
    pub(crate) room_deleted: &'static str,
    pub(crate) make_room_again: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) not_found_text: &'static str,
    pub(crate) server_unreachable: &'static str,

    pub(crate) refusal: fn(Refusal) -> &'static str,
    pub(crate) too_long: fn(usize) -> String,
}

impl Texts {
    /// Why a text was refused that may have up to `limit` characters.
    pub(crate) fn refusal_with_limit(&self, refusal: Refusal, limit: usize) -> String {
        match refusal {
            Refusal::NameTooLong => (self.too_long)(limit),
            refusal => (self.refusal)(refusal).to_owned(),
        }
    }
}

/// A supported language.
#[derive(Clone, Copy)]
pub(crate) struct Language(&'static Texts);

impl PartialEq for Language {
    fn eq(&self, other: &Language) -> bool {
        self.tag() == other.tag()
    }
}

impl Language {
    pub(crate) const ALL: [Language; 2] = [Language(&ko::TEXTS), Language(&en::TEXTS)];

    /// Used if none of the browser's languages is supported.
    const FALLBACK: Language = Language(&en::TEXTS);

    /// Returns the first supported language of the given tags.
    fn preferred(tags: impl IntoIterator<Item = String>) -> Language {
        let supported = |tag: &str| Self::ALL.into_iter().find(|language| tag.starts_with(language.tag()));
        tags.into_iter().find_map(|tag| supported(&tag)).unwrap_or(Language::FALLBACK)
    }

    pub(crate) fn tag(self) -> &'static str {
        self.0.tag
    }

    /// The name of the language in the language itself.
    pub(crate) fn own_name(self) -> &'static str {
        self.0.own_name
    }
}

/// The current language of the page.
#[derive(Clone, Copy)]
pub(crate) struct Locale(Field<Language>);

pub(crate) fn provide_locale() -> Locale {
    let chosen = storage::load(storage::LANGUAGE);
    let of_browser = window().navigator().languages().into_iter().filter_map(|tag| tag.as_string());
    let locale = Locale(Field::new(Language::preferred(chosen.into_iter().chain(of_browser))));
    provide_context(locale);
    locale.set_html_lang();
    locale
}

pub(crate) fn use_locale() -> Locale {
    expect_context()
}

/// The texts of the current language. Not reactive: `app` rebuilds the page when the language changes,
/// because a closure around each text would make the module a third larger.
pub(crate) fn use_texts() -> &'static Texts {
    use_locale().texts()
}

impl Locale {
    pub(crate) fn texts(self) -> &'static Texts {
        self.0.get_untracked().0
    }

    pub(crate) fn language(self) -> Language {
        self.0.get()
    }

    pub(crate) fn set_language(self, language: Language) {
        storage::save(storage::LANGUAGE, Some(language.tag()));
        self.0.set(language);
        self.set_html_lang();
    }

    /// Sets `<html lang>`, for screen readers, hyphenation and fonts.
    fn set_html_lang(self) {
        if let Some(html) = document().document_element() {
            // Fails only for invalid attribute names.
            let _ = html.set_attribute("lang", self.0.get_untracked().tag());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_supported_language_is_taken() {
        let cases: [(&[&str], &str); 4] =
            [(&["ko-KR", "en"], "ko"), (&["fr", "en-GB", "ko"], "en"), (&["de"], "en"), (&[], "en")];
        for (tags, language) in cases {
            let preferred = Language::preferred(tags.iter().map(|tag| (*tag).to_owned()));
            assert_eq!(preferred.tag(), language, "{tags:?}");
        }
    }

    #[test]
    fn every_refusal_is_translated_into_every_language() {
        for language in Language::ALL {
            for refusal in Refusal::ALL {
                let sentence = (language.0.refusal)(*refusal);
                assert!(sentence.ends_with(['.', '?']), "{} {refusal:?}: {sentence}", language.tag());
            }
        }
    }
}
