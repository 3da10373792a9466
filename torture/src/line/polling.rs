//! The long-polling transport, and the upgrade from it: one HTTP/1.1 connection that waits for
//! packets, another that brings ours.

use std::{io, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Ends, Handshake, Line, PATH, broken, dial, websocket};

/// What stands between two packets of one body.
const SEPARATOR: char = '\u{1e}';

/// Opens a session over long-polling.
pub(super) async fn open(address: SocketAddr) -> io::Result<Line> {
    let stream = dial(address).await?;
    let (mut line, Ends { told, mut orders }) = Line::new(&stream)?;
    let mut waiting = Http::open(address, stream, &mut line).await?;
    let handshake = waiting.get("").await?;
    let session = format!("&sid={}", Handshake::read(&handshake)?.sid);
    let stream = dial(address).await?;
    line.sockets.push(socket2::SockRef::from(&stream).try_clone()?);
    let mut bringing = Http::open(address, stream, &mut line).await?;
    told.send(handshake).await.map_err(broken)?;
    let polled = session.clone();
    line.tasks.spawn(async move {
        while let Ok(body) = waiting.get(&polled).await {
            for packet in body.split(SEPARATOR) {
                if told.send(packet.to_owned()).await.is_err() {
                    return;
                }
            }
        }
    });
    line.tasks.spawn(async move {
        while let Some(packets) = orders.recv().await {
            let body = packets.join(SEPARATOR.encode_utf8(&mut [0; 4]));
            if bringing.post(&session, body).await.is_err() {
                return;
            }
        }
    });
    Ok(line)
}

/// Opens a session over long-polling and changes to WebSocket at once.
pub(super) async fn upgrade(address: SocketAddr) -> io::Result<Line> {
    let stream = dial(address).await?;
    let (mut line, ends) = Line::new(&stream)?;
    let mut waiting = Http::open(address, stream, &mut line).await?;
    let handshake = waiting.get("").await?;
    let session = format!("&sid={}", Handshake::read(&handshake)?.sid);
    let stream = dial(address).await?;
    line.local = stream.local_addr()?;
    line.sockets.push(socket2::SockRef::from(&stream).try_clone()?);
    let (last_poll, probed) = tokio::join!(waiting.get(&session), async {
        let mut socket = websocket::handshake(address, stream, &session).await?;
        socket.send(Message::text("2probe")).await.map_err(broken)?;
        match socket.next().await {
            Some(Ok(answer)) if answer == Message::text("3probe") => Ok(socket),
            _ => Err(broken("the probe was not answered")),
        }
    });
    // The server ends the last poll when the upgrade begins; only then may we confirm it.
    let last_poll = last_poll?;
    let mut socket = probed?;
    socket.send(Message::text("5")).await.map_err(broken)?;
    // The first ping may have come with it, and wants its answer.
    for packet in std::iter::once(handshake.as_str()).chain(last_poll.split(SEPARATOR)) {
        ends.told.send(packet.to_owned()).await.map_err(broken)?;
    }
    websocket::carry(&mut line, ends, socket);
    Ok(line)
}

/// One HTTP/1.1 connection, used for one request after the other.
struct Http {
    address: SocketAddr,
    requests: SendRequest<Full<Bytes>>,
}

impl Http {
    async fn open(address: SocketAddr, stream: TcpStream, line: &mut Line) -> io::Result<Http> {
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        line.tasks.spawn(async move {
            // A connection that breaks fails the request that is under way.
            let _ = connection.await;
        });
        Ok(Http { address, requests })
    }

    async fn get(&mut self, query: &str) -> io::Result<String> {
        self.request(Request::get(url(query)), Bytes::new()).await
    }

    async fn post(&mut self, query: &str, body: String) -> io::Result<String> {
        let request = Request::post(url(query)).header(CONTENT_TYPE, "text/plain; charset=UTF-8");
        self.request(request, body.into()).await
    }

    async fn request(&mut self, request: hyper::http::request::Builder, body: Bytes) -> io::Result<String> {
        let request = request.header(HOST, self.address.to_string()).body(Full::new(body));
        // The end of the last answer may still be on its way through the connection's task.
        self.requests.ready().await.map_err(broken)?;
        let response = self.requests.send_request(request.map_err(broken)?).await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(broken(format!("the server answered {}", response.status())));
        }
        let body = response.into_body().collect().await.map_err(broken)?.to_bytes();
        String::from_utf8(body.into()).map_err(broken)
    }
}

fn url(query: &str) -> String {
    format!("{PATH}&transport=polling{query}")
}
