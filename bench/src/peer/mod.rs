//! The servers that are compared: Madang, two that store nothing, and the floor.

pub(crate) mod floor;
pub(crate) mod socketioxide;

use std::{env, fmt, path::Path, process::Command};

use clap::ValueEnum;

use crate::{dialect::Dialect, server::Server};

/// Madang's listeners; the others have only the first.
const MADANG_LISTEN: [&str; 3] = ["http://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://127.0.0.1:0"];

/// A server to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Peer {
    Madang,
    Node,
    Socketioxide,
    Floor,
}

impl Peer {
    pub(crate) const ALL: [Peer; 4] = [Peer::Madang, Peer::Node, Peer::Socketioxide, Peer::Floor];

    /// Starts it without limits on its clients. Only Madang stores something in `data`.
    pub(crate) fn start(self, data: &Path) -> anyhow::Result<Server> {
        let self_command = || env::current_exe().map(Command::new);
        let command = match self {
            Peer::Madang => {
                let mut command =
                    Command::new(env::var_os("MADANG_BIN").unwrap_or("target/release/madang".into()));
                for url in MADANG_LISTEN {
                    command.args(["--listen", url]);
                }
                command.args(["--log", "warn", "--data"]).arg(data);
                for limit in ["--message-rate", "--message-burst", "--join-rate", "--join-burst"] {
                    command.args([limit, "1e6"]);
                }
                command
            }
            Peer::Node => {
                let mut command = Command::new("node");
                command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/node/server.mjs"));
                command
            }
            Peer::Socketioxide => {
                let mut command = self_command()?;
                command.arg("serve-socketioxide");
                command
            }
            Peer::Floor => {
                let mut command = self_command()?;
                command.arg("serve-floor");
                command
            }
        };
        let listeners = if self == Peer::Madang { MADANG_LISTEN.len() } else { 1 };
        Server::start(command, listeners)
    }

    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Peer::Madang => Dialect::Madang,
            Peer::Node | Peer::Socketioxide | Peer::Floor => Dialect::Tutorial,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Peer::Madang => "Madang",
            Peer::Node => "Node's Socket.IO",
            Peer::Socketioxide => "bare socketioxide",
            Peer::Floor => "floor",
        })
    }
}
