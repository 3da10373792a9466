//! Maps refusals to HTTP responses, for the API and for Socket.IO's HTTP requests.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use common::{protocol::reply::ErrorReply, refusal::Refusal};

use crate::error::Error;

/// The `Retry-After` of refusals that a retry may overcome, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The authentication scheme of the API (RFC 6750).
pub(super) const BEARER: &str = "Bearer";

/// Builds the JSON response for a refusal.
pub(super) fn refusal_response(status: StatusCode, error: Refusal) -> Response {
    let mut response = (status, Json(ErrorReply { error })).into_response();
    if error.is_retryable() {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let refusal = self.into_refusal();
        let mut response = refusal_response(status(refusal), refusal);
        if refusal == Refusal::UnknownToken {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(BEARER));
        }
        response
    }
}

/// The HTTP status of each refusal (RFC 9110 §15).
fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownToken => StatusCode::UNAUTHORIZED,
        Refusal::NotInRoom | Refusal::Banned | Refusal::NotYours | Refusal::ForeignOrigin => {
            StatusCode::FORBIDDEN
        }
        Refusal::NoSuchRoom | Refusal::RoomDeleted | Refusal::NoSuchMessage => StatusCode::NOT_FOUND,
        Refusal::RoomFull => StatusCode::CONFLICT,
        Refusal::MessageTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooFast => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::NotStored | Refusal::NoMoreRooms => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::BAD_REQUEST,
    }
}
