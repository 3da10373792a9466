//! The doors: each opens what `--listen` names and translates between one wire and the chat.
//!
//! A gateway decodes, calls, encodes. It decides nothing about rooms or people, and no gateway
//! knows another.

mod accept;
mod answer;
mod entrance;
mod guard;
mod http;
mod page;
#[cfg(test)]
mod shell;
mod socketio;
mod tcp;
mod udp;
mod wire;

use std::{io, net::SocketAddr};

use anyhow::anyhow;
use axum::middleware;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chat::Chat,
    config::{Config, Door, Listen},
};

/// How many connections the kernel keeps waiting for us.
const BACKLOG: u32 = 1024;

/// Sockets that are bound already, but let nobody in yet.
pub struct Doors(Vec<Bound>);

enum Bound {
    Http(TcpListener),
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Doors {
    /// Takes every port of the configuration. A port that is taken says so.
    pub async fn bind(config: &Config) -> anyhow::Result<Doors> {
        let mut doors = Vec::with_capacity(config.listen.len());
        for Listen { door, address } in &config.listen {
            let bound = match door {
                Door::Http => listen(*address).map(Bound::Http),
                Door::Tcp => listen(*address).map(Bound::Tcp),
                Door::Udp => UdpSocket::bind(address).await.map(Bound::Udp),
            };
            doors.push(bound.map_err(|error| explain(error, *address))?);
        }
        Ok(Doors(doors))
    }

    /// Where the doors really are: a port 0 has become a real one.
    pub fn listening(&self) -> Vec<Listen> {
        let listening = self.0.iter().map(|bound| match bound {
            Bound::Http(listener) => listener.local_addr().map(|address| Door::Http.at(address)),
            Bound::Tcp(listener) => listener.local_addr().map(|address| Door::Tcp.at(address)),
            Bound::Udp(socket) => socket.local_addr().map(|address| Door::Udp.at(address)),
        });
        listening.filter_map(Result::ok).collect()
    }

    /// Lets people in until `stop`.
    pub fn open(
        self,
        config: &Config,
        chat: &Chat,
        stop: &CancellationToken,
        gateways: &TaskTracker,
    ) -> anyhow::Result<()> {
        let (sockets, door) = socketio::open(chat.clone(), config.max_connections, stop.clone());
        let guard = guard::Guard::new(&config.public_urls);
        let app = http::routes(chat.clone(), guard.clone(), stop.clone())
            .layer(sockets)
            .layer(middleware::from_fn_with_state(door.lines(), socketio::watch))
            .layer(middleware::from_fn_with_state(guard, guard::stand));
        let caps = entrance::Caps::new(config);
        let patience = accept::Patience { header: config.header_timeout, body: config.body_timeout };
        let lines = tcp::Lines::new(chat.clone(), config.idle_timeout, stop.clone(), gateways.clone());
        for bound in self.0 {
            match bound {
                Bound::Http(listener) => {
                    let (app, caps, stop) = (app.clone(), caps.clone(), stop.clone());
                    gateways.spawn(accept::serve(listener, app, caps, patience, stop, gateways.clone()));
                }
                Bound::Tcp(listener) => {
                    gateways.spawn(lines.clone().serve(listener, caps.clone()));
                }
                Bound::Udp(socket) => {
                    let datagrams = udp::Datagrams::new(socket, chat.clone(), config.udp_key.as_ref())?;
                    gateways.spawn(datagrams.serve(stop.clone()));
                }
            }
        }
        gateways.spawn(door.keep());
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the connections of the last run to time out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn explain(error: io::Error, address: SocketAddr) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow!("{address} is taken by another program; end it or give --listen another port")
        }
        io::ErrorKind::AddrNotAvailable => anyhow!("--listen: {address} is no address of this machine"),
        _ => anyhow::Error::from(error).context(format!("listening on {address}")),
    }
}
