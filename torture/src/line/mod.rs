//! A line to a server: text packets in and out, over any transport of Engine.IO 4.
//!
//! It opens the transport and carries packets; what they say is `connection`'s. Each direction has a
//! task of its own, so that waiting for one never holds up the other, and dropping the line ends
//! them and closes its TCP connections.

mod polling;
mod websocket;

use std::{io, net::SocketAddr};

use serde::Deserialize;
use socket2::{SockRef, Socket};
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet};

/// Where Socket.IO answers.
const PATH: &str = "/socket.io/?EIO=4";

/// How many packets may wait on either side of a line.
const QUEUE: usize = 1024;

/// How a line is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    WebSocket,
    Polling,
    /// Long-polling first, then WebSocket, as Socket.IO's own client begins.
    Upgrade,
}

/// An open line.
pub struct Line {
    /// Our end of its first TCP connection.
    pub local: SocketAddr,
    sockets: Vec<Socket>,
    incoming: mpsc::Receiver<String>,
    outgoing: mpsc::Sender<Vec<String>>,
    tasks: JoinSet<()>,
}

/// What the tasks of a line hold of it.
struct Ends {
    told: mpsc::Sender<String>,
    orders: mpsc::Receiver<Vec<String>>,
}

impl Line {
    /// Opens a line; the server's handshake is its first packet.
    pub async fn open(address: SocketAddr, transport: Transport) -> io::Result<Line> {
        match transport {
            Transport::WebSocket => websocket::open(address).await,
            Transport::Polling => polling::open(address).await,
            Transport::Upgrade => polling::upgrade(address).await,
        }
    }

    /// The next packet; `None` when the line is dead. Cancel safe.
    pub async fn receive(&mut self) -> Option<String> {
        self.incoming.recv().await
    }

    /// Sends packets in one write. A line that is dead or full shows it when it is listened to.
    pub fn send(&self, packets: Vec<String>) {
        let _ = self.outgoing.try_send(packets);
    }

    /// Ends the line the rude way: with a TCP reset.
    pub fn reset(self) {
        for socket in &self.sockets {
            let _ = socket.set_linger(Some(std::time::Duration::ZERO));
        }
    }

    fn new(first: &TcpStream) -> io::Result<(Line, Ends)> {
        let (told, incoming) = mpsc::channel(QUEUE);
        let (outgoing, orders) = mpsc::channel(QUEUE);
        let (local, sockets) = (first.local_addr()?, vec![SockRef::from(first).try_clone()?]);
        Ok((Line { local, sockets, incoming, outgoing, tasks: JoinSet::new() }, Ends { told, orders }))
    }
}

/// A TCP connection that waits for nothing before it sends.
pub(crate) async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What of the handshake names the session.
#[derive(Deserialize)]
struct Handshake {
    sid: String,
}

impl Handshake {
    fn read(packet: &str) -> io::Result<Handshake> {
        let json = packet.strip_prefix('0').ok_or_else(|| broken("no handshake"))?;
        serde_json::from_str(json).map_err(broken)
    }
}

/// Something that came was not what it had to be.
pub(crate) fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}
