//! The client over HTTP: posts each message until it is confirmed, and reads the room's event stream
//! from the last number received. So no message is lost or duplicated when a connection breaks.

use std::time::Duration;

use anyhow::{Context, anyhow};
use common::{
    backoff::Backoff,
    line::{Line, render::quote_in_sentence},
    message::Seq,
    person::{DisplayName, Person, PersonId},
    protocol::{
        event::{Event, EventKind},
        http::{Me, Post, RoomList, UpdateMe},
        reply::{Page, Sent},
    },
    refusal::Refusal,
    room::RoomName,
};
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Method, StatusCode,
    body::Incoming,
    header::{self, HeaderName},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{sleep, timeout},
};
use url::form_urlencoded;

use super::{
    ClientCommand, ClientError, ClientEvent, ClientId, ConnectOptions, HISTORY_ON_JOIN, Message, RECONNECT,
    http_client::{HttpClient, TOKEN_COOKIES, stream_error},
    next_delay,
    sse::{SseEvent, SseParser},
};
use crate::cli::{Secret, print_error, token_store::TokenStore};

/// The longest silence of an event stream; the server sends a comment every 15 seconds.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(40);
/// The delay before repeating a message that was refused for the moment.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How often to look for a room that does not exist yet.
const MISSING_ROOM_DELAY: Duration = Duration::from_secs(2);
/// The longest reconnect delay that is accepted from a server.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(10);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Runs a client over HTTP until it ends.
pub(super) async fn run(
    options: ConnectOptions,
    commands: mpsc::Receiver<ClientCommand>,
    events: mpsc::Sender<ClientEvent>,
) {
    let result = if options.subscribe {
        run_subscribed(options, commands, &events).await
    } else {
        run_send_only(options, commands, &events).await
    };
    if let Err(ClientError::Refused(refusal)) = result {
        let _ = events.send(ClientEvent::Closed(final_sentence(refusal).to_owned())).await;
    }
}

/// Returns the sentence for a refusal that ends the client.
fn final_sentence(refusal: Refusal) -> &'static str {
    match refusal {
        // HTTP has no way to join a room.
        Refusal::NotInRoom => {
            "The seats of this room are limited, and over HTTP nobody takes one; come in with --to tcp://HOST:PORT."
        }
        refusal => refusal.sentence(),
    }
}

/// Only sends messages, as the person of the token or as a guest.
async fn run_send_only(
    options: ConnectOptions,
    commands: mpsc::Receiver<ClientCommand>,
    events: &mpsc::Sender<ClientEvent>,
) -> Result<(), ClientError> {
    let http = HttpClient::new(options.address, options.token);
    let guest = options.name.unwrap_or_else(|| DisplayName::for_guest(PersonId(rand::random())));
    let name = watch::Sender::new(guest.clone());
    let sender =
        Sender { http, paths: Paths::new(&options.room), name, guest: Some(guest), room: options.room };
    sender.run(commands, events, &Notify::new()).await
}

/// Identifies itself, receives the room's events and sends messages.
async fn run_subscribed(
    options: ConnectOptions,
    commands: mpsc::Receiver<ClientCommand>,
    events: &mpsc::Sender<ClientEvent>,
) -> Result<(), ClientError> {
    let mut http = HttpClient::new(options.address.clone(), None);
    let paths = Paths::new(&options.room);
    let mut backoff = RECONNECT;
    let (me, page) = loop {
        match identify_and_load(&mut http, &options, &paths).await {
            Ok(identity_and_page) => break identity_and_page,
            Err(ClientError::Refused(refusal)) if !refusal.is_retryable() => return Err(refusal.into()),
            Err(error) => send_offline(events, &error).await,
        }
        if commands.is_closed() && commands.is_empty() {
            return Ok(());
        }
        sleep(next_delay(&mut backoff)).await;
    };
    let last = page.events.last().map_or(Seq(0), |event| event.seq);
    let _ = events.send(ClientEvent::History(history_lines(&page))).await;
    let posted = Notify::new();
    let (stream_http, client_id) = (http.with_new_connection(), options.client_id);
    let (name_sender, name) = watch::channel(me.name);
    let receiver = Receiver { http: stream_http, paths: paths.clone(), name, client_id, last, events };
    // Starts only now, after the page was loaded: so the stream returns everything that is sent,
    // including this client's own messages.
    let sender = Sender { http, paths, name: name_sender, guest: None, room: options.room };
    tokio::select! {
        result = sender.run(commands, events, &posted) => result,
        error = receiver.run(&posted) => Err(error),
    }
}

