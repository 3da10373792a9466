//! The long-polling transport, and the upgrade from it: one HTTP/1.1 connection that waits for
//! packets, another that brings ours.

use std::{io, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use hyper::{Request, StatusCode, header::CONTENT_TYPE, http::request::Builder};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Ends, Handshake, Line, PATH, broken, dial, websocket};
use crate::http::Http;

/// What stands between two packets of one body.
const SEPARATOR: char = '\u{1e}';

/// Opens a session over long-polling.
pub(super) async fn open(address: SocketAddr) -> io::Result<Line> {
    let stream = dial(address).await?;
    let (mut line, Ends { told, mut orders }) = Line::new(&stream)?;
    let mut waiting = Polls::open(address, stream, &mut line).await?;
    let handshake = waiting.get("").await?;
    let session = format!("&sid={}", Handshake::read(&handshake)?.sid);
    let stream = dial(address).await?;
    line.sockets.push(socket2::SockRef::from(&stream).try_clone()?);
    let mut bringing = Polls::open(address, stream, &mut line).await?;
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
    let mut waiting = Polls::open(address, stream, &mut line).await?;
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

/// One connection of a session.
struct Polls(Http);

impl Polls {
    async fn open(address: SocketAddr, stream: TcpStream, line: &mut Line) -> io::Result<Polls> {
        Http::over(stream, address, &mut line.tasks).await.map(Polls)
    }

    async fn get(&mut self, query: &str) -> io::Result<String> {
        self.ask(Request::get(url(query)), String::new()).await
    }

    async fn post(&mut self, query: &str, body: String) -> io::Result<String> {
        self.ask(Request::post(url(query)).header(CONTENT_TYPE, "text/plain; charset=UTF-8"), body).await
    }

    async fn ask(&mut self, request: Builder, body: String) -> io::Result<String> {
        match self.0.ask(request, body).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) => Err(broken(format!("the server answered {status}"))),
        }
    }
}

fn url(query: &str) -> String {
    format!("{PATH}&transport=polling{query}")
}
