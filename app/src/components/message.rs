//! One message: who and when at the head of a group, the text, and how far it has come.

use common::{event::Via, refusal::Refusal};
use leptos::prelude::*;

use super::face::{Face, hue};
use crate::{
    chat::{Chat, use_chat},
    i18n::{Words, use_words},
    state::{
        link::Link,
        rows::{Delivery, Row},
    },
    when,
};

/// The row of a message, after the day when it is the first of its day.
///
/// One closure for the whole row: what changes is patched in place, the elements stay.
#[component]
pub(crate) fn Message(row: ArcRwSignal<Row>) -> impl IntoView {
    let chat = use_chat();
    let words = use_words();
    move || row.with(|row| show(row, chat, words))
}

fn show(row: &Row, chat: Chat, words: &'static Words) -> impl IntoView + use<> {
    let day = row.opens_day.then(|| {
        let day = when::day(row.at, words.tag);
        view! { <li class="day"><span>{day}</span></li> }
    });
    let delivery = match row.delivery {
        Delivery::Said => None,
        Delivery::Sending => Some("sending"),
        Delivery::Failed(_) => Some("failed"),
    };
    view! {
        {day}
        <li
            class="message"
            tabindex="-1"
            data-own=row.own.then_some("")
            data-opens=row.opens_group.then_some("")
            data-delivery=delivery
            data-kept=row.kept.then_some("")
        >
            {row.opens_group.then(|| head(row, words))}
            {(!row.opens_group).then(|| time(row, words))}
            <p class="body">{row.body.to_string()}</p>
            {(row.delivery == Delivery::Sending).then(|| sending(row, chat, words))}
            {match row.delivery {
                Delivery::Failed(refusal) => Some(failed(row, refusal, chat, words)),
                Delivery::Said | Delivery::Sending => None,
            }}
        </li>
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
    let (iso, in_full) = (when::iso(row.at), when::in_full(row.at, words.tag));
    view! { <time datetime=iso title=in_full>{when::time(row.at, words.tag)}</time> }
}

/// What a message of ours waits for.
fn sending(row: &Row, chat: Chat, words: &'static Words) -> impl IntoView + use<> {
    let kept = row.kept;
    let said = move || match chat.link.get() {
        Link::Online | Link::Interrupted => words.sending,
        _ if kept => words.waiting,
        _ => words.waiting_unkept,
    };
    view! { <p class="fate">{said}</p> }
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
