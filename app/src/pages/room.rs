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
        dialog::{Opener, Topic},
        full_room::FullRoom,
        name_form::NameForm,
        people::People,
        room_header::RoomHeader,
        rooms::{MyRooms, OpenRooms},
        timeline::Timeline,
        typing::TypingLine,
        you::You,
    },
    i18n::use_words,
    route::use_router,
    view::{dynamic, watch},
};

#[component]
pub(crate) fn RoomPage(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let nobody = Memo::new(move |_| chat.identity.with(|identity| *identity == Identity::Nobody));
    dynamic(move || {
        if nobody.get() {
            view! {
                <Card title=words.ask_name>
                    <p>{words.ask_name_more}</p>
                    <NameForm action=words.go_in/>
                </Card>
            }
            .into_any()
        } else {
            view! { <Visiting room=room.clone()/> }.into_any()
        }
    })
}

/// Being in the room, from knocking to leaving.
#[component]
fn Visiting(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    chat.enter(room.clone());
    let router = use_router();
    watch(move || {
        if let Some(seq) = router.message() {
            chat.jump_to(seq);
        }
    });
    let people_open = RwSignal::new(false);
    // Much else is told together with it, and the page of a room must not be made anew for that.
    let refused = Memo::new(move |_| chat.visit.refused.get());
    let inside = move |room: RoomName| {
        view! {
            <div class="room-page">
                <nav class="side" aria-label=words.rooms>
                    <div class="side-head">
                        <Brand/>
                        <Opener topic=Topic::Switcher icon="search" name=words.switch_room/>
                    </div>
                    <div class="side-rooms">
                        <MyRooms/>
                        <OpenRooms/>
                    </div>
                    <div class="side-foot">
                        <You/>
                        <div class="openers">
                            <Opener topic=Topic::Shortcuts icon="keys" name=words.shortcuts/>
                            <Opener topic=Topic::Settings icon="settings" name=words.settings/>
                        </div>
                    </div>
                </nav>
                <main class="room">
                    <RoomHeader room=room.clone() people_open/>
                    <Timeline room=room.clone()/>
                    <TypingLine/>
                    <Connection/>
                    <Composer room/>
                </main>
                <People open=people_open/>
            </div>
        }
    };
    dynamic(move || match refused.get() {
        None => inside(room.clone()).into_any(),
        Some(Refusal::RoomFull) => view! { <FullRoom room=room.clone()/> }.into_any(),
        Some(refusal) => view! { <NotLetIn refusal/> }.into_any(),
    })
}

#[component]
fn NotLetIn(refusal: Refusal) -> impl IntoView {
    let words = use_words();
    let title = if refusal == Refusal::Removed { words.removed } else { words.not_let_in };
    view! {
        <Card title>
            <p role="alert">{(words.refusal)(refusal)}</p>
            <AtTheDoor waiting=false/>
        </Card>
    }
}
