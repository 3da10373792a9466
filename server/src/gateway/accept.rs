//! Accepting HTTP connections: our own loop around hyper, because what axum brings waits for ever.
//!
//! Headers have ten seconds, 16 KiB and 64 lines; a request's body has fifteen seconds; a peer that
//! stops reading is gone after fifteen more. Every connection carries a [`Wire`], with which a
//! gateway sees what went through it and can cut it whatever its queues look like.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body};
use http_body::{Frame, SizeHint};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tracing::{debug, warn};

use super::wire::{Metered, Wire};
use crate::{
    chat::limits::{is_loopback, network},
    config::Config,
    lock::lock,
};

/// The most a request's line and headers may take, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The most header lines of a request.
const MAX_HEADERS: usize = 64;
/// How long the kernel waits for a peer to take what was sent (a zero window counts).
const UNREAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How much the kernel may hold for a peer that does not read, in bytes.
const SEND_BUFFER: usize = 128 * 1024;

/// Where a request came from.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) wire: Wire,
}

/// How many connections there may be, and how patient they are served.
#[derive(Clone)]
pub(super) struct Caps {
    total: usize,
    per_address: usize,
    header_timeout: Duration,
    body_timeout: Duration,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place among the counted ones; given back when dropped.
struct Place {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
}

impl Caps {
    pub(super) fn new(config: &Config) -> Caps {
        Caps {
            total: config.max_connections,
            per_address: config.max_connections_per_address,
            header_timeout: config.header_timeout,
            body_timeout: config.body_timeout,
            open: Arc::default(),
        }
    }

    /// A place for one more connection, if there is one. Loopback counts in the total only: a
    /// reverse proxy on this machine brings everybody.
    fn place(&self, peer: SocketAddr) -> Option<Place> {
        let address = network(peer.ip());
        let mut open = lock(&self.open);
        let here = open.by_address.get(&address).copied().unwrap_or_default();
        if open.total >= self.total || (here >= self.per_address && !is_loopback(peer.ip())) {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, here + 1);
        Some(Place { open: self.open.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.total -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// Serves `app` to everybody who connects, until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    caps: Caps,
    stop: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: others will end, and theirs come free.
                    warn!("accepting a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Some(place) = caps.place(peer) else {
            debug!(%peer, "too many connections");
            continue;
        };
        if let Err(error) = tune(&stream) {
            debug!(%peer, "setting socket options: {error}");
        }
        let (app, stop, caps) = (app.clone(), stop.clone(), caps.clone());
        connections.spawn(async move {
            if let Err(error) = talk(stream, peer, app, stop, &caps, place).await {
                debug!(%peer, "connection ended: {error}");
            }
        });
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT))?;
    socket.set_send_buffer_size(SEND_BUFFER)
}

async fn talk(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    stop: CancellationToken,
    caps: &Caps,
    place: Place,
) -> hyper::Result<()> {
    // Its place is kept even when hyper hands the connection on as a WebSocket.
    let stream = Metered::new(stream, place);
    let peer = Peer { address: peer.ip(), wire: stream.wire() };
    let body_timeout = caps.body_timeout;
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        app.clone().oneshot(request.map(|body| Body::new(Timed::new(body, body_timeout))))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(caps.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// A request's body with an end in time, however slowly its bytes trickle.
struct Timed {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl Timed {
    fn new(body: Incoming, within: Duration) -> Timed {
        Timed { body, deadline: Box::pin(sleep_until(Instant::now() + within)) }
    }
}

impl http_body::Body for Timed {
    type Data = <Incoming as http_body::Body>::Data;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Some(Err("the request took too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
