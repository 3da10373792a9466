//! What the reader has chosen, on this device: a table of settings, each with a few choices.
//!
//! A choice is remembered as a word under `madang/<setting>`; the first choice is the usual one and
//! is not remembered. What the style sheets have to know is an attribute of `<html>` as well, which
//! `public/boot.js` sets before the first paint and this file whenever it changes. The language is
//! not here but in `i18n`, because the page is built anew for it.

use leptos::prelude::*;

use crate::{
    device,
    field::Field,
    handle::{find, provide},
    storage,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Theme,
    Text,
    Motion,
    Enter,
    Sound,
    Notices,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// As the system has it.
    System,
    Light,
    Dark,
    Middle,
    Small,
    Large,
    Largest,
    /// Little motion.
    Less,
    /// As the device has it: a keyboard on the screen breaks lines, any other sends.
    Usual,
    Sends,
    Breaks,
    Off,
    On,
}

impl Setting {
    pub(crate) const ALL: [Setting; 6] =
        [Setting::Theme, Setting::Text, Setting::Motion, Setting::Enter, Setting::Sound, Setting::Notices];

    /// What can be chosen; the first is what nobody had to choose.
    pub(crate) fn choices(self) -> &'static [Choice] {
        match self {
            Setting::Theme => &[Choice::System, Choice::Light, Choice::Dark],
            Setting::Text => &[Choice::Middle, Choice::Small, Choice::Large, Choice::Largest],
            Setting::Motion => &[Choice::System, Choice::Less],
            Setting::Enter => &[Choice::Usual, Choice::Sends, Choice::Breaks],
            Setting::Sound | Setting::Notices => &[Choice::Off, Choice::On],
        }
    }

    /// Its name in storage, and of its attribute if it has one.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Setting::Theme => "theme",
            Setting::Text => "text",
            Setting::Motion => "motion",
            Setting::Enter => "enter",
            Setting::Sound => "sound",
            Setting::Notices => "notices",
        }
    }

    fn is_styled(self) -> bool {
        matches!(self, Setting::Theme | Setting::Text | Setting::Motion)
    }

    fn remembered(self) -> Choice {
        let word = storage::read(&self.key());
        let chosen = self.choices().iter().find(|choice| word.as_deref() == Some(choice.word()));
        *chosen.unwrap_or(&self.choices()[0])
    }

    fn key(self) -> String {
        format!("madang/{}", self.name())
    }
}

impl Choice {
    /// As it is remembered and as an attribute says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Choice::System => "system",
            Choice::Light => "light",
            Choice::Dark => "dark",
            Choice::Middle => "middle",
            Choice::Small => "small",
            Choice::Large => "large",
            Choice::Largest => "largest",
            Choice::Less => "less",
            Choice::Usual => "usual",
            Choice::Sends => "sends",
            Choice::Breaks => "breaks",
            Choice::Off => "off",
            Choice::On => "on",
        }
    }
}

/// The handle to all of them.
#[derive(Clone, Copy)]
pub(crate) struct Settings(Field<[Choice; Setting::ALL.len()]>);

pub(crate) fn provide_settings() {
    provide(Settings(Field::new(Setting::ALL.map(Setting::remembered))));
}

pub(crate) fn use_settings() -> Settings {
    find()
}

impl Settings {
    /// What is chosen; whoever reads it reads it again when another choice is made.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn get(self, setting: Setting) -> Choice {
        self.0.with(|chosen| chosen[setting as usize])
    }

    pub(crate) fn get_untracked(self, setting: Setting) -> Choice {
        untrack(|| self.get(setting))
    }

    /// Whether Enter sends, or breaks the line and Ctrl or ⌘ with it sends.
    pub(crate) fn enter_sends(self) -> bool {
        match self.get(Setting::Enter) {
            Choice::Sends => true,
            Choice::Breaks => false,
            _ => !device::is_touch(),
        }
    }

    pub(crate) fn choose(self, setting: Setting, choice: Choice) {
        let word = (choice != setting.choices()[0]).then(|| choice.word());
        storage::write(&setting.key(), word);
        if let Some(html) = document().document_element().filter(|_| setting.is_styled()) {
            let attribute = format!("data-{}", setting.name());
            // Both can only fail for names that are not names.
            let _ = match word {
                Some(word) => html.set_attribute(&attribute, word),
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
    fn every_setting_has_its_place_its_name_and_something_to_choose() {
        for (place, setting) in Setting::ALL.into_iter().enumerate() {
            assert_eq!(setting as usize, place);
            assert!(setting.choices().len() > 1);
            assert_eq!(Setting::ALL.iter().filter(|other| other.name() == setting.name()).count(), 1);
        }
    }
}
