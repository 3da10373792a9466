//! What a client is told when its request is refused: in HTTP responses and in Socket.IO's acknowledgements.

use std::fmt;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use common::refusal::Refusal;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::error::Error;

/// The `Retry-After` of refusals that a retry may overcome, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The authentication scheme of the API (RFC 6750).
pub(super) const BEARER: &str = "Bearer";

/// Where a program finds what a request over HTTP must look like.
pub(super) const SEE_OPENAPI: &str = "see /api/openapi.json";
/// Where it finds that of a command over Socket.IO.
pub(super) const SEE_PROTOCOL: &str = "see docs/protocol.md";

/// A refusal with what was wrong in this request, as far as that is known. It is serialised as
/// `{"code", "message", "field"?}`, where `field` is the name of a field, parameter or header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    refusal: Refusal,
    status: StatusCode,
    /// Replaces the refusal's sentence.
    sentence: Option<String>,
    field: Option<String>,
}

/// `{"error": {"code", "message", "field"?}}`, the body of a refusal.
#[derive(Serialize)]
pub(super) struct RefusedReply<'a> {
    pub(super) error: &'a Refused,
}

impl Refused {
    /// A request that is refused because of how it is written, with this status and sentence.
    pub(super) fn malformed(status: StatusCode, sentence: impl Into<String>) -> Refused {
        Refused { status, sentence: Some(sentence.into()), ..Refused::from(Refusal::BadRequest) }
    }

    /// Names the field, parameter or header that the refusal is about.
    pub(super) fn about(self, field: impl Into<String>) -> Refused {
        Refused { field: Some(field.into()), ..self }
    }

    pub(super) fn with_status(self, status: StatusCode) -> Refused {
        Refused { status, ..self }
    }

    /// Replaces the sentence.
    pub(super) fn saying(self, sentence: impl Into<String>) -> Refused {
        Refused { sentence: Some(sentence.into()), ..self }
    }

    fn sentence(&self) -> &str {
        self.sentence.as_deref().unwrap_or_else(|| self.refusal.sentence())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused { refusal, status: status(refusal), sentence: None, field: None }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        error.into_refusal().into()
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Refused {
        Error::from(error).into()
    }
}

/// The form in which Socket.IO refuses a connection; it begins as the display form of a [`Refusal`] does.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.refusal.code(), self.sentence())
    }
}

impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut refused = serializer.serialize_struct("Refused", 2 + usize::from(self.field.is_some()))?;
        refused.serialize_field("code", self.refusal.code())?;
        refused.serialize_field("message", self.sentence())?;
        match &self.field {
            Some(field) => refused.serialize_field("field", field)?,
            None => refused.skip_field("field")?,
        }
        refused.end()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(RefusedReply { error: &self })).into_response();
        if self.refusal.is_retryable() {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(BEARER));
        }
        response
    }
}

/// The HTTP status of each refusal (RFC 9110 §15).
fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownToken => StatusCode::UNAUTHORIZED,
        Refusal::NotInRoom
        | Refusal::Banned
        | Refusal::NetworkBanned
        | Refusal::OwnersName
        | Refusal::NotYours
        | Refusal::ForeignOrigin => StatusCode::FORBIDDEN,
        Refusal::NoSuchRoom | Refusal::RoomDeleted | Refusal::NoSuchMessage => StatusCode::NOT_FOUND,
        Refusal::RoomFull | Refusal::TooManyNewcomers => StatusCode::CONFLICT,
        Refusal::MessageTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooFast => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::NotStored | Refusal::NoMoreRooms => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::BAD_REQUEST,
    }
}
