//! The field for a room's number of seats; empty for as many as come.

use common::{refusal::Refusal, room::Seats};
use leptos::prelude::*;
use web_sys::HtmlInputElement;

use crate::{i18n::use_words, view::Slot};

pub(crate) fn seats_field(slot: Slot, before: Option<u16>) -> AnyView {
    let words = use_words();
    view! {
        <label class="field">
            <span>{words.seats_field}</span>
            <input
                node_ref=slot
                name="seats"
                inputmode="numeric"
                autocomplete="off"
                placeholder=words.seats_unlimited
                value=before.map(|seats| seats.to_string()).unwrap_or_default()
            />
        </label>
    }
    .into_any()
}

/// What stands in the field.
pub(crate) fn read(slot: Slot) -> Result<Option<Seats>, Refusal> {
    let text = slot.get::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default();
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map_err(|_| Refusal::SeatsInvalid).and_then(Seats::parse).map(Some),
    }
}
