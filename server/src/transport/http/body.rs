//! Reads request bodies, within their limits of size and time.

use std::{borrow::Cow, error::Error as StdError, fmt};

use axum::{
    body::Bytes,
    extract::rejection::BytesRejection,
    http::{HeaderMap, StatusCode, header},
};
use common::encoding;
use serde::de::DeserializeOwned;

use super::MAX_BODY_BYTES;
use crate::transport::{
    decode,
    error::{Refused, SEE_OPENAPI},
};

/// The error of a body that did not arrive in time.
#[derive(Debug)]
pub(super) struct BodyTimeout;

impl fmt::Display for BodyTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request body took too long")
    }
}

impl StdError for BodyTimeout {}

/// Returns the body, or why it could not be read; `too_large` if it is larger than [`MAX_BODY_BYTES`].
/// With a byte order mark, as Windows writes it, the mark is left out and UTF-16 becomes UTF-8.
pub(super) fn received(
    body: Result<Bytes, BytesRejection>,
    too_large: impl FnOnce() -> Refused,
) -> Result<Bytes, Refused> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ if is_timeout(&rejection) => {
            Refused::malformed(StatusCode::REQUEST_TIMEOUT, "The request body took too long to arrive.")
        }
        status => Refused::malformed(status, "The request body did not arrive whole."),
    })?;
    Ok(match encoding::decode(&body) {
        Some(Cow::Borrowed(text)) => body.slice_ref(text.as_bytes()),
        Some(Cow::Owned(text)) => text.into(),
        // The decoder of the media type refuses it.
        None => body,
    })
}

/// Decodes a body that must be JSON. Another media type is refused: a form of another site can send it.
pub(super) fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Refused> {
    if !is_json(media_type(headers).as_deref()) {
        return Err(unknown_media_type("JSON, and the header Content-Type: application/json"));
    }
    let too_large = || {
        let sentence = format!("A request body has at most {} KiB.", MAX_BODY_BYTES / 1024);
        Refused::malformed(StatusCode::PAYLOAD_TOO_LARGE, sentence)
    };
    decode::from_slice(&received(body, too_large)?, SEE_OPENAPI)
}

/// Refuses a body of an unknown media type. `expected` completes "Send …".
pub(super) fn unknown_media_type(expected: &str) -> Refused {
    let sentence = format!("Send {expected}; {SEE_OPENAPI}.");
    Refused::malformed(StatusCode::BAD_REQUEST, sentence).about("Content-Type")
}

/// The media type of the body in lower case, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Whether this is a media type of JSON, also one with its structured suffix (RFC 6839 §3.1).
pub(super) fn is_json(media_type: Option<&str>) -> bool {
    media_type.is_some_and(|media_type| {
        media_type == "application/json"
            || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    })
}

fn is_timeout(rejection: &BytesRejection) -> bool {
    let mut source = Some(rejection as &(dyn StdError + 'static));
    while let Some(error) = source {
        if error.is::<BodyTimeout>() {
            return true;
        }
        source = error.source();
    }
    false
}
