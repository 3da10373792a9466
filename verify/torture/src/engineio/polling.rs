//! The long-polling transport, and the upgrade from it: one HTTP/1.1 connection polls for packets, another
//! posts ours.

use std::{io, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use hyper::{Request, StatusCode, header::CONTENT_TYPE, http::request::Builder};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::{EngineChannels, EngineConnection, Handshake, PATH, websocket};
use crate::{
    http::HttpConnection,
    net::{dial, protocol_error},
};

/// Separates the packets in a body.
const SEPARATOR: char = '\u{1e}';

/// Opens a session over long-polling.
pub(super) async fn open(address: SocketAddr) -> io::Result<EngineConnection> {
    let stream = dial(address).await?;
    let (mut connection, EngineChannels { received, mut to_send }) = EngineConnection::new(&stream)?;
    let mut poll_connection = PollingConnection::open(address, stream, &mut connection).await?;
    let handshake = poll_connection.get("").await?;
    let session_query = format!("&sid={}", Handshake::parse(&handshake)?.sid);
    let stream = dial(address).await?;
    connection.sockets.push(socket2::SockRef::from(&stream).try_clone()?);
    let mut post_connection = PollingConnection::open(address, stream, &mut connection).await?;
    received.send(handshake).await.map_err(protocol_error)?;
    let poll_query = session_query.clone();
    connection.tasks.spawn(async move {
        while let Ok(body) = poll_connection.get(&poll_query).await {
            for packet in body.split(SEPARATOR) {
                if received.send(packet.to_owned()).await.is_err() {
                    return;
                }
            }
        }
    });
    connection.tasks.spawn(async move {
        while let Some(packets) = to_send.recv().await {
            let body = packets.join(SEPARATOR.encode_utf8(&mut [0; 4]));
            if post_connection.post(&session_query, body).await.is_err() {
                return;
            }
        }
    });
    Ok(connection)
}

/// Opens a session over long-polling and upgrades it to a WebSocket at once.
pub(super) async fn upgrade(address: SocketAddr) -> io::Result<EngineConnection> {
    let stream = dial(address).await?;
    let (mut connection, ends) = EngineConnection::new(&stream)?;
    let mut poll_connection = PollingConnection::open(address, stream, &mut connection).await?;
    let handshake = poll_connection.get("").await?;
    let session_query = format!("&sid={}", Handshake::parse(&handshake)?.sid);
    let stream = dial(address).await?;
    connection.local_address = stream.local_addr()?;
    connection.sockets.push(socket2::SockRef::from(&stream).try_clone()?);
    let (last_poll, probed) = tokio::join!(poll_connection.get(&session_query), async {
        let mut socket = websocket::handshake(address, stream, &session_query).await?;
        socket.send(Message::text("2probe")).await.map_err(protocol_error)?;
        match socket.next().await {
            Some(Ok(answer)) if answer == Message::text("3probe") => Ok(socket),
            _ => Err(protocol_error("the probe was not answered")),
        }
    });
    // The server ends the last poll when the upgrade begins; it may be confirmed only afterwards.
    let last_poll = last_poll?;
    let mut socket = probed?;
    socket.send(Message::text("5")).await.map_err(protocol_error)?;
    // The last poll may have brought the first ping, which needs its pong.
    for packet in std::iter::once(handshake.as_str()).chain(last_poll.split(SEPARATOR)) {
        ends.received.send(packet.to_owned()).await.map_err(protocol_error)?;
    }
    websocket::run(&mut connection, ends, socket);
    Ok(connection)
}

/// One HTTP connection of a session.
struct PollingConnection(HttpConnection);

impl PollingConnection {
    async fn open(
        address: SocketAddr,
        stream: TcpStream,
        connection: &mut EngineConnection,
    ) -> io::Result<PollingConnection> {
        HttpConnection::handshake(stream, address, &mut connection.tasks).await.map(PollingConnection)
    }

    async fn get(&mut self, query: &str) -> io::Result<String> {
        self.request(Request::get(url(query)), String::new()).await
    }

    async fn post(&mut self, query: &str, body: String) -> io::Result<String> {
        self.request(Request::post(url(query)).header(CONTENT_TYPE, "text/plain; charset=UTF-8"), body).await
    }

    async fn request(&mut self, request: Builder, body: String) -> io::Result<String> {
        match self.0.request(request, body).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) => Err(protocol_error(format!("the server answered {status}"))),
        }
    }
}

fn url(query: &str) -> String {
    format!("{PATH}&transport=polling{query}")
}
