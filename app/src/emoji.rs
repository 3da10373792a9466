//! The emoji list in the current language, and the recently used emoji of this device.
//!
//! The list is a static file, fetched when the picker or the completion of `:` is first used, so that
//! a first visit does not wait for it.

use common::message;
use leptos::prelude::*;

use crate::{
    api,
    context::{expect_context, provide_context},
    field::Field,
    i18n::{Language, Locale, use_locale},
    state::emoji::{self, Emoji},
    storage,
    task::spawn,
};

/// Offered until enough emoji have been used.
const DEFAULT_RECENT: [&str; 8] = ["👍", "❤️", "😂", "🎉", "🙏", "👀", "😮", "😢"];

/// How many recently used emoji are stored.
const MAX_RECENT: usize = 16;

const RECENT: &str = "madang/emoji";

/// The emoji list, once it is loaded.
#[derive(Clone, Copy)]
pub(crate) struct Emojis {
    all: Field<Vec<Emoji>>,
    loaded_language: Field<Option<Language>>,
    locale: Locale,
}

/// Needs the [`Locale`] context.
pub(crate) fn provide_emojis() {
    provide_context(Emojis {
        all: Field::new(Vec::new()),
        loaded_language: Field::new(None),
        locale: use_locale(),
    });
}

pub(crate) fn use_emojis() -> Emojis {
    expect_context()
}

impl Emojis {
    /// Fetches the list of the current language, unless it is loaded. Called when a picker opens.
    pub(crate) fn load(self) {
        let language = untrack(|| self.locale.language());
        if self.loaded_language.get_untracked() == Some(language) {
            return;
        }
        self.loaded_language.set(Some(language));
        spawn(async move {
            match api::fetch_text(&format!("/emoji.{}.txt", language.tag())).await {
                // Leaked: each language is loaded once, and its names are borrowed everywhere.
                Some(text) => self.all.set(emoji::parse_file(text.leak())),
                // The next call tries again.
                None => self.loaded_language.set(None),
            }
        });
    }

    /// Whether the list is loaded. Reactive.
    pub(crate) fn is_loaded(self) -> bool {
        self.all.with(|all| !all.is_empty())
    }

    /// Returns all emoji in the order of their groups; empty until they are loaded. Reactive.
    pub(crate) fn all(self) -> Vec<Emoji> {
        self.all.get()
    }

    /// Returns the best matches for a name. Reactive: runs again when the list is loaded.
    pub(crate) fn search(self, text: &str, limit: usize) -> Vec<Emoji> {
        self.all.with(|all| emoji::search(all, text, limit))
    }
}

/// Returns the recently used emoji, the latest first, padded with common ones.
pub(crate) fn recent() -> Vec<String> {
    let stored = storage::load(RECENT).unwrap_or_default();
    let mut recent: Vec<String> = Vec::new();
    for picture in stored.split_whitespace().chain(DEFAULT_RECENT) {
        let emoji = message::Emoji::from_store(picture.to_owned());
        if !recent.iter().any(|other| other == emoji.as_str()) {
            recent.push(emoji.to_string());
        }
    }
    recent.truncate(MAX_RECENT);
    recent
}

/// Stores an emoji as the most recently used one.
pub(crate) fn add_recent(picture: &str) {
    let mut recent = recent();
    recent.retain(|other| other != picture);
    recent.insert(0, picture.to_owned());
    storage::save(RECENT, Some(&recent.join(" ")));
}
