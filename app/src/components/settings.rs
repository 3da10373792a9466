//! The settings form: the language, then all of `crate::settings`.

use leptos::{ev, prelude::*};
use web_sys::HtmlSelectElement;

use crate::{
    i18n::{Language, use_locale, use_texts},
    notifications::use_notifications,
    settings::use_settings,
    state::settings::{Choice, Setting},
    view::{ElementRef, collect_views, effect},
};

/// An `<option>`: its label, the language of the label, and whether it is selected.
type ChoiceOption = (&'static str, &'static str, bool);

#[component]
pub(crate) fn SettingsForm() -> impl IntoView {
    let locale = use_locale();
    let settings = use_settings();
    let notifications = use_notifications();
    let texts = use_texts();
    let languages =
        Language::ALL.map(|language| (language.own_name(), language.tag(), language.tag() == texts.tag));
    let choose_language = Box::new(move |index| locale.set_language(Language::ALL[index]));
    let rows = Setting::ALL.map(|setting| {
        let chosen = settings.get_untracked(setting);
        let choices: Vec<ChoiceOption> = setting
            .choices()
            .iter()
            .map(|choice| ((texts.choice)(*choice), texts.tag, *choice == chosen))
            .collect();
        let choose = Box::new(move |index| match (setting, setting.choices()[index]) {
            (Setting::Notifications, Choice::On) => notifications.enable(),
            (setting, choice) => settings.set(setting, choice),
        });
        let select_ref = ElementRef::new();
        // The setting may not accept a choice: the browser can deny notifications.
        effect(move || {
            let chosen = settings.get(setting);
            let index = setting.choices().iter().position(|choice| *choice == chosen);
            if let (Some(index), Some(select)) = (index, select_ref.get::<HtmlSelectElement>()) {
                select.set_selected_index(index as i32);
            }
        });
        setting_row((texts.setting)(setting), select_ref, &choices, choose)
    });
    view! {
        <div class="settings">
            {setting_row(texts.language, ElementRef::new(), &languages, choose_language)} {collect_views(rows)}
            <p class="form-note" role="status">
                {move || if notifications.is_denied.get() { texts.notifications_denied } else { "" }}
            </p>
        </div>
    }
}

fn setting_row(
    name: &'static str,
    select_ref: ElementRef,
    choices: &[ChoiceOption],
    choose: Box<dyn Fn(usize)>,
) -> impl IntoView + use<> {
    let count = choices.len();
    let options = collect_views(choices.iter().enumerate().map(|(index, (label, tag, chosen))| {
        view! { <option value=index.to_string() lang=*tag selected=*chosen>{*label}</option> }
    }));
    let chosen = move |change: ev::Event| {
        let index = event_target_value(&change).parse().ok();
        if let Some(index) = index.filter(|index| *index < count) {
            choose(index);
        }
    };
    view! {
        <label class="setting">
            <span>{name}</span>
            <select node_ref=select_ref on:change=chosen>{options}</select>
        </label>
    }
}
