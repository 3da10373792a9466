//! The page of a full room: its members, and waiting for a seat. The server pushes when a seat is free;
//! then the page joins, and notifies if it is not focused.

use std::time::Duration;

use common::room::RoomName;
use leptos::prelude::*;

use super::{
    avatar::Avatars,
    card::{Card, JoinGate},
    icon::Icon,
    rooms::{RoomListing, poll_rooms},
};
use crate::{
    chat::use_chat,
    i18n::use_texts,
    notifications::use_notifications,
    settings::use_settings,
    state::{
        connection::ConnectionState,
        settings::{Choice, Setting},
    },
    task::spawn,
    view::{effect, reactive},
};

/// The push may be lost with a connection, so the join is retried as well.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

#[component]
pub(crate) fn FullRoom(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let notifications = use_notifications();
    let settings = use_settings();
    let texts = use_texts();
    let rooms = poll_rooms();
    let waiting_room = room.clone();
    // Seat waiters belong to a connection: a new one registers again.
    effect(move || {
        if chat.connection_state.get() == ConnectionState::Online {
            let waiting_room = waiting_room.clone();
            spawn(async move {
                // Fails without a connection; the effect runs again with the next one.
                let _ = chat.wait_for_seat(waiting_room).await;
            });
        }
    });
    if let Ok(interval) = set_interval_with_handle(move || chat.retry_join(), RETRY_INTERVAL) {
        on_cleanup(move || interval.clear());
    }
    let listed_room = room.clone();
    let members = move || {
        let rooms = rooms.get();
        let RoomListing::Rooms(rooms) = rooms else { return None };
        let summary = rooms.into_iter().find(|summary| summary.room == listed_room)?;
        let seats = summary.seats.map(|seats| (texts.seats_taken)(summary.member_count, seats.get()));
        let names = summary.people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>().join(", ");
        Some(view! {
            <div class="seated">
                <Avatars count=summary.member_count as usize people=summary.people/>
                <span>{names}</span>
                <span class="muted">{seats}</span>
            </div>
        })
    };
    view! {
        <Card title=texts.room_full>
            <p>{(texts.room_full_text)(room.as_str())}</p>
            {reactive(members)}
            <p class="muted" role="status">{texts.waiting_for_seat}</p>
            {move || {
                (settings.get(Setting::Notifications) == Choice::Off).then(|| view! {
                    <button class="button primary" on:click=move |_| notifications.enable()>
                        <Icon name="bell"/>
                        {texts.notify_free_seat}
                    </button>
                })
            }}
            <JoinGate retry=texts.check_now waiting=true/>
        </Card>
    }
}
