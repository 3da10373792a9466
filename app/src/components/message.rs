//! One message: who and when at the head of a group, the text, and how far it has come.

use leptos::prelude::*;

use super::face::{Face, hue};
use crate::{
    chat::use_chat,
    i18n::use_speech,
    state::rows::{Delivery, Row},
    when,
};

/// The row of a message, after a separator when it is the first of its day.
#[component]
pub(crate) fn Message(row: ArcRwSignal<Row>) -> impl IntoView {
    let row = Memo::new(move |_| row.get());
    let opens_day = Memo::new(move |_| row.with(|row| row.opens_day));
    let opens_group = Memo::new(move |_| row.with(|row| row.opens_group));
    let delivery = move || match row.with(|row| row.delivery) {
        Delivery::Said => None,
        Delivery::Sending => Some("sending"),
        Delivery::Failed(_) => Some("failed"),
    };
    view! {
        {move || opens_day.get().then(|| view! { <Day row/> })}
        <li
            class="message"
            tabindex="-1"
            data-own=move || row.with(|row| row.own).then_some("")
            data-opens=move || opens_group.get().then_some("")
            data-delivery=delivery
        >
            {move || match opens_group.get() {
                true => view! { <Head row/> }.into_any(),
                false => view! { <Time row/> }.into_any(),
            }}
            <p class="body">{move || row.with(|row| row.body.to_string())}</p>
            <Fate row/>
        </li>
    }
}

#[component]
fn Day(row: Memo<Row>) -> impl IntoView {
    let speech = use_speech();
    view! {
        <li class="day">
            <span>{move || when::day(row.with(|row| row.at), speech.language())}</span>
        </li>
    }
}

#[component]
fn Head(row: Memo<Row>) -> impl IntoView {
    let person = row.with_untracked(|row| row.person.clone());
    let own = row.with_untracked(|row| row.own);
    view! {
        <Face person=person.clone()/>
        <div class="head">
            <span class="who" data-hue=hue(person.id).to_string() data-own=own.then_some("")>
                {person.name.to_string()}
            </span>
            <Time row/>
        </div>
    }
}

#[component]
fn Time(row: Memo<Row>) -> impl IntoView {
    let speech = use_speech();
    let at = Memo::new(move |_| row.with(|row| row.at));
    view! {
        <time datetime=move || when::iso(at.get()) title=move || when::in_full(at.get(), speech.language())>
            {move || when::time(at.get(), speech.language())}
        </time>
    }
}

/// How far a message of ours has come; nothing once it is said.
#[component]
fn Fate(row: Memo<Row>) -> impl IntoView {
    let chat = use_chat();
    let speech = use_speech();
    let delivery = Memo::new(move |_| row.with(|row| row.delivery));
    let cid = StoredValue::new(row.with_untracked(|row| row.cid.clone()));
    move || match delivery.get() {
        Delivery::Said => None,
        Delivery::Sending => Some(view! { <p class="fate">{move || speech.words().sending}</p> }.into_any()),
        Delivery::Failed(refusal) => {
            let failed = view! {
                <p class="fate failed">
                    <span>
                        {move || speech.words().not_sent} " " {move || (speech.words().refusal)(refusal)}
                    </span>
                    <button class="link" on:click=move |_| cid.with_value(|cid| chat.retry(cid))>
                        {move || speech.words().retry}
                    </button>
                    <button class="link" on:click=move |_| cid.with_value(|cid| chat.discard(cid))>
                        {move || speech.words().delete}
                    </button>
                </p>
            };
            Some(failed.into_any())
        }
    }
}
