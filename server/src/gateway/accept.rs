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
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body};
use http_body::{Frame, SizeHint};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tracing::{debug, warn};

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

/// A grip on a TCP connection from outside the task that serves it.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    stream: Weak<TcpStream>,
    meter: Arc<Meter>,
}

/// How many bytes went through a connection so far.
#[derive(Debug, Default)]
struct Meter {
    read: AtomicU64,
    written: AtomicU64,
}

impl Wire {
    /// How many bytes the peer has sent so far.
    pub(super) fn read(&self) -> u64 {
        self.meter.read.load(Ordering::Relaxed)
    }

    /// How many bytes the kernel has taken for the peer so far.
    pub(super) fn written(&self) -> u64 {
        self.meter.written.load(Ordering::Relaxed)
    }

    /// Ends the connection at once, for both sides, whatever is still queued.
    pub(super) fn cut(&self) {
        if let Some(stream) = self.stream.upgrade() {
            // It fails when the connection is over already.
            let _ = SockRef::from(&*stream).shutdown(std::net::Shutdown::Both);
        }
    }
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
    let (stream, meter) = (Arc::new(stream), Arc::<Meter>::default());
    let wire = Wire { stream: Arc::downgrade(&stream), meter: meter.clone() };
    let peer = Peer { address: peer.ip(), wire };
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
        .serve_connection(TokioIo::new(Metered { stream, meter, _place: place }), service)
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

/// A TCP stream that its [`Wire`] can measure and cut. It keeps its place even when hyper hands it
/// on as a WebSocket.
struct Metered {
    stream: Arc<TcpStream>,
    meter: Arc<Meter>,
    _place: Place,
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    self.meter.read.fetch_add(read as u64, Ordering::Relaxed);
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                // Readiness may be stale; reading cleared it, so asking again will wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Metered {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        send: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match send(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(sent) => {
                    self.meter.written.fetch_add(sent as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(sent));
                }
            }
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write))
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
