//! Shows the number of unread messages in the title, on the icon and on the badge of an installed
//! app.

use js_sys::{Function, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::{
    chat::{RoomListItem, use_chat},
    i18n::{use_locale, use_texts},
    notifications::use_notifications,
    route::{Route, percent_encode, use_router},
    task::spawn,
    view::effect,
};

const ICON: &str = "/favicon.svg";

/// The icon's drawing; the count is inserted before its `</svg>`.
const ICON_SVG: &str = include_str!("../../public/favicon.svg");

/// Higher counts are shown as this number and a plus sign.
const MAX_SHOWN: u32 = 99;

/// Updates the title, the icon and the badge as long as the page lives.
pub(crate) fn watch_badge() {
    let (chat, notifications, router, locale) = (use_chat(), use_notifications(), use_router(), use_locale());
    effect(move || {
        locale.language();
        let texts = use_texts();
        let title = match router.page() {
            Some(Route::Home) => texts.app_name.to_owned(),
            Some(Route::Room(room) | Route::Message(room, _)) => format!("{room} · {}", texts.app_name),
            None => format!("{} · {}", texts.not_found, texts.app_name),
        };
        let badge_count = |rooms: &Vec<RoomListItem>| {
            rooms
                .iter()
                .map(|room| notifications.level(&room.room).badge_count(room.unread, room.mentions))
                .sum()
        };
        update(chat.room_list.with(badge_count), &title);
    });
}

fn update(count: u32, title: &str) {
    let number = if count > MAX_SHOWN { format!("{MAX_SHOWN}+") } else { count.to_string() };
    document().set_title(&if count > 0 { format!("({number}) {title}") } else { title.to_owned() });
    let icon = if count > 0 { icon_with_count(&number) } else { ICON.to_owned() };
    if let Ok(Some(link)) = document().query_selector("link[rel=icon]") {
        // Fails only for an invalid attribute name.
        let _ = link.set_attribute("href", &icon);
    }
    set_app_badge(count);
}

/// Returns the icon with the count on it as a data URL.
fn icon_with_count(number: &str) -> String {
    let badge = format!(
        "<circle cx='22' cy='10' r='10' fill='#c2410c'/><text x='22' y='15' fill='#fff' text-anchor='middle' \
         font-family='sans-serif' font-weight='bold' font-size='{}'>{number}</text></svg>",
        if number.len() < 2 { 15 } else { 11 }
    );
    let svg = ICON_SVG.trim_end().strip_suffix("</svg>").unwrap_or_default();
    format!("data:image/svg+xml,{}", percent_encode(&[svg, &badge].concat()))
}

/// Sets the badge of an installed app. web-sys does not have this API.
fn set_app_badge(count: u32) {
    let navigator = window().navigator();
    let set = Reflect::get(&navigator, &"setAppBadge".into()).ok();
    if let Some(set) = set.and_then(|set| set.dyn_into::<Function>().ok()) {
        // The promise is rejected in a page that is not installed, which is fine.
        let promise = set.call1(&navigator, &count.into()).ok();
        if let Some(promise) = promise.and_then(|promise| promise.dyn_into::<js_sys::Promise>().ok()) {
            spawn(async move { drop(wasm_bindgen_futures::JsFuture::from(promise).await) });
        }
    }
}
