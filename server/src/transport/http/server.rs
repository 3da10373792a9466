//! Serves HTTP/1 with hyper on the accepted connections.
//!
//! `axum::serve` has no timeouts, so this is our own accept loop. Request headers may take ten
//! seconds, 16 KiB and 64 lines, a request body fifteen seconds. The kernel drops a peer that has not
//! read for fifteen seconds (see [`crate::transport::listener`]). Every request carries a [`Peer`],
//! with which a transport counts the bytes of the TCP connection and can shut it down even when its
//! queues are full.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body};
use http_body::{Frame, SizeHint};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tracing::debug;

use super::{MAX_HEAD_BYTES, MAX_HEADERS, body::BodyTimeout, parse_errors::ParseErrorStream};
use crate::{
    config::Config,
    transport::{
        guard::Peer,
        listener::{Accepted, ConnectionLimits},
        raw_socket::MeteredStream,
    },
};

/// Serves the routes on every connection. Cheap to clone.
#[derive(Clone)]
pub(in crate::transport) struct HttpServer {
    app: Router,
    /// The time a client has to send the request headers.
    header_timeout: Duration,
    /// The time a client has to send the request body.
    body_timeout: Duration,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl HttpServer {
    pub(in crate::transport) fn new(
        app: Router,
        config: &Config,
        stop: CancellationToken,
        connections: TaskTracker,
    ) -> HttpServer {
        HttpServer {
            app,
            header_timeout: config.header_timeout,
            body_timeout: config.body_timeout,
            stop,
            connections,
        }
    }

    /// Serves every accepted connection until the server stops.
    pub(in crate::transport) async fn serve(self, listener: TcpListener, limits: ConnectionLimits) {
        while let Some(accepted) = self.stop.run_until_cancelled(limits.accept(&listener)).await {
            let (server, peer) = (self.clone(), accepted.peer);
            self.connections.spawn(async move {
                if let Err(error) = server.serve_connection(accepted).await {
                    debug!(%peer, "connection ended: {error}");
                }
            });
        }
    }

    async fn serve_connection(self, accepted: Accepted) -> hyper::Result<()> {
        let Accepted { stream, peer, number, permit } = accepted;
        // The permit lives in the stream, so it outlasts hyper's hand-over of the connection to a WebSocket.
        let stream = MeteredStream::new(stream, permit);
        let peer = Peer { address: peer.ip(), number, connection: stream.handle() };
        let HttpServer { app, header_timeout, body_timeout, stop, .. } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            app.clone().oneshot(request.map(|body| Body::new(DeadlineBody::new(body, body_timeout))))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(ParseErrorStream::new(stream)), service)
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
}

/// A request body that fails at a deadline, however slowly its bytes trickle in.
struct DeadlineBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl DeadlineBody {
    fn new(body: Incoming, timeout: Duration) -> DeadlineBody {
        DeadlineBody { body, deadline: Box::pin(sleep_until(Instant::now() + timeout)) }
    }
}

impl http_body::Body for DeadlineBody {
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
        Poll::Ready(Some(Err(BodyTimeout.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
