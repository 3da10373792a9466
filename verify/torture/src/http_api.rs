//! A client of the HTTP API: a request for each command, and a stream of server-sent events for each room.
//!
//! It returns the same types as a [`Connection`](crate::socketio::Connection), so that one client can use
//! either. It keeps no log and never reconnects: when a request or a stream ends, the whole client counts
//! as lost.

use std::net::SocketAddr;

use common::{
    message::Seq,
    person::DisplayName,
    protocol::{
        command::{History, Join, Send},
        event::Event,
        http::{Me, UpdateMe},
        push::{Restart, RoomEvent},
        reply::Page,
    },
    refusal::Refusal,
    room::RoomName,
};
use http_body_util::BodyExt;
use hyper::{
    Method, Request, StatusCode,
    body::Incoming as ResponseBody,
    header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
    http::request::Builder,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Duration, sleep, timeout},
};

use crate::{
    http::HttpConnection,
    net::dial,
    socketio::{Incoming, JoinReply, REQUEST_TIMEOUT, RequestError, lost, parse_reply},
};

/// The size of the queues of requests and of incoming messages.
const QUEUE: usize = 1024;
/// How often a quiet stream sends a comment (15 s), and how late that may be (2 s).
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15 + 2);
/// How long to wait before asking again for a room that does not exist yet.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// An open client: a connection for requests, and one for each stream.
pub struct HttpApi {
    address: SocketAddr,
    local_address: SocketAddr,
    /// The cookie that identifies the person; a guest has none.
    cookie: Option<String>,
    queue: mpsc::Sender<PendingRequest>,
    received: mpsc::Receiver<Result<Incoming, RequestError>>,
    incoming: IncomingSender,
    tasks: JoinSet<()>,
    last_id: u32,
}

/// Passes what arrives to `receive`.
type IncomingSender = mpsc::Sender<Result<Incoming, RequestError>>;

/// A request that waits for its reply.
struct PendingRequest {
    id: u32,
    request: Builder,
    body: String,
    /// How to convert the response.
    format: ReplyFormat,
}

#[derive(Clone, Copy)]
enum ReplyFormat {
    /// It is the reply already.
    Unchanged,
    /// A room's newest page, which becomes a [`JoinReply`]; the room may not exist yet.
    FirstPage,
}

impl HttpApi {
    /// Opens a connection for requests, as a guest or as the person of this cookie.
    pub async fn open(address: SocketAddr, cookie: Option<String>) -> Result<HttpApi, RequestError> {
        let stream = dial(address).await.map_err(lost)?;
        let local_address = stream.local_addr().map_err(lost)?;
        let mut tasks = JoinSet::new();
        let http = HttpConnection::handshake(stream, address, &mut tasks).await.map_err(lost)?;
        let (queue, queued) = mpsc::channel(QUEUE);
        let (incoming, received) = mpsc::channel(QUEUE);
        tasks.spawn(run_requests(http, queued, incoming.clone()));
        Ok(HttpApi { address, local_address, cookie, queue, received, incoming, tasks, last_id: 0 })
    }

