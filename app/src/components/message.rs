//! One message: who and when at the head of a group, what it answers, the text, the reactions, and
//! how far it has come.
//!
//! Drawn once for each row, so it has no listeners of its own: what its buttons do is in `actions`,
//! by their `data-act`.

use std::sync::Arc;

use common::{event::Via, markup, refusal::Refusal};
use leptos::prelude::*;

use super::{
    face::{Face, hue},
    markup::{Text, draw},
    reactions::reactions,
};
use crate::{
    chat::{Chat, use_chat},
    field::Live,
    i18n::{Words, use_words},
    state::{
        link::Link,
        long,
        rows::{Delivery, Quote, Row},
    },
    view::dynamic,
    when,
};

/// The row of a message.
///
/// One closure for the whole row: what changes is patched in place, the elements stay.
#[component]
pub(crate) fn Message(row: Arc<Live<Row>>) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    dynamic(move || row.with(|row| show(row, chat, words)))
}

fn show(row: &Row, chat: Chat, words: &'static Words) -> impl IntoView + use<> {
    view! {
        <li
            class="message"
            data-seq=row.seq.map(|seq| seq.0.to_string())
            tabindex="-1"
            data-own=row.own.then_some("")
            data-opens=row.opens_group.then_some("")
            data-delivery=delivery(row.delivery)
            data-change=delivery(row.change)
            data-kept=row.kept.then_some("")
            data-deleted=row.deleted.then_some("")
            data-to-me=row.mentions_me.then_some("")
        >
            {row.opens_group.then(|| head(row, words))}
            {(!row.opens_group).then(|| time(row, words))}
            {row.reply.as_ref().map(|reply| quote(reply, words))}
            {if row.deleted { tombstone(words).into_any() } else { said(row, chat, words).into_any() }}
            {(!row.reactions.is_empty()).then(|| reactions(&row.reactions, chat, words))}
            {fate(row, chat, words)}
        </li>
    }
}

fn delivery(delivery: Delivery) -> Option<&'static str> {
    match delivery {
        Delivery::Said => None,
        Delivery::Sending => Some("sending"),
        Delivery::Failed(_) => Some("failed"),
    }
}

fn head(row: &Row, words: &'static Words) -> impl IntoView + use<> {
    view! {
        <Face person=row.person.clone()/>
        <div class="head">
            <span class="who" data-hue=hue(row.person.id).to_string() data-own=row.own.then_some("")>
                {row.person.name.to_string()}
            </span>
            {row.via.as_ref().map(|Via::Udp(from)| view! { <span class="via">{(words.unconfirmed)(from)}</span> })}
            {time(row, words)}
        </div>
    }
}

fn time(row: &Row, words: &'static Words) -> impl IntoView + use<> {
    // What it says in full is made for whoever points at it: see `actions`.
    view! { <time datetime=when::iso(row.at)>{when::time(row.at, words.tag)}</time> }
}

/// The message this one answers, as far as a line goes; leads there.
fn quote(quote: &Quote, words: &'static Words) -> impl IntoView + use<> {
    let text = quote
        .text
        .as_ref()
        .map_or(words.deleted.to_owned(), |body| long::first_line(&markup::plain(body.as_str())));
    let (who, text) = match &quote.who {
        Some(who) => (who.name.to_string(), text),
        None => (String::new(), words.earlier_message.to_owned()),
    };
    view! {
        <button class="quote" data-act="jump" data-to=quote.seq.0.to_string() title=words.to_quoted>
            <strong>{who}</strong>
            <span dir="auto">{text}</span>
        </button>
    }
}

fn said(row: &Row, chat: Chat, words: &'static Words) -> impl IntoView + use<> {
    let folded = long::is_long(row.body.as_str());
    let large = markup::is_only_emoji(row.body.as_str());
    let edited = row.edited.map(|at| when::in_full(at, words.tag));
    let text = Text { body: row.body.clone(), edited, chat, words };
    view! {
        <div class="body" dir="auto" data-large=large.then_some("") data-long=folded.then_some("") use:draw=text></div>
        {folded.then(|| view! {
            <button class="link unfold" data-act="unfold">
                <span>{words.show_more}</span>
                <span>{words.show_less}</span>
            </button>
        })}
    }
}

fn tombstone(words: &'static Words) -> impl IntoView + use<> {
    view! { <p class="tombstone">{words.deleted}</p> }
}

/// What a message of ours, or a change we want of one, waits for or has come to.
fn fate(row: &Row, chat: Chat, words: &'static Words) -> Option<AnyView> {
    match (row.delivery, row.change) {
        (Delivery::Sending, _) => Some(sending(row, chat, words).into_any()),
        (Delivery::Failed(refusal), _) => Some(failed(row, refusal, chat, words).into_any()),
        (Delivery::Said, Delivery::Failed(refusal)) => Some(unchanged(refusal, words).into_any()),
        (Delivery::Said, Delivery::Sending | Delivery::Said) => None,
    }
}

/// What a message of ours waits for.
fn sending(row: &Row, chat: Chat, words: &'static Words) -> impl IntoView + use<> {
    let kept = row.kept;
    let said = move || match chat.link.get() {
        Link::Online | Link::Interrupted => words.sending,
        _ if kept => words.waiting,
        _ => words.waiting_unkept,
    };
    view! { <p class="fate">{dynamic(said)}</p> }
}

/// Why a message of ours was not said, and what can be done about it.
fn failed(row: &Row, refusal: Refusal, chat: Chat, words: &'static Words) -> impl IntoView + use<> {
    let (retried, discarded) = (row.cid.clone(), row.cid.clone());
    view! {
        <p class="fate failed">
            <span>{words.not_sent} " " {(words.refusal)(refusal)}</span>
            <button class="link" on:click=move |_| chat.retry(&retried)>{words.retry}</button>
            <button class="link" on:click=move |_| chat.discard(&discarded)>{words.delete}</button>
        </p>
    }
}

/// Why a change was not made, and what can be done about it.
fn unchanged(refusal: Refusal, words: &'static Words) -> impl IntoView + use<> {
    view! {
        <p class="fate failed">
            <span>{words.not_changed} " " {(words.refusal)(refusal)}</span>
            <button class="link" data-act="retry-change">{words.try_again}</button>
            <button class="link" data-act="discard-change">{words.cancel}</button>
        </p>
    }
}
