//! How much of this room one wants to hear of while one looks elsewhere.

use common::room::RoomName;
use leptos::{ev, prelude::*};

use super::icon::Icon;
use crate::{
    i18n::use_words,
    notices::use_notices,
    settings::{Choice, Setting, use_settings},
    state::notice::Level,
    view::each,
};

#[component]
pub(crate) fn NoticesForm(room: RoomName) -> impl IntoView {
    let words = use_words();
    let notices = use_notices();
    let settings = use_settings();
    let chosen = untrack(|| notices.level(&room));
    let levels = Level::ALL.map(|level| {
        let room = room.clone();
        let choose = move |_: ev::Event| notices.set_level(&room, level);
        view! {
            <label class="choice">
                <input type="radio" name="level" checked=level == chosen on:change=choose/>
                {(words.level)(level)}
            </label>
        }
    });
    view! {
        {move || (settings.get(Setting::Notices) == Choice::Off).then(|| view! {
            <button class="button" on:click=move |_| notices.allow()>
                <Icon name="bell"/>
                {words.notices_on}
            </button>
        })}
        <fieldset class="levels">
            <legend class="visually-hidden">{words.notices}</legend>
            {each(levels)}
        </fieldset>
        <p class="form-note" role="status">
            {move || if notices.denied.get() { words.notices_denied } else { "" }}
        </p>
    }
}
