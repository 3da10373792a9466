//! The one file that knows the WebSocket: it keeps a Socket.IO connection open and speaks for it.
//!
//! `chat` asks through [`Socket::ask`] and is told through the function it hands to
//! [`Socket::open`]. Lost connections are opened again for ever. A socket that is open proves
//! nothing (a proxy opens it without a server behind it): only CONNECT means online.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use common::{
    event::{FreeSeat, Heartbeat, Presence, Push, Refused, Removed, Restart, RoomEvent, SomebodyTypes},
    json,
    refusal::Refusal,
    socketio::{self, Frame},
};
use futures_util::{Sink, Stream};
use gloo_net::websocket::{Message, futures::WebSocket};
use gloo_timers::callback::Timeout;

use crate::{
    route::origin,
    state::link::{Backoff, Clock},
    task::spawn,
};

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

#[derive(Default)]
pub(crate) struct Socket(Mutex<State>);

#[derive(Default)]
struct State {
    online: bool,
    clock: Clock,
    /// When the server wants us back, by our clock: it has said that it goes away.
    come_back: Option<f64>,
    last_ack: u32,
    /// Who waits for an answer, in the order of asking.
    awaited: Vec<Awaited>,
    /// Few at a time: they are carried out at once.
    orders: Vec<Order>,
    /// Who carries the orders out.
    carrier: Option<Waker>,
}

struct Awaited {
    ack: u32,
    /// When nobody waits for it any more.
    until: f64,
    answer: Option<String>,
    asker: Option<Waker>,
}

enum Order {
    Write(String),
    /// Something has changed around us: try again now, or notice that the connection is dead.
    Wake,
    /// Give this connection up and make a new one.
    GiveUp,
}

impl Awaited {
    fn wake(&mut self) {
        if let Some(asker) = self.asker.take() {
            asker.wake();
        }
    }
}

impl State {
    fn now(&mut self) -> f64 {
        self.clock.now(js_sys::Date::now())
    }

    fn order(&mut self, order: Order) {
        self.orders.push(order);
        if let Some(carrier) = self.carrier.take() {
            carrier.wake();
        }
    }

