//! The emoji picker, for a reaction or for the composer: recently used emoji, all of them in groups, or
//! the results of a search.
//!
//! Arrow keys move between the emoji. The buttons are created with `dom_builder`, because there are
//! many; `message_menu` handles their clicks.

use common::message::Seq;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::dom_builder::{add, add_text};
use crate::{
    device,
    emoji::{Emojis, recent, use_emojis},
    i18n::{Texts, use_texts},
    state::emoji::Emoji,
    view::ElementRef,
};

/// The maximum number of search results.
const MAX_RESULTS: usize = 100;

#[component]
pub(crate) fn EmojiPicker(seq: Option<Seq>) -> impl IntoView {
    let texts = use_texts();
    let emojis = use_emojis();
    emojis.load();
    let query = RwSignal::new(String::new());
    let list = ElementRef::new();
    let typed = move |event: ev::Event| query.set(event_target_value(&event));
    let on_key_down = move |press: ev::KeyboardEvent| {
        if let Some(list) = list.get::<Element>()
            && move_focus(&device::key_name(&press), &list)
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
        <div class="emoji-picker" data-seq=seq.map(|seq| seq.0.to_string()) on:keydown=on_key_down>
            <form on:submit=take_first>
                <input
                    type="search"
                    class="dialog-input"
                    placeholder=texts.find_emoji
                    aria-label=texts.find_emoji
                    autocomplete="off"
                    enterkeyhint="search"
                    // On a phone it would open the keyboard over the emoji.
                    autofocus=!device::is_touch()
                    on:input=typed
                />
            </form>
            {move || {
                let content = PickerContent::of(emojis, &query.get(), texts);
                view! { <div class="emoji-list" node_ref=list use:render_content=content></div> }
            }}
        </div>
    }
}

/// Groups of emoji with their names.
#[derive(Clone)]
struct PickerContent {
    groups: Vec<(&'static str, Vec<(String, &'static str)>)>,
    /// Shown if the last group is empty.
    empty: &'static str,
}

impl PickerContent {
    fn of(emojis: Emojis, query: &str, texts: &'static Texts) -> PickerContent {
        let to_entry = |emoji: &Emoji| (emoji.glyph.to_owned(), emoji.name);
        if !query.trim().is_empty() {
            let found = emojis.search(query, MAX_RESULTS).iter().map(to_entry).collect();
            return PickerContent { groups: vec![("", found)], empty: texts.no_emoji_found };
        }
        let all = emojis.all();
        let named = |picture: String| {
            let name = all.iter().find(|emoji| emoji.glyph == picture).map_or("", |emoji| emoji.name);
            (picture, name)
        };
        let mut groups = vec![(texts.recent_emoji, recent().into_iter().map(named).collect())];
        for (group, name) in texts.emoji_groups.iter().enumerate() {
            groups.push((name, all.iter().filter(|emoji| emoji.group == group).map(to_entry).collect()));
        }
        PickerContent { groups, empty: texts.emoji_loading }
    }
}

fn render_content(place: Element, content: PickerContent) {
    place.set_text_content(None);
    for (name, emojis) in &content.groups {
        if emojis.is_empty() {
            continue;
        }
        add(&place, "section", &[("class", "emoji-group")], &mut |section| {
            add(section, "h3", &[], &mut |heading| add_text(heading, name));
            for (picture, name) in emojis {
                let button: &[_] = &[
                    ("data-action", "toggle"),
                    ("data-emoji", picture.as_str()),
                    ("title", name),
                    ("aria-label", if name.is_empty() { picture } else { name }),
                    ("tabindex", "-1"),
                ];
                add(section, "button", button, &mut |button| add_text(button, picture));
            }
        });
    }
    if content.groups.last().is_some_and(|(_, emojis)| emojis.is_empty()) {
        add(&place, "p", &[("class", "muted")], &mut |p| add_text(p, content.empty));
    }
    // Tab focuses the first emoji; the arrow keys move on from there.
    if let Ok(Some(first)) = place.query_selector("button") {
        let _ = first.set_attribute("tabindex", "0");
    }
}

/// Moves the focus for an arrow key; `false` for other keys.
fn move_focus(key: &str, list: &Element) -> bool {
    let Ok(buttons) = list.query_selector_all("button") else { return false };
    let at = |place: u32| buttons.item(place).and_then(|button| button.dyn_into::<HtmlElement>().ok());
    let focused = document().active_element();
    let place =
        (0..buttons.length()).find(|place| at(*place).as_deref().map(AsRef::as_ref) == focused.as_ref());
    let Some(place) = place else {
        let first = at(0).filter(|_| key == "ArrowDown");
        // A button can always be focused.
        return first.is_some_and(|first| first.focus().is_ok());
    };
    let to = match key {
        "ArrowRight" => Some(place + 1),
        "ArrowLeft" => place.checked_sub(1),
        "ArrowDown" => nearest_in_next_row(&at, place, &mut (place + 1..buttons.length())),
        "ArrowUp" => nearest_in_next_row(&at, place, &mut (0..place).rev()),
        _ => return false,
    };
    if let Some(button) = to.and_then(at) {
        // A button can always be focused.
        let _ = button.focus();
    }
    true
}

/// The horizontally nearest button in the first row of `others` that is not the row of `place`.
fn nearest_in_next_row(
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