    /// Registers a new person of this name; returns the cookie.
    pub async fn register(address: SocketAddr, name: &DisplayName) -> Result<String, RequestError> {
        let request = Request::post("/api/me").header(CONTENT_TYPE, "application/json");
        let body = serde_json::to_string(&UpdateMe { name: name.clone() }).map_err(lost)?;
        let (stream, mut tasks) = (dial(address).await.map_err(lost)?, JoinSet::new());
        let mut http = HttpConnection::handshake(stream, address, &mut tasks).await.map_err(lost)?;
        let response = http.send(request, body).await.map_err(lost)?;
        let cookie = response.headers().get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next());
        cookie.map(str::to_owned).ok_or_else(|| lost("no cookie was given"))
    }

    /// Checks that the server still knows the person; does nothing for a guest.
    pub async fn check_identity(&mut self) -> Result<(), RequestError> {
        if self.cookie.is_none() {
            return Ok(());
        }
        self.enqueue(self.request(Method::GET, "/api/me"), String::new(), ReplyFormat::Unchanged);
        match self.receive().await? {
            Incoming::Reply { payload, .. } if parse_reply::<Me>(&payload)?.you.is_some() => Ok(()),
            _ => Err(RequestError::Refused(Refusal::UnknownToken)),
        }
    }

    /// Returns the client's end of the connection for requests.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Reads where a room's log ends, unless that is known; the reply is a [`JoinReply`]. Call
    /// [`subscribe`](Self::subscribe) afterwards.
    pub fn join(&mut self, join: &Join) -> u32 {
        if let Some(last) = join.since {
            self.last_id += 1;
            let reply = JoinReply { last, events: Vec::new(), more: false };
            let message = to_raw(&reply).map(|payload| Incoming::Reply { id: self.last_id, payload });
            // A full queue counts as a lost connection.
            let _ = self.incoming.try_send(message);
            return self.last_id;
        }
        let request = self.request(Method::GET, &path(&join.room, "messages"));
        self.enqueue(request, String::new(), ReplyFormat::FirstPage)
    }

    /// Starts a stream of the events after this one.
    pub fn subscribe(&mut self, room: &RoomName, after: Seq) {
        let request = path(room, "events");
        let (address, room, incoming, cookie) =
            (self.address, room.clone(), self.incoming.clone(), self.cookie.clone());
        self.tasks.spawn(async move {
            let build_request =
                || with_cookie(Request::get(&request), &cookie).header("Last-Event-ID", after.0);
            if let Err(failure) = subscribe(address, &room, build_request, &incoming).await {
                let _ = incoming.send(Err(failure)).await;
            }
        });
    }

    /// Sends a message; its `cid` makes a repetition harmless.
    pub fn send(&mut self, send: &Send) -> u32 {
        let request = self.request(Method::POST, &path(&send.room, "messages"));
        let request = request.header("Idempotency-Key", send.cid.as_str());
        self.enqueue(request, send.body.as_str().to_owned(), ReplyFormat::Unchanged)
    }

    /// Requests the page after an event.
    pub fn history(&mut self, history: &History) -> u32 {
        let since = history.after.unwrap_or_default().0;
        let limit = history.limit.unwrap_or(History::DEFAULT);
        let path = format!("{}?since={since}&limit={limit}", path(&history.room, "messages"));
        self.enqueue(self.request(Method::GET, &path), String::new(), ReplyFormat::Unchanged)
    }

    /// Returns the next message from the server. Cancel safe.
    pub async fn receive(&mut self) -> Result<Incoming, RequestError> {
        self.received.recv().await.unwrap_or_else(|| Err(lost("the requests ended")))
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        with_cookie(Request::builder().method(method).uri(path), &self.cookie)
    }

    fn enqueue(&mut self, request: Builder, body: String, format: ReplyFormat) -> u32 {
        self.last_id += 1;
        // If the queue is closed or full, the reply does not come and the caller times out.
        let _ = self.queue.try_send(PendingRequest { id: self.last_id, request, body, format });
        self.last_id
    }
}

/// Reads the whole log of a room, page after page.
pub async fn read_log(address: SocketAddr, room: &RoomName) -> Result<Vec<Event>, RequestError> {
    let mut events = Vec::<Event>::new();
    loop {
        let since = events.last().map_or(0, |event| event.seq.0);
        let page = read_page(address, room, &format!("since={since}&limit={}", History::MAX)).await?;
        let has_more = page.more_after && !page.events.is_empty();
        events.extend(page.events);
        if !has_more {
            return Ok(events);
        }
    }
}

/// Reads the last event of a room, if there is one.
pub async fn read_last(address: SocketAddr, room: &RoomName) -> Result<Option<Event>, RequestError> {
    Ok(read_page(address, room, "limit=1").await?.events.pop())
}

/// Reads a page of a room; an empty one if the room does not exist.
async fn read_page(address: SocketAddr, room: &RoomName, query: &str) -> Result<Page, RequestError> {
    let (stream, mut tasks) = (dial(address).await.map_err(lost)?, JoinSet::new());
    let mut http = HttpConnection::handshake(stream, address, &mut tasks).await.map_err(lost)?;
    let path = format!("{}?{query}", path(room, "messages"));
    loop {
        match http.request(Request::get(&path), "").await.map_err(lost)? {
            (StatusCode::NOT_FOUND, _) => {
                return Ok(Page { events: vec![], more_before: false, more_after: false });
            }
            (StatusCode::TOO_MANY_REQUESTS, _) => sleep(RETRY_DELAY).await,
            (_, body) => return parse_reply(&RawValue::from_string(body).map_err(lost)?),
        }
    }
}

