//! The doors of a room, and who of a crowd comes by which.

use clap::ValueEnum;

use crate::line::Transport;

/// By which doors the clients of a campaign come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Doors {
    /// By every door, mixed in each room
    #[default]
    All,
    /// Socket.IO, over every transport
    Socketio,
    /// Requests and streams of events
    Http,
    /// Lines over TCP
    Tcp,
}

/// How one client comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    SocketIo(Transport),
    /// As the person of a cookie, or as a guest, who is somebody else each time.
    Http {
        as_guest: bool,
    },
    Lines,
}

/// Of ten clients at Socket.IO, how many come over which transport; the others over a WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct Transports {
    pub polling: u32,
    /// These begin with long-polling and change to a WebSocket.
    pub upgrading: u32,
}

impl Doors {
    /// How the client of this number comes. Ten numbers in a row have every way there is.
    pub fn way(self, number: u32, Transports { polling, upgrading }: Transports) -> Way {
        let tenth = number % 10;
        match (self, tenth) {
            (Doors::Http, _) => Way::Http { as_guest: tenth % 2 == 1 },
            (Doors::Tcp, _) | (Doors::All, 8..) => Way::Lines,
            (Doors::All, 6..8) => Way::Http { as_guest: tenth == 7 },
            (_, tenth) if tenth < polling => Way::SocketIo(Transport::Polling),
            (_, tenth) if tenth < polling + upgrading => Way::SocketIo(Transport::Upgrade),
            _ => Way::SocketIo(Transport::WebSocket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_clients_have_every_way_there_is() {
        let ways: Vec<Way> =
            (0..10).map(|number| Doors::All.way(number, Transports { polling: 3, upgrading: 2 })).collect();
        for way in [
            Way::SocketIo(Transport::WebSocket),
            Way::SocketIo(Transport::Polling),
            Way::SocketIo(Transport::Upgrade),
            Way::Http { as_guest: true },
            Way::Http { as_guest: false },
            Way::Lines,
        ] {
            assert!(ways.contains(&way), "{way:?}");
        }
    }
}
