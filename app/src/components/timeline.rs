//! The conversation: the newest at the bottom, older ones as one scrolls up.

use common::room::{Limit, RoomName};
use leptos::prelude::*;

use super::{
    actions::MessageActions,
    dialog::{Topic, use_dialogs},
    icon::Icon,
    lines::show_lines,
    message::Message,
    scroll::Scroll,
};
use crate::{
    chat::{Shown, use_chat},
    i18n::{Words, use_words},
    state::{announcer::Announcement, comings::Named, link::Link, rows::Note},
    view::{Slot, dynamic},
    when,
};

#[component]
pub(crate) fn Timeline(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let visit = chat.visit;
    let scroll = Scroll::new(chat);
    let name = room.to_string();
    let list = Slot::new();
    show_lines(list, visit, line);
    view! {
        <div class="timeline" data-owner=move || chat.owns_room()>
            // Announced by `Announcer`: a log that announces itself would read history out.
            <div
                class="scroller"
                role="log"
                aria-live="off"
                aria-label=(words.messages_of)(&name)
                aria-busy=move || if visit.loading.get() { "true" } else { "false" }
                tabindex="0"
                node_ref=scroll.scroller
                on:scroll=move |_| scroll.scrolled()
            >
                <Beginning/>
                <ol class="log" node_ref=list></ol>
            </div>
            <FirstUnread/>
            <Pill scroll/>
            <MessageActions scroll/>
            <Announcer/>
        </div>
    }
}

fn line(shown: Shown) -> AnyView {
    match shown {
        Shown::Message(_, row) => view! { <Message row/> }.into_any(),
        Shown::Note(note) => show_note(&note, use_words()),
    }
}

fn show_note(note: &Note, words: &'static Words) -> AnyView {
    let (class, text) = match note {
        Note::Day { at, .. } => ("day", when::day(*at, words.tag)),
        Note::Unread => ("unread", words.unread_line.to_owned()),
        Note::Coming { joined, left, .. } => {
            ("note", (words.came_and_left)(&named(joined, words), &named(left, words)))
        }
        Note::Described { person, topic, seats, .. } => {
            let who = person.name.as_str();
            let topic = topic.as_ref().map(|topic| (words.topic_changed)(who, topic.as_str()));
            let seats = seats.map(|Limit(seats)| match seats {
                Some(seats) => (words.seats_changed)(who, seats.get()),
                None => (words.seats_lifted)(who),
            });
            ("note", topic.into_iter().chain(seats).collect::<Vec<_>>().join(" "))
        }
    };
    view! { <li class=class><span>{text}</span></li> }.into_any()
}

fn named(Named { names, more }: &Named, words: &Words) -> String {
    match *more {
        0 if names.is_empty() => String::new(),
        0 => format!("{names}{}", words.honorific),
        more => (words.and_more)(names, more),
    }
}

/// What stands above the first message: an invitation, the beginning, or more on its way.
#[component]
fn Beginning() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let dialogs = use_dialogs();
    let visit = chat.visit;
    let is_empty = move || {
        let known = visit.timeline.with(|timeline| timeline.is_known() && timeline.older().is_none());
        known && visit.shown.with(Vec::is_empty)
    };
    let has_more =
        move || visit.timeline.with(|timeline| timeline.older().is_some()) || visit.beyond.get().0 > 0;
    view! {
        <div class="invitation" hidden=move || !is_empty()>
            <img src="/favicon.svg" alt="" width="56" height="56"/>
            <strong>{words.empty_room}</strong>
            <span>{words.empty_room_more}</span>
            <button class="button" aria-haspopup="dialog" on:click=move |_| dialogs.open(Topic::Share)>
                <Icon name="share"/>
                {words.share}
            </button>
        </div>
        <p class="beginning" hidden=move || visit.shown.with(Vec::is_empty)>
            {move || match has_more() {
                true if chat.link.get() == Link::Offline => "",
                true => words.loading_older,
                false => words.beginning,
            }}
        </p>
    }
}

/// The way to where what is new begins, for somebody who has not seen it and has it further up.
#[component]
fn FirstUnread() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let visit = chat.visit;
    let is_drawn = move || visit.shown.with(|shown| shown.contains(&Shown::Note(Note::Unread)));
    let is_wanted = move || {
        let line = visit.line.get();
        line.is_some() && visit.line_seen.get() != line && (visit.line_passed.get() == line || !is_drawn())
    };
    view! {
        <button
            class="pill first-unread"
            hidden=move || !is_wanted()
            on:click=move |_| chat.jump_to_unread()
        >
            {words.to_first_unread} <Icon name="up"/>
        </button>
    }
}

/// The way back to the end, for somebody who reads further up.
#[component]
fn Pill(scroll: Scroll) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let visit = chat.visit;
    let said = move || match visit.unseen.get().messages as usize {
        0 => words.to_the_end.to_owned(),
        unseen => (words.new_messages)(unseen),
    };
    view! {
        <button
            class="pill"
            hidden=move || visit.following.get()
            data-new={move || visit.unseen.get().messages > 0}
            on:click=move |_| scroll.follow()
        >
            {dynamic(said)} <Icon name="down"/>
        </button>
    }
}

/// Reads out what others say, and nothing else: not history, not our own words.
#[component]
fn Announcer() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let said = move || match chat.visit.announced.get()? {
        Announcement::One { who, text } => Some(format!("{who}: {text}")),
        Announcement::Many(count) => Some((words.new_messages)(count)),
    };
    view! { <p class="visually-hidden" aria-live="polite">{dynamic(said)}</p> }
}