/// Identifies the client and loads the last messages.
async fn identify_and_load(
    http: &mut HttpClient,
    options: &ConnectOptions,
    paths: &Paths,
) -> Result<(Person, Page), ClientError> {
    let me = identify(http, options).await?;
    let page = match http.get(&format!("{}?limit={HISTORY_ON_JOIN}", paths.messages)).await {
        // The room is created by its first message.
        Err(ClientError::Refused(Refusal::NoSuchRoom)) => {
            Page { events: Vec::new(), more_before: false, more_after: false }
        }
        page => page?,
    };
    Ok((me, page))
}

/// Identifies the client by the given or the stored token, or registers a new person.
async fn identify(http: &mut HttpClient, options: &ConnectOptions) -> Result<Person, ClientError> {
    let token_store = TokenStore::for_server(&options.address);
    let stored = || token_store.as_ref().ok().and_then(|store| store.load().ok()).flatten();
    if let Some(token) = options.token.clone().or_else(stored) {
        http.set_token(Some(token));
        let known: Me = http.get("/api/me").await?;
        match (known.you, &options.name) {
            (Some(me), Some(name)) if *name != me.name => return rename(http, name.clone()).await,
            (Some(me), _) => return Ok(me),
            (None, _) if options.token.is_some() => return Err(Refusal::UnknownToken.into()),
            // The server does not know the stored token any more; registers a new person.
            (None, _) => http.set_token(None),
        }
    }
    let guest = || DisplayName::for_guest(PersonId(rand::random()));
    let (headers, me) = set_name(http, options.name.clone().unwrap_or_else(guest)).await?;
    let token = token_from_cookies(&headers).context("the server gave no token; is that a Madang?")?;
    // Not fatal: if the token cannot be stored, the next run is a new person.
    if let Err(error) = token_store.and_then(|store| store.save(&token)) {
        print_error(format_args!("madang: {error:#}"));
    }
    http.set_token(Some(token));
    Ok(me)
}

async fn rename(http: &mut HttpClient, name: DisplayName) -> Result<Person, ClientError> {
    set_name(http, name).await.map(|(_, me)| me)
}

async fn set_name(http: &mut HttpClient, name: DisplayName) -> Result<(HeaderMap, Person), ClientError> {
    let json = serde_json::to_vec(&UpdateMe { name }).context("writing a name")?;
    let (headers, Me { you }) = http.post("/api/me", json).await?;
    Ok((headers, you.context("the server does not know us")?))
}

