//! The two switches of the page: its language and its brightness.

use leptos::{ev, prelude::*};

use crate::{
    i18n::{Language, use_speech, use_words},
    theme::{Theme, use_theme},
};

#[component]
pub(crate) fn Settings() -> impl IntoView {
    let speech = use_speech();
    let words = use_words();
    let theme = use_theme();
    let choose_language = move |change: ev::Event| {
        let tag = event_target_value(&change);
        if let Some(language) = Language::ALL.into_iter().find(|language| language.tag() == tag) {
            speech.choose(language);
        }
    };
    let choose_theme = move |change: ev::Event| {
        let place = event_target_value(&change).parse().ok();
        if let Some(chosen) = place.and_then(|place: usize| Theme::ALL.get(place)) {
            theme.choose(*chosen);
        }
    };
    let languages = Language::ALL.map(|language| {
        view! {
            <option value=language.tag() lang=language.tag() selected=language.tag() == words.tag>
                {language.own_name()}
            </option>
        }
    });
    let themes = Theme::ALL.map(|choice| {
        let place = Theme::ALL.iter().position(|theme| *theme == choice);
        let word = match choice {
            Theme::System => words.theme_system,
            Theme::Light => words.theme_light,
            Theme::Dark => words.theme_dark,
        };
        view! {
            <option value=place.unwrap_or_default().to_string() selected=theme.get_untracked() == choice>
                {word}
            </option>
        }
    });
    view! {
        <div class="settings">
            <select aria-label=words.language on:change=choose_language>
                {languages.into_iter().collect_view()}
            </select>
            <select aria-label=words.theme on:change=choose_theme>
                {themes.into_iter().collect_view()}
            </select>
        </div>
    }
}
