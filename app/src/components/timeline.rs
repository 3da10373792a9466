//! The conversation: the newest at the bottom, older ones as one scrolls up.

use common::{event::What, room::RoomName};
use leptos::prelude::*;

use super::{icon::Icon, message::Message, scroll::Scroll};
use crate::{chat::use_chat, i18n::use_words, state::timeline};

#[component]
pub(crate) fn Timeline(room: RoomName) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let visit = chat.visit;
    let scroll = Scroll::new(visit.left_at, move || chat.load_older());
    let last = move || visit.timeline.with_untracked(timeline::Timeline::last).unwrap_or_default();
    let scrolled = move |_| {
        scroll.scrolled(last());
        if scroll.is_near_top() {
            chat.load_older();
        }
    };
    let name = room.to_string();
    view! {
        <div class="timeline">
            // Announced by `Announcer`: a log that announces itself would read history out.
            <div
                class="scroller"
                role="log"
                aria-live="off"
                aria-label=(words.messages_of)(&name)
                aria-busy=move || visit.loading.get().to_string()
                tabindex="0"
                node_ref=scroll.scroller
                on:scroll=scrolled
            >
                <Beginning/>
                <ol class="log">
                    <For each=move || visit.shown.get() key=|shown| shown.cid.clone() let:shown>
                        <Message row=shown.row/>
                    </For>
                </ol>
            </div>
            <Pill scroll/>
            <Announcer/>
        </div>
    }
}

/// What stands above the first message: an invitation, the beginning, or more on its way.
#[component]
fn Beginning() -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let visit = chat.visit;
    let stands = move || {
        let empty = visit.shown.with(Vec::is_empty);
        visit.timeline.with(|timeline| (timeline.is_known(), empty, timeline.older().is_some()))
    };
    move || match stands() {
        (false, ..) => None,
        (true, true, _) => Some(
            view! {
                <div class="invitation">
                    <img src="/favicon.svg" alt="" width="56" height="56"/>
                    <strong>{words.empty_room}</strong>
                    <span>{words.empty_room_more}</span>
                </div>
            }
            .into_any(),
        ),
        (true, false, true) => Some(view! { <p class="beginning">{words.loading_older}</p> }.into_any()),
        (true, false, false) => Some(view! { <p class="beginning">{words.beginning}</p> }.into_any()),
    }
}

/// The way back to the end, for somebody who reads further up.
#[component]
fn Pill(scroll: Scroll) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    let unseen = move || {
        let last = chat.visit.timeline.with(timeline::Timeline::last).unwrap_or_default();
        chat.visit.left_at.get().map(|left_at| last.0.saturating_sub(left_at.0) as usize)
    };
    let said = move |unseen: usize| match unseen {
        0 => words.to_the_end.to_owned(),
        _ => (words.new_messages)(unseen),
    };
    move || {
        unseen().map(|unseen| {
            view! {
                <button class="pill" data-new=(unseen > 0).then_some("") on:click=move |_| scroll.follow()>
                    {said(unseen)} <Icon name="down"/>
                </button>
            }
        })
    }
}

/// Reads out what others say, and nothing else: not history, not our own words.
#[component]
fn Announcer() -> impl IntoView {
    let chat = use_chat();
    let said = move || {
        let event = chat.visit.heard.get()?;
        let What::Posted { body, .. } = event.what;
        (chat.me()?.id != event.person.id).then(|| format!("{}: {body}", event.person.name))
    };
    view! { <p class="visually-hidden" aria-live="polite">{said}</p> }
}
