//! The row of a message: author and time if it starts a group, the quoted message, the text, the
//! reactions, and the delivery status.
//!
//! Rows have no listeners of their own, because there are many: `message_menu` handles the clicks by
//! their `data-action`.

use std::sync::Arc;

use common::{markup, protocol::event::Via, refusal::Refusal};
use leptos::prelude::*;

use super::{
    avatar::{Avatar, hue},
    badges::badges,
    markup::{MessageText, render_text},
    reactions::reactions,
};
use crate::{
    chat::{Chat, use_chat},
    field::Live,
    i18n::{Texts, use_texts},
    state::{
        connection::ConnectionState,
        message::{Delivery, Quote},
        truncate,
        view_model::MessageRow,
    },
    time_format,
    view::reactive,
};

/// One closure renders the whole row; Leptos patches the changes and keeps the elements.
#[component]
pub(crate) fn Message(row: Arc<Live<MessageRow>>) -> impl IntoView {
    let chat = use_chat();
    let texts = use_texts();
    reactive(move || row.with(|row| render_row(row, chat, texts)))
}

fn render_row(row: &MessageRow, chat: Chat, texts: &'static Texts) -> impl IntoView + use<> {
    view! {
        <li
            class="message"
            data-seq=row.seq.map(|seq| seq.0.to_string())
            tabindex="-1"
            data-own=row.is_own.then_some("")
            data-group-start=row.starts_group.then_some("")
            data-delivery=delivery_name(row.delivery)
            data-pending-edit=delivery_name(row.edit_delivery)
            data-persisted=row.is_persisted.then_some("")
            data-deleted=row.is_deleted.then_some("")
            data-mention=row.mentions_me.then_some("")
        >
            {row.starts_group.then(|| message_header(row, texts))}
            {(!row.starts_group).then(|| timestamp(row, texts))}
            {row.quote.as_ref().map(|quoted| reply_quote(quoted, texts))}
            {if row.is_deleted { tombstone(texts).into_any() } else { message_body(row, chat, texts).into_any() }}
            {(!row.reactions.is_empty()).then(|| reactions(&row.reactions, chat, texts))}
            {delivery_status(row, chat, texts)}
        </li>
    }
}

fn delivery_name(delivery: Delivery) -> Option<&'static str> {
    match delivery {
        Delivery::Sent => None,
        Delivery::Sending => Some("sending"),
        Delivery::Failed(_) => Some("failed"),
    }
}

fn message_header(row: &MessageRow, texts: &'static Texts) -> impl IntoView + use<> {
    view! {
        <Avatar person=row.person.clone()/>
        <div class="message-header">
            <span class="author" data-hue=hue(row.person.id).to_string() data-own=row.is_own.then_some("")>
                {row.person.name.to_string()}
            </span>
            {badges(&row.person, row.via.is_none(), texts)}
            {row.via.as_ref().map(|Via::Udp(from)| view! { <span class="via">{(texts.unverified_sender)(from)}</span> })}
            {timestamp(row, texts)}
        </div>
    }
}

fn timestamp(row: &MessageRow, texts: &'static Texts) -> impl IntoView + use<> {
    // The title with the full date is set on hover, see `message_menu`.
    view! { <time datetime=time_format::iso(row.at)>{time_format::time(row.at, texts.tag)}</time> }
}

/// The first line of the quoted message; a click jumps to it.
fn reply_quote(quote: &Quote, texts: &'static Texts) -> impl IntoView + use<> {
    let text = quote
        .text
        .as_ref()
        .map_or(texts.deleted.to_owned(), |body| truncate::first_line(&markup::plain_text(body.as_str())));
    let (author, text) = match &quote.author {
        Some(author) => (author.marked_name(), text),
        None => (String::new(), texts.unknown_quoted_message.to_owned()),
    };
    view! {
        <button class="quote" data-action="jump" data-target-seq=quote.seq.0.to_string() title=texts.jump_to_quoted>
            <strong>{author}</strong>
            <span dir="auto">{text}</span>
        </button>
    }
}

fn message_body(row: &MessageRow, chat: Chat, texts: &'static Texts) -> impl IntoView + use<> {
    let is_long = truncate::is_long(row.body.as_str());
    let is_only_emoji = markup::is_only_emoji(row.body.as_str());
    let edited = row.edited_at.map(|at| time_format::full(at, texts.tag));
    let text = MessageText { body: row.body.clone(), edited, chat, texts };
    view! {
        <div class="message-body" dir="auto" data-emoji-only=is_only_emoji.then_some("") data-collapsible=is_long.then_some("") use:render_text=text></div>
        {is_long.then(|| view! {
            <button class="text-button expand" data-action="expand">
                <span>{texts.show_more}</span>
                <span>{texts.show_less}</span>
            </button>
        })}
    }
}

fn tombstone(texts: &'static Texts) -> impl IntoView + use<> {
    view! { <p class="tombstone">{texts.deleted}</p> }
}

/// The delivery status of an own message, or of a pending edit.
fn delivery_status(row: &MessageRow, chat: Chat, texts: &'static Texts) -> Option<AnyView> {
    match (row.delivery, row.edit_delivery) {
        (Delivery::Sending, _) => Some(pending_status(row, chat, texts).into_any()),
        (Delivery::Failed(refusal), _) => Some(failed_status(row, refusal, chat, texts).into_any()),
        (Delivery::Sent, Delivery::Failed(refusal)) => Some(failed_edit_status(refusal, texts).into_any()),
        (Delivery::Sent, Delivery::Sending | Delivery::Sent) => None,
    }
}

fn pending_status(row: &MessageRow, chat: Chat, texts: &'static Texts) -> impl IntoView + use<> {
    let is_persisted = row.is_persisted;
    let text = move || match chat.connection_state.get() {
        ConnectionState::Online | ConnectionState::Interrupted => texts.sending,
        _ if is_persisted => texts.waiting,
        _ => texts.waiting_not_persisted,
    };
    view! { <p class="delivery-status">{reactive(text)}</p> }
}

/// The refusal of an own message, with buttons to retry and discard.
fn failed_status(
    row: &MessageRow,
    refusal: Refusal,
    chat: Chat,
    texts: &'static Texts,
) -> impl IntoView + use<> {
    let (retried, discarded) = (row.cid.clone(), row.cid.clone());
    view! {
        <p class="delivery-status failed">
            <span>{texts.send_failed} " " {(texts.refusal)(refusal)}</span>
            <button class="text-button" on:click=move |_| chat.retry_message(&retried)>{texts.send_again}</button>
            <button class="text-button" on:click=move |_| chat.discard_message(&discarded)>{texts.delete}</button>
        </p>
    }
}

/// The refusal of a pending edit, with buttons to retry and discard.
fn failed_edit_status(refusal: Refusal, texts: &'static Texts) -> impl IntoView + use<> {
    view! {
        <p class="delivery-status failed">
            <span>{texts.edit_failed} " " {(texts.refusal)(refusal)}</span>
            <button class="text-button" data-action="retry-edit">{texts.retry_edit}</button>
            <button class="text-button" data-action="discard-edit">{texts.cancel}</button>
        </p>
    }
}