    fn poll_order(&mut self, context: &Context<'_>) -> Poll<Order> {
        if self.orders.is_empty() {
            self.carrier = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(self.orders.remove(0))
    }

    fn poll_answer(&mut self, ack: u32, context: &Context<'_>) -> Poll<Result<String, Failure>> {
        let Some(place) = self.awaited.iter().position(|awaited| awaited.ack == ack) else {
            return Poll::Ready(Err(Failure::Disconnected));
        };
        match self.awaited[place].answer.take() {
            Some(answer) => {
                self.awaited.remove(place);
                Poll::Ready(Ok(answer))
            }
            None => {
                self.awaited[place].asker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn answer(&mut self, ack: u32, answer: &str) {
        if let Some(awaited) = self.awaited.iter_mut().find(|awaited| awaited.ack == ack) {
            awaited.answer = Some(answer.to_owned());
            awaited.wake();
        }
    }

    /// Whoever still waits for an answer finds out that none will come.
    fn disconnect(&mut self) {
        self.online = false;
        self.orders.retain(|order| !matches!(order, Order::Write(_)));
        self.awaited.iter_mut().for_each(Awaited::wake);
        self.awaited.retain(|awaited| awaited.answer.is_some());
    }

    /// When the connection counts as dead, unless a frame comes before `silent`.
    fn end(&self, silent: f64) -> f64 {
        // A server that goes away first answers what it was asked, and then closes.
        let end = self.come_back.unwrap_or(silent);
        let first = self.awaited.iter().find(|awaited| awaited.answer.is_none());
        first.map_or(end, |awaited| end.min(awaited.until))
    }
}

impl Socket {
    /// Opens the connection and keeps it open as long as the page lives; done once.
    pub(crate) fn open(&'static self, tell: impl Fn(Notice) + 'static) {
        spawn(self.stay_open(Box::new(tell)));
    }

    /// Gives a command, whose argument is JSON as its answer is; without a connection it fails at
    /// once.
    pub(crate) async fn ask(&self, name: &'static str, argument: &str) -> Result<String, Failure> {
        let ack = self.write(name, argument)?;
        let answer = poll_fn(|context| self.state().poll_answer(ack, context)).await?;
        match json::read::<Refused>(&answer) {
            Ok(refused) => Err(Failure::Refused(refused.error)),
            Err(_) => Ok(answer),
        }
    }

    fn write(&self, name: &'static str, argument: &str) -> Result<u32, Failure> {
        let mut state = self.state();
        if !state.online {
            return Err(Failure::Disconnected);
        }
        let ack = state.last_ack.wrapping_add(1);
        let until = state.now() + f64::from(PATIENCE);
        state.last_ack = ack;
        state.awaited.push(Awaited { ack, until, answer: None, asker: None });
        state.order(Order::Write(socketio::written_command(name, argument, ack)));
        Ok(ack)
    }

    /// The network is back, or somebody looks at the page again.
    pub(crate) fn wake(&self) {
        self.state().order(Order::Wake);
    }

    /// The network is gone.
    pub(crate) fn give_up(&self) {
        self.state().order(Order::GiveUp);
    }

    fn now(&self) -> f64 {
        self.state().now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stay_open(&self, tell: Box<dyn Fn(Notice)>) {
        let mut backoff = Backoff::default();
        loop {
            let reason = self.one_connection(&mut backoff, &*tell).await;
            self.state().disconnect();
            tell(Notice::Lost(reason));
            let come_back = self.state().come_back.take();
            let again =
                come_back.unwrap_or_else(|| self.now() + f64::from(backoff.next(js_sys::Math::random())));
            while let Some(Arrival::Order(Order::GiveUp)) = self.next(None, again).await {}
        }
    }

    /// One connection from its beginning to its end, whose reason is returned if there is one.
    async fn one_connection(&self, backoff: &mut Backoff, tell: &dyn Fn(Notice)) -> Option<Refusal> {
        let mut connection = WebSocket::open(&address()?).ok()?;
        let mut silence = PATIENCE;
        let mut heard = self.now();
        loop {
            let end = self.state().end(heard + f64::from(silence));
            let text = match self.next(Some(&mut connection), end).await? {
                Arrival::Frame(text) => text,
                Arrival::Order(Order::GiveUp) => return None,
                Arrival::Order(Order::Wake) => continue,
                Arrival::Order(Order::Write(frame)) => {
                    write(&mut connection, frame)?;
                    continue;
                }
            };
            heard = self.now();
            match Frame::decode(&text).ok()? {
                Frame::Open(open) => {
                    silence = open.ping_interval.saturating_add(open.ping_timeout);
                    write(&mut connection, socketio::CONNECT.to_owned())?;
                }
                Frame::Ping => write(&mut connection, socketio::PONG.to_owned())?,
                Frame::Connected => {
                    self.state().online = true;
                    backoff.reset();
                    tell(Notice::Online);
                }
                Frame::ConnectError(reason) => return Some(Refusal::from_decoding(&reason)),
                Frame::Close | Frame::Disconnect => return None,
                Frame::Event { name, payload } if name == Restart::NAME => {
                    let restart: Restart = json::read(payload).ok()?;
                    self.state().come_back = Some(heard + f64::from(restart.after));
                    tell(Notice::Restarting(restart));
                }
                Frame::Event { name, payload } => {
                    if let Some(push) = read_push(&name, payload) {
                        tell(Notice::Told(push));
                    }
                }
                Frame::Ack { id, payload } => self.state().answer(id, payload),
                Frame::Other => {}
            }
        }
    }

    /// What comes first; nothing at the end of the connection, or of the time.
    async fn next(&self, mut connection: Option<&mut WebSocket>, end: f64) -> Option<Arrival> {
        let mut alarm = None;
        poll_fn(|context| {
            if let Poll::Ready(order) = self.state().poll_order(context) {
                return Poll::Ready(Some(Arrival::Order(order)));
            }
            if let Some(connection) = &mut connection
                && let Poll::Ready(frame) = Pin::new(&mut **connection).poll_next(context)
            {
                return Poll::Ready(match frame {
                    Some(Ok(Message::Text(text))) => Some(Arrival::Frame(text)),
                    _ => None,
                });
            }
            let left = end - self.now();
            // Even when the time is long over, as after a sleep, what has come meanwhile comes first.
            if alarm.is_some() && left <= 0.0 {
                return Poll::Ready(None);
            }
            let waker = context.waker().clone();
            // Rounded up, so that it is not rung in vain; it takes the place of the one before.
            alarm = Some(Timeout::new((left as u32).saturating_add(1), move || waker.wake()));
            Poll::Pending
        })
        .await
    }
}

enum Arrival {
    Frame(String),
    Order(Order),
}

/// Only for a connection from which a frame has come: it is open then, and takes this at once.
fn write(connection: &mut WebSocket, frame: String) -> Option<()> {
    Pin::new(connection).start_send(Message::Text(frame)).ok()
}

/// `None` for what only a newer page would understand.
fn read_push(name: &str, payload: &str) -> Option<Push> {
    match name {
        Push::EVENT => json::read::<RoomEvent>(payload).ok().map(Push::Event),
        Push::PRESENCE => json::read::<Presence>(payload).ok().map(Push::Presence),
        Push::HEARTBEAT => json::read::<Heartbeat>(payload).ok().map(Push::Heartbeat),
        Push::TYPING => json::read::<SomebodyTypes>(payload).ok().map(Push::Typing),
        Push::SEAT => json::read::<FreeSeat>(payload).ok().map(Push::Seat),
        Push::REMOVED => json::read::<Removed>(payload).ok().map(Push::Removed),
        _ => None,
    }
}

/// Absolute, because relative WebSocket addresses are young.
fn address() -> Option<String> {
    let origin = origin();
    // What is behind it is the same for ws and wss.
    let rest = origin.strip_prefix("http")?;
    Some(format!("ws{rest}/socket.io/?EIO=4&transport=websocket"))
}
