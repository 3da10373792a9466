//! A correct client: it repeats a message until it is acknowledged, reconnects whenever it is cut, requests
//! the events it missed, and shows every event once and in order.
//!
//! `event_client` uses the transports with numbers and acknowledgements, `line_client` the line transport,
//! which has neither. A client is a task that runs until the controls say `Stop` and then returns its
//! history to the checker. It checks nothing itself.

mod event_client;
mod event_connection;
mod line_client;
mod line_session;
pub(crate) mod room;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use common::{person::DisplayName, room::RoomName};
use tokio::{task::JoinHandle, time::Duration};

use self::{event_client::EventClient, line_client::LineClient};
use crate::{controls::Controls, history::History, transports::ClientTransport};

/// How often an idle client looks at the phase and at its progress.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How a client connects and sends.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    pub transport: ClientTransport,
    /// The mean time between two messages.
    pub pace: Duration,
    /// How long a reply may take before the connection counts as dead.
    pub reply_timeout: Duration,
    /// The longest wait before reconnecting; the shortest is an eighth of it.
    pub max_backoff: Duration,
}

/// A running client.
pub struct Client {
    progress: Arc<Progress>,
    task: JoinHandle<History>,
}

/// A client's progress, read by the group that waits for it.
#[derive(Debug, Default)]
struct Progress {
    sent_all: AtomicBool,
    shown_all: AtomicBool,
    received_pushes: AtomicBool,
}

impl Client {
    /// Starts a client that writes in this room.
    pub fn start(
        name: DisplayName,
        room: RoomName,
        options: ClientOptions,
        seed: u64,
        controls: Arc<Controls>,
    ) -> Client {
        let progress = Arc::new(Progress::default());
        let task = if options.transport == ClientTransport::Line {
            tokio::spawn(LineClient::new(name, room, options, seed, controls, progress.clone()).run())
        } else {
            tokio::spawn(EventClient::new(name, room, options, seed, controls, progress.clone()).run())
        };
        Client { progress, task }
    }

    /// Returns whether every message it created has an outcome.
    pub fn has_sent_all(&self) -> bool {
        self.progress.sent_all.load(Ordering::Relaxed)
    }

    /// Returns whether it shows every message that was acknowledged to any client.
    pub fn shows_all(&self) -> bool {
        self.progress.shown_all.load(Ordering::Relaxed)
    }

    /// Returns whether all of these arrived as pushes, without a request for them.
    pub fn received_all_pushes(&self) -> bool {
        self.progress.received_pushes.load(Ordering::Relaxed)
    }

    /// Waits for the task and returns its history; call it after `Phase::Stop`.
    pub async fn history(self) -> anyhow::Result<History> {
        Ok(self.task.await?)
    }
}
