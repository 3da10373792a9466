//! Renders the text of a message into elements of a closed list, never from HTML.
//!
//! The markup is parsed by `common::markup`; this file renders its tree.

use common::{
    markup::{self, Block, ListItem, Span, Style},
    message::Body,
    person::Person,
};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::dom_builder::{add, add_text};
use crate::{
    chat::{Chat, Identity},
    i18n::Texts,
    route::Route,
};

/// The parameter of the directive [`render_text`].
#[derive(Clone)]
pub(crate) struct MessageText {
    pub(crate) body: Body,
    /// The time of the last edit, formatted.
    pub(crate) edited: Option<String>,
    pub(crate) chat: Chat,
    pub(crate) texts: &'static Texts,
}

/// Renders the text into `place`, unless the result is the same: so a selection in the text survives
/// changes to the rest of the row.
pub(crate) fn render_text(place: Element, text: MessageText) {
    if !place.has_child_nodes() {
        return text.render(&place);
    }
    let Some(fresh) = place.clone_node().ok().and_then(|fresh| fresh.dyn_into::<Element>().ok()) else {
        return;
    };
    text.render(&fresh);
    if !place.is_equal_node(Some(&fresh)) {
        place.set_text_content(None);
        while let Some(child) = fresh.first_child() {
            // Moves the child; never fails between elements of one name.
            let _ = place.append_child(&child);
        }
    }
}

impl MessageText {
    fn render(&self, place: &Element) {
        self.blocks(place, &markup::parse(self.body.as_str(), &|after| mention_length(self.chat, after)));
        if let Some(when) = &self.edited {
            let last = place.last_element_child().filter(|last| last.tag_name() == "P");
            let mark: &[_] = &[("class", "edited"), ("title", when)];
            add(last.as_ref().unwrap_or(place), "span", mark, &mut |mark| add_text(mark, self.texts.edited));
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

    fn item(&self, list: &Element, item: &ListItem) {
        let number = item.number.map(|number| number.to_string());
        let value: &[_] = &[("value", number.as_deref().unwrap_or_default())];
        add(list, "li", if number.is_some() { value } else { &[] }, &mut |place| {
            self.spans(place, &item.text);
            self.blocks(place, &item.children);
        });
    }

    /// The `tabindex` makes code scrollable by keyboard; `message_menu` handles the copy button.
    fn code(&self, place: &Element, language: &str, text: &str) {
        let texts = self.texts;
        add(place, "figure", &[("class", "code"), ("dir", "ltr")], &mut |figure| {
            let name = if language.is_empty() { texts.code } else { language };
            let attributes: &[_] = &[("tabindex", "0"), ("role", "region"), ("aria-label", name)];
            add(figure, "pre", attributes, &mut |pre| {
                add(pre, "code", &[], &mut |code| add_text(code, text));
            });
            let button_attributes: &[_] = &[("class", "text-button"), ("data-action", "copy-code")];
            add(figure, "button", button_attributes, &mut |button| add_text(button, texts.copy));
        });
    }

    fn spans(&self, place: &Element, spans: &[Span]) {
        for span in spans {
            match span {
                Span::Text(text) => add_text(place, text),
                Span::Code(text) => add(place, "code", &[("dir", "ltr")], &mut |code| add_text(code, text)),
                Span::Mention(name) => self.mention(place, name),
                Span::Link { text, address, host } => {
                    link(place, text, address);
                    if let Some(host) = host {
                        link_host(place, host);
                    }
                }
                Span::Styled(style, inner) => {
                    add(place, tag_name(*style), &[], &mut |styled| self.spans(styled, inner));
                }
            }
        }
    }

    fn mention(&self, place: &Element, name: &str) {
        let is_me = |me: &Person| me.name.as_str().eq_ignore_ascii_case(name);
        let is_self = self
            .chat
            .identity
            .with_untracked(|identity| matches!(identity, Identity::Known(me) if is_me(me)));
        let class = if is_self { "mention self" } else { "mention" };
        add(place, "span", &[("class", class)], &mut |mention| {
            add_text(mention, "@");
            add_text(mention, name);
        });
    }
}

fn tag_name(style: Style) -> &'static str {
    match style {
        Style::Strong => "strong",
        Style::Emphasis => "em",
        Style::Strike => "s",
    }
}

/// External links open in a new tab without opener and referrer; links to our rooms stay in this tab.
fn link(place: &Element, text: &str, address: &str) {
    let attributes = [
        ("href", address),
        ("title", address),
        ("target", "_blank"),
        ("rel", "noopener noreferrer nofollow"),
    ];
    let count = if Route::from_url(address).is_some() { 2 } else { attributes.len() };
    add(place, "a", &attributes[..count], &mut |link| add_text(link, text));
}

/// Shows where a link leads whose text could be taken for another site.
fn link_host(place: &Element, host: &str) {
    add(place, "span", &[("class", "link-host")], &mut |shown| {
        add_text(shown, " (");
        add(shown, "bdi", &[], &mut |isolated| add_text(isolated, host));
        add_text(shown, ")");
    });
}

/// The length of the longest known name at the start of `after`: the own one, a member's or an author's.
fn mention_length(chat: Chat, after: &str) -> usize {
    let of = |person: &Person| markup::mention_len(after, person.name.as_str());
    let members = chat.current_room.roster.with_untracked(|roster| roster.people().iter().map(of).max());
    let authors = chat
        .current_room
        .timeline
        .with_untracked(|timeline| timeline.events().iter().map(|event| of(&event.person)).max());
    let own = chat.me_or_cached().as_ref().map(of);
    members.max(authors).max(own).unwrap_or(0)
}
