//! The middleware in front of the Socket.IO library, which sees every request of every session.

use axum::{
    body::HttpBody,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use common::refusal::Refusal;

use super::{
    query::{is_websocket, query_parameter},
    registry::EngineSessions,
};
use crate::transport::{
    error::Refused,
    guard::{ClientInfo, SOCKETIO_PATH},
};

/// The version of the WebSocket protocol (RFC 6455 §4.1).
const WEBSOCKET_VERSION: &str = "13";

/// Limits the rate of handshakes, counts each session's traffic, and refuses the requests of
/// disconnected sessions.
pub(in crate::transport) async fn track_request(
    State(sessions): State<EngineSessions>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(client) =
        request.extensions().get::<ClientInfo>().filter(|_| request.uri().path().starts_with(SOCKETIO_PATH))
    else {
        return next.run(request).await;
    };
    if is_websocket(request.uri())
        && let Err(response) = check_websocket_handshake(&request)
    {
        return *response;
    }
    let Some(sid) = query_parameter(request.uri(), "sid") else {
        if let Err(refusal) = sessions.check_connection_rate(client.address) {
            return Refused::from(refusal).into_response();
        }
        // A WebSocket that does not enter is bounded by the number of connections.
        if !is_websocket(request.uri()) {
            let Some(permit) = sessions.handshakes().try_acquire(client) else {
                return Refused::from(Refusal::Unavailable).into_response();
            };
            // The library keeps the request as long as the session.
            request.extensions_mut().insert(permit);
        }
        return next.run(request).await;
    };
    let Ok(id) = sid.parse() else {
        return next.run(request).await;
    };
    let session = sessions.get(id);
    if session.as_ref().is_some_and(|session| session.disconnected.is_cancelled()) {
        return session_is_over();
    }
    if let Some(session) = &session {
        session.count_poll();
    }
    if is_websocket(request.uri()) {
        let connection = client.connection.clone();
        let response = next.run(request).await;
        // Before the upgrade a proxy may use the connection for requests of other sessions.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            sessions.attach_websocket(id, connection);
        }
        return response;
    }
    let Some(session) = session else {
        // The session has not entered the namespace yet, or does not exist; the library knows which.
        return next.run(request).await;
    };
    if request.method() != Method::GET {
        session.wait_while_paused().await;
        return next.run(request).await;
    }
    // A poll can wait for long; end it when the session is disconnected.
    let response = session.disconnected.run_until_cancelled(next.run(request)).await;
    let Some(response) = response else {
        return session_is_over();
    };
    session.count_sent(response.body().size_hint().lower());
    response
}

/// Checks that a request opens a WebSocket (RFC 6455 §4.2.1); the library looks at its key only.
fn check_websocket_handshake(request: &Request) -> Result<(), Box<Response>> {
    let has_token = |name: HeaderName, token: &str| {
        let list = request.headers().get(name).and_then(|list| list.to_str().ok()).unwrap_or_default();
        list.split(',').any(|item| item.trim().eq_ignore_ascii_case(token))
    };
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        let refused =
            Refused::malformed(StatusCode::BAD_REQUEST, "A WebSocket begins with GET and HTTP/1.1.");
        return Err(Box::new(refused.into_response()));
    }
    if !has_token(header::CONNECTION, "upgrade") || !has_token(header::UPGRADE, "websocket") {
        let sentence = "A WebSocket needs `Connection: Upgrade` and `Upgrade: websocket`; a reverse proxy must \
                        pass them on.";
        let refused = Refused::malformed(StatusCode::UPGRADE_REQUIRED, sentence).about("Upgrade");
        let headers = [(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")];
        return Err(Box::new((headers, refused).into_response()));
    }
    if !has_token(header::SEC_WEBSOCKET_VERSION, WEBSOCKET_VERSION) {
        let sentence = "This server speaks version 13 of WebSocket.";
        let refused =
            Refused::malformed(StatusCode::UPGRADE_REQUIRED, sentence).about("Sec-WebSocket-Version");
        let headers = [(header::SEC_WEBSOCKET_VERSION, WEBSOCKET_VERSION), (header::UPGRADE, "websocket")];
        return Err(Box::new((headers, refused).into_response()));
    }
    if !request.headers().get(header::SEC_WEBSOCKET_KEY).is_some_and(is_websocket_key) {
        let sentence = "`Sec-WebSocket-Key` should be 16 bytes in Base64.";
        let refused = Refused::malformed(StatusCode::BAD_REQUEST, sentence).about("Sec-WebSocket-Key");
        return Err(Box::new(refused.into_response()));
    }
    Ok(())
}

/// Whether this is the Base64 form of 16 bytes.
fn is_websocket_key(key: &HeaderValue) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits = key.as_bytes().trim_ascii().strip_suffix(b"==");
    digits.is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
}

/// The response to a request of a session that was disconnected.
fn session_is_over() -> Response {
    Refused::from(Refusal::Unavailable).with_status(StatusCode::BAD_REQUEST).into_response()
}
