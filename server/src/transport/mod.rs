//! The transports: HTTP with Socket.IO, the TCP line protocol, UDP datagrams, and the socket of the operator.
//!
//! A transport decodes a request, calls the chat and encodes the result. It makes no decision about
//! rooms or people, and no transport depends on another. `Server` binds the sockets of `--listen`
//! and then starts the transports.

mod admin;
mod decode;
mod error;
mod guard;
mod http;
mod line;
mod listener;
mod permits;
mod proxy;
mod queue;
mod raw_socket;
mod socketio;
mod udp;

use std::{io, net::SocketAddr, path::Path};

use anyhow::anyhow;
use axum::{Router, middleware};
use rustix::io::Errno;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use self::{
    admin::AdminTransport, guard::Guard, http::HttpServer, line::LineTransport, listener::ConnectionLimits,
    permits::Permits, socketio::SocketIoTransport, udp::UdpTransport,
};
use crate::{
    chat::Chat,
    config::{Config, ListenAddress, Transport},
    health::Health,
};

/// The sockets of `--listen`, bound but not accepting yet.
pub struct Transports {
    bound: Vec<BoundSocket>,
    admin: Option<AdminTransport>,
}

enum BoundSocket {
    Http(TcpListener),
    Line(TcpListener),
    Udp(UdpSocket),
}

impl Transports {
    /// Binds every address of the configuration, without optional ones that the machine does not have; the error
    /// names the address that is taken.
    pub async fn bind(config: &Config) -> anyhow::Result<Transports> {
        let mut sockets = Vec::with_capacity(config.listen.len());
        for listen in &config.listen {
            let ListenAddress { transport, address, is_optional } = listen;
            let bound = match transport {
                Transport::Http => listener::bind(*address).map(BoundSocket::Http),
                Transport::Tcp => listener::bind(*address).map(BoundSocket::Line),
                Transport::Udp => UdpSocket::bind(address).await.map(BoundSocket::Udp),
            };
            match bound {
                Ok(socket) => sockets.push(socket),
                Err(error) if *is_optional && is_missing_address(&error) => {
                    info!("not listening on {listen}: {error}");
                }
                Err(error) => return Err(bind_error(error, *address)),
            }
        }
        Ok(Transports { bound: sockets, admin: None })
    }

    /// Opens the socket of the operator. Called when the database is open: its lock tells that no other server
    /// uses the folder.
    pub fn open_admin_socket(&mut self, path: &Path) {
        self.admin = AdminTransport::open(path)
            .inspect_err(|error| warn!("madang admin will not work: {error:#}"))
            .ok();
    }

    /// The bound addresses, in the order of the configuration; a port 0 is replaced by the real port.
    pub fn addresses(&self) -> Vec<ListenAddress> {
        let addresses = self.bound.iter().map(|bound| match bound {
            BoundSocket::Http(listener) => listener.local_addr().map(|address| Transport::Http.at(address)),
            BoundSocket::Line(listener) => listener.local_addr().map(|address| Transport::Tcp.at(address)),
            BoundSocket::Udp(socket) => socket.local_addr().map(|address| Transport::Udp.at(address)),
        });
        addresses.filter_map(Result::ok).collect()
    }

    /// Starts one task per socket. The tasks end when `stop` is cancelled.
    pub fn start(
        self,
        config: &Config,
        chat: &Chat,
        health: &Health,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> anyhow::Result<()> {
        let limits = ConnectionLimits::new(config);
        let (app, socketio) = http_app(config, &limits, chat, health, stop);
        let http = HttpServer::new(app, config, stop.clone(), tasks.clone());
        let line = LineTransport::new(chat.clone(), config.idle_timeout, stop.clone(), tasks.clone());
        for bound in self.bound {
            match bound {
                BoundSocket::Http(listener) => {
                    tasks.spawn(health.supervise("http", http.clone().serve(listener, limits.clone())))
                }
                BoundSocket::Line(listener) => {
                    tasks.spawn(health.supervise("tcp", line.clone().serve(listener, limits.clone())))
                }
                BoundSocket::Udp(socket) => {
                    let udp = UdpTransport::new(socket, chat.clone(), config.udp_key.as_ref())?;
                    tasks.spawn(health.supervise("udp", udp.serve(stop.clone())))
                }
            };
        }
        tasks.spawn(health.supervise("socketio", socketio.run()));
        if let Some(admin) = self.admin {
            tasks.spawn(health.supervise("admin", admin.serve(chat.clone(), stop.clone())));
        }
        Ok(())
    }
}

/// Everything that is served over HTTP; a request passes the layers from the last to the first.
fn http_app(
    config: &Config,
    limits: &ConnectionLimits,
    chat: &Chat,
    health: &Health,
    stop: &CancellationToken,
) -> (Router, SocketIoTransport) {
    let guard = Guard::new(&config.public_urls, limits.clone(), chat.instance_id());
    let sessions = Permits::new(config.max_connections, config.max_connections_per_address);
    let (socketio_layer, socketio) = socketio::build(chat.clone(), sessions, stop.clone());
    let app = http::router(chat.clone(), guard.clone(), health.clone(), stop.clone())
        .layer(socketio_layer)
        .layer(middleware::from_fn_with_state(socketio.engine_sessions(), socketio::track_request))
        .layer(middleware::from_fn_with_state(guard, guard::check_origin));
    (app, socketio)
}

/// Whether the machine has no such address, or no IPv6 at all.
fn is_missing_address(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
}

fn bind_error(error: io::Error, address: SocketAddr) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow!("{address} is taken by another program; end it or give --listen another port")
        }
        io::ErrorKind::AddrNotAvailable => anyhow!("--listen: {address} is no address of this machine"),
        _ => anyhow::Error::from(error).context(format!("listening on {address}")),
    }
}
