//! The HTTP door: a request for each command, and a stream of server-sent events for each room.
//!
//! It hears and answers in the same words as a [`Connection`](crate::connection::Connection), so that
//! one client can use either. It keeps no log and never reconnects: when a request or a stream ends,
//! all of it is lost.

use std::net::SocketAddr;

use common::{
    event::{Event, History, IntroduceYourself, Join, Me, Page, Restart, RoomEvent, Send},
    message::Seq,
    person::DisplayName,
    refusal::Refusal,
    room::RoomName,
};
use http_body_util::BodyExt;
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
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
    connection::{Entered, Failure, Heard, PATIENCE, answer, lost},
    http::Http,
    line::dial,
};

/// How much may wait on either side.
const QUEUE: usize = 1024;
/// How often a stream without news gives a sign of life, and how much later it may come.
const SILENCE: Duration = Duration::from_secs(15 + 2);
/// When to look again whether a room has come into being.
const LATER: Duration = Duration::from_millis(100);

/// Somebody who speaks HTTP.
pub struct Requests {
    address: SocketAddr,
    local: SocketAddr,
    /// What makes it a person; a guest has none.
    cookie: Option<String>,
    orders: mpsc::Sender<Order>,
    heard: mpsc::Receiver<Result<Heard, Failure>>,
    told: Told,
    tasks: JoinSet<()>,
    ids: u32,
}

/// Where what comes in is put.
type Told = mpsc::Sender<Result<Heard, Failure>>;

/// A request under way.
struct Order {
    id: u32,
    request: Builder,
    body: String,
    /// How the answer is to be read.
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// As it is.
    Plain,
    /// A page that a room begins with, which may not be there yet.
    Beginning,
}

impl Requests {
    /// Opens a connection for requests, as a guest or as the person of this cookie.
    pub async fn open(address: SocketAddr, cookie: Option<String>) -> Result<Requests, Failure> {
        let stream = dial(address).await.map_err(lost)?;
        let local = stream.local_addr().map_err(lost)?;
        let mut tasks = JoinSet::new();
        let http = Http::over(stream, address, &mut tasks).await.map_err(lost)?;
        let (orders, ordered) = mpsc::channel(QUEUE);
        let (told, heard) = mpsc::channel(QUEUE);
        tasks.spawn(carry_out(http, ordered, told.clone()));
        Ok(Requests { address, local, cookie, orders, heard, told, tasks, ids: 0 })
    }

    /// Becomes a new person of this name; the cookie to come back with.
    pub async fn introduce(address: SocketAddr, name: &DisplayName) -> Result<String, Failure> {
        let request = Request::post("/api/me").header(CONTENT_TYPE, "application/json");
        let body = serde_json::to_string(&IntroduceYourself { name: name.clone() }).map_err(lost)?;
        let (stream, mut tasks) = (dial(address).await.map_err(lost)?, JoinSet::new());
        let mut http = Http::over(stream, address, &mut tasks).await.map_err(lost)?;
        let response = http.begin(request, body).await.map_err(lost)?;
        let cookie = response.headers().get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next());
        cookie.map(str::to_owned).ok_or_else(|| lost("no cookie was given"))
    }

    /// Whether the server still knows the person; a guest is nobody to be known.
    pub async fn check_person(&mut self) -> Result<(), Failure> {
        if self.cookie.is_none() {
            return Ok(());
        }
        self.order(self.request(Method::GET, "/api/me"), String::new(), Kind::Plain);
        match self.hear().await? {
            Heard::Answer { payload, .. } if answer::<Me>(&payload)?.you.is_some() => Ok(()),
            _ => Err(Failure::Refused(Refusal::UnknownToken)),
        }
    }

    /// Our end of the connection for requests.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Reads where a room's log ends, unless that is known; the answer is an [`Entered`].
    /// [`follow`](Self::follow) goes on from there.
    pub fn enter(&mut self, join: &Join) -> u32 {
        if let Some(last) = join.since {
            self.ids += 1;
            let entered = Entered { last, events: Vec::new(), more: false };
            let heard = raw(&entered).map(|payload| Heard::Answer { id: self.ids, payload });
            // A queue that is full is as good as lost.
            let _ = self.told.try_send(heard);
            return self.ids;
        }
        let request = self.request(Method::GET, &path(&join.room, "messages"));
        self.order(request, String::new(), Kind::Beginning)
    }

    /// Hears what comes after this event.
    pub fn follow(&mut self, room: &RoomName, after: Seq) {
        let request = path(room, "events");
        let (address, room, told, cookie) =
            (self.address, room.clone(), self.told.clone(), self.cookie.clone());
        self.tasks.spawn(async move {
            let begin = || with_cookie(Request::get(&request), &cookie).header("Last-Event-ID", after.0);
            if let Err(failure) = follow(address, &room, begin, &told).await {
                let _ = told.send(Err(failure)).await;
            }
        });
    }

    /// Says something; the `cid` makes a repetition harmless.
    pub fn send(&mut self, send: &Send) -> u32 {
        let request = self.request(Method::POST, &path(&send.room, "messages"));
        let request = request.header("Idempotency-Key", send.cid.as_str());
        self.order(request, send.body.as_str().to_owned(), Kind::Plain)
    }

    /// Asks for the page after an event.
    pub fn history(&mut self, history: &History) -> u32 {
        let since = history.after.unwrap_or_default().0;
        let limit = history.limit.unwrap_or(History::DEFAULT);
        let path = format!("{}?since={since}&limit={limit}", path(&history.room, "messages"));
        self.order(self.request(Method::GET, &path), String::new(), Kind::Plain)
    }

    /// What comes in next. Cancel safe.
    pub async fn hear(&mut self) -> Result<Heard, Failure> {
        self.heard.recv().await.unwrap_or_else(|| Err(lost("the requests ended")))
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        with_cookie(Request::builder().method(method).uri(path), &self.cookie)
    }

    fn order(&mut self, request: Builder, body: String, kind: Kind) -> u32 {
        self.ids += 1;
        // Requests that are dead or full show it when their answer does not come.
        let _ = self.orders.try_send(Order { id: self.ids, request, body, kind });
        self.ids
    }
}

