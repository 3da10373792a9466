//! HTTP: the page, and the API for programs.

mod asked;
mod events;
mod messages;
mod qr;

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Extension, FromRef, Request, State, rejection::JsonRejection},
    http::{HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use common::{
    event::{IntroduceYourself, Me, RoomList},
    refusal::Refusal,
};
use tokio_util::sync::CancellationToken;

use super::{
    answer::refused,
    guard::{self, Guard, Visitor},
    page,
};
use crate::{chat::Chat, failure::Failure};

/// The largest body the API takes, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What is asked for, request by request.
pub(super) fn routes(chat: Chat, guard: Guard, stop: CancellationToken) -> Router {
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
        .with_state(Context { chat, guard, stop })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
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
    chat.knock(visitor.peer.address)?;
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
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return refused(StatusCode::NOT_FOUND, Refusal::UnknownCommand);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
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
