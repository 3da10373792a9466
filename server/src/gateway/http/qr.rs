//! `/api/rooms/{room}/qr.svg`: the room's link as a picture, for the camera of a phone.
//!
//! It says nothing but what was asked: whether there is such a room is not looked at.

use anyhow::Context;
use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
};
use common::refusal::Refusal;
use qrcode::{QrCode, render::svg};
use url::Url;

use super::asked::Asked;
use crate::{chat::Chat, failure::Failure, gateway::guard::Guard};

/// How large it is where nothing else is said, in pixels.
const SIZE: u32 = 256;

/// The same link for a day, whoever asks.
const CACHE_CONTROL: &str = "public, max-age=86400";

/// Draws the link with the quiet zone of four modules that readers need (ISO/IEC 18004).
pub(super) async fn draw(
    State(chat): State<Chat>,
    State(guard): State<Guard>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Failure> {
    asked.only(&[])?;
    chat.knock(asked.visitor.peer.address)?;
    let link = link(guard.site(&headers).context("a request without a host")?, asked.room.as_str())?;
    // A name of many bytes, each written as three, may be more than a code holds.
    let code = QrCode::new(link.as_str()).map_err(|_| Refusal::NameTooLong)?;
    let picture = code.render::<svg::Color>().min_dimensions(SIZE, SIZE).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, CACHE_CONTROL)], picture))
}

fn link(site: Url, room: &str) -> anyhow::Result<Url> {
    let mut link = site;
    link.path_segments_mut().ok().context("an address without a path")?.clear().extend(["r", room]);
    Ok(link)
}
