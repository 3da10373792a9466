//! HTTP/1.1 requests to one server, over one connection as long as that lives.

use std::time::Duration;

use anyhow::{Context, anyhow};
use common::event::Refused;
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

use super::Fault;
use crate::cli::{Secret, address::Address};

/// How long a server may take to let us in and to begin its answer, each.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer: a page of 200 short messages, or of a few long ones, is far below.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The cookies in which a server gives a browser its token.
pub(super) const COOKIES: [&str; 2] = ["madang", "__Host-madang"];

/// Somebody who makes requests.
pub(super) struct Requester {
    address: Address,
    token: Option<Secret>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Requester {
    pub(super) fn new(address: Address, token: Option<Secret>) -> Requester {
        Requester { address, token, connection: None }
    }

    /// The same person, over a connection of its own.
    pub(super) fn another(&self) -> Requester {
        Requester::new(self.address.clone(), self.token.clone())
    }

    /// Makes the requests that follow as this person, or as nobody.
    pub(super) fn go_as(&mut self, token: Option<Secret>) {
        self.token = token;
    }

    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Fault> {
        let answer = self.open(Method::GET, path, &[], Vec::new()).await?;
        read(answer).await.map(|(_, value)| value)
    }

    /// Posts JSON; the answer with its headers.
    pub(super) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        json: Vec<u8>,
    ) -> Result<(HeaderMap, T), Fault> {
        let json_type = [(header::CONTENT_TYPE, "application/json".to_owned())];
        read(self.open(Method::POST, path, &json_type, json).await?).await
    }

    /// Makes a request and hands out the answer as soon as it begins.
    pub(super) async fn open(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, Fault> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::HOST, self.address.host());
        if let Some(token) = &self.token {
            let token = token.reveal();
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            // Who one is and by which name is asked and said as a browser does it.
            request =
                request.header(header::COOKIE, COOKIES.map(|name| format!("{name}={token}")).join("; "));
        }
        request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(Full::from(Bytes::from(body))).context("making a request")?;
        if let Some(connection) = self.kept_connection().await {
            match self.send(connection, request.clone()).await? {
                Ok(answer) => return Ok(answer),
                // It may have been ended, for idleness, while we asked. Everything that is asked may
                // be asked twice: what is said has a `cid`.
                Err(error) if is_over(&error) => {}
                Err(error) => return Err(self.lost(error).into()),
            }
        }
        let connection = self.connect().await?;
        let answer = self.send(connection, request).await?;
        Ok(answer.map_err(|error| self.lost(error))?)
    }

    async fn send(
        &mut self,
        mut connection: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<hyper::Result<Response<Incoming>>> {
        let answer = timeout(PATIENCE, connection.send_request(request)).await;
        let answer = answer.map_err(|_| anyhow!("{} does not answer", self.address))?;
        if answer.is_ok() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    fn lost(&self, error: hyper::Error) -> anyhow::Error {
        // Something was said before it was asked for, or in other words; or it was hung up at once.
        if error.is_parse() || error.is_canceled() {
            return anyhow!("{} does not answer in HTTP; is it a door of another kind?", self.address);
        }
        anyhow::Error::from(error).context(format!("asking {}", self.address))
    }

    async fn kept_connection(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let mut connection = self.connection.take()?;
        connection.ready().await.is_ok().then_some(connection)
    }

    async fn connect(&mut self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let reaching = timeout(PATIENCE, TcpStream::connect(self.address.authority())).await;
        let reached = reaching.map_err(|_| anyhow!("it does not answer")).and_then(|stream| Ok(stream?));
        let stream = reached.with_context(|| format!("connecting to {}", self.address))?;
        stream.set_nodelay(true)?;
        let (connection, work) = http1::handshake(TokioIo::new(stream)).await?;
        // Its errors are those of the requests over it.
        tokio::spawn(work);
        Ok(connection)
    }
}

/// Whether the connection ended before the answer began.
fn is_over(error: &hyper::Error) -> bool {
    error.is_canceled() || error.is_closed() || error.is_incomplete_message()
}

/// The whole answer: what was asked for, or the refusal.
async fn read<T: DeserializeOwned>(answer: Response<Incoming>) -> Result<(HeaderMap, T), Fault> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = timeout(PATIENCE, Limited::new(answer.into_body(), MAX_ANSWER).collect()).await;
    let body = body.map_err(|_| anyhow!("the answer does not end"))?;
    let body = body.map_err(|error| anyhow!("reading the answer: {error}"))?.to_bytes();
    if status.is_success() {
        let value = serde_json::from_slice(&body).context("reading the answer; is that a Madang?")?;
        return Ok((headers, value));
    }
    if status.is_redirection() {
        return Err(Fault::Lost(anyhow!("the server sends us elsewhere; https is not supported yet")));
    }
    match serde_json::from_slice::<Refused>(&body) {
        Ok(refused) => Err(Fault::Refused(refused.error)),
        Err(_) => Err(Fault::Lost(anyhow!("the answer was {status}; is that a Madang?"))),
    }
}

/// What an answer that should have been a stream says instead.
pub(super) async fn refused(answer: Response<Incoming>) -> Fault {
    read::<serde::de::IgnoredAny>(answer).await.err().unwrap_or_else(|| anyhow!("it is no stream").into())
}
