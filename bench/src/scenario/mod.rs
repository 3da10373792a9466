//! What is measured: each scenario starts a fresh server, brings its crowd, and returns figures.

mod connect;
mod doors;
mod durable;
mod fanout;
mod memory;
mod open_loop;
mod recovery;

use std::time::Duration;

use clap::ValueEnum;
use tempfile::TempDir;

use crate::{
    crowd::{Crowd, JOINED},
    dialect::Dialect,
    measure::Measure,
    peer::Peer,
    server::Server,
};

/// Until everybody has heard of everybody's coming.
const SETTLE: Duration = Duration::from_millis(500);

/// What can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// One room; the next message when all have the last one
    Fanout,
    /// One room, 50 messages a second
    #[value(name = "fanout-50")]
    Fanout50,
    /// One room, 100 messages a second
    #[value(name = "fanout-100")]
    Fanout100,
    /// Many rooms of four, 5,000 messages a second
    Rooms,
    /// The same small load at each of Madang's doors
    Doors,
    /// What it costs to let somebody in
    Connect,
    /// Memory of a connection that says nothing
    Idle,
    /// 1,000 durable messages a second
    Append,
    /// Durable messages as fast as they go
    AppendMax,
    /// Reading 1,000 missed messages
    CatchUp,
    /// Everybody comes back after a restart
    Return,
    /// From the start after a kill -9 to the first acknowledgement
    Recovery,
}

/// How much of everything.
pub(crate) struct Size {
    pub(crate) seconds: u64,
    pub(crate) room: usize,
    pub(crate) small_rooms: usize,
    pub(crate) readers: usize,
    pub(crate) newcomers: usize,
    pub(crate) idle: usize,
    pub(crate) returning: usize,
    pub(crate) stored: u64,
}

impl Size {
    pub(crate) const FULL: Size = Size {
        seconds: 5,
        room: 1_000,
        small_rooms: 500,
        readers: 20,
        newcomers: 2_000,
        idle: 5_000,
        returning: 10_000,
        stored: 1_000_000,
    };
    /// Enough to see that everything works; its figures mean nothing.
    pub(crate) const QUICK: Size = Size {
        seconds: 1,
        room: 50,
        small_rooms: 25,
        readers: 5,
        newcomers: 100,
        idle: 100,
        returning: 200,
        stored: 10_000,
    };
}

impl Scenario {
    /// Whom it makes sense for: only Madang stores, and has other doors.
    pub(crate) fn peers(self) -> &'static [Peer] {
        match self {
            Scenario::Fanout
            | Scenario::Fanout50
            | Scenario::Fanout100
            | Scenario::Rooms
            | Scenario::Connect
            | Scenario::Idle => &Peer::ALL,
            Scenario::Doors
            | Scenario::Append
            | Scenario::AppendMax
            | Scenario::CatchUp
            | Scenario::Return
            | Scenario::Recovery => &[Peer::Madang],
        }
    }

    pub(crate) fn run(self, peer: Peer, size: &Size) -> anyhow::Result<Vec<Measure>> {
        match self {
            Scenario::Fanout => fanout::closed_loop(peer, size),
            Scenario::Fanout50 => fanout::one_room(peer, size, 50),
            Scenario::Fanout100 => fanout::one_room(peer, size, 100),
            Scenario::Rooms => fanout::small_rooms(peer, size),
            Scenario::Doors => doors::side_by_side(size),
            Scenario::Connect => connect::newcomers(peer, size),
            Scenario::Idle => memory::idle(peer, size),
            Scenario::Append => durable::steady(size),
            Scenario::AppendMax => durable::as_fast_as_it_goes(size),
            Scenario::CatchUp => recovery::catch_up(),
            Scenario::Return => connect::everybody_returns(size),
            Scenario::Recovery => recovery::after_a_kill(size),
        }
    }
}

/// A fresh server with its crowd, and the folder it keeps its data in. Dropped in this order.
struct Stage {
    crowd: Crowd,
    server: Server,
    dialect: Dialect,
    data: TempDir,
}

impl Stage {
    fn open(peer: Peer) -> anyhow::Result<Stage> {
        // On a real disk, which a folder for temporary files may not be.
        let data = tempfile::tempdir_in("target")?;
        let server = peer.start(data.path())?;
        let crowd = Crowd::new(server.address)?;
        Ok(Stage { crowd, server, dialect: peer.dialect(), data })
    }

    /// Lets `count` people in, each into the room that `room_of` says.
    fn gather(&mut self, count: usize, room_of: impl Fn(usize) -> String) -> anyhow::Result<()> {
        let dialect = self.dialect;
        self.crowd.gather(count, |who| dialect.join(&room_of(who), None, JOINED))
    }
}
