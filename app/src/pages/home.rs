//! `/`: open a room, see which are open, be somebody.

use leptos::prelude::*;

use crate::{
    components::{brand::Brand, open_room::OpenRoom, rooms::Rooms, settings::Settings, you::You},
    i18n::use_speech,
};

#[component]
pub(crate) fn Home() -> impl IntoView {
    let speech = use_speech();
    Effect::new(move || document().set_title(speech.words().madang));
    view! {
        <div class="home">
            <header class="home-bar">
                <Brand/>
                <Settings/>
            </header>
            <main>
                <section class="welcome">
                    <h1>{move || speech.words().welcome}</h1>
                    <p>{move || speech.words().welcome_more}</p>
                    <OpenRoom/>
                </section>
                <section class="home-rooms" aria-labelledby="rooms-title">
                    <h2 id="rooms-title">{move || speech.words().rooms}</h2>
                    <Rooms/>
                </section>
                <You/>
            </main>
        </div>
    }
}
