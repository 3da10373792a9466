//! The middleware in front of the Socket.IO library, which sees every request of every session.

use axum::{
    body::HttpBody,
    extract::{Request, State},
    http::{Method, StatusCode},
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

/// Limits the rate of handshakes, counts each session's traffic, and refuses the requests of
/// disconnected sessions.
pub(in crate::transport) async fn track_request(
    State(sessions): State<EngineSessions>,
    request: Request,
    next: Next,
) -> Response {
    let Some(client) =
        request.extensions().get::<ClientInfo>().filter(|_| request.uri().path().starts_with(SOCKETIO_PATH))
    else {
        return next.run(request).await;
    };
    let Some(sid) = query_parameter(request.uri(), "sid") else {
        if let Err(refusal) = sessions.check_connection_rate(client.peer.address) {
            return Refused::from(refusal).into_response();
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
        let connection = client.peer.connection.clone();
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

/// The response to a request of a session that was disconnected.
fn session_is_over() -> Response {
    Refused::from(Refusal::Unavailable).with_status(StatusCode::BAD_REQUEST).into_response()
}
