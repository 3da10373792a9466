//! The WebSocket, used only here: keeps a Socket.IO connection open and speaks its protocol.
//!
//! `chat` sends commands with [`Socket::request`] and receives events through the callback of
//! [`Socket::open`]. A lost connection is reopened for ever. An open WebSocket proves nothing, because
//! a proxy accepts it without a server behind it: only CONNECT means online.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use common::{
    backoff::Backoff,
    json,
    protocol::{
        push::{Heartbeat, Kicked, Presence, Push, Restart, RoomEvent, SeatAvailable, TypingUpdate},
        reply::ErrorReply,
    },
    refusal::Refusal,
    socketio::{self, Frame},
};
use futures_util::{Sink, Stream};
use gloo_net::websocket::{Message, futures::WebSocket};
use gloo_timers::callback::Timeout;

use crate::{
    route::origin,
    state::connection::{Clock, RECONNECT},
    task::spawn,
};

/// How long a handshake or a reply may take before the connection counts as dead, in ms.
const REPLY_TIMEOUT: u32 = 15_000;

/// What happens to the connection, and what it receives.
pub(crate) enum SocketEvent {
    Online,
    /// The connection is lost, with the reason if the server refused it.
    Lost(Option<Refusal>),
    /// The server restarts; the socket reconnects by itself.
    Restarting(Restart),
    Push(Push),
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestError {
    Refused(Refusal),
    /// Whether the server has received the request is unknown.
    Disconnected,
}

#[derive(Default)]
pub(crate) struct Socket(Mutex<State>);

#[derive(Default)]
struct State {
    online: bool,
    clock: Clock,
    /// When to reconnect, by the local clock, after the server has announced a restart.
    reconnect_at: Option<f64>,
    last_ack: u32,
    /// Requests that wait for a reply, oldest first.
    pending: Vec<PendingRequest>,
    /// Queue of commands to the connection task; short, because they are executed at once.
    commands: Vec<SocketCommand>,
    /// Wakes the connection task.
    command_waker: Option<Waker>,
}

struct PendingRequest {
    ack: u32,
    /// When the request counts as failed.
    deadline: f64,
    reply: Option<String>,
    waker: Option<Waker>,
}

enum SocketCommand {
    Write(String),
    /// Reconnects now instead of after the backoff, or checks at once whether the connection is dead.
    Wake,
    /// Drops the connection and opens a new one.
    Reconnect,
}

impl PendingRequest {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl State {
    fn now(&mut self) -> f64 {
        self.clock.now(js_sys::Date::now())
    }

    fn queue_command(&mut self, command: SocketCommand) {
        self.commands.push(command);
        if let Some(waker) = self.command_waker.take() {
            waker.wake();
        }
    }

