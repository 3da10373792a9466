//! HTTP: the page, the API for programs, and the layer through which Socket.IO comes.

mod asked;
mod events;
mod messages;
mod qr;

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Extension, FromRef, Request, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use common::{
    event::{IntroduceYourself, Me, Refused, RoomList},
    refusal::Refusal,
};
use socketioxide::layer::SocketIoLayer;
use tokio_util::sync::CancellationToken;

use super::{
    guard::{self, Guard, Visitor},
    page,
    socketio::{self, Lines},
};
use crate::{chat::Chat, failure::Failure};

/// The largest body the API takes, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// When to try again what may be accepted a moment later, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How a program says who it is (RFC 6750).
const BEARER: &str = "Bearer";

/// Everything that is reached over HTTP, with the guard around it.
pub(super) fn routes(
    chat: Chat,
    guard: Guard,
    sockets: SocketIoLayer,
    lines: Lines,
    stop: CancellationToken,
) -> Router {
    let api = Router::new()
        .route("/api/me", get(who_am_i).post(introduce_myself))
        .route("/api/rooms", get(list_rooms))
        .route("/api/rooms/{room}/messages", get(messages::read).post(messages::post))
        .route("/api/rooms/{room}/events", get(events::follow))
        .route("/api/openapi.json", get(openapi))
        .layer(middleware::map_response(never_stored));
    Router::new()
        .route("/up", get(|| async { "up\n" }))
        .route("/api/rooms/{room}/qr.svg", get(qr::draw))
        .merge(api)
        .fallback(page_or_file)
        .with_state(Context { chat, guard: guard.clone(), stop })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(sockets)
        .layer(middleware::from_fn_with_state(lines, socketio::watch))
        .layer(middleware::from_fn_with_state(guard, guard::stand))
}

/// What the handlers work with.
#[derive(Clone)]
struct Context {
    chat: Chat,
    guard: Guard,
    /// The server stops: what has no end of its own ends.
    stop: CancellationToken,
}

impl FromRef<Context> for Chat {
    fn from_ref(context: &Context) -> Chat {
        context.chat.clone()
    }
}

impl FromRef<Context> for Guard {
    fn from_ref(context: &Context) -> Guard {
        context.guard.clone()
    }
}

impl FromRef<Context> for CancellationToken {
    fn from_ref(context: &Context) -> CancellationToken {
        context.stop.clone()
    }
}

async fn who_am_i(
    State(chat): State<Chat>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Json<Me>, Failure> {
    let you = chat.recall(visitor.token.as_deref()).await?;
    Ok(Json(Me { you }))
}

async fn introduce_myself(
    State(chat): State<Chat>,
    Extension(visitor): Extension<Visitor>,
    body: Result<Json<IntroduceYourself>, JsonRejection>,
) -> Result<Response, Failure> {
    let Json(IntroduceYourself { name }) = body.map_err(|rejection| undecoded(&rejection))?;
    let (you, token) = chat.introduce(name, visitor.token.as_deref(), visitor.peer.address).await?;
    let mut response = Json(Me { you: Some(you) }).into_response();
    if let Some(token) = token {
        let cookie = guard::cookie(token.reveal(), visitor.https);
        let cookie = cookie.parse().map_err(|error| anyhow::anyhow!("making a cookie: {error}"))?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn list_rooms(
    State(chat): State<Chat>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Json<RoomList>, Failure> {
    chat.knock(visitor.peer.address)?;
    chat.list_rooms().await.map(Json)
}

/// The API described for programs, and for those that write programs.
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../../../docs/openapi.json"))
}

/// The page at `/` and `/r/…`, else one of its files.
async fn page_or_file(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path();
    if path == "/" || path.starts_with("/r/") {
        page::shell(StatusCode::OK, request.headers())
    } else {
        page::file(path, request.headers())
    }
}

async fn never_stored(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What serde or axum complained about. The refusal's own words are in serde's message, which axum
/// puts at the end of its own.
fn undecoded(rejection: &JsonRejection) -> Refusal {
    let text = rejection.body_text();
    let known = Refusal::ALL.iter().find(|refusal| text.contains(&refusal.to_string()));
    known.copied().unwrap_or(Refusal::BadRequest)
}

/// A refusal as a response.
pub(super) fn refused(status: StatusCode, error: Refusal) -> Response {
    (status, Json(Refused { error })).into_response()
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let refusal = self.tell();
        let mut response = refused(status(refusal), refusal);
        if refusal.is_passing() {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
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
        Refusal::NotStored => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Whether the client takes this content coding (RFC 9110 §12.5.3, without weights but for `q=0`).
pub(super) fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        name.trim().eq_ignore_ascii_case(coding) && weight.trim() != "q=0"
    })
}
