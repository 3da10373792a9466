//! `/`: open a room, see which are open, be somebody.

use leptos::prelude::*;

use crate::{
    chat::use_chat,
    components::{
        brand::Brand,
        dialog::{Opener, Topic},
        open_room::OpenRoom,
        rooms::{MyRooms, OpenRooms},
        you::You,
    },
    i18n::use_words,
};

#[component]
pub(crate) fn Home() -> impl IntoView {
    let words = use_words();
    use_chat().leave();
    view! {
        <div class="home">
            <header class="home-bar">
                <Brand/>
                <div class="openers">
                    <Opener topic=Topic::Switcher icon="search" name=words.switch_room/>
                    <Opener topic=Topic::Shortcuts icon="keys" name=words.shortcuts/>
                    <Opener topic=Topic::Settings icon="settings" name=words.settings/>
                </div>
            </header>
            <main>
                <MyRooms/>
                <section class="welcome">
                    <h1>{words.welcome}</h1>
                    <p>{words.welcome_more}</p>
                    <OpenRoom/>
                </section>
                <OpenRooms/>
                <You/>
            </main>
        </div>
    }
}
