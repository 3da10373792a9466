//! Serving HTTP connections: our own loop around hyper, because what axum brings waits for ever.
//!
//! Headers have ten seconds, 16 KiB and 64 lines; a request's body has fifteen seconds; a peer that
//! stops reading is gone after fifteen more. Every connection carries a [`Wire`], with which a
//! gateway sees what went through it and can cut it whatever its queues look like.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body};
use http_body::{Frame, SizeHint};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tracing::debug;

use super::{
    entrance::{Caps, Place},
    wire::{Metered, Wire},
};

/// The most a request's line and headers may take, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The most header lines of a request.
const MAX_HEADERS: usize = 64;

/// Where a request came from.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) wire: Wire,
}

/// How patient connections are served.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// How long a client may take for its headers.
    pub(super) header: Duration,
    /// How long a client may take for a request's body.
    pub(super) body: Duration,
}

/// Serves `app` to everybody who connects, until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    caps: Caps,
    patience: Patience,
    stop: CancellationToken,
    connections: TaskTracker,
) {
    while let Some((stream, peer, place)) = stop.run_until_cancelled(caps.accept(&listener)).await {
        let (app, stop) = (app.clone(), stop.clone());
        connections.spawn(async move {
            if let Err(error) = talk(stream, peer, app, stop, patience, place).await {
                debug!(%peer, "connection ended: {error}");
            }
        });
    }
}

async fn talk(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    stop: CancellationToken,
    patience: Patience,
    place: Place,
) -> hyper::Result<()> {
    // Its place is kept even when hyper hands the connection on as a WebSocket.
    let stream = Metered::new(stream, place);
    let peer = Peer { address: peer.ip(), wire: stream.wire() };
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        app.clone().oneshot(request.map(|body| Body::new(Timed::new(body, patience.body))))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.header)
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
