//! A client for one room: a task that takes commands and returns events, both through channels.
//!
//! The task reconnects by itself and repeats a message until the server confirms or refuses it. It
//! ends when the command channel is closed, or when the server will never accept the client. It
//! prints nothing and reads no input.

mod http;
mod http_client;
mod line;
mod sse;

use std::time::Duration;

use common::{
    backoff::Backoff,
    line::Line,
    message::{Body, Cid},
    person::DisplayName,
    refusal::Refusal,
    room::RoomName,
};
use tokio::sync::mpsc;

use super::{
    Secret,
    address::{Address, Transport},
};

/// The capacity of the channels. At the limit, `talk` at a terminal refuses further input.
const CHANNEL_CAPACITY: usize = 64;
/// The number of earlier messages shown after connecting.
const HISTORY_ON_JOIN: u32 = 10;
/// The delays before reconnecting, from 200 ms up to ten seconds.
const RECONNECT: Backoff = Backoff::new(200, 10_000);

/// The server, the room and the identity of a client.
#[derive(Clone, Debug)]
pub(super) struct ConnectOptions {
    pub(super) address: Address,
    pub(super) room: RoomName,
    pub(super) name: Option<DisplayName>,
    pub(super) token: Option<Secret>,
    pub(super) client_id: ClientId,
    /// Whether the client receives the room's messages, and not only sends.
    pub(super) subscribe: bool,
}

/// A command for the client task.
#[derive(Debug)]
pub(super) enum ClientCommand {
    Send(Message),
    Rename(DisplayName),
    Who,
    History(u32),
}

/// A message to send.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) cid: Cid,
    pub(super) body: Body,
}

/// The random id of one run of a client. It begins the `cid` of each message, so that the client
/// recognises its own messages, also among those that the same person sends from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientId(u64);

impl ClientId {
    pub(super) fn random() -> ClientId {
        ClientId(rand::random())
    }

    /// Makes a message with a new `cid`.
    pub(super) fn new_message(self, body: Body) -> Message {
        let ClientId(id) = self;
        let cid = format!("{id:016x}-{:016x}", rand::random::<u64>());
        // Hexadecimal digits and a hyphen are a valid cid.
        Message { cid: Cid::from_store(cid), body }
    }

    /// Whether a `cid` was made by this client.
    fn owns(self, cid: &Cid) -> bool {
        cid.as_str().strip_prefix(&format!("{:016x}", self.0)).is_some_and(|rest| rest.starts_with('-'))
    }
}

/// An event from the client task.
#[derive(Debug)]
pub(super) enum ClientEvent {
    /// The client is connected; all messages from now on are received.
    Online { me: DisplayName },
    /// There is no connection, with the reason; the client will reconnect.
    Offline(String),
    /// The last messages before the client connected for the first time.
    History(Vec<Line>),
    /// A new message, or one that was sent while there was no connection.
    Message { lines: Vec<Line>, is_mine: bool },
    /// Notes of the server, and replies to commands.
    Notes(Vec<Line>),
    /// The message is on the server's disk.
    Delivered(Cid),
    /// The message was refused for the moment; the client will send it again.
    Retrying(Refusal),
    /// The message was refused for good.
    Refused(Cid, Refusal),
    /// The client has ended, because retrying cannot succeed.
    Closed(String),
}

/// The handle of a client task: the sender of its commands and the receiver of its events.
pub(super) struct Client {
    pub(super) commands: mpsc::Sender<ClientCommand>,
    pub(super) events: mpsc::Receiver<ClientEvent>,
}

/// Starts a client task. It ends when `commands` is dropped and all commands are answered.
pub(super) fn start(options: ConnectOptions) -> Client {
    let (commands, command_receiver) = mpsc::channel(CHANNEL_CAPACITY);
    let (event_sender, events) = mpsc::channel(CHANNEL_CAPACITY);
    match options.address.transport {
        Transport::Tcp => tokio::spawn(line::run(options, command_receiver, event_sender)),
        Transport::Http | Transport::Udp => tokio::spawn(http::run(options, command_receiver, event_sender)),
    };
    Client { commands, events }
}

/// Why a request failed.
#[derive(Debug)]
enum ClientError {
    /// The server refused it.
    Refused(Refusal),
    /// The connection failed; the server may or may not have processed the request.
    Connection(anyhow::Error),
}

impl From<anyhow::Error> for ClientError {
    fn from(error: anyhow::Error) -> ClientError {
        ClientError::Connection(error)
    }
}

impl From<Refusal> for ClientError {
    fn from(refusal: Refusal) -> ClientError {
        ClientError::Refused(refusal)
    }
}

fn next_delay(backoff: &mut Backoff) -> Duration {
    Duration::from_millis(backoff.next(rand::random()).into())
}
