//! An emoji for a message, or for what is being written: those picked lately, all of them by kind, or what the search finds.
//!
//! One can go everywhere by arrows. The many buttons are made one by one, see `dom`; what a press
//! of one does is in `actions`.

use common::message::Seq;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::dom::{add, add_text};
use crate::{
    device,
    emoji::{Emojis, recent, use_emojis},
    i18n::{Words, use_words},
    state::emoji::Emoji,
    view::Slot,
};

/// The most that a search shows.
const FOUND: usize = 100;

#[component]
pub(crate) fn EmojiPicker(seq: Option<Seq>) -> impl IntoView {
    let words = use_words();
    let emojis = use_emojis();
    emojis.load();
    let query = RwSignal::new(String::new());
    let list = Slot::new();
    let typed = move |event: ev::Event| query.set(event_target_value(&event));
    let go = move |press: ev::KeyboardEvent| {
        if let Some(list) = list.get::<Element>()
            && walk(&device::key_name(&press), &list)
        {
            press.prevent_default();
        }
    };
    let take_first = move |submit: ev::SubmitEvent| {
        submit.prevent_default();
        let first = list.get::<Element>().and_then(|list| list.query_selector("button").ok().flatten());
        if let Some(first) = first.and_then(|first| first.dyn_into::<HtmlElement>().ok()) {
            first.click();
        }
    };
    view! {
        <div class="emoji-picker" data-seq=seq.map(|seq| seq.0.to_string()) on:keydown=go>
            <form on:submit=take_first>
                <input
                    type="search"
                    class="dialog-field"
                    placeholder=words.find_emoji
                    aria-label=words.find_emoji
                    autocomplete="off"
                    enterkeyhint="search"
                    // On a phone it would bring the keyboard up, over what there is to pick from.
                    autofocus=!device::is_touch()
                    on:input=typed
                />
            </form>
            {move || {
                let page = Page::of(emojis, &query.get(), words);
                view! { <div class="emoji-list" node_ref=list use:draw=page></div> }
            }}
        </div>
    }
}

/// What is offered: groups of emoji, each under its name.
#[derive(Clone)]
struct Page {
    groups: Vec<(&'static str, Vec<(String, &'static str)>)>,
    /// Said where the last of them has none.
    empty: &'static str,
}

impl Page {
    fn of(emojis: Emojis, query: &str, words: &'static Words) -> Page {
        let offered = |emoji: &Emoji| (emoji.picture.to_owned(), emoji.name);
        if !query.trim().is_empty() {
            let found = emojis.search(query, FOUND).iter().map(offered).collect();
            return Page { groups: vec![("", found)], empty: words.no_such_emoji };
        }
        let all = emojis.all();
        let named = |picture: String| {
            let name = all.iter().find(|emoji| emoji.picture == picture).map_or("", |emoji| emoji.name);
            (picture, name)
        };
        let mut groups = vec![(words.emoji_lately, recent().into_iter().map(named).collect())];
        for (group, name) in words.emoji_groups.iter().enumerate() {
            groups.push((name, all.iter().filter(|emoji| emoji.group == group).map(offered).collect()));
        }
        Page { groups, empty: words.emoji_loading }
    }
}

fn draw(place: Element, page: Page) {
    place.set_text_content(None);
    for (name, emojis) in &page.groups {
        if emojis.is_empty() {
            continue;
        }
        add(&place, "section", &[("class", "emoji-group")], &mut |section| {
            add(section, "h3", &[], &mut |heading| add_text(heading, name));
            for (picture, name) in emojis {
                let button: &[_] = &[
                    ("data-act", "toggle"),
                    ("data-emoji", picture.as_str()),
                    ("title", name),
                    ("aria-label", if name.is_empty() { picture } else { name }),
                    ("tabindex", "-1"),
                ];
                add(section, "button", button, &mut |button| add_text(button, picture));
            }
        });
    }
    if page.groups.last().is_some_and(|(_, emojis)| emojis.is_empty()) {
        add(&place, "p", &[("class", "quiet")], &mut |p| add_text(p, page.empty));
    }
    // Tab leads into the list at its first, arrows go on from there.
    if let Ok(Some(first)) = place.query_selector("button") {
        let _ = first.set_attribute("tabindex", "0");
    }
}

/// Moves the focus by an arrow; `false` for other keys.
fn walk(key: &str, list: &Element) -> bool {
    let Ok(buttons) = list.query_selector_all("button") else { return false };
    let at = |place: u32| buttons.item(place).and_then(|button| button.dyn_into::<HtmlElement>().ok());
    let here = document().active_element();
    let place = (0..buttons.length()).find(|place| at(*place).as_deref().map(AsRef::as_ref) == here.as_ref());
    let Some(place) = place else {
        let first = at(0).filter(|_| key == "ArrowDown");
        // A button can always be focused.
        return first.is_some_and(|first| first.focus().is_ok());
    };
    let to = match key {
        "ArrowRight" => Some(place + 1),
        "ArrowLeft" => place.checked_sub(1),
        "ArrowDown" => in_next_row(&at, place, &mut (place + 1..buttons.length())),
        "ArrowUp" => in_next_row(&at, place, &mut (0..place).rev()),
        _ => return false,
    };
    if let Some(button) = to.and_then(at) {
        // A button can always be focused.
        let _ = button.focus();
    }
    true
}

/// The nearest in the first row of `others` that is not that of `place`.
fn in_next_row(
    at: &dyn Fn(u32) -> Option<HtmlElement>,
    place: u32,
    others: &mut dyn Iterator<Item = u32>,
) -> Option<u32> {
    let here = at(place)?;
    let far =
        |place: &u32| at(*place).map_or(i32::MAX, |button| (button.offset_left() - here.offset_left()).abs());
    let mut others =
        others.skip_while(|place| at(*place).is_some_and(|button| button.offset_top() == here.offset_top()));
    let first = others.next()?;
    let row = at(first)?.offset_top();
    let rest = others.take_while(|place| at(*place).is_some_and(|button| button.offset_top() == row));
    std::iter::once(first).chain(rest).min_by_key(far)
}
