//! `/api/rooms/{room}/messages`: say something, or read what was said, with one request.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, StatusCode, header},
};
use common::{
    event::{History, Page, Post, Send, Sent},
    message::{Body, Cid, Seq},
    person::DisplayName,
    refusal::Refusal,
};

use super::asked::Asked;
use crate::{chat::Chat, failure::Failure};

/// The header that says the `cid`.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says what the request's body says.
pub(super) async fn post(
    State(chat): State<Chat>,
    asked: Asked,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Sent>), Failure> {
    asked.only(&["name"])?;
    let Post { body, cid, name, reply_to } = read_body(&headers, body)?;
    let name = match (name, asked.text("name")) {
        (None, Some(text)) => Some(DisplayName::parse(text)?),
        (name, _) => name,
    };
    let cid = match (cid, read_key(&headers)?) {
        (Some(cid), Some(key)) if cid != key => return Err(Refusal::BadRequest.into()),
        (cid, key) => cid.or(key).unwrap_or_else(|| Cid::from_random(rand::random())),
    };
    let who = asked.identify(&chat, name).await?;
    let send = Send { room: asked.room, cid, body, reply_to };
    let sent = chat.post(&who, send, asked.visitor.peer.address).await?;
    Ok((StatusCode::CREATED, Json(sent)))
}

/// A page of the log, by default its last events.
pub(super) async fn read(State(chat): State<Chat>, asked: Asked) -> Result<Json<Page>, Failure> {
    asked.only(&["since", "before", "around", "limit"])?;
    let seq = |name| asked.number(name).map(|number| number.map(Seq));
    let (mut before, after, around) = (seq("before")?, seq("since")?, seq("around")?);
    if (before, after, around) == (None, None, None) {
        before = Some(Seq(u64::MAX));
    }
    let limit = asked.number("limit")?;
    let who = asked.identify(&chat, None).await?;
    let history = History { room: asked.room, before, after, around, limit };
    chat.read(&who, &history, asked.visitor.peer.address).await.map(Json)
}

/// A text is the message itself, also under the name that `curl -d` gives it.
fn read_body(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Post, Refusal> {
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

fn read_key(headers: &HeaderMap) -> Result<Option<Cid>, Refusal> {
    let key = headers.get(IDEMPOTENCY_KEY).map(|value| value.to_str().unwrap_or_default());
    key.map(Cid::parse).transpose()
}
