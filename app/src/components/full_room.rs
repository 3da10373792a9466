//! A room without a free seat: who sits there, and waiting for one. The server tells when there is one;
//! then we go in, and whoever is not looking is told.

use std::time::Duration;

use common::room::RoomName;
use leptos::prelude::*;

use super::{
    card::{AtTheDoor, Card},
    face::Faces,
    icon::Icon,
    rooms::{Listing, watch_rooms},
};
use crate::{
    chat::use_chat,
    i18n::use_words,
    notices::use_notices,
    settings::{Choice, Setting, use_settings},
    state::link::Link,
    task::spawn,
    view::{dynamic, watch},
};

/// What the server told may have been lost, with a connection for one.
const KNOCK_EVERY: Duration = Duration::from_secs(30);

#[component]
pub(crate) fn FullRoom(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let notices = use_notices();
    let settings = use_settings();
    let words = use_words();
    let rooms = watch_rooms();
    let watched = room.clone();
    // A new connection waits for nothing until it is asked to.
    watch(move || {
        if chat.link.get() == Link::Online {
            let watched = watched.clone();
            spawn(async move {
                // Without a connection there is nothing to wait for; the next one lets us ask again.
                let _ = chat.watch_seat(watched).await;
            });
        }
    });
    if let Ok(knocking) = set_interval_with_handle(move || chat.try_again(), KNOCK_EVERY) {
        on_cleanup(move || knocking.clear());
    }
    let looked_for = room.clone();
    let sitting = move || {
        let rooms = rooms.get();
        let Listing::Rooms(rooms) = rooms else { return None };
        let summary = rooms.into_iter().find(|summary| summary.room == looked_for)?;
        let seats = summary.seats.map(|seats| (words.seats)(summary.here, seats.get()));
        let names = summary.people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>().join(", ");
        Some(view! {
            <div class="sitting">
                <Faces count=summary.here as usize people=summary.people/>
                <span>{names}</span>
                <span class="quiet">{seats}</span>
            </div>
        })
    };
    view! {
        <Card title=words.full>
            <p>{(words.full_more)(room.as_str())}</p>
            {dynamic(sitting)}
            <p class="quiet" role="status">{words.full_waiting}</p>
            {move || {
                (settings.get(Setting::Notices) == Choice::Off).then(|| view! {
                    <button class="button primary" on:click=move |_| notices.allow()>
                        <Icon name="bell"/>
                        {words.tell_me}
                    </button>
                })
            }}
            <AtTheDoor waiting=true/>
        </Card>
    }
}
