//! Madang's server: one log per room, and several transports to read and write it.
//!
//! In reading order: a transport decodes a request, calls the chat, and encodes the reply; the chat
//! decides; the store is the log; the bus carries committed events back to the rooms. Imports run in
//! that direction only; `docs/architecture.md` tells why.

pub mod cli;
pub mod config;
pub mod transport;

pub mod chat;

pub mod bus;
pub mod store;

pub mod address;
pub mod error;
pub mod failpoint;
pub mod health;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chat::Chat,
    config::{Config, ListenAddress},
    health::Health,
    store::Store,
    transport::Transports,
};

/// How long the connections may take to end. The store closes after them.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// A running server.
pub struct Server {
    /// The bound address of each configured transport, in the order of the configuration.
    pub addresses: Vec<ListenAddress>,
    chat: Chat,
    stop: CancellationToken,
    connections: TaskTracker,
    store: Arc<dyn Store>,
    health: Health,
}

impl Server {
    /// Binds the addresses, opens the store and starts the transports, which accept clients from then on.
    pub async fn start(config: Config) -> anyhow::Result<Server> {
        let health = Health::default();
        let mut transports = Transports::bind(&config).await?;
        let (sender, committed) = bus::channel();
        let on_commit = Box::new(move |event| sender.send(event));
        let store = store::open(&config.database, config.max_disk, &health, on_commit).await?;
        if let Some(path) = &config.admin_socket {
            transports.open_admin_socket(path);
        }
        let chat = Chat::start(store.clone(), committed, config.limits, &health);
        if let Err(error) = chat.create_lobby().await {
            // The first person who joins the lobby creates it, once the disk works again.
            tracing::warn!("making the lobby: {}", error.into_refusal());
        }
        let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
        let addresses = transports.addresses();
        transports.start(&config, &chat, &health, &stop, &connections).context("opening the doors")?;
        connections.close();
        Ok(Server { addresses, chat, stop, connections, store, health })
    }

    /// Waits until a task or thread has ended that the server can not go on without; returns its name.
    pub async fn ended_task(&self) -> &'static str {
        self.health.ended_task().await
    }

    /// Stops accepting, ends every connection, finishes the queued writes and closes the store.
    pub async fn stop(self) {
        self.health.stop();
        self.chat.close();
        self.stop.cancel();
        if tokio::time::timeout(STOP_TIMEOUT, self.connections.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time and were cut");
        }
        self.store.close().await;
    }
}
