//! How a refusal reads in HTTP, whichever door it is told at.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use common::{event::Refused, refusal::Refusal};

use crate::failure::Failure;

/// When to try again what may be accepted a moment later, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How a program says who it is (RFC 6750).
pub(super) const BEARER: &str = "Bearer";

/// A refusal as a response.
pub(super) fn refused(status: StatusCode, error: Refusal) -> Response {
    let mut response = (status, Json(Refused { error })).into_response();
    if error.is_passing() {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let refusal = self.tell();
        let mut response = refused(status(refusal), refusal);
        if refusal == Refusal::UnknownToken {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(BEARER));
        }
        response
    }
}

/// What each refusal is in HTTP's words (RFC 9110 §15).
fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownToken => StatusCode::UNAUTHORIZED,
        Refusal::NotInRoom | Refusal::Removed | Refusal::NotYours | Refusal::ForeignOrigin => {
            StatusCode::FORBIDDEN
        }
        Refusal::NoSuchRoom | Refusal::NoSuchMessage => StatusCode::NOT_FOUND,
        Refusal::RoomFull => StatusCode::CONFLICT,
        Refusal::MessageTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooFast => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::NotStored | Refusal::NoMoreRooms => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::BAD_REQUEST,
    }
}
