//! The timeline of a room: the newest message at the bottom, older ones loaded as the user scrolls up.

use common::room::{RoomName, SeatLimit};
use leptos::prelude::*;

use super::{
    dialog::{DialogKind, use_dialogs},
    icon::Icon,
    keyed_list::render_list,
    message::Message,
    message_menu::MessageMenu,
    scroll::Scroll,
};
use crate::{
    chat::{RenderedRow, use_chat},
    i18n::{Texts, use_texts},
    state::{
        connection::ConnectionState, live_region::Announcement, membership_notes::NameList,
        view_model::SystemRow,
    },
    time_format,
    view::{ElementRef, reactive},
};

#[component]
pub(crate) fn Timeline(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let current_room = chat.current_room;
    let scroll = Scroll::new(chat);
    let name = room.to_string();
    let list = ElementRef::new();
    render_list(list, current_room, render_row);
    view! {
        <div class="timeline" data-room-owner=move || chat.owns_room()>
            // `LiveRegion` announces messages: a live log would read the history aloud as well.
            <div
                class="scroller"
                role="log"
                aria-live="off"
                aria-label=(texts.timeline_label)(&name)
                aria-busy=move || if current_room.is_loading.get() { "true" } else { "false" }
                tabindex="0"
                node_ref=scroll.scroller
                on:scroll=move |_| scroll.on_scroll()
            >
                <TimelineStart/>
                <ol class="message-list" node_ref=list></ol>
            </div>
            <JumpToUnread/>
            <JumpToEnd scroll/>
            <MessageMenu scroll/>
            <LiveRegion/>
        </div>
    }
}

fn render_row(row: RenderedRow) -> AnyView {
    match row {
        RenderedRow::Message(_, row) => view! { <Message row/> }.into_any(),
        RenderedRow::System(row) => render_system_row(&row, use_texts()),
    }
}

fn render_system_row(row: &SystemRow, texts: &'static Texts) -> AnyView {
    let (class, text) = match row {
        SystemRow::Day { at, .. } => ("day-divider", time_format::day(*at, texts.tag)),
        SystemRow::UnreadDivider => ("unread-divider", texts.unread_divider.to_owned()),
        SystemRow::Membership { joined, left, .. } => (
            "system-message",
            (texts.joined_and_left)(&format_names(joined, texts), &format_names(left, texts)),
        ),
        SystemRow::RoomChange { person, topic, seats, shared_network, .. } => {
            let author = &person.marked_name();
            let topic = topic.as_ref().map(|topic| (texts.topic_changed)(author, topic.as_str()));
            let seats = seats.map(|SeatLimit(seats)| match seats {
                Some(seats) => (texts.seat_limit_changed)(author, seats.get()),
                None => (texts.seat_limit_removed)(author),
            });
            let shared_network = shared_network.map(|shared| (texts.shared_network_changed)(author, shared));
            let changes = topic.into_iter().chain(seats).chain(shared_network);
            ("system-message", changes.collect::<Vec<_>>().join(" "))
        }
    };
    view! { <li class=class><span>{text}</span></li> }.into_any()
}

fn format_names(NameList { names, others }: &NameList, texts: &Texts) -> String {
    match *others {
        0 if names.is_empty() => String::new(),
        0 => format!("{names}{}", texts.honorific),
        others => (texts.and_others)(names, others),
    }
}

/// Above the first message: an invitation in an empty room, "loading", or the start of the history.
#[component]
fn TimelineStart() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let dialogs = use_dialogs();
    let current_room = chat.current_room;
    let is_empty = move || {
        let is_loaded =
            current_room.timeline.with(|timeline| timeline.is_loaded() && timeline.older_cursor().is_none());
        is_loaded && current_room.rows.with(Vec::is_empty)
    };
    let has_more = move || {
        current_room.timeline.with(|timeline| timeline.older_cursor().is_some())
            || current_room.hidden_rows.get().0 > 0
    };
    view! {
        <div class="empty-room" hidden=move || !is_empty()>
            <img src="/favicon.svg" alt="" width="56" height="56"/>
            <strong>{texts.empty_room}</strong>
            <span>{texts.empty_room_text}</span>
            <button class="button" aria-haspopup="dialog" on:click=move |_| dialogs.open(DialogKind::Share)>
                <Icon name="share"/>
                {texts.share}
            </button>
        </div>
        <p class="timeline-start" hidden=move || current_room.rows.with(Vec::is_empty)>
            {move || match has_more() {
                true if chat.connection_state.get() == ConnectionState::Offline => "",
                true => texts.loading_older,
                false => texts.timeline_start,
            }}
        </p>
    }
}

/// Jumps to the unread divider. Shown until the divider has been seen, if it is above the viewport or not
/// rendered.
#[component]
fn JumpToUnread() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let current_room = chat.current_room;
    let is_rendered =
        move || current_room.rows.with(|rows| rows.contains(&RenderedRow::System(SystemRow::UnreadDivider)));
    let is_visible = move || {
        let divider = current_room.divider.get();
        divider.is_some()
            && current_room.divider_seen.get() != divider
            && (current_room.divider_passed.get() == divider || !is_rendered())
    };
    view! {
        <button
            class="jump-button to-unread"
            hidden=move || !is_visible()
            on:click=move |_| chat.jump_to_unread()
        >
            {texts.jump_to_unread} <Icon name="up"/>
        </button>
    }
}

/// Jumps to the end. Shown while the timeline does not follow it.
#[component]
fn JumpToEnd(scroll: Scroll) -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let current_room = chat.current_room;
    let label = move || match current_room.unread.get().messages as usize {
        0 => texts.jump_to_end.to_owned(),
        unread => (texts.new_messages)(unread),
    };
    view! {
        <button
            class="jump-button"
            hidden=move || current_room.follows_end.get()
            data-has-unread={move || current_room.unread.get().messages > 0}
            on:click=move |_| scroll.jump_to_end()
        >
            {reactive(label)} <Icon name="down"/>
        </button>
    }
}

/// Announces new messages of others to screen readers; no history, no own messages.
#[component]
fn LiveRegion() -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    let text = move || match chat.current_room.announcement.get()? {
        Announcement::One { author, text } => Some(format!("{author}: {text}")),
        Announcement::Many(count) => Some((texts.new_messages)(count)),
    };
    view! { <p class="visually-hidden" aria-live="polite">{reactive(text)}</p> }
}
