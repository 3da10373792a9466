//! The HTTP transport: serves connections, and routes requests to the page's files and the API for
//! programs.

mod assets;
mod body;
mod events;
mod messages;
mod parse_errors;
mod qr;
mod room_request;
mod server;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Extension, FromRef, Request, State, rejection::BytesRejection},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use common::{
    person::Person,
    protocol::http::{Me, Readiness, RoomList, UpdateMe},
    refusal::Refusal,
};
use tokio_util::sync::CancellationToken;

pub(super) use self::server::HttpServer;
use super::{
    error::{Refused, SEE_OPENAPI},
    guard::{ClientInfo, Guard},
};
use crate::{
    chat::{
        Chat,
        identity::{Credentials, Token},
    },
    health::Health,
};

/// The largest request line and headers together, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The largest number of header lines in one request.
const MAX_HEADERS: usize = 64;
/// The largest request body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The routes, without the middleware that `http_app` puts around them.
pub(super) fn router(chat: Chat, guard: Guard, health: Health, stop: CancellationToken) -> Router {
    let api = Router::new()
        .route("/api/me", get(get_me).post(post_me))
        .route("/api/rooms", get(list_rooms))
        .route("/api/rooms/{room}/messages", get(messages::list).post(messages::post))
        .route("/api/rooms/{room}/events", get(events::stream_events))
        .route("/api/openapi.json", get(openapi))
        .route("/up", get(up))
        .route("/ready", get(ready));
    Router::new()
        .route("/api/rooms/{room}/qr.svg", get(qr::draw))
        .merge(api)
        .fallback(page_or_asset)
        .method_not_allowed_fallback(refuse_method)
        .with_state(AppState { chat, guard, health, stop })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// The state of the handlers.
#[derive(Clone)]
struct AppState {
    chat: Chat,
    guard: Guard,
    health: Health,
    /// Cancelled when the server stops; ends the event streams.
    stop: CancellationToken,
}

impl FromRef<AppState> for Chat {
    fn from_ref(state: &AppState) -> Chat {
        state.chat.clone()
    }
}

impl FromRef<AppState> for Guard {
    fn from_ref(state: &AppState) -> Guard {
        state.guard.clone()
    }
}

impl FromRef<AppState> for Health {
    fn from_ref(state: &AppState) -> Health {
        state.health.clone()
    }
}

impl FromRef<AppState> for CancellationToken {
    fn from_ref(state: &AppState) -> CancellationToken {
        state.stop.clone()
    }
}

async fn get_me(
    State(chat): State<Chat>,
    State(guard): State<Guard>,
    Extension(client): Extension<ClientInfo>,
) -> Result<Response, Refused> {
    chat.check_connection_rate(client.address)?;
    let you = chat.person_by_token(client.bearer.as_deref().or(client.cookie_token())).await?;
    let replaced = client.old_cookie_token().filter(|_| you.is_some());
    respond_with_me(you, &guard, &client, replaced)
}

async fn post_me(
    State(chat): State<Chat>,
    State(guard): State<Guard>,
    Extension(client): Extension<ClientInfo>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let UpdateMe { name } = body::json(&headers, body)?;
    if client.bearer.is_some() {
        // Refuses an unknown token; it would otherwise be a new person's request.
        chat.authenticate(Credentials { token: client.bearer.clone(), ..Credentials::default() }).await?;
    }
    let known_token = client.bearer.as_deref().or(client.cookie_token());
    let (you, new_token) = chat.register_or_rename(name, known_token, client.address).await?;
    // Without a new token, the server knows the cookie's.
    let token = new_token.as_ref().map(Token::reveal).or(client.old_cookie_token());
    respond_with_me(Some(you), &guard, &client, token)
}

/// Responds with the person, and stores this token in the client.
fn respond_with_me(
    you: Option<Person>,
    guard: &Guard,
    client: &ClientInfo,
    token: Option<&str>,
) -> Result<Response, Refused> {
    let mut response = Json(Me { you }).into_response();
    for cookie in token.map(|token| guard.set_cookies(token, client)).unwrap_or_default() {
        let cookie = cookie.parse().map_err(|error| anyhow::anyhow!("making a cookie: {error}"))?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn list_rooms(
    State(chat): State<Chat>,
    Extension(client): Extension<ClientInfo>,
) -> Result<Json<RoomList>, Refused> {
    chat.check_connection_rate(client.address)?;
    Ok(Json(chat.list_rooms().await?))
}

/// Serves the machine-readable description of the API.
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../../../docs/openapi.json"))
}

/// Whether every part of the server lives.
async fn up(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.is_up() { (StatusCode::OK, "up\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "down\n") }
}

/// Whether the server can also store messages, and what is wrong if not.
async fn ready(State(health): State<Health>) -> (StatusCode, Json<Readiness>) {
    let problems: Vec<String> =
        health.problems().into_iter().map(|problem| problem.code().to_owned()).collect();
    let ready = problems.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, problems }))
}

/// Serves the page at `/` and `/r/…`, and its files at their paths.
async fn page_or_asset(request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        let sentence = format!("There is nothing at this address; {SEE_OPENAPI}.");
        return Refused::from(Refusal::UnknownCommand)
            .with_status(StatusCode::NOT_FOUND)
            .saying(sentence)
            .into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ([(header::ALLOW, "GET, HEAD")], refuse_method(request.method().clone()).await)
            .into_response();
    }
    if path == "/" || path.starts_with("/r/") {
        assets::shell(StatusCode::OK, request.headers())
    } else {
        assets::file(path, request.headers())
    }
}

/// Refuses a method; the header `Allow` names those that a path has.
async fn refuse_method(method: Method) -> Refused {
    let sentence = format!("{method} is not possible here; {SEE_OPENAPI}.");
    Refused::malformed(StatusCode::METHOD_NOT_ALLOWED, sentence)
}
