//! The one file that knows the WebSocket: it keeps a Socket.IO connection open and speaks for it.
//!
//! `chat` asks through [`Socket::ask`] and is told through the function it hands to
//! [`Socket::open`]. Lost connections are opened again for ever. A socket that is open proves
//! nothing (a proxy opens it without a server behind it): only CONNECT means online.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use common::{
    event::{Ask, Heartbeat, Hello, Presence, Push, Refused, Restart, RoomEvent},
    refusal::Refusal,
    socketio::{self, Frame},
};
use futures_channel::{mpsc, oneshot};
use futures_util::{
    SinkExt, StreamExt,
    future::{Either, select},
    stream,
};
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::window;
use serde_json::value::RawValue;
use wasm_bindgen_futures::spawn_local;

use crate::state::link::Backoff;

/// How long a handshake or an answer may take before the connection counts as dead, in ms.
const PATIENCE: u32 = 15_000;

/// What the socket tells.
pub(crate) enum Notice {
    Online,
    /// The connection is gone, with the server's reason if it would not let us in.
    Lost(Option<Refusal>),
    /// The server goes away for a moment; we are back by ourselves.
    Restarting(Restart),
    Told(Push),
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Refused(Refusal),
    /// Nobody knows whether the server has heard it.
    Disconnected,
}

#[derive(Clone)]
pub(crate) struct Socket {
    orders: mpsc::UnboundedSender<Order>,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    online: bool,
    /// When the server wants us back, by this browser's clock: it has said that it goes away.
    come_back: Option<f64>,
    last_ack: u32,
    awaited: BTreeMap<u32, oneshot::Sender<String>>,
}

impl State {
    /// Whoever waits for an answer is told that none will come.
    fn disconnect(&mut self) {
        self.online = false;
        self.awaited.clear();
    }
}

enum Order {
    Write(String),
    /// Something has changed around us: try again now, or notice that the connection is dead.
    Wake,
    /// Give this connection up and make a new one.
    GiveUp,
}

impl Socket {
    /// Opens the connection and keeps it open as long as the page lives.
    pub(crate) fn open(tell: impl Fn(Notice) + 'static) -> Socket {
        let (orders, inbox) = mpsc::unbounded();
        let socket = Socket { orders, state: Rc::default() };
        spawn_local(socket.clone().stay_open(inbox, tell));
        socket
    }

    /// Gives a command and waits for its reply.
    pub(crate) async fn ask<A: Ask>(&self, ask: &A) -> Result<A::Reply, Failure> {
        let ack = self.next_ack();
        let frame =
            socketio::command(A::NAME, ask, ack).map_err(|_| Failure::Refused(Refusal::BadRequest))?;
        read_reply(&self.round_trip(ack, frame).await?)
    }

    /// The part of asking that is the same for every command, so that it is compiled once.
    async fn round_trip(&self, ack: u32, frame: String) -> Result<String, Failure> {
        let answered = self.write(ack, frame).ok_or(Failure::Disconnected)?;
        match select(answered, TimeoutFuture::new(PATIENCE)).await {
            Either::Left((answer, _)) => answer.map_err(|_| Failure::Disconnected),
            Either::Right(_) => {
                self.give_up();
                Err(Failure::Disconnected)
            }
        }
    }

    /// The network is back, or somebody looks at the page again.
    pub(crate) fn wake(&self) {
        self.order(Order::Wake);
    }

    /// The network is gone.
    pub(crate) fn give_up(&self) {
        self.order(Order::GiveUp);
    }

    fn next_ack(&self) -> u32 {
        let mut state = self.state.borrow_mut();
        state.last_ack = state.last_ack.wrapping_add(1);
        state.last_ack
    }

    fn write(&self, ack: u32, frame: String) -> Option<oneshot::Receiver<String>> {
        let mut state = self.state.borrow_mut();
        if !state.online {
            return None;
        }
        let (answer, answered) = oneshot::channel();
        state.awaited.insert(ack, answer);
        self.order(Order::Write(frame));
        Some(answered)
    }

    fn order(&self, order: Order) {
        // The receiver lives as long as the page.
        let _ = self.orders.unbounded_send(order);
    }

    async fn stay_open(self, mut inbox: mpsc::UnboundedReceiver<Order>, tell: impl Fn(Notice)) {
        let mut backoff = Backoff::default();
        loop {
            let reason = self.one_connection(&mut inbox, &mut backoff, &tell).await;
            self.state.borrow_mut().disconnect();
            tell(Notice::Lost(reason));
            let come_back = self.state.borrow_mut().come_back.take();
            let pause = come_back.map_or_else(|| backoff.next(js_sys::Math::random()), left_until);
            wait(&mut inbox, pause).await;
        }
    }

