//! A client that does everything right: it sends what it said until it is acknowledged, comes back
//! whenever it is cut, asks for what it missed, and shows every event once and in order.
//!
//! By which door it comes decides what it can promise itself: `life` is a client that has numbers and
//! acknowledgements, `caller` one at the line door, which has neither.
//! It is a task that lives until the board says that it is over, and then hands its history to
//! the checker. It judges nothing itself.

mod call;
mod caller;
mod life;
mod link;
pub(crate) mod room;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use common::{person::DisplayName, room::RoomName};
use tokio::{task::JoinHandle, time::Duration};

use self::{caller::Caller, life::Life};
use crate::{board::Board, door::Way, history::History};

/// How often a client that has nothing more to say looks whether the others have.
const LOOK: Duration = Duration::from_millis(20);

/// How a client behaves.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    pub way: Way,
    /// The mean time between two messages.
    pub pace: Duration,
    /// How long an answer may take before the connection counts as dead.
    pub patience: Duration,
    /// The longest wait before connecting again; the shortest is an eighth of it.
    pub backoff: Duration,
}

/// A running client.
pub struct Client {
    progress: Arc<Progress>,
    task: JoinHandle<History>,
}

/// How far a client is, for whoever waits for it.
#[derive(Debug, Default)]
struct Progress {
    sent: AtomicBool,
    shown: AtomicBool,
    told: AtomicBool,
}

impl Client {
    /// Starts a client that speaks in this room.
    pub fn start(name: DisplayName, room: RoomName, habits: Habits, seed: u64, board: Arc<Board>) -> Client {
        let progress = Arc::new(Progress::default());
        let task = if habits.way == Way::Lines {
            tokio::spawn(Caller::new(name, room, habits, seed, board, progress.clone()).run())
        } else {
            tokio::spawn(Life::new(name, room, habits, seed, board, progress.clone()).run())
        };
        Client { progress, task }
    }

    /// Whether nothing it said is under way any more.
    pub fn has_sent_all(&self) -> bool {
        self.progress.sent.load(Ordering::Relaxed)
    }

    /// Whether it shows everything that was acknowledged to anybody.
    pub fn shows_all(&self) -> bool {
        self.progress.shown.load(Ordering::Relaxed)
    }

    /// Whether it was told all of that without asking.
    pub fn was_told_all(&self) -> bool {
        self.progress.told.load(Ordering::Relaxed)
    }

    /// What it did and heard; to be asked for when it is over.
    pub async fn history(self) -> anyhow::Result<History> {
        Ok(self.task.await?)
    }
}
