//! The emoji one can pick, in the reader's language, and those picked lately on this device.
//!
//! They are a file of their own that is fetched when somebody first looks for one: no first visit
//! waits for them. Used by the picker and by the completion of `:`.

use leptos::prelude::*;

use crate::{
    api,
    field::Field,
    handle::{find, provide},
    i18n::{Language, Speech, use_speech},
    state::emoji::{self, Emoji},
    storage,
    task::spawn,
};

/// What is offered to somebody who has picked none yet.
const FIRST: [&str; 8] = ["👍", "❤️", "😂", "🎉", "🙏", "👀", "😮", "😢"];

/// How many are remembered as picked lately.
const LATELY: usize = 16;

const RECENT: &str = "madang/emoji";

/// The handle to them.
#[derive(Clone, Copy)]
pub(crate) struct Emojis {
    all: Field<Vec<Emoji>>,
    fetched: Field<Option<Language>>,
    speech: Speech,
}

/// The language is to be known already.
pub(crate) fn provide_emojis() {
    provide(Emojis { all: Field::new(Vec::new()), fetched: Field::new(None), speech: use_speech() });
}

pub(crate) fn use_emojis() -> Emojis {
    find()
}

impl Emojis {
    /// Fetches the file, unless it is here. To be called when somebody begins to look for one.
    pub(crate) fn load(self) {
        let language = untrack(|| self.speech.language());
        if self.fetched.get_untracked() == Some(language) {
            return;
        }
        self.fetched.set(Some(language));
        spawn(async move {
            match api::file(&format!("/emoji.{}.txt", language.tag())).await {
                // Never freed: each language is read once, and names are looked at a lot.
                Some(text) => self.all.set(emoji::read(text.leak())),
                // To be tried again when somebody looks again.
                None => self.fetched.set(None),
            }
        });
    }

    /// Whether they are here.
    pub(crate) fn have_come(self) -> bool {
        self.all.with(|all| !all.is_empty())
    }

    /// All of them, group by group; none as long as they are on their way.
    pub(crate) fn all(self) -> Vec<Emoji> {
        self.all.get()
    }

    /// At most `most` that are called so, the best first; to be asked again when they have come.
    pub(crate) fn search(self, text: &str, most: usize) -> Vec<Emoji> {
        self.all.with(|all| emoji::search(all, text, most))
    }
}

/// The pictures of those picked lately, the latest first, filled up with what many people like.
pub(crate) fn recent() -> Vec<String> {
    let picked = storage::read(RECENT).unwrap_or_default();
    let mut recent: Vec<String> = picked.split_whitespace().map(str::to_owned).collect();
    for liked in FIRST {
        if !recent.iter().any(|picked| picked == liked) {
            recent.push(liked.to_owned());
        }
    }
    recent.truncate(LATELY);
    recent
}

/// Remembers that this one was picked.
pub(crate) fn remember(picture: &str) {
    let mut recent = recent();
    recent.retain(|other| other != picture);
    recent.insert(0, picture.to_owned());
    storage::write(RECENT, Some(&recent.join(" ")));
}
