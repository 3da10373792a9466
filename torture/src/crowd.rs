//! Many clients at once: starting them, waiting until they are done, taking their histories.

use std::sync::Arc;

use common::{person::DisplayName, room::RoomName};
use tokio::time::{Duration, sleep, timeout};

use crate::{
    board::{Board, Phase},
    client::{Client, Habits},
    connection::Failure,
    door::{Doors, Transports},
    history::History,
    requests::read_last,
};

/// How often is looked whether everybody is done, and how often in a row it must be so: figures are
/// published by tasks that run at their own time.
const LOOK: Duration = Duration::from_millis(25);
const LOOKS: u32 = 3;

/// Clients over one board.
pub struct Crowd {
    board: Arc<Board>,
    rooms: Vec<RoomName>,
    clients: Vec<Client>,
}

/// Who is in a crowd.
#[derive(Clone, Copy, Debug)]
pub struct Members {
    pub clients: u32,
    pub rooms: u32,
    pub doors: Doors,
    pub transports: Transports,
    pub pace: Duration,
    pub patience: Duration,
    pub backoff: Duration,
}

impl Crowd {
    /// Starts the clients, spread evenly over the rooms.
    pub fn start(members: Members, seed: u64, board: &Arc<Board>) -> Crowd {
        let rooms = rooms(members.rooms);
        let start = |number: u32| {
            let Members { pace, patience, backoff, .. } = members;
            let way = members.doors.way(number / members.rooms, members.transports);
            let habits = Habits { way, pace, patience, backoff };
            let room = rooms[(number % members.rooms) as usize].clone();
            let seed = seed.wrapping_add(u64::from(number));
            let name = DisplayName::from_store(format!("w{number}"));
            Client::start(name, room, habits, seed, board.clone())
        };
        let clients = (0..members.clients).map(start).collect();
        Crowd { board: board.clone(), rooms, clients }
    }

    /// Has everybody finish what they began; false when they can not within this time. With
    /// `pushes` everybody must have been told everything, not only show it.
    pub async fn settle(&self, pushes: bool, within: Duration) -> bool {
        self.board.phase.send_replace(Phase::Quiet);
        let settling = async {
            self.all(Client::has_sent_all).await;
            self.learn_ends().await?;
            self.all(|client| client.shows_all() && (client.was_told_all() || !pushes)).await;
            Ok::<(), Failure>(())
        };
        matches!(timeout(within, settling).await, Ok(Ok(())))
    }

    /// Waits until this is so of everybody.
    async fn all(&self, done: impl Fn(&Client) -> bool) {
        let mut looks = 0;
        while looks < LOOKS {
            sleep(LOOK).await;
            looks = if self.clients.iter().all(&done) { looks + 1 } else { 0 };
        }
    }

    /// Puts on the board how far each room's log goes: what was said over lines has no number that
    /// anybody was told, and clients at lines know no numbers.
    async fn learn_ends(&self) -> Result<(), Failure> {
        let http = self.board.open.borrow().http;
        for room in &self.rooms {
            if let Some(event) = read_last(http, room).await?
                && let Some(text) = event.what.body()
            {
                self.board.note_end(room, event.seq, text.clone());
            }
        }
        Ok(())
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
