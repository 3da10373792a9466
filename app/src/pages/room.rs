//! `/r/<name>`: asks for a name if there is none, then shows the room, or why one can not go in.

use common::{refusal::Refusal, room::RoomName};
use leptos::prelude::*;

use crate::{
    chat::{Identity, use_chat},
    components::{
        brand::Brand,
        card::{AtTheDoor, Card},
        composer::Composer,
        connection::Connection,
        full_room::FullRoom,
        name_form::NameForm,
        people::People,
        room_header::RoomHeader,
        rooms::Rooms,
        settings::Settings,
        timeline::Timeline,
        you::You,
    },
    i18n::use_words,
};

#[component]
pub(crate) fn RoomPage(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    document().set_title(&format!("{room} · {}", words.madang));
    let nobody = Memo::new(move |_| chat.identity.with(|identity| *identity == Identity::Nobody));
    view! {
        <Show
            when=move || !nobody.get()
            fallback=move || {
                view! {
                    <Card title=words.ask_name>
                        <p>{words.ask_name_more}</p>
                        <NameForm action=words.go_in/>
                    </Card>
                }
            }
        >
            <Visiting room=room.clone()/>
        </Show>
    }
}

/// Being in the room, from knocking to leaving.
#[component]
fn Visiting(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    chat.enter(room.clone());
    let people_open = RwSignal::new(false);
    let inside = move |room: RoomName| {
        view! {
            <div class="room-page">
                <nav class="side" aria-label=words.rooms>
                    <Brand/>
                    <Rooms/>
                    <div class="side-foot">
                        <You/>
                        <Settings/>
                    </div>
                </nav>
                <main class="room">
                    <RoomHeader room=room.clone() people_open/>
                    <Timeline room=room.clone()/>
                    <Connection/>
                    <Composer room/>
                </main>
                <People open=people_open/>
            </div>
        }
    };
    move || match chat.visit.refused.get() {
        None => inside(room.clone()).into_any(),
        Some(Refusal::RoomFull) => view! { <FullRoom room=room.clone()/> }.into_any(),
        Some(refusal) => view! { <NotLetIn refusal/> }.into_any(),
    }
}

#[component]
fn NotLetIn(refusal: Refusal) -> impl IntoView {
    let words = use_words();
    view! {
        <Card title=words.not_let_in>
            <p>{(words.refusal)(refusal)}</p>
            <AtTheDoor/>
        </Card>
    }
}
