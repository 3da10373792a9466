//! The settings of this device, each with a closed list of choices.
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
    storage,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Theme,
    TextSize,
    Motion,
    EnterKey,
    Sound,
    Notifications,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Follows the system.
    System,
    Light,
    Dark,
    Medium,
    Small,
    Large,
    Largest,
    /// Less motion.
    Reduced,
    /// Enter sends, except on touch devices, where it inserts a line break.
    Automatic,
    Send,
    NewLine,
    Off,
    On,
}

impl Setting {
    pub(crate) const ALL: [Setting; 6] = [
        Setting::Theme,
        Setting::TextSize,
        Setting::Motion,
        Setting::EnterKey,
        Setting::Sound,
        Setting::Notifications,
    ];

    /// The possible choices; the first is the default.
    pub(crate) fn choices(self) -> &'static [Choice] {
        match self {
            Setting::Theme => &[Choice::System, Choice::Light, Choice::Dark],
            Setting::TextSize => &[Choice::Medium, Choice::Small, Choice::Large, Choice::Largest],
            Setting::Motion => &[Choice::System, Choice::Reduced],
            Setting::EnterKey => &[Choice::Automatic, Choice::Send, Choice::NewLine],
            Setting::Sound | Setting::Notifications => &[Choice::Off, Choice::On],
        }
    }

    /// The name in the storage key and in the attribute.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Setting::Theme => "theme",
            Setting::TextSize => "text",
            Setting::Motion => "motion",
            Setting::EnterKey => "enter",
            Setting::Sound => "sound",
            Setting::Notifications => "notices",
        }
    }

    fn is_html_attribute(self) -> bool {
        matches!(self, Setting::Theme | Setting::TextSize | Setting::Motion)
    }

    fn stored(self) -> Choice {
        let stored = storage::load(&self.storage_key());
        let chosen = self.choices().iter().find(|choice| stored.as_deref() == Some(choice.stored_name()));
        *chosen.unwrap_or(&self.choices()[0])
    }

    fn storage_key(self) -> String {
        format!("madang/{}", self.name())
    }
}

impl Choice {
    /// The value in storage and in the attribute.
    pub(crate) fn stored_name(self) -> &'static str {
        match self {
            Choice::System => "system",
            Choice::Light => "light",
            Choice::Dark => "dark",
            Choice::Medium => "middle",
            Choice::Small => "small",
            Choice::Large => "large",
            Choice::Largest => "largest",
            Choice::Reduced => "less",
            Choice::Automatic => "usual",
            Choice::Send => "sends",
            Choice::NewLine => "breaks",
            Choice::Off => "off",
            Choice::On => "on",
        }
    }
}

/// The current choices of all settings.
#[derive(Clone, Copy)]
pub(crate) struct Settings(Field<[Choice; Setting::ALL.len()]>);

pub(crate) fn provide_settings() {
    provide_context(Settings(Field::new(Setting::ALL.map(Setting::stored))));
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
        let stored = (choice != setting.choices()[0]).then(|| choice.stored_name());
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

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_own_index_and_name_and_at_least_two_choices() {
        for (index, setting) in Setting::ALL.into_iter().enumerate() {
            assert_eq!(setting as usize, index);
            assert!(setting.choices().len() > 1);
            assert_eq!(Setting::ALL.iter().filter(|other| other.name() == setting.name()).count(), 1);
        }
    }
}
