//! A room without a free seat: who sits there, and knocking again by itself.

use std::time::Duration;

use common::room::RoomName;
use leptos::prelude::*;

use super::{
    card::{AtTheDoor, Card},
    face::Faces,
    rooms::{Listing, watch_rooms},
};
use crate::{chat::use_chat, i18n::use_words};

const KNOCK_EVERY: Duration = Duration::from_secs(5);

#[component]
pub(crate) fn FullRoom(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let rooms = watch_rooms();
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
            {sitting}
            <p class="quiet" role="status">{words.full_waiting}</p>
            <AtTheDoor/>
        </Card>
    }
}
