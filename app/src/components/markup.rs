//! The text of a message as elements, out of a closed list and never from HTML.
//!
//! It knows what each part of the tree looks like; what the marks mean is in `common::markup`.

use common::{
    markup::{self, Block, Item, Span, Style},
    message::Body,
    person::Person,
};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::dom::{add, add_text};
use crate::{
    chat::{Chat, Identity},
    i18n::Words,
    route::Route,
};

/// What stands in a message: the parameter of [`draw`], which `message` uses as a directive.
#[derive(Clone)]
pub(crate) struct Text {
    pub(crate) body: Body,
    /// When it was changed, if it was.
    pub(crate) edited: Option<String>,
    pub(crate) chat: Chat,
    pub(crate) words: &'static Words,
}

/// Draws it into its place, unless that looks so already: a text somebody has selected is not
/// touched by what happens to the rest of the row.
pub(crate) fn draw(place: Element, text: Text) {
    if !place.has_child_nodes() {
        return text.write(&place);
    }
    let Some(fresh) = place.clone_node().ok().and_then(|fresh| fresh.dyn_into::<Element>().ok()) else {
        return;
    };
    text.write(&fresh);
    if !place.is_equal_node(Some(&fresh)) {
        place.set_text_content(None);
        while let Some(child) = fresh.first_child() {
            // Moves it; a child of one element can be that of another of the same name.
            let _ = place.append_child(&child);
        }
    }
}

impl Text {
    fn write(&self, place: &Element) {
        self.blocks(place, &markup::parse(self.body.as_str(), &|after| called(self.chat, after)));
        if let Some(when) = &self.edited {
            let last = place.last_element_child().filter(|last| last.tag_name() == "P");
            let mark: &[_] = &[("class", "edited"), ("title", when)];
            add(last.as_ref().unwrap_or(place), "span", mark, &mut |mark| add_text(mark, self.words.edited));
        }
    }

    fn blocks(&self, place: &Element, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Text(spans) => add(place, "p", &[], &mut |p| self.spans(p, spans)),
                Block::Code { language, text } => self.code(place, language, text),
                Block::Quote(inner) => add(place, "blockquote", &[], &mut |quote| self.blocks(quote, inner)),
                Block::List(items) => {
                    let numbered = items.iter().any(|item| item.number.is_some());
                    let name = if numbered { "ol" } else { "ul" };
                    add(place, name, &[], &mut |list| items.iter().for_each(|item| self.item(list, item)));
                }
            }
        }
    }

    fn item(&self, list: &Element, item: &Item) {
        let number = item.number.map(|number| number.to_string());
        let value: &[_] = &[("value", number.as_deref().unwrap_or_default())];
        add(list, "li", if number.is_some() { value } else { &[] }, &mut |place| {
            self.spans(place, &item.text);
            self.blocks(place, &item.below);
        });
    }

    /// Code can be scrolled by keyboard, hence the `tabindex`, and copied, which `actions` does.
    fn code(&self, place: &Element, language: &str, text: &str) {
        let words = self.words;
        add(place, "figure", &[("class", "code"), ("dir", "ltr")], &mut |figure| {
            let name = if language.is_empty() { words.code } else { language };
            let scrolled: &[_] = &[("tabindex", "0"), ("role", "region"), ("aria-label", name)];
            add(figure, "pre", scrolled, &mut |pre| add(pre, "code", &[], &mut |code| add_text(code, text)));
            let copies: &[_] = &[("class", "link"), ("data-act", "copy-code")];
            add(figure, "button", copies, &mut |button| add_text(button, words.copy));
        });
    }

    fn spans(&self, place: &Element, spans: &[Span]) {
        for span in spans {
            match span {
                Span::Text(text) => add_text(place, text),
                Span::Code(text) => add(place, "code", &[("dir", "ltr")], &mut |code| add_text(code, text)),
                Span::Mention(name) => self.mention(place, name),
                Span::Link { text, address } => link(place, text, address),
                Span::Styled(style, inner) => {
                    add(place, element(*style), &[], &mut |styled| self.spans(styled, inner));
                }
            }
        }
    }

    fn mention(&self, place: &Element, name: &str) {
        let is_me = |me: &Person| me.name.as_str().eq_ignore_ascii_case(name);
        let of_me = self
            .chat
            .identity
            .with_untracked(|identity| matches!(identity, Identity::Known(me) if is_me(me)));
        let class = if of_me { "mention of-me" } else { "mention" };
        add(place, "span", &[("class", class)], &mut |mention| {
            add_text(mention, "@");
            add_text(mention, name);
        });
    }
}

fn element(style: Style) -> &'static str {
    match style {
        Style::Strong => "strong",
        Style::Emphasis => "em",
        Style::Strike => "s",
    }
}

/// Opens in a tab of its own that knows nothing of ours; a link to a room of ours stays here.
fn link(place: &Element, text: &str, address: &str) {
    let elsewhere = [
        ("href", address),
        ("title", address),
        ("target", "_blank"),
        ("rel", "noopener noreferrer nofollow"),
    ];
    let here = if Route::of_address(address).is_some() { 2 } else { elsewhere.len() };
    add(place, "a", &elsewhere[..here], &mut |link| add_text(link, text));
}

/// How much of `after` is our name, or that of somebody who is here or has said something.
fn called(chat: Chat, after: &str) -> usize {
    let of = |person: &Person| markup::called(after, person.name.as_str());
    let here = chat.visit.roster.with_untracked(|roster| roster.people().iter().map(of).max());
    let heard = chat
        .visit
        .timeline
        .with_untracked(|timeline| timeline.events().iter().map(|event| of(&event.person)).max());
    let us = chat.me_or_remembered().as_ref().map(of);
    here.max(heard).max(us).unwrap_or(0)
}
