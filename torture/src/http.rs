//! HTTP/1.1 over one connection, one request after the other.
//!
//! Long-polling and the HTTP door both speak through it; what is asked and answered is theirs.

use std::{io, net::SocketAddr};

use http_body_util::{BodyExt, Full};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::HOST,
    http::request::Builder,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use crate::line::broken;

/// A connection that takes requests.
pub(crate) struct Http {
    address: SocketAddr,
    requests: SendRequest<Full<Bytes>>,
}

impl Http {
    /// Speaks HTTP over this stream, for as long as `tasks` live.
    pub(crate) async fn over(
        stream: TcpStream,
        address: SocketAddr,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<Http> {
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tasks.spawn(async move {
            // A connection that breaks fails the request that is under way.
            let _ = connection.await;
        });
        Ok(Http { address, requests })
    }

    /// Sends a request; the response's body is still to come.
    pub(crate) async fn begin(
        &mut self,
        request: Builder,
        body: impl Into<Bytes>,
    ) -> io::Result<Response<Incoming>> {
        let request = request.header(HOST, self.address.to_string()).body(Full::new(body.into()));
        // The end of the last answer may still be on its way through the connection's task.
        self.requests.ready().await.map_err(broken)?;
        self.requests.send_request(request.map_err(broken)?).await.map_err(broken)
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn ask(
        &mut self,
        request: Builder,
        body: impl Into<Bytes>,
    ) -> io::Result<(StatusCode, String)> {
        let response = self.begin(request, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(broken)?.to_bytes();
        Ok((status, String::from_utf8(body.into()).map_err(broken)?))
    }
}