/// The whole log of a room, page after page.
pub async fn read_log(address: SocketAddr, room: &RoomName) -> Result<Vec<Event>, Failure> {
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

/// The last event of a room, if there is one.
pub async fn read_last(address: SocketAddr, room: &RoomName) -> Result<Option<Event>, Failure> {
    Ok(read_page(address, room, "limit=1").await?.events.pop())
}

/// A page of a room; an empty one of a room that nobody has entered.
async fn read_page(address: SocketAddr, room: &RoomName, query: &str) -> Result<Page, Failure> {
    let (stream, mut tasks) = (dial(address).await.map_err(lost)?, JoinSet::new());
    let mut http = Http::over(stream, address, &mut tasks).await.map_err(lost)?;
    let path = format!("{}?{query}", path(room, "messages"));
    loop {
        match http.ask(Request::get(&path), "").await.map_err(lost)? {
            (StatusCode::NOT_FOUND, _) => {
                return Ok(Page { events: vec![], more_before: false, more_after: false });
            }
            (StatusCode::TOO_MANY_REQUESTS, _) => sleep(LATER).await,
            (_, body) => return answer(&RawValue::from_string(body).map_err(lost)?),
        }
    }
}

/// Carries out one request after the other.
async fn carry_out(mut http: Http, mut orders: mpsc::Receiver<Order>, told: Told) {
    while let Some(Order { id, request, body, kind }) = orders.recv().await {
        let answered = match http.ask(request, body).await {
            Ok((status, body)) => understand(status, body, kind),
            Err(error) => Err(lost(error)),
        };
        let is_over = answered.is_err();
        if told.send(answered.map(|payload| Heard::Answer { id, payload })).await.is_err() || is_over {
            return;
        }
    }
}

fn understand(status: StatusCode, body: String, kind: Kind) -> Result<Box<RawValue>, Failure> {
    match kind {
        Kind::Plain => RawValue::from_string(body).map_err(lost),
        // Nobody has said anything there yet.
        Kind::Beginning if status == StatusCode::NOT_FOUND => {
            raw(&Entered { last: Seq(0), events: Vec::new(), more: false })
        }
        Kind::Beginning => {
            let page: Page = answer(&RawValue::from_string(body).map_err(lost)?)?;
            let last = page.events.last().map(|event| event.seq).unwrap_or_default();
            raw(&Entered { last, events: page.events, more: page.more_before })
        }
    }
}

/// Tells what a stream tells, until it ends.
async fn follow(
    address: SocketAddr,
    room: &RoomName,
    begin: impl Fn() -> Builder,
    told: &Told,
) -> Result<(), Failure> {
    let mut tasks = JoinSet::new();
    let response = loop {
        let beginning = async {
            let mut http = Http::over(dial(address).await?, address, &mut tasks).await?;
            http.begin(begin(), "").await
        };
        // A line may be dead before the stream has begun, too.
        let response = timeout(PATIENCE, beginning).await.map_err(|_| lost("no stream in time"))?;
        let response = response.map_err(lost)?;
        match response.status() {
            StatusCode::OK => break response,
            // Nobody has entered the room yet.
            StatusCode::NOT_FOUND => sleep(LATER).await,
            status => return Err(lost(format!("the stream was answered {status}"))),
        }
    };
    let mut blocks = Blocks { body: response.into_body(), begun: Vec::new() };
    loop {
        let Some(heard) = read_block(&blocks.next().await?, room)? else { continue };
        if told.send(Ok(heard)).await.is_err() {
            return Ok(());
        }
    }
}

/// What stands between two empty lines of a stream.
struct Blocks {
    body: Incoming,
    begun: Vec<u8>,
}

impl Blocks {
    async fn next(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.begun.windows(2).position(|bytes| bytes == b"\n\n") {
                let block = self.begun.drain(..end + 2).collect();
                return String::from_utf8(block).map_err(lost);
            }
            let frame = timeout(SILENCE, self.body.frame()).await.map_err(|_| lost("a silent stream"))?;
            let frame = frame.ok_or_else(|| lost("the stream ended"))?.map_err(lost)?;
            self.begun.extend(frame.into_data().map_err(|_| lost("a stream with trailers"))?);
        }
    }
}

/// What a block says; a sign of life says nothing.
fn read_block(block: &str, room: &RoomName) -> Result<Option<Heard>, Failure> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    match (field("id"), field("data"), field("retry")) {
        (Some(id), Some(data), None) => {
            let event: Event = serde_json::from_str(data).map_err(lost)?;
            if id.parse() != Ok(event.seq.0) {
                return Err(lost(format!("event {} has the id {id}", event.seq.0)));
            }
            Ok(Some(Heard::Event(RoomEvent { room: room.clone(), event })))
        }
        (None, None, Some(after)) => {
            Ok(Some(Heard::Restart(Restart { after: after.parse().map_err(lost)? })))
        }
        _ => Ok(None),
    }
}

fn with_cookie(request: Builder, cookie: &Option<String>) -> Builder {
    cookie.iter().fold(request, |request, cookie| request.header(COOKIE, cookie))
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    to_raw_value(value).map_err(lost)
}

fn path(room: &RoomName, what: &str) -> String {
    let room: String = room.as_str().bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/api/rooms/{room}/{what}")
}
