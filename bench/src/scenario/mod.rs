//! The scenarios: each starts a fresh server, connects its clients, and returns measurements.

mod connect;
mod durable;
mod fanout;
mod memory;
mod open_loop;
mod recovery;
mod transports;

use std::time::Duration;

use clap::ValueEnum;
use tempfile::TempDir;

use crate::{
    clients::{Clients, JOIN_ACK},
    dialect::Dialect,
    measure::Measurement,
    peer::Peer,
    server::Server,
};

/// Long enough for all presence changes to arrive.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// The scenarios, by their names on the command line.
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
    /// The same small load over each of Madang's transports
    #[value(name = "doors")]
    Transports,
    /// The cost of connecting
    Connect,
    /// Memory of an idle connection
    Idle,
    /// 1,000 durable messages a second
    Append,
    /// Durable messages at full speed
    AppendMax,
    /// Reading 1,000 missed messages
    CatchUp,
    /// All clients reconnect after a restart
    Return,
    /// From the start after a kill -9 to the first acknowledgement
    Recovery,
}

/// The sizes of all scenarios.
pub(crate) struct Scale {
    pub(crate) seconds: u64,
    pub(crate) room_size: usize,
    pub(crate) small_rooms: usize,
    pub(crate) readers: usize,
    pub(crate) new_clients: usize,
    pub(crate) idle: usize,
    pub(crate) reconnecting: usize,
    pub(crate) stored: u64,
}

impl Scale {
    pub(crate) const FULL: Scale = Scale {
        seconds: 5,
        room_size: 1_000,
        small_rooms: 500,
        readers: 20,
        new_clients: 2_000,
        idle: 5_000,
        reconnecting: 10_000,
        stored: 1_000_000,
    };
    /// Shows that everything works; the values mean nothing.
    pub(crate) const QUICK: Scale = Scale {
        seconds: 1,
        room_size: 50,
        small_rooms: 25,
        readers: 5,
        new_clients: 100,
        idle: 100,
        reconnecting: 200,
        stored: 10_000,
    };
}

impl Scenario {
    /// The servers that it makes sense for: only Madang stores, and has other transports.
    pub(crate) fn peers(self) -> &'static [Peer] {
        match self {
            Scenario::Fanout
            | Scenario::Fanout50
            | Scenario::Fanout100
            | Scenario::Rooms
            | Scenario::Connect
            | Scenario::Idle => &Peer::ALL,
            Scenario::Transports
            | Scenario::Append
            | Scenario::AppendMax
            | Scenario::CatchUp
            | Scenario::Return
            | Scenario::Recovery => &[Peer::Madang],
        }
    }

    pub(crate) fn run(self, peer: Peer, scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
        match self {
            Scenario::Fanout => fanout::closed_loop(peer, scale),
            Scenario::Fanout50 => fanout::one_room(peer, scale, 50),
            Scenario::Fanout100 => fanout::one_room(peer, scale, 100),
            Scenario::Rooms => fanout::small_rooms(peer, scale),
            Scenario::Transports => transports::compare(scale),
            Scenario::Connect => connect::connect_cost(peer, scale),
            Scenario::Idle => memory::idle(peer, scale),
            Scenario::Append => durable::at_steady_rate(scale),
            Scenario::AppendMax => durable::at_full_speed(scale),
            Scenario::CatchUp => recovery::catch_up(),
            Scenario::Return => connect::reconnect_storm(scale),
            Scenario::Recovery => recovery::after_kill(scale),
        }
    }
}

/// A fresh server with its clients and its data folder. Dropped in this order.
struct Setup {
    clients: Clients,
    server: Server,
    dialect: Dialect,
    data_dir: TempDir,
}

impl Setup {
    fn open(peer: Peer) -> anyhow::Result<Setup> {
        // On a real disk, which a folder for temporary files may not be.
        let data_dir = tempfile::tempdir_in("target")?;
        let server = peer.start(data_dir.path())?;
        let clients = Clients::new(server.address)?;
        Ok(Setup { clients, server, dialect: peer.dialect(), data_dir })
    }

    /// Connects `count` clients, each to the room that `room_name` returns.
    fn connect_and_join(&mut self, count: usize, room_name: impl Fn(usize) -> String) -> anyhow::Result<()> {
        let dialect = self.dialect;
        self.clients
            .connect_and_join(count, |client_index| dialect.join(&room_name(client_index), None, JOIN_ACK))
    }
}
