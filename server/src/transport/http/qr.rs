//! `/api/rooms/{room}/qr.svg`: the room's link as a QR code for a phone's camera.
//!
//! It depends on the requested name only and does not reveal whether the room exists.

use anyhow::Context;
use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
};
use common::refusal::Refusal;
use qrcode::{QrCode, render::svg};
use url::Url;

use super::room_request::RoomRequest;
use crate::{
    chat::Chat,
    transport::{error::Refused, guard::Guard},
};

/// The smallest size of the picture, in pixels.
const MIN_SIZE: u32 = 256;

/// The link is the same for everybody and may be cached for a day.
const CACHE_CONTROL: &str = "public, max-age=86400";

/// Renders the link as SVG, with the quiet zone of four modules that scanners need (ISO/IEC 18004).
pub(super) async fn draw(
    State(chat): State<Chat>,
    State(guard): State<Guard>,
    request: RoomRequest,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refused> {
    request.allow_only(&[])?;
    chat.check_connection_rate(request.client.address)?;
    let link = link(guard.public_url(&headers).context("a request without a host")?, request.room.as_str())?;
    // A long name, of which each byte takes three in the URL, may exceed the capacity of a QR code.
    let code = QrCode::new(link.as_str()).map_err(|_| Refused::from(Refusal::NameTooLong).about("room"))?;
    let picture = code.render::<svg::Color>().min_dimensions(MIN_SIZE, MIN_SIZE).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, CACHE_CONTROL)], picture))
}

fn link(site: Url, room: &str) -> anyhow::Result<Url> {
    let mut link = site;
    link.path_segments_mut().ok().context("an address without a path")?.clear().extend(["r", room]);
    Ok(link)
}
