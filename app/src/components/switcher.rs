//! The room switcher: a combobox over all known rooms.

use leptos::{ev, prelude::*};

use super::{
    dialog::use_dialogs,
    rooms::{known_rooms, poll_rooms},
};
use crate::{
    chat::use_chat,
    context::{expect_context, provide_context},
    device,
    field::Field,
    i18n::use_texts,
    route::{Route, use_router},
    state::{
        ime_keys::Key,
        switcher::{SwitchTarget, search_rooms, wrapping_step},
    },
    view::{collect_views, reactive, scroll_selected_into_view},
};

const LIST_ID: &str = "switcher-list";

/// The input text and the index of the selected option.
#[derive(Default)]
struct SwitcherInput {
    text: String,
    selected: usize,
}

#[derive(Clone, Copy)]
pub(crate) struct SwitcherState(Field<SwitcherInput>);

pub(crate) fn provide_switcher() {
    provide_context(SwitcherState(Field::new(SwitcherInput::default())));
}

#[component]
pub(crate) fn Switcher() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let dialogs = use_dialogs();
    let router = use_router();
    let SwitcherState(input) = expect_context();
    let rooms = poll_rooms();
    input.set(SwitcherInput::default());
    let options = move || input.with(|input| search_rooms(&input.text, known_rooms(chat, rooms).into_iter()));
    let open = move |offer: SwitchTarget| {
        dialogs.close();
        router.navigate(Route::Room(offer.room().clone()));
    };
    let key_down = move |press: ev::KeyboardEvent| {
        let move_by = match device::key_press(&press).key {
            Key::Down => 1,
            Key::Up => -1,
            _ => return,
        };
        press.prevent_default();
        let count = untrack(options).len();
        input.update(|input| input.selected = wrapping_step(input.selected, count, move_by));
        scroll_selected_into_view(LIST_ID);
    };
    let submit = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        let selected = input.with_untracked(|input| input.selected);
        if let Some(offer) = untrack(options).into_iter().nth(selected) {
            open(offer);
        }
    };
    let list = move || {
        let selected = input.with(|input| input.selected);
        let options = options().into_iter().enumerate().map(|(index, offer)| {
            let name = match &offer {
                SwitchTarget::Existing(room) => room.to_string(),
                SwitchTarget::New(room) => (texts.create_room)(room.as_str()),
            };
            view! {
                <li
                    id=format!("{LIST_ID}-{index}")
                    role="option"
                    aria-selected=(index == selected).to_string()
                    on:click=move |_| open(offer.clone())
                >
                    {name}
                </li>
            }
        });
        collect_views(options)
    };
    view! {
        <form on:submit=submit>
            <input
                class="dialog-input"
                // The dialog focuses it when it opens.
                autofocus
                role="combobox"
                autocomplete="off"
                autocapitalize="off"
                enterkeyhint="go"
                aria-label=texts.switch_room
                placeholder=texts.room_name
                aria-expanded="true"
                aria-controls=LIST_ID
                aria-activedescendant=move || input.with(|input| format!("{LIST_ID}-{}", input.selected))
                on:keydown=key_down
                on:input=move |event| {
                    input.set(SwitcherInput { text: event_target_value(&event), selected: 0 });
                }
            />
        </form>
        <ul id=LIST_ID class="switcher" role="listbox" aria-label=texts.open_rooms>
            {reactive(list)}
        </ul>
    }
}
