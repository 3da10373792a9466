//! `/api/rooms/{room}/messages`: posts a message or reads a page of the log with one request.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, StatusCode, header},
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

use super::room_request::RoomRequest;
use crate::{chat::Chat, error::Error};

/// The header that may carry the `cid`.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Posts the message in the request body.
pub(super) async fn post(
    State(chat): State<Chat>,
    request: RoomRequest,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Sent>), Error> {
    request.allow_only(&["name"])?;
    let Post { body, cid, name, reply_to } = parse_body(&headers, body)?;
    let name = match (name, request.parameter("name")) {
        (None, Some(text)) => Some(DisplayName::parse(text)?),
        (name, _) => name,
    };
    let cid = match (cid, parse_idempotency_key(&headers)?) {
        (Some(cid), Some(key)) if cid != key => return Err(Refusal::BadRequest.into()),
        (cid, key) => cid.or(key).unwrap_or_else(|| Cid::from_random(rand::random())),
    };
    let identity = request.authenticate(&chat, name).await?;
    let send = Send { room: request.room, cid, body, reply_to };
    let sent = chat.post(&identity, send, request.client.peer.address).await?;
    Ok((StatusCode::CREATED, Json(sent)))
}

/// Returns a page of the log, by default the last events.
pub(super) async fn list(State(chat): State<Chat>, request: RoomRequest) -> Result<Json<Page>, Error> {
    request.allow_only(&["since", "before", "around", "limit"])?;
    let seq = |name| request.number_parameter(name).map(|number| number.map(Seq));
    let (mut before, after, around) = (seq("before")?, seq("since")?, seq("around")?);
    if (before, after, around) == (None, None, None) {
        before = Some(Seq(u64::MAX));
    }
    let limit = request.number_parameter("limit")?;
    let identity = request.authenticate(&chat, None).await?;
    let history = History { room: request.room, before, after, around, limit };
    chat.read_history(&identity, &history, request.client.peer.address).await.map(Json)
}

/// Decodes JSON, or takes a text as the message itself, also under the media type that `curl -d` sends.
fn parse_body(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Post, Refusal> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::MessageTooLong,
        _ => Refusal::BadRequest,
    })?;
    let content_type = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let media_type = content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    match media_type.map(str::to_ascii_lowercase).as_deref() {
        Some("application/json") => {
            serde_json::from_slice(&body).map_err(|error| Refusal::from_decoding(&error))
        }
        Some("text/plain" | "application/x-www-form-urlencoded") | None => {
            let text = std::str::from_utf8(&body).map_err(|_| Refusal::MessageUnreadable)?;
            Ok(Post { body: Body::parse(text)?, cid: None, name: None, reply_to: None })
        }
        Some(_) => Err(Refusal::BadRequest),
    }
}

fn parse_idempotency_key(headers: &HeaderMap) -> Result<Option<Cid>, Refusal> {
    let key = headers.get(IDEMPOTENCY_KEY).map(|value| value.to_str().unwrap_or_default());
    key.map(Cid::parse).transpose()
}
