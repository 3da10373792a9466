//! Which of the server's transports each client of a campaign uses.

use clap::ValueEnum;

use crate::engineio::EngineTransport;

/// The choice for a whole campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TransportChoice {
    /// Every transport, mixed in each room
    #[default]
    All,
    /// Socket.IO, over every transport of Engine.IO
    Socketio,
    /// HTTP requests and server-sent events
    Http,
    /// The line protocol over TCP
    Tcp,
}

/// The transport of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTransport {
    SocketIo(EngineTransport),
    /// With the cookie of one person, or as a guest, who is another person each time.
    Http {
        as_guest: bool,
    },
    Line,
}

/// Of ten clients over Socket.IO, how many use which transport of Engine.IO; the others use a WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct EngineMix {
    pub polling: u32,
    /// These begin with long-polling and upgrade to a WebSocket.
    pub upgrading: u32,
}

impl TransportChoice {
    /// Returns the transport of the client with this number. Ten numbers in a row cover every one.
    pub fn client_transport(
        self,
        number: u32,
        EngineMix { polling, upgrading }: EngineMix,
    ) -> ClientTransport {
        let tenth = number % 10;
        match (self, tenth) {
            (TransportChoice::Http, _) => ClientTransport::Http { as_guest: tenth % 2 == 1 },
            (TransportChoice::Tcp, _) | (TransportChoice::All, 8..) => ClientTransport::Line,
            (TransportChoice::All, 6..8) => ClientTransport::Http { as_guest: tenth == 7 },
            (_, tenth) if tenth < polling => ClientTransport::SocketIo(EngineTransport::Polling),
            (_, tenth) if tenth < polling + upgrading => ClientTransport::SocketIo(EngineTransport::Upgrade),
            _ => ClientTransport::SocketIo(EngineTransport::WebSocket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_clients_use_every_transport() {
        let transports: Vec<ClientTransport> = (0..10)
            .map(|number| {
                TransportChoice::All.client_transport(number, EngineMix { polling: 3, upgrading: 2 })
            })
            .collect();
        for client_transport in [
            ClientTransport::SocketIo(EngineTransport::WebSocket),
            ClientTransport::SocketIo(EngineTransport::Polling),
            ClientTransport::SocketIo(EngineTransport::Upgrade),
            ClientTransport::Http { as_guest: true },
            ClientTransport::Http { as_guest: false },
            ClientTransport::Line,
        ] {
            assert!(transports.contains(&client_transport), "{client_transport:?}");
        }
    }
}
