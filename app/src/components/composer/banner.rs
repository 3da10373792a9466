//! Says what will be done with what is written, when it is about a message: answer it or change it.

use common::{
    markup,
    message::{Body, Seq},
};
use leptos::{ev, prelude::*};

use super::{bound, desk::Desk};
use crate::{chat::Composing, components::icon::Icon, view::dynamic};

/// So much of a message is enough to know it by.
const QUOTED: usize = 120;

#[component]
pub(super) fn Banner(desk: Desk) -> impl IntoView {
    let chat = desk.chat;
    let words = desk.words;
    let said = move || bound::said(chat, about(chat.composing.get())?);
    let what = move || match chat.composing.get() {
        Composing::New => String::new(),
        Composing::Edit(_) => words.editing.to_owned(),
        Composing::Reply(_) => said().map_or(String::new(), |(who, _)| (words.replying)(who.as_str())),
    };
    // What is edited stands in the composer itself.
    let quoted = move || match chat.composing.get() {
        Composing::Reply(_) => said().map(|(_, body)| quote(&body)),
        Composing::New | Composing::Edit(_) => None,
    };
    let show = move |_: ev::MouseEvent| {
        if let Some(seq) = about(chat.composing.get_untracked()) {
            chat.jump_to(seq);
        }
    };
    let stop = move |_: ev::MouseEvent| chat.composing.set(Composing::New);
    view! {
        <div class="banner" hidden=move || chat.composing.get() == Composing::New>
            <button type="button" class="banner-about" on:click=show>
                <span class="banner-what" role="status">
                    {dynamic(what)}
                </span>
                <span class="banner-quote" dir="auto">
                    {dynamic(quoted)}
                </span>
            </button>
            <button type="button" class="icon-button" aria-label=words.cancel title=words.cancel on:click=stop>
                <Icon name="close"/>
            </button>
        </div>
    }
}

fn about(composing: Composing) -> Option<Seq> {
    match composing {
        Composing::New => None,
        Composing::Reply(seq) | Composing::Edit(seq) => Some(seq),
    }
}

fn quote(body: &Body) -> String {
    let words = markup::plain(body.as_str());
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(QUOTED).collect()
}
