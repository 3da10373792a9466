//! `/`: open a room, see which are open, be somebody.

use leptos::prelude::*;

use crate::{
    chat::use_chat,
    components::{brand::Brand, open_room::OpenRoom, rooms::Rooms, settings::Settings, you::You},
    i18n::use_words,
};

#[component]
pub(crate) fn Home() -> impl IntoView {
    let words = use_words();
    document().set_title(words.madang);
    use_chat().leave();
    view! {
        <div class="home">
            <header class="home-bar">
                <Brand/>
                <Settings/>
            </header>
            <main>
                <section class="welcome">
                    <h1>{words.welcome}</h1>
                    <p>{words.welcome_more}</p>
                    <OpenRoom/>
                </section>
                <section class="home-rooms" aria-labelledby="rooms-title">
                    <h2 id="rooms-title">{words.rooms}</h2>
                    <Rooms/>
                </section>
                <You/>
            </main>
        </div>
    }
}
