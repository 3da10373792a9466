//! Starts many clients, waits until they have finished, and collects their histories.

use std::sync::Arc;

use common::{person::DisplayName, room::RoomName};
use tokio::time::{Duration, sleep, timeout};

use crate::{
    client::{Client, ClientOptions},
    controls::{Controls, Phase},
    history::History,
    http_api::read_last,
    socketio::RequestError,
    transports::{EngineMix, TransportChoice},
};

/// How often the progress is checked, and how often in a row it must hold: clients publish it with a delay
/// of their own.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
const STABLE_POLLS: u32 = 3;

/// Clients that share one set of controls.
pub struct ClientGroup {
    controls: Arc<Controls>,
    rooms: Vec<RoomName>,
    clients: Vec<Client>,
}

/// How many clients there are, and how they behave.
#[derive(Clone, Copy, Debug)]
pub struct GroupOptions {
    pub clients: u32,
    pub rooms: u32,
    pub transports: TransportChoice,
    pub engine_mix: EngineMix,
    pub pace: Duration,
    pub reply_timeout: Duration,
    pub max_backoff: Duration,
}

impl ClientGroup {
    /// Starts the clients, spread evenly over the rooms.
    pub fn start(options: GroupOptions, seed: u64, controls: &Arc<Controls>) -> ClientGroup {
        let rooms = rooms(options.rooms);
        let start = |number: u32| {
            let GroupOptions { pace, reply_timeout, max_backoff, .. } = options;
            let transport = options.transports.client_transport(number / options.rooms, options.engine_mix);
            let client_options = ClientOptions { transport, pace, reply_timeout, max_backoff };
            let room = rooms[(number % options.rooms) as usize].clone();
            let seed = seed.wrapping_add(u64::from(number));
            let name = DisplayName::from_store(format!("w{number}"));
            Client::start(name, room, client_options, seed, controls.clone())
        };
        let clients = (0..options.clients).map(start).collect();
        ClientGroup { controls: controls.clone(), rooms, clients }
    }

    /// Stops new messages and waits until every client shows all of them; false on a timeout. With
    /// `all_pushes` every message must also have arrived as a push.
    pub async fn drain(&self, all_pushes: bool, within: Duration) -> bool {
        self.controls.phase.send_replace(Phase::Drain);
        let draining = async {
            self.wait_until_all(Client::has_sent_all).await;
            self.record_final_messages().await?;
            self.wait_until_all(|client| client.shows_all() && (client.received_all_pushes() || !all_pushes))
                .await;
            Ok::<(), RequestError>(())
        };
        matches!(timeout(within, draining).await, Ok(Ok(())))
    }

    /// Waits until this holds for every client.
    async fn wait_until_all(&self, done: impl Fn(&Client) -> bool) {
        let mut stable_polls = 0;
        while stable_polls < STABLE_POLLS {
            sleep(POLL_INTERVAL).await;
            stable_polls = if self.clients.iter().all(&done) { stable_polls + 1 } else { 0 };
        }
    }

    /// Records the last event of each room: messages sent over lines have no number that a client was told,
    /// and line clients know no numbers.
    async fn record_final_messages(&self) -> Result<(), RequestError> {
        let http = self.controls.addresses.borrow().http;
        for room in &self.rooms {
            if let Some(event) = read_last(http, room).await?
                && let Some(text) = event.kind.body()
            {
                self.controls.record_final_message(room, event.seq, text.clone());
            }
        }
        Ok(())
    }

    /// Stops all clients and returns their histories.
    pub async fn stop(self) -> anyhow::Result<Vec<History>> {
        self.controls.phase.send_replace(Phase::Stop);
        let mut histories = Vec::with_capacity(self.clients.len());
        for client in self.clients {
            histories.push(client.history().await?);
        }
        Ok(histories)
    }
}

/// The rooms of a campaign; the names hold a space and Hangul, as people's do.
pub fn rooms(count: u32) -> Vec<RoomName> {
    (1..=count).filter_map(|number| RoomName::parse(&format!("방 {number}")).ok()).collect()
}
