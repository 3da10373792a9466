//! Light or dark: what the system says, unless somebody has chosen.
//!
//! The choice is an attribute of `<html>` that the style sheets read. `public/boot.js` sets it
//! before the first paint, this file whenever it changes.

use leptos::prelude::*;

use crate::{field::Field, storage};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    /// As it is remembered and as the attribute says it; the system's theme is no attribute.
    fn word(self) -> Option<&'static str> {
        match self {
            Theme::System => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct ThemeChoice(Field<Theme>);

pub(crate) fn provide_theme() {
    let word = storage::read(storage::THEME);
    let chosen = Theme::ALL.into_iter().find(|theme| theme.word() == word.as_deref());
    provide_context(ThemeChoice(Field::new(chosen.unwrap_or(Theme::System))));
}

pub(crate) fn use_theme() -> ThemeChoice {
    expect_context()
}

impl ThemeChoice {
    pub(crate) fn get_untracked(self) -> Theme {
        self.0.get_untracked()
    }

    pub(crate) fn choose(self, theme: Theme) {
        storage::write(storage::THEME, theme.word());
        if let Some(html) = document().document_element() {
            // Both can only fail for names that are not names.
            let _ = match theme.word() {
                Some(word) => html.set_attribute("data-theme", word),
                None => html.remove_attribute("data-theme"),
            };
        }
        self.0.set(theme);
    }
}
