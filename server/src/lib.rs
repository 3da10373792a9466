//! Madang's server: one room log, and gateways through which anything can join.
//!
//! In reading order: a gateway decodes what comes in, calls the chat, and encodes what it says;
//! the chat decides; the store is the log; the bus carries what was stored back to the rooms.
//! Imports run in that direction only; `docs/architecture.md` tells why.

pub mod cli;
pub mod config;
pub mod gateway;

pub mod chat;

pub mod bus;
pub mod store;

pub mod failure;
pub mod fault;
mod lock;

use std::time::Duration;

use anyhow::Context;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chat::Chat,
    config::{Config, Listen},
    gateway::Doors,
};

/// How long a stop may take in all: the gateways get most of it, the store the rest.
const STOP_WITHIN: Duration = Duration::from_secs(4);

/// A server whose doors are open.
pub struct Server {
    /// Where each door of the configuration is really open, in the same order.
    pub doors: Vec<Listen>,
    chat: Chat,
    stop: CancellationToken,
    gateways: TaskTracker,
    store: std::sync::Arc<dyn store::Store>,
}

impl Server {
    /// Opens the log, then the doors. When this returns, clients are let in.
    pub async fn start(config: Config) -> anyhow::Result<Server> {
        let gateway = Doors::bind(&config).await?;
        let (publisher, committed) = bus::local();
        let store = store::open(&config.database, Box::new(move |event| publisher.publish(event))).await?;
        let chat = Chat::start(store.clone(), committed, config.limits);
        if let Err(failure) = chat.open_lobby().await {
            // Whoever comes there first makes it, as soon as the disk is well again.
            tracing::warn!("making the lobby: {}", failure.tell());
        }
        let (stop, gateways) = (CancellationToken::new(), TaskTracker::new());
        let doors = gateway.listening();
        gateway.open(&config, &chat, &stop, &gateways).context("opening the doors")?;
        gateways.close();
        Ok(Server { doors, chat, stop, gateways, store })
    }

    /// Lets nobody in any more, ends every connection and finishes what was acknowledged.
    pub async fn stop(self) {
        self.chat.close();
        self.stop.cancel();
        if tokio::time::timeout(STOP_WITHIN, self.gateways.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time and were cut");
        }
        self.store.close().await;
    }
}
