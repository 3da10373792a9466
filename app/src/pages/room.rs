//! `/r/<name>`: asks an unregistered visitor for a name, then joins the room and renders it, or the
//! reason why the join was refused.

use common::{refusal::Refusal, room::RoomName};
use leptos::prelude::*;

use crate::{
    chat::{Identity, use_chat},
    components::{
        brand::Brand,
        card::{Card, JoinGate},
        composer::Composer,
        connection_status::ConnectionStatus,
        dialog::{DialogButton, DialogKind},
        full_room::FullRoom,
        name_form::NameForm,
        people::People,
        profile::Profile,
        room_header::RoomHeader,
        rooms::{MyRooms, OpenRooms},
        timeline::Timeline,
        typing::TypingIndicator,
    },
    i18n::use_texts,
    route::use_router,
    view::{effect, reactive},
};

#[component]
pub(crate) fn RoomPage(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let unregistered = Memo::new(move |_| chat.identity.with(|identity| *identity == Identity::Unregistered));
    reactive(move || {
        if unregistered.get() {
            view! {
                <Card title=texts.choose_name>
                    <p>{texts.choose_name_text}</p>
                    <NameForm action=texts.enter_room/>
                </Card>
            }
            .into_any()
        } else {
            view! { <RoomView room=room.clone()/> }.into_any()
        }
    })
}

/// Joins the room; renders it once it is joined, or the refusal.
#[component]
fn RoomView(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    chat.open_room(room.clone());
    let router = use_router();
    effect(move || {
        if let Some(seq) = router.message() {
            chat.jump_to_message(seq);
        }
    });
    effect(move || {
        if let Some(actual) = chat.current_room.actual_name.get() {
            chat.current_room.actual_name.set(None);
            router.replace_room(actual);
        }
    });
    let people_open = RwSignal::new(false);
    // A memo, because the signal also notifies about other changes, which must not rebuild the page.
    let refused = Memo::new(move |_| chat.current_room.join_refusal.get());
    let room_layout = move |room: RoomName| {
        view! {
            <div class="room-page">
                <nav class="sidebar" aria-label=texts.open_rooms>
                    <div class="sidebar-header">
                        <Brand/>
                        <DialogButton kind=DialogKind::Switcher icon="search" name=texts.switch_room/>
                    </div>
                    <div class="sidebar-rooms">
                        <MyRooms/>
                        <OpenRooms/>
                    </div>
                    <div class="sidebar-footer">
                        <Profile/>
                        <div class="dialog-buttons">
                            <DialogButton kind=DialogKind::Shortcuts icon="keys" name=texts.shortcuts/>
                            <DialogButton kind=DialogKind::Settings icon="settings" name=texts.settings/>
                        </div>
                    </div>
                </nav>
                <main class="room">
                    <RoomHeader room=room.clone() people_open/>
                    <Timeline room=room.clone()/>
                    <TypingIndicator/>
                    <ConnectionStatus/>
                    <Composer room/>
                </main>
                <People open=people_open/>
            </div>
        }
    };
    reactive(move || match refused.get() {
        None => room_layout(room.clone()).into_any(),
        Some(Refusal::RoomFull) => view! { <FullRoom room=room.clone()/> }.into_any(),
        Some(refusal) => view! { <JoinRefused refusal/> }.into_any(),
    })
}

#[component]
fn JoinRefused(refusal: Refusal) -> impl IntoView {
    let texts = use_texts();
    let (title, retry) = match refusal {
        Refusal::Banned => (texts.kicked, texts.check_now),
        Refusal::RoomDeleted => (texts.room_deleted, texts.make_room_again),
        _ => (texts.join_refused, texts.check_now),
    };
    view! {
        <Card title>
            <p role="alert">{(texts.refusal)(refusal)}</p>
            <JoinGate retry waiting=false/>
        </Card>
    }
}
