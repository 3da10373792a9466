//! How much is unread, on the outside: in the title, on the icon, on the app's badge.

use js_sys::{Function, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::use_notices;
use crate::{
    chat::use_chat,
    i18n::{use_speech, use_words},
    route::{Route, encode, use_router},
    view::watch,
};

const ICON: &str = "/favicon.svg";

/// The same drawing, to be marked; `</svg>` at its end is where the mark goes.
const DRAWING: &str = include_str!("../../../public/favicon.svg");

/// From here on a number says no more than that it is many.
const MANY: u32 = 99;

/// Keeps title, icon and badge as they should be, as long as the page lives.
pub(crate) fn watch_count() {
    let (chat, notices, router, speech) = (use_chat(), use_notices(), use_router(), use_speech());
    watch(move || {
        speech.language();
        let words = use_words();
        let title = match router.page() {
            Some(Route::Home) => words.madang.to_owned(),
            Some(Route::Room(room) | Route::Message(room, _)) => format!("{room} · {}", words.madang),
            None => format!("{} · {}", words.nowhere, words.madang),
        };
        let counted = |rooms: &Vec<crate::chat::MyRoom>| {
            rooms.iter().map(|room| notices.level(&room.room).counted(room.unread, room.mentions)).sum()
        };
        show(chat.my_rooms.with(counted), &title);
    });
}

fn show(count: u32, title: &str) {
    let number = if count > MANY { format!("{MANY}+") } else { count.to_string() };
    document().set_title(&if count > 0 { format!("({number}) {title}") } else { title.to_owned() });
    let icon = if count > 0 { marked(&number) } else { ICON.to_owned() };
    if let Ok(Some(link)) = document().query_selector("link[rel=icon]") {
        // Fails only for a name that is not one.
        let _ = link.set_attribute("href", &icon);
    }
    badge(count);
}

/// The icon with the number on it, as an address.
fn marked(number: &str) -> String {
    let mark = format!(
        "<circle cx='22' cy='10' r='10' fill='#c2410c'/><text x='22' y='15' fill='#fff' text-anchor='middle' \
         font-family='sans-serif' font-weight='bold' font-size='{}'>{number}</text></svg>",
        if number.len() < 2 { 15 } else { 11 }
    );
    let drawing = DRAWING.trim_end().strip_suffix("</svg>").unwrap_or_default();
    format!("data:image/svg+xml,{}", encode(&[drawing, &mark].concat()))
}

/// The number on the icon of an installed app, where there is such a thing: web-sys has no word for it.
fn badge(count: u32) {
    let navigator = window().navigator();
    let set = Reflect::get(&navigator, &"setAppBadge".into()).ok();
    if let Some(set) = set.and_then(|set| set.dyn_into::<Function>().ok()) {
        // Its promise is refused on a page that is not installed, and that is well.
        let promise = set.call1(&navigator, &count.into()).ok();
        if let Some(promise) = promise.and_then(|promise| promise.dyn_into::<js_sys::Promise>().ok()) {
            crate::task::spawn(async move { drop(wasm_bindgen_futures::JsFuture::from(promise).await) });
        }
    }
}
