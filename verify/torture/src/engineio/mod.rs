//! A connection that carries text packets in both directions, over any transport of Engine.IO 4.
//!
//! It opens the transport and moves packets; `socketio` interprets them. Each direction has its own task,
//! so that neither blocks the other. Dropping the connection ends the tasks, which closes the sockets.

mod polling;
mod websocket;

use std::{io, net::SocketAddr};

use serde::Deserialize;
use socket2::{SockRef, Socket};
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet};

use crate::net::protocol_error;

/// The path of Socket.IO.
pub(crate) const PATH: &str = "/socket.io/?EIO=4";

/// How many packets each direction can queue.
const QUEUE: usize = 1024;

/// A transport of Engine.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineTransport {
    WebSocket,
    Polling,
    /// Long-polling first, then WebSocket, as Socket.IO's own client does.
    Upgrade,
}

/// An open connection.
pub struct EngineConnection {
    /// The client's end of its first TCP connection.
    pub local_address: SocketAddr,
    sockets: Vec<Socket>,
    incoming: mpsc::Receiver<String>,
    outgoing: mpsc::Sender<Vec<String>>,
    tasks: JoinSet<()>,
}

/// The task's ends of the two queues.
struct EngineChannels {
    received: mpsc::Sender<String>,
    to_send: mpsc::Receiver<Vec<String>>,
}

impl EngineConnection {
    /// Opens a connection; the server's handshake is its first packet.
    pub async fn open(address: SocketAddr, transport: EngineTransport) -> io::Result<EngineConnection> {
        match transport {
            EngineTransport::WebSocket => websocket::open(address).await,
            EngineTransport::Polling => polling::open(address).await,
            EngineTransport::Upgrade => polling::upgrade(address).await,
        }
    }

    /// Returns the next packet; `None` when the connection is lost. Cancel safe.
    pub async fn receive(&mut self) -> Option<String> {
        self.incoming.recv().await
    }

    /// Sends packets in one write. Drops them if the queue is full or closed: the connection is dead or lost,
    /// and `receive` gets no replies or `None`.
    pub fn send(&self, packets: Vec<String>) {
        let _ = self.outgoing.try_send(packets);
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(self) {
        for socket in &self.sockets {
            let _ = socket.set_linger(Some(std::time::Duration::ZERO));
        }
    }

    fn new(first: &TcpStream) -> io::Result<(EngineConnection, EngineChannels)> {
        let (received, incoming) = mpsc::channel(QUEUE);
        let (outgoing, to_send) = mpsc::channel(QUEUE);
        let (local_address, sockets) = (first.local_addr()?, vec![SockRef::from(first).try_clone()?]);
        Ok((
            EngineConnection { local_address, sockets, incoming, outgoing, tasks: JoinSet::new() },
            EngineChannels { received, to_send },
        ))
    }
}

/// The part of the handshake that names the session.
#[derive(Deserialize)]
struct Handshake {
    sid: String,
}

impl Handshake {
    fn parse(packet: &str) -> io::Result<Handshake> {
        let json = packet.strip_prefix('0').ok_or_else(|| protocol_error("no handshake"))?;
        serde_json::from_str(json).map_err(protocol_error)
    }
}
