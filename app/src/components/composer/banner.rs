//! The banner above the text while a reply or an edit is being written.

use common::{
    markup,
    message::{Body, Seq},
};
use leptos::{ev, prelude::*};

use super::{editor::Editor, reply_or_edit};
use crate::{components::icon::Icon, state::composer_mode::ComposerMode, view::reactive};

/// The maximum length of the quote, in characters.
const MAX_QUOTE: usize = 120;

#[component]
pub(super) fn Banner(editor: Editor) -> impl IntoView {
    let chat = editor.chat;
    let texts = editor.texts;
    let message = move || reply_or_edit::find_message(chat, target_seq(chat.composer_mode.get())?);
    let title = move || match chat.composer_mode.get() {
        ComposerMode::New => String::new(),
        ComposerMode::Edit(_) => texts.editing.to_owned(),
        ComposerMode::Reply(_) => {
            message().map_or(String::new(), |(author, _)| (texts.replying_to)(author.as_str()))
        }
    };
    // An edited message is not quoted, because its text is in the composer.
    let quoted = move || match chat.composer_mode.get() {
        ComposerMode::Reply(_) => message().map(|(_, body)| quote(&body)),
        ComposerMode::New | ComposerMode::Edit(_) => None,
    };
    let jump = move |_: ev::MouseEvent| {
        if let Some(seq) = target_seq(chat.composer_mode.get_untracked()) {
            chat.jump_to_message(seq);
        }
    };
    let cancel = move |_: ev::MouseEvent| chat.composer_mode.set(ComposerMode::New);
    view! {
        <div class="banner" hidden=move || chat.composer_mode.get() == ComposerMode::New>
            <button type="button" class="banner-target" on:click=jump>
                <span class="banner-title" role="status">
                    {reactive(title)}
                </span>
                <span class="banner-quote" dir="auto">
                    {reactive(quoted)}
                </span>
            </button>
            <button type="button" class="icon-button" aria-label=texts.cancel title=texts.cancel on:click=cancel>
                <Icon name="close"/>
            </button>
        </div>
    }
}

fn target_seq(mode: ComposerMode) -> Option<Seq> {
    match mode {
        ComposerMode::New => None,
        ComposerMode::Reply(seq) | ComposerMode::Edit(seq) => Some(seq),
    }
}

fn quote(body: &Body) -> String {
    let plain = markup::plain_text(body.as_str());
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_QUOTE).collect()
}
