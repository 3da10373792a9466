//! Everything that can be chosen, in one form: the language first, then the table of `settings`.

use leptos::{ev, prelude::*};
use web_sys::HtmlSelectElement;

use crate::{
    i18n::{Language, use_speech, use_words},
    notices::use_notices,
    settings::{Choice, Setting, use_settings},
    view::{Slot, each, watch},
};

/// One choice as it is shown: its word, the language the word is in, whether it is chosen.
type Shown = (&'static str, &'static str, bool);

#[component]
pub(crate) fn SettingsForm() -> impl IntoView {
    let speech = use_speech();
    let settings = use_settings();
    let notices = use_notices();
    let words = use_words();
    let languages =
        Language::ALL.map(|language| (language.own_name(), language.tag(), language.tag() == words.tag));
    let choose_language = Box::new(move |place| speech.choose(Language::ALL[place]));
    let rows = Setting::ALL.map(|setting| {
        let chosen = settings.get_untracked(setting);
        let choices: Vec<Shown> = setting
            .choices()
            .iter()
            .map(|choice| ((words.choice)(*choice), words.tag, *choice == chosen))
            .collect();
        let choose = Box::new(move |place| match (setting, setting.choices()[place]) {
            (Setting::Notices, Choice::On) => notices.allow(),
            (setting, choice) => settings.choose(setting, choice),
        });
        let slot = Slot::new();
        // What was chosen may not be had: the browser has a word in it.
        watch(move || {
            let chosen = settings.get(setting);
            let place = setting.choices().iter().position(|choice| *choice == chosen);
            if let (Some(place), Some(select)) = (place, slot.get::<HtmlSelectElement>()) {
                select.set_selected_index(place as i32);
            }
        });
        row((words.setting)(setting), slot, &choices, choose)
    });
    view! {
        <div class="settings">
            {row(words.language, Slot::new(), &languages, choose_language)} {each(rows)}
            <p class="form-note" role="status">
                {move || if notices.denied.get() { words.notices_denied } else { "" }}
            </p>
        </div>
    }
}

fn row(
    name: &'static str,
    slot: Slot,
    choices: &[Shown],
    choose: Box<dyn Fn(usize)>,
) -> impl IntoView + use<> {
    let count = choices.len();
    let options = each(choices.iter().enumerate().map(|(place, (word, tag, chosen))| {
        view! { <option value=place.to_string() lang=*tag selected=*chosen>{*word}</option> }
    }));
    let chosen = move |change: ev::Event| {
        let place = event_target_value(&change).parse().ok();
        if let Some(place) = place.filter(|place| *place < count) {
            choose(place);
        }
    };
    view! {
        <label class="setting">
            <span>{name}</span>
            <select node_ref=slot on:change=chosen>{options}</select>
        </label>
    }
}