/// Returns the token from the `Set-Cookie` headers.
fn token_from_cookies(headers: &HeaderMap) -> Option<Secret> {
    let cookies = headers.get_all(header::SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let pairs = cookies.filter_map(|cookie| cookie.split(';').next()?.split_once('='));
    pairs.filter(|(name, _)| TOKEN_COOKIES.contains(name)).find_map(|(_, token)| token.parse().ok())
}

/// The paths of a room's HTTP API.
#[derive(Clone)]
struct Paths {
    messages: String,
    events: String,
}

impl Paths {
    fn new(room: &RoomName) -> Paths {
        let room = encode_segment(room.as_str());
        Paths { messages: format!("/api/rooms/{room}/messages"), events: format!("/api/rooms/{room}/events") }
    }
}

/// Executes commands one after the other.
struct Sender {
    http: HttpClient,
    room: RoomName,
    paths: Paths,
    /// The current display name, which the receiver reads.
    name: watch::Sender<DisplayName>,
    /// The display name of a guest; `None` for a registered person.
    guest: Option<DisplayName>,
}

impl Sender {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<ClientCommand>,
        events: &mpsc::Sender<ClientEvent>,
        posted: &Notify,
    ) -> Result<(), ClientError> {
        while let Some(command) = commands.recv().await {
            let result = match command {
                ClientCommand::Send(message) => {
                    self.deliver(message, events).await?;
                    posted.notify_one();
                    continue;
                }
                ClientCommand::Rename(name) => self.rename(name, events).await,
                ClientCommand::Who => self.who().await,
                ClientCommand::History(limit) => self.history(limit).await,
            };
            let lines = match result {
                Ok(lines) => lines,
                Err(ClientError::Refused(refusal)) => vec![Line::Refused(refusal)],
                Err(error) => {
                    send_offline(events, &error).await;
                    continue;
                }
            };
            let _ = events.send(ClientEvent::Notes(lines)).await;
        }
        Ok(())
    }

    /// Posts a message until the server confirms it or refuses it for good.
    async fn deliver(
        &mut self,
        message: Message,
        events: &mpsc::Sender<ClientEvent>,
    ) -> Result<(), ClientError> {
        let Message { cid, body } = message;
        let post = Post { body, cid: Some(cid.clone()), name: self.guest.clone(), reply_to: None };
        let json = serde_json::to_vec(&post).context("writing a message")?;
        let mut backoff = RECONNECT;
        let event = loop {
            match self.http.post::<Sent>(&self.paths.messages, json.clone()).await {
                Ok(_) => break ClientEvent::Delivered(cid),
                Err(ClientError::Refused(refusal)) if refusal.is_retryable() => {
                    let _ = events.send(ClientEvent::Retrying(refusal)).await;
                    sleep(RETRY_DELAY).await;
                }
                Err(ClientError::Refused(refusal)) if self.ends_client(refusal) => return Err(refusal.into()),
                Err(ClientError::Refused(refusal)) => break ClientEvent::Refused(cid, refusal),
                Err(error) => {
                    send_offline(events, &error).await;
                    sleep(next_delay(&mut backoff)).await;
                }
            }
        };
        let _ = events.send(event).await;
        Ok(())
    }

    /// Whether all other messages would be refused as well. A subscribed client learns of a missing
    /// membership from its event stream.
    fn ends_client(&self, refusal: Refusal) -> bool {
        refusal == Refusal::UnknownToken || (refusal == Refusal::NotInRoom && self.guest.is_some())
    }

    async fn rename(
        &mut self,
        name: DisplayName,
        events: &mpsc::Sender<ClientEvent>,
    ) -> Result<Vec<Line>, ClientError> {
        let me = rename(&mut self.http, name).await?;
        let note = Line::Note(format!("You are now {}.", me.name));
        self.name.send_replace(me.name.clone());
        let _ = events.send(ClientEvent::Online { me: me.name }).await;
        Ok(vec![note])
    }

    async fn who(&mut self) -> Result<Vec<Line>, ClientError> {
        let list: RoomList = self.http.get("/api/rooms").await?;
        let summary = list.rooms.into_iter().find(|summary| summary.room == self.room);
        let (member_count, people) =
            summary.map_or((0, Vec::new()), |summary| (summary.member_count, summary.people));
        let names: Vec<String> =
            people.iter().map(|person| quote_in_sentence(person.name.as_str())).collect();
        let room = quote_in_sentence(self.room.as_str());
        let text = match (member_count as usize).saturating_sub(names.len()) {
            _ if names.is_empty() => {
                format!("In {room} nobody is connected; whoever comes over HTTP is not counted.")
            }
            0 => format!("In {room} are {}.", names.join(", ")),
            more => format!("In {room} are {} and {more} more.", names.join(", ")),
        };
        Ok(vec![Line::Note(text)])
    }

    async fn history(&mut self, limit: u32) -> Result<Vec<Line>, ClientError> {
        let page: Page = self.http.get(&format!("{}?limit={limit}", self.paths.messages)).await?;
        let mut lines = history_lines(&page);
        lines.push(Line::Note(match page.more_before {
            true => "There is more before these.".to_owned(),
            false => "This is all.".to_owned(),
        }));
        Ok(lines)
    }
}

/// Receives the room's events.
struct Receiver<'a> {
    http: HttpClient,
    paths: Paths,
    name: watch::Receiver<DisplayName>,
    client_id: ClientId,
    /// The last event that was passed on.
    last: Seq,
    events: &'a mpsc::Sender<ClientEvent>,
}