/// Sends one request after the other, each after the reply to the one before.
async fn run_requests(
    mut http: HttpConnection,
    mut queue: mpsc::Receiver<PendingRequest>,
    incoming: IncomingSender,
) {
    while let Some(PendingRequest { id, request, body, format }) = queue.recv().await {
        let reply = match http.request(request, body).await {
            Ok((status, body)) => convert_reply(status, body, format),
            Err(error) => Err(lost(error)),
        };
        let is_over = reply.is_err();
        if incoming.send(reply.map(|payload| Incoming::Reply { id, payload })).await.is_err() || is_over {
            return;
        }
    }
}

fn convert_reply(
    status: StatusCode,
    body: String,
    format: ReplyFormat,
) -> Result<Box<RawValue>, RequestError> {
    match format {
        ReplyFormat::Unchanged => RawValue::from_string(body).map_err(lost),
        // The room does not exist before its first message.
        ReplyFormat::FirstPage if status == StatusCode::NOT_FOUND => {
            to_raw(&JoinReply { last: Seq(0), events: Vec::new(), more: false })
        }
        ReplyFormat::FirstPage => {
            let page: Page = parse_reply(&RawValue::from_string(body).map_err(lost)?)?;
            let last = page.events.last().map(|event| event.seq).unwrap_or_default();
            to_raw(&JoinReply { last, events: page.events, more: page.more_before })
        }
    }
}

/// Passes a room's stream to `receive`, until the stream ends.
async fn subscribe(
    address: SocketAddr,
    room: &RoomName,
    build_request: impl Fn() -> Builder,
    incoming: &IncomingSender,
) -> Result<(), RequestError> {
    let mut tasks = JoinSet::new();
    let response = loop {
        let connecting = async {
            let mut http = HttpConnection::handshake(dial(address).await?, address, &mut tasks).await?;
            http.send(build_request(), "").await
        };
        // The connection may be dead before the stream has begun.
        let response = timeout(REQUEST_TIMEOUT, connecting).await.map_err(|_| lost("no stream in time"))?;
        let response = response.map_err(lost)?;
        match response.status() {
            StatusCode::OK => break response,
            // The room does not exist yet.
            StatusCode::NOT_FOUND => sleep(RETRY_DELAY).await,
            status => return Err(lost(format!("the stream was answered {status}"))),
        }
    };
    let mut blocks = SseBlocks { body: response.into_body(), buffer: Vec::new() };
    loop {
        let Some(message) = parse_block(&blocks.next().await?, room)? else { continue };
        if incoming.send(Ok(message)).await.is_err() {
            return Ok(());
        }
    }
}

/// Splits a stream into blocks, which end with an empty line.
struct SseBlocks {
    body: ResponseBody,
    buffer: Vec<u8>,
}

impl SseBlocks {
    async fn next(&mut self) -> Result<String, RequestError> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|bytes| bytes == b"\n\n") {
                let block = self.buffer.drain(..end + 2).collect();
                return String::from_utf8(block).map_err(lost);
            }
            let frame =
                timeout(SILENCE_TIMEOUT, self.body.frame()).await.map_err(|_| lost("a silent stream"))?;
            let frame = frame.ok_or_else(|| lost("the stream ended"))?.map_err(lost)?;
            self.buffer.extend(frame.into_data().map_err(|_| lost("a stream with trailers"))?);
        }
    }
}

/// Parses a block; `None` for a comment that only keeps the connection alive.
fn parse_block(block: &str, room: &RoomName) -> Result<Option<Incoming>, RequestError> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    match (field("id"), field("data"), field("retry")) {
        (Some(id), Some(data), None) => {
            let event: Event = serde_json::from_str(data).map_err(lost)?;
            if id.parse() != Ok(event.seq.0) {
                return Err(lost(format!("event {} has the id {id}", event.seq.0)));
            }
            Ok(Some(Incoming::Event(RoomEvent { room: room.clone(), event })))
        }
        (None, None, Some(after)) => {
            Ok(Some(Incoming::Restart(Restart { after: after.parse().map_err(lost)? })))
        }
        _ => Ok(None),
    }
}

fn with_cookie(request: Builder, cookie: &Option<String>) -> Builder {
    cookie.iter().fold(request, |request, cookie| request.header(COOKIE, cookie))
}

fn to_raw(value: &impl Serialize) -> Result<Box<RawValue>, RequestError> {
    to_raw_value(value).map_err(lost)
}

fn path(room: &RoomName, endpoint: &str) -> String {
    let room: String = room.as_str().bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/api/rooms/{room}/{endpoint}")
}
