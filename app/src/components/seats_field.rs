//! The input for a room's seat limit; empty for no limit.

use common::{refusal::Refusal, room::Seats};
use leptos::prelude::*;
use web_sys::HtmlInputElement;

use crate::{i18n::use_texts, view::ElementRef};

pub(crate) fn seats_field(slot: ElementRef, before: Option<u16>) -> AnyView {
    let texts = use_texts();
    view! {
        <label class="field">
            <span>{texts.seats_label}</span>
            <input
                node_ref=slot
                name="seats"
                inputmode="numeric"
                autocomplete="off"
                placeholder=texts.seats_placeholder
                value=before.map(|seats| seats.to_string()).unwrap_or_default()
            />
        </label>
    }
    .into_any()
}

/// Parses the input; `None` if it is empty.
pub(crate) fn parse_seats(slot: ElementRef) -> Result<Option<Seats>, Refusal> {
    let text = slot.get::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default();
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map_err(|_| Refusal::SeatsInvalid).and_then(Seats::parse).map(Some),
    }
}