    fn poll_command(&mut self, context: &Context<'_>) -> Poll<SocketCommand> {
        if self.commands.is_empty() {
            self.command_waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(self.commands.remove(0))
    }

    fn poll_reply(&mut self, ack: u32, context: &Context<'_>) -> Poll<Result<String, RequestError>> {
        let Some(index) = self.pending.iter().position(|request| request.ack == ack) else {
            return Poll::Ready(Err(RequestError::Disconnected));
        };
        match self.pending[index].reply.take() {
            Some(reply) => {
                self.pending.remove(index);
                Poll::Ready(Ok(reply))
            }
            None => {
                self.pending[index].waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn set_reply(&mut self, ack: u32, reply: &str) {
        if let Some(request) = self.pending.iter_mut().find(|request| request.ack == ack) {
            request.reply = Some(reply.to_owned());
            request.wake();
        }
    }

    /// Fails all pending requests.
    fn disconnect(&mut self) {
        self.online = false;
        self.commands.retain(|command| !matches!(command, SocketCommand::Write(_)));
        self.pending.iter_mut().for_each(PendingRequest::wake);
        self.pending.retain(|request| request.reply.is_some());
    }

    /// When the connection counts as dead, unless a frame arrives before `silence_deadline`.
    fn dead_at(&self, silence_deadline: f64) -> f64 {
        // A server that restarts still replies to all requests before it closes the connection.
        let end = self.reconnect_at.unwrap_or(silence_deadline);
        let oldest = self.pending.iter().find(|request| request.reply.is_none());
        oldest.map_or(end, |request| end.min(request.deadline))
    }
}

impl Socket {
    /// Opens the connection and keeps it open as long as the page lives. Called once.
    pub(crate) fn open(&'static self, on_event: impl Fn(SocketEvent) + 'static) {
        spawn(self.run(Box::new(on_event)));
    }

    /// Sends a command and waits for its reply, both as JSON. Fails at once without a connection.
    pub(crate) async fn request(&self, name: &'static str, argument: &str) -> Result<String, RequestError> {
        let ack = self.write(name, argument)?;
        let reply = poll_fn(|context| self.state().poll_reply(ack, context)).await?;
        match json::from_str::<ErrorReply>(&reply) {
            Ok(refused) => Err(RequestError::Refused(refused.error)),
            Err(_) => Ok(reply),
        }
    }

    fn write(&self, name: &'static str, argument: &str) -> Result<u32, RequestError> {
        let mut state = self.state();
        if !state.online {
            return Err(RequestError::Disconnected);
        }
        let ack = state.last_ack.wrapping_add(1);
        let deadline = state.now() + f64::from(REPLY_TIMEOUT);
        state.last_ack = ack;
        state.pending.push(PendingRequest { ack, deadline, reply: None, waker: None });
        state.queue_command(SocketCommand::Write(socketio::command_from_json(name, argument, ack)));
        Ok(ack)
    }

    /// The network is back, or the page has become visible.
    pub(crate) fn wake(&self) {
        self.state().queue_command(SocketCommand::Wake);
    }

    /// The network is down.
    pub(crate) fn reconnect(&self) {
        self.state().queue_command(SocketCommand::Reconnect);
    }

    fn now(&self) -> f64 {
        self.state().now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, on_event: Box<dyn Fn(SocketEvent)>) {
        let mut backoff = RECONNECT;
        loop {
            let reason = self.run_connection(&mut backoff, &*on_event).await;
            self.state().disconnect();
            on_event(SocketEvent::Lost(reason));
            let restart_at = self.state().reconnect_at.take();
            let retry_at =
                restart_at.unwrap_or_else(|| self.now() + f64::from(backoff.next(js_sys::Math::random())));
            while let Some(Input::Command(SocketCommand::Reconnect)) = self.next_input(None, retry_at).await {
            }
        }
    }

    /// Runs one connection until it ends; returns the reason if the server has refused it.
    async fn run_connection(&self, backoff: &mut Backoff, on_event: &dyn Fn(SocketEvent)) -> Option<Refusal> {
        let mut connection = WebSocket::open(&websocket_url()?).ok()?;
        let mut silence_limit = REPLY_TIMEOUT;
        let mut last_frame_at = self.now();
        loop {
            let end = self.state().dead_at(last_frame_at + f64::from(silence_limit));
            let text = match self.next_input(Some(&mut connection), end).await? {
                Input::Frame(text) => text,
                Input::Command(SocketCommand::Reconnect) => return None,
                Input::Command(SocketCommand::Wake) => continue,
                Input::Command(SocketCommand::Write(frame)) => {
                    write(&mut connection, frame)?;
                    continue;
                }
            };
            last_frame_at = self.now();
            match Frame::decode(&text).ok()? {
                Frame::Open(open) => {
                    silence_limit = open.ping_interval.saturating_add(open.ping_timeout);
                    write(&mut connection, socketio::CONNECT.to_owned())?;
                }
                Frame::Ping => write(&mut connection, socketio::PONG.to_owned())?,
                Frame::Connected => {
                    self.state().online = true;
                    backoff.reset();
                    on_event(SocketEvent::Online);
                }
                Frame::ConnectError(reason) => return Some(Refusal::from_decoding(&reason)),
                Frame::Close | Frame::Disconnect => return None,
                Frame::Event { name, payload } if name == Restart::NAME => {
                    let restart: Restart = json::from_str(payload).ok()?;
                    self.state().reconnect_at = Some(last_frame_at + f64::from(restart.after));
                    on_event(SocketEvent::Restarting(restart));
                }
                Frame::Event { name, payload } => {
                    if let Some(push) = parse_push(&name, payload) {
                        on_event(SocketEvent::Push(push));
                    }
                }
                Frame::Ack { id, payload } => self.state().set_reply(id, payload),
                Frame::Other => {}
            }
        }
    }

    /// Waits for the next command or frame; `None` when the connection ends or at `end`.
    async fn next_input(&self, mut connection: Option<&mut WebSocket>, end: f64) -> Option<Input> {
        let mut timeout = None;
        poll_fn(|context| {
            if let Poll::Ready(command) = self.state().poll_command(context) {
                return Poll::Ready(Some(Input::Command(command)));
            }
            if let Some(connection) = &mut connection
                && let Poll::Ready(frame) = Pin::new(&mut **connection).poll_next(context)
            {
                return Poll::Ready(match frame {
                    Some(Ok(Message::Text(text))) => Some(Input::Frame(text)),
                    _ => None,
                });
            }
            let left = end - self.now();
            // Polls at least once, so that input that arrived while the device slept precedes the timeout.
            if timeout.is_some() && left <= 0.0 {
                return Poll::Ready(None);
            }
            let waker = context.waker().clone();
            // Rounded up, so that it does not fire too early. Replaces, and so cancels, the timeout before.
            timeout = Some(Timeout::new((left as u32).saturating_add(1), move || waker.wake()));
            Poll::Pending
        })
        .await
    }
}

enum Input {
    Frame(String),
    Command(SocketCommand),
}

/// Only for a connection that has received a frame: it is open then, and accepts a frame at once.
fn write(connection: &mut WebSocket, frame: String) -> Option<()> {
    Pin::new(connection).start_send(Message::Text(frame)).ok()
}

/// `None` for pushes that only a newer version of the page understands.
fn parse_push(name: &str, payload: &str) -> Option<Push> {
    match name {
        Push::EVENT => json::from_str::<RoomEvent>(payload).ok().map(Push::Event),
        Push::PRESENCE => json::from_str::<Presence>(payload).ok().map(Push::Presence),
        Push::HEARTBEAT => json::from_str::<Heartbeat>(payload).ok().map(Push::Heartbeat),
        Push::TYPING => json::from_str::<TypingUpdate>(payload).ok().map(Push::Typing),
        Push::SEAT_AVAILABLE => json::from_str::<SeatAvailable>(payload).ok().map(Push::SeatAvailable),
        Push::KICKED => json::from_str::<Kicked>(payload).ok().map(Push::Kicked),
        _ => None,
    }
}

/// Absolute, because older browsers do not support relative WebSocket URLs.
fn websocket_url() -> Option<String> {
    let origin = origin();
    // http → ws, https → wss.
    let rest = origin.strip_prefix("http")?;
    Some(format!("ws{rest}/socket.io/?EIO=4&transport=websocket"))
}
