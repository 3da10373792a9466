//! Many clients at once: starting them, waiting until they are done, taking their histories.

use std::{sync::Arc, time::Instant};

use common::room::RoomName;
use tokio::time::Duration;

use crate::{
    board::{Board, Phase},
    client::{Client, Habits},
    history::History,
    line::Transport,
};

/// How often is looked whether everybody is done, and how often in a row it must be so: figures are
/// published by tasks that run at their own time.
const LOOK: Duration = Duration::from_millis(25);
const LOOKS: u32 = 3;

/// Clients over one board.
pub struct Crowd {
    board: Arc<Board>,
    clients: Vec<Client>,
}

/// Who is in a crowd.
#[derive(Clone, Copy, Debug)]
pub struct Members {
    pub clients: u32,
    pub rooms: u32,
    /// Of ten clients, this many use long-polling.
    pub polling: u32,
    /// Of ten clients, this many begin with long-polling and change to WebSocket.
    pub upgrading: u32,
    pub pace: Duration,
    pub patience: Duration,
    pub backoff: Duration,
}

impl Crowd {
    /// Starts the clients, spread evenly over the rooms.
    pub fn start(members: Members, seed: u64, board: &Arc<Board>) -> Crowd {
        let rooms = rooms(members.rooms);
        let start = |number: u32| {
            let transport = match number / members.rooms % 10 {
                tenth if tenth < members.polling => Transport::Polling,
                tenth if tenth < members.polling + members.upgrading => Transport::Upgrade,
                _ => Transport::WebSocket,
            };
            let Members { pace, patience, backoff, .. } = members;
            let habits = Habits { transport, pace, patience, backoff };
            let own = vec![rooms[(number % members.rooms) as usize].clone()];
            let seed = seed.wrapping_add(u64::from(number));
            Client::start(format!("w{number}"), own, habits, seed, board.clone())
        };
        Crowd { board: board.clone(), clients: (0..members.clients).map(start).collect() }
    }

    /// Has everybody finish what they began; false when they can not within this time. With
    /// `pushes` everybody must have been told everything, not only show it.
    pub async fn settle(&self, pushes: bool, within: Duration) -> bool {
        self.board.phase.send_replace(Phase::Quiet);
        let (began, mut looks) = (Instant::now(), 0);
        while looks < LOOKS {
            if began.elapsed() > within {
                return false;
            }
            tokio::time::sleep(LOOK).await;
            let done = |client: &Client| {
                client.has_sent_all() && client.shows_all() && (client.was_told_all() || !pushes)
            };
            looks = if self.clients.iter().all(done) { looks + 1 } else { 0 };
        }
        true
    }

    /// Lets everybody go and takes what they wrote down.
    pub async fn disperse(self) -> anyhow::Result<Vec<History>> {
        self.board.phase.send_replace(Phase::Over);
        let mut histories = Vec::with_capacity(self.clients.len());
        for client in self.clients {
            histories.push(client.history().await?);
        }
        Ok(histories)
    }
}

/// The rooms of a campaign; names as people give them.
pub fn rooms(count: u32) -> Vec<RoomName> {
    (1..=count).filter_map(|number| RoomName::parse(&format!("방 {number}")).ok()).collect()
}
