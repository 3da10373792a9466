//! `/`: the home page with a form to open a room, the lists of rooms, and the own profile.

use leptos::prelude::*;

use crate::{
    chat::use_chat,
    components::{
        brand::Brand,
        dialog::{DialogButton, DialogKind},
        open_room::OpenRoom,
        profile::Profile,
        rooms::{MyRooms, OpenRooms},
    },
    i18n::use_texts,
};

#[component]
pub(crate) fn Home() -> impl IntoView {
    let texts = use_texts();
    use_chat().close_room();
    view! {
        <div class="home">
            <header class="home-header">
                <Brand/>
                <div class="dialog-buttons">
                    <DialogButton kind=DialogKind::Switcher icon="search" name=texts.switch_room/>
                    <DialogButton kind=DialogKind::Shortcuts icon="keys" name=texts.shortcuts/>
                    <DialogButton kind=DialogKind::Settings icon="settings" name=texts.settings/>
                </div>
            </header>
            <main>
                <MyRooms/>
                <section class="welcome">
                    <h1>{texts.welcome}</h1>
                    <p>{texts.welcome_text}</p>
                    <OpenRoom/>
                </section>
                <OpenRooms/>
                <Profile/>
            </main>
        </div>
    }
}
