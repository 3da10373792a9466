//! HTTP/1.1 over one connection, one request after the other.
//!
//! Long-polling and the client of the HTTP API share it.

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

use crate::net::protocol_error;

/// A connection for requests.
pub(crate) struct HttpConnection {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl HttpConnection {
    /// Starts HTTP on this stream, for as long as `tasks` live.
    pub(crate) async fn handshake(
        stream: TcpStream,
        address: SocketAddr,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<HttpConnection> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(protocol_error)?;
        tasks.spawn(async move {
            // An error here also fails the request in flight.
            let _ = connection.await;
        });
        Ok(HttpConnection { address, sender })
    }

    /// Sends a request; the response's body is not read yet.
    pub(crate) async fn send(
        &mut self,
        builder: Builder,
        body: impl Into<Bytes>,
    ) -> io::Result<Response<Incoming>> {
        let request = builder.header(HOST, self.address.to_string()).body(Full::new(body.into()));
        // The connection's task may not have finished the last response yet.
        self.sender.ready().await.map_err(protocol_error)?;
        self.sender.send_request(request.map_err(protocol_error)?).await.map_err(protocol_error)
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn request(
        &mut self,
        builder: Builder,
        body: impl Into<Bytes>,
    ) -> io::Result<(StatusCode, String)> {
        let response = self.send(builder, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(protocol_error)?.to_bytes();
        Ok((status, String::from_utf8(body.into()).map_err(protocol_error)?))
    }
}
