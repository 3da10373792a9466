//! The form for the notification level of a room.

use common::room::RoomName;
use leptos::{ev, prelude::*};

use super::icon::Icon;
use crate::{
    i18n::use_texts,
    notifications::use_notifications,
    settings::use_settings,
    state::{
        notify_level::NotifyLevel,
        settings::{Choice, Setting},
    },
    view::collect_views,
};

#[component]
pub(crate) fn NotifyLevelForm(room: RoomName) -> impl IntoView {
    let texts = use_texts();
    let notifications = use_notifications();
    let settings = use_settings();
    let chosen = untrack(|| notifications.level(&room));
    let levels = NotifyLevel::ALL.map(|level| {
        let room = room.clone();
        let choose = move |_: ev::Event| notifications.set_level(&room, level);
        view! {
            <label class="radio-option">
                <input type="radio" name="level" checked=level == chosen on:change=choose/>
                {(texts.notify_level)(level)}
            </label>
        }
    });
    view! {
        {move || (settings.get(Setting::Notifications) == Choice::Off).then(|| view! {
            <button class="button" on:click=move |_| notifications.enable()>
                <Icon name="bell"/>
                {texts.enable_notifications}
            </button>
        })}
        <fieldset class="notify-levels">
            <legend class="visually-hidden">{texts.notifications}</legend>
            {collect_views(levels)}
        </fieldset>
        <p class="form-note" role="status">
            {move || if notifications.is_denied.get() { texts.notifications_denied } else { "" }}
        </p>
    }
}
