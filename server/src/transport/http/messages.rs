//! `/api/rooms/{room}/messages`: posts a message or reads a page of the log with one request.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, StatusCode},
};
use common::{
    message::{Body, Cid, Seq},
    person::DisplayName,
    protocol::{
        command::{History, Send},
        http::Post,
        reply::{Page, Sent},
    },
    refusal::Refusal,
};

use super::{body, room_request::RoomRequest};
use crate::{
    chat::Chat,
    transport::{
        decode,
        error::{Refused, SEE_OPENAPI},
    },
};

/// The header that may carry the `cid`.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Posts the message in the request body.
pub(super) async fn post(
    State(chat): State<Chat>,
    request: RoomRequest,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Sent>), Refused> {
    request.allow_only(&["name"])?;
    let Post { body, cid, name, reply_to } = parse_body(&headers, body)?;
    let name = match (name, request.parameter("name")) {
        (None, Some(text)) => {
            Some(DisplayName::parse(text).map_err(|refusal| Refused::from(refusal).about("name"))?)
        }
        (name, _) => name,
    };
    let cid = match (cid, parse_idempotency_key(&headers)?) {
        (Some(cid), Some(key)) if cid != key => {
            let sentence = "`cid` and the header Idempotency-Key are not the same.";
            return Err(Refused::from(Refusal::BadRequest).saying(sentence).about("cid"));
        }
        (cid, key) => cid.or(key).unwrap_or_else(|| Cid::from_random(rand::random())),
    };
    let identity = request.authenticate(&chat, name).await?;
    let send = Send { room: request.room, cid, body, reply_to };
    let sent = chat.post(&identity, send, request.client.address).await?;
    Ok((StatusCode::CREATED, Json(sent)))
}

/// Returns a page of the log, by default the last events.
pub(super) async fn list(State(chat): State<Chat>, request: RoomRequest) -> Result<Json<Page>, Refused> {
    request.allow_only(&["since", "before", "around", "limit"])?;
    let seq = |name| request.number_parameter(name).map(|number| number.map(Seq));
    let (mut before, after, around) = (seq("before")?, seq("since")?, seq("around")?);
    if (before, after, around) == (None, None, None) {
        before = Some(Seq(u64::MAX));
    }
    let limit = request.number_parameter("limit")?;
    let identity = request.authenticate(&chat, None).await?;
    let history = History { room: request.room, before, after, around, limit };
    if history.range().is_err() {
        let sentence = format!("At most one of since, before and around may be there; {SEE_OPENAPI}.");
        return Err(Refused::from(Refusal::BadRequest).saying(sentence));
    }
    Ok(Json(chat.read_history(&identity, &history, request.client.address).await?))
}

/// Decodes JSON, or takes a text as the message itself, also under the media type that `curl -d` sends.
fn parse_body(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Post, Refused> {
    let body = body::received(body, || Refusal::MessageTooLong.into())?;
    match body::media_type(headers).as_deref() {
        media_type if body::is_json(media_type) => decode::from_slice(&body, SEE_OPENAPI),
        Some("text/plain" | "application/x-www-form-urlencoded") | None => {
            let text = std::str::from_utf8(&body).map_err(|_| Refusal::MessageUnreadable)?;
            Ok(Post { body: Body::parse(text)?, cid: None, name: None, reply_to: None })
        }
        Some(_) => Err(body::unknown_media_type("text/plain or application/json")),
    }
}

/// Parses the key, which may stand in double quotes, as the header's draft at the IETF has it.
fn parse_idempotency_key(headers: &HeaderMap) -> Result<Option<Cid>, Refused> {
    let refused = |refusal| Refused::from(refusal).about("Idempotency-Key");
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(refused(Refusal::BadRequest).saying("`Idempotency-Key` is there twice."));
    }
    let key = key.to_str().unwrap_or_default().trim();
    let quoted = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
    Cid::parse(quoted.unwrap_or(key)).map(Some).map_err(refused)
}
