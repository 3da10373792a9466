//! The doors: each opens what `--listen` names and translates between one wire and the chat.
//!
//! A gateway decodes, calls, encodes. It decides nothing about rooms or people, and no gateway
//! knows another.

mod accept;
mod entrance;
mod guard;
mod http;
mod page;
#[cfg(test)]
mod shell;
mod socketio;
mod wire;

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{chat::Chat, config::Config};

/// How many connections the kernel keeps waiting for us.
const BACKLOG: u32 = 1024;

/// Sockets that listen already, but let nobody in yet.
pub struct Doors {
    http: Vec<TcpListener>,
}

impl Doors {
    /// Takes every port of the configuration. A port that is taken says so.
    pub async fn bind(config: &Config) -> anyhow::Result<Doors> {
        let http = config.listen.iter().map(|address| bind(*address)).collect::<anyhow::Result<_>>()?;
        Ok(Doors { http })
    }

    /// Where the doors really are: a port 0 has become a real one.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.http.iter().filter_map(|listener| listener.local_addr().ok()).collect()
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
        let app = http::routes(chat.clone(), guard, sockets, door.lines());
        let caps = entrance::Caps::new(config);
        let patience = accept::Patience { header: config.header_timeout, body: config.body_timeout };
        for listener in self.http {
            gateways.spawn(accept::serve(
                listener,
                app.clone(),
                caps.clone(),
                patience,
                stop.clone(),
                gateways.clone(),
            ));
        }
        gateways.spawn(door.keep());
        Ok(())
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait for the connections of the last run to time out.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow::anyhow!("{address} is taken by another program; end it or give --listen another port")
        }
        _ => anyhow::Error::from(error).context(format!("listening on {address}")),
    })
}
