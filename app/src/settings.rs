//! The current settings of this device.
//!
//! A choice is stored by name in localStorage under `madang/<setting>`; the first choice is the
//! default and is not stored. Settings that the style sheets need are attributes of `<html>` as well:
//! `public/boot.js` sets them before the first paint, and this file when they change. The language is
//! in `i18n`, because a change rebuilds the page.

use leptos::prelude::*;

use crate::{
    context::{expect_context, provide_context},
    device,
    field::Field,
    state::settings::{Choice, Setting},
    storage,
};

/// The current choices of all settings.
#[derive(Clone, Copy)]
pub(crate) struct Settings(Field<[Choice; Setting::ALL.len()]>);

pub(crate) fn provide_settings() {
    provide_context(Settings(Field::new(Setting::ALL.map(load))));
}

pub(crate) fn use_settings() -> Settings {
    expect_context()
}

impl Settings {
    /// Returns the current choice. Reactive.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn get(self, setting: Setting) -> Choice {
        self.0.with(|chosen| chosen[setting as usize])
    }

    pub(crate) fn get_untracked(self, setting: Setting) -> Choice {
        untrack(|| self.get(setting))
    }

    /// Whether Enter sends; otherwise it breaks the line, and Ctrl or ⌘ with Enter sends.
    pub(crate) fn enter_sends(self) -> bool {
        match self.get(Setting::EnterKey) {
            Choice::Send => true,
            Choice::NewLine => false,
            _ => !device::is_touch(),
        }
    }

    pub(crate) fn set(self, setting: Setting, choice: Choice) {
        let stored = setting.to_stored(choice);
        storage::save(&setting.storage_key(), stored);
        if let Some(html) = document().document_element().filter(|_| setting.is_html_attribute()) {
            let attribute = format!("data-{}", setting.name());
            // Both fail only for invalid attribute names.
            let _ = match stored {
                Some(stored) => html.set_attribute(&attribute, stored),
                None => html.remove_attribute(&attribute),
            };
        }
        self.0.update(|chosen| chosen[setting as usize] = choice);
    }
}

fn load(setting: Setting) -> Choice {
    setting.parse(storage::load(&setting.storage_key()).as_deref())
}