impl Receiver<'_> {
    /// Receives until a refusal makes retrying useless, and returns it.
    async fn run(mut self, posted: &Notify) -> ClientError {
        let mut backoff = RECONNECT;
        loop {
            let delay = match self.read_stream(&mut backoff).await {
                Ok(delay) => delay,
                // The room is created by its first message, possibly by this client's.
                Err(ClientError::Refused(Refusal::NoSuchRoom)) => {
                    self.send_online().await;
                    let _ = timeout(MISSING_ROOM_DELAY, posted.notified()).await;
                    continue;
                }
                Err(ClientError::Refused(refusal)) if !refusal.is_retryable() => return refusal.into(),
                Err(error) => {
                    send_offline(self.events, &error).await;
                    next_delay(&mut backoff)
                }
            };
            sleep(delay).await;
        }
    }

    /// Opens a stream and reads it to its end; returns the delay before reconnecting.
    async fn read_stream(&mut self, backoff: &mut Backoff) -> Result<Duration, ClientError> {
        let since = [(LAST_EVENT_ID, self.last.0.to_string())];
        let response = self.http.open(Method::GET, &self.paths.events, &since, Vec::new()).await?;
        if response.status() != StatusCode::OK {
            return Err(stream_error(response).await);
        }
        self.send_online().await;
        backoff.reset();
        let delay = self.read_events(response.into_body()).await?;
        send_offline(self.events, &anyhow!("the server closed the connection").into()).await;
        Ok(delay.unwrap_or_else(|| next_delay(backoff)))
    }

    /// Passes on the events of a stream; returns the reconnect delay that the server requested.
    async fn read_events(&mut self, mut stream: Incoming) -> Result<Option<Duration>, ClientError> {
        let (mut parser, mut delay) = (SseParser::default(), None);
        loop {
            let frame = timeout(SILENCE_TIMEOUT, stream.frame()).await;
            let Some(frame) = frame.map_err(|_| anyhow!("the server has fallen silent"))? else {
                return Ok(delay);
            };
            let frame = frame.map_err(|_| anyhow!("the connection broke"))?;
            for event in frame.data_ref().map(|bytes| parser.push(bytes)).transpose()?.unwrap_or_default() {
                match event {
                    SseEvent::Retry(after) => delay = Some(after.min(MAX_RECONNECT_DELAY)),
                    SseEvent::Message { id, data } => self.pass_on(Seq(id), &data).await,
                }
            }
        }
    }

    /// Passes on an event unless it is a duplicate. One that cannot be decoded is skipped.
    async fn pass_on(&mut self, seq: Seq, data: &str) {
        if seq <= self.last {
            return;
        }
        self.last = seq;
        let Ok(event) = serde_json::from_str::<Event>(data) else { return };
        let is_mine = matches!(&event.kind, EventKind::Posted { cid, .. } if self.client_id.owns(cid));
        let mut lines = Line::from_event(&event, false);
        if is_mine {
            lines = lines.into_iter().map(Line::without_label).collect();
        }
        let is_message = matches!(event.kind, EventKind::Posted { .. });
        let event =
            if is_message { ClientEvent::Message { lines, is_mine } } else { ClientEvent::Notes(lines) };
        let _ = self.events.send(event).await;
    }

    async fn send_online(&self) {
        let me = self.name.borrow().clone();
        let _ = self.events.send(ClientEvent::Online { me }).await;
    }
}

fn history_lines(page: &Page) -> Vec<Line> {
    page.events.iter().flat_map(|event| Line::from_event(event, true)).collect()
}

async fn send_offline(events: &mpsc::Sender<ClientEvent>, error: &ClientError) {
    let reason = match error {
        ClientError::Refused(refusal) => refusal.sentence().to_owned(),
        ClientError::Connection(error) => format!("{error:#}"),
    };
    let _ = events.send(ClientEvent::Offline(reason)).await;
}

/// Percent-encodes a path segment (WHATWG URL §4.1).
fn encode_segment(segment: &str) -> String {
    form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>().replace('+', "%20")
}
