//! Sends HTTP/1.1 requests to one server, and reuses the connection while it is open.

use std::time::Duration;

use anyhow::{Context, anyhow};
use common::protocol::reply::ErrorReply;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{self, HeaderName},
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::{net::TcpStream, time::timeout};

use super::ClientError;
use crate::cli::{Secret, address::Address};

/// The timeout for connecting, for the start of a response and for its body, each.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest response. A page of 200 short messages or of a few long ones is far shorter.
const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// The names of the cookie in which a server stores a browser's token.
pub(super) const TOKEN_COOKIES: [&str; 2] = ["madang", "__Host-madang"];

/// An HTTP client for one server with one identity.
pub(super) struct HttpClient {
    address: Address,
    token: Option<Secret>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl HttpClient {
    pub(super) fn new(address: Address, token: Option<Secret>) -> HttpClient {
        HttpClient { address, token, connection: None }
    }

    /// Makes a client with the same identity and a connection of its own.
    pub(super) fn with_new_connection(&self) -> HttpClient {
        HttpClient::new(self.address.clone(), self.token.clone())
    }

    /// Sets the token of the following requests; `None` for no identity.
    pub(super) fn set_token(&mut self, token: Option<Secret>) {
        self.token = token;
    }

    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ClientError> {
        let response = self.open(Method::GET, path, &[], Vec::new()).await?;
        read_response(response).await.map(|(_, value)| value)
    }

    /// Posts JSON and returns the response with its headers.
    pub(super) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        json: Vec<u8>,
    ) -> Result<(HeaderMap, T), ClientError> {
        let json_type = [(header::CONTENT_TYPE, "application/json".to_owned())];
        read_response(self.open(Method::POST, path, &json_type, json).await?).await
    }

    /// Sends a request and returns the response once its headers have arrived.
    pub(super) async fn open(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, ClientError> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::HOST, self.address.host_header());
        if let Some(token) = &self.token {
            let token = token.reveal();
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            // `/api/me` identifies the sender by the browser's cookie.
            request = request
                .header(header::COOKIE, TOKEN_COOKIES.map(|name| format!("{name}={token}")).join("; "));
        }
        request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(Full::from(Bytes::from(body))).context("making a request")?;
        if let Some(connection) = self.take_idle_connection().await {
            match self.send(connection, request.clone()).await? {
                Ok(response) => return Ok(response),
                // The server may have closed the idle connection at the same time. Every request can be
                // sent twice: messages have a `cid`.
                Err(error) if is_closed_before_response(&error) => {}
                Err(error) => return Err(self.request_error(error).into()),
            }
        }
        let connection = self.connect().await?;
        let response = self.send(connection, request).await?;
        Ok(response.map_err(|error| self.request_error(error))?)
    }

    async fn send(
        &mut self,
        mut connection: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<hyper::Result<Response<Incoming>>> {
        let response = timeout(TIMEOUT, connection.send_request(request)).await;
        let response = response.map_err(|_| anyhow!("{} does not answer", self.address))?;
        if response.is_ok() {
            self.connection = Some(connection);
        }
        Ok(response)
    }

    fn request_error(&self, error: hyper::Error) -> anyhow::Error {
        // The peer sent data before the request, sent something other than HTTP, or closed at once.
        if error.is_parse() || error.is_canceled() {
            return anyhow!("{} does not answer in HTTP; is it a door of another kind?", self.address);
        }
        anyhow::Error::from(error).context(format!("asking {}", self.address))
    }

    /// Takes the connection of an earlier request, if it is still open.
    async fn take_idle_connection(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let mut connection = self.connection.take()?;
        connection.ready().await.is_ok().then_some(connection)
    }

    async fn connect(&mut self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let connecting = timeout(TIMEOUT, TcpStream::connect(self.address.authority())).await;
        let connected = connecting.map_err(|_| anyhow!("it does not answer")).and_then(|stream| Ok(stream?));
        let stream = connected.with_context(|| format!("connecting to {}", self.address))?;
        stream.set_nodelay(true)?;
        let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
        // Its errors are also returned by the requests on this connection.
        tokio::spawn(driver);
        Ok(connection)
    }
}

/// Whether the connection was closed before the response began.
fn is_closed_before_response(error: &hyper::Error) -> bool {
    error.is_canceled() || error.is_closed() || error.is_incomplete_message()
}

/// Reads the whole response: its value, or the refusal.
async fn read_response<T: DeserializeOwned>(
    response: Response<Incoming>,
) -> Result<(HeaderMap, T), ClientError> {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = timeout(TIMEOUT, Limited::new(response.into_body(), MAX_RESPONSE_BYTES).collect()).await;
    let body = body.map_err(|_| anyhow!("the answer does not end"))?;
    let body = body.map_err(|error| anyhow!("reading the answer: {error}"))?.to_bytes();
    if status.is_success() {
        let value = serde_json::from_slice(&body).context("reading the answer; is that a Madang?")?;
        return Ok((headers, value));
    }
    if status.is_redirection() {
        return Err(ClientError::Connection(anyhow!(
            "the server sends us elsewhere; https is not supported yet"
        )));
    }
    match serde_json::from_slice::<ErrorReply>(&body) {
        Ok(reply) => Err(ClientError::Refused(reply.error)),
        Err(_) => Err(ClientError::Connection(anyhow!("the answer was {status}; is that a Madang?"))),
    }
}

/// Reads the error from a response that should have been an event stream.
pub(super) async fn stream_error(response: Response<Incoming>) -> ClientError {
    read_response::<serde::de::IgnoredAny>(response)
        .await
        .err()
        .unwrap_or_else(|| anyhow!("it is no stream").into())
}