    /// One connection from its beginning to its end, whose reason is returned if there is one.
    async fn one_connection(
        &self,
        inbox: &mut mpsc::UnboundedReceiver<Order>,
        backoff: &mut Backoff,
        tell: &impl Fn(Notice),
    ) -> Option<Refusal> {
        let (mut sink, frames) = WebSocket::open(&address()?).ok()?.split();
        let mut arrivals = stream::select(frames.map(Arrival::Frame), inbox.map(Arrival::Order));
        let mut silence = PATIENCE;
        let mut heard = js_sys::Date::now();
        loop {
            // A server that goes away first answers what it was asked, and then closes.
            let end = self.state.borrow().come_back.unwrap_or(heard + f64::from(silence));
            let left = TimeoutFuture::new(left_until(end));
            let Either::Left((Some(arrival), _)) = select(arrivals.next(), left).await else { return None };
            let text = match arrival {
                Arrival::Frame(Ok(Message::Text(text))) => text,
                Arrival::Frame(_) | Arrival::Order(Order::GiveUp) => return None,
                Arrival::Order(Order::Wake) => continue,
                Arrival::Order(Order::Write(frame)) => {
                    sink.send(Message::Text(frame)).await.ok()?;
                    continue;
                }
            };
            heard = js_sys::Date::now();
            match Frame::decode(&text).ok()? {
                Frame::Open(open) => {
                    silence = open.ping_interval.saturating_add(open.ping_timeout);
                    let hello = socketio::connect(&Hello {}).ok()?;
                    sink.send(Message::Text(hello)).await.ok()?;
                }
                Frame::Ping => sink.send(Message::Text(socketio::PONG.to_owned())).await.ok()?,
                Frame::Connected => {
                    self.state.borrow_mut().online = true;
                    backoff.reset();
                    tell(Notice::Online);
                }
                Frame::ConnectError(reason) => return Some(Refusal::from_decoding(&reason)),
                Frame::Close | Frame::Disconnect => return None,
                Frame::Event { name, payload } if name == Restart::NAME => {
                    let restart: Restart = serde_json::from_str(payload.get()).ok()?;
                    self.state.borrow_mut().come_back = Some(heard + f64::from(restart.after));
                    tell(Notice::Restarting(restart));
                }
                Frame::Event { name, payload } => {
                    if let Some(push) = read_push(&name, payload) {
                        tell(Notice::Told(push));
                    }
                }
                Frame::Ack { id, payload } => {
                    if let Some(answer) = self.state.borrow_mut().awaited.remove(&id) {
                        // Whoever asked may have stopped waiting.
                        let _ = answer.send(payload.get().to_owned());
                    }
                }
                Frame::Other => {}
            }
        }
    }
}

/// Milliseconds from now until then.
fn left_until(then: f64) -> u32 {
    (then - js_sys::Date::now()) as u32
}

enum Arrival {
    Frame(Result<Message, WebSocketError>),
    Order(Order),
}

/// Waits so many milliseconds, or until something makes trying again worth while.
async fn wait(inbox: &mut mpsc::UnboundedReceiver<Order>, milliseconds: u32) {
    let mut pause = TimeoutFuture::new(milliseconds);
    loop {
        match select(inbox.next(), pause).await {
            Either::Left((Some(Order::Wake) | None, _)) | Either::Right(_) => return,
            // A command written in the moment the connection went: its asker has been told.
            Either::Left((Some(Order::Write(_) | Order::GiveUp), rest)) => pause = rest,
        }
    }
}

fn read_reply<R: for<'de> serde::Deserialize<'de>>(payload: &str) -> Result<R, Failure> {
    if let Ok(refused) = serde_json::from_str::<Refused>(payload) {
        return Err(Failure::Refused(refused.error));
    }
    // A reply we can not read comes from a server that is newer than this page.
    serde_json::from_str(payload).map_err(|_| Failure::Refused(Refusal::BadRequest))
}

/// `None` for what only a newer page would understand.
fn read_push(name: &str, payload: &RawValue) -> Option<Push> {
    match name {
        Push::EVENT => serde_json::from_str::<RoomEvent>(payload.get()).ok().map(Push::Event),
        Push::PRESENCE => serde_json::from_str::<Presence>(payload.get()).ok().map(Push::Presence),
        Push::HEARTBEAT => serde_json::from_str::<Heartbeat>(payload.get()).ok().map(Push::Heartbeat),
        _ => None,
    }
}

/// Absolute, because relative WebSocket addresses are young.
fn address() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/socket.io/?EIO=4&transport=websocket", location.host().ok()?))
}
